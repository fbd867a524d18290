/* Selection of vector arithmetic on integer lanes: sums, products, comparisons, saturation.
 * What the host lacks in a lane size is made of two to ten instructions of what it has. */
#include "codegen/host/x86_64/vec_emit.h"

enum { AND = P(0xdb), OR = P(0xeb), XOR = P(0xef), ANDN = P(0xdf) /* ~first & second */ };

const struct vec_row vec_rows[IR_OP_COUNT] = {
    [IR_VAND] = {{AND, AND, AND, AND}, false},
    [IR_VOR] = {{OR, OR, OR, OR}, false},
    [IR_VXOR] = {{XOR, XOR, XOR, XOR}, false},
    [IR_VANDN] = {{ANDN, ANDN, ANDN, ANDN}, true},
    [IR_VADD] = {{P(0xfc), P(0xfd), P(0xfe), P(0xd4)}, false},
    [IR_VSUB] = {{P(0xf8), P(0xf9), P(0xfa), P(0xfb)}, false},
    [IR_VMUL] = {{0, P(0xd5), P38(0x40), 0}, false},
    [IR_VMINS] = {{P38(0x38), P(0xea), P38(0x39), 0}, false},
    [IR_VMINU] = {{P(0xda), P38(0x3a), P38(0x3b), 0}, false},
    [IR_VMAXS] = {{P38(0x3c), P(0xee), P38(0x3d), 0}, false},
    [IR_VMAXU] = {{P(0xde), P38(0x3e), P38(0x3f), 0}, false},
    [IR_VQADDS] = {{P(0xec), P(0xed), 0, 0}, false},
    [IR_VQADDU] = {{P(0xdc), P(0xdd), 0, 0}, false},
    [IR_VQSUBS] = {{P(0xe8), P(0xe9), 0, 0}, false},
    [IR_VQSUBU] = {{P(0xd8), P(0xd9), 0, 0}, false},
    [IR_VRHADDU] = {{P(0xe0), P(0xe3), 0, 0}, false},
    [IR_VCEQ] = {{P(0x74), P(0x75), P(0x76), P38(0x29)}, false},
    [IR_VCGTS] = {{P(0x64), P(0x65), P(0x66), P38(0x37)}, false}, /* the last is SSE4.2 */
    [IR_VZIP1] = {{P(0x60), P(0x61), P(0x62), P(0x6c)}, false},
    [IR_VZIP2] = {{P(0x68), P(0x69), P(0x6a), P(0x6d)}, false},
};

static unsigned add_op(unsigned lane) { return vec_rows[IR_VADD].op[lane]; }
static unsigned sub_op(unsigned lane) { return vec_rows[IR_VSUB].op[lane]; }
static unsigned eq_op(unsigned lane) { return vec_rows[IR_VCEQ].op[lane]; }
static bool can_compare(const struct cg_work *w, unsigned lane) { return lane < 3 || has(w, OS_CPU_SSE42); }
static enum vec_const sign_of(unsigned lane) { return (enum vec_const)(K_SIGN_B + lane); }

/* d := a > b, any lane. d overlaps neither operand; unsigned clobbers VSCRATCH2. */
static void greater(struct cg_work *w, unsigned lane, bool uns, int d, int a, int b)
{
    unsigned op = vec_rows[IR_VCGTS].op[lane];
    if (!uns) {
        op2(w, op, d, a, b);
        return;
    }
    op2m(w, XOR, d, a, vec_const(w, sign_of(lane)));
    op2m(w, XOR, VSCRATCH2, b, vec_const(w, sign_of(lane)));
    op2(w, op, d, d, VSCRATCH2);
}

static bool sel_row(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    const struct vec_row *r = &vec_rows[p->op];
    unsigned lane = lane_of(p), op = lane < 4 ? r->op[lane] : 0;
    if (!op || (p->op == IR_VCGTS && !can_compare(w, lane)))
        return false;
    if (p->op == IR_VZIP2 && p->aux & IR_HALF) { /* the high half of the 8-byte operands' interleaving */
        int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def(w, i, -1);
        op2(w, vec_rows[IR_VZIP1].op[lane], VSCRATCH, a, b);
        vshift(w, 3, SRLB, d, VSCRATCH, 8);
        return true;
    }
    int a = ra_use(w, r->swap ? p->b : p->a);
    struct x64_rm b = ra_use_rm(w, r->swap ? p->a : p->b);
    int d = ra_def(w, i, a);
    op2m(w, op, d, a, b);
    half_of(w, i, d);
    return true;
}

/* d := minimum or maximum (op is IR_VMINS..IR_VMAXU). d overlaps no operand; D lanes clobber both
 * scratch registers. */
static bool minmax(struct cg_work *w, unsigned op, unsigned lane, int d, int a, int b)
{
    static const uint8_t wide[4] = {0x39, 0x3b, 0x3d, 0x3f};
    bool max = op == IR_VMAXS || op == IR_VMAXU, uns = op == IR_VMINU || op == IR_VMAXU;
    if (vec_rows[op].op[lane]) {
        op2(w, vec_rows[op].op[lane], d, a, b);
    } else if (has_512(w)) {
        x64_evex(&w->a, P38(wide[op - IR_VMINS]), true, d, a, x64_r(b));
    } else if (can_compare(w, lane)) {
        greater(w, lane, uns, VSCRATCH, a, b);
        op2(w, XOR, d, a, b);
        op2(w, AND, d, d, VSCRATCH); /* where a > b: a ^ b */
        op2(w, XOR, d, d, max ? b : a);
    } else {
        return false;
    }
    return true;
}
_Static_assert(IR_VMAXU == IR_VMINS + 3 && IR_VMINU == IR_VMINS + 1, "order of minima and maxima");

static bool sel_minmax(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (vec_rows[p->op].op[lane_of(p)])
        return sel_row(w, i);
    if (!has_512(w) && !can_compare(w, lane_of(p)))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    minmax(w, p->op, lane_of(p), d, a, b);
    half_of(w, i, d);
    return true;
}

static bool sel_compare(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    bool uns = p->op == IR_VCGTU || p->op == IR_VCGEU, ge = p->op == IR_VCGES || p->op == IR_VCGEU;
    if (!can_compare(w, lane))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    if (ge && lane < 3) { /* max(a, b) == a */
        minmax(w, uns ? IR_VMAXU : IR_VMAXS, lane, VSCRATCH, a, b);
        op2(w, eq_op(lane), d, VSCRATCH, a);
    } else {
        greater(w, lane, uns, d, ge ? b : a, ge ? a : b);
        if (ge)
            vec_invert(w, d);
    }
    half_of(w, i, d);
    return true;
}

static bool sel_tst(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    op2(w, AND, d, a, b);
    zeros(w, VSCRATCH);
    op2(w, eq_op(lane_of(p)), d, d, VSCRATCH);
    vec_invert(w, d);
    half_of(w, i, d);
    return true;
}

static bool sel_not(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), d = ra_def(w, i, a);
    op2m(w, XOR, d, a, vec_const(w, K_ONES));
    half_of(w, i, d);
    return true;
}

static bool sel_orn(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    op2m(w, XOR, VSCRATCH, b, vec_const(w, K_ONES));
    int d = ra_def(w, i, a);
    op2(w, OR, d, VSCRATCH, a);
    half_of(w, i, d);
    return true;
}

/* Any function of three bits in one instruction, where the host has it; else and, andn, or. */
static bool sel_bsl(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), c = ra_use(w, p->c);
    if (has_512(w)) { /* the table's index is destination, second, third */
        int d = ra_def(w, i, a);
        int s = a, t = c;
        unsigned table = 0xe2; /* b, a, c */
        if (d != b) {
            table = d == c && d != a ? 0xb8 /* c, a, b */ : 0xca /* a, b, c */;
            s = table == 0xb8 ? a : b;
            t = table == 0xb8 ? b : c;
            if (table == 0xca)
                x64_movaps(&w->a, d, a);
        }
        x64_evex(&w->a, P3A(0x25), false, d, s, x64_r(t));
        x64_b(&w->a, table);
        half_of(w, i, d);
        return true;
    }
    op2(w, AND, VSCRATCH, b, a);
    op2(w, ANDN, VSCRATCH2, a, c);
    int d = ra_def(w, i, -1);
    op2(w, OR, d, VSCRATCH, VSCRATCH2);
    half_of(w, i, d);
    return true;
}

static bool sel_neg(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a);
    zeros(w, VSCRATCH);
    int d = ra_def(w, i, -1);
    op2(w, sub_op(lane_of(p)), d, VSCRATCH, a);
    half_of(w, i, d);
    return true;
}

static bool sel_abs(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    static const unsigned op[3] = {P38(0x1c), P38(0x1d), P38(0x1e)};
    unsigned lane = lane_of(p);
    int a = ra_use(w, p->a);
    if (lane < 3) {
        int d = ra_def(w, i, a);
        x64_sse1(&w->a, op[lane], d, x64_r(a));
        half_of(w, i, d);
    } else {
        vec_signs(w, lane, VSCRATCH, a);
        int d = ra_def(w, i, a);
        op2(w, XOR, d, a, VSCRATCH);
        op2(w, sub_op(lane), d, d, VSCRATCH);
        half_of(w, i, d);
    }
    return true;
}

/* d := low halves of the products. d overlaps no operand; B and D lanes clobber both scratch registers. */
static void multiply(struct cg_work *w, unsigned lane, int d, int a, int b)
{
    if (vec_rows[IR_VMUL].op[lane]) {
        op2(w, vec_rows[IR_VMUL].op[lane], d, a, b);
    } else if (lane == IR_LANE_B) { /* as words: even bytes, then odd bytes */
        vshift(w, 1, SRL, VSCRATCH, a, 8);
        vshift(w, 1, SRL, VSCRATCH2, b, 8);
        op2(w, P(0xd5), VSCRATCH, VSCRATCH, VSCRATCH2);
        vshift(w, 1, SLL, VSCRATCH, VSCRATCH, 8);
        op2(w, P(0xd5), d, a, b);
        op2m(w, AND, d, d, vec_const(w, K_LOW_H));
        op2(w, OR, d, d, VSCRATCH);
    } else if (has_512(w)) {
        x64_evex(&w->a, P38(0x40), true, d, a, x64_r(b));
    } else { /* low * low + (low * high + high * low) << 32 */
        shuf_d(w, VSCRATCH, b, 0xb1);
        op2(w, P38(0x40), VSCRATCH, VSCRATCH, a);
        vshift(w, 3, SRL, VSCRATCH2, VSCRATCH, 32);
        op2(w, add_op(IR_LANE_S), VSCRATCH, VSCRATCH, VSCRATCH2);
        vshift(w, 3, SLL, VSCRATCH, VSCRATCH, 32);
        op2(w, P(0xf4), d, a, b);
        op2(w, add_op(IR_LANE_D), d, d, VSCRATCH);
    }
}

static bool sel_mul(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (vec_rows[IR_VMUL].op[lane_of(p)])
        return sel_row(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    multiply(w, lane_of(p), d, a, b);
    half_of(w, i, d);
    return true;
}

static bool sel_mla(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), c = ra_use(w, p->c);
    int t = vec_rows[IR_VMUL].op[lane] ? VSCRATCH : ra_temp(w, true);
    multiply(w, lane, t, a, b);
    int d = ra_def(w, i, c);
    op2(w, p->op == IR_VMLA ? add_op(lane) : sub_op(lane), d, c, t);
    half_of(w, i, d);
    return true;
}

/* ---- differences and halves ---- */

static bool sel_abd(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    bool uns = p->op == IR_VABDU;
    if (!can_compare(w, lane))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    if (lane < 3) {
        minmax(w, uns ? IR_VMAXU : IR_VMAXS, lane, d, a, b);
        minmax(w, uns ? IR_VMINU : IR_VMINS, lane, VSCRATCH, a, b);
        op2(w, sub_op(lane), d, d, VSCRATCH);
    } else { /* a - b, negated where b > a */
        greater(w, lane, uns, VSCRATCH, b, a);
        op2(w, sub_op(lane), d, a, b);
        op2(w, XOR, d, d, VSCRATCH);
        op2(w, sub_op(lane), d, d, VSCRATCH);
    }
    half_of(w, i, d);
    return true;
}

/* Bytes and words by the host's rounding average of unsigned numbers; signed ones are biased. */
static void average(struct cg_work *w, unsigned op, unsigned lane, int d, int a, int b)
{
    bool sign = op == IR_VHADDS || op == IR_VRHADDS || op == IR_VHSUBS;
    unsigned avg = vec_rows[IR_VRHADDU].op[lane];
    if (sign) {
        op2m(w, XOR, VSCRATCH, a, vec_const(w, sign_of(lane)));
        op2m(w, XOR, VSCRATCH2, b, vec_const(w, sign_of(lane)));
        a = VSCRATCH;
        b = VSCRATCH2;
    }
    if (op == IR_VHSUBS || op == IR_VHSUBU) { /* avg(a, ~b) is (a - b) >> 1, plus half of the range */
        op2m(w, XOR, VSCRATCH2, b, vec_const(w, K_ONES));
        op2(w, avg, d, a, VSCRATCH2);
        op2m(w, XOR, d, d, vec_const(w, sign_of(lane)));
        return;
    }
    op2(w, avg, d, a, b);
    if (op == IR_VHADDS || op == IR_VHADDU) { /* take the rounding back */
        op2(w, XOR, VSCRATCH, a, b);
        op2m(w, AND, VSCRATCH, VSCRATCH, vec_const(w, lane == IR_LANE_B ? K_ONE_B : K_ONE_H));
        op2(w, sub_op(lane), d, d, VSCRATCH);
    }
    if (sign)
        op2m(w, XOR, d, d, vec_const(w, sign_of(lane)));
}

static bool sel_half_sum(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    bool sign = p->op == IR_VHADDS || p->op == IR_VRHADDS || p->op == IR_VHSUBS;
    if (p->op == IR_VRHADDU && vec_rows[p->op].op[lane])
        return sel_row(w, i);
    if (lane == IR_LANE_D && sign)
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    if (lane < IR_LANE_S) {
        average(w, p->op, lane, d, a, b);
        half_of(w, i, d);
        return true;
    }
    op2(w, XOR, VSCRATCH, a, b); /* the difference of the digits, halved; then the common digits */
    vshift(w, lane, sign ? SRA : SRL, VSCRATCH, VSCRATCH, 1);
    if (p->op == IR_VHADDS || p->op == IR_VHADDU) {
        op2(w, AND, d, a, b);
        op2(w, add_op(lane), d, d, VSCRATCH);
    } else if (p->op == IR_VRHADDS || p->op == IR_VRHADDU) {
        op2(w, OR, d, a, b);
        op2(w, sub_op(lane), d, d, VSCRATCH);
    } else {
        op2(w, ANDN, d, a, b);
        op2(w, sub_op(lane), d, VSCRATCH, d);
    }
    half_of(w, i, d);
    return true;
}

/* ---- saturation of S and D lanes ---- */

/* d := where the sign bit of m is set, the extreme that has not d's sign. Clobbers m and t. */
static void saturate(struct cg_work *w, unsigned lane, int d, int m, int t)
{
    vec_signs(w, lane, t, d);
    op2m(w, XOR, t, t, vec_const(w, sign_of(lane)));
    if (w->a.avx) {
        blendv(w, lane == IR_LANE_S ? 1 : 2, d, d, t, m);
    } else {
        vec_signs(w, lane, m, m);
        op2(w, XOR, t, t, d);
        op2(w, AND, t, t, m);
        op2(w, XOR, d, d, t);
    }
}

static void saturate_signed(struct cg_work *w, const struct ir_ins *p, int d, int a, int b)
{
    unsigned lane = lane_of(p);
    bool add = p->op == IR_VQADDS;
    op2(w, add ? add_op(lane) : sub_op(lane), d, a, b);
    op2(w, XOR, VSCRATCH, a, d); /* overflow: the result's sign is neither operand's (of a + -b) */
    op2(w, XOR, VSCRATCH2, b, add ? d : a);
    op2(w, AND, VSCRATCH, VSCRATCH, VSCRATCH2);
    saturate(w, lane, d, VSCRATCH, VSCRATCH2);
}

static void saturate_unsigned(struct cg_work *w, const struct ir_ins *p, int d, int a, int b)
{
    unsigned lane = lane_of(p);
    bool add = p->op == IR_VQADDU;
    if (lane == IR_LANE_S && add) { /* min(a, ~b) + b */
        op2m(w, XOR, VSCRATCH, b, vec_const(w, K_ONES));
        op2(w, vec_rows[IR_VMINU].op[lane], d, VSCRATCH, a);
        op2(w, add_op(lane), d, d, b);
    } else if (lane == IR_LANE_S) { /* max(a, b) - b */
        op2(w, vec_rows[IR_VMAXU].op[lane], d, a, b);
        op2(w, sub_op(lane), d, d, b);
    } else if (add) {
        op2(w, add_op(lane), d, a, b);
        greater(w, lane, true, VSCRATCH, a, d);
        op2(w, OR, d, d, VSCRATCH);
    } else {
        greater(w, lane, true, VSCRATCH, a, b);
        op2(w, sub_op(lane), d, a, b);
        op2(w, AND, d, d, VSCRATCH);
    }
}

static bool sel_saturating(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (vec_rows[p->op].op[lane_of(p)])
        return sel_row(w, i);
    if (!can_compare(w, lane_of(p)))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    if (p->op == IR_VQADDS || p->op == IR_VQSUBS)
        saturate_signed(w, p, d, a, b);
    else
        saturate_unsigned(w, p, d, a, b);
    half_of(w, i, d);
    return true;
}

/* The high half of 2ab. Only MIN * MIN overflows, to MIN, which nothing else gives. */
static bool sel_qdmulh(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    bool round = p->aux & IR_HIGH;
    if (lane != IR_LANE_H && lane != IR_LANE_S)
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    if (lane == IR_LANE_H && round) {
        op2(w, P38(0x0b), d, a, b); /* pmulhrsw */
    } else if (lane == IR_LANE_H) {
        op2(w, P(0xe5), d, a, b);
        op2(w, P(0xd5), VSCRATCH, a, b);
        vshift(w, lane, SLL, d, d, 1);
        vshift(w, lane, SRL, VSCRATCH, VSCRATCH, 15);
        op2(w, OR, d, d, VSCRATCH);
    } else {
        op2(w, P38(0x28), d, a, b); /* pmuldq: even lanes */
        vshift(w, 3, SRL, VSCRATCH, a, 32);
        vshift(w, 3, SRL, VSCRATCH2, b, 32);
        op2(w, P38(0x28), VSCRATCH, VSCRATCH, VSCRATCH2);
        if (round) {
            op2m(w, add_op(3), d, d, vec_const(w, K_QROUND));
            op2m(w, add_op(3), VSCRATCH, VSCRATCH, vec_const(w, K_QROUND));
        }
        op2(w, add_op(3), d, d, d);
        op2(w, add_op(3), VSCRATCH, VSCRATCH, VSCRATCH);
        vshift(w, 3, SRL, d, d, 32);
        x64_sse_i(&w->a, P3A(0x0e), d, d, x64_r(VSCRATCH), 0xcc, VSCRATCH2); /* pblendw: odd lanes */
    }
    op2m(w, eq_op(lane), VSCRATCH, d, vec_const(w, sign_of(lane)));
    op2(w, XOR, d, d, VSCRATCH);
    half_of(w, i, d);
    return true;
}

bool sel_veci(struct cg_work *w, uint32_t i)
{
    switch (ins_of(w, i)->op) {
    case IR_VMINS: case IR_VMINU: case IR_VMAXS: case IR_VMAXU: return sel_minmax(w, i);
    case IR_VCGTS: return sel_row(w, i);
    case IR_VCGTU: case IR_VCGES: case IR_VCGEU: return sel_compare(w, i);
    case IR_VTST: return sel_tst(w, i);
    case IR_VNOT: return sel_not(w, i);
    case IR_VORN: return sel_orn(w, i);
    case IR_VBSL: return sel_bsl(w, i);
    case IR_VNEG: return sel_neg(w, i);
    case IR_VABS: return sel_abs(w, i);
    case IR_VMUL: return sel_mul(w, i);
    case IR_VMLA: case IR_VMLS: return sel_mla(w, i);
    case IR_VABDS: case IR_VABDU: return sel_abd(w, i);
    case IR_VHADDS: case IR_VHADDU: case IR_VRHADDS: case IR_VRHADDU: case IR_VHSUBS: case IR_VHSUBU:
        return sel_half_sum(w, i);
    case IR_VQADDS: case IR_VQADDU: case IR_VQSUBS: case IR_VQSUBU: return sel_saturating(w, i);
    case IR_VQDMULH: return sel_qdmulh(w, i);
    default: return sel_vecsum(w, i) || sel_row(w, i);
    }
}
