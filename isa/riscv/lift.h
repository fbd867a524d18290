/* Private to isa/riscv: what the lifters share. Knows the IR's builder and the slots; never guest
 * memory. Lifters are called by the generated rv_decode(), one for each line of the .dec tables. */
#ifndef MYNA_ISA_RISCV_LIFT_H
#define MYNA_ISA_RISCV_LIFT_H

#include "ir/build.h"
#include "ir/isa.h"
#include "isa/riscv/riscv_decode.h"
#include "isa/riscv/state.h"

struct rv_lift {
    struct ir_unit *u;
    struct isa_insn *i;
    uint64_t pc;
    uint64_t next; /* pc of the instruction that follows */
};

/* The helpers, index in isa_riscv.helpers. */
enum rv_helper {
    RV_H_SET_FRM,  /* (rounding mode): the code key follows fcsr.frm */
    RV_H_CSR_TIME, /* (csr) -> value */
    RV_H_FCLASS_S, /* (bits) -> mask */
    RV_H_FCLASS_D,
    RV_H_FCLASS_H,
    RV_H_F16_OP, /* (enum rv_f16_op | rm << 8, a, b, c), boxed -> boxed, or integer */
    RV_H_COUNT
};
extern const struct ir_helper rv_helpers[RV_H_COUNT];

enum rv_csr_op { RV_CSR_READ, RV_CSR_WRITE, RV_CSR_SET, RV_CSR_CLEAR };
enum rv_csr {
    RV_CSR_FFLAGS = 1,
    RV_CSR_FRM = 2,
    RV_CSR_FCSR = 3,
    RV_CSR_CYCLE = 0xc00,
    RV_CSR_TIME = 0xc01,
    RV_CSR_INSTRET = 0xc02,
};

/* Half-precision arithmetic done in software. */
enum rv_f16_op {
    RV_F16_ADD,
    RV_F16_SUB,
    RV_F16_MUL,
    RV_F16_DIV,
    RV_F16_SQRT,
    RV_F16_FMADD,
    RV_F16_FMSUB,
    RV_F16_FNMSUB,
    RV_F16_FNMADD,
    RV_F16_SGNJ,
    RV_F16_SGNJN,
    RV_F16_SGNJX,
    RV_F16_MIN,
    RV_F16_MAX,
    RV_F16_LE,
    RV_F16_LT,
    RV_F16_EQ,
    RV_F16_TO_W,
    RV_F16_TO_WU,
    RV_F16_TO_L,
    RV_F16_TO_LU,
    RV_F16_FROM_W,
    RV_F16_FROM_WU,
    RV_F16_FROM_L,
    RV_F16_FROM_LU,
};

static inline ir_ref rv_const(struct rv_lift *l, uint64_t v)
{
    return ir_const(l->u, IR_I64, v);
}

/* Register x[n], and its low 32 bits. */
static inline ir_ref rv_x(struct rv_lift *l, unsigned n)
{
    return n ? ir_get(l->u, IR_I64, RV_SLOT_X + n) : rv_const(l, 0);
}
static inline ir_ref rv_xw(struct rv_lift *l, unsigned n)
{
    return n ? ir_get(l->u, IR_I32, RV_SLOT_X + n) : ir_const(l->u, IR_I32, 0);
}

/* x[n] := v (i64), or the sign-extended v (i32). */
static inline void rv_set(struct rv_lift *l, unsigned n, ir_ref v)
{
    if (n)
        ir_put(l->u, RV_SLOT_X + n, v);
}
static inline void rv_setw(struct rv_lift *l, unsigned n, ir_ref v)
{
    if (n)
        ir_put(l->u, RV_SLOT_X + n, ir_op1(l->u, IR_SX, IR_I64, 32, v));
}

/* The low `bits` bits of v as a signed number. */
static inline int64_t rv_sext(uint32_t v, unsigned bits)
{
    return (int64_t)((uint64_t)v << (64 - bits)) >> (64 - bits);
}

/* Link registers, by the calling convention's hints to return-address stacks (2.5.1). */
static inline bool rv_is_link(unsigned n)
{
    return n == 1 || n == 5;
}

/* IR rounding (IR_RM_*) of an rm field under the unit's key; false if the encoding is illegal.
 * A static mode that is the current one becomes IR_RM_DYN, which costs nothing. */
static inline bool rv_rounding(const struct rv_lift *l, unsigned rm, unsigned *out)
{
    static const uint8_t map[] = {IR_RM_NEAREST, IR_RM_ZERO, IR_RM_DOWN, IR_RM_UP, IR_RM_AWAY};
    unsigned frm = l->u->key;

    if (rm == 7 ? frm > 4 : rm > 4)
        return false;
    *out = rm == 7 || rm == frm ? IR_RM_DYN : map[rm];
    return true;
}
#endif
