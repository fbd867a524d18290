/*
 * Time of the host in nanoseconds. Any thread, also a signal handler.
 */
#ifndef OS_TIME_H
#define OS_TIME_H

#include <stdint.h>
#include <time.h>

static inline int64_t os_time_read(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Since some start; never goes back. */
static inline int64_t os_time_ns(void)
{
    return os_time_read(CLOCK_MONOTONIC);
}

/* Processor time of the calling thread. */
static inline int64_t os_time_thread_ns(void)
{
    return os_time_read(CLOCK_THREAD_CPUTIME_ID);
}

#endif
