/*
 * Owns how a host processor is asked for its features. Must not know what they are used for.
 */
#include "os/cpu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

static const char *const names[] = {
#define OS_CPU_FEATURE(NAME, name) #name,
#include "os/cpu.def"
#undef OS_CPU_FEATURE
};

#if defined(__x86_64__)

enum reg { EAX, EBX, ECX, EDX };

/* Register state that the kernel must have enabled in XCR0 for the feature (Intel SDM 1, ch. 13).
 */
enum { XCR0_NONE = 0, XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

struct bit {
    uint8_t feature;
    uint32_t leaf;
    uint8_t reg, bit, xcr0;
};

/* Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E for leaf 0x80000001. */
static const struct bit bits[] = {
    {OS_CPU_SSE3, 1, ECX, 0, XCR0_NONE},
    {OS_CPU_PCLMUL, 1, ECX, 1, XCR0_NONE},
    {OS_CPU_SSSE3, 1, ECX, 9, XCR0_NONE},
    {OS_CPU_FMA, 1, ECX, 12, XCR0_AVX},
    {OS_CPU_CX16, 1, ECX, 13, XCR0_NONE},
    {OS_CPU_SSE41, 1, ECX, 19, XCR0_NONE},
    {OS_CPU_SSE42, 1, ECX, 20, XCR0_NONE},
    {OS_CPU_MOVBE, 1, ECX, 22, XCR0_NONE},
    {OS_CPU_POPCNT, 1, ECX, 23, XCR0_NONE},
    {OS_CPU_AES, 1, ECX, 25, XCR0_NONE},
    {OS_CPU_AVX, 1, ECX, 28, XCR0_AVX},
    {OS_CPU_F16C, 1, ECX, 29, XCR0_AVX},
    {OS_CPU_RDRAND, 1, ECX, 30, XCR0_NONE},
    {OS_CPU_FSGSBASE, 7, EBX, 0, XCR0_NONE},
    {OS_CPU_BMI1, 7, EBX, 3, XCR0_NONE},
    {OS_CPU_AVX2, 7, EBX, 5, XCR0_AVX},
    {OS_CPU_BMI2, 7, EBX, 8, XCR0_NONE},
    {OS_CPU_ERMS, 7, EBX, 9, XCR0_NONE},
    {OS_CPU_AVX512F, 7, EBX, 16, XCR0_AVX512},
    {OS_CPU_AVX512DQ, 7, EBX, 17, XCR0_AVX512},
    {OS_CPU_ADX, 7, EBX, 19, XCR0_NONE},
    {OS_CPU_AVX512IFMA, 7, EBX, 21, XCR0_AVX512},
    {OS_CPU_AVX512CD, 7, EBX, 28, XCR0_AVX512},
    {OS_CPU_SHA, 7, EBX, 29, XCR0_NONE},
    {OS_CPU_AVX512BW, 7, EBX, 30, XCR0_AVX512},
    {OS_CPU_AVX512VL, 7, EBX, 31, XCR0_AVX512},
    {OS_CPU_AVX512VBMI, 7, ECX, 1, XCR0_AVX512},
    {OS_CPU_AVX512VBMI2, 7, ECX, 6, XCR0_AVX512},
    {OS_CPU_GFNI, 7, ECX, 8, XCR0_NONE},
    {OS_CPU_VAES, 7, ECX, 9, XCR0_AVX},
    {OS_CPU_VPCLMUL, 7, ECX, 10, XCR0_AVX},
    {OS_CPU_AVX512BITALG, 7, ECX, 12, XCR0_AVX512},
    {OS_CPU_AVX512VPOPCNT, 7, ECX, 14, XCR0_AVX512},
    {OS_CPU_FSRM, 7, EDX, 4, XCR0_NONE},
    {OS_CPU_AVX512FP16, 7, EDX, 23, XCR0_AVX512},
    {OS_CPU_LZCNT, 0x80000001, ECX, 5, XCR0_NONE},
};

static uint32_t enabled_state(void)
{
    uint32_t low, high, regs[4];

    if (!__get_cpuid(1, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]) ||
        !(regs[ECX] & 1u << 27)) /* OSXSAVE */
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

void os_cpu_detect(struct os_cpu *cpu)
{
    uint32_t state = enabled_state();
    uint32_t regs[4] = {0}, leaf = 0;

    cpu->features = 0;
    for (size_t i = 0; i < array_size(bits); i++) {
        const struct bit *b = &bits[i];

        if (leaf != b->leaf) {
            leaf = b->leaf;
            if (!__get_cpuid_count(leaf, 0, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]))
                memset(regs, 0, sizeof(regs));
        }
        if ((regs[b->reg] >> b->bit & 1) && (state & b->xcr0) == b->xcr0)
            cpu->features |= UINT64_C(1) << b->feature;
    }
}

#elif defined(__aarch64__)

/* Linux, Documentation/arch/arm64/elf_hwcaps.rst. */
void os_cpu_detect(struct os_cpu *cpu)
{
    static const struct {
        uint8_t feature, bit;
    } bits[] = {
        {OS_CPU_AES, 3},    {OS_CPU_PCLMUL, 4}, {OS_CPU_SHA, 6},    {OS_CPU_LSE, 8},
        {OS_CPU_LRCPC, 15}, {OS_CPU_SVE, 22},   {OS_CPU_FLAGM, 27},
    };
    unsigned long caps = getauxval(AT_HWCAP);

    cpu->features = 0;
    for (size_t i = 0; i < array_size(bits); i++)
        cpu->features |= (uint64_t)(caps >> bits[i].bit & 1) << bits[i].feature;
}

#else
#error "no host of this kind"
#endif

int os_cpu_without(struct os_cpu *cpu, const char *list, struct err *e)
{
    uint64_t features = cpu->features;

    while (*list) {
        size_t length = strcspn(list, ",");
        size_t i = 0;

        while (i < array_size(names) &&
               (strlen(names[i]) != length || memcmp(names[i], list, length)))
            i++;
        if (i < array_size(names))
            features &= ~(UINT64_C(1) << i);
        else if (length == 3 && !memcmp(list, "all", 3))
            features = 0;
        else if (length > 0)
            return err_text(e, EINVAL, "no host feature '%.*s'", (int)length, list);
        list += length + (list[length] == ',');
    }
    cpu->features = features;
    return 0;
}

void os_cpu_describe(const struct os_cpu *cpu, char *buffer, size_t size)
{
    size_t at = 0;

    if (size)
        buffer[0] = '\0';
    for (size_t i = 0; i < array_size(names) && at < size; i++) {
        if (os_cpu_has(cpu, (enum os_cpu_feature)i))
            at += (size_t)snprintf(buffer + at, size - at, "%s%s", at ? " " : "", names[i]);
    }
}
