/* Owns the debug registers of the guest's own debugger: who takes debug exceptions, breakpoint and
 * watchpoint registers, and whether an address hits one. Arm ARM D2. The machine's debugger (GDB)
 * is not here. */
#include "isa/arm64/helpers.h"
#include "isa/arm64/system_int.h"

unsigned a64_debug_target(const struct cpu *c)
{
    const struct arm64_state *s = a64_cs(c);

    if (s->el == 3)
        return 3;
    if (s->el == 2)
        return 2;
    if (a64_el2_on(c) && ((s->r[A64_R_MDCR_EL2] >> 8 & 1) || (a64_hcr(c) & A64_HCR_TGE)))
        return 2;
    return 1;
}

/* Debug exceptions but BRK are taken from `el` with these masks. D2.4.1. */
bool a64_debug_enabled_from(const struct cpu *c, unsigned el, unsigned daif)
{
    const struct arm64_state *s = a64_cs(c);
    unsigned target = 1;

    if ((s->r[A64_R_OSLSR_EL1] & 2) || (s->r[A64_R_OSDLR_EL1] & 1) || el == 3)
        return false;
    if (a64_secure(c) && (s->r[A64_R_MDCR_EL3] >> 16 & 1)) /* SDD */
        return false;
    if (a64_el2_on(c) && ((s->r[A64_R_MDCR_EL2] >> 8 & 1) || (s->r[A64_R_HCR_EL2] & A64_HCR_TGE)))
        target = 2;
    if (el < target)
        return true;
    return el == target && (s->r[A64_R_MDSCR_EL1] & A64_MDSCR_KDE) && !(daif >> 9 & 1);
}

/* ---- registers: CRm << 3 | op2, op2 4 DBGBVR, 5 DBGBCR, 6 DBGWVR, 7 DBGWCR ---- */

static unsigned count(const struct cpu *c, unsigned kind)
{
    return (unsigned)(a64_m(c)->model->dfr0 >> (kind < 2 ? 12 : 20) & 15) + 1;
}

static uint64_t *slot(struct cpu *c, unsigned row)
{
    struct arm64_state *s = arm64_state(c);
    unsigned n = row >> 3 & 15, kind = row & 3;

    if (n >= count(c, kind))
        a64_leave_undef(c);
    return kind == 0   ? &s->dbgbvr[n]
           : kind == 1 ? &s->dbgbcr[n]
           : kind == 2 ? &s->dbgwvr[n]
                       : &s->dbgwcr[n];
}

uint64_t a64_debug_row_get(struct cpu *c, unsigned row)
{
    return *slot(c, row);
}

void a64_debug_row_set(struct cpu *c, unsigned row, uint64_t v)
{
    static const uint64_t masks[4] = {~UINT64_C(3), 0x00fff1e7, ~UINT64_C(3), 0x1f1fffff};

    *slot(c, row) = v & masks[row & 3];
}

/* ---- hits ---- */

/* Do the control bits (HMC, SSC, PMC or PAC) mean the present level? Table D2-9, without
 * secure-only forms. */
static bool level_matches(const struct cpu *c, uint64_t ctl)
{
    unsigned el = a64_cs(c)->el, pac = ctl >> 1 & 3, ssc = ctl >> 14 & 3;
    bool hmc = ctl >> 13 & 1, secure = a64_secure(c);

    if ((ssc == 1 && secure) || (ssc == 2 && !secure))
        return false;
    if (el == 3)
        return hmc && (ssc == 2 || ssc == 0) && pac != 0;
    if (el == 2)
        return hmc && (ssc == 3 || (ssc <= 1 && pac != 0));
    return el ? pac & 1 : pac & 2;
}

static bool linked_context(const struct cpu *c, uint64_t ctl)
{
    const struct arm64_state *s = a64_cs(c);
    unsigned n = ctl >> 16 & 15;

    return (s->dbgbcr[n] & 1) && (uint32_t)s->dbgbvr[n] == (uint32_t)s->r[A64_R_CONTEXTIDR_EL1];
}

/* Before an instruction while A64_KEY_BREAK: leaves if a breakpoint is on it. */
void a64_h_breakpoints(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;
    const struct arm64_state *s = a64_cs(c);

    (void)v;
    for (unsigned i = 0; i < count(c, 0); i++) {
        uint64_t ctl = s->dbgbcr[i];
        unsigned type = ctl >> 20 & 15;

        if (!(ctl & 1) || type > 5 || (type & 0xe) == 2 || !level_matches(c, ctl))
            continue;
        if (bits_sext64(s->dbgbvr[i], 49) != bits_sext64(c->pc & ~UINT64_C(3), 49))
            continue;
        if (((type & 1) && !linked_context(c, ctl)) || (type >= 4) /* mismatch is AArch32's */)
            continue;
        c->exit_code = A64_EXIT_BREAKPOINT;
        cpu_leave(c, CPU_EXIT_ISA);
    }
}

/* Bytes [lo, hi] that a watchpoint watches. False: none. */
static bool watched(uint64_t value, uint64_t ctl, uint64_t *lo, uint64_t *hi)
{
    unsigned mask = ctl >> 24 & 31, bas = ctl >> 5 & 255;

    value = (uint64_t)bits_sext64(value, 49);
    if (mask >= 3) {
        *lo = value & ~bits_mask64(mask);
        *hi = value | bits_mask64(mask);
        return true;
    }
    if (!bas)
        return false;
    *lo = value + (unsigned)__builtin_ctz(bas);
    *hi = value + 31 - (unsigned)__builtin_clz(bas);
    return true;
}

/* Before an access while A64_KEY_WATCH. v[0] address, v[1] size, v[2] enum cpu_access | 4: as EL0.
 */
void a64_h_watchpoints(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;
    const struct arm64_state *s = a64_cs(c);
    uint64_t first = (uint64_t)bits_sext64(v[0].x, 56), last = first + v[1].w - 1, lo, hi;
    bool write = (v[2].w & 3) == CPU_WRITE;

    for (unsigned i = 0; i < count(c, 2); i++) {
        uint64_t ctl = s->dbgwcr[i];

        if (!(ctl & 1) || !(ctl >> (write ? 4 : 3) & 1) || !level_matches(c, ctl))
            continue;
        if (!watched(s->dbgwvr[i], ctl, &lo, &hi) || last < lo || first > hi)
            continue;
        if ((ctl >> 20 & 1) && !linked_context(c, ctl))
            continue;
        c->fault_access = write ? CPU_WRITE : CPU_READ;
        c->exit_code = A64_EXIT_WATCHPOINT;
        c->exit_arg = max_of(first, lo);
        cpu_leave(c, CPU_EXIT_ISA);
    }
}

/* Before the one instruction of a software step (A64_KEY_STEP). */
void a64_h_step(void *cpu, union ir_val *v)
{
    struct cpu *c = cpu;
    struct arm64_state *s = arm64_state(c);

    (void)v;
    s->ss = 0;
    s->step_insn = 1;
    c->key = (c->key & ~(uint32_t)A64_KEY_STEP) | A64_KEY_STEPPED;
}
