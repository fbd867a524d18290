/*
 * Software floating point: fused multiply-add, and Arm's fused steps.
 *
 * Owns: a * b + addend with one rounding, and what is made of it: FMLAL's mixed formats, FRECPS,
 * FRSQRTS. For f64 and narrower the product is exact in 128 bits and the sum is add's; f80 and
 * f128 are summed in 256 bits.
 */
#include "fp/fp_int.h"

struct wide { /* a significand of 256 bits, leading bit FP_LEAD of hi */
    fp_u128 hi, lo;
};

FP_INLINE struct wide wide_shift_right_jam(struct wide v, unsigned n)
{
    bool lost;

    if (n == 0)
        return v;
    if (n >= 256)
        return (struct wide){0, (v.hi | v.lo) != 0};
    if (n >= 128) {
        lost = v.lo != 0 || (n > 128 && (v.hi << (256 - n)) != 0);
        return (struct wide){0, v.hi >> (n - 128) | lost};
    }
    lost = (v.lo << (128 - n)) != 0;
    return (struct wide){v.hi >> n, v.lo >> n | v.hi << (128 - n) | lost};
}

FP_INLINE bool wide_less(struct wide a, struct wide b)
{
    return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

/* The product of two finite numbers, exactly. */
static struct wide wide_product(struct fp_num a, struct fp_num b, int *exp)
{
    struct wide p;
    unsigned n;

    p.hi = fp_mul_wide(a.sig, b.sig, &p.lo); /* leading bit 252 or 253 */
    n = 254 - (255 - fp_clz(p.hi));
    p.hi = p.hi << n | p.lo >> (128 - n);
    p.lo <<= n;
    *exp = a.exp + b.exp + 2 - (int)n;
    return p;
}

FP_INLINE fp_u128 fma_wide(const struct fp_format *f, struct fp_num a, struct fp_num b,
                           struct fp_num z, struct fp_ctx *c)
{
    bool sign = a.sign ^ b.sign;
    int exp;
    struct wide p = wide_product(a, b, &exp), q = {z.sig, 0}, t;
    unsigned n;

    if (exp < z.exp || (exp == z.exp && wide_less(p, q))) {
        bool s = sign;
        int e = exp;

        t = p, p = q, q = t;
        sign = z.sign, z.sign = s;
        exp = z.exp, z.exp = e;
    }
    q = wide_shift_right_jam(q, (unsigned)(exp - z.exp));
    if (sign == z.sign) {
        t.lo = p.lo + q.lo;
        t.hi = p.hi + q.hi + (t.lo < p.lo);
        if (t.hi >> (FP_LEAD + 1)) {
            t = wide_shift_right_jam(t, 1);
            exp++;
        }
    } else {
        t.hi = p.hi - q.hi - (p.lo < q.lo);
        t.lo = p.lo - q.lo;
        if ((t.hi | t.lo) == 0)
            return fp_zero(f, fp_zero_sum_sign(c));
        if (t.hi == 0) { /* 127 and not 128: an unused bit stays above FP_LEAD */
            t.hi = t.lo >> 1;
            t.lo <<= 127;
            exp -= 127;
            if (t.hi == 0)
                return fp_round_pack(f, sign, exp - 127, t.lo >> 1, c);
        }
        n = fp_clz(t.hi) - (127 - FP_LEAD);
        if (n) {
            t.hi = t.hi << n | t.lo >> (128 - n);
            t.lo <<= n;
        }
        exp -= (int)n;
    }
    return fp_round_pack(f, sign, exp, t.hi | (t.lo != 0), c);
}

/* No NaN among the operands, but not all are finite and nonzero. */
FP_INLINE fp_u128 fma_special(const struct fp_format *f, struct fp_num a, struct fp_num b,
                              struct fp_num z, struct fp_ctx *c)
{
    bool sign = a.sign ^ b.sign;
    bool product_inf = a.cls == FP_INF || b.cls == FP_INF;
    bool product_zero = a.cls == FP_ZERO || b.cls == FP_ZERO;

    if (product_inf && product_zero)
        return fp_nan_invalid(f, c, FP_CAUSE_INF_MUL);
    if (product_inf && z.cls == FP_INF && sign != z.sign)
        return fp_nan_invalid(f, c, FP_CAUSE_INF_SUB);
    fp_denorm(c, a.denorm | b.denorm | z.denorm);
    if (product_inf || z.cls == FP_INF)
        return fp_inf(f, product_inf ? sign : z.sign);
    if (!product_zero) { /* so the addend is zero */
        struct fp_num r = fp_mul_finite(f, a, b);

        return fp_round_pack(f, r.sign, r.exp, r.sig, c);
    }
    if (z.cls == FP_FINITE)
        return fp_round_pack(f, z.sign, z.exp, z.sig, c);
    return fp_zero(f, sign == z.sign ? sign : fp_zero_sum_sign(c));
}

FP_INLINE fp_u128 fma_nums(const struct fp_format *f, struct fp_num a, struct fp_num b,
                           struct fp_num z, struct fp_ctx *c)
{
    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN || z.cls >= FP_QNAN)
        return fp_nan3(f, a, b, z, c);
    if (!fp_likely(a.cls == FP_FINITE && b.cls == FP_FINITE && z.cls == FP_FINITE))
        return fma_special(f, a, b, z, c);
    fp_denorm(c, a.denorm | b.denorm | z.denorm);
    if (f->prec <= 60)
        return fp_add_finite(f, f->prec, fp_mul_finite(f, a, b), z, c);
    return fma_wide(f, a, b, z, c);
}

#define FMA(F, T)                                                         \
    T fp_##F##_fma(T a, T b, T addend, struct fp_ctx *c)                  \
    {                                                                     \
        const struct fp_format *f = &fp_fmt_##F;                          \
        /* Arm flushes, and so flags, in any order. */                    \
        struct fp_num x = fp_unpack(f, fp_bits_##F(a), c, FP_ARITH);      \
        struct fp_num y = fp_unpack(f, fp_bits_##F(b), c, FP_ARITH);      \
        struct fp_num z = fp_unpack(f, fp_bits_##F(addend), c, FP_ARITH); \
                                                                          \
        return fp_from_##F(fma_nums(f, x, y, z, c));                      \
    }
FP_FORMATS(FMA)

uint32_t fp_f32_fma_f16(uint16_t a, uint16_t b, uint32_t addend, struct fp_ctx *c)
{
    struct fp_num x = fp_unpack(&fp_fmt_f16, a, c, FP_ARITH);
    struct fp_num y = fp_unpack(&fp_fmt_f16, b, c, FP_ARITH);
    struct fp_num z = fp_unpack(&fp_fmt_f32, addend, c, FP_ARITH);

    return fp_from_f32(fma_nums(&fp_fmt_f32, x, y, z, c));
}

/* (constant - a * b) / 2^halve, Arm ARM FPRecipStepFused, FPRSqrtStepFused. */
FP_INLINE fp_u128 step_op(const struct fp_format *f, fp_u128 x, fp_u128 y, struct fp_num constant,
                          unsigned halve, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x ^ FP_ONE << (f->width - 1), c, FP_ARITH);
    struct fp_num b = fp_unpack(f, y, c, FP_ARITH);

    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN)
        return fp_nan2(f, a, b, c);
    constant.exp -= (int)halve;
    if (a.cls == FP_FINITE && b.cls == FP_FINITE) {
        fp_denorm(c, a.denorm | b.denorm);
        a = fp_mul_finite(f, a, b);
        a.exp -= (int)halve;
        return fp_add_finite(f, f->prec, a, constant, c);
    }
    if ((a.cls == FP_INF) != (b.cls == FP_INF) ? a.cls != FP_ZERO && b.cls != FP_ZERO
                                               : a.cls == FP_INF)
        return fp_inf(f, a.sign ^ b.sign);
    return fp_round_pack(f, false, constant.exp, constant.sig, c); /* the product is zero */
}

#define STEP(F, T)                                                                              \
    T fp_##F##_recip_step(T a, T b, struct fp_ctx *c)                                           \
    {                                                                                           \
        struct fp_num two = {.sig = FP_ONE << FP_LEAD, .exp = 1, .cls = FP_FINITE};             \
                                                                                                \
        return (T)step_op(&fp_fmt_##F, a, b, two, 0, c);                                        \
    }                                                                                           \
    T fp_##F##_rsqrt_step(T a, T b, struct fp_ctx *c)                                           \
    {                                                                                           \
        struct fp_num three = {.sig = FP_ONE * 3 << (FP_LEAD - 1), .exp = 1, .cls = FP_FINITE}; \
                                                                                                \
        return (T)step_op(&fp_fmt_##F, a, b, three, 1, c);                                      \
    }
STEP(f16, uint16_t)
STEP(f32, uint32_t)
STEP(f64, uint64_t)
