/*
 * Software floating point: RISC-V V's seven-bit estimates.
 *
 * Owns: vfrec7 and vfrsqrt7 (RISC-V unprivileged ISA, ch. V, "Vector Floating-Point Reciprocal
 * (Square-Root) Estimate"). The manual's tables are the roundings to nearest of the function at the
 * middle of each interval, which is how they are computed here.
 */
#include "fp/fp_int.h"

/* Fraction of 2/x for x = 1 + (i + 1/2) / 128. */
static uint32_t recip_entry(uint32_t i)
{
    uint32_t d = 257 + 2 * i;

    return ((1u << 17) + d) / (2 * d) - 128;
}

/* Fraction of 2/sqrt(x) for x = 1 + (i + 1/2) / 64, or its double when the exponent is odd. */
static uint32_t rsqrt_entry(uint32_t i, bool odd)
{
    uint32_t x = (129 + 2 * i) << odd, r = 256;

    while ((2 * r - 1) * (2 * r - 1) * (uint64_t)x > 1u << 25)
        r--;
    return r - 128;
}

static fp_u128 pack7(const struct fp_format *f, bool sign, int biased, uint32_t entry)
{
    fp_u128 q = (fp_u128)(128 + entry) << (f->prec - 8);

    if (biased < 1) { /* subnormal, by truncation */
        q >>= 1 - biased;
        return fp_zero(f, sign) | q;
    }
    return fp_pack(f, sign, (unsigned)biased, q);
}

static fp_u128 rec7_op(const struct fp_format *f, fp_u128 x, struct fp_ctx *c)
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
    if (a.exp < -f->emax - 1)
        return fp_round_overflow(f, f->prec, a.sign, (enum fp_round)c->rm, c, FP_ARITH);
    return pack7(f, a.sign, f->emax - 1 - a.exp,
                 recip_entry((uint32_t)(a.sig >> (FP_LEAD - 7)) & 127));
}

static fp_u128 rsqrt7_op(const struct fp_format *f, fp_u128 x, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH);
    bool odd = a.exp & 1;

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
    return pack7(f, false, f->emax - 1 - (a.exp - odd) / 2,
                 rsqrt_entry((uint32_t)(a.sig >> (FP_LEAD - 6)) & 63, odd));
}

#define ESTIMATE7(F, T)                         \
    T fp_##F##_rec7(T a, struct fp_ctx *c)      \
    {                                           \
        return (T)rec7_op(&fp_fmt_##F, a, c);   \
    }                                           \
    T fp_##F##_rsqrt7(T a, struct fp_ctx *c)    \
    {                                           \
        return (T)rsqrt7_op(&fp_fmt_##F, a, c); \
    }
ESTIMATE7(f16, uint16_t)
ESTIMATE7(f32, uint32_t)
ESTIMATE7(f64, uint64_t)
