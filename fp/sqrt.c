/*
 * Software floating point: square root.
 *
 * Owns: integer square roots by divide and conquer (P. Zimmermann, "Karatsuba Square Root"), and
 * the digit recurrence that extends them for f80 and f128.
 */
#include "fp/fp_int.h"

/* floor(sqrt(i << 8)) for i from 64. */
static const uint8_t root_table[192] = {
    128, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144,
    144, 145, 146, 147, 148, 149, 150, 150, 151, 152, 153, 154, 155, 155, 156, 157, 158, 159,
    160, 160, 161, 162, 163, 163, 164, 165, 166, 167, 167, 168, 169, 170, 170, 171, 172, 173,
    173, 174, 175, 176, 176, 177, 178, 178, 179, 180, 181, 181, 182, 183, 183, 184, 185, 185,
    186, 187, 187, 188, 189, 189, 190, 191, 192, 192, 193, 193, 194, 195, 195, 196, 197, 197,
    198, 199, 199, 200, 201, 201, 202, 203, 203, 204, 204, 205, 206, 206, 207, 208, 208, 209,
    209, 210, 211, 211, 212, 212, 213, 214, 214, 215, 215, 216, 217, 217, 218, 218, 219, 219,
    220, 221, 221, 222, 222, 223, 224, 224, 225, 225, 226, 226, 227, 227, 228, 229, 229, 230,
    230, 231, 231, 232, 232, 233, 234, 234, 235, 235, 236, 236, 237, 237, 238, 238, 239, 240,
    240, 241, 241, 242, 242, 243, 243, 244, 244, 245, 245, 246, 246, 247, 247, 248, 248, 249,
    249, 250, 250, 251, 251, 252, 252, 253, 253, 254, 254, 255,
};

/* Root of n, 2^14 <= n < 2^16. The table knows it but for the low byte, which adds one at most. */
static uint32_t root16(uint32_t n, uint32_t *rem)
{
    uint32_t root = root_table[(n >> 8) - 64];

    root += (root + 1) * (root + 1) <= n;
    *rem = n - root * root;
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
        rem -= t & (0 - (fp_u128)fits); /* no branch: the bits are random */
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
