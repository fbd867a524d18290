/* The board `virt`: which parts there are, where they stand and how they are wired. No register logic. */
#include "machine/virt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "blk/blk.h"
#include "chr/chr.h"
#include "dev/flash.h"
#include "dev/fw_cfg.h"
#include "dev/gic.h"
#include "dev/gpio.h"
#include "dev/pci.h"
#include "dev/rtc.h"
#include "dev/virtio.h"
#include "isa/arm64/system.h"
#include "machine/machine_int.h"
#include "machine/smbios.h"

#define MB (UINT64_C(1) << 20)

const struct virt_range virt_map[VIRT_PLACES] = {
    [VIRT_FLASH] = {0, 2 * VIRT_FLASH_BANK},
    [VIRT_GIC_DIST] = {0x08000000, 0x10000},
    [VIRT_GIC_CPU] = {0x08010000, 0x10000},
    [VIRT_GIC_V2M] = {0x08020000, 0x1000},
    [VIRT_GIC_HYP] = {0x08030000, 0x10000},
    [VIRT_GIC_VCPU] = {0x08040000, 0x10000},
    [VIRT_GIC_ITS] = {0x08080000, 0x20000},
    [VIRT_GIC_REDIST] = {0x080a0000, 0xf60000},
    [VIRT_UART] = {0x09000000, 0x1000},
    [VIRT_RTC] = {0x09010000, 0x1000},
    [VIRT_FW_CFG] = {0x09020000, 0x18},
    [VIRT_GPIO] = {0x09030000, 0x1000},
    [VIRT_UART1] = {0x09040000, 0x1000},
    [VIRT_MMIO] = {0x0a000000, VIRT_MMIO_SLOTS * VIRT_MMIO_SIZE},
    [VIRT_SECURE_RAM] = {0x0e000000, 16 * MB},
    [VIRT_PCIE_MMIO] = {0x10000000, 0x2eff0000},
    [VIRT_PCIE_PIO] = {0x3eff0000, 0x10000},
    [VIRT_PCIE_ECAM] = {0x3f000000, 16 * MB},
    [VIRT_RAM] = {0x40000000, 255 * 1024 * MB},
    [VIRT_GIC_REDIST2] = {0x4000000000, 64 * MB},
    [VIRT_PCIE_ECAM_HIGH] = {0x4010000000, 256 * MB},
    [VIRT_PCIE_MMIO_HIGH] = {0x8000000000, 512 * 1024 * MB},
};

static const char *const gic_versions[] = {"2", "3", "max", "host", NULL};
static const char *const acpi_values[] = {"auto", "on", "off", NULL};

static const struct prop props[] = {
    {"gic-version", PROP_ENUM, offsetof(struct virt, gic_version), .values = gic_versions,
     .help = "interrupt controller: GICv2 (up to 8 cpus) or GICv3"},
    {"virtualization", PROP_BOOL, offsetof(struct virt, virtualization), .help = "cpus have EL2"},
    {"secure", PROP_BOOL, offsetof(struct virt, secure), .help = "cpus have EL3; the secure world is the firmware's, if there is any"},
    {"highmem", PROP_BOOL, offsetof(struct virt, highmem), .def = 1, .help = "devices above 256 GB"},
    {"its", PROP_BOOL, offsetof(struct virt, its), .def = 1, .help = "GICv3: message interrupts by an ITS"},
    {"dtb-randomness", PROP_BOOL, offsetof(struct virt, dtb_randomness), .def = 1,
     .help = "random seeds in the device tree (kaslr-seed, rng-seed)"},
    {"acpi", PROP_ENUM, offsetof(struct virt, acpi), .values = acpi_values,
     .help = "accepted: this board describes itself by device tree only"},
    {"pflash0", PROP_STR, offsetof(struct virt, flash0), .help = "block backend of the first flash bank (firmware)"},
    {"pflash1", PROP_STR, offsetof(struct virt, flash1), .help = "block backend of the second flash bank (variables)"},
    {0},
};

static void place(struct machine *m, struct mem_region *r, enum virt_place p)
{
    mem_region_add(m->memory, virt_map[p].base, r, 0);
}

/* ---- interrupts ---- */

static int make_gic(struct machine *m, struct virt *v, struct err *e)
{
    const struct arm64_gic g = {.version = v->gicv3 ? 3 : 2, .spis = VIRT_SPIS, .security = v->secure,
                                .virtualization = v->virtualization, .lpi = v->its, .firmware = !v->own_monitor};
    int rc = arm64_gic_new(m, &g, &v->gic, e);

    if (rc)
        return rc;
    place(m, gic_region(v->gic, GIC_DIST, 0), VIRT_GIC_DIST);
    if (v->gicv3) {
        place(m, gic_region(v->gic, GIC_REDIST, 0), VIRT_GIC_REDIST);
    } else {
        place(m, gic_region(v->gic, GIC_CPU, 0), VIRT_GIC_CPU);
        if (v->virtualization) {
            place(m, gic_region(v->gic, GIC_HYP, 0), VIRT_GIC_HYP);
            place(m, gic_region(v->gic, GIC_VCPU, 0), VIRT_GIC_VCPU);
        }
    }
    return 0;
}

/* The receiver of PCI's messages. */
static int make_msi(struct machine *m, struct virt *v, struct msi_target *target, struct err *e)
{
    int rc;

    if (!v->gicv3) {
        v->v2m = machine_part(m, &dev_class_gicv2m, "v2m");
        rc = machine_part_set(v->v2m, "base-spi", json_integer(32 + VIRT_SPI_V2M), e);
        if (!rc)
            rc = machine_part_set(v->v2m, "num-spi", json_integer(64), e);
        gicv2m_wire(v->v2m, v->gic);
        if (!rc)
            rc = dev_realize(v->v2m, e);
        if (rc)
            return rc;
        place(m, gicv2m_region(v->v2m), VIRT_GIC_V2M);
        *target = gicv2m_target(v->v2m);
    } else if (v->its) {
        v->its_dev = machine_part(m, &dev_class_gicv3_its, "its");
        gicv3_its_wire(v->its_dev, v->gic);
        rc = dev_realize(v->its_dev, e);
        if (rc)
            return rc;
        place(m, gicv3_its_region(v->its_dev), VIRT_GIC_ITS);
        *target = gicv3_its_target(v->its_dev);
    }
    return 0;
}

/* ---- the rest ---- */

/* The second port is there when it is asked for, and for the secure world's firmware. */
static int make_uarts(struct machine *m, struct virt *v, struct err *e)
{
    int rc = arm64_uart_new(m, "uart", 0, gic_spi(v->gic, VIRT_SPI_UART), virt_map[VIRT_UART].base, &v->uart[0], e);

    if (!rc && (json_array_size(m->c.serial) > 1 || v->secure))
        rc = arm64_uart_new(m, "uart1", 1, gic_spi(v->gic, VIRT_SPI_UART1), virt_map[VIRT_UART1].base, &v->uart[1], e);
    return rc;
}

/* RAM for the secure world's firmware. The bus does not keep the other world out: firmware that relies on
 * that protects nothing here. */
static int make_secure_ram(struct machine *m, struct virt *v, struct err *e)
{
    int rc = mem_region_ram(&v->secure_ram, "secure-ram", virt_map[VIRT_SECURE_RAM].size,
                            &(struct mem_ram_opts){.file = NULL}, e);

    if (!rc)
        place(m, v->secure_ram, VIRT_SECURE_RAM);
    return rc;
}

static int make_peripherals(struct machine *m, struct virt *v, struct err *e)
{
    int rc = make_uarts(m, v, e);

    if (rc)
        return rc;

    v->rtc = machine_part(m, &dev_class_pl031, "rtc");
    pl031_set_irq(v->rtc, gic_spi(v->gic, VIRT_SPI_RTC));
    rc = dev_realize(v->rtc, e);
    if (rc)
        return rc;
    place(m, pl031_region(v->rtc), VIRT_RTC);

    v->gpio = machine_part(m, &dev_class_pl061, "gpio");
    pl061_set_irq(v->gpio, gic_spi(v->gic, VIRT_SPI_GPIO));
    rc = dev_realize(v->gpio, e);
    if (rc)
        return rc;
    place(m, pl061_region(v->gpio), VIRT_GPIO);
    v->button = machine_part(m, &dev_class_gpio_key, "button");
    gpio_key_set_output(v->button, pl061_input(v->gpio, 3));
    rc = dev_realize(v->button, e);
    if (rc)
        return rc;

    v->fw_cfg = machine_part(m, &dev_class_fw_cfg, "fw_cfg");
    rc = dev_realize(v->fw_cfg, e);
    if (rc)
        return rc;
    place(m, fw_cfg_region(v->fw_cfg), VIRT_FW_CFG);
    return 0;
}

static int make_flash(struct machine *m, struct virt *v, struct err *e)
{
    const char *const drive[2] = {v->flash0, v->flash1};

    if (m->c.bios && image_read(&v->bios, "firmware", m->c.bios, false, VIRT_FLASH_BANK, e))
        return -EINVAL;
    for (unsigned i = 0; i < 2; i++) {
        int rc = 0;

        v->flash[i] = machine_part(m, &dev_class_cfi_flash, i ? "flash1" : "flash0");
        if (drive[i])
            rc = machine_part_set(v->flash[i], "drive", json_string(drive[i]), e);
        if (!rc)
            rc = machine_part_set(v->flash[i], "size", json_integer(VIRT_FLASH_BANK), e);
        if (!rc)
            rc = dev_realize(v->flash[i], e);
        if (!rc && !i && v->bios.data)
            rc = cfi_flash_load(v->flash[0], v->bios.data, v->bios.size, e);
        if (rc)
            return rc;
        mem_region_add(m->memory, virt_map[VIRT_FLASH].base + (uint64_t)i * VIRT_FLASH_BANK,
                       cfi_flash_region(v->flash[i]), 0);
    }
    return 0;
}

static int make_slots(struct machine *m, struct virt *v, struct err *e)
{
    for (unsigned i = 0; i < VIRT_MMIO_SLOTS; i++) {
        struct irq line = gic_spi(v->gic, VIRT_SPI_MMIO + i);
        char name[24];
        int rc;

        snprintf(name, sizeof(name), "virtio-mmio.%u", i);
        v->slots[i] = machine_part(m, &dev_class_virtio_mmio, name);
        virtio_mmio_setup(v->slots[i], &line);
        rc = dev_realize(v->slots[i], e);
        if (rc)
            return rc;
        mem_region_add(m->memory, virt_map[VIRT_MMIO].base + (uint64_t)i * VIRT_MMIO_SIZE,
                       virtio_mmio_region(v->slots[i]), 0);
    }
    return 0;
}

static int make_pci(struct machine *m, struct virt *v, struct err *e)
{
    enum virt_place ecam = v->highmem ? VIRT_PCIE_ECAM_HIGH : VIRT_PCIE_ECAM;
    const struct virt_range *low = &virt_map[VIRT_PCIE_MMIO], *high = &virt_map[VIRT_PCIE_MMIO_HIGH];
    struct pci_windows w = {.ecam_size = virt_map[ecam].size, .mmio32_base = low->base, .mmio32_size = low->size,
                            .mmio64_base = high->base, .mmio64_size = v->highmem ? high->size : 0,
                            .io_size = virt_map[VIRT_PCIE_PIO].size};
    struct msi_target msi = {NULL, NULL};
    struct irq lines[4];
    int rc = make_msi(m, v, &msi, e);

    if (rc)
        return rc;
    for (unsigned i = 0; i < 4; i++)
        lines[i] = gic_spi(v->gic, VIRT_SPI_PCIE + i);
    v->pci = machine_part(m, &dev_class_pci_host, "pci");
    pci_host_setup(v->pci, &w, lines, &msi);
    rc = dev_realize(v->pci, e);
    if (rc)
        return rc;
    place(m, pci_host_ecam(v->pci), ecam);
    place(m, pci_host_mmio32(v->pci), VIRT_PCIE_MMIO);
    place(m, pci_host_io(v->pci), VIRT_PCIE_PIO);
    if (v->highmem)
        place(m, pci_host_mmio64(v->pci), VIRT_PCIE_MMIO_HIGH);
    return 0;
}

/* Affinity: 16 cpus a cluster, as a GICv3's SGIs can name them, 8 with a GICv2. */
static void cpu_options(struct machine *m, unsigned index, void *options)
{
    struct virt *v = machine_board(m);
    struct arm64_props *p = options;
    unsigned cluster = v->gic_version ? 16 : 8;

    p->el2 = v->virtualization;
    p->el3 = v->secure;
    p->mpidr = index % cluster | (uint64_t)(index / cluster) << 8;
    p->reset_pc = virt_map[VIRT_FLASH].base;
    v->pmu = p->pmu;
}

static int build(struct machine *m, struct err *e)
{
    struct virt *v = machine_board(m);
    int rc;

    if (m->c.memory > virt_map[VIRT_RAM].size)
        return err_text(e, EINVAL, "machine 'virt' has at most 255 GB of RAM");
    v->gicv3 = v->gic_version != 0;
    v->own_monitor = v->secure && (m->c.bios || v->flash0);
    if (!v->gicv3 && m->ncpus > 8)
        return err_text(e, EINVAL, "GICv2 serves at most 8 cpus, not %u: choose gic-version=3", m->ncpus);
    rc = mem_region_ram(&v->ram, "ram", m->c.memory, &(struct mem_ram_opts){.file = NULL}, e);
    if (rc)
        return rc;
    place(m, v->ram, VIRT_RAM);
    if (v->secure)
        rc = make_secure_ram(m, v, e);
    if (!rc)
        rc = make_gic(m, v, e);
    if (!rc)
        rc = make_peripherals(m, v, e);
    if (!rc)
        rc = make_flash(m, v, e);
    if (!rc)
        rc = make_slots(m, v, e);
    return rc ? rc : make_pci(m, v, e);
}

static int plug(struct machine *m, struct dev *d, struct err *e)
{
    struct virt *v = machine_board(m);

    if (!strcmp(d->cls->bus, "pci"))
        return m->built ? pci_hot_plug(v->pci, d, e) : pci_plug(v->pci, d, e);
    if (!strcmp(d->cls->bus, "virtio-serial"))
        return virtio_serial_plug(machine_root(m), d, e);
    if (!strcmp(d->cls->bus, "virtio")) {
        for (unsigned i = VIRT_MMIO_SLOTS; i-- > 0;)
            if (!virtio_mmio_used(v->slots[i]))
                return virtio_mmio_plug(v->slots[i], d, e);
        return err_text(e, ENOSPC, "all %d virtio-mmio slots are taken: use the -pci form of '%s'", VIRT_MMIO_SLOTS,
                        d->cls->name);
    }
    if (!strcmp(d->cls->bus, "system"))
        return 0;
    return err_text(e, EINVAL, "machine 'virt' has no '%s' bus for device '%s'", d->cls->bus, d->cls->name);
}

static void added(struct machine *m, struct dev *d)
{
    (void)m;
    if (!strcmp(d->cls->bus, "pci"))
        pci_hot_added(d);
}

static void gone(void *m, struct dev *d)
{
    machine_device_gone(m, d);
}

static int remove_device(struct machine *m, struct dev *d, struct err *e)
{
    if (strcmp(d->cls->bus, "pci") != 0)
        return err_text(e, ENOTSUP, "device '%s' cannot be taken out while the machine exists: only PCI cards can",
                        d->id ? d->id : d->path);
    return pci_hot_remove(d, gone, m, e);
}

/* ---- what it starts ---- */

/* EDK2 finds the kernel by these, and what to boot. */
static int tell_firmware(struct machine *m, struct virt *v, struct err *e)
{
    const char *append = m->c.append ? m->c.append : "";

    if (machine_uuid(m))
        fw_cfg_add_bytes(v->fw_cfg, FW_CFG_UUID, machine_uuid(m), 16);
    fw_cfg_add_u16(v->fw_cfg, FW_CFG_NB_CPUS, (uint16_t)m->ncpus);
    fw_cfg_add_u16(v->fw_cfg, FW_CFG_MAX_CPUS, (uint16_t)m->ncpus);
    if (v->start.kernel.data) {
        fw_cfg_add_u32(v->fw_cfg, FW_CFG_KERNEL_SIZE, (uint32_t)v->start.kernel.size);
        fw_cfg_lend_bytes(v->fw_cfg, FW_CFG_KERNEL_DATA, v->start.kernel.data, v->start.kernel.size);
        fw_cfg_add_u32(v->fw_cfg, FW_CFG_CMDLINE_SIZE, (uint32_t)strlen(append) + 1);
        fw_cfg_add_string(v->fw_cfg, FW_CFG_CMDLINE_DATA, append);
    }
    if (v->start.initrd.data) {
        fw_cfg_add_u32(v->fw_cfg, FW_CFG_INITRD_SIZE, (uint32_t)v->start.initrd.size);
        fw_cfg_lend_bytes(v->fw_cfg, FW_CFG_INITRD_DATA, v->start.initrd.data, v->start.initrd.size);
    }
    return smbios_add(m, v->fw_cfg, e);
}

static int start(struct machine *m, struct err *e)
{
    struct virt *v = machine_board(m);
    int rc = arm64_start_read(m, &v->start, e);

    if (rc)
        return rc;
    v->direct = v->start.kernel.data && !v->bios.data && !v->flash0;
    if (v->direct) {
        rc = arm64_start_place(m, &v->start, virt_map[VIRT_RAM].base, m->c.memory, e);
    } else {
        v->start.dtb.at = virt_map[VIRT_RAM].base;
        rc = tell_firmware(m, v, e);
        if (!v->bios.data && !v->flash0)
            log_warn("nothing to start: give the machine a -kernel, a -bios or a flash drive");
    }
    if (rc)
        return rc;
    rc = arm64_start_dtb(m, &v->start, e);
    if (rc)
        return min_of(rc, 0);
    return virt_fdt(m, &v->start.dtb, e);
}

static void reset(struct machine *m)
{
    struct virt *v = machine_board(m);

    for (unsigned i = 0; i < m->ncpus && v->own_monitor; i++)
        m->vcpus[i].on = true;
    if (v->direct)
        arm64_start_boot(m, &v->start);
    else
        arm64_start_load(m, &v->start.dtb);
}

static void powerdown(struct machine *m)
{
    struct virt *v = machine_board(m);

    gpio_key_press(v->button);
}

static void destroy(struct machine *m)
{
    struct virt *v = machine_board(m);

    arm64_start_free(&v->start);
    image_free(&v->bios);
    if (v->ram)
        mem_region_free(v->ram);
    if (v->secure_ram)
        mem_region_free(v->secure_ram);
}

const struct board board_virt = {
    .name = "virt",
    .aliases = (const char *const[]){"virt-11.1", NULL},
    .isa = "arm64",
    .help = "a machine for virtual guests: PCI Express, virtio, GIC, PL011 (EDK2, U-Boot, Linux, BSD)",
    .default_cpu = "cortex-a57",
    .default_nic = "virtio-net-pci",
    .default_disk = "virtio-blk-pci",
    .default_memory = 1024 * MB,
    .max_cpus = 64,
    .serial_ports = 2,
    .size = sizeof(struct virt),
    .props = props,
    .cpu_options = cpu_options,
    .build = build,
    .start = start,
    .reset = reset,
    .plug = plug,
    .added = added,
    .remove = remove_device,
    .powerdown = powerdown,
    .destroy = destroy,
};
