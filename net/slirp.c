/*
 * User networking: a NAT gateway with DHCP, DNS and TFTP made of the host's own sockets, by
 * libslirp. Owns the gateway and when it is polled; must not know what is in a frame.
 *
 * The gateway's sockets are one group (os/pollset.h), readable as a whole; asking libslirp what it
 * waits for happens once after each batch of its work, and only what changed goes to the kernel.
 * While the guest takes no frames, the sockets are not read: back pressure reaches the sender.
 * Large TCP frames of the guest go to libslirp uncut; its own segments are merged (gro.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/trace.h"
#include "base/vec.h"
#include "net/net_int.h"
#include "net/slirp_conf.h"
#include "net/trace.def"
#include "os/pollset.h"
#include "os/sock.h"
#include "os/time.h"

struct member {
    int fd;
    unsigned asked, wanted, ready; /* OS_POLL_* */
};

/* A port of the guest's network that is a TCP connection of the host. */
struct forward {
    struct forward *next;
    struct user *u;
    struct in_addr server;
    uint16_t port;
    char *host, *host_port;
    int fd;
    struct os_watch *watch;
};

struct user {
    struct net_port *p;
    Slirp *slirp;
    struct net_gro gro;
    struct os_pollset *set;
    struct os_watch *watch;
    struct os_timer *timer;
    struct os_task refill;
    vec_of(struct member) members;
    size_t cursor; /* where add_poll() looks first */
    struct forward *forwards;
    bool busy;    /* inside libslirp */
    bool refused; /* a frame meanwhile */
    uint8_t *work;
    /* options */
    int ipv4, ipv6; /* PROP_AUTO */
    bool restricted;
    char *net, *host, *dns, *dhcpstart, *hostname, *tftp, *tftp_server, *bootfile, *domainname;
    char *ipv6_prefix, *ipv6_host, *ipv6_dns;
    uint32_t ipv6_prefixlen;
    json_t *hostfwd, *guestfwd, *dnssearch;
};

static void refill(struct user *u);

/* ---- libslirp's callbacks ---- */

static ssize_t send_packet(const void *buf, size_t size, void *opaque)
{
    struct user *u = opaque;

    net_gro_add(&u->gro, buf, size);
    return (ssize_t)size;
}

static void guest_error(const char *msg, void *opaque)
{
    struct user *u = opaque;

    trace_at(net_slirp, net_port_id(u->p), "%s", msg);
    log_guest("network: %s", msg);
}

static int64_t clock_get_ns(void *opaque)
{
    (void)opaque;
    return os_time_ns();
}

struct slirp_timer {
    struct user *u;
    struct os_timer *timer;
    SlirpTimerId id;
    void *opaque;
};

static void enter(struct user *u)
{
    u->busy = true;
}

/* Whatever libslirp said while it worked goes to the guest, and what it waits for may be new. */
static void leave(struct user *u)
{
    u->busy = false;
    net_gro_flush(&u->gro);
}

static void on_slirp_timer(void *arg)
{
    struct slirp_timer *t = arg;
    struct user *u = t->u;

    enter(u);
    slirp_handle_timer(u->slirp, t->id, t->opaque);
    leave(u);
    refill(u);
}

static void *timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
    struct user *u = opaque;
    struct slirp_timer *t = mem_new(struct slirp_timer);

    *t = (struct slirp_timer){.u = u, .id = id, .opaque = cb_opaque};
    t->timer = os_timer_new(u->p->loop, on_slirp_timer, t);
    return t;
}

static void timer_free(void *timer, void *opaque)
{
    struct slirp_timer *t = timer;

    (void)opaque;
    if (!t)
        return;
    os_timer_free(t->timer);
    free(t);
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    (void)opaque;
    os_timer_set(((struct slirp_timer *)timer)->timer, expire_ms * 1000000);
}

/* A new descriptor, perhaps of a number that the kernel knew for another. */
static void register_fd(int fd, void *opaque)
{
    struct user *u = opaque;

    vec_for_each (struct member, m, &u->members)
        if (m->fd == fd)
            m->asked = m->ready = 0;
}

static void unregister_fd(int fd, void *opaque)
{
    struct user *u = opaque;

    os_pollset_set(u->set, fd, 0);
    register_fd(fd, u);
}

static void notify(void *opaque)
{
    struct user *u = opaque;

    os_loop_post(u->p->loop, &u->refill);
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_new_opaque = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_fd,
    .unregister_poll_fd = unregister_fd,
    .notify = notify,
};

/* ---- polling ---- */

static int add_poll(int fd, int events, void *opaque)
{
    struct user *u = opaque;
    unsigned wanted = (events & SLIRP_POLL_IN ? OS_POLL_IN : 0u) |
                      (events & SLIRP_POLL_OUT ? OS_POLL_OUT : 0u) |
                      (events & SLIRP_POLL_PRI ? OS_POLL_PRI : 0u);

    for (size_t n = 0; n < u->members.len; n++) {
        /* They come in the same order each time: the next one is nearly always right. */
        size_t i = u->cursor < u->members.len ? u->cursor : 0;

        u->cursor = i + 1;
        if (u->members.data[i].fd == fd) {
            u->members.data[i].wanted |= wanted;
            return (int)i;
        }
    }
    vec_push(&u->members, (struct member){.fd = fd, .wanted = wanted});
    return (int)u->members.len - 1;
}

static int get_revents(int idx, void *opaque)
{
    struct user *u = opaque;
    unsigned ready;

    if (idx < 0 || (size_t)idx >= u->members.len)
        return 0;
    ready = u->members.data[idx].ready;
    return (ready & OS_POLL_IN ? SLIRP_POLL_IN : 0) | (ready & OS_POLL_OUT ? SLIRP_POLL_OUT : 0) |
           (ready & OS_POLL_PRI ? SLIRP_POLL_PRI : 0) | (ready & OS_POLL_ERR ? SLIRP_POLL_ERR : 0) |
           (ready & OS_POLL_HUP ? SLIRP_POLL_HUP : 0);
}

/* Asks libslirp what it waits for; tells the kernel the difference. */
static void refill(struct user *u)
{
    uint32_t timeout = UINT32_MAX;
    size_t kept = 0;

    /* From inside libslirp: after it. */
    if (u->busy) {
        os_loop_post(u->p->loop, &u->refill);
        return;
    }
    vec_for_each (struct member, old, &u->members)
        old->wanted = old->ready = 0;
    u->cursor = 0;
    enter(u);
    slirp_pollfds_fill(u->slirp, &timeout, add_poll, u);
    leave(u);
    /* libslirp keeps the indices until the next fill: members stay where they are until no one is
     * wanted behind. */
    for (size_t i = 0; i < u->members.len; i++) {
        struct member *m = &u->members.data[i];

        if (m->wanted != m->asked)
            os_pollset_set(u->set, m->fd, m->wanted);
        m->asked = m->wanted;
        if (m->wanted)
            kept = i + 1;
    }
    u->members.len = kept;
    for (struct forward *f = u->forwards; f; f = f->next)
        if (f->watch && slirp_socket_can_recv(u->slirp, f->server, f->port))
            os_watch_set(f->watch, OS_READABLE);
    os_watch_set(u->watch, net_port_congested(u->p) ? 0 : OS_READABLE);
    os_timer_set(u->timer,
                 timeout == UINT32_MAX ? INT64_MAX : os_time_ns() + (int64_t)timeout * 1000000);
}

static void work(struct user *u)
{
    enter(u);
    slirp_pollfds_poll(u->slirp, 0, get_revents, u);
    leave(u);
    refill(u);
}

static void on_ready(void *arg, unsigned events)
{
    struct os_pollset_ready ready[64];
    struct user *u = arg;
    int n = os_pollset_take(u->set, ready, 64);

    (void)events;
    for (int i = 0; i < n; i++)
        vec_for_each (struct member, m, &u->members)
            if (m->fd == ready[i].fd)
                m->ready = ready[i].events;
    work(u);
}

static void on_timer(void *arg)
{
    work(arg);
}

static void on_refill(void *arg)
{
    struct user *u = arg;

    if (u->refused) {
        u->refused = false;
        net_port_room(u->p);
    }
    /* Not just refill(): packets that waited for an ARP answer go out here. */
    work(u);
}

/* ---- the port ---- */

static bool user_send(struct net_port *p, const struct iovec *iov, int niov,
                      const struct net_meta *meta)
{
    struct user *u = p->priv;
    size_t size = net_gather(iov, niov, u->work, NET_FRAME_MAX);

    if (!size)
        return true;
    if (u->busy) {
        /* An answer from inside receive(): libslirp does not expect it there. */
        u->refused = true;
        os_loop_post(p->loop, &u->refill);
        return false;
    }
    net_finish_csum(u->work, size, meta);
    enter(u);
    slirp_input(u->slirp, u->work, (int)size);
    leave(u);
    /* Once for all frames that the device sends in a row. */
    os_loop_post(p->loop, &u->refill);
    return true;
}

static void user_resume(struct net_port *p)
{
    struct user *u = p->priv;

    if (u->watch && !u->busy)
        os_watch_set(u->watch, OS_READABLE);
}

static void user_info(struct net_port *p, char *text, size_t size)
{
    struct user *u = p->priv;

    snprintf(text, size, "net=%s,restrict=%s", u->net, u->restricted ? "on" : "off");
}

/* ---- forwards into the guest and out of it ---- */

/* Calls fn for a text, or each of an array of texts or of {"str": text} objects. */
static int each_text(const json_t *list, const char *what,
                     int (*fn)(struct user *u, const char *text, struct err *e), struct user *u,
                     struct err *e)
{
    int rc = 0;
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)list, i, item)
    {
        const char *text =
            json_string_value(json_is_object(item) ? json_object_get(item, "str") : item);

        if (!text)
            return err_text(e, EINVAL, "%s: a list of texts is wanted", what);
        rc = fn(u, text, e);
        if (rc < 0)
            break;
    }
    return rc;
}

static int add_hostfwd(struct user *u, const char *text, struct err *e)
{
    struct slirp_hostfwd f;
    int rc = slirp_parse_hostfwd(text, &f, e);

    if (rc < 0)
        return rc;
    errno = 0;
    if (slirp_add_hostfwd(u->slirp, f.udp, f.host, f.host_port, f.guest, f.guest_port) < 0)
        return err_set(e, errno ? errno : EADDRINUSE,
                       "hostfwd='%s': cannot listen on port %u of the host", text, f.host_port);
    return 0;
}

static void forward_end(struct forward *f)
{
    os_watch_free(f->watch);
    f->watch = NULL;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

static void on_forward(void *arg, unsigned events)
{
    struct forward *f = arg;
    struct user *u = f->u;
    uint8_t buf[4096];
    size_t room = slirp_socket_can_recv(u->slirp, f->server, f->port);
    ssize_t n;

    (void)events;
    if (!room) {
        os_watch_set(f->watch, 0); /* until the guest has acknowledged: refill() */
        return;
    }
    n = read(f->fd, buf, min_of(room, sizeof(buf)));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        forward_end(f);
        return;
    }
    enter(u);
    slirp_socket_recv(u->slirp, f->server, f->port, buf, (int)n);
    leave(u);
    os_loop_post(u->p->loop, &u->refill);
}

/* The guest's bytes. Connects when the first come. */
static ssize_t forward_write(const void *buf, size_t size, void *opaque)
{
    struct forward *f = opaque;
    struct os_sock_addr a = {.host = f->host, .port = f->host_port};
    struct err e;

    if (f->fd < 0) {
        if (os_sock_connect(&a, SOCK_STREAM, true, &f->fd, &e) < 0) {
            log_warn("guestfwd: %s", e.text);
            f->fd = -1;
            return (ssize_t)size;
        }
        f->watch = os_watch_new(f->u->p->loop, f->fd, on_forward, f);
    }
    os_watch_set(f->watch, OS_READABLE);
    return send(f->fd, buf, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int add_forward(struct user *u, const struct slirp_guestfwd *g, const char *text,
                       struct err *e)
{
    const char *colon = strrchr(g->target, ':');
    struct in_addr server = g->server;
    struct forward *f;

    if (!colon || colon == g->target || !colon[1])
        return err_text(e, EINVAL, "guestfwd='%s': the target has no port", text);
    f = mem_new(struct forward);
    f->u = u;
    f->server = g->server;
    f->port = g->port;
    f->fd = -1;
    f->host = mem_strdup(g->target);
    f->host[colon - g->target] = '\0';
    f->host_port = mem_strdup(colon + 1);
    f->next = u->forwards;
    u->forwards = f;
    return slirp_add_guestfwd(u->slirp, forward_write, f, &server, g->port);
}

static int add_guestfwd(struct user *u, const char *text, struct err *e)
{
    struct slirp_guestfwd g;
    struct in_addr server;
    int rc = slirp_parse_guestfwd(text, &g, e);

    if (rc < 0)
        return rc;
    server = g.server;
    if (g.kind == SLIRP_FWD_CMD)
        rc = slirp_add_exec(u->slirp, g.target, &server, g.port);
    else if (g.kind == SLIRP_FWD_UNIX)
        rc = slirp_add_unix(u->slirp, g.target, &server, g.port);
    else if ((rc = add_forward(u, &g, text, e)) < -1)
        return rc;
    return rc < 0 ? err_text(e, EINVAL,
                             "guestfwd='%s': the address is outside of the guest's network, or the "
                             "port is taken",
                             text)
                  : 0;
}

/* ---- configuration ---- */

static int ip4_config(struct user *u, SlirpConfig *c, struct err *e)
{
    static const struct {
        const char *name;
        size_t text, address;
        uint32_t def;
    } hosts[] = {
        {"host", offsetof(struct user, host), offsetof(SlirpConfig, vhost), 2},
        {"dns", offsetof(struct user, dns), offsetof(SlirpConfig, vnameserver), 3},
        {"dhcpstart", offsetof(struct user, dhcpstart), offsetof(SlirpConfig, vdhcp_start), 15},
    };
    int rc = slirp_parse_net(u->net, &c->vnetwork, &c->vnetmask, e);
    uint32_t count;

    if (rc < 0)
        return rc;
    count = ~ntohl(c->vnetmask.s_addr);
    for (size_t i = 0; i < array_size(hosts); i++) {
        const char *text = *(char **)((char *)u + hosts[i].text);
        struct in_addr *a = (struct in_addr *)((char *)c + hosts[i].address);

        a->s_addr = c->vnetwork.s_addr | htonl(min_of(hosts[i].def, count - 2));
        if (text &&
            (rc = slirp_parse_address(hosts[i].name, text, c->vnetwork, c->vnetmask, a, e)) < 0)
            return rc;
    }
    if (c->vhost.s_addr == c->vnameserver.s_addr)
        return err_text(e, EINVAL, "host and dns cannot be the same address");
    return 0;
}

static int ip6_address(const char *name, const char *text, struct in6_addr *out, struct err *e)
{
    if (inet_pton(AF_INET6, text, out) != 1)
        return err_text(e, EINVAL, "%s='%s' is no IPv6 address", name, text);
    return 0;
}

static int ip6_config(struct user *u, SlirpConfig *c, struct err *e)
{
    int rc = ip6_address("ipv6-prefix", u->ipv6_prefix, &c->vprefix_addr6, e);

    if (rc < 0)
        return rc;
    c->vprefix_len = (uint8_t)u->ipv6_prefixlen;
    c->vhost6 = c->vnameserver6 = c->vprefix_addr6;
    c->vhost6.s6_addr[15] |= 2;
    c->vnameserver6.s6_addr[15] |= 3;
    if (u->ipv6_host && (rc = ip6_address("ipv6-host", u->ipv6_host, &c->vhost6, e)) < 0)
        return rc;
    return u->ipv6_dns ? ip6_address("ipv6-dns", u->ipv6_dns, &c->vnameserver6, e) : 0;
}

/* The option's texts as a NULL-terminated list of borrowed strings. */
static const char **text_list(const json_t *list)
{
    const char **out = mem_array(const char *, json_array_size(list) + 1);
    size_t n = 0, i;
    json_t *item;

    json_array_foreach((json_t *)list, i, item)
    {
        const char *text =
            json_string_value(json_is_object(item) ? json_object_get(item, "str") : item);

        if (text)
            out[n++] = text;
    }
    return out;
}

static int start(struct user *u, struct err *e)
{
    SlirpConfig c = {.version = 4,
                     .restricted = u->restricted,
                     .in_enabled = u->ipv4 != 2 && !(u->ipv4 == 0 && u->ipv6 == 1),
                     .in6_enabled = u->ipv6 != 2 && !(u->ipv6 == 0 && u->ipv4 == 1),
                     .vhostname = u->hostname,
                     .tftp_server_name = u->tftp_server,
                     .tftp_path = u->tftp,
                     .bootfile = u->bootfile,
                     .vdomainname = u->domainname};
    const char **search;
    int rc;

    if (!c.in_enabled && !c.in6_enabled)
        return err_text(e, EINVAL, "ipv4=off and ipv6=off leave no network");
    rc = ip4_config(u, &c, e);
    if (rc == 0)
        rc = ip6_config(u, &c, e);
    if (rc < 0)
        return rc;
    search = text_list(u->dnssearch);
    c.vdnssearch = *search ? search : NULL;
    u->slirp = slirp_new(&c, &callbacks, u);
    free(search);
    return u->slirp ? 0 : err_text(e, EINVAL, "libslirp does not take this configuration");
}

static int user_open(struct net_port *p, struct err *e)
{
    struct user *u = p->priv;
    int rc;

    u->p = p;
    u->work = mem_alloc(NET_FRAME_MAX);
    u->refill = (struct os_task){.fn = on_refill, .arg = u};
    net_gro_init(&u->gro, p);
    rc = os_pollset_new(&u->set, e);
    if (rc == 0)
        rc = start(u, e);
    if (rc == 0)
        rc = each_text(u->hostfwd, "hostfwd", add_hostfwd, u, e);
    if (rc == 0)
        rc = each_text(u->guestfwd, "guestfwd", add_guestfwd, u, e);
    if (rc < 0)
        return rc;
    u->watch = os_watch_new(p->loop, os_pollset_fd(u->set), on_ready, u);
    u->timer = os_timer_new(p->loop, on_timer, u);
    refill(u);
    return 0;
}

static void user_close(struct net_port *p)
{
    struct user *u = p->priv;

    p->ops = NULL;
    if (u->refill.fn)
        os_task_cancel(p->loop, &u->refill);
    if (u->slirp)
        slirp_cleanup(u->slirp);
    while (u->forwards) {
        struct forward *f = u->forwards;

        u->forwards = f->next;
        forward_end(f);
        free(f->host);
        free(f->host_port);
        free(f);
    }
    if (u->watch)
        os_watch_free(u->watch);
    if (u->timer)
        os_timer_free(u->timer);
    os_pollset_free(u->set);
    net_gro_free(&u->gro);
    vec_free(&u->members);
    free(u->work);
}

#define OPT(option, field, kind, ...)                                                     \
    {                                                                                     \
        .name = option, .type = kind, .offset = offsetof(struct user, field), __VA_ARGS__ \
    }

static const struct prop user_props[] = {
    OPT("ipv4", ipv4, PROP_AUTO, .help = "IPv4"),
    OPT("ipv6", ipv6, PROP_AUTO, .help = "IPv6"),
    OPT("restrict", restricted, PROP_BOOL,
        .help = "the guest reaches nothing but what is forwarded"),
    OPT("net", net, PROP_STR, .def_str = "10.0.2.0/24", .help = "the guest's network"),
    OPT("host", host, PROP_STR, .help = "the host's address in it (x.x.x.2)"),
    OPT("dns", dns, PROP_STR, .help = "the name server's address in it (x.x.x.3)"),
    OPT("dhcpstart", dhcpstart, PROP_STR, .help = "the first address that DHCP gives (x.x.x.15)"),
    OPT("hostname", hostname, PROP_STR, .help = "the guest's name, told by DHCP"),
    OPT("domainname", domainname, PROP_STR, .help = "the guest's domain, told by DHCP"),
    OPT("dnssearch", dnssearch, PROP_LIST, .help = "domains to search, told by DHCP"),
    OPT("tftp", tftp, PROP_STR, .help = "directory served by TFTP"),
    OPT("tftp-server-name", tftp_server, PROP_STR, .help = "name of the TFTP server, told by DHCP"),
    OPT("bootfile", bootfile, PROP_STR, .help = "file to boot from TFTP, told by DHCP"),
    OPT("hostfwd", hostfwd, PROP_LIST,
        .help = "tcp|udp:[HOST]:PORT-[GUEST]:PORT: connections of the host to the guest"),
    OPT("guestfwd", guestfwd, PROP_LIST,
        .help =
            "tcp:ADDRESS:PORT-cmd:COMMAND or -tcp:HOST:PORT: the guest's connections to ADDRESS"),
    OPT("ipv6-prefix", ipv6_prefix, PROP_STR, .def_str = "fec0::", .help = "IPv6 prefix"),
    OPT("ipv6-prefixlen", ipv6_prefixlen, PROP_U32, .def = 64, .max = 126, .help = "its length"),
    OPT("ipv6-host", ipv6_host, PROP_STR, .help = "the host's IPv6 address (prefix::2)"),
    OPT("ipv6-dns", ipv6_dns, PROP_STR, .help = "the name server's IPv6 address (prefix::3)"),
    {0},
};

const struct net_backend net_user = {
    .name = "user",
    .help = "network of the host's user: no privileges needed",
    .size = sizeof(struct user),
    .props = user_props,
    .takes = NET_OFF_CSUM | NET_OFF_TSO4 | NET_OFF_TSO6 | NET_OFF_ECN,
    .open = user_open,
    .close = user_close,
    .send = user_send,
    .resume = user_resume,
    .info = user_info,
};
