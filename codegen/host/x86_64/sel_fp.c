/* Selection of scalar floating point on SSE/AVX. The host's rounding, flushing and sticky status are the
 * guest's (MXCSR is set from the code key); only NaN results differ between architectures, so each
 * operation tests its result and computes a NaN again in cold code. The destination never overlaps an
 * operand, because the cold code needs the operands. */
#include "codegen/host/x86_64/vec_emit.h"

static bool dbl(const struct ir_ins *p) { return p->type == IR_F64; }
static unsigned pfx(bool d) { return d ? X64_F2 : X64_F3; }
static unsigned cmp_pfx(bool d) { return d ? X64_66 : 0; }

static void cold_eval(struct cg_work *w, uint32_t i, uint8_t *from, int d, unsigned n, const int *r)
{
    struct cold c = {.kind = COLD_EVAL, .from = from, .back = w->a.p, .ins = i, .nargs = (uint8_t)n};
    for (unsigned k = 0; k < n; k++)
        c.r[k] = (uint8_t)r[k];
    c.r[3] = (uint8_t)d;
    c.argtype = ins_of(w, ins_of(w, i)->a)->type;
    VEC_PUSH(w, cold) = c;
}

/* The result register (xmm d) of instruction i: a NaN goes to the cold code. Operands as NREG numbers. */
static void check_nan(struct cg_work *w, uint32_t i, bool is_double, int d, unsigned n, const int *r)
{
    x64_sse1(&w->a, cmp_pfx(is_double) | X64_0F(0x2e), d, x64_r(d)); /* ucomis d, d */
    flags_clobber(w);
    uint8_t *from = x64_jcc(&w->a, X64_P), *tiny = NULL;
    if (w->u->fp.ftz) { /* the smallest normal number may be a tiny one rounded up, which Arm flushes */
        x64_sse(&w->a, X64_0F(0x54), VSCRATCH, d, vec_const(w, is_double ? K_ABS_F64 : K_ABS_F32), VSCRATCH2);
        x64_sse1(&w->a, cmp_pfx(is_double) | X64_0F(0x2e), VSCRATCH, vec_const(w, is_double ? K_TINY_D : K_TINY_S));
        tiny = x64_jcc(&w->a, X64_E);
    }
    cold_eval(w, i, from, XMM(d), n, r);
    w->cold[w->ncold - 1].from2 = tiny;
}

static void zero(struct cg_work *w, int x)
{
    x64_sse(&w->a, X64_0F(0x57), x, x, x64_r(x), x);
}

static bool dyn_rounding(const struct cg_work *w, const struct ir_ins *p)
{
    unsigned rm = p->aux & 7;
    return rm == IR_RM_DYN ? w->u->fp.rm != IR_RM_AWAY : rm == w->u->fp.rm && rm != IR_RM_AWAY;
}

static bool sel_binary(struct cg_work *w, uint32_t i, unsigned op)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!dyn_rounding(w, p))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    x64_sse(&w->a, pfx(dbl(p)) | op, d, a, x64_r(b), VSCRATCH);
    w->v[i].flags |= w->v[p->a].flags & V_ZHI;
    check_nan(w, i, dbl(p), d, 2, (int[]){XMM(a), XMM(b)});
    return true;
}

/* dst := op(src) with zeros above: the two-operand scalar forms keep the first source's upper part. */
static void unary_op(struct cg_work *w, unsigned op, int d, int s)
{
    if (w->a.avx) {
        zero(w, VSCRATCH);
        x64_vex(&w->a, op, false, false, d, VSCRATCH, x64_r(s));
    } else {
        zero(w, d);
        x64_op(&w->a, op, false, d, x64_r(s));
    }
}

static bool sel_sqrt(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!dyn_rounding(w, p))
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    unary_op(w, pfx(dbl(p)) | X64_0F(0x51), d, a);
    w->v[i].flags |= V_ZHI;
    check_nan(w, i, dbl(p), d, 1, (int[]){XMM(a)});
    return true;
}

static bool sel_fma(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!has(w, OS_CPU_FMA) || !dyn_rounding(w, p))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), c = ra_use(w, p->c), d = ra_def_fresh(w, i);
    x64_movaps(&w->a, d, c);
    x64_vex(&w->a, X64_66 | X64_0F38(0xb9), dbl(p), false, d, a, x64_r(b)); /* vfmadd231 */
    w->v[i].flags |= w->v[p->c].flags & V_ZHI;
    check_nan(w, i, dbl(p), d, 3, (int[]){XMM(a), XMM(b), XMM(c)});
    return true;
}

/* The masks have zeros above the number: an absolute value has zeros there too. */
static bool sel_sign(struct cg_work *w, uint32_t i, bool neg)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), d = ra_def(w, i, a);
    enum vec_const k = neg ? (dbl(p) ? K_SIGN_F64 : K_SIGN_F32) : dbl(p) ? K_ABS_F64 : K_ABS_F32;
    x64_sse(&w->a, X64_0F(neg ? 0x57 : 0x54), d, a, vec_const(w, k), VSCRATCH); /* xorps, andps */
    w->v[i].flags |= neg ? w->v[p->a].flags & V_ZHI : V_ZHI;
    return true;
}

static bool sel_minmax(struct cg_work *w, uint32_t i, bool max)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    if (w->u->fp.daz)
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    if (p->aux >> 4 == IR_MM_X86) {
        x64_sse(m, pfx(dbl(p)) | X64_0F(max ? 0x5f : 0x5d), d, a, x64_r(b), VSCRATCH);
        return true;
    }
    x64_sse1(m, cmp_pfx(dbl(p)) | X64_0F(0x2e), a, x64_r(b));
    flags_clobber(w);
    uint8_t *nan = x64_jcc(m, X64_P);
    x64_sse(m, pfx(dbl(p)) | X64_0F(max ? 0x5f : 0x5d), d, a, x64_r(b), VSCRATCH);
    uint8_t *differ = x64_jcc8(m, X64_NE);
    x64_sse(m, X64_0F(max ? 0x54 : 0x56), d, a, x64_r(b), VSCRATCH); /* +-0: and, or */
    x64_patch8(differ, m->p);
    cold_eval(w, i, nan, XMM(d), 2, (int[]){XMM(a), XMM(b)});
    return true;
}

static const int8_t round_imm[] = {[IR_RM_DYN] = 4, [IR_RM_NEAREST] = 0, [IR_RM_ZERO] = 3, [IR_RM_UP] = 2, [IR_RM_DOWN] = 1, [IR_RM_AWAY] = -1};

static int rounding(const struct cg_work *w, unsigned rm)
{
    if (rm == IR_RM_DYN && w->u->fp.rm == IR_RM_AWAY)
        return -1;
    return round_imm[rm];
}

static bool sel_frint(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int imm = rounding(w, p->aux & 7);
    if (imm < 0)
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    unary_op(w, X64_66 | X64_0F3A(dbl(p) ? 0x0b : 0x0a), d, a);
    x64_b(&w->a, (unsigned)imm | (p->aux & 8 ? 0 : 8));
    w->v[i].flags |= V_ZHI;
    check_nan(w, i, dbl(p), d, 1, (int[]){XMM(a)});
    return true;
}

static bool sel_fcvt(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!dyn_rounding(w, p) || ins_of(w, p->a)->type == p->type)
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    unary_op(w, pfx(!dbl(p)) | X64_0F(0x5a), d, a);
    w->v[i].flags |= V_ZHI;
    check_nan(w, i, dbl(p), d, 1, (int[]){XMM(a)});
    return true;
}

static bool sel_itof(struct cg_work *w, uint32_t i, bool sign)
{
    const struct ir_ins *p = ins_of(w, i);
    bool wide = ins_of(w, p->a)->type == IR_I64;
    struct x64_asm *m = &w->a;
    uint8_t *big = NULL;
    if (!dyn_rounding(w, p))
        return false;
    int a = ra_use(w, p->a), s = a, d = ra_def(w, i, -1); /* before the branch: it may spill */
    if (!sign && wide) {
        x64_test(m, true, a, a);
        flags_clobber(w);
        big = x64_jcc(m, X64_S);
    } else if (!sign && !(w->v[p->a].flags & V_ZX32)) {
        x64_mov(m, false, SCRATCH, a);
        s = SCRATCH;
    }
    zero(w, d);
    unsigned op = pfx(dbl(p)) | X64_0F(0x2a);
    if (m->avx)
        x64_vex(m, op, wide || !sign, false, d, d, x64_r(s));
    else
        x64_op(m, op, wide || !sign, d, x64_r(s));
    w->v[i].flags |= V_ZHI;
    if (big)
        cold_eval(w, i, big, XMM(d), 1, (int[]){a});
    return true;
}

/* The bits of the largest value that surely fits, under every rounding mode. */
static uint64_t fits(bool from_d, bool wide, bool sign)
{
    if (wide)
        return from_d ? 0x43dfffffffffffff : 0x5effffff;
    if (from_d)
        return sign ? 0x41dfffffffc00000 : 0x41efffffffe00000;
    return sign ? 0x4effffff : 0x4f7fffff;
}

/* Goes to the cold code unless +0 <= a <= limit (or, signed, |a| <= limit), without touching the status:
 * what is out of range raises invalid alone. Uses d. */
static uint8_t *check_range(struct cg_work *w, int d, int a, bool from_d, bool wide, bool sign)
{
    struct x64_asm *m = &w->a;
    uint64_t limit = fits(from_d, wide, sign);
    x64_sse1w(m, X64_66 | X64_0F(0x7e), from_d, a, x64_r(d));
    if (sign)
        x64_alu(m, X64_ADD, from_d, d, x64_r(d));
    x64_movi(m, SCRATCH, sign ? limit * 2 : limit);
    x64_alu(m, X64_CMP, from_d, d, x64_r(SCRATCH));
    return x64_jcc(m, X64_A);
}

static bool sel_ftoi(struct cg_work *w, uint32_t i, bool sign)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    bool from_d = ins_of(w, p->a)->type == IR_F64, wide = p->type == IR_I64;
    unsigned rm = p->aux & 7;
    int imm = rounding(w, rm);
    if (imm < 0)
        return false;
    int a = ra_use(w, p->a), s = a, d = ra_def_fresh(w, i);
    bool first = rm != IR_RM_ZERO && rm != IR_RM_DYN; /* round first; the inexact flag comes from here */
    uint8_t *from = NULL;
    if (first || !sign)
        from = check_range(w, d, a, from_d, wide, sign);
    if (first) {
        unary_op(w, X64_66 | X64_0F3A(from_d ? 0x0b : 0x0a), VSCRATCH2, a);
        x64_b(m, (unsigned)imm);
        s = VSCRATCH2;
    }
    x64_sse1w(m, pfx(from_d) | X64_0F(rm == IR_RM_DYN ? 0x2d : 0x2c), wide || !sign, d, x64_r(s));
    if (!from) { /* the indefinite value is the minimum */
        x64_alui(m, X64_CMP, wide, x64_r(d), 1);
        from = x64_jcc(m, X64_O);
    }
    flags_clobber(w);
    if (!wide)
        w->v[i].flags |= V_ZX32;
    cold_eval(w, i, from, d, 1, (int[]){XMM(a)});
    return true;
}

static bool sel_fsetc(struct cg_work *w, uint32_t i)
{
    static const struct {
        uint8_t swap, cond;
    } how[] = {[IR_FC_LT] = {1, X64_A}, [IR_FC_LE] = {1, X64_AE}, [IR_FC_GT] = {0, X64_A}, [IR_FC_GE] = {0, X64_AE},
               [IR_FC_UNO] = {0, X64_P}, [IR_FC_ORD] = {0, X64_NP}};
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    bool d64 = ins_of(w, p->a)->type == IR_F64;
    unsigned fc = p->aux & 7;
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    w->v[i].flags |= V_ZX32;
    unsigned op = cmp_pfx(d64) | X64_0F(p->aux & 8 ? 0x2f : 0x2e);
    if ((fc == IR_FC_EQ || fc == IR_FC_UNE) && (m->avx || !(p->aux & 8))) { /* cmpeq, cmpneq: all ones or zero */
        unsigned pred = (fc == IR_FC_EQ ? 0 : 4) | (p->aux & 8 ? 0x10 : 0);
        int d = ra_def(w, i, -1);
        x64_sse_i(m, pfx(d64) | X64_0F(0xc2), VSCRATCH, a, x64_r(b), pred, VSCRATCH2);
        x64_sse1w(m, X64_66 | X64_0F(0x7e), false, VSCRATCH, x64_r(d));
        x64_alui(m, X64_AND, false, x64_r(d), 1);
        flags_clobber(w);
        return true;
    }
    if (fc == IR_FC_EQ || fc == IR_FC_UNE) {
        x64_sse1(m, op, a, x64_r(b));
        flags_clobber(w);
        int d = ra_def(w, i, -1);
        x64_movi(m, d, fc == IR_FC_UNE);
        uint8_t *uno = x64_jcc8(m, X64_P);
        x64_setcc(m, fc == IR_FC_EQ ? X64_E : X64_NE, SCRATCH);
        x64_op8(m, X64_0F(0xb6), d, x64_r(SCRATCH));
        x64_patch8(uno, m->p);
        return true;
    }
    x64_sse1(m, op, how[fc].swap ? b : a, x64_r(how[fc].swap ? a : b));
    flags_clobber(w);
    x64_setcc(m, how[fc].cond, SCRATCH);
    int d = ra_def(w, i, -1);
    x64_op8(m, X64_0F(0xb6), d, x64_r(SCRATCH));
    return true;
}

static bool sel_bits(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool from_v = type_is_vec(ins_of(w, p->a)->type), to_v = type_is_vec(p->type);
    bool wide = p->type == IR_I64 || p->type == IR_F64;
    if (from_v == to_v) {
        ra_share(w, i, p->a);
        return true;
    }
    int a = ra_use(w, p->a), d = ra_def(w, i, -1);
    if (to_v) {
        x64_sse1w(&w->a, X64_66 | X64_0F(0x6e), wide, d, x64_r(a));
        w->v[i].flags |= V_ZHI;
    } else {
        x64_sse1w(&w->a, X64_66 | X64_0F(0x7e), wide, a, x64_r(d));
        w->v[i].flags |= V_ZX32;
    }
    return true;
}

static bool sel_ftov(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    ra_use(w, p->a);
    if (w->v[p->a].flags & V_ZHI) {
        ra_share(w, i, p->a);
        return true;
    }
    int a = ra_use(w, p->a), d = ra_def(w, i, a);
    if (ins_of(w, p->a)->type == IR_F64)
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), d, x64_r(a));
    else
        x64_sse_i(&w->a, X64_66 | X64_0F3A(0x21), d, a, x64_r(a), 0x0e, VSCRATCH);
    return true;
}

bool sel_fp(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    switch (p->op) {
    case IR_FADD: return sel_binary(w, i, X64_0F(0x58));
    case IR_FSUB: return sel_binary(w, i, X64_0F(0x5c));
    case IR_FMUL: return sel_binary(w, i, X64_0F(0x59));
    case IR_FDIV: return sel_binary(w, i, X64_0F(0x5e));
    case IR_FSQRT: return sel_sqrt(w, i);
    case IR_FMA: return sel_fma(w, i);
    case IR_FNEG: return sel_sign(w, i, true);
    case IR_FABS: return sel_sign(w, i, false);
    case IR_FMIN: return sel_minmax(w, i, false);
    case IR_FMAX: return sel_minmax(w, i, true);
    case IR_FRINT: return sel_frint(w, i);
    case IR_FCVT: return sel_fcvt(w, i);
    case IR_STOF: return sel_itof(w, i, true);
    case IR_UTOF: return sel_itof(w, i, false);
    case IR_FTOS: return sel_ftoi(w, i, true);
    case IR_FTOU: return sel_ftoi(w, i, false);
    case IR_FSETC: return sel_fsetc(w, i);
    case IR_BITS: return sel_bits(w, i);
    case IR_FTOV: return sel_ftov(w, i);
    case IR_VLOW:
        ra_share(w, i, p->a);
        return true;
    default: return false;
    }
}
