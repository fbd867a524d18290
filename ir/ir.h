/* The intermediate representation: what lifters produce, passes improve, the interpreter runs and
 * back ends translate. It holds no guest opcode and knows no host.
 *
 * A unit is a piece of guest code: one basic block (tier 1) or many with their edges (tier 2).
 * Inside a block, values are SSA: an instruction's index is its value, and an operand always has a
 * smaller index and stands in the same block. Between blocks, values travel in the guest's slots
 * (GET/PUT); there are no phis. That keeps lifting, checking and register assignment simple: a slot
 * is a variable, and the back end decides for each unit which slots live in host registers.
 *
 * Precise state: INSN marks where a guest instruction starts. All PUTs of an instruction come after
 * its last operation that may fault or exit (the verifier checks it), so at any fault the guest's
 * state is that of the last INSN.
 *
 * Ownership: a unit owns its arrays; ir_unit_reset() empties them and keeps their memory, so that a
 * warm unit allocates nothing.
 * Threads: a unit belongs to one thread at a time.
 */
#ifndef MYNA_IR_IR_H
#define MYNA_IR_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct isa;
struct err;

enum ir_op {
#define OP(NAME, text, sig, flags, doc) IR_##NAME,
#include "ir/ops.def"
#undef OP
    IR_OP_COUNT
};

enum ir_type { IR_VOID, IR_I32, IR_I64, IR_F32, IR_F64, IR_V128, IR_CC, IR_TYPE_COUNT };

/* Flags of ops.def. */
enum {
    IR_OPF_PURE = 1,
    IR_OPF_COMM = 2,
    IR_OPF_ROUND = 4,
    IR_OPF_FAULT = 8,
    IR_OPF_EFFECT = 16,
    IR_OPF_END = 32,
};

struct ir_op_info {
    const char *name;
    const char *sig;
    uint8_t flags;
    const char *doc;
};
extern const struct ir_op_info ir_ops[IR_OP_COUNT];
/* Which of a, b, c hold value refs: bits 0..2 always, bits 4..6 when not IR_NONE. */
extern const uint8_t ir_op_operands[IR_OP_COUNT];
extern const char *const ir_type_names[IR_TYPE_COUNT];
extern const uint8_t ir_type_bits[IR_TYPE_COUNT]; /* 0, 32, 64, 32, 64, 128, 0 */

typedef uint32_t ir_ref; /* the index of the instruction that makes a value */
#define IR_NONE UINT32_MAX

/* One instruction. The meaning of aux, a, b, c is in ops.def. */
struct ir_ins {
    uint8_t op;
    uint8_t type;
    uint16_t aux;
    uint32_t a, b, c;
};
_Static_assert(sizeof(struct ir_ins) == 16, "instructions are 16 bytes");

static inline uint64_t ir_imm64(const struct ir_ins *i) { return i->b | (uint64_t)i->c << 32; }

/* Integer conditions (SETC, BR, BRT). Pairs differ in bit 0: cond ^ 1 is the inverse. */
enum ir_cond {
    IR_EQ, IR_NE, IR_LTS, IR_GES, IR_LES, IR_GTS, IR_LTU, IR_GEU, IR_LEU, IR_GTU,
};
/* Conditions on a cc token, Arm's numbers; cond ^ 1 is the inverse (not of AL). */
enum ir_cc {
    IR_CC_EQ, IR_CC_NE, IR_CC_CS, IR_CC_CC, IR_CC_MI, IR_CC_PL, IR_CC_VS, IR_CC_VC,
    IR_CC_HI, IR_CC_LS, IR_CC_GE, IR_CC_LT, IR_CC_GT, IR_CC_LE, IR_CC_AL,
};
/* Conditions of FSETC: false when unordered (but UNE and UNO). */
enum ir_fcond { IR_FC_EQ, IR_FC_LT, IR_FC_LE, IR_FC_GT, IR_FC_GE, IR_FC_UNE, IR_FC_UNO, IR_FC_ORD };

enum ir_lane { IR_LANE_B, IR_LANE_H, IR_LANE_S, IR_LANE_D, IR_LANE_Q };
#define IR_HALF 8  /* only the low 64 bits are computed, the high half is zero */
#define IR_HIGH 16 /* operate on the high half of the sources (long operations) */

enum { IR_DIV_ZERO, IR_DIV_ONES };
enum ir_jump { IR_J_JUMP, IR_J_CALL, IR_J_RET };
enum ir_rm { /* rounding: DYN is what the code key says (kept in the host's control register) */
    IR_RM_DYN, IR_RM_NEAREST, IR_RM_ZERO, IR_RM_UP, IR_RM_DOWN, IR_RM_AWAY,
};
enum ir_minmax { /* FMIN, FMAX, VFMIN, VFMAX: aux >> 4 */
    IR_MM_ARM,   /* a NaN operand gives NaN; -0 < +0 */
    IR_MM_NUM,   /* IEEE 754-2008 minNum: a quiet NaN loses to a number; a signalling one gives NaN */
    IR_MM_NUM19, /* IEEE 754-2019 minimumNumber: any NaN loses; invalid for a signalling one */
    IR_MM_X86,   /* a < b ? a : b */
};

/* Memory descriptor (aux of LD, ST, CAS, RMW). */
#define IR_M_SIZE 7u        /* log2 of the bytes: 0..4 */
#define IR_M_SIGNED 8u      /* LD, RMW: sign-extend */
#define IR_M_BIG 16u        /* big-endian */
#define IR_M_ALIGNED 32u    /* a misaligned address faults */
#define IR_M_ACQUIRE 64u
#define IR_M_RELEASE 128u
#define IR_M_SEQCST 256u    /* with acquire/release: ordered with other seq-cst accesses */
#define IR_M_WITHIN16 512u  /* single-copy atomic when it does not cross a 16-byte boundary */
#define IR_M_USER 1024u     /* system mode: as the unprivileged level */
enum { IR_M_8, IR_M_16, IR_M_32, IR_M_64, IR_M_128 };
enum ir_rmw {
    IR_RMW_XCHG, IR_RMW_ADD, IR_RMW_AND, IR_RMW_OR, IR_RMW_XOR, IR_RMW_ANDN,
    IR_RMW_MINS, IR_RMW_MAXS, IR_RMW_MINU, IR_RMW_MAXU,
};
enum { IR_FENCE_LL = 1, IR_FENCE_LS = 2, IR_FENCE_SL = 4, IR_FENCE_SS = 8, IR_FENCE_ALL = 15 };

/* The packed form of the flags, as a slot of type CC holds them in memory (uint32_t). The layout is
 * what x86's lahf/seto give, so that saving is cheap there. */
#define IR_NZCV_N (1u << 15)
#define IR_NZCV_Z (1u << 14)
#define IR_NZCV_C (1u << 8)
#define IR_NZCV_V (1u << 0)
static inline uint32_t ir_nzcv_pack(uint32_t nzcv31)
{
    return (nzcv31 >> 16 & (IR_NZCV_N | IR_NZCV_Z)) | (nzcv31 >> 21 & IR_NZCV_C) |
           (nzcv31 >> 28 & IR_NZCV_V);
}
static inline uint32_t ir_nzcv_unpack(uint32_t p)
{
    return (p & (IR_NZCV_N | IR_NZCV_Z)) << 16 | (p & IR_NZCV_C) << 21 | (p & IR_NZCV_V) << 28;
}

/* A value of any type, in memory: helper arguments, the interpreter, constants of tests. */
union ir_val {
    uint32_t w;
    uint64_t x;
    uint8_t b[16];
    uint16_t h[8];
    uint32_t s[4];
    uint64_t d[2];
} __attribute__((aligned(16)));

/* Helpers: C functions of an isa that translated code calls (CALL aux = index in isa->helpers).
 * v[0..5] are the arguments, the result goes to v[0]. `cpu` is a struct cpu *. */
typedef void ir_helper_fn(void *cpu, union ir_val *v);
enum {
    IR_H_PURE = 1,   /* touches no slot and no guest memory (may touch state that has no slot) */
    IR_H_READS = 2,  /* reads slots: all are in memory before the call */
    IR_H_WRITES = 4, /* writes slots: none is cached over the call */
    IR_H_FAULTS = 8, /* accesses guest memory or raises an exception: state is exact in memory (pc too) */
    IR_H_NODCE = 16, /* has an effect besides its result (all but PURE have) */
};
struct ir_helper {
    const char *name;
    ir_helper_fn *fn;
    uint8_t flags;
    uint8_t nargs;
    uint8_t result; /* enum ir_type */
    uint8_t args[6];
};

/* A place a unit may go to: a guest pc, and the block of the unit that starts there, if any. */
struct ir_target {
    uint64_t pc;
    uint32_t block;   /* or IR_NONE: leave the unit */
    uint32_t cc_dead; /* the guest overwrites the flags there before it reads them (isa->cc_dead) */
};

struct ir_block {
    uint64_t pc;          /* guest address of its first instruction */
    uint32_t first, end;  /* instructions [first, end) */
    uint32_t guest_bytes; /* length of the guest code */
    uint16_t loop_depth;
    uint16_t flags;       /* IR_B_* */
};
enum {
    IR_B_ENTRY = 1,  /* may be entered from outside the unit */
    IR_B_LOOP = 2,   /* on a cycle: polls exit_request where the back end is asked to */
};

/* Floating-point environment a unit is translated for; part of the code key's meaning. */
struct ir_fpenv {
    uint8_t nan_rule;    /* enum fp_nan_rule of fp/fp.h */
    uint8_t rm;          /* IR_RM_NEAREST..: what IR_RM_DYN means (the interpreter needs it) */
    uint8_t default_nan; /* every NaN result is the default NaN */
    uint8_t ftz, daz;
    uint8_t int_rule;    /* saturation of float to integer: enum fp_int_rule of fp/fp.h */
    uint8_t box32;       /* riscv: f32 in a 64-bit slot is NaN-boxed (lifter's business) */
};

struct ir_unit {
    const struct isa *isa;
    uint16_t cc_slots[2]; /* the isa's slots of type CC */
    uint16_t ncc;
    uint32_t key; /* code key */
    struct ir_fpenv fp;
    struct ir_ins *ins;
    uint32_t nins, cap_ins;
    struct ir_block *blocks;
    uint32_t nblocks, cap_blocks;
    struct ir_target *targets;
    uint32_t ntargets, cap_targets;
    uint64_t pc_lo, pc_hi; /* guest range [lo, hi) the bytes came from (tier 1; tier 2: hull) */
    void *work;            /* scratch memory of the passes (ir/opt/), kept from unit to unit */
    size_t cap_work;
    struct ir_ins *spare; /* the array a rewriting pass fills before it swaps */
    uint32_t cap_spare;
};

/* ---- unit.c: making and emptying ---- */
void ir_unit_init(struct ir_unit *u);
void ir_unit_free(struct ir_unit *u);
void ir_unit_reset(struct ir_unit *u, const struct isa *isa, uint32_t key); /* keeps memory */
uint32_t ir_block_begin(struct ir_unit *u, uint64_t pc);                    /* returns its index */
void ir_block_finish(struct ir_unit *u);                                    /* sets .end */
uint32_t ir_target_add(struct ir_unit *u, uint64_t pc);                     /* merges equal pcs */
void ir_unit_grow(struct ir_unit *u); /* private: room for more instructions */
static inline ir_ref ir_emit(struct ir_unit *u, enum ir_op op, enum ir_type t, unsigned aux,
                             uint32_t a, uint32_t b, uint32_t c)
{
    ir_ref at = u->nins;

    if (__builtin_expect(at == u->cap_ins, 0))
        ir_unit_grow(u);
    u->ins[at] = (struct ir_ins){(uint8_t)op, (uint8_t)t, (uint16_t)aux, a, b, c};
    u->nins = at + 1;
    return at;
}
/* Calls fn for each value operand (not immediates) of ins; fn may change it. */
void ir_operands(struct ir_ins *i, void (*fn)(void *arg, uint32_t *ref), void *arg);
/* Bits 0..2: a, b, c hold value refs. */
static inline unsigned ir_operand_mask(const struct ir_ins *i)
{
    unsigned may = ir_op_operands[i->op];

    if (__builtin_expect(may >= 16, 0))
        return (may & 7) | ((may & 16) && i->a != IR_NONE) | ((may & 32) && i->b != IR_NONE) << 1 |
               ((may & 64) && i->c != IR_NONE) << 2;
    return may;
}

/* ---- verify.c: 0 or -EINVAL with the first rule broken and where ---- */
int ir_verify(const struct ir_unit *u, struct err *e);

/* ---- print.c, parse.c: the text form; parse(print(u)) == u ---- */
void ir_print(const struct ir_unit *u, char *buf, size_t size); /* truncates with a mark */
int ir_parse(struct ir_unit *u, const struct isa *isa, const char *text, struct err *e);

/* ---- eval.c: one pure instruction on values. The fallback of every back end, the constant folder
 * and the interpreter share it. r may alias an operand. FP status is or-ed into *fpflags (fp/fp.h). */
void ir_eval(const struct ir_fpenv *env, uint8_t op, uint8_t type, unsigned aux, uint32_t imm,
             uint8_t argtype, union ir_val *r, const union ir_val *a, const union ir_val *b,
             const union ir_val *c, uint8_t *fpflags);
/* imm: the raw c (or b) field of ops with 'i' operands. argtype: the type of operand a (for n, f). */

/* ---- interp.c: runs a unit from its first block on a cpu (struct cpu of core/cpu.h) until it leaves
 * the unit; returns an enum cpu_exit, the pc is in cpu->pc. Guest memory is accessed directly (user
 * mode). Recursion-free and re-entrant. Faults: see core/cpu.h. */
struct cpu;
int ir_interp(const struct ir_unit *u, struct cpu *cpu);

/* ---- opt/: passes; each states what it requires and provides in its file. All keep the verifier
 * happy. Straight-line pipelines: */
void ir_opt_quick(struct ir_unit *u); /* tier 1: one forward pass (fold, forward slots, merge), one backward (dead code) */
void ir_opt_full(struct ir_unit *u);  /* tier 2 */
#endif
