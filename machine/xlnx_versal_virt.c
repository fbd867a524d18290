/* The board `xlnx-versal-virt`: the application processors of a Xilinx Versal, with virtio where the chip leaves room for a
 * design's own devices. Two Cortex-A72, GICv3, two PL011, RAM in two ranges, eight virtio-mmio slots; the rest of the
 * chip (platform management, the real-time processors, its own Ethernet and SD) is not there, and the device tree that
 * this file makes says so to the kernel. The secure world is the firmware's: kernels start at EL2, PSCI is served by SMC.
 *
 * Addresses and interrupts: Versal Technical Reference Manual (AM011), "Address Map" and "System Interrupts"; those of
 * virtio as emulators of this name have them, in the range that the chip reserves. */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "dev/gic.h"
#include "dev/virtio.h"
#include "isa/arm64/system.h"
#include "machine/arm64_board.h"
#include "machine/machine_int.h"

#define GB (UINT64_C(1) << 30)

enum place { DDR, DDR_HIGH, VIRTIO, GIC_DISTRIBUTOR, GIC_REDISTRIBUTORS, UART0, UART1 };

static const struct range {
    uint64_t base, size;
} map[] = {
    [DDR] = {0, 2 * GB},
    [DDR_HIGH] = {0x800000000, 32 * GB},
    [VIRTIO] = {0xa0000000, 8 * VIRTIO_MMIO_SIZE},
    [GIC_DISTRIBUTOR] = {0xf9000000, 0x10000},
    [GIC_REDISTRIBUTORS] = {0xf9080000, 0x80000},
    [UART0] = {0xff000000, 0x1000},
    [UART1] = {0xff010000, 0x1000},
};
enum { UARTS = 2, SLOTS = 8 };
/* Shared interrupts. */
enum { SPI_UART0 = 18, SPI_VIRTIO = 111 /* ..118 */, SPIS = 160 };
enum { PHANDLE_GIC = 1, PHANDLE_CLOCK };

struct versal { /* the board's own struct */
    struct mem_region *ram, *ram_high;
    uint64_t low; /* bytes of RAM in the first range */
    struct dev *gic, *uart[UARTS], *slots[SLOTS];
    struct arm64_start start;
};

static void place(struct machine *m, struct mem_region *r, enum place p)
{
    mem_region_add(m->memory, map[p].base, r, 0);
}

static void cpu_options(struct machine *m, unsigned index, void *options)
{
    struct arm64_props *p = options;

    (void)m;
    p->el2 = true;
    p->el3 = false;
    p->mpidr = index;
}

static int make_ram(struct machine *m, struct versal *v, struct err *e)
{
    const struct mem_ram_opts opts = {.file = NULL};
    int rc;

    if (m->c.memory > map[DDR].size + map[DDR_HIGH].size)
        return err_text(e, EINVAL, "machine 'xlnx-versal-virt' has at most 34 GB of RAM");
    v->low = min_of(m->c.memory, map[DDR].size);
    rc = mem_region_ram(&v->ram, "ddr", v->low, &opts, e);
    if (rc)
        return rc;
    place(m, v->ram, DDR);
    if (m->c.memory == v->low)
        return 0;
    rc = mem_region_ram(&v->ram_high, "ddr-high", m->c.memory - v->low, &opts, e);
    if (!rc)
        place(m, v->ram_high, DDR_HIGH);
    return rc;
}

static int make_slot(struct machine *m, struct versal *v, unsigned i, struct err *e)
{
    struct irq line = gic_spi(v->gic, SPI_VIRTIO + i);
    char name[24];
    int rc;

    snprintf(name, sizeof(name), "virtio-mmio.%u", i);
    v->slots[i] = machine_part(m, &dev_class_virtio_mmio, name);
    virtio_mmio_setup(v->slots[i], &line);
    rc = dev_realize(v->slots[i], e);
    if (!rc)
        mem_region_add(m->memory, map[VIRTIO].base + (uint64_t)i * VIRTIO_MMIO_SIZE, virtio_mmio_region(v->slots[i]), 0);
    return rc;
}

static int build(struct machine *m, struct err *e)
{
    static const struct arm64_gic gic = {.version = 3, .spis = SPIS, .virtualization = true, .firmware = true};
    struct versal *v = machine_board(m);
    int rc = make_ram(m, v, e);

    if (!rc)
        rc = arm64_gic_new(m, &gic, &v->gic, e);
    if (rc)
        return rc;
    place(m, gic_region(v->gic, GIC_DIST, 0), GIC_DISTRIBUTOR);
    place(m, gic_region(v->gic, GIC_REDIST, 0), GIC_REDISTRIBUTORS);
    for (unsigned i = 0; !rc && i < UARTS; i++)
        rc = arm64_uart_new(m, i ? "uart1" : "uart0", i, gic_spi(v->gic, SPI_UART0 + i), map[UART0 + i].base, &v->uart[i],
                            e);
    for (unsigned i = 0; !rc && i < SLOTS; i++)
        rc = make_slot(m, v, i, e);
    return rc;
}

static int plug(struct machine *m, struct dev *d, struct err *e)
{
    struct versal *v = machine_board(m);

    if (!strcmp(d->cls->bus, "virtio-serial"))
        return virtio_serial_plug(machine_root(m), d, e);
    if (strcmp(d->cls->bus, "virtio") != 0)
        return err_text(e, EINVAL, "machine 'xlnx-versal-virt' has no '%s' bus for device '%s': it takes virtio-*-device",
                        d->cls->bus, d->cls->name);
    for (unsigned i = 0; i < SLOTS; i++)
        if (!virtio_mmio_used(v->slots[i]))
            return virtio_mmio_plug(v->slots[i], d, e);
    return err_text(e, ENOSPC, "all %d virtio-mmio slots are taken", SLOTS);
}

/* ---- the device tree ---- */

static void interrupt_controller(struct fdt *f)
{
    fdt_node(f, "gic@f9000000");
    fdt_text(f, "compatible", "arm,gic-v3");
    fdt_flag(f, "interrupt-controller");
    fdt_u32s(f, "#interrupt-cells", 3);
    fdt_u32s(f, "reg", FDT_U64(map[GIC_DISTRIBUTOR].base), FDT_U64(map[GIC_DISTRIBUTOR].size),
             FDT_U64(map[GIC_REDISTRIBUTORS].base), FDT_U64(map[GIC_REDISTRIBUTORS].size));
    fdt_u32s(f, "interrupts", FDT_PPI, ARM64_PPI_GIC - 16, FDT_LEVEL);
    fdt_u32s(f, "phandle", PHANDLE_GIC);
    fdt_end(f);
}

static void serial_ports(struct fdt *f)
{
    fdt_node(f, "clk24");
    fdt_text(f, "compatible", "fixed-clock");
    fdt_u32s(f, "#clock-cells", 0);
    fdt_u32s(f, "clock-frequency", 24000000);
    fdt_u32s(f, "phandle", PHANDLE_CLOCK);
    fdt_end(f);
    for (unsigned i = 0; i < UARTS; i++) {
        fdt_node(f, "uart@%lx", map[UART0 + i].base);
        fdt_texts(f, "compatible", "arm,pl011\0arm,primecell");
        fdt_u32s(f, "reg", FDT_U64(map[UART0 + i].base), FDT_U64(map[UART0 + i].size));
        fdt_u32s(f, "interrupts", FDT_SPI, SPI_UART0 + i, FDT_LEVEL);
        fdt_u32s(f, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
        fdt_texts(f, "clock-names", "uartclk\0apb_pclk");
        fdt_end(f);
    }
}

static void memory(const struct versal *v, uint64_t size, struct fdt *f)
{
    fdt_node(f, "memory@0");
    fdt_text(f, "device_type", "memory");
    if (size > v->low)
        fdt_u32s(f, "reg", FDT_U64(map[DDR].base), FDT_U64(v->low), FDT_U64(map[DDR_HIGH].base), FDT_U64(size - v->low));
    else
        fdt_u32s(f, "reg", FDT_U64(map[DDR].base), FDT_U64(v->low));
    fdt_end(f);
}

static int make_tree(struct machine *m, struct versal *v, struct err *e)
{
    struct fdt f;
    int rc;

    fdt_start(&f, 1 << 20);
    fdt_text(&f, "model", "Xilinx Versal Virtual development board");
    fdt_texts(&f, "compatible", "xlnx-versal-virt\0xlnx,versal");
    fdt_u32s(&f, "interrupt-parent", PHANDLE_GIC);
    fdt_u32s(&f, "#size-cells", 2);
    fdt_u32s(&f, "#address-cells", 2);
    arm64_fdt_chosen(m, &v->start, "/uart@ff000000", &f);
    fdt_end(&f);
    memory(v, m->c.memory, &f);
    arm64_fdt_cpus(m, &f);
    arm64_fdt_psci(&f, "smc");
    arm64_fdt_timer(&f);
    interrupt_controller(&f);
    serial_ports(&f);
    for (unsigned i = 0; i < SLOTS; i++)
        arm64_fdt_virtio(&f, map[VIRTIO].base + (uint64_t)i * VIRTIO_MMIO_SIZE, VIRTIO_MMIO_SIZE, SPI_VIRTIO + i);
    rc = fdt_done(&f, e);
    if (!rc) {
        v->start.dtb.data = f.blob;
        v->start.dtb.size = f.size;
    }
    return rc;
}

/* ---- starting ---- */

static int start(struct machine *m, struct err *e)
{
    struct versal *v = machine_board(m);
    int rc;

    if (m->c.bios)
        return err_text(e, EINVAL, "machine 'xlnx-versal-virt' has no place for firmware (-bios): start a -kernel");
    rc = arm64_start_read(m, &v->start, e);
    if (!rc && v->start.kernel.data)
        rc = arm64_start_place(m, &v->start, map[DDR].base, v->low, e);
    else if (!rc)
        log_warn("nothing to start: give the machine a -kernel");
    if (!rc)
        rc = arm64_start_dtb(m, &v->start, e);
    return rc ? min_of(rc, 0) : make_tree(m, v, e);
}

static void reset(struct machine *m)
{
    struct versal *v = machine_board(m);

    if (v->start.kernel.data)
        arm64_start_boot(m, &v->start);
}

static void destroy(struct machine *m)
{
    struct versal *v = machine_board(m);

    arm64_start_free(&v->start);
    if (v->ram)
        mem_region_free(v->ram);
    if (v->ram_high)
        mem_region_free(v->ram_high);
}

const struct board board_xlnx_versal_virt = {
    .name = "xlnx-versal-virt",
    .isa = "arm64",
    .help = "application processors of a Xilinx Versal: two Cortex-A72, GICv3, PL011, virtio-mmio",
    .default_cpu = "cortex-a72",
    .default_nic = "virtio-net-device",
    .default_disk = "virtio-blk-device",
    .default_memory = 2 * GB,
    .max_cpus = 2,
    .serial_ports = UARTS,
    .size = sizeof(struct versal),
    .cpu_options = cpu_options,
    .build = build,
    .start = start,
    .reset = reset,
    .plug = plug,
    .destroy = destroy,
};
