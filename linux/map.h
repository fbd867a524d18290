/*
 * What the guest has mapped, with the protection the guest sees, and where it may map more.
 *
 * The host's kernel does the mapping; this is the record that tells guest mappings from the
 * program's own, and keeps PROT_EXEC, which host mappings of the guest never have. A change of the
 * host's mappings and of the record is one step under the lock (memory.c). lx_map_find() locks
 * by itself; all others want it held. Any thread.
 */
#ifndef MYNA_LINUX_MAP_H
#define MYNA_LINUX_MAP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "os/map.h"

#define LX_PAGE_SIZE UINT64_C(4096) /* of the guest, and of the host */
#define LX_PAGE_MASK (LX_PAGE_SIZE - 1)
#define LX_ADDR_TOP  UINT64_C(0x7ffffffff000) /* guest addresses are below */
#define LX_MMAP_TOP  OS_ROOM_TOP              /* new mappings go below */
#define LX_MMAP_LOW  UINT64_C(0x10000)
#define LX_PIE_BASE  OS_ROOM_MIDDLE

struct lx_region {
    uint64_t start, end;
    uint32_t prot;  /* PROT_* as the guest asked */
    uint32_t flags; /* LX_R_* */
};
enum { LX_R_SHARED = 1, LX_R_STACK = 2, LX_R_HEAP = 4, LX_R_VDSO = 8 };

struct lx_shm {
    uint64_t start, size;
};

struct lx_map {
    pthread_mutex_t lock;
    vec_of(struct lx_region) regions; /* sorted, disjoint, neighbours that agree are one */
    uint64_t top;                     /* new mappings go below */
    uint64_t stale_start, stale_end;  /* code that changed since the lock was taken */
    vec_of(struct lx_shm) shm;        /* attached System V segments */
};

void lx_map_init(struct lx_map *m);
void lx_map_free(struct lx_map *m);

void lx_map_set(struct lx_map *m, uint64_t start, uint64_t end, uint32_t prot, uint32_t flags);
void lx_map_clear(struct lx_map *m, uint64_t start, uint64_t end);
/* Changes the protection where something is mapped. */
void lx_map_protect(struct lx_map *m, uint64_t start, uint64_t end, uint32_t prot);

/* The first region that ends after `at`, or NULL; good while the lock is held. */
const struct lx_region *lx_map_from(const struct lx_map *m, uint64_t at);
bool lx_map_covers(const struct lx_map *m, uint64_t start, uint64_t end);
bool lx_map_overlaps(const struct lx_map *m, uint64_t start, uint64_t end);
/* How many of `size` bytes from pc on may be executed. */
uint64_t lx_map_exec(const struct lx_map *m, uint64_t pc, uint64_t size);
/* Some of it may be executed. */
bool lx_map_any_exec(const struct lx_map *m, uint64_t start, uint64_t end);

/* The highest gap of `size` bytes that ends at or below `below`; 0: none. */
uint64_t lx_map_gap(const struct lx_map *m, uint64_t below, uint64_t size, uint64_t align);

/* Protection at an address, -1: nothing is mapped there. Locks. */
int lx_map_find(struct lx_map *m, uint64_t at);

/* What a host mapping gets for a guest's protection: execution is reading. */
int lx_prot_host(uint32_t prot);

#endif
