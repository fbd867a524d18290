/* Fold rules of moves between types and lanes, and the few of vectors. None rounds or raises.
 */
#include "ir/opt/forward.h"

uint32_t fold_BITS(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    /* to the same type; there and back */
    if (x->type == i->type)
        return i->a;
    if (x->op == IR_BITS)
        return fwd_to(i, IR_BITS, 0, x->a, IR_NONE);
    /* lane 0 as an integer, as a float */
    if (x->op == IR_VGET && x->c == 0 && 8u << (x->aux & 7) == fwd_width(i))
        return fwd_to(i, IR_VLOW, 0, x->a, IR_NONE);
    return FOLD_KEEP;
}

uint32_t fold_VLOW(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    if (x->op == IR_FTOV && fwd_ins(f, x->a)->type == i->type)
        return x->a;
    return FOLD_KEEP;
}

uint32_t fold_FTOV(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    if (x->op == IR_VLOW && x->type == IR_F64)
        return fwd_to(i, IR_VZHI, 0, x->a, IR_NONE);
    return FOLD_KEEP;
}

uint32_t fold_FNEG(struct fwd *f, struct ir_ins *i)
{
    return fwd_is(f, i->a, IR_FNEG) ? fwd_ins(f, i->a)->a : FOLD_KEEP;
}

uint32_t fold_FABS(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    if (x->op == IR_FABS)
        return i->a;
    return x->op == IR_FNEG ? fwd_to(i, IR_FABS, 0, x->a, IR_NONE) : FOLD_KEEP;
}

uint32_t fold_VGET(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    /* lane 0 of a float that was made a vector */
    if (x->op == IR_FTOV && i->c == 0 && fwd_width(i) == 8u << (i->aux & 7) &&
        fwd_width(fwd_ins(f, x->a)) == fwd_width(i))
        return fwd_to(i, IR_BITS, 0, x->a, IR_NONE);
    /* sign-extension to the lane's own width says nothing */
    if ((i->aux & 16) && fwd_width(i) <= 8u << (i->aux & 7)) {
        i->aux &= (uint16_t)~16u;
        return FOLD_AGAIN;
    }
    return FOLD_KEEP;
}

/* Does the operation leave a zero high half? */
static bool high_is_zero(const struct ir_ins *x)
{
    if (x->op == IR_FTOV || x->op == IR_VZHI)
        return true;
    if (x->op == IR_LD)
        return x->type == IR_V128 && (x->aux & IR_M_SIZE) < IR_M_128;
    return x->op >= IR_VAND && x->op <= IR_VSHRI && (x->aux & IR_HALF);
}

uint32_t fold_VZHI(struct fwd *f, struct ir_ins *i)
{
    return high_is_zero(fwd_ins(f, i->a)) ? i->a : FOLD_KEEP;
}

/* x & x, x | x: x, or its low half */
static uint32_t idempotent(struct ir_ins *i)
{
    if (i->a != i->b)
        return FOLD_KEEP;
    return i->aux & IR_HALF ? fwd_to(i, IR_VZHI, 0, i->a, IR_NONE) : i->a;
}

uint32_t fold_VAND(struct fwd *f, struct ir_ins *i)
{
    (void)f;
    return idempotent(i);
}

uint32_t fold_VOR(struct fwd *f, struct ir_ins *i)
{
    (void)f;
    return idempotent(i);
}

uint32_t fold_VXOR(struct fwd *f, struct ir_ins *i)
{
    return i->a == i->b ? fwd_const(f, IR_V128, 0) : FOLD_KEEP;
}

uint32_t fold_VNOT(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    return x->op == IR_VNOT && !((x->aux | i->aux) & IR_HALF) ? x->a : FOLD_KEEP;
}
