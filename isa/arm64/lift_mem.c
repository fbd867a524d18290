/* Owns the lifting of plain loads and stores of general registers. Arm ARM C4.1.94. */
#include "isa/arm64/pac.h"

/* The type a load of this size is done in: zero-extension to X comes with the PUT of an i32. */
static enum ir_type size_type(unsigned size)
{
    return size == IR_M_64 ? IR_I64 : IR_I32;
}

static enum isa_lift store(struct a64_lift *l, unsigned desc, const struct a64_addr *m, unsigned rt)
{
    a64_store(l, desc, m, a64_reg(l, size_type(desc & IR_M_SIZE), rt), 0);
    a64_addr_done(l, m);
    return ISA_NEXT;
}

/* t: IR_VOID for a zero-extending load, else what to sign-extend to. */
static enum isa_lift load(struct a64_lift *l, enum ir_type t, unsigned desc,
                          const struct a64_addr *m, unsigned rt)
{
    ir_ref v = t == IR_VOID ? a64_load(l, size_type(desc & IR_M_SIZE), desc, m, 0)
                            : a64_load(l, t, desc | IR_M_SIGNED, m, 0);

    a64_addr_done(l, m);
    a64_set_reg(l, rt, v);
    return ISA_NEXT;
}

/* ---- unsigned scaled offset ---- */

enum isa_lift a64_st_uimm(struct a64_lift *l, const struct a64_args_st_uimm *a)
{
    struct a64_addr m = a64_addr_imm(l, a->rn, (int64_t)a->imm << a->size);

    return store(l, a->size, &m, a->rt);
}

enum isa_lift a64_ld_uimm(struct a64_lift *l, const struct a64_args_ld_uimm *a)
{
    struct a64_addr m = a64_addr_imm(l, a->rn, (int64_t)a->imm << a->size);

    return load(l, IR_VOID, a->size, &m, a->rt);
}

enum isa_lift a64_ldsx_uimm(struct a64_lift *l, const struct a64_args_ldsx_uimm *a)
{
    struct a64_addr m = a64_addr_imm(l, a->rn, (int64_t)a->imm << a->size);

    return load(l, IR_I64, a->size, &m, a->rt);
}

enum isa_lift a64_ldsw_uimm(struct a64_lift *l, const struct a64_args_ldsw_uimm *a)
{
    struct a64_addr m = a64_addr_imm(l, a->rn, (int64_t)a->imm << a->size);

    return load(l, IR_I32, a->size, &m, a->rt);
}

/* ---- signed unscaled offset, post- and pre-index ---- */

/* LDTR, STTR and their kin: what a machine's EL1 does as EL0. */
static unsigned unprivileged(const struct a64_lift *l, unsigned mode)
{
    return mode == 2 && (l->key & A64_KEY_SYSTEM) && a64_key_el(l->key) ? IR_M_USER : 0;
}

/* mode: 0 plain, 1 post, 2 unprivileged (as plain in programs), 3 pre. */
static struct a64_addr simm(struct a64_lift *l, unsigned mode, unsigned rn, uint32_t imm)
{
    int64_t offset = bits_sext64(imm, 9);

    if (mode == 1)
        return a64_addr_post(l, rn, offset);
    return mode == 3 ? a64_addr_pre(l, rn, offset) : a64_addr_imm(l, rn, offset);
}

enum isa_lift a64_st_simm(struct a64_lift *l, const struct a64_args_st_simm *a)
{
    struct a64_addr m = simm(l, a->mode, a->rn, a->imm);

    return store(l, a->size | unprivileged(l, a->mode), &m, a->rt);
}

enum isa_lift a64_ld_simm(struct a64_lift *l, const struct a64_args_ld_simm *a)
{
    struct a64_addr m = simm(l, a->mode, a->rn, a->imm);

    return load(l, IR_VOID, a->size | unprivileged(l, a->mode), &m, a->rt);
}

enum isa_lift a64_ldsx_simm(struct a64_lift *l, const struct a64_args_ldsx_simm *a)
{
    struct a64_addr m = simm(l, a->mode, a->rn, a->imm);

    return load(l, IR_I64, a->size | unprivileged(l, a->mode), &m, a->rt);
}

enum isa_lift a64_ldsw_simm(struct a64_lift *l, const struct a64_args_ldsw_simm *a)
{
    struct a64_addr m = simm(l, a->mode, a->rn, a->imm);

    return load(l, IR_I32, a->size | unprivileged(l, a->mode), &m, a->rt);
}

/* ---- register offset ---- */

enum isa_lift a64_st_reg(struct a64_lift *l, const struct a64_args_st_reg *a)
{
    struct a64_addr m = a64_addr_index(l, a->rn, a->rm, a->option, a->s ? a->size : 0);

    return store(l, a->size, &m, a->rt);
}

enum isa_lift a64_ld_reg(struct a64_lift *l, const struct a64_args_ld_reg *a)
{
    struct a64_addr m = a64_addr_index(l, a->rn, a->rm, a->option, a->s ? a->size : 0);

    return load(l, IR_VOID, a->size, &m, a->rt);
}

enum isa_lift a64_ldsx_reg(struct a64_lift *l, const struct a64_args_ldsx_reg *a)
{
    struct a64_addr m = a64_addr_index(l, a->rn, a->rm, a->option, a->s ? a->size : 0);

    return load(l, IR_I64, a->size, &m, a->rt);
}

enum isa_lift a64_ldsw_reg(struct a64_lift *l, const struct a64_args_ldsw_reg *a)
{
    struct a64_addr m = a64_addr_index(l, a->rn, a->rm, a->option, a->s ? a->size : 0);

    return load(l, IR_I32, a->size, &m, a->rt);
}

/* ---- literal ---- */

static struct a64_addr literal(struct a64_lift *l, uint32_t imm)
{
    uint64_t at = l->pc + (uint64_t)(bits_sext64(imm, 19) * 4);

    return (struct a64_addr){ir_const(l->u, IR_I64, at), 0, IR_NONE, 0};
}

enum isa_lift a64_ldr_lit(struct a64_lift *l, const struct a64_args_ldr_lit *a)
{
    struct a64_addr m = literal(l, a->imm);

    return load(l, IR_VOID, a->sf ? IR_M_64 : IR_M_32, &m, a->rt);
}

enum isa_lift a64_ldrsw_lit(struct a64_lift *l, const struct a64_args_ldrsw_lit *a)
{
    struct a64_addr m = literal(l, a->imm);

    return load(l, IR_I64, IR_M_32, &m, a->rt);
}

/* ---- prefetch: a hint, and addresses that do not exist are allowed ---- */

enum isa_lift a64_prfm_uimm(struct a64_lift *l, const struct a64_args_prfm_uimm *a)
{
    (void)l, (void)a;
    return ISA_NEXT;
}

enum isa_lift a64_prfum(struct a64_lift *l, const struct a64_args_prfum *a)
{
    (void)l, (void)a;
    return ISA_NEXT;
}

enum isa_lift a64_prfm_reg(struct a64_lift *l, const struct a64_args_prfm_reg *a)
{
    (void)l, (void)a;
    return ISA_NEXT;
}

enum isa_lift a64_prfm_lit(struct a64_lift *l, const struct a64_args_prfm_lit *a)
{
    (void)l, (void)a;
    return ISA_NEXT;
}

/* ---- pairs ---- */

/* mode: 0 no-allocate, 1 post, 2 offset, 3 pre. */
static struct a64_addr pair_addr(struct a64_lift *l, unsigned mode, unsigned rn, uint32_t imm,
                                 unsigned size)
{
    int64_t offset = bits_sext64(imm, 7) * (1 << size);

    if (mode == 1)
        return a64_addr_post(l, rn, offset);
    return mode == 3 ? a64_addr_pre(l, rn, offset) : a64_addr_imm(l, rn, offset);
}

enum isa_lift a64_stp(struct a64_lift *l, const struct a64_args_stp *a)
{
    unsigned size = a->sf ? IR_M_64 : IR_M_32;
    enum ir_type t = a64_type(a->sf);
    struct a64_addr m = pair_addr(l, a->mode, a->rn, a->imm, size);

    a64_store(l, size, &m, a64_reg(l, t, a->rt), 0);
    a64_store(l, size, &m, a64_reg(l, t, a->rt2), 1 << size);
    a64_addr_done(l, &m);
    return ISA_NEXT;
}

static enum isa_lift load_pair(struct a64_lift *l, enum ir_type t, unsigned desc, unsigned mode,
                               unsigned rn, uint32_t imm, unsigned rt, unsigned rt2)
{
    unsigned size = desc & IR_M_SIZE;
    struct a64_addr m = pair_addr(l, mode, rn, imm, size);
    ir_ref first = a64_load(l, t, desc, &m, 0);
    ir_ref second = a64_load(l, t, desc, &m, 1 << size);

    a64_addr_done(l, &m);
    a64_set_reg(l, rt, first);
    a64_set_reg(l, rt2, second);
    return ISA_NEXT;
}

enum isa_lift a64_ldp(struct a64_lift *l, const struct a64_args_ldp *a)
{
    return load_pair(l, a64_type(a->sf), a->sf ? IR_M_64 : IR_M_32, a->mode, a->rn, a->imm, a->rt,
                     a->rt2);
}

enum isa_lift a64_ldpsw(struct a64_lift *l, const struct a64_args_ldpsw *a)
{
    return load_pair(l, IR_I64, IR_M_32 | IR_M_SIGNED, a->mode, a->rn, a->imm, a->rt, a->rt2);
}

/* ---- LDRAA, LDRAB ---- */

enum isa_lift a64_ldra(struct a64_lift *l, const struct a64_args_ldra *a)
{
    int64_t offset = bits_sext64(a->imm, 10) * 8;
    struct a64_addr m = {.disp = (int32_t)offset, .wb = IR_NONE, .wb_reg = a->rn};

    m.base = a64_pac_apply(l, true, a->m ? A64_PAC_DB : A64_PAC_DA, a64_reg_sp(l, IR_I64, a->rn),
                           a64_imm(l, IR_I64, 0));
    if (a->w)
        m.wb = ir_op2(l->u, IR_ADD, IR_I64, 0, m.base, a64_imm(l, IR_I64, (uint64_t)offset));
    return load(l, IR_VOID, IR_M_64, &m, a->rt);
}
