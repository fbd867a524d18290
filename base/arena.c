/*
 * Owns the chunks of an arena. Must not know what is put into them.
 */
#include "base/arena.h"

#include <stdlib.h>

#include "base/mem.h"

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of the memory behind the header */
    _Alignas(ARENA_ALIGN) char memory[];
};

static void enter(struct arena *a, struct arena_chunk *chunk)
{
    a->current = chunk;
    a->next = (uintptr_t)chunk->memory;
    a->end = a->next + chunk->size;
}

static struct arena_chunk *chunk_new(const struct arena *a, size_t size)
{
    size_t want = a->current ? a->current->size * 2 : ARENA_CHUNK_MIN;
    struct arena_chunk *chunk;

    want = min_of(want, (size_t)ARENA_CHUNK_MAX);
    want = max_of(want, size);
    chunk = mem_alloc(sizeof(*chunk) + want);
    chunk->next = NULL;
    chunk->size = want;
    return chunk;
}

void *arena_grow(struct arena *a, size_t size)
{
    struct arena_chunk *chunk = a->current ? a->current->next : a->first;

    if (!chunk || chunk->size < size) {
        struct arena_chunk *rest = chunk;

        chunk = chunk_new(a, size);
        chunk->next = rest;
        if (a->current)
            a->current->next = chunk;
        else
            a->first = chunk;
    }
    enter(a, chunk);
    a->next += size;
    return chunk->memory;
}

void arena_reset(struct arena *a)
{
    if (a->first)
        enter(a, a->first);
}

void arena_free(struct arena *a)
{
    struct arena_chunk *chunk = a->first;

    while (chunk) {
        struct arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    *a = (struct arena){0};
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){.chunk = a->current, .next = a->next};
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
    if (!mark.chunk) {
        arena_reset(a);
        return;
    }
    enter(a, mark.chunk);
    a->next = mark.next;
}

size_t arena_held(const struct arena *a)
{
    size_t total = 0;

    for (const struct arena_chunk *chunk = a->first; chunk; chunk = chunk->next)
        total += sizeof(*chunk) + chunk->size;
    return total;
}
