/* The arm64 guest's registers: layout of cpu->state, slots, code key. For isa/arm64 and linux/.
 *
 * Everything is in host order. A thread's state belongs to the thread that runs the cpu. The ir sees
 * the fields through the slot table of isa.c; offsets below that back ends may rely on are asserted.
 * Source: Arm ARM (DDI 0487) B1.2, C5.2.
 *
 * FP status: the sticky flags of translated code live in the host's control register. Before a helper
 * with IR_H_READS runs, the accelerator moves them here through isa->fp_status_add(), so such a helper
 * sees (and may replace) the exact fpsr. Saturation (FPSR.QC) is kept apart, in `qc`: any bit set means
 * QC, so that a lifter can or in a vector without a test.
 */
#ifndef MYNA_ISA_ARM64_STATE_H
#define MYNA_ISA_ARM64_STATE_H

#include <stdbool.h>

#include "core/cpu.h"
#include "ir/ir.h"

struct a64_pac_key {
    uint64_t lo, hi;
};
enum { A64_PAC_IA, A64_PAC_IB, A64_PAC_DA, A64_PAC_DB, A64_PAC_GA, A64_PAC_KEYS };

struct arm64_state {
    uint64_t x[31];
    uint64_t sp;
    union ir_val v[32];
    union ir_val qc;     /* any bit set: FPSR.QC */
    uint32_t nzcv;       /* packed, see ir_nzcv_pack() */
    uint32_t fpcr;       /* change it only by arm64_set_fpcr() */
    uint32_t fpsr;       /* FP_FLAGS_ARM bits and AArch32's NZCV; QC is in qc */
    uint32_t dit;        /* PSTATE.DIT, bit 24 as MRS shows it */
    uint32_t ssbs;       /* PSTATE.SSBS, bit 12 as MRS shows it */
    uint32_t pad;
    uint64_t features;   /* bit set of enum arm64_feature (features.h) of this process */
    uint64_t tpidr, tpidrro;
    uint64_t ex_addr;    /* exclusive monitor: address, or A64_EX_NONE */
    uint64_t ex_value[2]; /* what the load-exclusive saw */
    struct a64_pac_key pac[A64_PAC_KEYS];
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
    A64_SLOTS
};

/* Code key (cpu->key). The first bits are FPCR control, the rest switches of PSTATE-like state. */
enum {
    A64_KEY_RMODE = 3u,    /* FPCR.RMode: 0 nearest, 1 +inf, 2 -inf, 3 zero */
    A64_KEY_FZ = 1u << 2,  /* flush single and double */
    A64_KEY_DN = 1u << 3,  /* default NaN */
    A64_KEY_AHP = 1u << 4, /* alternative half precision in conversions */
    A64_KEY_FZ16 = 1u << 5,
    A64_KEY_PAC_IA = 1u << 6, /* pointer authentication: key enabled (else the instruction is a no-op) */
    A64_KEY_PAC_IB = 1u << 7,
    A64_KEY_PAC_DA = 1u << 8,
    A64_KEY_PAC_DB = 1u << 9,
};

/* FPCR bits that exist here: AHP DN FZ RMode FZ16. */
#define A64_FPCR_AHP   (1u << 26)
#define A64_FPCR_DN    (1u << 25)
#define A64_FPCR_FZ    (1u << 24)
#define A64_FPCR_RMODE (3u << 22)
#define A64_FPCR_FZ16  (1u << 19)
#define A64_FPCR_MASK  (A64_FPCR_AHP | A64_FPCR_DN | A64_FPCR_FZ | A64_FPCR_RMODE | A64_FPCR_FZ16)
#define A64_FPSR_QC    (1u << 27)
#define A64_FPSR_MASK  0xf800009fu

/* CPU_EXIT_ISA codes: none. Everything an arm64 program can do has a reason of core/cpu.h. */

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
 * default: the hint forms are then no-ops, which is what programs built for any Armv8 expect and the
 * fastest. The program must see it in the hwcaps too: arm64_hwcap() of features.h. */
void arm64_enable_pac(struct cpu *c, uint32_t keys);

#endif
