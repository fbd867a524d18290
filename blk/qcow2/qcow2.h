/*
 * The inside of the format qcow2, versions 2 and 3 (QEMU's docs/interop/qcow2.txt; sections named
 * below are its). All on the loop's thread; what may wait runs in a fiber.
 *
 * What is in memory: header, L1 table and refcount table whole; slices of L2 tables and refcount
 * blocks in two caches, as on disk. Changes gather there until a commit writes them:
 *
 *   refcounts that grew -> L2 slices -> L1 entries -> only then are freed clusters counted down
 *
 * so that the file never refers to a cluster that it counts as free. In version 3 the dirty bit
 * stands in the header while any of this may be unfinished, and whoever opens the image next
 * recounts; the order then holds against a killed process without flushes in between. Version 2
 * flushes between the steps. An L2 entry changes in memory only after the data it points to is
 * written.
 */
#ifndef MYNA_BLK_QCOW2_QCOW2_H
#define MYNA_BLK_QCOW2_QCOW2_H

#include "base/bits.h"
#include "base/map.h"
#include "base/range.h"
#include "blk/driver.h"

#define QCOW2_MAGIC      0x514649fbu
#define QCOW2_L1_MAX     (32u << 20) /* bytes */
#define QCOW2_RT_MAX     (8u << 20)
#define QCOW2_COPIED     (UINT64_C(1) << 63)
#define QCOW2_COMPRESSED (UINT64_C(1) << 62)
#define QCOW2_ZERO       UINT64_C(1)
#define QCOW2_OFFSET     UINT64_C(0x00fffffffffffe00)

/* Incompatible features (section "Header"). */
enum {
    QCOW2_DIRTY = 1,
    QCOW2_CORRUPT = 2,
    QCOW2_DATA_FILE = 4,
    QCOW2_COMPRESSION = 8,
    QCOW2_EXTENDED = 16,
    QCOW2_KNOWN = 31,
};
enum { QCOW2_LAZY = 1 };                        /* compatible */
enum { QCOW2_BITMAPS = 1, QCOW2_RAW_DATA = 2 }; /* autoclear */

/* A slice of a table. Pinned while used across waits. */
struct qcow2_slice {
    uint64_t at; /* in the file */
    uint8_t *data;
    struct list lru;
    struct blk_waitq loaded;
    unsigned pins;
    int rc;
    bool loading, dirty;
};
struct qcow2_cache {
    struct map slices; /* by at / 512 */
    struct list lru;   /* the oldest first */
    unsigned count, max, dirty;
};

/* Clusters that a write is allocating: others wait. In guest clusters. */
struct qcow2_alloc {
    struct list link;
    uint64_t first, last;
    struct blk_waitq done;
};

struct qcow2_snapshot {
    uint64_t l1_offset, vm_size, disk_size, clock_ns, icount;
    uint32_t l1_size, sec, nsec;
    char *id, *name;
};

struct qcow2 {
    struct blk *b, *file, *data;
    uint32_t version, header_length;
    uint64_t incompatible, compatible, autoclear;
    unsigned cluster_bits,
        sub_bits; /* sub: of the unit that has a state; = cluster_bits without extended L2 */
    unsigned entry_size, l2_bits;    /* 8 or 16 bytes; log2 of entries a table */
    unsigned slice_bits, slice_size; /* log2 of entries a slice, bytes */
    unsigned ref_order;              /* log2 of the bits of a refcount */
    unsigned ref_bits;               /* log2 of refcounts a block */
    bool extended, zstd;
    uint64_t size;

    uint64_t *l1;
    uint32_t l1_size;
    uint64_t l1_at;
    uint32_t l1_dirty_from, l1_dirty_to; /* entries; from >= to: none */
    uint64_t *rt;
    uint32_t rt_size; /* entries */
    uint64_t rt_at;
    struct qcow2_snapshot *snapshots;
    uint32_t snapshot_count, snapshot_bytes;
    uint64_t snapshots_at;
    char *backing_name, *backing_format, *data_name;
    uint64_t bitmaps_at, bitmaps_size; /* the directory */
    uint32_t bitmap_count;

    struct qcow2_cache l2, refs;
    struct blk_mutex lock; /* of all that changes metadata */
    struct list allocs;
    vec_of(struct range) freed;  /* clusters, may repeat; counted down after the next commit */
    struct blk_count data_io[2]; /* data requests, by the epoch in which they found their place */
    unsigned epoch;
    uint64_t free_from; /* no free cluster is below; a cluster's number */
    uint64_t packed_at; /* where the next compressed cluster may go; 0: nowhere */
    bool marked;        /* the dirty bit is on disk */
    bool lazy, pass_discard;
    bool copied_data;      /* copy-on-write data is not yet flushed */
    bool tables_new;       /* tables were written that L1 will point to */
    bool writable, broken; /* broken: found corrupt */
    bool checking;         /* opened for check, which reports by itself */

    uint8_t *unpacked; /* the compressed cluster that was read last */
    uint64_t unpacked_entry;
};

static inline uint64_t qcow2_cluster_size(const struct qcow2 *q)
{
    return UINT64_C(1) << q->cluster_bits;
}

/* ---- header.c ---- */
int must_check qcow2_read_header(struct qcow2 *q, const struct blk_conf *c, struct err *e);
int must_check qcow2_read_tables(struct qcow2 *q, struct err *e);
int must_check qcow2_set_feature(struct qcow2 *q, uint64_t bit,
                                 bool on); /* incompatible; written, flushed */
/* Rewrites the first cluster: after a change of names, places or features. */
int must_check qcow2_write_header(struct qcow2 *q);
/* The image contradicts itself: says so, once, and refuses to write from now on. Returns -EIO. */
int qcow2_corrupt(struct qcow2 *q, const char *fmt, ...) printf_like(2, 3);
/* The table of l1_size entries at l1_at in host order; NULL when it cannot be. */
uint64_t *qcow2_read_table(struct qcow2 *q, uint64_t at, uint64_t entries, struct err *e);

/* ---- snapshot.c ---- */
int must_check qcow2_read_snapshots(struct qcow2 *q, uint32_t count, uint64_t at, struct err *e);
void qcow2_free_snapshots(struct qcow2 *q);
const struct qcow2_snapshot *qcow2_find_snapshot(const struct qcow2 *q, const char *id_or_name);
json_t *qcow2_snapshots_json(const struct qcow2 *q);

/* ---- cache.c ---- */
void qcow2_cache_init(struct qcow2_cache *c, unsigned max);
void qcow2_cache_free(struct qcow2_cache *c); /* drops what is dirty */
/* The slice that begins at `at`, pinned. load false: the caller fills all of it. */
int must_check qcow2_slice_get(struct qcow2 *q, struct qcow2_cache *c, uint64_t at,
                               struct qcow2_slice **out);
void qcow2_slice_put(struct qcow2_cache *c, struct qcow2_slice *s);
void qcow2_slice_dirty(struct qcow2_cache *c, struct qcow2_slice *s);
int must_check qcow2_cache_write(struct qcow2 *q, struct qcow2_cache *c);
/* Forgets slices of [at, at + size): nothing refers to them any more. */
void qcow2_cache_drop(struct qcow2 *q, struct qcow2_cache *c, uint64_t at, uint64_t size);

/* A slice that is in memory, or NULL. */
static inline struct qcow2_slice *qcow2_slice_peek(const struct qcow2_cache *c, uint64_t at)
{
    struct qcow2_slice *s = map_get(&c->slices, at >> 9);

    return s && !s->loading && !s->rc ? s : NULL;
}

/* ---- refcount.c: with the lock ---- */
int must_check qcow2_ref_get(struct qcow2 *q, uint64_t cluster, uint64_t *count);
int must_check qcow2_ref_add(struct qcow2 *q, uint64_t cluster, uint64_t count, int64_t add);
int must_check qcow2_ref_set(struct qcow2 *q, uint64_t cluster, uint64_t count);
/* `want` clusters in a row, or the first free ones: *got of them, 1..want. */
int must_check qcow2_alloc_clusters(struct qcow2 *q, uint64_t want, bool all, uint64_t *at,
                                    uint64_t *got);
/* Free after the next commit. */
void qcow2_free_clusters(struct qcow2 *q, uint64_t at, uint64_t count);
/* `size` bytes anywhere within clusters, for compressed data. */
int must_check qcow2_alloc_bytes(struct qcow2 *q, uint64_t size, uint64_t *at);
void qcow2_free_packed(struct qcow2 *q, uint64_t entry);
uint64_t qcow2_ref_max(const struct qcow2 *q);
uint64_t qcow2_ref_read(const uint8_t *block, uint64_t index, unsigned order);
void qcow2_ref_write(uint8_t *block, uint64_t index, unsigned order, uint64_t value);

/* ---- map.c ---- */
enum qcow2_type { QCOW2_UNALLOCATED, QCOW2_IS_ZERO, QCOW2_NORMAL, QCOW2_PACKED, QCOW2_BAD };
struct qcow2_extent {
    enum qcow2_type type;
    uint64_t size;  /* guest bytes from where was asked */
    uint64_t host;  /* of the first byte; with IS_ZERO: of a cluster that is kept for it, or 0 */
    uint64_t entry; /* the L2 entry of the first cluster */
    bool in_place;  /* refcount is one: may be written where it is */
};
/* What guest bytes [at, at + size) are; false: the L2 slice is not in memory. */
bool qcow2_map_cached(struct qcow2 *q, uint64_t at, uint64_t size, struct qcow2_extent *out);
int must_check qcow2_map(struct qcow2 *q, uint64_t at, uint64_t size, struct qcow2_extent *out);
/* A cluster of data begins within the file: one that lies behind its end was never written. */
static inline bool qcow2_inside(const struct qcow2 *q, const struct qcow2_extent *x)
{
    return bits_align_down(x->host, qcow2_cluster_size(q)) < q->file->size || q->data != q->file;
}
/* The slice of a guest address, with a table of its own for it (refcount one); pinned. With the
 * lock. */
int must_check qcow2_l2_for_write(struct qcow2 *q, uint64_t at, struct qcow2_slice **out);
static inline uint8_t *qcow2_entry(const struct qcow2 *q, struct qcow2_slice *s, uint64_t at)
{
    return s->data + (at >> q->cluster_bits & ((UINT64_C(1) << q->slice_bits) - 1)) * q->entry_size;
}
/* Host offset and size in the file of a compressed cluster. */
void qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *at, uint64_t *size);

/* ---- io.c, write.c, zero.c ---- */
bool qcow2_start(struct blk *b, struct blk_req *r);
int qcow2_serve(struct blk *b, struct blk_req *r);
int must_check qcow2_co_read(struct qcow2 *q, uint64_t at, uint64_t size, const struct iovec *iov,
                             int niov, uint64_t offset);
int must_check qcow2_co_write(struct qcow2 *q, uint64_t at, uint64_t size, const struct iovec *iov,
                              int niov);
int must_check qcow2_co_zero(struct qcow2 *q, uint64_t at, uint64_t size, bool unmap);
int must_check qcow2_co_discard(struct qcow2 *q, uint64_t at, uint64_t size);
/* Takes the lock when no write allocates in these guest clusters; none begins while it is held. */
void qcow2_lock_range(struct qcow2 *q, uint64_t first, uint64_t last);

/* ---- packed.c ---- */
int must_check qcow2_unpack(struct qcow2 *q, uint64_t entry, const uint8_t **cluster);
int must_check qcow2_co_write_packed(struct qcow2 *q, uint64_t at, uint64_t size,
                                     const struct iovec *iov, int niov);

/* ---- commit.c ---- */
int must_check qcow2_mark_dirty(struct qcow2 *q); /* before the first change; with the lock */
int must_check qcow2_commit(struct qcow2 *q);     /* with the lock */
int must_check
qcow2_commit_all(struct qcow2 *q); /* until nothing is left, with the lock; not flushed */
/* Makes room when much is dirty. With the lock. */
int must_check qcow2_relieve(struct qcow2 *q);
int must_check qcow2_co_flush(struct qcow2 *q);

/* ---- resize.c, check.c ---- */
int qcow2_resize(struct blk *b, uint64_t size, bool shrink, unsigned how, struct err *e);
int qcow2_check(struct blk *b, unsigned fix, struct blk_check *result, struct err *e);

#endif
