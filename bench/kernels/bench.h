/*
 * The frame of a benchmark kernel: one file, one function, no input but a scale.
 *
 *     KERNEL(scale) { ... return result_int(sum); }
 *
 * Run as `kernel [scale]`; the default scale takes 0.3 to 0.5 s natively. Prints one line:
 * "SUM EXACT NS". SUM agrees between architectures (floating point is rounded: compilers contract
 * multiply-adds differently), EXACT agrees between runs of one executable, NS is the time of the
 * kernel alone.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct result {
    char sum[32];
    uint64_t exact;
};

struct result kernel(unsigned long scale);
extern const unsigned long default_scale;

#define KERNEL(scale, normal)                     \
    const unsigned long default_scale = (normal); \
    struct result kernel(unsigned long scale)

static inline struct result result_int(uint64_t sum)
{
    struct result r = {.exact = sum};

    snprintf(r.sum, sizeof(r.sum), "%016llx", (unsigned long long)sum);
    return r;
}

static inline struct result result_float(double sum)
{
    struct result r;

    snprintf(r.sum, sizeof(r.sum), "%.5e", sum);
    memcpy(&r.exact, &sum, sizeof(r.exact));
    return r;
}

static inline uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static inline long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static long long start_ns;

/* What came before was preparation: the clock starts here. */
static inline void start_clock(void)
{
    start_ns = now_ns();
}

int main(int argc, char **argv)
{
    unsigned long scale = argc > 1 ? strtoul(argv[1], NULL, 0) : default_scale;
    struct result r;
    long long end;

    start_clock();
    r = kernel(scale);
    end = now_ns();
    printf("%s %016llx %lld\n", r.sum, (unsigned long long)r.exact, end - start_ns);
    return 0;
}

#endif
