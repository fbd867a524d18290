/*
 * GICv3: the device, and its distributor's registers (IHI 0069 12.9). Affinity routing is always
 * on, so private interrupts are in the redistributors (v3redist.c) and cpus use system registers
 * (v3cpu.c).
 */
#include "dev/gic/gic_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/trace.h"
#include "dev/gic/trace.def"

enum {
    GICD_CTLR = 0x0000,
    GICD_TYPER = 0x0004,
    GICD_IIDR = 0x0008,
    GICD_SETSPI_NSR = 0x0040,
    GICD_CLRSPI_NSR = 0x0048,
    GICD_SETSPI_SR = 0x0050,
    GICD_CLRSPI_SR = 0x0058,
    GICD_IROUTER = 0x6000,
    GICD_IROUTER_END = 0x8000,
    GICD_ID = 0xffd0,
};
enum { CTLR_ARE = 0x10, CTLR_ARE_NS = 0x20, CTLR_DS = 0x40 };
#define ROUTE_BITS UINT64_C(0xff00ffffff) /* no 1 of N: bit 31 is 0 (GICD_TYPER.No1N) */

static bool is_ns(struct gic *g)
{
    struct gic_view v;

    if (!gic_two_states(g))
        return false;
    gic_view_of(gic_cpu_of(g, cpu_current()), &v);
    return !v.secure;
}

unsigned gicv3_route_cpu(const struct gic *g, uint64_t irouter)
{
    for (unsigned i = 0; i < g->ncpus; i++)
        if (g->cpus[i].affinity == irouter)
            return i;
    return GIC_NO_CPU;
}

static uint32_t read_ctlr(const struct gic *g, bool ns)
{
    uint32_t g0 = g->groups >> GIC_G0 & 1, g1s = g->groups >> GIC_G1S & 1;
    uint32_t g1ns = g->groups >> GIC_G1NS & 1;

    if (ns)
        return g1ns << 1 | CTLR_ARE;
    if (g->ds)
        return g0 | g1ns << 1 | CTLR_ARE | CTLR_DS;
    return g0 | g1ns << 1 | g1s << 2 | CTLR_ARE | CTLR_ARE_NS;
}

/* From two states to one, which cannot be taken back: what was secure Group 1 is Group 0's
 * (12.9.4). */
static void disable_security(struct gic *g)
{
    g->ds = true;
    g->groups &= (uint8_t) ~(1u << GIC_G1S);
    for (unsigned word = 0; word < GIC_WORDS; word++)
        g->spi[word].modifier = 0;
    for (unsigned i = 0; i < g->ncpus; i++) {
        g->cpus[i].priv.modifier = 0;
        g->cpus[i].iface.apr[GIC_G1S] = 0;
    }
}

static void write_ctlr(struct gic *g, uint32_t value, bool ns)
{
    unsigned groups = g->groups;

    if (ns) {
        groups = (groups & ~(1u << GIC_G1NS)) | (value >> 1 & 1) << GIC_G1NS;
    } else {
        groups = (value & 1) << GIC_G0 | (value >> 1 & 1) << GIC_G1NS;
        if (!g->ds)
            groups |= (value >> 2 & 1) << GIC_G1S;
    }
    g->groups = (uint8_t)groups;
    if (!ns && !g->ds && value & CTLR_DS)
        disable_security(g);
    gic_refresh_all(g);
}

static uint32_t typer(const struct gic *g)
{
    uint32_t id_bits = g->has_lpi ? 16 : 10;

    return (g->words - 1) | (gic_two_states(g) ? 1u << 10 : 0) | 1u << 16 /* MBIS */ |
           (g->has_lpi ? 1u << 17 : 0) | (id_bits - 1) << 19 | 1u << 24 /* A3V */ |
           1u << 25 /* No1N */ | 1u << 26 /* RSS */;
}

/* SETSPI and CLRSPI: a message makes an SPI pending or not (12.9.36). */
static void message_spi(struct gic *g, uint32_t id, bool set, bool ns)
{
    struct gic_bits *b;
    uint32_t bit = 1u << id % 32;

    if (id < 32 || !gic_exists(g, id))
        return;
    b = &g->spi[id / 32];
    if (ns && !(b->group & bit))
        return;
    if (set)
        b->pending |= bit;
    else
        b->pending &= ~bit;
    gic_refresh(&g->cpus[0], id);
}

static bool routed(const struct gic *g, uint32_t at, bool ns, unsigned *id)
{
    *id = (at - GICD_IROUTER) / 8;
    return *id >= 32 && gic_exists(g, *id) && (!ns || g->spi[*id / 32].group >> *id % 32 & 1);
}

static uint32_t read32(struct gic *g, uint32_t at, bool ns)
{
    uint32_t value;
    unsigned id;

    if (gic_array_read(&g->cpus[0], at, 1, g->words, ns, &value))
        return value;
    if (at >= GICD_IROUTER && at < GICD_IROUTER_END)
        return routed(g, at, ns, &id) ? (uint32_t)(g->route_reg[id] >> (at & 4) * 8) : 0;
    if (at >= GICD_ID && at <= 0xffff)
        return gic_id_register(at - 0xf000, 3);
    switch (at) {
    case GICD_CTLR:
        return read_ctlr(g, ns);
    case GICD_TYPER:
        return typer(g);
    case GICD_IIDR:
        return 0x43b;
    default:
        return 0;
    }
}

static void write_router(struct gic *g, uint32_t at, uint64_t value, unsigned size, bool ns)
{
    unsigned id;

    if (!routed(g, at, ns, &id))
        return;
    if (size == 4)
        value = bits_deposit64(g->route_reg[id], (at & 4) * 8, 32, value);
    g->route_reg[id] = value & ROUTE_BITS;
    gic_route(g, id, gicv3_route_cpu(g, g->route_reg[id]));
}

static void write32(struct gic *g, uint32_t at, uint32_t value, unsigned size, bool ns)
{
    if (gic_array_write(&g->cpus[0], at, 1, g->words, ns, value, size))
        return;
    if (at >= GICD_IROUTER && at < GICD_IROUTER_END) {
        if (size == 4)
            write_router(g, at, value, 4, ns);
        return;
    }
    switch (at) {
    case GICD_CTLR:
        if (size == 4)
            write_ctlr(g, value, ns);
        break;
    case GICD_SETSPI_NSR:
    case GICD_CLRSPI_NSR:
        message_spi(g, value & 0x3ff, at == GICD_SETSPI_NSR, gic_two_states(g));
        break;
    case GICD_SETSPI_SR:
    case GICD_CLRSPI_SR:
        if (gic_two_states(g) && !ns)
            message_spi(g, value & 0x3ff, at == GICD_SETSPI_SR, false);
        break;
    default:
        break;
    }
}

static uint64_t dist_read(void *opaque, uint64_t offset, unsigned size)
{
    struct gic *g = opaque;
    uint32_t at = (uint32_t)offset & ~3u;
    bool ns = is_ns(g);

    if (size == 8)
        return read32(g, at, ns) | (uint64_t)read32(g, at + 4, ns) << 32;
    return bits_extract32(read32(g, at, ns), offset % 4 * 8, size * 8);
}

static void dist_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct gic *g = opaque;
    uint32_t at = (uint32_t)offset;
    bool ns = is_ns(g);

    if (size == 8 && at >= GICD_IROUTER && at < GICD_IROUTER_END) {
        write_router(g, at, value, 8, ns);
    } else if (size == 8) {
        write32(g, at, (uint32_t)value, 4, ns);
        write32(g, at + 4, (uint32_t)(value >> 32), 4, ns);
    } else {
        write32(g, at, (uint32_t)value, size, ns);
    }
}

const struct mem_ops gicv3_dist_ops = {.read = dist_read,
                                       .write = dist_write,
                                       .max_size = 8,
                                       .on_read = &trace_point_gicd_read,
                                       .on_write = &trace_point_gicd_write};

/* ---- the device ---- */

static int make_redistributors(struct gic *g, struct err *e)
{
    unsigned *count = g->wiring.redist, first = 0, total = 0;

    for (unsigned i = 0; i < GIC_REDIST_REGIONS; i++)
        total += count[i];
    if (!total)
        total = count[0] = g->ncpus;
    if (total < g->ncpus)
        return err_text(e, EINVAL, "gicv3: room for %u redistributors, but %u cpus", total,
                        g->ncpus);
    g->frames = mem_zalloc(GIC_REDIST_REGIONS * sizeof(*g->frames));
    for (unsigned i = 0; i < GIC_REDIST_REGIONS && first < g->ncpus; i++) {
        unsigned n = count[i] < g->ncpus - first ? count[i] : g->ncpus - first;

        if (!n)
            continue;
        g->frames[i] = (struct gic_frame){g, first, n};
        g->redist[i] =
            mem_region_io("gicv3-redist", (uint64_t)n * 0x20000, &gicv3_redist_ops, &g->frames[i]);
        dev_own_region(&g->dev, g->redist[i]);
        first += n;
        g->cpus[first - 1].last_of_region = true;
    }
    return 0;
}

static int realize(struct dev *d, struct err *e)
{
    struct gic *g = gic_of(d);
    int rc = gic_init(g, 3, 512, e);

    if (rc)
        return rc;
    rc = make_redistributors(g, e);
    if (rc)
        return rc;
    g->dist = mem_region_io("gicv3-dist", 0x10000, &gicv3_dist_ops, g);
    dev_own_region(d, g->dist);
    if (g->has_lpi) {
        g->lpi_words = g->ncpus * GIC_LPI_WORDS;
        g->lpi_configs = GIC_LPI_END - GIC_LPI_FIRST;
        g->lpi_config = mem_zalloc(g->lpi_configs);
        g->lpi_pending = mem_zalloc(g->lpi_words * sizeof(uint64_t));
    }
    for (unsigned i = 0; i < g->ncpus; i++) {
        struct gic_cpu *c = &g->cpus[i];

        if (g->has_lpi) {
            c->lpis = mem_zalloc(sizeof(*c->lpis));
            c->lpis->pending = g->lpi_pending + (size_t)i * GIC_LPI_WORDS;
        }
        if (c->cpu->sys)
            c->cpu->sys->intc = (struct cpu_sysreg_ops){.read = gicv3_sysreg_read,
                                                        .write = gicv3_sysreg_write,
                                                        .traps = gicv3_sysreg_traps,
                                                        .opaque = g};
    }
    return 0;
}

static void reset(struct dev *d)
{
    gic_reset(gic_of(d));
}

static void destroy(struct dev *d)
{
    gic_fini(gic_of(d));
}

static int loaded(struct dev *d, struct err *e)
{
    struct gic *g = gic_of(d);

    for (unsigned id = 0; id < GIC_WORDS * 32; id++)
        g->route_reg[id] &= ROUTE_BITS;
    return gic_loaded(g, e);
}

static const struct prop props[] = {
    GIC_PROPS,
    {.name = "has-lpi",
     .type = PROP_BOOL,
     .offset = offsetof(struct gic, has_lpi),
     .help = "message-signalled interrupts of an ITS"},
    {0},
};

const struct dev_class dev_class_gicv3 = {
    .name = "gicv3",
    .bus = "",
    .help = "ARM Generic Interrupt Controller, version 3",
    .size = sizeof(struct gic),
    .props = props,
    .state = gic_state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};
