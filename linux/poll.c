/*
 * Owns waiting on descriptors: poll, select, epoll. They carry signal masks, which must not block
 * the signals that faults arrive by, and epoll's event is packed on the host only.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "linux/generic.h"
#include "linux/lx.h"

enum { STACK_EVENTS = 64, MAX_EVENTS = 65536 };

/* Reads a mask for a call that sleeps with it; NULL stays NULL. */
static int get_mask(uint64_t at, uint64_t size, uint64_t *mask, const uint64_t **out)
{
    *out = NULL;
    if (!at)
        return 0;
    if (size != sizeof(*mask))
        return -EINVAL;
    if (lx_get_obj(*mask, at) < 0)
        return -EFAULT;
    *mask = lx_signal_host_bits(*mask);
    *out = mask;
    return 0;
}

int64_t lx_sys_ppoll(struct lx_thread *t, uint64_t *a)
{
    const uint64_t *mask;
    uint64_t bits;
    int ret = get_mask(a[3], a[4], &bits, &mask);

    return ret < 0 ? ret : LX_BLOCKING(t, SYS_ppoll, a[0], a[1], a[2], mask, sizeof(bits));
}

int64_t lx_sys_pselect6(struct lx_thread *t, uint64_t *a)
{
    struct {
        uint64_t mask, size;
    } set = {0, 0};
    const uint64_t *mask = NULL;
    uint64_t bits;
    int ret = 0;

    if (a[5]) {
        if (lx_get_obj(set, a[5]) < 0)
            return -EFAULT;
        ret = get_mask(set.mask, set.size, &bits, &mask);
        set.mask = (uint64_t)mask;
    }
    if (ret < 0)
        return ret;
    return LX_BLOCKING(t, SYS_pselect6, a[0], a[1], a[2], a[3], a[4], a[5] ? &set : NULL);
}

int64_t lx_sys_epoll_ctl(struct lx_thread *t, uint64_t *a)
{
    struct lx_epoll_event g;
    struct epoll_event event = {0};

    (void)t;
    if (a[3]) {
        if (lx_get_obj(g, a[3]) < 0)
            return -EFAULT;
        event.events = g.events;
        event.data.u64 = g.data;
    }
    return LX_HOST(SYS_epoll_ctl, a[0], a[1], a[2], a[3] ? &event : NULL);
}

/* The common part; `timeout` is what the host's call `nr` takes. */
static int64_t epoll_wait_any(struct lx_thread *t, long nr, uint64_t *a)
{
    struct epoll_event few[STACK_EVENTS], *events = few;
    const uint64_t *mask;
    int64_t count = (int)a[2], ret;
    uint64_t bits;

    if (count <= 0)
        return -EINVAL;
    ret = get_mask(a[4], a[5], &bits, &mask);
    if (ret < 0)
        return ret;
    count = min_of(count, (int64_t)MAX_EVENTS);
    if (count > STACK_EVENTS) {
        events = malloc((size_t)count * sizeof(*events));
        if (!events)
            return -ENOMEM;
    }
    ret = LX_BLOCKING(t, nr, a[0], events, count, a[3], mask, sizeof(bits));
    for (int64_t i = 0; i < ret; i++) {
        struct lx_epoll_event g = {events[i].events, 0, events[i].data.u64};

        if (lx_put_obj(a[1] + (uint64_t)i * sizeof(g), g) < 0)
            ret = -EFAULT;
    }
    if (events != few)
        free(events);
    return ret;
}

int64_t lx_sys_epoll_pwait(struct lx_thread *t, uint64_t *a)
{
    return epoll_wait_any(t, SYS_epoll_pwait, a);
}

int64_t lx_sys_epoll_pwait2(struct lx_thread *t, uint64_t *a)
{
    return epoll_wait_any(t, SYS_epoll_pwait2, a);
}
