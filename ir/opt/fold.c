/* The table of the fold rules. Which operations have rules is decided here, what they are in
 * fold_int.c (arithmetic and logic), fold_bits.c (shifts, extensions, fields), fold_cond.c
 * (conditions, branches, flags) and fold_move.c (moves between types and lanes).
 */
#include "ir/opt/forward.h"

fold_fn *const fold_rules[IR_OP_COUNT] = {
#define RULE(NAME) [IR_##NAME] = fold_##NAME
    RULE(CONST),
    RULE(COPY),
    /* fold_int.c */
    RULE(ADD),
    RULE(SUB),
    RULE(MUL),
    RULE(UDIV),
    RULE(UREM),
    RULE(AND),
    RULE(OR),
    RULE(XOR),
    RULE(ANDN),
    RULE(NOT),
    RULE(NEG),
    RULE(BSWAP),
    /* fold_bits.c */
    RULE(SHL),
    RULE(SHR),
    RULE(SAR),
    RULE(ROR),
    RULE(EXTR),
    RULE(ZX),
    RULE(SX),
    RULE(TRUNC),
    RULE(UBFX),
    RULE(SBFX),
    RULE(BFI),
    /* fold_cond.c */
    RULE(SETC),
    RULE(SELNZ),
    RULE(SETCC),
    RULE(SELCC),
    RULE(CCFROM),
    RULE(CCTO),
    RULE(BR),
    RULE(BRT),
    RULE(JMPI),
    /* fold_move.c */
    RULE(BITS),
    RULE(VLOW),
    RULE(FTOV),
    RULE(FNEG),
    RULE(FABS),
    RULE(VGET),
    RULE(VZHI),
    RULE(VAND),
    RULE(VOR),
    RULE(VXOR),
    RULE(VNOT),
#undef RULE
};
