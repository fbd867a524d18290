/* Clocks, timers of all kinds, timerfd, sleeping. Prints only what does not depend on speed. */
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t ticks, value;

static void on_tick(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    value = info->si_value.sival_int;
    ticks++;
}

static void on_thread(union sigval v)
{
    value = v.sival_int;
    ticks++;
}

static long long now(clockid_t clock)
{
    struct timespec ts;

    CHECK(clock_gettime(clock, &ts) == 0);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec its = {{0, 3000000}, {0, 3000000}}, got;
    struct timespec ts = {0, 20000000}, res;
    struct itimerval itv = {{0, 0}, {0, 2000}};
    struct timeval tv;
    struct tms tms;
    uint64_t expired;
    timer_t timer;
    long long start;
    int fd;

    sigaction(SIGRTMIN, &sa, NULL);
    sigaction(SIGPROF, &sa, NULL);
    start = now(CLOCK_MONOTONIC);
    CHECK(nanosleep(&ts, NULL) == 0);
    printf("slept: %d\n", now(CLOCK_MONOTONIC) - start >= 20000000);
    start = now(CLOCK_REALTIME);
    CHECK(clock_nanosleep(CLOCK_REALTIME, 0, &ts, NULL) == 0);
    printf("slept: %d\n", now(CLOCK_REALTIME) - start >= 19000000);
    CHECK(clock_getres(CLOCK_MONOTONIC, &res) == 0 && res.tv_sec == 0);
    CHECK(gettimeofday(&tv, NULL) == 0 && tv.tv_sec > 1600000000);
    CHECK(clock_gettime(12345, &ts) == -1 && errno == EINVAL);

    ev.sigev_value.sival_int = 31;
    CHECK(timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0);
    CHECK(timer_settime(timer, 0, &its, NULL) == 0);
    while (ticks < 3)
        pause();
    CHECK(timer_gettime(timer, &got) == 0);
    printf("timer: value %d interval %ld\n", (int)value, got.it_interval.tv_nsec);
    CHECK(timer_delete(timer) == 0);

    ev.sigev_notify = SIGEV_THREAD;
    ev.sigev_notify_function = on_thread;
    ev.sigev_value.sival_int = 32;
    ticks = 0;
    CHECK(timer_create(CLOCK_REALTIME, &ev, &timer) == 0);
    CHECK(timer_settime(timer, 0, &its, NULL) == 0);
    while (ticks < 2)
        usleep(1000);
    printf("thread timer: value %d\n", (int)value);
    CHECK(timer_delete(timer) == 0);

    ticks = 0;
    CHECK(setitimer(ITIMER_PROF, &itv, NULL) == 0);
    while (!ticks)
        ;
    puts("profiled");
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    CHECK(timerfd_settime(fd, 0, &its, NULL) == 0);
    CHECK(read(fd, &expired, sizeof(expired)) == 8 && expired >= 1);
    CHECK(timerfd_gettime(fd, &got) == 0);
    printf("timerfd: %ld\n", got.it_interval.tv_nsec);
    CHECK(times(&tms) != (clock_t)-1);
    CHECK(now(CLOCK_PROCESS_CPUTIME_ID) > 0 && now(CLOCK_THREAD_CPUTIME_ID) > 0);
    return 0;
}
