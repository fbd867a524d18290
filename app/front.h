/*
 * What the front doors of user mode share: `myna exec`, qemu-ARCH, binfmt_misc. Each names its
 * options by a table whose ids are these; one function acts on an option, so that all doors mean
 * the same.
 */
#ifndef MYNA_APP_FRONT_H
#define MYNA_APP_FRONT_H

#include "app/app.h"
#include "base/vec.h"
#include "linux/linux.h"

enum front_option {
    FRONT_HELP,
    FRONT_VERSION,
    FRONT_SYSROOT,
    FRONT_STRACE,
    FRONT_SETENV,
    FRONT_UNSETENV,
    FRONT_ARGV0,
    FRONT_LOG,
    FRONT_LOGFILE,
    FRONT_CPU,
    FRONT_STACK,
    FRONT_RELEASE,
    FRONT_TIER,
    FRONT_CACHE,
    FRONT_SINGLE_STEP,
    FRONT_NO_LINK,
    FRONT_SEED,
    FRONT_HOT,
    FRONT_BACKGROUND,
    FRONT_VERBOSE,
    FRONT_EXECFD,
    FRONT_ANY_ISA, /* of a restart: the new program may be of another architecture */
    FRONT_PAGESIZE,
    FRONT_IGNORED, /* accepted for compatibility: has no meaning here */
};

struct front {
    struct linux_options o;
    char **env; /* of the guest; edited by -E and -U */
    size_t env_count;
    struct {
        char **data;
        size_t len, cap;
    } restart;                /* words that start this door again with the same options */
    bool help, version, done; /* done: printed what was asked for, exit with 0 */
    bool qemu;                /* options mean what QEMU says */
};

/* Starts from the environment of this process; door: the words that lead back here ("myna",
 * "exec"). */
void front_init(struct front *f, const char *const *door);

/* Reads options up to the program; returns the index of the program in argv (argc: there is none).
 */
int front_parse(struct front *f, const struct app_option *table, int argc, char **argv,
                struct err *e);

/* Runs argv[0...] and gives the exit status when that failed. */
int front_run(struct front *f, int argc, char **argv);

/* Edits the guest's environment: "NAME=VALUE", and the removal of "NAME". */
void front_setenv(struct front *f, const char *assignment);
void front_unsetenv(struct front *f, const char *name);

#endif
