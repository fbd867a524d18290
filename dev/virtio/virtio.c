/* The core of every virtio device: features, status, configuration space, reset, state
 * (VIRTIO 1.2, 2.1 to 2.5 and 3). Owns struct virtio but for the rings (ring.c); must never know a
 * transport's registers or a type's requests.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/trace_define.h"
#include "dev/virtio/int.h"
#include "dev/virtio/ring_int.h"
#include "dev/virtio/trace.def"

/* ---- loop work ---- */

static void run_changed(void *arg)
{
    struct virtio *v = arg;

    if (v->type->changed)
        v->type->changed(v);
}

static void run_kick(void *arg)
{
    struct virtio_queue *q = arg;

    __atomic_store_n(&q->kicked, false, __ATOMIC_SEQ_CST);
    q->v->type->kick(q->v, q);
}

static void post_changed(struct virtio *v)
{
    if (v->type->changed && v->pci.dev.env->loop)
        os_loop_post(v->pci.dev.env->loop, &v->changed_task);
}

void virtio_poke(struct virtio_queue *q)
{
    struct os_loop *loop = q->v->pci.dev.env->loop;

    __atomic_store_n(&q->kicked, true, __ATOMIC_RELAXED);
    if (loop)
        os_loop_post(loop, &q->task);
}

void virtio_kick(struct virtio *v, unsigned index)
{
    trace_dev(virtio_notify, &v->pci.dev, "queue %u%s", index,
              index < v->nqueues ? "" : ", which there is not");
    if (index >= v->nqueues)
        return;
    if (v->pci.dev.env->loop)
        virtio_poke(&v->queues[index]);
    else
        run_kick(&v->queues[index]);
}

/* ---- features and status ---- */

static uint64_t common_features(const struct virtio *v)
{
    return VIRTIO_F_VERSION_1 | (v->event_idx ? VIRTIO_F_EVENT_IDX : 0) |
           (v->indirect_desc ? VIRTIO_F_INDIRECT_DESC : 0) |
           (v->packed ? VIRTIO_F_RING_PACKED : 0) |
           (v->iommu_platform ? VIRTIO_F_ACCESS_PLATFORM : 0) |
           (v->queue_reset ? VIRTIO_F_RING_RESET : 0);
}

static uint64_t legacy_features(const struct virtio *v)
{
    return (v->offered & UINT32_MAX) | (v->any_layout ? VIRTIO_F_ANY_LAYOUT : 0) |
           (v->notify_on_empty ? VIRTIO_F_NOTIFY_ON_EMPTY : 0);
}

uint32_t virtio_features_get(const struct virtio *v, uint32_t sel)
{
    uint64_t f = v->legacy ? legacy_features(v) : v->offered;

    return sel > 1 ? 0 : (uint32_t)(f >> 32 * sel);
}

void virtio_features_set(struct virtio *v, uint32_t sel, uint32_t bits)
{
    if (sel > 1 || v->status & (VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK))
        return;
    v->driver_features = bits_deposit64(v->driver_features, 32 * sel, 32, bits);
    if (v->legacy) {
        /* There is no FEATURES_OK: each write counts. */
        v->accepted = v->driver_features & legacy_features(v);
        if (v->type->features)
            v->type->features(v);
    }
}

static bool features_good(struct virtio *v)
{
    if (v->driver_features & ~v->offered || !(v->driver_features & VIRTIO_F_VERSION_1)) {
        dev_guest(&v->pci.dev, "the driver chose features %#llx of %#llx",
                  (unsigned long long)v->driver_features, (unsigned long long)v->offered);
        return false;
    }
    if (v->offered & ~v->driver_features & VIRTIO_F_ACCESS_PLATFORM) {
        dev_guest(&v->pci.dev, "the driver does not know iommu_platform");
        return false;
    }
    v->accepted = v->driver_features;
    trace_dev(virtio_features, &v->pci.dev, "%#llx of %#llx", (unsigned long long)v->accepted,
              (unsigned long long)v->offered);
    if (v->type->features)
        v->type->features(v);
    return true;
}

uint8_t virtio_status_get(const struct virtio *v)
{
    /* 4.1.4.3.2: a reset is done when 0 is read; the driver may use its memory then. */
    return v->draining && !v->status ? VIRTIO_NEEDS_RESET : v->status;
}

static void reset_all(struct virtio *v)
{
    for (unsigned i = 0; i < v->nqueues; i++) {
        struct virtio_queue *q = &v->queues[i];

        virtio_queue_disable(q);
        q->size = q->max;
        q->vector = PCI_NO_VECTOR;
        q->desc = q->avail = q->used = 0;
        q->last_avail = q->avail_seen = q->used_idx = 0;
        q->avail_wrap = q->used_wrap = q->seen_wrap = q->kicks_on = true;
        q->kicked = false;
    }
    v->accepted = v->driver_features = 0;
    v->feature_sel = v->driver_feature_sel = 0;
    v->queue_sel = 0;
    v->config_vector = PCI_NO_VECTOR;
    v->status = v->isr = 0;
    v->page_size = v->ring_align = 0;
    v->generation = 0;
    if (v->type->reset)
        v->type->reset(v);
    if (v->transport)
        v->transport->interrupt(v, PCI_NO_VECTOR, 0);
}

void virtio_status_set(struct virtio *v, uint8_t status)
{
    uint8_t old = v->status;

    trace_dev(virtio_status, &v->pci.dev, "%#x, %#x", old, status);
    if (!status) {
        reset_all(v);
        post_changed(v);
        return;
    }
    if (status & VIRTIO_FEATURES_OK && !(old & VIRTIO_FEATURES_OK) && !v->legacy &&
        !features_good(v))
        status &= (uint8_t)~VIRTIO_FEATURES_OK;
    /* 2.1.1: the driver clears no bit but by reset; NEEDS_RESET is ours. */
    v->status = status | (old & VIRTIO_NEEDS_RESET);
    if (status & ~old & VIRTIO_DRIVER_OK) {
        post_changed(v);
        for (unsigned i = 0; i < v->nqueues; i++) {
            if (v->queues[i].enabled)
                virtio_poke(&v->queues[i]);
        }
    }
}

void virtio_broken(struct virtio *v, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    if (v->status & VIRTIO_NEEDS_RESET)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    trace_dev(virtio_broken, &v->pci.dev, "%s", text);
    dev_guest(&v->pci.dev, "the driver's mistake: %s", text);
    v->status |= VIRTIO_NEEDS_RESET;
    if (v->status & VIRTIO_DRIVER_OK && !v->legacy)
        virtio_config_changed(v);
}

/* ---- configuration space ---- */

uint64_t virtio_config_get(struct virtio *v, unsigned at, unsigned size)
{
    uint64_t value = 0;

    if (at >= v->config_size)
        return 0;
    memcpy(&value, v->config + at, min_of(size, v->config_size - at));
    return value;
}

void virtio_config_put(struct virtio *v, unsigned at, unsigned size, uint64_t value)
{
    if (at < v->config_size && size <= v->config_size - at && v->type->config_write)
        v->type->config_write(v, at, size, value);
}

void virtio_config_changed(struct virtio *v)
{
    v->generation++;
    if (v->status & VIRTIO_DRIVER_OK)
        v->transport->interrupt(v, v->config_vector, VIRTIO_ISR_CONFIG);
}

/* ---- life ---- */

void virtio_queues_set(struct virtio *v, unsigned count, unsigned max)
{
    unsigned old = v->nqueues;

    assert(count <= VIRTIO_QUEUES_MAX && max <= VIRTIO_RING_MAX && !(max & (max - 1)) &&
           count >= old);
    v->queues = mem_realloc(v->queues, count * sizeof(*v->queues));
    memset(v->queues + old, 0, (count - old) * sizeof(*v->queues));
    v->nqueues = count;
    for (unsigned i = 0; i < count; i++) {
        struct virtio_queue *q = &v->queues[i];

        q->v = v;
        q->index = (uint16_t)i;
        if (i >= old)
            q->max = q->size = (uint16_t)max;
        q->vector = PCI_NO_VECTOR;
        q->task = (struct os_task){.fn = run_kick, .arg = q};
    }
}

int virtio_core_realize(struct virtio *v, const struct virtio_type *t, struct err *e)
{
    int rc;

    v->type = t;
    v->changed_task = (struct os_task){.fn = run_changed, .arg = v};
    v->offered = common_features(v);
    rc = t->realize(v, e);
    if (rc)
        return rc;
    reset_all(v);
    return 0;
}

void virtio_class_reset(struct dev *d)
{
    struct virtio *v = virtio_of(d);

    if (v->type->drain)
        v->type->drain(v);
    os_mutex_lock(&d->lock);
    reset_all(v);
    if (v->on_pci)
        virtio_pci_reset(v);
    os_mutex_unlock(&d->lock);
    post_changed(v);
}

void virtio_quiesce(struct dev *d)
{
    struct virtio *v;

    if (d->cls->reset != virtio_class_reset || !d->realized)
        return;
    v = virtio_of(d);
    if (v->type->drain)
        v->type->drain(v);
}

void virtio_class_destroy(struct dev *d)
{
    struct virtio *v = virtio_of(d);

    virtio_mmio_unplug(v); /* no register access from here on */
    virtio_pci_gone(v);
    if (!v->type)
        return;
    if (v->type->drain)
        v->type->drain(v);
    v->type->destroy(v);
    if (d->env->loop) {
        os_task_cancel(d->env->loop, &v->changed_task);
        for (unsigned i = 0; i < v->nqueues; i++)
            os_task_cancel(d->env->loop, &v->queues[i].task);
    }
    for (unsigned i = 0; i < v->nqueues; i++)
        ring_pool_free(&v->queues[i]);
    free(v->queues);
    v->queues = NULL;
    v->nqueues = 0;
    v->type = NULL;
}

/* ---- state ---- */

#define Q struct virtio_queue
static const struct state_field queue_state[] = {
    STATE_FIELD(STATE_U16, Q, size),
    STATE_FIELD(STATE_U16, Q, vector),
    STATE_FIELD(STATE_BOOL, Q, enabled),
    STATE_FIELD(STATE_U64, Q, desc),
    STATE_FIELD(STATE_U64, Q, avail),
    STATE_FIELD(STATE_U64, Q, used),
    STATE_FIELD(STATE_U16, Q, last_avail),
    STATE_FIELD(STATE_U16, Q, used_idx),
    STATE_FIELD(STATE_BOOL, Q, avail_wrap),
    STATE_FIELD(STATE_BOOL, Q, used_wrap),
    STATE_FIELD(STATE_BOOL, Q, kicks_on),
    STATE_FIELD(STATE_BOOL, Q, kicked),
    STATE_END,
};
#undef Q

#define V struct virtio
#define VIRTIO_STATE_FIELDS                                                                    \
    {.name = "queues",                                                                         \
     .type = STATE_STRUCT,                                                                     \
     .offset = offsetof(V, queues),                                                            \
     .size = sizeof(struct virtio_queue),                                                      \
     .count = VIRTIO_QUEUES_MAX,                                                               \
     .pointer = true,                                                                          \
     .count_offset = offsetof(V, nqueues),                                                     \
     .fields = queue_state},                                                                   \
        STATE_FIELD(STATE_U64, V, accepted), STATE_FIELD(STATE_U64, V, driver_features),       \
        STATE_FIELD(STATE_U32, V, feature_sel), STATE_FIELD(STATE_U32, V, driver_feature_sel), \
        STATE_FIELD(STATE_U16, V, queue_sel), STATE_FIELD(STATE_U16, V, config_vector),        \
        STATE_FIELD(STATE_U8, V, status), STATE_FIELD(STATE_U8, V, isr),                       \
        STATE_FIELD(STATE_U8, V, generation), STATE_FIELD(STATE_BOOL, V, legacy),              \
        STATE_FIELD(STATE_U32, V, page_size), STATE_FIELD(STATE_U32, V, ring_align),           \
    {                                                                                          \
        .name = "config", .type = STATE_BYTES, .offset = offsetof(V, config),                  \
        .size = VIRTIO_CONFIG_MAX, .count = 1                                                  \
    }

const struct state_field virtio_state[] = {VIRTIO_STATE_FIELDS, STATE_END};
const struct state_field virtio_pci_state[] = {
    {.name = "pci",
     .type = STATE_STRUCT,
     .offset = 0,
     .size = sizeof(struct pci_dev),
     .count = 1,
     .fields = pci_dev_state},
    VIRTIO_STATE_FIELDS,
    STATE_END,
};
#undef V

static int queue_loaded(struct virtio_queue *q, struct err *e)
{
    bool packed = virtio_has(q->v, VIRTIO_F_RING_PACKED);

    q->hdesc = NULL;
    q->used_pending = 0;
    q->avail_seen = q->last_avail;
    q->seen_wrap = q->avail_wrap;
    if (!q->enabled)
        return 0;
    if (!q->size || q->size > q->max || (!packed && q->size & (q->size - 1)) ||
        (packed && (q->last_avail >= q->size || q->used_idx >= q->size)) || !ring_attach(q))
        return err_text(e, EINVAL, "%s: saved queue %u does not fit this device or its memory",
                        q->v->type->name, q->index);
    return 0;
}

int virtio_class_loaded(struct dev *d, struct err *e)
{
    struct virtio *v = virtio_of(d);
    uint64_t offered = v->legacy ? legacy_features(v) : v->offered;
    int rc = 0;

    if (v->accepted & ~offered)
        return err_text(e, EINVAL, "%s: saved features %#llx, this device offers %#llx",
                        v->type->name, (unsigned long long)v->accepted,
                        (unsigned long long)offered);
    if (v->on_pci)
        rc = virtio_pci_loaded(v, e);
    if (!rc && v->type->features)
        v->type->features(v);
    for (unsigned i = 0; !rc && i < v->nqueues; i++)
        rc = queue_loaded(&v->queues[i], e);
    if (!rc && v->type->loaded)
        rc = v->type->loaded(v, e);
    if (rc)
        return rc;
    post_changed(v);
    for (unsigned i = 0; i < v->nqueues; i++) {
        if (v->queues[i].kicked)
            virtio_poke(&v->queues[i]);
    }
    return 0;
}
