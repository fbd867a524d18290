/* Owns what the mode of a machine's processor adds to every instruction, from the code key: illegal
 * state, traps of floating point, alignment, byte order, breakpoints, watchpoints, software step.
 * The lifters themselves know nothing of it. Requires: key with A64_KEY_SYSTEM. Breaks: nothing for
 * other keys. */
#include <string.h>

#include "isa/arm64/lift_system.h"

/* ---- which instructions the model has: tables' third column ---- */

bool a64_gate(const struct a64_lift *l, enum a64_gate gate)
{
    static const uint8_t features[A64_GATES] = {
        [A64_GATE_aes] = A64_F_AES,       [A64_GATE_atomics] = A64_F_ATOMICS,
        [A64_GATE_bf16] = A64_F_BF16,     [A64_GATE_crc32] = A64_F_CRC32,
        [A64_GATE_dit] = A64_F_DIT,       [A64_GATE_dotprod] = A64_F_ASIMDDP,
        [A64_GATE_fcma] = A64_F_FCMA,     [A64_GATE_fhm] = A64_F_ASIMDFHM,
        [A64_GATE_flagm] = A64_F_FLAGM,   [A64_GATE_flagm2] = A64_F_FLAGM2,
        [A64_GATE_fp16] = A64_F_FPHP,     [A64_GATE_frintts] = A64_F_FRINT,
        [A64_GATE_i8mm] = A64_F_I8MM,     [A64_GATE_ilrcpc] = A64_F_ILRCPC,
        [A64_GATE_jscvt] = A64_F_JSCVT,   [A64_GATE_lrcpc] = A64_F_LRCPC,
        [A64_GATE_pauth] = A64_F_PACA,    [A64_GATE_pmull] = A64_F_PMULL,
        [A64_GATE_rng] = A64_F_RNG,       [A64_GATE_rdm] = A64_F_ASIMDRDM,
        [A64_GATE_sb] = A64_F_SB,         [A64_GATE_sha1] = A64_F_SHA1,
        [A64_GATE_sha2] = A64_F_SHA2,     [A64_GATE_sha3] = A64_F_SHA3,
        [A64_GATE_sha512] = A64_F_SHA512, [A64_GATE_sm3] = A64_F_SM3,
        [A64_GATE_sm4] = A64_F_SM4,       [A64_GATE_ssbs] = A64_F_SSBS,
    };

    if (!(l->key & A64_KEY_SYSTEM))
        return true;
    return a64_model_at(l->key >> A64_KEY_MODEL_SHIFT & 7)->features >> features[gate] & 1;
}

/* ---- floating point ---- */

/* Loads, stores and operations of vector registers, and FPCR and FPSR. C4.1 */
static bool is_fp(uint32_t word)
{
    return (word & 0x0c000000) == 0x0c000000 || (word & 0xffdfffc0) == 0xd51b4400;
}

/* ---- accesses ---- */

static bool is_access(const struct ir_ins *i)
{
    return i->op == IR_LD || i->op == IR_ST || i->op == IR_CAS || i->op == IR_RMW;
}

static void change_accesses(struct a64_lift *l, ir_ref mark)
{
    unsigned aligned = l->key & A64_KEY_ALIGN ? IR_M_ALIGNED : 0,
             big = l->key & A64_KEY_BIG ? IR_M_BIG : 0;

    for (ir_ref at = mark; at < l->u->nins; at++) {
        struct ir_ins *i = &l->u->ins[at];

        if (is_access(i))
            i->aux = (uint16_t)((i->aux | aligned) ^ big);
    }
}

static void watch(struct a64_lift *l, const struct ir_ins *i, ir_ref address)
{
    unsigned access = i->op == IR_LD ? CPU_READ : CPU_WRITE,
             size = i->op == IR_CALL ? 16 : 1u << (i->aux & IR_M_SIZE);

    if ((i->op == IR_LD || i->op == IR_ST) && i->c)
        address = ir_op2(l->u, IR_ADD, IR_I64, 0, address,
                         a64_imm(l, IR_I64, (uint64_t)(int64_t)(int32_t)i->c));
    a64_call(l, IR_VOID, A64_H_watchpoints, address, a64_imm(l, IR_I32, size),
             a64_imm(l, IR_I32, access));
}

enum { MAX_OPS = 512 };

/* Puts a check before every access of the instruction: its operations are emitted once more between
 * them. */
static void watch_accesses(struct a64_lift *l, ir_ref mark)
{
    struct ir_ins old[MAX_OPS];
    ir_ref map[MAX_OPS];
    unsigned n = l->u->nins - mark;

    if (n > MAX_OPS)
        return;
    memcpy(old, &l->u->ins[mark], n * sizeof(old[0]));
    l->u->nins = mark;
    for (unsigned at = 0; at < n; at++) {
        struct ir_ins i = old[at];
        unsigned mask = ir_operand_mask(&i);

        if ((mask & 1) && i.a >= mark)
            i.a = map[i.a - mark];
        if ((mask & 2) && i.b >= mark)
            i.b = map[i.b - mark];
        if ((mask & 4) && i.c >= mark)
            i.c = map[i.c - mark];
        if (is_access(&i) || (i.op == IR_CALL && i.aux == A64_H_cas_pair))
            watch(l, &i, i.a);
        map[at] = ir_emit(l->u, (enum ir_op)i.op, (enum ir_type)i.type, i.aux, i.a, i.b, i.c);
    }
}

/* ---- software step ---- */

/* A condition of BR, BRT or BRCC as an i32, 0 or 1. */
static ir_ref condition(struct a64_lift *l, const struct ir_ins *i)
{
    if (i->op == IR_BRCC)
        return ir_op1(l->u, IR_SETCC, IR_I32, i->aux, i->a);
    if (i->op == IR_BRT) {
        ir_ref both = ir_op2(l->u, IR_AND, (enum ir_type)i->type, 0, i->a, i->b);

        return ir_op2(l->u, IR_SETC, IR_I32, i->aux, both, a64_imm(l, (enum ir_type)i->type, 0));
    }
    return ir_op2(l->u, IR_SETC, IR_I32, i->aux, i->a, i->b);
}

/* Jumps become exits, so that the next instruction is looked up under the new key. */
static enum isa_lift end_step(struct a64_lift *l, ir_ref mark, enum isa_lift how)
{
    struct ir_unit *u = l->u;

    if (how == ISA_NEXT)
        return a64_end_block(l);
    for (ir_ref at = mark; at < u->nins; at++) {
        struct ir_ins i = u->ins[at], last = u->ins[u->nins - 1];
        ir_ref to;

        if (i.op != IR_BR && i.op != IR_BRT && i.op != IR_BRCC && i.op != IR_JMP && i.op != IR_JMPI)
            continue;
        u->nins = at;
        if (i.op == IR_JMPI) {
            to = i.a;
        } else if (i.op == IR_JMP) {
            to = a64_imm(l, IR_I64, u->targets[i.c].pc);
        } else {
            ir_ref yes = a64_imm(l, IR_I64, u->targets[i.c].pc),
                   no = a64_imm(l, IR_I64, u->targets[last.c].pc);

            to = ir_op3(u, IR_SELNZ, IR_I64, 0, condition(l, &i), yes, no);
        }
        ir_exit(u, CPU_EXIT_NONE, to, IR_NONE, 0);
        break;
    }
    return how;
}

enum isa_lift a64_lift_system(struct a64_lift *l, uint32_t word)
{
    const uint32_t rare = A64_KEY_IL | A64_KEY_STEP | A64_KEY_STEPPED | A64_KEY_BREAK;
    enum isa_lift how;
    ir_ref mark;

    if (unlikely(l->key & rare)) {
        if (l->key & A64_KEY_STEPPED)
            return a64_sys_exit(l, A64_EXIT_STEPPED);
        if (l->key & A64_KEY_BREAK)
            a64_call(l, IR_VOID, A64_H_breakpoints, IR_NONE, IR_NONE, IR_NONE);
        if (l->key & A64_KEY_IL)
            return a64_sys_exit(l, A64_EXIT_IL);
        if (l->key & A64_KEY_STEP)
            a64_call(l, IR_VOID, A64_H_step, IR_NONE, IR_NONE, IR_NONE);
    }
    mark = l->u->nins;
    how = a64_decode(l, word);
    if (how == ISA_UNDEF)
        return how;
    if (unlikely(l->key & A64_KEY_FPTRAP) && is_fp(word)) {
        l->u->nins = mark;
        return a64_sys_exit(l, A64_EXIT_FP);
    }
    if (unlikely(l->key & (A64_KEY_ALIGN | A64_KEY_BIG)))
        change_accesses(l, mark);
    if (unlikely(l->key & A64_KEY_WATCH))
        watch_accesses(l, mark);
    return l->key & A64_KEY_STEP ? end_step(l, mark, how) : how;
}
