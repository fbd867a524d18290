/* Owns the registers as debuggers see them: GDB's org.gnu.gdb.aarch64.core and .fpu, and the system
 * registers. Numbers: 0..30 x, 31 sp, 32 pc, 33 cpsr, 34..65 v, 66 fpsr, 67 fpcr, 100.. the table
 * sysregs.def. */
#include <string.h>

#include "isa/arm64/system_int.h"

enum { N_SP = 31, N_PC = 32, N_CPSR = 33, N_V = 34, N_FPSR = 66, N_FPCR = 67, N_SYS = 100 };

#define CORE "org.gnu.gdb.aarch64.core"
#define FPU  "org.gnu.gdb.aarch64.fpu"
#define SYS  "org.myna.gdb.aarch64.system"
#define X(n)                               \
    {                                      \
        "x" #n, 64, "int64", CORE, NULL, n \
    }
#define V(n)                                        \
    {                                               \
        "v" #n, 128, "aarch64v", FPU, NULL, N_V + n \
    }

const struct isa_reg a64_gdb_regs[] = {
    A64_EACH_X(X),
    {"sp", 64, "data_ptr", CORE, NULL, N_SP},
    {"pc", 64, "code_ptr", CORE, NULL, N_PC},
    {"cpsr", 32, "cpsr_flags", CORE, NULL, N_CPSR},
    A64_EACH_V(V),
    {"fpsr", 32, "int", FPU, NULL, N_FPSR},
    {"fpcr", 32, "int", FPU, NULL, N_FPCR},
#define R(name, ...) {#name, 64, "int64", SYS, "system", N_SYS + A64_R_##name},
#include "isa/arm64/sysregs.def"
#undef R
    {NULL, 0, NULL, NULL, NULL, 0},
};

/* A register that a debugger may see: functions that could leave for the guest's exception are not
 * called. */
static uint64_t system_get(struct cpu *c, unsigned reg)
{
    switch (reg) {
    case A64_R_SP_EL0:
    case A64_R_SP_EL1:
    case A64_R_SP_EL2:
    case A64_R_SP_EL3: {
        struct arm64_state copy = *a64_cs(c);

        a64_sp_save(&copy);
        return copy.r[reg];
    }
    case A64_R_RVBAR_EL1:
    case A64_R_RVBAR_EL2:
    case A64_R_RVBAR_EL3:
        return a64_m(c)->props.reset_pc;
    case A64_R_RMR_EL1:
    case A64_R_RMR_EL2:
    case A64_R_RMR_EL3:
    case A64_R_PMXEVTYPER_EL0:
    case A64_R_PMXEVCNTR_EL0:
    case A64_R_RNDR:
    case A64_R_RNDRRS:
        return 0;
    default:
        return a64_reg_get(c, (int)reg);
    }
}

/* Plain words, and those whose change has effects that are defined at any time. */
static bool system_set(struct cpu *c, unsigned reg, uint64_t v)
{
    const struct a64_reg *r = &a64_regs[reg];

    if ((r->flags & A64_RF_CODE) || reg == A64_R_CNTFRQ_EL0)
        return false;
    if (reg == A64_R_SP_EL0) {
        a64_sp_save(arm64_state(c));
        arm64_state(c)->r[reg] = v;
        a64_sp_load(arm64_state(c));
        return true;
    }
    a64_reg_set(c, (int)reg, v);
    return true;
}

bool a64_gdb_get(struct cpu *c, uint32_t n, void *to)
{
    const struct arm64_state *s = a64_cs(c);
    uint64_t v;

    if (n < N_SP) {
        v = s->x[n];
    } else if (n >= N_V && n < N_FPSR) {
        memcpy(to, &s->v[n - N_V], 16);
        return true;
    } else if (n >= N_SYS && n < N_SYS + A64_R_COUNT) {
        v = system_get(c, n - N_SYS);
    } else {
        switch (n) {
        case N_SP:
            v = s->sp;
            break;
        case N_PC:
            v = c->pc;
            break;
        case N_CPSR:
            v = a64_spsr(s);
            memcpy(to, &v, 4);
            return true;
        case N_FPSR:
            v = arm64_get_fpsr(s);
            memcpy(to, &v, 4);
            return true;
        case N_FPCR:
            memcpy(to, &s->fpcr, 4);
            return true;
        default:
            return false;
        }
    }
    memcpy(to, &v, 8);
    return true;
}

/* PSTATE by a debugger: flags and masks; the level and stack pointer choice only to what exists. */
static void set_cpsr(struct cpu *c, uint32_t v)
{
    struct arm64_state *s = arm64_state(c);
    unsigned el = v >> 2 & 3;

    arm64_set_nzcv(s, v & 0xf0000000);
    s->daif = v & 0x3c0;
    s->pan = v >> 22 & 1;
    s->uao = v >> 23 & 1;
    s->il = v >> 20 & 1;
    if (!(v & 0x12) && el <= arm64_highest_el(c) && !(el == 2 && !a64_has_el2(c)) &&
        !(el == 0 && (v & 1))) {
        a64_sp_save(s);
        s->el = (uint8_t)el;
        s->spsel = v & 1;
        a64_sp_load(s);
    }
    arm64_update(c);
}

bool a64_gdb_set(struct cpu *c, uint32_t n, const void *from)
{
    struct arm64_state *s = arm64_state(c);
    uint64_t v;
    uint32_t w;

    if (n >= N_V && n < N_FPSR) {
        memcpy(&s->v[n - N_V], from, 16);
        return true;
    }
    memcpy(&w, from, 4);
    switch (n) {
    case N_CPSR:
        set_cpsr(c, w);
        return true;
    case N_FPSR:
        arm64_set_fpsr(s, w);
        return true;
    case N_FPCR:
        arm64_set_fpcr(c, w);
        return true;
    default:
        break;
    }
    memcpy(&v, from, 8);
    if (n < N_SP)
        s->x[n] = v;
    else if (n == N_SP)
        s->sp = v;
    else if (n == N_PC)
        c->pc = v;
    else if (n >= N_SYS && n < N_SYS + A64_R_COUNT)
        return system_set(c, n - N_SYS, v);
    else
        return false;
    return true;
}
