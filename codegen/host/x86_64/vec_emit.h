/* Private to the vector selectors (sel_vec*.c, sel_shiftv.c, sel_crypto.c): short forms of what they
 * emit all the time, and constants in memory. */
#ifndef MYNA_CODEGEN_VEC_EMIT_H
#define MYNA_CODEGEN_VEC_EMIT_H

#include "codegen/host/x86_64/x86_64.h"

#define P(b) (X64_66 | X64_0F(b))
#define P38(b) (X64_66 | X64_0F38(b))
#define P3A(b) (X64_66 | X64_0F3A(b))
#define MOVQ (X64_F3 | X64_0F(0x7e)) /* movq xmm, xmm: zeroes the high half */

/* Operations that are one host instruction, by lane; 0: none. swap: operands the other way round. */
struct vec_row {
    uint32_t op[4];
    bool swap;
};
extern const struct vec_row vec_rows[IR_OP_COUNT];

static inline unsigned lane_of(const struct ir_ins *p) { return p->aux & 7; }
/* 128-bit forms of the instructions that came with AVX-512 on registers 0-15. */
static inline bool has_512(const struct cg_work *w)
{
    return has(w, OS_CPU_AVX512VL) && has(w, OS_CPU_AVX512BW) && has(w, OS_CPU_AVX512DQ) && has(w, OS_CPU_AVX2);
}

static inline void zero_high(struct cg_work *w, int d) { x64_sse1(&w->a, MOVQ, d, x64_r(d)); }
/* d := a op b. Without AVX, clobbers VSCRATCH2 if d == b != a. */
static inline void op2(struct cg_work *w, unsigned op, int d, int a, int b)
{
    x64_sse(&w->a, op, d, a, x64_r(b), VSCRATCH2);
}
static inline void op2m(struct cg_work *w, unsigned op, int d, int a, struct x64_rm b)
{
    x64_sse(&w->a, op, d, a, b, VSCRATCH2);
}
static inline void zeros(struct cg_work *w, int d) { op2(w, P(0xef), d, d, d); }
static inline void ones(struct cg_work *w, int d) { op2(w, P(0x76), d, d, d); }

static inline void half_of(struct cg_work *w, uint32_t i, int d)
{
    if (ins_of(w, i)->aux & IR_HALF)
        zero_high(w, d);
}

/* Shift by an immediate: ext 2 right, 4 arithmetic, 6 left, 3 and 7 by bytes (lane D's group). */
enum { SRL = 2, SRLB = 3, SRA = 4, SLL = 6, SLLB = 7 };
static inline void vshift(struct cg_work *w, unsigned lane, int ext, int d, int a, unsigned n)
{
    static const unsigned group[4] = {P(0x71), P(0x71), P(0x72), P(0x73)};
    x64_vshifti(&w->a, group[lane], ext, d, a, n);
}

/* pshufd */
static inline void shuf_d(struct cg_work *w, int d, int a, unsigned imm) { x64_ssei(&w->a, P(0x70), d, x64_r(a), imm); }

/* d := mask's sign bits ? b : a, per byte, dword or qword; op of the blendv family without its width:
 * 0 bytes, 1 dwords, 2 qwords. AVX only. */
static inline void blendv(struct cg_work *w, unsigned kind, int d, int a, int b, int mask)
{
    static const unsigned op[3] = {P3A(0x4c), P3A(0x4a), P3A(0x4b)};
    x64_vex(&w->a, op[kind], false, false, d, a, x64_r(b));
    x64_b(&w->a, (unsigned)mask << 4);
}

/* vec_emit.c */
void vec_insert(struct cg_work *w, unsigned lane, int d, int a, int r, unsigned c); /* integer r into lane c */
void vec_broadcast(struct cg_work *w, int d, int s, unsigned lane); /* lane 0 of s; clobbers VSCRATCH2 */
void vec_invert(struct cg_work *w, int d);
void vec_signs(struct cg_work *w, unsigned lane, int d, int a); /* each lane's sign in all its bits; bytes: d is not a */

/* 16-byte constants, in memory that all units reach (stubs.c places them). */
enum vec_const {
    K_ONES,
    K_SIGN_B, K_SIGN_H, K_SIGN_S, K_SIGN_D, /* the top bit of each lane */
    K_ABS_S, K_ABS_D,                       /* all but it */
    K_TINY_S, K_TINY_D,                     /* the smallest normal numbers */
    K_SIGN_F32, K_SIGN_F64, K_ABS_F32, K_ABS_F64, /* the same in lane 0, zeros above */
    K_SHL_B,                                /* 8: bytes 0xff << n */
    K_SHR_B = K_SHL_B + 8,                  /* 8: bytes 0xff >> n */
    K_SAR_B = K_SHR_B + 8,                  /* 8: bytes 0x80 >> n */
    K_ONE_B = K_SAR_B + 8, K_ONE_H,         /* 1 in each lane */
    K_LOW_H, K_LOW_S, K_HIGH_H,             /* half of each lane: 0x00ff, 0x0000ffff, 0xff00 */
    K_NIBBLE,                               /* bytes 0x0f */
    K_TBL,                                  /* bytes 0x70 */
    K_REV_B2, K_REV_B4, K_REV_B8, K_REV_H4, K_REV_H8, K_REV_S8,
    K_CNT, K_CLZ_LOW, K_CLZ_HIGH, K_RBIT_LOW, K_RBIT_HIGH, /* tables by nibble */
    K_BYTES_S, K_BYTES_D,                   /* pshufb: byte 0 of each lane, in the lowest bytes */
    K_QROUND,                               /* 2^30 in each qword */
    K_SHA1_0, K_SHA1_1, K_SHA1_2,           /* minus the SHA-1 round constants */
    K_CRC32,                                /* inverse of the generator, and the generator */
    K_MAX_AWAY_S, K_MAX_AWAY_D,             /* below 2^23 (2^52), as integers of 32 bits */
    K_MAX_INT, K_MAX_INT_D, K_MAX_LONG_S, K_MAX_LONG, /* below 2^31, 2^63, of floats and doubles, likewise */
    K_COUNT
};
struct x64_rm vec_const(const struct cg_work *w, enum vec_const k); /* not with an immediate after it */
#endif
