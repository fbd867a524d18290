/* A machine of one or more arm64 cpus, flat page tables and one device, under the interpreter and both tiers.
 *
 * Random programs do every kind of access at random addresses, some of which are not mapped, read-only, a
 * device's, or across pages; system calls change the page tables. Whatever runs them, the same accesses
 * must fault at the same instructions with the same state, and the device must see the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "accel/accel.h"
#include "base/err.h"
#include "base/log.h"
#include "core/mem.h"
#include "core/sys.h"
#include "core/tlb.h"
#include "ir/isa.h"
#include "isa/arm64/state.h"

enum {
    RAM_SIZE = 1 << 20,
    PAGES = 64,
    CODE_PAGES = 4,
    REGION = 8 << 12, /* of the device */
};
#define CODE_VA 0x10000ull
#define DATA_VA 0x4000000000ull
#define IO_PA   0x10000000ull
#define HALT_CODE 7

struct pte {
    uint64_t pa;
    uint8_t prot;
    bool global, no_cache;
};

struct world {
    struct isa isa;
    struct isa_sys isys;
    struct mem_space *space;
    struct mem_region *root, *ram, *io;
    struct accel *accel;
    struct cpu *cpu;
    struct cpu_sys sys;
    struct pte code[CODE_PAGES], data[PAGES];
    uint64_t ctx;
    uint64_t log; /* hash of all that was seen */
    unsigned faults, calls, io_seen;
    uint64_t rnd;
    bool trace;
};

static struct world *current; /* isa callbacks get a cpu only */

static uint64_t rnd(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s * 0x2545f4914f6cdd1dull >> 8;
}

static void note(struct world *w, const char *what, uint64_t a, uint64_t b, uint64_t c)
{
    if (w->trace)
        printf("%s %lx %lx %lx\n", what, a, b, c);
    w->log = (w->log ^ a) * 0x9e3779b97f4a7c15ull;
    w->log = (w->log ^ w->log >> 29 ^ b) * 0x9e3779b97f4a7c15ull;
    w->log = (w->log ^ w->log >> 31 ^ c) * 0x9e3779b97f4a7c15ull;
}

/* ---- the device ---- */

static uint64_t io_read(void *dev, uint64_t offset, unsigned size)
{
    struct world *w = dev;
    note(w, "read", offset, size, 0);
    w->io_seen++;
    return (offset + 1) * 0x0123456789abcdefull + w->io_seen;
}

static void io_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct world *w = dev;
    note(w, "write", offset, size, size < 8 ? value & (((uint64_t)1 << 8 * size) - 1) : value);
    w->io_seen++;
}

static const struct mem_ops io_ops = {.read = io_read, .write = io_write};

/* ---- the isa's system side ---- */

static void contexts(const struct cpu *c, uint64_t ctx[2])
{
    (void)c;
    ctx[0] = ctx[1] = current->ctx;
}

static bool translate(struct cpu *c, uint64_t va, enum cpu_access access, bool user, bool probe, struct cpu_page *out)
{
    const struct pte *p = NULL;
    (void)c, (void)user, (void)probe;
    if (va - CODE_VA < CODE_PAGES * 4096)
        p = &current->code[(va - CODE_VA) >> 12];
    else if (va - DATA_VA < PAGES * 4096)
        p = &current->data[(va - DATA_VA) >> 12];
    if (!p || !(p->prot >> access & 1))
        return false;
    *out = (struct cpu_page){.pa = p->pa | (va & 4095), .size = 4096, .prot = p->prot, .global = p->global, .no_cache = p->no_cache};
    return true;
}

static bool bus_error(struct cpu *c, uint64_t va, uint64_t pa, enum cpu_access access)
{
    (void)c;
    note(current, "bus", va, pa, access);
    return false;
}

static void flush_page(struct cpu *c, uint64_t va)
{
    struct cpu_flush f = {.mask = 0, .va = va, .size = 4096};
    c->sys->accel->flush(c, &f, true);
    c->sys->accel->sync(c);
}

/* A system call: page tables change. */
static void change_tables(struct world *w, struct cpu *c, unsigned code)
{
    uint64_t r = rnd(&w->rnd);
    unsigned n = r % PAGES;
    struct pte *p = &w->data[n];
    switch (code & 3) {
    case 0: /* another page */
        p->pa = (0x40 + (r >> 8) % 64) << 12;
        break;
    case 1: /* other rights */
        p->prot = "\3\3\3\1\0\3"[(r >> 8) % 6];
        break;
    case 2: /* another address space: the same tables, seen from there */
        w->ctx = (r >> 8) % 20;
        c->sys->accel->context_changed(c);
        return;
    default:
        if ((r >> 8) % 4 == 0) {
            struct cpu_flush f = {.mask = 0};
            c->sys->accel->flush(c, &f, false);
        }
        return;
    }
    flush_page(c, DATA_VA + n * 4096ull);
}

static enum cpu_exit raise(struct cpu *c, enum cpu_exit reason)
{
    struct world *w = current;
    uint64_t sum = 0;
    switch (reason) {
    case CPU_EXIT_SYSCALL:
        w->calls++;
        if (c->exit_code == HALT_CODE)
            return CPU_EXIT_HALT;
        change_tables(w, c, c->exit_code);
        return CPU_EXIT_NONE;
    case CPU_EXIT_FAULT:
    case CPU_EXIT_ALIGN:
        for (unsigned i = 0; i < 31; i++)
            sum = sum * 31 + arm64_state(c)->x[i];
        for (unsigned i = 0; i < 32; i++)
            sum = sum * 31 + (arm64_state(c)->v[i].d[0] ^ arm64_state(c)->v[i].d[1] * 3);
        note(w, reason == CPU_EXIT_FAULT ? "fault" : "align", c->pc, c->fault_addr, c->fault_access);
        note(w, "state", sum, 0, 0); /* not the flags: those that nobody reads are not made */
        for (unsigned i = 0; w->trace && i < 31; i++)
            printf("x%u=%lx%s", i, arm64_state(c)->x[i], i == 30 ? "\n" : " ");
        w->faults++;
        if (c->fault_access == CPU_FETCH)
            return CPU_EXIT_HALT;
        c->pc += 4;
        return CPU_EXIT_NONE;
    default:
        note(w, "exit", reason, c->pc, 0);
        if (w->trace)
            printf("exit %d at %lx\n", reason, c->pc);
        return CPU_EXIT_HALT;
    }
}

static bool interrupt(struct cpu *c)
{
    (void)c;
    return false;
}

static bool has_work(const struct cpu *c)
{
    return c->sys->lines != 0;
}

/* ---- making and running ---- */

static void world_new(struct world *w, const struct accel_opts *o, uint64_t seed)
{
    const struct isa *arm64 = isa_find("arm64");
    struct err e;
    memset(w, 0, sizeof *w);
    current = w;
    w->isa = *arm64;
    w->isys = (struct isa_sys){
        .contexts = contexts, .translate = translate, .bus_error = bus_error, .raise = raise, .interrupt = interrupt, .has_work = has_work,
    };
    w->isa.sys = &w->isys;
    w->rnd = seed * 2 + 1;
    w->root = mem_region_container("root", 1ull << 40);
    struct mem_ram_opts ro = {0};
    assert_int_equal(mem_region_ram(&w->ram, "ram", RAM_SIZE, &ro, &e), 0);
    w->io = mem_region_io("io", REGION, &io_ops, w);
    mem_region_add(w->root, 0, w->ram, 0);
    mem_region_add(w->root, IO_PA, w->io, 0);
    w->space = mem_space_new("memory", w->root);
    w->sys = (struct cpu_sys){.mem = w->space};
    w->cpu = cpu_new(&w->isa);
    w->cpu->sys = &w->sys;
    assert_int_equal(accel_new_system(&w->accel, &w->isa, o, w->space, &e), 0);
    for (unsigned n = 0; n < CODE_PAGES; n++)
        w->code[n] = (struct pte){.pa = n << 12, .prot = 7, .global = n & 1};
    for (unsigned n = 0; n < PAGES; n++) {
        uint64_t r = rnd(&w->rnd);
        w->data[n] = (struct pte){.pa = (0x40 + (r >> 8) % 64) << 12, .prot = "\3\3\3\3\3\1\0\3"[r % 8], .global = r >> 20 & 1,
                                  .no_cache = (r >> 24) % 16 == 0};
        if ((r >> 32) % 8 == 0)
            w->data[n].pa = IO_PA + ((r >> 40) % 9 << 12);
    }
    uint8_t *ram = mem_region_host(w->ram);
    for (unsigned n = 0x40000; n < RAM_SIZE; n++)
        ram[n] = (uint8_t)rnd(&w->rnd);
    assert_int_equal(accel_attach(w->accel, w->cpu, &e), 0);
}

static void world_free(struct world *w)
{
    accel_detach(w->cpu);
    accel_free(w->accel);
    cpu_free(w->cpu);
    mem_space_free(w->space);
    mem_region_free(w->ram);
    mem_region_free(w->io);
    mem_region_free(w->root);
}

/* ---- random programs ---- */

struct prog {
    uint32_t *at;
    unsigned n;
    uint64_t *rnd;
    uint32_t base;
};

static void put(struct prog *p, uint32_t word) { p->at[p->n++] = word; }

static uint32_t pick(struct prog *p, uint32_t n) { return (uint32_t)(rnd(p->rnd) % n); }

static void put_const(struct prog *p, unsigned reg, uint64_t v)
{
    put(p, 0xd2800000u | (uint32_t)(v & 0xffff) << 5 | reg);
    for (unsigned i = 1; i < 4; i++)
        if (v >> 16 * i & 0xffff)
            put(p, 0xf2800000u | i << 21 | (uint32_t)(v >> 16 * i & 0xffff) << 5 | reg);
}

static uint64_t random_address(struct prog *p)
{
    uint64_t a = DATA_VA + rnd(p->rnd) % (PAGES * 4096 + 8192) - 4096;
    switch (pick(p, 4)) {
    case 0: return a & ~15ull;
    case 1: return (a | 4095) - pick(p, 20);
    case 2: return a & ~4095ull;
    default: return a;
    }
}

/* One access through base register 20..27 (mostly that of the last one, so that they share checks), data in 0..9. */
static void put_access(struct prog *p)
{
    p->base = pick(p, 3) ? p->base : pick(p, 8);
    uint32_t rn = 20 + p->base, rt = pick(p, 10), rt2 = (rt + 1 + pick(p, 8)) % 10, size = pick(p, 4);
    uint32_t opc = pick(p, size == 3 ? 2 : size == 2 ? 3 : 4);
    switch (pick(p, 12)) {
    case 0: /* unsigned immediate */
        put(p, size << 30 | 0x39000000u | opc << 22 | pick(p, 64) << 10 | rn << 5 | rt);
        break;
    case 1: /* unscaled */
        put(p, size << 30 | 0x38000000u | opc << 22 | pick(p, 512) << 12 | rn << 5 | rt);
        break;
    case 2: /* pre, post */
        put(p, size << 30 | 0x38000400u | opc << 22 | ((pick(p, 64) - 32) & 511) << 12 | pick(p, 2) << 11 | rn << 5 | rt);
        break;
    case 3: /* register */
        put(p, size << 30 | 0x38206800u | opc << 22 | (10 + pick(p, 4)) << 16 | pick(p, 2) << 12 | rn << 5 | rt);
        break;
    case 4: /* pairs */
        put(p, pick(p, 2) << 31 | 0x28000000u | (1 + pick(p, 3)) << 23 | pick(p, 2) << 22 | pick(p, 128) << 15 | rt2 << 10 | rn << 5 | rt);
        break;
    case 5: /* vectors */
        if (pick(p, 3))
            put(p, size << 30 | 0x3d000000u | pick(p, 2) << 22 | pick(p, 64) << 10 | rn << 5 | rt);
        else
            put(p, 0x3d800000u | pick(p, 2) << 22 | pick(p, 64) << 10 | rn << 5 | rt);
        break;
    case 6: /* vector pairs */
        put(p, pick(p, 3) << 30 | 0x2d000000u | pick(p, 2) << 22 | pick(p, 128) << 15 | rt2 << 10 | rn << 5 | rt);
        break;
    case 7: /* acquire, release */
        put(p, size << 30 | 0x089ffc00u | pick(p, 2) << 22 | rn << 5 | rt);
        break;
    case 8: /* atomic operations */
        put(p, size << 30 | 0x38200000u | pick(p, 4) << 22 | rt2 << 16 | pick(p, 8) << 12 | rn << 5 | rt);
        break;
    case 9: /* swap */
        put(p, size << 30 | 0x38208000u | pick(p, 4) << 22 | rt2 << 16 | rn << 5 | rt);
        break;
    case 10: /* compare and swap */
        put(p, size << 30 | 0x08a07c00u | pick(p, 2) << 22 | pick(p, 2) << 15 | rt2 << 16 | rn << 5 | rt);
        break;
    default: /* ld1/st1 of one and two registers */
        put(p, 0x0c007000u | pick(p, 2) << 30 | pick(p, 2) << 22 | (pick(p, 2) ? 0xa000u ^ 0x7000u : 0) | pick(p, 4) << 10 | rn << 5 | rt);
    }
}

static void put_alu(struct prog *p)
{
    uint32_t rd = pick(p, 10), rn = pick(p, 10), rm = pick(p, 10);
    switch (pick(p, 5)) {
    case 0: put(p, 0x8b000000u | rm << 16 | rn << 5 | rd); break;
    case 1: put(p, 0xeb000000u | rm << 16 | rn << 5 | rd); break; /* subs */
    case 2: put(p, 0xca000000u | rm << 16 | rn << 5 | rd); break;
    case 3: put(p, 0x9a800000u | rm << 16 | pick(p, 14) << 12 | rn << 5 | rd); break; /* csel */
    default: put(p, 0x4ea08400u | rm << 16 | rn << 5 | rd); break;            /* add v.4s */
    }
}

/* A chain of pieces that lie anywhere in the code pages, in a loop; with calls of a few functions. */
static void make_program(struct world *w, uint64_t seed, bool modify)
{
    uint32_t *code = (uint32_t *)(void *)mem_region_host(w->ram);
    uint64_t r = seed * 2 + 1;
    enum { PIECES = 16, PIECE = 4096 * CODE_PAGES / 4 / PIECES };
    for (unsigned i = 0; i < PIECES; i++) {
        struct prog p = {code + i * PIECE, 0, &r, 0};
        uint64_t here = CODE_VA + i * PIECE * 4ull;
        if (i == 0)
            put_const(&p, 28, 12);
        if (i >= PIECES - 3) { /* a function */
            for (unsigned n = 0; n < 4; n++)
                put_access(&p);
            put(&p, 0xd65f03c0u);
            continue;
        }
        unsigned k = 4 + pick(&p, 12);
        if (i > 0)
            put_const(&p, 20 + pick(&p, 8), random_address(&p));
        else
            for (unsigned b = 20; b < 28; b++)
                put_const(&p, b, random_address(&p));
        put_const(&p, 10 + pick(&p, 4), pick(&p, 64));
        uint64_t loop = here + p.n * 4ull;
        put_const(&p, 14, 1 + pick(&p, 6));
        loop += 4;
        for (unsigned n = 0; n < k; n++) {
            if (pick(&p, 3))
                put_access(&p);
            else
                put_alu(&p);
            if (pick(&p, 24) == 0)
                put(&p, 0xd4000001u | pick(&p, 4) << 5); /* svc */
            if (pick(&p, 16) == 0) {
                uint64_t to = CODE_VA + (PIECES - 1 - pick(&p, 3)) * PIECE * 4ull;
                put(&p, 0x94000000u | ((uint32_t)((int64_t)(to - (here + p.n * 4ull)) / 4) & 0x3ffffff)); /* bl */
                put(&p, 0xeb01001fu); /* cmp: no flags live over calls */
            }
            if (modify && pick(&p, 8) == 0) { /* str of an instruction of this piece over it: a harmless change */
                uint64_t to = here + pick(&p, PIECE - 40) * 4ull;
                put_const(&p, 15, to);
                put(&p, 0xb9400000u | 15 << 5 | 16); /* ldr w16, [x15] */
                put(&p, 0xb9000000u | 15 << 5 | 16); /* str w16, [x15] */
            }
        }
        put(&p, 0xf1000400u | 14 << 5 | 14); /* subs x14, x14, #1 */
        put(&p, 0x54000001u | ((uint32_t)((int64_t)(loop - (here + p.n * 4ull)) / 4) & 0x7ffff) << 5); /* b.ne */
        uint64_t next = CODE_VA + (i == PIECES - 4 ? 0 : (i + 1) * PIECE * 4ull);
        if (i == PIECES - 4) {
            put(&p, 0xf1000400u | 28 << 5 | 28);
            put(&p, 0x54000041u); /* b.ne +8 */
            put(&p, 0xd4000001u | HALT_CODE << 5);
            next = CODE_VA + PIECE * 4ull;
        }
        assert_true(p.n < PIECE - 4);
        put(&p, 0x14000000u | ((uint32_t)((int64_t)(next - (here + p.n * 4ull)) / 4) & 0x3ffffff));
    }
}

struct outcome {
    uint64_t log;
    unsigned faults, calls, io_seen;
    uint64_t memory;
    struct arm64_state state;
    enum cpu_exit why;
};

static void run(struct outcome *r, uint64_t seed, const struct accel_opts *o, bool modify, bool trace)
{
    static struct world w;
    world_new(&w, o, seed);
    w.trace = trace;
    make_program(&w, seed, modify);
    w.cpu->pc = CODE_VA;
    memset(r, 0, sizeof *r);
    r->why = accel_run(w.cpu);
    r->log = w.log;
    r->faults = w.faults;
    r->calls = w.calls;
    r->io_seen = w.io_seen;
    r->state = *arm64_state(w.cpu);
    r->state.nzcv = 0; /* those that nobody reads are not made */
    const uint64_t *ram = (const uint64_t *)(void *)mem_region_host(w.ram);
    for (unsigned n = 0; n < RAM_SIZE / 8; n++)
        r->memory = (r->memory ^ ram[n]) * 0x9e3779b97f4a7c15ull;
    if (trace) {
        char stats[512];
        accel_stats(w.accel, stats, sizeof stats);
        printf("%s\n", stats);
    }
    world_free(&w);
}

static const struct accel_opts configs[] = {
    {.tier = 0},
    {.tier = 1, .cache_size = 16 << 20},
    {.tier = 2, .tier2_threshold = 3, .sync = true, .cache_size = 16 << 20},
    {.tier = 2, .tier2_threshold = 3, .sync = true, .ra_seed = 77, .cache_size = 16 << 20},
    {.tier = 1, .no_link = true, .cache_size = 16 << 20},
    {.tier = 1, .single_step = true, .cache_size = 16 << 20},
};

static unsigned tries = 12;

static void compare(bool modify)
{
    for (uint64_t seed = getenv("SEED") ? strtoul(getenv("SEED"), NULL, 0) : 1; seed <= tries; seed++) {
        static struct outcome want, got;
        run(&want, seed, &configs[0], modify, false);
        for (unsigned k = 1; k < sizeof configs / sizeof *configs; k++) {
            run(&got, seed, &configs[k], modify, false);
            if (memcmp(&want, &got, sizeof got)) {
                printf("seed %lu, config %u: log %lx %lx, faults %u %u, calls %u %u, io %u %u, memory %lx %lx, why %d %d\n",
                       seed, k, want.log, got.log, want.faults, got.faults, want.calls, got.calls, want.io_seen,
                       got.io_seen, want.memory, got.memory, want.why, got.why);
                for (unsigned n = 0; n < sizeof want.state; n += 4)
                    if (memcmp((char *)&want.state + n, (char *)&got.state + n, 4))
                        printf("state + %u: %x %x\n", n, *(uint32_t *)(void *)((char *)&want.state + n),
                               *(uint32_t *)(void *)((char *)&got.state + n));
                if (getenv("TRACE")) {
                    printf("==== want\n");
                    run(&want, seed, &configs[0], modify, true);
                    printf("==== got\n");
                    run(&got, seed, &configs[k], modify, true);
                }
                fail();
            }
        }
        assert_int_equal(want.why, CPU_EXIT_HALT);
    }
}

static void random_programs(void **state)
{
    (void)state;
    compare(false);
}

static void programs_that_write_their_code(void **state)
{
    (void)state;
    compare(true);
}

/* Calls deeper than a return stack, with an access by the slow path at each level and on the way back: nothing that
 * stands on that stack when it is full may be lost halfway. */
static void deep_calls(void **state)
{
    static const uint32_t words[] = {
        0x94000002, /*       bl f */
        0xd40000e1, /*       svc HALT_CODE */
        0xf9400262, /* f:    ldr x2, [x19] */
        0x8b020063, /*       add x3, x3, x2 */
        0xf1000400, /*       subs x0, x0, 1 */
        0x540000c0, /*       b.eq up */
        0x97fffffc, /*       bl f */
        0xf9400262, /* back: ldr x2, [x19] */
        0x8b020294, /*       add x20, x20, x2 */
        0xf1000484, /*       subs x4, x4, 1 */
        0x54000060, /*       b.eq last */
        0x10ffff9e, /* up:   adr x30, back */
        0xd65f03c0, /*       ret */
        0x10fffe9e, /* last: adr x30, f - 4 */
        0xd65f03c0, /*       ret */
    };
    static struct world w;
    enum { DEPTH = 20000 };

    (void)state;
    for (unsigned k = 0; k < sizeof configs / sizeof *configs; k++) {
        world_new(&w, &configs[k], 1);
        uint8_t *ram = mem_region_host(w.ram);
        memcpy(ram, words, sizeof words);
        ram[0x1ffc] = 1; /* the access goes across pages */
        uint64_t *x = arm64_state(w.cpu)->x;
        x[0] = DEPTH;
        x[4] = DEPTH - 1;
        x[19] = CODE_VA + 0x1ffc;
        w.cpu->pc = CODE_VA;
        assert_int_equal(accel_run(w.cpu), CPU_EXIT_HALT);
        assert_int_equal(x[3], DEPTH);
        assert_int_equal(x[20], DEPTH - 1);
        world_free(&w);
    }
}

/* Against the procedure call standard, but Linux' ghash-ce does so: flags from before a call are read behind it. */
static void flags_over_calls(void **state)
{
    static const uint32_t words[] = {
        0xf1000400, /* loop: subs x0, x0, 1 */
        0x94000004, /*       bl f */
        0x54ffffc1, /*       b.ne loop */
        0xd40000e1, /*       svc HALT_CODE */
        0xd503201f, /*       nop */
        0x91000421, /* f:    add x1, x1, 1 */
        0xd65f03c0, /*       ret */
    };
    static struct world w;

    (void)state;
    for (unsigned k = 0; k < sizeof configs / sizeof *configs; k++) {
        world_new(&w, &configs[k], 1);
        memcpy(mem_region_host(w.ram), words, sizeof words);
        arm64_state(w.cpu)->x[0] = 50;
        w.cpu->pc = CODE_VA;
        assert_int_equal(accel_run(w.cpu), CPU_EXIT_HALT);
        assert_int_equal(arm64_state(w.cpu)->x[1], 50);
        world_free(&w);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs),
        cmocka_unit_test(programs_that_write_their_code),
        cmocka_unit_test(deep_calls),
        cmocka_unit_test(flags_over_calls),
    };
    struct err e;
    if (argc > 1)
        tries = (unsigned)atoi(argv[1]);
    if (getenv("LOG") && log_enable(getenv("LOG"), &e))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
