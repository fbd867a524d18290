/*
 * Cuts a stream of bytes into JSON texts, as clients of QMP send them: one after the other, with or
 * without line ends. Private to ctl/.
 *
 * Accepts strings in single quotes too. After nonsense it goes on at the next line; byte 0xff
 * begins anew. A text is at most SPLIT_MAX bytes and SPLIT_DEPTH deep: a client cannot make it
 * grow.
 */
#ifndef MYNA_CTL_SPLIT_H
#define MYNA_CTL_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { SPLIT_MAX = 1 << 20, SPLIT_DEPTH = 256 };

struct split {
    struct str text;
    uint8_t stack[SPLIT_DEPTH]; /* the brackets that are open */
    unsigned depth;
    char quote; /* inside a string: which */
    bool escape, skip;
};

enum split_result { SPLIT_MORE, SPLIT_TEXT, SPLIT_ERROR };
/* One byte. SPLIT_TEXT: s->text is complete, and is cleared by the next byte. SPLIT_ERROR: nonsense
 * was skipped. */
enum split_result split_byte(struct split *s, uint8_t byte);
void split_reset(struct split *s);
void split_free(struct split *s);

#endif
