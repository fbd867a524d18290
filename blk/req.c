/*
 * The life of a request: made, started at its node, passed down, finished. And its forms inside of
 * fibers. Knows no driver by name.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/trace.h"
#include "blk/driver.h"
#include "blk/trace.def"

struct blk_req *blk_req_new(struct blk *b, enum blk_op op, uint64_t at, uint64_t size,
                            const struct iovec *iov, int niov, unsigned flags, blk_done_fn *done,
                            void *arg)
{
    struct blk_req *r = mem_alloc(sizeof(*r));

    memset(r, 0, offsetof(struct blk_req, inl));
    list_init(&r->link);
    list_init(&r->work.link);
    r->pooled = true;
    r->b = b;
    r->op = (uint8_t)op;
    r->flags = (uint8_t)flags;
    r->at = at;
    r->size = size;
    r->iov = iov;
    r->niov = niov;
    r->done = done;
    r->arg = arg;
    return r;
}

static void serve(void *arg)
{
    struct blk_req *r = arg;

    r->rc = r->b->driver->serve(r->b, r);
}

static void served(void *arg, bool at_once)
{
    struct blk_req *r = arg;

    if (at_once)
        blk_io_defer(r->b->io, r);
    else
        blk_req_finish(r);
}

void blk_req_pass(struct blk_req *r)
{
    struct blk *b = r->b;

    if (!b->driver->start || !b->driver->start(b, r))
        blk_io_spawn(b->io, serve, served, r);
}

void blk_req_start(struct blk_req *r)
{
    blk_req_pass(r);
}

static void follow(struct blk_req *r)
{
    struct blk *top = r->top;

    r->follow = false;
    r->b = top;
    r->op = BLK_OP_FLUSH;
    r->at = r->size = 0;
    r->niov = 0;
    r->redo = false;
    blk_req_pass(r);
}

void blk_req_finish(struct blk_req *r)
{
    struct blk *top = r->top;

    if (r->count) {
        blk_count_put(r->b->io, r->count);
        r->count = NULL;
    }
    if (r->follow && !r->rc) { /* the data is written, now it is to last */
        follow(r);
        return;
    }
    if (r->own_iov)
        free((void *)r->iov);
    if (top) {
        trace_at(blk_end, blk_name(top), "kind %d, %#llx+%llx: %d", (int)r->op,
                 (unsigned long long)r->at, (unsigned long long)r->size, r->rc);
        if (r->rc)
            top->stats.errors++;
        if (--top->in_flight == 0)
            blk_wake_all(top->io, &top->idle);
    }
    r->done(r->arg, r->rc);
    if (r->pooled)
        free(r);
}

/* ---- in fibers ---- */

struct co {
    struct blk_io *io;
    struct blk_waitq wait;
    bool done;
    int rc;
};

static void co_done(void *arg, int rc)
{
    struct co *co = arg;

    co->rc = rc;
    co->done = true;
    blk_wake_all(co->io, &co->wait);
}

int blk_co(struct blk *b, enum blk_op op, uint64_t at, uint64_t size, const struct iovec *iov,
           int niov, unsigned flags)
{
    struct co co = {.io = b->io};
    struct blk_req r;

    assert(blk_io_in_fiber(b->io));
    memset(&r, 0, offsetof(struct blk_req, inl));
    list_init(&r.link);
    list_init(&r.work.link);
    blk_waitq_init(&co.wait);
    r.b = b;
    r.op = (uint8_t)op;
    r.flags = (uint8_t)flags;
    r.at = at;
    r.size = size;
    r.iov = iov;
    r.niov = niov;
    r.done = co_done;
    r.arg = &co;
    if (b->driver->start && b->driver->start(b, &r)) {
        while (!co.done)
            blk_wait(b->io, &co.wait);
        return co.rc;
    }
    /* A driver that declined may have passed it to a child. */
    co.rc = r.b->driver->serve(r.b, &r);
    if (r.count)
        blk_count_put(b->io, r.count);
    if (r.own_iov)
        free((void *)r.iov);
    return co.rc;
}

int blk_co_read(struct blk *b, uint64_t at, void *to, size_t size)
{
    struct iovec iov = {to, size};

    return blk_co(b, BLK_OP_READ, at, size, &iov, 1, 0);
}

int blk_co_write(struct blk *b, uint64_t at, const void *from, size_t size)
{
    struct iovec iov = {(void *)from, size};

    return blk_co(b, BLK_OP_WRITE, at, size, &iov, 1, 0);
}

int blk_co_flush(struct blk *b)
{
    return blk_co(b, BLK_OP_FLUSH, 0, 0, NULL, 0, 0);
}

int blk_co_status(struct blk *b, uint64_t at, uint64_t size, struct blk_extent *out)
{
    *out = (struct blk_extent){.size = size, .flags = BLK_DATA | BLK_ALLOCATED};
    return b->driver->status ? b->driver->status(b, at, size, out) : 0;
}

void blk_join_init(struct blk_join *j, struct blk_io *io)
{
    j->io = io;
    j->pending = 0;
    j->rc = 0;
    blk_waitq_init(&j->waiting);
}

static void join_done(void *arg, int rc)
{
    struct blk_join *j = arg;

    if (rc && !j->rc)
        j->rc = rc;
    if (--j->pending == 0)
        blk_wake_all(j->io, &j->waiting);
}

void blk_join_add(struct blk_join *j, struct blk *b, enum blk_op op, uint64_t at, uint64_t size,
                  const struct iovec *iov, int niov, uint64_t offset, unsigned flags,
                  struct blk_count *count)
{
    struct blk_req *r = blk_req_new(b, op, at, size, NULL, 0, flags, join_done, j);

    if (niov) {
        int pieces = blk_iov_count(iov, niov, offset, size);
        struct iovec *own = r->inl;

        if (pieces > (int)array_size(r->inl)) {
            own = mem_array(struct iovec, pieces);
            r->own_iov = true;
        }
        r->niov = blk_iov_slice(own, iov, niov, offset, size);
        r->iov = own;
    }
    r->count = count;
    if (count)
        count->running++;
    j->pending++;
    blk_req_pass(r);
}

int blk_join_wait(struct blk_join *j)
{
    while (j->pending)
        blk_wait(j->io, &j->waiting);
    return j->rc;
}

/* ---- from outside of fibers ---- */

struct run {
    int (*fn)(void *arg);
    void *arg;
    int rc;
    bool done;
};

static void run_fn(void *arg)
{
    struct run *r = arg;

    r->rc = r->fn(r->arg);
}

static void run_done(void *arg, bool at_once)
{
    struct run *r = arg;

    (void)at_once;
    r->done = true;
}

int blk_run(struct blk_io *io, int (*fn)(void *arg), void *arg)
{
    struct run r = {.fn = fn, .arg = arg};

    if (blk_io_in_fiber(io))
        return fn(arg);
    blk_io_spawn(io, run_fn, run_done, &r);
    while (!r.done)
        blk_io_wait(io);
    return r.rc;
}
