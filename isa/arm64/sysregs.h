/* Private to isa/arm64: what a system register is, by name. Table: sysregs.def. Code: sysregs.c, regs_fn.c. */
#ifndef MYNA_ISA_ARM64_SYSREGS_H
#define MYNA_ISA_ARM64_SYSREGS_H

#include "isa/arm64/state.h"
#include "isa/arm64/sysreg.h"

/* Numbers beyond the table: rows of registers, found by encoding. `reg` of read and write
 * functions. */
enum a64_row {
    A64_ROW_ID = 0x1000,     /* + CRm << 3 | op2: identification, op0 3, op1 0, CRn 0 */
    A64_ROW_DEBUG = 0x1100,  /* + CRm << 3 | op2: DBGBVR, DBGBCR, DBGWVR, DBGWCR */
    A64_ROW_PMU = 0x1200,    /* + (CRm & 7) << 3 | op2: PMEVCNTR; 0x40 more: PMEVTYPER */
    A64_ROW_IMPDEF = 0x1300, /* reads as zero */
    A64_ROW_INTC = 0x20000,  /* + encoding: of the interrupt controller */
};
enum { A64_NO_REG = -1 };

enum a64_trap {
    A64_T_NONE,
    A64_T_VM,
    A64_T_TID1,
    A64_T_TID2,
    A64_T_TID3,
    A64_T_CTR,
    A64_T_TACR,
    A64_T_IMPDEF,
    A64_T_CPACR,
    A64_T_CPTR2,
    A64_T_FP,
    A64_T_TDA,
    A64_T_TDA3,
    A64_T_TDCC,
    A64_T_TDRA,
    A64_T_TDOSA,
    A64_T_DAIF,
    A64_T_ERR,
    A64_T_LOR,
    A64_T_APK,
    A64_T_CNTFRQ,
    A64_T_CNTPCT,
    A64_T_CNTVCT,
    A64_T_CNTP,
    A64_T_CNTV,
    A64_T_CNTPS,
    A64_T_PMU,
    A64_T_PMUSW,
    A64_T_PMUER,
    A64_T_PMUCR,
    A64_T_TPM,
    A64_T_INTC,
};

/* Flags of the table. */
enum {
    A64_RF_ENDS = 1, /* X */
    A64_RF_CODE = 2, /* H */
    A64_RF_PAC = 4,
    A64_RF_PAN = 8,
    A64_RF_UAO = 0x10,
    A64_RF_VHE = 0x20,
    A64_RF_LOR = 0x40,
    A64_RF_RAS = 0x80,
    A64_RF_DIT = 0x100,
    A64_RF_SSBS = 0x200,
    A64_RF_RNG = 0x400,
    A64_RF_PMU = 0x800,
    A64_RF_EL2 = 0x1000,
    A64_RF_EL3 = 0x2000,
};

typedef uint64_t a64_reg_read(struct cpu *c, unsigned reg);
typedef void a64_reg_write(struct cpu *c, unsigned reg, uint64_t v);

struct a64_reg {
    const char *name;
    uint16_t enc; /* A64_SYSREG */
    uint8_t el;   /* lowest levels that may: read << 4 | write */
    uint8_t trap; /* enum a64_trap */
    uint16_t flags;
    uint64_t mask; /* writable bits of the bank's word */
    a64_reg_read *read;
    a64_reg_write *write;
};

extern const struct a64_reg a64_regs[A64_R_COUNT];

/* The register of this encoding as an instruction at `el` names it (E2H: HCR_EL2.E2H is set), or
 * A64_NO_REG. *ops is what to know of it, also for rows. */
int a64_reg_find(unsigned enc, unsigned el, bool e2h, struct a64_reg *ops);

/* Without access checks. */
uint64_t a64_reg_get(struct cpu *c, int reg);
void a64_reg_set(struct cpu *c, int reg, uint64_t v);
/* The writable bits of the bank's word, with no effect. */
void a64_reg_store(struct cpu *c, unsigned reg, uint64_t v);

#endif
