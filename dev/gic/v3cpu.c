/*
 * GICv3: the cpu interface by system registers, ICC_* (IHI 0069 12.2). The isa has checked
 * exception level and traps before it asks here; what EL1 does with virtual interrupts on goes to
 * v3virt.c.
 *
 * Entry points take the lock; they run in the cpu's own thread.
 */
#include "base/trace.h"
#include "dev/gic/gic_int.h"
#include "dev/gic/trace.def"

enum { CTLR_CBPR = 1, CTLR_EOIMODE = 2 };
enum { CTLR_FIXED = (GIC_PRIORITY_BITS - 1) << 8 | 1 << 15 /* A3V */ | 1 << 18 /* RSS */ };
enum { EL3_CBPR_S = 1, EL3_CBPR_NS = 2, EL3_EOI_3 = 4, EL3_EOI_S = 8, EL3_EOI_NS = 0x10 };

/* What an access means by "Group 1". */
static enum gic_group group1(const struct gic_cpu *c, const struct gic_view *v)
{
    return gic_two_states(c->gic) && v->secure && !v->ns_bank ? GIC_G1S : GIC_G1NS;
}

static bool is_ns(const struct gic_cpu *c, const struct gic_view *v)
{
    return gic_two_states(c->gic) && !v->secure;
}

/* Index of cbpr[] and eoimode[]. */
static unsigned bank(const struct gic_cpu *c, const struct gic_view *v)
{
    return group1(c, v) == GIC_G1NS;
}

static unsigned eoi_bank(const struct gic_cpu *c, const struct gic_view *v)
{
    return gic_two_states(c->gic) && v->el == 3 ? 2 : bank(c, v);
}

/* May this access take interrupts of `group` by the Group 1 registers? EL3 may take both kinds. */
static bool takes1(const struct gic_cpu *c, const struct gic_view *v, unsigned group)
{
    if (gic_two_states(c->gic) && v->el == 3)
        return group == GIC_G1S || group == GIC_G1NS;
    return group == group1(c, v);
}

/* IAR and HPPIR, tables 4-? of 4.2: an INTID, or the special number that tells what kind waits. */
static unsigned visible_best(const struct gic_cpu *c, const struct gic_view *v, bool one)
{
    if (c->best == GIC_SPURIOUS)
        return GIC_SPURIOUS;
    if (one)
        return takes1(c, v, c->best_group) ? c->best : GIC_SPURIOUS;
    if (is_ns(c, v))
        return GIC_SPURIOUS;
    if (c->best_group == GIC_G0)
        return c->best;
    if (gic_two_states(c->gic) && v->el == 3)
        return c->best_group == GIC_G1S ? 1020 : 1021;
    return GIC_SPURIOUS;
}

static unsigned read_iar(struct gic_cpu *c, const struct gic_view *v, bool one)
{
    unsigned id = gic_can_signal(c) ? visible_best(c, v, one) : GIC_SPURIOUS;

    return id == c->best && id != GIC_SPURIOUS ? gic_acknowledge(c) : id;
}

static void write_eoir(struct gic_cpu *c, const struct gic_view *v, uint32_t id, bool one)
{
    enum gic_group group = gic_highest_active(&c->iface);

    if ((id >= GIC_INTIDS && id < GIC_LPI_FIRST) || group == GIC_GROUPS)
        return;
    if (one ? !takes1(c, v, group) : group != GIC_G0 || is_ns(c, v))
        return;
    gic_drop(&c->iface, group);
    if (!c->iface.eoimode[eoi_bank(c, v)])
        gic_deactivate(c, id, is_ns(c, v));
    gic_update(c);
}

static unsigned read_bpr1(const struct gic_cpu *c, const struct gic_view *v)
{
    const struct gic_iface *f = &c->iface;
    enum gic_group group = group1(c, v);

    if (!f->cbpr[bank(c, v)])
        return f->bpr[group];
    if (group == GIC_G1S)
        return f->bpr[GIC_G0];
    return f->bpr[GIC_G0] < 7 ? f->bpr[GIC_G0] + 1u : 7;
}

static void write_bpr(struct gic_cpu *c, enum gic_group group, uint64_t value)
{
    unsigned min = group == GIC_G1NS ? GIC_BPR0_MIN + 1 : GIC_BPR0_MIN;

    value &= 7;
    c->iface.bpr[group] = (uint8_t)(value < min ? min : value);
    gic_update(c);
}

static void write_bpr1(struct gic_cpu *c, const struct gic_view *v, uint64_t value)
{
    enum gic_group group = group1(c, v);

    if (!c->iface.cbpr[bank(c, v)])
        write_bpr(c, group, value);
    else if (group == GIC_G1S)
        write_bpr(c, GIC_G0, value);
}

static void write_pmr(struct gic_cpu *c, const struct gic_view *v, uint64_t value)
{
    if (is_ns(c, v) && !(c->iface.pmr & 0x80))
        return; /* the secure side holds it in its half (4.8.6) */
    c->iface.pmr = gic_priority_store((uint8_t)value, is_ns(c, v));
    gic_update(c);
}

static uint64_t read_ctlr(const struct gic_cpu *c, const struct gic_view *v)
{
    unsigned b = bank(c, v);

    return CTLR_FIXED | (c->iface.cbpr[b] ? CTLR_CBPR : 0) |
           (c->iface.eoimode[b] ? CTLR_EOIMODE : 0);
}

static void write_ctlr(struct gic_cpu *c, const struct gic_view *v, uint64_t value)
{
    unsigned b = bank(c, v);

    if (!gic_two_states(c->gic)) /* else EL3 decides */
        c->iface.cbpr[b] = value & CTLR_CBPR;
    c->iface.eoimode[b] = value & CTLR_EOIMODE;
    gic_update(c);
}

static uint64_t read_ctlr3(const struct gic_cpu *c)
{
    const struct gic_iface *f = &c->iface;

    return CTLR_FIXED | 1u << 17 /* nDS: see GICD_CTLR */ | (f->cbpr[0] ? EL3_CBPR_S : 0) |
           (f->cbpr[1] ? EL3_CBPR_NS : 0) | (f->eoimode[2] ? EL3_EOI_3 : 0) |
           (f->eoimode[0] ? EL3_EOI_S : 0) | (f->eoimode[1] ? EL3_EOI_NS : 0);
}

static void write_ctlr3(struct gic_cpu *c, uint64_t value)
{
    struct gic_iface *f = &c->iface;

    f->cbpr[0] = value & EL3_CBPR_S;
    f->cbpr[1] = value & EL3_CBPR_NS;
    f->eoimode[2] = value & EL3_EOI_3;
    f->eoimode[0] = value & EL3_EOI_S;
    f->eoimode[1] = value & EL3_EOI_NS;
    gic_update(c);
}

static void set_enable(struct gic_cpu *c, enum gic_group group, bool on)
{
    c->iface.enabled = (uint8_t)((c->iface.enabled & ~(1u << group)) | (unsigned)on << group);
    gic_update(c);
}

/* ---- SGIs (12.2.20 and table 12-14) ---- */

static void deliver_sgi(struct gic_cpu *to, unsigned id, enum gic_group group, bool ns)
{
    enum gic_group at = gic_group_in(&to->priv, 1u << id);

    if (group == GIC_G1S && at == GIC_G0)
        group = GIC_G0; /* one for secure Group 1 may be Group 0 at its target */
    if (at != group || (ns && group != GIC_G1NS))
        return;
    to->priv.pending |= 1u << id;
    gic_refresh(to, id);
}

static void send_sgi(struct gic_cpu *c, uint64_t value, enum gic_group group, bool ns)
{
    struct gic *g = c->gic;
    unsigned id = value >> 24 & 15, base = (value >> 44 & 15) * 16;
    uint64_t cluster =
        (value >> 48 & 0xff) << 32 | (value >> 32 & 0xff) << 16 | (value >> 16 & 0xff) << 8;

    for (unsigned i = 0; i < g->ncpus; i++) {
        struct gic_cpu *to = &g->cpus[i];
        unsigned aff0 = to->affinity & 0xff;

        if (value >> 40 & 1) { /* IRM: all but this one */
            if (to != c)
                deliver_sgi(to, id, group, ns);
        } else if ((to->affinity & ~UINT64_C(0xff)) == cluster && aff0 >= base &&
                   aff0 < base + 16 && value >> (aff0 - base) & 1) {
            deliver_sgi(to, id, group, ns);
        }
    }
}

/* ---- the registers ---- */

static bool icc_read(struct gic_cpu *c, uint32_t reg, const struct gic_view *v, uint64_t *value)
{
    const struct gic_iface *f = &c->iface;
    unsigned running;

    switch (reg) {
    case ICC_IAR0_EL1:
    case ICC_IAR1_EL1:
        *value = read_iar(c, v, reg == ICC_IAR1_EL1);
        return true;
    case ICC_HPPIR0_EL1:
    case ICC_HPPIR1_EL1:
        *value = visible_best(c, v, reg == ICC_HPPIR1_EL1);
        return true;
    case ICC_PMR_EL1:
        *value = gic_priority_view(f->pmr, is_ns(c, v));
        return true;
    case ICC_RPR_EL1:
        running = gic_running(f);
        *value = running == GIC_IDLE ? GIC_IDLE : gic_priority_view((uint8_t)running, is_ns(c, v));
        return true;
    case ICC_BPR0_EL1:
        *value = f->bpr[GIC_G0];
        return true;
    case ICC_BPR1_EL1:
        *value = read_bpr1(c, v);
        return true;
    case ICC_AP0R0_EL1:
        *value = f->apr[GIC_G0];
        return true;
    case ICC_AP1R0_EL1:
        *value = f->apr[group1(c, v)];
        return true;
    case ICC_CTLR_EL1:
        *value = read_ctlr(c, v);
        return true;
    case ICC_SRE_EL1:
        *value = 7; /* SRE, DFB, DIB: nothing else exists */
        return true;
    case ICC_IGRPEN0_EL1:
        *value = f->enabled >> GIC_G0 & 1;
        return true;
    case ICC_IGRPEN1_EL1:
        *value = f->enabled >> group1(c, v) & 1;
        return true;
    default:
        return false;
    }
}

static bool icc_write(struct gic_cpu *c, uint32_t reg, const struct gic_view *v, uint64_t value)
{
    struct gic_iface *f = &c->iface;
    bool ns = is_ns(c, v);

    switch (reg) {
    case ICC_EOIR0_EL1:
    case ICC_EOIR1_EL1:
        write_eoir(c, v, value & 0xffffff, reg == ICC_EOIR1_EL1);
        return true;
    case ICC_DIR_EL1:
        if (f->eoimode[eoi_bank(c, v)]) {
            gic_deactivate(c, value & 0xffffff, ns);
            gic_update(c);
        }
        return true;
    case ICC_SGI0R_EL1:
        send_sgi(c, value, GIC_G0, ns);
        return true;
    case ICC_SGI1R_EL1:
        send_sgi(c, value, group1(c, v), ns);
        return true;
    case ICC_ASGI1R_EL1: /* the other state's Group 1 */
        if (gic_two_states(c->gic))
            send_sgi(c, value, group1(c, v) == GIC_G1S ? GIC_G1NS : GIC_G1S, ns);
        return true;
    case ICC_PMR_EL1:
        write_pmr(c, v, value);
        return true;
    case ICC_BPR0_EL1:
        write_bpr(c, GIC_G0, value);
        return true;
    case ICC_BPR1_EL1:
        write_bpr1(c, v, value);
        return true;
    case ICC_AP0R0_EL1:
        f->apr[GIC_G0] = (uint32_t)value;
        gic_update(c);
        return true;
    case ICC_AP1R0_EL1:
        f->apr[group1(c, v)] = (uint32_t)value;
        gic_update(c);
        return true;
    case ICC_CTLR_EL1:
        write_ctlr(c, v, value);
        return true;
    case ICC_SRE_EL1:
        return true;
    case ICC_IGRPEN0_EL1:
        set_enable(c, GIC_G0, value & 1);
        return true;
    case ICC_IGRPEN1_EL1:
        set_enable(c, group1(c, v), value & 1);
        return true;
    default:
        return false;
    }
}

/* Registers of EL2 and EL3. */
static bool high_read(struct gic_cpu *c, uint32_t reg, uint64_t *value)
{
    switch (reg) {
    case ICC_SRE_EL2:
    case ICC_SRE_EL3:
        *value = 0xf;
        return true;
    case ICC_CTLR_EL3:
        *value = read_ctlr3(c);
        return true;
    case ICC_IGRPEN1_EL3:
        *value = (c->iface.enabled >> GIC_G1NS & 1u) | (c->iface.enabled >> GIC_G1S & 1u) << 1;
        return true;
    default:
        return c->gic->has_virtualization && gicv3_ich_read(c, reg, value);
    }
}

static bool high_write(struct gic_cpu *c, uint32_t reg, uint64_t value)
{
    switch (reg) {
    case ICC_SRE_EL2:
    case ICC_SRE_EL3:
        return true;
    case ICC_CTLR_EL3:
        write_ctlr3(c, value);
        return true;
    case ICC_IGRPEN1_EL3:
        set_enable(c, GIC_G1NS, value & 1);
        set_enable(c, GIC_G1S, value >> 1 & 1);
        return true;
    default:
        return c->gic->has_virtualization && gicv3_ich_write(c, reg, value);
    }
}

/* AP<n>R1..3 do not exist with five bits of priority (12.2.1). */
static bool is_high(uint32_t reg)
{
    return (reg >> 11 & 7) >= 4;
}

static void tell(const struct gic_cpu *c, uint32_t reg, uint64_t value, bool write)
{
    unsigned op0 = reg >> 14, op1 = reg >> 11 & 7, crn = reg >> 7 & 15, crm = reg >> 3 & 15,
             op2 = reg & 7;

    if (write)
        trace_dev(icc_write, &c->gic->dev, "cpu %u: s%u_%u_c%u_c%u_%u: %#llx", c->index, op0, op1,
                  crn, crm, op2, (unsigned long long)value);
    else
        trace_dev(icc_read, &c->gic->dev, "cpu %u: s%u_%u_c%u_c%u_%u: %#llx", c->index, op0, op1,
                  crn, crm, op2, (unsigned long long)value);
}

bool gicv3_sysreg_read(void *opaque, struct cpu *cpu, uint32_t reg, uint64_t *value)
{
    struct gic *g = opaque;
    struct gic_cpu *c = gic_cpu_of(g, cpu);
    struct gic_view v;
    bool known;

    gic_view_of(c, &v);
    os_mutex_lock(&g->dev.lock);
    if (is_high(reg))
        known = high_read(c, reg, value);
    else if (v.el == 1 && (v.imo || v.fmo) && gicv3_icv_read(c, reg, &v, value))
        known = true;
    else
        known = icc_read(c, reg, &v, value);
    os_mutex_unlock(&g->dev.lock);
    if (known)
        tell(c, reg, *value, false);
    return known;
}

/* ICH_HCR_EL2.TC, TALL0, TALL1, TDIR (IHI 0069 12.4.5): what a hypervisor wants to serve itself. */
bool gicv3_sysreg_traps(void *opaque, struct cpu *cpu, uint32_t reg)
{
    struct gic *g = opaque;
    uint32_t hcr;

    if (!g->has_virtualization)
        return false;
    os_mutex_lock(&g->dev.lock);
    hcr = gic_cpu_of(g, cpu)->virt.hcr;
    os_mutex_unlock(&g->dev.lock);
    switch (reg) {
    case ICC_DIR_EL1:
        return hcr & (GIC_HCR_TC | GIC_HCR_TDIR);
    case ICC_PMR_EL1:
    case ICC_RPR_EL1:
    case ICC_CTLR_EL1:
    case ICC_SGI0R_EL1:
    case ICC_SGI1R_EL1:
    case ICC_ASGI1R_EL1:
        return hcr & GIC_HCR_TC;
    case ICC_IAR0_EL1:
    case ICC_EOIR0_EL1:
    case ICC_HPPIR0_EL1:
    case ICC_BPR0_EL1:
    case ICC_IGRPEN0_EL1:
        return hcr & GIC_HCR_TALL0;
    case ICC_IAR1_EL1:
    case ICC_EOIR1_EL1:
    case ICC_HPPIR1_EL1:
    case ICC_BPR1_EL1:
    case ICC_IGRPEN1_EL1:
        return hcr & GIC_HCR_TALL1;
    default:
        if (reg >= ICC_AP0R0_EL1 && reg < ICC_AP0R0_EL1 + 4)
            return hcr & GIC_HCR_TALL0;
        return reg >= ICC_AP1R0_EL1 && reg < ICC_AP1R0_EL1 + 4 && hcr & GIC_HCR_TALL1;
    }
}

bool gicv3_sysreg_write(void *opaque, struct cpu *cpu, uint32_t reg, uint64_t value)
{
    struct gic *g = opaque;
    struct gic_cpu *c = gic_cpu_of(g, cpu);
    struct gic_view v;
    bool known;

    tell(c, reg, value, true);
    gic_view_of(c, &v);
    os_mutex_lock(&g->dev.lock);
    if (is_high(reg))
        known = high_write(c, reg, value);
    else if (v.el == 1 && (v.imo || v.fmo) && gicv3_icv_write(c, reg, &v, value))
        known = true;
    else
        known = icc_write(c, reg, &v, value);
    os_mutex_unlock(&g->dev.lock);
    return known;
}
