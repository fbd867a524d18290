/*
 * Errors of the host and of the configuration, for a person to read.
 *
 * A function that can fail for such a reason returns a negative errno and takes `struct err *e` as
 * its last argument, never NULL, filled exactly when it fails; it is marked must_check:
 *
 *     int must_check elf_open(struct elf *elf, const char *path, struct err *e);
 *     ...
 *     if (fd < 0)
 *         return err_set(e, errno, "cannot open %s", path);
 *
 * The text says what failed and, where it can, what to do; err_set() appends the errno's own words.
 * Guest mistakes are no errors: they have the result that the architecture gives them.
 * A struct err is plain memory of its owner; it needs no release. Not shared between threads.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

struct err {
    int code; /* positive errno, 0: nothing failed */
    char text[320];
};

/* Fills e with `fmt...: strerror(code)`; code is an errno of either sign. Returns it negative. */
int err_set(struct err *e, int code, const char *fmt, ...) printf_like(3, 4);

/* As err_set(), with the text alone: for errors that strerror() would only blur. */
int err_text(struct err *e, int code, const char *fmt, ...) printf_like(3, 4);

/* Puts `fmt...: ` before the text of a failure that came from below. Returns its negative code. */
int err_prefix(struct err *e, const char *fmt, ...) printf_like(2, 3);

#endif
