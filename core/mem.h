/* Guest physical memory: an address space is a tree of regions, flattened into a sorted map.
 *
 * A region is RAM (host memory), a device's registers, an alias of part of another region, or a
 * container of placed regions; where regions overlap, the higher priority wins, then the later
 * placed. The map that vCPUs, devices and loaders look into is rebuilt when the tree changes and
 * published atomically; listeners (translators, which hold host addresses of RAM) hear of it.
 *
 * Threads: the tree is changed by the machine's main thread, or by a device (a PCI bar that moves)
 * in whatever thread it runs; mem_space serialises changes. Look-up, access and DMA: any thread.
 * Devices' registers are called with the region's lock held (mem_region_set_lock), so a device sees
 * one access at a time. Locks nest downwards only: bus, device, interrupt controller, cpu.
 * mem_read(), mem_write() and DMA never wait long for a device's lock, for the caller may be a
 * device, and the guest may have told it to use its own registers: then nothing is there.
 * mem_io_read() and mem_io_write() are for processors and wait. Regions are freed while nobody can
 * be using them. Errors: an access that hits nothing reads as zero and writes nothing, and says so
 * to its caller.
 */
#ifndef MYNA_CORE_MEM_H
#define MYNA_CORE_MEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "os/thread.h"

typedef uint64_t mem_pa; /* guest physical address */

enum { MEM_PAGE_BITS = 12, MEM_PAGE = 1 << MEM_PAGE_BITS };

struct trace_point;

/* Registers of a device. `size` is 1, 2, 4 or 8 and lies within min_size..max_size, `offset` is
 * aligned to it: other accesses are split, or widened (reads) or refused (writes narrower than
 * min_size are dropped, logged as `unassigned`). Values are in host order of an access in the
 * region's own endianness. */
struct mem_ops {
    uint64_t (*read)(void *dev, uint64_t offset, unsigned size);
    void (*write)(void *dev, uint64_t offset, uint64_t value, unsigned size);
    uint8_t min_size, max_size; /* 0: 1 and 8 */
    bool big_endian;
    struct trace_point *on_read, *on_write; /* told of every access: base/trace.h; may be NULL */
};

struct mem_region;

struct mem_ram_opts {
    const char *file; /* NULL: anonymous */
    bool shared;   /* writes reach the file; memfd when there is no file (other processes map it) */
    bool readonly; /* ROM: guest writes are ignored, the loader's are not */
    bool prealloc;
};

/* All names are borrowed for ever (literals) or copied: they are copied. */
struct mem_region *mem_region_container(const char *name, uint64_t size);
struct mem_region *mem_region_io(const char *name, uint64_t size, const struct mem_ops *ops,
                                 void *dev);
struct mem_region *mem_region_alias(const char *name, struct mem_region *of, uint64_t offset,
                                    uint64_t size);
int must_check mem_region_ram(struct mem_region **out, const char *name, uint64_t size,
                              const struct mem_ram_opts *opts, struct err *e);
/* RAM to read, a device to write; mem_region_set_direct(r, false) makes reads go to the device too
 * (flash). */
int must_check mem_region_romd(struct mem_region **out, const char *name, uint64_t size,
                               const struct mem_ops *ops, void *dev, struct err *e);
void mem_region_free(
    struct mem_region *r); /* takes it out of its container first; not its children */

void mem_region_set_lock(struct mem_region *r, struct os_mutex *lock); /* before it is placed */
void mem_region_set_owner(struct mem_region *r,
                          const char *owner); /* whose it is, for traces: a device's path */
void mem_region_add(struct mem_region *container, uint64_t offset, struct mem_region *r,
                    int priority);
void mem_region_remove(struct mem_region *r);
void mem_region_move(struct mem_region *r, uint64_t offset);
void mem_region_set_enabled(struct mem_region *r, bool enabled);
void mem_region_set_direct(struct mem_region *r, bool direct);
uint64_t mem_region_size(const struct mem_region *r);
const char *mem_region_name(const struct mem_region *r);
uint8_t *mem_region_host(const struct mem_region *r); /* RAM's bytes; NULL: none */

struct mem_space;
struct mem_space *mem_space_new(const char *name, struct mem_region *root);
void mem_space_free(struct mem_space *s);
/* Several changes of the tree as one: listeners hear once, at the end. May nest. */
void mem_space_begin(struct mem_space *s);
void mem_space_end(struct mem_space *s);

/* What is at an address. `span`: bytes from there that are the same kind of thing, contiguous. */
struct mem_hit {
    struct mem_region *region; /* NULL: nothing */
    uint64_t offset;           /* in the region */
    uint64_t span;             /* also when nothing is there */
    uint8_t *host;             /* RAM and ROM: its bytes; NULL: call the device */
    bool writable;             /* a guest's write goes straight to host */
};
void mem_lookup(struct mem_space *s, mem_pa at, struct mem_hit *hit);

/* One access of 1, 2, 4 or 8 bytes, at any alignment, to RAM or device. False: nothing there (some
 * of it). */
bool mem_read(struct mem_space *s, mem_pa at, unsigned size, uint64_t *value);
bool mem_write(struct mem_space *s, mem_pa at, unsigned size, uint64_t value);
/* The same for a device already looked up (hit->host == NULL or a write to ROM). */
uint64_t mem_io_read(const struct mem_hit *hit, unsigned size);
void mem_io_write(const struct mem_hit *hit, uint64_t value, unsigned size);

/* DMA: bytes, in any number of regions. 0, or -EFAULT when some of it is not there (the rest is
 * done). mem_load() writes ROM as well: for loaders. */
int mem_dma_read(struct mem_space *s, mem_pa at, void *to, size_t size);
int mem_dma_write(struct mem_space *s, mem_pa at, const void *from, size_t size);
int must_check mem_load(struct mem_space *s, mem_pa at, const void *from, size_t size,
                        struct err *e);
/* Direct use of RAM: a pointer good for *size bytes (shortened to what is contiguous) or NULL. The
 * RAM stays mapped while the space lives. A user that wrote tells mem_dma_done() afterwards, before
 * the guest can know. */
void *mem_dma_map(struct mem_space *s, mem_pa at, size_t *size, bool write);
void mem_dma_done(struct mem_space *s, const void *host, size_t written);

/* ---- marks of RAM pages: one byte a page ---- */
enum {
    MEM_MARK_CODE =
        1, /* translated code was made from it: writes must be told to the code's owner */
    MEM_MARK_DISPLAY = 2, /* written since the display last looked */
    MEM_MARK_MIGRATE = 4, /* written since migration last sent it */
};
/* Marks of the RAM page that holds host byte `host`; NULL if it is no RAM of this space. The caller
 * sets and clears bits atomically. */
_Atomic uint8_t *mem_marks(struct mem_space *s, const void *host);
/* Starts logging writes for these clients in all RAM (their marks are set by writes from now on).
 */
void mem_log(struct mem_space *s, unsigned marks, bool on);
unsigned mem_logging(const struct mem_space *s);

/* ---- listeners ----
 * Called in the thread that changed the tree or wrote, after the change can be seen, with no lock
 * of mem's, but perhaps with a device's: they must not wait for processors. mem_unlisten() only
 * while nobody else uses the space. */
struct mem_listener {
    struct mem_listener *next;
    void *opaque;
    void (*changed)(void *opaque); /* the map: drop all host addresses */
    void (*code_written)(void *opaque, const void *host,
                         size_t size); /* DMA into pages with MEM_MARK_CODE */
};
void mem_listen(struct mem_space *s, struct mem_listener *l);
void mem_unlisten(struct mem_space *s, struct mem_listener *l);

/* RAM regions that can be seen (ROM and flash too), in ascending guest address, each once: for
 * savers. Return false from fn to stop. `at` is where offset 0 of the region is or would be. */
void mem_each_ram(struct mem_space *s, bool (*fn)(void *arg, struct mem_region *r, mem_pa at),
                  void *arg);
/* The flat map as text, for logs and the monitor ("info mtree"). */
struct str;
void mem_dump(struct mem_space *s, struct str *out);
#endif
