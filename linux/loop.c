/*
 * Owns the loop of a guest thread: run, see why the cpu stopped, act, deliver signals, run again.
 * Must not know registers, frames or single system calls.
 */
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

#include "linux/lx.h"

static void system_call(struct lx_thread *t)
{
    const struct lx_guest *g = t->p->guest;
    uint64_t a[7];
    int64_t ret;

    g->syscall_args(t, a);
    ret = lx_syscall(t, g->syscall_nr(t), a);
    if (ret == -LX_ERESTARTSYS)
        t->restart = true;
    else if (ret != -LX_NO_RESULT)
        g->set_result(t, ret);
}

/* What the kernel tells of an arm64 fault in the frame; other guests do not look. Arm ARM D17.2.37:
 * class, instruction length, write, status (translation or permission fault, level 3). */
static uint64_t syndrome(const struct cpu *c, bool mapped)
{
    uint64_t class = c->fault_access == CPU_FETCH ? 0x20 : 0x24;

    return class << 26 | 1u << 25 | (c->fault_access == CPU_WRITE ? 1u << 6 : 0) |
           (mapped ? 0x0f : 0x07);
}

static void memory_fault(struct lx_thread *t)
{
    struct cpu *c = t->cpu;
    int prot = lx_map_find(&t->p->map, c->fault_addr);
    int sig = c->fault_sig == SIGBUS ? SIGBUS : SIGSEGV, code = c->fault_code;

    if (c->fault_access == CPU_FETCH && prot >= 0 && prot & PROT_EXEC) {
        uint8_t byte;

        if (lx_get(&byte, c->fault_addr, 1) == 0)
            return; /* another thread has just mapped it */
        sig = SIGBUS; /* a mapping is longer than its file */
        code = 0;
    }
    if (sig == SIGSEGV)
        code = prot < 0 ? SEGV_MAPERR : SEGV_ACCERR;
    else if (code <= 0 || code == SI_KERNEL)
        code = BUS_ADRERR;
    lx_signal_fault(t, sig, code, c->fault_addr, syndrome(c, prot >= 0));
}

static void handle_exit(struct lx_thread *t, enum cpu_exit why)
{
    struct cpu *c = t->cpu;

    switch (why) {
    case CPU_EXIT_SYSCALL:
        system_call(t);
        break;
    case CPU_EXIT_FAULT:
        memory_fault(t);
        break;
    case CPU_EXIT_UNDEF:
    case CPU_EXIT_ISA:
        lx_signal_fault(t, SIGILL, ILL_ILLOPC, c->pc, 0);
        break;
    case CPU_EXIT_BREAK:
        lx_signal_fault(t, SIGTRAP, TRAP_BRKPT, c->pc, 0);
        break;
    case CPU_EXIT_ALIGN:
        lx_signal_fault(t, SIGBUS, BUS_ADRALN, c->fault_addr, 0);
        break;
    case CPU_EXIT_FPE:
        lx_signal_fault(t, SIGFPE, (int)c->exit_code, c->pc, 0);
        break;
    case CPU_EXIT_YIELD:
        sched_yield();
        break;
    case CPU_EXIT_NONE:
    case CPU_EXIT_KICK:
    case CPU_EXIT_ISYNC:
    case CPU_EXIT_DEBUG:
    case CPU_EXIT_HALT: /* machines only */
    case CPU_EXIT_REQUEST:
        break;
    }
}

void lx_loop(struct lx_thread *t)
{
    for (;;) {
        handle_exit(t, accel_run(t->cpu));
        if (atomic_load_explicit(&t->cpu->exit_request, memory_order_relaxed))
            atomic_store(&t->cpu->exit_request, 0); /* before looking for what it announced */
        if (t->exiting)
            break;
        if (t->pending || t->restart || t->deferred & ~t->sigmask)
            lx_signal_deliver(t);
    }
}
