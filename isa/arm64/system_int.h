/* Private to isa/arm64: the system side's parts, file by file.
 *
 * All of it runs in the cpu's thread, but timers (timer.c), which fire on the main loop and take
 * machine->lock; the bank's words of timers and of the PMU are written under it.
 */
#ifndef MYNA_ISA_ARM64_SYSTEM_INT_H
#define MYNA_ISA_ARM64_SYSTEM_INT_H

#include "base/bits.h"
#include "core/sys.h"
#include "ir/isa.h"
#include "isa/arm64/features.h"
#include "isa/arm64/state.h"
#include "isa/arm64/sysregs.h"
#include "isa/arm64/system.h"
#include "os/thread.h"

/* ---- models.c ---- */
/* What a processor is, besides the instructions it has. Values are those of the technical reference
 * manuals; fields that follow from options (EL2, EL3, GIC, PMU) are put in by a64_rd_id(). */
struct a64_model {
    const char *compatible;
    uint64_t midr, revidr, ctr, clidr;
    uint32_t ccsidr[4]; /* L1 data, L1 instruction, L2, L3 */
    uint64_t pfr0, pfr1, dfr0, isar0, isar1, mmfr0, mmfr1, mmfr2;
    uint64_t features; /* enum arm64_feature: instructions of the decoder */
    uint8_t pmu_counters;
    bool pauth;
};
enum { A64_MODELS = 6 };
extern const struct isa_model a64_models[A64_MODELS + 1];
const struct a64_model *a64_model_at(unsigned index);

/* ---- what is the host's ---- */
enum a64_timer { A64_TIMER_P, A64_TIMER_V, A64_TIMER_HP, A64_TIMER_PS, A64_TIMER_HV, A64_TIMERS };
struct a64_timer_state {
    struct timer timer;
    struct cpu *cpu;
    enum a64_timer which;
};
struct a64_machine {
    const struct a64_model *model;
    unsigned model_index;
    struct arm64_props props;
    uint32_t ns_per_tick;
    struct irq out[A64_OUTS];
    struct os_mutex lock; /* timers and PMU */
    struct a64_timer_state timers[A64_TIMERS];
    struct timer pmu_timer;
    bool flushed; /* a broadcast TLBI, and no DSB since */
    struct mem_listener listener;
    _Atomic uint32_t map_changed;
    struct mem_hit walk; /* where page tables were found last */
    mem_pa walk_base;
};
static inline struct a64_machine *a64_m(const struct cpu *c)
{
    return ((struct arm64_state *)(void *)(uintptr_t)c->state)->machine;
}
static inline const struct arm64_state *a64_cs(const struct cpu *c)
{
    return (const struct arm64_state *)(const void *)c->state;
}

/* Fields of system registers that many files look at. Arm ARM D19.2. */
#define A64_HCR_VM      (UINT64_C(1) << 0)
#define A64_HCR_PTW     (UINT64_C(1) << 2)
#define A64_HCR_FMO     (UINT64_C(1) << 3)
#define A64_HCR_IMO     (UINT64_C(1) << 4)
#define A64_HCR_AMO     (UINT64_C(1) << 5)
#define A64_HCR_VF      (UINT64_C(1) << 6)
#define A64_HCR_VI      (UINT64_C(1) << 7)
#define A64_HCR_VSE     (UINT64_C(1) << 8)
#define A64_HCR_FB      (UINT64_C(1) << 9)
#define A64_HCR_DC      (UINT64_C(1) << 12)
#define A64_HCR_TWI     (UINT64_C(1) << 13)
#define A64_HCR_TWE     (UINT64_C(1) << 14)
#define A64_HCR_TID0    (UINT64_C(1) << 15)
#define A64_HCR_TID1    (UINT64_C(1) << 16)
#define A64_HCR_TID2    (UINT64_C(1) << 17)
#define A64_HCR_TID3    (UINT64_C(1) << 18)
#define A64_HCR_TSC     (UINT64_C(1) << 19)
#define A64_HCR_TIDCP   (UINT64_C(1) << 20)
#define A64_HCR_TACR    (UINT64_C(1) << 21)
#define A64_HCR_TSW     (UINT64_C(1) << 22)
#define A64_HCR_TPC     (UINT64_C(1) << 23)
#define A64_HCR_TPU     (UINT64_C(1) << 24)
#define A64_HCR_TTLB    (UINT64_C(1) << 25)
#define A64_HCR_TVM     (UINT64_C(1) << 26)
#define A64_HCR_TGE     (UINT64_C(1) << 27)
#define A64_HCR_TDZ     (UINT64_C(1) << 28)
#define A64_HCR_HCD     (UINT64_C(1) << 29)
#define A64_HCR_TRVM    (UINT64_C(1) << 30)
#define A64_HCR_RW      (UINT64_C(1) << 31)
#define A64_HCR_CD      (UINT64_C(1) << 32)
#define A64_HCR_ID      (UINT64_C(1) << 33)
#define A64_HCR_E2H     (UINT64_C(1) << 34)
#define A64_HCR_TLOR    (UINT64_C(1) << 35)
#define A64_HCR_TERR    (UINT64_C(1) << 36)
#define A64_HCR_TEA     (UINT64_C(1) << 37)
#define A64_HCR_APK     (UINT64_C(1) << 40)
#define A64_HCR_API     (UINT64_C(1) << 41)
#define A64_SCR_NS      (UINT64_C(1) << 0)
#define A64_SCR_IRQ     (UINT64_C(1) << 1)
#define A64_SCR_FIQ     (UINT64_C(1) << 2)
#define A64_SCR_EA      (UINT64_C(1) << 3)
#define A64_SCR_SMD     (UINT64_C(1) << 7)
#define A64_SCR_HCE     (UINT64_C(1) << 8)
#define A64_SCR_SIF     (UINT64_C(1) << 9)
#define A64_SCR_RW      (UINT64_C(1) << 10)
#define A64_SCR_ST      (UINT64_C(1) << 11)
#define A64_SCR_TWI     (UINT64_C(1) << 12)
#define A64_SCR_TWE     (UINT64_C(1) << 13)
#define A64_SCR_TLOR    (UINT64_C(1) << 14)
#define A64_SCR_TERR    (UINT64_C(1) << 15)
#define A64_SCR_APK     (UINT64_C(1) << 16)
#define A64_SCR_API     (UINT64_C(1) << 17)
#define A64_SCTLR_M     (UINT64_C(1) << 0)
#define A64_SCTLR_A     (UINT64_C(1) << 1)
#define A64_SCTLR_C     (UINT64_C(1) << 2)
#define A64_SCTLR_UMA   (UINT64_C(1) << 9)
#define A64_SCTLR_ENDB  (UINT64_C(1) << 13)
#define A64_SCTLR_DZE   (UINT64_C(1) << 14)
#define A64_SCTLR_UCT   (UINT64_C(1) << 15)
#define A64_SCTLR_NTWI  (UINT64_C(1) << 16)
#define A64_SCTLR_NTWE  (UINT64_C(1) << 18)
#define A64_SCTLR_WXN   (UINT64_C(1) << 19)
#define A64_SCTLR_SPAN  (UINT64_C(1) << 23)
#define A64_SCTLR_E0E   (UINT64_C(1) << 24)
#define A64_SCTLR_EE    (UINT64_C(1) << 25)
#define A64_SCTLR_UCI   (UINT64_C(1) << 26)
#define A64_SCTLR_ENDA  (UINT64_C(1) << 27)
#define A64_SCTLR_ENIB  (UINT64_C(1) << 30)
#define A64_SCTLR_ENIA  (UINT64_C(1) << 31)
#define A64_SCTLR_DSSBS (UINT64_C(1) << 44)
#define A64_SCTLR_EPAN  (UINT64_C(1) << 57)
#define A64_MDSCR_SS    (UINT64_C(1) << 0)
#define A64_MDSCR_KDE   (UINT64_C(1) << 13)
#define A64_MDSCR_MDE   (UINT64_C(1) << 15)

/* ---- levels ---- */
static inline bool a64_has_el2(const struct cpu *c)
{
    return a64_m(c)->props.el2;
}
static inline bool a64_has_el3(const struct cpu *c)
{
    return a64_m(c)->props.el3;
}
/* EL2 is there in the present security state. */
static inline bool a64_el2_on(const struct cpu *c)
{
    return a64_has_el2(c) && (!a64_has_el3(c) || (a64_cs(c)->r[A64_R_SCR_EL3] & A64_SCR_NS));
}
static inline bool a64_secure(const struct cpu *c)
{
    return a64_has_el3(c) && !(a64_cs(c)->r[A64_R_SCR_EL3] & A64_SCR_NS);
}
/* HCR_EL2 as it counts below EL2 (0: EL2 is not there). */
static inline uint64_t a64_hcr(const struct cpu *c)
{
    return a64_el2_on(c) ? a64_cs(c)->r[A64_R_HCR_EL2] : 0;
}
static inline bool a64_host(const struct cpu *c) /* the EL2&0 regime serves EL0 */
{
    const uint64_t both = A64_HCR_E2H | A64_HCR_TGE;

    return (a64_hcr(c) & both) == both;
}
/* The level whose translation regime and SCTLR the present level uses. */
static inline unsigned a64_regime_el(const struct cpu *c, unsigned el)
{
    return el ? el : a64_host(c) ? 2 : 1;
}
static inline uint64_t a64_sctlr(const struct cpu *c, unsigned regime_el)
{
    return a64_cs(c)->r[regime_el == 1   ? A64_R_SCTLR_EL1
                        : regime_el == 2 ? A64_R_SCTLR_EL2
                                         : A64_R_SCTLR_EL3];
}
static inline uint64_t a64_elx(const struct cpu *c, unsigned el1, unsigned el2, unsigned el3,
                               unsigned el)
{
    return a64_cs(c)->r[el == 1 ? el1 : el == 2 ? el2 : el3];
}

/* ---- system.c ---- */
/* Makes key, contexts and what else follows from the registers current. */
void arm64_update(struct cpu *c);
void a64_sp_save(struct arm64_state *s); /* sp to its register */
void a64_sp_load(struct arm64_state *s); /* and from that of el, spsel */
extern const struct isa_sys a64_isa_sys;

/* ---- exception.c ---- */
enum a64_ec {
    A64_EC_UNKNOWN = 0x00,
    A64_EC_WFX = 0x01,
    A64_EC_FP = 0x07,
    A64_EC_PAC = 0x09,
    A64_EC_IL = 0x0e,
    A64_EC_SVC = 0x15,
    A64_EC_HVC = 0x16,
    A64_EC_SMC = 0x17,
    A64_EC_SYSREG = 0x18,
    A64_EC_IABT_LOW = 0x20,
    A64_EC_IABT = 0x21,
    A64_EC_PC = 0x22,
    A64_EC_DABT_LOW = 0x24,
    A64_EC_DABT = 0x25,
    A64_EC_SP = 0x26,
    A64_EC_SERROR = 0x2f,
    A64_EC_BP_LOW = 0x30,
    A64_EC_BP = 0x31,
    A64_EC_STEP_LOW = 0x32,
    A64_EC_STEP = 0x33,
    A64_EC_WP_LOW = 0x34,
    A64_EC_WP = 0x35,
    A64_EC_BRK = 0x3c,
};
#define A64_ESR_IL (UINT64_C(1) << 25)
static inline uint64_t a64_esr(enum a64_ec ec, uint64_t iss)
{
    return (uint64_t)ec << 26 | A64_ESR_IL | iss;
}
enum cpu_exit a64_raise(struct cpu *c, enum cpu_exit reason);
bool a64_interrupt(struct cpu *c);
bool a64_has_work(const struct cpu *c);
/* Pending interrupts as ISR_EL1 shows them to the present level. */
uint64_t a64_pending_isr(const struct cpu *c);
/* True if one would be taken under these masks (DAIF bits 9..6). */
bool a64_deliverable(const struct cpu *c, uint32_t daif);
uint64_t a64_spsr(const struct arm64_state *s); /* PSTATE as an SPSR */
/* The level that takes floating-point and SIMD instructions of the present one, or 0; *by_el1:
 * CPACR_EL1 says so. */
unsigned a64_fp_trap(const struct cpu *c, bool *by_el1);
/* ---- syndrome.c ---- */
/* ISV and what follows it of ESR.ISS, for the load or store at pc (a hypervisor emulates a device
 * by it), or 0. */
uint64_t a64_access_syndrome(struct cpu *c);
bool a64_is_maintenance(
    struct cpu *c); /* the instruction at pc is a DC by address, which is done as a load */
/* Leave a helper with this exception; never return. */
_Noreturn void a64_leave_undef(struct cpu *c);
_Noreturn void a64_leave_trap(struct cpu *c, unsigned el, uint64_t esr);
_Noreturn void a64_leave_fault(struct cpu *c, enum cpu_access access);

/* ---- mmu.c ---- */
/* sys->fault: [0] fault status code and these, [1] virtual address, [2] IPA of stage 2 faults, [3]
 * enum cpu_access. */
enum {
    A64_FAULT_FSC = 0x3f,
    A64_FAULT_S1PTW = 1 << 7, /* stage 2 fault of a stage 1 walk */
    A64_FAULT_STAGE2 = 1 << 8,
    A64_FAULT_PC = 1 << 9,   /* PC alignment */
    A64_FAULT_CM = 1 << 10,  /* of cache maintenance or address translation */
    A64_FAULT_ANY = 1 << 15, /* set in every translation fault: the code itself may be 0 */
};
enum { /* ISS.DFSC, without level */
       A64_FSC_SIZE = 0x00,
       A64_FSC_TRANSLATION = 0x04,
       A64_FSC_ACCESS = 0x08,
       A64_FSC_PERMISSION = 0x0c,
       A64_FSC_EXTERNAL = 0x10,
       A64_FSC_EXTERNAL_WALK = 0x14,
       A64_FSC_ALIGNMENT = 0x21,
       A64_FSC_TLB_CONFLICT = 0x30,
};
/* Address translation for AT: as an access of this regime (1 EL1&0, 2, 3) and privilege. */
struct a64_xlat {
    unsigned regime; /* 1: EL1&0, 2: EL2 or EL2&0, 3: EL3 */
    bool user;       /* as EL0 */
    bool pan;
    enum cpu_access access;
    bool stage2; /* with stage 2 (regime 1) */
    bool probe;
    bool at; /* of an AT instruction: access flag faults, but no update */
};
struct a64_result {
    struct cpu_page page;
    uint8_t attr; /* MAIR attribute, combined */
    uint8_t shareability;
    uint64_t fault, ipa;
};
bool a64_walk(struct cpu *c, uint64_t va, const struct a64_xlat *x, struct a64_result *r);
void a64_contexts(const struct cpu *c, uint64_t ctx[2]);
bool a64_translate(struct cpu *c, uint64_t va, enum cpu_access access, bool user, bool probe,
                   struct cpu_page *out);
bool a64_bus_error(struct cpu *c, uint64_t va, uint64_t pa, enum cpu_access access);
void a64_map_changed(void *opaque);

/* Bits of a context (core/sys.h). */
#define A64_CTX_REGIME UINT64_C(3) /* 1 EL1&0, 2 EL2, 3 EL3; 0 EL2&0 */
#define A64_CTX_USER   (UINT64_C(1) << 2)
#define A64_CTX_PAN    (UINT64_C(1) << 3)
#define A64_CTX_MMU    (UINT64_C(1) << 4)
#define A64_CTX_STAGE2 (UINT64_C(1) << 5)
#define A64_CTX_SECURE (UINT64_C(1) << 6)
#define A64_CTX_ASID   (UINT64_C(0xffff) << 16)
#define A64_CTX_VMID   (UINT64_C(0xffff) << 32)

/* ---- tlbi.c ---- */
void a64_tlbi(struct cpu *c, unsigned enc, uint64_t v);
void a64_at(struct cpu *c, unsigned enc, uint64_t va);

/* ---- timer.c ---- */
void a64_timers_init(struct cpu *c);
void a64_timers_fini(struct cpu *c);
void a64_timers_reset(struct cpu *c);
void a64_timers_update(struct cpu *c);     /* after loading, or a change of all */
uint64_t a64_counter(const struct cpu *c); /* physical count */
uint64_t a64_virtual_counter(const struct cpu *c);

/* ---- pmu.c ---- */
void a64_pmu_init(struct cpu *c);
void a64_pmu_fini(struct cpu *c);
void a64_pmu_update(struct cpu *c);
uint64_t a64_pmu_row_get(struct cpu *c, unsigned row);
void a64_pmu_row_set(struct cpu *c, unsigned row, uint64_t v);

/* ---- debug.c ---- */
uint64_t a64_debug_row_get(struct cpu *c, unsigned row);
void a64_debug_row_set(struct cpu *c, unsigned row, uint64_t v);
bool a64_debug_enabled_from(const struct cpu *c, unsigned el,
                            unsigned daif);     /* debug exceptions are taken there */
unsigned a64_debug_target(const struct cpu *c); /* level that takes debug exceptions */

/* ---- gdb.c ---- */
extern const struct isa_reg a64_gdb_regs[];
bool a64_gdb_get(struct cpu *c, uint32_t number, void *to);
bool a64_gdb_set(struct cpu *c, uint32_t number, const void *from);

#endif
