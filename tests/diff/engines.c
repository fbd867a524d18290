/* See engines.h. Knows the instruction sets' tables, nothing of what a test does with them. */
#include "engines.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "isa/arm64/arm64_decode.h"
#include "isa/riscv/riscv_decode.h"

static const char *const arm64_skip[] = {"mrs", "msr", "sys", "hvc", "smc", "eret",  "hint", "hlt",
                                         "brk", "svc", "wf",  "udf", "ic_", "yield", NULL};
static const char *const riscv_skip[] = {"csr", "ecall", "ebreak", "c_ebreak", "fence_i", NULL};

/* MRS of a timer (CRn 14), of RNDR and RNDRRS. */
static bool arm64_varies(uint32_t word)
{
    return (word & 0xfff00000) == 0xd5300000 &&
           ((word >> 12 & 15) == 14 || (word & 0x0007ffc0) == 0x00032400);
}

/* A CSR of the counters. */
static bool riscv_varies(uint32_t word)
{
    return (word & 0x7f) == 0x73 && (word >> 28) == 12;
}

static const struct diff_target targets[] = {
    /* svc 0; b +4; b.eq, cbnz x5 */
    {"arm64",
     a64_forms,
     &a64_nforms,
     0xd4000001,
     0x14000001,
     {0x54000040, 0xb5000045},
     arm64_skip,
     arm64_varies},
    /* ecall; j +4; beq t0, t1; bltz a0 */
    {"riscv64",
     rv_forms,
     &rv_nforms,
     0x00000073,
     0x0040006f,
     {0x00628463, 0x00054463},
     riscv_skip,
     riscv_varies},
};

const struct diff_target *diff_target_find(const char *isa)
{
    for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        if (strcmp(targets[i].isa, isa) == 0)
            return &targets[i];
    return NULL;
}

/* ---- running ---- */

static struct cpu *running; /* for the handler */

static void on_fault(int sig, siginfo_t *info, void *context)
{
    if (!running || !accel_host_signal(running, sig, info, context))
        signal(sig, SIG_DFL);
}

void engine_signals(void)
{
    struct sigaction act = {.sa_sigaction = on_fault,
                            .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    static char room[1 << 16];
    stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};

    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &act, NULL);
    sigaction(SIGBUS, &act, NULL);
}

void engine_start(struct engine *e, const struct isa *isa, const struct accel_code_source *source)
{
    struct err err;

    e->cpu = cpu_new(isa);
    if (accel_new(&e->accel, isa, &e->opts, source, &err) || accel_attach(e->accel, e->cpu, &err)) {
        fprintf(stderr, "%s: %s\n", e->name, err.text);
        exit(2);
    }
}

void engine_stop(struct engine *e)
{
    accel_detach(e->cpu);
    accel_free(e->accel);
    cpu_free(e->cpu);
}

int engine_run(struct engine *e, bool step)
{
    int reason;

    running = e->cpu;
    do
        reason = step ? (int)accel_step(e->cpu) : (int)accel_run(e->cpu);
    while (!step && (reason == CPU_EXIT_YIELD || reason == CPU_EXIT_KICK));
    running = NULL;
    return reason;
}

/* ---- results ---- */

void outcome_get(struct outcome *o, const struct engine *e, int reason)
{
    const struct cpu *c = e->cpu;

    o->reason = reason;
    o->pc = c->pc;
    o->key = c->key;
    o->addr = reason == CPU_EXIT_FAULT || reason == CPU_EXIT_ALIGN ? c->fault_addr : 0;
    o->access = reason == CPU_EXIT_FAULT ? c->fault_access : 0;
    memcpy(o->state, c->state, CPU_STATE_SIZE);
}

static unsigned slot_size(const struct isa_slot *slot)
{
    return slot->type == IR_V128 ? 16 : slot->type == IR_I32 || slot->type == IR_CC ? 4 : 8;
}

static bool slot_differs(const struct isa_slot *slot, const struct outcome *want,
                         const struct outcome *got)
{
    const unsigned char *a = want->state + slot->offset, *b = got->state + slot->offset;
    const uint32_t flags = IR_NZCV_N | IR_NZCV_Z | IR_NZCV_C | IR_NZCV_V;
    uint32_t x, y;

    if (slot->type != IR_CC)
        return memcmp(a, b, slot_size(slot)) != 0;
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    return want->reason != CPU_EXIT_FAULT && want->reason != CPU_EXIT_ALIGN && (x ^ y) & flags;
}

const struct isa_slot *outcome_differs(const struct isa *isa, const struct outcome *want,
                                       const struct outcome *got)
{
    for (unsigned s = 0; s < isa->nslots; s++)
        if (slot_differs(&isa->slots[s], want, got))
            return &isa->slots[s];
    return NULL;
}

void outcome_show(const struct outcome *o, const char *name, const struct isa_slot *slot)
{
    uint64_t v[2] = {0, 0};

    if (slot) {
        memcpy(v, o->state + slot->offset, slot_size(slot));
        printf("  %-12s %s = %016lx%016lx\n", name, slot->name, v[1], v[0]);
    } else {
        printf("  %-12s exit %d pc %lx address %lx access %u\n", name, o->reason, o->pc, o->addr,
               o->access);
    }
}

void outcome_show_both(const struct outcome *want, const struct outcome *got, const char *name,
                       const struct isa_slot *slot)
{
    outcome_show(want, "interpreter", NULL);
    outcome_show(got, name, NULL);
    if (slot) {
        outcome_show(want, "interpreter", slot);
        outcome_show(got, name, slot);
    }
}
