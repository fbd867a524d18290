/*
 * Owns the order and the merging of struct range_set. Must not know what the numbers are.
 */
#include "base/range.h"

#include "base/bits.h"

/* Index of the first range whose end is not below `at`. */
static size_t first_reaching(const struct range_set *set, uint64_t at)
{
    size_t low = 0, high = set->ranges.len;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->ranges.data[middle].end < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void range_add(struct range_set *set, uint64_t start, uint64_t end)
{
    size_t first, last;

    if (start >= end)
        return;
    first = last = first_reaching(set, start);
    while (last < set->ranges.len && set->ranges.data[last].start <= end) {
        start = min_of(start, set->ranges.data[last].start);
        end = max_of(end, set->ranges.data[last].end);
        last++;
    }
    if (first == last) {
        vec_insert(&set->ranges, first, (struct range){start, end});
        return;
    }
    set->ranges.data[first] = (struct range){start, end};
    vec_remove(&set->ranges, first + 1, last - first - 1);
}

void range_remove(struct range_set *set, uint64_t start, uint64_t end)
{
    size_t at;

    if (start >= end)
        return;
    at = first_reaching(set, start);
    while (at < set->ranges.len && set->ranges.data[at].start < end) {
        struct range *r = &set->ranges.data[at];

        if (r->start < start && r->end > end) {
            uint64_t tail = r->end;

            r->end = start;
            vec_insert(&set->ranges, at + 1, (struct range){end, tail});
            return;
        }
        if (r->start < start) {
            r->end = min_of(r->end, start);
            at++;
        } else if (r->end > end) {
            r->start = end;
            return;
        } else {
            vec_remove(&set->ranges, at, 1);
        }
    }
}

void range_free(struct range_set *set)
{
    vec_free(&set->ranges);
}

const struct range *range_from(const struct range_set *set, uint64_t at)
{
    size_t i = first_reaching(set, at);

    if (i < set->ranges.len && set->ranges.data[i].end == at)
        i++;
    return i < set->ranges.len ? &set->ranges.data[i] : NULL;
}

bool range_contains(const struct range_set *set, uint64_t start, uint64_t end)
{
    const struct range *r;

    if (start >= end)
        return true;
    r = range_from(set, start);
    return r && r->start <= start && r->end >= end;
}

bool range_overlaps(const struct range_set *set, uint64_t start, uint64_t end)
{
    const struct range *r;

    if (start >= end)
        return false;
    r = range_from(set, start);
    return r && r->start < end;
}

bool range_find_gap(const struct range_set *set, uint64_t low, uint64_t high, uint64_t size,
                    uint64_t align, uint64_t *place)
{
    uint64_t at = bits_align_up(low, align);

    while (at >= low && at < high && size <= high - at) {
        const struct range *r = range_from(set, at);

        if (!r || (r->start >= at && r->start - at >= size)) {
            *place = at;
            return true;
        }
        at = bits_align_up(r->end, align);
        if (at < r->end)
            break; /* wrapped */
    }
    return false;
}
