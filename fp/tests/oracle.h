/*
 * The slow and obvious floating point that the library is compared with: exact integers of 1,024
 * bits, one rounding at the end. Finite operands only. Shares nothing with the library.
 */
#ifndef FP_TESTS_ORACLE_H
#define FP_TESTS_ORACLE_H

#include <string.h>

#include "fp/fp.h"
#include "operands.h"

#define LIMBS 16

struct big {
    uint64_t w[LIMBS];
};

static inline struct big big_from(u128 v)
{
    return (struct big){.w = {(uint64_t)v, (uint64_t)(v >> 64)}};
}

static inline int big_top(const struct big *b) /* number of the highest bit, -1 for zero */
{
    for (int i = LIMBS - 1; i >= 0; i--)
        if (b->w[i])
            return 64 * i + 63 - __builtin_clzll(b->w[i]);
    return -1;
}

static inline bool big_bit(const struct big *b, int n)
{
    return n >= 0 && n < 64 * LIMBS && (b->w[n / 64] >> (n % 64) & 1);
}

static inline bool big_any_below(const struct big *b, int n)
{
    for (int i = 0; i < LIMBS && i * 64 < n; i++)
        if (n - i * 64 >= 64 ? b->w[i] : b->w[i] << (64 - (n - i * 64)))
            return true;
    return false;
}

static inline struct big big_shl(struct big b, int n)
{
    struct big r = {{0}};

    for (int i = LIMBS - 1; i >= n / 64; i--) {
        r.w[i] = b.w[i - n / 64] << (n % 64);
        if (n % 64 && i - n / 64 > 0)
            r.w[i] |= b.w[i - n / 64 - 1] >> (64 - n % 64);
    }
    return r;
}

static inline u128 big_shr_low(const struct big *b, int n) /* low 128 bits of b >> n */
{
    u128 r = 0;

    for (int i = 0; i < 128; i++)
        r |= (u128)big_bit(b, n + i) << i;
    return r;
}

static inline int big_cmp(const struct big *a, const struct big *b)
{
    for (int i = LIMBS - 1; i >= 0; i--)
        if (a->w[i] != b->w[i])
            return a->w[i] < b->w[i] ? -1 : 1;
    return 0;
}

static inline struct big big_add(struct big a, struct big b)
{
    u128 carry = 0;

    for (int i = 0; i < LIMBS; i++) {
        carry += (u128)a.w[i] + b.w[i];
        a.w[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return a;
}

static inline struct big big_sub(struct big a, struct big b)
{
    for (int i = 0; i < LIMBS; i++)
        b.w[i] = ~b.w[i];
    return big_add(big_add(a, b), big_from(1));
}

static inline struct big big_mul(u128 a, u128 b)
{
    struct big r = {{0}};

    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            r = big_add(r,
                        big_shl(big_from((u128)(uint64_t)(a >> 64 * i) * (uint64_t)(b >> 64 * j)),
                                64 * (i + j)));
    return r;
}

struct exact { /* (-1)^sign * n * 2^exp, and a little more when sticky */
    bool sign, sticky;
    struct big n;
    int exp;
};

static inline struct exact exact_from(const struct shape *s, u128 raw)
{
    unsigned max = (1u << s->exp_bits) - 1, exp = exp_of(s, raw);
    u128 frac = raw & (((u128)1 << (s->frac_bits + s->int_bit)) - 1);
    struct exact r = {.sign = raw >> (s->frac_bits + s->int_bit + s->exp_bits) & 1};

    if (exp && !s->int_bit)
        frac |= (u128)1 << s->frac_bits;
    r.n = big_from(frac);
    r.exp = (int)(exp ? exp : 1) - (int)(max / 2) - (int)s->frac_bits;
    return r;
}

static inline bool shape_finite(const struct shape *s, u128 raw)
{
    return exp_of(s, raw) != (1u << s->exp_bits) - 1;
}

/* n >> shift, rounded. *inexact tells; shift may be negative when the value is exact. */
static inline u128 exact_quantise(const struct exact *v, int shift, enum fp_round rm, bool *inexact)
{
    bool half, rest, up = false;
    u128 q;

    if (shift <= 0) {
        struct big n = big_shl(v->n, -shift);

        *inexact = v->sticky;
        return big_shr_low(&n, 0);
    }
    q = big_shr_low(&v->n, shift);
    half = big_bit(&v->n, shift - 1);
    rest = big_any_below(&v->n, shift - 1 > 64 * LIMBS ? 64 * LIMBS : shift - 1) || v->sticky;
    *inexact = half || rest;
    if (rm == FP_RNE)
        up = half && (rest || (q & 1));
    else if (rm == FP_RNA)
        up = half;
    else if (rm == FP_RUP)
        up = *inexact && !v->sign;
    else if (rm == FP_RDN)
        up = *inexact && v->sign;
    else if (rm == FP_ODD)
        up = *inexact && !(q & 1);
    return q + up;
}

static inline u128 exact_inf(const struct shape *s, bool sign)
{
    return encode(s, sign, (1u << s->exp_bits) - 1, 0);
}

/* Rounds to a format; v is not zero. flush: tiny results as in Arm (1) or x86 (2). */
static inline u128 exact_round(const struct shape *s, const struct exact *v, enum fp_round rm,
                               bool tiny_after, int flush, unsigned *flags)
{
    int bias = (1 << (s->exp_bits - 1)) - 1, emin = 1 - bias, p = (int)s->frac_bits + 1;
    int top = big_top(&v->n) + v->exp; /* exponent of the value */
    int last = (top < emin ? emin : top) - (p - 1);
    bool inexact, tiny = top < emin;
    u128 q;

    if (tiny && flush == 1) {
        *flags |= FP_FLAG_UNDERFLOW;
        return encode(s, v->sign, 0, 0);
    }
    if (tiny && tiny_after) {
        q = exact_quantise(v, top - (p - 1) - v->exp, rm, &inexact);
        tiny = !(top == emin - 1 && q >> p);
    }
    if (tiny && flush == 2) {
        *flags |= FP_FLAG_UNDERFLOW | FP_FLAG_INEXACT;
        return encode(s, v->sign, 0, 0);
    }
    q = exact_quantise(v, last - v->exp, rm, &inexact);
    if (q >> p) {
        q >>= 1;
        last++;
    }
    if (inexact)
        *flags |= FP_FLAG_INEXACT | (tiny ? FP_FLAG_UNDERFLOW : 0);
    if (last + p - 1 > bias) {
        *flags |= FP_FLAG_OVERFLOW | FP_FLAG_INEXACT;
        if (rm == FP_RNE || rm == FP_RNA || rm == (v->sign ? FP_RDN : FP_RUP))
            return exact_inf(s, v->sign);
        return encode(s, v->sign, 2 * (unsigned)bias, ((u128)1 << (p - 1)) - 1);
    }
    if (!(q >> (p - 1))) /* subnormal or zero */
        return encode(s, v->sign, 0, q);
    return encode(s, v->sign, (unsigned)(last + p - 1 + bias), q & (((u128)1 << (p - 1)) - 1));
}

/* a + b. A far smaller operand becomes a sticky unit far below the last place. */
static inline struct exact exact_add(struct exact a, struct exact b, enum fp_round rm)
{
    int c;

    if (big_top(&a.n) < 0 || big_top(&b.n) < 0) {
        struct exact *z = big_top(&a.n) < 0 ? &b : &a;

        if (big_top(&z->n) < 0)
            z->sign = a.sign == b.sign ? a.sign : rm == FP_RDN;
        return *z;
    }
    if (a.exp < b.exp) {
        struct exact t = a;

        a = b, b = t;
    }
    if (a.exp - b.exp > 600) {
        b.n = big_from(1);
        b.exp = a.exp - 600;
    }
    a.n = big_shl(a.n, a.exp - b.exp);
    a.exp = b.exp;
    c = big_cmp(&a.n, &b.n);
    if (a.sign == b.sign) {
        a.n = big_add(a.n, b.n);
    } else if (c >= 0) {
        a.n = big_sub(a.n, b.n);
        if (c == 0)
            a.sign = rm == FP_RDN;
    } else {
        a.n = big_sub(b.n, a.n);
        a.sign = b.sign;
    }
    return a;
}

static inline struct exact exact_mul(struct exact a, struct exact b)
{
    a.n = big_mul(big_shr_low(&a.n, 0), big_shr_low(&b.n, 0));
    a.sign ^= b.sign;
    a.exp += b.exp;
    return a;
}

static inline struct exact exact_div(struct exact a, struct exact b) /* b not zero */
{
    u128 d = big_shr_low(&b.n, 0), r = 0;
    struct big q = {{0}};

    for (int i = 127; i >= -240; i--) {
        r = r << 1 | (i >= 0 && big_bit(&a.n, i));
        q = big_shl(q, 1);
        if (r >= d) {
            r -= d;
            q.w[0] |= 1;
        }
    }
    return (struct exact){
        .sign = a.sign ^ b.sign, .sticky = r != 0, .n = q, .exp = a.exp - b.exp - 240};
}

static inline struct exact exact_sqrt(struct exact a) /* a > 0 */
{
    int shift = 239 - big_top(&a.n);
    struct big n, sq;
    u128 root = 0;

    shift += (a.exp - shift) & 1;
    n = big_shl(a.n, shift);
    for (int i = 120; i >= 0; i--) {
        u128 t = root | (u128)1 << i;

        sq = big_mul(t, t);
        if (big_cmp(&sq, &n) <= 0)
            root = t;
    }
    sq = big_mul(root, root);
    return (struct exact){
        .n = big_from(root), .exp = (a.exp - shift) / 2, .sticky = big_cmp(&sq, &n) != 0};
}

/* IEEE remainder; exponents not more than 600 apart, b not zero. */
static inline struct exact exact_rem(struct exact a, struct exact b)
{
    int exp = a.exp < b.exp ? a.exp : b.exp;
    struct big r = {{0}}, twice;
    bool odd = false, sign = a.sign;
    int c;

    a.n = big_shl(a.n, a.exp - exp);
    b.n = big_shl(b.n, b.exp - exp);
    for (int i = big_top(&a.n); i >= 0; i--) {
        r = big_shl(r, 1);
        r.w[0] |= big_bit(&a.n, i);
        odd = big_cmp(&r, &b.n) >= 0;
        if (odd)
            r = big_sub(r, b.n);
    }
    twice = big_shl(r, 1);
    c = big_cmp(&twice, &b.n);
    if (c > 0 || (c == 0 && odd)) {
        r = big_sub(b.n, r);
        sign = !sign;
    }
    if (big_top(&r) < 0)
        sign = a.sign;
    return (struct exact){.sign = sign, .n = r, .exp = exp};
}

#endif
