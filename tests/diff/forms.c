/* Every instruction form of the tables, on many random encodings and register states: interpreter,
 * tier 1 and tier 2 must agree on registers, flags, memory, exit and place.
 *
 *   forms ISA [--count N] [--part K/M] [--seed S] [--form PREFIX]
 *
 * An encoding stands between two jumps in front of a system call, so that tier 2 makes a region of
 * several blocks around it. It runs from one random state under the interpreter, then twice under
 * each engine: tier 1 runs first and its counter asks for the region, which runs from then on. Base
 * registers mostly point into two pages of memory; accesses elsewhere fault, and that must agree
 * too.
 *
 * Left out are what reads counters, jumps back into the program itself, and bits of the
 * floating-point status that explained.txt names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engines.h"
#include "ir/build.h"
#include "isa/arm64/state.h"
#include "isa/riscv/state.h"

#define PAGE  UINT64_C(4096)
#define ARENA UINT64_C(0x567000000000) /* free under the address and the thread sanitizer, too */
#define CODE  UINT64_C(0x10000000)
#define AREA  (UINT64_C(2) << 20) /* readable around the code, for loads relative to the pc */
enum {
    ARENA_SIZE = 8192,
    ENGINES = 5,
    MOST_STEPS = 16,
    STATES = 4,  /* until one lets the instruction pass */
    WORDS = 4000 /* tries to make a word of a form */
};

struct lab {
    const struct diff_target *target;
    const struct isa *isa;
    uint64_t seed;
    struct engine engine[ENGINES]; /* the first is the interpreter */
    uint8_t code[16];
    unsigned ncode;
    uint8_t before[ARENA_SIZE], after[ARENA_SIZE];
    uint64_t noise[1024]; /* what memory is filled with */
    struct cpu *start;    /* the state that all begin with */
    struct ir_unit unit;
    unsigned long runs, faults, undefined, bad;
};

static uint64_t rnd(struct lab *l)
{
    l->seed ^= l->seed << 13;
    l->seed ^= l->seed >> 7;
    l->seed ^= l->seed << 17;
    return l->seed * UINT64_C(0x2545f4914f6cdd1d);
}

/* ---- values ---- */

/* A pattern of one floating-point format: the edges, near one, random. */
static uint64_t float_bits(struct lab *l, unsigned exponent, unsigned fraction)
{
    uint64_t r = rnd(l), top = (UINT64_C(1) << exponent) - 1, bias = top >> 1;
    uint64_t ones = (UINT64_C(1) << fraction) - 1, v;

    switch (r % 8) {
    case 0:
        v = r >> 8 & ones;
        break; /* subnormal */
    case 1:
        v = top << fraction | (r & 256 ? r >> 10 & ones : 0);
        break; /* infinite, not a number */
    case 2:
        v = (bias - 4 + (r >> 8) % 9) << fraction;
        break; /* a power of two */
    case 3:
        v = r & 256 ? 1 : r & 512 ? ones : (top << fraction) - 1;
        break;
    case 4:
        v = (bias + (r >> 8) % (exponent + 63)) % top << fraction | (r >> 20 & ones);
        break;
    case 5:
        v = r & 256 ? 0 : (UINT64_C(1) << fraction) + (r >> 10 & 3);
        break; /* about the smallest normal number */
    default:
        v = rnd(l) >> (64 - exponent - fraction);
    }
    return v | (r >> 63 << (exponent + fraction));
}

static uint64_t float_lanes(struct lab *l)
{
    uint64_t v = 0;

    switch (rnd(l) % 4) {
    case 0:
        return float_bits(l, 11, 52);
    case 1:
        return float_bits(l, 8, 23) | float_bits(l, 8, 23) << 32;
    case 2:
        for (unsigned i = 0; i < 4; i++)
            v |= float_bits(l, 5, 10) << 16 * i;
        return v;
    default:
        return rnd(l);
    }
}

static uint64_t integer(struct lab *l)
{
    uint64_t r = rnd(l), bit = UINT64_C(1) << (r >> 8) % 64;

    switch (r % 8) {
    case 0:
        return bit;
    case 1:
        return bit - 1;
    case 2:
        return 0 - bit;
    case 3:
        return r >> 32 & 255;
    case 4:
        return 0 - (r >> 32 & 255);
    case 5:
        return r & 64 ? 0 : ~UINT64_C(0);
    default:
        return rnd(l);
    }
}

static uint64_t pointer(struct lab *l)
{
    uint64_t r = rnd(l), at = ARENA + ARENA_SIZE / 2 + r % 1024 - 512;

    return r >> 62 ? at & ~UINT64_C(15) : at;
}

/* ---- the state ---- */

static void random_fp_control(struct lab *l)
{
    struct cpu *c = l->start;
    uint64_t r = rnd(l);

    if (strcmp(l->target->isa, "arm64") == 0) {
        arm64_set_fpcr(c, r & 3 ? 0 : (uint32_t)(r >> 32) & A64_FPCR_MASK);
        arm64_set_fpsr(arm64_state(c), r & 4 ? 0 : (uint32_t)(r >> 8) & A64_FPSR_MASK);
    } else {
        rv_fcsr_write(c, (uint32_t)(r & 3 ? 0 : r >> 32 & 7) << RV_FRM_SHIFT |
                             (r & 4 ? 0 : r >> 8 & RV_FFLAGS_MASK));
    }
}

static void random_state(struct lab *l, bool memory)
{
    struct cpu *c = l->start;

    l->isa->reset(c);
    for (unsigned s = 0; s < l->isa->nslots; s++) {
        const struct isa_slot *slot = &l->isa->slots[s];
        uint64_t v[2];
        uint32_t flags = ir_nzcv_pack((uint32_t)(rnd(l) >> 32) & 0xf0000000);

        if (slot->flags)
            continue;
        switch (slot->type) {
        case IR_I64:
            v[0] = memory && rnd(l) & 1 ? pointer(l) : integer(l);
            if (memory && rnd(l) & 1 && v[0] - ARENA >= ARENA_SIZE)
                v[0] = rnd(l) % 64; /* an index */
            if (strcmp(slot->name, "sp") == 0)
                v[0] = pointer(l) & ~UINT64_C(15);
            memcpy(c->state + slot->offset, v, 8);
            break;
        case IR_F64:
            v[0] = float_lanes(l);
            if (rnd(l) & 1) /* boxed */
                v[0] |= rnd(l) & 1 ? 0xffffffff00000000 : 0xffffffffffff0000;
            memcpy(c->state + slot->offset, v, 8);
            break;
        case IR_V128:
            v[0] = float_lanes(l);
            v[1] = float_lanes(l);
            memcpy(c->state + slot->offset, v, 16);
            break;
        case IR_CC:
            memcpy(c->state + slot->offset, &flags, 4);
            break;
        default:
            break;
        }
    }
    if (strcmp(l->target->isa, "riscv64") == 0) {
        rv_state(c)->x[0] = 0;
        rv_state(c)->res_tag = 0;
    }
    random_fp_control(l);
    c->pc = CODE;
}

static void set_up(const struct lab *l, struct cpu *c)
{
    memcpy(c->state, l->start->state, CPU_STATE_SIZE);
    c->pc = l->start->pc;
    c->key = l->start->key;
    c->exit_code = 0;
    c->fault_addr = 0;
    c->fault_access = 0;
}

/* Registers that point into the arena, or near it, move by so much. */
static void move_pointers(struct lab *l, uint64_t by)
{
    for (unsigned s = 0; s < l->isa->nslots; s++) {
        const struct isa_slot *slot = &l->isa->slots[s];
        uint64_t v;

        if (slot->flags || slot->type != IR_I64)
            continue;
        memcpy(&v, l->start->state + slot->offset, 8);
        if (v - (ARENA - (1 << 20)) < 2 << 20) {
            v += by & ~UINT64_C(15);
            memcpy(l->start->state + slot->offset, &v, 8);
        }
    }
}

/* ---- programs ---- */

static size_t fetch(void *opaque, uint64_t pc, void *buf, size_t size)
{
    const struct lab *l = opaque;
    uint64_t at = pc - CODE;

    if (at >= l->ncode)
        return 0;
    if (size > l->ncode - at)
        size = l->ncode - at;
    memcpy(buf, l->code + at, size);
    return size;
}

static void make_program(struct lab *l, uint32_t word, unsigned bytes)
{
    l->ncode = 0;
    memcpy(l->code, &l->target->jump, 4);
    memcpy(l->code + 4, &word, bytes);
    memcpy(l->code + 4 + bytes, &l->target->jump, 4);
    memcpy(l->code + 8 + bytes, &l->target->call, 4);
    l->ncode = 12 + bytes;
    for (unsigned e = 0; e < ENGINES; e++)
        accel_invalidate(l->engine[e].accel, CODE, sizeof(l->code));
}

/* Lifts the word; *memory: it may access some. False: not an instruction. */
static bool look(struct lab *l, uint32_t word, bool *memory)
{
    uint32_t words[2] = {word, 0};
    struct isa_insn i = {.pc = CODE + 4, .bytes = (const uint8_t *)words, .avail = 8};
    struct ir_unit *u = &l->unit;
    enum isa_lift how;

    ir_unit_reset(u, l->isa, 0);
    l->isa->fpenv(0, &u->fp);
    ir_block_begin(u, i.pc);
    ir_emit(u, IR_INSN, IR_VOID, 0, IR_NONE, (uint32_t)i.pc, 0);
    how = l->isa->lift(u, &i);
    *memory = false;
    for (uint32_t k = 0; k < u->nins && !*memory; k++)
        *memory = (ir_ops[u->ins[k].op].flags & IR_OPF_FAULT) != 0 || u->ins[k].op == IR_CALL;
    return how != ISA_UNDEF;
}

static void restore_memory(const struct lab *l)
{
    memcpy((void *)ARENA, l->before, ARENA_SIZE);
}

/* By single steps; false: it goes round in circles. */
static bool interpret(struct lab *l, struct outcome *o)
{
    struct engine *e = &l->engine[0];
    int reason = CPU_EXIT_NONE;

    restore_memory(l);
    set_up(l, e->cpu);
    for (unsigned n = 0; n < MOST_STEPS; n++) {
        reason = engine_run(e, true);
        if (reason != CPU_EXIT_NONE && reason != CPU_EXIT_YIELD && reason != CPU_EXIT_ISYNC)
            break;
    }
    outcome_get(o, e, reason);
    return reason != CPU_EXIT_NONE && reason != CPU_EXIT_YIELD && reason != CPU_EXIT_ISYNC;
}

/* Memory faults are fewer when the state is chosen again, or moved to where it hits. */
static bool choose_state(struct lab *l, bool memory, struct outcome *want)
{
    for (unsigned n = 0; n < STATES; n++) {
        random_state(l, memory);
        if (!interpret(l, want))
            return false;
        if (want->reason != CPU_EXIT_FAULT || want->access == CPU_FETCH)
            break;
        if (want->addr - (ARENA - (1 << 20)) < 2 << 20) {
            move_pointers(l, ARENA + ARENA_SIZE / 2 - want->addr);
            if (!interpret(l, want))
                return false;
            break;
        }
    }
    memcpy(l->after, (void *)ARENA, ARENA_SIZE);
    l->faults += want->reason == CPU_EXIT_FAULT && want->access != CPU_FETCH;
    return true;
}

/* Where there is nothing else a sanitizer has memory of its own, and what is written there stays. */
static bool hits_sanitizer(struct lab *l, const struct outcome *want)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    static struct outcome again;

    return !interpret(l, &again) || again.reason != want->reason || outcome_differs(l->isa, want, &again);
#else
    (void)l, (void)want;
    return false;
#endif
}

/* ---- comparing ---- */

/* Status bits that an x86 host does not tell: see explained.txt. They become what is wanted. */
static void excuse_status(const struct lab *l, const struct outcome *want, struct outcome *got)
{
    const struct arm64_state *w = (const void *)want->state;
    struct arm64_state *g = (void *)got->state;
    uint32_t excused = 0;

    if (strcmp(l->target->isa, "arm64") != 0)
        return;
    if (w->fpcr & (A64_FPCR_FZ | A64_FPCR_FZ16))
        excused |= 0x90;
    if (w->fpsr & g->fpsr & 0x10)
        excused |= w->fpsr & ~g->fpsr & 8;
    g->fpsr = (g->fpsr & ~excused) | (w->fpsr & excused);
}

static void compare(struct lab *l, const struct isa_form *f, uint32_t word, const struct engine *e,
                    const struct outcome *want, struct outcome *got, const char *when)
{
    const struct isa_slot *first;
    bool memory = memcmp(l->after, (void *)ARENA, ARENA_SIZE) != 0;

    excuse_status(l, want, got);
    first = outcome_differs(l->isa, want, got);
    if (want->reason == got->reason && want->pc == got->pc && want->addr == got->addr &&
        want->key == got->key && !first && !memory)
        return;
    l->bad++;
    if (l->bad > 20)
        return;
    printf("DIFFERENT under %s, %s: %s %08x\n", e->name, when, f->name, word);
    outcome_show_both(want, got, e->name, first);
    if (memory)
        printf("  memory\n");
    for (unsigned s = 0; s < l->isa->nslots; s++) {
        struct outcome start = {.reason = 0};

        memcpy(start.state, l->start->state, CPU_STATE_SIZE);
        if (!l->isa->slots[s].flags)
            outcome_show(&start, "started with", &l->isa->slots[s]);
    }
}

static void one_case(struct lab *l, const struct isa_form *f, uint32_t word, bool memory,
                     unsigned long *done)
{
    static struct outcome want, got;

    make_program(l, word, f->width / 8);
    if (!choose_state(l, memory, &want) || (memory && hits_sanitizer(l, &want)))
        return;
    for (unsigned e = 1; e < ENGINES; e++)
        for (unsigned n = 0; n < 2; n++) {
            restore_memory(l);
            set_up(l, l->engine[e].cpu);
            outcome_get(&got, &l->engine[e], engine_run(&l->engine[e], false));
            l->runs++;
            compare(l, f, word, &l->engine[e], &want, &got, n ? "second run" : "first run");
        }
    ++*done;
}

/* ---- a form ---- */

static void start_engines(struct lab *l, const struct accel_code_source *source, uint64_t seed)
{
    const struct engine engines[ENGINES] = {
        {.name = "interpreter", .opts = {.tier = 0, .cache_size = 1 << 20}},
        {.name = "tier 1", .opts = {.tier = 1, .cache_size = 1 << 20}},
        {.name = "tier 1 random", .opts = {.tier = 1, .cache_size = 1 << 20, .ra_seed = seed}},
        {.name = "tier 2",
         .opts = {.tier = 2, .cache_size = 1 << 20, .sync = true, .tier2_threshold = 2}},
        {.name = "tier 2 random",
         .opts = {.tier = 2, .cache_size = 1 << 20, .ra_seed = seed, .tier2_threshold = 2}},
    };

    memcpy(l->engine, engines, sizeof(engines));
    for (unsigned i = 0; i < ENGINES; i++)
        engine_start(&l->engine[i], l->isa, source);
}

/* How many encodings ran. */
static unsigned long one_form(struct lab *l, const struct isa_form *f, unsigned long count)
{
    unsigned long done = 0, tries = 0;

    for (unsigned long n = 0; n < count * 3 && done < count && l->bad < 20; n++) {
        uint32_t word;
        bool memory;

        for (tries = 0; tries < WORDS; tries++)
            if (isa_form_word(f, (uint32_t)(rnd(l) >> 32), &word))
                break;
        if (tries == WORDS)
            break;
        if (l->target->varies(word))
            continue;
        l->undefined += !look(l, word, &memory);
        one_case(l, f, word, memory, &done);
    }
    return done;
}

static void map_memory(struct lab *l)
{
    uint64_t *area = mmap((void *)(CODE - AREA / 2), AREA, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    void *arena = mmap((void *)ARENA, ARENA_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (area != (void *)(CODE - AREA / 2) || arena != (void *)ARENA) {
        fprintf(stderr, "forms: the addresses it needs are taken\n");
        exit(2);
    }
    for (unsigned i = 0; i < AREA / 8; i++)
        area[i] = float_lanes(l);
    mprotect(area, AREA, PROT_READ);
    for (unsigned i = 0; i < ARENA_SIZE; i += 8) {
        uint64_t v = i / 8 % 3 ? integer(l) : float_lanes(l);

        memcpy(l->before + i, &v, 8);
    }
}

struct choice {
    unsigned long count, part, parts;
    const char *prefix;
};

static unsigned run_forms(struct lab *l, const struct choice *o, uint64_t seed)
{
    struct accel_code_source source = {fetch, l};
    unsigned nforms = 0;
    char stats[256];

    for (unsigned i = 0; i < *l->target->nforms && l->bad < 20; i++) {
        const struct isa_form *f = &l->target->forms[i];
        unsigned long done;

        if (i % o->parts != o->part - 1 || strncmp(f->name, o->prefix, strlen(o->prefix)) != 0)
            continue;
        l->seed = 88172645463325252u ^ (seed << 32) ^ i;
        for (unsigned k = 0; k < 8; k++)
            rnd(l);
        start_engines(l, &source, rnd(l) | 1);
        done = one_form(l, f, o->count);
        if (done < o->count)
            printf("%s: %lu encodings\n", f->name, done);
        accel_stats(l->engine[3].accel, stats, sizeof(stats));
        if (*o->prefix)
            printf("%s: %s\n", f->name, stats);
        for (unsigned e = 0; e < ENGINES; e++)
            engine_stop(&l->engine[e]);
        nforms++;
    }
    return nforms;
}

int main(int argc, char **argv)
{
    struct choice o = {.count = 20, .part = 1, .parts = 1, .prefix = ""};
    struct lab *l = calloc(1, sizeof(*l));
    uint64_t seed = 1;
    unsigned nforms;
    int bad;

    l->target = argc > 1 ? diff_target_find(argv[1]) : NULL;
    for (int i = 2; l->target && i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--count") == 0)
            o.count = strtoul(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoul(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--form") == 0)
            o.prefix = argv[i + 1];
        else if (sscanf(argv[i + 1], "%lu/%lu", &o.part, &o.parts) != 2)
            l->target = NULL;
    }
    if (!l->target || !(l->isa = isa_find(argv[1])) || !o.parts) {
        fprintf(stderr, "usage: forms arm64|riscv64 [--count N] [--part K/M] [--seed S] "
                        "[--form PREFIX]\n");
        return 2;
    }
    l->seed = 1 + seed;
    engine_signals();
    ir_unit_init(&l->unit);
    l->start = cpu_new(l->isa);
    map_memory(l);
    nforms = run_forms(l, &o, seed);
    printf("%s: %u forms, %lu runs, %lu encodings fault, %lu are undefined\n", l->isa->name, nforms,
           l->runs, l->faults, l->undefined);
    printf("%d passed, %d failed\n", !l->bad && nforms, l->bad || !nforms);
    bad = l->bad || !nforms;
    ir_unit_free(&l->unit);
    cpu_free(l->start);
    free(l);
    return bad;
}
