/*
 * A hash map from 64-bit keys to pointers: open addressing, linear probing, no tombstones.
 *
 * Any key; values are never NULL (NULL means absent). A zeroed struct map is an empty one. The map
 * does not own what the values point to. One thread at a time; a reader beside a writer needs a
 * lock.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdint.h>

#include "base/attr.h"

struct map_entry {
    uint64_t key;
    void *value; /* NULL: free place */
};

struct map {
    struct map_entry *entries;
    size_t count;
    size_t size; /* 0 or a power of two */
};

/* A good mix of all bits of a key, for tables of any kind. */
static inline uint64_t map_hash(uint64_t key)
{
    key ^= key >> 32;
    key *= UINT64_C(0x9e3779b97f4a7c15);
    return key ^ key >> 29;
}

void *map_get(const struct map *m, uint64_t key);

/* Sets the value (not NULL) and returns the old one or NULL. */
void *map_set(struct map *m, uint64_t key, void *value);

/* Removes the key and returns its value or NULL. */
void *map_remove(struct map *m, uint64_t key);

void map_clear(struct map *m);
void map_free(struct map *m);

/* `entry` is each used entry, in no order; the loop may not change the map. */
#define map_for_each(entry, m)                                                  \
    for (struct map_entry *entry = (m)->entries,                                \
                          *entry##_end = (m)->size ? entry + (m)->size : entry; \
         entry != entry##_end; entry++)                                         \
        if (entry->value)

#endif
