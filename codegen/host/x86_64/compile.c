/* Compiles a unit: the straight line from IR to bytes. Each block is scanned, then selected instruction
 * by instruction; out-of-line code follows; then jumps between blocks are fixed up.
 *
 * Requires: a verified, optimised unit. Provides: struct cg_result. Knows no guest. */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "codegen/host/x86_64/x86_64.h"

void *cg_realloc(void *p, size_t n)
{
    p = realloc(p, n);
    if (!p)
        abort();
    return p;
}

int cg_new_system(struct cg *cg, const struct isa *isa, const struct os_cpu *host, cg_mem_slow_fn *slow,
                  uint8_t *rw, uint64_t rx, struct err *e)
{
    struct x64_asm a = {.p = rw, .start = rw, .end = rw + CG_STUBS_SIZE, .rx = rx, .avx = os_cpu_has(host, OS_CPU_AVX)};
    if (isa->nslots > CG_MAX_SLOTS)
        return err_text(e, EINVAL, "isa %s has more slots than the back end's tables", isa->name);
    if (!os_cpu_has(host, OS_CPU_SSE41))
        return err_text(e, ENOTSUP, "this processor lacks SSE4.1, which translated code needs; use -tier 0");
    *cg = (struct cg){.isa = isa, .host = *host, .rw = rw, .rx = rx, .mem_slow = slow};
    cg_map_canonical(&cg->canonical, isa);
    cg_stubs_emit(cg, &a);
    return 0;
}

int cg_new(struct cg *cg, const struct isa *isa, const struct os_cpu *host, uint8_t *rw, uint64_t rx, struct err *e)
{
    return cg_new_system(cg, isa, host, NULL, rw, rx, e);
}

struct cg_work *cg_work_new(const struct cg *cg)
{
    struct cg_work *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->cg = cg;
    return w;
}

void cg_work_free(struct cg_work *w)
{
    if (!w)
        return;
    free(w->v);
    free(w->dieat);
    free(w->cold);
    free(w->exits);
    free(w->points);
    free(w->blk);
    free(w->fix);
    free(w->group);
    free(w->save_call);
    free(w->load_call);
    free(w);
}

/* ---- points: pairs of variable-length numbers {host offset delta, guest pc delta} ---- */

static void put_varint(struct cg_work *w, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        VEC_PUSH(w, points) = (uint8_t)(v | 128);
    VEC_PUSH(w, points) = (uint8_t)v;
}

void cg_point_at(struct cg_work *w, uint64_t pc)
{
    uint32_t off = x64_off(&w->a);
    int64_t d = (int64_t)(pc - w->point_pc);
    put_varint(w, off - w->point_off);
    put_varint(w, (uint64_t)d << 1 ^ (uint64_t)(d >> 63));
    w->point_off = off;
    w->point_pc = pc;
}

void cg_point(struct cg_work *w)
{
    if (w->insn_point || in_system(w)) /* a machine's accesses fault in cold code only */
        return;
    w->insn_point = true;
    cg_point_at(w, w->insn_pc);
}

static uint64_t get_varint(const uint8_t **p)
{
    uint64_t v = 0;
    for (unsigned s = 0;; s += 7) {
        uint8_t b = *(*p)++;
        v |= (uint64_t)(b & 127) << s;
        if (!(b & 128))
            return v;
    }
}

bool cg_point_find(const uint8_t *points, uint32_t nbytes, uint32_t offset, uint64_t base_pc, uint64_t *pc)
{
    const uint8_t *p = points, *end = points + nbytes;
    uint64_t off = 0, at = base_pc;
    bool found = false;
    while (p < end) {
        off += get_varint(&p);
        uint64_t z = get_varint(&p);
        at += (z >> 1) ^ -(z & 1);
        if (off > offset)
            break;
        *pc = at;
        found = true;
    }
    return found;
}

void cg_patch(uint8_t *rw_site, uint64_t rx_site, uint64_t target)
{
    int32_t d = (int32_t)(target - (rx_site + 4));
    __atomic_store_n((int32_t *)(void *)rw_site, d, __ATOMIC_RELEASE);
}

void cg_bar(uint8_t *rw_entry, uint64_t rx_entry, uint64_t rx_bar)
{
    uint64_t code;
    int32_t d = (int32_t)(rx_bar - (rx_entry + 5));
    memcpy(&code, rw_entry, 8);
    code = (code & ~(uint64_t)0xffffffffff) | (uint64_t)(uint32_t)d << 8 | 0xe9;
    __atomic_store_n((uint64_t *)(void *)rw_entry, code, __ATOMIC_RELEASE);
}

/* ---- selection ---- */

/* Asks the selector first that knew the operation the last time. */
static void select_op(struct cg_work *w, uint32_t i, unsigned op)
{
    static bool (*const selectors[])(struct cg_work *, uint32_t) = {
        sel_int, sel_mem, sel_cc, sel_control, sel_fp, sel_fpmisc, sel_vec, sel_vecfp, sel_fpstat,
    };
    unsigned guess = w->selector[op];
    if (selectors[guess](w, i))
        return;
    for (unsigned s = 0; s < sizeof selectors / sizeof *selectors; s++)
        if (s != guess && selectors[s](w, i)) {
            w->selector[op] = (uint8_t)s;
            return;
        }
    sel_eval(w, i);
}

static void select_one(struct cg_work *w, uint32_t i)
{
    const struct ir_ins *p = ins_of(w, i);
    w->cur = i;
    w->locked = 0;
    switch (p->op) {
    case IR_INSN:
        w->insn_pc = ir_imm64(p);
        w->insn_point = false;
        return;
    case IR_GET: ra_get(w, i); break;
    case IR_PUT: ra_put(w, i); break;
    default:
        select_op(w, i, p->op);
    }
}

static void poll(struct cg_work *w, uint64_t pc)
{
    x64_alui(&w->a, X64_CMP, false, x64_m(RBP, CPU_OFF(exit_request)), 0);
    VEC_PUSH(w, cold) = (struct cold){.kind = COLD_KICK, .from = x64_jcc(&w->a, X64_NE), .pc = pc};
}

static void entry(struct cg_work *w)
{
    if (in_system(w) && w->o->hot_index < 0)
        x64_nops(&w->a, 5); /* for cg_bar() */
    if (w->o->hot_index >= 0) {
        x64_alui(&w->a, X64_SUB, false, x64_m(RBP, CPU_OFF(hot) + 4 * w->o->hot_index), 1);
        uint8_t *from = x64_jcc(&w->a, X64_S);
        /* The canonical map still holds here. */
        VEC_PUSH(w, cold) = (struct cold){.kind = COLD_HOT, .from = from, .pc = w->u->blocks[0].pc};
    }
    cg_map_enter(w);
}

static void block(struct cg_work *w, uint32_t n)
{
    const struct ir_block *b = &w->u->blocks[n];
    cg_scan_block(w, b);
    if (in_system(w))
        cg_group_block(w, b);
    ra_block_start(w);
    if (n == 0)
        entry(w);
    w->blk[n].code = w->a.p;
    if (w->o->poll && b->flags & IR_B_LOOP)
        poll(w, b->pc);
    for (uint32_t i = b->first; i < b->end; i++) {
        if (w->v[i].flags & (V_DEAD | V_FOLDED) || w->u->ins[i].op == IR_NOP)
            continue;
        if (w->a.end - w->a.p < 1024) {
            w->overflow = true;
            return;
        }
        select_one(w, i);
        if (w->dieat[i] != NONE)
            ra_expire(w, i);
        if (w->overflow)
            return;
    }
}

static void local_routines(struct cg_work *w)
{
    if (!w->nsave_call)
        return;
    w->save_code = w->a.p;
    cg_map_save(&w->a, w->cg, &w->map, NULL);
    x64_b(&w->a, 0xc3);
    w->load_code = w->a.p;
    cg_map_load(&w->a, w->cg, &w->map);
    x64_b(&w->a, 0xc3);
    for (uint32_t i = 0; i < w->nsave_call; i++)
        x64_patch(w->save_call[i], w->save_code);
    for (uint32_t i = 0; i < w->nload_call; i++)
        x64_patch(w->load_call[i], w->load_code);
}

static void reset(struct cg_work *w, const struct ir_unit *u, const struct cg_opts *o)
{
    w->u = u;
    w->o = o;
    w->ncold = w->nexits = w->npoints = w->nfix = w->nsave_call = w->nload_call = w->nblk = w->ngroup = 0;
    w->overflow = false;
    w->seed = o->ra_seed;
    w->point_off = 0;
    w->point_pc = u->blocks[0].pc;
    w->insn_pc = u->blocks[0].pc;
    w->insn_point = false;
    if (w->capv < u->nins) {
        w->capv = u->nins + u->nins / 2 + 64;
        w->v = cg_realloc(w->v, w->capv * sizeof *w->v);
        w->dieat = cg_realloc(w->dieat, w->capv * sizeof *w->dieat);
    }
    for (uint32_t b = 0; b < u->nblocks; b++)
        VEC_PUSH(w, blk) = (struct blkinfo){0};
    memset(w->slotver, 0, sizeof w->slotver);
    cg_map_choose(w);
}

int cg_compile(struct cg_work *w, const struct ir_unit *u, const struct cg_opts *o, uint8_t *rw, uint64_t rx,
               size_t cap, struct cg_result *r)
{
    reset(w, u, o);
    w->a = (struct x64_asm){.p = rw, .start = rw, .end = rw + cap, .rx = rx, .avx = has(w, OS_CPU_AVX)};
    if (cap < 2048)
        return -ENOSPC;
    for (uint32_t b = 0; b < u->nblocks && !w->overflow; b++)
        block(w, b);
    if (!w->overflow)
        sel_cold(w);
    if (w->overflow)
        return w->a.end - w->a.p < 1024 ? -ENOSPC : -E2BIG;
    local_routines(w);
    uint32_t bar = x64_off(&w->a);
    if (in_system(w)) {
        x64_movi(&w->a, RAX, u->blocks[0].pc);
        jmp_abs(w, w->cg->stubs.exit_dead);
    }
    for (uint32_t i = 0; i < w->nfix; i++)
        x64_patch(w->fix[i].disp, w->blk[w->fix[i].block].code);
    *r = (struct cg_result){
        .size = x64_off(&w->a),
        .entry = 0,
        .exits = w->exits,
        .nexits = w->nexits,
        .points = w->points,
        .npoints_bytes = w->npoints,
        .map = &w->map,
        .canonical = w->canonical,
        .bar = bar,
    };
    return 0;
}
