/*
 * Sets of 64-bit numbers as sorted, disjoint ranges; touching ranges are one.
 *
 * A range is [start, end), end not below start; an empty one changes nothing and overlaps nothing.
 * A zeroed struct is an empty set. Look-up is a binary search, changes move the tail. The owner
 * locks.
 */
#ifndef BASE_RANGE_H
#define BASE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct range {
    uint64_t start, end;
};

struct range_set {
    vec_of(struct range) ranges;
};

void range_add(struct range_set *set, uint64_t start, uint64_t end);
void range_remove(struct range_set *set, uint64_t start, uint64_t end);
void range_free(struct range_set *set);

/* All of [start, end) is in the set. True for an empty range. */
bool range_contains(const struct range_set *set, uint64_t start, uint64_t end);

/* Some of [start, end) is in the set. */
bool range_overlaps(const struct range_set *set, uint64_t start, uint64_t end);

/* The first range that ends after `at`, or NULL. Good until the next change. */
const struct range *range_from(const struct range_set *set, uint64_t at);

/* The lowest free place of `size` bytes, aligned to a power of two, within [low, high).
 * Returns false when there is none. */
bool range_find_gap(const struct range_set *set, uint64_t low, uint64_t high, uint64_t size,
                    uint64_t align, uint64_t *place);

#endif
