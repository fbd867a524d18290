/*
 * GICv2: the cpu interface, GICC (IHI 0048B 4.4). Each cpu sees its own.
 *
 * The non-secure side of two security states has its own view: Group 1 only, priorities in the
 * lower half. Without security everything is the secure view (4.4, "GICs without the Security
 * Extensions").
 */
#include "base/trace.h"
#include "dev/gic/gic_int.h"
#include "dev/gic/trace.def"

enum {
    GICC_CTLR = 0x00,
    GICC_PMR = 0x04,
    GICC_BPR = 0x08,
    GICC_IAR = 0x0c,
    GICC_EOIR = 0x10,
    GICC_RPR = 0x14,
    GICC_HPPIR = 0x18,
    GICC_ABPR = 0x1c,
    GICC_AIAR = 0x20,
    GICC_AEOIR = 0x24,
    GICC_AHPPIR = 0x28,
    GICC_APR0 = 0xd0,
    GICC_NSAPR0 = 0xe0,
    GICC_IIDR = 0xfc,
    GICC_DIR = 0x1000,
};
/* GICC_CTLR. What only selects signals is kept in v2_ctlr_fiq. */
enum { ENABLE0 = 1, ENABLE1 = 2, ACK_CTL = 4, FIQ_EN = 8, CBPR = 0x10, BYPASS = 0x1e0 };
enum { BYPASS_NS = 0x60, EOI_MODE_S = 0x200, EOI_MODE_NS = 0x400 };
enum { NO_GROUP = 1022 };

static bool is_ns(struct gic_cpu *c)
{
    struct gic_view v;

    if (!c->gic->has_security)
        return false;
    gic_view_of(c, &v);
    return !v.secure;
}

static uint32_t read_ctlr(const struct gic_cpu *c, bool ns)
{
    const struct gic_iface *f = &c->iface;
    uint32_t e0 = f->enabled >> GIC_G0 & 1, e1 = f->enabled >> GIC_G1NS & 1;

    if (ns)
        return e1 | (c->v2_ctlr_fiq >> 2 & BYPASS_NS) | (f->eoimode[1] ? EOI_MODE_S : 0);
    return e0 | e1 << 1 | c->v2_ctlr_fiq | (f->cbpr[1] ? CBPR : 0) |
           (f->eoimode[0] ? EOI_MODE_S : 0) |
           (f->eoimode[1] && c->gic->has_security ? EOI_MODE_NS : 0);
}

static void write_ctlr(struct gic_cpu *c, uint32_t value, bool ns)
{
    struct gic_iface *f = &c->iface;

    if (ns) {
        f->enabled &= 1 << GIC_G0;
        f->enabled |= (uint8_t)((value & 1) << GIC_G1NS);
        c->v2_ctlr_fiq = (c->v2_ctlr_fiq & ~(BYPASS_NS << 2)) | (value & BYPASS_NS) << 2;
        f->eoimode[1] = value & EOI_MODE_S;
    } else {
        f->enabled =
            (uint8_t)((value & ENABLE0 ? 1 << GIC_G0 : 0) | (value & ENABLE1 ? 1 << GIC_G1NS : 0));
        c->v2_ctlr_fiq = value & (ACK_CTL | FIQ_EN | BYPASS);
        f->cbpr[0] = f->cbpr[1] = value & CBPR;
        f->eoimode[0] = value & EOI_MODE_S;
        f->eoimode[1] = c->gic->has_security ? value & EOI_MODE_NS : value & EOI_MODE_S;
    }
    gic_update(c);
}

static void write_pmr(struct gic_cpu *c, uint8_t value, bool ns)
{
    if (ns && !(c->iface.pmr & 0x80))
        return; /* the secure side holds it in its half (4.4.2) */
    c->iface.pmr = gic_priority_store(value, ns);
    gic_update(c);
}

static uint32_t read_bpr(const struct gic_cpu *c, bool ns)
{
    const struct gic_iface *f = &c->iface;

    if (!ns)
        return f->bpr[GIC_G0];
    if (!f->cbpr[1])
        return f->bpr[GIC_G1NS];
    return f->bpr[GIC_G0] < 7 ? f->bpr[GIC_G0] + 1u : 7;
}

static void write_bpr(struct gic_cpu *c, enum gic_group group, uint32_t value)
{
    unsigned min = group == GIC_G0 ? GIC_BPR0_MIN : GIC_BPR0_MIN + 1;

    value &= 7;
    c->iface.bpr[group] = (uint8_t)(value < min ? min : value);
    gic_update(c);
}

/* Which interrupt a read of IAR or HPPIR sees (4.4.4, 4.4.7), or a special number. */
static unsigned visible_best(const struct gic_cpu *c, bool ns, bool alias, bool acknowledge)
{
    bool group1 = c->best_group == GIC_G1NS;

    if (c->best == GIC_SPURIOUS || (acknowledge && !gic_can_signal(c)))
        return GIC_SPURIOUS;
    if (ns || alias)
        return group1 ? c->best : GIC_SPURIOUS;
    return group1 && !(c->v2_ctlr_fiq & ACK_CTL) ? NO_GROUP : c->best;
}

static uint32_t read_iar(struct gic_cpu *c, bool ns, bool alias)
{
    unsigned id = visible_best(c, ns, alias, true);

    return id < GIC_INTIDS ? gic_acknowledge(c) : id;
}

static uint32_t read_hppir(const struct gic_cpu *c, bool ns, bool alias)
{
    unsigned id = visible_best(c, ns, alias, false);

    return id < 16 ? id | (bits_ctz32(c->sgi_source[id]) & 7) << 10 : id;
}

static void write_eoir(struct gic_cpu *c, uint32_t value, bool ns, bool alias)
{
    unsigned id = value & 0x3ff;
    enum gic_group group = gic_highest_active(&c->iface);

    if (id >= GIC_INTIDS)
        return;
    if (group == GIC_GROUPS || ((ns || alias) && group != GIC_G1NS))
        return; /* nothing of this side is active: no priority to drop (4.4.5) */
    gic_drop(&c->iface, group);
    if (!c->iface.eoimode[ns])
        gic_deactivate(c, id, ns || alias);
    gic_update(c);
}

static uint32_t read_rpr(const struct gic_cpu *c, bool ns)
{
    unsigned running = gic_running(&c->iface);

    return running == GIC_IDLE ? GIC_IDLE : gic_priority_view((uint8_t)running, ns);
}

static uint64_t cpu_read(void *opaque, uint64_t offset, unsigned size)
{
    struct gic_cpu *c = gic_cpu_of(opaque, cpu_current());
    bool ns = is_ns(c);

    (void)size;
    switch (offset) {
    case GICC_CTLR:
        return read_ctlr(c, ns);
    case GICC_PMR:
        return gic_priority_view(c->iface.pmr, ns);
    case GICC_BPR:
        return read_bpr(c, ns);
    case GICC_IAR:
        return read_iar(c, ns, false);
    case GICC_RPR:
        return read_rpr(c, ns);
    case GICC_HPPIR:
        return read_hppir(c, ns, false);
    case GICC_ABPR:
        return ns ? 0 : c->iface.bpr[GIC_G1NS];
    case GICC_AIAR:
        return ns ? 0 : read_iar(c, ns, true);
    case GICC_AHPPIR:
        return ns ? 0 : read_hppir(c, ns, true);
    case GICC_APR0:
        return ns ? c->iface.apr[GIC_G1NS] >> 16 : c->iface.apr[GIC_G0];
    case GICC_NSAPR0:
        return ns ? 0 : c->iface.apr[GIC_G1NS];
    case GICC_IIDR:
        return 0x0202143b;
    default:
        return 0;
    }
}

static void write_apr(struct gic_cpu *c, uint32_t value, bool ns, bool secure_alias)
{
    if (ns)
        c->iface.apr[GIC_G1NS] = value << 16;
    else
        c->iface.apr[secure_alias ? GIC_G1NS : GIC_G0] = value;
    gic_update(c);
}

static void cpu_write(void *opaque, uint64_t offset, uint64_t value64, unsigned size)
{
    struct gic_cpu *c = gic_cpu_of(opaque, cpu_current());
    bool ns = is_ns(c);
    uint32_t value = (uint32_t)value64;

    (void)size;
    switch (offset) {
    case GICC_CTLR:
        write_ctlr(c, value, ns);
        break;
    case GICC_PMR:
        write_pmr(c, (uint8_t)value, ns);
        break;
    case GICC_BPR:
        if (!ns)
            write_bpr(c, GIC_G0, value);
        else if (!c->iface.cbpr[1])
            write_bpr(c, GIC_G1NS, value);
        break;
    case GICC_EOIR:
        write_eoir(c, value, ns, false);
        break;
    case GICC_ABPR:
        if (!ns)
            write_bpr(c, GIC_G1NS, value);
        break;
    case GICC_AEOIR:
        if (!ns)
            write_eoir(c, value, ns, true);
        break;
    case GICC_APR0:
        write_apr(c, value, ns, false);
        break;
    case GICC_NSAPR0:
        if (!ns)
            write_apr(c, value, ns, true);
        break;
    case GICC_DIR:
        if (c->iface.eoimode[ns]) /* without the split a write is unpredictable (4.4.10) */
            gic_deactivate(c, value & 0x3ff, ns);
        break;
    default:
        break;
    }
}

const struct mem_ops gicv2_cpu_ops = {.read = cpu_read,
                                      .write = cpu_write,
                                      .min_size = 4,
                                      .max_size = 4,
                                      .on_read = &trace_point_gicc_read,
                                      .on_write = &trace_point_gicc_write};
