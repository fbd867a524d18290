#!/usr/bin/env python3
"""Throughput of virtio-blk and of the user-mode network: ours beside the peer's, in turn in one run.

io.py [--build build] [--rounds 3] [--seconds 2] [--megabytes 64] [--without-peer]

The guest runs bench/io.c: sequential (1 MB) and random (4 KB, one at a time) reads and writes past its cache on a raw
image in the host's page cache, and a TCP stream each way to a server on the host. MB/s, medians. Details go
to BUILD/bench/io.json."""

import argparse
import gzip
import importlib.util
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
from importlib.machinery import SourceFileLoader

from beside import ROOT, runners, tool
from console import Machine, Timeout

NAMES = ("seqread", "seqwrite", "randread", "randwrite", "receive", "send")
DISK_MB = 256


def archive(name, data):
    """One executable file as a RAM disk's archive, to be put behind another."""
    path = os.path.join(ROOT, "tools", "guest")
    guest = importlib.util.module_from_spec(importlib.util.spec_from_loader("guest", SourceFileLoader("guest", path)))
    guest.__spec__.loader.exec_module(guest)
    cpio = guest.Cpio()
    cpio.file(name, data, 0o755)
    return gzip.compress(cpio.pack(), 1)


def serve(listener, size):
    """One guest: gives it `size` bytes, takes as many, says so."""
    peer, _ = listener.accept()
    with peer:
        block = bytes(1 << 20)
        for _ in range(size >> 20):
            peer.sendall(block)
        left = size
        while left:
            got = peer.recv(min(left, 1 << 20))
            if not got:
                return
            left -= len(got)
        peer.sendall(b".")


def measure(command, options, files, log):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=serve, args=(listener, options.megabytes << 20), daemon=True).start()
        run = f"/io+disk+/dev/vda+{options.seconds};/io+net+10.0.2.2+{port}+{options.megabytes}"
        command = [*command, "-M", "virt", "-cpu", "cortex-a57", "-m", "512", "-nographic", "-no-reboot",
                   "-kernel", files["kernel"], "-initrd", files["initrd"],
                   "-append", f"console=ttyAMA0 quiet myna=run:{run}",
                   "-drive", f"file={files['disk']},if=virtio,format=raw,cache=writeback",
                   "-nic", "user,model=virtio-net-pci"]
        with Machine(command, log) as machine:
            result = {}
            machine.wait(r"MYNA: init", 120)
            for name in NAMES:
                result[name] = float(machine.wait(rf"MYNA: {name} ([\d.]+)\n", 120)[1])
            machine.wait(r"MYNA: done", 60)
            machine.end()
    return result


def prepare(options, guest):
    out = os.path.join(options.build, "bench")
    os.makedirs(out, exist_ok=True)
    files = {"kernel": os.path.join(guest, "vmlinuz"), "initrd": os.path.join(out, "io.initrd"),
             "disk": os.path.join(out, "io.raw")}
    program = os.path.join(out, "io")
    subprocess.run(["aarch64-linux-gnu-gcc", "-O2", "-static", "-o", program, os.path.join(ROOT, "bench", "io.c")],
                   check=True)
    shutil.copyfile(os.path.join(guest, "initrd.gz"), files["initrd"])
    with open(program, "rb") as code, open(files["initrd"], "ab") as initrd:
        initrd.write(archive("io", code.read()))
    with open(files["disk"], "wb") as disk:
        for _ in range(DISK_MB):
            disk.write(os.urandom(1 << 20))
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--without-peer", action="store_true")
    options = parser.parse_args()
    guest = tool("guest", "arm64", "kernel", "--dir", options.build)
    if not guest or not shutil.which("aarch64-linux-gnu-gcc"):
        print("SKIPPED: no kernel, or no aarch64-linux-gnu-gcc")
        return 0
    commands = runners(options)
    files = prepare(options, guest)
    results = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            log = os.path.join(options.build, "bench", f"io-{name}.log")
            try:
                results[name].append(measure(command, options, files, log))
            except Timeout as error:
                print(f"{name}: {error}")
                return 1
    print("\nvirtio-blk and user network, MB/s\n" + f"{'':10}" + "".join(f"{who:>10}" for who in commands) + f"{'ours/peer':>12}")
    for name in NAMES:
        row = [statistics.median(run[name] for run in results[who]) for who in commands]
        line = f"{name:10}" + "".join(f"{value:10.1f}" for value in row)
        if "peer" in commands and row[1]:
            line += f"{row[0] / row[1]:12.2f}"
        print(line)
    with open(os.path.join(options.build, "bench", "io.json"), "w", encoding="utf-8") as out:
        json.dump({"options": vars(options), "results": results}, out, indent=1)
    os.unlink(files["disk"])
    return 0


sys.exit(main())
