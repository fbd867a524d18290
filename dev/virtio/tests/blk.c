/* virtio-blk over a disk in memory. */
#include "kit.h"

#include "base/mem.h"
#include "fake.h"

extern const struct dev_class dev_class_virtio_blk_device, dev_class_virtio_blk_pci;

enum { HEAD = BUFFERS, STATUS = BUFFERS + 0x100, DATA = BUFFERS + 0x1000 };
enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13 };
#define F_FLUSH      VIRTIO_BIT(9)
#define F_CONFIG_WCE VIRTIO_BIT(11)
#define F_ALL        (F_FLUSH | F_CONFIG_WCE | VIRTIO_BIT(13) | VIRTIO_BIT(14) | VIRTIO_F_EVENT_IDX)

struct fixture {
    struct kit *k;
    struct blk *b;
    struct drv_queue q;
};

static void begin(struct fixture *f, const char *options, uint64_t features, bool pci)
{
    memset(f, 0, sizeof(*f));
    f->k = kit_new();
    f->b = fake_blk(f->k->env.loop);
    f->k->backend = f->b;
    for (unsigned i = 0; i < FAKE_DISK; i++)
        f->b->data[i] = (uint8_t)(i / 512 + i);
    f->b->readonly = strstr(options, "\"readonly\"");
    kit_device(f->k, pci ? &dev_class_virtio_blk_pci : &dev_class_virtio_blk_device,
               f->b->readonly ? "{\"drive\": \"d0\"}" : options);
    drv_begin(f->k, features);
    drv_queue(f->k, &f->q, 0, 64, features);
    drv_ok(f->k);
}

static void end(struct fixture *f)
{
    struct blk *b = f->b;
    struct kit *k = f->k;

    dev_free(k->dev);
    fake_blk_free(b);
    kit_free(k);
}

static void head(struct kit *k, uint32_t type, uint64_t sector)
{
    uint8_t *h = kit_ram(k, HEAD);

    mem_st32le(h, type);
    mem_st32le(h + 4, 0);
    mem_st64le(h + 8, sector);
    *kit_ram(k, STATUS) = 0xee;
}

/* A request whose data is `size` bytes at DATA, in two pieces; its status. */
static unsigned request(struct fixture *f, uint32_t type, uint64_t sector, uint32_t size, bool in,
                        uint32_t *written)
{
    struct drv_buf bufs[4] = {{HEAD, 16, false}};
    unsigned n = 1, id;

    head(f->k, type, sector);
    if (size > 8) {
        bufs[n++] = (struct drv_buf){DATA, 8, in};
        bufs[n++] = (struct drv_buf){DATA + 8, size - 8, in};
    } else if (size) {
        bufs[n++] = (struct drv_buf){DATA, size, in};
    }
    bufs[n++] = (struct drv_buf){STATUS, 1, true};
    drv_add(&f->q, bufs, n, 0);
    drv_kick(&f->q);
    assert_true(drv_used(&f->q, &id, written));
    return *kit_ram(f->k, STATUS);
}

static void test_transfer(void **state)
{
    (void)state;
    for (unsigned pci = 0; pci < 2; pci++) {
        struct fixture f;
        uint32_t written;

        begin(&f, "{\"drive\": \"d0\", \"serial\": \"ABC\"}", F_ALL, pci);
        assert_int_equal(drv_device_config(f.k, 0, 4), FAKE_DISK / 512);
        assert_int_equal(drv_device_config(f.k, 20, 4), 512);
        assert_int_equal(request(&f, IN, 3, 1024, true, &written), 0);
        assert_int_equal(written, 1025);
        assert_memory_equal(kit_ram(f.k, DATA), f.b->data + 3 * 512, 1024);
        memset(kit_ram(f.k, DATA), 0x5a, 1024);
        assert_int_equal(request(&f, OUT, 7, 1024, false, &written), 0);
        assert_int_equal(written, 1);
        assert_int_equal(f.b->data[7 * 512], 0x5a);
        assert_int_equal(f.b->data[9 * 512 - 1], 0x5a);
        assert_int_not_equal(f.b->data[9 * 512], 0x5a);
        assert_int_equal(request(&f, FLUSH, 0, 0, false, &written), 0);
        assert_int_equal(f.b->flushes, 1);
        assert_int_equal(request(&f, GET_ID, 0, 20, true, &written), 0);
        assert_string_equal((char *)kit_ram(f.k, DATA), "ABC");
        end(&f);
    }
}

static void test_ranges(void **state)
{
    struct fixture f;
    uint8_t *seg;
    uint32_t written;

    (void)state;
    begin(&f, "{\"drive\": \"d0\"}", F_ALL, false);
    seg = kit_ram(f.k, DATA);
    mem_st64le(seg, 4);
    mem_st32le(seg + 8, 2);
    mem_st32le(seg + 12, 0);
    assert_int_equal(request(&f, DISCARD, 0, 16, false, &written), 0);
    assert_int_equal(f.b->discards, 1);
    assert_int_equal(f.b->data[4 * 512 + 9], 0);
    mem_st32le(seg + 12, 1);
    assert_int_equal(request(&f, DISCARD, 0, 16, false, &written), 2);
    assert_int_equal(request(&f, ZEROES, 0, 16, false, &written), 0);
    mem_st32le(seg + 12, 2);
    assert_int_equal(request(&f, ZEROES, 0, 16, false, &written), 2);
    mem_st32le(seg + 12, 0);
    assert_int_equal(request(&f, ZEROES, 0, 15, false, &written), 2);
    assert_int_equal(request(&f, ZEROES, 0, 32, false, &written), 2);
    mem_st32le(seg + 8, 0x400000); /* above what was told */
    assert_int_equal(request(&f, ZEROES, 0, 16, false, &written), 1);
    mem_st32le(seg + 8, 1);
    mem_st64le(seg, FAKE_DISK / 512);
    assert_int_equal(request(&f, DISCARD, 0, 16, false, &written), 1);
    mem_st64le(seg, UINT64_MAX);
    assert_int_equal(request(&f, DISCARD, 0, 16, false, &written), 1);
    assert_int_equal(f.b->discards, 1);
    assert_int_equal(f.b->zeroes, 1);
    assert_int_equal(f.b->plugged, 0);
    end(&f);
}

static void test_mistakes(void **state)
{
    static const struct {
        uint32_t type;
        uint64_t sector;
        uint32_t size;
        bool in;
        unsigned status;
    } bad[] = {
        {IN, FAKE_DISK / 512, 512, true, 1},
        {IN, FAKE_DISK / 512 - 1, 1024, true, 1},
        {IN, 0, 100, true, 1},
        {IN, UINT64_MAX, 512, true, 1},
        {IN, UINT64_MAX / 512 + 1, 512, true, 1},
        {IN, 0, 0, true, 1},
        {OUT, FAKE_DISK / 512, 512, false, 1},
        {OUT, 0, 513, false, 1},
        {OUT, 0, 0, false, 1},
        {99, 0, 512, true, 2},
        {99, 0, 512, false, 2},
    };
    struct fixture f;
    uint32_t written;

    (void)state;
    begin(&f, "{\"drive\": \"d0\"}", F_ALL, false);
    for (unsigned i = 0; i < array_size(bad); i++) {
        assert_int_equal(request(&f, bad[i].type, bad[i].sector, bad[i].size, bad[i].in, &written),
                         bad[i].status);
        assert_int_equal(written, 1);
    }
    assert_int_equal(f.b->reads + f.b->writes, 0);
    f.b->fail = -EIO;
    assert_int_equal(request(&f, IN, 0, 512, true, &written), 1);
    assert_int_equal(drv_status(f.k) & VIRTIO_NEEDS_RESET, 0);
    /* No room for a status; a header cut off. */
    for (unsigned i = 0; i < 2; i++) {
        struct drv_buf b[2] = {{HEAD, i ? 12 : 16, false}, {STATUS, 1, true}};

        drv_add(&f.q, b, 1 + i, 0);
        drv_kick(&f.q);
        assert_true(drv_status(f.k) & VIRTIO_NEEDS_RESET);
        drv_begin(f.k, F_ALL);
        drv_queue(f.k, &f.q, 0, 64, F_ALL);
        drv_ok(f.k);
    }
    end(&f);
}

static void test_cache(void **state)
{
    struct fixture f;
    uint32_t written;

    (void)state;
    begin(&f, "{\"drive\": \"d0\"}", F_ALL, false);
    request(&f, OUT, 0, 512, false, &written);
    assert_int_equal(f.b->fua, 0);
    assert_int_equal(drv_device_config(f.k, 32, 1), 1);
    kit_write(f.k, SLOT_AT + 0x100 + 32, 0, 1);
    assert_int_equal(drv_device_config(f.k, 32, 1), 0);
    request(&f, OUT, 0, 512, false, &written);
    assert_int_equal(f.b->fua, 1);
    end(&f);
    /* A driver that cannot flush. */
    begin(&f, "{\"drive\": \"d0\"}", 0, false);
    request(&f, OUT, 0, 512, false, &written);
    assert_int_equal(f.b->fua, 1);
    end(&f);
}

static void test_readonly(void **state)
{
    struct fixture f;
    uint32_t written;

    (void)state;
    begin(&f, "\"readonly\"", 0, false);
    assert_true(drv_offered(f.k) & VIRTIO_BIT(5));
    assert_false(drv_offered(f.k) & (VIRTIO_BIT(13) | VIRTIO_BIT(14)));
    assert_int_equal(request(&f, OUT, 0, 512, false, &written), 1);
    assert_int_equal(request(&f, IN, 0, 512, true, &written), 0);
    end(&f);
}

/* Many in flight, answered in one go; a machine's reset waits for those that are not. */
static void test_in_flight(void **state)
{
    struct fixture f;
    struct drv_buf bufs[3] = {{HEAD, 16, false}, {DATA, 512, true}, {STATUS, 1, true}};
    unsigned id;
    uint32_t written;

    (void)state;
    begin(&f, "{\"drive\": \"d0\"}", F_ALL, true);
    f.b->hold = true;
    head(f.k, IN, 1);
    for (unsigned i = 0; i < 20; i++)
        drv_add(&f.q, bufs, 3, 0);
    drv_kick(&f.q);
    assert_int_equal(f.b->npending, 20);
    assert_false(drv_used(&f.q, &id, &written));
    f.k->raised = 0;
    fake_blk_complete(f.b);
    assert_int_equal(f.k->raised, 1);
    for (unsigned i = 0; i < 20; i++)
        assert_true(drv_used(&f.q, &id, &written));
    drv_add(&f.q, bufs, 3, 0);
    drv_kick(&f.q);
    assert_int_equal(f.b->npending, 1);
    dev_reset(f.k->tree);
    assert_int_equal(f.b->npending, 0);
    end(&f);
}

static void test_props(void **state)
{
    static const struct {
        const char *options, *error;
    } bad[] = {
        {"{}", "drive=ID"},
        {"{\"drive\": \"d0\", \"logical_block_size\": 1000}", "logical_block_size"},
        {"{\"drive\": \"d0\", \"logical_block_size\": 4096, \"physical_block_size\": 512}",
         "physical_block_size"},
        {"{\"drive\": \"d0\", \"queue-size\": 100}", "queue-size"},
        {"{\"drive\": \"d0\", \"serial\": \"123456789012345678901\"}", "serial"},
    };
    struct kit *k = kit_new();
    struct blk *b = fake_blk(k->env.loop);
    struct err e;

    (void)state;
    k->backend = b;
    for (unsigned i = 0; i < array_size(bad); i++) {
        assert_false(kit_try(k, &dev_class_virtio_blk_device, bad[i].options, &e));
        assert_non_null(strstr(e.text, bad[i].error));
    }
    k->backend = NULL;
    assert_false(kit_try(k, &dev_class_virtio_blk_device, "{\"drive\": \"nope\"}", &e));
    assert_non_null(strstr(e.text, "nope"));
    fake_blk_free(b);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfer), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_cache),
        cmocka_unit_test(test_readonly), cmocka_unit_test(test_in_flight),
        cmocka_unit_test(test_props),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
