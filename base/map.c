/*
 * Owns the table of struct map. Must not know what keys and values mean.
 */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The place of key, or the free place where it would go. Needs at least one free place. */
static struct map_entry *find(const struct map *m, uint64_t key)
{
    size_t mask = m->size - 1;
    size_t at = map_hash(key) & mask;

    while (m->entries[at].value && m->entries[at].key != key)
        at = (at + 1) & mask;
    return &m->entries[at];
}

static void grow(struct map *m)
{
    struct map old = *m;

    m->size = old.size ? old.size * 2 : 16;
    m->entries = mem_array(struct map_entry, m->size);
    map_for_each(entry, &old) * find(m, entry->key) = *entry;
    free(old.entries);
}

void *map_get(const struct map *m, uint64_t key)
{
    return m->size ? find(m, key)->value : NULL;
}

void *map_set(struct map *m, uint64_t key, void *value)
{
    struct map_entry *entry;
    void *old;

    assert(value);
    if (m->count * 4 >= m->size * 3)
        grow(m);
    entry = find(m, key);
    old = entry->value;
    m->count += !old;
    *entry = (struct map_entry){.key = key, .value = value};
    return old;
}

void *map_remove(struct map *m, uint64_t key)
{
    size_t mask = m->size - 1, hole, at;
    struct map_entry *entry;
    void *old;

    if (!m->size || !(entry = find(m, key))->value)
        return NULL;
    old = entry->value;
    m->count--;
    /* Close the hole: move back each follower whose home is at or before the hole. */
    hole = (size_t)(entry - m->entries);
    for (at = (hole + 1) & mask; m->entries[at].value; at = (at + 1) & mask) {
        size_t home = map_hash(m->entries[at].key) & mask;

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            m->entries[hole] = m->entries[at];
            hole = at;
        }
    }
    m->entries[hole].value = NULL;
    return old;
}

void map_clear(struct map *m)
{
    if (m->entries)
        memset(m->entries, 0, m->size * sizeof(*m->entries));
    m->count = 0;
}

void map_free(struct map *m)
{
    free(m->entries);
    *m = (struct map){0};
}
