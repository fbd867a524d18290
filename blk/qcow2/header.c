/*
 * The header of a qcow2 file, its extensions and tables: reading with every field checked, and
 * writing back. Knows not what the tables point to.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"
#include "blk/qcow2/qcow2.h"
#include "blk/trace.def"

enum {
    EXT_END = 0,
    EXT_BACKING_FORMAT = (int)0xe2792aca,
    EXT_FEATURES = 0x6803f857,
    EXT_BITMAPS = 0x23852875,
    EXT_CRYPTO = 0x0537be77,
    EXT_DATA_FILE = 0x44415441,
};

int qcow2_corrupt(struct qcow2 *q, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (q->broken || q->checking)
        return -EIO;
    q->broken = true;
    trace_at(qcow2_corrupt, blk_name(q->b), "%s", text);
    log_error("%s: the image is corrupt: %s; `myna image check -r all` may mend it", q->b->path,
              text);
    if (q->writable && q->version >= 3 && !(q->incompatible & QCOW2_CORRUPT) &&
        qcow2_set_feature(q, QCOW2_CORRUPT, true) < 0)
        log_error("%s: cannot be marked as corrupt", q->b->path);
    return -EIO;
}

int qcow2_set_feature(struct qcow2 *q, uint64_t bit, bool on)
{
    uint64_t now = on ? q->incompatible | bit : q->incompatible & ~bit;
    uint8_t bytes[8];
    int rc;

    mem_st64be(bytes, now);
    rc = blk_co_write(q->file, 72, bytes, 8);
    if (!rc)
        rc = blk_co_flush(q->file);
    if (!rc)
        q->incompatible = now;
    return rc;
}

/* ---- reading ---- */

static void feature_name(const uint8_t *table, size_t size, unsigned bit, char *name)
{
    static const char *const known[] = {"dirty bit", "corrupt bit", "external data file",
                                        "compression type", "extended L2 entries"};

    for (size_t i = 0; i + 48 <= size; i += 48) {
        if (table[i] == 0 && table[i + 1] == bit) {
            snprintf(name, 47, "%.46s", (const char *)table + i + 2);
            return;
        }
    }
    snprintf(name, 47, "%s", bit < array_size(known) ? known[bit] : "no name given");
}

static int unknown_features(struct qcow2 *q, const uint8_t *table, size_t size, struct err *e)
{
    unsigned bit = bits_ctz64(q->incompatible & ~(uint64_t)QCOW2_KNOWN);
    char name[47];

    feature_name(table, size, bit, name);
    for (char *p = name; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return err_text(e, ENOTSUP,
                    "%s uses the qcow2 feature '%s' (incompatible bit %u), which is not supported",
                    q->b->path, name, bit);
}

static char *text_of(const uint8_t *p, size_t size)
{
    char *text = mem_alloc(size + 1);

    memcpy(text, p, size);
    text[size] = '\0';
    return text;
}

static int one_extension(struct qcow2 *q, uint32_t type, const uint8_t *p, uint32_t size,
                         struct err *e)
{
    switch (type) {
    case EXT_BACKING_FORMAT:
        if (size > 64)
            return err_text(e, EINVAL, "%s: the name of the backing format is too long",
                            q->b->path);
        free(q->backing_format);
        q->backing_format = text_of(p, size);
        break;
    case EXT_DATA_FILE:
        free(q->data_name);
        q->data_name = text_of(p, size);
        break;
    case EXT_BITMAPS:
        if (size < 24)
            return err_text(e, EINVAL, "%s: the bitmaps extension is too short", q->b->path);
        if (q->autoclear & QCOW2_BITMAPS) {
            q->bitmaps_size = mem_ld64be(p + 8);
            q->bitmaps_at = mem_ld64be(p + 16);
            q->bitmap_count = mem_ld32be(p);
        }
        break;
    case EXT_CRYPTO:
        return err_text(e, ENOTSUP, "%s is encrypted (LUKS), which is not supported", q->b->path);
    }
    return 0;
}

/* Features are judged after the table that names them. */
static int extensions(struct qcow2 *q, const uint8_t *head, size_t from, size_t end, struct err *e)
{
    const uint8_t *features = NULL;
    size_t feature_size = 0;
    int rc = 0;

    while (!rc && from + 8 <= end) {
        uint32_t type = mem_ld32be(head + from), size = mem_ld32be(head + from + 4);

        from += 8;
        if (type == EXT_END)
            break;
        if (size > end - from)
            return err_text(e, EINVAL, "%s: a header extension (%#x) is longer than the header",
                            q->b->path, type);
        if (type == EXT_FEATURES) {
            features = head + from;
            feature_size = size;
        } else {
            rc = one_extension(q, type, head + from, size, e);
        }
        from += bits_align_up(size, 8);
    }
    if (!rc && q->incompatible & ~(uint64_t)QCOW2_KNOWN)
        rc = unknown_features(q, features, feature_size, e);
    return rc;
}

static int geometry(struct qcow2 *q, const uint8_t *h, struct err *e)
{
    const char *path = q->b->path;

    q->cluster_bits = mem_ld32be(h + 20);
    if (q->cluster_bits < 9 || q->cluster_bits > 21)
        return err_text(e, EINVAL, "%s: clusters of 2^%u bytes: 512 to 2 MB are possible", path,
                        q->cluster_bits);
    if (mem_ld32be(h + 32))
        return err_text(e, ENOTSUP, "%s is encrypted (%s), which is not supported", path,
                        mem_ld32be(h + 32) == 1 ? "AES" : "LUKS");
    q->ref_order = q->version >= 3 ? mem_ld32be(h + 96) : 4;
    if (q->ref_order > 6)
        return err_text(e, EINVAL, "%s: refcounts of 2^%u bits: at most 64 are possible", path,
                        q->ref_order);
    q->extended = q->incompatible & QCOW2_EXTENDED;
    if (q->extended && q->cluster_bits < 14)
        return err_text(e, EINVAL, "%s: extended L2 entries need clusters of 16 KB or more", path);
    q->entry_size = q->extended ? 16 : 8;
    q->sub_bits = q->cluster_bits - (q->extended ? 5 : 0);
    q->l2_bits = q->cluster_bits - (q->extended ? 4 : 3);
    q->ref_bits = q->cluster_bits + 3 - q->ref_order;
    q->slice_size = min_of(1u << q->cluster_bits, 16384u);
    q->slice_bits = bits_ctz64(q->slice_size / q->entry_size);
    q->size = mem_ld64be(h + 24);
    if (q->size > INT64_MAX - (UINT64_C(1) << 21))
        return err_text(e, EFBIG, "%s: the size %#llx is too large", path,
                        (unsigned long long)q->size);
    q->l1_size = mem_ld32be(h + 36);
    q->l1_at = mem_ld64be(h + 40);
    q->rt_at = mem_ld64be(h + 48);
    if (q->l1_size > QCOW2_L1_MAX / 8)
        return err_text(e, EFBIG, "%s: the L1 table is too large (%u entries)", path, q->l1_size);
    if (!mem_ld32be(h + 56) && !q->checking)
        return err_text(e, EINVAL,
                        "%s has no refcount table: `myna image check -r all` may mend it", path);
    if (((uint64_t)mem_ld32be(h + 56) << q->cluster_bits) > QCOW2_RT_MAX)
        return err_text(e, EFBIG, "%s: the refcount table is too large", path);
    q->rt_size = mem_ld32be(h + 56) << (q->cluster_bits - 3);
    if (q->l1_size < (bits_align_up(q->size, UINT64_C(1) << (q->cluster_bits + q->l2_bits)) >>
                      (q->cluster_bits + q->l2_bits)))
        return err_text(e, EINVAL, "%s: the L1 table is too small for the image's size", path);
    if (q->l1_size &&
        (q->l1_at >= q->file->size ||
         (uint64_t)q->l1_size * 8 > bits_align_up(q->file->size, 1u << 21) - q->l1_at))
        return err_text(e, EINVAL, "%s: the L1 table is outside of the file", path);
    if (q->rt_at >= q->file->size && !q->checking)
        return err_text(
            e, EINVAL,
            "%s: the refcount table is outside of the file: `myna image check -r all` may mend it",
            path);
    if ((q->l1_at | q->rt_at) & (qcow2_cluster_size(q) - 1))
        return err_text(e, EINVAL, "%s: a table is not on a cluster's border", path);
    return 0;
}

static int features(struct qcow2 *q, const uint8_t *h, struct err *e)
{
    const char *path = q->b->path;

    q->header_length = 72;
    if (q->version < 3)
        return 0;
    q->incompatible = mem_ld64be(h + 72);
    q->compatible = mem_ld64be(h + 80);
    q->autoclear = mem_ld64be(h + 88);
    q->header_length = mem_ld32be(h + 100);
    if (q->header_length < 104 || q->header_length > 1024)
        return err_text(e, EINVAL, "%s: a header of %u bytes is not possible", path,
                        q->header_length);
    if (q->header_length > 104 && q->incompatible & QCOW2_COMPRESSION) {
        if (h[104] > 1)
            return err_text(e, ENOTSUP, "%s: compression type %u is not known", path, h[104]);
        q->zstd = h[104] == 1;
    } else if (q->incompatible & QCOW2_COMPRESSION) {
        return err_text(e, EINVAL, "%s: the header says no compression type", path);
    }
    return 0;
}

int qcow2_read_header(struct qcow2 *q, const struct blk_conf *c, struct err *e)
{
    enum { HEAD_MAX = 65536 };
    uint64_t backing_at, size, head_size;
    uint8_t *h = blk_buffer(HEAD_MAX);
    int rc;

    (void)c;
    if (!h)
        return err_set(e, ENOMEM, "cannot open %s", q->b->path);
    rc = blk_co_read(q->file, 0, h, HEAD_MAX);
    if (rc) {
        rc = err_set(e, rc, "cannot read %s", q->b->path);
        goto out;
    }
    q->version = mem_ld32be(h + 4);
    if (mem_ld32be(h) != QCOW2_MAGIC || q->version < 2 || q->version > 3) {
        rc = mem_ld32be(h) != QCOW2_MAGIC
                 ? err_text(e, EINVAL, "%s is not a qcow2 image", q->b->path)
                 : err_text(e, ENOTSUP, "%s is of qcow2 version %u; 2 and 3 are supported",
                            q->b->path, q->version);
        goto out;
    }
    rc = features(q, h, e);
    /* What a feature means for the fields stays open until it is known. */
    if (!rc && !(q->incompatible & ~(uint64_t)QCOW2_KNOWN))
        rc = geometry(q, h, e);
    if (rc)
        goto out;
    backing_at = mem_ld64be(h + 8);
    size = mem_ld32be(h + 16);
    head_size = q->cluster_bits ? min_of(qcow2_cluster_size(q), (uint64_t)HEAD_MAX) : 512;
    if (backing_at && (size > 1023 || backing_at > head_size || size > head_size - backing_at ||
                       backing_at < q->header_length)) {
        rc = err_text(e, EINVAL, "%s: the name of the backing file is not within the header",
                      q->b->path);
        goto out;
    }
    rc = extensions(q, h, q->header_length, backing_at ? backing_at : head_size, e);
    if (!rc && backing_at && size)
        q->backing_name = text_of(h + backing_at, size);
    if (!rc)
        rc = qcow2_read_snapshots(q, mem_ld32be(h + 60), mem_ld64be(h + 64), e);
out:
    free(h);
    return rc;
}

uint64_t *qcow2_read_table(struct qcow2 *q, uint64_t at, uint64_t entries, struct err *e)
{
    uint64_t *table = blk_buffer(entries * 8);
    int rc = table ? blk_co_read(q->file, at, table, entries * 8) : -ENOMEM;

    if (rc) {
        err_set(e, rc, "%s: cannot read a table", q->b->path);
        free(table);
        return NULL;
    }
    for (uint64_t i = 0; i < entries; i++)
        table[i] = mem_ld64be(&table[i]);
    return table;
}

int qcow2_read_tables(struct qcow2 *q, struct err *e)
{
    q->l1 = qcow2_read_table(q, q->l1_at, q->l1_size, e);
    if (!q->l1)
        return -e->code;
    q->rt = qcow2_read_table(q, q->rt_at, q->rt_size, e);
    if (!q->rt)
        return -e->code;
    for (uint32_t i = 0; i < q->rt_size; i++)
        q->rt[i] &= ~UINT64_C(511);
    return 0;
}

/* ---- writing ---- */

static size_t put_extension(uint8_t *h, size_t at, uint32_t type, const void *data, size_t size)
{
    mem_st32be(h + at, type);
    mem_st32be(h + at + 4, (uint32_t)size);
    memcpy(h + at + 8, data, size);
    return at + 8 + bits_align_up(size, 8);
}

static size_t put_features(uint8_t *h, size_t at)
{
    static const struct {
        uint8_t kind, bit;
        const char *name;
    } table[] = {
        {0, 0, "dirty bit"},        {0, 1, "corrupt bit"},         {0, 2, "external data file"},
        {0, 3, "compression type"}, {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"},
        {2, 0, "bitmaps"},          {2, 1, "raw external data"},
    };
    uint8_t bytes[array_size(table) * 48] = {0};

    for (size_t i = 0; i < array_size(table); i++) {
        bytes[i * 48] = table[i].kind;
        bytes[i * 48 + 1] = table[i].bit;
        memcpy(bytes + i * 48 + 2, table[i].name, strlen(table[i].name));
    }
    return put_extension(h, at, EXT_FEATURES, bytes, sizeof(bytes));
}

static size_t put_fields(const struct qcow2 *q, uint8_t *h)
{
    mem_st32be(h, QCOW2_MAGIC);
    mem_st32be(h + 4, q->version);
    mem_st32be(h + 20, q->cluster_bits);
    mem_st64be(h + 24, q->size);
    mem_st32be(h + 36, q->l1_size);
    mem_st64be(h + 40, q->l1_at);
    mem_st64be(h + 48, q->rt_at);
    mem_st32be(h + 56, q->rt_size >> (q->cluster_bits - 3));
    mem_st32be(h + 60, q->snapshot_count);
    mem_st64be(h + 64, q->snapshots_at);
    if (q->version < 3)
        return 72;
    mem_st64be(h + 72, q->incompatible);
    mem_st64be(h + 80, q->compatible);
    mem_st64be(h + 88, q->autoclear);
    mem_st32be(h + 96, q->ref_order);
    mem_st32be(h + 100, 112);
    h[104] = q->zstd;
    return 112;
}

int qcow2_write_header(struct qcow2 *q)
{
    size_t size = qcow2_cluster_size(q), at, names = 48 * 8 + 8;
    size_t room = 112 + 8 + (q->backing_name ? strlen(q->backing_name) : 0) +
                  (q->backing_format ? strlen(q->backing_format) + 16 : 0) +
                  (q->data_name ? strlen(q->data_name) + 16 : 0) + (q->bitmaps_at ? 32 : 0);
    uint8_t *h;
    int rc;

    if (room > size)
        return -ENOSPC;
    h = blk_buffer(size);
    if (!h)
        return -ENOMEM;
    memset(h, 0, size);
    at = put_fields(q, h);
    if (q->backing_format)
        at = put_extension(h, at, EXT_BACKING_FORMAT, q->backing_format, strlen(q->backing_format));
    if (q->data_name)
        at = put_extension(h, at, EXT_DATA_FILE, q->data_name, strlen(q->data_name));
    if (q->version >= 3 && room + names <= size)
        at = put_features(h, at);
    if (q->bitmaps_at) {
        uint8_t ext[24] = {0};

        mem_st32be(ext, q->bitmap_count);
        mem_st64be(ext + 8, q->bitmaps_size);
        mem_st64be(ext + 16, q->bitmaps_at);
        at = put_extension(h, at, EXT_BITMAPS, ext, sizeof(ext));
    }
    at = put_extension(h, at, EXT_END, "", 0);
    if (q->backing_name) {
        memcpy(h + at, q->backing_name, strlen(q->backing_name));
        mem_st64be(h + 8, at);
        mem_st32be(h + 16, (uint32_t)strlen(q->backing_name));
    }
    rc = blk_co_write(q->file, 0, h, size);
    free(h);
    return rc;
}
