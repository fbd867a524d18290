/*
 * Copying what images hold: several reads and writes at once, holes kept, zeros found. Synchronous,
 * for tools; all images are opened beside each other (struct blk_open).
 */
#ifndef MYNA_BLK_CONVERT_H
#define MYNA_BLK_CONVERT_H

#include "blk/image.h"

struct blk_convert {
    struct blk **sources; /* one behind the other */
    unsigned count;
    struct blk *target;
    unsigned workers; /* 1..64 */
    uint64_t sparse;  /* zeros of this many bytes become holes; 0: never */
    bool compress;
    bool target_zero; /* what is not written reads as zeros */
    bool top_only;    /* what the sources' backing files hold is the target's backing file's */
    bool any_order;   /* writes need not go up */
    void (*progress)(void *arg, uint64_t done, uint64_t all);
    void *arg;
};
int must_check blk_convert(const struct blk_convert *c, struct err *e);

/* 0: the same, 1: not (*at: where first), or negative errno. What one is longer has to be zeros,
 * unless strict. */
int must_check blk_compare(struct blk *a, struct blk *b, bool strict, uint64_t *at,
                           void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg,
                           struct err *e);

#endif
