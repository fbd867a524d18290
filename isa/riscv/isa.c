/* The description of RISC-V, 64 bits, for the engine: slots, pins, the lifter's entry.
 * Never knows Linux. */
#include <string.h>

#include "base/bits.h"
#include "fp/fp.h"
#include "isa/riscv/lift.h"

#define X(n)                                               \
    {                                                      \
        "x" #n, offsetof(struct rv_state, x[n]), IR_I64, 0 \
    }
#define F(n)                                               \
    {                                                      \
        "f" #n, offsetof(struct rv_state, f[n]), IR_F64, 0 \
    }

static const struct isa_slot slots[RV_SLOT_COUNT] = {
    X(0),
    X(1),
    X(2),
    X(3),
    X(4),
    X(5),
    X(6),
    X(7),
    X(8),
    X(9),
    X(10),
    X(11),
    X(12),
    X(13),
    X(14),
    X(15),
    X(16),
    X(17),
    X(18),
    X(19),
    X(20),
    X(21),
    X(22),
    X(23),
    X(24),
    X(25),
    X(26),
    X(27),
    X(28),
    X(29),
    X(30),
    X(31),
    F(0),
    F(1),
    F(2),
    F(3),
    F(4),
    F(5),
    F(6),
    F(7),
    F(8),
    F(9),
    F(10),
    F(11),
    F(12),
    F(13),
    F(14),
    F(15),
    F(16),
    F(17),
    F(18),
    F(19),
    F(20),
    F(21),
    F(22),
    F(23),
    F(24),
    F(25),
    F(26),
    F(27),
    F(28),
    F(29),
    F(30),
    F(31),
    {"res_tag", offsetof(struct rv_state, res_tag), IR_I64, ISA_SLOT_HIDDEN},
    {"res_val", offsetof(struct rv_state, res_val), IR_I64, ISA_SLOT_HIDDEN},
    {"fcsr", offsetof(struct rv_state, fcsr), IR_I32, ISA_SLOT_STATUS},
};

/* By how often compiled code uses them: a5 down (scratch of gcc) and a0, sp, s0, s1, ra, ... */
static const uint16_t pin_int[] = {15, 14, 10, 13, 12, 11, 2,  8,  9,  1,  16, 17, 18, 19, 20, 6,
                                   5,  7,  28, 29, 21, 22, 23, 30, 31, 24, 25, 26, 27, 3,  4};
#define FP(n) (RV_SLOT_F + (n))
static const uint16_t pin_vec[] = {
    FP(15), FP(14), FP(10), FP(13), FP(12), FP(11), FP(8),  FP(9),  FP(16), FP(17), FP(0),
    FP(1),  FP(2),  FP(3),  FP(4),  FP(5),  FP(6),  FP(7),  FP(18), FP(19), FP(20), FP(21),
    FP(22), FP(23), FP(24), FP(25), FP(26), FP(27), FP(28), FP(29), FP(30), FP(31),
};

static enum isa_lift lift(struct ir_unit *u, struct isa_insn *i)
{
    struct rv_lift l = {.u = u, .i = i, .pc = i->pc};
    uint32_t word = 0;

    i->length = i->avail < 2 || (i->bytes[0] & 3) != 3 ? 2 : 4;
    if (i->length > i->avail)
        return ISA_NEXT; /* the caller looks at length > avail */
    memcpy(&word, i->bytes, i->length);
    l.next = i->pc + i->length;
    return rv_decode(&l, word);
}

static void fpenv(uint32_t key, struct ir_fpenv *env)
{
    /* frm 5 to 7 are reserved; nothing that rounds dynamically can be lifted then */
    static const uint8_t rounding[8] = {IR_RM_NEAREST, IR_RM_ZERO,    IR_RM_DOWN,    IR_RM_UP,
                                        IR_RM_AWAY,    IR_RM_NEAREST, IR_RM_NEAREST, IR_RM_NEAREST};

    memset(env, 0, sizeof(*env));
    env->nan_rule = FP_NAN_RISCV;
    env->int_rule = FP_INT_RISCV;
    env->rm = rounding[key & 7];
    env->default_nan = 1;
    env->box32 = 1;
}

static uint8_t fp_status_bits(unsigned fpflags)
{
    return fp_flags_to_riscv((uint8_t)fpflags);
}

static void fp_status_add(struct cpu *c, unsigned fpflags)
{
    rv_state(c)->fcsr |= fp_status_bits(fpflags);
}

static void reset(struct cpu *c)
{
    memset(rv_state(c), 0, sizeof(struct rv_state));
    rv_fcsr_write(c, 0);
}

static const char *const aliases[] = {"riscv", "rv64", NULL};

const struct isa isa_riscv = {
    .name = "riscv64",
    .aliases = aliases,
    .qemu_name = "riscv64",
    .bits = 64,
    .insn_align = 2,
    .elf_machine = 243, /* EM_RISCV */
    .slots = slots,
    .nslots = RV_SLOT_COUNT,
    .pin_int = pin_int,
    .npin_int = array_size(pin_int),
    .pin_vec = pin_vec,
    .npin_vec = array_size(pin_vec),
    .helpers = rv_helpers,
    .nhelpers = RV_H_COUNT,
    .lift = lift,
    .fpenv = fpenv,
    .fp_status_add = fp_status_add,
    .fp_status_bits = fp_status_bits,
    .reset = reset,
    .cs_arch = 15,              /* CS_ARCH_RISCV */
    .cs_mode = 1 << 1 | 1 << 2, /* CS_MODE_RISCV64 | CS_MODE_RISCVC */
};
