/*
 * GICv3: registers of the virtual interface. ICH_* for the hypervisor (IHI 0069 12.4), and ICV_*
 * (12.3), which EL1 reaches by the names of ICC_* when HCR_EL2.IMO (Group 1) or FMO (Group 0) is
 * set.
 */
#include "dev/gic/gic_int.h"

enum { CTLR_CBPR = 1, CTLR_EOIMODE = 2 };

/* Which of IMO and FMO make an access of this register virtual. */
static bool is_virtual(uint32_t reg, const struct gic_view *v)
{
    switch (reg) {
    case ICC_IAR0_EL1:
    case ICC_EOIR0_EL1:
    case ICC_HPPIR0_EL1:
    case ICC_BPR0_EL1:
    case ICC_AP0R0_EL1:
    case ICC_IGRPEN0_EL1:
        return v->fmo;
    case ICC_IAR1_EL1:
    case ICC_EOIR1_EL1:
    case ICC_HPPIR1_EL1:
    case ICC_BPR1_EL1:
    case ICC_AP1R0_EL1:
    case ICC_IGRPEN1_EL1:
        return v->imo;
    case ICC_PMR_EL1:
    case ICC_RPR_EL1:
    case ICC_CTLR_EL1:
    case ICC_DIR_EL1:
        return true;
    default:
        return false;
    }
}

static uint32_t vmcr_field(const struct gic_cpu *c, unsigned at, unsigned length)
{
    return bits_extract32(c->virt.vmcr, at, length);
}

static void set_vmcr_field(struct gic_cpu *c, unsigned at, unsigned length, uint64_t value)
{
    gic_virt_set_vmcr(c, bits_deposit32(c->virt.vmcr, at, length, (uint32_t)value));
}

static unsigned read_iar(struct gic_cpu *c, bool one, bool acknowledge)
{
    int n = gic_virt_best(&c->virt);

    if (n < 0 || ((c->virt.lr[n] & GIC_LR_GROUP1) != 0) != one)
        return GIC_SPURIOUS;
    if (!acknowledge)
        return (uint32_t)c->virt.lr[n];
    return gic_virt_can_signal(&c->virt, n) ? (uint32_t)gic_virt_acknowledge(c, n) : GIC_SPURIOUS;
}

static unsigned read_bpr1(const struct gic_cpu *c)
{
    unsigned bpr0 = vmcr_field(c, GIC_VMCR_BPR0_AT, 3);

    if (!(c->virt.vmcr & GIC_VMCR_CBPR))
        return vmcr_field(c, GIC_VMCR_BPR1_AT, 3);
    return bpr0 < 7 ? bpr0 + 1 : 7;
}

bool gicv3_icv_read(struct gic_cpu *c, uint32_t reg, const struct gic_view *v, uint64_t *value)
{
    const struct gic_virt *s = &c->virt;

    if (!c->gic->has_virtualization || !is_virtual(reg, v))
        return false;
    switch (reg) {
    case ICC_IAR0_EL1:
    case ICC_IAR1_EL1:
        *value = read_iar(c, reg == ICC_IAR1_EL1, true);
        break;
    case ICC_HPPIR0_EL1:
    case ICC_HPPIR1_EL1:
        *value = read_iar(c, reg == ICC_HPPIR1_EL1, false);
        break;
    case ICC_BPR0_EL1:
        *value = vmcr_field(c, GIC_VMCR_BPR0_AT, 3);
        break;
    case ICC_BPR1_EL1:
        *value = read_bpr1(c);
        break;
    case ICC_AP0R0_EL1:
        *value = s->apr[0];
        break;
    case ICC_AP1R0_EL1:
        *value = s->apr[1];
        break;
    case ICC_IGRPEN0_EL1:
        *value = s->vmcr & GIC_VMCR_ENG0;
        break;
    case ICC_IGRPEN1_EL1:
        *value = (s->vmcr & GIC_VMCR_ENG1) != 0;
        break;
    case ICC_PMR_EL1:
        *value = s->vmcr >> GIC_VMCR_PMR_AT;
        break;
    case ICC_RPR_EL1:
        *value = gic_virt_running(s);
        break;
    case ICC_CTLR_EL1:
        *value = (GIC_PRIORITY_BITS - 1) << 8 | 1u << 15 | 1u << 18 |
                 (s->vmcr & GIC_VMCR_CBPR ? CTLR_CBPR : 0) |
                 (s->vmcr & GIC_VMCR_EOIM ? CTLR_EOIMODE : 0);
        break;
    default:
        return false;
    }
    return true;
}

bool gicv3_icv_write(struct gic_cpu *c, uint32_t reg, const struct gic_view *v, uint64_t value)
{
    struct gic_virt *s = &c->virt;
    uint32_t id = value & 0xffffff;

    if (!c->gic->has_virtualization || !is_virtual(reg, v))
        return false;
    switch (reg) {
    case ICC_EOIR0_EL1:
    case ICC_EOIR1_EL1:
        if (id < GIC_INTIDS || id >= GIC_LPI_FIRST)
            gic_virt_eoi(c, reg == ICC_EOIR1_EL1, id, -1);
        break;
    case ICC_DIR_EL1:
        if (s->vmcr & GIC_VMCR_EOIM && id < GIC_INTIDS)
            gic_virt_deactivate(c, id, -1);
        break;
    case ICC_BPR0_EL1:
        set_vmcr_field(c, GIC_VMCR_BPR0_AT, 3, value);
        break;
    case ICC_BPR1_EL1:
        if (!(s->vmcr & GIC_VMCR_CBPR))
            set_vmcr_field(c, GIC_VMCR_BPR1_AT, 3, value);
        break;
    case ICC_AP0R0_EL1:
        s->apr[0] = (uint32_t)value;
        gic_virt_update(c);
        break;
    case ICC_AP1R0_EL1:
        s->apr[1] = (uint32_t)value;
        gic_virt_update(c);
        break;
    case ICC_IGRPEN0_EL1:
        set_vmcr_field(c, 0, 1, value);
        break;
    case ICC_IGRPEN1_EL1:
        set_vmcr_field(c, 1, 1, value);
        break;
    case ICC_PMR_EL1:
        set_vmcr_field(c, GIC_VMCR_PMR_AT, 8, value);
        break;
    case ICC_CTLR_EL1:
        set_vmcr_field(c, 4, 1, value & CTLR_CBPR);
        set_vmcr_field(c, 9, 1, (value & CTLR_EOIMODE) != 0);
        break;
    default:
        return false;
    }
    return true;
}

bool gicv3_ich_read(struct gic_cpu *c, uint32_t reg, uint64_t *value)
{
    const struct gic_virt *s = &c->virt;

    if (reg >= ICH_LR0_EL2 && reg < ICH_LR0_EL2 + GIC_LRS) {
        *value = s->lr[reg - ICH_LR0_EL2];
        return true;
    }
    switch (reg) {
    case ICH_AP0R0_EL2:
        *value = s->apr[0];
        return true;
    case ICH_AP1R0_EL2:
        *value = s->apr[1];
        return true;
    case ICH_HCR_EL2:
        *value = s->hcr;
        return true;
    case ICH_VTR_EL2: /* PRIbits, PREbits, IDbits 16, A3V, TDS, list registers (12.4.10) */
        *value = (uint64_t)(GIC_PRIORITY_BITS - 1) << 29 | (GIC_PRIORITY_BITS - 1) << 26 |
                 1u << 21 | 1u << 19 | (GIC_LRS - 1);
        return true;
    case ICH_MISR_EL2:
        *value = gic_virt_misr(s);
        return true;
    case ICH_EISR_EL2:
        *value = gic_virt_eisr(s);
        return true;
    case ICH_ELRSR_EL2:
        *value = gic_virt_elrsr(s);
        return true;
    case ICH_VMCR_EL2:
        *value = s->vmcr;
        return true;
    default:
        return false;
    }
}

bool gicv3_ich_write(struct gic_cpu *c, uint32_t reg, uint64_t value)
{
    struct gic_virt *s = &c->virt;

    if (reg >= ICH_LR0_EL2 && reg < ICH_LR0_EL2 + GIC_LRS) {
        gic_virt_set_lr(c, reg - ICH_LR0_EL2, value);
        return true;
    }
    switch (reg) {
    case ICH_AP0R0_EL2:
        s->apr[0] = (uint32_t)value;
        break;
    case ICH_AP1R0_EL2:
        s->apr[1] = (uint32_t)value;
        break;
    case ICH_HCR_EL2:
        gic_virt_set_hcr(c, (uint32_t)value);
        return true;
    case ICH_VMCR_EL2:
        gic_virt_set_vmcr(c, (uint32_t)value);
        return true;
    default:
        return false;
    }
    gic_virt_update(c);
    return true;
}
