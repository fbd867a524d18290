/* Every pure vector and floating-point operation (and the integer ones that run on vector units) on
 * the back end against the evaluator, bit for bit: all lanes, halves and immediates, special and
 * random values, several hosts (features taken away), with and without homes.
 *
 * FP status is compared too, but for underflow where the guest sees tininess before rounding and
 * the host after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fp/fp.h"
#include "ir/build.h"
#include "ir/tests/gen.h"
#include "solo.h"

enum { SHAPES = 160, VALUES = 8 };

static const struct ir_fpenv arm = {.rm = IR_RM_NEAREST};
static const struct ir_fpenv envs[] = {
    {.rm = IR_RM_NEAREST},
    {.rm = IR_RM_ZERO},
    {.rm = IR_RM_UP, .default_nan = 1},
    {.rm = IR_RM_DOWN, .nan_rule = FP_NAN_RISCV, .int_rule = FP_INT_RISCV},
    {.rm = IR_RM_NEAREST, .nan_rule = FP_NAN_RISCV, .int_rule = FP_INT_RISCV},
    {.rm = IR_RM_AWAY, .nan_rule = FP_NAN_RISCV, .int_rule = FP_INT_RISCV},
    {.rm = IR_RM_NEAREST, .ftz = FP_FLUSH_ARM, .daz = FP_FLUSH_ARM},
};

/* One operation as an instruction: what it is and where its operands come from. */
struct shape {
    uint8_t op, type, argtype;
    unsigned aux;
    uint32_t imm;
    bool has_imm;
    uint8_t types[3]; /* of a, b, c; IR_VOID: none */
    uint8_t slots[3];
    uint8_t result; /* slot */
};

static uint64_t seed = 11;
static uint64_t rnd(void)
{
    return gen_random(&seed);
}

static uint8_t type_of(char letter, uint8_t own, uint8_t other)
{
    switch (letter) {
    case 't':
        return own;
    case 'w':
        return IR_I32;
    case 'x':
        return IR_I64;
    case 'n':
    case 'f':
    case 'a':
        return other;
    case 'q':
        return IR_V128;
    default:
        return IR_VOID;
    }
}

static uint8_t slot_of(uint8_t type, unsigned n)
{
    switch (type) {
    case IR_V128:
        return (uint8_t)(TI_V0 + n % 4);
    case IR_F64:
    case IR_F32:
        return (uint8_t)(n % 3 ? TI_D0 + n % 2 : TI_V0 + n / 3 % 4);
    case IR_I32:
        return (uint8_t)(n % 2 ? TI_W0 + n / 2 % 2 : TI_X0 + n / 2 % 6);
    default:
        return (uint8_t)(TI_X0 + n % 6);
    }
}

static void shape_make(struct shape *s, unsigned op)
{
    const char *sig = ir_ops[op].sig;
    uint64_t r = rnd();
    uint8_t ints = r & 1 ? IR_I64 : IR_I32, floats = r & 2 ? IR_F64 : IR_F32, other;
    bool fp = op >= IR_FADD && op <= IR_FRINT;

    memset(s, 0, sizeof(*s));
    s->op = (uint8_t)op;
    s->type = sig[0] == 't'   ? (fp ? floats : ints)
              : sig[0] == 'n' ? ints
              : sig[0] == 'f' ? floats
                              : type_of(sig[0], 0, 0);
    other = sig[2] == 'f' || sig[3] == 'f' ? floats : ints;
    if (op == IR_FCVT)
        other = floats == IR_F64 ? IR_F32 : IR_F64;
    s->aux = gen_aux(&seed, op, s->type, &s->imm);
    if (op == IR_F16TO || op == IR_TOF16)
        s->aux = (r >> 8) % 6 | (r >> 16 & 1) << 3;
    s->has_imm = sig[4] == 'i';
    for (unsigned k = 0; k < 3; k++) {
        s->types[k] = type_of(sig[2 + k], s->type, other);
        if (op == IR_VSET && k == 1)
            s->types[k] = (s->aux & 7) == IR_LANE_D ? IR_I64 : ints;
        if (s->types[k])
            s->slots[k] = slot_of(s->types[k], (unsigned)(r >> (16 + 8 * k) & 0xff));
    }
    if (op == IR_VDUP && (s->aux & 7) == IR_LANE_D)
        s->types[0] = IR_I64, s->slots[0] = slot_of(IR_I64, (unsigned)(r >> 20));
    if (op == IR_VGET && (s->aux & 7) == IR_LANE_D)
        s->type = IR_I64;
    s->argtype = s->types[0];
    s->result = slot_of(s->type, (unsigned)(r >> 48));
}

static void shape_unit(struct ir_unit *u, const struct shape *s, const struct solo *h,
                       const struct ir_fpenv *env)
{
    ir_ref v[3] = {IR_NONE, IR_NONE, IR_NONE}, r, pc;

    ir_unit_reset(u, &h->isa, solo_key(env));
    u->fp = *env;
    ir_block_begin(u, 0x1000);
    ir_emit(u, IR_INSN, IR_VOID, 4, IR_NONE, 0x1000, 0);
    for (unsigned k = 0; k < 3; k++)
        if (s->types[k])
            v[k] = ir_get(u, (enum ir_type)s->types[k], s->slots[k]);
    r = ir_emit(u, (enum ir_op)s->op, (enum ir_type)s->type, s->aux, v[0], v[1],
                s->has_imm ? s->imm : v[2]);
    pc = ir_const(u, IR_I64, 0x1004);
    ir_put(u, s->result, r);
    ir_emit(u, IR_EXIT, IR_VOID, CPU_EXIT_UNDEF, pc, IR_NONE, 0);
    ir_block_finish(u);
}

/* ---- values ---- */
static uint64_t special64(void)
{
    static const uint64_t some[] = {
        0,
        UINT64_C(1) << 63,
        UINT64_C(0x3ff0000000000000),
        UINT64_C(0xbff0000000000000),
        UINT64_C(0x7ff0000000000000),
        UINT64_C(0xfff0000000000000),
        UINT64_C(0x7ff8000000000000),
        UINT64_C(0xfff8000000001234),
        UINT64_C(0x7ff0000000000001),
        UINT64_C(0xfff4000000000000),
        1,
        UINT64_C(0x8000000000000001),
        UINT64_C(0x000fffffffffffff),
        UINT64_C(0x0010000000000000),
        UINT64_C(0x7fefffffffffffff),
        UINT64_C(0x43e0000000000000),
        UINT64_C(0xc3e0000000000000),
        UINT64_C(0x41e0000000000000),
        UINT64_C(0x41dfffffffc00000),
        UINT64_C(0xc1e0000000000000),
        UINT64_C(0x43f0000000000000),
        UINT64_C(0x41f0000000000000),
        UINT64_C(0x3fe0000000000000),
        UINT64_C(0xbfe0000000000000),
        UINT64_C(0x3ff8000000000000),
        UINT64_C(0x4004000000000000),
        UINT64_C(0x3fdfffffffffffff),
        UINT64_C(0x4330000000000001),
        UINT64_C(0x43dfffffffffffff),
        UINT64_MAX,
        UINT64_C(0x7fffffffffffffff),
        UINT64_C(0x380fffffe0000000),
    };
    return some[rnd() % (sizeof(some) / sizeof(some[0]))];
}

static uint32_t special32(void)
{
    static const uint32_t some[] = {
        0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
        0xffc01234, 0x7f800001, 0xffa00000, 1,          0x80000001, 0x007fffff, 0x00800000,
        0x7f7fffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x4f800000, 0x3f000000, 0xbf000000,
        0x3fc00000, 0x40200000, 0x3effffff, 0x4b000001, 0xffffffff, 0x7fffffff, 0x5f000000,
        0xdf000000, 0x5f800000, 0x477fe000, 0x477ff000, 0x38800000, 0x33800000, 0x33000000,
        0x80007fff, 0x7fff8000, 0x00010001,
    };
    return some[rnd() % (sizeof(some) / sizeof(some[0]))];
}

static union ir_val value(void)
{
    union ir_val v = {.d = {rnd(), rnd()}};
    uint64_t r = rnd();

    switch (r & 7) {
    case 0: /* random */
        break;
    case 1:
        v.d[0] = special64();
        v.d[1] = special64();
        break;
    case 2:
        for (unsigned i = 0; i < 4; i++)
            v.s[i] = special32();
        break;
    case 3: /* extreme and small bytes: shift counts, indices */
        for (unsigned i = 0; i < 16; i++)
            v.b[i] = (uint8_t)(rnd() % 40 - 20);
        break;
    case 4:
        for (unsigned i = 0; i < 16; i++)
            v.b[i] = (r >> (8 + i) & 1)    ? 0x80
                     : (r >> (24 + i) & 1) ? 0x7f
                     : (r >> (40 + i) & 1) ? 0xff
                                           : 0;
        break;
    case 5: /* numbers around one */
        for (unsigned i = 0; i < 4; i++)
            v.s[i] = 0x3f000000 + (v.s[i] & 0x80ffffff) + (r >> 10 & 0x8000000);
        break;
    case 6:
        for (unsigned i = 0; i < 2; i++)
            v.d[i] = (UINT64_C(0x3f80) << 48) + (v.d[i] & UINT64_C(0x80ffffffffffffff)) +
                     (r >> 10 & UINT64_C(0x800000));
        break;
    default: /* small integers in lanes */
        for (unsigned i = 0; i < 8; i++)
            v.h[i] = (uint16_t)(int16_t)((int)(rnd() % 200) - 100);
    }
    return v;
}

static void slot_write(struct cpu *c, unsigned slot, const union ir_val *v)
{
    const struct isa_slot *s = &isa_test.slots[slot];

    memcpy(c->state + s->offset, v, s->type == IR_V128 ? 16 : s->type == IR_I32 ? 4 : 8);
}

static union ir_val slot_read(const struct cpu *c, unsigned slot, unsigned type)
{
    const struct isa_slot *s = &isa_test.slots[slot];
    union ir_val v = {.d = {0, 0}};

    memcpy(&v, c->state + s->offset,
           type == IR_V128                    ? 16
           : type == IR_I32 || type == IR_F32 ? 4
                                              : 8);
    return v;
}

/* ---- one shape on one host ---- */
static const char *host_name;
static unsigned failures;

static bool same(const struct shape *s, const union ir_val *x, const union ir_val *y)
{
    return memcmp(x, y,
                  s->type == IR_V128                       ? 16
                  : s->type == IR_I32 || s->type == IR_F32 ? 4
                                                           : 8) == 0;
}

/* Prints; the host's test fails at its end, so that one run tells all. */
static void report(const struct shape *s, const struct ir_fpenv *env, const union ir_val in[3],
                   union ir_val got, union ir_val want, unsigned gotf, unsigned wantf)
{
    print_error("host -%s: %s type %s/%s aux %x imm %d rm %d nan %d: a %016lx%016lx b %016lx%016lx "
                "c %016lx%016lx: "
                "%016lx%016lx, not %016lx%016lx; flags %x, not %x\n",
                host_name, ir_ops[s->op].name, ir_type_names[s->type], ir_type_names[s->argtype],
                s->aux, (int)s->imm, env->rm, env->nan_rule, in[0].d[1], in[0].d[0], in[1].d[1],
                in[1].d[0], in[2].d[1], in[2].d[0], got.d[1], got.d[0], want.d[1], want.d[0], gotf,
                wantf);
}

static bool shape_once(struct solo *h, const struct shape *s, const struct ir_fpenv *env)
{
    struct ti_state *t = (struct ti_state *)(void *)h->cpu->state;
    union ir_val in[3] = {0}, want = {0}, got;
    uint8_t flags = 0;

    for (unsigned n = 0; n < TI_NZCV; n++) {
        union ir_val v = value();
        slot_write(h->cpu, n, &v);
    }
    for (unsigned k = 0; k < 3; k++)
        if (s->types[k])
            in[k] = slot_read(h->cpu, s->slots[k], s->types[k]);
    ir_eval(env, s->op, s->type, s->aux, s->has_imm ? s->imm : 0, s->argtype, &want, &in[0], &in[1],
            &in[2], &flags);
    t->fpflags = 0;
    h->cpu->key = solo_key(env);
    assert_int_equal(solo_run(h), CPU_EXIT_UNDEF);
    got = slot_read(h->cpu, s->result, s->type);
    unsigned mask = FP_FLAGS_IEEE & ~(env->nan_rule == FP_NAN_RISCV ? 0 : FP_FLAG_UNDERFLOW) &
                    ~(env->ftz ? FP_FLAG_INEXACT | FP_FLAG_UNDERFLOW : 0);
    if (same(s, &got, &want) && (t->fpflags & mask) == (flags & mask))
        return true;
    report(s, env, in, got, want, t->fpflags & mask, flags & mask);
    return false;
}

static void check_op(struct solo *h, struct ir_unit *u, unsigned op)
{
    const struct cg_opts opts[2] = {{.hot_index = -1}, {.hot_index = -1, .optimise = true}};
    bool fp = ir_ops[op].flags & IR_OPF_ROUND;

    for (unsigned n = 0, bad = 0; n < SHAPES && bad < 3; n++) {
        struct shape s;
        const struct ir_fpenv *env = fp ? &envs[n % (sizeof(envs) / sizeof(envs[0]))] : &arm;
        struct err e = {0};

        shape_make(&s, op);
        shape_unit(u, &s, h, env);
        if (ir_verify(u, &e))
            fail_msg("%s", e.text);
        assert_int_equal(solo_compile(h, u, &opts[n & 1]), 0);
        unsigned k = 0;
        while (k < VALUES && shape_once(h, &s, env))
            k++;
        bad += k < VALUES;
        failures += k < VALUES;
    }
}

static bool wanted(unsigned op)
{
    if (!(ir_ops[op].flags & IR_OPF_PURE))
        return false;
    if (op >= IR_FADD && op <= IR_VFCVTN)
        return op != IR_BITS;
    return op == IR_CRC32 || op == IR_CRC32C || op == IR_CLMUL || op == IR_CLMULH ||
           op == IR_MULHSU || op == IR_ORCB || op == IR_BSWAP || op == IR_BITREV || op == IR_POPCNT;
}

static void check_host(const char *without, unsigned pins)
{
    struct solo h;
    struct ir_unit u;
    const char *only = getenv("MYNA_TEST_OP");

    host_name = without ? without : "";
    failures = 0;
    solo_init(&h, without, pins);
    ir_unit_init(&u);
    for (unsigned op = 0; op < IR_OP_COUNT; op++)
        if (wanted(op) && (!only || strcmp(only, ir_ops[op].name) == 0))
            check_op(&h, &u, op);
    ir_unit_free(&u);
    solo_free(&h);
    assert_int_equal(failures, 0);
}

/* ---- SHA256H and SHA256H2 of one state: one selection may make both ---- */

/* order: which comes first; between: 1 puts the first result before the second is made, 2 something
 * else into the second's slot, 3 reads that slot. */
static void pair_unit(struct ir_unit *u, const struct solo *h, unsigned order, unsigned between)
{
    ir_ref abcd, efgh, k, first, second, pc;

    ir_unit_reset(u, &h->isa, solo_key(&arm));
    u->fp = arm;
    ir_block_begin(u, 0x1000);
    ir_emit(u, IR_INSN, IR_VOID, 4, IR_NONE, 0x1000, 0);
    abcd = ir_get(u, IR_V128, TI_V0);
    efgh = ir_get(u, IR_V128, TI_V1);
    k = ir_get(u, IR_V128, TI_V2);
    if (order)
        first = ir_emit(u, IR_VSHA2H2, IR_V128, 0, efgh, abcd, k);
    else
        first = ir_emit(u, IR_VSHA2H, IR_V128, 0, abcd, efgh, k);
    if (between)
        ir_put(u, order ? TI_V1 : TI_V0, first);
    if (between == 2)
        ir_put(u, order ? TI_V0 : TI_V1, k);
    if (between == 3)
        ir_put(u, TI_V3, ir_get(u, IR_V128, order ? TI_V0 : TI_V1));
    ir_emit(u, IR_INSN, IR_VOID, 4, IR_NONE, 0x1004, 0);
    if (order)
        second = ir_emit(u, IR_VSHA2H, IR_V128, 0, abcd, efgh, k);
    else
        second = ir_emit(u, IR_VSHA2H2, IR_V128, 0, efgh, abcd, k);
    pc = ir_const(u, IR_I64, 0x1008);
    ir_put(u, order ? TI_V0 : TI_V1, second);
    if (!between)
        ir_put(u, order ? TI_V1 : TI_V0, first);
    ir_emit(u, IR_EXIT, IR_VOID, CPU_EXIT_UNDEF, pc, IR_NONE, 0);
    ir_block_finish(u);
}

static void check_pair(struct solo *h, unsigned between)
{
    struct ti_state *t = (struct ti_state *)(void *)h->cpu->state;
    union ir_val in[4], want[2];
    uint8_t flags = 0;

    for (unsigned n = 0; n < 4; n++) {
        in[n] = value();
        slot_write(h->cpu, TI_V0 + n, &in[n]);
    }
    ir_eval(&arm, IR_VSHA2H, IR_V128, 0, 0, IR_V128, &want[0], &in[0], &in[1], &in[2], &flags);
    ir_eval(&arm, IR_VSHA2H2, IR_V128, 0, 0, IR_V128, &want[1], &in[1], &in[0], &in[2], &flags);
    h->cpu->key = solo_key(&arm);
    assert_int_equal(solo_run(h), CPU_EXIT_UNDEF);
    assert_memory_equal(t->v[0], &want[0], 16);
    assert_memory_equal(t->v[1], &want[1], 16);
    assert_memory_equal(t->v[2], &in[2], 16);
    if (between != 3)
        assert_memory_equal(t->v[3], &in[3], 16);
}

static void sha256_pairs(void **state)
{
    const struct cg_opts opts[2] = {{.hot_index = -1}, {.hot_index = -1, .optimise = true}};

    (void)state;
    for (unsigned n = 0; n < 64; n++) {
        unsigned order = n & 1, between = n >> 1 & 3;
        struct solo h;
        struct ir_unit u;
        struct err e = {0};

        solo_init(&h, n & 32 ? "avx,avx2,fma,f16c,avx512f,avx512vl,avx512bw,avx512dq" : NULL,
                  n & 16 ? 6 : 1);
        ir_unit_init(&u);
        pair_unit(&u, &h, order, between);
        if (ir_verify(&u, &e))
            fail_msg("%s", e.text);
        assert_int_equal(solo_compile(&h, &u, &opts[n >> 3 & 1]), 0);
        for (unsigned k = 0; k < 4; k++)
            check_pair(&h, between);
        ir_unit_free(&u);
        solo_free(&h);
    }
}

/* ---- a shift, and the rest of a rotation inserted over it ---- */
static void check_rotation(struct solo *h, struct ir_unit *u, unsigned left, unsigned lane,
                           unsigned n)
{
    const struct cg_opts opts = {.hot_index = -1};
    struct ti_state *t = (struct ti_state *)(void *)h->cpu->state;
    unsigned bits = 8u << (lane & 7), other = rnd() % 4 ? bits - n : (unsigned)(rnd() % bits);
    union ir_val in = value(), part, want;
    uint8_t flags = 0;
    struct err e = {0};
    ir_ref x, r, pc;

    ir_unit_reset(u, &h->isa, solo_key(&arm));
    u->fp = arm;
    ir_block_begin(u, 0x1000);
    ir_emit(u, IR_INSN, IR_VOID, 4, IR_NONE, 0x1000, 0);
    x = ir_get(u, IR_V128, TI_V0);
    r = ir_emit(u, left ? IR_VSHRI : IR_VSHLI, IR_V128, lane, x, IR_NONE, other);
    r = ir_emit(u, left ? IR_VSLI : IR_VSRI, IR_V128, lane, r, x, n);
    pc = ir_const(u, IR_I64, 0x1004);
    ir_put(u, TI_V1, r);
    ir_emit(u, IR_EXIT, IR_VOID, CPU_EXIT_UNDEF, pc, IR_NONE, 0);
    ir_block_finish(u);
    if (ir_verify(u, &e))
        fail_msg("%s", e.text);
    assert_int_equal(solo_compile(h, u, &opts), 0);
    ir_eval(&arm, left ? IR_VSHRI : IR_VSHLI, IR_V128, lane, other, IR_V128, &part, &in, NULL, NULL,
            &flags);
    ir_eval(&arm, left ? IR_VSLI : IR_VSRI, IR_V128, lane, n, IR_V128, &want, &part, &in, NULL,
            &flags);
    slot_write(h->cpu, TI_V0, &in);
    h->cpu->key = solo_key(&arm);
    assert_int_equal(solo_run(h), CPU_EXIT_UNDEF);
    assert_memory_equal(t->v[1], &want, 16);
}

static void rotations(void **state)
{
    (void)state;
    for (unsigned host = 0; host < 3; host++) {
        static const char *const without[] = {NULL, "avx512f,avx512vl,avx512bw,avx512dq",
                                              "avx,avx2,avx512vl"};
        struct solo h;
        struct ir_unit u;

        solo_init(&h, without[host], 1);
        ir_unit_init(&u);
        for (unsigned lane = 0; lane < 4; lane++)
            for (unsigned n = 1; n < 8u << lane; n++)
                for (unsigned k = 0; k < 4; k++)
                    check_rotation(&h, &u, k & 1, lane | (k & 2 ? IR_HALF : 0), n);
        ir_unit_free(&u);
        solo_free(&h);
    }
}

#define AVX512                                                                         \
    "avx512f,avx512vl,avx512bw,avx512dq,avx512cd,avx512vbmi,avx512vbmi2,avx512bitalg," \
    "avx512vpopcnt,avx512ifma,avx512fp16"
#define CRYPTO "aes,pclmul,sha,gfni,vaes,vpclmul"

static void full_host(void **state)
{
    (void)state;
    check_host(NULL, 6);
}

static void without_homes(void **state)
{
    (void)state;
    check_host(NULL, 0);
}

static void without_avx512(void **state)
{
    (void)state;
    check_host(AVX512, 3);
}

static void without_avx2(void **state)
{
    (void)state;
    check_host(AVX512 ",avx2,fma,f16c,gfni,sha", 6);
}

static void sse41_only(void **state)
{
    (void)state;
    check_host(AVX512 "," CRYPTO ",avx,avx2,fma,f16c,sse4.2,popcnt,lzcnt,bmi1,bmi2,movbe,adx", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_host),      cmocka_unit_test(without_homes),
        cmocka_unit_test(without_avx512), cmocka_unit_test(without_avx2),
        cmocka_unit_test(sse41_only),     cmocka_unit_test(sha256_pairs),
        cmocka_unit_test(rotations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
