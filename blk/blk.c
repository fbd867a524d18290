/*
 * The front of blk/: checks and counts what devices and tools ask for, then hands it to the node's
 * driver. Knows no driver by name.
 */
#include "blk/blk.h"

#include <errno.h>

#include "base/trace_define.h"
#include "blk/driver.h"
#include "blk/trace.def"

uint64_t blk_size(const struct blk *b)
{
    return b->size;
}

bool blk_readonly(const struct blk *b)
{
    return b->readonly;
}

const char *blk_name(const struct blk *b)
{
    return b->name ? b->name : "";
}

uint32_t blk_block_size(const struct blk *b)
{
    return b->block_size;
}

uint32_t blk_discard_unit(const struct blk *b)
{
    return b->discard && !b->readonly ? b->discard_unit : 0;
}

void blk_stats(const struct blk *b, struct blk_stats *s)
{
    *s = b->stats;
}

void blk_plug(struct blk *b)
{
    blk_io_plug(b->io);
}

void blk_unplug(struct blk *b)
{
    blk_io_unplug(b->io);
}

/* Ends later with rc, without asking a driver. */
static void end(struct blk_req *r, int rc)
{
    r->rc = rc;
    blk_io_defer(r->b->io, r);
}

static void submit(struct blk *b, enum blk_op op, uint64_t at, uint64_t size,
                   const struct iovec *iov, int niov, unsigned flags, blk_done_fn *done, void *arg)
{
    struct blk_req *r = blk_req_new(b, op, at, size, iov, niov, flags, done, arg);

    r->top = b;
    b->in_flight++;
    if (size > b->size || at > b->size - size)
        end(r, -EIO);
    else if (b->readonly && op != BLK_OP_READ && op != BLK_OP_FLUSH)
        end(r, -EROFS);
    else if (!size && op != BLK_OP_FLUSH)
        end(r, 0);
    else if ((op == BLK_OP_FLUSH && b->readonly) || (op == BLK_OP_DISCARD && !b->discard))
        end(r, 0);
    else {
        r->follow =
            (op == BLK_OP_WRITE || op == BLK_OP_ZERO) && (b->writethrough || flags & BLK_FUA);
        blk_req_start(r);
    }
}

void blk_readv(struct blk *b, uint64_t at, const struct iovec *iov, int niov, blk_done_fn *done,
               void *arg)
{
    uint64_t size = blk_iov_size(iov, niov);

    trace_at(blk_read, blk_name(b), "%#llx+%llx", (unsigned long long)at, (unsigned long long)size);
    b->stats.rd_ops++;
    b->stats.rd_bytes += size;
    submit(b, BLK_OP_READ, at, size, iov, niov, 0, done, arg);
}

void blk_writev(struct blk *b, uint64_t at, const struct iovec *iov, int niov, unsigned flags,
                blk_done_fn *done, void *arg)
{
    uint64_t size = blk_iov_size(iov, niov);

    trace_at(blk_write, blk_name(b), "%#llx+%llx, flags %u", (unsigned long long)at,
             (unsigned long long)size, flags);
    b->stats.wr_ops++;
    b->stats.wr_bytes += size;
    if (b->detect_zeroes && blk_iov_is_zero(iov, niov))
        submit(b, BLK_OP_ZERO, at, size, NULL, 0,
               flags | (b->detect_zeroes == 2 ? BLK_MAY_UNMAP : 0), done, arg);
    else
        submit(b, BLK_OP_WRITE, at, size, iov, niov, flags, done, arg);
}

void blk_flush(struct blk *b, blk_done_fn *done, void *arg)
{
    trace_at(blk_flush, blk_name(b), "%u requests in flight", b->in_flight);
    b->stats.flush_ops++;
    submit(b, BLK_OP_FLUSH, 0, 0, NULL, 0, 0, done, arg);
}

void blk_discard(struct blk *b, uint64_t at, uint64_t size, blk_done_fn *done, void *arg)
{
    trace_at(blk_discard, blk_name(b), "%#llx+%llx", (unsigned long long)at,
             (unsigned long long)size);
    b->stats.discard_ops++;
    submit(b, BLK_OP_DISCARD, at, size, NULL, 0, 0, done, arg);
}

void blk_write_zeroes(struct blk *b, uint64_t at, uint64_t size, unsigned flags, blk_done_fn *done,
                      void *arg)
{
    trace_at(blk_zero, blk_name(b), "%#llx+%llx, flags %u", (unsigned long long)at,
             (unsigned long long)size, flags);
    b->stats.wr_ops++;
    b->stats.wr_bytes += size;
    if (!b->discard)
        flags &= ~(unsigned)BLK_MAY_UNMAP;
    submit(b, BLK_OP_ZERO, at, size, NULL, 0, flags, done, arg);
}

void blk_drain(struct blk *b)
{
    while (b->in_flight)
        blk_io_wait(b->io);
}

struct sync {
    bool done;
    int rc;
};

static void sync_done(void *arg, int rc)
{
    struct sync *s = arg;

    s->rc = rc;
    s->done = true;
}

int blk_pread(struct blk *b, uint64_t at, void *to, size_t size)
{
    struct iovec iov = {to, size};
    struct sync s = {0};

    blk_readv(b, at, &iov, 1, sync_done, &s);
    while (!s.done)
        blk_io_wait(b->io);
    return s.rc;
}

int blk_pwrite(struct blk *b, uint64_t at, const void *from, size_t size)
{
    struct iovec iov = {(void *)from, size};
    struct sync s = {0};

    blk_writev(b, at, &iov, 1, 0, sync_done, &s);
    while (!s.done)
        blk_io_wait(b->io);
    return s.rc;
}
