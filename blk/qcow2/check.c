/*
 * Consistency: counts every reference to a cluster, compares with what is stored, mends on request.
 * Works on the tables on disk, alone: nothing else runs on the image.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "blk/qcow2/qcow2.h"

struct check {
    struct qcow2 *q;
    struct blk_check *out;
    unsigned fix;
    uint32_t *count; /* of each cluster of the file */
    uint64_t clusters;
    bool rebuild;  /* the refcount tables themselves cannot be used */
    uint64_t next; /* where an unfragmented image would go on */
};

static void report(struct check *c, const char *fmt, ...) printf_like(2, 3);
static void report(struct check *c, const char *fmt, ...)
{
    char text[200];
    va_list args;

    if (!c->out->report)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    c->out->report(c->out->arg, text);
}

static void error(struct check *c, const char *what, uint64_t at, uint64_t value)
{
    c->out->errors++;
    report(c, "ERROR %s at %#llx: %#llx", what, (unsigned long long)at, (unsigned long long)value);
}

/* Counts a reference. False: it is no place in the file. */
static bool refer(struct check *c, uint64_t at, uint64_t size, const char *what, uint64_t from)
{
    uint64_t first = at >> c->q->cluster_bits, last;

    if (!size)
        return true;
    if (at > INT64_MAX || size > INT64_MAX - at ||
        (at + size - 1) >> c->q->cluster_bits >= c->clusters) {
        error(c, what, from, at);
        return false;
    }
    last = (at + size - 1) >> c->q->cluster_bits;
    for (uint64_t i = first; i <= last; i++)
        if (c->count[i] != UINT32_MAX)
            c->count[i]++;
    return true;
}

static bool on_border(const struct check *c, uint64_t at)
{
    return !(at & (qcow2_cluster_size(c->q) - 1));
}

/* ---- references from tables ---- */

static void refer_entry(struct check *c, const uint8_t *p, uint64_t from, bool active)
{
    struct qcow2 *q = c->q;
    uint64_t entry = mem_ld64be(p), host = entry & QCOW2_OFFSET, at, size;
    bool bad_bits = q->extended && !(entry & QCOW2_COMPRESSED) && !host && q->data == q->file &&
                    (uint32_t)mem_ld64be(p + 8);

    if (entry & QCOW2_COMPRESSED) {
        qcow2_packed_place(q, entry, &at, &size);
        if (q->data != q->file || entry & QCOW2_COPIED)
            error(c, "compressed cluster with impossible flags", from, entry);
        else
            refer(c, at, size, "compressed cluster outside of the file", from);
        c->out->compressed += active;
        c->out->allocated += active;
        c->out->fragmented += active; /* as others count them */
        return;
    }
    if (bad_bits) {
        error(c, "subclusters without a cluster", from, mem_ld64be(p + 8));
        return;
    }
    if (!host && !(q->data != q->file && entry & QCOW2_COPIED))
        return;
    if (!on_border(c, host)) {
        error(c, "L2 entry that is not on a cluster's border", from, entry);
        return;
    }
    if (q->data == q->file)
        refer(c, host, qcow2_cluster_size(q), "cluster outside of the file", from);
    if (active) {
        c->out->allocated++;
        c->out->fragmented += c->next && host != c->next;
        c->next = host + qcow2_cluster_size(q);
    }
}

static int refer_l2(struct check *c, uint64_t at, bool active)
{
    struct qcow2 *q = c->q;
    uint64_t size = qcow2_cluster_size(q);
    uint8_t *table;
    int rc;

    if (c->count[at >> q->cluster_bits] > q->snapshot_count + 1) {
        error(c, "L2 table that is used too often", at, c->count[at >> q->cluster_bits]);
        return 0;
    }
    c->next = 0;
    table = blk_buffer(size);
    rc = table ? blk_co_read(q->file, at, table, size) : -ENOMEM;
    if (rc == -ENOMEM)
        return rc;
    if (rc)
        c->out->failures++;
    else
        for (uint64_t i = 0; i < size; i += q->entry_size)
            refer_entry(c, table + i, at + i, active);
    free(table);
    return rc == -ENOMEM ? rc : 0;
}

static int refer_l1(struct check *c, const uint64_t *l1, uint64_t entries, uint64_t at, bool active)
{
    struct qcow2 *q = c->q;
    int rc = 0;

    refer(c, at, entries * 8, "L1 table outside of the file", at);
    for (uint64_t i = 0; i < entries && !rc; i++) {
        uint64_t table = l1[i] & QCOW2_OFFSET;

        if (!table)
            continue;
        if (!on_border(c, table))
            error(c, "L1 entry that is not on a cluster's border", at + i * 8, l1[i]);
        else if (refer(c, table, qcow2_cluster_size(q), "L2 table outside of the file", at + i * 8))
            rc = refer_l2(c, table, active);
    }
    return rc;
}

static int refer_snapshots(struct check *c, struct err *e)
{
    struct qcow2 *q = c->q;
    int rc = 0;

    refer(c, q->snapshots_at, q->snapshot_bytes, "snapshot table outside of the file",
          q->snapshots_at);
    for (uint32_t i = 0; i < q->snapshot_count && !rc; i++) {
        const struct qcow2_snapshot *s = &q->snapshots[i];
        uint64_t *l1;

        if (s->l1_size > QCOW2_L1_MAX / 8 || !on_border(c, s->l1_offset)) {
            error(c, "L1 table of a snapshot", s->l1_offset, s->l1_size);
            continue;
        }
        l1 = qcow2_read_table(q, s->l1_offset, s->l1_size, e);
        if (!l1)
            return -e->code;
        rc = refer_l1(c, l1, s->l1_size, s->l1_offset, false);
        free(l1);
    }
    return rc;
}

/* The directory of bitmaps and their tables (section "Bitmaps"). */
static int refer_bitmaps(struct check *c)
{
    struct qcow2 *q = c->q;
    uint8_t *dir;
    int rc = 0;

    if (!q->bitmaps_size)
        return 0;
    if (q->bitmaps_size > 64 << 20 || !on_border(c, q->bitmaps_at) ||
        !refer(c, q->bitmaps_at, q->bitmaps_size, "bitmap directory", q->bitmaps_at)) {
        error(c, "bitmap directory", q->bitmaps_at, q->bitmaps_size);
        return 0;
    }
    dir = blk_buffer(q->bitmaps_size);
    rc = dir ? blk_co_read(q->file, q->bitmaps_at, dir, q->bitmaps_size) : -ENOMEM;
    for (uint64_t at = 0; !rc && at + 24 <= q->bitmaps_size;) {
        uint64_t table = mem_ld64be(dir + at), size = mem_ld32be(dir + at + 8);
        struct err e;
        uint64_t *entries;

        if (size > 1 << 20 || !on_border(c, table) ||
            !refer(c, table, size * 8, "bitmap table", table)) {
            error(c, "bitmap table", table, size);
            break;
        }
        entries = qcow2_read_table(q, table, size, &e);
        if (!entries)
            break;
        for (uint64_t i = 0; i < size; i++)
            if (entries[i] & QCOW2_OFFSET)
                refer(c, entries[i] & QCOW2_OFFSET, qcow2_cluster_size(q),
                      "bitmap outside of the file", table);
        free(entries);
        at +=
            bits_align_up(24 + (uint64_t)mem_ld16be(dir + at + 18) + mem_ld32be(dir + at + 20), 8);
    }
    free(dir);
    return rc;
}

/* The refcount tables refer to clusters, too; what they say wrong means to build them anew. */
static void refer_refcounts(struct check *c)
{
    struct qcow2 *q = c->q;
    uint64_t before = c->out->errors;

    refer(c, q->rt_at, (uint64_t)q->rt_size * 8, "refcount table outside of the file", q->rt_at);
    for (uint32_t i = 0; i < q->rt_size; i++) {
        if (!q->rt[i])
            continue;
        if (!on_border(c, q->rt[i]))
            error(c, "refcount block that is not on a cluster's border", q->rt_at + i * 8,
                  q->rt[i]);
        else if (refer(c, q->rt[i], qcow2_cluster_size(q), "refcount block outside of the file",
                       q->rt_at + i * 8) &&
                 c->count[q->rt[i] >> q->cluster_bits] != 1)
            error(c, "refcount block that is used otherwise, too", q->rt_at + i * 8, q->rt[i]);
    }
    c->rebuild = !q->rt_size || c->out->errors != before;
}

/* ---- building refcount tables anew ---- */

static int write_block(struct check *c, uint64_t block, uint64_t at, uint64_t first, uint64_t used)
{
    struct qcow2 *q = c->q;
    uint64_t per = UINT64_C(1) << q->ref_bits;
    uint8_t *data = blk_buffer(qcow2_cluster_size(q));
    int rc;

    if (!data)
        return -ENOMEM;
    memset(data, 0, qcow2_cluster_size(q));
    for (uint64_t i = 0; i < per; i++) {
        uint64_t cluster = block * per + i;
        uint64_t value = cluster >= first        ? cluster < first + used
                         : cluster < c->clusters ? c->count[cluster]
                                                 : 0;

        qcow2_ref_write(data, i, q->ref_order, min_of(value, qcow2_ref_max(q)));
    }
    rc = blk_co_write(q->file, at, data, qcow2_cluster_size(q));
    free(data);
    return rc;
}

static int rebuild(struct check *c)
{
    struct qcow2 *q = c->q;
    uint64_t first = c->clusters, per = UINT64_C(1) << q->ref_bits, blocks = 1, table = 1, *rt;
    uint8_t place[12];
    int rc = 0;

    for (;;) {
        uint64_t b = (first + blocks + table + per - 1) / per;
        uint64_t t = (b * 8 + qcow2_cluster_size(q) - 1) >> q->cluster_bits;

        if (b <= blocks && t <= table)
            break;
        blocks = b;
        table = t;
    }
    if (table << q->cluster_bits > QCOW2_RT_MAX)
        return -EFBIG;
    rt = blk_buffer(table << q->cluster_bits);
    if (!rt)
        return -ENOMEM;
    memset(rt, 0, table << q->cluster_bits);
    for (uint64_t i = 0; i < blocks && !rc; i++) {
        mem_st64be(&rt[i], (first + i) << q->cluster_bits);
        rc = write_block(c, i, (first + i) << q->cluster_bits, first, blocks + table);
    }
    if (!rc)
        rc = blk_co_write(q->file, (first + blocks) << q->cluster_bits, rt,
                          table << q->cluster_bits);
    if (!rc)
        rc = blk_co_flush(q->file);
    mem_st64be(place, (first + blocks) << q->cluster_bits);
    mem_st32be(place + 8, (uint32_t)table);
    if (!rc)
        rc = blk_co_write(q->file, 48, place, sizeof(place));
    if (!rc)
        rc = blk_co_flush(q->file);
    if (!rc) {
        for (uint64_t i = 0; i < table << (q->cluster_bits - 3); i++)
            rt[i] = mem_ld64be(&rt[i]);
        free(q->rt);
        q->rt = rt;
        q->rt_at = (first + blocks) << q->cluster_bits;
        q->rt_size = (uint32_t)(table << (q->cluster_bits - 3));
        rt = NULL;
    }
    free(rt);
    return rc;
}

/* ---- comparing ---- */

static int compare(struct check *c, uint64_t *wrong)
{
    struct qcow2 *q = c->q;
    uint64_t highest = 0;

    for (uint64_t i = 0; i < c->clusters; i++) {
        uint64_t stored, want = c->count[i];
        bool leak, mend;
        int rc = c->rebuild ? 0 : qcow2_ref_get(q, i, &stored);

        if (rc) {
            c->out->failures++;
            c->rebuild = true;
            continue;
        }
        if (c->rebuild) {
            highest = want ? i + 1 : highest;
            continue;
        }
        if (stored || want)
            highest = i + 1;
        if (stored == want)
            continue;
        leak = stored > want;
        mend = c->fix & (leak ? BLK_FIX_LEAKS : BLK_FIX_ERRORS);
        report(c, "%s cluster %llu refcount=%llu reference=%llu",
               mend   ? "Repairing"
               : leak ? "Leaked"
                      : "ERROR",
               (unsigned long long)i, (unsigned long long)stored, (unsigned long long)want);
        if (leak)
            c->out->leaks++;
        else
            c->out->errors++;
        if (!mend)
            continue;
        rc = want > qcow2_ref_max(q) ? -ERANGE : qcow2_ref_set(q, i, want);
        if (rc == -ENOENT)
            c->rebuild = true;
        if (rc) {
            ++*wrong;
            continue;
        }
        if (leak)
            c->out->leaks_fixed++;
        else
            c->out->errors_fixed++;
    }
    c->out->image_end = highest << q->cluster_bits;
    return 0;
}

/* ---- the flag that says "refcount is one" ---- */

static bool copied_wrong(const struct check *c, uint64_t entry)
{
    uint64_t cluster = (entry & QCOW2_OFFSET) >> c->q->cluster_bits;

    return on_border(c, entry & QCOW2_OFFSET) && cluster < c->clusters &&
           (c->count[cluster] == 1) != !!(entry & QCOW2_COPIED);
}

static int copied_in_l2(struct check *c, uint64_t at)
{
    struct qcow2 *q = c->q;
    uint64_t size = qcow2_cluster_size(q), bad = 0;
    uint8_t *table = blk_buffer(size);
    int rc = table ? blk_co_read(q->file, at, table, size) : -ENOMEM;

    for (uint64_t i = 0; i < size && !rc; i += q->entry_size) {
        uint64_t entry = mem_ld64be(table + i);

        if (!(entry & QCOW2_COMPRESSED) && entry & QCOW2_OFFSET && q->data == q->file &&
            copied_wrong(c, entry)) {
            error(c, "L2 entry whose flag contradicts the refcount", at + i, entry);
            mem_st64be(table + i, entry ^ QCOW2_COPIED);
            bad++;
        }
    }
    if (!rc && bad && c->fix & BLK_FIX_ERRORS) {
        rc = blk_co_write(q->file, at, table, size);
        qcow2_cache_drop(q, &q->l2, at, size);
        c->out->errors_fixed += rc ? 0 : bad;
    }
    free(table);
    return rc;
}

static int copied(struct check *c)
{
    struct qcow2 *q = c->q;
    int rc = 0;

    for (uint32_t i = 0; i < q->l1_size && !rc; i++) {
        uint64_t table = q->l1[i] & QCOW2_OFFSET;

        if (!table || !on_border(c, table) || table >> q->cluster_bits >= c->clusters)
            continue;
        if (copied_wrong(c, q->l1[i])) {
            error(c, "L1 entry whose flag contradicts the refcount", q->l1_at + i * 8, q->l1[i]);
            if (c->fix & BLK_FIX_ERRORS) {
                uint8_t bytes[8];

                mem_st64be(bytes, q->l1[i] ^ QCOW2_COPIED);
                rc = blk_co_write(q->file, q->l1_at + i * 8, bytes, 8);
                if (!rc) {
                    q->l1[i] ^= QCOW2_COPIED;
                    c->out->errors_fixed++;
                }
            }
        }
        if (!rc && c->count[table >> q->cluster_bits] <= q->snapshot_count + 1)
            rc = copied_in_l2(c, table);
    }
    return rc;
}

/* ---- all together ---- */

static int count_all(struct check *c, struct err *e)
{
    struct qcow2 *q = c->q;
    int rc;

    refer(c, 0, qcow2_cluster_size(q), "header", 0);
    rc = refer_l1(c, q->l1, q->l1_size, q->l1_at, true);
    if (!rc)
        rc = refer_snapshots(c, e);
    if (!rc)
        rc = refer_bitmaps(c);
    return rc;
}

static int mend_all(struct check *c, uint64_t wrong)
{
    struct qcow2 *q = c->q;
    int rc = 0;

    if (c->rebuild && c->fix & BLK_FIX_ERRORS) {
        /* The old tables are given up with it. */
        q->rt_size = 0;
        qcow2_cache_free(&q->refs);
        qcow2_cache_init(&q->refs, q->refs.max);
        memset(c->count, 0, c->clusters * sizeof(*c->count));
        {
            struct blk_check quiet = {0}, *out = c->out;
            struct err e;

            c->out = &quiet;
            rc = count_all(c, &e);
            c->out = out;
        }
        if (!rc)
            rc = rebuild(c);
        if (!rc)
            c->out->errors_fixed = c->out->errors;
        wrong = 0;
    }
    if (!rc)
        rc = copied(c);
    if (c->fix && !rc) {
        rc = qcow2_commit_all(q);
        if (!rc)
            rc = blk_co_flush(q->file);
    }
    if (!rc && c->fix && q->version >= 3 && !wrong && c->out->errors == c->out->errors_fixed &&
        q->incompatible & (QCOW2_DIRTY | QCOW2_CORRUPT)) {
        rc = qcow2_set_feature(q, QCOW2_DIRTY | QCOW2_CORRUPT, false);
        q->marked = false;
    }
    return rc;
}

int qcow2_check(struct blk *b, unsigned fix, struct blk_check *out, struct err *e)
{
    struct qcow2 *q = b->state;
    struct check c = {.q = q, .out = out, .fix = b->readonly ? 0 : fix};
    uint64_t wrong = 0;
    int rc;

    out->total = (q->size + qcow2_cluster_size(q) - 1) >> q->cluster_bits;
    c.clusters = (q->file->size + qcow2_cluster_size(q) - 1) >> q->cluster_bits;
    c.count = calloc(c.clusters ? c.clusters : 1, sizeof(*c.count));
    if (!c.count)
        return err_set(e, ENOMEM, "cannot check %s", b->path);
    rc = count_all(&c, e);
    if (!rc) {
        refer_refcounts(&c);
        rc = compare(&c, &wrong);
    }
    if (!rc)
        rc = mend_all(&c, wrong);
    free(c.count);
    return rc ? err_set(e, rc, "cannot check %s", b->path) : 0;
}
