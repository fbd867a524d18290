/*
 * Owns the end of the program when the host's memory is gone. Must not know what is allocated.
 */
#include "base/mem.h"

#include <stdlib.h>

#include "base/log.h"

static no_return cold_path void out_of_memory(size_t size)
{
    log_error("out of memory (%zu bytes)", size);
    abort();
}

void *mem_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);

    if (unlikely(!p))
        out_of_memory(size);
    return p;
}

void *mem_zalloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (unlikely(!p))
        out_of_memory(size);
    return p;
}

void *mem_realloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);

    if (unlikely(!p))
        out_of_memory(size);
    return p;
}

char *mem_strdup(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(mem_alloc(size), text, size);
}
