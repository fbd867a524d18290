/*
 * GICv3: the redistributors, two frames of 64 KB a cpu: RD_base and SGI_base (IHI
 * 0069 12.10, 12.11). Which cpu is meant stands in the address, not in who asks.
 */
#include "base/trace.h"
#include "dev/gic/gic_int.h"
#include "dev/gic/trace.def"

enum {
    GICR_CTLR = 0x0000,
    GICR_IIDR = 0x0004,
    GICR_TYPER = 0x0008,
    GICR_WAKER = 0x0014,
    GICR_PROPBASER = 0x0070,
    GICR_PENDBASER = 0x0078,
    GICR_ID = 0xffd0,
    SGI_BASE = 0x10000,
    FRAMES = 0x20000,
};
enum { CTLR_LPI = 1, CTLR_CES = 2, WAKER_SLEEP = 2, WAKER_ASLEEP = 4 };
#define PROPBASER_BITS UINT64_C(0x070fffffffffff9f)
#define PENDBASER_BITS UINT64_C(0x470fffffffff0f80)
#define PENDBASER_PTZ  (UINT64_C(1) << 62)

static bool is_ns(struct gic *g)
{
    struct gic_view v;

    if (!gic_two_states(g))
        return false;
    gic_view_of(gic_cpu_of(g, cpu_current()), &v);
    return !v.secure;
}

static uint64_t typer(const struct gic_cpu *c)
{
    uint64_t affinity = (c->affinity & 0xffffff) | (c->affinity >> 32 & 0xff) << 24;

    return affinity << 32 | (uint64_t)c->index << 8 | (c->last_of_region ? 1u << 4 : 0) |
           (c->lpis ? 1 : 0);
}

static uint32_t read32(struct gic_cpu *c, uint32_t at, bool ns)
{
    uint32_t value;

    if (at >= SGI_BASE) {
        if (gic_array_read(c, at - SGI_BASE, 0, 1, ns, &value))
            return value;
        return 0;
    }
    if (at >= GICR_ID)
        return gic_id_register(at - 0xf000, 3);
    switch (at) {
    case GICR_CTLR:
        return c->redist_ctlr | (c->lpis ? CTLR_CES : 0);
    case GICR_IIDR:
        return 0x43b;
    case GICR_TYPER:
        return (uint32_t)typer(c);
    case GICR_TYPER + 4:
        return (uint32_t)(typer(c) >> 32);
    case GICR_WAKER:
        return ns ? 0 : c->waker;
    case GICR_PROPBASER:
        return (uint32_t)c->propbaser;
    case GICR_PROPBASER + 4:
        return (uint32_t)(c->propbaser >> 32);
    case GICR_PENDBASER:
        return (uint32_t)(c->pendbaser & ~PENDBASER_PTZ);
    case GICR_PENDBASER + 4:
        return (uint32_t)((c->pendbaser & ~PENDBASER_PTZ) >> 32); /* PTZ reads as zero */
    default:
        return 0;
    }
}

/* Both are read-only while LPIs are on (12.11.30). */
static void write_base(struct gic_cpu *c, uint32_t at, uint32_t value)
{
    uint64_t *reg = at < GICR_PENDBASER ? &c->propbaser : &c->pendbaser;

    if (!c->lpis || c->redist_ctlr & CTLR_LPI)
        return;
    *reg = bits_deposit64(*reg, (at & 4) * 8, 32, value);
    *reg &= at < GICR_PENDBASER ? PROPBASER_BITS : PENDBASER_BITS;
}

static void write32(struct gic_cpu *c, uint32_t at, uint32_t value, unsigned size, bool ns)
{
    if (at >= SGI_BASE) {
        gic_array_write(c, at - SGI_BASE, 0, 1, ns, value, size);
        return;
    }
    if (size != 4)
        return;
    switch (at) {
    case GICR_CTLR:
        gic_lpi_control(c, value & CTLR_LPI);
        break;
    case GICR_WAKER:
        /* The interface is quiet at once. Interrupts are not held back: kernels started without
         * firmware may never wake their redistributor. */
        if (!ns)
            c->waker = value & WAKER_SLEEP ? WAKER_SLEEP | WAKER_ASLEEP : 0;
        break;
    case GICR_PROPBASER:
    case GICR_PROPBASER + 4:
    case GICR_PENDBASER:
    case GICR_PENDBASER + 4:
        write_base(c, at, value);
        break;
    default:
        break;
    }
}

static struct gic_cpu *cpu_at(const struct gic_frame *f, uint64_t offset)
{
    return &f->gic->cpus[f->first + offset / FRAMES];
}

static uint64_t redist_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct gic_frame *f = opaque;
    struct gic_cpu *c = cpu_at(f, offset);
    uint32_t at = offset % FRAMES & ~3u;
    bool ns = is_ns(f->gic);

    if (size == 8)
        return read32(c, at, ns) | (uint64_t)read32(c, at + 4, ns) << 32;
    return bits_extract32(read32(c, at, ns), offset % 4 * 8, size * 8);
}

static void redist_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    const struct gic_frame *f = opaque;
    struct gic_cpu *c = cpu_at(f, offset);
    uint32_t at = offset % FRAMES;
    bool ns = is_ns(f->gic);

    if (size == 8) {
        write32(c, at, (uint32_t)value, 4, ns);
        write32(c, at + 4, (uint32_t)(value >> 32), 4, ns);
    } else {
        write32(c, at, (uint32_t)value, size, ns);
    }
}

const struct mem_ops gicv3_redist_ops = {.read = redist_read,
                                         .write = redist_write,
                                         .max_size = 8,
                                         .on_read = &trace_point_gicr_read,
                                         .on_write = &trace_point_gicr_write};
