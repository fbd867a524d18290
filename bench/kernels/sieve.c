/* Byte stores with a stride, short loops: the primes below 8M. */
#include "bench.h"

KERNEL(scale, 8)
{
    const unsigned long size = 8000000;
    unsigned char *composite = malloc(size);
    uint64_t sum = 0;

    for (unsigned long round = 0; round < scale; round++) {
        memset(composite, 0, size);
        for (unsigned long i = 2; i * i < size; i++) {
            if (composite[i])
                continue;
            for (unsigned long k = i * i; k < size; k += i)
                composite[k] = 1;
        }
        for (unsigned long i = 2; i < size; i++)
            sum += composite[i] ? 0 : i;
    }
    free(composite);
    return result_int(sum);
}
