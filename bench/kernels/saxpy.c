/* Single precision vectors: y += a * x over arrays that stay in the caches. Built with -O3. */
#include "bench.h"

enum { N = 4096 };

static float x[N], y[N];

static __attribute__((noinline)) void saxpy(float factor, const float *restrict from,
                                            float *restrict to, unsigned long count)
{
    for (unsigned long i = 0; i < count; i++)
        to[i] += factor * from[i];
}

KERNEL(scale, 150000)
{
    double sum = 0;

    for (int i = 0; i < N; i++) {
        x[i] = (float)(i % 17) * 0.125f;
        y[i] = (float)(i % 5);
    }
    for (unsigned long i = 0; i < scale; i++)
        saxpy(i & 1 ? 0.5f : -0.5f, x, y, N);
    for (int i = 0; i < N; i++)
        sum += y[i] * (i + 1);
    return result_float(sum);
}
