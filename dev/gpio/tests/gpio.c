/* PL061: data through its mask, interrupts by edge and level; a key that is pressed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup.h"

enum { DATA = 0x3fc, DIR = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c, IE = 0x410, RIS = 0x414 };
enum { MIS = 0x418, IC = 0x41c };

static unsigned get(struct devkit *kit, unsigned offset)
{
    return (unsigned)devkit_read(kit, 0, offset, 1);
}

static void set(struct devkit *kit, unsigned offset, unsigned value)
{
    devkit_write(kit, 0, offset, 1, value);
}

static void data(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct irq in = pl061_input(kit->dev, 6);

    (void)state;
    set(kit, DIR, 0x0f);
    set(kit, 0x05 << 2, 0xff); /* mask 5 */
    assert_int_equal(get(kit, DATA), 5);
    assert_int_equal(kit->line[8].level, 1);
    assert_int_equal(kit->line[9].level, 0);
    set(kit, DATA, 0xff);
    irq_set(&in, 1);
    assert_int_equal(get(kit, DATA), 0x4f);
    assert_int_equal(get(kit, 0x42 << 2), 0x42);
    set(kit, DIR, 0);
    assert_int_equal(kit->line[8].level, 0);
    assert_int_equal(get(kit, DATA), 0x40);
    devkit_free(kit);
}

static void interrupts(void **state)
{
    struct devkit *kit = devkit_new(setup);
    struct irq in = pl061_input(kit->dev, 1);

    (void)state;
    set(kit, IEV, 2); /* rising edge */
    set(kit, IE, 2);
    irq_set(&in, 1);
    assert_int_equal(kit->line[0].level, 1);
    irq_set(&in, 0);
    assert_int_equal(kit->line[0].level, 1);
    set(kit, IC, 2);
    assert_int_equal(kit->line[0].level, 0);
    set(kit, IBE, 2); /* both edges */
    irq_set(&in, 1);
    set(kit, IC, 2);
    irq_set(&in, 0);
    assert_int_equal(get(kit, MIS), 2);
    set(kit, IC, 2);
    set(kit, IS, 2); /* level, high */
    assert_int_equal(kit->line[0].level, 0);
    irq_set(&in, 1);
    assert_int_equal(kit->line[0].level, 1);
    set(kit, IC, 2); /* a level cannot be cleared */
    assert_int_equal(kit->line[0].level, 1);
    set(kit, IEV, 0); /* low */
    assert_int_equal(kit->line[0].level, 0);
    devkit_free(kit);
}

static void button(void **state)
{
    struct devkit *kit = devkit_new(setup);

    (void)state;
    set(kit, IBE, 8);
    set(kit, IE, 8);
    gpio_key_press(kit->user);
    assert_int_equal(get(kit, DATA), 8);
    assert_int_equal(kit->line[0].level, 1);
    set(kit, IC, 8);
    devkit_advance(kit, 99000000);
    assert_int_equal(get(kit, DATA), 8);
    devkit_advance(kit, 2000000);
    assert_int_equal(get(kit, DATA), 0);
    assert_int_equal(kit->line[0].level, 1);
    devkit_free(kit);
}

static int setup_key(struct devkit *kit, struct err *e)
{
    int rc = setup(kit, e);

    kit->dev = kit->user;
    kit->outside = NULL;
    return rc;
}

static void conforms(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_pl061, setup, 0));
    assert_true(devkit_conform(&dev_class_gpio_key, setup_key, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(data), cmocka_unit_test(interrupts),
                                       cmocka_unit_test(button), cmocka_unit_test(conforms)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
