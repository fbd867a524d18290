/* See setup.h. */
#include "setup.h"

#include "base/mem.h"
#include "dev/virtio/int.h"
#include "fake.h"

struct world {
    struct blk *blk;
    struct net_port net;
    struct chr chr[2];
    struct mem_region *alias[3];
    bool pci;
    uint64_t seed;
};

/* The driver's memory, in the guest's RAM, so that it is saved and loaded with it. */
struct driver {
    uint64_t features;
    uint16_t next[32]; /* where it is in each ring */
    uint8_t wrap[32];  /* 1 bit */
};
#define DRIVER_AT (DEVKIT_RAM + DEVKIT_RAM_SIZE - 0x1000)

extern const struct dev_class dev_class_virtconsole, dev_class_virtserialport;

static uint64_t roll(struct world *w)
{
    uint64_t v = w->seed += UINT64_C(0x9e3779b97f4a7c15);

    v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
    return v ^ v >> 31;
}

/* ---- a driver ---- */

static uint32_t get(struct devkit *kit, unsigned mmio, unsigned pci, unsigned size)
{
    const struct world *w = kit->user;

    return (uint32_t)(w->pci ? devkit_read(kit, 1, pci, size) : devkit_read(kit, 0, mmio, 4));
}

static void put(struct devkit *kit, unsigned mmio, unsigned pci, unsigned size, uint32_t value)
{
    const struct world *w = kit->user;

    if (w->pci)
        devkit_write(kit, 1, pci, size, value);
    else
        devkit_write(kit, 0, mmio, 4, value);
}

static struct driver *driver_of(struct devkit *kit)
{
    return (struct driver *)devkit_ram(kit, DRIVER_AT);
}

enum { QUEUE_SPACE = 0x4000, QUEUES = 32, RING = 16 };

static uint64_t area(unsigned queue)
{
    return DEVKIT_RAM + queue * (uint64_t)QUEUE_SPACE;
}

static void begin(struct devkit *kit)
{
    struct world *w = kit->user;
    struct driver *d = driver_of(kit);
    uint64_t wish = roll(w) | roll(w) | VIRTIO_F_VERSION_1;

    if (w->pci)
        devkit_write(kit, 0, PCI_COMMAND, 2, PCI_CMD_MEMORY | PCI_CMD_MASTER);
    put(kit, 0x70, 0x14, 1, 0);
    devkit_settle(kit);
    put(kit, 0x70, 0x14, 1, 3);
    d->features = 0;
    for (unsigned half = 0; half < 2; half++) {
        put(kit, 0x14, 0x00, 4, half);
        d->features |= (uint64_t)get(kit, 0x10, 0x04, 4) << 32 * half;
    }
    d->features &= wish;
    for (unsigned half = 0; half < 2; half++) {
        put(kit, 0x24, 0x08, 4, half);
        put(kit, 0x20, 0x0c, 4, (uint32_t)(d->features >> 32 * half));
    }
    put(kit, 0x70, 0x14, 1, 11);
    for (unsigned q = 0; q < QUEUES; q++) {
        uint32_t places[3] = {(uint32_t)area(q), (uint32_t)area(q) + 0x1000,
                              (uint32_t)area(q) + 0x2000};

        d->next[q] = 0;
        d->wrap[q] = true;
        memset(devkit_ram(kit, area(q)), 0, QUEUE_SPACE);
        put(kit, 0x30, 0x16, 2, q);
        put(kit, 0x38, 0x18, 2, RING);
        for (unsigned i = 0; i < 3; i++) {
            put(kit, 0x80 + 16 * i, 0x20 + 8 * i, 4, places[i]);
            put(kit, 0x84 + 16 * i, 0x24 + 8 * i, 4, 0);
        }
        put(kit, 0x44, 0x1c, 2, 1);
    }
    put(kit, 0x70, 0x14, 1, 15);
}

static void put_desc(struct devkit *kit, struct world *w, uint8_t *to, unsigned flags,
                     unsigned last, bool packed)
{
    uint64_t r = roll(w), at = DEVKIT_RAM + 0x80000 + (r & 0x7ffff);
    uint32_t length = (uint32_t[]){16, 1, 512, 4096, 8, 12, 1514, 20}[r >> 20 & 7];

    if ((r >> 32 & 63) == 0)
        at = roll(w);
    if ((r >> 40 & 63) == 0)
        length = (uint32_t)roll(w);
    if ((r >> 48 & 63) == 0)
        flags ^= 1u << (r >> 54 & 7);
    if (at >= DEVKIT_RAM && at + 32 < DEVKIT_RAM + DEVKIT_RAM_SIZE && r >> 56 & 3) {
        /* The beginnings of requests: small numbers. */
        uint8_t *head = devkit_ram(kit, at);

        memset(head, 0, 32);
        head[0] = (uint8_t)(roll(w) % 15);
        head[r >> 58 & 15] = (uint8_t)(roll(w) % 9);
        head[r >> 59 & 31] = (uint8_t)roll(w);
    }
    mem_st64le(to, at);
    mem_st32le(to + 8, length);
    mem_st16le(to + (packed ? 12 : 14), (uint16_t)last);
    mem_st16le(to + (packed ? 14 : 12), (uint16_t)flags);
}

static unsigned pieces(struct world *w, unsigned *out)
{
    unsigned n = 1 + roll(w) % 5;

    *out = (unsigned)(roll(w) % (n + 1));
    return n;
}

static void offer_split(struct devkit *kit, struct world *w, unsigned q)
{
    struct driver *d = driver_of(kit);
    uint8_t *desc = devkit_ram(kit, area(q)), *avail = desc + 0x1000, *table = desc + 0x3000;
    unsigned out, n = pieces(w, &out), head = (unsigned)(roll(w) % RING);
    bool indirect = d->features & VIRTIO_F_INDIRECT_DESC && roll(w) & 1;

    for (unsigned i = 0; i < n; i++) {
        unsigned flags = (i + 1 < n) | (i >= out ? 2u : 0);

        if (indirect)
            put_desc(kit, w, table + 16 * i, flags, i + 1, false);
        else
            put_desc(kit, w, desc + 16 * ((head + i) % RING), flags, (head + i + 1) % RING, false);
    }
    if (indirect) {
        mem_st64le(desc + 16 * head, area(q) + 0x3000);
        mem_st32le(desc + 16 * head + 8, 16 * n);
        mem_st16le(desc + 16 * head + 12, 4);
    }
    mem_st16le(avail + 4 + 2 * (d->next[q] % RING), (uint16_t)head);
    mem_st16le(avail + 2, ++d->next[q]);
}

static void offer_packed(struct devkit *kit, struct world *w, unsigned q)
{
    struct driver *d = driver_of(kit);
    uint8_t *desc = devkit_ram(kit, area(q));
    unsigned out, n = pieces(w, &out), id = (unsigned)(roll(w) % RING);

    for (unsigned i = 0; i < n; i++) {
        d->next[q] %= RING; /* others write to memory, too */
        put_desc(kit, w, desc + 16 * d->next[q],
                 (i + 1 < n) | (i >= out ? 2u : 0) | (d->wrap[q] & 1 ? 1u << 7 : 1u << 15), id,
                 true);
        d->next[q] = (d->next[q] + 1) % RING;
        d->wrap[q] ^= !d->next[q];
    }
}

static void offer(struct devkit *kit)
{
    struct world *w = kit->user;
    const struct driver *d = driver_of(kit);
    unsigned q = (unsigned)(roll(w) % 4 ? roll(w) % 4 : roll(w) % QUEUES);

    for (unsigned n = 1 + roll(w) % 4; n; n--) {
        if (d->features & VIRTIO_F_RING_PACKED)
            offer_packed(kit, w, q);
        else
            offer_split(kit, w, q);
    }
    put(kit, 0x50, 0x3000 + 4 * q, 2, q);
}

/* ---- what backends do ---- */

static void backend(struct devkit *kit)
{
    static uint8_t const bytes[2048];
    struct world *w = kit->user;
    struct iovec iov[2] = {{(void *)bytes, roll(w) % 100}, {(void *)bytes, roll(w) % 2000}};
    struct net_meta meta = {.flags = roll(w) & 1, .csum_start = 14, .csum_offset = 6};
    struct chr *c = &w->chr[roll(w) & 1];

    if (w->net.ops) {
        w->net.ops->receive(w->net.opaque, iov, 2, &meta);
        if (!(roll(w) & 7))
            w->net.ops->link(w->net.opaque, roll(w) & 1);
        w->net.ops->ready(w->net.opaque);
    }
    if (c->ops) {
        size_t can = c->ops->can_receive(c->opaque);

        if (can)
            c->ops->receive(c->opaque, bytes, 1 + roll(w) % min_of(can, sizeof(bytes)));
        c->ops->writable(c->opaque);
    }
}

static void outside(struct devkit *kit, uint64_t random)
{
    struct world *w = kit->user;

    w->seed = random;
    switch (random >> 60) {
    case 0:
        begin(kit);
        break;
    case 1:
    case 2:
        backend(kit);
        break;
    default:
        offer(kit);
    }
}

/* ---- making it ---- */

static void teardown(struct devkit *kit)
{
    struct world *w = kit->user;

    for (unsigned i = 0; i < array_size(w->alias); i++) {
        if (w->alias[i])
            mem_region_free(w->alias[i]);
    }
    fake_blk_free(w->blk);
    free(w);
}

static struct world *world_new(struct devkit *kit)
{
    struct world *w = mem_new(struct world);

    w->blk = fake_blk(kit->env.loop);
    w->blk->amnesia = true; /* its contents are no part of a device's state */
    w->net.can = 0x3f;
    w->chr[0].room = w->chr[1].room = SIZE_MAX;
    w->chr[0].connected = true;
    kit->user = w;
    kit->teardown = teardown;
    kit->outside = outside;
    devkit_backend(kit, 'b', "d0", w->blk);
    devkit_backend(kit, 'n', "n0", &w->net);
    devkit_backend(kit, 'c', "c0", &w->chr[0]);
    devkit_backend(kit, 'c', "c1", &w->chr[1]);
    return w;
}

static int configure(struct dev *d, const char *options, struct err *e)
{
    json_t *conf = json_loads(options, 0, NULL);
    int rc = prop_apply(d->cls->props, d, conf, d->cls->name, NULL, e);

    json_decref(conf);
    return rc;
}

static int make_mmio(struct devkit *kit, const struct dev_class *cls, const char *options,
                     struct err *e)
{
    struct dev *slot = dev_new(&dev_class_virtio_mmio, kit->root, "slot", &kit->env);
    struct irq line = devkit_irq(kit, 0);
    int rc;

    world_new(kit);
    virtio_mmio_setup(slot, &line);
    rc = dev_realize(slot, e);
    if (rc)
        return rc;
    devkit_place(kit, virtio_mmio_region(slot));
    kit->dev = dev_new(cls, kit->root, "dev", &kit->env);
    rc = configure(kit->dev, options, e);
    if (!rc)
        rc = virtio_mmio_plug(slot, kit->dev, e);
    return rc ? rc : dev_realize(kit->dev, e);
}

static int make_pci(struct devkit *kit, const struct dev_class *cls, const char *options,
                    struct err *e)
{
    struct pci_windows windows = {.ecam_size = 1 << 20,
                                  .mmio32_base = 0x10000000,
                                  .mmio32_size = 0x10000000,
                                  .io_size = 0x10000};
    struct world *w = world_new(kit);
    struct msi_target msi = devkit_msi(kit);
    struct irq lines[4];
    struct dev *host = dev_new(&dev_class_pci_host, kit->root, "pci", &kit->env);
    struct pci_dev *p;
    int rc;

    w->pci = true;
    for (unsigned i = 0; i < 4; i++)
        lines[i] = devkit_irq(kit, i);
    pci_host_setup(host, &windows, lines, &msi);
    rc = dev_realize(host, e);
    if (rc)
        return rc;
    kit->dev = dev_new(cls, kit->root, "dev", &kit->env);
    rc = configure(kit->dev, options, e);
    if (!rc)
        rc = pci_plug(host, kit->dev, e);
    if (!rc)
        rc = dev_realize(kit->dev, e);
    if (rc)
        return rc;
    p = &virtio_of(kit->dev)->pci;
    w->alias[0] = mem_region_alias("config", pci_host_ecam(host), p->devfn * 4096u, 4096);
    w->alias[1] = mem_region_alias("modern", p->bars[4].region, 0, p->bars[4].size);
    w->alias[2] = mem_region_alias("msix", p->bars[1].region, 0, p->bars[1].size);
    for (unsigned i = 0; i < 3; i++)
        devkit_place(kit, w->alias[i]);
    return 0;
}

static int add_ports(struct devkit *kit, struct err *e)
{
    static const struct {
        const struct dev_class *cls;
        const char *options;
    } ports[] = {
        {&dev_class_virtconsole, "{\"chardev\": \"c0\"}"},
        {&dev_class_virtserialport, "{\"chardev\": \"c1\", \"name\": \"org.test.0\"}"},
    };
    int rc = 0;

    for (unsigned i = 0; !rc && i < array_size(ports); i++) {
        struct dev *d = dev_new(ports[i].cls, kit->root, "port", &kit->env);

        rc = configure(d, ports[i].options, e);
        if (!rc)
            rc = virtio_serial_plug(kit->root, d, e);
        if (!rc)
            rc = dev_realize(d, e);
    }
    return rc;
}

#define PLAIN(name, options)                                                  \
    int setup_##name##_mmio(struct devkit *kit, struct err *e)                \
    {                                                                         \
        return make_mmio(kit, &dev_class_virtio_##name##_device, options, e); \
    }                                                                         \
    int setup_##name##_pci(struct devkit *kit, struct err *e)                 \
    {                                                                         \
        return make_pci(kit, &dev_class_virtio_##name##_pci, options, e);     \
    }

PLAIN(blk, "{\"drive\": \"d0\", \"serial\": \"S1\", \"num-queues\": 2, \"packed\": true}")
PLAIN(net, "{\"netdev\": \"n0\", \"mq\": true, \"packed\": true}")
PLAIN(rng, "{\"max-bytes\": 1000, \"period\": 100, \"packed\": true}")
PLAIN(balloon,
      "{\"free-page-reporting\": true, \"guest-stats-polling-interval\": 1, \"packed\": true}")

/* A file system that nothing changes, and that refuses the guest's tries to. */
PLAIN(9p, "{\"mount_tag\": \"share\", \"path\": \"/usr/include\", \"readonly\": true, "
          "\"worker\": false, \"security_model\": \"none\"}")

int setup_serial_mmio(struct devkit *kit, struct err *e)
{
    int rc =
        make_mmio(kit, &dev_class_virtio_serial_device, "{\"max_ports\": 4, \"packed\": true}", e);

    return rc ? rc : add_ports(kit, e);
}

int setup_serial_pci(struct devkit *kit, struct err *e)
{
    int rc = make_pci(kit, &dev_class_virtio_serial_pci, "{\"max_ports\": 4, \"packed\": true}", e);

    return rc ? rc : add_ports(kit, e);
}
