/*
 * f32 and f64 against the host's SSE, FMA3 and F16C: results and flags, bit for bit, in every
 * rounding mode and with every combination of FTZ and DAZ.
 */
#include <cpuid.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "fp/fp.h"
#include "operands.h"

static const uint8_t round_of_rc[4] = {FP_RNE, FP_RDN, FP_RUP, FP_RTZ};

struct env {
    uint32_t csr; /* in: modes, flags clear; out: flags */
    struct fp_ctx c;
};

static struct env env_make(unsigned modes) /* 0..15: RC, FTZ, DAZ */
{
    struct env e = {.csr =
                        0x1f80 | (modes & 3) << 13 | (modes >> 2 & 1) << 15 | (modes >> 3 & 1) << 6,
                    .c = fp_ctx_make(FP_NAN_X86)};

    e.c.rm = round_of_rc[modes & 3];
    e.c.ftz = modes & 4 ? FP_FLUSH_X86 : FP_FLUSH_NONE;
    e.c.daz = modes & 8 ? FP_FLUSH_X86 : FP_FLUSH_NONE;
    return e;
}

/*
 * A host operation: takes up to three operands. In the template %%xmm0 to 2 hold them (as 64-bit
 * integers moved in), and the result is xmm0, or rax where the template puts it there.
 */
#define HOST(name, insns)                                                                    \
    static uint64_t name(uint64_t a, uint64_t b, uint64_t z, uint32_t *csr)                  \
    {                                                                                        \
        uint64_t r = 0;                                                                      \
        uint32_t saved = 0x1f80;                                                             \
                                                                                             \
        __asm__ volatile("movq %[a], %%xmm0\n\tmovq %[b], %%xmm1\n\tmovq %[z], %%xmm2\n\t"   \
                         "ldmxcsr %[csr]\n\t" insns "\n\tstmxcsr %[csr]\n\tldmxcsr %[saved]" \
                         : [r] "+&a"(r), [csr] "+m"(*csr)                                    \
                         : [a] "r"(a), [b] "r"(b), [z] "r"(z), [saved] "m"(saved)            \
                         : "xmm0", "xmm1", "xmm2", "cc");                                    \
        return r;                                                                            \
    }
#define XMM(insn) insn "\n\tmovq %%xmm0, %%rax"
#define REL(insn) insn " %%xmm1, %%xmm0\n\tlahf\n\tmovzbl %%ah, %%eax"

typedef uint64_t host_fn(uint64_t, uint64_t, uint64_t, uint32_t *);
typedef uint64_t soft_fn(uint64_t, uint64_t, uint64_t, struct fp_ctx *);

#define SOFT(name, expr)                                                       \
    static uint64_t name(uint64_t a, uint64_t b, uint64_t z, struct fp_ctx *c) \
    {                                                                          \
        (void)b, (void)z;                                                      \
        return (uint64_t)(expr);                                               \
    }

static uint64_t eflags(enum fp_rel r) /* of (U)COMIS: ZF 0x40, PF 4, CF 1 */
{
    return r == FP_UNORDERED ? 0x45 : r == FP_LESS ? 1 : r == FP_EQUAL ? 0x40 : 0;
}

#define A32 (uint32_t) a
#define B32 (uint32_t) b
#define Z32 (uint32_t) z
#define RM  (enum fp_round) c->rm

HOST(h_add32, XMM("addss %%xmm1, %%xmm0"))
SOFT(s_add32, fp_f32_add(A32, B32, c))
HOST(h_sub32, XMM("subss %%xmm1, %%xmm0"))
SOFT(s_sub32, fp_f32_sub(A32, B32, c))
HOST(h_mul32, XMM("mulss %%xmm1, %%xmm0"))
SOFT(s_mul32, fp_f32_mul(A32, B32, c))
HOST(h_div32, XMM("divss %%xmm1, %%xmm0"))
SOFT(s_div32, fp_f32_div(A32, B32, c))
HOST(h_sqrt32, XMM("sqrtss %%xmm0, %%xmm0"))
SOFT(s_sqrt32, fp_f32_sqrt(A32, c))
HOST(h_min32, XMM("minss %%xmm1, %%xmm0"))
SOFT(s_min32, fp_f32_minmax(FP_MIN_X86, A32, B32, c))
HOST(h_max32, XMM("maxss %%xmm1, %%xmm0"))
SOFT(s_max32, fp_f32_minmax(FP_MAX_X86, A32, B32, c))
HOST(h_ucom32, REL("ucomiss"))
SOFT(s_ucom32, eflags(fp_f32_cmp(A32, B32, c)))
HOST(h_com32, REL("comiss"))
SOFT(s_com32, eflags(fp_f32_cmps(A32, B32, c)))
HOST(h_cvt3264, XMM("cvtss2sd %%xmm0, %%xmm0"))
SOFT(s_cvt3264, fp_f32_to_f64(A32, c))
HOST(h_si32_32, "cvtss2si %%xmm0, %%eax")
SOFT(s_si32_32, (uint32_t)fp_f32_to_i32(A32, RM, FP_INT_X86, c))
HOST(h_si32_64, "cvtss2si %%xmm0, %%rax")
SOFT(s_si32_64, fp_f32_to_i64(A32, RM, FP_INT_X86, c))
HOST(h_tsi32_32, "cvttss2si %%xmm0, %%eax")
SOFT(s_tsi32_32, (uint32_t)fp_f32_to_i32(A32, FP_RTZ, FP_INT_X86, c))
HOST(h_rint32, XMM("roundss $4, %%xmm0, %%xmm0"))
SOFT(s_rint32, fp_f32_rint(A32, RM, true, c))
HOST(h_nearby32, XMM("roundss $12, %%xmm0, %%xmm0"))
SOFT(s_nearby32, fp_f32_rint(A32, RM, false, c))
HOST(h_from32, XMM("movq %%xmm0, %%rax\n\tcvtsi2ss %%rax, %%xmm0"))
SOFT(s_from32, fp_f32_from_i64((int64_t)a, c))
HOST(h_from32i, XMM("movq %%xmm0, %%rax\n\tcvtsi2ss %%eax, %%xmm0"))
SOFT(s_from32i, fp_f32_from_i32((int32_t)a, c))

HOST(h_add64, XMM("addsd %%xmm1, %%xmm0"))
SOFT(s_add64, fp_f64_add(a, b, c))
HOST(h_sub64, XMM("subsd %%xmm1, %%xmm0"))
SOFT(s_sub64, fp_f64_sub(a, b, c))
HOST(h_mul64, XMM("mulsd %%xmm1, %%xmm0"))
SOFT(s_mul64, fp_f64_mul(a, b, c))
HOST(h_div64, XMM("divsd %%xmm1, %%xmm0"))
SOFT(s_div64, fp_f64_div(a, b, c))
HOST(h_sqrt64, XMM("sqrtsd %%xmm0, %%xmm0"))
SOFT(s_sqrt64, fp_f64_sqrt(a, c))
HOST(h_min64, XMM("minsd %%xmm1, %%xmm0"))
SOFT(s_min64, fp_f64_minmax(FP_MIN_X86, a, b, c))
HOST(h_max64, XMM("maxsd %%xmm1, %%xmm0"))
SOFT(s_max64, fp_f64_minmax(FP_MAX_X86, a, b, c))
HOST(h_ucom64, REL("ucomisd"))
SOFT(s_ucom64, eflags(fp_f64_cmp(a, b, c)))
HOST(h_com64, REL("comisd"))
SOFT(s_com64, eflags(fp_f64_cmps(a, b, c)))
HOST(h_cvt6432, XMM("cvtsd2ss %%xmm0, %%xmm0"))
SOFT(s_cvt6432, fp_f64_to_f32(a, c))
HOST(h_si64_32, "cvtsd2si %%xmm0, %%eax")
SOFT(s_si64_32, (uint32_t)fp_f64_to_i32(a, RM, FP_INT_X86, c))
HOST(h_si64_64, "cvtsd2si %%xmm0, %%rax")
SOFT(s_si64_64, fp_f64_to_i64(a, RM, FP_INT_X86, c))
HOST(h_tsi64_64, "cvttsd2si %%xmm0, %%rax")
SOFT(s_tsi64_64, fp_f64_to_i64(a, FP_RTZ, FP_INT_X86, c))
HOST(h_rint64, XMM("roundsd $4, %%xmm0, %%xmm0"))
SOFT(s_rint64, fp_f64_rint(a, RM, true, c))
HOST(h_nearby64, XMM("roundsd $12, %%xmm0, %%xmm0"))
SOFT(s_nearby64, fp_f64_rint(a, RM, false, c))
HOST(h_from64, XMM("movq %%xmm0, %%rax\n\tcvtsi2sd %%rax, %%xmm0"))
SOFT(s_from64, fp_f64_from_i64((int64_t)a, c))
HOST(h_usi64_64, "vcvtsd2usi %%xmm0, %%rax") /* AVX-512F and below */
SOFT(s_usi64_64, fp_f64_to_u64(a, RM, FP_INT_X86, c))
HOST(h_usi64_32, "vcvtsd2usi %%xmm0, %%eax")
SOFT(s_usi64_32, fp_f64_to_u32(a, RM, FP_INT_X86, c))
HOST(h_usi32_64, "vcvtss2usi %%xmm0, %%rax")
SOFT(s_usi32_64, fp_f32_to_u64(A32, RM, FP_INT_X86, c))
HOST(h_ufrom64, XMM("movq %%xmm0, %%rax\n\tvcvtusi2sd %%rax, %%xmm0, %%xmm0"))
SOFT(s_ufrom64, fp_f64_from_u64(a, c))
HOST(h_ufrom32, XMM("movq %%xmm0, %%rax\n\tvcvtusi2ss %%rax, %%xmm0, %%xmm0"))
SOFT(s_ufrom32, fp_f32_from_u64(a, c))

HOST(h_fma32,
     XMM("vfmadd213ss %%xmm2, %%xmm1, %%xmm0")) /* xmm1 * xmm0 + xmm2, NaNs in that order */
SOFT(s_fma32, fp_f32_fma(B32, A32, Z32, c))
HOST(h_fma64, XMM("vfmadd213sd %%xmm2, %%xmm1, %%xmm0"))
SOFT(s_fma64, fp_f64_fma(b, a, z, c))
HOST(h_f16_32, XMM("vcvtph2ps %%xmm0, %%xmm0"))
SOFT(s_f16_32, fp_f16_to_f32((uint16_t)a, c))
HOST(h_f32_16, XMM("vcvtps2ph $4, %%xmm0, %%xmm0"))
SOFT(s_f32_16, fp_f32_to_f16(A32, c))

#define A16 (uint16_t) a
#define B16 (uint16_t) b
#define Z16 (uint16_t) z
HOST(h_add16, XMM("vaddsh %%xmm1, %%xmm0, %%xmm0"))
SOFT(s_add16, fp_f16_add(A16, B16, c))
HOST(h_sub16, XMM("vsubsh %%xmm1, %%xmm0, %%xmm0"))
SOFT(s_sub16, fp_f16_sub(A16, B16, c))
HOST(h_mul16, XMM("vmulsh %%xmm1, %%xmm0, %%xmm0"))
SOFT(s_mul16, fp_f16_mul(A16, B16, c))
HOST(h_div16, XMM("vdivsh %%xmm1, %%xmm0, %%xmm0"))
SOFT(s_div16, fp_f16_div(A16, B16, c))
HOST(h_sqrt16, XMM("vsqrtsh %%xmm0, %%xmm0, %%xmm0"))
SOFT(s_sqrt16, fp_f16_sqrt(A16, c))
HOST(h_min16, XMM("vminsh %%xmm1, %%xmm0, %%xmm0"))
SOFT(s_min16, fp_f16_minmax(FP_MIN_X86, A16, B16, c))
HOST(h_com16, REL("vcomish"))
SOFT(s_com16, eflags(fp_f16_cmps(A16, B16, c)))
HOST(h_rint16, XMM("vrndscalesh $4, %%xmm0, %%xmm0, %%xmm0"))
SOFT(s_rint16, fp_f16_rint(A16, RM, true, c))
HOST(h_si16, "vcvtsh2si %%xmm0, %%rax")
SOFT(s_si16, fp_f16_to_i64(A16, RM, FP_INT_X86, c))
HOST(h_from16, XMM("movq %%xmm0, %%rax\n\tvcvtsi2sh %%rax, %%xmm0, %%xmm0"))
SOFT(s_from16, fp_f16_from_i64((int64_t)a, c))
HOST(h_fma16, XMM("vfmadd213sh %%xmm2, %%xmm1, %%xmm0"))
SOFT(s_fma16, fp_f16_fma(B16, A16, Z16, c))
HOST(h_f64_16, XMM("vcvtsd2sh %%xmm0, %%xmm0, %%xmm0"))
SOFT(s_f64_16, fp_f64_to_f16(a, c))

enum need { ALWAYS, NEED_FMA, NEED_F16C, NEED_AVX512, NEED_FP16 };

struct op {
    const char *name;
    host_fn *host;
    soft_fn *soft;
    const struct shape *shape; /* NULL: 64-bit integers */
    unsigned operands;
    uint64_t mask; /* of the result */
    enum need need;
};

#define M32 0xffffffffu
#define M64 UINT64_MAX
static const struct op ops[] = {
    {"addss", h_add32, s_add32, &shape_f32, 2, M32, ALWAYS},
    {"subss", h_sub32, s_sub32, &shape_f32, 2, M32, ALWAYS},
    {"mulss", h_mul32, s_mul32, &shape_f32, 2, M32, ALWAYS},
    {"divss", h_div32, s_div32, &shape_f32, 2, M32, ALWAYS},
    {"sqrtss", h_sqrt32, s_sqrt32, &shape_f32, 1, M32, ALWAYS},
    {"minss", h_min32, s_min32, &shape_f32, 2, M32, ALWAYS},
    {"maxss", h_max32, s_max32, &shape_f32, 2, M32, ALWAYS},
    {"ucomiss", h_ucom32, s_ucom32, &shape_f32, 2, 0x45, ALWAYS},
    {"comiss", h_com32, s_com32, &shape_f32, 2, 0x45, ALWAYS},
    {"cvtss2sd", h_cvt3264, s_cvt3264, &shape_f32, 1, M64, ALWAYS},
    {"cvtss2si", h_si32_32, s_si32_32, &shape_f32, 1, M32, ALWAYS},
    {"cvtss2si64", h_si32_64, s_si32_64, &shape_f32, 1, M64, ALWAYS},
    {"cvttss2si", h_tsi32_32, s_tsi32_32, &shape_f32, 1, M32, ALWAYS},
    {"roundss", h_rint32, s_rint32, &shape_f32, 1, M32, ALWAYS},
    {"roundss-quiet", h_nearby32, s_nearby32, &shape_f32, 1, M32, ALWAYS},
    {"cvtsi2ss", h_from32i, s_from32i, NULL, 1, M32, ALWAYS},
    {"cvtsi2ss64", h_from32, s_from32, NULL, 1, M32, ALWAYS},
    {"addsd", h_add64, s_add64, &shape_f64, 2, M64, ALWAYS},
    {"subsd", h_sub64, s_sub64, &shape_f64, 2, M64, ALWAYS},
    {"mulsd", h_mul64, s_mul64, &shape_f64, 2, M64, ALWAYS},
    {"divsd", h_div64, s_div64, &shape_f64, 2, M64, ALWAYS},
    {"sqrtsd", h_sqrt64, s_sqrt64, &shape_f64, 1, M64, ALWAYS},
    {"minsd", h_min64, s_min64, &shape_f64, 2, M64, ALWAYS},
    {"maxsd", h_max64, s_max64, &shape_f64, 2, M64, ALWAYS},
    {"ucomisd", h_ucom64, s_ucom64, &shape_f64, 2, 0x45, ALWAYS},
    {"comisd", h_com64, s_com64, &shape_f64, 2, 0x45, ALWAYS},
    {"cvtsd2ss", h_cvt6432, s_cvt6432, &shape_f64, 1, M32, ALWAYS},
    {"cvtsd2si", h_si64_32, s_si64_32, &shape_f64, 1, M32, ALWAYS},
    {"cvtsd2si64", h_si64_64, s_si64_64, &shape_f64, 1, M64, ALWAYS},
    {"cvttsd2si64", h_tsi64_64, s_tsi64_64, &shape_f64, 1, M64, ALWAYS},
    {"roundsd", h_rint64, s_rint64, &shape_f64, 1, M64, ALWAYS},
    {"roundsd-quiet", h_nearby64, s_nearby64, &shape_f64, 1, M64, ALWAYS},
    {"cvtsi2sd64", h_from64, s_from64, NULL, 1, M64, ALWAYS},
    {"fmaddss", h_fma32, s_fma32, &shape_f32, 3, M32, NEED_FMA},
    {"fmaddsd", h_fma64, s_fma64, &shape_f64, 3, M64, NEED_FMA},
    {"cvtph2ps", h_f16_32, s_f16_32, &shape_f16, 1, M32, NEED_F16C},
    {"cvtps2ph", h_f32_16, s_f32_16, &shape_f32, 1, 0xffff, NEED_F16C},
    {"cvtsd2usi64", h_usi64_64, s_usi64_64, &shape_f64, 1, M64, NEED_AVX512},
    {"cvtsd2usi", h_usi64_32, s_usi64_32, &shape_f64, 1, M32, NEED_AVX512},
    {"cvtss2usi64", h_usi32_64, s_usi32_64, &shape_f32, 1, M64, NEED_AVX512},
    {"cvtusi2sd64", h_ufrom64, s_ufrom64, NULL, 1, M64, NEED_AVX512},
    {"cvtusi2ss64", h_ufrom32, s_ufrom32, NULL, 1, M32, NEED_AVX512},
    {"vaddsh", h_add16, s_add16, &shape_f16, 2, 0xffff, NEED_FP16},
    {"vsubsh", h_sub16, s_sub16, &shape_f16, 2, 0xffff, NEED_FP16},
    {"vmulsh", h_mul16, s_mul16, &shape_f16, 2, 0xffff, NEED_FP16},
    {"vdivsh", h_div16, s_div16, &shape_f16, 2, 0xffff, NEED_FP16},
    {"vsqrtsh", h_sqrt16, s_sqrt16, &shape_f16, 1, 0xffff, NEED_FP16},
    {"vminsh", h_min16, s_min16, &shape_f16, 2, 0xffff, NEED_FP16},
    {"vcomish", h_com16, s_com16, &shape_f16, 2, 0x45, NEED_FP16},
    {"vrndscalesh", h_rint16, s_rint16, &shape_f16, 1, 0xffff, NEED_FP16},
    {"vcvtsh2si", h_si16, s_si16, &shape_f16, 1, M64, NEED_FP16},
    {"vcvtsi2sh", h_from16, s_from16, NULL, 1, 0xffff, NEED_FP16},
    {"vfmaddsh", h_fma16, s_fma16, &shape_f16, 3, 0xffff, NEED_FP16},
    {"vcvtsd2sh", h_f64_16, s_f64_16, &shape_f64, 1, 0xffff, NEED_FP16},
};

static bool host_has(enum need need)
{
    switch (need) {
    case NEED_FMA:
        return __builtin_cpu_supports("fma");
    case NEED_F16C: /* not every compiler knows the name; all with FMA have it */
        return __builtin_cpu_supports("fma");
    case NEED_AVX512:
        return __builtin_cpu_supports("avx512f");
    case NEED_FP16: {
        unsigned a, b, c, d;

        return __builtin_cpu_supports("avx512f") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
               (d >> 23 & 1);
    }
    case ALWAYS:
        break;
    }
    return true;
}

static void check(const struct op *op, unsigned modes, uint64_t a, uint64_t b, uint64_t z)
{
    struct env e = env_make(modes);
    uint64_t host = op->host(a, b, z, &e.csr) & op->mask;
    uint64_t soft = op->soft(a, b, z, &e.c) & op->mask;
    unsigned flags = fp_flags_to_x86(e.c.flags);

    if (host != soft || (e.csr & 0x3f) != flags)
        fail_msg("%s modes %x: %lx %lx %lx gives %lx flags %x, host %lx flags %x", op->name, modes,
                 a, b, z, soft, flags, host, e.csr & 0x3f);
}

static void all_specials(const struct op *op)
{
    u128 v[64];
    unsigned n = specials(op->shape, v), nb = op->operands > 1 ? n : 1;
    unsigned nz = op->operands > 2 ? n : 1;

    for (unsigned modes = 0; modes < 16; modes++)
        for (unsigned i = 0; i < n; i++)
            for (unsigned j = 0; j < nb; j++)
                for (unsigned k = 0; k < nz; k++)
                    check(op, modes, (uint64_t)v[i], (uint64_t)v[j], (uint64_t)v[k]);
}

static uint64_t rng_int(struct rng *r)
{
    uint64_t v = (uint64_t)rng_frac(r, 64) >> rng_below(r, 64);

    return rng_below(r, 2) ? 0 - v : v;
}

static void test_op(void **state)
{
    const struct op *op = *state;
    struct rng r = {.s = 1};
    unsigned long n = rounds(op->operands == 1 ? 40000 : 100000);

    if (!host_has(op->need)) {
        fprintf(stderr, "*** %s NOT TESTED: this host lacks the instruction ***\n", op->name);
        skip();
    }
    if (op->shape)
        all_specials(op);
    for (unsigned long i = 0; i < n; i++) {
        u128 a, b = 0, z = 0;

        if (op->shape) {
            a = rng_operand(&r, op->shape, b);
            b = rng_operand(&r, op->shape, a);
            z = rng_operand(&r, op->shape, a);
            if (op->operands == 3 && rng_below(&r, 2)) { /* the addend cancels the product */
                struct fp_ctx c = {0};

                z = op->shape == &shape_f64   ? fp_f64_mul((uint64_t)a, (uint64_t)b, &c)
                    : op->shape == &shape_f32 ? fp_f32_mul((uint32_t)a, (uint32_t)b, &c)
                                              : fp_f16_mul((uint16_t)a, (uint16_t)b, &c);
                z ^= (u128)rng_below(&r, 2) << (op->shape->exp_bits + op->shape->frac_bits);
                z ^= rng_below(&r, 4);
            }
        } else {
            a = rng_int(&r);
        }
        /* Mostly without flushing, so that subnormals are seen. */
        check(op, (unsigned)(rng_below(&r, 2) ? i & 15 : i & 3), (uint64_t)a, (uint64_t)b,
              (uint64_t)z);
    }
}

int main(void)
{
    enum { COUNT = sizeof(ops) / sizeof(ops[0]) };
    struct CMUnitTest tests[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){ops[i].name, test_op, NULL, NULL, (void *)&ops[i]};
    return cmocka_run_group_tests_name("fp/sse", tests, NULL, NULL);
}
