/* IR to installed host code: the straight line of tier 1, and the dumps of `-d`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel/dbt/disas.h"
#include "accel/dbt/dbt.h"
#include "base/err.h"
#include "base/log.h"

void dbt_log_unit(const struct accel *a, const struct ir_unit *u, int category, const char *what)
{
    (void)a;
    if (!log_on((enum log_category)category))
        return;
    size_t size = 256 + (size_t)u->nins * 96;
    char *buf = malloc(size);
    if (!buf)
        return;
    int n = snprintf(buf, size, "---- %s %lx\n", what, u->blocks[0].pc);
    ir_print(u, buf + n, size - (size_t)n);
    log_write(buf, strlen(buf));
    free(buf);
}

static void fill_links(struct arena *mem, struct dbt_block *b, const struct cg_result *r)
{
    b->nlinks = r->nexits;
    b->links = arena_alloc(mem, r->nexits * sizeof *b->links);
    for (uint32_t i = 0; i < r->nexits; i++) {
        const struct cg_exit *e = &r->exits[i];
        b->links[i] = (struct dbt_link){.site = e->site, .stub = e->stub, .id = e->id, .pc = e->pc, .from = b};
    }
}

bool dbt_crowded(const struct accel *a, uint32_t nins)
{
    const struct dbt_gen *g = &a->gen[a->current];
    size_t room = g->size / 4 < 65536 ? g->size / 4 : 65536;
    return g->size - g->used < room + (size_t)nins * 64 || atomic_load(&g->nblocks) + 1 >= DBT_GEN_BLOCKS;
}

struct dbt_block *dbt_install(struct dbt_thread *t, const struct dbt_code *code, struct ir_unit *u, struct cg_opts *o,
                              uint8_t tier)
{
    struct accel *a = t->a;
    struct cg_result r;
    if (dbt_crowded(a, u->nins)) {
        if (!t->cpu) /* the background thread leaves that to others: dbt_hot() */
            return NULL;
        dbt_next_generation(t);
    }
    struct dbt_gen *g = &a->gen[a->current];
    size_t at = g->start + g->used;
    uint64_t rx = (uint64_t)(uintptr_t)a->code.rx + at;
    o->link_lo = code->lo;
    o->link_last = code->last;
    int rc = cg_compile(a->work, u, o, a->code.rw + at, rx, g->size - g->used, &r);
    if (rc)
        return NULL;
    struct dbt_block *b = arena_alloc(&g->blocks, sizeof *b + r.npoints_bytes);
    *b = (struct dbt_block){
        .pc = u->blocks[0].pc, .key = u->key, .tier = tier, .canonical = r.canonical, .size = r.size,
        .host = rx, .delta = code->delta, .lo = u->pc_lo + code->delta, .hi = u->pc_hi + code->delta,
        .npoints = r.npoints_bytes, .bar = r.bar,
    };
    b->points = (uint8_t *)(b + 1);
    if (r.npoints_bytes)
        memcpy(b->points, r.points, r.npoints_bytes);
    if (!r.canonical) {
        b->map = arena_alloc(&g->blocks, sizeof *r.map);
        *b->map = *r.map;
    }
    fill_links(&g->blocks, b, &r);
    g->used += (r.size + 15) & ~15u;
    if (a->extent < g->start + g->used)
        a->extent = g->start + g->used;
    if (log_on(LOG_OUT_ASM))
        disas_host(a->code.rw + (rx - (uint64_t)(uintptr_t)a->code.rx), rx, r.size);
    dbt_insert(a, b);
    a->stat_guest_bytes += b->hi - b->lo;
    a->stat_host_bytes += b->size;
    return b;
}

struct dbt_block *dbt_translate(struct dbt_thread *t, const struct dbt_code *code, uint64_t pc, uint32_t key)
{
    struct accel *a = t->a;
    struct ir_unit *u = &t->unit;
    for (unsigned max = a->o.single_step ? 1 : 64;; max = (max + 1) / 2) {
        if (dbt_front_block(a, code, u, pc, key, max))
            return NULL;
        if (log_on(LOG_IN_ASM))
            disas_guest(a, code, pc, u->pc_hi - pc);
        dbt_log_unit(a, u, LOG_IR, "ir");
        dbt_front_dead_flags(a, code, u);
        ir_opt_quick(u);
        dbt_log_unit(a, u, LOG_OPT, "optimised");
        struct cg_opts o = {
            .hot_index = a->o.tier >= 2 ? (int)(map_hash(pc) % CPU_HOT_SIZE) : -1,
            .poll = true,
            .ra_seed = a->o.ra_seed,
        };
        uint64_t reclaims = a->reclaims;
        struct dbt_block *b = dbt_install(t, code, u, &o, 1);
        if (b && reclaims != a->reclaims) { /* the lock was let go: the code may have changed */
            dbt_kill(a, b);
            if (a->mem)
                dbt_code_mark(a, pc + code->delta);
            max = 128;
            continue;
        }
        if (b) {
            a->stat_blocks++;
            return b;
        }
        if (max == 1) {
            log_error("cannot translate the instruction at %lx", pc);
            abort();
        }
    }
}
