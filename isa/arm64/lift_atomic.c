/* Owns the lifting of exclusives, ordered accesses and LSE atomics. Arm ARM C3.2.6-C3.2.13, B2.9.
 *
 * The exclusive monitor is {address, value}: a store-exclusive is a compare-and-swap against what
 * the load-exclusive saw. The ABA case (the same value was written in between) succeeds where
 * hardware would fail; programs made for compare-and-swap cannot tell.
 *
 * All of them fault at a misaligned address: FEAT_LSE2 is not reported (features.h). It also keeps the
 * host from locking two cache lines, which takes milliseconds, or for ever in some virtual machines.
 */
#include "isa/arm64/lift.h"

static enum ir_type size_type(unsigned size)
{
    return size == IR_M_64 ? IR_I64 : IR_I32;
}

static ir_ref pair_vector(struct a64_lift *l, ir_ref lo, ir_ref hi)
{
    return ir_v2i(l->u, IR_VSET, IR_LANE_D, ir_v1(l->u, IR_VDUP, IR_LANE_D, lo), hi, 1);
}

static ir_ref half(struct a64_lift *l, ir_ref vector, unsigned lane)
{
    return ir_emit(l->u, IR_VGET, IR_I64, IR_LANE_D, vector, IR_NONE, lane);
}

/* Two W registers as one doubleword, the first low. */
static ir_ref join(struct a64_lift *l, unsigned r, unsigned r2)
{
    ir_ref lo = a64_reg(l, IR_I64, r), hi = a64_reg(l, IR_I64, r2);

    return ir_op2(l->u, IR_BFI, IR_I64, 32 << 8 | 32, lo, hi);
}

static void put_joined(struct a64_lift *l, unsigned r, unsigned r2, ir_ref v)
{
    a64_set_reg(l, r, ir_op1(l->u, IR_TRUNC, IR_I32, 0, v));
    a64_set_reg(l, r2, ir_op2(l->u, IR_SHR, IR_I64, 0, v, a64_imm(l, IR_I64, 32)));
}

/* ---- exclusives ---- */

static void monitor_set(struct a64_lift *l, ir_ref address, ir_ref lo)
{
    ir_put(l->u, A64_EX_ADDR, address);
    ir_put(l->u, A64_EX_LO, lo);
}

static void monitor_clear(struct a64_lift *l)
{
    ir_put(l->u, A64_EX_ADDR, a64_imm(l, IR_I64, A64_EX_NONE));
}

static ir_ref monitor_has(struct a64_lift *l, ir_ref address)
{
    return ir_op2(l->u, IR_SETC, IR_I32, IR_EQ, ir_get(l->u, IR_I64, A64_EX_ADDR), address);
}

enum isa_lift a64_ldxr(struct a64_lift *l, const struct a64_args_ldxr *a)
{
    unsigned desc = a->size | IR_M_ALIGNED | (a->o0 ? IR_M_ACQUIRE : 0);
    ir_ref address = a64_reg_sp(l, IR_I64, a->rn);
    ir_ref v = ir_ld(l->u, size_type(a->size), desc, address, 0);

    monitor_set(l, address, v);
    a64_set_reg(l, a->rt, v);
    return ISA_NEXT;
}

enum isa_lift a64_ldxp(struct a64_lift *l, const struct a64_args_ldxp *a)
{
    unsigned desc = IR_M_ALIGNED | (a->o0 ? IR_M_ACQUIRE : 0);
    ir_ref address = a64_reg_sp(l, IR_I64, a->rn), v, hi;

    if (!a->sf) {
        v = ir_ld(l->u, IR_I64, desc | IR_M_64, address, 0);
        monitor_set(l, address, v);
        put_joined(l, a->rt, a->rt2, v);
        return ISA_NEXT;
    }
    v = ir_ld(l->u, IR_V128, desc | IR_M_128, address, 0);
    hi = half(l, v, 1);
    v = half(l, v, 0);
    monitor_set(l, address, v);
    ir_put(l->u, A64_EX_HI, hi);
    a64_set_reg(l, a->rt, v);
    a64_set_reg(l, a->rt2, hi);
    return ISA_NEXT;
}

/* A store-exclusive of one access of at most 64 bits; writes 0 (stored) or 1 to rs. Without the
 * monitor the compare-and-swap writes back what it expects, which changes nothing. */
static enum isa_lift store_exclusive(struct a64_lift *l, unsigned desc, unsigned rn, ir_ref v,
                                     unsigned rs)
{
    enum ir_type t = size_type(desc & IR_M_SIZE);
    ir_ref address = a64_reg_sp(l, IR_I64, rn), has = monitor_has(l, address);
    ir_ref expected = ir_get(l->u, t, A64_EX_LO), old, ok;

    v = ir_op3(l->u, IR_SELNZ, t, 0, has, v, expected);
    old = ir_op3(l->u, IR_CAS, t, desc, address, expected, v);
    ok = ir_op2(l->u, IR_SETC, IR_I32, IR_EQ, old, expected);
    ok = ir_op2(l->u, IR_AND, IR_I32, 0, ok, has);
    monitor_clear(l);
    a64_set_reg(l, rs, ir_op2(l->u, IR_XOR, IR_I32, 0, ok, a64_imm(l, IR_I32, 1)));
    return ISA_NEXT;
}

enum isa_lift a64_stxr(struct a64_lift *l, const struct a64_args_stxr *a)
{
    unsigned desc = a->size | IR_M_ALIGNED | (a->o0 ? IR_M_RELEASE : 0);

    return store_exclusive(l, desc, a->rn, a64_reg(l, size_type(a->size), a->rt), a->rs);
}

enum isa_lift a64_stxp(struct a64_lift *l, const struct a64_args_stxp *a)
{
    ir_ref address, has, lo, hi, old, differ;

    if (!a->sf)
        return store_exclusive(l, IR_M_64 | IR_M_ALIGNED | (a->o0 ? IR_M_RELEASE : 0), a->rn,
                               join(l, a->rt, a->rt2), a->rs);
    address = a64_reg_sp(l, IR_I64, a->rn);
    has = monitor_has(l, address);
    lo = ir_get(l->u, IR_I64, A64_EX_LO);
    hi = ir_get(l->u, IR_I64, A64_EX_HI);
    old = a64_call(
        l, IR_V128, A64_H_cas_pair, address, pair_vector(l, lo, hi),
        pair_vector(l, ir_op3(l->u, IR_SELNZ, IR_I64, 0, has, a64_reg(l, IR_I64, a->rt), lo),
                    ir_op3(l->u, IR_SELNZ, IR_I64, 0, has, a64_reg(l, IR_I64, a->rt2), hi)));
    differ = ir_op2(l->u, IR_OR, IR_I64, 0, ir_op2(l->u, IR_XOR, IR_I64, 0, half(l, old, 0), lo),
                    ir_op2(l->u, IR_XOR, IR_I64, 0, half(l, old, 1), hi));
    differ = ir_op2(l->u, IR_SETC, IR_I32, IR_NE, differ, a64_imm(l, IR_I64, 0));
    has = ir_op2(l->u, IR_XOR, IR_I32, 0, has, a64_imm(l, IR_I32, 1));
    monitor_clear(l);
    a64_set_reg(l, a->rs, ir_op2(l->u, IR_OR, IR_I32, 0, differ, has));
    return ISA_NEXT;
}

enum isa_lift a64_clrex(struct a64_lift *l, const struct a64_args_clrex *a)
{
    (void)a;
    monitor_clear(l);
    return ISA_NEXT;
}

/* ---- ordered loads and stores ---- */

static enum isa_lift load(struct a64_lift *l, enum ir_type t, unsigned desc, unsigned rn,
                          int64_t imm, unsigned rt)
{
    struct a64_addr m = a64_addr_imm(l, rn, imm);

    a64_set_reg(l, rt, a64_load(l, t, desc, &m, 0));
    return ISA_NEXT;
}

static enum isa_lift store(struct a64_lift *l, unsigned desc, unsigned rn, int64_t imm, unsigned rt)
{
    struct a64_addr m = a64_addr_imm(l, rn, imm);

    a64_store(l, desc, &m, a64_reg(l, size_type(desc & IR_M_SIZE), rt), 0);
    return ISA_NEXT;
}

/* LDAR and STLR are sequentially consistent among themselves; LDLAR, STLLR and LDAPR are not. */
enum isa_lift a64_ldar(struct a64_lift *l, const struct a64_args_ldar *a)
{
    unsigned order = IR_M_ALIGNED | IR_M_ACQUIRE | (a->o0 ? IR_M_SEQCST : 0);

    return load(l, size_type(a->size), a->size | order, a->rn, 0, a->rt);
}

enum isa_lift a64_stlr(struct a64_lift *l, const struct a64_args_stlr *a)
{
    unsigned order = IR_M_ALIGNED | IR_M_RELEASE | (a->o0 ? IR_M_SEQCST : 0);

    return store(l, a->size | order, a->rn, 0, a->rt);
}

enum isa_lift a64_ldapr(struct a64_lift *l, const struct a64_args_ldapr *a)
{
    return load(l, size_type(a->size), a->size | IR_M_ALIGNED | IR_M_ACQUIRE, a->rn, 0, a->rt);
}

enum isa_lift a64_ldapur(struct a64_lift *l, const struct a64_args_ldapur *a)
{
    return load(l, size_type(a->size), a->size | IR_M_ALIGNED | IR_M_ACQUIRE, a->rn,
                bits_sext64(a->imm, 9), a->rt);
}

enum isa_lift a64_ldapursx(struct a64_lift *l, const struct a64_args_ldapursx *a)
{
    return load(l, IR_I64, a->size | IR_M_SIGNED | IR_M_ALIGNED | IR_M_ACQUIRE, a->rn,
                bits_sext64(a->imm, 9), a->rt);
}

enum isa_lift a64_ldapursw(struct a64_lift *l, const struct a64_args_ldapursw *a)
{
    return load(l, IR_I32, a->size | IR_M_SIGNED | IR_M_ALIGNED | IR_M_ACQUIRE, a->rn,
                bits_sext64(a->imm, 9), a->rt);
}

enum isa_lift a64_stlur(struct a64_lift *l, const struct a64_args_stlur *a)
{
    return store(l, a->size | IR_M_ALIGNED | IR_M_RELEASE | IR_M_SEQCST, a->rn,
                 bits_sext64(a->imm, 9), a->rt);
}

/* ---- LSE ---- */

static unsigned order_bits(unsigned acquire, unsigned release)
{
    return IR_M_ALIGNED | (acquire ? IR_M_ACQUIRE : 0) | (release ? IR_M_RELEASE : 0);
}

/* The register's low 2^size bytes, extended: what byte and halfword compares look at. */
static ir_ref narrow(struct a64_lift *l, bool is_signed, unsigned size, unsigned r)
{
    ir_ref v = a64_reg(l, size_type(size), r);

    return size < 2 ? ir_op1(l->u, is_signed ? IR_SX : IR_ZX, IR_I32, 8u << size, v) : v;
}

enum isa_lift a64_cas(struct a64_lift *l, const struct a64_args_cas *a)
{
    enum ir_type t = size_type(a->size);
    ir_ref address = a64_reg_sp(l, IR_I64, a->rn), expected = narrow(l, false, a->size, a->rs);

    a64_set_reg(l, a->rs,
                ir_op3(l->u, IR_CAS, t, a->size | order_bits(a->a, a->r), address, expected,
                       a64_reg(l, t, a->rt)));
    return ISA_NEXT;
}

enum isa_lift a64_casp(struct a64_lift *l, const struct a64_args_casp *a)
{
    ir_ref address, old;

    if ((a->rs | a->rt) & 1)
        return a64_undef(l);
    address = a64_reg_sp(l, IR_I64, a->rn);
    if (!a->sf) {
        old = ir_op3(l->u, IR_CAS, IR_I64, IR_M_64 | order_bits(a->a, a->r), address,
                     join(l, a->rs, a->rs + 1), join(l, a->rt, a->rt + 1));
        put_joined(l, a->rs, a->rs + 1, old);
        return ISA_NEXT;
    }
    old = a64_call(l, IR_V128, A64_H_cas_pair, address,
                   pair_vector(l, a64_reg(l, IR_I64, a->rs), a64_reg(l, IR_I64, a->rs + 1)),
                   pair_vector(l, a64_reg(l, IR_I64, a->rt), a64_reg(l, IR_I64, a->rt + 1)));
    a64_set_reg(l, a->rs, half(l, old, 0));
    a64_set_reg(l, a->rs + 1, half(l, old, 1));
    return ISA_NEXT;
}

static enum isa_lift read_modify_write(struct a64_lift *l, enum ir_rmw op, unsigned desc,
                                       unsigned rn, ir_ref v, unsigned rt)
{
    ir_ref address = a64_reg_sp(l, IR_I64, rn);
    ir_ref old = ir_op3(l->u, IR_RMW, size_type(desc & IR_M_SIZE), desc, address, v, op);

    a64_set_reg(l, rt, old);
    return ISA_NEXT;
}

enum isa_lift a64_ldop(struct a64_lift *l, const struct a64_args_ldop *a)
{
    static const uint8_t ops[8] = {IR_RMW_ADD,  IR_RMW_ANDN, IR_RMW_XOR,  IR_RMW_OR,
                                   IR_RMW_MAXS, IR_RMW_MINS, IR_RMW_MAXU, IR_RMW_MINU};
    bool is_signed = (a->op & 6) == 4;

    return read_modify_write(l, (enum ir_rmw)ops[a->op], a->size | order_bits(a->a, a->r), a->rn,
                             narrow(l, is_signed, a->size, a->rs), a->rt);
}

enum isa_lift a64_swp(struct a64_lift *l, const struct a64_args_swp *a)
{
    return read_modify_write(l, IR_RMW_XCHG, a->size | order_bits(a->a, a->r), a->rn,
                             a64_reg(l, size_type(a->size), a->rs), a->rt);
}
