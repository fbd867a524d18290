/*
 * Refcounts of the image file's clusters: two levels of tables (section "Host cluster management"),
 * finding free clusters, growing the tables. Knows not what clusters hold. All with q->lock.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "blk/qcow2/qcow2.h"

/* The file's offsets have 56 bits. */
static uint64_t cluster_limit(const struct qcow2 *q)
{
    return (UINT64_C(1) << 56) >> q->cluster_bits;
}

uint64_t qcow2_ref_max(const struct qcow2 *q)
{
    return bits_mask64(1u << q->ref_order);
}

uint64_t qcow2_ref_read(const uint8_t *block, uint64_t i, unsigned order)
{
    switch (order) {
    case 3:
        return block[i];
    case 4:
        return mem_ld16be(block + i * 2);
    case 5:
        return mem_ld32be(block + i * 4);
    case 6:
        return mem_ld64be(block + i * 8);
    default:
        return block[i << order >> 3] >> (i << order & 7) & bits_mask64(1u << order);
    }
}

void qcow2_ref_write(uint8_t *block, uint64_t i, unsigned order, uint64_t value)
{
    uint8_t *byte = block + (i << order >> 3);

    switch (order) {
    case 3:
        *byte = (uint8_t)value;
        break;
    case 4:
        mem_st16be(byte, (uint16_t)value);
        break;
    case 5:
        mem_st32be(byte, (uint32_t)value);
        break;
    case 6:
        mem_st64be(byte, value);
        break;
    default:
        *byte = (uint8_t)bits_deposit32(*byte, i << order & 7, 1u << order, (uint32_t)value);
    }
}

/* The slice that counts a cluster, and the index in it. *out NULL: no block does, the count is 0.
 */
static int slice_of(struct qcow2 *q, uint64_t cluster, struct qcow2_slice **out, uint64_t *index)
{
    uint64_t block = cluster >> q->ref_bits,
             per_slice = (uint64_t)q->slice_size * 8 >> q->ref_order;
    uint64_t in_block = cluster & bits_mask64(q->ref_bits), at;

    *out = NULL;
    if (block >= q->rt_size || !q->rt[block])
        return 0;
    at = q->rt[block];
    if (at & (qcow2_cluster_size(q) - 1) || at >= q->file->size)
        return qcow2_corrupt(q, "refcount block %#llx is nowhere in the file",
                             (unsigned long long)at);
    *index = in_block % per_slice;
    return qcow2_slice_get(q, &q->refs, at + in_block / per_slice * q->slice_size, out);
}

int qcow2_ref_get(struct qcow2 *q, uint64_t cluster, uint64_t *count)
{
    struct qcow2_slice *s;
    uint64_t index;
    int rc = slice_of(q, cluster, &s, &index);

    *count = 0;
    if (!rc && s) {
        *count = qcow2_ref_read(s->data, index, q->ref_order);
        qcow2_slice_put(&q->refs, s);
    }
    return rc;
}

/* ---- growing ---- */

static int write_be(struct qcow2 *q, uint64_t at, uint64_t value)
{
    uint8_t bytes[8];

    mem_st64be(bytes, value);
    return blk_co_write(q->file, at, bytes, sizeof(bytes));
}

/* Without the dirty bit, what refers to something goes to the disk after it. */
static int order(struct qcow2 *q)
{
    return q->marked ? 0 : blk_co_flush(q->file);
}

/* A block for the region of `cluster`, which has none, put at the free cluster `place`. */
static int new_block(struct qcow2 *q, uint64_t cluster, uint64_t place)
{
    uint64_t block = cluster >> q->ref_bits, at = place << q->cluster_bits;
    bool own = place >> q->ref_bits == block;
    uint8_t *data = blk_buffer(qcow2_cluster_size(q));
    int rc = 0;

    if (!data)
        return -ENOMEM;
    memset(data, 0, qcow2_cluster_size(q));
    if (own)
        qcow2_ref_write(data, place & bits_mask64(q->ref_bits), q->ref_order, 1);
    else
        rc = qcow2_ref_add(q, place, 1, 1);
    if (!rc && !own && !q->marked)
        rc = qcow2_cache_write(q, &q->refs);
    qcow2_cache_drop(q, &q->refs, at, qcow2_cluster_size(q));
    if (!rc)
        rc = blk_co_write(q->file, at, data, qcow2_cluster_size(q));
    free(data);
    if (!rc)
        rc = order(q);
    if (!rc)
        rc = write_be(q, q->rt_at + block * 8, at);
    if (!rc)
        q->rt[block] = at;
    return rc;
}

/* Writes blocks and table of a grown region that starts at `first`. */
static int write_region(struct qcow2 *q, uint64_t *rt, uint64_t entries, uint64_t first,
                        uint64_t blocks, uint64_t table)
{
    uint64_t size = qcow2_cluster_size(q), per_block = UINT64_C(1) << q->ref_bits;
    uint8_t *data = blk_buffer(max_of(size, table << q->cluster_bits));
    int rc = 0;

    if (!data)
        return -ENOMEM;
    for (uint64_t i = 0; i < blocks && !rc; i++) {
        uint64_t used = blocks + table, from = i * per_block;

        memset(data, 0, size);
        for (uint64_t j = 0; j < per_block && from + j < used; j++)
            qcow2_ref_write(data, j, q->ref_order, 1);
        rt[(first >> q->ref_bits) + i] = (first + i) << q->cluster_bits;
        qcow2_cache_drop(q, &q->refs, (first + i) << q->cluster_bits, size);
        rc = blk_co_write(q->file, (first + i) << q->cluster_bits, data, size);
    }
    if (!rc) {
        memset(data, 0, table << q->cluster_bits);
        for (uint64_t i = 0; i < entries; i++)
            mem_st64be(data + i * 8, rt[i]);
        rc = blk_co_write(q->file, (first + blocks) << q->cluster_bits, data,
                          table << q->cluster_bits);
    }
    free(data);
    return rc;
}

/* A longer refcount table, right behind all that the old one counts. */
static int grow_table(struct qcow2 *q, uint64_t block)
{
    uint64_t first = (uint64_t)q->rt_size << q->ref_bits, per_cluster = qcow2_cluster_size(q) / 8;
    uint64_t old_at = q->rt_at, old = (q->rt_size + per_cluster - 1) / per_cluster;
    uint64_t table, blocks = 1, entries, *rt;
    int rc;

    for (;;) {
        uint64_t need;

        entries = max_of(block + 1, q->rt_size + blocks) * 3 / 2 + 1;
        table = (entries + per_cluster - 1) / per_cluster;
        entries = table * per_cluster;
        need = (blocks + table + (UINT64_C(1) << q->ref_bits) - 1) >> q->ref_bits;
        if (need <= blocks)
            break;
        blocks = need;
    }
    if (entries * 8 > QCOW2_RT_MAX || first + blocks + table > cluster_limit(q))
        return -EFBIG;
    rt = calloc(entries, sizeof(*rt));
    if (!rt)
        return -ENOMEM;
    memcpy(rt, q->rt, (size_t)q->rt_size * sizeof(*rt));
    rc = write_region(q, rt, entries, first, blocks, table);
    if (!rc)
        rc = blk_co_flush(q->file);
    if (!rc) {
        uint8_t place[12];

        mem_st64be(place, (first + blocks) << q->cluster_bits);
        mem_st32be(place + 8, (uint32_t)table);
        rc = blk_co_write(q->file, 48, place, sizeof(place));
    }
    if (!rc)
        rc = blk_co_flush(q->file);
    if (rc) {
        free(rt);
        return rc;
    }
    free(q->rt);
    q->rt = rt;
    q->rt_size = (uint32_t)entries;
    q->rt_at = (first + blocks) << q->cluster_bits;
    qcow2_free_clusters(q, old_at, old);
    return 0;
}

/* ---- changing ---- */

/* Applies fn to the counts of a run, slice by slice. */
static int change(struct qcow2 *q, uint64_t cluster, uint64_t count, int64_t add, bool set)
{
    uint64_t end = cluster + count;

    while (cluster < end) {
        struct qcow2_slice *s;
        uint64_t index, per_slice = (uint64_t)q->slice_size * 8 >> q->ref_order;
        int rc = slice_of(q, cluster, &s, &index);

        if (rc)
            return rc;
        if (!s)
            return add < 0 ? qcow2_corrupt(q, "cluster %#llx was freed that nothing counts",
                                           (unsigned long long)cluster << q->cluster_bits)
                           : -EIO;
        for (; cluster < end && index < per_slice; cluster++, index++) {
            uint64_t old = qcow2_ref_read(s->data, index, q->ref_order), now = (uint64_t)add;

            if (!set) {
                now = old + (uint64_t)add;
                if (add < 0 ? old < (uint64_t)-add : now > qcow2_ref_max(q) || now < old) {
                    qcow2_slice_put(&q->refs, s);
                    return add < 0
                               ? qcow2_corrupt(q,
                                               "cluster %#llx was freed more often than it is used",
                                               (unsigned long long)cluster << q->cluster_bits)
                               : -EINVAL;
                }
            }
            qcow2_ref_write(s->data, index, q->ref_order, now);
            if (!now) {
                q->free_from = min_of(q->free_from, cluster);
                qcow2_cache_drop(q, &q->l2, cluster << q->cluster_bits, qcow2_cluster_size(q));
                if (q->packed_at >> q->cluster_bits == cluster)
                    q->packed_at = 0;
            }
        }
        qcow2_slice_dirty(&q->refs, s);
        qcow2_slice_put(&q->refs, s);
    }
    return 0;
}

int qcow2_ref_add(struct qcow2 *q, uint64_t cluster, uint64_t count, int64_t add)
{
    return change(q, cluster, count, add, false);
}

int qcow2_ref_set(struct qcow2 *q, uint64_t cluster, uint64_t count)
{
    struct qcow2_slice *s;
    uint64_t index;
    int rc = slice_of(q, cluster, &s, &index);

    if (!rc && !s)
        rc = -ENOENT;
    if (rc)
        return rc;
    qcow2_slice_put(&q->refs, s);
    return change(q, cluster, 1, (int64_t)count, true);
}

/* ---- allocation ---- */

static int find_run(struct qcow2 *q, uint64_t want, bool all, uint64_t *first, uint64_t *count)
{
    uint64_t at = q->free_from, run = 0;

    while (run < want) {
        uint64_t refs, cluster = at + run, block = cluster >> q->ref_bits;
        int rc = 0;

        if (cluster >= cluster_limit(q))
            return -EFBIG;
        if (block >= q->rt_size) {
            rc = grow_table(q, block);
        } else if (!q->rt[block]) {
            /* The block takes the first cluster of the run, which so stays in one piece. */
            rc = new_block(q, cluster, at);
            if (run) {
                at++;
                run--;
            }
        }
        if (!rc)
            rc = qcow2_ref_get(q, at + run, &refs);
        if (rc)
            return rc;
        if (!refs) {
            run++;
        } else if (run && !all) {
            break;
        } else {
            at += run + 1;
            run = 0;
        }
    }
    *first = at;
    *count = run;
    return 0;
}

int qcow2_alloc_clusters(struct qcow2 *q, uint64_t want, bool all, uint64_t *at, uint64_t *got)
{
    uint64_t first, count;
    int rc = qcow2_mark_dirty(q);

    if (!rc)
        rc = find_run(q, want, all, &first, &count);
    if (!rc)
        rc = qcow2_ref_add(q, first, count, 1);
    if (rc)
        return rc;
    if (first == q->free_from || count == 1 || !all)
        q->free_from = first + count;
    *at = first << q->cluster_bits;
    if (got)
        *got = count;
    return 0;
}

void qcow2_free_clusters(struct qcow2 *q, uint64_t at, uint64_t count)
{
    uint64_t first = at >> q->cluster_bits;

    if (q->freed.len && vec_last(&q->freed).end == first)
        vec_last(&q->freed).end += count;
    else
        vec_push(&q->freed, (struct range){first, first + count});
}

int qcow2_alloc_bytes(struct qcow2 *q, uint64_t size, uint64_t *at)
{
    uint64_t csize = qcow2_cluster_size(q), cluster, refs, next;
    int rc;

    if (q->packed_at) {
        uint64_t left = csize - (q->packed_at & (csize - 1));

        cluster = q->packed_at >> q->cluster_bits;
        rc = qcow2_ref_get(q, cluster, &refs);
        if (rc)
            return rc;
        if (refs && refs < qcow2_ref_max(q) && size <= left) {
            *at = q->packed_at;
            q->packed_at = size == left ? 0 : q->packed_at + size;
            return qcow2_ref_add(q, cluster, 1, 1);
        }
        /* Goes on into the next cluster when that is free. */
        if (refs && refs < qcow2_ref_max(q) && q->free_from == cluster + 1) {
            rc = qcow2_alloc_clusters(q, 1, true, &next, NULL);
            if (rc)
                return rc;
            if (next >> q->cluster_bits == cluster + 1) {
                *at = q->packed_at;
                q->packed_at += size;
                return qcow2_ref_add(q, cluster, 1, 1);
            }
            *at = next;
            q->packed_at = size == csize ? 0 : next + size;
            return 0;
        }
    }
    rc = qcow2_alloc_clusters(q, 1, true, at, NULL);
    if (!rc)
        q->packed_at = size == csize ? 0 : *at + size;
    return rc;
}

void qcow2_free_packed(struct qcow2 *q, uint64_t entry)
{
    uint64_t at, size, first, last;

    qcow2_packed_place(q, entry, &at, &size); /* counted once for each cluster that it touches */
    first = at >> q->cluster_bits;
    last = (at + size - 1) >> q->cluster_bits;
    qcow2_free_clusters(q, first << q->cluster_bits, last - first + 1);
}
