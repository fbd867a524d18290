/* Private to isa/arm64: lifters of lift_system.c that others hand over to in system mode. */
#ifndef MYNA_ISA_ARM64_LIFT_SYSTEM_H
#define MYNA_ISA_ARM64_LIFT_SYSTEM_H

#include "isa/arm64/pac.h"
#include "isa/arm64/system_int.h"

static inline bool a64_system(const struct a64_lift *l)
{
    return l->key & A64_KEY_SYSTEM;
}
enum isa_lift a64_sys_exit(struct a64_lift *l, enum a64_exit code); /* at this instruction */
enum isa_lift a64_sys_mrs(struct a64_lift *l, unsigned enc, unsigned rt);
enum isa_lift a64_sys_msr(struct a64_lift *l, unsigned enc, unsigned rt);
enum isa_lift a64_sys_wait(struct a64_lift *l, bool interrupt);
enum isa_lift a64_sys_dc_clean(struct a64_lift *l, unsigned crm, unsigned rt);
enum isa_lift a64_sys_ic_ivau(struct a64_lift *l, unsigned rt);
enum isa_lift a64_sys_zva_trap(struct a64_lift *l, unsigned rt);
/* lift_mode.c: lifts one instruction under what the key's system bits add: traps, alignment, steps.
 */
enum isa_lift a64_lift_system(struct a64_lift *l, uint32_t word);

#endif
