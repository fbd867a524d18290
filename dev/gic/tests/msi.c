/* Messages: a GICv2m frame to SPIs; an ITS's commands and tables to LPIs. */
#include "kit.h"

#include "dev/gic/its_int.h"

enum { RD = 0x20000, DEVICES = 0x40300000, COLLECTIONS = 0x40310000, QUEUE = 0x40320000 };
enum { ITT = 0x40330000, CONFIG = 0x40100000, LEVEL2 = 0x40500000 };
#define VALID (UINT64_C(1) << 63)

static void test_v2m(void **state)
{
    struct kit *k = kit_new(&dev_class_gicv2, 1, "{}");
    struct dev *m = dev_new(&dev_class_gicv2m, NULL, "v2m", &k->env);
    struct err e;
    struct mem_hit hit = {.offset = 8};
    struct msi_target to;

    (void)state;
    gicv2m_wire(m, k->dev);
    assert_int_equal(dev_realize(m, &e), 0);
    hit.region = gicv2m_region(m);
    assert_int_equal(mem_io_read(&hit, 4), 80 << 16 | 64);
    kit_write(k, 0, GIC_DIST, 0, 1);
    kit_write(k, 0, GIC_CPU, 4, 0xf0);
    kit_write(k, 0, GIC_CPU, 0, 1);
    kit_write(k, 0, GIC_DIST, 0xc00 + 81 / 16 * 4, 2u << 81 % 16 * 2);
    kit_write(k, 0, GIC_DIST, 0x100 + 81 / 32 * 4, 1u << 81 % 32);
    hit.offset = 0x40;
    mem_io_write(&hit, 81, 4);
    assert_int_equal(kit_read(k, 0, GIC_CPU, 0xc), 81);
    kit_write(k, 0, GIC_CPU, 0x10, 81);
    to = gicv2m_target(m);
    to.send(to.opaque, 0x10, 0x8020040, 81);
    assert_int_equal(kit_read(k, 0, GIC_CPU, 0xc), 81);
    kit_write(k, 0, GIC_CPU, 0x10, 81);
    to.send(to.opaque, 0x10, 0x8020040, 33); /* not this frame's */
    to.send(to.opaque, 0x10, 0x8020040, 1020);
    assert_int_equal(kit_read(k, 0, GIC_DIST, 0x204), 0);
    dev_free(m);
    kit_free(k);
}

struct rig {
    struct kit *k;
    struct dev *its;
    struct msi_target to;
    uint32_t written;
};

static uint64_t its_get(struct rig *r, uint32_t offset)
{
    struct mem_hit hit = {.region = gicv3_its_region(r->its), .offset = offset};

    return mem_io_read(&hit, 8);
}

static void its_set(struct rig *r, uint32_t offset, uint64_t value)
{
    struct mem_hit hit = {.region = gicv3_its_region(r->its), .offset = offset};

    mem_io_write(&hit, value, 8);
}

static void command(struct rig *r, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
    uint8_t *p = kit_ram(r->k, QUEUE + r->written);

    mem_st64le(p, w0);
    mem_st64le(p + 8, w1);
    mem_st64le(p + 16, w2);
    mem_st64le(p + 24, w3);
    r->written = (r->written + 32) % 4096;
    its_set(r, 0x88, r->written);
    assert_int_equal(its_get(r, 0x90), r->written);
}

static uint64_t on(uint32_t device)
{
    return (uint64_t)device << 32;
}

static void start(struct rig *r, bool indirect)
{
    struct err e;

    memset(r, 0, sizeof(*r));
    r->k = kit_new(&dev_class_gicv3, 2, "{\"has-lpi\": true}");
    r->its = dev_new(&dev_class_gicv3_its, NULL, "its", &r->k->env);
    gicv3_its_wire(r->its, r->k->dev);
    assert_int_equal(dev_realize(r->its, &e), 0);
    dev_reset(r->its);
    r->to = gicv3_its_target(r->its);
    memset(kit_ram(r->k, CONFIG), 0xa1, 0x8000);
    kit_write(r->k, 0, GIC_DIST, 0, 0x12);
    for (unsigned i = 0; i < 2; i++) {
        kit_write(r->k, i, GIC_REDIST, i * RD + 0x70, CONFIG | 15);
        kit_write(r->k, i, GIC_REDIST, i * RD + 0x7c, 1 << 30);
        kit_write(r->k, i, GIC_REDIST, i * RD + 0x78, 0x40200000 + i * 0x10000);
        kit_write(r->k, i, GIC_REDIST, i * RD, 1);
        kit_set(r->k, i, ICC_PMR_EL1, 0xf0);
        kit_set(r->k, i, ICC_IGRPEN1_EL1, 1);
    }
    assert_int_equal(its_get(r, 0x100) >> 56 & 7, 1);
    assert_int_equal(its_get(r, 0x108) >> 56 & 7, 4);
    assert_int_equal(its_get(r, 0x110), 0);
    its_set(r, 0x100, VALID | (uint64_t)indirect << 62 | DEVICES);
    its_set(r, 0x108, VALID | COLLECTIONS);
    if (indirect) /* devices 512 to 1023 */
        mem_st64le(kit_ram(r->k, DEVICES + 8), VALID | LEVEL2);
    its_set(r, 0x80, VALID | QUEUE);
    its_set(r, 0, 1);
    command(r, 9, 0, VALID | 0, 0);           /* MAPC 0 -> cpu 0 */
    command(r, 9, 0, VALID | 1 << 16 | 5, 0); /* MAPC 5 -> cpu 1 */
}

static void stop(struct rig *r)
{
    dev_free(r->its);
    kit_free(r->k);
}

static void test_its(void **state)
{
    struct rig r;

    (void)state;
    start(&r, false);
    r.to.send(r.to.opaque, 8, 0x8090040, 3);                   /* nothing is mapped */
    command(&r, on(8) | 8, 4, VALID | ITT, 0);                 /* MAPD: 32 events */
    command(&r, on(8) | 0xa, UINT64_C(8200) << 32 | 3, 0, 0);  /* MAPTI 3 -> 8200, cpu 0 */
    command(&r, on(8) | 0xa, UINT64_C(8201) << 32 | 4, 5, 0);  /* 4 -> 8201, cpu 1 */
    command(&r, on(8) | 0xa, UINT64_C(8202) << 32 | 32, 5, 0); /* beyond its table: nothing */
    r.to.send(r.to.opaque, 8, 0x8090040, 3);
    r.to.send(r.to.opaque, 8, 0x8090040, 4);
    r.to.send(r.to.opaque, 8, 0x8090040, 32);
    r.to.send(r.to.opaque, 9, 0x8090040, 3);
    assert_int_equal(kit_get(r.k, 0, ICC_IAR1_EL1), 8200);
    kit_set(r.k, 0, ICC_EOIR1_EL1, 8200);
    assert_int_equal(kit_get(r.k, 0, ICC_IAR1_EL1), 1023);
    assert_int_equal(kit_get(r.k, 1, ICC_HPPIR1_EL1), 8201);
    command(&r, on(8) | 1, 4, 0, 0); /* MOVI to collection 0, while pending */
    assert_int_equal(kit_get(r.k, 1, ICC_HPPIR1_EL1), 1023);
    assert_int_equal(kit_get(r.k, 0, ICC_IAR1_EL1), 8201);
    kit_set(r.k, 0, ICC_EOIR1_EL1, 8201);
    command(&r, on(8) | 3, 3, 0, 0); /* INT */
    assert_int_equal(kit_get(r.k, 0, ICC_HPPIR1_EL1), 8200);
    command(&r, on(8) | 4, 3, 0, 0); /* CLEAR */
    assert_int_equal(kit_get(r.k, 0, ICC_HPPIR1_EL1), 1023);
    kit_ram(r.k, CONFIG)[8] = 0xa0; /* off */
    command(&r, on(8) | 0xc, 3, 0, 0);
    command(&r, 5, 0, 0, 0);
    r.to.send(r.to.opaque, 8, 0x8090040, 3);
    assert_int_equal(kit_lines(r.k, 0), 0);
    kit_ram(r.k, CONFIG)[8] = 0xa1;
    command(&r, 0xd, 0, 0, 0); /* INVALL */
    assert_int_equal(kit_lines(r.k, 0), IRQ);
    command(&r, 0xe, 0, 0, UINT64_C(1) << 16); /* MOVALL 0 -> 1 */
    assert_int_equal(kit_lines(r.k, 0), 0);
    assert_int_equal(kit_get(r.k, 1, ICC_HPPIR1_EL1), 8200);
    command(&r, 9, 0, VALID | 1 << 16, 0); /* collection 0 now is cpu 1's */
    command(&r, on(8) | 0xf, 3, 0, 0);     /* DISCARD */
    assert_int_equal(kit_lines(r.k, 1), 0);
    r.to.send(r.to.opaque, 8, 0x8090040, 3);
    assert_int_equal(kit_lines(r.k, 1), 0);
    r.to.send(r.to.opaque, 8, 0x8090040, 4);
    assert_int_equal(kit_get(r.k, 1, ICC_IAR1_EL1), 8201);
    kit_set(r.k, 1, ICC_EOIR1_EL1, 8201);
    command(&r, on(8) | 8, 0, 0, 0); /* MAPD, not valid */
    r.to.send(r.to.opaque, 8, 0x8090040, 4);
    assert_int_equal(kit_lines(r.k, 1), 0);
    stop(&r);
}

static void test_indirect_and_wrong(void **state)
{
    struct rig r;

    (void)state;
    start(&r, true);
    command(&r, on(0x200) | 8, 15, VALID | ITT, 0);
    command(&r, on(0x200) | 0xb, 8192, 5, 0); /* MAPI: event and LPI are one number */
    assert_int_not_equal(mem_ld64le(kit_ram(r.k, LEVEL2)), 0);
    r.to.send(r.to.opaque, 0x200, 0x8090040, 8192);
    assert_int_equal(kit_lines(r.k, 1), IRQ);
    command(&r, on(0x400) | 8, 4, VALID | ITT, 0);           /* no second level there */
    command(&r, on(0x200) | 8, 31, VALID | ITT, 0);          /* too many events */
    command(&r, on(0x200) | 0xa, UINT64_C(100) << 32, 5, 0); /* no LPI */
    command(&r, 9, 0, VALID | 7 << 16 | 6, 0);               /* no such cpu */
    command(&r, 0x77, 1, 2, 3);                              /* no such command */
    command(&r, on(0x300) | 8, 15, VALID | 0x8000000, 0);    /* a table where no RAM is */
    command(&r, on(0x300) | 0xb, 8193, 5, 0);
    r.to.send(r.to.opaque, 0x300, 0x8090040, 8193);
    assert_int_equal(kit_get(r.k, 1, ICC_IAR1_EL1), 8192);
    for (unsigned i = 0; i < 300; i++) /* around the ring */
        command(&r, 5, 0, 0, 0);
    its_set(&r, 0x88, 0x2000); /* a pointer beyond the ring */
    assert_int_equal(its_get(&r, 0x90), r.written);
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v2m),
        cmocka_unit_test(test_its),
        cmocka_unit_test(test_indirect_and_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
