/* One IR unit under the interpreter and under the back end, from the same state: what tests of
 * translated code share.
 *
 * A bench owns code memory with the fixed pieces for several kinds of host and several choices of
 * pinned slots, one cpu, and two pages of guest memory of which the second may not be touched.
 * Threads: one bench a process (it owns the signal handlers).
 */
#ifndef MYNA_CODEGEN_TESTS_HARNESS_H
#define MYNA_CODEGEN_TESTS_HARNESS_H

#include "codegen/codegen.h"
#include "ir/tests/gen.h"
#include "os/code.h"

enum { BENCH_PINS = 4, BENCH_HOSTS = 4, BENCH_PAGE = 4096 };

/* How a unit is improved and compiled. */
struct bench_config {
    unsigned pins;   /* which slots the canonical map holds */
    unsigned host;   /* which processor is assumed */
    unsigned passes; /* 0: none, 1: ir_opt_quick, 2: ir_opt_full, 3: both */
    bool optimise;   /* a map of the unit's own */
    uint64_t ra_seed;
};

/* From where it runs. */
struct bench_input {
    uint64_t seed;  /* of the state */
    bool faults;    /* x7 lies near the page that faults */
    int distance;   /* of x7 from that page, with faults */
    bool read_only; /* that page may be read */
};

enum { BENCH_SIGNAL = 100, BENCH_TOO_LARGE = 1000 }; /* reasons besides enum cpu_exit */
struct bench_outcome {
    int reason;
    uint32_t exit_code;
    uint64_t pc, exit_arg, fault_addr;
    struct ti_state state;
    unsigned char memory[BENCH_PAGE];
};

struct bench {
    struct isa isa[BENCH_PINS];
    struct cg cg[BENCH_PINS][BENCH_HOSTS];
    struct cg_work *work[BENCH_PINS][BENCH_HOSTS];
    struct os_code code;
    size_t units_at; /* where units go */
    struct cpu *cpu;
    unsigned char *memory; /* a page, and the one that faults */
    struct ir_unit unit;   /* the one that is compiled, after the passes */
    struct cg_result result;
};

void bench_init(struct bench *b);
void bench_free(struct bench *b);
/* Takes the signals; at the start of each test, for cmocka takes them too. */
void bench_watch_signals(void);

/* Makes the unit's environment one that its code key stands for. */
void bench_set_env(struct ir_unit *u, const struct ir_fpenv *env);

void bench_interpret(struct bench *b, const struct ir_unit *u, const struct bench_input *in,
                     struct bench_outcome *r);

/* Runs the passes and compiles, into b->unit and b->result. 0 or cg_compile()'s error, or
 * BENCH_SIGNAL + number when the compiler itself failed. */
int bench_compile(struct bench *b, const struct ir_unit *u, const struct bench_config *c);
void bench_run(struct bench *b, const struct bench_config *c, const struct bench_input *in,
               struct bench_outcome *r);

/* Outcomes may differ in what nobody can see: bits of packed flags that have no meaning, flags when
 * a memory access faults after a pass (opt.h's licence). */
void bench_normalise(struct bench_outcome *r, const struct bench_config *c);
void bench_explain(const struct bench_outcome *want, const struct bench_outcome *got);
void bench_print(const struct ir_unit *u, const char *title);
#endif
