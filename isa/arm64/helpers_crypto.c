/* Crypto helpers: SHA-512, SM3, SM4 instructions (Arm ARM C7.2; FIPS 180-4, GB/T 32905-2016,
 * GB/T 32907-2016). Pure functions of their operands.
 */
#include "isa/arm64/simd.h"

/* ---- SHA-512 ---- */
static uint64_t choose(uint64_t x, uint64_t y, uint64_t z)
{
    return (x & y) ^ (~x & z);
}
static uint64_t majority(uint64_t x, uint64_t y, uint64_t z)
{
    return (x & y) ^ (x & z) ^ (y & z);
}
static uint64_t sum0(uint64_t x)
{
    return bits_ror64(x, 28) ^ bits_ror64(x, 34) ^ bits_ror64(x, 39);
}
static uint64_t sum1(uint64_t x)
{
    return bits_ror64(x, 14) ^ bits_ror64(x, 18) ^ bits_ror64(x, 41);
}
void a64_h_sha512h(void *cpu, union ir_val *v)
{
    const union ir_val d = v[0], x = v[1], y = v[2];
    uint64_t hi, t;

    (void)cpu;
    hi = d.d[1] + sum1(y.d[1]) + choose(y.d[1], x.d[0], x.d[1]);
    t = hi + y.d[0];
    v[0].d[0] = d.d[0] + sum1(t) + choose(t, y.d[1], x.d[0]);
    v[0].d[1] = hi;
}
void a64_h_sha512h2(void *cpu, union ir_val *v)
{
    const union ir_val d = v[0], x = v[1], y = v[2];
    uint64_t hi;

    (void)cpu;
    hi = d.d[1] + sum0(y.d[0]) + majority(x.d[0], y.d[1], y.d[0]);
    v[0].d[0] = d.d[0] + sum0(hi) + majority(hi, y.d[0], y.d[1]);
    v[0].d[1] = hi;
}
void a64_h_sha512su0(void *cpu, union ir_val *v)
{
    const union ir_val w = v[0], x = v[1];

    (void)cpu;
    v[0].d[0] = w.d[0] + (bits_ror64(w.d[1], 1) ^ bits_ror64(w.d[1], 8) ^ w.d[1] >> 7);
    v[0].d[1] = w.d[1] + (bits_ror64(x.d[0], 1) ^ bits_ror64(x.d[0], 8) ^ x.d[0] >> 7);
}
void a64_h_sha512su1(void *cpu, union ir_val *v)
{
    (void)cpu;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t x = v[1].d[i];

        v[0].d[i] += (bits_ror64(x, 19) ^ bits_ror64(x, 61) ^ x >> 6) + v[2].d[i];
    }
}

/* ---- SM3 ---- */
static uint32_t sm3_p1(uint32_t x)
{
    return x ^ bits_rol32(x, 15) ^ bits_rol32(x, 23);
}
void a64_h_sm3partw1(void *cpu, union ir_val *v)
{
    const union ir_val d = v[0], n = v[1], m = v[2];
    union ir_val r;

    (void)cpu;
    for (unsigned i = 0; i < 4; i++) {
        /* The last lane needs the first one's result. */
        uint32_t w = i < 3 ? m.s[i + 1] : r.s[0];

        r.s[i] = sm3_p1(d.s[i] ^ n.s[i] ^ bits_rol32(w, 15));
    }
    v[0] = r;
}
void a64_h_sm3partw2(void *cpu, union ir_val *v)
{
    const union ir_val d = v[0], n = v[1], m = v[2];
    union ir_val t;

    (void)cpu;
    for (unsigned i = 0; i < 4; i++) {
        t.s[i] = n.s[i] ^ bits_rol32(m.s[i], 7);
        v[0].s[i] = d.s[i] ^ t.s[i];
    }
    v[0].s[3] ^= sm3_p1(bits_rol32(t.s[0], 15));
}
void a64_h_sm3ss1(void *cpu, union ir_val *v)
{
    uint32_t r = bits_rol32(bits_rol32(v[0].s[3], 12) + v[1].s[3] + v[2].s[3], 7);

    (void)cpu;
    v[0] = (union ir_val){.s = {0, 0, 0, r}};
}
/* v[0] d, v[1] n, v[2] m; control: 0 TT1A, 1 TT1B, 2 TT2A, 3 TT2B, and the lane of m << 2. */
void a64_h_sm3tt(void *cpu, union ir_val *v)
{
    unsigned form = v[3].w & 3;
    uint32_t w = v[2].s[v[3].w >> 2], a = v[0].s[3], b = v[0].s[2], c = v[0].s[1], f;
    union ir_val r;

    (void)cpu;
    if (form == 1)
        f = (a & b) | (a & c) | (b & c);
    else if (form == 3)
        f = (a & b) | (~a & c);
    else
        f = a ^ b ^ c;
    if (form < 2) {
        f += v[0].s[0] + (v[1].s[3] ^ bits_rol32(a, 12)) + w;
        r.s[1] = bits_rol32(b, 9);
    } else {
        f += v[0].s[0] + v[1].s[3] + w;
        f ^= bits_rol32(f, 9) ^ bits_rol32(f, 17);
        r.s[1] = bits_rol32(b, 19);
    }
    r.s[0] = c;
    r.s[2] = a;
    r.s[3] = f;
    v[0] = r;
}

/* ---- SM4 ---- */
/* Inversion in GF(2^8) between two equal affine maps; the polynomial is x^8+x^7+x^6+x^5+x^4+x^2+1. */
static uint8_t sm4_mul(uint8_t a, uint8_t b)
{
    unsigned r = 0, x = a;

    for (; b; b >>= 1) {
        if (b & 1)
            r ^= x;
        x <<= 1;
        if (x & 0x100)
            x ^= 0x1f5;
    }
    return (uint8_t)r;
}
static uint8_t sm4_affine(uint8_t x)
{
    /* Row i of the matrix is 0xa7 rotated: bit i of the result is the parity of it and x. */
    uint8_t r = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint8_t row = (uint8_t)(0xa7u << i | 0xa7u >> (8 - i));

        r |= (uint8_t)((unsigned)__builtin_parity(row & x) << i);
    }
    return r ^ 0xd3;
}
static uint8_t sm4_sub(uint8_t x)
{
    uint8_t a = sm4_affine(x), inv = a;

    for (unsigned i = 0; i < 6; i++) /* a^254 = 1 / a */
        inv = sm4_mul(sm4_mul(inv, inv), a);
    return sm4_affine(sm4_mul(inv, inv));
}
static uint32_t sm4_sub_word(uint32_t x)
{
    uint32_t r = 0;

    for (unsigned i = 0; i < 32; i += 8)
        r |= (uint32_t)sm4_sub((uint8_t)(x >> i)) << i;
    return r;
}
/* Four rounds: the key schedule differs in its linear map. */
static void sm4_rounds(union ir_val *x, const union ir_val *key, bool schedule)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = sm4_sub_word(x->s[1] ^ x->s[2] ^ x->s[3] ^ key->s[i]);

        if (schedule)
            t ^= bits_rol32(t, 13) ^ bits_rol32(t, 23);
        else
            t ^= bits_rol32(t, 2) ^ bits_rol32(t, 10) ^ bits_rol32(t, 18) ^ bits_rol32(t, 24);
        t ^= x->s[0];
        x->s[0] = x->s[1];
        x->s[1] = x->s[2];
        x->s[2] = x->s[3];
        x->s[3] = t;
    }
}
void a64_h_sm4e(void *cpu, union ir_val *v)
{
    (void)cpu;
    sm4_rounds(&v[0], &v[1], false);
}
void a64_h_sm4ekey(void *cpu, union ir_val *v)
{
    (void)cpu;
    sm4_rounds(&v[0], &v[1], true);
}
