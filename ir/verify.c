/* The rules of units, checked: signatures of ops.def, SSA, ranges of aux and immediates, the shape
 * of blocks, and precise state (no PUT of an instruction before its last fault).
 *
 * Owns the knowledge of what is legal. Back ends and passes may rely on all of it.
 */
#include "ir/ir.h"

#include <errno.h>

#include "base/err.h"
#include "ir/isa.h"

struct check {
    const struct ir_unit *u;
    struct err *e;
    uint32_t block;
    uint32_t at;
    bool in_insn; /* an INSN came before */
    bool put;     /* the current instruction has changed a slot */
};

#define INT_TYPES   (1u << IR_I32 | 1u << IR_I64)
#define FLOAT_TYPES (1u << IR_F32 | 1u << IR_F64)
#define ANY_TYPE    (INT_TYPES | FLOAT_TYPES | 1u << IR_V128 | 1u << IR_CC)
#define DATA_TYPES  (INT_TYPES | FLOAT_TYPES | 1u << IR_V128)

#define FAIL(c, fmt, ...)                                                    \
    err_text((c)->e, EINVAL, "block %u, %%%u %s: " fmt, (c)->block, (c)->at, \
             ir_ops[(c)->u->ins[(c)->at].op].name, ##__VA_ARGS__)
#define REQUIRE(c, condition, fmt, ...)         \
    do {                                        \
        if (!(condition))                       \
            return FAIL(c, fmt, ##__VA_ARGS__); \
    } while (0)

/* The types that 't' of an operation may stand for. */
static unsigned own_types(unsigned op)
{
    switch (op) {
    case IR_CONST:
    case IR_LD:
    case IR_ST:
        return DATA_TYPES;
    case IR_COPY:
    case IR_GET:
    case IR_PUT:
    case IR_SELNZ:
    case IR_SELCC:
        return ANY_TYPE;
    case IR_CAS:
        return INT_TYPES | 1u << IR_V128;
    case IR_BITS:
        return INT_TYPES | FLOAT_TYPES;
    case IR_CALL:
        return ANY_TYPE | 1u << IR_VOID;
    default:
        return op >= IR_FADD && op <= IR_FRINT ? FLOAT_TYPES : INT_TYPES;
    }
}

static unsigned letter_types(char letter, unsigned op)
{
    switch (letter) {
    case 't':
        return own_types(op);
    case 'w':
        return 1u << IR_I32;
    case 'x':
        return 1u << IR_I64;
    case 'n':
        return INT_TYPES;
    case 's':
        return 1u << IR_F32;
    case 'd':
        return 1u << IR_F64;
    case 'f':
        return FLOAT_TYPES;
    case 'q':
        return 1u << IR_V128;
    case 'k':
        return 1u << IR_CC;
    default:
        return ANY_TYPE;
    }
}

static int check_operand(struct check *c, const struct ir_ins *i, unsigned k)
{
    const uint32_t refs[3] = {i->a, i->b, i->c};
    const char *sig = ir_ops[i->op].sig;
    uint32_t ref = refs[k];
    char letter = sig[2 + k];
    unsigned type;

    if (letter == 'T')
        REQUIRE(c, ref < c->u->ntargets, "target %u does not exist", ref);
    if (!(ir_operand_mask(i) >> k & 1))
        return 0;
    REQUIRE(c, ref < c->at && ref >= c->u->blocks[c->block].first,
            "operand %u is not an earlier value of the block", k);
    type = c->u->ins[ref].type;
    REQUIRE(c, ir_ops[c->u->ins[ref].op].sig[0] != '-' && type != IR_VOID,
            "operand %u has no value", k);
    if (letter == 't')
        REQUIRE(c, type == i->type, "operand %u is %s, not %s", k, ir_type_names[type],
                ir_type_names[i->type]);
    REQUIRE(c, letter_types(letter, i->op) >> type & 1, "operand %u may not be %s", k,
            ir_type_names[type]);
    return 0;
}

static int check_signature(struct check *c, const struct ir_ins *i)
{
    const char *sig = ir_ops[i->op].sig;
    bool own = sig[0] == 't' || sig[2] == 't' || sig[3] == 't';

    if (sig[0] != '-' || own)
        REQUIRE(c, letter_types(own ? 't' : sig[0], i->op) >> i->type & 1, "type %s is not allowed",
                ir_type_names[i->type]);
    else
        REQUIRE(c, i->type == IR_VOID, "has no value but type %s", ir_type_names[i->type]);
    for (unsigned k = 0; k < 3; k++) {
        int err = check_operand(c, i, k);

        if (err)
            return err;
    }
    if ((sig[2] == 'n' && sig[3] == 'n') || (sig[2] == 'f' && sig[3] == 'f'))
        REQUIRE(c, c->u->ins[i->a].type == c->u->ins[i->b].type, "operands differ in type");
    return 0;
}

/* ---- slots, memory, helpers ---- */
static int check_slot(struct check *c, const struct ir_ins *i)
{
    const struct isa_slot *slot;

    REQUIRE(c, i->aux < c->u->isa->nslots, "slot %u does not exist", i->aux);
    slot = &c->u->isa->slots[i->aux];
    REQUIRE(c, !(slot->flags & ISA_SLOT_STATUS) == (i->op == IR_GET || i->op == IR_PUT),
            "slot %s and status", slot->name);
    if (i->op == IR_FPGET || i->op == IR_FPSET)
        return 0;
    REQUIRE(c, (slot->type == IR_CC) == (i->type == IR_CC), "slot %s is %s", slot->name,
            ir_type_names[slot->type]);
    REQUIRE(c, ir_type_bits[i->type] <= ir_type_bits[slot->type], "slot %s is only %s", slot->name,
            ir_type_names[slot->type]);
    return 0;
}

static int check_memory(struct check *c, const struct ir_ins *i)
{
    unsigned size = i->aux & IR_M_SIZE, bits = 8u << size;

    REQUIRE(c, size <= IR_M_128, "bad size");
    if (i->type == IR_F32 || i->type == IR_F64)
        REQUIRE(c, bits == ir_type_bits[i->type], "a float of %u bits", bits);
    else
        REQUIRE(c, bits <= ir_type_bits[i->type], "%u bits do not fit %s", bits,
                ir_type_names[i->type]);
    if (i->op == IR_CAS && i->type == IR_V128)
        REQUIRE(c, size == IR_M_128, "a vector of %u bits", bits);
    if (i->aux & IR_M_SIGNED)
        REQUIRE(c, i->op != IR_ST && i->op != IR_CAS && (INT_TYPES >> i->type & 1),
                "sign has no meaning");
    if (i->op == IR_RMW)
        REQUIRE(c, i->c <= IR_RMW_MAXU, "bad operation");
    return 0;
}

static int check_call(struct check *c, const struct ir_ins *i)
{
    const struct ir_helper *h;

    REQUIRE(c, i->aux < c->u->isa->nhelpers, "helper %u does not exist", i->aux);
    h = &c->u->isa->helpers[i->aux];
    REQUIRE(c, i->type == h->result || i->type == IR_VOID, "helper %s gives %s", h->name,
            ir_type_names[h->result]);
    REQUIRE(c, (h->nargs > 3) == (i > c->u->ins && i[-1].op == IR_ARG), "helper %s: arguments 3..5",
            h->name);
    for (unsigned k = 0; k < 6; k++) {
        const struct ir_ins *from = k < 3 ? i : h->nargs > 3 ? i - 1 : NULL;
        uint32_t ref = IR_NONE;

        if (from)
            ref = k % 3 == 0 ? from->a : k % 3 == 1 ? from->b : from->c;
        REQUIRE(c, (k < h->nargs) == (ref != IR_NONE), "helper %s has %u arguments", h->name,
                h->nargs);
        if (ref != IR_NONE)
            REQUIRE(c, c->u->ins[ref].type == h->args[k], "helper %s: argument %u is %s", h->name,
                    k, ir_type_names[h->args[k]]);
    }
    return 0;
}

/* ---- ranges of aux and immediates ---- */
static int check_scalar(struct check *c, const struct ir_ins *i)
{
    unsigned aux = i->aux, width = ir_type_bits[i->type];

    switch (i->op) {
    case IR_UDIV:
    case IR_SDIV:
        REQUIRE(c, aux <= IR_DIV_ONES, "bad rule for zero");
        break;
    case IR_EXTR:
        REQUIRE(c, i->c < width, "shift %u", i->c);
        break;
    case IR_ZX:
    case IR_SX:
        REQUIRE(c, aux == 8 || aux == 16 || aux == 32, "%u bits", aux);
        break;
    case IR_UBFX:
    case IR_SBFX:
    case IR_BFI:
        REQUIRE(c, !(aux & 0xc0) && aux >> 8 && (aux & 63) + (aux >> 8) <= width, "bad field");
        break;
    case IR_BSWAP:
        REQUIRE(c, (aux == 2 || aux == 4 || aux == 8) && 8 * aux <= width, "groups of %u", aux);
        break;
    case IR_CRC32:
    case IR_CRC32C:
        REQUIRE(c,
                aux && aux <= 8 && !(aux & (aux - 1)) &&
                    8 * aux <= ir_type_bits[c->u->ins[i->b].type],
                "%u bytes", aux);
        break;
    case IR_SETC:
    case IR_BR:
        REQUIRE(c, aux <= IR_GTU, "bad condition");
        break;
    case IR_BRT:
        REQUIRE(c, aux <= IR_NE, "bad condition");
        break;
    case IR_SELCC:
    case IR_SETCC:
    case IR_BRCC:
        REQUIRE(c, aux <= IR_CC_AL, "bad condition");
        break;
    case IR_CCSEL:
        REQUIRE(c, aux < 512 && (aux & 15) <= IR_CC_AL, "bad condition");
        break;
    case IR_FENCE:
        REQUIRE(c, aux <= IR_FENCE_ALL, "bad mask");
        break;
    default:
        break;
    }
    return 0;
}

static int check_float(struct check *c, const struct ir_ins *i)
{
    switch (i->op) {
    case IR_FMIN:
    case IR_FMAX:
        REQUIRE(c, i->aux >> 4 <= IR_MM_X86, "bad rule");
        break;
    case IR_FSETC:
        REQUIRE(c, i->aux < 16, "bad condition");
        break;
    case IR_BITS:
        REQUIRE(c, ir_type_bits[i->type] == ir_type_bits[c->u->ins[i->a].type], "widths differ");
        break;
    default:
        if (i->op <= IR_UTOF)
            REQUIRE(c, (i->aux & 7) <= IR_RM_AWAY && i->aux < 16, "bad rounding");
        break;
    }
    return 0;
}

#define LANE(l) (1u << IR_LANE_##l)
#define BHS     (LANE(B) | LANE(H) | LANE(S))

/* The lanes that a vector operation knows; 0: it does not look at the lane. */
static unsigned lanes_of(unsigned op)
{
    switch (op) {
    case IR_VZHI:
    case IR_VEXT:
    case IR_VTBL:
    case IR_VTBX:
    case IR_VAND:
    case IR_VOR:
    case IR_VXOR:
    case IR_VANDN:
    case IR_VORN:
    case IR_VNOT:
    case IR_VBSL:
    case IR_VCNT:
    case IR_VRBIT:
    case IR_VDOTS:
    case IR_VDOTU:
    case IR_VDOTUS:
    case IR_VPMUL8:
    case IR_VFCVTL:
    case IR_VFCVTN:
        return 0;
    case IR_VSXL:
    case IR_VZXL:
    case IR_VSXH:
    case IR_VZXH:
    case IR_VNARR:
    case IR_VQNSS:
    case IR_VQNSU:
    case IR_VQNUU:
    case IR_VMULLS:
    case IR_VMULLU:
    case IR_VADDLPS:
    case IR_VADDLPU:
    case IR_VREV:
        return BHS;
    case IR_VPMULL:
        return LANE(B) | LANE(D);
    default:
        if (op >= IR_VAESE && op <= IR_VSHA2S1)
            return 0;
        if (op >= IR_VFADD && op <= IR_VUTOF)
            return LANE(S) | LANE(D);
        return BHS | LANE(D);
    }
}

/* Does it pair up lanes? Then one lane alone, of half a vector, has no meaning. */
static bool pairs_lanes(unsigned op)
{
    return (op >= IR_VZIP1 && op <= IR_VTRN2) || (op >= IR_VADDP && op <= IR_VMAXPU) ||
           op == IR_VFADDP;
}

static int check_vector(struct check *c, const struct ir_ins *i)
{
    unsigned lane = i->aux & 7, lanes = lanes_of(i->op), width = 8u << lane;
    unsigned count = 16u >> lane, imm = i->c;

    if (lanes)
        REQUIRE(c, lanes >> lane & 1, "bad lane");
    if (pairs_lanes(i->op))
        REQUIRE(c, lane != IR_LANE_D || !(i->aux & IR_HALF), "one lane has no pair");
    switch (i->op) {
    case IR_VDUPL:
    case IR_VGET:
    case IR_VSET:
        REQUIRE(c, imm < count, "lane %u", imm);
        if (i->op == IR_VSET && lane == IR_LANE_D)
            REQUIRE(c, c->u->ins[i->b].type == IR_I64, "lane of 64 bits from i32");
        break;
    case IR_VSETL:
        REQUIRE(c, (imm & 255) < count && imm >> 8 < count, "lanes %u", imm);
        break;
    case IR_VEXT:
        REQUIRE(c, imm < (i->aux & IR_HALF ? 8 : 16), "byte %u", imm);
        break;
    case IR_VREV:
        REQUIRE(c, (imm == 2 || imm == 4 || imm == 8) && imm > 1u << lane, "groups of %u", imm);
        break;
    case IR_VSHLI:
    case IR_VSLI:
        REQUIRE(c, imm < width, "shift %u", imm);
        break;
    case IR_VSHRI:
    case IR_VSARI:
    case IR_VSRI:
        REQUIRE(c, imm <= width, "shift %u", imm);
        break;
    case IR_VFRINT:
        REQUIRE(c, (imm & 7) <= IR_RM_AWAY && imm < 16, "bad rounding");
        break;
    case IR_VFTOS:
    case IR_VFTOU:
        REQUIRE(c, imm <= IR_RM_AWAY, "bad rounding");
        break;
    case IR_VSHA1:
        REQUIRE(c, i->aux >> 4 <= 2, "bad function");
        break;
    case IR_VFMIN:
    case IR_VFMAX:
        REQUIRE(c, i->aux >> 4 <= IR_MM_X86, "bad rule");
        break;
    }
    return 0;
}

static int check_control(struct check *c, const struct ir_ins *i)
{
    switch (i->op) {
    case IR_JMP:
        REQUIRE(c, i->aux <= IR_J_CALL, "bad kind");
        break;
    case IR_JMPI:
        REQUIRE(c, i->aux <= IR_J_RET, "bad kind");
        break;
    case IR_EXIT:
        REQUIRE(c, i->aux <= CPU_EXIT_ISA, "bad reason");
        break;
    }
    if (i->b != IR_NONE)
        REQUIRE(c, c->u->ins[i->b].type == IR_I64, "operand 1 is not i64");
    if (i->op != IR_EXIT)
        REQUIRE(c, (i->aux == IR_J_CALL) == (i->b != IR_NONE), "return address");
    return 0;
}

/* ---- precise state ---- */
static int check_state(struct check *c, const struct ir_ins *i)
{
    const struct isa *isa = c->u->isa;
    bool faults = ir_ops[i->op].flags & IR_OPF_FAULT;

    if (i->op == IR_CALL)
        faults = isa->helpers[i->aux].flags & IR_H_FAULTS;
    if (i->op == IR_INSN) {
        c->in_insn = true;
        c->put = false;
    }
    if (i->op == IR_PUT || i->op == IR_FPSET)
        c->put = true;
    if (faults) {
        REQUIRE(c, c->in_insn, "may fault before the first insn");
        REQUIRE(c, !c->put, "may fault after a put of the same instruction");
    }
    return 0;
}

static int check_ins(struct check *c, const struct ir_ins *i)
{
    int err = check_signature(c, i);

    if (err)
        return err;
    if (i->op == IR_GET || i->op == IR_PUT || i->op == IR_FPGET || i->op == IR_FPSET)
        err = check_slot(c, i);
    else if (ir_ops[i->op].flags & IR_OPF_FAULT)
        err = check_memory(c, i);
    else if (i->op == IR_CALL)
        err = check_call(c, i);
    else if (i->op == IR_ARG)
        REQUIRE(c, i[1].op == IR_CALL, "no call follows");
    else if (ir_ops[i->op].flags & IR_OPF_END)
        err = check_control(c, i);
    else if (i->op >= IR_VDUP && i->op <= IR_VFCVTN)
        err = check_vector(c, i);
    else if (i->op >= IR_FADD && i->op <= IR_FTOV)
        err = check_float(c, i);
    else
        err = check_scalar(c, i);
    return err ? err : check_state(c, i);
}

static int check_block(struct check *c)
{
    const struct ir_block *b = &c->u->blocks[c->block];

    c->in_insn = c->put = false;
    for (c->at = b->first; c->at < b->end; c->at++) {
        const struct ir_ins *i = &c->u->ins[c->at];
        int err;

        if (i->op >= IR_OP_COUNT || i->type >= IR_TYPE_COUNT)
            return err_text(c->e, EINVAL, "block %u, %%%u: no such operation", c->block, c->at);
        REQUIRE(c, !(ir_ops[i->op].flags & IR_OPF_END) == (c->at + 1 < b->end),
                "the block's end is not here, or not marked");
        err = check_ins(c, i);
        if (err)
            return err;
    }
    return 0;
}

int ir_verify(const struct ir_unit *u, struct err *e)
{
    struct check c = {.u = u, .e = e};
    uint32_t next = 0;

    if (!u->nblocks)
        return err_text(e, EINVAL, "the unit has no block");
    for (uint32_t t = 0; t < u->ntargets; t++) {
        uint32_t b = u->targets[t].block;

        if (b != IR_NONE && (b >= u->nblocks || u->blocks[b].pc != u->targets[t].pc))
            return err_text(e, EINVAL, "target %u is not at block %u", t, b);
    }
    for (c.block = 0; c.block < u->nblocks; c.block++) {
        const struct ir_block *b = &u->blocks[c.block];
        int err;

        if (b->first < next || b->end <= b->first || b->end > u->nins)
            return err_text(e, EINVAL, "block %u is empty or overlaps", c.block);
        next = b->end;
        err = check_block(&c);
        if (err)
            return err;
    }
    return 0;
}
