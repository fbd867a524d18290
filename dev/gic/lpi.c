/*
 * LPIs of a redistributor (IHI 0069 chapter 5): which are pending, their configuration from guest
 * memory, and the best of them. Knows nothing of the ITS, which says what becomes pending.
 *
 * The controller holds pending bits itself while LPIs are on, and reads and writes the guest's
 * pending table when they are switched (5.1.2 allows that). Configuration bytes are cached until
 * the guest invalidates them. Guest tables are reached only where they are RAM: an access to a
 * device here could come back to us.
 */
#include "base/trace.h"
#include "dev/gic/gic_int.h"
#include "dev/gic/trace.def"

#include <string.h>

enum { CONFIG_ENABLE = 1, CONFIG_CACHED = 2 /* RES1 in memory */, NO_PRIORITY = 0x100 };
#define BASER_ADDRESS     UINT64_C(0x000ffffffffff000)
#define PENDBASER_ADDRESS UINT64_C(0x000fffffffff0000)
#define PENDBASER_PTZ     (UINT64_C(1) << 62)

/* Bytes at a guest address if all are RAM, else NULL. */
static uint8_t *ram(struct gic *g, mem_pa at, size_t size, bool write)
{
    size_t have = size;
    void *host = mem_dma_map(g->dev.env->mem, at, &have, write);

    return host && have >= size ? host : NULL;
}

/* One more than the last INTID that this redistributor's tables have. */
static uint32_t limit(const struct gic_cpu *c)
{
    unsigned bits = (unsigned)(c->propbaser & 0x1f) + 1;

    return bits >= 16 ? GIC_LPI_END : 1u << bits;
}

bool gic_lpi_valid(const struct gic_cpu *c, uint32_t id)
{
    return c->lpis && c->redist_ctlr & 1 && id >= GIC_LPI_FIRST && id < limit(c);
}

static uint8_t config(struct gic_cpu *c, uint32_t id)
{
    uint8_t *cached = &c->gic->lpi_config[id - GIC_LPI_FIRST];

    if (!*cached) {
        const uint8_t *p =
            ram(c->gic, (c->propbaser & BASER_ADDRESS) + (id - GIC_LPI_FIRST), 1, false);

        *cached = (uint8_t)((p ? *p : 0) | CONFIG_CACHED);
    }
    return *cached;
}

static uint8_t priority_of(const struct gic_cpu *c, uint8_t config_byte)
{
    return gic_priority_store(config_byte & 0xfc, gic_two_states(c->gic));
}

static void set_ready(struct gic_cpu *c, uint32_t id, bool on)
{
    struct gic_lpis *l = c->lpis;
    uint32_t i = id - GIC_LPI_FIRST, word = i / 64;
    uint64_t bit = UINT64_C(1) << i % 64;
    unsigned level;

    if (((l->ready[word] & bit) != 0) == on)
        return;
    l->ready[word] ^= bit;
    l->sum[word / 64] &= ~(UINT64_C(1) << word % 64);
    l->sum[word / 64] |= (uint64_t)(l->ready[word] != 0) << word % 64;
    level = priority_of(c, c->gic->lpi_config[i]) >> (8 - GIC_PRIORITY_BITS);
    l->count[level] += on ? 1 : -1u;
    l->levels = (l->levels & ~(1u << level)) | (uint32_t)(l->count[level] != 0) << level;
}

static bool is_pending(const struct gic_cpu *c, uint32_t id)
{
    return c->lpis->pending[(id - GIC_LPI_FIRST) / 64] >> id % 64 & 1;
}

static void set_pending(struct gic_cpu *c, uint32_t id, bool on)
{
    uint64_t *word = &c->lpis->pending[(id - GIC_LPI_FIRST) / 64];

    if (on) {
        *word |= UINT64_C(1) << id % 64;
        set_ready(c, id, config(c, id) & CONFIG_ENABLE);
    } else {
        *word &= ~(UINT64_C(1) << id % 64);
        set_ready(c, id, false);
    }
}

void gic_lpi_set(struct gic_cpu *c, uint32_t id, bool pending)
{
    if (!gic_lpi_valid(c, id) || is_pending(c, id) == pending)
        return;
    trace_dev(gic_lpi, &c->gic->dev, "cpu %u: %u: %d", c->index, id, pending);
    set_pending(c, id, pending);
    gic_update(c);
}

void gic_lpi_taken(struct gic_cpu *c, uint32_t id)
{
    set_pending(c, id, false);
}

void gic_lpi_best(struct gic_cpu *c, unsigned *id, unsigned *priority)
{
    const struct gic_lpis *l = c->lpis;
    unsigned level = bits_ctz32(l->levels);

    *priority = NO_PRIORITY;
    if (!l->levels)
        return;
    for (unsigned s = 0; s < sizeof(l->sum) / sizeof(l->sum[0]); s++)
        for (uint64_t words = l->sum[s]; words; words &= words - 1) {
            unsigned word = s * 64 + bits_ctz64(words);

            for (uint64_t bits = l->ready[word]; bits; bits &= bits - 1) {
                unsigned i = word * 64 + bits_ctz64(bits);

                if (priority_of(c, c->gic->lpi_config[i]) >> (8 - GIC_PRIORITY_BITS) == level) {
                    *id = i + GIC_LPI_FIRST;
                    *priority = level << (8 - GIC_PRIORITY_BITS);
                    return;
                }
            }
        }
}

/* ---- configuration ---- */

void gic_lpi_invalidate(struct gic *g, uint32_t id)
{
    if (!g->has_lpi || id < GIC_LPI_FIRST || id >= GIC_LPI_END)
        return;
    for (unsigned i = 0; i < g->ncpus; i++)
        set_ready(&g->cpus[i], id, false);
    g->lpi_config[id - GIC_LPI_FIRST] = 0;
    for (unsigned i = 0; i < g->ncpus; i++)
        if (is_pending(&g->cpus[i], id)) {
            set_pending(&g->cpus[i], id, true);
            gic_update(&g->cpus[i]);
        }
}

/* What is ready anew, from what is pending. */
static void rebuild(struct gic_cpu *c)
{
    struct gic_lpis *l = c->lpis;

    memset(l->ready, 0, sizeof(l->ready));
    memset(l->sum, 0, sizeof(l->sum));
    memset(l->count, 0, sizeof(l->count));
    l->levels = 0;
    for (unsigned word = 0; word < GIC_LPI_WORDS; word++)
        for (uint64_t bits = l->pending[word]; bits; bits &= bits - 1)
            set_pending(c, GIC_LPI_FIRST + word * 64 + bits_ctz64(bits), true);
}

void gic_lpi_invalidate_all(struct gic *g)
{
    if (!g->has_lpi)
        return;
    memset(g->lpi_config, 0, g->lpi_configs);
    for (unsigned i = 0; i < g->ncpus; i++) {
        rebuild(&g->cpus[i]);
        gic_update(&g->cpus[i]);
    }
}

/* ---- moving ---- */

void gic_lpi_move(struct gic_cpu *from, struct gic_cpu *to, uint32_t id)
{
    if (from == to || !gic_lpi_valid(from, id) || !is_pending(from, id))
        return;
    gic_lpi_set(from, id, false);
    gic_lpi_set(to, id, true);
}

void gic_lpi_move_all(struct gic_cpu *from, struct gic_cpu *to)
{
    if (from == to || !from->lpis || !(from->redist_ctlr & 1))
        return;
    for (unsigned word = 0; word < GIC_LPI_WORDS; word++)
        for (uint64_t bits = from->lpis->pending[word]; bits; bits &= bits - 1) {
            uint32_t id = GIC_LPI_FIRST + word * 64 + bits_ctz64(bits);

            set_pending(from, id, false);
            if (gic_lpi_valid(to, id))
                set_pending(to, id, true);
        }
    gic_update(from);
    gic_update(to);
}

/* ---- switching, GICR_CTLR.EnableLPIs ---- */

static void read_table(struct gic_cpu *c)
{
    mem_pa table = c->pendbaser & PENDBASER_ADDRESS;

    for (uint32_t id = GIC_LPI_FIRST; id < limit(c); id += 64) {
        const uint8_t *p = ram(c->gic, table + id / 8, 8, false);
        uint64_t bits = 0;

        if (p)
            memcpy(&bits, p, 8);
        c->lpis->pending[(id - GIC_LPI_FIRST) / 64] = bits;
    }
}

static void write_table(struct gic_cpu *c)
{
    mem_pa table = c->pendbaser & PENDBASER_ADDRESS;

    for (uint32_t id = GIC_LPI_FIRST; id < limit(c); id += 64) {
        uint8_t *p = ram(c->gic, table + id / 8, 8, true);

        if (!p)
            continue;
        memcpy(p, &c->lpis->pending[(id - GIC_LPI_FIRST) / 64], 8);
        mem_dma_done(c->gic->dev.env->mem, p, 8);
    }
}

void gic_lpi_control(struct gic_cpu *c, bool on)
{
    if (!c->lpis || (c->redist_ctlr & 1) == on)
        return;
    if (on) {
        c->redist_ctlr |= 1;
        if (!(c->pendbaser & PENDBASER_PTZ))
            read_table(c);
        gic_lpi_invalidate_all(c->gic);
    } else {
        write_table(c);
        c->redist_ctlr &= ~1u;
        memset(c->lpis->pending, 0, GIC_LPI_WORDS * sizeof(uint64_t));
        rebuild(c);
        gic_update(c);
    }
}

void gic_lpi_reset(struct gic_cpu *c)
{
    c->redist_ctlr = 0;
    c->propbaser = c->pendbaser = 0;
    if (!c->lpis)
        return;
    memset(c->lpis->pending, 0, GIC_LPI_WORDS * sizeof(uint64_t));
    memset(c->gic->lpi_config, 0, c->gic->lpi_configs);
    rebuild(c);
}

void gic_lpi_loaded(struct gic_cpu *c)
{
    if (!c->lpis) {
        c->redist_ctlr = 0;
        return;
    }
    c->redist_ctlr &= 1;
    if (!c->redist_ctlr)
        memset(c->lpis->pending, 0, GIC_LPI_WORDS * sizeof(uint64_t));
    rebuild(c);
}
