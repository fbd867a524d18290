/*
 * The backends whose frames go over sockets: `stream`, `dgram`, and `socket`, the older form of
 * both. Owns their options; frames are wire.c's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/wire.h"

struct end { /* an address of the options */
    char *type, *host, *port, *path, *str;
    bool ipv4, ipv6, abstract, tight;
    uint32_t to;
};

struct sock {
    struct wire w;
    struct end a, b; /* stream: a; dgram: a local, b remote */
    bool server;
    uint64_t reconnect;
    uint32_t reconnect_ms;
    /* the older form */
    char *listen, *connect, *mcast, *udp, *localaddr, *fd;
};

static bool sock_send(struct net_port *p, const struct iovec *iov, int niov,
                      const struct net_meta *meta)
{
    (void)meta;
    return wire_send(&((struct sock *)p->priv)->w, iov, niov);
}

static void sock_resume(struct net_port *p)
{
    wire_resume(&((struct sock *)p->priv)->w);
}

static void sock_close(struct net_port *p)
{
    struct sock *s = p->priv;

    wire_close(&s->w);
    if (s->a.path && !s->a.abstract && (s->server || s->w.dgram))
        unlink(s->a.path);
}

static void sock_info(struct net_port *p, char *text, size_t size)
{
    struct sock *s = p->priv;
    char where[160] = "";

    if (s->w.listener >= 0)
        os_sock_name(s->w.listener, where, sizeof(where));
    else if (s->w.fd >= 0)
        os_sock_name(s->w.fd, where, sizeof(where));
    snprintf(text, size, "%s%s%s", where, s->w.listener >= 0 ? ",server=on" : "",
             s->w.fd >= 0 ? "" : ",disconnected");
}

/* Checks one address of the options and turns it round. */
static int address(const struct end *a, const char *what, struct os_sock_addr *out, struct err *e)
{
    const char *type = a->type ? a->type : "inet";

    *out = (struct os_sock_addr){
        .ipv4 = a->ipv4, .ipv6 = a->ipv6, .abstract = a->abstract, .tight = a->tight};
    if (!strcmp(type, "unix")) {
        if (!a->path)
            return err_text(e, EINVAL, "%s.type=unix needs %s.path", what, what);
        out->path = a->path;
        return 0;
    }
    if (strcmp(type, "inet") != 0)
        return err_text(e, EINVAL, "%s.type=%s: there are inet, unix and fd", what, type);
    if (!a->port)
        return err_text(e, EINVAL, "%s needs %s.host and %s.port", what, what, what);
    out->host = a->host;
    out->port = a->port;
    return 0;
}

static bool is_fd(const struct end *a)
{
    return a->type && !strcmp(a->type, "fd");
}

static int take_fd(const char *text, int *fd, struct err *e)
{
    if (!text)
        return err_text(e, EINVAL, "an address of type fd needs its number: addr.str=5");
    return os_sock_take(text, fd, e);
}

/* ---- stream ---- */

static int stream_open(struct net_port *p, struct err *e)
{
    struct sock *s = p->priv;
    int rc, fd;

    wire_init(&s->w, p);
    if (is_fd(&s->a)) {
        rc = take_fd(s->a.str, &fd, e);
        if (rc < 0)
            return rc;
        if (s->server)
            wire_listen(&s->w, fd);
        else
            wire_use(&s->w, fd, false);
        return 0;
    }
    rc = address(&s->a, "addr", &s->w.addr, e);
    if (rc < 0)
        return rc;
    s->w.retry_ms = s->reconnect_ms ? s->reconnect_ms : (int64_t)s->reconnect * 1000;
    if (!s->server)
        return wire_connect(&s->w, e);
    if (s->w.retry_ms)
        return err_text(e, EINVAL, "reconnect is for clients: not together with server=on");
    rc = os_sock_listen(&s->w.addr, SOCK_STREAM, (uint16_t)s->a.to, &fd, e);
    if (rc == 0)
        wire_listen(&s->w, fd);
    return rc;
}

/* ---- dgram ---- */

static int open_mcast(struct sock *s, const struct os_sock_addr *group, const char *local,
                      struct err *e)
{
    struct sockaddr_in *to = (struct sockaddr_in *)&s->w.to, any;
    struct ip_mreq mreq = {.imr_interface.s_addr = INADDR_ANY};
    int fd, one = 1, rc, code;

    rc = os_sock_resolve(group, SOCK_DGRAM, &s->w.to, &s->w.to_len, e);
    if (rc < 0)
        return rc;
    if (to->sin_family != AF_INET || !IN_MULTICAST(ntohl(to->sin_addr.s_addr)))
        return err_text(e, EINVAL, "'%s' is no multicast address (224.0.0.0 to 239.255.255.255)",
                        group->host);
    if (local && *local && inet_pton(AF_INET, local, &mreq.imr_interface) != 1)
        return err_text(e, EINVAL, "localaddr='%s' is no IPv4 address", local);
    mreq.imr_multiaddr = to->sin_addr;
    any = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = to->sin_port, .sin_addr = to->sin_addr};
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, errno, "cannot make a socket");
    /* Several machines of one host share the group, and hear each other. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &one, sizeof(one));
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &mreq.imr_interface, sizeof(mreq.imr_interface));
    if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)) < 0) {
        code = errno;
        close(fd);
        return err_set(e, code, "cannot join the multicast group %s", group->host);
    }
    wire_use(&s->w, fd, true);
    return 0;
}

static int open_pair(struct sock *s, const struct os_sock_addr *local,
                     const struct os_sock_addr *remote, struct err *e)
{
    int fd, rc = os_sock_resolve(remote, SOCK_DGRAM, &s->w.to, &s->w.to_len, e);

    if (rc == 0)
        rc = os_sock_listen(local, SOCK_DGRAM, 0, &fd, e);
    if (rc == 0)
        wire_use(&s->w, fd, true);
    return rc;
}

static int dgram_open(struct net_port *p, struct err *e)
{
    struct sock *s = p->priv;
    struct os_sock_addr local, remote;
    int rc, fd;

    wire_init(&s->w, p);
    if (is_fd(&s->a)) {
        rc = take_fd(s->a.str, &fd, e);
        if (rc == 0)
            wire_use(&s->w, fd, true);
        return rc;
    }
    rc = address(&s->b, "remote", &remote, e);
    if (rc < 0)
        return rc;
    if (!s->a.port && !s->a.path)
        return open_mcast(s, &remote, s->a.host, e);
    rc = address(&s->a, "local", &local, e);
    return rc < 0 ? rc : open_pair(s, &local, &remote, e);
}

/* ---- the older form ---- */

/* "HOST:PORT" or ":PORT"; *host is to be freed, *port points into it. */
static int split(const char *text, char **host, struct os_sock_addr *out, struct err *e)
{
    char *colon;

    *host = mem_strdup(text);
    colon = strrchr(*host, ':');
    if (!colon || !colon[1])
        return err_text(e, EINVAL, "'%s': an address has the form HOST:PORT", text);
    *colon = '\0';
    *out = (struct os_sock_addr){.host = *host, .port = colon + 1};
    return 0;
}

static int socket_by_fd(struct sock *s, struct err *e)
{
    socklen_t size = sizeof(int);
    int fd, type, rc = os_sock_take(s->fd, &fd, e);

    if (rc < 0)
        return rc;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
        return err_set(e, errno, "descriptor %d is no socket", fd);
    wire_use(&s->w, fd, type == SOCK_DGRAM);
    return 0;
}

static int socket_open(struct net_port *p, struct err *e)
{
    struct sock *s = p->priv;
    int given = !!s->listen + !!s->connect + !!s->mcast + !!s->udp + !!s->fd, rc, fd;
    const char *text = s->listen    ? s->listen
                       : s->connect ? s->connect
                       : s->mcast   ? s->mcast
                                    : s->udp;
    char *host = NULL, *local_host = NULL;
    struct os_sock_addr local;

    wire_init(&s->w, p);
    if (given != 1)
        return err_text(e, EINVAL, "one of listen=, connect=, mcast=, udp= and fd= is wanted");
    if (s->fd)
        return socket_by_fd(s, e);
    rc = split(text, &host, &s->w.addr, e);
    if (rc < 0) {
        free(host);
        return rc;
    }
    if (s->connect) {
        rc = wire_connect(&s->w, e);
    } else if (s->mcast) {
        rc = open_mcast(s, &s->w.addr, s->localaddr, e);
    } else if (s->listen) {
        rc = os_sock_listen(&s->w.addr, SOCK_STREAM, 0, &fd, e);
        if (rc == 0)
            wire_listen(&s->w, fd);
    } else if (!s->localaddr) {
        rc = err_text(e, EINVAL, "udp= needs localaddr=HOST:PORT");
    } else {
        rc = split(s->localaddr, &local_host, &local, e);
        if (rc == 0)
            rc = open_pair(s, &local, &s->w.addr, e);
    }
    memset(&s->w.addr, 0,
           sizeof(s->w.addr)); /* its texts end here; this form does not connect again */
    free(local_host);
    free(host);
    return rc;
}

#define OPT(option, field, kind, ...)                                                     \
    {                                                                                     \
        .name = option, .type = kind, .offset = offsetof(struct sock, field), __VA_ARGS__ \
    }
#define END_OPTS(prefix, m)                                                                 \
    OPT(prefix ".type", m.type, PROP_STR, .help = "inet, unix or fd"),                      \
        OPT(prefix ".host", m.host, PROP_STR, .help = "inet: name or address"),             \
        OPT(prefix ".port", m.port, PROP_STR, .help = "inet: port"),                        \
        OPT(prefix ".ipv4", m.ipv4, PROP_BOOL, .help = "inet: only version 4"),             \
        OPT(prefix ".ipv6", m.ipv6, PROP_BOOL, .help = "inet: only version 6"),             \
        OPT(prefix ".path", m.path, PROP_STR, .help = "unix: file"),                        \
        OPT(prefix ".abstract", m.abstract, PROP_BOOL, .help = "unix: a name, no file"),    \
        OPT(prefix ".tight", m.tight, PROP_BOOL, .def = 1, .help = "without zeros behind"), \
        OPT(prefix ".str", m.str, PROP_STR, .help = "fd: number of an open descriptor")

static const struct prop stream_props[] = {
    END_OPTS("addr", a),
    OPT("addr.to", a.to, PROP_U32, .max = 65535, .help = "server: a free port up to this one"),
    OPT("server", server, PROP_BOOL, .help = "listens, instead of connecting"),
    OPT("reconnect", reconnect, PROP_U64, .max = 86400,
        .help = "client: again after so many seconds"),
    OPT("reconnect-ms", reconnect_ms, PROP_U32, .help = "client: again after so many milliseconds"),
    {0},
};

static const struct prop dgram_props[] = {END_OPTS("local", a), END_OPTS("remote", b), {0}};

static const struct prop socket_props[] = {
    OPT("listen", listen, PROP_STR, .help = "[HOST]:PORT: waits for another machine"),
    OPT("connect", connect, PROP_STR, .help = "HOST:PORT: the machine that listens"),
    OPT("mcast", mcast, PROP_STR, .help = "GROUP:PORT: any number of machines"),
    OPT("udp", udp, PROP_STR, .help = "HOST:PORT: of the other machine, with localaddr"),
    OPT("localaddr", localaddr, PROP_STR, .help = "own address of mcast, own HOST:PORT of udp"),
    OPT("fd", fd, PROP_STR, .help = "number of a connected socket"),
    {0},
};

#define BACKEND(symbol, text, about, open_fn)                       \
    const struct net_backend symbol = {.name = text,                \
                                       .help = about,               \
                                       .size = sizeof(struct sock), \
                                       .props = open_fn##_props,    \
                                       .open = open_fn##_open,      \
                                       .close = sock_close,         \
                                       .send = sock_send,           \
                                       .resume = sock_resume,       \
                                       .info = sock_info}

BACKEND(net_stream, "stream", "a connection to another machine", stream);
BACKEND(net_dgram, "dgram", "datagrams to another machine", dgram);
BACKEND(net_socket, "socket", "another machine, by the older options", socket);
