/* Lifts conversions of F and D, to and from integers and between the two, and those between them
 * and halves (Zfhmin). Unprivileged ISA 20.7, 21.5, chapter "Zfh".
 *
 * Out-of-range values saturate and NaN gives the largest integer: the unit's integer rule. A 32-bit
 * result is sign-extended even when it is unsigned. */
#include "isa/riscv/lift_fp.h"

#define CONVERT(NAME, OP, T, READ, SET)                                        \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        unsigned rm;                                                           \
                                                                               \
        if (!rv_rounding(l, a->rm, &rm))                                       \
            return rv_undef(l);                                                \
        SET(l, a->rd, ir_op1(l->u, OP, T, rm, READ(l, a->rs1)));               \
        return ISA_NEXT;                                                       \
    }
#define TO_INTS(F, READ)                                 \
    CONVERT(fcvt_w_##F, IR_FTOS, IR_I32, READ, rv_setw)  \
    CONVERT(fcvt_wu_##F, IR_FTOU, IR_I32, READ, rv_setw) \
    CONVERT(fcvt_l_##F, IR_FTOS, IR_I64, READ, rv_set)   \
    CONVERT(fcvt_lu_##F, IR_FTOU, IR_I64, READ, rv_set)
TO_INTS(s, rv_f32)
TO_INTS(d, rv_f64)

#define FROM_INTS(F, T, SET)                       \
    CONVERT(fcvt_##F##_w, IR_STOF, T, rv_xw, SET)  \
    CONVERT(fcvt_##F##_wu, IR_UTOF, T, rv_xw, SET) \
    CONVERT(fcvt_##F##_l, IR_STOF, T, rv_x, SET)   \
    CONVERT(fcvt_##F##_lu, IR_UTOF, T, rv_x, SET)
FROM_INTS(s, IR_F32, rv_set_f32)
FROM_INTS(d, IR_F64, rv_set_f64)

CONVERT(fcvt_s_d, IR_FCVT, IR_F32, rv_f64, rv_set_f32)
CONVERT(fcvt_s_h, IR_F16TO, IR_F32, rv_f16, rv_set_f32)
CONVERT(fcvt_d_h, IR_F16TO, IR_F64, rv_f16, rv_set_f64)
CONVERT(fcvt_h_s, IR_TOF16, IR_I32, rv_f32, rv_set_f16)
CONVERT(fcvt_h_d, IR_TOF16, IR_I32, rv_f64, rv_set_f16)

/* Exact whatever rm says, which GNU as leaves at RNE. */
enum isa_lift rv_fcvt_d_s(struct rv_lift *l, const struct rv_args_fcvt_d_s *a)
{
    unsigned rm;

    if (!rv_rounding(l, a->rm, &rm))
        return rv_undef(l);
    rv_set_f64(l, a->rd, ir_op1(l->u, IR_FCVT, IR_F64, 0, rv_f32(l, a->rs1)));
    return ISA_NEXT;
}
