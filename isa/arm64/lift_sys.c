/* Owns the lifting of hints, barriers, cache maintenance and system registers. Arm ARM C4.1.93, C5.
 */
#include "isa/arm64/features.h"
#include "isa/arm64/lift_system.h"
#include "isa/arm64/sysreg.h"

static ir_ref next_pc(struct a64_lift *l)
{
    return ir_const(l->u, IR_I64, l->pc + 4);
}

/* ---- hints ---- */

enum isa_lift a64_hint(struct a64_lift *l, const struct a64_args_hint *a)
{
    if (a64_system(l) && a->crm == 0 && (a->op2 == 4 || a->op2 == 5))
        a64_call(l, IR_VOID, A64_H_event, IR_NONE, IR_NONE, IR_NONE);
    /* Nothing to do: NOP, for programs SEV and SEVL, DGH, ESB, PSB, TSB, CSDB, BTI (pages are not
     * guarded) */
    return ISA_NEXT;
}

static enum isa_lift yield(struct a64_lift *l)
{
    ir_exit(l->u, CPU_EXIT_YIELD, next_pc(l), IR_NONE, 0);
    return ISA_END;
}

enum isa_lift a64_yield(struct a64_lift *l, const struct a64_args_yield *a)
{
    (void)a;
    return yield(l);
}

enum isa_lift a64_wfe(struct a64_lift *l, const struct a64_args_wfe *a)
{
    if (a64_system(l))
        return a64_sys_wait(l, a->i);
    return yield(l);
}

/* ---- barriers ---- */

/* CRm: bits 1..0 the kinds of access (1 loads, 2 stores, 3 all), bits 3..2 the domain. */
static enum isa_lift barrier(struct a64_lift *l, unsigned crm)
{
    static const uint8_t masks[4] = {IR_FENCE_ALL, IR_FENCE_LL | IR_FENCE_LS, IR_FENCE_SS,
                                     IR_FENCE_ALL};

    ir_emit(l->u, IR_FENCE, IR_VOID, masks[crm & 3], IR_NONE, IR_NONE, IR_NONE);
    return ISA_NEXT;
}

enum isa_lift a64_dmb(struct a64_lift *l, const struct a64_args_dmb *a)
{
    return barrier(l, a->crm);
}

enum isa_lift a64_dsb(struct a64_lift *l, const struct a64_args_dsb *a)
{
    if (a->crm == 0 || a->crm == 4) /* SSBB, PSSBB: nothing is speculated */
        return ISA_NEXT;
    if (a64_system(l))
        a64_call(l, IR_VOID, A64_H_dsb, IR_NONE, IR_NONE, IR_NONE);
    return barrier(l, a->crm);
}

enum isa_lift a64_isb(struct a64_lift *l, const struct a64_args_isb *a)
{
    (void)a;
    if (a64_system(l)) { /* the next instruction may be a new one */
        ir_jmp(l->u, l->pc + 4);
        return ISA_END;
    }
    return ISA_NEXT; /* IC IVAU has already made this thread see new code */
}

enum isa_lift a64_sb(struct a64_lift *l, const struct a64_args_sb *a)
{
    (void)l, (void)a;
    return ISA_NEXT;
}

/* ---- flags ---- */

static ir_ref flag(struct a64_lift *l, ir_ref cc, enum ir_cc cond, unsigned bit)
{
    ir_ref v = ir_op1(l->u, IR_SETCC, IR_I32, cond, cc);

    return ir_op2(l->u, IR_SHL, IR_I32, 0, v, a64_imm(l, IR_I32, bit));
}

static enum isa_lift put_flags(struct a64_lift *l, ir_ref n, ir_ref z, ir_ref c, ir_ref v)
{
    ir_ref w = ir_op2(l->u, IR_OR, IR_I32, 0, z, c);

    if (n != IR_NONE)
        w = ir_op2(l->u, IR_OR, IR_I32, 0, w, n);
    if (v != IR_NONE)
        w = ir_op2(l->u, IR_OR, IR_I32, 0, w, v);
    a64_set_cc(l, ir_op1(l->u, IR_CCFROM, IR_CC, 0, w));
    return ISA_NEXT;
}

enum isa_lift a64_cfinv(struct a64_lift *l, const struct a64_args_cfinv *a)
{
    ir_ref w = ir_op1(l->u, IR_CCTO, IR_I32, 0, a64_cc(l));

    (void)a;
    w = ir_op2(l->u, IR_XOR, IR_I32, 0, w, a64_imm(l, IR_I32, 1u << 29));
    a64_set_cc(l, ir_op1(l->u, IR_CCFROM, IR_CC, 0, w));
    return ISA_NEXT;
}

/* N = !C & !Z, Z = Z & C, C = C | Z, V = !C & Z. */
enum isa_lift a64_xaflag(struct a64_lift *l, const struct a64_args_xaflag *a)
{
    ir_ref cc = a64_cc(l);
    ir_ref c = ir_op1(l->u, IR_SETCC, IR_I32, IR_CC_CS, cc);
    ir_ref z = ir_op1(l->u, IR_SETCC, IR_I32, IR_CC_EQ, cc);
    ir_ref one = a64_imm(l, IR_I32, 1);
    ir_ref either = ir_op2(l->u, IR_OR, IR_I32, 0, c, z);
    ir_ref n = ir_op2(l->u, IR_XOR, IR_I32, 0, either, one);
    ir_ref both = ir_op2(l->u, IR_AND, IR_I32, 0, c, z);
    ir_ref v = ir_op2(l->u, IR_ANDN, IR_I32, 0, z, c);

    (void)a;
    n = ir_op2(l->u, IR_SHL, IR_I32, 0, n, a64_imm(l, IR_I32, 31));
    both = ir_op2(l->u, IR_SHL, IR_I32, 0, both, a64_imm(l, IR_I32, 30));
    either = ir_op2(l->u, IR_SHL, IR_I32, 0, either, a64_imm(l, IR_I32, 29));
    v = ir_op2(l->u, IR_SHL, IR_I32, 0, v, a64_imm(l, IR_I32, 28));
    return put_flags(l, n, both, either, v);
}

/* N = 0, Z = Z | V, C = C & !V, V = 0. */
enum isa_lift a64_axflag(struct a64_lift *l, const struct a64_args_axflag *a)
{
    ir_ref cc = a64_cc(l);
    ir_ref z = flag(l, cc, IR_CC_EQ, 30), c = flag(l, cc, IR_CC_CS, 29);

    (void)a;
    z = ir_op2(l->u, IR_OR, IR_I32, 0, z, flag(l, cc, IR_CC_VS, 30));
    c = ir_op2(l->u, IR_ANDN, IR_I32, 0, c, flag(l, cc, IR_CC_VS, 29));
    return put_flags(l, IR_NONE, z, c, IR_NONE);
}

enum isa_lift a64_msr_ssbs(struct a64_lift *l, const struct a64_args_msr_ssbs *a)
{
    ir_put(l->u, A64_SSBS, a64_imm(l, IR_I32, (a->crm & 1) << 12));
    return ISA_NEXT;
}

enum isa_lift a64_msr_dit(struct a64_lift *l, const struct a64_args_msr_dit *a)
{
    ir_put(l->u, A64_DIT, a64_imm(l, IR_I32, (a->crm & 1) << 24));
    return ISA_NEXT;
}

/* ---- caches ---- */

enum isa_lift a64_dc_zva(struct a64_lift *l, const struct a64_args_dc_zva *a)
{
    ir_ref address, zero;

    if (l->key & A64_KEY_NO_ZVA)
        return a64_sys_zva_trap(l, a->rt);
    address = ir_op2(l->u, IR_AND, IR_I64, 0, a64_reg(l, IR_I64, a->rt),
                     a64_imm(l, IR_I64, ~UINT64_C(63)));
    zero = ir_const(l->u, IR_V128, 0);
    for (int at = 0; at < 64; at += 16)
        ir_st(l->u, IR_M_128, address, zero, at);
    return ISA_NEXT;
}

/* Data and instructions are coherent but for translations; the address must exist. */
enum isa_lift a64_dc_clean(struct a64_lift *l, const struct a64_args_dc_clean *a)
{
    if (a64_system(l))
        return a64_sys_dc_clean(l, a->crm, a->rt);
    ir_ld(l->u, IR_I32, IR_M_8, a64_reg(l, IR_I64, a->rt), 0);
    return ISA_NEXT;
}

enum isa_lift a64_ic_ivau(struct a64_lift *l, const struct a64_args_ic_ivau *a)
{
    ir_ref line;

    if (a64_system(l))
        return a64_sys_ic_ivau(l, a->rt);
    line = ir_op2(l->u, IR_AND, IR_I64, 0, a64_reg(l, IR_I64, a->rt),
                  a64_imm(l, IR_I64, ~UINT64_C(63)));
    ir_exit(l->u, CPU_EXIT_ISYNC, next_pc(l), line, 64);
    return ISA_END;
}

/* ---- system registers ---- */

/* Slots of registers that are read and written as they are; 0: not one of them. */
static unsigned plain_slot(unsigned reg)
{
    switch (reg) {
    case A64_SYS_TPIDR_EL0:
        return A64_TPIDR;
    case A64_SYS_TPIDRRO_EL0:
        return A64_TPIDRRO;
    case A64_SYS_DIT:
        return A64_DIT;
    case A64_SYS_SSBS:
        return A64_SSBS;
    case A64_SYS_FPCR:
        return A64_FPCR;
    default:
        return 0;
    }
}

/* Does Linux emulate reads of this identification register for EL0? */
static bool is_id(unsigned reg)
{
    unsigned crm = reg >> 3 & 15;

    if (reg >> 7 != A64_SYS_MIDR_EL1 >> 7)
        return false;
    return reg == A64_SYS_MIDR_EL1 || reg == A64_SYS_MPIDR_EL1 || reg == A64_SYS_REVIDR_EL1 ||
           (crm >= 2 && crm <= 7);
}

static enum isa_lift random_number(struct a64_lift *l, unsigned rt)
{
    ir_ref v = a64_call(l, IR_I64, A64_H_rndr, IR_NONE, IR_NONE, IR_NONE);
    ir_ref none = ir_op2(l->u, IR_SETC, IR_I32, IR_EQ, v, a64_imm(l, IR_I64, 0));

    none = ir_op2(l->u, IR_SHL, IR_I32, 0, none, a64_imm(l, IR_I32, 30));
    a64_set_cc(l, ir_op1(l->u, IR_CCFROM, IR_CC, 0, none));
    a64_set_reg(l, rt, v);
    return ISA_NEXT;
}

enum isa_lift a64_mrs(struct a64_lift *l, const struct a64_args_mrs *a)
{
    unsigned reg = A64_SYSREG(2 + a->o0, a->op1, a->crn, a->crm, a->op2), slot = plain_slot(reg);
    ir_ref v;

    if (a64_system(l) && (reg == A64_SYS_RNDR || reg == A64_SYS_RNDRRS))
        return a64_gate(l, A64_GATE_rng) ? random_number(l, a->rt) : a64_undef(l);
    if (a64_system(l) && !(reg == A64_SYS_FPCR || reg == A64_SYS_FPSR))
        return a64_sys_mrs(l, reg, a->rt);
    if (slot) {
        bool wide = slot == A64_TPIDR || slot == A64_TPIDRRO;

        v = ir_get(l->u, wide ? IR_I64 : IR_I32, slot);
    } else if (reg == A64_SYS_NZCV) {
        v = ir_op1(l->u, IR_CCTO, IR_I32, 0, a64_cc(l));
    } else if (reg == A64_SYS_CTR_EL0) {
        v = a64_imm(l, IR_I64, A64_CTR_EL0);
    } else if (reg == A64_SYS_DCZID_EL0) {
        v = a64_imm(l, IR_I64, A64_DCZID_EL0);
    } else if (reg == A64_SYS_CNTFRQ_EL0) {
        v = a64_imm(l, IR_I64, A64_CNTFRQ);
    } else if (reg == A64_SYS_CNTVCT_EL0) {
        v = a64_call(l, IR_I64, A64_H_counter, IR_NONE, IR_NONE, IR_NONE);
    } else if (reg == A64_SYS_RNDR || reg == A64_SYS_RNDRRS) {
        return random_number(l, a->rt);
    } else if (reg == A64_SYS_FPSR || is_id(reg)) {
        v = a64_call(l, IR_I64, A64_H_mrs, a64_imm(l, IR_I32, reg), IR_NONE, IR_NONE);
    } else {
        return a64_undef(l);
    }
    a64_set_reg(l, a->rt, v);
    return ISA_NEXT;
}

/* PSTATE fields that MSR writes through a register: only their own bit. */
static void put_bit(struct a64_lift *l, unsigned slot, unsigned bit, unsigned rt)
{
    ir_ref v = a64_reg(l, IR_I32, rt);

    ir_put(l->u, slot, ir_op2(l->u, IR_AND, IR_I32, 0, v, a64_imm(l, IR_I32, 1u << bit)));
}

enum isa_lift a64_msr(struct a64_lift *l, const struct a64_args_msr *a)
{
    unsigned reg = A64_SYSREG(2 + a->o0, a->op1, a->crn, a->crm, a->op2);

    if (a64_system(l) && !(reg == A64_SYS_FPCR || reg == A64_SYS_FPSR))
        return a64_sys_msr(l, reg, a->rt);
    switch (reg) {
    case A64_SYS_TPIDR_EL0:
        ir_put(l->u, A64_TPIDR, a64_reg(l, IR_I64, a->rt));
        return ISA_NEXT;
    case A64_SYS_NZCV:
        a64_set_cc(l, ir_op1(l->u, IR_CCFROM, IR_CC, 0, a64_reg(l, IR_I32, a->rt)));
        return ISA_NEXT;
    case A64_SYS_DIT:
        put_bit(l, A64_DIT, 24, a->rt);
        return ISA_NEXT;
    case A64_SYS_SSBS:
        put_bit(l, A64_SSBS, 12, a->rt);
        return ISA_NEXT;
    case A64_SYS_FPSR:
    case A64_SYS_FPCR:
        a64_call(l, IR_VOID, A64_H_msr, a64_imm(l, IR_I32, reg), a64_reg(l, IR_I64, a->rt),
                 IR_NONE);
        return reg == A64_SYS_FPCR ? a64_end_block(l) : ISA_NEXT;
    default:
        return a64_undef(l);
    }
}
