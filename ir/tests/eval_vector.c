/* The evaluator's vector operations against references written another way: 128-bit arithmetic lane
 * by lane, the scalar operations for floating point, the host's instructions and FIPS examples for
 * cryptography. */
#include <immintrin.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen.h"

enum { ROUNDS = 2000 };

typedef __int128 wide;

static const struct ir_fpenv arm = {.rm = IR_RM_NEAREST};
static uint64_t seed = 7;

static union ir_val vector(void)
{
    union ir_val v = {.d = {gen_random(&seed), gen_random(&seed)}};
    uint64_t r = gen_random(&seed);

    /* Some lanes are extreme, and some equal. */
    for (unsigned i = 0; i < 16; i++)
        if ((r >> (4 * i) & 15) == 0)
            v.b[i] = (r & 1) ? 0xff : 0;
        else if ((r >> (4 * i) & 15) == 1)
            v.b[i] = (r & 1) ? 0x80 : 0x7f;
    if (r >> 60 == 2)
        v.d[1] = v.d[0];
    return v;
}

static union ir_val eval(unsigned op, unsigned aux, uint32_t imm, union ir_val a, union ir_val b,
                         union ir_val c)
{
    union ir_val r;
    uint8_t flags = 0;

    memset(&r, 0xa5, sizeof(r));
    ir_eval(&arm, (uint8_t)op, IR_V128, aux, imm, IR_V128, &r, &a, &b, &c, &flags);
    return r;
}

static void fail_vector(unsigned op, unsigned aux, uint32_t imm, union ir_val got,
                        union ir_val want)
{
    fail_msg("%s aux %x imm %d: %016lx%016lx, not %016lx%016lx", ir_ops[op].name, aux, (int)imm,
             got.d[1], got.d[0], want.d[1], want.d[0]);
}

/* Lane i of v, with sign or without, through memory. */
static wide lane(const union ir_val *v, unsigned bytes, unsigned i, bool is_signed)
{
    uint64_t x = 0;

    memcpy(&x, &v->b[i * bytes], bytes);
    if (is_signed && x >> (8 * bytes - 1) & 1)
        return (wide)x - ((wide)1 << 8 * bytes);
    return x;
}

static void set_lane(union ir_val *v, unsigned bytes, unsigned i, wide x)
{
    uint64_t u = (uint64_t)x;

    memcpy(&v->b[i * bytes], &u, bytes);
}

static wide clamp(wide v, wide low, wide high)
{
    return v < low ? low : v > high ? high : v;
}

static wide floor_shift(wide v, int right)
{
    if (right <= 0)
        return right < -64 ? 0 : (wide)((unsigned __int128)v << -right);
    return right > 100 ? (v < 0 ? -1 : 0) : v >> right;
}

static wide count_zeros(wide v, unsigned w)
{
    unsigned n = 0;

    while (n < w && !(v >> (w - 1 - n) & 1))
        n++;
    return n;
}

/* s*: signed lanes, u*: unsigned; w bits a lane. The result is cut to the lane. */
static wide expected(unsigned op, wide sx, wide sy, wide ux, wide uy, wide uz, unsigned w, int imm,
                     bool high)
{
    wide top = ((wide)1 << w) - 1, smax = top >> 1, smin = -smax - 1, t;

    switch (op) {
    case IR_VADD:
        return ux + uy;
    case IR_VSUB:
        return ux - uy;
    case IR_VMUL:
        return sx * sy;
    case IR_VMLA:
        return uz + sx * sy;
    case IR_VMLS:
        return uz - sx * sy;
    case IR_VNEG:
        return -sx;
    case IR_VABS:
        return sx < 0 ? -sx : sx;
    case IR_VMINS:
        return sx < sy ? sx : sy;
    case IR_VMINU:
        return ux < uy ? ux : uy;
    case IR_VMAXS:
        return sx > sy ? sx : sy;
    case IR_VMAXU:
        return ux > uy ? ux : uy;
    case IR_VABDS:
        return sx > sy ? sx - sy : sy - sx;
    case IR_VABDU:
        return ux > uy ? ux - uy : uy - ux;
    case IR_VQADDS:
        return clamp(sx + sy, smin, smax);
    case IR_VQADDU:
        return clamp(ux + uy, 0, top);
    case IR_VQSUBS:
        return clamp(sx - sy, smin, smax);
    case IR_VQSUBU:
        return clamp(ux - uy, 0, top);
    case IR_VHADDS:
        return (sx + sy) >> 1;
    case IR_VHADDU:
        return (ux + uy) >> 1;
    case IR_VRHADDS:
        return (sx + sy + 1) >> 1;
    case IR_VRHADDU:
        return (ux + uy + 1) >> 1;
    case IR_VHSUBS:
        return (sx - sy) >> 1;
    case IR_VHSUBU:
        return (ux - uy) >> 1;
    case IR_VCEQ:
        return -(wide)(ux == uy);
    case IR_VCGTS:
        return -(wide)(sx > sy);
    case IR_VCGTU:
        return -(wide)(ux > uy);
    case IR_VCGES:
        return -(wide)(sx >= sy);
    case IR_VCGEU:
        return -(wide)(ux >= uy);
    case IR_VTST:
        return -(wide)((ux & uy) != 0);
    case IR_VSHLI:
        return ux << imm;
    case IR_VSHRI:
        return ux >> imm;
    case IR_VSARI:
        return sx >> imm;
    case IR_VSHLS:
        return floor_shift(sx, -(int8_t)uy);
    case IR_VSHLU:
        return floor_shift(ux, -(int8_t)uy);
    case IR_VSLI:
        t = ((wide)1 << imm) - 1;
        return uy << imm | (ux & t);
    case IR_VSRI:
        t = top >> imm;
        return uy >> imm | (ux & ~t);
    case IR_VCLZ:
        return count_zeros(ux, w);
    case IR_VCLS:
        return count_zeros((ux ^ ux << 1) & top & ~(wide)1, w) == w ? w - 1
                                                                    : count_zeros(ux ^ ux << 1, w);
    case IR_VQDMULH:
        if (sx == smin && sy == smin)
            return smax;
        return clamp((2 * sx * sy + (high ? (wide)1 << (w - 1) : 0)) >> w, smin, smax);
    default:
        abort();
    }
}

static void test_lanes(void **state)
{
    (void)state;
    for (unsigned op = IR_VADD; op <= IR_VCLS; op++) {
        if (op > IR_VSRI && op != IR_VCLZ && op != IR_VCLS && op != IR_VQDMULH)
            continue;
        for (unsigned k = 0; k < ROUNDS; k++) {
            union ir_val a = vector(), b = vector(), c = vector(), got, want = {.d = {0, 0}};
            uint32_t imm;
            unsigned aux = gen_aux(&seed, op, IR_V128, &imm), bytes = 1u << (aux & 7);
            unsigned n = (aux & IR_HALF ? 8 : 16) / bytes;

            for (unsigned i = 0; i < n; i++)
                set_lane(&want, bytes, i,
                         expected(op, lane(&a, bytes, i, true), lane(&b, bytes, i, true),
                                  lane(&a, bytes, i, false), lane(&b, bytes, i, false),
                                  lane(&c, bytes, i, false), 8 * bytes, (int)imm, aux & IR_HIGH));
            got = eval(op, aux, imm, a, b, c);
            if (memcmp(&got, &want, 16) != 0)
                fail_vector(op, aux, imm, got, want);
        }
    }
}

/* ---- widening, narrowing, across ---- */
static void expected_wide(unsigned op, unsigned aux, const union ir_val *a, const union ir_val *b,
                          union ir_val *r)
{
    unsigned bytes = 1u << (aux & 7), n = 8 / bytes;
    unsigned high = op == IR_VSXH || op == IR_VZXH || (aux & IR_HIGH) ? n : 0;
    bool is_signed = op == IR_VSXL || op == IR_VSXH || op == IR_VMULLS || op == IR_VADDLPS;

    for (unsigned i = 0; i < n; i++) {
        wide v;

        if (op == IR_VADDLPS || op == IR_VADDLPU)
            v = lane(a, bytes, 2 * i, is_signed) + lane(a, bytes, 2 * i + 1, is_signed);
        else if (op == IR_VMULLS || op == IR_VMULLU)
            v = lane(a, bytes, high + i, is_signed) * lane(b, bytes, high + i, is_signed);
        else
            v = lane(a, bytes, high + i, is_signed);
        set_lane(r, 2 * bytes, i, v);
    }
    if (aux & IR_HALF)
        r->d[1] = 0;
}

static void expected_narrow(unsigned op, unsigned aux, const union ir_val *a, union ir_val *r)
{
    unsigned bytes = 1u << (aux & 7);
    wide top = ((wide)1 << 8 * bytes) - 1;

    for (unsigned i = 0; i < 8 / bytes; i++) {
        wide v = lane(a, 2 * bytes, i, op == IR_VQNSS || op == IR_VQNSU);

        if (op == IR_VQNSS)
            v = clamp(v, -(top >> 1) - 1, top >> 1);
        else if (op != IR_VNARR)
            v = clamp(v, 0, top);
        set_lane(r, bytes, i, v);
    }
}

static void expected_pairs(unsigned op, unsigned aux, const union ir_val *a, const union ir_val *b,
                           union ir_val *r)
{
    unsigned bytes = 1u << (aux & 7), half = aux & IR_HALF ? 8 : 16, n = half / bytes;
    uint8_t both[32];
    union ir_val x;

    memcpy(both, a, half);
    memcpy(both + half, b, half);
    for (unsigned i = 0; i < n; i++) {
        bool is_signed = op == IR_VMINPS || op == IR_VMAXPS;
        wide p, q;

        memcpy(&x, &both[2 * i * bytes], 2 * bytes);
        p = lane(&x, bytes, 0, is_signed);
        q = lane(&x, bytes, 1, is_signed);
        set_lane(r, bytes, i,
                 op == IR_VADDP                       ? p + q
                 : op == IR_VMINPS || op == IR_VMINPU ? (p < q ? p : q)
                                                      : (p > q ? p : q));
    }
}

static void test_shapes(void **state)
{
    static const uint8_t ops[] = {
        IR_VSXL,    IR_VZXL,    IR_VSXH,   IR_VZXH,   IR_VMULLS, IR_VMULLU,
        IR_VADDLPS, IR_VADDLPU, IR_VNARR,  IR_VQNSS,  IR_VQNSU,  IR_VQNUU,
        IR_VADDP,   IR_VMINPS,  IR_VMINPU, IR_VMAXPS, IR_VMAXPU,
    };

    (void)state;
    for (unsigned o = 0; o < sizeof(ops); o++)
        for (unsigned k = 0; k < ROUNDS; k++) {
            union ir_val a = vector(), b = vector(), want = {.d = {0, 0}}, got;
            uint32_t imm;
            unsigned aux = gen_aux(&seed, ops[o], IR_V128, &imm);

            if (ops[o] >= IR_VNARR && ops[o] <= IR_VQNUU)
                expected_narrow(ops[o], aux, &a, &want);
            else if (ops[o] >= IR_VADDP && ops[o] <= IR_VMAXPU)
                expected_pairs(ops[o], aux, &a, &b, &want);
            else
                expected_wide(ops[o], aux, &a, &b, &want);
            got = eval(ops[o], aux, 0, a, b, a);
            if (memcmp(&got, &want, 16) != 0)
                fail_vector(ops[o], aux, 0, got, want);
        }
}

/* ---- moves: every byte of the result named by where it comes from ---- */

/* Byte `at` of the result is byte source of a (0..15), of b (16..31), or zero (-1). */
static int source(unsigned op, unsigned aux, uint32_t imm, unsigned at)
{
    unsigned bytes = 1u << (aux & 7), size = aux & IR_HALF ? 8 : 16, n = size / bytes;
    unsigned i = at / bytes, k = at % bytes, from;

    if (at >= size)
        return -1;
    switch (op) {
    case IR_VZIP1:
    case IR_VZIP2:
        from = i / 2 + (op == IR_VZIP2 ? n / 2 : 0);
        return (int)(from * bytes + k + (i % 2 ? 16 : 0));
    case IR_VUZP1:
    case IR_VUZP2:
        from = 2 * (i % (n / 2)) + (op == IR_VUZP2);
        return (int)(from * bytes + k + (i >= n / 2 ? 16 : 0));
    case IR_VTRN1:
    case IR_VTRN2:
        from = i / 2 * 2 + (op == IR_VTRN2);
        return (int)(from * bytes + k + (i % 2 ? 16 : 0));
    case IR_VREV:
        return (int)(at / imm * imm + (imm / bytes - 1 - at % imm / bytes) * bytes + k);
    case IR_VEXT:
        return (int)(at + imm < size ? at + imm : at + imm - size + 16);
    case IR_VDUPL:
        return (int)(imm * bytes + k);
    case IR_VSETL:
        return (int)(i == (imm & 255) ? (imm >> 8) * bytes + k + 16 : at);
    default:
        abort();
    }
}

static void test_moves(void **state)
{
    static const uint8_t ops[] = {IR_VZIP1, IR_VZIP2, IR_VUZP1, IR_VUZP2, IR_VTRN1,
                                  IR_VTRN2, IR_VREV,  IR_VEXT,  IR_VDUPL, IR_VSETL};

    (void)state;
    for (unsigned o = 0; o < sizeof(ops); o++)
        for (unsigned k = 0; k < ROUNDS; k++) {
            union ir_val a = vector(), b = vector(), want, got;
            uint32_t imm;
            unsigned aux = gen_aux(&seed, ops[o], IR_V128, &imm);

            for (unsigned i = 0; i < 16; i++) {
                int from = source(ops[o], aux, imm, i);

                want.b[i] = from < 0 ? 0 : from < 16 ? a.b[from] : b.b[from - 16];
            }
            got = eval(ops[o], aux, imm, a, b, a);
            if (memcmp(&got, &want, 16) != 0)
                fail_vector(ops[o], aux, imm, got, want);
        }
}

static void test_scalar_lanes(void **state)
{
    (void)state;
    for (unsigned k = 0; k < ROUNDS; k++) {
        union ir_val a = vector(), x = {.x = gen_random(&seed)}, r;
        uint32_t imm;
        unsigned aux = gen_aux(&seed, IR_VGET, IR_V128, &imm), bytes = 1u << (aux & 7);
        unsigned type = k & 1 ? IR_I32 : IR_I64;
        uint8_t flags = 0;
        uint64_t v;

        ir_eval(&arm, IR_VGET, (uint8_t)type, aux, imm, IR_V128, &r, &a, NULL, NULL, &flags);
        v = (uint64_t)lane(&a, bytes, imm, aux & 16);
        assert_true(r.x == (type == IR_I32 ? (uint32_t)v : v));
        ir_eval(&arm, IR_VSET, IR_V128, aux & 7, imm, IR_V128, &r, &a, &x, NULL, &flags);
        for (unsigned i = 0; i < 16; i++)
            assert_int_equal(r.b[i], i / bytes == imm ? (uint8_t)(x.x >> 8 * (i % bytes)) : a.b[i]);
        ir_eval(&arm, IR_VDUP, IR_V128, aux & 15, 0, IR_I64, &r, &x, NULL, NULL, &flags);
        for (unsigned i = 0; i < 16; i++)
            assert_int_equal(r.b[i],
                             (aux & IR_HALF) && i >= 8 ? 0 : (uint8_t)(x.x >> 8 * (i % bytes)));
        r = eval(IR_VADDV, aux & 15, 0, a, a, a);
        v = 0;
        for (unsigned i = 0; i < (aux & IR_HALF ? 8 : 16) / bytes; i++)
            v += (uint64_t)lane(&a, bytes, i, false);
        assert_true(r.d[1] == 0 && r.d[0] == (bytes == 8 ? v : v & ((1ull << 8 * bytes) - 1)));
    }
}

static void test_bytes(void **state)
{
    (void)state;
    for (unsigned k = 0; k < ROUNDS; k++) {
        union ir_val a = vector(), b = vector(), c = vector(), index = vector(), r;
        unsigned half = k & 1 ? IR_HALF : 0, n = half ? 8 : 16;

        for (unsigned i = 0; i < 16; i++)
            index.b[i] &= 31;
        r = eval(IR_VTBL, half, 0, a, index, c);
        for (unsigned i = 0; i < 16; i++)
            assert_int_equal(r.b[i], i >= n || index.b[i] > 15 ? 0 : a.b[index.b[i]]);
        r = eval(IR_VTBX, half, 0, a, index, c);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(r.b[i], index.b[i] > 15 ? c.b[i] : a.b[index.b[i]]);
        r = eval(IR_VBSL, half, 0, a, b, c);
        for (unsigned i = 0; i < 8 * n; i++)
            assert_int_equal(r.b[i / 8] >> i % 8 & 1,
                             (a.b[i / 8] >> i % 8 & 1 ? b : c).b[i / 8] >> i % 8 & 1);
        r = eval(IR_VCNT, half, 0, a, b, c);
        for (unsigned i = 0; i < 16; i++)
            assert_int_equal(r.b[i], i < n ? __builtin_popcount(a.b[i]) : 0);
        r = eval(IR_VDOTUS, half, 0, a, b, c);
        for (unsigned i = 0; i < n / 4; i++) {
            int64_t sum = (int32_t)c.s[i];

            for (unsigned j = 4 * i; j < 4 * i + 4; j++)
                sum += (int)a.b[j] * (int8_t)b.b[j];
            assert_int_equal(r.s[i], (uint32_t)sum);
        }
    }
}

/* ---- floating point: each lane as the scalar operation ---- */
static void test_float(void **state)
{
    static const struct {
        uint8_t vector, scalar;
    } ops[] = {
        {IR_VFADD, IR_FADD}, {IR_VFSUB, IR_FSUB}, {IR_VFMUL, IR_FMUL},   {IR_VFDIV, IR_FDIV},
        {IR_VFMA, IR_FMA},   {IR_VFMIN, IR_FMIN}, {IR_VFMAX, IR_FMAX},   {IR_VFSQRT, IR_FSQRT},
        {IR_VFNEG, IR_FNEG}, {IR_VFABS, IR_FABS}, {IR_VFRINT, IR_FRINT},
    };

    (void)state;
    for (unsigned o = 0; o < sizeof(ops) / sizeof(ops[0]); o++)
        for (unsigned k = 0; k < ROUNDS / 4; k++) {
            union ir_val a = vector(), b = vector(), c = vector(), got;
            uint32_t imm;
            unsigned aux = gen_aux(&seed, ops[o].vector, IR_V128, &imm), bytes = 1u << (aux & 7);
            unsigned type = bytes == 4 ? IR_F32 : IR_F64;
            unsigned scalar = ops[o].vector == IR_VFRINT ? imm : aux & 0x30;
            uint8_t flags = 0, lane_flags = 0;

            ir_eval(&arm, ops[o].vector, IR_V128, aux, imm, IR_V128, &got, &a, &b, &c, &flags);
            for (unsigned i = 0; i < 16 / bytes; i++) {
                union ir_val x = {.x = (uint64_t)lane(&a, bytes, i, false)}, r = {.x = 0};
                union ir_val y = {.x = (uint64_t)lane(&b, bytes, i, false)};
                union ir_val z = {.x = (uint64_t)lane(&c, bytes, i, false)};

                if (i < (aux & IR_HALF ? 8 : 16) / bytes)
                    ir_eval(&arm, ops[o].scalar, (uint8_t)type, scalar, 0, (uint8_t)type, &r, &x,
                            &y, &z, &lane_flags);
                assert_true((uint64_t)lane(&got, bytes, i, false) == r.x);
            }
            assert_int_equal(flags, lane_flags);
        }
}

/* ---- cryptography ---- */
__attribute__((target("aes,sse4.1"))) static void check_aes(union ir_val a, union ir_val b)
{
    __m128i x = _mm_load_si128((const __m128i *)&a), y = _mm_load_si128((const __m128i *)&b);
    __m128i zero = _mm_setzero_si128();
    union ir_val r, want;

#define CHECK_AES(op, value)                  \
    r = eval(op, 0, 0, a, b, a);              \
    _mm_store_si128((__m128i *)&want, value); \
    if (memcmp(&r, &want, 16) != 0)           \
    fail_vector(op, 0, 0, r, want)
    CHECK_AES(IR_VAESE, _mm_aesenclast_si128(_mm_xor_si128(x, y), zero));
    CHECK_AES(IR_VAESD, _mm_aesdeclast_si128(_mm_xor_si128(x, y), zero));
    CHECK_AES(IR_VAESMC, _mm_aesenc_si128(_mm_aesdeclast_si128(x, zero), zero));
    CHECK_AES(IR_VAESIMC, _mm_aesimc_si128(x));
}

__attribute__((target("pclmul,sse4.1"))) static void check_pmull(union ir_val a, union ir_val b)
{
    __m128i x = _mm_load_si128((const __m128i *)&a), y = _mm_load_si128((const __m128i *)&b);
    union ir_val r, want;

    r = eval(IR_VPMULL, IR_LANE_D, 0, a, b, a);
    _mm_store_si128((__m128i *)&want, _mm_clmulepi64_si128(x, y, 0));
    assert_memory_equal(&r, &want, 16);
    r = eval(IR_VPMULL, IR_LANE_D | IR_HIGH, 0, a, b, a);
    _mm_store_si128((__m128i *)&want, _mm_clmulepi64_si128(x, y, 0x11));
    assert_memory_equal(&r, &want, 16);
    for (unsigned high = 0; high < 2; high++) {
        r = eval(IR_VPMULL, IR_LANE_B | (high ? IR_HIGH : 0), 0, a, b, a);
        for (unsigned i = 0; i < 8; i++) {
            __m128i p = _mm_clmulepi64_si128(_mm_cvtsi32_si128(a.b[8 * high + i]),
                                             _mm_cvtsi32_si128(b.b[8 * high + i]), 0);

            assert_int_equal(r.h[i], (uint16_t)_mm_cvtsi128_si32(p));
        }
    }
    r = eval(IR_VPMUL8, 0, 0, a, b, a);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(r.b[i], (uint8_t)_mm_cvtsi128_si32(_mm_clmulepi64_si128(
                                     _mm_cvtsi32_si128(a.b[i]), _mm_cvtsi32_si128(b.b[i]), 0)));
}

static void test_aes(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 300; k++) {
        if (__builtin_cpu_supports("aes"))
            check_aes(vector(), vector());
        if (__builtin_cpu_supports("pclmul"))
            check_pmull(vector(), vector());
    }
}

/* The padded block of "abc" (FIPS 180-4), as 32-bit words. */
static void abc_block(union ir_val w[4])
{
    memset(w, 0, 64);
    w[0].s[0] = 0x61626380;
    w[3].s[3] = 24;
}

static union ir_val add_words(union ir_val a, union ir_val b)
{
    return eval(IR_VADD, IR_LANE_S, 0, a, b, a);
}

static void test_sha1(void **state)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    static const uint8_t kind[4] = {0, 1, 2, 1};
    union ir_val w[4], start = {.s = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
    union ir_val hash = start, e = {.s = {0xc3d2e1f0}};

    (void)state;
    abc_block(w);
    for (unsigned t = 0; t < 20; t++) {
        union ir_val words, next_e = eval(IR_VSHA1H, 0, 0, hash, hash, hash);
        union ir_val constant = {.s = {k[t / 5], k[t / 5], k[t / 5], k[t / 5]}};

        if (t >= 4) {
            words = eval(IR_VSHA1S0, 0, 0, w[0], w[1], w[2]);
            words = eval(IR_VSHA1S1, 0, 0, words, w[3], w[3]);
            memmove(&w[0], &w[1], 48);
            w[3] = words;
        }
        words = add_words(t >= 4 ? w[3] : w[t], constant);
        hash = eval(IR_VSHA1, kind[t / 5] << 4u, 0, hash, e, words);
        e = next_e;
    }
    hash = add_words(hash, start);
    assert_int_equal(hash.s[0], 0xa9993e36);
    assert_int_equal(hash.s[1], 0x4706816a);
    assert_int_equal(hash.s[2], 0xba3e2571);
    assert_int_equal(hash.s[3], 0x7850c26c);
    assert_int_equal(e.s[0] + 0xc3d2e1f0, 0x9cd0d89d);
}

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static void test_sha256(void **state)
{
    static const uint32_t digest[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                       0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    const union ir_val abcd = {.s = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a}};
    const union ir_val efgh = {.s = {0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
    union ir_val w[4], x = abcd, y = efgh;

    (void)state;
    abc_block(w);
    for (unsigned t = 0; t < 16; t++) {
        union ir_val words, constant, old = x;

        if (t >= 4) {
            words = eval(IR_VSHA2S0, 0, 0, w[0], w[1], w[1]);
            words = eval(IR_VSHA2S1, 0, 0, words, w[2], w[3]);
            memmove(&w[0], &w[1], 48);
            w[3] = words;
        }
        memcpy(&constant, &sha256_k[4 * t], 16);
        words = add_words(t >= 4 ? w[3] : w[t], constant);
        x = eval(IR_VSHA2H, 0, 0, x, y, words);
        y = eval(IR_VSHA2H2, 0, 0, y, old, words);
    }
    x = add_words(x, abcd);
    y = add_words(y, efgh);
    assert_memory_equal(x.s, digest, 16);
    assert_memory_equal(y.s, digest + 4, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes),  cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_moves),  cmocka_unit_test(test_scalar_lanes),
        cmocka_unit_test(test_bytes),  cmocka_unit_test(test_float),
        cmocka_unit_test(test_aes),    cmocka_unit_test(test_sha1),
        cmocka_unit_test(test_sha256),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
