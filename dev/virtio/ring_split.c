/* Split rings (VIRTIO 1.2, 2.7; legacy rings have the same form). Owns the meaning of the three
 * areas that ring.c mapped; knows nothing of devices or transports.
 *
 * avail: u16 flags, u16 idx, u16 ring[size], u16 used_event.
 * used:  u16 flags, u16 idx, {u32 id, u32 length}[size], u16 avail_event.
 */
#include "dev/virtio/ring_int.h"

enum { AVAIL_NO_INTERRUPT = 1, USED_NO_NOTIFY = 1 };

static uint8_t *used_event(const struct virtio_queue *q)
{
    return q->havail + 4 + 2 * q->size;
}

static uint8_t *avail_event(const struct virtio_queue *q)
{
    return q->hused + 4 + 8 * q->size;
}

/* Entries that are ready, as far as the driver's index was read; reads it again when none is. */
static unsigned split_ready(struct virtio_queue *q)
{
    if (q->avail_seen == q->last_avail)
        q->avail_seen = ring_ld_acquire(q->havail + 2);
    return (uint16_t)(q->avail_seen - q->last_avail);
}

bool split_empty(struct virtio_queue *q)
{
    return split_ready(q) == 0;
}

static bool chain_indirect(struct virtio_queue *q, struct virtio_chain *c,
                           const struct ring_desc *d)
{
    const uint8_t *table;
    uint8_t *copy;
    unsigned n = ring_indirect(q, d, &table, &copy), i = 0, steps = 0;
    bool good = n > 0;

    while (good) {
        struct ring_desc in = ring_desc_at(table, i, false);

        if (in.flags & DESC_INDIRECT) {
            virtio_broken(q->v, "queue %u: indirect descriptor within an indirect table", q->index);
            good = false;
        } else if (++steps > n) {
            virtio_broken(q->v, "queue %u: a loop in an indirect table", q->index);
            good = false;
        } else {
            good = ring_chain_add(c, &in);
        }
        if (!good || !(in.flags & DESC_NEXT))
            break;
        i = in.next;
        if (i >= n) {
            virtio_broken(q->v, "queue %u: next %u of an indirect table of %u", q->index, i, n);
            good = false;
        }
    }
    free(copy);
    return good;
}

static bool chain_walk(struct virtio_queue *q, struct virtio_chain *c, unsigned i)
{
    for (unsigned steps = 0;; steps++) {
        struct ring_desc d;

        if (i >= q->size) {
            virtio_broken(q->v, "queue %u: descriptor %u of %u", q->index, i, q->size);
            return false;
        }
        if (steps >= q->size) {
            virtio_broken(q->v, "queue %u: a loop of descriptors", q->index);
            return false;
        }
        d = ring_desc_at(q->hdesc, i, false);
        if (d.flags & DESC_INDIRECT) {
            if (d.flags & DESC_NEXT) {
                virtio_broken(q->v, "queue %u: an indirect descriptor that has a next", q->index);
                return false;
            }
            return chain_indirect(q, c, &d);
        }
        if (!ring_chain_add(c, &d))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        i = d.next;
    }
}

bool split_pop(struct virtio_queue *q, struct virtio_chain *c)
{
    unsigned ready = split_ready(q);
    unsigned head;

    if (!ready)
        return false;
    if (ready > q->size) {
        virtio_broken(q->v, "queue %u: driver's index %u, ours %u, size %u", q->index,
                      q->avail_seen, q->last_avail, q->size);
        return false;
    }
    head = ring_ld(q->havail + 4 + 2 * (q->last_avail & (q->size - 1)));
    c->id = (uint16_t)head;
    c->count = 1;
    if (!chain_walk(q, c, head))
        return false;
    q->last_avail++;
    return true;
}

void split_unpop(struct virtio_queue *q, const struct virtio_chain *c)
{
    (void)c;
    q->last_avail--;
}

void split_put(struct virtio_queue *q, const struct virtio_chain *c, uint32_t written)
{
    uint8_t *entry = q->hused + 4 + 8 * ((q->used_idx + q->used_pending) & (q->size - 1));

    mem_st32le(entry, c->id);
    mem_st32le(entry + 4, written);
    q->used_pending++;
}

bool split_publish(struct virtio_queue *q)
{
    uint16_t old = q->used_idx;

    q->used_idx += q->used_pending;
    q->used_pending = 0;
    mem_dma_done(virtio_mem(q->v), q->hused, 6 + 8 * (size_t)q->size);
    ring_st_release(q->hused + 2, q->used_idx);
    ring_fence(); /* the index before the look at what the driver wants: 2.7.7.2 */
    if (virtio_has(q->v, VIRTIO_F_NOTIFY_ON_EMPTY) && !q->busy && split_ready(q) == 0)
        return true;
    if (!virtio_has(q->v, VIRTIO_F_EVENT_IDX))
        return !(ring_ld(q->havail) & AVAIL_NO_INTERRUPT);
    return ring_need_event(ring_ld(used_event(q)), q->used_idx, old);
}

bool split_kicks(struct virtio_queue *q, bool on)
{
    uint16_t seen = q->avail_seen;

    if (virtio_has(q->v, VIRTIO_F_EVENT_IDX)) {
        /* Off needs nothing: the event lies behind. */
        if (!on)
            return false;
        ring_st(avail_event(q), seen);
    } else {
        if (q->kicks_on != on)
            ring_st(q->hused, on ? 0 : USED_NO_NOTIFY);
        if (!on)
            return false;
    }
    ring_fence(); /* the wish before the look at the driver's index: 2.7.10.1 */
    q->avail_seen = ring_ld_acquire(q->havail + 2);
    return q->avail_seen != seen;
}
