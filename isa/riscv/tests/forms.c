/* Every form of the tables, with random fields and under every rounding mode, lifts to IR that the
 * verifier accepts; and the decoder finds the form that made the word, or a more specific one. */
#include "isa/riscv/tests/rvtest.h"

#include "base/err.h"

static uint32_t random32(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return (uint32_t)(*s >> 16);
}

static void lifts_all(void **state)
{
    uint64_t seed = 88172645463325252u;
    struct ir_unit u;

    (void)state;
    ir_unit_init(&u);
    for (unsigned f = 0; f < rv_nforms; f++) {
        for (unsigned k = 0; k < 200; k++) {
            uint32_t words[3];
            unsigned n = 0;
            struct err e = {0};

            while (n < 3)
                n += isa_form_word(&rv_forms[f], random32(&seed), &words[n]);
            enum isa_lift how = rvt_lift(&u, k % 5, words, 3);
            if (strncmp(rv_forms[f].name, "csr", 3) != 0)
                assert_int_not_equal(how, ISA_UNDEF);
            if (ir_verify(&u, &e) != 0)
                fail_msg("%s %08x: %s", rv_forms[f].name, words[0], e.text);
        }
    }
    ir_unit_free(&u);
}

static void undefined(void **state)
{
    static const uint32_t words[] = {
        0,          /* the all-zero compressed word is illegal by definition */
        0xffffffff, /* longer than 32 bits */
        0x6101,     /* c.addi16sp with zero */
        0x30200073, /* mret */
        0x10500073, /* wfi */
        0x34001073, /* csrrw mscratch */
        0xc0001073, /* csrrw cycle */
        0x0000d053 | 5 << 12,
    };
    struct ir_unit u;
    struct cpu *c = cpu_new(&isa_riscv);

    (void)state;
    ir_unit_init(&u);
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(rvt_lift(&u, 0, &words[i], 1), ISA_UNDEF);
        assert_int_equal(rvt_run(c, &words[i], 1), CPU_EXIT_UNDEF);
        assert_int_equal(c->pc, RVT_PC);
    }
    ir_unit_free(&u);
    cpu_free(c);
}

/* A dynamic rounding mode that fcsr makes invalid makes the instruction illegal. */
static void reserved_rounding(void **state)
{
    uint32_t dyn = rvt_rm("fadd_d", 1, 2, 3, 7), fixed = rvt_rm("fadd_d", 1, 2, 3, 1);
    struct cpu *c = cpu_new(&isa_riscv);

    (void)state;
    rv_fcsr_write(c, 5 << 5);
    assert_int_equal(rvt_run(c, &dyn, 1), CPU_EXIT_UNDEF);
    assert_int_equal(rvt_run(c, &fixed, 1), CPU_EXIT_NONE);
    cpu_free(c);
}

static void asks_for_more(void **state)
{
    uint32_t word = rvt_r("add", 1, 2, 3);
    struct isa_insn i = {.pc = RVT_PC, .bytes = (const uint8_t *)&word, .avail = 2};
    struct ir_unit u;

    (void)state;
    ir_unit_init(&u);
    ir_unit_reset(&u, &isa_riscv, 0);
    ir_block_begin(&u, RVT_PC);
    isa_riscv.lift(&u, &i);
    assert_int_equal(i.length, 4);
    assert_int_equal(u.nins, 0);
    ir_unit_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lifts_all),
        cmocka_unit_test(undefined),
        cmocka_unit_test(reserved_rounding),
        cmocka_unit_test(asks_for_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
