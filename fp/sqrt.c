/*
 * Software floating point: square root.
 *
 * Owns: integer square roots by divide and conquer (P. Zimmermann, "Karatsuba Square Root"), and
 * the digit recurrence that extends them for f80 and f128.
 */
#include "fp/fp_int.h"

/* Root of n, 2^14 <= n < 2^16; digit by digit. */
static uint32_t root16(uint32_t n, uint32_t *rem)
{
    uint32_t root = 0, r = n;

    for (uint32_t bit = 1u << 7; bit; bit >>= 1) {
        uint32_t t = (2 * root + bit) * bit;

        if (r >= t) {
            r -= t;
            root += bit;
        }
    }
    *rem = r;
    return root;
}

/* Each takes n with one of its two top bits set, and gives the root and n - root^2. */
static uint32_t root32(uint32_t n, uint32_t *rem)
{
    uint32_t r1, s1 = root16(n >> 16, &r1);
    uint32_t t = r1 << 8 | (n >> 8 & 0xff);
    uint32_t q = t / (2 * s1), u = t % (2 * s1);
    uint32_t s = (s1 << 8) + q;
    int64_t r = ((int64_t)u << 8) + (n & 0xff) - (int64_t)q * q;

    if (r < 0) {
        r += 2 * (int64_t)s - 1;
        s--;
    }
    *rem = (uint32_t)r;
    return s;
}

static uint64_t root64(uint64_t n, uint64_t *rem)
{
    uint32_t r1, s1 = root32((uint32_t)(n >> 32), &r1);
    uint64_t t = (uint64_t)r1 << 16 | (n >> 16 & 0xffff);
    uint64_t q = t / (2 * (uint64_t)s1), u = t % (2 * (uint64_t)s1);
    uint64_t s = ((uint64_t)s1 << 16) + q;
    int64_t r = (int64_t)((u << 16) + (n & 0xffff)) - (int64_t)(q * q);

    if (r < 0) {
        r += 2 * (int64_t)s - 1;
        s--;
    }
    *rem = (uint64_t)r;
    return s;
}

static fp_u128 root128(fp_u128 n, fp_u128 *rem)
{
    uint64_t r1, s1 = root64((uint64_t)(n >> 64), &r1);
    uint64_t low = (uint64_t)n;
    /* (r1 * 2^32 + digit) / (2 * s1), where the dividend has 65 bits: halve both. */
    uint64_t t = r1 << 31 | low >> 33;
    uint64_t q = t / s1, u = (t % s1) << 1 | (low >> 32 & 1);
    fp_u128 s = ((fp_u128)s1 << 32) + q;
    __int128 r = (__int128)((fp_u128)u << 32) + (uint32_t)low - (__int128)((fp_u128)q * q);

    if (r < 0) {
        r += 2 * (__int128)s - 1;
        s--;
    }
    *rem = (fp_u128)r;
    return s;
}

/* Root of sig / 2^126 as a significand, 1 <= sig / 2^126 < 4, good to prec + 2 bits and sticky. */
FP_INLINE fp_u128 root_sig(const struct fp_format *f, fp_u128 sig)
{
    unsigned bits = 64, want = f->prec + 2u;
    fp_u128 rem, root;

    if (f->prec <= 30) {
        uint64_t rem64, root64_ = root64((uint64_t)(sig >> 64), &rem64);

        return (fp_u128)root64_ << (FP_LEAD - 31) | (rem64 != 0);
    }
    root = root128(sig, &rem);
    for (; bits < want; bits++) {
        fp_u128 t = 4 * root + 1;
        bool fits;

        rem <<= 2;
        fits = rem >= t;
        rem -= fits ? t : 0;
        root = root << 1 | fits;
    }
    return root << (FP_LEAD + 1 - bits) | (rem != 0);
}

FP_INLINE fp_u128 sqrt_op(const struct fp_format *f, fp_u128 x, struct fp_ctx *c)
{
    struct fp_num a = fp_unpack(f, x, c, FP_ARITH);
    unsigned odd = (unsigned)a.exp & 1;

    if (a.cls >= FP_QNAN)
        return fp_nan1(f, a, c);
    if (a.cls == FP_ZERO)
        return fp_zero(f, a.sign);
    if (a.sign)
        return fp_nan_invalid(f, c, FP_CAUSE_SQRT);
    if (a.cls == FP_INF)
        return fp_inf(f, false);
    fp_denorm(c, a.denorm);
    return fp_round_pack_to(f, fp_arith_prec(f, c), false, (a.exp - (int)odd) / 2,
                            root_sig(f, a.sig << odd), (enum fp_round)c->rm, c, FP_ARITH);
}

#define SQRT(F, T)                                                   \
    T fp_##F##_sqrt(T a, struct fp_ctx *c)                           \
    {                                                                \
        return fp_from_##F(sqrt_op(&fp_fmt_##F, fp_bits_##F(a), c)); \
    }
FP_FORMATS(SQRT)
