/* Units under the interpreter and the back end: see harness.h. */
#include "codegen/tests/harness.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <xmmintrin.h>

#include "base/err.h"
#include "ir/opt/opt.h"

enum { CODE_SIZE = 8 << 20, STACK_SIZE = 64 << 10, HANDLER_STACK = 64 << 10 };

static struct bench *current; /* for the signal handlers */
static sigjmp_buf escape;
static volatile sig_atomic_t escapes;    /* `escape` is set */
static volatile sig_atomic_t in_c;       /* the interpreter runs for the guest */
static const struct cg_map *running_map; /* of the unit that runs */
static const struct cg *running_cg;

/* ---- the environment as a code key ---- */

static void fpenv(uint32_t key, struct ir_fpenv *env)
{
    *env = (struct ir_fpenv){
        .nan_rule = key & 3,
        .default_nan = key >> 2 & 1,
        .rm = (uint8_t)(IR_RM_NEAREST + (key >> 3 & 3)),
        .int_rule = key >> 5 & 1,
    };
}

void bench_set_env(struct ir_unit *u, const struct ir_fpenv *env)
{
    u->key = (uint32_t)(env->nan_rule & 3) | (uint32_t)(env->default_nan & 1) << 2 |
             (uint32_t)((env->rm - IR_RM_NEAREST) & 3) << 3 | (uint32_t)(env->int_rule & 1) << 5;
    fpenv(u->key, &u->fp);
}

/* ---- signals ---- */

static const int greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};

/* A fault in a unit: the state is found as the accelerator finds it. */
static bool unit_fault(struct bench *b, const siginfo_t *info, ucontext_t *uc)
{
    uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    uint64_t start = (uint64_t)(uintptr_t)b->code.rx + b->units_at, pc;
    struct cg_fault_regs r;

    if (rip < start || rip >= start + b->result.size)
        return false;
    if (!cg_point_find(b->result.points, b->result.npoints_bytes, (uint32_t)(rip - start),
                       b->unit.blocks[0].pc, &pc))
        return false;
    for (int i = 0; i < 16; i++)
        r.gpr[i] = (uint64_t)uc->uc_mcontext.gregs[greg_of[i]];
    for (int i = 0; i < 16; i++)
        memcpy(&r.vec[i], &uc->uc_mcontext.fpregs->_xmm[i], 16);
    cg_map_to_state(running_cg, running_map, &r, b->cpu);
    b->cpu->pc = pc;
    b->cpu->fault_addr = (uint64_t)(uintptr_t)info->si_addr;
    uc->uc_mcontext.gregs[REG_RAX] = CPU_EXIT_FAULT;
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)running_cg->stubs.exit_fault;
    return true;
}

static void handler(int sig, siginfo_t *info, void *uctx)
{
    if (sig == SIGSEGV && current && running_cg && unit_fault(current, info, uctx))
        return;
    if (!escapes)
        _exit(128 + sig);
    if (sig == SIGSEGV && in_c) {
        current->cpu->fault_addr = (uint64_t)(uintptr_t)info->si_addr;
        siglongjmp(escape, BENCH_SIGNAL);
    }
    siglongjmp(escape, BENCH_SIGNAL + sig);
}

void bench_watch_signals(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGVTALRM};
    static char memory[HANDLER_STACK];
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};

    if (sigaltstack(&stack, NULL))
        abort();
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &sa, NULL);
}

static void watch(bool on)
{
    struct itimerval t = {.it_value = {.tv_usec = on ? 200000 : 0}};

    setitimer(ITIMER_VIRTUAL, &t, NULL);
}

/* ---- making a bench ---- */

static const uint16_t few_ints[] = {TI_X0, TI_X1, TI_X7, TI_W0};
static const uint16_t few_vecs[] = {TI_V0, TI_D0};
static const uint16_t most_ints[] = {TI_X0, TI_X1, TI_X2, TI_X3, TI_X4, TI_X5, TI_X6, TI_X7, TI_W0};
static const uint16_t most_vecs[] = {TI_V0, TI_V1, TI_V2, TI_V3, TI_D0, TI_D1};
static const uint16_t odd_ints[] = {TI_W1, TI_X6, TI_X3, TI_W0, TI_X0};
static const uint16_t odd_vecs[] = {TI_D1, TI_V3};
#define LIST(a) a, sizeof(a) / sizeof((a)[0])
static const struct {
    const uint16_t *ints;
    size_t nints;
    const uint16_t *vecs;
    size_t nvecs;
} pins[BENCH_PINS] = {
    {NULL, 0, NULL, 0},
    {LIST(few_ints), LIST(few_vecs)},
    {LIST(most_ints), LIST(most_vecs)},
    {LIST(odd_ints), LIST(odd_vecs)},
};

static const char *const without[BENCH_HOSTS] = {
    "", "avx512f,avx512vl,avx512bw,avx512dq,avx512cd,gfni,vaes,vpclmul,sha,bmi2",
    "avx,avx2,fma,f16c", "all"};

static void host_of(unsigned n, struct os_cpu *host)
{
    struct err e;

    os_cpu_detect(host);
    if (without[n][0] && os_cpu_without(host, without[n], &e)) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    /* What the back end takes for granted. */
    host->features |= 1u << OS_CPU_SSE3 | 1u << OS_CPU_SSSE3 | 1u << OS_CPU_SSE41;
}

static void must(int failed, const struct err *e)
{
    if (failed) {
        fprintf(stderr, "%s\n", e->text);
        abort();
    }
}

void bench_init(struct bench *b)
{
    struct os_cpu host;
    struct err e;

    memset(b, 0, sizeof(*b));
    must(os_code_new(&b->code, CODE_SIZE, &e), &e);
    for (unsigned p = 0; p < BENCH_PINS; p++) {
        b->isa[p] = isa_test;
        b->isa[p].fpenv = fpenv;
        b->isa[p].pin_int = pins[p].ints;
        b->isa[p].npin_int = (uint8_t)pins[p].nints;
        b->isa[p].pin_vec = pins[p].vecs;
        b->isa[p].npin_vec = (uint8_t)pins[p].nvecs;
        for (unsigned h = 0; h < BENCH_HOSTS; h++) {
            host_of(h, &host);
            must(cg_new(&b->cg[p][h], &b->isa[p], &host, b->code.rw + b->units_at,
                        (uint64_t)(uintptr_t)b->code.rx + b->units_at, &e),
                 &e);
            b->units_at += CG_STUBS_SIZE;
            b->work[p][h] = cg_work_new(&b->cg[p][h]);
        }
    }
    b->cpu = cpu_new(&b->isa[0]);
    b->memory =
        mmap(NULL, 2 * BENCH_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *stack =
        mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->memory == MAP_FAILED || stack == MAP_FAILED)
        abort();
    uint64_t *base = (uint64_t *)(void *)(stack + STACK_SIZE - 64);
    base[1] = UINT64_MAX;
    b->cpu->jit_sp_base = (uint64_t)(uintptr_t)base;
    ir_unit_init(&b->unit);
    current = b;
}

void bench_free(struct bench *b)
{
    for (unsigned p = 0; p < BENCH_PINS; p++)
        for (unsigned h = 0; h < BENCH_HOSTS; h++)
            cg_work_free(b->work[p][h]);
    os_code_free(&b->code);
    cpu_free(b->cpu);
    munmap(b->memory, 2 * BENCH_PAGE);
    ir_unit_free(&b->unit);
    current = NULL;
}

/* ---- running ---- */

static void set_up(struct bench *b, const struct ir_unit *u, const struct bench_input *in)
{
    struct cpu *c = b->cpu;
    struct ti_state *s = (struct ti_state *)c->state;

    mprotect(b->memory + BENCH_PAGE, BENCH_PAGE, PROT_READ | PROT_WRITE);
    memset(c->state, 0, sizeof(c->state));
    gen_state(c, in->seed, b->memory);
    memset(b->memory + BENCH_PAGE, 0x5a, BENCH_PAGE);
    if (in->faults)
        s->x[7] += BENCH_PAGE / 2 + (uint64_t)(int64_t)in->distance;
    mprotect(b->memory + BENCH_PAGE, BENCH_PAGE, in->read_only ? PROT_READ : PROT_NONE);
    c->key = u->key;
    c->fault_addr = c->exit_arg = c->exit_site = c->helper_pc = 0;
    c->exit_code = 0;
    c->mxcsr_guest = cg_fp_control(&u->fp);
    c->mxcsr_host = 0x1f80;
    c->jit_sp = c->jit_sp_base;
    for (unsigned i = 0; i < CPU_HOT_SIZE; i++)
        c->hot[i] = 1 << 20;
}

static void take_down(struct bench *b, int reason, struct bench_outcome *r)
{
    struct cpu *c = b->cpu;
    bool code = reason == CPU_EXIT_SYSCALL,
         fault = reason == CPU_EXIT_FAULT || reason == CPU_EXIT_ALIGN;

    memset(r, 0, sizeof(*r));
    r->reason = reason;
    r->pc = c->pc;
    r->exit_arg = code ? c->exit_arg : 0;
    r->exit_code = code ? c->exit_code : 0;
    r->fault_addr = fault ? c->fault_addr : 0;
    memcpy(&r->state, c->state, sizeof(r->state));
    memcpy(r->memory, b->memory, sizeof(r->memory));
}

void bench_interpret(struct bench *b, const struct ir_unit *u, const struct bench_input *in,
                     struct bench_outcome *r)
{
    jmp_buf recover;
    volatile int reason;
    int sig;

    b->cpu->isa = u->isa;
    set_up(b, u, in);
    running_cg = NULL;
    sig = sigsetjmp(escape, 1);
    if (sig) {
        reason = sig == BENCH_SIGNAL ? CPU_EXIT_FAULT : sig;
    } else {
        escapes = in_c = 1;
        watch(true);
        b->cpu->recover = &recover;
        if (_setjmp(recover))
            reason = (int)b->cpu->exit_reason;
        else
            reason = ir_interp(u, b->cpu);
    }
    escapes = in_c = 0;
    watch(false);
    b->cpu->recover = NULL;
    take_down(b, reason, r);
}

int bench_compile(struct bench *b, const struct ir_unit *u, const struct bench_config *c)
{
    struct cg_opts o = {.hot_index = c->optimise ? -1 : 5,
                        .poll = true,
                        .optimise = c->optimise,
                        .ra_seed = c->ra_seed};
    volatile int rc;
    int sig;

    gen_copy(&b->unit, u);
    b->unit.isa = &b->isa[c->pins];
    running_cg = NULL;
    sig = sigsetjmp(escape, 1);
    if (sig) {
        rc = sig;
    } else {
        escapes = 1;
        watch(true);
        if (c->passes & 1)
            ir_opt_quick(&b->unit);
        if (c->passes & 2)
            ir_opt_full(&b->unit);
        rc = cg_compile(b->work[c->pins][c->host], &b->unit, &o, b->code.rw + b->units_at,
                        (uint64_t)(uintptr_t)b->code.rx + b->units_at, b->code.size - b->units_at,
                        &b->result);
    }
    escapes = 0;
    watch(false);
    return rc;
}

static void finish(struct bench *b)
{
    struct cpu *c = b->cpu;
    uint64_t start = (uint64_t)(uintptr_t)b->code.rx + b->units_at;
    unsigned flags = cg_fp_status(c->mxcsr_guest);

    if (flags)
        c->isa->fp_status_add(c, flags);
    for (uint32_t i = 0; c->exit_site && i < b->result.nexits; i++)
        if (start + b->result.exits[i].id == c->exit_site) {
            c->pc = b->result.exits[i].pc;
            return;
        }
}

typedef int enter_fn(struct cpu *, uint64_t);

void bench_run(struct bench *b, const struct bench_config *c, const struct bench_input *in,
               struct bench_outcome *r)
{
    const struct cg *cg = &b->cg[c->pins][c->host];
    enter_fn *enter = (enter_fn *)(uintptr_t)cg->stubs.enter;
    struct cpu *cpu = b->cpu;
    jmp_buf recover;
    volatile int reason;
    int sig;

    cpu->isa = cg->isa;
    set_up(b, &b->unit, in);
    for (unsigned i = 0; i < CPU_JCACHE_SIZE; i++)
        cpu->jcache[i] = (struct cpu_jcache){UINT64_MAX, cg->stubs.exit_pc};
    ((uint64_t *)(uintptr_t)cpu->jit_sp_base)[0] = cg->stubs.ret_end;
    running_cg = cg;
    running_map = b->result.map;
    sig = sigsetjmp(escape, 1);
    if (sig) {
        reason = sig;
        _mm_setcsr(0x1f80);
    } else {
        escapes = 1;
        watch(true);
        cpu->recover = &recover;
        if (_setjmp(recover)) { /* cpu_leave() from a helper */
            cpu->mxcsr_guest = _mm_getcsr();
            _mm_setcsr(cpu->mxcsr_host);
            reason = (int)cpu->exit_reason;
        } else {
            reason = enter(cpu, (uint64_t)(uintptr_t)b->code.rx + b->units_at + b->result.entry);
        }
    }
    escapes = 0;
    watch(false);
    running_cg = NULL;
    cpu->recover = NULL;
    finish(b);
    take_down(b, reason, r);
}

void bench_normalise(struct bench_outcome *r, const struct bench_config *c)
{
    r->state.nzcv &= IR_NZCV_N | IR_NZCV_Z | IR_NZCV_C | IR_NZCV_V;
    if (c->passes && (r->reason == CPU_EXIT_FAULT || r->reason == CPU_EXIT_ALIGN))
        r->state.nzcv = 0;
}

/* ---- telling ---- */

void bench_print(const struct ir_unit *u, const char *title)
{
    size_t size = 1 << 20;
    char *text = malloc(size);
    struct ir_unit copy;

    if (!text)
        abort();
    ir_unit_init(&copy);
    gen_copy(&copy, u);
    opt_compact(&copy);
    ir_print(&copy, text, size);
    fprintf(stderr, "---- %s\n%s", title, text);
    ir_unit_free(&copy);
    free(text);
}

#define TELL(what, a, b)                                                                    \
    do {                                                                                    \
        if ((a) != (b))                                                                     \
            fprintf(stderr, "%-8s want %" PRIx64 " got %" PRIx64 "\n", what, (uint64_t)(a), \
                    (uint64_t)(b));                                                         \
    } while (0)

void bench_explain(const struct bench_outcome *want, const struct bench_outcome *got)
{
    char name[16];

    TELL("reason", want->reason, got->reason);
    TELL("pc", want->pc, got->pc);
    TELL("exit_arg", want->exit_arg, got->exit_arg);
    TELL("code", want->exit_code, got->exit_code);
    TELL("fault at", want->fault_addr, got->fault_addr);
    for (unsigned i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "x%u", i);
        TELL(name, want->state.x[i], got->state.x[i]);
    }
    for (unsigned i = 0; i < 8; i++) {
        uint64_t a, b;

        memcpy(&a, &want->state.v[i / 2][8 * (i % 2)], 8);
        memcpy(&b, &got->state.v[i / 2][8 * (i % 2)], 8);
        snprintf(name, sizeof(name), "v%u.%c", i / 2, i % 2 ? 'h' : 'l');
        TELL(name, a, b);
    }
    for (unsigned i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "d%u w%u", i, i);
        TELL(name, want->state.d[i], got->state.d[i]);
        TELL(name, want->state.w[i], got->state.w[i]);
    }
    TELL("nzcv", want->state.nzcv, got->state.nzcv);
    TELL("count", want->state.count, got->state.count);
    TELL("fpflags", want->state.fpflags, got->state.fpflags);
    for (unsigned i = 0; i < BENCH_PAGE; i++)
        if (want->memory[i] != got->memory[i])
            fprintf(stderr, "memory %x want %02x got %02x\n", i, want->memory[i], got->memory[i]);
}
