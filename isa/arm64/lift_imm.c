/* Owns the lifting of data processing with immediates. Arm ARM C4.1.92. */
#include "isa/arm64/lift.h"

static enum isa_lift put(struct a64_lift *l, unsigned rd, ir_ref v)
{
    a64_set_reg(l, rd, v);
    return ISA_NEXT;
}

enum isa_lift a64_adr(struct a64_lift *l, const struct a64_args_adr *a)
{
    int64_t offset = bits_sext64(a->immhi << 2 | a->immlo, 21);

    return put(l, a->rd, a64_imm(l, IR_I64, l->pc + (uint64_t)offset));
}

enum isa_lift a64_adrp(struct a64_lift *l, const struct a64_args_adrp *a)
{
    int64_t offset = bits_sext64(a->immhi << 2 | a->immlo, 21) * 4096;

    return put(l, a->rd, a64_imm(l, IR_I64, (l->pc & ~UINT64_C(4095)) + (uint64_t)offset));
}

enum isa_lift a64_addsub_imm(struct a64_lift *l, const struct a64_args_addsub_imm *a)
{
    enum ir_type t = a64_type(a->sf);
    uint64_t imm = (uint64_t)a->imm << (a->sh ? 12 : 0);
    ir_ref n = a64_reg_sp(l, t, a->rn), k, r;

    if (!a->s) {
        r = n;
        if (imm)
            r = ir_op2(l->u, a->op ? IR_SUB : IR_ADD, t, 0, n, a64_imm(l, t, imm));
        a64_set_reg_sp(l, a->rd, r);
        return ISA_NEXT;
    }
    k = a64_imm(l, t, imm);
    if (a->rd != 31)
        a64_set_reg(l, a->rd, ir_op2(l->u, a->op ? IR_SUB : IR_ADD, t, 0, n, k));
    a64_set_cc(l, ir_op2(l->u, a->op ? IR_CCSUB : IR_CCADD, IR_CC, 0, n, k));
    return ISA_NEXT;
}

bool a64_bitmask(unsigned n, unsigned immr, unsigned imms, unsigned width, uint64_t *value)
{
    unsigned key = n << 6 | (~imms & 63), size, ones, rotate;
    uint64_t element;

    if (key < 2 || (n && width == 32))
        return false;
    size = 1u << (31 - bits_clz32(key));
    ones = (imms & (size - 1)) + 1;
    rotate = immr & (size - 1);
    if (ones == size)
        return false;
    element = bits_mask64(ones);
    if (rotate)
        element = (element >> rotate | element << (size - rotate)) & bits_mask64(size);
    for (; size < 64; size *= 2)
        element |= element << size;
    *value = element & bits_mask64(width);
    return true;
}

enum isa_lift a64_logic_imm(struct a64_lift *l, const struct a64_args_logic_imm *a)
{
    static const uint8_t ops[4] = {IR_AND, IR_OR, IR_XOR, IR_AND};
    enum ir_type t = a64_type(a->sf);
    uint64_t mask;
    ir_ref r;

    if (!a64_bitmask(a->n, a->immr, a->imms, a->sf ? 64 : 32, &mask))
        return a64_undef(l);
    if (a->op == 1 && a->rn == 31)
        r = a64_imm(l, t, mask);
    else
        r = ir_op2(l->u, ops[a->op], t, 0, a64_reg(l, t, a->rn), a64_imm(l, t, mask));
    if (a->op == 3) {
        a64_set_reg(l, a->rd, r);
        a64_set_cc(l, ir_op1(l->u, IR_CCLOG, IR_CC, 0, r));
    } else {
        a64_set_reg_sp(l, a->rd, r);
    }
    return ISA_NEXT;
}

enum isa_lift a64_movn(struct a64_lift *l, const struct a64_args_movn *a)
{
    if (!a->sf && a->hw >= 2)
        return a64_undef(l);
    return put(l, a->rd, a64_imm(l, a64_type(a->sf), ~((uint64_t)a->imm << 16 * a->hw)));
}

enum isa_lift a64_movz(struct a64_lift *l, const struct a64_args_movz *a)
{
    if (!a->sf && a->hw >= 2)
        return a64_undef(l);
    return put(l, a->rd, a64_imm(l, a64_type(a->sf), (uint64_t)a->imm << 16 * a->hw));
}

enum isa_lift a64_movk(struct a64_lift *l, const struct a64_args_movk *a)
{
    enum ir_type t = a64_type(a->sf);

    if (!a->sf && a->hw >= 2)
        return a64_undef(l);
    return put(
        l, a->rd,
        ir_op2(l->u, IR_BFI, t, 16 << 8 | 16 * a->hw, a64_reg(l, t, a->rd), a64_imm(l, t, a->imm)));
}

/* ---- bit fields ---- */

/* Bits [at, at + length) of v, in the low bits. */
static ir_ref field(struct a64_lift *l, enum ir_type t, bool is_signed, ir_ref v, unsigned at,
                    unsigned length)
{
    unsigned width = ir_type_bits[t];

    if (length == width)
        return v;
    if (at + length == width)
        return ir_op2(l->u, is_signed ? IR_SAR : IR_SHR, t, 0, v, a64_imm(l, t, at));
    if (!at && (length == 8 || length == 16 || length == 32))
        return ir_op1(l->u, is_signed ? IR_SX : IR_ZX, t, length, v);
    return ir_op1(l->u, is_signed ? IR_SBFX : IR_UBFX, t, length << 8 | at, v);
}

/* SBFM, UBFM: the field moved to bit 0 (imms >= immr) or to bit width - immr. */
static enum isa_lift move_field(struct a64_lift *l, unsigned sf, bool is_signed, unsigned n,
                                unsigned immr, unsigned imms, unsigned rn, unsigned rd)
{
    enum ir_type t = a64_type(sf);
    unsigned width = sf ? 64 : 32, to = width - immr;
    ir_ref v;

    if (n != sf || (!sf && (immr | imms) & 32))
        return a64_undef(l);
    v = a64_reg(l, t, rn);
    if (imms >= immr)
        return put(l, rd, field(l, t, is_signed, v, immr, imms - immr + 1));
    if (imms + 1 + to < width) /* else the shift drops the bits above the field */
        v = field(l, t, is_signed, v, 0, imms + 1);
    return put(l, rd, ir_op2(l->u, IR_SHL, t, 0, v, a64_imm(l, t, to)));
}

enum isa_lift a64_sbfm(struct a64_lift *l, const struct a64_args_sbfm *a)
{
    return move_field(l, a->sf, true, a->n, a->immr, a->imms, a->rn, a->rd);
}

enum isa_lift a64_ubfm(struct a64_lift *l, const struct a64_args_ubfm *a)
{
    return move_field(l, a->sf, false, a->n, a->immr, a->imms, a->rn, a->rd);
}

enum isa_lift a64_bfm(struct a64_lift *l, const struct a64_args_bfm *a)
{
    enum ir_type t = a64_type(a->sf);
    unsigned width = a->sf ? 64 : 32, at, length;
    ir_ref v;

    if (a->n != a->sf || (!a->sf && (a->immr | a->imms) & 32))
        return a64_undef(l);
    v = a64_reg(l, t, a->rn);
    if (a->imms >= a->immr) {
        at = 0;
        length = a->imms - a->immr + 1;
        if (a->immr)
            v = ir_op2(l->u, IR_SHR, t, 0, v, a64_imm(l, t, a->immr));
    } else {
        at = width - a->immr;
        length = a->imms + 1;
    }
    if (length < width)
        v = ir_op2(l->u, IR_BFI, t, length << 8 | at, a64_reg(l, t, a->rd), v);
    return put(l, a->rd, v);
}

enum isa_lift a64_extr(struct a64_lift *l, const struct a64_args_extr *a)
{
    enum ir_type t = a64_type(a->sf);
    ir_ref n, m;

    if (a->n != a->sf || (!a->sf && a->imms & 32))
        return a64_undef(l);
    m = a64_reg(l, t, a->rm);
    if (!a->imms)
        return put(l, a->rd, m);
    if (a->rn == a->rm)
        return put(l, a->rd, ir_op2(l->u, IR_ROR, t, 0, m, a64_imm(l, t, a->imms)));
    n = a64_reg(l, t, a->rn);
    return put(l, a->rd, ir_op3(l->u, IR_EXTR, t, 0, n, m, a->imms));
}
