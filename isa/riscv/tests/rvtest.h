/* What the tests of isa/riscv share: one instruction lifted into a unit of its own and run by the
 * interpreter. Everything is static; each test is one file. */
#ifndef MYNA_ISA_RISCV_TESTS_RVTEST_H
#define MYNA_ISA_RISCV_TESTS_RVTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ir/build.h"
#include "ir/isa.h"
#include "isa/riscv/riscv_decode.h"
#include "isa/riscv/state.h"

extern const struct isa isa_riscv;

/* The library's look-up wants one; here it holds what is tested. */
const struct isa *const isa_registry[] = {&isa_riscv, NULL};

#define RVT_PC UINT64_C(0x10000)

/* Lifts the words (each 16 or 32 bits wide by its low bits) as one block at RVT_PC, as the
 * accelerator does. How lifting the last one ended. */
static inline enum isa_lift rvt_lift(struct ir_unit *u, uint32_t key, const uint32_t *words,
                                     unsigned n)
{
    enum isa_lift how = ISA_NEXT;
    struct isa_insn i = {.pc = RVT_PC};

    ir_unit_reset(u, &isa_riscv, key);
    isa_riscv.fpenv(key, &u->fp);
    ir_block_begin(u, RVT_PC);
    for (unsigned k = 0; k < n && how == ISA_NEXT; k++) {
        uint32_t mark = u->nins;

        i.bytes = (const uint8_t *)&words[k];
        i.avail = 4;
        ir_emit(u, IR_INSN, IR_VOID, 0, IR_NONE, (uint32_t)i.pc, (uint32_t)(i.pc >> 32));
        how = isa_riscv.lift(u, &i);
        u->ins[mark].aux = (uint16_t)i.length;
        i.pc += i.length;
    }
    if (how == ISA_NEXT)
        ir_jmp(u, i.pc);
    ir_block_finish(u);
    return how;
}

/* Runs the words on the cpu; an enum cpu_exit. */
static inline int rvt_run(struct cpu *c, const uint32_t *words, unsigned n)
{
    struct ir_unit u;
    int reason;

    ir_unit_init(&u);
    rvt_lift(&u, c->key, words, n);
    c->pc = RVT_PC;
    reason = ir_interp(&u, c);
    ir_unit_free(&u);
    return reason;
}

static inline const struct isa_form *rvt_form(const char *name)
{
    for (unsigned i = 0; i < rv_nforms; i++)
        if (strcmp(rv_forms[i].name, name) == 0)
            return &rv_forms[i];
    fail_msg("no form %s", name);
    return NULL;
}

/* Instructions with the usual fields: x or f registers, rm. */
static inline uint32_t rvt_r(const char *name, unsigned rd, unsigned rs1, unsigned rs2)
{
    const struct isa_form *f = rvt_form(name);

    return f->value | ((rd << 7 | rs1 << 15 | rs2 << 20) & ~f->mask);
}
static inline uint32_t rvt_rm(const char *name, unsigned rd, unsigned rs1, unsigned rs2,
                              unsigned rm)
{
    return rvt_r(name, rd, rs1, rs2) | rm << 12;
}
static inline uint32_t rvt_i(const char *name, unsigned rd, unsigned rs1, int imm)
{
    return rvt_r(name, rd, rs1, 0) | (uint32_t)imm << 20;
}
static inline uint32_t rvt_s(const char *name, unsigned rs2, unsigned rs1, int imm)
{
    uint32_t v = (uint32_t)imm & 0xfff;

    return rvt_form(name)->value | rs1 << 15 | rs2 << 20 | (v >> 5) << 25 | (v & 31) << 7;
}
#endif
