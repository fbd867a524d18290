/* The dispatcher: enters translated code, looks up or translates what comes next, links, and returns to
 * the caller when something is his. Also making and unmaking of accelerators and their threads. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

#include "accel/dbt/dbt.h"
#include "base/log.h"

enum { DEFAULT_CACHE = 256 << 20, LEAST_CACHE = 1 << 20, DEFAULT_HOT = 2000 };
/* A child gets a copy of so much code; of more it needs little, mostly, and starts with none. */
enum { FORK_COPIES = 32 << 20 };

static int make(struct accel **out, const struct isa *isa, const struct accel_opts *o,
                const struct accel_code_source *src, struct mem_space *mem, struct err *e)
{
    struct accel *a = calloc(1, sizeof *a);
    struct os_cpu host;
    int rc;
    if (!a)
        return err_set(e, ENOMEM, "no memory for the translator");
    a->isa = isa;
    a->o = *o;
    a->mem = mem;
    if (src)
        a->src = *src;
    if (!a->o.cache_size)
        a->o.cache_size = DEFAULT_CACHE;
    if (a->o.cache_size < LEAST_CACHE)
        a->o.cache_size = LEAST_CACHE;
    if (!a->o.tier2_threshold)
        a->o.tier2_threshold = DEFAULT_HOT;
    /* Tests that choose either want the same regions every time. */
    a->o.sync |= a->o.ra_seed || a->o.tier2_threshold < 100;
    a->o.sync &= !a->o.background;
    os_mutex_init(&a->lock);
    os_cond_init(&a->idle);
    rc = os_code_new(&a->code, a->o.cache_size, e);
    if (rc)
        goto out;
    rc = os_map_anon(&a->by_host_map, (size_t)DBT_GENERATIONS * DBT_GEN_BLOCKS * sizeof(struct dbt_block *), e);
    if (rc)
        goto out_code;
    os_cpu_detect(&host);
    if (a->o.tier > 0) {
        rc = cg_new_system(&a->cg, isa, &host, mem ? dbt_mem_slow : NULL, a->code.rw, (uint64_t)(uintptr_t)a->code.rx, e);
        if (rc)
            goto out_map;
        a->work = cg_work_new(&a->cg);
    }
    dbt_generations_init(a);
    if (mem)
        dbt_code_listen(a);
    *out = a;
    return 0;
out_map:
    os_map_free(&a->by_host_map);
out_code:
    os_code_free(&a->code);
out:
    free(a);
    return rc;
}

int accel_new(struct accel **out, const struct isa *isa, const struct accel_opts *o,
              const struct accel_code_source *src, struct err *e)
{
    return make(out, isa, o, src, NULL, e);
}

int accel_new_system(struct accel **out, const struct isa *isa, const struct accel_opts *o,
                     struct mem_space *mem, struct err *e)
{
    if (!isa->sys)
        return err_set(e, ENOTSUP, "there are no machines of this instruction set yet");
    return make(out, isa, o, NULL, mem, e);
}

void accel_free(struct accel *a)
{
    dbt_worker_stop(a);
    if (a->mem)
        mem_unlisten(a->mem, &a->listener);
    while (a->gone) {
        struct dbt_thread *t = a->gone;
        a->gone = t->next;
        free(t);
    }
    os_map_free(&a->by_host_map);
    os_code_free(&a->code);
    cg_work_free(a->work);
    dbt_generations_free(a);
    free(a);
}

static int return_stack_make(struct dbt_thread *t, struct err *e)
{
    int rc = os_map_anon(&t->stack, DBT_RSTACK + 2 * os_page_size(), e);
    if (!rc)
        rc = os_map_protect(t->stack.data, os_page_size(), OS_NONE, e);
    if (rc)
        return rc;
    uint64_t *base = (uint64_t *)(void *)((char *)t->stack.data + t->stack.size - 64);
    base[0] = t->a->cg.stubs.ret_end;
    base[1] = ~0ull; /* hardly a guest returns to here */
    t->cpu->jit_sp_base = t->cpu->jit_sp = (uint64_t)(uintptr_t)base;
    return 0;
}

int accel_attach(struct accel *a, struct cpu *c, struct err *e)
{
    struct dbt_thread *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(e, ENOMEM, "no memory for a guest thread");
    t->a = a;
    t->cpu = c;
    t->jcache_shift = a->isa->insn_align == 4 ? 2 : a->isa->insn_align == 2 ? 1 : 0;
    ir_unit_init(&t->unit);
    c->isa = a->isa;
    c->accel = t;
    int rc = a->mem ? dbt_sys_attach(t, e) : return_stack_make(t, e);
    if (rc) {
        c->accel = NULL;
        os_map_free(&t->stack);
        free(t);
        return rc;
    }
    c->mxcsr_host = _mm_getcsr() & ~0x3fu;
    t->last_key = ~c->key;
    for (unsigned i = 0; i < CPU_HOT_SIZE; i++)
        c->hot[i] = a->o.tier2_threshold;
    dbt_thread_flush(t);
    os_mutex_lock(&a->lock);
    t->next = a->threads;
    a->threads = t;
    if (a->mem)
        dbt_sys_publish(t);
    os_mutex_unlock(&a->lock);
    return 0;
}

void accel_detach(struct cpu *c)
{
    struct dbt_thread *t = c->accel;
    os_mutex_lock(&t->a->lock);
    for (struct dbt_thread **p = &t->a->threads; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            break;
        }
    if (t->tlb) { /* others may be about to ask it for a flush */
        t->next = t->a->gone;
        t->a->gone = t;
        atomic_store(&t->a->cpus[c->sys->index], NULL);
    }
    os_mutex_unlock(&t->a->lock);
    os_map_free(&t->stack);
    ir_unit_free(&t->unit);
    if (t->tlb) {
        const struct tlb *s = t->tlb;
        trace(LOG_CACHE, "cpu %u: filled %lu, from the second level %lu, walks %lu, flushes of pages %lu, of sets %lu, "
              "new contexts %lu, blocks looked for %lu, jump caches emptied %lu", c->sys->index, s->stat_fill, s->stat_l2,
              s->stat_walk, s->stat_flush_page, s->stat_flush_set, s->stat_switch, s->stat_find, s->stat_jumps);
        tlb_free(t->tlb);
        dbt_lifted_free(t);
        free(t->known);
        t->tlb = NULL;
        t->known = NULL;
        c->tlb[0] = c->tlb[1] = NULL;
        dbt_signals_leave(t);
        c->sys->tlb = NULL;
        cpu_set_current(NULL);
    } else {
        free(t);
    }
    c->accel = NULL;
}

void accel_fork_child(struct cpu *c)
{
    struct dbt_thread *t = c->accel;
    struct accel *a = t->a;
    struct err e;
    os_mutex_init(&a->lock); /* its holder may not exist here */
    os_cond_init(&a->idle);
    atomic_store(&a->stop, false);
    a->worker = NULL; /* it runs in the parent only; what it held is lost */
    t->next = NULL;
    a->threads = t;
    if (os_code_fork_child(&a->code, &e))
        log_error("%s", e.text);
    if (a->extent > FORK_COPIES)
        dbt_forget_all(t);
}

int accel_fork_prepare(struct cpu *c, struct err *e)
{
    struct dbt_thread *t = c->accel;
    os_mutex_lock(&t->a->lock);
    size_t extent = t->a->extent;
    int rc = os_code_fork_prepare(&t->a->code, extent > FORK_COPIES ? CG_STUBS_SIZE : extent, e);
    if (rc)
        os_mutex_unlock(&t->a->lock);
    return rc;
}

void accel_fork_parent(struct cpu *c)
{
    struct dbt_thread *t = c->accel;
    os_code_fork_parent(&t->a->code);
    os_mutex_unlock(&t->a->lock);
}

void accel_invalidate(struct accel *a, uint64_t start, uint64_t len)
{
    if (!len)
        return;
    os_mutex_lock(&a->lock);
    dbt_worker_invalidate(a, start, start + len);
    if (a->pages.count && dbt_kill_range(a, start, start + len)) {
        trace(LOG_CACHE, "invalidate %lx+%lx", start, len);
        for (struct dbt_thread *t = a->threads; t; t = t->next) {
            atomic_store(&t->flush, true);
            if (atomic_load(&t->running))
                cpu_kick(t->cpu);
        }
    }
    os_mutex_unlock(&a->lock);
}

bool accel_owns_pc(const struct accel *a, uint64_t host_pc) { return os_code_holds(&a->code, host_pc); }

/* ---- running ---- */

/* An instruction may start where it is executable and end where it is not. */
void dbt_fetch_fault(struct cpu *c)
{
    const struct dbt_thread *t = c->accel;
    const struct accel_code_source *src = &t->a->src;
    uint8_t insn[16];
    size_t got = src->fetch(src->opaque, c->pc, insn, sizeof insn);
    c->fault_addr = c->pc + (got < sizeof insn ? got : 0);
    c->fault_access = CPU_FETCH;
    c->fault_sig = 11;
    c->fault_code = 1;
}

void dbt_enter_key(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    struct ir_fpenv env;
    c->isa->fpenv(c->key, &env);
    c->mxcsr_guest = cg_fp_control(&env);
    t->last_key = c->key;
}

void dbt_jumps_reset(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    for (unsigned i = 0; i < CPU_JCACHE_SIZE; i++)
        c->jcache[i] = (struct cpu_jcache){~0ull, t->a->cg.stubs.exit_pc};
    c->jit_sp = c->jit_sp_base;
}

/* A new code key: other FP control, other translations. */
static void key_changed(struct dbt_thread *t)
{
    dbt_enter_key(t);
    dbt_jumps_reset(t);
    t->cpu->exit_site = 0; /* its block has another key */
}

static void collect_fp_status(struct cpu *c)
{
    unsigned flags = cg_fp_status(c->mxcsr_guest);
    if (flags) {
        c->isa->fp_status_add(c, flags);
        c->mxcsr_guest = cg_fp_clear(c->mxcsr_guest);
    }
}

/* The block to enter next, with the exit that led here linked to it. NULL: not executable. */
static const struct dbt_code everywhere = {.last = ~0ull};

static struct dbt_block *next_block(struct dbt_thread *t)
{
    struct accel *a = t->a;
    struct cpu *c = t->cpu;
    uint64_t site = c->exit_site;
    c->exit_site = 0;
    os_mutex_lock(&a->lock);
    while (atomic_load(&a->stop))
        os_cond_wait(&a->idle, &a->lock);
    if (atomic_load(&t->flush)) { /* here: nobody can ask for it until this thread counts as running */
        atomic_store(&t->flush, false);
        dbt_thread_flush(t);
    }
    struct dbt_block *b = dbt_lookup(a, c->pc, 0, c->key);
    if (!b)
        b = dbt_translate(t, &everywhere, c->pc, c->key);
    if (b && site && t->site_epoch == a->reclaims)
        dbt_link(a, dbt_link_at(a, site), b);
    if (b && !site) {
        struct cpu_jcache *j = dbt_jcache(t, c->pc);
        j->host = b->host;
        j->pc = c->pc;
    }
    atomic_store(&t->running, true);
    os_mutex_unlock(&a->lock);
    return b;
}

void dbt_not_running(struct dbt_thread *t)
{
    atomic_store(&t->running, false);
    if (atomic_load(&t->a->stop)) {
        os_mutex_lock(&t->a->lock);
        os_cond_broadcast(&t->a->idle);
        os_mutex_unlock(&t->a->lock);
    }
}

typedef int enter_fn(struct cpu *, uint64_t);

static int run_translated(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    enter_fn *enter = (enter_fn *)(uintptr_t)t->a->cg.stubs.enter;
    for (;;) {
        if (atomic_load_explicit(&c->exit_request, memory_order_relaxed)) {
            c->exit_site = 0;
            atomic_store(&c->exit_request, 0);
            return CPU_EXIT_KICK;
        }
        if (c->key != t->last_key)
            key_changed(t);
        struct dbt_block *b = next_block(t);
        if (!b) {
            dbt_not_running(t);
            dbt_fetch_fault(c);
            return CPU_EXIT_FAULT;
        }
        if (atomic_load_explicit(&c->exit_request, memory_order_relaxed)) {
            dbt_not_running(t);
            continue;
        }
        trace(LOG_EXEC, "enter %lx", c->pc);
        int reason = enter(c, b->host);
        if (c->exit_site) { /* the exit says only where it is; while we count as running, it cannot go */
            c->pc = dbt_link_at(t->a, c->exit_site)->pc;
            t->site_epoch = t->a->reclaims;
        }
        dbt_not_running(t);
        if (reason == CG_EXIT_HOT) {
            os_mutex_lock(&t->a->lock);
            dbt_hot(t, &everywhere);
            os_mutex_unlock(&t->a->lock);
        } else if (reason == CPU_EXIT_KICK) {
            atomic_store(&c->exit_request, 0);
            return CPU_EXIT_KICK;
        } else if (reason != CPU_EXIT_NONE) {
            return reason;
        }
    }
}

static int run_interpreted(struct dbt_thread *t)
{
    for (;;) {
        if (atomic_exchange(&t->cpu->exit_request, 0))
            return CPU_EXIT_KICK;
        int reason = dbt_interpret_one(t);
        if (reason != CPU_EXIT_NONE)
            return reason;
    }
}

enum cpu_exit accel_step(struct cpu *c)
{
    struct dbt_thread *t = c->accel;
    void *outer = c->recover;
    int reason;
    c->recover = &t->recover;
    if (_setjmp(t->recover)) {
        t->in_c = false;
        reason = (int)c->exit_reason;
    } else {
        reason = dbt_interpret_one(t);
    }
    c->recover = outer;
    return (enum cpu_exit)reason;
}

/* In a machine: until the machine has to know. */
static enum cpu_exit run_system(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    int reason;
    c->recover = &t->recover;
    if (_setjmp(t->recover)) { /* cpu_leave() by the slow path of memory, a helper or the interpreter */
        if (c->helper_pc) {
            c->mxcsr_guest = _mm_getcsr();
            _mm_setcsr(c->mxcsr_host);
            c->helper_pc = 0;
        }
        t->in_c = t->cut = false;
        c->exit_site = 0;
        dbt_not_running(t);
        reason = (int)dbt_sys_exit(t, (enum cpu_exit)c->exit_reason);
        if (reason == CPU_EXIT_NONE && c->sys->step && !t->one)
            reason = CPU_EXIT_DEBUG;
        if (reason == CPU_EXIT_NONE)
            reason = dbt_sys_run(t);
    } else {
        reason = dbt_sys_run(t);
    }
    c->recover = NULL;
    collect_fp_status(c);
    return (enum cpu_exit)reason;
}

void accel_poll(struct cpu *c)
{
    struct dbt_thread *t = c->accel;
    if (t->tlb)
        dbt_sys_poll(t);
}

enum cpu_exit accel_run(struct cpu *c)
{
    struct dbt_thread *t = c->accel;
    int reason;
    if (t->tlb)
        return run_system(t);
    for (;;) {
        c->recover = &t->recover;
        if (_setjmp(t->recover)) { /* cpu_leave() from a helper, or a fault in one */
            if (c->helper_pc) {
                c->mxcsr_guest = _mm_getcsr();
                _mm_setcsr(c->mxcsr_host);
                c->helper_pc = 0;
            }
            t->in_c = false;
            dbt_not_running(t);
            reason = (int)c->exit_reason;
        } else {
            reason = t->a->o.tier > 0 ? run_translated(t) : run_interpreted(t);
        }
        c->recover = NULL;
        collect_fp_status(c);
        if (reason == CPU_EXIT_FAULT && c->fault_code == SI_KERNEL)
            reason = accel_step(c); /* no address of the host's: a tagged one, or the interpreter names it */
        if (reason == CPU_EXIT_ISYNC)
            accel_invalidate(t->a, c->exit_code ? c->exit_arg : 0, c->exit_code ? c->exit_code : ~0ull);
        else if (reason != CPU_EXIT_NONE)
            return (enum cpu_exit)reason;
    }
}

int accel_stats(const struct accel *a, char *buf, size_t size)
{
    return snprintf(buf, size,
                    "blocks %lu, regions %lu, guest bytes %lu, host bytes %lu, invalidated %lu, flushes %lu",
                    a->stat_blocks, a->stat_regions, a->stat_guest_bytes, a->stat_host_bytes,
                    a->stat_invalidated, a->stat_flushes);
}
