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
#include <signal.h>

#include "accel/accel.h"
#include "base/arena.h"
#include "base/map.h"
#include "codegen/codegen.h"
#include "core/tlb.h"
#include "os/code.h"
#include "os/map.h"
#include "os/thread.h"

struct dbt_block;

/* Where guest code lies. Everything about its bytes (pages, killing) is by host address, which in user mode
 * is the guest's. [lo, last] is where links and regions may go: in a machine, what surely has the same
 * delta whenever the code at one place of it is reached. */
struct dbt_code {
    uint64_t delta; /* host address minus guest address */
    uint64_t lo, last;
    bool points;    /* the debugger's breakpoints end blocks */
};

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
    uint64_t delta;      /* host address of its bytes minus pc */
    struct dbt_block *same; /* next with the same hash */
    uint8_t tier;
    bool dead;
    bool canonical;
    bool requested;      /* tier 1: a region was asked for */
    uint32_t size;       /* host bytes */
    uint32_t bar;        /* offset of where its entry leads when it is dead (system mode) */
    uint64_t host;       /* rx address: entry and start */
    uint64_t lo, hi;     /* host addresses of the guest bytes, hull */
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

enum { DBT_MAIL = 64, DBT_CPUS = 512, DBT_KNOWN = 8192 };

/* What a cpu of a machine found in the block table: contexts that are new find it again without the lock. */
struct dbt_known {
    uint64_t pc, delta, host;
    uint32_t key;
};

struct dbt_thread {
    struct accel *a;
    struct cpu *cpu;
    struct dbt_thread *next;
    struct ir_unit unit;
    struct dbt_lifted *lifted; /* interp.c; NULL: not kept */
    struct os_map stack;       /* return stack with a guard below */
    jmp_buf recover;
    uint32_t last_key;
    uint64_t site_epoch;      /* accel.reclaims when cpu->exit_site was set */
    _Atomic bool running;     /* in translated code */
    _Atomic bool flush;       /* forget the jump cache and the return stack before the next entry */
    bool in_c;                /* interpreter runs on the guest's behalf */
    /* ---- system mode ---- */
    struct tlb *tlb;
    struct tlb_set *stack_set; /* whose return stack cpu->jit_sp is in */
    _Atomic bool flush_returns; /* forget the return stacks before the next entry */
    bool contexts_stale;       /* the isa said that they may have changed */
    bool one;                  /* the instruction at pc is for the interpreter */
    bool one_now;              /* it is at it */
    bool watch_hit;            /* CPU_EXIT_DEBUG is for a watchpoint */
    struct dbt_known *known;   /* DBT_KNOWN places, by dbt_known_at(); blocks that died lead to the dispatcher */
    bool not_known;            /* look into the table: the block at pc has died */
    bool fetch_global;         /* the mapping that dbt_mem_fetch() found */
    struct os_map signal_stack;
    sigset_t signals_before;
    bool cut;                  /* the instruction ends in the next page */
    uint8_t bytes[32];         /* of it */
    unsigned jcache_shift;
    const struct cg_fault_regs *slow_regs; /* of translated code that waits for the slow path */
    struct os_mutex mail_lock;
    struct cpu_flush mail[DBT_MAIL]; /* flushes that other cpus asked for */
    unsigned nmail;
    bool mail_all;             /* they did not fit: flush all */
    _Atomic uint64_t asked, done; /* flushes, counted; under mail_lock, read without */
    uint64_t waits[DBT_CPUS];  /* by cpu: its `asked` when this one last asked; 0: nothing to wait for */
    bool waits_any;
    struct mem_hit hit;        /* the device last accessed */
    mem_pa hit_pa;
    uint64_t hit_epoch;
};

enum { DBT_GEN_BLOCKS = 512 << 10 /* of a generation */, DBT_RSTACK = 256 << 10 };

enum { DBT_QUEUE = 256 };
struct dbt_request {
    uint64_t pc;
    struct dbt_code code;
    uint32_t key;
};

struct dbt_worker { /* under accel.lock */
    struct dbt_thread self; /* without a cpu */
    struct dbt_code code;   /* of what is in the works */
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
    struct mem_space *mem;     /* NULL: user mode */
    struct dbt_thread *_Atomic cpus[DBT_CPUS]; /* by sys->index; stay until the accelerator goes */
    _Atomic unsigned ncpus;
    struct dbt_thread *gone;   /* detached */
    struct mem_listener listener;
    uint64_t points[CPU_DEBUG_MAX]; /* breakpoints of all cpus; under the lock */
    unsigned npoints;
    _Atomic uint64_t map_epoch; /* counts changes of the memory map */
    struct dbt_thread *threads;
    struct dbt_worker *worker; /* NULL until there is work for it */
    _Atomic bool stop;         /* somebody wants translated code to stand still */
    uint64_t stat_blocks, stat_regions, stat_flushes, stat_guest_bytes, stat_host_bytes, stat_invalidated;
};

static inline uint64_t dbt_hash(uint64_t pc, uint64_t delta, uint32_t key)
{
    return pc ^ (uint64_t)key << 48 ^ (uint64_t)key >> 16 << 40 ^ delta * UINT64_C(0x9e3779b97f4a7c15);
}

static inline struct dbt_known *dbt_known_at(struct dbt_thread *t, uint64_t pc, uint64_t delta, uint32_t key)
{
    return &t->known[map_hash(dbt_hash(pc, delta, key)) % DBT_KNOWN];
}

static inline bool dbt_known_is(const struct dbt_known *k, uint64_t pc, uint64_t delta, uint32_t key)
{
    return k->host && k->pc == pc && k->delta == delta && k->key == key;
}

/* User mode's jump cache. */
static inline struct cpu_jcache *dbt_jcache(struct dbt_thread *t, uint64_t pc)
{
    return &t->cpu->jcache[pc >> t->jcache_shift & (CPU_JCACHE_SIZE - 1)];
}

/* The way to b by the jump cache, if there is one, leads to it from now on. */
static inline void dbt_jump_move(struct dbt_thread *t, const struct dbt_block *b)
{
    if (t->tlb) {
        struct dbt_known *k = dbt_known_at(t, b->pc, b->delta, b->key);
        tlb_jump_move(t->cpu->tlb[0], b->pc, b->host);
        if (dbt_known_is(k, b->pc, b->delta, b->key))
            k->host = b->host;
    } else if (dbt_jcache(t, b->pc)->pc == b->pc) {
        dbt_jcache(t, b->pc)->host = b->host;
    }
}

/* ---- front.c: lift ---- */
/* One basic block at pc into u. 0; -EFAULT if pc cannot be fetched. */
int dbt_front_block(struct accel *a, const struct dbt_code *code, struct ir_unit *u, uint64_t pc, uint32_t key,
                    unsigned max_insns);
/* Appends one guest basic block to a unit of several; its targets are not resolved. */
int dbt_front_append(struct accel *a, const struct dbt_code *code, struct ir_unit *u, uint64_t pc, unsigned max_insns);
void dbt_front_dead_flags(struct accel *a, const struct dbt_code *code, struct ir_unit *u);
/* The guest's code at pc, at most size bytes; how many there were. */
size_t dbt_front_bytes(struct accel *a, const struct dbt_code *code, uint64_t pc, void *buf, size_t size);

/* ---- translate.c (lock held) ---- */
struct dbt_block *dbt_translate(struct dbt_thread *t, const struct dbt_code *code, uint64_t pc, uint32_t key);
/* The generation has hardly room for a unit of so many IR instructions. */
bool dbt_crowded(const struct accel *a, uint32_t nins);
struct dbt_block *dbt_install(struct dbt_thread *t, const struct dbt_code *code, struct ir_unit *u, struct cg_opts *o,
                              uint8_t tier);
void dbt_log_unit(const struct accel *a, const struct ir_unit *u, int category, const char *what);
/* ---- region.c (lock held): the code around pc as one unit; false: nothing to gain ---- */
bool dbt_region_lift(struct accel *a, const struct dbt_code *code, struct ir_unit *u, uint64_t pc, uint32_t key);
struct dbt_block *dbt_region_install(struct dbt_thread *t, const struct dbt_code *code,
                                     struct ir_unit *u); /* after ir_opt_full */

/* ---- worker.c ---- */
void dbt_hot(struct dbt_thread *t, const struct dbt_code *code); /* lock held */
void dbt_worker_stop(struct accel *a);
void dbt_worker_invalidate(struct accel *a, uint64_t start, uint64_t end); /* lock held; host addresses */
bool dbt_worker_reads(const struct accel *a, uint64_t host); /* lock held: translates code of that page */

/* ---- cache.c (lock held unless said) ---- */
struct dbt_block *dbt_lookup(struct accel *a, uint64_t pc, uint64_t delta, uint32_t key);
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
bool dbt_kill_range(struct accel *a, uint64_t start, uint64_t end); /* host addresses */
bool dbt_page_empty(struct accel *a, uint64_t host); /* no block left that touches its page */

/* ---- run.c ---- */
void dbt_fetch_fault(struct cpu *c);        /* of a program: says where */
void dbt_jumps_reset(struct dbt_thread *t); /* user mode's jump cache and return stack */
void dbt_not_running(struct dbt_thread *t);
void dbt_enter_key(struct dbt_thread *t);   /* the host's FP control for cpu->key */

/* ---- interp.c ---- */
int dbt_interpret_one(struct dbt_thread *t);
int dbt_lifted_new(struct dbt_thread *t); /* negative: no memory */
void dbt_lifted_free(struct dbt_thread *t);

/* ---- sysrun.c: the dispatcher of a machine's cpus ---- */
int dbt_sys_attach(struct dbt_thread *t, struct err *e);
void dbt_sys_publish(struct dbt_thread *t);
void dbt_sys_post_all(struct dbt_thread *to);
int dbt_sys_run(struct dbt_thread *t); /* until something happens; inside accel_run()'s recovery */
enum cpu_exit dbt_sys_exit(struct dbt_thread *t, enum cpu_exit reason); /* NONE: go on */
void dbt_sys_contexts(struct dbt_thread *t);
void dbt_sys_poll(struct dbt_thread *t); /* flushes that others asked for */
bool dbt_sys_at_point(const struct dbt_thread *t, uint64_t pc); /* breakpoint */

/* ---- sysmem.c: the slow path of memory ---- */
void dbt_mem_begin(struct cpu *c, struct cpu_mem *r, uint64_t va, unsigned size, unsigned flags);
void dbt_mem_end(struct cpu *c, struct cpu_mem *r);
bool dbt_mem_probe(struct cpu *c, uint64_t va, struct cpu_page *out);
uint64_t dbt_mem_slow(struct cpu *c, uint64_t va, struct cg_fault_regs *regs); /* from translated code: the addend */
/* Where the code at pc is. 0; 1: it is no RAM; leaves when it cannot be fetched. */
int dbt_mem_fetch(struct dbt_thread *t, uint64_t pc, struct dbt_code *code);
size_t dbt_mem_fetch_bytes(struct dbt_thread *t, uint64_t pc, void *buf, size_t size); /* the slow way */

/* ---- fault.c ---- */
/* In a machine's cpu thread: the host's faults of translated code are taken here. */
int dbt_signals_enter(struct dbt_thread *t, struct err *e);
void dbt_signals_leave(struct dbt_thread *t);

/* ---- syscode.c: which RAM has been translated ---- */
void dbt_code_mark(struct accel *a, uint64_t host); /* lock held: before its page is read */
bool dbt_code_written(struct accel *a, struct dbt_thread *t, uint64_t host, size_t size, uint64_t host_pc); /* own block died */
void dbt_code_listen(struct accel *a);
#endif
