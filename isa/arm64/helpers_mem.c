/* Owns memory accesses that no IR op expresses: the 128-bit compare-and-swap. */
#include "base/attr.h"
#include "core/tlb.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/state.h"

/* v[0] address, v[1] expected, v[2] new; result: what was there. */
guest_access void a64_h_cas_pair(void *cpu, union ir_val *v)
{
    unsigned __int128 expected, desired, old;
    struct cpu_mem m;

    cpu_mem_begin(cpu, &m, v[0].x, 16, CPU_MEM_READ | CPU_MEM_WRITE | CPU_MEM_ALIGNED);
    __builtin_memcpy(&expected, &v[1], 16);
    __builtin_memcpy(&desired, &v[2], 16);
    old = __sync_val_compare_and_swap((unsigned __int128 *)(void *)m.host, expected, desired);
    if (old == expected)
        cpu_mem_end(cpu, &m);
    __builtin_memcpy(&v[0], &old, 16);
}
