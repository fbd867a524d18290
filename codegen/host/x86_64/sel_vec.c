/* Selection of vector operations that move lanes, change their width or look bytes up, on SSE4/AVX;
 * and the entry to all vector selectors on integers. What none of them takes is evaluated by the
 * interpreter's function (sel_eval). */
#include "codegen/host/x86_64/vec_emit.h"

static bool sel_widen(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    static const unsigned sx[3] = {P38(0x20), P38(0x23), P38(0x25)}, zx[3] = {P38(0x30), P38(0x33), P38(0x35)};
    unsigned lane = lane_of(p);
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

/* 64-bit lanes to 32 bits, saturated: what fits has a high half that is all sign, or zero. */
static void narrow_d(struct cg_work *w, unsigned op, int d, int a)
{
    shuf_d(w, VSCRATCH, a, 0xf5); /* high halves */
    if (op == IR_VQNSS) {
        shuf_d(w, d, a, 0xa0);
        vshift(w, 2, SRA, VSCRATCH2, d, 31);
        op2(w, P(0x76), VSCRATCH2, VSCRATCH2, VSCRATCH); /* fits */
        vshift(w, 2, SRA, VSCRATCH, VSCRATCH, 31);
        op2m(w, P(0xef), VSCRATCH, VSCRATCH, vec_const(w, K_ABS_S)); /* the extreme */
        op2(w, P(0xdb), d, d, VSCRATCH2);
        op2(w, P(0xdf), VSCRATCH2, VSCRATCH2, VSCRATCH);
        op2(w, P(0xeb), d, d, VSCRATCH2);
    } else {
        zeros(w, VSCRATCH2);
        op2(w, P(0x76), VSCRATCH2, VSCRATCH2, VSCRATCH); /* fits */
        op2m(w, P(0xef), VSCRATCH2, VSCRATCH2, vec_const(w, K_ONES));
        op2(w, P(0xeb), d, a, VSCRATCH2);
        if (op == IR_VQNSU) { /* nothing of negative numbers */
            vshift(w, 2, SRA, VSCRATCH, VSCRATCH, 31);
            op2(w, P(0xdf), d, VSCRATCH, d);
        }
    }
    shuf_d(w, d, d, 0x08);
    zero_high(w, d);
}

/* Lane narrowing into the low half; the pack instructions saturate, so truncation masks first. */
static bool sel_narrow(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p); /* the result's */
    static const unsigned pack_s[2] = {P(0x63), P(0x6b)}, pack_u[2] = {P(0x67), P38(0x2b)};
    int a = ra_use(w, p->a), s = a;
    if (lane == IR_LANE_S) {
        int d = ra_def_fresh(w, i);
        if (p->op != IR_VNARR) {
            narrow_d(w, p->op, d, a);
            return true;
        }
        shuf_d(w, d, a, 0x08);
        zero_high(w, d);
        return true;
    }
    if (p->op == IR_VNARR) {
        op2m(w, P(0xdb), VSCRATCH, a, vec_const(w, lane == IR_LANE_B ? K_LOW_H : K_LOW_S));
        s = VSCRATCH;
    } else if (p->op == IR_VQNUU) {
        op2m(w, vec_rows[IR_VMINU].op[lane + 1], VSCRATCH, a, vec_const(w, lane == IR_LANE_B ? K_LOW_H : K_LOW_S));
        s = VSCRATCH;
    }
    int d = ra_def(w, i, a);
    op2(w, p->op == IR_VQNSS ? pack_s[lane] : pack_u[lane], d, s, s);
    zero_high(w, d);
    return true;
}

static bool sel_dup(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    int a = ra_use(w, p->a);
    x64_sse1w(&w->a, P(0x6e), lane == IR_LANE_D, VSCRATCH, x64_r(a));
    int d = ra_def(w, i, -1);
    vec_broadcast(w, d, VSCRATCH, lane);
    half_of(w, i, d);
    return true;
}

static bool sel_dupl(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p), c = p->c;
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
        vec_broadcast(w, d, s, lane);
    }
    half_of(w, i, d);
    return true;
}

static bool sel_get(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    unsigned lane = lane_of(p);
    bool sign = p->aux & 16, wide = p->type == IR_I64;
    int a = ra_use(w, p->a), d = ra_def(w, i, -1);
    switch (lane) {
    case IR_LANE_B:
        x64_sse1(m, P3A(0x14), a, x64_r(d));
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
            x64_sse1w(m, P3A(0x16), q, a, x64_r(d));
            x64_b(m, p->c);
        }
        if (sign && !q && wide)
            x64_op(m, 0x63, true, d, x64_r(d));
        if (q && !wide)
            x64_mov(m, false, d, d);
    }
    }
    if (!wide || (!sign && lane != IR_LANE_D))
        w->v[i].flags |= V_ZX32;
    return true;
}

static bool sel_set(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def(w, i, a);
    vec_insert(w, lane_of(p), d, a, b, p->c);
    half_of(w, i, d);
    return true;
}

static bool sel_setl(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    unsigned lane = lane_of(p), to = p->c & 255, from = p->c >> 8;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d;
    if (lane == IR_LANE_D) {
        d = ra_def_fresh(w, i);
        /* shufpd: low from the first source, high from the second */
        if (to)
            x64_sse_i(m, P(0xc6), d, a, x64_r(b), from << 1, VSCRATCH);
        else
            x64_sse_i(m, P(0xc6), d, b, x64_r(a), from | 2, VSCRATCH);
    } else if (lane == IR_LANE_S) {
        d = ra_def(w, i, a);
        x64_sse_i(m, P3A(0x21), d, a, x64_r(b), from << 6 | to << 4, VSCRATCH);
    } else {
        if (lane == IR_LANE_B)
            x64_sse1(m, P3A(0x14), b, x64_r(SCRATCH));
        else
            x64_sse1(m, P(0xc5), SCRATCH, x64_r(b));
        x64_b(m, from);
        d = ra_def(w, i, a);
        vec_insert(w, lane, d, a, SCRATCH, to);
    }
    half_of(w, i, d);
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
        x64_sse1(&w->a, MOVQ, d, x64_r(VSCRATCH));
    } else {
        int d = ra_def_fresh(w, i);
        x64_sse_i(&w->a, P3A(0x0f), d, b, x64_r(a), p->c, VSCRATCH); /* palignr */
    }
    return true;
}

/* d := even (odd = 0) or odd lanes of a, then of b. Clobbers both scratch registers; d overlaps nothing. */
static void unzip(struct cg_work *w, unsigned lane, bool odd, int d, int a, int b)
{
    if (lane == IR_LANE_D) {
        op2(w, vec_rows[odd ? IR_VZIP2 : IR_VZIP1].op[3], d, a, b);
    } else if (lane == IR_LANE_S) {
        x64_sse_i(&w->a, X64_0F(0xc6), d, a, x64_r(b), odd ? 0xdd : 0x88, VSCRATCH); /* shufps */
    } else { /* as lanes of twice the size that fit the packing's range */
        int in[2] = {a, b}, out[2] = {VSCRATCH, VSCRATCH2};
        for (int k = 0; k < 2; k++) {
            if (odd)
                vshift(w, lane + 1, SRL, out[k], in[k], 8u << lane);
            else
                op2m(w, P(0xdb), out[k], in[k], vec_const(w, lane == IR_LANE_B ? K_LOW_H : K_LOW_S));
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
        unsigned lane = lane_of(p);
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

/* One's lanes are shifted beside the other's: an upper lane of a down, or a lower lane of b up. */
static bool sel_trn(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    bool second = p->op == IR_VTRN2;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), low = a, high = b;
    if (lane == IR_LANE_D) {
        int d = ra_def_fresh(w, i);
        op2(w, vec_rows[second ? IR_VZIP2 : IR_VZIP1].op[3], d, a, b);
        half_of(w, i, d);
        return true;
    }
    if (second)
        vshift(w, lane + 1, SRL, low = VSCRATCH, a, 8u << lane);
    else
        vshift(w, lane + 1, SLL, high = VSCRATCH, b, 8u << lane);
    int d;
    if (lane == IR_LANE_B) {
        op2m(w, P(0xdb), VSCRATCH2, second ? b : a, vec_const(w, second ? K_HIGH_H : K_LOW_H));
        d = ra_def(w, i, -1);
        op2(w, P(0xeb), d, VSCRATCH, VSCRATCH2);
    } else {
        d = ra_def_fresh(w, i);
        if (lane == IR_LANE_S && has(w, OS_CPU_AVX2)) {
            x64_vex(&w->a, P3A(0x02), false, false, d, low, x64_r(high)); /* vpblendd */
            x64_b(&w->a, 0x0a);
        } else { /* pblendw */
            x64_sse_i(&w->a, P3A(0x0e), d, low, x64_r(high), lane == IR_LANE_H ? 0xaa : 0xcc, VSCRATCH2);
        }
    }
    half_of(w, i, d);
    return true;
}

/* Pairwise operations: the plain operation on even and odd lanes. */
static bool sel_pairwise(struct cg_work *w, uint32_t i, unsigned plain)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p), op = vec_rows[plain].op[lane];
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

/* b saturated so that indices from 16 up have bit 7 set, which pshufb turns into zero. */
static bool sel_tbl(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d;
    op2m(w, P(0xdc), VSCRATCH, b, vec_const(w, K_TBL)); /* paddusb */
    if (p->op == IR_VTBX) {
        int c = ra_use(w, p->c);
        d = ra_def_fresh(w, i);
        op2(w, P38(0x00), d, a, VSCRATCH);
        if (w->a.avx) {
            blendv(w, 0, d, d, c, VSCRATCH);
        } else {
            zeros(w, VSCRATCH2);
            op2(w, P(0x64), VSCRATCH2, VSCRATCH2, VSCRATCH);
            op2(w, P(0xdb), VSCRATCH2, VSCRATCH2, c);
            op2(w, P(0xeb), d, d, VSCRATCH2);
        }
    } else {
        d = ra_def(w, i, a);
        op2(w, P38(0x00), d, a, VSCRATCH);
    }
    half_of(w, i, d);
    return true;
}

static bool sel_rev(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned lane = lane_of(p);
    static const uint8_t of[3][9] = {{[2] = K_REV_B2, [4] = K_REV_B4, [8] = K_REV_B8},
                                     {[4] = K_REV_H4, [8] = K_REV_H8}, {[8] = K_REV_S8}};
    int a = ra_use(w, p->a), d = ra_def(w, i, a);
    if (p->c == 1u << lane)
        x64_movaps(&w->a, d, a);
    else
        op2m(w, P38(0x00), d, a, vec_const(w, (enum vec_const)of[lane][p->c]));
    half_of(w, i, d);
    return true;
}

/* Integers that a vector instruction serves best. */
static bool sel_bytes(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool wide = p->type == IR_I64;
    if (p->op == IR_BSWAP && (p->aux != 2 || !wide))
        return false;
    int a = ra_use(w, p->a), d = ra_def(w, i, -1);
    x64_sse1w(&w->a, P(0x6e), wide, VSCRATCH, x64_r(a));
    if (p->op == IR_BSWAP) {
        op2m(w, P38(0x00), VSCRATCH, VSCRATCH, vec_const(w, K_REV_B2));
    } else { /* not equal to zero */
        zeros(w, VSCRATCH2);
        op2(w, P(0x74), VSCRATCH, VSCRATCH, VSCRATCH2);
        vec_invert(w, VSCRATCH);
    }
    x64_sse1w(&w->a, P(0x7e), wide, VSCRATCH, x64_r(d));
    if (!wide)
        w->v[i].flags |= V_ZX32;
    return true;
}

bool sel_vec(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (p->op == IR_ORCB || p->op == IR_BSWAP)
        return sel_bytes(w, i);
    if (p->op == IR_VGET)
        return sel_get(w, i);
    if (p->op >= IR_VAESE && p->op <= IR_VSHA2S1)
        return sel_crypto(w, i);
    switch (p->op) {
    case IR_CRC32: case IR_VPMUL8: case IR_VPMULL: return sel_crypto(w, i);
    case IR_VSHLI: case IR_VSHRI: case IR_VSARI: case IR_VSLI: case IR_VSRI: case IR_VSHLS: case IR_VSHLU:
        return sel_shiftv(w, i);
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
    case IR_VTBL: case IR_VTBX: return sel_tbl(w, i);
    case IR_VREV: return sel_rev(w, i);
    case IR_VZHI: {
        int a = ra_use(w, p->a), d = ra_def(w, i, a);
        x64_sse1(&w->a, MOVQ, d, x64_r(a));
        return true;
    }
    default: return p->type == IR_V128 && sel_veci(w, i);
    }
}
