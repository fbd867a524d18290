/* PCI and PCI Express: host bridges, buses, and what a PCI device model needs.
 *
 * A board makes a host bridge (dev_class_pci_host), gives it interrupt lines and a way for MSIs,
 * places its regions, and plugs devices of bus "pci" before it realizes them. A device model has a
 * struct pci_dev as its first member (whose first member is the struct dev), PCI_PROPS in its
 * properties and pci_dev_state in its state, and calls pci_dev_init() from realize.
 *
 * Power-on leaves BARs unassigned: firmware or the guest's kernel places them. A BAR's region
 * appears in the bus's memory or I/O space while the guest has it decoded, as windows of bridges
 * above allow.
 *
 * Threads: building and plugging while vCPUs stand still. Configuration accesses hold the host
 * bridge's lock, then the device's. What says "locked" wants the device's dev->lock held;
 * interrupts may be raised from any thread then. Sources: PCI Local Bus 3.0, PCI Express Base 4.0
 * (7.2 ECAM, 7.5 configuration space), PCI-to-PCI Bridge 1.2.
 */
#ifndef MYNA_DEV_PCI_H
#define MYNA_DEV_PCI_H

#include "core/dev.h"

enum { PCI_CONFIG_SIZE = 256, PCIE_CONFIG_SIZE = 4096, PCI_BARS = 6, PCI_DEVFN_MAX = 256 };
enum { PCI_NO_VECTOR = 0xffff };

/* Registers of the configuration header that models touch (PCI 3.0, 6.1). */
enum {
    PCI_VENDOR = 0x00,
    PCI_DEVICE = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS = 0x09,
    PCI_CACHE_LINE = 0x0c,
    PCI_LATENCY = 0x0d,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SUBVENDOR = 0x2c,
    PCI_SUBDEVICE = 0x2e,
    PCI_ROM = 0x30,
    PCI_CAP_LIST = 0x34,
    PCI_INT_LINE = 0x3c,
    PCI_INT_PIN = 0x3d,
};
enum {
    PCI_CMD_IO = 1,
    PCI_CMD_MEMORY = 2,
    PCI_CMD_MASTER = 4,
    PCI_CMD_PARITY = 0x40,
    PCI_CMD_SERR = 0x100,
    PCI_CMD_INTX_OFF = 0x400
};
enum { PCI_STATUS_INTX = 8, PCI_STATUS_CAPS = 0x10 };
enum {
    PCI_CAP_PM = 1,
    PCI_CAP_MSI = 5,
    PCI_CAP_VENDOR = 9,
    PCI_CAP_EXPRESS = 0x10,
    PCI_CAP_MSIX = 0x11
};
enum { PCI_BAR_IO = 1, PCI_BAR_MEM64 = 4, PCI_BAR_PREFETCH = 8 };

struct pci_bus;
struct pci_dev;

struct pci_ident {
    uint16_t vendor, device, subvendor, subdevice;
    uint32_t class_code; /* 24 bits: class, subclass, interface */
    uint8_t revision;
    uint8_t pin; /* INTx: 1..4 = A..D; 0: none */
};

/* What a model may want to know of configuration accesses; locked; all may be NULL. */
struct pci_ops {
    /* True: *value is what the guest reads, instead of the stored bytes. */
    bool (*config_read)(struct pci_dev *p, unsigned at, unsigned size, uint32_t *value);
    /* After the writable bits were stored. */
    void (*config_written)(struct pci_dev *p, unsigned at, unsigned size);
};

struct pci_bar {
    struct mem_region *region; /* the model's */
    uint64_t size;             /* power of two; 0: no BAR */
    uint64_t at;               /* where it is mapped; UINT64_MAX: nowhere */
    uint8_t type;
};

struct pci_msix {
    uint8_t *table;                    /* 16 bytes a vector, as the guest sees them */
    uint8_t *pending;                  /* bitmap, padded to 8 bytes */
    uint32_t table_size, pending_size; /* bytes */
    uint16_t vectors;                  /* 0: no MSI-X */
    uint16_t cap;                      /* configuration offset */
    uint16_t pending_at;               /* of the PBA in its BAR */
    struct mem_region *region;
};

struct pci_dev {
    struct dev dev; /* first */
    /* ---- properties (PCI_PROPS) ---- */
    int addr;
    bool multifunction;
    char *bus_name;
    char *romfile; /* accepted; option ROMs are for x86 firmware */
    int64_t rombar;
    int64_t bootindex;
    /* ---- pci/ fills the rest ---- */
    struct pci_bus *bus; /* NULL: not plugged */
    uint8_t devfn;
    const struct pci_ops *ops;
    uint8_t *config, *writable, *clearable /* write 1 to clear */, *initial;
    uint32_t config_size; /* 0: not initialised */
    uint16_t cap_end;     /* next free byte for capabilities */
    uint16_t msi_cap, express_cap;
    struct pci_bar bars[PCI_BARS];
    struct pci_msix msix;
    bool intx, intx_out;       /* the model's wish; the line (INTx may be disabled) */
    bool sealed;               /* `initial` holds the header as realize left it */
    struct pci_bus *secondary; /* bridges: the bus below */
};

/* In the property table of each PCI device class; T's first member is a struct pci_dev. */
#define PCI_PROPS                                                                             \
    {.name = "addr",                                                                          \
     .type = PROP_PCI,                                                                        \
     .offset = offsetof(struct pci_dev, addr),                                                \
     .def = -1,                                                                               \
     .help = "slot and function on the bus, such as 05.0"},                                   \
        {.name = "multifunction",                                                             \
         .type = PROP_BOOL,                                                                   \
         .offset = offsetof(struct pci_dev, multifunction),                                   \
         .help = "other functions share the slot"},                                           \
        {.name = "bus",                                                                       \
         .type = PROP_STR,                                                                    \
         .offset = offsetof(struct pci_dev, bus_name),                                        \
         .help = "bus to plug into: pcie.0 or the id of a port"},                             \
        {.name = "romfile",                                                                   \
         .type = PROP_STR,                                                                    \
         .offset = offsetof(struct pci_dev, romfile),                                         \
         .help = "accepted, not used: no firmware of this machine runs option ROMs"},         \
        {.name = "rombar",                                                                    \
         .type = PROP_I64,                                                                    \
         .offset = offsetof(struct pci_dev, rombar),                                          \
         .def = -1,                                                                           \
         .help = "accepted, not used: see romfile"},                                          \
    {                                                                                         \
        .name = "bootindex", .type = PROP_I64, .offset = offsetof(struct pci_dev, bootindex), \
        .def = -1, .help = "place in the order that firmware tries to boot from"              \
    }

extern const struct state_field pci_dev_state[];

/* ---- device models; from realize ---- */
/* Config space with this header. Fails when the device is not plugged. */
int must_check pci_dev_init(struct pci_dev *p, const struct pci_ident *ident,
                            const struct pci_ops *ops, struct err *e);
void pci_dev_done(struct pci_dev *p); /* from destroy: unmaps, frees, leaves its slot; harmless when
                                         not initialised */
void pci_dev_reset(
    struct pci_dev *p); /* from reset: power-on configuration, BARs unmapped, interrupts low */
int must_check pci_dev_loaded(struct pci_dev *p, struct err *e); /* from loaded */
/* The region stays the model's, who frees it after pci_dev_done(). Size: the region's, rounded up
 * to a power of two. */
void pci_bar_set(struct pci_dev *p, unsigned bar, uint8_t type, struct mem_region *region);
/* A capability of `size` bytes (head included, zero but the head); its offset. writable: NULL or
 * mask bytes, of all bytes. */
unsigned pci_cap_add(struct pci_dev *p, uint8_t id, unsigned size, const uint8_t *writable);
void pci_express_add(
    struct pci_dev *p,
    unsigned type /* PCI Express 7.5.3.2; 0 endpoint, 4 root port, 9 integrated */);
void pci_pm_add(struct pci_dev *p);
/* MSI-X with its table and pending bits in a BAR of its own. */
void pci_msix_add(struct pci_dev *p, unsigned bar, unsigned vectors);
void pci_msi_add(struct pci_dev *p, unsigned vectors /* power of two, at most 32 */);
bool pci_is_express(const struct pci_dev *p); /* sits on a PCI Express bus */
bool pci_on_root_bus(const struct pci_dev *p);

/* ---- device models at work; locked ---- */
void pci_intx_set(struct pci_dev *p, bool level);
bool pci_msix_enabled(const struct pci_dev *p);
void pci_msix_raise(struct pci_dev *p,
                    unsigned vector); /* pends while masked; out of range: nothing */
void pci_msix_unpend(struct pci_dev *p, unsigned vector);
bool pci_msi_enabled(const struct pci_dev *p);
void pci_msi_raise(struct pci_dev *p, unsigned vector);
static inline bool pci_bus_master(const struct pci_dev *p)
{
    return p->config && (p->config[PCI_COMMAND] & PCI_CMD_MASTER);
}
uint16_t pci_requester_id(const struct pci_dev *p);

/* ---- boards ---- */
extern const struct dev_class dev_class_pci_host;

struct pci_windows {
    uint64_t ecam_size;                /* 1 MB a bus, power of two, at most 256 MB */
    uint64_t mmio32_base, mmio32_size; /* PCI address = guest physical address */
    uint64_t mmio64_base, mmio64_size; /* size 0: none */
    uint64_t io_size;                  /* PCI I/O 0.. */
};
/* Between dev_new() and dev_realize() of the host bridge. Lines are INTA..INTD. */
void pci_host_setup(struct dev *host, const struct pci_windows *w, const struct irq lines[4],
                    const struct msi_target *msi);
/* After realize, to be placed by the board in its memory map; mmio64 NULL when it has no size. */
struct mem_region *pci_host_ecam(struct dev *host);
struct mem_region *pci_host_mmio32(struct dev *host);
struct mem_region *pci_host_mmio64(struct dev *host);
struct mem_region *pci_host_io(struct dev *host);
struct pci_bus *pci_host_bus(struct dev *host);

/* Puts a new device (class bus "pci", properties set, not realized) on the bus its "bus" property
 * names, or the root bus, at its "addr" or the first free slot. */
int must_check pci_plug(struct dev *host, struct dev *d, struct err *e);
/* While the machine runs cards come and go in slots of pcie-root-ports alone; vCPUs stand still.
 * The first is as pci_plug(). */
int must_check pci_hot_plug(struct dev *host, struct dev *d, struct err *e);
/* The device is realized and reset: the guest is told. */
void pci_hot_added(struct dev *d);
/* Asks the guest to let go of a device. When it has, gone() is called on the loop, to free it. */
int must_check pci_hot_remove(struct dev *d, void (*gone)(void *arg, struct dev *d), void *arg,
                              struct err *e);
/* Where it sits, as firmware's boot order and logs name it ("03.0", below a port "01.0/00.0"). */
struct str;
void pci_dev_place(const struct pci_dev *p, struct str *out);
#endif
