/* The accelerator's contract for its users (linux/, later machine/): run a cpu, be told why it stopped.
 *
 * One struct accel per guest address space (shared by all its threads), one attached struct cpu per
 * guest thread. Except where said, a call is for the thread that owns the cpu.
 */
#ifndef MYNA_ACCEL_ACCEL_H
#define MYNA_ACCEL_ACCEL_H

#include "core/cpu.h"
#include "ir/isa.h"

#include <stdbool.h>

struct err;
struct accel;

/* Where guest code comes from. Copies up to `size` bytes of what the guest may execute from pc on to buf
 * and returns how many that are; fewer than asked for at the end of what is executable there, 0: pc is
 * not (the accelerator then exits with CPU_EXIT_FAULT, CPU_FETCH). Another thread may take the memory
 * away meanwhile: the copy must not fault. Any thread; must not call back. */
struct accel_code_source {
    size_t (*fetch)(void *opaque, uint64_t pc, void *buf, size_t size);
    void *opaque;
};

struct accel_opts {
    size_t cache_size;    /* bytes of translated code; 0: default */
    int tier;             /* 0: interpreter only, 1: quick blocks only, 2: both (default) */
    int tier2_threshold;  /* executions of a loop head before tier 2; 0: default */
    uint64_t ra_seed;     /* not 0: random register choice (tests) */
    bool single_step;     /* one instruction a block */
    bool sync;            /* tier 2 at once, in the guest's thread (tests); a ra_seed or a low threshold
                             mean it too */
    bool background;      /* tier 2 in its own thread even so (tests of the races) */
    bool no_link;         /* every exit goes through the dispatcher */
};

int accel_new(struct accel **out, const struct isa *isa, const struct accel_opts *o,
              const struct accel_code_source *src, struct err *e);
void accel_free(struct accel *a); /* no thread may be attached */

int accel_attach(struct accel *a, struct cpu *c, struct err *e); /* before the first run, in the thread */
void accel_detach(struct cpu *c);

/* Runs until something for the caller happens: every enum cpu_exit but NONE and ISYNC. */
enum cpu_exit accel_run(struct cpu *c);
/* Runs exactly one guest instruction (by the interpreter); CPU_EXIT_NONE if nothing else happened. */
enum cpu_exit accel_step(struct cpu *c);

/* Guest code in [start, start + len) changed or went away. Any thread. Translations of it are not
 * entered any more when this returns by the calling thread, and soon by others. */
void accel_invalidate(struct accel *a, uint64_t start, uint64_t len);
/* Around fork(), in the forking thread: prepare (0 or negative errno: do not fork), then parent or child. */
int accel_fork_prepare(struct cpu *c, struct err *e);
void accel_fork_parent(struct cpu *c);
void accel_fork_child(struct cpu *c); /* only this cpu is left */

/* For the handler of a synchronous host signal (SIGSEGV, SIGBUS, SIGFPE, SIGILL) that arrived in the
 * thread of `c`: if it came from translated code, or from C code running for the guest (helper,
 * interpreter), the context is changed so that accel_run() returns CPU_EXIT_FAULT with exact state
 * once the handler returns, and the result is true. False: not ours (a bug of Myna's own, or an access
 * of the caller's). info is a siginfo_t *, uctx a ucontext_t *. Async-signal-safe. */
bool accel_host_signal(struct cpu *c, int sig, void *info, void *uctx);
/* True if host pc lies in translated code (for handlers of asynchronous signals: then cpu_kick()
 * suffices and the state need not be looked at). */
bool accel_owns_pc(const struct accel *a, uint64_t host_pc);

/* ---- system mode ---- */
/* An accelerator for the cpus of a machine: guest memory is `mem`, all cpus attached to it are one
 * coherence domain. accel_attach() takes cpus with c->sys set, fills sys->accel and sys->tlb; accel_run() delivers
 * exceptions and interrupts itself through isa->sys and returns only CPU_EXIT_HALT, CPU_EXIT_REQUEST,
 * CPU_EXIT_DEBUG and what isa->sys->raise() passes on. Registers an mem listener. */
struct mem_space;
int accel_new_system(struct accel **out, const struct isa *isa, const struct accel_opts *o,
                     struct mem_space *mem, struct err *e);
/* Between runs, in the cpu's thread: flushes others asked for while it sleeps. accel_run() does it itself. */
void accel_poll(struct cpu *c);

int accel_stats(const struct accel *a, char *buf, size_t size);
#endif
