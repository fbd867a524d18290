/* Writing zeros and discarding, as changes of L2 entries where the format allows. */
#include <errno.h>
#include <stdlib.h>

#include "blk/qcow2/qcow2.h"

/* Gives up what an entry refers to. */
static void drop_old(struct qcow2 *q, uint64_t entry)
{
    if (entry & QCOW2_COMPRESSED)
        qcow2_free_packed(q, entry);
    else if (entry & QCOW2_OFFSET && q->data == q->file)
        qcow2_free_clusters(q, entry & QCOW2_OFFSET, 1);
}

static bool keeps(const struct qcow2 *q, uint64_t entry)
{
    return entry & QCOW2_COPIED && !(entry & QCOW2_COMPRESSED) &&
           (entry & QCOW2_OFFSET || q->data != q->file);
}

/* One cluster becomes zero; all of it. unmap: its place is given up. */
static void zero_entry(struct qcow2 *q, uint8_t *p, bool unmap)
{
    uint64_t old = mem_ld64be(p);
    bool keep = keeps(q, old) && (!unmap || q->data != q->file);

    if (!keep)
        drop_old(q, old);
    if (q->extended) {
        mem_st64be(p, keep ? old : 0);
        mem_st64be(p + 8, UINT64_C(0xffffffff) << 32);
    } else {
        mem_st64be(p, keep ? old | QCOW2_ZERO : QCOW2_ZERO);
    }
}

static void discard_entry(struct qcow2 *q, uint8_t *p)
{
    uint64_t old = mem_ld64be(p), bitmap = q->extended ? mem_ld64be(p + 8) : 0;

    if (!(old & ~QCOW2_ZERO) && !(uint32_t)bitmap)
        return; /* nothing is stored, and what it reads as stays */
    if (q->b->backing && q->version < 3)
        return; /* the backing file would shine through */
    drop_old(q, old);
    if (q->extended) {
        mem_st64be(p, 0);
        mem_st64be(p + 8, q->b->backing ? UINT64_C(0xffffffff) << 32 : 0);
    } else {
        mem_st64be(p, q->b->backing ? QCOW2_ZERO : 0);
    }
}

/* Subclusters of one cluster become zero. */
static void zero_subs(struct qcow2 *q, uint8_t *p, uint64_t at, uint64_t size)
{
    unsigned first = (unsigned)((at & (qcow2_cluster_size(q) - 1)) >> q->sub_bits);
    uint64_t bits = bits_mask64((unsigned)(size >> q->sub_bits)) << first,
             bitmap = mem_ld64be(p + 8);

    mem_st64be(p + 8, (bitmap & ~bits) | bits << 32);
}

/* Changes the entries of whole clusters [first, last], those of one slice. */
static int change(struct qcow2 *q, uint64_t first, uint64_t last, bool discard, bool unmap)
{
    struct qcow2_slice *s;
    int rc;

    qcow2_lock_range(q, first, last);
    rc = qcow2_relieve(q);
    if (!rc)
        rc = qcow2_mark_dirty(q);
    if (!rc)
        rc = qcow2_l2_for_write(q, first << q->cluster_bits, &s);
    if (!rc) {
        for (uint64_t c = first; c <= last; c++) {
            uint8_t *p = qcow2_entry(q, s, c << q->cluster_bits);

            if (discard)
                discard_entry(q, p);
            else
                zero_entry(q, p, unmap);
        }
        qcow2_slice_dirty(&q->l2, s);
        qcow2_slice_put(&q->l2, s);
    }
    blk_mutex_unlock(q->b->io, &q->lock);
    return rc;
}

static int change_subs(struct qcow2 *q, uint64_t at, uint64_t size)
{
    uint64_t cluster = at >> q->cluster_bits;
    struct qcow2_slice *s;
    int rc;

    qcow2_lock_range(q, cluster, cluster);
    rc = qcow2_relieve(q);
    if (!rc)
        rc = qcow2_mark_dirty(q);
    if (!rc)
        rc = qcow2_l2_for_write(q, at, &s);
    if (!rc) {
        uint8_t *p = qcow2_entry(q, s, at);

        if (mem_ld64be(p) & QCOW2_COMPRESSED)
            rc = -ENOTSUP;
        if (!rc) {
            zero_subs(q, p, at, size);
            qcow2_slice_dirty(&q->l2, s);
        }
        qcow2_slice_put(&q->l2, s);
    }
    blk_mutex_unlock(q->b->io, &q->lock);
    return rc;
}

/* Zeros as data. */
static int write_zero_data(struct qcow2 *q, uint64_t at, uint64_t size)
{
    enum { PART = 1 << 20 };
    size_t part = min_of(size, (uint64_t)PART);
    char *zeros = blk_buffer(part);
    int rc = zeros ? 0 : -ENOMEM;

    if (zeros)
        memset(zeros, 0, part);
    while (size && !rc) {
        struct iovec iov = {zeros, min_of(size, (uint64_t)part)};

        rc = qcow2_co_write(q, at, iov.iov_len, &iov, 1);
        at += iov.iov_len;
        size -= iov.iov_len;
    }
    free(zeros);
    return rc;
}

/* How many bytes from `at` on need no change to read as zeros. */
static int zero_already(struct qcow2 *q, uint64_t at, uint64_t size, bool unmap, uint64_t *out)
{
    struct qcow2_extent x;
    int rc = qcow2_map(q, at, size, &x);

    *out = 0;
    if (!rc && ((x.type == QCOW2_IS_ZERO && (!unmap || !x.host)) ||
                (x.type == QCOW2_UNALLOCATED && (!q->b->backing || at >= q->b->backing->size) &&
                 !(unmap && x.host))))
        *out = x.size;
    return rc;
}

/* The next step of making [at, at + size) zero; *done: its bytes. */
static int zero_step(struct qcow2 *q, uint64_t at, uint64_t size, bool unmap, uint64_t *done)
{
    uint64_t cluster = qcow2_cluster_size(q), sub = UINT64_C(1) << q->sub_bits, end = at + size;
    uint64_t last_end = end == q->size ? bits_align_up(end, cluster) : end;
    int rc = zero_already(q, at, size, unmap, done);

    if (rc || *done)
        return rc;
    if (q->version < 3) {
        *done = size;
        return write_zero_data(q, at, size);
    }
    if (!(at & (cluster - 1)) && last_end - at >= cluster) {
        uint64_t first = at >> q->cluster_bits, last = (last_end >> q->cluster_bits) - 1;

        last = min_of(last, first | bits_mask64(q->slice_bits));
        *done = min_of(size, (last + 1 - first) << q->cluster_bits);
        if (q->data != q->file)
            rc = blk_co(q->data, BLK_OP_ZERO, at, *done, NULL, 0, unmap ? BLK_MAY_UNMAP : 0);
        return rc ? rc : change(q, first, last, false, unmap);
    }
    /* Up to the border of a cluster. */
    *done = min_of(size, cluster - (at & (cluster - 1)));
    if (q->extended && !(at & (sub - 1)) && *done >= sub && q->data == q->file) {
        uint64_t part = bits_align_down(*done, sub);

        rc = change_subs(q, at, part);
        if (rc != -ENOTSUP) {
            *done = part;
            return rc;
        }
    } else if (q->extended) {
        *done = min_of(*done, at & (sub - 1) ? sub - (at & (sub - 1)) : *done);
    }
    return write_zero_data(q, at, *done);
}

int qcow2_co_zero(struct qcow2 *q, uint64_t at, uint64_t size, bool unmap)
{
    while (size) {
        uint64_t done;
        int rc = zero_step(q, at, size, unmap, &done);

        if (rc)
            return rc;
        at += done;
        size -= done;
    }
    return 0;
}

int qcow2_co_discard(struct qcow2 *q, uint64_t at, uint64_t size)
{
    uint64_t cluster = qcow2_cluster_size(q), end = at + size;
    uint64_t from = bits_align_up(at, cluster) >> q->cluster_bits;
    uint64_t to = (end == q->size ? bits_align_up(end, cluster) : end) >> q->cluster_bits;

    if (q->data != q->file)
        return blk_co(q->data, BLK_OP_DISCARD, at, size, NULL, 0, 0);
    while (from < to) {
        uint64_t here = from << q->cluster_bits, last;
        struct qcow2_extent x;
        int rc = qcow2_map(q, here, (to - from) << q->cluster_bits, &x);

        if (rc)
            return rc;
        if (!x.host && x.type <= QCOW2_IS_ZERO && x.size >= cluster) {
            from += x.size >> q->cluster_bits;
            continue;
        }
        last = min_of(to - 1, from | bits_mask64(q->slice_bits));
        rc = change(q, from, last, true, true);
        if (rc)
            return rc;
        from = last + 1;
    }
    return 0;
}
