"""Reads tools/layers.txt: the one table of layers that the build and the checks share."""

import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = os.path.join(ROOT, "tools", "layers.txt")


def read(path=TABLE):
    """Returns {layer: [allowed entry, ...]} in order from the bottom up.

    An entry is a layer name, or "layer/header.h" when only that header is allowed.
    A layer may name only layers that stand above it in the file."""
    table = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            layer, colon, rest = line.partition(":")
            layer = layer.strip()
            if not colon or layer in table:
                raise SystemExit(f"{path}:{number}: bad or repeated layer")
            allowed = rest.split()
            for entry in allowed:
                if entry.split("/")[0] not in table:
                    raise SystemExit(f"{path}:{number}: {entry} is not a lower layer")
            table[layer] = allowed
    return table


def sources(root=ROOT, suffixes=(".c", ".h", ".def", ".inc")):
    """Yields (layer, path relative to root) of every source file of every layer."""
    for layer in read():
        for folder, folders, files in os.walk(os.path.join(root, layer)):
            folders.sort()
            for name in sorted(files):
                if name.endswith(suffixes):
                    yield layer, os.path.relpath(os.path.join(folder, name), root)
