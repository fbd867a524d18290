/* Runs single operations through the back end on the tiny isa of ir/tests/: a code memory, a cpu
 * with a return stack, and the isa with slots pinned and its floating-point environment in the code
 * key. Failures of the set-up end the test. */
#ifndef MYNA_CODEGEN_TESTS_SOLO_H
#define MYNA_CODEGEN_TESTS_SOLO_H

#include "codegen/codegen.h"
#include "ir/tests/test_isa.h"
#include "os/code.h"

struct solo {
    struct isa isa; /* isa_test, but pins and fpenv */
    struct os_code code;
    struct cg cg;
    struct cg_work *work;
    struct cpu *cpu;
    unsigned char *stack;    /* the return stack */
    struct cg_result result; /* of the last unit */
};

/* without: features the host is to lack ("avx,bmi2"), or NULL. pins: how many slots of each class
 * have homes (0: none). */
void solo_init(struct solo *h, const char *without, unsigned pins);
void solo_free(struct solo *h);

/* The code key of an environment. */
uint32_t solo_key(const struct ir_fpenv *env);

/* Compiles a unit after the stubs; returns what cg_compile does. */
int solo_compile(struct solo *h, const struct ir_unit *u, const struct cg_opts *o);
/* Runs what was compiled last on h->cpu, in the environment of cpu->key, until it leaves. FP status
 * stands in ti_state.fpflags afterwards. */
enum cpu_exit solo_run(struct solo *h);
#endif
