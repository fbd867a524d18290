/* The threads that run guest processors. Owns when a vCPU runs, sleeps and stands still; knows no isa and
 * no board. A vCPU that stands still (idle, under the machine's lock) may be looked at and changed by the
 * main loop. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "machine/machine_int.h"

struct vcpu *vcpu_of(struct machine *m, const struct cpu *c)
{
    return &m->vcpus[c->sys->index];
}

/* sys->wake: lines or requests changed. The flag and the lines are both sequentially consistent, so either this
 * sees the sleeper, or the sleeper sees the line. */
static void wake(void *machine, struct cpu *c)
{
    struct machine *m = machine;
    struct vcpu *v = vcpu_of(m, c);

    if (!atomic_load(&v->sleeping))
        return;
    os_mutex_lock(&m->lock);
    os_cond_signal(&v->wake);
    os_mutex_unlock(&m->lock);
}

static bool must_stop(const struct vcpu *v)
{
    const struct machine *m = v->machine;

    return m->quit || !v->on || (m->paused && !v->step);
}

/* WFI: until an interrupt is pending or the machine wants something. Lock held. */
static void sleep_until_work(struct vcpu *v)
{
    const struct isa_sys *sys = v->cpu->isa->sys;

    atomic_store(&v->sleeping, true);
    while (!must_stop(v) && !v->step && !sys->has_work(v->cpu) && !atomic_load(&v->sys.requests))
        os_cond_wait(&v->wake, &v->machine->lock);
    atomic_store(&v->sleeping, false);
}

/* A breakpoint, a watchpoint or the end of a step: everything stands still until the debugger says. Lock held. */
static void debug_stop(struct vcpu *v)
{
    struct machine *m = v->machine;

    v->step = false;
    v->sys.step = false;
    m->paused = true;
    m->debug_cpu = v->cpu;
    machine_wish(m, WISH_DEBUG);
}

/* What made accel_run() return. Lock held. */
static void handle_exit(struct vcpu *v, enum cpu_exit why)
{
    switch (why) {
    case CPU_EXIT_HALT:
        if (v->step)
            debug_stop(v);
        else
            sleep_until_work(v);
        break;
    case CPU_EXIT_DEBUG:
        debug_stop(v);
        break;
    case CPU_EXIT_REQUEST:
    case CPU_EXIT_NONE:
    case CPU_EXIT_KICK:
    case CPU_EXIT_YIELD:
        break;
    default:
        log_error("vCPU %u stopped at %lx for a reason (%d) that the machine does not know", v->sys.index,
                  v->cpu->pc, (int)why);
        v->on = false;
        machine_wish(v->machine, WISH_PANIC);
        break;
    }
}

static void *run(void *arg)
{
    struct vcpu *v = arg;
    struct machine *m = v->machine;
    struct err e;

    atomic_store(&v->tid, os_thread_id());
    if (accel_attach(m->accel, v->cpu, &e)) {
        log_error("vCPU %u: %s", v->sys.index, e.text);
        machine_wish(m, WISH_PANIC);
        return NULL;
    }
    cpu_set_current(v->cpu);
    os_mutex_lock(&m->lock);
    for (;;) {
        enum cpu_exit why;

        while (must_stop(v) && !m->quit) {
            atomic_fetch_and(&v->sys.requests, ~(uint32_t)CPU_REQ_STOP);
            v->idle = true;
            os_cond_broadcast(&m->idle);
            os_cond_wait(&v->wake, &m->lock);
        }
        if (m->quit)
            break;
        v->idle = false;
        v->sys.step = v->step;
        os_mutex_unlock(&m->lock);
        why = accel_run(v->cpu);
        os_mutex_lock(&m->lock);
        handle_exit(v, why);
    }
    v->idle = true;
    os_cond_broadcast(&m->idle);
    os_mutex_unlock(&m->lock);
    accel_detach(v->cpu);
    return NULL;
}

/* The model's options, then the board's word. */
static int init_cpu(struct machine *m, struct cpu *c, const struct isa_model *model, const json_t *options,
                    struct err *e)
{
    const struct isa_sys *sys = m->isa->sys;
    void *props = mem_zalloc(sys->props_size);
    int rc;

    prop_defaults(sys->props, props);
    rc = prop_apply(sys->props, props, options, model->name, NULL, e);
    if (!rc) {
        if (m->board->cpu_options)
            m->board->cpu_options(m, c->sys->index, props);
        rc = sys->init(c, model, props, e);
    }
    prop_free(sys->props, props);
    free(props);
    return rc;
}

int vcpus_new(struct machine *m, const struct isa_model *model, const json_t *options, struct err *e)
{
    m->vcpus = mem_array(struct vcpu, m->ncpus);
    for (unsigned i = 0; i < m->ncpus; i++) {
        struct vcpu *v = &m->vcpus[i];
        int rc;

        os_cond_init(&v->wake);
        v->machine = m;
        v->idle = true;
        v->sys = (struct cpu_sys){.mem = m->space, .clocks = m->clocks, .index = i, .machine = m, .wake = wake};
        v->cpu = cpu_new(m->isa);
        v->cpu->sys = &v->sys;
        rc = init_cpu(m, v->cpu, model, options, e);
        if (rc)
            return rc;
    }
    return 0;
}

int vcpus_start(struct machine *m, struct err *e)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        char name[16];
        int rc;

        snprintf(name, sizeof(name), "vcpu %u", i);
        rc = os_thread_start(&m->vcpus[i].thread, name, 0, run, &m->vcpus[i], e);
        if (rc)
            return rc;
        m->vcpus[i].started = true;
    }
    return 0;
}

static void call_back(struct vcpu *v)
{
    atomic_fetch_or(&v->sys.requests, CPU_REQ_STOP);
    cpu_kick(v->cpu);
    os_cond_signal(&v->wake);
}

static bool all_idle(const struct machine *m)
{
    for (unsigned i = 0; i < m->ncpus; i++)
        if (m->vcpus[i].started && !m->vcpus[i].idle)
            return false;
    return true;
}

void vcpus_stop(struct machine *m)
{
    if (!m->vcpus) /* building failed before */
        return;
    os_mutex_lock(&m->lock);
    m->paused = true;
    for (unsigned i = 0; i < m->ncpus; i++) {
        m->vcpus[i].step = false;
        if (m->vcpus[i].started)
            call_back(&m->vcpus[i]);
    }
    while (!all_idle(m))
        os_cond_wait(&m->idle, &m->lock);
    os_mutex_unlock(&m->lock);
}

void vcpus_run(struct machine *m)
{
    os_mutex_lock(&m->lock);
    m->paused = false;
    for (unsigned i = 0; i < m->ncpus; i++)
        os_cond_signal(&m->vcpus[i].wake);
    os_mutex_unlock(&m->lock);
}

void vcpus_free(struct machine *m)
{
    if (!m->vcpus)
        return;
    os_mutex_lock(&m->lock);
    m->quit = true;
    for (unsigned i = 0; i < m->ncpus; i++)
        if (m->vcpus[i].started)
            call_back(&m->vcpus[i]);
    os_mutex_unlock(&m->lock);
    for (unsigned i = 0; i < m->ncpus; i++) {
        struct vcpu *v = &m->vcpus[i];

        if (v->started)
            os_thread_join(&v->thread);
        if (v->cpu && m->isa->sys->fini)
            m->isa->sys->fini(v->cpu);
        if (v->cpu)
            cpu_free(v->cpu);
        os_cond_destroy(&v->wake);
    }
    free(m->vcpus);
    m->vcpus = NULL;
}

/* Not while a cpu that was switched off has not come to stand still yet. */
bool machine_cpu_claim(struct machine *m, unsigned index)
{
    struct vcpu *v = &m->vcpus[index];
    bool ours;

    os_mutex_lock(&m->lock);
    ours = !v->on && v->idle && !v->claimed;
    v->claimed |= ours;
    os_mutex_unlock(&m->lock);
    return ours;
}

void machine_cpu_start(struct machine *m, unsigned index)
{
    struct vcpu *v = &m->vcpus[index];

    os_mutex_lock(&m->lock);
    assert(v->claimed);
    v->claimed = false;
    v->on = true;
    os_cond_signal(&v->wake);
    os_mutex_unlock(&m->lock);
}

void machine_cpu_halt(struct machine *m, struct cpu *c)
{
    os_mutex_lock(&m->lock);
    vcpu_of(m, c)->on = false;
    call_back(vcpu_of(m, c));
    os_mutex_unlock(&m->lock);
}

/* Also true while a cpu that was switched off has not come to stand still yet: it cannot be started then. */
bool machine_cpu_on(struct machine *m, unsigned index)
{
    bool on;

    os_mutex_lock(&m->lock);
    on = m->vcpus[index].on || !m->vcpus[index].idle;
    os_mutex_unlock(&m->lock);
    return on;
}

int machine_cpu_thread(const struct machine *m, unsigned index)
{
    return atomic_load(&m->vcpus[index].tid);
}

void machine_step(struct machine *m, struct cpu *c)
{
    struct vcpu *v = vcpu_of(m, c);

    os_mutex_lock(&m->lock);
    v->step = true;
    v->idle = false;
    os_cond_signal(&v->wake);
    os_mutex_unlock(&m->lock);
}
