/*
 * Owns the table of system calls, the numbers of the guests that share the kernel's generic ones,
 * and the way of a call: look up, translate paths, go to a handler or straight to the host. Must
 * not know what any single call does.
 */
#include <errno.h>
#include <sys/syscall.h>

#include "base/str.h"
#include "linux/generic.h"
#include "linux/lx.h"

#define B LX_S_BLOCKS
const struct lx_syscall lx_syscalls[LX_SYS_COUNT] = {
#define S(name, args, flags) [LX_SYS_##name] = {#name, args, NULL, SYS_##name, flags},
#define H(name, args, flags) [LX_SYS_##name] = {#name, args, lx_sys_##name, -1, flags},
#include "linux/syscalls.def"
#undef S
#undef H
};
#undef B

const uint16_t lx_generic_numbers[LX_GENERIC_NUMBERS] = {
#define N(number, name) [number] = LX_SYS_##name + 1,
#include "linux/generic.def"
#undef N
};

/* Straight to the host, but for the paths. */
static int64_t pass(struct lx_thread *t, const struct lx_syscall *s, const uint64_t *a)
{
    uint64_t b[6] = {a[0], a[1], a[2], a[3], a[4], a[5]};
    const char *path;
    int which = 0, ret;

    for (unsigned i = 0; s->args[i]; i++) {
        if (s->args[i] != 'F' || a[i] == 0)
            continue;
        ret = lx_path(t, a[i], which++, &path);
        if (ret < 0)
            return ret;
        b[i] = (uint64_t)path;
    }
    if (s->flags & LX_S_BLOCKS)
        return lx_host_blocking(t, s->host, b[0], b[1], b[2], b[3], b[4], b[5]);
    return lx_host(s->host, b[0], b[1], b[2], b[3], b[4], b[5]);
}

static int64_t unknown(struct lx_thread *t, uint64_t nr, const uint64_t *a)
{
    log_guest("system call %llu (0x%llx, 0x%llx, ...) is not known here: ENOSYS",
              (unsigned long long)nr, (unsigned long long)a[0], (unsigned long long)a[1]);
    (void)t;
    return -ENOSYS;
}

static int64_t run(struct lx_thread *t, const struct lx_syscall *s, uint64_t nr, uint64_t *a)
{
    int64_t ret;

    if ((s->args[0] == 'f' || s->args[0] == 'D') && lx_fd_is_ours(t->p, (int)a[0]))
        return -EBADF;
    ret = s->fn ? s->fn(t, a) : pass(t, s, a);
    if (ret == -LX_ENOTIMPL) {
        log_guest("system call %s (%llu) is not implemented: ENOSYS", s->name,
                  (unsigned long long)nr);
        ret = -ENOSYS;
    }
    return ret;
}

int64_t lx_syscall(struct lx_thread *t, uint64_t nr, uint64_t a[7])
{
    const struct lx_guest *g = t->p->guest;
    const struct lx_syscall *s;
    struct str line = {0};
    int64_t ret;

    a[6] = nr;
    if (nr >= g->nnumbers || g->numbers[nr] == 0) {
        if (nr >= 244 && nr < 260 && g->arch_syscall)
            ret = g->arch_syscall(t, a);
        else
            ret = unknown(t, nr, a);
        if (unlikely(t->p->strace || log_on(LOG_STRACE)))
            log_trace(LOG_STRACE, "%d %llu() = %lld", t->tid, (unsigned long long)nr,
                      (long long)ret);
        return ret;
    }
    s = &lx_syscalls[g->numbers[nr] - 1];
    if (likely(!t->p->strace && !log_on(LOG_STRACE)))
        return run(t, s, nr, a);
    lx_strace_enter(t, s, a, &line);
    ret = run(t, s, nr, a);
    lx_strace_leave(t, s, a, ret, &line);
    return ret;
}
