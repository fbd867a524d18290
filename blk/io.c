/*
 * The engine below all block nodes: io_uring or the pool of threads, fibers, and their one
 * scheduler, blk_io_poll(). Knows no format and no file.
 */
#include "blk/io.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "blk/driver.h"

enum {
    RING_SIZE = 256,
    RING_LIMIT = 1024, /* in flight; the completion queue is twice as long, and never overflows */
    FIBER_STACK = 128 * 1024,
    FIBER_KEEP = 64, /* idle fibers that are not given back */
    POOL_MAX = 16,
};

static void loop_poll(void *arg)
{
    blk_io_poll(arg);
}

static void ring_ready(void *arg, unsigned events)
{
    (void)events;
    blk_io_poll(arg);
}

/* More is to do, but not within this call. */
static void run_later(struct blk_io *io)
{
    if (io->loop && !io->polling)
        os_loop_post(io->loop, &io->task);
}

/* ---- the ring ---- */

static bool ring_open(struct blk_io *io)
{
    struct io_uring_params p = {0};

    p.flags = IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN;
    p.cq_entries = 2 * RING_LIMIT;
    if (io_uring_queue_init_params(RING_SIZE, &io->ring, &p) < 0) {
        memset(&p, 0, sizeof(p)); /* a kernel before 5.19 */
        p.flags = IORING_SETUP_CQSIZE;
        p.cq_entries = 2 * RING_LIMIT;
        if (io_uring_queue_init_params(RING_SIZE, &io->ring, &p) < 0)
            return false;
    }
    if ((p.features & IORING_FEAT_NODROP) && (p.features & IORING_FEAT_RW_CUR_POS))
        return true;
    io_uring_queue_exit(&io->ring);
    return false;
}

int blk_io_new(struct blk_io **out, struct os_loop *loop, bool uring, struct err *e)
{
    struct blk_io *io = mem_new(struct blk_io);

    (void)e;
    io->refs = 1;
    io->loop = loop;
    io->wake_fd = -1;
    list_init(&io->backlog);
    list_init(&io->deferred);
    list_init(&io->ready);
    list_init(&io->free_fibers);
    list_init(&io->todo);
    list_init(&io->finished);
    os_mutex_init(&io->lock);
    os_cond_init(&io->more);
    io->task.fn = loop_poll;
    io->task.arg = io;
    io->uring = uring && ring_open(io);
    if (io->uring && loop) {
        io->ring_watch = os_watch_new(loop, io->ring.ring_fd, ring_ready, io);
        if (io->ring_watch) {
            os_watch_set(io->ring_watch, OS_READABLE);
        } else {
            io_uring_queue_exit(&io->ring);
            io->uring = false;
        }
    }
    *out = io;
    return 0;
}

static void ring_submit(struct blk_io *io)
{
    if (io->unsubmitted && io_uring_submit(&io->ring) >= 0)
        io->unsubmitted = io_uring_sq_ready(&io->ring);
}

static void ring_add(struct blk_io *io, struct blk_req *r)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

    if (!sqe) {
        ring_submit(io);
        sqe = io_uring_get_sqe(&io->ring);
    }
    if (!sqe) { /* the kernel took nothing: short of memory */
        list_append(&io->backlog, &r->link);
        return;
    }
    blk_file_prep(sqe, r);
    io_uring_sqe_set_data(sqe, r);
    io->in_ring++;
    io->unsubmitted++;
}

static bool ring_poll(struct blk_io *io)
{
    struct io_uring_cqe *cqe;
    bool any = false;

    if (!io->uring)
        return false;
    while (io_uring_peek_cqe(&io->ring, &cqe) == 0 && cqe) {
        struct blk_req *r = io_uring_cqe_get_data(cqe);
        int res = cqe->res;

        io_uring_cqe_seen(&io->ring, cqe);
        io->in_ring--;
        any = true;
        blk_file_complete(r, res);
    }
    while (!list_empty(&io->backlog) && io->in_ring < RING_LIMIT) {
        struct blk_req *r = container_of(io->backlog.next, struct blk_req, link);
        unsigned before = io->in_ring;

        list_remove(&r->link);
        ring_add(io, r);
        if (io->in_ring == before)
            break;
    }
    return any;
}

void blk_io_unplug(struct blk_io *io)
{
    assert(io->plugged);
    if (--io->plugged == 0)
        ring_submit(io);
}

/* ---- the pool ---- */

static void pool_ready(void *arg, unsigned events)
{
    (void)events;
    blk_io_poll(arg);
}

static void *pool_thread(void *arg)
{
    struct blk_io *io = arg;
    uint64_t one = 1;

    os_mutex_lock(&io->lock);
    for (;;) {
        struct blk_work *w;
        bool first;

        while (list_empty(&io->todo) && !io->stopping) {
            io->idle++;
            os_cond_wait(&io->more, &io->lock);
            io->idle--;
        }
        if (list_empty(&io->todo))
            break;
        w = container_of(io->todo.next, struct blk_work, link);
        list_remove(&w->link);
        os_mutex_unlock(&io->lock);
        w->fn(w);
        os_mutex_lock(&io->lock);
        first = list_empty(&io->finished);
        list_append(&io->finished, &w->link);
        if (first)
            while (write(io->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
    }
    os_mutex_unlock(&io->lock);
    return NULL;
}

static void pool_open(struct blk_io *io)
{
    if (io->wake_fd >= 0)
        return;
    io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (io->wake_fd < 0)
        return;
    if (io->loop) {
        io->wake_watch = os_watch_new(io->loop, io->wake_fd, pool_ready, io);
        if (io->wake_watch)
            os_watch_set(io->wake_watch, OS_READABLE);
    }
}

void blk_io_work(struct blk_io *io, struct blk_work *w)
{
    struct err e;

    pool_open(io);
    os_mutex_lock(&io->lock);
    if (io->wake_fd >= 0 && !io->idle && io->thread_count < POOL_MAX &&
        os_thread_start(&io->threads[io->thread_count], "blk", 0, pool_thread, io, &e) == 0)
        io->thread_count++;
    if (io->thread_count) {
        list_append(&io->todo, &w->link);
        os_cond_signal(&io->more);
        os_mutex_unlock(&io->lock);
        return;
    }
    os_mutex_unlock(&io->lock);
    w->fn(w); /* no threads to be had: the loop waits */
    os_mutex_lock(&io->lock);
    list_append(&io->finished, &w->link);
    os_mutex_unlock(&io->lock);
    run_later(io);
}

static bool pool_poll(struct blk_io *io)
{
    struct list done;
    uint64_t count;
    bool any = false;

    if (io->wake_fd < 0 && !io->thread_count && list_empty(&io->finished))
        return false;
    list_init(&done);
    os_mutex_lock(&io->lock);
    if (!list_empty(&io->finished)) {
        done = io->finished;
        done.next->prev = done.prev->next = &done;
        list_init(&io->finished);
        if (io->wake_fd >= 0 && read(io->wake_fd, &count, sizeof(count)) < 0)
            assert(errno == EAGAIN || errno == EINTR);
    }
    os_mutex_unlock(&io->lock);
    while (!list_empty(&done)) {
        struct blk_work *w = container_of(done.next, struct blk_work, link);

        list_remove(&w->link);
        any = true;
        w->done(w);
    }
    return any;
}

/* ---- requests of files ---- */

static void syscall_work(struct blk_work *w)
{
    struct blk_req *r = container_of(w, struct blk_req, work);

    r->res = blk_file_syscall(r);
}

static void syscall_done(struct blk_work *w)
{
    struct blk_req *r = container_of(w, struct blk_req, work);

    blk_file_complete(r, r->res);
}

void blk_io_submit(struct blk_io *io, struct blk_req *r, bool threads)
{
    if (threads || !io->uring) {
        r->work.fn = syscall_work;
        r->work.done = syscall_done;
        blk_io_work(io, &r->work);
        return;
    }
    if (io->in_ring >= RING_LIMIT)
        list_append(&io->backlog, &r->link);
    else
        ring_add(io, r);
    if (!io->plugged)
        ring_submit(io);
}

void blk_io_defer(struct blk_io *io, struct blk_req *r)
{
    list_append(&io->deferred, &r->link);
    run_later(io);
}

/* ---- fibers ---- */

static void enter(struct blk_io *io, struct blk_fiber *f, bool at_once)
{
    bool ended;

    assert(!io->current);
    io->current = f;
    io->plugged++;
    ended = os_fiber_enter(f->os);
    io->current = NULL;
    if (ended) {
        void (*finish)(void *, bool) = f->finish;
        void *arg = f->arg;

        if (io->free_count < FIBER_KEEP) {
            list_prepend(&io->free_fibers, &f->link);
            io->free_count++;
        } else {
            os_fiber_free(f->os);
            free(f);
        }
        finish(arg, at_once);
    }
    blk_io_unplug(io);
    if (!list_empty(&io->ready))
        run_later(io);
}

void blk_io_spawn(struct blk_io *io, void (*fn)(void *), void (*finish)(void *, bool), void *arg)
{
    struct blk_fiber *f;

    if (io->free_count) {
        f = container_of(io->free_fibers.next, struct blk_fiber, link);
        list_remove(&f->link);
        io->free_count--;
    } else {
        f = mem_new(struct blk_fiber);
        f->os = os_fiber_new(FIBER_STACK);
        assert(f->os); /* address space for a stack, as small as any allocation here */
        list_init(&f->link);
    }
    f->fn = fn;
    f->finish = finish;
    f->arg = arg;
    os_fiber_start(f->os, fn, arg);
    if (io->current) {
        list_append(&io->ready, &f->link);
        run_later(io);
    } else {
        enter(io, f, true);
    }
}

void blk_wait(struct blk_io *io, struct blk_waitq *q)
{
    struct blk_fiber *f = io->current;

    assert(f);
    list_append(&q->fibers, &f->link);
    os_fiber_yield(f->os);
}

void blk_wake_one(struct blk_io *io, struct blk_waitq *q)
{
    if (!list_empty(&q->fibers)) {
        struct list *link = q->fibers.next;

        list_remove(link);
        list_append(&io->ready, link);
        run_later(io);
    }
}

void blk_wake_all(struct blk_io *io, struct blk_waitq *q)
{
    while (!list_empty(&q->fibers))
        blk_wake_one(io, q);
}

void blk_mutex_lock(struct blk_io *io, struct blk_mutex *m)
{
    if (m->held)
        blk_wait(io, &m->waiting); /* who unlocks passes it on, held */
    else
        m->held = true;
}

void blk_mutex_unlock(struct blk_io *io, struct blk_mutex *m)
{
    assert(m->held);
    if (list_empty(&m->waiting.fibers))
        m->held = false;
    else
        blk_wake_one(io, &m->waiting);
}

struct fiber_work {
    struct blk_work work;
    struct blk_io *io;
    struct blk_waitq wait;
    void (*fn)(void *arg);
    void *arg;
    bool done;
};

static void fiber_work_run(struct blk_work *w)
{
    struct fiber_work *f = container_of(w, struct fiber_work, work);

    f->fn(f->arg);
}

static void fiber_work_done(struct blk_work *w)
{
    struct fiber_work *f = container_of(w, struct fiber_work, work);

    f->done = true;
    blk_wake_all(f->io, &f->wait);
}

void blk_co_work(struct blk_io *io, void (*fn)(void *), void *arg)
{
    struct fiber_work f = {.io = io, .fn = fn, .arg = arg};

    f.work.fn = fiber_work_run;
    f.work.done = fiber_work_done;
    blk_waitq_init(&f.wait);
    blk_io_work(io, &f.work);
    while (!f.done)
        blk_wait(io, &f.wait);
}

/* ---- the scheduler ---- */

bool blk_io_poll(struct blk_io *io)
{
    bool any = false, more = true;

    assert(!io->current);
    io->refs++; /* a callback may close the last node */
    io->plugged++;
    io->polling++;
    while (more) {
        more = ring_poll(io);
        more = pool_poll(io) || more; /* both, always */
        while (!list_empty(&io->deferred)) {
            struct blk_req *r = container_of(io->deferred.next, struct blk_req, link);

            list_remove(&r->link);
            blk_req_finish(r);
            more = true;
        }
        while (!list_empty(&io->ready)) {
            struct blk_fiber *f = container_of(io->ready.next, struct blk_fiber, link);

            list_remove(&f->link);
            enter(io, f, false);
            more = true;
        }
        any |= more;
    }
    io->polling--;
    blk_io_unplug(io);
    blk_io_unref(io);
    return any;
}

void blk_io_wait(struct blk_io *io)
{
    struct pollfd fds[2];
    int count = 0;

    assert(!io->current);
    if (blk_io_poll(io))
        return;
    if (io->uring)
        ring_submit(io);
    if (io->uring && io->in_ring)
        fds[count++] = (struct pollfd){.fd = io->ring.ring_fd, .events = POLLIN};
    if (io->wake_fd >= 0)
        fds[count++] = (struct pollfd){.fd = io->wake_fd, .events = POLLIN};
    if (count)
        poll(fds, (nfds_t)count, list_empty(&io->backlog) ? -1 : 10);
    blk_io_poll(io);
}

void blk_io_unref(struct blk_io *io)
{
    if (!io || --io->refs)
        return;
    assert(!io->in_ring && list_empty(&io->deferred) && list_empty(&io->ready));
    os_mutex_lock(&io->lock);
    io->stopping = true;
    os_cond_broadcast(&io->more);
    os_mutex_unlock(&io->lock);
    for (unsigned i = 0; i < io->thread_count; i++)
        os_thread_join(&io->threads[i]);
    if (io->loop)
        os_task_cancel(io->loop, &io->task);
    if (io->ring_watch)
        os_watch_free(io->ring_watch);
    if (io->wake_watch)
        os_watch_free(io->wake_watch);
    if (io->wake_fd >= 0)
        close(io->wake_fd);
    if (io->uring)
        io_uring_queue_exit(&io->ring);
    list_for_each_safe (struct blk_fiber, f, link, &io->free_fibers) {
        os_fiber_free(f->os);
        free(f);
    }
    os_cond_destroy(&io->more);
    os_mutex_destroy(&io->lock);
    free(io);
}
