/* Code that goes away while others run it: a thread maps functions, lets them be called and unmaps
 * them, as dlopen() and dlclose() do, in a race with threads that call; and a mapping of code that is
 * longer than its file. Callers see the function's result or a clean fault, nothing else. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#if defined(__aarch64__) /* add w0, w0, #1; ret */
static const uint32_t code[] = {0x11000400, 0xd65f03c0};
#elif defined(__riscv) /* addiw a0, a0, 1; ret */
static const uint32_t code[] = {0x0015051b, 0x00008067};
#else /* lea eax, [rdi + 1]; ret; nops */
static const uint32_t code[] = {0xc301478d, 0x90909090};
#endif

enum { PAGES = 8, CALLERS = 3, ROUNDS = 400, FUNCTIONS = 4096 * PAGES / sizeof(code) };
typedef int function(int);

static char *area;
static atomic_bool over;
static atomic_int called, wrong, strange;
static _Thread_local sigjmp_buf back;
static _Thread_local void *volatile target;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    if ((uintptr_t)info->si_addr - (uintptr_t)target >= sizeof(code))
        atomic_fetch_add(&strange, 1);
    siglongjmp(back, sig);
}

/* Whether the function could be called. */
static int call(function *f)
{
    target = (void *)f;
    if (sigsetjmp(back, 1))
        return 0;
    if (f(41) != 42)
        atomic_fetch_add(&wrong, 1);
    return 1;
}

static void *caller(void *arg)
{
    unsigned at = (unsigned)(uintptr_t)arg;

    while (!over) {
        int good = 0;

        for (int i = 0; i < 200; i++) { /* some are hot, most are new */
            at = at * 1103515245 + 12345;
            good += call((function *)(area + (at >> 8) % (i & 1 ? 4 : FUNCTIONS) * sizeof(code)));
        }
        atomic_fetch_add(&called, good);
    }
    return NULL;
}

static void fill(char *to)
{
    for (int i = 0; i < FUNCTIONS; i++)
        memcpy(to + i * sizeof(code), code, sizeof(code));
    __builtin___clear_cache(to, to + PAGES * 4096);
}

static void race(void)
{
    pthread_t threads[CALLERS];

    area = mmap(NULL, PAGES * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (uintptr_t i = 0; i < CALLERS; i++)
        pthread_create(&threads[i], NULL, caller, (void *)i);
    for (int i = 0; i < ROUNDS; i++) {
        int before = called;

        CHECK(mmap(area, PAGES * 4096, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area);
        fill(area);
        CHECK(mprotect(area, PAGES * 4096, PROT_READ | PROT_EXEC) == 0);
        for (int n = 0; n < 10000 && called == before; n++)
            usleep(i % 3 * 200);
        if (i & 1)
            CHECK(mprotect(area, PAGES * 4096, PROT_NONE) == 0);
        else
            CHECK(munmap(area, PAGES * 4096) == 0);
    }
    over = 1;
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    printf("race: called %d wrong %d strange %d\n", called > 0, wrong, strange);
}

static void short_file(void)
{
    char name[] = "/tmp/myna-unmap-XXXXXX";
    int fd = mkstemp(name), sig;
    char *at;

    CHECK(fd >= 0 && ftruncate(fd, PAGES * 4096) == 0);
    at = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(at != MAP_FAILED);
    fill(at);
    CHECK(mprotect(at, PAGES * 4096, PROT_READ | PROT_EXEC) == 0);
    printf("file: %d", call((function *)(at + 4096 - sizeof(code))));
    CHECK(ftruncate(fd, 4096) == 0);
    printf(" %d", call((function *)(at + 4096 - 2 * sizeof(code))));
    target = at + 4096;
    sig = sigsetjmp(back, 1);
    if (!sig)
        ((function *)(at + 4096))(1);
    printf(" %s\n", sig == SIGBUS ? "SIGBUS" : sig ? "another signal" : "nothing");
    unlink(name);
}

int main(void)
{
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

    sigaction(SIGSEGV, &act, NULL);
    sigaction(SIGBUS, &act, NULL);
    race();
    short_file();
    printf("strange %d\n", strange);
    return 0;
}
