/*
 * Control of a machine: the monitors it has, the socket of its name, and what they hear of the
 * machine's life. Must not know what is said on a monitor.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "chr/chr.h"
#include "ctl/ctl_int.h"
#include "os/sock.h"

/* ---- events ---- */

static void tell_running(struct ctl *c)
{
    bool running = machine_status(c->m) == MACHINE_RUNNING;

    if (running == c->running)
        return;
    c->running = running;
    qmp_event(c, running ? "RESUME" : "STOP", NULL);
}

/* The path is where clients look for devices that were added by id. */
static void tell_deleted(struct ctl *c, const struct dev *d)
{
    char path[256];

    snprintf(path, sizeof(path), "/machine/%s%s", d->id ? "peripheral/" : "unattached",
             d->id ? d->id : d->path);
    qmp_event(c, "DEVICE_DELETED",
              d->id ? json_pack("{s:s,s:s}", "device", d->id, "path", path)
                    : json_pack("{s:s}", "path", path));
}

static void on_event(void *opaque, enum machine_event ev, struct cpu *cpu)
{
    struct ctl *c = opaque;

    if (c->quiet)
        return;
    switch (ev) {
    case MACHINE_EV_STATUS:
        tell_running(c);
        break;
    case MACHINE_EV_RESET:
        qmp_event(c, "RESET",
                  json_pack("{s:b,s:s}", "guest", !c->host_reset, "reason",
                            c->host_reset ? "host-qmp-system-reset" : "guest-reset"));
        c->host_reset = false;
        break;
    case MACHINE_EV_POWERDOWN:
        qmp_event(c, "POWERDOWN", NULL);
        break;
    case MACHINE_EV_SHUTDOWN:
        qmp_event(c, "SHUTDOWN", json_pack("{s:b,s:s}", "guest", 1, "reason", "guest-shutdown"));
        break;
    case MACHINE_EV_DEVICE_DELETED:
        tell_deleted(c, machine_leaving(c->m));
        break;
    case MACHINE_EV_DEBUG:
        break;
    }
    gdb_machine_event(c, ev, cpu);
}

bool ctl_hold(struct ctl *c)
{
    bool running = machine_status(c->m) == MACHINE_RUNNING;

    if (running) {
        c->quiet++;
        machine_stop(c->m);
    }
    return running;
}

void ctl_release(struct ctl *c, bool held)
{
    if (!held)
        return;
    machine_cont(c->m);
    c->quiet--;
}

/* Later than the calls that ask for it: answers are out, no session is in use. */
static void sweep(void *arg)
{
    struct ctl *c = arg;

    qmp_sweep(c);
    if (c->host_shutdown) {
        c->host_shutdown = false;
        qmp_event(c, "SHUTDOWN", json_pack("{s:b,s:s}", "guest", 0, "reason", "host-qmp-quit"));
        machine_quit(c->m, 0);
    }
}

int ctl_new(struct ctl **out, struct machine *m, const char *version, struct err *e)
{
    struct ctl *c = mem_new(struct ctl);

    (void)e;
    c->m = m;
    c->version = version;
    c->listener_fd = -1;
    c->running = machine_status(m) == MACHINE_RUNNING;
    c->sweep = (struct os_task){.fn = sweep, .arg = c};
    c->listener.event = on_event;
    c->listener.opaque = c;
    machine_listen(m, &c->listener);
    *out = c;
    return 0;
}

void ctl_free(struct ctl *c)
{
    if (!c)
        return;
    machine_unlisten(c->m, &c->listener);
    os_task_cancel(machine_loop(c->m), &c->sweep);
    gdb_free(c);
    qmp_free_all(c);
    hmp_free_all(c);
    if (c->watch)
        os_watch_free(c->watch);
    if (c->listener_fd >= 0)
        close(c->listener_fd);
    if (c->socket_path)
        unlink(c->socket_path);
    free(c->socket_path);
    free(c);
}

/* ---- monitors ---- */

static void menu_quit(void *opaque)
{
    struct ctl *c = opaque;

    c->host_shutdown = true;
    os_loop_post(machine_loop(c->m), &c->sweep);
}

int ctl_monitor(struct ctl *c, const json_t *conf, struct err *e)
{
    const char *id = json_string_value(json_object_get(conf, "chardev"));
    const char *mode = json_string_value(json_object_get(conf, "mode"));
    struct chr *chr = id ? machine_chr(c->m, id) : NULL;
    struct chr_menu menu = {.quit = menu_quit, .opaque = c};

    if (!chr)
        return err_text(e, ENODEV, "a monitor needs the id of a chardev; there is no '%s'",
                        id ? id : "");
    chr_set_menu(chr, &menu);
    if (mode && !strcmp(mode, "control"))
        return qmp_new(c, chr, false, json_is_true(json_object_get(conf, "pretty")), e);
    if (mode && strcmp(mode, "readline") != 0)
        return err_text(e, EINVAL, "a monitor's mode is 'control' or 'readline', not '%s'", mode);
    return hmp_new(c, chr, e);
}

/* ---- the socket of the name ---- */

static int runtime_folder(char *path, size_t size, struct err *e)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    struct stat st;

    if (base && *base == '/')
        snprintf(path, size, "%s/myna", base);
    else
        snprintf(path, size, "/tmp/myna-%u", (unsigned)getuid());
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_set(e, errno, "cannot make the folder '%s'", path);
    /* In /tmp anybody could have made it. */
    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != getuid())
        return err_text(e, EPERM, "'%s' is not a folder of yours", path);
    return 0;
}

int ctl_socket_path(const char *name, char *path, size_t size, struct err *e)
{
    char folder[200];
    int rc = runtime_folder(folder, sizeof(folder), e);

    if (rc < 0)
        return rc;
    if (!*name || strchr(name, '/') || *name == '.')
        return err_text(e, EINVAL, "'%s' is no name for a machine: it has '/' or begins with '.'",
                        name);
    if ((size_t)snprintf(path, size, "%s/%s.sock", folder, name) >= min_of(size, (size_t)108))
        return err_text(e, ENAMETOOLONG, "the name '%s' is too long for a socket in %s", name,
                        folder);
    return 0;
}

static void on_client(void *arg, unsigned events)
{
    struct ctl *c = arg;
    int fd = os_sock_accept(c->listener_fd);
    json_t *conf;
    struct chr *chr;
    struct err e;
    char number[16];

    (void)events;
    if (fd < 0)
        return;
    snprintf(number, sizeof(number), "%d", fd);
    conf = json_pack("{s:s,s:s}", "backend", "socket", "fd", number);
    if (chr_new(&chr, machine_loop(c->m), conf, &e) < 0) {
        log_warn("control socket: %s", e.text);
        close(fd);
    } else if (qmp_new(c, chr, true, false, &e) < 0) {
        chr_free(chr);
    }
    json_decref(conf);
}

/* Somebody listens there: a machine of that name runs. */
static bool in_use(const char *path)
{
    struct os_sock_addr a = {.path = path};
    struct err e;
    int fd;

    if (os_sock_connect(&a, SOCK_STREAM, true, &fd, &e) < 0)
        return false;
    close(fd);
    return true;
}

int ctl_publish(struct ctl *c, const char *name, struct err *e)
{
    struct os_sock_addr a = {0};
    char path[256];
    int rc = ctl_socket_path(name, path, sizeof(path), e);

    if (rc < 0)
        return rc;
    if (in_use(path))
        return err_text(e, EADDRINUSE, "a machine with the name '%s' runs already", name);
    a.path = path;
    rc = os_sock_listen(&a, SOCK_STREAM, 0, &c->listener_fd, e);
    if (rc < 0)
        return rc;
    c->socket_path = mem_strdup(path);
    c->watch = os_watch_new(machine_loop(c->m), c->listener_fd, on_client, c);
    os_watch_set(c->watch, OS_READABLE);
    return 0;
}

int ctl_gdb(struct ctl *c, const char *where, struct err *e)
{
    gdb_free(c);
    return strcmp(where, "none") ? gdb_new(c, where, e) : 0;
}
