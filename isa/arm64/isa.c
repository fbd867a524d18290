/* Owns the description of arm64 for the engine: slots, pins, helpers, FP environment, reset.
 * Never knows instructions (the tables and lift_*.c do) or Linux. */
#include <string.h>

#include "fp/fp.h"
#include "isa/arm64/features.h"
#include "isa/arm64/lift_system.h"

#define AT(field) offsetof(struct arm64_state, field)
#define X(n)      [A64_X0 + n] = {"x" #n, AT(x[n]), IR_I64, 0}
#define V(n)      [A64_V0 + n] = {"v" #n, AT(v[n]), IR_V128, 0}
#define HIDDEN    ISA_SLOT_HIDDEN

static const struct isa_slot slots[A64_SLOTS] = {
    A64_EACH_X(X),
    [A64_SP] = {"sp", AT(sp), IR_I64, 0},
    [A64_NZCV] = {"nzcv", AT(nzcv), IR_CC, 0},
    A64_EACH_V(V),
    [A64_TPIDR] = {"tpidr_el0", AT(tpidr), IR_I64, 0},
    [A64_TPIDRRO] = {"tpidrro_el0", AT(tpidrro), IR_I64, 0},
    [A64_EX_ADDR] = {"ex_addr", AT(ex_addr), IR_I64, HIDDEN},
    [A64_EX_LO] = {"ex_lo", AT(ex_value[0]), IR_I64, HIDDEN},
    [A64_EX_HI] = {"ex_hi", AT(ex_value[1]), IR_I64, HIDDEN},
    [A64_QC] = {"qc", AT(qc), IR_V128, HIDDEN},
    [A64_FPCR] = {"fpcr", AT(fpcr), IR_I32, 0},
    [A64_FPSR] = {"fpsr", AT(fpsr), IR_I32, 0},
    [A64_DIT] = {"dit", AT(dit), IR_I32, HIDDEN},
    [A64_SSBS] = {"ssbs", AT(ssbs), IR_I32, HIDDEN},
    [A64_DAIF] = {"daif", AT(daif), IR_I32, HIDDEN},
#define REG(name, text) [A64_SLOT_##name] = {text, AT(r) + 8 * A64_R_##name, IR_I64, HIDDEN}
    REG(SP_EL0, "sp_el0"),
    REG(TPIDR_EL1, "tpidr_el1"),
    REG(TPIDR_EL2, "tpidr_el2"),
    REG(ELR_EL1, "elr_el1"),
    REG(SPSR_EL1, "spsr_el1"),
    REG(ESR_EL1, "esr_el1"),
    REG(FAR_EL1, "far_el1"),
    REG(ELR_EL2, "elr_el2"),
    REG(SPSR_EL2, "spsr_el2"),
    REG(ESR_EL2, "esr_el2"),
    REG(FAR_EL2, "far_el2"),
#undef REG
};

/* By how often compiled code uses them: arguments and results, the first callee-saved ones, syscall
 * number and indirect result, stack, frame, link. */
static const uint16_t pin_int[] = {0,  1,  2,  3,  A64_SP, 19, 20, 8,  4,  5,  21,
                                   29, 30, 22, 6,  7,      9,  10, 23, 11, 24, 12,
                                   25, 13, 26, 14, 15,     27, 28, 16, 17, 18};
#define VSLOT(n) A64_V0 + n
static const uint16_t pin_vec[] = {
    VSLOT(0),  VSLOT(1),  VSLOT(2),  VSLOT(3),  VSLOT(4),  VSLOT(5),  VSLOT(6),  VSLOT(7),
    VSLOT(16), VSLOT(17), VSLOT(18), VSLOT(19), VSLOT(20), VSLOT(21), VSLOT(22), VSLOT(23),
    VSLOT(24), VSLOT(25), VSLOT(26), VSLOT(27), VSLOT(28), VSLOT(29), VSLOT(30), VSLOT(31),
};

static const struct ir_helper helpers[A64_HELPER_COUNT] = {
#define H(name, flags, result, nargs, ...) \
    [A64_H_##name] = {"a64_" #name, a64_h_##name, flags, nargs, result, {__VA_ARGS__}},
    A64_HELPERS(H)
#undef H
};

static enum isa_lift lift(struct ir_unit *u, struct isa_insn *i)
{
    struct a64_lift l = {.u = u, .i = i, .pc = i->pc, .key = u->key};
    uint32_t word;

    i->length = 4;
    if (i->avail < 4)
        return ISA_NEXT; /* the caller looks at length > avail */
    memcpy(&word, i->bytes, 4);
    return l.key & A64_KEY_SYSTEM ? a64_lift_system(&l, word) : a64_decode(&l, word);
}

enum isa_lift a64_undef(struct a64_lift *l)
{
    ir_exit(l->u, CPU_EXIT_UNDEF, ir_const(l->u, IR_I64, l->pc), IR_NONE, 0);
    return ISA_UNDEF;
}

static void fpenv(uint32_t key, struct ir_fpenv *env)
{
    static const uint8_t rounding[4] = {IR_RM_NEAREST, IR_RM_UP, IR_RM_DOWN, IR_RM_ZERO};

    memset(env, 0, sizeof(*env));
    env->nan_rule = FP_NAN_ARM;
    env->rm = rounding[key & A64_KEY_RMODE];
    env->default_nan = (key & A64_KEY_DN) != 0;
    env->ftz = env->daz = key & A64_KEY_FZ ? FP_FLUSH_ARM : FP_FLUSH_NONE;
    env->int_rule = FP_INT_ARM;
}

static void fp_status_add(struct cpu *c, unsigned fpflags)
{
    arm64_state(c)->fpsr |= fpflags & FP_FLAGS_ARM;
}

void arm64_set_fpcr(struct cpu *c, uint32_t fpcr)
{
    uint32_t key = c->key & ~(A64_KEY_RMODE | A64_KEY_FZ | A64_KEY_DN | A64_KEY_AHP | A64_KEY_FZ16);

    fpcr &= A64_FPCR_MASK;
    arm64_state(c)->fpcr = fpcr;
    key |= fpcr >> 22 & A64_KEY_RMODE;
    key |= fpcr & A64_FPCR_FZ ? A64_KEY_FZ : 0;
    key |= fpcr & A64_FPCR_DN ? A64_KEY_DN : 0;
    key |= fpcr & A64_FPCR_AHP ? A64_KEY_AHP : 0;
    key |= fpcr & A64_FPCR_FZ16 ? A64_KEY_FZ16 : 0;
    c->key = key;
}

uint32_t arm64_get_fpsr(const struct arm64_state *s)
{
    return s->fpsr | (s->qc.d[0] | s->qc.d[1] ? A64_FPSR_QC : 0);
}

void arm64_set_fpsr(struct arm64_state *s, uint32_t fpsr)
{
    s->fpsr = fpsr & A64_FPSR_MASK & ~A64_FPSR_QC;
    s->qc.d[0] = fpsr & A64_FPSR_QC ? 1 : 0;
    s->qc.d[1] = 0;
}

void arm64_enable_pac(struct cpu *c, uint32_t keys)
{
    const uint32_t all = A64_KEY_PAC_IA | A64_KEY_PAC_IB | A64_KEY_PAC_DA | A64_KEY_PAC_DB;
    struct arm64_state *s = arm64_state(c);

    c->key = (c->key & ~all) | (keys & all);
    s->features |= UINT64_C(1) << A64_F_PACA | UINT64_C(1) << A64_F_PACG;
}

static void reset(struct cpu *c)
{
    struct arm64_state *s = arm64_state(c);

    memset(s, 0, sizeof(*s));
    s->ex_addr = A64_EX_NONE;
    s->features = arm64_features_default();
    c->key = 0;
    arm64_set_fpcr(c, 0);
}

static const char *const aliases[] = {"aarch64", NULL};

const struct isa isa_arm64 = {
    .name = "arm64",
    .aliases = aliases,
    .qemu_name = "aarch64",
    .bits = 64,
    .insn_align = 4,
    .elf_machine = 183, /* EM_AARCH64 */
    .slots = slots,
    .nslots = array_size(slots),
    .top_byte_ignored = 1, /* as Linux sets it up for EL0 */
    .pin_int = pin_int,
    .npin_int = array_size(pin_int),
    .pin_vec = pin_vec,
    .npin_vec = array_size(pin_vec),
    .helpers = helpers,
    .nhelpers = array_size(helpers),
    .lift = lift,
    .fpenv = fpenv,
    .fp_status_add = fp_status_add,
    .reset = reset,
    .cc_dead = a64_cc_dead,
    .cc_read = a64_cc_read,
    .cs_arch = 1, /* CS_ARCH_ARM64 */
    .cs_mode = 0, /* CS_MODE_LITTLE_ENDIAN */
    .sys = &a64_isa_sys,
};
