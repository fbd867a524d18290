/*
 * The format driver qcow2: opening and closing, its children, what it says about itself. The rest
 * stands in the files beside, as qcow2.h lists.
 */
#include "blk/qcow2/qcow2.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "blk/conf.h"

enum { L2_CACHE = 32 << 20, REF_CACHE = 8 << 20 };

static int open_snapshot(struct qcow2 *q, const char *name, struct err *e)
{
    const struct qcow2_snapshot *s = qcow2_find_snapshot(q, name);
    uint64_t need;

    if (!s)
        return err_text(e, ENOENT, "%s has no snapshot '%s'; `myna image snapshot -l` lists them",
                        q->b->path, name);
    if (!q->b->readonly)
        return err_text(e, EROFS, "%s: a snapshot can only be read (read-only=on)", q->b->path);
    need = bits_align_up(s->disk_size, UINT64_C(1) << (q->cluster_bits + q->l2_bits)) >>
           (q->cluster_bits + q->l2_bits);
    if (s->l1_size > QCOW2_L1_MAX / 8 || s->l1_offset & (qcow2_cluster_size(q) - 1) ||
        s->l1_size < need || s->disk_size > INT64_MAX - (UINT64_C(1) << 21))
        return err_text(e, EINVAL, "%s: the L1 table of snapshot '%s' is broken", q->b->path, name);
    free(q->l1);
    q->l1_at = s->l1_offset;
    q->l1_size = s->l1_size;
    q->size = s->disk_size;
    q->l1 = qcow2_read_table(q, q->l1_at, q->l1_size, e);
    return q->l1 ? 0 : -e->code;
}

static int open_backing(struct qcow2 *q, struct blk_conf *c, struct err *e)
{
    const json_t *conf = blk_conf_get(c, "backing");
    struct blk_conf child = *c;

    if (c->backing) {
        q->b->backing = c->backing;
        c->backing = NULL;
        return 0;
    }
    if (json_is_null(conf) || c->flags & BLK_NO_BACKING)
        return 0;
    child.flags = BLK_RDONLY | (c->flags & (BLK_NO_LOCK | BLK_DIRECT | BLK_UNSAFE | BLK_NO_IO));
    child.file = child.backing = NULL;
    child.guessed = false;
    if (json_is_object(conf)) {
        child.json = (json_t *)conf;
        child.depth++;
        return blk_node_open(&q->b->backing, &child, e);
    }
    if (conf)
        return err_text(e, EINVAL, "no block node '%s'",
                        json_is_string(conf) ? json_string_value(conf) : "");
    if (!q->backing_name)
        return 0;
    if (blk_named_open(&q->b->backing, &child, q->b->file->path, q->backing_name, q->backing_format,
                       child.flags, e) < 0)
        return err_prefix(e, "backing file of %s", q->b->path);
    return 0;
}

static int open_data(struct qcow2 *q, struct blk_conf *c, struct err *e)
{
    q->data = q->file;
    if (!(q->incompatible & QCOW2_DATA_FILE))
        return 0;
    if (json_is_object(blk_conf_get(c, "data-file"))) {
        int rc = blk_child_open(&q->b->data, c, "data-file", e);

        if (rc)
            return rc;
    } else if (q->data_name) {
        unsigned flags = (c->flags & ~(unsigned)(BLK_FOR_CHECK | BLK_SNAPSHOT)) | BLK_DISCARD;

        if (blk_named_open(&q->b->data, c, q->b->file->path, q->data_name, "raw", flags, e) < 0)
            return err_prefix(e, "data file of %s", q->b->path);
    } else {
        return err_text(e, EINVAL,
                        "%s has its data in another file, but does not name it: give data-file",
                        q->b->path);
    }
    q->data = q->b->data;
    return 0;
}

/* What an image that will be written needs first. */
static int make_writable(struct qcow2 *q, struct err *e)
{
    int rc = 0;

    if (q->incompatible & QCOW2_CORRUPT)
        return err_text(
            e, EUCLEAN,
            "%s is marked as corrupt: mend it with `myna image check -r all`, or open it read-only",
            q->b->path);
    q->writable = true;
    if (q->incompatible & QCOW2_DIRTY) {
        struct blk_check found = {0};

        log_info("%s was not closed: counting its clusters", q->b->path);
        q->marked = true;
        rc = qcow2_check(q->b, BLK_FIX_LEAKS | BLK_FIX_ERRORS, &found, e);
        if (!rc && found.errors > found.errors_fixed)
            rc = err_text(
                e, EUCLEAN,
                "%s was not closed and cannot be mended by itself: see `myna image check -r all`",
                q->b->path);
    }
    if (!rc && q->autoclear & ~(uint64_t)QCOW2_RAW_DATA && q->version >= 3) {
        uint8_t bytes[8];

        q->autoclear &= QCOW2_RAW_DATA;
        q->bitmaps_at = q->bitmaps_size = 0;
        mem_st64be(bytes, q->autoclear);
        rc = blk_co_write(q->file, 88, bytes, 8);
        if (rc)
            err_set(e, rc, "cannot write %s", q->b->path);
    }
    return rc;
}

static int qcow2_open(struct blk *b, struct blk_conf *c, struct err *e)
{
    struct qcow2 *q = mem_new(struct qcow2);
    const char *snapshot = blk_conf_str(c, "snapshot");
    uint64_t l2_cache = L2_CACHE;
    int rc;

    b->state = q;
    q->b = b;
    list_init(&q->allocs);
    blk_mutex_init(&q->lock);
    blk_waitq_init(&q->data_io[0].none);
    blk_waitq_init(&q->data_io[1].none);
    q->checking = c->flags & BLK_FOR_CHECK;
    rc = blk_child_open(&b->file, c, "file", e);
    if (rc)
        return rc;
    q->file = b->file;
    b->readonly |= q->file->readonly;
    free(b->path);
    b->path = mem_strdup(q->file->path);
    rc = qcow2_read_header(q, c, e);
    if (!rc)
        rc = blk_conf_size(c, "l2-cache-size", &l2_cache, e);
    if (rc)
        return rc;
    qcow2_cache_init(&q->l2, (unsigned)max_of(min_of(l2_cache, UINT64_C(1) << 30) / q->slice_size,
                                              (uint64_t)16));
    qcow2_cache_init(&q->refs, REF_CACHE / q->slice_size);
    rc = qcow2_read_tables(q, e);
    if (!rc && snapshot)
        rc = open_snapshot(q, snapshot, e);
    if (!rc)
        rc = open_data(q, c, e);
    if (!rc)
        rc = open_backing(q, c, e);
    q->lazy = q->compatible & QCOW2_LAZY && q->version >= 3;
    if (!rc)
        rc = blk_conf_bool(c, "lazy-refcounts", &q->lazy, e);
    q->lazy &= q->version >= 3;
    q->pass_discard = true;
    if (!rc)
        rc = blk_conf_bool(c, "pass-discard-request", &q->pass_discard, e);
    b->size = q->size;
    b->block_size = 512;
    b->discard_unit = (uint32_t)qcow2_cluster_size(q);
    if (!rc && !b->readonly && !q->checking)
        rc = make_writable(q, e);
    if (!rc && q->checking)
        q->writable = !b->readonly;
    return rc;
}

/* A clean end: nothing is left to write, and the image says so. */
static int finish(struct qcow2 *q)
{
    int rc = 0;

    if (!q->writable || q->broken || q->checking)
        return 0;
    blk_mutex_lock(q->b->io, &q->lock);
    rc = qcow2_commit_all(q);
    if (!rc)
        rc = blk_co_flush(q->file);
    if (!rc && q->data != q->file)
        rc = blk_co_flush(q->data);
    if (!rc && q->incompatible & QCOW2_DIRTY)
        rc = qcow2_set_feature(q, QCOW2_DIRTY, false);
    blk_mutex_unlock(q->b->io, &q->lock);
    return rc;
}

static void qcow2_close(struct blk *b)
{
    struct qcow2 *q = b->state;

    if (!q)
        return;
    if (q->l2.max && finish(q) < 0)
        log_error(
            "%s: cannot write what changed of its tables; `myna image check -r all` will mend them",
            b->path);
    if (q->l2.max) {
        qcow2_cache_free(&q->l2);
        qcow2_cache_free(&q->refs);
    }
    qcow2_free_snapshots(q);
    vec_free(&q->freed);
    free(q->l1);
    free(q->rt);
    free(q->backing_name);
    free(q->backing_format);
    free(q->data_name);
    free(q->unpacked);
    free(q);
}

static int qcow2_status(struct blk *b, uint64_t at, uint64_t size, struct blk_extent *out)
{
    struct qcow2 *q = b->state;
    struct qcow2_extent x;
    int rc = qcow2_map(q, at, size, &x);

    if (rc)
        return rc;
    out->size = x.size;
    switch (x.type) {
    case QCOW2_NORMAL:
        out->flags = BLK_DATA | BLK_ALLOCATED | BLK_MAPPED;
        out->map = x.host;
        break;
    case QCOW2_PACKED:
        out->flags = BLK_DATA | BLK_ALLOCATED | BLK_PACKED;
        break;
    case QCOW2_IS_ZERO:
        out->flags = BLK_ZERO | BLK_ALLOCATED | (x.host ? BLK_MAPPED : 0);
        out->map = x.host;
        break;
    default:
        out->flags =
            (b->backing ? 0 : BLK_ZERO) | (x.host ? BLK_MAPPED : 0); /* a subcluster's place */
        out->map = x.host;
    }
    return 0;
}

static void qcow2_info(struct blk *b, json_t *into)
{
    struct qcow2 *q = b->state;
    json_t *data = json_object(), *specific = json_object();

    json_object_set_new(data, "compat", json_string(q->version >= 3 ? "1.1" : "0.10"));
    json_object_set_new(data, "compression-type", json_string(q->zstd ? "zstd" : "zlib"));
    if (q->version >= 3)
        json_object_set_new(data, "lazy-refcounts", json_boolean(q->compatible & QCOW2_LAZY));
    json_object_set_new(data, "refcount-bits", json_integer(1 << q->ref_order));
    if (q->version >= 3) {
        json_object_set_new(data, "corrupt", json_boolean(q->incompatible & QCOW2_CORRUPT));
        json_object_set_new(data, "extended-l2", json_boolean(q->extended));
    }
    if (q->incompatible & QCOW2_DATA_FILE) {
        json_object_set_new(data, "data-file", json_string(q->data_name ? q->data_name : ""));
        json_object_set_new(data, "data-file-raw", json_boolean(q->autoclear & QCOW2_RAW_DATA));
    }
    json_object_set_new(specific, "type", json_string("qcow2"));
    json_object_set_new(specific, "data", data);
    json_object_set_new(into, "format-specific", specific);
    json_object_set_new(into, "cluster-size", json_integer((json_int_t)qcow2_cluster_size(q)));
    json_object_set_new(into, "dirty-flag",
                        json_boolean(q->incompatible & QCOW2_DIRTY && !q->writable));
    if (q->snapshot_count)
        json_object_set_new(into, "snapshots", qcow2_snapshots_json(q));
    if (q->backing_name) {
        char *full = !strncmp(q->backing_name, "json:", 5)
                         ? mem_strdup(q->backing_name)
                         : blk_path_join(q->file->path, q->backing_name);

        json_object_set_new(into, "backing-filename", json_string(q->backing_name));
        json_object_set_new(into, "full-backing-filename", json_string(full));
        if (q->backing_format)
            json_object_set_new(into, "backing-filename-format", json_string(q->backing_format));
        free(full);
    }
}

static const char *const qcow2_keys[] = {"file",
                                         "backing",
                                         "data-file",
                                         "snapshot",
                                         "lazy-refcounts",
                                         "l2-cache-size",
                                         "refcount-cache-size",
                                         "cache-size",
                                         "l2-cache-entry-size",
                                         "cache-clean-interval",
                                         "overlap-check",
                                         "pass-discard-request",
                                         "pass-discard-snapshot",
                                         "pass-discard-other",
                                         "discard-no-unref",
                                         NULL};

const struct blk_driver blk_driver_qcow2 = {
    .name = "qcow2",
    .keys = qcow2_keys,
    .open = qcow2_open,
    .close = qcow2_close,
    .start = qcow2_start,
    .serve = qcow2_serve,
    .status = qcow2_status,
    .resize = qcow2_resize,
    .check = qcow2_check,
    .info = qcow2_info,
};
