/* Lifts RV64I without memory and control flow, M and Zicond. Unprivileged ISA chapters 2, 4,
 * 12, 13. */
#include "isa/riscv/lift.h"

enum isa_lift rv_lui(struct rv_lift *l, const struct rv_args_lui *a)
{
    rv_set(l, a->rd, rv_const(l, (uint64_t)rv_sext(a->imm << 12, 32)));
    return ISA_NEXT;
}

enum isa_lift rv_auipc(struct rv_lift *l, const struct rv_args_auipc *a)
{
    rv_set(l, a->rd, rv_const(l, l->pc + (uint64_t)rv_sext(a->imm << 12, 32)));
    return ISA_NEXT;
}

enum isa_lift rv_addi(struct rv_lift *l, const struct rv_args_addi *a)
{
    uint64_t imm = (uint64_t)rv_sext(a->imm, 12);

    if (!a->rd)
        return ISA_NEXT;
    if (!a->rs1)
        rv_set(l, a->rd, rv_const(l, imm));
    else if (!imm)
        rv_set(l, a->rd, rv_x(l, a->rs1));
    else
        rv_set(l, a->rd, ir_op2(l->u, IR_ADD, IR_I64, 0, rv_x(l, a->rs1), rv_const(l, imm)));
    return ISA_NEXT;
}

enum isa_lift rv_addiw(struct rv_lift *l, const struct rv_args_addiw *a)
{
    ir_ref v = rv_xw(l, a->rs1);

    if (a->imm)
        v = ir_op2(l->u, IR_ADD, IR_I32, 0, v,
                   ir_const(l->u, IR_I32, (uint32_t)rv_sext(a->imm, 12)));
    rv_setw(l, a->rd, v);
    return ISA_NEXT;
}

#define ALU_IMM(NAME, OP)                                                        \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)   \
    {                                                                            \
        ir_ref imm = rv_const(l, (uint64_t)rv_sext(a->imm, 12));                 \
                                                                                 \
        if (a->rd)                                                               \
            rv_set(l, a->rd, ir_op2(l->u, OP, IR_I64, 0, rv_x(l, a->rs1), imm)); \
        return ISA_NEXT;                                                         \
    }
ALU_IMM(xori, IR_XOR)
ALU_IMM(ori, IR_OR)
ALU_IMM(andi, IR_AND)

enum isa_lift rv_slti(struct rv_lift *l, const struct rv_args_slti *a)
{
    ir_ref imm = rv_const(l, (uint64_t)rv_sext(a->imm, 12));

    rv_set(l, a->rd, ir_op2(l->u, IR_SETC, IR_I64, IR_LTS, rv_x(l, a->rs1), imm));
    return ISA_NEXT;
}

enum isa_lift rv_sltiu(struct rv_lift *l, const struct rv_args_sltiu *a)
{
    uint64_t imm = (uint64_t)rv_sext(a->imm, 12);
    ir_ref x = rv_x(l, a->rs1);

    /* sltiu rd, rs, 1 is the idiom for "is zero" */
    if (imm == 1)
        rv_set(l, a->rd, ir_op2(l->u, IR_SETC, IR_I64, IR_EQ, x, rv_const(l, 0)));
    else
        rv_set(l, a->rd, ir_op2(l->u, IR_SETC, IR_I64, IR_LTU, x, rv_const(l, imm)));
    return ISA_NEXT;
}

#define SHIFT_IMM(NAME, OP)                                                                     \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)                  \
    {                                                                                           \
        if (a->rd)                                                                              \
            rv_set(l, a->rd, ir_op2(l->u, OP, IR_I64, 0, rv_x(l, a->rs1), rv_const(l, a->sh))); \
        return ISA_NEXT;                                                                        \
    }
SHIFT_IMM(slli, IR_SHL)
SHIFT_IMM(srli, IR_SHR)
SHIFT_IMM(srai, IR_SAR)

#define SHIFT_IMM_W(NAME, OP)                                                  \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        ir_ref n = ir_const(l->u, IR_I32, a->sh);                              \
                                                                               \
        rv_setw(l, a->rd, ir_op2(l->u, OP, IR_I32, 0, rv_xw(l, a->rs1), n));   \
        return ISA_NEXT;                                                       \
    }
SHIFT_IMM_W(slliw, IR_SHL)
SHIFT_IMM_W(srliw, IR_SHR)
SHIFT_IMM_W(sraiw, IR_SAR)

/* ---- registers ---- */

enum isa_lift rv_add(struct rv_lift *l, const struct rv_args_add *a)
{
    if (!a->rd)
        return ISA_NEXT;
    if (!a->rs1 || !a->rs2)
        rv_set(l, a->rd, rv_x(l, a->rs1 | a->rs2));
    else
        rv_set(l, a->rd, ir_op2(l->u, IR_ADD, IR_I64, 0, rv_x(l, a->rs1), rv_x(l, a->rs2)));
    return ISA_NEXT;
}

enum isa_lift rv_sub(struct rv_lift *l, const struct rv_args_sub *a)
{
    if (!a->rs1)
        rv_set(l, a->rd, ir_op1(l->u, IR_NEG, IR_I64, 0, rv_x(l, a->rs2)));
    else
        rv_set(l, a->rd, ir_op2(l->u, IR_SUB, IR_I64, 0, rv_x(l, a->rs1), rv_x(l, a->rs2)));
    return ISA_NEXT;
}

#define ALU(NAME, OP, AUX)                                                                     \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)                 \
    {                                                                                          \
        if (a->rd)                                                                             \
            rv_set(l, a->rd, ir_op2(l->u, OP, IR_I64, AUX, rv_x(l, a->rs1), rv_x(l, a->rs2))); \
        return ISA_NEXT;                                                                       \
    }
ALU(sll, IR_SHL, 0)
ALU(srl, IR_SHR, 0)
ALU(sra, IR_SAR, 0)
ALU(xor, IR_XOR, 0)
ALU(or, IR_OR, 0)
ALU(and, IR_AND, 0)
ALU(slt, IR_SETC, IR_LTS)
ALU(mul, IR_MUL, 0)
ALU(mulh, IR_MULHS, 0)
ALU(mulhu, IR_MULHU, 0)
ALU(mulhsu, IR_MULHSU, 0)
ALU(div, IR_SDIV, IR_DIV_ONES)
ALU(divu, IR_UDIV, IR_DIV_ONES)
ALU(rem, IR_SREM, 0)
ALU(remu, IR_UREM, 0)

enum isa_lift rv_sltu(struct rv_lift *l, const struct rv_args_sltu *a)
{
    ir_ref y = rv_x(l, a->rs2);

    /* sltu rd, zero, rs is the idiom for "is not zero" */
    if (!a->rs1)
        rv_set(l, a->rd, ir_op2(l->u, IR_SETC, IR_I64, IR_NE, y, rv_const(l, 0)));
    else
        rv_set(l, a->rd, ir_op2(l->u, IR_SETC, IR_I64, IR_LTU, rv_x(l, a->rs1), y));
    return ISA_NEXT;
}

#define ALU_W(NAME, OP, AUX)                                                                      \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)                    \
    {                                                                                             \
        if (a->rd)                                                                                \
            rv_setw(l, a->rd, ir_op2(l->u, OP, IR_I32, AUX, rv_xw(l, a->rs1), rv_xw(l, a->rs2))); \
        return ISA_NEXT;                                                                          \
    }
ALU_W(addw, IR_ADD, 0)
ALU_W(subw, IR_SUB, 0)
ALU_W(sllw, IR_SHL, 0)
ALU_W(srlw, IR_SHR, 0)
ALU_W(sraw, IR_SAR, 0)
ALU_W(mulw, IR_MUL, 0)
ALU_W(divw, IR_SDIV, IR_DIV_ONES)
ALU_W(divuw, IR_UDIV, IR_DIV_ONES)
ALU_W(remw, IR_SREM, 0)
ALU_W(remuw, IR_UREM, 0)

enum isa_lift rv_czero_eqz(struct rv_lift *l, const struct rv_args_czero_eqz *a)
{
    rv_set(l, a->rd,
           ir_op3(l->u, IR_SELNZ, IR_I64, 0, rv_x(l, a->rs2), rv_x(l, a->rs1), rv_const(l, 0)));
    return ISA_NEXT;
}

enum isa_lift rv_czero_nez(struct rv_lift *l, const struct rv_args_czero_nez *a)
{
    rv_set(l, a->rd,
           ir_op3(l->u, IR_SELNZ, IR_I64, 0, rv_x(l, a->rs2), rv_const(l, 0), rv_x(l, a->rs1)));
    return ISA_NEXT;
}
