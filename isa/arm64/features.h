/* What the emulated arm64 processor can do: the one table from which come the ID registers as Linux
 * shows them to programs, AT_HWCAP, AT_HWCAP2 and the Features line of /proc/cpuinfo.
 *
 * F(NAME, "cpuinfo name", hwcap word 1 or 2, hwcap bit, ID register, field's low bit, field's
 * value, on) A field that several features share shows the largest value. `on` = part of the
 * default processor. Sources: Linux
 * Documentation/arch/arm64/{elf_hwcaps,cpu-feature-registers}.rst; Arm ARM D19.2.
 *
 * Left out on purpose: uscat (LSE2 would make every LDP one atomic access), paca/pacg unless a
 * process asks (state.h), bti (guarded pages are not modelled).
 */
#ifndef MYNA_ISA_ARM64_FEATURES_H
#define MYNA_ISA_ARM64_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#define A64_FEATURES(F)                             \
    F(FP, "fp", 1, 0, PFR0, 16, 0, 1)               \
    F(ASIMD, "asimd", 1, 1, PFR0, 20, 0, 1)         \
    F(AES, "aes", 1, 3, ISAR0, 4, 1, 1)             \
    F(PMULL, "pmull", 1, 4, ISAR0, 4, 2, 1)         \
    F(SHA1, "sha1", 1, 5, ISAR0, 8, 1, 1)           \
    F(SHA2, "sha2", 1, 6, ISAR0, 12, 1, 1)          \
    F(CRC32, "crc32", 1, 7, ISAR0, 16, 1, 1)        \
    F(ATOMICS, "atomics", 1, 8, ISAR0, 20, 2, 1)    \
    F(FPHP, "fphp", 1, 9, PFR0, 16, 1, 1)           \
    F(ASIMDHP, "asimdhp", 1, 10, PFR0, 20, 1, 1)    \
    F(CPUID, "cpuid", 1, 11, NONE, 0, 0, 1)         \
    F(ASIMDRDM, "asimdrdm", 1, 12, ISAR0, 28, 1, 1) \
    F(JSCVT, "jscvt", 1, 13, ISAR1, 12, 1, 1)       \
    F(FCMA, "fcma", 1, 14, ISAR1, 16, 1, 1)         \
    F(LRCPC, "lrcpc", 1, 15, ISAR1, 20, 1, 1)       \
    F(DCPOP, "dcpop", 1, 16, ISAR1, 0, 1, 1)        \
    F(SHA3, "sha3", 1, 17, ISAR0, 32, 1, 1)         \
    F(SM3, "sm3", 1, 18, ISAR0, 36, 1, 1)           \
    F(SM4, "sm4", 1, 19, ISAR0, 40, 1, 1)           \
    F(ASIMDDP, "asimddp", 1, 20, ISAR0, 44, 1, 1)   \
    F(SHA512, "sha512", 1, 21, ISAR0, 12, 2, 1)     \
    F(ASIMDFHM, "asimdfhm", 1, 23, ISAR0, 48, 1, 1) \
    F(DIT, "dit", 1, 24, PFR0, 48, 1, 1)            \
    F(ILRCPC, "ilrcpc", 1, 26, ISAR1, 20, 2, 1)     \
    F(FLAGM, "flagm", 1, 27, ISAR0, 52, 1, 1)       \
    F(SSBS, "ssbs", 1, 28, PFR1, 4, 2, 1)           \
    F(SB, "sb", 1, 29, ISAR1, 36, 1, 1)             \
    F(PACA, "paca", 1, 30, ISAR1, 8, 1, 0)          \
    F(PACG, "pacg", 1, 31, ISAR1, 28, 1, 0)         \
    F(DCPODP, "dcpodp", 2, 0, ISAR1, 0, 2, 1)       \
    F(FLAGM2, "flagm2", 2, 7, ISAR0, 52, 2, 1)      \
    F(FRINT, "frint", 2, 8, ISAR1, 32, 1, 1)        \
    F(I8MM, "i8mm", 2, 13, ISAR1, 52, 1, 1)         \
    F(BF16, "bf16", 2, 14, ISAR1, 44, 1, 1)         \
    F(DGH, "dgh", 2, 15, ISAR1, 48, 1, 1)           \
    F(RNG, "rng", 2, 16, ISAR0, 60, 1, 1)

enum arm64_feature {
#define F(name, text, word, bit, reg, low, value, on) A64_F_##name,
    A64_FEATURES(F)
#undef F
        A64_F_COUNT
};

enum arm64_id_reg { A64_ID_NONE, A64_ID_PFR0, A64_ID_PFR1, A64_ID_ISAR0, A64_ID_ISAR1 };

/* MIDR_EL1: implementer 0 (software), architecture by ID registers, a part number of our own. */
#define A64_MIDR 0x000f4d50u
/* Cache lines of 64 bytes; data caches need no cleaning for fetches (IDC), instruction caches do
 * need IC IVAU (no DIC), which is how the translator hears of new code. */
#define A64_CTR_EL0   UINT64_C(0x9444c004)
#define A64_DCZID_EL0 4u /* DC ZVA clears 64 bytes */
#define A64_CNTFRQ    UINT64_C(1000000000)

/* A feature set is a bit set of enum arm64_feature. */
uint64_t arm64_features_default(void);
uint64_t arm64_hwcap(uint64_t features, int word); /* word 1: AT_HWCAP, 2: AT_HWCAP2 */
uint64_t arm64_id_value(uint64_t features, enum arm64_id_reg reg);
const char *arm64_feature_name(enum arm64_feature f); /* as in /proc/cpuinfo */

#endif
