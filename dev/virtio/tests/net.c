/* virtio-net between a test driver and a wire that records. */
#include "kit.h"

#include "base/mem.h"
#include "fake.h"

enum { HEADER = 12, FRAME = BUFFERS, CONTROL = BUFFERS + 0x40000 };
#define F_CSUM       VIRTIO_BIT(0)
#define F_GUEST_CSUM VIRTIO_BIT(1)
#define F_OFFLOADS   VIRTIO_BIT(2)
#define F_GUEST_TSO4 VIRTIO_BIT(7)
#define F_TSO4       VIRTIO_BIT(11)
#define F_MRG        VIRTIO_BIT(15)
#define F_STATUS     VIRTIO_BIT(16)
#define F_CTRL       (VIRTIO_BIT(17) | VIRTIO_BIT(18) | VIRTIO_BIT(19) | VIRTIO_BIT(23))
#define F_MQ         VIRTIO_BIT(22)

struct fixture {
    struct kit *k;
    struct net_port p;
    struct drv_queue rx, tx, ctrl;
};

static void begin(struct fixture *f, const char *options, uint64_t features)
{
    memset(f, 0, sizeof(*f));
    f->p.can = 0x3f;
    f->k = kit_new();
    f->k->backend = &f->p;
    kit_device(f->k, &dev_class_virtio_net_device, options);
    drv_begin(f->k, features);
    drv_queue(f->k, &f->rx, 0, 64, features);
    drv_queue(f->k, &f->tx, 1, 64, features);
    drv_queue(f->k, &f->ctrl, features & F_MQ ? 4 : 2, 64, features);
    drv_ok(f->k);
}

static void transmit(struct fixture *f, const uint8_t *header, uint32_t size)
{
    struct drv_buf bufs[3] = {
        {FRAME, HEADER, false}, {FRAME + 0x100, 14, false}, {FRAME + 0x200, size - 14, false}};

    memcpy(kit_ram(f->k, FRAME), header, HEADER);
    drv_add(&f->tx, bufs, size > 14 ? 3 : 2, 0);
    drv_kick(&f->tx);
}

static void test_transmit(void **state)
{
    uint8_t header[HEADER] = {0};
    struct fixture f;
    unsigned id;
    uint32_t length;

    (void)state;
    begin(&f, "{\"netdev\": \"n0\", \"packed\": true}", F_CSUM | F_TSO4);
    for (unsigned i = 0; i < 100; i++)
        kit_ram(f.k, FRAME + 0x200)[i] = (uint8_t)i;
    transmit(&f, header, 114);
    assert_int_equal(f.p.sent, 1);
    assert_int_equal(f.p.size, 114);
    assert_int_equal(f.p.frame[113], 99);
    assert_int_equal(f.p.meta.flags, 0);
    assert_true(drv_used(&f.tx, &id, &length));
    /* Offloads reach the backend... */
    header[0] = 1;
    header[1] = 1;
    mem_st16le(header + 2, 54);
    mem_st16le(header + 4, 1000);
    mem_st16le(header + 6, 34);
    mem_st16le(header + 8, 16);
    transmit(&f, header, 5000);
    assert_int_equal(f.p.meta.gso_size, 1000);
    assert_int_equal(f.p.meta.csum_start, 34);
    /* ...or, when they make no sense, the frame goes nowhere. */
    mem_st16le(header + 6, 5000);
    transmit(&f, header, 5000);
    mem_st16le(header + 6, 34);
    mem_st16le(header + 4, 0);
    transmit(&f, header, 5000);
    mem_st16le(header + 4, 1000);
    header[1] = 4; /* not negotiated */
    transmit(&f, header, 5000);
    header[1] = 77;
    transmit(&f, header, 5000);
    assert_int_equal(f.p.sent, 2);
    for (unsigned i = 0; i < 5; i++)
        assert_true(drv_used(&f.tx, &id, &length));
    kit_free(f.k);
}

/* The backend is full: requests wait, in order, and nothing is lost. */
static void test_refused(void **state)
{
    static const uint64_t forms[] = {0, VIRTIO_F_RING_PACKED | VIRTIO_F_EVENT_IDX};
    static const uint8_t header[HEADER];

    (void)state;
    for (unsigned form = 0; form < 2; form++) {
        struct fixture f;
        unsigned id;
        uint32_t length;

        begin(&f, "{\"netdev\": \"n0\", \"packed\": true}", forms[form]);
        f.p.refuse = true;
        for (unsigned i = 0; i < 3; i++)
            transmit(&f, header, 60 + i);
        assert_int_equal(f.p.sent, 0);
        assert_false(drv_used(&f.tx, &id, &length));
        f.p.refuse = false;
        f.p.ops->ready(f.p.opaque);
        kit_run(f.k);
        assert_int_equal(f.p.sent, 3);
        assert_int_equal(f.p.size, 62);
        for (unsigned i = 0; i < 3; i++)
            assert_true(drv_used(&f.tx, &id, &length));
        kit_free(f.k);
    }
}

static bool receive(struct fixture *f, size_t size, const struct net_meta *meta)
{
    static const struct net_meta none;
    static uint8_t bytes[70000];
    struct iovec iov[3] = {{bytes, 5}, {bytes + 5, 0}, {bytes + 5, size - 5}};

    memset(bytes, 0xff, 6);
    for (size_t i = 12; i < size; i++)
        bytes[i] = (uint8_t)(i * 7);
    return f->p.ops->receive(f->p.opaque, iov, 3, meta ? meta : &none);
}

static void offer(struct fixture *f, unsigned count, uint32_t size)
{
    for (unsigned i = 0; i < count; i++) {
        struct drv_buf b = {FRAME + i * (uint64_t)size, size, true};

        drv_add(&f->rx, &b, 1, 0);
    }
    drv_kick(&f->rx);
}

static void test_receive(void **state)
{
    static const uint64_t forms[] = {0, VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_PACKED,
                                     VIRTIO_F_RING_PACKED | VIRTIO_F_EVENT_IDX};

    (void)state;
    for (unsigned form = 0; form < array_size(forms); form++) {
        struct fixture f;
        unsigned id;
        uint32_t length;

        begin(&f, "{\"netdev\": \"n0\", \"packed\": true}", F_MRG | forms[form]);
        /* No buffers: it has to wait, and hears when there are some. */
        assert_false(receive(&f, 100, NULL));
        f.p.readies = 0;
        offer(&f, 3, 512);
        assert_true(f.p.readies);
        assert_true(receive(&f, 100, NULL));
        assert_true(drv_used(&f.rx, &id, &length));
        assert_int_equal(length, 112);
        assert_int_equal(kit_ram(f.k, FRAME)[HEADER + 99], (uint8_t)(99 * 7));
        assert_int_equal(mem_ld16le(kit_ram(f.k, FRAME) + 10), 1);
        /* Across two buffers. */
        assert_true(receive(&f, 700, NULL));
        assert_true(drv_used(&f.rx, &id, &length));
        assert_int_equal(length, 512);
        assert_int_equal(mem_ld16le(kit_ram(f.k, FRAME + 512) + 10), 2);
        assert_true(drv_used(&f.rx, &id, &length));
        assert_int_equal(length, 200);
        assert_int_equal(kit_ram(f.k, FRAME + 1024)[199], (uint8_t)(699 * 7));
        /* Too few: none of them is used up. */
        offer(&f, 2, 512);
        assert_false(receive(&f, 1200, NULL));
        assert_false(receive(&f, 1200, NULL));
        f.p.readies = 0;
        offer(&f, 1, 512);
        assert_true(f.p.readies);
        assert_true(receive(&f, 1200, NULL));
        for (unsigned i = 0; i < 3; i++)
            assert_true(drv_used(&f.rx, &id, &length));
        assert_false(drv_used(&f.rx, &id, &length));
        kit_free(f.k);
    }
}

static void test_receive_single(void **state)
{
    struct net_meta meta = {
        .flags = 1, .gso_type = 1, .gso_size = 500, .csum_start = 34, .csum_offset = 16};
    struct fixture f;
    unsigned id;
    uint32_t length;

    (void)state;
    begin(&f, "{\"netdev\": \"n0\"}", F_GUEST_CSUM | F_GUEST_TSO4);
    assert_int_equal(f.p.offload, NET_OFF_CSUM | NET_OFF_TSO4);
    offer(&f, 2, 2000);
    /* One buffer a frame: what does not fit is lost, and the buffer stays. */
    assert_true(receive(&f, 3000, NULL));
    assert_false(drv_used(&f.rx, &id, &length));
    assert_true(receive(&f, 1500, &meta));
    assert_true(drv_used(&f.rx, &id, &length));
    assert_int_equal(kit_ram(f.k, FRAME)[0], 1);
    assert_int_equal(kit_ram(f.k, FRAME)[1], 1);
    assert_int_equal(mem_ld16le(kit_ram(f.k, FRAME) + 4), 500);
    assert_int_equal(mem_ld16le(kit_ram(f.k, FRAME) + 6), 34);
    kit_free(f.k);
}

static unsigned control(struct fixture *f, uint8_t cls, uint8_t command, const void *data,
                        uint32_t size)
{
    struct drv_buf bufs[3] = {
        {CONTROL, 2, false}, {CONTROL + 16, size, false}, {CONTROL + 8, 1, true}};
    unsigned id;
    uint32_t length;

    kit_ram(f->k, CONTROL)[0] = cls;
    kit_ram(f->k, CONTROL)[1] = command;
    kit_ram(f->k, CONTROL)[8] = 0xee;
    memcpy(kit_ram(f->k, CONTROL + 16), data, size);
    if (!size)
        bufs[1] = bufs[2];
    drv_add(&f->ctrl, bufs, size ? 3 : 2, 0);
    drv_kick(&f->ctrl);
    assert_true(drv_used(&f->ctrl, &id, &length));
    return kit_ram(f->k, CONTROL)[8];
}

static bool passes(struct fixture *f, const uint8_t *mac, int vlan)
{
    static const struct net_meta none;
    uint8_t frame[60] = {0};
    struct iovec iov = {frame, sizeof(frame)};
    unsigned id;
    uint32_t length;

    memcpy(frame, mac, 6);
    if (vlan >= 0) {
        mem_st16be(frame + 12, 0x8100);
        mem_st16be(frame + 14, (uint16_t)vlan);
    }
    assert_true(f->p.ops->receive(f->p.opaque, &iov, 1, &none));
    return drv_used(&f->rx, &id, &length);
}

static void test_filter(void **state)
{
    static const uint8_t own[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56}, other[6] = {2, 1, 1, 1, 1, 1},
                         group[6] = {1, 0, 0x5e, 0, 0, 1}, all[6] = {255, 255, 255, 255, 255, 255};
    uint8_t table[20] = {1, 0, 0, 0, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1}, no = 0,
            yes = 1;
    uint8_t huge[4 + 70 * 6 + 4] = {70};
    struct fixture f;

    (void)state;
    begin(&f, "{\"netdev\": \"n0\"}", F_CTRL | F_STATUS);
    offer(&f, 30, 256);
    assert_true(passes(&f, other, -1)); /* until told otherwise */
    assert_int_equal(control(&f, 0, 0, &no, 1), 0);
    assert_false(passes(&f, other, -1));
    assert_false(passes(&f, group, -1));
    assert_true(passes(&f, own, -1));
    assert_true(passes(&f, all, -1));
    assert_int_equal(control(&f, 1, 0, table, sizeof(table)), 0);
    assert_true(passes(&f, other, -1));
    assert_true(passes(&f, group, -1));
    memset(table, 0, sizeof(table));
    assert_int_equal(control(&f, 1, 0, table, 8), 0);
    assert_false(passes(&f, other, -1));
    assert_int_equal(control(&f, 0, 1, &yes, 1), 0);
    assert_true(passes(&f, group, -1));
    /* Tables that lie about their size change nothing; too long ones let all pass. */
    table[0] = 200;
    assert_int_equal(control(&f, 1, 0, table, sizeof(table)), 1);
    assert_false(passes(&f, other, -1));
    assert_int_equal(control(&f, 1, 0, huge, sizeof(huge)), 0);
    assert_true(passes(&f, other, -1));
    /* VLANs: all until one is taken away. */
    assert_true(passes(&f, own, 5));
    assert_int_equal(control(&f, 2, 1, "\5", 2), 0);
    assert_false(passes(&f, own, 5));
    assert_true(passes(&f, own, 6));
    assert_int_equal(control(&f, 2, 0, "\5", 2), 0);
    assert_true(passes(&f, own, 5));
    /* The address. */
    assert_int_equal(control(&f, 1, 1, "\2\2\2\2\2\2", 6), 0);
    assert_int_equal(drv_device_config(f.k, 0, 4), 0x02020202);
    /* Nonsense. */
    assert_int_equal(control(&f, 9, 0, &yes, 1), 1);
    assert_int_equal(control(&f, 0, 9, &yes, 1), 1);
    assert_int_equal(control(&f, 0, 0, &yes, 0), 1);
    assert_int_equal(control(&f, 2, 0, "\0\20", 2), 1);
    /* The link. */
    assert_int_equal(drv_device_config(f.k, 6, 2), 1);
    f.p.ops->link(f.p.opaque, false);
    assert_int_equal(drv_device_config(f.k, 6, 2), 0);
    assert_true(kit_read(f.k, SLOT_AT + 0x60, 4) & VIRTIO_ISR_CONFIG);
    assert_false(passes(&f, own, -1));
    kit_free(f.k);
}

/* Answers come on the pair that the question went out by. */
static void test_pairs(void **state)
{
    struct fixture f;
    struct drv_queue rx, tx;
    struct drv_buf b = {FRAME + 0x4000, 2000, true},
                   out[2] = {{FRAME, HEADER, false}, {FRAME + 0x100, 60, false}};
    uint8_t *frame, answer[60];
    struct iovec iov = {answer, sizeof(answer)};
    struct net_meta none = {0};
    unsigned id;
    uint32_t length;

    (void)state;
    begin(&f, "{\"netdev\": \"n0\", \"queues\": 2}", F_CTRL | F_MQ);
    assert_int_equal(drv_device_config(f.k, 8, 2), 2);
    drv_queue(f.k, &rx, 2, 64, 0);
    drv_queue(f.k, &tx, 3, 64, 0);
    assert_int_equal(control(&f, 4, 0, "\3", 2), 1);
    assert_int_equal(control(&f, 4, 0, "\0", 2), 1);
    assert_int_equal(control(&f, 4, 0, "\2", 2), 0);
    drv_add(&rx, &b, 1, 0);
    offer(&f, 1, 2000);
    frame = kit_ram(f.k, FRAME + 0x100);
    memset(frame, 0, 60);
    mem_st16be(frame + 12, 0x0800);
    frame[14] = 0x45;
    frame[23] = 6;
    mem_st32le(frame + 26, 1);
    mem_st32le(frame + 30, 2);
    mem_st16be(frame + 34, 1000);
    mem_st16be(frame + 36, 80);
    memset(kit_ram(f.k, FRAME), 0, HEADER);
    drv_add(&tx, out, 2, 0);
    drv_kick(&tx);
    memcpy(answer, frame, 60);
    mem_st32le(answer + 26, 2);
    mem_st32le(answer + 30, 1);
    mem_st16be(answer + 34, 80);
    mem_st16be(answer + 36, 1000);
    assert_true(f.p.ops->receive(f.p.opaque, &iov, 1, &none));
    assert_true(drv_used(&rx, &id, &length));
    assert_false(drv_used(&f.rx, &id, &length));
    kit_free(f.k);
}

static void test_offloads(void **state)
{
    uint64_t csum = F_GUEST_CSUM, wrong = F_GUEST_TSO4 | VIRTIO_BIT(10);
    struct fixture f;

    (void)state;
    begin(&f, "{\"netdev\": \"n0\"}", F_CTRL | F_OFFLOADS | F_GUEST_CSUM | F_GUEST_TSO4);
    assert_int_equal(f.p.offload, NET_OFF_CSUM | NET_OFF_TSO4);
    assert_int_equal(control(&f, 5, 0, &csum, 8), 0);
    assert_int_equal(f.p.offload, NET_OFF_CSUM);
    assert_int_equal(control(&f, 5, 0, &wrong, 8), 1);
    assert_int_equal(f.p.offload, NET_OFF_CSUM);
    drv_status_set(f.k, 0);
    kit_run(f.k);
    assert_int_equal(f.p.offload, 0);
    assert_true(receive(&f, 100, NULL)); /* off: swallowed */
    kit_free(f.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transmit), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_receive),  cmocka_unit_test(test_receive_single),
        cmocka_unit_test(test_filter),   cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_offloads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
