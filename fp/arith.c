/*
 * Software floating point: add, sub, mul, div, and FMULX.
 *
 * Owns: the special cases of the two-operand operations; the finite cores of add and mul are in
 * fp_int.h because fma shares them. Never knows: see fp_int.h.
 */
#include "fp/fp_int.h"

/* A finite or zero operand that is itself the result: it may still be flushed or shortened. */
FP_INLINE fp_u128 pass_through(const struct fp_format *f, struct fp_num n, struct fp_ctx *c)
{
    return fp_round_pack_to(f, fp_arith_prec(f, c), n.sign, n.exp, n.sig, (enum fp_round)c->rm, c,
                            FP_ARITH);
}

FP_INLINE fp_u128 add_special(const struct fp_format *f, struct fp_num a, struct fp_num b,
                              struct fp_ctx *c)
{
    if (a.cls == FP_INF && b.cls == FP_INF && a.sign != b.sign)
        return fp_nan_invalid(f, c, FP_CAUSE_INF_SUB);
    fp_denorm(c, a.denorm | b.denorm);
    if (a.cls == FP_INF || b.cls == FP_INF)
        return fp_inf(f, a.cls == FP_INF ? a.sign : b.sign);
    if (a.cls == FP_FINITE)
        return pass_through(f, a, c);
    if (b.cls == FP_FINITE)
        return pass_through(f, b, c);
    return fp_zero(f, a.sign == b.sign ? a.sign : fp_zero_sum_sign(c));
}

FP_INLINE fp_u128 add_op(const struct fp_format *f, fp_u128 x, fp_u128 y, bool negate,
                         struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH), b = fp_unpack(f, y, c, FP_ARITH);

    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN)
        return fp_nan2(f, a, b, c);
    b.sign ^= negate;
    if (!fp_likely(a.cls == FP_FINITE && b.cls == FP_FINITE))
        return add_special(f, a, b, c);
    fp_denorm(c, a.denorm | b.denorm);
    return fp_add_finite(f, fp_arith_prec(f, c), a, b, c);
}

/* extended: FMULX. */
FP_INLINE fp_u128 mul_op(const struct fp_format *f, fp_u128 x, fp_u128 y, bool extended,
                         struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH), b = fp_unpack(f, y, c, FP_ARITH), r;

    if (fp_likely(a.cls == FP_FINITE && b.cls == FP_FINITE)) {
        fp_denorm(c, a.denorm | b.denorm);
        r = fp_mul_finite(f, a, b);
        return fp_round_pack_to(f, fp_arith_prec(f, c), r.sign, r.exp, r.sig, (enum fp_round)c->rm,
                                c, FP_ARITH);
    }
    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN)
        return fp_nan2(f, a, b, c);
    if ((a.cls == FP_INF && b.cls == FP_ZERO) || (a.cls == FP_ZERO && b.cls == FP_INF)) {
        if (extended)
            return fp_pack(f, a.sign ^ b.sign, (unsigned)f->emax + 1, FP_ONE << (f->prec - 1));
        return fp_nan_invalid(f, c, FP_CAUSE_INF_MUL);
    }
    fp_denorm(c, a.denorm | b.denorm);
    if (a.cls == FP_INF || b.cls == FP_INF)
        return fp_inf(f, a.sign ^ b.sign);
    return fp_zero(f, a.sign ^ b.sign);
}

/*
 * floor(r * 2^60 / d) for r < d, 2^124 <= d < 2^125; r becomes the remainder. The estimate by the
 * high halves is at most 3 too small, so the first remainder fits 128 bits.
 */
static uint64_t divide_digit(fp_u128 *r, fp_u128 d)
{
    uint64_t q = (uint64_t)((*r >> 64 << 60) / ((uint64_t)(d >> 64) + 1));

    *r = (*r << 60) - q * d;
    while (*r >= d) {
        *r -= d;
        q++;
    }
    return q;
}

/* Quotient of two normalised significands, leading bit 126 or 125, lowest bit sticky. */
FP_INLINE fp_u128 divide_sigs(const struct fp_format *f, fp_u128 a, fp_u128 b)
{
    if (f->prec <= 30) {
        uint64_t n = (uint64_t)(a >> 64), d = (uint64_t)(b >> 95); /* 63 and 32 bits */
        uint64_t q = n / d;

        return (fp_u128)q << 95 | (n % d != 0);
    }
    if (f->prec <= 60) { /* 63 or 62 bits of quotient */
        uint64_t d = (uint64_t)(b >> 63);
        fp_u128 q = (a >> 1) / d;

        return q << 64 | (q * d != a >> 1);
    }
    if (f->prec <= 64) { /* two digits of 64 bits */
        uint64_t d = (uint64_t)(b >> 63);
        fp_u128 n = a >> 1, q1 = n / d, r = n - q1 * d, q2;

        n = r << 64;
        q2 = n / d;
        return (q1 << 64 | q2) | (n != q2 * d);
    } else {
        fp_u128 d = b >> 2, r = a >> 2, q = r >= d;

        r -= q ? d : 0;
        for (unsigned i = 0; i < 2; i++)
            q = q << 60 | divide_digit(&r, d);
        return q << 6 | (r != 0);
    }
}

FP_INLINE fp_u128 div_op(const struct fp_format *f, fp_u128 x, fp_u128 y, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH), b = fp_unpack(f, y, c, FP_ARITH);
    bool sign = a.sign ^ b.sign;
    fp_u128 q;
    int exp;

    if (fp_likely(a.cls == FP_FINITE && b.cls == FP_FINITE)) {
        fp_denorm(c, a.denorm | b.denorm);
        q = divide_sigs(f, a.sig, b.sig);
        exp = a.exp - b.exp;
        if (!(q >> FP_LEAD)) {
            q = q << 1; /* the sticky bit moves up by one, far below the last bit */
            exp--;
        }
        return fp_round_pack_to(f, fp_arith_prec(f, c), sign, exp, q, (enum fp_round)c->rm, c,
                                FP_ARITH);
    }
    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN)
        return fp_nan2(f, a, b, c);
    if (a.cls == b.cls)
        return fp_nan_invalid(f, c, a.cls == FP_INF ? FP_CAUSE_INF_DIV : FP_CAUSE_ZERO_DIV);
    if (a.cls == FP_INF || b.cls == FP_ZERO) {
        if (a.cls != FP_INF)
            c->flags |= FP_FLAG_DIVZERO;
        else
            fp_denorm(c, b.denorm);
        return fp_inf(f, sign);
    }
    fp_denorm(c, a.denorm | b.denorm);
    return fp_zero(f, sign);
}

#define ARITH(F, T)                                                                        \
    T fp_##F##_add(T a, T b, struct fp_ctx *c)                                             \
    {                                                                                      \
        return fp_from_##F(add_op(&fp_fmt_##F, fp_bits_##F(a), fp_bits_##F(b), false, c)); \
    }                                                                                      \
    T fp_##F##_sub(T a, T b, struct fp_ctx *c)                                             \
    {                                                                                      \
        return fp_from_##F(add_op(&fp_fmt_##F, fp_bits_##F(a), fp_bits_##F(b), true, c));  \
    }                                                                                      \
    T fp_##F##_mul(T a, T b, struct fp_ctx *c)                                             \
    {                                                                                      \
        return fp_from_##F(mul_op(&fp_fmt_##F, fp_bits_##F(a), fp_bits_##F(b), false, c)); \
    }                                                                                      \
    T fp_##F##_mulx(T a, T b, struct fp_ctx *c)                                            \
    {                                                                                      \
        return fp_from_##F(mul_op(&fp_fmt_##F, fp_bits_##F(a), fp_bits_##F(b), true, c));  \
    }                                                                                      \
    T fp_##F##_div(T a, T b, struct fp_ctx *c)                                             \
    {                                                                                      \
        return fp_from_##F(div_op(&fp_fmt_##F, fp_bits_##F(a), fp_bits_##F(b), c));        \
    }
FP_FORMATS(ARITH)
