/* cpu: what is detected agrees with the compiler's own detection; features can be taken away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "os/cpu.h"

static void agrees_with_compiler(void **state)
{
    struct os_cpu cpu;

    (void)state;
    os_cpu_detect(&cpu);
#if defined(__x86_64__)
    assert_int_equal(os_cpu_has(&cpu, OS_CPU_SSE42), !!__builtin_cpu_supports("sse4.2"));
    assert_int_equal(os_cpu_has(&cpu, OS_CPU_POPCNT), !!__builtin_cpu_supports("popcnt"));
    assert_int_equal(os_cpu_has(&cpu, OS_CPU_BMI2), !!__builtin_cpu_supports("bmi2"));
    assert_int_equal(os_cpu_has(&cpu, OS_CPU_AVX2), !!__builtin_cpu_supports("avx2"));
    assert_int_equal(os_cpu_has(&cpu, OS_CPU_FMA), !!__builtin_cpu_supports("fma"));
    assert_int_equal(os_cpu_has(&cpu, OS_CPU_AVX512F), !!__builtin_cpu_supports("avx512f"));
    assert_int_equal(os_cpu_has(&cpu, OS_CPU_GFNI), !!__builtin_cpu_supports("gfni"));
#endif
}

static void taken_away(void **state)
{
    struct os_cpu cpu = {.features = UINT64_MAX};
    char text[1024];
    struct err e;

    (void)state;
    assert_int_equal(os_cpu_without(&cpu, "avx2,bmi2", &e), 0);
    assert_false(os_cpu_has(&cpu, OS_CPU_AVX2) || os_cpu_has(&cpu, OS_CPU_BMI2));
    assert_true(os_cpu_has(&cpu, OS_CPU_AVX));
    assert_true(os_cpu_without(&cpu, "avx,mmx9", &e) < 0);
    assert_true(os_cpu_has(&cpu, OS_CPU_AVX));
    os_cpu_describe(&cpu, text, sizeof(text));
    assert_non_null(strstr(text, "sse4.1"));
    assert_null(strstr(text, " bmi2"));
    os_cpu_describe(&cpu, text, 10);
    assert_true(strlen(text) < 10);
    assert_int_equal(os_cpu_without(&cpu, "all", &e), 0);
    assert_true(cpu.features == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_compiler),
        cmocka_unit_test(taken_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
