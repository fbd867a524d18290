/* Private to ir/eval_fp.c and ir/eval_vecfp.c: from a unit's floating-point environment to fp/fp.h.
 */
#ifndef MYNA_IR_EVAL_FLOAT_H
#define MYNA_IR_EVAL_FLOAT_H

#include "fp/fp.h"
#include "ir/eval_call.h"

/* Rounding of an IR_RM_*; DYN is what the environment says. */
static inline enum fp_round eval_round(const struct ir_fpenv *env, unsigned rm)
{
    static const uint8_t to_fp[8] = {
        [IR_RM_NEAREST] = FP_RNE, [IR_RM_ZERO] = FP_RTZ, [IR_RM_UP] = FP_RUP,
        [IR_RM_DOWN] = FP_RDN,    [IR_RM_AWAY] = FP_RNA,
    };

    return (enum fp_round)to_fp[(rm & 7) == IR_RM_DYN ? env->rm & 7 : rm & 7];
}

static inline struct fp_ctx eval_fp_begin(const struct ir_eval_call *e, unsigned rm)
{
    struct fp_ctx c = fp_ctx_make((enum fp_nan_rule)e->env->nan_rule);

    c.rm = (uint8_t)eval_round(e->env, rm);
    c.default_nan = e->env->default_nan;
    c.ftz = e->env->ftz;
    c.daz = e->env->daz;
    return c;
}

static inline void eval_fp_end(struct ir_eval_call *e, const struct fp_ctx *c)
{
    if (e->fpflags)
        *e->fpflags |= c->flags;
}

/* The kind of minimum (max: false) or maximum that an IR_MM_* asks for. */
static inline enum fp_minmax eval_minmax(unsigned mm, bool max)
{
    static const uint8_t to_fp[4] = {
        [IR_MM_ARM] = FP_MIN,
        [IR_MM_NUM] = FP_MINNUM_2008,
        [IR_MM_NUM19] = FP_MINNUM_2019,
        [IR_MM_X86] = FP_MIN_X86,
    };

    return (enum fp_minmax)(to_fp[mm & 3] + max);
}
#endif
