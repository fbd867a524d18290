/* Dead PUTs over the unit's graph: a PUT goes when on every way from it the slot is overwritten
 * before anyone can look.
 *
 * Requires: targets linked to their blocks. Provides: nothing that others need. Breaks: nothing.
 *
 * Backward "must" analysis, from all ones down to the fixed point. Lookers are GETs of the slot,
 * faulting operations (all slots but flags, see opt.h), helpers that read, write or fault, and
 * exits from the unit. A way that stays in the unit for ever never looks: whoever interrupts it
 * resumes at a pc from which the slot is overwritten as well.
 */
#include "ir/isa.h"
#include "ir/opt/opt.h"

#include <string.h>

struct live {
    struct ir_unit *u;
    unsigned words;
    uint64_t *dead; /* per block: slots overwritten before they are looked at, from its start */
    uint64_t *cc;   /* the slots of type CC */
    uint64_t *now;
};

static void meet(struct live *l, const struct ir_block *from, const struct ir_ins *i, bool only)
{
    uint32_t to = l->u->targets[i->c].block;

    for (unsigned w = 0; w < l->words; w++) {
        uint64_t there = to == IR_NONE ? 0 : l->dead[to * l->words + w];

        if (from->flags & IR_B_CC_DEAD)
            there |= l->cc[w];
        l->now[w] = only ? there : l->now[w] & there;
    }
}

static void keep(struct live *l, const uint64_t *mask)
{
    for (unsigned w = 0; w < l->words; w++)
        l->now[w] = mask ? l->now[w] & mask[w] : 0;
}

/* Walks a block backward from what its end makes of l->now; with `kill`, drops dead PUTs. */
static void walk(struct live *l, const struct ir_block *block, bool kill)
{
    for (uint32_t at = block->end; at-- > block->first;) {
        struct ir_ins *i = &l->u->ins[at];
        uint64_t *word = &l->now[i->aux / 64 % l->words], bit = UINT64_C(1) << (i->aux & 63);

        switch (i->op) {
        case IR_PUT:
            if (kill && (*word & bit))
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
            keep(l, l->cc);
            break;
        case IR_CALL:
            if (l->u->isa->helpers[i->aux].flags & (IR_H_READS | IR_H_WRITES | IR_H_FAULTS))
                keep(l, NULL);
            break;
        case IR_BR:
        case IR_BRT:
        case IR_BRCC:
            meet(l, block, i, false);
            break;
        case IR_JMP:
            meet(l, block, i, true);
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

void opt_dead_puts(struct ir_unit *u)
{
    struct live l = {.u = u, .words = (u->isa->nslots + 63u) / 64};
    size_t words = l.words * (size_t)(u->nblocks + 2);
    bool changed = true;

    if (!l.words)
        return;
    l.dead = opt_work(u, words * sizeof(*l.dead));
    l.cc = l.dead + l.words * (size_t)u->nblocks;
    l.now = l.cc + l.words;
    memset(l.dead, 0xff, l.words * (size_t)u->nblocks * sizeof(*l.dead));
    memset(l.cc, 0, l.words * sizeof(*l.cc));
    for (unsigned s = 0; s < u->isa->nslots; s++)
        if (u->isa->slots[s].type == IR_CC)
            l.cc[s / 64] |= UINT64_C(1) << (s & 63);
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
}
