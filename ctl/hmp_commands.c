/*
 * What the lines of the monitor for people do. Most are commands of the one table, with their
 * arguments in order; `info` prints answers as text. Must not know where lines come from.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"
#include "blk/blk.h"
#include "core/conf.h"
#include "ctl/ctl_int.h"
#include "net/net.h"

struct line {
    struct ctl *c;
    unsigned *cpu;
    const char *rest; /* what follows the command */
    struct str *out;
};

/* ---- info ---- */

static void info_status(struct line *l)
{
    json_t *ret = NULL;
    struct err e;

    if (query_status(l->c, NULL, &ret, &e) == 0) {
        bool running = json_is_true(json_object_get(ret, "running"));

        str_printf(l->out, "VM status: %s", running ? "running" : "paused");
        if (!running)
            str_printf(l->out, " (%s)", json_string_value(json_object_get(ret, "status")));
        str_printf(l->out, "\n");
    }
    json_decref(ret);
}

static void print_register(struct line *l, struct cpu *cpu, const struct isa_reg *r,
                           unsigned *column)
{
    uint8_t bytes[256] = {0};
    unsigned size = r->bits / 8u;

    if (!size || size > sizeof(bytes) || !cpu->isa->sys->reg_get(cpu, r->number, bytes))
        return;
    str_printf(l->out, "%s%-6s ", *column ? "  " : "", r->name);
    while (size--)
        str_printf(l->out, "%02x", bytes[size]);
    *column += r->bits > 64 ? 2 : 1;
    if (*column >= 4) {
        str_printf(l->out, "\n");
        *column = 0;
    }
}

static void info_registers(struct line *l)
{
    bool all = !strncmp(l->rest, "-a", 2), vectors = all || !strncmp(l->rest, "-v", 2);
    bool held = ctl_hold(l->c);

    for (unsigned i = 0; i < machine_cpus(l->c->m); i++) {
        struct cpu *cpu = machine_cpu(l->c->m, i);
        const struct isa_sys *sys = cpu->isa->sys;
        char text[160] = "";
        unsigned column = 0;

        if (!all && i != *l->cpu)
            continue;
        if (sys->describe)
            sys->describe(cpu, text, sizeof(text));
        str_printf(l->out, "CPU#%u %s%s\n", i, text, machine_cpu_on(l->c->m, i) ? "" : " (off)");
        for (const struct isa_reg *r = sys->regs; r && r->name; r++)
            if (vectors || (!r->group && r->bits <= 64))
                print_register(l, cpu, r, &column);
        if (column)
            str_printf(l->out, "\n");
    }
    ctl_release(l->c, held);
}

static void info_mtree(struct line *l)
{
    mem_dump(machine_env(l->c->m)->mem, l->out);
}

static void info_network(struct line *l)
{
    const json_t *list = json_object_get(machine_conf(l->c->m), "net"), *item;
    size_t i;

    json_array_foreach((json_t *)list, i, item)
    {
        const char *id = json_string_value(json_object_get(item, "id"));
        struct net_port *p = id ? machine_net(l->c->m, id) : NULL;
        json_t *o = json_object();

        if (p) {
            net_port_info(p, o);
            str_printf(l->out, "%s: type=%s,%s,link=%s; frames out %lld, in %lld, lost %lld\n", id,
                       json_string_value(json_object_get(o, "type")),
                       json_string_value(json_object_get(o, "info")),
                       json_is_true(json_object_get(o, "link")) ? "up" : "down",
                       (long long)json_integer_value(json_object_get(o, "sent")),
                       (long long)json_integer_value(json_object_get(o, "received")),
                       (long long)json_integer_value(json_object_get(o, "dropped")));
        }
        json_decref(o);
    }
}

static void print_block(void *arg, const char *id, struct blk *b, struct dev *user)
{
    struct line *l = arg;
    json_t *o = json_object();
    const char *file, *format;

    blk_info(b, o);
    file = json_string_value(json_object_get(o, "filename"));
    format = json_string_value(json_object_get(o, "format"));
    str_printf(l->out, "%s: %s (%s%s)\n", id, file ? file : "", format ? format : "raw",
               blk_readonly(b) ? ", read-only" : "");
    if (user)
        str_printf(l->out, "    Attached to:      %s\n", user->id ? user->id : user->path);
    str_printf(l->out, "    Size:             %llu bytes\n", (unsigned long long)blk_size(b));
    json_decref(o);
}

static void info_block(struct line *l)
{
    machine_each_blk(l->c->m, print_block, l);
}

static void print_blockstats(void *arg, const char *id, struct blk *b, struct dev *user)
{
    struct line *l = arg;
    struct blk_stats s = {0};

    (void)user;
    blk_stats(b, &s);
    str_printf(l->out,
               "%s: rd_bytes=%llu wr_bytes=%llu rd_operations=%llu wr_operations=%llu "
               "flush_operations=%llu failed_operations=%llu\n",
               id, (unsigned long long)s.rd_bytes, (unsigned long long)s.wr_bytes,
               (unsigned long long)s.rd_ops, (unsigned long long)s.wr_ops,
               (unsigned long long)s.flush_ops, (unsigned long long)s.errors);
}

static void info_blockstats(struct line *l)
{
    machine_each_blk(l->c->m, print_blockstats, l);
}

static void info_chardev(struct line *l)
{
    json_t *ret = NULL, *item;
    struct err e;
    size_t i;

    if (query_chardev(l->c, NULL, &ret, &e) == 0)
        json_array_foreach(ret, i, item) str_printf(
            l->out, "%s: filename=%s\n", json_string_value(json_object_get(item, "label")),
            json_string_value(json_object_get(item, "filename")));
    json_decref(ret);
}

static void info_cpus(struct line *l)
{
    for (unsigned i = 0; i < machine_cpus(l->c->m); i++)
        str_printf(l->out, "%s CPU #%u: thread_id=%d%s\n", i == *l->cpu ? "*" : " ", i,
                   machine_cpu_thread(l->c->m, i), machine_cpu_on(l->c->m, i) ? "" : " (off)");
}

static void print_device(void *arg, struct dev *d)
{
    struct line *l = arg;
    const char *slash = d->path;
    unsigned depth = 0;

    for (; slash && (slash = strchr(slash, '/')); slash++)
        depth++;
    str_printf(l->out, "%*s%s, id \"%s\", path %s\n", (int)depth * 2, "", d->cls->name,
               d->id ? d->id : "", d->path);
}

static void info_qtree(struct line *l)
{
    dev_each(machine_root(l->c->m), print_device, l);
}

static void info_version(struct line *l)
{
    str_printf(l->out, "myna %s\n", l->c->version);
}

static void info_name(struct line *l)
{
    const char *name = json_string_value(json_object_get(machine_conf(l->c->m), "name"));

    if (name)
        str_printf(l->out, "%s\n", name);
}

static void info_jit(struct line *l)
{
    char text[4096] = "";

    if (machine_accel(l->c->m))
        accel_stats(machine_accel(l->c->m), text, sizeof(text));
    str_printf(l->out, "%s", text);
}

static void info_trace(struct line *l)
{
    trace_info(l->rest, l->out);
}

static const struct {
    const char *name;
    void (*run)(struct line *l);
    const char *help;
} infos[] = {
    {"block", info_block, "block devices"},
    {"blockstats", info_blockstats, "what they have done"},
    {"chardev", info_chardev, "character devices"},
    {"cpus", info_cpus, "virtual processors"},
    {"jit", info_jit, "the translator's counters"},
    {"mtree", info_mtree, "map of physical memory"},
    {"name", info_name, "the machine's name"},
    {"network", info_network, "network backends"},
    {"qtree", info_qtree, "devices"},
    {"registers", info_registers,
     "of this CPU; -v: vectors and system registers too; -a: of all CPUs"},
    {"status", info_status, "whether the machine runs"},
    {"trace-events", info_trace, "trace points, of this pattern"},
    {"version", info_version, "version"},
};

static void do_info(struct line *l)
{
    size_t n = strcspn(l->rest, " ");

    for (size_t i = 0; i < array_size(infos); i++)
        if (n && n == strlen(infos[i].name) && !strncmp(infos[i].name, l->rest, n)) {
            l->rest += n + strspn(l->rest + n, " ");
            infos[i].run(l);
            return;
        }
    if (n)
        str_printf(l->out, "unknown 'info %.*s'\n", (int)n, l->rest);
    for (size_t i = 0; i < array_size(infos); i++)
        str_printf(l->out, "info %-13s -- %s\n", infos[i].name, infos[i].help);
}

/* ---- memory ---- */

/* Reads "/8xw ADDRESS": a count, a format (x d u c), a unit (b h w g). */
static void do_memory(struct line *l, bool physical)
{
    const char *at = l->rest;
    unsigned count = 1, unit = 4, column = 0;
    struct cpu *cpu = machine_cpu(l->c->m, *l->cpu);
    char format = 'x', *end;
    uint64_t address;
    bool held;

    if (*at == '/') {
        at++;
        if (isdigit((unsigned char)*at)) {
            count = (unsigned)min_of(strtoul(at, &end, 10), 65536ul);
            at = end;
        }
        for (; *at && *at != ' '; at++) {
            if (strchr("xduc", *at))
                format = *at;
            else if (strchr("bhwg", *at))
                unit = *at == 'b' ? 1 : *at == 'h' ? 2 : *at == 'w' ? 4 : 8;
        }
    }
    at += strspn(at, " ");
    address = strtoull(at, &end, 0);
    if (end == at) {
        str_printf(l->out, "x and xp need an address: x/4xw 0x40000000\n");
        return;
    }
    held = ctl_hold(l->c);
    for (; count--; address += unit) {
        uint64_t v = 0;
        int rc = physical ? mem_dma_read(machine_env(l->c->m)->mem, address, &v, unit)
                          : cpu_debug_read(cpu, address, &v, unit);

        if (rc) {
            str_printf(l->out, "%sCannot access memory at 0x%llx\n", column ? "\n" : "",
                       (unsigned long long)address);
            column = 0;
            break;
        }
        if (!column)
            str_printf(l->out, "%016llx:", (unsigned long long)address);
        if (format == 'x')
            str_printf(l->out, " 0x%0*llx", (int)unit * 2, (unsigned long long)v);
        else if (format == 'c')
            str_printf(l->out, " '%c'", isprint((int)(v & 127)) ? (int)(v & 127) : '.');
        else
            str_printf(l->out, format == 'd' ? " %lld" : " %llu",
                       format == 'd' ? (long long)(v << (64 - unit * 8)) >> (64 - unit * 8)
                                     : (long long)v);
        if (++column * unit >= 16 || !count) {
            str_printf(l->out, "\n");
            column = 0;
        }
    }
    if (column)
        str_printf(l->out, "\n");
    ctl_release(l->c, held);
}

static void do_x(struct line *l)
{
    do_memory(l, false);
}

static void do_xp(struct line *l)
{
    do_memory(l, true);
}

/* ---- the rest ---- */

static void execute(struct line *l, const char *name, json_t *args)
{
    json_t *ret = NULL;
    struct err e;

    if (ctl_execute(l->c, ctl_command_find(name), args, &ret, &e) < 0)
        str_printf(l->out, "Error: %s\n", e.text);
    json_decref(ret);
    json_decref(args);
}

static void do_stop(struct line *l)
{
    execute(l, "stop", NULL);
}

static void do_cont(struct line *l)
{
    execute(l, "cont", NULL);
}

static void do_reset(struct line *l)
{
    execute(l, "system_reset", NULL);
}

static void do_powerdown(struct line *l)
{
    execute(l, "system_powerdown", NULL);
}

static void do_quit(struct line *l)
{
    execute(l, "quit", NULL);
}

static void do_device_add(struct line *l)
{
    json_t *args = NULL;
    struct err e;

    if (conf_parse(&args, l->rest, "driver", &e) < 0)
        str_printf(l->out, "Error: %s\n", e.text);
    else
        execute(l, "device_add", args);
}

static void do_device_del(struct line *l)
{
    execute(l, "device_del", json_pack("{s:s}", "id", l->rest));
}

/* A line of two words, a name and on or off, for a command that takes them as `key`. */
static void name_and_switch(struct line *l, const char *command, const char *key, const char *usage)
{
    char name[128] = "", state[8] = "";

    if (sscanf(l->rest, "%127s %7s", name, state) != 2)
        str_printf(l->out, "%s\n", usage);
    else
        execute(l, command, json_pack("{s:s,s:s}", "name", name, key, state));
}

static void do_set_link(struct line *l)
{
    name_and_switch(l, "set_link", "up", "set_link needs a netdev and on or off");
}

static void do_cpu(struct line *l)
{
    char *end;
    unsigned long n = strtoul(l->rest, &end, 10);

    if (end == l->rest || *end || n >= machine_cpus(l->c->m))
        str_printf(l->out, "there are CPUs 0 to %u\n", machine_cpus(l->c->m) - 1);
    else
        *l->cpu = (unsigned)n;
}

static void do_log(struct line *l)
{
    struct err e;

    if (log_enable(l->rest, &e) < 0)
        str_printf(l->out, "Error: %s\n", e.text);
}

static void do_trace(struct line *l)
{
    name_and_switch(l, "trace-event-set-state", "enable", "trace-event needs a name or pattern and on or off");
}

static void do_gdbserver(struct line *l)
{
    const char *where = *l->rest ? l->rest : "tcp::1234";
    struct err e;

    if (ctl_gdb(l->c, where, &e) < 0)
        str_printf(l->out, "Error: %s\n", e.text);
    else
        str_printf(l->out,
                   strcmp(where, "none") ? "Waiting for GDB on '%s'\n" : "No GDB server%.0s\n",
                   where);
}

static void do_help(struct line *l);

static const struct {
    const char *name, *alias, *args;
    void (*run)(struct line *l);
    const char *help;
} commands[] = {
    {"help", "?", "", do_help, "this text"},
    {"info", NULL, "WHAT", do_info, "what there is; `info` lists it"},
    {"cont", "c", "", do_cont, "let the machine run"},
    {"stop", "s", "", do_stop, "let it stand still"},
    {"system_reset", NULL, "", do_reset, "the reset button"},
    {"system_powerdown", NULL, "", do_powerdown, "the power button: asks the guest to end"},
    {"quit", "q", "", do_quit, "end at once"},
    {"cpu", NULL, "N", do_cpu, "whose registers and addresses are shown"},
    {"x", NULL, "/COUNTxUNIT ADDRESS", do_x, "memory, by virtual address"},
    {"xp", NULL, "/COUNTxUNIT ADDRESS", do_xp, "memory, by physical address"},
    {"device_add", NULL, "DRIVER,key=value,...", do_device_add, "adds a device"},
    {"device_del", NULL, "ID", do_device_del, "removes a device"},
    {"set_link", NULL, "NETDEV on|off", do_set_link, "plugs a network cable in or out"},
    {"log", NULL, "NAME,NAME", do_log, "turns on categories of the log"},
    {"trace-event", NULL, "PATTERN on|off", do_trace, "lets trace points print or not"},
    {"gdbserver", NULL, "[tcp::PORT|none]", do_gdbserver, "starts or ends the GDB server"},
};

static void do_help(struct line *l)
{
    for (size_t i = 0; i < array_size(commands); i++)
        str_printf(l->out, "%s%s%s %s -- %s\n", commands[i].name, commands[i].alias ? "|" : "",
                   commands[i].alias ? commands[i].alias : "", commands[i].args, commands[i].help);
}

void hmp_run(struct ctl *c, const char *text, unsigned *cpu, struct str *out)
{
    const char *names[array_size(commands) + 1] = {NULL};
    size_t skip = strspn(text, " \t"), n = strcspn(text + skip, " \t/\r\n");
    struct line l = {.c = c, .cpu = cpu, .out = out};
    char name[64], rest[1024];
    struct err e;

    snprintf(name, sizeof(name), "%.*s", (int)min_of(n, sizeof(name) - 1), text + skip);
    snprintf(rest, sizeof(rest), "%s", text + skip + n);
    for (n = strlen(rest); n && isspace((unsigned char)rest[n - 1]); n--)
        rest[n - 1] = '\0';
    l.rest = rest + strspn(rest, " \t");
    if (!*name)
        return;
    for (size_t i = 0; i < array_size(commands); i++) {
        if (!strcmp(name, commands[i].name) ||
            (commands[i].alias && !strcmp(name, commands[i].alias))) {
            commands[i].run(&l);
            return;
        }
        names[i] = commands[i].name;
    }
    nearest_unknown(&e, "command", name, prop_nearest(name, names), "`help` lists them");
    str_printf(out, "%s\n", e.text);
}
