/* Private to virtio-net: net.c (frames), net_ctrl.c (control queue and filters), net_class.c
 * (properties, features). */
#ifndef MYNA_DEV_VIRTIO_NET_INT_H
#define MYNA_DEV_VIRTIO_NET_INT_H

#include "dev/virtio/int.h"
#include "net/net.h"

enum { NET_MACS = 64, NET_VLANS = 4096, NET_PAIRS_MAX = 64, NET_FLOWS = 1024, NET_BATCH = 64 };

/* VIRTIO 1.2, 5.1.3. */
#define NET_F_CSUM           VIRTIO_BIT(0)
#define NET_F_GUEST_CSUM     VIRTIO_BIT(1)
#define NET_F_GUEST_OFFLOADS VIRTIO_BIT(2)
#define NET_F_MTU            VIRTIO_BIT(3)
#define NET_F_MAC            VIRTIO_BIT(5)
#define NET_F_GUEST_TSO4     VIRTIO_BIT(7)
#define NET_F_GUEST_TSO6     VIRTIO_BIT(8)
#define NET_F_GUEST_ECN      VIRTIO_BIT(9)
#define NET_F_GUEST_UFO      VIRTIO_BIT(10)
#define NET_F_HOST_TSO4      VIRTIO_BIT(11)
#define NET_F_HOST_TSO6      VIRTIO_BIT(12)
#define NET_F_HOST_ECN       VIRTIO_BIT(13)
#define NET_F_HOST_UFO       VIRTIO_BIT(14)
#define NET_F_MRG_RXBUF      VIRTIO_BIT(15)
#define NET_F_STATUS         VIRTIO_BIT(16)
#define NET_F_CTRL_VQ        VIRTIO_BIT(17)
#define NET_F_CTRL_RX        VIRTIO_BIT(18)
#define NET_F_CTRL_VLAN      VIRTIO_BIT(19)
#define NET_F_CTRL_RX_EXTRA  VIRTIO_BIT(20)
#define NET_F_GUEST_ANNOUNCE VIRTIO_BIT(21)
#define NET_F_MQ             VIRTIO_BIT(22)
#define NET_F_CTRL_MAC_ADDR  VIRTIO_BIT(23)
#define NET_F_GUEST_USO4     VIRTIO_BIT(54)
#define NET_F_GUEST_USO6     VIRTIO_BIT(55)
#define NET_F_HOST_USO       VIRTIO_BIT(56)
#define NET_F_SPEED_DUPLEX   VIRTIO_BIT(63)

/* Features that CTRL_GUEST_OFFLOADS may switch. */
#define NET_GUEST_OFFLOADS                                                                        \
    (NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 | NET_F_GUEST_ECN | NET_F_GUEST_UFO | \
     NET_F_GUEST_USO4 | NET_F_GUEST_USO6)

/* Configuration space, 5.1.4. */
enum {
    NET_C_MAC = 0,
    NET_C_STATUS = 6,
    NET_C_PAIRS = 8,
    NET_C_MTU = 10,
    NET_C_SPEED = 12,
    NET_C_DUPLEX = 16,
    NET_C_SIZE = 17
};
enum { NET_LINK_UP = 1, NET_ANNOUNCE = 2 };

/* What the driver wants to hear; locked. */
struct net_filter {
    bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
    bool uni_overflow, multi_overflow; /* more addresses than the table holds: all pass */
    uint32_t nuni, nmulti;
    uint8_t uni[NET_MACS * 6], multi[NET_MACS * 6];
    uint8_t vlans[NET_VLANS / 8];
};

struct virtio_net {
    struct virtio v; /* first */
    /* ---- properties ---- */
    char *netdev;
    uint8_t mac[6];
    bool mq;
    uint16_t pairs_wanted, rx_size, tx_size, mtu;
    int duplex;    /* enum */
    int64_t speed; /* Mbit/s; -1: unknown */
    bool csum, guest_csum, gso, guest_tso4, guest_tso6, guest_ecn, guest_ufo, guest_uso, host_tso4,
        host_tso6, host_ecn, host_ufo, host_uso, mrg_rxbuf, status, ctrl_vq, ctrl_rx, ctrl_vlan,
        ctrl_mac_addr, ctrl_rx_extra, ctrl_guest_offloads, guest_announce;
    char *tx;
    /* ---- */
    struct net_port *port;
    uint16_t pairs; /* that the device has */
    /* ---- locked ---- */
    uint16_t active;   /* pairs in use */
    uint64_t offloads; /* of NET_GUEST_OFFLOADS: on now */
    struct net_filter filter;
    bool tx_stopped; /* the backend took no more */
    /* ---- on the loop ---- */
    uint16_t
        flows[NET_FLOWS]; /* the pair that last sent a flow with this hash: its answers go there */
};

static inline struct virtio_net *net_of(struct virtio *v)
{
    return container_of(v, struct virtio_net, v);
}

/* ---- net_ctrl.c; locked ---- */
void net_filter_reset(struct virtio_net *n);
bool net_filter_passes(const struct virtio_net *n, const uint8_t *frame, size_t size);
/* One command; its ack byte. */
uint8_t net_ctrl(struct virtio_net *n, struct virtio_chain *c);
extern const struct state_field net_filter_state[];

/* ---- net.c ---- */
extern const struct net_ops virtio_net_ops;
void net_kick(struct virtio *v, struct virtio_queue *q);
void net_restart(struct virtio_net *n);        /* transmits again */
void net_offload_update(struct virtio_net *n); /* on the loop, not locked */
#endif
