/* Double precision, square roots, divisions: five bodies under gravity. */
#include <math.h>

#include "bench.h"

enum { BODIES = 5 };

struct body {
    double x[3], v[3], mass;
};

static void advance(struct body *b, double dt)
{
    for (int i = 0; i < BODIES; i++) {
        for (int k = i + 1; k < BODIES; k++) {
            double d[3], square = 0, scale;

            for (int a = 0; a < 3; a++) {
                d[a] = b[i].x[a] - b[k].x[a];
                square += d[a] * d[a];
            }
            scale = dt / (square * sqrt(square));
            for (int a = 0; a < 3; a++) {
                b[i].v[a] -= d[a] * b[k].mass * scale;
                b[k].v[a] += d[a] * b[i].mass * scale;
            }
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int a = 0; a < 3; a++)
            b[i].x[a] += dt * b[i].v[a];
    }
}

static double energy(const struct body *b)
{
    double e = 0;

    for (int i = 0; i < BODIES; i++) {
        for (int a = 0; a < 3; a++)
            e += 0.5 * b[i].mass * b[i].v[a] * b[i].v[a];
        for (int k = i + 1; k < BODIES; k++) {
            double square = 0;

            for (int a = 0; a < 3; a++)
                square += (b[i].x[a] - b[k].x[a]) * (b[i].x[a] - b[k].x[a]);
            e -= b[i].mass * b[k].mass / sqrt(square);
        }
    }
    return e;
}

KERNEL(scale, 4000000)
{
    struct body b[BODIES] = {
        {{0, 0, 0}, {0, 0, 0}, 39.5},
        {{4.8, -1.2, -0.1}, {0.6, 2.8, -0.02}, 0.0377},
        {{8.3, 4.1, -0.4}, {-1.0, 1.8, 0.008}, 0.0113},
        {{12.9, -15.1, -0.2}, {1.1, 0.9, -0.01}, 0.0017},
        {{15.4, -25.9, 0.2}, {1.0, 0.6, -0.03}, 0.0020},
    };

    for (unsigned long i = 0; i < scale; i++)
        advance(b, 0.001);
    return result_float(energy(b));
}
