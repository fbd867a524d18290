/*
 * A machine made of cardboard, for tests of what controls machines: it has processors with
 * registers that only a debugger touches, 64 KB of memory at address 0x1000, and remembers what it
 * was told.
 */
#ifndef CTL_TESTS_FAKE_H
#define CTL_TESTS_FAKE_H

#include "machine/machine.h"

enum { FAKE_CPUS = 2, FAKE_RAM = 65536, FAKE_BASE = 0x1000, FAKE_REGS = 34 };

struct machine {
    struct os_loop *loop;
    json_t *conf;
    struct dev_env env;
    struct dev *root;
    struct mem_region *memory, *ram;
    struct clocks *clocks;
    struct cpu *cpu[FAKE_CPUS];
    struct cpu_sys sys[FAKE_CPUS];
    uint64_t reg[FAKE_CPUS][FAKE_REGS];
    enum machine_status status;
    struct machine_listener *listeners;
    struct chr *chr[8];
    unsigned nchr, stops, conts, resets, powerdowns, quits, steps, debug_changes;
};

/* conf as machine_new() takes it: "chr" and "name" are looked at. */
struct machine *fake_new(struct os_loop *loop, const char *conf);
void fake_free(struct machine *m);
void fake_tell(struct machine *m, enum machine_event ev, struct cpu *cpu);
/* As a breakpoint does. */
void fake_debug_stop(struct machine *m, unsigned cpu);
/* The guest switches itself off. */
void fake_shutdown(struct machine *m);

#endif
