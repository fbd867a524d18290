/* Vector operations that move lanes: duplicate, insert, extract, permute, table look-up.
 *
 * Owns their exact meaning, half vectors included: a half operation treats its operands as 8 bytes.
 */
#include "ir/eval_lane.h"

static void dup(struct ir_eval_call *e, uint64_t v)
{
    vec_clear(e->r);
    for (unsigned i = 0; i < vec_lanes(e); i++)
        ir_lane_put(e->r, lane_of(e), i, v);
}

void ir_eval_VDUP(struct ir_eval_call *e)
{
    dup(e, eval_arg(e->argtype, &e->a));
}

void ir_eval_VDUPL(struct ir_eval_call *e)
{
    dup(e, ir_lane_get(&e->a, lane_of(e), e->imm));
}

void ir_eval_VGET(struct ir_eval_call *e)
{
    eval_set(e, e->aux & 16 ? (uint64_t)ir_lane_gets(&e->a, lane_of(e), e->imm)
                            : ir_lane_get(&e->a, lane_of(e), e->imm));
}

void ir_eval_VSET(struct ir_eval_call *e)
{
    *e->r = e->a;
    ir_lane_put(e->r, lane_of(e), e->imm, e->b.x);
    vec_finish(e);
}

void ir_eval_VSETL(struct ir_eval_call *e)
{
    *e->r = e->a;
    ir_lane_put(e->r, lane_of(e), e->imm & 255, ir_lane_get(&e->b, lane_of(e), e->imm >> 8));
    vec_finish(e);
}

void ir_eval_VZHI(struct ir_eval_call *e)
{
    e->r->d[0] = e->a.d[0];
    e->r->d[1] = 0;
}

void ir_eval_VEXT(struct ir_eval_call *e)
{
    unsigned n = vec_bytes(e);

    vec_clear(e->r);
    for (unsigned i = 0; i < n; i++) {
        unsigned from = i + e->imm;

        e->r->b[i] = from < n ? e->a.b[from] : e->b.b[(from - n) & 15];
    }
}

/* Lane i of the result is lane from(i) of a, or of b when from(i) is at least n. */
#define PERMUTE(NAME, from)                                                                     \
    void ir_eval_##NAME(struct ir_eval_call *e)                                                 \
    {                                                                                           \
        unsigned lane = lane_of(e), n = vec_lanes(e);                                           \
                                                                                                \
        vec_clear(e->r);                                                                        \
        for (unsigned i = 0; i < n; i++) {                                                      \
            unsigned k = (from);                                                                \
                                                                                                \
            ir_lane_put(e->r, lane, i,                                                          \
                        k < n ? ir_lane_get(&e->a, lane, k) : ir_lane_get(&e->b, lane, k - n)); \
        }                                                                                       \
    }

PERMUTE(VZIP1, i / 2 + (i & 1) * n)
PERMUTE(VZIP2, n / 2 + i / 2 + (i & 1) * n)
PERMUTE(VUZP1, 2 * i)
PERMUTE(VUZP2, 2 * i + 1)
PERMUTE(VTRN1, (i & ~1u) + (i & 1) * n)
PERMUTE(VTRN2, (i | 1) + (i & 1) * n)
PERMUTE(VREV, i ^ ((e->imm >> lane) - 1))

static void table(struct ir_eval_call *e, const union ir_val *otherwise)
{
    vec_clear(e->r);
    for (unsigned i = 0; i < vec_bytes(e); i++)
        e->r->b[i] = e->b.b[i] < 16 ? e->a.b[e->b.b[i]] : otherwise->b[i];
}

void ir_eval_VTBL(struct ir_eval_call *e)
{
    static const union ir_val zero;

    table(e, &zero);
}

void ir_eval_VTBX(struct ir_eval_call *e)
{
    table(e, &e->c);
}
