/* Owns the taking of exceptions and interrupts, and the return from them. Arm ARM D1.3, D1.4,
 * D19.2.37 (ESR). Requires cpu->pc as core/cpu.h says for each exit. Provides: pc, key, contexts
 * and registers of the state after. The only place that changes the exception level. */
#include "base/log.h"
#include "isa/arm64/system_int.h"

/* ---- PSTATE ---- */

#define SPSR_SS (UINT64_C(1) << 21)
#define SPSR_IL (UINT64_C(1) << 20)

uint64_t a64_spsr(const struct arm64_state *s)
{
    return arm64_get_nzcv(s) | s->dit | s->ssbs | s->daif | (uint64_t)s->uao << 23 |
           (uint64_t)s->pan << 22 | (uint64_t)s->ss << 21 | (uint64_t)s->il << 20 |
           (uint64_t)s->el << 2 | s->spsel;
}

/* ---- taking ---- */

enum { VECTOR_SYNC = 0, VECTOR_IRQ = 0x80, VECTOR_FIQ = 0x100, VECTOR_SERROR = 0x180 };

struct taken {
    unsigned el, vector;
    uint64_t esr, ret;                 /* ret: preferred return address */
    bool has_far, has_ipa, keeps_step; /* keeps_step: the instruction did not complete */
    uint64_t far, ipa;
};

static cold_path void log_exception(const struct cpu *c, const struct taken *t)
{
    static const char *const vectors[4] = {"sync", "irq", "fiq", "serror"};
    const struct arm64_state *s = a64_cs(c);

    if (t->vector == VECTOR_SYNC)
        log_trace(LOG_INT, "EL%u -> EL%u %s ec=%02x esr=%lx far=%lx elr=%lx", s->el, t->el,
                  vectors[0], (unsigned)(t->esr >> 26), t->esr, t->has_far ? t->far : 0, t->ret);
    else
        log_trace(LOG_INT, "EL%u -> EL%u %s elr=%lx", s->el, t->el, vectors[t->vector >> 7],
                  t->ret);
}

/* Does this level set PAN on entry (SCTLR.SPAN is 0)? */
static bool sets_pan(const struct cpu *c, unsigned el)
{
    if (!(a64_m(c)->model->mmfr1 >> 20 & 15))
        return false;
    if (el == 2 && !(a64_cs(c)->r[A64_R_HCR_EL2] & A64_HCR_E2H))
        return false;
    return el < 3 && !(a64_sctlr(c, el) & A64_SCTLR_SPAN);
}

static void take(struct cpu *c, const struct taken *t)
{
    struct arm64_state *s = arm64_state(c);
    uint64_t spsr = a64_spsr(s);
    unsigned offset = t->el > s->el ? 0x400 : s->spsel ? 0x200 : 0;

    if (log_on(LOG_INT))
        log_exception(c, t);
    if (s->step_insn && t->keeps_step)
        spsr |= SPSR_SS;
    s->step_insn = 0;
    a64_sp_save(s);
    s->r[t->el == 1 ? A64_R_SPSR_EL1 : t->el == 2 ? A64_R_SPSR_EL2 : A64_R_SPSR_EL3] = spsr;
    s->r[t->el == 1 ? A64_R_ELR_EL1 : t->el == 2 ? A64_R_ELR_EL2 : A64_R_ELR_EL3] = t->ret;
    if (t->vector == VECTOR_SYNC || t->vector == VECTOR_SERROR)
        s->r[t->el == 1 ? A64_R_ESR_EL1 : t->el == 2 ? A64_R_ESR_EL2 : A64_R_ESR_EL3] = t->esr;
    if (t->has_far)
        s->r[t->el == 1 ? A64_R_FAR_EL1 : t->el == 2 ? A64_R_FAR_EL2 : A64_R_FAR_EL3] = t->far;
    if (t->has_ipa)
        s->r[A64_R_HPFAR_EL2] = (t->ipa >> 12 & bits_mask64(40)) << 4;
    s->pan |= sets_pan(c, t->el);
    s->uao = s->il = s->ss = 0;
    s->daif = 0x3c0;
    s->el = (uint8_t)t->el;
    s->spsel = 1;
    if (a64_m(c)->model->pfr1 >> 4 & 15)
        s->ssbs = a64_sctlr(c, t->el) & A64_SCTLR_DSSBS ? 1u << 12 : 0;
    a64_sp_load(s);
    c->pc = a64_elx(c, A64_R_VBAR_EL1, A64_R_VBAR_EL2, A64_R_VBAR_EL3, t->el) + offset + t->vector;
    arm64_update(c);
}

/* The level that takes what the present level may take itself: EL1 for EL0, unless a hypervisor
 * runs EL0. */
static unsigned own_el(const struct cpu *c)
{
    const struct arm64_state *s = a64_cs(c);

    if (s->el)
        return s->el;
    return a64_hcr(c) & A64_HCR_TGE ? 2 : 1;
}

static enum cpu_exit sync(struct cpu *c, unsigned el, uint64_t esr, uint64_t ret, bool keeps_step)
{
    const struct taken t = {.el = el, .esr = esr, .ret = ret, .keeps_step = keeps_step};

    take(c, &t);
    return CPU_EXIT_NONE;
}

static enum cpu_exit undefined(struct cpu *c, uint64_t pc)
{
    return sync(c, own_el(c), a64_esr(A64_EC_UNKNOWN, 0), pc, true);
}

/* ---- aborts ---- */

static unsigned abort_target(const struct cpu *c, uint64_t status)
{
    unsigned fsc = status & A64_FAULT_FSC, el = a64_cs(c)->el;
    bool external = fsc == A64_FSC_EXTERNAL || (fsc & ~3u) == A64_FSC_EXTERNAL_WALK;

    if (external && a64_has_el3(c) && (a64_cs(c)->r[A64_R_SCR_EL3] & A64_SCR_EA))
        return 3;
    if (status & A64_FAULT_STAGE2)
        return 2;
    if (external && el < 2 && (a64_hcr(c) & A64_HCR_TEA))
        return 2;
    return own_el(c);
}

static enum cpu_exit pc_alignment(struct cpu *c)
{
    const struct taken t = {.el = own_el(c),
                            .esr = a64_esr(A64_EC_PC, 0),
                            .ret = c->pc,
                            .keeps_step = true,
                            .has_far = true,
                            .far = c->pc};

    take(c, &t);
    return CPU_EXIT_NONE;
}

static enum cpu_exit data_or_fetch(struct cpu *c, uint64_t status, uint64_t va, uint64_t ipa,
                                   enum cpu_access access)
{
    struct taken t = {.ret = c->pc, .keeps_step = true, .has_far = true, .far = va};
    uint64_t iss = status & (A64_FAULT_FSC | A64_FAULT_S1PTW);
    enum a64_ec ec;

    if (status & A64_FAULT_PC)
        return pc_alignment(c);
    t.el = abort_target(c, status);
    if (access == CPU_FETCH) {
        ec = t.el > a64_cs(c)->el ? A64_EC_IABT_LOW : A64_EC_IABT;
    } else {
        ec = t.el > a64_cs(c)->el ? A64_EC_DABT_LOW : A64_EC_DABT;
        iss |= access == CPU_WRITE && !(status & A64_FAULT_S1PTW) ? 1 << 6 : 0;
        iss |= status & A64_FAULT_CM ? 1 << 8 | 1 << 6 : 0;
        if (access == CPU_READ && a64_is_maintenance(c))
            status |= A64_FAULT_CM, iss |= 1 << 8 | 1 << 6;
        if (status & A64_FAULT_STAGE2 && !(status & (A64_FAULT_S1PTW | A64_FAULT_CM)))
            iss |= a64_access_syndrome(c);
    }
    if (status & A64_FAULT_STAGE2) {
        t.has_ipa = true;
        t.ipa = ipa;
    }
    t.esr = a64_esr(ec, iss);
    take(c, &t);
    return CPU_EXIT_NONE;
}

/* ---- calls, hints and what else the lifters leave to C ---- */

static enum cpu_exit firmware_or_undefined(struct cpu *c, bool smc)
{
    struct arm64_state *s = arm64_state(c);
    uint64_t regs[4] = {s->x[0], s->x[1], s->x[2], s->x[3]};

    if (!c->sys->firmware || !c->sys->firmware(c->sys->machine, c, smc, regs))
        return undefined(c, c->pc - 4);
    for (unsigned i = 0; i < 4; i++)
        s->x[i] = regs[i];
    s->step_insn = 0;
    return CPU_EXIT_NONE;
}

static enum cpu_exit hypervisor_call(struct cpu *c)
{
    const struct arm64_state *s = a64_cs(c);
    uint64_t esr = a64_esr(A64_EC_HVC, c->exit_arg & 0xffff);

    if (s->el == 0)
        return undefined(c, c->pc - 4);
    if (!a64_has_el2(c))
        return firmware_or_undefined(c, false);
    if (a64_has_el3(c) ? !(s->r[A64_R_SCR_EL3] & A64_SCR_HCE)
                       : (s->r[A64_R_HCR_EL2] & A64_HCR_HCD) != 0)
        return undefined(c, c->pc - 4);
    if (s->el == 1 && !a64_el2_on(c))
        return undefined(c, c->pc - 4);
    return sync(c, s->el == 3 ? 3 : 2, esr, c->pc, false);
}

static enum cpu_exit monitor_call(struct cpu *c)
{
    const struct arm64_state *s = a64_cs(c);
    uint64_t esr = a64_esr(A64_EC_SMC, c->exit_arg & 0xffff);

    if (s->el == 0)
        return undefined(c, c->pc - 4);
    if (s->el == 1 && (a64_hcr(c) & A64_HCR_TSC))
        return sync(c, 2, esr, c->pc - 4, true);
    if (c->sys->firmware || !a64_has_el3(c)) /* the board stands for a monitor */
        return firmware_or_undefined(c, true);
    if (s->r[A64_R_SCR_EL3] & A64_SCR_SMD)
        return undefined(c, c->pc - 4);
    return sync(c, 3, esr, c->pc, false);
}

/* WFI and WFE: who traps them, or 0. `nt` is the bit of SCTLR, `hcr` and `scr` those of the others.
 */
static unsigned wait_trap(const struct cpu *c, uint64_t nt, uint64_t hcr, uint64_t scr)
{
    const struct arm64_state *s = a64_cs(c);

    if (s->el == 0 && !(a64_sctlr(c, a64_regime_el(c, 0)) & nt))
        return own_el(c);
    if (s->el < 2 && (a64_hcr(c) & hcr) && !a64_host(c))
        return 2;
    if (s->el < 3 && a64_has_el3(c) && (s->r[A64_R_SCR_EL3] & scr))
        return 3;
    return 0;
}

static enum cpu_exit wait(struct cpu *c, bool event)
{
    struct arm64_state *s = arm64_state(c);
    unsigned el;

    if (event ? s->event : a64_has_work(c)) {
        s->event &= !event;
        c->pc += 4;
        return CPU_EXIT_NONE;
    }
    el = event ? wait_trap(c, A64_SCTLR_NTWE, A64_HCR_TWE, A64_SCR_TWE)
               : wait_trap(c, A64_SCTLR_NTWI, A64_HCR_TWI, A64_SCR_TWI);
    if (el)
        return sync(c, el, a64_esr(A64_EC_WFX, 1 << 24 | 0xe << 20 | event), c->pc, true);
    c->pc += 4;
    /* What WFE waits for is mostly another cpu's store, which nobody tells us: it only gives way.
     */
    return event ? CPU_EXIT_YIELD : CPU_EXIT_HALT;
}

/* ---- return ---- */

static bool legal_return(const struct cpu *c, uint64_t spsr, unsigned el)
{
    const struct arm64_state *s = a64_cs(c);

    if ((spsr & 0x12) || el > s->el ||
        (el == 0 && (spsr & 1))) /* AArch32; reserved M[1]; upwards; EL0h */
        return false;
    if (el == 2 && (!a64_has_el2(c) || (s->el == 3 && a64_secure(c))))
        return false;
    if (el == 3 && !a64_has_el3(c))
        return false;
    return !(el == 1 && a64_el2_on(c) && (s->r[A64_R_HCR_EL2] & A64_HCR_TGE) && s->el >= 2);
}

/* PSTATE.SS after a return to `el`: software step is only on where debug exceptions were off
 * before. */
static bool returned_step(const struct cpu *c, uint64_t spsr, unsigned el)
{
    const struct arm64_state *s = a64_cs(c);

    return (s->r[A64_R_MDSCR_EL1] & A64_MDSCR_SS) && !a64_debug_enabled_from(c, s->el, s->daif) &&
           a64_debug_enabled_from(c, el, spsr & 0x3c0) && (spsr & SPSR_SS);
}

static enum cpu_exit exception_return(struct cpu *c)
{
    struct arm64_state *s = arm64_state(c);
    uint64_t spsr = a64_elx(c, A64_R_SPSR_EL1, A64_R_SPSR_EL2, A64_R_SPSR_EL3, s->el);
    uint64_t pc = a64_elx(c, A64_R_ELR_EL1, A64_R_ELR_EL2, A64_R_ELR_EL3, s->el);
    unsigned el = spsr >> 2 & 3;
    const struct a64_model *m = a64_m(c)->model;
    bool legal = legal_return(c, spsr, el);

    s->ss = 0;
    if (legal)
        s->ss = returned_step(c, spsr, el);
    s->step_insn = 0;
    arm64_set_nzcv(s, (uint32_t)spsr & 0xf0000000);
    s->daif = spsr & 0x3c0;
    s->il = !legal || (spsr & SPSR_IL);
    if (m->mmfr1 >> 20 & 15)
        s->pan = spsr >> 22 & 1;
    if (m->mmfr2 >> 4 & 15)
        s->uao = spsr >> 23 & 1;
    if (m->pfr0 >> 48 & 15)
        s->dit = spsr & 1u << 24;
    if (m->pfr1 >> 4 & 15)
        s->ssbs = spsr & 1u << 12;
    if (legal) {
        a64_sp_save(s);
        s->el = (uint8_t)el;
        s->spsel = spsr & 1;
        a64_sp_load(s);
    }
    s->ex_addr = A64_EX_NONE;
    s->event = 1;
    trace(LOG_INT, "return to EL%u pc=%lx spsr=%lx%s", el, pc, spsr, legal ? "" : " illegal");
    c->pc = pc;
    arm64_update(c);
    return CPU_EXIT_NONE;
}

/* ---- floating point ---- */

unsigned a64_fp_trap(const struct cpu *c, bool *by_el1)
{
    const struct arm64_state *s = a64_cs(c);
    unsigned el = s->el, fpen;

    *by_el1 = false;
    if (el < 2 && !a64_host(c)) {
        fpen = s->r[A64_R_CPACR_EL1] >> 20 & 3;
        if (!(fpen & 1) || (el == 0 && fpen == 1)) {
            *by_el1 = true;
            return own_el(c);
        }
    }
    if (el < 3 && a64_el2_on(c)) {
        uint64_t cptr = s->r[A64_R_CPTR_EL2];

        fpen = cptr >> 20 & 3;
        if (s->r[A64_R_HCR_EL2] & A64_HCR_E2H) {
            if (!(fpen & 1) || (el == 0 && fpen == 1 && a64_host(c)))
                return 2;
        } else if (cptr >> 10 & 1) {
            return 2;
        }
    }
    return a64_has_el3(c) && (s->r[A64_R_CPTR_EL3] >> 10 & 1) ? 3 : 0;
}

static enum cpu_exit fp_trapped(struct cpu *c)
{
    bool by_el1;
    unsigned el = a64_fp_trap(c, &by_el1);

    if (!el) /* the key was of another moment: do it again */
        return CPU_EXIT_NONE;
    if (by_el1 && el == 2)
        return sync(c, 2, a64_esr(A64_EC_UNKNOWN, 0), c->pc, true);
    return sync(c, el, a64_esr(A64_EC_FP, 1 << 24 | 0xe << 20), c->pc, true);
}

/* ---- debug ---- */

static enum cpu_exit debug_exception(struct cpu *c, enum a64_ec low, uint64_t iss, bool has_far,
                                     uint64_t far)
{
    struct taken t = {.el = a64_debug_target(c),
                      .ret = c->pc,
                      .has_far = has_far,
                      .far = far,
                      .keeps_step = true};

    t.esr = a64_esr(low != A64_EC_BRK && t.el <= a64_cs(c)->el ? low + 1 : low, iss);
    take(c, &t);
    return CPU_EXIT_NONE;
}

static enum cpu_exit stepped(struct cpu *c)
{
    bool valid = a64_cs(c)->step_insn;

    arm64_state(c)->step_insn = 0;
    return debug_exception(c, A64_EC_STEP_LOW, valid ? 1 << 24 | 0x22 : 0x22, false, 0);
}

static enum cpu_exit raise_isa(struct cpu *c)
{
    switch ((enum a64_exit)c->exit_code) {
    case A64_EXIT_ERET:
        return exception_return(c);
    case A64_EXIT_HVC:
        return hypervisor_call(c);
    case A64_EXIT_SMC:
        return monitor_call(c);
    case A64_EXIT_WFI:
        return wait(c, false);
    case A64_EXIT_WFE:
        return wait(c, true);
    case A64_EXIT_SYSREG:
        return sync(c, (unsigned)(c->exit_arg >> 56), c->exit_arg & bits_mask64(56), c->pc, true);
    case A64_EXIT_FP:
        return fp_trapped(c);
    case A64_EXIT_IL:
        return sync(c, own_el(c), a64_esr(A64_EC_IL, 0), c->pc, true);
    case A64_EXIT_STEPPED:
        return stepped(c);
    case A64_EXIT_BREAKPOINT:
        return debug_exception(c, A64_EC_BP_LOW, 0x22, false, 0);
    case A64_EXIT_WATCHPOINT:
        return debug_exception(c, A64_EC_WP_LOW, 0x22 | (c->fault_access == CPU_WRITE ? 1 << 6 : 0),
                               true, c->exit_arg);
    case A64_EXIT_FAULT:
        return data_or_fetch(c, c->sys->fault[0], c->sys->fault[1], c->sys->fault[2],
                             (enum cpu_access)c->sys->fault[3]);
    }
    return undefined(c, c->pc);
}

enum cpu_exit a64_raise(struct cpu *c, enum cpu_exit reason)
{
    switch (reason) {
    case CPU_EXIT_SYSCALL:
        return sync(c, own_el(c), a64_esr(A64_EC_SVC, c->exit_code & 0xffff), c->pc, false);
    case CPU_EXIT_UNDEF:
        return undefined(c, c->pc);
    case CPU_EXIT_BREAK:
        return debug_exception(c, A64_EC_BRK, c->exit_code & 0xffff, false, 0);
    case CPU_EXIT_FAULT:
        return data_or_fetch(c, c->sys->fault[0], c->sys->fault[1], c->sys->fault[2],
                             (enum cpu_access)c->sys->fault[3]);
    case CPU_EXIT_ALIGN:
        if (c->fault_access == CPU_FETCH)
            return pc_alignment(c);
        return data_or_fetch(c, A64_FSC_ALIGNMENT, c->fault_addr, 0,
                             (enum cpu_access)c->fault_access);
    case CPU_EXIT_ISA:
        return raise_isa(c);
    case CPU_EXIT_FPE: /* no trapped floating-point exceptions here */
    case CPU_EXIT_YIELD:
        return reason == CPU_EXIT_YIELD ? CPU_EXIT_YIELD : CPU_EXIT_NONE;
    default:
        return reason;
    }
}

/* ---- interrupts ---- */

static const struct {
    uint8_t line, vline, shift; /* shift: of the PSTATE bit */
    uint64_t hcr, scr, vhcr;
    unsigned vector;
} kinds[3] = {
    /* in order of priority */
    {A64_LINE_SERROR, 31, 8, A64_HCR_AMO, A64_SCR_EA, A64_HCR_VSE, VECTOR_SERROR},
    {A64_LINE_FIQ, A64_LINE_VFIQ, 6, A64_HCR_FMO, A64_SCR_FIQ, A64_HCR_VF, VECTOR_FIQ},
    {A64_LINE_IRQ, A64_LINE_VIRQ, 7, A64_HCR_IMO, A64_SCR_IRQ, A64_HCR_VI, VECTOR_IRQ},
};

static unsigned physical_target(const struct cpu *c, unsigned kind)
{
    if (a64_has_el3(c) && (a64_cs(c)->r[A64_R_SCR_EL3] & kinds[kind].scr))
        return 3;
    return a64_hcr(c) & (kinds[kind].hcr | A64_HCR_TGE) ? 2 : 1;
}

/* Level that takes a pending physical interrupt under these masks, or 0. D1.3.6.3 */
static unsigned physical(const struct cpu *c, unsigned kind, uint32_t lines, uint32_t daif)
{
    unsigned el = a64_cs(c)->el, target;

    if (!(lines >> kinds[kind].line & 1))
        return 0;
    target = physical_target(c, kind);
    if (target < el)
        return 0;
    if ((daif >> kinds[kind].shift & 1) &&
        (target == el || target == 1 || (el == 0 && a64_host(c))))
        return 0;
    return target;
}

static bool virtual_pending(const struct cpu *c, unsigned kind, uint32_t lines)
{
    uint64_t hcr = a64_hcr(c);

    return a64_cs(c)->el < 2 && (hcr & kinds[kind].hcr) && !(hcr & A64_HCR_TGE) &&
           ((hcr & kinds[kind].vhcr) || (lines >> kinds[kind].vline & 1));
}

static uint32_t lines_of(const struct cpu *c)
{
    return atomic_load_explicit(&c->sys->lines, memory_order_acquire);
}

bool a64_deliverable(const struct cpu *c, uint32_t daif)
{
    uint32_t lines = lines_of(c);

    if (!lines && !(a64_hcr(c) & (A64_HCR_VI | A64_HCR_VF | A64_HCR_VSE)))
        return false;
    for (unsigned k = 0; k < array_size(kinds); k++)
        if (physical(c, k, lines, daif) ||
            (!(daif >> kinds[k].shift & 1) && virtual_pending(c, k, lines)))
            return true;
    return false;
}

bool a64_interrupt(struct cpu *c)
{
    uint32_t lines = lines_of(c);
    struct arm64_state *s = arm64_state(c);
    uint32_t daif = s->daif;

    if (!lines && !(a64_hcr(c) & (A64_HCR_VI | A64_HCR_VF | A64_HCR_VSE)))
        return false;
    for (unsigned k = 0; k < array_size(kinds); k++) {
        struct taken t = {
            .vector = kinds[k].vector, .ret = c->pc, .esr = a64_esr(A64_EC_SERROR, 0)};

        t.el = physical(c, k, lines, daif);
        if (!t.el && !(daif >> kinds[k].shift & 1) && virtual_pending(c, k, lines)) {
            t.el = 1;
            if (kinds[k].vhcr == A64_HCR_VSE) { /* taken once */
                s->r[A64_R_HCR_EL2] &= ~A64_HCR_VSE;
                t.esr |= s->r[A64_R_VSESR_EL2] & 0x1ffffff;
            }
        }
        if (t.el) {
            take(c, &t);
            return true;
        }
    }
    return false;
}

bool a64_has_work(const struct cpu *c)
{
    uint32_t lines = lines_of(c);

    for (unsigned k = 0; k < array_size(kinds); k++)
        if ((lines >> kinds[k].line & 1) || virtual_pending(c, k, lines))
            return true;
    return false;
}

uint64_t a64_pending_isr(const struct cpu *c)
{
    uint32_t lines = lines_of(c);
    uint64_t v = 0;

    for (unsigned k = 0; k < array_size(kinds); k++) {
        bool is_virtual = a64_cs(c)->el == 1 && (a64_hcr(c) & kinds[k].hcr);

        if (is_virtual ? virtual_pending(c, k, lines) : lines >> kinds[k].line & 1)
            v |= UINT64_C(1) << kinds[k].shift;
    }
    return v;
}

/* ---- from helpers ---- */

void a64_leave_undef(struct cpu *c)
{
    cpu_leave(c, CPU_EXIT_UNDEF);
}

void a64_leave_trap(struct cpu *c, unsigned el, uint64_t esr)
{
    c->exit_code = A64_EXIT_SYSREG;
    c->exit_arg = esr | (uint64_t)el << 56;
    cpu_leave(c, CPU_EXIT_ISA);
}

void a64_leave_fault(struct cpu *c, enum cpu_access access)
{
    c->sys->fault[3] = access;
    c->exit_code = A64_EXIT_FAULT;
    cpu_leave(c, CPU_EXIT_ISA);
}
