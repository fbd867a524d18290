/* Vector operations whose result lanes are wider or narrower than an operand's: three-different,
 * the same by element, dot products and matrix products (Arm ARM C4.1.96). `q` selects the high
 * halves
 * ("2" forms). Never knows floating point.
 */
#include "isa/arm64/simd.h"

/* From narrow operands n and m and the old wide d to the new wide rd. aux: narrow lane | IR_HIGH.
 */
typedef ir_ref simd_long(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m);

static unsigned long_aux(unsigned lane, unsigned q)
{
    return lane | (q ? IR_HIGH : 0);
}
static ir_ref widen(struct a64_lift *l, bool is_unsigned, unsigned aux, ir_ref v)
{
    enum ir_op high = is_unsigned ? IR_VZXH : IR_VSXH, low = is_unsigned ? IR_VZXL : IR_VSXL;

    return ir_v1(l->u, aux & IR_HIGH ? high : low, aux & 7, v);
}
static ir_ref wide2(struct a64_lift *l, enum ir_op op, unsigned aux, ir_ref a, ir_ref b)
{
    return ir_v2(l->u, op, (aux & 7) + 1, a, b);
}

/* ---- long: an op on both operands widened; wide: the first is wide already ---- */
#define LONG(name, op, is_unsigned)                                \
    LIFT(v_##name)                                                 \
    {                                                              \
        unsigned aux = long_aux(a->size, a->q);                    \
        ir_ref n = widen(l, is_unsigned, aux, a64_vreg(l, a->rn)); \
        ir_ref m = widen(l, is_unsigned, aux, a64_vreg(l, a->rm)); \
                                                                   \
        a64_set_vreg(l, a->rd, wide2(l, op, aux, n, m));           \
        return ISA_NEXT;                                           \
    }
#define WIDE(name, op, is_unsigned)                                       \
    LIFT(v_##name)                                                        \
    {                                                                     \
        unsigned aux = long_aux(a->size, a->q);                           \
        ir_ref m = widen(l, is_unsigned, aux, a64_vreg(l, a->rm));        \
                                                                          \
        a64_set_vreg(l, a->rd, wide2(l, op, aux, a64_vreg(l, a->rn), m)); \
        return ISA_NEXT;                                                  \
    }
LONG(saddl, IR_VADD, false)
LONG(uaddl, IR_VADD, true)
LONG(ssubl, IR_VSUB, false)
LONG(usubl, IR_VSUB, true)
WIDE(saddw, IR_VADD, false)
WIDE(uaddw, IR_VADD, true)
WIDE(ssubw, IR_VSUB, false)
WIDE(usubw, IR_VSUB, true)

/* An absolute difference fits its lane as an unsigned number. */
static ir_ref abdl(struct a64_lift *l, bool is_unsigned, unsigned q, unsigned lane, unsigned rn,
                   unsigned rm)
{
    ir_ref r = ir_v2(l->u, is_unsigned ? IR_VABDU : IR_VABDS, lane, a64_vreg(l, rn), a64_vreg(l, rm));

    return widen(l, true, long_aux(lane, q), r);
}
#define ABDL(name, is_unsigned)                                                           \
    LIFT(v_##name##dl)                                                                    \
    {                                                                                     \
        a64_set_vreg(l, a->rd, abdl(l, is_unsigned, a->q, a->size, a->rn, a->rm));        \
        return ISA_NEXT;                                                                  \
    }                                                                                     \
    LIFT(v_##name##al)                                                                    \
    {                                                                                     \
        ir_ref r = abdl(l, is_unsigned, a->q, a->size, a->rn, a->rm);                     \
                                                                                          \
        a64_set_vreg(l, a->rd, ir_v2(l->u, IR_VADD, a->size + 1, a64_vreg(l, a->rd), r)); \
        return ISA_NEXT;                                                                  \
    }
ABDL(sab, false)
ABDL(uab, true)

/* ---- narrowing to the high half; rounding adds half of what is dropped ---- */
static enum isa_lift high_narrow(struct a64_lift *l, enum ir_op op, bool rounded, unsigned q,
                                 unsigned lane, unsigned rd, unsigned rn, unsigned rm)
{
    struct ir_unit *u = l->u;
    unsigned wide = lane + 1, bits = simd_bits(lane);
    ir_ref r = ir_v2(u, op, wide, a64_vreg(l, rn), a64_vreg(l, rm));

    if (rounded)
        r = ir_v2(u, IR_VADD, wide, r, simd_const(l, wide, UINT64_C(1) << (bits - 1)));
    r = ir_v1i(u, IR_VSHRI, wide, r, bits);
    simd_put_half(l, q, rd, ir_v1(u, IR_VNARR, lane, r));
    return ISA_NEXT;
}
LIFT(v_addhn)
{
    return high_narrow(l, IR_VADD, false, a->q, a->size, a->rd, a->rn, a->rm);
}
LIFT(v_raddhn)
{
    return high_narrow(l, IR_VADD, true, a->q, a->size, a->rd, a->rn, a->rm);
}
LIFT(v_subhn)
{
    return high_narrow(l, IR_VSUB, false, a->q, a->size, a->rd, a->rn, a->rm);
}
LIFT(v_rsubhn)
{
    return high_narrow(l, IR_VSUB, true, a->q, a->size, a->rd, a->rn, a->rm);
}

/* ---- products ---- */
static ir_ref do_smull(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return ir_v2(l->u, IR_VMULLS, aux, n, m);
}
static ir_ref do_umull(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    (void)d;
    return ir_v2(l->u, IR_VMULLU, aux, n, m);
}
static ir_ref do_smlal(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return wide2(l, IR_VADD, aux, d, do_smull(l, aux, d, n, m));
}
static ir_ref do_umlal(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return wide2(l, IR_VADD, aux, d, do_umull(l, aux, d, n, m));
}
static ir_ref do_smlsl(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return wide2(l, IR_VSUB, aux, d, do_smull(l, aux, d, n, m));
}
static ir_ref do_umlsl(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return wide2(l, IR_VSUB, aux, d, do_umull(l, aux, d, n, m));
}
/* A saturating op on wide lanes, and FPSR.QC where it differs from the wrapping one. */
static ir_ref saturate(struct a64_lift *l, enum ir_op op, enum ir_op wrap, unsigned aux, ir_ref x,
                       ir_ref y)
{
    ir_ref r = wide2(l, op, aux, x, y);

    simd_qc(l, (aux & 7) + 1, r, wide2(l, wrap, aux, x, y));
    return r;
}
static ir_ref do_sqdmull(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    ir_ref product = do_smull(l, aux, d, n, m);

    return saturate(l, IR_VQADDS, IR_VADD, aux, product, product);
}
static ir_ref do_sqdmlal(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return saturate(l, IR_VQADDS, IR_VADD, aux, d, do_sqdmull(l, aux, d, n, m));
}
static ir_ref do_sqdmlsl(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, ir_ref m)
{
    return saturate(l, IR_VQSUBS, IR_VSUB, aux, d, do_sqdmull(l, aux, d, n, m));
}

#define PRODUCT(name)                                                                            \
    LIFT(v_##name)                                                                               \
    {                                                                                            \
        ir_ref n = a64_vreg(l, a->rn), m = a64_vreg(l, a->rm);                                   \
                                                                                                 \
        a64_set_vreg(l, a->rd, do_##name(l, long_aux(a->size, a->q), a64_vreg(l, a->rd), n, m)); \
        return ISA_NEXT;                                                                         \
    }                                                                                            \
    LIFT(v_##name##_e)                                                                           \
    {                                                                                            \
        ir_ref m = simd_element(l, a->size, a->rm, a->l, a->m, a->h), n = a64_vreg(l, a->rn);    \
                                                                                                 \
        a64_set_vreg(l, a->rd, do_##name(l, long_aux(a->size, a->q), a64_vreg(l, a->rd), n, m)); \
        return ISA_NEXT;                                                                         \
    }
/* With scalar forms: all above lane 0 is zero, so nothing else saturates. */
#define PRODUCT_S(name)                                                                \
    PRODUCT(name)                                                                      \
    static enum isa_lift scalar_##name(struct a64_lift *l, unsigned lane, unsigned rd, \
                                       unsigned rn, ir_ref m)                          \
    {                                                                                  \
        ir_ref n = simd_scalar(l, lane, rn), d = simd_scalar(l, lane + 1, rd);         \
                                                                                       \
        a64_set_vreg(l, rd, do_##name(l, lane, d, n, m));                              \
        return ISA_NEXT;                                                               \
    }                                                                                  \
    LIFT(s_##name)                                                                     \
    {                                                                                  \
        return scalar_##name(l, a->size, a->rd, a->rn, a64_vreg(l, a->rm));            \
    }                                                                                  \
    LIFT(s_##name##_e)                                                                 \
    {                                                                                  \
        ir_ref m = simd_element(l, a->size, a->rm, a->l, a->m, a->h);                  \
                                                                                       \
        return scalar_##name(l, a->size, a->rd, a->rn, m);                             \
    }
PRODUCT(smull)
PRODUCT(umull)
PRODUCT(smlal)
PRODUCT(umlal)
PRODUCT(smlsl)
PRODUCT(umlsl)
PRODUCT_S(sqdmull)
PRODUCT_S(sqdmlal)
PRODUCT_S(sqdmlsl)

LIFT(v_pmull)
{
    ir_ref n = a64_vreg(l, a->rn), m = a64_vreg(l, a->rm);

    a64_set_vreg(l, a->rd, ir_v2(l->u, IR_VPMULL, long_aux(a->size, a->q), n, m));
    return ISA_NEXT;
}

/* ---- dot products; USDOT multiplies unsigned n by signed m, SUDOT the other way round ---- */
static enum isa_lift dot(struct a64_lift *l, enum ir_op op, unsigned q, unsigned rd, ir_ref a,
                         ir_ref b)
{
    a64_set_vreg(l, rd, ir_v3(l->u, op, simd_aux(IR_LANE_S, q), a, b, a64_vreg(l, rd)));
    return ISA_NEXT;
}
#define DOT(name, op)                                                   \
    LIFT(v_##name)                                                      \
    {                                                                   \
        ir_ref n = a64_vreg(l, a->rn), m = a64_vreg(l, a->rm);          \
                                                                        \
        return dot(l, op, a->q, a->rd, n, m);                           \
    }                                                                   \
    LIFT(v_##name##_e)                                                  \
    {                                                                   \
        ir_ref m = simd_element(l, IR_LANE_S, a->rm, a->l, a->m, a->h); \
                                                                        \
        return dot(l, op, a->q, a->rd, a64_vreg(l, a->rn), m);          \
    }
DOT(sdot, IR_VDOTS)
DOT(udot, IR_VDOTU)
DOT(usdot, IR_VDOTUS)
LIFT(v_sudot_e)
{
    ir_ref m = simd_element(l, IR_LANE_S, a->rm, a->l, a->m, a->h);

    return dot(l, IR_VDOTUS, a->q, a->rd, m, a64_vreg(l, a->rn));
}

/* ---- 2x8 by 8x2 matrix products: each row of n against both of m gives four partial sums, of
 * which neighbours belong together ---- */
static enum isa_lift mmla(struct a64_lift *l, enum ir_op op, unsigned rd, unsigned rn, unsigned rm)
{
    struct ir_unit *u = l->u;
    ir_ref n = a64_vreg(l, rn), m = a64_vreg(l, rm), zero = ir_const(u, IR_V128, 0), row[2];

    for (unsigned i = 0; i < 2; i++)
        row[i] = ir_v3(u, op, IR_LANE_S, ir_v1i(u, IR_VDUPL, IR_LANE_D, n, i), m, zero);
    n = ir_v2(u, IR_VADDP, IR_LANE_S, row[0], row[1]);
    a64_set_vreg(l, rd, ir_v2(u, IR_VADD, IR_LANE_S, a64_vreg(l, rd), n));
    return ISA_NEXT;
}
LIFT(v_smmla)
{
    return mmla(l, IR_VDOTS, a->rd, a->rn, a->rm);
}
LIFT(v_ummla)
{
    return mmla(l, IR_VDOTU, a->rd, a->rn, a->rm);
}
LIFT(v_usmmla)
{
    return mmla(l, IR_VDOTUS, a->rd, a->rn, a->rm);
}
