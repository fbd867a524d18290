/* AES, SHA-1 and SHA-256 steps, as Arm's instructions cut them (Arm ARM, shared/functions/crypto;
 * FIPS 197; FIPS 180-4).
 *
 * The S-boxes are computed from their definition: hosts that back ends serve have instructions for
 * this, so here only correctness counts.
 */
#include "base/bits.h"
#include "ir/eval_lane.h"

/* Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
static uint8_t gf_mul(uint8_t a, uint8_t b)
{
    unsigned r = 0, x = a;

    for (; b; b >>= 1) {
        if (b & 1)
            r ^= x;
        x = x << 1 ^ (x & 0x80 ? 0x11b : 0);
    }
    return (uint8_t)r;
}

static uint8_t gf_inverse(uint8_t a)
{
    uint8_t r = 1, square = a;

    /* a^254: the bits of 254 are all set but the lowest. */
    for (unsigned i = 0; i < 7; i++) {
        square = gf_mul(square, square);
        r = gf_mul(r, square);
    }
    return a ? r : 0;
}

static uint8_t rol8(uint8_t v, unsigned n)
{
    return (uint8_t)(v << n | v >> (8 - n));
}

static uint8_t sub_byte(uint8_t v)
{
    uint8_t i = gf_inverse(v);

    return i ^ rol8(i, 1) ^ rol8(i, 2) ^ rol8(i, 3) ^ rol8(i, 4) ^ 0x63;
}

static uint8_t inv_sub_byte(uint8_t v)
{
    return gf_inverse(rol8(v, 1) ^ rol8(v, 3) ^ rol8(v, 6) ^ 0x05);
}

/* Byte i of the state stands in row i % 4, column i / 4. */
void ir_eval_VAESE(struct ir_eval_call *e)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned from = (i + 4 * (i & 3)) & 15;

        e->r->b[i] = sub_byte(e->a.b[from] ^ e->b.b[from]);
    }
}

void ir_eval_VAESD(struct ir_eval_call *e)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned from = (i - 4 * (i & 3)) & 15;

        e->r->b[i] = inv_sub_byte(e->a.b[from] ^ e->b.b[from]);
    }
}

static void mix_columns(struct ir_eval_call *e, const uint8_t row[4])
{
    for (unsigned i = 0; i < 16; i++) {
        uint8_t sum = 0;

        for (unsigned k = 0; k < 4; k++)
            sum ^= gf_mul(e->a.b[(i & ~3u) + k], row[(k - i) & 3]);
        e->r->b[i] = sum;
    }
}

void ir_eval_VAESMC(struct ir_eval_call *e)
{
    static const uint8_t row[4] = {2, 3, 1, 1};

    mix_columns(e, row);
}

void ir_eval_VAESIMC(struct ir_eval_call *e)
{
    static const uint8_t row[4] = {14, 11, 13, 9};

    mix_columns(e, row);
}

/* ---- SHA-1 ---- */
static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return ((y ^ z) & x) ^ z;
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | ((x | y) & z);
}

void ir_eval_VSHA1(struct ir_eval_call *e)
{
    uint32_t a = e->a.s[0], b = e->a.s[1], c = e->a.s[2], d = e->a.s[3], t = e->b.s[0];

    for (unsigned i = 0; i < 4; i++) {
        unsigned kind = e->aux >> 4;
        uint32_t f = kind == 0 ? choose(b, c, d) : kind == 1 ? b ^ c ^ d : majority(b, c, d);
        uint32_t next = t + bits_rol32(a, 5) + f + e->c.s[i];

        t = d;
        d = c;
        c = bits_rol32(b, 30);
        b = a;
        a = next;
    }
    e->r->s[0] = a;
    e->r->s[1] = b;
    e->r->s[2] = c;
    e->r->s[3] = d;
}

void ir_eval_VSHA1H(struct ir_eval_call *e)
{
    uint32_t v = bits_rol32(e->a.s[0], 30);

    vec_clear(e->r);
    e->r->s[0] = v;
}

void ir_eval_VSHA1S0(struct ir_eval_call *e)
{
    e->r->d[0] = e->a.d[1] ^ e->a.d[0] ^ e->c.d[0];
    e->r->d[1] = e->b.d[0] ^ e->a.d[1] ^ e->c.d[1];
}

void ir_eval_VSHA1S1(struct ir_eval_call *e)
{
    uint32_t first = bits_rol32(e->a.s[0] ^ e->b.s[1], 1);

    e->r->s[1] = bits_rol32(e->a.s[1] ^ e->b.s[2], 1);
    e->r->s[2] = bits_rol32(e->a.s[2] ^ e->b.s[3], 1);
    e->r->s[3] = bits_rol32(e->a.s[3], 1) ^ bits_rol32(first, 1);
    e->r->s[0] = first;
}

/* ---- SHA-256 ---- */

/* Four rounds on x = abcd and y = efgh with the schedule and constants in w. */
static void sha256_rounds(uint32_t x[4], uint32_t y[4], const uint32_t w[4])
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t s1 = bits_ror32(y[0], 6) ^ bits_ror32(y[0], 11) ^ bits_ror32(y[0], 25);
        uint32_t s0 = bits_ror32(x[0], 2) ^ bits_ror32(x[0], 13) ^ bits_ror32(x[0], 22);
        uint32_t t = y[3] + s1 + choose(y[0], y[1], y[2]) + w[i];
        uint32_t e = x[3] + t, a = t + s0 + majority(x[0], x[1], x[2]);

        memmove(&y[1], &y[0], 12);
        memmove(&x[1], &x[0], 12);
        y[0] = e;
        x[0] = a;
    }
}

void ir_eval_VSHA2H(struct ir_eval_call *e)
{
    sha256_rounds(e->a.s, e->b.s, e->c.s);
    *e->r = e->a;
}

void ir_eval_VSHA2H2(struct ir_eval_call *e)
{
    sha256_rounds(e->b.s, e->a.s, e->c.s);
    *e->r = e->a;
}

void ir_eval_VSHA2S0(struct ir_eval_call *e)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t v = i < 3 ? e->a.s[i + 1] : e->b.s[0];

        e->r->s[i] = e->a.s[i] + (bits_ror32(v, 7) ^ bits_ror32(v, 18) ^ v >> 3);
    }
}

void ir_eval_VSHA2S1(struct ir_eval_call *e)
{
    uint32_t r[4];

    for (unsigned i = 0; i < 4; i++) {
        uint32_t v = i < 2 ? e->c.s[i + 2] : r[i - 2];
        uint32_t w = i < 3 ? e->b.s[i + 1] : e->c.s[0];

        r[i] = e->a.s[i] + w + (bits_ror32(v, 17) ^ bits_ror32(v, 19) ^ v >> 10);
    }
    memcpy(e->r->s, r, sizeof(r));
}
