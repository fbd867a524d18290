/*
 * Software floating point: remainders.
 *
 * Owns: IEEE 754 remainder, and x87's FPREM and FPREM1 with their partial steps (Intel SDM vol. 2,
 * FPREM). The recurrence takes a step per bit of quotient, up to some 32,000 for f128.
 */
#include "fp/fp_int.h"

/* One division step per exponent from a.exp down to b.exp + stop; *a becomes the remainder (not
 * normalised, at exponent b.exp + stop). The quotient modulo 2^64. */
static uint64_t reduce(struct fp_num *a, const struct fp_num *b, int stop)
{
    uint64_t q = 0;

    for (int d = a->exp - b->exp;; d--) {
        bool fits = a->sig >= b->sig;

        q = q << 1 | fits;
        a->sig -= fits ? b->sig : 0;
        if (d == stop)
            break;
        a->sig <<= 1;
    }
    a->exp = b->exp + stop;
    return q;
}

static fp_u128 pack_remainder(const struct fp_format *f, struct fp_num r, bool zero_sign,
                              struct fp_ctx *c)
{
    unsigned n;

    if (r.sig == 0)
        return fp_zero(f, zero_sign);
    n = fp_clz(r.sig) - (127 - FP_LEAD);
    return fp_round_pack(f, r.sign, r.exp - (int)n, r.sig << n, c);
}

/* Both finite. *quotient gets the magnitude of n, modulo 2^64. */
static fp_u128 rem_nearest(const struct fp_format *f, struct fp_num a, struct fp_num b,
                           uint64_t *quotient, struct fp_ctx *c)
{
    bool sign = a.sign;
    fp_u128 rest;

    *quotient = 0;
    if (a.exp < b.exp - 1)
        return fp_round_pack(f, a.sign, a.exp, a.sig, c);
    if (a.exp < b.exp) {
        a.sig >>= 1; /* exact: a significand has at most 113 bits of the 127 */
        a.exp++;
    } else {
        *quotient = reduce(&a, &b, 0);
    }
    rest = b.sig - a.sig;
    if (rest < a.sig || (rest == a.sig && (*quotient & 1))) {
        a.sig = rest;
        a.sign = !a.sign;
        ++*quotient;
    }
    return pack_remainder(f, a, sign, c);
}

/* Both are not NaN. True when *result is already the remainder. */
static bool rem_special(const struct fp_format *f, struct fp_num a, struct fp_num b,
                        fp_u128 *result, struct fp_ctx *c)
{
    if (a.cls == FP_INF || b.cls == FP_ZERO) {
        *result = fp_nan_invalid(f, c, FP_CAUSE_SQRT);
        return true;
    }
    fp_denorm(c, a.denorm | b.denorm);
    if (a.cls == FP_ZERO)
        *result = fp_zero(f, a.sign);
    else if (b.cls == FP_INF)
        *result = fp_round_pack(f, a.sign, a.exp, a.sig, c);
    else
        return false;
    return true;
}

static fp_u128 rem_op(const struct fp_format *f, fp_u128 x, fp_u128 y, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH), b = fp_unpack(f, y, c, FP_ARITH);
    uint64_t quotient;
    fp_u128 result;

    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN)
        return fp_nan2(f, a, b, c);
    if (rem_special(f, a, b, &result, c))
        return result;
    return rem_nearest(f, a, b, &quotient, c);
}

#define REM(F, T)                                                                   \
    T fp_##F##_rem(T a, T b, struct fp_ctx *c)                                      \
    {                                                                               \
        return fp_from_##F(rem_op(&fp_fmt_##F, fp_bits_##F(a), fp_bits_##F(b), c)); \
    }
FP_FORMATS(REM)

struct fp_f80 fp_f80_prem(struct fp_f80 x, struct fp_f80 y, bool nearest, uint64_t *quotient,
                          bool *partial, struct fp_ctx *c)
{
    const struct fp_format *f = &fp_fmt_f80;
    struct fp_num a = fp_unpack(f, fp_bits_f80(x), c, FP_ARITH);
    struct fp_num b = fp_unpack(f, fp_bits_f80(y), c, FP_ARITH);
    int d = a.exp - b.exp;
    fp_u128 result;
    bool sign = a.sign;

    *quotient = 0;
    *partial = false;
    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN)
        return fp_from_f80(fp_nan2(f, a, b, c));
    if (rem_special(f, a, b, &result, c))
        return fp_from_f80(result);
    if (d >= 64) { /* reduce by 32 to 63 as the hardware does; the quotient is not told */
        *partial = true;
        reduce(&a, &b, d - (32 + d % 32));
        return fp_from_f80(pack_remainder(f, a, sign, c));
    }
    if (nearest)
        return fp_from_f80(rem_nearest(f, a, b, quotient, c));
    if (d < 0)
        return fp_from_f80(fp_round_pack(f, a.sign, a.exp, a.sig, c));
    *quotient = reduce(&a, &b, 0);
    return fp_from_f80(pack_remainder(f, a, sign, c));
}
