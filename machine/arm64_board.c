/* Boards with arm64 processors: interrupt controller, serial ports, direct start of kernels. No addresses of boards. */
#include "machine/arm64_board.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "dev/gic.h"
#include "dev/serial.h"
#include "isa/arm64/system.h"
#include "machine/machine_int.h"
#include "machine/psci.h"

#define MB (UINT64_C(1) << 20)

/* ---- interrupts ---- */

static void gic_view(struct cpu *c, struct gic_view *v)
{
    struct arm64_view a;

    arm64_view(c, &a);
    *v = (struct gic_view){.el = a.el, .secure = a.secure, .ns_bank = a.ns, .imo = a.imo, .fmo = a.fmo};
}

static void wire_cpus(struct machine *m, struct dev *gic, bool firmware)
{
    static const struct {
        enum arm64_out out;
        unsigned ppi;
    } outputs[] = {{A64_OUT_CNTP, ARM64_PPI_PHYS}, {A64_OUT_CNTV, ARM64_PPI_VIRT}, {A64_OUT_CNTHP, ARM64_PPI_HYP},
                   {A64_OUT_CNTHV, ARM64_PPI_HYP_VIRT}, {A64_OUT_CNTPS, ARM64_PPI_SECURE}, {A64_OUT_PMU, ARM64_PPI_PMU}};

    for (unsigned i = 0; i < m->ncpus; i++) {
        struct cpu *c = m->vcpus[i].cpu;

        for (size_t n = 0; n < array_size(outputs); n++)
            *arm64_irq_out(c, outputs[n].out) = gic_ppi(gic, i, outputs[n].ppi);
        m->vcpus[i].sys.firmware = firmware ? psci_call : NULL;
    }
}

int arm64_gic_new(struct machine *m, const struct arm64_gic *g, struct dev **out, struct err *e)
{
    struct cpu **cpus = mem_array(struct cpu *, m->ncpus);
    uint64_t *affinity = mem_array(uint64_t, m->ncpus);
    struct gic_wiring w = {.cpus = cpus, .count = m->ncpus, .affinity = affinity, .maintenance = ARM64_PPI_GIC,
                           .irq = A64_LINE_IRQ, .fiq = A64_LINE_FIQ, .virq = A64_LINE_VIRQ, .vfiq = A64_LINE_VFIQ,
                           .view = gic_view};
    struct dev *d;
    int rc;

    for (unsigned i = 0; i < m->ncpus; i++) {
        cpus[i] = m->vcpus[i].cpu;
        affinity[i] = arm64_mpidr(cpus[i]) & 0xff00ffffff; /* the fields alone */
    }
    *out = d = machine_part(m, g->version == 3 ? &dev_class_gicv3 : &dev_class_gicv2, "gic");
    rc = machine_part_set(d, "num-irq", json_integer(32 + g->spis), e);
    if (!rc)
        rc = machine_part_set(d, "has-security", json_boolean(g->security), e);
    if (!rc)
        rc = machine_part_set(d, "reset-nonsecure", json_boolean(g->firmware), e);
    if (!rc)
        rc = machine_part_set(d, "has-virtualization", json_boolean(g->virtualization), e);
    if (!rc && g->version == 3)
        rc = machine_part_set(d, "has-lpi", json_boolean(g->lpi), e);
    gic_wire(d, &w);
    free(cpus);
    free(affinity);
    if (!rc)
        rc = dev_realize(d, e);
    if (!rc)
        wire_cpus(m, d, g->firmware);
    return rc;
}

/* ---- serial ports ---- */

int arm64_uart_new(struct machine *m, const char *name, unsigned port, struct irq line, uint64_t at, struct dev **out,
                   struct err *e)
{
    const char *serial = json_string_value(json_array_get(m->c.serial, port));
    struct dev *d = *out = machine_part(m, &dev_class_pl011, name);
    int rc = 0;

    if (serial)
        rc = machine_part_set(d, "chardev", json_string(serial), e);
    pl011_set_irq(d, line);
    if (!rc)
        rc = dev_realize(d, e);
    if (!rc)
        mem_region_add(m->memory, at, pl011_region(d), 0);
    return rc;
}

/* ---- starting a kernel ---- */

int arm64_start_read(struct machine *m, struct arm64_start *s, struct err *e)
{
    int rc = 0;

    if (m->c.kernel)
        rc = image_read(&s->kernel, "kernel", m->c.kernel, true, m->c.memory, e);
    if (!rc && m->c.initrd)
        rc = image_read(&s->initrd, "initrd", m->c.initrd, false, m->c.memory, e);
    return rc;
}

/* Kernel at a 2 MB boundary, initial RAM disk well behind it, device tree behind that. */
int arm64_start_place(struct machine *m, struct arm64_start *s, uint64_t ram, uint64_t size, struct err *e)
{
    uint64_t end = ram + size, offset, needs, next;
    int rc = image_arm64_kernel(&s->kernel, &offset, &needs, e);

    if (rc)
        return err_prefix(e, "%s", m->c.kernel);
    s->kernel.at = ram + 2 * MB + offset;
    s->entry = s->kernel.at;
    next = s->kernel.at + needs;
    if (s->initrd.data) {
        s->initrd.at = (max_of(next, ram + min_of(size / 2, 128 * MB)) + 4095) & ~UINT64_C(4095);
        next = s->initrd.at + s->initrd.size;
    }
    next = (next + 2 * MB - 1) & ~(2 * MB - 1);
    s->dtb.at = next;
    if (next + 2 * MB > end)
        return err_text(e, EINVAL, "kernel and initial RAM disk need more than the %lu MB of RAM the machine has",
                        size >> 20);
    return 0;
}

int arm64_start_dtb(struct machine *m, struct arm64_start *s, struct err *e)
{
    uint64_t at = s->dtb.at;
    int rc;

    if (!m->c.dtb)
        return 0;
    rc = image_read(&s->dtb, "device tree", m->c.dtb, false, 2 * MB, e);
    s->dtb.at = at;
    return rc ? rc : 1;
}

void arm64_start_load(struct machine *m, const struct image *i)
{
    struct err e;

    if (i->data && mem_load(m->space, i->at, i->data, i->size, &e))
        log_error("%s", e.text);
}

void arm64_start_boot(struct machine *m, const struct arm64_start *s)
{
    arm64_start_load(m, &s->dtb);
    arm64_start_load(m, &s->kernel);
    arm64_start_load(m, &s->initrd);
    arm64_boot(m->vcpus[0].cpu, 2, s->entry, s->dtb.at); /* EL1 where there is no EL2 */
}

void arm64_start_free(struct arm64_start *s)
{
    image_free(&s->kernel);
    image_free(&s->initrd);
    image_free(&s->dtb);
}
