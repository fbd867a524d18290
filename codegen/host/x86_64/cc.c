/* Guest flags on the host's flags.
 *
 * A cc token that is V_DIRECT lives in the host's flags from its definition to its uses. Any other is
 * made anew at each use from its operands, which scan.c kept alive. How the host flags stand for N Z C V
 * is a kind: after a subtraction the host's carry is the inverse of C; after (u)comis Z and C are as
 * Intel defines them, and some conditions want the operands swapped.
 */
#include "codegen/host/x86_64/x86_64.h"

static bool wide(const struct cg_work *w, uint32_t v) { return ins_of(w, v)->type == IR_I64; }

void cc_set(struct cg_work *w, uint32_t tok, uint8_t kind)
{
    w->flags_tok = tok;
    w->flags_kind = kind;
}

bool cc_same(const struct ir_ins *ins, uint32_t tok, uint32_t v)
{
    const struct ir_ins *c = &ins[tok], *p = &ins[v];
    switch (c->op) {
    case IR_CCSUB: return p->op == IR_SUB && c->a == p->a && c->b == p->b;
    case IR_CCADD: return p->op == IR_ADD && c->a == p->a && c->b == p->b;
    case IR_CCADC: return p->op == IR_ADC && c->a == p->a && c->b == p->b && c->c == p->c;
    case IR_CCSBC: return p->op == IR_SBC && c->a == p->a && c->b == p->b && c->c == p->c;
    case IR_CCLOG: return p->op == IR_AND && c->a == v;
    default: return false;
    }
}

bool cc_pairs(struct cg_work *w, uint32_t i, uint32_t *tok)
{
    for (int d = 1; d >= -1; d -= 2) {
        uint32_t k = i + (uint32_t)d;
        if (k >= w->u->nins || (d < 0 && i == 0))
            continue;
        const struct ir_ins *c = ins_of(w, k);
        if (c->type != IR_CC || !(w->v[k].flags & V_DIRECT) || (d > 0 && w->v[k].flags & V_DEAD))
            continue;
        if (cc_same(w->u->ins, k, i)) {
            *tok = k;
            return true;
        }
    }
    return false;
}

static void compare(struct cg_work *w, uint32_t a, uint32_t b)
{
    int32_t imm;
    bool wd = wide(w, a);
    int ra = ra_use(w, a);
    if (ra_imm32(w, b, wd, &imm)) {
        if (imm == 0)
            x64_test(&w->a, wd, ra, ra); /* the same flags as a - 0 */
        else
            x64_alui(&w->a, X64_CMP, wd, x64_r(ra), imm);
    } else {
        x64_alu(&w->a, X64_CMP, wd, ra, ra_use_rm(w, b));
    }
}

static void fcompare(struct cg_work *w, uint32_t tok, bool swap)
{
    const struct ir_ins *k = ins_of(w, tok);
    bool dbl = ins_of(w, k->a)->type == IR_F64;
    int a = ra_use(w, swap ? k->b : k->a), b = ra_use(w, swap ? k->a : k->b);
    x64_sse1(&w->a, (dbl ? X64_66 : 0) | X64_0F(k->aux & 1 ? 0x2f : 0x2e), a, x64_r(b));
}

/* eax := packed flags of a token that is in memory or a register. */
static void load_packed(struct cg_work *w, uint32_t tok)
{
    struct x64_rm m = ra_use_rm(w, tok);
    x64_op(&w->a, 0x8b, false, SCRATCH, m);
}

static void packed_to_flags(struct x64_asm *a)
{
    x64_b(a, 0x04); /* add al, 127: overflow if V */
    x64_b(a, 0x7f);
    x64_b(a, 0x9e); /* sahf */
}

/* eax := packed, from NZCV in bits 31..28 of a register; clobbers another. */
static void pack_nzcv(struct cg_work *w, int r)
{
    struct x64_asm *a = &w->a;
    int t = ra_temp(w, false);
    x64_mov(a, false, SCRATCH, r);
    x64_mov(a, false, t, r);
    x64_shifti(a, X64_SHR, false, SCRATCH, 28);
    x64_alui(a, X64_AND, false, x64_r(SCRATCH), 1); /* V */
    x64_shifti(a, X64_SHR, false, t, 21);
    x64_alui(a, X64_AND, false, x64_r(t), 0x100); /* C */
    x64_alu(a, X64_OR, false, SCRATCH, x64_r(t));
    x64_mov(a, false, t, r);
    x64_shifti(a, X64_SHR, false, t, 16);
    x64_alui(a, X64_AND, false, x64_r(t), 0xc000);
    x64_alu(a, X64_OR, false, SCRATCH, x64_r(t));
}

/* Makes the host flags those of a token that has a plain host form (not CCSEL, CCFCMP). */
static void make(struct cg_work *w, uint32_t tok)
{
    const struct ir_ins *k = ins_of(w, tok);
    struct x64_asm *a = &w->a;
    if (w->flags_tok == tok)
        return;
    assert(!(w->v[tok].flags & V_DIRECT) || w->cur == tok);
    if (w->v[tok].reg >= 0 || w->v[tok].spill >= 0 || k->op == IR_GET) {
        load_packed(w, tok);
        packed_to_flags(a);
        cc_set(w, tok, FK_ADD);
        return;
    }
    switch (k->op) {
    case IR_CCSUB:
        compare(w, k->a, k->b);
        cc_set(w, tok, FK_SUB);
        break;
    case IR_CCADD: {
        bool wd = wide(w, k->a);
        int32_t imm;
        int ra = ra_use(w, k->a);
        x64_mov(a, wd, SCRATCH, ra);
        if (ra_imm32(w, k->b, wd, &imm))
            x64_alui(a, X64_ADD, wd, x64_r(SCRATCH), imm);
        else
            x64_alu(a, X64_ADD, wd, SCRATCH, ra_use_rm(w, k->b));
        cc_set(w, tok, FK_ADD);
        break;
    }
    case IR_CCLOG: {
        bool wd = wide(w, k->a);
        const struct ir_ins *and = ins_of(w, k->a);
        int32_t imm;
        if (w->v[k->a].flags & V_FOLDED) {
            int ra = ra_use(w, and->a);
            if (ra_imm32(w, and->b, wd, &imm))
                x64_testi(a, wd, x64_r(ra), imm);
            else
                x64_test(a, wd, ra, ra_use(w, and->b));
        } else {
            int ra = ra_use(w, k->a);
            x64_test(a, wd, ra, ra);
        }
        cc_set(w, tok, FK_LOGIC);
        break;
    }
    case IR_CCADC:
    case IR_CCSBC: {
        bool wd = wide(w, k->a), sub = k->op == IR_CCSBC;
        uint32_t kept = w->locked;
        cc_carry(w, k->c, sub);
        w->locked = kept; /* the carry is made; loads keep it */
        int ra = ra_use(w, k->a), rb = ra_use(w, k->b);
        x64_mov(a, wd, SCRATCH, ra);
        x64_alu(a, sub ? X64_SBB : X64_ADC, wd, SCRATCH, x64_r(rb));
        cc_set(w, tok, sub ? FK_SUB : FK_ADD);
        break;
    }
    case IR_CCFROM:
        pack_nzcv(w, ra_use(w, k->a));
        packed_to_flags(a);
        cc_set(w, tok, FK_ADD);
        break;
    default:
        assert(!"cc token without a plain form");
    }
}

static const uint8_t int_cond[2][14] = {
    /* carry inverted (after a subtraction) */
    {X64_E, X64_NE, X64_AE, X64_B, X64_S, X64_NS, X64_O, X64_NO, X64_A, X64_BE, X64_GE, X64_L, X64_G, X64_LE},
    /* carry as it is: HI and LS have no host condition */
    {X64_E, X64_NE, X64_B, X64_AE, X64_S, X64_NS, X64_O, X64_NO, 255, 255, X64_GE, X64_L, X64_G, X64_LE},
};
/* After (u)comis: swap of the operands wanted, host condition; EQ and NE need two. */
static const struct {
    uint8_t swap, cond;
} fp_cond[14] = {
    {0, 255}, {0, 255}, {1, X64_BE}, {1, X64_A}, {1, X64_A}, {1, X64_BE}, {0, X64_P}, {0, X64_NP},
    {1, X64_B}, {1, X64_AE}, {0, X64_AE}, {0, X64_B}, {0, X64_A}, {0, X64_BE},
};

static bool is_fcmp(const struct cg_work *w, uint32_t tok)
{
    return ins_of(w, tok)->op == IR_CCFCMP && w->v[tok].reg < 0 && w->v[tok].spill < 0;
}
static bool is_ccsel(const struct cg_work *w, uint32_t tok)
{
    return ins_of(w, tok)->op == IR_CCSEL && w->v[tok].reg < 0 && w->v[tok].spill < 0;
}

static void make_fcmp(struct cg_work *w, uint32_t tok, bool swap)
{
    uint8_t kind = swap ? FK_FCMP_SWAP : FK_FCMP;
    if (w->flags_tok == tok && w->flags_kind == kind)
        return;
    fcompare(w, tok, swap);
    cc_set(w, tok, kind);
}

bool cc_simple(struct cg_work *w, uint32_t tok, unsigned cond, enum x64_cond *c)
{
    if (cond >= IR_CC_AL || is_ccsel(w, tok))
        return false;
    if (is_fcmp(w, tok)) {
        if (fp_cond[cond].cond == 255)
            return false;
        make_fcmp(w, tok, fp_cond[cond].swap);
        *c = fp_cond[cond].cond;
        return true;
    }
    make(w, tok);
    bool plain = w->flags_kind != FK_SUB;
    if (int_cond[plain][cond] == 255) {
        x64_b(&w->a, 0xf5); /* cmc */
        w->flags_kind = FK_SUB;
        plain = false;
    }
    *c = int_cond[plain][cond];
    return true;
}

static bool nzcv_holds(unsigned nzcv, unsigned cond)
{
    bool n = nzcv & 8, z = nzcv & 4, c = nzcv & 2, v = nzcv & 1, r;
    switch (cond >> 1) {
    case 0: r = z; break;
    case 1: r = c; break;
    case 2: r = n; break;
    case 3: r = v; break;
    case 4: r = c && !z; break;
    case 5: r = n == v; break;
    case 6: r = n == v && !z; break;
    default: return true;
    }
    return r != (cond & 1);
}

/* Brings what the compare of a CCSEL needs into registers, before any branch is emitted. */
static void preload(struct cg_work *w, uint32_t tok)
{
    const struct ir_ins *k = ins_of(w, tok);
    int32_t imm;
    if (w->v[tok].reg >= 0 || w->v[tok].spill >= 0 || w->flags_tok == tok)
        return;
    switch (k->op) {
    case IR_CCSEL:
        preload(w, k->c);
        ra_use(w, k->a);
        if (!ra_imm32(w, k->b, wide(w, k->a), &imm))
            ra_use(w, k->b);
        break;
    case IR_CCFCMP:
        ra_use(w, k->a);
        ra_use(w, k->b);
        break;
    default:
        break; /* evaluated first of all, on the common path */
    }
}

/* Before branches of a conditional compare: the innermost flags, then the operands of the rest (loads
 * keep the flags), so that all paths agree on who is in which register. */
static void prepare(struct cg_work *w, uint32_t tok)
{
    if (is_ccsel(w, tok)) {
        uint32_t base = tok, locked = w->locked;
        while (is_ccsel(w, base))
            base = ins_of(w, base)->c;
        if (!is_fcmp(w, base)) {
            make(w, base);
            w->locked = locked;
        }
    }
    preload(w, tok);
}

static void jump(struct cg_work *w, struct cc_jumps *j, enum x64_cond c)
{
    assert(j->n < 4);
    x64_align_disp(&w->a, 2);
    j->disp[j->n++] = x64_jcc(&w->a, c);
}

static void patch_here(struct cg_work *w, struct cc_jumps *j)
{
    for (unsigned i = 0; i < j->n; i++)
        x64_patch(j->disp[i], w->a.p);
}

static void sel_compare(struct cg_work *w, uint32_t tok)
{
    const struct ir_ins *k = ins_of(w, tok);
    if (k->aux & 256) {
        bool wd = wide(w, k->a);
        int32_t imm;
        x64_mov(&w->a, wd, SCRATCH, ra_use(w, k->a));
        if (ra_imm32(w, k->b, wd, &imm))
            x64_alui(&w->a, X64_ADD, wd, x64_r(SCRATCH), imm);
        else
            x64_alu(&w->a, X64_ADD, wd, SCRATCH, x64_r(ra_use(w, k->b)));
        cc_set(w, tok, FK_ADD);
    } else {
        compare(w, k->a, k->b);
        cc_set(w, tok, FK_SUB);
    }
}

static void branch(struct cg_work *w, uint32_t tok, unsigned cond, struct cc_jumps *j)
{
    enum x64_cond c;
    if (cond > IR_CC_AL) /* its inverse: never */
        return;
    if (cond == IR_CC_AL) {
        x64_align_disp(&w->a, 1);
        j->disp[j->n++] = x64_jmp(&w->a);
        return;
    }
    if (is_ccsel(w, tok)) {
        const struct ir_ins *k = ins_of(w, tok);
        unsigned first = k->aux & 15;
        bool imm_true = nzcv_holds(k->aux >> 4 & 15, cond);
        struct cc_jumps skip = {.n = 0};
        branch(w, k->c, first ^ 1, imm_true ? j : &skip);
        sel_compare(w, tok);
        bool plain = w->flags_kind != FK_SUB;
        if (int_cond[plain][cond] == 255) {
            x64_b(&w->a, 0xf5);
            plain = false;
        }
        jump(w, j, int_cond[plain][cond]);
        patch_here(w, &skip);
        flags_clobber(w);
        return;
    }
    if (is_fcmp(w, tok) && fp_cond[cond].cond == 255) {
        make_fcmp(w, tok, false);
        if (cond == IR_CC_EQ) {
            uint8_t *over = x64_jcc8(&w->a, X64_P);
            jump(w, j, X64_E);
            x64_patch8(over, w->a.p);
        } else {
            jump(w, j, X64_P);
            jump(w, j, X64_NE);
        }
        return;
    }
    if (cc_simple(w, tok, cond, &c))
        jump(w, j, c);
}

/* Simple conditions on flags in memory are bit tests. */
static bool branch_on_memory(struct cg_work *w, uint32_t tok, unsigned cond, struct cc_jumps *j)
{
    static const uint8_t bit[4] = {14, 8, 15, 0}; /* Z C N V of the packed form */
    if (ins_of(w, tok)->op != IR_GET || w->flags_tok == tok || cond > IR_CC_VC || w->v[tok].reg >= 0)
        return false;
    struct x64_rm m = ra_use_rm(w, tok);
    if (m.reg >= 0)
        return false;
    unsigned n = bit[cond >> 1];
    m.disp += (int32_t)(n / 8);
    x64_op(&w->a, 0xf6, false, 0, m); /* test byte [m], imm */
    x64_b(&w->a, 1u << n % 8);
    flags_clobber(w);
    jump(w, j, cond & 1 ? X64_E : X64_NE);
    return true;
}

void cc_branch(struct cg_work *w, uint32_t tok, unsigned cond, struct cc_jumps *j)
{
    if (cond >= IR_CC_AL) {
        x64_align_disp(&w->a, 1);
        j->disp[j->n++] = x64_jmp(&w->a);
        return;
    }
    if (branch_on_memory(w, tok, cond, j))
        return;
    prepare(w, tok);
    branch(w, tok, cond, j);
}

static void store_flags(struct cg_work *w, uint32_t tok, struct x64_rm mem)
{
    struct x64_asm *a = &w->a;
    bool inverted = w->flags_kind == FK_SUB;
    if (inverted)
        x64_b(a, 0xf5);
    x64_b(a, 0x9f); /* lahf */
    x64_setcc(a, X64_O, SCRATCH);
    if (inverted && w->v[tok].last > w->cur)
        x64_b(a, 0xf5);
    else if (inverted)
        w->flags_kind = FK_ADD;
    x64_op(a, X64_0F(0xb7), false, SCRATCH, x64_r(SCRATCH)); /* movzx: one 32-bit store, one 32-bit load */
    x64_store(a, false, SCRATCH, mem);
}

void cc_put(struct cg_work *w, uint32_t tok, struct x64_rm mem)
{
    struct x64_asm *a = &w->a;
    if (is_ccsel(w, tok)) {
        const struct ir_ins *k = ins_of(w, tok);
        struct cc_jumps imm = {.n = 0};
        prepare(w, tok);
        branch(w, k->c, (k->aux & 15) ^ 1, &imm);
        sel_compare(w, tok);
        store_flags(w, tok, mem);
        uint8_t *done = x64_jmp8(a);
        patch_here(w, &imm);
        x64_storei(a, false, (int32_t)ir_nzcv_pack((uint32_t)(k->aux >> 4 & 15) << 28), mem);
        x64_patch8(done, a->p);
        flags_clobber(w);
    } else if (is_fcmp(w, tok)) {
        static const struct {
            uint32_t packed;
            uint8_t cond;
        } step[3] = {{IR_NZCV_C | IR_NZCV_V, X64_P}, {IR_NZCV_Z | IR_NZCV_C, X64_E}, {IR_NZCV_C, X64_A}};
        uint8_t *done[3];
        make_fcmp(w, tok, false);
        for (int i = 0; i < 3; i++) {
            x64_movi(a, SCRATCH, step[i].packed);
            done[i] = x64_jcc8(a, step[i].cond);
        }
        x64_movi(a, SCRATCH, IR_NZCV_N);
        for (int i = 0; i < 3; i++)
            x64_patch8(done[i], a->p);
        x64_store(a, false, SCRATCH, mem);
    } else if (w->flags_tok != tok && (w->v[tok].reg >= 0 || w->v[tok].spill >= 0 || ins_of(w, tok)->op == IR_GET)) {
        load_packed(w, tok);
        x64_store(a, false, SCRATCH, mem);
    } else if (w->flags_tok != tok && ins_of(w, tok)->op == IR_CCFROM) {
        pack_nzcv(w, ra_use(w, ins_of(w, tok)->a));
        x64_store(a, false, SCRATCH, mem);
        flags_clobber(w);
    } else {
        make(w, tok);
        store_flags(w, tok, mem);
    }
}

void cc_carry(struct cg_work *w, uint32_t tok, bool inverted)
{
    bool host_inverted = false;
    if (is_ccsel(w, tok) || is_fcmp(w, tok)) {
        struct x64_rm mem = x64_m(RBP, CPU_OFF(scratch));
        cc_put(w, tok, mem);
        x64_op(&w->a, X64_0F(0xba), false, 4, mem); /* bt dword [mem], 8 */
        x64_b(&w->a, 8);
    } else if (w->flags_tok != tok && ins_of(w, tok)->op == IR_GET) {
        struct x64_rm m = ra_use_rm(w, tok);
        x64_op(&w->a, X64_0F(0xba), false, 4, m);
        x64_b(&w->a, 8);
    } else {
        make(w, tok);
        host_inverted = w->flags_kind == FK_SUB;
    }
    if (host_inverted != inverted)
        x64_b(&w->a, 0xf5);
    flags_clobber(w);
}

/* Packed flags of any token into a temporary's memory cell, as NZCV in bits 31..28 of dst. */
static void sel_ccto(struct cg_work *w, uint32_t i)
{
    struct x64_asm *a = &w->a;
    struct x64_rm mem = x64_m(RBP, CPU_OFF(scratch));
    cc_put(w, ins_of(w, i)->a, mem);
    flags_clobber(w);
    ra_release_locks(w);
    int d = ra_def_fresh(w, i), t = ra_temp(w, false);
    w->v[i].flags |= V_ZX32;
    x64_load(a, false, SCRATCH, mem);
    x64_mov(a, false, d, SCRATCH);
    x64_alui(a, X64_AND, false, x64_r(d), 0xc000);
    x64_shifti(a, X64_SHL, false, d, 16);
    x64_mov(a, false, t, SCRATCH);
    x64_alui(a, X64_AND, false, x64_r(t), 0x100);
    x64_shifti(a, X64_SHL, false, t, 21);
    x64_alu(a, X64_OR, false, d, x64_r(t));
    x64_alui(a, X64_AND, false, x64_r(SCRATCH), 1);
    x64_shifti(a, X64_SHL, false, SCRATCH, 28);
    x64_alu(a, X64_OR, false, d, x64_r(SCRATCH));
}

/* 1 or 0 in memory, for conditions that take several branches. */
static struct x64_rm cond_to_memory(struct cg_work *w, uint32_t tok, unsigned cond)
{
    struct x64_rm mem = x64_m(RBP, CPU_OFF(scratch) + 8);
    struct cc_jumps j = {.n = 0};
    x64_storei(&w->a, false, 1, mem);
    cc_branch(w, tok, cond, &j);
    x64_storei(&w->a, false, 0, mem);
    patch_here(w, &j);
    flags_clobber(w);
    w->locked = 0;
    return mem;
}

static void sel_setcc(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    enum x64_cond c;
    if (p->aux >= IR_CC_AL) {
        x64_movi(&w->a, ra_def(w, i, -1), 1);
    } else if (cc_simple(w, p->a, p->aux, &c)) {
        x64_setcc(&w->a, c, SCRATCH);
        int d = ra_def(w, i, -1);
        x64_op8(&w->a, X64_0F(0xb6), d, x64_r(SCRATCH));
    } else {
        struct x64_rm mem = cond_to_memory(w, p->a, p->aux);
        int d = ra_def(w, i, -1);
        x64_load(&w->a, false, d, mem);
    }
    w->v[i].flags |= V_ZX32;
}

static void sel_selcc(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    enum x64_cond c = X64_NE;
    if (p->aux >= IR_CC_AL) {
        ra_share(w, i, p->b);
        w->v[i].flags |= w->v[p->b].flags & (V_ZX32 | V_ZHI);
        return;
    }
    if (type_is_vec(p->type)) {
        struct cc_jumps j = {.n = 0};
        int t = ra_use(w, p->b), f = ra_use(w, p->c);
        prepare(w, p->a); /* before the result takes a home that a compared value is in */
        int d = ra_def_fresh(w, i);
        x64_movaps(&w->a, d, t);
        cc_branch(w, p->a, p->aux, &j);
        x64_movaps(&w->a, d, f);
        patch_here(w, &j);
        if (w->v[p->b].flags & w->v[p->c].flags & V_ZHI)
            w->v[i].flags |= V_ZHI;
        return;
    }
    bool wd = p->type == IR_I64;
    if (!cc_simple(w, p->a, p->aux, &c)) {
        struct x64_rm mem = cond_to_memory(w, p->a, p->aux);
        x64_alui(&w->a, X64_CMP, false, mem, 0);
        c = X64_NE;
    }
    w->locked = 0; /* the flags are made; what follows only moves */
    int t = ra_use(w, p->b), f = ra_use(w, p->c);
    int d = ra_def(w, i, f);
    if (d == t && d != f) { /* the other way round */
        x64_cmov(&w->a, c ^ 1, wd, d, x64_r(f));
    } else {
        if (d != f)
            x64_mov(&w->a, wd, d, f);
        x64_cmov(&w->a, c, wd, d, x64_r(t));
    }
    if (!wd)
        w->v[i].flags |= V_ZX32;
}

static void sel_adc(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool wd = p->type == IR_I64, sub = p->op == IR_SBC;
    uint32_t tok;
    cc_carry(w, p->c, sub);
    ra_release_locks(w); /* the carry is made; what follows only moves */
    int a = ra_use(w, p->a), b = ra_use(w, p->b);
    int d = ra_def(w, i, a);
    if (d == b && d != a) {
        x64_mov(&w->a, wd, SCRATCH, b);
        b = SCRATCH;
    }
    if (d != a)
        x64_mov(&w->a, wd, d, a);
    x64_alu(&w->a, sub ? X64_SBB : X64_ADC, wd, d, x64_r(b));
    flags_clobber(w);
    if (cc_pairs(w, i, &tok))
        cc_set(w, tok, sub ? FK_SUB : FK_ADD);
    if (!wd)
        w->v[i].flags |= V_ZX32;
}

/* True if somebody may see the status of a comparison before a use of token i makes the host compare. */
static bool raises_late(const struct cg_work *w, uint32_t i)
{
    for (uint32_t k = i + 1; k <= w->v[i].last; k++) {
        const struct ir_ins *p = ins_of(w, k);
        unsigned mask = ir_operand_mask(p);
        if (w->v[k].flags & V_DEAD)
            continue;
        if ((mask & 1 && p->a == i) || (mask & 4 && p->c == i)) {
            bool cond = p->op == IR_BRCC || p->op == IR_SELCC || p->op == IR_SETCC || p->op == IR_CCSEL;
            if (cond && (p->aux & 15) >= IR_CC_AL)
                return true;
            bool lazy = p->type == IR_CC && p->op != IR_PUT && !(w->v[k].flags & V_DIRECT);
            return lazy && raises_late(w, k);
        }
        if (ir_ops[p->op].flags & (IR_OPF_FAULT | IR_OPF_END) || p->op == IR_CALL || p->op == IR_BR ||
            p->op == IR_BRT || p->op == IR_BRCC || p->op == IR_FPGET || p->op == IR_FPSET)
            return true;
    }
    return true; /* no use */
}

/* A token's own instruction: direct ones are made here (unless the paired value makes them), the
 * others wait for their uses. */
static void sel_token(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i), *n = p + 1;
    if (w->v[i].flags & V_DIRECT) {
        uint32_t tok;
        if (w->flags_tok == i)
            return;
        if (i + 1 < w->u->nins && !(w->v[i + 1].flags & V_DEAD) &&
            (n->op == IR_SUB || n->op == IR_ADD || n->op == IR_ADC || n->op == IR_SBC) &&
            cc_pairs(w, i + 1, &tok) && tok == i)
            return;
        make(w, i);
        return;
    }
    if (p->op == IR_CCFCMP && raises_late(w, i))
        make_fcmp(w, i, false);
    /* Long chains of conditional compares: put the earlier links away as packed flags. */
    if (p->op == IR_CCSEL && is_ccsel(w, p->c) && is_ccsel(w, ins_of(w, p->c)->c)) {
        uint32_t inner = p->c;
        int r = ra_temp(w, false);
        struct x64_rm mem = x64_m(RBP, CPU_OFF(scratch));
        cc_put(w, inner, mem);
        flags_clobber(w);
        x64_load(&w->a, false, r, mem);
        w->v[inner].reg = (int8_t)r;
        w->v[inner].next = w->regval[r];
        w->regval[r] = inner;
    }
}

bool sel_cc(struct cg_work *w, uint32_t i)
{
    switch (ins_of(w, i)->op) {
    case IR_CCADD: case IR_CCSUB: case IR_CCADC: case IR_CCSBC: case IR_CCLOG: case IR_CCFCMP:
    case IR_CCSEL: case IR_CCFROM:
        sel_token(w, i);
        return true;
    case IR_CCTO:
        sel_ccto(w, i);
        return true;
    case IR_SETCC:
        sel_setcc(w, i);
        return true;
    case IR_SELCC:
        sel_selcc(w, i);
        return true;
    case IR_ADC:
    case IR_SBC:
        sel_adc(w, i);
        return true;
    default:
        return false;
    }
}
