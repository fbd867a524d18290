/* The protocols null-co and null-aio: zeros of any size, for measuring what is above. */
#include "blk/conf.h"
#include "blk/driver.h"

static int null_open(struct blk *b, struct blk_conf *c, struct err *e)
{
    b->size = UINT64_C(1) << 30;
    b->block_size = 512;
    b->discard_unit = 512;
    return blk_conf_size(c, "size", &b->size, e);
}

static bool null_start(struct blk *b, struct blk_req *r)
{
    if (r->op == BLK_OP_READ)
        blk_iov_zero(r->iov, r->niov, 0, r->size);
    r->rc = 0;
    blk_io_defer(b->io, r);
    return true;
}

static int null_serve(struct blk *b, struct blk_req *r)
{
    (void)b, (void)r;
    return 0;
}

static int null_status(struct blk *b, uint64_t at, uint64_t size, struct blk_extent *out)
{
    (void)b, (void)at, (void)size;
    out->flags = BLK_ZERO | BLK_ALLOCATED;
    return 0;
}

static const char *const null_keys[] = {"size", "latency-ns", "read-zeroes", NULL};

const struct blk_driver blk_driver_null_co = {
    .name = "null-co",
    .protocol = true,
    .keys = null_keys,
    .open = null_open,
    .start = null_start,
    .serve = null_serve,
    .status = null_status,
};

const struct blk_driver blk_driver_null_aio = {
    .name = "null-aio",
    .protocol = true,
    .keys = null_keys,
    .open = null_open,
    .start = null_start,
    .serve = null_serve,
    .status = null_status,
};
