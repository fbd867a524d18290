/* Threads: start and join, mutexes, conditions, thread-local storage, directed signals, exec and
 * exit from threads, robust and priority-inheriting mutexes. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 8, ROUNDS = 20000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long total;
static atomic_long atomic_total;
static __thread int mine = 5;
static int turn;
static atomic_int signalled;
static sem_t sem;

static void *adder(void *arg)
{
    mine += (int)(long)arg;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        total++;
        pthread_mutex_unlock(&lock);
        atomic_fetch_add(&atomic_total, 2);
    }
    pthread_barrier_wait(&barrier);
    return (void *)(long)mine;
}

static void *pingpong(void *arg)
{
    int me = (int)(long)arg;

    for (int i = 0; i < 300; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me)
            pthread_cond_wait(&cond, &lock);
        turn = 1 - me;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void on_signal(int sig)
{
    (void)sig;
    atomic_store(&signalled, (int)syscall(SYS_gettid));
}

static void *waiter(void *arg)
{
    *(int *)arg = (int)syscall(SYS_gettid);
    sem_post(&sem);
    while (!atomic_load(&signalled))
        usleep(1000);
    return (void *)(long)(atomic_load(&signalled) == *(int *)arg);
}

static void *dies_holding(void *mutex)
{
    pthread_mutex_lock(mutex);
    return NULL;
}

static void *quick(void *arg)
{
    return arg;
}

static void *cancelled(void *arg)
{
    (void)arg;
    for (;;)
        sleep(100);
    return NULL;
}

static void *ends_process(void *arg)
{
    (void)arg;
    exit(33);
}

static void *outlives_main(void *arg)
{
    (void)arg;
    usleep(30000);
    _exit(44);
}

static int in_child(void (*what)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        what();
        _exit(1);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void exit_in_thread(void)
{
    pthread_t t;

    pthread_create(&t, NULL, ends_process, NULL);
    pause();
}

static void leader_first(void)
{
    pthread_t t;

    pthread_create(&t, NULL, outlives_main, NULL);
    pthread_exit(NULL);
}

static void *do_exec(void *arg)
{
    execl("/proc/self/exe", "threads", "child", NULL);
    return arg;
}

static void exec_in_thread(void)
{
    pthread_t t;

    pthread_create(&t, NULL, do_exec, NULL);
    pthread_join(t, NULL);
}

static void mutexes(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t m, *shared;
    pthread_t t;
    int status;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&m, &attr);
    pthread_create(&t, NULL, dies_holding, &m);
    pthread_join(t, NULL);
    printf("robust: %s\n", pthread_mutex_lock(&m) == EOWNERDEAD ? "EOWNERDEAD" : "?");
    pthread_mutex_consistent(&m);
    pthread_mutex_unlock(&m);

    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(shared, &attr);
    if (fork() == 0) {
        pthread_mutex_lock(shared);
        _exit(0);
    }
    wait(&status);
    printf("robust, process: %s\n", pthread_mutex_lock(shared) == EOWNERDEAD ? "EOWNERDEAD" : "?");

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&m, &attr);
    CHECK(pthread_mutex_lock(&m) == 0);
    CHECK(pthread_mutex_unlock(&m) == 0);
}

int main(int argc, char **argv)
{
    pthread_t t[THREADS];
    long sum = 0;
    void *result;
    int tid;

    if (argc > 1 && !strcmp(argv[1], "child"))
        return 55;
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, adder, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], &result);
        sum += (long)result;
    }
    printf("total %ld atomic %ld tls %ld mine %d\n", total, atomic_load(&atomic_total), sum, mine);
    for (long i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, pingpong, (void *)i);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    puts("pingpong");
    sem_init(&sem, 0, 0);
    signal(SIGUSR1, on_signal);
    pthread_create(&t[0], NULL, waiter, &tid);
    sem_wait(&sem);
    pthread_kill(t[0], SIGUSR1);
    pthread_join(t[0], &result);
    printf("directed: %ld\n", (long)result);
    for (int i = 0; i < 300; i++) {
        pthread_create(&t[0], NULL, quick, (void *)(long)i);
        pthread_join(t[0], &result);
        CHECK((long)result == i);
    }
    pthread_create(&t[0], NULL, cancelled, NULL);
    pthread_cancel(t[0]);
    pthread_join(t[0], &result);
    printf("cancelled: %d\n", result == PTHREAD_CANCELED);
    mutexes();
    fflush(stdout);
    printf("exit in thread: %d\n", in_child(exit_in_thread));
    printf("leader first: %d\n", in_child(leader_first));
    printf("exec in thread: %d\n", in_child(exec_in_thread));
    return 0;
}
