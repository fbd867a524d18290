/* Owns the lifting of branches and exception-generating instructions. Arm ARM C4.1.93. */
#include "isa/arm64/pac.h"

static uint64_t target(const struct a64_lift *l, uint32_t imm, unsigned width)
{
    return l->pc + (uint64_t)(bits_sext64(imm, width) * 4);
}

/* Falls through to the next instruction: the block ends because a branch did not happen. */
static enum isa_lift fall(struct a64_lift *l)
{
    ir_jmp(l->u, l->pc + 4);
    return ISA_END;
}

static ir_ref next_pc(struct a64_lift *l)
{
    return ir_const(l->u, IR_I64, l->pc + 4);
}

enum isa_lift a64_b(struct a64_lift *l, const struct a64_args_b *a)
{
    ir_jmp(l->u, target(l, a->imm, 26));
    return ISA_END;
}

enum isa_lift a64_bl(struct a64_lift *l, const struct a64_args_bl *a)
{
    ir_ref link = next_pc(l);

    a64_set_reg(l, A64_X30, link);
    ir_jmp_call(l->u, target(l, a->imm, 26), link);
    return ISA_END;
}

enum isa_lift a64_bcond(struct a64_lift *l, const struct a64_args_bcond *a)
{
    uint64_t to = target(l, a->imm, 19);

    if (a64_cond_always(a->cond)) {
        ir_jmp(l->u, to);
        return ISA_END;
    }
    ir_brcc(l->u, (enum ir_cc)a->cond, a64_cc(l), to);
    return fall(l);
}

enum isa_lift a64_cbz(struct a64_lift *l, const struct a64_args_cbz *a)
{
    enum ir_type t = a64_type(a->sf);
    ir_ref v = a64_reg(l, t, a->rt);

    ir_br(l->u, a->nz ? IR_NE : IR_EQ, v, a64_imm(l, t, 0), target(l, a->imm, 19));
    return fall(l);
}

enum isa_lift a64_tbz(struct a64_lift *l, const struct a64_args_tbz *a)
{
    enum ir_type t = a64_type(a->b5);
    ir_ref v = a64_reg(l, t, a->rt);

    ir_brt(l->u, a->nz ? IR_NE : IR_EQ, v, a64_imm(l, t, UINT64_C(1) << (a->b5 << 5 | a->b40)),
           target(l, a->imm, 14));
    return fall(l);
}

/* ---- indirect branches ---- */

static enum isa_lift jump(struct a64_lift *l, ir_ref to)
{
    ir_jmpi(l->u, IR_J_JUMP, to, IR_NONE);
    return ISA_END;
}

static enum isa_lift call(struct a64_lift *l, ir_ref to)
{
    ir_ref link = next_pc(l);

    a64_set_reg(l, A64_X30, link);
    ir_jmpi(l->u, IR_J_CALL, to, link);
    return ISA_END;
}

enum isa_lift a64_br(struct a64_lift *l, const struct a64_args_br *a)
{
    return jump(l, a64_reg(l, IR_I64, a->rn));
}

enum isa_lift a64_blr(struct a64_lift *l, const struct a64_args_blr *a)
{
    return call(l, a64_reg(l, IR_I64, a->rn));
}

enum isa_lift a64_ret(struct a64_lift *l, const struct a64_args_ret *a)
{
    ir_jmpi(l->u, IR_J_RET, a64_reg(l, IR_I64, a->rn), IR_NONE);
    return ISA_END;
}

/* rn authenticated with key A (m 0) or B by SP-or-register rm, or by zero. */
static ir_ref checked(struct a64_lift *l, unsigned m, unsigned rn, ir_ref modifier)
{
    return a64_pac_apply(l, true, m ? A64_PAC_IB : A64_PAC_IA, a64_reg(l, IR_I64, rn), modifier);
}

enum isa_lift a64_braz(struct a64_lift *l, const struct a64_args_braz *a)
{
    return jump(l, checked(l, a->m, a->rn, a64_imm(l, IR_I64, 0)));
}

enum isa_lift a64_bra(struct a64_lift *l, const struct a64_args_bra *a)
{
    return jump(l, checked(l, a->m, a->rn, a64_reg_sp(l, IR_I64, a->rm)));
}

enum isa_lift a64_blraz(struct a64_lift *l, const struct a64_args_blraz *a)
{
    return call(l, checked(l, a->m, a->rn, a64_imm(l, IR_I64, 0)));
}

enum isa_lift a64_blra(struct a64_lift *l, const struct a64_args_blra *a)
{
    return call(l, checked(l, a->m, a->rn, a64_reg_sp(l, IR_I64, a->rm)));
}

enum isa_lift a64_reta(struct a64_lift *l, const struct a64_args_reta *a)
{
    ir_ref to = checked(l, a->m, A64_X30, a64_reg_sp(l, IR_I64, A64_SP));

    ir_jmpi(l->u, IR_J_RET, to, IR_NONE);
    return ISA_END;
}

/* ---- exceptions; what EL0 may not use (HVC, SMC, HLT without a debugger, DCPS) is undefined ----
 */

enum isa_lift a64_svc(struct a64_lift *l, const struct a64_args_svc *a)
{
    ir_exit(l->u, CPU_EXIT_SYSCALL, next_pc(l), IR_NONE, a->imm);
    return ISA_END;
}

enum isa_lift a64_brk(struct a64_lift *l, const struct a64_args_brk *a)
{
    ir_exit(l->u, CPU_EXIT_BREAK, ir_const(l->u, IR_I64, l->pc), IR_NONE, a->imm);
    return ISA_END;
}
