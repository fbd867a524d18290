#!/usr/bin/env python3
"""Unit tests of tools/decgen: tables in, errors or a decoder (compiled and run) out."""

import importlib.machinery
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOADER = importlib.machinery.SourceFileLoader("decgen", os.path.join(ROOT, "tools", "decgen"))
SPEC = importlib.util.spec_from_loader("decgen", LOADER)
sys.dont_write_bytecode = True
decgen = importlib.util.module_from_spec(SPEC)
LOADER.exec_module(decgen)

TABLE = """
# comments and blank lines are skipped

add   0000 rd:4 00 a:2 imm:4 0000000000000000        | base | add rd, imm
addz  0000 0000 00 a:2 imm:4 0000000000000000        | base | more specific
two   0001 hi:4 mid:8 lo:4 000000000000  & hi!=3 & lo<9 | x  | constraints
tworest 0001 hi:4 mid:8 lo:4 000000000000            | x | the rest of them
split 0010 im:4 rd:4 im:4 ................           | x | joined field
eqs   0011 k:4 000000000000000000000000 & k==1,2,15  | x | list
wide  1 imm:31                                       | x | almost everything
"""


def parse(text):
    with tempfile.NamedTemporaryFile("w", suffix=".dec", delete=False) as table:
        table.write(text)
    try:
        forms = decgen.parse_files([table.name])
        decgen.check_overlaps(forms)
        return forms
    finally:
        os.unlink(table.name)


def reference(forms, word):
    """The winning form by the definition, without a tree."""
    matching = [f for f in forms if f.holds(word)]
    best = [f for f in matching if all(f is g or decgen.beats(f, g) for g in matching)]
    return best[0].name if best else None


def walk(node, word):
    while isinstance(node, decgen.Split):
        number = word >> node.low & ((1 << node.width) - 1)
        node = next((child for values, child in node.cases if number in values), None)
        if node is None:
            return None
    for form, residual in node.tests:
        if word & residual == form.value & residual and all(
                c.holds(word) for c in form.constraints):
            return form.name
    return None


class Tables(unittest.TestCase):
    def bad(self, text, part):
        with self.assertRaises(decgen.Bad) as caught:
            parse(text)
        self.assertIn(part, str(caught.exception))

    def test_fields(self):
        forms = {f.name: f for f in parse(TABLE)}
        self.assertEqual(forms["add"].fields["rd"], [(24, 4)])
        self.assertEqual(forms["split"].fields["im"], [(24, 4), (16, 4)])
        self.assertEqual(forms["add"].mask, 0xf0c0ffff)
        self.assertEqual(forms["two"].syntax, "constraints")

    def test_width(self):
        self.bad("a 0101 x:4 | f | s", "8 bits")
        self.assertEqual(parse("a 0101 x:4 00000000 | f | s")[0].width, 16)

    def test_bad_lines(self):
        self.bad("a 0101 x-4 000000000000000000000000 | f | s", "bad token")
        self.bad("a 0101 x:28 & y==1 | f | s", "bad constraint")
        self.bad("a 0101 x:4 000000000000000000000000 & x==16 | f | s", "too wide")
        self.bad("a 0101 x:28 | f | s\na 0110 x:28 | f | s", "also in")

    def test_overlap(self):
        self.bad("a 0.01 x:28 | f | s\nb 01.1 x:28 | f | s", "overlaps")
        self.bad("a 0101 x:28 | f | s\nb 0101 y:28 | f | s", "overlaps")
        parse("a 0101 x:28 & x<4 | f | s\nb 0101 y:28 | f | s")

    def test_constraints_part_forms(self):
        rest = "0000000000000000000000"
        parse(f"a 010.1 x:5 {rest} & x==3 | f | s\nb 0101. x:5 {rest} & x!=3 | f | s")
        self.bad(f"a 010.1 x:5 {rest} & x==3 | f | s\nb 0101. x:5 {rest} & x!=4 | f | s",
                 "overlaps")


class Trees(unittest.TestCase):
    def test_tree_is_definition(self):
        forms = parse(TABLE)
        root = decgen.build(decgen.order(forms), 0)
        rng = random.Random(1)
        for _ in range(20000):
            form = rng.choice(forms)
            word = rng.getrandbits(32) & ~form.mask | form.value
            if rng.random() < 0.3:
                word ^= 1 << rng.randrange(32)
            self.assertEqual(walk(root, word), reference(forms, word), hex(word))

    def test_random_tables(self):
        rng = random.Random(2)
        for _ in range(30):
            lines, forms = [], []
            while len(lines) < 40:
                mask = rng.getrandbits(12) | rng.getrandbits(12)
                bits = "".join(rng.choice("01") if mask >> i & 1 else "." for i in range(12))
                line = f"f{len(lines)} {bits} x:20 | f | s"
                try:
                    forms = parse("\n".join(lines + [line]))
                except decgen.Bad:
                    if rng.random() < 0.05:
                        break
                    continue
                lines.append(line)
            root = decgen.build(decgen.order(forms), 0)
            for top in range(4096):
                self.assertEqual(walk(root, top << 20), reference(forms, top << 20))


class Output(unittest.TestCase):
    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    def test_compiles_and_decodes(self):
        forms = parse(TABLE)
        rng = random.Random(3)
        words = []
        for form in forms * 50:
            words.append(rng.getrandbits(32) & ~form.mask | form.value)
        with tempfile.TemporaryDirectory() as folder:
            for sub in ("ir", "isa/test"):
                os.makedirs(os.path.join(folder, sub))
            decgen.write(f"{folder}/ir/isa.h", "enum isa_lift { ISA_NEXT, ISA_UNDEF };\n"
                         "#include <stdint.h>\n#include <stddef.h>\n")
            shutil.copy(os.path.join(ROOT, "isa", "form.h"), f"{folder}/isa/form.h")
            root = decgen.build(decgen.order(forms), 0)
            decgen.write(f"{folder}/isa/test/test_decode.h", decgen.header("test", "t", forms))
            decgen.write(f"{folder}/d.c", decgen.source("test", "t", forms, root))
            main = ['#include "isa/test/test_decode.h"', "#include <stdio.h>"]
            main.append("enum isa_lift t_undef(struct t_lift *l)"
                        ' { (void)l; puts("None"); return ISA_UNDEF; }')
            for form in forms:
                fields = list(form.fields)
                show = " ".join(f"{field}=%u" for field in fields)
                values = "".join(f", a->{field}" for field in fields)
                main.append(f"enum isa_lift t_{form.name}(struct t_lift *l, "
                            f"const struct t_args_{form.name} *a) {{ (void)l; "
                            f'printf("{form.name} {show}\\n"{values}); return ISA_NEXT; }}')
            main.append("int main(void) {")
            main += [f"t_decode(NULL, {word}u);" for word in words]
            main.append("return 0; }")
            decgen.write(f"{folder}/m.c", "\n".join(main))
            subprocess.run(["cc", "-Wall", "-Wextra", "-Wimplicit-fallthrough", "-Werror",
                            f"-I{folder}", "-o", f"{folder}/t", f"{folder}/d.c", f"{folder}/m.c"],
                           check=True)
            text = subprocess.run([f"{folder}/t"], check=True, capture_output=True,
                                  text=True).stdout
        for word, line in zip(words, text.splitlines(), strict=True):
            name = reference(forms, word)
            self.assertEqual(line.split()[0], str(name), hex(word))
            if name is None:
                continue
            form = next(f for f in forms if f.name == name)
            for item in line.split()[1:]:
                field, number = item.split("=")
                want = 0
                for low, width in form.fields[field]:
                    want = want << width | (word >> low & ((1 << width) - 1))
                self.assertEqual(int(number), want, hex(word))


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad - len(result.skipped)} passed, {bad} failed, "
          f"{len(result.skipped)} skipped")
    sys.exit(bool(bad))
