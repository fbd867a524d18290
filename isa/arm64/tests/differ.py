#!/usr/bin/env python3
"""Differential test of the arm64 lifters: random instructions here and under an oracle.

differ.py DIFFER [--seed N] [--count N] [--rounds N] [--oracle COMMAND] [FORM-PREFIX...]

Builds oracle.c with aarch64-linux-gnu-gcc and runs it by COMMAND or MYNA_ARM64_ORACLE, by default the
distribution's qemu-aarch64; exits 77 (skipped) where one of them is missing. With Myna itself as the
oracle (--oracle "myna exec" --no-fpsr --modes plain) the test compares back end and interpreter, and
the state that signals show. The back end does not promise every status flag while FZ flushes."""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
COMPILER = "aarch64-linux-gnu-gcc"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("differ")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--count", type=int, default=40000)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--oracle")
    options.add_argument("--no-fpsr", action="store_true")
    options.add_argument("--modes", default="plain,quick,full,fold")
    options.add_argument("forms", nargs="*")
    args = options.parse_args()
    oracle = shlex.split(args.oracle or os.environ.get("MYNA_ARM64_ORACLE",
                                                       "qemu-aarch64 -cpu max,sve=off"))
    tail = ["no-fpsr"] if args.no_fpsr else []
    for tool in (COMPILER, oracle[0]):
        if not shutil.which(tool):
            print(f"{tool} is missing\n0 passed, 0 failed, 1 skipped")
            return 77
    with tempfile.TemporaryDirectory() as folder:
        program, tests, results = (os.path.join(folder, n) for n in ("oracle", "tests", "results"))
        subprocess.run([COMPILER, "-O2", "-static", "-o", program, os.path.join(HERE, "oracle.c")],
                       check=True)
        worst = 0
        for seed in range(args.seed, args.seed + args.rounds):
            subprocess.run([args.differ, "make", tests, str(seed), str(args.count), *args.forms],
                           check=True)
            subprocess.run([*oracle, program, tests, results], check=True, timeout=120)
            for mode in args.modes.split(","):
                print(mode, flush=True)
                worst = max(worst, subprocess.run([args.differ, "run", tests, results, mode,
                                                   *tail]).returncode)
        return worst


sys.exit(main())
