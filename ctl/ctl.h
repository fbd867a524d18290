/*
 * Control of a running machine: monitors (QMP's JSON for programs, lines of text for people), a
 * socket by the machine's name, and a GDB server.
 *
 * Made after machine_new(), freed before machine_free(). Everything on the main loop.
 */
#ifndef MYNA_CTL_CTL_H
#define MYNA_CTL_CTL_H

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

struct chr;
struct ctl;
struct machine;

/* version: of the program, three numbers with dots. */
int must_check ctl_new(struct ctl **out, struct machine *m, const char *version, struct err *e);
void ctl_free(struct ctl *c);

/* {"mode": "control" or "readline", "chardev": id of one of the machine's, "pretty": bool} */
int must_check ctl_monitor(struct ctl *c, const json_t *conf, struct err *e);

/* Where GDB connects: "tcp:[HOST]:PORT" (HOST empty: this host only), "unix:PATH", another form of
 * chr_parse_legacy(), or "none" to end. The guest's processors are GDB's threads. */
int must_check ctl_gdb(struct ctl *c, const char *where, struct err *e);

/* A control socket for `myna ctl NAME`, any number of clients. */
int must_check ctl_publish(struct ctl *c, const char *name, struct err *e);
/* Its path; -ENAMETOOLONG or why the folder cannot be made. Names have no '/'. */
int must_check ctl_socket_path(const char *name, char *path, size_t size, struct err *e);

#endif
