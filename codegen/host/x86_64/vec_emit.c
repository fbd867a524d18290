/* Constants of the vector selectors, and what several of them emit. See vec_emit.h. */
#include "codegen/host/x86_64/vec_emit.h"

#define REP8(b) ((b) * UINT64_C(0x0101010101010101))
#define REP16(h) ((h) * UINT64_C(0x0001000100010001))
#define REP32(s) ((uint64_t)(s) * UINT64_C(0x0000000100000001))
#define BOTH(q) {q, q}
#define EACH8(f) BOTH(REP8(f(0))), BOTH(REP8(f(1))), BOTH(REP8(f(2))), BOTH(REP8(f(3))), BOTH(REP8(f(4))), \
                 BOTH(REP8(f(5))), BOTH(REP8(f(6))), BOTH(REP8(f(7)))
#define SHL_MASK(n) (0xffu << (n) & 0xff)
#define SHR_MASK(n) (0xffu >> (n))
#define SAR_SIGN(n) (0x80u >> (n))

static const uint64_t consts[K_COUNT][2] = {
    [K_ONES] = BOTH(UINT64_MAX),
    [K_SIGN_B] = BOTH(REP8(0x80)),
    [K_SIGN_H] = BOTH(REP16(0x8000)),
    [K_SIGN_S] = BOTH(REP32(0x80000000)),
    [K_SIGN_D] = BOTH(UINT64_C(1) << 63),
    [K_ABS_S] = BOTH(REP32(0x7fffffff)),
    [K_ABS_D] = BOTH(UINT64_MAX >> 1),
    [K_TINY_S] = BOTH(REP32(0x00800000)),
    [K_TINY_D] = BOTH(UINT64_C(1) << 52),
    [K_SIGN_F32] = {0x80000000, 0},
    [K_SIGN_F64] = {UINT64_C(1) << 63, 0},
    [K_ABS_F32] = {0x7fffffff, 0},
    [K_ABS_F64] = {UINT64_MAX >> 1, 0},
    [K_SHL_B] = EACH8(SHL_MASK),
    [K_SHR_B] = EACH8(SHR_MASK),
    [K_SAR_B] = EACH8(SAR_SIGN),
    [K_ONE_B] = BOTH(REP8(1)),
    [K_ONE_H] = BOTH(REP16(1)),
    [K_LOW_H] = BOTH(REP16(0x00ff)),
    [K_LOW_S] = BOTH(REP32(0xffff)),
    [K_HIGH_H] = BOTH(REP16(0xff00)),
    [K_NIBBLE] = BOTH(REP8(0x0f)),
    [K_TBL] = BOTH(REP8(0x70)),
    [K_REV_B2] = {UINT64_C(0x0607040502030001), UINT64_C(0x0e0f0c0d0a0b0809)},
    [K_REV_B4] = {UINT64_C(0x0405060700010203), UINT64_C(0x0c0d0e0f08090a0b)},
    [K_REV_B8] = {UINT64_C(0x0001020304050607), UINT64_C(0x08090a0b0c0d0e0f)},
    [K_REV_H4] = {UINT64_C(0x0504070601000302), UINT64_C(0x0d0c0f0e09080b0a)},
    [K_REV_H8] = {UINT64_C(0x0100030205040706), UINT64_C(0x09080b0a0d0c0f0e)},
    [K_REV_S8] = {UINT64_C(0x0302010007060504), UINT64_C(0x0b0a09080f0e0d0c)},
    [K_CNT] = {UINT64_C(0x0302020102010100), UINT64_C(0x0403030203020201)},
    [K_CLZ_LOW] = {UINT64_C(0x0505050506060708), UINT64_C(0x0404040404040404)},
    [K_CLZ_HIGH] = {UINT64_C(0x0101010102020308), UINT64_C(0x0000000000000000)},
    [K_RBIT_LOW] = {UINT64_C(0xe060a020c0408000), UINT64_C(0xf070b030d0509010)},
    [K_RBIT_HIGH] = {UINT64_C(0x0e060a020c040800), UINT64_C(0x0f070b030d050901)},
    [K_BYTES_S] = {UINT64_C(0x808080800c080400), UINT64_C(0x8080808080808080)},
    [K_BYTES_D] = {UINT64_C(0x8080808080800800), UINT64_C(0x8080808080808080)},
    [K_QROUND] = BOTH(UINT64_C(1) << 30),
    [K_SHA1_0] = BOTH(REP32(0u - 0x5a827999u)),
    [K_SHA1_1] = BOTH(REP32(0u - 0x6ed9eba1u)),
    [K_SHA1_2] = BOTH(REP32(0u - 0x8f1bbcdcu)),
    [K_CRC32] = {UINT64_C(0xb4e5b025f7011641), UINT64_C(0x1db710641)},
    [K_MAX_INT] = BOTH(REP32(0x4effffff)),
    [K_MAX_INT_D] = BOTH(UINT64_C(0x41dffffe7fffffff)), /* 2^31 - 1 at most */
    [K_MAX_LONG_S] = BOTH(REP32(0x5effffff)),
    [K_MAX_LONG] = BOTH(UINT64_C(0x43dfffff7fffffff)),
    [K_MAX_AWAY_S] = BOTH(REP32(0x4affffff)),
    [K_MAX_AWAY_D] = BOTH(UINT64_C(0x432fffff7fffffff)),
};

void cg_consts_emit(struct cg *cg, struct x64_asm *a)
{
    while ((a->rx + x64_off(a)) & 15)
        x64_b(a, 0xcc);
    cg->stubs.consts = a->rx + x64_off(a);
    memcpy(a->p, consts, sizeof consts);
    a->p += sizeof consts;
}

struct x64_rm vec_const(const struct cg_work *w, enum vec_const k)
{
    return x64_rip(&w->a, w->cg->stubs.consts + 16u * (unsigned)k);
}

void vec_invert(struct cg_work *w, int d) { op2m(w, P(0xef), d, d, vec_const(w, K_ONES)); }

void vec_signs(struct cg_work *w, unsigned lane, int d, int a)
{
    if (lane == IR_LANE_B) {
        zeros(w, d);
        op2(w, vec_rows[IR_VCGTS].op[0], d, d, a);
    } else {
        vshift(w, lane == IR_LANE_H ? 1 : 2, SRA, d, a, lane == IR_LANE_H ? 15 : 31);
        if (lane == IR_LANE_D)
            shuf_d(w, d, d, 0xf5);
    }
}

void vec_insert(struct cg_work *w, unsigned lane, int d, int a, int r, unsigned c)
{
    static const unsigned op[4] = {P3A(0x20), P(0xc4), P3A(0x22), P3A(0x22)};
    if (w->a.avx) {
        x64_vex(&w->a, op[lane], lane == IR_LANE_D, false, d, a, x64_r(r));
    } else {
        x64_movaps(&w->a, d, a);
        x64_op(&w->a, op[lane], lane == IR_LANE_D, d, x64_r(r));
    }
    x64_b(&w->a, c);
}

void vec_broadcast(struct cg_work *w, int d, int s, unsigned lane)
{
    static const unsigned avx2[4] = {P38(0x78), P38(0x79), P38(0x58), P38(0x59)};
    if (has(w, OS_CPU_AVX2)) {
        x64_vex(&w->a, avx2[lane], false, false, d, 0, x64_r(s));
    } else if (lane == IR_LANE_B) {
        zeros(w, VSCRATCH2);
        x64_sse(&w->a, P38(0x00), d, s, x64_r(VSCRATCH2), VSCRATCH2);
    } else if (lane == IR_LANE_H) {
        x64_ssei(&w->a, X64_F2 | X64_0F(0x70), d, x64_r(s), 0);
        shuf_d(w, d, d, 0);
    } else {
        shuf_d(w, d, s, lane == IR_LANE_S ? 0 : 0x44);
    }
}
