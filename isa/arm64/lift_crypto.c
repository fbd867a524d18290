/* Cryptographic instructions (Arm ARM C4.1.96 "Cryptographic AES" .. "four-register"). AES, SHA-1
 * and SHA-256 are IR operations; SHA-512, SM3 and SM4 are helpers (helpers_crypto.c).
 */
#include "isa/arm64/simd.h"

static enum isa_lift set(struct a64_lift *l, unsigned rd, ir_ref v)
{
    a64_set_vreg(l, rd, v);
    return ISA_NEXT;
}
/* op(rn), op(rd, rn), op(rd, rn, rm) */
#define ONE(name, op)                                                         \
    LIFT(c_##name)                                                            \
    {                                                                         \
        return set(l, a->rd, ir_v1(l->u, op, IR_LANE_B, a64_vreg(l, a->rn))); \
    }
#define TWO(name, op)                                                            \
    LIFT(c_##name)                                                               \
    {                                                                            \
        ir_ref d = a64_vreg(l, a->rd);                                           \
                                                                                 \
        return set(l, a->rd, ir_v2(l->u, op, IR_LANE_B, d, a64_vreg(l, a->rn))); \
    }
#define THREE(name, op, aux)                                                  \
    LIFT(c_##name)                                                            \
    {                                                                         \
        ir_ref d = a64_vreg(l, a->rd), n = a64_vreg(l, a->rn);                \
                                                                              \
        return set(l, a->rd, ir_v3(l->u, op, aux, d, n, a64_vreg(l, a->rm))); \
    }
TWO(aese, IR_VAESE)
TWO(aesd, IR_VAESD)
ONE(aesmc, IR_VAESMC)
ONE(aesimc, IR_VAESIMC)
THREE(sha1c, IR_VSHA1, 0 << 4)
THREE(sha1p, IR_VSHA1, 1 << 4)
THREE(sha1m, IR_VSHA1, 2 << 4)
THREE(sha1su0, IR_VSHA1S0, 0)
TWO(sha1su1, IR_VSHA1S1)
ONE(sha1h, IR_VSHA1H)
THREE(sha256h, IR_VSHA2H, 0)
THREE(sha256h2, IR_VSHA2H2, 0)
TWO(sha256su0, IR_VSHA2S0)
THREE(sha256su1, IR_VSHA2S1, 0)

/* ---- SHA-3: rotations and boolean functions ---- */
LIFT(c_eor3)
{
    ir_ref n = a64_vreg(l, a->rn), m = a64_vreg(l, a->rm);

    n = ir_v2(l->u, IR_VXOR, IR_LANE_D, n, m);
    return set(l, a->rd, ir_v2(l->u, IR_VXOR, IR_LANE_D, n, a64_vreg(l, a->ra)));
}
LIFT(c_bcax)
{
    ir_ref m = a64_vreg(l, a->rm);

    m = ir_v2(l->u, IR_VANDN, IR_LANE_D, m, a64_vreg(l, a->ra));
    return set(l, a->rd, ir_v2(l->u, IR_VXOR, IR_LANE_D, a64_vreg(l, a->rn), m));
}
static ir_ref rotate_left(struct a64_lift *l, ir_ref v, unsigned n)
{
    if (!n)
        return v;
    return ir_v2(l->u, IR_VOR, IR_LANE_D, ir_v1i(l->u, IR_VSHLI, IR_LANE_D, v, n),
                 ir_v1i(l->u, IR_VSHRI, IR_LANE_D, v, 64 - n));
}
LIFT(c_rax1)
{
    ir_ref m = rotate_left(l, a64_vreg(l, a->rm), 1);

    return set(l, a->rd, ir_v2(l->u, IR_VXOR, IR_LANE_D, a64_vreg(l, a->rn), m));
}
LIFT(c_xar)
{
    ir_ref n = a64_vreg(l, a->rn);

    n = ir_v2(l->u, IR_VXOR, IR_LANE_D, n, a64_vreg(l, a->rm));
    return set(l, a->rd, rotate_left(l, n, (64 - a->imm) & 63));
}

/* ---- helpers ---- */
#define HELP2(name)                                                              \
    LIFT(c_##name)                                                               \
    {                                                                            \
        ir_ref d = a64_vreg(l, a->rd), n = a64_vreg(l, a->rn);                   \
                                                                                 \
        return set(l, a->rd, a64_call(l, IR_V128, A64_H_##name, d, n, IR_NONE)); \
    }
#define HELP3(name)                                                                         \
    LIFT(c_##name)                                                                          \
    {                                                                                       \
        ir_ref d = a64_vreg(l, a->rd), n = a64_vreg(l, a->rn);                              \
                                                                                            \
        return set(l, a->rd, a64_call(l, IR_V128, A64_H_##name, d, n, a64_vreg(l, a->rm))); \
    }
HELP3(sha512h)
HELP3(sha512h2)
HELP2(sha512su0)
HELP3(sha512su1)
HELP3(sm3partw1)
HELP3(sm3partw2)
HELP2(sm4e)

LIFT(c_sm4ekey)
{
    ir_ref n = a64_vreg(l, a->rn), m = a64_vreg(l, a->rm);

    return set(l, a->rd, a64_call(l, IR_V128, A64_H_sm4ekey, n, m, IR_NONE));
}
LIFT(c_sm3ss1)
{
    ir_ref n = a64_vreg(l, a->rn), m = a64_vreg(l, a->rm);

    return set(l, a->rd, a64_call(l, IR_V128, A64_H_sm3ss1, n, m, a64_vreg(l, a->ra)));
}
/* Control: the form (0 1A, 1 1B, 2 2A, 3 2B) and the lane of rm. */
static enum isa_lift sm3tt(struct a64_lift *l, unsigned form, unsigned lane, unsigned rd,
                           unsigned rn, unsigned rm)
{
    ir_ref d = a64_vreg(l, rd), n = a64_vreg(l, rn), m = a64_vreg(l, rm);

    ir_args(l->u, ir_const(l->u, IR_I32, form | lane << 2), IR_NONE, IR_NONE);
    return set(l, rd, a64_call(l, IR_V128, A64_H_sm3tt, d, n, m));
}
LIFT(c_sm3tt1a)
{
    return sm3tt(l, 0, a->imm, a->rd, a->rn, a->rm);
}
LIFT(c_sm3tt1b)
{
    return sm3tt(l, 1, a->imm, a->rd, a->rn, a->rm);
}
LIFT(c_sm3tt2a)
{
    return sm3tt(l, 2, a->imm, a->rd, a->rn, a->rm);
}
LIFT(c_sm3tt2b)
{
    return sm3tt(l, 3, a->imm, a->rd, a->rn, a->rm);
}
