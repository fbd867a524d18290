/* Locks, signals, atomics, pipes and children on all processors at once, inside a guest. Ends with "stress well", or
 * says what went wrong. Knows nothing of the machine. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 3000, SIGNALS = 200, CHILDREN = 20 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    pthread_spinlock_t spin;
    long locked, spun, at;
    _Atomic long added, swapped;
    _Atomic int signals;
    pthread_t threads[THREADS];
    pthread_barrier_t all;
} s;

static void bad(const char *what, long is, long should)
{
    printf("%s: %ld, not %ld\n", what, is, should);
    fflush(stdout);
    _exit(1);
}

static void on_signal(int n)
{
    (void)n;
    s.signals++;
}

/* Counters under every kind of lock; a token that goes round; signals to a neighbour, which interrupt all of it. */
static void *worker(void *arg)
{
    long self = (long)arg;

    pthread_barrier_wait(&s.all);
    for (long i = 0; i < ROUNDS; i++) {
        long old = s.swapped;

        pthread_mutex_lock(&s.lock);
        s.locked++;
        pthread_mutex_unlock(&s.lock);
        pthread_spin_lock(&s.spin);
        s.spun++;
        pthread_spin_unlock(&s.spin);
        s.added++;
        while (!atomic_compare_exchange_weak(&s.swapped, &old, old + 1)) {
        }
        if (i % (ROUNDS / SIGNALS) == 0)
            pthread_kill(s.threads[self ^ 1], SIGUSR1);
    }
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&s.lock);
        while (s.at % THREADS != self)
            pthread_cond_wait(&s.turn, &s.lock);
        s.at++;
        pthread_cond_broadcast(&s.turn);
        pthread_mutex_unlock(&s.lock);
    }
    return NULL;
}

/* Memory that is mapped, written, protected and given back while others run: their TLBs must follow. */
static void *mapper(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&s.all);
    for (long i = 0; i < 200; i++) {
        long *p = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        for (long n = 0; n < 1 << 13; n += 512) {
            if (p[n])
                bad("fresh memory", p[n], 0);
            p[n] = i + n + 1;
        }
        mprotect(p, 1 << 16, PROT_READ);
        for (long n = 0; n < 1 << 13; n += 512)
            if (p[n] != i + n + 1)
                bad("mapped memory", p[n], i + n + 1);
        munmap(p, 1 << 16);
    }
    return NULL;
}

static void children(void)
{
    long sum = 0;
    int fd[2];

    if (pipe(fd))
        bad("pipe", 1, 0);
    for (int i = 0; i < CHILDREN; i++) {
        if (fork() == 0) {
            long part = 0;

            for (long n = 0; n < 20000; n++)
                part += n % (i + 1);
            _exit(write(fd[1], &part, sizeof part) != sizeof part);
        }
    }
    close(fd[1]);
    for (long part; read(fd[0], &part, sizeof part) == sizeof part;)
        sum += part;
    close(fd[0]);
    for (int i = 0, status; i < CHILDREN; i++)
        if (wait(&status) < 0 || status)
            bad("a child's status", status, 0);
    for (int i = 0; i < CHILDREN; i++)
        for (long n = 0; n < 20000; n++)
            sum -= n % (i + 1);
    if (sum)
        bad("the children's sums", sum, 0);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    pthread_t more;

    sigaction(SIGUSR1, &action, NULL);
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.turn, NULL);
    pthread_spin_init(&s.spin, PTHREAD_PROCESS_PRIVATE);
    pthread_barrier_init(&s.all, NULL, THREADS + 2);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&s.threads[i], NULL, worker, (void *)i);
    pthread_create(&more, NULL, mapper, NULL);
    pthread_barrier_wait(&s.all);
    children();
    for (int i = 0; i < THREADS; i++)
        pthread_join(s.threads[i], NULL);
    pthread_join(more, NULL);
    if (s.locked != THREADS * ROUNDS)
        bad("under the mutex", s.locked, THREADS * ROUNDS);
    if (s.spun != THREADS * ROUNDS)
        bad("under the spin lock", s.spun, THREADS * ROUNDS);
    if (s.added != THREADS * ROUNDS || s.swapped != THREADS * ROUNDS)
        bad("atomically", s.added, THREADS * ROUNDS);
    if (s.at != THREADS * 100)
        bad("turns", s.at, THREADS * 100);
    if (!s.signals)
        bad("signals", 0, 1);
    puts("stress well");
    return 0;
}
