/* Private to isa/arm64: what the lifters of all chapters share. Emits IR, never runs guest code.
 *
 * Register numbers: "x31" is the zero register or the stack pointer, as the function's name says.
 * Rule: no PUT before the last faulting op of an instruction. The addressing helpers keep it by
 * computing the new base early and writing it only in a64_addr_done().
 */
#ifndef MYNA_ISA_ARM64_LIFT_H
#define MYNA_ISA_ARM64_LIFT_H

#include "base/bits.h"
#include "ir/build.h"
#include "ir/isa.h"
#include "isa/arm64/arm64_decode.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/state.h"

struct a64_lift {
    struct ir_unit *u;
    struct isa_insn *i;
    uint64_t pc;
    uint32_t key; /* A64_KEY_* */
};

/* ---- the type of an sf field: 0 W, 1 X ---- */
static inline enum ir_type a64_type(unsigned sf)
{
    return sf ? IR_I64 : IR_I32;
}
static inline ir_ref a64_imm(struct a64_lift *l, enum ir_type t, uint64_t v)
{
    return ir_const(l->u, t, t == IR_I32 ? (uint32_t)v : v);
}

/* ---- general registers; 31 reads as zero and ignores writes ---- */
static inline ir_ref a64_reg(struct a64_lift *l, enum ir_type t, unsigned r)
{
    return r == 31 ? ir_const(l->u, t, 0) : ir_get(l->u, t, A64_X0 + r);
}
static inline void a64_set_reg(struct a64_lift *l, unsigned r, ir_ref v)
{
    if (r != 31)
        ir_put(l->u, A64_X0 + r, v);
}
/* ---- general registers; 31 is SP ---- */
static inline ir_ref a64_reg_sp(struct a64_lift *l, enum ir_type t, unsigned r)
{
    return ir_get(l->u, t, A64_X0 + r);
}
static inline void a64_set_reg_sp(struct a64_lift *l, unsigned r, ir_ref v)
{
    ir_put(l->u, A64_X0 + r, v);
}

/* ---- flags ---- */
static inline ir_ref a64_cc(struct a64_lift *l)
{
    return ir_get(l->u, IR_CC, A64_NZCV);
}
static inline void a64_set_cc(struct a64_lift *l, ir_ref cc)
{
    ir_put(l->u, A64_NZCV, cc);
}
/* Condition 14 and 15 both mean always. */
static inline bool a64_cond_always(unsigned cond)
{
    return cond >= 14;
}

/* ---- vector registers: whole, or the low part as a scalar ---- */
static inline ir_ref a64_vreg(struct a64_lift *l, unsigned r)
{
    return ir_get(l->u, IR_V128, A64_V0 + r);
}
/* t: IR_V128, or IR_F32/F64/I32/I64 (the rest of the register becomes zero). */
static inline void a64_set_vreg(struct a64_lift *l, unsigned r, ir_ref v)
{
    ir_put(l->u, A64_V0 + r, v);
}
static inline ir_ref a64_freg(struct a64_lift *l, enum ir_type t, unsigned r)
{
    return ir_get(l->u, t, A64_V0 + r);
}

/* ---- addresses: base + disp, and what is to be written back ---- */
struct a64_addr {
    ir_ref base;
    int32_t disp;
    ir_ref wb; /* new value of the base register, or IR_NONE */
    unsigned wb_reg;
};

/* [rn, #imm] */
static inline struct a64_addr a64_addr_imm(struct a64_lift *l, unsigned rn, int64_t imm)
{
    return (struct a64_addr){a64_reg_sp(l, IR_I64, rn), (int32_t)imm, IR_NONE, rn};
}
/* [rn, #imm]! */
static inline struct a64_addr a64_addr_pre(struct a64_lift *l, unsigned rn, int64_t imm)
{
    struct a64_addr m = a64_addr_imm(l, rn, imm);

    m.wb = ir_op2(l->u, IR_ADD, IR_I64, 0, m.base, ir_const(l->u, IR_I64, (uint64_t)imm));
    return m;
}
/* [rn], #imm */
static inline struct a64_addr a64_addr_post(struct a64_lift *l, unsigned rn, int64_t imm)
{
    struct a64_addr m = a64_addr_pre(l, rn, imm);

    m.disp = 0;
    return m;
}
/* [rn], xm (structure loads and stores) */
static inline struct a64_addr a64_addr_post_reg(struct a64_lift *l, unsigned rn, unsigned rm)
{
    struct a64_addr m = a64_addr_imm(l, rn, 0);

    m.wb = ir_op2(l->u, IR_ADD, IR_I64, 0, m.base, a64_reg(l, IR_I64, rm));
    return m;
}
/* The value of rm extended by `option` (UXTB..SXTX, 0..7) and shifted left, as i64. */
static inline ir_ref a64_extend(struct a64_lift *l, unsigned rm, unsigned option, unsigned shift)
{
    ir_ref v;

    if ((option & 3) == 3)
        v = a64_reg(l, IR_I64, rm);
    else
        v = ir_op1(l->u, option & 4 ? IR_SX : IR_ZX, IR_I64, 8u << (option & 3),
                   a64_reg(l, IR_I32, rm));
    if (shift)
        v = ir_op2(l->u, IR_SHL, IR_I64, 0, v, ir_const(l->u, IR_I64, shift));
    return v;
}
/* [rn, rm, EXTEND #shift]; option must have bit 1 set (W or X index). */
static inline struct a64_addr a64_addr_index(struct a64_lift *l, unsigned rn, unsigned rm,
                                             unsigned option, unsigned shift)
{
    ir_ref index = a64_extend(l, rm, option, shift);
    ir_ref base = ir_op2(l->u, IR_ADD, IR_I64, 0, a64_reg_sp(l, IR_I64, rn), index);

    return (struct a64_addr){base, 0, IR_NONE, rn};
}
static inline ir_ref a64_load(struct a64_lift *l, enum ir_type t, unsigned desc,
                              const struct a64_addr *m, int32_t more)
{
    return ir_ld(l->u, t, desc, m->base, m->disp + more);
}
static inline void a64_store(struct a64_lift *l, unsigned desc, const struct a64_addr *m, ir_ref v,
                             int32_t more)
{
    ir_st(l->u, desc, m->base, v, m->disp + more);
}
/* Writes the base back. After the last access, before the PUTs of loaded registers (which win). */
static inline void a64_addr_done(struct a64_lift *l, const struct a64_addr *m)
{
    if (m->wb != IR_NONE)
        a64_set_reg_sp(l, m->wb_reg, m->wb);
}

/* Calls a helper of helpers.h; `result` is IR_VOID for none. */
static inline ir_ref a64_call(struct a64_lift *l, enum ir_type result, enum a64_helper h, ir_ref a,
                              ir_ref b, ir_ref c)
{
    return ir_call(l->u, result, h, a, b, c);
}

/* The third column of the tables: does the processor have it? Programs have all. lift_mode.c */
enum a64_gate {
    A64_GATE_aes,
    A64_GATE_atomics,
    A64_GATE_bf16,
    A64_GATE_crc32,
    A64_GATE_dit,
    A64_GATE_dotprod,
    A64_GATE_fcma,
    A64_GATE_fhm,
    A64_GATE_flagm,
    A64_GATE_flagm2,
    A64_GATE_fp16,
    A64_GATE_frintts,
    A64_GATE_i8mm,
    A64_GATE_ilrcpc,
    A64_GATE_jscvt,
    A64_GATE_lrcpc,
    A64_GATE_pauth,
    A64_GATE_pmull,
    A64_GATE_rdm,
    A64_GATE_rng,
    A64_GATE_sb,
    A64_GATE_sha1,
    A64_GATE_sha2,
    A64_GATE_sha3,
    A64_GATE_sha512,
    A64_GATE_sm3,
    A64_GATE_sm4,
    A64_GATE_ssbs,
    A64_GATES
};
bool a64_gate(const struct a64_lift *l, enum a64_gate gate);

/* Not an instruction here: EXIT CPU_EXIT_UNDEF at this pc. */
enum isa_lift a64_undef(struct a64_lift *l);

/* Ends the block after a change of the code key: the next instruction is looked up anew, because a
 * linked jump would go to a block of the old key. */
static inline enum isa_lift a64_end_block(struct a64_lift *l)
{
    ir_exit(l->u, CPU_EXIT_NONE, ir_const(l->u, IR_I64, l->pc + 4), IR_NONE, 0);
    return ISA_END;
}

/* The 64-bit value of a logical immediate (N:immr:imms); false if reserved. C4.1, DecodeBitMasks.
 */
bool a64_bitmask(unsigned n, unsigned immr, unsigned imms, unsigned width, uint64_t *value);

/* True if at pc the flags are overwritten before they are read. cc_dead.c */
bool a64_cc_dead(uint64_t pc, const uint8_t *bytes, size_t avail);
/* True if code that a call returns to reads flags from before the call. */
bool a64_cc_read(uint64_t pc, const uint8_t *bytes, size_t avail);

#endif
