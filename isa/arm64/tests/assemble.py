#!/usr/bin/env python3
"""Assembles snippets.s and checks which of its words lift.

assemble.py LIFT_WORDS: exits 77 (skipped) without the cross assembler."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PREFIX = "aarch64-linux-gnu-"


def main():
    if not shutil.which(PREFIX + "as") or not shutil.which(PREFIX + "objcopy"):
        print("no cross assembler\n0 passed, 0 failed, 1 skipped")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        obj, raw = os.path.join(folder, "s.o"), os.path.join(folder, "s.bin")
        subprocess.run([PREFIX + "as", "-W", "-o", obj, os.path.join(HERE, "snippets.s")], check=True)
        subprocess.run([PREFIX + "objcopy", "-O", "binary", "-j", ".text", obj, raw], check=True)
        with open(raw, "rb") as file:
            data = file.read()
        words = [word for word, in struct.iter_unpack("<I", data)]
        border = words.index(0)
        text = subprocess.run([sys.argv[1], raw], check=True, capture_output=True, text=True).stdout
    undefined = {int(line, 16) for line in text.split()}
    bad = [f"{word:08x} is not lifted" for word in words[:border] if word in undefined]
    bad += [f"{word:08x} is lifted" for word in words[border:] if word not in undefined]
    print("\n".join(bad))
    print(f"{len(words) - len(bad)} passed, {len(bad)} failed")
    return bool(bad)


sys.exit(main())
