/* The ring engine, driven from the driver's side through a device that answers each request with
 * its own bytes. */
#include "kit.h"

#include "base/mem.h"

struct echo {
    struct virtio v;
    unsigned runs;
    bool hold; /* keeps requests */
    struct virtio_chain *held[512];
    unsigned nheld;
};

static int echo_realize(struct virtio *v, struct err *e)
{
    (void)e;
    virtio_queues_set(v, 2, 256);
    memcpy(v->config, "configuration", 13);
    v->config_size = 13;
    return 0;
}

static void echo_destroy(struct virtio *v)
{
    (void)v;
}

static void answer(struct virtio_chain *c)
{
    uint8_t *bytes = malloc(c->out_size + 1);
    size_t n = virtio_iov_get(c->iov, c->nout, 0, bytes, c->out_size);

    n = virtio_iov_set(c->iov + c->nout, c->nin, 0, bytes, n);
    free(bytes);
    virtio_put(c, n);
}

static void echo_kick(struct virtio *v, struct virtio_queue *q)
{
    struct echo *s = container_of(v, struct echo, v);
    struct virtio_chain *c;

    s->runs++;
    os_mutex_lock(&v->pci.dev.lock);
    do {
        virtio_kicks(q, false);
        while ((c = virtio_pop(q))) {
            if (s->hold)
                s->held[s->nheld++] = c;
            else
                answer(c);
        }
    } while (virtio_kicks(q, true));
    virtio_publish(q);
    os_mutex_unlock(&v->pci.dev.lock);
}

static const struct virtio_type echo_type = {.name = "echo",
                                             .id = 42,
                                             .realize = echo_realize,
                                             .destroy = echo_destroy,
                                             .kick = echo_kick,
                                             .class_code = 0xff0000};

static int device_realize(struct dev *d, struct err *e)
{
    return virtio_device_realize(virtio_of(d), &echo_type, e);
}

static int pci_realize(struct dev *d, struct err *e)
{
    return virtio_pci_realize(virtio_of(d), &echo_type, e);
}

static const struct prop device_props[] = {VIRTIO_PROPS, VIRTIO_DEVICE_PROPS, {0}};
static const struct prop pci_props[] = {PCI_PROPS, VIRTIO_PROPS, VIRTIO_PCI_PROPS, {0}};
static const struct dev_class echo_device = {.name = "echo-device",
                                             .bus = "virtio",
                                             .size = sizeof(struct echo),
                                             .props = device_props,
                                             .state = virtio_state,
                                             .realize = device_realize,
                                             .reset = virtio_class_reset,
                                             .destroy = virtio_class_destroy,
                                             .loaded = virtio_class_loaded};
static const struct dev_class echo_pci = {.name = "echo-pci",
                                          .bus = "pci",
                                          .size = sizeof(struct echo),
                                          .props = pci_props,
                                          .state = virtio_pci_state,
                                          .realize = pci_realize,
                                          .reset = virtio_class_reset,
                                          .destroy = virtio_class_destroy,
                                          .loaded = virtio_class_loaded};

static struct kit *start(struct drv_queue *q, uint64_t features, bool pci)
{
    struct kit *k = kit_new();

    kit_device(k, pci ? &echo_pci : &echo_device, "{\"packed\": true}");
    drv_begin(k, features);
    drv_queue(k, q, 0, 16, features);
    drv_ok(k);
    return k;
}

static const uint64_t forms[] = {
    0,
    VIRTIO_F_EVENT_IDX,
    VIRTIO_F_INDIRECT_DESC,
    VIRTIO_F_RING_PACKED,
    VIRTIO_F_RING_PACKED | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC,
    VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC,
};

/* Chains of several shapes, many times around the ring. */
static void test_traffic(void **state)
{
    (void)state;
    for (unsigned f = 0; f < 2 * array_size(forms); f++) {
        uint64_t features = forms[f / 2];
        struct drv_queue q;
        struct kit *k = start(&q, features, f & 1);

        for (unsigned round = 0; round < 100; round++) {
            unsigned pieces = 1 + round % 3, id, got, size = 40 + round, n = 0;
            struct drv_buf bufs[8];
            uint64_t table = features & VIRTIO_F_INDIRECT_DESC && round % 2 ? BUFFERS + 0x8000 : 0;
            uint32_t length;

            for (unsigned i = 0; i < pieces; i++)
                bufs[n++] = (struct drv_buf){BUFFERS + i * 0x1000,
                                             i + 1 < pieces ? 10 : size - 10 * (pieces - 1), false};
            /* The answer crosses from one RAM region into the next. */
            bufs[n++] = (struct drv_buf){RAM_AT + RAM_HALF - 20, size, true};
            for (unsigned i = 0; i < pieces; i++)
                memset(kit_ram(k, bufs[i].at), (int)(round + i), bufs[i].size);
            memset(kit_ram(k, RAM_AT + RAM_HALF - 20), 0, 20);
            memset(kit_ram(k, RAM_AT + RAM_HALF), 0, 200);
            id = drv_add(&q, bufs, n, table);
            assert_true(drv_wants_kick(&q, table ? 1 : q.packed ? n : 1));
            drv_kick(&q);
            assert_true(drv_used(&q, &got, &length));
            assert_int_equal(got, id);
            assert_int_equal(length, size);
            assert_int_equal(*kit_ram(k, RAM_AT + RAM_HALF - 20), (uint8_t)round);
            assert_int_equal(*kit_ram(k, RAM_AT + RAM_HALF + size - 21),
                             (uint8_t)(round + pieces - 1));
            assert_int_equal(*kit_ram(k, RAM_AT + RAM_HALF + size - 20), 0);
            assert_false(drv_used(&q, &got, &length));
        }
        assert_int_equal(drv_status(k) & VIRTIO_NEEDS_RESET, 0);
        kit_free(k);
    }
}

/* One kick for many requests, one interrupt for many answers. */
static void test_batch(void **state)
{
    (void)state;
    for (unsigned f = 0; f < array_size(forms); f++) {
        struct drv_queue q;
        struct kit *k = start(&q, forms[f], false);

        for (unsigned round = 0; round < 50; round++) {
            struct drv_buf b[2] = {{BUFFERS, 8, false}, {BUFFERS + 64, 8, true}};
            unsigned id;
            uint32_t length;

            k->raised = 0;
            kit_write(k, SLOT_AT + 0x64, 3, 4);
            drv_interrupts(&q, true);
            for (unsigned i = 0; i < 7; i++)
                drv_add(&q, b, 2, 0);
            drv_kick(&q);
            assert_int_equal(k->raised, 1);
            for (unsigned i = 0; i < 7; i++)
                assert_true(drv_used(&q, &id, &length));
            assert_false(drv_used(&q, &id, &length));
        }
        kit_free(k);
    }
}

static void test_no_interrupts(void **state)
{
    static const uint64_t with_flags[] = {0, VIRTIO_F_RING_PACKED};

    (void)state;
    for (unsigned f = 0; f < 2; f++) {
        struct drv_queue q;
        struct kit *k = start(&q, with_flags[f], false);
        struct drv_buf b = {BUFFERS, 8, true};

        drv_interrupts(&q, false);
        drv_add(&q, &b, 1, 0);
        drv_kick(&q);
        assert_int_equal(k->raised, 0);
        drv_interrupts(&q, true);
        drv_add(&q, &b, 1, 0);
        drv_kick(&q);
        assert_int_equal(k->raised, 1);
        kit_free(k);
    }
}

/* The event lies ahead: no interrupt before it. */
static void test_event_ahead(void **state)
{
    struct drv_queue q;
    struct kit *k = start(&q, VIRTIO_F_EVENT_IDX, false);
    struct drv_buf b = {BUFFERS, 8, true};

    (void)state;
    mem_st16le(kit_ram(k, q.avail) + 4 + 2 * q.size, 2);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(k->raised, 0);
        drv_add(&q, &b, 1, 0);
        drv_kick(&q);
    }
    assert_int_equal(k->raised, 1);
    kit_free(k);
}

/* Requests that the device holds while the driver resets it: their memory is not written, PCI tells
 * when they ended. */
static void test_reset_in_flight(void **state)
{
    (void)state;
    for (unsigned pci = 0; pci < 2; pci++) {
        struct drv_queue q;
        struct kit *k = start(&q, VIRTIO_F_EVENT_IDX, pci);
        struct echo *s = container_of(k->v, struct echo, v);
        struct drv_buf b = {BUFFERS, 8, true};
        unsigned id;
        uint32_t length;

        s->hold = true;
        drv_add(&q, &b, 1, 0);
        drv_add(&q, &b, 1, 0);
        drv_kick(&q);
        assert_int_equal(s->nheld, 2);
        drv_status_set(k, 0);
        assert_int_equal(drv_status(k) != 0, pci);
        s->hold = false;
        os_mutex_lock(&k->dev->lock);
        while (s->nheld)
            virtio_put(s->held[--s->nheld], 8);
        virtio_publish(&k->v->queues[0]);
        os_mutex_unlock(&k->dev->lock);
        assert_int_equal(drv_status(k), 0);
        assert_false(drv_used(&q, &id, &length));
        drv_begin(k, VIRTIO_F_EVENT_IDX);
        drv_queue(k, &q, 0, 16, VIRTIO_F_EVENT_IDX);
        drv_ok(k);
        drv_add(&q, &b, 1, 0);
        drv_kick(&q);
        assert_true(drv_used(&q, &id, &length));
        kit_free(k);
    }
}

static void test_unpop(void **state)
{
    (void)state;
    for (unsigned f = 0; f < array_size(forms); f++) {
        struct drv_queue q;
        struct kit *k = start(&q, forms[f], false);
        struct drv_buf b[3] = {{BUFFERS, 8, false}, {BUFFERS, 8, false}, {BUFFERS + 64, 8, true}};
        unsigned ids[3], id;
        uint32_t length;

        /* So that chains lie across the ring's end. */
        for (unsigned i = 0; i < 4; i++) {
            drv_add(&q, b, 3, 0);
            drv_kick(&q);
            assert_true(drv_used(&q, &id, &length));
        }
        for (unsigned i = 0; i < 3; i++)
            ids[i] = drv_add(&q, b, 3, 0);
        for (unsigned round = 0; round < 3; round++) {
            struct virtio_chain *c[4];
            unsigned n = 0;

            os_mutex_lock(&k->dev->lock);
            while ((c[n] = virtio_pop(&k->v->queues[0])))
                n++;
            assert_int_equal(n, 3);
            assert_false(virtio_kicks(&k->v->queues[0], true));
            while (n)
                virtio_unpop(c[--n]);
            /* What was given back is not news. */
            assert_false(virtio_kicks(&k->v->queues[0], true));
            os_mutex_unlock(&k->dev->lock);
        }
        drv_kick(&q);
        for (unsigned i = 0; i < 3; i++) {
            assert_true(drv_used(&q, &id, &length));
            assert_int_equal(id, ids[i]);
        }
        kit_free(k);
    }
}

/* ---- malformed rings ---- */

/* The device must be broken now, and work again after a reset. */
static void broken_then_reset(struct kit *k, struct drv_queue *q, uint64_t features)
{
    struct drv_buf b[2] = {{BUFFERS, 8, false}, {BUFFERS + 64, 8, true}};
    unsigned id;
    uint32_t length;

    drv_kick(q);
    assert_true(drv_status(k) & VIRTIO_NEEDS_RESET);
    assert_true(kit_read(k, SLOT_AT + 0x60, 4) & VIRTIO_ISR_CONFIG);
    drv_kick(q);
    drv_begin(k, features);
    drv_queue(k, q, 0, 16, features);
    drv_ok(k);
    drv_add(q, b, 2, 0);
    drv_kick(q);
    assert_true(drv_used(q, &id, &length));
    assert_false(drv_status(k) & VIRTIO_NEEDS_RESET);
}

static void test_bad_buffers(void **state)
{
    static const struct {
        struct drv_buf b[3];
        unsigned n;
    } bad[] = {
        {{{BUFFERS, 0, false}}, 1},
        {{{0x1000, 16, false}}, 1},               /* nothing there */
        {{{UINT64_MAX - 7, 16, true}}, 1},        /* wraps */
        {{{RAM_AT + RAM_SIZE - 8, 16, true}}, 1}, /* leaves memory */
        {{{BUFFERS, UINT32_MAX, true}}, 1},
        {{{SLOT_AT, 16, true}}, 1},                     /* registers, its own */
        {{{BUFFERS, 8, true}, {BUFFERS, 8, false}}, 2}, /* read after write */
    };

    (void)state;
    for (unsigned f = 0; f < array_size(forms); f++) {
        struct drv_queue q;
        struct kit *k = start(&q, forms[f], false);

        for (unsigned i = 0; i < array_size(bad); i++) {
            for (unsigned indirect = 0; indirect <= (forms[f] & VIRTIO_F_INDIRECT_DESC ? 1 : 0);
                 indirect++) {
                drv_add(&q, bad[i].b, bad[i].n, indirect ? BUFFERS + 0x8000 : 0);
                broken_then_reset(k, &q, forms[f]);
            }
        }
        kit_free(k);
    }
}

static void test_bad_indirect(void **state)
{
    static const struct {
        uint64_t at;
        uint32_t size;
        uint16_t flags;
    } bad[] = {
        {BUFFERS, 0, 4},          {BUFFERS, 15, 4},         {BUFFERS, 24, 4},
        {0x1000, 16, 4},          {SLOT_AT, 16, 4},         {BUFFERS, 16 * 1025, 4},
        {BUFFERS, 16, 4 | 1},     {UINT64_MAX - 15, 32, 4}, {RAM_AT + RAM_SIZE - 16, 32, 4},
        {BUFFERS, 0xfffffff0, 4},
    };
    uint64_t f[] = {VIRTIO_F_INDIRECT_DESC, VIRTIO_F_INDIRECT_DESC | VIRTIO_F_RING_PACKED};

    (void)state;
    for (unsigned p = 0; p < 2; p++) {
        struct drv_queue q;
        struct kit *k = start(&q, f[p], false);

        for (unsigned i = 0; i < array_size(bad); i++) {
            struct drv_buf b = {bad[i].at, bad[i].size, false};
            uint8_t *flags;

            flags = kit_ram(k, q.desc + 16 * drv_add(&q, &b, 1, 0) + (p ? 14 : 12));
            mem_st16le(flags, mem_ld16le(flags) | bad[i].flags);
            broken_then_reset(k, &q, f[p]);
        }
        kit_free(k);
    }
    /* Not negotiated. */
    for (unsigned p = 0; p < 2; p++) {
        uint64_t features = p ? VIRTIO_F_RING_PACKED : 0;
        struct drv_queue q;
        struct kit *k = start(&q, features, false);
        struct drv_buf b = {BUFFERS, 8, true};

        drv_add(&q, &b, 1, BUFFERS + 0x8000);
        broken_then_reset(k, &q, features);
        kit_free(k);
    }
}

static void table_entry(struct kit *k, unsigned i, uint16_t flags, uint16_t next)
{
    uint8_t *p = kit_ram(k, BUFFERS + 0x8000 + 16 * i);

    mem_st64le(p, BUFFERS);
    mem_st32le(p + 8, 8);
    mem_st16le(p + 12, flags);
    mem_st16le(p + 14, next);
}

static void test_bad_split(void **state)
{
    struct drv_queue q;
    struct kit *k = start(&q, VIRTIO_F_INDIRECT_DESC, false);
    struct drv_buf b = {BUFFERS, 8, true},
                   three[3] = {{BUFFERS, 8, true}, {BUFFERS, 8, true}, {BUFFERS, 8, true}};
    unsigned id;

    (void)state;
    /* Head out of range. */
    drv_add(&q, &b, 1, 0);
    mem_st16le(kit_ram(k, q.avail) + 4 + 2 * (q.next - 1), 16);
    broken_then_reset(k, &q, VIRTIO_F_INDIRECT_DESC);
    /* Next out of range. */
    id = drv_add(&q, three, 3, 0);
    mem_st16le(kit_ram(k, q.desc + 16 * id) + 14, 16);
    broken_then_reset(k, &q, VIRTIO_F_INDIRECT_DESC);
    /* A loop. */
    id = drv_add(&q, three, 3, 0);
    mem_st16le(kit_ram(k, q.desc + 16 * (id + 1)) + 14, (uint16_t)id);
    broken_then_reset(k, &q, VIRTIO_F_INDIRECT_DESC);
    /* The index runs away. */
    mem_st16le(kit_ram(k, q.avail) + 2, 17 + q.next);
    broken_then_reset(k, &q, VIRTIO_F_INDIRECT_DESC);
    /* Indirect tables: a loop, a bad next, one within another. */
    for (unsigned i = 0; i < 3; i++) {
        drv_add(&q, three, 3, BUFFERS + 0x8000);
        table_entry(k, 1, i == 2 ? 4 : 3, i == 0 ? 0 : 3);
        broken_then_reset(k, &q, VIRTIO_F_INDIRECT_DESC);
    }
    kit_free(k);
}

static void test_bad_packed(void **state)
{
    uint64_t f = VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC;
    struct drv_queue q;
    struct kit *k = start(&q, f, false);
    struct drv_buf b = {BUFFERS, 8, true};

    (void)state;
    /* Every descriptor says that there is a next one. */
    for (unsigned i = 0; i < 16; i++)
        drv_add(&q, &b, 1, 0);
    for (unsigned i = 0; i < 16; i++)
        *kit_ram(k, q.desc + 16 * i + 14) |= 1;
    broken_then_reset(k, &q, f);
    kit_free(k);
}

/* A driver that takes back what it offered, and offers what comes behind: nothing is there to pop. */
static void test_packed_taken_back(void **state)
{
    uint64_t f = VIRTIO_F_RING_PACKED;
    struct drv_queue q;
    struct kit *k = start(&q, f, false);
    struct drv_buf b = {BUFFERS, 8, true};
    struct virtio_queue *dev = &k->v->queues[0];
    struct virtio_chain *c;

    (void)state;
    drv_add(&q, &b, 1, 0);
    os_mutex_lock(&k->dev->lock);
    c = virtio_pop(dev);
    assert_non_null(c);
    virtio_unpop(c);
    mem_st16le(kit_ram(k, q.desc + 14), 0);
    drv_add(&q, &b, 1, 0);
    assert_null(virtio_pop(dev));
    assert_false(virtio_kicks(dev, true));
    os_mutex_unlock(&k->dev->lock);
    kit_free(k);
}

static void test_bad_setup(void **state)
{
    static const struct {
        uint32_t size;
        uint64_t desc, avail, used;
    } bad[] = {
        {0, RING_AREA, RING_AREA + 0x1000, RING_AREA + 0x2000},
        {3, RING_AREA, RING_AREA + 0x1000, RING_AREA + 0x2000},
        {512, RING_AREA, RING_AREA + 0x1000, RING_AREA + 0x2000},
        {16, RING_AREA + 8, RING_AREA + 0x1000, RING_AREA + 0x2000},
        {16, RING_AREA, RING_AREA + 0x1001, RING_AREA + 0x2000},
        {16, RING_AREA, RING_AREA + 0x1000, RING_AREA + 0x2002},
        {16, 0x1000, RING_AREA + 0x1000, RING_AREA + 0x2000},
        {16, RING_AREA, SLOT_AT, RING_AREA + 0x2000},
        {16, RING_AREA, RING_AREA + 0x1000, UINT64_MAX - 3},
        {16, RING_AREA, RING_AREA + 0x1000, RAM_AT + RAM_SIZE - 64},
    };
    struct kit *k = kit_new();

    (void)state;
    kit_device(k, &echo_device, "{}");
    for (unsigned i = 0; i < array_size(bad); i++) {
        drv_begin(k, 0);
        kit_write(k, SLOT_AT + 0x30, 0, 4);
        kit_write(k, SLOT_AT + 0x38, bad[i].size, 4);
        for (unsigned half = 0; half < 2; half++) {
            kit_write(k, SLOT_AT + 0x80 + 4 * half, (uint32_t)(bad[i].desc >> 32 * half), 4);
            kit_write(k, SLOT_AT + 0x90 + 4 * half, (uint32_t)(bad[i].avail >> 32 * half), 4);
            kit_write(k, SLOT_AT + 0xa0 + 4 * half, (uint32_t)(bad[i].used >> 32 * half), 4);
        }
        kit_write(k, SLOT_AT + 0x44, 1, 4);
        assert_int_equal(kit_read(k, SLOT_AT + 0x44, 4), 0);
        assert_true(drv_status(k) & VIRTIO_NEEDS_RESET);
        drv_ok(k);
        kit_write(k, SLOT_AT + 0x50, 0, 4);
        kit_run(k);
    }
    /* Queues that do not exist. */
    kit_write(k, SLOT_AT + 0x50, 2, 4);
    kit_write(k, SLOT_AT + 0x50, 0xffffffff, 4);
    kit_write(k, SLOT_AT + 0x30, 0x10002, 4);
    kit_write(k, SLOT_AT + 0x44, 1, 4);
    assert_int_equal(kit_read(k, SLOT_AT + 0x34, 4), 0);
    kit_run(k);
    kit_free(k);
}

/* ---- registers ---- */

static void test_negotiation(void **state)
{
    struct kit *k = kit_new();

    (void)state;
    kit_device(k, &echo_device, "{\"event_idx\": false}");
    assert_int_equal(kit_read(k, SLOT_AT, 4), 0x74726976);
    assert_int_equal(kit_read(k, SLOT_AT + 4, 4), 2);
    assert_int_equal(kit_read(k, SLOT_AT + 8, 4), 42);
    assert_true(drv_offered(k) ==
                (VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_RING_RESET));
    /* Features that were not offered. */
    drv_status_set(k, 3);
    kit_write(k, SLOT_AT + 0x24, 0, 4);
    kit_write(k, SLOT_AT + 0x20, 1u << 29, 4);
    kit_write(k, SLOT_AT + 0x24, 1, 4);
    kit_write(k, SLOT_AT + 0x20, 1, 4);
    drv_status_set(k, 11);
    assert_int_equal(drv_status(k), 3);
    /* Without VERSION_1. */
    drv_status_set(k, 0);
    drv_status_set(k, 3);
    drv_status_set(k, 11);
    assert_int_equal(drv_status(k), 3);
    drv_begin(k, 0);
    assert_int_equal(drv_device_config(k, 0, 4), mem_ld32le("conf"));
    assert_int_equal(drv_device_config(k, 12, 4), 'n');
    assert_int_equal(drv_device_config(k, 13, 4), 0);
    assert_int_equal(drv_device_config(k, 250, 4), 0);
    kit_free(k);
}

static void test_msix(void **state)
{
    struct drv_queue q;
    struct kit *k = start(&q, 0, true);
    struct drv_buf b = {BUFFERS, 8, true};
    unsigned f = k->v->pci.devfn, cap = k->v->pci.msix.cap;

    (void)state;
    assert_int_equal(f, 8);
    assert_int_equal(kit_config(k, f, 0, 4), 0x106a1af4);
    assert_int_equal(kit_config(k, f, cap + 2, 2) & 0x7ff,
                     2); /* two queues and the configuration */
    kit_config_set(k, f, cap + 2, 0x8000, 2);
    kit_write(k, MSIX_AT + 16, 0x08020040, 4);
    kit_write(k, MSIX_AT + 24, 77, 4);
    /* A vector that is not there. */
    kit_write(k, BAR_AT + 0x16, 0, 2);
    kit_write(k, BAR_AT + 0x1a, 3, 2);
    assert_int_equal(kit_read(k, BAR_AT + 0x1a, 2), 0xffff);
    kit_write(k, BAR_AT + 0x1a, 1, 2);
    assert_int_equal(kit_read(k, BAR_AT + 0x1a, 2), 1);
    /* Masked: it pends; unmasked: it goes. */
    drv_add(&q, &b, 1, 0);
    drv_kick(&q);
    assert_int_equal(k->msis, 0);
    assert_int_equal(kit_read(k, MSIX_AT + 2048, 4), 2);
    kit_write(k, MSIX_AT + 28, 0, 4);
    assert_int_equal(k->msis, 1);
    assert_int_equal(kit_read(k, MSIX_AT + 2048, 4), 0);
    assert_int_equal(k->msi_data, 77);
    assert_int_equal(k->msi_address, 0x08020040);
    assert_int_equal(k->msi_device, 8);
    drv_add(&q, &b, 1, 0);
    drv_kick(&q);
    assert_int_equal(k->msis, 2);
    assert_int_equal(k->raised, 0);
    kit_free(k);
}

static void test_intx_and_window(void **state)
{
    struct drv_queue q;
    struct kit *k = start(&q, 0, true);
    struct drv_buf b = {BUFFERS, 8, true};
    unsigned f = k->v->pci.devfn, cap = kit_config(k, f, PCI_CAP_LIST, 1);

    (void)state;
    drv_add(&q, &b, 1, 0);
    drv_kick(&q);
    assert_int_equal(k->line, 1);
    assert_true(kit_config(k, f, PCI_STATUS, 2) & PCI_STATUS_INTX);
    kit_config_set(k, f, PCI_COMMAND, PCI_CMD_MEMORY | PCI_CMD_MASTER | PCI_CMD_INTX_OFF, 2);
    assert_int_equal(k->line, 0);
    kit_config_set(k, f, PCI_COMMAND, PCI_CMD_MEMORY | PCI_CMD_MASTER, 2);
    assert_int_equal(k->line, 1);
    assert_int_equal(kit_read(k, BAR_AT + 0x1000, 1), VIRTIO_ISR_QUEUE);
    assert_int_equal(k->line, 0);
    assert_int_equal(kit_read(k, BAR_AT + 0x1000, 1), 0);
    /* The window reads the status through configuration space. */
    while (cap &&
           !(kit_config(k, f, cap, 1) == PCI_CAP_VENDOR && kit_config(k, f, cap + 3, 1) == 5))
        cap = kit_config(k, f, cap + 1, 1);
    assert_int_not_equal(cap, 0);
    kit_config_set(k, f, cap + 4, 4, 1);
    kit_config_set(k, f, cap + 8, 0x14, 4);
    kit_config_set(k, f, cap + 12, 1, 4);
    assert_int_equal(kit_config(k, f, cap + 16, 4), 15);
    kit_config_set(k, f, cap + 16, 0, 4);
    assert_int_equal(drv_status(k), 0);
    kit_free(k);
}

/* Without bus mastering nothing is read or written; with it the work goes on. */
static void test_bus_master(void **state)
{
    struct drv_queue q;
    struct kit *k = start(&q, 0, true);
    struct drv_buf b = {BUFFERS, 8, true};
    unsigned f = k->v->pci.devfn, id;
    uint32_t length;

    (void)state;
    kit_config_set(k, f, PCI_COMMAND, PCI_CMD_MEMORY, 2);
    drv_add(&q, &b, 1, 0);
    drv_kick(&q);
    assert_false(drv_used(&q, &id, &length));
    kit_config_set(k, f, PCI_COMMAND, PCI_CMD_MEMORY | PCI_CMD_MASTER, 2);
    kit_run(k);
    assert_true(drv_used(&q, &id, &length));
    kit_free(k);
}

/* ---- state ---- */

static int to_buffer(void *arg, const void *data, size_t size)
{
    struct {
        uint8_t bytes[65536];
        size_t n, at;
    } *s = arg;

    if (s->n + size > sizeof(s->bytes))
        return -ENOSPC;
    memcpy(s->bytes + s->n, data, size);
    s->n += size;
    return 0;
}

static int from_buffer(void *arg, void *data, size_t size)
{
    struct {
        uint8_t bytes[65536];
        size_t n, at;
    } *s = arg;

    if (size > s->n - s->at)
        return -EIO;
    memcpy(data, s->bytes + s->at, size);
    s->at += size;
    return 0;
}

/* Saved with work done, loaded after a reset: rings go on where they were. */
static void test_state(void **state)
{
    (void)state;
    for (unsigned f = 0; f < 2 * array_size(forms); f++) {
        struct {
            uint8_t bytes[65536];
            size_t n, at;
        } s = {.n = 0};
        struct drv_queue q;
        struct kit *k = start(&q, forms[f / 2], f & 1);
        struct drv_buf b[3] = {{BUFFERS, 8, false}, {BUFFERS, 8, false}, {BUFFERS + 64, 8, true}};
        struct state_writer *w = state_writer_new(to_buffer, &s);
        struct state_reader *r = state_reader_new(from_buffer, &s);
        struct err e = {0};
        unsigned id, got;
        uint32_t length;

        for (unsigned i = 0; i < 7; i++) {
            drv_add(&q, b, 3, 0);
            drv_kick(&q);
            assert_true(drv_used(&q, &id, &length));
        }
        if (dev_save(k->tree, w, &e) || state_writer_end(w, &e))
            fail_msg("%s", e.text);
        dev_reset(k->tree);
        assert_int_equal(k->v->status, 0);
        if (dev_load(k->tree, r, &e))
            fail_msg("%s", e.text);
        state_reader_free(r);
        assert_int_equal(drv_status(k), 15);
        for (unsigned i = 0; i < 7; i++) {
            id = drv_add(&q, b, 3, 0);
            drv_kick(&q);
            assert_true(drv_used(&q, &got, &length));
            assert_int_equal(got, id);
        }
        kit_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traffic),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_no_interrupts),
        cmocka_unit_test(test_event_ahead),
        cmocka_unit_test(test_reset_in_flight),
        cmocka_unit_test(test_unpop),
        cmocka_unit_test(test_bad_buffers),
        cmocka_unit_test(test_bad_indirect),
        cmocka_unit_test(test_bad_split),
        cmocka_unit_test(test_bad_packed),
        cmocka_unit_test(test_packed_taken_back),
        cmocka_unit_test(test_bad_setup),
        cmocka_unit_test(test_negotiation),
        cmocka_unit_test(test_msix),
        cmocka_unit_test(test_intx_and_window),
        cmocka_unit_test(test_bus_master),
        cmocka_unit_test(test_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
