/* Dependent loads: a random cycle of pointers through 64 MB, out of every cache. */
#include "bench.h"

enum { COUNT = (64 << 20) / 8 };

KERNEL(scale, 2500003)
{
    void **cells = malloc(COUNT * sizeof(*cells));
    uint32_t *order = malloc(COUNT * sizeof(*order));
    uint64_t seed = 7;
    void **at = cells;

    for (uint32_t i = 0; i < COUNT; i++)
        order[i] = i;
    for (uint32_t i = COUNT - 1; i > 0; i--) {
        uint32_t k = (uint32_t)(next_random(&seed) % (i + 1)), t = order[i];

        order[i] = order[k];
        order[k] = t;
    }
    for (uint32_t i = 0; i < COUNT; i++)
        cells[order[i]] = &cells[order[(i + 1) % COUNT]];
    start_clock();
    for (unsigned long i = 0; i < scale; i++)
        at = *at;
    return result_int((uint64_t)(at - cells));
}
