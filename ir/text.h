/* Private to ir/print.c and ir/parse.c: the words for values of aux. */
#ifndef MYNA_IR_TEXT_H
#define MYNA_IR_TEXT_H

#include "ir/ir.h"

/* Word for aux when (aux & mask) == value; a field's zero without a word is not printed. */
struct ir_word {
    const char *text;
    uint16_t mask, value;
};

/* Lists, each ended by a NULL text, for an operation; up to two. Unknown bits are printed as a
 * hexadecimal suffix. */
struct ir_words {
    const struct ir_word *list[2];
};
struct ir_words ir_words_of(unsigned op);

extern const char *const ir_block_flag_names[2];
#endif
