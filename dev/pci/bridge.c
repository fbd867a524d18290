/* pcie-root-port: a PCI Express port with a bus of one slot below (PCI-to-PCI Bridge 1.2, 3.2; PCI
 * Express 4.0, 7.5.1.3). Owns the type 1 header, which addresses pass downstream, and the slot:
 * cards come and go while the machine runs (6.7, 7.5.3.9 to 7.5.3.11).
 *
 * A card that was plugged in is told by presence and link; the guest switches the slot on. To take
 * one out the user presses the attention button; the guest lets go of the card and switches the
 * slot off; then it is taken out on the loop.
 */
#include <stdlib.h>

#include "base/trace.h"
#include "dev/pci/pci_int.h"
#include "dev/pci/trace.def"
#include "os/loop.h"

extern const struct dev_class dev_class_pcie_root_port;

struct pcie_root_port {
    struct pci_dev pci; /* first */
    uint8_t chassis, port;
    uint16_t slot;
    char *io_reserve, *mem_reserve, *pref64_reserve, *bus_reserve;
    bool hotplug;
    struct pci_bus bus;
    struct os_task task; /* takes the card out */
    bool leaving;        /* the user wants the card out */
    void (*gone)(void *arg, struct dev *d);
    void *gone_arg;
};

/* Offsets in the Express capability, and bits. */
enum { LNK_STA = 0x12, SLT_CAP = 0x14, SLT_CTL = 0x18, SLT_STA = 0x1a };
enum { LINK_ACTIVE = 0x2000 };
enum {
    CAP_BUTTON = 1,
    CAP_POWER = 2,
    CAP_ATTENTION_LED = 8,
    CAP_POWER_LED = 0x10,
    CAP_HOTPLUG = 0x40
};
#define CAP_NO_COMPLETION (1u << 18) /* commands take no time */
enum { STA_BUTTON = 1, STA_PRESENCE_CHANGED = 8, STA_PRESENT = 0x40, STA_LINK_CHANGED = 0x100 };
enum { STA_EVENTS = STA_BUTTON | STA_PRESENCE_CHANGED | STA_LINK_CHANGED };
enum { CTL_BUTTON = 1, CTL_PRESENCE = 8, CTL_INTERRUPT = 0x20, CTL_LINK = 0x1000 };
enum { CTL_LED_OFF = 0x300, CTL_POWER_OFF = 0x400, CTL_WRITABLE = 0x17f9 };

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

bool pci_bridge_hotplug(const struct pci_dev *bridge)
{
    return container_of(bridge, struct pcie_root_port, pci)->hotplug;
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

/* ---- the slot; locked ---- */

static struct pcie_root_port *port_of_pci(struct pci_dev *p)
{
    return container_of(p, struct pcie_root_port, pci);
}

static uint8_t *express(struct pci_dev *p, unsigned at)
{
    return p->config + p->express_cap + at;
}

/* Events that the guest wants to hear of: their enables have the numbers of the events, but the
 * link's. */
static bool wants_interrupt(struct pci_dev *p)
{
    unsigned ctl = mem_ld16le(express(p, SLT_CTL)), sta = mem_ld16le(express(p, SLT_STA));
    unsigned on = (ctl & (CTL_BUTTON | CTL_PRESENCE)) | (ctl & CTL_LINK ? STA_LINK_CHANGED : 0);

    return ctl & CTL_INTERRUPT && sta & on;
}

static void interrupt(struct pci_dev *p, bool fresh)
{
    bool wanted = wants_interrupt(p);

    if (!pci_msi_enabled(p))
        pci_intx_set(p, wanted);
    else if (wanted && fresh)
        pci_msi_raise(p, 0);
}

static void event(struct pci_dev *p, unsigned what)
{
    mem_st16le(express(p, SLT_STA), (uint16_t)(mem_ld16le(express(p, SLT_STA)) | what));
    trace_dev(pci_slot, &p->dev, "status %#x, control %#x", mem_ld16le(express(p, SLT_STA)),
              mem_ld16le(express(p, SLT_CTL)));
    interrupt(p, true);
}

/* Presence and link are no registers that a guest writes: a reset and a loaded state find them as
 * the slot is. */
static void show_card(struct pci_dev *p, bool there)
{
    uint8_t *images[] = {p->config, p->initial};

    for (size_t i = 0; i < array_size(images); i++) {
        uint8_t *c = images[i] + p->express_cap;

        mem_st16le(c + LNK_STA, (uint16_t)((mem_ld16le(c + LNK_STA) & ~LINK_ACTIVE) |
                                           (there ? LINK_ACTIVE : 0)));
        mem_st16le(c + SLT_STA, (uint16_t)((mem_ld16le(c + SLT_STA) & ~STA_PRESENT) |
                                           (there ? STA_PRESENT : 0)));
    }
}

static bool is_off(struct pci_dev *p)
{
    unsigned off = CTL_LED_OFF | CTL_POWER_OFF;

    return (mem_ld16le(express(p, SLT_CTL)) & off) == off;
}

static void eject(struct pcie_root_port *r)
{
    os_loop_post(r->pci.dev.env->loop, &r->task);
}

static void port_written(struct pci_dev *p, unsigned at, unsigned size)
{
    unsigned slot = p->express_cap + SLT_CTL;

    if (at < 0x34)
        below_update(p->secondary);
    if (at < slot + 4 && at + size > slot) {
        trace_dev(pci_slot, &p->dev, "written: status %#x, control %#x",
                  mem_ld16le(express(p, SLT_STA)), mem_ld16le(express(p, SLT_CTL)));
        interrupt(p, at < slot + 2); /* events that were there before they were wanted */
        if (port_of_pci(p)->leaving && is_off(p))
            eject(port_of_pci(p));
    }
}

/* On the loop: the guest let go of the card. */
static void take_out(void *arg)
{
    struct pcie_root_port *r = arg;
    struct pci_dev *p = &r->pci, *card = r->bus.devs[0];

    if (!r->leaving || !card)
        return;
    r->leaving = false;
    r->gone(r->gone_arg, &card->dev); /* frees it */
    os_mutex_lock(&p->dev.lock);
    show_card(p, false);
    event(p, STA_PRESENCE_CHANGED | STA_LINK_CHANGED);
    os_mutex_unlock(&p->dev.lock);
}

static struct pcie_root_port *port_above(struct dev *d)
{
    struct pci_dev *p = container_of(d, struct pci_dev, dev);
    struct dev *port = p->bus && p->bus->bridge ? &p->bus->bridge->dev : NULL;

    return port && port->cls == &dev_class_pcie_root_port ? port_of(port) : NULL;
}

void pci_hot_added(struct dev *d)
{
    struct pcie_root_port *r = port_above(d);

    if (!r)
        return;
    os_mutex_lock(&r->pci.dev.lock);
    show_card(&r->pci, true);
    event(&r->pci, STA_PRESENCE_CHANGED | STA_LINK_CHANGED);
    os_mutex_unlock(&r->pci.dev.lock);
}

int pci_hot_remove(struct dev *d, void (*gone)(void *arg, struct dev *d), void *arg, struct err *e)
{
    struct pcie_root_port *r = port_above(d);
    const char *name = d->id ? d->id : d->path;

    if (!r || !r->hotplug || !d->env->loop)
        return err_text(
            e, ENOTSUP,
            "device '%s' cannot be taken out while the machine runs: it is not in the slot of a "
            "pcie-root-port with hotplug=on",
            name);
    if (r->leaving)
        return err_text(e, EBUSY, "the guest was asked already to let go of device '%s'", name);
    r->gone = gone;
    r->gone_arg = arg;
    r->task = (struct os_task){.fn = take_out, .arg = r};
    os_mutex_lock(&r->pci.dev.lock);
    r->leaving = true;
    if (is_off(&r->pci))
        eject(r);
    else
        event(&r->pci, STA_BUTTON);
    os_mutex_unlock(&r->pci.dev.lock);
    return 0;
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

static void slot(struct pcie_root_port *r)
{
    struct pci_dev *p = &r->pci;
    uint32_t cap = (uint32_t)r->slot << 19;

    if (r->hotplug) {
        cap |= CAP_BUTTON | CAP_POWER | CAP_ATTENTION_LED | CAP_POWER_LED | CAP_HOTPLUG |
               CAP_NO_COMPLETION;
        mem_st16le(p->writable + p->express_cap + SLT_CTL, CTL_WRITABLE);
        mem_st16le(p->clearable + p->express_cap + SLT_STA, STA_EVENTS);
    }
    mem_st32le(express(p, SLT_CAP), cap);
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
    slot(r);
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
    struct pcie_root_port *r = port_of(d);
    struct pci_dev *p = &r->pci;

    pci_dev_reset(p);
    if (!p->secondary)
        return;
    r->leaving = false;
    show_card(p, r->bus.devs[0]);
    if (r->hotplug && !r->bus.devs[0]) /* empty: off */
        mem_st16le(express(p, SLT_CTL), CTL_LED_OFF | CTL_POWER_OFF);
    below_update(p->secondary);
}

static void port_destroy(struct dev *d)
{
    struct pcie_root_port *r = port_of(d);

    if (r->gone && d->env->loop)
        os_task_cancel(d->env->loop, &r->task);
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
     .def = 1,
     .help = "cards come and go while the machine runs"},
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
