/* Private to the vector, floating-point and crypto lifters of isa/arm64 and their helpers.
 *
 * Owns: how a lifter names lanes and operation sizes, saturation, and the control word that tells
 * the generic helpers (helpers_simd.c, helpers_fp.c) what to do. Never knows: encodings.
 */
#ifndef MYNA_ISA_ARM64_SIMD_H
#define MYNA_ISA_ARM64_SIMD_H

#include "fp/fp.h"
#include "isa/arm64/lift.h"

/* The head of a lifter. */
#define LIFT(name) enum isa_lift a64_##name(struct a64_lift *l, const struct a64_args_##name *a)

/* Bits of a lane, and lanes of an operation on 64 << q bits. */
static inline unsigned simd_bits(unsigned lane)
{
    return 8u << lane;
}
static inline unsigned simd_count(unsigned lane, unsigned q)
{
    return (8u << q) >> lane;
}
static inline unsigned simd_aux(unsigned lane, unsigned q)
{
    return lane | (q ? 0 : IR_HALF);
}

/* v in every lane. */
static inline ir_ref simd_const(struct a64_lift *l, unsigned lane, uint64_t v)
{
    if (lane < IR_LANE_D)
        v &= bits_mask64(simd_bits(lane));
    for (unsigned bits = simd_bits(lane); bits < 64; bits *= 2)
        v |= v << bits;
    return ir_const(l->u, IR_V128, v);
}

/* Lane 0 of a register as a vector that is zero elsewhere. */
static inline ir_ref simd_scalar(struct a64_lift *l, unsigned lane, unsigned r)
{
    if (lane == IR_LANE_S)
        return ir_op1(l->u, IR_FTOV, IR_V128, 0, a64_freg(l, IR_F32, r));
    if (lane == IR_LANE_D)
        return ir_op1(l->u, IR_FTOV, IR_V128, 0, a64_freg(l, IR_F64, r));
    return ir_v2(l->u, IR_VAND, IR_LANE_D | IR_HALF, a64_vreg(l, r),
                 ir_const(l->u, IR_V128, bits_mask64(simd_bits(lane))));
}

/* Sets a register from an i32 whose upper bits are zero where the lane is narrower. */
static inline void simd_put_word(struct a64_lift *l, unsigned rd, ir_ref w)
{
    a64_set_vreg(l, rd, ir_op1(l->u, IR_BITS, IR_F32, 0, w));
}
static inline void simd_put_dword(struct a64_lift *l, unsigned rd, ir_ref x)
{
    a64_set_vreg(l, rd, ir_op1(l->u, IR_BITS, IR_F64, 0, x));
}
/* Sets rd to lane `index` of v, the rest zero. */
void simd_put_lane(struct a64_lift *l, unsigned rd, unsigned lane, ir_ref v, unsigned index);

/* Sets the half of rd that the second (q = 1) or first form of a narrowing operation writes. v has
 * the result in its low half and zero above. */
static inline void simd_put_half(struct a64_lift *l, unsigned q, unsigned rd, ir_ref v)
{
    if (q)
        v = ir_v2i(l->u, IR_VSETL, IR_LANE_D, a64_vreg(l, rd), v, 1);
    a64_set_vreg(l, rd, v);
}

/* FPSR.QC: saturated where x and y differ. */
static inline void simd_qc(struct a64_lift *l, unsigned aux, ir_ref x, ir_ref y)
{
    ir_ref differ = ir_v2(l->u, IR_VXOR, aux, x, y);

    ir_put(l->u, A64_QC, ir_v2(l->u, IR_VOR, IR_LANE_D, ir_get(l->u, IR_V128, A64_QC), differ));
}

/* The element operand of a by-element instruction, in all lanes; index and register from l, m, h.
 */
static inline unsigned simd_index(unsigned lane, unsigned el, unsigned em, unsigned eh)
{
    return lane == IR_LANE_H ? eh << 2 | el << 1 | em : lane == IR_LANE_S ? eh << 1 | el : eh;
}
static inline ir_ref simd_element(struct a64_lift *l, unsigned lane, unsigned rm, unsigned el,
                                  unsigned em, unsigned eh)
{
    unsigned reg = lane == IR_LANE_H ? rm : em << 4 | rm;

    return ir_v1i(l->u, IR_VDUPL, lane, a64_vreg(l, reg), simd_index(lane, el, em, eh));
}

/* The same where only lane 0 of the result counts. */
static inline ir_ref simd_element0(struct a64_lift *l, unsigned lane, unsigned rm, unsigned el,
                                   unsigned em, unsigned eh)
{
    if (simd_index(lane, el, em, eh))
        return simd_element(l, lane, rm, el, em, eh);
    return a64_vreg(l, lane == IR_LANE_H ? rm : em << 4 | rm);
}

/* ---- the control word of helpers: operation, lane, number of lanes, a number ---- */
static inline uint32_t simd_ctl(unsigned op, unsigned lane, unsigned count, unsigned number)
{
    return op | lane << 8 | count << 12 | number << 18;
}
static inline unsigned simd_ctl_op(uint32_t ctl)
{
    return ctl & 0xff;
}
static inline unsigned simd_ctl_lane(uint32_t ctl)
{
    return ctl >> 8 & 15;
}
static inline unsigned simd_ctl_count(uint32_t ctl)
{
    return ctl >> 12 & 63;
}
static inline unsigned simd_ctl_number(uint32_t ctl)
{
    return ctl >> 18;
}

/* Operations of the helpers isat2, isat3 (saturating; or QC into fpsr) and iest. */
enum simd_iop {
    SIMD_SQSHL,
    SIMD_UQSHL,
    SIMD_SQRSHL,
    SIMD_UQRSHL, /* v[0] shifted by the low bytes of v[1] */
    SIMD_SUQADD,
    SIMD_USQADD, /* v[0] accumulator, v[1] */
    SIMD_SQRDMLAH,
    SIMD_SQRDMLSH, /* v[0] accumulator, v[1], v[2] */
    SIMD_URECPE,
    SIMD_URSQRTE,
};

/* Operations of the helpers fp1, fp2, fp3. */
enum simd_fpop {
    /* one operand */
    SIMD_FSQRT,
    SIMD_FRINT,
    SIMD_FRINTX, /* number: enum fp_round */
    SIMD_FRECPE,
    SIMD_FRSQRTE,
    SIMD_FRECPX,
    SIMD_FRINT32,
    SIMD_FRINT64, /* number: enum fp_round */
    SIMD_FCVTS,
    SIMD_FCVTU, /* to integers; number: fraction bits | fp_round << 8 */
    SIMD_SCVTF,
    SIMD_UCVTF,  /* number: fraction bits */
    SIMD_FCVTXN, /* f64 to f32 rounded to odd */
    SIMD_BFCVTN,
    /* two */
    SIMD_FADD,
    SIMD_FSUB,
    SIMD_FMUL,
    SIMD_FDIV,
    SIMD_FMULX,
    SIMD_FNMUL,
    SIMD_FABD,
    SIMD_FMAX,
    SIMD_FMIN,
    SIMD_FMAXNM,
    SIMD_FMINNM,
    SIMD_FRECPS,
    SIMD_FRSQRTS,
    SIMD_FCMEQ,
    SIMD_FCMGE,
    SIMD_FCMGT,
    SIMD_FACGE,
    SIMD_FACGT,
    SIMD_FCADD, /* number: 0: 90 degrees, 1: 270 */
    /* three: addend v[0], factors v[1], v[2] */
    SIMD_FMLA,
    SIMD_FMLS,
    SIMD_FNMLA,
    SIMD_FNMLS, /* +a+nm, +a-nm, -a-nm, -a+nm */
    SIMD_FCMLA, /* number: rotation / 90 */
    SIMD_FMLAL,
    SIMD_FMLSL, /* number: first lane of n and m */
    SIMD_BFDOT,
    SIMD_BFMMLA,
};

/* The constant that FMOV's imm8 stands for; lane H, S or D. */
uint64_t simd_fp_imm(unsigned lane, unsigned imm8);

/* Rounding named by an instruction, in the IR's numbers; shared by scalar and vector lifters. */
unsigned simd_fp_round(enum ir_rm rm); /* as enum fp_round, IR_RM_DYN excluded */
/* The rounding that FPCR asks for, as enum fp_round. */
unsigned simd_key_round(const struct a64_lift *l);

/* Spellings of operations in cheaper ones, lift_simd_expand.c. */
ir_ref simd_sli(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, unsigned count);
ir_ref simd_sri(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, unsigned count);
ir_ref simd_narrow(struct a64_lift *l, enum ir_op op, unsigned lane, ir_ref v);
ir_ref simd_fold(struct a64_lift *l, enum ir_op op, unsigned aux, ir_ref v);
ir_ref simd_table(struct a64_lift *l, unsigned aux, unsigned rn, unsigned count, ir_ref index);

/* Vector FP operations on lane S or D by IR, on others (and what IR lacks) by helper. */
ir_ref simd_fp2(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned q, ir_ref a,
                ir_ref b);
/* Scalar results by helper: only lane 0 is computed, the rest is zero. */
ir_ref simd_help1(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned count,
                  unsigned number, ir_ref a);
ir_ref simd_help2(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned count,
                  unsigned number, ir_ref a, ir_ref b);
ir_ref simd_help3(struct a64_lift *l, enum simd_fpop op, unsigned lane, unsigned count,
                  unsigned number, ir_ref a, ir_ref n, ir_ref m);

#endif
