/* Our half of the differential test: makes random tests, and runs them by lifter and interpreter.
 *
 * differ make FILE SEED COUNT [FORM-PREFIX...]   writes COUNT words of the named forms (default:
 * all) differ run FILE RESULTS [-v]                   runs them and compares with the oracle's
 * results Prints each difference (the first ones in full) and ends with "N passed, M failed".
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/err.h"
#include "ir/build.h"
#include "ir/isa.h"
#include "isa/arm64/arm64_decode.h"
#include "isa/arm64/state.h"
#include "isa/arm64/tests/vector.h"

extern const struct isa isa_arm64;
const struct isa *const isa_registry[] = {&isa_arm64, NULL};

static uint64_t *const data = (uint64_t *)VEC_DATA;
static jmp_buf recover; /* holds signal + SIGNALLED, or 1 after cpu_leave() */
enum { SIGNALLED = 100 };
static uint64_t code_size;
static bool ignore_fpsr;

/* Forms whose outcome is the system's, not the architecture's. */
static bool excluded(const struct isa_form *f)
{
    static const char *const names[] = {"svc", "mrs", "msr", "yield", "wfe", "ic_ivau", "dc_clean"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(f->name, names[i]))
            return true;
    return !strncmp(f->feature, "pauth", 5) || !strcmp(f->feature, "system");
}

/* QEMU 7.2 leaves bits 31..16 of a scalar FCVTZS (fixed-point) to half precision sign-extended; the
 * manual zeroes everything above the element. */
static bool oracle_errs(const struct isa_form *f, uint32_t word)
{
    return !strcmp(f->name, "s_fcvtzs_fx") && (word >> 20 & 7) == 1;
}

static bool wanted(const struct isa_form *f, char **prefixes, int count)
{
    if (!count)
        return !excluded(f);
    for (int i = 0; i < count; i++)
        if (!strncmp(f->name, prefixes[i], strlen(prefixes[i])))
            return !excluded(f);
    return false;
}

static const struct isa_form *form_of(uint32_t word)
{
    const struct isa_form *best = NULL;

    for (unsigned i = 0; i < a64_nforms; i++)
        if (isa_form_matches(&a64_forms[i], word) &&
            (!best || __builtin_popcount(a64_forms[i].mask) > __builtin_popcount(best->mask) ||
             (a64_forms[i].mask == best->mask && a64_forms[i].nlimits)))
            best = &a64_forms[i];
    return best;
}

static int make(const char *path, uint64_t seed, uint64_t count, char **prefixes, int nprefixes)
{
    struct vec_head head = {VEC_MAGIC, seed, count};
    FILE *out = fopen(path, "wb");
    uint64_t random = seed;
    const struct isa_form **forms = calloc(a64_nforms, sizeof(*forms));
    unsigned n = 0;

    for (unsigned i = 0; forms && i < a64_nforms; i++)
        if (wanted(&a64_forms[i], prefixes, nprefixes))
            forms[n++] = &a64_forms[i];
    if (!out || !n || fwrite(&head, sizeof(head), 1, out) != 1)
        return 2;
    for (uint64_t i = 0; i < count;) {
        const struct isa_form *f = forms[vec_next(&random) % n];
        uint32_t word;

        if (!isa_form_word(f, (uint32_t)vec_next(&random), &word))
            continue;
        word = vec_tame(word);
        f = form_of(word);
        if (!f || excluded(f) || oracle_errs(f, word) || vec_unpredictable(word))
            continue;
        fwrite(&word, sizeof(word), 1, out);
        i++;
    }
    free(forms);
    return fclose(out) ? 2 : 0;
}

/* ---- running ---- */

static void on_fault(int signal)
{
    _longjmp(recover, signal + SIGNALLED);
}

static void load_state(struct cpu *c, const struct vec_state *s)
{
    struct arm64_state *a = arm64_state(c);

    isa_arm64.reset(c);
    memcpy(a->x, s->x, sizeof(a->x));
    a->sp = s->sp;
    c->pc = s->pc;
    arm64_set_nzcv(a, s->nzcv);
    arm64_set_fpcr(c, s->fpcr);
    arm64_set_fpsr(a, s->fpsr);
    memcpy(a->v, s->v, sizeof(a->v));
}

static void save_state(struct cpu *c, struct vec_state *s)
{
    const struct arm64_state *a = arm64_state(c);

    memcpy(s->x, a->x, sizeof(a->x));
    s->sp = a->sp;
    s->pc = c->pc;
    s->nzcv = arm64_get_nzcv(a);
    s->fpcr = a->fpcr;
    s->fpsr = arm64_get_fpsr(a);
    memcpy(s->v, a->v, sizeof(a->v));
    s->memory = vec_memory_hash(data);
}

enum mode { PLAIN, QUICK, FULL, FOLD };
static const char *const mode_names[] = {"plain", "quick", "full", "fold"};

static void insn(struct ir_unit *u, uint64_t pc)
{
    ir_emit(u, IR_INSN, IR_VOID, 4, IR_NONE, (uint32_t)pc, (uint32_t)(pc >> 32));
}

/* An instruction before the test's that sets every integer slot and the flags to what they are. */
static void constants(struct ir_unit *u, struct cpu *c)
{
    const struct arm64_state *a = arm64_state(c);

    insn(u, c->pc - 4);
    for (unsigned i = 0; i < 31; i++)
        ir_put(u, A64_X0 + i, ir_const(u, IR_I64, a->x[i]));
    ir_put(u, A64_SP, ir_const(u, IR_I64, a->sp));
    ir_put(u, A64_NZCV, ir_op1(u, IR_CCFROM, IR_CC, 0, ir_const(u, IR_I32, arm64_get_nzcv(a))));
}

/* Lifts the one instruction; false if the verifier refuses it. */
static bool lift(struct ir_unit *u, struct cpu *c, const uint32_t *word, enum mode mode,
                 struct err *e)
{
    struct isa_insn i = {.pc = c->pc, .bytes = (const uint8_t *)word, .avail = 4};

    ir_unit_reset(u, &isa_arm64, c->key);
    isa_arm64.fpenv(c->key, &u->fp);
    u->pc_lo = c->pc - (mode == FOLD ? 4 : 0);
    u->pc_hi = c->pc + 4;
    ir_block_begin(u, u->pc_lo);
    if (mode == FOLD)
        constants(u, c);
    insn(u, c->pc);
    if (isa_arm64.lift(u, &i) == ISA_NEXT)
        ir_jmp(u, c->pc + 4);
    ir_block_finish(u);
    if (ir_verify(u, e))
        return false;
    if (mode == FULL)
        ir_opt_full(u);
    else if (mode != PLAIN)
        ir_opt_quick(u);
    return ir_verify(u, e) == 0;
}

/* The signal that a Linux program would get at this pc. */
static uint32_t exit_signal(const struct cpu *c, int reason)
{
    switch (reason) {
    case CPU_EXIT_NONE:
        if (c->pc & 3)
            return SIGBUS;
        if (c->pc - VEC_CODE < code_size)
            return SIGTRAP;
        return c->pc - VEC_CODE < ((code_size + 4095) & ~UINT64_C(4095)) ? SIGILL : SIGSEGV;
    case CPU_EXIT_UNDEF:
        return SIGILL;
    case CPU_EXIT_ALIGN:
        return SIGBUS;
    case CPU_EXIT_FAULT:
        return SIGSEGV;
    default:
        return SIGTRAP;
    }
}

static void run_one(struct ir_unit *u, struct cpu *c, uint64_t seed, uint64_t index,
                    const uint32_t *word, enum mode mode, struct vec_state *s)
{
    struct vec_state begin;
    struct err e;
    int fault;

    c->recover = &recover;
    vec_state_make(seed, index, *word, &begin);
    vec_memory_fill(seed, index, data);
    load_state(c, &begin);
    if (!lift(u, c, word, mode, &e)) {
        printf("0x%08x does not verify: %s\n", *word, e.text);
        s->signal = 0;
        return;
    }
    fault = _setjmp(recover);
    if (!fault)
        s->signal = exit_signal(c, ir_interp(u, c));
    else
        s->signal =
            fault > SIGNALLED ? (uint32_t)fault - SIGNALLED : exit_signal(c, (int)c->exit_reason);
    save_state(c, s);
}

/* ---- comparing ---- */

static bool row(const char *name, uint64_t begin, uint64_t got, uint64_t want, bool print)
{
    if (got == want)
        return false;
    if (print)
        printf("    %-6s %016llx  was %016llx, oracle %016llx\n", name, (unsigned long long)got,
               (unsigned long long)begin, (unsigned long long)want);
    return true;
}

static bool compare(const struct vec_state *b, const struct vec_state *g, const struct vec_state *w,
                    bool print)
{
    bool bad = row("signal", 0, g->signal, w->signal, print);
    char name[16];

    bad |= row("pc", b->pc, g->pc, w->pc, print);
    bad |= row("sp", b->sp, g->sp, w->sp, print);
    bad |= row("nzcv", b->nzcv, g->nzcv, w->nzcv, print);
    bad |= row("fpcr", b->fpcr, g->fpcr, w->fpcr, print);
    if (!ignore_fpsr)
        bad |= row("fpsr", b->fpsr, g->fpsr, w->fpsr, print);
    bad |= row("memory", 0, g->memory, w->memory, print);
    for (int i = 0; i < 31; i++) {
        snprintf(name, sizeof(name), "x%d", i);
        bad |= row(name, b->x[i], g->x[i], w->x[i], print);
    }
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "v%d.%c", i / 2, i & 1 ? 'h' : 'l');
        bad |= row(name, b->v[i / 2][i & 1], g->v[i / 2][i & 1], w->v[i / 2][i & 1], print);
    }
    return bad;
}

static int run(const char *path, const char *oracle, enum mode mode)
{
    const int fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    struct vec_head head;
    FILE *in = fopen(path, "rb"), *want = fopen(oracle, "rb");
    struct cpu *c = cpu_new(&isa_arm64);
    unsigned long failed = 0, *failures = calloc(a64_nforms, sizeof(*failures));
    struct ir_unit u;
    uint32_t *code;

    if (!in || !want || fread(&head, sizeof(head), 1, in) != 1 || head.magic != VEC_MAGIC)
        return 2;
    code = mmap((void *)VEC_CODE, head.count * 8, PROT_READ | PROT_WRITE, fixed, -1, 0);
    if (code == MAP_FAILED ||
        mmap(data, VEC_AREA, PROT_READ | PROT_WRITE, fixed, -1, 0) == MAP_FAILED)
        return 2;
    for (uint64_t i = 0; i < head.count; i++) {
        if (fread(&code[2 * i], 4, 1, in) != 1)
            return 2;
        code[2 * i + 1] = VEC_BRK;
    }
    code_size = head.count * 8;
    mprotect(code, code_size, PROT_READ);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    ir_unit_init(&u);
    for (uint64_t i = 0; i < head.count; i++) {
        struct vec_state begin, got, expected;
        const struct isa_form *f = form_of(code[2 * i]);
        bool print;

        if (fread(&expected, sizeof(expected), 1, want) != 1)
            return 2;
        vec_state_make(head.seed, i, code[2 * i], &begin);
        run_one(&u, c, head.seed, i, &code[2 * i], mode, &got);
        if (!compare(&begin, &got, &expected, false))
            continue;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        if (expected.signal == SIGSEGV && got.signal != SIGSEGV)
            continue; /* it found the sanitizer's own memory, where programs have none */
#endif
        failed++;
        print = failures[f - a64_forms] < 2;
        failures[f - a64_forms]++;
        if (print) {
            printf("test %llu: 0x%08x %s  fpcr %08x nzcv %08x\n", (unsigned long long)i,
                   code[2 * i], f->name, begin.fpcr, begin.nzcv);
            compare(&begin, &got, &expected, true);
        }
    }
    for (unsigned i = 0; i < a64_nforms; i++)
        if (failures[i])
            printf("%6lu differences in %s\n", failures[i], a64_forms[i].name);
    printf("%llu passed, %lu failed\n", (unsigned long long)head.count - failed, failed);
    ir_unit_free(&u);
    cpu_free(c);
    free(failures);
    return failed != 0;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && !strcmp(argv[1], "make"))
        return make(argv[2], strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0), argv + 5,
                    argc - 5);
    ignore_fpsr = argc == 6 && !strcmp(argv[5], "no-fpsr");
    if (argc >= 4 && !strcmp(argv[1], "run"))
        for (int mode = PLAIN; mode <= FOLD; mode++)
            if (argc == 4 || !strcmp(argv[4], mode_names[mode]))
                return run(argv[2], argv[3], (enum mode)mode);
    fprintf(stderr, "differ make FILE SEED COUNT [FORM...] | differ run FILE RESULTS [MODE [no-fpsr]]\n");
    return 2;
}
