/*
 * Growable text, for dumps and messages that are built piece by piece.
 *
 * A zeroed struct str is an empty text; str_text() is always terminated. One thread at a time.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/vec.h"

struct str {
    vec_of(char) text; /* len does not count the terminator */
};

void str_printf(struct str *s, const char *fmt, ...) printf_like(2, 3);
void str_append(struct str *s, const char *text, size_t length);
void str_clear(struct str *s);
void str_free(struct str *s);

static inline const char *str_text(const struct str *s)
{
    return s->text.len ? s->text.data : "";
}

static inline size_t str_length(const struct str *s)
{
    return s->text.len;
}

/* Pads with spaces up to the column of the last line. */
void str_pad(struct str *s, size_t column);

#endif
