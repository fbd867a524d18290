/* Vector and scalar-SIMD floating point on two and three operands: three-same, by element,
 * pairwise, across lanes (Arm ARM C4.1.96). Single and double lanes are IR where an op exists; half
 * precision and the step and MULX operations are helpers. One operand: lift_simd_fp_misc.c.
 */
#include "isa/arm64/simd.h"

/* ---- helpers: count lanes are computed, the rest of the result is zero ---- */
ir_ref simd_help1(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned count,
                  unsigned number, ir_ref a)
{
    ir_ref ctl = ir_const(l->u, IR_I32, simd_ctl(op, lane, count, number));

    return a64_call(l, IR_V128, A64_H_fp1, a, ctl, IR_NONE);
}
ir_ref simd_help2(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned count,
                  unsigned number, ir_ref a, ir_ref b)
{
    ir_ref ctl = ir_const(l->u, IR_I32, simd_ctl(op, lane, count, number));

    return a64_call(l, IR_V128, A64_H_fp2, a, b, ctl);
}
ir_ref simd_help3(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned count,
                  unsigned number, ir_ref a, ir_ref n, ir_ref m)
{
    ir_args(l->u, ir_const(l->u, IR_I32, simd_ctl(op, lane, count, number)), IR_NONE, IR_NONE);
    return a64_call(l, IR_V128, A64_H_fp3, a, n, m);
}

/* ---- two operands, all lanes ---- */
static ir_ref help2(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned q, ir_ref a,
                    ir_ref b)
{
    return simd_help2(l, op, lane, simd_count(lane, q), 0, a, b);
}
static ir_ref abs_of(struct a64_lift *l, unsigned aux, ir_ref v)
{
    return ir_v1(l->u, IR_VFABS, aux, v);
}
ir_ref simd_fp2(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned q, ir_ref a,
                ir_ref b)
{
    struct ir_unit *u = l->u;
    unsigned aux = simd_aux(lane, q);

    if (lane == IR_LANE_H)
        return help2(l, op, lane, q, a, b);
    switch (op) {
    case SIMD_FADD:
        return ir_v2(u, IR_VFADD, aux, a, b);
    case SIMD_FSUB:
        return ir_v2(u, IR_VFSUB, aux, a, b);
    case SIMD_FMUL:
        return ir_v2(u, IR_VFMUL, aux, a, b);
    case SIMD_FDIV:
        return ir_v2(u, IR_VFDIV, aux, a, b);
    case SIMD_FABD:
        return abs_of(l, aux, ir_v2(u, IR_VFSUB, aux, a, b));
    case SIMD_FMAX:
        return ir_v2(u, IR_VFMAX, aux | IR_MM_ARM << 4, a, b);
    case SIMD_FMIN:
        return ir_v2(u, IR_VFMIN, aux | IR_MM_ARM << 4, a, b);
    case SIMD_FMAXNM:
        return ir_v2(u, IR_VFMAX, aux | IR_MM_NUM << 4, a, b);
    case SIMD_FMINNM:
        return ir_v2(u, IR_VFMIN, aux | IR_MM_NUM << 4, a, b);
    case SIMD_FCMEQ:
        return ir_v2(u, IR_VFCEQ, aux, a, b);
    case SIMD_FCMGE:
        return ir_v2(u, IR_VFCGE, aux, a, b);
    case SIMD_FCMGT:
        return ir_v2(u, IR_VFCGT, aux, a, b);
    case SIMD_FACGE:
        a = abs_of(l, aux, a);
        return ir_v2(u, IR_VFCGE, aux, a, abs_of(l, aux, b));
    case SIMD_FACGT:
        a = abs_of(l, aux, a);
        return ir_v2(u, IR_VFCGT, aux, a, abs_of(l, aux, b));
    default:
        return help2(l, op, lane, q, a, b);
    }
}

/* ---- two operands, scalar SIMD: lane 0 of rn and rm ---- */
static ir_ref mask_of(struct a64_lift *l, unsigned lane, ir_ref n, ir_ref m, enum ir_fcond cond,
                      unsigned signalling)
{
    enum ir_type t = lane == IR_LANE_D ? IR_I64 : IR_I32;
    ir_ref r = ir_op2(l->u, IR_FSETC, t, (unsigned)cond | signalling, n, m);

    r = ir_op1(l->u, IR_NEG, t, 0, r);
    return ir_op1(l->u, IR_BITS, lane == IR_LANE_D ? IR_F64 : IR_F32, 0, r);
}
static ir_ref scalar2(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned rn, ir_ref mv)
{
    struct ir_unit *u = l->u;
    enum ir_type t = lane == IR_LANE_D ? IR_F64 : IR_F32;
    ir_ref n, m;

    if (lane == IR_LANE_H || op == SIMD_FMULX || op == SIMD_FRECPS || op == SIMD_FRSQRTS)
        return simd_help2(l, op, lane, 1, 0, a64_vreg(l, rn), mv);
    n = a64_freg(l, t, rn);
    m = ir_op1(u, IR_VLOW, t, 0, mv);
    if (op == SIMD_FACGE || op == SIMD_FACGT) {
        n = ir_op1(u, IR_FABS, t, 0, n);
        m = ir_op1(u, IR_FABS, t, 0, m);
    }
    switch (op) {
    case SIMD_FMUL:
        return ir_op2(u, IR_FMUL, t, 0, n, m);
    case SIMD_FABD:
        return ir_op1(u, IR_FABS, t, 0, ir_op2(u, IR_FSUB, t, 0, n, m));
    case SIMD_FCMEQ:
        return mask_of(l, lane, n, m, IR_FC_EQ, 0);
    case SIMD_FCMGE:
    case SIMD_FACGE:
        return mask_of(l, lane, n, m, IR_FC_GE, 8);
    default: /* FCMGT, FACGT */
        return mask_of(l, lane, n, m, IR_FC_GT, 8);
    }
}

static enum isa_lift vector(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned q,
                            unsigned rd, unsigned rn, unsigned rm)
{
    ir_ref n;

    if (lane == IR_LANE_D && !q)
        return a64_undef(l);
    n = a64_vreg(l, rn);
    a64_set_vreg(l, rd, simd_fp2(l, op, lane, q, n, rm == rn ? n : a64_vreg(l, rm)));
    return ISA_NEXT;
}
#define VECTOR(name, op)                                                    \
    LIFT(v_##name)                                                          \
    {                                                                       \
        return vector(l, op, IR_LANE_S + a->sz, a->q, a->rd, a->rn, a->rm); \
    }                                                                       \
    LIFT(v_##name##_h)                                                      \
    {                                                                       \
        return vector(l, op, IR_LANE_H, a->q, a->rd, a->rn, a->rm);         \
    }
/* With scalar forms. */
#define VECTOR_S(name, op)                                                                    \
    VECTOR(name, op)                                                                          \
    LIFT(s_##name)                                                                            \
    {                                                                                         \
        a64_set_vreg(l, a->rd, scalar2(l, op, IR_LANE_S + a->sz, a->rn, a64_vreg(l, a->rm))); \
        return ISA_NEXT;                                                                      \
    }                                                                                         \
    LIFT(s_##name##_h)                                                                        \
    {                                                                                         \
        a64_set_vreg(l, a->rd, scalar2(l, op, IR_LANE_H, a->rn, a64_vreg(l, a->rm)));         \
        return ISA_NEXT;                                                                      \
    }
VECTOR(fadd, SIMD_FADD)
VECTOR(fsub, SIMD_FSUB)
VECTOR(fmul, SIMD_FMUL)
VECTOR(fdiv, SIMD_FDIV)
VECTOR(fmax, SIMD_FMAX)
VECTOR(fmin, SIMD_FMIN)
VECTOR(fmaxnm, SIMD_FMAXNM)
VECTOR(fminnm, SIMD_FMINNM)
VECTOR_S(fmulx, SIMD_FMULX)
VECTOR_S(fabd, SIMD_FABD)
VECTOR_S(frecps, SIMD_FRECPS)
VECTOR_S(frsqrts, SIMD_FRSQRTS)
VECTOR_S(fcmeq, SIMD_FCMEQ)
VECTOR_S(fcmge, SIMD_FCMGE)
VECTOR_S(fcmgt, SIMD_FCMGT)
VECTOR_S(facge, SIMD_FACGE)
VECTOR_S(facgt, SIMD_FACGT)

/* ---- pairwise: even lanes against odd lanes of rm:rn ---- */
static enum isa_lift pairwise(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned q,
                              unsigned rd, unsigned rn, unsigned rm)
{
    struct ir_unit *u = l->u;
    unsigned aux = simd_aux(lane, q);
    ir_ref n, m, even;

    if (lane == IR_LANE_D && !q)
        return a64_undef(l);
    n = a64_vreg(l, rn);
    m = rm == rn ? n : a64_vreg(l, rm);
    if (op == SIMD_FADD && lane != IR_LANE_H) {
        a64_set_vreg(l, rd, ir_v2(u, IR_VFADDP, aux, n, m));
        return ISA_NEXT;
    }
    even = ir_v2(u, IR_VUZP1, aux, n, m);
    a64_set_vreg(l, rd, simd_fp2(l, op, lane, q, even, ir_v2(u, IR_VUZP2, aux, n, m)));
    return ISA_NEXT;
}
/* The first two lanes of rn. */
static enum isa_lift pairwise_scalar(struct a64_lift *l, enum simd_fpop op, unsigned lane,
                                     unsigned rd, unsigned rn)
{
    struct ir_unit *u = l->u;
    enum ir_type t = lane == IR_LANE_D ? IR_F64 : IR_F32;
    ir_ref v = a64_vreg(l, rn), second = ir_v1i(u, IR_VDUPL, lane, v, 1), first;
    unsigned num = op == SIMD_FMAXNM || op == SIMD_FMINNM ? IR_MM_NUM << 4 : IR_MM_ARM << 4;

    if (lane == IR_LANE_H) {
        a64_set_vreg(l, rd, simd_help2(l, op, lane, 1, 0, v, second));
        return ISA_NEXT;
    }
    first = ir_op1(u, IR_VLOW, t, 0, v);
    second = ir_op1(u, IR_VLOW, t, 0, second);
    if (op == SIMD_FADD)
        first = ir_op2(u, IR_FADD, t, 0, first, second);
    else
        first = ir_op2(u, op == SIMD_FMAX || op == SIMD_FMAXNM ? IR_FMAX : IR_FMIN, t, num, first,
                       second);
    a64_set_vreg(l, rd, first);
    return ISA_NEXT;
}
/* Four single or 4 << q half lanes: neighbours first, as the manual's Reduce() does. */
static enum isa_lift across(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned q,
                            unsigned rd, unsigned rn)
{
    unsigned aux = simd_aux(lane, q);
    ir_ref v = a64_vreg(l, rn);

    for (unsigned n = simd_count(lane, q); n > 1; n /= 2) {
        ir_ref even = ir_v2(l->u, IR_VUZP1, aux, v, v);

        v = simd_fp2(l, op, lane, q, even, ir_v2(l->u, IR_VUZP2, aux, v, v));
    }
    simd_put_lane(l, rd, lane, v, 0);
    return ISA_NEXT;
}
#define PAIRWISE(name, op)                                                    \
    LIFT(v_##name)                                                            \
    {                                                                         \
        return pairwise(l, op, IR_LANE_S + a->sz, a->q, a->rd, a->rn, a->rm); \
    }                                                                         \
    LIFT(v_##name##_h)                                                        \
    {                                                                         \
        return pairwise(l, op, IR_LANE_H, a->q, a->rd, a->rn, a->rm);         \
    }                                                                         \
    LIFT(s_##name)                                                            \
    {                                                                         \
        return pairwise_scalar(l, op, IR_LANE_S + a->sz, a->rd, a->rn);       \
    }                                                                         \
    LIFT(s_##name##_h)                                                        \
    {                                                                         \
        return pairwise_scalar(l, op, IR_LANE_H, a->rd, a->rn);               \
    }
#define ACROSS(name, op)                                     \
    LIFT(v_##name)                                           \
    {                                                        \
        return across(l, op, IR_LANE_S, 1, a->rd, a->rn);    \
    }                                                        \
    LIFT(v_##name##_h)                                       \
    {                                                        \
        return across(l, op, IR_LANE_H, a->q, a->rd, a->rn); \
    }
PAIRWISE(faddp, SIMD_FADD)
PAIRWISE(fmaxp, SIMD_FMAX)
PAIRWISE(fminp, SIMD_FMIN)
PAIRWISE(fmaxnmp, SIMD_FMAXNM)
PAIRWISE(fminnmp, SIMD_FMINNM)
ACROSS(fmaxv, SIMD_FMAX)
ACROSS(fminv, SIMD_FMIN)
ACROSS(fmaxnmv, SIMD_FMAXNM)
ACROSS(fminnmv, SIMD_FMINNM)

/* ---- multiply-add: FMLS negates rn ---- */
static enum isa_lift mla(struct a64_lift *l, bool negate, unsigned lane, unsigned q, unsigned rd,
                         unsigned rn, ir_ref m)
{
    unsigned aux = simd_aux(lane, q);
    ir_ref n = a64_vreg(l, rn), d = a64_vreg(l, rd);

    if (lane == IR_LANE_H) {
        a64_set_vreg(
            l, rd,
            simd_help3(l, negate ? SIMD_FMLS : SIMD_FMLA, lane, simd_count(lane, q), 0, d, n, m));
        return ISA_NEXT;
    }
    if (negate)
        n = ir_v1(l->u, IR_VFNEG, aux, n);
    a64_set_vreg(l, rd, ir_v3(l->u, IR_VFMA, aux, n, m, d));
    return ISA_NEXT;
}
static enum isa_lift mla_scalar(struct a64_lift *l, bool negate, unsigned lane, unsigned rd,
                                unsigned rn, ir_ref mv)
{
    enum ir_type t = lane == IR_LANE_D ? IR_F64 : IR_F32;
    ir_ref n, m, d;

    if (lane == IR_LANE_H) {
        n = a64_vreg(l, rn);
        d = a64_vreg(l, rd);
        a64_set_vreg(l, rd, simd_help3(l, negate ? SIMD_FMLS : SIMD_FMLA, lane, 1, 0, d, n, mv));
        return ISA_NEXT;
    }
    n = a64_freg(l, t, rn);
    m = ir_op1(l->u, IR_VLOW, t, 0, mv);
    d = a64_freg(l, t, rd);
    if (negate)
        n = ir_op1(l->u, IR_FNEG, t, 0, n);
    a64_set_vreg(l, rd, ir_op3(l->u, IR_FMA, t, 0, n, m, d));
    return ISA_NEXT;
}
#define MLA(name, negate)                                                                 \
    LIFT(v_##name)                                                                        \
    {                                                                                     \
        if (a->sz && !a->q)                                                               \
            return a64_undef(l);                                                          \
        return mla(l, negate, IR_LANE_S + a->sz, a->q, a->rd, a->rn, a64_vreg(l, a->rm)); \
    }                                                                                     \
    LIFT(v_##name##_h)                                                                    \
    {                                                                                     \
        return mla(l, negate, IR_LANE_H, a->q, a->rd, a->rn, a64_vreg(l, a->rm));         \
    }
MLA(fmla, false)
MLA(fmls, true)

/* ---- by element ---- */
static enum isa_lift mul(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned q,
                         unsigned rd, unsigned rn, ir_ref m)
{
    a64_set_vreg(l, rd, simd_fp2(l, op, lane, q, a64_vreg(l, rn), m));
    return ISA_NEXT;
}
static enum isa_lift mul_scalar(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned rd,
                                unsigned rn, ir_ref m)
{
    a64_set_vreg(l, rd, scalar2(l, op, lane, rn, m));
    return ISA_NEXT;
}
/* D lanes have no index bit l, and no 64-bit vectors. */
#define BY_ELEMENT(name, vector_fn, scalar_fn, arg)                             \
    LIFT(v_##name##_e)                                                          \
    {                                                                           \
        unsigned lane = IR_LANE_S + a->sz;                                      \
                                                                                \
        if (a->sz && (a->l || !a->q))                                           \
            return a64_undef(l);                                                \
        return vector_fn(l, arg, lane, a->q, a->rd, a->rn,                      \
                         simd_element(l, lane, a->rm, a->l, a->m, a->h));       \
    }                                                                           \
    LIFT(v_##name##_he)                                                         \
    {                                                                           \
        return vector_fn(l, arg, IR_LANE_H, a->q, a->rd, a->rn,                 \
                         simd_element(l, IR_LANE_H, a->rm, a->l, a->m, a->h));  \
    }                                                                           \
    LIFT(s_##name##_e)                                                          \
    {                                                                           \
        unsigned lane = IR_LANE_S + a->sz;                                      \
                                                                                \
        if (a->sz && a->l)                                                      \
            return a64_undef(l);                                                \
        return scalar_fn(l, arg, lane, a->rd, a->rn,                            \
                         simd_element0(l, lane, a->rm, a->l, a->m, a->h));      \
    }                                                                           \
    LIFT(s_##name##_he)                                                         \
    {                                                                           \
        return scalar_fn(l, arg, IR_LANE_H, a->rd, a->rn,                       \
                         simd_element0(l, IR_LANE_H, a->rm, a->l, a->m, a->h)); \
    }
BY_ELEMENT(fmla, mla, mla_scalar, false)
BY_ELEMENT(fmls, mla, mla_scalar, true)
BY_ELEMENT(fmul, mul, mul_scalar, SIMD_FMUL)
BY_ELEMENT(fmulx, mul, mul_scalar, SIMD_FMULX)
