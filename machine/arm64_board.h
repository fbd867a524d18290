/* What boards with arm64 processors share: the GIC and what is wired to it, the start of a kernel without firmware, and
 * the nodes of a device tree that describe processors. Knows no board's addresses.
 *
 * Main loop, while the machine is built or reset.
 */
#ifndef MYNA_MACHINE_ARM64_BOARD_H
#define MYNA_MACHINE_ARM64_BOARD_H

#include "machine/fdt.h"
#include "machine/image.h"
#include "machine/machine.h"

/* Private interrupts of each cpu, as Arm's Base System Architecture numbers them (interrupt ids). */
enum { ARM64_PPI_PMU = 23, ARM64_PPI_GIC = 25, ARM64_PPI_HYP = 26, ARM64_PPI_VIRT = 27, ARM64_PPI_HYP_VIRT = 28,
       ARM64_PPI_SECURE = 29, ARM64_PPI_PHYS = 30 };
/* Cells of an "interrupts" property. */
enum { FDT_SPI = 0, FDT_PPI = 1, FDT_EDGE = 1, FDT_LEVEL = 4 };

/* ---- interrupts ---- */

struct arm64_gic {
    unsigned version; /* 2 or 3 */
    unsigned spis;
    bool security, virtualization, lpi;
    bool firmware; /* PSCI is served here, not by the guest's own firmware */
};
/* The controller, realized, with the outputs of all cpus wired to it. The board places its regions. */
int must_check arm64_gic_new(struct machine *m, const struct arm64_gic *g, struct dev **out, struct err *e);

/* ---- serial ports ---- */

/* A PL011 with the backend of the machine's serial port `port`, realized, its registers at `at`. */
int must_check arm64_uart_new(struct machine *m, const char *name, unsigned port, struct irq line, uint64_t at,
                              struct dev **out, struct err *e);

/* ---- starting a kernel (Linux, Documentation/arch/arm64/booting.rst) ---- */

struct arm64_start {
    struct image kernel, initrd, dtb;
    uint64_t entry;
};
/* -kernel and -initrd into memory of ours. */
int must_check arm64_start_read(struct machine *m, struct arm64_start *s, struct err *e);
/* Where they go in `size` bytes of RAM at `ram`; also dtb.at. */
int must_check arm64_start_place(struct machine *m, struct arm64_start *s, uint64_t ram, uint64_t size, struct err *e);
/* -dtb, if it was given, into s->dtb: 1; else 0: the board makes one. */
int must_check arm64_start_dtb(struct machine *m, struct arm64_start *s, struct err *e);
void arm64_start_load(struct machine *m, const struct image *i); /* at reset: nothing when it is empty */
/* At reset: all three, and the first cpu at the kernel's entry, at the highest level that is not EL3. */
void arm64_start_boot(struct machine *m, const struct arm64_start *s);
void arm64_start_free(struct arm64_start *s);

/* ---- device tree ---- */

void arm64_fdt_cpus(struct machine *m, struct fdt *f);
void arm64_fdt_psci(struct fdt *f, const char *method);
void arm64_fdt_timer(struct fdt *f);
/* Command line and initial RAM disk; the node stays open. */
void arm64_fdt_chosen(struct machine *m, const struct arm64_start *s, const char *console, struct fdt *f);
/* An empty or used slot of virtio-mmio. */
void arm64_fdt_virtio(struct fdt *f, uint64_t base, uint64_t size, unsigned spi);
#endif
