/* Which slots live in host registers: the canonical map of an isa, a unit's own map, and the ways
 * between them and the state block.
 *
 * A unit's map differs from the canonical one only by leaving slots out and giving their registers (and
 * some temporaries) to others, so that entering and leaving are loads and stores, never shuffles.
 */
#include "codegen/host/x86_64/x86_64.h"

/* rcx, rdx, rsi, rdi stay temporaries: shifts, multiplication and division want the first two. */
static const int8_t pin_gpr[] = {RBX, R12, R13, R14, R15, R8, R9, R10, R11};
static const int8_t pin_xmm[] = {16, 17, 18, 19, 20, 21, 22, 23};
static const int8_t extra_gpr[] = {RDI};
static const int8_t extra_xmm[] = {24, 25, 26};

static void add(struct cg_map *m, unsigned slot, int reg)
{
    m->reg[slot] = (int8_t)reg;
    m->slots[m->nslots++] = (uint16_t)slot;
}

static void map_clear(struct cg_map *m)
{
    memset(m->reg, -1, sizeof m->reg);
    m->nslots = 0;
}

void cg_map_canonical(struct cg_map *m, const struct isa *isa)
{
    map_clear(m);
    for (unsigned i = 0; i < sizeof pin_gpr && i < isa->npin_int; i++)
        add(m, isa->pin_int[i], pin_gpr[i]);
    for (unsigned i = 0; i < sizeof pin_xmm && i < isa->npin_vec; i++)
        add(m, isa->pin_vec[i], pin_xmm[i]);
}

static void move_slot(struct x64_asm *a, const struct cg *cg, const struct cg_map *m, unsigned s, bool load)
{
    int reg = m->reg[s];
    unsigned type = cg->isa->slots[s].type;
    struct x64_rm mem = slot_mem(cg, s);
    if (reg < 16) {
        if (load)
            x64_load(a, type == IR_I64, reg, mem);
        else
            x64_store(a, type == IR_I64, reg, mem);
    } else if (type != IR_V128) {
        unsigned p = type == IR_F64 ? X64_F2 : X64_F3;
        x64_sse1(a, p | X64_0F(load ? 0x10 : 0x11), reg - 16, mem);
    } else if (load) {
        x64_loadv(a, reg - 16, mem);
    } else {
        x64_storev(a, reg - 16, mem);
    }
}

void cg_map_save(struct x64_asm *a, const struct cg *cg, const struct cg_map *m, const uint64_t *only)
{
    for (unsigned i = 0; i < m->nslots; i++) {
        unsigned s = m->slots[i];
        if (!only || only[s / 64] >> s % 64 & 1)
            move_slot(a, cg, m, s, false);
    }
}

void cg_map_load(struct x64_asm *a, const struct cg *cg, const struct cg_map *m)
{
    for (unsigned i = 0; i < m->nslots; i++)
        move_slot(a, cg, m, m->slots[i], true);
}

void cg_map_enter(struct cg_work *w)
{
    const struct cg_map *can = &w->cg->canonical;
    if (w->canonical)
        return;
    for (unsigned i = 0; i < can->nslots; i++)
        if (!(w->map.reg[can->slots[i]] == can->reg[can->slots[i]]))
            move_slot(&w->a, w->cg, can, can->slots[i], false);
    for (unsigned i = 0; i < w->map.nslots; i++)
        if (w->map.reg[w->map.slots[i]] != can->reg[w->map.slots[i]])
            move_slot(&w->a, w->cg, &w->map, w->map.slots[i], true);
}

void cg_map_leave(struct cg_work *w)
{
    const struct cg_map *can = &w->cg->canonical;
    if (w->canonical)
        return;
    for (unsigned i = 0; i < w->map.nslots; i++) {
        unsigned s = w->map.slots[i];
        if (w->map.reg[s] != can->reg[s] && w->written[s / 64] >> s % 64 & 1)
            move_slot(&w->a, w->cg, &w->map, s, false);
    }
    for (unsigned i = 0; i < can->nslots; i++)
        if (w->map.reg[can->slots[i]] != can->reg[can->slots[i]])
            move_slot(&w->a, w->cg, can, can->slots[i], true);
}

/* ---- a unit's own map ---- */

struct weight {
    uint64_t w[CG_MAX_SLOTS];
};

static void weigh(struct cg_work *w, struct weight *x)
{
    const struct ir_unit *u = w->u;
    for (uint32_t b = 0; b < u->nblocks; b++) {
        unsigned depth = u->blocks[b].loop_depth > 4 ? 4 : u->blocks[b].loop_depth;
        uint64_t f = 1ull << 3 * depth;
        for (uint32_t i = u->blocks[b].first; i < u->blocks[b].end; i++) {
            const struct ir_ins *p = &u->ins[i];
            if ((p->op != IR_GET && p->op != IR_PUT) || p->type == IR_CC)
                continue;
            x->w[p->aux] += f * 2;
            if (p->op == IR_PUT)
                w->written[p->aux / 64] |= 1ull << p->aux % 64;
        }
    }
    for (unsigned i = 0; i < w->cg->canonical.nslots; i++) /* staying at home saves moves */
        if (x->w[w->cg->canonical.slots[i]])
            x->w[w->cg->canonical.slots[i]] += 2;
}

static int heaviest(const struct cg_work *w, const struct weight *x, bool vec)
{
    int best = -1;
    for (unsigned s = 0; s < w->cg->isa->nslots; s++) {
        unsigned t = w->cg->isa->slots[s].type;
        if (t != IR_CC && type_is_vec(t) == vec && x->w[s] && (best < 0 || x->w[s] > x->w[best]))
            best = (int)s;
    }
    return best;
}

static void choose_class(struct cg_work *w, struct weight *x, bool vec, uint32_t regs)
{
    int chosen[32], n = 0, max = __builtin_popcount(regs);
    while (n < max) {
        int s = heaviest(w, x, vec);
        if (s < 0)
            break;
        chosen[n++] = s;
        x->w[s] = 0;
    }
    for (int i = 0; i < n; i++) { /* those that are pinned anyway keep their register */
        int r = w->cg->canonical.reg[chosen[i]];
        if (r >= 0) {
            add(&w->map, (unsigned)chosen[i], r);
            regs &= ~(1u << r);
        }
    }
    for (int i = 0; i < n; i++)
        if (w->cg->canonical.reg[chosen[i]] < 0) {
            add(&w->map, (unsigned)chosen[i], __builtin_ctz(regs));
            regs &= regs - 1;
        }
}

static uint32_t reg_mask(const int8_t *r, size_t n)
{
    uint32_t m = 0;
    for (size_t i = 0; i < n; i++)
        m |= 1u << r[i];
    return m;
}

void cg_map_choose(struct cg_work *w)
{
    struct weight x = {0};
    w->written[0] = w->written[1] = 0;
    if (!w->o->optimise) {
        w->map = w->cg->canonical;
        w->canonical = true;
        w->written[0] = w->written[1] = ~0ull;
    } else {
        w->canonical = false;
        map_clear(&w->map);
        weigh(w, &x);
        choose_class(w, &x, false, reg_mask(pin_gpr, sizeof pin_gpr) | reg_mask(extra_gpr, sizeof extra_gpr));
        choose_class(w, &x, true, reg_mask(pin_xmm, sizeof pin_xmm) | reg_mask(extra_xmm, sizeof extra_xmm));
    }
    w->fixed = 0;
    for (unsigned i = 0; i < w->map.nslots; i++)
        w->fixed |= 1u << w->map.reg[w->map.slots[i]];
    w->avail = (ALLOC_GPR | ALLOC_XMM) & ~w->fixed;
}

void cg_map_to_state(const struct cg *cg, const struct cg_map *m, const struct cg_fault_regs *r,
                     struct cpu *c)
{
    for (unsigned i = 0; i < m->nslots; i++) {
        unsigned s = m->slots[i];
        const struct isa_slot *slot = &cg->isa->slots[s];
        unsigned char *at = c->state + slot->offset;
        int reg = m->reg[s];
        if (reg < 16) {
            memcpy(at, &r->gpr[reg], slot->type == IR_I64 ? 8 : 4);
        } else {
            memcpy(at, &r->vec[reg - 16], slot->type == IR_V128 ? 16 : slot->type == IR_F32 ? 4 : 8);
        }
    }
}
