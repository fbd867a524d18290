/* The soft TLB of one cpu of a machine: guest virtual pages to host memory, and jump caches.
 *
 * Translations are kept in sets, one for each context of the isa (core/sys.h); a change of context is a change
 * of pointers. A set is a direct-mapped table that translated code looks into by itself (the layout of
 * struct tlb_set's first members is known to codegen/), a jump cache of the code found through it, and a
 * return stack. Behind the sets stands a larger second level, shared by the contexts.
 *
 * An entry serves an access when the page of the address equals the tag of that kind of access. Low bits of
 * a tag make the comparison fail and so send the access to the slow path (accel/): devices, pages whose
 * writes somebody must hear of, watched ones. Who fills and flushes is the accelerator; this knows no isa.
 *
 * Threads: a TLB belongs to its cpu's thread. tlb_protect() may be called by any: it only sets slow bits.
 */
#ifndef MYNA_CORE_TLB_H
#define MYNA_CORE_TLB_H

#include <stdatomic.h>

#include "core/sys.h"

enum {
    TLB_BITS = 12,
    TLB_SIZE = 1 << TLB_BITS,
    TLB_VICTIMS = 256, /* entries for pages that lost their place to another */
    TLB_ALL = TLB_SIZE + TLB_VICTIMS,
    TLB_SETS = 16,
    TLB_JCACHE_BITS = 13,
    TLB_JCACHE_SIZE = 1 << TLB_JCACHE_BITS, /* entries */
    TLB_JVICTIMS = 2048,
    TLB_L2_WAYS = 4,
    TLB_L2_SIZE = 1024, /* groups of ways */
    TLB_LARGE = 5, /* size classes of mappings larger than a page */
    TLB_LARGE_KEYS = 512,
};

#define TLB_PAGE_MASK (~(uint64_t)(MEM_PAGE - 1))
#define TLB_SLOW 0x800u     /* in a tag: valid, but for the slow path */
#define TLB_NONE UINT64_MAX /* a tag that serves nothing */

struct tlb_entry {
    _Atomic uint64_t tag[3]; /* by enum cpu_access */
    uint64_t addend;         /* host address minus guest address */
};

enum { /* tlb_page.flags */
    TLB_GLOBAL = 1,
    TLB_DEVICE = 2,   /* device memory: aligned accesses only */
    TLB_IO = 4,       /* no host memory, or not for writes: the slow path asks the memory map */
    TLB_ROM = 8,      /* host memory to read; writes go to the memory map */
    TLB_NO_CACHE = 16,
    TLB_WATCHED = 32, /* a debugger's watchpoint lies in the page */
};

/* A page's translation in full. */
struct tlb_page {
    uint64_t va;     /* of the page */
    uint64_t addend; /* if there is host memory */
    mem_pa pa;
    _Atomic uint8_t *marks; /* of its RAM (mem_marks()), or NULL */
    uint8_t prot;    /* 1 << enum cpu_access */
    uint8_t flags;
    uint8_t bits;    /* log2 of the size of the guest's mapping */
};

struct tlb_set {
    _Alignas(64) struct tlb_entry entry[TLB_ALL]; /* by tlb_index(), then by tlb_victim() */
    struct cpu_jcache jcache[TLB_JCACHE_SIZE];    /* by pc >> tlb.insn_shift */
    struct cpu_jcache jvictim[TLB_JVICTIMS];      /* by tlb_jvictim(): those that lost their place */
    /* ---- from here on not known to translated code ---- */
    struct tlb_page page[TLB_ALL];
    _Atomic uint64_t filled[TLB_ALL / 64]; /* entries that are not empty */
    uint64_t jglobal[TLB_JCACHE_SIZE / 64]; /* jumps to code that is global */
    bool victims;                           /* jvictim is not empty */
    uint64_t code_pages[16];                /* pages with entries in the jump cache, hashed */
    uint64_t ctx;
    uint32_t key;          /* code key of the jump cache and the return stack */
    bool used;
    unsigned nlocal;       /* translations entered that are not global */
    bool local_code;       /* code of the jump cache is not global */
    uint64_t stamp;        /* least recently used goes */
    uint64_t jit_sp, jit_sp_base; /* return stack while the set is not the one in use */
    struct tlb *tlb;
};

struct tlb_l2 {
    struct tlb_page page;
    uint64_t ctx; /* without the bits that global pages do not depend on, if it is one */
    bool valid;
};

struct tlb {
    struct cpu *cpu;
    struct tlb_set *_Atomic sets[TLB_SETS];
    uint64_t clock;
    uint64_t space_mask; /* bits of a context that global pages do not depend on */
    unsigned insn_shift; /* log2 of the alignment of instructions */
    uint64_t miss_host;  /* where jump cache entries that are empty lead */
    uint64_t large[TLB_LARGE][TLB_LARGE_KEYS]; /* where there are mappings larger than a page: a hashed set of
                                                  the class's naturally aligned pieces, number + 1 */
    unsigned larges, large_full;   /* classes that have any; where all counts as noted */
    uint8_t *stack;      /* return stacks of all sets, each with a guard below; the accelerator's */
    size_t stack_size;   /* of each */
    uint64_t stat_fill, stat_l2, stat_walk, stat_flush_page, stat_flush_set, stat_switch, stat_find, stat_jumps;
    unsigned next_way;
    bool returns_stale;  /* the return stack in use is to be emptied before the next entry of code */
    struct tlb_l2 l2[TLB_L2_SIZE][TLB_L2_WAYS];
};

static inline unsigned tlb_index(uint64_t va) { return (unsigned)(va >> MEM_PAGE_BITS) & (TLB_SIZE - 1); }

static inline unsigned tlb_victim(uint64_t va)
{
    uint64_t page = va >> MEM_PAGE_BITS;
    return TLB_SIZE + ((unsigned)(page ^ page >> TLB_BITS ^ page >> 2 * TLB_BITS) & (TLB_VICTIMS - 1));
}
static inline unsigned tlb_jvictim(uint64_t pc, unsigned insn_shift)
{
    pc >>= insn_shift;
    return (unsigned)(pc ^ pc >> TLB_JCACHE_BITS) & (TLB_JVICTIMS - 1);
}

/* Does the tag hold a translation of the page of va for that kind of access, fast or slow? */
static inline bool tlb_tag_match(uint64_t tag, uint64_t va) { return (tag & TLB_PAGE_MASK) == (va & TLB_PAGE_MASK) && tag != TLB_NONE; }

struct tlb *tlb_new(struct cpu *c, uint64_t space_mask, unsigned insn_shift, uint64_t miss_host);
void tlb_free(struct tlb *t);

/* The set of a context, made or taken from another one when there is none. `keep`: not that one. */
struct tlb_set *tlb_use(struct tlb *t, uint64_t ctx, const struct tlb_set *keep);
/* Forgets what the set knows: translations, jump cache, return stack. */
void tlb_set_clear(struct tlb_set *s);
/* Only the jump cache and the return stack; of one set, or of all. */
void tlb_jumps_clear(struct tlb_set *s);
void tlb_all_jumps_clear(struct tlb *t);
void tlb_all_returns_clear(struct tlb *t);
void tlb_returns_clear(struct tlb_set *s);

/* Enters a translation for `access`; tags of other kinds of access that p->prot allows come with it,
 * if `slow` has no bit 1 << access they are fast. Also notes it in the second level. */
void tlb_insert(struct tlb_set *s, const struct tlb_page *p, unsigned allow, unsigned slow);
void tlb_l2_insert(struct tlb_set *s, const struct tlb_page *p);
const struct tlb_page *tlb_l2_find(struct tlb_set *s, uint64_t va);

/* The jump cache: host code for a guest address; 0: unknown. */
uint64_t tlb_jump_find(const struct tlb_set *s, uint64_t pc);
void tlb_jump_add(struct tlb_set *s, uint64_t pc, uint64_t host, bool global);
void tlb_jump_move(struct tlb_set *s, uint64_t pc, uint64_t host); /* if it is known */
void tlb_jump_forget(struct tlb_set *s, uint64_t pc);

void tlb_flush(struct tlb *t, const struct cpu_flush *f);
void tlb_flush_all(struct tlb *t);
/* Makes writes to the host page slow. Any thread. */
void tlb_protect(struct tlb *t, uint64_t host_page);

/* ---- guest memory for C code that runs for the guest: helpers of an isa, the interpreter ----
 *
 * cpu_mem_begin() gives host memory for an access of 1 to 16 bytes at `va`; the caller does it there, with
 * atomic instructions where the guest's are atomic, and cpu_mem_end() makes it known. Memory that cannot
 * be used directly (devices, accesses across pages) is copied to r->buf and back. When the guest may not do that,
 * begin does not return: the cpu leaves with CPU_EXIT_FAULT, CPU_EXIT_ALIGN or CPU_EXIT_DEBUG; so
 * state and pc must be exact (IR_H_FAULTS helpers). In user mode guest memory is the host's. */
enum {
    CPU_MEM_READ = 1,
    CPU_MEM_WRITE = 2,
    CPU_MEM_USER = 4,    /* as the unprivileged level */
    CPU_MEM_ALIGNED = 8, /* a misaligned address is a fault */
};
struct cpu_mem {
    uint8_t *host;
    uint64_t va;
    mem_pa pa[2];  /* of the parts */
    uint8_t size, first; /* bytes; those in the first page */
    uint8_t flags;
    bool bounce;
    _Alignas(16) uint8_t buf[16];
};
void cpu_mem_begin(struct cpu *c, struct cpu_mem *r, uint64_t va, unsigned size, unsigned flags);
void cpu_mem_end(struct cpu *c, struct cpu_mem *r);

/* Whole accesses in host byte order; size 1, 2, 4, 8. flags: CPU_MEM_USER, CPU_MEM_ALIGNED. */
uint64_t cpu_mem_load(struct cpu *c, uint64_t va, unsigned size, unsigned flags);
void cpu_mem_store(struct cpu *c, uint64_t va, uint64_t value, unsigned size, unsigned flags);
/* Host memory of the rest of the page at va, checked for `flags` access; NULL: there is none that can be
 * used directly (devices, watched pages). *size is set to the bytes that it is good for, at most what it was. */
void *cpu_mem_host(struct cpu *c, uint64_t va, size_t *size, unsigned flags);
#endif
