/* PL031: it counts, can be set, and its alarm comes in its second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup.h"

enum { DR = 0, MR = 4, LR = 8, CR = 0xc, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c };
#define SECOND INT64_C(1000000000)

static uint32_t get(struct devkit *kit, unsigned offset)
{
    return (uint32_t)devkit_read(kit, 0, offset, 4);
}

static void counts(void **state)
{
    struct devkit *kit = devkit_new(setup);
    uint32_t start = get(kit, DR);

    (void)state;
    assert_int_equal(start, clock_ns(kit->env.clocks, CLOCK_WALL) / SECOND);
    devkit_advance(kit, 3 * SECOND);
    assert_int_equal(get(kit, DR), start + 3);
    devkit_write(kit, 0, LR, 4, 100);
    assert_int_equal(get(kit, DR), 100);
    devkit_advance(kit, 2 * SECOND);
    assert_int_equal(get(kit, DR), 102);
    assert_int_equal(get(kit, LR), 100);
    dev_reset(kit->root);
    assert_int_equal(get(kit, DR), 102); /* as with a battery */
    devkit_write(kit, 0, LR, 4, 0xffffffff);
    devkit_advance(kit, 2 * SECOND);
    assert_int_equal(get(kit, DR), 1);
    assert_int_equal(get(kit, CR), 1);
    devkit_free(kit);
}

static void alarm_comes(void **state)
{
    struct devkit *kit = devkit_new(setup);
    uint32_t start = get(kit, DR);

    (void)state;
    devkit_write(kit, 0, MR, 4, start + 5);
    devkit_advance(kit, 4 * SECOND);
    assert_int_equal(get(kit, RIS), 0);
    devkit_advance(kit, 2 * SECOND);
    assert_int_equal(get(kit, RIS), 1);
    assert_int_equal(kit->line[0].level, 0); /* masked */
    devkit_write(kit, 0, IMSC, 4, 1);
    assert_int_equal(kit->line[0].level, 1);
    devkit_write(kit, 0, ICR, 4, 1);
    assert_int_equal(kit->line[0].level, 0);
    devkit_write(kit, 0, MR, 4, get(kit, DR)); /* now */
    assert_int_equal(kit->line[0].level, 1);
    devkit_write(kit, 0, ICR, 4, 1);
    devkit_write(kit, 0, MR, 4, get(kit, DR) + 1000);
    devkit_write(kit, 0, LR, 4, get(kit, DR) + 998); /* setting the clock moves the alarm */
    devkit_advance(kit, 3 * SECOND);
    assert_int_equal(get(kit, MIS), 1);
    devkit_free(kit);
}

static void conforms(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_pl031, setup, DEVKIT_OUTLIVES_RESET));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts), cmocka_unit_test(alarm_comes),
                                       cmocka_unit_test(conforms)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
