/* A machine: a board, its processors, devices and backends, and what can be done to it while it runs.
 *
 * machine_new() builds what a configuration describes (the JSON that every front door makes), machine_run() gives
 * it the calling thread as main loop until it ends. Everything else is called on the main loop, except
 * machine_request() (any thread).
 * The configuration: {"machine": {"type": "virt", ...board properties}, "cpu": "cortex-a57", "smp": 2, "memory": SIZE,
 *  "kernel":..., "initrd":..., "append":..., "dtb":..., "bios":..., "blk": [-blockdev objects with "node-name"],
 *  "net": [-netdev objects], "chr": [-chardev objects], "serial": [chr ids], "devices": [-device objects: {"driver":..., "id":..., ...}],
 *  "globals": [{"driver":..., "property":..., "value":...}], "uuid":...,
 *  a driver "@nic" or "@disk" is the board's default; "accel": {"type":"dbt", ...}, "rtc": {...}, "name":..., "no-reboot":bool, "start-paused":bool}
 */
#ifndef MYNA_MACHINE_MACHINE_H
#define MYNA_MACHINE_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/accel.h"
#include "core/dev.h"
#include "core/sys.h"
#include "ir/isa.h"

struct machine;
struct os_loop;

/* A board: composes isa, devices and accelerator; holds no register logic. One folder or file in machine/ and one
 * line in machine/list. */
struct board {
    const char *name;               /* "virt" */
    const char *const *aliases;
    const char *isa;                /* "arm64" */
    const char *help;
    const char *default_cpu;
    const char *default_nic, *default_disk; /* -device names that -nic, -drive if=none-less forms and `myna run` use */
    uint64_t default_memory;
    unsigned max_cpus, serial_ports;
    size_t size;                    /* of the board's own struct; machine_board(m) */
    const struct prop *props;       /* "machine" object, besides "type" */
    /* Adds what the board decides to a cpu's options (struct of isa_sys.props). */
    void (*cpu_options)(struct machine *m, unsigned index, void *props);
    int (*build)(struct machine *m, struct err *e);   /* devices that are always there; cpus are made already */
    int (*start)(struct machine *m, struct err *e);   /* after -device: images, device tree; before every reset's end too */
    void (*reset)(struct machine *m);                 /* after devices and cpus: loads the kernel again, sets the boot cpu */
    int (*plug)(struct machine *m, struct dev *d, struct err *e); /* puts a -device on the bus its class names */
    /* While the machine runs; NULL: nothing comes or goes. vCPUs stand still. `added` tells the guest of a device that is
     * plugged, realized and reset; `remove` asks it to let one go, after which machine_device_gone() frees it. */
    void (*added)(struct machine *m, struct dev *d);
    int (*remove)(struct machine *m, struct dev *d, struct err *e);
    void (*powerdown)(struct machine *m);             /* presses the power button */
    void (*destroy)(struct machine *m);
};
extern const struct board *const board_registry[];
const struct board *board_find(const char *name);

enum machine_status { MACHINE_PRELAUNCH, MACHINE_RUNNING, MACHINE_PAUSED, MACHINE_DEBUG, MACHINE_SHUTDOWN, MACHINE_GUEST_PANIC };
enum machine_event { MACHINE_EV_STATUS, MACHINE_EV_RESET, MACHINE_EV_POWERDOWN, MACHINE_EV_SHUTDOWN, MACHINE_EV_DEBUG,
                     MACHINE_EV_DEVICE_DELETED /* machine_leaving() */ };

int must_check machine_new(struct machine **out, struct os_loop *loop, const json_t *conf, struct err *e);
void machine_free(struct machine *m);
/* Runs until the machine ends or machine_quit(); the exit status of the process. */
int machine_run(struct machine *m);

void machine_stop(struct machine *m);         /* all vCPUs stand still when it returns */
void machine_cont(struct machine *m);
void machine_reset(struct machine *m);        /* soon */
void machine_powerdown(struct machine *m);    /* asks the guest */
void machine_quit(struct machine *m, int status);
void machine_request(struct machine *m, enum dev_request r); /* any thread */
enum machine_status machine_status(const struct machine *m);

/* Told on the main loop, after the change. */
struct machine_listener {
    struct machine_listener *next;
    void (*event)(void *opaque, enum machine_event ev, struct cpu *cpu /* DEBUG: who stopped */);
    void *opaque;
};
void machine_listen(struct machine *m, struct machine_listener *l);
void machine_unlisten(struct machine *m, struct machine_listener *l);

/* Parts, for boards, ctl and tests. */
const struct board *machine_board_class(const struct machine *m);
void *machine_board(struct machine *m);
const json_t *machine_conf(const struct machine *m);
struct dev_env *machine_env(struct machine *m);
struct dev *machine_root(struct machine *m);
struct mem_region *machine_memory_root(struct machine *m); /* container of the whole physical space */
struct os_loop *machine_loop(struct machine *m);
unsigned machine_cpus(const struct machine *m);
struct cpu *machine_cpu(struct machine *m, unsigned index);
int machine_cpu_thread(const struct machine *m, unsigned index); /* the host's id of its thread; 0: none yet */
struct accel *machine_accel(struct machine *m);
const uint8_t *machine_uuid(const struct machine *m); /* 16 bytes in the order they are written; NULL: none was given */
uint64_t machine_memory(const struct machine *m); /* bytes of RAM asked for */
/* Makes a cpu that is powered off (PSCI CPU_ON) the caller's, who sets its state and starts it; false: it is on, or another
 * cpu starts it just now. */
bool must_check machine_cpu_claim(struct machine *m, unsigned index);
void machine_cpu_start(struct machine *m, unsigned index);
void machine_cpu_halt(struct machine *m, struct cpu *c); /* by the cpu itself: off until started */
bool machine_cpu_on(struct machine *m, unsigned index);
/* Single-steps one cpu (others stand still) until DEBUG is told; stopped machines only. */
void machine_step(struct machine *m, struct cpu *c);
/* A device of the board: made in the tree, not realized yet; and a property of it (takes the reference to value). */
struct dev *machine_part(struct machine *m, const struct dev_class *cls, const char *name);
int must_check machine_part_set(struct dev *d, const char *name, json_t *value, struct err *e);
struct blk *machine_blk(struct machine *m, const char *id);
struct chr *machine_chr(struct machine *m, const char *id);
struct net_port *machine_net(struct machine *m, const char *id);
void machine_each_blk(struct machine *m, void (*fn)(void *arg, const char *id, struct blk *b, struct dev *user), void *arg);
/* Makes and plugs a device from a -device object. */
/* vCPUs stand still for both. The second asks the guest; MACHINE_EV_DEVICE_DELETED follows when it has let go. */
int must_check machine_device_del(struct machine *m, struct dev *d, struct err *e);
void machine_device_gone(struct machine *m, struct dev *d); /* boards: frees it; main loop */
const struct dev *machine_leaving(const struct machine *m); /* of the event; NULL otherwise */
int must_check machine_device_add(struct machine *m, const json_t *conf, struct dev **out, struct err *e);
#endif
