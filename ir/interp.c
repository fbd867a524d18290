/* The interpreter: runs a unit on a cpu. The reference for every back end, the way over odd spots
 * (single steps, code that changes itself), and the engine where there is no back end.
 *
 * Owns control flow, slots and helper calls; values come from ir/eval.h's functions, memory from
 * interp_mem.c. It allocates on the stack only, so cpu_leave() may jump out of a helper.
 *
 * cpu->pc is the current instruction's at each operation that may fault.
 */
#include "ir/ir.h"

#include <signal.h>
#include <alloca.h>
#include <stdatomic.h>
#include <string.h>

#include "core/tlb.h"
#include "ir/eval_call.h"
#include "ir/interp_mem.h"
#include "ir/isa.h"

struct interp {
    const struct ir_unit *u;
    struct cpu *cpu;
    union ir_val *vals; /* of the current block, by index - first */
    uint32_t first;
    uint8_t fpflags; /* raised and not yet handed to the isa */
};

static union ir_val *val(const struct interp *in, ir_ref ref)
{
    return &in->vals[ref - in->first];
}

static void flush_flags(struct interp *in)
{
    if (in->fpflags) {
        if (in->cpu->isa->fp_status_add)
            in->cpu->isa->fp_status_add(in->cpu, in->fpflags);
        in->fpflags = 0;
    }
}

/* ---- slots ---- */
static unsigned slot_size(const struct isa_slot *slot)
{
    return slot->type == IR_CC ? 4 : ir_type_bits[slot->type] / 8u;
}

static void get_slot(const struct interp *in, const struct ir_ins *i, union ir_val *r)
{
    const struct isa_slot *slot = &in->cpu->isa->slots[i->aux];
    const unsigned char *at = in->cpu->state + slot->offset;

    r->d[0] = r->d[1] = 0;
    if (i->type == IR_CC) {
        memcpy(&r->w, at, 4);
        r->x = ir_nzcv_unpack(r->w);
    } else {
        memcpy(r, at, ir_type_bits[i->type] / 8u);
    }
}

static void put_slot(const struct interp *in, const struct ir_ins *i, const union ir_val *v)
{
    const struct isa_slot *slot = &in->cpu->isa->slots[i->aux];
    unsigned char *at = in->cpu->state + slot->offset;
    union ir_val whole = {.d = {0, 0}};

    if (i->type == IR_CC)
        whole.w = ir_nzcv_pack(v->w);
    else
        memcpy(&whole, v, ir_type_bits[i->type] / 8u);
    memcpy(at, &whole, slot_size(slot));
}

static uint32_t *status_slot(const struct interp *in, const struct ir_ins *i)
{
    return (uint32_t *)(void *)(in->cpu->state + in->cpu->isa->slots[i->aux].offset);
}

/* ---- helpers ---- */
static void call(struct interp *in, const struct ir_ins *i, union ir_val *r)
{
    const struct ir_helper *h = &in->cpu->isa->helpers[i->aux];
    union ir_val v[6] = {0};
    const uint32_t *args = &i->a;

    for (unsigned k = 0; k < 3; k++)
        if (args[k] != IR_NONE)
            v[k] = *val(in, args[k]);
    if (h->nargs > 3) {
        args = &i[-1].a;
        for (unsigned k = 0; k < 3; k++)
            if (args[k] != IR_NONE)
                v[3 + k] = *val(in, args[k]);
    }
    flush_flags(in);
    h->fn(in->cpu, v);
    if (i->type == IR_I32 || i->type == IR_F32 || i->type == IR_CC)
        v[0].x = v[0].w;
    *r = v[0];
}

/* ---- memory ---- */
static int misaligned(struct interp *in, uint64_t addr, enum cpu_access access)
{
    in->cpu->fault_addr = addr;
    in->cpu->fault_access = access;
    in->cpu->exit_reason = CPU_EXIT_ALIGN;
    return CPU_EXIT_ALIGN;
}

/* The host address of a guest one: without the tag where the isa ignores it. False: none that a host of
 * 48-bit addresses has; it must be told here, because the host's fault would not name it. */
static bool host_address(const struct interp *in, uint64_t *addr)
{
    if (in->u->isa->top_byte_ignored)
        *addr = (uint64_t)((int64_t)(*addr << 8) >> 8);
    return (uint64_t)((int64_t)(*addr << 16) >> 16) == *addr;
}

static int unmapped(struct interp *in, uint64_t addr, enum cpu_access access)
{
    in->cpu->fault_addr = addr;
    in->cpu->fault_access = access;
    in->cpu->fault_sig = SIGSEGV;
    in->cpu->fault_code = SEGV_MAPERR;
    in->cpu->exit_reason = CPU_EXIT_FAULT;
    return CPU_EXIT_FAULT;
}

/* The access itself, at a host address. False: misaligned. */
static bool access_host(struct interp *in, const struct ir_ins *i, unsigned desc, uint64_t addr, union ir_val *r)
{
    switch (i->op) {
    case IR_LD:
        return interp_load(desc, i->type, addr, r);
    case IR_ST:
        return interp_store(desc, addr, val(in, i->b));
    case IR_CAS:
        return interp_cas(desc, addr, r, val(in, i->b), val(in, i->c));
    default:
        return interp_rmw(desc, i->type, i->c, addr, r, val(in, i->b));
    }
}

/* In a machine; does not return when the guest may not. */
static void access_system(struct interp *in, const struct ir_ins *i, uint64_t addr, union ir_val *r)
{
    unsigned flags = i->op == IR_LD   ? CPU_MEM_READ
                     : i->op == IR_ST ? CPU_MEM_WRITE
                                      : CPU_MEM_READ | CPU_MEM_WRITE;
    struct cpu_mem m;
    uint8_t before[16];

    if (i->aux & IR_M_ALIGNED)
        flags |= CPU_MEM_ALIGNED;
    if (i->aux & IR_M_USER)
        flags |= CPU_MEM_USER;
    cpu_mem_begin(in->cpu, &m, addr, 1u << (i->aux & IR_M_SIZE), flags);
    if (m.bounce)
        memcpy(before, m.buf, sizeof(before));
    access_host(in, i, i->aux & ~IR_M_ALIGNED, (uint64_t)(uintptr_t)m.host, r);
    if (i->op == IR_CAS && m.bounce && !memcmp(before, m.buf, m.size))
        return; /* not swapped: no write */
    cpu_mem_end(in->cpu, &m);
}

/* One access; an enum cpu_exit when it cannot be done. */
static int access_memory(struct interp *in, const struct ir_ins *i, union ir_val *r)
{
    bool plain = i->op == IR_LD || i->op == IR_ST;
    uint64_t addr = val(in, i->a)->x + (plain ? (uint64_t)(int32_t)i->c : 0);
    enum cpu_access access = i->op == IR_LD ? CPU_READ : CPU_WRITE;
    bool ok;

    if (in->cpu->sys) {
        flush_flags(in);
        access_system(in, i, addr, r);
        return CPU_EXIT_NONE;
    }
    if (!host_address(in, &addr)) { /* alignment is looked at before the address */
        if (i->aux & IR_M_ALIGNED && addr & ((1u << (i->aux & IR_M_SIZE)) - 1))
            return misaligned(in, addr, access);
        return unmapped(in, addr, access);
    }
    flush_flags(in);
    /* A fault handler reads cpu->pc and the slots: they must be in memory now. */
    atomic_signal_fence(memory_order_seq_cst);
    ok = access_host(in, i, i->aux, addr, r);
    atomic_signal_fence(memory_order_seq_cst);
    return ok ? CPU_EXIT_NONE : misaligned(in, addr, access);
}

/* ---- control ---- */
static bool branch_taken(const struct interp *in, const struct ir_ins *i)
{
    static const union ir_val zero;
    union ir_val both;

    switch (i->op) {
    case IR_BR:
        return eval_cond(i->aux, i->type, val(in, i->a), val(in, i->b));
    case IR_BRT:
        both.x = val(in, i->a)->x & val(in, i->b)->x;
        return eval_cond(i->aux, i->type, &both, &zero);
    default:
        return eval_cc(i->aux, val(in, i->a)->w);
    }
}

static int leave(struct interp *in, uint64_t pc, enum cpu_exit reason)
{
    flush_flags(in);
    in->cpu->pc = pc;
    in->cpu->exit_reason = reason;
    return reason;
}

static int leave_exit(struct interp *in, const struct ir_ins *i)
{
    in->cpu->exit_code = i->c;
    in->cpu->exit_arg = i->b != IR_NONE ? val(in, i->b)->x : 0;
    return leave(in, val(in, i->a)->x, (enum cpu_exit)i->aux);
}

/* The block a branch goes to, or NULL with *reason when it leaves the unit. */
static const struct ir_block *go(struct interp *in, uint32_t target, const struct ir_block *from,
                                 int *reason)
{
    const struct ir_target *t = &in->u->targets[target];
    const struct ir_block *to = t->block == IR_NONE ? NULL : &in->u->blocks[t->block];

    /* Somebody may want a looping unit back. */
    if (to && to <= from && atomic_load_explicit(&in->cpu->exit_request, memory_order_relaxed)) {
        *reason = leave(in, t->pc, CPU_EXIT_KICK);
        return NULL;
    }
    if (!to)
        *reason = leave(in, t->pc, CPU_EXIT_NONE);
    return to;
}

static void evaluate(struct interp *in, const struct ir_ins *i, union ir_val *r)
{
    struct ir_eval_call e;
    unsigned mask = ir_operand_mask(i);

    e.r = r;
    e.env = &in->u->fp;
    e.imm = i->c;
    e.aux = i->aux;
    e.type = i->type;
    e.argtype = IR_VOID;
    e.fpflags = &in->fpflags;
    if (mask & 1) {
        e.a = *val(in, i->a);
        e.argtype = in->u->ins[i->a].type;
    }
    if (mask & 2)
        e.b = *val(in, i->b);
    if (mask & 4)
        e.c = *val(in, i->c);
    ir_eval_table[i->op](&e);
}

/* Runs a block. The next one, or NULL with *reason. */
static const struct ir_block *run_block(struct interp *in, const struct ir_block *block,
                                        int *reason)
{
    const struct ir_ins *ins = in->u->ins;

    in->first = block->first;
    for (uint32_t at = block->first;; at++) {
        const struct ir_ins *i = &ins[at];
        union ir_val *r = val(in, at);

        switch (i->op) {
        case IR_NOP:
        case IR_ARG:
            break;
        case IR_INSN:
            in->cpu->pc = ir_imm64(i);
            break;
        case IR_CONST:
            r->x = ir_imm64(i);
            r->d[1] = i->type == IR_V128 ? r->x : 0;
            if (ir_type_bits[i->type] == 32)
                r->x = r->w;
            break;
        case IR_GET:
            get_slot(in, i, r);
            break;
        case IR_PUT:
            put_slot(in, i, val(in, i->a));
            break;
        case IR_FPGET:
            flush_flags(in);
            r->x = *status_slot(in, i);
            break;
        case IR_FPSET:
            in->fpflags = 0;
            *status_slot(in, i) = val(in, i->a)->w;
            break;
        case IR_LD:
        case IR_ST:
        case IR_CAS:
        case IR_RMW:
            *reason = access_memory(in, i, r);
            if (*reason)
                return NULL;
            break;
        case IR_FENCE:
            interp_fence(i->aux);
            break;
        case IR_CALL:
            call(in, i, r);
            break;
        case IR_BR:
        case IR_BRT:
        case IR_BRCC:
            if (branch_taken(in, i))
                return go(in, i->c, block, reason);
            break;
        case IR_JMP:
            return go(in, i->c, block, reason);
        case IR_JMPI:
            *reason = leave(in, val(in, i->a)->x, CPU_EXIT_NONE);
            return NULL;
        case IR_EXIT:
            *reason = leave_exit(in, i);
            return NULL;
        default:
            evaluate(in, i, r);
            break;
        }
    }
}

int ir_interp(const struct ir_unit *u, struct cpu *cpu)
{
    struct interp in = {.u = u, .cpu = cpu};
    const struct ir_block *block = u->blocks;
    uint32_t most = 0;
    int reason = CPU_EXIT_NONE;

    for (uint32_t b = 0; b < u->nblocks; b++)
        if (u->blocks[b].end - u->blocks[b].first > most)
            most = u->blocks[b].end - u->blocks[b].first;
    in.vals = alloca(most * sizeof(*in.vals) + 15);
    in.vals = (union ir_val *)(((uintptr_t)in.vals + 15) & ~(uintptr_t)15);
    while (block)
        block = run_block(&in, block, &reason);
    return reason;
}
