/*
 * Software floating point: the contract.
 *
 * Owns: IEEE 754 arithmetic on bit patterns, bit for bit, in six formats, with the result and flag
 * rules of several architectures selected by data. Never knows: any guest's registers, the IR, the
 * host's floating-point unit (no host floating-point type occurs in the library).
 *
 * Threads: every function is pure but for `*c`; a context belongs to one thread at a time.
 * Errors: none. Each input has a defined result; mistakes of a guest become flags in `c->flags`.
 * Sources: IEEE 754-2008/2019; Arm ARM (DDI 0487) shared/functions/float; Intel SDM vol. 1 ch. 4,
 * 8, 11, 14; RISC-V unprivileged ISA ch. F, D, Zfh, V; Power ISA book I ch. 4; MIPS64 vol. I;
 * SPARC V9 annex B.
 */
#ifndef FP_FP_H
#define FP_FP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Formats. f16, bf16, f32 and f64 are plain unsigned integers holding the bit pattern.
 * f80 is x87 extended (explicit integer bit); f128 is IEEE binary128.
 */
struct fp_f80 {
    uint64_t sig; /* integer bit and fraction */
    uint16_t se;  /* sign in bit 15, biased exponent below */
};

struct fp_f128 {
    uint64_t lo, hi; /* sign is bit 63 of hi */
};

/* X(name, C type) for every format. */
#define FP_FORMATS(X)     \
    X(f16, uint16_t)      \
    X(bf16, uint16_t)     \
    X(f32, uint32_t)      \
    X(f64, uint64_t)      \
    X(f80, struct fp_f80) \
    X(f128, struct fp_f128)

/* Rounding. The first five have the numbers of RISC-V's frm. */
enum fp_round {
    FP_RNE = 0, /* to nearest, ties to even */
    FP_RTZ = 1, /* toward zero */
    FP_RDN = 2, /* toward -infinity */
    FP_RUP = 3, /* toward +infinity */
    FP_RNA = 4, /* to nearest, ties away from zero */
    FP_ODD = 5, /* an inexact result gets an odd last bit (von Neumann); never overflows to inf */
};

/*
 * Sticky flags, only ever set by the library. Bits 0-4 and 7 are those of Arm's FPSR, so that
 * FPSR = flags & FP_FLAGS_ARM; see fp_flags_to_riscv() and fp_flags_to_x86() for the others.
 */
enum fp_flag {
    FP_FLAG_INVALID = 0x01,
    FP_FLAG_DIVZERO = 0x02,
    FP_FLAG_OVERFLOW = 0x04,
    FP_FLAG_UNDERFLOW = 0x08,
    FP_FLAG_INEXACT = 0x10,
    FP_FLAG_DENORMAL = 0x20,   /* a subnormal operand was used as it is (x86 DE) */
    FP_FLAG_ROUNDED_UP = 0x40, /* the last rounding grew the magnitude (x87 C1); clear before use */
    FP_FLAG_FLUSHED = 0x80,    /* a subnormal operand was replaced by zero (Arm IDC) */
};
#define FP_FLAGS_IEEE 0x1f
#define FP_FLAGS_ARM  0x9f

/* Why FP_FLAG_INVALID was raised; sticky in fp_ctx.invalid_cause (Power FPSCR VX*). */
enum fp_cause {
    FP_CAUSE_SNAN = 0x01,    /* signalling NaN operand, or unsupported f80 encoding */
    FP_CAUSE_INF_SUB = 0x02, /* inf - inf */
    FP_CAUSE_INF_DIV = 0x04, /* inf / inf */
    FP_CAUSE_ZERO_DIV = 0x08,
    FP_CAUSE_INF_MUL = 0x10, /* inf * 0 */
    FP_CAUSE_COMPARE = 0x20, /* quiet NaN in a signalling comparison */
    FP_CAUSE_SQRT = 0x40,    /* sqrt or rsqrt of a negative number; remainder(inf, y), (x, 0) */
    FP_CAUSE_CONVERT = 0x80, /* conversion to an integer, or to AHP, out of range */
};

/*
 * Which NaN a NaN-valued operation gives, and the shape of NaNs.
 * "s" below: a signalling NaN is quieted by setting the top fraction bit.
 */
enum fp_nan_rule {
    FP_NAN_ARM,         /* first signalling, then first quiet; fma order addend, a, b;
                           inf*0 + quiet NaN is the default NaN; default +, 0x7fc00000 */
    FP_NAN_RISCV,       /* always the default NaN; default + */
    FP_NAN_X86,         /* SSE/AVX: first NaN of a, b, addend; inf*0 + quiet NaN is that NaN and
                           raises nothing; default - (0xffc00000) */
    FP_NAN_X87,         /* the larger significand, a quiet NaN before a signalling; default - */
    FP_NAN_PPC,         /* first NaN of a, addend, b; default + */
    FP_NAN_MIPS_LEGACY, /* quiet bit inverted; a signalling operand gives the default NaN
                           (0x7fbfffff), else first quiet; inf*0 + NaN is the default NaN */
    FP_NAN_MIPS_2008,   /* first signalling, then first quiet; fma order addend, a, b */
    FP_NAN_SPARC,       /* signalling first, then quiet, second operand before the first (addend,
                           b, a); default + all ones (0x7fffffff) */
    FP_NAN_RULES
};

/* Flushing of subnormals. Never applies to f16, which has fp_ctx.fz16. */
enum fp_flush {
    FP_FLUSH_NONE,
    FP_FLUSH_ARM, /* results: tiny before rounding gives zero, underflow and no inexact.
                     operands: zero of the same sign, raises FP_FLAG_FLUSHED */
    FP_FLUSH_X86, /* results: tiny (as tiny_after says) gives zero, underflow and inexact.
                     operands: zero of the same sign, silently */
};

/* Environment of an operation. Zero-initialised: Arm, nearest even, nothing flushed. */
struct fp_ctx {
    uint8_t rm;            /* enum fp_round */
    uint8_t flags;         /* enum fp_flag, or-ed */
    uint8_t nan_rule;      /* enum fp_nan_rule */
    uint8_t tiny_after;    /* 1: tininess is detected after rounding (x86, RISC-V); 0: before */
    uint8_t ftz;           /* enum fp_flush: results */
    uint8_t daz;           /* enum fp_flush: operands */
    uint8_t fz16;          /* 1: f16 arithmetic flushes operands and results as FP_FLUSH_ARM but
                              without FP_FLAG_FLUSHED (FPCR.FZ16); conversions ignore it */
    uint8_t default_nan;   /* 1: a NaN result is always the default NaN (FPCR.DN) */
    uint8_t ahp;           /* 1: f16 is Arm's alternative half precision, in conversions only */
    uint8_t f80_prec;      /* x87 precision control for f80 add sub mul div sqrt: 24, 53, or 0/64 */
    uint8_t invalid_cause; /* enum fp_cause, or-ed */
    uint8_t pad;
};

/* A context for an architecture's default environment: nearest even, no flag, no flush. */
static inline struct fp_ctx fp_ctx_make(enum fp_nan_rule rule)
{
    struct fp_ctx c = {.nan_rule = (uint8_t)rule};

    c.tiny_after = rule == FP_NAN_RISCV || rule == FP_NAN_X86 || rule == FP_NAN_X87 ||
                   rule == FP_NAN_MIPS_2008 || rule == FP_NAN_MIPS_LEGACY;
    return c;
}

/* Result of a comparison. */
enum fp_rel { FP_LESS = -1, FP_EQUAL = 0, FP_GREATER = 1, FP_UNORDERED = 2 };

/* Kinds of minimum and maximum. All but the x86 pair order -0 below +0. */
enum fp_minmax {
    FP_MIN, /* a NaN operand gives a NaN (Arm FMIN; IEEE 2019 minimum) */
    FP_MAX,
    FP_MINNUM_2008, /* a quiet NaN loses to a number; a signalling NaN gives a NaN (Arm FMINNM) */
    FP_MAXNUM_2008,
    FP_MINNUM_2019, /* any NaN loses to a number; signalling raises invalid (RISC-V fmin) */
    FP_MAXNUM_2019,
    FP_MINMAG_2008, /* as MINNUM_2008 by magnitude (MIPS MINA); equal magnitudes: as MINNUM_2008 */
    FP_MAXMAG_2008,
    FP_MIN_X86, /* a < b ? a : b; any NaN raises invalid and gives b; equal zeros give b */
    FP_MAX_X86,
};

/* What a conversion to an integer gives when it is invalid (NaN or out of range). */
enum fp_int_rule {
    FP_INT_ARM,   /* saturate; NaN gives 0 (also MIPS 2008) */
    FP_INT_RISCV, /* saturate; NaN gives the largest value */
    FP_INT_X86,   /* integer indefinite: signed the smallest, unsigned all ones */
    FP_INT_PPC,   /* saturate; NaN gives the smallest value */
    FP_INT_MIPS,  /* legacy: always the largest value */
    FP_INT_SPARC, /* saturate; NaN by its sign */
};

/*
 * Operations of each format F with C type T.
 *
 *  add sub mul div   a op b.
 *  mulx              Arm FMULX: mul, but inf*0 is 2.0 with the product's sign, and no flag.
 *  sqrt
 *  fma               a * b + addend, one rounding. Negated forms: the caller flips sign bits (Arm
 *                    flips those of NaNs too, x86 and Power do not).
 *  rem               IEEE remainder: a - b * n, n = a/b to nearest even. Always exact.
 *  scalbn            a * 2^n, one rounding.
 *  cmp / cmps        quiet (raises invalid for signalling NaNs) / signalling (for any NaN).
 *  minmax
 *  rint              to an integral value in the same format, by `rm`; raises inexact only when
 *                    `exact` is set.
 *  to_sint/to_uint   floor-like conversion by `rm` of a * 2^frac to `bits` (8..64) wide integers.
 *                    Unsigned results are zero-extended, signed ones sign-extended. Raises invalid
 *                    (alone) when the rounded value does not fit.
 *  from_sint/_uint   v / 2^frac (frac 0..64), rounded by c->rm.
 *  class_riscv       RISC-V fclass mask, bits 0..9: -inf -normal -subnormal -0 +0 +subnormal
 *                    +normal +inf sNaN qNaN. (Unsupported f80 encodings count as sNaN.)
 *  is_nan, is_snan   is_snan obeys c->nan_rule (MIPS legacy inverts the quiet bit).
 *  default_nan       the rule's default NaN.
 */
#define FP_DECLARE_OPS(F, T)                                                       \
    T fp_##F##_add(T a, T b, struct fp_ctx *c);                                    \
    T fp_##F##_sub(T a, T b, struct fp_ctx *c);                                    \
    T fp_##F##_mul(T a, T b, struct fp_ctx *c);                                    \
    T fp_##F##_mulx(T a, T b, struct fp_ctx *c);                                   \
    T fp_##F##_div(T a, T b, struct fp_ctx *c);                                    \
    T fp_##F##_sqrt(T a, struct fp_ctx *c);                                        \
    T fp_##F##_fma(T a, T b, T addend, struct fp_ctx *c);                          \
    T fp_##F##_rem(T a, T b, struct fp_ctx *c);                                    \
    T fp_##F##_scalbn(T a, int n, struct fp_ctx *c);                               \
    enum fp_rel fp_##F##_cmp(T a, T b, struct fp_ctx *c);                          \
    enum fp_rel fp_##F##_cmps(T a, T b, struct fp_ctx *c);                         \
    T fp_##F##_minmax(enum fp_minmax kind, T a, T b, struct fp_ctx *c);            \
    T fp_##F##_rint(T a, enum fp_round rm, bool exact, struct fp_ctx *c);          \
    int64_t fp_##F##_to_sint(T a, unsigned bits, unsigned frac, enum fp_round rm,  \
                             enum fp_int_rule rule, struct fp_ctx *c);             \
    uint64_t fp_##F##_to_uint(T a, unsigned bits, unsigned frac, enum fp_round rm, \
                              enum fp_int_rule rule, struct fp_ctx *c);            \
    T fp_##F##_from_sint(int64_t v, unsigned frac, struct fp_ctx *c);              \
    T fp_##F##_from_uint(uint64_t v, unsigned frac, struct fp_ctx *c);             \
    uint32_t fp_##F##_class_riscv(T a);                                            \
    bool fp_##F##_is_nan(T a);                                                     \
    bool fp_##F##_is_snan(T a, const struct fp_ctx *c);                            \
    T fp_##F##_default_nan(const struct fp_ctx *c);

FP_FORMATS(FP_DECLARE_OPS)

/*
 * Conversions between formats: fp_SRC_to_DST(a, c), rounded by c->rm. Signalling NaNs raise
 * invalid and are quieted; payloads keep their high bits. c->ahp and f16: infinities and NaNs
 * cannot be had; to f16 they, and overflow, raise invalid (inf and overflow give the largest
 * value, NaN gives zero).
 */
#define FP_DECLARE_CONV(S, ST, D, DT) DT fp_##S##_to_##D(ST a, struct fp_ctx *c);

/* X(source, type, destination, type) for the 30 pairs. */
#define FP_CONVERSIONS_FROM(X, S, ST, A, AT, B, BT, C, CT, D, DT, E, ET) \
    X(S, ST, A, AT) X(S, ST, B, BT) X(S, ST, C, CT) X(S, ST, D, DT) X(S, ST, E, ET)
#define FP_CONVERSIONS(X)                                                                         \
    FP_CONVERSIONS_FROM(X, f16, uint16_t, bf16, uint16_t, f32, uint32_t, f64, uint64_t, f80,      \
                        struct fp_f80, f128, struct fp_f128)                                      \
    FP_CONVERSIONS_FROM(X, bf16, uint16_t, f16, uint16_t, f32, uint32_t, f64, uint64_t, f80,      \
                        struct fp_f80, f128, struct fp_f128)                                      \
    FP_CONVERSIONS_FROM(X, f32, uint32_t, f16, uint16_t, bf16, uint16_t, f64, uint64_t, f80,      \
                        struct fp_f80, f128, struct fp_f128)                                      \
    FP_CONVERSIONS_FROM(X, f64, uint64_t, f16, uint16_t, bf16, uint16_t, f32, uint32_t, f80,      \
                        struct fp_f80, f128, struct fp_f128)                                      \
    FP_CONVERSIONS_FROM(X, f80, struct fp_f80, f16, uint16_t, bf16, uint16_t, f32, uint32_t, f64, \
                        uint64_t, f128, struct fp_f128)                                           \
    FP_CONVERSIONS_FROM(X, f128, struct fp_f128, f16, uint16_t, bf16, uint16_t, f32, uint32_t,    \
                        f64, uint64_t, f80, struct fp_f80)

FP_CONVERSIONS(FP_DECLARE_CONV)

/* The usual integer widths, for every format. */
#define FP_DECLARE_INTS(F, T)                                                            \
    static inline int32_t fp_##F##_to_i32(T a, enum fp_round rm, enum fp_int_rule rule,  \
                                          struct fp_ctx *c)                              \
    {                                                                                    \
        return (int32_t)fp_##F##_to_sint(a, 32, 0, rm, rule, c);                         \
    }                                                                                    \
    static inline uint32_t fp_##F##_to_u32(T a, enum fp_round rm, enum fp_int_rule rule, \
                                           struct fp_ctx *c)                             \
    {                                                                                    \
        return (uint32_t)fp_##F##_to_uint(a, 32, 0, rm, rule, c);                        \
    }                                                                                    \
    static inline int64_t fp_##F##_to_i64(T a, enum fp_round rm, enum fp_int_rule rule,  \
                                          struct fp_ctx *c)                              \
    {                                                                                    \
        return fp_##F##_to_sint(a, 64, 0, rm, rule, c);                                  \
    }                                                                                    \
    static inline uint64_t fp_##F##_to_u64(T a, enum fp_round rm, enum fp_int_rule rule, \
                                           struct fp_ctx *c)                             \
    {                                                                                    \
        return fp_##F##_to_uint(a, 64, 0, rm, rule, c);                                  \
    }                                                                                    \
    static inline T fp_##F##_from_i32(int32_t v, struct fp_ctx *c)                       \
    {                                                                                    \
        return fp_##F##_from_sint(v, 0, c);                                              \
    }                                                                                    \
    static inline T fp_##F##_from_u32(uint32_t v, struct fp_ctx *c)                      \
    {                                                                                    \
        return fp_##F##_from_uint(v, 0, c);                                              \
    }                                                                                    \
    static inline T fp_##F##_from_i64(int64_t v, struct fp_ctx *c)                       \
    {                                                                                    \
        return fp_##F##_from_sint(v, 0, c);                                              \
    }                                                                                    \
    static inline T fp_##F##_from_u64(uint64_t v, struct fp_ctx *c)                      \
    {                                                                                    \
        return fp_##F##_from_uint(v, 0, c);                                              \
    }

FP_FORMATS(FP_DECLARE_INTS)

/*
 * Arm (f16, f32, f64).
 *
 *  recip_est, rsqrt_est   FRECPE, FRSQRTE (8-bit estimates; raise what the manual says, never
 *                         inexact but for overflow).
 *  recpx                  FRECPX.
 *  recip_step             FRECPS: 2 - a*b, fused; inf*0 gives 2.0.
 *  rsqrt_step             FRSQRTS: (3 - a*b) / 2, fused; inf*0 gives 1.5.
 */
#define FP_DECLARE_ARM(F, T)                           \
    T fp_##F##_recip_est(T a, struct fp_ctx *c);       \
    T fp_##F##_rsqrt_est(T a, struct fp_ctx *c);       \
    T fp_##F##_recpx(T a, struct fp_ctx *c);           \
    T fp_##F##_recip_step(T a, T b, struct fp_ctx *c); \
    T fp_##F##_rsqrt_step(T a, T b, struct fp_ctx *c);
FP_DECLARE_ARM(f16, uint16_t)
FP_DECLARE_ARM(f32, uint32_t)
FP_DECLARE_ARM(f64, uint64_t)

/* URECPE, URSQRTE. */
uint32_t fp_u32_recip_est(uint32_t a);
uint32_t fp_u32_rsqrt_est(uint32_t a);

/* FRINT32X/Z, FRINT64X/Z: integral value that fits `bits` (32 or 64), else invalid and -2^(bits-1).
 * Raises inexact. */
uint32_t fp_f32_rint_range(uint32_t a, unsigned bits, enum fp_round rm, struct fp_ctx *c);
uint64_t fp_f64_rint_range(uint64_t a, unsigned bits, enum fp_round rm, struct fp_ctx *c);

/* FJCVTZS: toward zero, modulo 2^32. *z is PSTATE.Z: the conversion was exact (and not of -0). */
int32_t fp_f64_to_i32_js(uint64_t a, bool *z, struct fp_ctx *c);

/* FMLAL and friends: f16 * f16 + f32 with one rounding, NaN priority over the original operands. */
uint32_t fp_f32_fma_f16(uint16_t a, uint16_t b, uint32_t addend, struct fp_ctx *c);

/* BFDOT, one f32 lane (FEAT_BF16 without EBF16): addend + (a0*b0 + a1*b1), each step rounded to odd
 * with subnormals flushed, default NaNs, no flags. BFMMLA is two of these in a row per element. */
uint32_t fp_f32_bfdot(uint32_t addend, uint16_t a0, uint16_t a1, uint16_t b0, uint16_t b1);

/* RISC-V V: vfrec7, vfrsqrt7. */
#define FP_DECLARE_RVV(F, T)                \
    T fp_##F##_rec7(T a, struct fp_ctx *c); \
    T fp_##F##_rsqrt7(T a, struct fp_ctx *c);
FP_DECLARE_RVV(f16, uint16_t)
FP_DECLARE_RVV(f32, uint32_t)
FP_DECLARE_RVV(f64, uint64_t)

/*
 * x87 FPREM (nearest = false) and FPREM1 (nearest = true): one step. *partial is C2: the result
 * is not yet fully reduced, call again. *quotient has the low bits of the quotient when complete.
 */
struct fp_f80 fp_f80_prem(struct fp_f80 a, struct fp_f80 b, bool nearest, uint64_t *quotient,
                          bool *partial, struct fp_ctx *c);

/* c->flags as RISC-V fflags (NX UF OF DZ NV from bit 0). */
static inline uint8_t fp_flags_to_riscv(uint8_t f)
{
    return (uint8_t)((f & FP_FLAG_INEXACT) >> 4 | (f & FP_FLAG_UNDERFLOW) >> 2 |
                     (f & FP_FLAG_OVERFLOW) | (f & FP_FLAG_DIVZERO) << 2 |
                     (f & FP_FLAG_INVALID) << 4);
}

/* c->flags as x86 MXCSR / x87 status bits (IE DE ZE OE UE PE from bit 0). */
static inline uint8_t fp_flags_to_x86(uint8_t f)
{
    return (
        uint8_t)((f & FP_FLAG_INVALID) | (f & FP_FLAG_DENORMAL) >> 4 |
                 (f & (FP_FLAG_DIVZERO | FP_FLAG_OVERFLOW | FP_FLAG_UNDERFLOW | FP_FLAG_INEXACT))
                     << 1);
}

#endif
