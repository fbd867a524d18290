/*
 * Owns the system calls on descriptors that user mode has to look at: the program's own descriptors
 * (log, executable) are kept from the guest (table.c refuses them as first arguments), and some
 * flags differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/lx.h"

enum { HIGH_FD = 1001 };

bool lx_fd_is_ours(const struct lx_proc *p, int fd)
{
    return fd > 2 && (fd == p->self_fd || fd == log_fd());
}

int lx_fd_raise(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);

    for (int low = 512; high < 0 && low > 8; low /= 2) /* the limit on descriptors is lower */
        high = fcntl(fd, F_DUPFD_CLOEXEC, low);
    if (high >= 0)
        close(fd);
    return high;
}

int64_t lx_sys_close(struct lx_thread *t, uint64_t *a)
{
    (void)t;
    return LX_HOST(SYS_close, a[0]);
}

int64_t lx_sys_close_range(struct lx_thread *t, uint64_t *a)
{
    uint32_t first = (uint32_t)a[0], last = (uint32_t)a[1], ours[2];
    int64_t ret = 0;

    if (first > last)
        return -EINVAL;
    ours[0] = (uint32_t)min_of(t->p->self_fd, log_fd());
    ours[1] = (uint32_t)max_of(t->p->self_fd, log_fd());
    for (int i = 0; i < 2 && ret == 0; i++) {
        if (!lx_fd_is_ours(t->p, (int)ours[i]) || ours[i] < first || ours[i] > last)
            continue;
        if (ours[i] > first)
            ret = LX_HOST(SYS_close_range, first, ours[i] - 1, a[2]);
        first = ours[i] + 1;
    }
    if (ret == 0 && first <= last)
        ret = LX_HOST(SYS_close_range, first, last, a[2]);
    return ret;
}

int64_t lx_sys_dup3(struct lx_thread *t, uint64_t *a)
{
    if (lx_fd_is_ours(t->p, (int)a[1]))
        return -EBADF;
    return LX_HOST(SYS_dup3, a[0], a[1], t->p->guest->oflags_in((int)a[2]));
}

int64_t lx_sys_pipe2(struct lx_thread *t, uint64_t *a)
{
    return LX_HOST(SYS_pipe2, a[0], t->p->guest->oflags_in((int)a[1]));
}

int64_t lx_sys_fcntl(struct lx_thread *t, uint64_t *a)
{
    int64_t ret;

    switch ((int)a[1]) {
    case F_GETFL:
        ret = LX_HOST(SYS_fcntl, a[0], F_GETFL);
        return ret < 0 ? ret : t->p->guest->oflags_out((int)ret);
    case F_SETFL:
        return LX_HOST(SYS_fcntl, a[0], F_SETFL, t->p->guest->oflags_in((int)a[2]));
    default:
        break;
    }
    return LX_BLOCKING(t, SYS_fcntl, a[0], a[1], a[2]);
}
