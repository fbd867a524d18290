/*
 * Small allocations that cannot fail, and unaligned little- and big-endian access to bytes.
 *
 * mem_*() abort when the host has no memory left: they are for the program's own small structures.
 * Sizes that a guest chooses go through plain malloc() or os/map.h and may fail.
 * Release with free(). Any thread.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdint.h>
#include <string.h>

#include "base/attr.h"

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *old, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));

#define mem_new(type)          ((type *)mem_zalloc(sizeof(type)))
#define mem_array(type, count) ((type *)mem_zalloc(sizeof(type) * (size_t)(count)))

#define MEM_ACCESS(bits, swap)                                     \
    static inline uint##bits##_t mem_ld##bits##le(const void *p)   \
    {                                                              \
        uint##bits##_t v;                                          \
        memcpy(&v, p, sizeof(v));                                  \
        return v;                                                  \
    }                                                              \
    static inline void mem_st##bits##le(void *p, uint##bits##_t v) \
    {                                                              \
        memcpy(p, &v, sizeof(v));                                  \
    }                                                              \
    static inline uint##bits##_t mem_ld##bits##be(const void *p)   \
    {                                                              \
        return swap(mem_ld##bits##le(p));                          \
    }                                                              \
    static inline void mem_st##bits##be(void *p, uint##bits##_t v) \
    {                                                              \
        mem_st##bits##le(p, swap(v));                              \
    }

/* The host is little-endian; a big-endian one would swap the other pair. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian hosts only");
MEM_ACCESS(16, __builtin_bswap16)
MEM_ACCESS(32, __builtin_bswap32)
MEM_ACCESS(64, __builtin_bswap64)
#undef MEM_ACCESS

#endif
