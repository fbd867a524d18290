/* The encoder of asm.h. Owns the byte-level rules of x86-64 and nothing else. */
#include "codegen/host/x86_64/asm.h"

#include <assert.h>

static void modrm(struct x64_asm *a, int reg, struct x64_rm rm)
{
    unsigned r = (unsigned)(reg & 7) << 3;
    if (rm.reg >= 0) {
        x64_b(a, 0xc0 | r | (unsigned)(rm.reg & 7));
        return;
    }
    if (rm.base == X64_RIP) {
        x64_b(a, r | 5);
        x64_d(a, (uint32_t)rm.disp - (x64_off(a) + 4));
        return;
    }
    unsigned base = (unsigned)rm.base & 7;
    /* rbp and r13 as a base always carry a displacement. */
    unsigned mod = rm.disp == 0 && base != 5 ? 0 : rm.disp == (int8_t)rm.disp ? 0x40 : 0x80;
    if (rm.index >= 0 || base == 4) {
        unsigned index = rm.index >= 0 ? (unsigned)rm.index & 7 : 4;
        x64_b(a, mod | r | 4);
        x64_b(a, (unsigned)rm.scale << 6 | index << 3 | base);
    } else {
        x64_b(a, mod | r | base);
    }
    if (mod == 0x40)
        x64_b(a, (uint8_t)rm.disp);
    else if (mod == 0x80)
        x64_d(a, (uint32_t)rm.disp);
}

/* The upper bit of r/m's register or base. */
static bool upper_b(struct x64_rm rm)
{
    return rm.reg >= 0 ? rm.reg & 8 : rm.base >= 0 && rm.base & 8;
}

static void legacy(struct x64_asm *a, unsigned op, bool w, bool force_rex, int reg, struct x64_rm rm)
{
    unsigned prefix = op >> 16, map = op >> 8 & 0xff;
    unsigned rex = w ? 8 : 0;
    rex |= reg & 8 ? 4 : 0;
    rex |= (upper_b(rm) ? 1 : 0) | (rm.reg < 0 && rm.index >= 8 ? 2 : 0);
    if (prefix)
        x64_b(a, prefix);
    if (rex || force_rex)
        x64_b(a, 0x40 | rex);
    if (map) {
        x64_b(a, 0x0f);
        if (map > 1)
            x64_b(a, map == 2 ? 0x38 : 0x3a);
    }
    x64_b(a, op & 0xff);
    modrm(a, reg, rm);
}

void x64_op(struct x64_asm *a, unsigned op, bool w, int reg, struct x64_rm rm)
{
    legacy(a, op, w, false, reg, rm);
}

void x64_op8(struct x64_asm *a, unsigned op, int reg, struct x64_rm rm)
{
    legacy(a, op, false, reg >= 4 || rm.reg >= 4, reg, rm);
}

void x64_vex(struct x64_asm *a, unsigned op, bool w, bool l, int reg, int vvvv, struct x64_rm rm)
{
    unsigned prefix = op >> 16, map = op >> 8 & 0xff;
    unsigned pp = prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix == 0xf2 ? 3 : 0;
    bool x = rm.reg < 0 && rm.index >= 8;
    bool b = upper_b(rm);
    unsigned tail = (~(unsigned)vvvv & 15) << 3 | (l ? 4 : 0) | pp;
    if (map == 1 && !w && !x && !b) {
        x64_b(a, 0xc5);
        x64_b(a, (reg & 8 ? 0 : 0x80) | tail);
    } else {
        x64_b(a, 0xc4);
        x64_b(a, (reg & 8 ? 0 : 0x80) | (x ? 0 : 0x40) | (b ? 0 : 0x20) | map);
        x64_b(a, (w ? 0x80 : 0) | tail);
    }
    x64_b(a, op & 0xff);
    modrm(a, reg, rm);
}

void x64_evex(struct x64_asm *a, unsigned op, bool w, int reg, int vvvv, struct x64_rm rm)
{
    unsigned prefix = op >> 16, map = op >> 8 & 0xff;
    unsigned pp = prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix == 0xf2 ? 3 : 0;
    assert(rm.reg >= 0 || rm.base == X64_RIP); /* other displacements would be scaled */
    x64_b(a, 0x62);
    x64_b(a, (reg & 8 ? 0 : 0x80) | 0x40 | (upper_b(rm) ? 0 : 0x20) | 0x10 | map);
    x64_b(a, (w ? 0x80 : 0) | (~(unsigned)vvvv & 15) << 3 | 4 | pp);
    x64_b(a, 0x08);
    x64_b(a, op & 0xff);
    modrm(a, reg, rm);
}

void x64_mov(struct x64_asm *a, bool w, int dst, int src) { x64_op(a, 0x8b, w, dst, x64_r(src)); }

void x64_movi(struct x64_asm *a, int dst, uint64_t v)
{
    if (v == (uint32_t)v) {
        if (dst & 8)
            x64_b(a, 0x41);
        x64_b(a, 0xb8 | (unsigned)(dst & 7));
        x64_d(a, (uint32_t)v);
    } else if (v == (uint64_t)(int64_t)(int32_t)v) {
        x64_op(a, 0xc7, true, 0, x64_r(dst));
        x64_d(a, (uint32_t)v);
    } else {
        x64_b(a, dst & 8 ? 0x49 : 0x48);
        x64_b(a, 0xb8 | (unsigned)(dst & 7));
        x64_q(a, v);
    }
}

void x64_load(struct x64_asm *a, bool w, int dst, struct x64_rm m) { x64_op(a, 0x8b, w, dst, m); }
void x64_store(struct x64_asm *a, bool w, int src, struct x64_rm m) { x64_op(a, 0x89, w, src, m); }

void x64_storei(struct x64_asm *a, bool w, int32_t v, struct x64_rm m)
{
    x64_op(a, 0xc7, w, 0, m);
    x64_d(a, (uint32_t)v);
}

void x64_lea(struct x64_asm *a, bool w, int dst, struct x64_rm m) { x64_op(a, 0x8d, w, dst, m); }

void x64_alu(struct x64_asm *a, enum x64_alu op, bool w, int dst, struct x64_rm src)
{
    x64_op(a, (unsigned)op << 3 | 3, w, dst, src);
}

void x64_alui(struct x64_asm *a, enum x64_alu op, bool w, struct x64_rm dst, int32_t v)
{
    if (v == (int8_t)v) {
        x64_op(a, 0x83, w, op, dst);
        x64_b(a, (uint8_t)v);
    } else {
        x64_op(a, 0x81, w, op, dst);
        x64_d(a, (uint32_t)v);
    }
}

void x64_test(struct x64_asm *a, bool w, int r, int s) { x64_op(a, 0x85, w, s, x64_r(r)); }

void x64_testi(struct x64_asm *a, bool w, struct x64_rm r, int32_t v)
{
    if (r.reg >= 0 && v >= 0 && v < 128) { /* the low byte decides (bit 7 would change the sign) */
        x64_op8(a, 0xf6, 0, r);
        x64_b(a, (uint8_t)v);
        return;
    }
    x64_op(a, 0xf7, w, 0, r);
    x64_d(a, (uint32_t)v);
}

void x64_shifti(struct x64_asm *a, enum x64_shift op, bool w, int r, unsigned n)
{
    if (n == 1) {
        x64_op(a, 0xd1, w, op, x64_r(r));
        return;
    }
    x64_op(a, 0xc1, w, op, x64_r(r));
    x64_b(a, n);
}

void x64_setcc(struct x64_asm *a, enum x64_cond c, int r)
{
    x64_op8(a, X64_0F(0x90u | c), 0, x64_r(r));
}

void x64_cmov(struct x64_asm *a, enum x64_cond c, bool w, int dst, struct x64_rm src)
{
    x64_op(a, X64_0F(0x40u | c), w, dst, src);
}

uint8_t *x64_jcc(struct x64_asm *a, enum x64_cond c)
{
    x64_b(a, 0x0f);
    x64_b(a, 0x80u | c);
    x64_d(a, 0);
    return a->p - 4;
}

uint8_t *x64_jmp(struct x64_asm *a)
{
    x64_b(a, 0xe9);
    x64_d(a, 0);
    return a->p - 4;
}

uint8_t *x64_call(struct x64_asm *a)
{
    x64_b(a, 0xe8);
    x64_d(a, 0);
    return a->p - 4;
}

void x64_jcc_to(struct x64_asm *a, enum x64_cond c, const uint8_t *target)
{
    int64_t d = target - (a->p + 2);
    if (d == (int8_t)d) {
        x64_b(a, 0x70u | c);
        x64_b(a, (uint8_t)d);
    } else {
        x64_patch(x64_jcc(a, c), target);
    }
}

void x64_jmp_to(struct x64_asm *a, const uint8_t *target)
{
    int64_t d = target - (a->p + 2);
    if (d == (int8_t)d) {
        x64_b(a, 0xeb);
        x64_b(a, (uint8_t)d);
    } else {
        x64_patch(x64_jmp(a), target);
    }
}

uint8_t *x64_jcc8(struct x64_asm *a, enum x64_cond c)
{
    x64_b(a, 0x70u | c);
    x64_b(a, 0);
    return a->p - 1;
}

uint8_t *x64_jmp8(struct x64_asm *a)
{
    x64_b(a, 0xeb);
    x64_b(a, 0);
    return a->p - 1;
}

void x64_patch8(uint8_t *disp, const uint8_t *target)
{
    int64_t d = target - (disp + 1);
    assert(d == (int8_t)d);
    *disp = (uint8_t)d;
}

void x64_nops(struct x64_asm *a, unsigned n)
{
    static const uint8_t nop[8][8] = {
        {0x90},
        {0x66, 0x90},
        {0x0f, 0x1f, 0x00},
        {0x0f, 0x1f, 0x40, 0x00},
        {0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
        {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
    };
    while (n) {
        unsigned k = n > 8 ? 8 : n;
        memcpy(a->p, nop[k - 1], k);
        a->p += k;
        n -= k;
    }
}

void x64_align_disp(struct x64_asm *a, unsigned skip)
{
    unsigned at = (unsigned)(a->rx + x64_off(a) + skip) & 63;
    if (at > 60)
        x64_nops(a, 64 - at);
}

/* ---- SSE/AVX ---- */

void x64_movaps(struct x64_asm *a, int dst, int src)
{
    if (dst == src)
        return;
    if (a->avx)
        x64_vex(a, X64_0F(0x28), false, false, dst, 0, x64_r(src));
    else
        x64_op(a, X64_0F(0x28), false, dst, x64_r(src));
}

void x64_sse(struct x64_asm *a, unsigned op, int dst, int src1, struct x64_rm src2, int scratch)
{
    if (a->avx) {
        x64_vex(a, op, false, false, dst, src1, src2);
        return;
    }
    if (dst != src1) {
        if (src2.reg == dst && src2.reg >= 0) {
            x64_movaps(a, scratch, dst);
            src2 = x64_r(scratch);
        }
        x64_movaps(a, dst, src1);
    }
    x64_op(a, op, false, dst, src2);
}

void x64_sse1w(struct x64_asm *a, unsigned op, bool w, int dst, struct x64_rm src)
{
    if (a->avx)
        x64_vex(a, op, w, false, dst, 0, src);
    else
        x64_op(a, op, w, dst, src);
}

void x64_sse1(struct x64_asm *a, unsigned op, int dst, struct x64_rm src)
{
    x64_sse1w(a, op, false, dst, src);
}

void x64_ssei(struct x64_asm *a, unsigned op, int dst, struct x64_rm src, unsigned imm)
{
    x64_sse1(a, op, dst, src);
    x64_b(a, imm);
}

void x64_sse_i(struct x64_asm *a, unsigned op, int dst, int src1, struct x64_rm src2, unsigned imm,
               int scratch)
{
    x64_sse(a, op, dst, src1, src2, scratch);
    x64_b(a, imm);
}

void x64_vshifti(struct x64_asm *a, unsigned op, int ext, int dst, int src, unsigned imm)
{
    if (a->avx) {
        x64_vex(a, op, false, false, ext, dst, x64_r(src));
    } else {
        x64_movaps(a, dst, src);
        x64_op(a, op, false, ext, x64_r(dst));
    }
    x64_b(a, imm);
}

void x64_loadv(struct x64_asm *a, int dst, struct x64_rm m) { x64_sse1(a, X64_0F(0x10), dst, m); }
void x64_storev(struct x64_asm *a, int src, struct x64_rm m) { x64_sse1(a, X64_0F(0x11), src, m); }
