/* The evaluator's integer, flag and scalar floating-point operations against references written
 * another way: wide arithmetic, bit loops, the host's own instructions. */
#include <fenv.h>
#include <immintrin.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fp/fp.h"
#include "gen.h"

enum { ROUNDS = 3000 };

static const struct ir_fpenv arm = {.rm = IR_RM_NEAREST};
static uint64_t seed = 1;

static uint64_t number(void)
{
    uint64_t r = gen_random(&seed);
    static const uint64_t some[] = {0,
                                    1,
                                    2,
                                    0x7f,
                                    0x80,
                                    0xff,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    UINT64_MAX,
                                    UINT64_C(1) << 63,
                                    INT64_MAX,
                                    0xffffffff80000000};

    switch (r & 7) {
    case 0:
    case 1:
        return some[(r >> 8) % 13];
    case 2:
        return gen_random(&seed) >> (r >> 8 & 63);
    case 3:
        return (uint64_t)((int64_t)gen_random(&seed) >> (r >> 8 & 63));
    default:
        return gen_random(&seed);
    }
}

static uint64_t eval(unsigned op, unsigned type, unsigned aux, uint32_t imm, unsigned argtype,
                     uint64_t a, uint64_t b, uint64_t c)
{
    union ir_val x = {.x = a}, y = {.x = b}, z = {.x = c}, r = {.x = 0xdeaddeaddeaddead};
    uint8_t fpflags = 0;

    ir_eval(&arm, (uint8_t)op, (uint8_t)type, aux, imm, (uint8_t)argtype, &r, &x, &y, &z, &fpflags);
    assert_int_equal(fpflags, 0);
    return r.x;
}

typedef unsigned __int128 wide;
typedef __int128 swide;

static wide cut(wide v, unsigned bits)
{
    return bits == 128 ? v : v & (((wide)1 << bits) - 1);
}

static swide sign(uint64_t v, unsigned bits)
{
    swide s = (swide)cut(v, bits);

    return s >> (bits - 1) & 1 ? s - ((swide)1 << bits) : s;
}

/* What a two-operand operation should give, before it is cut to the width. */
static wide expected2(unsigned op, uint64_t a, uint64_t b, unsigned w)
{
    swide sa = sign(a, w), sb = sign(b, w);
    wide ua = cut(a, w), ub = cut(b, w);
    unsigned n = (unsigned)(b % w);

    switch (op) {
    case IR_ADD:
        return ua + ub;
    case IR_SUB:
        return ua - ub;
    case IR_MUL:
        return ua * ub;
    case IR_MULHU:
        return ua * ub >> w;
    case IR_MULHS:
        return (wide)(sa * sb >> w);
    case IR_MULHSU:
        /* ub < 2^64 times |sa| <= 2^63 fits 127 bits */
        return (wide)(sa * (swide)ub >> w);
    case IR_UDIV:
        return ub ? ua / ub : 0;
    case IR_SDIV:
        return sb ? (wide)(sa / sb) : 0;
    case IR_UREM:
        return ub ? ua % ub : ua;
    case IR_SREM:
        return sb ? (wide)(sa % sb) : ua;
    case IR_AND:
        return ~(~ua | ~ub);
    case IR_OR:
        return ~(~ua & ~ub);
    case IR_XOR:
        return (ua | ub) - (ua & ub);
    case IR_ANDN:
        return ua - (ua & ub);
    case IR_SHL:
        return ua << n;
    case IR_SHR:
        return ua >> n;
    case IR_SAR:
        return (wide)(sa >> n);
    case IR_ROR:
        return (ua << w | ua) >> n;
    default:
        abort();
    }
}

static void test_binary(void **state)
{
    (void)state;
    for (unsigned op = IR_ADD; op <= IR_ROR; op++) {
        if (op == IR_NOT || op == IR_NEG)
            continue;
        for (unsigned k = 0; k < ROUNDS; k++) {
            unsigned type = k & 1 ? IR_I32 : IR_I64, w = ir_type_bits[type];
            uint64_t a = number(), b = number();
            uint64_t got = eval(op, type, 0, 0, type, a, b, 0);

            if (got != (uint64_t)cut(expected2(op, a, b, w), w))
                fail_msg("%s %u %lx %lx: %lx", ir_ops[op].name, w, a, b, got);
        }
    }
    assert_true(eval(IR_UDIV, IR_I64, IR_DIV_ONES, 0, IR_I64, 5, 0, 0) == UINT64_MAX);
    assert_true(eval(IR_SDIV, IR_I32, IR_DIV_ONES, 0, IR_I32, 5, 0, 0) == UINT32_MAX);
    assert_true(eval(IR_SDIV, IR_I64, 0, 0, IR_I64, UINT64_C(1) << 63, UINT64_MAX, 0) == UINT64_C(1)
                                                                                             << 63);
}

/* Bit i of a value. */
static unsigned bit(uint64_t v, unsigned i)
{
    return v >> i & 1;
}

static uint64_t expected1(unsigned op, uint64_t a, unsigned w, unsigned aux)
{
    unsigned at = aux & 63, length = aux >> 8;
    uint64_t r = 0;

    switch (op) {
    case IR_NOT:
        for (unsigned i = 0; i < w; i++)
            r |= (uint64_t)!bit(a, i) << i;
        return r;
    case IR_NEG:
        return (uint64_t)cut(0 - (wide)a, w);
    case IR_CLZ:
        while (r < w && !bit(a, w - 1 - (unsigned)r))
            r++;
        return r;
    case IR_CTZ:
        while (r < w && !bit(a, (unsigned)r))
            r++;
        return r;
    case IR_POPCNT:
        for (unsigned i = 0; i < w; i++)
            r += bit(a, i);
        return r;
    case IR_BITREV:
        for (unsigned i = 0; i < w; i++)
            r |= (uint64_t)bit(a, i) << (w - 1 - i);
        return r;
    case IR_ORCB:
        for (unsigned i = 0; i < w; i++)
            r |= (uint64_t)((a >> (i & ~7u) & 0xff) != 0) << i;
        return r;
    case IR_BSWAP:
        for (unsigned i = 0; i < w / 8; i++)
            r |= (a >> 8 * i & 0xff) << 8 * (i / aux * aux + aux - 1 - i % aux);
        return r;
    case IR_ZX:
        return (uint64_t)cut(a, aux < w ? aux : w);
    case IR_SX:
        return (uint64_t)cut((wide)sign(a, aux), w);
    case IR_UBFX:
    case IR_SBFX:
        for (unsigned i = 0; i < w; i++)
            if (i < length || op == IR_SBFX)
                r |= (uint64_t)bit(a, at + (i < length ? i : length - 1)) << i;
        return r;
    default:
        abort();
    }
}

static void test_unary(void **state)
{
    static const uint8_t ops[] = {IR_NOT,  IR_NEG,   IR_CLZ, IR_CTZ, IR_POPCNT, IR_BITREV,
                                  IR_ORCB, IR_BSWAP, IR_ZX,  IR_SX,  IR_UBFX,   IR_SBFX};

    (void)state;
    for (unsigned o = 0; o < sizeof(ops); o++)
        for (unsigned k = 0; k < ROUNDS; k++) {
            unsigned type = k & 1 ? IR_I32 : IR_I64, w = ir_type_bits[type];
            uint32_t imm;
            unsigned aux = gen_aux(&seed, ops[o], type, &imm);
            uint64_t a = number(), got = eval(ops[o], type, aux, 0, type, a, 0, 0);

            if (got != expected1(ops[o], a, w, aux))
                fail_msg("%s.%x %u %lx: %lx", ir_ops[ops[o]].name, aux, w, a, got);
        }
}

static void test_fields(void **state)
{
    (void)state;
    for (unsigned k = 0; k < ROUNDS; k++) {
        unsigned type = k & 1 ? IR_I32 : IR_I64, w = ir_type_bits[type];
        uint32_t imm;
        unsigned aux = gen_aux(&seed, IR_BFI, type, &imm), at = aux & 63, length = aux >> 8;
        uint64_t a = number(), b = number(), got = eval(IR_BFI, type, aux, 0, type, a, b, 0);

        for (unsigned i = 0; i < w; i++)
            assert_int_equal(bit(got, i), i >= at && i < at + length ? bit(b, i - at) : bit(a, i));
        gen_aux(&seed, IR_EXTR, type, &imm);
        got = eval(IR_EXTR, type, 0, imm, type, a, b, 0);
        assert_true(got == (uint64_t)cut((cut(a, w) << w | cut(b, w)) >> imm, w));
    }
}

__attribute__((target("pclmul,sse4.2"))) static void check_host_integer(uint64_t a, uint64_t b)
{
    __m128i p =
        _mm_clmulepi64_si128(_mm_set1_epi64x((long long)a), _mm_set1_epi64x((long long)b), 0);

    assert_true(eval(IR_CLMUL, IR_I64, 0, 0, IR_I64, a, b, 0) == (uint64_t)_mm_cvtsi128_si64(p));
    assert_true(eval(IR_CLMULH, IR_I64, 0, 0, IR_I64, a, b, 0) ==
                (uint64_t)_mm_extract_epi64(p, 1));
    assert_true(eval(IR_CRC32C, IR_I32, 1, 0, IR_I32, a, b, 0) ==
                _mm_crc32_u8((uint32_t)a, (uint8_t)b));
    assert_true(eval(IR_CRC32C, IR_I32, 2, 0, IR_I32, a, b, 0) ==
                _mm_crc32_u16((uint32_t)a, (uint16_t)b));
    assert_true(eval(IR_CRC32C, IR_I32, 4, 0, IR_I32, a, b, 0) ==
                _mm_crc32_u32((uint32_t)a, (uint32_t)b));
    assert_true(eval(IR_CRC32C, IR_I32, 8, 0, IR_I32, a, b, 0) == _mm_crc32_u64((uint32_t)a, b));
}

static void test_host_integer(void **state)
{
    const char *text = "123456789";
    uint32_t crc = UINT32_MAX;

    (void)state;
    if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.2"))
        for (unsigned k = 0; k < ROUNDS; k++)
            check_host_integer(number(), number());
    /* The check value of every catalogue of CRCs. */
    for (unsigned i = 0; i < 9; i++)
        crc = (uint32_t)eval(IR_CRC32, IR_I32, 1, 0, IR_I32, crc, (uint8_t)text[i], 0);
    assert_int_equal(~crc, 0xcbf43926);
}

static bool expected_cond(unsigned cond, uint64_t a, uint64_t b, unsigned w)
{
    swide sa = sign(a, w), sb = sign(b, w);
    wide ua = cut(a, w), ub = cut(b, w);
    const bool is[] = {
        [IR_EQ] = ua == ub,
        [IR_NE] = ua != ub,
        [IR_LTS] = sa<sb, [IR_GES] = sa >= sb, [IR_LES] = sa <= sb, [IR_GTS] = sa> sb,
        [IR_LTU] = ua<ub, [IR_GEU] = ua >= ub, [IR_LEU] = ua <= ub, [IR_GTU] = ua> ub,
    };

    return is[cond];
}

/* The integer condition that a cc condition is, of the flags of a subtraction. */
static const int8_t cc_means[15] = {
    [IR_CC_EQ] = IR_EQ,  [IR_CC_NE] = IR_NE,  [IR_CC_CS] = IR_GEU, [IR_CC_CC] = IR_LTU,
    [IR_CC_MI] = -1,     [IR_CC_PL] = -1,     [IR_CC_VS] = -1,     [IR_CC_VC] = -1,
    [IR_CC_HI] = IR_GTU, [IR_CC_LS] = IR_LEU, [IR_CC_GE] = IR_GES, [IR_CC_LT] = IR_LTS,
    [IR_CC_GT] = IR_GTS, [IR_CC_LE] = IR_LES, [IR_CC_AL] = -1,
};

static uint32_t expected_flags(wide unsigned_sum, swide signed_sum, unsigned w)
{
    uint64_t r = (uint64_t)cut(unsigned_sum, w);

    return (uint32_t)bit(r, w - 1) << 31 | (uint32_t)(r == 0) << 30 |
           (uint32_t)(unsigned_sum >> w != 0) << 29 | (uint32_t)(sign(r, w) != signed_sum) << 28;
}

static void check_flags(uint64_t a, uint64_t b, uint64_t cc, unsigned type)
{
    unsigned w = ir_type_bits[type], carry = cc >> 29 & 1;
    wide ua = cut(a, w), ub = cut(b, w), nb = cut(~b, w);
    swide sa = sign(a, w), sb = sign(b, w);
    uint32_t add = expected_flags(ua + ub, sa + sb, w);
    uint32_t sub = expected_flags(ua + nb + 1, sa - sb, w);

    assert_int_equal(eval(IR_CCADD, IR_CC, 0, 0, type, a, b, 0), add);
    assert_int_equal(eval(IR_CCSUB, IR_CC, 0, 0, type, a, b, 0), sub);
    assert_int_equal(eval(IR_CCADC, IR_CC, 0, 0, type, a, b, cc),
                     expected_flags(ua + ub + carry, sa + sb + carry, w));
    assert_int_equal(eval(IR_CCSBC, IR_CC, 0, 0, type, a, b, cc),
                     expected_flags(ua + nb + carry, sa - sb - !carry, w));
    assert_true(eval(IR_ADC, type, 0, 0, type, a, b, cc) == (uint64_t)cut(ua + ub + carry, w));
    assert_true(eval(IR_SBC, type, 0, 0, type, a, b, cc) == (uint64_t)cut(ua - ub - !carry, w));
    assert_int_equal(eval(IR_CCLOG, IR_CC, 0, 0, type, a, 0, 0),
                     (uint32_t)(sa < 0) << 31 | (uint32_t)(ua == 0) << 30);
    for (unsigned cond = 0; cond < 15; cond++) {
        uint64_t yes = eval(IR_SETCC, IR_I32, cond, 0, IR_CC, sub, 0, 0);

        if (cc_means[cond] >= 0)
            assert_int_equal(yes, expected_cond((unsigned)cc_means[cond], a, b, w));
        assert_true(eval(IR_SELCC, IR_I64, cond, 0, IR_CC, sub, 5, 6) == (yes ? 5u : 6u));
        assert_int_equal(eval(IR_CCSEL, IR_CC, cond | 0x90, 0, type, a, b, cc),
                         eval(IR_SETCC, IR_I32, cond, 0, IR_CC, cc, 0, 0) ? sub : 0x90000000);
        assert_int_equal(eval(IR_CCSEL, IR_CC, cond | 0x160, 0, type, a, b, cc),
                         eval(IR_SETCC, IR_I32, cond, 0, IR_CC, cc, 0, 0) ? add : 0x60000000);
    }
    for (unsigned cond = 0; cond < 10; cond++)
        assert_int_equal(eval(IR_SETC, IR_I32, cond, 0, type, a, b, 0),
                         expected_cond(cond, a, b, w));
}

static void test_flags(void **state)
{
    static const uint8_t flag_bit[] = {31, 31, 28, 28};

    (void)state;
    for (unsigned k = 0; k < ROUNDS; k++) {
        uint64_t a = number(), b = k % 5 ? number() : a;

        check_flags(a, b, number() & 0xf0000000, k & 1 ? IR_I32 : IR_I64);
    }
    for (uint32_t nzcv = 0; nzcv < 16; nzcv++) {
        for (unsigned c = IR_CC_MI; c <= IR_CC_VC; c++)
            assert_int_equal(eval(IR_SETCC, IR_I32, c, 0, IR_CC, nzcv << 28, 0, 0),
                             bit(nzcv << 28, flag_bit[c - IR_CC_MI]) ^ (c & 1));
        assert_int_equal(eval(IR_CCTO, IR_I32, 0, 0, IR_CC, nzcv << 28, 0, 0), nzcv << 28);
        assert_int_equal(eval(IR_CCFROM, IR_CC, 0, 0, IR_I32, nzcv << 28 | 0x123, 0, 0),
                         nzcv << 28);
        assert_int_equal(ir_nzcv_unpack(ir_nzcv_pack(nzcv << 28)), nzcv << 28);
    }
}

/* ---- floating point: the mapping onto fp/, checked with the host's unit ---- */
static uint64_t real(unsigned type)
{
    uint64_t r = gen_random(&seed);
    unsigned exponent = (unsigned)(r & 63);

    /* Magnitudes near one another, so that rounding is at stake; no NaN. */
    if (type == IR_F32)
        return (uint32_t)(r >> 63 << 31 | (uint64_t)(96 + exponent) << 23 | (r >> 8 & 0x7fffff));
    return r >> 63 << 63 | (uint64_t)(992 + exponent) << 52 | (r >> 11 & UINT64_C(0xfffffffffffff));
}

static double as_double(uint64_t v)
{
    double d;

    memcpy(&d, &v, 8);
    return d;
}

static float as_float(uint64_t v)
{
    float f;

    memcpy(&f, &v, 4);
    return f;
}

static uint64_t of_double(double d)
{
    uint64_t v;

    memcpy(&v, &d, 8);
    return v;
}

static uint64_t of_float(float f)
{
    uint32_t v;

    memcpy(&v, &f, 4);
    return v;
}

/* Compilers expand rint() assuming rounding to nearest. */
static double rint_in_mode(double x)
{
    double (*volatile function)(double) = rint;

    return function(x);
}

static uint64_t host_fp(unsigned op, unsigned type, uint64_t a, uint64_t b)
{
    volatile double x = as_double(a), y = as_double(b);
    volatile float p = as_float(a), q = as_float(b);

#define EITHER(expr_double, expr_float) \
    return type == IR_F64 ? of_double(expr_double) : of_float(expr_float)
    switch (op) {
    case IR_FADD:
        EITHER(x + y, p + q);
    case IR_FSUB:
        EITHER(x - y, p - q);
    case IR_FMUL:
        EITHER(x * y, p * q);
    case IR_FDIV:
        EITHER(x / y, p / q);
    case IR_FSQRT:
        EITHER(__builtin_sqrt(x), __builtin_sqrtf(p));
    case IR_FMIN:
        EITHER(x < y ? x : y, p < q ? p : q);
    case IR_FMAX:
        EITHER(x > y ? x : y, p > q ? p : q);
    case IR_FRINT:
        EITHER(rint_in_mode(x), (float)rint_in_mode(p));
    case IR_FCVT:
        return type == IR_F64 ? of_double(p) : of_float((float)x);
    default:
        abort();
    }
}

static void test_float(void **state)
{
    static const uint8_t ops[] = {IR_FADD, IR_FSUB, IR_FMUL,  IR_FDIV, IR_FSQRT,
                                  IR_FMIN, IR_FMAX, IR_FRINT, IR_FCVT};
    static const int host_round[] = {FE_TONEAREST, FE_TOWARDZERO, FE_UPWARD, FE_DOWNWARD};

    (void)state;
    for (unsigned o = 0; o < sizeof(ops); o++)
        for (unsigned k = 0; k < ROUNDS; k++) {
            unsigned op = ops[o], type = k & 1 ? IR_F32 : IR_F64, rm = k / 2 % 4;
            unsigned from = op != IR_FCVT ? type : k & 1 ? IR_F64 : IR_F32;
            struct ir_fpenv env = {.rm = (uint8_t)(IR_RM_NEAREST + rm)};
            bool direct = (k & 8) && op != IR_FMIN && op != IR_FMAX;
            unsigned aux = (op == IR_FRINT ? 8 : 0) | (direct ? env.rm : 0);
            union ir_val a = {.x = real(from)}, b = {.x = real(from)}, r;
            uint8_t flags = 0;
            uint64_t want;

            if (op == IR_FSQRT)
                a.x = type == IR_F32 ? a.w & 0x7fffffff : a.x & INT64_MAX;
            if (direct)
                env.rm = IR_RM_NEAREST;
            ir_eval(&env, (uint8_t)op, (uint8_t)type, aux, 0, (uint8_t)from, &r, &a, &b, NULL,
                    &flags);
            fesetround(host_round[rm]);
            feclearexcept(FE_ALL_EXCEPT);
            want = host_fp(op, type, a.x, b.x);
            if (op != IR_FMIN && op != IR_FMAX) /* the host compares there */
                assert_int_equal((flags & FP_FLAG_INEXACT) != 0, fetestexcept(FE_INEXACT) != 0);
            fesetround(FE_TONEAREST);
            if (r.x != want)
                fail_msg("%s rm %u: %lx %lx: %lx, host %lx", ir_ops[op].name, rm, a.x, b.x, r.x,
                         want);
        }
}

static uint64_t eval_f(unsigned op, unsigned type, unsigned aux, unsigned argtype, uint64_t a,
                       uint64_t b, uint64_t c, uint8_t *flags)
{
    union ir_val x = {.x = a}, y = {.x = b}, z = {.x = c}, r;

    ir_eval(&arm, (uint8_t)op, (uint8_t)type, aux, 0, (uint8_t)argtype, &r, &x, &y, &z, flags);
    return r.x;
}

static void test_conversions(void **state)
{
    (void)state;
    for (unsigned k = 0; k < ROUNDS; k++) {
        double d = as_double(real(IR_F64));
        int64_t n = (int64_t)number();
        uint8_t f = 0;

        assert_true((int64_t)eval_f(IR_FTOS, IR_I64, IR_RM_ZERO, IR_F64, of_double(d), 0, 0, &f) ==
                    (int64_t)d);
        assert_true(eval_f(IR_FTOS, IR_I32, IR_RM_ZERO, IR_F64, of_double(d), 0, 0, &f) ==
                    (uint32_t)(d >= 2147483648.0    ? INT32_MAX
                               : d <= -2147483649.0 ? INT32_MIN
                                                    : (int32_t)d));
        assert_true(eval_f(IR_STOF, IR_F64, 0, IR_I64, (uint64_t)n, 0, 0, &f) ==
                    of_double((double)n));
        assert_true(eval_f(IR_STOF, IR_F32, 0, IR_I32, (uint64_t)n, 0, 0, &f) ==
                    of_float((float)(int32_t)n));
        assert_true(eval_f(IR_UTOF, IR_F32, 0, IR_I64, (uint64_t)n, 0, 0, &f) ==
                    of_float((float)(uint64_t)n));
        assert_true(eval_f(IR_FMA, IR_F64, 0, IR_F64, of_double(d), of_double(1.5),
                           of_double((double)n),
                           &f) == of_double(__builtin_fma(d, 1.5, (double)n)));
        assert_true(eval_f(IR_FNEG, IR_F64, 0, IR_F64, of_double(d), 0, 0, &f) == of_double(-d));
        assert_true(eval_f(IR_FABS, IR_F32, 0, IR_F32, of_float((float)d), 0, 0, &f) ==
                    of_float(__builtin_fabsf((float)d)));
    }
}

static void test_fp_compare(void **state)
{
    const double values[] = {-1, -0.0, 0.0, 1, __builtin_inf(), __builtin_nan("")};
    uint8_t f;

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        for (unsigned k = 0; k < 6; k++) {
            double x = values[i], y = values[k];
            uint64_t a = of_double(x), b = of_double(y);
            bool unordered = i == 5 || k == 5;
            const bool want[8] = {x == y,    x<y, x <= y, x> y, x >= y,
                                  !(x == y), unordered,         !unordered};

            for (unsigned c = 0; c < 16; c++) {
                f = 0;
                assert_int_equal(eval_f(IR_FSETC, IR_I32, c, IR_F64, a, b, 0, &f), want[c & 7]);
                assert_int_equal(f, unordered && (c & 8) ? FP_FLAG_INVALID : 0);
            }
            f = 0;
            assert_int_equal(eval_f(IR_CCFCMP, IR_CC, 0, IR_F64, a, b, 0, &f),
                             unordered ? 0x30000000
                             : x < y   ? 0x80000000
                             : x > y   ? 0x20000000
                                       : 0x60000000);
            assert_int_equal(f, 0);
        }
    f = 0;
    /* Arm's maxNum: a quiet NaN loses; x86's minimum gives the second operand */
    assert_true(eval_f(IR_FMAX, IR_F64, IR_MM_NUM << 4, IR_F64, of_double(1), of_double(values[5]),
                       0, &f) == of_double(1));
    assert_true(eval_f(IR_FMIN, IR_F64, IR_MM_X86 << 4, IR_F64, of_double(values[5]), of_double(1),
                       0, &f) == of_double(1));
    assert_true(eval_f(IR_FMIN, IR_F32, IR_MM_ARM << 4, IR_F32, 0, 0x80000000, 0, &f) ==
                0x80000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary),      cmocka_unit_test(test_unary),
        cmocka_unit_test(test_fields),      cmocka_unit_test(test_host_integer),
        cmocka_unit_test(test_flags),       cmocka_unit_test(test_float),
        cmocka_unit_test(test_conversions), cmocka_unit_test(test_fp_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
