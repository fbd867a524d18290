/* Private to ir/opt/forward.c and ir/opt/fold_*.c: the walk's state, and how rules are written.
 *
 * A rule gets an instruction whose operands are values of the new unit and may
 *   - return the value that replaces it (of the same type),
 *   - change it and return FOLD_AGAIN, so that the rules of its new operation run,
 *   - change it or not and return FOLD_KEEP: it is appended as it is.
 */
#ifndef MYNA_IR_OPT_FORWARD_H
#define MYNA_IR_OPT_FORWARD_H

#include "ir/opt/opt.h"

enum { CSE_SIZE = 64 };

/* What is known of a slot. */
struct fwd_slot {
    ir_ref value;       /* it holds this ... */
    uint32_t value_age; /* ... if this is fwd.value_age */
    ir_ref put;         /* nobody has looked since this PUT ... */
    uint32_t put_age;   /* ... if this is fwd.put_age, of a CC slot fwd.cc_age */
    uint32_t put_fault; /* CC slots: fwd.fault_age at that PUT */
    uint8_t whole;      /* value, zero-extended, is the whole slot and not only its low part */
};

/* Constants in slots at a block's only way in. */
struct fwd_const {
    uint32_t block;
    uint16_t slot;
    uint8_t type, whole;
    uint64_t v;
};

struct fwd {
    struct ir_unit *u;
    struct ir_ins *out;
    uint32_t n, cap;
    uint32_t first;          /* of the current block, in out */
    uint32_t insn;           /* the last INSN, in out */
    uint32_t *map;           /* old index to new */
    const struct ir_ins *at; /* the old instruction */
    struct fwd_slot *slots;
    uint32_t value_age, put_age, cc_age;
    uint32_t fault_age; /* counts memory accesses */
    uint32_t cse[CSE_SIZE];
    uint32_t swapped; /* the target that the coming JMP takes over from its BRCC, or IR_NONE */
    bool merge;
    uint8_t *preds; /* of old blocks, up to 2; with merge */
    uint8_t *done;
    uint32_t *moved; /* old block to new, with merge */
    struct fwd_const *consts;
    uint32_t nconsts, cap_consts;
};

#define FOLD_KEEP  IR_NONE
#define FOLD_AGAIN (IR_NONE - 1)

typedef uint32_t fold_fn(struct fwd *f, struct ir_ins *i);

/* The rules by operation, NULL for none. */
extern fold_fn *const fold_rules[IR_OP_COUNT];
#define OP(NAME, text, sig, flags, doc) fold_fn fold_##NAME;
#include "ir/ops.def"
#undef OP

/* Appends an instruction, or finds what is equal to it. The heart of the pass. */
ir_ref fwd_build(struct fwd *f, struct ir_ins i);

/* flags.c: PUTs of flags around branches to where flags are dead. */
void fwd_flags_swap(struct fwd *f, struct ir_ins *brcc, uint32_t jump);
void fwd_flags_branch(struct fwd *f, ir_ref branch);
void fwd_flags_jump(struct fwd *f, uint32_t target);

static inline const struct ir_ins *fwd_ins(const struct fwd *f, ir_ref r)
{
    return &f->out[r];
}

static inline bool fwd_is(const struct fwd *f, ir_ref r, unsigned op)
{
    return f->out[r].op == op;
}

static inline bool fwd_is_const(const struct fwd *f, ir_ref r, uint64_t *v)
{
    *v = ir_imm64(&f->out[r]);
    return f->out[r].op == IR_CONST;
}

static inline bool fwd_is_value(const struct fwd *f, ir_ref r, uint64_t v)
{
    return f->out[r].op == IR_CONST && ir_imm64(&f->out[r]) == v;
}

static inline ir_ref fwd_op(struct fwd *f, unsigned op, unsigned type, unsigned aux, ir_ref a,
                            ir_ref b)
{
    return fwd_build(f, (struct ir_ins){(uint8_t)op, (uint8_t)type, (uint16_t)aux, a, b, IR_NONE});
}

static inline ir_ref fwd_const(struct fwd *f, unsigned type, uint64_t v)
{
    if (ir_type_bits[type] == 32)
        v = (uint32_t)v;
    return fwd_build(
        f, (struct ir_ins){IR_CONST, (uint8_t)type, 0, IR_NONE, (uint32_t)v, (uint32_t)(v >> 32)});
}

/* Turns i, keeping its type, into another operation and asks for another round. */
static inline uint32_t fwd_to(struct ir_ins *i, unsigned op, unsigned aux, uint32_t a, uint32_t b)
{
    *i = (struct ir_ins){(uint8_t)op, i->type, (uint16_t)aux, a, b, IR_NONE};
    return FOLD_AGAIN;
}

static inline unsigned fwd_width(const struct ir_ins *i)
{
    return ir_type_bits[i->type];
}

static inline uint64_t fwd_mask(const struct ir_ins *i)
{
    return i->type == IR_I32 ? UINT32_MAX : UINT64_MAX;
}
#endif
