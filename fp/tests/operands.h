/*
 * Operands for the floating-point tests: special values, and random ones with the structure that
 * finds rounding mistakes (exponents at the ends and close to each other, long runs of equal bits,
 * single bits, neighbours of powers of two). Deterministic.
 */
#ifndef FP_TESTS_OPERANDS_H
#define FP_TESTS_OPERANDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

typedef unsigned __int128 u128;

struct shape { /* of a format */
    unsigned exp_bits, frac_bits;
    bool int_bit; /* f80's, between exponent and fraction */
};

static const struct shape shape_f16 = {5, 10, false};
static const struct shape shape_bf16 = {8, 7, false};
static const struct shape shape_f32 = {8, 23, false};
static const struct shape shape_f64 = {11, 52, false};
static const struct shape shape_f80 = {15, 63, true};
static const struct shape shape_f128 = {15, 112, false};

struct rng {
    uint64_t s;
};

static inline uint64_t rng_next(struct rng *r) /* splitmix64 */
{
    uint64_t z = (r->s += 0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline unsigned rng_below(struct rng *r, unsigned n)
{
    return (unsigned)((rng_next(r) >> 32) * n >> 32);
}

static inline u128 rng_frac(struct rng *r, unsigned bits)
{
    u128 ones = ((u128)1 << bits) - 1, v = (u128)rng_next(r) << 64 | rng_next(r);
    unsigned i = rng_below(r, bits), j = rng_below(r, bits + 1);

    switch (rng_below(r, 10)) {
    case 0:
        return 0;
    case 1:
        return ones;
    case 2:
        return (u128)1 << i;
    case 3:
        return ones ^ (u128)1 << i;
    case 4:
        return ones >> j;
    case 5:
        return (ones << j) & ones;
    case 6: /* random head, empty tail */
        return (v << j) & ones;
    case 7: /* random tail */
        return (v & ones) >> j;
    default:
        return v & ones;
    }
}

static inline u128 encode(const struct shape *s, bool sign, unsigned exp, u128 frac)
{
    u128 v = frac | (u128)(s->int_bit && exp) << s->frac_bits;

    v |= (u128)exp << (s->frac_bits + s->int_bit);
    return v | (u128)sign << (s->frac_bits + s->int_bit + s->exp_bits);
}

static inline unsigned exp_of(const struct shape *s, u128 v)
{
    return (unsigned)(v >> (s->frac_bits + s->int_bit)) & ((1u << s->exp_bits) - 1);
}

/* One operand; `near` (or 0) is another whose exponent it may follow. */
static inline u128 rng_operand(struct rng *r, const struct shape *s, u128 near)
{
    unsigned max = (1u << s->exp_bits) - 1, bias = max / 2, exp;
    uint64_t pick = rng_next(r);

    switch (pick % 16) {
    case 0:
        exp = 0;
        break;
    case 1:
        exp = 1 + rng_below(r, 3);
        break;
    case 2:
        exp = max - 1 - rng_below(r, 3);
        break;
    case 3:
        exp = pick >> 60 == 0 ? max : max - 1;
        break;
    case 4:
    case 5:
    case 6:
        exp = bias + rng_below(r, 8) - 4;
        break;
    case 7: /* about where integers end */
        exp = bias + rng_below(r, 70);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
        exp = exp_of(s, near) + rng_below(r, 2 * s->frac_bits + 6) - s->frac_bits - 3;
        break;
    case 13: /* the product is about the least normal or the greatest */
        exp = (pick >> 62 & 1 ? bias : 3 * bias) - exp_of(s, near) + rng_below(r, 8) - 4;
        break;
    default:
        exp = rng_below(r, max + 1);
        break;
    }
    return encode(s, pick >> 63, exp & max, rng_frac(r, s->frac_bits));
}

/* Special operands, both signs; returns how many (at most 64). */
static inline unsigned specials(const struct shape *s, u128 out[64])
{
    unsigned max = (1u << s->exp_bits) - 1, bias = max / 2, n = 0, fb = s->frac_bits;
    u128 ones = ((u128)1 << fb) - 1, q = (u128)1 << (fb - 1);

    for (unsigned sign = 0; sign < 2; sign++) {
        out[n++] = encode(s, sign, 0, 0);
        out[n++] = encode(s, sign, 0, 1);
        out[n++] = encode(s, sign, 0, q);
        out[n++] = encode(s, sign, 0, ones);
        out[n++] = encode(s, sign, 1, 0);
        out[n++] = encode(s, sign, 1, 1);
        out[n++] = encode(s, sign, 2, 0);
        out[n++] = encode(s, sign, bias - 1, ones);
        out[n++] = encode(s, sign, bias - 1, 0);
        out[n++] = encode(s, sign, bias, 0);
        out[n++] = encode(s, sign, bias, 1);
        out[n++] = encode(s, sign, bias, q);
        out[n++] = encode(s, sign, bias + 1, 0);
        out[n++] = encode(s, sign, bias + 1, q);
        out[n++] = encode(s, sign, max - 1, 0);
        out[n++] = encode(s, sign, max - 1, ones);
        out[n++] = encode(s, sign, max, 0);
        out[n++] = encode(s, sign, max, 1);            /* signalling */
        out[n++] = encode(s, sign, max, q - 1);        /* signalling */
        out[n++] = encode(s, sign, max, (q >> 1) + 2); /* signalling */
        out[n++] = encode(s, sign, max, q);
        out[n++] = encode(s, sign, max, q | 5);
        out[n++] = encode(s, sign, max, ones);
    }
    return n;
}

/* How often a random case runs: more with MYNA_LONG=1. */
static inline unsigned long rounds(unsigned long n)
{
    const char *e = getenv("MYNA_LONG");

    return e && *e == '1' ? n * 12 : n;
}

#endif
