/* Part of the forward pass: PUTs of flags around branches to where the guest's flags are dead.
 *
 * Requires: cc_dead of the targets. Storing flags costs the host several instructions and keeps a
 * compare from fusing with its branch, so it happens on the ways that need it only.
 */
#include "ir/isa.h"
#include "ir/opt/forward.h"

static bool pending(const struct fwd *f, const struct fwd_slot *s)
{
    return s->put_age == f->cc_age;
}

/* May anything fault between the current instruction and the next guest instruction? */
static bool quiet_after(const struct fwd *f)
{
    for (const struct ir_ins *i = f->at + 1;; i++) {
        if (i->op == IR_INSN || (ir_ops[i->op].flags & IR_OPF_END))
            return true;
        if (i->op == IR_CALL || (ir_ops[i->op].flags & IR_OPF_FAULT))
            return false;
    }
}

/* if (flags) go to where they live; else go to where they are dead: the other way round, so that
 * they can be stored in between. */
void fwd_flags_swap(struct fwd *f, struct ir_ins *brcc, uint32_t jump)
{
    if (!f->u->ncc || brcc->aux == IR_CC_AL || f->u->targets[brcc->c].cc_dead ||
        !f->u->targets[jump].cc_dead || !pending(f, &f->slots[f->u->cc_slots[0]]))
        return;
    f->swapped = brcc->c;
    brcc->aux ^= 1;
    brcc->c = jump;
}

/* A branch was appended. Flags that are dead where it goes and that it tests itself are stored
 * behind it. */
void fwd_flags_branch(struct fwd *f, ir_ref branch)
{
    const struct ir_ins *b = fwd_ins(f, branch);

    if (!f->u->targets[b->c].cc_dead) {
        f->cc_age++;
        return;
    }
    for (unsigned k = 0; k < f->u->ncc; k++) {
        struct fwd_slot *s = &f->slots[f->u->cc_slots[k]];
        struct ir_ins put;

        if (!pending(f, s) || b->op != IR_BRCC || f->out[s->put].a != b->a || !quiet_after(f))
            continue;
        put = f->out[s->put];
        opt_kill(&f->out[s->put]);
        s->put = fwd_build(f, put);
    }
}

/* The block's end, a direct jump: pending PUTs go when flags are dead there. */
void fwd_flags_jump(struct fwd *f, uint32_t target)
{
    if (!f->u->targets[target].cc_dead)
        return;
    for (unsigned k = 0; k < f->u->ncc; k++) {
        struct fwd_slot *s = &f->slots[f->u->cc_slots[k]];

        if (!pending(f, s))
            continue;
        opt_kill(&f->out[s->put]);
        s->put_age = s->value_age = 0;
    }
}
