/* Changing the virtual size: a longer or shorter L1 table, and preallocation. */
#include <errno.h>
#include <stdlib.h>

#include "blk/qcow2/qcow2.h"

static int set_size(struct qcow2 *q, uint64_t size)
{
    uint8_t bytes[8];
    int rc;

    mem_st64be(bytes, size);
    rc = blk_co_write(q->file, 24, bytes, 8);
    if (!rc)
        q->size = q->b->size = size;
    return rc;
}

/* Moves L1 to a place for `entries`. */
static int grow_l1(struct qcow2 *q, uint64_t entries)
{
    uint64_t size = qcow2_cluster_size(q), clusters = (entries * 8 + size - 1) >> q->cluster_bits,
             at;
    uint64_t old_at = q->l1_at, old = ((uint64_t)q->l1_size * 8 + size - 1) >> q->cluster_bits;
    uint64_t *l1 = calloc(entries, 8);
    uint8_t *bytes = blk_buffer(clusters << q->cluster_bits), place[12];
    int rc = l1 && bytes ? 0 : -ENOMEM;

    if (!rc)
        rc = qcow2_commit_all(q);
    if (!rc)
        rc = qcow2_alloc_clusters(q, clusters, true, &at, NULL);
    if (!rc)
        rc = qcow2_commit_all(q); /* the counts first */
    if (!rc) {
        memcpy(l1, q->l1, (size_t)q->l1_size * 8);
        memset(bytes, 0, clusters << q->cluster_bits);
        for (uint64_t i = 0; i < q->l1_size; i++)
            mem_st64be(bytes + i * 8, l1[i]);
        rc = blk_co_write(q->file, at, bytes, clusters << q->cluster_bits);
    }
    if (!rc)
        rc = blk_co_flush(q->file);
    if (!rc) {
        mem_st32be(place, (uint32_t)entries);
        mem_st64be(place + 4, at);
        rc = blk_co_write(q->file, 36, place, 12);
    }
    if (!rc)
        rc = blk_co_flush(q->file);
    free(bytes);
    if (rc) {
        free(l1);
        return rc;
    }
    free(q->l1);
    q->l1 = l1;
    q->l1_at = at;
    q->l1_size = (uint32_t)entries;
    if (old)
        qcow2_free_clusters(q, old_at, old);
    return qcow2_commit_all(q);
}

/* L2 tables behind the new end. */
static int cut_l1(struct qcow2 *q, uint64_t entries)
{
    uint32_t from = (uint32_t)entries;
    int rc = qcow2_mark_dirty(q);

    for (uint32_t i = from; i < q->l1_size && !rc; i++) {
        uint64_t table = q->l1[i] & QCOW2_OFFSET;

        if (!table)
            continue;
        q->l1[i] = 0;
        qcow2_free_clusters(q, table, 1);
        if (q->l1_dirty_from >= q->l1_dirty_to)
            q->l1_dirty_from = i;
        q->l1_dirty_from = min_of(q->l1_dirty_from, i);
        q->l1_dirty_to = max_of(q->l1_dirty_to, i + 1);
    }
    return rc ? rc : qcow2_commit_all(q);
}

/* Every cluster of [at, size) gets its place, without data. */
static int map_all(struct qcow2 *q, uint64_t at, uint64_t size)
{
    uint64_t cluster = qcow2_cluster_size(q), first = at >> q->cluster_bits;
    uint64_t end = (size + cluster - 1) >> q->cluster_bits;
    int rc = 0;

    while (first < end && !rc) {
        uint64_t n = min_of(end - first,
                            (UINT64_C(1) << q->slice_bits) - (first & bits_mask64(q->slice_bits)));
        uint64_t host = first << q->cluster_bits;
        struct qcow2_slice *s;

        blk_mutex_lock(q->b->io, &q->lock);
        rc = qcow2_relieve(q);
        if (!rc)
            rc = qcow2_l2_for_write(q, first << q->cluster_bits, &s);
        if (!rc) {
            if (q->data == q->file)
                rc = qcow2_alloc_clusters(q, n, false, &host, &n);
            for (uint64_t i = 0; i < n && !rc; i++) {
                uint8_t *p = qcow2_entry(q, s, (first + i) << q->cluster_bits);

                if (mem_ld64be(p)) { /* a part of a cluster that was there */
                    if (q->data == q->file)
                        qcow2_free_clusters(q, host + (i << q->cluster_bits), 1);
                    continue;
                }
                mem_st64be(p, (host + (i << q->cluster_bits)) | QCOW2_COPIED);
                if (q->extended)
                    mem_st64be(p + 8, q->b->backing || q->backing_name ? 0 : UINT64_C(0xffffffff));
            }
            if (!rc)
                qcow2_slice_dirty(&q->l2, s);
            qcow2_slice_put(&q->l2, s);
        }
        blk_mutex_unlock(q->b->io, &q->lock);
        first += n;
    }
    return rc;
}

static int preallocate(struct qcow2 *q, uint64_t from, uint64_t size, unsigned how, struct err *e)
{
    uint64_t start = q->file->size, end = start;
    int rc = map_all(q, from, size);

    if (!rc) {
        blk_mutex_lock(q->b->io, &q->lock);
        rc = qcow2_commit_all(q);
        end = max_of(q->file->size, q->free_from << q->cluster_bits);
        blk_mutex_unlock(q->b->io, &q->lock);
    }
    if (rc)
        return err_set(e, rc, "cannot preallocate %s", q->b->path);
    if (q->data != q->file)
        return blk_resize(q->data, max_of(size, q->data->size), false,
                          how == BLK_PREALLOC_METADATA ? 0 : how, e);
    if (how == BLK_PREALLOC_METADATA)
        return end > q->file->size ? blk_resize(q->file, end, false, 0, e) : 0;
    rc = end > q->file->size ? blk_resize(q->file, end, false, how, e) : 0;
    (void)start;
    return rc;
}

static int grow(struct qcow2 *q, uint64_t size, unsigned how, struct err *e)
{
    uint64_t old = q->size, unit = UINT64_C(1) << (q->cluster_bits + q->l2_bits);
    uint64_t entries = (size + unit - 1) >> (q->cluster_bits + q->l2_bits);
    int rc = 0;

    if (entries > QCOW2_L1_MAX / 8)
        return err_text(e, EFBIG,
                        "%s: at most %llu bytes with clusters of %llu: use a larger cluster_size",
                        q->b->path, (unsigned long long)(QCOW2_L1_MAX / 8 * unit),
                        (unsigned long long)qcow2_cluster_size(q));
    blk_mutex_lock(q->b->io, &q->lock);
    if (entries > q->l1_size)
        rc = grow_l1(q, entries);
    if (!rc)
        rc = set_size(q, size);
    blk_mutex_unlock(q->b->io, &q->lock);
    /* What a longer backing file holds behind the old end must not come up. */
    if (!rc && q->b->backing && q->b->backing->size > old && size > old)
        rc = qcow2_co_zero(q, old, min_of(size, q->b->backing->size) - old, false);
    if (rc)
        return err_set(e, rc, "cannot resize %s", q->b->path);
    if (q->data != q->file && q->autoclear & QCOW2_RAW_DATA && q->data->size < size) {
        rc = blk_resize(q->data, size, false, 0, e);
        if (rc)
            return rc;
    }
    return how ? preallocate(q, old, size, how, e) : 0;
}

static int cut(struct qcow2 *q, uint64_t size, struct err *e)
{
    uint64_t cluster = qcow2_cluster_size(q), from = bits_align_up(size, cluster);
    uint64_t unit = UINT64_C(1) << (q->cluster_bits + q->l2_bits);
    int rc = 0;

    if (q->snapshot_count)
        return err_text(e, ENOTSUP, "%s has snapshots and cannot be made smaller", q->b->path);
    if (from < q->size)
        rc = qcow2_co_discard(q, from, q->size - from);
    blk_mutex_lock(q->b->io, &q->lock);
    if (!rc)
        rc = qcow2_commit_all(q);
    if (!rc)
        rc = cut_l1(q, (size + unit - 1) >> (q->cluster_bits + q->l2_bits));
    if (!rc)
        rc = set_size(q, size);
    blk_mutex_unlock(q->b->io, &q->lock);
    return rc ? err_set(e, rc, "cannot resize %s", q->b->path) : 0;
}

int qcow2_resize(struct blk *b, uint64_t size, bool shrink, unsigned how, struct err *e)
{
    struct qcow2 *q = b->state;

    if (size > INT64_MAX - (UINT64_C(1) << 21))
        return err_text(e, EFBIG, "%s: the size is too large", b->path);
    if (size >= q->size)
        return grow(q, size, how, e);
    if (!shrink)
        return err_text(e, EINVAL, "%s would lose what is behind byte %llu: say --shrink", b->path,
                        (unsigned long long)size);
    return cut(q, size, e);
}
