/* Vector floating-point extensions: complex arithmetic (FEAT_FCMA), half to single multiply-add
 * (FEAT_FHM), BFloat16 (FEAT_BF16) (Arm ARM C7.2).
 */
#include "isa/arm64/simd.h"

/* ---- complex: helpers, a number of rotation ---- */
LIFT(v_fcadd)
{
    ir_ref n;

    if (a->size == IR_LANE_D && !a->q)
        return a64_undef(l);
    n = a64_vreg(l, a->rn);
    a64_set_vreg(l, a->rd,
                 simd_help2(l, SIMD_FCADD, a->size, simd_count(a->size, a->q), a->rot, n,
                            a64_vreg(l, a->rm)));
    return ISA_NEXT;
}
static enum isa_lift fcmla(struct a64_lift *l, unsigned lane, unsigned q, unsigned rot, unsigned rd,
                           unsigned rn, ir_ref m)
{
    ir_ref n = a64_vreg(l, rn);

    a64_set_vreg(l, rd,
                 simd_help3(l, SIMD_FCMLA, lane, simd_count(lane, q), rot, a64_vreg(l, rd), n, m));
    return ISA_NEXT;
}
LIFT(v_fcmla)
{
    if (a->size == IR_LANE_D && !a->q)
        return a64_undef(l);
    return fcmla(l, a->size, a->q, a->rot, a->rd, a->rn, a64_vreg(l, a->rm));
}
/* The index counts pairs: h:l of halves, h of singles. */
LIFT(v_fcmla_e)
{
    unsigned index = a->size == IR_LANE_H ? a->h << 1 | a->l : a->h;

    if (a->size == IR_LANE_H ? a->h && !a->q : a->l || !a->q)
        return a64_undef(l);
    return fcmla(l, a->size, a->q, a->rot, a->rd, a->rn,
                 ir_v1i(l->u, IR_VDUPL, a->size + 1, a64_vreg(l, a->m << 4 | a->rm), index));
}

/* ---- FMLAL, FMLSL: the low (or "2": the next) halves of the sources ---- */
static enum isa_lift fmlal(struct a64_lift *l, enum simd_fpop op, unsigned second, unsigned q,
                           unsigned rd, unsigned rn, ir_ref m)
{
    unsigned count = simd_count(IR_LANE_S, q);
    ir_ref n = a64_vreg(l, rn);

    a64_set_vreg(l, rd,
                 simd_help3(l, op, IR_LANE_S, count, second ? count : 0, a64_vreg(l, rd), n, m));
    return ISA_NEXT;
}
#define FMLAL(name, op, second)                                              \
    LIFT(v_##name)                                                           \
    {                                                                        \
        return fmlal(l, op, second, a->q, a->rd, a->rn, a64_vreg(l, a->rm)); \
    }                                                                        \
    LIFT(v_##name##_e)                                                       \
    {                                                                        \
        ir_ref m = simd_element(l, IR_LANE_H, a->rm, a->l, a->m, a->h);      \
                                                                             \
        return fmlal(l, op, second, a->q, a->rd, a->rn, m);                  \
    }
FMLAL(fmlal, SIMD_FMLAL, 0)
FMLAL(fmlsl, SIMD_FMLSL, 0)
FMLAL(fmlal2, SIMD_FMLAL, 1)
FMLAL(fmlsl2, SIMD_FMLSL, 1)

/* ---- BFloat16 ---- */
static enum isa_lift bfdot(struct a64_lift *l, unsigned q, unsigned rd, unsigned rn, ir_ref m)
{
    ir_ref n = a64_vreg(l, rn);

    a64_set_vreg(
        l, rd,
        simd_help3(l, SIMD_BFDOT, IR_LANE_S, simd_count(IR_LANE_S, q), 0, a64_vreg(l, rd), n, m));
    return ISA_NEXT;
}
LIFT(v_bfdot)
{
    return bfdot(l, a->q, a->rd, a->rn, a64_vreg(l, a->rm));
}
LIFT(v_bfdot_e)
{
    return bfdot(l, a->q, a->rd, a->rn, simd_element(l, IR_LANE_S, a->rm, a->l, a->m, a->h));
}
LIFT(v_bfmmla)
{
    ir_ref n = a64_vreg(l, a->rn), m = a64_vreg(l, a->rm);

    a64_set_vreg(l, a->rd, simd_help3(l, SIMD_BFMMLA, IR_LANE_S, 4, 0, a64_vreg(l, a->rd), n, m));
    return ISA_NEXT;
}
/* A bf16 is the high half of the f32 of the same value, so even and odd lanes widen by a shift or a
 * mask, and the rest is an ordinary single-precision multiply-add. */
static ir_ref widen(struct a64_lift *l, unsigned top, ir_ref v)
{
    if (top)
        return ir_v2(l->u, IR_VAND, IR_LANE_S, v, simd_const(l, IR_LANE_S, 0xffff0000u));
    return ir_v1i(l->u, IR_VSHLI, IR_LANE_S, v, 16);
}
static enum isa_lift bfmlal(struct a64_lift *l, unsigned top, unsigned rd, unsigned rn, ir_ref m)
{
    ir_ref n = widen(l, top, a64_vreg(l, rn));

    a64_set_vreg(l, rd, ir_v3(l->u, IR_VFMA, IR_LANE_S, n, m, a64_vreg(l, rd)));
    return ISA_NEXT;
}
LIFT(v_bfmlal)
{
    return bfmlal(l, a->top, a->rd, a->rn, widen(l, a->top, a64_vreg(l, a->rm)));
}
LIFT(v_bfmlal_e)
{
    ir_ref m = simd_element(l, IR_LANE_H, a->rm, a->l, a->m, a->h);

    return bfmlal(l, a->top, a->rd, a->rn, widen(l, 1, m));
}
