/* The host bridge (ECAM, PCI Express 4.0, 7.2.2), the buses below it, plugging, and the routing of
 * INTx and requester ids. Owns the bus's memory and I/O spaces; BARs are placed in them by
 * config.c. Must never know a board: addresses and lines are given by pci_host_setup().
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "base/trace.h"
#include "dev/pci/pci_int.h"
#include "dev/pci/trace.def"

static struct pci_host *host_of(struct dev *d)
{
    return container_of(d, struct pci_host, dev);
}

static struct pci_dev *pci_of(struct dev *d)
{
    return container_of(d, struct pci_dev, dev);
}

/* ---- buses ---- */

unsigned pci_bus_number(const struct pci_bus *b)
{
    return b->bridge ? b->bridge->config[BRIDGE_SECONDARY] : 0;
}

uint16_t pci_requester_id(const struct pci_dev *p)
{
    return p->bus ? (uint16_t)(pci_bus_number(p->bus) << 8 | p->devfn) : 0;
}

static struct pci_bus *bus_numbered(struct pci_bus *b, unsigned number)
{
    if (pci_bus_number(b) == number)
        return b;
    for (unsigned i = 0; i < PCI_DEVFN_MAX; i++) {
        struct pci_dev *p = b->devs[i];

        if (p && p->secondary && p->config && p->config[BRIDGE_SECONDARY] > pci_bus_number(b) &&
            number >= p->config[BRIDGE_SECONDARY] && number <= p->config[BRIDGE_SUBORDINATE])
            return bus_numbered(p->secondary, number);
    }
    return NULL;
}

static struct pci_bus *bus_named(struct pci_bus *b, const char *name)
{
    if (b->bridge ? b->bridge->dev.id && !strcmp(name, b->bridge->dev.id)
                  : !strcmp(name, "pcie.0") || !strcmp(name, "pci.0"))
        return b;
    for (unsigned i = 0; i < PCI_DEVFN_MAX; i++) {
        struct pci_bus *found =
            b->devs[i] && b->devs[i]->secondary ? bus_named(b->devs[i]->secondary, name) : NULL;

        if (found)
            return found;
    }
    return NULL;
}

/* ---- configuration through ECAM ---- */

static struct pci_dev *ecam_function(struct pci_host *h, uint64_t offset)
{
    struct pci_bus *b = bus_numbered(&h->root, (unsigned)(offset >> 20));
    struct pci_dev *p = b ? b->devs[offset >> 12 & 0xff] : NULL;

    if (p && p->config && p->dev.realized)
        return p;
    trace_dev(pci_ecam_nobody, &h->dev, "%02x:%02x.%x", (unsigned)(offset >> 20),
              (unsigned)(offset >> 15 & 31), (unsigned)(offset >> 12 & 7));
    return NULL;
}

static uint64_t ecam_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pci_dev *p = ecam_function(opaque, offset);
    uint64_t mask = bits_mask64(8 * size);

    return (p ? pci_config_read(p, offset & 0xfff, size) : UINT32_MAX) & mask;
}

static void ecam_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pci_dev *p = ecam_function(opaque, offset);

    if (p)
        pci_config_write(p, offset & 0xfff, size, (uint32_t)value);
}

static const struct mem_ops ecam_ops = {
    .read = ecam_read, .write = ecam_write, .min_size = 1, .max_size = 4};

/* ---- INTx ---- */

void pci_intx_route(struct pci_dev *p, bool level)
{
    unsigned pin = p->config[PCI_INT_PIN] - 1u, slot = p->devfn >> 3;
    struct pci_host *h = p->bus->host;

    /* Each bridge turns the pins by the slot (PCI-to-PCI Bridge 1.2, 9.1), and so does the board.
     */
    for (const struct pci_bus *b = p->bus; b->bridge; b = b->bridge->bus) {
        pin += slot;
        slot = b->bridge->devfn >> 3;
    }
    pin = (pin + slot) & 3;
    os_mutex_lock(&h->intx_lock);
    h->asserted[pin] += level ? 1 : -1u;
    if (h->asserted[pin] == (level ? 1 : 0))
        irq_set(&h->lines[pin], level);
    os_mutex_unlock(&h->intx_lock);
}

void pci_intx_update(struct pci_dev *p)
{
    bool out = p->intx && p->config[PCI_INT_PIN] &&
               !(mem_ld16le(p->config + PCI_COMMAND) & PCI_CMD_INTX_OFF);

    if (p->intx)
        p->config[PCI_STATUS] |= PCI_STATUS_INTX;
    else
        p->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTX;
    if (out == p->intx_out)
        return;
    trace_dev(pci_intx, &p->dev, "%d", out);
    p->intx_out = out;
    pci_intx_route(p, out);
}

void pci_intx_set(struct pci_dev *p, bool level)
{
    if (!p->config || !p->bus)
        return;
    p->intx = level;
    pci_intx_update(p);
}

/* ---- plugging ---- */

static bool slot_free(const struct pci_bus *b, unsigned slot)
{
    for (unsigned f = 0; f < 8; f++) {
        if (b->devs[slot * 8 + f])
            return false;
    }
    return true;
}

static int find_place(const struct pci_bus *b, const struct pci_dev *p, struct err *e)
{
    const char *name = p->dev.cls->name;

    if (p->addr < 0) {
        for (unsigned slot = b->first_slot; slot < b->slots; slot++) {
            if (slot_free(b, slot))
                return (int)(slot * 8);
        }
        return err_text(
            e, ENOSPC,
            "%s: no slot of bus %s is free; add a pcie-root-port or use addr=SLOT.FUNCTION", name,
            b->name);
    }
    if ((unsigned)p->addr >= b->slots * 8)
        return err_text(e, EINVAL, "%s: bus %s has no slot %#x", name, b->name, p->addr >> 3);
    if (b->devs[p->addr])
        return err_text(e, EBUSY, "%s: %s is at %02x.%x of bus %s already", name,
                        b->devs[p->addr]->dev.cls->name, p->addr >> 3, p->addr & 7, b->name);
    if (p->addr & 7) {
        const struct pci_dev *zero = b->devs[p->addr & ~7];

        if (zero && !zero->multifunction)
            return err_text(e, EINVAL, "%s at %02x.%x: function 0 (%s) needs multifunction=on",
                            name, p->addr >> 3, p->addr & 7, zero->dev.cls->name);
    }
    return p->addr;
}

static int plug_on(struct pci_bus *b, struct pci_dev *p, struct err *e)
{
    int at = find_place(b, p, e);

    if (at < 0)
        return at;
    p->bus = b;
    p->devfn = (uint8_t)at;
    b->devs[at] = p;
    return 0;
}

static struct pci_bus *bus_of(struct pci_host *h, const struct pci_dev *p, struct err *e)
{
    struct pci_bus *b = p->bus_name ? bus_named(&h->root, p->bus_name) : &h->root;

    if (!b)
        err_text(e, ENOENT, "%s: no bus '%s'; there is pcie.0, and one of each pcie-root-port's id",
                 p->dev.cls->name, p->bus_name);
    return b;
}

int pci_plug(struct dev *host, struct dev *d, struct err *e)
{
    struct pci_bus *b = bus_of(host_of(host), pci_of(d), e);

    return b ? plug_on(b, pci_of(d), e) : -ENOENT;
}

int pci_hot_plug(struct dev *host, struct dev *d, struct err *e)
{
    struct pci_bus *b = bus_of(host_of(host), pci_of(d), e);

    if (!b)
        return -ENOENT;
    if (!b->bridge || !pci_bridge_hotplug(b->bridge))
        return err_text(e, ENOTSUP,
                        "%s: bus %s takes no cards while the machine exists; a pcie-root-port with "
                        "hotplug=on does",
                        d->cls->name, b->name);
    return plug_on(b, pci_of(d), e);
}

void pci_dev_place(const struct pci_dev *p, struct str *out)
{
    if (!p->bus)
        return;
    if (p->bus->bridge) {
        pci_dev_place(p->bus->bridge, out);
        str_printf(out, "/");
    }
    str_printf(out, "%02x.%x", p->devfn >> 3, p->devfn & 7);
}

/* ---- the bridge's own function: what is at 00.0 ---- */

static int self_realize(struct dev *d, struct err *e)
{
    static const struct pci_ident ident = {.vendor = 0x1b36,
                                           .device = 0x0008,
                                           .subvendor = 0x1af4,
                                           .subdevice = 0x1100,
                                           .class_code = 0x060000};

    return pci_dev_init(pci_of(d), &ident, NULL, e);
}

static void self_reset(struct dev *d)
{
    pci_dev_reset(pci_of(d));
}

static void self_destroy(struct dev *d)
{
    pci_dev_done(pci_of(d));
}

static int self_loaded(struct dev *d, struct err *e)
{
    return pci_dev_loaded(pci_of(d), e);
}

const struct dev_class dev_class_pci_host_function = {
    .name = "pci-host-function",
    .bus = "",
    .help = "the host bridge as its own bus shows it",
    .size = sizeof(struct pci_dev),
    .state = pci_dev_state,
    .realize = self_realize,
    .reset = self_reset,
    .destroy = self_destroy,
    .loaded = self_loaded,
};

/* ---- the class ---- */

void pci_host_setup(struct dev *host, const struct pci_windows *w, const struct irq lines[4],
                    const struct msi_target *msi)
{
    struct pci_host *h = host_of(host);

    h->w = *w;
    memcpy(h->lines, lines, sizeof(h->lines));
    h->msi = *msi;
}

static int host_realize(struct dev *d, struct err *e)
{
    struct pci_host *h = host_of(d);
    struct dev *self;
    int rc;

    if (!bits_is_pow2(h->w.ecam_size) || h->w.ecam_size < 1 << 20 || h->w.ecam_size > 256 << 20)
        return err_text(e, EINVAL, "a PCI host bridge with %llu bytes of ECAM",
                        (unsigned long long)h->w.ecam_size);
    os_mutex_init(&h->intx_lock);
    h->root = (struct pci_bus){
        .name = "pcie.0", .host = h, .express = true, .first_slot = 1, .slots = 32};
    h->mem = mem_region_container("pci-mem", UINT64_C(1) << 52);
    h->io = mem_region_container("pci-io", max_of(h->w.io_size, UINT64_C(1)));
    h->ecam = mem_region_io("pci-ecam", h->w.ecam_size, &ecam_ops, h);
    dev_own_region(d, h->ecam);
    h->mmio32 = mem_region_alias("pci-mmio32", h->mem, h->w.mmio32_base, h->w.mmio32_size);
    if (h->w.mmio64_size)
        h->mmio64 = mem_region_alias("pci-mmio64", h->mem, h->w.mmio64_base, h->w.mmio64_size);
    self = dev_new(&dev_class_pci_host_function, d, "00.0", d->env);
    pci_of(self)->addr = 0;
    rc = plug_on(&h->root, pci_of(self), e);
    return rc ? rc : dev_realize(self, e);
}

static void forget_bus(struct pci_bus *b)
{
    for (unsigned i = 0; i < PCI_DEVFN_MAX; i++) {
        struct pci_dev *p = b->devs[i];

        if (!p)
            continue;
        if (p->secondary)
            forget_bus(p->secondary);
        pci_orphan(p);
    }
}

static void host_destroy(struct dev *d)
{
    struct pci_host *h = host_of(d);

    if (!h->mem)
        return;
    forget_bus(&h->root);
    if (h->mmio64)
        mem_region_free(h->mmio64);
    mem_region_free(h->mmio32);
    mem_region_free(h->ecam);
    mem_region_free(h->io);
    mem_region_free(h->mem);
    os_mutex_destroy(&h->intx_lock);
    h->mem = NULL;
}

struct mem_region *pci_host_ecam(struct dev *host)
{
    return host_of(host)->ecam;
}

struct mem_region *pci_host_mmio32(struct dev *host)
{
    return host_of(host)->mmio32;
}

struct mem_region *pci_host_mmio64(struct dev *host)
{
    return host_of(host)->mmio64;
}

struct mem_region *pci_host_io(struct dev *host)
{
    return host_of(host)->io;
}

struct pci_bus *pci_host_bus(struct dev *host)
{
    return &host_of(host)->root;
}

const struct dev_class dev_class_pci_host = {
    .name = "pci-host",
    .bus = "",
    .help = "PCI Express host bridge with ECAM",
    .size = sizeof(struct pci_host),
    .realize = host_realize,
    .destroy = host_destroy,
};
