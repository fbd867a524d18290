/*
 * The ITS's tables in guest memory: devices, collections, and a table of events for each device
 * (IHI 0069 5.2). Only RAM is followed. Entries are one 64-bit word each, so that reading and
 * writing them cannot tear.
 */
#include "dev/gic/its_int.h"

#include <string.h>

#include "base/mem.h"

#define VALID          (UINT64_C(1) << 63)
#define BASER_INDIRECT (UINT64_C(1) << 62)
#define L2_ADDRESS     UINT64_C(0x000ffffffffff000)
#define ITT_ADDRESS    UINT64_C(0x000fffffffffff00)

static uint8_t *ram(struct its *t, mem_pa at, bool write)
{
    size_t size = ITS_ENTRY;
    uint8_t *p = mem_dma_map(t->dev.env->mem, at, &size, write);

    return p && size >= ITS_ENTRY ? p : NULL;
}

static bool load(struct its *t, mem_pa at, uint64_t *value)
{
    const uint8_t *p = ram(t, at, false);

    if (!p)
        return false;
    *value = mem_ld64le(p);
    return true;
}

static bool store(struct its *t, mem_pa at, uint64_t value)
{
    uint8_t *p = ram(t, at, true);

    if (!p)
        return false;
    mem_st64le(p, value);
    mem_dma_done(t->dev.env->mem, p, ITS_ENTRY);
    return true;
}

static unsigned page_bits(uint64_t baser)
{
    switch (baser >> 8 & 3) {
    case 0:
        return 12;
    case 1:
        return 14;
    default:
        return 16;
    }
}

/* With pages of 64 KB bits 15:12 hold bits 51:48 of the address (12.19.1). */
static mem_pa table_address(uint64_t baser)
{
    uint64_t at = baser & UINT64_C(0x0000fffffffff000);

    if (page_bits(baser) == 16)
        at = (at & ~UINT64_C(0xffff)) | (baser >> 12 & 0xf) << 48;
    return at & ~((UINT64_C(1) << page_bits(baser)) - 1);
}

/* Where entry `id` of a table stands. */
static bool find_entry(struct its *t, unsigned table, uint32_t id, mem_pa *at)
{
    uint64_t baser = t->baser[table], l1;
    unsigned bits = page_bits(baser);
    uint64_t bytes = ((baser & 0xff) + 1) << bits, per_page = (UINT64_C(1) << bits) / ITS_ENTRY;

    if (!(baser & VALID) || id >> (table == ITS_DEVICES ? ITS_DEVICE_BITS : ITS_COLLECTION_BITS))
        return false;
    if (!(baser & BASER_INDIRECT)) {
        *at = table_address(baser) + (uint64_t)id * ITS_ENTRY;
        return (uint64_t)id * ITS_ENTRY < bytes;
    }
    if (id / per_page * 8 >= bytes)
        return false;
    if (!load(t, table_address(baser) + id / per_page * 8, &l1) || !(l1 & VALID))
        return false;
    *at = (l1 & L2_ADDRESS & ~((UINT64_C(1) << bits) - 1)) + id % per_page * ITS_ENTRY;
    return true;
}

static bool load_entry(struct its *t, unsigned table, uint32_t id, uint64_t *value)
{
    mem_pa at;

    return find_entry(t, table, id, &at) && load(t, at, value) && *value & VALID;
}

bool its_get_device(struct its *t, uint32_t id, struct its_device *d)
{
    uint64_t v;

    if (!load_entry(t, ITS_DEVICES, id, &v))
        return false;
    d->itt = v & ITT_ADDRESS;
    d->event_bits = (unsigned)(v & 0x1f) + 1;
    return true;
}

bool its_put_device(struct its *t, uint32_t id, const struct its_device *d)
{
    mem_pa at;

    its_forget(t);
    return find_entry(t, ITS_DEVICES, id, &at) &&
           store(t, at, d ? VALID | (d->itt & ITT_ADDRESS) | (d->event_bits - 1) : 0);
}

bool its_get_collection(struct its *t, uint32_t id, unsigned *cpu)
{
    uint64_t v;

    if (!load_entry(t, ITS_COLLECTIONS, id, &v))
        return false;
    *cpu = v & 0xffff;
    return *cpu < its_gic(t)->ncpus;
}

bool its_put_collection(struct its *t, uint32_t id, const unsigned *cpu)
{
    mem_pa at;

    its_forget(t);
    return find_entry(t, ITS_COLLECTIONS, id, &at) && store(t, at, cpu ? VALID | *cpu : 0);
}

static bool find_event(struct its *t, uint32_t device, uint32_t event, mem_pa *at)
{
    struct its_device d;

    if (!its_get_device(t, device, &d) || d.event_bits > ITS_EVENT_BITS || event >> d.event_bits)
        return false;
    *at = d.itt + (uint64_t)event * ITS_ENTRY;
    return true;
}

bool its_get_event(struct its *t, uint32_t device, uint32_t event, struct its_event *e)
{
    mem_pa at;
    uint64_t v;

    if (!find_event(t, device, event, &at) || !load(t, at, &v) || !(v & VALID))
        return false;
    e->lpi = v >> 16 & 0xffffffff;
    e->collection = v & 0xffff;
    return true;
}

bool its_put_event(struct its *t, uint32_t device, uint32_t event, const struct its_event *e)
{
    mem_pa at;

    its_forget(t);
    return find_event(t, device, event, &at) &&
           store(t, at, e ? VALID | (uint64_t)e->lpi << 16 | e->collection : 0);
}

void its_forget(struct its *t)
{
    memset(t->cache, 0, sizeof(t->cache));
}

bool its_translate(struct its *t, uint32_t device, uint32_t event, struct its_hit *hit)
{
    struct its_hit *slot = &t->cache[(device * 37 + event) % ITS_CACHE];
    struct its_event e;
    unsigned cpu;

    if (slot->valid && slot->device == device && slot->event == event) {
        *hit = *slot;
        return true;
    }
    if (!its_get_event(t, device, event, &e) || !its_get_collection(t, e.collection, &cpu))
        return false;
    *slot = (struct its_hit){
        .device = device, .event = event, .lpi = e.lpi, .cpu = (uint16_t)cpu, .valid = true};
    *hit = *slot;
    return true;
}
