/* Before a block is selected: when each value dies, which are folded into addresses, which cc tokens can
 * live in the host's flags, and which values can be computed in the home they will be put into.
 *
 * Requires: a verified block, the unit's map. Provides: w->v[] and w->dieat[] for its instructions.
 */
#include "codegen/host/x86_64/x86_64.h"

static void use(struct cg_work *w, uint32_t v, uint32_t at)
{
    if (w->v[v].last < at)
        w->v[v].last = at;
}

static void count_uses(struct cg_work *w, const struct ir_block *b)
{
    static const struct val fresh = {.reg = -1, .spill = -1, .slot = -1, .hint = -1, .next = NONE, .die = NONE};
    const struct ir_ins *ins = w->u->ins;
    struct val *v = w->v;
    for (uint32_t i = b->first; i < b->end; i++) {
        v[i] = fresh;
        v[i].last = i;
        w->dieat[i] = NONE;
        unsigned mask = ir_operand_mask(&ins[i]);
        if (mask & 1)
            v[ins[i].a].last = i, v[ins[i].a].uses++;
        if (mask & 2)
            v[ins[i].b].last = i, v[ins[i].b].uses++;
        if (mask & 4)
            v[ins[i].c].last = i, v[ins[i].c].uses++;
    }
}

/* Instructions whose host code leaves the flags alone. */
static bool keeps_flags(const struct cg_work *w, const struct ir_ins *i, uint32_t tok)
{
    switch (i->op) {
    case IR_NOP: case IR_INSN: case IR_CONST: case IR_COPY: case IR_GET: case IR_NOT: case IR_TRUNC:
    case IR_ZX: case IR_SX: case IR_BITS: case IR_VLOW: case IR_FTOV: case IR_ADD: case IR_JMP:
    case IR_VZHI: case IR_VAND: case IR_VOR: case IR_VXOR: case IR_VADD: case IR_VSUB:
        return true;
    case IR_SUB:
        return w->u->ins[i->b].op == IR_CONST && w->u->ins[i->b].c == 0 && w->u->ins[i->b].b < 0x7fffffff;
    case IR_PUT:
        return i->type != IR_CC || i->a == tok;
    case IR_LD: case IR_ST:
        return !in_system(w) && !(i->aux & (IR_M_ALIGNED | IR_M_BIG | IR_M_SEQCST | IR_M_RELEASE));
    case IR_BRCC: case IR_SELCC: case IR_SETCC:
        return i->a == tok;
    default:
        return false;
    }
}

static bool own_flags(unsigned op)
{
    return op == IR_CCADD || op == IR_CCSUB || op == IR_CCLOG || op == IR_CCADC || op == IR_CCSBC;
}

static bool direct(const struct cg_work *w, uint32_t k)
{
    const struct ir_ins *ins = w->u->ins;
    if (!own_flags(ins[k].op))
        return false;
    uint32_t last = w->v[k].last;
    for (uint32_t i = k + 1; i < last; i++) {
        if (w->v[i].flags & V_DEAD || keeps_flags(w, &ins[i], k))
            continue;
        /* The value of the same operation, which makes these very flags. */
        if (i == k + 1 && cc_same(ins, k, i))
            continue;
        /* Another token or its users between: they would fight for the flags. */
        return false;
    }
    return true;
}

/* Where the flags of instruction k are kept until their last use. */
static void token(struct cg_work *w, uint32_t k)
{
    const struct ir_ins *ins = w->u->ins;
    uint32_t last = w->v[k].last;
    if (direct(w, k)) {
        w->v[k].flags |= V_DIRECT;
        return;
    }
    if (ins[k].op == IR_CCLOG && ins[ins[k].a].op == IR_AND && w->v[ins[k].a].uses == 1) {
        uint32_t and = ins[k].a; /* test x, y */
        w->v[and].flags |= V_FOLDED;
        use(w, ins[and].a, last);
        use(w, ins[and].b, last);
        return;
    }
    unsigned mask = ir_operand_mask(&ins[k]);
    if (mask & 1)
        use(w, ins[k].a, last);
    if (mask & 2)
        use(w, ins[k].b, last);
    if (mask & 4)
        use(w, ins[k].c, last);
}

/* Back from the end: flags, and what is dead. What only dead values use is dead, unless it may raise floating-point status. */
static void walk_back(struct cg_work *w, const struct ir_block *b)
{
    const struct ir_ins *ins = w->u->ins;
    struct val *v = w->v;
    for (uint32_t i = b->end; i-- > b->first;) {
        if (ins[i].type == IR_VOID)
            continue;
        if (v[i].uses) {
            if (ins[i].type == IR_CC && ins[i].op != IR_PUT)
                token(w, i);
            continue;
        }
        unsigned flags = ir_ops[ins[i].op].flags & (IR_OPF_PURE | IR_OPF_ROUND);
        if (flags != IR_OPF_PURE && ins[i].op != IR_GET)
            continue;
        v[i].flags |= V_DEAD;
        unsigned mask = ir_operand_mask(&ins[i]);
        if (mask & 1)
            v[ins[i].a].uses--;
        if (mask & 2)
            v[ins[i].b].uses--;
        if (mask & 4)
            v[ins[i].c].uses--;
    }
}

static void fold_address(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *ins = w->u->ins;
    uint32_t addr = ins[i].a;
    const struct ir_ins *add = &ins[addr];
    if (add->op != IR_ADD || w->v[addr].uses != 1 || i - addr > 16)
        return;
    w->v[addr].flags |= V_FOLDED;
    use(w, add->a, i);
    use(w, add->b, i);
    const struct ir_ins *shl = &ins[add->b];
    if (shl->op == IR_SHL && w->v[add->b].uses == 1 && ins[shl->b].op == IR_CONST && ins[shl->b].b <= 3) {
        w->v[add->b].flags |= V_FOLDED;
        use(w, shl->a, i);
    }
}

/* ushr t, x, #w - n; sli t, x, #n (or shl and sri): a rotation, where the host has one. */
static bool rotation(const struct cg_work *w, const struct ir_ins *user, const struct ir_ins *shift)
{
    unsigned lane = user->aux & 7;
    return os_cpu_has(&w->cg->host, OS_CPU_AVX512VL) && lane >= IR_LANE_S && shift->aux == user->aux &&
           shift->a == user->b && shift->c + user->c == 8u << lane &&
           ((user->op == IR_VSLI && shift->op == IR_VSHRI) || (user->op == IR_VSRI && shift->op == IR_VSHLI));
}

/* Single-use operands that their user makes better itself: clz of bitrev, select of a comparison, and
 * the AES round that its mix-columns completes. */
static void fold_operand(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *ins = w->u->ins;
    uint32_t v = ins[i].a;
    unsigned user = ins[i].op, op = ins[v].op;
    bool fold = (user == IR_CLZ && op == IR_BITREV && os_cpu_has(&w->cg->host, OS_CPU_BMI1)) ||
                (user == IR_SELNZ && op == IR_SETC && !type_is_vec(ins[i].type)) ||
                rotation(w, &ins[i], &ins[v]) ||
                (user == IR_VAESMC && op == IR_VAESE && os_cpu_has(&w->cg->host, OS_CPU_AES)) ||
                (user == IR_VAESIMC && op == IR_VAESD && os_cpu_has(&w->cg->host, OS_CPU_AES));
    if (!fold || w->v[i].flags & V_DEAD || w->v[v].uses != 1 || i - v > 16)
        return;
    w->v[v].flags |= V_FOLDED;
    use(w, ins[v].a, i);
    if (ir_operand_mask(&ins[v]) & 2)
        use(w, ins[v].b, i);
}

static bool may_leave(const struct ir_ins *i)
{
    return ir_ops[i->op].flags & (IR_OPF_FAULT | IR_OPF_END) || i->op == IR_CALL || i->op == IR_BR ||
           i->op == IR_BRT || i->op == IR_BRCC;
}

static void hint(struct cg_work *w, uint32_t p, uint32_t floor)
{
    const struct ir_ins *ins = w->u->ins;
    uint32_t v = ins[p].a;
    unsigned s = ins[p].aux;
    if (ins[p].type == IR_CC || w->map.reg[s] < 0 || w->v[v].hint >= 0 || v < floor || p - v > 24)
        return;
    if (type_is_vec(ins[v].type) != (w->map.reg[s] >= 16))
        return;
    for (uint32_t i = v + 1; i < p; i++)
        if ((ins[i].op == IR_GET || ins[i].op == IR_PUT) && ins[i].aux == s)
            return;
    w->v[v].hint = (int16_t)s;
}

/* SHA256H and SHA256H2 of the same state and schedule, with nothing between that could tell when the
 * second is done. */
uint32_t cg_scan_sha256_pair(const struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    for (uint32_t k = i + 1; k < i + 8 && k < w->u->nins; k++) {
        const struct ir_ins *q = ins_of(w, k);
        if (q->op == IR_VSHA2H || q->op == IR_VSHA2H2)
            return q->op != p->op && q->a == p->b && q->b == p->a && q->c == p->c && !(w->v[k].flags & V_DEAD)
                       ? k
                       : NONE;
        if (q->op != IR_NOP && q->op != IR_INSN && q->op != IR_PUT)
            break;
    }
    return NONE;
}

/* The second of a pair is made together with the first one. */
static void fold_pair(struct cg_work *w, uint32_t i)
{
    uint32_t k = cg_scan_sha256_pair(w, i);
    if (k == NONE || w->v[i].flags & (V_DEAD | V_FOLDED) || !os_cpu_has(&w->cg->host, OS_CPU_SHA))
        return;
    w->v[k].flags |= V_FOLDED;
    const uint32_t ops[3] = {ins_of(w, k)->a, ins_of(w, k)->b, ins_of(w, k)->c};
    for (unsigned n = 0; n < 3; n++)
        if (w->v[ops[n]].last == k)
            w->v[ops[n]].last = i;
    for (uint32_t j = i + 1; j < k; j++) {
        if (ins_of(w, j)->op != IR_PUT)
            continue;
        use(w, ins_of(w, j)->a, j);
        if (ins_of(w, j)->aux == (uint16_t)w->v[k].hint)
            w->v[k].hint = -1; /* its home is not free so early */
    }
}

/* What goes into its user, and what is made at home. */
static void walk_forth(struct cg_work *w, const struct ir_block *b)
{
    const struct ir_ins *ins = w->u->ins;
    uint32_t floor = b->first; /* no point lies at or after floor + 1 */
    bool pairs = false;
    for (uint32_t i = b->first; i < b->end; i++) {
        switch (ins[i].op) {
        case IR_NOP: case IR_INSN: case IR_CONST: case IR_GET:
            break;
        case IR_LD: case IR_ST:
            fold_address(w, i);
            floor = i;
            break;
        case IR_PUT:
            hint(w, i, floor);
            break;
        case IR_CLZ: case IR_SELNZ: case IR_VAESMC: case IR_VAESIMC:
            fold_operand(w, i);
            break;
        case IR_VSHA2H: case IR_VSHA2H2:
            pairs = true;
            break;
        default:
            if (may_leave(&ins[i]))
                floor = i;
        }
    }
    for (uint32_t i = b->first; pairs && i < b->end; i++)
        if (ins[i].op == IR_VSHA2H || ins[i].op == IR_VSHA2H2)
            fold_pair(w, i);
}

void cg_scan_block(struct cg_work *w, const struct ir_block *b)
{
    const struct ir_ins *ins = w->u->ins;
    count_uses(w, b);
    walk_back(w, b);
    walk_forth(w, b);
    for (uint32_t i = b->first; i < b->end; i++)
        if (!(w->v[i].flags & V_DEAD) && ins[i].type != IR_VOID) {
            uint32_t at = w->v[i].last;
            w->v[i].die = w->dieat[at];
            w->dieat[at] = i;
        }
}
