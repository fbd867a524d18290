/* Selection of scalar floating point that takes the host several steps: integral values with halves away
 * from zero, and half precision. As in sel_fp.c, NaNs go to the cold code. */
#include "codegen/host/x86_64/vec_emit.h"

static void cold(struct cg_work *w, uint32_t i, uint8_t *from, int a, int d)
{
    struct cold c = {.kind = COLD_EVAL, .from = from, .back = w->a.p, .ins = i, .nargs = 1};
    c.r[0] = (uint8_t)a;
    c.r[3] = (uint8_t)d;
    c.argtype = ins_of(w, ins_of(w, i)->a)->type;
    VEC_PUSH(w, cold) = c;
}

static unsigned rounding(const struct cg_work *w, const struct ir_ins *p)
{
    unsigned rm = p->aux & 7;
    return rm == IR_RM_DYN ? w->u->fp.rm : rm;
}

static void round_to(struct cg_work *w, bool is_double, int d, int a, unsigned imm)
{
    x64_sse_i(&w->a, P3A(is_double ? 0x0b : 0x0a), d, a, x64_r(a), imm, d);
}

/* d := a rounded, halves away from zero: what is cut off, doubled and cut again, is the rest. a is finite.
 * Raises inexact if wanted. d overlaps nothing; clobbers VSCRATCH. */
static void round_away(struct cg_work *w, bool is_double, int d, int a, bool inexact)
{
    unsigned pfx = is_double ? X64_F2 : X64_F3;
    round_to(w, is_double, d, a, inexact ? 3 : 11);
    op2(w, pfx | X64_0F(0x5c), VSCRATCH, a, d);
    op2(w, pfx | X64_0F(0x58), VSCRATCH, VSCRATCH, VSCRATCH);
    round_to(w, is_double, VSCRATCH, VSCRATCH, 11);
    op2(w, pfx | X64_0F(0x58), d, d, VSCRATCH);
    op2m(w, X64_0F(0x54), d, d, vec_const(w, is_double ? K_ABS_D : K_ABS_S)); /* zeros keep a's sign */
    op2m(w, X64_0F(0x54), VSCRATCH, a, vec_const(w, is_double ? K_SIGN_D : K_SIGN_S));
    op2(w, X64_0F(0x56), d, d, VSCRATCH);
}

/* Jumps if |a| is above the limit (in its highest 32 bits), or no number. Clobbers VSCRATCH. */
static uint8_t *check_size(struct cg_work *w, bool is_double, int a, enum vec_const limit)
{
    op2m(w, X64_0F(0x54), VSCRATCH, a, vec_const(w, is_double ? K_ABS_D : K_ABS_S));
    op2m(w, vec_rows[IR_VCGTS].op[2], VSCRATCH, VSCRATCH, vec_const(w, limit));
    x64_sse1(&w->a, (is_double ? X64_66 : 0) | X64_0F(0x50), SCRATCH, x64_r(VSCRATCH)); /* movmsk */
    x64_testi(&w->a, false, x64_r(SCRATCH), 1);
    flags_clobber(w);
    return x64_jcc(&w->a, X64_NE);
}

static bool sel_frint_away(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool is_double = p->type == IR_F64;
    if (rounding(w, p) != IR_RM_AWAY)
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    uint8_t *from = check_size(w, is_double, a, is_double ? K_MAX_AWAY_D : K_MAX_AWAY_S);
    round_away(w, is_double, d, a, p->aux & 8);
    cold(w, i, from, XMM(a), XMM(d));
    return true;
}

/* What fits a signed integer of the size for sure; the rest, and what is negative for an unsigned one
 * (whose upper half signed conversions do not reach), is evaluated. */
static bool sel_ftoi_away(struct cg_work *w, uint32_t i, bool sign)
{
    const struct ir_ins *p = ins_of(w, i);
    bool from_d = ins_of(w, p->a)->type == IR_F64, wide = p->type == IR_I64;
    static const uint8_t limits[2][2] = {{K_MAX_INT, K_MAX_LONG_S}, {K_MAX_INT_D, K_MAX_LONG}};
    if (rounding(w, p) != IR_RM_AWAY)
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    uint8_t *from2 = NULL;
    if (!sign) {
        x64_sse1(&w->a, (from_d ? X64_66 : 0) | X64_0F(0x50), SCRATCH, x64_r(a));
        x64_testi(&w->a, false, x64_r(SCRATCH), 1);
        flags_clobber(w);
        from2 = x64_jcc(&w->a, X64_NE);
    }
    uint8_t *from = check_size(w, from_d, a, (enum vec_const)limits[from_d][wide]);
    round_away(w, from_d, VSCRATCH2, a, true);
    x64_sse1w(&w->a, (from_d ? X64_F2 : X64_F3) | X64_0F(0x2c), wide, d, x64_r(VSCRATCH2));
    if (!wide)
        w->v[i].flags |= V_ZX32;
    cold(w, i, from, XMM(a), d);
    w->cold[w->ncold - 1].from2 = from2;
    return true;
}

/* ---- half precision ---- */

static bool half_here(const struct cg_work *w, const struct ir_ins *p)
{
    return has(w, OS_CPU_F16C) && !(p->aux & 8);
}

static bool sel_f16to(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    bool is_double = p->type == IR_F64;
    if (!half_here(w, p))
        return false;
    int a = ra_use(w, p->a), d = ra_def_fresh(w, i);
    x64_op(m, X64_0F(0xb7), false, SCRATCH, x64_r(a)); /* the other lanes are zero */
    x64_sse1w(m, P(0x6e), false, d, x64_r(SCRATCH));
    x64_vex(m, P38(0x13), false, false, d, 0, x64_r(d)); /* vcvtph2ps */
    if (is_double)
        x64_sse(m, X64_F3 | X64_0F(0x5a), d, d, x64_r(d), VSCRATCH);
    x64_sse1(m, (is_double ? X64_66 : 0) | X64_0F(0x2e), d, x64_r(d));
    flags_clobber(w);
    cold(w, i, x64_jcc(m, X64_P), a, XMM(d));
    if (!is_double)
        w->v[i].flags |= V_ZHI;
    return true;
}

static bool sel_tof16(struct cg_work *w, uint32_t i)
{
    static const int8_t imm[8] = {[IR_RM_DYN] = 4,  [IR_RM_NEAREST] = 0, [IR_RM_ZERO] = 3, [IR_RM_UP] = 2,
                                  [IR_RM_DOWN] = 1, [IR_RM_AWAY] = -1,   -1, -1};
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    if (!half_here(w, p) || ins_of(w, p->a)->type != IR_F32 || rounding(w, p) == IR_RM_AWAY)
        return false;
    int a = ra_use(w, p->a), s = a, d = ra_def_fresh(w, i);
    if (!(w->v[p->a].flags & V_ZHI)) { /* other lanes must not raise anything */
        x64_sse_i(m, P3A(0x21), VSCRATCH, a, x64_r(a), 0x0e, VSCRATCH2);
        s = VSCRATCH;
    }
    x64_sse1(m, X64_0F(0x2e), a, x64_r(a));
    flags_clobber(w);
    uint8_t *from = x64_jcc(m, X64_P);
    x64_vex(m, P3A(0x1d), false, false, s, 0, x64_r(VSCRATCH2)); /* vcvtps2ph */
    x64_b(m, (unsigned)imm[p->aux & 7]);
    x64_sse1w(m, P(0x7e), false, VSCRATCH2, x64_r(d));
    w->v[i].flags |= V_ZX32;
    cold(w, i, from, XMM(a), d);
    return true;
}

bool sel_fpmisc(struct cg_work *w, uint32_t i)
{
    switch (ins_of(w, i)->op) {
    case IR_FRINT: return sel_frint_away(w, i);
    case IR_FTOS: return sel_ftoi_away(w, i, true);
    case IR_FTOU: return sel_ftoi_away(w, i, false);
    case IR_F16TO: return sel_f16to(w, i);
    case IR_TOF16: return sel_tof16(w, i);
    default: return false;
    }
}
