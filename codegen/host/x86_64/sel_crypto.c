/* Selection of cryptography and of carry-less products: AES-NI, SHA-NI, PCLMULQDQ. */
#include "codegen/host/x86_64/vec_emit.h"

enum { AND = P(0xdb), OR = P(0xeb), XOR = P(0xef) };
/* The SHA instructions have no VEX form: the destination is the first operand. */
enum {
    SHA256RNDS2 = X64_0F38(0xcb), SHA256MSG1 = X64_0F38(0xcc), SHA256MSG2 = X64_0F38(0xcd),
    SHA1RNDS4 = X64_0F3A(0xcc), SHUFPS = X64_0F(0xc6)
};
static void sha(struct cg_work *w, unsigned op, int d, int s) { x64_op(&w->a, op, false, d, x64_r(s)); }

static bool sel_aes(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!has(w, OS_CPU_AES))
        return false;
    if (p->op == IR_VAESE || p->op == IR_VAESD) {
        int a = ra_use(w, p->a), b = ra_use(w, p->b);
        zeros(w, VSCRATCH);
        int d = ra_def_fresh(w, i);
        op2(w, XOR, d, a, b);
        op2(w, P38(p->op == IR_VAESE ? 0xdd : 0xdf), d, d, VSCRATCH); /* aes(enc|dec)last */
        return true;
    }
    bool enc = p->op == IR_VAESMC;
    if (w->v[p->a].flags & V_FOLDED) { /* a whole round */
        const struct ir_ins *e = ins_of(w, p->a);
        int a = ra_use(w, e->a), b = ra_use(w, e->b);
        zeros(w, VSCRATCH);
        int d = ra_def_fresh(w, i);
        op2(w, XOR, d, a, b);
        op2(w, P38(enc ? 0xdc : 0xde), d, d, VSCRATCH);
        return true;
    }
    int a = ra_use(w, p->a);
    if (enc) {
        zeros(w, VSCRATCH);
        int d = ra_def_fresh(w, i);
        op2(w, P38(0xdf), d, a, VSCRATCH); /* undoes the substitution that the round will do */
        op2(w, P38(0xdc), d, d, VSCRATCH);
    } else {
        int d = ra_def(w, i, a);
        x64_sse1(&w->a, P38(0xdb), d, x64_r(a)); /* aesimc */
    }
    return true;
}

/* ---- carry-less products ---- */

/* d := products of x's and y's lanes (bytes: low halves; words), digit by digit from y's top bit: the
 * eight of y's digits stand at the top of its lanes. Clobbers y and both scratch registers. */
static void clmul_lanes(struct cg_work *w, unsigned lane, int d, int x, int y)
{
    unsigned add = vec_rows[IR_VADD].op[lane], greater = vec_rows[IR_VCGTS].op[lane];
    for (int k = 0; k < 8; k++) {
        int m = k ? VSCRATCH : d;
        zeros(w, m);
        op2(w, greater, m, m, y);
        op2(w, AND, m, m, x);
        if (k) {
            op2(w, add, d, d, d);
            op2(w, XOR, d, d, m);
        }
        if (k < 7)
            op2(w, add, y, y, y);
    }
}

static bool sel_pmul(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b), y = ra_temp(w, true), d = ra_def_fresh(w, i);
    x64_movaps(&w->a, y, b);
    clmul_lanes(w, IR_LANE_B, d, a, y);
    half_of(w, i, d);
    return true;
}

static bool sel_pmull(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool bytes = lane_of(p) == IR_LANE_B, high = p->aux & IR_HIGH;
    if (!bytes && !has(w, OS_CPU_PCLMUL))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    if (!bytes) {
        int d = ra_def_fresh(w, i);
        x64_sse_i(&w->a, P3A(0x44), d, a, x64_r(b), high ? 0x11 : 0, VSCRATCH);
        return true;
    }
    int x = ra_temp(w, true), y = ra_temp(w, true), d = ra_def_fresh(w, i);
    zeros(w, VSCRATCH);
    op2(w, vec_rows[high ? IR_VZIP2 : IR_VZIP1].op[0], x, a, VSCRATCH); /* bytes as words */
    op2(w, vec_rows[high ? IR_VZIP2 : IR_VZIP1].op[0], y, VSCRATCH, b); /* in the upper halves */
    clmul_lanes(w, IR_LANE_H, d, x, y);
    return true;
}

/* CRC-32 of n bits D: with the generator P as a power series (lowest bit first), q = D / P to n digits,
 * and the remainder is what q * P has above them. The digits stand at the top of 64 bits. */
static bool sel_crc32(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    unsigned bits = 8 * p->aux;
    if (!has(w, OS_CPU_PCLMUL))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), d = ra_def_fresh(w, i);
    x64_mov(m, false, SCRATCH, a);
    x64_alu(m, X64_XOR, true, SCRATCH, x64_r(b));
    if (bits < 64)
        x64_shifti(m, X64_SHL, true, SCRATCH, 64 - bits);
    x64_sse1w(m, P(0x6e), true, VSCRATCH, x64_r(SCRATCH));
    x64_loadv(m, VSCRATCH2, vec_const(w, K_CRC32));
    x64_sse_i(m, P3A(0x44), VSCRATCH, VSCRATCH, x64_r(VSCRATCH2), 0x00, VSCRATCH2);
    x64_sse_i(m, P3A(0x44), VSCRATCH, VSCRATCH, x64_r(VSCRATCH2), 0x10, VSCRATCH2);
    x64_sse1(m, P3A(0x16), VSCRATCH, x64_r(d)); /* pextrd */
    x64_b(m, 2);
    if (bits < 32) {
        x64_mov(m, false, SCRATCH, a);
        x64_shifti(m, X64_SHR, false, SCRATCH, bits);
        x64_alu(m, X64_XOR, false, d, x64_r(SCRATCH));
    }
    w->v[i].flags |= V_ZX32;
    flags_clobber(w);
    return true;
}

/* ---- SHA-256 ----
 *
 * The host keeps the state as {f, e, b, a} and {h, g, d, c} from lane 0 and does two rounds at a time;
 * SHA256H and SHA256H2 each do four and give one half of the new state. A pair of them on the same
 * values (scan.c finds it) costs two of the host's. */

/* The other instruction of a pair, if it is folded into this one. */
static uint32_t partner(const struct cg_work *w, uint32_t i)
{
    uint32_t k = cg_scan_sha256_pair(w, i);
    return k != NONE && w->v[k].flags & V_FOLDED ? k : NONE;
}

static bool sel_sha256(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    bool first = p->op == IR_VSHA2H;
    if (!has(w, OS_CPU_SHA))
        return false;
    uint32_t other = partner(w, i);
    int abcd = ra_use(w, first ? p->a : p->b), efgh = ra_use(w, first ? p->b : p->a), k = ra_use(w, p->c);
    int t = ra_temp(w, true); /* xmm0, which the rounds read, is somebody's */
    x64_sse_i(m, SHUFPS, VSCRATCH, efgh, x64_r(abcd), 0xbb, VSCRATCH);
    x64_sse_i(m, SHUFPS, VSCRATCH2, efgh, x64_r(abcd), 0x11, VSCRATCH2);
    if (t != 0)
        x64_movaps(m, t, 0);
    x64_movaps(m, 0, k);
    sha(w, SHA256RNDS2, VSCRATCH, VSCRATCH2);
    shuf_d(w, 0, 0, 0xee);
    sha(w, SHA256RNDS2, VSCRATCH2, VSCRATCH);
    if (t != 0)
        x64_movaps(m, 0, t);
    int d = ra_def(w, i, -1), e = other != NONE ? ra_def(w, other, -1) : -1;
    x64_sse_i(m, SHUFPS, d, VSCRATCH2, x64_r(VSCRATCH), first ? 0xbb : 0x11, VSCRATCH2);
    if (e >= 0)
        x64_sse_i(m, SHUFPS, e, VSCRATCH2, x64_r(VSCRATCH), first ? 0x11 : 0xbb, VSCRATCH2);
    return true;
}

static bool sel_sha256_schedule(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!has(w, OS_CPU_SHA))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    if (p->op == IR_VSHA2S0) {
        x64_movaps(&w->a, VSCRATCH, a);
        sha(w, SHA256MSG1, VSCRATCH, b);
    } else {
        int c = ra_use(w, p->c);
        x64_sse_i(&w->a, P3A(0x0f), VSCRATCH, c, x64_r(b), 4, VSCRATCH2); /* palignr */
        op2(w, vec_rows[IR_VADD].op[2], VSCRATCH, VSCRATCH, a);
        sha(w, SHA256MSG2, VSCRATCH, c);
    }
    x64_movaps(&w->a, ra_def(w, i, -1), VSCRATCH);
    return true;
}

/* ---- SHA-1: the host's words go from lane 3 down, and it adds the round constant itself ---- */

static bool sel_sha1(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *m = &w->a;
    unsigned kind = p->aux >> 4;
    if (!has(w, OS_CPU_SHA))
        return false;
    int a = ra_use(w, p->a), b = ra_use(w, p->b), c = ra_use(w, p->c);
    x64_sse_i(m, P3A(0x21), VSCRATCH, b, x64_r(b), 0x0e, VSCRATCH2); /* insertps: e alone */
    op2(w, vec_rows[IR_VADD].op[2], VSCRATCH, VSCRATCH, c);
    op2m(w, vec_rows[IR_VADD].op[2], VSCRATCH, VSCRATCH, vec_const(w, (enum vec_const)(K_SHA1_0 + kind)));
    shuf_d(w, VSCRATCH, VSCRATCH, 0x1b);
    int d = ra_def(w, i, a);
    shuf_d(w, d, a, 0x1b);
    sha(w, SHA1RNDS4, d, VSCRATCH);
    x64_b(m, kind);
    shuf_d(w, d, d, 0x1b);
    return true;
}

/* d := a rotated left by n in each dword; d is not a. Clobbers VSCRATCH2. */
static void rotate(struct cg_work *w, int d, int a, unsigned n)
{
    vshift(w, 2, SLL, d, a, n);
    vshift(w, 2, SRL, VSCRATCH2, a, 32 - n);
    op2(w, OR, d, d, VSCRATCH2);
}

static bool sel_sha1h(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a);
    rotate(w, VSCRATCH, a, 30);
    int d = ra_def(w, i, -1);
    x64_sse_i(&w->a, P3A(0x21), d, VSCRATCH, x64_r(VSCRATCH), 0x0e, VSCRATCH2);
    return true;
}

static bool sel_sha1_schedule(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    if (p->op == IR_VSHA1S0) {
        int c = ra_use(w, p->c);
        x64_sse_i(&w->a, P(0xc6), VSCRATCH, a, x64_r(b), 1, VSCRATCH2); /* shufpd: a's high, b's low */
        op2(w, XOR, VSCRATCH, VSCRATCH, a);
        int d = ra_def(w, i, c);
        op2(w, XOR, d, VSCRATCH, c);
        return true;
    }
    int d = ra_def_fresh(w, i);
    vshift(w, 3, SRLB, VSCRATCH, b, 4);
    op2(w, XOR, VSCRATCH, VSCRATCH, a);
    rotate(w, d, VSCRATCH, 1);
    vshift(w, 3, SLLB, VSCRATCH, d, 12); /* the first word counts in the last one too */
    vshift(w, 2, SRL, VSCRATCH2, VSCRATCH, 31);
    op2(w, vec_rows[IR_VADD].op[2], VSCRATCH, VSCRATCH, VSCRATCH);
    op2(w, XOR, d, d, VSCRATCH);
    op2(w, XOR, d, d, VSCRATCH2);
    return true;
}

bool sel_crypto(struct cg_work *w, uint32_t i)
{
    switch (ins_of(w, i)->op) {
    case IR_VAESE: case IR_VAESD: case IR_VAESMC: case IR_VAESIMC: return sel_aes(w, i);
    case IR_VPMULL: return sel_pmull(w, i);
    case IR_VPMUL8: return sel_pmul(w, i);
    case IR_CRC32: return sel_crc32(w, i);
    case IR_VSHA2H: case IR_VSHA2H2: return sel_sha256(w, i);
    case IR_VSHA2S0: case IR_VSHA2S1: return sel_sha256_schedule(w, i);
    case IR_VSHA1: return sel_sha1(w, i);
    case IR_VSHA1H: return sel_sha1h(w, i);
    case IR_VSHA1S0: case IR_VSHA1S1: return sel_sha1_schedule(w, i);
    default: return false;
    }
}
