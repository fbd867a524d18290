/*
 * The virtual cpu interface: list registers that a hypervisor fills and its guest takes interrupts
 * from (IHI 0069 chapter 6 and 12.4, IHI 0048B chapter 5). GICv2 and GICv3 use the same state;
 * their registers stand in v2virt.c and v3virt.c.
 */
#include "dev/gic/gic_int.h"

#include <string.h>

enum {
    HCR_UIE = 2,
    HCR_LRENPIE = 4,
    HCR_NPIE = 8,
    HCR_GRP0_E = 0x10,
    HCR_GRP0_D = 0x20,
    HCR_GRP1_E = 0x40,
    HCR_GRP1_D = 0x80,
};

static unsigned group_of(uint64_t lr)
{
    return lr & GIC_LR_GROUP1 ? 1 : 0;
}

static unsigned vmcr_bpr(uint32_t vmcr, unsigned group)
{
    return vmcr >> (group ? GIC_VMCR_BPR1_AT : GIC_VMCR_BPR0_AT) & 7;
}

void gic_virt_reset(struct gic_virt *v)
{
    memset(v, 0, sizeof(*v));
    v->vmcr = GIC_BPR0_MIN << GIC_VMCR_BPR0_AT | (GIC_BPR0_MIN + 1) << GIC_VMCR_BPR1_AT;
}

uint32_t gic_virt_eisr(const struct gic_virt *v)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < GIC_LRS; i++)
        bits |= (uint32_t)(!(v->lr[i] & (GIC_LR_PENDING | GIC_LR_ACTIVE | GIC_LR_HW)) &&
                           v->lr[i] & GIC_LR_EOI)
                << i;
    return bits;
}

uint32_t gic_virt_elrsr(const struct gic_virt *v)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < GIC_LRS; i++)
        bits |= (uint32_t)(!(v->lr[i] & (GIC_LR_PENDING | GIC_LR_ACTIVE)) &&
                           (v->lr[i] & GIC_LR_HW || !(v->lr[i] & GIC_LR_EOI)))
                << i;
    return bits;
}

uint32_t gic_virt_misr(const struct gic_virt *v)
{
    unsigned valid = 0, pending = 0;
    uint32_t misr = gic_virt_eisr(v) ? 1 : 0;

    for (unsigned i = 0; i < GIC_LRS; i++) {
        valid += (v->lr[i] & (GIC_LR_PENDING | GIC_LR_ACTIVE)) != 0;
        pending += (v->lr[i] & (GIC_LR_PENDING | GIC_LR_ACTIVE)) == GIC_LR_PENDING;
    }
    if (v->hcr & HCR_UIE && valid <= 1)
        misr |= 2;
    if (v->hcr & HCR_LRENPIE && v->hcr >> GIC_HCR_COUNT_AT)
        misr |= 4;
    if (v->hcr & HCR_NPIE && !pending)
        misr |= 8;
    misr |= v->hcr & (v->vmcr & GIC_VMCR_ENG0 ? HCR_GRP0_E : HCR_GRP0_D);
    misr |= v->hcr & (v->vmcr & GIC_VMCR_ENG1 ? HCR_GRP1_E : HCR_GRP1_D);
    return misr;
}

int gic_virt_best(const struct gic_virt *v)
{
    unsigned priority = 0x100;
    int best = -1;

    if (!(v->hcr & GIC_HCR_EN))
        return -1;
    for (unsigned i = 0; i < GIC_LRS; i++) {
        uint64_t lr = v->lr[i];

        if ((lr & (GIC_LR_PENDING | GIC_LR_ACTIVE)) == GIC_LR_PENDING &&
            v->vmcr & (group_of(lr) ? GIC_VMCR_ENG1 : GIC_VMCR_ENG0) &&
            gic_lr_priority(lr) < priority) {
            priority = gic_lr_priority(lr);
            best = (int)i;
        }
    }
    return best;
}

/* Bits of its priority that decide preemption. */
static uint8_t group_mask(const struct gic_virt *v, uint64_t lr)
{
    unsigned group = group_of(lr), bpr;

    if (!group || v->vmcr & GIC_VMCR_CBPR)
        bpr = vmcr_bpr(v->vmcr, 0) + 1;
    else
        bpr = vmcr_bpr(v->vmcr, 1);
    return (uint8_t)(0xff << bpr);
}

unsigned gic_virt_running(const struct gic_virt *v)
{
    uint32_t all = v->apr[0] | v->apr[1];

    return all ? bits_ctz32(all) << (8 - GIC_PRIORITY_BITS) : GIC_IDLE;
}

bool gic_virt_can_signal(const struct gic_virt *v, int lr)
{
    unsigned running = gic_virt_running(v);
    uint8_t mask;

    if (lr < 0 || gic_lr_priority(v->lr[lr]) >= v->vmcr >> GIC_VMCR_PMR_AT)
        return false;
    if (running == GIC_IDLE)
        return true;
    mask = group_mask(v, v->lr[lr]);
    return (gic_lr_priority(v->lr[lr]) & mask) < (running & mask);
}

void gic_virt_update(struct gic_cpu *c)
{
    const struct gic_virt *v = &c->virt;
    uint8_t lines = 0;
    int lr;

    if (!c->gic->has_virtualization)
        return;
    lr = gic_virt_best(v);
    if (gic_virt_can_signal(v, lr)) {
        bool fiq = !group_of(v->lr[lr]) && (c->gic->version == 3 || v->vmcr & GIC_VMCR_FIQEN);

        lines = fiq ? GIC_LINE_VFIQ : GIC_LINE_VIRQ;
    }
    gic_set_lines(c, GIC_LINE_VIRQ | GIC_LINE_VFIQ, lines);
    if (c->gic->wiring.maintenance)
        gic_set_ppi(c, c->gic->wiring.maintenance, v->hcr & GIC_HCR_EN && gic_virt_misr(v));
}

uint64_t gic_virt_acknowledge(struct gic_cpu *c, int n)
{
    struct gic_virt *v = &c->virt;
    uint64_t lr = v->lr[n];

    v->apr[group_of(lr)] |=
        1u << ((gic_lr_priority(lr) & group_mask(v, lr)) >> (8 - GIC_PRIORITY_BITS));
    v->lr[n] &= ~GIC_LR_PENDING;
    if ((uint32_t)lr < GIC_LPI_FIRST) /* LPIs have no active state */
        v->lr[n] |= GIC_LR_ACTIVE;
    gic_virt_update(c);
    return lr;
}

static int find_active(const struct gic_virt *v, uint32_t id, int source)
{
    for (unsigned i = 0; i < GIC_LRS; i++)
        if (v->lr[i] & GIC_LR_ACTIVE && (uint32_t)v->lr[i] == id &&
            (source < 0 || v->lr[i] & GIC_LR_HW || (int)(v->lr[i] >> 32 & 7) == source))
            return (int)i;
    return -1;
}

void gic_virt_deactivate(struct gic_cpu *c, uint32_t id, int source)
{
    struct gic_virt *v = &c->virt;
    int n = find_active(v, id, source);

    if (n < 0) { /* it was in no list register: the hypervisor counts those (IHI 0069 12.4.9) */
        if ((v->hcr >> GIC_HCR_COUNT_AT) < 31)
            v->hcr += 1u << GIC_HCR_COUNT_AT;
    } else {
        v->lr[n] &= ~GIC_LR_ACTIVE;
        if (v->lr[n] & GIC_LR_HW)
            gic_deactivate(c, v->lr[n] >> 32 & 0x1fff, false);
    }
    gic_virt_update(c);
}

void gic_virt_eoi(struct gic_cpu *c, unsigned group, uint32_t id, int source)
{
    struct gic_virt *v = &c->virt;
    uint32_t other = v->apr[!group];

    /* Only when the highest active priority is of this group. */
    if (!v->apr[group] || (other && bits_ctz32(other) < bits_ctz32(v->apr[group])))
        return;
    v->apr[group] &= v->apr[group] - 1;
    if (!(v->vmcr & GIC_VMCR_EOIM) && id < GIC_LPI_FIRST)
        gic_virt_deactivate(c, id, source);
    else
        gic_virt_update(c);
}

void gic_virt_set_hcr(struct gic_cpu *c, uint32_t value)
{
    c->virt.hcr = value & (GIC_HCR_WRITABLE | 0x1fu << GIC_HCR_COUNT_AT);
    gic_virt_update(c);
}

/* Binary points below the least implemented become that. */
void gic_virt_set_vmcr(struct gic_cpu *c, uint32_t value)
{
    unsigned bpr0 = vmcr_bpr(value, 0), bpr1 = vmcr_bpr(value, 1);

    if (bpr0 < GIC_BPR0_MIN)
        bpr0 = GIC_BPR0_MIN;
    if (bpr1 < GIC_BPR0_MIN + 1)
        bpr1 = GIC_BPR0_MIN + 1;
    value &= (uint32_t)GIC_PRIORITY_MASK << GIC_VMCR_PMR_AT | GIC_VMCR_EOIM | 0x1f;
    if (c->gic->version == 3)
        value = (value & ~(uint32_t)GIC_VMCR_ACKCTL) | GIC_VMCR_FIQEN;
    c->virt.vmcr = value | bpr0 << GIC_VMCR_BPR0_AT | bpr1 << GIC_VMCR_BPR1_AT;
    gic_virt_update(c);
}

void gic_virt_set_lr(struct gic_cpu *c, unsigned n, uint64_t value)
{
    /* State, HW, group, five bits of priority, a physical INTID of 13 bits, a virtual one of 16. */
    c->virt.lr[n] = value & (UINT64_C(0xf0f81fff) << 32 | 0xffff);
    gic_virt_update(c);
}
