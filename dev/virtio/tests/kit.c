/* See kit.h. */
#include "kit.h"

#include "base/mem.h"

static void set_line(void *opaque, unsigned n, int level)
{
    struct kit *k = opaque;

    (void)n;
    k->raised += level && !k->line;
    k->line = level;
}

static void send_msi(void *opaque, uint32_t device, uint64_t address, uint32_t data)
{
    struct kit *k = opaque;

    k->msis++;
    k->msi_device = device;
    k->msi_address = address;
    k->msi_data = data;
}

static struct blk *find_blk(struct machine *m, const char *id)
{
    (void)id;
    return ((struct kit *)m)->backend;
}

static struct net_port *find_net(struct machine *m, const char *id)
{
    (void)id;
    return ((struct kit *)m)->backend;
}

static struct chr *find_chr(struct machine *m, const char *id)
{
    (void)id;
    return ((struct kit *)m)->backend;
}

static const struct dev_class tree_class = {
    .name = "machine", .bus = "", .size = sizeof(struct dev)};

struct kit *kit_new(void)
{
    struct kit *k = calloc(1, sizeof(*k));
    struct mem_ram_opts opts = {0};
    struct err e = {0};

    k->root = mem_region_container("root", UINT64_C(1) << 40);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(mem_region_ram(&k->ram[i], "ram", RAM_HALF, &opts, &e), 0);
        mem_region_add(k->root, RAM_AT + i * (uint64_t)RAM_HALF, k->ram[i], 0);
    }
    k->env.mem = mem_space_new("memory", k->root);
    assert_int_equal(os_loop_new(&k->env.loop, &e), 0);
    k->env.machine = (struct machine *)k;
    k->env.find_blk = find_blk;
    k->env.find_net = find_net;
    k->env.find_chr = find_chr;
    assert_int_equal(clocks_new(&k->env.clocks, NULL, &e), 0);
    k->tree = dev_new(&tree_class, NULL, "", &k->env);
    return k;
}

void kit_free(struct kit *k)
{
    dev_free(k->tree);
    mem_space_free(k->env.mem);
    mem_region_free(k->ram[0]);
    mem_region_free(k->ram[1]);
    mem_region_free(k->root);
    clocks_free(k->env.clocks);
    os_loop_free(k->env.loop);
    free(k);
}

static void make_slot(struct kit *k)
{
    struct irq line = {.set = set_line, .opaque = k};
    struct err e = {0};

    k->slot = dev_new(&dev_class_virtio_mmio, k->tree, "slot", &k->env);
    virtio_mmio_setup(k->slot, &line);
    assert_int_equal(dev_realize(k->slot, &e), 0);
    mem_region_add(k->root, SLOT_AT, virtio_mmio_region(k->slot), 0);
}

static void make_host(struct kit *k)
{
    struct pci_windows w = {.ecam_size = 16 << 20,
                            .mmio32_base = MMIO32_AT,
                            .mmio32_size = 0x10000000,
                            .mmio64_base = UINT64_C(1) << 36,
                            .mmio64_size = UINT64_C(1) << 36,
                            .io_size = 0x10000};
    struct irq lines[4];
    struct msi_target msi = {send_msi, k};
    struct err e = {0};

    for (unsigned i = 0; i < 4; i++)
        lines[i] = (struct irq){set_line, k, i};
    k->host = dev_new(&dev_class_pci_host, k->tree, "pci", &k->env);
    pci_host_setup(k->host, &w, lines, &msi);
    assert_int_equal(dev_realize(k->host, &e), 0);
    mem_region_add(k->root, ECAM_AT, pci_host_ecam(k->host), 0);
    mem_region_add(k->root, w.mmio32_base, pci_host_mmio32(k->host), 0);
    mem_region_add(k->root, w.mmio64_base, pci_host_mmio64(k->host), 0);
    mem_region_add(k->root, IO_AT, pci_host_io(k->host), 0);
}

bool kit_try(struct kit *k, const struct dev_class *cls, const char *options, struct err *e)
{
    json_t *conf = json_loads(options, 0, NULL);
    struct dev *d;
    int rc;

    assert_non_null(conf);
    k->pci = strcmp(cls->bus, "virtio") != 0;
    if (k->pci && !k->host)
        make_host(k);
    if (!k->pci && !k->slot)
        make_slot(k);
    d = dev_new(cls, k->tree, cls->name, &k->env);
    rc = prop_apply(cls->props, d, conf, cls->name, NULL, e);
    json_decref(conf);
    if (!rc)
        rc = k->pci ? pci_plug(k->host, d, e) : virtio_mmio_plug(k->slot, d, e);
    if (!rc)
        rc = dev_realize(d, e);
    if (rc) {
        dev_free(d);
        return false;
    }
    k->dev = d;
    k->v = virtio_of(d);
    return true;
}

void kit_device(struct kit *k, const struct dev_class *cls, const char *options)
{
    struct err e = {0};

    if (!kit_try(k, cls, options, &e))
        fail_msg("%s", e.text);
    dev_reset(k->tree);
    if (k->pci) {
        unsigned f = k->v->pci.devfn;

        kit_config_set(k, f, PCI_BAR0 + 16, BAR_AT, 4);
        kit_config_set(k, f, PCI_BAR0 + 4, MSIX_AT, 4);
        kit_config_set(k, f, PCI_COMMAND, PCI_CMD_MEMORY | PCI_CMD_MASTER | PCI_CMD_IO, 2);
    }
    kit_run(k);
}

void kit_run(struct kit *k)
{
    for (unsigned i = 0; i < 8; i++)
        os_loop_once(k->env.loop, false);
}

uint64_t kit_read(struct kit *k, uint64_t at, unsigned size)
{
    uint64_t value = 0;

    mem_read(k->env.mem, at, size, &value);
    return value;
}

void kit_write(struct kit *k, uint64_t at, uint64_t value, unsigned size)
{
    mem_write(k->env.mem, at, size, value);
}

uint8_t *kit_ram(struct kit *k, uint64_t at)
{
    assert_true(at >= RAM_AT && at < RAM_AT + (uint64_t)RAM_SIZE);
    at -= RAM_AT;
    return mem_region_host(k->ram[at / RAM_HALF]) + at % RAM_HALF;
}

uint32_t kit_config(struct kit *k, unsigned devfn, unsigned at, unsigned size)
{
    return (uint32_t)kit_read(k, ECAM_AT + devfn * 4096u + at, size);
}

void kit_config_set(struct kit *k, unsigned devfn, unsigned at, uint32_t value, unsigned size)
{
    kit_write(k, ECAM_AT + devfn * 4096u + at, value, size);
}

/* ---- registers: those of both transports by role ---- */

enum {
    STATUS,
    DEVICE_SEL,
    DEVICE_FEATURES,
    DRIVER_SEL,
    DRIVER_FEATURES,
    QUEUE_SEL,
    QUEUE_SIZE,
    QUEUE_ENABLE,
    DESC,
    DRIVER,
    DEVICE
};
static const struct {
    uint16_t mmio, pci;
    uint8_t size; /* on PCI; MMIO's are 4 */
} registers[] = {
    [STATUS] = {0x70, 0x14, 1},
    [DEVICE_SEL] = {0x14, 0x00, 4},
    [DEVICE_FEATURES] = {0x10, 0x04, 4},
    [DRIVER_SEL] = {0x24, 0x08, 4},
    [DRIVER_FEATURES] = {0x20, 0x0c, 4},
    [QUEUE_SEL] = {0x30, 0x16, 2},
    [QUEUE_SIZE] = {0x38, 0x18, 2},
    [QUEUE_ENABLE] = {0x44, 0x1c, 2},
    [DESC] = {0x80, 0x20, 4},
    [DRIVER] = {0x90, 0x28, 4},
    [DEVICE] = {0xa0, 0x30, 4},
};

static uint32_t reg(struct kit *k, unsigned r)
{
    return (uint32_t)(k->pci ? kit_read(k, BAR_AT + registers[r].pci, registers[r].size)
                             : kit_read(k, SLOT_AT + registers[r].mmio, 4));
}

static void reg_set(struct kit *k, unsigned r, uint32_t value, unsigned more)
{
    if (k->pci)
        kit_write(k, BAR_AT + registers[r].pci + more, value, registers[r].size);
    else
        kit_write(k, SLOT_AT + registers[r].mmio + more, value, 4);
}

uint8_t drv_status(struct kit *k)
{
    return (uint8_t)reg(k, STATUS);
}

void drv_status_set(struct kit *k, uint8_t status)
{
    reg_set(k, STATUS, status, 0);
}

uint64_t drv_offered(struct kit *k)
{
    uint64_t f;

    reg_set(k, DEVICE_SEL, 0, 0);
    f = reg(k, DEVICE_FEATURES);
    reg_set(k, DEVICE_SEL, 1, 0);
    return f | (uint64_t)reg(k, DEVICE_FEATURES) << 32;
}

void drv_begin(struct kit *k, uint64_t features)
{
    drv_status_set(k, 0);
    kit_run(k);
    assert_int_equal(drv_status(k), 0);
    drv_status_set(k, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    features |= VIRTIO_F_VERSION_1;
    reg_set(k, DRIVER_SEL, 0, 0);
    reg_set(k, DRIVER_FEATURES, (uint32_t)features, 0);
    reg_set(k, DRIVER_SEL, 1, 0);
    reg_set(k, DRIVER_FEATURES, (uint32_t)(features >> 32), 0);
    drv_status_set(k, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    assert_true(drv_status(k) & VIRTIO_FEATURES_OK);
}

void drv_ok(struct kit *k)
{
    drv_status_set(k, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
    kit_run(k);
}

uint64_t drv_device_config(struct kit *k, unsigned at, unsigned size)
{
    return kit_read(k, (k->pci ? BAR_AT + 0x2000u : SLOT_AT + 0x100u) + at, size);
}

/* ---- queues ---- */

void drv_queue(struct kit *k, struct drv_queue *q, unsigned index, unsigned size, uint64_t features)
{
    memset(q, 0, sizeof(*q));
    q->k = k;
    q->index = index;
    q->size = size;
    q->packed = features & VIRTIO_F_RING_PACKED;
    q->event_idx = features & VIRTIO_F_EVENT_IDX;
    q->wrap = q->seen_wrap = true;
    q->desc = RING_AREA + index * UINT64_C(0x8000);
    q->avail = q->desc + 16 * 256;
    q->used = q->avail + 0x1000;
    memset(kit_ram(k, q->desc), 0, 0x8000);
    reg_set(k, QUEUE_SEL, index, 0);
    reg_set(k, QUEUE_SIZE, size, 0);
    reg_set(k, DESC, (uint32_t)q->desc, 0);
    reg_set(k, DESC, (uint32_t)(q->desc >> 32), 4);
    reg_set(k, DRIVER, (uint32_t)q->avail, 0);
    reg_set(k, DRIVER, (uint32_t)(q->avail >> 32), 4);
    reg_set(k, DEVICE, (uint32_t)q->used, 0);
    reg_set(k, DEVICE, (uint32_t)(q->used >> 32), 4);
    reg_set(k, QUEUE_ENABLE, 1, 0);
    assert_int_equal(reg(k, QUEUE_ENABLE), 1);
}

/* `number`: the next one's place, or, in a packed ring, the buffer's id, which comes before the
 * flags. */
static void put_desc(struct kit *k, uint64_t at, const struct drv_buf *b, uint16_t flags,
                     uint16_t number, bool packed)
{
    uint8_t *p = kit_ram(k, at);

    mem_st64le(p, b->at);
    mem_st32le(p + 8, b->size);
    mem_st16le(p + (packed ? 14 : 12), (uint16_t)(flags | (b->in ? 2 : 0)));
    mem_st16le(p + (packed ? 12 : 14), number);
}

static void put_table(struct kit *k, uint64_t table, const struct drv_buf *bufs, unsigned n,
                      bool packed)
{
    for (unsigned i = 0; i < n; i++)
        put_desc(k, table + 16 * i, &bufs[i], !packed && i + 1 < n, (uint16_t)(i + 1), packed);
}

static unsigned add_split(struct drv_queue *q, const struct drv_buf *bufs, unsigned n,
                          bool indirect)
{
    unsigned head = q->free, at = head;
    uint8_t *avail = kit_ram(q->k, q->avail);

    for (unsigned i = 0; i < n; i++) {
        unsigned next = (at + 1) % q->size;

        put_desc(q->k, q->desc + 16 * at, &bufs[i], (uint16_t)((i + 1 < n) | (indirect ? 4 : 0)),
                 (uint16_t)next, false);
        at = next;
    }
    q->free = (uint16_t)at;
    mem_st16le(avail + 4 + 2 * (q->next % q->size), (uint16_t)head);
    mem_st16le(avail + 2, ++q->next);
    return head;
}

static unsigned add_packed(struct drv_queue *q, const struct drv_buf *bufs, unsigned n,
                           bool indirect)
{
    unsigned at = q->next, id = q->next;
    bool wrap = q->wrap;
    uint16_t first = 0;

    q->lengths[id] = (uint16_t)n;
    for (unsigned i = 0; i < n; i++) {
        uint16_t flags = (uint16_t)((i + 1 < n) | (indirect ? 4 : 0) | (wrap ? 1 << 7 : 1 << 15));

        put_desc(q->k, q->desc + 16 * at, &bufs[i], i ? flags : (wrap ? 1 << 15 : 1 << 7),
                 (uint16_t)id, true);
        if (!i)
            first = (uint16_t)(flags | (bufs[i].in ? 2 : 0));
        if (++at == q->size) {
            at = 0;
            wrap = !wrap;
        }
    }
    mem_st16le(kit_ram(q->k, q->desc + 16 * q->next + 14), first);
    q->next = (uint16_t)at;
    q->wrap = wrap;
    return id;
}

unsigned drv_add(struct drv_queue *q, const struct drv_buf *bufs, unsigned n, uint64_t table)
{
    struct drv_buf whole = {table, 16 * n, false};

    if (table) {
        put_table(q->k, table, bufs, n, q->packed);
        bufs = &whole;
        n = 1;
    }
    return q->packed ? add_packed(q, bufs, n, table != 0) : add_split(q, bufs, n, table != 0);
}

void drv_kick(struct drv_queue *q)
{
    if (q->k->pci)
        kit_write(q->k, BAR_AT + 0x3000 + 4 * q->index, q->index, 2);
    else
        kit_write(q->k, SLOT_AT + 0x50, q->index, 4);
    kit_run(q->k);
}

bool drv_used(struct drv_queue *q, unsigned *id, uint32_t *length)
{
    const uint8_t *p;

    if (q->packed) {
        uint16_t flags;

        p = kit_ram(q->k, q->desc + 16 * q->seen);
        flags = mem_ld16le(p + 14);
        if ((bool)(flags & 1 << 15) != q->seen_wrap || (bool)(flags & 1 << 7) != q->seen_wrap)
            return false;
        *id = mem_ld16le(p + 12);
        *length = mem_ld32le(p + 8);
        q->seen = (uint16_t)(q->seen + q->lengths[*id]);
        if (q->seen >= q->size) {
            q->seen = (uint16_t)(q->seen - q->size);
            q->seen_wrap = !q->seen_wrap;
        }
        if (q->event_idx)
            mem_st16le(kit_ram(q->k, q->avail), (uint16_t)(q->seen | (q->seen_wrap ? 0x8000 : 0)));
        return true;
    }
    p = kit_ram(q->k, q->used);
    if (mem_ld16le(p + 2) == q->seen)
        return false;
    p += 4 + 8 * (q->seen % q->size);
    *id = mem_ld32le(p);
    *length = mem_ld32le(p + 4);
    q->seen++;
    if (q->event_idx)
        mem_st16le(kit_ram(q->k, q->avail) + 4 + 2 * q->size, q->seen);
    return true;
}

void drv_interrupts(struct drv_queue *q, bool on)
{
    uint8_t *avail = kit_ram(q->k, q->avail);

    if (q->packed) {
        mem_st16le(avail, (uint16_t)(q->seen | (q->seen_wrap ? 0x8000 : 0)));
        mem_st16le(avail + 2, on ? q->event_idx ? 2 : 0 : 1);
    } else {
        mem_st16le(avail, !on);
    }
}

bool drv_wants_kick(struct drv_queue *q, unsigned added)
{
    const uint8_t *used = kit_ram(q->k, q->used);

    if (q->packed) {
        uint16_t at = mem_ld16le(used), flags = mem_ld16le(used + 2) & 3;
        unsigned place = at & 0x7fff, now = q->next;

        if (flags != 2)
            return flags == 0;
        if ((bool)(at >> 15) != q->wrap)
            now += q->size;
        return place < now && now - place <= added;
    }
    if (q->event_idx)
        return (uint16_t)(q->next - mem_ld16le(used + 4 + 8 * q->size) - 1) < added;
    return !(mem_ld16le(used) & 1);
}
