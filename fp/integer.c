/*
 * Software floating point: integers. Rounding to integral values, conversions to and from integers
 * and fixed point, Arm's FRINT32/64 and FJCVTZS.
 *
 * Owns: what a conversion gives when the integer cannot hold the value (enum fp_int_rule).
 */
#include "fp/fp_int.h"

/*
 * sig * 2^(exp - FP_LEAD) rounded to an integer, exp <= FP_LEAD. *inexact and *grew tell of the
 * rounding.
 */
FP_INLINE fp_u128 round_to_integer(bool sign, int exp, fp_u128 sig, enum fp_round rm, bool *inexact,
                                   bool *grew)
{
    unsigned cut = exp < -1 ? FP_LEAD + 1u : (unsigned)(FP_LEAD - exp);
    fp_u128 rem, q;

    *inexact = *grew = false;
    if (cut == 0)
        return sig;
    if (exp < -1)
        sig = 1; /* below one half, whatever the digits */
    rem = sig & fp_mask(cut);
    q = sig >> cut;
    if (rem) {
        *inexact = true;
        *grew = fp_round_grows(rm, sign, rem, FP_ONE << (cut - 1), q & 1);
    }
    return q + *grew;
}

static fp_u128 pack_integer(const struct fp_format *f, bool sign, fp_u128 q)
{
    unsigned n;

    if (q == 0)
        return fp_zero(f, sign);
    n = fp_clz(q) - (127 - FP_LEAD); /* exact, and far from overflow: q < 2^prec or its end */
    return fp_pack(f, sign, (unsigned)(FP_LEAD - (int)n + f->emax),
                   (q << n) >> (FP_LEAD + 1 - f->prec));
}

FP_INLINE fp_u128 rint_op(const struct fp_format *f, fp_u128 x, enum fp_round rm, bool exact,
                          struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH);
    bool inexact, grew;
    fp_u128 q;

    if (a.cls >= FP_QNAN)
        return fp_nan1(f, a, c);
    if (a.cls == FP_INF)
        return fp_inf(f, a.sign);
    if (a.cls == FP_ZERO)
        return fp_zero(f, a.sign);
    fp_denorm(c, a.denorm && c->nan_rule == FP_NAN_X87); /* FRNDINT does, ROUNDSS does not */
    if (a.exp >= f->prec - 1)
        return x;
    q = round_to_integer(a.sign, a.exp, a.sig, rm, &inexact, &grew);
    if (exact)
        c->flags |= (inexact ? FP_FLAG_INEXACT : 0) | (grew ? FP_FLAG_ROUNDED_UP : 0);
    return pack_integer(f, a.sign, q);
}

/* The result of an invalid conversion, zero-extended from `bits`; `above`: +overflow. */
static FP_COLD uint64_t integer_invalid(struct fp_num a, unsigned bits, bool is_signed,
                                        enum fp_int_rule rule, struct fp_ctx *c)
{
    uint64_t ones = UINT64_MAX >> (64 - bits);
    uint64_t max = is_signed ? ones >> 1 : ones, min = is_signed ? max + 1 : 0;
    bool nan = a.cls >= FP_QNAN;

    fp_invalid(c, FP_CAUSE_CONVERT);
    if (a.cls >= FP_SNAN)
        fp_invalid(c, FP_CAUSE_SNAN);
    switch (rule) {
    case FP_INT_ARM:
        return nan ? 0 : a.sign ? min : max;
    case FP_INT_RISCV:
        return nan || !a.sign ? max : min;
    case FP_INT_X86:
        return is_signed ? min : max;
    case FP_INT_PPC:
        return nan || a.sign ? min : max;
    case FP_INT_MIPS:
        return max;
    case FP_INT_SPARC:
        return a.sign ? min : max;
    }
    return min;
}

/* Two's complement in 64 bits. */
FP_INLINE uint64_t to_int_op(const struct fp_format *f, fp_u128 x, unsigned bits, bool is_signed,
                             unsigned frac, enum fp_round rm, enum fp_int_rule rule,
                             struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH);
    fp_u128 q, limit;
    bool inexact, grew;

    if (a.cls == FP_ZERO)
        return 0;
    a.exp += (int)frac;
    if (a.cls != FP_FINITE || a.exp > 64)
        return integer_invalid(a, bits, is_signed, rule, c);
    q = round_to_integer(a.sign, a.exp, a.sig, rm, &inexact, &grew);
    if (is_signed)
        limit = (FP_ONE << (bits - 1)) - !a.sign;
    else
        limit = a.sign ? 0 : fp_mask(bits);
    if (q > limit)
        return integer_invalid(a, bits, is_signed, rule, c);
    c->flags |= (inexact ? FP_FLAG_INEXACT : 0) | (grew ? FP_FLAG_ROUNDED_UP : 0);
    return a.sign ? 0 - (uint64_t)q : (uint64_t)q;
}

static int64_t sign_extend(uint64_t v, unsigned bits)
{
    return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

FP_INLINE fp_u128 from_int_op(const struct fp_format *f, bool sign, uint64_t magnitude,
                              unsigned frac, struct fp_ctx *c)
{
    unsigned n;

    if (magnitude == 0)
        return fp_zero(f, false);
    n = (unsigned)__builtin_clzll(magnitude);
    return fp_round_pack_to(f, f->prec, sign, 63 - (int)n - (int)frac,
                            (fp_u128)(magnitude << n) << (FP_LEAD - 63), (enum fp_round)c->rm, c,
                            FP_ARITH);
}

#define INTEGER(F, T)                                                                             \
    T fp_##F##_rint(T a, enum fp_round rm, bool exact, struct fp_ctx *c)                          \
    {                                                                                             \
        return fp_from_##F(rint_op(&fp_fmt_##F, fp_bits_##F(a), rm, exact, c));                   \
    }                                                                                             \
    int64_t fp_##F##_to_sint(T a, unsigned bits, unsigned frac, enum fp_round rm,                 \
                             enum fp_int_rule rule, struct fp_ctx *c)                             \
    {                                                                                             \
        return sign_extend(to_int_op(&fp_fmt_##F, fp_bits_##F(a), bits, true, frac, rm, rule, c), \
                           bits);                                                                 \
    }                                                                                             \
    uint64_t fp_##F##_to_uint(T a, unsigned bits, unsigned frac, enum fp_round rm,                \
                              enum fp_int_rule rule, struct fp_ctx *c)                            \
    {                                                                                             \
        return to_int_op(&fp_fmt_##F, fp_bits_##F(a), bits, false, frac, rm, rule, c);            \
    }                                                                                             \
    T fp_##F##_from_sint(int64_t v, unsigned frac, struct fp_ctx *c)                              \
    {                                                                                             \
        uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;                               \
                                                                                                  \
        return fp_from_##F(from_int_op(&fp_fmt_##F, v < 0, magnitude, frac, c));                  \
    }                                                                                             \
    T fp_##F##_from_uint(uint64_t v, unsigned frac, struct fp_ctx *c)                             \
    {                                                                                             \
        return fp_from_##F(from_int_op(&fp_fmt_##F, false, v, frac, c));                          \
    }
FP_FORMATS(INTEGER)

/* Arm ARM FPRoundIntN. */
static fp_u128 rint_range(const struct fp_format *f, fp_u128 x, unsigned bits, enum fp_round rm,
                          struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH);
    fp_u128 q, least = fp_pack(f, true, (unsigned)((int)bits - 1 + f->emax), 0);
    bool inexact, grew;

    if (a.cls == FP_ZERO)
        return fp_zero(f, a.sign);
    if (a.cls != FP_FINITE || a.exp >= 64) {
        fp_invalid(c, FP_CAUSE_CONVERT);
        return least;
    }
    q = round_to_integer(a.sign, a.exp, a.sig, rm, &inexact, &grew);
    if (q > (FP_ONE << (bits - 1)) - !a.sign) {
        fp_invalid(c, FP_CAUSE_CONVERT);
        return least;
    }
    c->flags |= inexact ? FP_FLAG_INEXACT : 0;
    return pack_integer(f, a.sign, q);
}

uint32_t fp_f32_rint_range(uint32_t a, unsigned bits, enum fp_round rm, struct fp_ctx *c)
{
    return fp_from_f32(rint_range(&fp_fmt_f32, a, bits, rm, c));
}

uint64_t fp_f64_rint_range(uint64_t a, unsigned bits, enum fp_round rm, struct fp_ctx *c)
{
    return fp_from_f64(rint_range(&fp_fmt_f64, a, bits, rm, c));
}

/* Arm ARM FPToFixedJS. */
int32_t fp_f64_to_i32_js(uint64_t x, bool *z, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(&fp_fmt_f64, x, c, FP_ARITH);
    bool inexact, grew;
    fp_u128 q;

    *z = false;
    if (a.cls == FP_ZERO) {
        *z = !a.sign;
        return 0;
    }
    if (a.cls != FP_FINITE) {
        fp_invalid(c, a.cls >= FP_SNAN ? FP_CAUSE_SNAN : FP_CAUSE_CONVERT);
        return 0;
    }
    if (a.exp > FP_LEAD) {
        fp_invalid(c, FP_CAUSE_CONVERT);
        return 0; /* a multiple of 2^32: the last of 53 bits weighs 2^75 at least */
    }
    q = round_to_integer(a.sign, a.exp, a.sig, FP_RTZ, &inexact, &grew);
    if (q > (FP_ONE << 31) - !a.sign) {
        fp_invalid(c, FP_CAUSE_CONVERT);
    } else {
        c->flags |= inexact ? FP_FLAG_INEXACT : 0;
        *z = !inexact;
    }
    return (int32_t)(a.sign ? 0 - (uint32_t)q : (uint32_t)q);
}
