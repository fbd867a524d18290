/* pvpanic: events reach the machine, once each until reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup.h"

static void tells(void **state)
{
    struct devkit *kit = devkit_new(setup);

    (void)state;
    assert_non_null(kit);
    assert_int_equal(devkit_read(kit, 0, 0, 1), 7);
    assert_int_equal(devkit_read(kit, 0, 0, 2), 7);
    devkit_write(kit, 0, 0, 1, 1);
    devkit_write(kit, 0, 0, 1, 1);
    devkit_write(kit, 0, 1, 1, 1); /* nothing there */
    assert_int_equal(kit->requests[DEV_REQUEST_PANIC], 1);
    dev_reset(kit->root);
    devkit_write(kit, 0, 0, 1, 0xf9);
    assert_int_equal(kit->requests[DEV_REQUEST_PANIC], 2);
    devkit_write(kit, 0, 0, 1, 4);
    assert_int_equal(kit->requests[DEV_REQUEST_POWEROFF], 1);
    devkit_free(kit);
}

static int setup_panics_only(struct devkit *kit, struct err *e)
{
    json_t *conf = json_pack("{s:s}", "events", "1");
    int rc;

    kit->dev = dev_new(&dev_class_pvpanic, kit->root, "pvpanic", &kit->env);
    rc = prop_apply(dev_class_pvpanic.props, kit->dev, conf, "pvpanic", NULL, e);
    json_decref(conf);
    if (!rc)
        rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, pvpanic_region(kit->dev));
    return rc;
}

static void masked(void **state)
{
    struct devkit *kit = devkit_new(setup_panics_only);

    (void)state;
    assert_non_null(kit);
    assert_int_equal(devkit_read(kit, 0, 0, 1), 1);
    devkit_write(kit, 0, 0, 1, 6);
    assert_int_equal(kit->requests[DEV_REQUEST_POWEROFF], 0);
    devkit_free(kit);
}

static void card(void **state)
{
    struct devkit *kit = devkit_new(setup_card);

    (void)state;
    assert_non_null(kit);
    assert_int_equal(devkit_read(kit, BLOCK_ECAM, CARD_CONFIG, 4), 0x00111b36);
    assert_int_equal(devkit_read(kit, BLOCK_MMIO32, 0, 1), 0); /* nowhere yet */
    map_card(kit);
    assert_int_equal(devkit_read(kit, BLOCK_MMIO32, 0, 1), 7);
    devkit_write(kit, BLOCK_MMIO32, 0, 1, 1);
    assert_int_equal(kit->requests[DEV_REQUEST_PANIC], 1);
    devkit_write(kit, BLOCK_ECAM, CARD_CONFIG + PCI_COMMAND, 2, 0);
    devkit_write(kit, BLOCK_MMIO32, 0, 1, 4);
    assert_int_equal(kit->requests[DEV_REQUEST_POWEROFF], 0);
    devkit_free(kit);
}

static void conforms(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_pvpanic, setup, 0));
}

static void card_conforms(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_pvpanic_pci, setup_card, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells),    cmocka_unit_test(masked),        cmocka_unit_test(card),
        cmocka_unit_test(conforms), cmocka_unit_test(card_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
