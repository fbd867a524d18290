/*
 * Frames over sockets (net/wire.h). Must not know how the socket was configured.
 *
 * What the other side sends is not trusted: a length that no frame has ends the connection.
 */
#include "net/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/time.h"

enum { IN_SIZE = 256 << 10, BATCH = 64, IOV_LIMIT = 64 };

static void connect_later(struct wire *w);

static void rewatch(struct wire *w)
{
    if (w->watch)
        os_watch_set(w->watch, (w->stopped ? 0u : OS_READABLE) |
                                   (w->blocked || w->out_len ? OS_WRITABLE : 0u));
}

static void lost(struct wire *w)
{
    os_watch_free(w->watch);
    w->watch = NULL;
    close(w->fd);
    w->fd = -1;
    w->in_len = w->out_len = 0;
    if (w->listen_watch)
        os_watch_set(w->listen_watch, OS_READABLE);
    else
        connect_later(w);
    if (w->blocked) {
        w->blocked = false;
        net_port_room(w->p);
    }
}

/* ---- stream ---- */

/* Hands out whole frames. False: nonsense came. */
static bool take_frames(struct wire *w)
{
    size_t at = 0;
    bool ok = true;

    while (w->in_len - at >= 4 && !w->stopped) {
        uint32_t size = mem_ld32be(w->in + at);
        static const struct net_meta nothing;
        struct iovec iov;

        if (size > NET_FRAME_MAX) {
            ok = false;
            break;
        }
        if (w->in_len - at - 4 < size)
            break;
        iov = (struct iovec){w->in + at + 4, size};
        at += 4 + (size_t)size;
        if (size && !net_port_deliver(w->p, &iov, 1, &nothing))
            w->stopped = true;
    }
    memmove(w->in, w->in + at, w->in_len - at);
    w->in_len -= at;
    return ok;
}

static void read_stream(struct wire *w)
{
    ssize_t n = read(w->fd, w->in + w->in_len, IN_SIZE - w->in_len);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        lost(w);
        return;
    }
    w->in_len += (size_t)n;
    if (!take_frames(w)) {
        log_warn("netdev '%s': the other side sent a frame longer than any: connection closed",
                 w->p->id);
        lost(w);
    }
}

static void write_rest(struct wire *w)
{
    ssize_t n = send(w->fd, w->out + w->out_at, w->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        lost(w);
        return;
    }
    if (n > 0) {
        w->out_at += (size_t)n;
        w->out_len -= (size_t)n;
    }
}

static bool send_stream(struct wire *w, const struct iovec *iov, int niov)
{
    struct iovec all[IOV_LIMIT + 1];
    struct msghdr msg = {.msg_iov = all};
    uint8_t length[4];
    size_t size = net_iov_size(iov, niov), done;
    ssize_t n;

    mem_st32be(length, (uint32_t)size);
    all[0] = (struct iovec){length, 4};
    if (niov > IOV_LIMIT) {
        all[1] = (struct iovec){w->p->work, net_gather(iov, niov, w->p->work, NET_FRAME_MAX)};
        msg.msg_iovlen = 2;
    } else {
        memcpy(all + 1, iov, sizeof(*iov) * (size_t)niov);
        msg.msg_iovlen = (size_t)niov + 1;
    }
    do
        n = sendmsg(w->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n < 0)
        return true; /* reading tells of the end in its time */
    done = (size_t)n;
    /* The rest of a frame that has begun has to follow. */
    w->out_at = w->out_len = 0;
    for (size_t i = 0; i < msg.msg_iovlen; i++) {
        size_t skip = min_of(done, all[i].iov_len);

        memcpy(w->out + w->out_len, (uint8_t *)all[i].iov_base + skip, all[i].iov_len - skip);
        w->out_len += all[i].iov_len - skip;
        done -= skip;
    }
    if (w->out_len)
        rewatch(w);
    return true;
}

/* ---- datagrams ---- */

static void read_dgrams(struct wire *w)
{
    static const struct net_meta nothing;

    for (int i = 0; i < BATCH && !w->stopped; i++) {
        ssize_t n = recv(w->fd, w->in, NET_FRAME_MAX, MSG_DONTWAIT);
        struct iovec iov;

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            /* Nobody there yet (an ICMP error). The loop stopped looking; ask anew. */
            os_watch_set(w->watch, 0);
            return;
        }
        if (n < 0)
            return;
        iov = (struct iovec){w->in, (size_t)n};
        if (n && !net_port_deliver(w->p, &iov, 1, &nothing))
            w->stopped = true;
    }
}

static bool send_dgram(struct wire *w, const struct iovec *iov, int niov)
{
    struct iovec whole = {w->p->work, 0};
    struct msghdr msg = {.msg_name = w->to_len ? &w->to : NULL,
                         .msg_namelen = w->to_len,
                         .msg_iov = (struct iovec *)iov,
                         .msg_iovlen = (size_t)niov};

    if (niov > IOV_LIMIT) {
        whole.iov_len = net_gather(iov, niov, w->p->work, NET_FRAME_MAX);
        msg.msg_iov = &whole;
        msg.msg_iovlen = 1;
    }
    return sendmsg(w->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* ---- both ---- */

static void on_events(void *arg, unsigned events)
{
    struct wire *w = arg;

    if (events & OS_WRITABLE && w->out_len)
        write_rest(w);
    if (w->fd >= 0 && events & OS_WRITABLE && !w->out_len && w->blocked) {
        w->blocked = false;
        net_port_room(w->p);
    }
    if (w->fd >= 0 && events & OS_READABLE) {
        if (w->dgram)
            read_dgrams(w);
        else
            read_stream(w);
    }
    rewatch(w);
}

bool wire_send(struct wire *w, const struct iovec *iov, int niov)
{
    bool ok;

    if (w->fd < 0)
        return true; /* no cable */
    ok = !w->out_len && (w->dgram ? send_dgram(w, iov, niov) : send_stream(w, iov, niov));
    if (!ok) {
        w->blocked = true;
        rewatch(w);
    }
    return ok;
}

void wire_resume(struct wire *w)
{
    if (!w->stopped)
        return;
    w->stopped = false;
    if (w->fd >= 0 && !w->dgram && !take_frames(w))
        lost(w);
    rewatch(w);
}

void wire_use(struct wire *w, int fd, bool dgram)
{
    w->fd = fd;
    w->dgram = dgram;
    w->in_len = w->out_len = 0;
    if (!dgram)
        os_sock_prepare(fd, true);
    w->watch = os_watch_new(w->p->loop, fd, on_events, w);
    rewatch(w);
}

static void on_client(void *arg, unsigned events)
{
    struct wire *w = arg;
    int fd = os_sock_accept(w->listener);

    (void)events;
    if (fd < 0)
        return;
    os_watch_set(w->listen_watch, 0);
    wire_use(w, fd, false);
}

void wire_listen(struct wire *w, int fd)
{
    w->listener = fd;
    w->listen_watch = os_watch_new(w->p->loop, fd, on_client, w);
    os_watch_set(w->listen_watch, OS_READABLE);
}

static void on_connected(void *arg, unsigned events)
{
    struct wire *w = arg;
    int fd = w->pending;

    (void)events;
    os_watch_free(w->pending_watch);
    w->pending_watch = NULL;
    w->pending = -1;
    if (os_sock_error(fd)) {
        close(fd);
        connect_later(w);
    } else {
        wire_use(w, fd, false);
    }
}

static void on_timer(void *arg)
{
    struct wire *w = arg;
    struct err e;

    if (os_sock_connect(&w->addr, SOCK_STREAM, false, &w->pending, &e) < 0) {
        connect_later(w);
        return;
    }
    w->pending_watch = os_watch_new(w->p->loop, w->pending, on_connected, w);
    os_watch_set(w->pending_watch, OS_WRITABLE);
}

static void connect_later(struct wire *w)
{
    if (w->retry_ms)
        os_timer_set(w->timer, os_time_ns() + w->retry_ms * 1000000);
}

int wire_connect(struct wire *w, struct err *e)
{
    int fd, rc = os_sock_connect(&w->addr, SOCK_STREAM, true, &fd, e);

    if (rc == 0)
        wire_use(w, fd, false);
    else if (w->retry_ms)
        connect_later(w);
    return w->retry_ms ? 0 : rc;
}

void wire_init(struct wire *w, struct net_port *p)
{
    w->p = p;
    w->fd = w->listener = w->pending = -1;
    w->timer = os_timer_new(p->loop, on_timer, w);
    w->in = mem_alloc(IN_SIZE);
    w->out = mem_alloc(NET_FRAME_MAX + 4);
}

void wire_close(struct wire *w)
{
    if (!w->p)
        return;
    os_timer_free(w->timer);
    os_watch_free(w->watch);
    os_watch_free(w->listen_watch);
    os_watch_free(w->pending_watch);
    if (w->fd >= 0)
        close(w->fd);
    if (w->listener >= 0)
        close(w->listener);
    if (w->pending >= 0)
        close(w->pending);
    free(w->in);
    free(w->out);
}
