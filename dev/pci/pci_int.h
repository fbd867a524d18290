/* Private to dev/pci: buses and the host bridge. */
#ifndef MYNA_DEV_PCI_INT_H
#define MYNA_DEV_PCI_INT_H

#include <errno.h>

#include "base/bits.h"
#include "base/mem.h"
#include "dev/pci.h"

struct pci_host;

struct pci_bus {
    const char *name;
    struct pci_host *host;
    struct pci_dev *bridge; /* NULL: the root bus */
    bool express;
    unsigned first_slot, slots;
    struct pci_dev *devs[PCI_DEVFN_MAX];
};

struct pci_host {
    struct dev dev;
    struct pci_windows w;
    struct irq lines[4];
    struct msi_target msi;
    /* Leaf lock: devices assert lines with their own lock held, and share them. */
    struct os_mutex intx_lock;
    unsigned asserted[4];
    struct pci_bus root;
    struct mem_region *mem, *io; /* the bus's address spaces */
    struct mem_region *ecam, *mmio32, *mmio64;
};

/* Type 1 headers (PCI-to-PCI Bridge 1.2, 3.2). */
enum {
    BRIDGE_PRIMARY = 0x18,
    BRIDGE_SECONDARY = 0x19,
    BRIDGE_SUBORDINATE = 0x1a,
    BRIDGE_IO_BASE = 0x1c,
    BRIDGE_IO_LIMIT = 0x1d,
    BRIDGE_SEC_STATUS = 0x1e,
    BRIDGE_MEM_BASE = 0x20,
    BRIDGE_MEM_LIMIT = 0x22,
    BRIDGE_PREF_BASE = 0x24,
    BRIDGE_PREF_LIMIT = 0x26,
    BRIDGE_PREF_BASE_HIGH = 0x28,
    BRIDGE_PREF_LIMIT_HIGH = 0x2c,
    BRIDGE_IO_BASE_HIGH = 0x30,
    BRIDGE_IO_LIMIT_HIGH = 0x32,
    BRIDGE_CONTROL = 0x3e,
};

unsigned pci_bus_number(const struct pci_bus *b);
bool pci_bridge_hotplug(const struct pci_dev *bridge);
/* Does a bridge forward [at, last] downstream? */
bool pci_bridge_forwards(const struct pci_dev *bridge, bool io, uint64_t at, uint64_t last);

/* Configuration accesses; the host bridge's lock is held, the device's is taken. */
uint32_t pci_config_read(struct pci_dev *p, unsigned at, unsigned size);
void pci_config_write(struct pci_dev *p, unsigned at, unsigned size, uint32_t value);
/* Its bus goes away before it does. */
void pci_orphan(struct pci_dev *p);
/* Locked: places BARs as the configuration says. */
void pci_bars_update(struct pci_dev *p);
void pci_intx_update(struct pci_dev *p);
void pci_intx_route(struct pci_dev *p, bool level);
void pci_msi_config_written(struct pci_dev *p, unsigned at, unsigned size);
void pci_msi_reset(struct pci_dev *p);
void pci_msi_done(struct pci_dev *p);
#endif
