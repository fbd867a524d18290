/* See kit.h. */
#include "kit.h"

static void view(struct cpu *c, struct gic_view *v)
{
    struct gic_view *views = c->sys->machine;

    *v = views[c->sys->index];
}

struct kit *kit_new(const struct dev_class *cls, unsigned cpus, const char *options)
{
    struct kit *k = calloc(1, sizeof(*k));
    struct mem_ram_opts opts = {0};
    struct gic_wiring w = {.cpus = k->cpus,
                           .count = cpus,
                           .irq = 0,
                           .fiq = 1,
                           .virq = 2,
                           .vfiq = 3,
                           .maintenance = 25,
                           .view = view};
    struct err e = {0};
    json_t *conf = json_loads(options, 0, NULL);

    k->root = mem_region_container("root", UINT64_C(1) << 40);
    assert_int_equal(mem_region_ram(&k->ram, "ram", KIT_RAM, &opts, &e), 0);
    mem_region_add(k->root, 0x40000000, k->ram, 0);
    k->env.mem = mem_space_new("memory", k->root);
    for (unsigned i = 0; i < cpus; i++) {
        k->cpus[i] = calloc(1, sizeof(struct cpu));
        k->cpus[i]->sys = &k->sys[i];
        k->sys[i].index = i;
        k->sys[i].machine = k->views;
        k->views[i].el = 1;
    }
    k->dev = dev_new(cls, NULL, "gic", &k->env);
    k->gic = gic_of(k->dev);
    assert_int_equal(prop_apply(cls->props, k->dev, conf, "gic", NULL, &e), 0);
    json_decref(conf);
    gic_wire(k->dev, &w);
    assert_int_equal(dev_realize(k->dev, &e), 0);
    dev_reset(k->dev);
    return k;
}

void kit_free(struct kit *k)
{
    unsigned cpus = k->gic->ncpus;

    dev_free(k->dev);
    for (unsigned i = 0; i < cpus; i++)
        free(k->cpus[i]);
    mem_space_free(k->env.mem);
    mem_region_free(k->ram);
    mem_region_free(k->root);
    cpu_set_current(NULL);
    free(k);
}

static struct mem_hit at(struct kit *k, enum gic_region region, uint32_t offset)
{
    return (struct mem_hit){.region = gic_region(k->dev, region, 0), .offset = offset, .span = 8};
}

uint32_t kit_read(struct kit *k, unsigned n, enum gic_region region, uint32_t offset)
{
    struct mem_hit hit = at(k, region, offset);

    cpu_set_current(k->cpus[n]);
    return (uint32_t)mem_io_read(&hit, 4);
}

void kit_write(struct kit *k, unsigned n, enum gic_region region, uint32_t offset, uint32_t value)
{
    struct mem_hit hit = at(k, region, offset);

    cpu_set_current(k->cpus[n]);
    mem_io_write(&hit, value, 4);
}

uint64_t kit_get(struct kit *k, unsigned n, uint32_t reg)
{
    uint64_t value = ~UINT64_C(0);
    struct cpu_sysreg_ops *ops = &k->sys[n].intc;

    assert_true(ops->read(ops->opaque, k->cpus[n], reg, &value));
    return value;
}

void kit_set(struct kit *k, unsigned n, uint32_t reg, uint64_t value)
{
    struct cpu_sysreg_ops *ops = &k->sys[n].intc;

    assert_true(ops->write(ops->opaque, k->cpus[n], reg, value));
}

unsigned kit_lines(struct kit *k, unsigned n)
{
    return k->sys[n].lines;
}

uint8_t *kit_ram(struct kit *k, uint64_t where)
{
    return mem_region_host(k->ram) + (where - 0x40000000);
}
