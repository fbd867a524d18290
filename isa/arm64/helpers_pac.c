/* Owns the code that pointer authentication puts into pointers. Arm ARM D8.9: AddPAC, Auth.
 *
 * The algorithm is IMPLEMENTATION DEFINED and so our own (the ID registers say so): a keyed mixing
 * of 64-bit multiplications, not a cryptographic promise. Failure of AUT puts the error code of
 * FEAT_PAuth (before FEAT_FPAC) into the pointer, which then faults when used.
 */
#include "isa/arm64/helpers.h"
#include "isa/arm64/state.h"

#define CODE_SHIFT 48
#define CODE_BITS  UINT64_C(0x007f000000000000) /* 54..48: 48-bit addresses, top byte ignored */
#define BIT55      (UINT64_C(1) << 55)

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128)a * b;

    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t mix(const struct a64_pac_key *k, uint64_t data, uint64_t modifier)
{
    uint64_t h = fold(data ^ k->lo ^ UINT64_C(0x243f6a8885a308d3),
                      modifier ^ k->hi ^ UINT64_C(0x13198a2e03707344));

    return fold(h ^ k->hi, k->lo ^ UINT64_C(0xa4093822299f31d1));
}

/* The pointer with bits 54..48 as a pointer without a code has them. */
static uint64_t canonical(uint64_t p)
{
    return p & BIT55 ? p | CODE_BITS : p & ~CODE_BITS;
}

static uint64_t code(void *cpu, uint64_t p, uint64_t modifier, uint32_t key)
{
    return mix(&arm64_state(cpu)->pac[key & 3], canonical(p), modifier) << CODE_SHIFT & CODE_BITS;
}

void a64_h_pac_add(void *cpu, union ir_val *v)
{
    uint64_t p = v[0].x, c = code(cpu, p, v[1].x, v[2].w);

    if (p != canonical(p)) /* already odd: make sure that it does not authenticate */
        c ^= UINT64_C(1) << 54;
    v[0].x = (p & ~CODE_BITS) | c;
}

void a64_h_pac_auth(void *cpu, union ir_val *v)
{
    uint64_t p = v[0].x, good = canonical(p), error;

    if ((p & CODE_BITS) != code(cpu, p, v[1].x, v[2].w)) {
        error = v[2].w & 1 ? 2 : 1; /* B keys 0b10, A keys 0b01, in bits 54:53 */
        good = (good & ~(UINT64_C(3) << 53)) | error << 53;
    }
    v[0].x = good;
}

void a64_h_pac_generic(void *cpu, union ir_val *v)
{
    v[0].x = mix(&arm64_state(cpu)->pac[A64_PAC_GA], v[0].x, v[1].x) & UINT64_C(0xffffffff00000000);
}
