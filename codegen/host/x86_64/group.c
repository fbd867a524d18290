/* Accesses of a block that share a check of the soft TLB: the first of a group checks the window of all
 * and leaves the addend in a cell of the cpu; the others take it from there. An empty cell (the window
 * lies across pages, or is not for fast accesses) sends each of them to a check of its own, out of line.
 *
 * Requires: w->v[] counted and the addresses folded. Provides: w->v[].group of accesses, w->group[]. */
#include "codegen/host/x86_64/x86_64.h"

enum {
    WINDOW = 512, /* bytes: the wider, the likelier across pages */
    OPEN = 8,     /* groups that may still grow */
};

struct address {
    uint32_t root; /* value, or NONE: off is the address */
    int64_t off;
};

/* Additions of constants to the same value are near each other. */
static struct address resolve(const struct cg_work *w, const struct ir_ins *p)
{
    struct address x = {p->a, (int32_t)p->c};
    uint64_t k;
    for (unsigned depth = 0; depth < 8; depth++) {
        const struct ir_ins *i = ins_of(w, x.root);
        if (ra_const(w, x.root, &k)) {
            x.off = (int64_t)((uint64_t)x.off + k);
            x.root = NONE;
            break;
        }
        if ((i->op != IR_ADD && i->op != IR_SUB) || i->type != IR_I64 || !ra_const(w, i->b, &k) ||
            k + (1u << 20) > 2u << 20)
            break;
        x.off += i->op == IR_ADD ? (int64_t)k : -(int64_t)k;
        x.root = i->a;
    }
    return x;
}

static bool joins(const struct group *g, const struct address *x, int64_t end, const struct ir_ins *p)
{
    if (g->root != x->root || g->user != !!(p->aux & IR_M_USER))
        return false;
    int64_t lo = x->off < g->lo ? x->off : g->lo, hi = end > g->hi ? end : g->hi;
    return hi - lo <= WINDOW && (x->root != NONE || lo >> MEM_PAGE_BITS == (hi - 1) >> MEM_PAGE_BITS);
}

static void note(struct cg_work *w, uint32_t i, uint32_t first)
{
    const struct ir_ins *p = ins_of(w, i);
    struct address x = resolve(w, p);
    int64_t end = x.off + (1 << (p->aux & IR_M_SIZE));
    for (uint32_t n = w->ngroup; n-- > first;) {
        struct group *g = &w->group[n];
        if (!joins(g, &x, end, p))
            continue;
        g->lo = x.off < g->lo ? x.off : g->lo;
        g->hi = end > g->hi ? end : g->hi;
        g->write |= p->op == IR_ST;
        g->members++;
        w->v[i].group = (uint8_t)(n + 1);
        return;
    }
    if (w->ngroup == UINT8_MAX || (x.root == NONE && x.off >> MEM_PAGE_BITS != (end - 1) >> MEM_PAGE_BITS))
        return;
    VEC_PUSH(w, group) = (struct group){
        .root = x.root, .off = x.off, .lo = x.off, .hi = end, .head = i, .members = 1,
        .write = p->op == IR_ST, .user = p->aux & IR_M_USER,
    };
    w->v[i].group = (uint8_t)w->ngroup;
}

void cg_group_block(struct cg_work *w, const struct ir_block *b)
{
    uint32_t first = 0;
    w->ngroup = 0;
    for (uint32_t i = b->first; i < b->end; i++) {
        const struct ir_ins *p = ins_of(w, i);
        switch (p->op) {
        case IR_LD: case IR_ST:
            if (!(p->aux & IR_M_ALIGNED))
                note(w, i, w->ngroup > first + OPEN ? w->ngroup - OPEN : first);
            break;
        case IR_FENCE: case IR_CALL: /* devices may be told something, mappings may change */
            first = w->ngroup;
            break;
        default:
            break;
        }
    }
    uint8_t cell = 0;
    for (uint32_t n = 0; n < w->ngroup; n++) {
        struct group *g = &w->group[n];
        g->cell = g->members < 2 || cell == CPU_CELLS ? CPU_CELLS : cell++;
    }
}
