/*
 * The cpu that a thread runs. Knows nothing else: the vCPU loop tells, devices with registers of their own
 * for each cpu (an interrupt controller's cpu interface) ask, because an access does not say who made it.
 */
#include "core/sys.h"

static _Thread_local struct cpu *core_cpu_current;

struct cpu *cpu_current(void)
{
    return core_cpu_current;
}

void cpu_set_current(struct cpu *c)
{
    core_cpu_current = c;
}
