/* A block device of the host, as devices and tools use it: a chain of drivers, format upon
 * protocol.
 *
 * Requests are asynchronous: they return at once and call done(arg, rc) on the blk's loop, never
 * from within the call that started them; rc is 0 or negative errno. Any number may be in flight;
 * overlapping ones have no order but through completion. Buffers belong to the caller until done.
 * Offsets and sizes are bytes; drivers split and bounce what their file needs aligned.
 * Threads: everything on the loop that blk_open() was given; its thread need not run it yet.
 * Without a loop (NULL: tools, tests) requests go on in blk_drain(), blk_pread() and blk_pwrite().
 * Durability: data is on stable storage after a flush that started when its write was done.
 */
#ifndef MYNA_BLK_BLK_H
#define MYNA_BLK_BLK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/err.h"

struct blk;
struct os_loop;
typedef void blk_done_fn(void *arg, int rc);

/* Opens what a configuration describes: {"driver":"qcow2","file":{"driver":"file","filename":"x"}}
 * in the usual names of -blockdev, nested or with dots ("cache.direct"). A child is an object; the
 * caller puts it in the place of a node's name. Without "driver", the format is guessed.
 * Synchronous; may block. */
int must_check blk_open(struct blk **out, struct os_loop *loop, const json_t *conf, struct err *e);
/* The same for a file name alone: format by content (raw only when nothing else fits), flags as
 * below. */
enum {
    BLK_RDONLY = 1,
    BLK_SNAPSHOT = 2,
    BLK_NO_BACKING = 4,
    BLK_NO_LOCK = 8,
    BLK_DIRECT = 16,
    BLK_WRITETHROUGH = 32,
    BLK_UNSAFE = 64
};
int must_check blk_open_file(struct blk **out, struct os_loop *loop, const char *path,
                             const char *format, unsigned flags, struct err *e);
void blk_close(struct blk *b); /* waits for requests in flight, flushes, closes cleanly */
void blk_drain(struct blk *b); /* runs the loop until none is in flight */

uint64_t blk_size(const struct blk *b);
bool blk_readonly(const struct blk *b);
const char *blk_name(const struct blk *b);        /* node name or id */
void blk_info(const struct blk *b, json_t *into); /* for query-block and `image info` */
uint32_t
blk_block_size(const struct blk *b); /* smallest request without read-modify-write: 512 or 4096 */
uint32_t blk_discard_unit(const struct blk *b); /* 0: no discard */

void blk_readv(struct blk *b, uint64_t at, const struct iovec *iov, int niov, blk_done_fn *done,
               void *arg);
enum { BLK_FUA = 1, BLK_MAY_UNMAP = 2, BLK_COMPRESS = 4 /* whole clusters, for tools */ };
void blk_writev(struct blk *b, uint64_t at, const struct iovec *iov, int niov, unsigned flags,
                blk_done_fn *done, void *arg);
void blk_flush(struct blk *b, blk_done_fn *done, void *arg);
void blk_discard(struct blk *b, uint64_t at, uint64_t size, blk_done_fn *done, void *arg);
void blk_write_zeroes(struct blk *b, uint64_t at, uint64_t size, unsigned flags, blk_done_fn *done,
                      void *arg);
/* Requests between plug and unplug go to the kernel in one call, at the last unplug. */
void blk_plug(struct blk *b);
void blk_unplug(struct blk *b);
/* Synchronous forms for tools and loaders: run the loop until done. */
int must_check blk_pread(struct blk *b, uint64_t at, void *to, size_t size);
int must_check blk_pwrite(struct blk *b, uint64_t at, const void *from, size_t size);

/* Counters since opening, for query-blockstats. */
struct blk_stats {
    uint64_t rd_ops, rd_bytes, wr_ops, wr_bytes, flush_ops, discard_ops, errors;
};
void blk_stats(const struct blk *b, struct blk_stats *s);
#endif
