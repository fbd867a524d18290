/* Who makes regions: a background thread of the accelerator, so that guest threads go on in tier 1
 * meanwhile. It lifts and installs under the lock and optimises without it; when guest code changed in
 * between, its work is thrown away. Tests make regions at once, in the guest's thread (opts.sync). */
#include <stdlib.h>

#include "accel/dbt/dbt.h"
#include "base/log.h"

/* While code memory is reclaimed the lock is let go at times; nothing may be installed then. */
static void wait_out_reclaim(struct accel *a)
{
    while (atomic_load(&a->stop))
        os_cond_wait(&a->idle, &a->lock);
}

static void *work(void *arg)
{
    struct dbt_worker *w = arg;
    struct accel *a = w->self.a;
    os_mutex_lock(&a->lock);
    while (!w->quit) {
        if (w->head == w->tail) {
            os_cond_wait(&w->more, &a->lock);
            continue;
        }
        wait_out_reclaim(a);
        struct dbt_request q = w->queue[w->tail++ % DBT_QUEUE];
        w->code = q.code;
        if (!dbt_region_lift(a, &q.code, &w->self.unit, q.pc, q.key))
            continue;
        w->busy = true;
        w->stale = false;
        os_mutex_unlock(&a->lock);
        ir_opt_full(&w->self.unit);
        os_mutex_lock(&a->lock);
        wait_out_reclaim(a);
        w->busy = false;
        if (w->quit || (!w->stale && dbt_region_install(&w->self, &q.code, &w->self.unit)))
            continue;
        struct dbt_block *b = dbt_lookup(a, q.pc, q.code.delta, q.key);
        if (b && (w->stale || dbt_crowded(a, w->self.unit.nins)))
            b->requested = false; /* another time */
    }
    os_mutex_unlock(&a->lock);
    return NULL;
}

static struct dbt_worker *start(struct accel *a)
{
    struct err e;
    struct dbt_worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->self.a = a;
    ir_unit_init(&w->self.unit);
    os_cond_init(&w->more);
    if (os_thread_start(&w->thread, "myna-tier2", 0, work, w, &e)) {
        log_warn("hot code will not be optimised: %s", e.text);
        a->o.tier = 1;
        free(w);
        return NULL;
    }
    return w;
}

void dbt_worker_invalidate(struct accel *a, uint64_t start, uint64_t end)
{
    struct dbt_worker *w = a->worker;
    if (!w || !w->busy)
        return;
    uint64_t lo = w->self.unit.pc_lo + w->code.delta, hi = w->self.unit.pc_hi + w->code.delta;
    if (lo < end && hi > start)
        w->stale = true;
}

bool dbt_worker_reads(const struct accel *a, uint64_t host)
{
    const struct dbt_worker *w = a->worker;
    return w && w->busy && (w->code.lo + w->code.delta) >> 12 == host >> 12;
}

void dbt_worker_stop(struct accel *a)
{
    struct dbt_worker *w = a->worker;
    if (!w)
        return;
    os_mutex_lock(&a->lock);
    w->quit = true;
    os_cond_signal(&w->more);
    os_mutex_unlock(&a->lock);
    os_thread_join(&w->thread);
    ir_unit_free(&w->self.unit);
    free(w);
    a->worker = NULL;
}

/* The counter of the block at cpu->pc ran out (lock held). */
void dbt_hot(struct dbt_thread *t, const struct dbt_code *code)
{
    struct accel *a = t->a;
    struct cpu *c = t->cpu;
    int32_t *counter = &c->hot[map_hash(c->pc) % CPU_HOT_SIZE];
    if (dbt_crowded(a, 0) && a->o.tier > 1) /* a region has no room: others may not reclaim */
        dbt_next_generation(t);
    struct dbt_block *b = dbt_lookup(a, c->pc, code->delta, c->key);
    *counter = a->o.tier2_threshold;
    if (!b || a->o.tier < 2)
        return;
    if (b->tier > 1 || b->requested) { /* entered by an old way, or in the works */
        dbt_jump_move(t, b);
        *counter = b->tier > 1 ? *counter : 16 * *counter;
        return;
    }
    b->requested = true;
    if (a->o.sync) {
        if (dbt_region_lift(a, code, &t->unit, c->pc, c->key)) {
            ir_opt_full(&t->unit);
            dbt_region_install(t, code, &t->unit);
        }
        return;
    }
    if (!a->worker)
        a->worker = start(a);
    struct dbt_worker *w = a->worker;
    if (!w)
        return;
    if (w->head - w->tail == DBT_QUEUE) {
        b->requested = false;
        return;
    }
    w->queue[w->head++ % DBT_QUEUE] = (struct dbt_request){c->pc, *code, c->key};
    os_cond_signal(&w->more);
}
