/* pcie-root-port: a PCI Express port with a bus of one slot below (PCI-to-PCI Bridge 1.2, 3.2; PCI
 * Express 4.0, 7.5.1.3). Owns the type 1 header and which addresses pass downstream.
 */
#include <stdlib.h>

#include "dev/pci/pci_int.h"

struct pcie_root_port {
    struct pci_dev pci; /* first */
    uint8_t chassis, port;
    uint16_t slot;
    char *io_reserve, *mem_reserve, *pref64_reserve, *bus_reserve;
    bool hotplug;
    struct pci_bus bus;
};

static struct pcie_root_port *port_of(struct dev *d)
{
    return container_of(container_of(d, struct pci_dev, dev), struct pcie_root_port, pci);
}

bool pci_bridge_forwards(const struct pci_dev *bridge, bool io, uint64_t at, uint64_t last)
{
    const uint8_t *c = bridge->config;
    uint64_t base, limit;

    if (!(mem_ld16le(c + PCI_COMMAND) & (io ? PCI_CMD_IO : PCI_CMD_MEMORY)))
        return false;
    if (io) {
        base = (uint64_t)(c[BRIDGE_IO_BASE] & 0xf0) << 8 |
               (uint64_t)mem_ld16le(c + BRIDGE_IO_BASE_HIGH) << 16;
        limit = (uint64_t)(c[BRIDGE_IO_LIMIT] & 0xf0) << 8 | 0xfff |
                (uint64_t)mem_ld16le(c + BRIDGE_IO_LIMIT_HIGH) << 16;
        return at >= base && last <= limit;
    }
    base = (uint64_t)(mem_ld16le(c + BRIDGE_MEM_BASE) & 0xfff0) << 16;
    limit = (uint64_t)(mem_ld16le(c + BRIDGE_MEM_LIMIT) & 0xfff0) << 16 | 0xfffff;
    if (at >= base && last <= limit)
        return true;
    base = (uint64_t)(mem_ld16le(c + BRIDGE_PREF_BASE) & 0xfff0) << 16 |
           (uint64_t)mem_ld32le(c + BRIDGE_PREF_BASE_HIGH) << 32;
    limit = (uint64_t)(mem_ld16le(c + BRIDGE_PREF_LIMIT) & 0xfff0) << 16 | 0xfffff |
            (uint64_t)mem_ld32le(c + BRIDGE_PREF_LIMIT_HIGH) << 32;
    return at >= base && last <= limit;
}

static void below_update(struct pci_bus *b)
{
    for (unsigned i = 0; i < PCI_DEVFN_MAX; i++) {
        struct pci_dev *p = b->devs[i];

        if (!p || !p->config)
            continue;
        os_mutex_lock(&p->dev.lock);
        pci_bars_update(p);
        if (p->secondary)
            below_update(p->secondary);
        os_mutex_unlock(&p->dev.lock);
    }
}

static void port_written(struct pci_dev *p, unsigned at, unsigned size)
{
    (void)size;
    if (at < 0x34)
        below_update(p->secondary);
}

static const struct pci_ops port_ops = {.config_written = port_written};

static void header(struct pci_dev *p)
{
    uint8_t *c = p->config, *w = p->writable;

    c[PCI_HEADER_TYPE] |= 1;
    /* What a type 0 header has there is something else in a type 1 header. */
    memset(c + PCI_SUBVENDOR, 0, 4);
    w[BRIDGE_PRIMARY] = w[BRIDGE_SECONDARY] = w[BRIDGE_SUBORDINATE] = 0xff;
    w[BRIDGE_IO_BASE] = w[BRIDGE_IO_LIMIT] = 0xf0;
    c[BRIDGE_IO_BASE] = c[BRIDGE_IO_LIMIT] = 1; /* 32-bit I/O */
    mem_st16le(p->clearable + BRIDGE_SEC_STATUS, 0xf900);
    mem_st16le(w + BRIDGE_MEM_BASE, 0xfff0);
    mem_st16le(w + BRIDGE_MEM_LIMIT, 0xfff0);
    mem_st16le(w + BRIDGE_PREF_BASE, 0xfff0);
    mem_st16le(w + BRIDGE_PREF_LIMIT, 0xfff0);
    mem_st16le(c + BRIDGE_PREF_BASE, 1); /* 64-bit */
    mem_st16le(c + BRIDGE_PREF_LIMIT, 1);
    mem_st32le(w + BRIDGE_PREF_BASE_HIGH, UINT32_MAX);
    mem_st32le(w + BRIDGE_PREF_LIMIT_HIGH, UINT32_MAX);
    mem_st16le(w + BRIDGE_IO_BASE_HIGH, UINT16_MAX);
    mem_st16le(w + BRIDGE_IO_LIMIT_HIGH, UINT16_MAX);
    mem_st16le(w + BRIDGE_CONTROL, 0x0003 | 0x0018 | 0x0040);
}

static int port_realize(struct dev *d, struct err *e)
{
    static const struct pci_ident ident = {
        .vendor = 0x1b36, .device = 0x000c, .class_code = 0x060400, .pin = 1};
    struct pcie_root_port *r = port_of(d);
    struct pci_dev *p = &r->pci;
    unsigned cap;
    int rc;

    rc = pci_dev_init(p, &ident, &port_ops, e);
    if (rc)
        return rc;
    if (p->bus->bridge)
        return err_text(e, EINVAL,
                        "pcie-root-port: plugs into pcie.0 only, not behind another port");
    header(p);
    pci_express_add(p, 4);
    mem_st32le(p->config + p->express_cap + 0x14, (uint32_t)r->slot << 19); /* slot number */
    pci_msi_add(p, 1);
    cap = pci_cap_add(p, 0x0d, 8, NULL); /* subsystem ids of bridges */
    mem_st16le(p->config + cap + 4, 0x1b36);
    r->bus = (struct pci_bus){.name = d->id ? d->id : "of the port",
                              .host = p->bus->host,
                              .bridge = p,
                              .express = true,
                              .slots = 1};
    p->secondary = &r->bus;
    return 0;
}

static void port_reset(struct dev *d)
{
    struct pci_dev *p = &port_of(d)->pci;

    /* Presence and link follow what was plugged in below, before the header is sealed. */
    if (!p->sealed && p->config && p->secondary->devs[0]) {
        p->config[p->express_cap + 0x1a] |= 0x40;
        p->config[p->express_cap + 0x13] |= 0x20;
    }
    pci_dev_reset(p);
    if (p->secondary)
        below_update(p->secondary);
}

static void port_destroy(struct dev *d)
{
    struct pcie_root_port *r = port_of(d);

    for (unsigned i = 0; i < PCI_DEVFN_MAX; i++) {
        if (r->bus.devs[i])
            pci_orphan(r->bus.devs[i]);
    }
    pci_dev_done(&r->pci);
}

static int port_loaded(struct dev *d, struct err *e)
{
    struct pci_dev *p = &port_of(d)->pci;
    int rc = pci_dev_loaded(p, e);

    if (!rc)
        below_update(p->secondary);
    return rc;
}

#define R(member) .offset = offsetof(struct pcie_root_port, member)
static const struct prop port_props[] = {
    PCI_PROPS,
    {.name = "chassis", .type = PROP_U8, R(chassis), .help = "chassis number"},
    {.name = "slot", .type = PROP_U16, R(slot), .max = 0x1fff, .help = "physical slot number"},
    {.name = "port", .type = PROP_U8, R(port), .help = "port number"},
    {.name = "hotplug",
     .type = PROP_BOOL,
     R(hotplug),
     .help = "accepted: slots are filled at the start"},
    {.name = "io-reserve", .type = PROP_STR, R(io_reserve), .help = "accepted, firmware decides"},
    {.name = "mem-reserve", .type = PROP_STR, R(mem_reserve), .help = "accepted, firmware decides"},
    {.name = "pref64-reserve",
     .type = PROP_STR,
     R(pref64_reserve),
     .help = "accepted, firmware decides"},
    {.name = "bus-reserve", .type = PROP_STR, R(bus_reserve), .help = "accepted, firmware decides"},
    {0},
};

const struct dev_class dev_class_pcie_root_port = {
    .name = "pcie-root-port",
    .bus = "pci",
    .help = "PCI Express port with one slot",
    .size = sizeof(struct pcie_root_port),
    .props = port_props,
    .state = pci_dev_state,
    .realize = port_realize,
    .reset = port_reset,
    .destroy = port_destroy,
    .loaded = port_loaded,
};
