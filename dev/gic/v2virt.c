/*
 * GICv2: registers of the virtual interface. GICH for the hypervisor (IHI 0048B 5.3) and GICV,
 * which a guest's cpu sees as its GICC (5.5). Each cpu sees its own.
 */
#include "base/trace.h"
#include "dev/gic/gic_int.h"
#include "dev/gic/trace.def"

enum {
    GICH_HCR = 0x00,
    GICH_VTR = 0x04,
    GICH_VMCR = 0x08,
    GICH_MISR = 0x10,
    GICH_EISR0 = 0x20,
    GICH_ELRSR0 = 0x30,
    GICH_APR = 0xf0,
    GICH_LR = 0x100,
};
enum {
    GICV_CTLR = 0x00,
    GICV_PMR = 0x04,
    GICV_BPR = 0x08,
    GICV_IAR = 0x0c,
    GICV_EOIR = 0x10,
    GICV_RPR = 0x14,
    GICV_HPPIR = 0x18,
    GICV_ABPR = 0x1c,
    GICV_AIAR = 0x20,
    GICV_AEOIR = 0x24,
    GICV_AHPPIR = 0x28,
    GICV_APR0 = 0xd0,
    GICV_IIDR = 0xfc,
    GICV_DIR = 0x1000,
};
enum { NO_GROUP = 1022 };

/* GICH_LR has the fields of ICH_LR_EL2 elsewhere (5.3.11). A GICv2 does not keep active priorities
 * by group. */
static uint64_t lr_from(uint32_t v)
{
    return (uint64_t)(v >> 28 & 3) << 62 | (uint64_t)(v >> 31) << 61 |
           (uint64_t)(v >> 30 & 1) << 60 | (uint64_t)(v >> 23 & 0x1f) << 51 |
           (uint64_t)(v >> 10 & 0x3ff) << 32 | (v & 0x3ff);
}

static uint32_t lr_to(uint64_t lr)
{
    return (uint32_t)(lr >> 62) << 28 | (uint32_t)(lr >> 61 & 1) << 31 |
           (uint32_t)(lr >> 60 & 1) << 30 | (uint32_t)(lr >> 51 & 0x1f) << 23 |
           (uint32_t)(lr >> 32 & 0x3ff) << 10 | (uint32_t)(lr & 0x3ff);
}

static uint64_t hyp_read(void *opaque, uint64_t offset, unsigned size)
{
    struct gic_cpu *c = gic_cpu_of(opaque, cpu_current());
    const struct gic_virt *s = &c->virt;

    (void)size;
    if (offset >= GICH_LR && offset < GICH_LR + 4 * GIC_LRS)
        return lr_to(s->lr[(offset - GICH_LR) / 4]);
    switch (offset) {
    case GICH_HCR:
        return s->hcr;
    case GICH_VTR:
        return (uint64_t)(GIC_PRIORITY_BITS - 1) << 29 | (GIC_PRIORITY_BITS - 1) << 26 |
               (GIC_LRS - 1);
    case GICH_VMCR:
        return s->vmcr;
    case GICH_MISR:
        return gic_virt_misr(s);
    case GICH_EISR0:
        return gic_virt_eisr(s);
    case GICH_ELRSR0:
        return gic_virt_elrsr(s);
    case GICH_APR:
        return s->apr[0] | s->apr[1];
    default:
        return 0;
    }
}

static void hyp_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct gic_cpu *c = gic_cpu_of(opaque, cpu_current());

    (void)size;
    if (offset >= GICH_LR && offset < GICH_LR + 4 * GIC_LRS) {
        gic_virt_set_lr(c, (unsigned)(offset - GICH_LR) / 4, lr_from((uint32_t)value));
        return;
    }
    switch (offset) {
    case GICH_HCR:
        gic_virt_set_hcr(c, (uint32_t)value & ~0x7c00u); /* no traps of system registers */
        break;
    case GICH_VMCR:
        gic_virt_set_vmcr(c, (uint32_t)value);
        break;
    case GICH_APR:
        c->virt.apr[0] = (uint32_t)value;
        c->virt.apr[1] = 0;
        gic_virt_update(c);
        break;
    default:
        break;
    }
}

const struct mem_ops gicv2_hyp_ops = {.read = hyp_read,
                                      .write = hyp_write,
                                      .min_size = 4,
                                      .max_size = 4,
                                      .on_read = &trace_point_gich_read,
                                      .on_write = &trace_point_gich_write};

/* ---- GICV ---- */

static unsigned with_source(uint64_t lr)
{
    unsigned id = lr & 0x3ff;

    return id < 16 && !(lr & GIC_LR_HW) ? id | (unsigned)(lr >> 32 & 7) << 10 : id;
}

/* The list register that IAR or HPPIR sees; otherwise -1 and the special number. */
static int visible_best(const struct gic_virt *s, bool alias, bool acknowledge, unsigned *special)
{
    int n = gic_virt_best(s);
    bool one;

    *special = GIC_SPURIOUS;
    if (n < 0 || (acknowledge && !gic_virt_can_signal(s, n)))
        return -1;
    one = s->lr[n] & GIC_LR_GROUP1;
    if (alias)
        return one ? n : -1;
    if (one && !(s->vmcr & GIC_VMCR_ACKCTL)) {
        *special = NO_GROUP;
        return -1;
    }
    return n;
}

static unsigned read_iar(struct gic_cpu *c, bool alias)
{
    unsigned special;
    int n = visible_best(&c->virt, alias, true, &special);

    return n < 0 ? special : with_source(gic_virt_acknowledge(c, n));
}

static unsigned read_hppir(const struct gic_cpu *c, bool alias)
{
    unsigned special;
    int n = visible_best(&c->virt, alias, false, &special);

    return n < 0 ? special : with_source(c->virt.lr[n]);
}

static void write_eoir(struct gic_cpu *c, uint32_t value, bool alias)
{
    struct gic_virt *s = &c->virt;
    unsigned id = value & 0x3ff;
    unsigned group = bits_ctz32(s->apr[1]) < bits_ctz32(s->apr[0]);

    if (id >= GIC_INTIDS || (alias && !group))
        return;
    gic_virt_eoi(c, group, id, id < 16 ? (int)(value >> 10 & 7) : -1);
}

static uint64_t vcpu_read(void *opaque, uint64_t offset, unsigned size)
{
    struct gic_cpu *c = gic_cpu_of(opaque, cpu_current());
    const struct gic_virt *s = &c->virt;

    (void)size;
    switch (offset) {
    case GICV_CTLR:
        return s->vmcr & (0x1f | GIC_VMCR_EOIM);
    case GICV_PMR:
        return s->vmcr >> GIC_VMCR_PMR_AT;
    case GICV_BPR:
        return s->vmcr >> GIC_VMCR_BPR0_AT & 7;
    case GICV_IAR:
        return read_iar(c, false);
    case GICV_RPR:
        return gic_virt_running(s);
    case GICV_HPPIR:
        return read_hppir(c, false);
    case GICV_ABPR:
        return s->vmcr >> GIC_VMCR_BPR1_AT & 7;
    case GICV_AIAR:
        return read_iar(c, true);
    case GICV_AHPPIR:
        return read_hppir(c, true);
    case GICV_APR0:
        return s->apr[0] | s->apr[1];
    case GICV_IIDR:
        return 0x0202143b;
    default:
        return 0;
    }
}

static void vcpu_write(void *opaque, uint64_t offset, uint64_t value64, unsigned size)
{
    struct gic_cpu *c = gic_cpu_of(opaque, cpu_current());
    uint32_t value = (uint32_t)value64, vmcr = c->virt.vmcr, mask = 0x1f | GIC_VMCR_EOIM;

    (void)size;
    switch (offset) {
    case GICV_CTLR:
        gic_virt_set_vmcr(c, (vmcr & ~mask) | (value & mask));
        break;
    case GICV_PMR:
        gic_virt_set_vmcr(c, bits_deposit32(vmcr, GIC_VMCR_PMR_AT, 8, value));
        break;
    case GICV_BPR:
        gic_virt_set_vmcr(c, bits_deposit32(vmcr, GIC_VMCR_BPR0_AT, 3, value));
        break;
    case GICV_ABPR:
        gic_virt_set_vmcr(c, bits_deposit32(vmcr, GIC_VMCR_BPR1_AT, 3, value));
        break;
    case GICV_EOIR:
        write_eoir(c, value, false);
        break;
    case GICV_AEOIR:
        write_eoir(c, value, true);
        break;
    case GICV_APR0:
        c->virt.apr[0] = value;
        c->virt.apr[1] = 0;
        gic_virt_update(c);
        break;
    case GICV_DIR:
        if (vmcr & GIC_VMCR_EOIM)
            gic_virt_deactivate(c, value & 0x3ff,
                                (value & 0x3ff) < 16 ? (int)(value >> 10 & 7) : -1);
        break;
    default:
        break;
    }
}

const struct mem_ops gicv2_vcpu_ops = {.read = vcpu_read,
                                       .write = vcpu_write,
                                       .min_size = 4,
                                       .max_size = 4,
                                       .on_read = &trace_point_gicv_read,
                                       .on_write = &trace_point_gicv_write};
