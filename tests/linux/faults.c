/* Synchronous signals: address, code, contexts that a handler changes, alternate stacks, SIGBUS,
 * trap, and death by them. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

static sigjmp_buf back;
static siginfo_t seen;
static char *page;
static volatile int on_stack;
static char stack[65536];

static void jump(int sig, siginfo_t *info, void *context)
{
    char here;

    (void)context;
    seen = *info;
    on_stack = &here >= stack && &here < stack + sizeof(stack);
    siglongjmp(back, sig);
}

static void open_page(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    seen = *info;
    CHECK(mprotect((void *)((unsigned long)info->si_addr & ~4095ul), 4096,
                   PROT_READ | PROT_WRITE) == 0);
}

/* Flags made before an access that faults, and read after a handler has mended it. */
static int flags_over_a_fault(volatile char *at, long a, long b)
{
    int less;

#if defined(__aarch64__)
    __asm__ volatile(
        "cmp %2, %3\n\tldrb %w0, [%1]\n\tb.lt 1f\n\tcmp xzr, xzr\n\tmov %w0, 0\n\tb 2f\n"
        "1:\tcmp xzr, xzr\n\tmov %w0, 1\n2:"
        : "=&r"(less)
        : "r"(at), "r"(a), "r"(b)
        : "cc", "memory");
#else /* no flags */
    (void)*at;
    less = a < b;
#endif
    return less;
}

static void set(int sig, void *handler, int flags)
{
    struct sigaction sa = {.sa_flags = flags | SA_SIGINFO};

    sa.sa_sigaction = handler;
    sigemptyset(&sa.sa_mask);
    CHECK(sigaction(sig, &sa, NULL) == 0);
}

static void try(const char *what, volatile char *at, int write)
{
    int sig = sigsetjmp(back, 1);

    if (sig) {
        printf("%s: signal %d code %d address %s\n", what, sig, seen.si_code,
               seen.si_addr == (void *)at ? "right" : "wrong");
        return;
    }
    if (write)
        *at = 1;
    else
        (void)*at;
    printf("%s: no fault\n", what);
}

/* Atomic and ordered accesses must be aligned on arm64 without FEAT_LSE2; elsewhere the rule
 * differs. */
static void misaligned(const char *what, int kind)
{
    char *at = page + 4096 - 6; /* over two cache lines, inside the page */
    int sig = sigsetjmp(back, 1);

    if (!sig) {
#if defined(__aarch64__)
        long v = 0;

        switch (kind) {
        case 0:
            __asm__ volatile("ldar %0, [%1]" : "=r"(v) : "r"(at) : "memory");
            break;
        case 1:
            __asm__ volatile("stlr %0, [%1]" : : "r"(v), "r"(at) : "memory");
            break;
        case 2:
            __asm__ volatile("ldxr %0, [%1]" : "=r"(v) : "r"(at) : "memory");
            break;
        case 3:
            __asm__ volatile(".arch armv8.1-a\n\tldadd %0, %0, [%1]"
                             : "+r"(v)
                             : "r"(at)
                             : "memory");
            break;
        default:
            __asm__ volatile(".arch armv8.1-a\n\tcas %0, %0, [%1]" : "+r"(v) : "r"(at) : "memory");
        }
        sig = 0;
#else
        (void)kind;
        seen.si_code = BUS_ADRALN;
        seen.si_addr = at;
        sig = SIGBUS;
#endif
    }
    printf("misaligned %s: signal %d code %d address %s\n", what, sig, seen.si_code,
           seen.si_addr == at ? "right" : "wrong");
}

static void bus(void)
{
    char name[] = "/tmp/faultsXXXXXX";
    int fd = mkstemp(name);
    char *map;

    unlink(name);
    CHECK(ftruncate(fd, 4096) == 0);
    map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    try("inside the file", map + 100, 1);
    try("behind the file", map + 4096 + 16, 0);
}

static int dies_of(void (*what)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        for (int sig = 1; sig < 32; sig++)
            if (sig != SIGKILL && sig != SIGSTOP)
                signal(sig, SIG_DFL);
        what();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void null_write(void)
{
    *(volatile int *)8 = 1;
}

static void call_data(void)
{
    ((void (*)(void))(void *)page)();
}

static void blocked_fault(void)
{
    sigset_t s;

    sigfillset(&s);
    sigprocmask(SIG_SETMASK, &s, NULL);
    null_write();
}

static void ignored_fault(void)
{
    signal(SIGSEGV, SIG_IGN);
    null_write();
}

static void overflow(int depth)
{
    volatile char use[4096];

    use[0] = (char)depth;
    overflow(depth + use[0] * 0 + 1);
    use[1] = use[0];
}

int main(void)
{
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;
    volatile int runs = 0;
    int sig;

    page = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 3 * 4096, 4096);
    CHECK(mprotect(page + 4096, 4096, PROT_READ) == 0);
    CHECK(mprotect(page + 2 * 4096, 4096, PROT_NONE) == 0);
    set(SIGSEGV, jump, 0);
    set(SIGBUS, jump, 0);
    try("mapped", page + 5, 1);
    try("null", (char *)0, 0);
    try("null page write", (char *)0x123, 1);
    try("read-only", page + 4096 + 7, 1);
    try("none", page + 2 * 4096 + 9, 0);
    try("unmapped", page + 3 * 4096 + 11, 0);
    bus();
    misaligned("load-acquire", 0);
    misaligned("store-release", 1);
    misaligned("exclusive", 2);
    misaligned("add", 3);
    misaligned("compare and swap", 4);

    sig = sigsetjmp(back, 1);
    if (!sig)
        call_data();
    printf("execute data: signal %d code %d address %s\n", sig, seen.si_code,
           seen.si_addr == page ? "right" : "wrong");

    set(SIGSEGV, open_page, 0);
    page[2 * 4096 + 100] = 5;
    printf("repaired: %d, address %s\n", page[2 * 4096 + 100],
           seen.si_addr == page + 2 * 4096 + 100 ? "right" : "wrong");

    for (int i = 0; i < 40; i++) {
        CHECK(mprotect(page + 2 * 4096, 4096, PROT_NONE) == 0);
        CHECK(flags_over_a_fault(page + 2 * 4096, i % 2, 1) == (i % 2 < 1));
    }

    CHECK(sigaltstack(&ss, NULL) == 0);
    set(SIGSEGV, jump, SA_ONSTACK);
    sig = sigsetjmp(back, 1);
    if (!sig && runs++ == 0)
        overflow(1);
    printf("overflow: signal %d on the other stack %d\n", sig, on_stack);
    CHECK(sigaltstack(NULL, &old) == 0);
    printf("altstack: %d %d\n", old.ss_sp == stack, old.ss_flags);
    ss.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&ss, NULL) == 0);

    CHECK(write(-1, page, 1) == -1 && errno == EBADF);
    CHECK(write(1, (void *)16, 1) == -1 && errno == EFAULT);
    CHECK(open((char *)16, O_RDONLY) == -1 && errno == EFAULT);

    printf("dies: %d %d %d %d\n", dies_of(null_write), dies_of(call_data), dies_of(blocked_fault),
           dies_of(ignored_fault));
    printf("abort: %d\n", dies_of(abort));
    fflush(stdout);
    signal(SIGSEGV, SIG_DFL);
    null_write();
    return 0;
}
