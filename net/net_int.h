/*
 * Private to net/: a port between its backend and its device. All on the loop.
 */
#ifndef MYNA_NET_NET_INT_H
#define MYNA_NET_NET_INT_H

#include "core/prop.h"
#include "net/net.h"
#include "os/loop.h"

enum { NET_ETH_HEADER = 14 };

struct net_backend {
    const char *name;
    const char *help;
    size_t size;
    const struct prop *props;
    unsigned takes; /* NET_OFF_*: frames that send() need not be given finished */
    int (*open)(struct net_port *p, struct err *e); /* close() is called also after a failure */
    void (*close)(struct net_port *p);
    /* False: cannot now; net_port_room() follows. */
    bool (*send)(struct net_port *p, const struct iovec *iov, int niov,
                 const struct net_meta *meta);
    void (*resume)(struct net_port *p); /* after net_port_deliver() was false: go on; may be NULL */
    void (*offload)(struct net_port *p); /* p->offload changed; may be NULL */
    void (*info)(struct net_port *p, char *text, size_t size);
};
extern const struct net_backend net_user, net_tap, net_socket, net_stream, net_dgram;

struct net_frame;
struct net_capture;

struct net_port {
    const struct net_backend *be;
    void *priv;
    struct os_loop *loop;
    char *id;
    const struct net_ops *ops; /* of the device; NULL: none */
    void *opaque;
    unsigned offload, takes;
    bool up;
    bool owed_ready; /* net_port_send() was refused */
    bool flushing;
    struct net_frame *first, *last; /* what the device did not take yet */
    size_t queued;                  /* bytes */
    struct net_capture *capture;
    uint8_t *work;                    /* NET_FRAME_MAX bytes */
    uint64_t sent, received, dropped; /* frames, from the device's side */
};

/* For backends: a frame for the device; always taken. False: stop until resume(). */
bool net_port_deliver(struct net_port *p, const struct iovec *iov, int niov,
                      const struct net_meta *meta);
bool net_port_congested(const struct net_port *p); /* what deliver() would say */
void net_port_room(struct net_port *p);            /* send() takes frames again */

/* Copies a frame together; its size, 0: more than `max`. */
size_t net_gather(const struct iovec *iov, int niov, uint8_t *to, size_t max);
size_t net_iov_size(const struct iovec *iov, int niov);

void net_capture_frame(struct net_capture *c, const struct iovec *iov, int niov);
void net_capture_free(struct net_capture *c);

/* gro.c: TCP segments that follow each other become one large frame for a device that takes those.
 */
struct net_gro {
    struct net_port *p;
    uint8_t *buf; /* NET_FRAME_MAX */
    size_t size;  /* of the frame being made, 0: none */
    size_t header, piece;
    uint32_t next_seq;
};
void net_gro_init(struct net_gro *g, struct net_port *p);
void net_gro_free(struct net_gro *g);
void net_gro_add(struct net_gro *g, const uint8_t *frame, size_t size); /* with right checksums */
void net_gro_flush(struct net_gro *g);

/* "addr": {"type": "unix"} becomes "addr.type": "unix". New reference. */
json_t *net_conf_flatten(const json_t *conf);

#endif
