/*
 * Writes changed metadata in the order that keeps the file consistent (qcow2.h says which). Knows
 * not why it changed.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/trace.h"
#include "blk/qcow2/qcow2.h"
#include "blk/trace.def"

int qcow2_mark_dirty(struct qcow2 *q)
{
    int rc;

    if (q->broken)
        return -EIO;
    if (q->marked || q->version < 3)
        return 0;
    rc = qcow2_set_feature(q, QCOW2_DIRTY, true);
    if (!rc)
        q->marked = true;
    return rc;
}

static int write_l1(struct qcow2 *q)
{
    uint64_t from = q->l1_dirty_from & ~(uint32_t)63, to = bits_align_up(q->l1_dirty_to, 64);
    uint8_t *bytes;
    int rc;

    to = min_of(to, (uint64_t)q->l1_size);
    bytes = blk_buffer((to - from) * 8);
    if (!bytes)
        return -ENOMEM;
    for (uint64_t i = from; i < to; i++)
        mem_st64be(bytes + (i - from) * 8, q->l1[i]);
    q->l1_dirty_from = q->l1_dirty_to = 0;
    rc = blk_co_write(q->file, q->l1_at + from * 8, bytes, (to - from) * 8);
    free(bytes);
    if (rc) {
        q->l1_dirty_from = (uint32_t)from;
        q->l1_dirty_to = (uint32_t)to;
    }
    return rc;
}

/* Gives free clusters of [first, end) back to the host. */
static int punch(struct qcow2 *q, uint64_t first, uint64_t end)
{
    int rc = 0;

    while (first < end && !rc) {
        uint64_t run = first, refs = 0;

        while (run < end && !rc && !refs) {
            rc = qcow2_ref_get(q, run, &refs);
            run += !refs;
        }
        if (!rc && run > first)
            rc = blk_co(q->file, BLK_OP_DISCARD, first << q->cluster_bits,
                        (run - first) << q->cluster_bits, NULL, 0, 0);
        first = run + 1;
    }
    return rc;
}

/* Counts down what nothing on disk refers to any more, once no request is at work there. */
static int release(struct qcow2 *q)
{
    struct blk_count *before = &q->data_io[q->epoch];
    struct range *freed = q->freed.data;
    size_t count = q->freed.len;
    int rc = 0;

    memset(&q->freed, 0, sizeof(q->freed));
    q->epoch = !q->epoch;
    while (before->running)
        blk_wait(q->b->io, &before->none);
    for (size_t i = 0; i < count && !rc; i++) {
        rc = qcow2_ref_add(q, freed[i].start, freed[i].end - freed[i].start, -1);
        if (!rc && q->b->discard && q->pass_discard)
            rc = punch(q, freed[i].start, freed[i].end);
    }
    free(freed);
    return rc;
}

static bool clean(const struct qcow2 *q)
{
    return !q->refs.dirty && !q->l2.dirty && q->l1_dirty_from >= q->l1_dirty_to && !q->freed.len;
}

static int commit(struct qcow2 *q, bool refs)
{
    bool ordered = !q->marked; /* flushes stand between the steps */
    int rc = 0;

    if (q->broken)
        return -EIO;
    trace_at(qcow2_commit, blk_name(q->b), "%zu slices of L2, %zu of refcounts",
             (size_t)q->l2.dirty, (size_t)q->refs.dirty);
    if (refs && q->refs.dirty) {
        rc = qcow2_cache_write(q, &q->refs);
        if (!rc && ordered && (q->l2.dirty || q->l1_dirty_to))
            rc = blk_co_flush(q->file);
    }
    if (!rc && q->copied_data && q->l2.dirty) {
        rc = blk_co_flush(q->data);
        q->copied_data = rc;
    }
    if (!rc)
        rc = qcow2_cache_write(q, &q->l2);
    if (!rc && q->l1_dirty_from < q->l1_dirty_to) {
        if (q->tables_new)
            rc = blk_co_flush(q->file);
        if (!rc)
            rc = write_l1(q);
        q->tables_new = rc;
    }
    if (!rc && q->freed.len) {
        rc = blk_co_flush(q->file);
        if (!rc)
            rc = release(q);
    }
    return rc;
}

int qcow2_commit(struct qcow2 *q)
{
    return clean(q) ? 0 : commit(q, !q->lazy || !q->marked);
}

int qcow2_commit_all(struct qcow2 *q)
{
    int rc = 0;

    while (!rc && !clean(q))
        rc = commit(q, true);
    return rc;
}

int qcow2_relieve(struct qcow2 *q)
{
    if (q->l2.dirty < q->l2.max / 2 && q->refs.dirty < q->refs.max / 2 && q->freed.len < 4096)
        return 0;
    return clean(q) ? 0 : commit(q, true);
}

int qcow2_co_flush(struct qcow2 *q)
{
    int rc = 0;

    if (!clean(q)) {
        blk_mutex_lock(q->b->io, &q->lock);
        rc = qcow2_commit(q);
        blk_mutex_unlock(q->b->io, &q->lock);
    }
    if (!rc)
        rc = blk_co_flush(q->file);
    if (!rc && q->data != q->file)
        rc = blk_co_flush(q->data);
    return rc;
}
