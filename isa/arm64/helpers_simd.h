/* Helpers of the vector, floating-point and crypto lifters; see helpers.h for the form of a line.
 *
 * All work on values. Those of floating point read fpcr and or into fpsr, the saturating ones or
 * FPSR.QC into fpsr: no lifter GETs or PUTs these two slots, so IR_H_PURE holds. The last argument
 * of the generic ones is a control word (simd.h).
 */
#ifndef MYNA_ISA_ARM64_HELPERS_SIMD_H
#define MYNA_ISA_ARM64_HELPERS_SIMD_H

#include "ir/ir.h"

#define A64_HELPERS_SIMD(H)                                                         \
    /* integer, helpers_simd.c */                                                   \
    H(isat2, IR_H_PURE | IR_H_NODCE, IR_V128, 3, IR_V128, IR_V128, IR_I32)          \
    H(isat3, IR_H_PURE | IR_H_NODCE, IR_V128, 4, IR_V128, IR_V128, IR_V128, IR_I32) \
    H(iest, IR_H_PURE, IR_V128, 2, IR_V128, IR_I32)                                 \
    /* floating point, helpers_fp.c */                                              \
    H(fp1, IR_H_PURE | IR_H_NODCE, IR_V128, 2, IR_V128, IR_I32)                     \
    H(fp2, IR_H_PURE | IR_H_NODCE, IR_V128, 3, IR_V128, IR_V128, IR_I32)            \
    H(fp3, IR_H_PURE | IR_H_NODCE, IR_V128, 4, IR_V128, IR_V128, IR_V128, IR_I32)   \
    H(fp_to_gp, IR_H_PURE | IR_H_NODCE, IR_I64, 2, IR_V128, IR_I32)                 \
    H(fp_from_gp, IR_H_PURE | IR_H_NODCE, IR_V128, 2, IR_I64, IR_I32)               \
    H(fp_cmp_h, IR_H_PURE | IR_H_NODCE, IR_I32, 3, IR_V128, IR_V128, IR_I32)        \
    H(fp_jcvt, IR_H_PURE | IR_H_NODCE, IR_I64, 1, IR_F64)                           \
    /* crypto, helpers_crypto.c */                                                  \
    H(sm3partw1, IR_H_PURE, IR_V128, 3, IR_V128, IR_V128, IR_V128)                  \
    H(sm3partw2, IR_H_PURE, IR_V128, 3, IR_V128, IR_V128, IR_V128)                  \
    H(sm3ss1, IR_H_PURE, IR_V128, 3, IR_V128, IR_V128, IR_V128)                     \
    H(sm3tt, IR_H_PURE, IR_V128, 4, IR_V128, IR_V128, IR_V128, IR_I32)              \
    H(sm4e, IR_H_PURE, IR_V128, 2, IR_V128, IR_V128)                                \
    H(sm4ekey, IR_H_PURE, IR_V128, 2, IR_V128, IR_V128)

#endif
