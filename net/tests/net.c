/* Ports with a scripted card: user networking (ARP, DHCP, ping, TFTP, TCP in both directions,
 * forwards), two machines joined by sockets, flow control, capture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net_int.h"
#include "net/slirp_conf.h"
#include "os/sock.h"

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
#define GUEST 0x0a00020fu
#define HOST  0x0a000202u

struct kept {
    struct kept *next;
    struct net_meta meta;
    size_t size;
    uint8_t data[];
};

struct card {
    struct net_port *p;
    bool closed; /* takes nothing */
    unsigned ready, count;
    struct kept *first, **last;
    uint8_t frame[NET_FRAME_MAX]; /* the newest */
    size_t size, largest;
    struct net_meta meta;
    void (*fn)(struct card *c); /* called for each */
    void *arg;
};

static bool receive(void *opaque, const struct iovec *iov, int niov, const struct net_meta *meta)
{
    size_t size = net_iov_size(iov, niov);
    struct card *c = opaque;
    struct kept *k;

    if (c->closed)
        return false;
    k = malloc(sizeof(*k) + size);
    k->next = NULL;
    k->meta = *meta;
    k->size = net_gather(iov, niov, k->data, size);
    *c->last = k;
    c->last = &k->next;
    return true;
}

/* As a guest does: not from inside receive(). */
static void work(struct card *c)
{
    struct kept *k;

    while (c->last && (k = c->first)) {
        c->first = k->next;
        if (!c->first)
            c->last = &c->first;
        memcpy(c->frame, k->data, c->size = k->size);
        c->meta = k->meta;
        c->count++;
        c->largest = max_of(c->largest, c->size);
        free(k);
        if (c->fn)
            c->fn(c);
    }
}

static void ready(void *opaque)
{
    ((struct card *)opaque)->ready++;
}

static const struct net_ops ops = {.receive = receive, .ready = ready};

struct bed {
    struct os_loop *loop;
    char dir[64];
    struct card a, b;
};

static int setup(void **state)
{
    struct bed *t = calloc(1, sizeof(*t));
    struct err e;

    assert_int_equal(os_loop_new(&t->loop, &e), 0);
    strcpy(t->dir, "/tmp/myna-net-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct bed *t = *state;
    char command[128];

    work(&t->a);
    work(&t->b);
    net_port_free(t->a.p);
    net_port_free(t->b.p);
    os_loop_free(t->loop);
    snprintf(command, sizeof(command), "rm -rf %s", t->dir);
    assert_int_equal(system(command), 0);
    free(t);
    return 0;
}

static void make(struct bed *t, struct card *c, const char *fmt, ...)
{
    char text[512];
    struct err e = {0};
    json_t *conf;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (char *q = text; *q; q++)
        if (*q == '\'')
            *q = '"';
    conf = json_loads(text, 0, NULL);
    assert_non_null(conf);
    if (net_backend_new(&c->p, t->loop, conf, &e) < 0)
        fail_msg("%s: %s", text, e.text);
    json_decref(conf);
    c->last = &c->first;
    assert_int_equal(net_port_attach(c->p, &ops, c, &e), 0);
}

static void turn(struct bed *t)
{
    os_loop_once(t->loop, false);
    work(&t->a);
    work(&t->b);
}

#define until(condition)   \
    while (!(condition)) { \
        turn(t);           \
        usleep(20);        \
    }

static bool send_frame(struct card *c, const uint8_t *f, size_t size, const struct net_meta *m)
{
    struct iovec iov[2] = {{(void *)f, 14}, {(void *)(f + 14), size - 14}};

    return net_port_send(c->p, iov, 2, m);
}

static void ethernet(uint8_t *f, const uint8_t *to, uint16_t type)
{
    memcpy(f, to, 6);
    memcpy(f + 6, guest_mac, 6);
    mem_st16be(f + 12, type);
}

/* Headers around `size` bytes of payload that is in place at f + 34; returns the frame's size. */
static size_t ip(uint8_t *f, uint8_t proto, uint32_t from, uint32_t to, size_t size)
{
    static const uint8_t gateway[6] = {0x52, 0x55, 10, 0, 2, 2};

    ethernet(f, gateway, 0x0800);
    memset(f + 14, 0, 20);
    f[14] = 0x45;
    mem_st16be(f + 16, (uint16_t)(20 + size));
    f[22] = 64;
    f[23] = proto;
    mem_st32be(f + 26, from);
    mem_st32be(f + 30, to);
    mem_st16be(f + 24, (uint16_t)~net_csum(f + 14, 20, 0));
    return 34 + size;
}

static size_t udp(uint8_t *f, uint32_t from, uint16_t sport, uint32_t to, uint16_t dport,
                  size_t size)
{
    mem_st16be(f + 34, sport);
    mem_st16be(f + 36, dport);
    mem_st16be(f + 38, (uint16_t)(8 + size));
    mem_st16be(f + 40, 0);
    return ip(f, IPPROTO_UDP, from, to, 8 + size);
}

static void arp_reply(struct card *c)
{
    uint8_t f[60] = {0};

    /* Who has 10.0.2.15? */
    if (mem_ld16be(c->frame + 12) != 0x0806 || mem_ld16be(c->frame + 20) != 1 ||
        mem_ld32be(c->frame + 38) != GUEST)
        return;
    ethernet(f, c->frame + 6, 0x0806);
    memcpy(f + 14, "\0\1\10\0\6\4\0\2", 8);
    memcpy(f + 22, guest_mac, 6);
    mem_st32be(f + 28, GUEST);
    memcpy(f + 32, c->frame + 22, 10);
    assert_true(send_frame(c, f, sizeof(f), NULL));
}

static void slirp_arp_ping(void **state)
{
    struct bed *t = *state;
    uint8_t f[128] = {0};
    static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

    make(t, &t->a, "{'type':'user','id':'n'}");
    ethernet(f, broadcast, 0x0806);
    memcpy(f + 14, "\0\1\10\0\6\4\0\1", 8);
    memcpy(f + 22, guest_mac, 6);
    mem_st32be(f + 28, GUEST);
    mem_st32be(f + 38, HOST);
    assert_true(send_frame(&t->a, f, 60, NULL));
    until(t->a.count);
    assert_int_equal(mem_ld16be(t->a.frame + 20), 2);
    assert_memory_equal(t->a.frame, guest_mac, 6);
    assert_int_equal(mem_ld32be(t->a.frame + 28), HOST);
    /* ping of the gateway: answered without the host */
    memset(f, 0, sizeof(f));
    f[34] = 8;
    memcpy(f + 38, "\x12\x34\0\1hello", 9);
    mem_st16be(f + 36, (uint16_t)~net_csum(f + 34, 24, 0));
    t->a.count = 0;
    assert_true(send_frame(&t->a, f, ip(f, IPPROTO_ICMP, GUEST, HOST, 24), NULL));
    until(t->a.count);
    assert_int_equal(t->a.frame[34], 0);
    assert_memory_equal(t->a.frame + 38, "\x12\x34\0\1hello", 9);
    assert_int_equal(net_csum(t->a.frame + 34, 24, 0), 0xffff);
}

static const uint8_t *dhcp_option(const struct card *c, uint8_t code)
{
    const uint8_t *o = c->frame + 42 + 240;

    while (o < c->frame + c->size && *o != 255) {
        if (*o == code)
            return o + 2;
        o += *o ? 2 + o[1] : 1;
    }
    return NULL;
}

static void slirp_dhcp(void **state)
{
    struct bed *t = *state;
    uint8_t f[400];
    const uint8_t *o;

    make(t, &t->a,
         "{'type':'user','id':'n','net':'192.168.76.0/"
         "24','dhcpstart':'192.168.76.9','hostname':'guest',"
         "'domainname':'home.arpa','dnssearch':['a.b','c.d'],'bootfile':'boot.efi','tftp':'%s'}",
         t->dir);
    for (uint8_t kind = 1; kind <= 3; kind += 2) { /* discover, request */
        memset(f, 0, sizeof(f));
        memcpy(f + 42, "\1\1\6\0\xde\xad\xbe\xef", 8);
        memcpy(f + 70, guest_mac, 6);
        memcpy(f + 278, "\x63\x82\x53\x63\x35\1", 6);
        f[284] = kind;
        f[285] = kind == 3 ? 50 : 255;
        if (kind == 3)
            memcpy(f + 286, "\4\xc0\xa8\x4c\x09\xff", 6);
        t->a.count = 0;
        assert_true(send_frame(&t->a, f, udp(f, 0, 68, 0xffffffff, 67, 280), NULL));
        until(t->a.count);
        assert_memory_equal(t->a.frame + 46, "\xde\xad\xbe\xef", 4);
        assert_int_equal(mem_ld32be(t->a.frame + 58), 0xc0a84c09);
        o = dhcp_option(&t->a, 53);
        assert_non_null(o);
        assert_int_equal(*o, kind == 1 ? 2 : 5);
    }
    assert_non_null(o = dhcp_option(&t->a, 3));
    assert_int_equal(mem_ld32be(o), 0xc0a84c02);
    assert_non_null(o = dhcp_option(&t->a, 6));
    assert_int_equal(mem_ld32be(o), 0xc0a84c03);
    assert_non_null(o = dhcp_option(&t->a, 12));
    assert_memory_equal(o, "guest", 5);
    assert_non_null(dhcp_option(&t->a, 119));
    assert_non_null(memmem(t->a.frame, t->a.size, "boot.efi", 8));
}

static void slirp_tftp(void **state)
{
    struct bed *t = *state;
    uint8_t f[256] = {0};
    char path[80];
    FILE *file;

    snprintf(path, sizeof(path), "%s/kernel", t->dir);
    file = fopen(path, "w");
    fputs("the contents", file);
    fclose(file);
    make(t, &t->a, "{'type':'user','id':'n','tftp':'%s'}", t->dir);
    t->a.fn = arp_reply;
    memcpy(f + 42, "\0\1kernel\0octet", 15);
    assert_true(send_frame(&t->a, f, udp(f, GUEST, 1069, HOST, 69, 15), NULL));
    until(t->a.count && mem_ld16be(t->a.frame + 12) == 0x0800);
    assert_memory_equal(t->a.frame + 42, "\0\3\0\1the contents", 16);
}

/* ---- a small TCP ---- */

struct tcp {
    uint32_t peer, next, ack; /* next: of ours */
    uint16_t sport, dport;
    bool up, peer_fin, listening, echo;
    uint8_t *in;
    size_t len, big; /* big: frames of more than one segment */
};

static void tcp_send(struct card *c, struct tcp *s, uint8_t flags, const void *data, size_t size,
                     uint16_t mss)
{
    static uint8_t f[NET_FRAME_MAX];
    struct net_meta m = {.flags = NET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
    size_t head = flags & 2 ? 24 : 20;

    memset(f, 0, 54);
    mem_st16be(f + 34, s->sport);
    mem_st16be(f + 36, s->dport);
    mem_st32be(f + 38, s->next);
    mem_st32be(f + 42, s->ack);
    f[46] = (uint8_t)(head << 2);
    f[47] = flags;
    mem_st16be(f + 48, 0xffff);
    if (flags & 2)
        memcpy(f + 54, "\2\4\x05\xb4", 4);
    if (size)
        memcpy(f + 34 + head, data, size);
    ip(f, IPPROTO_TCP, GUEST, s->peer, head + size);
    mem_st16be(f + 50, net_csum(f + 26, 8, IPPROTO_TCP + (uint32_t)(head + size)));
    if (size > mss) {
        m.gso_type = NET_GSO_TCPV4;
        m.gso_size = mss;
        m.hdr_len = 54;
    }
    assert_true(send_frame(c, f, 34 + head + size, &m));
    s->next += (uint32_t)size + !!(flags & 3);
}

static void tcp_in(struct card *c)
{
    struct tcp *s = c->arg;
    const uint8_t *f = c->frame;
    uint32_t seq;
    size_t head, bytes;

    arp_reply(c);
    if (mem_ld16be(f + 12) != 0x0800 || f[23] != IPPROTO_TCP)
        return;
    seq = mem_ld32be(f + 38);
    head = 34 + (size_t)(f[46] >> 4) * 4;
    bytes = 14 + (size_t)mem_ld16be(f + 16) - head;
    assert_int_equal(net_csum(f + 14, 20, 0), 0xffff);
    if (c->meta.flags & NET_NEEDS_CSUM)
        net_finish_csum(c->frame, c->size, &c->meta);
    assert_int_equal(net_csum(f + 34, bytes + head - 34,
                              IPPROTO_TCP + (uint32_t)(bytes + head - 34) + net_csum(f + 26, 8, 0)),
                     0xffff);
    if (f[47] & 4) {
        s->peer_fin = true;
        return;
    }
    if (f[47] & 2) { /* SYN, or its answer */
        s->ack = seq + 1;
        if (s->listening) {
            s->peer = mem_ld32be(f + 26);
            s->dport = mem_ld16be(f + 34);
            s->sport = mem_ld16be(f + 36);
            tcp_send(c, s, 0x12, NULL, 0, 1460);
        } else {
            tcp_send(c, s, 0x10, NULL, 0, 1460);
        }
        s->up = true;
        return;
    }
    if (seq != s->ack)
        return;
    s->big += c->meta.gso_type == NET_GSO_TCPV4;
    memcpy(s->in + s->len, f + head, bytes);
    s->len += bytes;
    s->ack += (uint32_t)bytes + (f[47] & 1);
    s->peer_fin |= f[47] & 1;
    if (bytes || f[47] & 1)
        tcp_send(c, s, 0x10, s->echo ? f + head : NULL, s->echo ? bytes : 0, 1460);
}

/* A listening port of the host's loopback. */
static int host_listen(uint16_t *port)
{
    struct sockaddr_in sa;
    socklen_t length = sizeof(sa);
    struct err e;
    int fd;

    assert_int_equal(os_sock_listen(&(struct os_sock_addr){.host = "127.0.0.1", .port = "0"},
                                    SOCK_STREAM, 0, &fd, &e),
                     0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &length), 0);
    *port = ntohs(sa.sin_port);
    return fd;
}

enum { BULK = 1 << 20 };

/* Out: frames of 60 KB as one. In: the gateway's segments come merged when the card takes that. */
static void slirp_tcp(void **state)
{
    struct bed *t = *state;
    struct tcp s = {.peer = HOST, .next = 1000, .sport = 40000, .in = malloc(2 * BULK)};
    uint8_t *data = malloc(BULK), *got = malloc(BULK);
    int listener = host_listen(&s.dport), fd = -1;
    size_t len = 0, sent = 0;
    ssize_t n;

    for (size_t i = 0; i < BULK; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 9));
    make(t, &t->a, "{'type':'user','id':'n'}");
    t->a.fn = tcp_in;
    t->a.arg = &s;
    net_port_set_offload(t->a.p, NET_OFF_CSUM | NET_OFF_TSO4);
    tcp_send(&t->a, &s, 2, NULL, 0, 1460);
    until(s.up && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    for (int i = 0; i < 4; i++) {
        tcp_send(&t->a, &s, 0x18, data + i * 60000, 60000, 1460);
        until((n = read(fd, got + len, BULK - len)) < 0
                  ? false
                  : (len += (size_t)n) == (size_t)(i + 1) * 60000);
    }
    assert_memory_equal(got, data, len);
    until((sent += (n = write(fd, data + sent, BULK - sent)) > 0 ? (size_t)n : 0, s.len == BULK));
    assert_memory_equal(s.in, data, BULK);
    assert_true(s.big > 0);
    assert_true(t->a.largest > 10000);
    close(fd);
    until(s.peer_fin);
    close(listener);
    free(data);
    free(got);
    free(s.in);
}

/* A card that stops for a while: nothing is lost, and the host's sender is held up meanwhile. */
static void slirp_flow(void **state)
{
    struct bed *t = *state;
    struct tcp s = {.peer = HOST, .next = 1000, .sport = 40000, .in = malloc(2 * BULK)};
    uint8_t *data = malloc(BULK);
    int listener = host_listen(&s.dport), fd = -1;
    size_t sent = 0;
    ssize_t n;

    for (size_t i = 0; i < BULK; i++)
        data[i] = (uint8_t)(i * 13 + (i >> 8));
    make(t, &t->a, "{'type':'user','id':'n'}");
    t->a.fn = tcp_in;
    t->a.arg = &s;
    tcp_send(&t->a, &s, 2, NULL, 0, 1460);
    until(s.up && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    while (s.len < BULK) {
        n = write(fd, data + sent, BULK - sent);
        sent += n > 0 ? (size_t)n : 0;
        t->a.closed = !t->a.closed;
        if (!t->a.closed)
            net_port_ready(t->a.p);
        turn(t);
    }
    assert_memory_equal(s.in, data, BULK);
    assert_int_equal(s.big, 0);
    close(fd);
    close(listener);
    free(data);
    free(s.in);
}

static void slirp_hostfwd(void **state)
{
    struct bed *t = *state;
    struct tcp s = {.next = 5000, .listening = true, .echo = true, .in = malloc(BULK)};
    uint16_t port;
    char text[8], buf[64];
    struct err e;
    ssize_t n;
    int fd;

    close(host_listen(&port)); /* a free one */
    make(t, &t->a, "{'type':'user','id':'n','hostfwd':['tcp:127.0.0.1:%u-:7','udp::0-:9']}", port);
    t->a.fn = tcp_in;
    t->a.arg = &s;
    snprintf(text, sizeof(text), "%u", port);
    assert_int_equal(os_sock_connect(&(struct os_sock_addr){.host = "127.0.0.1", .port = text},
                                     SOCK_STREAM, true, &fd, &e),
                     0);
    assert_int_equal(write(fd, "echo this", 9), 9);
    until((n = read(fd, buf, sizeof(buf))) > 0);
    assert_int_equal(n, 9);
    assert_memory_equal(buf, "echo this", 9);
    assert_int_equal(s.sport, 7);
    close(fd);
    until(s.peer_fin);
    free(s.in);
}

static void slirp_guestfwd(void **state)
{
    struct bed *t = *state;
    struct tcp s = {
        .peer = 0x0a000264, .next = 1000, .sport = 40000, .dport = 99, .in = malloc(BULK)};

    make(t, &t->a,
         "{'type':'user','id':'n','restrict':true,'guestfwd':'tcp:10.0.2.100:99-cmd:cat'}");
    t->a.fn = tcp_in;
    t->a.arg = &s;
    tcp_send(&t->a, &s, 2, NULL, 0, 1460);
    until(s.up);
    tcp_send(&t->a, &s, 0x18, "to the cat", 10, 1460);
    until(s.len == 10);
    assert_memory_equal(s.in, "to the cat", 10);
    free(s.in);
}

/* ---- machines joined ---- */

static void number(uint8_t *f, size_t size, uint32_t n)
{
    for (size_t i = 0; i < size; i++)
        f[i] = (uint8_t)(i + n);
    mem_st32le(f, n);
}

static void count_up(struct card *c)
{
    uint8_t wanted[2000];

    number(wanted, c->size, c->count - 1);
    assert_memory_equal(c->frame, wanted, c->size);
}

static void joined(struct bed *t, bool lossless)
{
    uint8_t f[2000];
    uint32_t n = 0;

    t->a.fn = t->b.fn = lossless ? count_up : NULL;
    while (t->b.count < 3000) {
        size_t size = 60 + n * 7 % 1400;

        number(f, size, n);
        if (n < 3000 + (lossless ? 0u : 100000u) && send_frame(&t->a, f, size, NULL))
            n++;
        if (lossless && n % 300 == 0) {
            t->b.closed = !t->b.closed;
            if (!t->b.closed)
                net_port_ready(t->b.p);
        }
        turn(t);
    }
    t->b.closed = false;
    number(f, 60, 0);
    while (!t->a.count) {
        assert_true(send_frame(&t->b, f, 60, NULL));
        for (int i = 0; i < 10; i++)
            turn(t);
        t->a.fn = NULL;
    }
}

static void stream_unix(void **state)
{
    struct bed *t = *state;

    make(t, &t->a, "{'type':'stream','id':'a','server':true,'addr':{'type':'unix','path':'%s/s'}}",
         t->dir);
    make(t, &t->b, "{'type':'stream','id':'b','addr.type':'unix','addr.path':'%s/s'}", t->dir);
    turn(t);
    turn(t);
    joined(t, true);
}

static void socket_listen(void **state)
{
    struct bed *t = *state;
    uint16_t port;

    close(host_listen(&port));
    make(t, &t->a, "{'type':'socket','id':'a','listen':'127.0.0.1:%u'}", port);
    make(t, &t->b, "{'type':'socket','id':'b','connect':'127.0.0.1:%u'}", port);
    turn(t);
    turn(t);
    joined(t, true);
}

static void dgram_unix(void **state)
{
    struct bed *t = *state;

    make(t, &t->a,
         "{'type':'dgram','id':'a','local':{'type':'unix','path':'%s/"
         "a'},'remote':{'type':'unix','path':'%s/b'}}",
         t->dir, t->dir);
    make(t, &t->b,
         "{'type':'dgram','id':'b','local':{'type':'unix','path':'%s/"
         "b'},'remote':{'type':'unix','path':'%s/a'}}",
         t->dir, t->dir);
    joined(t, true);
}

static void socket_udp(void **state)
{
    struct bed *t = *state;
    uint16_t p, q;
    int x = host_listen(&p), y = host_listen(&q);

    close(x);
    close(y);
    make(t, &t->a, "{'type':'socket','id':'a','udp':'127.0.0.1:%u','localaddr':'127.0.0.1:%u'}", p,
         q);
    make(t, &t->b, "{'type':'socket','id':'b','udp':'127.0.0.1:%u','localaddr':'127.0.0.1:%u'}", q,
         p);
    joined(t, false);
}

/* A peer that sends nonsense is cut off, and the next one served. */
static void stream_nonsense(void **state)
{
    struct bed *t = *state;
    char path[100];
    uint8_t byte;
    struct err e;
    int fd;

    make(t, &t->a, "{'type':'stream','id':'a','server':true,'addr':{'type':'unix','path':'%s/s'}}",
         t->dir);
    snprintf(path, sizeof(path), "%s/s", t->dir);
    assert_int_equal(
        os_sock_connect(&(struct os_sock_addr){.path = path}, SOCK_STREAM, true, &fd, &e), 0);
    assert_int_equal(write(fd, "\xff\xff\xff\xffgarbage", 11), 11);
    until(read(fd, &byte, 1) == 0);
    close(fd);
    make(t, &t->b, "{'type':'stream','id':'b','addr.type':'unix','addr.path':'%s/s'}", t->dir);
    turn(t);
    turn(t);
    joined(t, true);
}

/* ---- the port itself ---- */

static void gso_to_wire(void **state)
{
    struct bed *t = *state;
    struct tcp s = {.peer = HOST, .sport = 1, .dport = 2, .next = 7};
    uint8_t data[10000] = {1};

    make(t, &t->a, "{'type':'stream','id':'a','server':true,'addr':{'type':'unix','path':'%s/s'}}",
         t->dir);
    make(t, &t->b, "{'type':'stream','id':'b','addr.type':'unix','addr.path':'%s/s'}", t->dir);
    until(t->b.count || (tcp_send(&t->a, &s, 0x10, data, sizeof(data), 1000), false));
    until(t->b.count >= 10);
    assert_int_equal(t->b.size, 1054);
    assert_int_equal(
        net_csum(t->b.frame + 34, 1020, IPPROTO_TCP + 1020u + net_csum(t->b.frame + 26, 8, 0)),
        0xffff);
    /* No cable: gone, not refused. */
    net_port_set_link(t->a.p, false);
    t->b.count = 0;
    assert_true(send_frame(&t->a, t->b.frame, 60, NULL));
    for (int i = 0; i < 10; i++)
        turn(t);
    assert_int_equal(t->b.count, 0);
}

static void capture(void **state)
{
    struct bed *t = *state;
    uint8_t f[200], file[1000];
    char path[80];
    struct err e;
    size_t n;
    FILE *in;

    make(t, &t->a, "{'type':'stream','id':'a','server':true,'addr':{'type':'unix','path':'%s/s'}}",
         t->dir);
    snprintf(path, sizeof(path), "%s/pcap", t->dir);
    assert_int_equal(net_port_capture(t->a.p, path, 100, &e), 0);
    number(f, sizeof(f), 3);
    assert_true(send_frame(&t->a, f, 60, NULL));
    assert_true(send_frame(&t->a, f, 200, NULL));
    in = fopen(path, "r");
    n = fread(file, 1, sizeof(file), in);
    fclose(in);
    assert_int_equal(n, 24 + 16 + 60 + 16 + 100);
    assert_int_equal(mem_ld32le(file), 0xa1b2c3d4);
    assert_int_equal(mem_ld32le(file + 20), 1);
    assert_int_equal(mem_ld32le(file + 32), 60);
    assert_memory_equal(file + 40, f, 60);
    assert_int_equal(mem_ld32le(file + 108), 100);
    assert_int_equal(mem_ld32le(file + 112), 200);
    assert_memory_equal(file + 116, f, 100);
}

static void refused(void **state)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"{'type':'usr','id':'a'}", "did you mean 'user'"},
        {"{'id':'a'}", "needs a type"},
        {"{'type':'user','id':'a','hostfwd':'tcp::22'}", "form"},
        {"{'type':'user','id':'a','hostfwd':[5]}", "texts"},
        {"{'type':'user','id':'a','hostfwd':'tcp:192.0.2.1:2222-:22'}", "2222"},
        {"{'type':'user','id':'a','guestfwd':'tcp:1.2.3.4:5-cmd:cat'}", "outside"},
        {"{'type':'user','id':'a','net':'10.0.2.0/33'}", "ADDRESS/BITS"},
        {"{'type':'user','id':'a','dns':'10.0.3.1'}", "outside"},
        {"{'type':'user','id':'a','host':'10.0.2.3'}", "same address"},
        {"{'type':'user','id':'a','ipv4':'off','ipv6':'off'}", "no network"},
        {"{'type':'user','id':'a','hostfw':'x'}", "did you mean"},
        {"{'type':'stream','id':'a','addr':{'type':'inet'}}", "addr.host"},
        {"{'type':'stream','id':'a','addr':{'type':'unix'}}", "addr.path"},
        {"{'type':'stream','id':'a','addr':{'type':'unix','path':'/nonexistent/x'}}",
         "cannot connect"},
        {"{'type':'socket','id':'a'}", "one of"},
        {"{'type':'socket','id':'a','listen':'x'}", "HOST:PORT"},
        {"{'type':'socket','id':'a','mcast':'127.0.0.1:5'}", "multicast"},
        {"{'type':'tap','id':'a','fd':'0x'}", "fd"},
        {"{'type':'tap','id':'a','ifname':'muchtoolongforaname'}", "longer"},
    };
    struct bed *t = *state;

    for (size_t i = 0; i < array_size(cases); i++) {
        char text[200];
        struct err e = {0};
        struct net_port *p = NULL;
        json_t *conf;

        snprintf(text, sizeof(text), "%s", cases[i].json);
        for (char *q = text; *q; q++)
            if (*q == '\'')
                *q = '"';
        conf = json_loads(text, 0, NULL);
        assert_non_null(conf);
        if (net_backend_new(&p, t->loop, conf, &e) >= 0 || !strstr(e.text, cases[i].says))
            fail_msg("%s: '%s'", cases[i].json, e.text);
        json_decref(conf);
    }
}

#define case_of(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_of(slirp_arp_ping), case_of(slirp_dhcp),  case_of(slirp_tftp),
        case_of(slirp_tcp),      case_of(slirp_flow),  case_of(slirp_hostfwd),
        case_of(slirp_guestfwd), case_of(stream_unix), case_of(socket_listen),
        case_of(dgram_unix),     case_of(socket_udp),  case_of(stream_nonsense),
        case_of(gso_to_wire),    case_of(capture),     case_of(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
