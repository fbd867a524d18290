/*
 * Writes to a qcow2 image: in place where a cluster is its own, else into new clusters with what
 * the old ones held around it (copy on write). Knows not when metadata reaches the disk.
 */
#include <errno.h>
#include <stdlib.h>

#include "blk/qcow2/qcow2.h"

/* One allocating write. Addresses are the guest's; clusters first..last. */
struct fresh {
    struct qcow2_alloc alloc;
    struct qcow2_slice *slice;
    uint64_t at, end;  /* what the request writes */
    uint64_t from, to; /* and with what is copied around it */
    uint64_t host;     /* of cluster `first` */
    bool reuse;        /* host clusters that the entries have already */
    bool hole;         /* the new clusters are behind the end of the file: zeros need no write */
    bool copies;       /* old data moves */
};

static struct qcow2_alloc *find_alloc(struct qcow2 *q, uint64_t first, uint64_t last)
{
    list_for_each (struct qcow2_alloc, a, link, &q->allocs) {
        if (a->first <= last && first <= a->last)
            return a;
    }
    return NULL;
}

void qcow2_lock_range(struct qcow2 *q, uint64_t first, uint64_t last)
{
    struct qcow2_alloc *a;

    blk_mutex_lock(q->b->io, &q->lock);
    while ((a = find_alloc(q, first, last))) {
        blk_mutex_unlock(q->b->io, &q->lock);
        blk_wait(q->b->io, &a->done);
        blk_mutex_lock(q->b->io, &q->lock);
    }
}

static uint64_t entry_at(const struct qcow2 *q, struct qcow2_slice *s, uint64_t cluster)
{
    return mem_ld64be(qcow2_entry(q, s, cluster << q->cluster_bits));
}

static bool stored(const struct qcow2 *q, uint64_t entry)
{
    return !(entry & QCOW2_COMPRESSED) &&
           (entry & QCOW2_OFFSET || (q->data != q->file && entry & QCOW2_COPIED));
}

static bool own(const struct qcow2 *q, uint64_t entry)
{
    return stored(q, entry) && entry & QCOW2_COPIED;
}

/* How many clusters from `first` on are treated alike; 0: the first may be written in place by now.
 */
static uint64_t plan_run(struct qcow2 *q, struct fresh *f, uint64_t first, uint64_t last)
{
    uint64_t entry = entry_at(q, f->slice, first), n = 1;

    f->reuse = own(q, entry);
    f->host = entry & QCOW2_OFFSET;
    if (f->reuse && !q->extended && !(entry & QCOW2_ZERO))
        return 0;
    for (; first + n <= last; n++) {
        entry = entry_at(q, f->slice, first + n);
        if (own(q, entry) != f->reuse)
            break;
        if (f->reuse && ((entry & QCOW2_OFFSET) != f->host + (n << q->cluster_bits) ||
                         (!q->extended && !(entry & QCOW2_ZERO))))
            break;
    }
    return n;
}

/* Must the whole cluster move, or only the touched subclusters be filled? */
static bool whole(const struct qcow2 *q, const struct fresh *f, uint64_t entry)
{
    if (!q->extended)
        return true;
    return !f->reuse && (stored(q, entry) || entry & QCOW2_COMPRESSED);
}

static bool sub_is_data(const struct qcow2 *q, const struct fresh *f, uint64_t at)
{
    const uint8_t *p = qcow2_entry(q, f->slice, at);
    unsigned sub = (unsigned)((at & (qcow2_cluster_size(q) - 1)) >> q->sub_bits);

    return q->extended && f->reuse && mem_ld64be(p + 8) >> sub & 1;
}

static void plan_copies(struct qcow2 *q, struct fresh *f)
{
    uint64_t cluster = qcow2_cluster_size(q), sub = UINT64_C(1) << q->sub_bits;
    uint64_t unit = whole(q, f, entry_at(q, f->slice, f->alloc.first)) ? cluster : sub;

    f->from = sub_is_data(q, f, f->at) ? f->at : bits_align_down(f->at, unit);
    unit = whole(q, f, entry_at(q, f->slice, f->alloc.last)) ? cluster : sub;
    f->to = sub_is_data(q, f, f->end - 1) ? f->end : bits_align_up(f->end, unit);
}

/* Finds a place for the first part of [at, at + size); f->end == at: look again. With the lock. */
static int plan(struct qcow2 *q, struct fresh *f, uint64_t at, uint64_t size)
{
    uint64_t first = at >> q->cluster_bits, last = (at + size - 1) >> q->cluster_bits, n;
    int rc;

    f->at = f->end = at;
    rc = qcow2_relieve(q);
    if (!rc)
        rc = qcow2_l2_for_write(q, at, &f->slice);
    if (rc)
        return rc;
    last = min_of(last, first | bits_mask64(q->slice_bits));
    list_for_each (struct qcow2_alloc, a, link, &q->allocs) {
        if (a->first > first)
            last = min_of(last, a->first - 1);
    }
    n = plan_run(q, f, first, last);
    if (!n)
        return 0;
    if (!f->reuse && q->data != q->file) {
        f->host =
            first << q->cluster_bits; /* an external file has every cluster at its own address */
        rc = qcow2_mark_dirty(q);
    } else if (!f->reuse) {
        rc = qcow2_alloc_clusters(q, n, false, &f->host, &n);
        f->hole = f->host >= q->file->size && q->file->driver == &blk_driver_file;
    }
    if (rc)
        return rc;
    f->alloc.first = first;
    f->alloc.last = first + n - 1;
    f->end = min_of(at + size, (f->alloc.last + 1) << q->cluster_bits);
    plan_copies(q, f);
    blk_waitq_init(&f->alloc.done);
    list_append(&q->allocs, &f->alloc.link);
    return 0;
}

static bool reads_as_zero(struct qcow2 *q, uint64_t at, uint64_t size)
{
    while (size) {
        struct qcow2_extent x;

        if (qcow2_map(q, at, size, &x) < 0)
            return false;
        if (x.type != QCOW2_IS_ZERO &&
            (x.type != QCOW2_UNALLOCATED || (q->b->backing && at < q->b->backing->size)))
            return false;
        at += x.size;
        size -= x.size;
    }
    return true;
}

/* What the old clusters hold in [at, at + size); *out NULL: nothing that needs writing. */
static int copy_old(struct qcow2 *q, struct fresh *f, uint64_t at, uint64_t size, char **out)
{
    struct iovec iov;
    bool zero;
    int rc;

    *out = NULL;
    if (!size)
        return 0;
    zero = reads_as_zero(q, at, size);
    if (zero && f->hole)
        return 0;
    *out = blk_buffer(size);
    if (!*out)
        return -ENOMEM;
    if (zero) {
        memset(*out, 0, size);
        return 0;
    }
    f->copies = true;
    iov = (struct iovec){*out, size};
    rc = qcow2_co_read(q, at, size, &iov, 1, 0);
    return rc;
}

static int write_out(struct qcow2 *q, struct fresh *f, const struct iovec *iov, int niov,
                     uint64_t offset)
{
    uint64_t size = f->end - f->at, host = f->host - (f->alloc.first << q->cluster_bits);
    char *head, *tail = NULL;
    struct iovec *all = NULL;
    int count = 0, rc;

    rc = copy_old(q, f, f->from, f->at - f->from, &head);
    if (!rc)
        rc = copy_old(q, f, f->end, f->to - f->end, &tail);
    if (rc)
        goto out;
    all = mem_array(struct iovec, niov + 2);
    if (head)
        all[count++] = (struct iovec){head, f->at - f->from};
    count += blk_iov_slice(all + count, iov, niov, offset, size);
    if (tail)
        all[count++] = (struct iovec){tail, f->to - f->end};
    rc = blk_co(q->data, BLK_OP_WRITE, host + (head ? f->from : f->at), blk_iov_size(all, count),
                all, count, 0);
out:
    free(all);
    free(head);
    free(tail);
    return rc;
}

/* The entry of one cluster, now that its data is there. */
static void link_one(struct qcow2 *q, struct fresh *f, uint64_t cluster)
{
    uint64_t start = cluster << q->cluster_bits, size = qcow2_cluster_size(q);
    uint8_t *p = qcow2_entry(q, f->slice, start);
    uint64_t old = mem_ld64be(p);

    if (q->extended) {
        uint64_t lo = (max_of(f->from, start) - start) >> q->sub_bits;
        uint64_t hi =
            (min_of(bits_align_up(f->to, UINT64_C(1) << q->sub_bits), start + size) - start) >>
            q->sub_bits;
        uint64_t set = bits_mask64((unsigned)hi) & ~bits_mask64((unsigned)lo);
        uint64_t bits = old & QCOW2_COMPRESSED ? 0 : mem_ld64be(p + 8);

        mem_st64be(p + 8, (bits | set) & ~(set << 32));
    }
    mem_st64be(p, (f->host + ((cluster - f->alloc.first) << q->cluster_bits)) | QCOW2_COPIED);
    if (f->reuse)
        return;
    if (old & QCOW2_COMPRESSED)
        qcow2_free_packed(q, old);
    else if (old & QCOW2_OFFSET && q->data == q->file)
        qcow2_free_clusters(q, old & QCOW2_OFFSET, 1);
}

static void link_new(struct qcow2 *q, struct fresh *f, int rc)
{
    if (rc) {
        if (!f->reuse && q->data == q->file)
            qcow2_free_clusters(q, f->host, f->alloc.last - f->alloc.first + 1);
        return;
    }
    for (uint64_t c = f->alloc.first; c <= f->alloc.last; c++)
        link_one(q, f, c);
    qcow2_slice_dirty(&q->l2, f->slice);
    q->copied_data |= f->copies;
}

/* Writes the first part of a request where it must allocate; *done: bytes, 0: look again. */
static int write_new(struct qcow2 *q, uint64_t at, uint64_t size, const struct iovec *iov, int niov,
                     uint64_t offset, uint64_t *done)
{
    struct fresh f = {0};
    int rc;

    *done = 0;
    qcow2_lock_range(q, at >> q->cluster_bits, at >> q->cluster_bits);
    rc = plan(q, &f, at, size);
    blk_mutex_unlock(q->b->io, &q->lock);
    if (!rc && f.end > f.at) {
        rc = write_out(q, &f, iov, niov, offset);
        blk_mutex_lock(q->b->io, &q->lock);
        link_new(q, &f, rc);
        list_remove(&f.alloc.link);
        blk_wake_all(q->b->io, &f.alloc.done);
        blk_mutex_unlock(q->b->io, &q->lock);
        *done = f.end - f.at;
    }
    if (f.slice)
        qcow2_slice_put(&q->l2, f.slice);
    return rc;
}

int qcow2_co_write(struct qcow2 *q, uint64_t at, uint64_t size, const struct iovec *iov, int niov)
{
    uint64_t offset = 0;
    struct blk_join j;
    int rc = 0, late;

    blk_join_init(&j, q->b->io);
    while (offset < size && !rc) {
        struct qcow2_extent x;
        uint64_t done;

        rc = qcow2_map(q, at + offset, size - offset, &x);
        if (rc)
            break;
        done = x.size;
        if (x.type == QCOW2_NORMAL && x.in_place && !qcow2_inside(q, &x)) {
            rc = qcow2_corrupt(q, "guest address %#llx is at %#llx, outside of the file",
                               (unsigned long long)(at + offset), (unsigned long long)x.host);
            break;
        }
        if (x.type == QCOW2_NORMAL && x.in_place)
            blk_join_add(&j, q->data, BLK_OP_WRITE, x.host, x.size, iov, niov, offset, 0,
                         &q->data_io[q->epoch]);
        else
            rc = write_new(q, at + offset, size - offset, iov, niov, offset, &done);
        offset += done;
    }
    late = blk_join_wait(&j);
    return rc ? rc : late;
}
