/*
 * Software floating point: conversions between formats, and scaling.
 *
 * Owns: the 30 format pairs, Arm's alternative half precision, scalbn.
 */
#include "fp/fp_int.h"

static FP_COLD fp_u128 to_ahp_special(struct fp_num a, struct fp_ctx *c)
{
    const struct fp_format *f = &fp_fmt_f16;

    if (a.cls == FP_ZERO)
        return fp_zero(f, a.sign);
    fp_invalid(c, a.cls >= FP_SNAN ? FP_CAUSE_SNAN : FP_CAUSE_CONVERT);
    if (a.cls == FP_INF)
        return fp_pack(f, a.sign, fp_biased_max(f), fp_mask(f->prec));
    return fp_zero(f, a.sign);
}

/* To alternative half precision: overflow is invalid and nothing else. */
static FP_COLD fp_u128 to_ahp(struct fp_num a, struct fp_ctx *c)
{
    const struct fp_format *f = &fp_fmt_f16;
    uint8_t before = c->flags;
    fp_u128 r;

    c->flags = 0;
    r = fp_round_pack_to(f, f->prec, a.sign, a.exp, a.sig, (enum fp_round)c->rm, c, FP_CONV);
    c->flags = before | (c->flags & FP_FLAG_INVALID ? FP_FLAG_INVALID : c->flags);
    return r;
}

FP_INLINE fp_u128 convert(const struct fp_format *from, const struct fp_format *to, fp_u128 x,
                          struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(from, x, c, FP_CONV);

    if (fp_likely(a.cls == FP_FINITE)) {
        /* Neither VCVTPH2PS nor FST raises a denormal exception (SDM). */
        fp_denorm(c, a.denorm && !from->is_half && !from->explicit_int);
        if (to->is_half && c->ahp)
            return to_ahp(a, c);
        return fp_round_pack_to(to, to->prec, a.sign, a.exp, a.sig, (enum fp_round)c->rm, c,
                                FP_CONV);
    }
    if (to->is_half && c->ahp)
        return to_ahp_special(a, c);
    if (a.cls >= FP_QNAN)
        return fp_nan1(to, a, c);
    if (a.cls == FP_INF)
        return fp_inf(to, a.sign);
    return fp_zero(to, a.sign);
}

#define CONVERT(S, ST, D, DT)                                                     \
    DT fp_##S##_to_##D(ST a, struct fp_ctx *c)                                    \
    {                                                                             \
        return fp_from_##D(convert(&fp_fmt_##S, &fp_fmt_##D, fp_bits_##S(a), c)); \
    }
FP_CONVERSIONS(CONVERT)

static fp_u128 scalbn_op(const struct fp_format *f, fp_u128 x, int n, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH);

    if (a.cls >= FP_QNAN)
        return fp_nan1(f, a, c);
    if (a.cls == FP_INF)
        return fp_inf(f, a.sign);
    if (a.cls == FP_ZERO)
        return fp_zero(f, a.sign);
    fp_denorm(c, a.denorm);
    if (n > 100000) /* beyond any format, and the sum below does not overflow */
        n = 100000;
    if (n < -100000)
        n = -100000;
    return fp_round_pack(f, a.sign, a.exp + n, a.sig, c);
}

#define SCALBN(F, T)                                                      \
    T fp_##F##_scalbn(T a, int n, struct fp_ctx *c)                       \
    {                                                                     \
        return fp_from_##F(scalbn_op(&fp_fmt_##F, fp_bits_##F(a), n, c)); \
    }
FP_FORMATS(SCALBN)
