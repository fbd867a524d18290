/*
 * New qcow2 images: header, one refcount block, and an L1 table by way of resizing. Knows not who
 * asks.
 */
#include <errno.h>
#include <stdlib.h>

#include "blk/conf.h"
#include "blk/qcow2/qcow2.h"

static int check_options(const struct blk_create *o, struct err *e)
{
    uint64_t cluster = o->cluster_size ? o->cluster_size : 65536;
    unsigned bits = o->refcount_bits ? o->refcount_bits : 16, version = o->version ? o->version : 3;

    if (!bits_is_pow2(cluster) || cluster < 512 || cluster > 2 << 20)
        return err_text(e, EINVAL, "cluster_size: a power of two between 512 and 2M");
    if (!bits_is_pow2(bits) || bits > 64)
        return err_text(e, EINVAL, "refcount_bits: a power of two up to 64");
    if (version != 2 && version != 3)
        return err_text(e, EINVAL, "compat: 0.10 (version 2) or 1.1 (version 3)");
    if (version == 2 &&
        (bits != 16 || o->lazy_refcounts || o->extended_l2 || o->zstd || o->data_file))
        return err_text(e, EINVAL,
                        "compat=0.10 has none of refcount_bits, lazy_refcounts, extended_l2, zstd, "
                        "data_file: use compat=1.1");
    if (o->extended_l2 && cluster < 16384)
        return err_text(e, EINVAL, "extended_l2 needs a cluster_size of 16k or more");
    if (o->data_file_raw && !o->data_file)
        return err_text(e, EINVAL, "data_file_raw needs data_file");
    if (o->data_file && o->backing && o->data_file_raw)
        return err_text(e, EINVAL, "a raw data file cannot have a backing file");
    if (o->backing && strlen(o->backing) > 1023)
        return err_text(e, EINVAL, "the name of the backing file is too long (1023 bytes at most)");
    if (o->preallocation && o->backing && !o->extended_l2)
        return err_text(e, EINVAL,
                        "preallocation together with a backing file needs extended_l2=on");
    return 0;
}

/* Header in cluster 0, refcount table in 1, the first refcount block in 2. */
static int write_start(struct qcow2 *q)
{
    uint64_t size = qcow2_cluster_size(q);
    uint8_t *data = blk_buffer(size);
    int rc;

    if (!data)
        return -ENOMEM;
    memset(data, 0, size);
    mem_st64be(data, 2 * size);
    rc = blk_co_write(q->file, size, data, size);
    memset(data, 0, 8);
    for (unsigned i = 0; i < 3; i++)
        qcow2_ref_write(data, i, q->ref_order, 1);
    if (!rc)
        rc = blk_co_write(q->file, 2 * size, data, size);
    free(data);
    return rc ? rc : qcow2_write_header(q);
}

int blk_qcow2_format(struct blk **place, const struct blk_create *o, struct err *e)
{
    struct blk *file = *place;
    struct qcow2 q = {.file = file, .data = file};
    struct blk_conf c = {.io = file->io, .loop = file->loop, .file = file};
    struct blk *b;
    int rc = check_options(o, e);

    if (rc)
        return rc;
    q.version = o->version ? o->version : 3;
    q.cluster_bits = bits_ctz64(o->cluster_size ? o->cluster_size : 65536);
    q.ref_order = bits_ctz64(o->refcount_bits ? o->refcount_bits : 16);
    q.zstd = o->zstd;
    q.incompatible = (o->zstd ? QCOW2_COMPRESSION : 0) | (o->extended_l2 ? QCOW2_EXTENDED : 0) |
                     (o->data_file ? QCOW2_DATA_FILE : 0);
    q.compatible = o->lazy_refcounts ? QCOW2_LAZY : 0;
    q.autoclear = o->data_file_raw ? QCOW2_RAW_DATA : 0;
    q.rt_at = qcow2_cluster_size(&q);
    q.rt_size = (uint32_t)(qcow2_cluster_size(&q) / 8);
    q.backing_name = (char *)o->backing;
    q.backing_format = (char *)o->backing_format;
    q.data_name = (char *)o->data_file;
    rc = write_start(&q);
    if (rc)
        return err_set(e, rc, "cannot write %s", file->path);

    /* The rest as to any image. The node goes again, the file stays. */
    c.flags = BLK_NO_BACKING | BLK_UNSAFE | BLK_DISCARD;
    c.json = json_object();
    json_object_set_new(c.json, "driver", json_string("qcow2"));
    if (o->data_file) {
        json_t *data = json_object();

        char *path = blk_path_join(file->path, o->data_file);

        json_object_set_new(data, "driver", json_string("file"));
        json_object_set_new(data, "filename", json_string(path));
        json_object_set_new(c.json, "data-file", data);
        free(path);
    }
    rc = blk_node_open(&b, &c, e);
    json_decref(c.json);
    if (rc) {
        *place = NULL; /* closed with it */
        return rc;
    }
    rc = blk_resize(b, o->size, false, o->preallocation, e);
    b->file = NULL;
    blk_node_close(b);
    return rc;
}
