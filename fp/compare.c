/*
 * Software floating point: comparisons, minimum and maximum, classification.
 *
 * Owns: order. The variants of minimum and maximum are in enum fp_minmax.
 */
#include "fp/fp_int.h"

/* Neither is a NaN. -0 and +0 are equal. */
FP_INLINE enum fp_rel order(const struct fp_num *a, const struct fp_num *b)
{
    int magnitude;

    if (a->cls == FP_ZERO && b->cls == FP_ZERO)
        return FP_EQUAL;
    if (a->sign != b->sign)
        return a->sign ? FP_LESS : FP_GREATER;
    if (a->cls != b->cls) /* zero < finite < infinite */
        magnitude = a->cls < b->cls ? -1 : 1;
    else if (a->cls == FP_INF)
        return FP_EQUAL;
    else if (a->exp != b->exp)
        magnitude = a->exp < b->exp ? -1 : 1;
    else if (a->sig != b->sig)
        magnitude = a->sig < b->sig ? -1 : 1;
    else
        return FP_EQUAL;
    return (enum fp_rel)(a->sign ? -magnitude : magnitude);
}

FP_INLINE enum fp_rel cmp_op(const struct fp_format *f, fp_u128 x, fp_u128 y, bool signalling,
                             struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH), b = fp_unpack(f, y, c, FP_ARITH);

    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN) {
        if (a.cls >= FP_SNAN || b.cls >= FP_SNAN)
            fp_invalid(c, FP_CAUSE_SNAN);
        if (signalling)
            fp_invalid(c, FP_CAUSE_COMPARE);
        return FP_UNORDERED;
    }
    fp_denorm(c, a.denorm | b.denorm);
    return order(&a, &b);
}

/* The operand as a result: flushed ones are zero. */
FP_INLINE fp_u128 chosen(const struct fp_format *f, struct fp_num n, struct fp_ctx *c)
{
    if (n.cls == FP_FINITE)
        return fp_round_pack(f, n.sign, n.exp, n.sig, c);
    if (n.cls == FP_INF)
        return fp_inf(f, n.sign);
    return fp_zero(f, n.sign);
}

/* MINSS and the like choose: a NaN passes unquieted, and only operands are flushed, not results. */
static fp_u128 minmax_x86(const struct fp_format *f, enum fp_minmax kind, struct fp_num a,
                          struct fp_num b, fp_u128 x, fp_u128 y, struct fp_ctx *c)
{
    enum fp_rel rel;

    x = a.cls == FP_ZERO ? fp_zero(f, a.sign) : x;
    y = b.cls == FP_ZERO ? fp_zero(f, b.sign) : y;
    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN) {
        fp_invalid(c, FP_CAUSE_COMPARE);
        return y;
    }
    fp_denorm(c, a.denorm | b.denorm);
    rel = order(&a, &b);
    return rel == (kind == FP_MIN_X86 ? FP_LESS : FP_GREATER) ? x : y;
}

/* At least one is a NaN. */
static FP_COLD fp_u128 minmax_nan(const struct fp_format *f, enum fp_minmax kind, struct fp_num a,
                                  struct fp_num b, struct fp_ctx *c)
{
    bool propagate = kind == FP_MIN || kind == FP_MAX;
    bool number_2019 = kind == FP_MINNUM_2019 || kind == FP_MAXNUM_2019;
    bool signalling = a.cls >= FP_SNAN || b.cls >= FP_SNAN;
    bool both = a.cls >= FP_QNAN && b.cls >= FP_QNAN;

    if (propagate || both || (signalling && !number_2019))
        return fp_nan2(f, a, b, c);
    if (signalling)
        fp_invalid(c, FP_CAUSE_SNAN);
    return chosen(f, a.cls >= FP_QNAN ? b : a, c);
}

FP_INLINE fp_u128 minmax_op(const struct fp_format *f, enum fp_minmax kind, fp_u128 x, fp_u128 y,
                            struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH), b = fp_unpack(f, y, c, FP_ARITH), m, n;
    bool max = kind == FP_MAX || kind == FP_MAXNUM_2008 || kind == FP_MAXNUM_2019 ||
               kind == FP_MAXMAG_2008;
    enum fp_rel rel = FP_EQUAL;

    if (kind == FP_MIN_X86 || kind == FP_MAX_X86)
        return minmax_x86(f, kind, a, b, x, y, c);
    if (a.cls >= FP_QNAN || b.cls >= FP_QNAN)
        return minmax_nan(f, kind, a, b, c);
    fp_denorm(c, a.denorm | b.denorm);
    if (kind == FP_MINMAG_2008 || kind == FP_MAXMAG_2008) {
        m = a, n = b;
        m.sign = n.sign = false;
        rel = order(&m, &n);
    }
    if (rel == FP_EQUAL)
        rel = order(&a, &b);
    if (rel == FP_EQUAL) /* the same but perhaps for the sign of zero: -0 is the lesser */
        rel = a.sign ? FP_LESS : FP_GREATER;
    return chosen(f, (rel == FP_GREATER) == max ? a : b, c);
}

static uint32_t class_op(const struct fp_format *f, fp_u128 x)
{
    struct fp_ctx c = {0};
    struct fp_num n = fp_unpack(f, x, &c, FP_ARITH);

    switch ((enum fp_class)n.cls) {
    case FP_INF:
        return n.sign ? 1u << 0 : 1u << 7;
    case FP_FINITE:
        if (n.denorm)
            return n.sign ? 1u << 2 : 1u << 5;
        return n.sign ? 1u << 1 : 1u << 6;
    case FP_ZERO:
        return n.sign ? 1u << 3 : 1u << 4;
    case FP_QNAN:
        return 1u << 9;
    default:
        return 1u << 8;
    }
}

static enum fp_class nan_class(const struct fp_format *f, fp_u128 x, enum fp_nan_rule rule)
{
    struct fp_ctx c = {.nan_rule = (uint8_t)rule};

    return (enum fp_class)fp_unpack(f, x, &c, FP_ARITH).cls;
}

#define COMPARE(F, T)                                                                            \
    enum fp_rel fp_##F##_cmp(T a, T b, struct fp_ctx *c)                                         \
    {                                                                                            \
        return cmp_op(&fp_fmt_##F, fp_bits_##F(a), fp_bits_##F(b), false, c);                    \
    }                                                                                            \
    enum fp_rel fp_##F##_cmps(T a, T b, struct fp_ctx *c)                                        \
    {                                                                                            \
        return cmp_op(&fp_fmt_##F, fp_bits_##F(a), fp_bits_##F(b), true, c);                     \
    }                                                                                            \
    T fp_##F##_minmax(enum fp_minmax kind, T a, T b, struct fp_ctx *c)                           \
    {                                                                                            \
        return fp_from_##F(minmax_op(&fp_fmt_##F, kind, fp_bits_##F(a), fp_bits_##F(b), c));     \
    }                                                                                            \
    uint32_t fp_##F##_class_riscv(T a)                                                           \
    {                                                                                            \
        return class_op(&fp_fmt_##F, fp_bits_##F(a));                                            \
    }                                                                                            \
    bool fp_##F##_is_nan(T a)                                                                    \
    {                                                                                            \
        enum fp_class cls = nan_class(&fp_fmt_##F, fp_bits_##F(a), FP_NAN_ARM);                  \
                                                                                                 \
        return cls == FP_QNAN || cls == FP_SNAN;                                                 \
    }                                                                                            \
    bool fp_##F##_is_snan(T a, const struct fp_ctx *c)                                           \
    {                                                                                            \
        return nan_class(&fp_fmt_##F, fp_bits_##F(a), (enum fp_nan_rule)c->nan_rule) == FP_SNAN; \
    }                                                                                            \
    T fp_##F##_default_nan(const struct fp_ctx *c)                                               \
    {                                                                                            \
        return fp_from_##F(fp_nan_default(&fp_fmt_##F, c));                                      \
    }
FP_FORMATS(COMPARE)
