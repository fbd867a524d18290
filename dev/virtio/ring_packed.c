/* Packed rings (VIRTIO 1.2, 2.8). Owns the meaning of the areas that ring.c mapped: q->hdesc is the
 * ring, q->havail the driver's and q->hused the device's event suppression structure. Knows nothing
 * of devices or transports.
 *
 * Counters: last_avail and used_idx are places in the ring here, each with its wrap bit.
 */
#include "dev/virtio/ring_int.h"

enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESC = 2 };

static bool desc_ready(uint16_t flags, bool wrap)
{
    bool avail = flags & DESC_AVAIL, used = flags & DESC_USED;

    return avail != used && avail == wrap;
}

bool packed_empty(struct virtio_queue *q)
{
    return !desc_ready(ring_ld_acquire(q->hdesc + 16 * q->last_avail + PACKED_FLAGS),
                       q->avail_wrap);
}

static bool chain_indirect(struct virtio_queue *q, struct virtio_chain *c,
                           const struct ring_desc *d)
{
    const uint8_t *table;
    uint8_t *copy;
    unsigned n = ring_indirect(q, d, &table, &copy);
    bool good = n > 0;

    /* 2.8.8: the whole table in order; NEXT and ids in it mean nothing. */
    for (unsigned i = 0; good && i < n; i++) {
        struct ring_desc in = ring_desc_at(table, i, true);

        good = ring_chain_add(c, &in);
    }
    free(copy);
    return good;
}

static void advance(uint16_t *at, bool *wrap, unsigned count, unsigned size)
{
    unsigned to = *at + count;

    if (to >= size) {
        to -= size;
        *wrap = !*wrap;
    }
    *at = (uint16_t)to;
}

bool packed_pop(struct virtio_queue *q, struct virtio_chain *c)
{
    unsigned at = q->last_avail;

    if (packed_empty(q))
        return false;
    c->count = 0;
    for (;;) {
        struct ring_desc d = ring_desc_at(q->hdesc, at, true);

        if (++c->count > q->size) {
            virtio_broken(q->v, "queue %u: a chain longer than the ring", q->index);
            return false;
        }
        c->id = d.next; /* the last one's counts */
        if (d.flags & DESC_INDIRECT) {
            if (d.flags & DESC_NEXT || c->count > 1) {
                virtio_broken(q->v, "queue %u: an indirect descriptor within a chain", q->index);
                return false;
            }
            if (!chain_indirect(q, c, &d))
                return false;
            break;
        }
        if (!ring_chain_add(c, &d))
            return false;
        if (!(d.flags & DESC_NEXT))
            break;
        if (++at == q->size)
            at = 0;
    }
    advance(&q->last_avail, &q->avail_wrap, c->count, q->size);
    q->avail_seen = q->last_avail;
    q->seen_wrap = q->avail_wrap;
    return true;
}

void packed_unpop(struct virtio_queue *q, const struct virtio_chain *c)
{
    if (c->count > q->last_avail)
        q->avail_wrap = !q->avail_wrap;
    q->last_avail = (uint16_t)((q->last_avail + q->size - c->count) % q->size);
}

void packed_put(struct virtio_queue *q, const struct virtio_chain *c, uint32_t written)
{
    uint8_t *entry = q->hdesc + 16 * q->used_idx;
    uint16_t flags =
        (uint16_t)((q->used_wrap ? DESC_AVAIL | DESC_USED : 0) | (written ? DESC_WRITE : 0));

    mem_st16le(entry + PACKED_ID, c->id);
    mem_st32le(entry + 8, written);
    /* The driver looks at entries in order: it sees none before the first one's flags. */
    if (q->used_pending) {
        ring_st(entry + PACKED_FLAGS, flags);
    } else {
        q->first_at = q->used_idx;
        q->first_flags = flags;
    }
    q->used_pending += c->count;
    advance(&q->used_idx, &q->used_wrap, c->count, q->size);
}

bool packed_publish(struct virtio_queue *q)
{
    unsigned done = q->used_pending;
    uint16_t event, flags;
    unsigned at, now;

    mem_dma_done(virtio_mem(q->v), q->hdesc, 16 * (size_t)q->size);
    ring_st_release(q->hdesc + 16 * q->first_at + PACKED_FLAGS, q->first_flags);
    q->used_pending = 0;
    ring_fence();
    flags = ring_ld(q->havail + 2) & 3;
    if (flags != EVENT_DESC || !virtio_has(q->v, VIRTIO_F_EVENT_IDX))
        return flags != EVENT_DISABLE;
    /* Among the `done` places before used_idx? The wrap bit tells this round from the last. */
    event = ring_ld(q->havail);
    at = event & 0x7fff;
    now = q->used_idx;
    if ((bool)(event >> 15) != q->used_wrap)
        now += q->size; /* the event is of the round before: places count on */
    return at < now && now - at <= done;
}

bool packed_kicks(struct virtio_queue *q, bool on)
{
    if (virtio_has(q->v, VIRTIO_F_EVENT_IDX) && on) {
        ring_st(q->hused, (uint16_t)(q->avail_seen | (q->seen_wrap ? 0x8000 : 0)));
        ring_fence(); /* the place before the flag that makes it count */
        ring_st(q->hused + 2, EVENT_DESC);
    } else {
        ring_st(q->hused + 2, on ? EVENT_ENABLE : EVENT_DISABLE);
    }
    if (!on)
        return false;
    ring_fence();
    /* A driver may have taken back what was there before: then there is nothing to pop, whatever comes behind. */
    return desc_ready(ring_ld_acquire(q->hdesc + 16 * q->avail_seen + PACKED_FLAGS), q->seen_wrap) &&
           !packed_empty(q);
}
