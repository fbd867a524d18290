"""The real programs that the tests run as guests, and what they must print.

A case runs in an empty folder that holds the inputs of INPUTS. {root} in an argument is the sysroot of
the guest. EXPECT is the output, NATIVE (what the host's own program prints for the same arguments), or a
function of (guest architecture, output) that returns whether it is right. Outputs do not depend on the
version of a program or the time of day."""

from collections import namedtuple

Case = namedtuple("Case", "name argv expect set arches")
NATIVE = object()
BOTH = ("arm64", "riscv64")
MACHINE = {"arm64": "aarch64", "riscv64": "riscv64"}

INPUTS = {
    "words": "".join(f"{(i * 7919) % 1009} word{i % 37} {'abcdefghij'[i % 10:]}\n"
                     for i in range(3000)),
    "data.json": '{"list": [3, 1, {"deep": [true, null, 1.5]}], "name": "\\u00e9t\\u00e9"}\n',
    "hello.c": '#include <stdio.h>\n#include <math.h>\nint main(int c, char **v) { (void)v; double s = 0;'
               ' for (int i = 1; i < 100; i++) s += sqrt(i * c); printf("hello %.6f\\n", s);'
               ' return 3; }\n',
}


def case(name, argv, expect, set_="base", arches=BOTH):
    argv = argv.split() if isinstance(argv, str) else argv
    return Case(name, ["{root}/usr/bin/" + argv[0], *argv[1:]], expect, set_, arches)


def shell(name, script, expect=NATIVE, set_="base"):
    return case(name, ["bash", "-c", script], expect, set_)


def python(name, script, expect=NATIVE, set_="base"):
    return case(name, ["python3", "-I", "-c", script], expect, set_)


def machine(arch, output):
    return output == MACHINE[arch] + "\n"


def full(*cases):
    return [c._replace(set="full") for c in cases]


TOOLS = [
    case("true", "true", ""),
    case("uname", "uname -m", machine),
    case("echo", "echo one two", "one two\n"),
    case("busybox", ["busybox", "sh", "-c", "echo $((6*7))"], "42\n"),
    case("busybox-awk", ["busybox", "awk", "{ s += $1 } END { print s, NR }", "words"],
         f"{sum(i * 7919 % 1009 for i in range(3000))} 3000\n"),
    case("sort", "sort -k2,2 -k1n words", NATIVE),
    case("sha256sum", "sha256sum words", NATIVE),
    case("md5sum", "md5sum words", NATIVE),
    case("grep", ["grep", "-cE", "word(1|3)[0-9] (abc|d.f)", "words"], NATIVE),
    case("sed", ["sed", "-E", "s/word([0-9]+)/<\\1>/g; 5,$d", "words"], NATIVE),
    case("mawk", ["mawk", "{ c[$2] += $1 } END { for (i = 0; i < 37; i++) print i, c[\"word\" i] }",
                  "words"], NATIVE),
    case("gawk", ["gawk", "{ s += sqrt($1) * length($0) } END { printf \"%.9f\\n\", s }", "words"],
         NATIVE),
    case("cut", "cut -c1-5 words", NATIVE),
    case("od", "od -A x -t x1z words", NATIVE),
    case("date", ["date", "-u", "-d", "@1234567890", "+%F %T"], "2009-02-13 23:31:30\n"),
    case("expr", "expr 123456789 * 987654321", "121932631112635269\n"),
    case("factor", "factor 600851475143 18446744073709551557",
         "600851475143: 71 839 1471 6857\n18446744073709551557: 18446744073709551557\n"),
    case("find", "find {root}/etc/passwd -type f -printf %f\\n", "passwd\n"),
    case("file", "file -b -L {root}/usr/bin/true", lambda arch, out: out.startswith("ELF 64-bit")),
    case("diff", "diff words words", ""),
    case("jq", ["jq", "-c", ".list[2].deep | map(type)", "data.json"],
         '["boolean","null","number"]\n'),
    case("bc", ["bash", "-c", "echo 'scale=60; 4*a(1)' | bc -l"],
         "3.141592653589793238462643383279502884197169399375105820974944\n"),
    case("openssl-sha", "openssl dgst -sha512 -r words", NATIVE),
    case("openssl-aes", ["openssl", "enc", "-aes-256-cbc", "-K", "12" * 32, "-iv", "34" * 16, "-a",
                         "-in", "words"], NATIVE),
    case("openssl-prime", "openssl prime -hex FFFFFFFFFFFFFFC5",
         lambda arch, out: "is prime" in out),
    case("sqlite3", ["sqlite3", ":memory:", "create table t(a, b); with recursive n(i) as (select 1 "
                     "union all select i + 1 from n where i < 5000) insert into t select i, i * i % 97 "
                     "from n; select b, count(*), sum(a) from t group by b order by 2, 1 limit 5;"],
         NATIVE),
    case("lua", ["lua5.4", "-e", "local t = {} for i = 1, 2000 do t[i] = (i * 7919) % 1009 end "
                 "table.sort(t) local s = 0 for i, v in ipairs(t) do s = (s * 31 + v) % 1000003 end "
                 "print(s, string.format('%.10f', math.sin(1)), 7 // 2, 2^53, 10 // 0.3)"],
         "894040\t0.8414709848\t3\t9.007199254741e+15\t33.0\n"),
    case("perl", ["perl", "-e", "my %c; open F, 'words'; while (<F>) { $c{$1}++ while /(\\w)/g } "
                  "print map { \"$_ $c{$_}\\n\" } sort keys %c; printf '%.12g', exp(1)"], NATIVE),
]

SHELLS = [
    shell("pipes", "sort -n words | uniq -c | sort -rn | head -20 | awk '{ print $1 * 2, $3 }'"),
    shell("subshells", "for i in $(seq 1 30); do (exit $i) || printf '%d ' $?; done; echo"),
    shell("exec-stays-guest", "sh -c 'uname -m'", machine),
    shell("arithmetic", "s=0; for ((i=0; i<20000; i++)); do ((s = (s * 31 + i) % 1000003)); done; "
                        "echo $s; echo $((-7 / 2)) $((-7 % 3)) $((1 << 40)) $((0x7fffffffffffffff + 1))"),
    shell("trap", "trap 'echo got usr1' USR1; kill -USR1 $$; trap 'echo bye' EXIT; kill -0 $$ && echo alive",
          "got usr1\nalive\nbye\n"),
    shell("job-signals", "sleep 50 & kill -TERM $!; wait $!; echo $?; (kill -SEGV $BASHPID) 2>/dev/null; "
                         "echo $?", "143\n139\n"),
    shell("background", "for i in 1 2 3 4; do (echo $((i * i)) > out$i) & done; wait; cat out?",
          "1\n4\n9\n16\n"),
    shell("timeout", "timeout 0.2 sleep 20; echo $?", "124\n"),
    shell("here-documents", "cat <<A; tr a-z A-Z <<< hello; echo ${BASH_VERSION:+set}\n$((1+1))\nA",
          "2\nHELLO\nset\n"),
    shell("xargs", "seq 1 40 | xargs -P 4 -n 5 echo | wc -l | tr -d ' '", "8\n"),
    shell("tar", "mkdir d; cp words d/a; echo x > d/b; tar --sort=name --mtime=@0 --owner=0 --group=0 "
                 "--numeric-owner -cf - d | tar -tvf - --utc | awk '{ print $1, $3, $6 }'"),
    shell("gzip", "gzip -9n < words | gzip -d | cmp - words && gzip -t <(gzip < words) && echo same",
          "same\n"),
    shell("bzip2", "bzip2 < words | sha256sum; bzip2 < words | bzip2 -d | cmp - words && echo same"),
    shell("xz", "xz -T1 -6 < words | xz -d | cmp - words && echo same", "same\n"),
    shell("zstd", "zstd -q -5 < words | zstd -q -d | cmp - words && echo same", "same\n"),
    shell("dd", "dd if=/dev/zero bs=1M count=20 status=none | sha1sum",
          "9674344c90c2f0646f0b78026e127c9b86e3ad77  -\n"),
    shell("proc-self", "cat /proc/self/cmdline | tr '\\0' ' '; echo; basename $(readlink /proc/self/exe)",
          "cat /proc/self/cmdline \nreadlink\n"),
    shell("limits", "ulimit -n 64; exec 63< words; read -u 63 line; echo $line; ulimit -n",
          "0 word0 abcdefghij\n64\n"),
    shell("fifo", "mkfifo p; (for i in 1 2 3; do echo $i; done > p) & cat p; wait", "1\n2\n3\n"),
]

PYTHONS = [
    python("python-numbers", "print(3**200 % 10**50, 2**0.5, -7 // 2, -7 % 3, 1e308 * 10, 0.1 + 0.2, "
                             "int('9' * 60) // 7, round(2.5), divmod(-1e15, 3.7), float('nan') != 0)"),
    python("python-math", "import math\nfor f in 'sin cos tan exp log2 atan erf gamma cbrt'.split():\n"
                          " print(f, ['%.12g' % getattr(math, f, abs)(x) for x in (0.5, 1.25, 3.75)])"
                          .replace(" cbrt", "")),
    python("python-text", "import re, json, hashlib\nt = open('words').read()\n"
                          "print(len(re.findall(r'word(\\d)\\b', t)), hashlib.sha3_256(t.encode()).hexdigest(),"
                          " json.loads(open('data.json').read())['name'], sorted(set(t.split()))[:5])"),
    python("python-threads", "import threading\nn, lock = [0], threading.Lock()\n"
                             "def work():\n for _ in range(2000):\n  with lock: n[0] += 1\n"
                             "ts = [threading.Thread(target=work) for _ in range(8)]\n"
                             "[t.start() for t in ts]; [t.join() for t in ts]; print(n[0])", "16000\n"),
    python("python-signals", "import signal, time\nhits = []\n"
                             "signal.signal(signal.SIGALRM, lambda *a: hits.append(1))\n"
                             "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\n"
                             "while len(hits) < 5: sum(range(1000))\n"
                             "signal.setitimer(signal.ITIMER_REAL, 0); print('hit')", "hit\n"),
    python("python-fork", "import os\nfor i in range(5):\n p = os.fork()\n"
                          " if not p: os._exit(i * 3)\n print(os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]))",
           "0\n3\n6\n9\n12\n"),
    python("python-subprocess", "import subprocess\nprint(subprocess.run(['/usr/bin/wc', '-l'], input=b'a\\nb\\n', "
                                "capture_output=True).stdout)", "b'2\\n'\n"),
    python("python-asyncio", "import asyncio\nasync def serve(r, w):\n"
                             " w.write((await r.readline()).upper()); await w.drain(); w.close()\n"
                             "async def main():\n s = await asyncio.start_server(serve, '127.0.0.1', 0)\n"
                             " r, w = await asyncio.open_connection(*s.sockets[0].getsockname())\n"
                             " w.write(b'hello\\n'); print(await r.read()); s.close()\nasyncio.run(main())",
           "b'HELLO\\n'\n"),
    python("python-mmap", "import mmap, os\nm = mmap.mmap(-1, 1 << 20)\nm[5000:5005] = b'abcde'\n"
                          "if not os.fork(): m[5000:5001] = b'X'; os._exit(0)\nos.wait(); print(m[4999:5006])",
           "b'\\x00Xbcde\\x00'\n"),
    python("python-recursion", "def f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(800))\n"
                               "try: f(10**6)\nexcept RecursionError: print('deep')", "800\ndeep\n"),
    python("python-struct", "import struct, array, zlib, bz2, lzma\nd = open('words', 'rb').read()\n"
                            "print(zlib.crc32(d), zlib.adler32(d), bz2.decompress(bz2.compress(d)) == d, "
                            "lzma.decompress(lzma.compress(d)) == d, struct.pack('>dHq', 1.5, 7, -9))"),
    python("python-decimal", "import decimal, fractions, statistics\ndecimal.getcontext().prec = 60\n"
                             "print(decimal.Decimal(2).sqrt(), fractions.Fraction(355, 113) ** 5, "
                             "statistics.stdev(range(100)))"),
    python("python-sockets", "import socket, select\na, b = socket.socketpair()\na.sendmsg([b'one', b'two'])\n"
                             "e = select.epoll(); e.register(b, select.EPOLLIN)\nprint(e.poll(5)[0][1], "
                             "b.recvmsg(10)[0], socket.inet_aton('1.2.3.4'))",
           "1 b'onetwo' b'\\x01\\x02\\x03\\x04'\n"),
]

BIG = full(
    shell("gcc", "gcc -dumpmachine; gcc -O2 hello.c -o hello -lm && ./hello; echo $?",
          lambda arch, out: out == MACHINE[arch] + "-linux-gnu\nhello 661.462947\n3\n"),
    shell("make", "printf 'a: b\\n\\t@echo made a from $^\\nb:\\n\\t@echo made b\\n' > Makefile; "
                  "make -s", "made b\nmade a from b\n"),
    shell("git", "export HOME=$PWD GIT_AUTHOR_DATE='2020-01-01 00:00:00 +0000' "
                 "GIT_COMMITTER_DATE='2020-01-01 00:00:00 +0000' GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b "
                 "GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; git init -q -b main r; cd r; cp ../words .; "
                 "git add words; git commit -qm one; sed -i 100,200d words; git commit -qam two; "
                 "git log --stat --format=%H; git gc -q && git fsck && git diff HEAD~1 | sha1sum"),
    case("node", ["node", "-e", "const c = require('crypto'); let m = new Map(); "
                  "for (let i = 0; i < 50000; i++) m.set(i * 7919 % 1009, i); "
                  "console.log([...m.keys()].reduce((a, b) => (a * 31 + b) % 1000003), "
                  "c.createHash('sha256').update('x').digest('hex').slice(0, 16), 0.1 + 0.2, 2n ** 70n)"],
         "818494 2d711642b726b044 0.30000000000000004 1180591620717411303424n\n"),
    case("node-promises", ["node", "-e", "const f = require('fs').promises; (async () => { "
                           "const t = await f.readFile('words', 'utf8'); "
                           "await new Promise(r => setTimeout(r, 20)); "
                           "console.log(t.split('\\n').length, (await Promise.all([1, 2].map(async x => x * 2)))) })()"],
         "3001 [ 2, 4 ]\n"),
    shell("go-restic", "export HOME=$PWD RESTIC_PASSWORD=x GOMAXPROCS=4; restic -q init -r repo && "
                       "restic -q -r repo backup words && restic -q -r repo restore latest --target out >/dev/null && "
                       "cmp words $(find out -name words) && restic -q -r repo check && echo restored", "restored\n"),
    shell("ffmpeg", "ffmpeg -v error -bitexact -f lavfi -i testsrc=size=160x120:rate=5:duration=2 -c:v rawvideo "
                    "-pix_fmt rgb24 -f md5 -", lambda arch, out: out.startswith("MD5=")),
    case("7zip", ["bash", "-c", "7zz a -bso0 -bsp0 -mx=5 a.7z words && 7zz x -so a.7z | cmp - words && "
                  "7zz t a.7z | grep -c 'Everything is Ok'"], "1\n"),
    case("luajit", ["luajit", "-e", "local s = 0 for i = 1, 3e6 do s = (s * 31 + i) % 1000003 end print(s)"],
         "129093\n", arches=("arm64",)),
    case("ruby", ["ruby", "-e", "puts (1..20).reduce(:*), [3, 1, 2].sort.inspect, "
                  "File.read('words').scan(/word(\\d+)/).flatten.map(&:to_i).sum, 10.0 / 3"],
         "2432902008176640000\n[1, 2, 3]\n53949\n3.3333333333333335\n"),
    case("guile", ["guile-3.0", "--no-auto-compile", "-c", "(define (f n) (if (< n 2) n (+ (f (- n 1)) (f (- n 2))))) "
                   "(display (f 18)) (newline) (display (expt 7 50)) (newline)"],
         "2584\n1798465042647412146620280340569649349251249\n"),
    case("java", ["bash", "-c", "$(readlink -f $(ls {root}/usr/lib/jvm/*/bin/java | head -1)) -version 2>&1 "
                  "| grep -c openjdk"], "1\n"),
    case("tcl", ["bash", "-c", "echo 'puts [expr {2**100}]; puts [string length [string repeat ab 500]]' | tclsh"],
         "1267650600228229401496703205376\n1000\n"),
    case("php", ["bash", "-c", "$(ls {root}/usr/bin/php[0-9]* | head -1) -n -r 'echo md5(\"x\"), \" \", array_sum(range(1, 1000)), "
                 "\" \", sqrt(2), \"\\n\";'"], "9dd4e461268c8034f5c8564e155c67a6 500500 1.4142135623731\n"),
    case("m4", ["bash", "-c", "echo 'define(`f'\"'\"', `ifelse($1, 0, 1, `eval($1 * f(decr($1)))'\"'\"')'\"'\"')f(10)' | m4"],
         "3628800\n"),
    case("vim", ["vim.tiny", "-es", "-u", "NONE", "-c", "%s/word/W/g | 3,$d | %print | q!", "words"],
         lambda arch, out: "W1" in out),
    case("rsync", ["bash", "-c", "mkdir s; cp words s; rsync -a s/ t/ && cmp s/words t/words && echo same"],
         "same\n"),
    case("curl", ["bash", "-c", "curl -s file://$PWD/words | cmp - words && echo same"], "same\n"),
    python("numpy", "import sys\nsys.path += ['/usr/lib/python3/dist-packages']\nimport numpy as n\n"
                    "a = n.arange(10000.).reshape(100, 100); b = n.linalg.inv(a + 1e4 * n.eye(100)); "
                    "print(n.allclose(b @ (a + 1e4 * n.eye(100)), n.eye(100)), n.fft.fft(n.ones(8)).real.sum(), "
                    "a.astype('f4').sum(), (a.astype('i8') % 7).sum())", "True 8.0 49995000.0 29994\n"),
    *(case("python-" + test, ["python3", "-m", "test", "-q", test],
           lambda arch, out: "Result: SUCCESS" in out or "Tests result: SUCCESS" in out)
      for test in ("test_int", "test_float", "test_math", "test_cmath", "test_struct", "test_complex",
                   "test_long", "test_re", "test_json", "test_bytes", "test_thread", "test_hashlib",
                   "test_zlib", "test_random", "test_fractions", "test_generators", "test_signal",
                   "test_decimal", "test_threading", "test_queue", "test_mmap", "test_select")),
)

CASES = TOOLS + SHELLS + PYTHONS + BIG
