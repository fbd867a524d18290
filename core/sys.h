/* A guest processor of a machine: what it has besides registers. NULL (cpu->sys) in user mode.
 *
 * The isa owns translation and exceptions, the accelerator owns the TLB and tells other cpus, the machine
 * owns lines and services. They meet here.
 *
 * Contexts. A translation depends on the address and on a 64-bit context that the isa makes of everything
 * else (regime, privilege, PAN, ASID, VMID, MMU on/off ...). The accelerator keeps a set of cached translations
 * per context and swaps pointers when it changes; how many and how large is its business. At any time two are in use:
 * [0] of ordinary accesses and fetches, [1] of IR_M_USER ("as the unprivileged level") accesses.
 *
 * Threads: fields belong to the cpu's thread, but `lines` and `requests` (atomic; then cpu_kick).
 */
#ifndef MYNA_CORE_SYS_H
#define MYNA_CORE_SYS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/cpu.h"
#include "core/mem.h"

/* What one page walk found. */
struct cpu_page {
    mem_pa pa;        /* of the address asked for */
    uint64_t size;    /* bytes of the block or page that the entry maps (power of two; >= 4096 unless
                         protection is finer, then the accelerator must not cache) */
    uint8_t prot;     /* 1 << CPU_READ | 1 << CPU_WRITE | 1 << CPU_FETCH that this context may */
    bool global;      /* the same in every ASID of the regime */
    bool device;      /* device memory: alignment is checked, no wide access split */
    bool no_cache;    /* ask again each time */
};

/* Which cached translations to forget: those of contexts with (context & mask) == value, and of these
 * the addresses [va, va + size); size 0: all. `keep_global`: entries marked global stay. */
struct cpu_mem;
struct cpu_flush {
    uint64_t mask, value;
    uint64_t va, size;
    bool keep_global;
};

/* Filled by the accelerator. Called by helpers of the isa, in the cpu's thread. */
struct cpu_accel_ops {
    /* The context may have changed (isa->sys->contexts says to what). Cheap when it has not. */
    void (*context_changed)(struct cpu *c);
    /* everyone: all cpus of the machine (inner shareable), at the latest when sync() returns. */
    void (*flush)(struct cpu *c, const struct cpu_flush *f, bool everyone);
    void (*sync)(struct cpu *c); /* a barrier: waits for other cpus' flushes asked for by this one */
    /* Code bytes at guest virtual [va, va + size) may have changed (IC IVAU); size 0: any code. */
    void (*code_changed)(struct cpu *c, uint64_t va, uint64_t size);
    /* Watch- and breakpoints of the isa or debugger changed: sys->debug says where. */
    void (*debug_changed)(struct cpu *c);
    /* What core/tlb.h's cpu_mem_begin() and _end() do in a machine. */
    void (*mem_begin)(struct cpu *c, struct cpu_mem *r, uint64_t va, unsigned size, unsigned flags);
    void (*mem_end)(struct cpu *c, struct cpu_mem *r);
    /* Where a debugger finds va; false: nowhere. No effect on the guest. */
    bool (*mem_probe)(struct cpu *c, uint64_t va, struct cpu_page *out);
};

/* A system register (or coprocessor register, MSR) that a device implements for the cpu: an interrupt
 * controller's cpu interface. `reg` is the isa's number. */
struct cpu_sysreg_ops {
    bool (*read)(void *opaque, struct cpu *c, uint32_t reg, uint64_t *value); /* false: not mine (undefined) */
    bool (*write)(void *opaque, struct cpu *c, uint32_t reg, uint64_t value);
    /* The controller's own traps: does an access that the guest of a hypervisor makes go to the hypervisor? NULL: never. */
    bool (*traps)(void *opaque, struct cpu *c, uint32_t reg);
    void *opaque;
};

/* Requests of others, bits of sys->requests. */
enum {
    CPU_REQ_STOP = 1,   /* the machine wants the thread to come back (pause, reset, quit, debugger) */
    CPU_REQ_FLUSH = 2,  /* the accelerator's: flushes are queued */
};

enum { CPU_DEBUG_MAX = 64 };
struct cpu_debug_point {
    uint64_t va, size; /* size 0: an instruction */
    uint8_t access;    /* 1 << CPU_* */
};

struct cpu_sys {
    struct mem_space *mem;
    struct clocks *clocks;
    const struct cpu_accel_ops *accel;
    void *tlb;                    /* the accelerator's */
    unsigned index;               /* 0.. within the machine */
    _Atomic uint32_t lines;       /* interrupt inputs, bit = the isa's line number */
    _Atomic uint32_t requests;
    struct cpu_sysreg_ops intc;   /* of the interrupt controller; all zero: none */
    /* Firmware calls that the machine serves (PSCI). regs: x0..x3, result in regs[0]. True: served. */
    bool (*firmware)(void *machine, struct cpu *c, bool smc, uint64_t regs[4]);
    void (*wake)(void *machine, struct cpu *c); /* lines or timers changed: the thread may sleep in WFI */
    void *machine;
    struct cpu_debug_point debug[CPU_DEBUG_MAX]; /* of the debugger, in this cpu */
    unsigned ndebug;
    bool step;                    /* single step: accel_run returns CPU_EXIT_DEBUG after one instruction */
    /* ---- the access that failed, told by the isa's translate() for its raise() ---- */
    uint64_t fault[4];
};

/* Sets an interrupt line of the cpu; any thread. */
void cpu_set_line(struct cpu *c, unsigned line, int level);

/* The cpu that the calling thread runs: devices with registers of their own for each cpu ask. The vCPU loop
 * sets it; NULL in other threads (loop, debugger). */
struct cpu *cpu_current(void);
void cpu_set_current(struct cpu *c);

/* Guest virtual memory in the cpu's present context, without side effects on the guest (debuggers, semihosting).
 * The cpu stands still. 0 or -EFAULT. */
int cpu_debug_read(struct cpu *c, uint64_t va, void *to, size_t size);
int cpu_debug_write(struct cpu *c, uint64_t va, const void *from, size_t size);
#endif
