/* The vocabulary of the text form: conditions, lanes, memory descriptors, reasons.
 *
 * Owns words only; print.c and parse.c own the grammar.
 */
#include "ir/text.h"

#include "core/cpu.h"

#define END        \
    {              \
        NULL, 0, 0 \
    }
#define FIELD(mask, text, value) \
    {                            \
        text, mask, value        \
    }
#define FLAG(bit, text) \
    {                   \
        text, bit, bit  \
    }

static const struct ir_word conds[] = {
    FIELD(15, "eq", IR_EQ),
    FIELD(15, "ne", IR_NE),
    FIELD(15, "lts", IR_LTS),
    FIELD(15, "ges", IR_GES),
    FIELD(15, "les", IR_LES),
    FIELD(15, "gts", IR_GTS),
    FIELD(15, "ltu", IR_LTU),
    FIELD(15, "geu", IR_GEU),
    FIELD(15, "leu", IR_LEU),
    FIELD(15, "gtu", IR_GTU),
    END,
};
static const struct ir_word ccs[] = {
    FIELD(15, "eq", IR_CC_EQ), FIELD(15, "ne", IR_CC_NE),
    FIELD(15, "cs", IR_CC_CS), FIELD(15, "cc", IR_CC_CC),
    FIELD(15, "mi", IR_CC_MI), FIELD(15, "pl", IR_CC_PL),
    FIELD(15, "vs", IR_CC_VS), FIELD(15, "vc", IR_CC_VC),
    FIELD(15, "hi", IR_CC_HI), FIELD(15, "ls", IR_CC_LS),
    FIELD(15, "ge", IR_CC_GE), FIELD(15, "lt", IR_CC_LT),
    FIELD(15, "gt", IR_CC_GT), FIELD(15, "le", IR_CC_LE),
    FIELD(15, "al", IR_CC_AL), END,
};
static const struct ir_word ccsel[] = {
    FIELD(256, "add", 256),
    FIELD(256, "sub", 0),
    FLAG(128, "n"),
    FLAG(64, "z"),
    FLAG(32, "c"),
    FLAG(16, "v"),
    END,
};
static const struct ir_word fconds[] = {
    FIELD(7, "eq", IR_FC_EQ),
    FIELD(7, "lt", IR_FC_LT),
    FIELD(7, "le", IR_FC_LE),
    FIELD(7, "gt", IR_FC_GT),
    FIELD(7, "ge", IR_FC_GE),
    FIELD(7, "une", IR_FC_UNE),
    FIELD(7, "uno", IR_FC_UNO),
    FIELD(7, "ord", IR_FC_ORD),
    FLAG(8, "sig"),
    END,
};
static const struct ir_word signalling[] = {FLAG(1, "sig"), END};
static const struct ir_word memory[] = {
    FIELD(7, "8", IR_M_8),     FIELD(7, "16", IR_M_16),
    FIELD(7, "32", IR_M_32),   FIELD(7, "64", IR_M_64),
    FIELD(7, "128", IR_M_128), FLAG(IR_M_SIGNED, "signed"),
    FLAG(IR_M_BIG, "big"),     FLAG(IR_M_ALIGNED, "aligned"),
    FLAG(IR_M_ACQUIRE, "acq"), FLAG(IR_M_RELEASE, "rel"),
    FLAG(IR_M_SEQCST, "sc"),   FLAG(IR_M_WITHIN16, "w16"),
    FLAG(IR_M_USER, "user"),   END,
};
static const struct ir_word fences[] = {FLAG(1, "ll"), FLAG(2, "ls"), FLAG(4, "sl"), FLAG(8, "ss"),
                                        END};
static const struct ir_word division[] = {FIELD(1, "ones", IR_DIV_ONES), END};
static const struct ir_word bits[] = {FIELD(63, "8", 8), FIELD(63, "16", 16), FIELD(63, "32", 32),
                                      END};
static const struct ir_word bytes[] = {FIELD(15, "1", 1), FIELD(15, "2", 2), FIELD(15, "4", 4),
                                       FIELD(15, "8", 8), END};
static const struct ir_word roundings[] = {
    FIELD(7, "near", IR_RM_NEAREST),
    FIELD(7, "zero", IR_RM_ZERO),
    FIELD(7, "up", IR_RM_UP),
    FIELD(7, "down", IR_RM_DOWN),
    FIELD(7, "away", IR_RM_AWAY),
    FLAG(8, "x"),
    END,
};
static const struct ir_word minmax[] = {
    FIELD(0x30, "arm", IR_MM_ARM << 4),
    FIELD(0x30, "num", IR_MM_NUM << 4),
    FIELD(0x30, "num19", IR_MM_NUM19 << 4),
    FIELD(0x30, "x86", IR_MM_X86 << 4),
    END,
};
static const struct ir_word lanes[] = {
    FIELD(7, "b", IR_LANE_B),
    FIELD(7, "h", IR_LANE_H),
    FIELD(7, "s", IR_LANE_S),
    FIELD(7, "d", IR_LANE_D),
    FIELD(7, "q", IR_LANE_Q),
    FLAG(IR_HALF, "half"),
    END,
};
static const struct ir_word high[] = {FLAG(IR_HIGH, "high"), END};
static const struct ir_word sign[] = {FLAG(16, "signed"), END};
static const struct ir_word sha1[] = {FIELD(0x30, "c", 0), FIELD(0x30, "p", 0x10),
                                      FIELD(0x30, "m", 0x20), END};
static const struct ir_word jumps[] = {FIELD(3, "call", IR_J_CALL), FIELD(3, "ret", IR_J_RET), END};
static const struct ir_word reasons[] = {
    FIELD(15, "kick", CPU_EXIT_KICK),   FIELD(15, "syscall", CPU_EXIT_SYSCALL),
    FIELD(15, "undef", CPU_EXIT_UNDEF), FIELD(15, "break", CPU_EXIT_BREAK),
    FIELD(15, "fault", CPU_EXIT_FAULT), FIELD(15, "align", CPU_EXIT_ALIGN),
    FIELD(15, "fpe", CPU_EXIT_FPE),     FIELD(15, "isync", CPU_EXIT_ISYNC),
    FIELD(15, "yield", CPU_EXIT_YIELD), FIELD(15, "debug", CPU_EXIT_DEBUG),
    FIELD(15, "isa", CPU_EXIT_ISA),     END,
};

struct ir_words ir_words_of(unsigned op)
{
    switch (op) {
    case IR_SETC:
    case IR_BR:
    case IR_BRT:
        return (struct ir_words){{conds}};
    case IR_SELCC:
    case IR_SETCC:
    case IR_BRCC:
        return (struct ir_words){{ccs}};
    case IR_CCSEL:
        return (struct ir_words){{ccs, ccsel}};
    case IR_CCFCMP:
        return (struct ir_words){{signalling}};
    case IR_FSETC:
        return (struct ir_words){{fconds}};
    case IR_LD:
    case IR_ST:
    case IR_CAS:
    case IR_RMW:
        return (struct ir_words){{memory}};
    case IR_FENCE:
        return (struct ir_words){{fences}};
    case IR_UDIV:
    case IR_SDIV:
        return (struct ir_words){{division}};
    case IR_ZX:
    case IR_SX:
        return (struct ir_words){{bits}};
    case IR_BSWAP:
    case IR_CRC32:
    case IR_CRC32C:
        return (struct ir_words){{bytes}};
    case IR_FMIN:
    case IR_FMAX:
        return (struct ir_words){{minmax}};
    case IR_VFMIN:
    case IR_VFMAX:
        return (struct ir_words){{lanes, minmax}};
    case IR_VSHA1:
        return (struct ir_words){{sha1}};
    case IR_VGET:
        return (struct ir_words){{lanes, sign}};
    case IR_JMP:
    case IR_JMPI:
        return (struct ir_words){{jumps}};
    case IR_EXIT:
        return (struct ir_words){{reasons}};
    default:
        if (op >= IR_VAND && op <= IR_VBSL)
            return (struct ir_words){{NULL}};
        if (op >= IR_VDUP && op <= IR_VFCVTN && !(op >= IR_VAESE && op <= IR_VSHA2S1))
            return (struct ir_words){{lanes, high}};
        if (op >= IR_FADD && op <= IR_UTOF)
            return (struct ir_words){{roundings}};
        return (struct ir_words){{NULL}};
    }
}

const char *const ir_block_flag_names[2] = {"entry", "loop"};
