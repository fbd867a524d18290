/* Selection of vector operations that widen products and sums, add across lanes, or count bits. */
#include "codegen/host/x86_64/vec_emit.h"

enum { AND = P(0xdb), OR = P(0xeb), XOR = P(0xef) };

static unsigned add_op(unsigned lane) { return vec_rows[IR_VADD].op[lane]; }
static unsigned eq_op(unsigned lane) { return vec_rows[IR_VCEQ].op[lane]; }

/* All four dwords of the value are equal: no shuffle moves them. */
static bool same_dwords(const struct cg_work *w, uint32_t v)
{
    const struct ir_ins *p = ins_of(w, v);
    return (p->op == IR_VDUPL || p->op == IR_VDUP) && (p->aux & 15) == IR_LANE_S;
}

static bool sel_mull(struct cg_work *w, uint32_t i, bool sign)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    bool high = p->aux & IR_HIGH;
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    if (lane == IR_LANE_S) {
        int x = a, y = b;
        if (!same_dwords(w, p->a))
            shuf_d(w, x = VSCRATCH, a, high ? 0xfa : 0x50);
        if (!same_dwords(w, p->b))
            shuf_d(w, y = VSCRATCH2, b, high ? 0xfa : 0x50);
        int d = ra_def_fresh(w, i);
        op2(w, sign ? P38(0x28) : P(0xf4), d, x, y);
        return true;
    }
    if (lane > IR_LANE_H)
        return false;
    static const unsigned sx[2] = {P38(0x20), P38(0x23)}, zx[2] = {P38(0x30), P38(0x33)};
    int in[2] = {a, b}, out[2] = {VSCRATCH, VSCRATCH2};
    for (int k = 0; k < 2; k++) {
        int s = in[k];
        if (high) {
            shuf_d(w, out[k], s, 0xee);
            s = out[k];
        }
        x64_sse1(&w->a, sign ? sx[lane] : zx[lane], out[k], x64_r(s));
    }
    int d = ra_def(w, i, -1);
    x64_sse(&w->a, vec_rows[IR_VMUL].op[lane + 1], d, VSCRATCH, x64_r(VSCRATCH2), d);
    return true;
}

static bool sel_addlp(struct cg_work *w, uint32_t i, bool sign)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    if (lane == IR_LANE_B && sign) { /* bytes times one, in pairs: unsigned ones times signed */
        x64_loadv(&w->a, d, vec_const(w, K_ONE_B));
        op2(w, P38(0x04), d, d, a);
    } else if (lane == IR_LANE_B) {
        op2m(w, P38(0x04), d, a, vec_const(w, K_ONE_B));
    } else if (lane == IR_LANE_H && sign) {
        op2m(w, P(0xf5), d, a, vec_const(w, K_ONE_H));
    } else if (lane == IR_LANE_S && sign) {
        shuf_d(w, VSCRATCH, a, 0x08); /* even lanes, then odd ones, into the low half */
        x64_sse1(&w->a, P38(0x25), VSCRATCH, x64_r(VSCRATCH));
        shuf_d(w, d, a, 0x0d);
        x64_sse1(&w->a, P38(0x25), d, x64_r(d));
        op2(w, add_op(3), d, d, VSCRATCH);
    } else {
        unsigned n = 8u << lane;
        vshift(w, lane + 1, SLL, VSCRATCH, a, n);
        vshift(w, lane + 1, sign ? SRA : SRL, VSCRATCH, VSCRATCH, n);
        vshift(w, lane + 1, sign ? SRA : SRL, d, a, n);
        op2(w, add_op(lane + 1), d, d, VSCRATCH);
    }
    half_of(w, i, d);
    return true;
}

/* Sums of all lanes; what stays above lane 0 is shifted out. */
static bool sel_addv(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p), keep = 16 - (1u << lane);
    bool half = p->aux & IR_HALF;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    switch (lane) {
    case IR_LANE_B: /* sums of absolute differences with zero, by halves */
        zeros(w, VSCRATCH);
        op2(w, P(0xf6), d, a, VSCRATCH);
        break;
    case IR_LANE_H:
        op2m(w, P(0xf5), d, a, vec_const(w, K_ONE_H));
        break;
    default:
        x64_movaps(&w->a, d, a);
    }
    if (!half) {
        shuf_d(w, VSCRATCH, d, 0xee);
        op2(w, add_op(lane == IR_LANE_D ? 3 : 2), d, d, VSCRATCH);
    }
    if (lane == IR_LANE_H || lane == IR_LANE_S) {
        shuf_d(w, VSCRATCH, d, 0x55);
        op2(w, add_op(2), d, d, VSCRATCH);
    }
    if (lane == IR_LANE_D) {
        zero_high(w, d);
    } else {
        vshift(w, 3, SLLB, d, d, keep);
        vshift(w, 3, SRLB, d, d, keep);
    }
    return true;
}

/* Sums of four byte products: even and odd bytes as words, multiplied and added in pairs. */
static bool sel_dot(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool sign_a = p->op == IR_VDOTS, sign_b = p->op != IR_VDOTU;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), c = ra_use(w, p->c), d = ra_def_fresh(w, i);
    for (int odd = 0; odd < 2; odd++) {
        int in[2] = {a, b}, out[2] = {VSCRATCH, VSCRATCH2};
        for (int k = 0; k < 2; k++) {
            int s = in[k];
            bool sign = k ? sign_b : sign_a;
            if (!odd) {
                vshift(w, 1, SLL, out[k], s, 8);
                s = out[k];
            }
            vshift(w, 1, sign ? SRA : SRL, out[k], s, 8);
        }
        op2(w, P(0xf5), VSCRATCH, VSCRATCH, VSCRATCH2);
        op2(w, add_op(2), d, odd ? d : c, VSCRATCH);
    }
    half_of(w, i, d);
    return true;
}

/* ---- counting ---- */

/* d := table_low[low nibble] combined by `op` with table_high[high nibble], for each byte. d overlaps
 * nothing; clobbers both scratch registers. */
static void by_nibble(struct cg_work *w, int d, int a, enum vec_const low, enum vec_const high, unsigned op)
{
    op2m(w, AND, VSCRATCH, a, vec_const(w, K_NIBBLE));
    x64_loadv(&w->a, d, vec_const(w, low));
    op2(w, P38(0x00), d, d, VSCRATCH);
    vshift(w, 1, SRL, VSCRATCH, a, 4);
    op2m(w, AND, VSCRATCH, VSCRATCH, vec_const(w, K_NIBBLE));
    x64_loadv(&w->a, VSCRATCH2, vec_const(w, high));
    op2(w, P38(0x00), VSCRATCH2, VSCRATCH2, VSCRATCH);
    op2(w, op, d, d, VSCRATCH2);
}

static bool sel_cnt(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    if (has_512(w) && has(w, OS_CPU_AVX512BITALG))
        x64_evex(&w->a, P38(0x54), false, d, 0, x64_r(a));
    else
        by_nibble(w, d, a, K_CNT, K_CNT, add_op(0));
    half_of(w, i, d);
    return true;
}

static bool sel_rbit(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    by_nibble(w, d, a, K_RBIT_LOW, K_RBIT_HIGH, OR);
    half_of(w, i, d);
    return true;
}

/* Leading zeros of a's lanes; d overlaps nothing. From bytes up: where the upper half of a lane is zero,
 * the lower half's count is added. Clobbers both scratch registers. */
static void leading_zeros(struct cg_work *w, unsigned lane, int d, int a)
{
    if (lane >= IR_LANE_S && has_512(w) && has(w, OS_CPU_AVX512CD)) {
        x64_evex(&w->a, P38(0x44), lane == IR_LANE_D, d, 0, x64_r(a));
        return;
    }
    by_nibble(w, d, a, K_CLZ_LOW, K_CLZ_HIGH, vec_rows[IR_VMINU].op[0]);
    for (unsigned k = 0; k < lane; k++) {
        zeros(w, VSCRATCH);
        op2(w, eq_op(k), VSCRATCH, VSCRATCH, a);
        vshift(w, k + 1, SRL, VSCRATCH, VSCRATCH, 8u << k);
        op2(w, AND, VSCRATCH, VSCRATCH, d);
        vshift(w, k + 1, SRL, d, d, 8u << k);
        op2(w, add_op(k + 1), d, d, VSCRATCH);
    }
}

static bool sel_clz(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i), s = a;
    if (p->op == IR_VCLS) {
        s = ra_temp(w, true);
        vec_signs(w, lane, s, a);
        op2(w, XOR, s, s, a);
    }
    leading_zeros(w, lane, d, s);
    if (p->op == IR_VCLS) { /* without the sign itself */
        ones(w, VSCRATCH);
        op2(w, add_op(lane), d, d, VSCRATCH);
    }
    half_of(w, i, d);
    return true;
}

bool sel_vecsum(struct cg_work *w, uint32_t i)
{
    switch (ins_of(w, i)->op) {
    case IR_VMULLS: return sel_mull(w, i, true);
    case IR_VMULLU: return sel_mull(w, i, false);
    case IR_VADDLPS: return sel_addlp(w, i, true);
    case IR_VADDLPU: return sel_addlp(w, i, false);
    case IR_VADDV: return sel_addv(w, i);
    case IR_VDOTS: case IR_VDOTU: case IR_VDOTUS: return sel_dot(w, i);
    case IR_VCNT: return sel_cnt(w, i);
    case IR_VRBIT: return sel_rbit(w, i);
    case IR_VCLZ: case IR_VCLS: return sel_clz(w, i);
    default: return false;
    }
}
