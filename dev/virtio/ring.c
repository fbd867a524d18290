/* The ring engine: queues of either form as lists of requests in host memory. Owns the mapping of
 * rings and of buffers, chains and their pool; must never know what a request means or which bus
 * the device is on.
 *
 * Every number from guest memory is checked before use; what is wrong ends in virtio_broken().
 */
#include <stdlib.h>

#include "base/trace.h"
#include "dev/virtio/ring_int.h"
#include "dev/virtio/trace.def"

static bool is_packed(const struct virtio_queue *q)
{
    return virtio_has(q->v, VIRTIO_F_RING_PACKED);
}

/* ---- chains ---- */

enum { CHAIN_KEEP = 256 }; /* pieces that a pooled chain keeps room for: Linux's largest requests */

static struct virtio_chain *chain_new(struct virtio_queue *q)
{
    struct virtio_chain *c = q->pool;

    if (c) {
        q->pool = c->next;
    } else {
        c = mem_zalloc(max_of(q->v->type->request_size, sizeof(*c)));
        c->q = q;
    }
    c->next = NULL;
    c->nout = c->nin = 0;
    c->out_size = c->in_size = 0;
    c->epoch = q->epoch;
    return c;
}

static void chain_free(struct virtio_chain *c)
{
    if (c->iov_cap > CHAIN_KEEP) {
        free(c->iov);
        c->iov = NULL;
        c->iov_cap = 0;
    }
    c->next = c->q->pool;
    c->q->pool = c;
}

void ring_pool_free(struct virtio_queue *q)
{
    while (q->pool) {
        struct virtio_chain *c = q->pool;

        q->pool = c->next;
        free(c->iov);
        free(c);
    }
}

static bool chain_reserve(struct virtio_chain *c)
{
    uint32_t used = c->nout + c->nin;

    if (used < c->iov_cap)
        return true;
    if (used >= VIRTIO_CHAIN_MAX) {
        virtio_broken(c->q->v, "queue %u: a request of more than %u pieces", c->q->index,
                      VIRTIO_CHAIN_MAX);
        return false;
    }
    c->iov_cap = min_of(max_of(used * 2, 8u), (uint32_t)VIRTIO_CHAIN_MAX);
    c->iov = mem_realloc(c->iov, c->iov_cap * sizeof(*c->iov));
    return true;
}

bool ring_chain_add(struct virtio_chain *c, const struct ring_desc *d)
{
    struct virtio *v = c->q->v;
    bool in = d->flags & DESC_WRITE;
    uint64_t at = d->addr, left = d->len;

    if (!left || at + left < at) {
        virtio_broken(v, "queue %u: a buffer of %u bytes at %#llx", c->q->index, d->len,
                      (unsigned long long)at);
        return false;
    }
    if (!in && c->nin) {
        virtio_broken(v, "queue %u: a buffer to read after one to write", c->q->index);
        return false;
    }
    while (left) {
        size_t size = left;
        void *host = mem_dma_map(virtio_mem(v), at, &size, in);

        if (!host || !size) {
            virtio_broken(v, "queue %u: no memory at %#llx", c->q->index, (unsigned long long)at);
            return false;
        }
        size = min_of(size, (size_t)left);
        if (!chain_reserve(c))
            return false;
        c->iov[c->nout + c->nin] = (struct iovec){host, size};
        *(in ? &c->nin : &c->nout) += 1;
        *(in ? &c->in_size : &c->out_size) += size;
        at += size;
        left -= size;
    }
    return true;
}

/* Of RAM alone: a table that a guest puts among registers could be our own, whose lock we hold. */
static bool copy_ram(struct virtio *v, uint64_t at, uint8_t *to, size_t size)
{
    while (size) {
        size_t part = size;
        const void *host = mem_dma_map(virtio_mem(v), at, &part, false);

        if (!host || !part)
            return false;
        part = min_of(part, size);
        memcpy(to, host, part);
        at += part;
        to += part;
        size -= part;
    }
    return true;
}

unsigned ring_indirect(struct virtio_queue *q, const struct ring_desc *d, const uint8_t **table,
                       uint8_t **copy)
{
    unsigned n = d->len / 16;
    size_t size = d->len;

    *copy = NULL;
    if (!virtio_has(q->v, VIRTIO_F_INDIRECT_DESC)) {
        virtio_broken(q->v, "queue %u: an indirect descriptor that was not negotiated", q->index);
        return 0;
    }
    if (!n || d->len % 16 || n > VIRTIO_CHAIN_MAX || d->addr + d->len < d->addr) {
        virtio_broken(q->v, "queue %u: an indirect table of %u bytes", q->index, d->len);
        return 0;
    }
    *table = mem_dma_map(virtio_mem(q->v), d->addr, &size, false);
    if (*table && size >= d->len && !((uintptr_t)*table & 7))
        return n;
    *copy = mem_alloc(d->len);
    *table = *copy;
    if (copy_ram(q->v, d->addr, *copy, d->len))
        return n;
    virtio_broken(q->v, "queue %u: an indirect table at %#llx", q->index,
                  (unsigned long long)d->addr);
    free(*copy);
    *copy = NULL;
    return 0;
}

/* ---- what types use ---- */

static bool usable(const struct virtio_queue *q)
{
    struct virtio *v = q->v;

    return virtio_ready(v) && q->enabled && q->hdesc && !v->draining &&
           (!v->transport->dma_allowed || v->transport->dma_allowed(v));
}

struct virtio_chain *virtio_pop(struct virtio_queue *q)
{
    struct virtio_chain *c;

    if (!usable(q))
        return NULL;
    /* In-flight requests are bounded by the ring: a driver that offers more is broken. */
    if (is_packed(q) ? packed_empty(q) : split_empty(q))
        return NULL;
    if (q->busy >= q->size) {
        virtio_broken(q->v, "queue %u: more requests than the ring has entries", q->index);
        return NULL;
    }
    c = chain_new(q);
    if (!(is_packed(q) ? packed_pop(q, c) : split_pop(q, c))) {
        chain_free(c);
        return NULL;
    }
    trace_dev(virtio_pop, &q->v->pci.dev, "queue %u: %llu out, %llu in", q->index,
              (unsigned long long)c->out_size, (unsigned long long)c->in_size);
    q->busy++;
    return c;
}

void virtio_unpop(struct virtio_chain *c)
{
    struct virtio_queue *q = c->q;

    if (c->epoch == q->epoch) {
        if (is_packed(q))
            packed_unpop(q, c);
        else
            split_unpop(q, c);
        q->busy--;
        chain_free(c);
    } else {
        virtio_put(c, 0);
    }
}

static void drained(struct virtio *v)
{
    if (--v->draining)
        return;
    for (unsigned i = 0; i < v->nqueues; i++)
        virtio_poke(&v->queues[i]);
}

void virtio_put(struct virtio_chain *c, uint64_t written)
{
    struct virtio_queue *q = c->q;
    struct virtio *v = q->v;
    uint64_t left = min_of(written, c->in_size);

    trace_dev(virtio_put, &v->pci.dev, "queue %u: %llu", q->index, (unsigned long long)written);
    for (uint32_t i = 0; left && i < c->nin; i++) {
        const struct iovec *iov = &c->iov[c->nout + i];
        size_t n = min_of((uint64_t)iov->iov_len, left);

        mem_dma_done(virtio_mem(v), iov->iov_base, n);
        left -= n;
    }
    if (c->epoch != q->epoch) {
        drained(v);
    } else {
        q->busy--;
        if (!(v->status & VIRTIO_NEEDS_RESET) && q->enabled && q->hdesc) {
            uint32_t length = (uint32_t)min_of(written, (uint64_t)UINT32_MAX);

            if (is_packed(q))
                packed_put(q, c, length);
            else
                split_put(q, c, length);
        }
    }
    chain_free(c);
}

void virtio_publish(struct virtio_queue *q)
{
    struct virtio *v = q->v;

    if (!q->used_pending || !q->hdesc)
        return;
    if (is_packed(q) ? packed_publish(q) : split_publish(q)) {
        trace_dev(virtio_interrupt, &v->pci.dev, "queue %u: vector %#x", q->index, q->vector);
        v->transport->interrupt(v, q->vector, VIRTIO_ISR_QUEUE);
    }
}

bool virtio_kicks(struct virtio_queue *q, bool on)
{
    bool more;

    if (!usable(q))
        return false;
    more = is_packed(q) ? packed_kicks(q, on) : split_kicks(q, on);
    q->kicks_on = on;
    return more;
}

bool virtio_empty(struct virtio_queue *q)
{
    return !usable(q) || (is_packed(q) ? packed_empty(q) : split_empty(q));
}

/* ---- set-up ---- */

static uint8_t *ring_map(struct virtio_queue *q, uint64_t at, size_t size, unsigned align)
{
    size_t have = size;
    uint8_t *host;

    if (at & (align - 1) || at + size < at)
        return NULL;
    host = mem_dma_map(virtio_mem(q->v), at, &have, true);
    return host && have >= size && !((uintptr_t)host & (align - 1)) ? host : NULL;
}

/* From the queue's registers; after loading state, too. False: not all of it is plain memory. */
bool ring_attach(struct virtio_queue *q)
{
    if (is_packed(q)) {
        q->hdesc = ring_map(q, q->desc, 16 * (size_t)q->size, 16);
        q->havail = ring_map(q, q->avail, 4, 4);
        q->hused = ring_map(q, q->used, 4, 4);
    } else {
        q->hdesc = ring_map(q, q->desc, 16 * (size_t)q->size, 16);
        q->havail = ring_map(q, q->avail, 6 + 2 * (size_t)q->size, 2);
        q->hused = ring_map(q, q->used, 6 + 8 * (size_t)q->size, 4);
    }
    if (q->hdesc && q->havail && q->hused)
        return true;
    q->hdesc = NULL;
    return false;
}

void virtio_queue_enable(struct virtio_queue *q)
{
    if (q->enabled || !q->max)
        return;
    if (!q->size || q->size > q->max || (!is_packed(q) && q->size & (q->size - 1))) {
        virtio_broken(q->v, "queue %u: size %u", q->index, q->size);
        return;
    }
    q->last_avail = q->avail_seen = q->used_idx = q->used_pending = 0;
    q->avail_wrap = q->used_wrap = q->seen_wrap = true;
    q->kicks_on = true;
    if (!ring_attach(q)) {
        virtio_broken(q->v, "queue %u: a ring of %u entries at %#llx, %#llx, %#llx", q->index,
                      q->size, (unsigned long long)q->desc, (unsigned long long)q->avail,
                      (unsigned long long)q->used);
        return;
    }
    trace_dev(virtio_queue, &q->v->pci.dev, "queue %u: %u entries at %#llx, %#llx, %#llx", q->index,
              q->size, (unsigned long long)q->desc, (unsigned long long)q->avail,
              (unsigned long long)q->used);
    q->enabled = true;
    virtio_poke(q);
}

void virtio_queue_disable(struct virtio_queue *q)
{
    if (q->enabled)
        trace_dev(virtio_queue_off, &q->v->pci.dev, "queue %u: %u in flight", q->index, q->busy);
    q->enabled = false;
    q->hdesc = NULL;
    q->used_pending = 0;
    q->epoch++;
    q->v->draining += q->busy;
    q->busy = 0;
}

void virtio_queue_legacy(struct virtio_queue *q, uint64_t at, uint32_t align)
{
    virtio_queue_disable(q);
    q->desc = at;
    q->avail = at + 16 * (uint64_t)q->size;
    align = max_of(
        align, 4u); /* a used ring that starts elsewhere than drivers think is their own fault */
    q->used = (q->avail + 6 + 2 * (uint64_t)q->size + align - 1) & ~(uint64_t)(align - 1);
    if (at)
        virtio_queue_enable(q);
}

/* ---- bytes ---- */

size_t virtio_iov_get(const struct iovec *iov, unsigned n, size_t at, void *to, size_t size)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < size; i++) {
        size_t part;

        if (at >= iov[i].iov_len) {
            at -= iov[i].iov_len;
            continue;
        }
        part = min_of(iov[i].iov_len - at, size - done);
        memcpy((char *)to + done, (const char *)iov[i].iov_base + at, part);
        done += part;
        at = 0;
    }
    return done;
}

size_t virtio_iov_set(const struct iovec *iov, unsigned n, size_t at, const void *from, size_t size)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < size; i++) {
        size_t part;

        if (at >= iov[i].iov_len) {
            at -= iov[i].iov_len;
            continue;
        }
        part = min_of(iov[i].iov_len - at, size - done);
        memcpy((char *)iov[i].iov_base + at, (const char *)from + done, part);
        done += part;
        at = 0;
    }
    return done;
}

unsigned virtio_iov_skip(struct iovec **first, unsigned n, size_t size)
{
    while (n && size >= (*first)->iov_len) {
        size -= (*first)->iov_len;
        ++*first;
        n--;
    }
    if (n && size) {
        (*first)->iov_base = (char *)(*first)->iov_base + size;
        (*first)->iov_len -= size;
    }
    return n;
}
