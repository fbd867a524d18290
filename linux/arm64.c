/*
 * The personality of arm64: registers of calls, signal frames, flags of open(), CPU models.
 * Layouts: Linux, arch/arm64/include/uapi/asm/{sigcontext,ucontext,fcntl,hwcap}.h and
 * arch/arm64/kernel/signal.c. Must not know what system calls do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isa/arm64/features.h"
#include "isa/arm64/state.h"
#include "linux/generic.h"
#include "linux/lx.h"

#define FPSIMD_MAGIC 0x46508001u
#define ESR_MAGIC    0x45535201u

struct fpsimd_context {
    uint32_t magic, size, fpsr, fpcr;
    union ir_val v[32];
};
struct esr_context {
    uint32_t magic, size;
    uint64_t esr;
};
struct mcontext {
    uint64_t fault_address, x[31], sp, pc, pstate, pad;
    uint8_t reserved[4096];
};
struct rt_sigframe {
    struct lx_frame_head head;
    struct mcontext mc;
};
struct frame_record {
    uint64_t fp, lr;
};
_Static_assert(offsetof(struct mcontext, reserved) == 288, "records are aligned to 16");
_Static_assert(sizeof(struct rt_sigframe) == 4688, "struct rt_sigframe");

static const uint32_t sigcode[] = {
    0xd2801168, /* mov x8, #139 (rt_sigreturn): unwinders know these two words */
    0xd4000001, /* svc #0 */
};

/* ---- processor ---- */

struct model {
    const char *names; /* each followed by a space */
    uint64_t features;
};
#define F(name)    UINT64_C(1) << A64_F_##name
#define V80        (F(FP) | F(ASIMD) | F(CPUID) | F(CRC32))
#define V80_CRYPTO (V80 | F(AES) | F(PMULL) | F(SHA1) | F(SHA2))
#define V82                                                                               \
    (V80_CRYPTO | F(ATOMICS) | F(FPHP) | F(ASIMDHP) | F(ASIMDRDM) | F(LRCPC) | F(DCPOP) | \
     F(ASIMDDP) | F(SSBS))

static const struct model models[] = {
    {"cortex-a35 cortex-a53 cortex-a57 cortex-a72 ", V80_CRYPTO},
    {"cortex-a55 cortex-a76 neoverse-n1 ", V82},
};

static int init(struct lx_proc *p, struct err *e)
{
    const char *cpu = p->o->cpu, *at;
    size_t length;

    p->features = arm64_features_default();
    if (!cpu || !strcmp(cpu, "max") || !strcmp(cpu, "any"))
        return 0;
    length = strlen(cpu);
    for (size_t i = 0; i < array_size(models); i++) {
        at = strstr(models[i].names, cpu);
        if (at && at[length] == ' ' && (at == models[i].names || at[-1] == ' ')) {
            p->features &= models[i].features;
            return 0;
        }
    }
    return err_text(e, EINVAL, "no CPU model '%s' for arm64; there are: max %s%s", cpu,
                    models[0].names, models[1].names);
}
#undef F

static void hwcap(const struct lx_proc *p, uint64_t caps[2])
{
    caps[0] = arm64_hwcap(p->features, 1);
    caps[1] = arm64_hwcap(p->features, 2);
}

static void cpuinfo(const struct lx_proc *p, int ncpu, int fd)
{
    for (int cpu = 0; cpu < ncpu; cpu++) {
        dprintf(fd, "processor\t: %d\nBogoMIPS\t: 100.00\nFeatures\t:", cpu);
        for (int f = 0; f < A64_F_COUNT; f++)
            if (p->features >> f & 1)
                dprintf(fd, " %s", arm64_feature_name((enum arm64_feature)f));
        dprintf(fd,
                "\nCPU implementer\t: 0x%02x\nCPU architecture: 8\nCPU variant\t: 0x%x\n"
                "CPU part\t: 0x%03x\nCPU revision\t: %u\n\n",
                A64_MIDR >> 24, A64_MIDR >> 20 & 15, A64_MIDR >> 4 & 0xfff, A64_MIDR & 15);
    }
}

/* ---- registers ---- */

static uint64_t syscall_nr(struct lx_thread *t)
{
    return (uint32_t)arm64_state(t->cpu)->x[8];
}

static void syscall_args(struct lx_thread *t, uint64_t a[6])
{
    memcpy(a, arm64_state(t->cpu)->x, 6 * sizeof(uint64_t));
}

static void set_result(struct lx_thread *t, int64_t value)
{
    arm64_state(t->cpu)->x[0] = (uint64_t)value;
}

static void start(struct lx_thread *t, uint64_t pc, uint64_t sp)
{
    arm64_state(t->cpu)->sp = sp;
    arm64_state(t->cpu)->features = t->p->features;
    t->cpu->pc = pc;
}

static uint64_t get_sp(struct lx_thread *t)
{
    return arm64_state(t->cpu)->sp;
}

static void set_sp(struct lx_thread *t, uint64_t sp)
{
    arm64_state(t->cpu)->sp = sp;
}

static void set_tls(struct lx_thread *t, uint64_t tls)
{
    arm64_state(t->cpu)->tpidr = tls;
}

static void dump(struct lx_thread *t)
{
    const struct arm64_state *s = arm64_state(t->cpu);

    for (int i = 0; i < 31; i += 4)
        log_trace(LOG_CPU, "x%-2d %016llx %016llx %016llx %016llx", i, (unsigned long long)s->x[i],
                  (unsigned long long)s->x[i + 1], (unsigned long long)s->x[i + 2],
                  (unsigned long long)(i + 3 < 31 ? s->x[i + 3] : s->sp));
    log_trace(LOG_CPU, "pc  %016llx nzcv %08x fpcr %08x fpsr %08x", (unsigned long long)t->cpu->pc,
              arm64_get_nzcv(s), s->fpcr, arm64_get_fpsr(s));
}

/* ---- signal frames ---- */

static void save_context(struct lx_thread *t, struct mcontext *mc)
{
    struct arm64_state *s = arm64_state(t->cpu);
    struct fpsimd_context fp = {FPSIMD_MAGIC, sizeof(fp), arm64_get_fpsr(s), s->fpcr, {{0}}};
    struct esr_context esr = {ESR_MAGIC, sizeof(esr), t->fault_esr};
    size_t at = sizeof(fp);

    memcpy(mc->x, s->x, sizeof(mc->x));
    mc->sp = s->sp;
    mc->pc = t->cpu->pc;
    mc->pstate = arm64_get_nzcv(s) | s->dit | s->ssbs;
    mc->fault_address = t->fault_address;
    memcpy(fp.v, s->v, sizeof(fp.v));
    memcpy(mc->reserved, &fp, sizeof(fp));
    if (t->fault_esr) {
        memcpy(mc->reserved + at, &esr, sizeof(esr));
        at += sizeof(esr);
    }
    memset(mc->reserved + at, 0, 16); /* the end mark */
}

static int frame(struct lx_thread *t, int sig, const struct lx_siginfo *info,
                 const struct lx_sigaction *act, uint64_t mask)
{
    struct arm64_state *s = arm64_state(t->cpu);
    struct frame_record record = {s->x[29], s->x[30]};
    struct rt_sigframe f;
    uint64_t sp = s->sp, at, record_at;

    lx_frame_head_save(t, &f.head, sp, info, mask);
    save_context(t, &f.mc);
    record_at = (lx_signal_stack(t, act, sp) & ~UINT64_C(15)) - sizeof(record);
    at = (record_at & ~UINT64_C(15)) - sizeof(f);
    if (lx_put_obj(record_at, record) < 0 || lx_put_obj(at, f) < 0)
        return -EFAULT;
    s->x[0] = (uint64_t)sig;
    s->x[1] = at + offsetof(struct rt_sigframe, head.info);
    s->x[2] = at + offsetof(struct rt_sigframe, head.uc);
    s->x[29] = record_at;
    s->x[30] = act->flags & 0x04000000 ? act->restorer : t->p->sigcode;
    s->sp = at;
    s->ex_addr = A64_EX_NONE;
    t->cpu->pc = act->handler;
    return 0;
}

/* Takes the floating-point record out of the frame; it has to be there. */
static int restore_fpsimd(struct lx_thread *t, const uint8_t *records, size_t size)
{
    struct arm64_state *s = arm64_state(t->cpu);
    size_t at = 0;

    while (at + 16 <= size) {
        struct fpsimd_context fp;
        uint32_t head[2];

        memcpy(head, records + at, sizeof(head));
        if (head[0] == 0)
            break;
        if (head[1] < 16 || head[1] & 15 || head[1] > size - at)
            return -EINVAL;
        if (head[0] == FPSIMD_MAGIC) {
            if (head[1] < sizeof(fp))
                return -EINVAL;
            memcpy(&fp, records + at, sizeof(fp));
            memcpy(s->v, fp.v, sizeof(fp.v));
            arm64_set_fpcr(t->cpu, fp.fpcr);
            arm64_set_fpsr(s, fp.fpsr);
            return 0;
        }
        at += head[1];
    }
    return -EINVAL;
}

static int sig_return(struct lx_thread *t, uint64_t *mask)
{
    struct arm64_state *s = arm64_state(t->cpu);
    struct rt_sigframe f;

    if (s->sp & 15 || lx_get_obj(f, s->sp) < 0 ||
        restore_fpsimd(t, f.mc.reserved, sizeof(f.mc.reserved)) < 0)
        return -EFAULT;
    memcpy(s->x, f.mc.x, sizeof(s->x));
    s->sp = f.mc.sp;
    t->cpu->pc = f.mc.pc;
    arm64_set_nzcv(s, (uint32_t)f.mc.pstate);
    s->dit = f.mc.pstate & (1u << 24);
    s->ssbs = f.mc.pstate & (1u << 12);
    s->ex_addr = A64_EX_NONE;
    lx_frame_head_restore(t, &f.head, mask);
    return 0;
}

/* ---- flags of open(): four bits are elsewhere ---- */

#define G_DIRECTORY 0040000
#define G_NOFOLLOW  0100000
#define G_DIRECT    0200000
#define G_LARGEFILE 0400000
#define H_LARGEFILE 0100000 /* libc says 0, the kernel does not */
#define ALL_BITS    (G_DIRECTORY | G_NOFOLLOW | G_DIRECT | G_LARGEFILE)

static int oflags_in(int g)
{
    return (g & ~ALL_BITS) | (g & G_DIRECTORY ? O_DIRECTORY : 0) |
           (g & G_NOFOLLOW ? O_NOFOLLOW : 0) | (g & G_DIRECT ? O_DIRECT : 0) |
           (g & G_LARGEFILE ? H_LARGEFILE : 0);
}

static int oflags_out(int h)
{
    return (h & ~(O_DIRECTORY | O_NOFOLLOW | O_DIRECT | H_LARGEFILE)) |
           (h & O_DIRECTORY ? G_DIRECTORY : 0) | (h & O_NOFOLLOW ? G_NOFOLLOW : 0) |
           (h & O_DIRECT ? G_DIRECT : 0) | (h & H_LARGEFILE ? G_LARGEFILE : 0);
}

const struct lx_guest lx_guest_arm64 = {
    .isa = "arm64",
    .machine = "aarch64",
    .platform = "aarch64",
    .elf_machine = 183,
    .insn_size = 4,
    .has_restorer = 1,
    .numbers = lx_generic_numbers,
    .nnumbers = LX_GENERIC_NUMBERS,
    .minsigstksz = 4720,
    .altstack_min = 5120,
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
    .oflags_in = oflags_in,
    .oflags_out = oflags_out,
    .cpuinfo = cpuinfo,
    .dump = dump,
};
