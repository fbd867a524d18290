/* Owns what reading and writing does of the system registers that belong to no other part: rows,
 * identification, PSTATE, controls. Arm ARM D19.2. Who may do it has been decided (sysregs.c). */
#include "isa/arm64/regs_fn.h"
#include "isa/arm64/helpers.h"

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
    return a64_cs(c)->el == 1 && a64_el2_on(c) ? a64_cs(c)->r[A64_R_VPIDR_EL2]
                                               : a64_m(c)->model->midr;
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

uint64_t a64_rd_rvbar1(struct cpu *c, unsigned reg)
{
    (void)reg;
    return rvbar(c, 1);
}
uint64_t a64_rd_rvbar2(struct cpu *c, unsigned reg)
{
    (void)reg;
    return rvbar(c, 2);
}
uint64_t a64_rd_rvbar3(struct cpu *c, unsigned reg)
{
    (void)reg;
    return rvbar(c, 3);
}

static uint64_t rmr(struct cpu *c, unsigned el)
{
    if (arm64_highest_el(c) != el)
        a64_leave_undef(c);
    return 1;
}

uint64_t a64_rd_rmr1(struct cpu *c, unsigned reg)
{
    (void)reg;
    return rmr(c, 1);
}
uint64_t a64_rd_rmr2(struct cpu *c, unsigned reg)
{
    (void)reg;
    return rmr(c, 2);
}
uint64_t a64_rd_rmr3(struct cpu *c, unsigned reg)
{
    (void)reg;
    return rmr(c, 3);
}

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

uint64_t a64_rd_pan(struct cpu *c, unsigned reg)
{
    (void)reg;
    return (uint64_t)a64_cs(c)->pan << 22;
}
uint64_t a64_rd_uao(struct cpu *c, unsigned reg)
{
    (void)reg;
    return (uint64_t)a64_cs(c)->uao << 23;
}
uint64_t a64_rd_daif(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->daif;
}
uint64_t a64_rd_dit(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->dit;
}
uint64_t a64_rd_ssbs(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->ssbs;
}
uint64_t a64_rd_nzcv(struct cpu *c, unsigned reg)
{
    (void)reg;
    return arm64_get_nzcv(a64_cs(c));
}
uint64_t a64_rd_fpcr(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->fpcr;
}
uint64_t a64_rd_fpsr(struct cpu *c, unsigned reg)
{
    (void)reg;
    return arm64_get_fpsr(a64_cs(c));
}
uint64_t a64_rd_tpidr(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->tpidr;
}
uint64_t a64_rd_tpidrro(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_cs(c)->tpidrro;
}
void a64_wr_pan(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_state(c)->pan = v >> 22 & 1;
}
void a64_wr_uao(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_state(c)->uao = v >> 23 & 1;
}
void a64_wr_daif(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_state(c)->daif = v & 0x3c0;
}
void a64_wr_dit(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_state(c)->dit = v & 1u << 24;
}
void a64_wr_ssbs(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_state(c)->ssbs = v & 1u << 12;
}
void a64_wr_nzcv(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_set_nzcv(arm64_state(c), (uint32_t)v);
}
void a64_wr_fpcr(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_set_fpcr(c, (uint32_t)v);
}
void a64_wr_fpsr(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_set_fpsr(arm64_state(c), (uint32_t)v);
}
void a64_wr_tpidr(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_state(c)->tpidr = v;
}
void a64_wr_tpidrro(struct cpu *c, unsigned reg, uint64_t v)
{
    (void)reg;
    arm64_state(c)->tpidrro = v;
}

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

/* Registers that say how tables are read: guests change them with the MMU off or flush, but some do
 * not. */
void a64_wr_tcr(struct cpu *c, unsigned reg, uint64_t v)
{
    uint64_t old = arm64_state(c)->r[reg];

    a64_reg_store(c, reg, v);
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
    a64_reg_store(c, reg, v);
    arm64_state(c)->r[reg] |= 0x30 | A64_SCR_RW;
}

void a64_wr_mdcr(struct cpu *c, unsigned reg, uint64_t v)
{
    a64_reg_store(c, reg, v);
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

    return a64_cs(c)->r[A64_R_HCR_EL2] & A64_HCR_E2H ? v & UINT64_C(0x80300000)
                                                     : (v & UINT64_C(0x80000400)) | 0x33ff;
}

uint64_t a64_rd_dbgauth(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_has_el3(c) ? 0xff : 0x0f;
}
