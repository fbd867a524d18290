/*
 * Bump allocation for work with one end, such as a translation.
 *
 * arena_alloc() is a pointer bump; arena_reset() forgets everything but keeps the memory, so after
 * warm-up a translation allocates nothing from the host. Chunks grow up to ARENA_CHUNK_MAX and
 * never move: pointers stay good until reset. Memory is not zeroed unless asked. One thread per
 * arena. A zeroed struct arena is a valid empty one; arena_free() returns everything to the host.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdint.h>
#include <string.h>

#include "base/attr.h"

enum { ARENA_CHUNK_MIN = 64 << 10, ARENA_CHUNK_MAX = 4 << 20, ARENA_ALIGN = 16 };

struct arena_chunk;

struct arena {
    uintptr_t next; /* first free byte of the current chunk */
    uintptr_t end;
    struct arena_chunk *current;
    struct arena_chunk *first;
};

/* A place to return to: what was allocated after it is forgotten. */
struct arena_mark {
    struct arena_chunk *chunk;
    uintptr_t next;
};

void *arena_grow(struct arena *a, size_t size); /* private: the slow path of arena_alloc() */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);

/* Bytes held from the host, for statistics. */
size_t arena_held(const struct arena *a);

/* Never NULL; aligned to ARENA_ALIGN. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
    uintptr_t at = a->next;

    size = (size + !size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1); /* at least one byte */
    if (unlikely(size > a->end - at))
        return arena_grow(a, size);
    a->next = at + size;
    return (void *)at;
}

static inline void *arena_zalloc(struct arena *a, size_t size)
{
    return memset(arena_alloc(a, size), 0, size);
}

#define arena_new(a, type)           ((type *)arena_zalloc((a), sizeof(type)))
#define arena_array(a, type, count)  ((type *)arena_alloc((a), sizeof(type) * (size_t)(count)))
#define arena_zarray(a, type, count) ((type *)arena_zalloc((a), sizeof(type) * (size_t)(count)))

#endif
