/* The mathematical library: sums of sin(x) * sqrt(x). */
#include <math.h>

#include "bench.h"

KERNEL(scale, 20000000)
{
    double sum = 0;

    for (unsigned long i = 0; i < scale; i++) {
        double v = (double)i * 0.001;

        sum += sin(v) * sqrt(v);
    }
    return result_float(sum);
}
