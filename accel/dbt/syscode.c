/* Which RAM of a machine has been translated, and what happens when it is written. A page is marked before its
 * bytes are read for translation; writes to marked pages take the slow path in every cpu (core/tlb.h). A
 * store of another cpu that was on its way when the mark came may still slip in: the guest has to say so
 * then (IC IVAU), as the architectures without coherent instruction fetch demand. */
#include "accel/dbt/dbt.h"
#include "base/log.h"

static bool set_mark(struct accel *a, uint64_t host)
{
    _Atomic uint8_t *m = mem_marks(a->mem, (const void *)(uintptr_t)host);
    return m && !(atomic_fetch_or(m, MEM_MARK_CODE) & MEM_MARK_CODE);
}

void dbt_code_mark(struct accel *a, uint64_t host)
{
    host &= TLB_PAGE_MASK;
    if (!set_mark(a, host))
        return;
    for (struct dbt_thread *t = a->threads; t; t = t->next)
        tlb_protect(t->tlb, host);
}

/* Lock held. */
static bool written(struct accel *a, uint64_t host, size_t size)
{
    bool any = dbt_kill_range(a, host, host + size);
    dbt_worker_invalidate(a, host, host + size);
    for (uint64_t p = host & TLB_PAGE_MASK; p < host + size; p += MEM_PAGE) {
        _Atomic uint8_t *m = mem_marks(a->mem, (const void *)(uintptr_t)p);
        if (m && dbt_page_empty(a, p) && !dbt_worker_reads(a, p))
            atomic_fetch_and(m, (uint8_t)~MEM_MARK_CODE);
    }
    if (any) {
        trace(LOG_CACHE, "code written at %lx+%zx", host, size);
        for (struct dbt_thread *t = a->threads; t; t = t->next)
            if (atomic_load(&t->flush_returns) && atomic_load(&t->running))
                cpu_kick(t->cpu);
    }
    return any;
}

bool dbt_code_written(struct accel *a, struct dbt_thread *t, uint64_t host, size_t size, uint64_t host_pc)
{
    bool own = false;
    (void)t;
    os_mutex_lock(&a->lock);
    struct dbt_block *b = host_pc ? dbt_by_host(a, host_pc - 1) : NULL;
    written(a, host, size);
    own = b && b->dead && b->lo < host + size && b->hi > host;
    os_mutex_unlock(&a->lock);
    return own;
}

static void by_dma(void *opaque, const void *host, size_t size)
{
    struct accel *a = opaque;
    os_mutex_lock(&a->lock);
    written(a, (uint64_t)(uintptr_t)host, size);
    os_mutex_unlock(&a->lock);
}

/* The memory map changed: nobody may keep host addresses. The cpu whose access changed it must see that with
 * the next one. */
static void map_changed(void *opaque)
{
    struct accel *a = opaque;
    struct cpu *self = cpu_current();
    atomic_fetch_add(&a->map_epoch, 1);
    os_mutex_lock(&a->lock);
    for (struct dbt_thread *t = a->threads; t; t = t->next) {
        if (t->cpu == self)
            tlb_flush_all(t->tlb);
        else
            dbt_sys_post_all(t);
    }
    os_mutex_unlock(&a->lock);
}

void dbt_code_listen(struct accel *a)
{
    a->listener = (struct mem_listener){.opaque = a, .changed = map_changed, .code_written = by_dma};
    mem_listen(a->mem, &a->listener);
}
