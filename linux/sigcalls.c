/*
 * Owns the system calls about signals. Must not know how signals are caught and delivered.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "linux/lx.h"

int64_t lx_sys_rt_sigaction(struct lx_thread *t, uint64_t *a)
{
    bool restorer = t->p->guest->has_restorer;
    struct lx_sigaction new = {0}, old;
    uint64_t words[4] = {0};
    size_t size = restorer ? 32 : 24;
    int ret;

    if (a[3] != sizeof(uint64_t))
        return -EINVAL;
    if (a[1]) {
        if (lx_get(words, a[1], size) < 0)
            return -EFAULT;
        new = (struct lx_sigaction){words[0], words[1], restorer ? words[2] : 0,
                                    words[restorer ? 3 : 2]};
    }
    ret = lx_signal_action(t, (int)a[0], a[1] ? &new : NULL, &old);
    if (ret < 0 || !a[2])
        return ret;
    words[0] = old.handler;
    words[1] = old.flags;
    words[2] = restorer ? old.restorer : old.mask;
    words[3] = old.mask;
    return lx_put(a[2], words, size);
}

int64_t lx_sys_rt_sigprocmask(struct lx_thread *t, uint64_t *a)
{
    uint64_t old = t->sigmask, set = old, new;

    if (a[3] != sizeof(uint64_t))
        return -EINVAL;
    if (a[1]) {
        if (lx_get_obj(new, a[1]) < 0)
            return -EFAULT;
        switch ((int)a[0]) {
        case SIG_BLOCK:
            set |= new;
            break;
        case SIG_UNBLOCK:
            set &= ~new;
            break;
        case SIG_SETMASK:
            set = new;
            break;
        default:
            return -EINVAL;
        }
        if (set != old)
            lx_signal_set_mask(t, set);
    }
    return a[2] ? lx_put_obj(a[2], old) : 0;
}

int64_t lx_sys_rt_sigpending(struct lx_thread *t, uint64_t *a)
{
    uint64_t set = 0;
    int64_t ret;

    if (a[1] > sizeof(uint64_t))
        return -EINVAL;
    ret = LX_HOST(SYS_rt_sigpending, &set, sizeof(set));
    if (ret < 0)
        return ret;
    set = (set | t->deferred) & t->sigmask;
    return lx_put(a[0], &set, a[1]);
}

/* The host's own sigsuspend, so that changing the mask and sleeping are one step. */
int64_t lx_sys_rt_sigsuspend(struct lx_thread *t, uint64_t *a)
{
    uint64_t mask;

    if (a[1] != sizeof(mask))
        return -EINVAL;
    if (lx_get_obj(mask, a[0]) < 0)
        return -EFAULT;
    if (t->deferred & ~mask) { /* waits here, not in the kernel */
        t->sigmask &= ~(t->deferred & ~mask);
        return -EINTR;
    }
    mask = lx_signal_host_bits(mask);
    return LX_BLOCKING(t, SYS_rt_sigsuspend, &mask, sizeof(mask));
}

int64_t lx_sys_rt_sigtimedwait(struct lx_thread *t, uint64_t *a)
{
    uint64_t set;

    if (a[3] != sizeof(set))
        return -EINVAL;
    if (lx_get_obj(set, a[0]) < 0)
        return -EFAULT;
    for (int sig = 1; sig < 32; sig++) {
        struct lx_siginfo info;

        if (!(t->deferred & set & LX_SIG_BIT(sig)))
            continue;
        t->deferred &= ~LX_SIG_BIT(sig);
        memset(&info, 0, sizeof(info));
        info.host.si_signo = sig;
        return a[1] && lx_put_obj(a[1], info) < 0 ? -EFAULT : sig;
    }
    return LX_BLOCKING(t, SYS_rt_sigtimedwait, &set, a[1], a[2], sizeof(set));
}

int64_t lx_sys_rt_sigreturn(struct lx_thread *t, uint64_t *a)
{
    uint64_t mask;

    (void)a;
    if (t->p->guest->sigreturn(t, &mask) < 0) {
        log_guest("sigreturn with a damaged frame");
        lx_signal_fault(t, SIGSEGV, SI_KERNEL, 0, 0);
        return -LX_NO_RESULT;
    }
    lx_signal_set_mask(t, mask);
    return -LX_NO_RESULT;
}

int64_t lx_sys_sigaltstack(struct lx_thread *t, uint64_t *a)
{
    uint64_t sp = t->p->guest->get_sp(t), old[3], new[3];
    struct lx_altstack *s = &t->altstack;
    bool on = !((uint32_t)s->flags & 1u << 31) && s->size && sp > s->sp && sp - s->sp <= s->size;
    uint32_t mode;

    old[0] = s->sp;
    old[1] = (uint32_t)s->flags | (on ? SS_ONSTACK : 0);
    old[2] = s->size;
    if (a[0]) {
        if (lx_get_obj(new, a[0]) < 0)
            return -EFAULT;
        mode = (uint32_t) new[1] & ~(1u << 31);
        if (on)
            return -EPERM;
        if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
            return -EINVAL;
        if (mode != SS_DISABLE && new[2] < t->p->guest->altstack_min)
            return -ENOMEM;
        if (mode == SS_DISABLE)
            *s = (struct lx_altstack){0, 0, SS_DISABLE};
        else
            *s = (struct lx_altstack){new[0], new[2], (int)((uint32_t) new[1] & (1u << 31))};
    }
    return a[1] ? lx_put_obj(a[1], old) : 0;
}
