/* Clocks and timers: order, stopping, other threads, guests that set timers into the past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "os/loop.h"
#include "os/thread.h"
#include "os/time.h"

struct event {
    struct timer timer;
    struct clocks *clocks;
    enum clock_kind kind;
    unsigned fired;
    int64_t at, period;
};

static void on_event(void *arg)
{
    struct event *ev = arg;

    ev->fired++;
    ev->at = clock_ns(ev->clocks, ev->kind);
    if (ev->period >= 0)
        timer_set(&ev->timer, ev->at + ev->period);
}

static void event_init(struct event *ev, struct clocks *c, enum clock_kind kind)
{
    *ev = (struct event){.clocks = c, .kind = kind, .period = -1};
    timer_init(&ev->timer, c, kind, on_event, ev);
}

static struct clocks *new_clocks(struct os_loop *loop)
{
    struct clocks *c;
    struct err e;

    assert_int_equal(clocks_new(&c, loop, &e), 0);
    return c;
}

static void order(void **state)
{
    struct clocks *c = new_clocks(NULL);
    struct event ev[64];
    uint32_t seed = 7;

    (void)state;
    assert_int_equal(clock_ns(c, CLOCK_VIRTUAL), 0);
    for (unsigned round = 0; round < 50; round++) {
        int64_t start = clock_ns(c, CLOCK_VIRTUAL), want[64];

        for (unsigned i = 0; i < 64; i++)
            event_init(&ev[i], c, CLOCK_VIRTUAL);
        for (unsigned i = 0; i < 300; i++) { /* set, moved, cancelled at random */
            unsigned n = (seed = seed * 1664525 + 1013904223) >> 26;

            want[n] = i % 5 == 4 ? INT64_MAX : start + 1 + (int64_t)(seed % 1000);
            if (want[n] == INT64_MAX)
                timer_cancel(&ev[n].timer);
            else
                timer_set(&ev[n].timer, want[n]);
            ev[n].period = -2; /* was touched */
        }
        for (unsigned i = 0; i < 64; i++) {
            if (ev[i].period == -2)
                assert_int_equal(timer_deadline(&ev[i].timer), want[i]);
        }
        clocks_advance(c, 1001);
        for (unsigned i = 0; i < 64; i++) {
            bool due = ev[i].period == -2 && want[i] != INT64_MAX;

            assert_int_equal(ev[i].fired, due);
            if (due)
                assert_int_equal(ev[i].at, want[i]); /* at its own time exactly */
            assert_int_equal(timer_deadline(&ev[i].timer), INT64_MAX);
        }
    }
    clocks_free(c);
}

static void periodic(void **state)
{
    struct clocks *c = new_clocks(NULL);
    struct event ev;

    (void)state;
    event_init(&ev, c, CLOCK_HOST);
    ev.period = 10;
    timer_set(&ev.timer, 10);
    clocks_advance(c, 100);
    assert_int_equal(ev.fired, 10);
    assert_int_equal(timer_deadline(&ev.timer), 110);
    ev.period = 0; /* a guest that asks for an endless storm */
    clocks_advance(c, 10);
    assert_true(ev.fired > 1000);
    assert_int_equal(clock_ns(c, CLOCK_HOST), 110);
    timer_cancel(&ev.timer);
    /* Deadlines at the ends of the numbers. */
    ev.period = -1;
    ev.fired = 0;
    timer_set(&ev.timer, INT64_MIN);
    clocks_advance(c, 0);
    assert_int_equal(ev.fired, 1);
    timer_set(&ev.timer, INT64_MAX - 1);
    clocks_advance(c, 1000);
    assert_int_equal(ev.fired, 1);
    timer_cancel(&ev.timer);
    clocks_free(c);
}

static void stopped(void **state)
{
    struct clocks *c = new_clocks(NULL);
    struct event virt, host, wall;
    int64_t wall_start = clock_ns(c, CLOCK_WALL);

    (void)state;
    event_init(&virt, c, CLOCK_VIRTUAL);
    event_init(&host, c, CLOCK_HOST);
    event_init(&wall, c, CLOCK_WALL);
    timer_set(&virt.timer, 50);
    timer_set(&host.timer, 50);
    timer_set(&wall.timer, wall_start + 60);
    clocks_advance(c, 20);
    clocks_stop(c);
    clocks_stop(c);
    clocks_advance(c, 100);
    assert_int_equal(clock_ns(c, CLOCK_VIRTUAL), 20);
    assert_int_equal(virt.fired, 0);
    assert_int_equal(host.at, 50);
    assert_int_equal(wall.at, wall_start + 60);
    clocks_start(c);
    clocks_advance(c, 29);
    assert_int_equal(virt.fired, 0);
    clocks_advance(c, 1);
    assert_int_equal(virt.fired, 1);
    clocks_stop(c);
    clocks_set_virtual(c, 1000);
    clocks_start(c);
    assert_int_equal(clock_ns(c, CLOCK_VIRTUAL), 1000);
    clocks_free(c);
}

struct looped {
    struct os_loop *loop;
    struct event ev;
    struct timer last;
};

static void on_last(void *arg)
{
    struct looped *l = arg;

    os_loop_stop(l->loop);
}

static void *set_from_thread(void *arg)
{
    struct looped *l = arg;
    int64_t now = clock_ns(l->ev.clocks, CLOCK_VIRTUAL);

    for (unsigned i = 0; i < 5000; i++)
        timer_set(&l->ev.timer, now + 2000000 + i);
    timer_set(&l->last, now + 4000000);
    return NULL;
}

static void on_the_loop(void **state)
{
    struct looped l = {0};
    struct os_thread thread;
    struct err e;
    struct event far;

    (void)state;
    assert_int_equal(os_loop_new(&l.loop, &e), 0);
    event_init(&l.ev, new_clocks(l.loop), CLOCK_VIRTUAL);
    event_init(&far, l.ev.clocks, CLOCK_WALL);
    timer_set(&far.timer, INT64_MAX - 1);
    timer_init(&l.last, l.ev.clocks, CLOCK_VIRTUAL, on_last, &l);
    assert_int_equal(os_thread_start(&thread, "setter", 0, set_from_thread, &l, &e), 0);
    os_loop_run(l.loop); /* sleeps; a timer set elsewhere wakes it */
    os_thread_join(&thread);
    assert_true(l.ev.fired >= 1);
    assert_int_equal(far.fired, 0);
    timer_done(&far.timer);
    timer_done(&l.ev.timer);
    clocks_free(l.ev.clocks);
    os_loop_free(l.loop);
}

struct waited {
    struct os_loop *loop;
    struct timer timer;
    _Atomic int in, out;
};

static void on_slow(void *arg)
{
    struct waited *w = arg;

    w->in = 1;
    for (volatile unsigned i = 0; i < 2000000; i++)
        continue;
    w->out = 1;
}

static void *wait_for_it(void *arg)
{
    struct waited *w = arg;
    int out;

    while (!w->in)
        continue;
    timer_done(&w->timer);
    out = w->out;
    os_loop_stop(w->loop);
    return out ? NULL : (void *)1;
}

static void done_waits(void **state)
{
    struct waited w = {0};
    struct clocks *c;
    struct os_thread thread;
    struct err e;

    (void)state;
    assert_int_equal(os_loop_new(&w.loop, &e), 0);
    c = new_clocks(w.loop);
    timer_init(&w.timer, c, CLOCK_HOST, on_slow, &w);
    timer_set(&w.timer, 0);
    assert_int_equal(os_thread_start(&thread, "waiter", 0, wait_for_it, &w, &e), 0);
    os_loop_run(w.loop);
    assert_null(os_thread_join(&thread));
    clocks_free(c);
    os_loop_free(w.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),       cmocka_unit_test(periodic),   cmocka_unit_test(stopped),
        cmocka_unit_test(on_the_loop), cmocka_unit_test(done_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
