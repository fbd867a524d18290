/* Random one-instruction tests: shared by the program under the oracle (oracle.c, an arm64 program) and
 * the one under test (differ.c). Both derive the same initial state from (seed, index, word).
 *
 * A test is one instruction at VEC_CODE + 8 * index, followed by BRK. It may use the data area. How it
 * ended is told by a signal: SIGTRAP when it went on to a BRK, SIGSEGV, SIGBUS or SIGILL otherwise.
 */
#ifndef MYNA_ISA_ARM64_TESTS_VECTOR_H
#define MYNA_ISA_ARM64_TESTS_VECTOR_H

#include <stdint.h>
#include <string.h>

/* Free under the address and the thread sanitizer, too. */
#define VEC_CODE  UINT64_C(0x567010000000)
#define VEC_DATA  UINT64_C(0x567020000000)
#define VEC_AREA  8192
#define VEC_BRK   0xd4200000u
#define VEC_MAGIC UINT64_C(0x31763436616e796d)

/* A file of tests: this head, then `count` words. */
struct vec_head {
    uint64_t magic, seed, count;
};

struct vec_state {
    uint64_t x[31], sp, pc;
    uint32_t nzcv, fpcr, fpsr, signal;
    uint64_t v[32][2];
    uint64_t memory; /* a hash of the data area */
};

static inline uint64_t vec_mix(uint64_t v)
{
    v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
    return v ^ v >> 31;
}

static inline uint64_t vec_next(uint64_t *random)
{
    return vec_mix(*random += UINT64_C(0x9e3779b97f4a7c15));
}

/* Integers and bit patterns with a taste for edges. */
static inline uint64_t vec_integer(uint64_t *random)
{
    static const uint64_t edges[] = {
        0, 1, 2, UINT64_MAX, UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1, 0x7fffffff, 0x80000000u,
        UINT64_C(0xffffffff80000000), 0xffffffffu, UINT64_C(0x8000000080000000), 0xff, 0x80, 0x7fff,
    };
    uint64_t r = vec_next(random);

    switch (r >> 60) {
    case 0: case 1: case 2: case 3:
        return edges[(r & 0xffff) % (sizeof(edges) / sizeof(edges[0]))];
    case 4: case 5:
        return r & 63;
    case 6:
        return vec_next(random) >> (r & 63);
    case 7:
        return (uint64_t)((int64_t)vec_next(random) >> (r & 63));
    default:
        return vec_next(random);
    }
}

static inline uint32_t vec_single(uint64_t *random)
{
    static const uint32_t edges[] = {
        0, 0x80000000u, 0x3f800000, 0xbf800000u, 0x7f800000, 0xff800000u, 0x7fc00000, 0x7f800001,
        0xffc12345u, 0x7fa00000, 1, 0x807fffffu, 0x00800000, 0x7f7fffff, 0x4f000000, 0xcf000000u,
        0x40490fdb, 0x3f000000, 0x34000000, 0x5f000000,
    };
    uint64_t r = vec_next(random);

    if (r >> 62 == 0)
        return edges[(r & 0xffff) % (sizeof(edges) / sizeof(edges[0]))];
    if (r >> 62 == 1) /* near 1: exact and inexact sums */
        return (uint32_t)(0x3c000000 + (r & 0x07ffffff)) | (uint32_t)(r >> 20 & 0x80000000u);
    return (uint32_t)r;
}

static inline uint64_t vec_double(uint64_t *random)
{
    static const uint64_t edges[] = {
        0, UINT64_C(1) << 63, UINT64_C(0x3ff0000000000000), UINT64_C(0xbff0000000000000),
        UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000), UINT64_C(0x7ff8000000000000),
        UINT64_C(0x7ff0000000000001), UINT64_C(0xfff8000000012345), UINT64_C(0x7ff4000000000000), 1,
        UINT64_C(0x800fffffffffffff), UINT64_C(0x0010000000000000), UINT64_C(0x7fefffffffffffff),
        UINT64_C(0x41e0000000000000), UINT64_C(0x43e0000000000000), UINT64_C(0x3fe0000000000000),
        UINT64_C(0x47efffffe0000000), UINT64_C(0x3810000000000000),
    };
    uint64_t r = vec_next(random);

    if (r >> 62 == 0)
        return edges[(r & 0xffff) % (sizeof(edges) / sizeof(edges[0]))];
    if (r >> 62 == 1)
        return UINT64_C(0x3f80000000000000) + (r & UINT64_C(0x80ffffffffffffff));
    return vec_next(random);
}

static inline void vec_vector(uint64_t *random, uint64_t v[2])
{
    unsigned kind = vec_next(random) & 7;

    for (int i = 0; i < 2; i++) {
        if (kind < 2)
            v[i] = vec_double(random);
        else if (kind < 4)
            v[i] = vec_single(random) | (uint64_t)vec_single(random) << 32;
        else if (kind < 6)
            v[i] = vec_integer(random);
        else
            v[i] = vec_next(random);
    }
}

static inline int vec_is_memory(uint32_t word)
{
    return (word >> 25 & 5) == 4;
}

/* Exclusives and atomics must be aligned. */
static inline int vec_needs_alignment(uint32_t word)
{
    return (word & 0x3f000000) == 0x08000000 || (word & 0x3b200c00) == 0x38200000 ||
           (word & 0x3f000000) == 0x19000000;
}

/* The word with offsets cut down so that most accesses stay in the data area and, where order matters,
 * aligned; branches go to a BRK or out of the code. */
static inline uint32_t vec_tame(uint32_t word)
{
    if ((word & 0x3b000000) == 0x39000000)
        word &= ~(0xfe0u << 10);
    if ((word & 0x3f000000) == 0x19000000)
        word &= ~(7u << 12);
    if ((word & 0x7c000000) == 0x14000000)
        word |= 1;
    if ((word & 0xfe000000) == 0x54000000 || (word & 0x7c000000) == 0x34000000)
        word |= 1 << 5;
    return word;
}

/* Words whose result the manual leaves open: a base that is also loaded or stored, one register
 * loaded twice, a status register that is also base or data. */
static inline int vec_unpredictable(uint32_t word)
{
    unsigned rt = word & 31, rn = word >> 5 & 31, rt2 = word >> 10 & 31, rs = word >> 16 & 31;
    int vector = word >> 26 & 1;

    if ((word & 0x3b000000) == 0x38000000 && !(word & 1 << 21) && (word & 1 << 10))
        return !vector && rn != 31 && rt == rn;
    if ((word & 0x3a000000) == 0x28000000) {
        if (word & 1 << 22 && rt == rt2)
            return 1;
        return !vector && word & 1 << 23 && rn != 31 && (rt == rn || rt2 == rn);
    }
    if ((word & 0x3f800000) == 0x08000000) /* exclusives */
        return (word & 1 << 22 ? 0 : rs == rt || (rs == rn && rn != 31)) ||
               (word & 1 << 21 && (rt == rt2 || rs == rt2));
    return 0;
}

static inline void vec_memory_fill(uint64_t seed, uint64_t index, uint64_t *area)
{
    uint64_t random = vec_mix(seed ^ vec_mix(index + 77));

    for (unsigned i = 0; i < VEC_AREA / 8; i++)
        area[i] = random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
}

static inline uint64_t vec_memory_hash(const uint64_t *area)
{
    uint64_t h = 0;

    for (unsigned i = 0; i < VEC_AREA / 8; i++)
        h = (h ^ area[i]) * UINT64_C(0x100000001b3) + (h >> 47);
    return h;
}

static inline void vec_state_make(uint64_t seed, uint64_t index, uint32_t word, struct vec_state *s)
{
    uint64_t random = vec_mix(seed + vec_mix(index));
    uint64_t r, pointer;
    unsigned rn = word >> 5 & 31, rm = word >> 16 & 31;

    memset(s, 0, sizeof(*s));
    for (int i = 0; i < 31; i++)
        s->x[i] = vec_integer(&random);
    s->sp = vec_integer(&random);
    if (s->sp >> 16 && s->sp >> 32 == 0) /* never in the program: a signal would go on there */
        s->sp |= UINT64_C(1) << 40;
    for (int i = 0; i < 32; i++)
        vec_vector(&random, s->v[i]);
    r = vec_next(&random);
    s->pc = VEC_CODE + 8 * index;
    s->nzcv = (uint32_t)r & 0xf0000000u;
    if (!(r & 3)) /* every fourth: rounding, FZ, DN, AHP, FZ16 */
        s->fpcr = (uint32_t)(r >> 8) & 0x07c80000u;
    if ((word & 0xff000000) == 0xd6000000 && rn != 31) /* an aligned place to go to, without a tag */
        s->x[rn] = (s->x[rn] & UINT64_C(0x007ffffffffffffc)) | UINT64_C(1) << 45;
    if (!vec_is_memory(word))
        return;
    pointer = VEC_DATA + VEC_AREA / 2 + (r >> 40 & 0xf0);
    if ((r & 0x30) == 0 && !vec_needs_alignment(word))
        pointer += r >> 50 & 15;
    if (rm != 31)
        s->x[rm] = (uint64_t)((int64_t)(r << 20) >> 58);
    if (rn == 31)
        s->sp = pointer;
    else
        s->x[rn] = pointer;
}

#endif
