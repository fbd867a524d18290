/* Selection of vector floating point. As sel_fp.c: the host computes, a NaN in any lane goes to the cold
 * code, which evaluates the whole instruction anew. */
#include "codegen/host/x86_64/x86_64.h"

static bool dbl(const struct ir_ins *p) { return (p->aux & 7) == IR_LANE_D; }
static unsigned pfx(const struct ir_ins *p) { return dbl(p) ? X64_66 : 0; }

static bool plain(const struct cg_work *w, const struct ir_ins *p)
{
    unsigned lane = p->aux & 7;
    return (lane == IR_LANE_S || lane == IR_LANE_D) && w->u->fp.rm != IR_RM_AWAY;
}

static void check_nan(struct cg_work *w, uint32_t i, int d, unsigned n, const int *r)
{
    const struct ir_ins *p = ins_of(w, i);
    x64_sse_i(&w->a, pfx(p) | X64_0F(0xc2), VSCRATCH, d, x64_r(d), 3, VSCRATCH2); /* cmpunord */
    x64_sse1(&w->a, pfx(p) | X64_0F(0x50), SCRATCH, x64_r(VSCRATCH));             /* movmsk */
    x64_test(&w->a, false, SCRATCH, SCRATCH);
    flags_clobber(w);
    struct cold c = {.kind = COLD_EVAL, .from = x64_jcc(&w->a, X64_NE), .ins = i, .nargs = (uint8_t)n};
    c.back = w->a.p;
    for (unsigned k = 0; k < n; k++)
        c.r[k] = (uint8_t)XMM(r[k]);
    c.r[3] = (uint8_t)XMM(d);
    c.argtype = IR_V128;
    VEC_PUSH(w, cold) = c;
}

/* 64-bit forms: the low half twice, so that the high half raises nothing of its own. */
static int widened(struct cg_work *w, const struct ir_ins *p, int r, int scratch)
{
    if (!(p->aux & IR_HALF))
        return r;
    x64_ssei(&w->a, X64_66 | X64_0F(0x70), scratch, x64_r(r), 0x44);
    return scratch;
}

static bool sel_binary(struct cg_work *w, uint32_t i, unsigned op)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    int x = widened(w, p, a, VSCRATCH), y = widened(w, p, b, VSCRATCH2);
    x64_sse(&w->a, pfx(p) | op, d, x, x64_r(y), VSCRATCH2);
    if (p->aux & IR_HALF)
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(d));
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
    if (p->aux & IR_HALF)
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(d));
    check_nan(w, i, d, 1, (int[]){a});
    return true;
}

static bool sel_fma(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p) || !has(w, OS_CPU_FMA) || w->u->fp.ftz)
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), c = ra_use(w, p->c), d = ra_def_fresh(w, i);
    int x = widened(w, p, a, VSCRATCH), y = widened(w, p, b, VSCRATCH2);
    int z = widened(w, p, c, d);
    x64_movaps(&w->a, d, z);
    x64_vex(&w->a, X64_66 | X64_0F38(0xb8), dbl(p), false, d, x, x64_r(y));
    if (p->aux & IR_HALF)
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(d));
    check_nan(w, i, d, 3, (int[]){a, b, c});
    return true;
}

static bool sel_sign(struct cg_work *w, uint32_t i, bool neg)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p))
        return false;
    int a = ra_use(w, p->a);
    x64_sse(&w->a, X64_66 | X64_0F(0x76), VSCRATCH, VSCRATCH, x64_r(VSCRATCH), VSCRATCH);
    unsigned op = X64_66 | X64_0F(dbl(p) ? 0x73 : 0x72);
    x64_vshifti(&w->a, op, neg ? 6 : 2, VSCRATCH, VSCRATCH, neg ? (dbl(p) ? 63 : 31) : 1);
    int d = ra_def(w, i, a);
    x64_sse(&w->a, X64_0F(neg ? 0x57 : 0x54), d, a, x64_r(VSCRATCH), VSCRATCH2);
    if (p->aux & IR_HALF)
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(d));
    return true;
}

static bool sel_compare(struct cg_work *w, uint32_t i, unsigned pred, bool swap)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p))
        return false;
    int a = ra_use(w, swap ? p->b : p->a), b = ra_use(w, swap ? p->a : p->b), d = ra_def_fresh(w, i);
    int x = widened(w, p, a, VSCRATCH), y = widened(w, p, b, VSCRATCH2);
    x64_sse_i(&w->a, pfx(p) | X64_0F(0xc2), d, x, x64_r(y), pred, VSCRATCH2);
    if (p->aux & IR_HALF)
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(d));
    return true;
}

static bool sel_frint(struct cg_work *w, uint32_t i)
{
    static const int8_t imm[] = {4, 0, 3, 2, 1, -1};
    const struct ir_ins *p = ins_of(w, i);
    int m = imm[p->c & 7];
    if (!plain(w, p) || m < 0 || w->u->fp.daz)
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i), x = widened(w, p, a, VSCRATCH);
    x64_ssei(&w->a, X64_66 | X64_0F3A(dbl(p) ? 0x09 : 0x08), d, x64_r(x), (unsigned)m | (p->c & 8 ? 0 : 8));
    if (p->aux & IR_HALF)
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(d));
    check_nan(w, i, d, 1, (int[]){a});
    return true;
}

/* 32-bit lanes: cvt(t)ps2dq gives the minimum for what does not fit; any such lane is evaluated. */
static bool sel_ftos(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p) || dbl(p) || p->aux & IR_HALF || (p->c & 7) != IR_RM_ZERO || w->u->fp.daz)
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    x64_sse1(&w->a, X64_F3 | X64_0F(0x5b), d, x64_r(a));
    x64_sse(&w->a, X64_66 | X64_0F(0x76), VSCRATCH, VSCRATCH, x64_r(VSCRATCH), VSCRATCH);
    x64_vshifti(&w->a, X64_66 | X64_0F(0x72), 6, VSCRATCH, VSCRATCH, 31);
    x64_sse(&w->a, X64_66 | X64_0F(0x76), VSCRATCH, VSCRATCH, x64_r(d), VSCRATCH2);
    x64_sse1(&w->a, X64_0F(0x50), SCRATCH, x64_r(VSCRATCH));
    x64_test(&w->a, false, SCRATCH, SCRATCH);
    flags_clobber(w);
    struct cold c = {.kind = COLD_EVAL, .from = x64_jcc(&w->a, X64_NE), .ins = i, .nargs = 1};
    c.back = w->a.p;
    c.r[0] = (uint8_t)XMM(a);
    c.r[3] = (uint8_t)XMM(d);
    c.argtype = IR_V128;
    VEC_PUSH(w, cold) = c;
    return true;
}

static bool sel_stof(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p) || dbl(p))
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i), x = widened(w, p, a, VSCRATCH);
    x64_sse1(&w->a, X64_0F(0x5b), d, x64_r(x)); /* cvtdq2ps */
    if (p->aux & IR_HALF)
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(d));
    return true;
}

static bool sel_addp(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!plain(w, p) || p->aux & IR_HALF)
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    unsigned e = dbl(p) ? 0 : 0x88, o = dbl(p) ? 3 : 0xdd;
    x64_sse_i(&w->a, pfx(p) | X64_0F(0xc6), VSCRATCH, a, x64_r(b), e, VSCRATCH2); /* shufp: even lanes */
    x64_sse_i(&w->a, pfx(p) | X64_0F(0xc6), d, a, x64_r(b), o, VSCRATCH2);
    x64_sse(&w->a, pfx(p) | X64_0F(0x58), d, VSCRATCH, x64_r(d), VSCRATCH2);
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
    case IR_VFCEQ: return sel_compare(w, i, 0, false);
    case IR_VFCGE: return sel_compare(w, i, 2, true);
    case IR_VFCGT: return sel_compare(w, i, 1, true);
    case IR_VFRINT: return sel_frint(w, i);
    case IR_VFTOS: return sel_ftos(w, i);
    case IR_VSTOF: return sel_stof(w, i);
    case IR_VFADDP: return sel_addp(w, i);
    default: return false;
    }
}
