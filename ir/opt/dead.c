/* Dead code: one backward walk marks what is used, the rest becomes NOP. Straight lines only.
 *
 * Requires: a verified unit. Provides: every pure operation, GET and pure call has a use.
 * Operations that may raise floating-point status stay: the guest can read it.
 */
#include "ir/isa.h"
#include "ir/opt/opt.h"

#include <string.h>

bool opt_removable(const struct ir_unit *u, const struct ir_ins *i)
{
    unsigned flags = ir_ops[i->op].flags;

    if (flags & IR_OPF_PURE)
        return !(flags & IR_OPF_ROUND);
    if (i->op == IR_CALL)
        return (u->isa->helpers[i->aux].flags & (IR_H_PURE | IR_H_NODCE | IR_H_FAULTS)) ==
               IR_H_PURE;
    return i->op == IR_GET;
}

static void count_use(uint8_t *uses, ir_ref r)
{
    if (uses[r] < OPT_USES_MANY)
        uses[r]++;
}

void opt_dead_code(struct ir_unit *u)
{
    uint8_t *uses = opt_work(u, 2 * (size_t)u->nins + 1);

    memset(uses, 0, 2 * (size_t)u->nins);
    for (uint32_t at = u->nins; at-- > 0;) {
        struct ir_ins *i = &u->ins[at];
        unsigned mask;

        if (i->op == IR_NOP || i->op == IR_INSN)
            continue;
        if (!uses[at] && opt_removable(u, i)) {
            if (i->op == IR_CALL && at && i[-1].op == IR_ARG)
                opt_kill(&i[-1]);
            opt_kill(i);
            continue;
        }
        if (i->op == IR_LD || i->op == IR_ST)
            count_use(uses + u->nins, i->a);
        mask = ir_operand_mask(i);
        if (mask & 1)
            count_use(uses, i->a);
        if (mask & 2)
            count_use(uses, i->b);
        if (mask & 4)
            count_use(uses, i->c);
    }
}

void opt_compact(struct ir_unit *u)
{
    uint32_t *map = opt_work(u, (u->nins + 1u) * sizeof(*map));
    uint32_t n = 0;

    for (uint32_t b = 0; b < u->nblocks; b++) {
        struct ir_block *block = &u->blocks[b];
        uint32_t first = n;

        for (uint32_t at = block->first; at < block->end; at++) {
            struct ir_ins i = u->ins[at];
            unsigned mask = ir_operand_mask(&i);

            if (i.op == IR_NOP)
                continue;
            if (mask & 1)
                i.a = map[i.a];
            if (mask & 2)
                i.b = map[i.b];
            if (mask & 4)
                i.c = map[i.c];
            map[at] = n;
            u->ins[n++] = i;
        }
        block->first = first;
        block->end = n;
    }
    u->nins = n;
}
