/* Faults of the host that are the guest's: finds the exact guest state and makes accel_run() return with
 * CPU_EXIT_FAULT. Runs in a signal handler: no locks, no allocation. */
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "accel/dbt/dbt.h"
#include "os/term.h"

enum { SIGNAL_STACK = 64 << 10 };
enum { STACK_KEEP = 256 /* of a full return stack: more than the deepest stub has on it */ };

static const int greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void describe(struct cpu *c, int sig, const siginfo_t *info, const ucontext_t *uc)
{
    c->fault_addr = (uint64_t)(uintptr_t)info->si_addr;
    c->fault_access = uc->uc_mcontext.gregs[REG_ERR] & 2 ? CPU_WRITE : CPU_READ;
    c->fault_sig = sig;
    c->fault_code = info->si_code;
}

static void read_registers(struct cg_fault_regs *r, const ucontext_t *uc)
{
    for (int i = 0; i < 16; i++)
        r->gpr[i] = (uint64_t)uc->uc_mcontext.gregs[greg_of[i]];
    for (int i = 0; i < 16; i++)
        memcpy(&r->vec[i], &uc->uc_mcontext.fpregs->_xmm[i], 16);
}

/* Runs after the handler, in the place of the C code that faulted. */
static _Noreturn void leave_with_fault(struct cpu *c) { cpu_leave(c, CPU_EXIT_FAULT); }

static void resume_at(ucontext_t *uc, uint64_t rip, uint64_t rsp)
{
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)rip;
    uc->uc_mcontext.gregs[REG_RSP] = (greg_t)rsp;
}

/* Pushes below the return stack: it starts anew with the newest of what was on it, for whoever pushes may be in the middle
 * (a stub that keeps registers there, a call of a helper). Older returns miss. */
static bool return_stack_full(struct dbt_thread *t, const siginfo_t *info, ucontext_t *uc)
{
    uint64_t at = (uint64_t)(uintptr_t)info->si_addr, lo = (uint64_t)(uintptr_t)t->stack.data;
    if (t->tlb) /* the guard of the stack in use */
        lo += (t->cpu->jit_sp_base - lo) / t->tlb->stack_size * t->tlb->stack_size;
    if (at < lo || at >= lo + os_page_size())
        return false;
    uint64_t sp = (uint64_t)uc->uc_mcontext.gregs[REG_RSP];
    uint64_t size = STACK_KEEP - sp % 16; /* entries stay aligned to the bottom one */
    uint64_t to = t->cpu->jit_sp_base - size;
    memcpy((void *)(uintptr_t)to, (const void *)(uintptr_t)sp, size);
    uc->uc_mcontext.gregs[REG_RSP] = (greg_t)to;
    return true;
}

bool accel_host_signal(struct cpu *c, int sig, void *vinfo, void *uctx)
{
    struct dbt_thread *t = c->accel;
    ucontext_t *uc = uctx;
    const siginfo_t *info = vinfo;
    if (!t)
        return false;
    uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    if (accel_owns_pc(t->a, rip)) {
        if (sig == SIGSEGV && return_stack_full(t, info, uc))
            return true;
        struct dbt_block *b = dbt_by_host(t->a, rip);
        struct cg_fault_regs r;
        uint64_t pc;
        if (!b || !cg_point_find(b->points, b->npoints, (uint32_t)(rip - b->host), b->pc, &pc))
            return false;
        read_registers(&r, uc);
        cg_map_to_state(&t->a->cg, b->canonical ? &t->a->cg.canonical : b->map, &r, c);
        describe(c, sig, info, uc);
        c->pc = pc;
        c->jit_sp = r.gpr[4];
        uc->uc_mcontext.gregs[REG_RAX] = CPU_EXIT_FAULT;
        uc->uc_mcontext.gregs[REG_RIP] = (greg_t)t->a->cg.stubs.exit_fault;
        return true;
    }
    if ((c->helper_pc || t->in_c) && c->recover) {
        describe(c, sig, info, uc);
        uc->uc_mcontext.gregs[REG_RDI] = (greg_t)(uintptr_t)c;
        resume_at(uc, (uint64_t)(uintptr_t)leave_with_fault,
                  (((uint64_t)uc->uc_mcontext.gregs[REG_RSP] - 512) & ~15ull) - 8);
        return true;
    }
    return false;
}

/* ---- a machine's cpu threads ---- */

static void on_fault(int sig, siginfo_t *info, void *uctx)
{
    struct cpu *c = cpu_current();
    if (c && c->accel && accel_host_signal(c, sig, info, uctx))
        return;
    os_term_restore();
    signal(sig, SIG_DFL); /* a bug of ours: once more, and the end */
    if (info->si_code <= 0)
        raise(sig); /* somebody sent it: it does not happen again by itself */
}

int dbt_signals_enter(struct dbt_thread *t, struct err *e)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigset_t faults;
    int rc = os_map_anon(&t->signal_stack, SIGNAL_STACK, e);
    if (rc)
        return rc;
    stack_t stack = {.ss_sp = t->signal_stack.data, .ss_size = t->signal_stack.size};
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    /* Translated code has its return stack where a handler would put its frame: all that can wait is for
     * other threads. */
    sigfillset(&faults);
    sigdelset(&faults, SIGSEGV);
    sigdelset(&faults, SIGBUS);
    sigdelset(&faults, SIGFPE);
    sigdelset(&faults, SIGILL);
    sigdelset(&faults, SIGTRAP);
    sigdelset(&faults, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &faults, &t->signals_before);
    return 0;
}

void dbt_signals_leave(struct dbt_thread *t)
{
    stack_t off = {.ss_flags = SS_DISABLE};
    sigaltstack(&off, NULL);
    os_map_free(&t->signal_stack);
    pthread_sigmask(SIG_SETMASK, &t->signals_before, NULL);
}
