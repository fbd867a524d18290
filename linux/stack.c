/*
 * Owns the first stack: its place, arguments, environment and auxiliary vector, in the order in
 * which the kernel lays them out (fs/binfmt_elf.c). Must not know a guest's registers.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "linux/lx.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { STACK_MIN = 1 << 20, STACK_MAX = 1 << 30, STACK_UNLIMITED = 64 << 20 };
enum { STACK_GAP = 1 << 20 }; /* what the kernel too keeps free below a stack */

static uint64_t stack_size(const struct lx_proc *p)
{
    struct rlimit limit;
    uint64_t size = p->o->stack_size;

    if (!size) {
        size = STACK_UNLIMITED;
        if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
            size = limit.rlim_cur;
    }
    size = max_of(size, (uint64_t)STACK_MIN);
    return (min_of(size, (uint64_t)STACK_MAX) + LX_PAGE_MASK) & ~LX_PAGE_MASK;
}

/* Pushes downwards into the fresh stack, refusing to leave it. */
struct pusher {
    uint64_t at, low;
    bool full;
};

static uint64_t push(struct pusher *s, const void *data, size_t size)
{
    if (s->full || s->at - s->low < size) {
        s->full = true;
        return s->at;
    }
    s->at -= size;
    memcpy((void *)s->at, data, size);
    return s->at;
}

static uint64_t push_text(struct pusher *s, const char *text)
{
    return push(s, text, strlen(text) + 1);
}

static void aux(struct lx_proc *p, uint64_t type, uint64_t value)
{
    p->auxv_data[p->auxv_count++] = type;
    p->auxv_data[p->auxv_count++] = value;
}

static void make_auxv(struct lx_proc *p, const struct lx_program *prog, uint64_t random,
                      uint64_t platform, uint64_t execfn)
{
    uint64_t hwcap[2] = {0, 0};

    p->guest->hwcap(p, hwcap);
    aux(p, AT_MINSIGSTKSZ, p->guest->minsigstksz);
    aux(p, AT_HWCAP, hwcap[0]);
    aux(p, AT_PAGESZ, LX_PAGE_SIZE);
    aux(p, AT_CLKTCK, (uint64_t)sysconf(_SC_CLK_TCK));
    if (prog->elf.phdr_vaddr)
        aux(p, AT_PHDR, prog->base + prog->elf.phdr_vaddr);
    aux(p, AT_PHENT, prog->elf.phentsize);
    aux(p, AT_PHNUM, prog->elf.phnum);
    aux(p, AT_BASE, prog->interp_base);
    aux(p, AT_FLAGS, 0);
    aux(p, AT_ENTRY, prog->base + prog->elf.entry);
    aux(p, AT_UID, getuid());
    aux(p, AT_EUID, geteuid());
    aux(p, AT_GID, getgid());
    aux(p, AT_EGID, getegid());
    aux(p, AT_SECURE, (uint64_t)prog->secure);
    aux(p, AT_RANDOM, random);
    aux(p, AT_HWCAP2, hwcap[1]);
    aux(p, AT_EXECFN, execfn);
    if (platform)
        aux(p, AT_PLATFORM, platform);
    aux(p, AT_NULL, 0);
}

static int map_stack(struct lx_proc *p, const struct lx_program *prog, struct err *e)
{
    uint64_t size = stack_size(p);
    int prot = PROT_READ | PROT_WRITE | (prog->elf.exec_stack ? PROT_EXEC : 0);
    int64_t low;

    lx_mem_lock(p);
    low = lx_mem_map(p, 0, size + STACK_GAP, prot,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (low >= 0) {
        mprotect((void *)low, STACK_GAP, PROT_NONE);
        lx_map_set(&p->map, (uint64_t)low, (uint64_t)low + STACK_GAP, PROT_NONE, 0);
        p->stack_low = (uint64_t)low + STACK_GAP;
        p->stack_top = p->stack_low + size;
        lx_map_set(&p->map, p->stack_low, p->stack_top, (uint32_t)prot, LX_R_STACK);
    }
    lx_mem_unlock(p);
    return low < 0 ? err_set(e, (int)low, "no memory for a stack of %llu MB",
                             (unsigned long long)size >> 20)
                   : 0;
}

/* One page with the code that a signal handler returns to. */
static int map_sigcode(struct lx_proc *p, struct err *e)
{
    int64_t at;

    lx_mem_lock(p);
    at = lx_mem_map(p, 0, LX_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at >= 0) {
        memcpy((void *)at, p->guest->sigcode, p->guest->nsigcode * sizeof(uint32_t));
        mprotect((void *)at, LX_PAGE_SIZE, PROT_READ);
        lx_map_set(&p->map, (uint64_t)at, (uint64_t)at + LX_PAGE_SIZE, PROT_READ | PROT_EXEC,
                   LX_R_VDSO);
        p->sigcode = (uint64_t)at;
    }
    lx_mem_unlock(p);
    return at < 0 ? err_set(e, (int)at, "no memory for the signal return code") : 0;
}

int lx_stack_make(struct lx_proc *p, struct lx_program *prog, uint64_t *sp, struct err *e)
{
    uint64_t random[2], random_at, platform = 0, execfn, *table;
    size_t argc = 0, envc = 0, words;
    struct pusher s;
    int ret;

    ret = map_sigcode(p, e);
    if (ret == 0)
        ret = map_stack(p, prog, e);
    if (ret)
        return ret;
    while (prog->argv[argc])
        argc++;
    while (prog->envp[envc])
        envc++;
    s = (struct pusher){p->stack_top - 8, p->stack_low + (p->stack_top - p->stack_low) / 4, false};
    table = mem_array(uint64_t, argc + envc + 4);
    execfn = push_text(&s, p->exe);
    p->env_end = s.at;
    for (size_t i = envc; i-- > 0;)
        table[argc + 2 + i] = push_text(&s, prog->envp[i]);
    p->env_start = p->arg_end = s.at;
    for (size_t i = argc; i-- > 0;)
        table[1 + i] = push_text(&s, prog->argv[i]);
    p->arg_start = s.at;
    table[0] = argc;
    if (p->guest->platform)
        platform = push_text(&s, p->guest->platform);
    if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        memset(random, 0x5a, sizeof(random));
    random_at = push(&s, random, sizeof(random));
    make_auxv(p, prog, random_at, platform, execfn);
    words = 1 + argc + 1 + envc + 1 + p->auxv_count;
    s.at &= ~UINT64_C(15);
    s.at -= (words & 1) * 8;
    push(&s, p->auxv_data, p->auxv_count * sizeof(uint64_t));
    push(&s, table, (1 + argc + 1 + envc + 1) * sizeof(uint64_t));
    free(table);
    if (s.full)
        return err_text(e, E2BIG, "the arguments and the environment do not fit on the stack");
    *sp = p->stack_start = s.at;
    return 0;
}
