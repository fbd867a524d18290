/* Private to isa/arm64: the functions that sysregs.def names. Those of timers stand in timer.c, of
 * counters in pmu.c, all others in regs_fn.c. */
#ifndef MYNA_ISA_ARM64_REGS_FN_H
#define MYNA_ISA_ARM64_REGS_FN_H

#include "isa/arm64/system_int.h"

a64_reg_read a64_rd_apkey, a64_rd_ccsidr, a64_rd_claimclr, a64_rd_claimset, a64_rd_clidr,
    a64_rd_cntpct, a64_rd_cntvct, a64_rd_cptr2, a64_rd_ctr, a64_rd_currentel, a64_rd_daif,
    a64_rd_dbgauth, a64_rd_dczid, a64_rd_debug, a64_rd_dit, a64_rd_fpcr, a64_rd_fpsr, a64_rd_id,
    a64_rd_intc, a64_rd_isr, a64_rd_midr, a64_rd_mpidr, a64_rd_nzcv, a64_rd_pan, a64_rd_pmceid,
    a64_rd_pmcr, a64_rd_pmev, a64_rd_pmu, a64_rd_pmx, a64_rd_rmr1, a64_rd_rmr2, a64_rd_rmr3,
    a64_rd_rndr, a64_rd_rvbar1, a64_rd_rvbar2, a64_rd_rvbar3, a64_rd_sp_el0, a64_rd_spsel,
    a64_rd_ssbs, a64_rd_timer, a64_rd_tpidr, a64_rd_tpidrro, a64_rd_uao, a64_rd_zero;
a64_reg_write a64_wr_apkey, a64_wr_claimclr, a64_wr_claimset, a64_wr_cntfrq, a64_wr_daif,
    a64_wr_debug, a64_wr_dit, a64_wr_fpcr, a64_wr_fpsr, a64_wr_hcr, a64_wr_intc, a64_wr_mdcr,
    a64_wr_none, a64_wr_nzcv, a64_wr_oslar, a64_wr_pan, a64_wr_pmev, a64_wr_pmu, a64_wr_pmx,
    a64_wr_rmr, a64_wr_scr, a64_wr_sctlr, a64_wr_sp_el0, a64_wr_spsel, a64_wr_ssbs, a64_wr_tcr,
    a64_wr_timer, a64_wr_tpidr, a64_wr_tpidrro, a64_wr_uao;

#endif
