/* Owns the performance monitors: the cycle counter and event counters. Arm ARM D13.
 *
 * Cycles are nanoseconds of the virtual clock: a processor of 1 GHz that runs one instruction a
 * cycle, so the event "instructions retired" counts the same. Counters are brought up to date when
 * somebody looks or changes what counts; between, only an overflow that is to interrupt has a
 * timer. Words of the bank are written under machine->lock. */
#include "isa/arm64/regs_fn.h"

enum { PMCR_E = 1, PMCR_P = 2, PMCR_C = 4, PMCR_D = 8, PMCR_DP = 32, PMCR_LC = 64 };
enum { EVENT_SW_INCR = 0x00, EVENT_INST_RETIRED = 0x08, EVENT_CPU_CYCLES = 0x11 };
#define CYCLES (UINT64_C(1) << 31) /* the cycle counter's bit in masks */

static uint64_t all_counters(const struct cpu *c)
{
    return CYCLES | bits_mask64(a64_m(c)->model->pmu_counters);
}

/* Does a counter with this filter (PMEVTYPER, PMCCFILTR) count at the present level? D13.5 */
static bool filter_allows(const struct arm64_state *s, uint64_t filter)
{
    bool p = filter >> 31 & 1, u = filter >> 30 & 1, nsk = filter >> 29 & 1, nsu = filter >> 28 & 1,
         nsh = filter >> 27 & 1;

    switch (s->el) {
    case 0:
        return u == nsu;
    case 1:
        return p == nsk;
    case 2:
        return nsh;
    default:
        return p == (filter >> 26 & 1);
    }
}

static bool counts(const struct arm64_state *s, unsigned n)
{
    unsigned event = s->pmevtype[n] & 0xffff;

    return (s->r[A64_R_PMCR_EL0] & PMCR_E) && (s->r[A64_R_PMCNTENSET_EL0] >> n & 1) &&
           (event == EVENT_INST_RETIRED || event == EVENT_CPU_CYCLES) &&
           filter_allows(s, s->pmevtype[n]);
}

static bool counts_cycles(const struct arm64_state *s)
{
    return (s->r[A64_R_PMCR_EL0] & PMCR_E) && (s->r[A64_R_PMCNTENSET_EL0] & CYCLES) &&
           filter_allows(s, s->r[A64_R_PMCCFILTR_EL0]);
}

/* With the lock held: adds what has passed since the last time. */
static void bring_up(struct cpu *c)
{
    struct arm64_state *s = arm64_state(c);
    uint64_t now = (uint64_t)clock_ns(c->sys->clocks, CLOCK_VIRTUAL), passed = now - s->pmu_cycles,
             *r = s->r, old;

    s->pmu_cycles = now;
    for (unsigned n = 0; n < a64_m(c)->model->pmu_counters; n++)
        if (counts(s, n)) {
            old = s->pmev[n];
            s->pmev[n] = (uint32_t)(old + passed);
            if (old + passed > UINT32_MAX)
                r[A64_R_PMOVSCLR_EL0] |= UINT64_C(1) << n;
        }
    if (counts_cycles(s)) {
        bool by64 = (r[A64_R_PMCR_EL0] & PMCR_D) && !(r[A64_R_PMCR_EL0] & PMCR_LC);
        uint64_t add = by64 ? now / 64 - (now - passed) / 64 : passed;

        old = r[A64_R_PMCCNTR_EL0];
        r[A64_R_PMCCNTR_EL0] = old + add;
        if (r[A64_R_PMCR_EL0] & PMCR_LC ? old + add < old : (uint32_t)old + add > UINT32_MAX)
            r[A64_R_PMOVSCLR_EL0] |= CYCLES;
    }
}

/* With the lock held: the line, and when the next overflow that matters comes. */
static void drive(struct cpu *c)
{
    struct a64_machine *m = a64_m(c);
    const struct arm64_state *s = a64_cs(c);
    const uint64_t *r = s->r;
    uint64_t wanted = r[A64_R_PMINTENSET_EL1], next = UINT64_MAX;

    irq_set(&m->out[A64_OUT_PMU], (r[A64_R_PMCR_EL0] & PMCR_E) && (r[A64_R_PMOVSCLR_EL0] & wanted));
    for (unsigned n = 0; wanted && n < m->model->pmu_counters; n++)
        if ((wanted >> n & 1) && counts(s, n))
            next = min_of(next, (UINT64_C(1) << 32) - s->pmev[n]);
    if ((wanted & CYCLES) && counts_cycles(s)) {
        uint64_t left = r[A64_R_PMCR_EL0] & PMCR_LC
                            ? -r[A64_R_PMCCNTR_EL0]
                            : (UINT64_C(1) << 32) - (uint32_t)r[A64_R_PMCCNTR_EL0];

        next = min_of(next, left ? left : UINT64_MAX);
    }
    if (next < (uint64_t)INT64_MAX - s->pmu_cycles)
        timer_set(&m->pmu_timer, (int64_t)(s->pmu_cycles + next));
    else
        timer_cancel(&m->pmu_timer);
}

static void fired(void *arg)
{
    struct cpu *c = arg;

    os_mutex_lock(&a64_m(c)->lock);
    bring_up(c);
    drive(c);
    os_mutex_unlock(&a64_m(c)->lock);
}

void a64_pmu_init(struct cpu *c)
{
    timer_init(&a64_m(c)->pmu_timer, c->sys->clocks, CLOCK_VIRTUAL, fired, c);
}

void a64_pmu_fini(struct cpu *c)
{
    timer_done(&a64_m(c)->pmu_timer);
}

void a64_pmu_update(struct cpu *c)
{
    if (a64_m(c)->props.pmu)
        fired(c);
}

/* ---- registers ---- */

uint64_t a64_rd_pmcr(struct cpu *c, unsigned reg)
{
    const struct a64_model *m = a64_m(c)->model;
    uint64_t implementer = m->midr >> 24 & 0xff;

    return (a64_cs(c)->r[reg] & 0xf9) | (uint64_t)m->pmu_counters << 11 | implementer << 24;
}

uint64_t a64_rd_pmceid(struct cpu *c, unsigned reg)
{
    (void)c;
    return reg == A64_R_PMCEID0_EL0
               ? 1 << EVENT_SW_INCR | 1 << EVENT_INST_RETIRED | 1 << EVENT_CPU_CYCLES
               : 0;
}

uint64_t a64_rd_pmu(struct cpu *c, unsigned reg)
{
    const uint64_t *r = a64_cs(c)->r;

    fired(c);
    switch (reg) {
    case A64_R_PMCNTENCLR_EL0:
        return r[A64_R_PMCNTENSET_EL0];
    case A64_R_PMOVSCLR_EL0:
    case A64_R_PMOVSSET_EL0:
        return r[A64_R_PMOVSCLR_EL0];
    case A64_R_PMINTENCLR_EL1:
        return r[A64_R_PMINTENSET_EL1];
    default:
        return r[A64_R_PMCCNTR_EL0];
    }
}

static void control(struct cpu *c, uint64_t v)
{
    struct arm64_state *s = arm64_state(c);

    s->r[A64_R_PMCR_EL0] = v & 0xf9;
    if (v & PMCR_C)
        s->r[A64_R_PMCCNTR_EL0] = 0;
    for (unsigned n = 0; (v & PMCR_P) && n < A64_PMU_COUNTERS; n++)
        s->pmev[n] = 0;
}

static void increment(struct cpu *c, uint64_t which)
{
    struct arm64_state *s = arm64_state(c);

    for (unsigned n = 0; n < a64_m(c)->model->pmu_counters; n++)
        if ((which >> n & 1) && (s->pmevtype[n] & 0xffff) == EVENT_SW_INCR &&
            (s->r[A64_R_PMCR_EL0] & PMCR_E) && (s->r[A64_R_PMCNTENSET_EL0] >> n & 1)) {
            s->pmev[n] = (uint32_t)(s->pmev[n] + 1);
            if (!s->pmev[n])
                s->r[A64_R_PMOVSCLR_EL0] |= UINT64_C(1) << n;
        }
}

void a64_wr_pmu(struct cpu *c, unsigned reg, uint64_t v)
{
    struct a64_machine *m = a64_m(c);
    uint64_t *r = arm64_state(c)->r, all = all_counters(c);

    os_mutex_lock(&m->lock);
    bring_up(c);
    switch (reg) {
    case A64_R_PMCR_EL0:
        control(c, v);
        break;
    case A64_R_PMCNTENSET_EL0:
        r[A64_R_PMCNTENSET_EL0] |= v & all;
        break;
    case A64_R_PMCNTENCLR_EL0:
        r[A64_R_PMCNTENSET_EL0] &= ~v;
        break;
    case A64_R_PMOVSSET_EL0:
        r[A64_R_PMOVSCLR_EL0] |= v & all;
        break;
    case A64_R_PMOVSCLR_EL0:
        r[A64_R_PMOVSCLR_EL0] &= ~v;
        break;
    case A64_R_PMINTENSET_EL1:
        r[A64_R_PMINTENSET_EL1] |= v & all;
        break;
    case A64_R_PMINTENCLR_EL1:
        r[A64_R_PMINTENSET_EL1] &= ~v;
        break;
    case A64_R_PMSWINC_EL0:
        increment(c, v);
        break;
    case A64_R_PMCCFILTR_EL0:
        r[reg] = v & UINT64_C(0xfc000000);
        break;
    default:
        r[A64_R_PMCCNTR_EL0] = v;
        break;
    }
    drive(c);
    os_mutex_unlock(&m->lock);
}

/* row: 0.. PMEVCNTR<n>, 32.. PMEVTYPER<n>; 63 is PMCCFILTR. */
uint64_t a64_pmu_row_get(struct cpu *c, unsigned row)
{
    unsigned n = row & 31;

    if (n >= a64_m(c)->model->pmu_counters)
        a64_leave_undef(c);
    if (row >= 32)
        return a64_cs(c)->pmevtype[n];
    fired(c);
    return a64_cs(c)->pmev[n];
}

void a64_pmu_row_set(struct cpu *c, unsigned row, uint64_t v)
{
    struct arm64_state *s = arm64_state(c);
    unsigned n = row & 31;

    if (n >= a64_m(c)->model->pmu_counters)
        a64_leave_undef(c);
    os_mutex_lock(&a64_m(c)->lock);
    bring_up(c);
    if (row >= 32)
        s->pmevtype[n] = v & UINT64_C(0xfc00ffff);
    else
        s->pmev[n] = (uint32_t)v;
    drive(c);
    os_mutex_unlock(&a64_m(c)->lock);
}

/* PMXEVTYPER, PMXEVCNTR: what PMSELR chooses. */
uint64_t a64_rd_pmx(struct cpu *c, unsigned reg)
{
    unsigned n = a64_cs(c)->r[A64_R_PMSELR_EL0] & 31;

    if (n == 31)
        return reg == A64_R_PMXEVTYPER_EL0 ? a64_cs(c)->r[A64_R_PMCCFILTR_EL0] : 0;
    return a64_pmu_row_get(c, reg == A64_R_PMXEVTYPER_EL0 ? 32 + n : n);
}

void a64_wr_pmx(struct cpu *c, unsigned reg, uint64_t v)
{
    unsigned n = a64_cs(c)->r[A64_R_PMSELR_EL0] & 31;

    if (n == 31 && reg == A64_R_PMXEVTYPER_EL0)
        a64_wr_pmu(c, A64_R_PMCCFILTR_EL0, v);
    else if (n != 31)
        a64_pmu_row_set(c, reg == A64_R_PMXEVTYPER_EL0 ? 32 + n : n, v);
}
