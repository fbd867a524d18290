/*
 * Streams over sockets: unix and TCP, server and client, telnet. Owns listening, connecting again
 * and the one connection; addresses are os/sock's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "chr/chr_int.h"
#include "chr/telnet.h"
#include "os/sock.h"
#include "os/time.h"

struct sock {
    struct chr_stream stream;
    struct os_watch *watch; /* of the listener, or of a connection that is being made */
    struct os_timer *timer;
    struct telnet tn;
    struct chr *c;
    struct os_sock_addr addr;
    int listener, pending;
    /* options */
    char *path, *host, *port, *fd;
    bool server, wait, telnet, nodelay, ipv4, ipv6, abstract, tight;
    uint32_t to, reconnect_ms;
    uint64_t reconnect;
};

static void listen_again(struct sock *s);
static int connect_start(struct sock *s, struct err *e);

static bool again(const struct sock *s)
{
    return s->reconnect || s->reconnect_ms;
}

static void connect_later(struct sock *s)
{
    int64_t ms = s->reconnect_ms ? s->reconnect_ms : (int64_t)s->reconnect * 1000;

    os_timer_set(s->timer, os_time_ns() + ms * 1000000);
}

static void lost(void *arg)
{
    struct sock *s = arg;

    chr_stream_close(&s->stream);
    if (s->server)
        listen_again(s);
    else if (again(s))
        connect_later(s);
    chr_in_event(s->c, CHR_CLOSED);
}

static size_t decode(void *arg, uint8_t *data, size_t size)
{
    struct sock *s = arg;
    unsigned breaks = 0;

    size = telnet_decode(&s->tn, data, size, &breaks);
    while (breaks--)
        chr_in_event(s->c, CHR_BREAK);
    return size;
}

static void connected(struct sock *s, int fd)
{
    os_sock_prepare(fd, s->nodelay || s->telnet);
    memset(&s->tn, 0, sizeof(s->tn));
    s->stream.socket = true;
    s->stream.decode = s->telnet ? decode : NULL;
    s->stream.closed = lost;
    s->stream.arg = s;
    chr_stream_open(&s->stream, s->c, fd, fd);
    if (s->telnet && s->server)
        chr_stream_write(&s->stream, telnet_hello, sizeof(telnet_hello));
    chr_in_event(s->c, CHR_OPENED);
}

/* ---- server ---- */

static void on_client(void *arg, unsigned events)
{
    struct sock *s = arg;
    int fd = os_sock_accept(s->listener);

    (void)events;
    if (fd < 0)
        return;
    os_watch_set(s->watch, 0); /* others wait in the kernel's queue */
    connected(s, fd);
}

static void listen_again(struct sock *s)
{
    os_watch_set(s->watch, OS_READABLE);
}

static int serve(struct sock *s, struct err *e)
{
    char where[160];
    int fd, rc;

    if (s->fd) {
        rc = os_sock_take(s->fd, &s->listener, e);
        if (rc < 0)
            return rc;
    } else {
        rc = os_sock_listen(&s->addr, SOCK_STREAM, (uint16_t)s->to, &s->listener, e);
        if (rc < 0)
            return rc;
    }
    s->watch = os_watch_new(s->c->loop, s->listener, on_client, s);
    if (!s->wait) {
        listen_again(s);
        return 0;
    }
    os_sock_name(s->listener, where, sizeof(where));
    log_warn("waiting for a connection to %s (chardev '%s'; wait=off does not wait)", where,
             chr_id(s->c));
    fd = os_sock_accept_wait(s->listener, e);
    if (fd < 0)
        return fd;
    connected(s, fd);
    return 0;
}

/* ---- client ---- */

static void on_connect(void *arg, unsigned events)
{
    struct sock *s = arg;
    int fd = s->pending, error = os_sock_error(fd);

    (void)events;
    os_watch_free(s->watch);
    s->watch = NULL;
    s->pending = -1;
    if (!error) {
        connected(s, fd);
        return;
    }
    close(fd);
    connect_later(s);
}

/* Asynchronous: only for those who try again. */
static int connect_start(struct sock *s, struct err *e)
{
    int rc = os_sock_connect(&s->addr, SOCK_STREAM, false, &s->pending, e);

    if (rc < 0)
        return rc;
    s->watch = os_watch_new(s->c->loop, s->pending, on_connect, s);
    os_watch_set(s->watch, OS_WRITABLE);
    return 0;
}

static void on_timer(void *arg)
{
    struct sock *s = arg;
    struct err e;

    if (connect_start(s, &e) < 0)
        connect_later(s);
}

static int go_to(struct sock *s, struct err *e)
{
    int fd, rc;

    if (s->fd) {
        rc = os_sock_take(s->fd, &fd, e);
    } else if (again(s)) {
        struct err ignored;

        if (connect_start(s, &ignored) < 0)
            connect_later(s);
        return 0;
    } else {
        rc = os_sock_connect(&s->addr, SOCK_STREAM, true, &fd, e);
    }
    if (rc == 0)
        connected(s, fd);
    return rc;
}

/* ---- the backend ---- */

static int socket_open(struct chr *c, struct err *e)
{
    struct sock *s = c->priv;

    s->c = c;
    s->listener = s->pending = s->stream.rfd = s->stream.wfd = -1;
    s->timer = os_timer_new(c->loop, on_timer, s);
    if (!s->path == !s->port && !s->fd)
        return err_text(e, EINVAL, "a socket needs either path=FILE, or host=NAME and port=NUMBER");
    if (s->server && again(s))
        return err_text(e, EINVAL, "reconnect is for clients: not together with server=on");
    s->addr = (struct os_sock_addr){.path = s->path,
                                    .host = s->host,
                                    .port = s->port,
                                    .ipv4 = s->ipv4,
                                    .ipv6 = s->ipv6,
                                    .abstract = s->abstract,
                                    .tight = s->tight};
    return s->server ? serve(s, e) : go_to(s, e);
}

static void socket_close(struct chr *c)
{
    struct sock *s = c->priv;

    chr_stream_close(&s->stream);
    if (s->watch)
        os_watch_free(s->watch);
    if (s->timer)
        os_timer_free(s->timer);
    if (s->pending >= 0)
        close(s->pending);
    if (s->listener >= 0) {
        close(s->listener);
        if (s->path && !s->fd && !s->abstract)
            unlink(s->path);
    }
}

/* Telnet doubles the byte 255. */
static size_t telnet_write(struct sock *s, const uint8_t *data, size_t size)
{
    static const uint8_t twice[2] = {255, 255};
    size_t done = 0;

    while (done < size) {
        const uint8_t *at = memchr(data + done, 255, size - done);
        size_t plain = at ? (size_t)(at - data) - done : size - done;
        size_t n = plain ? chr_stream_write(&s->stream, data + done, plain) : 0;

        done += n;
        if (n < plain || !at)
            break;
        /* Both or none: half an escape would change what follows. */
        if (CHR_OUT_SIZE - s->stream.len < 2)
            break;
        chr_stream_write(&s->stream, twice, 2);
        done++;
    }
    return done;
}

static size_t socket_write(struct chr *c, const uint8_t *data, size_t size)
{
    struct sock *s = c->priv;

    return s->telnet ? telnet_write(s, data, size) : chr_stream_write(&s->stream, data, size);
}

static void socket_ready(struct chr *c)
{
    chr_stream_ready(&((struct sock *)c->priv)->stream);
}

static void socket_info(struct chr *c, char *text, size_t size)
{
    struct sock *s = c->priv;
    char where[160] = "";

    if (s->listener >= 0)
        os_sock_name(s->listener, where, sizeof(where));
    if (s->path)
        snprintf(text, size, "%sunix:%s%s", c->connected ? "" : "disconnected:", s->path,
                 s->server ? ",server=on" : "");
    else
        snprintf(text, size, "%s%s:%s%s",
                 c->connected ? "" : "disconnected:", s->telnet ? "telnet" : "tcp",
                 *where    ? where
                 : s->host ? s->host
                           : "",
                 s->server ? ",server=on" : "");
}

#define OPT(field, kind, text, ...)                                                         \
    {                                                                                       \
        .name = #field, .type = kind, .offset = offsetof(struct sock, field), .help = text, \
        __VA_ARGS__                                                                         \
    }

static const struct prop socket_props[] = {
    OPT(path, PROP_STR, "unix socket"),
    OPT(host, PROP_STR, "TCP: name or address"),
    OPT(port, PROP_STR, "TCP: number, or name of a service"),
    OPT(fd, PROP_STR, "number of a socket that was inherited"),
    OPT(server, PROP_BOOL, "listens, instead of connecting"),
    OPT(wait, PROP_BOOL, "server: the machine starts when somebody has connected", .def = 1),
    OPT(telnet, PROP_BOOL, "speaks telnet"),
    OPT(nodelay, PROP_BOOL, "TCP: small pieces are sent at once"),
    OPT(to, PROP_U32, "server: takes a free port up to this one", .max = 65535),
    OPT(ipv4, PROP_BOOL, "TCP: only version 4, unless ipv6=on too"),
    OPT(ipv6, PROP_BOOL, "TCP: only version 6, unless ipv4=on too"),
    OPT(abstract, PROP_BOOL, "unix: a name in the abstract name space"),
    OPT(tight, PROP_BOOL, "abstract: the name without zeros behind", .def = 1),
    OPT(reconnect, PROP_U64, "client: tries again after so many seconds", .max = 86400),
    {.name = "reconnect-ms",
     .type = PROP_U32,
     .offset = offsetof(struct sock, reconnect_ms),
     .help = "client: tries again after so many milliseconds"},
    {0},
};

const struct chr_backend chr_socket = {
    .name = "socket",
    .help = "a unix or TCP socket",
    .size = sizeof(struct sock),
    .props = socket_props,
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .ready = socket_ready,
    .info = socket_info,
};
