/*
 * The PL061 GPIO (ARM DDI 0190B): eight lines, each input or output, with interrupts by level or
 * edge.
 */
#include "dev/gpio.h"

#include "base/log.h"
#include "base/trace_define.h"
#include "dev/gpio/trace.def"

/* Offsets (section 3.2). The data register fills 1 KB: bits 9:2 of the address are a mask (3.3.1).
 */
enum { DIR = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c, IE = 0x410, RIS = 0x414, MIS = 0x418 };
enum { IC = 0x41c, AFSEL = 0x420, ID = 0xfe0 };

struct pl061 {
    struct dev dev;
    struct irq irq;
    struct irq outputs[PL061_LINES];
    struct mem_region *region;

    uint8_t in;   /* levels that others drive */
    uint8_t data; /* what the guest wrote for outputs */
    uint8_t dir, is, ibe, iev, ie, afsel;
    uint8_t edges;  /* latched edge interrupts */
    uint8_t seen;   /* levels at the last look, for edges */
    uint8_t driven; /* what outputs were last told */
};

static const uint8_t id_bytes[8] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static struct pl061 *pl061_of(struct dev *d)
{
    return container_of(d, struct pl061, dev);
}

static uint8_t levels(const struct pl061 *p)
{
    return (uint8_t)((p->data & p->dir) | (p->in & ~p->dir));
}

static uint8_t raw_status(const struct pl061 *p)
{
    uint8_t level = (uint8_t) ~(levels(p) ^ p->iev);

    return (uint8_t)((p->edges & ~p->is) | (level & p->is));
}

static void update(struct pl061 *p)
{
    uint8_t now = levels(p), changed = now ^ p->seen;
    uint8_t out = p->data & p->dir;

    p->edges |= changed & ~p->is & (p->ibe | (uint8_t) ~(now ^ p->iev));
    p->seen = now;
    for (unsigned i = 0; i < PL061_LINES; i++)
        if ((out ^ p->driven) >> i & 1)
            irq_set(&p->outputs[i], out >> i & 1);
    p->driven = out;
    irq_set(&p->irq, (raw_status(p) & p->ie) != 0);
}

static void input(void *opaque, unsigned n, int level)
{
    struct pl061 *p = opaque;

    trace_dev(pl061_input, &p->dev, "line %u: %d", n, level);
    os_mutex_lock(&p->dev.lock);
    p->in = (uint8_t)((p->in & ~(1u << n)) | (level ? 1u << n : 0));
    update(p);
    os_mutex_unlock(&p->dev.lock);
}

static uint64_t reg_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pl061 *p = opaque;

    (void)size;
    if (offset < DIR)
        return levels(p) & (offset >> 2);
    if (offset >= ID)
        return id_bytes[(offset - ID) >> 2];
    switch (offset) {
    case DIR:
        return p->dir;
    case IS:
        return p->is;
    case IBE:
        return p->ibe;
    case IEV:
        return p->iev;
    case IE:
        return p->ie;
    case RIS:
        return raw_status(p);
    case MIS:
        return raw_status(p) & p->ie;
    case AFSEL:
        return p->afsel;
    default:
        return 0;
    }
}

static void reg_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl061 *p = opaque;
    uint8_t v = (uint8_t)value, mask = (uint8_t)(offset >> 2) & p->dir;

    (void)size;
    if (offset < DIR) {
        p->data = (uint8_t)((p->data & ~mask) | (v & mask));
        update(p);
        return;
    }
    switch (offset) {
    case DIR:
        p->dir = v;
        break;
    case IS:
        p->is = v;
        break;
    case IBE:
        p->ibe = v;
        break;
    case IEV:
        p->iev = v;
        break;
    case IE:
        p->ie = v;
        break;
    case IC:
        p->edges &= (uint8_t)~v;
        break;
    case AFSEL:
        p->afsel = v;
        break;
    default:
        break;
    }
    update(p);
}

/* Kernels use bytes here. */
static const struct mem_ops reg_ops = {.read = reg_read,
                                       .write = reg_write,
                                       .max_size = 4,
                                       .on_read = &trace_point_pl061_read,
                                       .on_write = &trace_point_pl061_write};

static int realize(struct dev *d, struct err *e)
{
    struct pl061 *p = pl061_of(d);

    (void)e;
    p->region = mem_region_io("pl061", 0x1000, &reg_ops, p);
    dev_own_region(d, p->region);
    return 0;
}

static void reset(struct dev *d)
{
    struct pl061 *p = pl061_of(d);

    os_mutex_lock(&d->lock);
    p->data = p->dir = p->is = p->ibe = p->iev = p->ie = p->afsel = p->edges = 0;
    p->in = p->seen = 0;
    update(p);
    os_mutex_unlock(&d->lock);
}

static void destroy(struct dev *d)
{
    struct pl061 *p = pl061_of(d);

    if (p->region)
        mem_region_free(p->region);
}

static int loaded(struct dev *d, struct err *e)
{
    struct pl061 *p = pl061_of(d);

    (void)e;
    p->seen = levels(p);
    p->driven = (uint8_t) ~(p->data & p->dir); /* tell all */
    update(p);
    return 0;
}

static const struct state_field state[] = {
    STATE_FIELD(STATE_U8, struct pl061, in),    STATE_FIELD(STATE_U8, struct pl061, data),
    STATE_FIELD(STATE_U8, struct pl061, dir),   STATE_FIELD(STATE_U8, struct pl061, is),
    STATE_FIELD(STATE_U8, struct pl061, ibe),   STATE_FIELD(STATE_U8, struct pl061, iev),
    STATE_FIELD(STATE_U8, struct pl061, ie),    STATE_FIELD(STATE_U8, struct pl061, afsel),
    STATE_FIELD(STATE_U8, struct pl061, edges), STATE_END,
};

const struct dev_class dev_class_pl061 = {
    .name = "pl061",
    .bus = "",
    .help = "ARM PrimeCell general-purpose lines",
    .size = sizeof(struct pl061),
    .state = state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};

void pl061_set_irq(struct dev *d, struct irq line)
{
    pl061_of(d)->irq = line;
}

struct irq pl061_input(struct dev *d, unsigned line)
{
    assert(line < PL061_LINES);
    return (struct irq){.set = input, .opaque = pl061_of(d), .n = line};
}

void pl061_set_output(struct dev *d, unsigned line, struct irq to)
{
    assert(line < PL061_LINES);
    pl061_of(d)->outputs[line] = to;
}

struct mem_region *pl061_region(struct dev *d)
{
    return pl061_of(d)->region;
}
