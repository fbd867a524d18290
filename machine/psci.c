/* PSCI. See psci.h. Owns the functions' numbers and results; knows how an arm64 cpu is started from isa/arm64. */
#include "machine/psci.h"

#include "isa/arm64/system.h"
#include "machine/machine_int.h"

/* Function ids; bit 30 says 64-bit arguments (DEN 0022F, 5.1). */
enum {
    PSCI_VERSION = 0x84000000,
    CPU_SUSPEND = 0x84000001,
    CPU_OFF = 0x84000002,
    CPU_ON = 0x84000003,
    AFFINITY_INFO = 0x84000004,
    MIGRATE = 0x84000005,
    MIGRATE_INFO_TYPE = 0x84000006,
    SYSTEM_OFF = 0x84000008,
    SYSTEM_RESET = 0x84000009,
    PSCI_FEATURES = 0x8400000a,
    SYSTEM_RESET2 = 0x84000012,
    SMCCC_VERSION = 0x80000000,
    SMC64 = 0x40000000,
};
enum { SUCCESS = 0, NOT_SUPPORTED = -1, INVALID_PARAMETERS = -2, ALREADY_ON = -4 };

static const uint32_t functions[] = {PSCI_VERSION,      CPU_SUSPEND, CPU_OFF,      CPU_ON,        AFFINITY_INFO,
                                     MIGRATE_INFO_TYPE, SYSTEM_OFF,  SYSTEM_RESET, PSCI_FEATURES, SYSTEM_RESET2,
                                     SMCCC_VERSION};

static bool known(uint32_t function)
{
    for (size_t i = 0; i < array_size(functions); i++)
        if (functions[i] == (function & ~(uint32_t)SMC64))
            return true;
    return false;
}

static int find_cpu(struct machine *m, uint64_t mpidr)
{
    const uint64_t affinity = 0xff00ffffffu;

    for (unsigned i = 0; i < m->ncpus; i++)
        if ((arm64_mpidr(m->vcpus[i].cpu) & affinity) == (mpidr & affinity))
            return (int)i;
    return -1;
}

/* It starts at the highest level below EL3 (DEN 0022F, 6.4), wherever the caller is: a kernel that was entered at EL2 and
 * went down to EL1 wants its other cpus at EL2, too. */
static int64_t cpu_on(struct machine *m, uint64_t mpidr, uint64_t entry, uint64_t context)
{
    int n = find_cpu(m, mpidr);

    if (n < 0)
        return INVALID_PARAMETERS;
    if (!machine_cpu_claim(m, (unsigned)n))
        return ALREADY_ON;
    m->isa->sys->reset(m->vcpus[n].cpu); /* it stands still */
    arm64_boot(m->vcpus[n].cpu, 2, entry, context);
    machine_cpu_start(m, (unsigned)n);
    return SUCCESS;
}

static int64_t affinity_info(struct machine *m, uint64_t mpidr, uint64_t level)
{
    int n = find_cpu(m, mpidr);

    if (n < 0 || level)
        return INVALID_PARAMETERS;
    return machine_cpu_on(m, (unsigned)n) ? 0 : 1;
}

bool psci_call(void *machine, struct cpu *c, bool smc, uint64_t regs[4])
{
    struct machine *m = machine;
    uint32_t function = (uint32_t)regs[0];
    bool wide = function & SMC64;
    uint64_t mask = wide ? UINT64_MAX : UINT32_MAX;
    int64_t result;

    (void)smc;
    switch (function & ~(uint32_t)SMC64) {
    case PSCI_VERSION:
        result = 0x10001;
        break;
    case SMCCC_VERSION:
        result = 0x10001;
        break;
    case CPU_SUSPEND: /* a wake-up at once is allowed, and callers wait by WFI first */
        result = SUCCESS;
        break;
    case CPU_OFF:
        machine_cpu_halt(m, c);
        result = SUCCESS;
        break;
    case CPU_ON:
        result = cpu_on(m, regs[1] & mask, regs[2] & mask, regs[3] & mask);
        break;
    case AFFINITY_INFO:
        result = affinity_info(m, regs[1] & mask, regs[2] & mask);
        break;
    case MIGRATE_INFO_TYPE:
        result = 2; /* no trusted OS */
        break;
    case SYSTEM_OFF:
        machine_request(m, DEV_REQUEST_POWEROFF);
        machine_cpu_halt(m, c);
        result = SUCCESS;
        break;
    case SYSTEM_RESET:
    case SYSTEM_RESET2:
        machine_request(m, DEV_REQUEST_RESET);
        machine_cpu_halt(m, c);
        result = SUCCESS;
        break;
    case PSCI_FEATURES:
        result = known((uint32_t)regs[1]) ? 0 : NOT_SUPPORTED;
        break;
    default: /* of any owner: SMCCC (DEN 0028) wants this answer, not an exception */
        result = NOT_SUPPORTED;
        break;
    }
    regs[0] = (uint64_t)result;
    return true;
}
