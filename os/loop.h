/*
 * The event loop: tasks posted from other threads, readiness of descriptors, timers. Over libuv.
 *
 * One thread runs a loop; what is said to be "on the loop" belongs to that thread. Only
 * os_loop_post(), os_loop_call() and os_loop_stop() may be called from others. Handles are opaque
 * and freed by their _free(), after which their callback is not called any more.
 */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct os_loop;
/* Belongs to the calling thread until another runs it. */
int must_check os_loop_new(struct os_loop **out, struct err *e);
void os_loop_free(struct os_loop *loop); /* its watches, timers and signals first */
void os_loop_run(
    struct os_loop *loop); /* the calling thread becomes the loop's, until os_loop_stop() */
/* One round, for tests. wait: until something happened (a moment, when only another thread's post
 * could). False: no task, watch or timer is left. */
bool os_loop_once(struct os_loop *loop, bool wait);
void os_loop_stop(struct os_loop *loop); /* any thread */
bool os_loop_here(const struct os_loop *loop);

/* Work for the loop, embedded in its user; a task that is already waiting is not queued twice.
 * os_task_cancel(): on the loop (or before it runs). */
struct os_task {
    struct os_task *next;
    void (*fn)(void *arg);
    void *arg;
    bool queued; /* private, under the loop's lock */
};
void os_loop_post(struct os_loop *loop, struct os_task *task);
void os_task_cancel(struct os_loop *loop, struct os_task *task);
/* Runs fn on the loop and waits for it; at once when already there. */
void os_loop_call(struct os_loop *loop, void (*fn)(void *arg), void *arg);

/* Readiness of a descriptor, which becomes non-blocking; level-triggered; a regular file is always
 * ready. One watch a descriptor. On the loop. NULL with errno: it cannot be watched. */
enum { OS_READABLE = 1, OS_WRITABLE = 2 };
struct os_watch;
struct os_watch *os_watch_new(struct os_loop *loop, int fd, void (*fn)(void *arg, unsigned events),
                              void *arg);
void os_watch_set(struct os_watch *w, unsigned events); /* 0: none */
void os_watch_free(struct os_watch *w);

/* A one-shot timer of nanosecond resolution on the host's monotonic clock (os_time_ns()). */
struct os_timer;
/* NULL with errno: the host has none left. */
struct os_timer *os_timer_new(struct os_loop *loop, void (*fn)(void *arg), void *arg);
void os_timer_set(struct os_timer *t, int64_t deadline_ns); /* INT64_MAX: off. Any thread. */
void os_timer_free(struct os_timer *t);

/* Signals of the host (SIGINT, SIGTERM) as loop events. */
struct os_signal;
struct os_signal *os_signal_new(struct os_loop *loop, int signal, void (*fn)(void *arg, int signal),
                                void *arg, struct err *e);
void os_signal_free(struct os_signal *s);
#endif
