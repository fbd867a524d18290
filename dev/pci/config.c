/* Configuration space of one function: header, BARs, reset, state (PCI 3.0, 6). Owns the bytes and
 * which of them the guest may change; knows nothing of the model behind it or of routing (host.c).
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/trace_define.h"
#include "dev/pci/pci_int.h"
#include "dev/pci/trace.def"

enum { STATUS_ERRORS = 0xf900 };

int pci_dev_init(struct pci_dev *p, const struct pci_ident *ident, const struct pci_ops *ops,
                 struct err *e)
{
    uint8_t *c;

    if (!p->bus)
        return err_text(e, EINVAL, "%s needs a PCI bus, and this machine gave it none",
                        p->dev.cls->name);
    p->config_size = p->bus->express ? PCIE_CONFIG_SIZE : PCI_CONFIG_SIZE;
    p->config = c = mem_zalloc(p->config_size);
    p->writable = mem_zalloc(p->config_size);
    p->clearable = mem_zalloc(p->config_size);
    p->initial = mem_zalloc(p->config_size);
    p->cap_end = 0x40;
    p->ops = ops;
    mem_st16le(c + PCI_VENDOR, ident->vendor);
    mem_st16le(c + PCI_DEVICE, ident->device);
    mem_st16le(c + PCI_SUBVENDOR, ident->subvendor);
    mem_st16le(c + PCI_SUBDEVICE, ident->subdevice);
    c[PCI_REVISION] = ident->revision;
    c[PCI_CLASS] = (uint8_t)ident->class_code;
    mem_st16le(c + PCI_CLASS + 1, (uint16_t)(ident->class_code >> 8));
    c[PCI_INT_PIN] = ident->pin;
    c[PCI_HEADER_TYPE] = p->multifunction ? 0x80 : 0;
    mem_st16le(p->writable + PCI_COMMAND, PCI_CMD_IO | PCI_CMD_MEMORY | PCI_CMD_MASTER |
                                              PCI_CMD_PARITY | PCI_CMD_SERR | PCI_CMD_INTX_OFF);
    mem_st16le(p->clearable + PCI_STATUS, STATUS_ERRORS);
    p->writable[PCI_CACHE_LINE] = p->writable[PCI_INT_LINE] = 0xff;
    for (unsigned i = 0; i < PCI_BARS; i++)
        p->bars[i].at = UINT64_MAX;
    return 0;
}

static void bar_unmap(struct pci_bar *b)
{
    if (b->at != UINT64_MAX)
        mem_region_remove(b->region);
    b->at = UINT64_MAX;
}

void pci_orphan(struct pci_dev *p)
{
    pci_intx_set(p, false);
    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (p->bars[i].region)
            bar_unmap(&p->bars[i]);
    }
    p->bus->devs[p->devfn] = NULL;
    p->bus = NULL;
}

void pci_dev_done(struct pci_dev *p)
{
    if (p->bus)
        pci_orphan(p);
    pci_msi_done(p);
    free(p->config);
    free(p->writable);
    free(p->clearable);
    free(p->initial);
    p->config = p->writable = p->clearable = p->initial = NULL;
    p->config_size = 0;
    memset(p->bars, 0, sizeof(p->bars));
}

void pci_dev_reset(struct pci_dev *p)
{
    if (!p->config)
        return;
    if (!p->sealed) {
        memcpy(p->initial, p->config, p->config_size);
        p->sealed = true;
    }
    memcpy(p->config, p->initial, p->config_size);
    pci_msi_reset(p);
    pci_intx_set(p, false);
    pci_bars_update(p);
}

/* ---- BARs ---- */

void pci_bar_set(struct pci_dev *p, unsigned bar, uint8_t type, struct mem_region *region)
{
    struct pci_bar *b = &p->bars[bar];
    unsigned at = PCI_BAR0 + 4 * bar;
    uint64_t size = mem_region_size(region), mask;

    assert(bar < PCI_BARS && size && !b->size);
    size = max_of(size, type & PCI_BAR_IO ? UINT64_C(4) : UINT64_C(16));
    size = bits_is_pow2(size) ? size : UINT64_C(1) << (64 - bits_clz64(size));
    *b = (struct pci_bar){region, size, UINT64_MAX, type};
    mask = ~(size - 1);
    mem_st32le(p->config + at, type);
    mem_st32le(p->writable + at, (uint32_t)mask);
    if (type & PCI_BAR_MEM64 && !(type & PCI_BAR_IO)) {
        assert(bar + 1 < PCI_BARS);
        mem_st32le(p->writable + at + 4, (uint32_t)(mask >> 32));
    }
}

static bool forwarded(const struct pci_dev *p, bool io, uint64_t at, uint64_t last)
{
    for (const struct pci_bus *bus = p->bus; bus->bridge; bus = bus->bridge->bus) {
        if (!pci_bridge_forwards(bus->bridge, io, at, last))
            return false;
    }
    return true;
}

static uint64_t bar_address(const struct pci_dev *p, unsigned bar)
{
    const struct pci_bar *b = &p->bars[bar];
    const uint8_t *c = p->config + PCI_BAR0 + 4 * bar;
    bool io = b->type & PCI_BAR_IO;
    uint64_t at = mem_ld32le(c), last;

    if (!(mem_ld16le(p->config + PCI_COMMAND) & (io ? PCI_CMD_IO : PCI_CMD_MEMORY)))
        return UINT64_MAX;
    if (!io && b->type & PCI_BAR_MEM64)
        at |= (uint64_t)mem_ld32le(c + 4) << 32;
    at &= ~(b->size - 1);
    last = at + b->size - 1;
    /* Zero and the top are what a BAR holds before it was assigned and while its size is asked. */
    if (!at || last < at || last >= (io ? p->bus->host->w.io_size : UINT64_C(1) << 52))
        return UINT64_MAX;
    if (!io && !(b->type & PCI_BAR_MEM64) && last >= UINT32_MAX)
        return UINT64_MAX;
    return forwarded(p, io, at, last) ? at : UINT64_MAX;
}

void pci_bars_update(struct pci_dev *p)
{
    struct pci_host *host = p->bus->host;

    for (unsigned i = 0; i < PCI_BARS; i++) {
        struct pci_bar *b = &p->bars[i];
        uint64_t at;

        if (!b->region)
            continue;
        at = bar_address(p, i);
        if (at == b->at)
            continue;
        trace_dev(pci_bar, &p->dev, "BAR %u at %#llx", i, (unsigned long long)at);
        bar_unmap(b);
        if (at != UINT64_MAX)
            mem_region_add(b->type & PCI_BAR_IO ? host->io : host->mem, at, b->region, 1);
        b->at = at;
    }
}

/* ---- accesses ---- */

static uint32_t stored(const struct pci_dev *p, unsigned at, unsigned size)
{
    uint32_t value = 0;

    memcpy(&value, p->config + at, size);
    return value;
}

uint32_t pci_config_read(struct pci_dev *p, unsigned at, unsigned size)
{
    uint32_t value;

    if (at >= p->config_size || size > p->config_size - at)
        return UINT32_MAX;
    os_mutex_lock(&p->dev.lock);
    if (!p->ops || !p->ops->config_read || !p->ops->config_read(p, at, size, &value))
        value = stored(p, at, size);
    os_mutex_unlock(&p->dev.lock);
    trace_dev(pci_config_read, &p->dev, "%u bytes at %#x: %#x", size, at, value);
    return value;
}

static bool touches(unsigned at, unsigned size, unsigned first, unsigned length)
{
    return at < first + length && first < at + size;
}

void pci_config_write(struct pci_dev *p, unsigned at, unsigned size, uint32_t value)
{
    if (at >= p->config_size || size > p->config_size - at)
        return;
    trace_dev(pci_config_write, &p->dev, "%u bytes at %#x: %#x", size, at, value);
    os_mutex_lock(&p->dev.lock);
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i), *c = &p->config[at + i], w = p->writable[at + i];

        *c = (uint8_t)(((*c & ~w) | (byte & w)) & ~(byte & p->clearable[at + i]));
    }
    if (touches(at, size, PCI_COMMAND, 2) || touches(at, size, PCI_BAR0, 4 * PCI_BARS))
        pci_bars_update(p);
    if (touches(at, size, PCI_COMMAND, 2))
        pci_intx_update(p);
    pci_msi_config_written(p, at, size);
    if (p->ops && p->ops->config_written)
        p->ops->config_written(p, at, size);
    os_mutex_unlock(&p->dev.lock);
}

/* ---- state ---- */

const struct state_field pci_dev_state[] = {
    {.name = "config",
     .type = STATE_U8,
     .offset = offsetof(struct pci_dev, config),
     .size = 1,
     .count = PCIE_CONFIG_SIZE,
     .pointer = true,
     .count_offset = offsetof(struct pci_dev, config_size)},
    {.name = "msix_table",
     .type = STATE_U8,
     .offset = offsetof(struct pci_dev, msix.table),
     .size = 1,
     .count = 2048 * 16,
     .pointer = true,
     .count_offset = offsetof(struct pci_dev, msix.table_size)},
    {.name = "msix_pending",
     .type = STATE_U8,
     .offset = offsetof(struct pci_dev, msix.pending),
     .size = 1,
     .count = 2048 / 8,
     .pointer = true,
     .count_offset = offsetof(struct pci_dev, msix.pending_size)},
    STATE_FIELD(STATE_BOOL, struct pci_dev, intx),
    STATE_END,
};

int pci_dev_loaded(struct pci_dev *p, struct err *e)
{
    for (unsigned i = 0; p->sealed && i < p->config_size; i++) {
        uint8_t fixed = (uint8_t) ~(p->writable[i] | p->clearable[i]);

        if (i == PCI_STATUS)
            fixed &= (uint8_t)~PCI_STATUS_INTX;
        if ((p->config[i] ^ p->initial[i]) & fixed)
            return err_text(e, EINVAL,
                            "%s: saved PCI configuration differs from this device's at %#x",
                            p->dev.cls->name, i);
    }
    pci_bars_update(p);
    pci_intx_update(p);
    return 0;
}
