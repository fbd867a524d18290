/* Lifts half precision: moves and memory (Zfhmin) inline, arithmetic (Zfh) by a helper that uses
 * software floating point, since hosts have none and rounding through singles is wrong at the
 * edges. Unprivileged ISA, chapter "Zfh". Conversions with F and D are in lift_fp_cvt.c. */
#include "isa/riscv/lift_fp.h"

ir_ref rv_f16(struct rv_lift *l, unsigned n)
{
    struct ir_unit *u = l->u;
    ir_ref v = rv_fbits(l, n);
    ir_ref high = ir_op2(u, IR_SAR, IR_I64, 0, v, rv_const(l, 16));
    ir_ref ok = ir_op2(u, IR_SETC, IR_I32, IR_EQ, high, rv_const(l, UINT64_MAX));

    return ir_op3(u, IR_SELNZ, IR_I32, 0, ok, ir_op1(u, IR_ZX, IR_I32, 16, v),
                  ir_const(u, IR_I32, 0x7e00));
}

void rv_set_f16(struct rv_lift *l, unsigned n, ir_ref v)
{
    struct ir_unit *u = l->u;

    if (u->ins[v].type == IR_I32)
        v = ir_op1(u, IR_ZX, IR_I64, 32, v);
    rv_set_fbits(l, n, ir_op2(u, IR_OR, IR_I64, 0, v, rv_const(l, RV_BOX16)));
}

enum isa_lift rv_flh(struct rv_lift *l, const struct rv_args_flh *a)
{
    rv_set_f16(l, a->rd,
               ir_ld(l->u, IR_I64, IR_M_16, rv_x(l, a->rs1), (int32_t)rv_sext(a->imm, 12)));
    return ISA_NEXT;
}

enum isa_lift rv_fsh(struct rv_lift *l, const struct rv_args_fsh *a)
{
    ir_ref at = rv_x(l, a->rs1);
    ir_ref v = ir_op1(l->u, IR_TRUNC, IR_I32, 0, rv_fbits(l, a->rs2));

    ir_st(l->u, IR_M_16, at, v, (int32_t)rv_sext(a->imm, 12));
    return ISA_NEXT;
}

enum isa_lift rv_fmv_x_h(struct rv_lift *l, const struct rv_args_fmv_x_h *a)
{
    rv_set(l, a->rd, ir_op1(l->u, IR_SX, IR_I64, 16, rv_fbits(l, a->rs1)));
    return ISA_NEXT;
}

enum isa_lift rv_fmv_h_x(struct rv_lift *l, const struct rv_args_fmv_h_x *a)
{
    rv_set_f16(l, a->rd, ir_op1(l->u, IR_ZX, IR_I64, 16, rv_x(l, a->rs1)));
    return ISA_NEXT;
}

enum isa_lift rv_fclass_h(struct rv_lift *l, const struct rv_args_fclass_h *a)
{
    rv_set(l, a->rd, ir_call(l->u, IR_I64, RV_H_FCLASS_H, rv_fbits(l, a->rs1), IR_NONE, IR_NONE));
    return ISA_NEXT;
}

/* The helper with up to three i64 arguments; missing ones are zero. */
static ir_ref call(struct rv_lift *l, enum rv_f16_op op, unsigned rm, const ir_ref v[3])
{
    struct ir_unit *u = l->u;
    ir_ref what = ir_const(u, IR_I32, (uint32_t)op | rm << 8);

    ir_args(u, v[2], IR_NONE, IR_NONE);
    return ir_call(u, IR_I64, RV_H_F16_OP, what, v[0], v[1]);
}

/* The rounding mode in force, RISC-V's number. */
static bool mode(const struct rv_lift *l, unsigned rm, unsigned *out)
{
    *out = rm == 7 ? l->u->key : rm;
    return *out <= 4;
}

static enum isa_lift arith(struct rv_lift *l, enum rv_f16_op op, unsigned rm, unsigned rd,
                           const ir_ref v[3])
{
    if (!mode(l, rm, &rm))
        return rv_undef(l);
    rv_set_fbits(l, rd, call(l, op, rm, v));
    return ISA_NEXT;
}

#define THREE(NAME, OP)                                                                      \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)               \
    {                                                                                        \
        const ir_ref v[3] = {rv_fbits(l, a->rs1), rv_fbits(l, a->rs2), rv_fbits(l, a->rs3)}; \
                                                                                             \
        return arith(l, OP, a->rm, a->rd, v);                                                \
    }
THREE(fmadd_h, RV_F16_FMADD)
THREE(fmsub_h, RV_F16_FMSUB)
THREE(fnmsub_h, RV_F16_FNMSUB)
THREE(fnmadd_h, RV_F16_FNMADD)

#define TWO(NAME, OP, RM)                                                               \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)          \
    {                                                                                   \
        const ir_ref v[3] = {rv_fbits(l, a->rs1), rv_fbits(l, a->rs2), rv_const(l, 0)}; \
                                                                                        \
        return arith(l, OP, RM, a->rd, v);                                              \
    }
TWO(fadd_h, RV_F16_ADD, a->rm)
TWO(fsub_h, RV_F16_SUB, a->rm)
TWO(fmul_h, RV_F16_MUL, a->rm)
TWO(fdiv_h, RV_F16_DIV, a->rm)
TWO(fsgnj_h, RV_F16_SGNJ, 0)
TWO(fsgnjn_h, RV_F16_SGNJN, 0)
TWO(fsgnjx_h, RV_F16_SGNJX, 0)
TWO(fmin_h, RV_F16_MIN, 0)
TWO(fmax_h, RV_F16_MAX, 0)

enum isa_lift rv_fsqrt_h(struct rv_lift *l, const struct rv_args_fsqrt_h *a)
{
    const ir_ref v[3] = {rv_fbits(l, a->rs1), rv_const(l, 0), rv_const(l, 0)};

    return arith(l, RV_F16_SQRT, a->rm, a->rd, v);
}

#define COMPARE(NAME, OP)                                                               \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)          \
    {                                                                                   \
        const ir_ref v[3] = {rv_fbits(l, a->rs1), rv_fbits(l, a->rs2), rv_const(l, 0)}; \
                                                                                        \
        rv_set(l, a->rd, call(l, OP, 0, v));                                            \
        return ISA_NEXT;                                                                \
    }
COMPARE(fle_h, RV_F16_LE)
COMPARE(flt_h, RV_F16_LT)
COMPARE(feq_h, RV_F16_EQ)

#define TO_INT(NAME, OP)                                                           \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)     \
    {                                                                              \
        unsigned rm;                                                               \
                                                                                   \
        if (!mode(l, a->rm, &rm))                                                  \
            return rv_undef(l);                                                    \
        const ir_ref v[3] = {rv_fbits(l, a->rs1), rv_const(l, 0), rv_const(l, 0)}; \
        rv_set(l, a->rd, call(l, OP, rm, v));                                      \
        return ISA_NEXT;                                                           \
    }
TO_INT(fcvt_w_h, RV_F16_TO_W)
TO_INT(fcvt_wu_h, RV_F16_TO_WU)
TO_INT(fcvt_l_h, RV_F16_TO_L)
TO_INT(fcvt_lu_h, RV_F16_TO_LU)

#define FROM_INT(NAME, OP)                                                     \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        const ir_ref v[3] = {rv_x(l, a->rs1), rv_const(l, 0), rv_const(l, 0)}; \
                                                                               \
        return arith(l, OP, a->rm, a->rd, v);                                  \
    }
FROM_INT(fcvt_h_w, RV_F16_FROM_W)
FROM_INT(fcvt_h_wu, RV_F16_FROM_WU)
FROM_INT(fcvt_h_l, RV_F16_FROM_L)
FROM_INT(fcvt_h_lu, RV_F16_FROM_LU)
