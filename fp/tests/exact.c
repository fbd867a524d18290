/*
 * Every format and operation against exact integer arithmetic (oracle.h): all six rounding modes,
 * tininess before and after rounding, both ways of flushing. Finite operands; NaNs and infinities
 * are in sse.c, x87.c and rules.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "oracle.h"

/* Raw bits to each type and back. */
#define RAW_INT(F, T)        \
    static T to_##F(u128 v)  \
    {                        \
        return (T)v;         \
    }                        \
    static u128 raw_##F(T v) \
    {                        \
        return v;            \
    }
RAW_INT(f16, uint16_t)
RAW_INT(bf16, uint16_t)
RAW_INT(f32, uint32_t)
RAW_INT(f64, uint64_t)

static struct fp_f80 to_f80(u128 v)
{
    return (struct fp_f80){.sig = (uint64_t)v, .se = (uint16_t)(v >> 64)};
}

static u128 raw_f80(struct fp_f80 v)
{
    return (u128)v.se << 64 | v.sig;
}

static struct fp_f128 to_f128(u128 v)
{
    return (struct fp_f128){.lo = (uint64_t)v, .hi = (uint64_t)(v >> 64)};
}

static u128 raw_f128(struct fp_f128 v)
{
    return (u128)v.hi << 64 | v.lo;
}

struct soft { /* one format's operations on raw bits */
    const char *name;
    const struct shape *shape;
    u128 (*add)(u128, u128, struct fp_ctx *);
    u128 (*sub)(u128, u128, struct fp_ctx *);
    u128 (*mul)(u128, u128, struct fp_ctx *);
    u128 (*div)(u128, u128, struct fp_ctx *);
    u128 (*rem)(u128, u128, struct fp_ctx *);
    u128 (*sqrt)(u128, struct fp_ctx *);
    u128 (*fma)(u128, u128, u128, struct fp_ctx *);
    u128 (*scalbn)(u128, int, struct fp_ctx *);
    u128 (*rint)(u128, enum fp_round, bool, struct fp_ctx *);
    int64_t (*to_sint)(u128, unsigned, unsigned, enum fp_round, struct fp_ctx *);
    uint64_t (*to_uint)(u128, unsigned, unsigned, enum fp_round, struct fp_ctx *);
    u128 (*from_sint)(int64_t, unsigned, struct fp_ctx *);
    u128 (*from_uint)(uint64_t, unsigned, struct fp_ctx *);
    int (*cmp)(u128, u128, struct fp_ctx *);
};

#define BINARY(F, op)                                           \
    static u128 F##_##op(u128 a, u128 b, struct fp_ctx *c)      \
    {                                                           \
        return raw_##F(fp_##F##_##op(to_##F(a), to_##F(b), c)); \
    }
#define SOFT(F, T)                                                                      \
    BINARY(F, add)                                                                      \
    BINARY(F, sub)                                                                      \
    BINARY(F, mul)                                                                      \
    BINARY(F, div)                                                                      \
    BINARY(F, rem)                                                                      \
    static u128 F##_sqrt(u128 a, struct fp_ctx *c)                                      \
    {                                                                                   \
        return raw_##F(fp_##F##_sqrt(to_##F(a), c));                                    \
    }                                                                                   \
    static u128 F##_fma(u128 a, u128 b, u128 z, struct fp_ctx *c)                       \
    {                                                                                   \
        return raw_##F(fp_##F##_fma(to_##F(a), to_##F(b), to_##F(z), c));               \
    }                                                                                   \
    static u128 F##_scalbn(u128 a, int n, struct fp_ctx *c)                             \
    {                                                                                   \
        return raw_##F(fp_##F##_scalbn(to_##F(a), n, c));                               \
    }                                                                                   \
    static u128 F##_rint(u128 a, enum fp_round rm, bool exact, struct fp_ctx *c)        \
    {                                                                                   \
        return raw_##F(fp_##F##_rint(to_##F(a), rm, exact, c));                         \
    }                                                                                   \
    static int64_t F##_to_sint(u128 a, unsigned bits, unsigned frac, enum fp_round rm,  \
                               struct fp_ctx *c)                                        \
    {                                                                                   \
        return fp_##F##_to_sint(to_##F(a), bits, frac, rm, FP_INT_ARM, c);              \
    }                                                                                   \
    static uint64_t F##_to_uint(u128 a, unsigned bits, unsigned frac, enum fp_round rm, \
                                struct fp_ctx *c)                                       \
    {                                                                                   \
        return fp_##F##_to_uint(to_##F(a), bits, frac, rm, FP_INT_ARM, c);              \
    }                                                                                   \
    static u128 F##_from_sint(int64_t v, unsigned frac, struct fp_ctx *c)               \
    {                                                                                   \
        return raw_##F(fp_##F##_from_sint(v, frac, c));                                 \
    }                                                                                   \
    static u128 F##_from_uint(uint64_t v, unsigned frac, struct fp_ctx *c)              \
    {                                                                                   \
        return raw_##F(fp_##F##_from_uint(v, frac, c));                                 \
    }                                                                                   \
    static int F##_cmp(u128 a, u128 b, struct fp_ctx *c)                                \
    {                                                                                   \
        return fp_##F##_cmp(to_##F(a), to_##F(b), c);                                   \
    }
FP_FORMATS(SOFT)

#define ROW(F, T)                                                                  \
    {#F,          &shape_##F,    F##_add,       F##_sub,    F##_mul,  F##_div,     \
     F##_rem,     F##_sqrt,      F##_fma,       F##_scalbn, F##_rint, F##_to_sint, \
     F##_to_uint, F##_from_sint, F##_from_uint, F##_cmp},
static const struct soft softs[] = {FP_FORMATS(ROW)};

struct conv {
    const char *name;
    const struct shape *from, *to;
    u128 (*fn)(u128, struct fp_ctx *);
};

#define CONV(S, ST, D, DT)                               \
    static u128 conv_##S##_##D(u128 a, struct fp_ctx *c) \
    {                                                    \
        return raw_##D(fp_##S##_to_##D(to_##S(a), c));   \
    }
FP_CONVERSIONS(CONV)
#define CONV_ROW(S, ST, D, DT) {#S "->" #D, &shape_##S, &shape_##D, conv_##S##_##D},
static const struct conv convs[] = {FP_CONVERSIONS(CONV_ROW)};

static struct fp_ctx random_ctx(struct rng *r, const struct shape *s, int *flush)
{
    struct fp_ctx c = {.rm = (uint8_t)rng_below(r, 6), .tiny_after = (uint8_t)rng_below(r, 2)};

    *flush = rng_below(r, 4) ? 0 : (int)rng_below(r, 3);
    if (s == &shape_f80 || s == &shape_f16) /* see rules.c for FZ16 */
        *flush = 0;
    c.ftz = *flush == 1 ? FP_FLUSH_ARM : *flush == 2 ? FP_FLUSH_X86 : FP_FLUSH_NONE;
    return c;
}

static void expect(const char *format, const char *op, const struct fp_ctx *before,
                   const struct fp_ctx *after, u128 got, u128 want, unsigned want_flags,
                   const u128 in[3])
{
    unsigned flags = after->flags & FP_FLAGS_IEEE;

    if (got == want && flags == want_flags)
        return;
    fail_msg("%s %s rm %u tiny_after %u ftz %u: %016lx%016lx %016lx%016lx %016lx%016lx gives "
             "%016lx%016lx flags %x, want %016lx%016lx flags %x",
             format, op, before->rm, before->tiny_after, before->ftz, (uint64_t)(in[0] >> 64),
             (uint64_t)in[0], (uint64_t)(in[1] >> 64), (uint64_t)in[1], (uint64_t)(in[2] >> 64),
             (uint64_t)in[2], (uint64_t)(got >> 64), (uint64_t)got, flags, (uint64_t)(want >> 64),
             (uint64_t)want, want_flags);
}

/* Runs `call` on a copy of the context and compares. */
#define EXPECT(op, call, exact_value)                                                  \
    do {                                                                               \
        struct fp_ctx c = ctx;                                                         \
        struct exact e_ = (exact_value);                                               \
        unsigned flags_ = 0;                                                           \
        u128 want_ = big_top(&e_.n) < 0 ? encode(s, e_.sign, 0, 0)                     \
                                        : exact_round(s, &e_, (enum fp_round)ctx.rm,   \
                                                      ctx.tiny_after, flush, &flags_); \
        u128 got_ = (call);                                                            \
                                                                                       \
        expect(f->name, op, &ctx, &c, got_, want_, flags_, in);                        \
    } while (0)

static u128 finite_operand(struct rng *r, const struct shape *s, u128 near)
{
    u128 v;

    do
        v = rng_operand(r, s, near);
    while (!shape_finite(s, v));
    return v;
}

static void test_arith(void **state)
{
    const struct soft *f = *state;
    const struct shape *s = f->shape;
    unsigned sign_bit = s->frac_bits + s->int_bit + s->exp_bits;
    struct rng r = {.s = 3};

    for (unsigned long i = 0, n = rounds(12000); i < n; i++) {
        int flush;
        struct fp_ctx ctx = random_ctx(&r, s, &flush);
        u128 a = finite_operand(&r, s,
                                (u128)rng_below(&r, 1u << s->exp_bits) << (sign_bit - s->exp_bits));
        u128 b = finite_operand(&r, s, a), z = finite_operand(&r, s, a), in[3];
        struct exact ea, eb, ez;

        if (rng_below(&r, 2)) { /* near cancellation of the product */
            struct fp_ctx c = {.rm = FP_RTZ};

            z = f->mul(a, b, &c) ^ (u128)1 << sign_bit;
            z ^= rng_below(&r, 4) && !s->int_bit;
            if (!shape_finite(s, z))
                z = a;
        }
        in[0] = a, in[1] = b, in[2] = z;
        ea = exact_from(s, a), eb = exact_from(s, b), ez = exact_from(s, z);
        EXPECT("add", f->add(a, b, &c), exact_add(ea, eb, (enum fp_round)ctx.rm));
        EXPECT("mul", f->mul(a, b, &c), exact_mul(ea, eb));
        EXPECT("fma", f->fma(a, b, z, &c), exact_add(exact_mul(ea, eb), ez, (enum fp_round)ctx.rm));
        if (big_top(&eb.n) >= 0) {
            EXPECT("div", f->div(a, b, &c), exact_div(ea, eb));
            if (abs(ea.exp - eb.exp) < 600)
                EXPECT("rem", f->rem(a, b, &c), exact_rem(ea, eb));
        }
        if (!ea.sign && big_top(&ea.n) >= 0 && i % 8 == 0)
            EXPECT("sqrt", f->sqrt(a, &c), exact_sqrt(ea));
        eb.sign = !eb.sign;
        EXPECT("sub", f->sub(a, b, &c), exact_add(ea, eb, (enum fp_round)ctx.rm));
        ez = ea;
        ez.exp += (int)(b & 127) - 64;
        EXPECT("scalbn", f->scalbn(a, (int)(b & 127) - 64, &c), ez);
        ez = exact_add(ea, eb, FP_RNE); /* eb is negated */
        assert_int_equal(f->cmp(a, b, &ctx), big_top(&ez.n) < 0 ? 0 : ez.sign ? -1 : 1);
    }
}

/* An integer of `bits`, saturated, as FP_INT_ARM has it. */
static uint64_t want_int(const struct exact *e, unsigned bits, bool is_signed, enum fp_round rm,
                         unsigned *flags)
{
    u128 q, limit = is_signed ? ((u128)1 << (bits - 1)) - !e->sign
                    : e->sign ? 0
                              : ((u128)1 << bits) - 1;
    bool inexact;

    if (big_top(&e->n) < 0)
        return 0;
    if (big_top(&e->n) + e->exp > 70) {
        q = limit + 1;
        inexact = false;
    } else {
        q = exact_quantise(e, -e->exp, rm, &inexact);
    }
    if (q > limit) {
        *flags = FP_FLAG_INVALID;
        q = limit;
    } else if (inexact) {
        *flags = FP_FLAG_INEXACT;
    }
    return e->sign ? 0 - (uint64_t)q : (uint64_t)q;
}

static void test_integers(void **state)
{
    static const unsigned widths[4] = {8, 16, 32, 64};
    const struct soft *f = *state;
    const struct shape *s = f->shape;
    unsigned bias = (1u << (s->exp_bits - 1)) - 1;
    u128 near = (u128)bias << (s->frac_bits + s->int_bit);
    struct rng r = {.s = 4};

    for (unsigned long i = 0, n = rounds(30000); i < n; i++) {
        int flush;
        struct fp_ctx ctx = random_ctx(&r, s, &flush), t;
        u128 a = finite_operand(&r, s, near), in[3] = {a, 0, 0};
        unsigned frac = rng_below(&r, 2) ? 0 : rng_below(&r, 65), bits = widths[rng_below(&r, 4)];
        struct exact e = exact_from(s, a);
        enum fp_round rm = (enum fp_round)ctx.rm;
        unsigned flags = 0;
        int64_t v = (int64_t)rng_frac(&r, 64) >> rng_below(&r, 64);
        uint64_t want;
        bool inexact = false;
        u128 q;

        e.exp += (int)frac;
        in[1] = bits, in[2] = frac;
        want = want_int(&e, bits, true, rm, &flags);
        t = ctx;
        q = (uint64_t)f->to_sint(a, bits, frac, rm, &t);
        expect(f->name, "to_sint", &ctx, &t, q, want, flags, in);
        flags = 0;
        want = want_int(&e, bits, false, rm, &flags);
        t = ctx;
        q = f->to_uint(a, bits, frac, rm, &t);
        expect(f->name, "to_uint", &ctx, &t, q, want, flags, in);

        e = (struct exact){
            .sign = v < 0, .n = big_from(v < 0 ? 0 - (uint64_t)v : (uint64_t)v), .exp = -(int)frac};
        in[0] = (u128)v;
        EXPECT("from_sint", f->from_sint(v, frac, &c), e);
        e.sign = false;
        e.n = big_from((uint64_t)v);
        EXPECT("from_uint", f->from_uint((uint64_t)v, frac, &c), e);

        e = exact_from(s, a);
        in[0] = a;
        flags = 0;
        if (e.exp < 0 && big_top(&e.n) >= 0) {
            q = exact_quantise(&e, -e.exp, rm, &inexact);
            e.n = big_from(q);
            e.exp = 0;
            flags = inexact ? FP_FLAG_INEXACT : 0;
        }
        q = big_top(&e.n) < 0 ? encode(s, e.sign, 0, 0)
                              : exact_round(s, &e, FP_RNE, false, 0, &(unsigned){0});
        t = ctx;
        a = f->rint(a, rm, true, &t);
        expect(f->name, "rint", &ctx, &t, a, q, flags, in);
        t = ctx;
        a = f->rint(in[0], rm, false, &t);
        expect(f->name, "rint quiet", &ctx, &t, a, q, 0, in);
    }
}

static void test_convert(void **state)
{
    const struct conv *f = *state;
    const struct shape *s = f->to;
    unsigned bias = (1u << (f->from->exp_bits - 1)) - 1, out = (1u << (s->exp_bits - 1)) - 1;
    struct rng r = {.s = 5};

    for (unsigned long i = 0, n = rounds(10000); i < n; i++) {
        int flush;
        struct fp_ctx ctx = random_ctx(&r, s, &flush);
        unsigned ends = bias > out ? (rng_below(&r, 2) ? bias - out : bias + out) : bias;
        u128 a = finite_operand(&r, f->from, (u128)ends << (f->from->frac_bits + f->from->int_bit)),
             in[3] = {a, 0, 0};

        EXPECT("convert", f->fn(a, &c), exact_from(f->from, a));
    }
}

int main(void)
{
    enum { FORMATS = sizeof(softs) / sizeof(softs[0]), CONVS = sizeof(convs) / sizeof(convs[0]) };
    struct CMUnitTest tests[2 * FORMATS + CONVS];
    char names[FORMATS][20];

    for (unsigned i = 0; i < FORMATS; i++) {
        snprintf(names[i], sizeof(names[i]), "%s-integers", softs[i].name);
        tests[2 * i] =
            (struct CMUnitTest){softs[i].name, test_arith, NULL, NULL, (void *)&softs[i]};
        tests[2 * i + 1] =
            (struct CMUnitTest){names[i], test_integers, NULL, NULL, (void *)&softs[i]};
    }
    for (unsigned i = 0; i < CONVS; i++)
        tests[2 * FORMATS + i] =
            (struct CMUnitTest){convs[i].name, test_convert, NULL, NULL, (void *)&convs[i]};
    return cmocka_run_group_tests_name("fp/exact", tests, NULL, NULL);
}
