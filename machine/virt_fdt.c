/* The device tree of the board `virt`: what is where, for kernels and firmware. Bindings: Linux,
 * Documentation/devicetree/bindings. Must agree with virt.c only through virt.h. */
#include <stdlib.h>
#include <string.h>

#include "machine/machine_int.h"
#include "machine/virt.h"
#include "os/random.h"

enum { PHANDLE_GIC = 1, PHANDLE_MSI, PHANDLE_CLOCK, PHANDLE_GPIO };
enum { TREE_MAX = 1 << 20 };

static void reg(struct fdt *f, enum virt_place p)
{
    fdt_u32s(f, "reg", FDT_U64(virt_map[p].base), FDT_U64(virt_map[p].size));
}

static void chosen(struct machine *m, struct virt *v, struct fdt *f)
{
    arm64_fdt_chosen(m, &v->start, "/pl011@9000000", f);
    if (v->dtb_randomness) {
        uint8_t seed[32];

        if (os_random(seed, sizeof(seed))) {
            fdt_bytes(f, "kaslr-seed", seed, 8);
            fdt_bytes(f, "rng-seed", seed + 8, 24);
        }
    }
    fdt_end(f);
}

static void pmu(const struct virt *v, struct fdt *f)
{
    if (!v->pmu)
        return;
    fdt_node(f, "pmu");
    fdt_text(f, "compatible", "arm,armv8-pmuv3");
    fdt_u32s(f, "interrupts", FDT_PPI, ARM64_PPI_PMU - 16, FDT_LEVEL);
    fdt_end(f);
}

static void gic(struct virt *v, struct fdt *f)
{
    fdt_node(f, "intc@8000000");
    fdt_flag(f, "interrupt-controller");
    fdt_u32s(f, "#interrupt-cells", 3);
    fdt_u32s(f, "#address-cells", 2);
    fdt_u32s(f, "#size-cells", 2);
    fdt_flag(f, "ranges");
    fdt_u32s(f, "phandle", PHANDLE_GIC);
    if (v->gicv3) {
        fdt_text(f, "compatible", "arm,gic-v3");
        fdt_u32s(f, "#redistributor-regions", 1);
        fdt_u32s(f, "reg", FDT_U64(virt_map[VIRT_GIC_DIST].base), FDT_U64(virt_map[VIRT_GIC_DIST].size),
                 FDT_U64(virt_map[VIRT_GIC_REDIST].base), FDT_U64(virt_map[VIRT_GIC_REDIST].size));
    } else {
        fdt_text(f, "compatible", "arm,cortex-a15-gic");
        fdt_u32s(f, "reg", FDT_U64(virt_map[VIRT_GIC_DIST].base), FDT_U64(virt_map[VIRT_GIC_DIST].size),
                 FDT_U64(virt_map[VIRT_GIC_CPU].base), FDT_U64(virt_map[VIRT_GIC_CPU].size));
    }
    if (v->virtualization)
        fdt_u32s(f, "interrupts", FDT_PPI, ARM64_PPI_GIC - 16, FDT_LEVEL);
    if (v->its_dev) {
        fdt_node(f, "its@8080000");
        fdt_text(f, "compatible", "arm,gic-v3-its");
        fdt_flag(f, "msi-controller");
        fdt_u32s(f, "#msi-cells", 1);
        reg(f, VIRT_GIC_ITS);
        fdt_u32s(f, "phandle", PHANDLE_MSI);
        fdt_end(f);
    }
    if (v->v2m) {
        fdt_node(f, "v2m@8020000");
        fdt_text(f, "compatible", "arm,gic-v2m-frame");
        fdt_flag(f, "msi-controller");
        reg(f, VIRT_GIC_V2M);
        fdt_u32s(f, "phandle", PHANDLE_MSI);
        fdt_end(f);
    }
    fdt_end(f);
}

/* PrimeCell devices want their clock named. */
static void primecell(struct fdt *f, const char *node, const char *compatible, size_t size, enum virt_place p,
                      unsigned spi, const char *clocks, size_t clocks_size, unsigned nclocks)
{
    uint32_t cells[] = {PHANDLE_CLOCK, PHANDLE_CLOCK};

    fdt_node(f, "%s@%lx", node, virt_map[p].base);
    fdt_bytes(f, "compatible", compatible, size);
    reg(f, p);
    fdt_u32s(f, "interrupts", FDT_SPI, spi, FDT_LEVEL);
    fdt_bytes(f, "clock-names", clocks, clocks_size);
    fdt_cells(f, "clocks", cells, nclocks);
}

static void secure_only(struct fdt *f)
{
    fdt_text(f, "status", "disabled");
    fdt_text(f, "secure-status", "okay");
}

static void secure_ram(struct fdt *f)
{
    fdt_node(f, "secram@%lx", virt_map[VIRT_SECURE_RAM].base);
    fdt_text(f, "device_type", "memory");
    reg(f, VIRT_SECURE_RAM);
    secure_only(f);
    fdt_end(f);
}

static void uart(struct fdt *f, enum virt_place p, unsigned spi, bool secure)
{
    primecell(f, "pl011", "arm,pl011\0arm,primecell", sizeof("arm,pl011\0arm,primecell"), p, spi,
              "uartclk\0apb_pclk", sizeof("uartclk\0apb_pclk"), 2);
    if (secure)
        secure_only(f);
    fdt_end(f);
}

static void flash_banks(struct fdt *f, const char *node, unsigned first, unsigned end, bool secure)
{
    uint64_t base = virt_map[VIRT_FLASH].base;
    uint32_t cells[8], *p = cells;

    fdt_node(f, "%s@%lx", node, base + (uint64_t)first * VIRT_FLASH_BANK);
    fdt_text(f, "compatible", "cfi-flash");
    for (unsigned bank = first; bank < end; bank++, p += 4)
        memcpy(p, (const uint32_t[]){FDT_U64(base + (uint64_t)bank * VIRT_FLASH_BANK), FDT_U64(VIRT_FLASH_BANK)}, 16);
    fdt_cells(f, "reg", cells, (size_t)(p - cells));
    fdt_u32s(f, "bank-width", 4);
    if (secure)
        secure_only(f);
    fdt_end(f);
}

/* The first bank holds the secure world's firmware. */
static void flash(struct virt *v, struct fdt *f)
{
    if (v->secure)
        flash_banks(f, "secflash", 0, 1, true);
    flash_banks(f, "flash", v->secure, 2, false);
}

static void peripherals(struct virt *v, struct fdt *f)
{
    fdt_node(f, "apb-pclk");
    fdt_text(f, "compatible", "fixed-clock");
    fdt_u32s(f, "#clock-cells", 0);
    fdt_u32s(f, "clock-frequency", 24000000);
    fdt_text(f, "clock-output-names", "clk24mhz");
    fdt_u32s(f, "phandle", PHANDLE_CLOCK);
    fdt_end(f);

    uart(f, VIRT_UART, VIRT_SPI_UART, false);
    if (v->uart[1])
        uart(f, VIRT_UART1, VIRT_SPI_UART1, v->secure);
    primecell(f, "pl031", "arm,pl031\0arm,primecell", sizeof("arm,pl031\0arm,primecell"), VIRT_RTC, VIRT_SPI_RTC,
              "apb_pclk", sizeof("apb_pclk"), 1);
    fdt_end(f);
    primecell(f, "pl061", "arm,pl061\0arm,primecell", sizeof("arm,pl061\0arm,primecell"), VIRT_GPIO, VIRT_SPI_GPIO,
              "apb_pclk", sizeof("apb_pclk"), 1);
    fdt_flag(f, "gpio-controller");
    fdt_u32s(f, "#gpio-cells", 2);
    fdt_flag(f, "interrupt-controller");
    fdt_u32s(f, "#interrupt-cells", 2);
    fdt_u32s(f, "phandle", PHANDLE_GPIO);
    fdt_end(f);

    fdt_node(f, "gpio-keys");
    fdt_text(f, "compatible", "gpio-keys");
    fdt_node(f, "poweroff");
    fdt_text(f, "label", "GPIO Key Poweroff");
    fdt_u32s(f, "linux,code", 116); /* KEY_POWER */
    fdt_u32s(f, "gpios", PHANDLE_GPIO, 3, 0);
    fdt_end(f);
    fdt_end(f);

    fdt_node(f, "fw-cfg@9020000");
    fdt_text(f, "compatible", "qemu,fw-cfg-mmio");
    reg(f, VIRT_FW_CFG);
    fdt_flag(f, "dma-coherent");
    fdt_end(f);

    flash(v, f);
}

/* With two ports Linux numbers them by these. */
static void aliases(struct fdt *f)
{
    fdt_node(f, "aliases");
    fdt_text(f, "serial0", "/pl011@9000000");
    fdt_text(f, "serial1", "/pl011@9040000");
    fdt_end(f);
}

/* Four slots' worth of the swizzle of pins to lines; the mask repeats it. */
static void interrupt_map(struct fdt *f)
{
    uint32_t map[4 * 4 * 10], *p = map;

    for (unsigned slot = 0; slot < 4; slot++)
        for (unsigned pin = 1; pin <= 4; pin++) {
            const uint32_t row[] = {slot << 11, 0, 0, pin, PHANDLE_GIC, 0, 0, FDT_SPI,
                                    VIRT_SPI_PCIE + (slot + pin - 1) % 4, FDT_LEVEL};

            for (unsigned i = 0; i < array_size(row); i++)
                *p++ = row[i];
        }
    fdt_cells(f, "interrupt-map", map, array_size(map));
    fdt_u32s(f, "interrupt-map-mask", 3 << 11, 0, 0, 7);
}

static void pcie(struct virt *v, struct fdt *f)
{
    enum virt_place ecam = v->highmem ? VIRT_PCIE_ECAM_HIGH : VIRT_PCIE_ECAM;
    const struct virt_range *io = &virt_map[VIRT_PCIE_PIO], *low = &virt_map[VIRT_PCIE_MMIO];
    const struct virt_range *high = &virt_map[VIRT_PCIE_MMIO_HIGH];
    const uint32_t ranges[] = {
        0x1000000, FDT_U64(0), FDT_U64(io->base), FDT_U64(io->size),
        0x2000000, FDT_U64(low->base), FDT_U64(low->base), FDT_U64(low->size),
        0x3000000, FDT_U64(high->base), FDT_U64(high->base), FDT_U64(high->size)};

    fdt_node(f, "pcie@%lx", virt_map[VIRT_PCIE_MMIO].base);
    fdt_text(f, "compatible", "pci-host-ecam-generic");
    fdt_text(f, "device_type", "pci");
    fdt_u32s(f, "#address-cells", 3);
    fdt_u32s(f, "#size-cells", 2);
    fdt_u32s(f, "linux,pci-domain", 0);
    fdt_u32s(f, "bus-range", 0, (uint32_t)(virt_map[ecam].size >> 20) - 1);
    fdt_flag(f, "dma-coherent");
    if (v->its_dev)
        fdt_u32s(f, "msi-map", 0, PHANDLE_MSI, 0, 0x10000);
    else if (v->v2m)
        fdt_u32s(f, "msi-parent", PHANDLE_MSI);
    reg(f, ecam);
    fdt_cells(f, "ranges", ranges, v->highmem ? 21 : 14);
    fdt_u32s(f, "#interrupt-cells", 1);
    interrupt_map(f);
    fdt_end(f);
}

int virt_fdt(struct machine *m, struct image *out, struct err *e)
{
    struct virt *v = machine_board(m);
    struct fdt f;
    int rc;

    fdt_start(&f, TREE_MAX);
    fdt_u32s(&f, "interrupt-parent", PHANDLE_GIC);
    fdt_text(&f, "model", "linux,dummy-virt");
    fdt_text(&f, "compatible", "linux,dummy-virt");
    fdt_u32s(&f, "#size-cells", 2);
    fdt_u32s(&f, "#address-cells", 2);
    fdt_flag(&f, "dma-coherent");
    chosen(m, v, &f);
    if (v->uart[1])
        aliases(&f);
    if (v->secure_ram)
        secure_ram(&f);
    fdt_node(&f, "memory@%lx", virt_map[VIRT_RAM].base);
    fdt_text(&f, "device_type", "memory");
    fdt_u32s(&f, "reg", FDT_U64(virt_map[VIRT_RAM].base), FDT_U64(m->c.memory));
    fdt_end(&f);
    arm64_fdt_cpus(m, &f);
    if (!v->own_monitor)
        arm64_fdt_psci(&f, v->virtualization ? "smc" : "hvc");
    arm64_fdt_timer(&f);
    pmu(v, &f);
    gic(v, &f);
    peripherals(v, &f);
    for (unsigned i = 0; i < VIRT_MMIO_SLOTS; i++)
        arm64_fdt_virtio(&f, virt_map[VIRT_MMIO].base + (uint64_t)i * VIRT_MMIO_SIZE, VIRT_MMIO_SIZE, VIRT_SPI_MMIO + i);
    pcie(v, &f);
    rc = fdt_done(&f, e);
    if (rc)
        return rc;
    out->data = f.blob;
    out->size = f.size;
    return 0;
}
