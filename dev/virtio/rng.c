/* virtio-rng (VIRTIO 1.2, 5.4): random bytes of the host's kernel, at most max-bytes in each
 * period. Knows nothing of where guests put them.
 */
#include "base/trace.h"
#include "dev/virtio/class.h"
#include "dev/virtio/trace.def"
#include "os/random.h"

struct virtio_rng {
    struct virtio v; /* first */
    char *rng;       /* id of an object that scripts name; the source is the kernel's in any case */
    uint64_t max_bytes;
    uint32_t period_ms;
    struct timer timer; /* next period, or another try */
    uint64_t quota;     /* bytes left in this period */
};

enum { AT_ONCE = 4096, PIECE = 256, RETRY_MS = 50 };

static struct virtio_rng *rng_of(struct virtio *v)
{
    return container_of(v, struct virtio_rng, v);
}

static void arm(struct virtio_rng *r, uint32_t ms)
{
    if (timer_deadline(&r->timer) == INT64_MAX)
        timer_set(&r->timer,
                  clock_ns(r->v.pci.dev.env->clocks, CLOCK_VIRTUAL) + ms * INT64_C(1000000));
}

/* Bytes written: as many as the request, the quota and the kernel have. */
static size_t fill(struct virtio_rng *r, const struct virtio_chain *c)
{
    uint64_t most = min_of(c->in_size, (uint64_t)AT_ONCE);
    size_t want = (size_t)min_of(most, r->quota), done = 0;
    uint8_t bytes[PIECE];

    while (done < want) {
        size_t part = min_of(want - done, sizeof(bytes));

        if (!os_random(bytes, part))
            break;
        virtio_iov_set(c->iov + c->nout, c->nin, done, bytes, part);
        done += part;
    }
    return done;
}

static void rng_kick(struct virtio *v, struct virtio_queue *q)
{
    struct virtio_rng *r = rng_of(v);
    unsigned budget = q->max;
    struct virtio_chain *c;

    os_mutex_lock(&v->pci.dev.lock);
    while (budget-- && (c = virtio_pop(q))) {
        size_t n = fill(r, c);

        trace_dev(virtio_rng_request, &v->pci.dev, "%llu, %zu", (unsigned long long)c->in_size, n);
        if (!n && c->in_size) {
            virtio_unpop(c);
            arm(r, r->quota ? RETRY_MS : r->period_ms);
            break;
        }
        if (r->max_bytes != INT64_MAX) {
            r->quota -= n;
            arm(r, r->period_ms);
        }
        virtio_put(c, n);
    }
    virtio_publish(q);
    if (virtio_kicks(q, true))
        virtio_poke(q);
    os_mutex_unlock(&v->pci.dev.lock);
}

static void period(void *arg)
{
    struct virtio_rng *r = arg;

    os_mutex_lock(&r->v.pci.dev.lock);
    r->quota = r->max_bytes;
    virtio_poke(&r->v.queues[0]);
    os_mutex_unlock(&r->v.pci.dev.lock);
}

static int rng_realize(struct virtio *v, struct err *e)
{
    struct virtio_rng *r = rng_of(v);

    if (!r->max_bytes || r->max_bytes > INT64_MAX || !r->period_ms)
        return err_text(e, EINVAL, "%s: max-bytes and period have to be above 0",
                        v->pci.dev.cls->name);
    timer_init(&r->timer, v->pci.dev.env->clocks, CLOCK_VIRTUAL, period, r);
    virtio_queues_set(v, 1, 8);
    return 0;
}

static void rng_destroy(struct virtio *v)
{
    struct virtio_rng *r = rng_of(v);

    if (r->timer.clocks)
        timer_done(&r->timer);
}

static void rng_reset(struct virtio *v)
{
    struct virtio_rng *r = rng_of(v);

    timer_cancel(&r->timer);
    r->quota = r->max_bytes;
}

static const struct virtio_type rng_type = {
    .name = "virtio-rng",
    .id = 4,
    .legacy_pci_id = 0x1005,
    .class_code = 0x00ff00,
    .realize = rng_realize,
    .destroy = rng_destroy,
    .kick = rng_kick,
    .reset = rng_reset,
};

#define R(member) .offset = offsetof(struct virtio_rng, member)
#define RNG_PROPS                                                                              \
    {.name = "rng",                                                                            \
     .type = PROP_STR,                                                                         \
     R(rng),                                                                                   \
     .help = "accepted: the source is the host's kernel"},                                     \
        {.name = "max-bytes",                                                                  \
         .type = PROP_U64,                                                                     \
         R(max_bytes),                                                                         \
         .def = INT64_MAX,                                                                     \
         .help = "bytes in each period"},                                                      \
    {                                                                                          \
        .name = "period", .type = PROP_U32, R(period_ms), .def = 65536, .help = "milliseconds" \
    }
static const struct prop device_props[] = {RNG_PROPS, VIRTIO_PROPS, VIRTIO_DEVICE_PROPS, {0}};
static const struct prop pci_props[] = {RNG_PROPS, PCI_PROPS, VIRTIO_PROPS, VIRTIO_PCI_PROPS, {0}};

#define RNG_STATE                                     \
    STATE_FIELD(STATE_U64, struct virtio_rng, quota), \
        STATE_FIELD(STATE_TIMER, struct virtio_rng, timer)
static const struct state_field device_state[] = {STATE_NESTED(struct virtio_rng, v, virtio_state),
                                                  RNG_STATE, STATE_END};
static const struct state_field pci_state[] = {STATE_NESTED(struct virtio_rng, v, virtio_pci_state),
                                               RNG_STATE, STATE_END};

VIRTIO_REALIZE(rng_type)

const struct dev_class dev_class_virtio_rng_device = {
    .name = "virtio-rng-device",
    .bus = "virtio",
    .help = "virtio source of random bytes in a virtio-mmio slot",
    VIRTIO_CLASS(struct virtio_rng, device_props, device_state, device_realize),
};

static const char *const pci_aliases[] = {"virtio-rng", "virtio-rng-pci-non-transitional", NULL};

const struct dev_class dev_class_virtio_rng_pci = {
    .name = "virtio-rng-pci",
    .aliases = pci_aliases,
    .bus = "pci",
    .help = "virtio source of random bytes on PCI",
    VIRTIO_CLASS(struct virtio_rng, pci_props, pci_state, pci_realize),
};
