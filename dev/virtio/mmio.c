/* virtio over MMIO (VIRTIO 1.2, 4.2): one slot of the board, empty or with a device. Owns the
 * slot's registers; knows nothing of device types. With force-legacy the slot speaks the interface
 * before 1.0 (4.2.4).
 */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/trace.h"
#include "dev/virtio/int.h"
#include "dev/virtio/trace.def"

struct virtio_mmio {
    struct dev dev;
    bool force_legacy;
    struct irq line;
    struct mem_region *region;
    struct virtio *_Atomic v; /* NULL: empty */
};

enum {
    MAGIC = 0x00,
    VERSION = 0x04,
    DEVICE_ID = 0x08,
    VENDOR_ID = 0x0c,
    DEVICE_FEATURES = 0x10,
    DEVICE_FEATURES_SEL = 0x14,
    DRIVER_FEATURES = 0x20,
    DRIVER_FEATURES_SEL = 0x24,
    GUEST_PAGE_SIZE = 0x28,
    QUEUE_SEL = 0x30,
    QUEUE_NUM_MAX = 0x34,
    QUEUE_NUM = 0x38,
    QUEUE_ALIGN = 0x3c,
    QUEUE_PFN = 0x40,
    QUEUE_READY = 0x44,
    QUEUE_NOTIFY = 0x50,
    INTERRUPT_STATUS = 0x60,
    INTERRUPT_ACK = 0x64,
    STATUS = 0x70,
    QUEUE_DESC = 0x80,
    QUEUE_DRIVER = 0x90,
    QUEUE_DEVICE = 0xa0,
    SHM_SEL = 0xac,
    SHM_LEN = 0xb0,
    SHM_BASE_HIGH = 0xbc,
    QUEUE_RESET = 0xc0,
    CONFIG_GENERATION = 0xfc,
    CONFIG = 0x100,
};
enum { MAGIC_VALUE = 0x74726976, VENDOR_VALUE = 0x414e594d };

static struct virtio_mmio *slot_of(struct dev *d)
{
    return container_of(d, struct virtio_mmio, dev);
}

static void mmio_interrupt(struct virtio *v, uint16_t vector, unsigned isr)
{
    struct virtio_mmio *s = v->transport_arg;

    (void)vector;
    v->isr |= (uint8_t)isr;
    irq_set(&s->line, v->isr != 0);
}

static const struct virtio_transport mmio_transport = {.interrupt = mmio_interrupt};

/* ---- registers ---- */

static uint32_t read_modern(struct virtio *v, struct virtio_queue *q, unsigned at)
{
    switch (at) {
    case QUEUE_READY:
        return q && q->enabled;
    case QUEUE_RESET:
        return v->draining != 0;
    case CONFIG_GENERATION:
        return v->generation;
    default:
        /* No shared memory: all ones. */
        return at >= SHM_LEN && at <= SHM_BASE_HIGH ? UINT32_MAX : 0;
    }
}

static uint32_t read_register(struct virtio *v, unsigned at)
{
    struct virtio_queue *q = virtio_queue_at(v, v->queue_sel);

    switch (at) {
    case DEVICE_FEATURES:
        return virtio_features_get(v, v->feature_sel);
    case QUEUE_NUM_MAX:
        return q ? q->max : 0;
    case INTERRUPT_STATUS:
        return v->isr;
    case STATUS:
        return v->status;
    case QUEUE_PFN:
        return v->legacy && q && q->enabled && v->page_size ? (uint32_t)(q->desc / v->page_size)
                                                            : 0;
    default:
        return v->legacy ? 0 : read_modern(v, q, at);
    }
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    struct virtio_mmio *s = opaque;
    struct virtio *v = s->v;
    uint64_t value;

    if (offset < CONFIG && size != 4) {
        dev_guest(&s->dev, "a read of %u bytes at %#x", size, (unsigned)offset);
        return 0;
    }
    switch (offset) {
    case MAGIC:
        return MAGIC_VALUE;
    case VERSION:
        return s->force_legacy ? 1 : 2;
    case DEVICE_ID:
        return v ? v->type->id : 0;
    case VENDOR_ID:
        return VENDOR_VALUE;
    }
    if (!v)
        return 0;
    os_mutex_lock(&v->pci.dev.lock);
    value = offset >= CONFIG ? virtio_config_get(v, (unsigned)(offset - CONFIG), size)
                             : read_register(v, (unsigned)offset);
    os_mutex_unlock(&v->pci.dev.lock);
    return value;
}

static void write_queue_modern(struct virtio_queue *q, unsigned at, uint32_t value)
{
    bool set = !q->enabled; /* 4.2.2.2: not to be changed afterwards */

    switch (at) {
    case QUEUE_READY:
        if (value & 1)
            virtio_queue_enable(q);
        else
            virtio_queue_disable(q);
        break;
    case QUEUE_RESET:
        if (value & 1 && virtio_has(q->v, VIRTIO_F_RING_RESET))
            virtio_queue_disable(q);
        break;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
        if (set)
            q->desc = bits_deposit64(q->desc, at & 4 ? 32 : 0, 32, value);
        break;
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
        if (set)
            q->avail = bits_deposit64(q->avail, at & 4 ? 32 : 0, 32, value);
        break;
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4:
        if (set)
            q->used = bits_deposit64(q->used, at & 4 ? 32 : 0, 32, value);
        break;
    }
}

static void write_queue(struct virtio *v, unsigned at, uint32_t value)
{
    struct virtio_queue *q = virtio_queue_at(v, v->queue_sel);

    if (!q)
        return;
    if (at == QUEUE_NUM) {
        if (!q->enabled)
            q->size = (uint16_t)min_of(value, (uint32_t)q->max + 1); /* too large stays too large */
    } else if (!v->legacy) {
        write_queue_modern(q, at, value);
    } else if (at == QUEUE_PFN) {
        virtio_queue_legacy(q, (uint64_t)value * v->page_size, v->ring_align);
    }
}

static void write_register(struct virtio *v, unsigned at, uint32_t value)
{
    struct virtio_mmio *s = v->transport_arg;

    switch (at) {
    case DEVICE_FEATURES_SEL:
        v->feature_sel = value;
        break;
    case DRIVER_FEATURES_SEL:
        v->driver_feature_sel = value;
        break;
    case DRIVER_FEATURES:
        virtio_features_set(v, v->driver_feature_sel, value);
        break;
    case GUEST_PAGE_SIZE:
        v->page_size = v->legacy ? value : 0;
        break;
    case QUEUE_ALIGN:
        v->ring_align = v->legacy ? value : 0;
        break;
    case QUEUE_SEL:
        v->queue_sel = (uint16_t)min_of(value, (uint32_t)UINT16_MAX);
        break;
    case INTERRUPT_ACK:
        v->isr &= (uint8_t)~value;
        irq_set(&s->line, v->isr != 0);
        break;
    case STATUS:
        virtio_status_set(v, (uint8_t)value);
        break;
    default:
        write_queue(v, at, value);
    }
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct virtio_mmio *s = opaque;
    struct virtio *v = s->v;

    if (!v)
        return;
    if (offset < CONFIG && size != 4) {
        dev_guest(&s->dev, "a write of %u bytes at %#x", size, (unsigned)offset);
        return;
    }
    if (offset == QUEUE_NOTIFY) {
        virtio_kick(v, value & 0xffff); /* no lock: only hands over to the loop */
        return;
    }
    os_mutex_lock(&v->pci.dev.lock);
    if (offset >= CONFIG)
        virtio_config_put(v, (unsigned)(offset - CONFIG), size, value);
    else
        write_register(v, (unsigned)offset, (uint32_t)value);
    os_mutex_unlock(&v->pci.dev.lock);
}

static const struct mem_ops mmio_ops = {.read = mmio_read,
                                        .write = mmio_write,
                                        .min_size = 1,
                                        .max_size = 4,
                                        .on_read = &trace_point_virtio_mmio_read,
                                        .on_write = &trace_point_virtio_mmio_write};

/* ---- slots ---- */

void virtio_mmio_setup(struct dev *slot, const struct irq *line)
{
    slot_of(slot)->line = *line;
}

struct mem_region *virtio_mmio_region(struct dev *slot)
{
    return slot_of(slot)->region;
}

bool virtio_mmio_used(const struct dev *slot)
{
    return slot_of((struct dev *)slot)->v;
}

int virtio_mmio_plug(struct dev *slot, struct dev *d, struct err *e)
{
    struct virtio_mmio *s = slot_of(slot);
    struct virtio *v = virtio_of(d);

    if (s->v)
        return err_text(e, EBUSY, "%s: the slot has a device already",
                        slot->path ? slot->path : "virtio-mmio");
    v->transport = &mmio_transport;
    v->transport_arg = s;
    s->v = v;
    return 0;
}

void virtio_mmio_unplug(struct virtio *v)
{
    struct virtio_mmio *s = v->transport_arg;

    if (v->transport != &mmio_transport || !s)
        return;
    s->v = NULL;
    irq_set(&s->line, 0);
    v->transport_arg = NULL;
}

int virtio_device_realize(struct virtio *v, const struct virtio_type *t, struct err *e)
{
    struct virtio_mmio *s = v->transport_arg;

    if (v->transport != &mmio_transport || !s)
        return err_text(e, EINVAL, "%s needs a virtio-mmio slot and none is free; use %s-pci",
                        v->pci.dev.cls->name, t->name);
    v->legacy = s->force_legacy;
    return virtio_core_realize(v, t, e);
}

static int slot_realize(struct dev *d, struct err *e)
{
    struct virtio_mmio *s = slot_of(d);

    (void)e;
    s->region = mem_region_io("virtio-mmio", VIRTIO_MMIO_SIZE, &mmio_ops, s);
    mem_region_set_owner(s->region, d->path);
    return 0;
}

static void slot_destroy(struct dev *d)
{
    struct virtio_mmio *s = slot_of(d);
    struct virtio *v = s->v;

    if (v)
        v->transport_arg = NULL;
    if (s->region)
        mem_region_free(s->region);
    s->region = NULL;
}

static const struct prop slot_props[] = {
    {.name = "force-legacy",
     .type = PROP_BOOL,
     .offset = offsetof(struct virtio_mmio, force_legacy),
     .help = "speak only the interface before VIRTIO 1.0"},
    {0},
};

const struct dev_class dev_class_virtio_mmio = {
    .name = "virtio-mmio",
    .bus = "",
    .help = "a place for a virtio device in memory",
    .size = sizeof(struct virtio_mmio),
    .props = slot_props,
    .realize = slot_realize,
    .destroy = slot_destroy,
};
