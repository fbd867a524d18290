/* bits: each function against a loop or the arguments where C and hosts leave it open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bits.h"

static const uint64_t samples[] = {
    0,
    1,
    2,
    0x80,
    0xff,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    0x123456789abcdef0,
    0x7fffffffffffffff,
    0x8000000000000000,
    0xfffffffffffffffe,
    0xffffffffffffffff,
};

static void fields(void **state)
{
    (void)state;
    assert_int_equal(bits_mask64(0), 0);
    assert_true(bits_mask64(64) == UINT64_MAX);
    assert_int_equal(bits_extract64(0x123456789abcdef0, 4, 8), 0xef);
    assert_true(bits_extract64(0x123456789abcdef0, 0, 64) == 0x123456789abcdef0);
    assert_int_equal(bits_deposit64(0, 8, 4, 0xfff), 0xf00);
    assert_true(bits_deposit64(5, 0, 64, 77) == 77);
    assert_true(bits_deposit64(5, 3, 0, 77) == 5);
    assert_int_equal(bits_deposit32(0xffffffff, 16, 8, 0), 0xff00ffff);
    assert_int_equal(bits_sextract64(0xf00, 8, 4), -1);
}

static void signs(void **state)
{
    (void)state;
    assert_true(bits_sext64(0x80, 8) == -128);
    assert_true(bits_sext64(0x17f, 8) == 127);
    assert_true(bits_sext64(1, 1) == -1);
    assert_true(bits_sext64(UINT64_MAX, 64) == -1);
    assert_true(bits_sext32(0x800, 12) == -2048);
    assert_true(bits_fits_signed(-2048, 12) && !bits_fits_signed(2048, 12));
}

static void rotations(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(samples); i++) {
        uint64_t v = samples[i], r = v;

        for (unsigned n = 0; n < 130; n++) {
            assert_true(bits_ror64(v, n) == r);
            assert_true(bits_rol64(r, n) == v);
            r = r >> 1 | r << 63;
        }
        assert_int_equal(bits_ror32((uint32_t)v, 0), (uint32_t)v);
        assert_int_equal(bits_rol32(bits_ror32((uint32_t)v, 13), 13), (uint32_t)v);
    }
}

static void counts(void **state)
{
    (void)state;
    assert_int_equal(bits_clz32(0), 32);
    assert_int_equal(bits_clz64(0), 64);
    assert_int_equal(bits_ctz32(0), 32);
    assert_int_equal(bits_ctz64(0), 64);
    for (size_t i = 0; i < array_size(samples); i++) {
        uint64_t v = samples[i], reversed = 0;
        unsigned ones = 0, same = 0;

        for (unsigned b = 0; b < 64; b++) {
            ones += v >> b & 1;
            reversed |= (v >> b & 1) << (63 - b);
        }
        while (same < 63 && (v >> (62 - same) & 1) == v >> 63)
            same++;
        assert_int_equal(bits_popcount64(v), ones);
        assert_true(bits_reverse64(v) == reversed);
        assert_int_equal(bits_clz64(v), bits_ctz64(reversed));
        assert_int_equal(bits_cls64(v), same);
    }
    assert_int_equal(bits_reverse32(1), 0x80000000);
    assert_int_equal(bits_cls32(0), 31);
    assert_int_equal(bits_cls32(0x80000000), 0);
}

static void products_and_rounding(void **state)
{
    (void)state;
    assert_true(bits_umulh64(UINT64_MAX, UINT64_MAX) == UINT64_MAX - 1);
    assert_true(bits_smulh64(-1, 1) == -1);
    assert_true(bits_is_pow2(4096) && !bits_is_pow2(0) && !bits_is_pow2(12));
    assert_int_equal(bits_align_up(4097, 4096), 8192);
    assert_int_equal(bits_align_down(4097, 4096), 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(signs),
        cmocka_unit_test(rotations),
        cmocka_unit_test(counts),
        cmocka_unit_test(products_and_rounding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
