/* Integer operations on i32 and i64, and the copies of any type.
 *
 * Owns the exact meaning of ops.def's integer section. Written for clarity: it is the oracle that
 * back ends are compared with.
 */
#include "base/bits.h"
#include "ir/eval_call.h"

static inline unsigned width_of(const struct ir_eval_call *e)
{
    return e->type == IR_I32 ? 32 : 64;
}

/* NAME: the result from unsigned x and y of the instruction's own type, w bits wide. */
#define INT2(NAME, expr)                                                     \
    void ir_eval_##NAME(struct ir_eval_call *e)                              \
    {                                                                        \
        unsigned w = width_of(e);                                            \
        uint64_t x = eval_arg(e->type, &e->a), y = eval_arg(e->type, &e->b); \
                                                                             \
        (void)w;                                                             \
        eval_set(e, expr);                                                   \
    }
#define INT1(NAME, expr)                        \
    void ir_eval_##NAME(struct ir_eval_call *e) \
    {                                           \
        unsigned w = width_of(e);               \
        uint64_t x = eval_arg(e->type, &e->a);  \
                                                \
        (void)w;                                \
        eval_set(e, expr);                      \
    }
/* A shift: n is the count modulo the width. */
#define SHIFT(NAME, expr)                               \
    void ir_eval_##NAME(struct ir_eval_call *e)         \
    {                                                   \
        unsigned w = width_of(e), n = e->b.w & (w - 1); \
        uint64_t x = eval_arg(e->type, &e->a);          \
                                                        \
        eval_set(e, expr);                              \
    }

void ir_eval_COPY(struct ir_eval_call *e)
{
    *e->r = e->a;
}

INT2(ADD, x + y)
INT2(SUB, x - y)
INT2(MUL, x *y)
INT2(AND, x &y)
INT2(OR, x | y)
INT2(XOR, x ^ y)
INT2(ANDN, x & ~y)
INT1(NOT, ~x)
INT1(NEG, -x)
INT2(MULHU, w == 32 ? x * y >> 32 : bits_umulh64(x, y))
INT2(MULHS, w == 32 ? (uint64_t)(eval_sext(x, 32) * eval_sext(y, 32) >> 32)
                    : (uint64_t)bits_smulh64((int64_t)x, (int64_t)y))

static uint64_t mulhsu(uint64_t x, uint64_t y, unsigned w)
{
    if (w == 32)
        return (uint64_t)(eval_sext(x, 32) * (int64_t)y >> 32);
    return bits_umulh64(x, y) - ((int64_t)x < 0 ? y : 0);
}
INT2(MULHSU, mulhsu(x, y, w))

static uint64_t by_zero(const struct ir_eval_call *e)
{
    return e->aux == IR_DIV_ONES ? UINT64_MAX : 0;
}

static uint64_t sdiv(uint64_t x, uint64_t y, unsigned w)
{
    int64_t a = eval_sext(x, w), b = eval_sext(y, w);

    return b == -1 ? -x : (uint64_t)(a / b);
}

static uint64_t srem(uint64_t x, uint64_t y, unsigned w)
{
    int64_t a = eval_sext(x, w), b = eval_sext(y, w);

    return b == -1 ? 0 : (uint64_t)(a % b);
}

INT2(UDIV, y ? x / y : by_zero(e))
INT2(SDIV, y ? sdiv(x, y, w) : by_zero(e))
INT2(UREM, y ? x % y : x)
INT2(SREM, y ? srem(x, y, w) : x)

SHIFT(SHL, x << n)
SHIFT(SHR, x >> n)
SHIFT(SAR, (uint64_t)(eval_sext(x, w) >> n))
SHIFT(ROR, w == 32 ? bits_ror32((uint32_t)x, n) : bits_ror64(x, n))

/* The concatenation's high part is a. */
void ir_eval_EXTR(struct ir_eval_call *e)
{
    unsigned w = width_of(e), n = e->imm & (w - 1);
    uint64_t hi = eval_arg(e->type, &e->a), lo = eval_arg(e->type, &e->b);

    eval_set(e, n ? lo >> n | hi << (w - n) : lo);
}

void ir_eval_ZX(struct ir_eval_call *e)
{
    eval_set(e, eval_arg(e->argtype, &e->a) & bits_mask64(e->aux));
}

void ir_eval_SX(struct ir_eval_call *e)
{
    eval_set(e, (uint64_t)eval_sext(e->a.x, e->aux));
}

void ir_eval_TRUNC(struct ir_eval_call *e)
{
    e->r->x = e->a.w;
}

static unsigned field_at(const struct ir_eval_call *e)
{
    return e->aux & 63;
}

static unsigned field_length(const struct ir_eval_call *e)
{
    return e->aux >> 8;
}

INT1(UBFX, bits_extract64(x, field_at(e), field_length(e)))
INT1(SBFX, (uint64_t)eval_sext(x >> field_at(e), field_length(e)))
INT2(BFI, bits_deposit64(x, field_at(e), field_length(e), y))

INT1(CLZ, bits_clz64(x) - (64 - w))
INT1(CTZ, min_of(bits_ctz64(x), w))
INT1(POPCNT, bits_popcount64(x))
INT1(BITREV, bits_reverse64(x) >> (64 - w))

static uint64_t swap_groups(uint64_t x, unsigned bytes)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 8; i++)
        r |= (x >> 8 * i & 0xff) << 8 * (i ^ (bytes - 1));
    return r;
}
INT1(BSWAP, swap_groups(x, e->aux))

static uint64_t orcb(uint64_t x)
{
    for (unsigned i = 0; i < 64; i += 8)
        if (x >> i & 0xff)
            x |= UINT64_C(0xff) << i;
    return x;
}
INT1(ORCB, orcb(x))

static uint64_t crc(uint32_t sum, uint64_t data, unsigned bytes, uint32_t reflected_poly)
{
    uint64_t v = (bytes < 8 ? data & bits_mask64(8 * bytes) : data) ^ sum;

    /* Data narrower than the sum leave its upper bytes to be shifted down. */
    for (unsigned i = 0; i < 8 * bytes; i++)
        v = v >> 1 ^ (v & 1 ? reflected_poly : 0);
    return (uint32_t)v;
}

void ir_eval_CRC32(struct ir_eval_call *e)
{
    e->r->x = crc(e->a.w, e->b.x, e->aux, 0xedb88320);
}

void ir_eval_CRC32C(struct ir_eval_call *e)
{
    e->r->x = crc(e->a.w, e->b.x, e->aux, 0x82f63b78);
}

static unsigned __int128 clmul(uint64_t x, uint64_t y)
{
    unsigned __int128 r = 0;

    for (unsigned i = 0; i < 64; i++)
        if (y >> i & 1)
            r ^= (unsigned __int128)x << i;
    return r;
}
INT2(CLMUL, (uint64_t)clmul(x, y))
INT2(CLMULH, (uint64_t)(clmul(x, y) >> 64))

void ir_eval_SETC(struct ir_eval_call *e)
{
    e->r->x = eval_cond(e->aux, e->argtype, &e->a, &e->b);
}

void ir_eval_SELNZ(struct ir_eval_call *e)
{
    *e->r = eval_arg(e->argtype, &e->a) ? e->b : e->c;
}
