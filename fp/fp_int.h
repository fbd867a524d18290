/*
 * Software floating point: the private core shared by the files of this folder.
 *
 * Owns: the format table, the unpacked number, rounding and packing. Every operation is written
 * once over `struct fp_format` and forced inline into six typed wrappers, where the format is a
 * constant and its tests fold away. Rare paths (NaNs, subnormal results, overflow) are calls.
 * Never knows: which guest asks.
 */
#ifndef FP_FP_INT_H
#define FP_FP_INT_H

#include "fp/fp.h"

typedef unsigned __int128 fp_u128; /* the one typedef: there is no struct to name */

#define FP_INLINE    static inline __attribute__((always_inline))
#define FP_COLD      __attribute__((cold, noinline))
#define fp_likely(x) __builtin_expect(!!(x), 1)

/* A finite significand is 1.xxx scaled so that its leading bit is this one. */
#define FP_LEAD 126

struct fp_format {
    uint8_t width; /* bits in all */
    uint8_t prec;  /* significand bits, integer bit included */
    uint8_t exp_bits;
    uint8_t explicit_int; /* the integer bit is stored (f80) */
    int32_t emax;         /* exponent of the largest finite number; also the bias */
    bool is_half;         /* f16: flushed by fz16 only, may be AHP in conversions */
};

static const struct fp_format fp_fmt_f16 = {16, 11, 5, 0, 15, true};
static const struct fp_format fp_fmt_bf16 = {16, 8, 8, 0, 127, false};
static const struct fp_format fp_fmt_f32 = {32, 24, 8, 0, 127, false};
static const struct fp_format fp_fmt_f64 = {64, 53, 11, 0, 1023, false};
static const struct fp_format fp_fmt_f80 = {80, 64, 15, 1, 16383, false};
static const struct fp_format fp_fmt_f128 = {128, 113, 15, 0, 16383, false};

enum fp_class {
    FP_ZERO,
    FP_FINITE, /* and not zero; subnormals are normalised */
    FP_INF,
    FP_QNAN, /* this and above are NaNs */
    FP_SNAN,
    FP_UNSUPPORTED, /* f80 encodings that no x87 since the 387 accepts */
};

struct fp_num {
    fp_u128 sig; /* finite: leading bit FP_LEAD; NaN: fraction, its top bit at FP_LEAD - 1 */
    int32_t exp; /* value = sig * 2^(exp - FP_LEAD) */
    bool sign;
    bool denorm; /* was encoded as a subnormal, and not flushed */
    uint8_t cls; /* enum fp_class */
};

/* Arithmetic and conversions differ for f16 only (FZ16, AHP). */
enum fp_use { FP_ARITH, FP_CONV };

#define FP_ONE   ((fp_u128)1)
#define FP_QUIET (FP_ONE << (FP_LEAD - 1))

FP_INLINE fp_u128 fp_mask(unsigned n)
{
    return (FP_ONE << n) - 1;
}

FP_INLINE int fp_emin(const struct fp_format *f)
{
    return 1 - f->emax;
}

/* Shift right; what falls out makes the lowest bit sticky. */
FP_INLINE fp_u128 fp_shift_right_jam(fp_u128 v, unsigned n)
{
    if (n == 0)
        return v;
    if (n >= 128)
        return v != 0;
    return v >> n | ((v << (128 - n)) != 0);
}

FP_INLINE unsigned fp_clz(fp_u128 v) /* v != 0 */
{
    uint64_t hi = (uint64_t)(v >> 64);

    return hi ? (unsigned)__builtin_clzll(hi) : 64 + (unsigned)__builtin_clzll((uint64_t)v);
}

/* Raw bits of each C type, and back. */
#define FP_BITS_INT(F, T)              \
    FP_INLINE fp_u128 fp_bits_##F(T v) \
    {                                  \
        return v;                      \
    }                                  \
    FP_INLINE T fp_from_##F(fp_u128 v) \
    {                                  \
        return (T)v;                   \
    }
FP_BITS_INT(f16, uint16_t)
FP_BITS_INT(bf16, uint16_t)
FP_BITS_INT(f32, uint32_t)
FP_BITS_INT(f64, uint64_t)

FP_INLINE fp_u128 fp_bits_f80(struct fp_f80 v)
{
    return (fp_u128)v.se << 64 | v.sig;
}

FP_INLINE struct fp_f80 fp_from_f80(fp_u128 v)
{
    return (struct fp_f80){.sig = (uint64_t)v, .se = (uint16_t)(v >> 64)};
}

FP_INLINE fp_u128 fp_bits_f128(struct fp_f128 v)
{
    return (fp_u128)v.hi << 64 | v.lo;
}

FP_INLINE struct fp_f128 fp_from_f128(fp_u128 v)
{
    return (struct fp_f128){.lo = (uint64_t)v, .hi = (uint64_t)(v >> 64)};
}

/* Encodings. `biased` is the exponent field, `q` the significand with its integer bit. */
FP_INLINE fp_u128 fp_pack(const struct fp_format *f, bool sign, unsigned biased, fp_u128 q)
{
    fp_u128 s = (fp_u128)sign << (f->width - 1);

    if (f->explicit_int)
        return s | (fp_u128)biased << 64 | q;
    return s | (((fp_u128)biased << (f->prec - 1)) + (q & fp_mask(f->prec - 1)));
}

FP_INLINE fp_u128 fp_zero(const struct fp_format *f, bool sign)
{
    return (fp_u128)sign << (f->width - 1);
}

FP_INLINE unsigned fp_biased_max(const struct fp_format *f)
{
    return (1u << f->exp_bits) - 1;
}

FP_INLINE fp_u128 fp_inf(const struct fp_format *f, bool sign)
{
    return fp_pack(f, sign, fp_biased_max(f), FP_ONE << (f->prec - 1));
}

FP_INLINE void fp_invalid(struct fp_ctx *c, enum fp_cause cause)
{
    c->flags |= FP_FLAG_INVALID;
    c->invalid_cause |= cause;
}

FP_INLINE void fp_denorm(struct fp_ctx *c, bool denorm)
{
    c->flags |= denorm ? FP_FLAG_DENORMAL : 0;
}

/* nan.c: the rules of NaN operands. `f` is the format of the result. */
FP_COLD fp_u128 fp_nan_default(const struct fp_format *f, const struct fp_ctx *c);
FP_COLD fp_u128 fp_nan_invalid(const struct fp_format *f, struct fp_ctx *c, enum fp_cause cause);
FP_COLD fp_u128 fp_nan1(const struct fp_format *f, struct fp_num a, struct fp_ctx *c);
FP_COLD fp_u128 fp_nan2(const struct fp_format *f, struct fp_num a, struct fp_num b,
                        struct fp_ctx *c);
FP_COLD fp_u128 fp_nan3(const struct fp_format *f, struct fp_num a, struct fp_num b,
                        struct fp_num addend, struct fp_ctx *c);

/* round.c: results out of the normal range, and operands in the subnormal range. */
FP_COLD fp_u128 fp_round_tiny(const struct fp_format *f, unsigned prec, bool sign, int exp,
                              fp_u128 sig, enum fp_round rm, struct fp_ctx *c, enum fp_use use);
FP_COLD fp_u128 fp_round_overflow(const struct fp_format *f, unsigned prec, bool sign,
                                  enum fp_round rm, struct fp_ctx *c, enum fp_use use);
FP_COLD struct fp_num fp_unpack_rare(const struct fp_format *f, fp_u128 raw, struct fp_ctx *c,
                                     enum fp_use use);

/* Takes a number apart; flushes subnormal operands and raises FP_FLAG_FLUSHED, nothing else. */
FP_INLINE struct fp_num fp_unpack(const struct fp_format *f, fp_u128 raw, struct fp_ctx *c,
                                  enum fp_use use)
{
    unsigned frac_bits = f->prec - 1u;
    unsigned biased = (unsigned)(raw >> (frac_bits + f->explicit_int)) & ((1u << f->exp_bits) - 1);
    struct fp_num n;

    if (fp_likely(biased - 1 < fp_biased_max(f) - 1) && (!f->explicit_int || (raw >> 63 & 1))) {
        n.sig = FP_ONE << FP_LEAD | (raw & fp_mask(frac_bits)) << (FP_LEAD - frac_bits);
        n.exp = (int32_t)biased - f->emax;
        n.sign = raw >> (f->width - 1) & 1;
        n.denorm = false;
        n.cls = FP_FINITE;
        return n;
    }
    if ((raw & ~(FP_ONE << (f->width - 1))) == 0) {
        n.sig = 0;
        n.exp = 0;
        n.sign = raw >> (f->width - 1) & 1;
        n.denorm = false;
        n.cls = FP_ZERO;
        return n;
    }
    return fp_unpack_rare(f, raw, c, use);
}

/* Whether the magnitude grows: `rem` of the bits cut off, `half` their middle, `odd` the last bit.
 */
FP_INLINE bool fp_round_grows(enum fp_round rm, bool sign, fp_u128 rem, fp_u128 half, bool odd)
{
    switch (rm) {
    case FP_RNE:
        return rem > half || (rem == half && odd);
    case FP_RTZ:
        return false;
    case FP_RDN:
        return sign && rem;
    case FP_RUP:
        return !sign && rem;
    case FP_RNA:
        return rem >= half;
    case FP_ODD:
        return rem && !odd;
    }
    return false;
}

/*
 * Rounds sig * 2^(exp - FP_LEAD) (leading bit at FP_LEAD, lowest bit sticky) to `prec` bits and
 * packs it.
 */
FP_INLINE fp_u128 fp_round_pack_to(const struct fp_format *f, unsigned prec, bool sign, int exp,
                                   fp_u128 sig, enum fp_round rm, struct fp_ctx *c, enum fp_use use)
{
    unsigned cut = FP_LEAD + 1 - prec;
    fp_u128 rem = sig & fp_mask(cut), q = sig >> cut;

    if (!fp_likely(exp >= fp_emin(f)))
        return fp_round_tiny(f, prec, sign, exp, sig, rm, c, use);
    if (rem) {
        c->flags |= FP_FLAG_INEXACT;
        if (fp_round_grows(rm, sign, rem, FP_ONE << (cut - 1), q & 1)) {
            c->flags |= FP_FLAG_ROUNDED_UP;
            q++;
            if (q >> prec) {
                q >>= 1;
                exp++;
            }
        }
    }
    if (!fp_likely(exp <= f->emax + (use == FP_CONV && f->is_half && c->ahp)))
        return fp_round_overflow(f, prec, sign, rm, c, use);
    return fp_pack(f, sign, (unsigned)(exp + f->emax), q << (f->prec - prec));
}

FP_INLINE fp_u128 fp_round_pack(const struct fp_format *f, bool sign, int exp, fp_u128 sig,
                                struct fp_ctx *c)
{
    return fp_round_pack_to(f, f->prec, sign, exp, sig, (enum fp_round)c->rm, c, FP_ARITH);
}

/* Precision of add, sub, mul, div and sqrt: x87's precision control applies to f80 only. */
FP_INLINE unsigned fp_arith_prec(const struct fp_format *f, const struct fp_ctx *c)
{
    if (f->explicit_int && c->f80_prec)
        return c->f80_prec;
    return f->prec;
}

/* Sign of an exact zero sum of numbers of unlike sign. */
FP_INLINE bool fp_zero_sum_sign(const struct fp_ctx *c)
{
    return c->rm == FP_RDN;
}

/* a + b, both finite and not zero. Exact up to the jam of bits far below the result's last. */
FP_INLINE fp_u128 fp_add_finite(const struct fp_format *f, unsigned prec, struct fp_num a,
                                struct fp_num b, struct fp_ctx *c)
{
    fp_u128 sum;
    unsigned n;

    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        struct fp_num t = a;

        a = b;
        b = t;
    }
    b.sig = fp_shift_right_jam(b.sig, (unsigned)(a.exp - b.exp));
    if (a.sign == b.sign) {
        sum = a.sig + b.sig;
        n = (unsigned)(sum >> (FP_LEAD + 1));
        sum = sum >> n | (sum & n);
        a.exp += (int)n;
    } else {
        sum = a.sig - b.sig;
        if (sum == 0)
            return fp_zero(f, fp_zero_sum_sign(c));
        n = fp_clz(sum) - (127 - FP_LEAD);
        sum <<= n;
        a.exp -= (int)n;
    }
    return fp_round_pack_to(f, prec, a.sign, a.exp, sum, (enum fp_round)c->rm, c, FP_ARITH);
}

/* 128 x 128 -> 256 bits. */
FP_INLINE fp_u128 fp_mul_wide(fp_u128 a, fp_u128 b, fp_u128 *lo)
{
    uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64);
    uint64_t b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
    fp_u128 p00 = (fp_u128)a0 * b0, p01 = (fp_u128)a0 * b1;
    fp_u128 p10 = (fp_u128)a1 * b0, p11 = (fp_u128)a1 * b1;
    fp_u128 mid = (p00 >> 64) + (uint64_t)p01 + (uint64_t)p10;

    *lo = mid << 64 | (uint64_t)p00;
    return p11 + (p01 >> 64) + (p10 >> 64) + (mid >> 64);
}

/*
 * The product of two finite numbers, its significand jammed into 128 bits. Exact when
 * 2 * prec <= 127 (so not for f80 and f128). Normalised.
 */
FP_INLINE struct fp_num fp_mul_finite(const struct fp_format *f, struct fp_num a, struct fp_num b)
{
    struct fp_num r = {.cls = FP_FINITE, .sign = a.sign ^ b.sign};
    unsigned n;

    if (f->prec <= 64) { /* significands of 64 bits, leading bit 63 */
        r.sig = (fp_u128)(uint64_t)(a.sig >> 63) * (uint64_t)(b.sig >> 63);
    } else {
        fp_u128 lo, hi = fp_mul_wide(a.sig, b.sig, &lo);

        r.sig = hi << 2 | lo >> 126 | ((lo << 2) != 0);
    }
    n = (unsigned)(r.sig >> (FP_LEAD + 1));
    r.sig = r.sig >> n | (r.sig & n);
    r.exp = a.exp + b.exp + (int)n;
    return r;
}

#endif
