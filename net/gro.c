/*
 * Receive coalescing: TCP segments of one flow that follow each other go to the device as one frame
 * with segmentation meta, so that a guest pays for a packet once in many. For backends whose
 * checksums are right.
 *
 * Merged are segments with the same addresses, ports, acknowledgement and options-free headers, and
 * no flags but ACK and PSH; a shorter segment or PSH ends the frame. Order within the port is kept:
 * whatever does not fit flushes first.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/net_int.h"

enum { TCP_PSH = 8, TCP_ACK = 0x10 };

struct seg {
    size_t l4, header, payload;
    bool v6;
};

void net_gro_init(struct net_gro *g, struct net_port *p)
{
    *g = (struct net_gro){.p = p, .buf = mem_alloc(NET_FRAME_MAX)};
}

void net_gro_free(struct net_gro *g)
{
    free(g->buf);
}

/* Fills s when the frame may be merged at all. */
static bool parse(const struct net_port *p, const uint8_t *f, size_t size, struct seg *s)
{
    uint16_t type;
    size_t length;

    if (size < NET_ETH_HEADER + 40 || !(p->offload & NET_OFF_CSUM))
        return false;
    type = mem_ld16be(f + 12);
    if (type == 0x0800 && p->offload & NET_OFF_TSO4) {
        s->v6 = false;
        s->l4 = NET_ETH_HEADER + 20;
        length = mem_ld16be(f + 16);
        if (f[14] != 0x45 || mem_ld16be(f + 20) & 0x3fff || f[23] != IPPROTO_TCP || length < 40)
            return false;
    } else if (type == 0x86dd && p->offload & NET_OFF_TSO6) {
        s->v6 = true;
        s->l4 = NET_ETH_HEADER + 40;
        length = (size_t)mem_ld16be(f + 18) + 40;
        if (f[14] >> 4 != 6 || f[20] != IPPROTO_TCP || length < 60)
            return false;
    } else {
        return false;
    }
    s->header = s->l4 + 20;
    if (NET_ETH_HEADER + length > size || s->header > size)
        return false;
    s->payload = NET_ETH_HEADER + length - s->header;
    return f[s->l4 + 12] >> 4 == 5 && (f[s->l4 + 13] & ~TCP_PSH) == TCP_ACK && s->payload;
}

/* Same flow, and the next bytes of it. */
static bool follows(const struct net_gro *g, const uint8_t *f, const struct seg *s)
{
    const uint8_t *old = g->buf;

    if (g->header != s->header || mem_ld32be(f + s->l4 + 4) != g->next_seq ||
        s->payload > g->piece || g->size + s->payload > 65535 || memcmp(old, f, NET_ETH_HEADER) ||
        memcmp(old + s->l4, f + s->l4, 4) || memcmp(old + s->l4 + 8, f + s->l4 + 8, 4))
        return false;
    if (s->v6)
        return !memcmp(old + 14, f + 14, 4) && !memcmp(old + 20, f + 20, 34);
    /* type of service, fragment bits, time to live, addresses */
    return old[15] == f[15] && !memcmp(old + 20, f + 20, 4) && !memcmp(old + 26, f + 26, 8);
}

static void deliver(struct net_gro *g, const uint8_t *f, size_t size, const struct net_meta *meta)
{
    struct iovec iov = {(void *)f, size};

    (void)net_port_deliver(g->p, &iov, 1, meta);
}

void net_gro_flush(struct net_gro *g)
{
    uint8_t *f = g->buf;
    size_t l4 = g->header - 20, size = g->size;
    bool v6 = mem_ld16be(f + 12) == 0x86dd;
    struct net_meta meta = {.flags = NET_DATA_VALID};
    uint32_t length;

    if (!size)
        return;
    g->size = 0;
    if (size > g->header + g->piece) {
        meta = (struct net_meta){.flags = NET_NEEDS_CSUM,
                                 .gso_type = v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4,
                                 .hdr_len = (uint16_t)g->header,
                                 .gso_size = (uint16_t)g->piece,
                                 .csum_start = (uint16_t)l4,
                                 .csum_offset = 16};
        length = (uint32_t)(size - l4);
        if (v6) {
            mem_st16be(f + 18, (uint16_t)length);
            mem_st16be(f + l4 + 16, net_csum(f + 22, 32, IPPROTO_TCP + length));
        } else {
            mem_st16be(f + 16, (uint16_t)(size - NET_ETH_HEADER));
            mem_st16be(f + 24, 0);
            mem_st16be(f + 24, (uint16_t)~net_csum(f + 14, 20, 0));
            mem_st16be(f + l4 + 16, net_csum(f + 26, 8, IPPROTO_TCP + length));
        }
    }
    deliver(g, f, size, &meta);
}

void net_gro_add(struct net_gro *g, const uint8_t *frame, size_t size)
{
    static const struct net_meta valid = {.flags = NET_DATA_VALID};
    bool push;
    struct seg s;

    if (!parse(g->p, frame, size, &s)) {
        net_gro_flush(g);
        deliver(g, frame, size, &valid);
        return;
    }
    push = frame[s.l4 + 13] & TCP_PSH;
    if (g->size && follows(g, frame, &s)) {
        memcpy(g->buf + g->size, frame + s.header, s.payload);
        g->size += s.payload;
        memcpy(g->buf + s.l4 + 14, frame + s.l4 + 14, 2); /* the newest window */
        g->buf[s.l4 + 13] |= frame[s.l4 + 13];
    } else {
        net_gro_flush(g);
        if (push) {
            deliver(g, frame, size, &valid);
            return;
        }
        memcpy(g->buf, frame, s.header + s.payload);
        g->size = s.header + s.payload;
        g->header = s.header;
        g->piece = s.payload;
        g->next_seq = mem_ld32be(frame + s.l4 + 4);
    }
    g->next_seq += (uint32_t)s.payload;
    if (push || s.payload < g->piece)
        net_gro_flush(g);
}
