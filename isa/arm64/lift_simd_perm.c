/* Vector data movement: modified immediates, copies between lanes and general registers,
 * permutation, extraction, table look-up (Arm ARM C4.1.96; AdvSIMDExpandImm of
 * shared/functions/vector).
 */
#include "isa/arm64/simd.h"

/* ---- immediates ---- */
uint64_t simd_fp_imm(unsigned lane, unsigned imm8)
{
    uint64_t sign = imm8 >> 7, b = imm8 >> 6 & 1, rest = imm8 & 0x3f;

    if (lane == IR_LANE_H)
        return sign << 15 | (b ? 0x3000 : 0x4000) | rest << 6;
    if (lane == IR_LANE_S)
        return sign << 31 | (b ? 0x3e000000u : 0x40000000u) | rest << 19;
    return sign << 63 | (b ? UINT64_C(0x3fc0000000000000) : UINT64_C(0x4000000000000000)) |
           rest << 48;
}

static uint64_t repeat(unsigned lane, uint64_t v)
{
    for (unsigned bits = simd_bits(lane); bits < 64; bits *= 2)
        v |= v << bits;
    return v;
}
/* Each bit becomes a byte. */
static uint64_t spread(unsigned imm8)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        if (imm8 >> i & 1)
            v |= UINT64_C(0xff) << 8 * i;
    return v;
}
/* The value of cmode and imm8; MVNI and BIC invert it themselves. */
static uint64_t expand(unsigned op, unsigned cmode, unsigned imm8)
{
    switch (cmode >> 1) {
    case 0:
    case 1:
    case 2:
    case 3:
        return repeat(IR_LANE_S, (uint64_t)imm8 << 8 * (cmode >> 1));
    case 4:
    case 5:
        return repeat(IR_LANE_H, (uint64_t)imm8 << 8 * (cmode >> 1 & 1));
    case 6:
        return repeat(IR_LANE_S, cmode & 1 ? (uint64_t)imm8 << 16 | 0xffff : imm8 << 8 | 0xff);
    default:
        if (!(cmode & 1))
            return op ? spread(imm8) : repeat(IR_LANE_B, imm8);
        return op ? simd_fp_imm(IR_LANE_D, imm8) : repeat(IR_LANE_S, simd_fp_imm(IR_LANE_S, imm8));
    }
}

static void set_const(struct a64_lift *l, unsigned q, unsigned rd, uint64_t v)
{
    a64_set_vreg(l, rd, ir_const(l->u, q || !v ? IR_V128 : IR_F64, v));
}

LIFT(v_modimm)
{
    bool logical = a->cmode < 12 && (a->cmode & 1); /* ORR, BIC */
    uint64_t v = expand(a->op, a->cmode, a->imm);
    ir_ref old;

    if (a->cmode == 15 && a->op && !a->q)
        return a64_undef(l);
    if (logical) {
        old = a64_vreg(l, a->rd);
        a64_set_vreg(l, a->rd,
                     ir_v2(l->u, a->op ? IR_VANDN : IR_VOR, simd_aux(IR_LANE_D, a->q), old,
                           ir_const(l->u, IR_V128, v)));
        return ISA_NEXT;
    }
    set_const(l, a->q, a->rd, a->op && a->cmode < 14 ? ~v : v);
    return ISA_NEXT;
}
LIFT(v_modimm_h)
{
    set_const(l, a->q, a->rd, repeat(IR_LANE_H, simd_fp_imm(IR_LANE_H, a->imm)));
    return ISA_NEXT;
}

/* ---- copies: imm5 has the index above a one that tells the lane ---- */
static bool copy_lane(unsigned imm5, unsigned *lane, unsigned *index)
{
    *lane = bits_ctz32(imm5);
    if (*lane > IR_LANE_D)
        return false;
    *index = imm5 >> (*lane + 1);
    return true;
}

LIFT(v_dup_e)
{
    unsigned lane, index;

    if (!copy_lane(a->imm, &lane, &index) || (lane == IR_LANE_D && !a->q))
        return a64_undef(l);
    a64_set_vreg(l, a->rd, ir_v1i(l->u, IR_VDUPL, simd_aux(lane, a->q), a64_vreg(l, a->rn), index));
    return ISA_NEXT;
}
LIFT(s_dup_e)
{
    unsigned lane, index;

    if (!copy_lane(a->imm, &lane, &index))
        return a64_undef(l);
    simd_put_lane(l, a->rd, lane, a64_vreg(l, a->rn), index);
    return ISA_NEXT;
}
LIFT(v_dup_g)
{
    unsigned lane, index;
    ir_ref v;

    if (!copy_lane(a->imm, &lane, &index) || (lane == IR_LANE_D && !a->q))
        return a64_undef(l);
    v = a64_reg(l, lane == IR_LANE_D ? IR_I64 : IR_I32, a->rn);
    a64_set_vreg(l, a->rd, ir_op1(l->u, IR_VDUP, IR_V128, simd_aux(lane, a->q), v));
    return ISA_NEXT;
}
LIFT(v_smov)
{
    unsigned lane, index;

    if (!copy_lane(a->imm, &lane, &index) || lane >= (a->q ? IR_LANE_D : IR_LANE_S))
        return a64_undef(l);
    a64_set_reg(
        l, a->rd,
        ir_emit(l->u, IR_VGET, a64_type(a->q), lane | 16, a64_vreg(l, a->rn), IR_NONE, index));
    return ISA_NEXT;
}
LIFT(v_umov)
{
    unsigned lane, index;
    enum ir_type t = a64_type(a->q);

    if (!copy_lane(a->imm, &lane, &index) || (lane == IR_LANE_D) != a->q)
        return a64_undef(l);
    if (!index && lane >= IR_LANE_S) /* the scalar needs no vector operation */
        a64_set_reg(l, a->rd,
                    ir_op1(l->u, IR_BITS, t, 0, a64_freg(l, a->q ? IR_F64 : IR_F32, a->rn)));
    else
        a64_set_reg(l, a->rd, ir_emit(l->u, IR_VGET, t, lane, a64_vreg(l, a->rn), IR_NONE, index));
    return ISA_NEXT;
}
LIFT(v_ins_g)
{
    unsigned lane, index;
    ir_ref v;

    if (!copy_lane(a->imm, &lane, &index))
        return a64_undef(l);
    v = a64_reg(l, lane == IR_LANE_D ? IR_I64 : IR_I32, a->rn);
    a64_set_vreg(l, a->rd, ir_v2i(l->u, IR_VSET, lane, a64_vreg(l, a->rd), v, index));
    return ISA_NEXT;
}
LIFT(v_ins_e)
{
    unsigned lane, index;
    ir_ref d;

    if (!copy_lane(a->imm, &lane, &index))
        return a64_undef(l);
    d = a64_vreg(l, a->rd);
    a64_set_vreg(l, a->rd,
                 ir_v2i(l->u, IR_VSETL, lane, d, a64_vreg(l, a->rn), index | a->idx >> lane << 8));
    return ISA_NEXT;
}

/* ---- permutation ---- */
#define PERMUTE(name, op)                                                                        \
    LIFT(v_##name)                                                                               \
    {                                                                                            \
        ir_ref n;                                                                                \
                                                                                                 \
        if (a->size == IR_LANE_D && !a->q)                                                       \
            return a64_undef(l);                                                                 \
        n = a64_vreg(l, a->rn);                                                                  \
        a64_set_vreg(l, a->rd, ir_v2(l->u, op, simd_aux(a->size, a->q), n, a64_vreg(l, a->rm))); \
        return ISA_NEXT;                                                                         \
    }
PERMUTE(uzp1, IR_VUZP1)
PERMUTE(uzp2, IR_VUZP2)
PERMUTE(trn1, IR_VTRN1)
PERMUTE(trn2, IR_VTRN2)
PERMUTE(zip1, IR_VZIP1)
PERMUTE(zip2, IR_VZIP2)

LIFT(v_ext)
{
    ir_ref n;

    if (!a->q && a->imm >= 8)
        return a64_undef(l);
    n = a64_vreg(l, a->rn);
    a64_set_vreg(l, a->rd,
                 ir_v2i(l->u, IR_VEXT, simd_aux(IR_LANE_B, a->q), n, a64_vreg(l, a->rm), a->imm));
    return ISA_NEXT;
}

LIFT(v_tbl)
{
    unsigned aux = simd_aux(IR_LANE_B, a->q);

    a64_set_vreg(l, a->rd, simd_table(l, aux, a->rn, a->len + 1, a64_vreg(l, a->rm)));
    return ISA_NEXT;
}
/* TBX keeps rd's bytes where the index is outside of the table. */
LIFT(v_tbx)
{
    unsigned aux = simd_aux(IR_LANE_B, a->q);
    ir_ref index = a64_vreg(l, a->rm), r = simd_table(l, aux, a->rn, a->len + 1, index);
    ir_ref inside = ir_v2(l->u, IR_VCGTU, aux, simd_const(l, IR_LANE_B, 16 * (a->len + 1)), index);

    a64_set_vreg(l, a->rd, ir_v3(l->u, IR_VBSL, aux, inside, r, a64_vreg(l, a->rd)));
    return ISA_NEXT;
}
