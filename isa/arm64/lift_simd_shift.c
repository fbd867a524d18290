/* Vector shifts by an immediate (Arm ARM C4.1.96 "Advanced SIMD shift by immediate", "scalar shift
 * by immediate"). `imm` is immh:immb: its leading one tells the lane. The fixed-point conversions
 * of the same group are in lift_simd_fp.c.
 */
#include "isa/arm64/simd.h"

typedef ir_ref simd_shift(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n);

static unsigned lane_of(unsigned imm)
{
    return 28 - bits_clz32(imm);
}
static unsigned right_of(unsigned imm)
{
    return 2 * simd_bits(lane_of(imm)) - imm;
}
static unsigned left_of(unsigned imm)
{
    return imm - simd_bits(lane_of(imm));
}

/* ---- building blocks ---- */
/* n >> count with the last bit shifted out added. */
static ir_ref round_right(struct a64_lift *l, bool sign, unsigned aux, unsigned count, ir_ref n)
{
    struct ir_unit *u = l->u;
    ir_ref last = count > 1 ? ir_v1i(u, IR_VSHRI, aux, n, count - 1) : n;

    last = ir_v2(u, IR_VAND, aux, last, simd_const(l, aux & 7, 1));
    n = ir_v1i(u, sign ? IR_VSARI : IR_VSHRI, aux, n, count);
    return ir_v2(u, IR_VADD, aux, n, last);
}
static ir_ref sshr(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    (void)d;
    return ir_v1i(l->u, IR_VSARI, aux, n, count);
}
static ir_ref ushr(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    (void)d;
    return ir_v1i(l->u, IR_VSHRI, aux, n, count);
}
static ir_ref srshr(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    (void)d;
    return round_right(l, true, aux, count, n);
}
static ir_ref urshr(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    (void)d;
    return round_right(l, false, aux, count, n);
}
#define ACCUMULATE(name, from)                                                               \
    static ir_ref name(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n) \
    {                                                                                        \
        return ir_v2(l->u, IR_VADD, aux, d, from(l, aux, count, d, n));                      \
    }
ACCUMULATE(ssra, sshr)
ACCUMULATE(usra, ushr)
ACCUMULATE(srsra, srshr)
ACCUMULATE(ursra, urshr)

static ir_ref sri(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    return simd_sri(l, aux, d, n, count);
}
static ir_ref shl(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    (void)d;
    return ir_v1i(l->u, IR_VSHLI, aux, n, count);
}
static ir_ref sli(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    return simd_sli(l, aux, d, n, count);
}

/* Saturating left shifts: where shifting back does not give n, `limit`. */
static ir_ref limited(struct a64_lift *l, unsigned aux, ir_ref shifted, ir_ref back, ir_ref n,
                      ir_ref limit)
{
    ir_ref fits = ir_v2(l->u, IR_VCEQ, aux, back, n);

    simd_qc(l, aux, back, n);
    return ir_v3(l->u, IR_VBSL, aux, fits, shifted, limit);
}
static ir_ref sqshl(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    unsigned bits = simd_bits(aux & 7);
    ir_ref shifted = shl(l, aux, count, d, n);
    ir_ref sign = ir_v1i(l->u, IR_VSARI, aux, n, bits - 1);
    ir_ref max = simd_const(l, aux & 7, bits_mask64(bits - 1));

    return limited(l, aux, shifted, ir_v1i(l->u, IR_VSARI, aux, shifted, count), n,
                   ir_v2(l->u, IR_VXOR, aux, sign, max));
}
static ir_ref uqshl(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    ir_ref shifted = shl(l, aux, count, d, n);

    return limited(l, aux, shifted, ir_v1i(l->u, IR_VSHRI, aux, shifted, count), n,
                   simd_const(l, IR_LANE_D, UINT64_MAX));
}
/* Signed to unsigned: shifting back without signs never gives a negative n; its limit is 0. */
static ir_ref sqshlu(struct a64_lift *l, unsigned aux, unsigned count, ir_ref d, ir_ref n)
{
    unsigned lane = aux & 7, bits = simd_bits(lane);
    ir_ref shifted = shl(l, aux, count, d, n);
    ir_ref back = ir_v1i(l->u, IR_VSHRI, aux, shifted, count);
    ir_ref sign = ir_v1i(l->u, IR_VSARI, aux, n, bits - 1);

    if (!count) /* a negative n comes back: make it differ */
        back = ir_v2(l->u, IR_VANDN, aux, back, sign);
    return limited(l, aux, shifted, back, n, ir_v1(l->u, IR_VNOT, aux, sign));
}

/* ---- vector and scalar forms; count from imm by `amount` ---- */
static enum isa_lift shift(struct a64_lift *l, simd_shift *fn, unsigned q, unsigned lane,
                           unsigned count, unsigned rd, unsigned rn)
{
    if (lane == IR_LANE_D && !q)
        return a64_undef(l);
    a64_set_vreg(l, rd, fn(l, simd_aux(lane, q), count, a64_vreg(l, rd), a64_vreg(l, rn)));
    return ISA_NEXT;
}
static enum isa_lift shift_scalar(struct a64_lift *l, simd_shift *fn, unsigned lane, unsigned count,
                                  unsigned rd, unsigned rn)
{
    ir_ref n = simd_scalar(l, lane, rn);

    a64_set_vreg(l, rd, fn(l, lane | IR_HALF, count, a64_vreg(l, rd), n));
    return ISA_NEXT;
}
#define SHIFT(name, fn, amount)                                                    \
    LIFT(v_##name)                                                                 \
    {                                                                              \
        return shift(l, fn, a->q, lane_of(a->imm), amount(a->imm), a->rd, a->rn);  \
    }                                                                              \
    LIFT(s_##name)                                                                 \
    {                                                                              \
        return shift_scalar(l, fn, lane_of(a->imm), amount(a->imm), a->rd, a->rn); \
    }

SHIFT(sshr, sshr, right_of)
SHIFT(ushr, ushr, right_of)
SHIFT(ssra, ssra, right_of)
SHIFT(usra, usra, right_of)
SHIFT(srshr, srshr, right_of)
SHIFT(urshr, urshr, right_of)
SHIFT(srsra, srsra, right_of)
SHIFT(ursra, ursra, right_of)
SHIFT(sri, sri, right_of)
SHIFT(shl, shl, left_of)
SHIFT(sli, sli, left_of)

/* Of the scalar saturating forms the result above lane 0 is already zero, but for the limits of
 * zero lanes, which are never chosen: zero always fits. */
SHIFT(sqshl_i, sqshl, left_of)
SHIFT(uqshl_i, uqshl, left_of)
SHIFT(sqshlu_i, sqshlu, left_of)

/* ---- narrowing: `imm` tells the narrow lane ---- */
LIFT(v_shrn)
{
    unsigned lane = lane_of(a->imm);
    ir_ref r = ir_v1i(l->u, IR_VSHRI, lane + 1, a64_vreg(l, a->rn), right_of(a->imm));

    simd_put_half(l, a->q, a->rd, ir_v1(l->u, IR_VNARR, lane, r));
    return ISA_NEXT;
}
/* The carry that the rounding may lose would be above the bits that are kept. */
LIFT(v_rshrn)
{
    unsigned lane = lane_of(a->imm), count = right_of(a->imm);
    ir_ref half = simd_const(l, lane + 1, UINT64_C(1) << (count - 1));
    ir_ref r = ir_v2(l->u, IR_VADD, lane + 1, a64_vreg(l, a->rn), half);

    r = ir_v1i(l->u, IR_VSHRI, lane + 1, r, count);
    simd_put_half(l, a->q, a->rd, ir_v1(l->u, IR_VNARR, lane, r));
    return ISA_NEXT;
}

/* Shift as `fn`, then narrow by `op`. */
static ir_ref qshrn(struct a64_lift *l, simd_shift *fn, enum ir_op op, unsigned imm, ir_ref n)
{
    unsigned lane = lane_of(imm);

    return simd_narrow(l, op, lane, fn(l, lane + 1, right_of(imm), n, n));
}
#define QSHRN(name, fn, op)                                                          \
    LIFT(v_##name)                                                                   \
    {                                                                                \
        simd_put_half(l, a->q, a->rd, qshrn(l, fn, op, a->imm, a64_vreg(l, a->rn))); \
        return ISA_NEXT;                                                             \
    }                                                                                \
    LIFT(s_##name)                                                                   \
    {                                                                                \
        ir_ref n = simd_scalar(l, lane_of(a->imm) + 1, a->rn);                       \
                                                                                     \
        a64_set_vreg(l, a->rd, qshrn(l, fn, op, a->imm, n));                         \
        return ISA_NEXT;                                                             \
    }
QSHRN(sqshrn, sshr, IR_VQNSS)
QSHRN(sqrshrn, srshr, IR_VQNSS)
QSHRN(sqshrun, sshr, IR_VQNSU)
QSHRN(sqrshrun, srshr, IR_VQNSU)
QSHRN(uqshrn, ushr, IR_VQNUU)
QSHRN(uqrshrn, urshr, IR_VQNUU)

/* ---- widening: SXTL, UXTL are shifts by 0 ---- */
static enum isa_lift shll(struct a64_lift *l, enum ir_op low, enum ir_op high, unsigned q,
                          unsigned imm, unsigned rd, unsigned rn)
{
    unsigned lane = lane_of(imm), count = left_of(imm);
    ir_ref wide = ir_v1(l->u, q ? high : low, lane, a64_vreg(l, rn));

    if (count)
        wide = ir_v1i(l->u, IR_VSHLI, lane + 1, wide, count);
    a64_set_vreg(l, rd, wide);
    return ISA_NEXT;
}
LIFT(v_sshll)
{
    return shll(l, IR_VSXL, IR_VSXH, a->q, a->imm, a->rd, a->rn);
}
LIFT(v_ushll)
{
    return shll(l, IR_VZXL, IR_VZXH, a->q, a->imm, a->rd, a->rn);
}
