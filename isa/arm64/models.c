/* Owns the processor models: identification registers and the instructions that follow. Facts from
 * the technical reference manuals (Arm 100095, 100048, 100442 ...); `max` is what this
 * implementation can do.
 *
 * No model has AArch32: the EL0 fields of ID_AA64PFR0_EL1 say so, and the AArch32 registers read as
 * zero. The features of the decoder stand beside the identification registers; a test compares
 * them. */
#include "isa/arm64/system_int.h"

/* Crypto as the parts that are sold have it. */
#define F(name) (UINT64_C(1) << A64_F_##name)
#define V8_0    (F(FP) | F(ASIMD) | F(AES) | F(PMULL) | F(SHA1) | F(SHA2) | F(CRC32) | F(CPUID))
#define V8_2                                                                                     \
    (V8_0 | F(ATOMICS) | F(FPHP) | F(ASIMDHP) | F(ASIMDRDM) | F(LRCPC) | F(DCPOP) | F(ASIMDDP) | \
     F(SSBS))
#define MAX                                                                                     \
    (V8_2 | F(JSCVT) | F(FCMA) | F(SHA3) | F(SM3) | F(SM4) | F(SHA512) | F(ASIMDFHM) | F(DIT) | \
     F(ILRCPC) | F(FLAGM) | F(SB) | F(PACA) | F(PACG) | F(DCPODP) | F(FLAGM2) | F(FRINT) |      \
     F(I8MM) | F(BF16) | F(DGH) | F(RNG))

static const struct a64_model models[A64_MODELS] = {
    {
        .compatible = "arm,cortex-a57",
        .midr = 0x411fd070,
        .ctr = 0x8444c004,
        .clidr = 0x0a200023,
        .ccsidr = {0x701fe00a, 0x201fe012, 0x70ffe07a},
        .pfr0 = 0x1111,
        .dfr0 = 0x10305106,
        .isar0 = 0x00011120,
        .mmfr0 = 0x00001124,
        .features = V8_0,
        .pmu_counters = 6,
    },
    {
        .compatible = "arm,cortex-a53",
        .midr = 0x410fd034,
        .ctr = 0x84448004,
        .clidr = 0x0a200023,
        .ccsidr = {0x700fe01a, 0x201fe00a, 0x707fe07a},
        .pfr0 = 0x1111,
        .dfr0 = 0x10305106,
        .isar0 = 0x00011120,
        .mmfr0 = 0x00001122,
        .features = V8_0,
        .pmu_counters = 6,
    },
    {
        .compatible = "arm,cortex-a72",
        .midr = 0x410fd083,
        .ctr = 0x8444c004,
        .clidr = 0x0a200023,
        .ccsidr = {0x701fe00a, 0x201fe012, 0x707fe07a},
        .pfr0 = 0x1111,
        .dfr0 = 0x10305106,
        .isar0 = 0x00011120,
        .mmfr0 = 0x00001124,
        .features = V8_0,
        .pmu_counters = 6,
    },
    {
        .compatible = "arm,cortex-a76",
        .midr = 0x414fd0b1,
        .ctr = 0x8444c004,
        .clidr = 0x82000023,
        .ccsidr = {0x701fe01a, 0x201fe01a, 0x707fe03a},
        .pfr0 = UINT64_C(0x1100000010111111),
        .pfr1 = 0x10,
        .dfr0 = 0x10305408,
        .isar0 = UINT64_C(0x0000100010211120),
        .isar1 = 0x100001,
        .mmfr0 = 0x00101122,
        .mmfr1 = 0x10212122,
        .mmfr2 = 0x1011,
        .features = V8_2,
        .pmu_counters = 6,
    },
    {
        .compatible = "arm,neoverse-n1",
        .midr = 0x414fd0c1,
        .ctr = 0x8444c004,
        .clidr = 0x82000023,
        .ccsidr = {0x701fe01a, 0x201fe01a, 0x70ffe03a},
        .pfr0 = UINT64_C(0x1100000010111111),
        .pfr1 = 0x20,
        .dfr0 = UINT64_C(0x110305408),
        .isar0 = UINT64_C(0x0000100010211120),
        .isar1 = 0x100001,
        .mmfr0 = 0x00101125,
        .mmfr1 = 0x10212122,
        .mmfr2 = 0x1011,
        .features = V8_2,
        .pmu_counters = 6,
    },
    {
        /* Data caches need no cleaning for fetches (IDC), nor instruction caches invalidation
           (DIC). */
        .compatible = "arm,armv8",
        .midr = 0x000f4d51,
        .ctr = 0xb444c004,
        .clidr = 0x0a200023,
        .ccsidr = {0x701fe01a, 0x201fe01a, 0x70ffe07a},
        .pfr0 = UINT64_C(0x1101000010111111),
        .pfr1 = 0x20,
        .dfr0 = 0xf0f05408,
        .isar0 = UINT64_C(0x1221111110212120),
        .isar1 = UINT64_C(0x0011101110211102),
        .mmfr0 = 0x00101125,
        .mmfr1 = 0x10312122,
        .mmfr2 = UINT64_C(0x1021001010001011),
        .features = MAX,
        .pmu_counters = 8,
        .pauth = true,
    },
};

const struct isa_model a64_models[A64_MODELS + 1] = {
    {"cortex-a57", "Armv8.0 with crypto, 44-bit addresses", &models[0]},
    {"cortex-a53", "Armv8.0 with crypto, 40-bit addresses", &models[1]},
    {"cortex-a72", "Armv8.0 with crypto, 44-bit addresses", &models[2]},
    {"cortex-a76", "Armv8.2: LSE, PAN, VHE, half precision, 40-bit addresses", &models[3]},
    {"neoverse-n1", "Armv8.2, 48-bit addresses", &models[4]},
    {"max", "all that is implemented", &models[5]},
    {NULL, NULL, NULL},
};

const struct a64_model *a64_model_at(unsigned index)
{
    return &models[index < A64_MODELS ? index : 0];
}
