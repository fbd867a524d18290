/* Private to isa/arm64: pointer authentication in lifters. Arm ARM D8.9, FEAT_PAuth.
 *
 * Keys that the code key does not enable make the instructions no-ops, so these return their
 * argument.
 */
#ifndef MYNA_ISA_ARM64_PAC_H
#define MYNA_ISA_ARM64_PAC_H

#include "isa/arm64/lift.h"

/* key: A64_PAC_IA, IB, DA, DB. */
static inline bool a64_pac_on(const struct a64_lift *l, unsigned key)
{
    return l->key & A64_KEY_PAC_IA << key;
}
/* The pointer authenticated with (or, auth false, signed by) the modifier. */
static inline ir_ref a64_pac_apply(struct a64_lift *l, bool auth, unsigned key, ir_ref pointer,
                                   ir_ref modifier)
{
    if (!a64_pac_on(l, key))
        return pointer;
    return a64_call(l, IR_I64, auth ? A64_H_pac_auth : A64_H_pac_add, pointer, modifier,
                    ir_const(l->u, IR_I32, key));
}

#endif
