/* Selection of control: branches inside the unit, exits that get linked, indirect jumps through the
 * cpu's jump cache, calls and returns on the return stack, helper calls, exits with a reason.
 *
 * At any exit the canonical map holds. The return stack keeps pairs {guest return address, host return
 * address}; guest calls are host calls, so the host predicts guest returns.
 */
#include "codegen/host/x86_64/x86_64.h"

uint64_t rx_of(const struct cg_work *w, const uint8_t *p) { return w->a.rx + (uint64_t)(p - w->a.start); }

static void rel32_to(struct cg_work *w, uint8_t *disp, uint64_t target)
{
    int64_t d = (int64_t)(target - (rx_of(w, disp) + 4));
    assert(d == (int32_t)d);
    int32_t d32 = (int32_t)d;
    memcpy(disp, &d32, 4);
}

void jmp_abs(struct cg_work *w, uint64_t target) { rel32_to(w, x64_jmp(&w->a), target); }
void call_abs(struct cg_work *w, uint64_t target) { rel32_to(w, x64_call(&w->a), target); }

/* A displacement that leaves the unit for pc once linked; its stub comes with the cold code. */
static void exit_site(struct cg_work *w, uint8_t *disp, uint64_t pc)
{
    uint32_t n = w->nexits;
    VEC_PUSH(w, exits) = (struct cg_exit){.site = (uint32_t)(disp - w->a.start), .pc = pc};
    VEC_PUSH(w, cold) = (struct cold){.kind = COLD_EXIT, .from = disp, .ins = n};
}

/* May an exit to pc be linked, or does its meaning change with the guest's page tables? */
static bool linkable(const struct cg_work *w, uint64_t pc)
{
    return !in_system(w) || pc - w->o->link_lo <= w->o->link_last - w->o->link_lo;
}

/* rax := pc; compares its entry in the jump cache of the set in use. */
static struct x64_rm far_entry(struct cg_work *w, uint64_t pc)
{
    unsigned n = (unsigned)(pc >> cg_jcache_shift(w->cg)) & (TLB_JCACHE_SIZE - 1);
    struct x64_rm m = x64_m(RCX, JCACHE_OFF + (int32_t)(n * sizeof(struct cpu_jcache)));
    x64_load(&w->a, true, RCX, x64_m(RBP, CPU_OFF(tlb)));
    x64_movi(&w->a, RAX, pc);
    x64_alu(&w->a, X64_CMP, true, RAX, m);
    m.disp += (int32_t)offsetof(struct cpu_jcache, host);
    return m;
}

static void jmp_exit(struct cg_work *w, uint64_t pc)
{
    if (!linkable(w, pc)) {
        struct x64_rm m = far_entry(w, pc);
        rel32_to(w, x64_jcc(&w->a, X64_NE), w->cg->stubs.exit_pc);
        x64_op(&w->a, 0xff, false, 4, m);
        return;
    }
    x64_align_disp(&w->a, 1);
    exit_site(w, x64_jmp(&w->a), pc);
}

static void to_block(struct cg_work *w, uint8_t *disp, uint32_t block)
{
    if (w->blk[block].code)
        x64_patch(disp, w->blk[block].code);
    else
        VEC_PUSH(w, fix) = (struct fix){disp, block};
}

/* Routes a conditional jump's displacements to a target. */
static void route(struct cg_work *w, uint8_t *disp, const struct ir_target *t)
{
    if (t->block != IR_NONE)
        to_block(w, disp, t->block);
    else if (w->canonical && linkable(w, t->pc))
        exit_site(w, disp, t->pc);
    else
        VEC_PUSH(w, cold) = (struct cold){.kind = COLD_EDGE, .from = disp, .pc = t->pc};
}

static void sel_br(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    bool wd = p->type == IR_I64;
    int32_t imm;
    uint64_t k;
    unsigned cond = cg_host_cond[p->aux];
    int ra = ra_use(w, p->a);
    if (p->op == IR_BRT) {
        if (ra_const(w, p->b, &k) && k && !(k & (k - 1)) && k > 0x7fffffff) { /* one high bit: bt */
            x64_op(&w->a, X64_0F(0xba), true, 4, x64_r(ra));
            x64_b(&w->a, (unsigned)__builtin_ctzll(k));
            cond = p->aux == IR_EQ ? X64_AE : X64_B;
        } else if (ra_imm32(w, p->b, wd, &imm)) {
            x64_testi(&w->a, wd, x64_r(ra), imm);
        } else {
            x64_test(&w->a, wd, ra, ra_use(w, p->b));
        }
    } else if (ra_imm32(w, p->b, wd, &imm)) {
        if (imm)
            x64_alui(&w->a, X64_CMP, wd, x64_r(ra), imm);
        else
            x64_test(&w->a, wd, ra, ra);
    } else {
        x64_alu(&w->a, X64_CMP, wd, ra, ra_use_rm(w, p->b));
    }
    flags_clobber(w);
    x64_align_disp(&w->a, 2);
    route(w, x64_jcc(&w->a, cond), &w->u->targets[p->c]);
}

static void sel_brcc(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct cc_jumps j = {.n = 0};
    cc_branch(w, p->a, p->aux, &j);
    for (unsigned k = 0; k < j.n; k++)
        route(w, j.disp[k], &w->u->targets[p->c]);
}

/* Pushes a guest return address: from where the guest's link register was just put, if it is found. */
static void push_return(struct cg_work *w, uint32_t i, uint32_t v)
{
    struct x64_asm *a = &w->a;
    uint64_t k;
    int32_t imm;
    if (ra_imm32(w, v, true, &imm)) {
        x64_b(a, 0x68);
        x64_d(a, (uint32_t)imm);
        return;
    }
    for (uint32_t n = i; n-- > 0 && i - n < 8;) {
        const struct ir_ins *p = ins_of(w, n);
        if (p->op == IR_PUT && p->a == v && p->type == IR_I64) {
            int home = w->cg->canonical.reg[p->aux];
            x64_op(a, 0xff, false, 6, home >= 0 ? x64_r(home) : slot_mem(w->cg, p->aux));
            return;
        }
    }
    if (ra_const(w, v, &k)) {
        x64_movi(a, SCRATCH, k);
    } else {
        /* Not a constant and not in a slot: it was kept in the scratch cell before the map was left. */
        x64_load(a, true, SCRATCH, x64_m(RBP, CPU_OFF(scratch)));
    }
    x64_op(a, 0xff, false, 6, x64_r(SCRATCH));
}

static void keep_return(struct cg_work *w, uint32_t v)
{
    uint64_t k;
    if (!ra_const(w, v, &k))
        x64_store(&w->a, true, ra_use(w, v), x64_m(RBP, CPU_OFF(scratch)));
}

/* After a guest call: the return address is consumed; go on in the unit or leave it. */
static void landing(struct cg_work *w, uint32_t v)
{
    uint64_t pc;
    x64_lea(&w->a, true, RSP, x64_m(RSP, 8));
    if (!ra_const(w, v, &pc)) { /* unknown here: let the dispatcher see */
        x64_load(&w->a, true, SCRATCH, x64_m(RSP, -8));
        jmp_abs(w, w->cg->stubs.exit_pc);
        return;
    }
    for (uint32_t b = 0; b < w->u->nblocks; b++)
        if (w->u->blocks[b].pc == pc && b != 0) {
            cg_map_enter(w);
            to_block(w, x64_jmp(&w->a), b);
            return;
        }
    jmp_exit(w, pc);
}

static void sel_jmp(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    const struct ir_target *t = &w->u->targets[p->c];
    if (p->aux == IR_J_CALL && p->b != IR_NONE) {
        keep_return(w, p->b);
        cg_map_leave(w);
        push_return(w, i, p->b);
        if (!linkable(w, t->pc)) {
            struct x64_rm m = far_entry(w, t->pc);
            uint8_t *miss = x64_jcc(&w->a, X64_NE);
            x64_op(&w->a, 0xff, false, 2, m);
            VEC_PUSH(w, cold) = (struct cold){.kind = COLD_IND, .from = miss, .back = w->a.p, .ins = i};
            landing(w, p->b);
            return;
        }
        x64_align_disp(&w->a, 1);
        uint8_t *disp = x64_call(&w->a);
        if (t->block == 0 && w->blk[0].code && w->canonical) {
            x64_patch(disp, w->blk[0].code);
        } else {
            exit_site(w, disp, t->pc);
        }
        landing(w, p->b);
        return;
    }
    if (t->block != IR_NONE) {
        bool next = w->blk[t->block].code == NULL && i + 1 < w->u->nins && w->u->blocks[t->block].first == i + 1;
        if (!next)
            to_block(w, x64_jmp(&w->a), t->block);
        return;
    }
    cg_map_leave(w);
    jmp_exit(w, t->pc);
}

/* rcx := jump cache offset for the guest address in rax; flags: equal if the entry is its. */
static struct x64_rm cache_entry(struct cg_work *w, bool host)
{
    unsigned shift = cg_jcache_shift(w->cg);
    unsigned scale = shift ? 4 - shift : 0;
    int32_t off = host ? (int32_t)offsetof(struct cpu_jcache, host) : 0;
    return in_system(w) ? x64_mx(RDX, RCX, (int)scale, off + JCACHE_OFF)
                        : x64_mx(RBP, RCX, (int)scale, off + CPU_OFF(jcache));
}

static void cache_lookup(struct cg_work *w)
{
    unsigned shift = cg_jcache_shift(w->cg);
    x64_mov(&w->a, false, RCX, RAX);
    if (in_system(w))
        x64_load(&w->a, true, RDX, x64_m(RBP, CPU_OFF(tlb)));
    x64_alui(&w->a, X64_AND, false, x64_r(RCX), ((in_system(w) ? TLB_JCACHE_SIZE : CPU_JCACHE_SIZE) - 1) << shift);
    if (!shift) {
        x64_shifti(&w->a, X64_SHL, false, RCX, 4);
    }
    x64_alu(&w->a, X64_CMP, true, RAX, cache_entry(w, false));
}

static void sel_jmpi(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    bool call = p->aux == IR_J_CALL && p->b != IR_NONE;
    if (call)
        keep_return(w, p->b);
    x64_mov(a, true, RAX, ra_use(w, p->a));
    cg_map_leave(w);
    if (p->aux == IR_J_RET) {
        x64_alu(a, X64_CMP, true, RAX, x64_m(RSP, 8));
        rel32_to(w, x64_jcc(a, X64_NE), w->cg->stubs.ret_miss);
        x64_b(a, 0xc3);
        return;
    }
    if (call) { /* the pushes of the return address must not disturb rax */
        x64_mov(a, true, RDX, RAX);
        push_return(w, i, p->b);
        x64_mov(a, true, RAX, RDX);
    }
    cache_lookup(w);
    if (!call) {
        rel32_to(w, x64_jcc(a, X64_NE), w->cg->stubs.exit_pc);
        x64_op(a, 0xff, false, 4, cache_entry(w, true));
        return;
    }
    uint8_t *miss = x64_jcc(a, X64_NE);
    x64_op(a, 0xff, false, 2, cache_entry(w, true));
    VEC_PUSH(w, cold) = (struct cold){.kind = COLD_IND, .from = miss, .back = a->p, .ins = i};
    landing(w, p->b);
}

static void sel_exit(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_asm *a = &w->a;
    x64_store(a, true, ra_use(w, p->a), x64_m(RBP, CPU_OFF(pc)));
    x64_storei(a, false, (int32_t)p->c, x64_m(RBP, CPU_OFF(exit_code)));
    if (p->b != IR_NONE)
        x64_store(a, true, ra_use(w, p->b), x64_m(RBP, CPU_OFF(exit_arg)));
    cg_map_leave(w);
    x64_movi(a, RAX, p->aux);
    jmp_abs(w, w->cg->stubs.exit_reason);
}

void sel_store_arg(struct cg_work *w, unsigned n, uint32_t v)
{
    struct x64_rm m = x64_m(RBP, CPU_OFF(args) + 16 * (int32_t)n);
    const struct ir_ins *p = ins_of(w, v);
    int32_t imm;
    if (w->v[v].reg < 0 && ra_imm32(w, v, true, &imm)) {
        x64_storei(&w->a, true, imm, m);
    } else if (type_is_vec(p->type)) {
        x64_storev(&w->a, ra_use(w, v), m);
    } else {
        int r = ra_use(w, v);
        if (p->type == IR_I32 && !(w->v[v].flags & V_ZX32)) {
            x64_mov(&w->a, false, SCRATCH, r);
            r = SCRATCH;
        }
        x64_store(&w->a, true, r, m);
    }
}

void sel_load_result(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    struct x64_rm m = x64_m(RBP, CPU_OFF(args));
    w->locked = 0;
    int d = ra_def(w, i, -1);
    switch (p->type) {
    case IR_I32:
        x64_load(&w->a, false, d, m);
        w->v[i].flags |= V_ZX32;
        break;
    case IR_I64: x64_load(&w->a, true, d, m); break;
    case IR_F32:
        x64_sse1(&w->a, X64_F3 | X64_0F(0x10), d, m);
        w->v[i].flags |= V_ZHI;
        break;
    case IR_F64:
        x64_sse1(&w->a, X64_F2 | X64_0F(0x10), d, m);
        w->v[i].flags |= V_ZHI;
        break;
    default: x64_loadv(&w->a, d, m);
    }
}

/* A helper's result of type cc cannot be: helpers return NZCV words. */
static void sel_call(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    const struct ir_helper *h = &w->cg->isa->helpers[p->aux];
    struct x64_asm *a = &w->a;
    const uint32_t args[3] = {p->a, p->b, p->c};
    for (unsigned n = 0; n < 3; n++)
        if (args[n] != IR_NONE)
            sel_store_arg(w, n, args[n]);
    if (h->flags & IR_H_WRITES)
        ra_reload_homes(w);
    ra_spill_temps(w, 0);
    if (!(h->flags & IR_H_PURE)) {
        x64_movi(a, SCRATCH, w->insn_pc);
        x64_store(a, true, SCRATCH, x64_m(RBP, CPU_OFF(pc)));
    }
    if (w->canonical) {
        x64_movi(a, RDX, (uint64_t)(uintptr_t)h->fn);
        call_abs(w, h->flags & IR_H_PURE ? w->cg->stubs.helper : w->cg->stubs.helper_state);
    } else {
        VEC_PUSH(w, save_call) = x64_call(a);
        x64_movi(a, RDX, (uint64_t)(uintptr_t)h->fn);
        call_abs(w, h->flags & IR_H_PURE ? w->cg->stubs.helper_raw : w->cg->stubs.helper_state_raw);
        VEC_PUSH(w, load_call) = x64_call(a);
    }
    flags_clobber(w);
    if (p->type != IR_VOID)
        sel_load_result(w, i);
}

static void descriptor(struct cg_work *w, uint32_t i, unsigned argtype)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned mask = ir_operand_mask(p);
    uint32_t imm = mask & 4 ? 0 : p->c;
    x64_movi(&w->a, RAX, p->op | (uint64_t)p->type << 8 | (uint64_t)argtype << 12 | (uint64_t)p->aux << 16 |
                             (uint64_t)imm << 32);
    call_abs(w, w->cg->stubs.eval);
}

void sel_eval(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned mask = ir_operand_mask(p);
    const uint32_t args[3] = {p->a, p->b, p->c};
    for (unsigned n = 0; n < 3; n++)
        if (mask >> n & 1)
            sel_store_arg(w, n, args[n]);
    descriptor(w, i, w->u->ins[p->a].type);
    flags_clobber(w);
    sel_load_result(w, i);
}

/* ---- cold code ---- */

static void cold_arg(struct cg_work *w, unsigned n, unsigned r)
{
    struct x64_rm m = x64_m(RBP, CPU_OFF(args) + 16 * (int32_t)n);
    if (r < 16)
        x64_store(&w->a, true, (int)r, m);
    else
        x64_storev(&w->a, (int)r - 16, m);
}

static void cold_eval(struct cg_work *w, struct cold *c)
{
    const struct ir_ins *p = ins_of(w, c->ins);
    struct x64_rm m = x64_m(RBP, CPU_OFF(args));
    for (unsigned n = 0; n < c->nargs; n++)
        cold_arg(w, n, c->r[n]);
    descriptor(w, c->ins, c->argtype);
    if (c->r[3] < 16)
        x64_load(&w->a, p->type == IR_I64, c->r[3], m);
    else if (p->type == IR_V128)
        x64_loadv(&w->a, c->r[3] - 16, m);
    else
        x64_sse1(&w->a, (p->type == IR_F64 ? X64_F2 : X64_F3) | X64_0F(0x10), c->r[3] - 16, m);
    x64_jmp_to(&w->a, c->back);
}

static void cold_one(struct cg_work *w, struct cold *c)
{
    struct x64_asm *a = &w->a;
    x64_patch(c->from, a->p);
    if (c->from2)
        x64_patch(c->from2, a->p);
    switch (c->kind) {
    case COLD_EXIT:
        w->exits[c->ins].stub = x64_off(a);
        call_abs(w, w->cg->stubs.exit_link);
        w->exits[c->ins].id = x64_off(a);
        break;
    case COLD_EDGE:
        cg_map_leave(w);
        jmp_exit(w, c->pc);
        break;
    case COLD_EVAL:
        cold_eval(w, c);
        break;
    case COLD_KICK:
    case COLD_HOT:
        cg_map_leave(w);
        x64_movi(a, RAX, c->pc);
        jmp_abs(w, c->kind == COLD_KICK ? w->cg->stubs.exit_kick : w->cg->stubs.counter);
        break;
    case COLD_IND:
        call_abs(w, w->cg->stubs.exit_pc);
        x64_jmp_to(a, c->back);
        break;
    case COLD_MEM:
        sel_cold_mem(w, c);
        break;
    case COLD_ALIGN:
        if (w->cg->isa->top_byte_ignored && !in_system(w)) { /* programs see addresses without their tags */
            x64_shifti(a, X64_SHL, true, RAX, 8);
            x64_shifti(a, X64_SAR, true, RAX, 8);
        }
        x64_store(a, true, RAX, x64_m(RBP, CPU_OFF(fault_addr)));
        x64_storei(a, false, ins_of(w, c->ins)->op == IR_LD ? CPU_READ : CPU_WRITE,
                   x64_m(RBP, CPU_OFF(fault_access)));
        x64_movi(a, RAX, c->pc);
        x64_store(a, true, RAX, x64_m(RBP, CPU_OFF(pc)));
        cg_map_leave(w);
        x64_movi(a, RAX, CPU_EXIT_ALIGN);
        jmp_abs(w, w->cg->stubs.exit_reason);
        break;
    default:
        assert(!"cold code of unknown kind");
    }
}

void sel_cold(struct cg_work *w)
{
    for (uint32_t n = 0; n < w->ncold && !w->overflow; n++) { /* edges append exits */
        if (w->a.end - w->a.p < 1024) {
            w->overflow = true;
            return;
        }
        struct cold c = w->cold[n];
        cold_one(w, &c);
    }
}

bool sel_control(struct cg_work *w, uint32_t i)
{
    switch (ins_of(w, i)->op) {
    case IR_BR:
    case IR_BRT: sel_br(w, i); return true;
    case IR_BRCC: sel_brcc(w, i); return true;
    case IR_JMP: sel_jmp(w, i); return true;
    case IR_JMPI: sel_jmpi(w, i); return true;
    case IR_EXIT: sel_exit(w, i); return true;
    case IR_ARG: {
        const struct ir_ins *p = ins_of(w, i);
        const uint32_t args[3] = {p->a, p->b, p->c};
        for (unsigned n = 0; n < 3; n++)
            if (args[n] != IR_NONE)
                sel_store_arg(w, 3 + n, args[n]);
        return true;
    }
    case IR_CALL: sel_call(w, i); return true;
    default: return false;
    }
}
