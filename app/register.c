/*
 * `myna register`: the kernel's binfmt_misc entries, so that foreign programs start by themselves.
 * Must not know ELF beyond the magic that linux/ gives.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "base/log.h"
#include "linux/linux.h"

#define BINFMT "/proc/sys/fs/binfmt_misc"

enum { OPT_INSTALL = 1, OPT_REMOVE, OPT_HINTS, OPT_INTERPRETER, OPT_HELP };

static const struct app_option options[] = {
    {"--install", NULL, OPT_INSTALL, "register now (root); lasts until the next boot"},
    {"--remove", NULL, OPT_REMOVE, "take it back (root)"},
    {"--interpreter", "PATH", OPT_INTERPRETER, "the executable to register; default: this one"},
    {"--user-hints", NULL, OPT_HINTS, "say how to make it last, and how to use it in containers"},
    {"-h", NULL, OPT_HELP, "this help"},
    {"--help", NULL, OPT_HELP, NULL},
    {NULL, NULL, 0, NULL},
};

static void append_bytes(char *line, size_t size, const unsigned char *bytes, size_t count)
{
    size_t at = strlen(line);

    for (size_t i = 0; i < count && at + 5 < size; i++)
        at += (size_t)snprintf(line + at, size - at, "\\x%02x", bytes[i]);
}

/* Flags: P keeps argv[0], O hands over an open file, C takes its credentials, F opens us now, so
 * that containers and chroots need no copy. */
static void make_line(const struct linux_guest *g, const char *path, char *line, size_t size)
{
    snprintf(line, size, ":myna-%s:M::", g->machine);
    append_bytes(line, size, g->magic, sizeof(g->magic));
    snprintf(line + strlen(line), size - strlen(line), ":");
    append_bytes(line, size, g->mask, sizeof(g->mask));
    snprintf(line + strlen(line), size - strlen(line), ":%s:POCF", path);
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t done;
    int error;

    if (fd < 0)
        return -errno;
    done = write(fd, text, strlen(text));
    error = errno;
    close(fd);
    return done < 0 ? -error : 0;
}

static int explain(int error)
{
    if (access(BINFMT "/register", F_OK) < 0)
        log_error("the kernel's binfmt_misc is not mounted: "
                  "sudo mount -t binfmt_misc binfmt_misc " BINFMT);
    else if (error == -EACCES || error == -EPERM)
        log_error("only root may register: sudo myna register --install");
    else
        log_error("cannot register: %s", strerror(-error));
    return 1;
}

static int change(const char *path, bool install)
{
    struct linux_guest g;
    char line[4096], entry[128];
    int ret;

    for (unsigned i = 0; linux_guest_info(i, &g); i++) {
        snprintf(entry, sizeof(entry), BINFMT "/myna-%s", g.machine);
        if (access(entry, F_OK) == 0) {
            ret = write_file(entry, "-1");
            if (ret < 0)
                return explain(ret);
        }
        if (!install)
            continue;
        make_line(&g, path, line, sizeof(line));
        ret = write_file(BINFMT "/register", line);
        if (ret < 0)
            return explain(ret);
        printf("registered %s programs\n", g.machine);
    }
    return 0;
}

static void print_lines(const char *path)
{
    struct linux_guest g;
    char line[4096];

    for (unsigned i = 0; linux_guest_info(i, &g); i++) {
        make_line(&g, path, line, sizeof(line));
        puts(line);
    }
}

static void hints(void)
{
    puts("Now, until the next boot:   sudo myna register --install\n"
         "At every boot (systemd):    myna register | sudo tee /etc/binfmt.d/myna.conf\n"
         "                            sudo systemctl restart systemd-binfmt\n"
         "In containers:              register myna-static, which needs no libraries inside:\n"
         "                            sudo myna register --install --interpreter "
         "$(command -v myna-static)\n"
         "Undo:                       sudo myna register --remove\n"
         "Libraries of the guest are found in MYNA_SYSROOT, or inside the container.");
}

int app_register(int argc, char **argv)
{
    char path[PATH_MAX] = "";
    int action = 0;
    struct err e;
    ssize_t got = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[got > 0 ? got : 0] = '\0';
    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct app_option *o = app_option_find(options, argv[i], &value);

        if (!o) {
            app_option_unknown(&e, options, argv[i]);
            log_error("%s", e.text);
            return 2;
        }
        if (o->id != OPT_INTERPRETER) {
            action = o->id;
        } else {
            value = value ? value : i + 1 < argc ? argv[++i] : "";
            if (!realpath(value, path)) {
                log_error("--interpreter %s: %s", value, strerror(errno));
                return 1;
            }
        }
    }
    if (action == OPT_HELP) {
        puts("Usage: myna register [OPTION...]\nPrints the entries for binfmt_misc.\n");
        app_option_help(options);
        return 0;
    }
    if (action == OPT_HINTS)
        hints();
    else if (action)
        return change(path, action == OPT_INSTALL);
    else
        print_lines(path);
    return 0;
}
