/*
 * Cutting a large frame into what fits the wire: TCP (RFC 9293) and UDP segmentation, IP
 * fragmentation of UDP. Pure functions; every length comes from outside and is checked.
 */
#include <netinet/in.h>

#include "base/mem.h"
#include "net/net_int.h"

enum { ETH_IP4 = 0x0800, ETH_IP6 = 0x86dd, ETH_VLAN = 0x8100 };
enum { TCP_FIN = 1, TCP_PSH = 8, TCP_CWR = 0x80 };
/* The least piece bounds the work that one frame can ask for. */
enum { HEADER_MAX = 512, PIECE_MIN = 32, PIECE_MAX = 65536 };

struct cut {
    const uint8_t *frame;
    size_t size, l3, l4, header; /* offsets; header: where the payload begins */
    size_t piece;                /* payload bytes of each but the last */
    bool v6;
    uint8_t proto;
    bool (*out)(void *arg, const uint8_t *frame, size_t size);
    void *arg;
};

/* Finds the headers. False: not what the meta says. */
static bool find_headers(struct cut *c, uint8_t proto)
{
    size_t at = 12;
    uint16_t type;

    if (c->size < NET_ETH_HEADER)
        return false;
    type = mem_ld16be(c->frame + at);
    if (type == ETH_VLAN && c->size >= 18) {
        at += 4;
        type = mem_ld16be(c->frame + at);
    }
    c->l3 = at + 2;
    c->v6 = type == ETH_IP6;
    c->proto = proto;
    if (type == ETH_IP4) {
        size_t ihl;

        if (c->size < c->l3 + 20)
            return false;
        ihl = (size_t)(c->frame[c->l3] & 15) * 4;
        if (c->frame[c->l3] >> 4 != 4 || ihl < 20 || c->frame[c->l3 + 9] != proto)
            return false;
        c->l4 = c->l3 + ihl;
    } else if (type == ETH_IP6) {
        /* Without extension headers: no sender asks for offloads with them. */
        if (c->size < c->l3 + 40 || c->frame[c->l3] >> 4 != 6 || c->frame[c->l3 + 6] != proto)
            return false;
        c->l4 = c->l3 + 40;
    } else {
        return false;
    }
    if (proto == IPPROTO_TCP) {
        if (c->size < c->l4 + 20)
            return false;
        c->header = c->l4 + (size_t)(c->frame[c->l4 + 12] >> 4) * 4;
        return c->header >= c->l4 + 20 && c->header <= c->size && c->header <= HEADER_MAX;
    }
    c->header = c->l4 + 8;
    return c->header <= c->size && c->header <= HEADER_MAX;
}

/* The lengths and checksums of a piece of `size` bytes; n counts pieces. */
static void finish_ip(const struct cut *c, uint8_t *f, size_t size, unsigned n)
{
    uint8_t *ip = f + c->l3;

    if (c->v6) {
        mem_st16be(ip + 4, (uint16_t)(size - c->l4));
        return;
    }
    mem_st16be(ip + 2, (uint16_t)(size - c->l3));
    mem_st16be(ip + 4, (uint16_t)(mem_ld16be(ip + 4) + n));
    mem_st16be(ip + 10, 0);
    mem_st16be(ip + 10, (uint16_t)~net_csum(ip, c->l4 - c->l3, 0));
}

static void finish_l4(const struct cut *c, uint8_t *f, size_t size)
{
    size_t length = size - c->l4, field = c->l4 + (c->proto == IPPROTO_TCP ? 16 : 6);
    uint16_t sum;

    mem_st16be(f + field, 0);
    sum = c->v6 ? net_csum(f + c->l3 + 8, 32, 0) : net_csum(f + c->l3 + 12, 8, 0);
    sum = (uint16_t)~net_csum(f + c->l4, length, (uint32_t)sum + c->proto + (uint32_t)length);
    mem_st16be(f + field, sum || c->proto == IPPROTO_TCP ? sum : 0xffff);
}

static bool cut_tcp(const struct cut *c, bool ecn, uint8_t *f)
{
    uint32_t seq = mem_ld32be(c->frame + c->l4 + 4);
    uint8_t flags = c->frame[c->l4 + 13];
    size_t at = c->header;
    unsigned n = 0;

    do {
        size_t bytes = min_of(c->piece, c->size - at);
        bool last = at + bytes == c->size;

        memcpy(f, c->frame, c->header);
        memcpy(f + c->header, c->frame + at, bytes);
        mem_st32be(f + c->l4 + 4, seq);
        f[c->l4 + 13] = last ? flags : flags & ~(TCP_FIN | TCP_PSH);
        if (ecn && n)
            f[c->l4 + 13] &= (uint8_t)~TCP_CWR; /* told once (RFC 3168) */
        finish_ip(c, f, c->header + bytes, n);
        finish_l4(c, f, c->header + bytes);
        if (!c->out(c->arg, f, c->header + bytes))
            return false;
        at += bytes;
        seq += (uint32_t)bytes;
        n++;
    } while (at < c->size);
    return true;
}

static bool cut_udp(const struct cut *c, uint8_t *f)
{
    size_t at = c->header;
    unsigned n = 0;

    do {
        size_t bytes = min_of(c->piece, c->size - at);

        memcpy(f, c->frame, c->header);
        memcpy(f + c->header, c->frame + at, bytes);
        mem_st16be(f + c->l4 + 4, (uint16_t)(8 + bytes));
        finish_ip(c, f, c->header + bytes, n++);
        finish_l4(c, f, c->header + bytes);
        if (!c->out(c->arg, f, c->header + bytes))
            return false;
        at += bytes;
    } while (at < c->size);
    return true;
}

/* One datagram in fragments; its checksum is finished already. */
static bool fragment(const struct cut *c, uint8_t *f)
{
    size_t step = c->piece & ~(size_t)7, at = c->l4, start = c->l4;

    if (c->v6 || !step)
        return false; /* no present sender does so */
    do {
        size_t bytes = min_of(step, c->size - at);
        bool last = at + bytes == c->size;
        uint8_t *ip = f + c->l3;

        memcpy(f, c->frame, c->l4);
        memcpy(f + c->l4, c->frame + at, bytes);
        mem_st16be(ip + 2, (uint16_t)(c->l4 - c->l3 + bytes));
        mem_st16be(ip + 6, (uint16_t)((at - start) / 8 | (last ? 0 : 0x2000)));
        mem_st16be(ip + 10, 0);
        mem_st16be(ip + 10, (uint16_t)~net_csum(ip, c->l4 - c->l3, 0));
        if (!c->out(c->arg, f, c->l4 + bytes))
            return false;
        at += bytes;
    } while (at < c->size);
    return true;
}

bool net_segment(const uint8_t *frame, size_t size, const struct net_meta *meta,
                 bool (*out)(void *arg, const uint8_t *frame, size_t size), void *arg)
{
    unsigned type = meta->gso_type & ~(unsigned)NET_GSO_ECN;
    bool tcp = type == NET_GSO_TCPV4 || type == NET_GSO_TCPV6, ok = false;
    struct cut c = {.frame = frame, .size = size, .piece = meta->gso_size, .out = out, .arg = arg};
    uint8_t *f, *whole = NULL;

    if (size > NET_FRAME_MAX || c.piece < PIECE_MIN ||
        (!tcp && type != NET_GSO_UDP && type != NET_GSO_UDP_L4) ||
        !find_headers(&c, tcp ? IPPROTO_TCP : IPPROTO_UDP) ||
        (tcp && c.v6 != (type == NET_GSO_TCPV6)))
        return false;
    f = mem_alloc(HEADER_MAX + PIECE_MAX);
    if (tcp) {
        ok = cut_tcp(&c, meta->gso_type & NET_GSO_ECN, f);
    } else if (type == NET_GSO_UDP_L4) {
        ok = cut_udp(&c, f);
    } else {
        whole = mem_alloc(size);
        memcpy(whole, frame, size);
        net_finish_csum(whole, size, meta);
        c.frame = whole;
        ok = fragment(&c, f);
        free(whole);
    }
    free(f);
    return ok;
}
