/* Scalar floating-point arithmetic, compare, select, move (Arm ARM C4.1.96 "Floating-point ...").
 * Single and double are typed IR; half precision goes to helpers. Conversions: lift_fp_cvt.c.
 */
#include "isa/arm64/simd.h"

enum { FT_S, FT_D, FT_TOP, FT_H };

static enum ir_type type_of(unsigned ft)
{
    return ft == FT_D ? IR_F64 : IR_F32;
}
static ir_ref get(struct a64_lift *l, unsigned ft, unsigned r)
{
    return a64_freg(l, type_of(ft), r);
}
static enum isa_lift set(struct a64_lift *l, unsigned rd, ir_ref v)
{
    a64_set_vreg(l, rd, v);
    return ISA_NEXT;
}

/* ---- one source ---- */
/* Sign operations on a half: on its bits. */
static ir_ref half_bits(struct a64_lift *l, enum ir_op op, unsigned rn, uint32_t mask)
{
    ir_ref w = ir_op1(l->u, IR_BITS, IR_I32, 0, a64_freg(l, IR_F32, rn));

    w = ir_op1(l->u, IR_ZX, IR_I32, 16, w);
    if (mask)
        w = ir_op2(l->u, op, IR_I32, 0, w, ir_const(l->u, IR_I32, mask));
    return ir_op1(l->u, IR_BITS, IR_F32, 0, w);
}
LIFT(f_mov)
{
    return set(l, a->rd, a->ft == FT_H ? half_bits(l, IR_COPY, a->rn, 0) : get(l, a->ft, a->rn));
}
LIFT(f_abs)
{
    if (a->ft == FT_H)
        return set(l, a->rd, half_bits(l, IR_AND, a->rn, 0x7fff));
    return set(l, a->rd, ir_op1(l->u, IR_FABS, type_of(a->ft), 0, get(l, a->ft, a->rn)));
}
LIFT(f_neg)
{
    if (a->ft == FT_H)
        return set(l, a->rd, half_bits(l, IR_XOR, a->rn, 0x8000));
    return set(l, a->rd, ir_op1(l->u, IR_FNEG, type_of(a->ft), 0, get(l, a->ft, a->rn)));
}
LIFT(f_sqrt)
{
    if (a->ft == FT_H)
        return set(l, a->rd, simd_help1(l, SIMD_FSQRT, IR_LANE_H, 1, 0, a64_vreg(l, a->rn)));
    return set(l, a->rd, ir_op1(l->u, IR_FSQRT, type_of(a->ft), 0, get(l, a->ft, a->rn)));
}

static enum isa_lift rint_to(struct a64_lift *l, unsigned rm, unsigned exact, unsigned ft,
                             unsigned rd, unsigned rn)
{
    unsigned round = rm == IR_RM_DYN ? simd_key_round(l) : simd_fp_round((enum ir_rm)rm);

    if (ft == FT_H)
        return set(
            l, rd,
            simd_help1(l, exact ? SIMD_FRINTX : SIMD_FRINT, IR_LANE_H, 1, round, a64_vreg(l, rn)));
    return set(l, rd, ir_op1(l->u, IR_FRINT, type_of(ft), rm | exact, get(l, ft, rn)));
}
LIFT(f_rintn)
{
    return rint_to(l, IR_RM_NEAREST, 0, a->ft, a->rd, a->rn);
}
LIFT(f_rintp)
{
    return rint_to(l, IR_RM_UP, 0, a->ft, a->rd, a->rn);
}
LIFT(f_rintm)
{
    return rint_to(l, IR_RM_DOWN, 0, a->ft, a->rd, a->rn);
}
LIFT(f_rintz)
{
    return rint_to(l, IR_RM_ZERO, 0, a->ft, a->rd, a->rn);
}
LIFT(f_rinta)
{
    return rint_to(l, IR_RM_AWAY, 0, a->ft, a->rd, a->rn);
}
LIFT(f_rintx)
{
    return rint_to(l, IR_RM_DYN, 8, a->ft, a->rd, a->rn);
}
LIFT(f_rinti)
{
    return rint_to(l, IR_RM_DYN, 0, a->ft, a->rd, a->rn);
}

static enum isa_lift rint_range(struct a64_lift *l, enum simd_fpop op, unsigned round, unsigned sz,
                                unsigned rd, unsigned rn)
{
    return set(l, rd, simd_help1(l, op, IR_LANE_S + sz, 1, round, a64_vreg(l, rn)));
}
LIFT(f_rint32z)
{
    return rint_range(l, SIMD_FRINT32, simd_fp_round(IR_RM_ZERO), a->sz, a->rd, a->rn);
}
LIFT(f_rint32x)
{
    return rint_range(l, SIMD_FRINT32, simd_key_round(l), a->sz, a->rd, a->rn);
}
LIFT(f_rint64z)
{
    return rint_range(l, SIMD_FRINT64, simd_fp_round(IR_RM_ZERO), a->sz, a->rd, a->rn);
}
LIFT(f_rint64x)
{
    return rint_range(l, SIMD_FRINT64, simd_key_round(l), a->sz, a->rd, a->rn);
}

/* ---- two sources ---- */
static enum isa_lift two(struct a64_lift *l, enum ir_op op, unsigned aux, enum simd_fpop half,
                         unsigned ft, unsigned rd, unsigned rn, unsigned rm)
{
    ir_ref n, m;

    if (ft == FT_H) {
        n = a64_vreg(l, rn);
        return set(l, rd, simd_help2(l, half, IR_LANE_H, 1, 0, n, a64_vreg(l, rm)));
    }
    n = get(l, ft, rn);
    m = rm == rn ? n : get(l, ft, rm);
    return set(l, rd, ir_op2(l->u, op, type_of(ft), aux, n, m));
}
#define TWO(name, op, aux, half)                                  \
    LIFT(f_##name)                                                \
    {                                                             \
        return two(l, op, aux, half, a->ft, a->rd, a->rn, a->rm); \
    }
TWO(add, IR_FADD, 0, SIMD_FADD)
TWO(sub, IR_FSUB, 0, SIMD_FSUB)
TWO(mul, IR_FMUL, 0, SIMD_FMUL)
TWO(div, IR_FDIV, 0, SIMD_FDIV)
TWO(max, IR_FMAX, IR_MM_ARM << 4, SIMD_FMAX)
TWO(min, IR_FMIN, IR_MM_ARM << 4, SIMD_FMIN)
TWO(maxnm, IR_FMAX, IR_MM_NUM << 4, SIMD_FMAXNM)
TWO(minnm, IR_FMIN, IR_MM_NUM << 4, SIMD_FMINNM)

LIFT(f_nmul)
{
    enum ir_type t = type_of(a->ft);
    ir_ref n, m;

    if (a->ft == FT_H)
        return two(l, IR_FMUL, 0, SIMD_FNMUL, FT_H, a->rd, a->rn, a->rm);
    n = get(l, a->ft, a->rn);
    m = get(l, a->ft, a->rm);
    return set(l, a->rd, ir_op1(l->u, IR_FNEG, t, 0, ir_op2(l->u, IR_FMUL, t, 0, n, m)));
}

/* ---- three sources: the operands are negated, NaNs too, not the result ---- */
static enum isa_lift three(struct a64_lift *l, enum simd_fpop half, bool neg_n, bool neg_a,
                           unsigned ft, unsigned rd, const unsigned reg[3])
{
    enum ir_type t = type_of(ft);
    ir_ref n, m, a;

    if (ft == FT_H) {
        a = a64_vreg(l, reg[2]);
        n = a64_vreg(l, reg[0]);
        m = a64_vreg(l, reg[1]);
        return set(l, rd, simd_help3(l, half, IR_LANE_H, 1, 0, a, n, m));
    }
    n = get(l, ft, reg[0]);
    m = get(l, ft, reg[1]);
    a = get(l, ft, reg[2]);
    if (neg_n)
        n = ir_op1(l->u, IR_FNEG, t, 0, n);
    if (neg_a)
        a = ir_op1(l->u, IR_FNEG, t, 0, a);
    return set(l, rd, ir_op3(l->u, IR_FMA, t, 0, n, m, a));
}
#define THREE(name, half, neg_n, neg_a)                         \
    LIFT(f_##name)                                              \
    {                                                           \
        const unsigned reg[3] = {a->rn, a->rm, a->ra};          \
                                                                \
        return three(l, half, neg_n, neg_a, a->ft, a->rd, reg); \
    }
THREE(madd, SIMD_FMLA, false, false)
THREE(msub, SIMD_FMLS, true, false)
THREE(nmadd, SIMD_FNMLA, true, true)
THREE(nmsub, SIMD_FNMLS, false, true)

/* ---- compare, select ---- */
/* Flags of n against m: vectors for halves, else scalars. */
static ir_ref compare_values(struct a64_lift *l, unsigned ft, unsigned signalling, ir_ref n,
                             ir_ref m)
{
    ir_ref w;

    if (ft != FT_H)
        return ir_op2(l->u, IR_CCFCMP, IR_CC, signalling, n, m);
    w = a64_call(l, IR_I32, A64_H_fp_cmp_h, n, m, ir_const(l->u, IR_I32, signalling));
    return ir_op1(l->u, IR_CCFROM, IR_CC, 0, w);
}
/* Flags of rn against rm, or against zero for rm == 32. */
static ir_ref compare(struct a64_lift *l, unsigned ft, unsigned signalling, unsigned rn,
                      unsigned rm)
{
    enum ir_type t = ft == FT_H ? IR_V128 : type_of(ft);
    ir_ref n = a64_freg(l, t, rn), m = rm < 32 ? a64_freg(l, t, rm) : ir_const(l->u, t, 0);

    return compare_values(l, ft, signalling, n, m);
}
LIFT(f_cmp)
{
    a64_set_cc(l, compare(l, a->ft, a->e, a->rn, a->rm));
    return ISA_NEXT;
}
LIFT(f_cmp0)
{
    a64_set_cc(l, compare(l, a->ft, a->e, a->rn, 32));
    return ISA_NEXT;
}
/* When the condition fails, zeros are compared, which raises nothing. */
LIFT(f_ccmp)
{
    ir_ref old = a64_cc(l), n, m, w;
    enum ir_type t = type_of(a->ft);

    if (a64_cond_always(a->cond)) {
        a64_set_cc(l, compare(l, a->ft, a->e, a->rn, a->rm));
        return ISA_NEXT;
    }
    if (a->ft == FT_H) {
        ir_ref all = ir_op3(l->u, IR_SELCC, IR_I32, a->cond, old,
                            ir_const(l->u, IR_I32, UINT32_MAX), ir_const(l->u, IR_I32, 0));
        ir_ref mask = ir_op1(l->u, IR_VDUP, IR_V128, IR_LANE_S, all);

        n = ir_v2(l->u, IR_VAND, IR_LANE_S, a64_vreg(l, a->rn), mask);
        m = ir_v2(l->u, IR_VAND, IR_LANE_S, a64_vreg(l, a->rm), mask);
    } else {
        ir_ref zero = ir_const(l->u, t, 0);

        n = ir_op3(l->u, IR_SELCC, t, a->cond, old, get(l, a->ft, a->rn), zero);
        m = ir_op3(l->u, IR_SELCC, t, a->cond, old, get(l, a->ft, a->rm), zero);
    }
    w = ir_op1(l->u, IR_CCTO, IR_I32, 0, compare_values(l, a->ft, a->e, n, m));
    w = ir_op3(l->u, IR_SELCC, IR_I32, a->cond, old, w, ir_const(l->u, IR_I32, a->nzcv << 28));
    a64_set_cc(l, ir_op1(l->u, IR_CCFROM, IR_CC, 0, w));
    return ISA_NEXT;
}
LIFT(f_csel)
{
    ir_ref n = get(l, a->ft, a->rn), m = get(l, a->ft, a->rm);

    if (!a64_cond_always(a->cond))
        n = ir_op3(l->u, IR_SELCC, type_of(a->ft), a->cond, a64_cc(l), n, m);
    if (a->ft == FT_H) {
        n = ir_op1(l->u, IR_ZX, IR_I32, 16, ir_op1(l->u, IR_BITS, IR_I32, 0, n));
        n = ir_op1(l->u, IR_BITS, IR_F32, 0, n);
    }
    return set(l, a->rd, n);
}

/* ---- moves ---- */
LIFT(f_mov_imm)
{
    unsigned lane = a->ft == FT_H ? IR_LANE_H : IR_LANE_S + a->ft;

    return set(l, a->rd, ir_const(l->u, type_of(a->ft), simd_fp_imm(lane, a->imm)));
}
LIFT(f_mov_sw)
{
    a64_set_reg(l, a->rd, ir_op1(l->u, IR_BITS, IR_I32, 0, a64_freg(l, IR_F32, a->rn)));
    return ISA_NEXT;
}
LIFT(f_mov_ws)
{
    simd_put_word(l, a->rd, a64_reg(l, IR_I32, a->rn));
    return ISA_NEXT;
}
LIFT(f_mov_dx)
{
    a64_set_reg(l, a->rd, ir_op1(l->u, IR_BITS, IR_I64, 0, a64_freg(l, IR_F64, a->rn)));
    return ISA_NEXT;
}
LIFT(f_mov_xd)
{
    simd_put_dword(l, a->rd, a64_reg(l, IR_I64, a->rn));
    return ISA_NEXT;
}
LIFT(f_mov_hr)
{
    ir_ref w = ir_op1(l->u, IR_BITS, IR_I32, 0, a64_freg(l, IR_F32, a->rn));

    a64_set_reg(l, a->rd, ir_op1(l->u, IR_ZX, IR_I32, 16, w));
    return ISA_NEXT;
}
LIFT(f_mov_rh)
{
    simd_put_word(l, a->rd, ir_op1(l->u, IR_ZX, IR_I32, 16, a64_reg(l, IR_I32, a->rn)));
    return ISA_NEXT;
}
LIFT(f_mov_tx)
{
    a64_set_reg(l, a->rd,
                ir_emit(l->u, IR_VGET, IR_I64, IR_LANE_D, a64_vreg(l, a->rn), IR_NONE, 1));
    return ISA_NEXT;
}
LIFT(f_mov_xt)
{
    ir_ref v = a64_vreg(l, a->rd);

    return set(l, a->rd, ir_v2i(l->u, IR_VSET, IR_LANE_D, v, a64_reg(l, IR_I64, a->rn), 1));
}
