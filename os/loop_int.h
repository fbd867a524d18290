/* Private to os/loop*.c. */
#ifndef OS_LOOP_INT_H
#define OS_LOOP_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "os/loop.h"
#include "os/thread.h"

struct os_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t limit; /* of os_loop_once() when nothing is left that could happen */
    _Atomic pthread_t owner;
    _Atomic bool stopping;
    _Atomic int busy; /* watches and timers that may call */
    struct os_mutex lock;
    struct os_task *posted, **posted_end; /* under the lock */
    struct os_task *ready;                /* of this turn; under the lock */
};

/* Closes a handle that is the first member of `object`, then frees the object. */
void os_loop_close(uv_handle_t *handle);
#endif
