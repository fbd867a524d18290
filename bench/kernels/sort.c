/* Calls through a pointer from a library: qsort() of 2M integers. */
#include "bench.h"

static int compare(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

KERNEL(scale, 2000000)
{
    int *numbers = malloc(scale * sizeof(*numbers));
    uint64_t seed = 88172645463325252ull, sum = 0;

    for (unsigned long i = 0; i < scale; i++)
        numbers[i] = (int)next_random(&seed);
    qsort(numbers, scale, sizeof(*numbers), compare);
    for (unsigned long i = 0; i < scale; i++)
        sum = sum * 31 + (uint32_t)numbers[i];
    free(numbers);
    return result_int(sum);
}
