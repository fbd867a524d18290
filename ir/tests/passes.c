/* Property: random units mean the same before and after each pass, and print and parse back equal.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "gen.h"
#include "ir/opt/opt.h"

static unsigned rounds = 400;

struct result {
    int reason;
    uint64_t pc, exit_arg, fault_addr;
    uint32_t exit_code;
    struct ti_state state;
    unsigned char memory[GEN_MEMORY];
};

static void run(const struct ir_unit *u, struct cpu *c, uint64_t seed, unsigned char *memory,
                struct result *r)
{
    jmp_buf recover;

    gen_state(c, seed, memory);
    c->fault_addr = c->exit_arg = 0;
    c->exit_code = 0;
    c->recover = &recover;
    if (_setjmp(recover))
        r->reason = (int)c->exit_reason;
    else
        r->reason = ir_interp(u, c);
    c->recover = NULL;
    r->pc = c->pc;
    r->exit_arg = r->reason == CPU_EXIT_SYSCALL ? c->exit_arg : 0;
    r->exit_code = r->reason == CPU_EXIT_SYSCALL ? c->exit_code : 0;
    r->fault_addr = c->fault_addr;
    memcpy(&r->state, c->state, sizeof(r->state));
    memcpy(r->memory, memory, GEN_MEMORY);
    /* The licence of opt.h: flags may be stale when a memory access faults, and where they are
     * dead. */
    if (r->reason == CPU_EXIT_ALIGN)
        r->state.nzcv = 0;
    for (uint32_t t = 0; t < u->ntargets; t++)
        if (u->targets[t].pc == r->pc && u->targets[t].cc_dead)
            r->state.nzcv = 0;
}

static void dump(const struct ir_unit *u, const char *what)
{
    size_t size = 1 << 20;
    char *text = malloc(size);

    ir_print(u, text, size);
    fprintf(stderr, "---- %s\n%s", what, text);
    free(text);
}

static void pass_forward(struct ir_unit *u)
{
    opt_forward(u, false);
}

static void pass_merge(struct ir_unit *u)
{
    opt_forward(u, true);
}

static void pass_fuse(struct ir_unit *u)
{
    opt_dead_code(u);
    opt_fuse(u);
}

static void pass_twice(struct ir_unit *u)
{
    ir_opt_quick(u);
    ir_opt_full(u);
}

static const struct {
    const char *name;
    void (*run)(struct ir_unit *u);
} passes[] = {
    {"dead_code", opt_dead_code}, {"dead_puts", opt_dead_puts}, {"compact", opt_compact},
    {"forward", pass_forward},    {"merge", pass_merge},        {"quick", ir_opt_quick},
    {"full", ir_opt_full},        {"quick, full", pass_twice},  {"fuse", pass_fuse},
};

static void check_unit(const struct gen *g)
{
    static struct result want, got;
    static unsigned char memory[GEN_MEMORY] __attribute__((aligned(64)));
    struct ir_unit u, opt;
    struct cpu *c = cpu_new(&isa_test);
    struct err e;

    ir_unit_init(&u);
    ir_unit_init(&opt);
    gen_unit(&u, g);
    for (uint32_t t = 0; t < u.ntargets; t++)
        u.targets[t].cc_dead = u.targets[t].block == IR_NONE && (g->seed >> (4 + t % 16) & 1);
    if (ir_verify(&u, &e)) {
        dump(&u, "generated");
        fail_msg("seed %" PRIu64 ": %s", g->seed, e.text);
    }
    for (size_t p = 0; p < sizeof(passes) / sizeof(passes[0]); p++) {
        gen_copy(&opt, &u);
        passes[p].run(&opt);
        if (ir_verify(&opt, &e)) {
            dump(&u, "generated");
            dump(&opt, passes[p].name);
            fail_msg("seed %" PRIu64 " %s: %s", g->seed, passes[p].name, e.text);
        }
        for (unsigned k = 0; k < 4; k++) {
            run(&u, c, g->seed + k, memory, &want);
            run(&opt, c, g->seed + k, memory, &got);
            if (memcmp(&want, &got, sizeof(want)) != 0) {
                const uint64_t *x = (const uint64_t *)&want, *y = (const uint64_t *)&got;

                dump(&u, "generated");
                dump(&opt, passes[p].name);
                for (size_t i = 0; i < sizeof(want) / 8; i++)
                    if (x[i] != y[i])
                        fprintf(stderr, "word %zu: want %" PRIx64 " got %" PRIx64 "\n", i, x[i],
                                y[i]);
                fail_msg("seed %" PRIu64 " pass %s: another result", g->seed, passes[p].name);
            }
        }
    }
    ir_unit_free(&u);
    ir_unit_free(&opt);
    cpu_free(c);
}

static void check_many(struct gen g, uint64_t seed)
{
    for (unsigned k = 0; k < rounds; k++) {
        g.seed = seed * 1000000 + k * 16;
        check_unit(&g);
    }
}

static void test_integers(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 1, .insns = 8}, 1);
}

static void test_memory(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 1, .insns = 12, .memory = true, .faults = true}, 2);
}

static void test_vectors(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 1, .insns = 12, .vectors = true, .floats = true}, 3);
}

static void test_blocks(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 6, .insns = 4, .memory = true}, 4);
}

static void test_flags(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 6, .insns = 3, .memory = true, .cc = true}, 6);
}

static void test_everything(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 8,
                            .insns = 5,
                            .memory = true,
                            .faults = true,
                            .vectors = true,
                            .floats = true,
                            .helpers = true},
               5);
}

/* Fields that an operation does not have are not printed. */
static void check_same(const struct ir_unit *a, const struct ir_unit *b)
{
    assert_int_equal(a->nins, b->nins);
    assert_int_equal(a->nblocks, b->nblocks);
    assert_int_equal(a->ntargets, b->ntargets);
    assert_int_equal(a->key, b->key);
    assert_memory_equal(&a->fp, &b->fp, sizeof(a->fp));
    for (uint32_t i = 0; i < a->nins; i++)
        assert_memory_equal(&a->ins[i], &b->ins[i], sizeof(a->ins[i]));
    for (uint32_t i = 0; i < a->nblocks; i++)
        assert_memory_equal(&a->blocks[i], &b->blocks[i], sizeof(a->blocks[i]));
    for (uint32_t i = 0; i < a->ntargets; i++) {
        assert_true(a->targets[i].pc == b->targets[i].pc);
        assert_int_equal(a->targets[i].block, b->targets[i].block);
        assert_int_equal(a->targets[i].cc_dead, b->targets[i].cc_dead);
    }
}

static void test_text(void **state)
{
    size_t size = 1 << 20;
    char *text = malloc(size);
    struct ir_unit u, back;
    struct err e;

    (void)state;
    ir_unit_init(&u);
    ir_unit_init(&back);
    for (unsigned k = 0; k < rounds; k++) {
        struct gen g = {.seed = 99000 + k,
                        .blocks = 1 + k % 5,
                        .insns = 10,
                        .memory = true,
                        .faults = true,
                        .vectors = true,
                        .floats = true,
                        .helpers = true};

        gen_unit(&u, &g);
        if (k & 1)
            ir_opt_full(&u);
        ir_print(&u, text, size);
        if (ir_parse(&back, &isa_test, text, &e))
            fail_msg("seed %u: %s\n%s", 99000 + k, e.text, text);
        check_same(&u, &back);
    }
    ir_unit_free(&u);
    ir_unit_free(&back);
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_vectors),  cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_flags),    cmocka_unit_test(test_everything),
        cmocka_unit_test(test_text),
    };

    if (argc > 1)
        rounds = (unsigned)atoi(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
