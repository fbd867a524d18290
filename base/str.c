/*
 * Owns the buffer of struct str. Must not know where the text goes.
 */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

void str_append(struct str *s, const char *text, size_t length)
{
    vec_reserve(&s->text, s->text.len + length + 1);
    memcpy(s->text.data + s->text.len, text, length);
    s->text.len += length;
    s->text.data[s->text.len] = '\0';
}

void str_printf(struct str *s, const char *fmt, ...)
{
    va_list args;
    int length;

    va_start(args, fmt);
    length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length <= 0)
        return;
    vec_reserve(&s->text, s->text.len + (size_t)length + 1);
    va_start(args, fmt);
    vsnprintf(s->text.data + s->text.len, (size_t)length + 1, fmt, args);
    va_end(args);
    s->text.len += (size_t)length;
}

void str_pad(struct str *s, size_t column)
{
    size_t at = s->text.len;

    while (at > 0 && s->text.data[at - 1] != '\n')
        at--;
    while (s->text.len - at < column)
        str_append(s, " ", 1);
}

void str_clear(struct str *s)
{
    s->text.len = 0;
}

void str_free(struct str *s)
{
    vec_free(&s->text);
}
