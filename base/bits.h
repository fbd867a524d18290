/*
 * Bit fields, sign extension, rotation, counting, rounding. Pure functions, all inline.
 *
 * Positions count from the least significant bit. Every function is defined for every argument that
 * its comment allows, also where C or the host's instruction is not (shift by the width, clz of 0).
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* The low `length` bits set; length 0..64. */
static always_inline uint64_t bits_mask64(unsigned length)
{
    return length >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << length) - 1;
}

/* Field of `length` bits (0..64) at `at` (0..63). */
static always_inline uint64_t bits_extract64(uint64_t v, unsigned at, unsigned length)
{
    return v >> at & bits_mask64(length);
}

static always_inline uint32_t bits_extract32(uint32_t v, unsigned at, unsigned length)
{
    return (uint32_t)(v >> at & bits_mask64(length));
}

/* v with the field replaced by the low bits of `field`. */
static always_inline uint64_t bits_deposit64(uint64_t v, unsigned at, unsigned length,
                                             uint64_t field)
{
    uint64_t mask = bits_mask64(length) << at;

    return (v & ~mask) | (field << at & mask);
}

static always_inline uint32_t bits_deposit32(uint32_t v, unsigned at, unsigned length,
                                             uint32_t field)
{
    return (uint32_t)bits_deposit64(v, at, length, field);
}

/* The low `length` bits (1..64) as a signed number. */
static always_inline int64_t bits_sext64(uint64_t v, unsigned length)
{
    return (int64_t)(v << (64 - length)) >> (64 - length);
}

static always_inline int32_t bits_sext32(uint32_t v, unsigned length)
{
    return (int32_t)(v << (32 - length)) >> (32 - length);
}

/* Signed field of `length` bits (1..64) at `at`. */
static always_inline int64_t bits_sextract64(uint64_t v, unsigned at, unsigned length)
{
    return bits_sext64(v >> at, length);
}

/* Rotations by any amount. */
static always_inline uint32_t bits_ror32(uint32_t v, unsigned n)
{
    return v >> (n & 31) | v << (-n & 31);
}

static always_inline uint64_t bits_ror64(uint64_t v, unsigned n)
{
    return v >> (n & 63) | v << (-n & 63);
}

static always_inline uint32_t bits_rol32(uint32_t v, unsigned n)
{
    return bits_ror32(v, -n);
}

static always_inline uint64_t bits_rol64(uint64_t v, unsigned n)
{
    return bits_ror64(v, -n);
}

/* Leading and trailing zeros; the width for 0. */
static always_inline unsigned bits_clz32(uint32_t v)
{
    return v ? (unsigned)__builtin_clz(v) : 32;
}

static always_inline unsigned bits_clz64(uint64_t v)
{
    return v ? (unsigned)__builtin_clzll(v) : 64;
}

static always_inline unsigned bits_ctz32(uint32_t v)
{
    return v ? (unsigned)__builtin_ctz(v) : 32;
}

static always_inline unsigned bits_ctz64(uint64_t v)
{
    return v ? (unsigned)__builtin_ctzll(v) : 64;
}

/* Bits after the sign bit that equal it (AArch64 CLS). */
static always_inline unsigned bits_cls32(uint32_t v)
{
    return bits_clz32(v ^ (uint32_t)((int32_t)v >> 31)) - 1;
}

static always_inline unsigned bits_cls64(uint64_t v)
{
    return bits_clz64(v ^ (uint64_t)((int64_t)v >> 63)) - 1;
}

static always_inline unsigned bits_popcount64(uint64_t v)
{
    return (unsigned)__builtin_popcountll(v);
}

/* Bit order reversed within the whole word. */
static inline uint64_t bits_reverse64(uint64_t v)
{
    v = (v >> 1 & 0x5555555555555555u) | (v & 0x5555555555555555u) << 1;
    v = (v >> 2 & 0x3333333333333333u) | (v & 0x3333333333333333u) << 2;
    v = (v >> 4 & 0x0f0f0f0f0f0f0f0fu) | (v & 0x0f0f0f0f0f0f0f0fu) << 4;
    return __builtin_bswap64(v);
}

static inline uint32_t bits_reverse32(uint32_t v)
{
    return (uint32_t)(bits_reverse64(v) >> 32);
}

/* High halves of products. */
static always_inline uint64_t bits_umulh64(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 64);
}

static always_inline int64_t bits_smulh64(int64_t a, int64_t b)
{
    return (int64_t)((__int128)a * b >> 64);
}

static always_inline bool bits_is_pow2(uint64_t v)
{
    return v && !(v & (v - 1));
}

/* Rounding to a power of two. */
static always_inline uint64_t bits_align_down(uint64_t v, uint64_t unit)
{
    return v & ~(unit - 1);
}

static always_inline uint64_t bits_align_up(uint64_t v, uint64_t unit)
{
    return (v + unit - 1) & ~(unit - 1);
}

/* Does v fit the signed field? length 1..64. */
static always_inline bool bits_fits_signed(int64_t v, unsigned length)
{
    return bits_sext64((uint64_t)v, length) == v;
}

#endif
