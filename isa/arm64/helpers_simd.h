/* Helpers of the vector, floating-point and crypto lifters; see helpers.h for the form of a line. */
#ifndef MYNA_ISA_ARM64_HELPERS_SIMD_H
#define MYNA_ISA_ARM64_HELPERS_SIMD_H

#include "ir/ir.h"

#define A64_HELPERS_SIMD(H)

#endif
