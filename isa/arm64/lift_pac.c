/* Owns the lifting of pointer authentication outside branches and loads. Arm ARM D8.9.
 *
 * Addresses have 48 bits and the top byte is ignored, so the code is in bits 54..48.
 */
#include "isa/arm64/pac.h"

#define CODE_BITS UINT64_C(0x007f000000000000)

static enum isa_lift apply(struct a64_lift *l, bool auth, unsigned key, unsigned rd,
                           ir_ref modifier)
{
    if (a64_pac_on(l, key))
        a64_set_reg(l, rd, a64_pac_apply(l, auth, key, a64_reg(l, IR_I64, rd), modifier));
    return ISA_NEXT;
}

enum isa_lift a64_pac(struct a64_lift *l, const struct a64_args_pac *a)
{
    return apply(l, a->auth, a->key, a->rd, a64_reg_sp(l, IR_I64, a->rn));
}

enum isa_lift a64_pacz(struct a64_lift *l, const struct a64_args_pacz *a)
{
    return apply(l, a->auth, a->key, a->rd, a64_imm(l, IR_I64, 0));
}

enum isa_lift a64_pac1716(struct a64_lift *l, const struct a64_args_pac1716 *a)
{
    return apply(l, a->auth, a->b ? A64_PAC_IB : A64_PAC_IA, 17, a64_reg(l, IR_I64, 16));
}

enum isa_lift a64_paclr(struct a64_lift *l, const struct a64_args_paclr *a)
{
    unsigned key = a->b ? A64_PAC_IB : A64_PAC_IA;

    if (!a64_pac_on(l, key)) /* every function of some distributions: emit nothing at all */
        return ISA_NEXT;
    return apply(l, a->auth, key, A64_X30,
                 a->sp ? a64_reg_sp(l, IR_I64, A64_SP) : a64_imm(l, IR_I64, 0));
}

/* Bits 54..48 become copies of bit 55. */
static enum isa_lift strip(struct a64_lift *l, unsigned rd)
{
    ir_ref v, sign;

    if (!(l->key & (A64_KEY_PAC_IA | A64_KEY_PAC_IB | A64_KEY_PAC_DA | A64_KEY_PAC_DB)))
        return ISA_NEXT;
    v = a64_reg(l, IR_I64, rd);
    sign = ir_op1(l->u, IR_SBFX, IR_I64, 1 << 8 | 55, v);
    sign = ir_op2(l->u, IR_AND, IR_I64, 0, sign, a64_imm(l, IR_I64, CODE_BITS));
    v = ir_op2(l->u, IR_AND, IR_I64, 0, v, a64_imm(l, IR_I64, ~CODE_BITS));
    a64_set_reg(l, rd, ir_op2(l->u, IR_OR, IR_I64, 0, v, sign));
    return ISA_NEXT;
}

enum isa_lift a64_xpac(struct a64_lift *l, const struct a64_args_xpac *a)
{
    return strip(l, a->rd);
}

enum isa_lift a64_xpaclri(struct a64_lift *l, const struct a64_args_xpaclri *a)
{
    (void)a;
    return strip(l, A64_X30);
}

enum isa_lift a64_pacga(struct a64_lift *l, const struct a64_args_pacga *a)
{
    ir_ref n = a64_reg(l, IR_I64, a->rn), m = a64_reg_sp(l, IR_I64, a->rm);

    a64_set_reg(l, a->rd, a64_call(l, IR_I64, A64_H_pac_generic, n, m, IR_NONE));
    return ISA_NEXT;
}
