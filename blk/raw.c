/* The format raw: a file as it is, or a part of it. Knows nothing of what the file is. */
#include <errno.h>

#include "base/bits.h"
#include "blk/conf.h"
#include "blk/driver.h"

struct raw {
    uint64_t offset;
    bool part;
    bool guessed; /* nobody said that the format is raw */
};

static int raw_open(struct blk *b, struct blk_conf *c, struct err *e)
{
    struct raw *raw = mem_new(struct raw);
    uint64_t size = UINT64_MAX;
    int rc;

    b->state = raw;
    raw->guessed = c->guessed;
    rc = blk_child_open(&b->file, c, "file", e);
    if (!rc)
        rc = blk_conf_size(c, "offset", &raw->offset, e);
    if (!rc)
        rc = blk_conf_size(c, "size", &size, e);
    if (rc)
        return rc;
    b->readonly |= b->file->readonly;
    b->block_size = b->file->block_size;
    b->discard_unit = b->file->discard_unit;
    raw->part = size != UINT64_MAX || raw->offset;
    if (raw->offset > b->file->size)
        return err_text(e, EINVAL, "raw: offset %llu is behind the end of %s (%llu bytes)",
                        (unsigned long long)raw->offset, b->file->path,
                        (unsigned long long)b->file->size);
    if (size == UINT64_MAX)
        size = bits_align_up(b->file->size - raw->offset, 512);
    else if (size > b->file->size - raw->offset)
        return err_text(e, EINVAL, "raw: %llu bytes at offset %llu do not fit in %s (%llu bytes)",
                        (unsigned long long)size, (unsigned long long)raw->offset, b->file->path,
                        (unsigned long long)b->file->size);
    b->size = size;
    return 0;
}

static void raw_close(struct blk *b)
{
    free(b->state);
}

/* A guest that writes the head of another format to a guessed raw image would choose how, and over
 * which backing file of the host, it is opened next time. */
static bool disguises(const struct blk_req *r)
{
    char head[72];

    if (r->op != BLK_OP_WRITE || r->at >= sizeof(head))
        return false;
    memset(head, 0, sizeof(head));
    blk_iov_get(r->iov, r->niov, 0, head + r->at, min_of(r->size, sizeof(head) - r->at));
    return blk_probe_bytes(head, sizeof(head));
}

static bool raw_start(struct blk *b, struct blk_req *r)
{
    const struct raw *raw = b->state;

    if (raw->guessed && disguises(r)) {
        r->rc = -EPERM;
        blk_io_defer(b->io, r);
        return true;
    }
    r->at += raw->offset;
    r->b = b->file;
    return b->file->driver->start && b->file->driver->start(b->file, r);
}

static int raw_serve(struct blk *b, struct blk_req *r)
{
    (void)b, (void)r;
    return -EIO; /* start() passes all on */
}

static int raw_status(struct blk *b, uint64_t at, uint64_t size, struct blk_extent *out)
{
    const struct raw *raw = b->state;
    int rc = blk_co_status(b->file, at + raw->offset, size, out);

    out->flags |= BLK_ALLOCATED;
    return rc;
}

static int raw_resize(struct blk *b, uint64_t size, bool shrink, unsigned how, struct err *e)
{
    const struct raw *raw = b->state;
    int rc;

    if (raw->part)
        return err_text(e, EINVAL, "a part of a file cannot be resized");
    rc = blk_resize(b->file, size, shrink, how, e);
    if (!rc)
        b->size = bits_align_up(size, 512);
    return rc;
}

static const char *const raw_keys[] = {"file", "offset", "size", NULL};

const struct blk_driver blk_driver_raw = {
    .name = "raw",
    .keys = raw_keys,
    .open = raw_open,
    .close = raw_close,
    .start = raw_start,
    .serve = raw_serve,
    .status = raw_status,
    .resize = raw_resize,
};
