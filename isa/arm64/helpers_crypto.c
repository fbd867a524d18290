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
static const uint8_t sm4_sbox[256] = {
    0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05,
    0x2b, 0x67, 0x9a, 0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99,
    0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef, 0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62,
    0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80, 0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6,
    0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19, 0xe6, 0x85, 0x4f, 0xa8,
    0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d, 0x35,
    0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87,
    0xd4, 0x00, 0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e,
    0xea, 0xbf, 0x8a, 0xd2, 0x40, 0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1,
    0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55, 0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3,
    0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23, 0xab, 0x0d, 0x53, 0x4e, 0x6f,
    0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c, 0x5b, 0x51,
    0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8,
    0x0a, 0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0,
    0x89, 0x69, 0x97, 0x4a, 0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84,
    0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d, 0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
};
static uint32_t sm4_sub_word(uint32_t x)
{
    uint32_t r = 0;

    for (unsigned i = 0; i < 32; i += 8)
        r |= (uint32_t)sm4_sbox[x >> i & 0xff] << i;
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
