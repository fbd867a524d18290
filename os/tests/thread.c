/* threads: start, join, locks, conditions; threads start with signals blocked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "os/thread.h"
#include "os/time.h"

struct shared {
    struct os_mutex mutex;
    struct os_cond cond;
    int counter;
    int blocked;
};

static void *count(void *arg)
{
    struct shared *s = arg;
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int i = 0; i < 10000; i++) {
        os_mutex_lock(&s->mutex);
        s->counter++;
        os_mutex_unlock(&s->mutex);
    }
    os_mutex_lock(&s->mutex);
    s->blocked += sigismember(&mask, SIGINT);
    os_cond_broadcast(&s->cond);
    os_mutex_unlock(&s->mutex);
    return s;
}

static void counting(void **state)
{
    struct shared s = {0};
    struct os_thread threads[4];
    struct err e;

    (void)state;
    os_mutex_init(&s.mutex);
    os_cond_init(&s.cond);
    for (int i = 0; i < 4; i++)
        assert_int_equal(os_thread_start(&threads[i], "count", 0, count, &s, &e), 0);
    os_mutex_lock(&s.mutex);
    while (s.blocked < 4)
        os_cond_wait(&s.cond, &s.mutex);
    assert_int_equal(s.counter, 40000);
    assert_false(os_mutex_trylock(&s.mutex));
    assert_false(os_cond_wait_for(&s.cond, &s.mutex, 1000000));
    os_mutex_unlock(&s.mutex);
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(os_thread_join(&threads[i]), &s);
    os_cond_destroy(&s.cond);
    os_mutex_destroy(&s.mutex);
}

static void facts(void **state)
{
    int64_t before = os_time_ns();

    (void)state;
    assert_true(os_cpu_count() >= 1);
    assert_true(os_thread_id() > 0);
    assert_true(os_time_ns() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting),
        cmocka_unit_test(facts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
