/* Fold rules of conditions, selections, branches and flags.
 *
 * Comparisons of SETC and BR share their rules: struct cmp is what they have in common. What looks
 * through an operand with uses of its own is fuse.c's business.
 */
#include "ir/eval_call.h"
#include "ir/opt/forward.h"

struct cmp {
    unsigned cond;
    uint32_t a, b;
};

enum cmp_is { CMP_SAME, CMP_CHANGED, CMP_FALSE, CMP_TRUE };

/* b COND a for a COND b */
static unsigned swapped(unsigned cond)
{
    static const uint8_t to[] = {
        [IR_EQ] = IR_EQ,   [IR_NE] = IR_NE,   [IR_LTS] = IR_GTS, [IR_GES] = IR_LES,
        [IR_LES] = IR_GES, [IR_GTS] = IR_LTS, [IR_LTU] = IR_GTU, [IR_GEU] = IR_LEU,
        [IR_LEU] = IR_GEU, [IR_GTU] = IR_LTU,
    };

    return to[cond];
}

static enum cmp_is same_operands(unsigned cond)
{
    switch (cond) {
    case IR_EQ:
    case IR_GES:
    case IR_LES:
    case IR_GEU:
    case IR_LEU:
        return CMP_TRUE;
    default:
        return CMP_FALSE;
    }
}

/* Unsigned comparisons with 0 and 1. */
static enum cmp_is small_constant(struct fwd *f, struct cmp *c, uint64_t v)
{
    bool above = c->cond == IR_GEU || c->cond == IR_GTU;

    if (v == 0 && (c->cond == IR_LTU || c->cond == IR_GEU))
        return above ? CMP_TRUE : CMP_FALSE;
    if ((v == 0 && (c->cond == IR_GTU || c->cond == IR_LEU)) ||
        (v == 1 && (c->cond == IR_LTU || c->cond == IR_GEU))) {
        c->cond = above ? IR_NE : IR_EQ;
        c->b = fwd_const(f, fwd_ins(f, c->b)->type, 0);
        return CMP_CHANGED;
    }
    return CMP_SAME;
}

static enum cmp_is simplify(struct fwd *f, struct cmp *c)
{
    const struct ir_ins *x = fwd_ins(f, c->a);
    uint64_t v, w;

    if (c->a == c->b)
        return same_operands(c->cond);
    if (x->op == IR_CONST) {
        uint32_t t = c->a;

        if (fwd_is_const(f, c->a, &v) && fwd_is_const(f, c->b, &w)) {
            union ir_val a = {.x = v}, b = {.x = w};

            return eval_cond(c->cond, x->type, &a, &b) ? CMP_TRUE : CMP_FALSE;
        }
        c->cond = swapped(c->cond);
        c->a = c->b;
        c->b = t;
        return CMP_CHANGED;
    }
    if (fwd_is_const(f, c->b, &v) && v <= 1)
        return small_constant(f, c, v);
    return CMP_SAME;
}

uint32_t fold_SETC(struct fwd *f, struct ir_ins *i)
{
    struct cmp c = {i->aux, i->a, i->b};
    enum cmp_is is;

    do
        is = simplify(f, &c);
    while (is == CMP_CHANGED);
    if (is != CMP_SAME)
        return fwd_const(f, i->type, is == CMP_TRUE);
    i->aux = (uint16_t)c.cond;
    i->a = c.a;
    i->b = c.b;
    return FOLD_KEEP;
}

uint32_t fold_SELNZ(struct fwd *f, struct ir_ins *i)
{
    uint64_t v;

    if (i->b == i->c)
        return i->b;
    if (fwd_is_const(f, i->a, &v))
        return v ? i->b : i->c;
    return FOLD_KEEP;
}

/* ---- flags ---- */
uint32_t fold_SETCC(struct fwd *f, struct ir_ins *i)
{
    return i->aux == IR_CC_AL ? fwd_const(f, i->type, 1) : FOLD_KEEP;
}

uint32_t fold_SELCC(struct fwd *f, struct ir_ins *i)
{
    (void)f;
    return i->aux == IR_CC_AL || i->b == i->c ? i->b : FOLD_KEEP;
}

uint32_t fold_CCFROM(struct fwd *f, struct ir_ins *i)
{
    return fwd_is(f, i->a, IR_CCTO) ? fwd_ins(f, i->a)->a : FOLD_KEEP;
}

uint32_t fold_CCTO(struct fwd *f, struct ir_ins *i)
{
    if (!fwd_is(f, i->a, IR_CCFROM))
        return FOLD_KEEP;
    return fwd_to(i, IR_AND, 0, fwd_ins(f, i->a)->a, fwd_const(f, IR_I32, 0xf0000000));
}

/* ---- branches; one that is never taken becomes NOP, one that always is stays ---- */
static uint32_t never(struct ir_ins *i)
{
    opt_kill(i);
    return FOLD_KEEP;
}

uint32_t fold_BR(struct fwd *f, struct ir_ins *i)
{
    struct cmp c = {i->aux, i->a, i->b};
    enum cmp_is is;

    do
        is = simplify(f, &c);
    while (is == CMP_CHANGED);
    if (is == CMP_FALSE)
        return never(i);
    if (is == CMP_TRUE)
        return FOLD_KEEP;
    i->type = fwd_ins(f, c.a)->type;
    i->aux = (uint16_t)c.cond;
    i->a = c.a;
    i->b = c.b;
    return FOLD_KEEP;
}

uint32_t fold_BRT(struct fwd *f, struct ir_ins *i)
{
    uint64_t v, w;

    if (fwd_is_const(f, i->a, &v)) {
        uint32_t t = i->a;

        if (fwd_is_const(f, i->b, &w))
            return ((v & w) == 0) == (i->aux == IR_EQ) ? FOLD_KEEP : never(i);
        i->a = i->b;
        i->b = t;
    }
    /* x & x, x & ~0: x */
    if (i->a == i->b || fwd_is_value(f, i->b, fwd_mask(i)))
        *i = (struct ir_ins){IR_BR, i->type, i->aux, i->a, fwd_const(f, i->type, 0), i->c};
    else
        return FOLD_KEEP;
    return FOLD_AGAIN;
}

uint32_t fold_JMPI(struct fwd *f, struct ir_ins *i)
{
    uint64_t pc;

    /* to a constant address: a direct jump */
    if (!fwd_is_const(f, i->a, &pc))
        return FOLD_KEEP;
    *i = (struct ir_ins){
        IR_JMP,  IR_VOID, i->aux == IR_J_CALL ? IR_J_CALL : IR_J_JUMP,
        IR_NONE, i->b,    ir_target_add(f->u, pc),
    };
    return FOLD_AGAIN;
}
