/* MSI and MSI-X (PCI 3.0, 6.8). Owns both capabilities, the table and the pending bits; messages
 * leave through the host bridge's struct msi_target. Must never know an interrupt controller.
 * Everything is locked by the device.
 */
#include <stdlib.h>

#include "base/trace.h"
#include "dev/pci/pci_int.h"
#include "dev/pci/trace.def"

enum { MSIX_ENABLE = 0x8000, MSIX_MASK = 0x4000, ENTRY = 16, ENTRY_MASKED = 1, TABLE_CONTROL = 12 };
enum { MSI_ENABLE = 1, MSI_64BIT = 0x80 };

static void send(struct pci_dev *p, uint64_t address, uint32_t data)
{
    const struct msi_target *t = &p->bus->host->msi;

    trace_dev(pci_message, &p->dev, "%#x to %#llx%s", data, (unsigned long long)address,
              pci_bus_master(p) ? "" : ": not sent, the function is no bus master");
    if (t->send && pci_bus_master(p))
        t->send(t->opaque, pci_requester_id(p), address, data);
}

/* ---- MSI-X ---- */

static unsigned msix_control(const struct pci_dev *p)
{
    return p->msix.vectors ? mem_ld16le(p->config + p->msix.cap + 2) : 0;
}

bool pci_msix_enabled(const struct pci_dev *p)
{
    return msix_control(p) & MSIX_ENABLE;
}

static bool masked(const struct pci_dev *p, unsigned vector)
{
    return msix_control(p) & MSIX_MASK ||
           p->msix.table[vector * ENTRY + TABLE_CONTROL] & ENTRY_MASKED;
}

void pci_msix_raise(struct pci_dev *p, unsigned vector)
{
    const uint8_t *entry = p->msix.table + (size_t)vector * ENTRY;

    if (vector >= p->msix.vectors || !pci_msix_enabled(p))
        return;
    if (masked(p, vector)) {
        trace_dev(pci_msix_masked, &p->dev, "vector %u", vector);
        p->msix.pending[vector / 8] |= (uint8_t)(1 << vector % 8);
    } else
        send(p, mem_ld64le(entry), mem_ld32le(entry + 8));
}

void pci_msix_unpend(struct pci_dev *p, unsigned vector)
{
    if (vector < p->msix.vectors)
        p->msix.pending[vector / 8] &= (uint8_t) ~(1 << vector % 8);
}

static void msix_look(struct pci_dev *p, unsigned vector)
{
    uint8_t bit = (uint8_t)(1 << vector % 8);

    if (!(p->msix.pending[vector / 8] & bit) || !pci_msix_enabled(p) || masked(p, vector))
        return;
    p->msix.pending[vector / 8] &= (uint8_t)~bit;
    pci_msix_raise(p, vector);
}

static uint64_t table_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pci_dev *p = opaque;
    uint64_t value = 0, at = offset - p->msix.pending_at;

    if (offset < p->msix.table_size && size <= p->msix.table_size - offset)
        memcpy(&value, p->msix.table + offset, size);
    else if (offset >= p->msix.pending_at && at < p->msix.pending_size &&
             size <= p->msix.pending_size - at)
        memcpy(&value, p->msix.pending + at, size);
    return value;
}

static void table_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pci_dev *p = opaque;
    unsigned vector = (unsigned)(offset / ENTRY);

    if (offset >= p->msix.table_size || size > p->msix.table_size - offset)
        return;
    memcpy(p->msix.table + offset, &value, size);
    msix_look(p, vector);
}

static const struct mem_ops table_ops = {.read = table_read,
                                         .write = table_write,
                                         .min_size = 4,
                                         .max_size = 8,
                                         .on_read = &trace_point_pci_msix_read,
                                         .on_write = &trace_point_pci_msix_write};

void pci_msix_add(struct pci_dev *p, unsigned bar, unsigned vectors)
{
    struct pci_msix *m = &p->msix;
    uint32_t half = 2048;
    uint8_t *c;

    assert(vectors && vectors <= 2048);
    while (half < vectors * ENTRY)
        half *= 2;
    m->vectors = (uint16_t)vectors;
    m->table_size = vectors * ENTRY;
    m->pending_size = (vectors + 63) / 64 * 8;
    m->pending_at = (uint16_t)half;
    m->table = mem_zalloc(m->table_size);
    m->pending = mem_zalloc(m->pending_size);
    m->region = mem_region_io("msix", 2 * (uint64_t)half, &table_ops, p);
    dev_own_region(&p->dev, m->region);
    pci_bar_set(p, bar, 0, m->region);
    m->cap = (uint16_t)pci_cap_add(p, PCI_CAP_MSIX, 12, NULL);
    c = p->config + m->cap;
    mem_st16le(c + 2, (uint16_t)(vectors - 1));
    mem_st32le(c + 4, bar);
    mem_st32le(c + 8, bar | half);
    p->writable[m->cap + 3] = (MSIX_ENABLE | MSIX_MASK) >> 8;
    pci_msi_reset(p);
}

/* ---- MSI: 64-bit addresses, no masking of single vectors ---- */

void pci_msi_add(struct pci_dev *p, unsigned vectors)
{
    unsigned at = pci_cap_add(p, PCI_CAP_MSI, 14, NULL);
    uint8_t *w = p->writable + at;

    assert(bits_is_pow2(vectors) && vectors <= 32);
    p->msi_cap = (uint16_t)at;
    mem_st16le(p->config + at + 2, (uint16_t)(MSI_64BIT | bits_ctz32(vectors) << 1));
    mem_st16le(w + 2, MSI_ENABLE | (vectors > 1 ? 0x70 : 0));
    mem_st32le(w + 4, 0xfffffffc);
    mem_st32le(w + 8, 0xffffffff);
    mem_st16le(w + 12, 0xffff);
}

bool pci_msi_enabled(const struct pci_dev *p)
{
    return p->msi_cap && mem_ld16le(p->config + p->msi_cap + 2) & MSI_ENABLE;
}

void pci_msi_raise(struct pci_dev *p, unsigned vector)
{
    const uint8_t *c = p->config + p->msi_cap;
    unsigned granted, have;

    if (!pci_msi_enabled(p))
        return;
    have = mem_ld16le(c + 2) >> 1 & 7;
    granted = 1u << min_of(mem_ld16le(c + 2) >> 4 & 7u, have);
    /* The device replaces the low bits of the message by the vector: 6.8.1.6. */
    send(p, mem_ld64le(c + 4), (mem_ld16le(c + 12) & ~(granted - 1)) | (vector & (granted - 1)));
}

/* ---- for config.c ---- */

void pci_msi_config_written(struct pci_dev *p, unsigned at, unsigned size)
{
    unsigned control = p->msix.cap + 3u;

    if (!p->msix.vectors || at > control || control >= at + size)
        return;
    if (pci_msix_enabled(p))
        pci_intx_set(p, false);
    for (unsigned i = 0; i < p->msix.vectors; i++)
        msix_look(p, i);
}

void pci_msi_reset(struct pci_dev *p)
{
    if (!p->msix.vectors)
        return;
    memset(p->msix.table, 0, p->msix.table_size);
    memset(p->msix.pending, 0, p->msix.pending_size);
    for (unsigned i = 0; i < p->msix.vectors; i++)
        p->msix.table[i * ENTRY + TABLE_CONTROL] = ENTRY_MASKED;
}

void pci_msi_done(struct pci_dev *p)
{
    if (p->msix.region)
        mem_region_free(p->msix.region);
    free(p->msix.table);
    free(p->msix.pending);
    memset(&p->msix, 0, sizeof(p->msix));
}
