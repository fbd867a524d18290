/* The conformance suite on every virtio device and transport. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup.h"

#define FLAGS_blk     0
#define FLAGS_net     0
#define FLAGS_rng     DEVKIT_NOT_DETERMINISTIC
#define FLAGS_balloon 0
#define FLAGS_serial  0
#define FLAGS_9p      0

#define TESTS(name)                                                                                \
    static void test_##name##_mmio(void **state)                                                   \
    {                                                                                              \
        (void)state;                                                                               \
        assert_true(                                                                               \
            devkit_conform(&dev_class_virtio_##name##_device, setup_##name##_mmio, FLAGS_##name)); \
    }                                                                                              \
    static void test_##name##_pci(void **state)                                                    \
    {                                                                                              \
        (void)state;                                                                               \
        assert_true(                                                                               \
            devkit_conform(&dev_class_virtio_##name##_pci, setup_##name##_pci, FLAGS_##name));     \
    }
SETUPS(TESTS)

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ENTRY(name) cmocka_unit_test(test_##name##_mmio), cmocka_unit_test(test_##name##_pci),
        SETUPS(ENTRY)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
