/* The code cache's tables: which block translates which guest code, what is linked to what, and what
 * goes when guest code changes. Knows neither IR nor host instructions.
 *
 * Blocks that die are unlinked at once, but their code stays until the whole cache is reclaimed:
 * another thread may still be on its way through it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "accel/dbt/dbt.h"
#include "base/log.h"

#define PAGE_SHIFT 12

struct dbt_block *dbt_lookup(struct accel *a, uint64_t pc, uint64_t delta, uint32_t key)
{
    struct dbt_block *b = map_get(&a->table, dbt_hash(pc, delta, key));
    while (b && (b->pc != pc || b->delta != delta || b->key != key))
        b = b->same;
    return b;
}

/* A block takes the place of an older one of the same code, which lives on only where it is linked. */
static void table_add(struct accel *a, struct dbt_block *b)
{
    uint64_t hash = dbt_hash(b->pc, b->delta, b->key);
    b->same = map_get(&a->table, hash);
    map_set(&a->table, hash, b);
}

static void table_remove(struct accel *a, struct dbt_block *b)
{
    uint64_t hash = dbt_hash(b->pc, b->delta, b->key);
    struct dbt_block *first = map_get(&a->table, hash);
    if (first == b) {
        if (b->same)
            map_set(&a->table, hash, b->same);
        else
            map_remove(&a->table, hash);
        return;
    }
    for (; first; first = first->same)
        if (first->same == b) {
            first->same = b->same;
            return;
        }
}

void dbt_generations_init(struct accel *a)
{
    size_t size = (a->code.size - CG_STUBS_SIZE) / DBT_GENERATIONS & ~(size_t)4095;
    for (unsigned g = 0; g < DBT_GENERATIONS; g++) {
        a->gen[g].start = CG_STUBS_SIZE + g * size;
        a->gen[g].size = size;
        a->gen[g].by_host = (struct dbt_block **)a->by_host_map.data + (size_t)g * DBT_GEN_BLOCKS;
    }
    a->extent = CG_STUBS_SIZE;
}

static void tables_free(struct accel *a)
{
    map_for_each(e, &a->pages) {
        struct dbt_page *p = e->value;
        free(p->blocks);
        free(p);
    }
    map_free(&a->pages);
    map_free(&a->table);
}

void dbt_generations_free(struct accel *a)
{
    for (unsigned g = 0; g < DBT_GENERATIONS; g++)
        arena_free(&a->gen[g].blocks);
    tables_free(a);
}

struct dbt_block *dbt_by_host(const struct accel *a, uint64_t host)
{
    size_t at = host - (uint64_t)(uintptr_t)a->code.rx - CG_STUBS_SIZE;
    if (host < (uint64_t)(uintptr_t)a->code.rx + CG_STUBS_SIZE || at / a->gen[0].size >= DBT_GENERATIONS)
        return NULL;
    const struct dbt_gen *g = &a->gen[at / a->gen[0].size];
    uint32_t lo = 0, hi = atomic_load_explicit(&g->nblocks, memory_order_acquire);
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (g->by_host[mid]->host <= host)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo)
        return NULL;
    struct dbt_block *b = g->by_host[lo - 1];
    return host - b->host < b->size ? b : NULL;
}

static uint8_t *rw_of(struct accel *a, uint64_t rx) { return a->code.rw + (rx - (uint64_t)(uintptr_t)a->code.rx); }

static void unlink_exit(struct accel *a, struct dbt_link *l)
{
    uint64_t site = l->from->host + l->site;
    cg_patch(rw_of(a, site), site, l->from->host + l->stub);
    *l->pprev = l->next;
    if (l->next)
        l->next->pprev = l->pprev;
    l->to = NULL;
}

static void link_exit(struct accel *a, struct dbt_link *l, struct dbt_block *to)
{
    uint64_t site = l->from->host + l->site;
    l->to = to;
    l->next = to->incoming;
    l->pprev = &to->incoming;
    if (l->next)
        l->next->pprev = &l->next;
    to->incoming = l;
    cg_patch(rw_of(a, site), site, to->host);
}

struct dbt_link *dbt_link_at(const struct accel *a, uint64_t exit_site)
{
    struct dbt_block *from = dbt_by_host(a, exit_site - 1);
    for (uint32_t i = 0; from && i < from->nlinks; i++)
        if (from->host + from->links[i].id == exit_site)
            return &from->links[i];
    return NULL;
}

void dbt_link(struct accel *a, struct dbt_link *l, struct dbt_block *to)
{
    if (!l)
        return;
    const struct dbt_block *from = l->from;
    if (from->dead || to->dead || from->key != to->key || from->delta != to->delta || a->o.no_link ||
        l->pc != to->pc || l->to)
        return;
    link_exit(a, l, to);
    trace(LOG_CACHE, "link %lx -> %lx", from->pc, to->pc);
}

static void page_add(struct accel *a, uint64_t page, struct dbt_block *b)
{
    struct dbt_page *p = map_get(&a->pages, page);
    if (!p) {
        p = calloc(1, sizeof *p);
        if (!p)
            abort();
        map_set(&a->pages, page, p);
    }
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 8;
        p->blocks = realloc(p->blocks, p->cap * sizeof *p->blocks);
        if (!p->blocks)
            abort();
    }
    p->blocks[p->n++] = b;
}

void dbt_insert(struct accel *a, struct dbt_block *b)
{
    struct dbt_gen *g = &a->gen[a->current];
    uint32_t n = atomic_load_explicit(&g->nblocks, memory_order_relaxed);
    assert(n < DBT_GEN_BLOCKS);
    g->by_host[n] = b;
    atomic_store_explicit(&g->nblocks, n + 1, memory_order_release);
    table_add(a, b);
    for (uint64_t p = b->lo >> PAGE_SHIFT; p <= (b->hi - 1) >> PAGE_SHIFT; p++)
        page_add(a, p, b);
}

/* Everything that led to `old` leads to `by` from now on. */
void dbt_replace(struct accel *a, struct dbt_block *old, struct dbt_block *by)
{
    while (old->incoming) {
        struct dbt_link *l = old->incoming;
        unlink_exit(a, l);
        link_exit(a, l, by);
    }
}

void dbt_kill(struct accel *a, struct dbt_block *b)
{
    if (b->dead)
        return;
    b->dead = true;
    table_remove(a, b);
    while (b->incoming)
        unlink_exit(a, b->incoming);
    for (uint32_t i = 0; i < b->nlinks; i++)
        if (b->links[i].to)
            unlink_exit(a, &b->links[i]);
    a->stat_invalidated++;
    if (!a->mem)
        return;
    /* Jump caches still lead here: from now on to the dispatcher. Calls that return into a region must not go
     * on in it; those of a block come to an exit that is not linked any more. */
    cg_bar(rw_of(a, b->host), b->host, b->host + b->bar);
    for (struct dbt_thread *t = a->threads; t && b->tier > 1; t = t->next)
        atomic_store(&t->flush_returns, true);
}

void dbt_thread_flush(struct dbt_thread *t)
{
    if (t->tlb) {
        tlb_all_jumps_clear(t->tlb);
        memset(t->known, 0, DBT_KNOWN * sizeof *t->known);
    } else {
        dbt_jumps_reset(t);
    }
    t->cpu->exit_site = 0;
}

static bool kill_in_page(struct accel *a, struct dbt_page *p, uint64_t start, uint64_t end)
{
    bool any = false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        struct dbt_block *b = p->blocks[i];
        if (!b->dead && b->lo < end && b->hi > start) {
            dbt_kill(a, b);
            any = true;
        }
        if (!b->dead)
            p->blocks[kept++] = b;
    }
    p->n = kept;
    return any;
}

bool dbt_kill_range(struct accel *a, uint64_t start, uint64_t end)
{
    uint64_t first = start >> PAGE_SHIFT, last = (end - 1) >> PAGE_SHIFT;
    bool any = false;
    if (last - first < a->pages.count) {
        for (uint64_t n = first; n <= last; n++) {
            struct dbt_page *p = map_get(&a->pages, n);
            if (p)
                any |= kill_in_page(a, p, start, end);
        }
    } else {
        map_for_each(e, &a->pages)
            if (e->key >= first && e->key <= last)
                any |= kill_in_page(a, e->value, start, end);
    }
    return any;
}

bool dbt_page_empty(struct accel *a, uint64_t host)
{
    const struct dbt_page *p = map_get(&a->pages, host >> PAGE_SHIFT);
    return !p || !p->n;
}

/* Waits until no other thread runs translated code; they stay out while a->stop is set. */
static void stop_others(struct dbt_thread *self)
{
    struct accel *a = self->a;
    bool any = true;
    atomic_store(&a->stop, true);
    while (any) {
        any = false;
        for (struct dbt_thread *t = a->threads; t; t = t->next)
            if (t != self && atomic_load(&t->running)) {
                cpu_kick(t->cpu);
                any = true;
            }
        if (any)
            os_cond_wait_for(&a->idle, &a->lock, 1000000);
    }
}

/* Dead blocks leave the lists of their pages before their memory goes. */
static void forget_dead(struct accel *a)
{
    map_for_each(e, &a->pages) {
        struct dbt_page *p = e->value;
        kill_in_page(a, p, 0, 0);
    }
}

static void reclaim(struct dbt_thread *self, struct dbt_gen *g)
{
    struct accel *a = self->a;
    stop_others(self);
    uint32_t n = atomic_load(&g->nblocks);
    trace(LOG_CACHE, "reclaim generation %zu: %u blocks", (size_t)(g - a->gen), n);
    for (uint32_t i = 0; i < n; i++)
        dbt_kill(a, g->by_host[i]);
    forget_dead(a);
    atomic_store(&g->nblocks, 0);
    arena_reset(&g->blocks);
    g->used = 0;
    a->stat_flushes++;
    a->reclaims++;
    for (struct dbt_thread *t = a->threads; t; t = t->next)
        atomic_store(&t->flush, true); /* jump caches and return stacks may lead there */
    dbt_thread_flush(self);
    atomic_store(&a->stop, false);
    os_cond_broadcast(&a->idle);
}

void dbt_forget_all(struct dbt_thread *self)
{
    struct accel *a = self->a;
    for (unsigned g = 0; g < DBT_GENERATIONS; g++) {
        atomic_store(&a->gen[g].nblocks, 0);
        arena_free(&a->gen[g].blocks);
        a->gen[g].used = 0;
    }
    tables_free(a);
    a->current = 0;
    a->extent = CG_STUBS_SIZE;
    a->reclaims++;
    dbt_thread_flush(self);
}

void dbt_next_generation(struct dbt_thread *self)
{
    struct accel *a = self->a;
    /* Only one thread at a time: others wait for the lock, or find room when they look again. */
    while (atomic_load(&a->stop))
        os_cond_wait(&a->idle, &a->lock);
    a->current = (a->current + 1) % DBT_GENERATIONS;
    if (atomic_load(&a->gen[a->current].nblocks))
        reclaim(self, &a->gen[a->current]);
}
