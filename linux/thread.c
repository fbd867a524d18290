/*
 * Owns the start and end of guest threads and processes: clone in its three kinds (thread, fork,
 * vfork), exit, robust lists. A guest thread is a host thread with the same id.
 * Must not know a guest's registers.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/lx.h"

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
enum { THREAD_STACK = 512 << 10, VFORK_STACK = 256 << 10, ROBUST_LIMIT = 2048 };

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
/* What user mode does itself; the rest of a fork's flags goes to the host. */
#define OWN_FLAGS                                                                         \
    (CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | \
     CLONE_CHILD_SETTID | CLONE_CLEAR_SIGHAND | CLONE_DETACHED | CLONE_UNTRACED | CLONE_SIGHAND)

/* The arguments of clone and clone3, made one. */
struct clone_request {
    uint64_t flags; /* without the exit signal */
    uint64_t pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

/* What a starting thread and its parent share. */
struct start {
    struct lx_thread *child;
    const struct clone_request *r;
    _Atomic int done; /* 0: starting, negative: why not, else it runs and has this id */
};

struct lx_thread *lx_thread_new(struct lx_proc *p, struct cpu *cpu)
{
    struct lx_thread *t = mem_new(struct lx_thread);

    t->p = p;
    t->cpu = cpu;
    t->sighand = &p->sighand;
    t->altstack.flags = SS_DISABLE;
    cpu->owner = t;
    return t;
}

static void thread_free(struct lx_thread *t)
{
    cpu_free(t->cpu);
    free(t);
}

no_return void lx_group_exit(int code)
{
    for (;;)
        LX_HOST(SYS_exit_group, code);
}

/* ---- robust futexes: what the kernel does when a thread ends without releasing them ---- */

static void robust_release(struct lx_thread *t, uint64_t word_at, bool pi)
{
    uint32_t word;

    if (word_at & 3 || lx_get_obj(word, word_at) < 0)
        return;
    while ((word & FUTEX_TID_MASK) == (uint32_t)t->tid) {
        uint32_t new = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;

        if (!__atomic_compare_exchange_n((uint32_t *)word_at, &word, new, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST))
            continue;
        if (!pi && word & FUTEX_WAITERS)
            LX_HOST(SYS_futex, word_at, FUTEX_WAKE, 1);
        break;
    }
}

/* The list is in guest memory, which other threads may unmap as soon as they see the thread gone:
 * so it is walked before that, and the host is told that there is none. */
static void robust_walk(struct lx_thread *t)
{
    struct {
        uint64_t next;
        int64_t offset;
        uint64_t pending;
    } head;
    uint64_t at, next;

    LX_HOST(SYS_set_robust_list, NULL, 24);
    if (!t->robust_list || lx_get_obj(head, t->robust_list) < 0)
        return;
    at = head.next;
    for (int i = 0; i < ROBUST_LIMIT && (at & ~UINT64_C(1)) != t->robust_list; i++) {
        uint64_t entry = at & ~UINT64_C(1);

        if (lx_get_obj(next, entry) < 0)
            return;
        if (entry != (head.pending & ~UINT64_C(1)))
            robust_release(t, entry + (uint64_t)head.offset, at & 1);
        at = next;
    }
    if (head.pending)
        robust_release(t, (head.pending & ~UINT64_C(1)) + (uint64_t)head.offset, head.pending & 1);
}

int64_t lx_sys_set_robust_list(struct lx_thread *t, uint64_t *a)
{
    int64_t ret = LX_HOST(SYS_set_robust_list, a[0], a[1]);

    if (ret == 0)
        t->robust_list = a[0];
    return ret;
}

int64_t lx_sys_set_tid_address(struct lx_thread *t, uint64_t *a)
{
    t->clear_child_tid = a[0];
    return t->tid;
}

int64_t lx_sys_rseq(struct lx_thread *t, uint64_t *a)
{
    (void)t, (void)a;
    return -ENOSYS; /* libraries ask once and do without; the host's own libc uses it here */
}

int64_t lx_sys_exit(struct lx_thread *t, uint64_t *a)
{
    lx_signal_block_all();
    if (t->pending) { /* goes first; with the thread it would be lost */
        t->cpu->pc -= t->p->guest->insn_size;
        return -LX_NO_RESULT;
    }
    t->exiting = true;
    t->exit_status = (int)a[0] & 0xff;
    return -LX_NO_RESULT;
}

int64_t lx_sys_exit_group(struct lx_thread *t, uint64_t *a)
{
    (void)t;
    lx_group_exit((int)a[0]);
}

void lx_thread_finish(struct lx_thread *t)
{
    struct lx_proc *p = t->p;
    int status = t->exit_status;
    bool leader = t->tid == getpid();
    uint32_t zero = 0;

    lx_signal_block_all();
    trace(LOG_THREAD, "%d: ends, status %d", t->tid, status);
    if (t->vfork_child || atomic_fetch_sub(&p->nthreads, 1) == 1)
        lx_group_exit(status);
    robust_walk(t);
    accel_detach(t->cpu);
    lx_signal_thread_exit(t);
    if (t->clear_child_tid && lx_put_obj(t->clear_child_tid, zero) == 0)
        LX_HOST(SYS_futex, t->clear_child_tid, FUTEX_WAKE, 1);
    thread_free(t);
    while (leader) /* the process lives on in its other threads */
        LX_HOST(SYS_exit, status);
}

/* ---- threads ---- */

static void wake_parent(struct start *s, int state)
{
    atomic_store(&s->done, state);
    LX_HOST(SYS_futex, &s->done, FUTEX_WAKE_PRIVATE, 1);
}

static void *thread_main(void *arg)
{
    struct start *s = arg;
    struct lx_thread *t = s->child;
    struct err e;
    int ret;

    lx_signal_block_all(); /* libc has unblocked signal 32, its own, which guests' timers use */
    t->tid = gettid();
    ret = lx_signal_thread_init(t);
    if (ret == 0)
        ret = accel_attach(t->p->accel, t->cpu, &e);
    if (ret < 0) {
        wake_parent(s, ret);
        return NULL;
    }
    if (s->r->flags & CLONE_CHILD_SETTID)
        lx_put_obj(s->r->child_tid, t->tid);
    if (s->r->flags & CLONE_PARENT_SETTID)
        lx_put_obj(s->r->parent_tid, t->tid);
    atomic_fetch_add(&t->p->nthreads, 1);
    wake_parent(s, t->tid); /* s is gone from here on */
    trace(LOG_THREAD, "%d: starts at %llx", t->tid, (unsigned long long)t->cpu->pc);
    lx_signal_host_mask(lx_signal_host_bits(t->sigmask));
    lx_loop(t);
    lx_thread_finish(t);
    return NULL;
}

/* The child's thread with a copy of the parent's registers, as clone leaves them. */
static struct lx_thread *make_child(struct lx_thread *t, const struct clone_request *r)
{
    const struct lx_guest *g = t->p->guest;
    struct lx_thread *child = lx_thread_new(t->p, cpu_clone(t->cpu));

    child->sigmask = t->sigmask;
    g->set_result(child, 0);
    if (r->stack)
        g->set_sp(child, r->stack + r->stack_size);
    if (r->flags & CLONE_SETTLS)
        g->set_tls(child, r->tls);
    if (r->flags & CLONE_CHILD_CLEARTID)
        child->clear_child_tid = r->child_tid;
    return child;
}

static int64_t start_thread(struct lx_thread *t, const struct clone_request *r)
{
    struct start s = {.r = r};
    pthread_attr_t attr;
    pthread_t handle;
    uint64_t mask;
    int ret;

    if ((r->flags & THREAD_FLAGS) != THREAD_FLAGS)
        return -EINVAL;
    if (r->flags & (CLONE_VFORK | CLONE_NEWUSER | CLONE_NEWPID | CLONE_PIDFD))
        return -EINVAL;
    s.child = make_child(t, r);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    mask = lx_signal_block_all(); /* the child starts with all blocked */
    ret = -pthread_create(&handle, &attr, thread_main, &s);
    if (ret == 0) {
        while (atomic_load(&s.done) == 0)
            LX_HOST(SYS_futex, &s.done, FUTEX_WAIT_PRIVATE, 0, NULL);
        ret = atomic_load(&s.done);
    }
    if (ret < 0)
        thread_free(s.child);
    pthread_attr_destroy(&attr);
    if (!t->pending)
        lx_signal_host_mask(mask);
    return ret;
}

/* ---- processes ---- */

static void become_child(struct lx_thread *t, const struct clone_request *r)
{
    const struct lx_guest *g = t->p->guest;

    t->tid = gettid();
    atomic_store(&t->p->nthreads, 1);
    atomic_store(&t->pending, 0);
    t->deferred = 0;
    t->robust_list = 0;
    t->clear_child_tid = r->flags & CLONE_CHILD_CLEARTID ? r->child_tid : 0;
    if (r->stack)
        g->set_sp(t, r->stack + r->stack_size);
    if (r->flags & CLONE_SETTLS)
        g->set_tls(t, r->tls);
    if (r->flags & CLONE_CHILD_SETTID)
        lx_put_obj(r->child_tid, t->tid);
}

static void clear_handlers(struct lx_thread *t)
{
    const struct lx_sigaction dfl = {0};

    for (int sig = 1; sig <= LX_NSIG; sig++)
        if (t->sighand->act[sig].handler > (uint64_t)SIG_IGN)
            lx_signal_action(t, sig, &dfl, NULL);
}

static int64_t start_process(struct lx_thread *t, const struct clone_request *r)
{
    struct lx_proc *p = t->p;
    uint64_t host_flags = r->flags & ~(uint64_t)OWN_FLAGS, mask;
    struct err e;
    int64_t pid;

    if (r->flags & CLONE_VM && !(r->flags & CLONE_VFORK))
        log_guest("a process that shares memory with its parent gets a copy instead");
    mask = lx_signal_block_all();
    pid = accel_fork_prepare(t->cpu, &e); /* takes its lock, which goes before that of the map */
    if (pid < 0) {
        log_warn("%s", e.text);
        goto out;
    }
    pthread_mutex_lock(&p->sighand.lock);
    lx_mem_lock(p); /* consistent in the child, and never held by a thread that is not there */
    if (host_flags == 0 && r->exit_signal == SIGCHLD) {
        pid = fork();
        pid = pid < 0 ? -errno : pid;
    } else {
        pid = LX_HOST(SYS_clone, host_flags | r->exit_signal, 0, r->pidfd);
    }
    lx_mem_unlock(p);
    pthread_mutex_unlock(&p->sighand.lock);
    if (pid != 0)
        accel_fork_parent(t->cpu);
    if (pid == 0) {
        accel_fork_child(t->cpu);
        become_child(t, r);
        if (r->flags & CLONE_CLEAR_SIGHAND)
            clear_handlers(t);
    } else if (pid > 0) {
        if (r->flags & CLONE_PARENT_SETTID) {
            int tid = (int)pid;

            lx_put_obj(r->parent_tid, tid);
        }
        trace(LOG_THREAD, "%d: forked %d", t->tid, (int)pid);
    }
out:
    if (!t->pending)
        lx_signal_host_mask(pid == 0 ? lx_signal_host_bits(t->sigmask) : mask);
    return pid;
}

/* ---- vfork: the child runs in the same memory while this thread waits ---- */

static int vfork_main(void *arg)
{
    struct start *s = arg;
    struct lx_thread *t = s->child;
    struct err e;

    lx_self = t;
    t->tid = gettid();
    if (accel_attach(t->p->accel, t->cpu, &e) < 0)
        lx_group_exit(127);
    atomic_store(&s->done, 1);
    if (s->r->flags & CLONE_CHILD_SETTID)
        lx_put_obj(s->r->child_tid, t->tid);
    if (s->r->flags & CLONE_CLEAR_SIGHAND)
        clear_handlers(t);
    lx_signal_host_mask(lx_signal_host_bits(t->sigmask));
    lx_loop(t);
    lx_thread_finish(t);
    return 0;
}

static int64_t start_vfork(struct lx_thread *t, const struct clone_request *r)
{
    struct lx_sighand hand;
    struct start s = {.r = r};
    uint64_t mask;
    int64_t pid;
    char *stack;
    int flags =
        (int)(r->flags & ~(uint64_t)OWN_FLAGS) | CLONE_VM | CLONE_VFORK | (int)r->exit_signal;

    stack = mmap(NULL, VFORK_STACK, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED)
        return -ENOMEM;
    mask = lx_signal_block_all();
    pthread_mutex_lock(&t->sighand->lock);
    memcpy(hand.act, t->sighand->act, sizeof(hand.act));
    pthread_mutex_unlock(&t->sighand->lock);
    pthread_mutex_init(&hand.lock, NULL);
    s.child = make_child(t, r);
    s.child->sighand = &hand;
    s.child->vfork_child = true;
    s.child->altstack = t->altstack;
    s.child->host_altstack = t->host_altstack;
    pid = clone(vfork_main, stack + VFORK_STACK, flags, &s, (void *)r->pidfd);
    pid = pid < 0 ? -errno : pid;
    lx_self = t;
    if (atomic_load(&s.done))
        accel_detach(s.child->cpu);
    thread_free(s.child);
    munmap(stack, VFORK_STACK);
    if (pid > 0 && r->flags & CLONE_PARENT_SETTID) {
        int tid = (int)pid;

        lx_put_obj(r->parent_tid, tid);
    }
    if (!t->pending)
        lx_signal_host_mask(mask);
    return pid;
}

static int64_t do_clone(struct lx_thread *t, struct clone_request *r)
{
    if (r->flags & CLONE_THREAD)
        return start_thread(t, r);
    if (r->flags & CLONE_SIGHAND && !(r->flags & CLONE_VM))
        return -EINVAL;
    if (r->exit_signal > LX_NSIG)
        return -EINVAL;
    if ((r->flags & (CLONE_VM | CLONE_VFORK)) == (CLONE_VM | CLONE_VFORK))
        return start_vfork(t, r);
    return start_process(t, r);
}

int64_t lx_sys_clone(struct lx_thread *t, uint64_t *a)
{
    struct clone_request r = {
        .flags = (uint32_t)a[0] & ~0xffu,
        .exit_signal = a[0] & 0xff,
        .stack = a[1],
        .parent_tid = a[2],
        .pidfd = a[2],
        .tls = a[3],
        .child_tid = a[4],
    };

    if ((r.flags & (CLONE_PIDFD | CLONE_PARENT_SETTID)) == (CLONE_PIDFD | CLONE_PARENT_SETTID))
        return -EINVAL;
    return do_clone(t, &r);
}

int64_t lx_sys_clone3(struct lx_thread *t, uint64_t *a)
{
    struct clone_request r;
    size_t size = min_of((size_t)a[1], sizeof(r));

    memset(&r, 0, sizeof(r));
    if (a[1] < sizeof(r))
        return -EINVAL;
    if (lx_get(&r, a[0], size) < 0)
        return -EFAULT;
    if (a[1] > sizeof(r)) { /* set_tid and cgroup: only when they ask for nothing */
        uint64_t rest[4] = {0};

        if (a[1] > sizeof(r) + sizeof(rest))
            return -E2BIG;
        if (lx_get(rest, a[0] + sizeof(r), a[1] - sizeof(r)) < 0)
            return -EFAULT;
        if (rest[0] || rest[1])
            return -EINVAL;
    }
    if (r.flags & (0xff | CLONE_INTO_CGROUP) || r.exit_signal > LX_NSIG ||
        (r.stack == 0) != (r.stack_size == 0))
        return -EINVAL;
    return do_clone(t, &r);
}
