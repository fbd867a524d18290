/*
 * Owns the mapping of guest memory on the host, and the system calls for it. Keeps three promises:
 * the record (map.h) is what the host has; no host mapping of the guest is executable; nothing that
 * is the program's own is ever mapped over, unmapped or protected for the guest.
 */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "linux/lx.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#define GUEST_PROT (PROT_READ | PROT_WRITE | PROT_EXEC)
#define HUGE_PAGE  (UINT64_C(2) << 20)
#define ASK_HUGE   (UINT64_C(4) << 20)
enum { PLACE_TRIES = 256 };

void lx_mem_lock(struct lx_proc *p)
{
    pthread_mutex_lock(&p->map.lock);
}

/* The accelerator fetches code under a lock of its own: so never call it with ours held. */
void lx_mem_unlock(struct lx_proc *p)
{
    uint64_t start = p->map.stale_start, end = p->map.stale_end;

    p->map.stale_start = p->map.stale_end = 0;
    pthread_mutex_unlock(&p->map.lock);
    if (start < end && p->accel)
        accel_invalidate(p->accel, start, end - start);
}

static void note_stale(struct lx_map *m, uint64_t start, uint64_t end)
{
    if (!lx_map_any_exec(m, start, end))
        return;
    if (m->stale_start == m->stale_end) {
        m->stale_start = start;
        m->stale_end = end;
    } else {
        m->stale_start = min_of(m->stale_start, start);
        m->stale_end = max_of(m->stale_end, end);
    }
}

static uint64_t page_up(uint64_t len)
{
    return (len + LX_PAGE_MASK) & ~LX_PAGE_MASK;
}

/* mmap at exactly this place if nothing is there; -EEXIST otherwise. */
static int64_t map_free(uint64_t addr, uint64_t len, int prot, int flags, int fd, uint64_t offset)
{
    int64_t got = LX_HOST(SYS_mmap, addr, len, prot, flags | MAP_FIXED_NOREPLACE, fd, offset);

    if (got >= 0 && (uint64_t)got != addr) { /* before Linux 4.17 the flag is a hint */
        LX_HOST(SYS_munmap, got, len);
        return -EEXIST;
    }
    return got;
}

/* Makes sure that [addr, addr + len) holds guest mappings or nothing, by taking what is free: then
 * mapping over it harms no one but the guest. */
static int claim(struct lx_proc *p, uint64_t addr, uint64_t len)
{
    const struct lx_map *m = &p->map;
    uint64_t at = addr, end = addr + len;

    while (at < end) {
        const struct lx_region *r = lx_map_from(m, at);
        uint64_t stop = end;
        int64_t got;

        if (r && r->start <= at) {
            at = r->end;
            continue;
        }
        if (r)
            stop = min_of(stop, r->start);
        got =
            map_free(at, stop - at, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (got < 0) {
            log_guest("mapping at 0x%llx refused: the emulator itself is there",
                      (unsigned long long)at);
            return got == -EEXIST ? -ENOMEM : (int)got;
        }
        lx_map_set(&p->map, at, stop, PROT_NONE, 0);
        at = stop;
    }
    return 0;
}

static int64_t place_at(struct lx_proc *p, uint64_t addr, uint64_t len, int prot, int flags, int fd,
                        uint64_t offset)
{
    if (lx_map_overlaps(&p->map, addr, addr + len))
        return -EEXIST;
    return map_free(addr, len, prot, flags, fd, offset);
}

/* Memory that a program will use as one piece, and not a reserve or a stack: huge pages serve it better,
 * and a host that gives them to all would give them here. */
static bool wants_huge(uint64_t len, int prot, int flags)
{
    return len >= ASK_HUGE && prot & PROT_WRITE && (flags & MAP_TYPE) == MAP_PRIVATE && flags & MAP_ANONYMOUS &&
           !(flags & (MAP_NORESERVE | MAP_STACK | MAP_GROWSDOWN | MAP_HUGETLB));
}

/* Finds a place from the top downwards. */
static int64_t place(struct lx_proc *p, uint64_t len, int prot, int flags, int fd, uint64_t offset)
{
    uint64_t align = flags & MAP_HUGETLB || wants_huge(len, prot, flags) ? HUGE_PAGE : LX_PAGE_SIZE;
    uint64_t below = p->map.top;
    int64_t got = -ENOMEM;

    for (int i = 0; i < PLACE_TRIES; i++) {
        uint64_t at = lx_map_gap(&p->map, below, len, align);

        if (!at)
            break;
        got = map_free(at, len, prot, flags, fd, offset);
        if (got != -EEXIST)
            return got;
        below = at + len > HUGE_PAGE ? at + len - HUGE_PAGE : 0; /* something of the host's */
        got = -ENOMEM;
    }
    return got;
}

static bool fixed_range_ok(uint64_t addr, uint64_t len)
{
    return addr < LX_ADDR_TOP && len <= LX_ADDR_TOP - addr;
}

int64_t lx_mem_map(struct lx_proc *p, uint64_t addr, uint64_t len, int prot, int flags, int fd,
                   uint64_t offset)
{
    int host_flags = flags & ~(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_GROWSDOWN | MAP_32BIT);
    int host_prot = lx_prot_host((uint32_t)prot);
    bool noreplace = (flags & MAP_FIXED_NOREPLACE) == MAP_FIXED_NOREPLACE;
    int64_t got = -EEXIST;

    if (len == 0)
        return -EINVAL;
    len = page_up(len);
    if (len == 0 || len > LX_ADDR_TOP)
        return -ENOMEM;
    if (flags & MAP_FIXED || noreplace) {
        if (addr & LX_PAGE_MASK)
            return -EINVAL;
        if (!fixed_range_ok(addr, len))
            return -ENOMEM;
    }
    if (noreplace) {
        got = place_at(p, addr, len, host_prot, host_flags, fd, offset);
    } else if (flags & MAP_FIXED) {
        got = claim(p, addr, len);
        if (got == 0)
            got = LX_HOST(SYS_mmap, addr, len, host_prot, host_flags | MAP_FIXED, fd, offset);
    } else {
        addr = page_up(addr);
        if (addr && fixed_range_ok(addr, len))
            got = place_at(p, addr, len, host_prot, host_flags, fd, offset);
        if (got == -EEXIST || got == -EPERM || got == -ENOMEM)
            got = place(p, len, host_prot, host_flags, fd, offset);
    }
    if (got < 0)
        return got;
    if (wants_huge(len, host_prot, flags))
        LX_HOST(SYS_madvise, got, len, MADV_HUGEPAGE); /* only advice: some hosts know none */
    note_stale(&p->map, (uint64_t)got, (uint64_t)got + len);
    lx_map_set(&p->map, (uint64_t)got, (uint64_t)got + len, (uint32_t)prot & GUEST_PROT,
               (flags & MAP_TYPE) == MAP_PRIVATE ? 0 : LX_R_SHARED);
    trace(LOG_MMU, "map %llx-%llx prot %d flags %x", (unsigned long long)got,
          (unsigned long long)got + len, prot, flags);
    return got;
}

int64_t lx_mem_unmap(struct lx_proc *p, uint64_t addr, uint64_t len)
{
    uint64_t at = addr, end;
    int64_t ret = 0;

    len = page_up(len);
    if ((addr & LX_PAGE_MASK) || len == 0 || !fixed_range_ok(addr, len))
        return -EINVAL;
    end = addr + len;
    note_stale(&p->map, addr, end);
    while (at < end && ret == 0) {
        const struct lx_region *r = lx_map_from(&p->map, at);
        uint64_t stop;

        if (!r || r->start >= end)
            break;
        at = max_of(at, r->start);
        stop = min_of(end, r->end);
        ret = LX_HOST(SYS_munmap, at, stop - at);
        if (ret == 0)
            lx_map_clear(&p->map, at, stop);
        at = stop;
    }
    trace(LOG_MMU, "unmap %llx-%llx", (unsigned long long)addr, (unsigned long long)end);
    return ret;
}

size_t lx_mem_fetch(struct lx_proc *p, uint64_t pc, void *buf, size_t size)
{
    size_t got;

    lx_mem_lock(p); /* so long nobody unmaps it */
    got = lx_get_some(buf, pc, lx_map_exec(&p->map, pc, size));
    pthread_mutex_unlock(&p->map.lock); /* there is nothing to tell the accelerator, who calls */
    return got;
}

int64_t lx_sys_mmap(struct lx_thread *t, uint64_t *a)
{
    int64_t ret;

    if (a[2] & ~(uint64_t)(GUEST_PROT | 0x1f))
        return -EINVAL;
    if (a[5] & LX_PAGE_MASK)
        return -EINVAL;
    lx_mem_lock(t->p);
    ret = lx_mem_map(t->p, a[0], a[1], (int)a[2], (int)a[3], (int)a[4], a[5]);
    lx_mem_unlock(t->p);
    return ret;
}

int64_t lx_sys_munmap(struct lx_thread *t, uint64_t *a)
{
    int64_t ret;

    lx_mem_lock(t->p);
    ret = lx_mem_unmap(t->p, a[0], a[1]);
    lx_mem_unlock(t->p);
    return ret;
}

static int64_t protect(struct lx_proc *p, uint64_t addr, uint64_t len, uint32_t prot)
{
    int64_t ret;

    len = page_up(len);
    if ((addr & LX_PAGE_MASK) || prot & ~(uint32_t)(GUEST_PROT | 0x18))
        return -EINVAL;
    if (len == 0)
        return 0;
    if (!fixed_range_ok(addr, len) || !lx_map_covers(&p->map, addr, addr + len))
        return -ENOMEM;
    ret = LX_HOST(SYS_mprotect, addr, len, lx_prot_host(prot));
    if (ret < 0)
        return ret;
    if (!(prot & PROT_EXEC))
        note_stale(&p->map, addr, addr + len);
    lx_map_protect(&p->map, addr, addr + len, prot & GUEST_PROT);
    trace(LOG_MMU, "protect %llx-%llx %u", (unsigned long long)addr,
          (unsigned long long)(addr + len), prot);
    return 0;
}

int64_t lx_sys_mprotect(struct lx_thread *t, uint64_t *a)
{
    int64_t ret;

    lx_mem_lock(t->p);
    ret = protect(t->p, a[0], a[1], (uint32_t)a[2] & ~(uint32_t)PROT_GROWSDOWN);
    lx_mem_unlock(t->p);
    return ret;
}

int64_t lx_sys_pkey_mprotect(struct lx_thread *t, uint64_t *a)
{
    return (int)a[3] == -1 ? lx_sys_mprotect(t, a) : -EINVAL;
}

int64_t lx_sys_pkey_alloc(struct lx_thread *t, uint64_t *a)
{
    (void)t, (void)a;
    return -ENOSPC; /* as on a processor without protection keys */
}

int64_t lx_sys_pkey_free(struct lx_thread *t, uint64_t *a)
{
    (void)t, (void)a;
    return -EINVAL;
}

/* Grows by moving: reserves the new place first, so that the host cannot choose one. */
static int64_t move(struct lx_proc *p, uint64_t old, uint64_t old_len, uint64_t len, int flags)
{
    int64_t at = place(p, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), ret;

    if (at < 0)
        return at;
    ret = LX_HOST(SYS_mremap, old, old_len, len, flags | MREMAP_MAYMOVE | MREMAP_FIXED, at);
    if (ret < 0)
        LX_HOST(SYS_munmap, at, len);
    return ret;
}

static int64_t remap(struct lx_proc *p, uint64_t old, uint64_t old_len, uint64_t len, int flags,
                     uint64_t to)
{
    const struct lx_region *r;
    struct lx_region was;
    int64_t ret = -ENOMEM;

    old_len = page_up(old_len);
    len = page_up(len);
    if ((old & LX_PAGE_MASK) || len == 0 || len > LX_ADDR_TOP || !fixed_range_ok(old, old_len) ||
        flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
        return -EINVAL;
    r = lx_map_from(&p->map, old);
    if (!r || r->start > old || !lx_map_covers(&p->map, old, old + old_len))
        return -EFAULT;
    was = *r;
    if (flags & MREMAP_FIXED) {
        if (!(flags & MREMAP_MAYMOVE) || to & LX_PAGE_MASK || !fixed_range_ok(to, len))
            return -EINVAL;
        if (to < old + old_len && old < to + len)
            return -EINVAL;
        ret = claim(p, to, len);
        if (ret == 0)
            ret = LX_HOST(SYS_mremap, old, old_len, len, flags, to);
    } else if (flags & MREMAP_DONTUNMAP || old_len == 0) {
        if (!(flags & MREMAP_MAYMOVE))
            return -EINVAL;
        ret = move(p, old, old_len, len, flags);
    } else if (len <= old_len) {
        ret = LX_HOST(SYS_mremap, old, old_len, len, 0);
    } else {
        if (fixed_range_ok(old, len) && !lx_map_overlaps(&p->map, old + old_len, old + len))
            ret = LX_HOST(SYS_mremap, old, old_len, len, 0);
        if (ret < 0 && flags & MREMAP_MAYMOVE)
            ret = move(p, old, old_len, len, 0);
    }
    if (ret < 0)
        return ret;
    note_stale(&p->map, old, old + old_len);
    note_stale(&p->map, (uint64_t)ret, (uint64_t)ret + len);
    if (!(flags & MREMAP_DONTUNMAP))
        lx_map_clear(&p->map, old, old + old_len);
    lx_map_set(&p->map, (uint64_t)ret, (uint64_t)ret + len, was.prot, was.flags & LX_R_SHARED);
    return ret;
}

int64_t lx_sys_mremap(struct lx_thread *t, uint64_t *a)
{
    int64_t ret;

    lx_mem_lock(t->p);
    ret = remap(t->p, a[0], a[1], a[2], (int)a[3], a[4]);
    lx_mem_unlock(t->p);
    return ret;
}

/* Only what is the guest's may be advised about: DONTNEED is as good as overwriting. */
int64_t lx_sys_madvise(struct lx_thread *t, uint64_t *a)
{
    struct lx_proc *p = t->p;
    uint64_t at = a[0], len = page_up(a[1]), end = at + len;
    int64_t ret = 0;
    bool holes;

    if (at & LX_PAGE_MASK || (a[1] && !len))
        return -EINVAL;
    if (len == 0)
        return LX_HOST(SYS_madvise, at, 0, a[2]);
    if (!fixed_range_ok(at, len))
        return -ENOMEM;
    lx_mem_lock(p);
    holes = !lx_map_covers(&p->map, at, end);
    if (!holes)
        ret = LX_HOST(SYS_madvise, at, len, a[2]);
    while (holes && at < end && ret == 0) {
        const struct lx_region *r = lx_map_from(&p->map, at);

        if (!r || r->start >= end)
            break;
        at = max_of(at, r->start);
        ret = LX_HOST(SYS_madvise, at, min_of(end, r->end) - at, a[2]);
        at = r->end;
    }
    lx_mem_unlock(p);
    return ret == 0 && holes ? -ENOMEM : ret;
}

int64_t lx_sys_brk(struct lx_thread *t, uint64_t *a)
{
    struct lx_proc *p = t->p;
    uint64_t now, want, ret;
    int64_t got = 0;

    lx_mem_lock(p);
    now = page_up(p->brk);
    want = page_up(a[0]);
    if (a[0] >= p->brk_start && want >= a[0] && want < LX_ADDR_TOP) {
        if (want > now) {
            got = place_at(p, now, want - now, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                           -1, 0);
            if (got >= 0)
                lx_map_set(&p->map, now, want, PROT_READ | PROT_WRITE, LX_R_HEAP);
        } else if (want < now) {
            got = lx_mem_unmap(p, want, now - want);
        }
        if (got >= 0)
            p->brk = a[0];
    }
    ret = p->brk;
    lx_mem_unlock(p);
    return (int64_t)ret;
}

/* Locking everything would also lock the translations: a promise that costs the guest nothing. */
int64_t lx_sys_mlockall(struct lx_thread *t, uint64_t *a)
{
    (void)t;
    return a[0] == 0 || a[0] & ~UINT64_C(7) ? -EINVAL : 0;
}

int64_t lx_sys_remap_file_pages(struct lx_thread *t, uint64_t *a)
{
    (void)t, (void)a;
    return -LX_ENOTIMPL; /* nothing has used it since Linux 4.0 emulates it */
}

int64_t lx_sys_shmat(struct lx_thread *t, uint64_t *a)
{
    struct lx_proc *p = t->p;
    uint64_t addr = a[1], len;
    struct shmid_ds ds;
    int64_t got;

    got = LX_HOST(SYS_shmctl, a[0], IPC_STAT, &ds);
    if (got < 0)
        return got;
    if (addr & LX_PAGE_MASK) {
        if (!(a[2] & SHM_RND))
            return -EINVAL;
        addr &= ~LX_PAGE_MASK;
    }
    len = page_up(ds.shm_segsz);
    lx_mem_lock(p);
    if (addr && !(a[2] & SHM_REMAP) && lx_map_overlaps(&p->map, addr, addr + len))
        got = -EINVAL;
    else if (addr)
        got = fixed_range_ok(addr, len) ? claim(p, addr, len) : -EINVAL;
    else
        got = place(p, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got >= 0) {
        addr = addr ? addr : (uint64_t)got;
        got = LX_HOST(SYS_shmat, a[0], addr, (a[2] & ~(uint64_t)SHM_EXEC) | SHM_REMAP);
        if (got >= 0) {
            note_stale(&p->map, addr, addr + len);
            lx_map_set(&p->map, addr, addr + len,
                       PROT_READ | (a[2] & SHM_RDONLY ? 0 : PROT_WRITE) |
                           (a[2] & SHM_EXEC ? PROT_EXEC : 0),
                       LX_R_SHARED);
            vec_push(&p->map.shm, (struct lx_shm){addr, len});
        } else {
            LX_HOST(SYS_munmap, addr, len);
            lx_map_clear(&p->map, addr, addr + len);
        }
    }
    lx_mem_unlock(p);
    return got;
}

int64_t lx_sys_shmdt(struct lx_thread *t, uint64_t *a)
{
    struct lx_proc *p = t->p;
    int64_t ret = -EINVAL;

    lx_mem_lock(p);
    for (size_t i = 0; i < p->map.shm.len; i++) {
        struct lx_shm *s = &p->map.shm.data[i];

        if (s->start != a[0])
            continue;
        ret = LX_HOST(SYS_shmdt, a[0]);
        if (ret == 0) {
            note_stale(&p->map, s->start, s->start + s->size);
            lx_map_clear(&p->map, s->start, s->start + s->size);
            vec_remove(&p->map.shm, i, 1);
        }
        break;
    }
    lx_mem_unlock(p);
    return ret;
}
