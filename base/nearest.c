/* Edit distance, and what errors say of it. Owns how alike two names are; how alike is enough,
 * callers say. */
#include "base/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_COMPARED = 48 };

static int letter(char c, enum nearest_how how)
{
    return how & NEAREST_FOLD ? tolower((unsigned char)c) : (unsigned char)c;
}

/* Damerau-Levenshtein distance of two short words. */
static unsigned distance(const char *a, const char *b, enum nearest_how how)
{
    unsigned rows[3][NAME_MAX_COMPARED + 1] = {{0}};
    size_t la = strlen(a), lb = strlen(b);

    if (la > NAME_MAX_COMPARED || lb > NAME_MAX_COMPARED)
        return NAME_MAX_COMPARED;
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        int now = letter(a[i - 1], how), last = i > 1 ? letter(a[i - 2], how) : -1;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            int other = letter(b[j - 1], how);

            row[j] = min_of(row[j - 1] + 1, above[j] + 1);
            row[j] = min_of(row[j], above[j - 1] + (now != other));
            if (i > 1 && j > 1 && now == letter(b[j - 2], how) && last == other)
                row[j] = min_of(row[j], above2[j - 2] + 1);
        }
    }
    return rows[la % 3][lb];
}

const char *nearest_name(const char *word, const char *const *names, unsigned most,
                         enum nearest_how how)
{
    const char *best = NULL;
    size_t length = strlen(word);
    unsigned least = most + 1;

    for (; names && *names; names++) {
        bool begun = how & NEAREST_BEGUN && length >= 3 && strncmp(word, *names, length) == 0;
        unsigned d = begun ? 1 : distance(word, *names, how);

        if (d < least) {
            least = d;
            best = *names;
        }
    }
    return best;
}

int nearest_unknown(struct err *e, const char *what, const char *word, const char *near,
                    const char *note)
{
    return err_text(e, EINVAL, "no %s '%s'%s%s%s%s%s%s", what, word, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "", note ? " (" : "", note ? note : "",
                    note ? ")" : "");
}
