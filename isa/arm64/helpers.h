/* Helpers of the arm64 lifters: C functions that translated code calls for what is rare.
 *
 * One table (the A64_HELPERS lists) gives the enum, the prototypes and isa_arm64.helpers:
 *   H(NAME, flags, result type, nargs, argument types...)  ->  A64_H_NAME, a64_h_NAME(cpu, v)
 */
#ifndef MYNA_ISA_ARM64_HELPERS_H
#define MYNA_ISA_ARM64_HELPERS_H

#include "isa/arm64/helpers_simd.h"

#define A64_HELPERS_BASE(H)                                                                  \
    /* system registers; see helpers_sys.c */                                                \
    H(mrs, IR_H_READS, IR_I64, 1, IR_I32)                                                    \
    H(msr, IR_H_READS | IR_H_WRITES, IR_VOID, 2, IR_I32, IR_I64)                             \
    H(counter, IR_H_NODCE, IR_I64, 0)                                                        \
    H(rndr, IR_H_NODCE, IR_I64, 0)                                                           \
    /* machines: registers (sysregs.c), maintenance (tlbi.c), debug (debug.c) */             \
    H(reg_read, IR_H_READS | IR_H_FAULTS, IR_I64, 2, IR_I32, IR_I32)                         \
    H(reg_write, IR_H_READS | IR_H_WRITES | IR_H_FAULTS, IR_VOID, 3, IR_I32, IR_I32, IR_I64) \
    H(unmask, IR_H_READS | IR_H_FAULTS, IR_VOID, 1, IR_I32)                                  \
    H(sys, IR_H_READS | IR_H_FAULTS, IR_VOID, 3, IR_I32, IR_I32, IR_I64)                     \
    H(cache_check, IR_H_FAULTS, IR_VOID, 2, IR_I32, IR_I32)                                  \
    H(icache, IR_H_READS | IR_H_FAULTS, IR_VOID, 2, IR_I64, IR_I64)                          \
    H(zva_trap, IR_H_FAULTS, IR_VOID, 1, IR_I32)                                             \
    H(dsb, IR_H_NODCE, IR_VOID, 0)                                                           \
    H(event, IR_H_NODCE, IR_VOID, 0)                                                         \
    H(breakpoints, IR_H_FAULTS, IR_VOID, 0)                                                  \
    H(watchpoints, IR_H_FAULTS, IR_VOID, 3, IR_I64, IR_I32, IR_I32)                          \
    H(step, IR_H_NODCE, IR_VOID, 0)                                                          \
    /* memory; see helpers_mem.c */                                                          \
    H(cas_pair, IR_H_FAULTS, IR_V128, 3, IR_I64, IR_V128, IR_V128)                           \
    /* pointer authentication; see helpers_pac.c */                                          \
    H(pac_add, IR_H_PURE, IR_I64, 3, IR_I64, IR_I64, IR_I32)                                 \
    H(pac_auth, IR_H_PURE, IR_I64, 3, IR_I64, IR_I64, IR_I32)                                \
    H(pac_generic, IR_H_PURE, IR_I64, 2, IR_I64, IR_I64)

#define A64_HELPERS(H) A64_HELPERS_BASE(H) A64_HELPERS_SIMD(H)

enum a64_helper {
#define H(name, flags, result, nargs, ...) A64_H_##name,
    A64_HELPERS(H)
#undef H
        A64_HELPER_COUNT
};

#define H(name, flags, result, nargs, ...) ir_helper_fn a64_h_##name;
A64_HELPERS(H)
#undef H

#endif
