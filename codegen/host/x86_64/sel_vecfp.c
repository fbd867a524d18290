/* Selection of vector floating point. As sel_fp.c: the host computes, a NaN in any lane goes to the cold
 * code, which evaluates the whole instruction anew. What goes there must not have raised other status
 * than the evaluation will: operands that are out of range raise invalid alone on both. */
#include "codegen/host/x86_64/vec_emit.h"

static bool dbl(const struct ir_ins *p) { return lane_of(p) == IR_LANE_D; }
static unsigned pfx(const struct ir_ins *p) { return dbl(p) ? X64_66 : 0; }

static bool plain(const struct cg_work *w, const struct ir_ins *p)
{
    return (lane_of(p) == IR_LANE_S || lane_of(p) == IR_LANE_D) && w->u->fp.rm != IR_RM_AWAY;
}

/* Jumps to the cold code if a sign bit of x is set in any lane; .back is the caller's to move. */
static struct cold *cold_if(struct cg_work *w, uint32_t i, bool is_double, int x, int d, unsigned n, const int *r)
{
    x64_sse1(&w->a, (is_double ? X64_66 : 0) | X64_0F(0x50), SCRATCH, x64_r(x)); /* movmsk */
    x64_test(&w->a, false, SCRATCH, SCRATCH);
    flags_clobber(w);
    struct cold c = {.kind = COLD_EVAL, .from = x64_jcc(&w->a, X64_NE), .ins = i, .nargs = (uint8_t)n};
    c.back = w->a.p;
    for (unsigned k = 0; k < n; k++)
        c.r[k] = (uint8_t)XMM(r[k]);
    c.r[3] = (uint8_t)XMM(d);
    c.argtype = IR_V128;
    VEC_PUSH(w, cold) = c;
    return &w->cold[w->ncold - 1];
}

static void unordered(struct cg_work *w, bool is_double, int d, int a, int b)
{
    x64_sse_i(&w->a, (is_double ? X64_66 : 0) | X64_0F(0xc2), d, a, x64_r(b), 3, VSCRATCH2);
}

static void check_nan(struct cg_work *w, uint32_t i, int d, unsigned n, const int *r)
{
    bool is_double = ins_of(w, i)->op == IR_VFCVTL || (dbl(ins_of(w, i)) && ins_of(w, i)->op != IR_VFCVTN);
    unordered(w, is_double, VSCRATCH, d, d);
    if (w->u->fp.ftz) { /* the smallest normal number may be a tiny one rounded up, which Arm flushes */
        op2m(w, X64_0F(0x54), VSCRATCH2, d, vec_const(w, is_double ? K_ABS_D : K_ABS_S));
        op2m(w, vec_rows[IR_VCEQ].op[is_double ? 3 : 2], VSCRATCH2, VSCRATCH2,
             vec_const(w, is_double ? K_TINY_D : K_TINY_S));
        op2(w, P(0xeb), VSCRATCH, VSCRATCH, VSCRATCH2);
    }
    cold_if(w, i, is_double, VSCRATCH, d, n, r);
}

/* 64-bit forms: the low half twice, so that the high half raises nothing of its own. */
static int widened(struct cg_work *w, const struct ir_ins *p, int r, int scratch)
{
    if (!(p->aux & IR_HALF))
        return r;
    shuf_d(w, scratch, r, 0x44);
    return scratch;
}

static bool sel_binary(struct cg_work *w, uint32_t i, unsigned op)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    int x = widened(w, p, a, VSCRATCH), y = widened(w, p, b, VSCRATCH2);
    op2(w, pfx(p) | op, d, x, y);
    half_of(w, i, d);
    check_nan(w, i, d, 2, (int[]){a, b});
    return true;
}

static bool sel_sqrt(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p))
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i), x = widened(w, p, a, VSCRATCH);
    x64_sse1(&w->a, pfx(p) | X64_0F(0x51), d, x64_r(x));
    half_of(w, i, d);
    check_nan(w, i, d, 1, (int[]){a});
    return true;
}

static bool sel_fma(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p) || !has(w, OS_CPU_FMA))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), c = ra_use(w, p->c), d = ra_def_fresh(w, i);
    int x = widened(w, p, a, VSCRATCH), y = widened(w, p, b, VSCRATCH2);
    int z = widened(w, p, c, d);
    x64_movaps(&w->a, d, z);
    x64_vex(&w->a, P38(0xb8), dbl(p), false, d, x, x64_r(y));
    half_of(w, i, d);
    check_nan(w, i, d, 3, (int[]){a, b, c});
    return true;
}

static bool sel_sign(struct cg_work *w, uint32_t i, bool neg)
{
    const struct ir_ins *p = ins_of(w, i);
    if (lane_of(p) != IR_LANE_S && !dbl(p))
        return false;
    int a = ra_use(w, p->a), d = ra_def(w, i, a);
    op2m(w, X64_0F(neg ? 0x57 : 0x54), d, a,
         vec_const(w, neg ? (dbl(p) ? K_SIGN_D : K_SIGN_S) : dbl(p) ? K_ABS_D : K_ABS_S));
    half_of(w, i, d);
    return true;
}

static bool sel_compare(struct cg_work *w, uint32_t i, unsigned pred, bool swap)
{
    const struct ir_ins *p = ins_of(w, i);
    if (lane_of(p) != IR_LANE_S && !dbl(p))
        return false;
    int a = ra_use(w, swap ? p->b : p->a), b = ra_use(w, swap ? p->a : p->b), d = ra_def_fresh(w, i);
    int x = widened(w, p, a, VSCRATCH), y = widened(w, p, b, VSCRATCH2);
    x64_sse_i(&w->a, pfx(p) | X64_0F(0xc2), d, x, x64_r(y), pred, VSCRATCH2);
    half_of(w, i, d);
    return true;
}

/* The host's minimum is a < b ? a : b. Both ways round they differ for zeros of two signs only, whose
 * bits are combined; NaNs, of which the host complains, go to the cold code first. */
static bool sel_minmax(struct cg_work *w, uint32_t i, bool max)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned op = pfx(p) | X64_0F(max ? 0x5f : 0x5d);
    if ((lane_of(p) != IR_LANE_S && !dbl(p)) || w->u->fp.daz)
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    int x = widened(w, p, a, VSCRATCH), y = widened(w, p, b, VSCRATCH2);
    if (p->aux >> 4 == IR_MM_X86) {
        op2(w, op, d, x, y);
        half_of(w, i, d);
        return true;
    }
    unordered(w, dbl(p), d, x, y);
    struct cold *c = cold_if(w, i, dbl(p), d, d, 2, (int[]){a, b});
    op2(w, op, d, x, y);
    op2(w, op, VSCRATCH2, y, x);
    op2(w, X64_0F(max ? 0x54 : 0x56), d, d, VSCRATCH2);
    half_of(w, i, d);
    c->back = w->a.p;
    return true;
}

/* ---- rounding and integers ---- */

static const int8_t round_imm[8] = {[IR_RM_DYN] = 4,  [IR_RM_NEAREST] = 0, [IR_RM_ZERO] = 3, [IR_RM_UP] = 2,
                                    [IR_RM_DOWN] = 1, [IR_RM_AWAY] = -1,   -1, -1};

static void round_to(struct cg_work *w, bool is_double, int d, int a, unsigned imm)
{
    x64_ssei(&w->a, P3A(is_double ? 0x09 : 0x08), d, x64_r(a), imm);
}

/* d := a rounded, halves away from zero: what is cut off, doubled and cut again, is the rest. a is below
 * 2^23 (2^52). Raises inexact if wanted. d overlaps nothing; clobbers VSCRATCH. */
static void round_away(struct cg_work *w, const struct ir_ins *p, int d, int a, bool inexact)
{
    round_to(w, dbl(p), d, a, inexact ? 3 : 11);
    op2(w, pfx(p) | X64_0F(0x5c), VSCRATCH, a, d);
    op2(w, pfx(p) | X64_0F(0x58), VSCRATCH, VSCRATCH, VSCRATCH);
    round_to(w, dbl(p), VSCRATCH, VSCRATCH, 11);
    op2(w, pfx(p) | X64_0F(0x58), d, d, VSCRATCH);
    op2m(w, X64_0F(0x54), d, d, vec_const(w, dbl(p) ? K_ABS_D : K_ABS_S)); /* zeros keep a's sign */
    op2m(w, X64_0F(0x54), VSCRATCH, a, vec_const(w, dbl(p) ? K_SIGN_D : K_SIGN_S));
    op2(w, X64_0F(0x56), d, d, VSCRATCH);
}

/* Sign bits in VSCRATCH where a is too large for round_away(), or no number. The exponent's field is
 * compared as an integer (of the upper halves of doubles). Clobbers VSCRATCH. */
static struct cold *check_size(struct cg_work *w, uint32_t i, int a, int d, int cold_arg)
{
    const struct ir_ins *p = ins_of(w, i);
    op2m(w, X64_0F(0x54), VSCRATCH, a, vec_const(w, dbl(p) ? K_ABS_D : K_ABS_S));
    op2m(w, vec_rows[IR_VCGTS].op[2], VSCRATCH, VSCRATCH, vec_const(w, dbl(p) ? K_MAX_AWAY_D : K_MAX_AWAY_S));
    return cold_if(w, i, dbl(p), VSCRATCH, d, 1, &cold_arg);
}

static bool sel_frint(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned rm = (p->c & 7) == IR_RM_DYN ? w->u->fp.rm : p->c & 7;
    if (lane_of(p) != IR_LANE_S && !dbl(p))
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i), x = widened(w, p, a, VSCRATCH2);
    if (rm == IR_RM_AWAY) {
        struct cold *c = check_size(w, i, x, d, a);
        round_away(w, p, d, x, p->c & 8);
        half_of(w, i, d);
        c->back = w->a.p;
        return true;
    }
    round_to(w, dbl(p), d, x, (unsigned)round_imm[p->c & 7] | (p->c & 8 ? 0 : 8));
    half_of(w, i, d);
    check_nan(w, i, d, 1, (int[]){a});
    return true;
}

/* d := both doubles of x as integers of 64 bits, rounded by the control register or cut off. Without
 * AVX-512, clobbers VSCRATCH. */
static void to_long(struct cg_work *w, int d, int x, bool cut, bool uns)
{
    if (has_512(w)) {
        x64_evex(&w->a, P(uns ? (cut ? 0x78 : 0x79) : cut ? 0x7a : 0x7b), true, d, 0, x64_r(x));
        return;
    }
    unsigned op = X64_F2 | X64_0F(cut ? 0x2c : 0x2d);
    shuf_d(w, VSCRATCH, x, 0xee);
    x64_sse1w(&w->a, op, true, SCRATCH, x64_r(x));
    x64_sse1w(&w->a, P(0x6e), true, d, x64_r(SCRATCH));
    x64_sse1w(&w->a, op, true, SCRATCH, x64_r(VSCRATCH));
    vec_insert(w, IR_LANE_D, d, d, SCRATCH, 1);
}

static void to_int(struct cg_work *w, int d, int x, bool cut, bool uns)
{
    if (uns && has_512(w))
        x64_evex(&w->a, X64_0F(cut ? 0x78 : 0x79), false, d, 0, x64_r(x));
    else
        x64_sse1(&w->a, (cut ? X64_F3 : X64_66) | X64_0F(0x5b), d, x64_r(x));
}

/* What does not fit becomes the minimum (all ones, if unsigned); any such lane is evaluated. Unsigned,
 * what a rounding before or the host's signed conversion would complain of wrongly is found before. */
static bool sel_ftoi(struct cg_work *w, uint32_t i, bool uns)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned rm = (p->c & 7) == IR_RM_DYN && w->u->fp.rm == IR_RM_AWAY ? IR_RM_AWAY : p->c & 7;
    bool poor = uns && !has_512(w), cut = rm != IR_RM_DYN, rounds = cut && rm != IR_RM_ZERO;
    if (lane_of(p) != IR_LANE_S && !dbl(p))
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i), x = widened(w, p, a, VSCRATCH2);
    uint32_t first = w->ncold;
    if (uns && (poor || rounds)) { /* negative, or too large for a signed integer */
        op2m(w, vec_rows[IR_VCGTS].op[2], VSCRATCH, x, vec_const(w, dbl(p) ? K_MAX_LONG : K_MAX_INT));
        op2(w, P(0xeb), VSCRATCH, VSCRATCH, x);
        cold_if(w, i, dbl(p), VSCRATCH, d, 1, &a);
    }
    if (rm == IR_RM_AWAY) {
        check_size(w, i, x, d, a);
        round_away(w, p, d, x, true);
        x = d;
    } else if (rounds) {
        round_to(w, dbl(p), VSCRATCH2, x, (unsigned)round_imm[rm]);
        x = VSCRATCH2;
    }
    if (dbl(p))
        to_long(w, d, x, cut, uns);
    else
        to_int(w, d, x, cut, uns);
    half_of(w, i, d);
    if (!poor) {
        op2m(w, vec_rows[IR_VCEQ].op[lane_of(p)], VSCRATCH, d,
             vec_const(w, uns ? K_ONES : dbl(p) ? K_SIGN_D : K_SIGN_S));
        cold_if(w, i, dbl(p), VSCRATCH, d, 1, &a);
    }
    for (uint32_t k = first; k < w->ncold; k++)
        w->cold[k].back = w->a.p;
    return true;
}

static bool sel_itof(struct cg_work *w, uint32_t i, bool uns)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p))
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i), x = widened(w, p, a, VSCRATCH2);
    struct cold *c = NULL;
    if (uns && !has_512(w))
        c = cold_if(w, i, dbl(p), x, d, 1, &a);
    if (!dbl(p)) {
        if (uns && has_512(w))
            x64_evex(&w->a, X64_F2 | X64_0F(0x7a), false, d, 0, x64_r(x));
        else
            x64_sse1(&w->a, X64_0F(0x5b), d, x64_r(x));
    } else if (has_512(w)) {
        x64_evex(&w->a, X64_F3 | X64_0F(uns ? 0x7a : 0xe6), true, d, 0, x64_r(x));
    } else {
        zeros(w, d);
        zeros(w, VSCRATCH);
        for (unsigned k = 0; k < 2; k++) {
            x64_sse1w(&w->a, P3A(0x16), true, x, x64_r(SCRATCH)); /* pextrq */
            x64_b(&w->a, k);
            int to = k ? VSCRATCH : d;
            if (w->a.avx)
                x64_vex(&w->a, X64_F2 | X64_0F(0x2a), true, false, to, to, x64_r(SCRATCH));
            else
                x64_op(&w->a, X64_F2 | X64_0F(0x2a), true, to, x64_r(SCRATCH));
        }
        op2(w, vec_rows[IR_VZIP1].op[3], d, d, VSCRATCH);
    }
    half_of(w, i, d);
    if (c)
        c->back = w->a.p;
    return true;
}

/* ---- widths and pairs ---- */

static bool sel_convert(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool longer = p->op == IR_VFCVTL;
    if (w->u->fp.rm == IR_RM_AWAY)
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i), x = a;
    if (longer && p->aux & IR_HIGH) {
        shuf_d(w, VSCRATCH, a, 0xee);
        x = VSCRATCH;
    }
    x64_sse1(&w->a, (longer ? 0 : X64_66) | X64_0F(0x5a), d, x64_r(x));
    check_nan(w, i, d, 1, (int[]){a});
    return true;
}

static bool sel_addp(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool half = p->aux & IR_HALF;
    if (!plain(w, p) || (half && dbl(p)))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i), x = a, y = b;
    if (half) { /* the pair of low halves, twice */
        op2(w, vec_rows[IR_VZIP1].op[3], VSCRATCH2, a, b);
        x = y = VSCRATCH2;
    }
    unsigned even = dbl(p) ? 0 : 0x88, odd = dbl(p) ? 3 : 0xdd;
    x64_sse_i(&w->a, pfx(p) | X64_0F(0xc6), VSCRATCH, x, x64_r(y), even, d); /* shufp */
    x64_sse_i(&w->a, pfx(p) | X64_0F(0xc6), d, x, x64_r(y), odd, VSCRATCH2);
    x64_sse(&w->a, pfx(p) | X64_0F(0x58), d, VSCRATCH, x64_r(d), VSCRATCH2);
    half_of(w, i, d);
    check_nan(w, i, d, 2, (int[]){a, b});
    return true;
}

bool sel_vecfp(struct cg_work *w, uint32_t i)
{
    switch (ins_of(w, i)->op) {
    case IR_VFADD: return sel_binary(w, i, X64_0F(0x58));
    case IR_VFSUB: return sel_binary(w, i, X64_0F(0x5c));
    case IR_VFMUL: return sel_binary(w, i, X64_0F(0x59));
    case IR_VFDIV: return sel_binary(w, i, X64_0F(0x5e));
    case IR_VFSQRT: return sel_sqrt(w, i);
    case IR_VFMA: return sel_fma(w, i);
    case IR_VFNEG: return sel_sign(w, i, true);
    case IR_VFABS: return sel_sign(w, i, false);
    case IR_VFMIN: return sel_minmax(w, i, false);
    case IR_VFMAX: return sel_minmax(w, i, true);
    case IR_VFCEQ: return sel_compare(w, i, 0, false);
    case IR_VFCGE: return sel_compare(w, i, 2, true);
    case IR_VFCGT: return sel_compare(w, i, 1, true);
    case IR_VFRINT: return sel_frint(w, i);
    case IR_VFTOS: return sel_ftoi(w, i, false);
    case IR_VFTOU: return sel_ftoi(w, i, true);
    case IR_VSTOF: return sel_itof(w, i, false);
    case IR_VUTOF: return sel_itof(w, i, true);
    case IR_VFCVTL: case IR_VFCVTN: return sel_convert(w, i);
    case IR_VFADDP: return sel_addp(w, i);
    default: return false;
    }
}
