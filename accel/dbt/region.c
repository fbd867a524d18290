/* Tier 2: the code around a hot place as one unit with loops.
 *
 * A region grows from the hot block along direct jumps and branches into blocks that have run before
 * (those have a translation), so cold paths stay outside as exits. Inside, jumps need no linking and
 * the unit gets a map of its own: the slots that its loops use most live in registers. */
#include <stdlib.h>
#include <string.h>

#include "accel/dbt/dbt.h"
#include "base/log.h"
#include "ir/build.h"

enum { MAX_BLOCKS = 64, MAX_INS = 6000, MAX_SPAN = 64 << 10 };

struct region {
    struct accel *a;
    struct ir_unit *u;
    const struct dbt_code *code;
    uint32_t key;
    uint64_t start;
    uint64_t todo[4 * MAX_BLOCKS];
    unsigned ntodo;
    uint16_t succ[MAX_BLOCKS][8]; /* successors inside the region; filled when all blocks are there */
    uint8_t nsucc[MAX_BLOCKS];
    bool loops;
};

static int block_at(const struct ir_unit *u, uint64_t pc)
{
    for (uint32_t b = 0; b < u->nblocks; b++)
        if (u->blocks[b].pc == pc)
            return (int)b;
    return -1;
}

static void want(struct region *r, uint64_t pc)
{
    uint64_t d = pc > r->start ? pc - r->start : r->start - pc;
    if (r->ntodo == sizeof r->todo / sizeof *r->todo || d > MAX_SPAN || block_at(r->u, pc) >= 0)
        return;
    if (pc < r->code->lo || pc > r->code->last)
        return;
    if (dbt_lookup(r->a, pc, r->code->delta, r->key))
        r->todo[r->ntodo++] = pc;
}

/* What the block that was just appended leads to. The fall-through is taken up first, so that the
 * straight path is laid out straight. */
static void follow(struct region *r)
{
    const struct ir_unit *u = r->u;
    const struct ir_block *b = &u->blocks[u->nblocks - 1];
    uint64_t straight = 0;
    bool has_straight = false;
    for (uint32_t i = b->first; i < b->end; i++) {
        const struct ir_ins *p = &u->ins[i];
        switch (p->op) {
        case IR_BR: case IR_BRT: case IR_BRCC:
            want(r, u->targets[p->c].pc);
            break;
        case IR_JMP:
        case IR_JMPI:
            if (p->op == IR_JMP && p->aux == IR_J_JUMP) {
                straight = u->targets[p->c].pc;
                has_straight = true;
            } else if (p->aux == IR_J_CALL && p->b != IR_NONE && u->ins[p->b].op == IR_CONST) {
                straight = ir_imm64(&u->ins[p->b]);
                has_straight = true;
            }
            break;
        default:
            break;
        }
    }
    if (has_straight)
        want(r, straight);
}

static bool grow(struct region *r)
{
    struct ir_unit *u = r->u;
    while (r->ntodo && u->nblocks < MAX_BLOCKS && u->nins < MAX_INS) {
        uint64_t pc = r->todo[--r->ntodo];
        if (block_at(u, pc) >= 0)
            continue;
        uint32_t nblocks = u->nblocks, nins = u->nins;
        if (dbt_front_append(r->a, r->code, u, pc, 64)) {
            u->nblocks = nblocks;
            u->nins = nins;
            if (!nblocks)
                return false;
            continue;
        }
        follow(r);
    }
    return u->nblocks > 0;
}

static void add_succ(struct region *r, unsigned b, unsigned s)
{
    if (r->nsucc[b] < 8)
        r->succ[b][r->nsucc[b]++] = (uint16_t)s;
}

/* Points targets at the region's blocks and notes the edges. */
static void resolve(struct region *r)
{
    struct ir_unit *u = r->u;
    for (uint32_t n = 0; n < u->ntargets; n++) {
        int b = block_at(u, u->targets[n].pc);
        u->targets[n].block = b < 0 ? IR_NONE : (uint32_t)b;
    }
    u->pc_lo = ~0ull;
    u->pc_hi = 0;
    for (uint32_t n = 0; n < u->nblocks; n++) {
        struct ir_block *b = &u->blocks[n];
        if (b->pc < u->pc_lo)
            u->pc_lo = b->pc;
        if (b->pc + b->guest_bytes > u->pc_hi)
            u->pc_hi = b->pc + b->guest_bytes;
        for (uint32_t i = b->first; i < b->end; i++) {
            const struct ir_ins *p = &u->ins[i];
            if (p->op == IR_BR || p->op == IR_BRT || p->op == IR_BRCC || (p->op == IR_JMP && p->aux == IR_J_JUMP)) {
                if (u->targets[p->c].block != IR_NONE)
                    add_succ(r, n, u->targets[p->c].block);
            } else if ((p->op == IR_JMP || p->op == IR_JMPI) && p->aux == IR_J_CALL && p->b != IR_NONE &&
                       u->ins[p->b].op == IR_CONST) {
                int s = block_at(u, ir_imm64(&u->ins[p->b]));
                if (s > 0) {
                    add_succ(r, n, (unsigned)s);
                    u->blocks[s].flags |= IR_B_ENTRY;
                }
            }
        }
    }
}

/* ---- loops: a back edge goes to a block on the depth-first path; its loop is what reaches the edge ---- */

static void mark_loop(struct region *r, unsigned head, unsigned tail)
{
    struct ir_unit *u = r->u;
    bool in[MAX_BLOCKS] = {false};
    bool changed = true;
    in[head] = in[tail] = true;
    while (changed) {
        changed = false;
        for (unsigned b = 0; b < u->nblocks; b++) {
            if (in[b])
                continue;
            for (unsigned k = 0; k < r->nsucc[b]; k++)
                if (r->succ[b][k] != head && in[r->succ[b][k]]) {
                    in[b] = changed = true;
                    break;
                }
        }
    }
    /* Predecessors of the head that do not come round are not in the loop: keep what the head reaches. */
    bool reach[MAX_BLOCKS] = {false};
    reach[head] = true;
    changed = true;
    while (changed) {
        changed = false;
        for (unsigned b = 0; b < u->nblocks; b++)
            for (unsigned k = 0; reach[b] && k < r->nsucc[b]; k++)
                if (!reach[r->succ[b][k]])
                    reach[r->succ[b][k]] = changed = true;
    }
    for (unsigned b = 0; b < u->nblocks; b++)
        if (in[b] && reach[b])
            u->blocks[b].loop_depth++;
    r->loops = true;
}

static void find_loops(struct region *r)
{
    uint8_t state[MAX_BLOCKS] = {0}, next[MAX_BLOCKS] = {0};
    unsigned path[MAX_BLOCKS], n = 0;
    path[n++] = 0;
    state[0] = 1;
    while (n) {
        unsigned b = path[n - 1];
        if (next[b] == r->nsucc[b]) {
            state[b] = 2;
            n--;
            continue;
        }
        unsigned s = r->succ[b][next[b]++];
        if (state[s] == 1) {
            mark_loop(r, s, b);
        } else if (!state[s]) {
            state[s] = 1;
            path[n++] = s;
        }
    }
}

bool dbt_region_lift(struct accel *a, const struct dbt_code *code, struct ir_unit *u, uint64_t pc, uint32_t key)
{
    struct region r = {.a = a, .u = u, .code = code, .key = key, .start = pc};
    ir_unit_reset(u, a->isa, key);
    a->isa->fpenv(key, &u->fp);
    r.todo[r.ntodo++] = pc;
    if (!grow(&r))
        return false;
    resolve(&r);
    find_loops(&r);
    u->blocks[0].flags |= IR_B_ENTRY;
    trace(LOG_TIER, "region %lx: %u blocks, %s", pc, u->nblocks, r.loops ? "loops" : "no loop");
    if (u->nblocks == 1 && !r.loops)
        return false;
    dbt_log_unit(a, u, LOG_IR, "region");
    dbt_front_dead_flags(a, code, u);
    return true;
}

struct dbt_block *dbt_region_install(struct dbt_thread *t, const struct dbt_code *code, struct ir_unit *u)
{
    struct accel *a = t->a;
    struct cg_opts o = {.hot_index = -1, .poll = true, .ra_seed = a->o.ra_seed, .optimise = true};
    uint64_t flushes = a->stat_flushes;
    struct dbt_block *old = dbt_lookup(a, u->blocks[0].pc, code->delta, u->key);
    dbt_log_unit(a, u, LOG_OPT, "optimised region");
    struct dbt_block *b = dbt_install(t, code, u, &o, 2);
    if (!b) { /* too few temporaries, perhaps */
        o.optimise = false;
        b = dbt_install(t, code, u, &o, 2);
    }
    trace(LOG_TIER, "region %lx: %s", u->blocks[0].pc, b ? b->canonical ? "canonical map" : "own map" : "failed");
    if (!b)
        return NULL;
    a->stat_regions++;
    if (flushes == a->stat_flushes && old)
        dbt_replace(a, old, b);
    return b;
}
