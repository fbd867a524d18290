/* Vector integer operations on lanes of one size: three-same, two-register, across lanes (Arm ARM
 * C4.1.96 "Advanced SIMD three same", "two-register miscellaneous", "across lanes"). Never knows
 * floating point or how lanes move (lift_simd_perm.c).
 */
#include "isa/arm64/simd.h"

/* An operation that gives the new rd from the old one and the operands. */
typedef ir_ref simd_fn(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m);

void simd_put_lane(struct a64_lift *l, unsigned rd, unsigned lane, ir_ref v, unsigned index)
{
    if (lane >= IR_LANE_S) {
        if (index)
            v = ir_v1i(l->u, IR_VDUPL, lane, v, index);
        a64_set_vreg(l, rd, ir_op1(l->u, IR_VLOW, lane == IR_LANE_S ? IR_F32 : IR_F64, 0, v));
        return;
    }
    simd_put_word(l, rd, ir_emit(l->u, IR_VGET, IR_I32, lane, v, IR_NONE, index));
}

static bool reserved(unsigned q, unsigned lane)
{
    return lane == IR_LANE_D && !q;
}

/* ---- three registers: one IR op ---- */
static enum isa_lift three(struct a64_lift *l, enum ir_op op, unsigned aux, unsigned rd,
                           unsigned rn, unsigned rm)
{
    ir_ref n = a64_vreg(l, rn);

    a64_set_vreg(l, rd, ir_v2(l->u, op, aux, n, rm == rn ? n : a64_vreg(l, rm)));
    return ISA_NEXT;
}

#define THREE(name, op)                                                    \
    LIFT(v_##name)                                                         \
    {                                                                      \
        if (reserved(a->q, a->size))                                       \
            return a64_undef(l);                                           \
        return three(l, op, simd_aux(a->size, a->q), a->rd, a->rn, a->rm); \
    }
/* With a scalar form on D registers. */
#define THREE_D(name, op)                                              \
    THREE(name, op)                                                    \
    LIFT(s_##name)                                                     \
    {                                                                  \
        return three(l, op, IR_LANE_D | IR_HALF, a->rd, a->rn, a->rm); \
    }
#define BITWISE(name, op)                                                    \
    LIFT(v_##name)                                                           \
    {                                                                        \
        return three(l, op, simd_aux(IR_LANE_D, a->q), a->rd, a->rn, a->rm); \
    }

THREE(shadd, IR_VHADDS)
THREE(srhadd, IR_VRHADDS)
THREE(urhadd, IR_VRHADDU)
THREE(shsub, IR_VHSUBS)
THREE(uhsub, IR_VHSUBU)
THREE_D(cmgt, IR_VCGTS)
THREE_D(cmhi, IR_VCGTU)
THREE_D(cmge, IR_VCGES)
THREE_D(cmhs, IR_VCGEU)
THREE_D(sshl, IR_VSHLS)
THREE_D(ushl, IR_VSHLU)
THREE(smax, IR_VMAXS)
THREE(umax, IR_VMAXU)
THREE(smin, IR_VMINS)
THREE(umin, IR_VMINU)
THREE_D(add, IR_VADD)
THREE_D(sub, IR_VSUB)
THREE_D(cmtst, IR_VTST)
THREE_D(cmeq, IR_VCEQ)
THREE(smaxp, IR_VMAXPS)
THREE(umaxp, IR_VMAXPU)
THREE(sminp, IR_VMINPS)
THREE(uminp, IR_VMINPU)
THREE(addp, IR_VADDP)
THREE(pmul, IR_VPMUL8)
BITWISE(and, IR_VAND)
BITWISE(bic, IR_VANDN)
BITWISE(orn, IR_VORN)
BITWISE(eor, IR_VXOR)

/* MOV Vd, Vn is ORR with equal operands. */
LIFT(v_orr)
{
    if (a->rn != a->rm)
        return three(l, IR_VOR, simd_aux(IR_LANE_D, a->q), a->rd, a->rn, a->rm);
    a64_set_vreg(l, a->rd, a->q ? a64_vreg(l, a->rn) : a64_freg(l, IR_F64, a->rn));
    return ISA_NEXT;
}

/* ---- three registers, and rd is an operand too, or more than one op ---- */
static enum isa_lift combine(struct a64_lift *l, simd_fn *fn, unsigned aux, unsigned rd,
                             unsigned rn, unsigned rm)
{
    ir_ref n = a64_vreg(l, rn), m = a64_vreg(l, rm);

    a64_set_vreg(l, rd, fn(l, aux, a64_vreg(l, rd), n, m));
    return ISA_NEXT;
}
/* Lane 0 only: operands are zero elsewhere, and so is the result. */
static enum isa_lift combine_scalar(struct a64_lift *l, simd_fn *fn, unsigned lane, unsigned rd,
                                    unsigned rn, unsigned rm)
{
    ir_ref n = simd_scalar(l, lane, rn), m = simd_scalar(l, lane, rm);

    a64_set_vreg(l, rd, fn(l, lane | IR_HALF, simd_scalar(l, lane, rd), n, m));
    return ISA_NEXT;
}

#define COMBINE(name, fn)                                                    \
    LIFT(v_##name)                                                           \
    {                                                                        \
        if (reserved(a->q, a->size))                                         \
            return a64_undef(l);                                             \
        return combine(l, fn, simd_aux(a->size, a->q), a->rd, a->rn, a->rm); \
    }
/* With a scalar form of all (allowed) sizes. */
#define COMBINE_S(name, fn)                                         \
    COMBINE(name, fn)                                               \
    LIFT(s_##name)                                                  \
    {                                                               \
        return combine_scalar(l, fn, a->size, a->rd, a->rn, a->rm); \
    }
#define SELECT(name, x, y, z)                                                               \
    static ir_ref do_##name(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m) \
    {                                                                                       \
        return ir_v3(l->u, IR_VBSL, aux, x, y, z);                                          \
    }                                                                                       \
    LIFT(v_##name)                                                                          \
    {                                                                                       \
        return combine(l, do_##name, simd_aux(IR_LANE_D, a->q), a->rd, a->rn, a->rm);       \
    }

SELECT(bsl, d, n, m)
SELECT(bit, m, n, d)
SELECT(bif, m, d, n)

static ir_ref do_mul(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return ir_v2(l->u, IR_VMUL, aux, n, m);
}
static ir_ref do_mla(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return ir_v3(l->u, IR_VMLA, aux, n, m, d);
}
static ir_ref do_mls(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return ir_v3(l->u, IR_VMLS, aux, n, m, d);
}
static ir_ref do_sabd(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return ir_v2(l->u, IR_VABDS, aux, n, m);
}
static ir_ref do_uabd(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return ir_v2(l->u, IR_VABDU, aux, n, m);
}
static ir_ref do_saba(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return ir_v2(l->u, IR_VADD, aux, d, ir_v2(l->u, IR_VABDS, aux, n, m));
}
static ir_ref do_uaba(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return ir_v2(l->u, IR_VADD, aux, d, ir_v2(l->u, IR_VABDU, aux, n, m));
}
static ir_ref do_uhadd(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return ir_v2(l->u, IR_VHADDU, aux, n, m);
}
COMBINE(mul, do_mul)
COMBINE(sabd, do_sabd)
COMBINE(uabd, do_uabd)
COMBINE(uhadd, do_uhadd)
COMBINE(mla, do_mla)
COMBINE(mls, do_mls)
COMBINE(saba, do_saba)
COMBINE(uaba, do_uaba)

/* Saturating: saturated where the wrapping operation differs. */
#define SATURATE(name, op, wrap)                                                            \
    static ir_ref do_##name(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m) \
    {                                                                                       \
        ir_ref r = ir_v2(l->u, op, aux, n, m);                                              \
                                                                                            \
        (void)d;                                                                            \
        simd_qc(l, aux, r, ir_v2(l->u, wrap, aux, n, m));                                   \
        return r;                                                                           \
    }                                                                                       \
    COMBINE_S(name, do_##name)

SATURATE(sqadd, IR_VQADDS, IR_VADD)
SATURATE(uqadd, IR_VQADDU, IR_VADD)
SATURATE(sqsub, IR_VQSUBS, IR_VSUB)
SATURATE(uqsub, IR_VQSUBU, IR_VSUB)

/* Doubling high products saturate only for MIN * MIN. */
static ir_ref dmulh(struct a64_lift *l, unsigned aux, unsigned rounded, ir_ref n, ir_ref m)
{
    unsigned lane = aux & 7;
    ir_ref min = simd_const(l, lane, UINT64_C(1) << (simd_bits(lane) - 1));
    ir_ref both = ir_v2(l->u, IR_VAND, aux, ir_v2(l->u, IR_VCEQ, aux, n, min),
                        ir_v2(l->u, IR_VCEQ, aux, m, min));

    ir_put(l->u, A64_QC, ir_v2(l->u, IR_VOR, IR_LANE_D, ir_get(l->u, IR_V128, A64_QC), both));
    return ir_v2(l->u, IR_VQDMULH, aux | rounded, n, m);
}
static ir_ref do_sqdmulh(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return dmulh(l, aux, 0, n, m);
}
static ir_ref do_sqrdmulh(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return dmulh(l, aux, IR_HIGH, n, m);
}
COMBINE_S(sqdmulh, do_sqdmulh)
COMBINE_S(sqrdmulh, do_sqrdmulh)

/* Rounding shifts by register. A right shift by s is t = n >> (s - 1), then (t >> 1) + (t & 1). */
static ir_ref round_shift(struct a64_lift *l, enum ir_op op, enum ir_op right, unsigned aux,
                          ir_ref n, ir_ref m)
{
    struct ir_unit *u = l->u;
    unsigned lane = aux & 7, bits = simd_bits(lane);
    ir_ref one = simd_const(l, lane, 1);
    ir_ref t = ir_v2(u, op, aux, n, ir_v2(u, IR_VADD, aux, m, one));
    ir_ref rounded =
        ir_v2(u, IR_VADD, aux, ir_v1i(u, right, aux, t, 1), ir_v2(u, IR_VAND, aux, t, one));
    ir_ref count = lane == IR_LANE_B ? m : ir_v1i(u, IR_VSHLI, aux, m, bits - 8);
    ir_ref negative = ir_v2(u, IR_VCGTS, aux, ir_const(u, IR_V128, 0), count);

    return ir_v3(u, IR_VBSL, aux, negative, rounded, ir_v2(u, op, aux, n, m));
}
static ir_ref do_srshl(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return round_shift(l, IR_VSHLS, IR_VSARI, aux, n, m);
}
static ir_ref do_urshl(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return round_shift(l, IR_VSHLU, IR_VSHRI, aux, n, m);
}
COMBINE(srshl, do_srshl)
COMBINE(urshl, do_urshl)
LIFT(s_srshl)
{
    return combine(l, do_srshl, IR_LANE_D | IR_HALF, a->rd, a->rn, a->rm);
}
LIFT(s_urshl)
{
    return combine(l, do_urshl, IR_LANE_D | IR_HALF, a->rd, a->rn, a->rm);
}

/* Saturating shifts by register, and mixed-sign saturating adds: by helper. */
static ir_ref sat2(struct a64_lift *l, enum simd_iop op, unsigned aux, ir_ref n, ir_ref m)
{
    unsigned lane = aux & 7;
    uint32_t ctl = simd_ctl(op, lane, simd_count(lane, !(aux & IR_HALF)), 0);

    return a64_call(l, IR_V128, A64_H_isat2, n, m, ir_const(l->u, IR_I32, ctl));
}
#define SAT_SHIFT(name, op)                                                                 \
    static ir_ref do_##name(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m) \
    {                                                                                       \
        (void)d;                                                                            \
        return sat2(l, op, aux, n, m);                                                      \
    }                                                                                       \
    COMBINE_S(name, do_##name)

SAT_SHIFT(sqshl, SIMD_SQSHL)
SAT_SHIFT(uqshl, SIMD_UQSHL)
SAT_SHIFT(sqrshl, SIMD_SQRSHL)
SAT_SHIFT(uqrshl, SIMD_UQRSHL)

static ir_ref mlah(struct a64_lift *l, enum simd_iop op, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    unsigned lane = aux & 7;

    ir_args(l->u, ir_const(l->u, IR_I32, simd_ctl(op, lane, simd_count(lane, !(aux & IR_HALF)), 0)),
            IR_NONE, IR_NONE);
    return a64_call(l, IR_V128, A64_H_isat3, d, n, m);
}
static ir_ref do_sqrdmlah(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return mlah(l, SIMD_SQRDMLAH, aux, d, n, m);
}
static ir_ref do_sqrdmlsh(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return mlah(l, SIMD_SQRDMLSH, aux, d, n, m);
}
COMBINE_S(sqrdmlah, do_sqrdmlah)
COMBINE_S(sqrdmlsh, do_sqrdmlsh)

/* The same by element. The scalar forms need only n to be zero above lane 0. */
static enum isa_lift element(struct a64_lift *l, simd_fn *fn, unsigned q, unsigned lane,
                             unsigned rd, unsigned rn, ir_ref m)
{
    a64_set_vreg(l, rd, fn(l, simd_aux(lane, q), a64_vreg(l, rd), a64_vreg(l, rn), m));
    return ISA_NEXT;
}
static enum isa_lift element_scalar(struct a64_lift *l, simd_fn *fn, unsigned lane, unsigned rd,
                                    unsigned rn, ir_ref m)
{
    ir_ref n = simd_scalar(l, lane, rn);

    a64_set_vreg(l, rd, fn(l, lane | IR_HALF, simd_scalar(l, lane, rd), n, m));
    return ISA_NEXT;
}
#define ELEMENT(name, fn)                                             \
    LIFT(v_##name##_e)                                                \
    {                                                                 \
        ir_ref m = simd_element(l, a->size, a->rm, a->l, a->m, a->h); \
                                                                      \
        return element(l, fn, a->q, a->size, a->rd, a->rn, m);        \
    }
#define ELEMENT_S(name, fn)                                           \
    ELEMENT(name, fn)                                                 \
    LIFT(s_##name##_e)                                                \
    {                                                                 \
        ir_ref m = simd_element(l, a->size, a->rm, a->l, a->m, a->h); \
                                                                      \
        return element_scalar(l, fn, a->size, a->rd, a->rn, m);       \
    }
ELEMENT(mul, do_mul)
ELEMENT(mla, do_mla)
ELEMENT(mls, do_mls)
ELEMENT_S(sqdmulh, do_sqdmulh)
ELEMENT_S(sqrdmulh, do_sqrdmulh)
ELEMENT_S(sqrdmlah, do_sqrdmlah)
ELEMENT_S(sqrdmlsh, do_sqrdmlsh)
