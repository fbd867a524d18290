"""The real programs of the benchmark: fixed work, the same for host and guest.

workloads() yields what can run here; inputs are generated once, always the same. The native twin is the
host's program of that name, which on the same Debian release is the same version."""

import os
import shutil
from collections import namedtuple

Workload = namedtuple("Workload", "name native guest")

PYTHON = """
import hashlib, json, re
class Node:
    __slots__ = ("left", "right", "value")
    def __init__(self, value): self.left = self.right = None; self.value = value
    def insert(self, value):
        node = self
        while True:
            side = "left" if value < node.value else "right"
            below = getattr(node, side)
            if below is None:
                setattr(node, side, Node(value)); return
            node = below
    def walk(self):
        if self.left: yield from self.left.walk()
        yield self.value
        if self.right: yield from self.right.walk()
seed, root = 1, Node(0)
for i in range(12000):
    seed = (seed * 1103515245 + 12345) % 2**31
    root.insert(seed)
print(sum(i * v for i, v in enumerate(root.walk())))
words = {}
for word in re.findall(r"[a-z]+", open("text").read()[:400000]): words[word] = words.get(word, 0) + 1
print(sorted(words.items(), key=lambda p: (-p[1], p[0]))[:5])
data = [{"id": i, "name": "n%d" % i, "tags": list(range(i % 9)), "x": i / 7} for i in range(6000)]
print(hashlib.md5(json.dumps(json.loads(json.dumps(data))).encode()).hexdigest())
def queens(n, row=0, a=0, b=0, c=0):
    if row == n: return 1
    free, total = ~(a | b | c) & (1 << n) - 1, 0
    while free:
        bit = free & -free; free ^= bit
        total += queens(n, row + 1, a | bit, (b | bit) << 1, (c | bit) >> 1)
    return total
print(queens(8), sum(x * x for x in range(300000)), 3**4000 % 1000007)
x = 0.5
for i in range(200000): x = 3.7 * x * (1 - x)
print("%.6f" % x)
"""

PERL = r"""
my (%count, $sum);
open my $f, "<", "text" or die;
while (<$f>) { last if $. > 25000; $count{$1}++ while /(\w+)/g; s/([aeiou])/<$1>/g; $sum += length; }
print "$sum\n";
print "$_ $count{$_}\n" for (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0..4];
my @a = map { ($_ * 7919) % 100003 } 1..100000;
@a = sort { $a <=> $b } @a;
my $h = 0; $h = ($h * 31 + $_) % 1000003 for @a; print "$h\n";
"""

LUA = """
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(27))
local t = {}
for i = 1, 200000 do t[i] = (i * 7919) % 100003 end
table.sort(t)
local h = 0
for i, v in ipairs(t) do h = (h * 31 + v) % 1000003 end
print(h)
local parts = {}
for i = 1, 50000 do parts[#parts + 1] = string.format("%d:%s", i, ("x"):rep(i % 5)) end
print(#table.concat(parts, ","))
local s = 0.0
for i = 1, 2000000 do s = s + 1.0 / (i * i) end
print(string.format("%.8f", s))
"""

SQL = """
CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
  INSERT INTO t SELECT i, (i * 7919) % 10007, 'name' || (i * 31 % 997) FROM n;
CREATE INDEX ta ON t(a); CREATE INDEX tb ON t(b);
SELECT count(*), sum(a) FROM t WHERE b LIKE '%99%';
SELECT b, count(*), avg(a) FROM t GROUP BY b ORDER BY 2 DESC, 1 LIMIT 5;
SELECT count(*) FROM t x JOIN t y ON x.a = y.a WHERE x.id < y.id;
UPDATE t SET a = a + 1 WHERE id % 3 = 0; DELETE FROM t WHERE a % 5 = 0;
SELECT count(*), sum(length(b)), max(a) FROM t;
"""

AWK = """{ for (i = 1; i <= NF; i++) count[$i]++; sum += length($0) * NR % 7 }
END { for (w in count) if (count[w] > best || count[w] == best && w < word) { best = count[w]; word = w }
      print sum, word, best; for (i = 0; i < 600000; i++) x = (x * 31 + i) % 1000003; print x }"""

SHELL = """i=0; s=0; while [ $i -lt 30000 ]; do s=$(( (s * 31 + i) % 1000003 )); i=$((i+1))
case $i in *777) t="$t:$i";; esac; done; echo $s $t"""

# The peer gives a guest's execve() to the host, which runs a guest's program only where binfmt_misc
# knows it (or, of the same name, its own one). So the script is told how to run its program.
PROCESSES = 'i=0; while [ $i -lt 100 ]; do "$@"; i=$((i+1)); done; echo $i'
SELF = "@self"  # in arguments: the words that run a guest program, none natively

NODE = """let m = new Map(), h = 0;
for (let i = 0; i < 300000; i++) m.set("k" + i * 7919 % 50021, i);
for (const [k, v] of m) h = (h * 31 + k.length + v) % 1000003;
const a = Float64Array.from({length: 300000}, (_, i) => Math.sin(i)).sort();
console.log(h, a[1000].toFixed(9), JSON.stringify([...m].slice(0, 1000)).length);"""


def write(folder, name, make):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        with open(path + ".new", "wb") as out:
            out.write(make())
        os.rename(path + ".new", path)


def text():
    """About 6 MB of word-like lines, compressible as prose is."""
    syllables = "ka lo mi ren tu sa pel dor ni qua sto ber ing ed er ly".split()
    seed, words, lines = 12345, [], []
    for _ in range(3000):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        words.append("".join(syllables[seed >> (33 + 4 * k) & 15] for k in range(1 + (seed >> 60) % 4)))
    for number in range(100000):
        line = []
        for _ in range(8):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            line.append(words[((seed >> 33) % 3000) * ((seed >> 45) % 3000) // 3000])
        lines.append(f"{number % 977} " + " ".join(line))
    return "\n".join(lines).encode() + b"\n"


def source():
    """A C file without includes that gives a compiler real work."""
    parts = ["typedef unsigned long u; extern u sink(u);"]
    for n in range(50):
        parts.append(f"""
struct s{n} {{ u a, b; int c[{n % 7 + 2}]; struct s{n} *next; }};
static u work{n}(struct s{n} *p, u x, const char *t) {{
    u sum = x * {n}u + 1;
    for (; p; p = p->next) {{
        for (int i = 0; i < {n % 7 + 2}; i++) sum += p->c[i] * (u)(i + {n}) ^ sum >> {n % 31 + 1};
        switch (t[sum & 7]) {{
        case 'a': sum += p->a; break; case 'b': sum ^= p->b; break;
        case 'c': p->a = sum; break; case 'd': p->b += sum * 3; break;
        default: sum = sink(sum); }}
        if (sum > {n * 1000}u && p->a < p->b) sum -= p->a << {n % 13};
        else while (sum & {(1 << n % 9) - 1}u) sum = sum / 3 + p->b;
    }}
    return sum;
}}
u entry{n}(struct s{n} *p, double *d, int k) {{
    for (int i = 0; i < k; i++) d[i] = d[i] * {n}.5 + (double)work{n}(p, (u)i, "abcdefgh");
    return work{n}(p, (u)d[0], "hgfedcba") + (k > 3 ? work{n}(p->next, 1, "aabbccdd") : 0);
}}""")
    return "\n".join(parts).encode()


def prepare(folder):
    write(folder, "text", text)
    write(folder, "source.c", source)
    write(folder, "data", lambda: (open(os.path.join(folder, "text"), "rb").read() * 6)[:32 << 20])
    for name, script in (("mixed.py", PYTHON), ("mixed.pl", PERL), ("mixed.lua", LUA),
                         ("mixed.sql", SQL), ("mixed.awk", AWK), ("loop.sh", SHELL),
                         ("processes.sh", PROCESSES), ("mixed.js", NODE)):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(script)


# name, program below / of guest and host, arguments (run in the folder of the inputs); {root} is the
# folder that has the guest's usr, or nothing.
TABLE = (
    ("true", "usr/bin/true", []),
    ("python3", "usr/bin/python3", ["-I", "-S", "mixed.py"]),
    ("perl", "usr/bin/perl", ["mixed.pl"]),
    ("lua", "usr/bin/lua5.4", ["mixed.lua"]),
    ("sqlite3", "usr/bin/sqlite3", [":memory:", ".read mixed.sql"]),
    ("gawk", "usr/bin/gawk", ["-f", "mixed.awk", "text"]),
    ("bash loop", "usr/bin/bash", ["loop.sh"]),
    ("processes", "usr/bin/dash", ["processes.sh", SELF, "{root}/usr/bin/true"]),
    ("sha256", "usr/bin/openssl", ["dgst", "-sha256", "data"]),
    ("aes-ctr", "usr/bin/openssl", ["enc", "-aes-128-ctr", "-K", "0" * 31 + "1", "-iv", "0" * 32,
                                     "-in", "data"]),
    ("gzip", "usr/bin/gzip", ["-6", "-n", "-c", "text"]),
    ("bzip2", "usr/bin/bzip2", ["-c", "text"]),
    ("xz", "usr/bin/xz", ["-3", "-T1", "-c", "text"]),
    ("zstd", "usr/bin/zstd", ["-9", "--single-thread", "-q", "-c", "text"]),
    ("7zip", "usr/bin/7zz", ["a", "-mx=1", "-mmt=1", "-so", "-tgzip", "dummy", "text"]),
    ("node", "usr/bin/node", ["mixed.js"]),
    ("grep", "usr/bin/grep", ["-cE", "(k|l)[aeo]+r?(en|ni)( |$)", "text"]),
    ("sort", "usr/bin/sort", ["--parallel=1", "-S", "64M", "text"]),
)


def at_root(arguments, root):
    return [word.replace("{root}", root) if word.startswith("{root}") else word for word in arguments]


def workloads(arch, sysroot, folder):
    """Yields the workloads whose program is in the sysroot. native is None without a twin."""
    prepare(folder)
    for name, program, arguments in TABLE:
        guest = os.path.join(sysroot, program)
        if not os.path.exists(guest):
            continue
        native = "/" + program
        # A host's node is seldom Debian's; riscv64's programs are those of a later Debian.
        if name == "node" or arch != "arm64" or not os.access(native, os.X_OK):
            native = None
        yield Workload(name, [native, *at_root(arguments, "")] if native else None,
                       [guest, *at_root(arguments, sysroot)])
    # A cross compiler of the same version does natively what the guest's compiler does.
    cc1 = {"arm64": ("usr/lib/gcc/aarch64-linux-gnu/12/cc1",
                     "/usr/lib/gcc-cross/aarch64-linux-gnu/12/cc1")}.get(arch)
    if cc1 and os.path.exists(os.path.join(sysroot, cc1[0])):
        arguments = ["-quiet", "-O2", "-fno-ident", "source.c", "-o", "-"]
        yield Workload("cc1", [cc1[1], *arguments] if shutil.which(cc1[1]) else None,
                       [os.path.join(sysroot, cc1[0]), *arguments])
