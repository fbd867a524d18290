/* The forward pass: see opt.h. One walk that appends to a fresh array.
 *
 * Requires: a verified unit; targets linked to blocks when merging. Provides: see opt.h.
 *
 * Slots. f->slots says what each slot holds, so that a GET is mostly a value that is already there;
 * ages make forgetting everything one increment. A PUT stays undone while nobody has looked at its
 * slot; the next PUT of the slot then removes it.
 */
#include "ir/opt/forward.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "ir/isa.h"

enum {
    MERGE_MOST = 4000, /* instructions in a merged block */
    STEP_MOST = 64,    /* instructions that one old one may become */
};

/* ---- appending ---- */
static cold_path void grow(struct fwd *f)
{
    f->cap = f->cap ? f->cap * 2 : 512;
    f->out = mem_realloc(f->out, f->cap * sizeof(*f->out));
}

/* Rules hold pointers into out: it only moves here, between steps. */
static void make_room(struct fwd *f)
{
    if (unlikely(f->cap - f->n < STEP_MOST))
        grow(f);
}

static ir_ref append(struct fwd *f, const struct ir_ins *i)
{
    assert(f->n < f->cap);
    f->out[f->n] = *i;
    return f->n++;
}

static unsigned hash(const struct ir_ins *i)
{
    uint64_t w[2];

    memcpy(w, i, sizeof(w));
    return (unsigned)((w[0] ^ w[1] * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9) >>
                      58);
}

/* All operands constant: an integer operation is what the evaluator says. */
static ir_ref fold_constants(struct fwd *f, const struct ir_ins *i, unsigned mask)
{
    static const struct ir_fpenv env;
    union ir_val v[3] = {0};
    const uint32_t refs[3] = {i->a, i->b, i->c};
    uint8_t fpflags = 0;

    for (unsigned k = 0; k < 3; k++)
        if ((mask >> k & 1) && !fwd_is_const(f, refs[k], &v[k].x))
            return FOLD_KEEP;
    ir_eval(&env, i->op, i->type, i->aux, i->c, f->out[i->a].type, &v[0], &v[0], &v[1], &v[2],
            &fpflags);
    return fwd_const(f, i->type, v[0].x);
}

static bool folds(const struct ir_ins *i)
{
    return (i->op >= IR_ADD && i->op <= IR_SETC) || (i->op == IR_BITS);
}

ir_ref fwd_build(struct fwd *f, struct ir_ins i)
{
    unsigned flags, slot;
    uint32_t r;

    if (folds(&i) && f->out[i.a].op == IR_CONST) {
        r = fold_constants(f, &i, ir_operand_mask(&i));
        if (r != FOLD_KEEP)
            return r;
    }
    /* Not of floating point: which NaN wins depends on the order. */
    if ((ir_ops[i.op].flags & (IR_OPF_COMM | IR_OPF_ROUND)) == IR_OPF_COMM &&
        fwd_is(f, i.a, IR_CONST)) {
        uint32_t t = i.a;

        i.a = i.b;
        i.b = t;
    }
    while (fold_rules[i.op]) {
        r = fold_rules[i.op](f, &i);
        if (r == FOLD_KEEP)
            break;
        if (r != FOLD_AGAIN)
            return r;
        if (folds(&i) && f->out[i.a].op == IR_CONST) {
            r = fold_constants(f, &i, ir_operand_mask(&i));
            if (r != FOLD_KEEP)
                return r;
        }
    }
    flags = ir_ops[i.op].flags;
    if (!(flags & IR_OPF_PURE) || (flags & IR_OPF_ROUND))
        return append(f, &i);
    slot = hash(&i);
    r = f->cse[slot];
    if (r >= f->first && r < f->n && memcmp(&f->out[r], &i, sizeof(i)) == 0)
        return r;
    return f->cse[slot] = append(f, &i);
}

/* ---- slots ---- */
static bool slot_is_cc(const struct fwd *f, unsigned slot)
{
    return f->u->isa->slots[slot].type == IR_CC;
}

static void remember(struct fwd *f, unsigned slot, ir_ref value, bool whole)
{
    struct fwd_slot *s = &f->slots[slot];

    s->value = value;
    s->value_age = f->value_age;
    s->whole = whole;
}

/* The low 64 bits of a slot that holds this scalar, or IR_NONE. */
static ir_ref as_i64(struct fwd *f, ir_ref v, unsigned have, bool whole)
{
    switch (have) {
    case IR_I64:
        return v;
    case IR_I32:
        return whole ? fwd_op(f, IR_ZX, IR_I64, 32, v, IR_NONE) : IR_NONE;
    case IR_F64:
        return fwd_op(f, IR_BITS, IR_I64, 0, v, IR_NONE);
    case IR_F32:
        if (!whole)
            return IR_NONE;
        return fwd_op(f, IR_ZX, IR_I64, 32, fwd_op(f, IR_BITS, IR_I32, 0, v, IR_NONE), IR_NONE);
    case IR_V128:
        return fwd_build(f, (struct ir_ins){IR_VGET, IR_I64, IR_LANE_D, v, IR_NONE, 0});
    default:
        return IR_NONE;
    }
}

static ir_ref as_i32(struct fwd *f, ir_ref v, unsigned have)
{
    switch (have) {
    case IR_I32:
        return v;
    case IR_I64:
        return fwd_op(f, IR_TRUNC, IR_I32, 0, v, IR_NONE);
    case IR_F32:
        return fwd_op(f, IR_BITS, IR_I32, 0, v, IR_NONE);
    case IR_F64:
        return fwd_op(f, IR_TRUNC, IR_I32, 0, fwd_op(f, IR_BITS, IR_I64, 0, v, IR_NONE), IR_NONE);
    case IR_V128:
        return fwd_build(f, (struct ir_ins){IR_VGET, IR_I32, IR_LANE_S, v, IR_NONE, 0});
    default:
        return IR_NONE;
    }
}

static ir_ref as_v128(struct fwd *f, ir_ref v, unsigned have, bool whole)
{
    if (!whole)
        return IR_NONE;
    if (have == IR_I64)
        v = fwd_op(f, IR_BITS, IR_F64, 0, v, IR_NONE);
    else if (have == IR_I32)
        v = fwd_op(f, IR_BITS, IR_F32, 0, v, IR_NONE);
    else if (have != IR_F32 && have != IR_F64)
        return IR_NONE;
    return fwd_op(f, IR_FTOV, IR_V128, 0, v, IR_NONE);
}

/* What a slot that holds v reads as, or IR_NONE when that is not known or dearer than a GET. */
static ir_ref convert(struct fwd *f, ir_ref v, bool whole, unsigned want)
{
    unsigned have = f->out[v].type;
    ir_ref r;

    if (have == want)
        return v;
    if (have == IR_CC || want == IR_CC)
        return IR_NONE;
    switch (want) {
    case IR_I64:
        return as_i64(f, v, have, whole);
    case IR_I32:
        return as_i32(f, v, have);
    case IR_F32:
    case IR_F64:
        if (have == IR_V128)
            return fwd_op(f, IR_VLOW, want, 0, v, IR_NONE);
        r = want == IR_F32 ? as_i32(f, v, have) : as_i64(f, v, have, whole);
        return r == IR_NONE ? r : fwd_op(f, IR_BITS, want, 0, r, IR_NONE);
    default:
        return as_v128(f, v, have, whole);
    }
}

static ir_ref get(struct fwd *f, const struct ir_ins *i)
{
    struct fwd_slot *s = &f->slots[i->aux];
    bool known = s->value_age == f->value_age, whole;
    ir_ref r;

    /* An access between may fault and be started again: then this GET reads the slot. */
    if (slot_is_cc(f, i->aux) && s->put_fault != f->fault_age)
        s->put_age = 0;
    if (known) {
        r = convert(f, s->value, s->whole, i->type);
        if (r != IR_NONE)
            return r;
    }
    r = append(f, i);
    s->put_age = 0;
    whole = ir_type_bits[i->type] == ir_type_bits[f->u->isa->slots[i->aux].type];
    if (whole || !known || !s->whole)
        remember(f, i->aux, r, whole);
    return r;
}

static void put(struct fwd *f, struct ir_ins *i)
{
    struct fwd_slot *s = &f->slots[i->aux];
    const struct ir_ins *v = fwd_ins(f, i->a);
    uint32_t *age = slot_is_cc(f, i->aux) ? &f->cc_age : &f->put_age;

    /* A PUT zero-extends by itself. */
    if (v->op == IR_ZX && v->type == IR_I64 && v->aux == 32 && fwd_ins(f, v->a)->type == IR_I32) {
        i->a = v->a;
        i->type = IR_I32;
    }
    if (s->value_age == f->value_age && s->whole && s->value == i->a)
        return;
    if (s->put_age == *age)
        opt_kill(&f->out[s->put]);
    s->put = append(f, i);
    s->put_age = *age;
    s->put_fault = f->fault_age;
    remember(f, i->aux, i->a, true);
}

/* ---- memory, calls, control ---- */
static void call_helper(struct fwd *f, const struct ir_ins *i)
{
    unsigned flags = f->u->isa->helpers[i->aux].flags;

    if (flags & (IR_H_READS | IR_H_WRITES | IR_H_FAULTS)) {
        f->put_age++;
        f->cc_age++;
    }
    if (flags & IR_H_WRITES)
        f->value_age++;
}

/* Constants of slots go with a branch to a block that has no other way in. */
static void send_constants(struct fwd *f, uint32_t target)
{
    uint32_t to = f->u->targets[target].block;

    if (!f->merge || to == IR_NONE || f->preds[to] != 1 || f->done[to])
        return;
    for (unsigned s = 0; s < f->u->isa->nslots; s++) {
        const struct fwd_slot *slot = &f->slots[s];
        uint64_t v;

        if (slot->value_age != f->value_age || !fwd_is_const(f, slot->value, &v))
            continue;
        if (f->nconsts == f->cap_consts) {
            f->cap_consts = f->cap_consts * 2 + 32;
            f->consts = mem_realloc(f->consts, f->cap_consts * sizeof(*f->consts));
        }
        f->consts[f->nconsts++] = (struct fwd_const){
            to, (uint16_t)s, f->out[slot->value].type, slot->whole, v,
        };
    }
}

static void receive_constants(struct fwd *f, uint32_t block)
{
    for (uint32_t k = 0; k < f->nconsts; k++)
        if (f->consts[k].block == block) {
            const struct fwd_const *c = &f->consts[k];

            make_room(f);
            remember(f, c->slot, fwd_const(f, c->type, c->v), c->whole);
        }
}

static void branch(struct fwd *f, struct ir_ins *i)
{
    uint32_t r = fwd_build(f, *i);

    /* The rules answer 0 for a branch that is never taken, which is no value of any use. */
    if (r == f->n - 1 && f->out[r].op == IR_NOP) {
        f->n--;
        return;
    }
    send_constants(f, f->out[r].c);
    f->put_age++;
    fwd_flags_branch(f, r);
}

/* Can block `to` be appended to the current one? */
static bool can_merge(const struct fwd *f, uint32_t to, const struct ir_block *from)
{
    const struct ir_block *b;

    if (!f->merge || to == IR_NONE || f->done[to] || f->preds[to] != 1)
        return false;
    b = &f->u->blocks[to];
    return b->loop_depth == from->loop_depth && f->n - f->first < MERGE_MOST;
}

/* One instruction; its operands are of the new unit already. */
static ir_ref step(struct fwd *f, struct ir_ins *i)
{
    switch (i->op) {
    case IR_NOP:
        return IR_NONE;
    case IR_GET:
        return get(f, i);
    case IR_PUT:
        put(f, i);
        return IR_NONE;
    case IR_LD:
    case IR_ST:
    case IR_CAS:
    case IR_RMW:
        f->put_age++;
        f->fault_age++;
        return append(f, i);
    case IR_CALL:
        call_helper(f, i);
        return append(f, i);
    case IR_BR:
    case IR_BRT:
    case IR_BRCC:
        branch(f, i);
        return IR_NONE;
    case IR_JMP:
        fwd_flags_jump(f, i->c);
        send_constants(f, i->c);
        return fwd_build(f, *i);
    default:
        return fwd_build(f, *i);
    }
}

/* The old block's instructions. Returns the block to go on with in the same new one, or IR_NONE. */
static uint32_t walk(struct fwd *f, const struct ir_block *block)
{
    const struct ir_ins *ins = f->u->ins;

    for (uint32_t at = block->first; at < block->end; at++) {
        struct ir_ins i;
        unsigned mask;

        make_room(f);
        if (ins[at].op == IR_INSN) {
            f->insn = append(f, &ins[at]);
            continue;
        }
        i = ins[at];
        mask = ir_operand_mask(&i);
        if (mask & 1)
            i.a = f->map[i.a];
        if (mask & 2)
            i.b = f->map[i.b];
        if (mask & 4)
            i.c = f->map[i.c];
        f->at = &ins[at];
        if (f->swapped != IR_NONE && i.op == IR_JMP) {
            i.c = f->swapped;
            f->swapped = IR_NONE;
        }
        if (i.op == IR_BRCC && ins[at + 1].op == IR_JMP && ins[at + 1].aux == IR_J_JUMP &&
            !can_merge(f, f->u->targets[ins[at + 1].c].block, block))
            fwd_flags_swap(f, &i, ins[at + 1].c);
        if (i.op == IR_JMP && i.aux == IR_J_JUMP && can_merge(f, f->u->targets[i.c].block, block))
            return f->u->targets[i.c].block;
        f->map[at] = step(f, &i);
    }
    return IR_NONE;
}

/* ---- the unit ---- */
static void count_ways(struct fwd *f)
{
    struct ir_unit *u = f->u;

    memset(f->preds, 0, u->nblocks);
    memset(f->done, 0, u->nblocks);
    for (uint32_t b = 0; b < u->nblocks; b++) {
        if (b == 0 || (u->blocks[b].flags & IR_B_ENTRY))
            f->preds[b] = 2;
        for (uint32_t at = u->blocks[b].first; at < u->blocks[b].end; at++) {
            const struct ir_ins *i = &u->ins[at];
            uint32_t to;

            if (i->op != IR_BR && i->op != IR_BRT && i->op != IR_BRCC && i->op != IR_JMP)
                continue;
            to = u->targets[i->c].block;
            if (to != IR_NONE && f->preds[to] < 2)
                f->preds[to]++;
        }
    }
}

static void begin(struct fwd *f, struct ir_unit *u, bool merge)
{
    size_t slots = u->isa->nslots * sizeof(*f->slots), map = (u->nins + 1u) * sizeof(*f->map);
    size_t blocks = merge ? u->nblocks * (sizeof(*f->moved) + 2) : 0;
    unsigned char *work = opt_work(u, slots + map + blocks);

    *f = (struct fwd){
        .u = u, .merge = merge, .value_age = 1, .put_age = 1, .cc_age = 1, .swapped = IR_NONE};
    f->slots = (struct fwd_slot *)work;
    f->map = (uint32_t *)(work + slots);
    memset(f->slots, 0, slots);
    if (merge) {
        f->moved = (uint32_t *)(work + slots + map);
        f->preds = (uint8_t *)(f->moved + u->nblocks);
        f->done = f->preds + u->nblocks;
        memset(f->moved, 0xff, u->nblocks * sizeof(*f->moved));
        count_ways(f);
    }
    f->out = u->spare;
    f->cap = u->cap_spare;
}

static void finish(struct fwd *f, uint32_t nblocks)
{
    struct ir_unit *u = f->u;

    u->spare = u->ins;
    u->cap_spare = u->cap_ins;
    u->ins = f->out;
    u->cap_ins = f->cap;
    u->nins = f->n;
    u->nblocks = nblocks;
    if (f->merge)
        for (uint32_t t = 0; t < u->ntargets; t++)
            if (u->targets[t].block != IR_NONE)
                u->targets[t].block = f->moved[u->targets[t].block];
    free(f->consts);
}

void opt_forward(struct ir_unit *u, bool merge)
{
    struct fwd f;
    uint32_t nblocks = 0;

    begin(&f, u, merge);
    for (uint32_t b = 0; b < u->nblocks; b++) {
        struct ir_block head = u->blocks[b];
        uint32_t next = b;

        if (merge && f.done[b])
            continue;
        f.first = f.insn = f.n;
        f.value_age++;
        f.put_age++;
        f.cc_age++;
        if (merge && f.preds[b] == 1)
            receive_constants(&f, b);
        while (next != IR_NONE) {
            const struct ir_block *block = &u->blocks[next];

            if (next != b) {
                head.guest_bytes += block->guest_bytes;
                head.flags |= block->flags & IR_B_LOOP;
            }
            if (merge)
                f.done[next] = 1;
            next = walk(&f, block);
        }
        head.first = f.first;
        head.end = f.n;
        if (merge)
            f.moved[b] = nblocks;
        u->blocks[nblocks++] = head;
    }
    finish(&f, nblocks);
}
