/* Lifts bit manipulation: Zba, Zbb, Zbs, Zbc. Unprivileged ISA, chapter "B". */
#include "isa/riscv/lift.h"

static ir_ref op2(struct rv_lift *l, enum ir_op op, ir_ref a, ir_ref b)
{
    return ir_op2(l->u, op, IR_I64, 0, a, b);
}

static ir_ref op1(struct rv_lift *l, enum ir_op op, unsigned aux, ir_ref a)
{
    return ir_op1(l->u, op, IR_I64, aux, a);
}

static ir_ref shl(struct rv_lift *l, ir_ref a, unsigned n)
{
    return n ? op2(l, IR_SHL, a, rv_const(l, n)) : a;
}

/* ---- Zba ---- */

#define SHADD(NAME, N)                                                                 \
    enum isa_lift rv_sh##NAME(struct rv_lift *l, const struct rv_args_sh##NAME *a)     \
    {                                                                                  \
        rv_set(l, a->rd, op2(l, IR_ADD, shl(l, rv_x(l, a->rs1), N), rv_x(l, a->rs2))); \
        return ISA_NEXT;                                                               \
    }
SHADD(1add, 1)
SHADD(2add, 2)
SHADD(3add, 3)

static void add_uw(struct rv_lift *l, unsigned rd, unsigned rs1, unsigned rs2, unsigned n)
{
    ir_ref v = shl(l, op1(l, IR_ZX, 32, rv_xw(l, rs1)), n);

    rv_set(l, rd, rs2 ? op2(l, IR_ADD, v, rv_x(l, rs2)) : v);
}

#define ADD_UW(NAME, N)                                                        \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        add_uw(l, a->rd, a->rs1, a->rs2, N);                                   \
        return ISA_NEXT;                                                       \
    }
ADD_UW(add_uw, 0)
ADD_UW(sh1add_uw, 1)
ADD_UW(sh2add_uw, 2)
ADD_UW(sh3add_uw, 3)

enum isa_lift rv_slli_uw(struct rv_lift *l, const struct rv_args_slli_uw *a)
{
    rv_set(l, a->rd, shl(l, op1(l, IR_ZX, 32, rv_xw(l, a->rs1)), a->sh));
    return ISA_NEXT;
}

/* ---- Zbb ---- */

enum isa_lift rv_andn(struct rv_lift *l, const struct rv_args_andn *a)
{
    rv_set(l, a->rd, op2(l, IR_ANDN, rv_x(l, a->rs1), rv_x(l, a->rs2)));
    return ISA_NEXT;
}

enum isa_lift rv_orn(struct rv_lift *l, const struct rv_args_orn *a)
{
    rv_set(l, a->rd, op2(l, IR_OR, rv_x(l, a->rs1), op1(l, IR_NOT, 0, rv_x(l, a->rs2))));
    return ISA_NEXT;
}

enum isa_lift rv_xnor(struct rv_lift *l, const struct rv_args_xnor *a)
{
    rv_set(l, a->rd, op1(l, IR_NOT, 0, op2(l, IR_XOR, rv_x(l, a->rs1), rv_x(l, a->rs2))));
    return ISA_NEXT;
}

#define UNARY(NAME, OP, AUX)                                                   \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        rv_set(l, a->rd, op1(l, OP, AUX, rv_x(l, a->rs1)));                    \
        return ISA_NEXT;                                                       \
    }
UNARY(clz, IR_CLZ, 0)
UNARY(ctz, IR_CTZ, 0)
UNARY(cpop, IR_POPCNT, 0)
UNARY(sext_b, IR_SX, 8)
UNARY(sext_h, IR_SX, 16)
UNARY(zext_h, IR_ZX, 16)
UNARY(orc_b, IR_ORCB, 0)
UNARY(rev8, IR_BSWAP, 8)

#define UNARY_W(NAME, OP)                                                      \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        rv_setw(l, a->rd, ir_op1(l->u, OP, IR_I32, 0, rv_xw(l, a->rs1)));      \
        return ISA_NEXT;                                                       \
    }
UNARY_W(clzw, IR_CLZ)
UNARY_W(ctzw, IR_CTZ)
UNARY_W(cpopw, IR_POPCNT)

#define MINMAX(NAME, COND)                                                     \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        ir_ref x = rv_x(l, a->rs1), y = rv_x(l, a->rs2);                       \
        ir_ref first = ir_op2(l->u, IR_SETC, IR_I64, COND, x, y);              \
                                                                               \
        rv_set(l, a->rd, ir_op3(l->u, IR_SELNZ, IR_I64, 0, first, x, y));      \
        return ISA_NEXT;                                                       \
    }
MINMAX(min, IR_LTS)
MINMAX(minu, IR_LTU)
MINMAX(max, IR_GTS)
MINMAX(maxu, IR_GTU)

enum isa_lift rv_ror(struct rv_lift *l, const struct rv_args_ror *a)
{
    rv_set(l, a->rd, op2(l, IR_ROR, rv_x(l, a->rs1), rv_x(l, a->rs2)));
    return ISA_NEXT;
}

enum isa_lift rv_rol(struct rv_lift *l, const struct rv_args_rol *a)
{
    rv_set(l, a->rd, op2(l, IR_ROR, rv_x(l, a->rs1), op1(l, IR_NEG, 0, rv_x(l, a->rs2))));
    return ISA_NEXT;
}

enum isa_lift rv_rori(struct rv_lift *l, const struct rv_args_rori *a)
{
    rv_set(l, a->rd, op2(l, IR_ROR, rv_x(l, a->rs1), rv_const(l, a->sh)));
    return ISA_NEXT;
}

static void rorw(struct rv_lift *l, unsigned rd, unsigned rs1, ir_ref n)
{
    rv_setw(l, rd, ir_op2(l->u, IR_ROR, IR_I32, 0, rv_xw(l, rs1), n));
}

enum isa_lift rv_rorw(struct rv_lift *l, const struct rv_args_rorw *a)
{
    rorw(l, a->rd, a->rs1, rv_xw(l, a->rs2));
    return ISA_NEXT;
}

enum isa_lift rv_rolw(struct rv_lift *l, const struct rv_args_rolw *a)
{
    rorw(l, a->rd, a->rs1, ir_op1(l->u, IR_NEG, IR_I32, 0, rv_xw(l, a->rs2)));
    return ISA_NEXT;
}

enum isa_lift rv_roriw(struct rv_lift *l, const struct rv_args_roriw *a)
{
    rorw(l, a->rd, a->rs1, ir_const(l->u, IR_I32, a->sh));
    return ISA_NEXT;
}

/* ---- Zbs ---- */

static ir_ref bit(struct rv_lift *l, unsigned rs2)
{
    return op2(l, IR_SHL, rv_const(l, 1), rv_x(l, rs2));
}

#define BIT_OP(NAME, OP)                                                                  \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)            \
    {                                                                                     \
        rv_set(l, a->rd, op2(l, OP, rv_x(l, a->rs1), bit(l, a->rs2)));                    \
        return ISA_NEXT;                                                                  \
    }                                                                                     \
    enum isa_lift rv_##NAME##i(struct rv_lift *l, const struct rv_args_##NAME##i *a)      \
    {                                                                                     \
        rv_set(l, a->rd, op2(l, OP, rv_x(l, a->rs1), rv_const(l, UINT64_C(1) << a->sh))); \
        return ISA_NEXT;                                                                  \
    }
BIT_OP(bclr, IR_ANDN)
BIT_OP(binv, IR_XOR)
BIT_OP(bset, IR_OR)

enum isa_lift rv_bext(struct rv_lift *l, const struct rv_args_bext *a)
{
    ir_ref v = op2(l, IR_SHR, rv_x(l, a->rs1), rv_x(l, a->rs2));

    rv_set(l, a->rd, op2(l, IR_AND, v, rv_const(l, 1)));
    return ISA_NEXT;
}

enum isa_lift rv_bexti(struct rv_lift *l, const struct rv_args_bexti *a)
{
    rv_set(l, a->rd, op1(l, IR_UBFX, 1u << 8 | a->sh, rv_x(l, a->rs1)));
    return ISA_NEXT;
}

/* ---- Zbc ---- */

enum isa_lift rv_clmul(struct rv_lift *l, const struct rv_args_clmul *a)
{
    rv_set(l, a->rd, op2(l, IR_CLMUL, rv_x(l, a->rs1), rv_x(l, a->rs2)));
    return ISA_NEXT;
}

enum isa_lift rv_clmulh(struct rv_lift *l, const struct rv_args_clmulh *a)
{
    rv_set(l, a->rd, op2(l, IR_CLMULH, rv_x(l, a->rs1), rv_x(l, a->rs2)));
    return ISA_NEXT;
}

/* Bits 126..63 of the product. */
enum isa_lift rv_clmulr(struct rv_lift *l, const struct rv_args_clmulr *a)
{
    ir_ref x = rv_x(l, a->rs1), y = rv_x(l, a->rs2);
    ir_ref hi = op2(l, IR_CLMULH, x, y), lo = op2(l, IR_CLMUL, x, y);

    rv_set(l, a->rd, ir_emit(l->u, IR_EXTR, IR_I64, 0, hi, lo, 63));
    return ISA_NEXT;
}
