/* Dead PUTs over the unit's graph: a PUT goes when on every way from it the slot is overwritten
 * before anyone can look. A PUT of flags that only some ways need moves behind the branches that do
 * not: the compare and branch of a loop's end fuse, and the flags are stored when the loop is left.
 *
 * Requires: targets linked to their blocks. Provides: nothing that others need. Breaks: indices.
 *
 * Backward "must" analysis, from all ones down to the fixed point. Lookers are GETs of the slot,
 * faulting operations (all slots but flags, see opt.h), helpers that read, write or fault, and
 * exits from the unit. A way that stays in the unit for ever never looks: whoever interrupts it
 * resumes at a pc from which the slot is overwritten as well.
 */
#include <string.h>

#include "base/mem.h"
#include "ir/isa.h"
#include "ir/opt/opt.h"

struct live {
    struct ir_unit *u;
    unsigned words;
    uint64_t *dead; /* per block: slots overwritten before they are looked at, from its start */
    uint64_t *cc;   /* the slots of type CC */
    uint64_t *now;
    uint32_t *sink; /* per instruction: the branch it moves behind, or IR_NONE */
    uint32_t *map;  /* per instruction: its index after moving; while walking: 1 + accesses behind a token's last use */
};

enum { SINK_MOST = 4 /* PUTs on their way at one time */ };

static bool has(const uint64_t *set, unsigned slot)
{
    return set[slot / 64] >> (slot & 63) & 1;
}

static void meet(struct live *l, const struct ir_ins *i, bool only)
{
    uint32_t to = l->u->targets[i->c].block;

    for (unsigned w = 0; w < l->words; w++) {
        uint64_t there = to == IR_NONE ? 0 : l->dead[to * l->words + w];

        if (l->u->targets[i->c].cc_dead)
            there |= l->cc[w];
        l->now[w] = only ? there : l->now[w] & there;
    }
}

static void keep(struct live *l, const uint64_t *mask)
{
    for (unsigned w = 0; w < l->words; w++)
        l->now[w] = mask ? l->now[w] & mask[w] : 0;
}

/* Notes the last use of flags. */
static void used(struct live *l, const struct ir_ins *i, uint32_t accesses)
{
    const uint32_t ops[3] = {i->a, i->b, i->c};
    unsigned mask = i->op == IR_PUT ? 0 : ir_operand_mask(i);

    for (unsigned k = 0; k < 3; k++)
        if (mask >> k & 1 && l->u->ins[ops[k]].type == IR_CC && !l->map[ops[k]])
            l->map[ops[k]] = 1 + accesses;
}

/* Walks a block backward from what its end makes of l->now; with `kill`, drops dead PUTs. */
static void walk(struct live *l, const struct ir_block *block, bool kill)
{
    uint32_t accesses = 0;

    if (kill)
        memset(&l->map[block->first], 0, (block->end - block->first) * sizeof(*l->map));
    for (uint32_t at = block->end; at-- > block->first;) {
        struct ir_ins *i = &l->u->ins[at];
        uint64_t *word = &l->now[i->aux / 64 % l->words], bit = UINT64_C(1) << (i->aux & 63);

        if (kill)
            used(l, i, accesses);
        switch (i->op) {
        case IR_PUT:
            if (kill && (*word & bit) && !(i->type == IR_CC && l->map[i->a] && l->map[i->a] != 1 + accesses))
                opt_kill(i);
            *word |= bit;
            break;
        case IR_GET:
            *word &= ~bit;
            break;
        case IR_LD:
        case IR_ST:
        case IR_CAS:
        case IR_RMW:
            accesses++;
            keep(l, l->cc);
            break;
        case IR_CALL:
            if (l->u->isa->helpers[i->aux].flags & (IR_H_READS | IR_H_WRITES | IR_H_FAULTS))
                keep(l, NULL);
            break;
        case IR_BR:
        case IR_BRT:
        case IR_BRCC:
            meet(l, i, false);
            break;
        case IR_JMP:
            meet(l, i, true);
            break;
        case IR_JMPI:
        case IR_EXIT:
            keep(l, NULL);
            break;
        default:
            break;
        }
    }
}

/* ---- flags that only the way straight on needs ---- */

/* Nothing may fault between a PUT behind the branch at `at` and the next guest instruction. */
static bool quiet_after(const struct live *l, uint32_t at)
{
    for (;;) {
        const struct ir_ins *i = &l->u->ins[++at];

        if (i->op == IR_INSN || (ir_ops[i->op].flags & IR_OPF_END))
            return true;
        if (i->op == IR_CALL || (ir_ops[i->op].flags & IR_OPF_FAULT))
            return false;
    }
}

static bool flags_dead(const struct live *l, uint32_t target, unsigned slot)
{
    const struct ir_target *t = &l->u->targets[target];

    return t->cc_dead || (t->block != IR_NONE && has(&l->dead[t->block * l->words], slot));
}

/* The last branch that the PUT of flags at `at` can move behind, or IR_NONE. */
static uint32_t sink_to(const struct live *l, const struct ir_block *block, uint32_t at)
{
    unsigned slot = l->u->ins[at].aux;
    uint32_t best = IR_NONE, flags = l->u->ins[at].a;

    while (++at < block->end) {
        const struct ir_ins *i = &l->u->ins[at];

        switch (i->op) {
        case IR_GET:
        case IR_PUT:
            if (i->aux == slot)
                return best;
            break;
        case IR_BR:
        case IR_BRT:
        case IR_BRCC:
            if (!flags_dead(l, i->c, slot))
                return best;
            /* Only behind a branch on the very flags, which the host still has then. */
            if (i->op == IR_BRCC && i->a == flags && quiet_after(l, at))
                best = at;
            break;
        case IR_LD:
        case IR_ST:
        case IR_CAS:
        case IR_RMW:
        case IR_CALL:
            return best;
        default:
            break;
        }
    }
    return best;
}

static bool find_sinking(struct live *l)
{
    struct ir_unit *u = l->u;
    bool any = false;

    for (uint32_t b = 0; b < u->nblocks; b++)
        for (uint32_t at = u->blocks[b].first; at < u->blocks[b].end; at++) {
            const struct ir_ins *i = &u->ins[at];

            l->sink[at] = IR_NONE;
            if (i->op == IR_PUT && has(l->cc, i->aux))
                l->sink[at] = sink_to(l, &u->blocks[b], at);
            any |= l->sink[at] != IR_NONE;
        }
    return any;
}

static void append_mapped(struct live *l, struct ir_ins i)
{
    struct ir_unit *u = l->u;
    unsigned mask = ir_operand_mask(&i);

    if (mask & 1)
        i.a = l->map[i.a];
    if (mask & 2)
        i.b = l->map[i.b];
    if (mask & 4)
        i.c = l->map[i.c];
    u->spare[u->nins++] = i;
}

/* Copies a block to u->spare, with PUTs where they sink to. */
static void move_block(struct live *l, const struct ir_block *block)
{
    struct ir_unit *u = l->u;
    uint32_t held[SINK_MOST], n = 0, kept;

    for (uint32_t at = block->first; at < block->end; at++) {
        if (l->sink[at] != IR_NONE && n < SINK_MOST) {
            held[n++] = at;
            continue;
        }
        l->map[at] = u->nins;
        append_mapped(l, u->ins[at]);
        kept = 0;
        for (uint32_t k = 0; k < n; k++) {
            if (l->sink[held[k]] == at)
                append_mapped(l, u->ins[held[k]]);
            else
                held[kept++] = held[k];
        }
        n = kept;
    }
}

static void sink_flags(struct live *l)
{
    struct ir_unit *u = l->u;
    struct ir_ins *old = u->ins;
    uint32_t cap = u->cap_ins;

    if (!find_sinking(l))
        return;
    if (u->cap_spare < u->nins) {
        u->cap_spare = u->nins;
        u->spare = mem_realloc(u->spare, u->cap_spare * sizeof(*u->spare));
    }
    u->nins = 0;
    for (uint32_t b = 0; b < u->nblocks; b++) {
        uint32_t first = u->nins;

        move_block(l, &u->blocks[b]);
        u->blocks[b].first = first;
        u->blocks[b].end = u->nins;
    }
    u->ins = u->spare;
    u->cap_ins = u->cap_spare;
    u->spare = old;
    u->cap_spare = cap;
}

static void begin(struct live *l, struct ir_unit *u)
{
    size_t words = l->words * (size_t)(u->nblocks + 2);

    l->dead = opt_work(u, words * sizeof(*l->dead) + 2 * (size_t)u->nins * sizeof(*l->map));
    l->cc = l->dead + l->words * (size_t)u->nblocks;
    l->now = l->cc + l->words;
    l->sink = (uint32_t *)(l->now + l->words);
    l->map = l->sink + u->nins;
    memset(l->dead, 0xff, l->words * (size_t)u->nblocks * sizeof(*l->dead));
    memset(l->cc, 0, l->words * sizeof(*l->cc));
    for (unsigned s = 0; s < u->isa->nslots; s++)
        if (u->isa->slots[s].type == IR_CC)
            l->cc[s / 64] |= UINT64_C(1) << (s & 63);
}

void opt_dead_puts(struct ir_unit *u)
{
    struct live l = {.u = u, .words = (u->isa->nslots + 63u) / 64};
    bool changed = true;

    if (!l.words)
        return;
    begin(&l, u);
    while (changed) {
        changed = false;
        for (uint32_t b = u->nblocks; b-- > 0;) {
            uint64_t *dead = &l.dead[b * l.words];

            walk(&l, &u->blocks[b], false);
            if (memcmp(dead, l.now, l.words * sizeof(*dead)) != 0) {
                memcpy(dead, l.now, l.words * sizeof(*dead));
                changed = true;
            }
        }
    }
    for (uint32_t b = 0; b < u->nblocks; b++)
        walk(&l, &u->blocks[b], true);
    sink_flags(&l);
}
