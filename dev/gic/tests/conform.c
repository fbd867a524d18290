/* The suite of all devices, on each of this folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup.h"

static void v2(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_gicv2, setup_v2, 0));
    assert_true(devkit_conform(&dev_class_gicv2, setup_v2_plain, 0));
}

static void v2m(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_gicv2m, setup_v2m, 0));
}

static void v3(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_gicv3, setup_v3, 0));
}

static void its(void **state)
{
    (void)state;
    assert_true(devkit_conform(&dev_class_gicv3_its, setup_its, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(v2), cmocka_unit_test(v2m),
                                       cmocka_unit_test(v3), cmocka_unit_test(its)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
