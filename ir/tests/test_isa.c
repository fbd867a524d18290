/* The tiny instruction set of test_isa.h. */
#include "test_isa.h"

#include <string.h>

#include "fp/fp.h"

static struct ti_state *state(void *cpu)
{
    return (struct ti_state *)((struct cpu *)cpu)->state;
}

static void mix(void *cpu, union ir_val *v)
{
    (void)cpu;
    v[0].x = v[0].x * 3 + v[1].x;
}

static void sum6(void *cpu, union ir_val *v)
{
    uint64_t sum = 0;

    (void)cpu;
    for (unsigned i = 0; i < 6; i++)
        sum += v[i].x * (i + 1);
    v[0].x = sum;
}

static void read_slots(void *cpu, union ir_val *v)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < 8; i++)
        sum = sum * 5 + state(cpu)->x[i];
    v[0].x = sum;
}

static void swap_slots(void *cpu, union ir_val *v)
{
    uint64_t t = state(cpu)->x[0];

    (void)v;
    state(cpu)->x[0] = state(cpu)->x[1];
    state(cpu)->x[1] = t;
}

static void probe(void *cpu, union ir_val *v)
{
    if (v[0].x & 1) {
        ((struct cpu *)cpu)->fault_addr = v[0].x;
        cpu_leave(cpu, CPU_EXIT_FAULT);
    }
}

static void count(void *cpu, union ir_val *v)
{
    v[0].x = ++state(cpu)->count;
}

static void rotate(void *cpu, union ir_val *v)
{
    uint64_t t = v[0].d[0];

    (void)cpu;
    v[0].d[0] = v[0].d[1];
    v[0].d[1] = t;
}

#define X(n)                                               \
    {                                                      \
        "x" #n, offsetof(struct ti_state, x[n]), IR_I64, 0 \
    }
#define V(n)                                                \
    {                                                       \
        "v" #n, offsetof(struct ti_state, v[n]), IR_V128, 0 \
    }
static const struct isa_slot slots[TI_NSLOTS] = {
    X(0),
    X(1),
    X(2),
    X(3),
    X(4),
    X(5),
    X(6),
    X(7),
    V(0),
    V(1),
    V(2),
    V(3),
    {"d0", offsetof(struct ti_state, d[0]), IR_F64, 0},
    {"d1", offsetof(struct ti_state, d[1]), IR_F64, 0},
    {"w0", offsetof(struct ti_state, w[0]), IR_I32, 0},
    {"w1", offsetof(struct ti_state, w[1]), IR_I32, 0},
    {"nzcv", offsetof(struct ti_state, nzcv), IR_CC, 0},
    {"fpflags", offsetof(struct ti_state, fpflags), IR_I32, ISA_SLOT_STATUS},
};

static const struct ir_helper helpers[TI_NHELPERS] = {
    [TH_MIX] = {"mix", mix, IR_H_PURE, 2, IR_I64, {IR_I64, IR_I64}},
    [TH_SUM6] =
        {"sum6", sum6, IR_H_PURE, 6, IR_I64, {IR_I64, IR_I64, IR_I64, IR_I64, IR_I64, IR_I64}},
    [TH_READ] = {"read_slots", read_slots, IR_H_READS | IR_H_NODCE, 0, IR_I64, {0}},
    [TH_SWAP] = {"swap_slots", swap_slots, IR_H_READS | IR_H_WRITES | IR_H_NODCE, 0, IR_VOID, {0}},
    [TH_PROBE] = {"probe", probe, IR_H_FAULTS | IR_H_NODCE, 1, IR_I64, {IR_I64}},
    [TH_COUNT] = {"count", count, IR_H_NODCE, 0, IR_I64, {0}},
    [TH_VROT] = {"vrot", rotate, IR_H_PURE, 1, IR_V128, {IR_V128}},
};

static enum isa_lift lift(struct ir_unit *u, struct isa_insn *i)
{
    (void)u;
    i->length = 4;
    return ISA_UNDEF;
}

static void fpenv(uint32_t key, struct ir_fpenv *env)
{
    (void)key;
    *env = (struct ir_fpenv){.rm = IR_RM_NEAREST};
}

/* All but what only x86 guests see. */
static uint8_t fp_status_bits(unsigned fpflags)
{
    return (uint8_t)(fpflags & ~(unsigned)(FP_FLAG_DENORMAL | FP_FLAG_ROUNDED_UP));
}

static void fp_status_add(struct cpu *c, unsigned fpflags)
{
    state(c)->fpflags |= fp_status_bits(fpflags);
}

static void reset(struct cpu *c)
{
    memset(c->state, 0, sizeof(struct ti_state));
}

static const char *const aliases[] = {"tiny", NULL};

const struct isa isa_test = {
    .name = "test",
    .aliases = aliases,
    .qemu_name = "test",
    .bits = 64,
    .insn_align = 4,
    .elf_machine = 0xfeed,
    .slots = slots,
    .nslots = TI_NSLOTS,
    .helpers = helpers,
    .nhelpers = TI_NHELPERS,
    .lift = lift,
    .fpenv = fpenv,
    .fp_status_add = fp_status_add,
    .fp_status_bits = fp_status_bits,
    .reset = reset,
};

const struct isa *const isa_registry[] = {&isa_test, NULL};
