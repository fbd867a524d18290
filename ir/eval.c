/* One pure operation on values: the entry, and the table of the functions that do it.
 *
 * Owns no semantics; eval_int.c, eval_cc.c, eval_fp.c, eval_lane.c, eval_vec.c, eval_vecfp.c and
 * eval_crypto.c have them. An operation without a function is a link error.
 */
#include "ir/ir.h"

#include <assert.h>

#include "ir/eval_call.h"

/* What is not pure, or needs no evaluation. */
#define ir_eval_NOP   NULL
#define ir_eval_INSN  NULL
#define ir_eval_CONST NULL
#define ir_eval_GET   NULL
#define ir_eval_PUT   NULL
#define ir_eval_FPGET NULL
#define ir_eval_FPSET NULL
#define ir_eval_LD    NULL
#define ir_eval_ST    NULL
#define ir_eval_CAS   NULL
#define ir_eval_RMW   NULL
#define ir_eval_FENCE NULL
#define ir_eval_ARG   NULL
#define ir_eval_CALL  NULL
#define ir_eval_BR    NULL
#define ir_eval_BRT   NULL
#define ir_eval_BRCC  NULL
#define ir_eval_JMP   NULL
#define ir_eval_JMPI  NULL
#define ir_eval_EXIT  NULL

ir_eval_fn *const ir_eval_table[IR_OP_COUNT] = {
#define OP(NAME, text, sig, flags, doc) [IR_##NAME] = ir_eval_##NAME,
#include "ir/ops.def"
#undef OP
};

void ir_eval(const struct ir_fpenv *env, uint8_t op, uint8_t type, unsigned aux, uint32_t imm,
             uint8_t argtype, union ir_val *r, const union ir_val *a, const union ir_val *b,
             const union ir_val *c, uint8_t *fpflags)
{
    static const union ir_val none;
    struct ir_eval_call e = {
        .r = r,
        .a = a ? *a : none,
        .b = b ? *b : none,
        .c = c ? *c : none,
        .env = env,
        .imm = imm,
        .aux = (uint16_t)aux,
        .type = type,
        .argtype = argtype,
        .fpflags = fpflags,
    };

    assert(op < IR_OP_COUNT && ir_eval_table[op]);
    ir_eval_table[op](&e);
}
