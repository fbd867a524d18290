/* Operations that make and use a cc token: N, Z, C, V in bits 31..28 of w, as Arm defines them.
 *
 * CCFCMP, which needs floating point, is in eval_fp.c.
 */
#include "ir/eval_call.h"

enum {
    N = 1u << 31,
    Z = 1u << 30,
    C = 1u << 29,
    V = 1u << 28,
};

/* Flags of a + b + carry; subtraction adds the complement (Arm ARM, AddWithCarry). */
static uint32_t flags_add(unsigned type, uint64_t a, uint64_t b, unsigned carry)
{
    unsigned w = type == IR_I32 ? 32 : 64;
    uint64_t mask = UINT64_MAX >> (64 - w);
    unsigned __int128 sum = (unsigned __int128)(a & mask) + (b & mask) + carry;
    uint64_t r = (uint64_t)sum & mask;
    uint32_t flags = 0;

    if (r >> (w - 1))
        flags |= N;
    if (!r)
        flags |= Z;
    if (sum >> w)
        flags |= C;
    if (((a ^ r) & (b ^ r)) >> (w - 1) & 1)
        flags |= V;
    return flags;
}

static uint64_t arg_a(const struct ir_eval_call *e)
{
    return eval_arg(e->argtype, &e->a);
}

static uint64_t arg_b(const struct ir_eval_call *e)
{
    return eval_arg(e->argtype, &e->b);
}

static unsigned carry(const struct ir_eval_call *e)
{
    return (e->c.w & C) != 0;
}

void ir_eval_CCADD(struct ir_eval_call *e)
{
    e->r->x = flags_add(e->argtype, arg_a(e), arg_b(e), 0);
}

void ir_eval_CCSUB(struct ir_eval_call *e)
{
    e->r->x = flags_add(e->argtype, arg_a(e), ~arg_b(e), 1);
}

void ir_eval_CCADC(struct ir_eval_call *e)
{
    e->r->x = flags_add(e->argtype, arg_a(e), arg_b(e), carry(e));
}

void ir_eval_CCSBC(struct ir_eval_call *e)
{
    e->r->x = flags_add(e->argtype, arg_a(e), ~arg_b(e), carry(e));
}

void ir_eval_CCLOG(struct ir_eval_call *e)
{
    uint64_t v = arg_a(e);
    uint32_t flags = v ? 0 : Z;

    if (v >> (e->argtype == IR_I32 ? 31 : 63))
        flags |= N;
    e->r->x = flags;
}

void ir_eval_CCSEL(struct ir_eval_call *e)
{
    if (!eval_cc(e->aux & 15, e->c.w))
        e->r->x = (uint32_t)(e->aux >> 4 & 15) << 28;
    else if (e->aux & 256)
        ir_eval_CCADD(e);
    else
        ir_eval_CCSUB(e);
}

void ir_eval_CCFROM(struct ir_eval_call *e)
{
    e->r->x = e->a.w & (N | Z | C | V);
}

void ir_eval_CCTO(struct ir_eval_call *e)
{
    e->r->x = e->a.w & (N | Z | C | V);
}

void ir_eval_ADC(struct ir_eval_call *e)
{
    eval_set(e, e->a.x + e->b.x + carry(e));
}

void ir_eval_SBC(struct ir_eval_call *e)
{
    eval_set(e, e->a.x - e->b.x - !carry(e));
}

void ir_eval_SELCC(struct ir_eval_call *e)
{
    *e->r = eval_cc(e->aux & 15, e->a.w) ? e->b : e->c;
}

void ir_eval_SETCC(struct ir_eval_call *e)
{
    e->r->x = eval_cc(e->aux & 15, e->a.w);
}
