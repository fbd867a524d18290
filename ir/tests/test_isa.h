/* A tiny instruction set for tests of ir/ and codegen/: slots of every type and helpers of every
 * kind, no lifter. */
#ifndef MYNA_IR_TESTS_TEST_ISA_H
#define MYNA_IR_TESTS_TEST_ISA_H

#include "ir/isa.h"

enum { /* slots */
       TI_X0,
       TI_X1,
       TI_X2,
       TI_X3,
       TI_X4,
       TI_X5,
       TI_X6,
       TI_X7,
       TI_V0,
       TI_V1,
       TI_V2,
       TI_V3,
       TI_D0,
       TI_D1,
       TI_W0,
       TI_W1,
       TI_NZCV,
       TI_FPFLAGS,
       TI_NSLOTS
};
enum {           /* helpers */
       TH_MIX,   /* pure: i64 of two i64 */
       TH_SUM6,  /* pure: i64 of six i64 */
       TH_READ,  /* reads slots: sum of x0..x7 */
       TH_SWAP,  /* reads and writes slots: swaps x0 and x1 */
       TH_PROBE, /* may fault: leaves with CPU_EXIT_FAULT when its argument is odd */
       TH_COUNT, /* an effect besides the result, no slot: counts calls outside of the slots */
       TH_VROT,  /* pure: v128 of v128, rotated by 64 bits */
       TI_NHELPERS
};

struct ti_state {
    uint64_t x[8];
    uint8_t v[4][16] __attribute__((aligned(16)));
    uint64_t d[2];
    uint32_t w[2];
    uint32_t nzcv;
    uint32_t count;   /* no slot */
    uint32_t fpflags;
};

extern const struct isa isa_test;
#endif
