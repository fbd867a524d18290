/* Shared by the tests of arm64: lifting one instruction, or straight-line code, into a unit. */
#ifndef MYNA_ISA_ARM64_TESTS_UNIT_H
#define MYNA_ISA_ARM64_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "ir/ir.h"
#include "ir/isa.h"
#include "isa/arm64/state.h"

extern const struct isa isa_arm64;

/* Lifts `count` words at pc as one block; stops after one that ends it. Returns how the last ended.
 */
static inline enum isa_lift unit_lift(struct ir_unit *u, uint32_t key, uint64_t pc,
                                      const uint32_t *words, unsigned count)
{
    enum isa_lift how = ISA_NEXT;
    uint64_t at = pc;

    ir_unit_reset(u, &isa_arm64, key);
    isa_arm64.fpenv(key, &u->fp);
    ir_block_begin(u, pc);
    for (unsigned i = 0; i < count && how == ISA_NEXT; i++, at += 4) {
        struct isa_insn insn = {.pc = at, .bytes = (const uint8_t *)&words[i], .avail = 4};

        ir_emit(u, IR_INSN, IR_VOID, 4, IR_NONE, (uint32_t)at, (uint32_t)(at >> 32));
        how = isa_arm64.lift(u, &insn);
        assert_int_equal(insn.length, 4);
    }
    if (how == ISA_NEXT)
        ir_emit(u, IR_JMP, IR_VOID, IR_J_JUMP, IR_NONE, IR_NONE, ir_target_add(u, at));
    ir_block_finish(u);
    u->pc_lo = pc;
    u->pc_hi = at;
    return how;
}

static inline void unit_check(struct ir_unit *u)
{
    struct err e;

    if (ir_verify(u, &e)) {
        char text[4096];

        ir_print(u, text, sizeof(text));
        fail_msg("%s\n%s", e.text, text);
    }
}

#endif
