#!/usr/bin/env python3
"""Speed of whole machines: ours beside the peer's translator, same kernel and RAM disk, in turn in one run.

machine.py [--build build] [--rounds 3] [--cpu cortex-a57] [--smp 1] [--idle 30] [--without-peer]

Time to shell is from the start of the process to the first line of init; the work (tests/machine/init)
takes its own times inside. Figures are medians; the last line is the geometric mean. `rss MB` is the most memory
that boot and work took, `above MB` what is resident after them beside the guest's RAM, `idle %` the share of a host
core that a guest at its shell's prompt takes, looked at once for --idle seconds. Details go to
BUILD/bench/machine.json."""

import argparse
import json
import math
import os
import re
import statistics
import sys
import time

from beside import runners, tool
from console import Machine, Timeout

WORK = ("sha256", "gzip", "awk", "fork", "sort", "shell")
RAM = 512  # MB


def boot(command, options, guest, what):
    return [*command, "-M", "virt", "-cpu", options.cpu, "-smp", str(options.smp), "-m", str(RAM), "-nographic",
            "-no-reboot", "-kernel", os.path.join(guest, "vmlinuz"), "-initrd", os.path.join(guest, "initrd.gz"),
            "-append", f"console=ttyAMA0 quiet myna={what}"]


def measure(command, options, guest, log):
    """One boot and its work: {name: seconds, "output": {...}}."""
    times, output = {}, {}
    with Machine(boot(command, options, guest, "work"), log) as machine:
        machine.wait(r"MYNA: init", 120)
        times["shell"] = machine.elapsed()
        for name in WORK:
            found = machine.wait(rf"MYNA: {name} (\d+) (\d+) (.*)\n", 300)
            times["loop" if name == "shell" else name] = int(found[1]) / 100
            output[name] = found[3]
        with open(f"/proc/{machine.process.pid}/status", encoding="ascii") as status:
            times["rss MB"] = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024
        times["above MB"] = above_ram(machine.process.pid)
        machine.wait(r"MYNA: done", 60)
        machine.end()
    return times, output


def above_ram(pid):
    """Resident memory but that of the guest's RAM, the mapping of its very size."""
    total, ram = 0, False
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as maps:
        for line in maps:
            bounds = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
            if bounds:
                ram = int(bounds[2], 16) - int(bounds[1], 16) == RAM << 20
            elif line.startswith("Rss:") and not ram:
                total += int(line.split()[1])
    return total / 1024


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(command, options, guest, log):
    """Percent of a host core while the guest's shell waits for a key."""
    with Machine(boot(command, options, guest, "shell"), log) as machine:
        machine.wait(r"# ", 120)
        time.sleep(8)  # the kernel has some late work
        start, before = time.monotonic(), cpu_seconds(machine.process.pid)
        time.sleep(options.idle)
        return 100 * (cpu_seconds(machine.process.pid) - before) / (time.monotonic() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", default="cortex-a57")
    parser.add_argument("--smp", type=int, default=1)
    parser.add_argument("--idle", type=float, default=30)
    parser.add_argument("--without-peer", action="store_true")
    options = parser.parse_args()
    guest = tool("guest", "arm64", "kernel", "--dir", options.build)
    if not guest:
        print("SKIPPED: the kernel could not be fetched")
        return 0
    commands = runners(options)
    results = {name: [] for name in commands}
    outputs = set()
    os.makedirs(os.path.join(options.build, "bench"), exist_ok=True)
    for _ in range(options.rounds):
        for name, command in commands.items():
            log = os.path.join(options.build, "bench", f"machine-{name}.log")
            try:
                times, output = measure(command, options, guest, log)
            except Timeout as error:
                print(f"{name}: {error}")
                return 1
            results[name].append(times)
            outputs.add(json.dumps(output, sort_keys=True))
    names = list(results["ours"][0])
    median = {who: {name: statistics.median(run[name] for run in runs) for name in names}
              for who, runs in results.items()}
    if options.idle:
        names.append("idle %")
        for who, command in commands.items():
            log = os.path.join(options.build, "bench", f"machine-{who}-idle.log")
            try:
                median[who]["idle %"] = idle(command, options, guest, log)
            except Timeout as error:
                print(f"{who}: {error}")
                return 1
    print(f"\nDebian arm64 on `virt`, {options.cpu}, {options.smp} cpu\n{'':10}" +
          "".join(f"{who:>10}" for who in commands) + f"{'peer/ours':>12}")
    logs = []
    for name in names:
        row = [median[who][name] for who in commands]
        line = f"{name:10}" + "".join(f"{value:10.2f}" for value in row)
        if "peer" in commands and row[0]:
            line += f"{row[1] / row[0]:12.2f}"
            if name not in ("shell", "rss MB", "above MB", "idle %"):
                logs.append(math.log(row[1] / row[0]))
        print(line)
    if logs:
        print(f"work, geometric mean: {math.exp(sum(logs) / len(logs)):.2f} times the peer's speed")
    with open(os.path.join(options.build, "bench", "machine.json"), "w", encoding="utf-8") as out:
        json.dump({"options": vars(options), "results": results, "median": median}, out, indent=1)
    if len(outputs) > 1:
        print("the machines' outputs differ:\n" + "\n".join(sorted(outputs)))
        return 1
    return 0


sys.exit(main())
