/* Floating-point helpers of the vector and scalar lifters: what has no IR operation, by fp/.
 *
 * Each takes values and a control word (simd.h) and gives a value; lanes from the count upwards are
 * zero. FPCR rules; what the operation raises is or-ed into fpsr.
 */
#include "fp/fp.h"
#include "isa/arm64/simd.h"

static struct arm64_state *state_of(void *cpu)
{
    return arm64_state(cpu);
}
static struct fp_ctx begin(const struct arm64_state *s)
{
    static const uint8_t round[] = {FP_RNE, FP_RUP, FP_RDN, FP_RTZ};
    uint8_t flush = s->fpcr & A64_FPCR_FZ ? FP_FLUSH_ARM : FP_FLUSH_NONE;

    return (struct fp_ctx){
        .rm = round[s->fpcr >> 22 & 3],
        .nan_rule = FP_NAN_ARM,
        .ftz = flush,
        .daz = flush,
        .fz16 = (s->fpcr & A64_FPCR_FZ16) != 0,
        .default_nan = (s->fpcr & A64_FPCR_DN) != 0,
        .ahp = (s->fpcr & A64_FPCR_AHP) != 0,
    };
}
static void end(struct arm64_state *s, const struct fp_ctx *c)
{
    s->fpsr |= c->flags & FP_FLAGS_ARM;
}

/* ---- the same for the three formats: F is the name, T its bits, I the signed integer ---- */
#define DEFINE_FORMAT(F, T, I)                                                                     \
    enum { bits_##F = 8 * sizeof(T) };                                                             \
    static T neg_##F(T a)                                                                          \
    {                                                                                              \
        return (T)(a ^ (T)1 << (bits_##F - 1));                                                    \
    }                                                                                              \
    static T abs_##F(T a)                                                                          \
    {                                                                                              \
        return (T)(a & ~((T)1 << (bits_##F - 1)));                                                 \
    }                                                                                              \
    static T one_##F(unsigned op, T a, unsigned number, struct fp_ctx *c)                          \
    {                                                                                              \
        switch (op) {                                                                              \
        case SIMD_FSQRT:                                                                           \
            return fp_##F##_sqrt(a, c);                                                            \
        case SIMD_FRINT:                                                                           \
            return fp_##F##_rint(a, (enum fp_round)number, false, c);                              \
        case SIMD_FRINTX:                                                                          \
            return fp_##F##_rint(a, (enum fp_round)number, true, c);                               \
        case SIMD_FRECPE:                                                                          \
            return fp_##F##_recip_est(a, c);                                                       \
        case SIMD_FRSQRTE:                                                                         \
            return fp_##F##_rsqrt_est(a, c);                                                       \
        case SIMD_FRECPX:                                                                          \
            return fp_##F##_recpx(a, c);                                                           \
        case SIMD_FCVTS:                                                                           \
            return (T)fp_##F##_to_sint(a, bits_##F, number & 0xff, (enum fp_round)(number >> 8),   \
                                       FP_INT_ARM, c);                                             \
        case SIMD_FCVTU:                                                                           \
            return (T)fp_##F##_to_uint(a, bits_##F, number & 0xff, (enum fp_round)(number >> 8),   \
                                       FP_INT_ARM, c);                                             \
        case SIMD_SCVTF:                                                                           \
            return fp_##F##_from_sint((I)a, number, c);                                            \
        default: /* SIMD_UCVTF */                                                                  \
            return fp_##F##_from_uint(a, number, c);                                               \
        }                                                                                          \
    }                                                                                              \
    static T compare_##F(unsigned op, T a, T b, struct fp_ctx *c)                                  \
    {                                                                                              \
        enum fp_rel rel;                                                                           \
        bool holds;                                                                                \
                                                                                                   \
        if (op == SIMD_FCMEQ) {                                                                    \
            holds = fp_##F##_cmp(a, b, c) == FP_EQUAL;                                             \
        } else {                                                                                   \
            if (op == SIMD_FACGE || op == SIMD_FACGT) {                                            \
                a = abs_##F(a);                                                                    \
                b = abs_##F(b);                                                                    \
            }                                                                                      \
            rel = fp_##F##_cmps(a, b, c);                                                          \
            holds =                                                                                \
                rel == FP_GREATER || (rel == FP_EQUAL && (op == SIMD_FCMGE || op == SIMD_FACGE));  \
        }                                                                                          \
        return holds ? (T) ~(T)0 : 0;                                                              \
    }                                                                                              \
    static T two_##F(unsigned op, T a, T b, struct fp_ctx *c)                                      \
    {                                                                                              \
        switch (op) {                                                                              \
        case SIMD_FADD:                                                                            \
            return fp_##F##_add(a, b, c);                                                          \
        case SIMD_FSUB:                                                                            \
            return fp_##F##_sub(a, b, c);                                                          \
        case SIMD_FMUL:                                                                            \
            return fp_##F##_mul(a, b, c);                                                          \
        case SIMD_FDIV:                                                                            \
            return fp_##F##_div(a, b, c);                                                          \
        case SIMD_FMULX:                                                                           \
            return fp_##F##_mulx(a, b, c);                                                         \
        case SIMD_FNMUL:                                                                           \
            return neg_##F(fp_##F##_mul(a, b, c));                                                 \
        case SIMD_FABD:                                                                            \
            return abs_##F(fp_##F##_sub(a, b, c));                                                 \
        case SIMD_FMAX:                                                                            \
            return fp_##F##_minmax(FP_MAX, a, b, c);                                               \
        case SIMD_FMIN:                                                                            \
            return fp_##F##_minmax(FP_MIN, a, b, c);                                               \
        case SIMD_FMAXNM:                                                                          \
            return fp_##F##_minmax(FP_MAXNUM_2008, a, b, c);                                       \
        case SIMD_FMINNM:                                                                          \
            return fp_##F##_minmax(FP_MINNUM_2008, a, b, c);                                       \
        case SIMD_FRECPS:                                                                          \
            return fp_##F##_recip_step(a, b, c);                                                   \
        case SIMD_FRSQRTS:                                                                         \
            return fp_##F##_rsqrt_step(a, b, c);                                                   \
        default:                                                                                   \
            return compare_##F(op, a, b, c);                                                       \
        }                                                                                          \
    }                                                                                              \
    static T three_##F(unsigned op, T a, T n, T m, struct fp_ctx *c)                               \
    {                                                                                              \
        if (op == SIMD_FMLS || op == SIMD_FNMLA)                                                   \
            n = neg_##F(n);                                                                        \
        if (op == SIMD_FNMLA || op == SIMD_FNMLS)                                                  \
            a = neg_##F(a);                                                                        \
        return fp_##F##_fma(n, m, a, c);                                                           \
    }                                                                                              \
    /* Complex numbers at lanes i, i + 1. */                                                       \
    static void cadd_##F(bool by_270, const T *n, const T *m, T *r, struct fp_ctx *c)              \
    {                                                                                              \
        T re = by_270 ? m[1] : neg_##F(m[1]), im = by_270 ? neg_##F(m[0]) : m[0];                  \
                                                                                                   \
        re = fp_##F##_add(n[0], re, c);                                                            \
        im = fp_##F##_add(n[1], im, c);                                                            \
        r[0] = re;                                                                                 \
        r[1] = im;                                                                                 \
    }                                                                                              \
    static void cmla_##F(unsigned rot, const T *a, const T *n, const T *m, T *r, struct fp_ctx *c) \
    {                                                                                              \
        T x = n[rot & 1], p = m[rot & 1], q = m[~rot & 1];                                         \
                                                                                                   \
        if (rot == 1 || rot == 2)                                                                  \
            p = neg_##F(p);                                                                        \
        if (rot & 2)                                                                               \
            q = neg_##F(q);                                                                        \
        p = fp_##F##_fma(x, p, a[0], c);                                                           \
        q = fp_##F##_fma(x, q, a[1], c);                                                           \
        r[0] = p;                                                                                  \
        r[1] = q;                                                                                  \
    }

DEFINE_FORMAT(f16, uint16_t, int16_t)
DEFINE_FORMAT(f32, uint32_t, int32_t)
DEFINE_FORMAT(f64, uint64_t, int64_t)

/* ---- one operand ---- */
/* Those whose result has another format. */
static void convert(unsigned op, unsigned i, const union ir_val *a, union ir_val *r,
                    struct fp_ctx *c)
{
    if (op == SIMD_FCVTXN) {
        c->rm = FP_ODD;
        r->s[i] = fp_f64_to_f32(a->d[i], c);
    } else { /* SIMD_BFCVTN */
        r->h[i] = fp_f32_to_bf16(a->s[i], c);
    }
}
static void rint_range(unsigned op, unsigned lane, unsigned number, unsigned i,
                       const union ir_val *a, union ir_val *r, struct fp_ctx *c)
{
    unsigned bits = op == SIMD_FRINT32 ? 32 : 64;

    if (lane == IR_LANE_S)
        r->s[i] = fp_f32_rint_range(a->s[i], bits, (enum fp_round)number, c);
    else
        r->d[i] = fp_f64_rint_range(a->d[i], bits, (enum fp_round)number, c);
}
void a64_h_fp1(void *cpu, union ir_val *v)
{
    struct arm64_state *s = state_of(cpu);
    struct fp_ctx c = begin(s);
    uint32_t ctl = v[1].w;
    unsigned op = simd_ctl_op(ctl), lane = simd_ctl_lane(ctl), number = simd_ctl_number(ctl);
    union ir_val r = {.d = {0, 0}};

    for (unsigned i = 0; i < simd_ctl_count(ctl); i++) {
        if (op == SIMD_FCVTXN || op == SIMD_BFCVTN)
            convert(op, i, &v[0], &r, &c);
        else if (op == SIMD_FRINT32 || op == SIMD_FRINT64)
            rint_range(op, lane, number, i, &v[0], &r, &c);
        else if (lane == IR_LANE_H)
            r.h[i] = one_f16(op, v[0].h[i], number, &c);
        else if (lane == IR_LANE_S)
            r.s[i] = one_f32(op, v[0].s[i], number, &c);
        else
            r.d[i] = one_f64(op, v[0].d[i], number, &c);
    }
    end(s, &c);
    v[0] = r;
}

/* ---- two operands ---- */
void a64_h_fp2(void *cpu, union ir_val *v)
{
    struct arm64_state *s = state_of(cpu);
    struct fp_ctx c = begin(s);
    uint32_t ctl = v[2].w;
    unsigned op = simd_ctl_op(ctl), lane = simd_ctl_lane(ctl);
    unsigned step = op == SIMD_FCADD ? 2 : 1;
    bool by_270 = simd_ctl_number(ctl) != 0;
    const union ir_val a = v[0], b = v[1];
    union ir_val r = {.d = {0, 0}};

    for (unsigned i = 0; i < simd_ctl_count(ctl); i += step) {
        if (lane == IR_LANE_H) {
            if (op == SIMD_FCADD)
                cadd_f16(by_270, &a.h[i], &b.h[i], &r.h[i], &c);
            else
                r.h[i] = two_f16(op, a.h[i], b.h[i], &c);
        } else if (lane == IR_LANE_S) {
            if (op == SIMD_FCADD)
                cadd_f32(by_270, &a.s[i], &b.s[i], &r.s[i], &c);
            else
                r.s[i] = two_f32(op, a.s[i], b.s[i], &c);
        } else {
            if (op == SIMD_FCADD)
                cadd_f64(by_270, &a.d[i], &b.d[i], &r.d[i], &c);
            else
                r.d[i] = two_f64(op, a.d[i], b.d[i], &c);
        }
    }
    end(s, &c);
    v[0] = r;
}

/* ---- three operands: addend, n, m ---- */
static void bfdot(bool matrix, unsigned i, const union ir_val *v, union ir_val *r)
{
    const uint16_t *n = matrix ? &v[1].h[4 * (i / 2)] : &v[1].h[2 * i];
    const uint16_t *m = matrix ? &v[2].h[4 * (i & 1)] : &v[2].h[2 * i];

    r->s[i] = fp_f32_bfdot(v[0].s[i], n[0], n[1], m[0], m[1]);
    if (matrix)
        r->s[i] = fp_f32_bfdot(r->s[i], n[2], n[3], m[2], m[3]);
}
static void cmla(unsigned lane, unsigned rot, unsigned i, const union ir_val *v, union ir_val *r,
                 struct fp_ctx *c)
{
    if (lane == IR_LANE_H)
        cmla_f16(rot, &v[0].h[i], &v[1].h[i], &v[2].h[i], &r->h[i], c);
    else if (lane == IR_LANE_S)
        cmla_f32(rot, &v[0].s[i], &v[1].s[i], &v[2].s[i], &r->s[i], c);
    else
        cmla_f64(rot, &v[0].d[i], &v[1].d[i], &v[2].d[i], &r->d[i], c);
}
void a64_h_fp3(void *cpu, union ir_val *v)
{
    struct arm64_state *s = state_of(cpu);
    struct fp_ctx c = begin(s);
    uint32_t ctl = v[3].w;
    unsigned op = simd_ctl_op(ctl), lane = simd_ctl_lane(ctl), number = simd_ctl_number(ctl);
    union ir_val r = {.d = {0, 0}};

    for (unsigned i = 0; i < simd_ctl_count(ctl); i++) {
        if (op == SIMD_FCMLA) {
            cmla(lane, number, i, v, &r, &c);
            i++;
        } else if (op == SIMD_FMLAL || op == SIMD_FMLSL) {
            uint16_t n = v[1].h[number + i];

            r.s[i] = fp_f32_fma_f16(op == SIMD_FMLSL ? neg_f16(n) : n, v[2].h[number + i],
                                    v[0].s[i], &c);
        } else if (op == SIMD_BFDOT || op == SIMD_BFMMLA) {
            bfdot(op == SIMD_BFMMLA, i, v, &r);
        } else if (lane == IR_LANE_H) {
            r.h[i] = three_f16(op, v[0].h[i], v[1].h[i], v[2].h[i], &c);
        } else if (lane == IR_LANE_S) {
            r.s[i] = three_f32(op, v[0].s[i], v[1].s[i], v[2].s[i], &c);
        } else {
            r.d[i] = three_f64(op, v[0].d[i], v[1].d[i], v[2].d[i], &c);
        }
    }
    end(s, &c);
    v[0] = r;
}

/* ---- general registers ---- */
/* The number: fraction bits, rounding << 8, 64-bit result << 11. */
void a64_h_fp_to_gp(void *cpu, union ir_val *v)
{
    struct arm64_state *s = state_of(cpu);
    struct fp_ctx c = begin(s);
    uint32_t ctl = v[1].w;
    unsigned number = simd_ctl_number(ctl), frac = number & 0xff, bits = number >> 11 & 1 ? 64 : 32;
    enum fp_round rm = (enum fp_round)(number >> 8 & 7);
    bool is_unsigned = simd_ctl_op(ctl) == SIMD_FCVTU;
    uint64_t r;

    switch (simd_ctl_lane(ctl)) {
    case IR_LANE_H:
        r = is_unsigned ? fp_f16_to_uint(v[0].h[0], bits, frac, rm, FP_INT_ARM, &c)
                        : (uint64_t)fp_f16_to_sint(v[0].h[0], bits, frac, rm, FP_INT_ARM, &c);
        break;
    case IR_LANE_S:
        r = is_unsigned ? fp_f32_to_uint(v[0].s[0], bits, frac, rm, FP_INT_ARM, &c)
                        : (uint64_t)fp_f32_to_sint(v[0].s[0], bits, frac, rm, FP_INT_ARM, &c);
        break;
    default:
        r = is_unsigned ? fp_f64_to_uint(v[0].d[0], bits, frac, rm, FP_INT_ARM, &c)
                        : (uint64_t)fp_f64_to_sint(v[0].d[0], bits, frac, rm, FP_INT_ARM, &c);
        break;
    }
    end(s, &c);
    v[0].x = r;
}
/* To a half; the number: fraction bits. */
void a64_h_fp_from_gp(void *cpu, union ir_val *v)
{
    struct arm64_state *s = state_of(cpu);
    struct fp_ctx c = begin(s);
    unsigned frac = simd_ctl_number(v[1].w);
    union ir_val r = {.d = {0, 0}};

    if (simd_ctl_op(v[1].w) == SIMD_UCVTF)
        r.h[0] = fp_f16_from_uint(v[0].x, frac, &c);
    else
        r.h[0] = fp_f16_from_sint((int64_t)v[0].x, frac, &c);
    end(s, &c);
    v[0] = r;
}
/* FCMP, FCMPE (v[2] = 1) of halves: NZCV in bits 31..28. */
void a64_h_fp_cmp_h(void *cpu, union ir_val *v)
{
    struct arm64_state *s = state_of(cpu);
    struct fp_ctx c = begin(s);
    enum fp_rel rel =
        v[2].w ? fp_f16_cmps(v[0].h[0], v[1].h[0], &c) : fp_f16_cmp(v[0].h[0], v[1].h[0], &c);

    end(s, &c);
    v[0].w = (rel == FP_LESS ? 8u : rel == FP_EQUAL ? 6u : rel == FP_GREATER ? 2u : 3u) << 28;
}
/* FJCVTZS: the result, and NZCV above it. */
void a64_h_fp_jcvt(void *cpu, union ir_val *v)
{
    struct arm64_state *s = state_of(cpu);
    struct fp_ctx c = begin(s);
    bool z;
    uint32_t r = (uint32_t)fp_f64_to_i32_js(v[0].x, &z, &c);

    end(s, &c);
    v[0].x = r | (uint64_t)z << 62;
}
