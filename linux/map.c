/*
 * Owns the record of guest mappings: a sorted array of regions. Must not map anything, and must not
 * know system calls (memory.c does both).
 */
#include "linux/map.h"

#include <sys/mman.h>

void lx_map_init(struct lx_map *m)
{
    pthread_mutex_init(&m->lock, NULL);
    m->regions.data = NULL;
    m->regions.len = m->regions.cap = 0;
    m->stale_start = m->stale_end = 0;
    m->shm.data = NULL;
    m->shm.len = m->shm.cap = 0;
    m->top = LX_MMAP_TOP;
}

void lx_map_free(struct lx_map *m)
{
    vec_free(&m->regions);
    vec_free(&m->shm);
    pthread_mutex_destroy(&m->lock);
}

/* Index of the first region that ends after `at`. */
static size_t index_from(const struct lx_map *m, uint64_t at)
{
    size_t low = 0, high = m->regions.len;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (m->regions.data[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void merge_at(struct lx_map *m, size_t i)
{
    struct lx_region *r = m->regions.data;

    if (i == 0 || i >= m->regions.len || r[i - 1].end != r[i].start || r[i - 1].prot != r[i].prot ||
        r[i - 1].flags != r[i].flags)
        return;
    r[i - 1].end = r[i].end;
    vec_remove(&m->regions, i, 1);
}

/* Splits the region around `at`, so that none crosses it; the index of the first behind. */
static size_t split_at(struct lx_map *m, uint64_t at)
{
    size_t i = index_from(m, at);

    if (i < m->regions.len && m->regions.data[i].start < at) {
        struct lx_region tail = m->regions.data[i];

        m->regions.data[i].end = at;
        tail.start = at;
        vec_insert(&m->regions, i + 1, tail);
        i++;
    }
    return i;
}

void lx_map_clear(struct lx_map *m, uint64_t start, uint64_t end)
{
    size_t first, last;

    if (start >= end)
        return;
    first = split_at(m, start);
    last = split_at(m, end);
    if (first < last)
        vec_remove(&m->regions, first, last - first);
}

void lx_map_set(struct lx_map *m, uint64_t start, uint64_t end, uint32_t prot, uint32_t flags)
{
    size_t i;

    if (start >= end)
        return;
    lx_map_clear(m, start, end);
    i = index_from(m, start);
    vec_insert(&m->regions, i, (struct lx_region){start, end, prot, flags});
    merge_at(m, i + 1);
    merge_at(m, i);
}

void lx_map_protect(struct lx_map *m, uint64_t start, uint64_t end, uint32_t prot)
{
    size_t first, last;

    if (start >= end)
        return;
    first = split_at(m, start);
    last = split_at(m, end);
    for (size_t i = first; i < last; i++)
        m->regions.data[i].prot = prot;
    for (size_t i = last + 1; i-- > first;)
        merge_at(m, i);
}

const struct lx_region *lx_map_from(const struct lx_map *m, uint64_t at)
{
    size_t i = index_from(m, at);

    return i < m->regions.len ? &m->regions.data[i] : NULL;
}

bool lx_map_covers(const struct lx_map *m, uint64_t start, uint64_t end)
{
    for (size_t i = index_from(m, start); start < end; i++) {
        if (i >= m->regions.len || m->regions.data[i].start > start)
            return false;
        start = m->regions.data[i].end;
    }
    return true;
}

bool lx_map_overlaps(const struct lx_map *m, uint64_t start, uint64_t end)
{
    const struct lx_region *r = lx_map_from(m, start);

    return r && start < end && r->start < end;
}

bool lx_map_any_exec(const struct lx_map *m, uint64_t start, uint64_t end)
{
    for (size_t i = index_from(m, start); i < m->regions.len && m->regions.data[i].start < end; i++)
        if (m->regions.data[i].prot & PROT_EXEC)
            return true;
    return false;
}

uint64_t lx_map_exec(const struct lx_map *m, uint64_t pc, uint64_t size)
{
    uint64_t end = pc;

    for (size_t i = index_from(m, pc); i < m->regions.len && end - pc < size; i++) {
        const struct lx_region *r = &m->regions.data[i];

        if (r->start > end || !(r->prot & PROT_EXEC))
            break;
        end = r->end;
    }
    return min_of(size, end - pc);
}

uint64_t lx_map_gap(const struct lx_map *m, uint64_t below, uint64_t size, uint64_t align)
{
    size_t i = index_from(m, below);

    if (i < m->regions.len && m->regions.data[i].start < below)
        below = m->regions.data[i].start;
    for (;;) {
        uint64_t low = i > 0 ? m->regions.data[i - 1].end : 0;

        if (low < LX_MMAP_LOW)
            low = LX_MMAP_LOW;
        if (below >= low && below - low >= size) {
            uint64_t at = (below - size) & ~(align - 1);

            if (at >= low)
                return at;
        }
        if (i == 0)
            return 0;
        below = m->regions.data[--i].start;
    }
}

int lx_map_find(struct lx_map *m, uint64_t at)
{
    const struct lx_region *r;
    int prot;

    pthread_mutex_lock(&m->lock);
    r = lx_map_from(m, at);
    prot = r && r->start <= at ? (int)r->prot : -1;
    pthread_mutex_unlock(&m->lock);
    return prot;
}

int lx_prot_host(uint32_t prot)
{
    return (int)(prot & (PROT_READ | PROT_WRITE)) | (prot & PROT_EXEC ? PROT_READ : 0);
}
