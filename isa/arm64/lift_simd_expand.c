/* Vector operations that have no IR operation of their own, spelled in others. Owns these spellings; never knows
 * encodings or registers. All take and give whole vectors; aux as in the IR.
 */
#include "isa/arm64/simd.h"

/* n shifted left (right) by count over d: d keeps what the shift would fill with zeros. */
ir_ref simd_sli(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, unsigned count)
{
    if (!count)
        return aux & IR_HALF ? ir_v1(l->u, IR_VZHI, IR_LANE_D, n) : n;
    return ir_emit(l->u, IR_VSLI, IR_V128, aux, d, n, count);
}
ir_ref simd_sri(struct a64_lift *l, unsigned aux, ir_ref d, ir_ref n, unsigned count)
{
    if (count == simd_bits(aux & 7)) /* nothing is inserted */
        return aux & IR_HALF ? ir_v1(l->u, IR_VZHI, IR_LANE_D, d) : d;
    return ir_emit(l->u, IR_VSRI, IR_V128, aux, d, n, count);
}

/* All lanes (of half a vector with IR_HALF) by op, in lane 0: halves onto each other. What comes
 * down from above a half does not matter. */
ir_ref simd_fold(struct a64_lift *l, enum ir_op op, unsigned aux, ir_ref v)
{
    unsigned lane = aux & 7, half = aux & IR_HALF;

    for (unsigned bytes = half ? 4 : 8; bytes >= 1u << lane; bytes /= 2)
        v = ir_v2(l->u, op, aux, v, ir_v2i(l->u, IR_VEXT, IR_LANE_B | half, v, v, bytes));
    return v;
}

/* One register of a table after the other; each gives zero for an index outside of it. */
ir_ref simd_table(struct a64_lift *l, unsigned aux, unsigned rn, unsigned count, ir_ref index)
{
    ir_ref step = simd_const(l, IR_LANE_B, 16), r = IR_NONE;

    for (unsigned i = 0; i < count; i++) {
        ir_ref t = a64_vreg(l, (rn + i) & 31);

        if (i)
            index = ir_v2(l->u, IR_VSUB, aux, index, step);
        t = ir_v2(l->u, IR_VTBL, aux, t, index);
        r = i ? ir_v2(l->u, IR_VOR, aux, r, t) : t;
    }
    return r;
}

/* Lanes of twice the width narrowed by a saturating op, and FPSR.QC. */
ir_ref simd_narrow(struct a64_lift *l, enum ir_op op, unsigned lane, ir_ref v)
{
    struct ir_unit *u = l->u;
    ir_ref r;

    if (op == IR_VQNUU && lane < IR_LANE_S) { /* limited first, then nothing is lost */
        r = ir_v2(u, IR_VMINU, lane + 1, v, simd_const(l, lane + 1, bits_mask64(simd_bits(lane))));
        simd_qc(l, IR_LANE_D, r, v);
        return ir_v1(u, IR_VNARR, lane, r);
    }
    r = ir_v1(u, op, lane, v);
    simd_qc(l, IR_LANE_D, ir_v1(u, op == IR_VQNSS ? IR_VSXL : IR_VZXL, lane, r), v);
    return r;
}
