/* virtio-balloon (VIRTIO 1.2, 5.5): memory that the guest lends back to the host, and its
 * statistics. Owns the target and the numbers; gives pages of RAM back by os/map.h. Knows nothing
 * of who asks (ctl/).
 */
#include "base/trace.h"
#include "dev/virtio/class.h"
#include "dev/virtio/trace.def"
#include "os/map.h"

struct virtio_balloon {
    struct virtio v; /* first */
    bool deflate_on_oom, reporting, page_poison, hint;
    uint32_t interval; /* seconds between statistics; 0: none */
    char *iothread;
    struct timer timer;
    struct virtio_balloon_stats stats; /* locked */
};

#define F_MUST_TELL_HOST VIRTIO_BIT(0)
#define F_STATS          VIRTIO_BIT(1)
#define F_DEFLATE_ON_OOM VIRTIO_BIT(2)
#define F_PAGE_POISON    VIRTIO_BIT(4)
#define F_REPORTING      VIRTIO_BIT(5)

enum { INFLATE = 0, DEFLATE = 1, STATS = 2, REPORTING = 3 };
enum { C_NUM_PAGES = 0, C_ACTUAL = 4, C_POISON = 12, C_SIZE = 16 };
enum {
    PAGE_BITS = 12,
    PAGE = 1 << PAGE_BITS,
    PFNS_AT_ONCE = 256,
    PFNS_MAX = 65536,
    STAT_SIZE = 10,
    STATS_MAX = 64
};

static struct virtio_balloon *balloon_of(struct virtio *v)
{
    return container_of(v, struct virtio_balloon, v);
}

/* The whole host pages in [host, host + size) become empty; what was translated or sent from them
 * is out of date. */
static void give_back(struct virtio *v, uint8_t *host, size_t size)
{
    uintptr_t page = os_page_size();
    uint8_t *first = (uint8_t *)(((uintptr_t)host + page - 1) & ~(page - 1));
    uint8_t *end = (uint8_t *)(((uintptr_t)host + size) & ~(page - 1));

    if (first >= end)
        return;
    os_map_discard(first, (size_t)(end - first));
    mem_dma_done(virtio_mem(v), first, (size_t)(end - first));
}

/* A run of guest pages. */
static void give_back_pages(struct virtio *v, uint64_t pfn, uint64_t count)
{
    uint64_t at = pfn << PAGE_BITS, left = count << PAGE_BITS;

    while (left) {
        size_t size = left;
        uint8_t *host = mem_dma_map(virtio_mem(v), at, &size, true);

        if (!host || !size)
            return; /* no RAM: nothing that could be lent */
        size = min_of(size, (size_t)left);
        give_back(v, host, size);
        at += size;
        left -= size;
    }
}

/* Page numbers, 32 bits each; runs of neighbours go as one. */
static void inflate(struct virtio *v, const struct virtio_chain *c)
{
    uint64_t total = min_of(c->out_size / 4, (uint64_t)PFNS_MAX), run = 0, first = 0;
    uint32_t pfns[PFNS_AT_ONCE];

    for (uint64_t i = 0; i < total; i++) {
        unsigned k = i % PFNS_AT_ONCE;

        if (!k)
            virtio_iov_get(c->iov, c->nout, i * 4, pfns, sizeof(pfns));
        if (run && pfns[k] == first + run) {
            run++;
            continue;
        }
        give_back_pages(v, first, run);
        first = pfns[k];
        run = 1;
    }
    give_back_pages(v, first, run);
}

static void report(struct virtio *v, const struct virtio_chain *c)
{
    /* Pages that the guest fills with a pattern it expects to find again: 5.5.6.7. */
    if (virtio_has(v, F_PAGE_POISON) && mem_ld32le(v->config + C_POISON))
        return;
    for (uint32_t i = 0; i < c->nin; i++)
        give_back(v, c->iov[c->nout + i].iov_base, c->iov[c->nout + i].iov_len);
}

/* Tags and values; the buffer stays in the ring until the next ones are wanted. */
static void read_stats(struct virtio_balloon *b, struct virtio_queue *q)
{
    struct virtio_chain *c = virtio_pop(q);

    if (!c)
        return;
    for (unsigned i = 0; i < STATS_MAX; i++) {
        uint8_t stat[STAT_SIZE];
        unsigned tag;

        if (virtio_iov_get(c->iov, c->nout, i * (size_t)STAT_SIZE, stat, sizeof(stat)) <
            sizeof(stat))
            break;
        tag = mem_ld16le(stat);
        if (tag < VIRTIO_BALLOON_STATS)
            b->stats.value[tag] = mem_ld64le(stat + 2);
    }
    b->stats.updated_ns = clock_ns(b->v.pci.dev.env->clocks, CLOCK_WALL);
    virtio_unpop(c);
}

static void balloon_kick(struct virtio *v, struct virtio_queue *q)
{
    unsigned budget = q->max;
    struct virtio_chain *c;

    os_mutex_lock(&v->pci.dev.lock);
    if (q->index == STATS) {
        read_stats(balloon_of(v), q);
    } else {
        while (budget-- && (c = virtio_pop(q))) {
            trace_dev(virtio_balloon_request, &v->pci.dev, "queue %u: %llu", q->index,
                      (unsigned long long)(c->out_size + c->in_size));
            if (q->index == INFLATE)
                inflate(v, c);
            else if (q->index == REPORTING)
                report(v, c);
            virtio_put(c, 0);
        }
        virtio_publish(q);
    }
    /* Statistics have one buffer: more of them would have to wait in any case. */
    if (virtio_kicks(q, true) && q->index != STATS)
        virtio_poke(q);
    os_mutex_unlock(&v->pci.dev.lock);
}

static void ask_stats(void *arg)
{
    struct virtio_balloon *b = arg;
    struct virtio_queue *q = &b->v.queues[STATS];
    struct virtio_chain *c;

    os_mutex_lock(&b->v.pci.dev.lock);
    if (virtio_has(&b->v, F_STATS)) {
        c = virtio_pop(q);
        if (c) {
            virtio_put(c, 0);
            virtio_publish(q);
        }
    }
    if (b->interval)
        timer_set(&b->timer, clock_ns(b->v.pci.dev.env->clocks, CLOCK_VIRTUAL) +
                                 b->interval * INT64_C(1000000000));
    os_mutex_unlock(&b->v.pci.dev.lock);
}

static void balloon_config_write(struct virtio *v, unsigned at, unsigned size, uint64_t value)
{
    /* `actual` and the pattern are the driver's to write. */
    if ((at >= C_ACTUAL && at + size <= C_ACTUAL + 4) ||
        (at >= C_POISON && at + size <= C_POISON + 4))
        memcpy(v->config + at, &value, size);
}

/* ---- for ctl/ ---- */

static struct virtio_balloon *from_dev(struct dev *d)
{
    bool is = d->cls == &dev_class_virtio_balloon_device || d->cls == &dev_class_virtio_balloon_pci;

    return is && d->realized ? balloon_of(virtio_of(d)) : NULL;
}

bool virtio_balloon_set(struct dev *d, uint64_t bytes)
{
    struct virtio_balloon *b = from_dev(d);

    if (!b)
        return false;
    os_mutex_lock(&d->lock);
    mem_st32le(b->v.config + C_NUM_PAGES,
               (uint32_t)min_of(bytes >> PAGE_BITS, (uint64_t)UINT32_MAX));
    virtio_config_changed(&b->v);
    os_mutex_unlock(&d->lock);
    return true;
}

bool virtio_balloon_get(struct dev *d, uint64_t *bytes, struct virtio_balloon_stats *stats)
{
    struct virtio_balloon *b = from_dev(d);

    if (!b)
        return false;
    os_mutex_lock(&d->lock);
    *bytes = (uint64_t)mem_ld32le(b->v.config + C_ACTUAL) << PAGE_BITS;
    *stats = b->stats;
    os_mutex_unlock(&d->lock);
    return true;
}

bool virtio_balloon_poll(struct dev *d, uint32_t seconds)
{
    struct virtio_balloon *b = from_dev(d);

    if (!b)
        return false;
    os_mutex_lock(&d->lock);
    b->interval = seconds;
    timer_cancel(&b->timer);
    if (seconds)
        timer_set(&b->timer, clock_ns(d->env->clocks, CLOCK_VIRTUAL));
    os_mutex_unlock(&d->lock);
    return true;
}

/* ---- life ---- */

static int balloon_realize(struct virtio *v, struct err *e)
{
    struct virtio_balloon *b = balloon_of(v);

    (void)e;
    timer_init(&b->timer, v->pci.dev.env->clocks, CLOCK_VIRTUAL, ask_stats, b);
    v->offered |= F_MUST_TELL_HOST | F_STATS | (b->deflate_on_oom ? F_DEFLATE_ON_OOM : 0) |
                  (b->page_poison ? F_PAGE_POISON : 0) | (b->reporting ? F_REPORTING : 0);
    virtio_queues_set(v, b->reporting ? 4 : 3, 128);
    v->config_size = C_SIZE;
    return 0;
}

static void balloon_destroy(struct virtio *v)
{
    if (balloon_of(v)->timer.clocks)
        timer_done(&balloon_of(v)->timer);
}

static void balloon_reset(struct virtio *v)
{
    struct virtio_balloon *b = balloon_of(v);

    /* The target stays: it is the host's wish, not the guest's state. */
    mem_st32le(v->config + C_ACTUAL, 0);
    mem_st32le(v->config + C_POISON, 0);
    for (unsigned i = 0; i < VIRTIO_BALLOON_STATS; i++)
        b->stats.value[i] = UINT64_MAX;
    b->stats.updated_ns = 0;
    if (b->interval && timer_deadline(&b->timer) == INT64_MAX)
        timer_set(&b->timer, clock_ns(v->pci.dev.env->clocks, CLOCK_VIRTUAL) +
                                 b->interval * INT64_C(1000000000));
}

static const struct virtio_type balloon_type = {
    .name = "virtio-balloon",
    .id = 5,
    .legacy_pci_id = 0x1002,
    .class_code = 0x00ff00,
    .realize = balloon_realize,
    .destroy = balloon_destroy,
    .kick = balloon_kick,
    .config_write = balloon_config_write,
    .reset = balloon_reset,
};

#define B(member) .offset = offsetof(struct virtio_balloon, member)
#define BALLOON_PROPS                                                                        \
    {.name = "deflate-on-oom",                                                               \
     .type = PROP_BOOL,                                                                      \
     B(deflate_on_oom),                                                                      \
     .help = "the guest may take memory when it has none"},                                  \
        {.name = "free-page-reporting",                                                      \
         .type = PROP_BOOL,                                                                  \
         B(reporting),                                                                       \
         .help = "the guest reports pages it does not use"},                                 \
        {.name = "page-poison",                                                              \
         .type = PROP_BOOL,                                                                  \
         B(page_poison),                                                                     \
         .def = 1,                                                                           \
         .help = "offer page poison"},                                                       \
        {.name = "free-page-hint",                                                           \
         .type = PROP_BOOL,                                                                  \
         B(hint),                                                                            \
         .help = "accepted: migration does not need hints"},                                 \
        {.name = "guest-stats-polling-interval",                                             \
         .type = PROP_U32,                                                                   \
         B(interval),                                                                        \
         .help = "seconds between statistics (0: none)"},                                    \
    {                                                                                        \
        .name = "iothread", .type = PROP_STR, B(iothread), .help = "accepted, has no effect" \
    }
static const struct prop device_props[] = {BALLOON_PROPS, VIRTIO_PROPS, VIRTIO_DEVICE_PROPS, {0}};
static const struct prop pci_props[] = {
    BALLOON_PROPS, PCI_PROPS, VIRTIO_PROPS, VIRTIO_PCI_PROPS, {0}};

VIRTIO_REALIZE(balloon_type)

const struct dev_class dev_class_virtio_balloon_device = {
    .name = "virtio-balloon-device",
    .bus = "virtio",
    .help = "virtio memory balloon in a virtio-mmio slot",
    VIRTIO_CLASS(struct virtio_balloon, device_props, virtio_state, device_realize),
};

static const char *const pci_aliases[] = {"virtio-balloon", "virtio-balloon-pci-non-transitional",
                                          NULL};

const struct dev_class dev_class_virtio_balloon_pci = {
    .name = "virtio-balloon-pci",
    .aliases = pci_aliases,
    .bus = "pci",
    .help = "virtio memory balloon on PCI",
    VIRTIO_CLASS(struct virtio_balloon, pci_props, virtio_pci_state, pci_realize),
};
