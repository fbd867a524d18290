/*
 * What the front doors of machines share: the configuration tree they build, and running it.
 * Private to app/; main thread, before and around the main loop.
 */
#ifndef MYNA_APP_SYSTEM_H
#define MYNA_APP_SYSTEM_H

#include <jansson.h>

#include "app/app.h"

struct system {
    json_t *conf;          /* machine/machine.h's configuration */
    json_t *monitors;      /* {"mode": "control"|"readline", "chardev": id} */
    json_t *captures;      /* {"netdev": id, "file": path, "maxlen": n} */
    json_t *folders;       /* -fsdev objects by id */
    char *gdb;             /* where the GDB server listens, or NULL */
    bool snapshot;         /* all disks: writes go to a file that vanishes */
    bool nographic, nodefaults, no_net;
    bool have_serial, have_monitor, have_net;
    unsigned drives, names; /* counted, for ids */
    char *pidfile;
    bool daemonize;
    const char *arch;      /* isa the door stands for, or NULL: from what is started */
};

void system_init(struct system *s);
void system_free(struct system *s);

/* The list "blk", "net", "chr", "serial" or "devices"; made when it is not there. Borrowed. */
json_t *system_list(struct system *s, const char *name);
/* "machine", "accel", "rtc": the same for objects. */
json_t *system_dict(struct system *s, const char *name);
/* A new id such as "drive0"; the caller frees it. */
char *system_id(struct system *s, const char *stem);

/* Each takes the text of QEMU's option of that name. */
int must_check system_drive(struct system *s, const char *text, struct err *e);
int must_check system_blockdev(struct system *s, const char *text, struct err *e);
int must_check system_device(struct system *s, const char *text, struct err *e);
int must_check system_global(struct system *s, const char *text, struct err *e);
int must_check system_netdev(struct system *s, const char *text, struct err *e);
int must_check system_nic(struct system *s, const char *text, struct err *e);
int must_check system_chardev(struct system *s, const char *text, struct err *e);
int must_check system_serial(struct system *s, const char *text, struct err *e);
int must_check system_monitor(struct system *s, const char *text, const char *mode, struct err *e);
int must_check system_virtfs(struct system *s, const char *text, bool with_device, struct err *e);

/* A disk by its file's name, whatever characters it has; `options`: more of -drive, or NULL. */
int must_check system_disk(struct system *s, const char *file, const char *options, struct err *e);
/* -d and -trace; end the process when only the list was wanted. */
int must_check system_log(const char *text, struct err *e);
int must_check system_trace(const char *text, struct err *e);

/* Gives the devices that name a folder (-fsdev) its options. */
void system_join_folders(struct system *s);

/* Fills in what was not said (console, network), builds the machine and runs it; the exit status. */
int system_run(struct system *s);

#endif
