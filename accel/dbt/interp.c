/* The interpreter's turn: one instruction is lifted and interpreted. Where it runs alone in a machine (tier 0),
 * the cpu keeps what it has lifted: lifting takes longer than interpreting. */
#include <stdlib.h>
#include <string.h>

#include "accel/dbt/dbt.h"
#include "base/map.h"

enum { KEPT = 4096 /* a power of two */, LONGEST = 16 };

/* Lifted from `bytes`, so it holds as long as they stand at pc; nobody has to tell when code changes. */
struct dbt_lifted {
    uint64_t pc;
    uint32_t key;
    uint8_t length; /* 0: nothing here */
    uint8_t bytes[LONGEST];
    struct ir_unit unit;
};

int dbt_lifted_new(struct dbt_thread *t)
{
    t->lifted = calloc(KEPT, sizeof *t->lifted);
    for (unsigned i = 0; t->lifted && i < KEPT; i++)
        ir_unit_init(&t->lifted[i].unit);
    return t->lifted ? 0 : -1;
}

void dbt_lifted_free(struct dbt_thread *t)
{
    for (unsigned i = 0; t->lifted && i < KEPT; i++)
        ir_unit_free(&t->lifted[i].unit);
    free(t->lifted);
    t->lifted = NULL;
}

static const struct ir_unit *lift(struct dbt_thread *t, const struct dbt_code *code, struct ir_unit *u)
{
    return dbt_front_block(t->a, code, u, t->cpu->pc, t->cpu->key, 1) ? NULL : u;
}

static const struct ir_unit *kept(struct dbt_thread *t, const struct dbt_code *code)
{
    uint64_t pc = t->cpu->pc;
    uint32_t key = t->cpu->key;
    const void *now = (const void *)(uintptr_t)(pc + code->delta);
    size_t avail = code->last - pc < LONGEST ? code->last - pc + 1 : LONGEST;
    struct dbt_lifted *l = &t->lifted[map_hash(pc ^ key) & (KEPT - 1)];

    if (l->length && l->length <= avail && l->pc == pc && l->key == key && !memcmp(now, l->bytes, l->length))
        return &l->unit;
    /* The copy first: other cpus may write there. */
    memcpy(l->bytes, now, avail);
    struct dbt_code copy = {.delta = (uint64_t)(uintptr_t)l->bytes - pc, .lo = pc, .last = pc + avail - 1};
    l->length = 0;
    if (!lift(t, &copy, &l->unit))
        return NULL;
    l->pc = pc;
    l->key = key;
    l->length = (uint8_t)l->unit.blocks[0].guest_bytes;
    return &l->unit;
}

/* Bytes that are no RAM, or an instruction that lies in two pages (t->cut): a copy of them, for one instruction. */
static void copy_bytes(struct dbt_thread *t, uint64_t pc, struct dbt_code *code)
{
    size_t n = dbt_mem_fetch_bytes(t, pc, t->bytes, sizeof t->bytes);

    if (t->cut && n < sizeof t->bytes)
        n += dbt_mem_fetch_bytes(t, pc + n, t->bytes + n, sizeof t->bytes - n);
    *code = (struct dbt_code){.delta = (uint64_t)(uintptr_t)t->bytes - pc, .lo = pc, .last = pc + n - 1};
}

static const struct ir_unit *system_unit(struct dbt_thread *t)
{
    struct dbt_code code;
    const struct ir_unit *u;
    bool copied = dbt_mem_fetch(t, t->cpu->pc, &code) != 0;

    if (copied)
        copy_bytes(t, t->cpu->pc, &code);
    code.points = false;
    u = t->lifted && !copied ? kept(t, &code) : lift(t, &code, &t->unit);
    if (!u) {
        t->cut = true;
        copy_bytes(t, t->cpu->pc, &code);
        t->cut = false;
        u = lift(t, &code, &t->unit);
    }
    return u;
}

int dbt_interpret_one(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    const struct ir_unit *u = t->tlb ? system_unit(t) : lift(t, &(struct dbt_code){.last = ~0ull}, &t->unit);
    int reason;

    if (!u) {
        dbt_fetch_fault(c);
        return CPU_EXIT_FAULT;
    }
    t->in_c = true;
    reason = ir_interp(u, c);
    t->in_c = false;
    return reason;
}
