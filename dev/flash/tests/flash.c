/* Flash: reading, the tables that drivers ask for, programming by words and buffers, erasing,
 * locks, and what reaches the image. */
#include <setjmp.h>
#include <stdarg.h>

#include "setup.h"

#include <cmocka.h>

static uint32_t get(struct devkit *kit, uint64_t at)
{
    return (uint32_t)devkit_read(kit, 0, at, 4);
}

/* A command to both chips. */
static void set(struct devkit *kit, uint64_t at, uint16_t command)
{
    devkit_write(kit, 0, at, 4, command | (uint32_t)command << 16);
}

static void asks(void **state)
{
    struct devkit *kit = devkit_new(setup);

    (void)state;
    assert_int_equal(get(kit, 0), 0x5a5a5a5a);
    set(kit, 0, 0x90);
    assert_int_equal(get(kit, 0), 0x00890089);
    assert_int_equal(get(kit, 4), 0x00180018);
    set(kit, 0, 0x98);
    assert_int_equal(get(kit, 0x10 * 4), 'Q' | 'Q' << 16);
    assert_int_equal(get(kit, 0x11 * 4), 'R' | 'R' << 16);
    assert_int_equal(get(kit, 0x13 * 4), 0x00010001);
    assert_int_equal(get(kit, 0x27 * 4) & 0xff, 18); /* 256 KB a chip */
    assert_int_equal(get(kit, 0x2a * 4) & 0xff, 11);
    assert_int_equal(get(kit, 0x2d * 4) & 0xff, 1); /* two sectors */
    assert_int_equal(get(kit, 0x30 * 4) & 0xff, 2); /* of 512 * 256 bytes */
    assert_int_equal(devkit_read(kit, 0, 0x10 * 4, 1), 'Q');
    set(kit, 0, 0x70);
    assert_int_equal(get(kit, 0x1234), 0x00800080);
    set(kit, 0, 0xff);
    assert_int_equal(get(kit, 0), 0x5a5a5a5a);
    devkit_free(kit);
}

static void programs(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct blk *b = kit->user;

    (void)state;
    set(kit, 0, 0x20);
    set(kit, 0, 0xd0);
    assert_int_equal(get(kit, 0), 0x00800080);
    set(kit, 0, 0xff);
    assert_int_equal(get(kit, 0), 0xffffffff);
    assert_int_equal(get(kit, SECTOR), 0);
    set(kit, 16, 0x40);
    devkit_write(kit, 0, 16, 4, 0x12345678);
    set(kit, 16, 0x10);
    devkit_write(kit, 0, 16, 4, 0xfffffff0); /* bits only fall */
    set(kit, 0, 0xff);
    assert_int_equal(get(kit, 16), 0x12345670);
    set(kit, 0x100, 0xe8);
    assert_int_equal(get(kit, 0x100) & 0x80, 0x80);
    set(kit, 0x100, 3);
    for (unsigned i = 0; i < 4; i++)
        devkit_write(kit, 0, 0x100 + 4 * i, 4, 0x11110000 + i);
    set(kit, 0x100, 0xd0);
    assert_int_equal(get(kit, 0), 0x00800080);
    set(kit, 0, 0xff);
    assert_int_equal(get(kit, 0x10c), 0x11110003);
    assert_int_equal(get(kit, 0x110), 0xffffffff);
    devkit_settle(kit);
    assert_int_equal(mem_ld32le(b->bytes + 16), 0x12345670);
    assert_int_equal(mem_ld32le(b->bytes + 0x108), 0x11110002);
    assert_int_equal(b->bytes[SECTOR - 1], 0xff);
    assert_int_equal(b->bytes[SECTOR], 0);
    devkit_free(kit);
}

static void refuses(void **state)
{
    struct devkit *kit = devkit_new(setup);

    (void)state;
    set(kit, 0, 0x20);
    set(kit, 0, 0x20); /* no confirmation */
    assert_int_equal(get(kit, 0), 0x00b000b0);
    set(kit, 0, 0x50);
    set(kit, 0, 0x70);
    assert_int_equal(get(kit, 0), 0x00800080);
    set(kit, 0, 0x60);
    set(kit, 0, 0x01); /* lock */
    set(kit, 0, 0x20);
    set(kit, 0, 0xd0);
    assert_int_equal(get(kit, 0), 0x00a200a2);
    set(kit, 0, 0x50);
    set(kit, 0, 0x90);
    assert_int_equal(get(kit, 8), 0x00010001);
    assert_int_equal(get(kit, SECTOR + 8), 0);
    set(kit, 0, 0x60);
    set(kit, 0, 0xd0); /* unlock */
    set(kit, 0, 0x20);
    set(kit, 0, 0xd0);
    assert_int_equal(get(kit, 0), 0x00800080);
    set(kit, 0, 0xe8); /* words of two buffers */
    set(kit, 0, 1);
    devkit_write(kit, 0, 4092, 4, 0);
    devkit_write(kit, 0, 4096, 4, 0);
    set(kit, 0, 0xd0);
    assert_int_equal(get(kit, 0), 0x00b000b0);
    set(kit, 0, 0x50);
    set(kit, 0, 0xe8);
    set(kit, 0, 0xffff); /* more than a buffer */
    set(kit, 0, 0x70);
    assert_int_equal(get(kit, 0), 0x00b000b0);
    set(kit, 0, 0xff);
    assert_int_equal(get(kit, 4092), 0xffffffff);
    devkit_free(kit);
}

static int setup_readonly(struct devkit *kit, struct err *e)
{
    return setup_sized(kit, 10000, true, e);
}

static void small_and_readonly(void **state)
{
    struct devkit *kit = devkit_new(setup_readonly);
    struct blk *b = kit->user;

    (void)state;
    assert_int_equal(get(kit, 8188), 0x5a5a5a5a);
    assert_int_equal(get(kit, 9996), 0);
    assert_int_equal(get(kit, 10000), 0xffffffff); /* behind the image */
    set(kit, 0, 0x40);
    devkit_write(kit, 0, 0, 4, 0);
    assert_int_equal(get(kit, 0), 0x00920092);
    set(kit, 0, 0xff);
    assert_int_equal(get(kit, 0), 0x5a5a5a5a);
    devkit_settle(kit);
    assert_int_equal(b->writes, 0);
    devkit_free(kit);
}

static int setup_large(struct devkit *kit, struct err *e)
{
    int rc = setup_sized(kit, BANK + 1, false, e);

    assert_int_not_equal(rc, 0);
    assert_non_null(strstr(e->text, "524289 bytes"));
    return rc;
}

static void too_large(void **state)
{
    (void)state;
    assert_null(devkit_new(setup_large));
}

static void conforms(void **state)
{
    (void)state;
    /* Contents are RAM to the machine, which saves them apart: here they do not follow. */
    assert_true(devkit_conform(&dev_class_cfi_flash, setup,
                               DEVKIT_OUTLIVES_RESET | DEVKIT_NOT_DETERMINISTIC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks),      cmocka_unit_test(programs),
        cmocka_unit_test(refuses),   cmocka_unit_test(small_and_readonly),
        cmocka_unit_test(too_large), cmocka_unit_test(conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
