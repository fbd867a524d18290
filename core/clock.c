/* Clocks and timers of a machine.
 *
 * Owns three heaps of timers, one a clock, and one timer of the loop for the nearest deadline of
 * all. Moving a deadline back or cancelling leaves that one armed: the loop wakes once for nothing,
 * which is cheaper than telling the host each time a guest reprograms its timer.
 *
 * Must not know who sets timers.
 */
#include "core/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/vec.h"
#include "os/loop.h"
#include "os/thread.h"
#include "os/time.h"

enum { KINDS = CLOCK_WALL + 1 };

/* The host's wall clock may be set, of which nobody tells us: look again so often. */
static const int64_t WALL_LOOK = INT64_C(60000000000);
/* Where time only moves by hand it starts here: 2000-01-01. */
static const int64_t MANUAL_WALL = INT64_C(946684800000000000);
/* Timers that fire in one turn or advance: one that sets itself into the past must not stop the
 * world. */
enum { MAX_FIRES = 1000, MAX_ADVANCE_FIRES = 1000000 };

struct heap {
    struct timer **data; /* the earliest first; element i's children are 2i+1 and 2i+2 */
    size_t len, cap;
};

struct clocks {
    struct os_loop *loop; /* NULL: by hand */
    struct os_timer *wake;
    _Atomic int64_t manual;
    /* Virtual time is host time - base while running, else frozen. */
    _Atomic bool running;
    _Atomic int64_t base, frozen;
    struct os_mutex lock; /* the rest */
    struct os_cond fired;
    struct heap heaps[KINDS];
    int64_t armed; /* host time for which `wake` is set */
    struct timer *firing;
    pthread_t firing_thread;
};

static int64_t host_ns(const struct clocks *c)
{
    return c->loop ? os_time_ns() : atomic_load_explicit(&c->manual, memory_order_relaxed);
}

int64_t clock_ns(const struct clocks *c, enum clock_kind kind)
{
    switch (kind) {
    case CLOCK_VIRTUAL:
        if (likely(atomic_load_explicit(&c->running, memory_order_acquire))) {
            int64_t base = atomic_load_explicit(&c->base, memory_order_relaxed);

            return host_ns(c) - base;
        }
        return atomic_load_explicit(&c->frozen, memory_order_acquire);
    case CLOCK_WALL:
        return c->loop ? os_time_read(CLOCK_REALTIME) : MANUAL_WALL + host_ns(c);
    default:
        return host_ns(c);
    }
}

/* ---- heaps; under the lock ---- */

static void place(struct heap *h, size_t at, struct timer *t)
{
    h->data[at] = t;
    t->heap_at = (uint32_t)at + 1;
}

static void sift_up(struct heap *h, size_t at, struct timer *t)
{
    while (at && h->data[(at - 1) / 2]->deadline > t->deadline) {
        place(h, at, h->data[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(h, at, t);
}

static void sift_down(struct heap *h, size_t at, struct timer *t)
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < h->len && h->data[child + 1]->deadline < h->data[child]->deadline)
            child++;
        if (child >= h->len || h->data[child]->deadline >= t->deadline)
            break;
        place(h, at, h->data[child]);
        at = child;
    }
    place(h, at, t);
}

static void heap_remove(struct heap *h, struct timer *t)
{
    size_t at = t->heap_at - 1;
    struct timer *last = vec_pop(h);

    t->heap_at = 0;
    t->deadline = INT64_MAX;
    if (last == t)
        return;
    if (at && h->data[(at - 1) / 2]->deadline > last->deadline)
        sift_up(h, at, last);
    else
        sift_down(h, at, last);
}

static void heap_add(struct heap *h, struct timer *t)
{
    vec_push(h, t);
    sift_up(h, h->len - 1, t);
}

/* ---- what comes next; under the lock ---- */

static int64_t add_clamped(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? (a < 0 ? INT64_MIN : INT64_MAX) : sum;
}

static int64_t distance(int64_t deadline, int64_t now)
{
    int64_t left;

    return __builtin_sub_overflow(deadline, now, &left) ? (deadline < 0 ? INT64_MIN : INT64_MAX)
                                                        : left;
}

/* Host time of the earliest deadline of a clock; INT64_MAX: never. */
static int64_t due_at(const struct clocks *c, enum clock_kind kind)
{
    const struct heap *h = &c->heaps[kind];
    int64_t left;

    if (!h->len || (kind == CLOCK_VIRTUAL && !atomic_load(&c->running)))
        return INT64_MAX;
    if (kind == CLOCK_HOST)
        return h->data[0]->deadline;
    left = distance(h->data[0]->deadline, clock_ns(c, kind));
    if (kind == CLOCK_WALL && c->loop)
        left = min_of(left, WALL_LOOK);
    return left == INT64_MAX ? left : add_clamped(host_ns(c), left);
}

static int64_t nearest(const struct clocks *c)
{
    int64_t at = INT64_MAX;

    for (int kind = 0; kind < KINDS; kind++)
        at = min_of(at, due_at(c, kind));
    return at;
}

static void arm(struct clocks *c, int64_t at)
{
    c->armed = at;
    if (c->wake)
        os_timer_set(c->wake, at);
}

static void arm_earlier(struct clocks *c, enum clock_kind kind)
{
    int64_t at = due_at(c, kind);

    if (at < c->armed)
        arm(c, at);
}

static struct timer *take_due(struct clocks *c)
{
    for (int kind = 0; kind < KINDS; kind++) {
        struct heap *h = &c->heaps[kind];

        if (!h->len || (kind == CLOCK_VIRTUAL && !atomic_load(&c->running)))
            continue;
        if (h->data[0]->deadline <= clock_ns(c, kind)) {
            struct timer *t = h->data[0];

            heap_remove(h, t);
            return t;
        }
    }
    return NULL;
}

/* Calls what is due, at most `max` times. Returns how many. With the lock held, which it opens
 * around calls. */
static unsigned fire(struct clocks *c, unsigned max)
{
    unsigned fired = 0;
    struct timer *t;

    while (fired < max && (t = take_due(c))) {
        void (*fn)(void *arg) = t->fn;
        void *arg = t->arg;

        c->firing = t;
        c->firing_thread = pthread_self();
        os_mutex_unlock(&c->lock);
        fn(arg);
        os_mutex_lock(&c->lock);
        c->firing = NULL;
        os_cond_broadcast(&c->fired);
        fired++;
    }
    return fired;
}

static void on_wake(void *arg)
{
    struct clocks *c = arg;

    os_mutex_lock(&c->lock);
    c->armed = INT64_MIN; /* nobody arms before we do */
    fire(c, MAX_FIRES);
    arm(c, nearest(c));
    os_mutex_unlock(&c->lock);
}

/* ---- the clocks ---- */

int clocks_new(struct clocks **out, struct os_loop *loop, struct err *e)
{
    struct clocks *c = mem_new(struct clocks);

    *out = NULL;
    c->loop = loop;
    c->armed = INT64_MAX;
    if (loop) {
        c->wake = os_timer_new(loop, on_wake, c);
        if (!c->wake) {
            free(c);
            return err_set(e, errno, "cannot make the machine's timer");
        }
    }
    atomic_store(&c->base, host_ns(c));
    atomic_store(&c->running, true);
    os_mutex_init(&c->lock);
    os_cond_init(&c->fired);
    *out = c;
    return 0;
}

void clocks_free(struct clocks *c)
{
    if (!c)
        return;
    os_timer_free(c->wake);
    for (int kind = 0; kind < KINDS; kind++)
        vec_free(&c->heaps[kind]);
    os_cond_destroy(&c->fired);
    os_mutex_destroy(&c->lock);
    free(c);
}

void clocks_stop(struct clocks *c)
{
    os_mutex_lock(&c->lock);
    if (atomic_load(&c->running)) {
        atomic_store(&c->frozen, clock_ns(c, CLOCK_VIRTUAL));
        atomic_store(&c->running, false);
    }
    os_mutex_unlock(&c->lock);
}

void clocks_start(struct clocks *c)
{
    os_mutex_lock(&c->lock);
    if (!atomic_load(&c->running)) {
        atomic_store(&c->base, host_ns(c) - atomic_load(&c->frozen));
        atomic_store(&c->running, true);
        arm_earlier(c, CLOCK_VIRTUAL);
    }
    os_mutex_unlock(&c->lock);
}

void clocks_set_virtual(struct clocks *c, int64_t ns)
{
    os_mutex_lock(&c->lock);
    assert(!atomic_load(&c->running));
    atomic_store(&c->frozen, ns);
    os_mutex_unlock(&c->lock);
}

void clocks_advance(struct clocks *c, int64_t ns)
{
    int64_t until = add_clamped(host_ns(c), ns);
    unsigned left = MAX_ADVANCE_FIRES;

    assert(!c->loop && ns >= 0);
    os_mutex_lock(&c->lock);
    while (left) {
        int64_t next = nearest(c), now = host_ns(c);

        if (next > until)
            break;
        atomic_store(&c->manual, max_of(next, now));
        left -= fire(c, left);
    }
    atomic_store(&c->manual, until);
    os_mutex_unlock(&c->lock);
}

/* ---- timers ---- */

void timer_init(struct timer *t, struct clocks *c, enum clock_kind kind, void (*fn)(void *arg),
                void *arg)
{
    *t = (struct timer){.clocks = c, .kind = kind, .deadline = INT64_MAX, .fn = fn, .arg = arg};
}

void timer_set(struct timer *t, int64_t deadline_ns)
{
    struct clocks *c = t->clocks;
    struct heap *h = &c->heaps[t->kind];

    if (deadline_ns == INT64_MAX) {
        timer_cancel(t);
        return;
    }
    os_mutex_lock(&c->lock);
    if (t->heap_at) {
        bool earlier = deadline_ns < t->deadline;

        t->deadline = deadline_ns;
        if (earlier)
            sift_up(h, t->heap_at - 1, t);
        else
            sift_down(h, t->heap_at - 1, t);
    } else {
        t->deadline = deadline_ns;
        heap_add(h, t);
    }
    if (h->data[0] == t)
        arm_earlier(c, t->kind);
    os_mutex_unlock(&c->lock);
}

void timer_cancel(struct timer *t)
{
    struct clocks *c = t->clocks;

    if (!c)
        return; /* never made: a device whose realize failed before */
    os_mutex_lock(&c->lock);
    if (t->heap_at)
        heap_remove(&c->heaps[t->kind], t);
    os_mutex_unlock(&c->lock);
}

void timer_done(struct timer *t)
{
    struct clocks *c = t->clocks;

    timer_cancel(t);
    if (!c)
        return;
    os_mutex_lock(&c->lock);
    while (c->firing == t && !pthread_equal(c->firing_thread, pthread_self()))
        os_cond_wait(&c->fired, &c->lock);
    /* Between, it may have set itself again. */
    if (t->heap_at)
        heap_remove(&c->heaps[t->kind], t);
    os_mutex_unlock(&c->lock);
}

int64_t timer_deadline(const struct timer *t)
{
    int64_t deadline;

    if (!t->clocks)
        return INT64_MAX;
    os_mutex_lock(&t->clocks->lock);
    deadline = t->deadline;
    os_mutex_unlock(&t->clocks->lock);
    return deadline;
}
