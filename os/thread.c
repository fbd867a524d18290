/*
 * Owns thread creation and conditions. Must not know what the threads do.
 */
#include "os/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int os_thread_start(struct os_thread *thread, const char *name, size_t stack_size,
                    void *(*run)(void *arg), void *arg, struct err *e)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    sigset_t all, old;
    pthread_attr_t attr;
    int rc;

    pthread_attr_init(&attr);
    if (stack_size)
        pthread_attr_setstacksize(&attr, stack_size);
    sigfillset(&all);
    for (unsigned i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&thread->handle, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc)
        return err_set(e, rc, "cannot start the %s thread", name);
    pthread_setname_np(thread->handle, name);
    return 0;
}

void *os_thread_join(struct os_thread *thread)
{
    void *result = NULL;

    pthread_join(thread->handle, &result);
    return result;
}

int os_thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

unsigned os_cpu_count(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    return 1;
}

void os_mutex_init(struct os_mutex *m)
{
    pthread_mutex_init(&m->handle, NULL);
}

void os_mutex_init_owned(struct os_mutex *m)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&m->handle, &attr);
    pthread_mutexattr_destroy(&attr);
}

void os_mutex_destroy(struct os_mutex *m)
{
    pthread_mutex_destroy(&m->handle);
}

bool os_mutex_lock_for(struct os_mutex *m, int64_t nanoseconds)
{
    struct timespec until;
    int rc = pthread_mutex_trylock(&m->handle);

    if (rc != EBUSY)
        return rc == 0;
    /* pthread_mutex_clocklock() is young; a step of the wall clock only makes this wait shorter or
     * longer. */
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += nanoseconds / 1000000000;
    until.tv_nsec += nanoseconds % 1000000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_mutex_timedlock(&m->handle, &until) == 0;
}

void os_cond_init(struct os_cond *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->handle, &attr);
    pthread_condattr_destroy(&attr);
}

void os_cond_destroy(struct os_cond *c)
{
    pthread_cond_destroy(&c->handle);
}

void os_cond_wait(struct os_cond *c, struct os_mutex *m)
{
    pthread_cond_wait(&c->handle, &m->handle);
}

bool os_cond_wait_for(struct os_cond *c, struct os_mutex *m, int64_t nanoseconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += nanoseconds / 1000000000;
    until.tv_nsec += nanoseconds % 1000000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_cond_timedwait(&c->handle, &m->handle, &until) != ETIMEDOUT;
}

void os_cond_signal(struct os_cond *c)
{
    pthread_cond_signal(&c->handle);
}

void os_cond_broadcast(struct os_cond *c)
{
    pthread_cond_broadcast(&c->handle);
}
