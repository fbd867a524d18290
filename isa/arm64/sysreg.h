/* Private to isa/arm64: numbers of the system registers that programs may use. Arm ARM C5.3, D19. */
#ifndef MYNA_ISA_ARM64_SYSREG_H
#define MYNA_ISA_ARM64_SYSREG_H

#define A64_SYSREG(op0, op1, crn, crm, op2)                                                        \
    ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

enum a64_sysreg {
    A64_SYS_CTR_EL0 = A64_SYSREG(3, 3, 0, 0, 1),
    A64_SYS_DCZID_EL0 = A64_SYSREG(3, 3, 0, 0, 7),
    A64_SYS_RNDR = A64_SYSREG(3, 3, 2, 4, 0),
    A64_SYS_RNDRRS = A64_SYSREG(3, 3, 2, 4, 1),
    A64_SYS_NZCV = A64_SYSREG(3, 3, 4, 2, 0),
    A64_SYS_DIT = A64_SYSREG(3, 3, 4, 2, 5),
    A64_SYS_SSBS = A64_SYSREG(3, 3, 4, 2, 6),
    A64_SYS_FPCR = A64_SYSREG(3, 3, 4, 4, 0),
    A64_SYS_FPSR = A64_SYSREG(3, 3, 4, 4, 1),
    A64_SYS_TPIDR_EL0 = A64_SYSREG(3, 3, 13, 0, 2),
    A64_SYS_TPIDRRO_EL0 = A64_SYSREG(3, 3, 13, 0, 3),
    A64_SYS_CNTFRQ_EL0 = A64_SYSREG(3, 3, 14, 0, 0),
    A64_SYS_CNTVCT_EL0 = A64_SYSREG(3, 3, 14, 0, 2),
    /* identification: op0 3, op1 0, CRn 0 */
    A64_SYS_MIDR_EL1 = A64_SYSREG(3, 0, 0, 0, 0),
    A64_SYS_MPIDR_EL1 = A64_SYSREG(3, 0, 0, 0, 5),
    A64_SYS_REVIDR_EL1 = A64_SYSREG(3, 0, 0, 0, 6),
    A64_SYS_ID_AA64PFR0_EL1 = A64_SYSREG(3, 0, 0, 4, 0),
    A64_SYS_ID_AA64PFR1_EL1 = A64_SYSREG(3, 0, 0, 4, 1),
    A64_SYS_ID_AA64DFR0_EL1 = A64_SYSREG(3, 0, 0, 5, 0),
    A64_SYS_ID_AA64ISAR0_EL1 = A64_SYSREG(3, 0, 0, 6, 0),
    A64_SYS_ID_AA64ISAR1_EL1 = A64_SYSREG(3, 0, 0, 6, 1),
    A64_SYS_ID_AA64MMFR0_EL1 = A64_SYSREG(3, 0, 0, 7, 0),
};

#endif
