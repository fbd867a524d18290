/* Straight integer code: CRC-32 bit by bit, then a mix of multiplies, rotates and shifts. */
#include "bench.h"

static uint32_t crc(const uint8_t *data, size_t size)
{
    uint32_t c = ~0u;

    for (size_t i = 0; i < size; i++) {
        c ^= data[i];
        for (int b = 0; b < 8; b++)
            c = c >> 1 ^ (0xedb88320u & -(c & 1));
    }
    return ~c;
}

static uint64_t mix(uint64_t v, unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        v ^= v >> 33;
        v *= 0xff51afd7ed558ccdull;
        v = (v << 27 | v >> 37) + i;
        v -= (v & 0xffff) * (uint32_t)(v >> 40);
    }
    return v;
}

KERNEL(scale, 100)
{
    static uint8_t data[100000];
    uint64_t seed = 1, sum = 0;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)next_random(&seed);
    for (unsigned long i = 0; i < scale; i++) {
        data[i % sizeof(data)]++;
        sum = mix(sum + crc(data, sizeof(data)), 200000);
    }
    return result_int(sum);
}
