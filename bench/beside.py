"""What the benchmarks of machines share: the project's tools, and who is run beside whom."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "machine"))


def tool(name, *arguments):
    """What tools/NAME prints, or None when it fails."""
    run = subprocess.run([sys.executable, os.path.join(ROOT, "tools", name), *arguments], text=True,
                         stdout=subprocess.PIPE, check=False)
    return run.stdout.strip() if not run.returncode else None


def runners(options):
    """The commands by name: "ours", and "peer" when it is wanted and can be had."""
    commands = {"ours": [os.path.join(options.build, "myna"), "qemu-system-aarch64"]}
    peer = None if options.without_peer else tool("peer-system", "aarch64", "--dir", options.build)
    if peer:
        commands["peer"] = peer.split()
    elif not options.without_peer:
        print("SKIPPED the peer: it could not be fetched")
    return commands
