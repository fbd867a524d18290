/* Selection of guest memory accesses: direct host addressing (guest address = host address), or through the
 * soft TLB, which makes a host address of a guest's first; the access itself is the same.
 * x86's order is stronger than any guest's but for store-load, so only sequential consistency costs.
 * Everything here may fault: a point comes first, and no home changes before the access is done. */
#include "codegen/host/x86_64/x86_64.h"

struct x64_rm cg_address(struct cg_work *w, uint32_t addr, int32_t disp)
{
    const struct ir_ins *p = ins_of(w, addr);
    if (!(w->v[addr].flags & V_FOLDED))
        return x64_m(ra_use(w, addr), disp);
    int base = ra_use(w, p->a);
    if (w->v[p->b].flags & V_FOLDED) {
        const struct ir_ins *s = ins_of(w, p->b);
        return x64_mx(base, ra_use(w, s->a), (int)ins_of(w, s->b)->b, disp);
    }
    int32_t imm;
    if (ra_imm32(w, p->b, true, &imm) && (int64_t)imm + disp == (int32_t)(imm + disp))
        return x64_m(base, imm + disp);
    return x64_mx(base, ra_use(w, p->b), 0, disp);
}

/* Misaligned accesses leave with CPU_EXIT_ALIGN. */
static void check_alignment(struct cg_work *w, uint32_t i, struct x64_rm m, unsigned size)
{
    if (!(ins_of(w, i)->aux & IR_M_ALIGNED) || !size)
        return;
    if (m.disp || m.index >= 0)
        x64_lea(&w->a, true, SCRATCH, m);
    else
        x64_mov(&w->a, true, SCRATCH, m.base);
    x64_b(&w->a, 0xa8); /* test al, imm */
    x64_b(&w->a, (1u << size) - 1);
    flags_clobber(w);
    uint8_t *from = x64_jcc(&w->a, X64_NE);
    VEC_PUSH(w, cold) = (struct cold){.kind = COLD_ALIGN, .from = from, .ins = i, .pc = w->insn_pc};
}

/* ---- system mode ----
 * The page of the access's last byte is compared with the tag in the entry of its first byte: an
 * access across pages fails, as does a misaligned one that must be aligned (its low bits stay in).
 * Accesses of a group (group.c) are compared once, as one access of all their bytes. */

enum { IN_NO_REG = 255 };

static unsigned mem_desc(const struct ir_ins *p)
{
    switch (p->op) {
    case IR_LD: return CG_MEM_LD | p->aux;
    case IR_ST: return CG_MEM_ST | p->aux;
    case IR_CAS: return CG_MEM_CAS | p->aux;
    default: return CG_MEM_RMW | p->aux | p->c << CG_MEM_RMW_SHIFT;
    }
}

static struct x64_rm tlb_set(const struct ir_ins *p) { return x64_m(RBP, CPU_OFF(tlb) + (p->aux & IR_M_USER ? 8 : 0)); }

static struct x64_rm cell_mem(unsigned cell) { return x64_m(RBP, CPU_OFF(cell) + 8 * (int32_t)cell); }

/* t := the TLB's entry of the page at m + lo; rax := the page of m + hi, with low bits where all must be aligned. */
static void find_entry(struct cg_work *w, uint32_t i, struct x64_rm m, int32_t lo, int32_t hi, int t)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool aligned = p->aux & IR_M_ALIGNED;
    int32_t disp = m.disp;
    m.disp = disp + lo;
    if (m.disp || m.index >= 0)
        x64_lea(a, true, t, m);
    else
        x64_mov(a, true, t, m.base);
    if (aligned || hi == lo)
        x64_mov(a, true, SCRATCH, t);
    else
        x64_lea(a, true, SCRATCH, x64_m(t, hi - lo));
    x64_shifti(a, X64_SHR, false, t, MEM_PAGE_BITS - 5);
    x64_alui(a, X64_AND, false, x64_r(t), (TLB_SIZE - 1) << 5);
    x64_alu(a, X64_ADD, true, t, tlb_set(p));
    x64_alui(a, X64_AND, true, x64_r(SCRATCH), -MEM_PAGE | (aligned ? hi - lo : 0));
}

/* Where it goes when the page of the access, or of all its group, is not the one in its place; else t is the addend. */
static uint8_t *check_page(struct cg_work *w, uint32_t i, struct x64_rm m, const struct group *g, int t)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool shared = g && g->cell < CPU_CELLS;
    int32_t entry = 0, tag = 8 * (p->op != IR_LD || (shared && g->write) ? CPU_WRITE : CPU_READ);
    if (g && g->root == NONE) { /* the page is known */
        uint64_t page = (uint64_t)g->lo & TLB_PAGE_MASK;
        entry = (int32_t)(tlb_index(page) * sizeof(struct tlb_entry));
        x64_load(a, true, t, tlb_set(p));
        if ((int64_t)page == (int32_t)page) {
            x64_alui(a, X64_CMP, true, x64_m(t, entry + tag), (int32_t)page);
        } else {
            x64_movi(a, SCRATCH, page);
            x64_alu(a, X64_CMP, true, SCRATCH, x64_m(t, entry + tag));
        }
    } else {
        find_entry(w, i, m, shared ? (int32_t)(g->lo - g->off) : 0,
                   shared ? (int32_t)(g->hi - 1 - g->off) : (1 << (p->aux & IR_M_SIZE)) - 1, t);
        x64_alu(a, X64_CMP, true, SCRATCH, x64_m(t, tag));
    }
    uint8_t *from = x64_jcc(a, X64_NE);
    x64_load(a, true, t, x64_m(t, entry + (int32_t)offsetof(struct tlb_entry, addend)));
    return from;
}

/* `c` has the values' registers. The result's base is a temporary of this instruction (locked). */
static struct x64_rm through_tlb(struct cg_work *w, uint32_t i, struct x64_rm m, struct cold *c)
{
    struct x64_asm *a = &w->a;
    const struct group *g = w->v[i].group ? &w->group[w->v[i].group - 1] : NULL;
    int t = ra_temp(w, false);
    flags_clobber(w);
    c->kind = COLD_MEM;
    c->ins = i;
    c->pc = w->insn_pc;
    c->m = m;
    c->r[0] = (uint8_t)t;
    c->cell = CPU_CELLS;
    c->shared = g && g->cell < CPU_CELLS;
    if (c->shared && i != g->head) {
        x64_load(a, true, t, cell_mem(g->cell));
        x64_test(a, true, t, t);
        c->from = x64_jcc(a, X64_E);
    } else {
        c->from = check_page(w, i, m, g, t);
        if (c->shared) {
            c->cell = g->cell;
            x64_store(a, true, t, cell_mem(g->cell));
        }
    }
    c->back = a->p;
    VEC_PUSH(w, cold) = *c;
    if (m.index < 0 && m.base != t)
        return x64_mx(m.base, t, 0, m.disp);
    x64_alu(a, X64_ADD, true, t, x64_r(m.base));
    m.base = (int8_t)t;
    return m;
}

void sel_cold_mem(struct cg_work *w, struct cold *c)
{
    struct x64_asm *a = &w->a;
    if (c->cell < CPU_CELLS)
        x64_storei(a, true, 0, cell_mem(c->cell));
    if (c->shared) { /* its own page may be there for all that */
        uint8_t *miss = check_page(w, c->ins, c->m, NULL, c->r[0]);
        x64_jmp_to(a, c->back);
        x64_patch(miss, a->p);
    }
    if (c->m.disp || c->m.index >= 0)
        x64_lea(a, true, SCRATCH, c->m);
    else
        x64_mov(a, true, SCRATCH, c->m.base);
    for (unsigned n = 0; n < c->nargs; n++) {
        struct x64_rm to = x64_m(RBP, CPU_OFF(args) + 16 * (int32_t)n);
        unsigned r = c->r[1 + n];
        if (r == IN_NO_REG)
            x64_storei(a, true, c->imm, to);
        else if (r < 16)
            x64_store(a, true, (int)r, to);
        else
            x64_storev(a, (int)r - 16, to);
    }
    x64_storei(a, false, (int32_t)mem_desc(ins_of(w, c->ins)), x64_m(RBP, CPU_OFF(mem_desc)));
    call_abs(w, w->cg->stubs.mem_slow);
    cg_point_at(w, c->pc);
    x64_mov(a, true, c->r[0], SCRATCH);
    x64_jmp_to(a, c->back);
}

/* Host memory for an access without values. */
static struct x64_rm to_read(struct cg_work *w, uint32_t i, struct x64_rm m)
{
    struct cold c = {.nargs = 0};
    if (in_system(w))
        return through_tlb(w, i, m, &c);
    check_alignment(w, i, m, ins_of(w, i)->aux & IR_M_SIZE);
    return m;
}

/* For a store of register r (16 and above: xmm), or of imm if IN_NO_REG. */
static struct x64_rm to_write(struct cg_work *w, uint32_t i, struct x64_rm m, unsigned r, int32_t imm)
{
    struct cold c = {.nargs = 1, .r = {0, (uint8_t)r}, .imm = imm};
    if (in_system(w))
        return through_tlb(w, i, m, &c);
    check_alignment(w, i, m, ins_of(w, i)->aux & IR_M_SIZE);
    return m;
}

/* For an atomic operation; the address is one register then, and w->locked is that. */
static struct x64_rm to_change(struct cg_work *w, uint32_t i, int base, int r1, int r2)
{
    struct cold c = {.nargs = (uint8_t)(r2 < 0 ? 1 : 2), .r = {0, (uint8_t)r1, (uint8_t)r2}};
    if (!in_system(w)) {
        check_alignment(w, i, x64_m(base, 0), ins_of(w, i)->aux & IR_M_SIZE);
        return x64_m(base, 0);
    }
    struct x64_rm m = through_tlb(w, i, x64_m(base, 0), &c);
    int t = c.r[0];
    x64_alu(&w->a, X64_ADD, true, t, x64_r(base));
    (void)m;
    w->locked = 1u << t;
    return x64_m(t, 0);
}

static void load_int(struct cg_work *w, uint32_t i, struct x64_rm m)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool wd = p->type == IR_I64, sign = p->aux & IR_M_SIGNED;
    unsigned size = p->aux & IR_M_SIZE;
    ra_release_locks(w); /* the result may take the address's register */
    int d = ra_def(w, i, -1);
    cg_point(w);
    switch (size) {
    case IR_M_8: x64_op(a, X64_0F(sign ? 0xbe : 0xb6), sign && wd, d, m); break;
    case IR_M_16: x64_op(a, X64_0F(sign ? 0xbf : 0xb7), sign && wd, d, m); break;
    case IR_M_32:
        if (sign && wd)
            x64_op(a, 0x63, true, d, m);
        else
            x64_load(a, false, d, m);
        break;
    default: x64_load(a, true, d, m);
    }
    if (!(wd && sign))
        w->v[i].flags |= V_ZX32;
    if (size == IR_M_64 && wd)
        w->v[i].flags &= (uint8_t)~V_ZX32;
}

static void swap_bytes(struct cg_work *w, int r, unsigned size)
{
    if (size == IR_M_8)
        return;
    unsigned rex = (size == IR_M_64 ? 0x48 : 0) | (r & 8 ? 0x41 : 0);
    if (rex)
        x64_b(&w->a, rex);
    x64_b(&w->a, 0x0f);
    x64_b(&w->a, 0xc8u | (r & 7));
    if (size == IR_M_16)
        x64_shifti(&w->a, X64_SHR, false, r, 16);
    flags_clobber(w);
}

/* xmm15 := the low `size` bytes of xmm register r reversed, zeros above. */
static void swap_vec(struct cg_work *w, int r, unsigned size)
{
    struct x64_asm *a = &w->a;
    bool wide = size >= IR_M_64;
    x64_sse1w(a, X64_66 | X64_0F(0x7e), wide, r, x64_r(SCRATCH));
    swap_bytes(w, SCRATCH, size == IR_M_128 ? IR_M_64 : size);
    x64_sse1w(a, X64_66 | X64_0F(0x6e), wide, size == IR_M_128 ? VSCRATCH2 : VSCRATCH, x64_r(SCRATCH));
    if (size != IR_M_128)
        return;
    x64_sse1w(a, X64_66 | X64_0F3A(0x16), true, r, x64_r(SCRATCH)); /* pextrq */
    x64_b(a, 1);
    swap_bytes(w, SCRATCH, IR_M_64);
    x64_sse1w(a, X64_66 | X64_0F(0x6e), true, VSCRATCH, x64_r(SCRATCH));
    x64_sse(a, X64_66 | X64_0F(0x6c), VSCRATCH, VSCRATCH, x64_r(VSCRATCH2), VSCRATCH); /* punpcklqdq */
}

static void load_vec(struct cg_work *w, uint32_t i, struct x64_rm m)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    unsigned size = p->aux & IR_M_SIZE;
    int d = ra_def(w, i, -1);
    cg_point(w);
    w->v[i].flags |= V_ZHI;
    switch (size) {
    case IR_M_128: x64_loadv(a, d, m); break;
    case IR_M_64: x64_sse1(a, X64_F3 | X64_0F(0x7e), d, m); break;
    case IR_M_32: x64_sse1(a, X64_F3 | X64_0F(0x10), d, m); break;
    default:
        x64_op(a, X64_0F(size == IR_M_16 ? 0xb7 : 0xb6), false, SCRATCH, m);
        x64_sse1(a, X64_66 | X64_0F(0x6e), d, x64_r(SCRATCH));
    }
    if (p->aux & IR_M_BIG && size != IR_M_8) {
        swap_vec(w, d, size);
        x64_movaps(a, d, VSCRATCH);
    }
}

static bool sel_load(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned size = p->aux & IR_M_SIZE;
    struct x64_rm m = to_read(w, i, cg_address(w, p->a, (int32_t)p->c));
    if (type_is_vec(p->type)) {
        load_vec(w, i, m);
    } else if (p->aux & IR_M_BIG && size != IR_M_8) {
        int d = ra_def(w, i, -1);
        cg_point(w);
        if (size == IR_M_16)
            x64_op(&w->a, X64_0F(0xb7), false, SCRATCH, m);
        else
            x64_load(&w->a, size == IR_M_64, SCRATCH, m);
        swap_bytes(w, SCRATCH, size);
        bool sign = p->aux & IR_M_SIGNED, wd = p->type == IR_I64;
        if (sign && size == IR_M_16)
            x64_op(&w->a, X64_0F(0xbf), wd, d, x64_r(SCRATCH));
        else if (sign && size == IR_M_32 && wd)
            x64_op(&w->a, 0x63, true, d, x64_r(SCRATCH));
        else
            x64_mov(&w->a, size == IR_M_64, d, SCRATCH);
    } else {
        load_int(w, i, m);
    }
    return true;
}

static void store_gpr(struct x64_asm *a, unsigned size, int r, struct x64_rm m)
{
    switch (size) {
    case IR_M_8: x64_op8(a, 0x88, r, m); break;
    case IR_M_16: x64_op(a, X64_66 | 0x89, false, r, m); break;
    case IR_M_32: x64_store(a, false, r, m); break;
    default: x64_store(a, true, r, m);
    }
}

static bool sel_store(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    unsigned size = p->aux & IR_M_SIZE;
    bool sc = p->aux & IR_M_SEQCST;
    int32_t imm;
    struct x64_rm m = cg_address(w, p->a, (int32_t)p->c);
    if (type_is_vec(p->type)) {
        int r = ra_use(w, p->b);
        m = to_write(w, i, m, (unsigned)XMM(r), 0);
        if (p->aux & IR_M_BIG && size != IR_M_8) {
            swap_vec(w, r, size);
            r = VSCRATCH;
        }
        cg_point(w);
        if (size == IR_M_128) {
            x64_storev(a, r, m);
        } else if (size == IR_M_64) {
            x64_sse1(a, X64_66 | X64_0F(0xd6), r, m);
        } else if (size == IR_M_32) {
            x64_sse1(a, X64_F3 | X64_0F(0x11), r, m);
        } else {
            x64_sse1(a, X64_66 | X64_0F(0x7e), r, x64_r(SCRATCH));
            store_gpr(a, size, SCRATCH, m);
        }
        if (sc) {
            x64_op(a, X64_0F(0xae), false, 6, x64_r(0)); /* mfence */
        }
        return true;
    }
    if (!sc && !(p->aux & IR_M_BIG) && w->v[p->b].reg < 0 && ra_imm32(w, p->b, size == IR_M_64, &imm)) {
        m = to_write(w, i, m, IN_NO_REG, imm);
        cg_point(w);
        if (size == IR_M_8) {
            x64_op(a, 0xc6, false, 0, m);
            x64_b(a, (uint8_t)imm);
        } else if (size == IR_M_16) {
            x64_op(a, X64_66 | 0xc7, false, 0, m);
            x64_b(a, (uint8_t)imm);
            x64_b(a, (uint8_t)(imm >> 8));
        } else {
            x64_storei(a, size == IR_M_64, imm, m);
        }
        return true;
    }
    int r = ra_use(w, p->b);
    m = to_write(w, i, m, (unsigned)r, 0);
    if (sc || p->aux & IR_M_BIG) {
        x64_mov(a, true, SCRATCH, r);
        r = SCRATCH;
    }
    if (p->aux & IR_M_BIG)
        swap_bytes(w, r, size);
    cg_point(w);
    if (sc) /* xchg is a store and a full barrier */
        size == IR_M_8    ? x64_op8(a, 0x86, r, m)
        : size == IR_M_16 ? x64_op(a, X64_66 | 0x87, false, r, m)
                          : x64_op(a, 0x87, size == IR_M_64, r, m);
    else
        store_gpr(a, size, r, m);
    return true;
}

/* rax (the old value as loaded) to the result, extended as the descriptor says. */
static void old_value(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned size = p->aux & IR_M_SIZE;
    bool sign = p->aux & IR_M_SIGNED, wd = p->type == IR_I64;
    ra_release_locks(w);
    if (p->aux & IR_M_BIG)
        swap_bytes(w, SCRATCH, size);
    int d = ra_def(w, i, -1);
    if (size == IR_M_8)
        x64_op8(&w->a, X64_0F(sign ? 0xbe : 0xb6), d, x64_r(SCRATCH));
    else if (size == IR_M_16)
        x64_op(&w->a, X64_0F(sign ? 0xbf : 0xb7), sign && wd, d, x64_r(SCRATCH));
    else if (size == IR_M_32 && sign && wd)
        x64_op(&w->a, 0x63, true, d, x64_r(SCRATCH));
    else
        x64_mov(&w->a, size == IR_M_64, d, SCRATCH);
    if (size == IR_M_8 && sign && wd)
        x64_op(&w->a, X64_0F(0xbe), true, d, x64_r(SCRATCH));
    if (!wd || (!sign && size != IR_M_64))
        w->v[i].flags |= V_ZX32;
}

/* lock prefix, then an instruction whose operand size may be 1, 2, 4, 8 */
static void locked(struct x64_asm *a, unsigned op8, unsigned op, unsigned size, int r, struct x64_rm m)
{
    x64_b(a, 0xf0);
    if (size == IR_M_8)
        x64_op8(a, op8, r, m);
    else
        x64_op(a, (size == IR_M_16 ? X64_66 : 0) | op, size == IR_M_64, r, m);
}

static void load_old(struct x64_asm *a, unsigned size, struct x64_rm m)
{
    if (size <= IR_M_16)
        x64_op(a, X64_0F(size == IR_M_8 ? 0xb6 : 0xb7), false, SCRATCH, m);
    else
        x64_load(a, size == IR_M_64, SCRATCH, m);
}

static void extend(struct x64_asm *a, int d, int s, unsigned size, bool sign)
{
    if (size == IR_M_8)
        x64_op8(a, X64_0F(sign ? 0xbe : 0xb6), d, x64_r(s));
    else if (size == IR_M_16)
        x64_op(a, X64_0F(sign ? 0xbf : 0xb7), false, d, x64_r(s));
    else
        x64_mov(a, size == IR_M_64, d, s);
}

static void rmw_loop(struct cg_work *w, uint32_t i, struct x64_rm m, int rb, uint32_t base)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    unsigned size = p->aux & IR_M_SIZE;
    bool wd = size == IR_M_64, big = p->aux & IR_M_BIG;
    int b = rb;
    bool minmax = p->c >= IR_RMW_MINS, sign = p->c == IR_RMW_MINS || p->c == IR_RMW_MAXS;
    if ((minmax && size <= IR_M_16) || p->c == IR_RMW_ANDN) {
        w->locked = base; /* the operand's register is free for the next one */
        b = ra_temp(w, false);
        extend(a, b, rb, size, sign);
        if (p->c == IR_RMW_ANDN)
            x64_op(a, 0xf7, wd, 2, x64_r(b));
    }
    int t = ra_temp(w, false);
    cg_point(w);
    load_old(a, size, m);
    const uint8_t *again = a->p;
    if (big) {
        x64_mov(a, wd, t, SCRATCH);
        swap_bytes(w, t, size);
    }
    extend(a, t, big ? t : SCRATCH, minmax ? size : wd ? IR_M_64 : IR_M_32, sign);
    switch (p->c) {
    case IR_RMW_ADD: x64_alu(a, X64_ADD, wd, t, x64_r(b)); break;
    case IR_RMW_AND: case IR_RMW_ANDN: x64_alu(a, X64_AND, wd, t, x64_r(b)); break;
    case IR_RMW_OR: x64_alu(a, X64_OR, wd, t, x64_r(b)); break;
    case IR_RMW_XOR: x64_alu(a, X64_XOR, wd, t, x64_r(b)); break;
    default: {
        static const uint8_t take_b[] = {X64_G, X64_L, X64_A, X64_B}; /* mins maxs minu maxu */
        x64_alu(a, X64_CMP, wd, t, x64_r(b));
        x64_cmov(a, take_b[p->c - IR_RMW_MINS], wd, t, x64_r(b));
    }
    }
    if (big)
        swap_bytes(w, t, size);
    locked(a, X64_0F(0xb0), X64_0F(0xb1), size, t, m);
    x64_jcc_to(a, X64_NE, again);
}

static bool sel_rmw(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    unsigned size = p->aux & IR_M_SIZE;
    int ra = ra_use(w, p->a);
    uint32_t base = w->locked;
    int rb = ra_use(w, p->b);
    struct x64_rm m = to_change(w, i, ra, rb, -1);
    if (in_system(w)) {
        base = w->locked;
        w->locked |= 1u << rb;
    }
    flags_clobber(w);
    bool big = p->aux & IR_M_BIG;
    if (!big && w->v[i].uses == 0 && p->c >= IR_RMW_ADD && p->c <= IR_RMW_XOR) {
        static const uint8_t op[] = {0, X64_ADD, X64_AND, X64_OR, X64_XOR};
        cg_point(w);
        locked(a, (unsigned)op[p->c] << 3, (unsigned)op[p->c] << 3 | 1, size, rb, m);
        return true;
    }
    if (p->c == IR_RMW_XCHG) {
        x64_mov(a, true, SCRATCH, rb);
        if (big)
            swap_bytes(w, SCRATCH, size);
        cg_point(w);
        if (size == IR_M_8)
            x64_op8(a, 0x86, SCRATCH, m);
        else
            x64_op(a, (size == IR_M_16 ? X64_66 : 0) | 0x87, size == IR_M_64, SCRATCH, m);
    } else if (p->c == IR_RMW_ADD && !big) {
        x64_mov(a, true, SCRATCH, rb);
        cg_point(w);
        locked(a, X64_0F(0xc0), X64_0F(0xc1), size, SCRATCH, m);
    } else {
        rmw_loop(w, i, m, rb, base);
    }
    old_value(w, i);
    return true;
}

static bool sel_cas(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned size = p->aux & IR_M_SIZE;
    int ra = ra_use(w, p->a), fresh;
    struct x64_rm m;
    if (in_system(w)) {
        int rb = ra_use(w, p->b);
        fresh = ra_use(w, p->c);
        m = to_change(w, i, ra, rb, fresh);
        x64_mov(&w->a, true, SCRATCH, rb);
        w->locked |= 1u << fresh;
    } else {
        uint32_t kept = w->locked;
        m = to_change(w, i, ra, 0, 0);
        x64_mov(&w->a, true, SCRATCH, ra_use(w, p->b));
        w->locked = kept; /* b is in rax now: the canonical map leaves too few temporaries for three */
        fresh = ra_use(w, p->c);
    }
    flags_clobber(w);
    if (p->aux & IR_M_BIG) {
        int t = ra_temp(w, false);
        x64_mov(&w->a, true, t, fresh);
        swap_bytes(w, t, size);
        swap_bytes(w, SCRATCH, size);
        fresh = t;
    }
    cg_point(w);
    locked(&w->a, X64_0F(0xb0), X64_0F(0xb1), size, fresh, m);
    old_value(w, i);
    return true;
}

bool sel_mem(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    switch (p->op) {
    case IR_LD: return sel_load(w, i);
    case IR_ST: return sel_store(w, i);
    case IR_RMW: return sel_rmw(w, i);
    case IR_CAS: return sel_cas(w, i);
    case IR_FENCE:
        if (p->aux & IR_FENCE_SL) { /* lock or dword [scratch], 0: cheaper than mfence */
            x64_b(&w->a, 0xf0);
            x64_alui(&w->a, X64_OR, false, x64_m(RSP, -64), 0);
            flags_clobber(w);
        }
        return true;
    default: return false;
    }
}
