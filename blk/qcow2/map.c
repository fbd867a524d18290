/*
 * From guest addresses to what the L2 tables say (section "Cluster mapping"), and tables that may
 * be written. Knows not what data is.
 */
#include <errno.h>
#include <stdlib.h>

#include "blk/qcow2/qcow2.h"

/* Where the slice with the entry of `at` is; 0: there is no L2 table. */
static uint64_t slice_at(const struct qcow2 *q, uint64_t at)
{
    uint64_t cluster = at >> q->cluster_bits, i1 = cluster >> q->l2_bits;
    uint64_t table = i1 < q->l1_size ? q->l1[i1] & QCOW2_OFFSET : 0;
    uint64_t slice = (cluster & bits_mask64(q->l2_bits)) >> q->slice_bits;

    return table ? table + slice * q->slice_size : 0;
}

static bool table_bad(const struct qcow2 *q, uint64_t at)
{
    return at & (q->slice_size - 1);
}

/* Bytes from `at` to the end of what its slice (or missing table) covers. */
static uint64_t covered(const struct qcow2 *q, uint64_t at, unsigned bits)
{
    uint64_t unit = UINT64_C(1) << (q->cluster_bits + bits);

    return unit - (at & (unit - 1));
}

static enum qcow2_type entry_type(const struct qcow2 *q, uint64_t entry, uint64_t bitmap,
                                  unsigned sub)
{
    uint64_t host = entry & QCOW2_OFFSET;

    if (entry & QCOW2_COMPRESSED)
        return q->data == q->file ? QCOW2_PACKED : QCOW2_BAD;
    if (host & (qcow2_cluster_size(q) - 1))
        return QCOW2_BAD;
    if (q->extended) {
        bool set = bitmap >> sub & 1, zero = bitmap >> (sub + 32) & 1;
        bool stored = host || (q->data != q->file && entry & QCOW2_COPIED);

        if (set && (zero || !stored))
            return QCOW2_BAD;
        return set ? QCOW2_NORMAL : zero ? QCOW2_IS_ZERO : QCOW2_UNALLOCATED;
    }
    if (entry & QCOW2_ZERO)
        return q->version >= 3 ? QCOW2_IS_ZERO : QCOW2_BAD;
    if (host || (q->data != q->file && entry & QCOW2_COPIED))
        return QCOW2_NORMAL;
    return QCOW2_UNALLOCATED;
}

struct place {
    enum qcow2_type type;
    uint64_t entry, host;
    bool stored; /* a host cluster belongs to the entry */
};

static struct place look(const struct qcow2 *q, const uint8_t *p, uint64_t at)
{
    uint64_t entry = mem_ld64be(p), bitmap = q->extended ? mem_ld64be(p + 8) : 0;
    uint64_t in_cluster = at & (qcow2_cluster_size(q) - 1);
    struct place place = {.entry = entry};

    place.type = entry_type(q, entry, bitmap, (unsigned)(in_cluster >> q->sub_bits));
    place.stored = !(entry & QCOW2_COMPRESSED) &&
                   (entry & QCOW2_OFFSET || (q->data != q->file && entry & QCOW2_COPIED));
    place.host = place.stored ? (entry & QCOW2_OFFSET) + in_cluster : 0;
    return place;
}

static void extent_in(const struct qcow2 *q, struct qcow2_slice *s, uint64_t at, uint64_t size,
                      struct qcow2_extent *out)
{
    uint64_t unit = UINT64_C(1) << q->sub_bits, step = unit - (at & (unit - 1));
    struct place first = look(q, qcow2_entry(q, s, at), at);
    bool copied = first.entry & QCOW2_COPIED;

    size = min_of(size, covered(q, at, q->slice_bits));
    *out = (struct qcow2_extent){.type = first.type,
                                 .host = first.host,
                                 .entry = first.entry,
                                 .in_place = copied && first.stored};
    if (first.type == QCOW2_PACKED) {
        uint64_t cluster = qcow2_cluster_size(q);

        out->size = min_of(size, cluster - (at & (cluster - 1)));
        return;
    }
    while (step < size) {
        struct place next = look(q, qcow2_entry(q, s, at + step), at + step);

        if (next.type != first.type || !!(next.entry & QCOW2_COPIED) != copied ||
            next.stored != first.stored || (first.stored && next.host != first.host + step))
            break;
        step += unit;
    }
    out->size = min_of(step, size);
}

bool qcow2_map_cached(struct qcow2 *q, uint64_t at, uint64_t size, struct qcow2_extent *out)
{
    uint64_t slice = slice_at(q, at);
    struct qcow2_slice *s;

    if (!slice) {
        *out = (struct qcow2_extent){.type = QCOW2_UNALLOCATED};
        out->size = min_of(size, covered(q, at, q->l2_bits));
        return true;
    }
    s = qcow2_slice_peek(&q->l2, slice);
    if (!s)
        return false;
    extent_in(q, s, at, size, out);
    return true;
}

int qcow2_map(struct qcow2 *q, uint64_t at, uint64_t size, struct qcow2_extent *out)
{
    struct qcow2_slice *s;
    uint64_t slice;
    int rc;

    if (qcow2_map_cached(q, at, size, out))
        goto found;
    slice = slice_at(q, at);
    if (table_bad(q, slice))
        return qcow2_corrupt(q, "the L2 table at %#llx is not on a cluster's border",
                             (unsigned long long)slice);
    rc = qcow2_slice_get(q, &q->l2, slice, &s);
    if (rc)
        return rc;
    extent_in(q, s, at, size, out);
    qcow2_slice_put(&q->l2, s);
found:
    if (out->type == QCOW2_BAD)
        return qcow2_corrupt(q, "the L2 entry of guest address %#llx is %#llx",
                             (unsigned long long)at, (unsigned long long)out->entry);
    return 0;
}

/* ---- tables to write to ---- */

/* A table for entry i of L1: empty, or a copy of one that snapshots share. */
static int own_table(struct qcow2 *q, uint64_t i)
{
    uint64_t size = qcow2_cluster_size(q), old = q->l1[i] & QCOW2_OFFSET, at;
    uint8_t *table = blk_buffer(size);
    int rc = table ? 0 : -ENOMEM;

    if (!rc && old)
        rc = blk_co_read(q->file, old, table, size);
    else if (!rc)
        memset(table, 0, size);
    if (!rc)
        rc = qcow2_alloc_clusters(q, 1, true, &at, NULL);
    if (!rc) {
        qcow2_cache_drop(q, &q->l2, at, size);
        rc = blk_co_write(q->file, at, table, size);
    }
    free(table);
    if (rc)
        return rc;
    if (old)
        qcow2_free_clusters(q, old, 1);
    q->l1[i] = at | QCOW2_COPIED;
    q->tables_new = true;
    if (q->l1_dirty_from >= q->l1_dirty_to)
        q->l1_dirty_from = (uint32_t)i;
    q->l1_dirty_from = min_of(q->l1_dirty_from, (uint32_t)i);
    q->l1_dirty_to = max_of(q->l1_dirty_to, (uint32_t)i + 1);
    return 0;
}

int qcow2_l2_for_write(struct qcow2 *q, uint64_t at, struct qcow2_slice **out)
{
    uint64_t i = at >> q->cluster_bits >> q->l2_bits;

    if (i >= q->l1_size)
        return -EFBIG;
    if (!(q->l1[i] & QCOW2_OFFSET) || !(q->l1[i] & QCOW2_COPIED)) {
        int rc = own_table(q, i);

        if (rc)
            return rc;
    }
    if (table_bad(q, slice_at(q, at)) || slice_at(q, at) >= q->file->size)
        return qcow2_corrupt(q, "the L2 table of guest address %#llx is nowhere in the file",
                             (unsigned long long)at);
    return qcow2_slice_get(q, &q->l2, slice_at(q, at), out);
}
