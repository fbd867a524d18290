/* Private to the board `virt` (virt*.c): its memory map, interrupt numbers and parts.
 *
 * Addresses and numbers are those of the board of this name that published kernels and firmware are built for:
 * EDK2's ArmVirtQemu, U-Boot's qemu_arm64, and everything that reads the device tree.
 */
#ifndef MYNA_MACHINE_VIRT_H
#define MYNA_MACHINE_VIRT_H

#include "machine/arm64_board.h"

enum virt_place {
    VIRT_FLASH, VIRT_GIC_DIST, VIRT_GIC_CPU, VIRT_GIC_V2M, VIRT_GIC_HYP, VIRT_GIC_VCPU, VIRT_GIC_ITS,
    VIRT_GIC_REDIST, VIRT_UART, VIRT_RTC, VIRT_FW_CFG, VIRT_GPIO, VIRT_UART1, VIRT_SECURE_RAM, VIRT_MMIO, VIRT_PCIE_MMIO, VIRT_PCIE_PIO,
    VIRT_PCIE_ECAM, VIRT_RAM, VIRT_GIC_REDIST2, VIRT_PCIE_ECAM_HIGH, VIRT_PCIE_MMIO_HIGH, VIRT_PLACES
};
struct virt_range {
    uint64_t base, size;
};
extern const struct virt_range virt_map[VIRT_PLACES];

/* Shared peripheral interrupts (add 32 for the interrupt id). */
enum { VIRT_SPI_UART = 1, VIRT_SPI_RTC = 2, VIRT_SPI_PCIE = 3 /* ..6 */, VIRT_SPI_GPIO = 7, VIRT_SPI_UART1 = 8,
       VIRT_SPI_MMIO = 16 /* ..47 */, VIRT_SPI_V2M = 48 /* ..111 */, VIRT_SPIS = 256 };
enum { VIRT_MMIO_SLOTS = 32, VIRT_MMIO_SIZE = 0x200, VIRT_FLASH_BANK = 64 << 20 };

struct virt { /* the board's own struct */
    /* --- properties --- */
    int gic_version;     /* index: 2, 3, max, host */
    bool virtualization, secure, highmem, its, dtb_randomness;
    int acpi;
    char *flash0, *flash1; /* pflash0, pflash1: block backends */
    char *serial_type;
    /* --- parts --- */
    struct mem_region *ram, *secure_ram;
    struct dev *gic, *its_dev, *v2m, *uart[2], *rtc, *gpio, *button, *fw_cfg, *flash[2], *pci;
    struct dev *slots[VIRT_MMIO_SLOTS];
    bool gicv3, pmu;
    bool own_monitor;    /* firmware of the guest's has the secure world: it serves PSCI, and starts every cpu */
    /* --- what is loaded at power-on --- */
    struct arm64_start start;
    struct image bios;
    bool direct;         /* starts a kernel without firmware */
};

int must_check virt_fdt(struct machine *m, struct image *out, struct err *e);
#endif
