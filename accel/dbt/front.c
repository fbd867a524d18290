/* Guest bytes to IR: one basic block at a time, by the isa's lifter. Owns where a block ends, and the
 * decision which flags are dead at its exits. */
#include <errno.h>
#include <string.h>

#include "accel/dbt/dbt.h"
#include "ir/build.h"

enum { MAX_INSN = 16, WINDOW = 256 + MAX_INSN };

/* A copy of the guest's code at pc: most blocks ask their source once. */
struct window {
    uint64_t pc;
    size_t avail;
    uint8_t bytes[WINDOW];
};

size_t dbt_front_bytes(struct accel *a, const struct dbt_code *code, uint64_t pc, void *buf, size_t size)
{
    if (!a->mem)
        return a->src.fetch(a->src.opaque, pc, buf, size);
    if (pc < code->lo || pc > code->last)
        return 0;
    uint64_t rest = code->last - pc;
    if (size > rest)
        size = rest + 1;
    memcpy(buf, (const void *)(uintptr_t)(pc + code->delta), size);
    return size;
}

/* The bytes at pc, at least those of one instruction if so many are executable; NULL: none. */
static const uint8_t *fetch(struct accel *a, const struct dbt_code *code, struct window *w, uint64_t pc, size_t *avail)
{
    uint64_t at = pc - w->pc;
    if (at >= w->avail || w->avail - at < MAX_INSN) {
        w->pc = pc;
        w->avail = dbt_front_bytes(a, code, pc, w->bytes, sizeof w->bytes);
        at = 0;
    }
    *avail = w->avail - at;
    return *avail ? w->bytes + at : NULL;
}

/* Blocks that may go round must look at exit_request: those with a way backward or to anywhere. */
static bool needs_poll(const struct ir_unit *u, const struct ir_block *b)
{
    for (uint32_t i = b->first; i < b->end; i++) {
        const struct ir_ins *p = &u->ins[i];
        switch (p->op) {
        case IR_BR: case IR_BRT: case IR_BRCC: case IR_JMP:
            if (u->targets[p->c].pc < b->pc + b->guest_bytes)
                return true;
            break;
        case IR_JMPI:
            if (p->aux != IR_J_RET)
                return true;
            break;
        default:
            break;
        }
    }
    return false;
}

static bool is_point(const struct accel *a, uint64_t pc)
{
    for (unsigned i = 0; i < a->npoints; i++)
        if (a->points[i] == pc)
            return true;
    return false;
}

int dbt_front_append(struct accel *a, const struct dbt_code *code, struct ir_unit *u, uint64_t start, unsigned max_insns)
{
    uint64_t pc = start;
    uint32_t n = ir_block_begin(u, start);
    struct isa_insn i = {.isa_word = 0};
    struct window window;
    enum isa_lift r = ISA_NEXT;
    unsigned count = 0;
    window.avail = 0;
    do {
        size_t avail;
        if (code->points && is_point(a, pc)) {
            if (pc != start)
                break;
            ir_emit(u, IR_INSN, IR_VOID, 0, IR_NONE, (uint32_t)pc, (uint32_t)(pc >> 32));
            ir_exit(u, CPU_EXIT_DEBUG, ir_const(u, IR_I64, pc), IR_NONE, 0);
            r = ISA_END;
            break;
        }
        const uint8_t *bytes = fetch(a, code, &window, pc, &avail);
        if (!bytes) {
            if (pc == start)
                return -EFAULT;
            break; /* the next block will fault */
        }
        i.pc = pc;
        i.bytes = bytes;
        i.avail = avail;
        i.length = 0;
        ir_ref mark = ir_emit(u, IR_INSN, IR_VOID, 0, IR_NONE, (uint32_t)pc, (uint32_t)(pc >> 32));
        r = a->isa->lift(u, &i);
        u->ins[mark].aux = (uint16_t)i.length;
        if (i.length > avail) { /* cut off by the end of what is executable */
            u->nins = mark;
            if (pc == start)
                return -EFAULT;
            r = ISA_NEXT;
            break;
        }
        pc += i.length;
    } while (r == ISA_NEXT && ++count < max_insns);
    if (r == ISA_NEXT)
        ir_jmp(u, pc);
    ir_block_finish(u);
    struct ir_block *b = &u->blocks[n];
    b->guest_bytes = (uint32_t)(pc - start);
    if (needs_poll(u, b))
        b->flags |= IR_B_LOOP;
    return 0;
}

static bool dead_at(struct accel *a, const struct dbt_code *code, uint64_t pc)
{
    uint8_t bytes[512];
    size_t avail = dbt_front_bytes(a, code, pc, bytes, sizeof bytes);
    return avail && a->isa->cc_dead(pc, bytes, avail);
}

/* Does the code behind a call read flags that were made before it? */
static bool read_after(struct accel *a, const struct dbt_code *code, const struct ir_unit *u, const struct ir_ins *call)
{
    uint8_t bytes[512];
    if (u->ins[call->b].op != IR_CONST)
        return true;
    uint64_t pc = ir_imm64(&u->ins[call->b]);
    size_t avail = dbt_front_bytes(a, code, pc, bytes, sizeof bytes);
    return avail && a->isa->cc_read(pc, bytes, avail);
}

/* Notes the targets where no path reads the flags before it writes them; the optimiser does not store
 * flags on the way there. A fault before they are written shows older flags; a program that resumes
 * there overwrites them as well. */
void dbt_front_dead_flags(struct accel *a, const struct dbt_code *code, struct ir_unit *u)
{
    bool makes_flags = false;
    if (!a->isa->cc_dead)
        return;
    for (uint32_t i = 0; i < u->nins && !makes_flags; i++)
        makes_flags = u->ins[i].op == IR_PUT && u->ins[i].type == IR_CC;
    for (uint32_t t = 0; t < u->ntargets && makes_flags; t++)
        u->targets[t].cc_dead = dead_at(a, code, u->targets[t].pc);
    for (uint32_t i = 0; i < u->nins && makes_flags; i++)
        if (u->ins[i].op == IR_JMP && u->ins[i].aux == IR_J_CALL && u->targets[u->ins[i].c].cc_dead)
            u->targets[u->ins[i].c].cc_dead = !read_after(a, code, u, &u->ins[i]);
}

int dbt_front_block(struct accel *a, const struct dbt_code *code, struct ir_unit *u, uint64_t pc, uint32_t key,
                    unsigned max_insns)
{
    ir_unit_reset(u, a->isa, key);
    a->isa->fpenv(key, &u->fp);
    int rc = dbt_front_append(a, code, u, pc, max_insns);
    if (rc)
        return rc;
    u->blocks[0].flags |= IR_B_ENTRY;
    u->pc_lo = pc;
    u->pc_hi = pc + u->blocks[0].guest_bytes;
    return 0;
}
