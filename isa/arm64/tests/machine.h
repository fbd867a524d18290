/* Shared by the tests of arm64's system side: a cpu with memory and clocks, without an accelerator;
 * flushes are recorded. Instructions run through the interpreter, one at a time, as long as they do
 * not access memory. */
#ifndef MYNA_ISA_ARM64_TESTS_MACHINE_H
#define MYNA_ISA_ARM64_TESTS_MACHINE_H

#include "core/sys.h"
#include "isa/arm64/system_int.h"
#include "isa/arm64/tests/unit.h"

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x1000000)
#define CODE     (RAM_BASE + 0x800000)

struct lab {
    struct mem_space *space;
    struct mem_region *root, *ram;
    struct clocks *clocks;
    struct cpu *cpu;
    struct cpu_sys sys;
    struct cpu_flush flushes[16];
    bool everyone[16];
    unsigned nflush, nsync;
    int out[A64_OUTS];
    struct ir_unit unit;
    uint64_t calls[4];
    bool smc, serves;
};

static struct lab lab;

static void lab_context_changed(struct cpu *c)
{
    (void)c;
}
static void lab_flush(struct cpu *c, const struct cpu_flush *f, bool everyone)
{
    (void)c;
    if (lab.nflush < array_size(lab.flushes)) {
        lab.flushes[lab.nflush] = *f;
        lab.everyone[lab.nflush++] = everyone;
    }
}
static void lab_sync(struct cpu *c)
{
    (void)c;
    lab.nsync++;
}
static void lab_code_changed(struct cpu *c, uint64_t va, uint64_t size)
{
    (void)c, (void)va, (void)size;
}
static const struct cpu_accel_ops lab_accel = {
    .context_changed = lab_context_changed,
    .flush = lab_flush,
    .sync = lab_sync,
    .code_changed = lab_code_changed,
};

static void lab_line(void *opaque, unsigned n, int level)
{
    (void)opaque;
    lab.out[n] = level;
}

static bool lab_firmware(void *machine, struct cpu *c, bool smc, uint64_t regs[4])
{
    (void)machine, (void)c;
    memcpy(lab.calls, regs, sizeof(lab.calls));
    lab.smc = smc;
    regs[0] = 0x1234;
    return lab.serves;
}

static const struct isa_model *lab_model(const char *name)
{
    const struct isa_model *m = isa_arm64.sys->models;

    while (m->name && strcmp(m->name, name) != 0)
        m++;
    assert_non_null(m->name);
    return m;
}

static inline void lab_open(const char *model, bool el2, bool el3)
{
    const struct mem_ram_opts opts = {0};
    struct arm64_props props = {.el2 = el2, .el3 = el3, .pmu = true, .reset_pc = CODE, .mpidr = 1};
    struct err e;

    memset(&lab, 0, sizeof(lab));
    lab.root = mem_region_container("root", UINT64_MAX);
    assert_int_equal(mem_region_ram(&lab.ram, "ram", RAM_SIZE, &opts, &e), 0);
    mem_region_add(lab.root, RAM_BASE, lab.ram, 0);
    lab.space = mem_space_new("lab", lab.root);
    assert_int_equal(clocks_new(&lab.clocks, NULL, &e), 0);
    lab.cpu = cpu_new(&isa_arm64);
    lab.sys.mem = lab.space;
    lab.sys.clocks = lab.clocks;
    lab.sys.accel = &lab_accel;
    lab.sys.firmware = lab_firmware;
    lab.cpu->sys = &lab.sys;
    assert_int_equal(isa_arm64.sys->init(lab.cpu, lab_model(model), &props, &e), 0);
    for (unsigned i = 0; i < A64_OUTS; i++)
        *arm64_irq_out(lab.cpu, (enum arm64_out)i) = (struct irq){lab_line, NULL, i};
    isa_arm64.sys->reset(lab.cpu);
    ir_unit_init(&lab.unit);
    lab.nflush = 0;
}

static inline void lab_close(void)
{
    isa_arm64.sys->fini(lab.cpu);
    cpu_free(lab.cpu);
    mem_space_free(lab.space);
    mem_region_free(lab.ram);
    mem_region_free(lab.root);
    clocks_free(lab.clocks);
    ir_unit_free(&lab.unit);
}

static inline struct arm64_state *lab_state(void)
{
    return arm64_state(lab.cpu);
}
static inline uint64_t *lab_r(unsigned reg)
{
    return &lab_state()->r[reg];
}
static inline uint64_t *lab_ram(uint64_t pa)
{
    return (uint64_t *)(void *)(mem_region_host(lab.ram) + (pa - RAM_BASE));
}

/* Goes to this level as a boot loader would. */
static inline void lab_el(unsigned el)
{
    struct arm64_state *s = lab_state();

    a64_sp_save(s);
    s->el = (uint8_t)el;
    s->spsel = el != 0;
    a64_sp_load(s);
    arm64_update(lab.cpu);
}

/* Runs one instruction that stands at pc, with what raise() makes of it; the exit that it took. */
static inline enum cpu_exit lab_step(uint32_t word)
{
    jmp_buf recover;
    volatile enum cpu_exit how;

    lab.cpu->recover = &recover;
    if (setjmp(recover) == 0) {
        unit_lift(&lab.unit, lab.cpu->key, lab.cpu->pc, &word, 1);
        unit_check(&lab.unit);
        how = (enum cpu_exit)ir_interp(&lab.unit, lab.cpu);
    } else {
        how = (enum cpu_exit)lab.cpu->exit_reason;
    }
    lab.cpu->recover = NULL;
    if (how != CPU_EXIT_NONE && how != CPU_EXIT_KICK)
        isa_arm64.sys->raise(lab.cpu, how);
    return how;
}

#define MRS(op0, op1, crn, crm, op2, rt)                                                         \
    (0xd5200000u | (uint32_t)(op0) << 19 | (op1) << 16 | (crn) << 12 | (crm) << 8 | (op2) << 5 | \
     (rt))
#define MSR(op0, op1, crn, crm, op2, rt) (MRS(op0, op1, crn, crm, op2, rt) & ~(1u << 21))

#endif
