/* Private to the translator: guest code to host code, kept and linked in a cache shared by all threads.
 *
 * One lock (struct accel.lock) guards the tables, the code memory and all links; translated code runs
 * without it. What translated code and signal handlers read without the lock is only appended to, or
 * changed by single atomic stores. The path of a block: front.c lifts it, ir/opt improves it, codegen/ makes
 * host code, cache.c keeps and links it, run.c enters it, fault.c finds the guest's state when it faults.
 */
#ifndef MYNA_ACCEL_DBT_DBT_H
#define MYNA_ACCEL_DBT_DBT_H

#include <setjmp.h>

#include "accel/accel.h"
#include "base/arena.h"
#include "base/map.h"
#include "codegen/codegen.h"
#include "os/code.h"
#include "os/map.h"
#include "os/thread.h"

struct dbt_block;

/* A linkable exit of a block. */
struct dbt_link {
    uint32_t site, stub, id; /* offsets in the block's code */
    uint64_t pc;
    struct dbt_block *to;        /* NULL: unlinked */
    struct dbt_block *from;
    struct dbt_link *next, **pprev; /* in to->incoming */
};

struct dbt_block {
    uint64_t pc;
    uint32_t key;
    uint8_t tier;
    bool dead;
    bool canonical;
    bool requested;      /* tier 1: a region was asked for */
    uint32_t size;       /* host bytes */
    uint64_t host;       /* rx address: entry and start */
    uint64_t lo, hi;     /* guest bytes, hull */
    struct cg_map *map;  /* own map, if not canonical */
    uint8_t *points;
    uint32_t npoints;
    uint32_t nlinks;
    struct dbt_link *links;
    struct dbt_link *incoming;
};

struct dbt_page { /* blocks that touch a guest page */
    struct dbt_block **blocks;
    uint32_t n, cap;
};

struct dbt_thread {
    struct accel *a;
    struct cpu *cpu;
    struct dbt_thread *next;
    struct ir_unit unit;
    struct os_map stack;      /* return stack with a guard below */
    jmp_buf recover;
    uint32_t last_key;
    uint64_t site_epoch;      /* accel.reclaims when cpu->exit_site was set */
    _Atomic bool running;     /* in translated code */
    _Atomic bool flush;       /* forget the jump cache and the return stack before the next entry */
    bool in_c;                /* interpreter runs on the guest's behalf */
};

enum { DBT_GEN_BLOCKS = 512 << 10 /* of a generation */, DBT_RSTACK = 256 << 10 };

enum { DBT_QUEUE = 256 };
struct dbt_request {
    uint64_t pc;
    uint32_t key;
};

struct dbt_worker { /* under accel.lock */
    struct dbt_thread self; /* without a cpu */
    struct os_thread thread;
    struct os_cond more;
    struct dbt_request queue[DBT_QUEUE];
    uint32_t head, tail;
    bool busy;  /* works on self.unit without the lock */
    bool stale; /* whose guest code has changed meanwhile */
    bool quit;
};

/* Code memory is used in a ring of generations; the oldest goes when a new one is needed. */
enum { DBT_GENERATIONS = 8 };
struct dbt_gen {
    size_t start, size, used;   /* bytes, offsets in the code memory */
    struct dbt_block **by_host; /* ascending host address; read without the lock */
    _Atomic uint32_t nblocks;
    struct arena blocks;        /* struct dbt_block and what belongs to them */
};

struct accel {
    const struct isa *isa;
    struct accel_opts o;
    struct accel_code_source src;
    struct os_mutex lock;
    struct os_cond idle;
    struct os_code code;
    struct dbt_gen gen[DBT_GENERATIONS];
    unsigned current;          /* the generation that grows */
    size_t extent;             /* bytes of code memory ever used (fork copies them) */
    uint64_t reclaims;         /* counts generations that went; changes only while all stand still */
    struct cg cg;
    struct cg_work *work;
    struct map table;          /* dbt_key(pc, key) -> struct dbt_block * */
    struct map pages;          /* guest page number -> struct dbt_page * */
    struct os_map by_host_map; /* the arrays of all generations */
    struct dbt_thread *threads;
    struct dbt_worker *worker; /* NULL until there is work for it */
    _Atomic bool stop;         /* somebody wants translated code to stand still */
    uint64_t stat_blocks, stat_regions, stat_flushes, stat_guest_bytes, stat_host_bytes, stat_invalidated;
};

static inline uint64_t dbt_key(uint64_t pc, uint32_t key) { return pc ^ (uint64_t)key << 48; }

static inline struct cpu_jcache *dbt_jcache(struct dbt_thread *t, uint64_t pc)
{
    unsigned shift = t->a->isa->insn_align == 4 ? 2 : t->a->isa->insn_align == 2 ? 1 : 0;
    return &t->cpu->jcache[pc >> shift & (CPU_JCACHE_SIZE - 1)];
}

/* ---- front.c: lift ---- */
/* One basic block at pc into u. 0; -EFAULT if pc cannot be fetched. */
int dbt_front_block(struct accel *a, struct ir_unit *u, uint64_t pc, uint32_t key, unsigned max_insns);
/* Appends one guest basic block to a unit of several; its targets are not resolved. */
int dbt_front_append(struct accel *a, struct ir_unit *u, uint64_t pc, unsigned max_insns);
void dbt_front_dead_flags(struct accel *a, struct ir_unit *u);

/* ---- translate.c (lock held) ---- */
struct dbt_block *dbt_translate(struct dbt_thread *t, uint64_t pc, uint32_t key);
struct dbt_block *dbt_install(struct dbt_thread *t, struct ir_unit *u, const struct cg_opts *o, uint8_t tier);
void dbt_log_unit(const struct accel *a, const struct ir_unit *u, int category, const char *what);
/* ---- region.c (lock held): the code around pc as one unit; false: nothing to gain ---- */
bool dbt_region_lift(struct accel *a, struct ir_unit *u, uint64_t pc, uint32_t key);
struct dbt_block *dbt_region_install(struct dbt_thread *t, struct ir_unit *u); /* after ir_opt_full */

/* ---- worker.c ---- */
void dbt_hot(struct dbt_thread *t); /* lock held */
void dbt_worker_stop(struct accel *a);
void dbt_worker_invalidate(struct accel *a, uint64_t start, uint64_t end); /* lock held */

/* ---- cache.c (lock held unless said) ---- */
struct dbt_block *dbt_lookup(struct accel *a, uint64_t pc, uint32_t key);
struct dbt_block *dbt_by_host(const struct accel *a, uint64_t host); /* no lock; async-signal-safe */
struct dbt_link *dbt_link_at(const struct accel *a, uint64_t exit_site); /* NULL: none there */
void dbt_link(struct accel *a, struct dbt_link *l, struct dbt_block *to);
void dbt_insert(struct accel *a, struct dbt_block *b);
void dbt_replace(struct accel *a, struct dbt_block *old, struct dbt_block *by);
void dbt_kill(struct accel *a, struct dbt_block *b);
void dbt_generations_init(struct accel *a);
void dbt_forget_all(struct dbt_thread *self); /* in a new process, whose code memory is empty */
void dbt_next_generation(struct dbt_thread *t); /* waits for other threads */
void dbt_generations_free(struct accel *a);
void dbt_thread_flush(struct dbt_thread *t); /* by the thread itself: jump cache and return stack */
bool dbt_kill_range(struct accel *a, uint64_t start, uint64_t end);
#endif
