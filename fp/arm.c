/*
 * Software floating point: Arm's estimates and bfloat16 dot product.
 *
 * Owns: FRECPE, FRSQRTE, FRECPX, URECPE, URSQRTE, BFDOT. Source: Arm ARM, FPRecipEstimate,
 * FPRSqrtEstimate, FPRecpX, BFDotAdd and what they call. The fused steps are in fma.c.
 */
#include "fp/fp_int.h"

/* RecipEstimate: a in 256..511 stands for 0.5 <= x < 1; the result for 1/x, 256..511. */
static uint32_t recip_estimate(uint32_t a)
{
    return ((1u << 19) / (2 * a + 1) + 1) / 2;
}

/* RecipSqrtEstimate: a in 128..511 stands for 0.25 <= x < 1; the result for 1/sqrt(x), 256..511. */
static uint32_t rsqrt_estimate(uint32_t a)
{
    uint32_t b = 512;

    a = a < 256 ? 2 * a + 1 : (a | 1) * 2; /* the middle of an interval of two units for a >= 256 */
    while (a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

uint32_t fp_u32_recip_est(uint32_t a)
{
    return a >> 31 ? recip_estimate(a >> 23) << 23 : UINT32_MAX;
}

uint32_t fp_u32_rsqrt_est(uint32_t a)
{
    return a >> 30 ? rsqrt_estimate(a >> 23) << 23 : UINT32_MAX;
}

/* An estimate of 9 bits (integer bit included) at a biased exponent of -1 at least. */
static fp_u128 pack_estimate(const struct fp_format *f, bool sign, int biased, uint32_t estimate)
{
    fp_u128 q = (fp_u128)estimate << (f->prec - 9);

    if (biased < 1) {
        q >>= 1 - biased;
        return fp_zero(f, sign) | q;
    }
    return fp_pack(f, sign, (unsigned)biased, q);
}

static bool flushes_results(const struct fp_format *f, const struct fp_ctx *c)
{
    return f->is_half ? c->fz16 : c->ftz != FP_FLUSH_NONE;
}

static fp_u128 recip_op(const struct fp_format *f, fp_u128 x, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH);

    if (a.cls >= FP_QNAN)
        return fp_nan1(f, a, c);
    if (a.cls == FP_INF)
        return fp_zero(f, a.sign);
    if (a.cls == FP_ZERO) {
        c->flags |= FP_FLAG_DIVZERO;
        return fp_inf(f, a.sign);
    }
    if (a.exp < -f->emax - 1) /* below 2^-(emax + 1): 1/x overflows, by the rounding mode */
        return fp_round_overflow(f, f->prec, a.sign, (enum fp_round)c->rm, c, FP_ARITH);
    if (flushes_results(f, c) && a.exp >= f->emax - 1) {
        c->flags |= FP_FLAG_UNDERFLOW;
        return fp_zero(f, a.sign);
    }
    return pack_estimate(f, a.sign, f->emax - 1 - a.exp,
                         recip_estimate((uint32_t)(a.sig >> (FP_LEAD - 8))));
}

static fp_u128 rsqrt_op(const struct fp_format *f, fp_u128 x, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH);
    bool odd = a.exp & 1; /* an odd exponent is an even biased one: 0.5 <= scaled < 1 */

    if (a.cls >= FP_QNAN)
        return fp_nan1(f, a, c);
    if (a.cls == FP_ZERO) {
        c->flags |= FP_FLAG_DIVZERO;
        return fp_inf(f, a.sign);
    }
    if (a.sign)
        return fp_nan_invalid(f, c, FP_CAUSE_SQRT);
    if (a.cls == FP_INF)
        return fp_zero(f, false);
    return pack_estimate(f, false, f->emax - 1 - (a.exp - odd) / 2,
                         rsqrt_estimate((uint32_t)(a.sig >> (FP_LEAD - (odd ? 8 : 7)))));
}

static fp_u128 recpx_op(const struct fp_format *f, fp_u128 x, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH);
    unsigned max = fp_biased_max(f), biased = (unsigned)(x >> (f->prec - 1)) & max;

    if (a.cls >= FP_QNAN)
        return fp_nan1(f, a, c);
    return fp_pack(f, a.sign, biased ? ~biased & max : max - 1, 0);
}

#define ESTIMATE(F, T)                          \
    T fp_##F##_recip_est(T a, struct fp_ctx *c) \
    {                                           \
        return (T)recip_op(&fp_fmt_##F, a, c);  \
    }                                           \
    T fp_##F##_rsqrt_est(T a, struct fp_ctx *c) \
    {                                           \
        return (T)rsqrt_op(&fp_fmt_##F, a, c);  \
    }                                           \
    T fp_##F##_recpx(T a, struct fp_ctx *c)     \
    {                                           \
        return (T)recpx_op(&fp_fmt_##F, a, c);  \
    }
ESTIMATE(f16, uint16_t)
ESTIMATE(f32, uint32_t)
ESTIMATE(f64, uint64_t)

/* BFRound overflows to infinity, unlike rounding to odd elsewhere. */
static uint32_t bf_overflow(uint32_t r, struct fp_ctx *c)
{
    if (c->flags & FP_FLAG_OVERFLOW)
        r = (r & 0x80000000) | 0x7f800000;
    c->flags = 0;
    return r;
}

static uint32_t bf_mul(uint16_t a, uint16_t b, struct fp_ctx *c)
{
    return bf_overflow(fp_f32_mul((uint32_t)a << 16, (uint32_t)b << 16, c), c);
}

static uint32_t bf_add(uint32_t a, uint32_t b, struct fp_ctx *c)
{
    return bf_overflow(fp_f32_add(a, b, c), c);
}

uint32_t fp_f32_bfdot(uint32_t addend, uint16_t a0, uint16_t a1, uint16_t b0, uint16_t b1)
{
    struct fp_ctx c = {.rm = FP_ODD,
                       .nan_rule = FP_NAN_ARM,
                       .default_nan = 1,
                       .ftz = FP_FLUSH_ARM,
                       .daz = FP_FLUSH_ARM};

    return bf_add(addend, bf_add(bf_mul(a0, b0, &c), bf_mul(a1, b1, &c), &c), &c);
}
