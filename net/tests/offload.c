/* Checksums, segmentation and coalescing against a naive reference, on random frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net_int.h"

static uint64_t seed = 1;

static uint32_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

/* RFC 1071 by the letter. */
static uint16_t naive(const uint8_t *p, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++) {
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The sum over pseudo header and payload is all ones when the checksum is right. */
static bool l4_right(const uint8_t *f, size_t size, bool v6, uint8_t proto)
{
    size_t l4 = v6 ? 54 : 34;
    uint32_t sum = v6 ? naive(f + 22, 32, 0) : naive(f + 26, 8, 0);

    sum += proto + (uint32_t)(size - l4);
    return naive(f + l4, size - l4, sum) == 0xffff;
}

static void csum(void **state)
{
    uint8_t *p = malloc(70000);

    (void)state;
    for (int i = 0; i < 70000; i++)
        p[i] = (uint8_t)rnd();
    for (int i = 0; i < 3000; i++) {
        size_t at = rnd() % 64, n = i < 300 ? (size_t)i : rnd() % 69000;
        uint32_t start = rnd() & 0x1ffff;

        assert_int_equal(net_csum(p + at, n, start) % 0xffff, naive(p + at, n, start) % 0xffff);
    }
    memset(p, 0xff, 70000);
    assert_int_equal(net_csum(p, 65536, 0xffff), 0xffff);
    memset(p, 0, 70000);
    assert_int_equal(net_csum(p, 65536, 0), 0);
    free(p);
}

/* A frame as a guest gives it: lengths right, the checksum field with the pseudo header's sum. */
static size_t make(uint8_t *f, size_t payload, bool v6, uint8_t proto, size_t options,
                   struct net_meta *m)
{
    size_t l4 = v6 ? 54 : 34, head = l4 + (proto == IPPROTO_TCP ? 20 + options : 8);
    size_t size = head + payload, field = l4 + (proto == IPPROTO_TCP ? 16 : 6);

    for (size_t i = 0; i < size; i++)
        f[i] = (uint8_t)rnd();
    mem_st16be(f + 12, v6 ? 0x86dd : 0x0800);
    if (v6) {
        f[14] = 0x60;
        mem_st16be(f + 18, (uint16_t)(size - l4));
        f[20] = proto;
    } else {
        f[14] = 0x45;
        mem_st16be(f + 16, (uint16_t)(size - 14));
        mem_st16be(f + 20, 0x4000);
        f[23] = proto;
        mem_st16be(f + 24, 0);
        mem_st16be(f + 24, (uint16_t)~naive(f + 14, 20, 0));
    }
    if (proto == IPPROTO_TCP) {
        f[l4 + 12] = (uint8_t)((5 + options / 4) << 4);
        f[l4 + 13] = 0x10;
    } else {
        mem_st16be(f + l4 + 4, (uint16_t)(size - l4));
    }
    mem_st16be(f + field, v6 ? naive(f + 22, 32, proto + (uint32_t)(size - l4))
                             : naive(f + 26, 8, proto + (uint32_t)(size - l4)));
    *m = (struct net_meta){.flags = NET_NEEDS_CSUM,
                           .csum_start = (uint16_t)l4,
                           .csum_offset = (uint16_t)(field - l4),
                           .hdr_len = (uint16_t)head};
    return size;
}

struct pieces {
    const uint8_t *frame;
    size_t head, at, size, count, gso;
    bool v6, ecn;
    uint8_t proto;
};

static bool check_piece(void *arg, const uint8_t *f, size_t size)
{
    struct pieces *p = arg;
    size_t l4 = p->v6 ? 54 : 34, bytes = size - p->head;
    bool last = p->at + bytes == p->size;

    assert_true(bytes <= p->gso && (last || bytes == p->gso));
    assert_memory_equal(f + p->head, p->frame + p->at, bytes);
    assert_true(l4_right(f, size, p->v6, p->proto));
    if (p->v6) {
        assert_int_equal(mem_ld16be(f + 18), size - l4);
    } else {
        assert_int_equal(mem_ld16be(f + 16), size - 14);
        assert_int_equal(naive(f + 14, 20, 0), 0xffff);
        assert_int_equal(mem_ld16be(f + 18), (uint16_t)(mem_ld16be(p->frame + 18) + p->count));
    }
    if (p->proto == IPPROTO_TCP) {
        uint8_t flags = p->frame[l4 + 13];

        assert_int_equal(mem_ld32be(f + l4 + 4),
                         (uint32_t)(mem_ld32be(p->frame + l4 + 4) + p->at - p->head));
        assert_int_equal(f[l4 + 13],
                         (last ? flags : flags & ~9) & (p->ecn && p->count ? ~0x80 : 0xff));
    } else {
        assert_int_equal(mem_ld16be(f + l4 + 4), 8 + bytes);
    }
    p->at += bytes;
    p->count++;
    return true;
}

static void segments(void **state)
{
    uint8_t *f = malloc(NET_FRAME_MAX), *done = malloc(NET_FRAME_MAX);

    (void)state;
    for (int i = 0; i < 2000; i++) {
        bool v6 = rnd() & 1, tcp = rnd() & 1;
        size_t options = tcp ? rnd() % 11 * 4 : 0, payload = 1 + rnd() % (i & 1 ? 65000 : 3000);
        uint8_t proto = tcp ? IPPROTO_TCP : IPPROTO_UDP;
        struct net_meta m;
        size_t size = make(f, payload, v6, proto, options, &m);
        struct pieces p = {
            .frame = f, .head = m.hdr_len, .at = m.hdr_len, .size = size, .v6 = v6, .proto = proto};

        memcpy(done, f, size);
        net_finish_csum(done, size, &m);
        assert_true(l4_right(done, size, v6, proto));
        p.gso = m.gso_size = (uint16_t)(32 + rnd() % 3000);
        m.gso_type = tcp ? (v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4) : NET_GSO_UDP_L4;
        if (tcp) {
            f[(v6 ? 54 : 34) + 13] = (uint8_t)(rnd() | 0x10);
            p.ecn = rnd() & 1;
            m.gso_type |= p.ecn ? NET_GSO_ECN : 0;
        }
        assert_true(net_segment(f, size, &m, check_piece, &p));
        assert_int_equal(p.at, size);
    }
    free(f);
    free(done);
}

struct fragments {
    uint8_t *out;
    size_t size;
    bool last;
};

static bool join_fragment(void *arg, const uint8_t *f, size_t size)
{
    struct fragments *j = arg;
    uint16_t off = mem_ld16be(f + 20);

    assert_false(j->last);
    assert_int_equal(naive(f + 14, 20, 0), 0xffff);
    assert_int_equal(mem_ld16be(f + 16), size - 14);
    assert_int_equal((off & 0x1fff) * 8, j->size);
    memcpy(j->out + j->size, f + 34, size - 34);
    j->size += size - 34;
    j->last = !(off & 0x2000);
    return true;
}

static void fragments(void **state)
{
    uint8_t *f = malloc(NET_FRAME_MAX), *out = malloc(NET_FRAME_MAX);

    (void)state;
    for (int i = 0; i < 300; i++) {
        struct fragments j = {.out = out};
        struct net_meta m;
        size_t size = make(f, 1 + rnd() % 60000, false, IPPROTO_UDP, 0, &m);

        m.gso_type = NET_GSO_UDP;
        m.gso_size = (uint16_t)(64 + rnd() % 3000);
        assert_true(net_segment(f, size, &m, join_fragment, &j));
        assert_true(j.last);
        net_finish_csum(f, size, &m);
        assert_int_equal(j.size, size - 34);
        assert_memory_equal(out, f + 34, size - 34);
    }
    free(f);
    free(out);
}

static bool any_piece(void *arg, const uint8_t *f, size_t size)
{
    (void)f;
    *(size_t *)arg += size;
    return size <= NET_FRAME_MAX;
}

/* Whatever a guest says: no access outside (the sanitizers tell), bounded work. */
static void nonsense(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        size_t size = rnd() % 300, sum = 0;
        uint8_t *f = malloc(size ? size : 1);
        struct net_meta m = {.flags = (uint8_t)rnd(),
                             .gso_type = (uint8_t)(rnd() % 6 | (rnd() & 0x80)),
                             .gso_size = (uint16_t)(rnd() % (rnd() & 1 ? 65536 : 64)),
                             .hdr_len = (uint16_t)rnd(),
                             .csum_start = (uint16_t)(rnd() % (rnd() & 1 ? 65536 : 320)),
                             .csum_offset = (uint16_t)(rnd() % (rnd() & 1 ? 65536 : 32))};

        for (size_t k = 0; k < size; k++)
            f[k] = (uint8_t)rnd();
        if (size > 30 && i & 1) {
            mem_st16be(f + 12, i & 2 ? 0x86dd : 0x0800);
            f[14] = i & 2 ? 0x60 : 0x45;
            f[i & 2 ? 20 : 23] = i & 4 ? IPPROTO_TCP : IPPROTO_UDP;
        }
        (void)net_segment(f, size, &m, any_piece, &sum);
        net_finish_csum(f, size, &m);
        assert_true(sum < 100 << 10);
        free(f);
    }
}

/* ---- coalescing ---- */

struct card {
    uint8_t *frame;
    size_t size, count;
    struct net_meta meta;
};

static bool receive(void *opaque, const struct iovec *iov, int niov, const struct net_meta *meta)
{
    struct card *c = opaque;

    c->size = net_gather(iov, niov, c->frame, NET_FRAME_MAX);
    c->meta = *meta;
    c->count++;
    return true;
}

static bool add_piece(void *arg, const uint8_t *f, size_t size)
{
    net_gro_add(arg, f, size);
    return true;
}

static void coalesce(void **state)
{
    static const struct net_ops ops = {.receive = receive};
    uint8_t *f = malloc(NET_FRAME_MAX);
    struct card card = {.frame = malloc(NET_FRAME_MAX)};
    json_t *conf = json_pack("{s:s,s:s,s:b,s:s,s:s}", "type", "stream", "id", "n", "server", 1,
                             "addr.type", "unix", "addr.path", "/tmp/myna-gro-test");
    struct os_loop *loop;
    struct net_port *p;
    struct net_gro g;
    struct err e;

    (void)state;
    assert_int_equal(os_loop_new(&loop, &e), 0);
    assert_int_equal(net_backend_new(&p, loop, conf, &e), 0);
    assert_int_equal(net_port_attach(p, &ops, &card, &e), 0);
    net_gro_init(&g, p);
    for (int i = 0; i < 600; i++) {
        bool v6 = i & 1, takes = i % 5;
        size_t payload = 2000 + rnd() % 60000, size, pieces;
        struct net_meta m;

        net_port_set_offload(p, takes ? NET_OFF_CSUM | NET_OFF_TSO4 | NET_OFF_TSO6 : 0);
        size = make(f, payload, v6, IPPROTO_TCP, 0, &m);
        m.gso_size = (uint16_t)(500 + rnd() % 1000);
        m.gso_type = v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4;
        pieces = (payload + m.gso_size - 1) / m.gso_size;
        card.count = 0;
        assert_true(net_segment(f, size, &m, add_piece, &g));
        net_gro_flush(&g);
        if (!takes) {
            assert_int_equal(card.count, pieces);
            assert_int_equal(card.meta.flags, 0);
            continue;
        }
        /* One frame, and the same that was cut. */
        assert_int_equal(card.count, 1);
        assert_int_equal(card.size, size);
        assert_memory_equal(card.frame, f, size);
        assert_int_equal(card.meta.gso_size, m.gso_size);
        assert_int_equal(card.meta.gso_type, m.gso_type);
        assert_int_equal(card.meta.csum_start, m.csum_start);
        assert_int_equal(card.meta.csum_offset, m.csum_offset);
        net_finish_csum(card.frame, size, &card.meta);
        assert_true(l4_right(card.frame, size, v6, IPPROTO_TCP));
    }
    net_gro_free(&g);
    net_port_free(p);
    os_loop_free(loop);
    json_decref(conf);
    free(card.frame);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csum),     cmocka_unit_test(segments), cmocka_unit_test(fragments),
        cmocka_unit_test(nonsense), cmocka_unit_test(coalesce),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
