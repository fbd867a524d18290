/* pvpanic in the test kit, for its tests and its fuzz target: placed, and as a card behind a PCI
 * host bridge. */
#ifndef MYNA_DEV_PVPANIC_TESTS_SETUP_H
#define MYNA_DEV_PVPANIC_TESTS_SETUP_H

#include "dev/pci.h"
#include "dev/pvpanic.h"
#include "dev/testkit.h"

enum { BLOCK_ECAM, BLOCK_MMIO32 };
enum { CARD_CONFIG = 1 << 15 /* bus 0, slot 1 */, CARD_BAR = 0x10000000 };

static inline int setup(struct devkit *kit, struct err *e)
{
    int rc;

    kit->dev = dev_new(&dev_class_pvpanic, kit->root, "pvpanic", &kit->env);
    rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, pvpanic_region(kit->dev));
    return rc;
}

static inline int setup_card(struct devkit *kit, struct err *e)
{
    static const struct pci_windows windows = {
        .ecam_size = 1 << 20, .mmio32_base = CARD_BAR, .mmio32_size = 1 << 16, .io_size = 1 << 16};
    struct dev *host = dev_new(&dev_class_pci_host, kit->root, "pci", &kit->env);
    struct msi_target msi = devkit_msi(kit);
    struct irq lines[4];
    int rc;

    for (unsigned i = 0; i < 4; i++)
        lines[i] = devkit_irq(kit, i);
    pci_host_setup(host, &windows, lines, &msi);
    rc = dev_realize(host, e);
    if (rc)
        return rc;
    kit->dev = dev_new(&dev_class_pvpanic_pci, host, "01.0", &kit->env);
    ((struct pci_dev *)kit->dev)->addr = 8;
    rc = pci_plug(host, kit->dev, e);
    if (!rc)
        rc = dev_realize(kit->dev, e);
    if (rc)
        return rc;
    devkit_place(kit, pci_host_ecam(host));
    devkit_place(kit, pci_host_mmio32(host));
    return 0;
}

/* What firmware does: a place for the BAR, decoding on. */
static inline void map_card(struct devkit *kit)
{
    devkit_write(kit, BLOCK_ECAM, CARD_CONFIG + PCI_BAR0, 4, CARD_BAR);
    devkit_write(kit, BLOCK_ECAM, CARD_CONFIG + PCI_COMMAND, 2, PCI_CMD_MEMORY);
}
#endif
