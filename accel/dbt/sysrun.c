/* The dispatcher of a machine's cpus: contexts, interrupts, exceptions, requests of others, and the flushes
 * that cpus ask of each other. The way from one piece of translated code to the next takes no lock when
 * the jump cache knows it. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "accel/dbt/dbt.h"
#include "base/log.h"

enum { STACK_SIZE = 128 << 10 /* of one return stack, with its guard */ };

/* ---- flushes ---- */

static void post(struct dbt_thread *to, const struct cpu_flush *f)
{
    os_mutex_lock(&to->mail_lock);
    if (f && to->nmail < DBT_MAIL)
        to->mail[to->nmail++] = *f;
    else
        to->mail_all = true;
    atomic_fetch_add(&to->asked, 1);
    os_mutex_unlock(&to->mail_lock);
    atomic_fetch_or(&to->cpu->sys->requests, CPU_REQ_FLUSH);
    cpu_kick(to->cpu);
}

void dbt_sys_post_all(struct dbt_thread *to) { post(to, NULL); }

void dbt_sys_poll(struct dbt_thread *t)
{
    struct cpu_flush mail[DBT_MAIL];
    if (atomic_load(&t->asked) == atomic_load(&t->done))
        return;
    os_mutex_lock(&t->mail_lock);
    unsigned n = t->nmail;
    bool all = t->mail_all;
    uint64_t upto = atomic_load(&t->asked);
    memcpy(mail, t->mail, n * sizeof *mail);
    t->nmail = 0;
    t->mail_all = false;
    atomic_fetch_and(&t->cpu->sys->requests, ~(uint32_t)CPU_REQ_FLUSH);
    os_mutex_unlock(&t->mail_lock);
    if (all)
        tlb_flush_all(t->tlb);
    else
        for (unsigned i = 0; i < n; i++)
            tlb_flush(t->tlb, &mail[i]);
    atomic_store(&t->done, upto);
}

static void flush(struct cpu *c, const struct cpu_flush *f, bool everyone)
{
    struct dbt_thread *t = c->accel;
    tlb_flush(t->tlb, f);
    if (!everyone)
        return;
    for (unsigned i = 0; i < atomic_load(&t->a->ncpus); i++) {
        struct dbt_thread *o = atomic_load_explicit(&t->a->cpus[i], memory_order_acquire);
        if (!o || o == t)
            continue;
        post(o, f);
        t->waits[i] = atomic_load(&o->asked);
        t->waits_any = true;
    }
}

static void sync_flushes(struct cpu *c)
{
    struct dbt_thread *t = c->accel;
    if (!t->waits_any)
        return;
    t->waits_any = false;
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned i = 0; i < atomic_load(&t->a->ncpus); i++) {
        struct dbt_thread *o = atomic_load_explicit(&t->a->cpus[i], memory_order_acquire);
        if (!o)
            continue;
        for (unsigned spin = 0; t->waits[i] && atomic_load(&o->done) < t->waits[i] && atomic_load(&o->running); spin++) {
            dbt_sys_poll(t); /* it may wait for this one */
            if (spin > 100)
                sched_yield();
            else
                __builtin_ia32_pause();
        }
        t->waits[i] = 0;
    }
}

static void context_changed(struct cpu *c)
{
    struct dbt_thread *t = c->accel;
    t->contexts_stale = true;
}

/* Instruction fetch is kept coherent with stores already (syscode.c); this is for stores of other cpus that
 * were under way. size 0 need not look for them all. */
static void code_changed(struct cpu *c, uint64_t va, uint64_t size)
{
    struct dbt_thread *t = c->accel;
    while (size) {
        uint64_t n = MEM_PAGE - (va & (MEM_PAGE - 1));
        struct cpu_page page;
        struct mem_hit hit;
        n = n < size ? n : size;
        if (c->isa->sys->translate(c, va, CPU_READ, false, true, &page)) {
            mem_lookup(t->a->mem, page.pa, &hit);
            _Atomic uint8_t *m = hit.host ? mem_marks(t->a->mem, hit.host) : NULL;
            if (m && atomic_load(m) & MEM_MARK_CODE)
                dbt_code_written(t->a, t, (uint64_t)(uintptr_t)hit.host, n < hit.span ? n : hit.span, 0);
        }
        va += n;
        size -= n;
    }
}

/* ---- the debugger's points ---- */

bool dbt_sys_at_point(const struct dbt_thread *t, uint64_t pc)
{
    const struct cpu_sys *s = t->cpu->sys;
    for (unsigned i = 0; i < s->ndebug; i++)
        if (!s->debug[i].size && s->debug[i].va == pc)
            return true;
    return false;
}

/* Rare: everything is translated anew. */
static void debug_changed(struct cpu *c)
{
    struct dbt_thread *t = c->accel;
    struct accel *a;
    if (!t) /* not running yet: attaching looks */
        return;
    a = t->a;
    os_mutex_lock(&a->lock);
    a->npoints = 0;
    for (struct dbt_thread *o = a->threads; o; o = o->next) {
        const struct cpu_sys *s = o->cpu->sys;
        for (unsigned i = 0; i < s->ndebug && a->npoints < CPU_DEBUG_MAX; i++)
            if (!s->debug[i].size)
                a->points[a->npoints++] = s->debug[i].va;
        dbt_sys_post_all(o);
    }
    dbt_worker_invalidate(a, 0, ~0ull);
    dbt_kill_range(a, 0, ~0ull);
    os_mutex_unlock(&a->lock);
}

/* ---- attaching ---- */

static const struct cpu_accel_ops *ops(void)
{
    static const struct cpu_accel_ops table = {
        .context_changed = context_changed,
        .flush = flush,
        .sync = sync_flushes,
        .code_changed = code_changed,
        .debug_changed = debug_changed,
        .mem_begin = dbt_mem_begin,
        .mem_end = dbt_mem_end,
        .mem_probe = dbt_mem_probe,
    };
    return &table;
}

/* Return stacks of all sets: each has a guard below that the host's fault tells apart, and starts with an
 * entry that matches nothing. */
static int make_stacks(struct dbt_thread *t, struct err *e)
{
    int rc = os_map_anon(&t->stack, (size_t)TLB_SETS * STACK_SIZE, e);
    for (unsigned i = 0; !rc && i < TLB_SETS; i++) {
        uint8_t *low = (uint8_t *)t->stack.data + (size_t)i * STACK_SIZE;
        uint64_t *base = (uint64_t *)(void *)(low + STACK_SIZE - 64);
        base[0] = t->a->cg.stubs.ret_end;
        base[1] = ~0ull;
        rc = os_map_protect(low, os_page_size(), OS_NONE, e);
    }
    return rc;
}

int dbt_sys_attach(struct dbt_thread *t, struct err *e)
{
    struct cpu *c = t->cpu;
    const struct isa_sys *sys = c->isa->sys;
    int rc = make_stacks(t, e);
    if (!rc)
        rc = dbt_signals_enter(t, e);
    if (rc)
        return rc;
    t->tlb = tlb_new(c, sys->space_mask, t->jcache_shift, t->a->cg.stubs.exit_pc);
    t->known = calloc(DBT_KNOWN, sizeof *t->known);
    if (!t->tlb || !t->known || (t->a->o.tier == 0 && dbt_lifted_new(t)))
        return err_set(e, ENOMEM, "no memory for the TLB of a cpu");
    t->tlb->stack = t->stack.data;
    t->tlb->stack_size = STACK_SIZE;
    os_mutex_init(&t->mail_lock);
    c->sys->tlb = t->tlb;
    c->sys->accel = ops();
    if (c->sys->index >= DBT_CPUS)
        return err_text(e, EINVAL, "more cpus than the translator's tables hold");
    cpu_set_current(c);
    dbt_sys_contexts(t);
    t->stack_set = c->tlb[0];
    c->jit_sp = c->jit_sp_base = c->tlb[0]->jit_sp_base;
    return 0;
}

/* From now on others ask this cpu for flushes. Lock held. */
void dbt_sys_publish(struct dbt_thread *t)
{
    unsigned n = t->cpu->sys->index;
    atomic_store(&t->a->cpus[n], t);
    if (n >= atomic_load(&t->a->ncpus))
        atomic_store(&t->a->ncpus, n + 1);
}

/* ---- running ---- */

void dbt_sys_contexts(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    uint64_t ctx[2];
    t->contexts_stale = false;
    c->isa->sys->contexts(c, ctx);
    if (!c->tlb[0] || c->tlb[0]->ctx != ctx[0] || !c->tlb[0]->used)
        c->tlb[0] = tlb_use(t->tlb, ctx[0], c->tlb[1]);
    if (ctx[1] == ctx[0])
        c->tlb[1] = c->tlb[0];
    else if (!c->tlb[1] || c->tlb[1]->ctx != ctx[1] || !c->tlb[1]->used)
        c->tlb[1] = tlb_use(t->tlb, ctx[1], c->tlb[0]);
}

/* Everything that depends on contexts and the code key is right for the next entry. */
static void settle(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    if (t->contexts_stale)
        dbt_sys_contexts(t);
    struct tlb_set *set = c->tlb[0];
    if (t->stack_set != set) {
        t->stack_set->jit_sp = t->tlb->returns_stale ? c->jit_sp_base : c->jit_sp;
        t->tlb->returns_stale = false;
        c->jit_sp = set->jit_sp;
        c->jit_sp_base = set->jit_sp_base;
        t->stack_set = set;
    }
    if (set->key != c->key) {
        tlb_jumps_clear(set);
        set->key = c->key;
    }
    if (c->key != t->last_key)
        dbt_enter_key(t);
    if (atomic_load_explicit(&t->flush, memory_order_relaxed)) {
        atomic_store(&t->flush, false);
        dbt_thread_flush(t);
    }
    if (atomic_load_explicit(&t->flush_returns, memory_order_relaxed)) {
        atomic_store(&t->flush_returns, false);
        tlb_all_returns_clear(t->tlb);
    }
    if (t->tlb->returns_stale) {
        t->tlb->returns_stale = false;
        c->jit_sp = c->jit_sp_base;
    }
}

/* The block at pc, translated when there is none, and known to the jump cache from now on. */
static uint64_t find_block(struct dbt_thread *t, uint64_t site)
{
    struct accel *a = t->a;
    struct cpu *c = t->cpu;
    struct dbt_code code;
    t->tlb->stat_find++;
    if (dbt_mem_fetch(t, c->pc, &code))
        return 0;
    struct dbt_known *known = dbt_known_at(t, c->pc, code.delta, c->key);
    if (!site && !t->not_known && dbt_known_is(known, c->pc, code.delta, c->key)) {
        tlb_jump_add(c->tlb[0], c->pc, known->host, t->fetch_global);
        return known->host;
    }
    t->not_known = false;
    os_mutex_lock(&a->lock);
    while (atomic_load(&a->stop))
        os_cond_wait(&a->idle, &a->lock);
    struct dbt_block *b = dbt_lookup(a, c->pc, code.delta, c->key);
    if (!b) {
        dbt_code_mark(a, c->pc + code.delta);
        b = dbt_translate(t, &code, c->pc, c->key);
    }
    uint64_t host = b ? b->host : 0;
    if (b && site && t->site_epoch == a->reclaims)
        dbt_link(a, dbt_link_at(a, site), b);
    if (b) {
        *known = (struct dbt_known){c->pc, code.delta, host, c->key};
        tlb_jump_add(c->tlb[0], c->pc, host, t->fetch_global);
    }
    os_mutex_unlock(&a->lock);
    return host;
}

static void fold_fp(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    unsigned flags = cg_fp_status(c->mxcsr_guest);
    if (flags) {
        c->isa->fp_status_add(c, flags);
        c->mxcsr_guest = cg_fp_clear(c->mxcsr_guest);
    }
}

typedef int enter_fn(struct cpu *, uint64_t);

/* Enters translated code at pc; what made it come back. */
static int enter(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    uint64_t site = c->exit_site;
    c->exit_site = 0;
    uint64_t host = site ? 0 : tlb_jump_find(c->tlb[0], c->pc);
    if (!host)
        host = find_block(t, site);
    if (!host) {
        t->one = true;
        return CPU_EXIT_NONE;
    }
    atomic_store(&t->running, true);
    if (atomic_load_explicit(&c->exit_request, memory_order_relaxed) || atomic_load(&t->a->stop) ||
        atomic_load(&t->flush)) {
        dbt_not_running(t);
        return CPU_EXIT_NONE;
    }
    trace(LOG_EXEC, "enter %lx", c->pc);
    int reason = ((enter_fn *)(uintptr_t)t->a->cg.stubs.enter)(c, host);
    if (c->exit_site) {
        c->pc = dbt_link_at(t->a, c->exit_site)->pc;
        t->site_epoch = t->a->reclaims;
    }
    dbt_not_running(t);
    return reason;
}

/* Somebody set exit_request. True: to the caller with CPU_EXIT_REQUEST. */
static bool attend(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    atomic_store(&c->exit_request, 0);
    c->exit_site = 0;
    dbt_sys_poll(t);
    if (atomic_load(&c->sys->requests) & CPU_REQ_STOP)
        return true;
    c->isa->sys->interrupt(c);
    return false;
}

static void hot(struct dbt_thread *t)
{
    struct dbt_code code;
    if (dbt_mem_fetch(t, t->cpu->pc, &code))
        return;
    os_mutex_lock(&t->a->lock);
    dbt_hot(t, &code);
    os_mutex_unlock(&t->a->lock);
}

/* One instruction by the interpreter, wherever its bytes are. */
static int one(struct dbt_thread *t)
{
    t->one = false;
    t->one_now = true;
    int reason = dbt_interpret_one(t);
    t->one_now = false;
    return reason;
}

/* Is `reason` the caller's business? Else what it stands for is done. */
enum cpu_exit dbt_sys_exit(struct dbt_thread *t, enum cpu_exit reason)
{
    struct cpu *c = t->cpu;
    t->one_now = false;
    switch ((int)reason) {
    case CPU_EXIT_NONE:
        return CPU_EXIT_NONE;
    case CPU_EXIT_KICK: /* also what the isa says when interrupts may have been let in */
        c->isa->sys->interrupt(c);
        return CPU_EXIT_NONE;
    case CPU_EXIT_YIELD:
        sched_yield();
        return CPU_EXIT_NONE;
    case CPU_EXIT_ISYNC:
        code_changed(c, c->exit_arg, c->exit_code);
        return CPU_EXIT_NONE;
    case CG_EXIT_HOT:
        hot(t);
        return CPU_EXIT_NONE;
    case CG_EXIT_DEAD:
        tlb_jump_forget(c->tlb[0], c->pc);
        t->not_known = true;
        return CPU_EXIT_NONE;
    case CPU_EXIT_DEBUG:
        if (!t->watch_hit && !dbt_sys_at_point(t, c->pc)) {
            t->one = true; /* another cpu's breakpoint */
            return CPU_EXIT_NONE;
        }
        t->watch_hit = false;
        return reason;
    case CPU_EXIT_HALT:
    case CPU_EXIT_REQUEST:
        return reason;
    default:
        fold_fp(t);
        reason = c->isa->sys->raise(c, reason);
        if (reason == CPU_EXIT_NONE) /* a return from an exception may have let one in that came before */
            c->isa->sys->interrupt(c);
        return reason;
    }
}

/* A single step for the debugger: interrupts are looked at first, as at any instruction. */
static int step(struct dbt_thread *t)
{
    if (attend(t))
        return CPU_EXIT_REQUEST;
    settle(t);
    enum cpu_exit reason = dbt_sys_exit(t, (enum cpu_exit)one(t));
    return reason == CPU_EXIT_NONE ? CPU_EXIT_DEBUG : (int)reason;
}

int dbt_sys_run(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    for (;;) {
        if (c->sys->step)
            return step(t);
        if (atomic_load_explicit(&c->exit_request, memory_order_relaxed) && attend(t))
            return CPU_EXIT_REQUEST;
        settle(t);
        int reason = t->one || t->a->o.tier == 0 ? one(t) : enter(t);
        if (reason == CPU_EXIT_NONE)
            continue;
        enum cpu_exit out = dbt_sys_exit(t, (enum cpu_exit)reason);
        if (out != CPU_EXIT_NONE)
            return (int)out;
    }
}
