/* Directed tests: short instruction sequences through the interpreter, expected values from the
 * manual. Plain arithmetic is left to the differential test; here is what that one cannot reach. */
#include "isa/arm64/tests/unit.h"

#include "isa/arm64/features.h"
#include "isa/arm64/sysreg.h"

const struct isa *const isa_registry[] = {&isa_arm64, NULL};

static struct ir_unit unit;
static struct cpu *cpu;

#define PC UINT64_C(0x400000)

static int setup(void **state)
{
    (void)state;
    ir_unit_init(&unit);
    cpu = cpu_new(&isa_arm64);
    return cpu ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    cpu_free(cpu);
    ir_unit_free(&unit);
    return 0;
}

static struct arm64_state *st(void)
{
    return arm64_state(cpu);
}

/* Runs the words once as one block; returns the exit. */
static int run(const uint32_t *words, unsigned count)
{
    unit_lift(&unit, cpu->key, PC, words, count);
    unit_check(&unit);
    cpu->pc = PC;
    return ir_interp(&unit, cpu);
}
#define RUN(...)                                \
    ({                                          \
        const uint32_t code_[] = {__VA_ARGS__}; \
        run(code_, sizeof(code_) / 4);          \
    })

static uint32_t mrs(unsigned reg, unsigned rt)
{
    return 0xd5300000u | (reg & 0x4000 ? 1u << 19 : 0) | (reg & 0x3fff) << 5 | rt;
}
static uint32_t msr(unsigned reg, unsigned rt)
{
    return mrs(reg, rt) & ~(1u << 21);
}

/* ---- control ---- */

static void exits(void **state)
{
    (void)state;
    assert_int_equal(RUN(0xd4000001u | 7 << 5), CPU_EXIT_SYSCALL);
    assert_int_equal(cpu->pc, PC + 4);
    assert_int_equal(cpu->exit_code, 7);
    assert_int_equal(RUN(0xd4207d00u), CPU_EXIT_BREAK); /* brk #0x3e8 */
    assert_int_equal(cpu->pc, PC);
    assert_int_equal(cpu->exit_code, 0x3e8);
    assert_int_equal(RUN(0x00000000u), CPU_EXIT_UNDEF); /* udf #0 */
    assert_int_equal(cpu->pc, PC);
    assert_int_equal(RUN(0xd4400000u), CPU_EXIT_UNDEF); /* hlt #0 */
    assert_int_equal(RUN(0xd503203fu), CPU_EXIT_YIELD);
    assert_int_equal(cpu->pc, PC + 4);
    st()->x[3] = 0x12345;
    assert_int_equal(RUN(0xd50b7523u), CPU_EXIT_ISYNC); /* ic ivau, x3 */
    assert_int_equal(cpu->exit_arg, 0x12340);
    assert_int_equal(cpu->exit_code, 64);
    assert_int_equal(cpu->pc, PC + 4);
}

static void calls_and_returns(void **state)
{
    (void)state;
    assert_int_equal(RUN(0x94000004u), CPU_EXIT_NONE); /* bl .+16 */
    assert_int_equal(cpu->pc, PC + 16);
    assert_int_equal(st()->x[30], PC + 4);
    st()->x[30] = 0x5000;
    RUN(0xd63f03c0u); /* blr x30: the old value is the target */
    assert_int_equal(cpu->pc, 0x5000);
    assert_int_equal(st()->x[30], PC + 4);
    RUN(0xd65f03c0u); /* ret */
    assert_int_equal(cpu->pc, PC + 4);
    RUN(0xd65f0bffu); /* retaa, keys off: as ret */
    assert_int_equal(cpu->pc, PC + 4);
    arm64_set_nzcv(st(), 1u << 30);
    RUN(0x54000100u); /* b.eq .+32 */
    assert_int_equal(cpu->pc, PC + 32);
    RUN(0x54000101u); /* b.ne .+32 */
    assert_int_equal(cpu->pc, PC + 4);
    RUN(0x5400010fu); /* b.nv is always */
    assert_int_equal(cpu->pc, PC + 32);
}

/* ---- exclusives ---- */

static void exclusives(void **state)
{
    static uint64_t cell[2] __attribute__((aligned(16)));

    (void)state;
    cell[0] = 5;
    st()->x[1] = (uint64_t)cell;
    st()->x[2] = 6;
    RUN(0xc85f7c20u, 0xc8037c22u); /* ldxr x0, [x1]; stxr w3, x2, [x1] */
    assert_int_equal(st()->x[0], 5);
    assert_int_equal(st()->x[3], 0);
    assert_int_equal(cell[0], 6);
    RUN(0xc8037c22u); /* no monitor */
    assert_int_equal(st()->x[3], 1);
    RUN(0xc85f7c20u, 0xd503305fu, 0xc8037c22u); /* clrex between */
    assert_int_equal(st()->x[3], 1);
    RUN(0xc85f7c20u);
    cell[0] = 99; /* someone else */
    RUN(0xc8037c22u);
    assert_int_equal(st()->x[3], 1);
    assert_int_equal(cell[0], 99);
    cell[0] = UINT64_C(0x1111111122222222);
    RUN(0x087f7c20u | 0x80000000u, 0x88271420u); /* ldxp w0, w31..; stxp w7, w0, w5, [x1] */
}

static void exclusive_pairs(void **state)
{
    static uint64_t cell[2] __attribute__((aligned(16)));

    (void)state;
    cell[0] = 5;
    cell[1] = 7;
    st()->x[1] = (uint64_t)cell;
    st()->x[5] = 50;
    st()->x[6] = 70;
    RUN(0xc87f0c22u); /* ldxp x2, x3, [x1] */
    assert_int_equal(st()->x[2], 5);
    assert_int_equal(st()->x[3], 7);
    RUN(0xc8241825u); /* stxp w4, x5, x6, [x1] */
    assert_int_equal(st()->x[4], 0);
    assert_int_equal(cell[0], 50);
    assert_int_equal(cell[1], 70);
    RUN(0xc8241825u);
    assert_int_equal(st()->x[4], 1);
    RUN(0xc87f0c22u);
    cell[1]++;
    RUN(0xc8241825u);
    assert_int_equal(st()->x[4], 1);
    assert_int_equal(cell[1], 71);
}

static void alignment(void **state)
{
    static uint64_t cell[4] __attribute__((aligned(16)));
    jmp_buf recover;

    (void)state;
    st()->x[1] = (uint64_t)cell + 8;
    cpu->recover = &recover;
    if (!_setjmp(recover)) {
        RUN(0x48207c22u); /* casp x0, x1, x2, x3, [x1] */
        fail();
    }
    assert_int_equal(cpu->exit_reason, CPU_EXIT_ALIGN);
    assert_int_equal(cpu->fault_addr, (uint64_t)cell + 8);
    assert_int_equal(cpu->pc, PC);
}

/* ---- system registers ---- */

static void system_registers(void **state)
{
    (void)state;
    st()->tpidr = 0x123456789abc;
    RUN(mrs(A64_SYS_TPIDR_EL0, 0));
    assert_int_equal(st()->x[0], 0x123456789abc);
    st()->x[1] = 77;
    RUN(msr(A64_SYS_TPIDR_EL0, 1));
    assert_int_equal(st()->tpidr, 77);
    RUN(mrs(A64_SYS_DCZID_EL0, 2));
    assert_int_equal(st()->x[2], 4);
    RUN(mrs(A64_SYS_CTR_EL0, 2));
    assert_int_equal(st()->x[2], A64_CTR_EL0);
    RUN(mrs(A64_SYS_MIDR_EL1, 2));
    assert_int_equal(st()->x[2], A64_MIDR);
    RUN(mrs(A64_SYS_ID_AA64ISAR0_EL1, 2));
    assert_int_equal(st()->x[2], arm64_id_value(st()->features, A64_ID_ISAR0));
    RUN(mrs(A64_SYSREG(3, 0, 0, 7, 7), 2)); /* reserved identification: zero */
    assert_int_equal(st()->x[2], 0);
    assert_int_equal(RUN(mrs(A64_SYSREG(3, 0, 1, 0, 0), 2)), CPU_EXIT_UNDEF); /* sctlr_el1 */
    assert_int_equal(RUN(msr(A64_SYS_CTR_EL0, 2)), CPU_EXIT_UNDEF);
    st()->x[3] = 0xa0000000u;
    RUN(msr(A64_SYS_NZCV, 3), mrs(A64_SYS_NZCV, 4));
    assert_int_equal(st()->x[4], 0xa0000000u);
    st()->x[3] = 1u << 24 | 1;
    RUN(msr(A64_SYS_DIT, 3), mrs(A64_SYS_DIT, 4));
    assert_int_equal(st()->x[4], 1u << 24);
    RUN(mrs(A64_SYS_CNTVCT_EL0, 5));
    RUN(mrs(A64_SYS_CNTVCT_EL0, 6));
    assert_true(st()->x[6] >= st()->x[5]);
    RUN(mrs(A64_SYS_RNDR, 5));
    assert_true(st()->x[5] != 0);
    assert_int_equal(arm64_get_nzcv(st()), 0);
}

static void floating_point_control(void **state)
{
    struct ir_fpenv env;

    (void)state;
    st()->x[0] = A64_FPCR_DN | 2u << 22 | 0xff;
    assert_int_equal(RUN(msr(A64_SYS_FPCR, 0)), CPU_EXIT_NONE);
    assert_int_equal(cpu->pc, PC + 4);
    assert_int_equal(st()->fpcr, A64_FPCR_DN | 2u << 22);
    assert_int_equal(cpu->key & (A64_KEY_RMODE | A64_KEY_DN), A64_KEY_DN | 2);
    isa_arm64.fpenv(cpu->key, &env);
    assert_int_equal(env.rm, IR_RM_DOWN);
    assert_true(env.default_nan);
    RUN(mrs(A64_SYS_FPCR, 1));
    assert_int_equal(st()->x[1], A64_FPCR_DN | 2u << 22);
    st()->x[0] = A64_FPSR_QC | 0x1f;
    RUN(msr(A64_SYS_FPSR, 0), mrs(A64_SYS_FPSR, 1));
    assert_int_equal(st()->x[1], A64_FPSR_QC | 0x1f);
    RUN(msr(A64_SYS_FPSR, 31));
    isa_arm64.fp_status_add(cpu, 0x11);
    RUN(mrs(A64_SYS_FPSR, 1));
    assert_int_equal(st()->x[1], 0x11);
}

static void zero_a_block(void **state)
{
    static unsigned char area[256] __attribute__((aligned(64)));

    (void)state;
    memset(area, 0xaa, sizeof(area));
    st()->x[9] = (uint64_t)area + 64 + 13;
    RUN(0xd50b7429u); /* dc zva, x9 */
    for (int i = 0; i < 256; i++)
        assert_int_equal(area[i], i >= 64 && i < 128 ? 0 : 0xaa);
}

/* ---- pointer authentication ---- */

static void pointer_authentication(void **state)
{
    const uint64_t pointer = 0x00007fff12345678;
    uint64_t signed_pointer;

    (void)state;
    st()->x[30] = pointer;
    st()->sp = 0x7ffff000;
    RUN(0xd503233fu); /* paciasp, keys off */
    assert_int_equal(st()->x[30], pointer);
    st()->pac[A64_PAC_IA] = (struct a64_pac_key){1234567, 0x9876543210};
    arm64_enable_pac(cpu, A64_KEY_PAC_IA);
    assert_true(arm64_hwcap(st()->features, 1) & 1u << 30);
    for (int i = 0; i < 64; i++) { /* a code of 0 is possible */
        st()->x[30] = pointer;
        RUN(0xd503233fu);
        if (st()->x[30] != pointer)
            break;
        st()->sp += 16;
    }
    signed_pointer = st()->x[30];
    assert_true(signed_pointer != pointer);
    assert_int_equal(signed_pointer & ~UINT64_C(0x7f000000000000), pointer);
    RUN(0xd50323bfu); /* autiasp */
    assert_int_equal(st()->x[30], pointer);
    st()->x[30] = signed_pointer;
    RUN(0xd65f0bffu); /* retaa */
    assert_int_equal(cpu->pc, pointer);
    st()->x[30] = signed_pointer;
    RUN(0xd50320ffu); /* xpaclri */
    assert_int_equal(st()->x[30], pointer);
    st()->x[30] = signed_pointer ^ UINT64_C(1) << 50;
    RUN(0xd50323bfu);
    assert_int_equal(st()->x[30] >> 48, 0x20); /* error code 0b01 in 54:53 */
    st()->x[0] = 1;
    st()->x[1] = 2;
    RUN(0x9ac13002u); /* pacga x2, x0, x1 */
    assert_int_equal((uint32_t)st()->x[2], 0);
}

/* ---- dead flags ---- */

static bool dead(const uint32_t *words, unsigned count)
{
    return isa_arm64.cc_dead(PC, (const uint8_t *)words, count * 4);
}
#define DEAD(...)                               \
    ({                                          \
        const uint32_t code_[] = {__VA_ARGS__}; \
        dead(code_, sizeof(code_) / 4);         \
    })

enum {
    NOP = (int)0xd503201f,
    ADD = (int)0x8b010000,
    CMP = (int)0xeb01001f,
    CMPI = (int)0xf100041f,
    TST = (int)0xea01001f,
    TSTI = (int)0xf240001f,
    FCMP = 0x1e612000,
    ADCS = (int)0xba010000,
    CSEL = (int)0x9a810000,
    CCMP = (int)0xfa410000,
    BEQ = 0x54000040,
    RET = (int)0xd65f03c0,
    LDR = (int)0xf9400000,
    B8 = 0x14000002,
    CBZ8 = (int)0xb4000040,
    BL = (int)0x94000000,
    MUL = (int)0x9b017c00,
    FCSEL = 0x1e610c00,
    SVC = (int)0xd4000001,
    VADD = 0x4ea18400,
};

static void dead_flags(void **state)
{
    (void)state;
    assert_true(DEAD(CMP));
    assert_true(DEAD(NOP, ADD, LDR, MUL, VADD, CMPI));
    assert_true(DEAD(TST));
    assert_true(DEAD(TSTI));
    assert_true(DEAD(FCMP));
    assert_true(DEAD(B8, BEQ, CMP));
    assert_true(DEAD(CBZ8, CMP, CMP));
    assert_false(DEAD(CBZ8, CMP, BEQ));
    assert_false(DEAD(CBZ8, BEQ, CMP));
    assert_false(DEAD(BEQ, CMP));
    assert_false(DEAD(ADCS));
    assert_false(DEAD(CSEL, CMP));
    assert_false(DEAD(CCMP, CMP));
    assert_false(DEAD(FCSEL, CMP));
    assert_true(DEAD(RET)); /* by the procedure call standard */
    assert_true(DEAD(BL, CMP));
    assert_true(DEAD(BL, NOP));
    assert_true(DEAD(BL, RET, BEQ));
    assert_true(DEAD(BL, SVC, BEQ));
    assert_false(DEAD(BL, CSEL)); /* seen to want them */
    assert_false(DEAD(BL, ADD, BL, BEQ));
    assert_false(DEAD(BL, CBZ8, CMP, BEQ));
    assert_false(DEAD(SVC, CMP));
    assert_false(DEAD(NOP, NOP));
    assert_false(DEAD(0, CMP));
    assert_false(DEAD(0x14000000)); /* b . */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(exits),
        CASE(calls_and_returns),
        CASE(exclusives),
        CASE(exclusive_pairs),
        CASE(alignment),
        CASE(system_registers),
        CASE(floating_point_control),
        CASE(zero_a_block),
        CASE(pointer_authentication),
        CASE(dead_flags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
