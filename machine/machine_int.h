/* Private to machine/: the machine's struct, shared by its files.
 *
 * Locking: `lock` guards everything that vCPU threads and the main loop share (the fields under it); it is
 * never held while guest code or device code runs.
 */
#ifndef MYNA_MACHINE_MACHINE_INT_H
#define MYNA_MACHINE_MACHINE_INT_H

#include <stdatomic.h>

#include "base/vec.h"
#include "machine/machine.h"
#include "os/loop.h"
#include "os/thread.h"

struct vcpu {
    struct machine *machine;
    struct cpu *cpu;
    struct cpu_sys sys;
    struct os_thread thread;
    struct os_cond wake;      /* with machine->lock: something to do, or a line changed */
    _Atomic bool sleeping;    /* waits in WFI: cpu_set_line() has to wake it */
    bool started;             /* the thread exists */
    _Atomic int tid;          /* the host's id of it */
    /* --- under machine->lock --- */
    bool on;                  /* powered (PSCI) */
    bool claimed;             /* off, and another cpu sets its state to start it */
    bool idle;                /* stands still: its state may be looked at */
    bool step;                /* may run one instruction though the machine stands still */
};

struct machine_blk {
    char *id;
    struct blk *blk;
    struct dev *user;
};

struct machine {
    struct machine_conf {     /* what a configuration says besides the objects it lists */
        char *name, *uuid, *cpu, *kernel, *initrd, *append, *dtb, *bios;
        uint64_t smp, memory;
        bool no_reboot, no_shutdown, start_paused;
        json_t *machine, *blk, *net, *chr, *serial, *devices, *globals, *accel, *rtc;
    } c;
    json_t *conf;
    const struct board *board;
    void *board_data;
    const struct isa *isa;
    struct os_loop *loop;
    struct clocks *clocks;
    struct mem_region *memory;
    uint8_t uuid[16];         /* as it is written; zero: none given */
    struct mem_space *space;
    struct dev_env env;
    struct dev *root;
    struct accel *accel;
    struct vcpu *vcpus;
    const struct dev *leaving; /* told about just now */
    bool built;               /* what comes from now on comes while the machine exists */
    unsigned ncpus, ndevices; /* devices ever added: for their names */
    vec_of(struct machine_blk) blks;
    vec_of(struct net_port *) nets;
    vec_of(struct chr *) chrs;
    struct machine_listener *listeners;
    int exit_status;
    enum machine_status status; /* main loop */
    struct os_task task;        /* looks at `wishes` on the main loop */
    _Atomic unsigned wishes;    /* WISH_* */
    struct os_mutex lock;
    struct os_cond idle;        /* a vCPU came to stand still */
    /* --- under lock --- */
    bool paused, quit;
    struct cpu *debug_cpu;      /* who hit a breakpoint */
};

enum { WISH_RESET = 1, WISH_POWEROFF = 2, WISH_PANIC = 4, WISH_DEBUG = 8, WISH_POWERDOWN = 16 };

/* ---- vcpu.c ---- */
int must_check vcpus_new(struct machine *m, const struct isa_model *model, const json_t *options, struct err *e);
int must_check vcpus_start(struct machine *m, struct err *e); /* the threads; they wait until vcpus_run() */
void vcpus_stop(struct machine *m);  /* they stand still when it returns */
void vcpus_run(struct machine *m);
void vcpus_free(struct machine *m);
struct vcpu *vcpu_of(struct machine *m, const struct cpu *c);

/* ---- backends.c ---- */
int must_check machine_backends_new(struct machine *m, struct err *e);
void machine_backends_free(struct machine *m);

/* ---- globals.c ---- */
int must_check machine_globals_check(const struct machine *m, struct err *e);
void machine_globals_apply(struct machine *m, struct dev *d);

void machine_wish(struct machine *m, unsigned wish); /* any thread */
#endif
