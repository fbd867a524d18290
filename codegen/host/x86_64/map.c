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
    uint64_t w[CG_MAX_SLOTS]; /* how often the unit reads and writes a slot, loops counted */
    uint64_t crossing;        /* how often it leaves and comes back */
};

static uint64_t frequency(const struct ir_block *b)
{
    return 1ull << 3 * (b->loop_depth > 4 ? 4 : b->loop_depth);
}

static void weigh(struct cg_work *w, struct weight *x)
{
    const struct ir_unit *u = w->u;
    x->crossing = 1;
    for (uint32_t b = 0; b < u->nblocks; b++) {
        uint64_t f = frequency(&u->blocks[b]);
        for (uint32_t i = u->blocks[b].first; i < u->blocks[b].end; i++) {
            const struct ir_ins *p = &u->ins[i];
            if (p->op == IR_JMPI || (p->op == IR_JMP && p->aux == IR_J_CALL))
                x->crossing += f;
            if ((p->op != IR_GET && p->op != IR_PUT) || p->type == IR_CC)
                continue;
            x->w[p->aux] += f;
            if (p->op == IR_PUT)
                w->written[p->aux / 64] |= 1ull << p->aux % 64;
        }
    }
}

static int heaviest(const struct cg_work *w, const struct weight *x, bool vec)
{
    int best = -1;
    for (unsigned s = 0; s < w->cg->isa->nslots; s++) {
        unsigned t = w->cg->isa->slots[s].type;
        if (t != IR_CC && type_is_vec(t) == vec && w->map.reg[s] < 0 && x->w[s] &&
            (best < 0 || x->w[s] > x->w[best]))
            best = (int)s;
    }
    return best;
}

/* The canonical slot of the class that the unit needs least. */
static int lightest(const struct cg_work *w, const struct weight *x, bool vec)
{
    int best = -1;
    for (unsigned i = 0; i < w->cg->canonical.nslots; i++) {
        unsigned s = w->cg->canonical.slots[i];
        if (type_is_vec(w->cg->isa->slots[s].type) == vec && w->map.reg[s] == w->cg->canonical.reg[s] &&
            (best < 0 || x->w[s] < x->w[best]))
            best = (int)s;
    }
    return best;
}

static void take_out(struct cg_map *m, unsigned slot)
{
    m->reg[slot] = -1;
    for (unsigned i = 0; i < m->nslots; i++)
        if (m->slots[i] == slot) {
            m->slots[i] = m->slots[--m->nslots];
            return;
        }
}

/* Starts from the canonical map: busy slots get the extra registers, then those of canonical slots
 * that matter so much less that the conversions at the unit's borders (a store and a load each way,
 * for both) are paid back. */
static void choose_class(struct cg_work *w, const struct weight *x, bool vec, const int8_t *extra, size_t nextra)
{
    for (size_t i = 0; i < nextra; i++) {
        int s = heaviest(w, x, vec);
        if (s < 0 || x->w[s] <= 2 * x->crossing)
            return;
        add(&w->map, (unsigned)s, extra[i]);
    }
    for (;;) {
        int s = heaviest(w, x, vec), out = lightest(w, x, vec);
        if (s < 0 || out < 0 || x->w[s] <= x->w[out] + 4 * x->crossing)
            return;
        int reg = w->map.reg[out];
        take_out(&w->map, (unsigned)out);
        add(&w->map, (unsigned)s, reg);
    }
}

static void choose(struct cg_work *w)
{
    struct weight x = {.crossing = 0};
    w->written[0] = w->written[1] = 0;
    weigh(w, &x);
    choose_class(w, &x, false, extra_gpr, sizeof extra_gpr);
    choose_class(w, &x, true, extra_xmm, sizeof extra_xmm);
    w->canonical = !memcmp(w->map.reg, w->cg->canonical.reg, sizeof w->map.reg);
}

void cg_map_choose(struct cg_work *w)
{
    if (!w->o->optimise) {
        w->written[0] = w->written[1] = ~0ull;
        if (w->canonical) /* of the last unit too */
            return;
    }
    w->map = w->cg->canonical;
    w->canonical = true;
    if (w->o->optimise)
        choose(w);
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
