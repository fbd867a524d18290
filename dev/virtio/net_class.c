/* virtio-net's properties, features and life (VIRTIO 1.2, 5.1.3 to 5.1.5). Frames are net.c's,
 * commands net_ctrl.c's. */
#include "dev/virtio/class.h"
#include "dev/virtio/net_int.h"

enum { PAIRS_MQ = 4, MTU_MIN = 68 };

static const struct {
    size_t prop; /* a bool of struct virtio_net */
    uint64_t feature;
    unsigned backend; /* what it has to send for this: NET_OFF_*; 0: nothing */
} feature_table[] = {
#define N(member) offsetof(struct virtio_net, member)
    {N(csum), NET_F_CSUM, 0},
    {N(guest_csum), NET_F_GUEST_CSUM, 0},
    {N(guest_tso4), NET_F_GUEST_TSO4, NET_OFF_TSO4},
    {N(guest_tso6), NET_F_GUEST_TSO6, NET_OFF_TSO6},
    {N(guest_ecn), NET_F_GUEST_ECN, NET_OFF_ECN},
    {N(guest_ufo), NET_F_GUEST_UFO, NET_OFF_UFO},
    {N(guest_uso), NET_F_GUEST_USO4 | NET_F_GUEST_USO6, NET_OFF_USO},
    {N(host_tso4), NET_F_HOST_TSO4, 0},
    {N(host_tso6), NET_F_HOST_TSO6, 0},
    {N(host_ecn), NET_F_HOST_ECN, 0},
    {N(host_ufo), NET_F_HOST_UFO, 0},
    {N(host_uso), NET_F_HOST_USO, 0},
    {N(mrg_rxbuf), NET_F_MRG_RXBUF, 0},
    {N(status), NET_F_STATUS, 0},
    {N(ctrl_vq), NET_F_CTRL_VQ, 0},
    {N(ctrl_rx), NET_F_CTRL_RX, 0},
    {N(ctrl_rx_extra), NET_F_CTRL_RX_EXTRA, 0},
    {N(ctrl_vlan), NET_F_CTRL_VLAN, 0},
    {N(ctrl_mac_addr), NET_F_CTRL_MAC_ADDR, 0},
    {N(ctrl_guest_offloads), NET_F_GUEST_OFFLOADS, 0},
    {N(guest_announce), NET_F_GUEST_ANNOUNCE, 0},
#undef N
};

/* What a feature needs of others (5.1.3.1). */
static uint64_t without_orphans(uint64_t f)
{
    if (!(f & NET_F_CTRL_VQ))
        f &= ~(NET_F_CTRL_RX | NET_F_CTRL_RX_EXTRA | NET_F_CTRL_VLAN | NET_F_CTRL_MAC_ADDR |
               NET_F_GUEST_OFFLOADS | NET_F_GUEST_ANNOUNCE | NET_F_MQ);
    if (!(f & NET_F_CSUM))
        f &= ~(NET_F_HOST_TSO4 | NET_F_HOST_TSO6 | NET_F_HOST_UFO | NET_F_HOST_USO);
    if (!(f & NET_F_GUEST_CSUM))
        f &= ~(NET_GUEST_OFFLOADS & ~NET_F_GUEST_CSUM);
    if (!(f & (NET_F_HOST_TSO4 | NET_F_HOST_TSO6)))
        f &= ~NET_F_HOST_ECN;
    if (!(f & (NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6)))
        f &= ~NET_F_GUEST_ECN;
    return f;
}

static uint64_t features(const struct virtio_net *n)
{
    unsigned can = net_port_can(n->port);
    uint64_t f = NET_F_MAC | (n->mtu ? NET_F_MTU : 0) |
                 (n->speed >= 0 || n->duplex ? NET_F_SPEED_DUPLEX : 0);

    for (unsigned i = 0; i < array_size(feature_table); i++) {
        if (*(const bool *)((const char *)n + feature_table[i].prop) &&
            (can & feature_table[i].backend) == feature_table[i].backend)
            f |= feature_table[i].feature;
    }
    if (n->pairs > 1)
        f |= NET_F_MQ;
    return without_orphans(f);
}

/* ---- addresses ---- */

struct count {
    const struct dev *self;
    unsigned before;
};

static void count_one(void *arg, struct dev *d)
{
    struct count *c = arg;

    if (d != c->self && d->realized && !strncmp(d->cls->name, "virtio-net", 10))
        c->before++;
}

/* The n-th card of a machine without an address has 52:54:00:12:34:56 + n, as users' DHCP tables
 * know it. */
static void default_mac(struct virtio_net *n)
{
    static const uint8_t zero[6], first[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    struct count c = {.self = &n->v.pci.dev};
    struct dev *root = &n->v.pci.dev;

    if (memcmp(n->mac, zero, 6))
        return;
    while (root->parent)
        root = root->parent;
    dev_each(root, count_one, &c);
    memcpy(n->mac, first, 6);
    mem_st16be(n->mac + 4, (uint16_t)(0x3456 + c.before));
}

/* ---- life ---- */

static void fill_config(struct virtio_net *n)
{
    uint8_t *c = n->v.config;

    memcpy(c + NET_C_MAC, n->mac, 6);
    mem_st16le(c + NET_C_STATUS, NET_LINK_UP);
    mem_st16le(c + NET_C_PAIRS, n->pairs);
    mem_st16le(c + NET_C_MTU, n->mtu);
    mem_st32le(c + NET_C_SPEED, (uint32_t)n->speed);
    c[NET_C_DUPLEX] = (uint8_t)(n->duplex == 0 ? 0xff : n->duplex - 1);
    n->v.config_size = NET_C_SIZE;
}

static int check_props(struct virtio_net *n, struct err *e)
{
    const char *name = n->v.pci.dev.cls->name;

    if (!bits_is_pow2(n->rx_size) || n->rx_size < 256 || n->rx_size > VIRTIO_RING_MAX)
        return err_text(e, EINVAL, "%s: rx_queue_size=%u is no power of two from 256 to %u", name,
                        n->rx_size, VIRTIO_RING_MAX);
    if (!bits_is_pow2(n->tx_size) || n->tx_size < 256 || n->tx_size > VIRTIO_RING_MAX)
        return err_text(e, EINVAL, "%s: tx_queue_size=%u is no power of two from 256 to %u", name,
                        n->tx_size, VIRTIO_RING_MAX);
    if (n->mtu && n->mtu < MTU_MIN)
        return err_text(e, EINVAL, "%s: host_mtu=%u is below %u", name, n->mtu, MTU_MIN);
    if (n->pairs_wanted > NET_PAIRS_MAX)
        return err_text(e, EINVAL, "%s: queues=%u is above %u", name, n->pairs_wanted,
                        NET_PAIRS_MAX);
    return 0;
}

static int net_realize(struct virtio *v, struct err *e)
{
    struct virtio_net *n = net_of(v);
    struct dev_env *env = v->pci.dev.env;
    struct net_port *port;
    int rc;

    if (!n->netdev)
        return err_text(e, EINVAL, "%s needs netdev=ID of a -netdev", v->pci.dev.cls->name);
    port = env->find_net(env->machine, n->netdev);
    if (!port)
        return err_text(e, ENOENT, "%s: no -netdev has the id '%s'", v->pci.dev.cls->name,
                        n->netdev);
    rc = check_props(n, e);
    if (rc)
        return rc;
    rc = net_port_attach(port, &virtio_net_ops, n, e);
    if (rc)
        return rc;
    n->port = port;
    n->pairs = n->pairs_wanted ? n->pairs_wanted : n->mq ? PAIRS_MQ : 1;
    default_mac(n);
    v->offered |= features(n);
    /* receive, transmit, ... , control */
    virtio_queues_set(v, 2u * n->pairs + 1, n->rx_size);
    for (unsigned i = 1; i < 2u * n->pairs; i += 2)
        v->queues[i].max = n->tx_size;
    v->queues[2 * n->pairs].max = 64;
    fill_config(n);
    return 0;
}

static void net_destroy(struct virtio *v)
{
    struct virtio_net *n = net_of(v);

    if (n->port)
        net_port_detach(n->port);
    n->port = NULL;
}

static void net_features(struct virtio *v)
{
    net_of(v)->offloads = v->accepted & NET_GUEST_OFFLOADS;
}

static void net_reset(struct virtio *v)
{
    struct virtio_net *n = net_of(v);

    n->active = 1;
    n->offloads = 0;
    v->config[NET_C_STATUS] &= (uint8_t)~NET_ANNOUNCE;
    memcpy(v->config + NET_C_MAC, n->mac, 6);
    net_filter_reset(n);
}

static void net_changed(struct virtio *v)
{
    struct virtio_net *n = net_of(v);

    if (!n->port)
        return;
    net_offload_update(n);
    net_port_ready(n->port);
}

bool virtio_net_announce(struct dev *d)
{
    struct virtio *v = virtio_of(d);
    bool can;

    if ((d->cls != &dev_class_virtio_net_device && d->cls != &dev_class_virtio_net_pci) ||
        !d->realized)
        return false;
    os_mutex_lock(&d->lock);
    can = virtio_ready(v) && virtio_has(v, NET_F_GUEST_ANNOUNCE | NET_F_STATUS);
    if (can) {
        v->config[NET_C_STATUS] |= NET_ANNOUNCE;
        virtio_config_changed(v);
    }
    os_mutex_unlock(&d->lock);
    return can;
}

static int net_loaded(struct virtio *v, struct err *e)
{
    struct virtio_net *n = net_of(v);

    if (!n->active || n->active > n->pairs || n->filter.nuni > NET_MACS ||
        n->filter.nmulti > NET_MACS || n->offloads & ~(v->accepted & NET_GUEST_OFFLOADS))
        return err_text(
            e, EINVAL, "virtio-net: saved queue pairs, filters or offloads do not fit this device");
    if (n->tx_stopped)
        net_restart(n);
    return 0;
}

static const struct virtio_type net_type = {
    .name = "virtio-net",
    .id = 1,
    .legacy_pci_id = 0x1000,
    .class_code = 0x020000,
    .realize = net_realize,
    .destroy = net_destroy,
    .kick = net_kick,
    .changed = net_changed,
    .features = net_features,
    .reset = net_reset,
    .loaded = net_loaded,
};

/* ---- classes ---- */

static const char *const duplexes[] = {"unknown", "half", "full", NULL};

#define N(member) .offset = offsetof(struct virtio_net, member)
#define SWITCH(text, member, on)                                                            \
    {                                                                                       \
        .name = text, .type = PROP_BOOL, N(member), .def = on, .help = "offer this feature" \
    }
#define NET_PROPS                                                                                \
    {.name = "netdev", .type = PROP_LINK, N(netdev), .link = "net", .help = "the network"},      \
        {.name = "mac", .type = PROP_MAC, N(mac), .help = "address (52:54:00:12:34:56 and up)"}, \
        {.name = "mq", .type = PROP_BOOL, N(mq), .help = "several queue pairs"},                 \
        {.name = "queues",                                                                       \
         .type = PROP_U16,                                                                       \
         N(pairs_wanted),                                                                        \
         .help = "queue pairs (1, or 4 with mq=on)"},                                            \
        {.name = "rx_queue_size",                                                                \
         .type = PROP_U16,                                                                       \
         N(rx_size),                                                                             \
         .def = 256,                                                                             \
         .help = "entries of a receive queue"},                                                  \
        {.name = "tx_queue_size",                                                                \
         .type = PROP_U16,                                                                       \
         N(tx_size),                                                                             \
         .def = 256,                                                                             \
         .help = "entries of a transmit queue"},                                                 \
        {.name = "host_mtu",                                                                     \
         .type = PROP_U16,                                                                       \
         N(mtu),                                                                                 \
         .help = "largest packet to tell the guest (0: do not)"},                                \
        {.name = "speed",                                                                        \
         .type = PROP_I64,                                                                       \
         N(speed),                                                                               \
         .def = -1,                                                                              \
         .help = "Mbit/s to tell the guest (-1: do not)"},                                       \
        {.name = "duplex",                                                                       \
         .type = PROP_ENUM,                                                                      \
         N(duplex),                                                                              \
         .values = duplexes,                                                                     \
         .help = "duplex to tell the guest"},                                                    \
        {.name = "tx", .type = PROP_STR, N(tx), .help = "accepted, has no effect"},              \
        SWITCH("csum", csum, 1), SWITCH("guest_csum", guest_csum, 1), SWITCH("gso", gso, 1),     \
        SWITCH("guest_tso4", guest_tso4, 1), SWITCH("guest_tso6", guest_tso6, 1),                \
        SWITCH("guest_ecn", guest_ecn, 1), SWITCH("guest_ufo", guest_ufo, 1),                    \
        SWITCH("guest_uso4", guest_uso, 1), SWITCH("host_tso4", host_tso4, 1),                   \
        SWITCH("host_tso6", host_tso6, 1), SWITCH("host_ecn", host_ecn, 1),                      \
        SWITCH("host_ufo", host_ufo, 1), SWITCH("host_uso", host_uso, 1),                        \
        SWITCH("mrg_rxbuf", mrg_rxbuf, 1), SWITCH("status", status, 1),                          \
        SWITCH("ctrl_vq", ctrl_vq, 1), SWITCH("ctrl_rx", ctrl_rx, 1),                            \
        SWITCH("ctrl_vlan", ctrl_vlan, 1), SWITCH("ctrl_rx_extra", ctrl_rx_extra, 1),            \
        SWITCH("ctrl_mac_addr", ctrl_mac_addr, 1),                                               \
        SWITCH("ctrl_guest_offloads", ctrl_guest_offloads, 1),                                   \
        SWITCH("guest_announce", guest_announce, 1)

static const struct prop device_props[] = {NET_PROPS, VIRTIO_PROPS, VIRTIO_DEVICE_PROPS, {0}};
static const struct prop pci_props[] = {NET_PROPS, PCI_PROPS, VIRTIO_PROPS, VIRTIO_PCI_PROPS, {0}};

#define NET_STATE                                               \
    STATE_FIELD(STATE_U16, struct virtio_net, active),          \
        STATE_FIELD(STATE_U64, struct virtio_net, offloads),    \
        STATE_FIELD(STATE_BOOL, struct virtio_net, tx_stopped), \
        STATE_NESTED(struct virtio_net, filter, net_filter_state)
static const struct state_field device_state[] = {STATE_NESTED(struct virtio_net, v, virtio_state),
                                                  NET_STATE, STATE_END};
static const struct state_field pci_state[] = {STATE_NESTED(struct virtio_net, v, virtio_pci_state),
                                               NET_STATE, STATE_END};

VIRTIO_REALIZE(net_type)

const struct dev_class dev_class_virtio_net_device = {
    .name = "virtio-net-device",
    .bus = "virtio",
    .help = "virtio network card in a virtio-mmio slot",
    VIRTIO_CLASS(struct virtio_net, device_props, device_state, device_realize),
};

static const char *const pci_aliases[] = {"virtio-net", "virtio-net-pci-non-transitional", NULL};

const struct dev_class dev_class_virtio_net_pci = {
    .name = "virtio-net-pci",
    .aliases = pci_aliases,
    .bus = "pci",
    .help = "virtio network card on PCI",
    VIRTIO_CLASS(struct virtio_net, pci_props, pci_state, pci_realize),
};
