/* virtio-net's frames: from transmit queues to the backend without a copy, from the backend into
 * receive buffers with one (VIRTIO 1.2, 5.1.6). Runs on the loop; locks around the rings only, as
 * the backend may answer a frame at once. Knows nothing of properties or of the control queue's
 * commands.
 */
#include "base/trace.h"
#include "dev/virtio/net_int.h"
#include "dev/virtio/trace.def"

enum { HEADER = 12, HEADER_LEGACY = 10, ETH_HEADER = 14, ROUNDS = 8 };

static size_t header_size(const struct virtio *v)
{
    return virtio_has(v, VIRTIO_F_VERSION_1) || virtio_has(v, NET_F_MRG_RXBUF) ? HEADER
                                                                               : HEADER_LEGACY;
}

static struct os_mutex *lock_of(struct virtio_net *n)
{
    return &n->v.pci.dev.lock;
}

/* ---- flows: which pair hears the answers ---- */

/* The same for both directions of a flow; 0 for what is not TCP or UDP over IP. */
static unsigned flow_hash(const uint8_t *f, size_t size)
{
    uint32_t h = 0;
    size_t ports;
    unsigned protocol;

    if (size < ETH_HEADER + 20)
        return 0;
    if (mem_ld16be(f + 12) == 0x0800) {
        protocol = f[23];
        h = mem_ld32le(f + 26) ^ mem_ld32le(f + 30);
        ports = ETH_HEADER + (f[14] & 15u) * 4;
    } else if (mem_ld16be(f + 12) == 0x86dd && size >= ETH_HEADER + 40) {
        protocol = f[20];
        for (unsigned i = 0; i < 32; i += 4)
            h ^= mem_ld32le(f + 22 + i);
        ports = ETH_HEADER + 40;
    } else {
        return 0;
    }
    if ((protocol == 6 || protocol == 17) && size >= ports + 4)
        h ^= (uint32_t)(mem_ld16be(f + ports) ^ mem_ld16be(f + ports + 2)) << 8;
    h *= 0x9e3779b1;
    return h >> 22 & (NET_FLOWS - 1);
}

static size_t frame_head(const struct iovec *iov, unsigned n, uint8_t *to, size_t size)
{
    return virtio_iov_get(iov, n, 0, to, size);
}

/* ---- transmit ---- */

/* What the header asks for, or false when it does not fit the frame. */
static bool parse_header(const struct virtio *v, const uint8_t *h, uint64_t size,
                         struct net_meta *m)
{
    unsigned kind = h[1] & ~NET_GSO_ECN;
    uint64_t needs = 0;

    *m = (struct net_meta){0};
    if (!virtio_has(v, NET_F_CSUM))
        return true;
    m->flags = h[0] & NET_NEEDS_CSUM;
    if (m->flags) {
        m->csum_start = mem_ld16le(h + 6);
        m->csum_offset = mem_ld16le(h + 8);
        if ((uint64_t)m->csum_start + m->csum_offset + 2 > size)
            return false;
    }
    if (kind == NET_GSO_NONE)
        return true;
    needs = kind == NET_GSO_TCPV4    ? NET_F_HOST_TSO4
            : kind == NET_GSO_TCPV6  ? NET_F_HOST_TSO6
            : kind == NET_GSO_UDP    ? NET_F_HOST_UFO
            : kind == NET_GSO_UDP_L4 ? NET_F_HOST_USO
                                     : 0;
    m->gso_type = h[1];
    m->hdr_len = mem_ld16le(h + 2);
    m->gso_size = mem_ld16le(h + 4);
    return needs && virtio_has(v, needs) && m->gso_size && m->flags;
}

/* False: the backend takes no more now. */
static bool transmit(struct virtio_net *n, struct virtio_chain *c, unsigned pair)
{
    size_t hsize = header_size(&n->v);
    uint8_t header[HEADER], head[ETH_HEADER + 44];
    struct iovec *iov = c->iov;
    struct net_meta meta;
    uint64_t size;
    unsigned k;
    bool taken;

    if (c->out_size < hsize) {
        os_mutex_lock(lock_of(n));
        virtio_broken(&n->v, "a frame without header");
        os_mutex_unlock(lock_of(n));
        return true;
    }
    size = c->out_size - hsize;
    virtio_iov_get(iov, c->nout, 0, header, hsize);
    if (size < ETH_HEADER || size > NET_FRAME_MAX || !parse_header(&n->v, header, size, &meta))
        return true; /* nothing that a wire could carry */
    k = virtio_iov_skip(&iov, c->nout, hsize);
    if (n->pairs > 1)
        n->flows[flow_hash(head, frame_head(iov, k, head, sizeof(head)))] = (uint16_t)pair;
    taken = net_port_send(n->port, iov, (int)k, &meta);
    trace_dev(virtio_net_send, &n->v.pci.dev, "queue %u: %llu bytes%s", 2 * pair + 1,
              (unsigned long long)size, taken ? "" : ": the backend is full");
    return taken;
}

/* Takes up to NET_BATCH requests; kicks are off while there are some. */
static unsigned take(struct virtio_net *n, struct virtio_queue *q, struct virtio_chain **batch)
{
    unsigned count = 0;

    os_mutex_lock(lock_of(n));
    do {
        virtio_kicks(q, false);
        while (count < NET_BATCH && (batch[count] = virtio_pop(q)))
            count++;
    } while (!count && virtio_kicks(q, true));
    os_mutex_unlock(lock_of(n));
    return count;
}

static void kick_tx(struct virtio_net *n, struct virtio_queue *q)
{
    struct virtio_chain *batch[NET_BATCH];

    for (unsigned round = 0; !n->tx_stopped; round++) {
        unsigned count, sent;

        if (round == ROUNDS) { /* others want the loop, too */
            virtio_poke(q);
            return;
        }
        count = take(n, q, batch);
        if (!count)
            return;
        for (sent = 0; sent < count && transmit(n, batch[sent], q->index / 2); sent++)
            ;
        os_mutex_lock(lock_of(n));
        n->tx_stopped = sent < count;
        while (count > sent)
            virtio_unpop(batch[--count]);
        for (unsigned i = 0; i < sent; i++)
            virtio_put(batch[i], 0);
        virtio_publish(q);
        os_mutex_unlock(lock_of(n));
    }
}

void net_restart(struct virtio_net *n)
{
    n->tx_stopped = false;
    for (unsigned i = 0; i < n->pairs; i++)
        virtio_poke(&n->v.queues[2 * i + 1]);
}

static void net_backend_ready(void *opaque)
{
    net_restart(opaque);
}

/* ---- receive ---- */

static void build_header(const struct virtio_net *n, uint8_t *h, const struct net_meta *m,
                         unsigned buffers)
{
    memset(h, 0, HEADER);
    if (n->offloads & NET_F_GUEST_CSUM) {
        h[0] = m->flags;
        h[1] = m->gso_type;
        mem_st16le(h + 2, m->hdr_len);
        mem_st16le(h + 4, m->gso_size);
        if (m->flags & NET_NEEDS_CSUM) {
            mem_st16le(h + 6, m->csum_start);
            mem_st16le(h + 8, m->csum_offset);
        }
    }
    mem_st16le(h + 10, (uint16_t)buffers);
}

/* Where the next byte of a frame stands. */
struct source {
    const struct iovec *iov;
    int n;
    size_t at;
};

static size_t copy_in(const struct virtio_chain *c, size_t at, struct source *s, size_t size)
{
    size_t done = 0;

    while (done < size && s->n) {
        size_t part = min_of(s->iov->iov_len - s->at, size - done), wrote;

        wrote = virtio_iov_set(c->iov + c->nout, c->nin, at + done,
                               (const char *)s->iov->iov_base + s->at, part);
        done += wrote;
        s->at += wrote;
        if (s->at == s->iov->iov_len) {
            s->iov++;
            s->n--;
            s->at = 0;
        }
        if (wrote < part)
            break;
    }
    return done;
}

enum { RX_BUFFERS = 128 }; /* of one frame: 64 KB in pages and some */

/* Buffers for `size` bytes; 0: not enough now, or none will ever be (*never). Locked. */
static unsigned gather(struct virtio_net *n, struct virtio_queue *q, size_t size,
                       struct virtio_chain **bufs, bool *never)
{
    bool merge = virtio_has(&n->v, NET_F_MRG_RXBUF);
    uint64_t have = 0;
    unsigned count = 0;

    *never = false;
    while (have < size && count < (merge ? RX_BUFFERS : 1)) {
        struct virtio_chain *c = virtio_pop(q);

        if (!c)
            break;
        bufs[count++] = c;
        have += c->in_size;
        if (!c->in_size || c->in_size < header_size(&n->v)) {
            virtio_broken(&n->v, "a receive buffer of %u bytes", (unsigned)c->in_size);
            break;
        }
    }
    if (have >= size && virtio_ready(&n->v))
        return count;
    *never = count == (merge ? RX_BUFFERS : 1) || !virtio_ready(&n->v);
    while (count)
        virtio_unpop(bufs[--count]);
    return 0;
}

static void deliver(struct virtio_net *n, struct virtio_queue *q, struct virtio_chain **bufs,
                    unsigned count, const struct iovec *iov, int niov, const struct net_meta *meta)
{
    size_t hsize = header_size(&n->v);
    struct source s = {iov, niov, 0};
    uint8_t header[HEADER];

    while (s.n && !s.iov->iov_len) {
        s.iov++;
        s.n--;
    }
    build_header(n, header, meta, count);
    virtio_iov_set(bufs[0]->iov + bufs[0]->nout, bufs[0]->nin, 0, header, hsize);
    for (unsigned i = 0; i < count; i++) {
        size_t at = i ? 0 : hsize;

        at += copy_in(bufs[i], at, &s, (size_t)bufs[i]->in_size - at);
        virtio_put(bufs[i], at);
    }
    if (q->kicks_on)
        virtio_kicks(q, false);
    virtio_publish(q);
}

static bool net_receive(void *opaque, const struct iovec *iov, int niov,
                        const struct net_meta *meta)
{
    struct virtio_net *n = opaque;
    struct virtio_chain *bufs[RX_BUFFERS];
    struct virtio_queue *q = &n->v.queues[0];
    uint8_t head[ETH_HEADER + 44];
    size_t known = frame_head(iov, (unsigned)niov, head, sizeof(head)), size = 0;
    bool taken = true, never;
    unsigned count = 0;

    for (int i = 0; i < niov; i++)
        size += iov[i].iov_len;
    if (size < ETH_HEADER || size > NET_FRAME_MAX)
        return true;
    os_mutex_lock(lock_of(n));
    if (virtio_ready(&n->v) && n->v.config[NET_C_STATUS] & NET_LINK_UP &&
        net_filter_passes(n, head, known)) {
        if (n->active > 1)
            q += 2 * (n->flows[flow_hash(head, known)] % n->active);
        do {
            count = gather(n, q, size + header_size(&n->v), bufs, &never);
        } while (!count && !never && virtio_kicks(q, true));
        if (count)
            deliver(n, q, bufs, count, iov, niov, meta);
        else
            taken = never || !virtio_ready(&n->v);
    }
    trace_dev(virtio_net_receive, &n->v.pci.dev, "queue %u: %zu bytes, %u buffers", q->index, size,
              count);
    os_mutex_unlock(lock_of(n));
    return taken;
}

static void net_link(void *opaque, bool up)
{
    struct virtio_net *n = opaque;
    uint8_t *status = &n->v.config[NET_C_STATUS], now;

    os_mutex_lock(lock_of(n));
    now = (uint8_t)((*status & ~NET_LINK_UP) | (up ? NET_LINK_UP : 0));
    if (now != *status) {
        *status = now;
        if (virtio_has(&n->v, NET_F_STATUS))
            virtio_config_changed(&n->v);
    }
    os_mutex_unlock(lock_of(n));
}

const struct net_ops virtio_net_ops = {
    .receive = net_receive, .ready = net_backend_ready, .link = net_link};

/* ---- the control queue, and the choice ---- */

void net_offload_update(struct virtio_net *n)
{
    static const struct {
        uint64_t feature;
        unsigned offload;
    } map[] = {
        {NET_F_GUEST_CSUM, NET_OFF_CSUM}, {NET_F_GUEST_TSO4, NET_OFF_TSO4},
        {NET_F_GUEST_TSO6, NET_OFF_TSO6}, {NET_F_GUEST_ECN, NET_OFF_ECN},
        {NET_F_GUEST_UFO, NET_OFF_UFO},   {NET_F_GUEST_USO4 | NET_F_GUEST_USO6, NET_OFF_USO},
    };
    unsigned offload = 0;
    uint64_t on;

    os_mutex_lock(lock_of(n));
    on = n->offloads;
    os_mutex_unlock(lock_of(n));
    for (unsigned i = 0; i < array_size(map); i++) {
        if ((on & map[i].feature) == map[i].feature)
            offload |= map[i].offload;
    }
    net_port_set_offload(n->port, offload);
}

static void kick_ctrl(struct virtio_net *n, struct virtio_queue *q)
{
    unsigned budget = q->size;
    struct virtio_chain *c;

    os_mutex_lock(lock_of(n));
    while (budget-- && (c = virtio_pop(q))) {
        uint8_t ack;

        if (c->out_size < 2 || !c->in_size) {
            virtio_broken(&n->v, "a control command without head or room for its result");
            virtio_put(c, 0);
            break;
        }
        ack = net_ctrl(n, c);
        virtio_iov_set(c->iov + c->nout, c->nin, 0, &ack, 1);
        virtio_put(c, 1);
        virtio_publish(q);
    }
    if (virtio_kicks(q, true))
        virtio_poke(q);
    os_mutex_unlock(lock_of(n));
    net_offload_update(n);
}

void net_kick(struct virtio *v, struct virtio_queue *q)
{
    struct virtio_net *n = net_of(v);
    unsigned ctrl;

    os_mutex_lock(lock_of(n));
    ctrl = virtio_has(v, NET_F_MQ) ? 2u * n->pairs : 2;
    os_mutex_unlock(lock_of(n));
    if (q->index == ctrl)
        kick_ctrl(n, q);
    else if (q->index & 1)
        kick_tx(n, q);
    else
        net_port_ready(n->port);
}
