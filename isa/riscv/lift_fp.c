/* Lifts F and D: loads, stores, arithmetic, comparisons, moves; and the NaN boxing they share.
 * Unprivileged ISA chapters 20 and 21. Conversions are in lift_fp_cvt.c, halves in lift_fp_half.c.
 */
#include "isa/riscv/lift_fp.h"

/* So far back rv_f32() looks for the value that the block put into a register. */
#define LOOK_BACK 200

/* ---- boxing ---- */

static ir_ref vconst(struct rv_lift *l, uint64_t both)
{
    return ir_const(l->u, IR_V128, both);
}

/* The single that rv_set_f32() boxed into f[n] in this block, or IR_NONE. */
static ir_ref boxed_here(const struct rv_lift *l, unsigned n)
{
    const struct ir_unit *u = l->u;
    uint32_t first = u->nblocks ? u->blocks[u->nblocks - 1].first : 0;

    if (u->nins > LOOK_BACK && first < u->nins - LOOK_BACK)
        first = u->nins - LOOK_BACK;
    for (uint32_t i = u->nins; i-- > first;) {
        const struct ir_ins *put = &u->ins[i];

        if (put->op != IR_PUT || put->aux != RV_SLOT_F + n)
            continue;
        const struct ir_ins *low = &u->ins[put->a];
        if (low->op != IR_VLOW || u->ins[low->a].op != IR_VOR)
            return IR_NONE;
        const struct ir_ins *wide = &u->ins[u->ins[low->a].a];
        if (wide->op != IR_FTOV || u->ins[wide->a].type != IR_F32)
            return IR_NONE;
        return wide->a;
    }
    return IR_NONE;
}

/* f[n] as a vector, and in *ok lanes of ones if it is boxed, else zero. */
static ir_ref open_box(struct rv_lift *l, unsigned n, ir_ref *ok)
{
    ir_ref v = ir_op1(l->u, IR_FTOV, IR_V128, 0, rv_f64(l, n));
    ir_ref high = ir_v1i(l->u, IR_VDUPL, IR_LANE_S, v, 1);

    *ok = ir_v2(l->u, IR_VCEQ, IR_LANE_S, high, vconst(l, UINT64_MAX));
    return v;
}

ir_ref rv_f32(struct rv_lift *l, unsigned n)
{
    ir_ref ok, v = boxed_here(l, n);

    if (v != IR_NONE)
        return v;
    v = open_box(l, n, &ok);
    return ir_op1(l->u, IR_VLOW, IR_F32, 0, ir_v2(l->u, IR_VORN, 0, v, ok));
}

ir_ref rv_f32_exact(struct rv_lift *l, unsigned n)
{
    ir_ref ok, v = boxed_here(l, n);

    if (v != IR_NONE)
        return v;
    v = open_box(l, n, &ok);
    v = ir_v3(l->u, IR_VBSL, 0, ok, v, vconst(l, 0x7fc00000));
    return ir_op1(l->u, IR_VLOW, IR_F32, 0, v);
}

void rv_set_f32(struct rv_lift *l, unsigned n, ir_ref v)
{
    ir_ref wide = ir_op1(l->u, IR_FTOV, IR_V128, 0, v);

    wide = ir_v2(l->u, IR_VOR, 0, wide, vconst(l, RV_BOX32));
    rv_set_f64(l, n, ir_op1(l->u, IR_VLOW, IR_F64, 0, wide));
}

void rv_move_f32(struct rv_lift *l, unsigned rd, unsigned rs)
{
    ir_ref ok, v = boxed_here(l, rs);

    if (v != IR_NONE) {
        rv_set_f32(l, rd, v);
        return;
    }
    v = open_box(l, rs, &ok);
    v = ir_v3(l->u, IR_VBSL, 0, ok, v, vconst(l, RV_BOX32 | 0x7fc00000));
    rv_set_f64(l, rd, ir_op1(l->u, IR_VLOW, IR_F64, 0, v));
}

/* ---- loads and stores ---- */

enum isa_lift rv_flw(struct rv_lift *l, const struct rv_args_flw *a)
{
    ir_ref v = ir_ld(l->u, IR_F32, IR_M_32, rv_x(l, a->rs1), (int32_t)rv_sext(a->imm, 12));

    rv_set_f32(l, a->rd, v);
    return ISA_NEXT;
}

enum isa_lift rv_fld(struct rv_lift *l, const struct rv_args_fld *a)
{
    rv_set_f64(l, a->rd,
               ir_ld(l->u, IR_F64, IR_M_64, rv_x(l, a->rs1), (int32_t)rv_sext(a->imm, 12)));
    return ISA_NEXT;
}

/* Stores the low half whatever the box says. */
enum isa_lift rv_fsw(struct rv_lift *l, const struct rv_args_fsw *a)
{
    ir_ref v = boxed_here(l, a->rs2);
    ir_ref at = rv_x(l, a->rs1);

    if (v == IR_NONE)
        v = ir_get(l->u, IR_F32, RV_SLOT_F + a->rs2);
    ir_st(l->u, IR_M_32, at, v, (int32_t)rv_sext(a->imm, 12));
    return ISA_NEXT;
}

enum isa_lift rv_fsd(struct rv_lift *l, const struct rv_args_fsd *a)
{
    ir_ref at = rv_x(l, a->rs1);

    ir_st(l->u, IR_M_64, at, rv_f64(l, a->rs2), (int32_t)rv_sext(a->imm, 12));
    return ISA_NEXT;
}

/* ---- arithmetic ---- */

#define ARITH(NAME, OP, T, READ, WRITE)                                        \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        unsigned rm;                                                           \
                                                                               \
        if (!rv_rounding(l, a->rm, &rm))                                       \
            return rv_undef(l);                                                \
        ir_ref x = READ(l, a->rs1), y = READ(l, a->rs2);                       \
        WRITE(l, a->rd, ir_op2(l->u, OP, T, rm, x, y));                        \
        return ISA_NEXT;                                                       \
    }
#define ARITH_SD(NAME, OP)                          \
    ARITH(NAME##_s, OP, IR_F32, rv_f32, rv_set_f32) \
    ARITH(NAME##_d, OP, IR_F64, rv_f64, rv_set_f64)
ARITH_SD(fadd, IR_FADD)
ARITH_SD(fsub, IR_FSUB)
ARITH_SD(fmul, IR_FMUL)
ARITH_SD(fdiv, IR_FDIV)

#define SQRT(NAME, T, READ, WRITE)                                             \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        unsigned rm;                                                           \
                                                                               \
        if (!rv_rounding(l, a->rm, &rm))                                       \
            return rv_undef(l);                                                \
        WRITE(l, a->rd, ir_op1(l->u, IR_FSQRT, T, rm, READ(l, a->rs1)));       \
        return ISA_NEXT;                                                       \
    }
SQRT(fsqrt_s, IR_F32, rv_f32, rv_set_f32)
SQRT(fsqrt_d, IR_F64, rv_f64, rv_set_f64)

/* +-(a * b) +- c: signs are flipped on the way in, which rounds as the manual says; flipping a NaN
 * shows nowhere, as NaN results are canonical. */
static ir_ref fma_op(struct rv_lift *l, enum ir_type t, unsigned rm, bool neg_mul, bool neg_add,
                     const ir_ref v[3])
{
    ir_ref x = neg_mul ? ir_op1(l->u, IR_FNEG, t, 0, v[0]) : v[0];
    ir_ref z = neg_add ? ir_op1(l->u, IR_FNEG, t, 0, v[2]) : v[2];

    return ir_op3(l->u, IR_FMA, t, rm, x, v[1], z);
}

#define FUSED(NAME, T, READ, WRITE, NEG_MUL, NEG_ADD)                            \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)   \
    {                                                                            \
        unsigned rm;                                                             \
                                                                                 \
        if (!rv_rounding(l, a->rm, &rm))                                         \
            return rv_undef(l);                                                  \
        const ir_ref v[3] = {READ(l, a->rs1), READ(l, a->rs2), READ(l, a->rs3)}; \
        WRITE(l, a->rd, fma_op(l, T, rm, NEG_MUL, NEG_ADD, v));                  \
        return ISA_NEXT;                                                         \
    }
#define FUSED_SD(NAME, NEG_MUL, NEG_ADD)                          \
    FUSED(NAME##_s, IR_F32, rv_f32, rv_set_f32, NEG_MUL, NEG_ADD) \
    FUSED(NAME##_d, IR_F64, rv_f64, rv_set_f64, NEG_MUL, NEG_ADD)
FUSED_SD(fmadd, false, false)
FUSED_SD(fmsub, false, true)
FUSED_SD(fnmsub, true, false)
FUSED_SD(fnmadd, true, true)

#define MINMAX(NAME, OP, T, READ, WRITE)                                       \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        ir_ref x = READ(l, a->rs1), y = READ(l, a->rs2);                       \
                                                                               \
        WRITE(l, a->rd, ir_op2(l->u, OP, T, IR_MM_NUM19 << 4, x, y));          \
        return ISA_NEXT;                                                       \
    }
MINMAX(fmin_s, IR_FMIN, IR_F32, rv_f32, rv_set_f32)
MINMAX(fmax_s, IR_FMAX, IR_F32, rv_f32, rv_set_f32)
MINMAX(fmin_d, IR_FMIN, IR_F64, rv_f64, rv_set_f64)
MINMAX(fmax_d, IR_FMAX, IR_F64, rv_f64, rv_set_f64)

/* ---- comparisons: eq is quiet, lt and le raise invalid for any NaN ---- */

#define COMPARE(NAME, COND, READ)                                              \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        ir_ref x = READ(l, a->rs1), y = READ(l, a->rs2);                       \
                                                                               \
        rv_set(l, a->rd, ir_op2(l->u, IR_FSETC, IR_I64, COND, x, y));          \
        return ISA_NEXT;                                                       \
    }
#define SIGNALLING 8
COMPARE(feq_s, IR_FC_EQ, rv_f32)
COMPARE(flt_s, IR_FC_LT | SIGNALLING, rv_f32)
COMPARE(fle_s, IR_FC_LE | SIGNALLING, rv_f32)
COMPARE(feq_d, IR_FC_EQ, rv_f64)
COMPARE(flt_d, IR_FC_LT | SIGNALLING, rv_f64)
COMPARE(fle_d, IR_FC_LE | SIGNALLING, rv_f64)

/* ---- sign injection ---- */

enum sign { SIGN_COPY, SIGN_NOT, SIGN_XOR };

/* The bits x with a sign made from that of y; t is I32 or I64. */
static ir_ref inject(struct rv_lift *l, enum ir_type t, enum sign how, ir_ref x, ir_ref y)
{
    unsigned magnitude = ir_type_bits[t] - 1u;

    if (how == SIGN_XOR) {
        ir_ref sign = ir_const(l->u, t, UINT64_C(1) << magnitude);
        return ir_op2(l->u, IR_XOR, t, 0, x, ir_op2(l->u, IR_AND, t, 0, y, sign));
    }
    if (how == SIGN_NOT)
        y = ir_op1(l->u, IR_NOT, t, 0, y);
    return ir_op2(l->u, IR_BFI, t, magnitude << 8, y, x);
}

static enum isa_lift sign_d(struct rv_lift *l, enum sign how, unsigned rd, unsigned rs1,
                            unsigned rs2)
{
    if (rs1 != rs2) {
        rv_set_fbits(l, rd, inject(l, IR_I64, how, rv_fbits(l, rs1), rv_fbits(l, rs2)));
        return ISA_NEXT;
    }
    ir_ref v = rv_f64(l, rs1);
    if (how != SIGN_COPY)
        v = ir_op1(l->u, how == SIGN_NOT ? IR_FNEG : IR_FABS, IR_F64, 0, v);
    rv_set_f64(l, rd, v);
    return ISA_NEXT;
}

static enum isa_lift sign_s(struct rv_lift *l, enum sign how, unsigned rd, unsigned rs1,
                            unsigned rs2)
{
    if (rs1 == rs2 && how == SIGN_COPY) {
        rv_move_f32(l, rd, rs1);
        return ISA_NEXT;
    }
    ir_ref v = rv_f32_exact(l, rs1);
    if (rs1 == rs2) {
        v = ir_op1(l->u, how == SIGN_NOT ? IR_FNEG : IR_FABS, IR_F32, 0, v);
    } else {
        v = ir_op1(l->u, IR_BITS, IR_I32, 0, v);
        ir_ref y = ir_op1(l->u, IR_BITS, IR_I32, 0, rv_f32_exact(l, rs2));
        v = ir_op1(l->u, IR_BITS, IR_F32, 0, inject(l, IR_I32, how, v, y));
    }
    rv_set_f32(l, rd, v);
    return ISA_NEXT;
}

#define SIGN(NAME, HOW)                                                                \
    enum isa_lift rv_##NAME##_s(struct rv_lift *l, const struct rv_args_##NAME##_s *a) \
    {                                                                                  \
        return sign_s(l, HOW, a->rd, a->rs1, a->rs2);                                  \
    }                                                                                  \
    enum isa_lift rv_##NAME##_d(struct rv_lift *l, const struct rv_args_##NAME##_d *a) \
    {                                                                                  \
        return sign_d(l, HOW, a->rd, a->rs1, a->rs2);                                  \
    }
SIGN(fsgnj, SIGN_COPY)
SIGN(fsgnjn, SIGN_NOT)
SIGN(fsgnjx, SIGN_XOR)

/* ---- class, and moves of bits ---- */

enum isa_lift rv_fclass_s(struct rv_lift *l, const struct rv_args_fclass_s *a)
{
    ir_ref bits = ir_op1(l->u, IR_BITS, IR_I32, 0, rv_f32_exact(l, a->rs1));

    rv_set(l, a->rd, ir_call(l->u, IR_I64, RV_H_FCLASS_S, bits, IR_NONE, IR_NONE));
    return ISA_NEXT;
}

enum isa_lift rv_fclass_d(struct rv_lift *l, const struct rv_args_fclass_d *a)
{
    rv_set(l, a->rd, ir_call(l->u, IR_I64, RV_H_FCLASS_D, rv_fbits(l, a->rs1), IR_NONE, IR_NONE));
    return ISA_NEXT;
}

enum isa_lift rv_fmv_x_w(struct rv_lift *l, const struct rv_args_fmv_x_w *a)
{
    ir_ref v = boxed_here(l, a->rs1);

    if (v == IR_NONE)
        v = ir_get(l->u, IR_F32, RV_SLOT_F + a->rs1);
    rv_setw(l, a->rd, ir_op1(l->u, IR_BITS, IR_I32, 0, v));
    return ISA_NEXT;
}

enum isa_lift rv_fmv_w_x(struct rv_lift *l, const struct rv_args_fmv_w_x *a)
{
    rv_set_f32(l, a->rd, ir_op1(l->u, IR_BITS, IR_F32, 0, rv_xw(l, a->rs1)));
    return ISA_NEXT;
}

enum isa_lift rv_fmv_x_d(struct rv_lift *l, const struct rv_args_fmv_x_d *a)
{
    rv_set(l, a->rd, rv_fbits(l, a->rs1));
    return ISA_NEXT;
}

enum isa_lift rv_fmv_d_x(struct rv_lift *l, const struct rv_args_fmv_d_x *a)
{
    rv_set_fbits(l, a->rd, rv_x(l, a->rs1));
    return ISA_NEXT;
}
