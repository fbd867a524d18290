/* Double precision multiply and add with strided loads: matrices of 300 by 300. */
#include "bench.h"

enum { N = 300 };

static double a[N][N], b[N][N], c[N][N];

KERNEL(scale, 12)
{
    double sum = 0;

    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            a[i][k] = (i * 7 + k * 3) % 11 * 0.25;
            b[i][k] = (i * 5 + k * 2) % 13 * 0.5;
        }
    }
    for (unsigned long round = 0; round < scale; round++) {
        for (int i = 0; i < N; i++) {
            for (int k = 0; k < N; k++) {
                double dot = 0;

                for (int j = 0; j < N; j++)
                    dot += a[i][j] * b[j][k];
                c[i][k] = dot;
            }
        }
        a[round % N][0] += c[0][round % N] * 1e-6;
    }
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++)
            sum += c[i][k] * (i + 2 * k);
    }
    return result_float(sum);
}
