/*
 * What no host instruction shows: NaN rules of the guests, Arm's flushing, alternative half
 * precision, minimum and maximum, integer rules, estimates. Expected values derived by hand from
 * the manuals named in fp/fp.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "fp/fp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { NV = 0x01, DZ = 0x02, OF = 0x04, UF = 0x08, NX = 0x10, DN = 0x20, IDC = 0x80 };

#define ONE      0x3f800000u
#define INF      0x7f800000u
#define S1       0x7f800001u /* signalling, but for MIPS legacy */
#define S2       0x7f800002u
#define QUIET(s) ((s) | 0x400000u)
#define Q3       0x7fc00003u
#define Q4       0xffc00004u
#define Q5       0x7fc00005u

/* Runs a call and checks the result and all flags but "rounded up". */
#define CHECK(ctx, call, want, want_flags)                                                       \
    do {                                                                                         \
        struct fp_ctx c_ = (ctx), *c = &c_;                                                      \
        uint64_t got_ = (uint64_t)(call), want_ = (uint64_t)(want);                              \
        unsigned flags_ = c->flags & 0xbfu;                                                      \
                                                                                                 \
        if (got_ != want_ || flags_ != (want_flags))                                             \
            fail_msg("line %d: %s gives %lx flags %x, want %lx flags %x", __LINE__, #call, got_, \
                     flags_, want_, (unsigned)(want_flags));                                     \
    } while (0)

static const struct fp_ctx arm = {.nan_rule = FP_NAN_ARM};

static struct fp_ctx with_rm(struct fp_ctx c, enum fp_round rm)
{
    c.rm = (uint8_t)rm;
    return c;
}

static void test_nan_two(void **state)
{
    static const struct {
        enum fp_nan_rule rule;
        uint32_t a, b, want;
        uint8_t flags;
    } t[] = {
        {FP_NAN_ARM, Q3, Q4, Q3, 0},           {FP_NAN_ARM, Q3, S1, QUIET(S1), NV},
        {FP_NAN_ARM, S1, S2, QUIET(S1), NV},   {FP_NAN_ARM, ONE, Q4, Q4, 0},
        {FP_NAN_RISCV, Q3, Q4, 0x7fc00000, 0}, {FP_NAN_RISCV, ONE, S1, 0x7fc00000, NV},
        {FP_NAN_X86, Q3, S1, Q3, NV},          {FP_NAN_PPC, Q3, S1, Q3, NV},
        {FP_NAN_PPC, S1, Q3, QUIET(S1), NV},   {FP_NAN_MIPS_2008, Q3, S1, QUIET(S1), NV},
        {FP_NAN_MIPS_LEGACY, S1, S2, S1, 0}, /* both are quiet there */
        {FP_NAN_MIPS_LEGACY, ONE, S2, S2, 0},  {FP_NAN_MIPS_LEGACY, S1, Q3, 0x7fbfffff, NV},
        {FP_NAN_SPARC, Q3, Q4, Q4, 0},         {FP_NAN_SPARC, S1, Q4, QUIET(S1), NV},
        {FP_NAN_SPARC, S1, S2, QUIET(S2), NV}, {FP_NAN_SPARC, Q3, ONE, Q3, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(t); i++) {
        CHECK(fp_ctx_make(t[i].rule), fp_f32_add(t[i].a, t[i].b, c), t[i].want, t[i].flags);
        CHECK(fp_ctx_make(t[i].rule), fp_f32_mul(t[i].a, t[i].b, c), t[i].want, t[i].flags);
        CHECK(fp_ctx_make(t[i].rule), fp_f32_div(t[i].a, t[i].b, c), t[i].want, t[i].flags);
    }
}

static void test_nan_fma(void **state)
{
    static const struct {
        enum fp_nan_rule rule;
        uint32_t a, b, addend, want;
        uint8_t flags;
    } t[] = {
        {FP_NAN_ARM, Q3, Q4, Q5, Q5, 0},
        {FP_NAN_ARM, Q3, Q4, ONE, Q3, 0},
        {FP_NAN_ARM, Q3, S1, Q5, QUIET(S1), NV},
        {FP_NAN_ARM, INF, 0, Q5, 0x7fc00000, NV},
        {FP_NAN_ARM, INF, 0, S1, QUIET(S1), NV},
        {FP_NAN_ARM, INF, 0, ONE, 0x7fc00000, NV},
        {FP_NAN_RISCV, INF, 0, Q5, 0x7fc00000, NV},
        {FP_NAN_X86, INF, 0, Q5, Q5, 0},
        {FP_NAN_X86, INF, 0, ONE, 0xffc00000, NV},
        {FP_NAN_X86, Q3, Q4, Q5, Q3, 0},
        {FP_NAN_PPC, Q3, Q4, Q5, Q3, 0},
        {FP_NAN_PPC, ONE, Q4, Q5, Q5, 0},
        {FP_NAN_PPC, INF, 0, Q5, Q5, NV},
        {FP_NAN_MIPS_2008, Q3, Q4, Q5, Q5, 0},
        {FP_NAN_MIPS_2008, INF, 0, Q5, Q5, NV},
        {FP_NAN_MIPS_LEGACY, INF, 0, S1, 0x7fbfffff, NV},
        {FP_NAN_MIPS_LEGACY, S2, ONE, S1, S2, 0},
        {FP_NAN_SPARC, Q3, Q4, Q5, Q5, 0},
        {FP_NAN_SPARC, Q3, Q4, ONE, Q4, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(t); i++)
        CHECK(fp_ctx_make(t[i].rule), fp_f32_fma(t[i].a, t[i].b, t[i].addend, c), t[i].want,
              t[i].flags);
}

static void test_nan_default(void **state)
{
    static const uint32_t want[FP_NAN_RULES] = {
        [FP_NAN_ARM] = 0x7fc00000,       [FP_NAN_RISCV] = 0x7fc00000,
        [FP_NAN_X86] = 0xffc00000,       [FP_NAN_X87] = 0xffc00000,
        [FP_NAN_PPC] = 0x7fc00000,       [FP_NAN_MIPS_LEGACY] = 0x7fbfffff,
        [FP_NAN_MIPS_2008] = 0x7fc00000, [FP_NAN_SPARC] = 0x7fffffff,
    };
    struct fp_ctx dn = arm;

    (void)state;
    for (unsigned rule = 0; rule < FP_NAN_RULES; rule++) {
        CHECK(fp_ctx_make(rule), fp_f32_sub(INF, INF, c), want[rule], NV);
        CHECK(fp_ctx_make(rule), fp_f32_default_nan(c), want[rule], 0);
    }
    dn.default_nan = 1;
    CHECK(dn, fp_f32_add(Q4, ONE, c), 0x7fc00000, 0);
    CHECK(dn, fp_f64_to_f32(0xfff8000000000001, c), 0x7fc00000, 0);
    /* Conversions keep the sign and the payload's head. */
    CHECK(arm, fp_f32_to_f64(S1, c), 0x7ff8000020000000, NV);
    CHECK(arm, fp_f64_to_f32(0xfff0000020000000, c), 0xffc00001, NV);
    CHECK(arm, fp_f64_to_f16(0xfff8040000000000, c), 0xfe01, 0);
    CHECK(fp_ctx_make(FP_NAN_MIPS_LEGACY), fp_f64_to_f32(0x7ff0000000000001, c), 0x7fbfffff, 0);
}

static void test_causes(void **state)
{
    struct fp_ctx c = arm;

    (void)state;
    fp_f32_div(0, 0, &c);
    assert_int_equal(c.invalid_cause, FP_CAUSE_ZERO_DIV);
    fp_f32_div(INF, INF, &c);
    assert_int_equal(c.invalid_cause, FP_CAUSE_ZERO_DIV | FP_CAUSE_INF_DIV);
    c = arm;
    fp_f32_sqrt(0xbf800000, &c);
    fp_f32_mul(INF, 0, &c);
    fp_f32_cmps(Q3, ONE, &c);
    assert_int_equal(c.invalid_cause, FP_CAUSE_SQRT | FP_CAUSE_INF_MUL | FP_CAUSE_COMPARE);
    assert_int_equal(fp_flags_to_riscv(NV | NX), 0x11);
    assert_int_equal(fp_flags_to_riscv(DZ | OF | UF), 0x0e);
    assert_int_equal(fp_flags_to_x86(NV | DN | UF | NX), 0x33);
}

static void test_tininess_and_flush(void **state)
{
    const uint64_t nearly = 0x380ffffff8000000; /* (1 - 2^-26) * 2^-126 */
    struct fp_ctx fz = {.ftz = FP_FLUSH_ARM, .daz = FP_FLUSH_ARM}, fz16 = {.fz16 = 1};

    (void)state;
    CHECK(arm, fp_f64_to_f32(nearly, c), 0x00800000, UF | NX);
    CHECK(fp_ctx_make(FP_NAN_RISCV), fp_f64_to_f32(nearly, c), 0x00800000, NX);
    CHECK(fz, fp_f64_to_f32(nearly, c), 0, UF);
    CHECK(arm, fp_f32_mul(0x00800000, 0x3f000000, c), 0x00400000, 0); /* tiny and exact */
    CHECK(fz, fp_f32_mul(0x80800000, 0x3f000000, c), 0x80000000, UF);
    CHECK(fz, fp_f32_add(0x00000001, ONE, c), ONE, IDC);
    CHECK(fz, fp_f32_add(0x80000001, 0x80000000, c), 0x80000000, IDC);
    CHECK(fz, fp_f32_mul(0x00000001, INF, c), 0x7fc00000, NV | IDC); /* 0 * inf */
    CHECK(fz, fp_f32_div(ONE, 0x00000001, c), INF, DZ | IDC);
    CHECK(fz, fp_f32_cmp(0x00000001, 0x80000001, c), FP_EQUAL, IDC);
    CHECK(fz, fp_f32_add(0x00000001, Q3, c), Q3, IDC);
    CHECK(fz, fp_f32_rint(0x00000001, FP_RUP, true, c), 0, IDC);
    CHECK(fz, fp_f32_to_i32(0x00000001, FP_RUP, FP_INT_ARM, c), 0, IDC);
    CHECK(fz, fp_f32_minmax(FP_MAX, 0x00000001, 0x80000000, c), 0, IDC);
    CHECK(fz, fp_f32_to_f64(0x00000001, c), 0, IDC);
    /* FZ leaves half precision alone, FZ16 rules its arithmetic and not its conversions. */
    CHECK(fz, fp_f16_add(1, 1, c), 2, DN);
    CHECK(fz, fp_f32_to_f16(0x33800000, c), 1, 0);
    CHECK(fz16, fp_f16_add(1, 1, c), 0, 0);
    CHECK(fz16, fp_f16_mul(0x0400, 0x3800, c), 0, UF);
    CHECK(fz16, fp_f16_to_f32(1, c), 0x33800000, 0);
    CHECK(fz16, fp_f32_to_f16(0x33800000, c), 1, 0);
    CHECK(fz16, fp_f32_add(1, 1, c), 2, DN);
}

static void test_alternative_half(void **state)
{
    struct fp_ctx ahp = {.ahp = 1};

    (void)state;
    CHECK(ahp, fp_f32_to_f16(0x47c00000, c), 0x7e00, 0);  /* 98304 */
    CHECK(ahp, fp_f32_to_f16(0x47ffe000, c), 0x7fff, 0);  /* 131008 */
    CHECK(ahp, fp_f32_to_f16(0x47fff000, c), 0x7fff, NV); /* halfway to 131072 */
    CHECK(ahp, fp_f32_to_f16(0x47ffefff, c), 0x7fff, NX);
    CHECK(ahp, fp_f32_to_f16(0xc8000000, c), 0xffff, NV);
    CHECK(ahp, fp_f32_to_f16(INF, c), 0x7fff, NV);
    CHECK(ahp, fp_f32_to_f16(Q4, c), 0x8000, NV);
    CHECK(ahp, fp_f16_to_f32(0x7c00, c), 0x47800000, 0);
    CHECK(ahp, fp_f16_to_f64(0xffff, c), 0xc0fffc0000000000, 0);
    CHECK(ahp, fp_f16_add(0x7c00, 0x3c00, c), 0x7c00, 0); /* arithmetic ignores it */
}

static void test_minmax(void **state)
{
    const uint32_t zero = 0, minus_zero = 0x80000000, minus_two = 0xc0000000;

    (void)state;
    CHECK(arm, fp_f32_minmax(FP_MIN, zero, minus_zero, c), minus_zero, 0);
    CHECK(arm, fp_f32_minmax(FP_MAX, minus_zero, zero, c), zero, 0);
    CHECK(arm, fp_f32_minmax(FP_MIN, ONE, Q3, c), Q3, 0);
    CHECK(arm, fp_f32_minmax(FP_MIN, Q3, S1, c), QUIET(S1), NV);
    CHECK(arm, fp_f32_minmax(FP_MAXNUM_2008, ONE, Q3, c), ONE, 0);
    CHECK(arm, fp_f32_minmax(FP_MINNUM_2008, Q3, minus_two, c), minus_two, 0);
    CHECK(arm, fp_f32_minmax(FP_MINNUM_2008, S1, ONE, c), QUIET(S1), NV);
    CHECK(arm, fp_f32_minmax(FP_MINNUM_2008, Q3, Q4, c), Q3, 0);
    CHECK(fp_ctx_make(FP_NAN_RISCV), fp_f32_minmax(FP_MINNUM_2019, S1, ONE, c), ONE, NV);
    CHECK(fp_ctx_make(FP_NAN_RISCV), fp_f32_minmax(FP_MAXNUM_2019, ONE, Q3, c), ONE, 0);
    CHECK(fp_ctx_make(FP_NAN_RISCV), fp_f32_minmax(FP_MAXNUM_2019, Q3, Q4, c), 0x7fc00000, 0);
    CHECK(fp_ctx_make(FP_NAN_RISCV), fp_f32_minmax(FP_MAXNUM_2019, S1, Q4, c), 0x7fc00000, NV);
    CHECK(arm, fp_f32_minmax(FP_MAXMAG_2008, ONE, minus_two, c), minus_two, 0);
    CHECK(arm, fp_f32_minmax(FP_MINMAG_2008, ONE, 0xbf800000, c), 0xbf800000, 0);
    CHECK(arm, fp_f32_minmax(FP_MINMAG_2008, ONE, minus_two, c), ONE, 0);
}

static void test_integer_rules(void **state)
{
    static const struct {
        enum fp_int_rule rule;
        int32_t nan, high, low;
        uint32_t unan, uhigh, ulow;
    } t[] = {
        {FP_INT_ARM, 0, INT32_MAX, INT32_MIN, 0, UINT32_MAX, 0},
        {FP_INT_RISCV, INT32_MAX, INT32_MAX, INT32_MIN, UINT32_MAX, UINT32_MAX, 0},
        {FP_INT_X86, INT32_MIN, INT32_MIN, INT32_MIN, UINT32_MAX, UINT32_MAX, UINT32_MAX},
        {FP_INT_PPC, INT32_MIN, INT32_MAX, INT32_MIN, 0, UINT32_MAX, 0},
        {FP_INT_MIPS, INT32_MAX, INT32_MAX, INT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
        {FP_INT_SPARC, INT32_MAX, INT32_MAX, INT32_MIN, UINT32_MAX, UINT32_MAX, 0},
    };
    const uint32_t huge = 0x7f000000, minus_huge = 0xff000000;

    (void)state;
    for (size_t i = 0; i < COUNT(t); i++) {
        enum fp_int_rule r = t[i].rule;

        CHECK(arm, fp_f32_to_i32(Q3, FP_RNE, r, c), t[i].nan, NV);
        CHECK(arm, fp_f32_to_i32(huge, FP_RNE, r, c), t[i].high, NV);
        CHECK(arm, fp_f32_to_i32(minus_huge, FP_RNE, r, c), t[i].low, NV);
        CHECK(arm, fp_f32_to_u32(Q3, FP_RNE, r, c), t[i].unan, NV);
        CHECK(arm, fp_f32_to_u32(INF, FP_RNE, r, c), t[i].uhigh, NV);
        CHECK(arm, fp_f32_to_u32(0xbf800000, FP_RNE, r, c), t[i].ulow, NV);
    }
    CHECK(arm, fp_f32_to_u32(0xbf000000, FP_RTZ, FP_INT_ARM, c), 0, NX); /* -0.5 */
    CHECK(arm, fp_f32_to_i32(0x3fc00000, FP_RTZ, FP_INT_ARM, c), 1, NX);
    CHECK(arm, fp_f32_to_sint(0x3fc00000, 32, 4, FP_RTZ, FP_INT_ARM, c), 24, 0); /* 1.5 * 16 */
    CHECK(arm, fp_f32_to_sint(ONE, 64, 63, FP_RTZ, FP_INT_ARM, c), INT64_MAX, NV);
    CHECK(arm, fp_f32_to_uint(0x3f7fffff, 64, 64, FP_RTZ, FP_INT_ARM, c), 0xffffff0000000000, 0);
    CHECK(arm, fp_f64_from_sint(-24, 4, c), 0xbff8000000000000, 0);
    CHECK(arm, fp_f16_from_uint(UINT64_MAX, 64, c), 0x3c00, NX);
}

static void test_arm_integers(void **state)
{
    bool z;

    (void)state;
    CHECK(arm, fp_f64_to_i32_js(0x41f0000000500000, &z, c), 5, NV); /* 2^32 + 5 */
    assert_false(z);
    CHECK(arm, fp_f64_to_i32_js(0x8000000000000000, &z, c), 0, 0);
    assert_false(z);
    CHECK(arm, fp_f64_to_i32_js(0, &z, c), 0, 0);
    assert_true(z);
    CHECK(arm, fp_f64_to_i32_js(0xbff8000000000000, &z, c), -1, NX);
    assert_false(z);
    CHECK(arm, fp_f64_to_i32_js(0xc1e0000000000000, &z, c), INT32_MIN, 0);
    assert_true(z);
    CHECK(arm, fp_f64_to_i32_js(0x41e0000000000000, &z, c), INT32_MIN, NV); /* 2^31 wraps */
    CHECK(arm, fp_f64_to_i32_js(0xc340000000000001, &z, c), -2, NV);        /* -(2^53 + 2) */
    CHECK(arm, fp_f64_to_i32_js(0x7ff0000000000000, &z, c), 0, NV);
    CHECK(arm, fp_f64_to_i32_js(0x4530000000000001, &z, c), 0, NV); /* a multiple of 2^32 */

    CHECK(arm, fp_f32_rint_range(0x4f000000, 32, FP_RTZ, c), 0xcf000000, NV); /* 2^31 */
    CHECK(arm, fp_f32_rint_range(0xcf000000, 32, FP_RTZ, c), 0xcf000000, 0);
    CHECK(arm, fp_f32_rint_range(0x4f000000, 64, FP_RTZ, c), 0x4f000000, 0);
    CHECK(arm, fp_f32_rint_range(0xbf000000, 32, FP_RTZ, c), 0x80000000, NX);
    CHECK(arm, fp_f32_rint_range(Q3, 64, FP_RNE, c), 0xdf000000, NV);
    CHECK(arm, fp_f64_rint_range(0x41dfffffffe00000, 32, FP_RNE, c), 0xc1e0000000000000, NV);
    CHECK(arm, fp_f64_rint_range(0x41dfffffffc00000, 32, FP_RNE, c), 0x41dfffffffc00000, 0);
    CHECK(arm, fp_f64_rint_range(0x41dfffffffdc0000, 32, FP_RNE, c), 0x41dfffffffc00000, NX);
}

static void test_arm_estimates(void **state)
{
    struct fp_ctx fz = {.ftz = FP_FLUSH_ARM, .daz = FP_FLUSH_ARM};

    (void)state;
    CHECK(arm, fp_f32_recip_est(ONE, c), 0x3f7f8000, 0);
    CHECK(arm, fp_f32_recip_est(0xc0000000, c), 0xbeff8000, 0);
    CHECK(arm, fp_f32_recip_est(0x00200000, c), 0x7f7f8000, 0); /* 2^-128 */
    CHECK(arm, fp_f32_recip_est(0x001fffff, c), INF, OF | NX);
    CHECK(with_rm(arm, FP_RTZ), fp_f32_recip_est(0x001fffff, c), 0x7f7fffff, OF | NX);
    CHECK(with_rm(arm, FP_RUP), fp_f32_recip_est(0x801fffff, c), 0xff7fffff, OF | NX);
    CHECK(arm, fp_f32_recip_est(0x7f000000, c), 0x003fe000, 0); /* 2^127 */
    CHECK(fz, fp_f32_recip_est(0x7f000000, c), 0, UF);
    CHECK(fz, fp_f32_recip_est(0x00200000, c), INF, DZ | IDC);
    CHECK(arm, fp_f32_recip_est(0x80000000, c), 0xff800000, DZ);
    CHECK(arm, fp_f32_recip_est(0xff800000, c), 0x80000000, 0);
    CHECK(arm, fp_f32_recip_est(S1, c), QUIET(S1), NV);
    CHECK(arm, fp_f16_recip_est(0x3c00, c), 0x3bfc, 0);
    CHECK(arm, fp_f64_recip_est(0x3ff0000000000000, c), 0x3feff00000000000, 0);
    CHECK(arm, fp_f32_rsqrt_est(ONE, c), 0x3f7f8000, 0);
    CHECK(arm, fp_f32_rsqrt_est(0x40000000, c), 0x3f348000, 0);
    CHECK(arm, fp_f32_rsqrt_est(0x40800000, c), 0x3eff8000, 0);
    CHECK(arm, fp_f32_rsqrt_est(0x00000001, c), 0x64b48000, 0); /* 2^-149: 2^74 * 1.41 */
    CHECK(arm, fp_f32_rsqrt_est(0xbf800000, c), 0x7fc00000, NV);
    CHECK(arm, fp_f32_rsqrt_est(0x80000000, c), 0xff800000, DZ);
    CHECK(arm, fp_f32_rsqrt_est(INF, c), 0, 0);
    CHECK(arm, fp_f32_recpx(ONE, c), 0x40000000, 0);
    CHECK(arm, fp_f32_recpx(0x80000001, c), 0xff000000, 0);
    CHECK(arm, fp_f32_recpx(INF, c), 0, 0);
    assert_int_equal(fp_u32_recip_est(0x80000000), 0xff800000);
    assert_int_equal(fp_u32_recip_est(0x7fffffff), 0xffffffff);
    assert_int_equal(fp_u32_recip_est(0xffffffff), 0x80000000);
    assert_int_equal(fp_u32_rsqrt_est(0x40000000), 0xff800000);
    assert_int_equal(fp_u32_rsqrt_est(0x80000000), 0xb4800000);
    assert_int_equal(fp_u32_rsqrt_est(0x3fffffff), 0xffffffff);
}

static void test_arm_steps(void **state)
{
    const uint32_t two = 0x40000000, half3 = 0x3fc00000;

    (void)state;
    CHECK(arm, fp_f32_recip_step(ONE, ONE, c), ONE, 0);
    CHECK(arm, fp_f32_recip_step(two, ONE, c), 0, 0);
    CHECK(with_rm(arm, FP_RDN), fp_f32_recip_step(two, ONE, c), 0x80000000, 0);
    CHECK(arm, fp_f32_recip_step(INF, 0x80000000, c), two, 0);
    CHECK(arm, fp_f32_recip_step(0, ONE, c), two, 0);
    CHECK(arm, fp_f32_recip_step(INF, ONE, c), 0xff800000, 0);
    CHECK(arm, fp_f32_recip_step(INF, 0xff800000, c), INF, 0);
    CHECK(arm, fp_f32_recip_step(Q3, ONE, c), Q3 ^ 0x80000000, 0);
    CHECK(arm, fp_f32_recip_step(0x3f800001, 0x3f800001, c), 0x3f7ffffc, NX); /* 1 - 2^-22 - .. */
    CHECK(arm, fp_f32_rsqrt_step(ONE, ONE, c), ONE, 0);
    CHECK(arm, fp_f32_rsqrt_step(0, INF, c), half3, 0);
    CHECK(arm, fp_f32_rsqrt_step(two, two, c), 0xbf000000, 0);
    CHECK(arm, fp_f16_rsqrt_step(0x3c00, 0x4000, c), 0x3800, 0);
    CHECK(arm, fp_f32_mulx(INF, 0x80000000, c), 0xc0000000, 0);
    CHECK(arm, fp_f32_mulx(two, two, c), 0x40800000, 0);
    CHECK(arm, fp_f64_mulx(0, 0x7ff0000000000000, c), 0x4000000000000000, 0);
    CHECK(arm, fp_f32_fma_f16(0x3e00, 0x4000, ONE, c), 0x40800000, 0); /* 1.5 * 2 + 1 */
    CHECK(arm, fp_f32_fma_f16(0x7c01, 0x4000, Q3, c), 0x7fc02000, NV);
    CHECK(arm, fp_f32_fma_f16(0x7c00, 0, Q3, c), 0x7fc00000, NV);
}

static void test_bfdot(void **state)
{
    (void)state;
    /* 10 + (1*2 + 3*4) */
    assert_int_equal(fp_f32_bfdot(0x41200000, 0x3f80, 0x4040, 0x4000, 0x4080), 0x41c00000);
    /* 1 + 2^-30 is rounded to odd */
    assert_int_equal(fp_f32_bfdot(ONE, 0x3080, 0, 0x3f80, 0), 0x3f800001);
    assert_int_equal(fp_f32_bfdot(0, 0x7f7f, 0, 0x7f7f, 0), INF);   /* overflow */
    assert_int_equal(fp_f32_bfdot(ONE, 0x0001, 0, 0x7f7f, 0), ONE); /* subnormals are zero */
    assert_int_equal(fp_f32_bfdot(0x00000001, 0, 0, 0, 0), 0);
    assert_int_equal(fp_f32_bfdot(0xffc00001, 0, 0, 0, 0), 0x7fc00000);
    assert_int_equal(fp_f32_bfdot(0, 0x7f80, 0, 0, 0), 0x7fc00000);
}

static void test_riscv(void **state)
{
    const struct fp_ctx rv = fp_ctx_make(FP_NAN_RISCV);
    static const uint32_t classes[10] = {0xff800000, 0xbf800000, 0x80000001, 0x80000000, 0,
                                         1,          ONE,        INF,        S1,         Q3};

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(fp_f32_class_riscv(classes[i]), 1u << i);
    /* Entries of the manual's tables: index 0, 6, 64, 127 and 0, 19, 64, 127. */
    CHECK(rv, fp_f32_rec7(ONE, c), 0x3f7f0000, 0);
    CHECK(rv, fp_f32_rec7(0x3f860000, c), 0x3f740000, 0);
    CHECK(rv, fp_f32_rec7(0x3fc00000, c), 0x3f2a0000, 0);
    CHECK(rv, fp_f32_rec7(0x3fff0000, c), 0x3f000000, 0);
    CHECK(rv, fp_f32_rec7(0x7f000000, c), 0x003fc000, 0); /* subnormal */
    CHECK(rv, fp_f32_rec7(1, c), INF, OF | NX);
    CHECK(with_rm(rv, FP_RDN), fp_f32_rec7(1, c), 0x7f7fffff, OF | NX);
    CHECK(rv, fp_f32_rec7(0, c), INF, DZ);
    CHECK(rv, fp_f32_rec7(S1, c), 0x7fc00000, NV);
    CHECK(rv, fp_f32_rsqrt7(0x40000000, c), 0x3f340000, 0);
    CHECK(rv, fp_f32_rsqrt7(0x40260000, c), 0x3f1e0000, 0);
    CHECK(rv, fp_f32_rsqrt7(ONE, c), 0x3f7f0000, 0);
    CHECK(rv, fp_f32_rsqrt7(0x3ffe0000, c), 0x3f350000, 0);
    CHECK(rv, fp_f32_rsqrt7(0xbf800000, c), 0x7fc00000, NV);
    CHECK(rv, fp_f64_rsqrt7(0x3ff0000000000000, c), 0x3fefe00000000000, 0);
    CHECK(rv, fp_f16_rec7(0x3c00, c), 0x3bf8, 0);
}

static void test_rounding_extras(void **state)
{
    struct fp_ctx odd = with_rm(arm, FP_ODD), away = with_rm(arm, FP_RNA);

    (void)state;
    CHECK(odd, fp_f64_to_f32(0x3ff0000000000001, c), 0x3f800001, NX); /* FCVTXN */
    CHECK(odd, fp_f64_to_f32(0x7fe0000000000000, c), 0x7f7fffff, OF | NX);
    CHECK(odd, fp_f64_to_f32(1, c), 1, UF | NX | DN);
    CHECK(away, fp_f32_rint(0x40200000, FP_RNA, true, c), 0x40400000, NX); /* 2.5 */
    CHECK(away, fp_f64_to_f32(0x3ff0000010000000, c), 0x3f800001, NX);
    CHECK(arm, fp_f32_to_bf16(0x3f808000, c), 0x3f80, NX);
    CHECK(arm, fp_f32_to_bf16(0x3f818000, c), 0x3f82, NX);
    CHECK(arm, fp_f32_scalbn(ONE, INT32_MAX, c), INF, OF | NX);
    CHECK(arm, fp_f32_scalbn(ONE, INT32_MIN, c), 0, UF | NX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nan_two),
        cmocka_unit_test(test_nan_fma),
        cmocka_unit_test(test_nan_default),
        cmocka_unit_test(test_causes),
        cmocka_unit_test(test_tininess_and_flush),
        cmocka_unit_test(test_alternative_half),
        cmocka_unit_test(test_minmax),
        cmocka_unit_test(test_integer_rules),
        cmocka_unit_test(test_arm_integers),
        cmocka_unit_test(test_arm_estimates),
        cmocka_unit_test(test_arm_steps),
        cmocka_unit_test(test_bfdot),
        cmocka_unit_test(test_riscv),
        cmocka_unit_test(test_rounding_extras),
    };

    return cmocka_run_group_tests_name("fp/rules", tests, NULL, NULL);
}
