/* virtio-blk (VIRTIO 1.2, 5.2): a disk. Owns the requests' form and the disk's parameters; reads
 * and writes go straight between guest RAM and blk/. Knows nothing of image formats or transports.
 *
 * A read's life: the driver's kick posts to the loop; blk_kick() takes all requests under the lock
 * and starts them without it; blk_done() (on the loop) returns each with its status under the lock.
 */
#include "blk/blk.h"
#include "base/log.h"
#include "base/trace.h"
#include "dev/virtio/class.h"
#include "dev/virtio/trace.def"

struct virtio_blk {
    struct virtio v; /* first */
    /* ---- properties ---- */
    char *drive, *serial;
    uint16_t num_queues, queue_size;
    int write_cache; /* auto */
    bool discard, write_zeroes, config_wce, seg_max_adjust, request_merging, share_rw;
    uint32_t block_size, physical_block_size, min_io_size, opt_io_size, discard_granularity;
    uint32_t max_discard_sectors, max_write_zeroes_sectors;
    uint32_t cyls, heads, secs;
    int rerror, werror;
    /* ---- */
    struct blk *blk;
    uint64_t size;  /* bytes */
    bool writeback; /* as power-on has it */
};

struct blk_request {
    struct virtio_chain c; /* first */
    uint8_t *status;
    uint64_t in_bytes; /* that a success writes, without the status */
};

#define F_SEG_MAX      VIRTIO_BIT(2)
#define F_GEOMETRY     VIRTIO_BIT(4)
#define F_RO           VIRTIO_BIT(5)
#define F_BLK_SIZE     VIRTIO_BIT(6)
#define F_FLUSH        VIRTIO_BIT(9)
#define F_TOPOLOGY     VIRTIO_BIT(10)
#define F_CONFIG_WCE   VIRTIO_BIT(11)
#define F_MQ           VIRTIO_BIT(12)
#define F_DISCARD      VIRTIO_BIT(13)
#define F_WRITE_ZEROES VIRTIO_BIT(14)

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { HEADER = 16, ID_LENGTH = 20, SECTOR = 512, BATCH = 64, BATCHES = 8, QUEUES_AUTO = 4 };
/* Offsets in the configuration space, 5.2.4. */
enum {
    C_CAPACITY = 0,
    C_SEG_MAX = 12,
    C_CYLS = 16,
    C_HEADS = 18,
    C_SECS = 19,
    C_BLK_SIZE = 20,
    C_PHYS_EXP = 24,
    C_MIN_IO = 26,
    C_OPT_IO = 28,
    C_WRITEBACK = 32,
    C_NUM_QUEUES = 34,
    C_MAX_DISCARD = 36,
    C_DISCARD_SEG = 40,
    C_DISCARD_ALIGN = 44,
    C_MAX_ZEROES = 48,
    C_ZEROES_SEG = 52,
    C_ZEROES_UNMAP = 56,
    C_SIZE = 60
};

static struct virtio_blk *blk_of(struct virtio *v)
{
    return container_of(v, struct virtio_blk, v);
}

/* ---- requests; on the loop, not locked ---- */

static void finish(struct blk_request *r, uint8_t status)
{
    struct virtio_queue *q = r->c.q;
    struct os_mutex *lock = &q->v->pci.dev.lock;

    trace_dev(virtio_blk_done, &q->v->pci.dev, "status %u, %llu bytes", status,
              (unsigned long long)r->in_bytes);
    os_mutex_lock(lock);
    if (r->c.epoch == q->epoch) {
        *r->status = status;
        mem_dma_done(virtio_mem(q->v), r->status, 1);
    }
    virtio_put(&r->c, (status == S_OK ? r->in_bytes : 0) + 1);
    virtio_publish(q);
    os_mutex_unlock(lock);
}

static void blk_done(void *arg, int rc)
{
    finish(arg, rc ? S_IOERR : S_OK);
}

/* Does the range lie on the disk, in whole blocks? */
static bool range_good(const struct virtio_blk *b, uint64_t sector, uint64_t bytes)
{
    uint64_t at = sector * SECTOR;

    return sector <= b->size / SECTOR && bytes <= b->size - at && at % b->block_size == 0 &&
           bytes % b->block_size == 0;
}

static bool cached(struct virtio_blk *b)
{
    /* 5.2.5.2: without FLUSH the driver cannot ask for durability, so each write has it. */
    return virtio_has(&b->v, F_FLUSH) && b->v.config[C_WRITEBACK];
}

/* Data in is all of the in-part but the last byte, the status. */
static unsigned in_data(struct blk_request *r, struct iovec **iov, uint64_t *bytes)
{
    *iov = r->c.iov + r->c.nout;
    *bytes = r->c.in_size - 1;
    return r->c.nin - ((*iov)[r->c.nin - 1].iov_len == 0);
}

static void start_read(struct virtio_blk *b, struct blk_request *r, uint64_t sector)
{
    struct iovec *iov;
    uint64_t bytes;
    unsigned n = in_data(r, &iov, &bytes);

    if (!bytes || !range_good(b, sector, bytes)) {
        finish(r, S_IOERR);
        return;
    }
    r->in_bytes = bytes;
    blk_readv(b->blk, sector * SECTOR, iov, (int)n, blk_done, r);
}

static void start_write(struct virtio_blk *b, struct blk_request *r, struct iovec *iov, unsigned n,
                        uint64_t sector)
{
    uint64_t bytes = r->c.out_size - HEADER;

    if (!bytes || !range_good(b, sector, bytes) || blk_readonly(b->blk)) {
        finish(r, S_IOERR);
        return;
    }
    blk_writev(b->blk, sector * SECTOR, iov, (int)n, cached(b) ? 0 : BLK_FUA, blk_done, r);
}

/* One segment of 16 bytes: sector, count, flags (5.2.6). */
static void start_range(struct virtio_blk *b, struct blk_request *r, struct iovec *iov, unsigned n,
                        bool zeroes)
{
    uint8_t seg[16];
    uint64_t sector, bytes;
    uint32_t sectors, flags;

    if (!virtio_has(&b->v, zeroes ? F_WRITE_ZEROES : F_DISCARD) ||
        r->c.out_size - HEADER != sizeof(seg)) {
        finish(r, S_UNSUPP);
        return;
    }
    virtio_iov_get(iov, n, 0, seg, sizeof(seg));
    sector = mem_ld64le(seg);
    sectors = mem_ld32le(seg + 8);
    flags = mem_ld32le(seg + 12);
    bytes = (uint64_t)sectors * SECTOR;
    if (flags & ~(zeroes ? 1u : 0u)) {
        finish(r, S_UNSUPP);
    } else if (sectors > (zeroes ? b->max_write_zeroes_sectors : b->max_discard_sectors) ||
               !range_good(b, sector, bytes) || blk_readonly(b->blk)) {
        finish(r, S_IOERR);
    } else if (!bytes) {
        finish(r, S_OK);
    } else if (zeroes) {
        blk_write_zeroes(b->blk, sector * SECTOR, bytes,
                         (flags & 1 ? BLK_MAY_UNMAP : 0u) | (cached(b) ? 0u : (unsigned)BLK_FUA),
                         blk_done, r);
    } else {
        blk_discard(b->blk, sector * SECTOR, bytes, blk_done, r);
    }
}

static void get_id(struct virtio_blk *b, struct blk_request *r)
{
    char id[ID_LENGTH] = {0};
    struct iovec *iov;
    uint64_t bytes;
    unsigned n = in_data(r, &iov, &bytes);
    const char *serial = b->serial ? b->serial : "";

    memcpy(id, serial, min_of(strlen(serial), sizeof(id)));
    r->in_bytes = virtio_iov_set(iov, n, 0, id, (size_t)min_of(bytes, (uint64_t)sizeof(id)));
    finish(r, S_OK);
}

static void start(struct virtio_blk *b, struct blk_request *r)
{
    uint8_t header[HEADER];
    struct iovec *iov = r->c.iov, *last;
    unsigned n;
    uint64_t sector;

    if (r->c.out_size < HEADER || !r->c.in_size) {
        struct virtio *v = &b->v;

        os_mutex_lock(&v->pci.dev.lock);
        virtio_broken(v, "a request without header or status");
        virtio_put(&r->c, 0);
        os_mutex_unlock(&v->pci.dev.lock);
        return;
    }
    virtio_iov_get(iov, r->c.nout, 0, header, HEADER);
    n = virtio_iov_skip(&iov, r->c.nout, HEADER);
    last = &r->c.iov[r->c.nout + r->c.nin - 1];
    r->status = (uint8_t *)last->iov_base + --last->iov_len;
    r->in_bytes = 0;
    sector = mem_ld64le(header + 8);
    trace_dev(virtio_blk_request, &b->v.pci.dev, "type %u, sector %llu, %llu out, %llu in",
              mem_ld32le(header), (unsigned long long)sector,
              (unsigned long long)r->c.out_size - HEADER, (unsigned long long)r->c.in_size - 1);
    switch (mem_ld32le(header)) {
    case T_IN:
        start_read(b, r, sector);
        break;
    case T_OUT:
        start_write(b, r, iov, n, sector);
        break;
    case T_FLUSH:
        blk_flush(b->blk, blk_done, r);
        break;
    case T_GET_ID:
        get_id(b, r);
        break;
    case T_DISCARD:
        start_range(b, r, iov, n, false);
        break;
    case T_WRITE_ZEROES:
        start_range(b, r, iov, n, true);
        break;
    default:
        finish(r, S_UNSUPP);
    }
}

/* Takes up to BATCH requests; NULL: none. *more: some came while kicks were off. */
static struct virtio_chain *take(struct virtio_queue *q, bool *more)
{
    struct virtio_chain *first = NULL, **tail = &first;

    os_mutex_lock(&q->v->pci.dev.lock);
    virtio_kicks(q, false);
    for (unsigned i = 0; i < BATCH; i++) {
        struct virtio_chain *c = virtio_pop(q);

        if (!c)
            break;
        *tail = c;
        tail = &c->next;
    }
    *more = first || virtio_kicks(q, true);
    os_mutex_unlock(&q->v->pci.dev.lock);
    return first;
}

static void blk_kick(struct virtio *v, struct virtio_queue *q)
{
    bool more = true;

    for (unsigned round = 0; more; round++) {
        struct virtio_chain *c;

        if (round == BATCHES) { /* others want the loop, too */
            virtio_poke(q);
            return;
        }
        blk_plug(blk_of(v)->blk); /* all to the kernel in one call */
        for (c = take(q, &more); c;) {
            struct virtio_chain *next = c->next;

            start(blk_of(v), container_of(c, struct blk_request, c));
            c = next;
        }
        blk_unplug(blk_of(v)->blk);
    }
}

/* ---- parameters ---- */

static void fill_config(struct virtio_blk *b)
{
    uint8_t *c = b->v.config;
    uint64_t cyls = b->size / SECTOR / (16 * 63);
    unsigned align = b->discard_granularity / SECTOR;

    memset(c, 0, C_SIZE);
    mem_st64le(c + C_CAPACITY, b->size / SECTOR);
    mem_st32le(c + C_SEG_MAX, (b->seg_max_adjust ? b->queue_size : 128u) - 2);
    mem_st16le(c + C_CYLS, (uint16_t)(b->cyls ? b->cyls : min_of(cyls, (uint64_t)UINT16_MAX)));
    c[C_HEADS] = (uint8_t)(b->cyls ? b->heads : 16);
    c[C_SECS] = (uint8_t)(b->cyls ? b->secs : 63);
    mem_st32le(c + C_BLK_SIZE, b->block_size);
    c[C_PHYS_EXP] = (uint8_t)bits_ctz32(b->physical_block_size / b->block_size);
    mem_st16le(c + C_MIN_IO, (uint16_t)(b->min_io_size / b->block_size));
    mem_st32le(c + C_OPT_IO, b->opt_io_size / b->block_size);
    c[C_WRITEBACK] = b->writeback;
    mem_st16le(c + C_NUM_QUEUES, b->num_queues);
    mem_st32le(c + C_MAX_DISCARD, b->max_discard_sectors);
    mem_st32le(c + C_DISCARD_SEG, 1);
    mem_st32le(c + C_DISCARD_ALIGN, align);
    mem_st32le(c + C_MAX_ZEROES, b->max_write_zeroes_sectors);
    mem_st32le(c + C_ZEROES_SEG, 1);
    c[C_ZEROES_UNMAP] = 1;
    b->v.config_size = C_SIZE;
}

static void blk_config_write(struct virtio *v, unsigned at, unsigned size, uint64_t value)
{
    if (at == C_WRITEBACK && size == 1 && virtio_has(v, F_CONFIG_WCE) && value <= 1)
        v->config[C_WRITEBACK] = (uint8_t)value;
}

static void blk_reset(struct virtio *v)
{
    v->config[C_WRITEBACK] = blk_of(v)->writeback;
}

static void blk_drain_all(struct virtio *v)
{
    struct virtio_blk *b = blk_of(v);

    if (b->blk)
        blk_drain(b->blk);
}

static int check_props(struct virtio_blk *b, struct err *e)
{
    const char *name = b->v.pci.dev.cls->name;

    if (!b->physical_block_size)
        b->physical_block_size = max_of(b->block_size, blk_block_size(b->blk));
    if (!bits_is_pow2(b->block_size) || b->block_size < SECTOR || b->block_size > 2u << 20)
        return err_text(e, EINVAL, "%s: logical_block_size=%u is no power of two from 512 to 2M",
                        name, b->block_size);
    if (!bits_is_pow2(b->physical_block_size) || b->physical_block_size < b->block_size)
        return err_text(
            e, EINVAL,
            "%s: physical_block_size=%u is no power of two of at least logical_block_size", name,
            b->physical_block_size);
    if (!bits_is_pow2(b->queue_size) || b->queue_size < 4 || b->queue_size > VIRTIO_RING_MAX)
        return err_text(e, EINVAL, "%s: queue-size=%u is no power of two from 4 to %u", name,
                        b->queue_size, VIRTIO_RING_MAX);
    if (b->num_queues > VIRTIO_QUEUES_MAX)
        return err_text(e, EINVAL, "%s: num-queues=%u is above %u", name, b->num_queues,
                        VIRTIO_QUEUES_MAX);
    if (b->cyls && (!b->heads || b->heads > 255 || !b->secs || b->secs > 255 || b->cyls > 65535))
        return err_text(e, EINVAL, "%s: cyls, heads and secs go together, to 65535, 255 and 255",
                        name);
    if (b->serial && strlen(b->serial) > ID_LENGTH)
        return err_text(e, EINVAL, "%s: serial=%s has more than %u characters", name, b->serial,
                        ID_LENGTH);
    if (!b->discard_granularity || b->discard_granularity == UINT32_MAX)
        b->discard_granularity = max_of(b->block_size, blk_discard_unit(b->blk));
    return 0;
}

static int blk_realize(struct virtio *v, struct err *e)
{
    struct virtio_blk *b = blk_of(v);
    struct dev_env *env = v->pci.dev.env;
    int rc;

    if (!b->drive)
        return err_text(e, EINVAL, "%s needs drive=ID of a -drive or -blockdev",
                        v->pci.dev.cls->name);
    b->blk = env->find_blk(env->machine, b->drive);
    if (!b->blk)
        return err_text(e, ENOENT, "%s: no -drive or -blockdev has the id '%s'",
                        v->pci.dev.cls->name, b->drive);
    rc = check_props(b, e);
    if (rc)
        return rc;
    b->size = blk_size(b->blk) & ~(uint64_t)(b->block_size - 1);
    b->writeback = b->write_cache != 2;
    if (!b->num_queues)
        b->num_queues = v->pci.bus ? QUEUES_AUTO : 1;
    v->offered |= F_SEG_MAX | F_GEOMETRY | F_BLK_SIZE | F_FLUSH | F_TOPOLOGY;
    if (b->num_queues > 1)
        v->offered |= F_MQ;
    if (b->config_wce)
        v->offered |= F_CONFIG_WCE;
    if (blk_readonly(b->blk))
        v->offered |= F_RO;
    else
        v->offered |= (b->discard && b->max_discard_sectors ? F_DISCARD : 0) |
                      (b->write_zeroes && b->max_write_zeroes_sectors ? F_WRITE_ZEROES : 0);
    virtio_queues_set(v, b->num_queues, b->queue_size);
    fill_config(b);
    return 0;
}

static void blk_destroy(struct virtio *v)
{
    blk_of(v)->blk = NULL;
}

static const struct virtio_type blk_type = {
    .name = "virtio-blk",
    .id = 2,
    .legacy_pci_id = 0x1001,
    .class_code = 0x010000,
    .request_size = sizeof(struct blk_request),
    .realize = blk_realize,
    .destroy = blk_destroy,
    .kick = blk_kick,
    .config_write = blk_config_write,
    .reset = blk_reset,
    .drain = blk_drain_all,
};

/* ---- classes ---- */

static const char *const error_actions[] = {"auto", "report", "ignore", NULL};

#define B(member) .offset = offsetof(struct virtio_blk, member)
#define BLK_PROPS                                                                                 \
    {.name = "drive", .type = PROP_LINK, B(drive), .link = "blk", .help = "the disk"},            \
        {.name = "serial",                                                                        \
         .type = PROP_STR,                                                                        \
         B(serial),                                                                               \
         .help = "serial number, at most 20 characters"},                                         \
        {.name = "num-queues",                                                                    \
         .type = PROP_U16,                                                                        \
         B(num_queues),                                                                           \
         .help = "queues (0: as the bus can use)"},                                               \
        {.name = "queue-size",                                                                    \
         .type = PROP_U16,                                                                        \
         B(queue_size),                                                                           \
         .def = 256,                                                                              \
         .help = "entries of a queue"},                                                           \
        {.name = "write-cache",                                                                   \
         .type = PROP_AUTO,                                                                       \
         B(write_cache),                                                                          \
         .help = "off: each write is durable at once"},                                           \
        {.name = "discard",                                                                       \
         .type = PROP_BOOL,                                                                       \
         B(discard),                                                                              \
         .def = 1,                                                                                \
         .help = "the guest may discard"},                                                        \
        {.name = "write-zeroes",                                                                  \
         .type = PROP_BOOL,                                                                       \
         B(write_zeroes),                                                                         \
         .def = 1,                                                                                \
         .help = "the guest may write zeroes"},                                                   \
        {.name = "config-wce",                                                                    \
         .type = PROP_BOOL,                                                                       \
         B(config_wce),                                                                           \
         .def = 1,                                                                                \
         .help = "the guest may switch the cache"},                                               \
        {.name = "seg-max-adjust",                                                                \
         .type = PROP_BOOL,                                                                       \
         B(seg_max_adjust),                                                                       \
         .def = 1,                                                                                \
         .help = "off: requests have at most 126 pieces"},                                        \
        {.name = "request-merging",                                                               \
         .type = PROP_BOOL,                                                                       \
         B(request_merging),                                                                      \
         .def = 1,                                                                                \
         .help = "accepted, has no effect"},                                                      \
        {.name = "share-rw",                                                                      \
         .type = PROP_BOOL,                                                                       \
         B(share_rw),                                                                             \
         .help = "accepted: locks are the drive's"},                                              \
        {.name = "logical_block_size",                                                            \
         .type = PROP_U32,                                                                        \
         B(block_size),                                                                           \
         .def = 512,                                                                              \
         .help = "bytes"},                                                                        \
        {.name = "physical_block_size",                                                           \
         .type = PROP_U32,                                                                        \
         B(physical_block_size),                                                                  \
         .help = "bytes (0: the drive's)"},                                                       \
        {.name = "min_io_size", .type = PROP_U32, B(min_io_size), .help = "bytes"},               \
        {.name = "opt_io_size", .type = PROP_U32, B(opt_io_size), .help = "bytes"},               \
        {.name = "discard_granularity",                                                           \
         .type = PROP_U32,                                                                        \
         B(discard_granularity),                                                                  \
         .help = "bytes (0: the drive's)"},                                                       \
        {.name = "max-discard-sectors",                                                           \
         .type = PROP_U32,                                                                        \
         B(max_discard_sectors),                                                                  \
         .def = 0x3fffff,                                                                         \
         .help = "of 512 bytes in one request"},                                                  \
        {.name = "max-write-zeroes-sectors",                                                      \
         .type = PROP_U32,                                                                        \
         B(max_write_zeroes_sectors),                                                             \
         .def = 0x3fffff,                                                                         \
         .help = "of 512 bytes in one request"},                                                  \
        {.name = "cyls", .type = PROP_U32, B(cyls), .help = "geometry that old systems ask for"}, \
        {.name = "heads", .type = PROP_U32, B(heads), .help = "geometry"},                        \
        {.name = "secs", .type = PROP_U32, B(secs), .help = "geometry"},                          \
        {.name = "rerror",                                                                        \
         .type = PROP_ENUM,                                                                       \
         B(rerror),                                                                               \
         .values = error_actions,                                                                 \
         .help = "errors go to the guest"},                                                       \
    {                                                                                             \
        .name = "werror", .type = PROP_ENUM, B(werror), .values = error_actions,                  \
        .help = "errors go to the guest"                                                          \
    }

static const struct prop device_props[] = {BLK_PROPS, VIRTIO_PROPS, VIRTIO_DEVICE_PROPS, {0}};
static const struct prop pci_props[] = {BLK_PROPS, PCI_PROPS, VIRTIO_PROPS, VIRTIO_PCI_PROPS, {0}};

VIRTIO_REALIZE(blk_type)

const struct dev_class dev_class_virtio_blk_device = {
    .name = "virtio-blk-device",
    .bus = "virtio",
    .help = "virtio disk in a virtio-mmio slot",
    VIRTIO_CLASS(struct virtio_blk, device_props, virtio_state, device_realize),
};

static const char *const pci_aliases[] = {"virtio-blk", "virtio-blk-pci-non-transitional", NULL};

const struct dev_class dev_class_virtio_blk_pci = {
    .name = "virtio-blk-pci",
    .aliases = pci_aliases,
    .bus = "pci",
    .help = "virtio disk on PCI",
    VIRTIO_CLASS(struct virtio_blk, pci_props, virtio_pci_state, pci_realize),
};
