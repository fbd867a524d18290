/* Private to ir/eval*.c and ir/interp.c: how the evaluator's functions are called.
 *
 * One function per pure operation, ir_eval_NAME(), found through ir_eval_table[]. Operands are
 * copies, so that a function may write its result piece by piece. Only bits of the operand's type
 * count; results fill x for scalars (zero-extended) and all 16 bytes for vectors.
 */
#ifndef MYNA_IR_EVAL_CALL_H
#define MYNA_IR_EVAL_CALL_H

#include "ir/ir.h"

struct ir_eval_call {
    union ir_val *r;
    union ir_val a, b, c;
    const struct ir_fpenv *env;
    uint32_t imm;
    uint16_t aux;
    uint8_t type, argtype;
    uint8_t *fpflags;
};

typedef void ir_eval_fn(struct ir_eval_call *e);
extern ir_eval_fn *const ir_eval_table[IR_OP_COUNT]; /* NULL for what is not pure */

#define OP(NAME, text, sig, flags, doc) ir_eval_fn ir_eval_##NAME;
#include "ir/ops.def"
#undef OP

static inline uint64_t eval_arg(unsigned type, const union ir_val *v)
{
    return type == IR_I32 || type == IR_F32 ? v->w : v->x;
}

static inline void eval_set(struct ir_eval_call *e, uint64_t v)
{
    e->r->x = e->type == IR_I64 || e->type == IR_F64 ? v : (uint32_t)v;
}

static inline int64_t eval_sext(uint64_t v, unsigned bits)
{
    return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

/* Is condition cond (enum ir_cc) true of N, Z, C, V in bits 31..28? */
static inline bool eval_cc(unsigned cond, uint32_t nzcv)
{
    unsigned n = nzcv >> 31, z = nzcv >> 30 & 1, c = nzcv >> 29 & 1, v = nzcv >> 28 & 1;
    unsigned yes;

    switch (cond >> 1) {
    case 0:
        yes = z;
        break;
    case 1:
        yes = c;
        break;
    case 2:
        yes = n;
        break;
    case 3:
        yes = v;
        break;
    case 4:
        yes = c & !z;
        break;
    case 5:
        yes = n == v;
        break;
    case 6:
        yes = (n == v) & !z;
        break;
    default:
        return true;
    }
    return yes ^ (cond & 1);
}

/* Is a COND b (enum ir_cond) true of integers of this type? */
static inline bool eval_cond(unsigned cond, unsigned type, const union ir_val *a,
                             const union ir_val *b)
{
    uint64_t x = eval_arg(type, a), y = eval_arg(type, b);
    unsigned width = type == IR_I32 ? 32 : 64;
    int64_t sx = eval_sext(x, width), sy = eval_sext(y, width);
    bool yes;

    switch (cond & ~1u) {
    case IR_EQ:
        yes = x == y;
        break;
    case IR_LTS:
        yes = sx < sy;
        break;
    case IR_LES:
        yes = sx <= sy;
        break;
    case IR_LTU:
        yes = x < y;
        break;
    default:
        yes = x <= y;
        break;
    }
    return yes ^ (cond & 1);
}
#endif
