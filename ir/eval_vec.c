/* Integer and bitwise vector operations.
 *
 * Owns their exact meaning for every lane size and for half vectors.
 */
#include "base/bits.h"
#include "ir/eval_lane.h"

/* ---- bitwise: 8 bytes at a time, whatever the lane ---- */
#define BITWISE(NAME, expr)                                       \
    void ir_eval_##NAME(struct ir_eval_call *e)                   \
    {                                                             \
        for (unsigned i = 0; i < 2; i++) {                        \
            uint64_t x = e->a.d[i], y = e->b.d[i], z = e->c.d[i]; \
                                                                  \
            (void)y, (void)z;                                     \
            e->r->d[i] = (expr);                                  \
        }                                                         \
        vec_finish(e);                                            \
    }

BITWISE(VAND, x &y)
BITWISE(VOR, x | y)
BITWISE(VXOR, x ^ y)
BITWISE(VANDN, x & ~y)
BITWISE(VORN, x | ~y)
BITWISE(VNOT, ~x)
BITWISE(VBSL, (x & y) | (~x & z))

/* ---- lane by lane ---- */
LANEWISE(VADD, x + y)
LANEWISE(VSUB, x - y)
LANEWISE(VMUL, (uint64_t)x *y)
LANEWISE(VMLA, z + (uint64_t)x * y)
LANEWISE(VMLS, z - (uint64_t)x * y)
LANEWISE(VNEG, 0 - (uint64_t)x)
LANEWISE(VABS, (S)x < 0 ? 0 - (uint64_t)x : x)
LANEWISE(VMINS, (S)x < (S)y ? x : y)
LANEWISE(VMINU, x < y ? x : y)
LANEWISE(VMAXS, (S)x > (S)y ? x : y)
LANEWISE(VMAXU, x > y ? x : y)
LANEWISE(VABDS, (S)x > (S)y ? x - y : y - x)
LANEWISE(VABDU, x > y ? x - y : y - x)

/* The largest and smallest numbers of the lane's signed type. */
#define S_MAX ((U)(UINT64_MAX >> (65 - W)))
#define S_MIN ((U)(UINT64_C(1) << (W - 1)))

LANEWISE(VQADDS, ({
             S sum;
             __builtin_add_overflow((S)x, (S)y, &sum) ? ((S)x < 0 ? S_MIN : S_MAX) : (U)sum;
         }))
LANEWISE(VQADDU, ({
             U sum;
             __builtin_add_overflow(x, y, &sum) ? (U)-1 : sum;
         }))
LANEWISE(VQSUBS, ({
             S diff;
             __builtin_sub_overflow((S)x, (S)y, &diff) ? ((S)x < 0 ? S_MIN : S_MAX) : (U)diff;
         }))
LANEWISE(VQSUBU, x > y ? x - y : 0)
LANEWISE(VHADDS, ((S)x & (S)y) + ((S)(x ^ y) >> 1))
LANEWISE(VHADDU, (x & y) + ((U)(x ^ y) >> 1))
LANEWISE(VRHADDS, ((S)x | (S)y) - ((S)(x ^ y) >> 1))
LANEWISE(VRHADDU, (x | y) - ((U)(x ^ y) >> 1))
LANEWISE(VHSUBS, ((__int128)(S)x - (S)y) >> 1)
LANEWISE(VHSUBU, ((__int128)x - y) >> 1)
LANEWISE(VCEQ, x == y ? -1 : 0)
LANEWISE(VCGTS, (S)x > (S)y ? -1 : 0)
LANEWISE(VCGTU, x > y ? -1 : 0)
LANEWISE(VCGES, (S)x >= (S)y ? -1 : 0)
LANEWISE(VCGEU, x >= y ? -1 : 0)
LANEWISE(VTST, (x & y) ? -1 : 0)

/* ---- shifts; n may be the width or more ---- */
static uint64_t shift_left(uint64_t x, unsigned n)
{
    return n < 64 ? x << n : 0;
}

static uint64_t shift_right(uint64_t x, unsigned n)
{
    return n < 64 ? x >> n : 0;
}

static int64_t shift_right_signed(int64_t x, unsigned n)
{
    return x >> (n < 64 ? n : 63);
}

LANEWISE(VSHLI, shift_left(x, e->imm))
LANEWISE(VSHRI, shift_right(x, e->imm))
LANEWISE(VSARI, shift_right_signed((S)x, e->imm))
LANEWISE(VSHLS, (int8_t)y >= 0 ? shift_left(x, (uint8_t)y)
                               : (uint64_t)shift_right_signed((S)x, (unsigned)-(int8_t)y))
LANEWISE(VSHLU, (int8_t)y >= 0 ? shift_left(x, (uint8_t)y) : shift_right(x, (unsigned)-(int8_t)y))
LANEWISE(VSLI, (x & bits_mask64(e->imm)) | shift_left(y, e->imm))
LANEWISE(VSRI, (x & ~shift_right((U)-1, e->imm)) | shift_right(y, e->imm))

/* ---- counting ---- */
LANEWISE(VCLZ, bits_clz64(x) - (64 - W))
LANEWISE(VCLS, bits_clz64((U)((S)x < 0 ? ~x : x)) - (64 - W) - 1)

void ir_eval_VCNT(struct ir_eval_call *e)
{
    for (unsigned i = 0; i < 16; i++)
        e->r->b[i] = (uint8_t)bits_popcount64(e->a.b[i]);
    vec_finish(e);
}

void ir_eval_VRBIT(struct ir_eval_call *e)
{
    for (unsigned i = 0; i < 16; i++)
        e->r->b[i] = (uint8_t)(bits_reverse64(e->a.b[i]) >> 56);
    vec_finish(e);
}

/* ---- multiplication ---- */

/* 2xy overflows for the two smallest numbers only. */
LANEWISE(VQDMULH,
         x == S_MIN && y == S_MIN
             ? S_MAX
             : (U)(((__int128)(S)x * (S)y * 2 + (e->aux & IR_HIGH ? (__int128)1 << (W - 1) : 0)) >>
                   W))

static unsigned clmul8(unsigned x, unsigned y)
{
    unsigned r = 0;

    for (unsigned i = 0; i < 8; i++)
        if (y >> i & 1)
            r ^= x << i;
    return r;
}

void ir_eval_VPMUL8(struct ir_eval_call *e)
{
    for (unsigned i = 0; i < 16; i++)
        e->r->b[i] = (uint8_t)clmul8(e->a.b[i], e->b.b[i]);
    vec_finish(e);
}

void ir_eval_VPMULL(struct ir_eval_call *e)
{
    unsigned high = (e->aux & IR_HIGH) != 0;

    if (lane_of(e) == IR_LANE_B) {
        for (unsigned i = 0; i < 8; i++)
            e->r->h[i] = (uint16_t)clmul8(e->a.b[8 * high + i], e->b.b[8 * high + i]);
    } else {
        unsigned __int128 r = 0;

        for (unsigned i = 0; i < 64; i++)
            if (e->b.d[high] >> i & 1)
                r ^= (unsigned __int128)e->a.d[high] << i;
        e->r->d[0] = (uint64_t)r;
        e->r->d[1] = (uint64_t)(r >> 64);
    }
    vec_finish(e);
}

/* Double-width lane i, the source's lanes sized as aux says: from number k of each source. */
#define WIDENING(NAME, expr)                                  \
    void ir_eval_##NAME(struct ir_eval_call *e)               \
    {                                                         \
        unsigned lane = lane_of(e), n = 8u >> lane;           \
        unsigned high = e->aux & IR_HIGH ? n : 0;             \
                                                              \
        (void)high;                                           \
        vec_clear(e->r);                                      \
        for (unsigned i = 0; i < n; i++)                      \
            ir_lane_put(e->r, lane + 1, i, (uint64_t)(expr)); \
        vec_finish(e);                                        \
    }
#define US(v, k) ir_lane_get(&e->v, lane, k)
#define SS(v, k) ir_lane_gets(&e->v, lane, k)

WIDENING(VMULLS, SS(a, high + i) * SS(b, high + i))
WIDENING(VMULLU, US(a, high + i) * US(b, high + i))
WIDENING(VSXL, SS(a, i))
WIDENING(VZXL, US(a, i))
WIDENING(VSXH, SS(a, n + i))
WIDENING(VZXH, US(a, n + i))
WIDENING(VADDLPS, SS(a, 2 * i) + SS(a, 2 * i + 1))
WIDENING(VADDLPU, US(a, 2 * i) + US(a, 2 * i + 1))

/* ---- narrowing: aux has the result's lane ---- */
static uint64_t clamp_signed(int64_t v, int64_t low, int64_t high)
{
    return (uint64_t)(v < low ? low : v > high ? high : v);
}

#define NARROWING(NAME, expr)                              \
    void ir_eval_##NAME(struct ir_eval_call *e)            \
    {                                                      \
        unsigned lane = lane_of(e), w = 8u << lane;        \
        uint64_t top = bits_mask64(w);                     \
                                                           \
        (void)top;                                         \
        vec_clear(e->r);                                   \
        for (unsigned i = 0; i < 8u >> lane; i++) {        \
            uint64_t x = ir_lane_get(&e->a, lane + 1, i);  \
            int64_t sx = ir_lane_gets(&e->a, lane + 1, i); \
                                                           \
            (void)x, (void)sx;                             \
            ir_lane_put(e->r, lane, i, expr);              \
        }                                                  \
    }

NARROWING(VNARR, x)
NARROWING(VQNSS, clamp_signed(sx, -(int64_t)(top >> 1) - 1, (int64_t)(top >> 1)))
NARROWING(VQNSU, clamp_signed(sx, 0, (int64_t)top))
NARROWING(VQNUU, x > top ? top : x)

/* ---- across lanes ---- */

/* x and y are neighbours, of a in the first half of the result and of b in the second. */
#define PAIRWISE(NAME, expr)                                                                \
    void ir_eval_##NAME(struct ir_eval_call *e)                                             \
    {                                                                                       \
        unsigned lane = lane_of(e), n = vec_lanes(e);                                       \
                                                                                            \
        vec_clear(e->r);                                                                    \
        for (unsigned i = 0; i < n; i++) {                                                  \
            const union ir_val *from = i < n / 2 ? &e->a : &e->b;                           \
            unsigned k = 2 * i - (i < n / 2 ? 0 : n);                                       \
            uint64_t x = ir_lane_get(from, lane, k), y = ir_lane_get(from, lane, k + 1);    \
            int64_t sx = ir_lane_gets(from, lane, k), sy = ir_lane_gets(from, lane, k + 1); \
                                                                                            \
            (void)sx, (void)sy;                                                             \
            ir_lane_put(e->r, lane, i, expr);                                               \
        }                                                                                   \
    }

PAIRWISE(VADDP, x + y)
PAIRWISE(VMINPS, sx < sy ? x : y)
PAIRWISE(VMINPU, x < y ? x : y)
PAIRWISE(VMAXPS, sx > sy ? x : y)
PAIRWISE(VMAXPU, x > y ? x : y)

void ir_eval_VADDV(struct ir_eval_call *e)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < vec_lanes(e); i++)
        sum += ir_lane_get(&e->a, lane_of(e), i);
    vec_clear(e->r);
    ir_lane_put(e->r, lane_of(e), 0, sum);
}

#define DOT(NAME, type_a, type_b)                                         \
    void ir_eval_##NAME(struct ir_eval_call *e)                           \
    {                                                                     \
        for (unsigned i = 0; i < 4; i++) {                                \
            uint32_t sum = e->c.s[i];                                     \
                                                                          \
            for (unsigned k = 4 * i; k < 4 * i + 4; k++)                  \
                sum += (uint32_t)((type_a)e->a.b[k] * (type_b)e->b.b[k]); \
            e->r->s[i] = sum;                                             \
        }                                                                 \
        vec_finish(e);                                                    \
    }

DOT(VDOTS, int8_t, int8_t)
DOT(VDOTU, uint8_t, uint8_t)
DOT(VDOTUS, uint8_t, int8_t)
