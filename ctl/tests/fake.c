/* The cardboard machine (fake.h). */
#include "ctl/tests/fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chr/chr.h"
#include "os/loop.h"

/* ---- an isa ---- */

static struct machine *machine_of(struct cpu *c)
{
    return c->sys->machine;
}

static bool reg_get(struct cpu *c, uint32_t n, void *to)
{
    if (n == 32)
        memcpy(to, &c->pc, 8);
    else
        memcpy(to, &machine_of(c)->reg[c->sys->index][n], n == 33 ? 4 : 8);
    return true;
}

static bool reg_set(struct cpu *c, uint32_t n, const void *from)
{
    if (n == 32)
        memcpy(&c->pc, from, 8);
    else
        memcpy(&machine_of(c)->reg[c->sys->index][n], from, n == 33 ? 4 : 8);
    return true;
}

static void describe(const struct cpu *c, char *buf, size_t size)
{
    snprintf(buf, size, "pc=%016llx", (unsigned long long)c->pc);
}

#define CORE "org.gnu.gdb.aarch64.core"
#define X(n)                               \
    {                                      \
        "x" #n, 64, "int64", CORE, NULL, n \
    }
static const struct isa_reg regs[] = {
    X(0),
    X(1),
    X(2),
    X(3),
    X(4),
    X(5),
    X(6),
    X(7),
    X(8),
    X(9),
    X(10),
    X(11),
    X(12),
    X(13),
    X(14),
    X(15),
    X(16),
    X(17),
    X(18),
    X(19),
    X(20),
    X(21),
    X(22),
    X(23),
    X(24),
    X(25),
    X(26),
    X(27),
    X(28),
    X(29),
    X(30),
    {"sp", 64, "data_ptr", CORE, NULL, 31},
    {"pc", 64, "code_ptr", CORE, NULL, 32},
    {"cpsr", 32, "cpsr_flags", CORE, NULL, 33},
    {"TTBR0", 64, "int64", "org.myna.test", "system", 7},
    {0},
};
static const struct isa_model models[] = {{"model-a", "a", NULL}, {"model-b", "b", NULL}, {0}};
static const struct isa_sys sys = {
    .models = models, .regs = regs, .reg_get = reg_get, .reg_set = reg_set, .describe = describe};
static const struct isa isa = {.name = "arm64", .qemu_name = "aarch64", .bits = 64, .sys = &sys};

static const char *const aliases[] = {"board", NULL};
static const struct board board = {
    .name = "board-1", .aliases = aliases, .default_cpu = "model-a", .max_cpus = 8};
const struct board *const board_registry[] = {&board, NULL};

/* ---- what the machine's contract says ---- */

void fake_tell(struct machine *m, enum machine_event ev, struct cpu *cpu)
{
    struct machine_listener *next;

    for (struct machine_listener *l = m->listeners; l; l = next) {
        next = l->next;
        l->event(l->opaque, ev, cpu);
    }
}

static void set_status(struct machine *m, enum machine_status s)
{
    if (m->status == s)
        return;
    m->status = s;
    fake_tell(m, MACHINE_EV_STATUS, NULL);
}

void machine_stop(struct machine *m)
{
    m->stops++;
    if (m->status == MACHINE_RUNNING)
        set_status(m, MACHINE_PAUSED);
}

void machine_cont(struct machine *m)
{
    m->conts++;
    set_status(m, MACHINE_RUNNING);
}

void machine_reset(struct machine *m)
{
    m->resets++;
    fake_tell(m, MACHINE_EV_RESET, NULL);
}

void machine_powerdown(struct machine *m)
{
    m->powerdowns++;
    fake_tell(m, MACHINE_EV_POWERDOWN, NULL);
}

void machine_quit(struct machine *m, int status)
{
    (void)status;
    m->quits++;
}

void machine_step(struct machine *m, struct cpu *c)
{
    m->steps++;
    c->pc += 4;
    fake_debug_stop(m, c->sys->index);
}

void fake_debug_stop(struct machine *m, unsigned cpu)
{
    set_status(m, MACHINE_DEBUG);
    fake_tell(m, MACHINE_EV_DEBUG, m->cpu[cpu]);
}

void fake_shutdown(struct machine *m)
{
    set_status(m, MACHINE_SHUTDOWN);
    fake_tell(m, MACHINE_EV_SHUTDOWN, NULL);
}

enum machine_status machine_status(const struct machine *m)
{
    return m->status;
}

void machine_listen(struct machine *m, struct machine_listener *l)
{
    l->next = m->listeners;
    m->listeners = l;
}

void machine_unlisten(struct machine *m, struct machine_listener *l)
{
    struct machine_listener **p = &m->listeners;

    while (*p != l)
        p = &(*p)->next;
    *p = l->next;
}

const json_t *machine_conf(const struct machine *m)
{
    return m->conf;
}

struct dev_env *machine_env(struct machine *m)
{
    return &m->env;
}

struct dev *machine_root(struct machine *m)
{
    return m->root;
}

struct os_loop *machine_loop(struct machine *m)
{
    return m->loop;
}

unsigned machine_cpus(const struct machine *m)
{
    (void)m;
    return FAKE_CPUS;
}

struct cpu *machine_cpu(struct machine *m, unsigned index)
{
    return m->cpu[index];
}

int machine_cpu_thread(const struct machine *m, unsigned index)
{
    (void)m;
    return 100 + (int)index;
}

bool machine_cpu_on(struct machine *m, unsigned index)
{
    (void)m;
    return index < FAKE_CPUS;
}

struct accel *machine_accel(struct machine *m)
{
    (void)m;
    return NULL;
}

int accel_stats(const struct accel *a, char *buf, size_t size)
{
    (void)a, (void)buf, (void)size;
    return 0;
}

uint64_t machine_memory(const struct machine *m)
{
    (void)m;
    return FAKE_RAM;
}

struct chr *machine_chr(struct machine *m, const char *id)
{
    for (unsigned i = 0; i < m->nchr; i++)
        if (!strcmp(chr_id(m->chr[i]), id))
            return m->chr[i];
    return NULL;
}

struct net_port *machine_net(struct machine *m, const char *id)
{
    (void)m, (void)id;
    return NULL;
}

void machine_each_blk(struct machine *m,
                      void (*fn)(void *arg, const char *id, struct blk *b, struct dev *user),
                      void *arg)
{
    (void)m, (void)fn, (void)arg;
}

int machine_device_add(struct machine *m, const json_t *conf, struct dev **out, struct err *e)
{
    (void)m, (void)out;
    return err_text(e, EINVAL, "no device '%s'",
                    json_string_value(json_object_get(conf, "driver")));
}

int machine_device_del(struct machine *m, struct dev *d, struct err *e)
{
    (void)m, (void)d;
    return err_text(e, EINVAL, "devices of cardboard stay");
}

const struct dev *machine_leaving(const struct machine *m)
{
    (void)m;
    return NULL;
}

/* Virtual is physical; two pages. */
int cpu_debug_read(struct cpu *c, uint64_t va, void *to, size_t size)
{
    return mem_dma_read(machine_of(c)->env.mem, va, to, size);
}

int cpu_debug_write(struct cpu *c, uint64_t va, const void *from, size_t size)
{
    return mem_dma_write(machine_of(c)->env.mem, va, from, size);
}

static void debug_changed(struct cpu *c)
{
    machine_of(c)->debug_changes++;
}

static const struct cpu_accel_ops accel_ops = {.debug_changed = debug_changed};
static const struct dev_class root_class = {
    .name = "machine", .bus = "", .size = sizeof(struct dev)};
const struct dev_class *const dev_class_registry[] = {NULL};

struct machine *fake_new(struct os_loop *loop, const char *conf)
{
    struct machine *m = mem_new(struct machine);
    struct err e;
    json_t *item;
    size_t i;

    m->loop = loop;
    m->conf = json_loads(conf, 0, NULL);
    m->status = MACHINE_PRELAUNCH;
    m->memory = mem_region_container("memory", UINT64_MAX);
    if (!m->conf || mem_region_ram(&m->ram, "ram", FAKE_RAM, NULL, &e) < 0)
        abort();
    mem_region_add(m->memory, FAKE_BASE, m->ram, 0);
    m->env.mem = mem_space_new("memory", m->memory);
    m->env.machine = m;
    m->env.loop = loop;
    m->root = dev_new(&root_class, NULL, "", &m->env);
    for (unsigned k = 0; k < FAKE_CPUS; k++) {
        m->cpu[k] = mem_new(struct cpu);
        m->sys[k] =
            (struct cpu_sys){.index = k, .machine = m, .accel = &accel_ops, .mem = m->env.mem};
        m->cpu[k]->sys = &m->sys[k];
        m->cpu[k]->isa = &isa;
        m->cpu[k]->pc = 0x2000 + k * 0x100;
    }
    json_array_foreach(json_object_get(m->conf, "chr"), i,
                       item) if (chr_new(&m->chr[m->nchr++], loop, item, &e) < 0)
    {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    return m;
}

void fake_free(struct machine *m)
{
    for (unsigned i = 0; i < m->nchr; i++)
        chr_free(m->chr[i]);
    dev_free(m->root);
    mem_space_free(m->env.mem);
    mem_region_free(m->ram);
    mem_region_free(m->memory);
    for (unsigned k = 0; k < FAKE_CPUS; k++)
        free(m->cpu[k]);
    json_decref(m->conf);
    free(m);
}
