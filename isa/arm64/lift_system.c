/* Owns the lifting of what only machines have: system registers, PSTATE, exceptions, maintenance.
 * Arm ARM C5.
 *
 * Everything here is for units with A64_KEY_SYSTEM. The level, and whether anything may be trapped,
 * is known from the code key; what is not decided by it is asked in helpers. After a change of what
 * translations depend on, the block ends with CPU_EXIT_KICK: the dispatcher looks at key, contexts
 * and interrupts. */
#include "isa/arm64/lift_system.h"

static unsigned level(const struct a64_lift *l)
{
    return a64_key_el(l->key);
}

static ir_ref next_pc(struct a64_lift *l)
{
    return ir_const(l->u, IR_I64, l->pc + 4);
}

static enum isa_lift leave(struct a64_lift *l)
{
    ir_exit(l->u, CPU_EXIT_KICK, next_pc(l), IR_NONE, 0);
    return ISA_END;
}

static enum isa_lift raise_at(struct a64_lift *l, uint64_t pc, enum a64_exit code, uint64_t arg)
{
    ir_exit(l->u, CPU_EXIT_ISA, ir_const(l->u, IR_I64, pc), ir_const(l->u, IR_I64, arg), code);
    return ISA_END;
}

enum isa_lift a64_sys_exit(struct a64_lift *l, enum a64_exit code)
{
    return raise_at(l, l->pc, code, 0);
}

/* ISS of a trapped MSR, MRS or system instruction. */
static uint32_t trap_iss(unsigned enc, unsigned rt, bool read)
{
    return (enc >> 14 & 3) << 20 | (enc & 7) << 17 | (enc >> 11 & 7) << 14 | (enc >> 7 & 15) << 10 |
           rt << 5 | (enc >> 3 & 15) << 1 | read;
}

/* ---- system registers ---- */

/* Those with a slot: the IR reads and writes them as they are. */
static unsigned slot_of(int reg)
{
    switch (reg) {
    case A64_R_TPIDR_EL0:
        return A64_TPIDR;
    case A64_R_TPIDRRO_EL0:
        return A64_TPIDRRO;
    case A64_R_SP_EL0:
        return A64_SLOT_SP_EL0;
    case A64_R_TPIDR_EL1:
        return A64_SLOT_TPIDR_EL1;
    case A64_R_TPIDR_EL2:
        return A64_SLOT_TPIDR_EL2;
    case A64_R_ELR_EL1:
        return A64_SLOT_ELR_EL1;
    case A64_R_SPSR_EL1:
        return A64_SLOT_SPSR_EL1;
    case A64_R_ESR_EL1:
        return A64_SLOT_ESR_EL1;
    case A64_R_FAR_EL1:
        return A64_SLOT_FAR_EL1;
    case A64_R_ELR_EL2:
        return A64_SLOT_ELR_EL2;
    case A64_R_SPSR_EL2:
        return A64_SLOT_SPSR_EL2;
    case A64_R_ESR_EL2:
        return A64_SLOT_ESR_EL2;
    case A64_R_FAR_EL2:
        return A64_SLOT_FAR_EL2;
    default:
        return 0;
    }
}

/* Does nothing but the level decide over this access? */
static bool free_access(const struct a64_lift *l, const struct a64_reg *r)
{
    return r->trap == A64_T_NONE || (level(l) && !(l->key & A64_KEY_TRAPS));
}

enum isa_lift a64_sys_mrs(struct a64_lift *l, unsigned enc, unsigned rt)
{
    struct a64_reg r;
    int reg = a64_reg_find(enc, level(l), l->key & A64_KEY_E2H, &r);
    unsigned slot = reg >= 0 ? slot_of(reg) : 0;
    ir_ref v;

    if (reg < 0 || level(l) < r.el >> 4 || (reg == A64_R_SP_EL0 && !(l->key & A64_KEY_SPSEL)))
        return a64_undef(l);
    if (slot && free_access(l, &r)) {
        v = ir_get(l->u, IR_I64, slot);
    } else if (reg == A64_R_CURRENTEL) {
        v = a64_imm(l, IR_I64, level(l) << 2);
    } else if (reg == A64_R_DAIF && level(l)) {
        v = ir_get(l->u, IR_I32, A64_DAIF);
    } else if (reg == A64_R_NZCV) {
        v = ir_op1(l->u, IR_CCTO, IR_I32, 0, a64_cc(l));
    } else {
        v = a64_call(l, IR_I64, A64_H_reg_read, a64_imm(l, IR_I32, (uint32_t)reg),
                     a64_imm(l, IR_I32, trap_iss(enc, rt, true)), IR_NONE);
    }
    a64_set_reg(l, rt, v);
    return ISA_NEXT;
}

/* DAIF becomes v: an interrupt that this lets in is taken before the next instruction. */
static enum isa_lift set_daif(struct a64_lift *l, ir_ref v, bool unmasks)
{
    if (unmasks)
        a64_call(l, IR_VOID, A64_H_unmask, v, IR_NONE, IR_NONE);
    ir_put(l->u, A64_DAIF, v);
    return ISA_NEXT;
}

static enum isa_lift write_reg(struct a64_lift *l, int reg, const struct a64_reg *r, uint32_t iss,
                               ir_ref v)
{
    a64_call(l, IR_VOID, A64_H_reg_write, a64_imm(l, IR_I32, (uint32_t)reg),
             a64_imm(l, IR_I32, iss), v);
    return r->flags & A64_RF_ENDS ? leave(l) : ISA_NEXT;
}

enum isa_lift a64_sys_msr(struct a64_lift *l, unsigned enc, unsigned rt)
{
    struct a64_reg r;
    int reg = a64_reg_find(enc, level(l), l->key & A64_KEY_E2H, &r);
    unsigned slot = reg >= 0 ? slot_of(reg) : 0;
    ir_ref v;

    if (reg < 0 || level(l) < (r.el & 15u) || (reg == A64_R_SP_EL0 && !(l->key & A64_KEY_SPSEL)))
        return a64_undef(l);
    if (slot && free_access(l, &r)) {
        ir_put(l->u, slot, a64_reg(l, IR_I64, rt));
        return ISA_NEXT;
    }
    /* The step and debug state depend on the D bit while the guest debugs itself. */
    if (reg == A64_R_DAIF && level(l) &&
        !(l->key & (A64_KEY_STEP | A64_KEY_BREAK | A64_KEY_WATCH))) {
        v = ir_op2(l->u, IR_AND, IR_I32, 0, a64_reg(l, IR_I32, rt), a64_imm(l, IR_I32, 0x3c0));
        return set_daif(l, v, true);
    }
    if (reg == A64_R_NZCV) {
        a64_set_cc(l, ir_op1(l->u, IR_CCFROM, IR_CC, 0, a64_reg(l, IR_I32, rt)));
        return ISA_NEXT;
    }
    return write_reg(l, reg, &r, trap_iss(enc, rt, false), a64_reg(l, IR_I64, rt));
}

/* ---- PSTATE by immediate ---- */

static enum isa_lift daif_imm(struct a64_lift *l, unsigned enc, unsigned bits, bool set)
{
    ir_ref old = ir_get(l->u, IR_I32, A64_DAIF), v, mask = a64_imm(l, IR_I32, bits << 6);

    v = ir_op2(l->u, set ? IR_OR : IR_ANDN, IR_I32, 0, old, mask);
    if (level(l) == 0 || (bits & 8)) {
        struct a64_reg r = a64_regs[A64_R_DAIF];

        return write_reg(l, A64_R_DAIF, &r, trap_iss(enc, 31, false),
                         ir_op1(l->u, IR_ZX, IR_I64, 32, v));
    }
    return set_daif(l, v, !set);
}

enum isa_lift a64_msr_imm(struct a64_lift *l, const struct a64_args_msr_imm *a)
{
    unsigned enc = A64_SYSREG(0, a->op1, 4, a->crm, a->op2);
    static const struct {
        uint8_t op1, op2, shift;
        uint16_t reg;
    } one_bit[] = {{0, 5, 0, A64_R_SPSEL}, {0, 4, 22, A64_R_PAN}, {0, 3, 23, A64_R_UAO}};

    if (!(l->key & A64_KEY_SYSTEM))
        return a64_undef(l);
    if (a->op1 == 3 && (a->op2 == 6 || a->op2 == 7))
        return daif_imm(l, enc, a->crm, a->op2 == 6);
    for (unsigned i = 0; i < array_size(one_bit); i++)
        if (a->op1 == one_bit[i].op1 && a->op2 == one_bit[i].op2 && level(l))
            return write_reg(l, one_bit[i].reg, &a64_regs[one_bit[i].reg], trap_iss(enc, 31, false),
                             a64_imm(l, IR_I64, (uint64_t)(a->crm & 1) << one_bit[i].shift));
    return a64_undef(l);
}

/* ---- exceptions ---- */

static enum isa_lift call_up(struct a64_lift *l, enum a64_exit code, unsigned imm)
{
    if (!(l->key & A64_KEY_SYSTEM) || level(l) == 0)
        return a64_undef(l);
    return raise_at(l, l->pc + 4, code, imm);
}

enum isa_lift a64_hvc(struct a64_lift *l, const struct a64_args_hvc *a)
{
    return call_up(l, A64_EXIT_HVC, a->imm);
}

enum isa_lift a64_smc(struct a64_lift *l, const struct a64_args_smc *a)
{
    return call_up(l, A64_EXIT_SMC, a->imm);
}

enum isa_lift a64_eret(struct a64_lift *l, const struct a64_args_eret *a)
{
    (void)a;
    if (!(l->key & A64_KEY_SYSTEM) || level(l) == 0)
        return a64_undef(l);
    return a64_sys_exit(l, A64_EXIT_ERET);
}

/* ERETAA, ERETAB: ELR is authenticated by SP first. */
enum isa_lift a64_ereta(struct a64_lift *l, const struct a64_args_ereta *a)
{
    static const uint8_t slots[3] = {A64_SLOT_ELR_EL1, A64_SLOT_ELR_EL2, 0};
    unsigned key = a->m ? A64_PAC_IB : A64_PAC_IA, slot;

    if (!(l->key & A64_KEY_SYSTEM) || level(l) == 0)
        return a64_undef(l);
    slot = slots[level(l) - 1];
    if (slot && a64_pac_on(l, key))
        ir_put(
            l->u, slot,
            a64_pac_apply(l, true, key, ir_get(l->u, IR_I64, slot), a64_reg_sp(l, IR_I64, A64_SP)));
    return a64_sys_exit(l, A64_EXIT_ERET);
}

enum isa_lift a64_sys_wait(struct a64_lift *l, bool interrupt)
{
    return a64_sys_exit(l, interrupt ? A64_EXIT_WFI : A64_EXIT_WFE);
}

/* ---- maintenance ---- */

static void cache_check(struct a64_lift *l, unsigned enc, unsigned rt)
{
    if (level(l) == 0 || (l->key & A64_KEY_TRAPS))
        a64_call(l, IR_VOID, A64_H_cache_check, a64_imm(l, IR_I32, enc),
                 a64_imm(l, IR_I32, trap_iss(enc, rt, false)), IR_NONE);
}

/* Data caches are coherent: the access that tells whether the address is there is all. */
enum isa_lift a64_sys_dc_clean(struct a64_lift *l, unsigned crm, unsigned rt)
{
    cache_check(l, A64_SYSREG(1, 3, 7, crm, 1), rt);
    ir_ld(l->u, IR_I32, IR_M_8, a64_reg(l, IR_I64, rt), 0);
    return ISA_NEXT;
}

enum isa_lift a64_sys_ic_ivau(struct a64_lift *l, unsigned rt)
{
    ir_ref line;

    cache_check(l, A64_SYSREG(1, 3, 7, 5, 1), rt);
    line =
        ir_op2(l->u, IR_AND, IR_I64, 0, a64_reg(l, IR_I64, rt), a64_imm(l, IR_I64, ~UINT64_C(63)));
    a64_call(l, IR_VOID, A64_H_icache, line, a64_imm(l, IR_I64, 64), IR_NONE);
    return leave(l);
}

enum isa_lift a64_sys_zva_trap(struct a64_lift *l, unsigned rt)
{
    uint32_t iss = trap_iss(A64_SYSREG(1, 3, 7, 4, 1), rt, false);

    a64_call(l, IR_VOID, A64_H_zva_trap, a64_imm(l, IR_I32, iss), IR_NONE, IR_NONE);
    return leave(l); /* not reached */
}

/* Who may do a TLBI or AT, or 4: it does not exist. `features` of the model gate forms of v8.4. */
static unsigned tlbi_level(unsigned op1, unsigned crm, unsigned op2, const struct a64_model *m)
{
    unsigned tlb = m->isar0 >> 56 & 15;
    bool range = crm == 2 || crm == 5 || crm == 6, outer = crm == 1 || crm == 5, ok;

    if (op1 == 4 && (crm == 0 || crm == 4)) {
        unsigned low = op2 & 3;

        ok = low == 1 || (low == 2 && tlb >= 2) || (crm == 4 && low == 0 && tlb >= 1) ||
             (crm == 4 && low == 3 && tlb >= 2);
        return ok ? 2 : 4;
    }
    if ((range && tlb < 2) || (outer && tlb < 1) || !(crm == 1 || crm == 3 || crm == 7 || range))
        return 4;
    if (op1 == 0)
        return op2 != 4 && op2 != 6 && !(range && !(op2 & 1)) ? 1 : 4;
    if (op1 == 4)
        return op2 == 1 || op2 == 5 || (!range && (op2 == 0 || op2 == 4 || op2 == 6)) ? 2 : 4;
    if (op1 == 6)
        return op2 == 1 || op2 == 5 || (!range && op2 == 0) ? 3 : 4;
    return 4;
}

static unsigned at_level(unsigned op1, unsigned crm, unsigned op2, const struct a64_model *m)
{
    if (crm == 8 &&
        ((op1 == 0 && op2 < 4) || (op1 == 4 && op2 != 2 && op2 != 3) || (op1 == 6 && op2 < 2)))
        return op1 == 0 ? 1 : op1 == 4 ? 2 : 3;
    if (crm == 9 && op1 == 0 && op2 < 2 && (m->mmfr1 >> 20 & 15) >= 2)
        return 1;
    return 4;
}

/* What needs EL1 of caches: IC IALLU(IS), DC IVAC, DC by set and way. */
static enum isa_lift cache(struct a64_lift *l, unsigned enc, unsigned rt)
{
    unsigned crm = enc >> 3 & 15, op2 = enc & 7;

    if (level(l) == 0)
        return a64_undef(l);
    if (op2 == 0 && (crm == 1 || crm == 5)) {
        cache_check(l, enc, rt);
        a64_call(l, IR_VOID, A64_H_icache, a64_imm(l, IR_I64, 0), a64_imm(l, IR_I64, 0), IR_NONE);
        return leave(l);
    }
    if (op2 == 1 && crm == 6) {
        cache_check(l, enc, rt);
        ir_ld(l->u, IR_I32, IR_M_8, a64_reg(l, IR_I64, rt), 0);
        return ISA_NEXT;
    }
    if (op2 == 2 && (crm == 6 || crm == 10 || crm == 14)) {
        cache_check(l, enc, rt);
        return ISA_NEXT;
    }
    return a64_undef(l);
}

enum isa_lift a64_sys(struct a64_lift *l, const struct a64_args_sys *a)
{
    const struct a64_model *m = a64_model_at(l->key >> A64_KEY_MODEL_SHIFT & 7);
    unsigned enc = A64_SYSREG(1, a->op1, a->crn, a->crm, a->op2), needs = 4;

    if (!(l->key & A64_KEY_SYSTEM))
        return a64_undef(l);
    if (a->crn == 7 && a->op1 == 0 &&
        (a->crm == 1 || a->crm == 5 || a->crm == 6 || a->crm == 10 || a->crm == 14))
        return cache(l, enc, a->rt);
    if (a->crn == 8)
        needs = tlbi_level(a->op1, a->crm, a->op2, m);
    else if (a->crn == 7)
        needs = at_level(a->op1, a->crm, a->op2, m);
    if (level(l) < needs)
        return a64_undef(l);
    a64_call(l, IR_VOID, A64_H_sys, a64_imm(l, IR_I32, enc),
             a64_imm(l, IR_I32, trap_iss(enc, a->rt, false)), a64_reg(l, IR_I64, a->rt));
    return ISA_NEXT;
}
