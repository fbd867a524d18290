/* Private to the ring engine: what ring.c, ring_split.c and ring_packed.c share. All locked. */
#ifndef MYNA_DEV_VIRTIO_RING_INT_H
#define MYNA_DEV_VIRTIO_RING_INT_H

#include "base/mem.h"
#include "dev/virtio.h"

/* A descriptor, copied out of guest memory once: the guest may change it under our eyes. */
struct ring_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next; /* packed: `next` has the buffer's id */
};
/* The two forms have the last two fields in opposite order (2.7.5, 2.8.13). */
enum { SPLIT_FLAGS = 12, SPLIT_NEXT = 14, PACKED_ID = 12, PACKED_FLAGS = 14 };
enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_AVAIL = 1 << 7, DESC_USED = 1 << 15 };

/* Fields of rings in guest memory, little-endian, which other processors change meanwhile. */
static inline uint16_t ring_ld(const uint8_t *p)
{
    return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
}
static inline uint16_t ring_ld_acquire(const uint8_t *p)
{
    return __atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE);
}
static inline void ring_st(uint8_t *p, uint16_t v)
{
    __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELAXED);
}
static inline void ring_st_release(uint8_t *p, uint16_t v)
{
    __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELEASE);
}
static inline void ring_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* VIRTIO 1.2, 2.7.7.1: is `event` among what was done from `old` to `now`? */
static inline bool ring_need_event(uint16_t event, uint16_t now, uint16_t old)
{
    return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

static inline struct ring_desc ring_desc_at(const uint8_t *table, unsigned i, bool packed)
{
    const uint8_t *p = table + 16 * (size_t)i;

    return (struct ring_desc){
        .addr = __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED),
        .len = __atomic_load_n((const uint32_t *)(p + 8), __ATOMIC_RELAXED),
        .flags = ring_ld(p + (packed ? PACKED_FLAGS : SPLIT_FLAGS)),
        .next = ring_ld(p + (packed ? PACKED_ID : SPLIT_NEXT)),
    };
}

/* Adds a descriptor's memory to the chain. False: the device is broken. */
bool ring_chain_add(struct virtio_chain *c, const struct ring_desc *d);
/* The table of an indirect descriptor, in guest memory or, when that is in pieces, a *copy
 * (free()); how many entries. 0: broken. */
unsigned ring_indirect(struct virtio_queue *q, const struct ring_desc *d, const uint8_t **table,
                       uint8_t **copy);
bool ring_attach(struct virtio_queue *q);
void ring_pool_free(struct virtio_queue *q);

bool split_empty(struct virtio_queue *q);
bool split_pop(struct virtio_queue *q, struct virtio_chain *c);
void split_unpop(struct virtio_queue *q, const struct virtio_chain *c);
void split_put(struct virtio_queue *q, const struct virtio_chain *c, uint32_t written);
bool split_publish(struct virtio_queue *q); /* does the driver want an interrupt? */
bool split_kicks(struct virtio_queue *q, bool on);

bool packed_empty(struct virtio_queue *q);
bool packed_pop(struct virtio_queue *q, struct virtio_chain *c);
void packed_unpop(struct virtio_queue *q, const struct virtio_chain *c);
void packed_put(struct virtio_queue *q, const struct virtio_chain *c, uint32_t written);
bool packed_publish(struct virtio_queue *q);
bool packed_kicks(struct virtio_queue *q, bool on);
#endif
