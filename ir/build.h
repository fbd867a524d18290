/* Short forms of ir_emit() for lifters and passes. All append to the unit's current block. */
#ifndef MYNA_IR_BUILD_H
#define MYNA_IR_BUILD_H

#include "ir/ir.h"

static inline ir_ref ir_op1(struct ir_unit *u, enum ir_op op, enum ir_type t, unsigned aux, ir_ref a)
{
    return ir_emit(u, op, t, aux, a, IR_NONE, IR_NONE);
}
static inline ir_ref ir_op2(struct ir_unit *u, enum ir_op op, enum ir_type t, unsigned aux, ir_ref a,
                            ir_ref b)
{
    return ir_emit(u, op, t, aux, a, b, IR_NONE);
}
static inline ir_ref ir_op3(struct ir_unit *u, enum ir_op op, enum ir_type t, unsigned aux, ir_ref a,
                            ir_ref b, ir_ref c)
{
    return ir_emit(u, op, t, aux, a, b, c);
}
static inline ir_ref ir_const(struct ir_unit *u, enum ir_type t, uint64_t v)
{
    return ir_emit(u, IR_CONST, t, 0, IR_NONE, (uint32_t)v, (uint32_t)(v >> 32));
}
static inline ir_ref ir_get(struct ir_unit *u, enum ir_type t, unsigned slot)
{
    return ir_emit(u, IR_GET, t, slot, IR_NONE, IR_NONE, IR_NONE);
}
static inline void ir_put(struct ir_unit *u, unsigned slot, ir_ref v)
{
    ir_emit(u, IR_PUT, (enum ir_type)u->ins[v].type, slot, v, IR_NONE, IR_NONE);
}
static inline ir_ref ir_fpget(struct ir_unit *u, unsigned slot)
{
    return ir_emit(u, IR_FPGET, IR_I32, slot, IR_NONE, IR_NONE, IR_NONE);
}
static inline void ir_fpset(struct ir_unit *u, unsigned slot, ir_ref v)
{
    ir_emit(u, IR_FPSET, IR_VOID, slot, v, IR_NONE, IR_NONE);
}
/* Vector ops without, and with, an immediate operand c. aux = lane | IR_HALF | IR_HIGH | ... */
static inline ir_ref ir_v1(struct ir_unit *u, enum ir_op op, unsigned aux, ir_ref a)
{
    return ir_emit(u, op, IR_V128, aux, a, IR_NONE, IR_NONE);
}
static inline ir_ref ir_v2(struct ir_unit *u, enum ir_op op, unsigned aux, ir_ref a, ir_ref b)
{
    return ir_emit(u, op, IR_V128, aux, a, b, IR_NONE);
}
static inline ir_ref ir_v3(struct ir_unit *u, enum ir_op op, unsigned aux, ir_ref a, ir_ref b, ir_ref c)
{
    return ir_emit(u, op, IR_V128, aux, a, b, c);
}
static inline ir_ref ir_v1i(struct ir_unit *u, enum ir_op op, unsigned aux, ir_ref a, uint32_t imm)
{
    return ir_emit(u, op, IR_V128, aux, a, IR_NONE, imm);
}
static inline ir_ref ir_v2i(struct ir_unit *u, enum ir_op op, unsigned aux, ir_ref a, ir_ref b,
                            uint32_t imm)
{
    return ir_emit(u, op, IR_V128, aux, a, b, imm);
}
static inline ir_ref ir_ld(struct ir_unit *u, enum ir_type t, unsigned desc, ir_ref addr, int32_t disp)
{
    return ir_emit(u, IR_LD, t, desc, addr, IR_NONE, (uint32_t)disp);
}
static inline void ir_st(struct ir_unit *u, unsigned desc, ir_ref addr, ir_ref val, int32_t disp)
{
    ir_emit(u, IR_ST, (enum ir_type)u->ins[val].type, desc, addr, val, (uint32_t)disp);
}
static inline ir_ref ir_call(struct ir_unit *u, enum ir_type result, unsigned helper, ir_ref a, ir_ref b,
                             ir_ref c)
{
    return ir_emit(u, IR_CALL, result, helper, a, b, c);
}
/* Arguments 3.. of the ir_call() that must follow at once. */
static inline void ir_args(struct ir_unit *u, ir_ref d, ir_ref e, ir_ref f)
{
    ir_emit(u, IR_ARG, IR_VOID, 0, d, e, f);
}
static inline void ir_br(struct ir_unit *u, enum ir_cond cond, ir_ref a, ir_ref b, uint64_t pc)
{
    ir_emit(u, IR_BR, (enum ir_type)u->ins[a].type, cond, a, b, ir_target_add(u, pc));
}
static inline void ir_brt(struct ir_unit *u, enum ir_cond cond, ir_ref a, ir_ref b, uint64_t pc)
{
    ir_emit(u, IR_BRT, (enum ir_type)u->ins[a].type, cond, a, b, ir_target_add(u, pc));
}
static inline void ir_brcc(struct ir_unit *u, enum ir_cc cond, ir_ref cc, uint64_t pc)
{
    ir_emit(u, IR_BRCC, IR_VOID, cond, cc, IR_NONE, ir_target_add(u, pc));
}
static inline void ir_jmp(struct ir_unit *u, uint64_t pc)
{
    ir_emit(u, IR_JMP, IR_VOID, IR_J_JUMP, IR_NONE, IR_NONE, ir_target_add(u, pc));
}
static inline void ir_jmp_call(struct ir_unit *u, uint64_t pc, ir_ref return_pc)
{
    ir_emit(u, IR_JMP, IR_VOID, IR_J_CALL, IR_NONE, return_pc, ir_target_add(u, pc));
}
static inline void ir_jmpi(struct ir_unit *u, enum ir_jump kind, ir_ref addr, ir_ref return_pc)
{
    ir_emit(u, IR_JMPI, IR_VOID, kind, addr, return_pc, IR_NONE);
}
/* Leaves with pc := resume_pc. arg may be IR_NONE. */
static inline void ir_exit(struct ir_unit *u, unsigned reason, ir_ref resume_pc, ir_ref arg, uint32_t code)
{
    ir_emit(u, IR_EXIT, IR_VOID, reason, resume_pc, arg, code);
}
#endif
