/*
 * The life of `myna run` and qemu-system-ARCH after their words were read: defaults, the machine, the
 * servers around it, the main loop. Must not know how a door spells its options.
 */
#include "app/system.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "chr/chr.h"
#include "ctl/ctl.h"
#include "machine/machine.h"
#include "net/net.h"
#include "os/loop.h"

void system_init(struct system *s)
{
    *s = (struct system){.conf = json_object(), .monitors = json_array(), .captures = json_array(),
                         .folders = json_object()};
}

void system_free(struct system *s)
{
    json_decref(s->conf);
    json_decref(s->monitors);
    json_decref(s->captures);
    json_decref(s->folders);
    free(s->gdb);
    free(s->pidfile);
}

json_t *system_list(struct system *s, const char *name)
{
    json_t *list = json_object_get(s->conf, name);

    if (!list) {
        list = json_array();
        json_object_set_new(s->conf, name, list);
    }
    return list;
}

json_t *system_dict(struct system *s, const char *name)
{
    json_t *dict = json_object_get(s->conf, name);

    if (!dict) {
        dict = json_object();
        json_object_set_new(s->conf, name, dict);
    }
    return dict;
}

char *system_id(struct system *s, const char *stem)
{
    char id[64];

    snprintf(id, sizeof(id), "%s%u", stem, s->names++);
    return mem_strdup(id);
}

/* ---- defaults ---- */

static int add_defaults(struct system *s, struct err *e)
{
    int rc = 0;

    if (!s->have_serial && !s->nodefaults)
        rc = system_serial(s, s->nographic ? "mon:stdio" : "null", e);
    if (!rc && !s->have_net && !s->no_net && !s->nodefaults)
        rc = system_nic(s, "user", e);
    return rc;
}

/* ---- running ---- */

struct session {
    struct os_loop *loop;
    struct machine *machine;
    struct ctl *ctl;
    struct os_signal *signals[2];
};

static void ended(void *arg, int signal)
{
    struct session *run = arg;

    log_info("ended by signal %d", signal);
    machine_quit(run->machine, 0);
}

static void menu_quit(void *arg)
{
    struct session *run = arg;

    machine_quit(run->machine, 0);
}

static int write_pid(const char *path, struct err *e)
{
    FILE *out = fopen(path, "we");

    if (!out)
        return err_set(e, errno, "cannot write '%s'", path);
    fprintf(out, "%d\n", (int)getpid());
    fclose(out);
    return 0;
}

static int capture(struct system *s, struct machine *m, struct err *e)
{
    json_t *item;
    size_t i;

    json_array_foreach(s->captures, i, item) {
        const char *id = json_string_value(json_object_get(item, "netdev"));
        const char *file = json_string_value(json_object_get(item, "file"));
        struct net_port *p = id ? machine_net(m, id) : NULL;
        int rc;

        if (!p)
            return err_text(e, ENOENT, "filter-dump: no network backend '%s'", id ? id : "");
        rc = net_port_capture(p, file ? file : "", (uint32_t)json_integer_value(json_object_get(item, "maxlen")), e);
        if (rc)
            return rc;
    }
    return 0;
}

/* The escape menu of every console ends the machine; a monitor's, which ctl/ sets later, does more. */
static void connect_menus(struct session *run)
{
    const struct chr_menu menu = {.quit = menu_quit, .opaque = run};
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(machine_conf(run->machine), "chr"), i, item) {
        struct chr *c = machine_chr(run->machine, json_string_value(json_object_get(item, "id")));

        if (c)
            chr_set_menu(c, &menu);
    }
}

/* Monitors, debugger and the socket of `myna ctl`. */
static int open_control(struct system *s, struct session *run, struct err *e)
{
    const char *name = json_string_value(json_object_get(s->conf, "name"));
    int rc = ctl_new(&run->ctl, run->machine, MYNA_VERSION, e);
    json_t *item;
    size_t i;

    json_array_foreach(s->monitors, i, item) {
        if (!rc)
            rc = ctl_monitor(run->ctl, item, e);
    }
    if (!rc && s->gdb)
        rc = ctl_gdb(run->ctl, s->gdb, e);
    if (!rc && name)
        rc = ctl_publish(run->ctl, name, e);
    return rc;
}

static int start(struct system *s, struct session *run, struct err *e)
{
    static const int ends[] = {SIGTERM, SIGINT};
    int rc = os_loop_new(&run->loop, e);

    if (!rc)
        rc = machine_new(&run->machine, run->loop, s->conf, e);
    for (size_t i = 0; !rc && i < array_size(ends); i++) {
        run->signals[i] = os_signal_new(run->loop, ends[i], ended, run, e);
        rc = run->signals[i] ? 0 : -EINVAL;
    }
    if (!rc)
        connect_menus(run);
    if (!rc)
        rc = open_control(s, run, e);
    if (!rc)
        rc = capture(s, run->machine, e);
    if (!rc && s->pidfile)
        rc = write_pid(s->pidfile, e);
    return rc;
}

int system_run(struct system *s)
{
    struct session run = {.loop = NULL};
    struct err e;
    int status = 1;
    int rc = add_defaults(s, &e);

    system_join_folders(s);
    signal(SIGPIPE, SIG_IGN);
    if (!rc)
        rc = start(s, &run, &e);
    if (rc)
        log_error("%s", e.text);
    else
        status = machine_run(run.machine);
    for (size_t i = 0; i < array_size(run.signals); i++)
        if (run.signals[i])
            os_signal_free(run.signals[i]);
    if (run.ctl)
        ctl_free(run.ctl);
    if (run.machine)
        machine_free(run.machine);
    if (run.loop)
        os_loop_free(run.loop);
    if (s->pidfile)
        unlink(s->pidfile);
    return status;
}
