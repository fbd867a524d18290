/* Owns system registers that need code: identification, FP status, counter, random numbers.
 * Identification registers show what Linux's emulation for EL0 shows (cpu-feature-registers.rst).
 */
#include <sys/random.h>
#include <time.h>

#include "isa/arm64/features.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/state.h"
#include "isa/arm64/sysreg.h"

static uint64_t read_reg(struct arm64_state *s, unsigned reg)
{
    switch (reg) {
    case A64_SYS_FPSR:
        return arm64_get_fpsr(s);
    case A64_SYS_MIDR_EL1:
        return A64_MIDR;
    case A64_SYS_MPIDR_EL1:
        return UINT64_C(1) << 31;
    case A64_SYS_ID_AA64PFR0_EL1:
        return arm64_id_value(s->features, A64_ID_PFR0);
    case A64_SYS_ID_AA64PFR1_EL1:
        return arm64_id_value(s->features, A64_ID_PFR1);
    case A64_SYS_ID_AA64ISAR0_EL1:
        return arm64_id_value(s->features, A64_ID_ISAR0);
    case A64_SYS_ID_AA64ISAR1_EL1:
        return arm64_id_value(s->features, A64_ID_ISAR1);
    case A64_SYS_ID_AA64DFR0_EL1:
        return 6; /* Armv8 debug architecture */
    case A64_SYS_ID_AA64MMFR0_EL1:
        return 0xff000000; /* granules hidden */
    default:
        return 0; /* REVIDR, and identification registers without a visible field */
    }
}

/* v[0] register number */
void a64_h_mrs(void *cpu, union ir_val *v)
{
    v[0].x = read_reg(arm64_state(cpu), v[0].w);
}

/* v[0] register number, v[1] value */
void a64_h_msr(void *cpu, union ir_val *v)
{
    if (v[0].w == A64_SYS_FPCR)
        arm64_set_fpcr(cpu, v[1].w);
    else if (v[0].w == A64_SYS_FPSR)
        arm64_set_fpsr(arm64_state(cpu), v[1].w);
}

void a64_h_counter(void *cpu, union ir_val *v)
{
    struct timespec now;

    (void)cpu;
    clock_gettime(CLOCK_MONOTONIC, &now);
    v[0].x = (uint64_t)now.tv_sec * A64_CNTFRQ + (uint64_t)now.tv_nsec;
}

/* A random number that is not 0, or 0 if none could be had. */
void a64_h_rndr(void *cpu, union ir_val *v)
{
    uint64_t number = 0;

    (void)cpu;
    for (int tries = 0; tries < 4 && !number; tries++)
        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
            number = 0;
    v[0].x = number;
}
