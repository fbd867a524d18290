/* Lifts loads, stores, atomics and cache block operations. Unprivileged ISA chapters 2, 13, 19.
 *
 * A store-conditional is a compare-and-swap with the value its load-reserved saw. A store by
 * another hart that puts the same value back (ABA) therefore goes unseen; programs that compile
 * from C atomics cannot tell. */
#include "isa/riscv/features.h"
#include "isa/riscv/lift.h"

#define LOAD(NAME, DESC)                                                                     \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a)               \
    {                                                                                        \
        ir_ref v = ir_ld(l->u, IR_I64, DESC, rv_x(l, a->rs1), (int32_t)rv_sext(a->imm, 12)); \
                                                                                             \
        rv_set(l, a->rd, v);                                                                 \
        return ISA_NEXT;                                                                     \
    }
LOAD(lb, IR_M_8 | IR_M_SIGNED)
LOAD(lh, IR_M_16 | IR_M_SIGNED)
LOAD(lw, IR_M_32 | IR_M_SIGNED)
LOAD(ld, IR_M_64)
LOAD(lbu, IR_M_8)
LOAD(lhu, IR_M_16)
LOAD(lwu, IR_M_32)

#define STORE(NAME, GET, DESC)                                                 \
    enum isa_lift rv_##NAME(struct rv_lift *l, const struct rv_args_##NAME *a) \
    {                                                                          \
        ir_ref at = rv_x(l, a->rs1);                                           \
                                                                               \
        ir_st(l->u, DESC, at, GET(l, a->rs2), (int32_t)rv_sext(a->imm, 12));   \
        return ISA_NEXT;                                                       \
    }
STORE(sb, rv_xw, IR_M_8)
STORE(sh, rv_xw, IR_M_16)
STORE(sw, rv_xw, IR_M_32)
STORE(sd, rv_x, IR_M_64)

/* ---- atomics ---- */

static unsigned order(unsigned aq, unsigned rl)
{
    return IR_M_ALIGNED | (aq ? IR_M_ACQUIRE : 0) | (rl ? IR_M_RELEASE : 0) |
           (aq && rl ? IR_M_SEQCST : 0);
}

static enum isa_lift load_reserved(struct rv_lift *l, unsigned size, unsigned desc, unsigned rd,
                                   unsigned rs1)
{
    struct ir_unit *u = l->u;
    ir_ref at = rv_x(l, rs1);
    ir_ref v = ir_ld(u, IR_I64, size | desc | (size == IR_M_32 ? IR_M_SIGNED : 0), at, 0);
    ir_ref tag = ir_op2(u, IR_OR, IR_I64, 0, at, rv_const(l, size - 1));

    ir_put(u, RV_SLOT_RES_TAG, tag);
    ir_put(u, RV_SLOT_RES_VAL, v);
    rv_set(l, rd, v);
    return ISA_NEXT;
}

/* An instruction has no control flow inside: without the reservation, the swap writes back what it
 * compared with, which changes nothing, and the result says failure. */
static enum isa_lift store_conditional(struct rv_lift *l, unsigned size, unsigned desc, unsigned rd,
                                       unsigned rs1, unsigned rs2)
{
    struct ir_unit *u = l->u;
    enum ir_type t = size == IR_M_32 ? IR_I32 : IR_I64;
    ir_ref at = rv_x(l, rs1);
    ir_ref tag = ir_op2(u, IR_OR, IR_I64, 0, at, rv_const(l, size - 1));
    ir_ref held = ir_op2(u, IR_SETC, IR_I32, IR_EQ, ir_get(u, IR_I64, RV_SLOT_RES_TAG), tag);
    ir_ref want = ir_get(u, t, RV_SLOT_RES_VAL);
    ir_ref with = t == IR_I32 ? rv_xw(l, rs2) : rv_x(l, rs2);

    with = ir_op3(u, IR_SELNZ, t, 0, held, with, want);
    ir_ref old = ir_op3(u, IR_CAS, t, size | desc, at, want, with);
    ir_ref same = ir_op2(u, IR_SETC, IR_I64, IR_EQ, old, want);
    ir_ref fail = ir_op3(u, IR_SELNZ, IR_I64, 0, held,
                         ir_op2(u, IR_XOR, IR_I64, 0, same, rv_const(l, 1)), rv_const(l, 1));
    ir_put(u, RV_SLOT_RES_TAG, rv_const(l, 0));
    rv_set(l, rd, fail);
    return ISA_NEXT;
}

#define RESERVED(W, SIZE)                                                              \
    enum isa_lift rv_lr_##W(struct rv_lift *l, const struct rv_args_lr_##W *a)         \
    {                                                                                  \
        return load_reserved(l, SIZE, order(a->aq, a->rl), a->rd, a->rs1);             \
    }                                                                                  \
    enum isa_lift rv_sc_##W(struct rv_lift *l, const struct rv_args_sc_##W *a)         \
    {                                                                                  \
        return store_conditional(l, SIZE, order(a->aq, a->rl), a->rd, a->rs1, a->rs2); \
    }
RESERVED(w, IR_M_32)
RESERVED(d, IR_M_64)

#define AMO(NAME, OP)                                                                              \
    enum isa_lift rv_amo##NAME##_w(struct rv_lift *l, const struct rv_args_amo##NAME##_w *a)       \
    {                                                                                              \
        ir_ref at = rv_x(l, a->rs1);                                                               \
        ir_ref old = ir_emit(l->u, IR_RMW, IR_I32, IR_M_32 | order(a->aq, a->rl), at,              \
                             rv_xw(l, a->rs2), OP);                                                \
                                                                                                   \
        rv_setw(l, a->rd, old);                                                                    \
        return ISA_NEXT;                                                                           \
    }                                                                                              \
    enum isa_lift rv_amo##NAME##_d(struct rv_lift *l, const struct rv_args_amo##NAME##_d *a)       \
    {                                                                                              \
        ir_ref at = rv_x(l, a->rs1);                                                               \
        ir_ref old =                                                                               \
            ir_emit(l->u, IR_RMW, IR_I64, IR_M_64 | order(a->aq, a->rl), at, rv_x(l, a->rs2), OP); \
                                                                                                   \
        rv_set(l, a->rd, old);                                                                     \
        return ISA_NEXT;                                                                           \
    }
AMO(swap, IR_RMW_XCHG)
AMO(add, IR_RMW_ADD)
AMO(xor, IR_RMW_XOR)
AMO(and, IR_RMW_AND)
AMO(or, IR_RMW_OR)
AMO(min, IR_RMW_MINS)
AMO(max, IR_RMW_MAXS)
AMO(minu, IR_RMW_MINU)
AMO(maxu, IR_RMW_MAXU)

/* ---- cache blocks of 64 bytes ---- */

enum isa_lift rv_cbo_zero(struct rv_lift *l, const struct rv_args_cbo_zero *a)
{
    ir_ref at = ir_op2(l->u, IR_AND, IR_I64, 0, rv_x(l, a->rs1),
                       rv_const(l, ~(uint64_t)(RV_CBO_BLOCK - 1)));
    ir_ref zero = rv_const(l, 0);

    for (int32_t off = 0; off < RV_CBO_BLOCK; off += 8)
        ir_st(l->u, IR_M_64, at, zero, off);
    return ISA_NEXT;
}

/* Caches are coherent here: what is left is the check of the address. */
enum isa_lift rv_cbo_clean(struct rv_lift *l, const struct rv_args_cbo_clean *a)
{
    ir_ld(l->u, IR_I64, IR_M_8, rv_x(l, a->rs1), 0);
    return ISA_NEXT;
}

enum isa_lift rv_cbo_flush(struct rv_lift *l, const struct rv_args_cbo_flush *a)
{
    ir_ld(l->u, IR_I64, IR_M_8, rv_x(l, a->rs1), 0);
    return ISA_NEXT;
}
