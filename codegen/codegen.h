/* The back end's contract: a verified unit becomes host code.
 *
 * Every slot has one home for the whole unit: a host register or its place in the state block. The
 * homes of a unit are its cg_map. Code outside of units (entries, exits, links between units) knows only
 * the isa's canonical map; a unit with another map converts at its entry and exits. Because a PUT goes
 * straight to the home, the state of the guest at any fault is: the registers of the map, the rest in
 * memory, and the pc from the unit's points. See docs/translator.md.
 *
 * Threads: a struct cg (one per accelerator) is immutable after cg_new; a struct cg_work belongs to one
 * thread. Code is written through the `rw` view and runs in the `rx` view.
 */
#ifndef MYNA_CODEGEN_CODEGEN_H
#define MYNA_CODEGEN_CODEGEN_H

#include "core/cpu.h"
#include "ir/ir.h"
#include "ir/isa.h"
#include "os/cpu.h"

struct err;

#define CG_MAX_SLOTS 128

/* Homes. int8_t host register numbers; -1: in the state block. The class (integer or vector) follows
 * from the slot's type. */
struct cg_map {
    int8_t reg[CG_MAX_SLOTS];
    uint16_t slots[32]; /* slots that have registers */
    uint8_t nslots;
};

/* A way out of a unit that can be linked to another unit. */
struct cg_exit {
    uint32_t site; /* offset of the 32-bit displacement to patch */
    uint32_t stub; /* offset of where it goes while unlinked */
    uint32_t id;   /* offset that cpu->exit_site tells (relative to the unit's start) */
    uint64_t pc;   /* guest address it goes to */
};

struct cg_result {
    uint32_t size;   /* bytes of code */
    uint32_t entry;  /* offset of the entry with canonical map */
    struct cg_exit *exits;
    uint32_t nexits;
    uint8_t *points; /* packed host offset -> guest pc, see cg_point_find() */
    uint32_t npoints_bytes;
    const struct cg_map *map; /* valid until the next compile; copy it */
    bool canonical;           /* the map is the canonical one */
    uint32_t bar;             /* system mode: offset of the way out for cg_bar() */
};

struct cg_opts {
    int hot_index;       /* tier 1: which of cpu->hot[] counts entries down; -1: none */
    bool poll;           /* test exit_request where blocks have IR_B_LOOP */
    bool optimise;       /* tier 2: choose a map of its own */
    bool no_link;
    uint64_t ra_seed;
    uint64_t link_lo, link_last; /* system mode: the guest addresses that exits may be linked to */
};

/* Fixed pieces of code that all units share, addresses in the rx view. */
struct cg_stubs {
    uint64_t enter;        /* int enter(struct cpu *, uint64_t host_entry): returns enum cpu_exit */
    uint64_t exit_link;    /* called by unlinked exits: the return address tells which */
    uint64_t exit_pc;      /* leave with CPU_EXIT_NONE, cpu->pc = rax */
    uint64_t ret_end;      /* host address of the return stack's bottom entry: any guest address may match it */
    uint64_t exit_reason;  /* leave with reason eax, all set */
    uint64_t exit_kick;    /* leave with CPU_EXIT_KICK, pc = rax */
    uint64_t exit_fault;   /* resume here after a fault: state is in memory already; reason eax */
    uint64_t ret_miss;     /* return whose stack entry does not match; target in rax */
    uint64_t helper;       /* call of a C helper (address in rax), canonical map saved and reloaded */
    uint64_t helper_raw;   /* the same for units that saved their own map */
    uint64_t helper_state; /* helper, for those that see the state: FP status is folded first */
    uint64_t helper_state_raw;
    uint64_t eval;         /* generic evaluation: descriptor in rax; keeps all registers but rax */
    uint64_t counter;      /* counter ran out: pc in rax */
    uint64_t exit_dead;    /* entry of a unit that is gone: pc in rax */
    uint64_t mem_slow;     /* access at rax that the TLB does not serve; gives the addend in rax */
    uint64_t consts;       /* constants of the vector selectors (vec_emit.c) */
    uint64_t fp_bits;      /* 64 bytes: bits of the isa's status slot, by MXCSR's */
    uint64_t end;          /* end of the stubs */
};

/* System mode: an access at guest address va that the soft TLB does not serve. cpu->mem_desc describes it,
 * a value to store is in cpu->args, `regs` are the registers of the unit (the return stack with the return
 * address into it on top). Returns what to add to va to get host memory on which the access is then done;
 * or leaves. After a store that was done already it is memory that nobody looks at. */
struct cg_fault_regs;
typedef uint64_t cg_mem_slow_fn(struct cpu *c, uint64_t va, struct cg_fault_regs *regs);
enum { /* cpu->mem_desc: the IR descriptor, and */
    CG_MEM_LD = 0,
    CG_MEM_ST = 1 << 16,
    CG_MEM_CAS = 2 << 16,
    CG_MEM_RMW = 3 << 16,
    CG_MEM_KIND = 3 << 16,
    CG_MEM_RMW_SHIFT = 20,
};

struct cg {
    const struct isa *isa;
    struct os_cpu host;
    struct cg_map canonical;
    struct cg_stubs stubs;
    uint8_t *rw;
    uint64_t rx;
    uint16_t nvslots;
    cg_mem_slow_fn *mem_slow; /* NULL: user mode */
};

/* Emits the stubs at rw/rx (size bytes there at least CG_STUBS_SIZE). */
#define CG_STUBS_SIZE 16384
int cg_new(struct cg *cg, const struct isa *isa, const struct os_cpu *host, uint8_t *rw, uint64_t rx,
           struct err *e);

/* For cpus of machines: memory goes through the soft TLB (core/tlb.h). */
int cg_new_system(struct cg *cg, const struct isa *isa, const struct os_cpu *host, cg_mem_slow_fn *slow,
                  uint8_t *rw, uint64_t rx, struct err *e);

/* Private reasons of `enter`: a block that is gone was entered; the hot counter of the block at cpu->pc ran out. */
#define CG_EXIT_HOT 64
#define CG_EXIT_DEAD 65

struct cg_work;
struct cg_work *cg_work_new(const struct cg *cg);
void cg_work_free(struct cg_work *w);

/* Compiles u to rw/rx. 0; -ENOSPC: more than cap bytes would be needed; -E2BIG: too large for the back
 * end's tables (split the unit). The result's arrays belong to w until the next call. */
int cg_compile(struct cg_work *w, const struct ir_unit *u, const struct cg_opts *o, uint8_t *rw,
               uint64_t rx, size_t cap, struct cg_result *r);

/* The guest pc of the instruction that the code at `offset` belongs to; false if none is recorded. */
bool cg_point_find(const uint8_t *points, uint32_t nbytes, uint32_t offset, uint64_t base_pc, uint64_t *pc);

/* Links or unlinks an exit: one atomic 4-byte store. */
void cg_patch(uint8_t *rw_site, uint64_t rx_site, uint64_t target);

/* Makes a unit's entry (16-byte aligned) lead to its way out; others may be running it. */
void cg_bar(uint8_t *rw_entry, uint64_t rx_entry, uint64_t rx_bar);

/* Called by the stubs (C side): evaluates one IR op in place of host code; see cg_eval.c. */
struct cg_fault_regs { /* registers at a fault, filled from the host's signal context */
    uint64_t gpr[16];
    union ir_val vec[16];
};
/* Writes the registers that map says to the cpu's state. */
void cg_map_to_state(const struct cg *cg, const struct cg_map *m, const struct cg_fault_regs *r,
                     struct cpu *c);
/* Host FP control for a floating-point environment, and its status bits as fp/fp.h flags. */
uint32_t cg_fp_control(const struct ir_fpenv *env);
unsigned cg_fp_status(uint32_t control);
uint32_t cg_fp_clear(uint32_t control);
#endif
