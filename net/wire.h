/*
 * Private to net/: frames between two machines over a socket of the host. A stream carries each
 * frame behind its length (four bytes, big-endian); a datagram is a frame.
 */
#ifndef MYNA_NET_WIRE_H
#define MYNA_NET_WIRE_H

#include <sys/socket.h>

#include "net/net_int.h"
#include "os/sock.h"

struct wire {
    struct net_port *p;
    bool dgram;
    int fd, listener, pending; /* -1: none */
    struct os_watch *watch, *listen_watch, *pending_watch;
    struct os_timer *timer;
    int64_t retry_ms; /* 0: does not connect again */
    struct os_sock_addr addr;
    struct sockaddr_storage to; /* datagrams */
    socklen_t to_len;           /* 0: the socket is connected */
    uint8_t *in, *out;
    size_t in_len, out_at, out_len;
    bool stopped, blocked;
};

void wire_init(struct wire *w, struct net_port *p);
void wire_close(struct wire *w);
/* A connected stream, or a datagram socket. Takes fd. */
void wire_use(struct wire *w, int fd, bool dgram);
/* One connection at a time from a listening descriptor. Takes it. */
void wire_listen(struct wire *w, int fd);
/* Connects to w->addr, and again every retry_ms when it fails or ends. */
int must_check wire_connect(struct wire *w, struct err *e);
bool wire_send(struct wire *w, const struct iovec *iov, int niov);
void wire_resume(struct wire *w);

#endif
