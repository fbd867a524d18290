/*
 * Threads, locks and conditions: thin over POSIX threads. Locks do not nest and are not fair.
 *
 * A lock operation that fails is a bug and aborts. Statically zeroed locks are not valid:
 * initialise.
 */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct os_thread {
    pthread_t handle;
};

struct os_mutex {
    pthread_mutex_t handle;
};

struct os_cond {
    pthread_cond_t handle;
};

/* For the few locks that are static. */
#define OS_MUTEX_STATIC \
    {                   \
        PTHREAD_MUTEX_INITIALIZER \
    }

/* Starts run(arg) with all signals blocked but those of faults: signals of the guest go to guest
 * threads only. stack_size 0: the host's default. name (at most 15 characters) is for debuggers. */
int must_check os_thread_start(struct os_thread *thread, const char *name, size_t stack_size,
                               void *(*run)(void *arg), void *arg, struct err *e);
void *os_thread_join(struct os_thread *thread);

/* The kernel's id of the calling thread. */
int os_thread_id(void);

/* Processors that this process may use; at least 1. */
unsigned os_cpu_count(void);

void os_mutex_init(struct os_mutex *m);
/* The same, and the lock knows its owner: os_mutex_lock_for() by the owner fails at once. Not for locks that
 * are held across fork(). */
void os_mutex_init_owned(struct os_mutex *m);
void os_mutex_destroy(struct os_mutex *m);
/* False when it was not to be had for so long. */
bool must_check os_mutex_lock_for(struct os_mutex *m, int64_t nanoseconds);
void os_cond_init(struct os_cond *c);
void os_cond_destroy(struct os_cond *c);
void os_cond_wait(struct os_cond *c, struct os_mutex *m);
/* Returns false when `nanoseconds` went by without a signal. */
bool os_cond_wait_for(struct os_cond *c, struct os_mutex *m, int64_t nanoseconds);
void os_cond_signal(struct os_cond *c);
void os_cond_broadcast(struct os_cond *c);

static inline void os_mutex_lock(struct os_mutex *m)
{
    int rc = pthread_mutex_lock(&m->handle);

    assert(!rc);
    (void)rc;
}

static inline bool os_mutex_trylock(struct os_mutex *m)
{
    return !pthread_mutex_trylock(&m->handle);
}

static inline void os_mutex_unlock(struct os_mutex *m)
{
    int rc = pthread_mutex_unlock(&m->handle);

    assert(!rc);
    (void)rc;
}

#endif
