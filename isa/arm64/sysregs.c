/* Owns the table of system registers: finding one by encoding, who may access it, and the registers that belong to
 * no other part (identification, PSTATE, controls). Arm ARM D19, and the traps of D1.3 and D19.2 per control.
 * Never knows instructions: helpers_system.c and lift_system.c call it. */
#include "isa/arm64/regs_fn.h"
#include "isa/arm64/helpers.h"

enum {
    X = A64_RF_ENDS, H = A64_RF_CODE, P = A64_RF_PAC, N = A64_RF_PAN, U = A64_RF_UAO, V = A64_RF_VHE, L = A64_RF_LOR,
    S = A64_RF_RAS, D = A64_RF_DIT, B = A64_RF_SSBS, G = A64_RF_RNG, M = A64_RF_PMU, E2 = A64_RF_EL2, E3 = A64_RF_EL3,
};

const struct a64_reg a64_regs[A64_R_COUNT] = {
#define R(name, op0, op1, crn, crm, op2, el, trap, flags, mask, read, write) \
    [A64_R_##name] = {#name, A64_SYSREG(op0, op1, crn, crm, op2), el, A64_T_##trap, flags, mask, read, write},
#include "isa/arm64/sysregs.def"
#undef R
};

/* ---- finding ---- */

/* HCR_EL2.E2H at EL2: names of EL1 mean registers of EL2, and EL12 and EL02 names those of EL1. D8.11.2. */
static const struct {
    uint16_t from, to;
} redirects[] = {
#define TO(name, el2) {A64_SYSREG name, A64_R_##el2}
    TO((3, 0, 1, 0, 0), SCTLR_EL2),      TO((3, 0, 1, 0, 2), CPTR_EL2),       TO((3, 0, 2, 0, 0), TTBR0_EL2),
    TO((3, 0, 2, 0, 1), TTBR1_EL2),      TO((3, 0, 2, 0, 2), TCR_EL2),        TO((3, 0, 5, 1, 0), AFSR0_EL2),
    TO((3, 0, 5, 1, 1), AFSR1_EL2),      TO((3, 0, 5, 2, 0), ESR_EL2),        TO((3, 0, 6, 0, 0), FAR_EL2),
    TO((3, 0, 10, 2, 0), MAIR_EL2),      TO((3, 0, 10, 3, 0), AMAIR_EL2),     TO((3, 0, 12, 0, 0), VBAR_EL2),
    TO((3, 0, 13, 0, 1), CONTEXTIDR_EL2), TO((3, 0, 14, 1, 0), CNTHCTL_EL2),  TO((3, 0, 4, 0, 0), SPSR_EL2),
    TO((3, 0, 4, 0, 1), ELR_EL2),        TO((3, 3, 14, 2, 0), CNTHP_TVAL_EL2), TO((3, 3, 14, 2, 1), CNTHP_CTL_EL2),
    TO((3, 3, 14, 2, 2), CNTHP_CVAL_EL2), TO((3, 3, 14, 3, 0), CNTHV_TVAL_EL2), TO((3, 3, 14, 3, 1), CNTHV_CTL_EL2),
    TO((3, 3, 14, 3, 2), CNTHV_CVAL_EL2),
#undef TO
};

static unsigned op1_of(unsigned enc) { return enc >> 11 & 7; }
static unsigned crn_of(unsigned enc) { return enc >> 7 & 15; }
static unsigned crm_of(unsigned enc) { return enc >> 3 & 15; }

static int by_redirect(unsigned *enc)
{
    for (unsigned i = 0; i < array_size(redirects); i++)
        if (redirects[i].from == *enc)
            return redirects[i].to;
    if (op1_of(*enc) != 5)
        return A64_NO_REG;
    *enc = (*enc & ~(7u << 11)) | (crn_of(*enc) == 14 && crm_of(*enc) != 1 ? 3u << 11 : 0);
    return A64_NO_REG;
}

static bool is_intc(unsigned enc)
{
    unsigned op1 = op1_of(enc);

    if (enc == A64_SYSREG(3, 0, 4, 6, 0))
        return true;
    return enc >> 14 == 3 && crn_of(enc) == 12 && crm_of(enc) >= 8 && (op1 == 0 || op1 == 4 || op1 == 6);
}

/* Rows: registers that differ in CRm and op2. */
static int row(unsigned enc, struct a64_reg *ops)
{
    unsigned op0 = enc >> 14, op1 = op1_of(enc), crn = crn_of(enc), low = enc & 0x7f;

    if (op0 == 3 && op1 == 0 && crn == 0 && low >= 8 && low < 64) {
        *ops = (struct a64_reg){"ID", (uint16_t)enc, 0x1f, A64_T_TID3, A64_RF_CODE, 0, a64_rd_id, NULL};
        return (int)(A64_ROW_ID + low);
    }
    if (enc == A64_SYSREG(3, 0, 0, 0, 6)) {
        *ops = (struct a64_reg){"REVIDR_EL1", (uint16_t)enc, 0x1f, A64_T_TID1, A64_RF_CODE, 0, a64_rd_id, NULL};
        return A64_ROW_ID + 6;
    }
    if (op0 == 2 && op1 == 0 && crn == 0 && (enc & 7) >= 4) {
        *ops = (struct a64_reg){"DBG", (uint16_t)enc, 0x11, A64_T_TDA, A64_RF_CODE | A64_RF_ENDS, 0, a64_rd_debug,
                                a64_wr_debug};
        return (int)(A64_ROW_DEBUG + low);
    }
    if (op0 == 3 && op1 == 3 && crn == 14 && low >= 64) {
        *ops = (struct a64_reg){"PMEV", (uint16_t)enc, 0x00, low < 96 ? A64_T_PMUER : A64_T_PMU,
                                A64_RF_CODE | A64_RF_PMU, 0, a64_rd_pmev, a64_wr_pmev};
        return (int)(A64_ROW_PMU + low - 64);
    }
    if (is_intc(enc)) {
        uint8_t el = op1 == 6 ? 0x33 : op1 == 4 ? 0x22 : 0x11;

        *ops = (struct a64_reg){"ICC", (uint16_t)enc, el, A64_T_INTC, A64_RF_CODE, 0, a64_rd_intc, a64_wr_intc};
        return (int)(A64_ROW_INTC + enc);
    }
    if (op0 == 3 && (crn == 11 || crn == 15)) {
        *ops = (struct a64_reg){"IMPDEF", (uint16_t)enc, 0x11, A64_T_IMPDEF, A64_RF_CODE, 0, a64_rd_zero, a64_wr_none};
        return A64_ROW_IMPDEF;
    }
    return A64_NO_REG;
}

int a64_reg_find(unsigned enc, unsigned el, bool e2h, struct a64_reg *ops)
{
    int reg = el == 2 && e2h ? by_redirect(&enc) : A64_NO_REG;

    for (unsigned i = 0; reg < 0 && i < A64_R_COUNT; i++)
        if (a64_regs[i].enc == enc && enc >= A64_SYSREG(2, 0, 0, 0, 0))
            reg = (int)i;
    if (reg < 0)
        return row(enc, ops);
    *ops = a64_regs[reg];
    return reg;
}

/* ---- access without checks ---- */

uint64_t a64_reg_get(struct cpu *c, int reg)
{
    const struct a64_reg *r = &a64_regs[reg];

    return r->read ? r->read(c, (unsigned)reg) : arm64_state(c)->r[reg];
}

static void store(struct cpu *c, unsigned reg, uint64_t v)
{
    uint64_t *at = &arm64_state(c)->r[reg], mask = a64_regs[reg].mask;

    *at = (*at & ~mask) | (v & mask);
}

void a64_reg_set(struct cpu *c, int reg, uint64_t v)
{
    const struct a64_reg *r = &a64_regs[reg];

    if (r->write)
        r->write(c, (unsigned)reg, v);
    else
        store(c, (unsigned)reg, v);
    if (r->flags & A64_RF_ENDS)
        arm64_update(c);
}

/* ---- traps ---- */

struct access {
    struct cpu *c;
    unsigned el;
    uint64_t iss;
    bool write;
};

static void trap_to(const struct access *a, unsigned el)
{
    /* What EL0 may not do and EL1 does not want goes to EL2 when that is EL0's host. */
    if (el == 1 && (a64_hcr(a->c) & A64_HCR_TGE))
        el = 2;
    a64_leave_trap(a->c, el, a64_esr(A64_EC_SYSREG, a->iss));
}

static void by_hcr(const struct access *a, uint64_t bits)
{
    if (a->el < 2 && (a64_hcr(a->c) & bits) && !(a->el == 0 && a64_host(a->c)))
        trap_to(a, 2);
}

/* MDCR_EL2 for EL0 and EL1, MDCR_EL3 for all below EL3. */
static void by_mdcr(const struct access *a, uint64_t el2, uint64_t el3)
{
    const uint64_t *r = a64_cs(a->c)->r;

    if (a->el < 2 && a64_el2_on(a->c) && (r[A64_R_MDCR_EL2] & el2))
        trap_to(a, 2);
    if (a->el < 3 && a64_has_el3(a->c) && (r[A64_R_MDCR_EL3] & el3))
        trap_to(a, 3);
}

static void by_scr(const struct access *a, uint64_t bits)
{
    if (a->el < 3 && a64_has_el3(a->c) && (a64_cs(a->c)->r[A64_R_SCR_EL3] & bits))
        trap_to(a, 3);
}

static void user_needs(const struct access *a, uint64_t control, uint64_t bits)
{
    if (a->el == 0 && !(control & bits))
        trap_to(a, 1);
}

static void check_fp(const struct access *a)
{
    if (a->c->key & A64_KEY_FPTRAP) {
        a->c->exit_code = A64_EXIT_FP;
        cpu_leave(a->c, CPU_EXIT_ISA);
    }
}

static void check_cptr(const struct access *a)
{
    const uint64_t *r = a64_cs(a->c)->r;

    if (a->el == 1 && a64_el2_on(a->c) && (r[A64_R_CPTR_EL2] >> 31 & 1))
        trap_to(a, 2);
    if (a->el < 3 && a64_has_el3(a->c) && (r[A64_R_CPTR_EL3] >> 31 & 1))
        trap_to(a, 3);
}

/* Pointer authentication keys: HCR_EL2.APK and SCR_EL3.APK allow. */
static void check_apk(const struct access *a)
{
    if (a->el == 1 && a64_el2_on(a->c) && !(a64_hcr(a->c) & (A64_HCR_APK | A64_HCR_TGE)))
        trap_to(a, 2);
    if (a->el < 3 && a64_has_el3(a->c) && !(a64_cs(a->c)->r[A64_R_SCR_EL3] & A64_SCR_APK))
        trap_to(a, 3);
}

/* Bit `user` of CNTKCTL (CNTHCTL for a host's EL0) for EL0; bit `guest` of CNTHCTL for EL1 and EL0 (< 0: none). */
static void check_timer(const struct access *a, unsigned user, int guest)
{
    const uint64_t *r = a64_cs(a->c)->r;
    bool host = a64_host(a->c), e2h = (a64_hcr(a->c) & A64_HCR_E2H) != 0;

    user_needs(a, r[host ? A64_R_CNTHCTL_EL2 : A64_R_CNTKCTL_EL1], UINT64_C(1) << user);
    if (guest >= 0 && a->el < 2 && a64_el2_on(a->c) && !host &&
        !(r[A64_R_CNTHCTL_EL2] >> (guest + (e2h ? 10 : 0)) & 1))
        trap_to(a, 2);
}

static void check_pmu(const struct access *a, uint64_t user)
{
    user_needs(a, a64_cs(a->c)->r[A64_R_PMUSERENR_EL0], user);
    by_mdcr(a, 1 << 6, 1 << 6);
}

static void check_intc(const struct access *a, unsigned enc)
{
    /* SGIs by a guest's EL1 are its hypervisor's business. */
    if (a->el == 1 && crm_of(enc) == 11 && (enc & 7) >= 5)
        by_hcr(a, A64_HCR_IMO | A64_HCR_FMO);
    if (a->el < 3 && a64_has_el3(a->c)) {
        uint64_t scr = a64_cs(a->c)->r[A64_R_SCR_EL3], both = A64_SCR_IRQ | A64_SCR_FIQ;

        if (op1_of(enc) == 0 && (scr & both) == both && !(a->el == 1 && (a64_hcr(a->c) & (A64_HCR_IMO | A64_HCR_FMO))))
            trap_to(a, 3);
    }
}

static void check_trap(const struct access *a, enum a64_trap trap, unsigned enc)
{
    const uint64_t *r = a64_cs(a->c)->r;

    switch (trap) {
    case A64_T_NONE:
        break;
    case A64_T_VM:
        by_hcr(a, a->write ? A64_HCR_TVM : A64_HCR_TRVM);
        break;
    case A64_T_TID1:
        by_hcr(a, A64_HCR_TID1);
        break;
    case A64_T_CTR:
        user_needs(a, a64_sctlr(a->c, a64_regime_el(a->c, a->el)), A64_SCTLR_UCT);
        by_hcr(a, A64_HCR_TID2);
        break;
    case A64_T_TID2:
        by_hcr(a, A64_HCR_TID2);
        break;
    case A64_T_TID3:
        by_hcr(a, A64_HCR_TID3);
        break;
    case A64_T_TACR:
        by_hcr(a, A64_HCR_TACR);
        break;
    case A64_T_IMPDEF:
        by_hcr(a, A64_HCR_TIDCP);
        break;
    case A64_T_CPACR:
    case A64_T_CPTR2:
        check_cptr(a);
        break;
    case A64_T_FP:
        check_fp(a);
        break;
    case A64_T_TDA:
    case A64_T_TDA3:
        by_mdcr(a, 1 << 9, 1 << 9);
        break;
    case A64_T_TDCC:
        if (a->el == 0 && (r[A64_R_MDSCR_EL1] >> 12 & 1))
            trap_to(a, 1);
        by_mdcr(a, 1 << 9, 1 << 9);
        break;
    case A64_T_TDRA:
        by_mdcr(a, 1 << 11, 1 << 9);
        break;
    case A64_T_TDOSA:
        by_mdcr(a, 1 << 10, 1 << 10);
        break;
    case A64_T_DAIF:
        user_needs(a, a64_sctlr(a->c, a64_regime_el(a->c, a->el)), A64_SCTLR_UMA);
        break;
    case A64_T_ERR:
        by_hcr(a, A64_HCR_TERR);
        by_scr(a, A64_SCR_TERR);
        break;
    case A64_T_LOR:
        by_hcr(a, A64_HCR_TLOR);
        by_scr(a, A64_SCR_TLOR);
        break;
    case A64_T_APK:
        check_apk(a);
        break;
    case A64_T_CNTFRQ:
        user_needs(a, r[a64_host(a->c) ? A64_R_CNTHCTL_EL2 : A64_R_CNTKCTL_EL1], 3);
        break;
    case A64_T_CNTPCT:
        check_timer(a, 0, 0);
        break;
    case A64_T_CNTVCT:
        check_timer(a, 1, -1);
        break;
    case A64_T_CNTP:
        check_timer(a, 9, 1);
        break;
    case A64_T_CNTV:
        check_timer(a, 8, -1);
        break;
    case A64_T_CNTPS: /* secure EL1 with SCR_EL3.ST, else a trap; not secure: undefined */
        if (a->el < 3 && !a64_secure(a->c))
            a64_leave_undef(a->c);
        if (a->el == 1 && !(r[A64_R_SCR_EL3] & A64_SCR_ST))
            trap_to(a, 3);
        break;
    case A64_T_PMU:
        check_pmu(a, 1);
        break;
    case A64_T_PMUSW:
        check_pmu(a, 3);
        break;
    case A64_T_PMUER:
        check_pmu(a, a->write ? 1 : 9);
        break;
    case A64_T_PMUCR:
        check_pmu(a, a->write ? 1 : 5);
        break;
    case A64_T_TPM:
        by_mdcr(a, 1 << 6, 1 << 6);
        break;
    case A64_T_INTC:
        check_intc(a, enc);
        break;
    }
}

static bool exists(const struct cpu *c, unsigned flags)
{
    const struct a64_model *m = a64_m(c)->model;
    uint64_t f = m->features;

    return !((flags & A64_RF_PAC && !m->pauth) || (flags & A64_RF_PAN && !(m->mmfr1 >> 20 & 15)) ||
             (flags & A64_RF_UAO && !(m->mmfr2 >> 4 & 15)) || (flags & A64_RF_VHE && !(m->mmfr1 >> 8 & 15)) ||
             (flags & A64_RF_LOR && !(m->mmfr1 >> 16 & 15)) || (flags & A64_RF_RAS && !(m->pfr0 >> 28 & 15)) ||
             (flags & A64_RF_DIT && !(f >> A64_F_DIT & 1)) || (flags & A64_RF_SSBS && !(f >> A64_F_SSBS & 1)) ||
             (flags & A64_RF_RNG && !(f >> A64_F_RNG & 1)) || (flags & A64_RF_PMU && !a64_m(c)->props.pmu));
}

/* Checks an access by the present level; what is between the number and its functions. */
static void check(struct cpu *c, const struct a64_reg *r, unsigned iss, bool write)
{
    const struct access a = {c, a64_cs(c)->el, iss, write};

    if (!exists(c, r->flags))
        a64_leave_undef(c);
    check_trap(&a, (enum a64_trap)r->trap, r->enc);
}

static bool absent(const struct cpu *c, const struct a64_reg *r)
{
    return (r->flags & A64_RF_EL2 && !a64_has_el2(c)) || (r->flags & A64_RF_EL3 && !a64_has_el3(c));
}

static const struct a64_reg *reg_of(int reg, struct a64_reg *copy)
{
    if (reg < A64_R_COUNT)
        return &a64_regs[reg];
    if (reg >= A64_ROW_INTC)
        row((unsigned)reg - A64_ROW_INTC, copy);
    else if (reg >= A64_ROW_IMPDEF)
        row(A64_SYSREG(3, 0, 15, 0, 0), copy);
    else if (reg >= A64_ROW_PMU)
        row(A64_SYSREG(3, 3, 14, 8, 0) + ((unsigned)reg - A64_ROW_PMU), copy);
    else if (reg >= A64_ROW_DEBUG)
        row(A64_SYSREG(2, 0, 0, 0, 0) + ((unsigned)reg - A64_ROW_DEBUG), copy);
    else
        row(A64_SYSREG(3, 0, 0, 0, 0) + ((unsigned)reg - A64_ROW_ID), copy);
    return copy;
}

/* v[0] number, v[1] ISS of a trap */
void a64_h_reg_read(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;
    unsigned reg = v[0].w;
    struct a64_reg copy;
    const struct a64_reg *r = reg_of((int)reg, &copy);

    check(c, r, v[1].w, false);
    if (r->read)
        v[0].x = r->read(c, reg);
    else
        v[0].x = absent(c, r) ? 0 : arm64_state(c)->r[reg];
}

/* v[0] number, v[1] ISS, v[2] value */
void a64_h_reg_write(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;
    unsigned reg = v[0].w;
    struct a64_reg copy;
    const struct a64_reg *r = reg_of((int)reg, &copy);

    check(c, r, v[1].w, true);
    if (absent(c, r))
        return;
    if (r->write)
        r->write(c, reg, v[2].x);
    else if (!(r->flags & A64_RF_CODE))
        store(c, reg, v[2].x);
    if (r->flags & A64_RF_ENDS)
        arm64_update(c);
}

/* ---- rows and oddities ---- */

uint64_t a64_rd_zero(struct cpu *c, unsigned reg)
{
    (void)c, (void)reg;
    return 0;
}

void a64_wr_none(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)c, (void)reg, (void)v;
}

uint64_t a64_rd_debug(struct cpu *c, unsigned reg)
{
    return a64_debug_row_get(c, reg - A64_ROW_DEBUG);
}

void a64_wr_debug(struct cpu *c, unsigned reg, uint64_t v)
{
    a64_debug_row_set(c, reg - A64_ROW_DEBUG, v);
}

uint64_t a64_rd_pmev(struct cpu *c, unsigned reg)
{
    return a64_pmu_row_get(c, reg - A64_ROW_PMU);
}

void a64_wr_pmev(struct cpu *c, unsigned reg, uint64_t v)
{
    a64_pmu_row_set(c, reg - A64_ROW_PMU, v);
}

uint64_t a64_rd_intc(struct cpu *c, unsigned reg)
{
    uint64_t v = 0;

    if (!c->sys->intc.read || !c->sys->intc.read(c->sys->intc.opaque, c, reg - A64_ROW_INTC, &v))
        a64_leave_undef(c);
    return v;
}

void a64_wr_intc(struct cpu *c, unsigned reg, uint64_t v)
{
    if (!c->sys->intc.write || !c->sys->intc.write(c->sys->intc.opaque, c, reg - A64_ROW_INTC, v))
        a64_leave_undef(c);
}

/* ---- identification ---- */

uint64_t a64_rd_midr(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->el == 1 && a64_el2_on(c) ? a64_cs(c)->r[A64_R_VPIDR_EL2] : a64_m(c)->model->midr;
}

uint64_t arm64_mpidr(const struct cpu *c)
{
    return a64_m(c)->props.mpidr | UINT64_C(1) << 31;
}

uint64_t a64_rd_mpidr(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->el == 1 && a64_el2_on(c) ? a64_cs(c)->r[A64_R_VMPIDR_EL2] : arm64_mpidr(c);
}

static uint64_t pfr0(const struct cpu *c)
{
    uint64_t v = a64_m(c)->model->pfr0 & ~UINT64_C(0xf00ff00);

    v |= a64_has_el2(c) ? 1 << 8 : 0;
    v |= a64_has_el3(c) ? 1 << 12 : 0;
    v |= c->sys->intc.read ? 1 << 24 : 0;
    return v;
}

uint64_t a64_rd_id(struct cpu *c, unsigned reg)
{
    const struct a64_model *m = a64_m(c)->model;

    switch (reg - A64_ROW_ID) {
    case 0 << 3 | 6:
        return m->revidr;
    case 4 << 3 | 0:
        return pfr0(c);
    case 4 << 3 | 1:
        return m->pfr1;
    case 5 << 3 | 0:
        return a64_m(c)->props.pmu ? m->dfr0 : m->dfr0 & ~UINT64_C(0xf00);
    case 6 << 3 | 0:
        return m->isar0;
    case 6 << 3 | 1:
        return m->isar1;
    case 7 << 3 | 0:
        return m->mmfr0;
    case 7 << 3 | 1:
        return m->mmfr1;
    case 7 << 3 | 2:
        return m->mmfr2;
    default:
        return 0;
    }
}

uint64_t a64_rd_ctr(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_m(c)->model->ctr;
}

uint64_t a64_rd_dczid(struct cpu *c, unsigned reg)
{
    (void)reg;
    return A64_DCZID_EL0 | (c->key & A64_KEY_NO_ZVA ? 1 << 4 : 0);
}

uint64_t a64_rd_clidr(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_m(c)->model->clidr;
}

uint64_t a64_rd_ccsidr(struct cpu *c, unsigned reg)
{
    uint64_t select = a64_cs(c)->r[A64_R_CSSELR_EL1];
    unsigned level = select >> 1 & 7;

    (void)reg;
    if (level == 0)
        return a64_m(c)->model->ccsidr[select & 1];
    return level <= 2 && !(select & 1) ? a64_m(c)->model->ccsidr[level + 1] : 0;
}

static uint64_t rvbar(struct cpu *c, unsigned el)
{
    if (arm64_highest_el(c) != el)
        a64_leave_undef(c);
    return a64_m(c)->props.reset_pc;
}

uint64_t a64_rd_rvbar1(struct cpu *c, unsigned reg) { (void)reg; return rvbar(c, 1); }
uint64_t a64_rd_rvbar2(struct cpu *c, unsigned reg) { (void)reg; return rvbar(c, 2); }
uint64_t a64_rd_rvbar3(struct cpu *c, unsigned reg) { (void)reg; return rvbar(c, 3); }

static uint64_t rmr(struct cpu *c, unsigned el)
{
    if (arm64_highest_el(c) != el)
        a64_leave_undef(c);
    return 1;
}

uint64_t a64_rd_rmr1(struct cpu *c, unsigned reg) { (void)reg; return rmr(c, 1); }
uint64_t a64_rd_rmr2(struct cpu *c, unsigned reg) { (void)reg; return rmr(c, 2); }
uint64_t a64_rd_rmr3(struct cpu *c, unsigned reg) { (void)reg; return rmr(c, 3); }

void a64_wr_rmr(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)v; /* a warm reset on request: not offered */
    rmr(c, reg == A64_R_RMR_EL1 ? 1 : reg == A64_R_RMR_EL2 ? 2 : 3);
}

uint64_t a64_rd_isr(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_pending_isr(c);
}

/* ---- processor state ---- */

uint64_t a64_rd_currentel(struct cpu *c, unsigned reg)
{
    (void)reg;
    return (uint64_t)a64_cs(c)->el << 2;
}

uint64_t a64_rd_spsel(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->spsel;
}

void a64_wr_spsel(struct cpu *c, unsigned reg, uint64_t v)
{
    struct arm64_state *s = arm64_state(c);

    (void)reg;
    a64_sp_save(s);
    s->spsel = v & 1;
    a64_sp_load(s);
}

uint64_t a64_rd_pan(struct cpu *c, unsigned reg) { (void)reg; return (uint64_t)a64_cs(c)->pan << 22; }
uint64_t a64_rd_uao(struct cpu *c, unsigned reg) { (void)reg; return (uint64_t)a64_cs(c)->uao << 23; }
uint64_t a64_rd_daif(struct cpu *c, unsigned reg) { (void)reg; return a64_cs(c)->daif; }
uint64_t a64_rd_dit(struct cpu *c, unsigned reg) { (void)reg; return a64_cs(c)->dit; }
uint64_t a64_rd_ssbs(struct cpu *c, unsigned reg) { (void)reg; return a64_cs(c)->ssbs; }
uint64_t a64_rd_nzcv(struct cpu *c, unsigned reg) { (void)reg; return arm64_get_nzcv(a64_cs(c)); }
uint64_t a64_rd_fpcr(struct cpu *c, unsigned reg) { (void)reg; return a64_cs(c)->fpcr; }
uint64_t a64_rd_fpsr(struct cpu *c, unsigned reg) { (void)reg; return arm64_get_fpsr(a64_cs(c)); }
uint64_t a64_rd_tpidr(struct cpu *c, unsigned reg) { (void)reg; return a64_cs(c)->tpidr; }
uint64_t a64_rd_tpidrro(struct cpu *c, unsigned reg) { (void)reg; return a64_cs(c)->tpidrro; }
void a64_wr_pan(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_state(c)->pan = v >> 22 & 1; }
void a64_wr_uao(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_state(c)->uao = v >> 23 & 1; }
void a64_wr_daif(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_state(c)->daif = v & 0x3c0; }
void a64_wr_dit(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_state(c)->dit = v & 1u << 24; }
void a64_wr_ssbs(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_state(c)->ssbs = v & 1u << 12; }
void a64_wr_nzcv(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_set_nzcv(arm64_state(c), (uint32_t)v); }
void a64_wr_fpcr(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_set_fpcr(c, (uint32_t)v); }
void a64_wr_fpsr(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_set_fpsr(arm64_state(c), (uint32_t)v); }
void a64_wr_tpidr(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_state(c)->tpidr = v; }
void a64_wr_tpidrro(struct cpu *c, unsigned reg, uint64_t v) { (void)reg; arm64_state(c)->tpidrro = v; }

/* Undefined while it is the selected stack pointer. */
uint64_t a64_rd_sp_el0(struct cpu *c, unsigned reg)
{
    (void)reg;
    if (!a64_cs(c)->spsel)
        a64_leave_undef(c);
    return a64_cs(c)->r[A64_R_SP_EL0];
}

void a64_wr_sp_el0(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    if (!a64_cs(c)->spsel)
        a64_leave_undef(c);
    arm64_state(c)->r[A64_R_SP_EL0] = v;
}

uint64_t a64_rd_apkey(struct cpu *c, unsigned reg)
{
    const struct a64_pac_key *k = &a64_cs(c)->pac[(reg - A64_R_APIAKEYLO_EL1) / 2];

    return (reg - A64_R_APIAKEYLO_EL1) & 1 ? k->hi : k->lo;
}

void a64_wr_apkey(struct cpu *c, unsigned reg, uint64_t v)
{
    struct a64_pac_key *k = &arm64_state(c)->pac[(reg - A64_R_APIAKEYLO_EL1) / 2];

    *((reg - A64_R_APIAKEYLO_EL1) & 1 ? &k->hi : &k->lo) = v;
}

uint64_t a64_rd_rndr(struct cpu *c, unsigned reg)
{
    union ir_val v[1] = {{0}};

    (void)reg;
    a64_h_rndr(c, v);
    arm64_set_nzcv(arm64_state(c), v[0].x ? 0 : 1u << 30);
    return v[0].x;
}

/* ---- controls ---- */

static void flush_all(struct cpu *c)
{
    const struct cpu_flush all = {0};

    if (c->sys->accel)
        c->sys->accel->flush(c, &all, false);
}

/* Fields of SCTLR that translations depend on and no context tells. */
void a64_wr_sctlr(struct cpu *c, unsigned reg, uint64_t v)
{
    uint64_t *at = &arm64_state(c)->r[reg], old = *at;

    *at = v;
    if ((old ^ v) & (A64_SCTLR_WXN | A64_SCTLR_EPAN | A64_SCTLR_EE | A64_SCTLR_C))
        flush_all(c);
}

/* Registers that say how tables are read: guests change them with the MMU off or flush, but some do not. */
void a64_wr_tcr(struct cpu *c, unsigned reg, uint64_t v)
{
    uint64_t old = arm64_state(c)->r[reg];

    store(c, reg, v);
    if (reg == A64_R_VTTBR_EL2) /* the VMID is part of contexts */
        return;
    if (arm64_state(c)->r[reg] != old)
        flush_all(c);
}

void a64_wr_hcr(struct cpu *c, unsigned reg, uint64_t v)
{
    uint64_t *at = &arm64_state(c)->r[reg], old = *at;

    if (!(a64_m(c)->model->mmfr1 >> 8 & 15))
        v &= ~(A64_HCR_E2H | A64_HCR_TLOR);
    if (!(a64_m(c)->model->pfr0 >> 28 & 15))
        v &= ~(A64_HCR_TERR | A64_HCR_TEA);
    v &= UINT64_C(0x0000033fffffffff); /* nothing later than pointer authentication */
    if (!a64_m(c)->model->pauth)
        v &= ~(A64_HCR_APK | A64_HCR_API);
    *at = v | A64_HCR_RW; /* EL1 has no AArch32 */
    if ((old ^ v) & (A64_HCR_PTW | A64_HCR_DC | A64_HCR_CD | A64_HCR_ID | A64_HCR_E2H))
        flush_all(c);
}

void a64_wr_scr(struct cpu *c, unsigned reg, uint64_t v)
{
    store(c, reg, v);
    arm64_state(c)->r[reg] |= 0x30 | A64_SCR_RW;
}

void a64_wr_mdcr(struct cpu *c, unsigned reg, uint64_t v)
{
    store(c, reg, v);
    a64_pmu_update(c);
}

void a64_wr_oslar(struct cpu *c, unsigned reg, uint64_t v)
{
    uint64_t *oslsr = &arm64_state(c)->r[A64_R_OSLSR_EL1];

    (void)reg;
    *oslsr = (*oslsr & ~UINT64_C(2)) | (v & 1) << 1;
}

uint64_t a64_rd_claimset(struct cpu *c, unsigned reg)
{
    (void)c, (void)reg;
    return 0xff;
}

void a64_wr_claimset(struct cpu *c, unsigned reg, uint64_t v)
{
    arm64_state(c)->r[reg] |= v & 0xff;
}

uint64_t a64_rd_claimclr(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->r[A64_R_DBGCLAIMSET_EL1];
}

void a64_wr_claimclr(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_state(c)->r[A64_R_DBGCLAIMSET_EL1] &= ~v;
}

uint64_t a64_rd_cptr2(struct cpu *c, unsigned reg)
{
    uint64_t v = a64_cs(c)->r[reg];

    return a64_cs(c)->r[A64_R_HCR_EL2] & A64_HCR_E2H ? v & UINT64_C(0x80300000) : (v & UINT64_C(0x80000400)) | 0x33ff;
}

uint64_t a64_rd_dbgauth(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_has_el3(c) ? 0xff : 0x0f;
}
