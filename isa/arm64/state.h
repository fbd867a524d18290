/* The arm64 guest's registers: layout of cpu->state, slots, code key. For isa/arm64 and linux/.
 *
 * Everything is in host order. A thread's state belongs to the thread that runs the cpu. The ir
 * sees the fields through the slot table of isa.c; offsets below that back ends may rely on are
 * asserted. Source: Arm ARM (DDI 0487) B1.2, C5.2.
 *
 * FP status: the sticky flags of translated code live in the host's control register. Before a
 * helper with IR_H_READS runs, the accelerator moves them here through isa->fp_status_add(), so
 * such a helper sees (and may replace) the exact fpsr. Saturation (FPSR.QC) is kept apart, in `qc`:
 * any bit set means QC, so that a lifter can or in a vector without a test.
 */
#ifndef MYNA_ISA_ARM64_STATE_H
#define MYNA_ISA_ARM64_STATE_H

#include <stdbool.h>

#include "core/cpu.h"
#include "ir/ir.h"

struct a64_machine;

/* System registers with storage: index in arm64_state.r, from the table sysregs.def. */
enum a64_r {
#define R(name, ...) A64_R_##name,
#include "isa/arm64/sysregs.def"
#undef R
    A64_R_COUNT
};
/* Rows of a few registers of a kind, which the table does not list one by one. */
enum { A64_BREAKPOINTS = 16, A64_WATCHPOINTS = 16, A64_PMU_COUNTERS = 31 };

struct a64_pac_key {
    uint64_t lo, hi;
};
enum { A64_PAC_IA, A64_PAC_IB, A64_PAC_DA, A64_PAC_DB, A64_PAC_GA, A64_PAC_KEYS };

struct arm64_state {
    uint64_t x[31];
    uint64_t sp;
    union ir_val v[32];
    union ir_val qc; /* any bit set: FPSR.QC */
    uint32_t nzcv;   /* packed, see ir_nzcv_pack() */
    uint32_t fpcr;   /* change it only by arm64_set_fpcr() */
    uint32_t fpsr;   /* FP_FLAGS_ARM bits and AArch32's NZCV; QC is in qc */
    uint32_t dit;    /* PSTATE.DIT, bit 24 as MRS shows it */
    uint32_t ssbs;   /* PSTATE.SSBS, bit 12 as MRS shows it */
    uint32_t pad;
    uint64_t features; /* bit set of enum arm64_feature (features.h) of this process */
    uint64_t tpidr, tpidrro;
    uint64_t ex_addr;     /* exclusive monitor: address, or A64_EX_NONE */
    uint64_t ex_value[2]; /* what the load-exclusive saw */
    struct a64_pac_key pac[A64_PAC_KEYS];
    /* ---- system mode (core/sys.h): not used by programs ---- */
    uint32_t daif;            /* PSTATE.DAIF, bits 9..6 as MRS shows them */
    uint8_t el, spsel;        /* PSTATE.EL, PSTATE.SP; `sp` is the stack pointer that they select */
    uint8_t pan, uao, il, ss; /* PSTATE fields, 0 or 1 */
    uint8_t step_insn;        /* software step: the present instruction is the one that may run */
    uint8_t event;            /* event register of WFE */
    uint64_t
        r[A64_R_COUNT]; /* system registers; those of stack pointers are stale while selected */
    uint64_t dbgbvr[A64_BREAKPOINTS], dbgbcr[A64_BREAKPOINTS];
    uint64_t dbgwvr[A64_WATCHPOINTS], dbgwcr[A64_WATCHPOINTS];
    uint64_t pmev[A64_PMU_COUNTERS], pmevtype[A64_PMU_COUNTERS]; /* values at pmu_at */
    uint64_t pmu_cycles, pmu_insns; /* clock cycles and instructions when the counters were last
                                       brought up to date */
    struct a64_machine *machine;    /* what is the host's: timers, lines, model (system_int.h) */
};
_Static_assert(offsetof(struct arm64_state, sp) == 248, "x31 is sp");
_Static_assert(offsetof(struct arm64_state, v) == 256, "vectors are aligned");
_Static_assert(sizeof(struct arm64_state) <= CPU_STATE_SIZE, "fits the cpu");

#define A64_EX_NONE UINT64_MAX

/* Slots (index in isa_arm64.slots). X30 is the link register. */
enum a64_slot {
    A64_X0 = 0,
    A64_X29 = 29,
    A64_X30 = 30,
    A64_SP = 31,
    A64_NZCV = 32, /* IR_CC */
    A64_V0 = 33,   /* .. 64 */
    A64_TPIDR = 65,
    A64_TPIDRRO,
    A64_EX_ADDR,
    A64_EX_LO,
    A64_EX_HI,
    A64_QC, /* IR_V128 */
    A64_FPCR,
    A64_FPSR,
    A64_DIT,
    A64_SSBS,
    /* system mode */
    A64_DAIF,
    A64_SLOT_SP_EL0,
    A64_SLOT_TPIDR_EL1,
    A64_SLOT_TPIDR_EL2,
    A64_SLOT_ELR_EL1,
    A64_SLOT_SPSR_EL1,
    A64_SLOT_ESR_EL1,
    A64_SLOT_FAR_EL1,
    A64_SLOT_ELR_EL2,
    A64_SLOT_SPSR_EL2,
    A64_SLOT_ESR_EL2,
    A64_SLOT_FAR_EL2,
    A64_SLOTS
};

/* Code key (cpu->key). The first bits are FPCR control, the rest switches of PSTATE-like state. */
enum {
    A64_KEY_RMODE = 3u,    /* FPCR.RMode: 0 nearest, 1 +inf, 2 -inf, 3 zero */
    A64_KEY_FZ = 1u << 2,  /* flush single and double */
    A64_KEY_DN = 1u << 3,  /* default NaN */
    A64_KEY_AHP = 1u << 4, /* alternative half precision in conversions */
    A64_KEY_FZ16 = 1u << 5,
    A64_KEY_PAC_IA =
        1u << 6, /* pointer authentication: key enabled (else the instruction is a no-op) */
    A64_KEY_PAC_IB = 1u << 7,
    A64_KEY_PAC_DA = 1u << 8,
    A64_KEY_PAC_DB = 1u << 9,
    /* System mode only (all zero in programs). arm64_update() keeps them current. */
    A64_KEY_SYSTEM = 1u << 10,
    A64_KEY_EL_SHIFT = 11, /* 2 bits */
    A64_KEY_SPSEL = 1u << 13,
    A64_KEY_FPTRAP = 1u << 14, /* floating point and vectors are trapped */
    A64_KEY_ALIGN = 1u << 15,  /* SCTLR.A: every access is aligned or faults */
    A64_KEY_BIG = 1u << 16,    /* data is big-endian */
    A64_KEY_TRAPS = 1u << 17,  /* a higher level traps register accesses of EL1: always ask */
    A64_KEY_NO_ZVA = 1u << 18, /* DC ZVA is trapped */
    A64_KEY_IL = 1u << 19,     /* PSTATE.IL: every instruction raises */
    A64_KEY_STEP = 1u << 20, /* software step, active and not pending: one instruction, then ... */
    A64_KEY_STEPPED = 1u << 21, /* ... pending: the exception before the next one */
    A64_KEY_BREAK = 1u << 22,   /* breakpoints are on */
    A64_KEY_WATCH = 1u << 23,   /* watchpoints are on */
    A64_KEY_E2H = 1u << 24,     /* HCR_EL2.E2H, at EL2 */
    A64_KEY_MODEL_SHIFT =
        25, /* 3 bits: index of the model, which says what instructions there are */
};
static inline unsigned a64_key_el(uint32_t key)
{
    return key >> A64_KEY_EL_SHIFT & 3;
}

/* FPCR bits that exist here: AHP DN FZ RMode FZ16. */
#define A64_FPCR_AHP   (1u << 26)
#define A64_FPCR_DN    (1u << 25)
#define A64_FPCR_FZ    (1u << 24)
#define A64_FPCR_RMODE (3u << 22)
#define A64_FPCR_FZ16  (1u << 19)
#define A64_FPCR_MASK  (A64_FPCR_AHP | A64_FPCR_DN | A64_FPCR_FZ | A64_FPCR_RMODE | A64_FPCR_FZ16)
#define A64_FPSR_QC    (1u << 27)
#define A64_FPSR_MASK  0xf800009fu

/* CPU_EXIT_ISA codes (cpu->exit_code) for isa_sys.raise(); exit_arg is what the line says. Programs
 * never see one: what they can do has a reason of core/cpu.h. */
enum a64_exit {
    A64_EXIT_ERET,
    A64_EXIT_HVC, /* immediate; pc is after it */
    A64_EXIT_SMC,
    A64_EXIT_WFI, /* pc is at it, and so with all that follow */
    A64_EXIT_WFE,
    A64_EXIT_SYSREG,  /* trapped: ESR of the trap, target EL in bits 63..56 */
    A64_EXIT_FP,      /* FP and SIMD access is trapped */
    A64_EXIT_IL,      /* illegal execution state */
    A64_EXIT_STEPPED, /* software step exception is due */
    A64_EXIT_BREAKPOINT,
    A64_EXIT_WATCHPOINT, /* address; cpu->fault_access, fault_addr */
    A64_EXIT_FAULT,      /* sys->fault is filled */
};

static inline struct arm64_state *arm64_state(struct cpu *c)
{
    return (struct arm64_state *)(void *)c->state;
}

/* NZCV in bits 31..28, as MRS and the signal frame show it. */
static inline uint32_t arm64_get_nzcv(const struct arm64_state *s)
{
    return ir_nzcv_unpack(s->nzcv);
}
static inline void arm64_set_nzcv(struct arm64_state *s, uint32_t nzcv)
{
    s->nzcv = ir_nzcv_pack(nzcv);
}

/* FPCR and the code key that follows from it; FPSR with QC. */
void arm64_set_fpcr(struct cpu *c, uint32_t fpcr);
uint32_t arm64_get_fpsr(const struct arm64_state *s);
void arm64_set_fpsr(struct arm64_state *s, uint32_t fpsr);

/* Switches pointer authentication on with these keys (A64_KEY_PAC_* mask) for this thread. Off by
 * default: the hint forms are then no-ops, which is what programs built for any Armv8 expect and
 * the fastest. The program must see it in the hwcaps too: arm64_hwcap() of features.h. */
void arm64_enable_pac(struct cpu *c, uint32_t keys);

/* R(0), R(1) ... of the general and of the vector registers, for tables. */
#define A64_EACH_X(R)                                                                              \
    R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7), R(8), R(9), R(10), R(11), R(12), R(13), R(14), \
        R(15), R(16), R(17), R(18), R(19), R(20), R(21), R(22), R(23), R(24), R(25), R(26), R(27), \
        R(28), R(29), R(30)
#define A64_EACH_V(R) A64_EACH_X(R), R(31)

#endif
