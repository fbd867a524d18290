/* Private to isa/riscv: how lifters read and write f registers (NaN boxing, unprivileged ISA 21.2).
 *
 * A single lives in its 64-bit register under 32 one bits; read from anything else it is the
 * canonical NaN. Boxing stays in vector registers: two cheap ops on the way in, and on the way out
 * nothing where the block itself made the value (rv_f32 finds it), else a compare and an OR. */
#ifndef MYNA_ISA_RISCV_LIFT_FP_H
#define MYNA_ISA_RISCV_LIFT_FP_H

#include "isa/riscv/lift.h"

#define RV_BOX32 UINT64_C(0xffffffff00000000)
#define RV_BOX16 UINT64_C(0xffffffffffff0000)

/* f[n] as a double, and as raw bits. */
static inline ir_ref rv_f64(struct rv_lift *l, unsigned n)
{
    return ir_get(l->u, IR_F64, RV_SLOT_F + n);
}
static inline ir_ref rv_fbits(struct rv_lift *l, unsigned n)
{
    return ir_op1(l->u, IR_BITS, IR_I64, 0, rv_f64(l, n));
}
static inline void rv_set_f64(struct rv_lift *l, unsigned n, ir_ref v)
{
    ir_put(l->u, RV_SLOT_F + n, v);
}
static inline void rv_set_fbits(struct rv_lift *l, unsigned n, ir_ref v)
{
    rv_set_f64(l, n, ir_op1(l->u, IR_BITS, IR_F64, 0, v));
}

/* f[n] as a single. The NaN that stands for a value without a box is quiet and signless in no
 * particular way: every arithmetic op makes the canonical one of it. Where bits count (sign
 * injection), use rv_f32_exact(). */
ir_ref rv_f32(struct rv_lift *l, unsigned n);
ir_ref rv_f32_exact(struct rv_lift *l, unsigned n);
/* f[n] := boxed v. */
void rv_set_f32(struct rv_lift *l, unsigned n, ir_ref v);
/* f[rd] := f[rs] where f[rs] is boxed, else the canonical NaN, boxed (fmv.s). */
void rv_move_f32(struct rv_lift *l, unsigned rd, unsigned rs);
/* The half in f[n], as i32; and f[n] := boxed low 16 bits of v (i32 or i64, upper bits zero). */
ir_ref rv_f16(struct rv_lift *l, unsigned n);
void rv_set_f16(struct rv_lift *l, unsigned n, ir_ref v);
#endif
