/*
 * Memory of the host: map, reserve, protect, release. Thin over mmap(2).
 *
 * Sizes and addresses are multiples of os_page_size() unless stated. Failures give a negative errno
 * and an error text. Any thread. Who maps, unmaps. Not for guest mappings in user mode, whose
 * placement and flags are the guest's business (linux/).
 */
#ifndef OS_MAP_H
#define OS_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum os_prot { OS_NONE = 0, OS_READ = 1, OS_WRITE = 2, OS_EXEC = 4 };

/* Room for mappings at addresses that a program chooses itself, far from those that the host
 * chooses: from the top down, and from the middle up. The thread sanitizer leaves less of it. */
#ifdef __SANITIZE_THREAD__
#define OS_ROOM_TOP    UINT64_C(0x7000000000)
#define OS_ROOM_MIDDLE UINT64_C(0x2000000000)
#else
#define OS_ROOM_TOP    UINT64_C(0x700000000000)
#define OS_ROOM_MIDDLE UINT64_C(0x2aaaaaa00000)
#endif

struct os_map {
    void *data;
    size_t size;
};

size_t os_page_size(void);

/* Zeroed private memory; untouched pages cost nothing. */
int must_check os_map_anon(struct os_map *map, size_t size, struct err *e);

/* Address space without memory (no access); make parts usable with os_map_protect(). */
int must_check os_map_reserve(struct os_map *map, size_t size, struct err *e);

/* A whole file, read-only, private. An empty file gives size 0 and data NULL. */
int must_check os_map_file(struct os_map *map, const char *path, struct err *e);

/* prot: enum os_prot, or-ed. The range may be any part of a mapping. */
int must_check os_map_protect(void *at, size_t size, unsigned prot, struct err *e);

/* Gives the memory behind a range back; it reads as zero afterwards. */
void os_map_discard(void *at, size_t size);

/* Does nothing for a zeroed struct. */
void os_map_free(struct os_map *map);

#endif
