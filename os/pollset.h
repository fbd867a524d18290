/*
 * A set of descriptors whose readiness is asked for at once: for libraries that bring their own
 * sockets and poll them as a group. The set has a descriptor of its own, readable when one of its
 * members is ready, for an os_watch.
 *
 * A member that was closed by its owner without os_pollset_set(fd, 0) does no harm. One thread.
 */
#ifndef OS_POLLSET_H
#define OS_POLLSET_H

#include "base/attr.h"
#include "base/err.h"

enum { OS_POLL_IN = 1, OS_POLL_OUT = 2, OS_POLL_PRI = 4, OS_POLL_ERR = 8, OS_POLL_HUP = 16 };

struct os_pollset;
struct os_pollset_ready {
    int fd;
    unsigned events; /* OS_POLL_*; ERR and HUP also unasked */
};

int must_check os_pollset_new(struct os_pollset **out, struct err *e);
void os_pollset_free(struct os_pollset *set);
int os_pollset_fd(const struct os_pollset *set);
/* events 0: not a member any more. */
void os_pollset_set(struct os_pollset *set, int fd, unsigned events);
/* Those that are ready now; at most `max`. Returns their number. */
int os_pollset_take(struct os_pollset *set, struct os_pollset_ready *ready, int max);

#endif
