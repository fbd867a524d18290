/* What the emulated RISC-V hart can do: the one table from which come the ISA string
 * (/proc/cpuinfo, device trees), AT_HWCAP and the answers of riscv_hwprobe().
 *
 * Constants and pure inline functions only, so that the personality in linux/ needs no code of this
 * folder. Sources: Linux Documentation/arch/riscv/{hwprobe,uabi}.rst; ISA manual, "naming".
 *
 * The .dec tables use the same names (lower case) as their feature column, single letters included.
 */
#ifndef MYNA_ISA_RISCV_FEATURES_H
#define MYNA_ISA_RISCV_FEATURES_H

#include <stdint.h>

/* L(letter): in canonical order; bit letter - 'a' of AT_HWCAP. */
#define RV_FEATURE_LETTERS(L) \
    L(i)                      \
    L(m)                      \
    L(a)                      \
    L(f)                      \
    L(d)                      \
    L(c)

/* E(name, bit of RISCV_HWPROBE_KEY_IMA_EXT_0, or -1): in canonical order. */
#define RV_FEATURE_EXTENSIONS(E) \
    E(zicbom, 55)                \
    E(zicboz, 6)                 \
    E(zicntr, 50)                \
    E(zicond, 35)                \
    E(zicsr, -1)                 \
    E(zifencei, -1)              \
    E(zihintntl, 29)             \
    E(zihintpause, 36)           \
    E(zaamo, 56)                 \
    E(zalrsc, 57)                \
    E(zfh, 27)                   \
    E(zfhmin, 28)                \
    E(zca, 43)                   \
    E(zcd, 45)                   \
    E(zba, 3)                    \
    E(zbb, 4)                    \
    E(zbc, 7)                    \
    E(zbs, 5)

#define RV_LETTER_STRING(l)       #l
#define RV_EXTENSION_STRING(e, b) "_" #e
/* "rv64imafdc_zicbom_..." */
#define RV_ISA_STRING \
    "rv64" RV_FEATURE_LETTERS(RV_LETTER_STRING) RV_FEATURE_EXTENSIONS(RV_EXTENSION_STRING)

/* AT_HWCAP. */
static inline uint64_t rv_hwcap(void)
{
    uint64_t v = 0;

#define RV_LETTER_BIT(l) v |= UINT64_C(1) << (#l[0] - 'a');
    RV_FEATURE_LETTERS(RV_LETTER_BIT)
#undef RV_LETTER_BIT
    return v;
}

enum {
    RV_HWPROBE_MVENDORID = 0,
    RV_HWPROBE_MARCHID = 1,
    RV_HWPROBE_MIMPID = 2,
    RV_HWPROBE_BASE_BEHAVIOR = 3,
    RV_HWPROBE_IMA_EXT_0 = 4,
    RV_HWPROBE_CPUPERF_0 = 5,
    RV_HWPROBE_ZICBOZ_BLOCK_SIZE = 6,
    RV_HWPROBE_HIGHEST_VIRT_ADDRESS = 7, /* the personality's business */
    RV_HWPROBE_TIME_CSR_FREQ = 8,
    RV_HWPROBE_MISALIGNED_SCALAR_PERF = 9,
    RV_HWPROBE_MISALIGNED_VECTOR_PERF = 10,
    RV_HWPROBE_ZICBOM_BLOCK_SIZE = 12,
};

#define RV_CBO_BLOCK 64          /* bytes a cache block operation works on */
#define RV_TIME_FREQ 1000000000u /* of the time CSR, Hz */

/* The value of a hwprobe key; -1 for one that is not known here (its key must be answered as -1).
 */
static inline int rv_hwprobe(int64_t key, uint64_t *value)
{
    uint64_t v = 3; /* IMA_FD and C */

    switch (key) {
    case RV_HWPROBE_MVENDORID:
    case RV_HWPROBE_MARCHID:
    case RV_HWPROBE_MIMPID:
        *value = 0;
        return 0;
    case RV_HWPROBE_BASE_BEHAVIOR:
        *value = 1; /* IMA */
        return 0;
    case RV_HWPROBE_IMA_EXT_0:
#define RV_EXTENSION_BIT(e, b) v |= b >= 0 ? UINT64_C(1) << (b & 63) : 0;
        RV_FEATURE_EXTENSIONS(RV_EXTENSION_BIT)
#undef RV_EXTENSION_BIT
        *value = v;
        return 0;
    case RV_HWPROBE_CPUPERF_0:
    case RV_HWPROBE_MISALIGNED_SCALAR_PERF:
        *value = 3; /* fast */
        return 0;
    case RV_HWPROBE_MISALIGNED_VECTOR_PERF:
        *value = 4; /* there are no vectors */
        return 0;
    case RV_HWPROBE_ZICBOZ_BLOCK_SIZE:
    case RV_HWPROBE_ZICBOM_BLOCK_SIZE:
        *value = RV_CBO_BLOCK;
        return 0;
    case RV_HWPROBE_TIME_CSR_FREQ:
        *value = RV_TIME_FREQ;
        return 0;
    default:
        *value = 0;
        return -1;
    }
}
#endif
