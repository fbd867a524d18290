/* Values to registers, forward through a block. Owns who is in which register; knows no operation.
 *
 * A register holds a list of values that are equal (a copy, the low part of a wider one). A home
 * register always holds its slot; values may share it until a PUT changes it, then those that live on
 * move away. Temporaries are given out free first, else the one whose value is needed last is spilled;
 * what is a constant or still equals a slot in memory is dropped without a store.
 */
#include "codegen/host/x86_64/x86_64.h"

static bool is_vec(const struct cg_work *w, uint32_t v) { return type_is_vec(w->u->ins[v].type); }

struct x64_rm ra_spill_mem(unsigned cell)
{
    return x64_m(RBP, CPU_OFF(spill) + 16 * (int32_t)cell);
}

bool ra_const(const struct cg_work *w, uint32_t v, uint64_t *x)
{
    const struct ir_ins *i = ins_of(w, v);
    if (i->op != IR_CONST || type_is_vec(i->type))
        return false;
    *x = i->type == IR_I32 ? i->b : ir_imm64(i);
    return true;
}

bool ra_imm32(const struct cg_work *w, uint32_t v, bool wide, int32_t *x)
{
    uint64_t c;
    if (!ra_const(w, v, &c))
        return false;
    *x = (int32_t)c;
    return !wide || (int64_t)c == (int32_t)c;
}

static void list_remove(struct cg_work *w, uint32_t *head, uint32_t v)
{
    for (uint32_t *p = head; *p != NONE; p = &w->v[*p].next)
        if (*p == v) {
            *p = w->v[v].next;
            return;
        }
}

static bool slot_valid(const struct cg_work *w, uint32_t v)
{
    const struct val *x = &w->v[v];
    return x->slot >= 0 && x->slotver == w->slotver[x->slot];
}

static void drop(struct cg_work *w, uint32_t v)
{
    struct val *x = &w->v[v];
    if (x->reg >= 0) {
        list_remove(w, &w->regval[x->reg], v);
        x->reg = -1;
    } else if (slot_valid(w, v)) {
        list_remove(w, &w->memval[x->slot], v);
    }
    if (x->spill >= 0) {
        w->spills &= ~(1ull << x->spill);
        x->spill = -1;
    }
    x->slot = -1;
}

void ra_expire(struct cg_work *w, uint32_t i)
{
    for (uint32_t v = w->dieat[i]; v != NONE; v = w->v[v].die)
        drop(w, v);
}

static void place(struct cg_work *w, uint32_t v, int reg)
{
    w->v[v].reg = (int8_t)reg;
    w->v[v].next = w->regval[reg];
    w->regval[reg] = v;
}

static void emit_move(struct cg_work *w, int dst, int src)
{
    if (dst >= 16)
        x64_movaps(&w->a, dst - 16, src - 16);
    else
        x64_mov(&w->a, true, dst, src);
}

static unsigned spill_cell(struct cg_work *w)
{
    uint64_t freecells = ~w->spills & ((1ull << NSPILL) - 1);
    if (!freecells) { /* give up on this unit; the caller splits it */
        w->overflow = true;
        return 0;
    }
    unsigned c = (unsigned)__builtin_ctzll(freecells);
    w->spills |= 1ull << c;
    return c;
}

static void store_cell(struct cg_work *w, uint32_t v, int reg, unsigned cell)
{
    if (reg < 16)
        x64_store(&w->a, true, reg, ra_spill_mem(cell));
    else
        x64_storev(&w->a, reg - 16, ra_spill_mem(cell));
    w->v[v].spill = (int16_t)cell;
}

/* Empties a register: its values go to spill cells unless they are elsewhere too. */
static void spill_reg(struct cg_work *w, int reg)
{
    int cell = -1;
    for (uint32_t v = w->regval[reg], next; v != NONE; v = next) {
        struct val *x = &w->v[v];
        next = x->next;
        x->reg = -1;
        if (ins_of(w, v)->op == IR_CONST || x->spill >= 0)
            continue;
        if (slot_valid(w, v)) {
            x->next = w->memval[x->slot];
            w->memval[x->slot] = v;
            continue;
        }
        x->slot = -1;
        /* Equal values get a cell each only if there are several: rare. */
        cell = (int)spill_cell(w);
        store_cell(w, v, reg, (unsigned)cell);
    }
    w->regval[reg] = NONE;
}

static uint32_t last_use(const struct cg_work *w, int reg)
{
    uint32_t last = 0;
    for (uint32_t v = w->regval[reg]; v != NONE; v = w->v[v].next)
        if (w->v[v].last > last)
            last = w->v[v].last;
    return last;
}

static unsigned rnd(struct cg_work *w)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return (unsigned)(w->seed >> 33);
}

/* A temporary of the class, emptied; not locked. */
static int pick(struct cg_work *w, bool vec)
{
    uint32_t pool = w->avail & (vec ? ALLOC_XMM : ALLOC_GPR) & ~w->locked;
    if (!pool) { /* an instruction that needs more than the map leaves: the caller tries another map */
        w->overflow = true;
        return vec ? XMM(13) : RCX;
    }
    if (w->seed) {
        uint32_t p = pool;
        for (unsigned skip = rnd(w) % (unsigned)__builtin_popcount(p); skip; skip--)
            p &= p - 1;
        int r = __builtin_ctz(p);
        spill_reg(w, r);
        return r;
    }
    int best = -1;
    uint32_t far = 0;
    for (uint32_t p = pool; p; p &= p - 1) {
        int r = __builtin_ctz(p);
        if (w->regval[r] == NONE)
            return r;
        uint32_t last = last_use(w, r);
        if (best < 0 || last > far) {
            best = r;
            far = last;
        }
    }
    spill_reg(w, best);
    return best;
}

static int no(int reg) { return reg & 15; }

static void load_value(struct cg_work *w, uint32_t v, int reg)
{
    struct val *x = &w->v[v];
    const struct ir_ins *i = ins_of(w, v);
    if (i->op == IR_CONST) {
        uint64_t c = i->type == IR_I32 || i->type == IR_F32 ? i->b : ir_imm64(i);
        if (reg < 16) {
            x64_movi(&w->a, reg, c);
            x->flags |= V_ZX32;
        } else if (!c) {
            x64_sse(&w->a, X64_0F(0x57), reg - 16, reg - 16, x64_r(reg - 16), VSCRATCH);
            x->flags |= V_ZHI;
        } else if (i->type == IR_V128 && c == ~0ull) {
            x64_sse(&w->a, X64_66 | X64_0F(0x76), reg - 16, reg - 16, x64_r(reg - 16), VSCRATCH);
        } else {
            x64_movi(&w->a, SCRATCH, c);
            x64_sse1w(&w->a, X64_66 | X64_0F(0x6e), true, reg - 16, x64_r(SCRATCH)); /* movq */
            if (i->type == IR_V128)
                x64_sse(&w->a, X64_66 | X64_0F(0x6c), reg - 16, reg - 16, x64_r(reg - 16), VSCRATCH);
            x->flags |= V_ZHI;
        }
        return;
    }
    if (x->spill >= 0) {
        struct x64_rm m = ra_spill_mem((unsigned)x->spill);
        if (reg < 16)
            x64_load(&w->a, true, reg, m);
        else
            x64_loadv(&w->a, reg - 16, m);
        return;
    }
    assert(slot_valid(w, v));
    struct x64_rm m = slot_mem(w->cg, (unsigned)x->slot);
    switch (i->type) {
    case IR_I32:
    case IR_CC: /* packed */
        x64_load(&w->a, false, reg, m);
        x->flags |= V_ZX32;
        break;
    case IR_I64:
        x64_load(&w->a, true, reg, m);
        break;
    case IR_F32:
        x64_sse1(&w->a, X64_F3 | X64_0F(0x10), reg - 16, m);
        x->flags |= V_ZHI;
        break;
    case IR_F64:
        x64_sse1(&w->a, X64_F2 | X64_0F(0x10), reg - 16, m);
        x->flags |= V_ZHI;
        break;
    default:
        x64_loadv(&w->a, reg - 16, m);
    }
}

int ra_use(struct cg_work *w, uint32_t v)
{
    struct val *x = &w->v[v];
    if (x->reg < 0) {
        int reg = pick(w, is_vec(w, v));
        load_value(w, v, reg);
        if (slot_valid(w, v) && x->spill < 0 && ins_of(w, v)->op != IR_CONST)
            list_remove(w, &w->memval[x->slot], v);
        place(w, v, reg);
    }
    w->locked |= 1u << x->reg;
    return no(x->reg);
}

struct x64_rm ra_use_rm(struct cg_work *w, uint32_t v)
{
    struct val *x = &w->v[v];
    const struct ir_ins *i = ins_of(w, v);
    /* Vectors read 16 bytes, scalars of memory slots their own size: both suit their users. */
    if (x->reg < 0 && i->op != IR_CONST && x->last == w->cur && !w->seed) {
        if (x->spill >= 0)
            return ra_spill_mem((unsigned)x->spill);
        if (slot_valid(w, v))
            return slot_mem(w->cg, (unsigned)x->slot);
    }
    return x64_r(ra_use(w, v));
}

static bool all_dying(const struct cg_work *w, int reg)
{
    for (uint32_t v = w->regval[reg]; v != NONE; v = w->v[v].next)
        if (w->v[v].last > w->cur)
            return false;
    return true;
}

/* Forgets the values of a register that is about to be overwritten (all are dying). */
static void forget(struct cg_work *w, int reg)
{
    for (uint32_t v = w->regval[reg], next; v != NONE; v = next) {
        next = w->v[v].next;
        w->v[v].reg = -1;
        w->v[v].slot = -1;
    }
    w->regval[reg] = NONE;
}

static int hint_reg(const struct cg_work *w, uint32_t v)
{
    int s = w->v[v].hint;
    return s < 0 ? -1 : w->map.reg[s];
}

static int def(struct cg_work *w, uint32_t v, int prefer, bool fresh)
{
    bool vec = is_vec(w, v);
    int reg = hint_reg(w, v);
    uint32_t excl = fresh ? w->locked : 0;
    if (reg >= 0 && !(excl >> reg & 1) && all_dying(w, reg)) {
        forget(w, reg);
    } else if (prefer >= 0 && !fresh && (w->avail >> prefer & 1) && all_dying(w, prefer) && !w->seed) {
        reg = prefer;
        forget(w, reg);
    } else {
        reg = pick(w, vec);
    }
    place(w, v, reg);
    w->locked |= 1u << reg;
    return no(reg);
}

int ra_def(struct cg_work *w, uint32_t v, int prefer)
{
    if (prefer >= 0 && is_vec(w, v))
        prefer += 16;
    return def(w, v, prefer, false);
}

int ra_def_fresh(struct cg_work *w, uint32_t v) { return def(w, v, -1, true); }

void ra_share(struct cg_work *w, uint32_t v, uint32_t with)
{
    ra_use(w, with);
    place(w, v, w->v[with].reg);
}

int ra_temp(struct cg_work *w, bool vec)
{
    int reg = pick(w, vec);
    w->locked |= 1u << reg;
    return no(reg);
}

void ra_take(struct cg_work *w, int reg)
{
    assert(w->avail >> reg & 1);
    if (w->regval[reg] != NONE) {
        uint32_t keep = w->locked;
        w->locked |= 1u << reg;
        uint32_t pool = w->avail & ALLOC_GPR & ~w->locked;
        int to = -1;
        for (uint32_t p = pool; p; p &= p - 1)
            if (w->regval[__builtin_ctz(p)] == NONE) {
                to = __builtin_ctz(p);
                break;
            }
        if (to >= 0) {
            emit_move(w, to, reg);
            w->regval[to] = w->regval[reg];
            for (uint32_t v = w->regval[to]; v != NONE; v = w->v[v].next)
                w->v[v].reg = (int8_t)to;
            w->regval[reg] = NONE;
            if (keep >> reg & 1)
                keep |= 1u << to;
        } else {
            assert(!(keep >> reg & 1));
            spill_reg(w, reg);
        }
        w->locked = keep;
    }
    w->locked |= 1u << reg;
}

void ra_release_locks(struct cg_work *w) { w->locked = 0; }

void ra_block_start(struct cg_work *w)
{
    memset(w->regval, 0xff, sizeof w->regval); /* NONE */
    memset(w->memval, 0xff, w->cg->isa->nslots * sizeof *w->memval);
    w->spills = 0;
    w->locked = 0;
    w->flags_tok = NONE;
}

/* Between a general register and an xmm (numbers 0-31); zeros above what the type has. */
static void cross_move(struct cg_work *w, unsigned type, int dst, int src)
{
    bool wide = ir_type_bits[type] == 64;
    if (dst >= 16)
        x64_sse1w(&w->a, X64_66 | X64_0F(0x6e), wide, dst - 16, x64_r(src));
    else
        x64_sse1w(&w->a, X64_66 | X64_0F(0x7e), wide, src - 16, x64_r(dst));
}

void ra_get(struct cg_work *w, uint32_t i)
{
    unsigned s = ins_of(w, i)->aux;
    int reg = w->map.reg[s];
    struct val *x = &w->v[i];
    if (reg >= 0 && is_vec(w, i) != (reg >= 16)) { /* an integer part of a vector, or the reverse */
        int to = pick(w, is_vec(w, i));
        cross_move(w, ins_of(w, i)->type, to, reg);
        x->flags |= is_vec(w, i) ? V_ZHI : ins_of(w, i)->type == IR_I32 ? V_ZX32 : 0;
        place(w, i, to);
        return;
    }
    if (reg >= 0) {
        place(w, i, reg);
        return;
    }
    x->slot = (int16_t)s;
    x->slotver = w->slotver[s];
    x->next = w->memval[s];
    w->memval[s] = i;
}

/* The home register of a slot is about to change: values that live on move out. */
static void vacate_home(struct cg_work *w, int reg, uint32_t except)
{
    uint32_t live = NONE;
    for (uint32_t v = w->regval[reg], next; v != NONE; v = next) {
        next = w->v[v].next;
        if (v == except)
            continue;
        w->v[v].reg = -1;
        if (w->v[v].last > w->cur) {
            w->v[v].next = live;
            live = v;
        }
    }
    w->regval[reg] = NONE;
    if (live == NONE)
        return;
    uint32_t keep = w->locked;
    w->locked |= 1u << reg;
    int to = pick(w, reg >= 16);
    w->locked = keep;
    emit_move(w, to, reg);
    w->regval[to] = live;
    for (uint32_t v = live; v != NONE; v = w->v[v].next) {
        w->v[v].reg = (int8_t)to;
        w->v[v].slot = -1;
    }
}

/* Unloaded values of a memory slot that is about to change. */
static void load_pending(struct cg_work *w, unsigned s)
{
    while (w->memval[s] != NONE) {
        uint32_t v = w->memval[s];
        if (w->v[v].last >= w->cur) {
            ra_use(w, v);
        } else {
            w->memval[s] = w->v[v].next;
            w->v[v].slot = -1;
        }
    }
    w->slotver[s]++;
}

static void put_home_int(struct cg_work *w, uint32_t v, unsigned type, int reg)
{
    struct val *x = &w->v[v];
    uint64_t c;
    bool zx = type == IR_I32;
    if (x->reg == reg) { /* computed in place, or the same slot's own value */
        if (zx && !(x->flags & V_ZX32)) {
            vacate_home(w, reg, v); /* others keep their upper half */
            x->next = NONE;
            w->regval[reg] = v;
            x64_mov(&w->a, false, reg, reg);
            x->flags |= V_ZX32;
        }
        return;
    }
    if (x->reg < 0 && ra_const(w, v, &c)) {
        vacate_home(w, reg, NONE);
        x64_movi(&w->a, reg, c);
        return;
    }
    int src = ra_use(w, v);
    vacate_home(w, reg, NONE);
    x64_mov(&w->a, !(zx && !(x->flags & V_ZX32)), reg, src);
    /* From now on the home serves as the value's place too: the temporary is free. */
    if (x->last > w->cur && (type == IR_I64 || (x->flags & V_ZX32)) && !(w->fixed >> x->reg & 1)) {
        list_remove(w, &w->regval[x->reg], v);
        place(w, v, reg);
    }
}

static void put_home_cross(struct cg_work *w, uint32_t v, unsigned type, int reg)
{
    ra_use(w, v);
    vacate_home(w, reg, NONE);
    cross_move(w, type, reg, w->v[v].reg);
}

static void zero_above(struct cg_work *w, unsigned type, int dst, int src)
{
    if (type == IR_F64)
        x64_sse1(&w->a, X64_F3 | X64_0F(0x7e), dst, x64_r(src)); /* movq */
    else
        x64_sse_i(&w->a, X64_66 | X64_0F3A(0x21), dst, src, x64_r(src), 0x0e, VSCRATCH); /* insertps */
}

static void put_home_vec(struct cg_work *w, uint32_t v, unsigned type, unsigned s, int reg)
{
    struct val *x = &w->v[v];
    bool clean = type != w->cg->isa->slots[s].type;
    if (x->reg == reg) {
        if (clean && !(x->flags & V_ZHI)) {
            vacate_home(w, reg, v);
            x->next = NONE;
            w->regval[reg] = v;
            zero_above(w, type, reg - 16, reg - 16);
            x->flags |= V_ZHI;
        }
        return;
    }
    int src = ra_use(w, v);
    vacate_home(w, reg, NONE);
    if (clean && !(x->flags & V_ZHI))
        zero_above(w, type, reg - 16, src);
    else
        x64_movaps(&w->a, reg - 16, src);
}

static void put_mem(struct cg_work *w, uint32_t v, unsigned type, unsigned s)
{
    const struct isa_slot *slot = &w->cg->isa->slots[s];
    struct x64_rm m = slot_mem(w->cg, s);
    int32_t imm;
    if (ins_of(w, v)->op != IR_CONST)
        ra_use(w, v); /* before the memory that it may still be in changes */
    load_pending(w, s);
    bool wide = ir_type_bits[slot->type] >= 64;
    switch (type) {
    case IR_I32:
    case IR_I64:
        if (w->v[v].reg < 0 && ra_imm32(w, v, wide, &imm) && (type == IR_I64 || imm >= 0 || !wide)) {
            x64_storei(&w->a, wide, imm, m);
        } else {
            int r = ra_use(w, v);
            if (type == IR_I32 && wide && !(w->v[v].flags & V_ZX32)) {
                x64_mov(&w->a, false, SCRATCH, r);
                r = SCRATCH;
            }
            x64_store(&w->a, wide, r, m);
        }
        if (slot->type == IR_V128) {
            m.disp += 8;
            x64_storei(&w->a, true, 0, m);
        }
        break;
    case IR_F32:
    case IR_F64: {
        int r = ra_use(w, v);
        if (ir_type_bits[slot->type] > ir_type_bits[type] && !(w->v[v].flags & V_ZHI)) {
            zero_above(w, type, VSCRATCH, r);
            r = VSCRATCH;
        }
        if (slot->type == IR_V128)
            x64_storev(&w->a, r, m);
        else
            x64_sse1(&w->a, (wide ? X64_F2 : X64_F3) | X64_0F(0x11), r, m);
        break;
    }
    default:
        x64_storev(&w->a, ra_use(w, v), m);
    }
    /* The value equals the slot's memory from now on (for cheap eviction), if it is as wide. */
    struct val *x = &w->v[v];
    if (x->reg >= 0 && x->spill < 0 && type == slot->type && ins_of(w, v)->op != IR_CONST) {
        x->slot = (int16_t)s;
        x->slotver = w->slotver[s];
    }
}

void ra_put(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    unsigned s = p->aux;
    if (p->type == IR_CC) {
        load_pending(w, s);
        cc_put(w, p->a, slot_mem(w->cg, s));
        return;
    }
    int reg = w->map.reg[s];
    if (reg < 0)
        put_mem(w, p->a, p->type, s);
    else if (type_is_vec(p->type) != (reg >= 16))
        put_home_cross(w, p->a, p->type, reg);
    else if (reg < 16)
        put_home_int(w, p->a, p->type, reg);
    else
        put_home_vec(w, p->a, p->type, s, reg);
}

void ra_spill_temps(struct cg_work *w, uint32_t keep)
{
    for (uint32_t p = w->avail & ~keep; p; p &= p - 1) {
        int r = __builtin_ctz(p);
        if (w->regval[r] == NONE)
            continue;
        if (all_dying(w, r))
            continue;
        spill_reg(w, r);
    }
    w->locked = keep;
}

void ra_reload_homes(struct cg_work *w)
{
    /* Values that share a home keep what they were: they moved to temporaries before the call. */
    for (unsigned s = 0; s < w->cg->isa->nslots; s++) {
        if (w->map.reg[s] < 0) {
            load_pending(w, s);
        } else {
            vacate_home(w, w->map.reg[s], NONE);
        }
    }
}
