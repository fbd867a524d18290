/* Private to core/mem*.c: how regions and spaces are kept.
 *
 * One lock (mem_tree_lock) covers the trees of all spaces: a region may be seen by several through
 * aliases, and changes are rare. It is never held while a device or a listener is called. The flat
 * map of a space is read without a lock, see mem_map.c.
 */
#ifndef MYNA_CORE_MEM_INT_H
#define MYNA_CORE_MEM_INT_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/vec.h"
#include "core/mem.h"
#include "os/map.h"

enum mem_kind { MEM_CONTAINER, MEM_IO, MEM_ALIAS, MEM_RAM, MEM_ROMD };

struct mem_region {
    char *name;
    enum mem_kind kind;
    uint64_t size;
    /* its place */
    struct mem_region *parent;
    struct list sibling, children; /* children: the one that wins comes first */
    uint64_t offset;
    int priority;
    bool enabled;
    struct list spaces; /* those whose root it is */
    /* MEM_ALIAS */
    struct mem_region *of;
    uint64_t of_offset;
    struct list alias_link, aliases;
    /* MEM_IO and MEM_ROMD */
    const struct mem_ops *ops;
    void *dev;
    struct os_mutex *lock;
    char *owner; /* or NULL */
    uint8_t min_size, max_size;
    /* MEM_RAM and MEM_ROMD */
    struct os_map ram, marks_map;
    _Atomic uint8_t *marks; /* one a page */
    bool readonly;
    bool direct; /* reads need no device */
};

/* A piece of the flat map. Read by others while it is overwritten: atomically, see mem_map.c. */
struct mem_range {
    uint64_t start, last;
    struct mem_region *region;
    uint64_t offset; /* in the region, of start */
    uint64_t flags;  /* MEM_RANGE_* */
};
enum { MEM_RANGE_HOST = 1, MEM_RANGE_WRITABLE = 2 };

struct mem_map {
    size_t count, capacity;
    struct mem_range ranges[];
};

struct mem_space {
    char *name;
    struct mem_region *root;
    struct list root_link;
    unsigned depth; /* of mem_space_begin() */
    bool dirty;
    _Atomic uint64_t
        published; /* count of maps made; its lowest bit tells which of maps[] is the present one */
    struct mem_map *_Atomic maps[2];
    vec_of(struct mem_map *)
        outgrown; /* a reader may be in one still: kept; each at least twice the one before */
    _Atomic unsigned logging;
    struct mem_listener *listeners;
};

extern struct os_mutex mem_tree_lock;

struct mem_region *mem_region_make(enum mem_kind kind, const char *name, uint64_t size);
/* Under the lock: makes the flat map again; true: it differs from the one before. */
bool mem_map_update(struct mem_space *s);
void mem_map_free(struct mem_space *s);
void mem_tell_changed(struct mem_space *s);
/* The RAM region of the space that holds this byte of the host; NULL. */
struct mem_region *mem_map_ram(struct mem_space *s, const void *host);
/* Bytes of RAM were written by something that is not translated code: marks and listeners. */
void mem_ram_written(struct mem_space *s, struct mem_region *r, uint64_t offset, size_t size);
void mem_ram_release(struct mem_region *r);
#endif
