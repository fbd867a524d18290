/* virtio: what transports, device types and boards share.
 *
 * One instance struct serves a type on every bus: struct virtio is its first member and starts with
 * a struct pci_dev (unused on virtio-mmio). A type (blk, net ...) is a const struct virtio_type
 * plus its classes, one a bus: "virtio-blk-device" plugs into a virtio-mmio slot, "virtio-blk-pci"
 * into PCI.
 *
 * The ring engine hands out chains: descriptors of one request as host iovecs straight into guest
 * RAM. A driver's mistake (an index, length, address or chain that is not valid) sets
 * DEVICE_NEEDS_RESET and says so in the log; the device then ignores its queues until it is reset.
 * It is never more than that.
 *
 * Threads: registers and status changes come from vCPU threads, "locked" (dev->lock held). A kick
 * only posts to the loop; virtio_type's kick(), changed() and all backend callbacks run on the
 * loop, not locked, and lock for what says "locked". Never hold the lock while calling a backend
 * that may call back at once (net). Without a loop (tests) kicks run in the caller. Source:
 * VIRTIO 1.2 (OASIS): 2.7 split rings, 2.8 packed rings, 4.1 PCI, 4.2 MMIO, 5 device types.
 */
#ifndef MYNA_DEV_VIRTIO_H
#define MYNA_DEV_VIRTIO_H

#include <sys/uio.h>

#include "dev/pci.h"
#include "os/loop.h"

enum {
    VIRTIO_RING_MAX = 1024,
    VIRTIO_QUEUES_MAX = 512,
    VIRTIO_CHAIN_MAX = 1024 /* descriptors; also iovecs */
};

enum {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 0x40,
    VIRTIO_FAILED = 0x80
};
enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };

#define VIRTIO_BIT(n)            (UINT64_C(1) << (n))
#define VIRTIO_F_NOTIFY_ON_EMPTY VIRTIO_BIT(24)
#define VIRTIO_F_ANY_LAYOUT      VIRTIO_BIT(27)
#define VIRTIO_F_INDIRECT_DESC   VIRTIO_BIT(28)
#define VIRTIO_F_EVENT_IDX       VIRTIO_BIT(29)
#define VIRTIO_F_VERSION_1       VIRTIO_BIT(32)
#define VIRTIO_F_ACCESS_PLATFORM VIRTIO_BIT(33)
#define VIRTIO_F_RING_PACKED     VIRTIO_BIT(34)
#define VIRTIO_F_RING_RESET      VIRTIO_BIT(40)

struct virtio;
struct virtio_queue;

/* One request. A type's own request struct has it first; its size is virtio_type.request_size. From
 * virtio_pop() until virtio_put() it is the type's, who may change the out-part's iovecs, not those
 * of the in-part. */
struct virtio_chain {
    struct virtio_queue *q;
    struct virtio_chain *next; /* free for the type's lists */
    struct iovec *iov;         /* nout that the driver wrote, then nin for the device to write */
    uint32_t nout, nin;
    uint64_t out_size, in_size; /* bytes */
    /* ---- the engine's ---- */
    uint32_t iov_cap;
    uint32_t epoch;
    uint16_t id, count; /* of descriptors in the ring (packed) */
};

struct virtio_queue {
    struct virtio *v;
    uint16_t index;
    /* ---- registers ---- */
    uint16_t max, size; /* entries; max 0: no such queue */
    uint16_t vector;
    bool enabled;
    uint64_t desc, avail, used; /* guest physical; packed: ring, driver event, device event */
    /* ---- the rings ---- */
    uint8_t *hdesc, *havail, *hused; /* NULL: not mapped */
    uint16_t last_avail, avail_seen; /* next to take; how far the driver was, when last looked */
    uint16_t used_idx, used_pending; /* next to return; returned but not published */
    bool avail_wrap, used_wrap, seen_wrap; /* packed */
    bool kicks_on;
    bool kicked;          /* the loop shall look, and has not yet; atomic */
    uint16_t first_flags; /* packed: flags of the first unpublished entry */
    uint16_t first_at;
    uint32_t busy;  /* chains out */
    uint32_t epoch; /* counts resets */
    struct os_task task;
    struct virtio_chain *pool;
};

struct virtio_type {
    const char *name;
    uint16_t id;            /* VIRTIO 1.2, 5: device id */
    uint16_t legacy_pci_id; /* of the transitional PCI device; 0: none */
    uint32_t class_code;    /* PCI */
    size_t request_size;    /* 0: a bare struct virtio_chain */
    /* Adds queues, features and config before the device appears on its bus. */
    int (*realize)(struct virtio *v, struct err *e);
    void (*destroy)(struct virtio *v);
    /* The driver made buffers available (or may have). On the loop, not locked. */
    void (*kick)(struct virtio *v, struct virtio_queue *q);
    /* The status changed (driver ready, or the device was reset). On the loop, not locked; may be
     * NULL. */
    void (*changed)(struct virtio *v);
    /* Locked; may be NULL: the guest set these accepted features; wrote config; reset the device.
     */
    void (*features)(struct virtio *v);
    void (*config_write)(struct virtio *v, unsigned at, unsigned size, uint64_t value);
    void (*reset)(struct virtio *v);
    /* Waits for requests in flight: machine reset, destruction. On the loop, not locked; may be
     * NULL. */
    void (*drain)(struct virtio *v);
    /* State was loaded; may be NULL. */
    int (*loaded)(struct virtio *v, struct err *e);
};

struct virtio_transport {
    void (*interrupt)(struct virtio *v, uint16_t vector,
                      unsigned isr);       /* locked; isr: VIRTIO_ISR_* */
    bool (*dma_allowed)(struct virtio *v); /* PCI: bus master */
};

enum { VIRTIO_CONFIG_MAX = 256 };

struct virtio {
    struct pci_dev pci; /* first; pci.dev on every bus */
    /* ---- properties (VIRTIO_PROPS, VIRTIO_PCI_PROPS) ---- */
    bool event_idx, packed, indirect_desc, iommu_platform, queue_reset;
    int disable_legacy; /* enum auto */
    bool disable_modern;
    uint32_t vectors; /* PCI: UINT32_MAX: as many as queues need */
    bool ioeventfd, any_layout, notify_on_empty, use_started, disable_check; /* accepted */
    /* ---- the core's ---- */
    const struct virtio_type *type;
    const struct virtio_transport *transport;
    void *transport_arg;
    struct virtio_queue *queues;
    uint32_t nqueues;
    uint64_t offered, accepted;
    uint64_t driver_features; /* as written, until FEATURES_OK */
    uint32_t feature_sel, driver_feature_sel;
    uint16_t queue_sel, config_vector;
    uint8_t status, isr, generation;
    bool legacy;                       /* the driver speaks the legacy interface */
    uint32_t page_size, ring_align;    /* legacy rings */
    uint32_t draining;                 /* chains from before a reset, still with the backend */
    uint8_t config[VIRTIO_CONFIG_MAX]; /* as the driver reads it */
    uint32_t config_size;
    struct os_task changed_task;
    struct virtio_pci *on_pci; /* the PCI transport's part */
};

#define VIRTIO_PROPS                                                \
    {.name = "event_idx",                                           \
     .type = PROP_BOOL,                                             \
     .offset = offsetof(struct virtio, event_idx),                  \
     .def = 1,                                                      \
     .help = "offer event index: fewer kicks and interrupts"},      \
        {.name = "packed",                                          \
         .type = PROP_BOOL,                                         \
         .offset = offsetof(struct virtio, packed),                 \
         .help = "offer packed rings"},                             \
        {.name = "indirect_desc",                                   \
         .type = PROP_BOOL,                                         \
         .offset = offsetof(struct virtio, indirect_desc),          \
         .def = 1,                                                  \
         .help = "offer indirect descriptors"},                     \
        {.name = "iommu_platform",                                  \
         .type = PROP_BOOL,                                         \
         .offset = offsetof(struct virtio, iommu_platform),         \
         .help = "offer platform-translated addresses"},            \
        {.name = "queue_reset",                                     \
         .type = PROP_BOOL,                                         \
         .offset = offsetof(struct virtio, queue_reset),            \
         .def = 1,                                                  \
         .help = "offer the reset of single queues"},               \
        {.name = "any_layout",                                      \
         .type = PROP_BOOL,                                         \
         .offset = offsetof(struct virtio, any_layout),             \
         .def = 1,                                                  \
         .help = "legacy drivers may frame requests as they like"}, \
        {.name = "notify_on_empty",                                 \
         .type = PROP_BOOL,                                         \
         .offset = offsetof(struct virtio, notify_on_empty),        \
         .def = 1,                                                  \
         .help = "legacy: interrupt when a queue runs empty"},      \
        {.name = "use-started",                                     \
         .type = PROP_BOOL,                                         \
         .offset = offsetof(struct virtio, use_started),            \
         .def = 1,                                                  \
         .help = "accepted, has no effect"},                        \
    {                                                               \
        .name = "use-disabled-flag", .type = PROP_BOOL,             \
        .offset = offsetof(struct virtio, disable_check), .def = 1, \
        .help = "accepted, has no effect"                           \
    }

/* Of the -pci classes, after PCI_PROPS and VIRTIO_PROPS. */
#define VIRTIO_PCI_PROPS                                                                      \
    {.name = "vectors",                                                                       \
     .type = PROP_U32,                                                                        \
     .offset = offsetof(struct virtio, vectors),                                              \
     .def = UINT32_MAX,                                                                       \
     .help = "MSI-X vectors; 0: interrupts by line (as many as queues need)"},                \
        {.name = "disable-legacy",                                                            \
         .type = PROP_AUTO,                                                                   \
         .offset = offsetof(struct virtio, disable_legacy),                                   \
         .help = "off: also speak the interface before VIRTIO 1.0"},                          \
        {.name = "disable-modern",                                                            \
         .type = PROP_BOOL,                                                                   \
         .offset = offsetof(struct virtio, disable_modern),                                   \
         .help = "speak only the interface before VIRTIO 1.0"},                               \
    {                                                                                         \
        .name = "ioeventfd", .type = PROP_BOOL, .offset = offsetof(struct virtio, ioeventfd), \
        .def = 1, .help = "accepted: kicks never wait for the device"                         \
    }

/* Of the -device classes, after VIRTIO_PROPS. */
#define VIRTIO_DEVICE_PROPS                                                                      \
    {.name = "bus",                                                                              \
     .type = PROP_STR,                                                                           \
     .offset = offsetof(struct virtio, pci.bus_name),                                            \
     .help = "slot to plug into: virtio-mmio-bus.N (the last free one)"},                        \
    {                                                                                            \
        .name = "bootindex", .type = PROP_I64, .offset = offsetof(struct virtio, pci.bootindex), \
        .def = -1, .help = "place in the order that firmware tries to boot from"                 \
    }

static inline struct virtio *virtio_of(struct dev *d)
{
    return container_of(container_of(d, struct pci_dev, dev), struct virtio, pci);
}

/* ---- classes of a type ---- */
/* Class functions; `virtio_*_reset` and `_destroy` call the type's. */
int virtio_device_realize(struct virtio *v, const struct virtio_type *t, struct err *e);
int virtio_pci_realize(struct virtio *v, const struct virtio_type *t, struct err *e);
void virtio_class_reset(struct dev *d);
void virtio_class_destroy(struct dev *d);
int virtio_class_loaded(struct dev *d, struct err *e);
extern const struct state_field virtio_state[];     /* of struct virtio: nest it first */
extern const struct state_field virtio_pci_state[]; /* the same with the PCI part */

/* ---- types: from realize ---- */
/* Queues have consecutive numbers; `max` entries (power of two, at most VIRTIO_RING_MAX). */
void virtio_queues_set(struct virtio *v, unsigned count, unsigned max);

/* ---- types: at work; locked ---- */
static inline bool virtio_has(const struct virtio *v, uint64_t feature)
{
    return (v->accepted & feature) == feature;
}
static inline struct mem_space *virtio_mem(const struct virtio *v)
{
    return v->pci.dev.env->mem;
}
static inline bool virtio_ready(const struct virtio *v)
{
    return (v->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK;
}
/* The next request or NULL. */
struct virtio_chain *virtio_pop(struct virtio_queue *q);
/* Gives the last popped chains back unused, latest first. */
void virtio_unpop(struct virtio_chain *c);
/* Returns a request with `written` bytes in its in-part; the driver sees it after virtio_publish().
 * A chain from before a reset just vanishes. */
void virtio_put(struct virtio_chain *c, uint64_t written);
/* Publishes what was put and interrupts the driver if it wants that. */
void virtio_publish(struct virtio_queue *q);
/* Does the driver have to kick? Turning on returns true when requests came meanwhile: look again.
 */
bool virtio_kicks(struct virtio_queue *q, bool on);
bool virtio_empty(struct virtio_queue *q);
/* A mistake of the driver: DEVICE_NEEDS_RESET. */
void virtio_broken(struct virtio *v, const char *fmt, ...) printf_like(2, 3);
/* v->config changed: tells the driver. */
void virtio_config_changed(struct virtio *v);
/* Makes the loop look at a queue; any thread, locked or not. */
void virtio_poke(struct virtio_queue *q);

/* Bytes in and out of iovecs; how many could be. */
size_t virtio_iov_get(const struct iovec *iov, unsigned n, size_t at, void *to, size_t size);
size_t virtio_iov_set(const struct iovec *iov, unsigned n, size_t at, const void *from,
                      size_t size);
/* Drops `size` bytes from the front (in place); the entries left, *first moves up. */
unsigned virtio_iov_skip(struct iovec **first, unsigned n, size_t size);

/* ---- transports; locked ---- */
uint64_t virtio_config_get(struct virtio *v, unsigned at, unsigned size);
void virtio_config_put(struct virtio *v, unsigned at, unsigned size, uint64_t value);
uint8_t virtio_status_get(const struct virtio *v);
void virtio_status_set(struct virtio *v, uint8_t status); /* 0 resets */
uint32_t virtio_features_get(const struct virtio *v, uint32_t sel);
void virtio_features_set(struct virtio *v, uint32_t sel, uint32_t bits);
void virtio_queue_enable(struct virtio_queue *q);
void virtio_queue_disable(struct virtio_queue *q);
void virtio_queue_legacy(struct virtio_queue *q, uint64_t at, uint32_t align); /* at 0: disables */
static inline struct virtio_queue *virtio_queue_at(struct virtio *v, unsigned index)
{
    return index < v->nqueues ? &v->queues[index] : NULL;
}
void virtio_kick(struct virtio *v, unsigned index); /* any thread, not locked */

/* ---- boards ---- */
enum { VIRTIO_MMIO_SIZE = 0x200 };
extern const struct dev_class
    dev_class_virtio_mmio; /* a slot; the board makes them in ascending order */
struct mem_region *virtio_mmio_region(struct dev *slot); /* after realize */
void virtio_mmio_setup(struct dev *slot, const struct irq *line);
bool virtio_mmio_used(const struct dev *slot);
/* Puts a new device (class bus "virtio", properties set, not realized) into a slot. */
int must_check virtio_mmio_plug(struct dev *slot, struct dev *d, struct err *e);
/* Puts a new port (class bus "virtio-serial": virtconsole, virtserialport) into the virtio-serial
 * device that its "bus" property names ("ID" or "ID.0"), or the last one below `root`. Before it is
 * realized. */
int must_check virtio_serial_plug(struct dev *root, struct dev *port, struct err *e);

/* ---- for monitors, snapshots and migration; main loop ---- */
/* Waits until the device has no request in flight; vCPUs stand still. Before state is saved;
 * harmless for others. */
void virtio_quiesce(struct dev *d);
/* Asks the driver to tell the network where its card is now (5.1.6.5.4); false: no such card, or it
 * cannot. */
extern const struct dev_class dev_class_virtio_net_device, dev_class_virtio_net_pci;
bool virtio_net_announce(struct dev *d);

/* ---- the balloon, for monitors; main loop; false: the device is none ---- */
extern const struct dev_class dev_class_virtio_balloon_device, dev_class_virtio_balloon_pci;
enum { VIRTIO_BALLOON_STATS = 10 };
struct virtio_balloon_stats {
    int64_t updated_ns;                   /* wall clock; 0: never */
    uint64_t value[VIRTIO_BALLOON_STATS]; /* by tag, 5.5.6.4; UINT64_MAX: not told */
};
bool virtio_balloon_set(struct dev *d, uint64_t bytes); /* that the guest shall lend */
bool virtio_balloon_get(struct dev *d, uint64_t *bytes, struct virtio_balloon_stats *stats);
bool virtio_balloon_poll(struct dev *d, uint32_t seconds); /* 0: stop asking for statistics */
#endif
