/*
 * `myna exec`: runs a Linux program of another architecture. Owns only the names of its options.
 */
#include <stdio.h>
#include <string.h>

#include "app/front.h"
#include "base/log.h"

static const struct app_option options[] = {
    {"-L", "FOLDER", FRONT_SYSROOT, "look up absolute paths here first (MYNA_SYSROOT)"},
    {"-strace", NULL, FRONT_STRACE, "print the program's system calls"},
    {"-E", "NAME=VALUE", FRONT_SETENV, "set a variable in the program's environment"},
    {"-U", "NAME", FRONT_UNSETENV, "remove a variable from it"},
    {"-0", "NAME", FRONT_ARGV0, "what the program sees as its own name"},
    {"-cpu", "MODEL", FRONT_CPU, "processor to emulate; default: max"},
    {"-s", "SIZE", FRONT_STACK, "stack of the first thread"},
    {"-r", "RELEASE", FRONT_RELEASE, "what uname reports as the kernel's release"},
    {"-tier", "N", FRONT_TIER,
     "0: interpret, 1: translate quickly, 2: optimise hot code (default)"},
    {"-cache", "SIZE", FRONT_CACHE, "memory for translated code"},
    {"-d", "CATEGORIES", FRONT_LOG, "log these; -d list shows them"},
    {"-D", "FILE", FRONT_LOGFILE, "log into a file; %d becomes the process id"},
    {"-one-insn", NULL, FRONT_SINGLE_STEP, "translate one instruction at a time (debugging)"},
    {"-no-link", NULL, FRONT_NO_LINK, "never link translated blocks (debugging)"},
    {"-seed", "N", FRONT_SEED, "random choice of registers (debugging)"},
    {"-hot", "N", FRONT_HOT, "optimise code after N rounds (debugging)"},
    {"-background", NULL, FRONT_BACKGROUND,
     "optimise beside the program also with -seed or a low -hot (debugging)"},
    {"-v", NULL, FRONT_VERBOSE, "say more"},
    {"-h", NULL, FRONT_HELP, "this help"},
    {"-help", NULL, FRONT_HELP, NULL},
    {"-version", NULL, FRONT_VERSION, NULL},
    {"-execfd", "N", FRONT_EXECFD, NULL},
    {NULL, NULL, 0, NULL},
};

static int run(struct front *f, int argc, char **argv, int at)
{
    if (f->version)
        printf("myna %s\n", MYNA_VERSION);
    if (f->help) {
        puts("Usage: myna exec [OPTION...] PROGRAM [ARGUMENT...]\n"
             "Runs a Linux program of another architecture.\n");
        app_option_help(options);
    }
    if (f->version || f->help || f->done)
        return 0;
    if (at >= argc) {
        log_error("no program given; usage: myna exec [OPTION...] PROGRAM [ARGUMENT...]");
        return 2;
    }
    return front_run(f, argc - at, argv + at);
}

int app_exec(int argc, char **argv)
{
    static const char *const door[] = {"myna", "exec", NULL};
    struct front f;
    struct err e;
    int at;

    front_init(&f, door);
    at = front_parse(&f, options, argc, argv, &e);
    if (at < 0) {
        log_error("%s; `myna exec -h` lists what there is", e.text);
        return 2;
    }
    return run(&f, argc, argv, at);
}
