#!/usr/bin/env python3
"""Speed of guest programs: ours, native and the peer (newest qemu-user), in turn in one run.

run.py [--build build] [--table kernels|programs|all] [--arch arm64,riscv64] [--rounds 3]
       [--only fib,nbody] [--without-peer] [--myna build/myna] [--myna-args "..."]

Table 1, kernels: one C file each (bench/kernels), compiled -O2 or -O3 static by the same compiler
version for host and guest; each takes its own time. Table 2, programs: Debian's real programs from
the sysroot, processor time of the whole process. Runs go round by round through all contestants,
so that a disturbance hits all; figures are medians. Outputs must agree. The last lines are the
geometric means; details go to BUILD/bench/results.json. Exit status 1 when an output is wrong."""

import argparse
import json
import math
import os
import shlex
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "bench"), os.path.join(ROOT, "tools")]
import measure
import programs

KERNELS = os.path.join(ROOT, "bench", "kernels")
ARCHES = {"arm64": ("aarch64-linux-gnu-", "qemu-aarch64"),
          "riscv64": ("riscv64-linux-gnu-", "qemu-riscv64")}


def kernel_table():
    with open(os.path.join(ROOT, "bench", "kernels.txt"), encoding="utf-8") as lines:
        rows = [line.split(None, 2) for line in lines if line.strip() and line[0] != "#"]
    return [(name, flag) for name, flag, _ in rows]


def compile_kernel(name, flag, prefix, folder):
    """Compiles when the source is newer; returns the program."""
    source = os.path.join(KERNELS, name + ".c")
    program = os.path.join(folder, f"{name}.{prefix or 'native-'}{flag[1:]}")
    newest = max(os.path.getmtime(f) for f in (source, os.path.join(KERNELS, "bench.h")))
    if not os.path.exists(program) or os.path.getmtime(program) < newest:
        subprocess.run([prefix + "gcc", flag, "-static", "-o", program, source, "-lm"], check=True)
    return program


def run_kernel(command):
    """One run: {"sum", "exact", "time" in s} or {"error"}."""
    run = measure.run(command)
    words = run.output.split()
    if run.status or len(words) != 3:
        return {"error": run.describe()}
    return {"sum": words[0], "exact": words[1], "time": int(words[2]) / 1e9}


def run_program(command, folder):
    run = measure.run(command, cwd=folder)
    if run.status:
        return {"error": run.describe()}
    return {"sum": run.digest(), "exact": None, "time": run.cpu}


class Contest:
    """One workload run by several contestants, round by round."""

    def __init__(self, name, commands, once):
        self.name, self.commands, self.once = name, commands, once
        self.times = {who: [] for who in commands}
        self.first, self.errors = {}, []

    def round(self):
        for who, command in self.commands.items():
            if any(e.startswith(who + ":") for e in self.errors):
                continue
            result = self.once(command)
            if "error" in result:
                self.errors.append(f"{who}: {result['error']}")
                continue
            self.times[who].append(result["time"])
            self.first.setdefault(who, result)

    def check(self):
        """All sums agree; the same executable gives the same bits."""
        sums = {who: r["sum"] for who, r in self.first.items()}
        if len(set(sums.values())) > 1:
            self.errors.append("outputs differ: " + ", ".join(f"{w} {s}" for w, s in sums.items()))
        bits = {r["exact"] for w, r in self.first.items() if w != "native"}
        if len(bits) > 1:
            self.errors.append(f"bits differ: {bits}")

    def median(self, who):
        return statistics.median(self.times[who]) if self.times.get(who) else None


def ratio(a, b):
    return a / b if a and b else None


def cell(value, form):
    return ("-" if value is None else form.format(value)).rjust(11)


def mean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def print_table(title, contests):
    print(f"\n{title}\n{'':12}{'native':>11}{'ours':>11}{'peer':>11}"
          f"{'ours/nat.':>11}{'peer/nat.':>11}{'peer/ours':>11}")
    columns = [[], [], []]
    for contest in contests:
        native, ours, peer = (contest.median(w) for w in ("native", "ours", "peer"))
        ratios = [ratio(ours, native), ratio(peer, native), ratio(peer, ours)]
        for column, value in zip(columns, ratios):
            column.append(value)
        print(f"{contest.name:12}" + "".join(cell(v, "{:.3f} s") for v in (native, ours, peer)) +
              "".join(cell(v, "{:.2f}") for v in ratios))
        for error in contest.errors:
            print(f"    WRONG {error}")
    print(f"{'geom. mean':12}{'':33}" + "".join(cell(mean(c), "{:.2f}") for c in columns),
          flush=True)


def contestants(options, arch, native, guest, sysroot=None):
    prefix = ["-L", sysroot] if sysroot else []
    runners = {"ours": [options.myna, "exec", *shlex.split(options.myna_args), *prefix]}
    if options.peer:
        runners["peer"] = [os.path.join(options.peer, ARCHES[arch][1]), *prefix]
    commands = {"native": [word for word in native if word != programs.SELF]} if native else {}
    for who, runner in runners.items():
        commands[who] = runner + [part for word in guest
                                  for part in (runner if word == programs.SELF else [word])]
    return commands


def bench_kernels(options, arch, folder):
    contests = []
    for name, flag in kernel_table():
        if options.only and name not in options.only:
            continue
        native = compile_kernel(name, flag, "", folder)
        guest = compile_kernel(name, flag, ARCHES[arch][0], folder)
        contests.append(Contest(name, contestants(options, arch, [native], [guest]), run_kernel))
    return contests


def bench_programs(options, arch, folder):
    sysroot = os.path.join(options.build, f"sysroot-{arch}")
    if not os.path.isdir(sysroot):
        print(f"SKIPPED programs of {arch}: no {sysroot} (tools/sysroot {arch} full)")
        return []
    contests = []
    for work in programs.workloads(arch, sysroot, folder):
        if options.only and work.name not in options.only:
            continue
        commands = contestants(options, arch, work.native, work.guest, sysroot)
        contests.append(Contest(work.name, commands, lambda c: run_program(c, folder)))
    return contests


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--table", choices=("kernels", "programs", "all"), default="all")
    parser.add_argument("--arch", default="arm64,riscv64")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--myna")
    parser.add_argument("--myna-args", default="")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    options.myna = os.path.abspath(options.myna or os.path.join(options.build, "myna"))
    options.only = set(filter(None, options.only.split(",")))
    options.peer = None
    if not options.without_peer:
        options.peer = subprocess.run(
            [sys.executable, os.path.join(ROOT, "tools", "peer"), "--dir", options.build],
            text=True, stdout=subprocess.PIPE, check=False).stdout.strip() or None
        if not options.peer:
            print("SKIPPED the peer: it could not be fetched")
    return options


def main():
    options = parse()
    folder = os.path.join(options.build, "bench")
    os.makedirs(folder, exist_ok=True)
    results, wrong = [], 0
    for arch in options.arch.split(","):
        for table, make in (("kernels", bench_kernels), ("programs", bench_programs)):
            if options.table not in (table, "all"):
                continue
            # Those of riscv64 come from another Debian release and have no twins: only when asked.
            if table == "programs" and arch != "arm64" and options.table == "all":
                continue
            contests = make(options, arch, folder)
            for number in range(options.rounds):
                for contest in contests:
                    print(f"\r{arch} {table} round {number + 1}: {contest.name:12}", end="",
                          file=sys.stderr, flush=True)
                    contest.round()
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
            for contest in contests:
                contest.check()
                wrong += len(contest.errors)
                results.append({"arch": arch, "table": table, "name": contest.name,
                                "seconds": contest.times, "errors": contest.errors})
            if contests:
                print_table(f"{arch}, {table}: median of {options.rounds} rounds", contests)
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as out:
        json.dump(results, out, indent=1)
    sys.exit(1 if wrong else 0)


main()
