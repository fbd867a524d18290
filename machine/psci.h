/* PSCI 1.1 (Arm DEN 0022): power control of arm64 machines whose board has no firmware of its own.
 * Serves sys->firmware; called in the vCPU's thread. */
#ifndef MYNA_MACHINE_PSCI_H
#define MYNA_MACHINE_PSCI_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
bool psci_call(void *machine, struct cpu *c, bool smc, uint64_t regs[4]);
#endif
