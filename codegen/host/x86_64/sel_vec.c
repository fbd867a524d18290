/* Selection of vector operations on SSE4/AVX. What is not here is evaluated by the interpreter's
 * function (sel_eval), so this file and its table grow by measured need. */
#include "codegen/host/x86_64/x86_64.h"

/* Operations that are one host instruction, by lane; 0: none. swap: operands the other way round. */
struct row {
    uint32_t op[4];
    bool swap;
};
#define P(b) (X64_66 | X64_0F(b))
#define P38(b) (X64_66 | X64_0F38(b))
static const struct row rows[IR_OP_COUNT] = {
    [IR_VAND] = {{P(0xdb), P(0xdb), P(0xdb), P(0xdb)}, false},
    [IR_VOR] = {{P(0xeb), P(0xeb), P(0xeb), P(0xeb)}, false},
    [IR_VXOR] = {{P(0xef), P(0xef), P(0xef), P(0xef)}, false},
    [IR_VANDN] = {{P(0xdf), P(0xdf), P(0xdf), P(0xdf)}, true},
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
    [IR_VCGTS] = {{P(0x64), P(0x65), P(0x66), P38(0x37)}, false},
    [IR_VZIP1] = {{P(0x60), P(0x61), P(0x62), P(0x6c)}, false},
    [IR_VZIP2] = {{P(0x68), P(0x69), P(0x6a), P(0x6d)}, false},
};

static void zero_high(struct cg_work *w, int d) { x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(d)); }
static void op2(struct cg_work *w, unsigned op, int d, int a, int b) { x64_sse(&w->a, op, d, a, x64_r(b), VSCRATCH2); }
static void ones(struct cg_work *w, int d) { op2(w, P(0x76), d, d, d); }
static void zeros(struct cg_work *w, int d) { op2(w, P(0xef), d, d, d); }
static void invert(struct cg_work *w, int d)
{
    ones(w, VSCRATCH2);
    op2(w, P(0xef), d, d, VSCRATCH2);
}

static void half_of(struct cg_work *w, uint32_t i, int d)
{
    if (ins_of(w, i)->aux & IR_HALF)
        zero_high(w, d);
}

static bool sel_row(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    const struct row *r = &rows[p->op];
    unsigned lane = p->aux & 7, op = lane < 4 ? r->op[lane] : 0;
    if (!op)
        return false;
    if (p->op == IR_VZIP2 && p->aux & IR_HALF) { /* the high half of the 8-byte operands' interleaving */
        int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def(w, i, -1);
        op2(w, rows[IR_VZIP1].op[lane], VSCRATCH, a, b);
        x64_vshifti(&w->a, P(0x73), 3, d, VSCRATCH, 8); /* psrldq */
        return true;
    }
    int a = ra_use(w, r->swap ? p->b : p->a);
    struct x64_rm b = ra_use_rm(w, r->swap ? p->a : p->b);
    int d = ra_def(w, i, a);
    x64_sse(&w->a, op, d, a, b, VSCRATCH2);
    half_of(w, i, d);
    return true;
}

/* Comparisons the host lacks, from maximum and equality. */
static bool sel_compare(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7;
    bool uns = p->op == IR_VCGTU || p->op == IR_VCGEU, ge = p->op == IR_VCGES || p->op == IR_VCGEU;
    unsigned max = rows[uns ? IR_VMAXU : IR_VMAXS].op[lane], eq = rows[IR_VCEQ].op[lane];
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    if (!max) {
        if (uns)
            return false;
        int d = ra_def_fresh(w, i); /* a >= b == !(b > a) */
        op2(w, rows[IR_VCGTS].op[lane], d, b, a);
        invert(w, d);
        half_of(w, i, d);
        return true;
    }
    op2(w, max, VSCRATCH, a, b);
    int d = ra_def_fresh(w, i);
    op2(w, eq, d, VSCRATCH, ge ? a : b); /* max == a: a >= b; max == b: b >= a */
    if (!ge)
        invert(w, d);
    half_of(w, i, d);
    return true;
}

static bool sel_tst(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    op2(w, P(0xdb), d, a, b);
    zeros(w, VSCRATCH);
    op2(w, rows[IR_VCEQ].op[p->aux & 7], d, d, VSCRATCH);
    invert(w, d);
    half_of(w, i, d);
    return true;
}

static bool sel_not(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a);
    ones(w, VSCRATCH);
    int d = ra_def(w, i, a);
    op2(w, P(0xef), d, a, VSCRATCH);
    half_of(w, i, d);
    return true;
}

static bool sel_orn(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    ones(w, VSCRATCH);
    op2(w, P(0xef), VSCRATCH, VSCRATCH, b);
    int d = ra_def(w, i, a);
    op2(w, P(0xeb), d, VSCRATCH, a);
    half_of(w, i, d);
    return true;
}

static bool sel_bsl(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), c = ra_use(w, p->c);
    op2(w, P(0xdb), VSCRATCH, b, a);  /* a & b */
    op2(w, P(0xdf), VSCRATCH2, a, c); /* ~a & c */
    int d = ra_def(w, i, -1);
    op2(w, P(0xeb), d, VSCRATCH, VSCRATCH2);
    half_of(w, i, d);
    return true;
}

static bool sel_negabs(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    static const unsigned abs_op[4] = {P38(0x1c), P38(0x1d), P38(0x1e), 0};
    unsigned lane = p->aux & 7;
    if (p->op == IR_VABS && !abs_op[lane])
        return false;
    int a = ra_use(w, p->a);
    if (p->op == IR_VABS) {
        int d = ra_def(w, i, a);
        x64_sse1(&w->a, abs_op[lane], d, x64_r(a));
        half_of(w, i, d);
    } else {
        zeros(w, VSCRATCH);
        int d = ra_def(w, i, -1);
        op2(w, rows[IR_VSUB].op[lane], d, VSCRATCH, a);
        half_of(w, i, d);
    }
    return true;
}

static bool sel_mla(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7;
    if (!rows[IR_VMUL].op[lane])
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), c = ra_use(w, p->c);
    op2(w, rows[IR_VMUL].op[lane], VSCRATCH, a, b);
    int d = ra_def(w, i, c);
    op2(w, rows[p->op == IR_VMLA ? IR_VADD : IR_VSUB].op[lane], d, c, VSCRATCH);
    half_of(w, i, d);
    return true;
}

/* Shifts by immediates. Groups 71, 72, 73 with /6 left, /2 right, /4 arithmetic. */
static bool sel_shift(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7, n = p->c, bits = 8u << lane;
    static const unsigned group[4] = {P(0x71), P(0x71), P(0x72), P(0x73)};
    int ext = p->op == IR_VSHLI ? 6 : p->op == IR_VSHRI ? 2 : 4;
    if (ext == 4 && (lane == IR_LANE_B || lane == IR_LANE_D))
        return false;
    int a = ra_use(w, p->a);
    if (lane == IR_LANE_B) { /* as words, then clear what crossed */
        unsigned m = ext == 6 ? 0xffu << n & 0xff : n >= 8 ? 0 : 0xffu >> n;
        x64_movi(&w->a, SCRATCH, m * 0x0101010101010101ull);
        x64_sse1w(&w->a, P(0x6e), true, VSCRATCH2, x64_r(SCRATCH));
        x64_sse(&w->a, P(0x6c), VSCRATCH2, VSCRATCH2, x64_r(VSCRATCH2), VSCRATCH);
        int d = ra_def(w, i, a);
        x64_vshifti(&w->a, group[0], ext, d, a, n);
        x64_sse(&w->a, P(0xdb), d, d, x64_r(VSCRATCH2), VSCRATCH);
        half_of(w, i, d);
        return true;
    }
    int d = ra_def(w, i, a);
    x64_vshifti(&w->a, group[lane], ext, d, a, n >= bits && ext == 4 ? bits - 1 : n);
    half_of(w, i, d);
    return true;
}

/* Lane widening, low or high half. */
static bool sel_widen(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    static const unsigned sx[3] = {P38(0x20), P38(0x23), P38(0x25)}, zx[3] = {P38(0x30), P38(0x33), P38(0x35)};
    unsigned lane = p->aux & 7;
    bool sign = p->op == IR_VSXL || p->op == IR_VSXH, high = p->op == IR_VSXH || p->op == IR_VZXH;
    if (lane > 2)
        return false;
    int a = ra_use(w, p->a), d = ra_def(w, i, a), s = a;
    if (high) {
        x64_vshifti(&w->a, P(0x73), 3, VSCRATCH, a, 8);
        s = VSCRATCH;
    }
    x64_sse1(&w->a, sign ? sx[lane] : zx[lane], d, x64_r(s));
    half_of(w, i, d);
    return true;
}

/* Lane narrowing into the low half; the pack instructions saturate, so truncation masks first. */
static bool sel_narrow(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7; /* the result's */
    static const unsigned pack_s[2] = {P(0x63), P(0x6b)}, pack_u[2] = {P(0x67), P38(0x2b)};
    int a = ra_use(w, p->a);
    if (p->op == IR_VNARR && lane == IR_LANE_S) {
        int d = ra_def(w, i, a);
        x64_ssei(&w->a, P(0x70), d, x64_r(a), 0x08); /* pshufd: lanes 0, 2 */
        zero_high(w, d);
        return true;
    }
    if (lane > IR_LANE_H || p->op == IR_VQNUU)
        return false;
    int s = a;
    if (p->op == IR_VNARR) {
        unsigned g = lane == IR_LANE_B ? P(0x71) : P(0x72), n = lane == IR_LANE_B ? 8 : 16;
        x64_vshifti(&w->a, g, 6, VSCRATCH, a, n);
        x64_vshifti(&w->a, g, 2, VSCRATCH, VSCRATCH, n);
        s = VSCRATCH;
    }
    int d = ra_def(w, i, a);
    x64_sse(&w->a, p->op == IR_VQNSS ? pack_s[lane] : pack_u[lane], d, s, x64_r(s), VSCRATCH2);
    zero_high(w, d);
    return true;
}

static void broadcast(struct cg_work *w, int d, int s, unsigned lane)
{
    static const unsigned avx2[4] = {P38(0x78), P38(0x79), P38(0x58), P38(0x59)};
    if (has(w, OS_CPU_AVX2)) {
        x64_vex(&w->a, avx2[lane], false, false, d, 0, x64_r(s));
    } else if (lane == IR_LANE_B) {
        zeros(w, VSCRATCH2);
        x64_sse(&w->a, P38(0x00), d, s, x64_r(VSCRATCH2), VSCRATCH2);
    } else if (lane == IR_LANE_H) {
        x64_ssei(&w->a, X64_F2 | X64_0F(0x70), d, x64_r(s), 0);
        x64_ssei(&w->a, P(0x70), d, x64_r(d), 0);
    } else {
        x64_ssei(&w->a, P(0x70), d, x64_r(s), lane == IR_LANE_S ? 0 : 0x44);
    }
}

static bool sel_dup(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7;
    int a = ra_use(w, p->a);
    x64_sse1w(&w->a, P(0x6e), lane == IR_LANE_D, VSCRATCH, x64_r(a));
    int d = ra_def(w, i, -1);
    broadcast(w, d, VSCRATCH, lane);
    half_of(w, i, d);
    return true;
}

static bool sel_dupl(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7, c = p->c;
    if (lane > 3)
        return false;
    int a = ra_use(w, p->a), d = ra_def(w, i, a);
    if (lane >= IR_LANE_S) {
        x64_ssei(&w->a, P(0x70), d, x64_r(a), lane == IR_LANE_S ? c * 0x55 : c ? 0xee : 0x44);
    } else {
        int s = a;
        if (c) {
            x64_vshifti(&w->a, P(0x73), 3, VSCRATCH, a, c << lane);
            s = VSCRATCH;
        }
        broadcast(w, d, s, lane);
    }
    half_of(w, i, d);
    return true;
}

static bool sel_get(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    unsigned lane = p->aux & 7;
    bool sign = p->aux & 16, wide = p->type == IR_I64;
    int a = ra_use(w, p->a), d = ra_def(w, i, -1);
    switch (lane) {
    case IR_LANE_B:
        x64_sse1(m, X64_66 | X64_0F3A(0x14), a, x64_r(d));
        x64_b(m, p->c);
        if (sign)
            wide ? x64_op(m, X64_0F(0xbe), true, d, x64_r(d)) : x64_op8(m, X64_0F(0xbe), d, x64_r(d));
        break;
    case IR_LANE_H:
        x64_sse1(m, P(0xc5), d, x64_r(a));
        x64_b(m, p->c);
        if (sign)
            x64_op(m, X64_0F(0xbf), wide, d, x64_r(d));
        break;
    default: {
        bool q = lane == IR_LANE_D;
        if (p->c == 0) {
            x64_sse1w(m, P(0x7e), q, a, x64_r(d));
        } else {
            x64_sse1w(m, X64_66 | X64_0F3A(0x16), q, a, x64_r(d));
            x64_b(m, p->c);
        }
        if (sign && !q && wide)
            x64_op(m, 0x63, true, d, x64_r(d));
    }
    }
    if (!wide || (!sign && lane != IR_LANE_D))
        w->v[i].flags |= V_ZX32;
    return true;
}

static void insert(struct cg_work *w, unsigned lane, int d, int a, int r, unsigned c)
{
    static const unsigned op[4] = {X64_66 | X64_0F3A(0x20), P(0xc4), X64_66 | X64_0F3A(0x22), X64_66 | X64_0F3A(0x22)};
    if (w->a.avx) {
        x64_vex(&w->a, op[lane], lane == IR_LANE_D, false, d, a, x64_r(r));
    } else {
        x64_movaps(&w->a, d, a);
        x64_op(&w->a, op[lane], lane == IR_LANE_D, d, x64_r(r));
    }
    x64_b(&w->a, c);
}

static bool sel_set(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def(w, i, a);
    insert(w, p->aux & 7, d, a, b, p->c);
    return true;
}

static bool sel_setl(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    unsigned lane = p->aux & 7, to = p->c & 255, from = p->c >> 8;
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    if (lane == IR_LANE_D) {
        int d = ra_def_fresh(w, i);
        /* shufpd: low from the first source, high from the second */
        if (to)
            x64_sse_i(m, P(0xc6), d, a, x64_r(b), from << 1, VSCRATCH);
        else
            x64_sse_i(m, P(0xc6), d, b, x64_r(a), from | 2, VSCRATCH);
    } else if (lane == IR_LANE_S) {
        int d = ra_def(w, i, a);
        x64_sse_i(m, X64_66 | X64_0F3A(0x21), d, a, x64_r(b), from << 6 | to << 4, VSCRATCH);
    } else {
        if (lane == IR_LANE_B)
            x64_sse1(m, X64_66 | X64_0F3A(0x14), b, x64_r(SCRATCH));
        else
            x64_sse1(m, P(0xc5), SCRATCH, x64_r(b));
        x64_b(m, from);
        int d = ra_def(w, i, a);
        insert(w, lane, d, a, SCRATCH, to);
    }
    return true;
}

static bool sel_ext(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    if (p->aux & IR_HALF) {
        op2(w, P(0x6c), VSCRATCH, a, b);
        x64_vshifti(&w->a, P(0x73), 3, VSCRATCH, VSCRATCH, p->c);
        int d = ra_def(w, i, -1);
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(VSCRATCH));
    } else {
        int d = ra_def_fresh(w, i);
        x64_sse_i(&w->a, X64_66 | X64_0F3A(0x0f), d, b, x64_r(a), p->c, VSCRATCH); /* palignr */
    }
    return true;
}

/* d := even (odd = 0) or odd lanes of a, then of b. Clobbers both scratch registers; d overlaps nothing. */
static void unzip(struct cg_work *w, unsigned lane, bool odd, int d, int a, int b)
{
    if (lane == IR_LANE_D) {
        op2(w, rows[odd ? IR_VZIP2 : IR_VZIP1].op[3], d, a, b);
    } else if (lane == IR_LANE_S) {
        x64_sse_i(&w->a, X64_0F(0xc6), d, a, x64_r(b), odd ? 0xdd : 0x88, VSCRATCH); /* shufps */
    } else {
        unsigned g = lane == IR_LANE_B ? P(0x71) : P(0x72), n = lane == IR_LANE_B ? 8 : 16;
        int in[2] = {a, b}, out[2] = {VSCRATCH, VSCRATCH2};
        for (int k = 0; k < 2; k++) {
            if (!odd)
                x64_vshifti(&w->a, g, 6, out[k], in[k], n);
            x64_vshifti(&w->a, g, 2, out[k], odd ? in[k] : out[k], n);
        }
        x64_sse(&w->a, lane == IR_LANE_B ? P(0x67) : P38(0x2b), d, VSCRATCH, x64_r(VSCRATCH2), d);
    }
}

static bool sel_unzip(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    bool half = p->aux & IR_HALF;
    if (half) { /* of the 16 bytes b:a, then the low halves of both */
        unsigned lane = p->aux & 7;
        if (lane == IR_LANE_D)
            return false;
        op2(w, P(0x6c), d, a, b);
        int t = ra_temp(w, true);
        x64_movaps(&w->a, t, d);
        unzip(w, lane, p->op == IR_VUZP2, d, t, t);
        zero_high(w, d);
        return true;
    }
    unzip(w, p->aux & 7, p->op == IR_VUZP2, d, a, b);
    return true;
}

static bool sel_trn(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7;
    bool second = p->op == IR_VTRN2;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    if (lane == IR_LANE_D) {
        op2(w, rows[second ? IR_VZIP2 : IR_VZIP1].op[3], d, a, b);
    } else if (lane == IR_LANE_S) {
        x64_sse_i(&w->a, X64_0F(0xc6), d, a, x64_r(b), second ? 0xdd : 0x88, VSCRATCH);
        x64_ssei(&w->a, P(0x70), d, x64_r(d), 0xd8);
    } else { /* shift the other's lanes into place, keep the own ones */
        unsigned g = lane == IR_LANE_B ? P(0x71) : P(0x72), n = lane == IR_LANE_B ? 8 : 16;
        if (second) {
            x64_vshifti(&w->a, g, 2, VSCRATCH, a, n);
            x64_vshifti(&w->a, g, 2, VSCRATCH2, b, n);
            x64_vshifti(&w->a, g, 6, VSCRATCH2, VSCRATCH2, n);
        } else {
            x64_vshifti(&w->a, g, 6, VSCRATCH, a, n);
            x64_vshifti(&w->a, g, 2, VSCRATCH, VSCRATCH, n);
            x64_vshifti(&w->a, g, 6, VSCRATCH2, b, n);
        }
        x64_sse(&w->a, P(0xeb), d, VSCRATCH, x64_r(VSCRATCH2), d);
    }
    half_of(w, i, d);
    return true;
}

/* Pairwise operations: the plain operation on even and odd lanes. */
static bool sel_pairwise(struct cg_work *w, uint32_t i, unsigned plain)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7, op = rows[plain].op[lane];
    bool half = p->aux & IR_HALF;
    if (!op || (half && lane == IR_LANE_D))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    int t = ra_temp(w, true), d = ra_def_fresh(w, i);
    if (half) {
        int c = ra_temp(w, true);
        op2(w, P(0x6c), c, a, b);
        a = b = c;
    }
    unzip(w, lane, false, t, a, b);
    unzip(w, lane, true, d, a, b);
    op2(w, op, d, d, t);
    if (half)
        zero_high(w, d);
    return true;
}

static bool sel_mull(struct cg_work *w, uint32_t i, bool sign)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7;
    bool high = p->aux & IR_HIGH;
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    if (lane == IR_LANE_S) {
        x64_ssei(&w->a, P(0x70), VSCRATCH, x64_r(a), high ? 0xfa : 0x50);
        x64_ssei(&w->a, P(0x70), VSCRATCH2, x64_r(b), high ? 0xfa : 0x50);
        int d = ra_def(w, i, -1);
        x64_sse(&w->a, sign ? P38(0x28) : P(0xf4), d, VSCRATCH, x64_r(VSCRATCH2), d);
        return true;
    }
    if (lane > IR_LANE_H)
        return false;
    static const unsigned sx[2] = {P38(0x20), P38(0x23)}, zx[2] = {P38(0x30), P38(0x33)};
    int in[2] = {a, b}, out[2] = {VSCRATCH, VSCRATCH2};
    for (int k = 0; k < 2; k++) {
        int s = in[k];
        if (high) {
            x64_vshifti(&w->a, P(0x73), 3, out[k], s, 8);
            s = out[k];
        }
        x64_sse1(&w->a, sign ? sx[lane] : zx[lane], out[k], x64_r(s));
    }
    int d = ra_def(w, i, -1);
    x64_sse(&w->a, rows[IR_VMUL].op[lane + 1], d, VSCRATCH, x64_r(VSCRATCH2), d);
    return true;
}

static bool sel_addlp(struct cg_work *w, uint32_t i, bool sign)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7;
    if (lane > IR_LANE_H && !(lane == IR_LANE_S && !sign))
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    unsigned g = lane == IR_LANE_B ? P(0x71) : lane == IR_LANE_H ? P(0x72) : P(0x73), n = 8u << lane;
    x64_vshifti(&w->a, g, 6, VSCRATCH, a, n);
    x64_vshifti(&w->a, g, sign ? 4 : 2, VSCRATCH, VSCRATCH, n);
    x64_vshifti(&w->a, g, sign ? 4 : 2, d, a, n);
    op2(w, rows[IR_VADD].op[lane + 1], d, d, VSCRATCH);
    half_of(w, i, d);
    return true;
}

static bool sel_addv(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = p->aux & 7;
    bool half = p->aux & IR_HALF;
    int a = ra_use(w, p->a);
    if (lane == IR_LANE_B) { /* sums of absolute differences with zero */
        zeros(w, VSCRATCH);
        int d = ra_def_fresh(w, i);
        op2(w, P(0xf6), d, a, VSCRATCH);
        if (!half) {
            x64_ssei(&w->a, P(0x70), VSCRATCH, x64_r(d), 0xee);
            op2(w, P(0xfc), d, d, VSCRATCH);
        }
        x64_sse1w(&w->a, P(0x7e), false, d, x64_r(SCRATCH));
        x64_op8(&w->a, X64_0F(0xb6), SCRATCH, x64_r(SCRATCH));
        x64_sse1w(&w->a, P(0x6e), false, d, x64_r(SCRATCH));
        return true;
    }
    if (lane != IR_LANE_S || half)
        return false;
    int d = ra_def_fresh(w, i);
    x64_ssei(&w->a, P(0x70), VSCRATCH, x64_r(a), 0xee);
    op2(w, P(0xfe), d, a, VSCRATCH);
    x64_ssei(&w->a, P(0x70), VSCRATCH, x64_r(d), 0x55);
    op2(w, P(0xfe), d, d, VSCRATCH);
    x64_sse1w(&w->a, P(0x7e), false, d, x64_r(SCRATCH));
    x64_sse1w(&w->a, P(0x6e), false, d, x64_r(SCRATCH));
    return true;
}

/* b saturated so that indices from 16 up have bit 7 set, which pshufb turns into zero. */
static bool sel_tbl(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (p->op == IR_VTBX)
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    x64_movi(&w->a, SCRATCH, 0x7070707070707070ull);
    x64_sse1w(&w->a, P(0x6e), true, VSCRATCH, x64_r(SCRATCH));
    op2(w, P(0x6c), VSCRATCH, VSCRATCH, VSCRATCH);
    op2(w, P(0xdc), VSCRATCH, VSCRATCH, b); /* paddusb */
    int d = ra_def(w, i, a);
    op2(w, P38(0x00), d, a, VSCRATCH);
    half_of(w, i, d);
    return true;
}

static void vec_const(struct cg_work *w, int d, uint64_t lo, uint64_t hi)
{
    x64_movi(&w->a, SCRATCH, lo);
    x64_sse1w(&w->a, P(0x6e), true, d, x64_r(SCRATCH));
    x64_movi(&w->a, SCRATCH, hi);
    insert(w, IR_LANE_D, d, d, SCRATCH, 1);
}

static bool sel_rev(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned size = 1u << (p->aux & 7);
    uint8_t idx[16];
    uint64_t q[2];
    for (unsigned k = 0; k < 16; k++) {
        unsigned base = k & ~(p->c - 1), el = (k - base) / size, n = p->c / size;
        idx[k] = (uint8_t)(base + (n - 1 - el) * size + k % size);
    }
    memcpy(q, idx, 16);
    int a = ra_use(w, p->a);
    vec_const(w, VSCRATCH, q[0], q[1]);
    int d = ra_def(w, i, a);
    op2(w, P38(0x00), d, a, VSCRATCH);
    half_of(w, i, d);
    return true;
}

/* Ones in each byte by a table of nibbles. */
static bool sel_cnt(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), t = ra_temp(w, true), d = ra_def_fresh(w, i);
    x64_movi(&w->a, SCRATCH, 0x0f0f0f0f0f0f0f0full);
    x64_sse1w(&w->a, P(0x6e), true, VSCRATCH2, x64_r(SCRATCH));
    x64_sse(&w->a, P(0x6c), VSCRATCH2, VSCRATCH2, x64_r(VSCRATCH2), VSCRATCH);
    vec_const(w, t, 0x0302020102010100ull, 0x0403030203020201ull);
    x64_sse(&w->a, P(0xdb), VSCRATCH, a, x64_r(VSCRATCH2), d);
    x64_sse(&w->a, P38(0x00), d, t, x64_r(VSCRATCH), d); /* counts of the low nibbles */
    x64_vshifti(&w->a, P(0x71), 2, VSCRATCH, a, 4);
    x64_sse(&w->a, P(0xdb), VSCRATCH, VSCRATCH, x64_r(VSCRATCH2), VSCRATCH2);
    x64_sse(&w->a, P38(0x00), t, t, x64_r(VSCRATCH), t);
    op2(w, P(0xfc), d, d, t);
    half_of(w, i, d);
    return true;
}

static bool sel_aes(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!has(w, OS_CPU_AES))
        return false;
    if (p->op == IR_VAESE || p->op == IR_VAESD) {
        int a = ra_use(w, p->a), b = ra_use(w, p->b);
        zeros(w, VSCRATCH);
        int d = ra_def_fresh(w, i);
        op2(w, P(0xef), d, a, b);
        op2(w, P38(p->op == IR_VAESE ? 0xdd : 0xdf), d, d, VSCRATCH); /* aes(enc|dec)last */
        return true;
    }
    bool enc = p->op == IR_VAESMC;
    if (w->v[p->a].flags & V_FOLDED) { /* a whole round */
        const struct ir_ins *e = ins_of(w, p->a);
        int a = ra_use(w, e->a), b = ra_use(w, e->b);
        zeros(w, VSCRATCH);
        int d = ra_def_fresh(w, i);
        op2(w, P(0xef), d, a, b);
        op2(w, P38(enc ? 0xdc : 0xde), d, d, VSCRATCH);
        return true;
    }
    int a = ra_use(w, p->a);
    if (enc) {
        zeros(w, VSCRATCH);
        int d = ra_def_fresh(w, i);
        op2(w, P38(0xdf), d, a, VSCRATCH); /* undoes the substitution that the round will do */
        op2(w, P38(0xdc), d, d, VSCRATCH);
    } else {
        int d = ra_def(w, i, a);
        x64_sse1(&w->a, P38(0xdb), d, x64_r(a)); /* aesimc */
    }
    return true;
}

static bool sel_pmull(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if ((p->aux & 7) != IR_LANE_D || !has(w, OS_CPU_PCLMUL))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    x64_sse_i(&w->a, X64_66 | X64_0F3A(0x44), d, a, x64_r(b), p->aux & IR_HIGH ? 0x11 : 0, VSCRATCH);
    return true;
}

bool sel_vec(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (p->op == IR_VGET)
        return sel_get(w, i);
    if (p->type != IR_V128)
        return false;
    switch (p->op) {
    case IR_VCGTU: case IR_VCGES: case IR_VCGEU: return sel_compare(w, i);
    case IR_VTST: return sel_tst(w, i);
    case IR_VNOT: return sel_not(w, i);
    case IR_VORN: return sel_orn(w, i);
    case IR_VBSL: return sel_bsl(w, i);
    case IR_VNEG: case IR_VABS: return sel_negabs(w, i);
    case IR_VMLA: case IR_VMLS: return sel_mla(w, i);
    case IR_VSHLI: case IR_VSHRI: case IR_VSARI: return sel_shift(w, i);
    case IR_VSXL: case IR_VSXH: case IR_VZXL: case IR_VZXH: return sel_widen(w, i);
    case IR_VNARR: case IR_VQNSS: case IR_VQNSU: case IR_VQNUU: return sel_narrow(w, i);
    case IR_VDUP: return sel_dup(w, i);
    case IR_VDUPL: return sel_dupl(w, i);
    case IR_VSET: return sel_set(w, i);
    case IR_VSETL: return sel_setl(w, i);
    case IR_VEXT: return sel_ext(w, i);
    case IR_VUZP1: case IR_VUZP2: return sel_unzip(w, i);
    case IR_VTRN1: case IR_VTRN2: return sel_trn(w, i);
    case IR_VADDP: return sel_pairwise(w, i, IR_VADD);
    case IR_VMINPS: return sel_pairwise(w, i, IR_VMINS);
    case IR_VMINPU: return sel_pairwise(w, i, IR_VMINU);
    case IR_VMAXPS: return sel_pairwise(w, i, IR_VMAXS);
    case IR_VMAXPU: return sel_pairwise(w, i, IR_VMAXU);
    case IR_VMULLS: return sel_mull(w, i, true);
    case IR_VMULLU: return sel_mull(w, i, false);
    case IR_VADDLPS: return sel_addlp(w, i, true);
    case IR_VADDLPU: return sel_addlp(w, i, false);
    case IR_VADDV: return sel_addv(w, i);
    case IR_VTBL: return sel_tbl(w, i);
    case IR_VREV: return sel_rev(w, i);
    case IR_VCNT: return sel_cnt(w, i);
    case IR_VAESE: case IR_VAESD: case IR_VAESMC: case IR_VAESIMC: return sel_aes(w, i);
    case IR_VPMULL: return sel_pmull(w, i);
    case IR_VZHI: {
        int a = ra_use(w, p->a), d = ra_def(w, i, a);
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(a));
        return true;
    }
    default: return sel_row(w, i);
    }
}
