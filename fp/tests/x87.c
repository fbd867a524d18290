/*
 * f80 against the host's x87: results, exception flags and C1, bit for bit, in every rounding mode
 * and precision. Unsupported encodings and pseudo-denormals included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "fp/fp.h"
#include "operands.h"

struct value { /* what crosses between x87 and the library: 10 bytes and some */
    uint64_t sig;
    uint16_t se;
    uint16_t pad[3];
};

struct machine {
    uint16_t cw, sw;
    struct fp_ctx c;
};

static const uint8_t round_of_rc[4] = {FP_RNE, FP_RDN, FP_RUP, FP_RTZ};
static const uint8_t prec_of_pc[4] = {24, 0, 53, 64}; /* 1 is reserved */

/* modes: RC, PC */
static struct machine machine_make(unsigned modes)
{
    static const uint8_t pcs[4] = {3, 3, 2, 0};
    unsigned pc = pcs[modes >> 2 & 3];
    struct machine m = {.cw = (uint16_t)(0x3f | (modes & 3) << 10 | pc << 8),
                        .c = fp_ctx_make(FP_NAN_X87)};

    m.c.rm = round_of_rc[modes & 3];
    m.c.f80_prec = prec_of_pc[pc];
    return m;
}

/* Loads b, then a on top; runs; stores the top to *r; pops what is left. */
#define HOST(name, insns)                                                                        \
    static void name(const struct value *a, const struct value *b, struct value *r, uint16_t cw, \
                     uint16_t *sw)                                                               \
    {                                                                                            \
        __asm__ volatile(                                                                        \
            "fninit\n\tfldcw %[cw]\n\tfldt %[b]\n\tfldt %[a]\n\tfnclex\n\t" insns "\n\tfninit"   \
            : [r] "+m"(*r), [sw] "=m"(*sw)                                                       \
            : [a] "m"(*a), [b] "m"(*b), [cw] "m"(cw)                                             \
            : "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc", "eax"); \
    }
#define TOP(insn)   insn "\n\tfnstsw %[sw]\n\tfstpt %[r]"
#define STORE(insn) insn "\n\tfnstsw %[sw]"

static struct fp_f80 f80(const struct value *v)
{
    return (struct fp_f80){.sig = v->sig, .se = v->se};
}

static struct value val(struct fp_f80 v)
{
    return (struct value){.sig = v.sig, .se = v.se};
}

#define SOFT(name, expr)                                                                       \
    static struct value name(const struct value *va, const struct value *vb, struct fp_ctx *c, \
                             uint16_t *cc)                                                     \
    {                                                                                          \
        struct fp_f80 a = f80(va), b = f80(vb);                                                \
                                                                                               \
        (void)a, (void)b, (void)c, (void)cc;                                                   \
        return expr;                                                                           \
    }
#define INT(v) ((struct value){.sig = (uint64_t)(v)})
#define RM     (enum fp_round) c->rm

typedef void host_fn(const struct value *, const struct value *, struct value *, uint16_t,
                     uint16_t *);
typedef struct value soft_fn(const struct value *, const struct value *, struct fp_ctx *,
                             uint16_t *);

/* Condition bits C3 C2 C0 of FCOM. */
static struct value relation(enum fp_rel r, uint16_t *cc)
{
    *cc = r == FP_UNORDERED ? 0x4500 : r == FP_LESS ? 0x100 : r == FP_EQUAL ? 0x4000 : 0;
    return (struct value){0};
}

static struct value prem(struct fp_f80 a, struct fp_f80 b, bool nearest, struct fp_ctx *c,
                         uint16_t *cc)
{
    uint64_t q;
    bool partial;
    struct value r = val(fp_f80_prem(a, b, nearest, &q, &partial, c));

    *cc = (uint16_t)((q & 1) << 9 | (q >> 1 & 1) << 14 | (q >> 2 & 1) << 8 | partial << 10);
    return r;
}

HOST(h_add, TOP("fadd %%st(1), %%st"))
SOFT(s_add, val(fp_f80_add(a, b, c)))
HOST(h_sub, TOP("fsub %%st(1), %%st"))
SOFT(s_sub, val(fp_f80_sub(a, b, c)))
HOST(h_mul, TOP("fmul %%st(1), %%st"))
SOFT(s_mul, val(fp_f80_mul(a, b, c)))
HOST(h_div, TOP("fdiv %%st(1), %%st"))
SOFT(s_div, val(fp_f80_div(a, b, c)))
HOST(h_sqrt, TOP("fsqrt"))
SOFT(s_sqrt, val(fp_f80_sqrt(a, c)))
HOST(h_rint, TOP("frndint"))
SOFT(s_rint, val(fp_f80_rint(a, RM, true, c)))
HOST(h_com, STORE("fcom %%st(1)"))
SOFT(s_com, relation(fp_f80_cmps(a, b, c), cc))
HOST(h_ucom, STORE("fucom %%st(1)"))
SOFT(s_ucom, relation(fp_f80_cmp(a, b, c), cc))
HOST(h_prem, TOP("fprem"))
SOFT(s_prem, prem(a, b, false, c, cc))
HOST(h_prem1, TOP("fprem1"))
SOFT(s_prem1, prem(a, b, true, c, cc))
HOST(h_fst32, STORE("fsts %[r]"))
SOFT(s_fst32, INT(fp_f80_to_f32(a, c)))
HOST(h_fst64, STORE("fstl %[r]"))
SOFT(s_fst64, INT(fp_f80_to_f64(a, c)))
HOST(h_fist16, STORE("fists %[r]"))
SOFT(s_fist16, INT((uint16_t)fp_f80_to_sint(a, 16, 0, RM, FP_INT_X86, c)))
HOST(h_fist32, STORE("fistl %[r]"))
SOFT(s_fist32, INT((uint32_t)fp_f80_to_i32(a, RM, FP_INT_X86, c)))
HOST(h_fist64, STORE("fistpll %[r]"))
SOFT(s_fist64, INT(fp_f80_to_i64(a, RM, FP_INT_X86, c)))
/* Operands from memory: the significand's bits are the float, double or integer. */
HOST(h_fld32, "fstp %%st\n\tfnclex\n\t" TOP("flds %[a]"))
SOFT(s_fld32, val(fp_f32_to_f80((uint32_t)a.sig, c)))
HOST(h_fld64, "fstp %%st\n\tfnclex\n\t" TOP("fldl %[a]"))
SOFT(s_fld64, val(fp_f64_to_f80(a.sig, c)))
HOST(h_fild64, "fstp %%st\n\tfnclex\n\t" TOP("fildll %[a]"))
SOFT(s_fild64, val(fp_f80_from_i64((int64_t)a.sig, c)))

struct op {
    const char *name;
    host_fn *host;
    soft_fn *soft;
    const struct shape *shape;
    unsigned operands;
    uint16_t cc; /* condition bits to compare */
    bool f80;    /* result */
};

#define C1 0x200
static const struct op ops[] = {
    {"fadd", h_add, s_add, &shape_f80, 2, C1, true},
    {"fsub", h_sub, s_sub, &shape_f80, 2, C1, true},
    {"fmul", h_mul, s_mul, &shape_f80, 2, C1, true},
    {"fdiv", h_div, s_div, &shape_f80, 2, C1, true},
    {"fsqrt", h_sqrt, s_sqrt, &shape_f80, 1, C1, true},
    {"frndint", h_rint, s_rint, &shape_f80, 1, C1, true},
    {"fcom", h_com, s_com, &shape_f80, 2, 0x4500, false},
    {"fucom", h_ucom, s_ucom, &shape_f80, 2, 0x4500, false},
    {"fprem", h_prem, s_prem, &shape_f80, 2, 0x4700, true},
    {"fprem1", h_prem1, s_prem1, &shape_f80, 2, 0x4700, true},
    {"fst32", h_fst32, s_fst32, &shape_f80, 1, C1, false},
    {"fst64", h_fst64, s_fst64, &shape_f80, 1, C1, false},
    {"fist16", h_fist16, s_fist16, &shape_f80, 1, C1, false},
    {"fist32", h_fist32, s_fist32, &shape_f80, 1, C1, false},
    {"fist64", h_fist64, s_fist64, &shape_f80, 1, C1, false},
    {"fld32", h_fld32, s_fld32, &shape_f32, 1, 0, true},
    {"fld64", h_fld64, s_fld64, &shape_f64, 1, 0, true},
    {"fild64", h_fild64, s_fild64, NULL, 1, 0, true},
};

static void check(const struct op *op, unsigned modes, u128 x, u128 y)
{
    struct machine m = machine_make(modes);
    struct value a = {.sig = (uint64_t)x, .se = (uint16_t)(x >> 64)};
    struct value b = {.sig = (uint64_t)y, .se = (uint16_t)(y >> 64)};
    struct value host = {0}, soft;
    uint16_t cc = 0;
    unsigned flags;

    op->host(&a, &b, &host, m.cw, &m.sw);
    soft = op->soft(&a, &b, &m.c, &cc);
    if (op->cc == C1)
        cc = m.c.flags & FP_FLAG_ROUNDED_UP ? C1 : 0;
    flags = fp_flags_to_x86(m.c.flags);
    if (host.sig != soft.sig || (op->f80 && host.se != soft.se) || (m.sw & 0x3f) != flags ||
        (m.sw & op->cc) != (cc & op->cc))
        fail_msg("%s modes %x: %04x:%016lx %04x:%016lx gives %04x:%016lx flags %x cc %x, "
                 "host %04x:%016lx flags %x cc %x",
                 op->name, modes, a.se, a.sig, b.se, b.sig, soft.se, soft.sig, flags, cc, host.se,
                 host.sig, m.sw & 0x3f, m.sw & op->cc);
}

/* Pseudo-denormals, unnormals, pseudo-infinities, pseudo-NaNs. */
static unsigned all_operands(const struct shape *s, u128 v[80])
{
    unsigned n = specials(s, v);

    if (s != &shape_f80)
        return n;
    for (unsigned sign = 0; sign < 2; sign++) {
        u128 top = (u128)sign << 79;

        v[n++] = top | (u128)1 << 63;
        v[n++] = top | (u128)1 << 63 | 5;
        v[n++] = top | (u128)0x3fff << 64 | 7;
        v[n++] = top | (u128)0x3fff << 64;
        v[n++] = top | (u128)0x7fff << 64;
        v[n++] = top | (u128)0x7fff << 64 | 1;
        v[n++] = top | (u128)0x7fff << 64 | (u128)1 << 62;
    }
    return n;
}

static void test_op(void **state)
{
    const struct op *op = *state;
    struct rng r = {.s = 2};
    unsigned long n = rounds(op->operands == 1 ? 50000 : 150000);
    u128 v[80];
    unsigned count = op->shape ? all_operands(op->shape, v) : 0;

    for (unsigned modes = 0; modes < 16; modes++)
        for (unsigned i = 0; i < count; i++)
            for (unsigned j = 0; j < (op->operands > 1 ? count : 1); j++)
                check(op, modes, v[i], v[j]);
    for (unsigned long i = 0; i < n; i++) {
        u128 a, b;

        if (op->shape) {
            a = rng_operand(&r, op->shape, (u128)(0x3fff + rng_below(&r, 70)) << 64);
            b = rng_operand(&r, op->shape, a);
        } else {
            a = b = (u128)rng_frac(&r, 64);
        }
        check(op, (unsigned)i & 15, a, b);
    }
}

int main(void)
{
    enum { COUNT = sizeof(ops) / sizeof(ops[0]) };
    struct CMUnitTest tests[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){ops[i].name, test_op, NULL, NULL, (void *)&ops[i]};
    return cmocka_run_group_tests_name("fp/x87", tests, NULL, NULL);
}
