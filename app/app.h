/*
 * The private contract of app/: subcommands, and the table-driven reading of options they share.
 *
 * Everything here runs in the main thread before anything else has started, and may exit.
 */
#ifndef MYNA_APP_APP_H
#define MYNA_APP_APP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

#define MYNA_VERSION "0.1.0"

/* A front door: `myna NAME ...`. Tables end with a NULL name. */
struct app_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* NULL: not shown */
};
/* The doors of this executable: doors.c has all, doors_exec.c those of the static one, which is user mode alone. */
extern const struct app_command app_commands[];
extern int (*const app_system_door)(const char *arch, int argc, char **argv); /* qemu-system-ARCH; NULL: none */

/* Each returns the exit status. argv[0] is the word that chose it. */
int app_exec(int argc, char **argv);
int app_register(int argc, char **argv);
int app_doctor(int argc, char **argv);
/* Machines; not in the static executable. */
int app_run(int argc, char **argv);
int app_ctl(int argc, char **argv);
int app_image(int argc, char **argv);
/* Called by QEMU's name for a machine emulator; `arch` is what follows "qemu-system-". */
int app_qemu_system(const char *arch, int argc, char **argv);
/* Called by QEMU's name for a user-mode emulator; `arch` is what follows "qemu-". */
int app_qemu_user(const char *arch, int argc, char **argv);
/* Called by binfmt_misc with the flag P: argv[1] is the program, argv[2] the guest's argv[0]. */
int app_binfmt(const char *arch, int argc, char **argv);

/* ---- options.c ---- */

struct app_option {
    const char *name;     /* with its dashes, as the user writes it */
    const char *argument; /* what the help calls its value, or NULL: it has none */
    int id;
    const char *help; /* NULL: not shown */
};

/* Finds the option of a word: "-L", "--name=value"; *value is what follows '=' or NULL. */
const struct app_option *app_option_find(const struct app_option *table, const char *word,
                                         const char **value);
void app_option_help(const struct app_option *table);

/* The name of a list that looks most like `word`, or NULL when none does. names ends with NULL. */
const char *app_suggest(const char *word, const char *const *names);
/* As err_text() for a word that is not in the list: adds "did you mean". */
int app_unknown(struct err *e, const char *what, const char *word, const char *const *names);
int app_option_unknown(struct err *e, const struct app_option *table, const char *word);

/* Acts on -d: categories of the log, ours or QEMU's names of them (those without a counterpart are left out).
 * `machine`: what the names mean for machines. Returns 1 when the list was asked for and is printed. */
int must_check app_log(const char *names, bool machine, struct err *e);

/* A number with an optional suffix K, M, G. */
int app_number(const char *text, unsigned long long *value, struct err *e);

#endif
