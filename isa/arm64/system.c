/* Owns the system side as a whole: making a processor of a model, reset, what follows from its
 * registers (code key, contexts), saving, and the table isa_arm64.sys. Knows no board. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/prop.h"
#include "core/state.h"
#include "isa/arm64/system_int.h"

enum { DEFAULT_FRQ = 62500000 };

/* ---- stack pointers ---- */

static uint64_t *sp_of(struct arm64_state *s)
{
    static const uint16_t regs[4] = {A64_R_SP_EL0, A64_R_SP_EL1, A64_R_SP_EL2, A64_R_SP_EL3};

    return &s->r[regs[s->spsel ? s->el : 0]];
}

void a64_sp_save(struct arm64_state *s)
{
    *sp_of(s) = s->sp;
}

void a64_sp_load(struct arm64_state *s)
{
    s->sp = *sp_of(s);
}

/* ---- what follows from the registers ---- */

/* A higher level traps some access to registers by EL1 or EL0. */
static bool has_traps(const struct cpu *c)
{
    const uint64_t hcr = A64_HCR_TID1 | A64_HCR_TID2 | A64_HCR_TID3 | A64_HCR_TIDCP | A64_HCR_TACR |
                         A64_HCR_TSW | A64_HCR_TPC | A64_HCR_TPU | A64_HCR_TTLB | A64_HCR_TVM |
                         A64_HCR_TRVM | A64_HCR_TDZ | A64_HCR_TLOR | A64_HCR_TERR;
    const uint64_t *r = a64_cs(c)->r;

    if (a64_cs(c)->el < 2 && a64_el2_on(c))
        return (r[A64_R_HCR_EL2] & hcr) || (r[A64_R_MDCR_EL2] & 0xf60) ||
               (r[A64_R_CPTR_EL2] >> 31 & 1) || !(r[A64_R_HCR_EL2] & A64_HCR_APK);
    return a64_has_el3(c) && a64_cs(c)->el < 3;
}

static uint32_t pac_key(const struct cpu *c, uint64_t sctlr)
{
    if (!a64_m(c)->model->pauth)
        return 0;
    return (sctlr & A64_SCTLR_ENIA ? A64_KEY_PAC_IA : 0) |
           (sctlr & A64_SCTLR_ENIB ? A64_KEY_PAC_IB : 0) |
           (sctlr & A64_SCTLR_ENDA ? A64_KEY_PAC_DA : 0) |
           (sctlr & A64_SCTLR_ENDB ? A64_KEY_PAC_DB : 0);
}

static uint32_t debug_key(const struct cpu *c)
{
    const struct arm64_state *s = a64_cs(c);
    uint64_t mdscr = s->r[A64_R_MDSCR_EL1];
    uint32_t key = 0;

    if (!(mdscr & (A64_MDSCR_SS | A64_MDSCR_MDE)) || !a64_debug_enabled_from(c, s->el, s->daif))
        return 0;
    if (mdscr & A64_MDSCR_SS)
        key |= s->ss ? A64_KEY_STEP : A64_KEY_STEPPED;
    for (unsigned i = 0; (mdscr & A64_MDSCR_MDE) && i < A64_BREAKPOINTS; i++) {
        key |= s->dbgbcr[i] & 1 ? A64_KEY_BREAK : 0;
        key |= s->dbgwcr[i] & 1 ? A64_KEY_WATCH : 0;
    }
    return key;
}

static bool zva_trapped(const struct cpu *c, unsigned el, uint64_t sctlr)
{
    if (el == 0 && !(sctlr & A64_SCTLR_DZE))
        return true;
    return el < 2 && (a64_hcr(c) & A64_HCR_TDZ) && !(el == 0 && a64_host(c));
}

void arm64_update(struct cpu *c)
{
    const struct arm64_state *s = a64_cs(c);
    const struct a64_machine *m = a64_m(c);
    uint64_t sctlr = a64_sctlr(c, a64_regime_el(c, s->el));
    uint32_t key = (c->key & 0x3f) | A64_KEY_SYSTEM | (uint32_t)s->el << A64_KEY_EL_SHIFT |
                   (uint32_t)m->model_index << A64_KEY_MODEL_SHIFT;
    bool by_el1;

    key |= s->spsel ? A64_KEY_SPSEL : 0;
    key |= a64_fp_trap(c, &by_el1) ? A64_KEY_FPTRAP : 0;
    key |= sctlr & A64_SCTLR_A ? A64_KEY_ALIGN : 0;
    key |= sctlr & (s->el ? A64_SCTLR_EE : A64_SCTLR_E0E) ? A64_KEY_BIG : 0;
    key |= has_traps(c) ? A64_KEY_TRAPS : 0;
    key |= zva_trapped(c, s->el, sctlr) ? A64_KEY_NO_ZVA : 0;
    key |= s->il ? A64_KEY_IL : 0;
    key |= pac_key(c, sctlr) | debug_key(c);
    key |= s->el == 2 && (s->r[A64_R_HCR_EL2] & A64_HCR_E2H) ? A64_KEY_E2H : 0;
    c->key = key;
    if (c->sys->accel)
        c->sys->accel->context_changed(c);
}

/* ---- life ---- */

unsigned arm64_highest_el(const struct cpu *c)
{
    return a64_has_el3(c) ? 3 : a64_has_el2(c) ? 2 : 1;
}

void arm64_view(const struct cpu *c, struct arm64_view *v)
{
    unsigned el = a64_cs(c)->el;

    v->el = (uint8_t)el;
    v->secure = a64_has_el3(c) && (el == 3 || a64_secure(c));
    v->ns = !a64_secure(c);
    v->imo = a64_hcr(c) & A64_HCR_IMO;
    v->fmo = a64_hcr(c) & A64_HCR_FMO;
}

const char *arm64_compatible(const struct cpu *c)
{
    return a64_m(c)->model->compatible;
}

struct irq *arm64_irq_out(struct cpu *c, enum arm64_out which)
{
    return &a64_m(c)->out[which];
}

static const struct prop props[] = {
    {"el2", PROP_BOOL, offsetof(struct arm64_props, el2),
     .help = "virtualization extensions (EL2)"},
    {"el3", PROP_BOOL, offsetof(struct arm64_props, el3), .help = "security extensions (EL3)"},
    {"pmu", PROP_BOOL, offsetof(struct arm64_props, pmu), .def = 1, .help = "performance monitors"},
    {"mp-affinity", PROP_U64, offsetof(struct arm64_props, mpidr),
     .help = "affinity fields of MPIDR_EL1"},
    {"rvbar", PROP_U64, offsetof(struct arm64_props, reset_pc), .help = "reset address"},
    {"cntfrq", PROP_U32, offsetof(struct arm64_props, cntfrq), .def = DEFAULT_FRQ, .min = 1,
     .max = 1000000000, .help = "frequency of the generic timer in Hz, a divisor of 10^9"},
    {.name = NULL},
};

static int check_props(const struct arm64_props *p, struct err *e)
{
    if (1000000000 % p->cntfrq)
        return err_set(e, EINVAL,
                       "cntfrq=%u does not divide 1000000000: choose 62500000 or 1000000000",
                       p->cntfrq);
    if (p->mpidr & ~UINT64_C(0xff00ffffff))
        return err_set(e, EINVAL, "mp-affinity=0x%lx has bits outside of Aff0..Aff3", p->mpidr);
    if (p->reset_pc & 3)
        return err_set(e, EINVAL, "rvbar=0x%lx is not a multiple of 4", p->reset_pc);
    return 0;
}

static int init(struct cpu *c, const struct isa_model *model, const void *given, struct err *e)
{
    struct arm64_props p = {.pmu = true};
    struct a64_machine *m;
    int rc;

    if (given)
        p = *(const struct arm64_props *)given;
    if (!p.cntfrq)
        p.cntfrq = DEFAULT_FRQ;
    rc = check_props(&p, e);
    if (rc)
        return rc;
    m = calloc(1, sizeof(*m));
    if (!m)
        return err_set(e, ENOMEM, "no memory for a processor");
    m->model = model->data;
    m->model_index = (unsigned)(model - a64_models);
    m->props = p;
    m->ns_per_tick = 1000000000 / p.cntfrq;
    arm64_state(c)->machine = m;
    a64_timers_init(c);
    a64_pmu_init(c);
    m->listener = (struct mem_listener){.opaque = m, .changed = a64_map_changed};
    mem_listen(c->sys->mem, &m->listener);
    return 0;
}

static void fini(struct cpu *c)
{
    struct a64_machine *m = a64_m(c);

    if (!m)
        return;
    mem_unlisten(c->sys->mem, &m->listener);
    a64_pmu_fini(c);
    a64_timers_fini(c);
    free(m);
    arm64_state(c)->machine = NULL;
}

/* D1.4: what reset defines; the rest is zero, which is one of its UNKNOWN values. */
static void reset_registers(struct cpu *c)
{
    const struct a64_model *model = a64_m(c)->model;
    struct arm64_state *s = arm64_state(c);
    uint64_t *r = s->r;

    r[A64_R_SCTLR_EL1] = UINT64_C(0x30d00800) | (model->mmfr1 >> 20 & 15 ? 0 : A64_SCTLR_SPAN);
    r[A64_R_SCTLR_EL2] = r[A64_R_SCTLR_EL3] = UINT64_C(0x30c50830);
    r[A64_R_HCR_EL2] = a64_has_el2(c) ? A64_HCR_RW : 0;
    r[A64_R_SCR_EL3] = a64_has_el3(c) ? 0x30 | A64_SCR_RW : 0;
    r[A64_R_VPIDR_EL2] = model->midr;
    r[A64_R_VMPIDR_EL2] = arm64_mpidr(c);
    r[A64_R_CPACR_EL1] = 0;
    r[A64_R_MDCR_EL2] = model->pmu_counters;
    r[A64_R_CNTFRQ_EL0] = a64_m(c)->props.cntfrq;
    r[A64_R_CNTHCTL_EL2] = 3;
    r[A64_R_OSLSR_EL1] = 0xa; /* implemented, locked */
    r[A64_R_PMCR_EL0] = 0;
    if (!a64_has_el2(c)) { /* as if EL2 gave all away */
        r[A64_R_MDCR_EL2] = 0;
        r[A64_R_CNTHCTL_EL2] = 3;
    }
}

static void reset(struct cpu *c)
{
    struct arm64_state *s = arm64_state(c);
    struct a64_machine *m = s->machine;

    memset(s, 0, sizeof(*s));
    s->machine = m;
    s->ex_addr = A64_EX_NONE;
    s->features = m->model->features;
    s->daif = 0x3c0;
    s->el = (uint8_t)arm64_highest_el(c);
    s->spsel = 1;
    c->key = 0;
    arm64_set_fpcr(c, 0);
    c->pc = m->props.reset_pc;
    reset_registers(c);
    a64_timers_reset(c);
    a64_pmu_update(c);
    if (c->sys->accel)
        c->sys->accel->flush(c, &(struct cpu_flush){0}, false);
    arm64_update(c);
}

void arm64_boot(struct cpu *c, unsigned el, uint64_t pc, uint64_t x0)
{
    struct arm64_state *s = arm64_state(c);

    if (el == 2 && !a64_has_el2(c))
        el = 1;
    s->x[0] = x0;
    s->el = (uint8_t)min_of(el, arm64_highest_el(c));
    s->spsel = 1;
    s->daif = 0x3c0;
    if (s->el < 3 && a64_has_el3(c)) /* as a monitor leaves it for what is not secure */
        s->r[A64_R_SCR_EL3] |= A64_SCR_NS | A64_SCR_HCE | A64_SCR_APK | A64_SCR_API;
    a64_sp_load(s);
    c->pc = pc;
    arm64_update(c);
}

static int loaded(struct cpu *c, struct err *e)
{
    struct arm64_state *s = arm64_state(c);

    if (s->el > arm64_highest_el(c) || (s->el == 2 && !a64_has_el2(c)) || s->spsel > 1)
        return err_set(e, EINVAL,
                       "saved state is at exception level %u, which this processor has not", s->el);
    if (c->pc & 3)
        log_guest("a saved pc of %#lx is misaligned", c->pc);
    s->daif &= 0x3c0;
    s->features = a64_m(c)->model->features;
    arm64_set_fpcr(c, s->fpcr);
    a64_timers_update(c);
    a64_pmu_update(c);
    if (c->sys->accel)
        c->sys->accel->flush(c, &(struct cpu_flush){0}, false);
    arm64_update(c);
    return 0;
}

static void describe(const struct cpu *c, char *buf, size_t size)
{
    const struct arm64_state *s = a64_cs(c);

    snprintf(buf, size, "EL%u%c pc=%lx sp=%lx daif=%x nzcv=%x lr=%lx", s->el, s->spsel ? 'h' : 't',
             c->pc, s->sp, s->daif >> 6, arm64_get_nzcv(s) >> 28, s->x[30]);
}

/* ---- state ---- */

#define FIELD(kind, member) STATE_FIELD(kind, struct arm64_state, member)
#define ARRAY(kind, member) STATE_ARRAY(kind, struct arm64_state, member)

/* Registers by name, so that a table with more rows reads older streams. */
static const struct state_field fields[] = {
    ARRAY(STATE_U64, x),
    FIELD(STATE_U64, sp),
    {"v", STATE_BYTES, offsetof(struct arm64_state, v), 16, 32, false, 0, NULL, false},
    {"qc", STATE_BYTES, offsetof(struct arm64_state, qc), 16, 1, false, 0, NULL, false},
    FIELD(STATE_U32, nzcv),
    FIELD(STATE_U32, fpcr),
    FIELD(STATE_U32, fpsr),
    FIELD(STATE_U32, dit),
    FIELD(STATE_U32, ssbs),
    FIELD(STATE_U64, tpidr),
    FIELD(STATE_U64, tpidrro),
    FIELD(STATE_U64, ex_addr),
    ARRAY(STATE_U64, ex_value),
    {"pac", STATE_U64, offsetof(struct arm64_state, pac), 8, 2 * A64_PAC_KEYS, false, 0, NULL,
     false},
    FIELD(STATE_U32, daif),
    FIELD(STATE_U8, el),
    FIELD(STATE_U8, spsel),
    FIELD(STATE_U8, pan),
    FIELD(STATE_U8, uao),
    FIELD(STATE_U8, il),
    FIELD(STATE_U8, ss),
    FIELD(STATE_U8, step_insn),
    FIELD(STATE_U8, event),
    ARRAY(STATE_U64, dbgbvr),
    ARRAY(STATE_U64, dbgbcr),
    ARRAY(STATE_U64, dbgwvr),
    ARRAY(STATE_U64, dbgwcr),
    ARRAY(STATE_U64, pmev),
    ARRAY(STATE_U64, pmevtype),
    FIELD(STATE_U64, pmu_cycles),
    FIELD(STATE_U64, pmu_insns),
#define R(name, ...)                                                                       \
    {#name, STATE_U64, offsetof(struct arm64_state, r) + 8 * A64_R_##name, 8, 1, false, 0, \
     NULL,  true},
#include "isa/arm64/sysregs.def"
#undef R
    STATE_END,
};

const struct isa_sys a64_isa_sys = {
    .models = a64_models,
    .props = props,
    .props_size = sizeof(struct arm64_props),
    .init = init,
    .fini = fini,
    .reset = reset,
    .contexts = a64_contexts,
    .translate = a64_translate,
    .bus_error = a64_bus_error,
    .raise = a64_raise,
    .interrupt = a64_interrupt,
    .has_work = a64_has_work,
    .regs = a64_gdb_regs,
    .reg_get = a64_gdb_get,
    .reg_set = a64_gdb_set,
    .state = fields,
    .loaded = loaded,
    .describe = describe,
    .space_mask = A64_CTX_ASID,
};
