/*
 * The PL031 real-time clock (ARM DDI 0224C): a counter of seconds that the guest may set, and one
 * alarm.
 *
 * The counter is the host's wall clock plus an offset; setting it changes the offset. It goes on
 * while the machine is stopped, as the clock of a sleeping computer does.
 */
#include "dev/rtc.h"

#include "base/log.h"
#include "base/trace_define.h"
#include "dev/rtc/trace.def"

/* Offsets (section 3.2). */
enum {
    DR = 0x00,
    MR = 0x04,
    LR = 0x08,
    CR = 0x0c,
    IMSC = 0x10,
    RIS = 0x14,
    MIS = 0x18,
    ICR = 0x1c
};
enum { ID = 0xfe0, SECOND = 1000000000 };

struct pl031 {
    struct dev dev;
    int64_t start_offset; /* property */
    struct irq irq;
    struct mem_region *region;
    struct timer alarm;

    uint64_t offset; /* seconds to add to the host's, modulo 2^32 in what the guest sees */
    uint32_t match, load, imsc, ris;
    bool armed; /* the match register was written: the counter of a reset clock matches nothing */
};

static const uint8_t id_bytes[8] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static struct pl031 *pl031_of(struct dev *d)
{
    return container_of(d, struct pl031, dev);
}

static int64_t host_ns(const struct pl031 *p)
{
    return clock_ns(p->dev.env->clocks, CLOCK_WALL);
}

static uint32_t counter(const struct pl031 *p)
{
    return (uint32_t)((uint64_t)(host_ns(p) / SECOND) + p->offset);
}

static void update(struct pl031 *p)
{
    irq_set(&p->irq, (p->ris & p->imsc) != 0);
}

static void arm(struct pl031 *p)
{
    uint32_t left = p->match - counter(p);

    if (!p->armed)
        timer_cancel(&p->alarm);
    else
        timer_set(&p->alarm, (host_ns(p) / SECOND + left) * SECOND);
}

static void on_alarm(void *arg)
{
    struct pl031 *p = arg;

    os_mutex_lock(&p->dev.lock);
    if (p->armed && counter(p) == p->match) {
        trace_dev(pl031_alarm, &p->dev, "%u", p->match);
        p->ris = 1;
        update(p);
    } else if (p->armed) {
        arm(p); /* called early, or for an alarm that was moved */
    }
    os_mutex_unlock(&p->dev.lock);
}

/* The match register or the counter changed. */
static void changed(struct pl031 *p)
{
    if (p->armed && counter(p) == p->match) {
        trace_dev(pl031_alarm, &p->dev, "%u", p->match);
        p->ris = 1;
        timer_cancel(&p->alarm);
    } else {
        arm(p);
    }
}

static uint64_t reg_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pl031 *p = opaque;

    (void)size;
    if (offset >= ID && offset < ID + 32)
        return id_bytes[(offset - ID) >> 2];
    switch (offset) {
    case DR:
        return counter(p);
    case MR:
        return p->match;
    case LR:
        return p->load;
    case CR:
        return 1; /* started, and cannot be stopped (3.3.4) */
    case IMSC:
        return p->imsc;
    case RIS:
        return p->ris;
    case MIS:
        return p->ris & p->imsc;
    default:
        return 0;
    }
}

static void reg_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl031 *p = opaque;

    (void)size;
    switch (offset) {
    case MR:
        p->match = (uint32_t)value;
        p->armed = true;
        changed(p);
        break;
    case LR:
        p->load = (uint32_t)value;
        p->offset += p->load - counter(p);
        changed(p);
        break;
    case IMSC:
        p->imsc = value & 1;
        break;
    case ICR:
        p->ris &= ~(uint32_t)value;
        break;
    default:
        break;
    }
    update(p);
}

static const struct mem_ops reg_ops = {.read = reg_read,
                                       .write = reg_write,
                                       .min_size = 4,
                                       .max_size = 4,
                                       .on_read = &trace_point_pl031_read,
                                       .on_write = &trace_point_pl031_write};

static int realize(struct dev *d, struct err *e)
{
    struct pl031 *p = pl031_of(d);

    (void)e;
    timer_init(&p->alarm, d->env->clocks, CLOCK_WALL, on_alarm, p);
    p->offset = (uint64_t)p->start_offset;
    p->region = mem_region_io("pl031", 0x1000, &reg_ops, p);
    dev_own_region(d, p->region);
    return 0;
}

/* The time that the guest set outlives a reset, as in a clock with a battery. */
static void reset(struct dev *d)
{
    struct pl031 *p = pl031_of(d);

    os_mutex_lock(&d->lock);
    p->match = p->load = p->imsc = p->ris = 0;
    p->armed = false;
    timer_cancel(&p->alarm);
    update(p);
    os_mutex_unlock(&d->lock);
}

static void destroy(struct dev *d)
{
    struct pl031 *p = pl031_of(d);

    if (!p->region)
        return;
    timer_done(&p->alarm);
    mem_region_free(p->region);
}

static int loaded(struct dev *d, struct err *e)
{
    struct pl031 *p = pl031_of(d);

    (void)e;
    p->imsc &= 1;
    p->ris &= 1;
    arm(p);
    update(p);
    return 0;
}

static const struct prop props[] = {
    {.name = "offset",
     .type = PROP_I64,
     .offset = offsetof(struct pl031, start_offset),
     .help = "seconds to add to the host's time"},
    {0},
};

static const struct state_field state[] = {
    STATE_FIELD(STATE_U64, struct pl031, offset),
    STATE_FIELD(STATE_U32, struct pl031, match),
    STATE_FIELD(STATE_U32, struct pl031, load),
    STATE_FIELD(STATE_U32, struct pl031, imsc),
    STATE_FIELD(STATE_U32, struct pl031, ris),
    STATE_FIELD(STATE_BOOL, struct pl031, armed),
    STATE_END,
};

const struct dev_class dev_class_pl031 = {
    .name = "pl031",
    .bus = "",
    .help = "ARM PrimeCell real-time clock",
    .size = sizeof(struct pl031),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};

void pl031_set_irq(struct dev *d, struct irq line)
{
    pl031_of(d)->irq = line;
}

struct mem_region *pl031_region(struct dev *d)
{
    return pl031_of(d)->region;
}
