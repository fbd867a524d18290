/* Private to the x86-64 back end: the state of one compilation.
 *
 * Registers are numbered 0-15 for rax..r15 and 16-31 for xmm0..xmm15.
 *   rsp        the return stack (guest return address, host return address pairs)
 *   rbp        the cpu's state block + CG_BIAS
 *   rax        scratch of the selectors, never holds a value between instructions
 *   xmm14, 15  the same for vectors
 *   homes      the unit's map; the rest are temporaries
 */
#ifndef MYNA_CODEGEN_X86_64_H
#define MYNA_CODEGEN_X86_64_H

#include <assert.h>

#include "codegen/codegen.h"
#include "codegen/host/x86_64/asm.h"
#include "core/tlb.h"

#define CG_BIAS 128 /* so that 32 slots of 8 bytes have 8-bit displacements */
#define XMM(n) (16 + (n))
#define SCRATCH RAX
#define VSCRATCH 15  /* xmm numbers */
#define VSCRATCH2 14
#define CPU_OFF(field) ((int32_t)offsetof(struct cpu, field) - (int32_t)offsetof(struct cpu, state) - CG_BIAS)
#define NREG 32
#define GPR_ALL 0xffffu
#define ALLOC_GPR (GPR_ALL & ~(1u << RAX | 1u << RSP | 1u << RBP))
#define ALLOC_XMM 0x3fff0000u
#define NONE UINT32_MAX
#define NSPILL 48

enum { /* val.flags */
    V_ZX32 = 1,   /* an i32 whose host register has zeros above */
    V_ZHI = 2,    /* an f32/f64 whose host register has zeros above */
    V_FOLDED = 4, /* never made: part of its user's address */
    V_DIRECT = 8, /* cc: host flags survive from its definition to its uses */
    V_DEAD = 16,  /* nothing uses it and it has no effect */
};

struct val {
    int8_t reg;    /* or -1 */
    uint8_t flags;
    int16_t spill; /* index of a spill cell, or -1 */
    int16_t slot;  /* slot whose memory holds it (if slotver matches), or -1 */
    uint16_t slotver;
    uint32_t last; /* instruction after which it is not needed */
    uint32_t next; /* next value of the same register, or of the same unloaded slot */
    uint32_t die;  /* next value that dies at the same instruction */
    int16_t hint;  /* slot it will be put into, or -1 */
    uint16_t uses;
    uint8_t group; /* of an access: 1 + index of its group, or 0 */
};

/* Accesses near the same address in one block, checked together (group.c). Addresses are relative to the
 * value `root`, or absolute without one. */
struct group {
    uint32_t root, head; /* head: the first access, which checks */
    int64_t off;         /* the head's address */
    int64_t lo, hi;      /* all of them are in [lo, hi) */
    uint32_t members;
    bool write, user;
    uint8_t cell;        /* which of cpu->cell[] holds the addend; CPU_CELLS: none, each checks for itself */
};

/* Out-of-line code, emitted after the main line. */
enum cold_kind { COLD_EXIT, COLD_EVAL, COLD_KICK, COLD_HOT, COLD_EDGE, COLD_IND, COLD_ALIGN, COLD_MEM };
struct cold {
    uint8_t kind;
    uint8_t r[4];      /* registers: operands and destination */
    uint8_t argtype;
    uint8_t nargs;
    uint8_t cell;      /* COLD_MEM: of the group that the access checks for; CPU_CELLS: none */
    bool shared;       /* its check was another's, or for others, too */
    uint8_t *from;     /* displacement that jumps here */
    uint8_t *from2;    /* another one, or NULL */
    uint8_t *back;     /* where to go on */
    uint32_t ins;      /* the instruction */
    uint64_t pc;
    struct x64_rm m;   /* COLD_MEM: the guest address */
    int32_t imm;       /* and the value to store, if it is in no register */
};

struct blkinfo { /* per IR block */
    uint8_t *code;
    bool wanted; /* has internal predecessors */
};
struct fix { /* a jump to a block that is not emitted yet */
    uint8_t *disp;
    uint32_t block;
};

#define VEC(T, name) T *name; uint32_t n##name, cap##name

struct cg_work {
    const struct cg *cg;
    const struct ir_unit *u;
    const struct cg_opts *o;
    struct x64_asm a;
    struct cg_map map;
    bool canonical;
    uint32_t fixed;         /* registers that are homes */
    uint32_t avail;         /* registers that may hold temporaries */
    uint32_t locked;        /* in use by the instruction being selected */
    uint32_t regval[NREG];  /* first value in a register */
    uint32_t memval[CG_MAX_SLOTS]; /* first unloaded value of a memory slot */
    uint16_t slotver[CG_MAX_SLOTS];
    uint64_t spills;        /* cells in use */
    struct val *v;
    uint32_t *dieat;        /* first value dying at instruction i */
    uint32_t capv;
    uint32_t cur;           /* instruction being selected */
    uint32_t flags_tok;     /* cc token that the host flags hold, or NONE */
    uint8_t flags_kind;     /* how they hold it, enum flags_kind */
    uint64_t insn_pc;
    bool insn_point;        /* a point is recorded for this guest instruction */
    uint32_t point_off;
    uint64_t point_pc;
    bool overflow;
    uint64_t seed;
    uint8_t selector[IR_OP_COUNT]; /* by operation: which one in compile.c */
    VEC(struct cold, cold);
    VEC(struct cg_exit, exits);
    VEC(uint8_t, points);
    VEC(struct blkinfo, blk);
    VEC(struct fix, fix);
    VEC(struct group, group);
    uint64_t written[2];    /* slots that the unit writes */
    uint8_t *save_code, *load_code; /* local routines for units with their own map */
    VEC(uint8_t *, save_call);
    VEC(uint8_t *, load_call);
};

#define VEC_PUSH(w, name)                                                                          \
    (*({                                                                                           \
        if ((w)->n##name == (w)->cap##name) {                                                      \
            (w)->cap##name = (w)->cap##name ? 2 * (w)->cap##name : 64;                              \
            (w)->name = cg_realloc((w)->name, (w)->cap##name * sizeof *(w)->name);                  \
        }                                                                                          \
        &(w)->name[(w)->n##name++];                                                                \
    }))
void *cg_realloc(void *p, size_t n);

/* ---- map.c ---- */
void cg_map_canonical(struct cg_map *m, const struct isa *isa);
void cg_map_choose(struct cg_work *w);
void cg_map_enter(struct cg_work *w); /* canonical -> unit's map */
void cg_map_leave(struct cg_work *w); /* unit's map -> canonical */
void cg_map_save(struct x64_asm *a, const struct cg *cg, const struct cg_map *m, const uint64_t *only);
void cg_map_load(struct x64_asm *a, const struct cg *cg, const struct cg_map *m);
static inline int32_t slot_disp(const struct cg *cg, unsigned s)
{
    return (int32_t)cg->isa->slots[s].offset - CG_BIAS;
}
static inline struct x64_rm slot_mem(const struct cg *cg, unsigned s)
{
    return x64_m(RBP, slot_disp(cg, s));
}
static inline bool type_is_vec(unsigned t) { return t == IR_F32 || t == IR_F64 || t == IR_V128; }

/* ---- scan.c: what the selectors must know before they start on a block ---- */
void cg_scan_block(struct cg_work *w, const struct ir_block *b);
uint32_t cg_scan_sha256_pair(const struct cg_work *w, uint32_t i); /* the other of SHA256H/H2 on the same values, or NONE */

/* ---- group.c: accesses of a block that share a check (system mode) ---- */
void cg_group_block(struct cg_work *w, const struct ir_block *b);

/* ---- ra.c: values to registers ---- */
int ra_use(struct cg_work *w, uint32_t v);                    /* in a register (0-15 of its class), locked */
struct x64_rm ra_use_rm(struct cg_work *w, uint32_t v);       /* register or memory */
bool ra_const(const struct cg_work *w, uint32_t v, uint64_t *x);
bool ra_imm32(const struct cg_work *w, uint32_t v, bool wide, int32_t *x);
int ra_def(struct cg_work *w, uint32_t v, int prefer);        /* may take a dying operand's register */
int ra_def_fresh(struct cg_work *w, uint32_t v);              /* overlaps no operand */
void ra_share(struct cg_work *w, uint32_t v, uint32_t with);  /* v is in the register of `with` */
int ra_temp(struct cg_work *w, bool vec);                     /* a register for this instruction only */
void ra_take(struct cg_work *w, int reg);                     /* frees exactly this (rcx, rdx) and locks it */
void ra_expire(struct cg_work *w, uint32_t i);
void ra_spill_temps(struct cg_work *w, uint32_t keep);        /* before calls: no live value stays in a temporary */
void ra_get(struct cg_work *w, uint32_t i);
void ra_put(struct cg_work *w, uint32_t i);
void ra_reload_homes(struct cg_work *w);                      /* a helper wrote slots */
void ra_block_start(struct cg_work *w);
void cg_stubs_emit(struct cg *cg, struct x64_asm *a);
void cg_consts_emit(struct cg *cg, struct x64_asm *a); /* vec_emit.c */
void ra_release_locks(struct cg_work *w);
struct x64_rm ra_spill_mem(unsigned cell);

/* ---- sel_*.c: one IR instruction to host code. True if done. ---- */
bool sel_int(struct cg_work *w, uint32_t i);
bool sel_mem(struct cg_work *w, uint32_t i);
bool sel_fp(struct cg_work *w, uint32_t i);
bool sel_vec(struct cg_work *w, uint32_t i);
bool sel_fpmisc(struct cg_work *w, uint32_t i);
bool sel_fpstat(struct cg_work *w, uint32_t i);
bool sel_veci(struct cg_work *w, uint32_t i);
bool sel_vecsum(struct cg_work *w, uint32_t i);
bool sel_shiftv(struct cg_work *w, uint32_t i);
bool sel_crypto(struct cg_work *w, uint32_t i);
bool sel_vecfp(struct cg_work *w, uint32_t i);
bool sel_cc(struct cg_work *w, uint32_t i);
bool sel_control(struct cg_work *w, uint32_t i);
void sel_eval(struct cg_work *w, uint32_t i); /* any pure op, by the interpreter's function */
void sel_cold(struct cg_work *w);
void sel_store_arg(struct cg_work *w, unsigned n, uint32_t v);
void sel_load_result(struct cg_work *w, uint32_t i);

extern const uint8_t cg_host_cond[]; /* sel_int.c: enum ir_cond -> enum x64_cond */

/* ---- cc.c ---- */
/* Jumps to the returned displacements (up to 3) if the condition holds; falls through else. */
struct cc_jumps {
    uint8_t *disp[4];
    unsigned n;
};
void cc_branch(struct cg_work *w, uint32_t tok, unsigned cond, struct cc_jumps *j);
void cc_put(struct cg_work *w, uint32_t tok, struct x64_rm mem); /* packed flags to memory */
bool cc_simple(struct cg_work *w, uint32_t tok, unsigned cond, enum x64_cond *c); /* emits flags; one host condition */
void cc_carry(struct cg_work *w, uint32_t tok, bool inverted); /* host CF := C (or !C) */
bool cc_same(const struct ir_ins *ins, uint32_t tok, uint32_t v); /* one host instruction makes both */
bool cc_pairs(struct cg_work *w, uint32_t i, uint32_t *tok);  /* value i's own host flags are a direct token */
void cc_set(struct cg_work *w, uint32_t tok, uint8_t kind);
enum flags_kind { FK_SUB, FK_ADD, FK_LOGIC, FK_FCMP, FK_FCMP_SWAP };
static inline void flags_clobber(struct cg_work *w) { w->flags_tok = NONE; }

void cg_point(struct cg_work *w); /* before a host instruction that may fault */
void cg_point_at(struct cg_work *w, uint64_t pc); /* system mode: here returns the slow path of pc's access */
struct x64_rm cg_address(struct cg_work *w, uint32_t addr, int32_t disp);
static inline bool has(const struct cg_work *w, enum os_cpu_feature f) { return os_cpu_has(&w->cg->host, f); }
static inline const struct ir_ins *ins_of(const struct cg_work *w, uint32_t i) { return &w->u->ins[i]; }
static inline bool in_system(const struct cg_work *w) { return w->cg->mem_slow != NULL; }
/* System mode's jump cache: relative to the set in use. */
#define JCACHE_OFF ((int32_t)offsetof(struct tlb_set, jcache))
static inline unsigned cg_jcache_shift(const struct cg *cg)
{
    return cg->isa->insn_align == 4 ? 2 : cg->isa->insn_align == 2 ? 1 : 0;
}
void sel_cold_mem(struct cg_work *w, struct cold *c);
uint64_t rx_of(const struct cg_work *w, const uint8_t *p);
void jmp_abs(struct cg_work *w, uint64_t target);  /* a stub: rel32 */
void call_abs(struct cg_work *w, uint64_t target);
#endif
