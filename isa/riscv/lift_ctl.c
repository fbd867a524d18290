/* Lifts jumps, branches, fences, system calls and CSRs. Unprivileged ISA chapters 2, 6, 7, 9. */
#include "isa/riscv/lift.h"

enum isa_lift rv_undef(struct rv_lift *l)
{
    ir_exit(l->u, CPU_EXIT_UNDEF, rv_const(l, l->pc), IR_NONE, 0);
    return ISA_UNDEF;
}

enum isa_lift rv_jal(struct rv_lift *l, const struct rv_args_jal *a)
{
    uint32_t off = a->imm20 << 20 | a->imm19 << 12 | a->imm11 << 11 | a->imm10 << 1;
    uint64_t target = l->pc + (uint64_t)rv_sext(off, 21);

    if (!a->rd) {
        ir_jmp(l->u, target);
        return ISA_END;
    }
    ir_ref link = rv_const(l, l->next);
    rv_set(l, a->rd, link);
    if (rv_is_link(a->rd))
        ir_jmp_call(l->u, target, link);
    else
        ir_jmp(l->u, target);
    return ISA_END;
}

enum isa_lift rv_jalr(struct rv_lift *l, const struct rv_args_jalr *a)
{
    struct ir_unit *u = l->u;
    ir_ref to = rv_x(l, a->rs1);

    if (a->imm)
        to = ir_op2(u, IR_ADD, IR_I64, 0, to, rv_const(l, (uint64_t)rv_sext(a->imm, 12)));
    to = ir_op2(u, IR_AND, IR_I64, 0, to, rv_const(l, ~(uint64_t)1));
    if (!a->rd) {
        ir_jmpi(u, rv_is_link(a->rs1) ? IR_J_RET : IR_J_JUMP, to, IR_NONE);
        return ISA_END;
    }
    ir_ref link = rv_const(l, l->next);
    rv_set(l, a->rd, link);
    if (rv_is_link(a->rd))
        ir_jmpi(u, IR_J_CALL, to, link);
    else
        ir_jmpi(u, IR_J_JUMP, to, IR_NONE);
    return ISA_END;
}

static enum isa_lift branch(struct rv_lift *l, enum ir_cond cond, unsigned rs1, unsigned rs2,
                            uint64_t target)
{
    /* a < b is b > a; back ends fold a constant on the right only */
    static const uint8_t swapped[] = {
        [IR_EQ] = IR_EQ,   [IR_NE] = IR_NE,   [IR_LTS] = IR_GTS,
        [IR_GES] = IR_LES, [IR_LTU] = IR_GTU, [IR_GEU] = IR_LEU,
    };

    if (rs1 == rs2) {
        bool taken = cond == IR_EQ || cond == IR_GES || cond == IR_GEU;
        ir_jmp(l->u, taken ? target : l->next);
        return ISA_END;
    }
    if (!rs1)
        ir_br(l->u, (enum ir_cond)swapped[cond], rv_x(l, rs2), rv_const(l, 0), target);
    else
        ir_br(l->u, cond, rv_x(l, rs1), rv_x(l, rs2), target);
    ir_jmp(l->u, l->next);
    return ISA_END;
}

#define BRANCH(NAME, COND)                                                             \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)         \
    {                                                                                  \
        uint32_t off = a->imm12 << 12 | a->imm11 << 11 | a->imm10 << 5 | a->imm4 << 1; \
                                                                                       \
        return branch(l, COND, a->rs1, a->rs2, l->pc + (uint64_t)rv_sext(off, 13));    \
    }
BRANCH(beq, IR_EQ)
BRANCH(bne, IR_NE)
BRANCH(blt, IR_LTS)
BRANCH(bge, IR_GES)
BRANCH(bltu, IR_LTU)
BRANCH(bgeu, IR_GEU)

/* ---- fences and hints ---- */

enum isa_lift rv_fence(struct rv_lift *l, const struct rv_args_fence *a)
{
    /* I and O (device accesses) count as R and W */
    bool pr = a->pred & 10, pw = a->pred & 5, sr = a->succ & 10, sw = a->succ & 5;
    unsigned mask = 0;

    mask |= pr && sr ? IR_FENCE_LL : 0;
    mask |= pr && sw ? IR_FENCE_LS : 0;
    mask |= pw && sr && a->fm != 8 ? IR_FENCE_SL : 0; /* fm 8: fence.tso */
    mask |= pw && sw ? IR_FENCE_SS : 0;
    if (mask)
        ir_emit(l->u, IR_FENCE, IR_VOID, mask, IR_NONE, IR_NONE, IR_NONE);
    return ISA_NEXT;
}

enum isa_lift rv_pause(struct rv_lift *l, const struct rv_args_pause *a)
{
    (void)l;
    (void)a;
    return ISA_NEXT;
}

enum isa_lift rv_fence_i(struct rv_lift *l, const struct rv_args_fence_i *a)
{
    (void)a;
    ir_exit(l->u, CPU_EXIT_ISYNC, rv_const(l, l->next), IR_NONE, 0);
    return ISA_END;
}

enum isa_lift rv_ecall(struct rv_lift *l, const struct rv_args_ecall *a)
{
    (void)a;
    ir_exit(l->u, CPU_EXIT_SYSCALL, rv_const(l, l->next), IR_NONE, 0);
    return ISA_END;
}

enum isa_lift rv_ebreak(struct rv_lift *l, const struct rv_args_ebreak *a)
{
    (void)a;
    ir_exit(l->u, CPU_EXIT_BREAK, rv_const(l, l->pc), IR_NONE, 0);
    return ISA_END;
}

/* ---- CSRs ---- */

/* The bits of fcsr that a CSR is, and where. */
static void csr_fp_field(unsigned csr, uint32_t *mask, unsigned *shift)
{
    *shift = csr == RV_CSR_FRM ? RV_FRM_SHIFT : 0;
    *mask = csr == RV_CSR_FFLAGS ? RV_FFLAGS_MASK
            : csr == RV_CSR_FRM  ? RV_FCSR_MASK & ~RV_FFLAGS_MASK
                                 : RV_FCSR_MASK;
}

/* fcsr after the operation. */
static ir_ref csr_fp_new(struct rv_lift *l, enum rv_csr_op op, unsigned csr, ir_ref old, ir_ref val)
{
    struct ir_unit *u = l->u;
    unsigned shift;
    uint32_t mask;

    csr_fp_field(csr, &mask, &shift);
    val = ir_op1(u, IR_TRUNC, IR_I32, 0, val);
    if (shift)
        val = ir_op2(u, IR_SHL, IR_I32, 0, val, ir_const(u, IR_I32, shift));
    val = ir_op2(u, IR_AND, IR_I32, 0, val, ir_const(u, IR_I32, mask));
    if (op == RV_CSR_CLEAR)
        return ir_op2(u, IR_ANDN, IR_I32, 0, old, val);
    if (op == RV_CSR_WRITE && mask == RV_FCSR_MASK)
        return val;
    if (op == RV_CSR_WRITE)
        old = ir_op2(u, IR_AND, IR_I32, 0, old, ir_const(u, IR_I32, RV_FCSR_MASK & ~mask));
    return ir_op2(u, IR_OR, IR_I32, 0, old, val);
}

/* A write of frm that changes it changes the code key: the translation that follows must be looked up
 * anew, so the block ends in an exit that nothing may link. */
static enum isa_lift csr_fp(struct rv_lift *l, enum rv_csr_op op, unsigned csr, unsigned rd,
                            ir_ref val)
{
    struct ir_unit *u = l->u;
    ir_ref old, now = IR_NONE, frm, shown;
    unsigned shift;
    uint32_t mask;

    if (op == RV_CSR_READ && csr == RV_CSR_FRM) {
        rv_set(l, rd, rv_const(l, u->key));
        return ISA_NEXT;
    }
    csr_fp_field(csr, &mask, &shift);
    old = ir_fpget(u, RV_SLOT_FCSR);
    if (op != RV_CSR_READ)
        now = csr_fp_new(l, op, csr, old, val);
    if (rd) {
        shown = ir_op2(u, IR_AND, IR_I32, 0, old, ir_const(u, IR_I32, mask));
        if (shift)
            shown = ir_op2(u, IR_SHR, IR_I32, 0, shown, ir_const(u, IR_I32, shift));
        rv_set(l, rd, ir_op1(u, IR_ZX, IR_I64, 32, shown));
    }
    if (op != RV_CSR_READ)
        ir_fpset(u, RV_SLOT_FCSR, now);
    if (op == RV_CSR_READ || csr == RV_CSR_FFLAGS)
        return ISA_NEXT;
    frm = ir_op2(u, IR_SHR, IR_I32, 0, now, ir_const(u, IR_I32, RV_FRM_SHIFT));
    ir_br(u, IR_EQ, frm, ir_const(u, IR_I32, u->key), l->next);
    ir_call(u, IR_VOID, RV_H_SET_FRM, frm, IR_NONE, IR_NONE);
    ir_exit(u, CPU_EXIT_NONE, rv_const(l, l->next), IR_NONE, 0);
    return ISA_END;
}

static enum isa_lift csr(struct rv_lift *l, enum rv_csr_op op, unsigned csr, unsigned rd,
                         ir_ref val)
{
    switch (csr) {
    case RV_CSR_FFLAGS:
    case RV_CSR_FRM:
    case RV_CSR_FCSR:
        return csr_fp(l, op, csr, rd, val);
    case RV_CSR_CYCLE:
    case RV_CSR_TIME:
    case RV_CSR_INSTRET:
        if (op != RV_CSR_READ)
            return rv_undef(l);
        rv_set(l, rd,
               ir_call(l->u, IR_I64, RV_H_CSR_TIME, ir_const(l->u, IR_I32, csr), IR_NONE, IR_NONE));
        return ISA_NEXT;
    default:
        return rv_undef(l);
    }
}

/* A set or clear of x0 or 0 does not write (7.1). */
#define CSR(NAME, OP, VAL)                                                     \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        enum rv_csr_op op = OP != RV_CSR_WRITE && !a->rs1 ? RV_CSR_READ : OP;  \
                                                                               \
        return csr(l, op, a->csr, a->rd, VAL);                                 \
    }
CSR(csrrw, RV_CSR_WRITE, rv_x(l, a->rs1))
CSR(csrrs, RV_CSR_SET, rv_x(l, a->rs1))
CSR(csrrc, RV_CSR_CLEAR, rv_x(l, a->rs1))
CSR(csrrwi, RV_CSR_WRITE, rv_const(l, a->rs1))
CSR(csrrsi, RV_CSR_SET, rv_const(l, a->rs1))
CSR(csrrci, RV_CSR_CLEAR, rv_const(l, a->rs1))
