/*
 * Requests of a qcow2 node. What the tables in memory map to one place goes on to the file within
 * the call; the rest is done in fibers. Knows not how clusters are allocated.
 */
#include <errno.h>

#include "blk/qcow2/qcow2.h"

static bool pass(struct blk_req *r, struct blk *child, uint64_t at)
{
    r->b = child;
    r->at = at;
    return child->driver->start && child->driver->start(child, r);
}

static bool pass_data(struct qcow2 *q, struct blk_req *r, const struct qcow2_extent *x)
{
    if (q->writable) {
        r->count = &q->data_io[q->epoch];
        r->count->running++;
    }
    return pass(r, q->data, x->host);
}

static bool start_read(struct qcow2 *q, struct blk_req *r)
{
    struct blk *backing = q->b->backing;
    struct qcow2_extent x;

    if (!qcow2_map_cached(q, r->at, r->size, &x) || x.size < r->size)
        return false;
    switch (x.type) {
    case QCOW2_NORMAL:
        return pass_data(q, r, &x);
    case QCOW2_UNALLOCATED:
        if (backing && r->at < backing->size)
            return r->size <= backing->size - r->at && pass(r, backing, r->at);
        __attribute__((fallthrough));
    case QCOW2_IS_ZERO:
        blk_iov_zero(r->iov, r->niov, 0, r->size);
        r->rc = 0;
        blk_io_defer(q->b->io, r);
        return true;
    default:
        return false;
    }
}

bool qcow2_start(struct blk *b, struct blk_req *r)
{
    struct qcow2 *q = b->state;
    struct qcow2_extent x;

    if (q->broken)
        return false;
    switch (r->op) {
    case BLK_OP_READ:
        return start_read(q, r);
    case BLK_OP_WRITE:
        if (!(r->flags & BLK_COMPRESS) && qcow2_map_cached(q, r->at, r->size, &x) &&
            x.size == r->size && x.type == QCOW2_NORMAL && x.in_place && qcow2_inside(q, &x))
            return pass_data(q, r, &x);
        return false;
    case BLK_OP_FLUSH:
        if (!q->l2.dirty && !q->refs.dirty && !q->freed.len && q->l1_dirty_from >= q->l1_dirty_to &&
            q->data == q->file)
            return pass(r, q->file, 0);
        return false;
    }
    return false;
}

int qcow2_serve(struct blk *b, struct blk_req *r)
{
    struct qcow2 *q = b->state;

    if (q->broken && r->op != BLK_OP_READ)
        return -EIO;
    switch (r->op) {
    case BLK_OP_READ:
        return qcow2_co_read(q, r->at, r->size, r->iov, r->niov, 0);
    case BLK_OP_WRITE:
        if (r->flags & BLK_COMPRESS)
            return qcow2_co_write_packed(q, r->at, r->size, r->iov, r->niov);
        return qcow2_co_write(q, r->at, r->size, r->iov, r->niov);
    case BLK_OP_FLUSH:
        return qcow2_co_flush(q);
    case BLK_OP_DISCARD:
        return qcow2_co_discard(q, r->at, r->size);
    default:
        return qcow2_co_zero(q, r->at, r->size, r->flags & BLK_MAY_UNMAP);
    }
}

int qcow2_co_read(struct qcow2 *q, uint64_t at, uint64_t size, const struct iovec *iov, int niov,
                  uint64_t offset)
{
    struct blk *backing = q->b->backing;
    struct blk_join j;
    int rc = 0, late;

    blk_join_init(&j, q->b->io);
    while (size && !rc) {
        const uint8_t *cluster;
        struct qcow2_extent x;
        uint64_t part;

        rc = qcow2_map(q, at, size, &x);
        if (rc)
            break;
        switch (x.type) {
        case QCOW2_NORMAL:
            blk_join_add(&j, q->data, BLK_OP_READ, x.host, x.size, iov, niov, offset, 0,
                         &q->data_io[q->epoch]);
            break;
        case QCOW2_PACKED:
            rc = qcow2_unpack(q, x.entry, &cluster);
            if (!rc)
                blk_iov_put(iov, niov, offset, cluster + (at & (qcow2_cluster_size(q) - 1)),
                            x.size);
            break;
        default:
            part = 0;
            if (x.type == QCOW2_UNALLOCATED && backing && at < backing->size) {
                part = min_of(x.size, backing->size - at);
                blk_join_add(&j, backing, BLK_OP_READ, at, part, iov, niov, offset, 0, NULL);
            }
            blk_iov_zero(iov, niov, offset + part, x.size - part);
        }
        at += x.size;
        offset += x.size;
        size -= x.size;
    }
    late = blk_join_wait(&j);
    return rc ? rc : late;
}
