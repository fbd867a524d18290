/* Vector floating point: the scalar operations on each lane (S or D), flags or-ed together.
 *
 * A half operation computes, and raises flags for, the low 64 bits only.
 */
#include "ir/eval_float.h"
#include "ir/eval_lane.h"

/* One lane: call32 or call64 on x, y, z with the context &c and rounding rm. */
#define VFLANES(NAME, rounding, call32, call64)                                        \
    void ir_eval_##NAME(struct ir_eval_call *e)                                        \
    {                                                                                  \
        enum fp_round rm = eval_round(e->env, rounding);                               \
        struct fp_ctx c = eval_fp_begin(e, rounding);                                  \
        unsigned lane = lane_of(e);                                                    \
                                                                                       \
        (void)rm;                                                                      \
        vec_clear(e->r);                                                               \
        for (unsigned i = 0; i < vec_lanes(e); i++) {                                  \
            uint64_t x = ir_lane_get(&e->a, lane, i), y = ir_lane_get(&e->b, lane, i), \
                     z = ir_lane_get(&e->c, lane, i);                                  \
                                                                                       \
            (void)y, (void)z;                                                          \
            ir_lane_put(e->r, lane, i,                                                 \
                        lane == IR_LANE_S ? (uint64_t)(call32) : (uint64_t)(call64));  \
        }                                                                              \
        eval_fp_end(e, &c);                                                            \
    }
#define X32 (uint32_t) x
#define Y32 (uint32_t) y
#define Z32 (uint32_t) z

VFLANES(VFADD, IR_RM_DYN, fp_f32_add(X32, Y32, &c), fp_f64_add(x, y, &c))
VFLANES(VFSUB, IR_RM_DYN, fp_f32_sub(X32, Y32, &c), fp_f64_sub(x, y, &c))
VFLANES(VFMUL, IR_RM_DYN, fp_f32_mul(X32, Y32, &c), fp_f64_mul(x, y, &c))
VFLANES(VFDIV, IR_RM_DYN, fp_f32_div(X32, Y32, &c), fp_f64_div(x, y, &c))
VFLANES(VFSQRT, IR_RM_DYN, fp_f32_sqrt(X32, &c), fp_f64_sqrt(x, &c))
VFLANES(VFMA, IR_RM_DYN, fp_f32_fma(X32, Y32, Z32, &c), fp_f64_fma(x, y, z, &c))
VFLANES(VFMIN, IR_RM_DYN, fp_f32_minmax(eval_minmax(e->aux >> 4, false), X32, Y32, &c),
        fp_f64_minmax(eval_minmax(e->aux >> 4, false), x, y, &c))
VFLANES(VFMAX, IR_RM_DYN, fp_f32_minmax(eval_minmax(e->aux >> 4, true), X32, Y32, &c),
        fp_f64_minmax(eval_minmax(e->aux >> 4, true), x, y, &c))
VFLANES(VFRINT, e->imm, fp_f32_rint(X32, rm, (e->imm & 8) != 0, &c),
        fp_f64_rint(x, rm, (e->imm & 8) != 0, &c))
VFLANES(VSTOF, IR_RM_DYN, fp_f32_from_sint((int32_t)x, 0, &c), fp_f64_from_sint((int64_t)x, 0, &c))
VFLANES(VUTOF, IR_RM_DYN, fp_f32_from_uint(x, 0, &c), fp_f64_from_uint(x, 0, &c))

static enum fp_int_rule int_rule(const struct ir_eval_call *e)
{
    return (enum fp_int_rule)e->env->int_rule;
}

VFLANES(VFTOS, e->imm, fp_f32_to_sint(X32, 32, 0, rm, int_rule(e), &c),
        fp_f64_to_sint(x, 64, 0, rm, int_rule(e), &c))
VFLANES(VFTOU, e->imm, fp_f32_to_uint(X32, 32, 0, rm, int_rule(e), &c),
        fp_f64_to_uint(x, 64, 0, rm, int_rule(e), &c))

/* All ones where the relation holds. */
static uint64_t mask(bool yes)
{
    return yes ? UINT64_MAX : 0;
}

static bool greater_equal(enum fp_rel rel)
{
    return rel == FP_GREATER || rel == FP_EQUAL;
}

VFLANES(VFCEQ, IR_RM_DYN, mask(fp_f32_cmp(X32, Y32, &c) == FP_EQUAL),
        mask(fp_f64_cmp(x, y, &c) == FP_EQUAL))
VFLANES(VFCGE, IR_RM_DYN, mask(greater_equal(fp_f32_cmps(X32, Y32, &c))),
        mask(greater_equal(fp_f64_cmps(x, y, &c))))
VFLANES(VFCGT, IR_RM_DYN, mask(fp_f32_cmps(X32, Y32, &c) == FP_GREATER),
        mask(fp_f64_cmps(x, y, &c) == FP_GREATER))

/* ---- signs: no rounding, no flags ---- */
LANEWISE(VFNEG, x ^ (U)(UINT64_C(1) << (W - 1)))
LANEWISE(VFABS, x &(U) ~(UINT64_C(1) << (W - 1)))

/* ---- across lanes, and between formats ---- */
void ir_eval_VFADDP(struct ir_eval_call *e)
{
    struct fp_ctx c = eval_fp_begin(e, IR_RM_DYN);
    unsigned lane = lane_of(e), n = vec_lanes(e);

    vec_clear(e->r);
    for (unsigned i = 0; i < n; i++) {
        const union ir_val *from = i < n / 2 ? &e->a : &e->b;
        unsigned k = 2 * i - (i < n / 2 ? 0 : n);
        uint64_t x = ir_lane_get(from, lane, k), y = ir_lane_get(from, lane, k + 1);

        ir_lane_put(e->r, lane, i,
                    lane == IR_LANE_S ? fp_f32_add(X32, Y32, &c) : fp_f64_add(x, y, &c));
    }
    eval_fp_end(e, &c);
}

void ir_eval_VFCVTL(struct ir_eval_call *e)
{
    struct fp_ctx c = eval_fp_begin(e, IR_RM_DYN);
    unsigned high = e->aux & IR_HIGH ? 2 : 0;

    for (unsigned i = 0; i < 2; i++)
        e->r->d[i] = fp_f32_to_f64(e->a.s[high + i], &c);
    eval_fp_end(e, &c);
}

void ir_eval_VFCVTN(struct ir_eval_call *e)
{
    struct fp_ctx c = eval_fp_begin(e, IR_RM_DYN);

    vec_clear(e->r);
    for (unsigned i = 0; i < 2; i++)
        e->r->s[i] = fp_f64_to_f32(e->a.d[i], &c);
    eval_fp_end(e, &c);
}
