/* Cryptographic instructions (Arm ARM C4.1.96 "Cryptographic AES" .. "four-register"). AES, SHA-1
 * and SHA-256 are IR operations, SHA-3 and SHA-512 are made of vector operations, SM3 and SM4 are
 * helpers (helpers_crypto.c).
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
    return ir_emit(l->u, IR_VSLI, IR_V128, IR_LANE_D,
                   ir_v1i(l->u, IR_VSHRI, IR_LANE_D, v, 64 - n), v, n);
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

/* ---- SHA-512, of whole vectors: what a lane needs of the other comes down by a swap ---- */
static ir_ref swap(struct a64_lift *l, ir_ref v)
{
    return ir_v2i(l->u, IR_VEXT, IR_LANE_B, v, v, 8);
}
static ir_ref add(struct a64_lift *l, ir_ref a, ir_ref b)
{
    return ir_v2(l->u, IR_VADD, IR_LANE_D, a, b);
}
static ir_ref xor3(struct a64_lift *l, ir_ref a, ir_ref b, ir_ref c)
{
    return ir_v2(l->u, IR_VXOR, IR_LANE_D, ir_v2(l->u, IR_VXOR, IR_LANE_D, a, b), c);
}
/* v rotated right by each of three counts; the last, if `shift`, shifted. */
static ir_ref sum(struct a64_lift *l, ir_ref v, const uint8_t by[3], bool shift)
{
    ir_ref c = shift ? ir_v1i(l->u, IR_VSHRI, IR_LANE_D, v, by[2]) : rotate_left(l, v, 64 - by[2]);

    return xor3(l, rotate_left(l, v, 64 - by[0]), rotate_left(l, v, 64 - by[1]), c);
}
static ir_ref choose(struct a64_lift *l, ir_ref x, ir_ref y, ir_ref z)
{
    return ir_v3(l->u, IR_VBSL, IR_LANE_D, x, y, z);
}
static ir_ref majority(struct a64_lift *l, ir_ref x, ir_ref y, ir_ref z)
{
    return choose(l, ir_v2(l->u, IR_VXOR, IR_LANE_D, x, y), z, x);
}
static const uint8_t sha512_sum0[3] = {28, 34, 39}, sha512_sum1[3] = {14, 18, 41};
static const uint8_t sha512_sigma0[3] = {1, 8, 7}, sha512_sigma1[3] = {19, 61, 6};

/* Both rounds in the upper lane, the second on the first's result. */
LIFT(c_sha512h)
{
    ir_ref d = a64_vreg(l, a->rd), n = swap(l, a64_vreg(l, a->rn)), m = a64_vreg(l, a->rm);
    ir_ref first, t;

    first = add(l, add(l, d, sum(l, m, sha512_sum1, false)), choose(l, m, n, swap(l, n)));
    t = add(l, first, swap(l, m));
    t = add(l, add(l, swap(l, d), sum(l, t, sha512_sum1, false)), choose(l, t, m, n));
    return set(l, a->rd, ir_v2(l->u, IR_VZIP2, IR_LANE_D, t, first));
}
LIFT(c_sha512h2)
{
    ir_ref d = a64_vreg(l, a->rd), n = swap(l, a64_vreg(l, a->rn)), m = a64_vreg(l, a->rm);
    ir_ref low = swap(l, m), first, second;

    first = add(l, add(l, d, sum(l, low, sha512_sum0, false)), majority(l, n, m, low));
    second = add(l, add(l, swap(l, d), sum(l, first, sha512_sum0, false)),
                 majority(l, first, low, m));
    return set(l, a->rd, ir_v2(l->u, IR_VZIP2, IR_LANE_D, second, first));
}
LIFT(c_sha512su0)
{
    ir_ref d = a64_vreg(l, a->rd);
    ir_ref next = ir_v2i(l->u, IR_VEXT, IR_LANE_B, d, a64_vreg(l, a->rn), 8);

    return set(l, a->rd, add(l, d, sum(l, next, sha512_sigma0, true)));
}
LIFT(c_sha512su1)
{
    ir_ref d = a64_vreg(l, a->rd), n = a64_vreg(l, a->rn), m = a64_vreg(l, a->rm);

    return set(l, a->rd, add(l, add(l, d, m), sum(l, n, sha512_sigma1, true)));
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
