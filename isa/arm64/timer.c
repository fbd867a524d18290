/* Owns the generic timers: counts, compare values, their output lines. Arm ARM D12.
 *
 * Control and compare registers are written under machine->lock by the cpu's thread; the clock's
 * callback, on the main loop, reads them under it and drives the line. Lines nest below: interrupt
 * controller, cpu. */
#include "isa/arm64/regs_fn.h"

static const struct {
    uint16_t ctl, cval, tval;
    uint8_t out;
} regs[A64_TIMERS] = {
    [A64_TIMER_P] = {A64_R_CNTP_CTL_EL0, A64_R_CNTP_CVAL_EL0, A64_R_CNTP_TVAL_EL0, A64_OUT_CNTP},
    [A64_TIMER_V] = {A64_R_CNTV_CTL_EL0, A64_R_CNTV_CVAL_EL0, A64_R_CNTV_TVAL_EL0, A64_OUT_CNTV},
    [A64_TIMER_HP] = {A64_R_CNTHP_CTL_EL2, A64_R_CNTHP_CVAL_EL2, A64_R_CNTHP_TVAL_EL2,
                      A64_OUT_CNTHP},
    [A64_TIMER_PS] = {A64_R_CNTPS_CTL_EL1, A64_R_CNTPS_CVAL_EL1, A64_R_CNTPS_TVAL_EL1,
                      A64_OUT_CNTPS},
    [A64_TIMER_HV] = {A64_R_CNTHV_CTL_EL2, A64_R_CNTHV_CVAL_EL2, A64_R_CNTHV_TVAL_EL2,
                      A64_OUT_CNTHV},
};
enum { CTL_ENABLE = 1, CTL_IMASK = 2, CTL_ISTATUS = 4 };

uint64_t a64_counter(const struct cpu *c)
{
    return (uint64_t)clock_ns(c->sys->clocks, CLOCK_VIRTUAL) / a64_m(c)->ns_per_tick;
}

uint64_t a64_virtual_counter(const struct cpu *c)
{
    return a64_counter(c) - a64_cs(c)->r[A64_R_CNTVOFF_EL2];
}

static uint64_t offset(const struct cpu *c, enum a64_timer t)
{
    return t == A64_TIMER_V ? a64_cs(c)->r[A64_R_CNTVOFF_EL2] : 0;
}

/* Condition met: the count has reached the compare value (unsigned, as the counter never wraps
 * here). */
static bool met(const struct cpu *c, enum a64_timer t)
{
    return a64_counter(c) - offset(c, t) >= a64_cs(c)->r[regs[t].cval];
}

/* With the lock held: the line, and when to look again. */
static void update(struct cpu *c, enum a64_timer t)
{
    struct a64_machine *m = a64_m(c);
    uint64_t ctl = a64_cs(c)->r[regs[t].ctl];
    bool now = (ctl & CTL_ENABLE) && met(c, t);

    irq_set(&m->out[regs[t].out], now && !(ctl & CTL_IMASK));
    if ((ctl & CTL_ENABLE) && !(ctl & CTL_IMASK) && !now) {
        uint64_t at = a64_cs(c)->r[regs[t].cval] + offset(c, t);

        if (at < (uint64_t)INT64_MAX / m->ns_per_tick) {
            timer_set(&m->timers[t].timer, (int64_t)(at * m->ns_per_tick));
            return;
        }
    }
    timer_cancel(&m->timers[t].timer);
}

static void fired(void *arg)
{
    struct a64_timer_state *t = arg;
    struct a64_machine *m = a64_m(t->cpu);

    os_mutex_lock(&m->lock);
    update(t->cpu, t->which);
    os_mutex_unlock(&m->lock);
}

void a64_timers_init(struct cpu *c)
{
    struct a64_machine *m = a64_m(c);

    os_mutex_init(&m->lock);
    for (unsigned t = 0; t < A64_TIMERS; t++) {
        m->timers[t].cpu = c;
        m->timers[t].which = (enum a64_timer)t;
        timer_init(&m->timers[t].timer, c->sys->clocks, CLOCK_VIRTUAL, fired, &m->timers[t]);
    }
}

void a64_timers_fini(struct cpu *c)
{
    struct a64_machine *m = a64_m(c);

    for (unsigned t = 0; t < A64_TIMERS; t++)
        timer_done(&m->timers[t].timer);
    os_mutex_destroy(&m->lock);
}

void a64_timers_update(struct cpu *c)
{
    struct a64_machine *m = a64_m(c);

    os_mutex_lock(&m->lock);
    for (unsigned t = 0; t < A64_TIMERS; t++)
        update(c, (enum a64_timer)t);
    os_mutex_unlock(&m->lock);
}

void a64_timers_reset(struct cpu *c)
{
    a64_timers_update(c); /* the registers are zero: all off */
}

/* ---- registers ---- */

/* Which timer a register belongs to, as seen from here: a host's EL0 has the timers of EL2. */
static enum a64_timer timer_of(const struct cpu *c, unsigned reg, unsigned *role)
{
    for (unsigned t = 0; t < A64_TIMERS; t++)
        if (reg == regs[t].ctl || reg == regs[t].cval || reg == regs[t].tval) {
            *role = reg == regs[t].ctl ? 0 : reg == regs[t].cval ? 1 : 2;
            if (a64_cs(c)->el == 0 && a64_host(c))
                return t == A64_TIMER_P   ? A64_TIMER_HP
                       : t == A64_TIMER_V ? A64_TIMER_HV
                                          : (enum a64_timer)t;
            return (enum a64_timer)t;
        }
    *role = 3;
    return A64_TIMER_V;
}

uint64_t a64_rd_timer(struct cpu *c, unsigned reg)
{
    unsigned role;
    enum a64_timer t = timer_of(c, reg, &role);
    uint64_t ctl = a64_cs(c)->r[regs[t].ctl], cval = a64_cs(c)->r[regs[t].cval];

    if (role == 0)
        return (ctl & 3) | ((ctl & CTL_ENABLE) && met(c, t) ? CTL_ISTATUS : 0);
    if (role == 1)
        return cval;
    return (uint32_t)(cval - (a64_counter(c) - offset(c, t)));
}

void a64_wr_timer(struct cpu *c, unsigned reg, uint64_t v)
{
    struct a64_machine *m = a64_m(c);
    uint64_t *r = arm64_state(c)->r;
    unsigned role;
    enum a64_timer t = timer_of(c, reg, &role);

    os_mutex_lock(&m->lock);
    if (role == 0)
        r[regs[t].ctl] = v & 3;
    else if (role == 1)
        r[regs[t].cval] = v;
    else if (role == 2)
        r[regs[t].cval] = a64_counter(c) - offset(c, t) + (uint64_t)(int64_t)(int32_t)v;
    else
        r[A64_R_CNTVOFF_EL2] = v;
    update(c, t);
    os_mutex_unlock(&m->lock);
}

void a64_wr_cntfrq(struct cpu *c, unsigned reg, uint64_t v)
{
    if (a64_cs(c)->el != arm64_highest_el(c))
        a64_leave_undef(c);
    arm64_state(c)->r[reg] = (uint32_t)v; /* a note for software: the counter keeps its speed */
}

uint64_t a64_rd_cntpct(struct cpu *c, unsigned reg)
{
    (void)reg;
    return a64_counter(c);
}

/* A hypervisor's own virtual count, and its EL0's, has no offset. */
uint64_t a64_rd_cntvct(struct cpu *c, unsigned reg)
{
    unsigned el = a64_cs(c)->el;

    (void)reg;
    if ((el == 2 && (a64_hcr(c) & A64_HCR_E2H)) || (el == 0 && a64_host(c)))
        return a64_counter(c);
    return a64_virtual_counter(c);
}
