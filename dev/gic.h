/*
 * ARM interrupt controllers: what a board wires.
 *
 * dev_class_gicv2     GICv2: distributor, cpu interfaces, virtualisation (ARM IHI 0048B); up to 8
 * cpus dev_class_gicv3     GICv3: distributor, redistributors, cpu interface by system registers,
 * virtualisation, LPIs (ARM IHI 0069) dev_class_gicv2m    message frame of a GICv2: PCI messages
 * become SPIs (ARM SBSA, appendix "GICv2m") dev_class_gicv3_its the ITS of a GICv3: PCI messages
 * become LPIs
 *
 * Properties of both controllers: "num-irq" (private ones included), "has-security",
 * "reset-nonsecure" (as after firmware that gave all to the non-secure side), "has-virtualization";
 * of gicv3 "has-lpi"; of gicv2m "base-spi" and "num-spi".
 *
 * Order: dev_new, properties, gic_wire(), dev_realize; then the board places the regions, and takes
 * input lines. Threads: inputs and messages from any thread; registers from vCPU threads. One lock
 * a controller. Numbers of interrupts are INTIDs: 0..15 SGI, 16..31 PPI, 32.. SPI.
 */
#ifndef MYNA_DEV_GIC_H
#define MYNA_DEV_GIC_H

#include "core/dev.h"
#include "core/sys.h"

extern const struct dev_class dev_class_gicv2;
extern const struct dev_class dev_class_gicv3;
extern const struct dev_class dev_class_gicv2m;
extern const struct dev_class dev_class_gicv3_its;

/* What a controller must know of the cpu that talks to it, filled by the board (which knows the
 * isa). */
struct gic_view {
    uint8_t el;   /* exception level now: 0..3 */
    bool secure;  /* security state now */
    bool ns_bank; /* at EL3: SCR_EL3.NS, which bank its accesses mean */
    bool imo,
        fmo; /* virtual interrupts are on for EL1 now: HCR_EL2.IMO, FMO (or the effect of TGE) */
};

enum { GIC_REDIST_REGIONS = 4 };

struct gic_wiring {
    struct cpu *const *cpus; /* copied */
    unsigned count;
    unsigned irq, fiq, virq, vfiq; /* line numbers of the isa, for cpu_set_line() */
    const uint64_t *
        affinity; /* a cpu each, as in MPIDR (Aff3 at 32, Aff2..0 at 16, 8, 0); NULL: 0, 1, 2 ... */
    unsigned maintenance; /* PPI of the virtual interface: 25; 0: none */
    /* NULL: EL1, non-secure, no virtual interrupts. In the cpu's thread. */
    void (*view)(struct cpu *c, struct gic_view *v);
    unsigned
        redist[GIC_REDIST_REGIONS]; /* redistributors a region; all zero: one region with all */
};
void gic_wire(struct dev *d, const struct gic_wiring *w);

/* Inputs. spi counts from 0 (INTID 32); ppi is an INTID of 16..31. */
struct irq gic_spi(struct dev *d, unsigned spi);
struct irq gic_ppi(struct dev *d, unsigned cpu, unsigned ppi);

/* gicv2: CPU, HYP and VCPU interfaces; gicv3: REDIST. */
enum gic_region { GIC_DIST, GIC_CPU, GIC_HYP, GIC_VCPU, GIC_REDIST };
struct mem_region *gic_region(struct dev *d, enum gic_region which,
                              unsigned index); /* NULL: has none */

/* Two security states in use: exception level or security state of the cpu changed, which decides
 * between its IRQ and FIQ lines. Nothing to do otherwise. In the cpu's thread. */
void gic_cpu_changed(struct dev *d, struct cpu *c);

/* gicv2m: the frame (4 KB), and the SPIs' inputs from base-spi on. */
void gicv2m_wire(struct dev *d, struct dev *gicv2);
struct mem_region *gicv2m_region(struct dev *d);
struct msi_target gicv2m_target(struct dev *d);

/* ITS: 128 KB of control and translation registers. Before dev_realize(): its controller. */
void gicv3_its_wire(struct dev *d, struct dev *gicv3);
struct mem_region *gicv3_its_region(struct dev *d);
struct msi_target gicv3_its_target(struct dev *d);

#endif
