/*
 * f128 against the compiler's own software binary128, specials included: values and the flags that
 * it raises reliably. (NaNs compare as equal: the compiler's rule for them is its own.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <xmmintrin.h>

#include <cmocka.h>

#include "fp/fp.h"
#include "operands.h"

static const uint8_t round_of_rc[4] = {FP_RNE, FP_RDN, FP_RUP, FP_RTZ};

static __float128 host(u128 v)
{
    __float128 f;

    memcpy(&f, &v, sizeof(f));
    return f;
}

static u128 bits(__float128 f)
{
    u128 v;

    memcpy(&v, &f, sizeof(v));
    return v;
}

static struct fp_f128 soft(u128 v)
{
    return (struct fp_f128){.lo = (uint64_t)v, .hi = (uint64_t)(v >> 64)};
}

static bool same(u128 a, struct fp_f128 b)
{
    if (fp_f128_is_nan(soft(a)) && fp_f128_is_nan(b))
        return true;
    return (uint64_t)a == b.lo && (uint64_t)(a >> 64) == b.hi;
}

/* Volatile pins the operation between the accesses to the control register. */
static u128 host_op(char op, u128 a, u128 b, unsigned rc, unsigned *flags)
{
    volatile __float128 x = host(a), y = host(b), r = 0;
    uint16_t x87;

    _mm_setcsr(0x1f80 | rc << 13);
    switch (op) {
    case '+':
        r = x + y;
        break;
    case '-':
        r = x - y;
        break;
    case '*':
        r = x * y;
        break;
    case '/':
        r = x / y;
        break;
    }
    __asm__ volatile("fnstsw %0\n\tfnclex" : "=m"(x87));
    *flags = (_mm_getcsr() | x87) & 0x3f; /* the compiler's library raises some in x87 */
    _mm_setcsr(0x1f80);
    return bits(r);
}

static struct fp_f128 soft_op(char op, u128 a, u128 b, struct fp_ctx *c)
{
    switch (op) {
    case '+':
        return fp_f128_add(soft(a), soft(b), c);
    case '-':
        return fp_f128_sub(soft(a), soft(b), c);
    case '*':
        return fp_f128_mul(soft(a), soft(b), c);
    default:
        return fp_f128_div(soft(a), soft(b), c);
    }
}

static void check(char op, u128 a, u128 b, unsigned rc)
{
    const unsigned mask = 0x2d; /* invalid, zero divide, overflow, inexact */
    struct fp_ctx c = fp_ctx_make(FP_NAN_X86);
    struct fp_f128 got;
    unsigned want_flags, flags;
    u128 want = host_op(op, a, b, rc, &want_flags);

    c.rm = round_of_rc[rc];
    got = soft_op(op, a, b, &c);
    flags = fp_flags_to_x86(c.flags);
    if (!same(want, got) || (flags & mask) != (want_flags & mask))
        fail_msg("%c rc %u: %016lx%016lx %016lx%016lx gives %016lx%016lx flags %x, "
                 "want %016lx%016lx flags %x",
                 op, rc, (uint64_t)(a >> 64), (uint64_t)a, (uint64_t)(b >> 64), (uint64_t)b, got.hi,
                 got.lo, flags, (uint64_t)(want >> 64), (uint64_t)want, want_flags);
}

static void check_relation(u128 a, u128 b)
{
    volatile __float128 x = host(a), y = host(b);
    struct fp_ctx c = {0};
    int want = x < y ? FP_LESS : x == y ? FP_EQUAL : x > y ? FP_GREATER : FP_UNORDERED;

    assert_int_equal(fp_f128_cmp(soft(a), soft(b), &c), want);
}

static void test_op(void **state)
{
    char op = *(const char *)*state;
    struct rng r = {.s = 6};
    u128 v[64];
    unsigned n = specials(&shape_f128, v);

    for (unsigned rc = 0; rc < 4; rc++)
        for (unsigned i = 0; i < n; i++)
            for (unsigned j = 0; j < n; j++)
                check(op, v[i], v[j], rc);
    for (unsigned long i = 0, count = rounds(150000); i < count; i++) {
        u128 a = rng_operand(&r, &shape_f128, (u128)rng_next(&r) << 64);
        u128 b = rng_operand(&r, &shape_f128, a);

        check(op, a, b, (unsigned)i & 3);
        check_relation(a, b);
    }
}

int main(void)
{
    static const char ops[] = "+-*/";
    const struct CMUnitTest tests[] = {
        {"add", test_op, NULL, NULL, (void *)&ops[0]},
        {"sub", test_op, NULL, NULL, (void *)&ops[1]},
        {"mul", test_op, NULL, NULL, (void *)&ops[2]},
        {"div", test_op, NULL, NULL, (void *)&ops[3]},
    };

    return cmocka_run_group_tests_name("fp/quad", tests, NULL, NULL);
}
