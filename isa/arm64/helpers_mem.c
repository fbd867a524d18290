/* Owns memory accesses that no IR op expresses: the 128-bit compare-and-swap. Guest addresses are
 * host addresses (user mode). */
#include "base/attr.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/state.h"

/* v[0] address, v[1] expected, v[2] new; result: what was there. */
guest_access void a64_h_cas_pair(void *cpu, union ir_val *v)
{
    unsigned __int128 expected, desired, old;
    uint64_t address = v[0].x;

    if (address & 15) {
        struct cpu *c = cpu;

        c->fault_addr = address;
        c->fault_access = CPU_WRITE;
        cpu_leave(c, CPU_EXIT_ALIGN);
    }
    __builtin_memcpy(&expected, &v[1], 16);
    __builtin_memcpy(&desired, &v[2], 16);
    old = __sync_val_compare_and_swap((unsigned __int128 *)address, expected, desired);
    __builtin_memcpy(&v[0], &old, 16);
}
