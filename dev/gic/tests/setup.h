/* Each device of this folder in the test kit. What comes from outside: input lines, messages, and
 * cpus that use system registers, in all states that a cpu may be in. */
#ifndef MYNA_DEV_GIC_TESTS_SETUP_H
#define MYNA_DEV_GIC_TESTS_SETUP_H

#include <stdlib.h>

#include "base/mem.h"
#include "dev/gic/gic_int.h"
#include "dev/testkit.h"

enum { RIG_CPUS = 2 };

struct rig {
    struct cpu *cpus[RIG_CPUS];
    struct cpu_sys sys[RIG_CPUS];
    struct devkit *kit;
    struct dev *gic;
    struct msi_target msi;
};

/* The cpus' state is made of the time, so that a saved and a loaded controller see the same. */
static inline void rig_view(struct cpu *c, struct gic_view *v)
{
    const struct rig *r = c->sys->machine;
    uint64_t t = (uint64_t)clock_ns(r->kit->env.clocks, CLOCK_HOST) / 1000 + c->sys->index;

    *v = (struct gic_view){.el = (uint8_t)(1 + t % 3),
                           .secure = t >> 2 & 1,
                           .ns_bank = t >> 3 & 1,
                           .imo = t >> 4 & 1,
                           .fmo = t >> 5 & 1};
}

static inline void rig_teardown(struct devkit *kit)
{
    struct rig *r = kit->user;

    for (unsigned i = 0; i < RIG_CPUS; i++)
        free(r->cpus[i]);
    free(r);
}

static inline void rig_sysreg(struct rig *r, unsigned cpu, uint64_t random)
{
    static const uint16_t rows[] = {0xc230, 0xc640, 0xc648, 0xc658, 0xc660, 0xe640,
                                    0xe648, 0xe658, 0xe660, 0xf660, 0xc660, 0xc660};
    struct cpu_sysreg_ops *ops = &r->sys[cpu].intc;
    uint32_t reg = rows[(random >> 8) % array_size(rows)] + (random >> 16 & 7);
    uint64_t value = random >> 24;

    if (!ops->read)
        return;
    if (random & 0x80)
        ops->read(ops->opaque, r->cpus[cpu], reg, &value);
    else
        ops->write(ops->opaque, r->cpus[cpu], reg, value);
}

static inline void rig_outside(struct devkit *kit, uint64_t random)
{
    struct rig *r = kit->user;
    unsigned cpu = random >> 4 & 1;
    struct irq line = random & 8 ? gic_spi(r->gic, (random >> 8) % 64)
                                 : gic_ppi(r->gic, cpu, 16 + (random >> 8) % 16);

    cpu_set_current(r->cpus[cpu]);
    switch (random & 7) {
    case 0:
        irq_set(&line, random >> 40 & 1);
        break;
    case 1:
        gic_cpu_changed(r->gic, r->cpus[cpu]);
        break;
    case 2:
        if (r->msi.send)
            r->msi.send(r->msi.opaque, random >> 8 & 0xff, 0x10040,
                        (uint32_t)(random >> 32) & 0xff);
        break;
    case 3: /* what is banked, as the second cpu */
        if (random & 0x80)
            devkit_read(kit, random >> 8 & 1, random >> 16 & 0xffc, 4);
        else
            devkit_write(kit, random >> 8 & 1, random >> 16 & 0xffc, 4, random >> 32);
        break;
    default:
        rig_sysreg(r, cpu, random);
    }
    cpu_set_current(NULL);
}

static inline int rig_controller(struct devkit *kit, const struct dev_class *cls, json_t *conf,
                                 struct err *e)
{
    struct rig *r = mem_new(struct rig);
    struct gic_wiring w = {.cpus = r->cpus,
                           .count = RIG_CPUS,
                           .irq = 0,
                           .fiq = 1,
                           .virq = 2,
                           .vfiq = 3,
                           .maintenance = 25,
                           .view = rig_view};
    int rc;

    for (unsigned i = 0; i < RIG_CPUS; i++) {
        r->cpus[i] = mem_new(struct cpu);
        r->cpus[i]->sys = &r->sys[i];
        r->sys[i].index = i;
        r->sys[i].machine = r;
    }
    kit->user = r;
    r->kit = kit;
    kit->teardown = rig_teardown;
    kit->outside = rig_outside;
    kit->dev = r->gic = dev_new(cls, kit->root, "gic", &kit->env);
    rc = prop_apply(cls->props, kit->dev, conf, cls->name, NULL, e);
    json_decref(conf);
    gic_wire(kit->dev, &w);
    if (!rc)
        rc = dev_realize(kit->dev, e);
    for (unsigned which = GIC_DIST; !rc && which <= GIC_REDIST; which++)
        if (gic_region(kit->dev, which, 0))
            devkit_place(kit, gic_region(kit->dev, which, 0));
    return rc;
}

static inline int setup_v2(struct devkit *kit, struct err *e)
{
    return rig_controller(
        kit, &dev_class_gicv2,
        json_pack("{s:i, s:b, s:b}", "num-irq", 96, "has-security", 1, "has-virtualization", 1), e);
}

static inline int setup_v2_plain(struct devkit *kit, struct err *e)
{
    return rig_controller(kit, &dev_class_gicv2, json_pack("{s:i}", "num-irq", 160), e);
}

static inline int setup_v3(struct devkit *kit, struct err *e)
{
    return rig_controller(kit, &dev_class_gicv3,
                          json_pack("{s:i, s:b, s:b, s:b}", "num-irq", 96, "has-security", 1,
                                    "has-virtualization", 1, "has-lpi", 1),
                          e);
}

static inline int setup_v2m(struct devkit *kit, struct err *e)
{
    int rc = setup_v2_plain(kit, e);

    if (rc)
        return rc;
    kit->dev = dev_new(&dev_class_gicv2m, kit->root, "v2m", &kit->env);
    gicv2m_wire(kit->dev, ((struct rig *)kit->user)->gic);
    rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, gicv2m_region(kit->dev));
    return rc;
}

/* The controller's LPIs are on, and the ITS has tables and a queue, so that random commands meet
 * something. */
static inline int setup_its(struct devkit *kit, struct err *e)
{
    struct rig *r;
    int rc = rig_controller(kit, &dev_class_gicv3,
                            json_pack("{s:i, s:b}", "num-irq", 96, "has-lpi", 1), e);

    if (rc)
        return rc;
    r = kit->user;
    kit->dev = dev_new(&dev_class_gicv3_its, kit->root, "its", &kit->env);
    gicv3_its_wire(kit->dev, r->gic);
    rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, gicv3_its_region(kit->dev));
    r->msi = gicv3_its_target(kit->dev);
    return rc;
}

#endif
