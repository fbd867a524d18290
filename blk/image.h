/*
 * Images as tools see them: making, checking, resizing, looking where data is. All calls are
 * synchronous, for the thread of the node's loop; they run it until done.
 */
#ifndef MYNA_BLK_IMAGE_H
#define MYNA_BLK_IMAGE_H

#include "blk/blk.h"

enum blk_prealloc {
    BLK_PREALLOC_OFF,
    BLK_PREALLOC_METADATA,
    BLK_PREALLOC_FALLOC,
    BLK_PREALLOC_FULL
};

/* A new image; zeros mean the format's defaults. */
struct blk_create {
    const char *format; /* "raw", "qcow2" */
    uint64_t size;
    const char *backing, *backing_format; /* stored as they are; NULL: none */
    enum blk_prealloc preallocation;
    uint64_t cluster_size;
    unsigned version;       /* of qcow2: 2 or 3 */
    unsigned refcount_bits; /* 1..64 */
    bool lazy_refcounts, extended_l2, zstd;
    const char *data_file;
    bool data_file_raw;
};
int must_check blk_create(const char *path, const struct blk_create *o, struct err *e);

/* Consistency. Counts are of clusters. */
enum { BLK_FIX_LEAKS = 1, BLK_FIX_ERRORS = 2 };
struct blk_check {
    uint64_t errors, leaks, failures; /* failures: what could not be looked at */
    uint64_t errors_fixed, leaks_fixed;
    uint64_t total, allocated, fragmented, compressed;
    uint64_t image_end;
    void (*report)(void *arg, const char *text); /* a line for each finding; may be NULL */
    void *arg;
};
/* -ENOTSUP: the format has nothing to check. */
int must_check blk_check(struct blk *b, unsigned fix, struct blk_check *result, struct err *e);

/* Opening with all that tools want; zeros mean blk_open_file()'s. */
struct blk_open {
    const json_t *conf; /* or */
    const char *path, *format;
    unsigned flags;
    const char *snapshot; /* id or name of an internal one; needs BLK_RDONLY */
    bool check;           /* what check is to find does not keep it from opening; no backing file */
    const struct blk *beside; /* moves on in the same blk_wait() as this one */
    struct os_loop *loop;
};
int must_check blk_open_as(struct blk **out, const struct blk_open *o, struct err *e);
void blk_wait_round(struct blk *b); /* until something happens to it or to those beside */

int must_check blk_truncate(struct blk *b, uint64_t size, bool shrink, enum blk_prealloc how,
                            struct err *e);

/* What a part of a node holds; ORed. */
enum {
    BLK_DATA = 1,      /* holds data */
    BLK_ZERO = 2,      /* reads as zeros */
    BLK_ALLOCATED = 4, /* this layer answers, not its backing */
    BLK_MAPPED = 8,    /* map says where in the file below */
    BLK_PACKED = 16,   /* compressed */
};
struct blk_extent {
    uint64_t size; /* from where was asked; at least 1 */
    unsigned flags;
    uint64_t map;
    unsigned depth;   /* of the layer that answers */
    const char *path; /* of the file that holds the data; NULL: unmapped */
    bool present;     /* some layer answers */
};
/* Of one layer, or of the chain down to `layers` (0: all). */
int must_check blk_status(struct blk *b, uint64_t at, uint64_t size, unsigned layers,
                          struct blk_extent *out);

struct blk *blk_backing(const struct blk *b); /* NULL: none */
const char *blk_format(const struct blk *b);
const char *blk_path(const struct blk *b);
uint64_t blk_cluster_size(const struct blk *b); /* 0: the format has none */

#endif
