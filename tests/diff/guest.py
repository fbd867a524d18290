"""Makes the guest programs of rundiff: a static ELF file without libc, for each instruction set.

A program runs its cases one after the other, all of them several times if asked to. A case loads every register from its input record,
runs the instructions under test, and stores every register into its output record. At the end the
program writes the scratch memory and all output records to standard output.

Registers that the instructions must not touch: a pointer to the next input, one to the next output,
and a link register for the two routines that load and store. Knows encodings of the few
instructions it needs itself; nothing of how results are judged."""

import struct

CODE = 0x400000
DATA = 0x10000000
SYS_WRITE, SYS_EXIT = 64, 93


class Program:
    """What a guest's machine code is made of; subclasses know the encodings."""

    def __init__(self):
        self.words = bytearray()

    def emit(self, *words):
        for word in words:
            self.words += struct.pack("<I", word & 0xffffffff)

    def emit_insn(self, word, width):
        self.words += struct.pack("<I" if width == 32 else "<H", word)

    def here(self):
        return CODE + len(self.words)


class Riscv(Program):
    """Record: fcsr, x1..x28 at 8 n, f0..f31 at 256 + 8 n."""
    RECORD = 512
    LINK, OUT, IN = 29, 30, 31
    MACHINE, FLAGS, ORACLE = 243, 5, ["qemu-riscv64", "-cpu", "rv64,Zfh=true"]

    @staticmethod
    def i(op, f3, rd, rs1, imm):
        return (imm & 0xfff) << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op

    @staticmethod
    def s(op, f3, rs2, rs1, imm):
        return (imm >> 5 & 127) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | (imm & 31) << 7 | op

    def constant(self, rd, value):
        low = (value & 0xfff ^ 0x800) - 0x800
        self.emit((value - low & 0xfffff000) | rd << 7 | 0x37, self.i(0x1b, 0, rd, rd, low))

    def call(self, target):
        off = target - self.here()
        self.emit((off >> 20 & 1) << 31 | (off >> 1 & 0x3ff) << 21 | (off >> 11 & 1) << 20 |
                  (off >> 12 & 0xff) << 12 | self.LINK << 7 | 0x6f)

    def routines(self):
        load = self.here()
        self.emit(self.i(3, 3, 1, self.IN, 0), self.i(0x73, 1, 0, 1, 3 << 0))
        for n in range(32):
            self.emit(self.i(7, 3, n, self.IN, 256 + 8 * n))
        for n in range(1, 29):
            self.emit(self.i(3, 3, n, self.IN, 8 * n))
        self.emit(self.i(0x13, 0, self.IN, self.IN, self.RECORD), self.i(0x67, 0, 0, self.LINK, 0))
        save = self.here()
        for n in range(1, 29):
            self.emit(self.s(0x23, 3, n, self.OUT, 8 * n))
        for n in range(32):
            self.emit(self.s(0x27, 3, n, self.OUT, 256 + 8 * n))
        self.emit(self.i(0x73, 2, 1, 0, 3), self.s(0x23, 3, 1, self.OUT, 0))
        self.emit(self.i(0x13, 0, self.OUT, self.OUT, self.RECORD),
                  self.i(0x67, 0, 0, self.LINK, 0))
        return load, save

    def load_flags(self):
        """There are none."""

    save_flags = load_flags

    def pointers(self, inputs, outputs):
        self.constant(self.IN, inputs)
        self.constant(self.OUT, outputs)

    def write_all(self, address, size):
        self.constant(11, address)
        self.constant(12, size)
        self.emit(self.i(0x13, 0, 10, 0, 1), self.i(0x13, 0, 17, 0, SYS_WRITE), 0x73)
        self.emit(0x00a05863)  # bge zero, a0, +16
        self.emit(10 << 20 | 11 << 15 | 11 << 7 | 0x33, 0x40a60633)  # a1 += a0; a2 -= a0
        self.emit(0xfe0614e3)  # bnez a2, -24

    def again(self, start, counter, times):
        """Back to start until it has run so many times."""
        self.constant(10, counter)
        self.emit(self.i(3, 3, 11, 10, 0), self.i(0x13, 0, 11, 11, 1), self.s(0x23, 3, 11, 10, 0))
        self.emit(self.i(0x13, 0, 12, 0, times), 12 << 20 | 11 << 15 | 7 << 12 | 0x463)
        link, self.LINK = self.LINK, 0
        self.call(start)
        self.LINK = link

    def leave(self):
        self.emit(self.i(0x13, 0, 10, 0, 0), self.i(0x13, 0, 17, 0, SYS_EXIT), 0x73)

    @staticmethod
    def describe(record):
        values = struct.unpack("<64Q", record)
        names = ["fcsr"] + [f"x{n}" for n in range(1, 32)] + [f"f{n}" for n in range(32)]
        return {name: value for name, value in zip(names, values)
                if name not in ("x29", "x30", "x31")}


class Arm64(Program):
    """Record: x0..x27 at 8 n, sp 248, nzcv 256, fpcr 264, fpsr 272, v0..v31 at 288 + 16 n."""
    RECORD = 800
    OUT, IN, LINK = 29, 28, 30
    MACHINE, FLAGS, ORACLE = 183, 0, ["qemu-aarch64", "-cpu", "max"]

    def constant(self, rd, value):
        self.emit(0xd2800000 | (value & 0xffff) << 5 | rd,
                  0xf2a00000 | (value >> 16 & 0xffff) << 5 | rd)

    def call(self, target):
        self.emit(0x94000000 | (target - self.here()) >> 2 & 0x3ffffff)

    @staticmethod
    def pair(op, scale, a, b, base, offset):
        return op | (offset // scale & 127) << 15 | b << 10 | base << 5 | a

    def routines(self):
        def ldr(rt, offset):
            return 0xf9400000 | offset // 8 << 10 | self.IN << 5 | rt

        def keep(rt, offset):
            return 0xf9000000 | offset // 8 << 10 | self.OUT << 5 | rt

        load = self.here()
        self.emit(ldr(0, 264), 0xd51b4400, ldr(0, 272), 0xd51b4420)
        self.emit(ldr(0, 248), 0x9100001f)
        for n in range(0, 32, 2):
            self.emit(self.pair(0xad400000, 16, n, n + 1, self.IN, 288 + 16 * n))
        for n in range(0, 28, 2):
            self.emit(self.pair(0xa9400000, 8, n, n + 1, self.IN, 8 * n))
        self.emit(0x91000000 | self.RECORD << 10 | self.IN << 5 | self.IN, 0xd65f03c0)
        save = self.here()
        for n in range(0, 28, 2):
            self.emit(self.pair(0xa9000000, 8, n, n + 1, self.OUT, 8 * n))
        for n in range(0, 32, 2):
            self.emit(self.pair(0xad000000, 16, n, n + 1, self.OUT, 288 + 16 * n))
        self.emit(0x910003e0, keep(0, 248))
        self.emit(0xd53b4400, keep(0, 264), 0xd53b4420, keep(0, 272))
        self.emit(0x91000000 | self.RECORD << 10 | self.OUT << 5 | self.OUT, 0xd65f03c0)
        return load, save

    def load_flags(self):
        """Not by the routines: the flags do not live over calls and returns (AAPCS64)."""
        self.emit(0xd1000000 | (self.RECORD - 256) << 10 | self.IN << 5 | self.LINK)
        self.emit(0xf9400000 | self.LINK << 5 | self.LINK, 0xd51b4200 | self.LINK)

    def save_flags(self):
        self.emit(0xd53b4200 | self.LINK, 0xf9000000 | 256 // 8 << 10 | self.OUT << 5 | self.LINK)

    def pointers(self, inputs, outputs):
        self.constant(self.IN, inputs)
        self.constant(self.OUT, outputs)

    def write_all(self, address, size):
        self.constant(1, address)
        self.constant(2, size)
        self.emit(0xd2800020, 0xd2800000 | SYS_WRITE << 5 | 8, 0xd4000001)  # x0 = 1, x8, svc
        self.emit(0xf100001f, 0x5400008d)  # cmp x0, 0; b.le +16
        self.emit(0x8b000021, 0xcb000042, 0xb5ffff22)  # x1 += x0; x2 -= x0; cbnz x2, -28

    def again(self, start, counter, times):
        """Back to start until it has run so many times."""
        self.constant(0, counter)
        self.emit(0xf9400001, 0x91000421, 0xf9000001, 0xf100003f | times << 10)
        self.emit(0x54000003 | (start - self.here() >> 2 & 0x7ffff) << 5)

    def leave(self):
        self.emit(0xd2800000, 0xd2800000 | SYS_EXIT << 5 | 8, 0xd4000001)

    @staticmethod
    def describe(record):
        values = struct.unpack("<100Q", record)
        out = {f"x{n}": values[n] for n in range(28)}
        out |= dict(zip(("sp", "nzcv", "fpcr", "fpsr"), values[31:35]))
        out |= {f"v{n}": values[36 + 2 * n] | values[37 + 2 * n] << 64 for n in range(32)}
        return out


def build(kind, cases, scratch, times=1):
    """The ELF file of cases [(record, [(word, width)...])], and the size of the scratch memory."""
    program = kind()
    inputs = DATA + len(scratch)
    outputs = inputs + len(cases) * kind.RECORD
    start = 4 * 512
    load, save = program.routines()
    assert len(program.words) <= start
    program.words += bytes(start - len(program.words))
    first = program.here()
    program.pointers(inputs, outputs)
    for _, insns in cases:
        program.call(load)
        program.load_flags()
        for word, width in insns:
            program.emit_insn(word, width)
        program.save_flags()
        program.call(save)
    if len(program.words) % 4:
        program.emit_insn(1, 16)  # c.nop
    if times > 1:
        program.again(first, outputs + len(cases) * kind.RECORD, times)
    program.write_all(DATA, len(scratch))
    program.write_all(outputs, len(cases) * kind.RECORD)
    program.leave()
    return elf(kind, bytes(program.words), start,
               scratch + b"".join(record for record, _ in cases), len(cases) * kind.RECORD + 8)


def elf(kind, code, start, data, bss):
    page = 0x1000
    code_at = page
    data_at = (code_at + len(code) + page - 1) // page * page
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, kind.MACHINE, 1,
                         CODE + start, 64, 0, kind.FLAGS, 64, 56, 2, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", 1, 5, code_at, CODE, CODE, len(code), len(code), page)
    header += struct.pack("<IIQQQQQQ", 1, 6, data_at, DATA, DATA, len(data), len(data) + bss, page)
    out = header.ljust(code_at, b"\0") + code
    return out.ljust(data_at, b"\0") + data


KINDS = {"riscv64": Riscv, "arm64": Arm64}
