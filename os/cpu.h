/*
 * What the host's processor can do, found at run time, with the operating system's consent (a
 * feature whose registers the kernel does not save is absent).
 *
 * Detected once at start-up by who makes a code generator, and passed on; immutable afterwards.
 */
#ifndef OS_CPU_H
#define OS_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum os_cpu_feature {
#define OS_CPU_FEATURE(NAME, name) OS_CPU_##NAME,
#include "os/cpu.def"
#undef OS_CPU_FEATURE
    OS_CPU_FEATURE_COUNT
};
_Static_assert(OS_CPU_FEATURE_COUNT <= 64, "one word of features");

struct os_cpu {
    uint64_t features; /* a bit for each enum os_cpu_feature */
};

static inline bool os_cpu_has(const struct os_cpu *cpu, enum os_cpu_feature feature)
{
    return cpu->features >> feature & 1;
}

void os_cpu_detect(struct os_cpu *cpu);

/* Removes features: "avx2,bmi2", or "all". For tests of what a lesser host does. */
int must_check os_cpu_without(struct os_cpu *cpu, const char *names, struct err *e);

/* The features that are there, separated by spaces, into buffer; truncated where it ends. */
void os_cpu_describe(const struct os_cpu *cpu, char *buffer, size_t size);

#endif
