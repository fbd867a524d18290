/* Dead code: one backward walk marks what is used, the rest becomes NOP. Straight lines only.
 *
 * Requires: a verified unit. Provides: every pure operation, GET and pure call has a use.
 * Operations that may raise floating-point status stay: the guest can read it.
 */
#include "ir/isa.h"
#include "ir/opt/opt.h"

#include <string.h>

/* May it go when nobody uses its value? */
static bool removable(const struct ir_unit *u, const struct ir_ins *i)
{
    unsigned flags = ir_ops[i->op].flags;

    if (flags & IR_OPF_PURE)
        return !(flags & IR_OPF_ROUND);
    if (i->op == IR_CALL)
        return (u->isa->helpers[i->aux].flags & (IR_H_PURE | IR_H_NODCE | IR_H_FAULTS)) == IR_H_PURE;
    return i->op == IR_GET;
}

static void kill(struct ir_ins *i)
{
    *i = (struct ir_ins){IR_NOP, IR_VOID, 0, IR_NONE, IR_NONE, IR_NONE};
}

void opt_dead_code(struct ir_unit *u)
{
    uint8_t *used = opt_work(u, u->nins + 1u);

    memset(used, 0, u->nins);
    for (uint32_t at = u->nins; at-- > 0;) {
        struct ir_ins *i = &u->ins[at];
        unsigned mask;

        if (!used[at] && removable(u, i)) {
            if (i->op == IR_CALL && at && i[-1].op == IR_ARG)
                kill(&i[-1]);
            kill(i);
            continue;
        }
        mask = ir_operand_mask(i);
        if (mask & 1)
            used[i->a] = 1;
        if (mask & 2)
            used[i->b] = 1;
        if (mask & 4)
            used[i->c] = 1;
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
