/* Calls and returns: Fibonacci numbers by plain recursion. */
#include "bench.h"

static __attribute__((noinline)) uint64_t fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

KERNEL(scale, 10)
{
    uint64_t sum = 0;

    for (unsigned long i = 0; i < scale; i++)
        sum += fib(35 - (unsigned)(i & 1));
    return result_int(sum);
}
