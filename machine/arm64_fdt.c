/* Nodes of device trees that arm64 boards have in common. Bindings: Linux, Documentation/devicetree/bindings. */
#include "isa/arm64/system.h"
#include "machine/arm64_board.h"
#include "machine/machine_int.h"

void arm64_fdt_cpus(struct machine *m, struct fdt *f)
{
    fdt_node(f, "cpus");
    fdt_u32s(f, "#address-cells", 1);
    fdt_u32s(f, "#size-cells", 0);
    for (unsigned i = 0; i < m->ncpus; i++) {
        fdt_node(f, "cpu@%u", i);
        fdt_text(f, "device_type", "cpu");
        fdt_text(f, "compatible", arm64_compatible(m->vcpus[i].cpu));
        fdt_u32s(f, "reg", (uint32_t)arm64_mpidr(m->vcpus[i].cpu) & 0xffffff);
        if (m->ncpus > 1)
            fdt_text(f, "enable-method", "psci");
        fdt_end(f);
    }
    fdt_end(f);
}

void arm64_fdt_psci(struct fdt *f, const char *method)
{
    fdt_node(f, "psci");
    fdt_texts(f, "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
    fdt_text(f, "method", method);
    fdt_u32s(f, "cpu_suspend", 0xc4000001);
    fdt_u32s(f, "cpu_off", 0x84000002);
    fdt_u32s(f, "cpu_on", 0xc4000003);
    fdt_u32s(f, "migrate", 0xc4000005);
    fdt_end(f);
}

void arm64_fdt_timer(struct fdt *f)
{
    fdt_node(f, "timer");
    fdt_texts(f, "compatible", "arm,armv8-timer\0arm,armv7-timer");
    fdt_flag(f, "always-on");
    fdt_u32s(f, "interrupts", FDT_PPI, ARM64_PPI_SECURE - 16, FDT_LEVEL, FDT_PPI, ARM64_PPI_PHYS - 16, FDT_LEVEL, FDT_PPI,
             ARM64_PPI_VIRT - 16, FDT_LEVEL, FDT_PPI, ARM64_PPI_HYP - 16, FDT_LEVEL, FDT_PPI, ARM64_PPI_HYP_VIRT - 16,
             FDT_LEVEL);
    fdt_end(f);
}

void arm64_fdt_chosen(struct machine *m, const struct arm64_start *s, const char *console, struct fdt *f)
{
    fdt_node(f, "chosen");
    fdt_text(f, "stdout-path", console);
    if (m->c.append)
        fdt_text(f, "bootargs", m->c.append);
    if (s->initrd.data) {
        fdt_u32s(f, "linux,initrd-start", FDT_U64(s->initrd.at));
        fdt_u32s(f, "linux,initrd-end", FDT_U64(s->initrd.at + s->initrd.size));
    }
}

void arm64_fdt_virtio(struct fdt *f, uint64_t base, uint64_t size, unsigned spi)
{
    fdt_node(f, "virtio_mmio@%lx", base);
    fdt_text(f, "compatible", "virtio,mmio");
    fdt_u32s(f, "reg", FDT_U64(base), FDT_U64(size));
    fdt_u32s(f, "interrupts", FDT_SPI, spi, FDT_EDGE);
    fdt_flag(f, "dma-coherent");
    fdt_end(f);
}
