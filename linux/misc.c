/*
 * Owns the system calls that have no family: the system's name, limits, prctl, clocks, semaphores'
 * status, and those that are refused with a reason.
 */
#include <errno.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>

#include "linux/generic.h"
#include "linux/lx.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

int64_t lx_sys_uname(struct lx_thread *t, uint64_t *a)
{
    struct utsname name;
    int64_t ret = LX_HOST(SYS_uname, &name);

    if (ret < 0)
        return ret;
    memset(name.machine, 0, sizeof(name.machine));
    strcpy(name.machine, t->p->guest->machine);
    if (t->p->o->release) {
        memset(name.release, 0, sizeof(name.release));
        strncpy(name.release, t->p->o->release, sizeof(name.release) - 1);
    }
    return lx_put_obj(a[0], name);
}

int64_t lx_sys_clock_gettime(struct lx_thread *t, uint64_t *a)
{
    struct timespec now;

    (void)t;
    if (clock_gettime((clockid_t)a[0], &now) < 0) /* without entering the kernel */
        return -errno;
    return lx_put_obj(a[1], now);
}

int64_t lx_sys_gettimeofday(struct lx_thread *t, uint64_t *a)
{
    struct timeval now;
    int64_t zone;

    (void)t;
    if (a[0]) {
        gettimeofday(&now, NULL);
        if (lx_put_obj(a[0], now) < 0)
            return -EFAULT;
    }
    if (a[1]) {
        LX_HOST(SYS_gettimeofday, NULL, &zone);
        return lx_put_obj(a[1], zone);
    }
    return 0;
}

/* ---- limits: those on address space would starve the translator; they are only remembered ---- */

static int fake_index(uint64_t resource)
{
    return resource == RLIMIT_AS ? 0 : resource == RLIMIT_DATA ? 1 : -1;
}

static int64_t limit(struct lx_thread *t, int pid, uint64_t resource, uint64_t new, uint64_t old)
{
    struct lx_proc *p = t->p;
    int fake = pid == 0 || pid == t->tid ? fake_index(resource) : -1;
    uint64_t values[2];
    int64_t ret;

    if (fake < 0)
        return LX_HOST(SYS_prlimit64, pid, resource, new, old);
    if (p->rlimit_set[fake])
        memcpy(values, p->rlimit_fake[fake], sizeof(values));
    else if ((ret = LX_HOST(SYS_prlimit64, 0, resource, NULL, values)) < 0)
        return ret;
    if (old && lx_put_obj(old, values) < 0)
        return -EFAULT;
    if (new) {
        if (lx_get_obj(values, new) < 0)
            return -EFAULT;
        if (values[0] > values[1])
            return -EINVAL;
        memcpy(p->rlimit_fake[fake], values, sizeof(values));
        p->rlimit_set[fake] = true;
    }
    return 0;
}

int64_t lx_sys_getrlimit(struct lx_thread *t, uint64_t *a)
{
    return a[1] ? limit(t, 0, a[0], 0, a[1]) : -EFAULT;
}

int64_t lx_sys_setrlimit(struct lx_thread *t, uint64_t *a)
{
    return a[1] ? limit(t, 0, a[0], a[1], 0) : -EFAULT;
}

int64_t lx_sys_prlimit64(struct lx_thread *t, uint64_t *a)
{
    return limit(t, (int)a[0], a[1], a[2], a[3]);
}

int64_t lx_sys_personality(struct lx_thread *t, uint64_t *a)
{
    int64_t ret;

    if ((a[0] & 0xffffffff) != 0xffffffff && (a[0] & 0xff) != 0)
        return -EINVAL; /* other execution domains, such as 32-bit, do not exist here */
    ret = LX_HOST(SYS_personality, a[0]);
    if (ret >= 0 && (a[0] & 0xffffffff) != 0xffffffff)
        t->p->personality = (uint32_t)a[0];
    return ret;
}

int64_t lx_sys_prctl(struct lx_thread *t, uint64_t *a)
{
    switch ((int)a[0]) {
    case PR_SET_SECCOMP: /* filters count in the guest's numbers: they cannot be the host's */
    case PR_SET_MM:      /* describes this program, not the guest's */
    case PR_SET_TSC:
    case PR_GET_TSC:
    case PR_SET_SYSCALL_USER_DISPATCH:
        return -EINVAL;
    case PR_GET_SECCOMP:
        return 0;
    case PR_SET_PDEATHSIG:
    case PR_GET_PDEATHSIG:
    case PR_GET_DUMPABLE:
    case PR_SET_DUMPABLE:
    case PR_GET_KEEPCAPS:
    case PR_SET_KEEPCAPS:
    case PR_SET_NAME:
    case PR_GET_NAME:
    case PR_CAPBSET_READ:
    case PR_CAPBSET_DROP:
    case PR_GET_SECUREBITS:
    case PR_SET_SECUREBITS:
    case PR_SET_TIMERSLACK:
    case PR_GET_TIMERSLACK:
    case PR_MCE_KILL:
    case PR_MCE_KILL_GET:
    case PR_SET_PTRACER:
    case PR_SET_CHILD_SUBREAPER:
    case PR_GET_CHILD_SUBREAPER:
    case PR_SET_NO_NEW_PRIVS:
    case PR_GET_NO_NEW_PRIVS:
    case PR_GET_TID_ADDRESS:
    case PR_SET_THP_DISABLE:
    case PR_GET_THP_DISABLE:
    case PR_CAP_AMBIENT:
    case PR_SET_VMA:
        if ((int)a[0] == PR_GET_TID_ADDRESS)
            return lx_put_obj(a[1], t->clear_child_tid);
        return LX_HOST(SYS_prctl, a[0], a[1], a[2], a[3], a[4]);
    default:
        return t->p->guest->prctl ? t->p->guest->prctl(t, a) : -EINVAL;
    }
}

/* ---- System V semaphores: the host's status has padding that the generic one lacks ---- */

static void sem_to_guest(const struct semid_ds *h, struct lx_semid *g)
{
    memset(g, 0, sizeof(*g));
    g->perm.key = h->sem_perm.__key;
    g->perm.uid = h->sem_perm.uid;
    g->perm.gid = h->sem_perm.gid;
    g->perm.cuid = h->sem_perm.cuid;
    g->perm.cgid = h->sem_perm.cgid;
    g->perm.mode = h->sem_perm.mode;
    g->perm.seq = (uint16_t)h->sem_perm.__seq;
    g->otime = h->sem_otime;
    g->ctime = h->sem_ctime;
    g->nsems = h->sem_nsems;
}

int64_t lx_sys_semctl(struct lx_thread *t, uint64_t *a)
{
    struct semid_ds host = {0};
    struct lx_semid guest;
    int64_t ret;

    (void)t;
    switch ((int)a[2] & ~0x100) { /* IPC_64 */
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY:
        ret = LX_HOST(SYS_semctl, a[0], a[1], a[2], &host);
        if (ret < 0)
            return ret;
        sem_to_guest(&host, &guest);
        return lx_put_obj(a[3], guest) < 0 ? -EFAULT : ret;
    case IPC_SET:
        if (lx_get_obj(guest, a[3]) < 0)
            return -EFAULT;
        host.sem_perm.uid = guest.perm.uid;
        host.sem_perm.gid = guest.perm.gid;
        host.sem_perm.mode = (unsigned short)guest.perm.mode;
        return LX_HOST(SYS_semctl, a[0], a[1], a[2], &host);
    default:
        return LX_HOST(SYS_semctl, a[0], a[1], a[2], a[3]);
    }
}

/* ---- refused: programs ask and do without ---- */

int64_t lx_sys_io_uring_setup(struct lx_thread *t, uint64_t *a)
{
    (void)t, (void)a;
    return -ENOSYS; /* its requests carry paths and flags that would need translation */
}

int64_t lx_sys_io_uring_enter(struct lx_thread *t, uint64_t *a)
{
    return lx_sys_io_uring_setup(t, a);
}

int64_t lx_sys_io_uring_register(struct lx_thread *t, uint64_t *a)
{
    return lx_sys_io_uring_setup(t, a);
}

int64_t lx_sys_seccomp(struct lx_thread *t, uint64_t *a)
{
    (void)t, (void)a;
    return -ENOSYS;
}

int64_t lx_sys_bpf(struct lx_thread *t, uint64_t *a)
{
    (void)t, (void)a;
    return -EPERM;
}

int64_t lx_sys_perf_event_open(struct lx_thread *t, uint64_t *a)
{
    (void)t, (void)a;
    return -ENOSYS;
}

int64_t lx_sys_ptrace(struct lx_thread *t, uint64_t *a)
{
    (void)t, (void)a;
    return -LX_ENOTIMPL;
}
