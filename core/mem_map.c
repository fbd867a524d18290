/* The flat map of a space: made from the tree, searched without a lock.
 *
 * Readers. The present map is maps[published & 1]. A change fills the other one and then counts
 * `published` up. A reader searches, then looks whether `published` is still what it was; if not,
 * its map may have been overwritten meanwhile and it searches again. Every field is stored with
 * release and loaded with acquire order, so a reader that saw a new field also sees the new count.
 * The arrays are never freed while the space lives; a bigger one replaces one that is too small, so
 * memory stays bounded however often a guest moves a bar.
 *
 * Knows nothing of accesses.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/str.h"
#include "core/mem.h"
#include "core/mem_int.h"

enum { TREE_DEPTH = 32 };

typedef __int128 wide; /* an address, with room for sums and for below zero */
struct range_list {
    struct mem_range *data;
    size_t len, cap;
};

#define GET(field)        __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define PUT(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELEASE)

static uint64_t range_flags(const struct mem_region *r)
{
    switch (r->kind) {
    case MEM_RAM:
        return MEM_RANGE_HOST | (r->readonly ? 0 : MEM_RANGE_WRITABLE);
    case MEM_ROMD:
        return r->direct ? MEM_RANGE_HOST : 0;
    default:
        return 0;
    }
}

/* Fills what is still free of [start, last]. `base`: address of the region's offset 0. */
static void fill_gaps(struct range_list *list, struct mem_region *r, wide base, uint64_t start,
                      uint64_t last)
{
    size_t at = 0;
    uint64_t flags = range_flags(r);

    while (at < list->len && list->data[at].last < start)
        at++;
    for (;;) {
        uint64_t end = last;
        bool taken = at < list->len && list->data[at].start <= last;

        if (taken && list->data[at].start <= start) {
            if (list->data[at].last >= last)
                return;
            start = list->data[at++].last + 1;
            continue;
        }
        if (taken)
            end = list->data[at].start - 1;
        vec_insert(list, at,
                   (struct mem_range){start, end, r, (uint64_t)((wide)start - base), flags});
        at++;
        if (!taken)
            return;
        start = end + 1;
    }
}

static void render(struct range_list *list, struct mem_region *r, wide base, wide low, wide high,
                   unsigned depth)
{
    assert(depth < TREE_DEPTH);
    if (!r || !r->enabled)
        return;
    low = max_of(low, base);
    high = min_of(high, base + (wide)r->size);
    if (low >= high)
        return;
    switch (r->kind) {
    case MEM_CONTAINER:
        list_for_each (struct mem_region, child, sibling, &r->children)
            render(list, child, base + child->offset, low, high, depth + 1);
        break;
    case MEM_ALIAS:
        render(list, r->of, base - r->of_offset, low, high, depth + 1);
        break;
    default:
        fill_gaps(list, r, base, (uint64_t)low, (uint64_t)(high - 1));
    }
}

/* Neighbours that continue each other become one. */
static void merge(struct range_list *list)
{
    size_t to = 0;

    for (size_t i = 1; i < list->len; i++) {
        struct mem_range *a = &list->data[to], *b = &list->data[i];

        if (a->region == b->region && a->last + 1 == b->start &&
            a->offset + (b->start - a->start) == b->offset)
            a->last = b->last;
        else
            list->data[++to] = *b;
    }
    if (list->len)
        list->len = to + 1;
}

static bool same(const struct mem_map *m, const struct range_list *list)
{
    if (!m || m->count != list->len)
        return false;
    for (size_t i = 0; i < list->len; i++) {
        const struct mem_range *a = &m->ranges[i], *b = &list->data[i];

        if (a->start != b->start || a->last != b->last || a->region != b->region ||
            a->offset != b->offset || a->flags != b->flags)
            return false;
    }
    return true;
}

static void publish(struct mem_space *s, const struct range_list *list)
{
    uint64_t next = s->published + 1;
    struct mem_map *m = s->maps[next & 1];

    if (!m || m->capacity < list->len) {
        size_t capacity = max_of(list->len, m ? m->capacity * 2 : 32);

        if (m)
            vec_push(&s->outgrown, m);
        m = mem_zalloc(sizeof(*m) + capacity * sizeof(m->ranges[0]));
        m->capacity = capacity;
        atomic_store_explicit(&s->maps[next & 1], m, memory_order_release);
    }
    for (size_t i = 0; i < list->len; i++) {
        PUT(m->ranges[i].start, list->data[i].start);
        PUT(m->ranges[i].last, list->data[i].last);
        PUT(m->ranges[i].region, list->data[i].region);
        PUT(m->ranges[i].offset, list->data[i].offset);
        PUT(m->ranges[i].flags, list->data[i].flags);
    }
    PUT(m->count, list->len);
    atomic_store_explicit(&s->published, next, memory_order_release);
}

bool mem_map_update(struct mem_space *s)
{
    struct range_list list = {0};
    bool differs;

    render(&list, s->root, 0, 0, (wide)1 << 64, 0);
    merge(&list);
    differs = !same(s->maps[s->published & 1], &list);
    if (differs)
        publish(s, &list);
    vec_free(&list);
    return differs;
}

void mem_map_free(struct mem_space *s)
{
    for (size_t i = 0; i < s->outgrown.len; i++)
        free(s->outgrown.data[i]);
    vec_free(&s->outgrown);
    free(s->maps[0]);
    free(s->maps[1]);
}

/* Index of the first range that ends at or after `at`; count: none. */
static size_t search(const struct mem_map *m, size_t count, uint64_t at)
{
    size_t low = 0;

    while (count) {
        size_t half = count / 2;
        bool beyond = GET(m->ranges[low + half].last) < at;

        low = beyond ? low + half + 1 : low;
        count = beyond ? count - half - 1 : half;
    }
    return low;
}

static void describe(const struct mem_map *m, uint64_t at, struct mem_hit *hit)
{
    size_t count = GET(m->count), i = search(m, count, at);
    uint64_t start = i < count ? GET(m->ranges[i].start) : 0, flags, last;

    if (i == count || start > at) {
        last = i == count ? UINT64_MAX : start - 1;
        *hit = (struct mem_hit){.span = last - at + (last - at != UINT64_MAX)};
        return;
    }
    last = GET(m->ranges[i].last);
    flags = GET(m->ranges[i].flags);
    hit->region = GET(m->ranges[i].region);
    hit->offset = GET(m->ranges[i].offset) + (at - start);
    hit->span = last - at + (last - at != UINT64_MAX);
    hit->host = NULL;
    hit->writable = flags & MEM_RANGE_WRITABLE;
    /* Only a marker: the region may be of an old map and gone. See mem_lookup(). */
    if (flags & MEM_RANGE_HOST)
        hit->host = (uint8_t *)1;
}

void mem_lookup(struct mem_space *s, mem_pa at, struct mem_hit *hit)
{
    uint64_t round;

    do {
        round = atomic_load_explicit(&s->published, memory_order_acquire);
        describe(atomic_load_explicit(&s->maps[round & 1], memory_order_acquire), at, hit);
    } while (unlikely(atomic_load_explicit(&s->published, memory_order_acquire) != round));
    if (hit->host)
        hit->host = (uint8_t *)hit->region->ram.data + hit->offset;
}

struct mem_region *mem_map_ram(struct mem_space *s, const void *host)
{
    struct mem_region *found;
    uint64_t round;

    do {
        const struct mem_map *m;
        size_t count;

        found = NULL;
        round = atomic_load_explicit(&s->published, memory_order_acquire);
        m = atomic_load_explicit(&s->maps[round & 1], memory_order_acquire);
        count = GET(m->count);
        for (size_t i = 0; i < count && !found; i++) {
            struct mem_region *r = GET(m->ranges[i].region);

            if (atomic_load_explicit(&s->published, memory_order_acquire) != round)
                break;
            if ((uintptr_t)host - (uintptr_t)r->ram.data < r->ram.size)
                found = r;
        }
    } while (unlikely(atomic_load_explicit(&s->published, memory_order_acquire) != round));
    return found;
}

void mem_each_ram(struct mem_space *s, bool (*fn)(void *arg, struct mem_region *r, mem_pa at),
                  void *arg)
{
    struct range_list list = {0};
    struct mem_map *m;

    os_mutex_lock(&mem_tree_lock);
    m = s->maps[s->published & 1];
    for (size_t i = 0; i < m->count; i++) {
        size_t before = 0;

        if (!m->ranges[i].region->ram.size)
            continue;
        while (before < list.len && list.data[before].region != m->ranges[i].region)
            before++;
        if (before == list.len)
            vec_push(&list, m->ranges[i]);
    }
    os_mutex_unlock(&mem_tree_lock);
    vec_for_each (struct mem_range, range, &list) {
        if (!fn(arg, range->region, range->start - range->offset))
            break;
    }
    vec_free(&list);
}

static const char *kind_name(const struct mem_region *r)
{
    switch (r->kind) {
    case MEM_RAM:
        return r->readonly ? "rom" : "ram";
    case MEM_ROMD:
        return r->direct ? "romd" : "flash";
    default:
        return "io";
    }
}

void mem_dump(struct mem_space *s, struct str *out)
{
    struct mem_map *m;

    os_mutex_lock(&mem_tree_lock);
    m = s->maps[s->published & 1];
    str_printf(out, "%s\n", s->name);
    for (size_t i = 0; i < m->count; i++) {
        const struct mem_range *r = &m->ranges[i];

        str_printf(out, "  %016llx-%016llx %-5s %s", (unsigned long long)r->start,
                   (unsigned long long)r->last, kind_name(r->region), r->region->name);
        if (r->offset)
            str_printf(out, " +%#llx", (unsigned long long)r->offset);
        str_printf(out, "\n");
    }
    os_mutex_unlock(&mem_tree_lock);
}
