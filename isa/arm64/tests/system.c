/* Exceptions and their return, system registers by level, traps, timers, PMU, debug, models, calls
 * to firmware. */
#include "isa/arm64/tests/machine.h"

#include "core/state.h"
#include "isa/arm64/lift.h"
#include "isa/form.h"

const struct isa *const isa_registry[] = {&isa_arm64, NULL};

#define NOP        0xd503201fu
#define SVC(n)     (0xd4000001u | (n) << 5)
#define HVC        0xd4000002u
#define SMC        0xd4000003u
#define BRK(n)     (0xd4200000u | (n) << 5)
#define ERET       0xd69f03e0u
#define WFI        0xd503207fu
#define DAIFSET(n) (0xd50340dfu | (uint32_t)(n) << 8)
#define DAIFCLR(n) (0xd50340ffu | (uint32_t)(n) << 8)
#define FADD       0x1e602800u /* fadd d0, d0, d0 */
#define ESR_EC(r)  (unsigned)(*lab_r(r) >> 26)

static int open_full(void **state)
{
    (void)state;
    lab_open("max", true, true);
    *lab_r(A64_R_SCR_EL3) |= A64_SCR_NS | A64_SCR_HCE;
    *lab_r(A64_R_VBAR_EL1) = 0x10000;
    *lab_r(A64_R_VBAR_EL2) = 0x20000;
    *lab_r(A64_R_VBAR_EL3) = 0x30000;
    *lab_r(A64_R_SP_EL0) = 0x100;
    *lab_r(A64_R_SP_EL1) = 0x101;
    *lab_r(A64_R_SP_EL2) = 0x102;
    return 0;
}

static int open_plain(void **state)
{
    (void)state;
    lab_open("cortex-a57", false, false);
    *lab_r(A64_R_VBAR_EL1) = 0x10000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lab_close();
    return 0;
}

static void after_reset(void **state)
{
    (void)state;
    assert_int_equal(lab_state()->el, 3);
    assert_int_equal(lab.cpu->pc, CODE);
    assert_int_equal(a64_spsr(lab_state()), 0x3cd);
    assert_int_equal(a64_key_el(lab.cpu->key), 3);
    cpu_set_line(lab.cpu, A64_LINE_IRQ,
                 1); /* a controller's output does not fall because the cpu was reset */
    isa_arm64.sys->reset(lab.cpu);
    assert_int_equal(lab_state()->el, 3);
    assert_true(isa_arm64.sys->has_work(lab.cpu));
}

/* ---- exceptions ---- */

static void service_call_and_return(void **state)
{
    (void)state;
    lab_el(0);
    lab_state()->daif = 0;
    arm64_set_nzcv(lab_state(), 5u << 28);
    lab.cpu->pc = 0x5000;
    lab_step(SVC(7));
    assert_int_equal(lab_state()->el, 1);
    assert_int_equal(lab.cpu->pc, 0x10400);
    assert_int_equal(lab_state()->sp, 0x101);
    assert_int_equal(lab_state()->daif, 0x3c0);
    assert_int_equal(*lab_r(A64_R_ESR_EL1), 0x56000007);
    assert_int_equal(*lab_r(A64_R_ELR_EL1), 0x5004);
    assert_int_equal(*lab_r(A64_R_SPSR_EL1), 5u << 28);
    lab_step(ERET);
    assert_int_equal(lab_state()->el, 0);
    assert_int_equal(lab.cpu->pc, 0x5004);
    assert_int_equal(lab_state()->sp, 0x100);
    assert_int_equal(lab_state()->daif, 0);
    assert_int_equal(arm64_get_nzcv(lab_state()), 5u << 28);
}

static void vectors_by_stack_pointer(void **state)
{
    (void)state;
    lab_el(1);
    lab.cpu->pc = 0x5000;
    lab_step(0);
    assert_int_equal(lab.cpu->pc, 0x10200);
    assert_int_equal(ESR_EC(A64_R_ESR_EL1), A64_EC_UNKNOWN);
    assert_int_equal(*lab_r(A64_R_ELR_EL1), 0x5000);
    lab_step(0xd50040bfu); /* msr spsel, #0 */
    assert_int_equal(lab_state()->sp, 0x100);
    lab_step(0);
    assert_int_equal(lab.cpu->pc, 0x10000);
    assert_int_equal(lab_state()->spsel, 1);
}

/* An exception from each level under each routing: who takes it. */
static void routing(void **state)
{
    static const struct {
        uint32_t word;
        uint8_t from;
        uint64_t hcr, scr, mdcr;
        uint8_t to, ec;
    } cases[] = {
        {SVC(0), 0, 0, 0, 0, 1, A64_EC_SVC},
        {SVC(0), 0, A64_HCR_TGE, 0, 0, 2, A64_EC_SVC},
        {SVC(0), 0, A64_HCR_TGE | A64_HCR_E2H, 0, 0, 2, A64_EC_SVC},
        {SVC(0), 1, 0, 0, 0, 1, A64_EC_SVC},
        {SVC(0), 2, 0, 0, 0, 2, A64_EC_SVC},
        {SVC(0), 3, 0, 0, 0, 3, A64_EC_SVC},
        {0, 0, 0, 0, 0, 1, A64_EC_UNKNOWN},
        {0, 0, A64_HCR_TGE, 0, 0, 2, A64_EC_UNKNOWN},
        {HVC, 0, 0, 0, 0, 1, A64_EC_UNKNOWN},
        {HVC, 1, 0, A64_SCR_HCE, 0, 2, A64_EC_HVC},
        {HVC, 1, 0, 0, 0, 1, A64_EC_UNKNOWN},
        {HVC, 2, 0, A64_SCR_HCE, 0, 2, A64_EC_HVC},
        {SMC, 0, 0, 0, 0, 1, A64_EC_UNKNOWN},
        {SMC, 1, 0, 0, 0, 3, A64_EC_SMC},
        {SMC, 1, A64_HCR_TSC, 0, 0, 2, A64_EC_SMC},
        {SMC, 1, 0, A64_SCR_SMD, 0, 1, A64_EC_UNKNOWN},
        {SMC, 2, 0, 0, 0, 3, A64_EC_SMC},
        {BRK(3), 0, 0, 0, 0, 1, A64_EC_BRK},
        {BRK(3), 1, 0, 0, 1 << 8, 2, A64_EC_BRK},
        {BRK(3), 2, 0, 0, 0, 2, A64_EC_BRK},
        {WFI, 0, 0, 0, 0, 1, A64_EC_WFX},
        {WFI, 1, A64_HCR_TWI, 0, 0, 2, A64_EC_WFX},
        {WFI, 1, 0, A64_SCR_TWI, 0, 3, A64_EC_WFX},
        {MRS(3, 0, 1, 0, 0, 0), 0, 0, 0, 0, 1, A64_EC_UNKNOWN}, /* SCTLR_EL1 by EL0 */
        {MRS(3, 0, 1, 0, 0, 0), 1, A64_HCR_TRVM, 0, 0, 2, A64_EC_SYSREG},
        {MSR(3, 0, 2, 0, 0, 0), 1, A64_HCR_TVM, 0, 0, 2, A64_EC_SYSREG},  /* TTBR0_EL1 */
        {MRS(3, 0, 0, 4, 0, 0), 1, A64_HCR_TID3, 0, 0, 2, A64_EC_SYSREG}, /* ID_AA64PFR0_EL1 */
        {MRS(3, 3, 4, 2, 1, 0), 0, 0, 0, 0, 1, A64_EC_SYSREG},            /* DAIF by EL0 */
        {MRS(3, 3, 0, 0, 1, 0), 0, 0, 0, 0, 1, A64_EC_SYSREG},            /* CTR_EL0, UCT is 0 */
        {MRS(3, 3, 14, 0, 2, 0), 0, 0, 0, 0, 1, A64_EC_SYSREG},           /* CNTVCT_EL0 */
        {MRS(3, 3, 14, 0, 2, 0), 0, A64_HCR_TGE, 0, 0, 2, A64_EC_SYSREG},
        {MRS(3, 3, 9, 13, 0, 0), 0, 0, 0, 0, 1, A64_EC_SYSREG},     /* PMCCNTR_EL0 */
        {MRS(2, 0, 0, 2, 2, 0), 1, 0, 0, 1 << 9, 2, A64_EC_SYSREG}, /* MDSCR_EL1, TDA */
        {0xd508871f, 1, A64_HCR_TTLB, 0, 0, 2, A64_EC_SYSREG},      /* tlbi vmalle1 */
        {0xd50b7420, 0, 0, 0, 0, 1, A64_EC_SYSREG},                 /* dc zva, DZE is 0 */
        {FADD, 0, 0, 0, 0, 1, A64_EC_FP},
        {FADD, 1, 0, 0, 0, 1, A64_EC_FP},
        {MRS(3, 4, 1, 1, 0, 0), 1, 0, 0, 0, 1, A64_EC_UNKNOWN}, /* HCR_EL2 by EL1 */
    };

    (void)state;
    lab.sys.firmware = NULL; /* no board stands for the monitor */
    for (unsigned i = 0; i < array_size(cases); i++) {
        static const uint16_t esrs[4] = {0, A64_R_ESR_EL1, A64_R_ESR_EL2, A64_R_ESR_EL3};

        *lab_r(A64_R_HCR_EL2) = A64_HCR_RW | cases[i].hcr;
        *lab_r(A64_R_SCR_EL3) = 0x30 | A64_SCR_RW | A64_SCR_NS | cases[i].scr;
        *lab_r(A64_R_MDCR_EL2) = cases[i].mdcr;
        lab_state()->event = 0;
        lab_el(cases[i].from);
        lab.cpu->pc = 0x5000;
        lab_step(cases[i].word);
        if (lab_state()->el != cases[i].to || ESR_EC(esrs[cases[i].to]) != cases[i].ec)
            fail_msg("case %u: EL%u, ec %x", i, lab_state()->el, ESR_EC(esrs[lab_state()->el]));
        assert_int_equal(lab.cpu->pc & 0xfff, cases[i].from < cases[i].to ? 0x400 : 0x200);
        assert_int_equal(lab.cpu->pc >> 16, cases[i].to);
    }
}

static void fp_traps(void **state)
{
    (void)state;
    *lab_r(A64_R_CPACR_EL1) = 3 << 20;
    lab_el(1);
    assert_int_equal(lab_step(FADD), CPU_EXIT_NONE);
    *lab_r(A64_R_CPACR_EL1) = 1 << 20; /* not for EL0 */
    lab_el(1);
    assert_int_equal(lab_step(FADD), CPU_EXIT_NONE);
    lab_el(0);
    lab_step(0x3dc00000u); /* ldr q0, [x0] */
    assert_int_equal(*lab_r(A64_R_ESR_EL1), UINT64_C(0x1fe00000));
    lab_el(0);
    lab_step(MRS(3, 3, 4, 4, 0, 0)); /* FPCR */
    assert_int_equal(ESR_EC(A64_R_ESR_EL1), A64_EC_FP);
    lab_el(0);
    assert_int_equal(lab_step(NOP), CPU_EXIT_NONE);
    *lab_r(A64_R_CPTR_EL2) = 1 << 10;
    lab_el(1);
    lab_step(FADD);
    assert_int_equal(lab_state()->el, 2);
    assert_int_equal(ESR_EC(A64_R_ESR_EL2), A64_EC_FP);
    *lab_r(A64_R_CPTR_EL2) = 0;
    *lab_r(A64_R_CPTR_EL3) = 1 << 10;
    lab_el(2);
    lab_step(FADD);
    assert_int_equal(lab_state()->el, 3);
}

static void aborts(void **state)
{
    struct cpu_page p;

    (void)state;
    lab_el(0);
    lab.cpu->pc = 0x5000;
    *lab_r(A64_R_SCTLR_EL1) |= A64_SCTLR_M;
    *lab_r(A64_R_TCR_EL1) = 63; /* no lower half */
    assert_false(isa_arm64.sys->translate(lab.cpu, 0x1234, CPU_WRITE, false, false, &p));
    isa_arm64.sys->raise(lab.cpu, CPU_EXIT_FAULT);
    assert_int_equal(*lab_r(A64_R_ESR_EL1), UINT64_C(0x92000044));
    assert_int_equal(*lab_r(A64_R_FAR_EL1), 0x1234);
    lab.cpu->pc = 0x6000;
    assert_false(isa_arm64.sys->translate(lab.cpu, 0x6000, CPU_FETCH, false, false, &p));
    isa_arm64.sys->raise(lab.cpu, CPU_EXIT_FAULT);
    assert_int_equal(*lab_r(A64_R_ESR_EL1), UINT64_C(0x86000004));
    lab.cpu->fault_addr = 0x77;
    lab.cpu->fault_access = CPU_READ;
    isa_arm64.sys->raise(lab.cpu, CPU_EXIT_ALIGN);
    assert_int_equal(*lab_r(A64_R_ESR_EL1), UINT64_C(0x96000021));
    assert_int_equal(*lab_r(A64_R_FAR_EL1), 0x77);
    lab.cpu->pc = 0x6002;
    assert_false(isa_arm64.sys->translate(lab.cpu, 0x6002, CPU_FETCH, false, false, &p));
    isa_arm64.sys->raise(lab.cpu, CPU_EXIT_FAULT);
    assert_int_equal(ESR_EC(A64_R_ESR_EL1), A64_EC_PC);
    assert_true(isa_arm64.sys->bus_error(lab.cpu, 0x40, 0x50, CPU_READ));
    isa_arm64.sys->raise(lab.cpu, CPU_EXIT_FAULT);
    assert_int_equal(*lab_r(A64_R_ESR_EL1), UINT64_C(0x96000010));
    *lab_r(A64_R_SCR_EL3) |= A64_SCR_EA;
    assert_true(isa_arm64.sys->bus_error(lab.cpu, 0x40, 0x50, CPU_READ));
    isa_arm64.sys->raise(lab.cpu, CPU_EXIT_FAULT);
    assert_int_equal(lab_state()->el, 3);
}

static void illegal_returns(void **state)
{
    static const uint32_t bad[] = {0x3cd /* EL3 */, 0x1 /* EL0h */, 0x10 /* AArch32 */,
                                   0x3c2 /* M[1] */, 0x3c9 /* EL2 */};

    (void)state;
    for (unsigned i = 0; i < array_size(bad); i++) {
        lab_state()->il = 0;
        lab_el(1);
        *lab_r(A64_R_SPSR_EL1) = bad[i];
        *lab_r(A64_R_ELR_EL1) = 0x5000;
        lab_step(ERET);
        assert_int_equal(lab_state()->el, 1);
        assert_int_equal(lab_state()->il, 1);
        assert_int_equal(lab.cpu->pc, 0x5000);
        lab_step(NOP);
        assert_int_equal(ESR_EC(A64_R_ESR_EL1), A64_EC_IL);
        assert_int_equal(lab_state()->il, 0);
        assert_true(*lab_r(A64_R_SPSR_EL1) >> 20 & 1);
    }
}

/* ---- interrupts ---- */

static void interrupts(void **state)
{
    static const struct {
        uint8_t line, from;
        uint64_t hcr, scr;
        uint16_t daif;
        uint8_t to; /* 0: not taken */
        uint16_t vector;
    } cases[] = {
        {A64_LINE_IRQ, 0, 0, 0, 0, 1, 0x480},
        {A64_LINE_IRQ, 1, 0, 0, 0, 1, 0x280},
        {A64_LINE_IRQ, 1, 0, 0, 0x80, 0, 0},
        {A64_LINE_IRQ, 0, 0, 0, 0x80, 0, 0},
        {A64_LINE_FIQ, 1, 0, 0, 0x80, 1, 0x300},
        {A64_LINE_FIQ, 1, 0, 0, 0x40, 0, 0},
        {A64_LINE_SERROR, 1, 0, 0, 0, 1, 0x380},
        {A64_LINE_IRQ, 1, A64_HCR_IMO, 0, 0x80, 2, 0x480}, /* a lower level's mask does not count */
        {A64_LINE_IRQ, 2, A64_HCR_IMO, 0, 0x80, 0, 0},
        {A64_LINE_IRQ, 2, A64_HCR_IMO, 0, 0, 2, 0x280},
        {A64_LINE_IRQ, 2, 0, 0, 0, 0, 0}, /* EL1's, from above: waits */
        {A64_LINE_IRQ, 1, 0, A64_SCR_IRQ, 0x80, 3, 0x480},
        {A64_LINE_FIQ, 2, A64_HCR_IMO, A64_SCR_FIQ, 0x3c0, 3, 0x500},
        {A64_LINE_IRQ, 0, A64_HCR_TGE | A64_HCR_E2H, 0, 0x80, 0, 0},
        {A64_LINE_IRQ, 0, A64_HCR_TGE | A64_HCR_E2H, 0, 0, 2, 0x480},
        {A64_LINE_VIRQ, 1, A64_HCR_IMO, 0, 0, 1, 0x280},
        {A64_LINE_VIRQ, 1, A64_HCR_IMO, 0, 0x80, 0, 0},
        {A64_LINE_VIRQ, 1, 0, 0, 0, 0, 0},
        {A64_LINE_VIRQ, 2, A64_HCR_IMO, 0, 0, 0, 0},
        {A64_LINE_VFIQ, 0, A64_HCR_FMO, 0, 0, 1, 0x500},
        {31, 1, A64_HCR_IMO | A64_HCR_VI, 0, 0, 1, 0x280},
        {31, 1, A64_HCR_AMO | A64_HCR_VSE, 0, 0, 1, 0x380},
    };

    (void)state;
    for (unsigned i = 0; i < array_size(cases); i++) {
        *lab_r(A64_R_HCR_EL2) = A64_HCR_RW | cases[i].hcr;
        *lab_r(A64_R_SCR_EL3) = 0x30 | A64_SCR_RW | A64_SCR_NS | cases[i].scr;
        lab_el(cases[i].from);
        lab_state()->daif = cases[i].daif;
        lab.sys.lines = UINT32_C(1) << cases[i].line & 0x7fffffff;
        lab.cpu->pc = 0x5000;
        assert_int_equal(a64_deliverable(lab.cpu, cases[i].daif), cases[i].to != 0);
        if (isa_arm64.sys->interrupt(lab.cpu) != (cases[i].to != 0))
            fail_msg("case %u: %s", i, cases[i].to ? "not taken" : "taken");
        if (!cases[i].to)
            continue;
        assert_int_equal(lab_state()->el, cases[i].to);
        assert_int_equal(lab.cpu->pc & 0xfff, cases[i].vector);
    }
    assert_int_equal(*lab_r(A64_R_HCR_EL2) & A64_HCR_VSE, 0);
}

static void unmasking_lets_in(void **state)
{
    (void)state;
    lab_el(1);
    lab_step(DAIFSET(2));
    assert_int_equal(lab_state()->daif, 0x3c0);
    lab.cpu->pc = 0x5000;
    lab_state()->daif = 0x80;
    assert_int_equal(lab_step(DAIFCLR(2)), CPU_EXIT_NONE);
    assert_int_equal(lab_state()->daif, 0);
    lab_state()->daif = 0x80;
    lab.sys.lines = 1 << A64_LINE_IRQ;
    lab.cpu->pc = 0x5000;
    assert_int_equal(lab_step(DAIFCLR(2)), CPU_EXIT_KICK);
    assert_int_equal(lab.cpu->pc, 0x5004);
    assert_int_equal(lab_state()->daif, 0);
    lab_state()->daif = 0x80;
    lab.cpu->pc = 0x5000;
    assert_int_equal(lab_step(MSR(3, 3, 4, 2, 1, 31)), CPU_EXIT_KICK);
    lab_state()->daif = 0x3c0;
    lab_step(MRS(3, 3, 4, 2, 1, 4));
    assert_int_equal(lab_state()->x[4], 0x3c0);
    lab_step(MRS(3, 0, 12, 1, 0, 4)); /* ISR_EL1 */
    assert_int_equal(lab_state()->x[4], 0x80);
}

static void waiting(void **state)
{
    (void)state;
    lab_el(1);
    lab.cpu->pc = 0x5000;
    assert_false(isa_arm64.sys->has_work(lab.cpu));
    unit_lift(&lab.unit, lab.cpu->key, 0x5000, (const uint32_t[]){WFI}, 1);
    ir_interp(&lab.unit, lab.cpu);
    assert_int_equal(isa_arm64.sys->raise(lab.cpu, CPU_EXIT_ISA), CPU_EXIT_HALT);
    assert_int_equal(lab.cpu->pc, 0x5004);
    lab_state()->daif = 0x3c0;
    lab.sys.lines = 1 << A64_LINE_IRQ;
    assert_true(isa_arm64.sys->has_work(lab.cpu));
    lab.cpu->pc = 0x5000;
    ir_interp(&lab.unit, lab.cpu);
    assert_int_equal(isa_arm64.sys->raise(lab.cpu, CPU_EXIT_ISA), CPU_EXIT_NONE);
    assert_int_equal(lab.cpu->pc, 0x5004);
}

static void firmware(void **state)
{
    (void)state;
    lab.serves = true;
    lab_el(1);
    lab.cpu->pc = 0x5000;
    lab_state()->x[0] = 0x84000000;
    lab_step(HVC);
    assert_int_equal(lab.calls[0], 0x84000000);
    assert_int_equal(lab_state()->x[0], 0x1234);
    assert_int_equal(lab.cpu->pc, 0x5004);
    assert_false(lab.smc);
    lab_step(SMC);
    assert_true(lab.smc);
    lab.serves = false;
    lab.cpu->pc = 0x5000;
    lab_step(HVC);
    assert_int_equal(ESR_EC(A64_R_ESR_EL1), A64_EC_UNKNOWN);
    assert_int_equal(*lab_r(A64_R_ELR_EL1), 0x5000);
}

/* ---- registers ---- */

/* Reads and writes every register of the table from every level: refused exactly below its level.
 */
static void access_matrix(void **state)
{
    static const uint16_t allow[] = {A64_R_HCR_EL2, A64_R_MDCR_EL2, A64_R_MDCR_EL3, A64_R_CPTR_EL2,
                                     A64_R_CPTR_EL3};

    (void)state;
    *lab_r(A64_R_HCR_EL2) = A64_HCR_RW | A64_HCR_APK | A64_HCR_API;
    for (unsigned i = 1; i < array_size(allow); i++)
        *lab_r(allow[i]) = 0;
    *lab_r(A64_R_SCR_EL3) = 0x30 | A64_SCR_RW | A64_SCR_NS | A64_SCR_APK | A64_SCR_API;
    *lab_r(A64_R_CPACR_EL1) = 3 << 20;
    *lab_r(A64_R_CNTHCTL_EL2) = 3;
    *lab_r(A64_R_CNTKCTL_EL1) = 0x3ff;
    *lab_r(A64_R_PMUSERENR_EL0) = 15;
    *lab_r(A64_R_SCTLR_EL1) |= A64_SCTLR_UMA | A64_SCTLR_UCT;
    for (unsigned i = 0; i < A64_R_COUNT; i++) {
        const struct a64_reg *r = &a64_regs[i];
        uint32_t word = 0xd5000000u | (uint32_t)r->enc << 5 | 1u << 20;

        if (r->el == 0xff || r->trap == A64_T_CNTPS || strncmp(r->name, "RVBAR", 5) == 0 ||
            strncmp(r->name, "RMR", 3) == 0)
            continue;
        for (unsigned el = 0; el <= 3; el++) {
            struct arm64_state keep = *lab_state();
            bool may = el >= r->el >> 4;

            lab_el(el);
            lab.cpu->pc = 0x5000;
            lab_step(word | 1u << 21 | 5);
            if ((lab.cpu->pc == 0x5004) != may)
                fail_msg("reading %s at EL%u", r->name, el);
            *lab_state() = keep;
            if (strncmp(r->name, "CNTFRQ", 6) == 0)
                continue;
            may = el >= (r->el & 15);
            lab_el(el);
            lab_state()->x[5] = a64_spsr(lab_state()) & 0x3c0;
            lab.cpu->pc = 0x5000;
            lab_step(word | 5);
            if ((lab.cpu->pc == 0x5004) != may)
                fail_msg("writing %s at EL%u", r->name, el);
            *lab_state() = keep;
        }
    }
}

static void trap_syndrome(void **state)
{
    (void)state;
    *lab_r(A64_R_HCR_EL2) |= A64_HCR_TVM | A64_HCR_TRVM;
    lab_el(1);
    lab.cpu->pc = 0x5000;
    lab_step(MSR(3, 0, 2, 0, 1, 9)); /* TTBR1_EL1 */
    assert_int_equal(*lab_r(A64_R_ESR_EL2), UINT64_C(0x18) << 26 | 1 << 25 | 3 << 20 | 1 << 17 |
                                                0 << 14 | 2 << 10 | 9 << 5);
    assert_int_equal(*lab_r(A64_R_ELR_EL2), 0x5000);
    lab_el(1);
    lab_step(MRS(3, 0, 6, 0, 0, 3)); /* FAR_EL1 has a slot */
    assert_int_equal(*lab_r(A64_R_ESR_EL2),
                     UINT64_C(0x18) << 26 | 1 << 25 | 3 << 20 | 6 << 10 | 3 << 5 | 1);
}

static bool no_masks(void *opaque, struct cpu *c, uint32_t reg)
{
    (void)opaque, (void)c;
    return reg == ARM64_INTC_REG(3, 0, 4, 6, 0); /* ICC_PMR_EL1 */
}

static void controller_traps(void **state)
{
    (void)state;
    *lab_r(A64_R_SCR_EL3) = 0x30 | A64_SCR_RW | A64_SCR_NS;
    *lab_r(A64_R_HCR_EL2) |= A64_HCR_IMO | A64_HCR_FMO;
    lab.sys.intc.traps = no_masks;
    lab_el(1);
    lab_step(0xd5384605); /* mrs x5, ICC_PMR_EL1 */
    assert_int_equal(lab_state()->el, 2);
    assert_int_equal(*lab_r(A64_R_ESR_EL2) >> 26, A64_EC_SYSREG);
    *lab_r(A64_R_ESR_EL2) = 0;
    lab_el(1);
    lab_step(0xd538cc65); /* mrs x5, ICC_BPR1_EL1: not trapped, and nobody's */
    assert_int_equal(lab_state()->el, 1);
    assert_int_equal(*lab_r(A64_R_ESR_EL2), 0);
    lab.sys.intc.traps = NULL;
}

static void virtual_host(void **state)
{
    (void)state;
    lab_el(2);
    lab_state()->x[1] = A64_HCR_E2H | A64_HCR_RW | A64_HCR_TGE;
    assert_int_equal(lab_step(MSR(3, 4, 1, 1, 0, 1)), CPU_EXIT_KICK);
    lab_state()->x[1] = 0x1111;
    lab_step(MSR(3, 0, 12, 0, 0, 1)); /* VBAR_EL1 means VBAR_EL2 */
    assert_int_equal(*lab_r(A64_R_VBAR_EL2), 0x1000);
    assert_int_equal(*lab_r(A64_R_VBAR_EL1), 0x10000);
    lab_state()->x[1] = 0x2222;
    lab_step(MSR(3, 5, 12, 0, 0, 1)); /* VBAR_EL12 */
    assert_int_equal(*lab_r(A64_R_VBAR_EL1), 0x2000);
    lab_state()->x[1] = 77;
    lab_step(MSR(3, 3, 14, 2, 2, 1)); /* CNTP_CVAL_EL0 means CNTHP */
    assert_int_equal(*lab_r(A64_R_CNTHP_CVAL_EL2), 77);
    lab_step(MSR(3, 5, 14, 3, 2, 1)); /* CNTV_CVAL_EL02 */
    assert_int_equal(*lab_r(A64_R_CNTV_CVAL_EL0), 77);
    *lab_r(A64_R_HCR_EL2) &= ~A64_HCR_E2H;
    lab_el(2);
    lab.cpu->pc = 0x5000;
    lab_step(MRS(3, 5, 12, 0, 0, 1)); /* no such name without E2H */
    assert_int_equal(ESR_EC(A64_R_ESR_EL2), A64_EC_UNKNOWN);
}

static void stack_pointers(void **state)
{
    (void)state;
    lab_el(1);
    lab_step(MRS(3, 0, 4, 1, 0, 2)); /* SP_EL0 */
    assert_int_equal(lab_state()->x[2], 0x100);
    lab_state()->x[2] = 0x200;
    lab_step(MSR(3, 0, 4, 1, 0, 2));
    lab_step(0xd50040bfu); /* msr spsel, #0 */
    assert_int_equal(lab_state()->sp, 0x200);
    lab.cpu->pc = 0x5000;
    lab_step(MRS(3, 0, 4, 1, 0, 2)); /* undefined now */
    assert_int_equal(ESR_EC(A64_R_ESR_EL1), A64_EC_UNKNOWN);
}

/* ---- timers ---- */

static void timers(void **state)
{
    (void)state;
    lab_el(1);
    clocks_advance(lab.clocks, 1600);
    lab_step(MRS(3, 3, 14, 0, 1, 0)); /* CNTPCT_EL0: 16 ns a tick */
    assert_int_equal(lab_state()->x[0], 100);
    *lab_r(A64_R_CNTVOFF_EL2) = 40;
    lab_step(MRS(3, 3, 14, 0, 2, 0)); /* CNTVCT_EL0 */
    assert_int_equal(lab_state()->x[0], 60);
    lab_state()->x[1] = 10;
    lab_step(MSR(3, 3, 14, 3, 0, 1)); /* CNTV_TVAL_EL0 */
    assert_int_equal(*lab_r(A64_R_CNTV_CVAL_EL0), 70);
    lab_state()->x[1] = 1;
    lab_step(MSR(3, 3, 14, 3, 1, 1)); /* CNTV_CTL_EL0 */
    assert_int_equal(lab.out[A64_OUT_CNTV], 0);
    clocks_advance(lab.clocks, 159);
    assert_int_equal(lab.out[A64_OUT_CNTV], 0);
    clocks_advance(lab.clocks, 1);
    assert_int_equal(lab.out[A64_OUT_CNTV], 1);
    lab_step(MRS(3, 3, 14, 3, 1, 0));
    assert_int_equal(lab_state()->x[0], 5);
    clocks_advance(lab.clocks, 160);
    lab_step(MRS(3, 3, 14, 3, 0, 0)); /* it counts on below zero */
    assert_int_equal(lab_state()->x[0], (uint32_t)-10);
    lab_state()->x[1] = 3; /* masked */
    lab_step(MSR(3, 3, 14, 3, 1, 1));
    assert_int_equal(lab.out[A64_OUT_CNTV], 0);
    lab_state()->x[1] = 1;
    lab_step(MSR(3, 3, 14, 2, 1, 1)); /* CNTP: its compare value is in the past */
    assert_int_equal(lab.out[A64_OUT_CNTP], 1);
    lab_state()->x[1] = UINT64_MAX;
    lab_step(MSR(3, 3, 14, 2, 2, 1));
    assert_int_equal(lab.out[A64_OUT_CNTP], 0);
    isa_arm64.sys->reset(lab.cpu);
    assert_int_equal(*lab_r(A64_R_CNTP_CTL_EL0), 0);
}

static void counters(void **state)
{
    (void)state;
    lab_el(1);
    lab_state()->x[1] = UINT64_C(1) << 31 | 1;
    lab_step(MSR(3, 3, 9, 12, 1, 1)); /* PMCNTENSET_EL0 */
    lab_state()->x[1] = 8;
    lab_step(MSR(3, 3, 14, 12, 0, 1)); /* PMEVTYPER0_EL0: instructions */
    lab_state()->x[1] = 0x41;
    lab_step(MSR(3, 3, 9, 12, 0, 1)); /* PMCR_EL0: E, LC */
    clocks_advance(lab.clocks, 5000);
    lab_step(MRS(3, 3, 9, 13, 0, 0)); /* PMCCNTR_EL0 */
    assert_int_equal(lab_state()->x[0], 5000);
    lab_step(MRS(3, 3, 14, 8, 0, 0)); /* PMEVCNTR0_EL0 */
    assert_int_equal(lab_state()->x[0], 5000);
    lab_state()->x[1] = UINT32_MAX - 99;
    lab_step(MSR(3, 3, 14, 8, 0, 1));
    lab_state()->x[1] = 1;
    lab_step(MSR(3, 0, 9, 14, 1, 1)); /* PMINTENSET_EL1 */
    assert_int_equal(lab.out[A64_OUT_PMU], 0);
    clocks_advance(lab.clocks, 100);
    assert_int_equal(lab.out[A64_OUT_PMU], 1);
    lab_step(MRS(3, 3, 9, 12, 3, 0)); /* PMOVSCLR_EL0 */
    assert_int_equal(lab_state()->x[0], 1);
    lab_step(MSR(3, 3, 9, 12, 3, 1));
    assert_int_equal(lab.out[A64_OUT_PMU], 0);
    lab_step(MRS(3, 3, 9, 12, 0, 0));
    assert_int_equal(lab_state()->x[0] >> 11 & 31, a64_m(lab.cpu)->model->pmu_counters);
}

/* ---- debug ---- */

static void software_step(void **state)
{
    (void)state;
    lab_el(1);
    *lab_r(A64_R_OSLSR_EL1) = 8;
    *lab_r(A64_R_MDSCR_EL1) = A64_MDSCR_SS;
    *lab_r(A64_R_ELR_EL1) = 0x5000;
    *lab_r(A64_R_SPSR_EL1) = 1 << 21; /* EL0, SS */
    lab_step(ERET);
    assert_int_equal(lab_state()->ss, 1);
    assert_true(lab.cpu->key & A64_KEY_STEP);
    lab_state()->x[0] = 1;
    assert_int_equal(lab_step(0xb4000080u), CPU_EXIT_NONE); /* cbz x0, .+16: not taken */
    assert_int_equal(lab.cpu->pc, 0x5004);
    assert_true(lab.cpu->key & A64_KEY_STEPPED);
    lab_step(NOP);
    assert_int_equal(*lab_r(A64_R_ESR_EL1), UINT64_C(0x32) << 26 | 1 << 25 | 1 << 24 | 0x22);
    assert_int_equal(*lab_r(A64_R_ELR_EL1), 0x5004);
    assert_int_equal(*lab_r(A64_R_SPSR_EL1) >> 21 & 1, 0);
    *lab_r(A64_R_SPSR_EL1) |= 1 << 21;
    lab_step(ERET);
    lab_step(0x54000081u); /* b.ne .+16: Z is clear */
    assert_int_equal(lab.cpu->pc, 0x5014);
    lab_step(NOP);
    assert_int_equal(ESR_EC(A64_R_ESR_EL1), A64_EC_STEP_LOW);
    *lab_r(A64_R_SPSR_EL1) |= 1 << 21;
    lab_step(ERET);
    lab_step(0); /* faults: steps again after the return */
    assert_int_equal(ESR_EC(A64_R_ESR_EL1), A64_EC_UNKNOWN);
    assert_int_equal(*lab_r(A64_R_SPSR_EL1) >> 21 & 1, 1);
    lab_step(ERET);
    lab_step(SVC(0)); /* completes: not again */
    assert_int_equal(*lab_r(A64_R_SPSR_EL1) >> 21 & 1, 0);
}

static void break_and_watch(void **state)
{
    union ir_val v[3] = {{0}};
    jmp_buf recover;

    (void)state;
    lab_el(1);
    *lab_r(A64_R_OSLSR_EL1) = 8;
    lab_state()->x[1] = 0x5000;
    lab_step(MSR(2, 0, 0, 2, 4, 1)); /* DBGBVR2_EL1 */
    lab_state()->x[1] = 0x1e5;       /* enabled, EL0, all bytes */
    lab_step(MSR(2, 0, 0, 2, 5, 1));
    *lab_r(A64_R_MDSCR_EL1) = A64_MDSCR_MDE;
    lab_el(0);
    assert_true(lab.cpu->key & A64_KEY_BREAK);
    lab.cpu->pc = 0x4ffc;
    assert_int_equal(lab_step(NOP), CPU_EXIT_NONE);
    assert_int_equal(lab.cpu->pc, 0x5000);
    lab_step(NOP);
    assert_int_equal(*lab_r(A64_R_ESR_EL1), UINT64_C(0x30) << 26 | 1 << 25 | 0x22);
    assert_int_equal(*lab_r(A64_R_ELR_EL1), 0x5000);
    lab_state()->dbgbcr[2] = 0;
    lab_state()->dbgwvr[0] = 0x7000;
    lab_state()->dbgwcr[0] = 0x1 | 2 << 1 | 2 << 3 | 0xf0 << 5; /* EL0, stores, bytes 4..7 */
    lab_el(0);
    assert_true(lab.cpu->key & A64_KEY_WATCH);
    lab.cpu->recover = &recover;
    v[1].w = 4;
    v[2].w = CPU_WRITE;
    for (unsigned at = 0; at < 12; at += 4) {
        volatile bool hit = false;

        v[0].x = 0x7000 + at;
        if (setjmp(recover) == 0)
            isa_arm64.helpers[A64_H_watchpoints].fn(lab.cpu, v);
        else
            hit = true;
        assert_int_equal(hit, at == 4);
    }
    isa_arm64.sys->raise(lab.cpu, CPU_EXIT_ISA);
    assert_int_equal(*lab_r(A64_R_ESR_EL1), UINT64_C(0x34) << 26 | 1 << 25 | 1 << 6 | 0x22);
    assert_int_equal(*lab_r(A64_R_FAR_EL1), 0x7004);
    /* Accesses are preceded by a check. */
    lab_el(0);
    unit_lift(&lab.unit, lab.cpu->key, 0x5000,
              (const uint32_t[]){0xa9000440u /* stp x0, x1, [x2] */}, 1);
    unit_check(&lab.unit);
    {
        unsigned checks = 0;

        for (unsigned i = 0; i < lab.unit.nins; i++)
            checks += lab.unit.ins[i].op == IR_CALL && lab.unit.ins[i].aux == A64_H_watchpoints;
        assert_int_equal(checks, 2);
    }
}

/* Every form of every table, under keys that change what lifters emit: the verifier accepts it. */
static void forms_verify(void **state)
{
    static const uint32_t keys[] = {A64_KEY_STEP,
                                    A64_KEY_WATCH | A64_KEY_BREAK,
                                    A64_KEY_ALIGN | A64_KEY_BIG,
                                    A64_KEY_FPTRAP,
                                    A64_KEY_TRAPS,
                                    A64_KEY_E2H,
                                    A64_KEY_NO_ZVA | A64_KEY_WATCH | A64_KEY_STEP};
    uint32_t word, seed = 12345;

    (void)state;
    for (unsigned k = 0; k < array_size(keys); k++)
        for (unsigned el = 0; el <= 3; el++)
            for (unsigned f = 0; f < a64_nforms; f++)
                for (unsigned n = 0; n < 3; n++) {
                    seed = seed * 1664525 + 1013904223;
                    if (!isa_form_word(&a64_forms[f], seed ^ seed >> 13, &word))
                        continue;
                    unit_lift(&lab.unit,
                              keys[k] | A64_KEY_SYSTEM | el << A64_KEY_EL_SHIFT |
                                  5u << A64_KEY_MODEL_SHIFT,
                              0x5000, &word, 1);
                    unit_check(&lab.unit);
                }
}

/* ---- models ---- */

/* The decoder's features and the identification registers say the same. */
static void models_agree(void **state)
{
    (void)state;
    for (unsigned i = 0; i < A64_MODELS; i++) {
        const struct a64_model *m = a64_model_at(i);
        uint64_t f = m->features;

        assert_ptr_equal(a64_models[i].data, m);
        assert_int_equal(m->isar0 & ~(UINT64_C(15) << 56 | UINT64_C(15) << 24),
                         arm64_id_value(f, A64_ID_ISAR0));
        assert_int_equal(m->isar1, arm64_id_value(f, A64_ID_ISAR1));
        assert_int_equal(m->pfr0 >> 16 & 15, f >> A64_F_FPHP & 1);
        assert_int_equal(m->pfr0 >> 48 & 15, f >> A64_F_DIT & 1);
        assert_int_equal((m->pfr1 >> 4 & 15) != 0, f >> A64_F_SSBS & 1);
        assert_int_equal(m->pauth, f >> A64_F_PACA & 1);
    }
}

static void models_gate_instructions(void **state)
{
    uint64_t *r = lab_state()->x;

    (void)state;
    lab_el(1);
    lab.cpu->pc = 0x5000;
    lab_step(0xb8e10020u); /* ldaddal w1, w0, [x1]: no LSE in a Cortex-A57 */
    assert_int_equal(ESR_EC(A64_R_ESR_EL1), A64_EC_UNKNOWN);
    assert_int_equal(lab_step(0xd503233fu), CPU_EXIT_NONE); /* paciasp is a hint */
    lab.cpu->pc = 0x5000;
    lab_step(0xd500409fu); /* msr pan, #0 */
    assert_int_equal(*lab_r(A64_R_ELR_EL1), 0x5000);
    lab_step(MRS(3, 0, 0, 0, 0, 1));
    assert_int_equal(r[1], 0x411fd070);
    lab_step(MRS(3, 0, 0, 4, 0, 1));
    assert_int_equal(r[1], 0x11);    /* neither EL2 nor EL3 here */
    lab_step(MRS(3, 0, 0, 3, 7, 1)); /* reserved identification */
    assert_int_equal(r[1], 0);
    lab_step(MRS(3, 0, 0, 0, 5, 1));
    assert_int_equal(r[1], UINT64_C(0x80000001));
}

/* ---- debuggers and saved state ---- */

static void debugger_registers(void **state)
{
    unsigned n = 0;
    uint8_t buf[16];
    uint64_t v;

    (void)state;
    for (const struct isa_reg *r = isa_arm64.sys->regs; r->name; r++, n++)
        assert_true(isa_arm64.sys->reg_get(lab.cpu, r->number, buf));
    assert_true(n > 68);
    v = 0x9000;
    assert_true(isa_arm64.sys->reg_set(lab.cpu, 32, &v));
    assert_int_equal(lab.cpu->pc, 0x9000);
    v = 0x60000005;
    assert_true(isa_arm64.sys->reg_set(lab.cpu, 33, &v));
    assert_int_equal(lab_state()->el, 1);
    assert_int_equal(arm64_get_nzcv(lab_state()), 6u << 28);
    assert_true(isa_arm64.sys->reg_get(lab.cpu, 33, buf));
    assert_memory_equal(buf, &v, 4);
}

#define FULL(name)  cmocka_unit_test_setup_teardown(name, open_full, teardown)
#define PLAIN(name) cmocka_unit_test_setup_teardown(name, open_plain, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FULL(after_reset),
        FULL(service_call_and_return),
        FULL(vectors_by_stack_pointer),
        FULL(routing),
        FULL(fp_traps),
        FULL(aborts),
        FULL(illegal_returns),
        FULL(interrupts),
        FULL(unmasking_lets_in),
        FULL(waiting),
        PLAIN(firmware),
        FULL(access_matrix),
        FULL(trap_syndrome),
        FULL(controller_traps),
        FULL(virtual_host),
        FULL(stack_pointers),
        FULL(timers),
        FULL(counters),
        FULL(software_step),
        FULL(break_and_watch),
        FULL(forms_verify),
        PLAIN(models_agree),
        PLAIN(models_gate_instructions),
        FULL(debugger_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
