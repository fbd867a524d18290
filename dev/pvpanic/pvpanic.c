/* pvpanic: one byte by which a guest's kernel says that it has panicked.
 *
 * Owns the register, and the two ways it is had: placed by a board, or in a PCI card. What the
 * machine then does (pause, reset, quit) is the machine's. Register: Linux
 * include/uapi/misc/pvpanic.h; a read gives the events that are understood, a write tells some.
 */
#include "dev/pvpanic.h"

#include <errno.h>

#include "base/log.h"
#include "base/trace_define.h"
#include "dev/pci.h"
#include "dev/pvpanic/trace.def"

enum { PANICKED = 1, CRASH_LOADED = 2, SHUTDOWN = 4, ALL = 7 };
enum { PCI_BAR_SIZE = 16 }; /* the smallest that PCI has */

struct port {
    struct dev *dev;
    uint8_t events; /* property */
    struct mem_region *region;
    uint8_t
        told; /* events since the last reset: each is passed on once, however often it is written */
};

struct pvpanic {
    struct dev dev;
    struct port port;
};

struct pvpanic_pci {
    struct pci_dev pci;
    struct port port;
};

/* ---- the register; locked ---- */

static uint64_t reg_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)size;
    return offset == 0 ? ((struct port *)opaque)->events : 0;
}

static void reg_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct port *p = opaque;
    struct dev_env *env = p->dev->env;
    uint8_t fresh = (uint8_t)value & p->events & ~p->told;

    (void)size;
    if (offset || !fresh)
        return;
    p->told |= fresh;
    if (fresh & CRASH_LOADED)
        dev_guest(p->dev, "the guest's kernel has crashed and runs its crash kernel");
    if (fresh & PANICKED)
        env->request(env->machine, DEV_REQUEST_PANIC);
    else if (fresh & SHUTDOWN)
        env->request(env->machine, DEV_REQUEST_POWEROFF);
}

static const struct mem_ops reg_ops = {.read = reg_read,
                                       .write = reg_write,
                                       .max_size = 1,
                                       .on_read = &trace_point_pvpanic_read,
                                       .on_write = &trace_point_pvpanic_write};

static void port_init(struct port *p, struct dev *d, uint64_t size)
{
    p->dev = d;
    p->region = mem_region_io("pvpanic", size, &reg_ops, p);
    dev_own_region(d, p->region);
}

static void port_reset(struct port *p)
{
    os_mutex_lock(&p->dev->lock);
    p->told = 0;
    os_mutex_unlock(&p->dev->lock);
}

static int port_loaded(const struct port *p, struct err *e)
{
    return p->told & ~ALL ? err_text(e, EINVAL, "pvpanic: no such events: %#x", p->told) : 0;
}

#define EVENTS_PROP(type_)                                                                     \
    {                                                                                          \
        .name = "events", .type = PROP_U8, .offset = offsetof(type_, port.events), .def = ALL, \
        .max = ALL,                                                                            \
        .help = "what is passed on: 1 panics, 2 crash kernels, 4 shutdowns, or their sum"      \
    }

/* ---- placed by a board ---- */

static struct port *port_of(struct dev *d)
{
    return &container_of(d, struct pvpanic, dev)->port;
}

static int realize(struct dev *d, struct err *e)
{
    (void)e;
    port_init(port_of(d), d, PVPANIC_SIZE);
    return 0;
}

static void reset(struct dev *d)
{
    port_reset(port_of(d));
}

static int loaded(struct dev *d, struct err *e)
{
    return port_loaded(port_of(d), e);
}

static void destroy(struct dev *d)
{
    mem_region_free(port_of(d)->region);
}

static const struct prop props[] = {EVENTS_PROP(struct pvpanic), {0}};

static const struct state_field state[] = {
    STATE_FIELD(STATE_U8, struct pvpanic, port.told),
    STATE_END,
};

const struct dev_class dev_class_pvpanic = {
    .name = "pvpanic",
    .bus = "",
    .help = "tells that the guest's kernel has panicked",
    .size = sizeof(struct pvpanic),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};

struct mem_region *pvpanic_region(struct dev *d)
{
    return port_of(d)->region;
}

/* ---- in a PCI card ---- */

static struct pvpanic_pci *card_of(struct dev *d)
{
    return container_of(d, struct pvpanic_pci, pci.dev);
}

static int card_realize(struct dev *d, struct err *e)
{
    static const struct pci_ident ident = {
        .vendor = 0x1b36,
        .device = 0x0011,
        .subvendor = 0x1af4,
        .subdevice = 0x1100,
        .class_code = 0x088000, /* a system peripheral */
        .revision = 1,
    };
    struct pvpanic_pci *p = card_of(d);
    int rc = pci_dev_init(&p->pci, &ident, NULL, e);

    if (rc)
        return rc;
    port_init(&p->port, d, PCI_BAR_SIZE);
    pci_bar_set(&p->pci, 0, 0, p->port.region);
    return 0;
}

static void card_reset(struct dev *d)
{
    pci_dev_reset(&card_of(d)->pci);
    port_reset(&card_of(d)->port);
}

static int card_loaded(struct dev *d, struct err *e)
{
    int rc = port_loaded(&card_of(d)->port, e);

    return rc ? rc : pci_dev_loaded(&card_of(d)->pci, e);
}

static void card_destroy(struct dev *d)
{
    pci_dev_done(&card_of(d)->pci);
    mem_region_free(card_of(d)->port.region);
}

static const struct prop card_props[] = {PCI_PROPS, EVENTS_PROP(struct pvpanic_pci), {0}};

static const struct state_field card_state[] = {
    STATE_NESTED(struct pvpanic_pci, pci, pci_dev_state),
    STATE_FIELD(STATE_U8, struct pvpanic_pci, port.told),
    STATE_END,
};

const struct dev_class dev_class_pvpanic_pci = {
    .name = "pvpanic-pci",
    .bus = "pci",
    .help = "tells that the guest's kernel has panicked",
    .size = sizeof(struct pvpanic_pci),
    .props = card_props,
    .state = card_state,
    .realize = card_realize,
    .reset = card_reset,
    .destroy = card_destroy,
    .loaded = card_loaded,
};
