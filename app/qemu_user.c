/*
 * qemu-ARCH: the same as `myna exec` with the options and environment variables of QEMU's user-mode
 * emulators, and what the kernel's binfmt_misc calls. Owns only names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "app/front.h"
#include "base/log.h"

#ifndef AT_EXECFD
#define AT_EXECFD 2
#endif

static const struct app_option options[] = {
    {"-h", NULL, FRONT_HELP, "this help"},
    {"-help", NULL, FRONT_HELP, NULL},
    {"-L", "path", FRONT_SYSROOT, "elf interpreter prefix (QEMU_LD_PREFIX)"},
    {"-s", "size", FRONT_STACK, "stack size (QEMU_STACK_SIZE)"},
    {"-cpu", "model", FRONT_CPU, "select CPU (QEMU_CPU)"},
    {"-E", "var=value", FRONT_SETENV, "set the program's environment variable (QEMU_SET_ENV)"},
    {"-U", "var", FRONT_UNSETENV, "unset an environment variable (QEMU_UNSET_ENV)"},
    {"-0", "argv0", FRONT_ARGV0, "force the program's argv[0] (QEMU_ARGV0)"},
    {"-r", "uname", FRONT_RELEASE, "uname release string (QEMU_UNAME)"},
    {"-B", "address", FRONT_IGNORED, "accepted: addresses are always the host's (QEMU_GUEST_BASE)"},
    {"-R", "size", FRONT_IGNORED, "accepted: nothing is reserved (QEMU_RESERVED_VA)"},
    {"-d", "item[,...]", FRONT_LOG, "enable logging of these items; -d help lists them (QEMU_LOG)"},
    {"-dfilter", "range", FRONT_IGNORED, "accepted, without effect"},
    {"-D", "logfile", FRONT_LOGFILE, "log to a file (QEMU_LOG_FILENAME)"},
    {"-p", "pagesize", FRONT_PAGESIZE, "4096 (QEMU_PAGESIZE)"},
    {"-one-insn-per-tb", NULL, FRONT_SINGLE_STEP, "one instruction a block"},
    {"-singlestep", NULL, FRONT_SINGLE_STEP, NULL},
    {"-tb-size", "size", FRONT_IGNORED, "accepted, without effect"},
    {"-strace", NULL, FRONT_STRACE, "log system calls (QEMU_STRACE)"},
    {"-seed", "seed", FRONT_IGNORED, "accepted, without effect"},
    {"-trace", "pattern", FRONT_IGNORED, "accepted, without effect"},
    {"-version", NULL, FRONT_VERSION, "version"},
    {"-tier", "n", FRONT_TIER, "myna: 0 interprets, 1 translates quickly, 2 optimises hot code"},
    {"-execfd", "n", FRONT_EXECFD, NULL},
    {"-any-isa", NULL, FRONT_ANY_ISA, NULL},
    {NULL, NULL, 0, NULL},
};

static const struct {
    const char *variable;
    const char *option;
} variables[] = {
    {"QEMU_LD_PREFIX", "-L"},    {"QEMU_STACK_SIZE", "-s"}, {"QEMU_CPU", "-cpu"},
    {"QEMU_ARGV0", "-0"},        {"QEMU_UNAME", "-r"},      {"QEMU_LOG", "-d"},
    {"QEMU_LOG_FILENAME", "-D"}, {"QEMU_PAGESIZE", "-p"},
};

/* Lists of the environment's editing variables are separated by commas. */
static void edit_env(struct front *f, const char *list, void (*edit)(struct front *, const char *))
{
    char *copy = mem_strdup(list), *save = NULL;

    for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
        edit(f, word);
    free(copy);
}

/* Options by environment come first, so that those of the command line win. */
static int read_variables(struct front *f, struct err *e)
{
    char *words[2 * array_size(variables) + 3] = {(char *)"qemu"};
    int count = 1;

    for (size_t i = 0; i < array_size(variables); i++) {
        char *value = getenv(variables[i].variable);

        if (!value)
            continue;
        words[count++] = (char *)variables[i].option;
        words[count++] = value;
    }
    if (getenv("QEMU_STRACE"))
        words[count++] = (char *)"-strace";
    if (getenv("QEMU_SET_ENV"))
        edit_env(f, getenv("QEMU_SET_ENV"), front_setenv);
    if (getenv("QEMU_UNSET_ENV"))
        edit_env(f, getenv("QEMU_UNSET_ENV"), front_unsetenv);
    count = front_parse(f, options, count, words, e);
    return count < 0 ? count : 0;
}

/* Prepares the door; the exit status in *status when there is nothing to run. */
static bool open_door(struct front *f, const char *arch, const char *const *door, int *status)
{
    const struct isa *isa = isa_find(arch);
    struct err e;

    front_init(f, door);
    f->qemu = true;
    f->o.isa = isa;
    if (!isa) {
        log_error("no user-mode emulation of '%s' in this build; `myna doctor` lists what there is",
                  arch);
        *status = LINUX_EXIT_NOEXEC;
        return false;
    }
    if (read_variables(f, &e) < 0) {
        log_error("%s", e.text);
        *status = 1;
        return false;
    }
    return true;
}

static void print_version(const char *arch)
{
    /* Scripts look for the number after "version". */
    printf("qemu-%s version 8.2.0 (myna %s)\n", arch, MYNA_VERSION);
}

int app_qemu_user(const char *arch, int argc, char **argv)
{
    char name[64];
    const char *door[] = {name, NULL};
    struct front f;
    struct err e;
    int at, status;

    snprintf(name, sizeof(name), "qemu-%s", arch);
    if (!open_door(&f, arch, door, &status))
        return status;
    at = front_parse(&f, options, argc, argv, &e);
    if (at < 0) {
        log_error("%s", e.text);
        return 1;
    }
    if (f.version)
        print_version(arch);
    if (f.help) {
        printf("usage: qemu-%s [options] program [arguments...]\n\n", arch);
        app_option_help(options);
    }
    if (f.version || f.help || f.done)
        return 0;
    if (at >= argc) {
        log_error("no program given; usage: qemu-%s [options] program [arguments...]", arch);
        return 1;
    }
    return front_run(&f, argc - at, argv + at);
}

int app_binfmt(const char *arch, int argc, char **argv)
{
    static const char *const plain[] = {"myna", "exec", NULL};
    char name[64];
    const char *qemu[] = {name, NULL};
    struct front f;
    int status = 0;

    if (argc < 3)
        return 1;
    snprintf(name, sizeof(name), "qemu-%s", arch ? arch : "");
    if (arch && !open_door(&f, arch, qemu, &status))
        return status;
    if (!arch)
        front_init(&f, plain);
    if (getauxval(AT_EXECFD))
        f.o.execfd = (int)getauxval(AT_EXECFD);
    f.o.argv = mem_array(char *, 1);
    ((char **)f.o.argv)[0] = argv[2];
    argv[2] = argv[1]; /* program, then its arguments */
    return front_run(&f, argc - 2, argv + 2);
}
