/* Vector integer operations on one register, and across lanes (Arm ARM C4.1.96 "Advanced SIMD
 * two-register miscellaneous", "across lanes", "scalar pairwise"). Never knows floating point.
 */
#include "isa/arm64/simd.h"

typedef ir_ref simd_fn1(struct a64_lift *l, unsigned aux, ir_ref n);

static bool reserved(unsigned q, unsigned lane)
{
    return lane == IR_LANE_D && !q;
}
static enum isa_lift one(struct a64_lift *l, simd_fn1 *fn, unsigned aux, unsigned rd, unsigned rn)
{
    a64_set_vreg(l, rd, fn(l, aux, a64_vreg(l, rn)));
    return ISA_NEXT;
}
static ir_ref zero(struct a64_lift *l)
{
    return ir_const(l->u, IR_V128, 0);
}

#define ONE(name, expression)                                            \
    static ir_ref do_##name(struct a64_lift *l, unsigned aux, ir_ref n)  \
    {                                                                    \
        return expression;                                               \
    }                                                                    \
    LIFT(v_##name)                                                       \
    {                                                                    \
        if (reserved(a->q, a->size))                                     \
            return a64_undef(l);                                         \
        return one(l, do_##name, simd_aux(a->size, a->q), a->rd, a->rn); \
    }
/* With a scalar form on D registers. */
#define ONE_D(name, expression)                                      \
    ONE(name, expression)                                            \
    LIFT(s_##name)                                                   \
    {                                                                \
        return one(l, do_##name, IR_LANE_D | IR_HALF, a->rd, a->rn); \
    }

ONE(rev64, ir_v1i(l->u, IR_VREV, aux, n, 8))
ONE(rev32, ir_v1i(l->u, IR_VREV, aux, n, 4))
ONE(rev16, ir_v1i(l->u, IR_VREV, aux, n, 2))
ONE(cls, ir_v1(l->u, IR_VCLS, aux, n))
ONE(clz, ir_v1(l->u, IR_VCLZ, aux, n))
ONE(cnt, ir_v1(l->u, IR_VCNT, aux, n))
ONE(not, ir_v1(l->u, IR_VNOT, aux, n))
ONE(saddlp, ir_v1(l->u, IR_VADDLPS, aux, n))
ONE(uaddlp, ir_v1(l->u, IR_VADDLPU, aux, n))
ONE_D(abs, ir_v1(l->u, IR_VABS, aux, n))
ONE_D(neg, ir_v1(l->u, IR_VNEG, aux, n))
ONE_D(cmgt0, ir_v2(l->u, IR_VCGTS, aux, n, zero(l)))
ONE_D(cmge0, ir_v2(l->u, IR_VCGES, aux, n, zero(l)))
ONE_D(cmeq0, ir_v2(l->u, IR_VCEQ, aux, n, zero(l)))
ONE_D(cmle0, ir_v2(l->u, IR_VCGES, aux, zero(l), n))
ONE_D(cmlt0, ir_v2(l->u, IR_VCGTS, aux, zero(l), n))

/* RBIT has size 1 but works on bytes. */
LIFT(v_rbit)
{
    a64_set_vreg(l, a->rd, ir_v1(l->u, IR_VRBIT, simd_aux(IR_LANE_B, a->q), a64_vreg(l, a->rn)));
    return ISA_NEXT;
}

static enum isa_lift adalp(struct a64_lift *l, enum ir_op op, unsigned q, unsigned lane,
                           unsigned rd, unsigned rn)
{
    ir_ref sums = ir_v1(l->u, op, simd_aux(lane, q), a64_vreg(l, rn));

    a64_set_vreg(l, rd, ir_v2(l->u, IR_VADD, simd_aux(lane + 1, q), a64_vreg(l, rd), sums));
    return ISA_NEXT;
}
LIFT(v_sadalp)
{
    return adalp(l, IR_VADDLPS, a->q, a->size, a->rd, a->rn);
}
LIFT(v_uadalp)
{
    return adalp(l, IR_VADDLPU, a->q, a->size, a->rd, a->rn);
}

/* ---- saturating: only the lowest number has no negative ---- */
static ir_ref do_sqabs(struct a64_lift *l, unsigned aux, ir_ref n)
{
    unsigned lane = aux & 7;
    ir_ref wrapped = ir_v1(l->u, IR_VABS, aux, n);
    ir_ref max = simd_const(l, lane, bits_mask64(simd_bits(lane) - 1));
    ir_ref r = ir_v2(l->u, IR_VMINU, aux, wrapped, max);

    simd_qc(l, aux, r, wrapped);
    return r;
}
static ir_ref do_sqneg(struct a64_lift *l, unsigned aux, ir_ref n)
{
    ir_ref r = ir_v2(l->u, IR_VQSUBS, aux, zero(l), n);

    simd_qc(l, aux, r, ir_v1(l->u, IR_VNEG, aux, n));
    return r;
}
#define SATURATE(name)                                                   \
    LIFT(v_##name)                                                       \
    {                                                                    \
        if (reserved(a->q, a->size))                                     \
            return a64_undef(l);                                         \
        return one(l, do_##name, simd_aux(a->size, a->q), a->rd, a->rn); \
    }                                                                    \
    LIFT(s_##name)                                                       \
    {                                                                    \
        ir_ref n = simd_scalar(l, a->size, a->rn);                       \
                                                                         \
        a64_set_vreg(l, a->rd, do_##name(l, a->size | IR_HALF, n));      \
        return ISA_NEXT;                                                 \
    }
SATURATE(sqabs)
SATURATE(sqneg)

/* Accumulating adds of the other signedness. */
static enum isa_lift mixed(struct a64_lift *l, enum simd_iop op, unsigned lane, unsigned count,
                           unsigned rd, unsigned rn)
{
    ir_ref ctl = ir_const(l->u, IR_I32, simd_ctl(op, lane, count, 0));

    a64_set_vreg(l, rd, a64_call(l, IR_V128, A64_H_isat2, a64_vreg(l, rd), a64_vreg(l, rn), ctl));
    return ISA_NEXT;
}
#define MIXED(name, op)                                                        \
    LIFT(v_##name)                                                             \
    {                                                                          \
        if (reserved(a->q, a->size))                                           \
            return a64_undef(l);                                               \
        return mixed(l, op, a->size, simd_count(a->size, a->q), a->rd, a->rn); \
    }                                                                          \
    LIFT(s_##name)                                                             \
    {                                                                          \
        return mixed(l, op, a->size, 1, a->rd, a->rn);                         \
    }
MIXED(suqadd, SIMD_SUQADD)
MIXED(usqadd, SIMD_USQADD)

/* ---- narrowing ---- */
LIFT(v_xtn)
{
    simd_put_half(l, a->q, a->rd, ir_v1(l->u, IR_VNARR, a->size, a64_vreg(l, a->rn)));
    return ISA_NEXT;
}
#define QXTN(name, op)                                                                           \
    LIFT(v_##name)                                                                               \
    {                                                                                            \
        simd_put_half(l, a->q, a->rd, simd_narrow(l, op, a->size, a64_vreg(l, a->rn)));          \
        return ISA_NEXT;                                                                         \
    }                                                                                            \
    LIFT(s_##name)                                                                               \
    {                                                                                            \
        a64_set_vreg(l, a->rd, simd_narrow(l, op, a->size, simd_scalar(l, a->size + 1, a->rn))); \
        return ISA_NEXT;                                                                         \
    }
QXTN(sqxtn, IR_VQNSS)
QXTN(sqxtun, IR_VQNSU)
QXTN(uqxtn, IR_VQNUU)

/* SHLL: shift by the source's width. */
LIFT(v_shll)
{
    ir_ref wide = ir_v1(l->u, a->q ? IR_VZXH : IR_VZXL, a->size, a64_vreg(l, a->rn));

    a64_set_vreg(l, a->rd, ir_v1i(l->u, IR_VSHLI, a->size + 1, wide, simd_bits(a->size)));
    return ISA_NEXT;
}

static enum isa_lift estimate(struct a64_lift *l, enum simd_iop op, unsigned q, unsigned rd,
                              unsigned rn)
{
    ir_ref ctl = ir_const(l->u, IR_I32, simd_ctl(op, IR_LANE_S, simd_count(IR_LANE_S, q), 0));

    a64_set_vreg(l, rd, a64_call(l, IR_V128, A64_H_iest, a64_vreg(l, rn), ctl, IR_NONE));
    return ISA_NEXT;
}
LIFT(v_urecpe)
{
    return estimate(l, SIMD_URECPE, a->q, a->rd, a->rn);
}
LIFT(v_ursqrte)
{
    return estimate(l, SIMD_URSQRTE, a->q, a->rd, a->rn);
}

/* ---- across lanes: two S lanes are reserved ---- */
static enum isa_lift reduce(struct a64_lift *l, enum ir_op op, unsigned q, unsigned lane,
                            unsigned rd, unsigned rn)
{
    if (lane == IR_LANE_S && !q)
        return a64_undef(l);
    simd_put_lane(l, rd, lane, simd_fold(l, op, simd_aux(lane, q), a64_vreg(l, rn)), 0);
    return ISA_NEXT;
}
LIFT(v_smaxv)
{
    return reduce(l, IR_VMAXS, a->q, a->size, a->rd, a->rn);
}
LIFT(v_umaxv)
{
    return reduce(l, IR_VMAXU, a->q, a->size, a->rd, a->rn);
}
LIFT(v_sminv)
{
    return reduce(l, IR_VMINS, a->q, a->size, a->rd, a->rn);
}
LIFT(v_uminv)
{
    return reduce(l, IR_VMINU, a->q, a->size, a->rd, a->rn);
}

LIFT(v_addv)
{
    if (a->size == IR_LANE_H || (a->size == IR_LANE_S && !a->q))
        return reduce(l, IR_VADD, a->q, a->size, a->rd, a->rn);
    a64_set_vreg(l, a->rd, ir_v1(l->u, IR_VADDV, simd_aux(a->size, a->q), a64_vreg(l, a->rn)));
    return ISA_NEXT;
}
/* Pairs until the lanes are words, which hold any sum of bytes or halfwords. */
static enum isa_lift addlv(struct a64_lift *l, enum ir_op op, unsigned q, unsigned lane,
                           unsigned rd, unsigned rn)
{
    ir_ref v = a64_vreg(l, rn);
    unsigned wide = lane;

    if (lane == IR_LANE_S && !q)
        return a64_undef(l);
    do
        v = ir_v1(l->u, op, simd_aux(wide++, q), v);
    while (wide < IR_LANE_S);
    simd_put_lane(l, rd, lane + 1, simd_fold(l, IR_VADD, simd_aux(wide, q), v), 0);
    return ISA_NEXT;
}
LIFT(v_saddlv)
{
    return addlv(l, IR_VADDLPS, a->q, a->size, a->rd, a->rn);
}
LIFT(v_uaddlv)
{
    return addlv(l, IR_VADDLPU, a->q, a->size, a->rd, a->rn);
}

LIFT(s_addp)
{
    simd_put_lane(l, a->rd, IR_LANE_D, simd_fold(l, IR_VADD, IR_LANE_D, a64_vreg(l, a->rn)), 0);
    return ISA_NEXT;
}
