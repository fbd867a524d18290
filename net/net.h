/* Virtual network ports: two ends joined by a link, a network card's model and a backend (slirp,
 * tap, socket).
 *
 * A frame is Ethernet without checksum trailer, with the offload meta of virtio's header beside it.
 * Each end has an ops table; net_send() hands a frame to the peer's receive(), which copies what it
 * keeps. Threads: an end's functions are called on the loop of the pair. Devices post to it. Flow:
 * receive() returns false when it cannot take the frame now: the port keeps it, and some more, and
 * the backend stops. The device calls net_port_ready() when it can again. Towards the backend a
 * refused frame is kept by nobody: net_port_send() is false, and the device's ready() is told when
 * to try again. A device without a driver takes frames and drops them. net_port_free() may not be
 * called from inside these calls.
 */
#ifndef MYNA_NET_NET_H
#define MYNA_NET_NET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/err.h"

struct os_loop;

/* What the sender left undone (VIRTIO 1.2, 5.1.6): all zero: nothing. */
struct net_meta {
    uint8_t flags;    /* NET_NEEDS_CSUM, NET_DATA_VALID */
    uint8_t gso_type; /* NET_GSO_* */
    uint16_t hdr_len, gso_size, csum_start, csum_offset;
};
enum { NET_NEEDS_CSUM = 1, NET_DATA_VALID = 2 };
enum {
    NET_GSO_NONE = 0,
    NET_GSO_TCPV4 = 1,
    NET_GSO_UDP = 3,
    NET_GSO_TCPV6 = 4,
    NET_GSO_UDP_L4 = 5,
    NET_GSO_ECN = 0x80
};
enum { NET_FRAME_MAX = 65536 + 64 };

/* What a receiver takes without the sender finishing it: bits of net_port_set_offload(). */
enum {
    NET_OFF_CSUM = 1,
    NET_OFF_TSO4 = 2,
    NET_OFF_TSO6 = 4,
    NET_OFF_ECN = 8,
    NET_OFF_UFO = 16,
    NET_OFF_USO = 32
};

struct net_ops {
    bool (*receive)(void *opaque, const struct iovec *iov, int niov, const struct net_meta *meta);
    void (*ready)(void *opaque);         /* the peer can take frames again */
    void (*link)(void *opaque, bool up); /* NULL: does not care */
};

/* One end. The backend made it (net_backend_new), a device takes its other side (net_port_attach).
 */
struct net_port;
int must_check net_backend_new(struct net_port **out, struct os_loop *loop,
                               const json_t *conf /* as -netdev */, struct err *e);
void net_port_free(struct net_port *p); /* the backend and the port; detach first */
const char *net_port_id(const struct net_port *p);
/* The device's side. One device a port: -EBUSY. */
int must_check net_port_attach(struct net_port *p, const struct net_ops *ops, void *opaque,
                               struct err *e);
void net_port_detach(struct net_port *p);
/* Device -> backend. False: cannot now; ready() will be called. Frames with meta that the backend
 * cannot do are finished in software (checksum, segmentation) before. */
bool net_port_send(struct net_port *p, const struct iovec *iov, int niov,
                   const struct net_meta *meta);
void net_port_ready(struct net_port *p); /* the device can take frames again */
void net_port_set_offload(struct net_port *p,
                          unsigned offload); /* what the device takes; 0 by default */
unsigned net_port_can(
    const struct net_port *p); /* what it takes (if need be by software) and may send: NET_OFF_* */
void net_port_set_link(struct net_port *p, bool up);
void net_port_info(const struct net_port *p, json_t *into);
/* Copies frames of both directions to a pcap file. */
int must_check net_port_capture(struct net_port *p, const char *path, uint32_t max_len,
                                struct err *e);

/* The ones' complement sum of bytes (RFC 1071), folded to 16 bits, not inverted; `sum` is carried
 * on. */
uint16_t net_csum(const void *data, size_t size, uint32_t sum);
/* For backends and devices: finish a frame's checksum in place; cut a GSO frame (calls out for each
 * piece). */
void net_finish_csum(uint8_t *frame, size_t size, const struct net_meta *meta);
bool net_segment(const uint8_t *frame, size_t size, const struct net_meta *meta,
                 bool (*out)(void *arg, const uint8_t *frame, size_t size), void *arg);
#endif
