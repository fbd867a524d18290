/* See fake.h. */
#include "fake.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"

/* ---- blk ---- */

static void run(void *arg)
{
    struct blk *b = arg;

    if (!b->hold)
        fake_blk_complete(b);
}

struct blk *fake_blk(struct os_loop *loop)
{
    struct blk *b = mem_new(struct blk);

    b->loop = loop;
    b->task = (struct os_task){.fn = run, .arg = b};
    return b;
}

void fake_blk_free(struct blk *b)
{
    assert(!b->npending);
    os_task_cancel(b->loop, &b->task);
    free(b);
}

void fake_blk_complete(struct blk *b)
{
    unsigned n = b->npending;

    for (unsigned i = 0; i < n; i++)
        b->pending[i].done(b->pending[i].arg, b->fail);
    memmove(b->pending, b->pending + n, (b->npending - n) * sizeof(b->pending[0]));
    b->npending -= n;
}

static void later(struct blk *b, blk_done_fn *done, void *arg)
{
    assert(b->npending < FAKE_PENDING);
    b->pending[b->npending].done = done;
    b->pending[b->npending++].arg = arg;
    os_loop_post(b->loop, &b->task);
}

void blk_drain(struct blk *b)
{
    while (b->npending)
        fake_blk_complete(b);
}

uint64_t blk_size(const struct blk *b)
{
    (void)b;
    return FAKE_DISK;
}

bool blk_readonly(const struct blk *b)
{
    return b->readonly;
}

uint32_t blk_block_size(const struct blk *b)
{
    (void)b;
    return 512;
}

uint32_t blk_discard_unit(const struct blk *b)
{
    (void)b;
    return 4096;
}

void blk_readv(struct blk *b, uint64_t at, const struct iovec *iov, int niov, blk_done_fn *done,
               void *arg)
{
    for (int i = 0; i < niov; i++) {
        assert(at <= FAKE_DISK && iov[i].iov_len <= FAKE_DISK - at);
        memcpy(iov[i].iov_base, b->data + at, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    b->reads++;
    later(b, done, arg);
}

void blk_writev(struct blk *b, uint64_t at, const struct iovec *iov, int niov, unsigned flags,
                blk_done_fn *done, void *arg)
{
    assert(!b->readonly);
    for (int i = 0; i < niov; i++) {
        assert(at <= FAKE_DISK && iov[i].iov_len <= FAKE_DISK - at);
        if (!b->amnesia)
            memcpy(b->data + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    b->writes++;
    b->fua += flags & BLK_FUA ? 1 : 0;
    later(b, done, arg);
}

void blk_flush(struct blk *b, blk_done_fn *done, void *arg)
{
    b->flushes++;
    later(b, done, arg);
}

static void clear(struct blk *b, uint64_t at, uint64_t size)
{
    assert(!b->readonly && at <= FAKE_DISK && size <= FAKE_DISK - at);
    memset(b->data + at, 0, size);
}

void blk_discard(struct blk *b, uint64_t at, uint64_t size, blk_done_fn *done, void *arg)
{
    clear(b, at, size);
    b->discards++;
    later(b, done, arg);
}

void blk_write_zeroes(struct blk *b, uint64_t at, uint64_t size, unsigned flags, blk_done_fn *done,
                      void *arg)
{
    (void)flags;
    clear(b, at, size);
    b->zeroes++;
    later(b, done, arg);
}

void blk_plug(struct blk *b)
{
    b->plugged++;
}

void blk_unplug(struct blk *b)
{
    b->plugged--;
}

/* ---- net ---- */

int net_port_attach(struct net_port *p, const struct net_ops *ops, void *opaque, struct err *e)
{
    if (p->ops)
        return err_text(e, EBUSY, "in use");
    p->ops = ops;
    p->opaque = opaque;
    return 0;
}

void net_port_detach(struct net_port *p)
{
    p->ops = NULL;
}

bool net_port_send(struct net_port *p, const struct iovec *iov, int niov,
                   const struct net_meta *meta)
{
    if (p->refuse)
        return false;
    p->size = 0;
    for (int i = 0; i < niov; i++) {
        assert(iov[i].iov_len <= sizeof(p->frame) - p->size);
        memcpy(p->frame + p->size, iov[i].iov_base, iov[i].iov_len);
        p->size += iov[i].iov_len;
    }
    p->meta = *meta;
    p->sent++;
    return true;
}

void net_port_ready(struct net_port *p)
{
    p->readies++;
}

void net_port_set_offload(struct net_port *p, unsigned offload)
{
    p->offload = offload;
}

unsigned net_port_can(const struct net_port *p)
{
    return p->can;
}

/* ---- chr ---- */

int chr_attach(struct chr *c, const struct chr_ops *ops, void *opaque, struct err *e)
{
    if (c->ops)
        return err_text(e, EBUSY, "in use");
    c->ops = ops;
    c->opaque = opaque;
    return 0;
}

void chr_detach(struct chr *c, void *opaque)
{
    (void)opaque;
    c->ops = NULL;
}

size_t chr_write(struct chr *c, const void *data, size_t size)
{
    size_t n = min_of(size, c->room);

    for (size_t i = 0; i < n; i++)
        c->text[c->length++ % sizeof(c->text)] = ((const uint8_t *)data)[i];
    c->room -= n;
    return n;
}

void chr_ready(struct chr *c)
{
    c->readies++;
}

bool chr_connected(const struct chr *c)
{
    return c->connected;
}
