/* Owns one question: are the flags at this pc overwritten before anything reads them? Looks at raw
 * instruction words only; "no" is always a right answer. Never emits IR.
 *
 * Calls and returns end the walk with "yes": the procedure call standard (AAPCS64, 6.1.1) leaves
 * the flags undefined there, no compiler carries them over, and keeping them would cost every
 * function. Hand-written code does carry them over calls of its own helpers (Linux' ghash-ce),
 * which can be seen where those return to. Other ways out say "no".
 */
#include <string.h>

#include "isa/arm64/lift.h"

enum { MAX_STEPS = 48, MAX_FORKS = 4 };

static bool is_return(uint32_t w) { return (w & 0xfffffc1f) == 0xd65f0000; }

static bool call_or_return(uint32_t w)
{
    return (w & 0xfc000000) == 0x94000000 || /* BL */
           (w & 0xfffffc1f) == 0xd63f0000 || /* BLR */
           is_return(w);
}

enum effect { PASSES, WRITES, READS, JUMPS, FORKS, LEAVES };

struct code {
    uint64_t pc;
    const uint8_t *bytes;
    size_t avail;
};

static enum effect branch_effect(uint32_t w)
{
    if ((w & 0xfc000000u) == 0x14000000u)
        return JUMPS;
    if ((w & 0x7c000000u) == 0x34000000u) /* CBZ, CBNZ, TBZ, TBNZ */
        return FORKS;
    if ((w & 0xfc000000u) == 0x94000000u || (w & 0xfe000000u) == 0xd6000000u)
        return LEAVES;
    if ((w & 0xfffff01fu) == 0xd503201fu || (w & 0xfffff01fu) == 0xd503301fu)
        return PASSES; /* hints and barriers */
    if ((w & 0xffffffe0u) == 0xd51b4200u)
        return WRITES; /* MSR NZCV */
    if ((w & 0xffffffe0u) == 0xd53bd040u)
        return PASSES; /* MRS TPIDR_EL0 */
    return READS;      /* B.cond, exceptions, what is rare */
}

static enum effect register_effect(uint32_t w)
{
    switch (w >> 21 & 15) {
    case 0: /* ADC, SBC, RMIF, SETF */
    case 2: /* CCMP, CCMN */
    case 4: /* CSEL */
        return w & 1u << 28 ? READS : PASSES;
    default:
        return PASSES;
    }
}

static enum effect effect(uint32_t w)
{
    switch (w >> 25 & 15) {
    case 8: /* data processing (immediate) */
    case 9:
        if ((w & 0x3f800000u) == 0x31000000u || (w & 0x7f800000u) == 0x72000000u)
            return WRITES; /* ADDS, SUBS, ANDS */
        return PASSES;
    case 10: /* branches, system */
    case 11:
        return branch_effect(w);
    case 4: /* loads and stores */
    case 6:
    case 12:
    case 14:
        return PASSES;
    case 5: /* data processing (register) */
    case 13:
        if ((w & 0x3f000000u) == 0x2b000000u || (w & 0x7f000000u) == 0x6a000000u)
            return WRITES; /* ADDS, SUBS; ANDS, BICS */
        return register_effect(w);
    case 7: /* floating point and vectors */
    case 15:
        if ((w & 0xff20fc07u) == 0x1e202000u)
            return WRITES; /* FCMP, FCMPE */
        if ((w & 0xff200400u) == 0x1e200400u)
            return READS; /* FCCMP, FCSEL */
        return PASSES;
    default:
        return READS;
    }
}

static bool word_at(const struct code *c, uint64_t pc, uint32_t *w)
{
    uint64_t at = pc - c->pc;

    if (at > c->avail || c->avail - at < 4)
        return false;
    memcpy(w, c->bytes + at, 4);
    return true;
}

static uint64_t fork_target(uint32_t w, uint64_t pc)
{
    int64_t offset = w & 1u << 25 ? bits_sextract64(w, 5, 14) : bits_sextract64(w, 5, 19);

    return pc + (uint64_t)(offset * 4);
}

/* Are the flags read from here on before they are written? Calls are passed: perhaps their
 * functions keep them. */
static bool read_from(const struct code *c, uint64_t pc, unsigned *steps, unsigned forks)
{
    for (; *steps; --*steps) {
        uint32_t w;

        if (!word_at(c, pc, &w))
            return false;
        switch (effect(w)) {
        case WRITES:
            return false;
        case READS:
            if (w >> 24 != 0xd5)
                return w >> 24 != 0xd4 &&
                       (w >> 25 & 15) >= 4;       /* no exceptions, nothing that is no code */
            if ((w & 0xffffffe0u) == 0xd53b4200u) /* MRS NZCV */
                return true;
            pc += 4;
            break;
        case LEAVES:
            if (!call_or_return(w) || is_return(w))
                return false;
            pc += 4;
            break;
        case JUMPS:
            pc += (uint64_t)(bits_sext64(w & 0x3ffffff, 26) * 4);
            break;
        case FORKS:
            if (!forks--)
                return false;
            --*steps;
            if (read_from(c, fork_target(w, pc), steps, forks))
                return true;
            if (!*steps)
                return false;
            ++*steps;
            pc += 4;
            break;
        default:
            pc += 4;
            break;
        }
    }
    return false;
}

static bool dead_from(const struct code *c, uint64_t pc, unsigned *steps, unsigned forks)
{
    for (; *steps; --*steps) {
        uint32_t w;

        if (!word_at(c, pc, &w))
            return false;
        switch (effect(w)) {
        case PASSES:
            pc += 4;
            break;
        case WRITES:
            return true;
        case READS:
            return false;
        case LEAVES:
            if (!is_return(w) && read_from(c, pc + 4, &(unsigned){MAX_STEPS}, 2))
                return false;
            return call_or_return(w);
        case JUMPS:
            pc += (uint64_t)(bits_sext64(w & 0x3ffffff, 26) * 4);
            break;
        case FORKS:
            if (!forks--)
                return false;
            --*steps;
            if (!dead_from(c, fork_target(w, pc), steps, forks))
                return false;
            pc += 4;
            if (!*steps)
                return false;
            ++*steps;
            break;
        }
    }
    return false;
}

bool a64_cc_dead(uint64_t pc, const uint8_t *bytes, size_t avail)
{
    struct code c = {pc, bytes, avail};
    unsigned steps = MAX_STEPS;

    return dead_from(&c, pc, &steps, MAX_FORKS);
}

bool a64_cc_read(uint64_t pc, const uint8_t *bytes, size_t avail)
{
    struct code c = {pc, bytes, avail};
    unsigned steps = MAX_STEPS;

    return read_from(&c, pc, &steps, 2);
}
