/* Fold rules of shifts, extensions and bit fields. w is the width of the result.
 */
#include "base/bits.h"
#include "ir/opt/forward.h"

/* How many low bits of x may be set; the rest is known to be zero. */
static unsigned used_bits(const struct fwd *f, ir_ref r)
{
    const struct ir_ins *x = fwd_ins(f, r);
    unsigned width = fwd_width(x);
    uint64_t c;

    switch (x->op) {
    case IR_CONST:
        return 64 - bits_clz64(ir_imm64(x));
    case IR_ZX:
        return min_of((unsigned)x->aux, width);
    case IR_UBFX:
        return x->aux >> 8;
    case IR_LD:
        return x->aux & IR_M_SIGNED ? width : min_of(8u << (x->aux & IR_M_SIZE), width);
    case IR_SETC:
    case IR_SETCC:
    case IR_FSETC:
        return 1;
    case IR_AND:
        return fwd_is_const(f, x->b, &c) ? 64 - bits_clz64(c) : width;
    case IR_SHR:
        return fwd_is_const(f, x->b, &c) ? width - ((unsigned)c & (width - 1)) : width;
    case IR_VGET:
        return x->aux & 16 ? width : min_of(8u << (x->aux & 7), width);
    case IR_CLZ:
    case IR_CTZ:
    case IR_POPCNT:
        return 7;
    default:
        return width;
    }
}

/* A shift's count, modulo the width; drops what does not change it. False when it is no constant.
 */
static bool count_of(struct fwd *f, struct ir_ins *i, unsigned *count)
{
    const struct ir_ins *n;
    uint64_t c, mask = fwd_width(i) - 1;

    for (;;) {
        n = fwd_ins(f, i->b);
        if (n->op == IR_AND && fwd_is_const(f, n->b, &c) && (c & mask) == mask)
            i->b = n->a;
        else if (n->op == IR_TRUNC || n->op == IR_ZX || n->op == IR_SX)
            i->b = n->a;
        else
            break;
    }
    if (n->op != IR_CONST)
        return false;
    *count = (unsigned)(ir_imm64(n) & mask);
    if (*count != ir_imm64(n))
        i->b = fwd_const(f, n->type, *count);
    return true;
}

static bool is_shift_by(const struct fwd *f, const struct ir_ins *x, unsigned op, unsigned *count)
{
    uint64_t c;

    if (x->op != op || !fwd_is_const(f, x->b, &c))
        return false;
    *count = (unsigned)c & (fwd_width(x) - 1);
    return true;
}

static uint32_t shift_by(struct fwd *f, struct ir_ins *i, unsigned op, ir_ref x, unsigned n)
{
    return fwd_to(i, op, 0, x, fwd_const(f, i->type, n));
}

uint32_t fold_SHL(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);
    unsigned n, m, w = fwd_width(i);

    if (!count_of(f, i, &n))
        return FOLD_KEEP;
    /* x << 0 = x */
    if (!n)
        return i->a;
    /* (x << m) << n = x << (m + n) */
    if (is_shift_by(f, x, IR_SHL, &m))
        return m + n < w ? shift_by(f, i, IR_SHL, x->a, m + n) : fwd_const(f, i->type, 0);
    /* (x >> n) << n = x & -2^n */
    if (is_shift_by(f, x, IR_SHR, &m) && m == n)
        return fwd_to(i, IR_AND, 0, x->a, fwd_const(f, i->type, UINT64_MAX << n));
    return FOLD_KEEP;
}

uint32_t fold_SHR(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);
    unsigned n, m, w = fwd_width(i);

    if (!count_of(f, i, &n))
        return FOLD_KEEP;
    if (!n)
        return i->a;
    /* nothing is left */
    if (used_bits(f, i->a) <= n)
        return fwd_const(f, i->type, 0);
    /* (x >> m) >> n = x >> (m + n) */
    if (is_shift_by(f, x, IR_SHR, &m))
        return m + n < w ? shift_by(f, i, IR_SHR, x->a, m + n) : fwd_const(f, i->type, 0);
    /* (x << m) >> n, m <= n: the field of w - n bits at n - m */
    if (is_shift_by(f, x, IR_SHL, &m) && m <= n)
        return fwd_to(i, IR_UBFX, (n - m) | (w - n) << 8, x->a, IR_NONE);
    /* zx(x, m) >> n: the field of m - n bits at n */
    if (x->op == IR_ZX && fwd_ins(f, x->a)->type == i->type)
        return fwd_to(i, IR_UBFX, n | (x->aux - n) << 8, x->a, IR_NONE);
    return FOLD_KEEP;
}

uint32_t fold_SAR(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);
    unsigned n, m, w = fwd_width(i);

    if (!count_of(f, i, &n))
        return FOLD_KEEP;
    if (!n)
        return i->a;
    if (is_shift_by(f, x, IR_SAR, &m))
        return shift_by(f, i, IR_SAR, x->a, min_of(m + n, w - 1));
    /* (x << m) >> n, m <= n: the signed field of w - n bits at n - m */
    if (is_shift_by(f, x, IR_SHL, &m) && m <= n)
        return fwd_to(i, IR_SBFX, (n - m) | (w - n) << 8, x->a, IR_NONE);
    return FOLD_KEEP;
}

uint32_t fold_ROR(struct fwd *f, struct ir_ins *i)
{
    unsigned n;

    return count_of(f, i, &n) && !n ? i->a : FOLD_KEEP;
}

uint32_t fold_EXTR(struct fwd *f, struct ir_ins *i)
{
    /* (x:y) >> 0 = y, (x:x) >> n = x rotated */
    if (!i->c)
        return i->b;
    if (i->a == i->b)
        return fwd_to(i, IR_ROR, 0, i->a, fwd_const(f, i->type, i->c));
    return FOLD_KEEP;
}

/* The same, of another operand and width. */
static uint32_t extend(struct ir_ins *i, unsigned op, unsigned bits, ir_ref x)
{
    return fwd_to(i, op, bits, x, IR_NONE);
}

uint32_t fold_ZX(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    /* nothing to clear */
    if (x->type == i->type && used_bits(f, i->a) <= i->aux)
        return i->a;
    if (i->type == IR_I32 && i->aux == 32)
        return x->type == IR_I32 ? i->a : fwd_to(i, IR_TRUNC, 0, i->a, IR_NONE);
    /* zx(zx(x, m), n) = zx(x, min(m, n)) */
    if (x->op == IR_ZX)
        return extend(i, IR_ZX, min_of(x->aux, i->aux), x->a);
    /* zx(sx(x, m), n) = zx(x, n) for n <= m */
    if (x->op == IR_SX && i->aux <= x->aux)
        return extend(i, IR_ZX, i->aux, x->a);
    /* zx(trunc(x), n) = zx(x, n) */
    if (x->op == IR_TRUNC)
        return extend(i, IR_ZX, i->aux, x->a);
    return FOLD_KEEP;
}

/* Is x sign-extended from so many bits already? */
static bool is_sign_extended(const struct fwd *f, ir_ref r, unsigned bits)
{
    const struct ir_ins *x = fwd_ins(f, r);

    if (x->op == IR_LD && (x->aux & IR_M_SIGNED))
        return 8u << (x->aux & IR_M_SIZE) <= bits;
    return used_bits(f, r) < bits;
}

uint32_t fold_SX(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    if (x->type == i->type && is_sign_extended(f, i->a, i->aux))
        return i->a;
    if (i->type == IR_I32 && i->aux == 32)
        return x->type == IR_I32 ? i->a : fwd_to(i, IR_TRUNC, 0, i->a, IR_NONE);
    /* sx(sx(x, m), n) = sx(x, min(m, n)); an i32 between them only cuts at 32 */
    if (x->op == IR_SX)
        return extend(i, IR_SX, min_of(x->aux, i->aux), x->a);
    /* sx(zx(x, m), n) = sx(x, n) for n <= m, else zx(x, m) */
    if (x->op == IR_ZX)
        return i->aux <= x->aux ? extend(i, IR_SX, i->aux, x->a) : extend(i, IR_ZX, x->aux, x->a);
    if (x->op == IR_TRUNC)
        return extend(i, IR_SX, i->aux, x->a);
    return FOLD_KEEP;
}

uint32_t fold_TRUNC(struct fwd *f, struct ir_ins *i)
{
    const struct ir_ins *x = fwd_ins(f, i->a);

    /* trunc(zx(x, n)), trunc(sx(x, n)): the same on 32 bits */
    if (x->op == IR_ZX || x->op == IR_SX) {
        if (x->aux == 32)
            return fwd_ins(f, x->a)->type == IR_I32 ? x->a : fwd_to(i, IR_TRUNC, 0, x->a, IR_NONE);
        return extend(i, x->op, x->aux, x->a);
    }
    /* low half of a 64-bit lane: a 32-bit lane */
    if (x->op == IR_VGET && (x->aux & 7) == IR_LANE_D) {
        *i = (struct ir_ins){IR_VGET, IR_I32, IR_LANE_S, x->a, IR_NONE, 2 * x->c};
        return FOLD_AGAIN;
    }
    return FOLD_KEEP;
}

uint32_t fold_UBFX(struct fwd *f, struct ir_ins *i)
{
    unsigned at = i->aux & 63, length = i->aux >> 8, w = fwd_width(i);

    if (length == w)
        return i->a;
    if (at + length == w)
        return shift_by(f, i, IR_SHR, i->a, at);
    if (!at && used_bits(f, i->a) <= length)
        return i->a;
    if (!at && (length == 8 || length == 16 || length == 32))
        return extend(i, IR_ZX, length, i->a);
    return FOLD_KEEP;
}

uint32_t fold_SBFX(struct fwd *f, struct ir_ins *i)
{
    unsigned at = i->aux & 63, length = i->aux >> 8, w = fwd_width(i);

    if (length == w)
        return i->a;
    if (at + length == w)
        return shift_by(f, i, IR_SAR, i->a, at);
    if (!at && (length == 8 || length == 16 || length == 32))
        return extend(i, IR_SX, length, i->a);
    return FOLD_KEEP;
}

uint32_t fold_BFI(struct fwd *f, struct ir_ins *i)
{
    unsigned at = i->aux & 63, length = i->aux >> 8;

    if (length == fwd_width(i))
        return i->b;
    /* into 0, at the bottom: the field alone */
    if (!at && fwd_is_value(f, i->a, 0))
        return fwd_to(i, IR_UBFX, i->aux, i->b, IR_NONE);
    /* of 0: bits cleared */
    if (fwd_is_value(f, i->b, 0))
        return fwd_to(i, IR_AND, 0, i->a, fwd_const(f, i->type, ~(bits_mask64(length) << at)));
    return FOLD_KEEP;
}
