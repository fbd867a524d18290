/*
 * Random bytes from the host's kernel, fit for seeds and keys. Any thread.
 */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include <stdbool.h>
#include <sys/random.h>

/* False when the host has none to give yet. At most 256 bytes a call. */
static inline bool os_random(void *to, size_t size)
{
    return getrandom(to, size, GRND_NONBLOCK) == (ssize_t)size;
}

#endif
