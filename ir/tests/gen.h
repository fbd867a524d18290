/* Random units on the tiny isa, for property tests: the same meaning before and after a pass, and
 * in the interpreter and a back end.
 *
 * A unit from gen_unit() passes the verifier and always ends: it branches forward, or back while
 * slot x6 counts down. Memory is accessed around slot x7 only, which it does not change.
 */
#ifndef MYNA_IR_TESTS_GEN_H
#define MYNA_IR_TESTS_GEN_H

#include "test_isa.h"

enum { GEN_MEMORY = 4096 /* bytes around x7, half to each side */ };

struct gen {
    uint64_t seed;
    unsigned blocks;
    unsigned insns; /* guest instructions a block */
    bool memory;    /* loads, stores, atomics */
    bool floats;    /* operations that round or raise */
    bool vectors;
    bool helpers;
    bool cc;     /* half of the operations make or use flags */
    bool faults; /* some accesses ask for alignment they may not have */
};

uint64_t gen_random(uint64_t *seed);
void gen_unit(struct ir_unit *u, const struct gen *g);

/* Makes `to` equal to `from`. */
void gen_copy(struct ir_unit *to, const struct ir_unit *from);

/* A random state; x7 in the middle of `memory`. */
void gen_state(struct cpu *c, uint64_t seed, unsigned char *memory);

/* A random aux and immediate c that suit op; *type may be narrowed to what they suit. */
unsigned gen_aux(uint64_t *seed, unsigned op, unsigned type, uint32_t *imm);
#endif
