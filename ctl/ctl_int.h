/*
 * Private to ctl/: the commands' table, monitors and their types.
 */
#ifndef MYNA_CTL_CTL_INT_H
#define MYNA_CTL_CTL_INT_H

#include "base/str.h"
#include "base/vec.h"
#include "core/prop.h"
#include "ctl/ctl.h"
#include "ctl/type.h"
#include "machine/machine.h"
#include "os/loop.h"

struct gdb;
struct hmp;
struct qmp;

struct ctl {
    struct machine *m;
    const char *version;
    struct machine_listener listener;
    struct qmp *qmps;
    struct hmp *hmps;
    struct gdb *gdb;
    struct os_watch *watch; /* of the named socket */
    int listener_fd;
    char *socket_path;
    unsigned quiet;                 /* the machine stops only for us to look: no events */
    bool running;                   /* as clients were told last */
    bool host_reset, host_shutdown; /* asked for by a client */
    struct os_task sweep;           /* frees monitors whose client is gone */
};

/* ---- commands: one table, from which come execution, introspection and help ---- */

struct ctl_command {
    const char *name;
    const struct prop *args; /* NULL: none */
    size_t args_size;
    const struct ctl_type *returns;
    const char *help;
    /* ret: NULL stays an empty object. e->code ENODEV is class DeviceNotFound. */
    int (*run)(struct ctl *c, void *args, json_t **ret, struct err *e);
    bool open; /* unknown arguments go to the command (args is the json_t object) */
};
extern const struct ctl_command ctl_commands[]; /* ends with a NULL name */
const struct ctl_command *ctl_command_find(const char *name);
json_t *ctl_schema(void); /* query-qmp-schema */
/* Runs a command by name; used by monitors of both kinds. */
int must_check ctl_execute(struct ctl *c, const struct ctl_command *cmd, const json_t *args,
                           json_t **ret, struct err *e);

/* query.c */
#define CTL_QUERY(fn) int fn(struct ctl *c, void *args, json_t **ret, struct err *e)
CTL_QUERY(query_status);
CTL_QUERY(query_version);
CTL_QUERY(query_cpus_fast);
CTL_QUERY(query_cpu_definitions);
CTL_QUERY(query_block);
CTL_QUERY(query_blockstats);
CTL_QUERY(query_chardev);
CTL_QUERY(query_name);
CTL_QUERY(query_kvm);
CTL_QUERY(query_machines);
CTL_QUERY(query_current_machine);
CTL_QUERY(query_memory_size_summary);
CTL_QUERY(query_uuid);
CTL_QUERY(query_target);
extern const struct ctl_type type_status, type_version, type_cpus_fast, type_cpu_definitions,
    type_block, type_blockstats, type_chardev, type_name, type_kvm, type_machines,
    type_current_machine, type_memory_size, type_uuid, type_target;

/* trace.c */
struct trace_get_args {
    char *name;
};
struct trace_set_args {
    char *name;
    bool enable, ignore;
};
extern const struct prop trace_get_props[], trace_set_props[];
extern const struct ctl_type type_trace_points;
CTL_QUERY(trace_event_get_state);
CTL_QUERY(trace_event_set_state);
void trace_info(const char *pattern, struct str *out);

/* The machine stands still between these, whatever it did before; clients do not hear of it. */
bool ctl_hold(struct ctl *c);
void ctl_release(struct ctl *c, bool held);

/* ---- monitors ---- */

int must_check qmp_new(struct ctl *c, struct chr *chr, bool owned, bool pretty, struct err *e);
void qmp_free_all(struct ctl *c);
void qmp_sweep(struct ctl *c);
/* To all clients that have negotiated; data may be NULL; takes it. */
void qmp_event(struct ctl *c, const char *name, json_t *data);

int must_check hmp_new(struct ctl *c, struct chr *chr, struct err *e);
void hmp_free_all(struct ctl *c);
/* One line; what it says goes to out. */
void hmp_run(struct ctl *c, const char *line, unsigned *cpu, struct str *out);

/* gdb.c */
int must_check gdb_new(struct ctl *c, const char *where, struct err *e);
void gdb_free(struct ctl *c);
void gdb_machine_event(struct ctl *c, enum machine_event ev, struct cpu *cpu);

#endif
