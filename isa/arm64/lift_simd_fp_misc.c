/* Vector and scalar-SIMD floating point on one operand: two-register miscellaneous, conversions,
 * fixed point (Arm ARM C4.1.96). Half precision, estimates and range-checked rounding are helpers.
 */
#include "isa/arm64/simd.h"

/* What a form does to its lanes; lift_one() gives vectors and scalars alike. */
struct one {
    enum ir_op op;     /* vector op on S and D, or IR_NOP: by helper */
    enum ir_op scalar; /* the same on a scalar, or IR_NOP */
    unsigned rm;       /* IR_RM_* for roundings */
    unsigned exact;    /* 8: may raise inexact */
    enum simd_fpop help;
    unsigned frac; /* of fixed point, helpers only */
};

static unsigned helper_number(const struct a64_lift *l, const struct one *o)
{
    unsigned round = o->rm == IR_RM_DYN ? simd_key_round(l) : simd_fp_round((enum ir_rm)o->rm);

    if (o->help == SIMD_FCVTS || o->help == SIMD_FCVTU)
        return o->frac | round << 8;
    return o->help == SIMD_SCVTF || o->help == SIMD_UCVTF ? o->frac : round;
}
static enum isa_lift vector(struct a64_lift *l, const struct one *o, unsigned lane, unsigned q,
                            unsigned rd, unsigned rn)
{
    ir_ref n;

    if (lane == IR_LANE_D && !q)
        return a64_undef(l);
    n = a64_vreg(l, rn);
    if (lane == IR_LANE_H || o->op == IR_NOP)
        n = simd_help1(l, o->help, lane, simd_count(lane, q), helper_number(l, o), n);
    else if (o->op == IR_VFRINT || o->op == IR_VFTOS || o->op == IR_VFTOU)
        n = ir_v1i(l->u, o->op, simd_aux(lane, q), n, o->rm | o->exact);
    else
        n = ir_v1(l->u, o->op, simd_aux(lane, q), n);
    a64_set_vreg(l, rd, n);
    return ISA_NEXT;
}
static enum isa_lift scalar(struct a64_lift *l, const struct one *o, unsigned lane, unsigned rd,
                            unsigned rn)
{
    enum ir_type f = lane == IR_LANE_D ? IR_F64 : IR_F32, i = lane == IR_LANE_D ? IR_I64 : IR_I32;
    ir_ref v;

    if (lane == IR_LANE_H || o->scalar == IR_NOP) {
        v = simd_help1(l, o->help, lane, 1, helper_number(l, o), a64_vreg(l, rn));
    } else if (o->scalar == IR_FTOS || o->scalar == IR_FTOU) {
        v = ir_op1(l->u, o->scalar, i, o->rm, a64_freg(l, f, rn));
        v = ir_op1(l->u, IR_BITS, f, 0, v);
    } else {
        v = ir_op1(l->u, IR_BITS, i, 0, a64_freg(l, f, rn));
        v = ir_op1(l->u, o->scalar, f, 0, v);
    }
    a64_set_vreg(l, rd, v);
    return ISA_NEXT;
}

#define VECTOR(name, ...)                                               \
    static const struct one name = {__VA_ARGS__};                       \
    LIFT(v_##name)                                                      \
    {                                                                   \
        return vector(l, &name, IR_LANE_S + a->sz, a->q, a->rd, a->rn); \
    }                                                                   \
    LIFT(v_##name##_h)                                                  \
    {                                                                   \
        return vector(l, &name, IR_LANE_H, a->q, a->rd, a->rn);         \
    }
#define BOTH(name, ...)                                           \
    VECTOR(name, __VA_ARGS__)                                     \
    LIFT(s_##name)                                                \
    {                                                             \
        return scalar(l, &name, IR_LANE_S + a->sz, a->rd, a->rn); \
    }                                                             \
    LIFT(s_##name##_h)                                            \
    {                                                             \
        return scalar(l, &name, IR_LANE_H, a->rd, a->rn);         \
    }

VECTOR(fsqrt, IR_VFSQRT, IR_NOP, 0, 0, SIMD_FSQRT, 0)
VECTOR(frintn, IR_VFRINT, IR_NOP, IR_RM_NEAREST, 0, SIMD_FRINT, 0)
VECTOR(frintp, IR_VFRINT, IR_NOP, IR_RM_UP, 0, SIMD_FRINT, 0)
VECTOR(frintm, IR_VFRINT, IR_NOP, IR_RM_DOWN, 0, SIMD_FRINT, 0)
VECTOR(frintz, IR_VFRINT, IR_NOP, IR_RM_ZERO, 0, SIMD_FRINT, 0)
VECTOR(frinta, IR_VFRINT, IR_NOP, IR_RM_AWAY, 0, SIMD_FRINT, 0)
VECTOR(frintx, IR_VFRINT, IR_NOP, IR_RM_DYN, 8, SIMD_FRINTX, 0)
VECTOR(frinti, IR_VFRINT, IR_NOP, IR_RM_DYN, 0, SIMD_FRINT, 0)
BOTH(frecpe, IR_NOP, IR_NOP, 0, 0, SIMD_FRECPE, 0)
BOTH(frsqrte, IR_NOP, IR_NOP, 0, 0, SIMD_FRSQRTE, 0)
BOTH(fcvtns, IR_VFTOS, IR_FTOS, IR_RM_NEAREST, 0, SIMD_FCVTS, 0)
BOTH(fcvtnu, IR_VFTOU, IR_FTOU, IR_RM_NEAREST, 0, SIMD_FCVTU, 0)
BOTH(fcvtps, IR_VFTOS, IR_FTOS, IR_RM_UP, 0, SIMD_FCVTS, 0)
BOTH(fcvtpu, IR_VFTOU, IR_FTOU, IR_RM_UP, 0, SIMD_FCVTU, 0)
BOTH(fcvtms, IR_VFTOS, IR_FTOS, IR_RM_DOWN, 0, SIMD_FCVTS, 0)
BOTH(fcvtmu, IR_VFTOU, IR_FTOU, IR_RM_DOWN, 0, SIMD_FCVTU, 0)
BOTH(fcvtzs, IR_VFTOS, IR_FTOS, IR_RM_ZERO, 0, SIMD_FCVTS, 0)
BOTH(fcvtzu, IR_VFTOU, IR_FTOU, IR_RM_ZERO, 0, SIMD_FCVTU, 0)
BOTH(fcvtas, IR_VFTOS, IR_FTOS, IR_RM_AWAY, 0, SIMD_FCVTS, 0)
BOTH(fcvtau, IR_VFTOU, IR_FTOU, IR_RM_AWAY, 0, SIMD_FCVTU, 0)
BOTH(scvtf, IR_VSTOF, IR_STOF, 0, 0, SIMD_SCVTF, 0)
BOTH(ucvtf, IR_VUTOF, IR_UTOF, 0, 0, SIMD_UCVTF, 0)

LIFT(s_frecpx)
{
    unsigned lane = IR_LANE_S + a->sz;

    a64_set_vreg(l, a->rd, simd_help1(l, SIMD_FRECPX, lane, 1, 0, a64_vreg(l, a->rn)));
    return ISA_NEXT;
}
LIFT(s_frecpx_h)
{
    a64_set_vreg(l, a->rd, simd_help1(l, SIMD_FRECPX, IR_LANE_H, 1, 0, a64_vreg(l, a->rn)));
    return ISA_NEXT;
}

/* ---- FRINT32/64 Z, X ---- */
#define RANGE(name, help, rounding)                                        \
    static const struct one name = {IR_NOP, IR_NOP, rounding, 0, help, 0}; \
    LIFT(v_##name)                                                         \
    {                                                                      \
        return vector(l, &name, IR_LANE_S + a->sz, a->q, a->rd, a->rn);    \
    }
RANGE(frint32z, SIMD_FRINT32, IR_RM_ZERO)
RANGE(frint32x, SIMD_FRINT32, IR_RM_DYN)
RANGE(frint64z, SIMD_FRINT64, IR_RM_ZERO)
RANGE(frint64x, SIMD_FRINT64, IR_RM_DYN)

/* ---- signs: on the bits of halves ---- */
static enum isa_lift sign(struct a64_lift *l, enum ir_op op, enum ir_op bits, uint64_t mask,
                          unsigned lane, unsigned q, unsigned rd, unsigned rn)
{
    ir_ref n;

    if (lane == IR_LANE_D && !q)
        return a64_undef(l);
    n = a64_vreg(l, rn);
    if (lane == IR_LANE_H)
        n = ir_v2(l->u, bits, simd_aux(lane, q), n, simd_const(l, lane, mask));
    else
        n = ir_v1(l->u, op, simd_aux(lane, q), n);
    a64_set_vreg(l, rd, n);
    return ISA_NEXT;
}
#define SIGN(name, op, bits, mask)                                             \
    LIFT(v_##name)                                                             \
    {                                                                          \
        return sign(l, op, bits, mask, IR_LANE_S + a->sz, a->q, a->rd, a->rn); \
    }                                                                          \
    LIFT(v_##name##_h)                                                         \
    {                                                                          \
        return sign(l, op, bits, mask, IR_LANE_H, a->q, a->rd, a->rn);         \
    }
SIGN(fabs, IR_VFABS, IR_VAND, 0x7fff)
SIGN(fneg, IR_VFNEG, IR_VXOR, 0x8000)

/* ---- comparison with zero: LE and LT with the operands exchanged ---- */
static enum isa_lift compare(struct a64_lift *l, enum simd_fpop op, bool swap, unsigned lane,
                             unsigned q, unsigned rd, unsigned rn)
{
    ir_ref zero, n;

    if (lane == IR_LANE_D && !q)
        return a64_undef(l);
    zero = ir_const(l->u, IR_V128, 0);
    n = a64_vreg(l, rn);
    a64_set_vreg(l, rd,
                 swap ? simd_fp2(l, op, lane, q, zero, n) : simd_fp2(l, op, lane, q, n, zero));
    return ISA_NEXT;
}
/* Lane 0: compared as a vector whose other lanes are zero, and only lane 0 kept. */
static enum isa_lift compare_scalar(struct a64_lift *l, enum simd_fpop op, bool swap, unsigned lane,
                                    unsigned rd, unsigned rn)
{
    ir_ref zero = ir_const(l->u, IR_V128, 0), n = simd_scalar(l, lane, rn);
    ir_ref a = swap ? zero : n, b = swap ? n : zero;

    if (lane == IR_LANE_H)
        a64_set_vreg(l, rd, simd_help2(l, op, lane, 1, 0, a, b));
    else
        simd_put_lane(l, rd, lane, simd_fp2(l, op, lane, 0, a, b), 0);
    return ISA_NEXT;
}
#define COMPARE(name, op, swap)                                              \
    LIFT(v_##name)                                                           \
    {                                                                        \
        return compare(l, op, swap, IR_LANE_S + a->sz, a->q, a->rd, a->rn);  \
    }                                                                        \
    LIFT(v_##name##_h)                                                       \
    {                                                                        \
        return compare(l, op, swap, IR_LANE_H, a->q, a->rd, a->rn);          \
    }                                                                        \
    LIFT(s_##name)                                                           \
    {                                                                        \
        return compare_scalar(l, op, swap, IR_LANE_S + a->sz, a->rd, a->rn); \
    }                                                                        \
    LIFT(s_##name##_h)                                                       \
    {                                                                        \
        return compare_scalar(l, op, swap, IR_LANE_H, a->rd, a->rn);         \
    }
COMPARE(fcmeq0, SIMD_FCMEQ, false)
COMPARE(fcmge0, SIMD_FCMGE, false)
COMPARE(fcmgt0, SIMD_FCMGT, false)
COMPARE(fcmle0, SIMD_FCMGE, true)
COMPARE(fcmlt0, SIMD_FCMGT, true)

/* ---- between formats; sz is 0 for half and single, 1 for single and double ---- */
static ir_ref from_halves(struct a64_lift *l, unsigned first, ir_ref v)
{
    unsigned ahp = l->key & A64_KEY_AHP ? 8 : 0;
    ir_ref r = IR_NONE;

    for (unsigned i = 0; i < 4; i++) {
        ir_ref w = ir_emit(l->u, IR_VGET, IR_I32, IR_LANE_H, v, IR_NONE, first + i);

        w = ir_op1(l->u, IR_FTOV, IR_V128, 0, ir_op1(l->u, IR_F16TO, IR_F32, ahp, w));
        r = i ? ir_v2i(l->u, IR_VSETL, IR_LANE_S, r, w, i) : w;
    }
    return r;
}
static ir_ref to_halves(struct a64_lift *l, ir_ref v)
{
    unsigned ahp = l->key & A64_KEY_AHP ? 8 : 0;
    ir_ref r = IR_NONE;

    for (unsigned i = 0; i < 4; i++) {
        ir_ref f = i ? ir_v1i(l->u, IR_VDUPL, IR_LANE_S, v, i) : v;

        f = ir_op1(l->u, IR_TOF16, IR_I32, ahp, ir_op1(l->u, IR_VLOW, IR_F32, 0, f));
        if (i)
            r = ir_v2i(l->u, IR_VSET, IR_LANE_H, r, f, i);
        else
            r = ir_op1(l->u, IR_FTOV, IR_V128, 0, ir_op1(l->u, IR_BITS, IR_F32, 0, f));
    }
    return r;
}
LIFT(v_fcvtl)
{
    ir_ref n = a64_vreg(l, a->rn);

    n = a->sz ? ir_v1(l->u, IR_VFCVTL, IR_LANE_S | (a->q ? IR_HIGH : 0), n)
              : from_halves(l, a->q ? 4 : 0, n);
    a64_set_vreg(l, a->rd, n);
    return ISA_NEXT;
}
LIFT(v_fcvtn)
{
    ir_ref n = a64_vreg(l, a->rn);

    n = a->sz ? ir_v1(l->u, IR_VFCVTN, IR_LANE_S, n) : to_halves(l, n);
    simd_put_half(l, a->q, a->rd, n);
    return ISA_NEXT;
}
LIFT(v_fcvtxn)
{
    ir_ref n = a64_vreg(l, a->rn);

    simd_put_half(l, a->q, a->rd, simd_help1(l, SIMD_FCVTXN, IR_LANE_D, 2, 0, n));
    return ISA_NEXT;
}
LIFT(s_fcvtxn)
{
    a64_set_vreg(l, a->rd, simd_help1(l, SIMD_FCVTXN, IR_LANE_D, 1, 0, a64_vreg(l, a->rn)));
    return ISA_NEXT;
}
LIFT(v_bfcvtn)
{
    ir_ref n = a64_vreg(l, a->rn);

    simd_put_half(l, a->q, a->rd, simd_help1(l, SIMD_BFCVTN, IR_LANE_S, 4, 0, n));
    return ISA_NEXT;
}

/* ---- fixed point; imm is immh:immb, 2 * bits - fraction bits ---- */
static unsigned fixed_lane(unsigned imm)
{
    return 28 - bits_clz32(imm);
}
/* Rounding to the format first, the power of two after it is exact. */
static enum isa_lift from_fixed(struct a64_lift *l, enum ir_op op, unsigned imm, unsigned q,
                                unsigned rd, unsigned rn)
{
    unsigned lane = fixed_lane(imm), frac = 2 * simd_bits(lane) - imm, aux = simd_aux(lane, q);
    uint64_t scale =
        lane == IR_LANE_D ? (uint64_t)(1023 - frac) << 52 : (uint64_t)(127 - frac) << 23;
    ir_ref n;

    if (lane == IR_LANE_H) {
        const struct one o = {IR_NOP, IR_NOP, 0, 0, op == IR_VUTOF ? SIMD_UCVTF : SIMD_SCVTF, frac};

        return vector(l, &o, lane, q, rd, rn);
    }
    if (lane == IR_LANE_D && !q)
        return a64_undef(l);
    n = ir_v1(l->u, op, aux, a64_vreg(l, rn));
    a64_set_vreg(l, rd, ir_v2(l->u, IR_VFMUL, aux, n, simd_const(l, lane, scale)));
    return ISA_NEXT;
}
static struct one fixed(enum simd_fpop help, unsigned imm)
{
    return (struct one){IR_NOP, IR_NOP, IR_RM_ZERO, 0, help, 2 * simd_bits(fixed_lane(imm)) - imm};
}
LIFT(v_scvtf_fx)
{
    return from_fixed(l, IR_VSTOF, a->imm, a->q, a->rd, a->rn);
}
LIFT(v_ucvtf_fx)
{
    return from_fixed(l, IR_VUTOF, a->imm, a->q, a->rd, a->rn);
}
#define FIXED(name, help)                                             \
    LIFT(v_##name##_fx)                                               \
    {                                                                 \
        struct one o = fixed(help, a->imm);                           \
                                                                      \
        return vector(l, &o, fixed_lane(a->imm), a->q, a->rd, a->rn); \
    }
#define FIXED_SCALAR(name, help)                                \
    LIFT(s_##name##_fx)                                         \
    {                                                           \
        struct one o = fixed(help, a->imm);                     \
                                                                \
        return scalar(l, &o, fixed_lane(a->imm), a->rd, a->rn); \
    }
FIXED(fcvtzs, SIMD_FCVTS)
FIXED(fcvtzu, SIMD_FCVTU)
FIXED_SCALAR(fcvtzs, SIMD_FCVTS)
FIXED_SCALAR(fcvtzu, SIMD_FCVTU)
FIXED_SCALAR(scvtf, SIMD_SCVTF)
FIXED_SCALAR(ucvtf, SIMD_UCVTF)
