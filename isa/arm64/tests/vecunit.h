/* Shared by the vector and crypto tests of arm64: one instruction lifted, verified and interpreted.
 */
#ifndef MYNA_ISA_ARM64_TESTS_VECUNIT_H
#define MYNA_ISA_ARM64_TESTS_VECUNIT_H

#include "isa/arm64/arm64_decode.h"
#include "isa/arm64/tests/unit.h"

/* Runs the word on the cpu; an enum cpu_exit. */
static inline int vecunit_run(struct cpu *c, uint32_t word)
{
    struct ir_unit u;
    int reason;

    ir_unit_init(&u);
    unit_lift(&u, c->key, 0x400000, &word, 1);
    unit_check(&u);
    c->pc = 0x400000;
    reason = ir_interp(&u, c);
    ir_unit_free(&u);
    return reason;
}

/* The word of a form with these registers in the usual places (rm where the form has it free);
 * `more` are the other fields. */
static inline uint32_t vecunit_word(const char *name, unsigned rd, unsigned rn, unsigned rm,
                                    uint32_t more)
{
    for (unsigned i = 0; i < a64_nforms; i++)
        if (!strcmp(a64_forms[i].name, name))
            return a64_forms[i].value | more | rd | rn << 5 | (rm << 16 & ~a64_forms[i].mask);
    fail_msg("no form %s", name);
    return 0;
}
#endif
