/* Scalar conversions: between formats, to and from integers and fixed point (Arm ARM C4.1.96
 * "Conversion between floating-point and integer / fixed-point").
 */
#include "isa/arm64/simd.h"

enum { FT_S, FT_D, FT_TOP, FT_H };

static enum ir_type type_of(unsigned ft)
{
    return ft == FT_D ? IR_F64 : IR_F32;
}
static unsigned lane_of(unsigned ft)
{
    return ft == FT_H ? IR_LANE_H : IR_LANE_S + ft;
}

unsigned simd_fp_round(enum ir_rm rm)
{
    static const uint8_t round[] = {
        [IR_RM_NEAREST] = FP_RNE, [IR_RM_ZERO] = FP_RTZ, [IR_RM_UP] = FP_RUP,
        [IR_RM_DOWN] = FP_RDN,    [IR_RM_AWAY] = FP_RNA,
    };

    return round[rm];
}
unsigned simd_key_round(const struct a64_lift *l)
{
    static const uint8_t round[] = {FP_RNE, FP_RUP, FP_RDN, FP_RTZ};

    return round[l->key & A64_KEY_RMODE];
}

/* ---- between formats ---- */
LIFT(f_cvt)
{
    unsigned ahp = l->key & A64_KEY_AHP ? 8 : 0;
    ir_ref n = a64_freg(l, type_of(a->ft), a->rn);

    if (a->to == a->ft)
        return a64_undef(l);
    if (a->ft == FT_H) {
        n = ir_op1(l->u, IR_BITS, IR_I32, 0, n);
        a64_set_vreg(l, a->rd, ir_op1(l->u, IR_F16TO, type_of(a->to), ahp, n));
    } else if (a->to == FT_H) {
        simd_put_word(l, a->rd, ir_op1(l->u, IR_TOF16, IR_I32, ahp, n));
    } else {
        a64_set_vreg(l, a->rd, ir_op1(l->u, IR_FCVT, type_of(a->to), 0, n));
    }
    return ISA_NEXT;
}
LIFT(f_bfcvt)
{
    a64_set_vreg(l, a->rd, simd_help1(l, SIMD_BFCVTN, IR_LANE_S, 1, 0, a64_vreg(l, a->rn)));
    return ISA_NEXT;
}

/* ---- to integers ---- */
/* By helper: half precision, and fixed point where scaling first could overflow. The number tells
 * fraction bits, rounding, width and signedness. */
static enum isa_lift to_int_help(struct a64_lift *l, bool is_unsigned, unsigned rm, unsigned frac,
                                 unsigned sf, unsigned ft, unsigned rd, unsigned rn)
{
    uint32_t ctl = simd_ctl(is_unsigned ? SIMD_FCVTU : SIMD_FCVTS, lane_of(ft), 1,
                            frac | simd_fp_round((enum ir_rm)rm) << 8 | sf << 11);
    ir_ref v = a64_vreg(l, rn);

    v = a64_call(l, IR_I64, A64_H_fp_to_gp, v, ir_const(l->u, IR_I32, ctl), IR_NONE);
    a64_set_reg(l, rd, sf ? v : ir_op1(l->u, IR_TRUNC, IR_I32, 0, v));
    return ISA_NEXT;
}
static enum isa_lift to_int(struct a64_lift *l, enum ir_op op, unsigned rm, unsigned sf,
                            unsigned ft, unsigned rd, unsigned rn)
{
    if (ft == FT_H)
        return to_int_help(l, op == IR_FTOU, rm, 0, sf, ft, rd, rn);
    a64_set_reg(l, rd, ir_op1(l->u, op, a64_type(sf), rm, a64_freg(l, type_of(ft), rn)));
    return ISA_NEXT;
}
#define TO_INT(name, op, rm)                                  \
    LIFT(f_##name)                                            \
    {                                                         \
        return to_int(l, op, rm, a->sf, a->ft, a->rd, a->rn); \
    }
TO_INT(cvtns, IR_FTOS, IR_RM_NEAREST)
TO_INT(cvtnu, IR_FTOU, IR_RM_NEAREST)
TO_INT(cvtps, IR_FTOS, IR_RM_UP)
TO_INT(cvtpu, IR_FTOU, IR_RM_UP)
TO_INT(cvtms, IR_FTOS, IR_RM_DOWN)
TO_INT(cvtmu, IR_FTOU, IR_RM_DOWN)
TO_INT(cvtzs, IR_FTOS, IR_RM_ZERO)
TO_INT(cvtzu, IR_FTOU, IR_RM_ZERO)
TO_INT(cvtas, IR_FTOS, IR_RM_AWAY)
TO_INT(cvtau, IR_FTOU, IR_RM_AWAY)

/* scale is 64 - fraction bits; W forms have at most 32. A single scaled as a double is exact. */
static enum isa_lift to_fixed(struct a64_lift *l, enum ir_op op, unsigned scale, unsigned sf,
                              unsigned ft, unsigned rd, unsigned rn)
{
    unsigned frac = 64 - scale;
    ir_ref v;

    if (!sf && scale < 32)
        return a64_undef(l);
    if (ft != FT_S)
        return to_int_help(l, op == IR_FTOU, IR_RM_ZERO, frac, sf, ft, rd, rn);
    v = ir_op1(l->u, IR_FCVT, IR_F64, 0, a64_freg(l, IR_F32, rn));
    v = ir_op2(l->u, IR_FMUL, IR_F64, 0, v, ir_const(l->u, IR_F64, (uint64_t)(1023 + frac) << 52));
    a64_set_reg(l, rd, ir_op1(l->u, op, a64_type(sf), IR_RM_ZERO, v));
    return ISA_NEXT;
}
LIFT(f_cvtzs_fx)
{
    return to_fixed(l, IR_FTOS, a->scale, a->sf, a->ft, a->rd, a->rn);
}
LIFT(f_cvtzu_fx)
{
    return to_fixed(l, IR_FTOU, a->scale, a->sf, a->ft, a->rd, a->rn);
}

LIFT(f_jcvtzs)
{
    ir_ref v = a64_call(l, IR_I64, A64_H_fp_jcvt, a64_freg(l, IR_F64, a->rn), IR_NONE, IR_NONE);
    ir_ref nzcv = ir_op2(l->u, IR_SHR, IR_I64, 0, v, ir_const(l->u, IR_I64, 32));

    a64_set_reg(l, a->rd, ir_op1(l->u, IR_TRUNC, IR_I32, 0, v));
    a64_set_cc(l, ir_op1(l->u, IR_CCFROM, IR_CC, 0, ir_op1(l->u, IR_TRUNC, IR_I32, 0, nzcv)));
    return ISA_NEXT;
}

/* ---- from integers: after rounding, scaling by a power of two is exact ---- */
static enum isa_lift from_int(struct a64_lift *l, enum ir_op op, unsigned frac, unsigned sf,
                              unsigned ft, unsigned rd, unsigned rn)
{
    enum ir_type t = type_of(ft);
    ir_ref v = a64_reg(l, a64_type(sf), rn);

    if (ft == FT_H) {
        uint32_t ctl = simd_ctl(op == IR_UTOF ? SIMD_UCVTF : SIMD_SCVTF, IR_LANE_H, 1, frac);

        if (!sf)
            v = ir_op1(l->u, op == IR_UTOF ? IR_ZX : IR_SX, IR_I64, 32, v);
        v = a64_call(l, IR_V128, A64_H_fp_from_gp, v, ir_const(l->u, IR_I32, ctl), IR_NONE);
    } else {
        v = ir_op1(l->u, op, t, 0, v);
        if (frac)
            v = ir_op2(l->u, IR_FMUL, t, 0, v,
                       ir_const(l->u, t,
                                t == IR_F64 ? (uint64_t)(1023 - frac) << 52
                                            : (uint64_t)(127 - frac) << 23));
    }
    a64_set_vreg(l, rd, v);
    return ISA_NEXT;
}
LIFT(f_scvtf)
{
    return from_int(l, IR_STOF, 0, a->sf, a->ft, a->rd, a->rn);
}
LIFT(f_ucvtf)
{
    return from_int(l, IR_UTOF, 0, a->sf, a->ft, a->rd, a->rn);
}
static enum isa_lift from_fixed(struct a64_lift *l, enum ir_op op, unsigned scale, unsigned sf,
                                unsigned ft, unsigned rd, unsigned rn)
{
    if (!sf && scale < 32)
        return a64_undef(l);
    return from_int(l, op, 64 - scale, sf, ft, rd, rn);
}
LIFT(f_scvtf_fx)
{
    return from_fixed(l, IR_STOF, a->scale, a->sf, a->ft, a->rd, a->rn);
}
LIFT(f_ucvtf_fx)
{
    return from_fixed(l, IR_UTOF, a->scale, a->sf, a->ft, a->rd, a->rn);
}
