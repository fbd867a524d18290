/* The optimiser's passes, all of them. ir_opt_quick() and ir_opt_full() (ir/ir.h, opt/pipeline.c)
 * are straight-line calls of these.
 *
 * A pass takes a unit that the verifier accepts and leaves one, with the same meaning at every
 * point where somebody can look: at each operation that may fault, each exit and each reading
 * helper. The one licence: a CC slot is looked at by reads (GET, helpers) and exits only, not by a
 * faulting memory access; flags that are dead in the guest program may be stale in the frame of its
 * fault handler. Those that an instruction after the access reads are
 * not stale: the guest mends the fault and starts again at the access. Floating-point operations
 * that may raise status are never folded, merged or removed.
 *
 * Memory: a unit's own scratch (work, spare). Threads: one per unit.
 */
#ifndef MYNA_IR_OPT_OPT_H
#define MYNA_IR_OPT_OPT_H

#include "ir/ir.h"

/* forward.c: rebuilds the unit in one walk: folds constants and identities (fold_*.c), forwards
 * slots from PUT and GET to GET, merges equal pure operations, drops PUTs that are overwritten
 * unobserved. With `merge`, blocks with one way in are appended to the one they come from, and
 * constants in slots flow into the others. Provides: no COPY, constants on the right. */
void opt_forward(struct ir_unit *u, bool merge);

/* slots.c: drops PUTs that every way overwrites before anyone looks, and moves PUTs of flags behind
 * branches to where they are overwritten. Over the unit's blocks. Breaks: indices of instructions.
 */
void opt_dead_puts(struct ir_unit *u);

/* dead.c: pure operations, GETs and pure calls whose result is not used become NOP. Provides: the
 * number of uses of each value, a byte each, up to OPT_USES_MANY, in u->work; behind them, how many
 * of these are addresses of LD and ST. */
void opt_dead_code(struct ir_unit *u);
enum { OPT_USES_MANY = 255 };

/* fuse.c: operations that only serve an address, a branch or a condition are folded into it.
 * Requires: to run right after opt_dead_code(). */
void opt_fuse(struct ir_unit *u);

/* dead.c: removes NOPs. Requires: nothing. Breaks: indices of instructions. */
void opt_compact(struct ir_unit *u);

/* dead.c: may it go when nobody uses its value? */
bool opt_removable(const struct ir_unit *u, const struct ir_ins *i);

static inline void opt_kill(struct ir_ins *i)
{
    *i = (struct ir_ins){IR_NOP, IR_VOID, 0, IR_NONE, IR_NONE, IR_NONE};
}

/* pipeline.c: prints the unit after a pass under `-d opt`. */
void opt_dump(const struct ir_unit *u, const char *pass);

/* pipeline.c: at least `size` bytes of scratch, whose contents are of no value. */
void *opt_work(struct ir_unit *u, size_t size);
#endif
