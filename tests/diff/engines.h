/* Guest code inside a test's own process, under several engines: what points and forms share.
 *
 * Guest addresses are host addresses. Owns the process's handlers of SIGSEGV and SIGBUS. One
 * thread. */
#ifndef MYNA_TESTS_DIFF_ENGINES_H
#define MYNA_TESTS_DIFF_ENGINES_H

#include <stdbool.h>
#include <stdint.h>

#include "accel/accel.h"
#include "ir/isa.h"
#include "isa/form.h"

struct diff_target {
    const char *isa;
    const struct isa_form *forms;
    const unsigned *nforms;
    uint32_t call;      /* the system call instruction: a program's end */
    uint32_t jump;      /* to the next instruction */
    uint32_t branch[2]; /* conditional ones over the next instruction */
    const char *const
        *skip; /* beginnings of names: what differs from run to run, or ends a straight line */
    bool (*varies)(uint32_t word); /* reads a counter, or a random number */
};
const struct diff_target *diff_target_find(const char *isa); /* NULL: there is none */

struct engine {
    const char *name;
    struct accel_opts opts;
    struct accel *accel;
    struct cpu *cpu;
};

void engine_signals(void); /* once, before the first run */
/* Makes the engine from its name and opts; ends the process when it cannot. */
void engine_start(struct engine *e, const struct isa *isa, const struct accel_code_source *source);
void engine_stop(struct engine *e);
/* Until a reason of the guest's, or one instruction. An enum cpu_exit. */
int engine_run(struct engine *e, bool step);

struct outcome {
    int reason;
    uint64_t pc, addr;
    uint32_t access;
    uint32_t key;
    unsigned char state[CPU_STATE_SIZE];
};

void outcome_get(struct outcome *o, const struct engine *e, int reason);
/* The first register that differs, or NULL. Flags count unless the run ended by a fault: those that
 * nobody can read are not kept (docs/translator.md). */
const struct isa_slot *outcome_differs(const struct isa *isa, const struct outcome *want,
                                       const struct outcome *got);
void outcome_show(const struct outcome *o, const char *name, const struct isa_slot *slot);
/* The interpreter's and another engine's; and the register that differs, or NULL. */
void outcome_show_both(const struct outcome *want, const struct outcome *got, const char *name,
                       const struct isa_slot *slot);
#endif
