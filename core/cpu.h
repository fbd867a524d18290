/* A guest processor as the engine sees it: the common head, then the isa's state block.
 *
 * The isa's registers live at state[]; helpers of an isa cast it. Offsets of slots (ir/isa.h) are
 * relative to state[]. Everything here belongs to the thread that runs the cpu; only exit_request may
 * be written by others (cpu_kick), atomically, also from signal handlers.
 */
#ifndef MYNA_CORE_CPU_H
#define MYNA_CORE_CPU_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct isa;
struct cpu_sys;

/* Why translated code (or the interpreter) came back. The pc is exact in cpu->pc. */
enum cpu_exit {
    CPU_EXIT_NONE,      /* went to another block: go on at cpu->pc (never leaves the accelerator) */
    CPU_EXIT_KICK,      /* exit_request was set */
    CPU_EXIT_SYSCALL,   /* pc is after the call instruction; exit_code is its immediate */
    CPU_EXIT_UNDEF,     /* undefined or disabled instruction at pc */
    CPU_EXIT_BREAK,     /* breakpoint instruction at pc; exit_code is its immediate */
    CPU_EXIT_FAULT,     /* memory access failed: fault_addr, fault_access, fault_sig, fault_code */
    CPU_EXIT_ALIGN,     /* misaligned pc, sp or access: fault_addr */
    CPU_EXIT_FPE,       /* trapped floating-point or integer exception; exit_code is si_code */
    CPU_EXIT_ISYNC,     /* guest says code changed in [exit_arg, exit_arg + exit_code); code 0: all. Handled by the accelerator */
    CPU_EXIT_YIELD,     /* hint: let others run */
    CPU_EXIT_DEBUG,     /* single step done or debugger breakpoint */
    CPU_EXIT_ISA,       /* meaning is the isa's: exit_code */
    /* System mode only; the isa's raise() has seen and passed on what is not listed here. */
    CPU_EXIT_HALT,      /* waits for an interrupt: sleep until isa->sys->has_work() */
    CPU_EXIT_REQUEST,   /* sys->requests has CPU_REQ_STOP */
};
enum cpu_access { CPU_READ, CPU_WRITE, CPU_FETCH };

#define CPU_STATE_SIZE 8192
#define CPU_JCACHE_SIZE 2048 /* entries, a power of two */
#define CPU_HOT_SIZE 1024
#define CPU_CELLS 16

struct cpu_jcache {
    uint64_t pc; /* guest pc; ~0: empty */
    uint64_t host;
};

struct cpu {
    /* --- exits --- */
    uint64_t pc;
    uint32_t key; /* code key: everything besides the bytes that a translation depends on; isa keeps it current */
    _Atomic uint32_t exit_request;
    uint32_t exit_code;
    uint32_t exit_reason;
    uint64_t exit_arg;
    uint64_t fault_addr;
    uint32_t fault_access; /* enum cpu_access */
    int32_t fault_sig, fault_code; /* host signal and si_code that told us */
    /* --- accelerator-private; offsets are known to back ends (codegen/) --- */
    uint64_t host_sp;      /* C stack while translated code runs */
    uint64_t jit_sp;       /* return-stack pointer while C code runs */
    uint64_t jit_sp_base;  /* its empty value */
    uint32_t mxcsr_guest;  /* host FP control while translated code runs (status is collected here) */
    uint32_t mxcsr_host;
    uint64_t helper_pc;    /* host return address into translated code of the running helper, or 0 */
    uint64_t exit_site;    /* which exit of which block was taken (for linking) */
    uint64_t scratch[4];
    struct tlb_set *tlb[2]; /* system mode: the sets in use (core/tlb.h), [1] for IR_M_USER */
    uint32_t mem_desc;      /* the access that translated code gives to the slow path */
    const struct isa *isa;
    void *accel; /* struct dbt_thread * */
    struct cpu_sys *sys; /* core/sys.h; NULL: user mode */
    void *owner; /* the user of the accelerator: linux thread, machine vCPU */
    void *recover; /* jump buffer for faults in C code that runs on behalf of the guest, or NULL */
    uint64_t icount; /* guest instructions retired, where a code key asks to count */
    _Alignas(16) unsigned char args[6 * 16]; /* union ir_val v[6] of helper calls */
    unsigned char spill[48 * 16]; /* values that translated code has no register for */
    uint64_t cell[CPU_CELLS]; /* what a check of several accesses found: host address minus guest address, or 0 */
    unsigned char bounce[16]; /* what a slow access reads from, or writes to */
    _Alignas(64) unsigned char state[CPU_STATE_SIZE];
    int32_t hot[CPU_HOT_SIZE]; /* executions until a block is translated better */
    struct cpu_jcache jcache[CPU_JCACHE_SIZE];
};

/* Asks the cpu to come back soon with CPU_EXIT_KICK. Any thread, also a signal handler. */
static inline void cpu_kick(struct cpu *c)
{
    atomic_store_explicit(&c->exit_request, 1, memory_order_release);
}

/* Leaves a helper or the interpreter at once with this exit; cpu->pc is that of the current guest
 * instruction (set before any call of an IR_H_FAULTS helper). Never returns. Needs cpu->recover. */
_Noreturn void cpu_leave(struct cpu *c, enum cpu_exit reason);
#endif
