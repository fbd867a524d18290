/*
 * GICv2m: a frame of registers that turns a written message into an SPI of a GICv2 (ARM Server Base
 * System Architecture, "GICv2m Architecture"). The SPIs must be edge-triggered; kernels set them
 * so.
 *
 * Holds no state: what it may raise is fixed by the board.
 */
#include "dev/gic/gic_int.h"

#include <errno.h>

#include "base/log.h"
#include "base/trace.h"
#include "dev/gic/trace.def"

enum { MSI_TYPER = 0x008, MSI_SETSPI_NS = 0x040, MSI_IIDR = 0xfcc, ID = 0xfd0 };

struct gicv2m {
    struct dev dev;
    uint32_t base_spi, num_spi; /* as INTIDs */
    struct dev *gic;
    struct mem_region *region;
};

static struct gicv2m *v2m_of(struct dev *d)
{
    return container_of(d, struct gicv2m, dev);
}

static void set_spi(struct gicv2m *m, uint32_t id)
{
    struct irq line;

    id &= 0x3ff;
    if (id < m->base_spi || id >= m->base_spi + m->num_spi) {
        dev_guest(&m->dev, "message for interrupt %u, which is not this frame's", id);
        return;
    }
    line = gic_spi(m->gic, id - 32);
    irq_pulse(&line);
}

static uint64_t frame_read(void *opaque, uint64_t offset, unsigned size)
{
    struct gicv2m *m = opaque;

    (void)size;
    switch (offset) {
    case MSI_TYPER:
        return m->base_spi << 16 | m->num_spi;
    case MSI_IIDR:
        return 0x53 << 20 | 0x43b;
    default:
        return 0;
    }
}

static void frame_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    (void)size;
    if (offset == MSI_SETSPI_NS)
        set_spi(opaque, (uint32_t)value);
}

static const struct mem_ops frame_ops = {
    .read = frame_read, .write = frame_write, .min_size = 4, .max_size = 4};

static void send(void *opaque, uint32_t device, uint64_t address, uint32_t data)
{
    (void)device;
    if ((address & 0xfff) == MSI_SETSPI_NS)
        set_spi(opaque, data);
    else
        dev_guest(&((struct gicv2m *)opaque)->dev, "message to %#llx", (unsigned long long)address);
}

static int realize(struct dev *d, struct err *e)
{
    struct gicv2m *m = v2m_of(d);
    uint32_t end = m->base_spi + m->num_spi;

    if (!m->gic)
        return err_text(e, EINVAL, "gicv2m: not wired to a controller");
    if (m->base_spi < 32 || end > gic_of(m->gic)->num_irq)
        return err_text(e, EINVAL, "gicv2m: interrupts %u to %u; the controller has 32 to %u",
                        m->base_spi, end - 1, gic_of(m->gic)->num_irq - 1);
    m->region = mem_region_io("gicv2m", 0x1000, &frame_ops, m);
    return 0;
}

static void destroy(struct dev *d)
{
    if (v2m_of(d)->region)
        mem_region_free(v2m_of(d)->region);
}

static const struct prop props[] = {
    {.name = "base-spi",
     .type = PROP_U32,
     .offset = offsetof(struct gicv2m, base_spi),
     .def = 80,
     .min = 32,
     .max = 1019,
     .help = "first interrupt (INTID)"},
    {.name = "num-spi",
     .type = PROP_U32,
     .offset = offsetof(struct gicv2m, num_spi),
     .def = 64,
     .min = 1,
     .max = 127,
     .help = "number of interrupts"},
    {0},
};

const struct dev_class dev_class_gicv2m = {
    .name = "gicv2m",
    .bus = "",
    .help = "message frame of a GICv2",
    .size = sizeof(struct gicv2m),
    .props = props,
    .realize = realize,
    .destroy = destroy,
};

void gicv2m_wire(struct dev *d, struct dev *gicv2)
{
    v2m_of(d)->gic = gicv2;
}

struct mem_region *gicv2m_region(struct dev *d)
{
    return v2m_of(d)->region;
}

struct msi_target gicv2m_target(struct dev *d)
{
    return (struct msi_target){.send = send, .opaque = v2m_of(d)};
}
