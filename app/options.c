/*
 * Owns the finding of options in tables and the guessing of what the user meant. Must not know what
 * any option does.
 */
#include "app/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/nearest.h"

enum { NAMES_MAX = 64 };

const struct app_option *app_option_find(const struct app_option *table, const char *word,
                                         const char **value)
{
    size_t length = strcspn(word, "=");

    *value = NULL;
    for (const struct app_option *o = table; o->name; o++) {
        const char *name = o->name;

        if (!strcmp(word, name))
            return o;
        if (word[length] == '=' && o->argument && strlen(name) == length &&
            !strncmp(word, name, length)) {
            *value = word + length + 1;
            return o;
        }
    }
    if (word[0] == '-' && word[1] == '-' && word[2]) /* --name is as good as -name */
        return app_option_find(table, word + 1, value);
    return NULL;
}

void app_option_help(const struct app_option *table)
{
    for (const struct app_option *o = table; o->name; o++) {
        char left[64];

        if (!o->help)
            continue;
        snprintf(left, sizeof(left), "%s%s%s", o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        printf("  %-24s %s\n", left, o->help);
    }
}

const char *app_suggest(const char *word, const char *const *names)
{
    return nearest_name(word, names, (unsigned)strlen(word) / 3 + 1, NEAREST_EXACT);
}

int app_unknown(struct err *e, const char *what, const char *word, const char *const *names)
{
    return nearest_unknown(e, what, word, app_suggest(word, names), NULL);
}

int app_option_unknown(struct err *e, const struct app_option *table, const char *word)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    size_t count = 0;

    for (const struct app_option *o = table; o->name && count < NAMES_MAX; o++)
        if (o->help)
            names[count++] = o->name;
    return app_unknown(e, "option", word, names);
}

/* One name of QEMU's; ours, "" when there is nothing to turn on, or NULL when it is none of QEMU's.
 */
static const char *log_alias(const char *name, bool machine)
{
    static const struct {
        const char *qemu, *program, *machine;
    } names[] = {
        {"op", "ir", "ir"},
        {"op_opt", "opt", "opt"},
        {"op_ind", "opt", "opt"},
        {"page", "mmu", "mmu"},
        {"int", "signal", "int"},
        {"unimp", "", "unassigned"},
        {"guest_errors", "", "unassigned"},
        {"nochain", "", ""},
        {"fpu", "", ""},
        {"pcall", "", ""},
        {"cpu_reset", "", ""},
        {"tid", "", ""},
        {"plugin", "", ""},
        {"vpu", "", ""},
    };

    for (size_t i = 0; i < array_size(names); i++)
        if (!strcmp(name, names[i].qemu))
            return machine ? names[i].machine : names[i].program;
    return NULL;
}

int app_log(const char *names, bool machine, struct err *e)
{
    if (!strcmp(names, "list") || !strcmp(names, "help") || !strcmp(names, "?")) {
        log_list(STDOUT_FILENO);
        return 1;
    }
    while (*names) {
        size_t length = strcspn(names, ",");
        const char *ours;
        char name[128];

        snprintf(name, sizeof(name), "%.*s", (int)length, names);
        ours = log_alias(name, machine);
        if (log_enable(ours ? ours : name, e))
            return -EINVAL;
        names += length + (names[length] == ',');
    }
    return 0;
}

int app_number(const char *text, unsigned long long *value, struct err *e)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 0);
    switch (*end) {
    case 'G':
    case 'g':
        *value <<= 10;
        __attribute__((fallthrough));
    case 'M':
    case 'm':
        *value <<= 10;
        __attribute__((fallthrough));
    case 'K':
    case 'k':
        *value <<= 10;
        end++;
        break;
    default:
        break;
    }
    if (errno || end == text || *end || text[0] == '-')
        return err_text(e, EINVAL, "'%s' is not a number (suffixes: K, M, G)", text);
    return 0;
}
