/*
 * The ITS of a GICv3: messages (device, event) become LPIs by tables that the guest writes with
 * commands (IHI 0069 chapter 5 and 12.18, 12.19). Here: registers, messages, the device.
 */
#include "dev/gic/its_int.h"

#include <errno.h>

#include "base/log.h"
#include "base/trace.h"
#include "dev/gic/trace.def"

enum {
    GITS_CTLR = 0x0000,
    GITS_IIDR = 0x0004,
    GITS_TYPER = 0x0008,
    GITS_CBASER = 0x0080,
    GITS_CWRITER = 0x0088,
    GITS_CREADR = 0x0090,
    GITS_BASER = 0x0100,
    GITS_BASER_END = 0x0140,
    GITS_ID = 0xffd0,
    GITS_TRANSLATER = 0x10040,
    FRAMES = 0x20000,
};
enum { CTLR_ENABLED = 1 };
#define CTLR_QUIESCENT (1u << 31)
#define CBASER_BITS    UINT64_C(0xf8efffffffffffff)
#define BASER_BITS     UINT64_C(0xf8e0ffffffffffff) /* all but type and entry size */

static struct its *its_of(struct dev *d)
{
    return container_of(d, struct its, dev);
}

/* Physical LPIs, entries of 8 bytes, processor numbers as targets, collections in memory
 * (12.19.10). */
static uint64_t typer(void)
{
    return 1 | (ITS_ENTRY - 1) << 4 | (ITS_EVENT_BITS - 1) << 8 | (ITS_DEVICE_BITS - 1) << 13;
}

static uint64_t fixed_baser(unsigned table)
{
    return (uint64_t)(table == ITS_DEVICES ? 1 : 4) << 56 | (uint64_t)(ITS_ENTRY - 1) << 48;
}

static uint64_t read64(const struct its *t, uint32_t at)
{
    if (at >= GITS_BASER && at < GITS_BASER + 8 * ITS_TABLES)
        return t->baser[(at - GITS_BASER) / 8];
    switch (at) {
    case GITS_CTLR:
        return t->ctlr | CTLR_QUIESCENT | (uint64_t)0x43b << 32;
    case GITS_TYPER:
        return typer();
    case GITS_CBASER:
        return t->cbaser;
    case GITS_CWRITER:
        return t->cwriter;
    case GITS_CREADR:
        return t->creadr;
    default:
        return 0;
    }
}

static uint64_t its_read(void *opaque, uint64_t offset, unsigned size)
{
    struct its *t = opaque;
    uint32_t at = (uint32_t)offset;
    uint64_t value;

    if (at >= GITS_ID && at < 0x10000)
        return gic_id_register((at & ~3u) - 0xf000, 3);
    if ((at & ~7u) == GITS_CREADR)
        its_run(t); /* the guest waits for it */
    value = read64(t, at & ~7u) >> at % 8 * 8;
    return value & bits_mask64(size * 8);
}

static uint64_t whole_baser(unsigned table, uint64_t value)
{
    value = (value & BASER_BITS) | fixed_baser(table);
    if (table == ITS_COLLECTIONS)
        value &= ~(UINT64_C(1) << 62); /* flat only */
    if ((value >> 8 & 3) == 3)         /* reserved page size: as 64 KB */
        value &= ~UINT64_C(0x100);
    return value;
}

/* A 64-bit register, or half of one, as all of it. */
static void write64(struct its *t, uint32_t at, uint64_t value)
{
    bool enabled = t->ctlr & CTLR_ENABLED;

    if (at >= GITS_BASER && at < GITS_BASER + 8 * ITS_TABLES) {
        if (!enabled) { /* else unpredictable */
            t->baser[(at - GITS_BASER) / 8] = whole_baser((at - GITS_BASER) / 8, value);
            its_forget(t);
        }
        return;
    }
    switch (at) {
    case GITS_CTLR:
        t->ctlr = value & CTLR_ENABLED;
        its_forget(t);
        its_run(t);
        break;
    case GITS_CBASER:
        if (!enabled) {
            t->cbaser = value & CBASER_BITS;
            t->creadr = t->cwriter = 0;
        }
        break;
    case GITS_CWRITER:
        t->cwriter = value & 0xfffe0;
        its_run(t);
        break;
    default:
        break;
    }
}

static void translate(struct its *t, uint32_t device, uint32_t event)
{
    struct gic *g = its_gic(t);
    struct its_hit hit;

    trace_dev(its_message, &t->dev, "device %#x, event %u", device, event);
    if (!(t->ctlr & CTLR_ENABLED))
        return;
    if (!its_translate(t, device, event, &hit)) {
        dev_guest(&t->dev, "message %u of device %#x is not mapped", event, device);
        return;
    }
    os_mutex_lock(&g->dev.lock);
    gic_lpi_set(&g->cpus[hit.cpu], hit.lpi, true);
    os_mutex_unlock(&g->dev.lock);
}

static void its_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct its *t = opaque;
    uint32_t at = (uint32_t)offset;

    if (at == GITS_TRANSLATER) {
        translate(t, 0, (uint32_t)value); /* cpus have no device number of their own */
    } else if (size == 8 && at % 8 == 0) {
        write64(t, at, value);
    } else if (size == 4 && at % 4 == 0) {
        uint64_t old = read64(t, at & ~7u);

        write64(t, at & ~7u, bits_deposit64(old, at % 8 * 8, 32, value));
    }
}

static const struct mem_ops its_ops = {.read = its_read,
                                       .write = its_write,
                                       .on_read = &trace_point_its_read,
                                       .on_write = &trace_point_its_write};

static void send(void *opaque, uint32_t device, uint64_t address, uint32_t data)
{
    struct its *t = opaque;

    if ((address & 0xffff) != (GITS_TRANSLATER & 0xffff)) {
        dev_guest(&t->dev, "message to %#llx", (unsigned long long)address);
        return;
    }
    os_mutex_lock(&t->dev.lock);
    translate(t, device, data);
    os_mutex_unlock(&t->dev.lock);
}

static void on_loop(void *arg)
{
    struct its *t = arg;

    os_mutex_lock(&t->dev.lock);
    its_run(t);
    os_mutex_unlock(&t->dev.lock);
}

/* ---- life ---- */

static int realize(struct dev *d, struct err *e)
{
    struct its *t = its_of(d);

    if (!t->controller || !its_gic(t)->has_lpi)
        return err_text(e, EINVAL, "its: needs a GICv3 with has-lpi=on");
    t->task.fn = on_loop;
    t->task.arg = t;
    t->region = mem_region_io("gicv3-its", FRAMES, &its_ops, t);
    dev_own_region(d, t->region);
    return 0;
}

static void reset(struct dev *d)
{
    struct its *t = its_of(d);

    os_mutex_lock(&d->lock);
    t->ctlr = 0;
    t->cbaser = t->cwriter = t->creadr = 0;
    for (unsigned i = 0; i < ITS_TABLES; i++)
        t->baser[i] = whole_baser(i, 0);
    its_forget(t);
    os_mutex_unlock(&d->lock);
}

static void destroy(struct dev *d)
{
    struct its *t = its_of(d);

    if (!t->region)
        return;
    if (d->env->loop)
        os_task_cancel(d->env->loop, &t->task);
    mem_region_free(t->region);
}

static int loaded(struct dev *d, struct err *e)
{
    struct its *t = its_of(d);
    uint64_t size = ((t->cbaser & 0xff) + 1) << 12;

    if (t->creadr >= size || t->creadr % 32)
        return err_text(e, EINVAL, "its: state reads its commands at %#llx of %#llx",
                        (unsigned long long)t->creadr, (unsigned long long)size);
    t->ctlr &= CTLR_ENABLED;
    t->cwriter &= 0xfffe0;
    for (unsigned i = 0; i < ITS_CACHE; i++)
        if (t->cache[i].cpu >= its_gic(t)->ncpus)
            t->cache[i].valid = false;
    for (unsigned i = 0; i < ITS_TABLES; i++)
        t->baser[i] = whole_baser(i, t->baser[i]);
    return 0;
}

static const struct state_field hit_state[] = {
    STATE_FIELD(STATE_U32, struct its_hit, device), STATE_FIELD(STATE_U32, struct its_hit, event),
    STATE_FIELD(STATE_U32, struct its_hit, lpi),    STATE_FIELD(STATE_U16, struct its_hit, cpu),
    STATE_FIELD(STATE_BOOL, struct its_hit, valid), STATE_END,
};

static const struct state_field state[] = {
    STATE_NESTED_ARRAY(struct its, cache, hit_state),
    STATE_FIELD(STATE_U32, struct its, ctlr),
    STATE_FIELD(STATE_U64, struct its, cbaser),
    STATE_FIELD(STATE_U64, struct its, cwriter),
    STATE_FIELD(STATE_U64, struct its, creadr),
    STATE_ARRAY(STATE_U64, struct its, baser),
    STATE_END,
};

const struct dev_class dev_class_gicv3_its = {
    .name = "gicv3-its",
    .bus = "",
    .help = "interrupt translation service of a GICv3",
    .size = sizeof(struct its),
    .state = state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};

void gicv3_its_wire(struct dev *d, struct dev *gicv3)
{
    its_of(d)->controller = gicv3;
}

struct mem_region *gicv3_its_region(struct dev *d)
{
    return its_of(d)->region;
}

struct msi_target gicv3_its_target(struct dev *d)
{
    return (struct msi_target){.send = send, .opaque = its_of(d)};
}
