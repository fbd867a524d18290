/* virtio over PCI (VIRTIO 1.2, 4.1): capabilities, the modern register blocks, the legacy I/O
 * block, interrupts by MSI-X or line. Owns these registers; must never know a device type.
 *
 * BAR 0: legacy block (transitional devices), BAR 1: MSI-X, BAR 4: modern blocks. A write to the
 * notify block takes no lock.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"
#include "dev/virtio/int.h"
#include "dev/virtio/trace.def"

enum {
    COMMON_AT = 0,
    ISR_AT = 0x1000,
    DEVICE_AT = 0x2000,
    NOTIFY_AT = 0x3000,
    MODERN_SIZE = 0x4000,
    BLOCK = 0x1000
};
enum { NOTIFY_STEP = 4, MODERN_BAR = 4, MSIX_BAR = 1, LEGACY_BAR = 0 };
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_PCI_CFG = 5 };
enum { CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_DATA = 16 };

struct virtio_pci {
    struct mem_region *modern, *legacy;
    unsigned cfg_cap; /* the window for those who cannot map BARs */
};

static struct virtio *virtio_from(struct pci_dev *p)
{
    return container_of(p, struct virtio, pci);
}

/* ---- interrupts ---- */

static void transport_interrupt(struct virtio *v, uint16_t vector, unsigned isr)
{
    struct pci_dev *p = &v->pci;

    if (pci_msix_enabled(p)) {
        if (isr)
            pci_msix_raise(p, vector);
        return;
    }
    v->isr |= (uint8_t)isr;
    pci_intx_set(p, v->isr != 0);
}

static bool transport_dma_allowed(struct virtio *v)
{
    return v->legacy || pci_bus_master(&v->pci); /* drivers of old never set it */
}

static const struct virtio_transport pci_transport = {transport_interrupt, transport_dma_allowed};

static uint8_t take_isr(struct virtio *v)
{
    uint8_t isr = v->isr;

    v->isr = 0;
    pci_intx_set(&v->pci, false);
    return isr;
}

static uint16_t vector_checked(const struct virtio *v, uint64_t vector)
{
    return vector < v->pci.msix.vectors ? (uint16_t)vector : PCI_NO_VECTOR;
}

/* ---- common configuration, 4.1.4.3 ---- */

enum {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    CONFIG_VECTOR = 0x10,
    NUM_QUEUES = 0x12,
    DEVICE_STATUS = 0x14,
    CONFIG_GENERATION = 0x15,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFF = 0x1e,
    QUEUE_DESC = 0x20,
    QUEUE_DRIVER = 0x28,
    QUEUE_DEVICE = 0x30,
    QUEUE_NOTIFY_DATA = 0x38,
    QUEUE_RESET = 0x3a,
    COMMON_SIZE = 0x40,
};

static uint32_t queue_read(const struct virtio_queue *q, unsigned at)
{
    switch (at) {
    case QUEUE_SIZE:
        return q->size;
    case QUEUE_VECTOR:
        return q->vector;
    case QUEUE_ENABLE:
        return q->enabled;
    case QUEUE_NOTIFY_OFF:
    case QUEUE_NOTIFY_DATA:
        return q->index;
    case QUEUE_DESC:
        return (uint32_t)q->desc;
    case QUEUE_DESC + 4:
        return (uint32_t)(q->desc >> 32);
    case QUEUE_DRIVER:
        return (uint32_t)q->avail;
    case QUEUE_DRIVER + 4:
        return (uint32_t)(q->avail >> 32);
    case QUEUE_DEVICE:
        return (uint32_t)q->used;
    case QUEUE_DEVICE + 4:
        return (uint32_t)(q->used >> 32);
    case QUEUE_RESET:
        return q->v->draining != 0;
    default:
        return 0;
    }
}

static uint32_t common_read(struct virtio *v, unsigned at)
{
    const struct virtio_queue *q = virtio_queue_at(v, v->queue_sel);

    switch (at) {
    case DEVICE_FEATURE_SELECT:
        return v->feature_sel;
    case DEVICE_FEATURE:
        return virtio_features_get(v, v->feature_sel);
    case DRIVER_FEATURE_SELECT:
        return v->driver_feature_sel;
    case DRIVER_FEATURE:
        return v->driver_feature_sel > 1
                   ? 0
                   : (uint32_t)(v->driver_features >> 32 * v->driver_feature_sel);
    case CONFIG_VECTOR:
        return v->config_vector;
    case NUM_QUEUES:
        return v->nqueues;
    case DEVICE_STATUS:
        return virtio_status_get(v);
    case CONFIG_GENERATION:
        return v->generation;
    case QUEUE_SELECT:
        return v->queue_sel;
    case QUEUE_VECTOR:
        return q ? q->vector : PCI_NO_VECTOR;
    default:
        return q ? queue_read(q, at) : 0;
    }
}

static void queue_write(struct virtio_queue *q, unsigned at, uint32_t value)
{
    struct virtio *v = q->v;

    switch (at) {
    case QUEUE_VECTOR:
        q->vector = vector_checked(v, value);
        return;
    case QUEUE_ENABLE:
        if (value == 1)
            virtio_queue_enable(q);
        return;
    case QUEUE_RESET:
        if (value == 1 && virtio_has(v, VIRTIO_F_RING_RESET)) {
            virtio_queue_disable(q);
            q->size = q->max;
        }
        return;
    }
    if (q->enabled)
        return;
    switch (at) {
    case QUEUE_SIZE:
        q->size = (uint16_t)value;
        break;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
        q->desc = bits_deposit64(q->desc, at & 4 ? 32 : 0, 32, value);
        break;
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
        q->avail = bits_deposit64(q->avail, at & 4 ? 32 : 0, 32, value);
        break;
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4:
        q->used = bits_deposit64(q->used, at & 4 ? 32 : 0, 32, value);
        break;
    }
}

static void common_write(struct virtio *v, unsigned at, uint32_t value)
{
    struct virtio_queue *q;

    if (!v->status)
        v->legacy = false; /* the driver starts, and this way */
    switch (at) {
    case DEVICE_FEATURE_SELECT:
        v->feature_sel = value;
        return;
    case DRIVER_FEATURE_SELECT:
        v->driver_feature_sel = value;
        return;
    case DRIVER_FEATURE:
        virtio_features_set(v, v->driver_feature_sel, value);
        return;
    case CONFIG_VECTOR:
        v->config_vector = vector_checked(v, value);
        return;
    case DEVICE_STATUS:
        virtio_status_set(v, (uint8_t)value);
        return;
    case QUEUE_SELECT:
        v->queue_sel = (uint16_t)value;
        return;
    }
    q = virtio_queue_at(v, v->queue_sel);
    if (q)
        queue_write(q, at, value);
}

/* ---- the modern BAR; *_locked also serve the window in configuration space ---- */

static uint64_t modern_read_locked(struct virtio *v, uint64_t at, unsigned size)
{
    uint64_t mask = bits_mask64(8 * size);

    if (at >= NOTIFY_AT)
        return 0;
    if (at >= DEVICE_AT)
        return virtio_config_get(v, (unsigned)at - DEVICE_AT, size);
    if (at >= ISR_AT)
        return at == ISR_AT ? take_isr(v) : 0;
    return at < COMMON_SIZE ? common_read(v, (unsigned)at) & mask : 0;
}

static void modern_write_locked(struct virtio *v, uint64_t at, uint64_t value, unsigned size)
{
    if (at >= NOTIFY_AT)
        return;
    if (at >= DEVICE_AT)
        virtio_config_put(v, (unsigned)at - DEVICE_AT, size, value);
    else if (at < COMMON_SIZE)
        common_write(v, (unsigned)at, (uint32_t)value);
}

static uint64_t modern_read(void *opaque, uint64_t offset, unsigned size)
{
    struct virtio *v = opaque;
    uint64_t value;

    os_mutex_lock(&v->pci.dev.lock);
    value = modern_read_locked(v, offset, size);
    os_mutex_unlock(&v->pci.dev.lock);
    return value;
}

static void modern_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct virtio *v = opaque;

    if (offset >= NOTIFY_AT) {
        virtio_kick(v, (unsigned)(offset - NOTIFY_AT) / NOTIFY_STEP);
        return;
    }
    os_mutex_lock(&v->pci.dev.lock);
    modern_write_locked(v, offset, value, size);
    os_mutex_unlock(&v->pci.dev.lock);
}

static const struct mem_ops modern_ops = {.read = modern_read,
                                          .write = modern_write,
                                          .min_size = 1,
                                          .max_size = 4,
                                          .on_read = &trace_point_virtio_pci_read,
                                          .on_write = &trace_point_virtio_pci_write};

/* ---- the legacy block, 4.1.4.10 ---- */

enum {
    L_HOST_FEATURES = 0,
    L_GUEST_FEATURES = 4,
    L_QUEUE_PFN = 8,
    L_QUEUE_SIZE = 12,
    L_QUEUE_SELECT = 14,
    L_QUEUE_NOTIFY = 16,
    L_STATUS = 18,
    L_ISR = 19,
    L_CONFIG_VECTOR = 20,
    L_QUEUE_VECTOR = 22,
    L_CONFIG = 20,
    L_PAGE = 4096
};

static unsigned legacy_config_at(const struct virtio *v)
{
    return pci_msix_enabled(&v->pci) ? L_CONFIG + 4 : L_CONFIG;
}

static uint32_t legacy_register(struct virtio *v, unsigned at)
{
    struct virtio_queue *q = virtio_queue_at(v, v->queue_sel);

    switch (at) {
    case L_HOST_FEATURES:
        return virtio_features_get(v, 0);
    case L_GUEST_FEATURES:
        return (uint32_t)v->driver_features;
    case L_QUEUE_PFN:
        return q && q->enabled ? (uint32_t)(q->desc / L_PAGE) : 0;
    case L_QUEUE_SIZE:
        return q ? q->max : 0;
    case L_QUEUE_SELECT:
        return v->queue_sel;
    case L_STATUS:
        return virtio_status_get(v);
    case L_ISR:
        return take_isr(v);
    case L_CONFIG_VECTOR:
        return v->config_vector;
    case L_QUEUE_VECTOR:
        return q ? q->vector : PCI_NO_VECTOR;
    default:
        return 0;
    }
}

static uint64_t legacy_read(void *opaque, uint64_t offset, unsigned size)
{
    struct virtio *v = opaque;
    uint64_t value;

    os_mutex_lock(&v->pci.dev.lock);
    if (!v->status)
        v->legacy = true;
    if (offset >= legacy_config_at(v))
        value = virtio_config_get(v, (unsigned)offset - legacy_config_at(v), size);
    else
        value = legacy_register(v, (unsigned)offset) & bits_mask64(8 * size);
    os_mutex_unlock(&v->pci.dev.lock);
    return value;
}

static void legacy_set(struct virtio *v, unsigned at, uint32_t value)
{
    struct virtio_queue *q = virtio_queue_at(v, v->queue_sel);

    switch (at) {
    case L_GUEST_FEATURES:
        virtio_features_set(v, 0, value);
        break;
    case L_QUEUE_PFN:
        if (q)
            virtio_queue_legacy(q, (uint64_t)value * L_PAGE, L_PAGE);
        break;
    case L_QUEUE_SELECT:
        v->queue_sel = (uint16_t)value;
        break;
    case L_STATUS:
        virtio_status_set(v, (uint8_t)value);
        break;
    case L_CONFIG_VECTOR:
        v->config_vector = vector_checked(v, value);
        break;
    case L_QUEUE_VECTOR:
        if (q)
            q->vector = vector_checked(v, value);
        break;
    }
}

static void legacy_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct virtio *v = opaque;

    if (offset == L_QUEUE_NOTIFY) {
        virtio_kick(v, value & 0xffff);
        return;
    }
    os_mutex_lock(&v->pci.dev.lock);
    if (!v->status)
        v->legacy = true;
    if (offset >= legacy_config_at(v))
        virtio_config_put(v, (unsigned)offset - legacy_config_at(v), size, value);
    else
        legacy_set(v, (unsigned)offset, (uint32_t)value);
    os_mutex_unlock(&v->pci.dev.lock);
}

static const struct mem_ops legacy_ops = {.read = legacy_read,
                                          .write = legacy_write,
                                          .min_size = 1,
                                          .max_size = 4,
                                          .on_read = &trace_point_virtio_pci_read,
                                          .on_write = &trace_point_virtio_pci_write};

/* ---- configuration space ---- */

/* The window (4.1.4.9): an access to its data is one to the BAR at the offset and length written
 * before. */
static bool window(struct virtio *v, unsigned at, unsigned size, uint64_t *offset, unsigned *length)
{
    unsigned data = v->on_pci->cfg_cap + CAP_DATA;
    const uint8_t *c = v->pci.config + v->on_pci->cfg_cap;

    if (!v->on_pci->cfg_cap || at >= data + 4 || at + size <= data || c[CAP_BAR] != MODERN_BAR)
        return false;
    *offset = mem_ld32le(c + CAP_OFFSET);
    *length = mem_ld32le(c + CAP_LENGTH);
    return (*length == 1 || *length == 2 || *length == 4) && *offset < MODERN_SIZE &&
           *offset % *length == 0;
}

static bool pci_window_read(struct pci_dev *p, unsigned at, unsigned size, uint32_t *value)
{
    struct virtio *v = virtio_from(p);
    uint64_t offset;
    unsigned length;

    (void)value;
    if (window(v, at, size, &offset, &length))
        mem_st32le(p->config + v->on_pci->cfg_cap + CAP_DATA,
                   (uint32_t)modern_read_locked(v, offset, length));
    return false; /* the stored bytes, just refreshed */
}

static void pci_written(struct pci_dev *p, unsigned at, unsigned size)
{
    struct virtio *v = virtio_from(p);
    uint64_t offset, value;
    unsigned length;

    if (at < PCI_STATUS && at + size > PCI_COMMAND && pci_bus_master(p)) {
        for (unsigned i = 0; i < v->nqueues; i++)
            virtio_poke(&v->queues[i]);
    }
    if (!window(v, at, size, &offset, &length))
        return;
    value = mem_ld32le(p->config + v->on_pci->cfg_cap + CAP_DATA) & bits_mask64(8 * length);
    if (offset < NOTIFY_AT)
        modern_write_locked(v, offset, value, length);
    else if ((offset - NOTIFY_AT) / NOTIFY_STEP < v->nqueues)
        virtio_poke(&v->queues[(offset - NOTIFY_AT) / NOTIFY_STEP]);
}

static const struct pci_ops config_ops = {.config_read = pci_window_read,
                                          .config_written = pci_written};

static unsigned add_cap(struct pci_dev *p, uint8_t type, uint32_t at, uint32_t length,
                        unsigned extra)
{
    unsigned size = 16 + extra, cap = pci_cap_add(p, PCI_CAP_VENDOR, size, NULL);
    uint8_t *c = p->config + cap;

    c[2] = (uint8_t)size;
    c[3] = type;
    c[CAP_BAR] = MODERN_BAR;
    mem_st32le(c + CAP_OFFSET, at);
    mem_st32le(c + CAP_LENGTH, length);
    return cap;
}

static void add_modern(struct virtio *v)
{
    struct pci_dev *p = &v->pci;
    struct virtio_pci *x = v->on_pci;
    uint8_t *w;
    unsigned cap;

    x->modern = mem_region_io("virtio-pci", MODERN_SIZE, &modern_ops, v);
    mem_region_set_owner(x->modern, p->dev.path);
    pci_bar_set(p, MODERN_BAR, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, x->modern);
    add_cap(p, CAP_COMMON, COMMON_AT, BLOCK, 0);
    add_cap(p, CAP_ISR, ISR_AT, BLOCK, 0);
    add_cap(p, CAP_DEVICE, DEVICE_AT, BLOCK, 0);
    cap = add_cap(p, CAP_NOTIFY, NOTIFY_AT, BLOCK, 4);
    mem_st32le(p->config + cap + CAP_DATA, NOTIFY_STEP);
    cap = add_cap(p, CAP_PCI_CFG, 0, 0, 4);
    p->config[cap + CAP_BAR] = 0;
    w = p->writable + cap;
    w[CAP_BAR] = 0xff;
    memset(w + CAP_OFFSET, 0xff, 12);
    x->cfg_cap = cap;
}

static void add_legacy(struct virtio *v)
{
    struct virtio_pci *x = v->on_pci;
    uint64_t size = bits_align_up(L_CONFIG + 4 + v->config_size, 8);

    size = UINT64_C(1) << (64 - bits_clz64(size - 1));
    x->legacy = mem_region_io("virtio-pci-legacy", size, &legacy_ops, v);
    mem_region_set_owner(x->legacy, v->pci.dev.path);
    pci_bar_set(&v->pci, LEGACY_BAR, PCI_BAR_IO, x->legacy);
}

/* ---- life ---- */

int virtio_pci_realize(struct virtio *v, const struct virtio_type *t, struct err *e)
{
    struct pci_dev *p = &v->pci;
    struct pci_ident ident = {
        .vendor = 0x1af4, .subvendor = 0x1af4, .class_code = t->class_code, .pin = 1};
    bool legacy = v->disable_modern || v->disable_legacy == 2;
    unsigned vectors;
    int rc;

    if (!p->bus)
        return err_text(e, EINVAL, "%s needs a PCI bus, and this machine has none",
                        p->dev.cls->name);
    if (v->disable_modern && v->disable_legacy == 1)
        return err_text(e, EINVAL,
                        "%s: disable-legacy=on and disable-modern=on leave nothing; drop one",
                        p->dev.cls->name);
    if (legacy && !t->legacy_pci_id)
        return err_text(e, EINVAL,
                        "%s: %s has no interface before VIRTIO 1.0; drop disable-legacy=off and "
                        "disable-modern=on",
                        p->dev.cls->name, t->name);
    v->transport = &pci_transport;
    rc = virtio_core_realize(v, t, e);
    if (rc)
        return rc;
    if (v->disable_modern)
        v->offered &= ~VIRTIO_F_VERSION_1;
    v->legacy = v->disable_modern;
    ident.device = legacy ? t->legacy_pci_id : (uint16_t)(0x1040 + t->id);
    ident.subdevice = legacy ? t->id : 0x1100;
    ident.revision = legacy ? 0 : 1;
    rc = pci_dev_init(p, &ident, &config_ops, e);
    if (rc)
        return rc;
    v->on_pci = mem_new(struct virtio_pci);
    if (pci_is_express(p) && !v->disable_modern) {
        pci_express_add(p, pci_on_root_bus(p) ? 9 : 0);
        pci_pm_add(p);
    }
    vectors = v->vectors == UINT32_MAX ? v->nqueues + 1 : v->vectors;
    if (vectors)
        pci_msix_add(p, MSIX_BAR, min_of(vectors, 2048u));
    if (!v->disable_modern)
        add_modern(v);
    if (legacy)
        add_legacy(v);
    return 0;
}

void virtio_pci_reset(struct virtio *v)
{
    v->legacy = v->disable_modern;
    pci_dev_reset(&v->pci);
}

void virtio_pci_gone(struct virtio *v)
{
    struct virtio_pci *x = v->on_pci;

    if (v->transport != &pci_transport && !v->pci.bus)
        return;
    pci_dev_done(&v->pci);
    if (!x)
        return;
    if (x->modern)
        mem_region_free(x->modern);
    if (x->legacy)
        mem_region_free(x->legacy);
    free(x);
    v->on_pci = NULL;
}

int virtio_pci_loaded(struct virtio *v, struct err *e)
{
    return pci_dev_loaded(&v->pci, e);
}
