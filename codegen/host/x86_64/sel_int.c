/* Selection of integer operations: IR on values to x86-64 on registers. Flags of direct cc tokens are
 * left as they are, or set, as cc.c wants it. */
#include "codegen/host/x86_64/x86_64.h"

static bool wide(const struct ir_ins *p) { return p->type == IR_I64; }

static void made(struct cg_work *w, uint32_t i)
{
    if (ins_of(w, i)->type == IR_I32)
        w->v[i].flags |= V_ZX32;
}

static bool flags_wanted(const struct cg_work *w)
{
    return w->flags_tok != NONE && w->v[w->flags_tok].flags & V_DIRECT && w->v[w->flags_tok].last > w->cur;
}

static void done_flags(struct cg_work *w, uint32_t i, uint8_t kind)
{
    uint32_t tok;
    if (cc_pairs(w, i, &tok))
        cc_set(w, tok, kind);
    else
        flags_clobber(w);
}

static void sel_add(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool wd = wide(p);
    int32_t imm;
    uint32_t tok;
    bool paired = cc_pairs(w, i, &tok), lea = flags_wanted(w);
    int ra = ra_use(w, p->a);
    if (ra_imm32(w, p->b, wd, &imm)) {
        int d = ra_def(w, i, ra);
        if (lea || (d != ra && !paired)) {
            x64_lea(a, wd, d, x64_m(ra, imm));
        } else {
            if (d != ra)
                x64_mov(a, wd, d, ra);
            x64_alui(a, X64_ADD, wd, x64_r(d), imm);
            done_flags(w, i, FK_ADD);
        }
    } else {
        struct x64_rm b = ra_use_rm(w, p->b);
        if (lea && b.reg < 0)
            b = x64_r(ra_use(w, p->b));
        int d = ra_def(w, i, ra);
        if (b.reg >= 0 && (lea || (d != ra && d != b.reg && !paired))) {
            x64_lea(a, wd, d, x64_mx(ra, b.reg, 0, 0));
        } else if (d == b.reg) {
            x64_alu(a, X64_ADD, wd, d, x64_r(ra));
            done_flags(w, i, FK_ADD);
        } else {
            if (d != ra)
                x64_mov(a, wd, d, ra);
            x64_alu(a, X64_ADD, wd, d, b);
            done_flags(w, i, FK_ADD);
        }
    }
    made(w, i);
}

static void sel_sub(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool wd = wide(p);
    int32_t imm;
    uint32_t tok;
    bool paired = cc_pairs(w, i, &tok), lea = flags_wanted(w);
    int ra = ra_use(w, p->a);
    if (ra_imm32(w, p->b, wd, &imm) && imm != INT32_MIN) {
        int d = ra_def(w, i, ra);
        if (lea || (d != ra && !paired)) {
            x64_lea(a, wd, d, x64_m(ra, -imm));
        } else {
            if (d != ra)
                x64_mov(a, wd, d, ra);
            x64_alui(a, X64_SUB, wd, x64_r(d), imm);
            done_flags(w, i, FK_SUB);
        }
    } else {
        struct x64_rm b = ra_use_rm(w, p->b);
        int d = ra_def(w, i, ra);
        if (d == b.reg && d != ra) {
            x64_mov(a, wd, SCRATCH, ra);
            x64_alu(a, X64_SUB, wd, SCRATCH, b);
            x64_mov(a, wd, d, SCRATCH);
        } else {
            if (d != ra)
                x64_mov(a, wd, d, ra);
            x64_alu(a, X64_SUB, wd, d, b);
        }
        done_flags(w, i, FK_SUB);
    }
    made(w, i);
}

/* and, or, xor */
static void sel_logic(struct cg_work *w, uint32_t i, enum x64_alu op)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool wd = wide(p);
    int32_t imm;
    int ra = ra_use(w, p->a);
    if (ra_imm32(w, p->b, wd, &imm)) {
        int d = ra_def(w, i, ra);
        if (d != ra)
            x64_mov(a, wd, d, ra);
        x64_alui(a, op, wd, x64_r(d), imm);
    } else {
        struct x64_rm b = ra_use_rm(w, p->b);
        int d = ra_def(w, i, ra);
        if (d == b.reg) {
            x64_alu(a, op, wd, d, x64_r(ra));
        } else {
            if (d != ra)
                x64_mov(a, wd, d, ra);
            x64_alu(a, op, wd, d, b);
        }
    }
    done_flags(w, i, FK_LOGIC);
    made(w, i);
}

static void sel_andn(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool wd = wide(p);
    int ra = ra_use(w, p->a), rb = ra_use(w, p->b);
    int d = ra_def(w, i, ra);
    if (has(w, OS_CPU_BMI1)) {
        x64_vex(&w->a, X64_0F38(0xf2), wd, false, d, rb, x64_r(ra)); /* andn: ~rb & ra */
    } else {
        x64_mov(&w->a, wd, SCRATCH, rb);
        x64_op(&w->a, 0xf7, wd, 2, x64_r(SCRATCH));
        x64_alu(&w->a, X64_AND, wd, SCRATCH, x64_r(ra));
        x64_mov(&w->a, wd, d, SCRATCH);
    }
    flags_clobber(w);
    made(w, i);
}

static void sel_unary(struct cg_work *w, uint32_t i, unsigned ext)
{
    const struct ir_ins *p = ins_of(w, i);
    int ra = ra_use(w, p->a);
    int d = ra_def(w, i, ra);
    if (d != ra)
        x64_mov(&w->a, wide(p), d, ra);
    x64_op(&w->a, 0xf7, wide(p), (int)ext, x64_r(d));
    if (ext == 3) /* neg; not keeps the flags */
        flags_clobber(w);
    made(w, i);
}

static void sel_shift(struct cg_work *w, uint32_t i, enum x64_shift op, unsigned bmi_prefix)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool wd = wide(p);
    uint64_t n;
    if (ra_const(w, p->b, &n)) {
        n &= wd ? 63 : 31;
        int ra = ra_use(w, p->a), d = ra_def(w, i, ra);
        if (op == X64_ROR && has(w, OS_CPU_BMI2) && n) {
            x64_vex(a, X64_F2 | X64_0F3A(0xf0), wd, false, d, 0, x64_r(ra));
            x64_b(a, (unsigned)n);
        } else {
            if (d != ra || !n)
                x64_mov(a, wd, d, ra);
            if (n)
                x64_shifti(a, op, wd, d, (unsigned)n);
            flags_clobber(w);
        }
    } else if (bmi_prefix && has(w, OS_CPU_BMI2)) {
        struct x64_rm ra = ra_use_rm(w, p->a);
        int rb = ra_use(w, p->b);
        int d = ra_def(w, i, ra.reg);
        x64_vex(a, bmi_prefix | X64_0F38(0xf7), wd, false, d, rb, ra);
    } else {
        ra_take(w, RCX);
        int ra = ra_use(w, p->a), rb = ra_use(w, p->b);
        x64_mov(a, true, SCRATCH, ra);
        x64_mov(a, false, RCX, rb);
        x64_op(a, 0xd3, wd, op, x64_r(SCRATCH));
        ra_release_locks(w);
        int d = ra_def(w, i, -1);
        x64_mov(a, wd, d, SCRATCH);
        flags_clobber(w);
    }
    made(w, i);
}

static void sel_extr(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool wd = wide(p);
    int ra = ra_use(w, p->a), rb = ra_use(w, p->b);
    x64_mov(&w->a, wd, SCRATCH, rb);
    if (p->c) {
        x64_op(&w->a, X64_0F(0xac), wd, ra, x64_r(SCRATCH)); /* shrd */
        x64_b(&w->a, p->c);
        flags_clobber(w);
    }
    int d = ra_def(w, i, rb);
    x64_mov(&w->a, wd, d, SCRATCH);
    made(w, i);
}

static void sel_zx(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (p->aux == 32) {
        ra_use(w, p->a);
        if (w->v[p->a].flags & V_ZX32 && ins_of(w, p->a)->type == IR_I32) {
            ra_share(w, i, p->a);
        } else {
            int ra = ra_use(w, p->a), d = ra_def(w, i, ra);
            x64_mov(&w->a, false, d, ra);
        }
    } else {
        int ra = ra_use(w, p->a), d = ra_def(w, i, ra);
        if (p->aux == 8)
            x64_op8(&w->a, X64_0F(0xb6), d, x64_r(ra));
        else
            x64_op(&w->a, X64_0F(0xb7), false, d, x64_r(ra));
    }
    w->v[i].flags |= V_ZX32;
}

static void sext(struct x64_asm *a, bool wd, int d, int s, unsigned bits)
{
    if (bits == 32)
        x64_op(a, 0x63, wd, d, x64_r(s)); /* movsxd */
    else if (bits == 16)
        x64_op(a, X64_0F(0xbf), wd, d, x64_r(s));
    else if (wd)
        x64_op(a, X64_0F(0xbe), true, d, x64_r(s));
    else
        x64_op8(a, X64_0F(0xbe), d, x64_r(s));
}

static void sel_sx(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    int ra = ra_use(w, p->a), d = ra_def(w, i, ra);
    sext(&w->a, wide(p), d, ra, p->aux);
    made(w, i);
}

static void sel_bfx(struct cg_work *w, uint32_t i, bool sign)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool wd = wide(p);
    unsigned lsb = p->aux & 63, len = p->aux >> 8, width = wd ? 64 : 32;
    int ra = ra_use(w, p->a), d = ra_def(w, i, ra);
    made(w, i);
    if (lsb == 0 && (len == 8 || len == 16 || len == 32)) {
        if (sign)
            sext(a, wd, d, ra, len);
        else if (len == 8)
            x64_op8(a, X64_0F(0xb6), d, x64_r(ra));
        else if (len == 16)
            x64_op(a, X64_0F(0xb7), false, d, x64_r(ra));
        else
            x64_mov(a, false, d, ra);
        return;
    }
    flags_clobber(w);
    if (d != ra)
        x64_mov(a, wd, d, ra);
    if (lsb + len >= width) {
        x64_shifti(a, sign ? X64_SAR : X64_SHR, wd, d, lsb);
    } else if (!sign && len < 32) {
        if (lsb)
            x64_shifti(a, X64_SHR, wd, d, lsb);
        x64_alui(a, X64_AND, false, x64_r(d), (int32_t)((1u << len) - 1));
    } else {
        x64_shifti(a, X64_SHL, wd, d, width - lsb - len);
        x64_shifti(a, sign ? X64_SAR : X64_SHR, wd, d, width - len);
    }
}

static void sel_bfi(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool wd = wide(p);
    unsigned lsb = p->aux & 63, len = p->aux >> 8, width = wd ? 64 : 32;
    uint64_t ones = len >= 64 ? ~0ull : (1ull << len) - 1, keep = ~(ones << lsb);
    x64_mov(a, true, SCRATCH, ra_use(w, p->b));
    ra_release_locks(w);
    int ra = ra_use(w, p->a);
    if (lsb + len < width)
        x64_shifti(a, X64_SHL, wd, SCRATCH, width - len);
    if (lsb + len < width)
        x64_shifti(a, X64_SHR, wd, SCRATCH, width - len - lsb);
    else if (lsb)
        x64_shifti(a, X64_SHL, wd, SCRATCH, lsb);
    if (!wd)
        keep = (uint32_t)keep;
    bool imm = !wd || (int64_t)keep == (int32_t)keep;
    int t = imm ? -1 : ra_temp(w, false);
    int d = ra_def_fresh(w, i);
    x64_mov(a, wd, d, ra);
    if (imm) {
        x64_alui(a, X64_AND, wd, x64_r(d), (int32_t)keep);
    } else {
        x64_movi(a, t, keep);
        x64_alu(a, X64_AND, wd, d, x64_r(t));
    }
    x64_alu(a, X64_OR, wd, d, x64_r(SCRATCH));
    flags_clobber(w);
    made(w, i);
}

static void sel_mul(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool wd = wide(p);
    int32_t imm;
    flags_clobber(w);
    if (ra_imm32(w, p->b, wd, &imm)) {
        struct x64_rm ra = ra_use_rm(w, p->a);
        int d = ra_def(w, i, ra.reg);
        x64_op(&w->a, 0x69, wd, d, ra);
        x64_d(&w->a, (uint32_t)imm);
    } else {
        int ra = ra_use(w, p->a);
        struct x64_rm rb = ra_use_rm(w, p->b);
        int d = ra_def(w, i, ra);
        if (d == rb.reg) {
            x64_op(&w->a, X64_0F(0xaf), wd, d, x64_r(ra));
        } else {
            if (d != ra)
                x64_mov(&w->a, wd, d, ra);
            x64_op(&w->a, X64_0F(0xaf), wd, d, rb);
        }
    }
    made(w, i);
}

static bool sel_mulh(struct cg_work *w, uint32_t i, unsigned ext)
{
    const struct ir_ins *p = ins_of(w, i);
    ra_take(w, RDX);
    int ra = ra_use(w, p->a), rb = ra_use(w, p->b);
    x64_mov(&w->a, true, SCRATCH, ra);
    x64_op(&w->a, 0xf7, wide(p), (int)ext, x64_r(rb)); /* (i)mul: rdx:rax */
    ra_release_locks(w);
    int d = ra_def(w, i, -1);
    x64_mov(&w->a, wide(p), d, RDX);
    flags_clobber(w);
    made(w, i);
    return true;
}

static void sel_div(struct cg_work *w, uint32_t i, bool sign, bool rem)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool wd = wide(p);
    uint64_t k;
    bool nonzero = ra_const(w, p->b, &k) && k, plain = nonzero && (wd ? k : (uint32_t)k) != (wd ? ~0ull : ~0u);
    uint8_t *zero = NULL, *minus = NULL, *done1 = NULL, *done2 = NULL;
    ra_take(w, RDX);
    int ra = ra_use(w, p->a), rb = ra_use(w, p->b);
    if (!nonzero) {
        x64_test(a, wd, rb, rb);
        zero = x64_jcc8(a, X64_E);
    }
    x64_mov(a, wd, SCRATCH, ra);
    if (sign && !plain) {
        x64_alui(a, X64_CMP, wd, x64_r(rb), -1);
        minus = x64_jcc8(a, X64_E);
    }
    if (sign) {
        if (wd)
            x64_b(a, 0x48);
        x64_b(a, 0x99); /* cdq, cqo */
    } else {
        x64_alu(a, X64_XOR, false, RDX, x64_r(RDX));
    }
    x64_op(a, 0xf7, wd, sign ? 7 : 6, x64_r(rb));
    if (zero || minus)
        done1 = x64_jmp8(a);
    if (minus) {
        x64_patch8(minus, a->p);
        x64_op(a, 0xf7, wd, 3, x64_r(SCRATCH)); /* neg */
        x64_movi(a, RDX, 0);
        if (zero)
            done2 = x64_jmp8(a);
    }
    if (zero) {
        x64_patch8(zero, a->p);
        x64_movi(a, SCRATCH, p->aux == IR_DIV_ONES ? ~0ull : 0);
        x64_mov(a, wd, RDX, ra);
    }
    if (done1)
        x64_patch8(done1, a->p);
    if (done2)
        x64_patch8(done2, a->p);
    ra_release_locks(w);
    int d = ra_def(w, i, -1);
    x64_mov(a, wd, d, rem ? RDX : SCRATCH);
    flags_clobber(w);
    made(w, i);
}

static bool sel_count(struct cg_work *w, uint32_t i, unsigned op, enum os_cpu_feature f)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!has(w, f))
        return false;
    uint32_t src = w->v[p->a].flags & V_FOLDED ? ins_of(w, p->a)->a : p->a; /* clz of bitrev */
    if (src != p->a)
        op = X64_F3 | X64_0F(0xbc);
    struct x64_rm ra = ra_use_rm(w, src);
    int d = ra_def(w, i, ra.reg);
    x64_op(&w->a, op, wide(p), d, ra);
    flags_clobber(w);
    made(w, i);
    return true;
}

static bool sel_bswap(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool wd = wide(p);
    if (wd && p->aux == 2)
        return false;
    int ra = ra_use(w, p->a), d = ra_def(w, i, ra);
    if (d != ra)
        x64_mov(&w->a, wd, d, ra);
    unsigned rex = (wd ? 0x48 : 0) | (d & 8 ? 0x41 : 0);
    if (rex)
        x64_b(&w->a, rex);
    x64_b(&w->a, 0x0f);
    x64_b(&w->a, 0xc8u | (d & 7));
    if (p->aux < (wd ? 8 : 4)) {
        x64_shifti(&w->a, X64_ROR, wd, d, wd ? 32 : 16);
        flags_clobber(w);
    }
    made(w, i);
    return true;
}

/* Bits reversed: bytes by bswap, then within bytes by masks. */
static void sel_bitrev(struct cg_work *w, uint32_t i)
{
    static const struct {
        uint64_t mask;
        uint8_t n;
    } step[3] = {{0x0f0f0f0f0f0f0f0f, 4}, {0x3333333333333333, 2}, {0x5555555555555555, 1}};
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool wd = wide(p);
    int ra = ra_use(w, p->a), t = ra_temp(w, false), d = ra_def_fresh(w, i);
    x64_mov(a, wd, d, ra);
    unsigned rex = (wd ? 0x48 : 0) | (d & 8 ? 0x41 : 0);
    if (rex)
        x64_b(a, rex);
    x64_b(a, 0x0f);
    x64_b(a, 0xc8u | (d & 7));
    for (int k = 0; k < 3; k++) {
        x64_movi(a, t, wd ? step[k].mask : (uint32_t)step[k].mask);
        x64_mov(a, wd, SCRATCH, d);
        x64_shifti(a, X64_SHR, wd, SCRATCH, step[k].n);
        x64_alu(a, X64_AND, wd, SCRATCH, x64_r(t));
        x64_alu(a, X64_AND, wd, d, x64_r(t));
        x64_shifti(a, X64_SHL, wd, d, step[k].n);
        x64_alu(a, X64_OR, wd, d, x64_r(SCRATCH));
    }
    flags_clobber(w);
    made(w, i);
}

static bool sel_crc32c(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!has(w, OS_CPU_SSE42) || p->aux == 2)
        return false;
    int ra = ra_use(w, p->a), rb = ra_use(w, p->b);
    x64_mov(&w->a, false, SCRATCH, ra);
    if (p->aux == 1)
        x64_op8(&w->a, X64_F2 | X64_0F38(0xf0), SCRATCH, x64_r(rb));
    else
        x64_op(&w->a, X64_F2 | X64_0F38(0xf1), p->aux == 8, SCRATCH, x64_r(rb));
    int d = ra_def(w, i, ra);
    x64_mov(&w->a, false, d, SCRATCH);
    made(w, i);
    return true;
}

const uint8_t cg_host_cond[] = {X64_E, X64_NE, X64_L, X64_GE, X64_LE, X64_G, X64_B, X64_AE, X64_BE, X64_A};

static void compare(struct cg_work *w, uint32_t a, uint32_t b)
{
    bool wd = ins_of(w, a)->type == IR_I64;
    int32_t imm;
    int ra = ra_use(w, a);
    if (ra_imm32(w, b, wd, &imm)) {
        if (!imm)
            x64_test(&w->a, wd, ra, ra);
        else
            x64_alui(&w->a, X64_CMP, wd, x64_r(ra), imm);
    } else {
        x64_alu(&w->a, X64_CMP, wd, ra, ra_use_rm(w, b));
    }
    flags_clobber(w);
}

static void sel_setc(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    compare(w, p->a, p->b);
    x64_setcc(&w->a, cg_host_cond[p->aux], SCRATCH);
    int d = ra_def(w, i, -1);
    x64_op8(&w->a, X64_0F(0xb6), d, x64_r(SCRATCH));
    w->v[i].flags |= V_ZX32;
}

static bool sel_selnz(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool wd = wide(p);
    enum x64_cond c = X64_NE;
    if (type_is_vec(p->type))
        return false;
    if (w->v[p->a].flags & V_FOLDED) { /* of a SETC: compare right here */
        const struct ir_ins *s = ins_of(w, p->a);
        compare(w, s->a, s->b);
        c = cg_host_cond[s->aux];
    } else {
        int ra = ra_use(w, p->a);
        x64_test(&w->a, ins_of(w, p->a)->type == IR_I64, ra, ra);
        flags_clobber(w);
    }
    ra_release_locks(w); /* the flags are made; what follows only moves, in few registers */
    int t = ra_use(w, p->b), f = ra_use(w, p->c);
    int d = ra_def(w, i, f);
    if (d == t && d != f) {
        x64_cmov(&w->a, c ^ 1, wd, d, x64_r(f));
    } else {
        if (d != f)
            x64_mov(&w->a, wd, d, f);
        x64_cmov(&w->a, c, wd, d, x64_r(t));
    }
    made(w, i);
    return true;
}

static bool sel_clmul(struct cg_work *w, uint32_t i, bool high)
{
    const struct ir_ins *p = ins_of(w, i);
    if (!has(w, OS_CPU_PCLMUL))
        return false;
    int ra = ra_use(w, p->a), rb = ra_use(w, p->b), d = ra_def(w, i, ra);
    x64_sse1w(&w->a, X64_66 | X64_0F(0x6e), true, VSCRATCH, x64_r(ra));
    x64_sse1w(&w->a, X64_66 | X64_0F(0x6e), true, VSCRATCH2, x64_r(rb));
    x64_sse_i(&w->a, X64_66 | X64_0F3A(0x44), VSCRATCH, VSCRATCH, x64_r(VSCRATCH2), 0, VSCRATCH);
    if (high) {
        x64_sse1w(&w->a, X64_66 | X64_0F3A(0x16), true, VSCRATCH, x64_r(d)); /* pextrq */
        x64_b(&w->a, 1);
    } else {
        x64_sse1w(&w->a, X64_66 | X64_0F(0x7e), true, VSCRATCH, x64_r(d));
    }
    return true;
}

bool sel_int(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    switch (p->op) {
    case IR_NOP: case IR_CONST: return true; /* constants are made where they are used */
    case IR_COPY: case IR_TRUNC:
        if (p->type == IR_CC)
            return false;
        ra_share(w, i, p->a);
        w->v[i].flags |= w->v[p->a].flags & (p->op == IR_COPY ? V_ZX32 | V_ZHI : 0);
        if (p->op == IR_TRUNC && w->v[p->a].flags & V_ZX32 && ins_of(w, p->a)->op == IR_ZX)
            w->v[i].flags |= V_ZX32;
        return true;
    case IR_ADD: sel_add(w, i); return true;
    case IR_SUB: sel_sub(w, i); return true;
    case IR_AND: sel_logic(w, i, X64_AND); return true;
    case IR_OR: sel_logic(w, i, X64_OR); return true;
    case IR_XOR: sel_logic(w, i, X64_XOR); return true;
    case IR_ANDN: sel_andn(w, i); return true;
    case IR_NOT: sel_unary(w, i, 2); return true;
    case IR_NEG: sel_unary(w, i, 3); return true;
    case IR_SHL: sel_shift(w, i, X64_SHL, X64_66); return true;
    case IR_SHR: sel_shift(w, i, X64_SHR, X64_F2); return true;
    case IR_SAR: sel_shift(w, i, X64_SAR, X64_F3); return true;
    case IR_ROR: sel_shift(w, i, X64_ROR, 0); return true;
    case IR_EXTR: sel_extr(w, i); return true;
    case IR_ZX: sel_zx(w, i); return true;
    case IR_SX: sel_sx(w, i); return true;
    case IR_UBFX: sel_bfx(w, i, false); return true;
    case IR_SBFX: sel_bfx(w, i, true); return true;
    case IR_BFI: sel_bfi(w, i); return true;
    case IR_MUL: sel_mul(w, i); return true;
    case IR_MULHU: return sel_mulh(w, i, 4);
    case IR_MULHS: return sel_mulh(w, i, 5);
    case IR_UDIV: sel_div(w, i, false, false); return true;
    case IR_SDIV: sel_div(w, i, true, false); return true;
    case IR_UREM: sel_div(w, i, false, true); return true;
    case IR_SREM: sel_div(w, i, true, true); return true;
    case IR_CLZ: return sel_count(w, i, X64_F3 | X64_0F(0xbd), OS_CPU_LZCNT);
    case IR_CTZ: return sel_count(w, i, X64_F3 | X64_0F(0xbc), OS_CPU_BMI1);
    case IR_POPCNT: return sel_count(w, i, X64_F3 | X64_0F(0xb8), OS_CPU_POPCNT);
    case IR_BSWAP: return sel_bswap(w, i);
    case IR_BITREV: sel_bitrev(w, i); return true;
    case IR_CRC32C: return sel_crc32c(w, i);
    case IR_SETC: sel_setc(w, i); return true;
    case IR_SELNZ: return sel_selnz(w, i);
    case IR_CLMUL: return sel_clmul(w, i, false);
    case IR_CLMULH: return sel_clmul(w, i, true);
    default: return false;
    }
}
