/*
 * The personality of riscv64: registers of calls, signal frames, riscv_hwprobe and
 * riscv_flush_icache. Layouts: Linux,
 * arch/riscv/include/uapi/asm/{ptrace,sigcontext,ucontext,hwprobe}.h and
 * arch/riscv/kernel/signal.c. Must not know what system calls do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isa/riscv/features.h"
#include "isa/riscv/state.h"
#include "linux/generic.h"
#include "linux/lx.h"

enum { RA = 1, SP = 2, TP = 4, A0 = 10, A7 = 17 };

/* The floating-point part is as large as quad precision would need; the words behind it are the
 * head of the list of further records, which is empty here. */
struct mcontext {
    uint64_t regs[32]; /* pc, then x1 to x31 */
    uint64_t f[32];
    uint32_t fcsr;
    uint8_t rest[528 - 32 * 8 - 4];
};
struct rt_sigframe {
    struct lx_frame_head head;
    struct mcontext mc;
};
_Static_assert(sizeof(struct rt_sigframe) == 128 + 176 + 256 + 528, "struct rt_sigframe");

static const uint32_t sigcode[] = {
    0x08b00893, /* li a7, 139 (rt_sigreturn): unwinders know these two words */
    0x00000073, /* ecall */
};

static int init(struct lx_proc *p, struct err *e)
{
    const char *cpu = p->o->cpu;

    if (!cpu || !strcmp(cpu, "max") || !strcmp(cpu, "any") || !strcmp(cpu, "rv64"))
        return 0;
    return err_text(e, EINVAL, "no CPU model '%s' for riscv64; there are: max rv64", cpu);
}

static void hwcap(const struct lx_proc *p, uint64_t caps[2])
{
    (void)p;
    caps[0] = rv_hwcap();
    caps[1] = 0;
}

static void cpuinfo(const struct lx_proc *p, int ncpu, int fd)
{
    (void)p;
    for (int cpu = 0; cpu < ncpu; cpu++)
        dprintf(fd,
                "processor\t: %d\nhart\t\t: %d\nisa\t\t: %s\nmmu\t\t: sv48\nmvendorid\t: 0x0\n"
                "marchid\t\t: 0x0\nmimpid\t\t: 0x0\nhart isa\t: %s\n\n",
                cpu, cpu, RV_ISA_STRING, RV_ISA_STRING);
}

static uint64_t syscall_nr(struct lx_thread *t)
{
    return rv_state(t->cpu)->x[A7];
}

static void syscall_args(struct lx_thread *t, uint64_t a[6])
{
    memcpy(a, &rv_state(t->cpu)->x[A0], 6 * sizeof(uint64_t));
}

static void set_result(struct lx_thread *t, int64_t value)
{
    rv_state(t->cpu)->x[A0] = (uint64_t)value;
}

static void start(struct lx_thread *t, uint64_t pc, uint64_t sp)
{
    rv_state(t->cpu)->x[SP] = sp;
    t->cpu->pc = pc;
}

static uint64_t get_sp(struct lx_thread *t)
{
    return rv_state(t->cpu)->x[SP];
}

static void set_sp(struct lx_thread *t, uint64_t sp)
{
    rv_state(t->cpu)->x[SP] = sp;
}

static void set_tls(struct lx_thread *t, uint64_t tls)
{
    rv_state(t->cpu)->x[TP] = tls;
}

static void dump(struct lx_thread *t)
{
    const struct rv_state *s = rv_state(t->cpu);

    for (int i = 0; i < 32; i += 4)
        log_trace(LOG_CPU, "x%-2d %016llx %016llx %016llx %016llx", i, (unsigned long long)s->x[i],
                  (unsigned long long)s->x[i + 1], (unsigned long long)s->x[i + 2],
                  (unsigned long long)s->x[i + 3]);
    log_trace(LOG_CPU, "pc  %016llx fcsr %02x", (unsigned long long)t->cpu->pc, s->fcsr);
}

static int frame(struct lx_thread *t, int sig, const struct lx_siginfo *info,
                 const struct lx_sigaction *act, uint64_t mask)
{
    struct rv_state *s = rv_state(t->cpu);
    struct rt_sigframe f;
    uint64_t at;

    lx_frame_head_save(t, &f.head, s->x[SP], info, mask);
    memset(&f.mc, 0, sizeof(f.mc));
    f.mc.regs[0] = t->cpu->pc;
    memcpy(&f.mc.regs[1], &s->x[1], 31 * sizeof(uint64_t));
    memcpy(f.mc.f, s->f, sizeof(f.mc.f));
    f.mc.fcsr = s->fcsr;
    at = (lx_signal_stack(t, act, s->x[SP]) - sizeof(f)) & ~UINT64_C(15);
    if (lx_put_obj(at, f) < 0)
        return -EFAULT;
    s->x[RA] = t->p->sigcode;
    s->x[SP] = at;
    s->x[A0] = (uint64_t)sig;
    s->x[A0 + 1] = at + offsetof(struct rt_sigframe, head.info);
    s->x[A0 + 2] = at + offsetof(struct rt_sigframe, head.uc);
    s->res_tag = 0;
    t->cpu->pc = act->handler;
    return 0;
}

static int sig_return(struct lx_thread *t, uint64_t *mask)
{
    struct rv_state *s = rv_state(t->cpu);
    struct rt_sigframe f;

    if (lx_get_obj(f, s->x[SP]) < 0)
        return -EFAULT;
    t->cpu->pc = f.mc.regs[0] & ~UINT64_C(1);
    memcpy(&s->x[1], &f.mc.regs[1], 31 * sizeof(uint64_t));
    memcpy(s->f, f.mc.f, sizeof(s->f));
    rv_fcsr_write(t->cpu, f.mc.fcsr);
    s->res_tag = 0;
    lx_frame_head_restore(t, &f.head, mask);
    return 0;
}

static int same_flags(int flags)
{
    return flags; /* the host's are the generic ones */
}

/* (pairs, count, cpu set size, cpu set, flags); flag 1 asks which processors have the values. */
static int64_t hwprobe(uint64_t *a)
{
    struct {
        int64_t key;
        uint64_t value;
    } pair;

    if (a[4] & ~UINT64_C(1))
        return -EINVAL;
    for (uint64_t i = 0; i < a[1]; i++) {
        uint64_t at = a[0] + i * sizeof(pair), value;

        if (lx_get_obj(pair, at) < 0)
            return -EFAULT;
        if (pair.key == RV_HWPROBE_HIGHEST_VIRT_ADDRESS)
            value = LX_ADDR_TOP - 1;
        else if (rv_hwprobe(pair.key, &value) < 0)
            pair.key = -1;
        pair.value = value;
        if (!(a[4] & 1) && lx_put_obj(at, pair) < 0)
            return -EFAULT;
    }
    return 0;
}

/* Numbers of the architecture: linux/arch/riscv/include/uapi/asm/unistd.h. */
static int64_t arch_syscall(struct lx_thread *t, uint64_t *a)
{
    switch (a[6]) {
    case 258:
        return hwprobe(a);
    case 259: /* riscv_flush_icache(start, end, flags) */
        if (a[2] & ~UINT64_C(1))
            return -EINVAL;
        if (a[1] > a[0])
            accel_invalidate(t->p->accel, a[0], a[1] - a[0]);
        return 0;
    default:
        return -ENOSYS;
    }
}

const struct lx_guest lx_guest_riscv64 = {
    .isa = "riscv64",
    .machine = "riscv64",
    .platform = NULL,
    .elf_machine = 243,
    .insn_size = 4,
    .has_restorer = 0,
    .numbers = lx_generic_numbers,
    .nnumbers = LX_GENERIC_NUMBERS,
    .minsigstksz = 1104,
    .altstack_min = 2048,
    .sigcode = sigcode,
    .nsigcode = array_size(sigcode),
    .init = init,
    .hwcap = hwcap,
    .syscall_nr = syscall_nr,
    .syscall_args = syscall_args,
    .set_result = set_result,
    .start = start,
    .get_sp = get_sp,
    .set_sp = set_sp,
    .set_tls = set_tls,
    .frame = frame,
    .sigreturn = sig_return,
    .oflags_in = same_flags,
    .oflags_out = same_flags,
    .cpuinfo = cpuinfo,
    .arch_syscall = arch_syscall,
    .dump = dump,
};
