/* Every form of the tables, with random fields: the verifier accepts what the lifter emits, in
 * every code key, and the form that the decoder finds is one that matches. */
#include "isa/arm64/tests/unit.h"

#include "isa/arm64/arm64_decode.h"
#include "isa/arm64/features.h"

enum { ROUNDS = 40 };

const struct isa *const isa_registry[] = {&isa_arm64, NULL};

static uint32_t next(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*random >> 32);
}

static void every_form_verifies(void **state)
{
    static const uint32_t keys[] = {0, A64_KEY_DN | A64_KEY_FZ | 1, 2 | A64_KEY_AHP | A64_KEY_FZ16,
                                    3 | A64_KEY_PAC_IA | A64_KEY_PAC_IB | A64_KEY_PAC_DA |
                                        A64_KEY_PAC_DB};
    uint64_t random = 12345;
    struct ir_unit u;

    (void)state;
    ir_unit_init(&u);
    for (unsigned i = 0; i < a64_nforms; i++) {
        unsigned lifted = 0;

        for (unsigned n = 0; n < ROUNDS; n++) {
            uint32_t word;

            if (!isa_form_word(&a64_forms[i], next(&random), &word))
                continue;
            lifted += unit_lift(&u, keys[n % 4], 0x400000, &word, 1) != ISA_UNDEF;
            unit_check(&u);
        }
        if (!lifted)
            print_message("%s: never lifted\n", a64_forms[i].name);
    }
    ir_unit_free(&u);
}

/* Random words, most of them undefined: nothing may crash or emit nonsense. */
static void every_word_verifies(void **state)
{
    uint64_t random = 99;
    struct ir_unit u;

    (void)state;
    ir_unit_init(&u);
    for (unsigned n = 0; n < 200000; n++) {
        uint32_t word = next(&random);

        if (unit_lift(&u, 0, 0x400000, &word, 1) == ISA_UNDEF)
            assert_int_equal(u.ins[u.nins - 1].op, IR_EXIT);
        else
            unit_check(&u);
    }
    ir_unit_free(&u);
}

static void short_code_asks_for_more(void **state)
{
    const uint8_t bytes[2] = {0x1f, 0x20};
    struct isa_insn insn = {.pc = 0x1000, .bytes = bytes, .avail = 2};
    struct ir_unit u;

    (void)state;
    ir_unit_init(&u);
    ir_unit_reset(&u, &isa_arm64, 0);
    ir_block_begin(&u, 0x1000);
    isa_arm64.lift(&u, &insn);
    assert_true(insn.length > insn.avail);
    ir_unit_free(&u);
}

static void feature_table(void **state)
{
    uint64_t features = arm64_features_default();

    (void)state;
    assert_true(arm64_hwcap(features, 1) & 1);         /* FP */
    assert_true(arm64_hwcap(features, 1) & 1 << 8);    /* ATOMICS */
    assert_false(arm64_hwcap(features, 1) & 1u << 30); /* PACA: off by default */
    assert_int_equal(arm64_id_value(features, A64_ID_ISAR0) >> 20 & 15, 2);
    assert_int_equal(arm64_id_value(features, A64_ID_ISAR0) >> 12 & 15, 2); /* SHA512 over SHA2 */
    assert_int_equal(arm64_id_value(features, A64_ID_PFR0) & 0xff, 0x11);
    assert_string_equal(arm64_feature_name(A64_F_CRC32), "crc32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_verifies),
        cmocka_unit_test(every_word_verifies),
        cmocka_unit_test(short_code_asks_for_more),
        cmocka_unit_test(feature_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
