/*
 * What runs requests: one io_uring or a pool of threads, and fibers, shared by all nodes of a
 * chain.
 *
 * Fibers let formats be written from top to bottom: in a fiber, blk_co() waits for a child's
 * request while the loop goes on. They run on the loop's thread, entered by blk_io_poll() or by the
 * call that started a request, and switch only where they wait: what stands between two waits needs
 * no lock. Threads: all on the loop's thread, but the fn of a work. Without a loop (tools, tests)
 * blk_io_wait() moves things on.
 */
#ifndef MYNA_BLK_IO_H
#define MYNA_BLK_IO_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "os/fiber.h"
#include "os/loop.h"
#include "os/thread.h"

struct blk_req;

enum blk_aio { BLK_AIO_AUTO, BLK_AIO_URING, BLK_AIO_THREADS };

/* Work for a thread of the pool; then done() on the loop. */
struct blk_work {
    struct list link;
    void (*fn)(struct blk_work *w);
    void (*done)(struct blk_work *w);
};

struct blk_fiber {
    struct os_fiber *os;
    struct list link; /* ready, waiting or free */
    void (*fn)(void *arg);
    void (*finish)(void *arg, bool at_once); /* outside; at_once: within the call that started it */
    void *arg;
};

struct blk_io {
    unsigned refs;
    struct os_loop *loop; /* NULL: none */
    bool uring;           /* ring is set up */
    struct io_uring ring;
    struct os_watch *ring_watch;
    unsigned in_ring, plugged, unsubmitted, polling;
    struct list backlog;  /* requests that wait for room in the ring */
    struct list deferred; /* requests that ended within their call */
    struct os_task task;  /* polls, for what did not come from the ring */

    struct list ready, free_fibers;
    struct blk_fiber *current;
    unsigned fibers, free_count;

    int wake_fd; /* -1 until the pool starts */
    struct os_watch *wake_watch;
    struct os_mutex lock; /* the pool's: below */
    struct os_cond more;
    struct list todo, finished;
    struct os_thread threads[16];
    unsigned thread_count, idle;
    bool stopping;
};

int must_check blk_io_new(struct blk_io **out, struct os_loop *loop, bool uring, struct err *e);
void blk_io_unref(struct blk_io *io);

/* Between plug and unplug requests gather, to be submitted at once. */
static inline void blk_io_plug(struct blk_io *io)
{
    io->plugged++;
}
void blk_io_unplug(struct blk_io *io);

/* Runs all that can run. False: nothing did. */
bool blk_io_poll(struct blk_io *io);
/* Waits until something could run, and runs it. Not in a fiber. */
void blk_io_wait(struct blk_io *io);

/* Ends r with r->rc, later. */
void blk_io_defer(struct blk_io *io, struct blk_req *r);
/* Input or output that r->b, a file, describes; ends in blk_file_complete() (driver.h). */
void blk_io_submit(struct blk_io *io, struct blk_req *r, bool threads);
void blk_io_work(struct blk_io *io, struct blk_work *w);

/* ---- fibers ---- */

/* Runs fn(arg) in a fiber, at once when outside of fibers; then finish(arg) outside. */
void blk_io_spawn(struct blk_io *io, void (*fn)(void *arg), void (*finish)(void *arg, bool at_once),
                  void *arg);
static inline bool blk_io_in_fiber(const struct blk_io *io)
{
    return io->current;
}

struct blk_waitq {
    struct list fibers;
};
static inline void blk_waitq_init(struct blk_waitq *q)
{
    list_init(&q->fibers);
}
void blk_wait(struct blk_io *io, struct blk_waitq *q);
void blk_wake_one(struct blk_io *io, struct blk_waitq *q);
void blk_wake_all(struct blk_io *io, struct blk_waitq *q);

/* Fair: the lock goes from its owner to the one that waits longest. */
struct blk_mutex {
    bool held;
    struct blk_waitq waiting;
};
static inline void blk_mutex_init(struct blk_mutex *m)
{
    m->held = false;
    blk_waitq_init(&m->waiting);
}
void blk_mutex_lock(struct blk_io *io, struct blk_mutex *m);
void blk_mutex_unlock(struct blk_io *io, struct blk_mutex *m);

/* Runs fn(arg) in a thread of the pool while the fiber waits. */
void blk_co_work(struct blk_io *io, void (*fn)(void *arg), void *arg);

#endif
