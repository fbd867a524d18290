/* Selection of vector shifts: by immediates, by counts in lanes, and with insertion. */
#include "codegen/host/x86_64/vec_emit.h"

enum { AND = P(0xdb), OR = P(0xeb), XOR = P(0xef) };

static unsigned sub_op(unsigned lane) { return vec_rows[IR_VSUB].op[lane]; }

/* d := a shifted by n bits; ext is SLL, SRL or SRA. Bytes go as words and lose what crossed. May clobber
 * VSCRATCH2; d may be a. */
static void shift_imm(struct cg_work *w, unsigned lane, int ext, int d, int a, unsigned n)
{
    unsigned bits = 8u << lane;
    if (ext == SRA && n >= bits)
        n = bits - 1;
    if (n == 0) {
        x64_movaps(&w->a, d, a);
    } else if (n >= bits) {
        zeros(w, d);
    } else if (ext == SRA && n == bits - 1 && (lane == IR_LANE_B || (lane == IR_LANE_D && !has_512(w)))) {
        vec_signs(w, lane, VSCRATCH2, a);
        x64_movaps(&w->a, d, VSCRATCH2);
    } else if (lane == IR_LANE_B) {
        vshift(w, 1, ext == SLL ? SLL : SRL, d, a, n);
        op2m(w, AND, d, d, vec_const(w, (enum vec_const)((ext == SLL ? K_SHL_B : K_SHR_B) + n)));
        if (ext == SRA) { /* the sign's copies: (x ^ s) - s */
            struct x64_rm s = vec_const(w, (enum vec_const)(K_SAR_B + n));
            op2m(w, XOR, d, d, s);
            op2m(w, sub_op(0), d, d, s);
        }
    } else if (lane == IR_LANE_D && ext == SRA) {
        if (has_512(w)) {
            x64_evex(&w->a, P(0x72), true, SRA, d, x64_r(a));
            x64_b(&w->a, n);
            return;
        }
        vshift(w, 2, SRA, VSCRATCH2, a, 31);
        shuf_d(w, VSCRATCH2, VSCRATCH2, 0xf5);
        op2(w, XOR, d, a, VSCRATCH2);
        vshift(w, 3, SRL, d, d, n);
        op2(w, XOR, d, d, VSCRATCH2);
    } else {
        vshift(w, lane, ext, d, a, n);
    }
}

static bool sel_shift(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), d = ra_def(w, i, a);
    shift_imm(w, lane_of(p), p->op == IR_VSHLI ? SLL : p->op == IR_VSHRI ? SRL : SRA, d, a, p->c);
    half_of(w, i, d);
    return true;
}

/* a is a shift the other way by the rest of the width (or more): it has zeros where b's bits go. */
static bool complement(const struct cg_work *w, const struct ir_ins *p)
{
    const struct ir_ins *q = ins_of(w, p->a);
    return q->op == (p->op == IR_VSLI ? IR_VSHRI : IR_VSHLI) && lane_of(q) == lane_of(p) &&
           q->c + p->c >= 8u << lane_of(p);
}

/* The shift is folded (scan.c): both are one rotation. */
static bool sel_rotate(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned bits = 8u << lane_of(p);
    int b = ra_use(w, p->b), d = ra_def(w, i, b);
    x64_evex(&w->a, P(0x72), lane_of(p) == IR_LANE_D, 1, d, x64_r(b)); /* vprol */
    x64_b(&w->a, p->op == IR_VSLI ? p->c : bits - p->c);
    half_of(w, i, d);
    return true;
}

/* b shifted, over the bits of a that the shift leaves free. */
static bool sel_insert(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p), bits = 8u << lane, n = p->c;
    bool left = p->op == IR_VSLI;
    if (w->v[p->a].flags & V_FOLDED)
        return sel_rotate(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), s = VSCRATCH;
    if (complement(w, p)) {
        s = a;
    } else if (lane == IR_LANE_B && n > 0 && n < 8) {
        op2m(w, AND, VSCRATCH, a, vec_const(w, (enum vec_const)((left ? K_SHR_B : K_SHL_B) + 8 - n)));
    } else {
        shift_imm(w, lane, left ? SLL : SRL, VSCRATCH, a, bits - n);
        shift_imm(w, lane, left ? SRL : SLL, VSCRATCH, VSCRATCH, bits - n);
    }
    shift_imm(w, lane, left ? SLL : SRL, VSCRATCH2, b, n);
    int d = ra_def(w, i, -1);
    op2(w, OR, d, VSCRATCH2, s);
    half_of(w, i, d);
    return true;
}

/* ---- by the signed low byte of each lane of another vector ---- */

/* The host's shifts by lanes; counts from the width up give zeros (or signs). AVX2, and for words and
 * signed qwords AVX-512. */
static void shift_by(struct cg_work *w, unsigned lane, int ext, int d, int a, int n)
{
    static const uint8_t op[3] = {0x47, 0x45, 0x46}, op_h[3] = {0x12, 0x10, 0x11};
    unsigned k = ext == SLL ? 0 : ext == SRL ? 1 : 2;
    if (lane == IR_LANE_H)
        x64_evex(&w->a, P38(op_h[k]), true, d, a, x64_r(n));
    else if (lane == IR_LANE_D && ext == SRA)
        x64_evex(&w->a, P38(op[k]), true, d, a, x64_r(n));
    else
        x64_vex(&w->a, P38(op[k]), lane == IR_LANE_D, false, d, a, x64_r(n));
}

/* d := a shifted left by the counts in VSCRATCH, right where they are negative. d overlaps nothing;
 * clobbers VSCRATCH2, and VSCRATCH. sign: a register with a's signs where the host lacks the shift. */
static void shift_both(struct cg_work *w, unsigned lane, bool sign, int d, int a, int signs)
{
    shift_by(w, lane, SLL, d, a, VSCRATCH); /* a negative count is a large one: zero */
    zeros(w, VSCRATCH2);
    op2(w, sub_op(lane), VSCRATCH2, VSCRATCH2, VSCRATCH);
    if (!sign) {
        shift_by(w, lane, SRL, VSCRATCH2, a, VSCRATCH2);
        op2(w, OR, d, d, VSCRATCH2);
        return;
    }
    if (signs >= 0) {
        op2(w, XOR, signs, signs, a);
        shift_by(w, lane, SRL, VSCRATCH2, signs, VSCRATCH2);
        op2(w, XOR, signs, signs, a);
        op2(w, XOR, VSCRATCH2, VSCRATCH2, signs);
    } else {
        shift_by(w, lane, SRA, VSCRATCH2, a, VSCRATCH2);
    }
    blendv(w, lane == IR_LANE_H ? 0 : lane == IR_LANE_S ? 1 : 2, d, d, VSCRATCH2, VSCRATCH);
}

/* Bytes as words (the counts are bytes already), or words as dwords. */
static bool shift_narrow(struct cg_work *w, uint32_t i, bool sign)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    static const unsigned sx[2] = {P38(0x20), P38(0x23)}, zx[2] = {P38(0x30), P38(0x33)};
    int a = ra_use(w, p->a), b = ra_use(w, p->b), x = ra_temp(w, true), d = ra_def_fresh(w, i);
    int high = p->aux & IR_HALF ? -1 : ra_temp(w, true), counts = b;
    if (lane == IR_LANE_H) {
        counts = ra_temp(w, true);
        vshift(w, 1, SLL, counts, b, 8);
        vshift(w, 1, SRA, counts, counts, 8);
    }
    for (int k = high < 0 ? 0 : 1; k >= 0; k--) {
        int s = a, n = counts;
        if (k) {
            shuf_d(w, x, a, 0xee);
            shuf_d(w, VSCRATCH, counts, 0xee);
            s = x;
            n = VSCRATCH;
        }
        x64_sse1(&w->a, sign ? sx[lane] : zx[lane], x, x64_r(s));
        x64_sse1(&w->a, sx[lane], VSCRATCH, x64_r(n));
        shift_both(w, lane + 1, sign, k ? high : d, x, -1);
        op2m(w, AND, k ? high : d, k ? high : d, vec_const(w, lane == IR_LANE_B ? K_LOW_H : K_LOW_S));
    }
    op2(w, lane == IR_LANE_B ? P(0x67) : P38(0x2b), d, d, high < 0 ? d : high); /* pack */
    half_of(w, i, d);
    return true;
}

static bool sel_shift_by(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    bool sign = p->op == IR_VSHLS;
    if (!has(w, OS_CPU_AVX2) || (lane == IR_LANE_B && !has_512(w)))
        return false;
    if (lane == IR_LANE_B || (lane == IR_LANE_H && !has_512(w)))
        return shift_narrow(w, i, sign);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), signs = -1;
    if (lane == IR_LANE_D) {
        op2m(w, P38(0x00), VSCRATCH, b, vec_const(w, K_BYTES_D));
        x64_sse1(&w->a, P38(0x22), VSCRATCH, x64_r(VSCRATCH)); /* pmovsxbq */
        if (sign && !has_512(w)) {
            signs = ra_temp(w, true);
            vshift(w, 2, SRA, signs, a, 31);
            shuf_d(w, signs, signs, 0xf5);
        }
    } else {
        vshift(w, lane, SLL, VSCRATCH, b, (8u << lane) - 8);
        vshift(w, lane, SRA, VSCRATCH, VSCRATCH, (8u << lane) - 8);
    }
    int d = ra_def_fresh(w, i);
    shift_both(w, lane, sign, d, a, signs);
    half_of(w, i, d);
    return true;
}

bool sel_shiftv(struct cg_work *w, uint32_t i)
{
    switch (ins_of(w, i)->op) {
    case IR_VSHLI: case IR_VSHRI: case IR_VSARI: return sel_shift(w, i);
    case IR_VSLI: case IR_VSRI: return sel_insert(w, i);
    case IR_VSHLS: case IR_VSHLU: return sel_shift_by(w, i);
    default: return false;
    }
}
