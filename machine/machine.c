/* A machine's life: built from a configuration, run by the main loop, stopped, reset and ended by wishes that
 * guests, users and signals express from any thread. Knows no board and no device. */
#include "machine/machine.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"
#include "core/conf.h"
#include "machine/machine_int.h"

static const struct prop conf_props[] = {
    {"name", PROP_STR, offsetof(struct machine_conf, name), .help = "what the machine is called"},
    {"uuid", PROP_STR, offsetof(struct machine_conf, uuid), .help = "its UUID, which firmware and guests can ask for"},
    {"cpu", PROP_STR, offsetof(struct machine_conf, cpu), .help = "processor model, with options"},
    {"smp", PROP_U64, offsetof(struct machine_conf, smp), .def = 1, .min = 1, .max = 512, .help = "processors"},
    {"memory", PROP_SIZE, offsetof(struct machine_conf, memory), .help = "bytes of RAM"},
    {"kernel", PROP_STR, offsetof(struct machine_conf, kernel), .help = "kernel to start directly"},
    {"initrd", PROP_STR, offsetof(struct machine_conf, initrd), .help = "its initial RAM disk"},
    {"append", PROP_STR, offsetof(struct machine_conf, append), .help = "its command line"},
    {"dtb", PROP_STR, offsetof(struct machine_conf, dtb), .help = "device tree instead of the board's"},
    {"bios", PROP_STR, offsetof(struct machine_conf, bios), .help = "firmware image"},
    {"no-reboot", PROP_BOOL, offsetof(struct machine_conf, no_reboot), .help = "end when the guest resets"},
    {"no-shutdown", PROP_BOOL, offsetof(struct machine_conf, no_shutdown), .help = "stop, not end, at power-off"},
    {"start-paused", PROP_BOOL, offsetof(struct machine_conf, start_paused), .help = "wait for cont"},
    {"machine", PROP_DICT, offsetof(struct machine_conf, machine), .help = "board and its properties"},
    {"blk", PROP_LIST, offsetof(struct machine_conf, blk), .help = "block backends"},
    {"net", PROP_LIST, offsetof(struct machine_conf, net), .help = "network backends"},
    {"chr", PROP_LIST, offsetof(struct machine_conf, chr), .help = "character backends"},
    {"serial", PROP_LIST, offsetof(struct machine_conf, serial), .help = "backends of the serial ports"},
    {"devices", PROP_LIST, offsetof(struct machine_conf, devices), .help = "devices besides the board's own"},
    {"globals", PROP_LIST, offsetof(struct machine_conf, globals), .help = "values for all devices of a driver"},
    {"accel", PROP_DICT, offsetof(struct machine_conf, accel), .help = "accelerator"},
    {"rtc", PROP_DICT, offsetof(struct machine_conf, rtc), .help = "real-time clock"},
    {0},
};

/* ---- parts ---- */

const struct board *machine_board_class(const struct machine *m) { return m->board; }
void *machine_board(struct machine *m) { return m->board_data; }
const json_t *machine_conf(const struct machine *m) { return m->conf; }
struct dev_env *machine_env(struct machine *m) { return &m->env; }
struct dev *machine_root(struct machine *m) { return m->root; }
struct mem_region *machine_memory_root(struct machine *m) { return m->memory; }
struct os_loop *machine_loop(struct machine *m) { return m->loop; }
unsigned machine_cpus(const struct machine *m) { return m->ncpus; }
struct cpu *machine_cpu(struct machine *m, unsigned index) { return m->vcpus[index].cpu; }
struct accel *machine_accel(struct machine *m) { return m->accel; }
uint64_t machine_memory(const struct machine *m) { return m->c.memory; }
const uint8_t *machine_uuid(const struct machine *m) { return m->c.uuid ? m->uuid : NULL; }
enum machine_status machine_status(const struct machine *m) { return m->status; }

const struct board *board_find(const char *name)
{
    for (const struct board *const *b = board_registry; *b; b++) {
        if (!strcmp((*b)->name, name))
            return *b;
        for (const char *const *a = (*b)->aliases; a && *a; a++)
            if (!strcmp(*a, name))
                return *b;
    }
    return NULL;
}

/* ---- events ---- */

static void tell(struct machine *m, enum machine_event ev, struct cpu *c)
{
    struct machine_listener *next;

    for (struct machine_listener *l = m->listeners; l; l = next) {
        next = l->next;
        l->event(l->opaque, ev, c);
    }
}

void machine_listen(struct machine *m, struct machine_listener *l)
{
    l->next = m->listeners;
    m->listeners = l;
}

void machine_unlisten(struct machine *m, struct machine_listener *l)
{
    for (struct machine_listener **p = &m->listeners; *p; p = &(*p)->next)
        if (*p == l) {
            *p = l->next;
            return;
        }
}

static void set_status(struct machine *m, enum machine_status s)
{
    if (m->status != s) {
        m->status = s;
        tell(m, MACHINE_EV_STATUS, NULL);
    }
}

/* ---- running ---- */

void machine_stop(struct machine *m)
{
    vcpus_stop(m);
    clocks_stop(m->clocks);
    if (m->status == MACHINE_RUNNING)
        set_status(m, MACHINE_PAUSED);
}

void machine_cont(struct machine *m)
{
    if (m->status == MACHINE_RUNNING || m->status == MACHINE_GUEST_PANIC)
        return;
    clocks_start(m->clocks);
    set_status(m, MACHINE_RUNNING);
    vcpus_run(m);
}

/* All to power-on state, then the board's images and boot cpu. vCPUs stand still. */
static void power_on(struct machine *m)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        m->isa->sys->reset(m->vcpus[i].cpu);
        m->vcpus[i].on = i == 0;
    }
    dev_reset(m->root);
    m->board->reset(m);
}

static void do_reset(struct machine *m)
{
    bool running = m->status == MACHINE_RUNNING;

    if (m->c.no_reboot) {
        machine_quit(m, 0);
        return;
    }
    vcpus_stop(m);
    power_on(m);
    tell(m, MACHINE_EV_RESET, NULL);
    if (running)
        vcpus_run(m);
}

static void do_poweroff(struct machine *m)
{
    machine_stop(m);
    set_status(m, MACHINE_SHUTDOWN);
    tell(m, MACHINE_EV_SHUTDOWN, NULL);
    if (!m->c.no_shutdown)
        os_loop_stop(m->loop);
}

/* Wishes of other threads arrive. */
static void grant(void *arg)
{
    struct machine *m = arg;
    unsigned wishes = atomic_exchange(&m->wishes, 0);

    if (wishes & WISH_POWERDOWN) {
        tell(m, MACHINE_EV_POWERDOWN, NULL);
        if (m->board->powerdown)
            m->board->powerdown(m);
    }
    if (wishes & WISH_DEBUG) {
        vcpus_stop(m);
        clocks_stop(m->clocks);
        set_status(m, MACHINE_DEBUG);
        tell(m, MACHINE_EV_DEBUG, m->debug_cpu);
    }
    if (wishes & WISH_PANIC) {
        machine_stop(m);
        set_status(m, MACHINE_GUEST_PANIC);
    }
    if (wishes & WISH_POWEROFF)
        do_poweroff(m);
    else if (wishes & WISH_RESET)
        do_reset(m);
}

void machine_wish(struct machine *m, unsigned wish)
{
    atomic_fetch_or(&m->wishes, wish);
    os_loop_post(m->loop, &m->task);
}

void machine_request(struct machine *m, enum dev_request r)
{
    static const unsigned wish[] = {
        [DEV_REQUEST_RESET] = WISH_RESET, [DEV_REQUEST_POWEROFF] = WISH_POWEROFF, [DEV_REQUEST_PANIC] = WISH_PANIC};

    machine_wish(m, wish[r]);
}

void machine_reset(struct machine *m) { machine_wish(m, WISH_RESET); }
void machine_powerdown(struct machine *m) { machine_wish(m, WISH_POWERDOWN); }

void machine_quit(struct machine *m, int status)
{
    m->exit_status = status;
    vcpus_stop(m);
    os_loop_stop(m->loop);
}

int machine_run(struct machine *m)
{
    if (m->c.start_paused)
        set_status(m, MACHINE_PRELAUNCH);
    else
        machine_cont(m);
    os_loop_run(m->loop);
    machine_stop(m);
    return m->exit_status;
}

/* ---- building ---- */

/* What lines of the log begin with: virtual time, and the vCPU that is at work. */
static size_t stamp(void *arg, char *text, size_t size)
{
    const struct machine *m = arg;
    const struct cpu *c = cpu_current();
    int64_t ns = clock_ns(m->clocks, CLOCK_VIRTUAL);
    int n = snprintf(text, size, "%lld.%09lld", (long long)(ns / 1000000000), (long long)(ns % 1000000000));

    if (c)
        n += snprintf(text + n, size - (size_t)n, " cpu%u", c->sys->index);
    return (size_t)n;
}

static const struct isa_model *find_model(const struct isa *isa, const char *name, struct err *e)
{
    const char *names[64] = {NULL};
    size_t n = 0;

    for (const struct isa_model *k = isa->sys->models; k->name; k++) {
        if (!strcmp(k->name, name))
            return k;
        if (n < array_size(names) - 1)
            names[n++] = k->name;
    }
    nearest_unknown(e, "processor model", name, prop_nearest(name, names), "`-cpu help` lists them");
    return NULL;
}

/* 8-4-4-4-12 digits, as RFC 9562 writes it. */
static int read_uuid(struct machine *m, struct err *e)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    const char *text = m->c.uuid;
    unsigned digits = 0;

    if (!text)
        return 0;
    for (size_t i = 0; i < sizeof(form); i++) {
        static const char hex[] = "0123456789abcdef";
        const char *digit = text[i] ? strchr(hex, tolower((unsigned char)text[i])) : NULL;

        if (form[i] == 'x' ? !digit : text[i] != form[i])
            return err_text(e, EINVAL, "'%s' is no UUID: it is written like 550e8400-e29b-41d4-a716-446655440000", text);
        if (form[i] == 'x') {
            m->uuid[digits / 2] = (uint8_t)(m->uuid[digits / 2] << 4 | (digit - hex));
            digits++;
        }
    }
    return 0;
}

static int choose_board(struct machine *m, struct err *e)
{
    const char *type = json_string_value(json_object_get(m->c.machine, "type"));

    if (!type)
        return err_text(e, EINVAL, "no machine chosen: give -machine (-M) a name, such as 'virt'");
    m->board = board_find(type);
    if (!m->board) {
        const char *names[64] = {NULL};

        for (size_t n = 0; board_registry[n] && n < array_size(names) - 1; n++)
            names[n] = board_registry[n]->name;
        return nearest_unknown(e, "machine", type, prop_nearest(type, names), "`-machine help` lists them");
    }
    m->isa = isa_find(m->board->isa);
    if (m->c.smp > m->board->max_cpus)
        return err_text(e, EINVAL, "machine '%s' has at most %u processors, not %lu", m->board->name,
                        m->board->max_cpus, m->c.smp);
    if (json_array_size(m->c.serial) > m->board->serial_ports)
        return err_text(e, EINVAL, "machine '%s' has %u serial ports, not %zu: leave out a -serial", m->board->name,
                        m->board->serial_ports, json_array_size(m->c.serial));
    if (!m->c.memory)
        m->c.memory = m->board->default_memory;
    m->ncpus = (unsigned)m->c.smp;
    return 0;
}

static bool is_running(struct machine *m)
{
    return m->status == MACHINE_RUNNING;
}

static const struct dev_class root_class = {.name = "machine", .bus = "", .help = "the machine", .size = sizeof(struct dev)};

static int make_core(struct machine *m, struct err *e)
{
    int rc = clocks_new(&m->clocks, m->loop, e);

    if (rc)
        return rc;
    clocks_stop(m->clocks);
    log_set_stamp(stamp, m);
    m->memory = mem_region_container("memory", UINT64_MAX);
    m->space = mem_space_new("memory", m->memory);
    m->env.mem = m->space;
    m->env.clocks = m->clocks;
    m->env.loop = m->loop;
    m->env.machine = m;
    m->env.request = machine_request;
    m->env.defaults = machine_globals_apply;
    m->env.running = is_running;
    m->root = dev_new(&root_class, NULL, "", &m->env);
    return dev_realize(m->root, e);
}

/* "MODEL,option=value,option" as -cpu takes it. */
static int make_cpus(struct machine *m, struct err *e)
{
    json_t *cpu = NULL;
    const struct isa_model *model;
    static const struct prop tier_prop = {
        .name = "tier", .type = PROP_U32, .max = 2, .help = "0: interpreter, 1: blocks, 2: regions, too"};
    uint32_t tier_wanted = 2;
    struct accel_opts o = {0};
    const json_t *tier = json_object_get(m->c.accel, "tier");
    const char *accel = json_string_value(json_object_get(m->c.accel, "type")); /* "kvm:tcg" allows the second */
    int rc = conf_parse(&cpu, m->c.cpu ? m->c.cpu : m->board->default_cpu, "model", e);

    if (rc)
        return err_prefix(e, "-cpu");
    if (accel && strstr(accel, "kvm") && !strstr(accel, "tcg") && !strstr(accel, "dbt")) {
        json_decref(cpu);
        return err_text(e, ENOTSUP, "KVM cannot run %s code on this host: use -accel tcg, or leave -accel out",
                        m->isa->name);
    }
    model = find_model(m->isa, json_string_value(json_object_get(cpu, "model")), e);
    rc = model ? 0 : -EINVAL;
    if (!rc && tier)
        rc = prop_set(&tier_prop, &tier_wanted, tier, "-accel", e);
    o.tier = (int)tier_wanted;
    if (!rc)
        rc = accel_new_system(&m->accel, m->isa, &o, m->space, e);
    json_object_del(cpu, "model");
    if (!rc)
        rc = vcpus_new(m, model, cpu, e);
    json_decref(cpu);
    return rc;
}

static int board_options(struct machine *m, struct err *e)
{
    static const char *const skip[] = {"type", NULL};

    m->board_data = mem_zalloc(m->board->size);
    prop_defaults(m->board->props, m->board_data);
    return prop_apply(m->board->props, m->board_data, m->c.machine, m->board->name, skip, e);
}

static int make_board(struct machine *m, struct err *e)
{
    json_t *item;
    size_t i;
    int rc = machine_backends_new(m, e);

    if (!rc)
        rc = m->board->build(m, e);
    json_array_foreach(m->c.devices, i, item) {
        if (!rc)
            rc = machine_device_add(m, item, NULL, e);
    }
    return rc ? rc : m->board->start(m, e);
}

int machine_new(struct machine **out, struct os_loop *loop, const json_t *conf, struct err *e)
{
    struct machine *m = mem_new(struct machine);
    int rc;

    m->loop = loop;
    m->conf = json_deep_copy(conf);
    m->status = MACHINE_PRELAUNCH;
    m->paused = true;
    m->task = (struct os_task){.fn = grant, .arg = m};
    os_mutex_init(&m->lock);
    os_cond_init(&m->idle);
    prop_defaults(conf_props, &m->c);
    rc = prop_apply(conf_props, &m->c, conf, "machine configuration", NULL, e);
    if (!rc)
        rc = read_uuid(m, e);
    if (!rc)
        rc = machine_globals_check(m, e);
    if (!rc)
        rc = choose_board(m, e);
    if (!rc)
        rc = make_core(m, e);
    if (!rc)
        rc = board_options(m, e);
    if (!rc)
        rc = make_cpus(m, e);
    if (!rc)
        rc = make_board(m, e);
    if (!rc) {
        power_on(m);
        m->built = true;
        rc = vcpus_start(m, e);
    }
    if (rc) {
        machine_free(m);
        return rc;
    }
    *out = m;
    return 0;
}

void machine_free(struct machine *m)
{
    vcpus_stop(m);
    if (m->root)
        dev_free(m->root);
    vcpus_free(m);
    if (m->accel)
        accel_free(m->accel);
    if (m->board && m->board->destroy && m->board_data)
        m->board->destroy(m);
    machine_backends_free(m);
    os_task_cancel(m->loop, &m->task);
    if (m->space)
        mem_space_free(m->space);
    if (m->memory)
        mem_region_free(m->memory);
    log_set_stamp(NULL, NULL);
    if (m->clocks)
        clocks_free(m->clocks);
    if (m->board_data)
        prop_free(m->board->props, m->board_data);
    free(m->board_data);
    prop_free(conf_props, &m->c);
    json_decref(m->conf);
    os_cond_destroy(&m->idle);
    os_mutex_destroy(&m->lock);
    free(m);
}

/* ---- devices ---- */

struct dev *machine_part(struct machine *m, const struct dev_class *cls, const char *name)
{
    return dev_new(cls, m->root, name, &m->env);
}

int machine_part_set(struct dev *d, const char *name, json_t *value, struct err *e)
{
    int rc = prop_set(prop_find(d->cls->props, name), d, value, d->cls->name, e);

    json_decref(value);
    return rc;
}

static int unknown_device(const char *name, struct err *e)
{
    const char *names[256] = {NULL};

    for (size_t n = 0; dev_class_registry[n] && n < array_size(names) - 1; n++)
        names[n] = dev_class_registry[n]->name;
    return nearest_unknown(e, "device", name, prop_nearest(name, names), "`-device help` lists them");
}

int machine_device_add(struct machine *m, const json_t *conf, struct dev **out, struct err *e)
{
    static const char *const skip[] = {"driver", "id", NULL};
    const char *driver = json_string_value(json_object_get(conf, "driver"));
    const char *id = json_string_value(json_object_get(conf, "id"));
    const struct dev_class *cls;
    struct dev *d;
    char name[64];
    int rc;

    if (driver && *driver == '@')
        driver = !strcmp(driver, "@nic") ? m->board->default_nic : m->board->default_disk;
    cls = driver ? dev_class_find(driver) : NULL;
    if (!driver)
        return err_text(e, EINVAL, "a device needs a driver: -device DRIVER,key=value,...");
    if (!cls)
        return unknown_device(driver, e);
    if (!*cls->bus)
        return err_text(e, EINVAL, "device '%s' is part of boards and cannot be added", driver);
    if (id && dev_find(m->root, id))
        return err_text(e, EEXIST, "there is a device with id '%s' already", id);
    snprintf(name, sizeof(name), "%s.%u", cls->name, m->ndevices++);
    d = dev_new(cls, m->root, id ? id : name, &m->env);
    if (id)
        d->id = mem_strdup(id);
    rc = prop_apply(cls->props, d, conf, cls->name, skip, e);
    if (!rc)
        rc = m->board->plug(m, d, e);
    if (!rc)
        rc = dev_realize(d, e);
    if (rc) {
        dev_free(d);
        return rc;
    }
    if (m->built) {
        dev_reset(d);
        if (m->board->added)
            m->board->added(m, d);
    }
    if (out)
        *out = d;
    return 0;
}

int machine_device_del(struct machine *m, struct dev *d, struct err *e)
{
    if (!m->board->remove)
        return err_text(e, ENOTSUP, "machine '%s' keeps its devices while it exists", m->board->name);
    return m->board->remove(m, d, e);
}

const struct dev *machine_leaving(const struct machine *m) { return m->leaving; }

void machine_device_gone(struct machine *m, struct dev *d)
{
    bool running = m->status == MACHINE_RUNNING;

    vcpus_stop(m);
    m->leaving = d;
    tell(m, MACHINE_EV_DEVICE_DELETED, NULL);
    m->leaving = NULL;
    dev_free(d);
    if (running)
        vcpus_run(m);
}
