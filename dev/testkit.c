/* The kit of device tests: memory, lines, backends and time around one device.
 *
 * Owns everything but the device. The suite stands in testkit_conform.c, driving at random in
 * testkit_drive.c.
 */
#include "dev/testkit.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "os/loop.h"

enum { SETTLE_MAX = 64 };

static struct devkit *kit_of(struct machine *m)
{
    return (struct devkit *)m;
}

static void on_request(struct machine *m, enum dev_request r)
{
    kit_of(m)->requests[r]++;
}

static bool is_running(struct machine *m)
{
    return kit_of(m)->running;
}

static void *find(struct machine *m, char kind, const char *id)
{
    struct devkit *kit = kit_of(m);

    for (unsigned i = 0; i < DEVKIT_BACKENDS; i++) {
        if (kit->backends[i].kind == kind && strcmp(kit->backends[i].id, id) == 0)
            return kit->backends[i].backend;
    }
    return NULL;
}

static struct blk *find_blk(struct machine *m, const char *id)
{
    return find(m, 'b', id);
}

static struct net_port *find_net(struct machine *m, const char *id)
{
    return find(m, 'n', id);
}

static struct chr *find_chr(struct machine *m, const char *id)
{
    return find(m, 'c', id);
}

static const struct dev_class root_class = {
    .name = "testkit", .bus = "", .help = "root of a test", .size = sizeof(struct dev)};

struct devkit *devkit_new(int (*setup)(struct devkit *kit, struct err *e))
{
    struct devkit *kit = mem_new(struct devkit);
    struct err e;

    kit->running = true;
    kit->all = mem_region_container("all", UINT64_MAX);
    if (mem_region_ram(&kit->ram, "ram", DEVKIT_RAM_SIZE, NULL, &e) ||
        os_loop_new(&kit->env.loop, &e) || clocks_new(&kit->env.clocks, NULL, &e)) {
        fprintf(stderr, "devkit: %s\n", e.text);
        abort();
    }
    mem_region_add(kit->all, DEVKIT_RAM, kit->ram, 0);
    kit->space = mem_space_new("memory", kit->all);
    kit->env.mem = kit->space;
    kit->env.machine = (struct machine *)kit;
    kit->env.request = on_request;
    kit->env.running = is_running;
    kit->env.find_blk = find_blk;
    kit->env.find_net = find_net;
    kit->env.find_chr = find_chr;
    kit->root = dev_new(&root_class, NULL, "", &kit->env);
    if (setup && (dev_realize(kit->root, &e) || setup(kit, &e))) {
        fprintf(stderr, "devkit: setup: %s\n", e.text);
        devkit_free(kit);
        return NULL;
    }
    dev_reset(kit->root);
    devkit_settle(kit);
    return kit;
}

void devkit_free(struct devkit *kit)
{
    if (!kit)
        return;
    dev_free(kit->root);
    if (kit->teardown)
        kit->teardown(kit);
    clocks_free(kit->env.clocks);
    os_loop_free(kit->env.loop);
    mem_space_free(kit->space);
    mem_region_free(kit->ram);
    mem_region_free(kit->all);
    free(kit);
}

static void on_irq(void *opaque, unsigned n, int level)
{
    struct devkit_line *line = &((struct devkit *)opaque)->line[n];

    line->changes += line->level != level;
    line->level = level;
}

struct irq devkit_irq(struct devkit *kit, unsigned n)
{
    assert(n < DEVKIT_LINES);
    return (struct irq){.set = on_irq, .opaque = kit, .n = n};
}

static void on_msi(void *opaque, uint32_t device, uint64_t address, uint32_t data)
{
    struct devkit *kit = opaque;

    kit->msis++;
    kit->msi_device = device;
    kit->msi_address = address;
    kit->msi_data = data;
}

struct msi_target devkit_msi(struct devkit *kit)
{
    return (struct msi_target){.send = on_msi, .opaque = kit};
}

unsigned devkit_place(struct devkit *kit, struct mem_region *r)
{
    assert(kit->blocks < DEVKIT_BLOCKS && mem_region_size(r) <= DEVKIT_STEP);
    mem_region_add(kit->all, DEVKIT_MMIO + kit->blocks * DEVKIT_STEP, r, 0);
    kit->block[kit->blocks] = r;
    return kit->blocks++;
}

void devkit_backend(struct devkit *kit, char kind, const char *id, void *backend)
{
    unsigned i = 0;

    while (i < DEVKIT_BACKENDS && kit->backends[i].kind)
        i++;
    assert(i < DEVKIT_BACKENDS);
    kit->backends[i].kind = kind;
    kit->backends[i].id = id;
    kit->backends[i].backend = backend;
}

static bool look_up(struct devkit *kit, unsigned block, uint64_t offset, struct mem_hit *hit)
{
    assert(block < kit->blocks);
    mem_lookup(kit->space, DEVKIT_MMIO + block * DEVKIT_STEP + offset, hit);
    return hit->region;
}

uint64_t devkit_read(struct devkit *kit, unsigned block, uint64_t offset, unsigned size)
{
    struct mem_hit hit;
    uint64_t value = 0;

    if (!look_up(kit, block, offset, &hit))
        return 0;
    if (!hit.host)
        return mem_io_read(&hit, size);
    /* Flash that reads as memory. */
    mem_read(kit->space, DEVKIT_MMIO + block * DEVKIT_STEP + offset, size, &value);
    return value;
}

void devkit_write(struct devkit *kit, unsigned block, uint64_t offset, unsigned size,
                  uint64_t value)
{
    struct mem_hit hit;

    if (!look_up(kit, block, offset, &hit))
        return;
    if (hit.writable)
        mem_write(kit->space, DEVKIT_MMIO + block * DEVKIT_STEP + offset, size, value);
    else
        mem_io_write(&hit, value, size);
}

uint8_t *devkit_ram(struct devkit *kit, mem_pa at)
{
    assert(at - DEVKIT_RAM < DEVKIT_RAM_SIZE);
    return mem_region_host(kit->ram) + (at - DEVKIT_RAM);
}

void devkit_settle(struct devkit *kit)
{
    for (unsigned i = 0; i < SETTLE_MAX && os_loop_once(kit->env.loop, false); i++)
        continue;
}

void devkit_advance(struct devkit *kit, int64_t ns)
{
    devkit_settle(kit);
    clocks_advance(kit->env.clocks, ns);
    devkit_settle(kit);
}

/* ---- state ---- */

static int to_str(void *arg, const void *data, size_t size)
{
    str_append(arg, data, size);
    return 0;
}

struct source {
    const struct str *bytes;
    size_t at;
};

static int from_str(void *arg, void *data, size_t size)
{
    struct source *s = arg;

    if (size > str_length(s->bytes) - s->at)
        return -EIO;
    memcpy(data, str_text(s->bytes) + s->at, size);
    s->at += size;
    return 0;
}

bool devkit_save(struct devkit *kit, struct str *out)
{
    struct state_writer *w = state_writer_new(to_str, out);
    struct err e, e2;
    int rc;

    str_clear(out);
    rc = dev_save(kit->root, w, &e);
    if (rc)
        fprintf(stderr, "devkit: save: %s\n", e.text);
    return !state_writer_end(w, &e2) && !rc;
}

int devkit_load(struct devkit *kit, const struct str *bytes, struct err *e)
{
    struct source s = {bytes, 0};
    struct state_reader *r = state_reader_new(from_str, &s);
    int rc = dev_load(kit->root, r, e);

    state_reader_free(r);
    devkit_settle(kit);
    return rc;
}

static void dump_one(void *arg, struct dev *d)
{
    if (d->cls->state) {
        str_printf(arg, "[%s]\n", d->path);
        state_dump(d->cls->state, d, arg);
    }
}

void devkit_dump(struct devkit *kit, struct str *out)
{
    str_clear(out);
    dev_each(kit->root, dump_one, out);
    for (unsigned i = 0; i < DEVKIT_LINES; i++) {
        if (kit->line[i].level)
            str_printf(out, "line %u = %d\n", i, kit->line[i].level);
    }
}
