/*
 * Owns the finding of options in tables and the guessing of what the user meant. Must not know what
 * any option does.
 */
#include "app/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

enum { WORD_MAX = 40, NAMES_MAX = 64 };

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

/* Damerau-Levenshtein distance of two short words. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][WORD_MAX + 1] = {{0}};
    size_t la = strlen(a), lb = strlen(b);

    if (la > WORD_MAX || lb > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]), other = last[j] + 1;

            best = min_of(best, other);
            other = now[j - 1] + 1;
            best = min_of(best, other);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                other = before[j - 2] + 1;
                best = min_of(best, other);
            }
            now[j] = best;
        }
    }
    return rows[la % 3][lb];
}

const char *app_suggest(const char *word, const char *const *names)
{
    unsigned best = (unsigned)strlen(word) / 3 + 2;
    const char *found = NULL;

    for (; *names; names++) {
        unsigned d = distance(word, *names);

        if (d < best) {
            best = d;
            found = *names;
        }
    }
    return found;
}

int app_unknown(struct err *e, const char *what, const char *word, const char *const *names)
{
    const char *near = app_suggest(word, names);

    if (near)
        return err_text(e, EINVAL, "no %s '%s'; did you mean '%s'?", what, word, near);
    return err_text(e, EINVAL, "no %s '%s'", what, word);
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
