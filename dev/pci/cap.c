/* Capabilities: the lists, and the ones that have no behaviour (PCI 3.0, 6.7; PCI PM 1.2; PCI
 * Express 4.0, 7.5.3 and 7.6). Must never know a model.
 */
#include "dev/pci/pci_int.h"

unsigned pci_cap_add(struct pci_dev *p, uint8_t id, unsigned size, const uint8_t *writable)
{
    unsigned at = p->cap_end, link = PCI_CAP_LIST;

    assert(at + size <= PCI_CONFIG_SIZE);
    while (p->config[link])
        link = p->config[link] + 1u;
    p->config[link] = (uint8_t)at;
    p->config[at] = id;
    p->cap_end = (uint16_t)bits_align_up(at + size, 4);
    p->config[PCI_STATUS] |= PCI_STATUS_CAPS;
    if (writable)
        memcpy(p->writable + at, writable, size);
    return at;
}

void pci_express_add(struct pci_dev *p, unsigned type)
{
    enum {
        SIZE = 0x3c,
        DEV_CAP = 4,
        DEV_CTL = 8,
        DEV_STA = 10,
        LNK_CAP = 12,
        LNK_CTL = 16,
        LNK_STA = 18,
        DEV_CTL2 = 40,
        LNK_CAP2 = 44,
        LNK_CTL2 = 48
    };
    unsigned at;
    uint8_t *c, *w;

    at = pci_cap_add(p, PCI_CAP_EXPRESS, SIZE, NULL);
    c = p->config + at;
    w = p->writable + at;
    p->express_cap = (uint16_t)at;
    mem_st16le(c + 2, (uint16_t)(2 | type << 4 | (type == 4 ? 1 << 8 : 0)));
    mem_st32le(c + DEV_CAP, 1 << 15); /* role-based error reporting, as every device since 1.1 */
    mem_st16le(w + DEV_CTL, 0x78ff & ~0x10);
    mem_st16le(p->clearable + at + DEV_STA, 0xf);
    if (type != 9) { /* integrated endpoints have no link */
        mem_st32le(c + LNK_CAP, 0x11 | (type == 4 ? 1u << 20 : 0)); /* 2.5 GT/s, one lane */
        mem_st16le(w + LNK_CTL, type == 4 ? 0x00e3 & ~0x20 : 0x00c3);
        mem_st16le(c + LNK_STA, 0x11);
        mem_st32le(c + LNK_CAP2, 2);
        mem_st16le(c + LNK_CTL2, 1);
    }
}

void pci_pm_add(struct pci_dev *p)
{
    unsigned at = pci_cap_add(p, PCI_CAP_PM, 8, NULL);

    mem_st16le(p->config + at + 2, 3); /* version 1.2, D0 and D3hot */
    mem_st16le(p->config + at + 4, 8); /* no soft reset from D3hot */
    mem_st16le(p->writable + at + 4, 3);
}

bool pci_is_express(const struct pci_dev *p)
{
    return p->bus && p->bus->express;
}

bool pci_on_root_bus(const struct pci_dev *p)
{
    return p->bus && !p->bus->bridge;
}
