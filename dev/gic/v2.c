/*
 * GICv2: the device, and its distributor's registers (IHI 0048B 4.3).
 *
 * Registers of interrupts 0..31 and the cpu interfaces are banked by the cpu that accesses;
 * accesses by others (debugger) see those of cpu 0.
 */
#include "base/trace.h"
#include "dev/gic/gic_int.h"
#include "dev/gic/trace.def"

enum {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IIDR = 0x008,
    GICD_ITARGETSR = 0x800,
    GICD_ITARGETSR_END = 0xc00,
    GICD_SGIR = 0xf00,
    GICD_CPENDSGIR = 0xf10,
    GICD_SPENDSGIR = 0xf20,
    GICD_SPENDSGIR_END = 0xf30,
    GICD_ID = 0xfd0,
};

static bool is_ns(struct gic_cpu *c)
{
    struct gic_view v;

    if (!c->gic->has_security)
        return false;
    gic_view_of(c, &v);
    return !v.secure;
}

static uint32_t read_ctlr(const struct gic *g, bool ns)
{
    unsigned g0 = g->groups >> GIC_G0 & 1, g1 = g->groups >> GIC_G1NS & 1;

    return ns ? g1 : g0 | g1 << 1;
}

static void write_ctlr(struct gic *g, uint32_t value, bool ns)
{
    if (ns)
        value = (uint32_t)(g->groups >> GIC_G0 & 1) | (value & 1) << 1;
    g->groups = (uint8_t)((value & 1) << GIC_G0 | (value >> 1 & 1) << GIC_G1NS);
    gic_refresh_all(g);
}

static uint32_t typer(const struct gic *g)
{
    return (g->words - 1) | (g->ncpus - 1) << 5 | (g->has_security ? 1u << 10 : 0);
}

/* One byte of ITARGETSR. Private interrupts read as the asking cpu (4.3.12). */
static uint8_t read_target(struct gic_cpu *c, unsigned id, bool ns)
{
    struct gic *g = c->gic;

    if (!gic_exists(g, id) || g->ncpus == 1)
        return 0;
    if (ns && !(gic_bits(c, id)->group >> id % 32 & 1))
        return 0;
    return id < 32 ? (uint8_t)(1u << c->index) : g->targets[id];
}

static void write_target(struct gic_cpu *c, unsigned id, uint8_t value, bool ns)
{
    struct gic *g = c->gic;

    if (id < 32 || !gic_exists(g, id) || g->ncpus == 1)
        return;
    if (ns && !(gic_bits(c, id)->group >> id % 32 & 1))
        return;
    g->targets[id] = value & (uint8_t)((1u << g->ncpus) - 1);
    gic_target(g, id, g->targets[id]);
}

static void set_sgi(struct gic_cpu *to, unsigned id, uint8_t sources, bool on)
{
    if (on)
        to->sgi_source[id] |= sources;
    else
        to->sgi_source[id] &= (uint8_t)~sources;
    to->priv.pending &= ~(1u << id);
    to->priv.pending |= (uint32_t)(to->sgi_source[id] != 0) << id;
    gic_refresh(to, id);
}

/* 4.3.15. With security, who may interrupt whom depends on the group at the target (table 4-21). */
static void send_sgi(struct gic_cpu *c, uint32_t value, bool ns)
{
    struct gic *g = c->gic;
    unsigned id = value & 15;
    uint32_t list = value >> 16 & 0xff, all = (1u << g->ncpus) - 1;

    switch (value >> 24 & 3) {
    case 1:
        list = all & ~(1u << c->index);
        break;
    case 2:
        list = 1u << c->index;
        break;
    case 3:
        return; /* reserved */
    }
    for (list &= all; list; list &= list - 1) {
        struct gic_cpu *to = &g->cpus[bits_ctz32(list)];
        bool group1 = to->priv.group >> id & 1;

        if (g->has_security && (ns ? !group1 : group1 != (value >> 15 & 1)))
            continue;
        set_sgi(to, id, (uint8_t)(1u << c->index), true);
    }
}

static uint8_t read_byte(struct gic_cpu *c, uint32_t offset, bool ns)
{
    if (offset < GICD_ITARGETSR_END)
        return read_target(c, offset - GICD_ITARGETSR, ns);
    if (ns && !(c->priv.group >> offset % 16 & 1))
        return 0;
    return c->sgi_source[offset % 16];
}

static void write_byte(struct gic_cpu *c, uint32_t offset, uint8_t value, bool ns)
{
    uint8_t cpus = (uint8_t)((1u << c->gic->ncpus) - 1);

    if (offset < GICD_ITARGETSR_END)
        write_target(c, offset - GICD_ITARGETSR, value, ns);
    else if (!ns || c->priv.group >> offset % 16 & 1)
        set_sgi(c, offset % 16, value & cpus, offset >= GICD_SPENDSGIR);
}

static bool by_bytes(uint32_t offset)
{
    return (offset >= GICD_ITARGETSR && offset < GICD_ITARGETSR_END) ||
           (offset >= GICD_CPENDSGIR && offset < GICD_SPENDSGIR_END);
}

static uint64_t dist_read(void *opaque, uint64_t offset, unsigned size)
{
    struct gic *g = opaque;
    struct gic_cpu *c = gic_cpu_of(g, cpu_current());
    bool ns = is_ns(c);
    uint32_t at = (uint32_t)offset & ~3u, value = 0;

    if (by_bytes(at)) {
        for (unsigned i = 0; i < 4; i++)
            value |= (uint32_t)read_byte(c, at + i, ns) << 8 * i;
    } else if (gic_array_read(c, at, 0, g->words, ns, &value)) {
        /* done */
    } else if (at == GICD_CTLR) {
        value = read_ctlr(g, ns);
    } else if (at == GICD_TYPER) {
        value = typer(g);
    } else if (at == GICD_IIDR) {
        value = 0x0200143b;
    } else if (at >= GICD_ID) {
        value = gic_id_register(at, 2);
    }
    return bits_extract32(value, offset % 4 * 8, size * 8);
}

static void dist_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct gic *g = opaque;
    struct gic_cpu *c = gic_cpu_of(g, cpu_current());
    bool ns = is_ns(c);
    uint32_t at = (uint32_t)offset;

    if (by_bytes(at)) {
        for (unsigned i = 0; i < size; i++)
            write_byte(c, at + i, (uint8_t)(value >> 8 * i), ns);
    } else if (gic_array_write(c, at, 0, g->words, ns, (uint32_t)value, size)) {
        /* done */
    } else if (at == GICD_CTLR) {
        write_ctlr(g, (uint32_t)value, ns);
    } else if (at == GICD_SGIR && size == 4) {
        send_sgi(c, (uint32_t)value, ns);
    }
}

const struct mem_ops gicv2_dist_ops = {.read = dist_read,
                                       .write = dist_write,
                                       .max_size = 4,
                                       .on_read = &trace_point_gicd_read,
                                       .on_write = &trace_point_gicd_write};

/* ---- the device ---- */

static int realize(struct dev *d, struct err *e)
{
    struct gic *g = gic_of(d);
    int rc = gic_init(g, 2, GIC_V2_CPUS, e);

    if (rc)
        return rc;
    g->dist = mem_region_io("gicv2-dist", 0x1000, &gicv2_dist_ops, g);
    g->cpuif = mem_region_io("gicv2-cpu", 0x2000, &gicv2_cpu_ops, g);
    dev_own_region(d, g->dist);
    dev_own_region(d, g->cpuif);
    if (g->has_virtualization) {
        g->hyp = mem_region_io("gicv2-hyp", 0x1000, &gicv2_hyp_ops, g);
        g->vcpu = mem_region_io("gicv2-vcpu", 0x2000, &gicv2_vcpu_ops, g);
        dev_own_region(d, g->hyp);
        dev_own_region(d, g->vcpu);
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

    for (unsigned i = 0; i < g->ncpus; i++)
        for (unsigned id = 0; id < 16; id++) {
            struct gic_cpu *c = &g->cpus[i];

            c->sgi_source[id] &= (uint8_t)((1u << g->ncpus) - 1);
            c->priv.pending &= ~(1u << id);
            c->priv.pending |= (uint32_t)(c->sgi_source[id] != 0) << id;
        }
    return gic_loaded(g, e);
}

static const struct prop props[] = {
    GIC_PROPS,
    {0},
};

const struct dev_class dev_class_gicv2 = {
    .name = "gicv2",
    .bus = "",
    .help = "ARM Generic Interrupt Controller, version 2",
    .size = sizeof(struct gic),
    .props = props,
    .state = gic_state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};

struct mem_region *gic_region(struct dev *d, enum gic_region which, unsigned index)
{
    struct gic *g = gic_of(d);

    switch (which) {
    case GIC_DIST:
        return g->dist;
    case GIC_CPU:
        return g->cpuif;
    case GIC_HYP:
        return g->hyp;
    case GIC_VCPU:
        return g->vcpu;
    case GIC_REDIST:
        return index < GIC_REDIST_REGIONS ? g->redist[index] : NULL;
    }
    return NULL;
}
