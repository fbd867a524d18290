/* Random units: see gen.h. */
#include "gen.h"

#include <string.h>

#include "ir/build.h"

uint64_t gen_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct making {
    struct ir_unit *u;
    const struct gen *g;
    uint64_t seed;
    uint32_t first; /* of the block */
};

static unsigned below(struct making *m, unsigned n)
{
    return (unsigned)(gen_random(&m->seed) % n);
}

static uint64_t interesting(uint64_t *seed)
{
    static const uint64_t some[] = {
        0,
        0,
        1,
        1,
        2,
        3,
        7,
        8,
        31,
        32,
        63,
        64,
        0xff,
        0x80,
        0x7f,
        0xffff,
        0x8000,
        0x7fff,
        0xffffffff,
        0x80000000,
        0x7fffffff,
        0x100000000,
        UINT64_MAX,
        UINT64_C(1) << 63,
        (UINT64_C(1) << 63) - 1,
        UINT64_MAX - 1,
        0x3f800000,
        UINT64_C(0x3ff0000000000000),
        0xffffffff80000000,
        0xffffffffffff8000,
        0xffffffffffffff80,
        0x1000,
        0xfffff000,
    };
    uint64_t r = gen_random(seed);

    if (r & 1)
        return some[(r >> 8) % (sizeof(some) / sizeof(some[0]))];
    return gen_random(seed) >> (r >> 8 & 63);
}

static ir_ref make_const(struct making *m, unsigned type)
{
    uint64_t v = interesting(&m->seed);

    return ir_const(m->u, (enum ir_type)type, ir_type_bits[type] == 32 ? (uint32_t)v : v);
}

static unsigned slot_for(struct making *m, unsigned type, bool write)
{
    switch (type) {
    case IR_CC:
        return TI_NZCV;
    case IR_V128:
        return TI_V0 + below(m, 4);
    case IR_F64:
    case IR_F32:
        return below(m, 3) ? TI_D0 + below(m, 2) : TI_V0 + below(m, 4);
    case IR_I32:
        if (!below(m, 3))
            return TI_W0 + below(m, 2);
        break;
    default:
        break;
    }
    if (!below(m, 12))
        return TI_V0 + below(m, 4);
    if (!below(m, 12))
        return TI_D0 + below(m, 2);
    return TI_X0 + below(m, write ? 6 : 8);
}

/* A value of the type: an earlier one of the block, a constant or a slot. */
static ir_ref pick(struct making *m, unsigned type)
{
    uint32_t count = m->u->nins - m->first;

    for (unsigned tries = 0; tries < 12 && count && below(m, 16); tries++) {
        /* Mostly near, so that patterns of several operations come up. */
        uint32_t back = below(m, 2) ? below(m, count < 8 ? count : 8) : below(m, count);
        ir_ref r = m->u->nins - 1 - back;
        const struct ir_ins *i = &m->u->ins[r];

        if (i->type == type && ir_ops[i->op].sig[0] != '-')
            return r;
    }
    if (type != IR_CC && below(m, 2))
        return make_const(m, type);
    return ir_get(m->u, (enum ir_type)type, slot_for(m, type, false));
}

static unsigned one_of(uint64_t *seed, const uint8_t *list, unsigned n)
{
    return list[gen_random(seed) % n];
}

static unsigned field(uint64_t *seed, unsigned width)
{
    unsigned at = (unsigned)(gen_random(seed) % width);
    unsigned length = 1 + (unsigned)(gen_random(seed) % (width - at));

    if (gen_random(seed) & 1) {
        static const uint8_t usual[] = {8, 16, 32};

        length = one_of(seed, usual, 3);
        at = 0;
        if (length > width)
            length = width;
    }
    return at | length << 8;
}

static unsigned vector_aux(uint64_t *seed, unsigned op, uint32_t *imm)
{
    uint64_t r = gen_random(seed);
    unsigned lane = r & 3, half = r & 4 ? IR_HALF : 0, width, count;

    switch (op) {
    case IR_VSXL:
    case IR_VZXL:
    case IR_VSXH:
    case IR_VZXH:
    case IR_VADDLPS:
    case IR_VADDLPU:
        return lane % 3 | half;
    case IR_VNARR:
    case IR_VQNSS:
    case IR_VQNSU:
    case IR_VQNUU:
        return lane % 3;
    case IR_VMULLS:
    case IR_VMULLU:
        return lane % 3 | (r & 8 ? IR_HIGH : 0);
    case IR_VPMULL:
        return (r & 16 ? IR_LANE_B : IR_LANE_D) | (r & 8 ? IR_HIGH : 0);
    case IR_VQDMULH:
        return lane | half | (r & 8 ? IR_HIGH : 0);
    case IR_VFCVTL:
        return IR_LANE_S | (r & 8 ? IR_HIGH : 0);
    case IR_VFCVTN:
        return IR_LANE_S;
    case IR_VSHA1:
        return (r >> 8) % 3 << 4;
    case IR_VREV:
        lane %= 3;
        *imm = 8u >> (r >> 8) % (3 - lane);
        return lane | half;
    default:
        break;
    }
    if (op >= IR_VAESE && op <= IR_VSHA2S1)
        return 0;
    if (op >= IR_VFADD && op <= IR_VUTOF)
        lane = IR_LANE_S + (lane & 1);
    if (((op >= IR_VZIP1 && op <= IR_VTRN2) || (op >= IR_VADDP && op <= IR_VMAXPU) ||
         op == IR_VFADDP) &&
        lane == IR_LANE_D)
        half = 0;
    width = 8u << lane;
    count = 16u >> lane;
    switch (op) {
    case IR_VDUPL:
    case IR_VSET:
        *imm = (r >> 8) % count;
        break;
    case IR_VGET:
        *imm = (r >> 8) % count;
        return lane | (r & 32 ? 16 : 0);
    case IR_VSETL:
        *imm = (uint32_t)((r >> 8) % count | (r >> 16) % count << 8);
        return lane;
    case IR_VEXT:
        *imm = (r >> 8) % (half ? 8 : 16);
        break;
    case IR_VSHLI:
    case IR_VSLI:
        *imm = (r >> 8) % width;
        break;
    case IR_VSHRI:
    case IR_VSARI:
    case IR_VSRI:
        *imm = (r >> 8) % (width + 1);
        break;
    case IR_VFRINT:
        *imm = (uint32_t)((r >> 8) % 6 | (r & 32 ? 8 : 0));
        break;
    case IR_VFTOS:
    case IR_VFTOU:
        *imm = (r >> 8) % 6;
        break;
    case IR_VFMIN:
    case IR_VFMAX:
        return lane | half | ((r >> 8) & 3) << 4;
    }
    return lane | half;
}

unsigned gen_aux(uint64_t *seed, unsigned op, unsigned type, uint32_t *imm)
{
    static const uint8_t bits[] = {8, 16, 32}, groups[] = {2, 4, 8}, bytes[] = {1, 2, 4};
    uint64_t r = gen_random(seed);
    unsigned width = ir_type_bits[type];

    *imm = IR_NONE;
    switch (op) {
    case IR_UDIV:
    case IR_SDIV:
        return r & 1;
    case IR_EXTR:
        *imm = r % width;
        return 0;
    case IR_ZX:
    case IR_SX:
        return one_of(seed, bits, 3);
    case IR_UBFX:
    case IR_SBFX:
    case IR_BFI:
        return field(seed, width);
    case IR_BSWAP:
        return one_of(seed, groups, type == IR_I32 ? 2 : 3);
    case IR_CRC32:
    case IR_CRC32C:
        return one_of(seed, bytes, 3);
    case IR_SETC:
    case IR_BR:
        return r % 10;
    case IR_BRT:
        return r % 2;
    case IR_SELCC:
    case IR_SETCC:
    case IR_BRCC:
        return r % 15;
    case IR_CCSEL:
        return (unsigned)(r % 15 | (r >> 8 & 15) << 4 | (r >> 16 & 1) << 8);
    case IR_CCFCMP:
        return r & 1;
    case IR_FSETC:
        return r & 15;
    case IR_FMIN:
    case IR_FMAX:
        return (r & 3) << 4;
    case IR_FRINT:
        return (unsigned)(r % 6 | (r >> 8 & 8));
    case IR_FENCE:
        return r & 15;
    default:
        if (op >= IR_FADD && op <= IR_UTOF && op != IR_FNEG && op != IR_FABS)
            return r % 6;
        if (op >= IR_VDUP && op <= IR_VFCVTN)
            return vector_aux(seed, op, imm);
        return 0;
    }
}

/* A type for the letters 't', 'n', 'f' of the operation. */
static unsigned type_for(struct making *m, unsigned op, char letter)
{
    static const uint8_t any[] = {IR_I32, IR_I64, IR_I64, IR_F64, IR_F32, IR_V128};
    unsigned r = below(m, 6);

    switch (letter) {
    case 'w':
        return IR_I32;
    case 'x':
        return IR_I64;
    case 'n':
        return r & 1 ? IR_I64 : IR_I32;
    case 'f':
        return r & 1 ? IR_F64 : IR_F32;
    case 'q':
        return IR_V128;
    case 'k':
        return IR_CC;
    default:
        break;
    }
    if (op == IR_SELNZ || op == IR_SELCC || op == IR_COPY || op == IR_CONST)
        return any[r];
    if (op == IR_BITS)
        return any[below(m, 5)];
    if (op >= IR_FADD && op <= IR_FRINT)
        return r & 1 ? IR_F64 : IR_F32;
    return r & 1 ? IR_I64 : IR_I32;
}

static bool wanted(const struct gen *g, unsigned op)
{
    unsigned flags = ir_ops[op].flags;

    if (!(flags & IR_OPF_PURE) || op == IR_CONST)
        return false;
    if ((flags & IR_OPF_ROUND) && !g->floats)
        return false;
    return g->vectors || op < IR_VDUP || op == IR_FNEG;
}

static unsigned other_of_width(unsigned type)
{
    switch (type) {
    case IR_I32:
        return IR_F32;
    case IR_F32:
        return IR_I32;
    case IR_I64:
        return IR_F64;
    default:
        return IR_I64;
    }
}

static void make_pure(struct making *m)
{
    unsigned op, type, aux, k, shared;
    ir_ref refs[3] = {IR_NONE, IR_NONE, IR_NONE};
    const char *sig;
    uint32_t imm;

    do /* half of the time a scalar one */
        if (m->g->cc && below(m, 2))
            op = IR_CCADD + below(m, IR_LD - IR_CCADD);
        else
            op = below(m, 2) ? below(m, IR_OP_COUNT) : IR_COPY + below(m, IR_LD - IR_COPY);
    while (!wanted(m->g, op));
    sig = ir_ops[op].sig;
    type = type_for(m, op, sig[0]);
    aux = gen_aux(&m->seed, op, type, &imm);
    shared = op == IR_VDUP && (aux & 7) == IR_LANE_D ? (unsigned)IR_I64 : type_for(m, op, sig[2]);
    for (k = 0; k < 3; k++) {
        char letter = sig[2 + k];

        if (letter == '-' || letter == 'i')
            continue;
        if (letter == 't')
            refs[k] = pick(m, type);
        else if (op == IR_BITS)
            refs[k] = pick(m, other_of_width(type));
        else if (letter == sig[2])
            refs[k] = pick(m, shared);
        else if (op == IR_VSET && (aux & 7) == IR_LANE_D)
            refs[k] = pick(m, IR_I64);
        else
            refs[k] = pick(m, type_for(m, op, letter));
    }
    ir_emit(m->u, (enum ir_op)op, (enum ir_type)type, aux, refs[0], refs[1],
            sig[4] == 'i' ? imm : refs[2]);
}

static unsigned memory_desc(struct making *m, unsigned op, unsigned *type)
{
    static const uint8_t types[] = {IR_I32, IR_I64, IR_I64, IR_F32, IR_F64, IR_V128};
    unsigned size, desc;

    *type = op == IR_RMW   ? IR_I32 + below(m, 2)
            : op == IR_CAS ? IR_I32 + below(m, 2)
                           : types[below(m, 6)];
    switch (*type) {
    case IR_I32:
        size = below(m, 3);
        break;
    case IR_I64:
        size = below(m, 4);
        break;
    case IR_F32:
        size = IR_M_32;
        break;
    case IR_F64:
        size = IR_M_64;
        break;
    default:
        size = IR_M_128;
        break;
    }
    desc = size;
    if ((op == IR_LD || op == IR_RMW) && *type <= IR_I64 && below(m, 2))
        desc |= IR_M_SIGNED;
    if (!below(m, 5))
        desc |= IR_M_BIG;
    if (!below(m, 6))
        desc |= IR_M_ACQUIRE * (1 + below(m, 3));
    if (m->g->faults && !below(m, 6))
        desc |= IR_M_ALIGNED;
    return desc;
}

static void make_access(struct making *m)
{
    static const uint8_t ops[] = {IR_LD, IR_LD, IR_LD, IR_ST, IR_ST, IR_CAS, IR_RMW};
    unsigned op = ops[below(m, 7)], type, desc = memory_desc(m, op, &type);
    /* Atomics over two cache lines are very slow on many hosts. */
    bool atomic = op == IR_CAS || op == IR_RMW;
    unsigned align = m->g->faults && (!atomic || (desc & IR_M_ALIGNED)) ? 1 : 16;
    int at = (int)(below(m, GEN_MEMORY / 4) / align * align) - GEN_MEMORY / 8;
    ir_ref base = ir_get(m->u, IR_I64, TI_X7);
    int disp = 0;

    /* The address is put together from parts, for the optimiser to take apart. */
    if (below(m, 2)) {
        int part = (int)below(m, 128) * 16;

        base = below(m, 2)
                   ? ir_op2(m->u, IR_ADD, IR_I64, 0, base,
                            ir_const(m->u, IR_I64, (uint64_t)(int64_t)-part))
                   : ir_op2(m->u, IR_SUB, IR_I64, 0, base, ir_const(m->u, IR_I64, (uint64_t)part));
        at += part;
    }
    if (atomic || below(m, 2))
        base = ir_op2(m->u, IR_ADD, IR_I64, 0, base, ir_const(m->u, IR_I64, (uint64_t)(int64_t)at));
    else
        disp = at;
    switch (op) {
    case IR_LD:
        ir_ld(m->u, (enum ir_type)type, desc, base, disp);
        break;
    case IR_ST:
        ir_st(m->u, desc, base, pick(m, type), disp);
        break;
    case IR_CAS:
        ir_op3(m->u, IR_CAS, (enum ir_type)type, desc, base, pick(m, type), pick(m, type));
        break;
    default:
        ir_op3(m->u, IR_RMW, (enum ir_type)type, desc, base, pick(m, type), below(m, 10));
        break;
    }
}

static void make_call(struct making *m)
{
    struct ir_unit *u = m->u;
    ir_ref v[6];

    switch (below(m, 8)) {
    case TH_MIX:
        v[0] = pick(m, IR_I64);
        v[1] = pick(m, IR_I64);
        ir_call(u, IR_I64, TH_MIX, v[0], v[1], IR_NONE);
        break;
    case TH_SUM6:
        for (unsigned k = 0; k < 6; k++)
            v[k] = pick(m, IR_I64);
        ir_args(u, v[3], v[4], v[5]);
        ir_call(u, IR_I64, TH_SUM6, v[0], v[1], v[2]);
        break;
    case TH_READ:
        ir_call(u, IR_I64, TH_READ, IR_NONE, IR_NONE, IR_NONE);
        break;
    case TH_SWAP:
        ir_call(u, IR_VOID, TH_SWAP, IR_NONE, IR_NONE, IR_NONE);
        break;
    case TH_PROBE:
        v[0] = pick(m, IR_I64);
        if (!m->g->faults || below(m, 4))
            v[0] = ir_op2(u, IR_AND, IR_I64, 0, v[0], ir_const(u, IR_I64, UINT64_MAX - 1));
        ir_call(u, IR_I64, TH_PROBE, v[0], IR_NONE, IR_NONE);
        break;
    case TH_COUNT:
        ir_call(u, IR_I64, TH_COUNT, IR_NONE, IR_NONE, IR_NONE);
        break;
    case TI_NHELPERS: /* not a helper */
        if (m->g->floats)
            ir_fpget(u, TI_FPFLAGS);
        break;
    default:
        v[0] = pick(m, IR_V128);
        ir_call(u, IR_V128, TH_VROT, v[0], IR_NONE, IR_NONE);
        break;
    }
}

static void make_put(struct making *m)
{
    static const uint8_t types[] = {IR_I64, IR_I64, IR_I64, IR_I32, IR_I32,
                                    IR_CC,  IR_F64, IR_F32, IR_V128};
    unsigned type = types[below(m, 9)];
    ir_ref v = pick(m, type);
    unsigned slot = slot_for(m, type, true);

    ir_put(m->u, slot, v);
}

static void make_branch(struct making *m, uint64_t pc)
{
    unsigned type = IR_I32 + below(m, 2);
    uint32_t imm;
    ir_ref a, b;

    switch (below(m, 3)) {
    case 0:
        a = pick(m, type);
        b = below(m, 3) ? pick(m, type) : ir_const(m->u, (enum ir_type)type, 0);
        ir_br(m->u, (enum ir_cond)gen_aux(&m->seed, IR_BR, type, &imm), a, b, pc);
        break;
    case 1:
        a = pick(m, type);
        b = pick(m, type);
        ir_brt(m->u, (enum ir_cond)gen_aux(&m->seed, IR_BRT, type, &imm), a, b, pc);
        break;
    default:
        a = pick(m, IR_CC);
        ir_brcc(m->u, (enum ir_cc)gen_aux(&m->seed, IR_BRCC, type, &imm), a, pc);
        break;
    }
}

static void make_insn(struct making *m, uint64_t pc)
{
    unsigned n = 1 + below(m, 6);

    ir_emit(m->u, IR_INSN, IR_VOID, 4, IR_NONE, (uint32_t)pc, (uint32_t)(pc >> 32));
    for (unsigned k = 0; k < n; k++) {
        if (m->g->memory && !below(m, 6))
            make_access(m);
        else if (m->g->helpers && !below(m, 16))
            make_call(m);
        else
            make_pure(m);
    }
    for (unsigned k = below(m, 3); k < 3; k++)
        make_put(m);
    if (m->g->floats && m->g->helpers && !below(m, 16))
        ir_fpset(m->u, TI_FPFLAGS,
                 ir_op2(m->u, IR_AND, IR_I32, 0, pick(m, IR_I32), ir_const(m->u, IR_I32, 31)));
}

static uint64_t block_pc(unsigned block)
{
    return 0x400000 + 0x1000 * (uint64_t)block;
}

static void make_end(struct making *m, unsigned block)
{
    unsigned later = block + 1 + below(m, 2);
    uint64_t next = later < m->g->blocks ? block_pc(later) : 0x900000 + 4 * block;
    ir_ref count;

    if (block && !below(m, 3)) {
        count =
            ir_op2(m->u, IR_SUB, IR_I64, 0, ir_get(m->u, IR_I64, TI_X6), ir_const(m->u, IR_I64, 1));
        ir_put(m->u, TI_X6, count);
        ir_br(m->u, IR_GTS, count, ir_const(m->u, IR_I64, 0), block_pc(below(m, block + 1)));
    } else if (below(m, 2)) {
        make_branch(m, below(m, 2) && block + 1 < m->g->blocks ? block_pc(block + 1) : 0x800000);
    }
    switch (below(m, 8)) {
    case 0:
        ir_jmpi(m->u, IR_J_JUMP, pick(m, IR_I64), IR_NONE);
        break;
    case 1:
        ir_exit(m->u, CPU_EXIT_SYSCALL, ir_const(m->u, IR_I64, next), pick(m, IR_I64), 17);
        break;
    case 2:
        ir_jmp_call(m->u, next, ir_const(m->u, IR_I64, next + 4));
        break;
    default:
        ir_jmp(m->u, next);
        break;
    }
}

void gen_unit(struct ir_unit *u, const struct gen *g)
{
    struct making m = {.u = u, .g = g, .seed = g->seed};

    ir_unit_reset(u, &isa_test, 0);
    isa_test.fpenv(0, &u->fp);
    u->fp.nan_rule = (uint8_t)below(&m, 3);
    u->fp.default_nan = !below(&m, 3);
    for (unsigned b = 0; b < g->blocks; b++) {
        uint64_t pc = block_pc(b);

        ir_block_begin(u, pc);
        m.first = u->nins;
        for (unsigned k = 0; k < g->insns; k++, pc += 4) {
            make_insn(&m, pc);
            if (!below(&m, 8))
                make_branch(&m, b + 1 < g->blocks
                                    ? block_pc(b + 1 + below(&m, 2) % (g->blocks - b - 1))
                                    : 0x700000);
        }
        make_end(&m, b);
        ir_block_finish(u);
        u->blocks[b].guest_bytes = 4 * g->insns;
        if (!b || !below(&m, 5))
            u->blocks[b].flags |= IR_B_ENTRY;
    }
    for (uint32_t t = 0; t < u->ntargets; t++)
        for (uint32_t b = 0; b < u->nblocks; b++)
            if (u->blocks[b].pc == u->targets[t].pc)
                u->targets[t].block = b;
}

void gen_state(struct cpu *c, uint64_t seed, unsigned char *memory)
{
    struct ti_state *s = (struct ti_state *)c->state;

    c->pc = 0x400000;
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 8; i++)
        s->x[i] = interesting(&seed);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 2; k++) {
            uint64_t v = interesting(&seed);

            memcpy(&s->v[i][8 * k], &v, 8);
        }
    s->d[0] = interesting(&seed);
    s->d[1] = gen_random(&seed);
    s->w[0] = (uint32_t)interesting(&seed);
    s->w[1] = (uint32_t)gen_random(&seed);
    s->nzcv = ir_nzcv_pack((uint32_t)gen_random(&seed) & 0xf0000000);
    s->x[6] = 1 + gen_random(&seed) % 6;
    s->x[7] = (uint64_t)(uintptr_t)(memory + GEN_MEMORY / 2);
    for (unsigned i = 0; i < GEN_MEMORY; i++)
        memory[i] = (unsigned char)gen_random(&seed);
}

void gen_copy(struct ir_unit *to, const struct ir_unit *from)
{
    ir_unit_reset(to, from->isa, from->key);
    to->fp = from->fp;
    to->pc_lo = from->pc_lo;
    to->pc_hi = from->pc_hi;
    for (uint32_t t = 0; t < from->ntargets; t++) {
        ir_target_add(to, from->targets[t].pc);
        to->targets[t] = from->targets[t];
    }
    for (uint32_t b = 0; b < from->nblocks; b++) {
        ir_block_begin(to, 0);
        to->blocks[b] = from->blocks[b];
    }
    for (uint32_t i = 0; i < from->nins; i++) {
        ir_emit(to, IR_NOP, IR_VOID, 0, 0, 0, 0);
        to->ins[i] = from->ins[i];
    }
}
