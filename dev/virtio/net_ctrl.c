/* virtio-net's control queue and the receive filter it sets (VIRTIO 1.2, 5.1.6.5). Everything here
 * is locked. Must never touch frames' data or the backend.
 */
#include "base/trace.h"
#include "dev/virtio/net_int.h"
#include "dev/virtio/trace.def"

enum {
    CLASS_RX = 0,
    CLASS_MAC = 1,
    CLASS_VLAN = 2,
    CLASS_ANNOUNCE = 3,
    CLASS_MQ = 4,
    CLASS_OFFLOADS = 5
};
enum { ACK_OK = 0, ACK_ERR = 1 };

const struct state_field net_filter_state[] = {
    STATE_FIELD(STATE_BOOL, struct net_filter, promisc),
    STATE_FIELD(STATE_BOOL, struct net_filter, allmulti),
    STATE_FIELD(STATE_BOOL, struct net_filter, alluni),
    STATE_FIELD(STATE_BOOL, struct net_filter, nomulti),
    STATE_FIELD(STATE_BOOL, struct net_filter, nouni),
    STATE_FIELD(STATE_BOOL, struct net_filter, nobcast),
    STATE_FIELD(STATE_BOOL, struct net_filter, uni_overflow),
    STATE_FIELD(STATE_BOOL, struct net_filter, multi_overflow),
    STATE_FIELD(STATE_U32, struct net_filter, nuni),
    STATE_FIELD(STATE_U32, struct net_filter, nmulti),
    STATE_ARRAY(STATE_U8, struct net_filter, uni),
    STATE_ARRAY(STATE_U8, struct net_filter, multi),
    STATE_ARRAY(STATE_U8, struct net_filter, vlans),
    STATE_END,
};

void net_filter_reset(struct virtio_net *n)
{
    memset(&n->filter, 0, sizeof(n->filter));
    n->filter.promisc = true; /* until the driver says otherwise: 5.1.6.5.1 */
    memset(n->filter.vlans, 0xff, sizeof(n->filter.vlans));
}

static bool listed(const uint8_t *table, uint32_t count, const uint8_t *mac)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!memcmp(table + 6 * i, mac, 6))
            return true;
    }
    return false;
}

bool net_filter_passes(const struct virtio_net *n, const uint8_t *frame, size_t size)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const struct net_filter *f = &n->filter;

    if (f->promisc)
        return true;
    if (size >= 16 && mem_ld16be(frame + 12) == 0x8100) {
        unsigned id = mem_ld16be(frame + 14) & 0xfff;

        if (!(f->vlans[id / 8] & 1 << id % 8))
            return false;
    }
    if (!memcmp(frame, broadcast, 6))
        return !f->nobcast;
    if (frame[0] & 1)
        return !f->nomulti &&
               (f->allmulti || f->multi_overflow || listed(f->multi, f->nmulti, frame));
    return !f->nouni &&
           (f->alluni || f->uni_overflow || !memcmp(frame, n->v.config + NET_C_MAC, 6) ||
            listed(f->uni, f->nuni, frame));
}

/* The command's bytes after class and number. */
static bool argument(const struct virtio_chain *c, size_t at, void *to, size_t size)
{
    return virtio_iov_get(c->iov, c->nout, 2 + at, to, size) == size;
}

static uint8_t ctrl_rx(struct virtio_net *n, const struct virtio_chain *c, unsigned command)
{
    bool *flags[] = {&n->filter.promisc, &n->filter.allmulti, &n->filter.alluni,
                     &n->filter.nomulti, &n->filter.nouni,    &n->filter.nobcast};
    uint8_t on;

    if (!virtio_has(&n->v, command < 2 ? NET_F_CTRL_RX : NET_F_CTRL_RX_EXTRA) ||
        command >= array_size(flags) || !argument(c, 0, &on, 1))
        return ACK_ERR;
    *flags[command] = on;
    return ACK_OK;
}

/* A count and addresses; *at moves behind them. */
static bool mac_table(const struct virtio_chain *c, size_t *at, uint8_t *table, uint32_t *count,
                      bool *overflow)
{
    uint32_t entries;

    if (!argument(c, *at, &entries, 4) || entries > (c->out_size - 2 - *at - 4) / 6)
        return false;
    *overflow = entries > NET_MACS;
    *count = *overflow ? 0 : entries;
    if (!argument(c, *at + 4, table, 6 * (size_t)*count))
        return false;
    *at += 4 + 6 * (size_t)entries;
    return true;
}

static uint8_t ctrl_mac(struct virtio_net *n, const struct virtio_chain *c, unsigned command)
{
    struct net_filter f = n->filter;
    uint8_t mac[6];
    size_t at = 0;

    if (command == 1 && virtio_has(&n->v, NET_F_CTRL_MAC_ADDR) && argument(c, 0, mac, 6)) {
        memcpy(n->v.config + NET_C_MAC, mac, 6);
        return ACK_OK;
    }
    if (command != 0 || !virtio_has(&n->v, NET_F_CTRL_RX) ||
        !mac_table(c, &at, f.uni, &f.nuni, &f.uni_overflow) ||
        !mac_table(c, &at, f.multi, &f.nmulti, &f.multi_overflow))
        return ACK_ERR;
    n->filter = f;
    return ACK_OK;
}

static uint8_t ctrl_vlan(struct virtio_net *n, const struct virtio_chain *c, unsigned command)
{
    uint16_t id;

    if (!virtio_has(&n->v, NET_F_CTRL_VLAN) || command > 1 || !argument(c, 0, &id, 2) ||
        id >= NET_VLANS)
        return ACK_ERR;
    if (command == 0)
        n->filter.vlans[id / 8] |= (uint8_t)(1 << id % 8);
    else
        n->filter.vlans[id / 8] &= (uint8_t) ~(1 << id % 8);
    return ACK_OK;
}

static uint8_t ctrl_mq(struct virtio_net *n, const struct virtio_chain *c, unsigned command)
{
    uint16_t pairs;

    if (!virtio_has(&n->v, NET_F_MQ) || command != 0 || !argument(c, 0, &pairs, 2) || !pairs ||
        pairs > n->pairs)
        return ACK_ERR;
    n->active = pairs;
    return ACK_OK;
}

static uint8_t ctrl_offloads(struct virtio_net *n, const struct virtio_chain *c, unsigned command)
{
    uint64_t want;

    if (!virtio_has(&n->v, NET_F_GUEST_OFFLOADS) || command != 0 || !argument(c, 0, &want, 8) ||
        want & ~(n->v.accepted & NET_GUEST_OFFLOADS))
        return ACK_ERR;
    n->offloads = want;
    return ACK_OK;
}

static uint8_t run(struct virtio_net *n, struct virtio_chain *c, const uint8_t head[2])
{
    switch (head[0]) {
    case CLASS_RX:
        return ctrl_rx(n, c, head[1]);
    case CLASS_MAC:
        return ctrl_mac(n, c, head[1]);
    case CLASS_VLAN:
        return ctrl_vlan(n, c, head[1]);
    case CLASS_ANNOUNCE:
        if (head[1] != 0 || !(n->v.config[NET_C_STATUS] & NET_ANNOUNCE))
            return ACK_ERR;
        n->v.config[NET_C_STATUS] &= (uint8_t)~NET_ANNOUNCE;
        return ACK_OK;
    case CLASS_MQ:
        return ctrl_mq(n, c, head[1]);
    case CLASS_OFFLOADS:
        return ctrl_offloads(n, c, head[1]);
    default:
        return ACK_ERR;
    }
}

uint8_t net_ctrl(struct virtio_net *n, struct virtio_chain *c)
{
    uint8_t head[2], ack;

    if (virtio_iov_get(c->iov, c->nout, 0, head, 2) != 2)
        return ACK_ERR;
    ack = run(n, c, head);
    trace_dev(virtio_net_control, &n->v.pci.dev, "class %u, command %u: %u", head[0], head[1], ack);
    return ack;
}
