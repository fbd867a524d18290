/*
 * The GIC's interrupts: their state, which is the best for each cpu, and the lines that tell the
 * cpu. Also acknowledging and ending, which GICC and ICC_ registers share. Knows no register
 * layout.
 *
 * Each cpu has a bitmap of interrupts that could be signalled to it ("ready") with a summary word.
 * A change of one interrupt changes one bit there, and choosing the best looks at the bits that are
 * set: one or two in practice, however many interrupts exist.
 *
 * Manuals: IHI 0048B chapter 3, IHI 0069 chapter 4.
 */
#include "base/trace.h"
#include "dev/gic/gic_int.h"
#include "dev/gic/trace.def"

enum { NO_PRIORITY = 0x100 };

/* ---- what is ready ---- */

static uint32_t in_groups(const struct gic_bits *b, uint8_t groups)
{
    uint32_t mask = 0;

    if (groups & 1 << GIC_G1NS)
        mask |= b->group;
    if (groups & 1 << GIC_G1S)
        mask |= b->modifier & ~b->group;
    if (groups & 1 << GIC_G0)
        mask |= ~(b->group | b->modifier);
    return mask;
}

static uint32_t ready_in(const struct gic_cpu *c, unsigned word)
{
    const struct gic_bits *b = word ? &c->gic->spi[word] : &c->priv;
    uint32_t ready = gic_pending_in(b) & b->enabled & ~b->active & in_groups(b, c->gic->groups);

    return word ? ready & c->target[word] : ready;
}

/* True: one of `bits` is or was ready. */
static bool refresh_word(struct gic_cpu *c, unsigned word, uint32_t bits)
{
    uint32_t old = c->ready[word], now = ready_in(c, word);

    c->ready[word] = now;
    c->ready_sum = (c->ready_sum & ~(1u << word)) | (uint32_t)(now != 0) << word;
    return ((old | now) & bits) != 0;
}

void gic_refresh_bits(struct gic_cpu *c, unsigned word, uint32_t bits)
{
    struct gic *g = c->gic;

    if (!word) {
        if (refresh_word(c, 0, bits))
            gic_update(c);
        return;
    }
    for (unsigned i = 0; i < g->ncpus; i++)
        if ((g->cpus[i].target[word] & bits) && refresh_word(&g->cpus[i], word, bits))
            gic_update(&g->cpus[i]);
}

void gic_refresh(struct gic_cpu *c, unsigned id)
{
    struct gic *g = c->gic;
    uint32_t bit = 1u << id % 32;

    if (id >= 32 && g->version == 3) { /* one route: no need to ask all cpus */
        if (g->route[id] == GIC_NO_CPU)
            return;
        c = &g->cpus[g->route[id]];
        if (refresh_word(c, id / 32, bit))
            gic_update(c);
        return;
    }
    gic_refresh_bits(c, id / 32, bit);
}

void gic_refresh_all(struct gic *g)
{
    for (unsigned i = 0; i < g->ncpus; i++) {
        for (unsigned word = 0; word < g->words; word++)
            refresh_word(&g->cpus[i], word, ~0u);
        gic_update(&g->cpus[i]);
    }
}

static void set_target(struct gic_cpu *c, unsigned id, bool on)
{
    uint32_t bit = 1u << id % 32;

    if (((c->target[id / 32] & bit) != 0) == on)
        return;
    c->target[id / 32] ^= bit;
    if (refresh_word(c, id / 32, bit))
        gic_update(c);
}

void gic_route(struct gic *g, unsigned id, unsigned cpu)
{
    if (g->route[id] != GIC_NO_CPU && g->route[id] != cpu)
        set_target(&g->cpus[g->route[id]], id, false);
    g->route[id] = (uint16_t)cpu;
    if (cpu != GIC_NO_CPU)
        set_target(&g->cpus[cpu], id, true);
}

void gic_target(struct gic *g, unsigned id, uint8_t cpu_mask)
{
    for (unsigned i = 0; i < g->ncpus; i++)
        set_target(&g->cpus[i], id, cpu_mask >> i & 1);
}

/* ---- the best one ---- */

static void choose(struct gic_cpu *c)
{
    struct gic *g = c->gic;
    unsigned best = GIC_SPURIOUS, priority = NO_PRIORITY;
    uint32_t words = c->ready_sum;

    while (words) {
        unsigned word = bits_ctz32(words);
        const struct gic_bits *b = word ? &g->spi[word] : &c->priv;
        const uint8_t *priorities = word ? &g->priority[word * 32] : c->priority;
        uint32_t ready = c->ready[word] & in_groups(b, c->iface.enabled);

        for (; ready; ready &= ready - 1) {
            unsigned bit = bits_ctz32(ready);

            if (priorities[bit] < priority) {
                priority = priorities[bit];
                best = word * 32 + bit;
            }
        }
        words &= words - 1;
    }
    if (c->lpis && c->redist_ctlr & 1 && c->iface.enabled & g->groups & 1 << GIC_G1NS) {
        unsigned lpi, at;

        gic_lpi_best(c, &lpi, &at);
        if (at < priority) {
            priority = at;
            best = lpi;
        }
    }
    c->best = best;
    c->best_priority = (uint16_t)priority;
    c->best_group = best >= GIC_LPI_FIRST ? GIC_G1NS
                    : best < GIC_INTIDS   ? gic_group_in(gic_bits(c, best), 1u << best % 32)
                                          : GIC_G0;
}

/* Bits of a priority that decide preemption (IHI 0048B 3.3.3, IHI 0069 4.8.2). */
uint8_t gic_group_mask(const struct gic_iface *f, enum gic_group group)
{
    unsigned bpr = f->bpr[group];

    if (group != GIC_G0 && f->cbpr[group == GIC_G1NS])
        bpr = f->bpr[GIC_G0];
    else if (group == GIC_G1NS)
        bpr = bpr ? bpr - 1 : 0;
    return (uint8_t)(0xff << (bpr + 1));
}

unsigned gic_running(const struct gic_iface *f)
{
    uint32_t all = f->apr[GIC_G0] | f->apr[GIC_G1S] | f->apr[GIC_G1NS];

    return all ? bits_ctz32(all) << (8 - GIC_PRIORITY_BITS) : GIC_IDLE;
}

enum gic_group gic_highest_active(const struct gic_iface *f)
{
    enum gic_group best = GIC_GROUPS;
    unsigned level = 32;

    for (unsigned i = 0; i < GIC_GROUPS; i++)
        if (bits_ctz32(f->apr[i]) < level) {
            level = bits_ctz32(f->apr[i]);
            best = (enum gic_group)i;
        }
    return best;
}

bool gic_can_signal(const struct gic_cpu *c)
{
    unsigned running;
    uint8_t mask;

    if (c->best_priority >= c->iface.pmr)
        return false; /* also: none */
    running = gic_running(&c->iface);
    if (running == GIC_IDLE)
        return true;
    mask = gic_group_mask(&c->iface, (enum gic_group)c->best_group);
    return (c->best_priority & mask) < (running & mask);
}

static uint8_t line_of(const struct gic_cpu *c)
{
    const struct gic *g = c->gic;

    if (g->version == 2)
        return c->best_group == GIC_G0 && c->v2_ctlr_fiq & 8 ? GIC_LINE_FIQ : GIC_LINE_IRQ;
    if (c->best_group == GIC_G0)
        return GIC_LINE_FIQ;
    if (!gic_two_states(g))
        return GIC_LINE_IRQ;
    /* IHI 0069 table 4-3: what the present state does not own is an FIQ. */
    if (c->best_group == GIC_G1S)
        return c->secure && !c->el3 ? GIC_LINE_IRQ : GIC_LINE_FIQ;
    return c->secure ? GIC_LINE_FIQ : GIC_LINE_IRQ;
}

void gic_set_lines(struct gic_cpu *c, uint8_t mask, uint8_t lines)
{
    const struct gic_wiring *w = &c->gic->wiring;
    uint8_t changed = (uint8_t)((c->lines ^ lines) & mask);

    if (!changed)
        return;
    c->lines ^= changed;
    trace_dev(gic_lines, &c->gic->dev, "cpu %u: %x", c->index, c->lines);
    if (changed & GIC_LINE_IRQ)
        cpu_set_line(c->cpu, w->irq, (lines & GIC_LINE_IRQ) != 0);
    if (changed & GIC_LINE_FIQ)
        cpu_set_line(c->cpu, w->fiq, (lines & GIC_LINE_FIQ) != 0);
    if (changed & GIC_LINE_VIRQ)
        cpu_set_line(c->cpu, w->virq, (lines & GIC_LINE_VIRQ) != 0);
    if (changed & GIC_LINE_VFIQ)
        cpu_set_line(c->cpu, w->vfiq, (lines & GIC_LINE_VFIQ) != 0);
}

void gic_update(struct gic_cpu *c)
{
    choose(c);
    gic_set_lines(c, GIC_LINE_IRQ | GIC_LINE_FIQ, gic_can_signal(c) ? line_of(c) : 0);
}

/* ---- acknowledge and end ---- */

unsigned gic_acknowledge(struct gic_cpu *c)
{
    unsigned id = c->best, result = id;
    enum gic_group group = (enum gic_group)c->best_group;
    uint32_t level =
        (c->best_priority & gic_group_mask(&c->iface, group)) >> (8 - GIC_PRIORITY_BITS);

    trace_dev(gic_acknowledge, &c->gic->dev, "cpu %u: %u, priority %#x", c->index, id,
              c->best_priority);
    c->iface.apr[group] |= 1u << level;
    if (id >= GIC_LPI_FIRST) {
        gic_lpi_taken(c, id); /* LPIs have no active state */
        gic_update(c);
        return id;
    }
    struct gic_bits *b = gic_bits(c, id);
    uint32_t bit = 1u << id % 32;

    if (id < 16 && c->gic->version == 2) {
        unsigned source = bits_ctz32(c->sgi_source[id]) & 7;

        c->sgi_source[id] &= (uint8_t) ~(1u << source);
        result |= source << 10;
        if (!c->sgi_source[id])
            b->pending &= ~bit;
    } else {
        b->pending &= ~bit;
    }
    b->active |= bit;
    gic_refresh(c, id);
    gic_update(c); /* the running priority changed */
    return result;
}

void gic_drop(struct gic_iface *f, enum gic_group group)
{
    f->apr[group] &= f->apr[group] - 1;
}

void gic_deactivate(struct gic_cpu *c, unsigned id, bool only_group1ns)
{
    struct gic_bits *b;

    if (!gic_exists(c->gic, id))
        return;
    b = gic_bits(c, id);
    if (only_group1ns && !(b->group >> id % 32 & 1))
        return;
    trace_dev(gic_deactivate, &c->gic->dev, "cpu %u: %u", c->index, id);
    b->active &= ~(1u << id % 32);
    gic_refresh(c, id);
}

/* ---- inputs ---- */

static void set_level(struct gic_cpu *c, unsigned id, int level)
{
    struct gic_bits *b = gic_bits(c, id);
    uint32_t bit = 1u << id % 32;

    if (id < 32)
        trace_dev(gic_input, &c->gic->dev, "cpu %u: %u: %d", c->index, id, level);
    else
        trace_dev(gic_input, &c->gic->dev, "%u: %d", id, level);
    if (level) {
        b->pending |= b->edge & bit & ~b->level;
        b->level |= bit;
    } else {
        b->level &= ~bit;
    }
    gic_refresh(c, id);
}

void gic_set_ppi(struct gic_cpu *c, unsigned id, int level)
{
    if (((c->priv.level >> id & 1) != 0) != (level != 0))
        set_level(c, id, level);
}

/* One line has one driver, whose own lock orders its changes: what it reads of its bit is current.
 */
static bool unchanged(const struct gic_bits *b, unsigned id, int level)
{
    return (__atomic_load_n(&b->level, __ATOMIC_RELAXED) >> id % 32 & 1) == (level != 0);
}

static void input_spi(void *opaque, unsigned n, int level)
{
    struct gic *g = opaque;

    if (unchanged(&g->spi[n / 32], n, level))
        return;
    os_mutex_lock(&g->dev.lock);
    set_level(&g->cpus[0], n, level);
    os_mutex_unlock(&g->dev.lock);
}

static void input_ppi(void *opaque, unsigned n, int level)
{
    struct gic_cpu *c = opaque;

    if (unchanged(&c->priv, n, level))
        return;
    os_mutex_lock(&c->gic->dev.lock);
    set_level(c, n, level);
    os_mutex_unlock(&c->gic->dev.lock);
}

struct irq gic_spi(struct dev *d, unsigned spi)
{
    assert(spi + 32 < gic_of(d)->num_irq);
    return (struct irq){.set = input_spi, .opaque = gic_of(d), .n = spi + 32};
}

struct irq gic_ppi(struct dev *d, unsigned cpu, unsigned ppi)
{
    assert(cpu < gic_of(d)->ncpus && ppi >= 16 && ppi < 32);
    return (struct irq){.set = input_ppi, .opaque = &gic_of(d)->cpus[cpu], .n = ppi};
}

/* ---- cpus ---- */

struct gic_cpu *gic_cpu_of(struct gic *g, const struct cpu *c)
{
    unsigned index = c && c->sys ? c->sys->index : 0;

    return &g->cpus[index < g->ncpus ? index : 0];
}

void gic_view_of(struct gic_cpu *c, struct gic_view *v)
{
    *v = (struct gic_view){.el = 1};
    if (c->gic->wiring.view)
        c->gic->wiring.view(c->cpu, v);
}

void gic_cpu_changed(struct dev *d, struct cpu *cpu)
{
    struct gic *g = gic_of(d);
    struct gic_cpu *c = gic_cpu_of(g, cpu);
    struct gic_view v;

    if (!g->has_security)
        return;
    os_mutex_lock(&d->lock);
    gic_view_of(c, &v);
    if (c->secure != v.secure || c->el3 != (v.el == 3)) {
        c->secure = v.secure;
        c->el3 = v.el == 3;
        gic_update(c);
    }
    os_mutex_unlock(&d->lock);
}
