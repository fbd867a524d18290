/* x86-64 machine code: encodes one instruction at a time into a buffer. Knows no IR and no guest.
 *
 * An opcode is a number: byte | map << 8 (0F = 1, 0F38 = 2, 0F3A = 3) | mandatory prefix << 16. The same
 * number serves the legacy and the VEX form (Intel SDM vol. 2, chapters 2.1-2.3).
 * The buffer is checked once per IR instruction (x64_room), not per byte.
 */
#ifndef MYNA_CODEGEN_X86_64_ASM_H
#define MYNA_CODEGEN_X86_64_ASM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

struct x64_asm {
    uint8_t *p;     /* next byte (writable view) */
    uint8_t *start; /* first byte of this piece of code */
    uint8_t *end;
    uint64_t rx;    /* address of `start` where it will run */
    bool avx;       /* VEX forms may be used */
};

/* A register-or-memory operand: reg >= 0, or [base + index * 2^scale + disp]; index -1: none. */
struct x64_rm {
    int8_t reg, base, index, scale;
    int32_t disp;
};
static inline struct x64_rm x64_r(int r) { return (struct x64_rm){.reg = (int8_t)r}; }
static inline struct x64_rm x64_m(int base, int32_t disp)
{
    return (struct x64_rm){.reg = -1, .base = (int8_t)base, .index = -1, .disp = disp};
}
static inline struct x64_rm x64_mx(int base, int index, int scale, int32_t disp)
{
    return (struct x64_rm){-1, (int8_t)base, (int8_t)index, (int8_t)scale, disp};
}

/* A place near the code: `at` is its address in the rx view. No immediate may follow. */
#define X64_RIP (-2)
static inline struct x64_rm x64_rip(const struct x64_asm *a, uint64_t at)
{
    return (struct x64_rm){.reg = -1, .base = X64_RIP, .index = -1, .disp = (int32_t)(at - a->rx)};
}

#define X64_0F(b) (0x100 | (b))
#define X64_0F38(b) (0x200 | (b))
#define X64_0F3A(b) (0x300 | (b))
#define X64_66 0x660000
#define X64_F2 0xf20000
#define X64_F3 0xf30000

/* Two-operand arithmetic: the /n of group 1 and the base opcode n * 8. */
enum x64_alu { X64_ADD, X64_OR, X64_ADC, X64_SBB, X64_AND, X64_SUB, X64_XOR, X64_CMP };
enum x64_shift { X64_ROL, X64_ROR, X64_RCL, X64_RCR, X64_SHL, X64_SHR, X64_SAR = 7 };
enum x64_cond {
    X64_O, X64_NO, X64_B, X64_AE, X64_E, X64_NE, X64_BE, X64_A,
    X64_S, X64_NS, X64_P, X64_NP, X64_L, X64_GE, X64_LE, X64_G,
};

static inline void x64_b(struct x64_asm *a, unsigned b) { *a->p++ = (uint8_t)b; }
static inline void x64_d(struct x64_asm *a, uint32_t v)
{
    memcpy(a->p, &v, 4);
    a->p += 4;
}
static inline void x64_q(struct x64_asm *a, uint64_t v)
{
    memcpy(a->p, &v, 8);
    a->p += 8;
}
static inline uint32_t x64_off(const struct x64_asm *a) { return (uint32_t)(a->p - a->start); }

/* Any legacy-encoded instruction: opcode, register field, r/m. w: 64-bit operand (REX.W).
 * imm_size: bytes of immediate that follow (emitted by the caller). */
void x64_op(struct x64_asm *a, unsigned op, bool w, int reg, struct x64_rm rm);
/* The same when reg or rm name byte registers (forces REX for spl, bpl, sil, dil). */
void x64_op8(struct x64_asm *a, unsigned op, int reg, struct x64_rm rm);
/* VEX form: reg, vvvv (0 if unused), r/m; l: 256 bits. */
void x64_vex(struct x64_asm *a, unsigned op, bool w, bool l, int reg, int vvvv, struct x64_rm rm);
/* EVEX form of 128 bits, registers 0-15, no mask; r/m is a register or rip-relative. */
void x64_evex(struct x64_asm *a, unsigned op, bool w, int reg, int vvvv, struct x64_rm rm);

/* --- integer --- */
void x64_mov(struct x64_asm *a, bool w, int dst, int src);
void x64_movi(struct x64_asm *a, int dst, uint64_t v);      /* shortest form that keeps the flags */
void x64_load(struct x64_asm *a, bool w, int dst, struct x64_rm m);
void x64_store(struct x64_asm *a, bool w, int src, struct x64_rm m);
void x64_storei(struct x64_asm *a, bool w, int32_t v, struct x64_rm m);
void x64_lea(struct x64_asm *a, bool w, int dst, struct x64_rm m);
void x64_alu(struct x64_asm *a, enum x64_alu op, bool w, int dst, struct x64_rm src);
void x64_alui(struct x64_asm *a, enum x64_alu op, bool w, struct x64_rm dst, int32_t v);
void x64_test(struct x64_asm *a, bool w, int r, int s);
void x64_testi(struct x64_asm *a, bool w, struct x64_rm r, int32_t v);
void x64_shifti(struct x64_asm *a, enum x64_shift op, bool w, int r, unsigned n);
void x64_setcc(struct x64_asm *a, enum x64_cond c, int r);  /* low byte only */
void x64_cmov(struct x64_asm *a, enum x64_cond c, bool w, int dst, struct x64_rm src);

/* --- control: each returns the place of the 32-bit displacement for x64_patch --- */
uint8_t *x64_jcc(struct x64_asm *a, enum x64_cond c);
uint8_t *x64_jmp(struct x64_asm *a);
uint8_t *x64_call(struct x64_asm *a);
void x64_jcc_to(struct x64_asm *a, enum x64_cond c, const uint8_t *target);
void x64_jmp_to(struct x64_asm *a, const uint8_t *target);
uint8_t *x64_jcc8(struct x64_asm *a, enum x64_cond c); /* short: patch with x64_patch8 */
uint8_t *x64_jmp8(struct x64_asm *a);
static inline void x64_patch(uint8_t *disp, const uint8_t *target)
{
    int32_t d = (int32_t)(target - (disp + 4));
    memcpy(disp, &d, 4);
}
void x64_patch8(uint8_t *disp, const uint8_t *target); /* asserts that it reaches */
/* Pads with nops so that the 4 bytes at (p + skip) do not cross a cache line (they get patched). */
void x64_align_disp(struct x64_asm *a, unsigned skip);
void x64_nops(struct x64_asm *a, unsigned n);

/* --- SSE/AVX: three-operand; without AVX a move comes first. dst may equal either source. --- */
void x64_sse(struct x64_asm *a, unsigned op, int dst, int src1, struct x64_rm src2, int scratch);
void x64_sse1(struct x64_asm *a, unsigned op, int dst, struct x64_rm src);           /* two-operand forms */
void x64_sse1w(struct x64_asm *a, unsigned op, bool w, int dst, struct x64_rm src);
void x64_ssei(struct x64_asm *a, unsigned op, int dst, struct x64_rm src, unsigned imm); /* pshufd-like */
void x64_sse_i(struct x64_asm *a, unsigned op, int dst, int src1, struct x64_rm src2, unsigned imm,
               int scratch);
void x64_vshifti(struct x64_asm *a, unsigned op, int ext, int dst, int src, unsigned imm); /* psllw-like group */
void x64_movaps(struct x64_asm *a, int dst, int src);
void x64_loadv(struct x64_asm *a, int dst, struct x64_rm m);  /* movups */
void x64_storev(struct x64_asm *a, int src, struct x64_rm m);
#endif
