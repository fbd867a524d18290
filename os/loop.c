/* The event loop over libuv: tasks, descriptors, signals. Timers stand in loop_timer.c.
 *
 * Owns all handles of libuv. Must not know what its users do. libuv lets go of a handle at a later
 * turn of the loop, so every object here starts with its handle and is freed by the close callback.
 */
#include "os/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "os/loop_int.h"

enum { IDLE_WAIT_MS = 10 };

/* ---- tasks ---- */

static bool next_task(struct os_loop *loop, struct os_task *copy)
{
    struct os_task *task;

    os_mutex_lock(&loop->lock);
    task = loop->ready;
    if (task) {
        loop->ready = task->next;
        task->queued = false;
        *copy = *task; /* its owner may post it again, or free it, as soon as the lock is open */
    }
    os_mutex_unlock(&loop->lock);
    return task;
}

/* Tasks posted from now on wait for the next turn: one that posts itself again starves nobody. */
static void on_wake(uv_async_t *handle)
{
    struct os_loop *loop = container_of(handle, struct os_loop, wake);
    struct os_task task;

    os_mutex_lock(&loop->lock);
    assert(!loop->ready);
    loop->ready = loop->posted;
    loop->posted = NULL;
    loop->posted_end = &loop->posted;
    os_mutex_unlock(&loop->lock);
    while (next_task(loop, &task))
        task.fn(task.arg);
    if (atomic_load(&loop->stopping))
        uv_stop(&loop->uv);
}

void os_loop_post(struct os_loop *loop, struct os_task *task)
{
    bool first = false;

    os_mutex_lock(&loop->lock);
    if (!task->queued) {
        first = !loop->posted;
        task->queued = true;
        task->next = NULL;
        *loop->posted_end = task;
        loop->posted_end = &task->next;
    }
    os_mutex_unlock(&loop->lock);
    if (first)
        uv_async_send(&loop->wake);
}

void os_task_cancel(struct os_loop *loop, struct os_task *task)
{
    struct os_task **at;

    os_mutex_lock(&loop->lock);
    if (task->queued) {
        task->queued = false;
        for (at = &loop->ready; *at && *at != task; at = &(*at)->next)
            continue;
        if (!*at) {
            for (at = &loop->posted; *at != task; at = &(*at)->next)
                continue;
            if (loop->posted_end == &task->next)
                loop->posted_end = at;
        }
        *at = task->next;
    }
    os_mutex_unlock(&loop->lock);
}

struct call {
    void (*fn)(void *arg);
    void *arg;
    struct os_mutex lock;
    struct os_cond cond;
    bool done;
};

static void run_call(void *arg)
{
    struct call *call = arg;

    call->fn(call->arg);
    os_mutex_lock(&call->lock);
    call->done = true;
    os_cond_signal(&call->cond);
    os_mutex_unlock(&call->lock);
}

void os_loop_call(struct os_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct call call = {.fn = fn, .arg = arg};
    struct os_task task = {.fn = run_call, .arg = &call};

    if (os_loop_here(loop)) {
        fn(arg);
        return;
    }
    os_mutex_init(&call.lock);
    os_cond_init(&call.cond);
    os_loop_post(loop, &task);
    os_mutex_lock(&call.lock);
    while (!call.done)
        os_cond_wait(&call.cond, &call.lock);
    os_mutex_unlock(&call.lock);
    os_cond_destroy(&call.cond);
    os_mutex_destroy(&call.lock);
}

/* ---- the loop ---- */

int os_loop_new(struct os_loop **out, struct err *e)
{
    struct os_loop *loop = mem_new(struct os_loop);
    int rc = uv_loop_init(&loop->uv);

    *out = NULL;
    if (rc < 0) {
        free(loop);
        return err_set(e, rc, "cannot make an event loop");
    }
    rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (rc < 0) {
        uv_loop_close(&loop->uv);
        free(loop);
        return err_set(e, rc, "cannot make an event loop");
    }
    uv_timer_init(&loop->uv, &loop->limit);
    loop->posted_end = &loop->posted;
    os_mutex_init(&loop->lock);
    atomic_store(&loop->owner, pthread_self());
    *out = loop;
    return 0;
}

static void free_object(uv_handle_t *handle)
{
    free(handle);
}

void os_loop_close(uv_handle_t *handle)
{
    if (uv_is_closing(handle))
        free(handle); /* outlived its loop, which closed it */
    else
        uv_close(handle, free_object);
}

static void close_forgotten(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void os_loop_free(struct os_loop *loop)
{
    if (!loop)
        return;
    uv_walk(&loop->uv, close_forgotten, NULL);
    while (uv_run(&loop->uv, UV_RUN_NOWAIT))
        continue;
    uv_loop_close(&loop->uv);
    os_mutex_destroy(&loop->lock);
    free(loop);
}

void os_loop_run(struct os_loop *loop)
{
    atomic_store(&loop->owner, pthread_self());
    while (!atomic_load(&loop->stopping))
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    atomic_store(&loop->stopping, false);
}

static void on_limit(uv_timer_t *timer)
{
    (void)timer;
}

static bool something_left(struct os_loop *loop)
{
    bool waiting;

    os_mutex_lock(&loop->lock);
    waiting = loop->posted;
    os_mutex_unlock(&loop->lock);
    return waiting || atomic_load(&loop->busy) > 0;
}

bool os_loop_once(struct os_loop *loop, bool wait)
{
    atomic_store(&loop->owner, pthread_self());
    if (wait && !something_left(loop))
        uv_timer_start(&loop->limit, on_limit, IDLE_WAIT_MS, 0);
    uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    uv_timer_stop(&loop->limit);
    return something_left(loop);
}

void os_loop_stop(struct os_loop *loop)
{
    atomic_store(&loop->stopping, true);
    uv_async_send(&loop->wake);
}

bool os_loop_here(const struct os_loop *loop)
{
    return pthread_equal(atomic_load(&loop->owner), pthread_self());
}

/* ---- descriptors ---- */

struct os_watch {
    union {
        uv_handle_t handle;
        uv_poll_t poll;
        uv_idle_t idle; /* a regular file: always ready */
    } uv;
    struct os_loop *loop;
    void (*fn)(void *arg, unsigned events);
    void *arg;
    unsigned events;
    bool always;
};

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct os_watch *w = container_of(handle, struct os_watch, uv.poll);

    /* An error is told as readiness: the read or write that follows sees it. */
    w->fn(w->arg, status < 0 ? w->events : (unsigned)events);
}

static void on_always(uv_idle_t *handle)
{
    struct os_watch *w = container_of(handle, struct os_watch, uv.idle);

    w->fn(w->arg, w->events);
}

struct os_watch *os_watch_new(struct os_loop *loop, int fd, void (*fn)(void *arg, unsigned events),
                              void *arg)
{
    struct os_watch *w = mem_new(struct os_watch);
    int rc = uv_poll_init(&loop->uv, &w->uv.poll, fd);

    w->loop = loop;
    w->fn = fn;
    w->arg = arg;
    if (rc == UV_EPERM) {
        w->always = true;
        rc = uv_idle_init(&loop->uv, &w->uv.idle);
    }
    if (rc < 0) {
        free(w);
        errno = -rc;
        return NULL;
    }
    return w;
}

void os_watch_set(struct os_watch *w, unsigned events)
{
    if (w->events == events)
        return;
    atomic_fetch_add(&w->loop->busy, !!events - !!w->events);
    w->events = events;
    if (w->always && events)
        uv_idle_start(&w->uv.idle, on_always);
    else if (w->always)
        uv_idle_stop(&w->uv.idle);
    else if (events)
        uv_poll_start(&w->uv.poll,
                      (events & OS_READABLE ? UV_READABLE : 0) |
                          (events & OS_WRITABLE ? UV_WRITABLE : 0),
                      on_poll);
    else
        uv_poll_stop(&w->uv.poll);
}

void os_watch_free(struct os_watch *w)
{
    if (!w)
        return;
    if (!uv_is_closing(&w->uv.handle))
        os_watch_set(w, 0);
    os_loop_close(&w->uv.handle);
}

/* ---- signals of the host ---- */

struct os_signal {
    uv_signal_t uv;
    void (*fn)(void *arg, int signal);
    void *arg;
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct os_signal *s = container_of(handle, struct os_signal, uv);

    s->fn(s->arg, number);
}

struct os_signal *os_signal_new(struct os_loop *loop, int number, void (*fn)(void *arg, int signal),
                                void *arg, struct err *e)
{
    struct os_signal *s = mem_new(struct os_signal);
    int rc = uv_signal_init(&loop->uv, &s->uv);

    if (rc < 0) {
        free(s);
        err_set(e, rc, "cannot watch for signal %d", number);
        return NULL;
    }
    s->fn = fn;
    s->arg = arg;
    rc = uv_signal_start(&s->uv, on_signal, number);
    if (rc < 0) {
        err_set(e, rc, "cannot watch for signal %d", number);
        os_signal_free(s);
        return NULL;
    }
    return s;
}

void os_signal_free(struct os_signal *s)
{
    if (s)
        os_loop_close((uv_handle_t *)&s->uv);
}
