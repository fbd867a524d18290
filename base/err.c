/*
 * Owns the wording of struct err. Must not know who prints it.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(struct err *e, size_t at, const char *fmt, va_list args)
{
    vsnprintf(e->text + at, sizeof(e->text) - at, fmt, args);
}

int err_text(struct err *e, int code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    append(e, 0, fmt, args);
    va_end(args);
    e->code = code < 0 ? -code : code;
    return -e->code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    va_list args;
    size_t length;

    e->code = code < 0 ? -code : code;
    va_start(args, fmt);
    append(e, 0, fmt, args);
    va_end(args);
    length = strlen(e->text);
    snprintf(e->text + length, sizeof(e->text) - length, ": %s", strerror(e->code));
    return -e->code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    char below[sizeof(e->text)];
    va_list args;
    size_t length;

    memcpy(below, e->text, sizeof(below));
    va_start(args, fmt);
    append(e, 0, fmt, args);
    va_end(args);
    length = strlen(e->text);
    snprintf(e->text + length, sizeof(e->text) - length, ": %.*s", (int)sizeof(below) - 1, below);
    return -e->code;
}
