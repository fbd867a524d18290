/*
 * The life of a controller, of either version: wiring, memory, reset, and the table of its state.
 */
#include "dev/gic/gic_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/trace_define.h"
#include "dev/gic/trace.def"

void gic_wire(struct dev *d, const struct gic_wiring *w)
{
    struct gic *g = gic_of(d);

    assert(!d->realized && !g->wired && w->count);
    g->wiring = *w;
    g->ncpus = w->count;
    g->wired = mem_zalloc(w->count * sizeof(*g->wired));
    g->affinities = mem_zalloc(w->count * sizeof(*g->affinities));
    for (unsigned i = 0; i < w->count; i++) {
        g->wired[i] = w->cpus[i];
        g->affinities[i] = w->affinity ? w->affinity[i] : i;
    }
}

int gic_init(struct gic *g, unsigned version, unsigned max_cpus, struct err *e)
{
    if (!g->wired)
        return err_text(e, EINVAL, "gic: not wired to any cpu");
    if (g->ncpus > max_cpus)
        return err_text(e, EINVAL, "gicv%u: %u cpus, but it serves at most %u; use gic-version=3",
                        version, g->ncpus, max_cpus);
    if (g->num_irq < 32 || g->num_irq > 1020 || (g->num_irq % 32 && g->num_irq != 1020))
        return err_text(e, EINVAL, "gic: num-irq=%u; it must be 32 to 992 in steps of 32, or 1020",
                        g->num_irq);
    g->version = (uint8_t)version;
    g->words = (g->num_irq + 31) / 32;
    g->cpus = mem_zalloc(g->ncpus * sizeof(*g->cpus));
    for (unsigned i = 0; i < g->ncpus; i++) {
        g->cpus[i].gic = g;
        g->cpus[i].cpu = g->wired[i];
        g->cpus[i].index = i;
        g->cpus[i].affinity = g->affinities[i];
    }
    return 0;
}

void gic_fini(struct gic *g)
{
    struct mem_region *all[] = {g->dist,      g->cpuif,     g->hyp,       g->vcpu,
                                g->redist[0], g->redist[1], g->redist[2], g->redist[3]};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i])
            mem_region_free(all[i]);
    for (unsigned i = 0; g->cpus && i < g->ncpus; i++)
        free(g->cpus[i].lpis);
    free(g->lpi_pending);
    free(g->lpi_config);
    free(g->frames);
    free(g->cpus);
    free(g->wired);
    free(g->affinities);
}

static void reset_cpu(struct gic_cpu *c)
{
    bool v2 = c->gic->version == 2, nonsecure = c->gic->reset_nonsecure && c->gic->has_security;

    memset(&c->priv, 0, sizeof(c->priv));
    c->priv.edge = 0xffff;
    c->priv.enabled = v2 ? 0xffff : 0; /* SGIs of a GICv2 are always on */
    c->priv.group = nonsecure ? ~0u : 0;
    memset(c->priority, nonsecure ? 0x80 : 0, sizeof(c->priority));
    memset(c->sgi_source, 0, sizeof(c->sgi_source));
    memset(&c->iface, 0, sizeof(c->iface));
    c->iface.pmr = nonsecure ? 0x80 : 0;
    c->iface.bpr[GIC_G0] = c->iface.bpr[GIC_G1S] = GIC_BPR0_MIN;
    c->iface.bpr[GIC_G1NS] = GIC_BPR0_MIN + 1;
    gic_virt_reset(&c->virt);
    c->waker = 6; /* ProcessorSleep, ChildrenAsleep */
    c->v2_ctlr_fiq = 0;
    c->secure = c->el3 = c->gic->has_security && !nonsecure;
    gic_lpi_reset(c);
}

void gic_reset(struct gic *g)
{
    bool nonsecure = g->reset_nonsecure && g->has_security;

    os_mutex_lock(&g->dev.lock);
    g->ds = !g->has_security;
    g->groups = 0;
    memset(g->spi, 0, sizeof(g->spi));
    memset(g->priority, nonsecure ? 0x80 : 0, sizeof(g->priority));
    memset(g->targets, 0, sizeof(g->targets));
    memset(g->route_reg, 0, sizeof(g->route_reg));
    for (unsigned word = 1; word < GIC_WORDS && nonsecure; word++)
        g->spi[word].group = ~0u;
    for (unsigned i = 0; i < g->ncpus; i++)
        reset_cpu(&g->cpus[i]);
    gic_derive(g);
    os_mutex_unlock(&g->dev.lock);
}

/* What follows from the state: targets, what is ready, the lines. */
void gic_derive(struct gic *g)
{
    for (unsigned i = 0; i < g->ncpus; i++)
        memset(g->cpus[i].target, 0, sizeof(g->cpus[i].target));
    for (unsigned id = 32; id < g->num_irq; id++) {
        g->route[id] = GIC_NO_CPU;
        if (g->version == 3)
            gic_route(g, id, gicv3_route_cpu(g, g->route_reg[id]));
        else
            gic_target(g, id, g->ncpus == 1 ? 1 : g->targets[id]);
    }
    gic_refresh_all(g);
    for (unsigned i = 0; i < g->ncpus; i++) {
        struct gic_cpu *c = &g->cpus[i];

        gic_virt_update(c);
        /* The cpu may have been reset on its own: tell it all lines. */
        c->lines = (uint8_t)~c->lines;
        gic_set_lines(c, 0xf, (uint8_t)~c->lines);
        c->lines &= 0xf;
    }
}

/* Loaded state: what a saved machine cannot have is refused or masked, the rest recomputed. */
int gic_loaded(struct gic *g, struct err *e)
{
    for (unsigned i = 0; i < g->ncpus; i++) {
        struct gic_cpu *c = &g->cpus[i];

        for (unsigned group = 0; group < GIC_GROUPS; group++)
            if (c->iface.bpr[group] > 7)
                return err_text(e, EINVAL, "gic: state with binary point %u", c->iface.bpr[group]);
        for (unsigned k = 0; k < 32; k++)
            c->priority[k] &= GIC_PRIORITY_MASK;
        c->priv.edge |= 0xffff;
        c->iface.pmr &= GIC_PRIORITY_MASK;
        gic_lpi_loaded(c);
    }
    for (size_t k = 0; k < sizeof(g->priority); k++)
        g->priority[k] &= GIC_PRIORITY_MASK;
    for (unsigned word = g->words; word < GIC_WORDS; word++)
        memset(&g->spi[word], 0, sizeof(g->spi[word]));
    if (!g->has_security)
        g->ds = true;
    gic_derive(g);
    return 0;
}

/* ---- state ---- */

static const struct state_field bits_state[] = {
    STATE_FIELD(STATE_U32, struct gic_bits, group),
    STATE_FIELD(STATE_U32, struct gic_bits, modifier),
    STATE_FIELD(STATE_U32, struct gic_bits, enabled),
    STATE_FIELD(STATE_U32, struct gic_bits, pending),
    STATE_FIELD(STATE_U32, struct gic_bits, level),
    STATE_FIELD(STATE_U32, struct gic_bits, edge),
    STATE_FIELD(STATE_U32, struct gic_bits, active),
    STATE_END,
};

static const struct state_field iface_state[] = {
    STATE_FIELD(STATE_U8, struct gic_iface, pmr),
    STATE_ARRAY(STATE_U8, struct gic_iface, bpr),
    STATE_FIELD(STATE_U8, struct gic_iface, enabled),
    STATE_ARRAY(STATE_BOOL, struct gic_iface, cbpr),
    STATE_ARRAY(STATE_BOOL, struct gic_iface, eoimode),
    STATE_ARRAY(STATE_U32, struct gic_iface, apr),
    STATE_END,
};

static const struct state_field virt_state[] = {
    STATE_FIELD(STATE_U32, struct gic_virt, hcr),
    STATE_FIELD(STATE_U32, struct gic_virt, vmcr),
    STATE_ARRAY(STATE_U64, struct gic_virt, lr),
    STATE_ARRAY(STATE_U32, struct gic_virt, apr),
    STATE_END,
};

static const struct state_field cpu_state[] = {
    STATE_NESTED(struct gic_cpu, priv, bits_state),
    STATE_ARRAY(STATE_U8, struct gic_cpu, priority),
    STATE_ARRAY(STATE_U8, struct gic_cpu, sgi_source),
    STATE_NESTED(struct gic_cpu, iface, iface_state),
    STATE_NESTED(struct gic_cpu, virt, virt_state),
    STATE_FIELD(STATE_U32, struct gic_cpu, waker),
    STATE_FIELD(STATE_U32, struct gic_cpu, redist_ctlr),
    STATE_FIELD(STATE_U64, struct gic_cpu, propbaser),
    STATE_FIELD(STATE_U64, struct gic_cpu, pendbaser),
    STATE_FIELD(STATE_U32, struct gic_cpu, v2_ctlr_fiq),
    STATE_FIELD(STATE_BOOL, struct gic_cpu, secure),
    STATE_FIELD(STATE_BOOL, struct gic_cpu, el3),
    STATE_END,
};

const struct state_field gic_state[] = {
    STATE_FIELD(STATE_BOOL, struct gic, ds),
    STATE_FIELD(STATE_U8, struct gic, groups),
    STATE_NESTED_ARRAY(struct gic, spi, bits_state),
    STATE_ARRAY(STATE_U8, struct gic, priority),
    STATE_ARRAY(STATE_U8, struct gic, targets),
    STATE_ARRAY(STATE_U64, struct gic, route_reg),
    {.name = "cpus",
     .type = STATE_STRUCT,
     .offset = offsetof(struct gic, cpus),
     .size = sizeof(struct gic_cpu),
     .pointer = true,
     .count_offset = offsetof(struct gic, ncpus),
     .fields = cpu_state},
    {.name = "lpi_pending",
     .type = STATE_U64,
     .offset = offsetof(struct gic, lpi_pending),
     .size = sizeof(uint64_t),
     .pointer = true,
     .count_offset = offsetof(struct gic, lpi_words)},
    {.name = "lpi_config",
     .type = STATE_U8,
     .offset = offsetof(struct gic, lpi_config),
     .size = 1,
     .pointer = true,
     .count_offset = offsetof(struct gic, lpi_configs)},
    STATE_END,
};
