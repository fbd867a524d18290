/* The system side of arm64 for boards: options of a processor, its lines, timers and start. Arm ARM
 * (DDI 0487).
 *
 * Calls are for the thread that runs the cpu, or while it stands still, except where said.
 */
#ifndef MYNA_ISA_ARM64_SYSTEM_H
#define MYNA_ISA_ARM64_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/irq.h"
#include "core/sys.h"

/* What isa_sys.init() takes as `props` (table: isa_arm64.sys->props); NULL: the defaults of the
 * table. */
struct arm64_props {
    bool el2, el3; /* the exception levels exist */
    bool pmu;
    uint64_t
        mpidr; /* affinity: Aff3 in 39..32, Aff2..Aff0 in 23..0; the board decides its layout */
    uint64_t reset_pc; /* RVBAR */
    uint32_t cntfrq;   /* Hz of the generic timer, a divisor of 10^9; 0: 62.5 MHz */
};

/* Interrupt inputs: bits of cpu->sys->lines, numbers of cpu_set_line(). */
enum arm64_line {
    A64_LINE_IRQ,
    A64_LINE_FIQ,
    A64_LINE_VIRQ, /* of a GIC's virtual interface; HCR_EL2.VI is ORed in */
    A64_LINE_VFIQ,
    A64_LINE_SERROR,
};

/* Outputs. The board connects them before the first reset; on the GIC they are private interrupts
 * (PPIs). */
enum arm64_out {
    A64_OUT_CNTP,  /* EL1 physical timer; PPI 14 of most boards */
    A64_OUT_CNTV,  /* EL1 virtual; 11 */
    A64_OUT_CNTHP, /* EL2 physical; 10 */
    A64_OUT_CNTPS, /* secure physical; 13 */
    A64_OUT_CNTHV, /* EL2 virtual; 12 */
    A64_OUT_PMU,   /* 7 */
    A64_OUTS
};
struct irq *arm64_irq_out(struct cpu *c, enum arm64_out which);

/* Registers that the interrupt controller implements (ICC_*, ICV_*, ICH_*) reach it by
 * cpu->sys->intc with this number; they are undefined where it says false, or is not set. Checked
 * before: exception level, and traps by HCR_EL2 and SCR_EL3 that are not the controller's own
 * (ICH_HCR_EL2 is). */
#define ARM64_INTC_REG(op0, op1, crn, crm, op2) \
    ((uint32_t)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))

/* What an interrupt controller must know of the cpu that talks to it. */
struct arm64_view {
    uint8_t el;    /* exception level now */
    bool secure;   /* security state now */
    bool ns;       /* SCR_EL3.NS: which bank EL3 means */
    bool imo, fmo; /* virtual interrupts are on for EL1: HCR_EL2.IMO, FMO */
};
void arm64_view(const struct cpu *c, struct arm64_view *v);

/* Puts a cpu that was reset at this place, as PSCI's CPU_ON and boot protocols do: pc, x0, at
 * exception level `el` (1..3; it is lowered to what exists) with its own stack pointer, all
 * interrupts masked. */
void arm64_boot(struct cpu *c, unsigned el, uint64_t pc, uint64_t x0);
/* The highest exception level there is; MPIDR as the guest sees it. */
unsigned arm64_highest_el(const struct cpu *c);
uint64_t arm64_mpidr(const struct cpu *c);
/* Compatible string of the model for device trees ("arm,cortex-a57"). */
const char *arm64_compatible(const struct cpu *c);

#endif
