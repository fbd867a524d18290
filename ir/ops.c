/* The tables that come from ops.def: names, signatures, flags, and which fields are operands.
 *
 * Owns nothing but constants.
 */
#include "ir/ir.h"

/* The flag letters of ops.def. */
enum {
    P = IR_OPF_PURE,
    C = IR_OPF_COMM,
    R = IR_OPF_ROUND,
    F = IR_OPF_FAULT,
    S = IR_OPF_EFFECT,
    E = IR_OPF_END,
};

const struct ir_op_info ir_ops[IR_OP_COUNT] = {
#define OP(NAME, text, sig, flags, doc) [IR_##NAME] = {text, sig, flags, doc},
#include "ir/ops.def"
#undef OP
};

#define IS_VALUE(ch)                                                                           \
    ((ch) == 't' || (ch) == 'w' || (ch) == 'x' || (ch) == 'n' || (ch) == 's' || (ch) == 'd' || \
     (ch) == 'f' || (ch) == 'q' || (ch) == 'k' || (ch) == 'a')
#define OPERAND(sig, at, bit) \
    ((IS_VALUE((sig)[(at) + 2]) ? (bit) : 0) | ((sig)[(at) + 2] == '?' ? (bit) << 4 : 0))

const uint8_t ir_op_operands[IR_OP_COUNT] = {
#define OP(NAME, text, sig, flags, doc) \
    [IR_##NAME] = OPERAND(sig, 0, 1) | OPERAND(sig, 1, 2) | OPERAND(sig, 2, 4),
#include "ir/ops.def"
#undef OP
};

const char *const ir_type_names[IR_TYPE_COUNT] = {"void", "i32", "i64", "f32", "f64", "v128", "cc"};
const uint8_t ir_type_bits[IR_TYPE_COUNT] = {0, 32, 64, 32, 64, 128, 0};
