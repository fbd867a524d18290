/*
 * Owns signals: the host's handler, the one caught signal that a thread holds, delivery to the
 * guest.
 *
 * The host's kernel does the queueing. A signal that the guest handles has the host handler
 * on_signal(); it notes the signal in the thread, blocks all others in the interrupted context and
 * kicks the cpu. The loop then delivers it between two guest instructions and sets the mask that
 * the guest's handler runs with. So at most one caught signal waits here, and priorities,
 * coalescing and process-directed signals are the kernel's. What the guest ignores or leaves to the
 * default is ignored or left to the default on the host as well.
 *
 * Five signals always have the host handler, because faults of translated code arrive by them:
 * SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP. They are never blocked on the host. Must not know a
 * guest's frame layout.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "linux/generic.h"
#include "linux/lx.h"

#define BIT(sig)           LX_SIG_BIT(sig)
#define SYNC_BITS          (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP))
#define UNBLOCKABLE        (BIT(SIGKILL) | BIT(SIGSTOP))
#define DEFAULT_IGNORES    (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))
#define DEFAULT_STOPS      (BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU) | BIT(SIGSTOP))
#define KERNEL_SA_RESTORER UINT64_C(0x04000000)
#define SS_AUTODISARM_BIT  (1u << 31)
enum { HOST_STACK_SIZE = 128 << 10 };

__thread struct lx_thread *lx_self;

static const uint8_t sync_signals[5] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

/* The kernel's own struct, which libc hides. */
struct host_action {
    void (*handler)(int, siginfo_t *, void *);
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

extern void lx_sigreturn_host(void);
__asm__(".text\n"
        ".globl lx_sigreturn_host\n"
        "    nop\n"
        "lx_sigreturn_host:\n"
        "    mov $15, %rax\n" /* rt_sigreturn */
        "    syscall\n");

static int host_action(int sig, const struct host_action *new, struct host_action *old)
{
    return (int)LX_HOST(SYS_rt_sigaction, sig, new, old, sizeof(uint64_t));
}

static void host_default(int sig)
{
    struct host_action dfl = {(void *)SIG_DFL, KERNEL_SA_RESTORER, lx_sigreturn_host, 0};

    host_action(sig, &dfl, NULL);
}

void lx_signal_host_mask(uint64_t mask)
{
    LX_HOST(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

uint64_t lx_signal_block_all(void)
{
    uint64_t all = ~SYNC_BITS, old = 0;

    LX_HOST(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(all));
    return old;
}

uint64_t lx_signal_host_bits(uint64_t guest)
{
    return guest & ~SYNC_BITS;
}

void lx_signal_set_mask(struct lx_thread *t, uint64_t mask)
{
    t->sigmask = mask & ~UNBLOCKABLE;
    if (!t->pending) /* otherwise all stay blocked until that one is delivered */
        lx_signal_host_mask(lx_signal_host_bits(t->sigmask));
}

static void set_context_mask(ucontext_t *uc, uint64_t mask)
{
    memcpy(&uc->uc_sigmask, &mask, sizeof(mask));
}

/* Gives the signal back to the kernel, where it waits while everything is blocked. */
static void requeue(struct lx_thread *t, int sig, siginfo_t *info)
{
    int64_t ret = t ? LX_HOST(SYS_rt_tgsigqueueinfo, getpid(), t->tid, sig, info)
                    : LX_HOST(SYS_rt_sigqueueinfo, getpid(), sig, info);

    if (ret == 0)
        return;
    /* Only the first thread may say that the kernel sent it. */
    if (t)
        LX_HOST(SYS_tgkill, getpid(), t->tid, sig);
    else
        LX_HOST(SYS_kill, getpid(), sig);
}

/* A fault in this program itself: end as the fault would, so that a core dump shows it. */
static void own_fault(int sig, const siginfo_t *info, const ucontext_t *uc)
{
    char text[160];
    int length = snprintf(text, sizeof(text),
                          "myna: internal fault: signal %d at host pc %#llx, address %p\n", sig,
                          (unsigned long long)uc->uc_mcontext.gregs[REG_RIP], info->si_addr);

    LX_HOST(SYS_write, log_fd(), text, length);
    host_default(sig);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    struct lx_thread *t = lx_self;
    ucontext_t *uc = context;
    uint64_t *pc = (uint64_t *)&uc->uc_mcontext.gregs[REG_RIP];

    if ((BIT(sig) & SYNC_BITS) && info->si_code > 0) {
        if ((sig == SIGSEGV || sig == SIGBUS) && lx_host_fix_pc(pc, true))
            return;
        if (!t || !t->cpu || !accel_host_signal(t->cpu, sig, info, context))
            own_fault(sig, info, uc);
        return;
    }
    set_context_mask(uc, ~SYNC_BITS);
    if (!t || t->pending) {
        requeue(t, sig, info);
        return;
    }
    memcpy(&t->pending_info, info, sizeof(t->pending_info));
    atomic_store(&t->pending, sig);
    lx_host_fix_pc(pc, false);
    cpu_kick(t->cpu);
}

/* The host's disposition that goes with the guest's. */
static void install(int sig, const struct lx_sigaction *act)
{
    struct host_action host = {on_signal, 0, lx_sigreturn_host, ~UINT64_C(0)};

    host.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | KERNEL_SA_RESTORER |
                 (act->flags & (SA_NOCLDSTOP | SA_NOCLDWAIT));
    if (!(BIT(sig) & SYNC_BITS) && act->handler <= (uint64_t)SIG_IGN)
        host.handler = (void *)act->handler;
    host_action(sig, &host, NULL);
}

int lx_signal_action(struct lx_thread *t, int sig, const struct lx_sigaction *new,
                     struct lx_sigaction *old)
{
    struct lx_sighand *h = t->sighand;
    uint64_t host_mask;

    if (sig < 1 || sig > LX_NSIG || (new &&BIT(sig) & UNBLOCKABLE))
        return -EINVAL;
    host_mask = lx_signal_block_all();
    pthread_mutex_lock(&h->lock);
    if (old)
        *old = h->act[sig];
    if (new) {
        h->act[sig] = *new;
        h->act[sig].mask &= ~UNBLOCKABLE;
        install(sig, new);
    }
    pthread_mutex_unlock(&h->lock);
    if (!t->pending)
        lx_signal_host_mask(host_mask);
    return 0;
}

int lx_signal_thread_init(struct lx_thread *t)
{
    stack_t stack = {.ss_size = HOST_STACK_SIZE};

    stack.ss_sp =
        mmap(NULL, HOST_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED)
        return -ENOMEM;
    t->host_altstack = stack.ss_sp;
    t->altstack.flags = SS_DISABLE;
    lx_self = t;
    return sigaltstack(&stack, NULL) < 0 ? -errno : 0;
}

void lx_signal_thread_exit(struct lx_thread *t)
{
    stack_t off = {.ss_flags = SS_DISABLE};

    lx_self = NULL;
    sigaltstack(&off, NULL);
    munmap(t->host_altstack, HOST_STACK_SIZE);
}

int lx_signal_init(struct lx_thread *t, struct err *e)
{
    struct host_action host;
    int ret = lx_signal_thread_init(t);

    if (ret < 0)
        return err_set(e, ret, "cannot set up signal handling");
    for (int sig = 1; sig <= LX_NSIG; sig++) {
        if (host_action(sig, NULL, &host) == 0 && host.handler == (void *)SIG_IGN)
            t->sighand->act[sig].handler = (uint64_t)SIG_IGN;
        if (BIT(sig) & SYNC_BITS)
            install(sig, &t->sighand->act[sig]);
    }
    LX_HOST(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &t->sigmask, sizeof(t->sigmask));
    lx_signal_host_mask(lx_signal_host_bits(t->sigmask));
    return 0;
}

void lx_signal_before_exec(struct lx_thread *t, bool undo)
{
    for (size_t i = 0; i < array_size(sync_signals); i++) {
        struct host_action ign = {(void *)SIG_IGN, KERNEL_SA_RESTORER, lx_sigreturn_host, 0};
        const struct lx_sigaction *act = &t->sighand->act[sync_signals[i]];

        if (act->handler != (uint64_t)SIG_IGN)
            continue;
        if (undo)
            install(sync_signals[i], act);
        else
            host_action(sync_signals[i], &ign, NULL);
    }
}

no_return void lx_signal_die(int sig)
{
    uint64_t none = 0;

    host_default(sig);
    lx_signal_host_mask(none);
    LX_HOST(SYS_tgkill, getpid(), gettid(), sig);
    lx_group_exit(128 + sig);
}

uint64_t lx_signal_stack(const struct lx_thread *t, const struct lx_sigaction *act, uint64_t sp)
{
    const struct lx_altstack *s = &t->altstack;
    bool on = !(s->flags & (int)SS_AUTODISARM_BIT) && sp > s->sp && sp - s->sp <= s->size;

    if (!(act->flags & SA_ONSTACK) || s->flags & SS_DISABLE || s->size == 0 || on)
        return sp;
    return s->sp + s->size;
}

void lx_frame_head_save(struct lx_thread *t, struct lx_frame_head *h, uint64_t sp,
                        const struct lx_siginfo *info, uint64_t mask)
{
    struct lx_altstack *s = &t->altstack;

    memset(h, 0, sizeof(*h));
    memcpy(h->info, info, sizeof(h->info));
    h->uc.sigmask = mask;
    h->uc.stack = (struct lx_stack_t){.sp = s->sp, .flags = s->flags, .size = s->size};
    if (s->size && sp > s->sp && sp - s->sp <= s->size)
        h->uc.stack.flags |= SS_ONSTACK;
    if (s->flags & (int)SS_AUTODISARM_BIT)
        *s = (struct lx_altstack){0, 0, SS_DISABLE};
}

void lx_frame_head_restore(struct lx_thread *t, const struct lx_frame_head *h, uint64_t *mask)
{
    const struct lx_stack_t *s = &h->uc.stack;

    if (s->flags & SS_DISABLE)
        t->altstack = (struct lx_altstack){0, 0, SS_DISABLE};
    else
        t->altstack = (struct lx_altstack){s->sp, s->size, s->flags & (int)SS_AUTODISARM_BIT};
    *mask = h->uc.sigmask;
}

/* Stops or ends the process as the kernel does for a signal that is left to the default. */
static void do_default(struct lx_thread *t, int sig)
{
    if (BIT(sig) & DEFAULT_IGNORES)
        return;
    if (!(BIT(sig) & DEFAULT_STOPS))
        lx_signal_die(sig);
    LX_HOST(SYS_tgkill, getpid(), t->tid, sig);
    lx_signal_host_mask(lx_signal_host_bits(t->sigmask & ~BIT(sig)));
    lx_signal_block_all();
}

static void end_restart(struct lx_thread *t, bool again)
{
    if (!t->restart)
        return;
    t->restart = false;
    if (again)
        t->cpu->pc -= t->p->guest->insn_size;
    else
        t->p->guest->set_result(t, -EINTR);
}

static void enter_handler(struct lx_thread *t, int sig, const struct lx_siginfo *info,
                          const struct lx_sigaction *act)
{
    end_restart(t, act->flags & SA_RESTART);
    trace(LOG_SIGNAL, "%d: signal %d code %d at %llx, handler %llx", t->tid, sig,
          info->host.si_code, (unsigned long long)t->cpu->pc, (unsigned long long)act->handler);
    if (log_on(LOG_SIGNAL) && log_on(LOG_CPU))
        t->p->guest->dump(t);
    if (t->p->guest->frame(t, sig, info, act, t->sigmask) < 0) {
        log_guest("no stack for the handler of signal %d", sig);
        lx_signal_die(SIGSEGV);
    }
    t->sigmask |= act->mask & ~UNBLOCKABLE;
    if (!(act->flags & SA_NODEFER))
        t->sigmask |= BIT(sig);
}

static struct lx_sigaction take_action(struct lx_thread *t, int sig)
{
    struct lx_sighand *h = t->sighand;
    struct lx_sigaction act;

    pthread_mutex_lock(&h->lock);
    act = h->act[sig];
    if (act.flags & SA_RESETHAND && act.handler > (uint64_t)SIG_IGN) {
        h->act[sig].handler = (uint64_t)SIG_DFL;
        install(sig, &h->act[sig]);
    }
    pthread_mutex_unlock(&h->lock);
    return act;
}

static void deliver_one(struct lx_thread *t, int sig, const struct lx_siginfo *info)
{
    struct lx_sigaction act = take_action(t, sig);

    if (act.handler == (uint64_t)SIG_IGN)
        return;
    if (act.handler == (uint64_t)SIG_DFL)
        do_default(t, sig);
    else
        enter_handler(t, sig, info, &act);
}

/* A synchronous kind that somebody sent while the guest has it blocked waits here. */
static bool defer(struct lx_thread *t, int sig, const struct lx_siginfo *info)
{
    if (!(BIT(sig) & SYNC_BITS & t->sigmask))
        return false;
    for (size_t i = 0; i < array_size(sync_signals); i++)
        if (sync_signals[i] == sig)
            t->deferred_info[i] = *info;
    t->deferred |= BIT(sig);
    return true;
}

static void deliver_deferred(struct lx_thread *t)
{
    for (size_t i = 0; i < array_size(sync_signals); i++) {
        int sig = sync_signals[i];

        if (!(t->deferred & ~t->sigmask & BIT(sig)))
            continue;
        t->deferred &= ~BIT(sig);
        t->fault_address = t->fault_esr = 0;
        deliver_one(t, sig, &t->deferred_info[i]);
    }
}

void lx_signal_deliver(struct lx_thread *t)
{
    struct lx_siginfo info;
    int sig;

    lx_signal_block_all();
    sig = t->pending;
    if (sig) {
        info = t->pending_info;
        t->pending = 0;
        t->fault_address = t->fault_esr = 0;
        if (!defer(t, sig, &info))
            deliver_one(t, sig, &info);
    }
    if (t->deferred & ~t->sigmask)
        deliver_deferred(t);
    end_restart(t, true);
    lx_signal_host_mask(lx_signal_host_bits(t->sigmask));
}

void lx_signal_fault(struct lx_thread *t, int sig, int code, uint64_t addr, uint64_t esr)
{
    struct lx_siginfo info;
    struct lx_sigaction act;

    memset(&info, 0, sizeof(info));
    info.host.si_signo = sig;
    info.host.si_code = code;
    info.host.si_addr = (void *)addr;
    lx_signal_block_all();
    act = take_action(t, sig);
    if (act.handler <= (uint64_t)SIG_IGN || t->sigmask & BIT(sig)) {
        trace(LOG_SIGNAL, "%d: fatal signal %d code %d at %llx, address %llx", t->tid, sig, code,
              (unsigned long long)t->cpu->pc, (unsigned long long)addr);
        if (log_on(LOG_SIGNAL))
            t->p->guest->dump(t);
        lx_signal_die(sig);
    }
    t->fault_address = addr;
    t->fault_esr = esr;
    enter_handler(t, sig, &info, &act);
    if (!t->pending)
        lx_signal_host_mask(lx_signal_host_bits(t->sigmask));
}
