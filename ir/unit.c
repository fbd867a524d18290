/* Units: making, emptying and growing them, and walking over operands.
 *
 * Owns the memory of a unit's arrays. Knows nothing of what operations mean beyond ops.def's
 * signatures.
 */
#include "ir/ir.h"

#include <stdlib.h>

#include "base/bits.h"
#include "base/mem.h"
#include "ir/isa.h"

enum { FIRST_INS = 256, FIRST_BLOCKS = 8, FIRST_TARGETS = 8 };

void ir_unit_init(struct ir_unit *u)
{
    *u = (struct ir_unit){.pc_lo = UINT64_MAX};
}

void ir_unit_free(struct ir_unit *u)
{
    free(u->ins);
    free(u->blocks);
    free(u->targets);
    free(u->work);
    free(u->spare);
    ir_unit_init(u);
}

static void set_isa(struct ir_unit *u, const struct isa *isa)
{
    u->isa = isa;
    u->ncc = 0;
    for (unsigned s = 0; s < isa->nslots; s++)
        if (isa->slots[s].type == IR_CC && u->ncc < array_size(u->cc_slots))
            u->cc_slots[u->ncc++] = (uint16_t)s;
}

void ir_unit_reset(struct ir_unit *u, const struct isa *isa, uint32_t key)
{
    if (u->isa != isa)
        set_isa(u, isa);
    u->key = key;
    u->fp = (struct ir_fpenv){0};
    u->nins = 0;
    u->nblocks = 0;
    u->ntargets = 0;
    u->pc_lo = UINT64_MAX;
    u->pc_hi = 0;
}

void ir_unit_grow(struct ir_unit *u)
{
    u->cap_ins = u->cap_ins ? u->cap_ins * 2 : FIRST_INS;
    u->ins = mem_realloc(u->ins, u->cap_ins * sizeof(*u->ins));
}

uint32_t ir_block_begin(struct ir_unit *u, uint64_t pc)
{
    if (u->nblocks == u->cap_blocks) {
        u->cap_blocks = u->cap_blocks ? u->cap_blocks * 2 : FIRST_BLOCKS;
        u->blocks = mem_realloc(u->blocks, u->cap_blocks * sizeof(*u->blocks));
    }
    u->blocks[u->nblocks] = (struct ir_block){.pc = pc, .first = u->nins, .end = u->nins};
    return u->nblocks++;
}

void ir_block_finish(struct ir_unit *u)
{
    u->blocks[u->nblocks - 1].end = u->nins;
}

uint32_t ir_target_add(struct ir_unit *u, uint64_t pc)
{
    /* The newest targets are the likeliest to come again, and units have few. */
    for (uint32_t i = u->ntargets; i-- > 0;)
        if (u->targets[i].pc == pc)
            return i;
    if (u->ntargets == u->cap_targets) {
        u->cap_targets = u->cap_targets ? u->cap_targets * 2 : FIRST_TARGETS;
        u->targets = mem_realloc(u->targets, u->cap_targets * sizeof(*u->targets));
    }
    u->targets[u->ntargets] = (struct ir_target){.pc = pc, .block = IR_NONE};
    return u->ntargets++;
}

void ir_operands(struct ir_ins *i, void (*fn)(void *arg, uint32_t *ref), void *arg)
{
    unsigned mask = ir_operand_mask(i);

    if (mask & 1)
        fn(arg, &i->a);
    if (mask & 2)
        fn(arg, &i->b);
    if (mask & 4)
        fn(arg, &i->c);
}
