/* Fold rules of integer arithmetic and logic. Each rule stands above the line that does it; x and y
 * are values, c and d constants (always on the right).
 */
#include "base/bits.h"
#include "ir/opt/forward.h"

uint32_t fold_COPY(struct fwd *f, struct ir_ins *i)
{
    (void)f;
    return i->a;
}

/* Equal constants get equal instructions. */
uint32_t fold_CONST(struct fwd *f, struct ir_ins *i)
{
    (void)f;
    i->a = IR_NONE;
    if (ir_type_bits[i->type] == 32)
        i->c = 0;
    return FOLD_KEEP;
}

/* x + c, where x is y + d or y - d of the same guest instruction: one addition. An older x is
 * likely in a slot, and y gone from it. */
static uint32_t chain(struct fwd *f, struct ir_ins *i, uint64_t c)
{
    const struct ir_ins *x = fwd_ins(f, i->a);
    uint32_t y = x->a;
    uint64_t d;

    if (i->a < f->insn)
        return FOLD_KEEP;
    if ((x->op != IR_ADD && x->op != IR_SUB) || !fwd_is_const(f, x->b, &d))
        return FOLD_KEEP;
    return fwd_to(i, IR_ADD, 0, y, fwd_const(f, i->type, x->op == IR_ADD ? c + d : c - d));
}

uint32_t fold_ADD(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *y = fwd_ins(f, i->b);
    uint64_t c;

    if (fwd_is_const(f, i->b, &c)) {
        /* x + 0 = x */
        if (!c)
            return i->a;
        return chain(f, i, c);
    }
    /* x + -y = x - y */
    if (y->op == IR_NEG)
        return fwd_to(i, IR_SUB, 0, i->a, y->a);
    return FOLD_KEEP;
}

/* A subtraction and its flags are one instruction on most hosts, if they stay alike. */
static bool has_flags(const struct fwd *f, const struct ir_ins *i)
{
    const struct ir_ins *before = f->n > f->first ? fwd_ins(f, f->n - 1) : NULL;

    if (f->at->op == IR_SUB && f->at[1].op == IR_CCSUB)
        return true;
    return before && before->op == IR_CCSUB && before->a == i->a && before->b == i->b;
}

uint32_t fold_SUB(struct fwd *f, struct ir_ins *i)
{
    uint64_t c;

    /* x - x = 0 */
    if (i->a == i->b)
        return fwd_const(f, i->type, 0);
    if (fwd_is_const(f, i->b, &c)) {
        if (!c)
            return i->a;
        return has_flags(f, i) ? FOLD_KEEP : chain(f, i, -c);
    }
    /* 0 - x = -x */
    if (fwd_is_value(f, i->a, 0) && !has_flags(f, i))
        return fwd_to(i, IR_NEG, 0, i->b, IR_NONE);
    return FOLD_KEEP;
}

uint32_t fold_MUL(struct fwd *f, struct ir_ins *i)
{
    uint64_t c;

    if (!fwd_is_const(f, i->b, &c))
        return FOLD_KEEP;
    /* x * 0 = 0, x * 1 = x, x * -1 = -x, x * 2^n = x << n */
    if (!c)
        return i->b;
    if (c == 1)
        return i->a;
    if (c == fwd_mask(i))
        return fwd_to(i, IR_NEG, 0, i->a, IR_NONE);
    if (bits_is_pow2(c))
        return fwd_to(i, IR_SHL, 0, i->a, fwd_const(f, i->type, bits_ctz64(c)));
    return FOLD_KEEP;
}

uint32_t fold_UDIV(struct fwd *f, struct ir_ins *i)
{
    uint64_t c;

    /* x / 2^n = x >> n */
    if (fwd_is_const(f, i->b, &c) && bits_is_pow2(c))
        return fwd_to(i, IR_SHR, 0, i->a, fwd_const(f, i->type, bits_ctz64(c)));
    return FOLD_KEEP;
}

uint32_t fold_UREM(struct fwd *f, struct ir_ins *i)
{
    uint64_t c;

    /* x % 2^n = x & (2^n - 1) */
    if (fwd_is_const(f, i->b, &c) && bits_is_pow2(c))
        return fwd_to(i, IR_AND, 0, i->a, fwd_const(f, i->type, c - 1));
    return FOLD_KEEP;
}

uint32_t fold_AND(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);
    uint64_t c, d;

    /* x & x = x */
    if (i->a == i->b)
        return i->a;
    if (!fwd_is_const(f, i->b, &c))
        return FOLD_KEEP;
    /* x & 0 = 0, x & ~0 = x, low 8, 16, 32 bits: zero-extension */
    if (!c)
        return i->b;
    if (c == fwd_mask(i))
        return i->a;
    if (c == 0xff || c == 0xffff || c == 0xffffffff)
        return fwd_to(i, IR_ZX, c == 0xff ? 8 : c == 0xffff ? 16 : 32, i->a, IR_NONE);
    /* (x & d) & c = x & (d & c) */
    if (x->op == IR_AND && fwd_is_const(f, x->b, &d))
        return fwd_to(i, IR_AND, 0, x->a, fwd_const(f, i->type, c & d));
    return FOLD_KEEP;
}

uint32_t fold_OR(struct fwd *f, struct ir_ins *i)
{
    /* x | x = x, x | 0 = x, x | ~0 = ~0 */
    if (i->a == i->b || fwd_is_value(f, i->b, 0))
        return i->a;
    if (fwd_is_value(f, i->b, fwd_mask(i)))
        return i->b;
    return FOLD_KEEP;
}

uint32_t fold_XOR(struct fwd *f, struct ir_ins *i)
{
    /* x ^ x = 0, x ^ 0 = x, x ^ ~0 = ~x */
    if (i->a == i->b)
        return fwd_const(f, i->type, 0);
    if (fwd_is_value(f, i->b, 0))
        return i->a;
    if (fwd_is_value(f, i->b, fwd_mask(i)))
        return fwd_to(i, IR_NOT, 0, i->a, IR_NONE);
    return FOLD_KEEP;
}

uint32_t fold_ANDN(struct fwd *f, struct ir_ins *i)
{
    uint64_t c;

    /* x & ~x = 0, 0 & ~x = 0, x & ~c */
    if (i->a == i->b)
        return fwd_const(f, i->type, 0);
    if (fwd_is_value(f, i->a, 0))
        return i->a;
    if (fwd_is_const(f, i->b, &c))
        return fwd_to(i, IR_AND, 0, i->a, fwd_const(f, i->type, ~c));
    return FOLD_KEEP;
}

uint32_t fold_NOT(struct fwd *f, struct ir_ins *i)
{
    /* ~~x = x */
    return fwd_is(f, i->a, IR_NOT) ? fwd_ins(f, i->a)->a : FOLD_KEEP;
}

uint32_t fold_NEG(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    /* --x = x, -(x - y) = y - x */
    if (x->op == IR_NEG)
        return x->a;
    if (x->op == IR_SUB)
        return fwd_to(i, IR_SUB, 0, x->b, x->a);
    return FOLD_KEEP;
}

uint32_t fold_BSWAP(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    /* twice the same is nothing */
    return x->op == IR_BSWAP && x->aux == i->aux ? x->a : FOLD_KEEP;
}
