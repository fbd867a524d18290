/* Owns the lifting of data processing with registers. Arm ARM C4.1.95. */
#include "isa/arm64/lift.h"

static enum isa_lift put(struct a64_lift *l, unsigned rd, ir_ref v)
{
    a64_set_reg(l, rd, v);
    return ISA_NEXT;
}

/* rm shifted by a constant; kind 0 LSL, 1 LSR, 2 ASR, 3 ROR. */
static ir_ref shifted(struct a64_lift *l, enum ir_type t, unsigned rm, unsigned kind,
                      unsigned amount)
{
    static const uint8_t ops[4] = {IR_SHL, IR_SHR, IR_SAR, IR_ROR};
    ir_ref m = a64_reg(l, t, rm);

    return amount ? ir_op2(l->u, ops[kind], t, 0, m, a64_imm(l, t, amount)) : m;
}

enum isa_lift a64_logic_reg(struct a64_lift *l, const struct a64_args_logic_reg *a)
{
    static const uint8_t ops[4] = {IR_AND, IR_OR, IR_XOR, IR_AND};
    enum ir_type t = a64_type(a->sf);
    ir_ref m, r;

    if (!a->sf && a->amount & 32)
        return a64_undef(l);
    m = shifted(l, t, a->rm, a->shift, a->amount);
    if (a->op == 1 && a->rn == 31) { /* MOV, MVN */
        r = a->n ? ir_op1(l->u, IR_NOT, t, 0, m) : m;
    } else if (a->n && (a->op & 1) == (a->op >> 1)) { /* BIC, BICS */
        r = ir_op2(l->u, IR_ANDN, t, 0, a64_reg(l, t, a->rn), m);
    } else {
        if (a->n)
            m = ir_op1(l->u, IR_NOT, t, 0, m);
        r = ir_op2(l->u, ops[a->op], t, 0, a64_reg(l, t, a->rn), m);
    }
    a64_set_reg(l, a->rd, r);
    if (a->op == 3)
        a64_set_cc(l, ir_op1(l->u, IR_CCLOG, IR_CC, 0, r));
    return ISA_NEXT;
}

/* rd := n +- m, and with s the flags. */
static void add_sub(struct a64_lift *l, enum ir_type t, bool sub, bool s, ir_ref n, ir_ref m,
                    unsigned rd)
{
    if (!s || rd != 31) {
        ir_ref r = ir_op2(l->u, sub ? IR_SUB : IR_ADD, t, 0, n, m);

        if (s)
            a64_set_reg(l, rd, r);
        else
            a64_set_reg_sp(l, rd, r);
    }
    if (s)
        a64_set_cc(l, ir_op2(l->u, sub ? IR_CCSUB : IR_CCADD, IR_CC, 0, n, m));
}

enum isa_lift a64_addsub_reg(struct a64_lift *l, const struct a64_args_addsub_reg *a)
{
    enum ir_type t = a64_type(a->sf);
    ir_ref m, n;

    if (!a->sf && a->amount & 32)
        return a64_undef(l);
    if (!a->s && a->rd == 31)
        return ISA_NEXT;
    m = shifted(l, t, a->rm, a->shift, a->amount);
    if (a->op && !a->s && a->rn == 31)
        return put(l, a->rd, ir_op1(l->u, IR_NEG, t, 0, m));
    n = a64_reg(l, t, a->rn);
    add_sub(l, t, a->op, a->s, n, m, a->rd);
    return ISA_NEXT;
}

enum isa_lift a64_addsub_ext(struct a64_lift *l, const struct a64_args_addsub_ext *a)
{
    enum ir_type t = a64_type(a->sf);
    ir_ref m;

    if (a->sf) {
        m = a64_extend(l, a->rm, a->option, a->amount);
    } else {
        m = a64_reg(l, IR_I32, a->rm);
        if ((a->option & 3) < 2)
            m = ir_op1(l->u, a->option & 4 ? IR_SX : IR_ZX, IR_I32, 8u << (a->option & 3), m);
        if (a->amount)
            m = ir_op2(l->u, IR_SHL, IR_I32, 0, m, a64_imm(l, IR_I32, a->amount));
    }
    add_sub(l, t, a->op, a->s, a64_reg_sp(l, t, a->rn), m, a->rd);
    return ISA_NEXT;
}

enum isa_lift a64_adcsbc(struct a64_lift *l, const struct a64_args_adcsbc *a)
{
    enum ir_type t = a64_type(a->sf);
    ir_ref n = a64_reg(l, t, a->rn), m = a64_reg(l, t, a->rm), cc = a64_cc(l);

    if (a->rd != 31)
        a64_set_reg(l, a->rd, ir_op3(l->u, a->op ? IR_SBC : IR_ADC, t, 0, n, m, cc));
    if (a->s)
        a64_set_cc(l, ir_op3(l->u, a->op ? IR_CCSBC : IR_CCADC, IR_CC, 0, n, m, cc));
    return ISA_NEXT;
}

/* ---- flag manipulation ---- */

/* NZCV := (NZCV & ~mask) | bits, mask and bits in 31..28. */
static void merge_flags(struct a64_lift *l, uint32_t mask, ir_ref bits)
{
    ir_ref w = ir_op1(l->u, IR_CCTO, IR_I32, 0, a64_cc(l));

    w = ir_op2(l->u, IR_AND, IR_I32, 0, w, a64_imm(l, IR_I32, ~mask & 0xf0000000u));
    w = ir_op2(l->u, IR_OR, IR_I32, 0, w, bits);
    a64_set_cc(l, ir_op1(l->u, IR_CCFROM, IR_CC, 0, w));
}

enum isa_lift a64_rmif(struct a64_lift *l, const struct a64_args_rmif *a)
{
    ir_ref v = a64_reg(l, IR_I64, a->rn), w;

    if (!a->mask)
        return ISA_NEXT;
    if (a->shift)
        v = ir_op2(l->u, IR_ROR, IR_I64, 0, v, a64_imm(l, IR_I64, a->shift));
    w = ir_op1(l->u, IR_TRUNC, IR_I32, 0, v);
    w = ir_op2(l->u, IR_SHL, IR_I32, 0, w, a64_imm(l, IR_I32, 28));
    w = ir_op2(l->u, IR_AND, IR_I32, 0, w, a64_imm(l, IR_I32, a->mask << 28));
    merge_flags(l, a->mask << 28, w);
    return ISA_NEXT;
}

/* N = sign of the low 8 or 16 bits, Z = they are zero, V = the bit above differs from the sign. */
enum isa_lift a64_setf(struct a64_lift *l, const struct a64_args_setf *a)
{
    unsigned bits = a->sz ? 16 : 8;
    ir_ref v = a64_reg(l, IR_I32, a->rn), up, sign, zero, over, w;

    up = ir_op2(l->u, IR_SHL, IR_I32, 0, v, a64_imm(l, IR_I32, 32 - bits));
    sign = ir_op2(l->u, IR_AND, IR_I32, 0, up, a64_imm(l, IR_I32, 0x80000000u));
    zero = ir_op2(l->u, IR_SETC, IR_I32, IR_EQ, up, a64_imm(l, IR_I32, 0));
    zero = ir_op2(l->u, IR_SHL, IR_I32, 0, zero, a64_imm(l, IR_I32, 30));
    over = ir_op2(l->u, IR_SHR, IR_I32, 0, v, a64_imm(l, IR_I32, 1));
    over = ir_op2(l->u, IR_XOR, IR_I32, 0, over, v);
    over = ir_op1(l->u, IR_UBFX, IR_I32, 1 << 8 | (bits - 1), over);
    over = ir_op2(l->u, IR_SHL, IR_I32, 0, over, a64_imm(l, IR_I32, 28));
    w = ir_op2(l->u, IR_OR, IR_I32, 0, sign, zero);
    w = ir_op2(l->u, IR_OR, IR_I32, 0, w, over);
    merge_flags(l, 0xd0000000u, w);
    return ISA_NEXT;
}

/* ---- conditional compare and select ---- */

static enum isa_lift compare_if(struct a64_lift *l, enum ir_type t, bool sub, unsigned cond,
                                unsigned nzcv, unsigned rn, ir_ref m)
{
    ir_ref n = a64_reg(l, t, rn);

    if (a64_cond_always(cond))
        a64_set_cc(l, ir_op2(l->u, sub ? IR_CCSUB : IR_CCADD, IR_CC, 0, n, m));
    else
        a64_set_cc(
            l, ir_op3(l->u, IR_CCSEL, IR_CC, cond | nzcv << 4 | (sub ? 0 : 256), n, m, a64_cc(l)));
    return ISA_NEXT;
}

enum isa_lift a64_ccmp_reg(struct a64_lift *l, const struct a64_args_ccmp_reg *a)
{
    enum ir_type t = a64_type(a->sf);

    return compare_if(l, t, a->op, a->cond, a->nzcv, a->rn, a64_reg(l, t, a->rm));
}

enum isa_lift a64_ccmp_imm(struct a64_lift *l, const struct a64_args_ccmp_imm *a)
{
    enum ir_type t = a64_type(a->sf);

    return compare_if(l, t, a->op, a->cond, a->nzcv, a->rn, a64_imm(l, t, a->imm));
}

enum isa_lift a64_csel(struct a64_lift *l, const struct a64_args_csel *a)
{
    enum ir_type t = a64_type(a->sf);
    bool always = a64_cond_always(a->cond), zeros = a->rn == 31 && a->rm == 31;
    ir_ref m, r;

    if (a->rd == 31)
        return ISA_NEXT;
    if (always)
        return put(l, a->rd, a64_reg(l, t, a->rn));
    if (zeros && (a->op ^ a->o2)) { /* CSET, CSETM */
        r = ir_op1(l->u, IR_SETCC, t, a->cond ^ 1, a64_cc(l));
        return put(l, a->rd, a->op ? ir_op1(l->u, IR_NEG, t, 0, r) : r);
    }
    m = a64_reg(l, t, a->rm);
    if (a->op)
        m = ir_op1(l->u, a->o2 ? IR_NEG : IR_NOT, t, 0, m);
    else if (a->o2)
        m = ir_op2(l->u, IR_ADD, t, 0, m, a64_imm(l, t, 1));
    return put(l, a->rd, ir_op3(l->u, IR_SELCC, t, a->cond, a64_cc(l), a64_reg(l, t, a->rn), m));
}

/* ---- multiply, divide ---- */

/* ra +- product; without ra (31) the product or its negative. */
static enum isa_lift accumulate(struct a64_lift *l, enum ir_type t, bool sub, unsigned ra, ir_ref p,
                                unsigned rd)
{
    if (ra == 31)
        return put(l, rd, sub ? ir_op1(l->u, IR_NEG, t, 0, p) : p);
    return put(l, rd, ir_op2(l->u, sub ? IR_SUB : IR_ADD, t, 0, a64_reg(l, t, ra), p));
}

enum isa_lift a64_madd(struct a64_lift *l, const struct a64_args_madd *a)
{
    enum ir_type t = a64_type(a->sf);
    ir_ref p = ir_op2(l->u, IR_MUL, t, 0, a64_reg(l, t, a->rn), a64_reg(l, t, a->rm));

    return accumulate(l, t, a->o0, a->ra, p, a->rd);
}

enum isa_lift a64_maddl(struct a64_lift *l, const struct a64_args_maddl *a)
{
    enum ir_op extend = a->u ? IR_ZX : IR_SX;
    ir_ref n = ir_op1(l->u, extend, IR_I64, 32, a64_reg(l, IR_I32, a->rn));
    ir_ref m = ir_op1(l->u, extend, IR_I64, 32, a64_reg(l, IR_I32, a->rm));

    return accumulate(l, IR_I64, a->o0, a->ra, ir_op2(l->u, IR_MUL, IR_I64, 0, n, m), a->rd);
}

enum isa_lift a64_mulh(struct a64_lift *l, const struct a64_args_mulh *a)
{
    ir_ref n = a64_reg(l, IR_I64, a->rn), m = a64_reg(l, IR_I64, a->rm);

    return put(l, a->rd, ir_op2(l->u, a->u ? IR_MULHU : IR_MULHS, IR_I64, 0, n, m));
}

enum isa_lift a64_div(struct a64_lift *l, const struct a64_args_div *a)
{
    enum ir_type t = a64_type(a->sf);
    ir_ref n = a64_reg(l, t, a->rn), m = a64_reg(l, t, a->rm);

    return put(l, a->rd, ir_op2(l->u, a->s ? IR_SDIV : IR_UDIV, t, IR_DIV_ZERO, n, m));
}

enum isa_lift a64_shiftv(struct a64_lift *l, const struct a64_args_shiftv *a)
{
    static const uint8_t ops[4] = {IR_SHL, IR_SHR, IR_SAR, IR_ROR};
    enum ir_type t = a64_type(a->sf);
    ir_ref n = a64_reg(l, t, a->rn), m = a64_reg(l, t, a->rm);

    return put(l, a->rd, ir_op2(l->u, ops[a->op], t, 0, n, m));
}

/* ---- CRC ---- */

static enum isa_lift crc(struct a64_lift *l, bool castagnoli, unsigned size, unsigned rn, ir_ref m,
                         unsigned rd)
{
    ir_ref n = a64_reg(l, IR_I32, rn);

    return put(l, rd, ir_op2(l->u, castagnoli ? IR_CRC32C : IR_CRC32, IR_I32, 1u << size, n, m));
}

enum isa_lift a64_crc32(struct a64_lift *l, const struct a64_args_crc32 *a)
{
    return crc(l, a->c, a->sz, a->rn, a64_reg(l, IR_I32, a->rm), a->rd);
}

enum isa_lift a64_crc32x(struct a64_lift *l, const struct a64_args_crc32x *a)
{
    return crc(l, a->c, 3, a->rn, a64_reg(l, IR_I64, a->rm), a->rd);
}

/* ---- one source ---- */

static enum isa_lift unary(struct a64_lift *l, enum ir_op op, unsigned sf, unsigned aux,
                           unsigned rn, unsigned rd)
{
    enum ir_type t = a64_type(sf);

    return put(l, rd, ir_op1(l->u, op, t, aux, a64_reg(l, t, rn)));
}

enum isa_lift a64_rbit(struct a64_lift *l, const struct a64_args_rbit *a)
{
    return unary(l, IR_BITREV, a->sf, 0, a->rn, a->rd);
}

enum isa_lift a64_rev16(struct a64_lift *l, const struct a64_args_rev16 *a)
{
    return unary(l, IR_BSWAP, a->sf, 2, a->rn, a->rd);
}

enum isa_lift a64_rev32(struct a64_lift *l, const struct a64_args_rev32 *a)
{
    return unary(l, IR_BSWAP, a->sf, 4, a->rn, a->rd);
}

enum isa_lift a64_rev64(struct a64_lift *l, const struct a64_args_rev64 *a)
{
    return unary(l, IR_BSWAP, 1, 8, a->rn, a->rd);
}

enum isa_lift a64_clz(struct a64_lift *l, const struct a64_args_clz *a)
{
    return unary(l, IR_CLZ, a->sf, 0, a->rn, a->rd);
}

/* Leading bits equal to the sign, without it: the zeros above the first bit that differs. */
enum isa_lift a64_cls(struct a64_lift *l, const struct a64_args_cls *a)
{
    enum ir_type t = a64_type(a->sf);
    ir_ref n = a64_reg(l, t, a->rn), r;

    r = ir_op2(l->u, IR_SAR, t, 0, n, a64_imm(l, t, a->sf ? 63 : 31));
    r = ir_op1(l->u, IR_CLZ, t, 0, ir_op2(l->u, IR_XOR, t, 0, r, n));
    return put(l, a->rd, ir_op2(l->u, IR_SUB, t, 0, r, a64_imm(l, t, 1)));
}
