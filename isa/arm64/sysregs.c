/* Owns the table of system registers: finding one by encoding, and who may access it. Arm ARM D19,
 * and the traps of D1.3 and D19.2 per control. Never knows instructions: lift_system.c calls it. */
#include "isa/arm64/helpers.h"
#include "isa/arm64/regs_fn.h"

enum {
    X = A64_RF_ENDS,
    H = A64_RF_CODE,
    P = A64_RF_PAC,
    N = A64_RF_PAN,
    U = A64_RF_UAO,
    V = A64_RF_VHE,
    L = A64_RF_LOR,
    S = A64_RF_RAS,
    D = A64_RF_DIT,
    B = A64_RF_SSBS,
    G = A64_RF_RNG,
    M = A64_RF_PMU,
    E2 = A64_RF_EL2,
    E3 = A64_RF_EL3,
};

const struct a64_reg a64_regs[A64_R_COUNT] = {
#define R(name, op0, op1, crn, crm, op2, el, trap, flags, mask, read, write) \
    [A64_R_##name] = {                                                       \
        #name, A64_SYSREG(op0, op1, crn, crm, op2), el, A64_T_##trap, flags, mask, read, write},
#include "isa/arm64/sysregs.def"
#undef R
};

/* ---- finding ---- */

/* HCR_EL2.E2H at EL2: names of EL1 mean registers of EL2, and EL12 and EL02 names those of EL1.
 * D8.11.2. */
static const struct {
    uint16_t from, to;
} redirects[] = {
#define TO(name, el2)                \
    {                                \
        A64_SYSREG name, A64_R_##el2 \
    }
    TO((3, 0, 1, 0, 0), SCTLR_EL2),       TO((3, 0, 1, 0, 2), CPTR_EL2),
    TO((3, 0, 2, 0, 0), TTBR0_EL2),       TO((3, 0, 2, 0, 1), TTBR1_EL2),
    TO((3, 0, 2, 0, 2), TCR_EL2),         TO((3, 0, 5, 1, 0), AFSR0_EL2),
    TO((3, 0, 5, 1, 1), AFSR1_EL2),       TO((3, 0, 5, 2, 0), ESR_EL2),
    TO((3, 0, 6, 0, 0), FAR_EL2),         TO((3, 0, 10, 2, 0), MAIR_EL2),
    TO((3, 0, 10, 3, 0), AMAIR_EL2),      TO((3, 0, 12, 0, 0), VBAR_EL2),
    TO((3, 0, 13, 0, 1), CONTEXTIDR_EL2), TO((3, 0, 14, 1, 0), CNTHCTL_EL2),
    TO((3, 0, 4, 0, 0), SPSR_EL2),        TO((3, 0, 4, 0, 1), ELR_EL2),
    TO((3, 3, 14, 2, 0), CNTHP_TVAL_EL2), TO((3, 3, 14, 2, 1), CNTHP_CTL_EL2),
    TO((3, 3, 14, 2, 2), CNTHP_CVAL_EL2), TO((3, 3, 14, 3, 0), CNTHV_TVAL_EL2),
    TO((3, 3, 14, 3, 1), CNTHV_CTL_EL2),  TO((3, 3, 14, 3, 2), CNTHV_CVAL_EL2),
#undef TO
};

static unsigned op1_of(unsigned enc)
{
    return enc >> 11 & 7;
}
static unsigned crn_of(unsigned enc)
{
    return enc >> 7 & 15;
}
static unsigned crm_of(unsigned enc)
{
    return enc >> 3 & 15;
}

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
    return enc >> 14 == 3 && crn_of(enc) == 12 && crm_of(enc) >= 8 &&
           (op1 == 0 || op1 == 4 || op1 == 6);
}

/* Rows: registers that differ in CRm and op2. */
static int row(unsigned enc, struct a64_reg *ops)
{
    unsigned op0 = enc >> 14, op1 = op1_of(enc), crn = crn_of(enc), low = enc & 0x7f;

    if (op0 == 3 && op1 == 0 && crn == 0 && low >= 8 && low < 64) {
        *ops = (struct a64_reg){"ID", (uint16_t)enc, 0x1f, A64_T_TID3, A64_RF_CODE,
                                0,    a64_rd_id,     NULL};
        return (int)(A64_ROW_ID + low);
    }
    if (enc == A64_SYSREG(3, 0, 0, 0, 6)) {
        *ops = (struct a64_reg){"REVIDR_EL1", (uint16_t)enc, 0x1f, A64_T_TID1, A64_RF_CODE, 0,
                                a64_rd_id,    NULL};
        return A64_ROW_ID + 6;
    }
    if (op0 == 2 && op1 == 0 && crn == 0 && (enc & 7) >= 4) {
        *ops = (struct a64_reg){
            "DBG", (uint16_t)enc, 0x11,        A64_T_TDA, A64_RF_CODE | A64_RF_ENDS,
            0,     a64_rd_debug,  a64_wr_debug};
        return (int)(A64_ROW_DEBUG + low);
    }
    if (op0 == 3 && op1 == 3 && crn == 14 && low >= 64) {
        *ops = (struct a64_reg){"PMEV",
                                (uint16_t)enc,
                                0x00,
                                low < 96 ? A64_T_PMUER : A64_T_PMU,
                                A64_RF_CODE | A64_RF_PMU,
                                0,
                                a64_rd_pmev,
                                a64_wr_pmev};
        return (int)(A64_ROW_PMU + low - 64);
    }
    if (is_intc(enc)) {
        uint8_t el = op1 == 6 ? 0x33 : op1 == 4 ? 0x22 : 0x11;

        *ops = (struct a64_reg){"ICC", (uint16_t)enc, el,         A64_T_INTC, A64_RF_CODE,
                                0,     a64_rd_intc,   a64_wr_intc};
        return (int)(A64_ROW_INTC + enc);
    }
    if (op0 == 3 && (crn == 11 || crn == 15)) {
        *ops = (struct a64_reg){"IMPDEF", (uint16_t)enc, 0x11,       A64_T_IMPDEF, A64_RF_CODE,
                                0,        a64_rd_zero,   a64_wr_none};
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

void a64_reg_store(struct cpu *c, unsigned reg, uint64_t v)
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
        a64_reg_store(c, (unsigned)reg, v);
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

/* Bit `user` of CNTKCTL (CNTHCTL for a host's EL0) for EL0; bit `guest` of CNTHCTL for EL1 and EL0
 * (< 0: none). */
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
    if (a->el == 1 && a64_el2_on(a->c) && a->c->sys->intc.traps &&
        a->c->sys->intc.traps(a->c->sys->intc.opaque, a->c, enc))
        trap_to(a, 2);
    if (a->el < 3 && a64_has_el3(a->c)) {
        uint64_t scr = a64_cs(a->c)->r[A64_R_SCR_EL3], both = A64_SCR_IRQ | A64_SCR_FIQ;

        if (op1_of(enc) == 0 && (scr & both) == both &&
            !(a->el == 1 && (a64_hcr(a->c) & (A64_HCR_IMO | A64_HCR_FMO))))
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
             (flags & A64_RF_UAO && !(m->mmfr2 >> 4 & 15)) ||
             (flags & A64_RF_VHE && !(m->mmfr1 >> 8 & 15)) ||
             (flags & A64_RF_LOR && !(m->mmfr1 >> 16 & 15)) ||
             (flags & A64_RF_RAS && !(m->pfr0 >> 28 & 15)) ||
             (flags & A64_RF_DIT && !(f >> A64_F_DIT & 1)) ||
             (flags & A64_RF_SSBS && !(f >> A64_F_SSBS & 1)) ||
             (flags & A64_RF_RNG && !(f >> A64_F_RNG & 1)) ||
             (flags & A64_RF_PMU && !a64_m(c)->props.pmu));
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
        a64_reg_store(c, reg, v[2].x);
    if (r->flags & A64_RF_ENDS)
        arm64_update(c);
}
