/* Property: random units do under the back end what they do under the interpreter, for every choice
 * of maps, registers, processors and passes, and wherever their memory accesses fault.
 *
 *     random [UNITS [SEED]]    units a test; where to start
 *
 * A unit that fails is made smaller as long as it fails, and printed. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "codegen/tests/harness.h"

enum { CONFIGS = 6, INPUTS = 3 };

static struct bench bench;
static unsigned units = 150;
static uint64_t first_seed = 1;
static unsigned long runs, faulted, too_large, compiled;

struct test_case {
    struct bench_config config;
    struct bench_input input;
};

/* True if the unit fails; tells if asked to. */
static bool fails(const struct ir_unit *u, const struct test_case *t, bool tell)
{
    static struct bench_outcome want, got;
    int rc = bench_compile(&bench, u, &t->config);

    if (rc < 0)
        return false;
    if (rc >= BENCH_SIGNAL) {
        if (tell)
            fprintf(stderr, "the compiler stopped by signal %d\n", rc - BENCH_SIGNAL);
        return true;
    }
    bench_interpret(&bench, u, &t->input, &want);
    if (want.reason > BENCH_SIGNAL)
        return false; /* not a unit that ends */
    bench_run(&bench, &t->config, &t->input, &got);
    runs++;
    faulted += want.reason == CPU_EXIT_FAULT || want.reason == CPU_EXIT_ALIGN;
    bench_normalise(&want, &t->config);
    bench_normalise(&got, &t->config);
    if (tell)
        bench_explain(&want, &got);
    return memcmp(&want, &got, sizeof(want)) != 0;
}

/* ---- smaller ---- */

static bool still(struct ir_unit *u, const struct test_case *t)
{
    struct err e;

    return ir_verify(u, &e) == 0 && fails(u, t, false);
}

static bool try_ins(struct ir_unit *u, const struct test_case *t, uint32_t i, struct ir_ins with)
{
    struct ir_ins old = u->ins[i];

    if (memcmp(&old, &with, sizeof(old)) == 0)
        return false;
    u->ins[i] = with;
    if (still(u, t))
        return true;
    u->ins[i] = old;
    return false;
}

static bool smaller_ins(struct ir_unit *u, const struct test_case *t, uint32_t i)
{
    struct ir_ins p = u->ins[i];
    unsigned mask = ir_operand_mask(&p);
    bool any = false;

    if (p.op == IR_NOP || p.op == IR_INSN)
        return false;
    if (try_ins(u, t, i, (struct ir_ins){IR_NOP, IR_VOID, 0, IR_NONE, IR_NONE, IR_NONE}))
        return true;
    if (p.op == IR_CONST) {
        any |= p.c && try_ins(u, t, i, (struct ir_ins){IR_CONST, p.type, 0, IR_NONE, p.b, 0});
        return any;
    }
    if (p.type != IR_VOID && p.type != IR_CC && p.op != IR_PUT && p.op != IR_ST &&
        (try_ins(u, t, i, (struct ir_ins){IR_CONST, p.type, 0, IR_NONE, 0, 0}) ||
         try_ins(u, t, i, (struct ir_ins){IR_CONST, p.type, 0, IR_NONE, 1, 0})))
        return true;
    /* An operand's operand in its place. */
    for (unsigned k = 0; k < 3; k++) {
        struct ir_ins with = p;
        uint32_t *at = k == 0 ? &with.a : k == 1 ? &with.b : &with.c;

        if (!(mask >> k & 1) || *at >= u->nins)
            continue;
        for (uint32_t v = u->blocks[0].first; v < *at && !any; v++) {
            uint32_t was = *at;

            if (u->ins[v].type != u->ins[was].type || u->ins[v].op == IR_PUT || was - v > 40)
                continue;
            *at = v;
            any |= try_ins(u, t, i, with);
            *at = was;
        }
    }
    return any;
}

static void shrink(struct ir_unit *u, const struct test_case *t)
{
    for (unsigned round = 0; round < 12; round++) {
        bool any = false;

        for (uint32_t i = u->nins; i-- > 0;)
            any |= smaller_ins(u, t, i);
        if (!any)
            break;
    }
}

static void report(struct ir_unit *u, struct test_case *t, uint64_t seed)
{
    struct bench_config plain = t->config;

    plain.ra_seed = 0;
    if (fails(u, &(struct test_case){plain, t->input}, false))
        t->config = plain;
    shrink(u, t);
    bench_print(u, "shrunk");
    if (bench_compile(&bench, u, &t->config) == 0 && t->config.passes)
        bench_print(&bench.unit, "after the passes");
    fails(u, t, true);
    fail_msg(
        "unit %" PRIu64 " state %" PRIu64 " pins %u host %u passes %u optimise %d ra_seed %" PRIu64
        " faults %d distance %d read only %d",
        seed, t->input.seed, t->config.pins, t->config.host, t->config.passes, t->config.optimise,
        t->config.ra_seed, t->input.faults, t->input.distance, t->input.read_only);
}

/* ---- making cases ---- */

static void vary(struct ir_unit *u, uint64_t *seed, bool floats)
{
    uint64_t r = gen_random(seed);
    struct ir_fpenv env = u->fp;

    if (floats) {
        env.rm = (uint8_t)(IR_RM_NEAREST + (r & 1 ? 0 : r >> 1 & 3));
        env.int_rule = r >> 3 & 1;
    }
    bench_set_env(u, &env);
    for (uint32_t b = 0; b < u->nblocks; b++)
        u->blocks[b].loop_depth = gen_random(seed) % 3;
    for (uint32_t i = 0; i < u->nins; i++)
        if (u->ins[i].op == IR_JMP && u->ins[i].aux == IR_J_CALL)
            u->ins[i].c =
                ir_target_add(u, 0xa00000); /* calls leave the unit, but not in the interpreter */
        else if (u->ins[i].op == IR_JMPI && gen_random(seed) & 1) {
            u->ins[i].aux = r & 4096 ? IR_J_RET : IR_J_CALL;
            if (u->ins[i].aux == IR_J_CALL)
                u->ins[i].b = u->ins[i].a;
        }
}

static struct bench_config random_config(uint64_t *seed)
{
    uint64_t r = gen_random(seed);

    return (struct bench_config){
        .pins = (unsigned)(r % BENCH_PINS),
        .host = (unsigned)((r >> 8) % BENCH_HOSTS),
        .passes = r >> 16 & 3,
        .optimise = r >> 18 & 1,
        .ra_seed = r >> 19 & 1 ? r | 1 : 0,
    };
}

static struct bench_input random_input(uint64_t *seed, bool memory)
{
    uint64_t r = gen_random(seed);

    return (struct bench_input){
        .seed = r >> 32,
        .faults = memory && r & 3,
        .distance = 16 * ((int)((r >> 2) % 66) - 33), /* see gen.c about atomics */
        .read_only = r >> 13 & 1,
    };
}

static void check_unit(const struct gen *g)
{
    struct ir_unit u;
    struct err e;
    uint64_t seed = g->seed ^ UINT64_C(0x5851f42d4c957f2d);

    ir_unit_init(&u);
    gen_unit(&u, g);
    vary(&u, &seed, g->floats);
    if (ir_verify(&u, &e)) {
        bench_print(&u, "generated");
        fail_msg("seed %" PRIu64 ": %s", g->seed, e.text);
    }
    for (unsigned n = 0; n < CONFIGS; n++) {
        struct test_case t = {.config = random_config(&seed)};
        int rc = bench_compile(&bench, &u, &t.config);

        compiled++;
        if (rc < 0) {
            too_large++;
            continue;
        }
        for (unsigned k = 0; k < INPUTS; k++) {
            t.input = random_input(&seed, g->memory);
            if (fails(&u, &t, false))
                report(&u, &t, g->seed);
        }
    }
    ir_unit_free(&u);
}

static void check_many(struct gen g, uint64_t kind)
{
    runs = faulted = too_large = compiled = 0;
    bench_watch_signals();
    for (unsigned k = 0; k < units; k++) {
        g.seed = kind * 100000000 + (first_seed + k) * 16;
        check_unit(&g);
    }
    printf("%lu runs, %lu with a fault; %lu of %lu units too large\n", runs, faulted, too_large,
           compiled);
}

static void test_integers(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 1, .insns = 8}, 1);
}

static void test_flags(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 1, .insns = 6, .cc = true}, 2);
    check_many((struct gen){.blocks = 4, .insns = 3, .cc = true, .memory = true, .floats = true},
               3);
}

static void test_memory(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 1, .insns = 12, .memory = true}, 4);
    check_many((struct gen){.blocks = 1, .insns = 12, .memory = true, .faults = true}, 5);
}

static void test_vectors(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 1, .insns = 12, .vectors = true, .memory = true}, 6);
}

static void test_floats(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 1, .insns = 8, .floats = true, .memory = true}, 7);
}

static void test_vector_floats(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 1, .insns = 12, .vectors = true, .floats = true}, 8);
}

static void test_helpers(void **state)
{
    (void)state;
    check_many(
        (struct gen){.blocks = 1, .insns = 8, .helpers = true, .faults = true, .memory = true}, 9);
    check_many((struct gen){.blocks = 3, .insns = 4, .helpers = true, .vectors = true, .cc = true},
               10);
}

static void test_blocks(void **state)
{
    (void)state;
    check_many((struct gen){.blocks = 6, .insns = 4, .memory = true}, 11);
    check_many((struct gen){.blocks = 12, .insns = 3, .memory = true, .faults = true, .cc = true},
               12);
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
               13);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),   cmocka_unit_test(test_flags),
        cmocka_unit_test(test_memory),     cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_floats),     cmocka_unit_test(test_vector_floats),
        cmocka_unit_test(test_helpers),    cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_everything),
    };
    int rc;

    if (argc > 1)
        units = (unsigned)atoi(argv[1]);
    if (argc > 2)
        first_seed = strtoull(argv[2], NULL, 0);
    if (argc > 3)
        cmocka_set_test_filter(argv[3]);
    bench_init(&bench);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    bench_free(&bench);
    return rc;
}
