/* Single instructions against values worked out from the manual. */
#include "isa/riscv/tests/rvtest.h"

#define MIN64 UINT64_C(0x8000000000000000)
#define ALL   UINT64_MAX
#define BOX   UINT64_C(0xffffffff00000000)
#define QNAN  UINT64_C(0x7ff8000000000000)

enum { NX = 1, UF = 2, OF = 4, DZ = 8, NV = 16 };

static struct cpu *hart;

static int setup(void **state)
{
    (void)state;
    hart = cpu_new(&isa_riscv);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cpu_free(hart);
    return 0;
}

/* ---- integer: x10 := x11 OP x12 ---- */
static void two_registers(void **state)
{
    static const struct {
        const char *name;
        uint64_t a, b, want;
    } t[] = {
        {"add", ALL, 2, 1},
        {"sub", 1, 2, ALL},
        {"sll", 1, 64 + 63, MIN64},
        {"srl", MIN64, 63, 1},
        {"sra", MIN64, 63, ALL},
        {"slt", MIN64, 0, 1},
        {"sltu", MIN64, 0, 0},
        {"xor", 0xff00, 0x0ff0, 0xf0f0},
        {"or", 0xff00, 0x0ff0, 0xfff0},
        {"and", 0xff00, 0x0ff0, 0x0f00},
        {"addw", 0x7fffffff, 1, 0xffffffff80000000},
        {"subw", 0x80000000, 1, 0x7fffffff},
        {"sllw", 1, 32 + 31, 0xffffffff80000000},
        {"srlw", 0xffffffff80000000, 31, 1},
        {"sraw", 0x80000000, 31, ALL},
        {"mul", MIN64 + 3, 2, 6},
        {"mulh", ALL, ALL, 0},
        {"mulhu", ALL, ALL, ALL - 1},
        {"mulhsu", ALL, ALL, ALL},
        {"div", MIN64, ALL, MIN64},
        {"div", 7, 0, ALL},
        {"div", -UINT64_C(7), 2, -UINT64_C(3)},
        {"divu", 7, 0, ALL},
        {"rem", MIN64, ALL, 0},
        {"rem", 7, 0, 7},
        {"rem", -UINT64_C(7), 2, ALL},
        {"remu", 7, 0, 7},
        {"mulw", 0x10000, 0x8000, 0xffffffff80000000},
        {"divw", 0x80000000, 0xffffffff, 0xffffffff80000000},
        {"divw", 5, 0x100000000, ALL},
        {"divuw", 0xffffffff, 0, ALL},
        {"divuw", 0xffffffff, 1, ALL},
        {"remw", 0x80000000, 0, 0xffffffff80000000},
        {"remuw", 0xffffffff, 0, ALL},
        {"czero_eqz", 5, 0, 0},
        {"czero_eqz", 5, 7, 5},
        {"czero_nez", 5, 0, 5},
        {"czero_nez", 5, 7, 0},
        {"add_uw", 0xffffffff00000001, 4, 5},
        {"sh1add", 3, 4, 10},
        {"sh2add", 3, 4, 16},
        {"sh3add", 3, 4, 28},
        {"sh3add_uw", 0xf00000003, 4, 28},
        {"andn", 0xff, 0x0f, 0xf0},
        {"orn", 0, 0xff, ~UINT64_C(0xff)},
        {"xnor", 0xff, 0x0f, ~UINT64_C(0xf0)},
        {"min", ALL, 1, ALL},
        {"minu", ALL, 1, 1},
        {"max", ALL, 1, 1},
        {"maxu", ALL, 1, ALL},
        {"rol", 1, 65, 2},
        {"ror", 1, 1, MIN64},
        {"rolw", 0x80000000, 1, 1},
        {"rorw", 1, 1, 0xffffffff80000000},
        {"bclr", ALL, 63, ALL >> 1},
        {"bext", 4, 64 + 2, 1},
        {"binv", 4, 2, 0},
        {"bset", 0, 63, MIN64},
        {"clmul", 3, 3, 5},
        {"clmulh", MIN64, 6, 3},
        {"clmulr", MIN64, 2, 2},
        {"clz", 1, 0, 63},
        {"ctz", 0, 0, 64},
        {"cpop", ALL, 0, 64},
        {"clzw", 0xffffffff00000001, 0, 31},
        {"ctzw", MIN64, 0, 32},
        {"cpopw", ALL, 0, 32},
        {"sext_b", 0x80, 0, -UINT64_C(128)},
        {"sext_h", 0x8000, 0, -UINT64_C(32768)},
        {"zext_h", ALL, 0, 0xffff},
        {"orc_b", 0x0100200000000080, 0, 0xff00ff00000000ff},
        {"rev8", 0x0102030405060708, 0, 0x0807060504030201},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        uint32_t word = rvt_r(t[i].name, 10, 11, 12);

        rv_state(hart)->x[11] = t[i].a;
        rv_state(hart)->x[12] = t[i].b;
        assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
        if (rv_state(hart)->x[10] != t[i].want)
            fail_msg("%s %llx %llx: %llx", t[i].name, (unsigned long long)t[i].a,
                     (unsigned long long)t[i].b, (unsigned long long)rv_state(hart)->x[10]);
        assert_int_equal(hart->pc, RVT_PC + 4);
    }
}

static void immediates(void **state)
{
    static const struct {
        const char *name;
        uint64_t a;
        int imm;
        uint64_t want;
    } t[] = {
        {"addi", 5, -6, ALL},
        {"slti", ALL, 0, 1},
        {"sltiu", 0, 1, 1},
        {"sltiu", 5, -1, 1},
        {"xori", 5, -1, ~UINT64_C(5)},
        {"ori", 5, -2048, -UINT64_C(2043)},
        {"andi", ALL, 0x7ff, 0x7ff},
        {"slli", 1, 63, MIN64},
        {"srli", ALL, 63, 1},
        {"srai", MIN64, 63, ALL},
        {"addiw", 0x7fffffff, 1, 0xffffffff80000000},
        {"addiw", 0x1ffffffff, 0, ALL},
        {"slliw", 1, 31, 0xffffffff80000000},
        {"srliw", ALL, 31, 1},
        {"sraiw", 0x80000000, 31, ALL},
        {"slli_uw", 0xf00000001, 4, 16},
        {"rori", 1, 1, MIN64},
        {"roriw", 1, 1, 0xffffffff80000000},
        {"bclri", ALL, 63, ALL >> 1},
        {"bexti", MIN64, 63, 1},
        {"binvi", 0, 40, UINT64_C(1) << 40},
        {"bseti", 0, 63, MIN64},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        uint32_t word = rvt_i(t[i].name, 10, 11, t[i].imm);

        rv_state(hart)->x[11] = t[i].a;
        assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
        if (rv_state(hart)->x[10] != t[i].want)
            fail_msg("%s %llx %d: %llx", t[i].name, (unsigned long long)t[i].a, t[i].imm,
                     (unsigned long long)rv_state(hart)->x[10]);
    }
}

/* ---- control flow: words as an assembler makes them ---- */
static void control(void **state)
{
    static const struct {
        uint32_t word;
        uint64_t a0, pc, ra;
    } t[] = {
        {0x00000597 /* auipc a1, 0 */, 0, RVT_PC + 4, 0},
        {0xff9ff0ef /* jal ra, -8 */, 0, RVT_PC - 8, RVT_PC + 4},
        {0x004500e7 /* jalr ra, 4(a0) */, 0x2001, 0x2004, RVT_PC + 4},
        {0x00050463 /* beqz a0, 8 */, 0, RVT_PC + 8, 0},
        {0x00050463 /* beqz a0, 8 */, 1, RVT_PC + 4, 0},
        {0xfe054ee3 /* bltz a0, -4 */, ALL, RVT_PC - 4, 0},
        {0xfea04ee3 /* bgtz a0, -4 */, 1, RVT_PC - 4, 0},
        {0xfea04ee3 /* bgtz a0, -4 */, 0, RVT_PC + 4, 0},
        {0xfea06ee3 /* bltu zero, a0, -4 */, ALL, RVT_PC - 4, 0},
        {0xa001 /* c.j 0 */, 0, RVT_PC, 0},
        {0xbffd /* c.j -2 */, 0, RVT_PC - 2, 0},
        {0xdd7d /* c.beqz a0, -2 */, 0, RVT_PC - 2, 0},
        {0xfd7d /* c.bnez a0, -2 */, 0, RVT_PC + 2, 0},
        {0x8502 /* c.jr a0 */, 0x3000, 0x3000, 0},
        {0x9502 /* c.jalr a0 */, 0x3000, 0x3000, RVT_PC + 2},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        rv_state(hart)->x[10] = t[i].a0;
        rv_state(hart)->x[1] = 0;
        assert_int_equal(rvt_run(hart, &t[i].word, 1), CPU_EXIT_NONE);
        if (hart->pc != t[i].pc || rv_state(hart)->x[1] != t[i].ra)
            fail_msg("%08x: pc %llx ra %llx", t[i].word, (unsigned long long)hart->pc,
                     (unsigned long long)rv_state(hart)->x[1]);
    }
}

/* Compressed words as GNU as makes them: x10 := f(x10, x11, sp). */
static void compressed(void **state)
{
    static const struct {
        uint32_t word;
        uint64_t a0, a1, want;
    } t[] = {
        {0x0808 /* c.addi4spn a0, sp, 16 */, 0, 0, 0x1010},
        {0x1fe8 /* c.addi4spn a0, sp, 1020 */, 0, 0, 0x13fc},
        {0x1545 /* c.addi a0, -15 */, 20, 0, 5},
        {0x357d /* c.addiw a0, -1 */, 0, 0, ALL},
        {0x5541 /* c.li a0, -16 */, 0, 0, -UINT64_C(16)},
        {0x757d /* c.lui a0, 0xfffff */, 0, 0, -UINT64_C(4096)},
        {0x9105 /* c.srli a0, 33 */, ALL, 0, 0x7fffffff},
        {0x8509 /* c.srai a0, 2 */, -UINT64_C(8), 0, -UINT64_C(2)},
        {0x9979 /* c.andi a0, -2 */, 7, 0, 6},
        {0x8d0d /* c.sub a0, a1 */, 1, 2, ALL},
        {0x8d2d /* c.xor a0, a1 */, 3, 5, 6},
        {0x8d4d /* c.or a0, a1 */, 3, 5, 7},
        {0x8d6d /* c.and a0, a1 */, 3, 5, 1},
        {0x9d0d /* c.subw a0, a1 */, 0, 1, ALL},
        {0x9d2d /* c.addw a0, a1 */, 0x7fffffff, 1, 0xffffffff80000000},
        {0x1506 /* c.slli a0, 33 */, 1, 0, UINT64_C(1) << 33},
        {0x852e /* c.mv a0, a1 */, 1, 9, 9},
        {0x952e /* c.add a0, a1 */, 1, 9, 10},
    };
    uint32_t sp_down = 0x7139 /* c.addi16sp -64 */, sp_up = 0x617d /* c.addi16sp 496 */;

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        rv_state(hart)->x[2] = 0x1000;
        rv_state(hart)->x[10] = t[i].a0;
        rv_state(hart)->x[11] = t[i].a1;
        assert_int_equal(rvt_run(hart, &t[i].word, 1), CPU_EXIT_NONE);
        if (rv_state(hart)->x[10] != t[i].want)
            fail_msg("%04x: %llx", t[i].word, (unsigned long long)rv_state(hart)->x[10]);
        assert_int_equal(hart->pc, RVT_PC + 2);
    }
    rvt_run(hart, &sp_down, 1);
    assert_int_equal(rv_state(hart)->x[2], 0x1000 - 64);
    rvt_run(hart, &sp_up, 1);
    assert_int_equal(rv_state(hart)->x[2], 0x1000 - 64 + 496);
}

static void exits(void **state)
{
    static const struct {
        uint32_t word;
        int reason;
        uint64_t pc;
    } t[] = {
        {0x00000073, CPU_EXIT_SYSCALL, RVT_PC + 4}, {0x00100073, CPU_EXIT_BREAK, RVT_PC},
        {0x9002, CPU_EXIT_BREAK, RVT_PC},           {0x0000100f, CPU_EXIT_ISYNC, RVT_PC + 4},
        {0x0ff0000f, CPU_EXIT_NONE, RVT_PC + 4},    {0x0100000f, CPU_EXIT_NONE, RVT_PC + 4},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_int_equal(rvt_run(hart, &t[i].word, 1), t[i].reason);
        assert_int_equal(hart->pc, t[i].pc);
    }
}

/* ---- memory ---- */
static void memory(void **state)
{
    static const struct {
        const char *name;
        uint64_t want;
    } loads[] = {
        {"lb", -UINT64_C(0x78)},    {"lbu", 0x88},
        {"lh", -UINT64_C(0x7778)},  {"lhu", 0x8888},
        {"lw", 0xffffffff86878888}, {"lwu", 0x86878888},
        {"ld", 0x8283848586878888},
    };
    static const uint8_t bytes[] = {0, 0x88, 0x88, 0x87, 0x86, 0x85, 0x84, 0x83, 0x82};
    static const struct {
        const char *name;
        uint64_t want;
    } stores[] = {{"sb", 0xa1}, {"sh", 0xa2a1}, {"sw", 0xa4a3a2a1}, {"sd", 0xa8a7a6a5a4a3a2a1}};
    uint64_t got[2];

    (void)state;
    for (unsigned i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        uint32_t word = rvt_i(loads[i].name, 10, 11, -7); /* misaligned */

        rv_state(hart)->x[11] = (uint64_t)(uintptr_t)bytes + 8;
        assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
        assert_int_equal(rv_state(hart)->x[10], loads[i].want);
    }
    for (unsigned i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        uint32_t word = rvt_s(stores[i].name, 10, 11, 8);

        got[0] = got[1] = 0;
        rv_state(hart)->x[10] = 0xa8a7a6a5a4a3a2a1;
        rv_state(hart)->x[11] = (uint64_t)(uintptr_t)got;
        assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
        assert_int_equal(got[1], stores[i].want);
        assert_int_equal(got[0], 0);
    }
}

static void atomics(void **state)
{
    static const struct {
        const char *name;
        uint64_t mem, arg, want;
    } t[] = {
        {"amoswap_w", 1, 2, 2},
        {"amoadd_w", 0xffffffff, 2, 1},
        {"amoand_d", 6, 3, 2},
        {"amoor_d", 6, 3, 7},
        {"amoxor_d", 6, 3, 5},
        {"amomin_w", 0xffffffff, 1, 0xffffffff},
        {"amomax_w", 0xffffffff, 1, 1},
        {"amominu_w", 0xffffffff, 1, 1},
        {"amomaxu_w", 0xffffffff, 1, 0xffffffff},
        {"amomin_d", ALL, 1, ALL},
        {"amomaxu_d", ALL, 1, ALL},
    };
    _Alignas(8) uint64_t mem;
    struct rv_state *s = rv_state(hart);
    uint32_t word;

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        word = rvt_r(t[i].name, 10, 11, 12) | 3 << 25;
        mem = t[i].mem;
        s->x[11] = (uint64_t)(uintptr_t)&mem;
        s->x[12] = t[i].arg;
        assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
        if (mem != t[i].want)
            fail_msg("%s: %llx", t[i].name, (unsigned long long)mem);
        assert_int_equal(s->x[10], strchr(t[i].name, 'w') && strstr(t[i].name, "_w")
                                       ? (uint64_t)(int32_t)t[i].mem
                                       : t[i].mem);
    }
    s->x[11] = (uint64_t)(uintptr_t)&mem + 1;
    word = rvt_r("amoadd_w", 10, 11, 12);
    assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_ALIGN);
}

static void reservations(void **state)
{
    _Alignas(8) uint64_t mem = 0xfffffffff0000000;
    struct rv_state *s = rv_state(hart);
    uint32_t lr_w = rvt_r("lr_w", 10, 11, 0), sc_w = rvt_r("sc_w", 13, 11, 12);
    uint32_t lr_d = rvt_r("lr_d", 10, 11, 0), sc_d = rvt_r("sc_d", 13, 11, 12);

    (void)state;
    s->x[11] = (uint64_t)(uintptr_t)&mem;
    s->x[12] = 5;
    s->res_tag = 0;
    rvt_run(hart, &sc_w, 1); /* nothing reserved */
    assert_int_equal(s->x[13], 1);
    assert_int_equal(mem, 0xfffffffff0000000);
    rvt_run(hart, &lr_w, 1);
    assert_int_equal(s->x[10], 0xfffffffff0000000);
    rvt_run(hart, &sc_w, 1);
    assert_int_equal(s->x[13], 0);
    assert_int_equal(mem, 0xffffffff00000005);
    rvt_run(hart, &sc_w, 1); /* used up */
    assert_int_equal(s->x[13], 1);
    rvt_run(hart, &lr_d, 1);
    mem = 7; /* another hart */
    rvt_run(hart, &sc_d, 1);
    assert_int_equal(s->x[13], 1);
    assert_int_equal(mem, 7);
    rvt_run(hart, &lr_w, 1);
    rvt_run(hart, &sc_d, 1); /* other size */
    assert_int_equal(s->x[13], 1);
    assert_int_equal(mem, 7);
    rvt_run(hart, &lr_d, 1);
    rvt_run(hart, &sc_d, 1);
    assert_int_equal(s->x[13], 0);
    assert_int_equal(mem, 5);
}

static void zero_block(void **state)
{
    _Alignas(64) uint8_t block[192];
    uint32_t word = rvt_r("cbo_zero", 0, 11, 0);

    (void)state;
    memset(block, 0xee, sizeof(block));
    rv_state(hart)->x[11] = (uint64_t)(uintptr_t)block + 100;
    assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
    for (unsigned i = 0; i < sizeof(block); i++)
        assert_int_equal(block[i], i / 64 == 1 ? 0 : 0xee);
}

/* ---- floating point: f10 := f11 OP f12, or x10 ---- */
static void floats(void **state)
{
    static const struct {
        const char *name;
        unsigned rm; /* 8: the form has none */
        uint64_t a, b, want;
        unsigned flags;
    } t[] = {
        {"fadd_d", 0, 0x3ff0000000000000, 0x3ff0000000000000, 0x4000000000000000, 0},
        {"fadd_d", 3, 0x3ff0000000000000, 1, 0x3ff0000000000001, NX},
        {"fadd_d", 7, 0x3ff0000000000000, 1, 0x3ff0000000000000, NX},
        {"fsub_d", 0, 0x7ff0000000000000, 0x7ff0000000000000, QNAN, NV},
        {"fmul_d", 0, 0x7ff0000000000001, 0x3ff0000000000000, QNAN, NV},
        {"fmul_d", 0, 0xfff8000000000001, 0x3ff0000000000000, QNAN, 0},
        {"fdiv_d", 0, 0x3ff0000000000000, 0, 0x7ff0000000000000, DZ},
        {"fsqrt_d", 0, 0xbff0000000000000, 0, QNAN, NV},
        {"fsqrt_d", 0, 0x4010000000000000, 0, 0x4000000000000000, 0},
        {"fadd_s", 0, BOX | 0x3f800000, BOX | 0x3f800000, BOX | 0x40000000, 0},
        {"fadd_s", 0, 0x3f800000, BOX | 0x3f800000, BOX | 0x7fc00000, 0},
        {"fdiv_s", 4, BOX | 0x3f800000, BOX | 0x40400000, BOX | 0x3eaaaaab, NX},
        {"fdiv_s", 1, BOX | 0x3f800000, BOX | 0x40400000, BOX | 0x3eaaaaaa, NX},
        {"fadd_s", 4, BOX | 0x3f800000, BOX | 0x33800000, BOX | 0x3f800001, NX},
        {"fadd_s", 0, BOX | 0x3f800000, BOX | 0x33800000, BOX | 0x3f800000, NX},
        {"fmin_d", 8, 0x8000000000000000, 0, 0x8000000000000000, 0},
        {"fmax_d", 8, 0x8000000000000000, 0, 0, 0},
        {"fmin_d", 8, QNAN, 0x3ff0000000000000, 0x3ff0000000000000, 0},
        {"fmin_d", 8, 0x7ff0000000000001, 0x3ff0000000000000, 0x3ff0000000000000, NV},
        {"fmin_d", 8, 0xfff8000000000001, QNAN, QNAN, 0},
        {"fmax_s", 8, BOX | 0xff800000, 0, BOX | 0xff800000, 0},
        {"fsgnj_s", 8, 0x3f800000, BOX | 0x80000000, BOX | 0xffc00000, 0},
        {"fsgnj_s", 8, BOX | 0x3f800000, BOX | 0x80000000, BOX | 0xbf800000, 0},
        {"fsgnj_d", 8, 1, 0x8000000000000000, 0x8000000000000001, 0},
        {"fsgnjn_d", 8, 1, 0x8000000000000000, 1, 0},
        {"fsgnjx_d", 8, 0x8000000000000001, 0x8000000000000000, 1, 0},
        {"fcvt_s_d", 0, 0x7ff4000000000000, 0, BOX | 0x7fc00000, NV},
        {"fcvt_s_d", 0, 0x47f0000000000000, 0, BOX | 0x7f800000, OF | NX},
        {"fcvt_d_s", 0, BOX | 0x3f800000, 0, 0x3ff0000000000000, 0},
        {"fcvt_d_s", 0, 0x3f800000, 0, QNAN, 0},
        {"fcvt_h_s", 0, BOX | 0x3f800000, 0, 0xffffffffffff3c00, 0},
        {"fcvt_s_h", 0, 0xffffffffffff3c00, 0, BOX | 0x3f800000, 0},
        {"fcvt_s_h", 0, BOX | 0x3c00, 0, BOX | 0x7fc00000, 0},
        {"fadd_h", 0, 0xffffffffffff3c00, 0xffffffffffff3c00, 0xffffffffffff4000, 0},
        {"fdiv_h", 0, 0xffffffffffff3c00, 0xffffffffffff0000, 0xffffffffffff7c00, DZ},
        {"fsgnjn_h", 8, 0xffffffffffff3c00, 0xffffffffffff3c00, 0xffffffffffffbc00, 0},
    };
    struct rv_state *s = rv_state(hart);

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        uint32_t word = rvt_r(t[i].name, 10, 11, 12);

        if (t[i].rm < 8)
            word |= t[i].rm << 12;
        rv_fcsr_write(hart, 0);
        s->f[11] = t[i].a;
        s->f[12] = t[i].b;
        assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
        if (s->f[10] != t[i].want || s->fcsr != t[i].flags)
            fail_msg("%u %s: %llx, flags %x", i, t[i].name, (unsigned long long)s->f[10], s->fcsr);
    }
}

static void float_to_int(void **state)
{
    static const struct {
        const char *name;
        unsigned rm;
        uint64_t a, b, want;
        unsigned flags;
    } t[] = {
        {"fcvt_w_d", 1, 0xc002000000000000 /* -2.25 */, 0, -UINT64_C(2), NX},
        {"fcvt_w_d", 2, 0xc002000000000000, 0, -UINT64_C(3), NX},
        {"fcvt_w_d", 4, 0x4004000000000000 /* 2.5 */, 0, 3, NX},
        {"fcvt_w_d", 0, 0x4004000000000000, 0, 2, NX},
        {"fcvt_wu_d", 1, 0xc002000000000000, 0, 0, NV},
        {"fcvt_wu_d", 1, 0x41efffffffe00000 /* 2^32-1 */, 0, ALL, 0},
        {"fcvt_w_d", 1, QNAN, 0, 0x7fffffff, NV},
        {"fcvt_l_d", 1, 0xfff8000000000000, 0, ALL >> 1, NV},
        {"fcvt_lu_d", 1, QNAN, 0, ALL, NV},
        {"fcvt_lu_s", 1, BOX | 0xbf000000, 0, 0, NX},
        {"fcvt_l_s", 1, 0x3f800000, 0, ALL >> 1, NV},
        {"fcvt_w_h", 1, 0xffffffffffff4100 /* 2.5 */, 0, 2, NX},
        {"feq_d", 8, 0, 0x8000000000000000, 1, 0},
        {"feq_d", 8, QNAN, QNAN, 0, 0},
        {"flt_d", 8, QNAN, 0, 0, NV},
        {"fle_s", 8, BOX | 0x80000000, BOX, 1, 0},
        {"flt_s", 8, BOX | 0x80000000, BOX, 0, 0},
        {"feq_h", 8, 0xffffffffffff8000, 0xffffffffffff0000, 1, 0},
        {"fclass_d", 8, 0xfff0000000000000, 0, 1, 0},
        {"fclass_d", 8, QNAN, 0, 1 << 9, 0},
        {"fclass_s", 8, BOX | 0x7f800001, 0, 1 << 8, 0},
        {"fclass_s", 8, 0x3f800000, 0, 1 << 9, 0},
        {"fclass_h", 8, 0xffffffffffff0001, 0, 1 << 5, 0},
        {"fmv_x_w", 8, 0x1234567880000000, 0, 0xffffffff80000000, 0},
        {"fmv_x_d", 8, 0x1234567880000000, 0, 0x1234567880000000, 0},
        {"fmv_x_h", 8, 0x8000, 0, -UINT64_C(0x8000), 0},
    };
    struct rv_state *s = rv_state(hart);

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        uint32_t word = rvt_r(t[i].name, 10, 11, 12);

        if (t[i].rm < 8)
            word |= t[i].rm << 12;
        rv_fcsr_write(hart, 0);
        s->f[11] = t[i].a;
        s->f[12] = t[i].b;
        assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
        if (s->x[10] != t[i].want || s->fcsr != t[i].flags)
            fail_msg("%u %s: %llx, flags %x", i, t[i].name, (unsigned long long)s->x[10], s->fcsr);
    }
}

static void int_to_float(void **state)
{
    static const struct {
        const char *name;
        unsigned rm;
        uint64_t a, want;
        unsigned flags;
    } t[] = {
        {"fcvt_d_w", 0, 0x1ffffffff, 0xbff0000000000000, 0},
        {"fcvt_d_wu", 0, ALL, 0x41efffffffe00000, 0},
        {"fcvt_d_l", 0, ALL, 0xbff0000000000000, 0},
        {"fcvt_d_lu", 0, ALL, 0x43f0000000000000, NX},
        {"fcvt_d_lu", 1, ALL, 0x43efffffffffffff, NX},
        {"fcvt_s_w", 3, 0x1000001, BOX | 0x4b800001, NX},
        {"fcvt_s_lu", 0, ALL, BOX | 0x5f800000, NX},
        {"fcvt_h_w", 0, 1, 0xffffffffffff3c00, 0},
        {"fcvt_h_lu", 0, ALL, 0xffffffffffff7c00, OF | NX},
        {"fmv_w_x", 8, 0x1234567887654321, BOX | 0x87654321, 0},
        {"fmv_d_x", 8, 0x1234567887654321, 0x1234567887654321, 0},
        {"fmv_h_x", 8, 0x1234567887654321, 0xffffffffffff4321, 0},
    };
    struct rv_state *s = rv_state(hart);

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        uint32_t word = rvt_r(t[i].name, 10, 11, 0);

        if (t[i].rm < 8)
            word |= t[i].rm << 12;
        rv_fcsr_write(hart, 0);
        s->x[11] = t[i].a;
        assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
        if (s->f[10] != t[i].want || s->fcsr != t[i].flags)
            fail_msg("%u %s: %llx, flags %x", i, t[i].name, (unsigned long long)s->f[10], s->fcsr);
    }
}

/* 2 * 3 + 1 with its four signs. */
static void fused(void **state)
{
    static const struct {
        const char *name;
        uint64_t d;
        uint32_t s, h;
    } t[] = {
        {"fmadd", 0x401c000000000000, 0x40e00000, 0x4700},
        {"fmsub", 0x4014000000000000, 0x40a00000, 0x4500},
        {"fnmsub", 0xc014000000000000, 0xc0a00000, 0xc500},
        {"fnmadd", 0xc01c000000000000, 0xc0e00000, 0xc700},
    };
    struct rv_state *s = rv_state(hart);
    char name[16];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < 3; k++) {
            static const uint64_t in[3][3] = {
                {0x4000000000000000, 0x4008000000000000, 0x3ff0000000000000},
                {BOX | 0x40000000, BOX | 0x40400000, BOX | 0x3f800000},
                {0xffffffffffff4000, 0xffffffffffff4200, 0xffffffffffff3c00},
            };
            const uint64_t want[3] = {t[i].d, BOX | t[i].s, UINT64_C(0xffffffffffff0000) | t[i].h};
            size_t len = strlen(t[i].name);

            memcpy(name, t[i].name, len);
            memcpy(name + len, (const char *[]){"_d", "_s", "_h"}[k], 3);
            memcpy(&s->f[11], in[k], sizeof(in[k]));
            uint32_t word = rvt_r(name, 10, 11, 12) | 13u << 27;
            assert_int_equal(rvt_run(hart, &word, 1), CPU_EXIT_NONE);
            if (s->f[10] != want[k])
                fail_msg("%s: %llx", name, (unsigned long long)s->f[10]);
        }
    }
}

/* Values that a block boxes and reads again, and a register that stops being a single. */
static void boxes_in_a_block(void **state)
{
    struct rv_state *s = rv_state(hart);
    const uint32_t words[] = {
        rvt_rm("fadd_s", 10, 11, 12, 0), rvt_rm("fmul_s", 13, 10, 10, 0),
        rvt_r("fmv_d_x", 10, 0, 0),      rvt_rm("fadd_s", 14, 13, 10, 0),
        rvt_r("fsgnj_s", 15, 13, 13),    rvt_r("fsgnjn_s", 16, 13, 13),
        rvt_r("fsgnj_s", 17, 10, 10),
    };

    (void)state;
    s->f[11] = s->f[12] = BOX | 0x3f800000;
    assert_int_equal(rvt_run(hart, words, 7), CPU_EXIT_NONE);
    assert_int_equal(s->f[13], BOX | 0x40800000);
    assert_int_equal(s->f[14], BOX | 0x7fc00000);
    assert_int_equal(s->f[15], BOX | 0x40800000);
    assert_int_equal(s->f[16], BOX | 0xc0800000);
    assert_int_equal(s->f[17], BOX | 0x7fc00000);
}

static void csrs(void **state)
{
    struct rv_state *s = rv_state(hart);
    uint32_t w;

    (void)state;
    rv_fcsr_write(hart, 0);
    w = rvt_rm("fdiv_d", 1, 2, 3, 7);
    s->f[2] = 0x3ff0000000000000;
    s->f[3] = 0;
    rvt_run(hart, &w, 1);
    w = 0x00102573; /* frflags a0 */
    rvt_run(hart, &w, 1);
    assert_int_equal(s->x[10], DZ);
    w = 0x00207573; /* csrrci a0, frm, 0: reads only */
    rvt_run(hart, &w, 1);
    assert_int_equal(s->x[10], 0);
    w = 0x0021d573; /* csrrwi a0, frm, 3 */
    assert_int_equal(rvt_run(hart, &w, 1), CPU_EXIT_NONE);
    assert_int_equal(hart->key, 3);
    assert_int_equal(s->fcsr, 3 << 5 | DZ);
    w = 0x00302573; /* frcsr a0 */
    rvt_run(hart, &w, 1);
    assert_int_equal(s->x[10], 3 << 5 | DZ);
    w = 0x0010f573; /* csrrci a0, fflags, 1 */
    rvt_run(hart, &w, 1);
    assert_int_equal(s->fcsr, 3 << 5 | DZ);
    s->x[10] = ALL;
    w = 0x00351573; /* fscsr a0, a0 */
    rvt_run(hart, &w, 1);
    assert_int_equal(s->x[10], 3 << 5 | DZ);
    assert_int_equal(s->fcsr, 0xff);
    assert_int_equal(hart->key, 7);
    rv_fcsr_write(hart, 0);
    w = 0xc0102573; /* rdtime a0 */
    rvt_run(hart, &w, 1);
    uint64_t before = s->x[10];
    rvt_run(hart, &w, 1);
    assert_true(s->x[10] >= before);
}

static void zero_register(void **state)
{
    uint32_t words[] = {rvt_i("addi", 0, 11, 5), rvt_r("add", 10, 0, 0)};

    (void)state;
    rv_state(hart)->x[11] = 1;
    rv_state(hart)->x[10] = 1;
    assert_int_equal(rvt_run(hart, words, 2), CPU_EXIT_NONE);
    assert_int_equal(rv_state(hart)->x[0], 0);
    assert_int_equal(rv_state(hart)->x[10], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_registers), cmocka_unit_test(immediates),
        cmocka_unit_test(control),       cmocka_unit_test(compressed),
        cmocka_unit_test(exits),         cmocka_unit_test(memory),
        cmocka_unit_test(atomics),       cmocka_unit_test(reservations),
        cmocka_unit_test(zero_block),    cmocka_unit_test(floats),
        cmocka_unit_test(float_to_int),  cmocka_unit_test(int_to_float),
        cmocka_unit_test(fused),         cmocka_unit_test(boxes_in_a_block),
        cmocka_unit_test(csrs),          cmocka_unit_test(zero_register),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
