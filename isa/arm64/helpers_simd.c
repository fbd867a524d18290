/* Integer helpers of the vector lifters: saturating operations that need more than compares, and
 * estimates. Control words: simd.h. Saturation sets FPSR.QC in fpsr.
 */
#include "ir/lane.h"
#include "isa/arm64/simd.h"

/* x limited to a lane; *qc is set if that changed it. */
static uint64_t saturate(__int128 x, unsigned lane, bool is_unsigned, bool *qc)
{
    unsigned bits = simd_bits(lane);
    __int128 max = is_unsigned ? ((__int128)1 << bits) - 1 : ((__int128)1 << (bits - 1)) - 1;
    __int128 min = is_unsigned ? 0 : -max - 1;

    if (x >= min && x <= max)
        return (uint64_t)x;
    *qc = true;
    return (uint64_t)(x < min ? min : max);
}
/* x << n, or >> -n for a negative n. 64 places and more put all but 0 out of every range. */
static __int128 shifted(__int128 x, int n, bool rounded)
{
    if (n > 63)
        return x > 0 ? (__int128)1 << 100 : x < 0 ? -((__int128)1 << 100) : 0;
    if (n >= 0)
        return x * ((__int128)1 << n);
    n = n < -66 ? 66 : -n;
    if (rounded)
        x += (__int128)1 << (n - 1);
    return x >> n;
}
static __int128 value2(unsigned op, unsigned lane, unsigned i, const union ir_val *v)
{
    switch (op) {
    case SIMD_SQSHL:
    case SIMD_SQRSHL:
        return shifted(ir_lane_gets(&v[0], lane, i), (int8_t)ir_lane_gets(&v[1], lane, i),
                       op == SIMD_SQRSHL);
    case SIMD_UQSHL:
    case SIMD_UQRSHL:
        return shifted(ir_lane_get(&v[0], lane, i), (int8_t)ir_lane_gets(&v[1], lane, i),
                       op == SIMD_UQRSHL);
    case SIMD_SUQADD:
        return (__int128)ir_lane_gets(&v[0], lane, i) + ir_lane_get(&v[1], lane, i);
    default: /* SIMD_USQADD */
        return (__int128)ir_lane_get(&v[0], lane, i) + ir_lane_gets(&v[1], lane, i);
    }
}
void a64_h_isat2(void *cpu, union ir_val *v)
{
    struct arm64_state *s = arm64_state(cpu);
    uint32_t ctl = v[2].w;
    unsigned op = simd_ctl_op(ctl), lane = simd_ctl_lane(ctl);
    bool is_unsigned = op == SIMD_UQSHL || op == SIMD_UQRSHL || op == SIMD_USQADD, qc = false;
    union ir_val r = {.d = {0, 0}};

    for (unsigned i = 0; i < simd_ctl_count(ctl); i++)
        ir_lane_put(&r, lane, i, saturate(value2(op, lane, i, v), lane, is_unsigned, &qc));
    if (qc)
        s->fpsr |= A64_FPSR_QC;
    v[0] = r;
}
/* SQRDMLAH, SQRDMLSH: (a << bits) +- 2nm, rounded high half. */
void a64_h_isat3(void *cpu, union ir_val *v)
{
    struct arm64_state *s = arm64_state(cpu);
    uint32_t ctl = v[3].w;
    unsigned lane = simd_ctl_lane(ctl), bits = simd_bits(lane);
    bool minus = simd_ctl_op(ctl) == SIMD_SQRDMLSH, qc = false;
    union ir_val r = {.d = {0, 0}};

    for (unsigned i = 0; i < simd_ctl_count(ctl); i++) {
        __int128 x = (__int128)ir_lane_gets(&v[0], lane, i) * ((__int128)1 << bits);
        __int128 p = (__int128)ir_lane_gets(&v[1], lane, i) * ir_lane_gets(&v[2], lane, i) * 2;

        x += (minus ? -p : p) + ((__int128)1 << (bits - 1));
        ir_lane_put(&r, lane, i, saturate(x >> bits, lane, false, &qc));
    }
    if (qc)
        s->fpsr |= A64_FPSR_QC;
    v[0] = r;
}

void a64_h_iest(void *cpu, union ir_val *v)
{
    uint32_t ctl = v[1].w;
    union ir_val r = {.d = {0, 0}};

    (void)cpu;
    for (unsigned i = 0; i < simd_ctl_count(ctl); i++)
        r.s[i] = simd_ctl_op(ctl) == SIMD_URECPE ? fp_u32_recip_est(v[0].s[i])
                                                 : fp_u32_rsqrt_est(v[0].s[i]);
    v[0] = r;
}
