/* Scalar floating point, by software (fp/fp.h), in the environment of the unit.
 *
 * Owns the mapping from ops.def to fp/. Knows no rounding or NaN rule itself.
 */
#include "ir/eval_float.h"

static bool is_f32(unsigned type)
{
    return type == IR_F32;
}

/* call32 and call64 use x, y, z (of the operands' type) and the context &c. */
#define ARITH(NAME, call32, call64)                      \
    void ir_eval_##NAME(struct ir_eval_call *e)          \
    {                                                    \
        struct fp_ctx c = eval_fp_begin(e, e->aux);      \
                                                         \
        if (is_f32(e->type)) {                           \
            uint32_t x = e->a.w, y = e->b.w, z = e->c.w; \
                                                         \
            (void)y, (void)z;                            \
            eval_set(e, call32);                         \
        } else {                                         \
            uint64_t x = e->a.x, y = e->b.x, z = e->c.x; \
                                                         \
            (void)y, (void)z;                            \
            eval_set(e, call64);                         \
        }                                                \
        eval_fp_end(e, &c);                              \
    }

ARITH(FADD, fp_f32_add(x, y, &c), fp_f64_add(x, y, &c))
ARITH(FSUB, fp_f32_sub(x, y, &c), fp_f64_sub(x, y, &c))
ARITH(FMUL, fp_f32_mul(x, y, &c), fp_f64_mul(x, y, &c))
ARITH(FDIV, fp_f32_div(x, y, &c), fp_f64_div(x, y, &c))
ARITH(FSQRT, fp_f32_sqrt(x, &c), fp_f64_sqrt(x, &c))
ARITH(FMA, fp_f32_fma(x, y, z, &c), fp_f64_fma(x, y, z, &c))
ARITH(FRINT, fp_f32_rint(x, eval_round(e->env, e->aux), (e->aux & 8) != 0, &c),
      fp_f64_rint(x, eval_round(e->env, e->aux), (e->aux & 8) != 0, &c))

static void minmax(struct ir_eval_call *e, bool max)
{
    struct fp_ctx c = eval_fp_begin(e, IR_RM_DYN);
    enum fp_minmax kind = eval_minmax(e->aux >> 4, max);

    if (is_f32(e->type))
        e->r->x = fp_f32_minmax(kind, e->a.w, e->b.w, &c);
    else
        e->r->x = fp_f64_minmax(kind, e->a.x, e->b.x, &c);
    eval_fp_end(e, &c);
}

void ir_eval_FMIN(struct ir_eval_call *e)
{
    minmax(e, false);
}

void ir_eval_FMAX(struct ir_eval_call *e)
{
    minmax(e, true);
}

static uint64_t sign_bit(const struct ir_eval_call *e)
{
    return UINT64_C(1) << (is_f32(e->type) ? 31 : 63);
}

void ir_eval_FNEG(struct ir_eval_call *e)
{
    eval_set(e, e->a.x ^ sign_bit(e));
}

void ir_eval_FABS(struct ir_eval_call *e)
{
    eval_set(e, e->a.x & ~sign_bit(e));
}

/* ---- conversions ---- */
void ir_eval_FCVT(struct ir_eval_call *e)
{
    struct fp_ctx c = eval_fp_begin(e, e->aux);

    if (e->type == e->argtype)
        e->r->x = eval_arg(e->argtype, &e->a);
    else if (is_f32(e->type))
        e->r->x = fp_f64_to_f32(e->a.x, &c);
    else
        e->r->x = fp_f32_to_f64(e->a.w, &c);
    eval_fp_end(e, &c);
}

void ir_eval_F16TO(struct ir_eval_call *e)
{
    struct fp_ctx c = eval_fp_begin(e, e->aux);

    c.ahp = (e->aux & 8) != 0;
    e->r->x =
        is_f32(e->type) ? fp_f16_to_f32((uint16_t)e->a.w, &c) : fp_f16_to_f64((uint16_t)e->a.w, &c);
    eval_fp_end(e, &c);
}

void ir_eval_TOF16(struct ir_eval_call *e)
{
    struct fp_ctx c = eval_fp_begin(e, e->aux);

    c.ahp = (e->aux & 8) != 0;
    e->r->x = is_f32(e->argtype) ? fp_f32_to_f16(e->a.w, &c) : fp_f64_to_f16(e->a.x, &c);
    eval_fp_end(e, &c);
}

static void to_integer(struct ir_eval_call *e, bool is_signed)
{
    struct fp_ctx c = eval_fp_begin(e, e->aux);
    unsigned bits = e->type == IR_I32 ? 32 : 64;
    enum fp_round rm = eval_round(e->env, e->aux);
    enum fp_int_rule rule = (enum fp_int_rule)e->env->int_rule;
    uint64_t v;

    if (is_f32(e->argtype))
        v = is_signed ? (uint64_t)fp_f32_to_sint(e->a.w, bits, 0, rm, rule, &c)
                      : fp_f32_to_uint(e->a.w, bits, 0, rm, rule, &c);
    else
        v = is_signed ? (uint64_t)fp_f64_to_sint(e->a.x, bits, 0, rm, rule, &c)
                      : fp_f64_to_uint(e->a.x, bits, 0, rm, rule, &c);
    eval_set(e, v);
    eval_fp_end(e, &c);
}

void ir_eval_FTOS(struct ir_eval_call *e)
{
    to_integer(e, true);
}

void ir_eval_FTOU(struct ir_eval_call *e)
{
    to_integer(e, false);
}

void ir_eval_STOF(struct ir_eval_call *e)
{
    struct fp_ctx c = eval_fp_begin(e, e->aux);
    int64_t v = e->argtype == IR_I32 ? (int32_t)e->a.w : (int64_t)e->a.x;

    e->r->x = is_f32(e->type) ? fp_f32_from_sint(v, 0, &c) : fp_f64_from_sint(v, 0, &c);
    eval_fp_end(e, &c);
}

void ir_eval_UTOF(struct ir_eval_call *e)
{
    struct fp_ctx c = eval_fp_begin(e, e->aux);
    uint64_t v = eval_arg(e->argtype, &e->a);

    e->r->x = is_f32(e->type) ? fp_f32_from_uint(v, 0, &c) : fp_f64_from_uint(v, 0, &c);
    eval_fp_end(e, &c);
}

/* ---- comparison ---- */
static enum fp_rel compare(struct ir_eval_call *e, bool signalling)
{
    struct fp_ctx c = eval_fp_begin(e, IR_RM_DYN);
    enum fp_rel rel;

    if (is_f32(e->argtype))
        rel = signalling ? fp_f32_cmps(e->a.w, e->b.w, &c) : fp_f32_cmp(e->a.w, e->b.w, &c);
    else
        rel = signalling ? fp_f64_cmps(e->a.x, e->b.x, &c) : fp_f64_cmp(e->a.x, e->b.x, &c);
    eval_fp_end(e, &c);
    return rel;
}

void ir_eval_FSETC(struct ir_eval_call *e)
{
    enum fp_rel rel = compare(e, (e->aux & 8) != 0);
    bool yes = false;

    switch ((enum ir_fcond)(e->aux & 7)) {
    case IR_FC_EQ:
        yes = rel == FP_EQUAL;
        break;
    case IR_FC_LT:
        yes = rel == FP_LESS;
        break;
    case IR_FC_LE:
        yes = rel == FP_LESS || rel == FP_EQUAL;
        break;
    case IR_FC_GT:
        yes = rel == FP_GREATER;
        break;
    case IR_FC_GE:
        yes = rel == FP_GREATER || rel == FP_EQUAL;
        break;
    case IR_FC_UNE:
        yes = rel != FP_EQUAL;
        break;
    case IR_FC_UNO:
        yes = rel == FP_UNORDERED;
        break;
    case IR_FC_ORD:
        yes = rel != FP_UNORDERED;
        break;
    }
    e->r->x = yes;
}

/* Arm's FCMP: less N, equal Z C, greater C, unordered C V. */
void ir_eval_CCFCMP(struct ir_eval_call *e)
{
    switch (compare(e, e->aux & 1)) {
    case FP_LESS:
        e->r->x = 0x80000000;
        break;
    case FP_EQUAL:
        e->r->x = 0x60000000;
        break;
    case FP_GREATER:
        e->r->x = 0x20000000;
        break;
    case FP_UNORDERED:
        e->r->x = 0x30000000;
        break;
    }
}

/* ---- moves ---- */
void ir_eval_BITS(struct ir_eval_call *e)
{
    eval_set(e, e->a.x);
}

void ir_eval_VLOW(struct ir_eval_call *e)
{
    eval_set(e, e->a.x);
}

void ir_eval_FTOV(struct ir_eval_call *e)
{
    e->r->d[0] = eval_arg(e->argtype, &e->a);
    e->r->d[1] = 0;
}
