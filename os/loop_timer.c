/* Timers of a loop. libuv's own count milliseconds, too coarse for a guest's clock: on Linux a
 * timerfd is watched instead, which any thread may set. Elsewhere a setting is posted to the loop
 * and rounded up.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "os/loop.h"
#include "os/loop_int.h"
#include "os/time.h"

#ifdef __linux__
#include <sys/timerfd.h>
#include <unistd.h>

struct os_timer {
    struct os_watch *watch;
    struct os_loop *loop;
    int fd;
    _Atomic bool armed;
    void (*fn)(void *arg);
    void *arg;
};

/* A timer that is off keeps no os_loop_once() waiting. */
static void count(struct os_timer *t, bool armed)
{
    atomic_fetch_add(&t->loop->busy, armed - atomic_exchange(&t->armed, armed));
}

static void on_readable(void *arg, unsigned events)
{
    struct os_timer *t = arg;
    uint64_t times;

    (void)events;
    /* Nothing to read: it was set anew since it fired. */
    if (read(t->fd, &times, sizeof(times)) == sizeof(times)) {
        count(t, false);
        t->fn(t->arg);
    }
}

struct os_timer *os_timer_new(struct os_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct os_timer *t = mem_new(struct os_timer);

    t->loop = loop;
    t->fn = fn;
    t->arg = arg;
    t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    t->watch = t->fd >= 0 ? os_watch_new(loop, t->fd, on_readable, t) : NULL;
    if (!t->watch) {
        if (t->fd >= 0)
            close(t->fd);
        free(t);
        return NULL;
    }
    os_watch_set(t->watch, OS_READABLE);
    atomic_fetch_sub(&loop->busy, 1); /* the watch alone does not count */
    return t;
}

void os_timer_set(struct os_timer *t, int64_t deadline_ns)
{
    struct itimerspec at = {0};

    /* All zero turns it off. */
    if (deadline_ns != INT64_MAX) {
        deadline_ns = max_of(deadline_ns, INT64_C(1));
        at.it_value.tv_sec = deadline_ns / 1000000000;
        at.it_value.tv_nsec = deadline_ns % 1000000000;
    }
    count(t, deadline_ns != INT64_MAX);
    timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void os_timer_free(struct os_timer *t)
{
    if (!t)
        return;
    count(t, false);
    atomic_fetch_add(&t->loop->busy, 1);
    os_watch_free(t->watch);
    close(t->fd);
    free(t);
}

#else

struct os_timer {
    uv_timer_t uv;
    struct os_loop *loop;
    _Atomic int64_t deadline;
    struct os_task task;
    void (*fn)(void *arg);
    void *arg;
};

static void on_timer(uv_timer_t *handle);

static void start(void *arg)
{
    struct os_timer *t = arg;
    int64_t deadline = atomic_load(&t->deadline), left = deadline - os_time_ns();

    uv_update_time(&t->loop->uv);
    if (deadline == INT64_MAX)
        uv_timer_stop(&t->uv);
    else
        uv_timer_start(&t->uv, on_timer, left > 0 ? (uint64_t)(left + 999999) / 1000000 : 0, 0);
}

static void on_timer(uv_timer_t *handle)
{
    struct os_timer *t = container_of(handle, struct os_timer, uv);
    int64_t deadline = atomic_load(&t->deadline);

    if (deadline > os_time_ns()) {
        start(t);
    } else {
        atomic_compare_exchange_strong(&t->deadline, &deadline, INT64_MAX);
        t->fn(t->arg);
    }
}

struct os_timer *os_timer_new(struct os_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct os_timer *t = mem_new(struct os_timer);

    uv_timer_init(&loop->uv, &t->uv);
    t->loop = loop;
    t->fn = fn;
    t->arg = arg;
    t->deadline = INT64_MAX;
    t->task = (struct os_task){.fn = start, .arg = t};
    return t;
}

void os_timer_set(struct os_timer *t, int64_t deadline_ns)
{
    atomic_store(&t->deadline, deadline_ns);
    if (os_loop_here(t->loop))
        start(t);
    else
        os_loop_post(t->loop, &t->task);
}

void os_timer_free(struct os_timer *t)
{
    if (!t)
        return;
    os_task_cancel(t->loop, &t->task);
    os_loop_close((uv_handle_t *)&t->uv);
}
#endif
