/* Integer vectors as the compiler makes them: widths mixed, minimum, absolute difference. Built
 * with -O3. */
#include "bench.h"

enum { N = 16384 };

static uint8_t p[N], q[N];
static int16_t s[N];
static int32_t w[N];

static __attribute__((noinline)) uint32_t difference(const uint8_t *a, const uint8_t *b)
{
    uint32_t sum = 0;

    for (int i = 0; i < N; i++)
        sum += (uint32_t)abs(a[i] - b[i]);
    return sum;
}

static __attribute__((noinline)) void blend(uint8_t *restrict a, const uint8_t *restrict b)
{
    for (int i = 0; i < N; i++)
        a[i] = (uint8_t)((a[i] * 3 + b[i] + 2) >> 2);
}

static __attribute__((noinline)) void widen(int16_t *restrict to, int32_t *restrict wide,
                                            const uint8_t *restrict from)
{
    for (int i = 0; i < N; i++) {
        int v = to[i] + from[i] * 5 - 300;

        to[i] = (int16_t)(v > 8000 ? 8000 : v < -8000 ? -8000 : v);
        wide[i] += to[i] * from[i];
    }
}

KERNEL(scale, 10000)
{
    uint64_t seed = 3, sum = 0;

    for (int i = 0; i < N; i++) {
        p[i] = (uint8_t)next_random(&seed);
        q[i] = (uint8_t)next_random(&seed);
    }
    for (unsigned long i = 0; i < scale; i++) {
        sum = sum * 3 + difference(p, q);
        blend(p, q);
        widen(s, w, p);
        p[i % N] ^= (uint8_t)i;
    }
    for (int i = 0; i < N; i++)
        sum = sum * 31 + (uint32_t)w[i];
    return result_int(sum);
}
