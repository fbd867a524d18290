/*
 * Groups of descriptors (os/pollset.h), by an epoll descriptor nested in the event loop's. Must not
 * know what the descriptors are.
 */
#include "os/pollset.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"

struct os_pollset {
    int fd;
};

int os_pollset_new(struct os_pollset **out, struct err *e)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0)
        return err_set(e, errno, "cannot make an epoll descriptor");
    *out = mem_new(struct os_pollset);
    (*out)->fd = fd;
    return 0;
}

void os_pollset_free(struct os_pollset *set)
{
    if (!set)
        return;
    close(set->fd);
    free(set);
}

int os_pollset_fd(const struct os_pollset *set)
{
    return set->fd;
}

void os_pollset_set(struct os_pollset *set, int fd, unsigned events)
{
    struct epoll_event ev = {.data.fd = fd};

    if (!events) {
        epoll_ctl(set->fd, EPOLL_CTL_DEL, fd, &ev);
        return;
    }
    ev.events = (events & OS_POLL_IN ? EPOLLIN : 0u) | (events & OS_POLL_OUT ? EPOLLOUT : 0u) |
                (events & OS_POLL_PRI ? EPOLLPRI : 0u);
    /* The number may have been closed and opened again: what we remember proves nothing. */
    if (epoll_ctl(set->fd, EPOLL_CTL_MOD, fd, &ev) < 0 && errno == ENOENT)
        epoll_ctl(set->fd, EPOLL_CTL_ADD, fd, &ev);
}

int os_pollset_take(struct os_pollset *set, struct os_pollset_ready *ready, int max)
{
    struct epoll_event ev[64];
    int n = epoll_wait(set->fd, ev, max < 64 ? max : 64, 0);

    for (int i = 0; i < n; i++) {
        ready[i].fd = ev[i].data.fd;
        ready[i].events = (ev[i].events & EPOLLIN ? OS_POLL_IN : 0u) |
                          (ev[i].events & EPOLLOUT ? OS_POLL_OUT : 0u) |
                          (ev[i].events & EPOLLPRI ? OS_POLL_PRI : 0u) |
                          (ev[i].events & EPOLLERR ? OS_POLL_ERR : 0u) |
                          (ev[i].events & EPOLLHUP ? OS_POLL_HUP : 0u);
    }
    return n < 0 ? 0 : n;
}
