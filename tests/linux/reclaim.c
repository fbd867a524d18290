/* Threads that call many functions, change code, map and unmap it, and take signals: the
 * translator's cache is reclaimed again and again (run it with a small one), and every result must
 * stay right. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "check.h"

enum { THREADS = 4, ROUNDS = 60 };

static atomic_uint signals, shared;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned guarded;

/* Many functions of some size, none like the other. */
#define F(n)                                                                     \
    static __attribute__((noinline)) uint64_t f##n(uint64_t x, unsigned k)       \
    {                                                                            \
        for (unsigned i = 0; i < k % 7; i++)                                     \
            x = (x ^ x >> (n % 13 + 1)) * (2 * n##ull + 0x9e3779b97f4a7c15ull) + \
                (x << (n % 5) > n);                                              \
        switch (x % 5) {                                                         \
        case 0:                                                                  \
            return x + n;                                                        \
        case 1:                                                                  \
            return x * 3 - n;                                                    \
        case 2:                                                                  \
            return x ^ (uint64_t)n << 7;                                         \
        case 3:                                                                  \
            return x >> 1 | (uint64_t)n << 40;                                   \
        default:                                                                 \
            return x - n;                                                        \
        }                                                                        \
    }
#define F10(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7) F(n##8) F(n##9)
#define F100(n) \
    F10(n##0)   \
    F10(n##1) F10(n##2) F10(n##3) F10(n##4) F10(n##5) F10(n##6) F10(n##7) F10(n##8) F10(n##9)
F100(1)
F100(2) F100(3) F100(4) F100(5)
#define P(n)   f##n,
#define P10(n) P(n##0) P(n##1) P(n##2) P(n##3) P(n##4) P(n##5) P(n##6) P(n##7) P(n##8) P(n##9)
#define P100(n) \
    P10(n##0)   \
    P10(n##1) P10(n##2) P10(n##3) P10(n##4) P10(n##5) P10(n##6) P10(n##7) P10(n##8) P10(n##9)
    typedef uint64_t fn(uint64_t, unsigned);
static fn *const all[500] = {P100(1) P100(2) P100(3) P100(4) P100(5)};

/* A function that returns a constant, as machine code. */
static void write_code(uint32_t *at, unsigned value)
{
#if defined(__aarch64__)
    at[0] = 0x52800000 | (value & 0xffff) << 5; /* mov w0, value */
    at[1] = 0xd65f03c0;                         /* ret */
#elif defined(__riscv)
    at[0] = 0x00000513 | (value & 0x7ff) << 20; /* li a0, value */
    at[1] = 0x00008067;
#else
    uint8_t *b = (uint8_t *)at;
    b[0] = 0xb8;
    memcpy(b + 1, &(uint32_t){value}, 4);
    b[5] = 0xc3;
#endif
    __builtin___clear_cache((char *)at, (char *)(at + 2));
}

static void on_signal(int sig)
{
    (void)sig;
    uint64_t x = 1;
    for (unsigned i = 0; i < 20; i++)
        x = all[(i * 37) % 500](x, i);
    if (x)
        atomic_fetch_add(&signals, 1);
}

static void own_code(unsigned id, unsigned round, uint32_t **page)
{
    unsigned value = (id * 251 + round * 17) & 0x7ff;
    if (round % 8 == 0) {
        if (*page)
            munmap(*page, 4096);
        *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
        CHECK(*page != MAP_FAILED);
    }
    write_code(*page + 16 * (round % 8), value);
    for (unsigned i = 0; i < 40; i++)
        if (((int (*)(void))(*page + 16 * (round % 8)))() != (int)value) {
            printf("old code ran\n");
            return;
        }
    write_code(*page, value ^ 1);
    if (((int (*)(void)) * page)() != (int)(value ^ 1))
        printf("old code ran after a change\n");
}

static void *work(void *arg)
{
    unsigned id = (unsigned)(uintptr_t)arg;
    uint64_t x = id + 1;
    uint32_t *page = NULL;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < 500; i++) {
            x = all[(i * (2 * id + 1) + round) % 500](x, i + round);
            if (i % 50 == 0) {
                atomic_fetch_add(&shared, 1);
                pthread_mutex_lock(&mutex);
                guarded++;
                pthread_mutex_unlock(&mutex);
            }
        }
        own_code(id, round, &page);
        if (round % 10 == 3)
            pthread_kill(pthread_self(), SIGUSR1);
    }
    return (void *)(uintptr_t)x;
}

int main(void)
{
    pthread_t t[THREADS];
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGUSR1, &sa, NULL);
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < THREADS; i++)
            CHECK(!pthread_create(&t[i], NULL, work, (void *)(uintptr_t)(i + turn)));
        for (unsigned i = 0; i < THREADS; i++) {
            void *r;
            CHECK(!pthread_join(t[i], &r));
            printf("thread %u: %llx\n", i, (unsigned long long)(uintptr_t)r);
        }
    }
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(atomic_load(&signals) >= THREADS * 3 * ROUNDS / 10);
    printf("shared %u guarded %u\n", atomic_load(&shared), guarded);
    return 0;
}
