/* Faults at every memory access of random programs, under the translator and under the interpreter:
 * the guest's state, memory and the fault itself must be the same.
 *
 *   points ISA [PROGRAMS [SEED]]
 *
 * A program is a straight line of random instructions with a few branches, made by running it: a
 * memory access that faults gets a page mapped at its address, if there can be one. Then each page
 * that was touched is taken away, or made read-only, and the program runs from the start in every
 * engine. Flags are not compared at faults: those that nobody can read are not kept
 * (docs/translator.md).
 *
 * Not random: times, counters and random numbers are left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engines.h"
#include "ir/build.h"

#define PAGE UINT64_C(4096)
#define CODE UINT64_C(0x10000000)
/* Where a program's pages may be; the sanitizers take most of the rest. */
#ifdef __SANITIZE_ADDRESS__
#define LOW UINT64_C(0x200000000000)
#else
#define LOW UINT64_C(0x100000000)
#endif
#ifdef __SANITIZE_THREAD__
#define HIGH UINT64_C(0x7000000000)
#else
#define HIGH UINT64_C(0x500000000000)
#endif
enum { MOST_PAGES = 64, LENGTH = 24, ENGINES = 5, TRIES = 400 };

struct page {
    uint64_t addr;
    uint8_t before[4096], after[4096];
};

struct lab {
    const struct diff_target *target;
    const struct isa *isa;
    uint64_t seed;
    struct engine engine[ENGINES]; /* the first is the interpreter */
    struct page page[MOST_PAGES];
    unsigned npages;
    uint32_t code[LENGTH + 1];
    unsigned ncode;
    unsigned char start[CPU_STATE_SIZE];
    struct ir_unit unit;
    unsigned long runs, faults, bad;
};

static uint64_t rnd(struct lab *l)
{
    l->seed ^= l->seed << 13;
    l->seed ^= l->seed >> 7;
    l->seed ^= l->seed << 17;
    return l->seed * UINT64_C(0x2545f4914f6cdd1d);
}

/* ---- the guest's memory ---- */

static size_t fetch(void *opaque, uint64_t pc, void *buf, size_t size)
{
    const struct lab *l = opaque;
    uint64_t at = pc - CODE, have = sizeof(l->code);

    if (at >= have)
        return 0;
    if (size > have - at)
        size = have - at;
    memcpy(buf, (const char *)l->code + at, size);
    return size;
}

static void fill(struct lab *l, struct page *p)
{
    for (unsigned i = 0; i < PAGE; i += 8) {
        uint64_t v = rnd(l);

        if (v & 7) /* mostly addresses: loads make bases */
            v = LOW + v % (HIGH - LOW);
        memcpy(p->before + i, &v, 8);
    }
    memcpy((void *)p->addr, p->before, PAGE);
}

static bool map_page(struct lab *l, uint64_t addr)
{
    struct page *p = &l->page[l->npages];

    addr &= ~(PAGE - 1);
    if (l->npages == MOST_PAGES || addr < LOW || addr >= HIGH)
        return false;
    if (mmap((void *)addr, PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)addr)
        return false;
    p->addr = addr;
    fill(l, p);
    l->npages++;
    return true;
}

static void protect(const struct page *p, int prot)
{
    if (mprotect((void *)p->addr, PAGE, prot))
        abort();
}

static void restore_pages(const struct lab *l)
{
    for (unsigned i = 0; i < l->npages; i++)
        memcpy((void *)l->page[i].addr, l->page[i].before, PAGE);
}

static void drop_pages(struct lab *l)
{
    for (unsigned i = 0; i < l->npages; i++)
        munmap((void *)l->page[i].addr, PAGE);
    l->npages = 0;
}

/* ---- running ---- */

static void set_up(const struct lab *l, struct cpu *c)
{
    memcpy(c->state, l->start, CPU_STATE_SIZE);
    c->pc = CODE;
    c->key = 0;
    c->fault_addr = 0;
    c->fault_access = 0;
}

static void run_program(struct lab *l, struct engine *e, struct outcome *o)
{
    set_up(l, e->cpu);
    outcome_get(o, e, engine_run(e, false));
}

/* ---- making a program ---- */

static void random_state(struct lab *l)
{
    memset(l->start, 0, sizeof(l->start));
    for (unsigned s = 0; s < l->isa->nslots; s++) {
        const struct isa_slot *slot = &l->isa->slots[s];
        uint64_t v[2] = {rnd(l), rnd(l)};

        if (slot->flags || (slot->type != IR_I64 && slot->type != IR_V128 && slot->type != IR_F64))
            continue;
        if (slot->type == IR_I64 && v[0] & 7)
            v[0] = LOW + v[0] % (HIGH - LOW);
        else if (slot->type == IR_I64)
            v[0] = v[1] % 512;
        if (strcmp(slot->name, "sp") == 0)
            v[0] &= ~UINT64_C(15);
        memcpy(l->start + slot->offset, v, slot->type == IR_V128 ? 16 : 8);
    }
    if (strcmp(l->isa->slots[0].name, "x0") == 0 && strcmp(l->target->isa, "riscv64") == 0)
        memset(l->start + l->isa->slots[0].offset, 0, 8);
}

static bool skipped(const struct lab *l, const char *name)
{
    for (const char *const *s = l->target->skip; *s; s++)
        if (strncmp(name, *s, strlen(*s)) == 0)
            return true;
    return false;
}

/* Lifts the word. */
static bool goes_on(struct lab *l, uint32_t word)
{
    uint32_t words[2] = {word, 0};
    struct isa_insn i = {.pc = CODE, .bytes = (const uint8_t *)words, .avail = 8};
    struct ir_unit *u = &l->unit;

    ir_unit_reset(u, l->isa, 0);
    l->isa->fpenv(0, &u->fp);
    ir_block_begin(u, CODE);
    ir_emit(u, IR_INSN, IR_VOID, 0, IR_NONE, (uint32_t)CODE, 0);
    return l->isa->lift(u, &i) == ISA_NEXT && i.length == 4;
}

/* True if the word goes straight on, and has a memory access if one is wanted. */
static bool suitable(struct lab *l, uint32_t word, bool memory)
{
    if (!goes_on(l, word))
        return false;
    for (uint32_t k = 0; k < l->unit.nins && memory; k++)
        if (ir_ops[l->unit.ins[k].op].flags & IR_OPF_FAULT)
            return true;
    return !memory;
}

/* Atomics read and write at once: which of them faults on a page that allows neither is the host's.
 */
static bool is_atomic(struct lab *l, uint32_t word)
{
    goes_on(l, word);
    for (uint32_t k = 0; k < l->unit.nins; k++) {
        const struct ir_ins *i = &l->unit.ins[k];

        if (i->op == IR_CAS || i->op == IR_RMW || (i->op == IR_ST && i->aux & IR_M_SEQCST))
            return true;
    }
    return false;
}

static uint32_t random_word(struct lab *l)
{
    bool memory = rnd(l) % 3 == 0;

    for (;;) {
        const struct isa_form *f = &l->target->forms[rnd(l) % *l->target->nforms];
        uint32_t word;

        if (f->width == 32 && !skipped(l, f->name) && isa_form_word(f, (uint32_t)rnd(l), &word) &&
            suitable(l, word, memory))
            return word;
    }
}

/* Runs the last word; maps what it touches. False: it cannot be run on. */
static bool try_word(struct lab *l)
{
    struct engine *e = &l->engine[0];
    unsigned char backup[CPU_STATE_SIZE];
    uint64_t pc = e->cpu->pc;

    memcpy(backup, e->cpu->state, sizeof(backup));
    for (unsigned tries = 0; tries < 8; tries++) {
        int reason = engine_run(e, true);

        if (reason == CPU_EXIT_NONE)
            return true;
        if (reason != CPU_EXIT_FAULT || !map_page(l, e->cpu->fault_addr))
            break;
        memcpy(e->cpu->state, backup, sizeof(backup));
        e->cpu->pc = pc;
    }
    memcpy(e->cpu->state, backup, sizeof(backup));
    e->cpu->pc = pc;
    return false;
}

static void invalidate(struct lab *l)
{
    for (unsigned e = 0; e < ENGINES; e++)
        accel_invalidate(l->engine[e].accel, CODE, sizeof(l->code));
}

static void make_program(struct lab *l)
{
    random_state(l);
    set_up(l, l->engine[0].cpu);
    l->ncode = 0;
    for (unsigned tries = 0; l->ncode < LENGTH - 2 && tries < TRIES; tries++) {
        uint64_t end = CODE + 4 * (l->ncode + 1);
        uint32_t word = random_word(l);

        if (rnd(l) % 8 == 0) { /* may go over the next word */
            l->code[l->ncode++] = l->target->branch[rnd(l) & 1];
            l->code[l->ncode] = word;
        } else {
            l->code[l->ncode] = word;
        }
        while (l->engine[0].cpu->pc < CODE + 4 * (l->ncode + 1))
            if (!try_word(l))
                break;
        if (l->engine[0].cpu->pc == CODE + 4 * (l->ncode + 1) || l->engine[0].cpu->pc == end)
            l->ncode = (unsigned)((l->engine[0].cpu->pc - CODE) / 4);
    }
    l->code[l->ncode] = l->target->call;
    invalidate(l);
}

/* ---- comparing ---- */

static void compare(struct lab *l, const struct engine *e, const struct outcome *want,
                    const struct outcome *got, const char *how)
{
    bool bad = want->reason != got->reason || want->pc != got->pc || want->addr != got->addr ||
               (want->access != got->access && !is_atomic(l, l->code[(want->pc - CODE) / 4]));
    const struct isa_slot *first = outcome_differs(l->isa, want, got);
    const struct page *memory = NULL;

    for (unsigned i = 0; i < l->npages && !memory; i++)
        if (memcmp(l->page[i].after, (void *)l->page[i].addr, PAGE))
            memory = &l->page[i];
    if (!bad && !first && !memory)
        return;
    l->bad++;
    if (l->bad > 5)
        return;
    printf("DIFFERENT under %s, %s:\n  words", e->name, how);
    for (unsigned i = 0; i <= l->ncode; i++)
        printf(" %08x", l->code[i]);
    printf("\n");
    outcome_show_both(want, got, e->name, first);
    if (memory)
        printf("  memory at page %lx\n", memory->addr);
}

/* One situation in all engines; `which` is a page that has lost rights, or NULL. */
static void check(struct lab *l, const struct page *which, int prot, const char *how)
{
    static struct outcome want, got;

    for (unsigned e = 0; e < ENGINES; e++) {
        restore_pages(l);
        if (which)
            protect(which, prot);
        run_program(l, &l->engine[e], e ? &got : &want);
        if (which)
            protect(which, PROT_READ | PROT_WRITE);
        if (!e) {
            for (unsigned i = 0; i < l->npages; i++)
                memcpy(l->page[i].after, (void *)l->page[i].addr, PAGE);
            l->faults += want.reason == CPU_EXIT_FAULT;
            continue;
        }
        l->runs++;
        compare(l, &l->engine[e], &want, &got, how);
    }
}

static void one_program(struct lab *l)
{
    make_program(l);
    check(l, NULL, 0, "all memory there"); /* makes the regions of tier 2 at the second time */
    check(l, NULL, 0, "all memory there");
    for (unsigned i = 0; i < l->npages; i++) {
        check(l, &l->page[i], PROT_NONE, "a page taken away");
        check(l, &l->page[i], PROT_READ, "a page read-only");
    }
    drop_pages(l);
}

static void start(struct lab *l)
{
    static const struct engine engines[ENGINES] = {
        {.name = "interpreter", .opts = {.tier = 0, .cache_size = 4 << 20}},
        {.name = "tier 1", .opts = {.tier = 1, .cache_size = 4 << 20}},
        {.name = "tier 1 random", .opts = {.tier = 1, .cache_size = 4 << 20, .ra_seed = 99}},
        {.name = "tier 2",
         .opts = {.tier = 2, .cache_size = 4 << 20, .sync = true, .tier2_threshold = 1}},
        {.name = "tier 2 random",
         .opts = {.tier = 2, .cache_size = 4 << 20, .ra_seed = 7, .tier2_threshold = 1}},
    };
    struct accel_code_source source = {fetch, l};

    engine_signals();
    memcpy(l->engine, engines, sizeof(engines));
    ir_unit_init(&l->unit);
    for (unsigned i = 0; i < ENGINES; i++)
        engine_start(&l->engine[i], l->isa, &source);
}

int main(int argc, char **argv)
{
    unsigned long programs = argc > 2 ? strtoul(argv[2], NULL, 0) : 200;
    struct lab *l = calloc(1, sizeof(*l));
    char stats[256];
    int bad;

    l->target = argc > 1 ? diff_target_find(argv[1]) : NULL;
    if (!l->target || !(l->isa = isa_find(argv[1]))) {
        fprintf(stderr, "usage: points arm64|riscv64 [PROGRAMS [SEED]]\n");
        return 2;
    }
    start(l);
    for (unsigned long n = 0; n < programs && l->bad < 20; n++) {
        l->seed = 88172645463325252u ^ ((argc > 3 ? strtoul(argv[3], NULL, 0) : 1) << 32) ^ n;
        for (unsigned k = 0; k < 8; k++)
            rnd(l);
        one_program(l);
    }
    printf("%s: %lu runs, %lu situations with a fault\n", l->isa->name, l->runs, l->faults);
    accel_stats(l->engine[3].accel, stats, sizeof(stats));
    printf("tier 2: %s\n", stats);
    printf("%d passed, %d failed\n", l->bad == 0, l->bad != 0);
    bad = l->bad != 0;
    for (unsigned i = 0; i < ENGINES; i++)
        engine_stop(&l->engine[i]);
    ir_unit_free(&l->unit);
    free(l);
    return bad;
}
