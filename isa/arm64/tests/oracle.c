/* The oracle's half of the differential test: an arm64 Linux program, to be run by an independent
 * implementation (hardware or another emulator). It runs each test of a file and writes how it
 * ended.
 *
 * oracle TESTS RESULTS. Built freestanding of Myna: aarch64-linux-gnu-gcc -O2 -static. A test is
 * started by returning from the signal handler with its state, and ends in the next signal.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "vector.h"

static struct vec_head head;
static uint32_t *words;
static struct vec_state *results;
static uint64_t at; /* the test that runs */
static int started;
static uint64_t *const data = (uint64_t *)VEC_DATA;

static struct fpsimd_context *vectors(mcontext_t *m)
{
    return (struct fpsimd_context *)m->__reserved; /* always the first record */
}

static void record(int signal, mcontext_t *m)
{
    struct vec_state *s = &results[at];
    struct fpsimd_context *f = vectors(m);

    memcpy(s->x, m->regs, sizeof(s->x));
    s->sp = m->sp;
    s->pc = m->pc;
    s->nzcv = (uint32_t)m->pstate & 0xf0000000u;
    s->fpcr = f->fpcr;
    s->fpsr = f->fpsr;
    s->signal = (uint32_t)signal;
    memcpy(s->v, f->vregs, sizeof(s->v));
    s->memory = vec_memory_hash(data);
}

static void start(mcontext_t *m)
{
    struct vec_state s;
    struct fpsimd_context *f = vectors(m);

    vec_state_make(head.seed, at, words[at], &s);
    vec_memory_fill(head.seed, at, data);
    memcpy(m->regs, s.x, sizeof(s.x));
    m->sp = s.sp;
    m->pc = s.pc;
    m->pstate = (m->pstate & 0x0fffffff) | s.nzcv;
    f->fpcr = s.fpcr;
    f->fpsr = s.fpsr;
    memcpy(f->vregs, s.v, sizeof(s.v));
}

static void handler(int signal, siginfo_t *info, void *context)
{
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;

    (void)info;
    if (started) {
        record(signal, m);
        at++;
    }
    started = 1;
    if (at == head.count) {
        const char *bytes = (const char *)results;
        size_t left = head.count * sizeof(*results);

        while (left) {
            ssize_t n = write(3, bytes, left);

            if (n <= 0)
                _exit(3);
            bytes += n;
            left -= (size_t)n;
        }
        _exit(0);
    }
    start(m);
}

int main(int argc, char **argv)
{
    static char stack[65536];
    const int signals[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGILL};
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = handler,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    const int fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    FILE *in = argc == 3 ? fopen(argv[1], "rb") : NULL;
    uint32_t *code;
    int out;

    if (!in || fread(&head, sizeof(head), 1, in) != 1 || head.magic != VEC_MAGIC)
        return 2;
    words = calloc(head.count, sizeof(*words));
    results = calloc(head.count, sizeof(*results));
    if (!words || !results || fread(words, sizeof(*words), head.count, in) != head.count)
        return 2;
    out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (dup2(out, 3) != 3)
        return 2;
    code = mmap((void *)VEC_CODE, head.count * 8, PROT_READ | PROT_WRITE, fixed, -1, 0);
    if (code == MAP_FAILED ||
        mmap(data, VEC_AREA, PROT_READ | PROT_WRITE, fixed, -1, 0) == MAP_FAILED)
        return 2;
    for (uint64_t i = 0; i < head.count; i++) {
        code[2 * i] = words[i];
        code[2 * i + 1] = VEC_BRK;
    }
    if (mprotect(code, head.count * 8, PROT_READ | PROT_EXEC))
        return 2;
    __builtin___clear_cache((char *)code, (char *)(code + 2 * head.count));
    sigaltstack(&alternate, NULL);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    __builtin_trap();
}
