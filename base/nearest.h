/* What a person meant: the name of a list that looks most like a mistyped word, and errors that say
 * so. Pure functions. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stdbool.h>

#include "base/err.h"

enum nearest_how {
    NEAREST_EXACT = 0,
    NEAREST_FOLD = 1,  /* case makes no difference */
    NEAREST_BEGUN = 2, /* a name that was only begun (three letters at least) is one edit away */
};

/* The first of the names (NULL-terminated; NULL: none) with the fewest edits from `word` (insert,
 * delete, replace, swap of neighbours), at most `most`; else NULL. */
const char *nearest_name(const char *word, const char *const *names, unsigned most,
                         enum nearest_how how);

/* Fills e with "no WHAT 'WORD'; did you mean 'NEAR'? (NOTE)"; near and note may be NULL. The note
 * says where the list is: "`-cpu help` lists them". Returns -EINVAL. */
int nearest_unknown(struct err *e, const char *what, const char *word, const char *near,
                    const char *note);

#endif
