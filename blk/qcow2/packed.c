/* Compressed clusters (section "Cluster mapping", compressed descriptors): raw deflate or zstd. */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "blk/qcow2/qcow2.h"

void qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *at, uint64_t *size)
{
    unsigned shift = 62 - (q->cluster_bits - 8);
    uint64_t sectors = bits_extract64(entry, shift, q->cluster_bits - 8) + 1;

    *at = entry & bits_mask64(shift);
    *size = sectors * 512 - (*at & 511);
}

struct job {
    const uint8_t *in;
    uint8_t *out;
    size_t in_size, out_size;
    bool zstd;
    int rc;
    size_t made;
};

static void inflate_job(void *arg)
{
    struct job *j = arg;
    z_stream z = {0};
    int ret;

    j->rc = -EIO;
    if (j->zstd) {
        ZSTD_DCtx *d = ZSTD_createDCtx();
        ZSTD_inBuffer in = {j->in, j->in_size, 0};
        ZSTD_outBuffer out = {j->out, j->out_size, 0};

        /* What follows the frame up to the end of the sector is not part of it. */
        while (d && out.pos < out.size) {
            size_t before = out.pos + in.pos, left = ZSTD_decompressStream(d, &out, &in);

            if (ZSTD_isError(left) || out.pos + in.pos == before)
                break;
        }
        j->rc = d && out.pos == out.size ? 0 : d ? -EIO : -ENOMEM;
        ZSTD_freeDCtx(d);
        return;
    }
    if (inflateInit2(&z, -15) != Z_OK) {
        j->rc = -ENOMEM;
        return;
    }
    z.next_in = (Bytef *)j->in;
    z.avail_in = (uInt)j->in_size;
    z.next_out = j->out;
    z.avail_out = (uInt)j->out_size;
    ret = inflate(&z, Z_FINISH);
    if ((ret == Z_STREAM_END || ret == Z_BUF_ERROR) && !z.avail_out)
        j->rc = 0;
    inflateEnd(&z);
}

/* j->rc -ENOSPC: does not get smaller. */
static void deflate_job(void *arg)
{
    struct job *j = arg;
    z_stream z = {0};

    j->rc = -ENOSPC;
    if (j->zstd) {
        j->made = ZSTD_compress(j->out, j->out_size, j->in, j->in_size, ZSTD_CLEVEL_DEFAULT);
        j->rc = ZSTD_isError(j->made) ? -ENOSPC : 0;
        return;
    }
    /* A window of 4 KB, as other readers expect. */
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        j->rc = -ENOMEM;
        return;
    }
    z.next_in = (Bytef *)j->in;
    z.avail_in = (uInt)j->in_size;
    z.next_out = j->out;
    z.avail_out = (uInt)j->out_size;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
        j->made = j->out_size - z.avail_out;
        j->rc = 0;
    }
    deflateEnd(&z);
}

int qcow2_unpack(struct qcow2 *q, uint64_t entry, const uint8_t **cluster)
{
    struct blk_count *count = &q->data_io[q->epoch];
    struct job j = {.zstd = q->zstd, .out_size = qcow2_cluster_size(q)};
    uint64_t at, size;
    uint8_t *in;

    if (q->unpacked && q->unpacked_entry == entry) {
        *cluster = q->unpacked;
        return 0;
    }
    qcow2_packed_place(q, entry, &at, &size);
    in = blk_buffer(size);
    j.out = blk_buffer(j.out_size);
    j.rc = in && j.out ? 0 : -ENOMEM;
    count->running++;
    if (!j.rc)
        j.rc = blk_co_read(q->file, at, in, size);
    if (!j.rc) {
        j.in = in;
        j.in_size = size;
        blk_co_work(q->b->io, inflate_job, &j);
    }
    blk_count_put(q->b->io, count);
    free(in);
    if (j.rc) {
        free(j.out);
        return j.rc;
    }
    free(q->unpacked);
    q->unpacked = j.out;
    q->unpacked_entry = entry;
    *cluster = j.out;
    return 0;
}

static int store(struct qcow2 *q, uint64_t guest, const uint8_t *data, size_t size)
{
    struct qcow2_alloc alloc = {.first = guest >> q->cluster_bits,
                                .last = guest >> q->cluster_bits};
    unsigned shift = 62 - (q->cluster_bits - 8);
    struct qcow2_slice *s = NULL;
    uint64_t at = 0;
    int rc;

    blk_waitq_init(&alloc.done);
    qcow2_lock_range(q, alloc.first, alloc.last);
    rc = qcow2_relieve(q);
    if (!rc)
        rc = qcow2_l2_for_write(q, guest, &s);
    if (!rc)
        rc = qcow2_alloc_bytes(q, size, &at);
    list_append(&q->allocs, &alloc.link);
    blk_mutex_unlock(q->b->io, &q->lock);
    if (!rc)
        rc = blk_co_write(q->file, at, data, size);
    blk_mutex_lock(q->b->io, &q->lock);
    if (!rc) {
        uint8_t *p = qcow2_entry(q, s, guest);
        uint64_t old = mem_ld64be(p), sectors = ((at + size - 1) >> 9) - (at >> 9);

        mem_st64be(p, at | sectors << shift | QCOW2_COMPRESSED);
        if (q->extended)
            mem_st64be(p + 8, 0);
        qcow2_slice_dirty(&q->l2, s);
        if (old & QCOW2_COMPRESSED)
            qcow2_free_packed(q, old);
        else if (old & QCOW2_OFFSET)
            qcow2_free_clusters(q, old & QCOW2_OFFSET, 1);
    }
    list_remove(&alloc.link);
    blk_wake_all(q->b->io, &alloc.done);
    blk_mutex_unlock(q->b->io, &q->lock);
    if (s)
        qcow2_slice_put(&q->l2, s);
    return rc;
}

int qcow2_co_write_packed(struct qcow2 *q, uint64_t at, uint64_t size, const struct iovec *iov,
                          int niov)
{
    uint64_t cluster = qcow2_cluster_size(q), offset = 0;
    struct job j = {.zstd = q->zstd, .in_size = cluster, .out_size = cluster - 1};
    uint8_t *in;
    int rc = 0;

    if (q->data != q->file)
        return -ENOTSUP;
    if (at & (cluster - 1) || (size & (cluster - 1) && at + size != q->size))
        return -EINVAL;
    in = blk_buffer(cluster);
    j.in = in;
    j.out = blk_buffer(cluster);
    rc = in && j.out ? 0 : -ENOMEM;
    while (offset < size && !rc) {
        uint64_t part = min_of(cluster, size - offset);

        memset(in + part, 0, cluster - part);
        blk_iov_get(iov, niov, offset, in, part);
        blk_co_work(q->b->io, deflate_job, &j);
        if (j.rc == 0) {
            rc = store(q, at + offset, j.out, j.made);
        } else if (j.rc == -ENOSPC) {
            struct iovec one = {in, part};

            rc = qcow2_co_write(q, at + offset, part, &one, 1);
        } else {
            rc = j.rc;
        }
        offset += part;
    }
    free(in);
    free(j.out);
    return rc;
}
