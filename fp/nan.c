/*
 * Software floating point: NaNs.
 *
 * Owns: the default NaN of each rule and the choice among NaN operands (see enum fp_nan_rule).
 * Never knows: which operation asks, but that the three-operand one is a fused multiply-add.
 */
#include "fp/fp_int.h"

static bool always_default(const struct fp_ctx *c)
{
    return c->default_nan || c->nan_rule == FP_NAN_RISCV;
}

fp_u128 fp_nan_default(const struct fp_format *f, const struct fp_ctx *c)
{
    fp_u128 int_bit = FP_ONE << (f->prec - 1), quiet = int_bit >> 1;

    switch (c->nan_rule) {
    case FP_NAN_X86:
    case FP_NAN_X87:
        return fp_pack(f, true, fp_biased_max(f), int_bit | quiet);
    case FP_NAN_MIPS_LEGACY:
        return fp_pack(f, false, fp_biased_max(f), int_bit | (quiet - 1));
    case FP_NAN_SPARC:
        return fp_pack(f, false, fp_biased_max(f), int_bit | (int_bit - 1));
    default:
        return fp_pack(f, false, fp_biased_max(f), int_bit | quiet);
    }
}

fp_u128 fp_nan_invalid(const struct fp_format *f, struct fp_ctx *c, enum fp_cause cause)
{
    fp_invalid(c, cause);
    return fp_nan_default(f, c);
}

/* The chosen NaN, quieted, in the result's format. */
static fp_u128 nan_result(const struct fp_format *f, struct fp_num n, const struct fp_ctx *c)
{
    fp_u128 frac;

    if (always_default(c) || n.cls == FP_UNSUPPORTED)
        return fp_nan_default(f, c);
    if (c->nan_rule == FP_NAN_MIPS_LEGACY) {
        /* Clearing the quiet bit could leave an infinity, so signalling ones are replaced. */
        frac = n.sig >> (FP_LEAD + 1 - f->prec);
        if (n.cls == FP_SNAN || frac == 0)
            return fp_nan_default(f, c);
    } else {
        frac = (n.sig | FP_QUIET) >> (FP_LEAD + 1 - f->prec);
    }
    return fp_pack(f, n.sign, fp_biased_max(f), frac | FP_ONE << (f->prec - 1));
}

static bool is_nan(struct fp_num n)
{
    return n.cls >= FP_QNAN;
}

static void raise_signalling(struct fp_num n, struct fp_ctx *c)
{
    if (n.cls >= FP_SNAN)
        fp_invalid(c, FP_CAUSE_SNAN);
}

/* The first NaN, or under rules that say so the first signalling one. */
static struct fp_num pick(const struct fp_num *n, unsigned count, enum fp_nan_rule rule)
{
    bool signalling_first = rule == FP_NAN_ARM || rule == FP_NAN_MIPS_LEGACY ||
                            rule == FP_NAN_MIPS_2008 || rule == FP_NAN_SPARC;

    for (unsigned i = 0; signalling_first && i < count; i++)
        if (n[i].cls == FP_SNAN)
            return n[i];
    for (unsigned i = 0; i < count; i++)
        if (is_nan(n[i]))
            return n[i];
    return n[0];
}

/* Intel SDM vol. 1, table 4-7, x87 column. */
static struct fp_num pick_x87(struct fp_num a, struct fp_num b)
{
    if (!is_nan(b) || a.cls == FP_UNSUPPORTED)
        return a;
    if (!is_nan(a) || b.cls == FP_UNSUPPORTED)
        return b;
    if (a.cls != b.cls)
        return a.cls == FP_QNAN ? a : b;
    if (a.sig != b.sig)
        return a.sig > b.sig ? a : b;
    return a.sign ? b : a;
}

fp_u128 fp_nan1(const struct fp_format *f, struct fp_num a, struct fp_ctx *c)
{
    raise_signalling(a, c);
    return nan_result(f, a, c);
}

fp_u128 fp_nan2(const struct fp_format *f, struct fp_num a, struct fp_num b, struct fp_ctx *c)
{
    enum fp_nan_rule rule = (enum fp_nan_rule)c->nan_rule;
    struct fp_num in_order[2] = {a, b};

    raise_signalling(a, c);
    raise_signalling(b, c);
    if (a.cls == FP_UNSUPPORTED || b.cls == FP_UNSUPPORTED)
        return fp_nan_default(f, c);
    if (rule == FP_NAN_X87)
        return nan_result(f, pick_x87(a, b), c);
    if (rule == FP_NAN_SPARC) {
        in_order[0] = b;
        in_order[1] = a;
    }
    return nan_result(f, pick(in_order, 2, rule), c);
}

fp_u128 fp_nan3(const struct fp_format *f, struct fp_num a, struct fp_num b, struct fp_num addend,
                struct fp_ctx *c)
{
    enum fp_nan_rule rule = (enum fp_nan_rule)c->nan_rule;
    bool inf_zero = (a.cls == FP_INF && b.cls == FP_ZERO) || (a.cls == FP_ZERO && b.cls == FP_INF);
    struct fp_num in_order[3];

    raise_signalling(a, c);
    raise_signalling(b, c);
    raise_signalling(addend, c);
    if (inf_zero && rule != FP_NAN_X86 && rule != FP_NAN_X87) {
        if (rule != FP_NAN_ARM || addend.cls == FP_QNAN)
            fp_invalid(c, FP_CAUSE_INF_MUL);
        if (rule == FP_NAN_MIPS_LEGACY || (rule == FP_NAN_ARM && addend.cls == FP_QNAN))
            return fp_nan_default(f, c);
    }
    switch (rule) {
    case FP_NAN_ARM:
    case FP_NAN_MIPS_2008:
        in_order[0] = addend, in_order[1] = a, in_order[2] = b;
        break;
    case FP_NAN_PPC:
        in_order[0] = a, in_order[1] = addend, in_order[2] = b;
        break;
    case FP_NAN_SPARC:
        in_order[0] = addend, in_order[1] = b, in_order[2] = a;
        break;
    default:
        in_order[0] = a, in_order[1] = b, in_order[2] = addend;
        break;
    }
    return nan_result(f, pick(in_order, 3, rule), c);
}
