/*
 * The table of commands and what changes the machine. Introspection (query-commands,
 * query-qmp-schema) comes from the table; questions about the machine stand in query.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chr/chr.h"
#include "ctl/ctl_int.h"
#include "net/net.h"

/* ---- running ---- */

static int run_stop(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)ret, (void)e;
    machine_stop(c->m);
    return 0;
}

static int run_cont(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)ret;
    if (machine_status(c->m) == MACHINE_GUEST_PANIC || machine_status(c->m) == MACHINE_SHUTDOWN)
        return err_text(e, EINVAL, "Resetting the Virtual Machine is required");
    machine_cont(c->m);
    return 0;
}

static int run_reset(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)ret, (void)e;
    c->host_reset = true;
    machine_reset(c->m);
    return 0;
}

static int run_powerdown(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)ret, (void)e;
    machine_powerdown(c->m);
    return 0;
}

static int run_quit(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)ret, (void)e;
    c->host_shutdown = true;
    os_loop_post(machine_loop(c->m), &c->sweep); /* after the answer */
    return 0;
}

/* ---- devices ---- */

static int device_add(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    bool held;
    int rc;

    (void)ret;
    if (!json_object_get(args, "driver"))
        return err_text(e, EINVAL, "Parameter 'driver' is missing");
    held = ctl_hold(c);
    rc = machine_device_add(c->m, args, NULL, e);
    ctl_release(c, held);
    return rc;
}

struct id_args {
    char *id;
};

static const struct prop id_props[] = {
    {.name = "id",
     .type = PROP_STR,
     .offset = offsetof(struct id_args, id),
     .required = true,
     .help = "which"},
    {0},
};

static int device_del(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    struct id_args *a = args;
    struct dev *d = dev_find(machine_root(c->m), a->id);
    bool held;
    int rc;

    (void)ret;
    if (!d)
        return err_text(e, ENODEV, "Device '%s' not found", a->id);
    held = ctl_hold(c);
    rc = machine_device_del(c->m, d, e);
    ctl_release(c, held);
    return rc;
}

struct link_args {
    char *name;
    bool up;
};

static const struct prop link_props[] = {
    {.name = "name",
     .type = PROP_STR,
     .offset = offsetof(struct link_args, name),
     .required = true,
     .help = "netdev"},
    {.name = "up",
     .type = PROP_BOOL,
     .offset = offsetof(struct link_args, up),
     .required = true,
     .help = "plugged in"},
    {0},
};

static int set_link(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    struct link_args *a = args;
    struct net_port *p = machine_net(c->m, a->name);

    (void)ret;
    if (!p)
        return err_text(e, ENODEV, "Device '%s' not found", a->name);
    net_port_set_link(p, a->up);
    return 0;
}

struct ringbuf_args {
    char *device;
    uint64_t size;
};

static const struct prop ringbuf_props[] = {
    {.name = "device",
     .type = PROP_STR,
     .offset = offsetof(struct ringbuf_args, device),
     .required = true,
     .help = "chardev"},
    {.name = "size",
     .type = PROP_U64,
     .offset = offsetof(struct ringbuf_args, size),
     .required = true,
     .max = 1 << 20,
     .help = "at most so many bytes"},
    {0},
};

static int ringbuf_read(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    struct ringbuf_args *a = args;
    struct chr *chr = machine_chr(c->m, a->device);
    char *text;
    int n;

    if (!chr)
        return err_text(e, ENODEV, "Device '%s' not found", a->device);
    text = mem_alloc(a->size + 1);
    n = chr_ringbuf_read(chr, text, a->size, e);
    for (int i = 0; i < n; i++) /* a text has to be UTF-8 */
        if ((signed char)text[i] <= 0)
            text[i] = '?';
    if (n >= 0)
        *ret = json_stringn(text, (size_t)n);
    free(text);
    return n < 0 ? n : 0;
}

/* ---- guest memory to a file ---- */

struct memsave_args {
    uint64_t val, size, cpu;
    char *filename;
};

static const struct prop memsave_props[] = {
    {.name = "val",
     .type = PROP_U64,
     .offset = offsetof(struct memsave_args, val),
     .required = true,
     .help = "address"},
    {.name = "size",
     .type = PROP_U64,
     .offset = offsetof(struct memsave_args, size),
     .required = true,
     .help = "bytes"},
    {.name = "filename",
     .type = PROP_STR,
     .offset = offsetof(struct memsave_args, filename),
     .required = true,
     .help = "file to write"},
    {.name = "cpu-index",
     .type = PROP_U64,
     .offset = offsetof(struct memsave_args, cpu),
     .help = "whose addresses"},
    {0},
};

static int save_memory(struct ctl *c, const struct memsave_args *a, bool physical, struct err *e)
{
    uint8_t buf[4096];
    FILE *f;
    int rc = 0;

    if (a->cpu >= machine_cpus(c->m))
        return err_text(e, EINVAL, "there is no CPU %llu", (unsigned long long)a->cpu);
    f = fopen(a->filename, "wbe");
    if (!f)
        return err_set(e, errno, "cannot write '%s'", a->filename);
    for (uint64_t done = 0; done < a->size && !rc;) {
        size_t n = min_of((uint64_t)sizeof(buf), a->size - done);

        rc = physical ? mem_dma_read(machine_env(c->m)->mem, a->val + done, buf, n)
                      : cpu_debug_read(machine_cpu(c->m, (unsigned)a->cpu), a->val + done, buf, n);
        if (rc)
            rc = err_text(e, EFAULT, "nothing is at address 0x%llx",
                          (unsigned long long)(a->val + done));
        else if (fwrite(buf, 1, n, f) != n)
            rc = err_set(e, errno, "cannot write '%s'", a->filename);
        done += n;
    }
    if (fclose(f) && !rc)
        rc = err_set(e, errno, "cannot write '%s'", a->filename);
    return rc;
}

static int memsave(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    bool held = ctl_hold(c);
    int rc = save_memory(c, args, false, e);

    (void)ret;
    ctl_release(c, held);
    return rc;
}

static int pmemsave(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)ret;
    return save_memory(c, args, true, e);
}

/* ---- the other monitor ---- */

struct hmp_args {
    char *line;
    uint64_t cpu;
};

static const struct prop hmp_props[] = {
    {.name = "command-line",
     .type = PROP_STR,
     .offset = offsetof(struct hmp_args, line),
     .required = true,
     .help = "as typed in the monitor"},
    {.name = "cpu-index",
     .type = PROP_U64,
     .offset = offsetof(struct hmp_args, cpu),
     .help = "CPU for info registers"},
    {0},
};

static int human_monitor_command(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    struct hmp_args *a = args;
    unsigned cpu = (unsigned)a->cpu;
    struct str out = {0};

    if (a->cpu >= machine_cpus(c->m))
        return err_text(e, EINVAL, "there is no CPU %llu", (unsigned long long)a->cpu);
    hmp_run(c, a->line, &cpu, &out);
    *ret = json_stringn(str_text(&out), str_length(&out));
    str_free(&out);
    return *ret ? 0 : err_text(e, EINVAL, "the answer is no text");
}

/* ---- introspection ---- */

static int negotiated_already(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)c, (void)args, (void)ret;
    return err_text(e, EINVAL, "Capabilities negotiation is already complete, command ignored");
}

static int query_commands(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)c, (void)args, (void)e;
    *ret = json_array();
    for (const struct ctl_command *k = ctl_commands; k->name; k++)
        json_array_append_new(*ret, json_pack("{s:s}", "name", k->name));
    return 0;
}

static int query_qmp_schema(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)c, (void)args, (void)e;
    *ret = ctl_schema();
    return 0;
}

static int empty_list(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)c, (void)args, (void)e;
    *ret = json_array();
    return 0;
}

static const struct ctl_member named_members[] = {{"name", &ctl_str, false}, {0}};
static const struct ctl_type named = {.kind = CTL_OBJECT, .members = named_members},
                             commands_type = {.kind = CTL_ARRAY, .element = &named},
                             list_type = {.kind = CTL_ARRAY, .element = &ctl_any};

static const struct prop capability_props[] = {{0}};

#define ASK(text, fn, type, about)                                 \
    {                                                              \
        .name = text, .returns = &(type), .run = fn, .help = about \
    }
#define DO(text, fn, about)                                          \
    {                                                                \
        .name = text, .returns = &ctl_none, .run = fn, .help = about \
    }
#define WITH(text, fn, type, table, about)                                             \
    {                                                                                  \
        .name = text, .args = table##_props, .args_size = sizeof(struct table##_args), \
        .returns = &(type), .run = fn, .help = about                                   \
    }

const struct ctl_command ctl_commands[] = {
    {.name = "qmp_capabilities",
     .args = capability_props,
     .args_size = 1,
     .returns = &ctl_none,
     .run = negotiated_already,
     .help = "ends the negotiation"},
    DO("cont", run_cont, "let the machine run"),
    DO("stop", run_stop, "let the machine stand still"),
    DO("system_reset", run_reset, "the reset button"),
    DO("system_powerdown", run_powerdown, "the power button: asks the guest to end"),
    DO("quit", run_quit, "end the machine at once"),
    {.name = "device_add",
     .returns = &ctl_none,
     .run = device_add,
     .open = true,
     .help = "adds a device: driver, id and its properties"},
    WITH("device_del", device_del, ctl_none, id,
         "asks the guest to let go of a device; DEVICE_DELETED tells when it has"),
    WITH("set_link", set_link, ctl_none, link, "plugs a network cable in or out"),
    WITH("ringbuf-read", ringbuf_read, ctl_str, ringbuf, "what a ring buffer keeps"),
    WITH("memsave", memsave, ctl_none, memsave, "virtual memory of a CPU to a file"),
    WITH("pmemsave", pmemsave, ctl_none, memsave, "physical memory to a file"),
    WITH("human-monitor-command", human_monitor_command, ctl_str, hmp,
         "a line of the other monitor"),
    WITH("trace-event-get-state", trace_event_get_state, type_trace_points, trace_get,
         "trace points and whether they print"),
    WITH("trace-event-set-state", trace_event_set_state, ctl_none, trace_set,
         "lets trace points print"),
    ASK("query-status", query_status, type_status, "whether it runs"),
    ASK("query-version", query_version, type_version, "version"),
    ASK("query-commands", query_commands, commands_type, "these commands"),
    ASK("query-qmp-schema", query_qmp_schema, list_type, "their arguments and answers"),
    ASK("query-cpus-fast", query_cpus_fast, type_cpus_fast, "virtual processors"),
    ASK("query-cpu-definitions", query_cpu_definitions, type_cpu_definitions, "processor models"),
    ASK("query-block", query_block, type_block, "block devices"),
    ASK("query-blockstats", query_blockstats, type_blockstats, "what they have done"),
    ASK("query-block-jobs", empty_list, list_type, "none"),
    ASK("query-jobs", empty_list, list_type, "none"),
    ASK("query-iothreads", empty_list, list_type, "none"),
    ASK("query-memory-devices", empty_list, list_type, "none"),
    ASK("query-chardev", query_chardev, type_chardev, "character devices"),
    ASK("query-name", query_name, type_name, "the machine's name"),
    ASK("query-uuid", query_uuid, type_uuid, "the machine's UUID"),
    ASK("query-kvm", query_kvm, type_kvm, "hardware virtualization"),
    ASK("query-target", query_target, type_target, "the guest's architecture"),
    ASK("query-machines", query_machines, type_machines, "boards"),
    ASK("query-current-machine", query_current_machine, type_current_machine, "this board"),
    ASK("query-memory-size-summary", query_memory_size_summary, type_memory_size, "bytes of RAM"),
    {0},
};

const struct ctl_command *ctl_command_find(const char *name)
{
    for (const struct ctl_command *k = ctl_commands; k->name; k++)
        if (!strcmp(k->name, name))
            return k;
    return NULL;
}

static int no_arguments(const json_t *args, struct err *e)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)args, key,
                        value) return err_text(e, EINVAL, "Parameter '%.80s' is unexpected", key);
    return 0;
}

int ctl_execute(struct ctl *c, const struct ctl_command *cmd, const json_t *args, json_t **ret,
                struct err *e)
{
    json_t *empty = json_object();
    void *object = NULL;
    int rc;

    *ret = NULL;
    if (!args)
        args = empty;
    if (cmd->open) {
        rc = cmd->run(c, (void *)args, ret, e);
    } else if (!cmd->args) {
        rc = no_arguments(args, e);
        if (rc == 0)
            rc = cmd->run(c, NULL, ret, e);
    } else {
        object = mem_zalloc(cmd->args_size);
        prop_defaults(cmd->args, object);
        rc = prop_apply(cmd->args, object, args, cmd->name, NULL, e);
        if (rc == 0)
            rc = cmd->run(c, object, ret, e);
        prop_free(cmd->args, object);
        free(object);
    }
    json_decref(empty);
    if (rc < 0) {
        json_decref(*ret);
        *ret = NULL;
    } else if (!*ret) {
        *ret = json_object();
    }
    return rc;
}
