/* Loads and stores of SIMD and FP registers: single, pairs, literals, structures (Arm ARM C4.1.94,
 * C3.2.11). Never knows what the values mean. All accesses of an instruction come before its first
 * PUT.
 */
#include "isa/arm64/simd.h"

/* ---- one register of 1 << log bytes: what moves, and how it gets into the register ---- */
static enum ir_type type_of(unsigned log)
{
    static const uint8_t types[] = {IR_I32, IR_I32, IR_F32, IR_F64, IR_V128};

    return (enum ir_type)types[log];
}
static ir_ref load(struct a64_lift *l, const struct a64_addr *m, unsigned log, int32_t at)
{
    ir_ref v = a64_load(l, type_of(log), log, m, at);

    return log < IR_M_32 ? ir_op1(l->u, IR_BITS, IR_F32, 0, v) : v;
}
static ir_ref value(struct a64_lift *l, unsigned log, unsigned rt)
{
    if (log < IR_M_32)
        return ir_op1(l->u, IR_BITS, IR_I32, 0, a64_freg(l, IR_F32, rt));
    return a64_freg(l, type_of(log), rt);
}

static enum isa_lift access(struct a64_lift *l, const struct a64_addr *m, unsigned log,
                            unsigned is_load, unsigned rt)
{
    if (is_load) {
        ir_ref v = load(l, m, log, 0);

        a64_addr_done(l, m);
        a64_set_vreg(l, rt, v);
    } else {
        a64_store(l, log, m, value(l, log, rt), 0);
        a64_addr_done(l, m);
    }
    return ISA_NEXT;
}

#define SIGNED9(a) bits_sext32((a)->imm, 9)
#define ACCESS(name, log, address)                 \
    LIFT(m_##name)                                 \
    {                                              \
        struct a64_addr m = address;               \
                                                   \
        return access(l, &m, log, a->load, a->rt); \
    }
ACCESS(unscaled, a->size, a64_addr_imm(l, a->rn, SIGNED9(a)))
ACCESS(unscaled_q, IR_M_128, a64_addr_imm(l, a->rn, SIGNED9(a)))
ACCESS(post, a->size, a64_addr_post(l, a->rn, SIGNED9(a)))
ACCESS(post_q, IR_M_128, a64_addr_post(l, a->rn, SIGNED9(a)))
ACCESS(pre, a->size, a64_addr_pre(l, a->rn, SIGNED9(a)))
ACCESS(pre_q, IR_M_128, a64_addr_pre(l, a->rn, SIGNED9(a)))
ACCESS(scaled, a->size, a64_addr_imm(l, a->rn, (int64_t)a->imm << a->size))
ACCESS(scaled_q, IR_M_128, a64_addr_imm(l, a->rn, (int64_t)a->imm << IR_M_128))
ACCESS(index, a->size, a64_addr_index(l, a->rn, a->rm, a->option, a->s ? a->size : 0))
ACCESS(index_q, IR_M_128, a64_addr_index(l, a->rn, a->rm, a->option, a->s ? IR_M_128 : 0))

LIFT(m_literal)
{
    uint64_t at = l->pc + (uint64_t)(bits_sext64(a->imm, 19) * 4);
    struct a64_addr m = {ir_const(l->u, IR_I64, at), 0, IR_NONE, 0};

    return access(l, &m, IR_M_32 + a->opc, 1, a->rt);
}

/* ---- pairs ---- */
static enum isa_lift pair(struct a64_lift *l, const struct a64_addr *m, unsigned opc,
                          unsigned is_load, unsigned rt, unsigned rt2)
{
    unsigned log = IR_M_32 + opc;

    if (is_load) {
        ir_ref v = load(l, m, log, 0), v2 = load(l, m, log, 1 << log);

        a64_addr_done(l, m);
        a64_set_vreg(l, rt, v);
        a64_set_vreg(l, rt2, v2);
    } else {
        ir_ref v = value(l, log, rt), v2 = value(l, log, rt2);

        a64_store(l, log, m, v, 0);
        a64_store(l, log, m, v2, 1 << log);
        a64_addr_done(l, m);
    }
    return ISA_NEXT;
}
#define PAIR(name, make)                                                                     \
    LIFT(m_pair_##name)                                                                      \
    {                                                                                        \
        struct a64_addr m = make(l, a->rn, (int64_t)bits_sext32(a->imm, 7) * (4 << a->opc)); \
                                                                                             \
        return pair(l, &m, a->opc, a->load, a->rt, a->rt2);                                  \
    }
PAIR(np, a64_addr_imm)
PAIR(offset, a64_addr_imm)
PAIR(post, a64_addr_post)
PAIR(pre, a64_addr_pre)

/* ---- structures ---- */
struct group {
    unsigned q, lane, regs; /* lane: IR_LANE_*; regs: 1..4 registers from rt */
    unsigned structured;    /* elements are interleaved: LD2, LD3, LD4 */
    unsigned load, rt;
};

/* [rn], or [rn] with rm added after; rm 31 means the size of the access. */
static struct a64_addr structure_addr(struct a64_lift *l, unsigned rn, unsigned rm, unsigned bytes)
{
    return rm == 31 ? a64_addr_post(l, rn, bytes) : a64_addr_post_reg(l, rn, rm);
}

/* The perfect shuffle of three registers: it splits elements into three after log2(lanes of one)
 * steps, for then element 3j + c of the n = 3 * lanes has gone to place lanes * (3j + c) mod (n -
 * 1), which is lanes * c + j. */
static void split3(struct a64_lift *l, unsigned aux, ir_ref t[3])
{
    struct ir_unit *u = l->u;
    unsigned q = !(aux & IR_HALF), lanes = simd_count(aux & 7, q),
             bytes = IR_LANE_B | (aux & IR_HALF);

    for (unsigned n = 1; n < lanes; n *= 2) {
        ir_ref h[3], r0, r1;

        for (unsigned i = 0; i < 3; i++)
            h[i] = ir_v2i(u, IR_VEXT, bytes, t[i], t[i], q ? 8 : 4);
        r0 = ir_v2(u, IR_VZIP1, aux, t[0], h[1]);
        r1 = ir_v2(u, IR_VZIP1, aux, h[0], t[2]);
        t[2] = ir_v2(u, IR_VZIP1, aux, t[1], h[2]);
        t[0] = r0;
        t[1] = r1;
    }
}
/* Its inverse. */
static void join3(struct a64_lift *l, unsigned aux, ir_ref t[3])
{
    struct ir_unit *u = l->u;
    unsigned q = !(aux & IR_HALF), lanes = simd_count(aux & 7, q);
    unsigned half = q ? IR_LANE_D : IR_LANE_S | IR_HALF;

    for (unsigned n = 1; n < lanes; n *= 2) {
        ir_ref even = ir_v2(u, IR_VUZP1, aux, t[2], t[2]),
               odd = ir_v2(u, IR_VUZP2, aux, t[0], t[0]);
        ir_ref r0 = ir_v2(u, IR_VUZP1, aux, t[0], t[1]);

        t[2] = ir_v2(u, IR_VUZP2, aux, t[1], t[2]);
        t[1] = ir_v2(u, IR_VZIP1, half, even, odd);
        t[0] = r0;
    }
}
static void split(struct a64_lift *l, unsigned aux, unsigned regs, ir_ref t[4])
{
    struct ir_unit *u = l->u;

    if (regs == 2) {
        ir_ref even = ir_v2(u, IR_VUZP1, aux, t[0], t[1]);

        t[1] = ir_v2(u, IR_VUZP2, aux, t[0], t[1]);
        t[0] = even;
    } else if (regs == 3) {
        split3(l, aux, t);
    } else {
        ir_ref e0 = ir_v2(u, IR_VUZP1, aux, t[0], t[1]), e1 = ir_v2(u, IR_VUZP1, aux, t[2], t[3]);
        ir_ref o0 = ir_v2(u, IR_VUZP2, aux, t[0], t[1]), o1 = ir_v2(u, IR_VUZP2, aux, t[2], t[3]);

        t[0] = ir_v2(u, IR_VUZP1, aux, e0, e1);
        t[1] = ir_v2(u, IR_VUZP1, aux, o0, o1);
        t[2] = ir_v2(u, IR_VUZP2, aux, e0, e1);
        t[3] = ir_v2(u, IR_VUZP2, aux, o0, o1);
    }
}
static void join(struct a64_lift *l, unsigned aux, unsigned regs, ir_ref t[4])
{
    struct ir_unit *u = l->u;

    if (regs == 2) {
        ir_ref low = ir_v2(u, IR_VZIP1, aux, t[0], t[1]);

        t[1] = ir_v2(u, IR_VZIP2, aux, t[0], t[1]);
        t[0] = low;
    } else if (regs == 3) {
        join3(l, aux, t);
    } else {
        ir_ref a = ir_v2(u, IR_VZIP1, aux, t[0], t[2]), b = ir_v2(u, IR_VZIP2, aux, t[0], t[2]);
        ir_ref c = ir_v2(u, IR_VZIP1, aux, t[1], t[3]), d = ir_v2(u, IR_VZIP2, aux, t[1], t[3]);

        t[0] = ir_v2(u, IR_VZIP1, aux, a, c);
        t[1] = ir_v2(u, IR_VZIP2, aux, a, c);
        t[2] = ir_v2(u, IR_VZIP1, aux, b, d);
        t[3] = ir_v2(u, IR_VZIP2, aux, b, d);
    }
}

static enum isa_lift multi(struct a64_lift *l, const struct a64_addr *m, const struct group *g)
{
    unsigned log = g->q ? IR_M_128 : IR_M_64, aux = simd_aux(g->lane, g->q);
    bool vectors = g->structured && g->regs > 1;
    ir_ref t[4];

    if (vectors && g->lane == IR_LANE_D && !g->q)
        return a64_undef(l);
    for (unsigned i = 0; i < g->regs; i++) {
        unsigned r = (g->rt + i) & 31;

        if (g->load)
            t[i] = load(l, m, log, (int32_t)(i << log));
        else
            t[i] = vectors ? a64_vreg(l, r) : value(l, log, r);
        if (g->load && vectors && !g->q)
            t[i] = ir_op1(l->u, IR_FTOV, IR_V128, 0, t[i]);
    }
    if (g->load) {
        if (vectors)
            split(l, aux, g->regs, t);
        a64_addr_done(l, m);
        for (unsigned i = 0; i < g->regs; i++)
            a64_set_vreg(l, (g->rt + i) & 31, t[i]);
        return ISA_NEXT;
    }
    if (vectors)
        join(l, aux, g->regs, t);
    for (unsigned i = 0; i < g->regs; i++) {
        if (vectors && !g->q)
            t[i] = ir_op1(l->u, IR_VLOW, IR_F64, 0, t[i]);
        a64_store(l, log, m, t[i], (int32_t)(i << log));
    }
    a64_addr_done(l, m);
    return ISA_NEXT;
}
#define MULTI(name, count, interleaved)                                              \
    LIFT(m_multi_##name)                                                             \
    {                                                                                \
        struct group g = {a->q, a->size, count, interleaved, a->load, a->rt};        \
        struct a64_addr m = a64_addr_imm(l, a->rn, 0);                               \
                                                                                     \
        return multi(l, &m, &g);                                                     \
    }                                                                                \
    LIFT(m_multi_##name##_p)                                                         \
    {                                                                                \
        struct group g = {a->q, a->size, count, interleaved, a->load, a->rt};        \
        struct a64_addr m = structure_addr(l, a->rn, a->rm, (count) * (8u << a->q)); \
                                                                                     \
        return multi(l, &m, &g);                                                     \
    }
MULTI(4, 4, 1)
MULTI(3, 3, 1)
MULTI(2, 2, 1)
MULTI(1x4, 4, 0)
MULTI(1x3, 3, 0)
MULTI(1x2, 2, 0)
MULTI(1x1, 1, 0)

/* ---- one lane of each register ---- */
static ir_ref load_lane(struct a64_lift *l, const struct a64_addr *m, unsigned lane, unsigned i)
{
    return a64_load(l, lane == IR_LANE_D ? IR_I64 : IR_I32, lane, m, (int32_t)(i << lane));
}
static enum isa_lift one_lane(struct a64_lift *l, const struct a64_addr *m, const struct group *g,
                              unsigned index)
{
    enum ir_type t = g->lane == IR_LANE_D ? IR_I64 : IR_I32;
    ir_ref v[4];

    for (unsigned i = 0; i < g->regs; i++) {
        unsigned r = (g->rt + i) & 31;

        if (g->load) {
            v[i] = load_lane(l, m, g->lane, i);
            continue;
        }
        v[i] = ir_emit(l->u, IR_VGET, t, g->lane, a64_vreg(l, r), IR_NONE, index);
        a64_store(l, g->lane, m, v[i], (int32_t)(i << g->lane));
    }
    a64_addr_done(l, m);
    for (unsigned i = 0; g->load && i < g->regs; i++) {
        unsigned r = (g->rt + i) & 31;

        a64_set_vreg(l, r, ir_v2i(l->u, IR_VSET, g->lane, a64_vreg(l, r), v[i], index));
    }
    return ISA_NEXT;
}
#define LANE(name, number, index)                                                  \
    LIFT(m_lane_##name)                                                            \
    {                                                                              \
        struct group g = {1, number, 1 + (a->sel << 1 | a->r), 1, a->load, a->rt}; \
        struct a64_addr m = a64_addr_imm(l, a->rn, 0);                             \
                                                                                   \
        return one_lane(l, &m, &g, index);                                         \
    }                                                                              \
    LIFT(m_lane_##name##_p)                                                        \
    {                                                                              \
        struct group g = {1, number, 1 + (a->sel << 1 | a->r), 1, a->load, a->rt}; \
        struct a64_addr m = structure_addr(l, a->rn, a->rm, g.regs << (number));   \
                                                                                   \
        return one_lane(l, &m, &g, index);                                         \
    }
LANE(b, IR_LANE_B, a->q << 3 | a->s << 2 | a->size)
LANE(h, IR_LANE_H, a->q << 2 | a->s << 1 | a->size >> 1)
LANE(s, IR_LANE_S, a->q << 1 | a->s)
LANE(d, IR_LANE_D, a->q)

/* ---- one element to all lanes ---- */
static enum isa_lift replicate(struct a64_lift *l, const struct a64_addr *m, const struct group *g)
{
    ir_ref v[4];

    for (unsigned i = 0; i < g->regs; i++)
        v[i] = load_lane(l, m, g->lane, i);
    a64_addr_done(l, m);
    for (unsigned i = 0; i < g->regs; i++) {
        unsigned aux = simd_aux(g->lane, g->q);

        a64_set_vreg(l, (g->rt + i) & 31, ir_op1(l->u, IR_VDUP, IR_V128, aux, v[i]));
    }
    return ISA_NEXT;
}
LIFT(m_repl)
{
    struct group g = {a->q, a->size, 1 + (a->sel << 1 | a->r), 1, 1, a->rt};
    struct a64_addr m = a64_addr_imm(l, a->rn, 0);

    return replicate(l, &m, &g);
}
LIFT(m_repl_p)
{
    struct group g = {a->q, a->size, 1 + (a->sel << 1 | a->r), 1, 1, a->rt};
    struct a64_addr m = structure_addr(l, a->rn, a->rm, g.regs << a->size);

    return replicate(l, &m, &g);
}
