/* Fusing: an operation whose only use is an address, a branch or a condition goes into its user.
 *
 * Requires: opt_dead_code() just ran and left the numbers of uses. Provides: nothing that others
 * need.
 *
 * Operations with other uses stay as they are: they are computed anyhow, and looking through them
 * would keep their operands alive, which are often a slot's old value that is just being replaced.
 */
#include "ir/opt/opt.h"

struct fuse {
    struct ir_unit *u;
    struct ir_ins *ins;
    uint8_t *uses;
    uint8_t *addresses; /* how many of them are addresses of LD and ST */
};

static bool is_const(const struct fuse *f, ir_ref r, uint64_t *v)
{
    *v = ir_imm64(&f->ins[r]);
    return f->ins[r].op == IR_CONST;
}

static void use(struct fuse *f, ir_ref r)
{
    if (f->uses[r] < OPT_USES_MANY)
        f->uses[r]++;
}

/* One use less; what is not used any more goes, with constants it used. */
static void unuse(struct fuse *f, ir_ref r)
{
    struct ir_ins *i = &f->ins[r];
    struct ir_ins old = *i;
    const uint32_t refs[3] = {old.a, old.b, old.c};
    unsigned mask;

    if (f->uses[r] == OPT_USES_MANY || --f->uses[r] || !opt_removable(f->u, i))
        return;
    if (i->op == IR_CALL)
        return;
    mask = ir_operand_mask(i);
    opt_kill(i);
    for (unsigned k = 0; k < 3; k++) {
        if (!(mask >> k & 1) || f->uses[refs[k]] == OPT_USES_MANY)
            continue;
        if (--f->uses[refs[k]] == 0 && f->ins[refs[k]].op == IR_CONST)
            opt_kill(&f->ins[refs[k]]);
    }
}

/* ---- addresses ---- */

/* (x + c) + disp, when all uses of x + c are such: x + (c + disp), if that fits. */
static void fold_address(struct fuse *f, struct ir_ins *i)
{
    for (;;) {
        const struct ir_ins *a = &f->ins[i->a];
        ir_ref sum = i->a, base = a->a;
        uint64_t v;
        int64_t disp;

        if ((a->op != IR_ADD && a->op != IR_SUB) || !is_const(f, a->b, &v))
            return;
        if (f->uses[sum] == OPT_USES_MANY || f->addresses[sum] != f->uses[sum])
            return;
        if (__builtin_add_overflow((int64_t)(int32_t)i->c, (int64_t)(a->op == IR_ADD ? v : -v),
                                   &disp) ||
            disp != (int32_t)disp)
            return;
        i->c = (uint32_t)disp;
        i->a = base;
        use(f, base);
        f->addresses[base]++;
        f->addresses[sum]--;
        unuse(f, sum);
    }
}

/* ---- conditions ---- */

/* Gives i other operands. */
static void set_operands(struct fuse *f, struct ir_ins *i, ir_ref a, ir_ref b)
{
    ir_ref old_a = i->a, old_b = i->b;

    use(f, a);
    if (b != IR_NONE)
        use(f, b);
    i->a = a;
    i->b = b;
    unuse(f, old_a);
    if (old_b != IR_NONE)
        unuse(f, old_b);
}

/* x == 0 or x != 0 by SETC or BR, where x is compared for the first time. True: look again. */
static bool fold_comparison(struct fuse *f, struct ir_ins *i)
{
    const struct ir_ins x = f->ins[i->a];
    bool eq = i->aux == IR_EQ;

    switch (x.op) {
    case IR_SUB:
    case IR_XOR:
        set_operands(f, i, x.a, x.b);
        return true;
    case IR_SETC:
        i->aux = x.aux ^ eq;
        if (i->op == IR_BR)
            i->type = f->ins[x.a].type;
        set_operands(f, i, x.a, x.b);
        return true;
    case IR_SETCC:
        if (x.aux == IR_CC_AL)
            return false;
        i->aux = x.aux ^ eq;
        i->op = i->op == IR_BR ? IR_BRCC : IR_SETCC;
        if (i->op == IR_BRCC)
            i->type = IR_VOID;
        set_operands(f, i, x.a, IR_NONE);
        return false;
    default:
        return false;
    }
}

/* if ((x & mask) == 0); x itself becomes the mask. */
static void test_mask(struct fuse *f, struct ir_ins *i, uint64_t mask)
{
    ir_ref at = i->a, zero = i->b;
    struct ir_ins *x = &f->ins[at];
    ir_ref from = x->a;

    *x = (struct ir_ins){IR_CONST, x->type, 0, IR_NONE, (uint32_t)mask, (uint32_t)(mask >> 32)};
    i->op = IR_BRT;
    i->a = from;
    i->b = at;
    unuse(f, zero);
}

/* A branch on bits of a value: BRT. */
static void fold_test(struct fuse *f, struct ir_ins *i)
{
    const struct ir_ins *x = &f->ins[i->a];
    unsigned length = x->op == IR_UBFX ? x->aux >> 8 : x->aux;
    unsigned at = x->op == IR_UBFX ? x->aux & 63 : 0;

    switch (x->op) {
    case IR_AND: {
        struct ir_ins and = *x;

        i->op = IR_BRT;
        set_operands(f, i, and.a, and.b);
        break;
    }
    case IR_ZX:
    case IR_UBFX:
        /* The mask has the type of what it masks, and is an immediate of most hosts. */
        if (f->ins[x->a].type != x->type || (length > 1 && at + length > 31))
            return;
        test_mask(f, i, UINT64_MAX >> (64 - length) << at);
        break;
    default:
        break;
    }
}

static void fold_condition(struct fuse *f, struct ir_ins *i)
{
    uint64_t v;

    do {
        if (i->aux > IR_NE || f->uses[i->a] != 1 || !is_const(f, i->b, &v) || v)
            return;
    } while (fold_comparison(f, i));
    if (i->op == IR_BR)
        fold_test(f, i);
}

void opt_fuse(struct ir_unit *u)
{
    struct fuse f = {.u = u, .ins = u->ins, .uses = u->work};

    f.addresses = f.uses + u->nins;
    for (uint32_t at = 0; at < u->nins; at++) {
        struct ir_ins *i = &u->ins[at];

        if (i->op == IR_LD || i->op == IR_ST)
            fold_address(&f, i);
        else if (i->op == IR_BR || i->op == IR_SETC)
            fold_condition(&f, i);
    }
}
