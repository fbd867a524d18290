/*
 * The commands that only ask: what they return, as types, and how it is found. Must not change the
 * machine.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blk/blk.h"
#include "chr/chr.h"
#include "ctl/ctl_int.h"

#define MEMBERS(name, ...) static const struct ctl_member name##_members[] = {__VA_ARGS__, {0}}
#define OBJECT(name)                                  \
    {                                                 \
        .kind = CTL_OBJECT, .members = name##_members \
    }
#define ARRAY_TYPE(element_type)                      \
    {                                                 \
        .kind = CTL_ARRAY, .element = &(element_type) \
    }

/* ---- status ---- */

static const char *const run_states[] = {"prelaunch", "running",        "paused", "debug",
                                         "shutdown",  "guest-panicked", NULL};
static const struct ctl_type run_state = {.kind = CTL_ENUM, .values = run_states};
MEMBERS(status, {"status", &run_state, false}, {"running", &ctl_bool, false});
const struct ctl_type type_status = OBJECT(status);

int query_status(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    enum machine_status s = machine_status(c->m);

    (void)args, (void)e;
    *ret = json_pack("{s:s,s:b}", "status", run_states[s], "running", s == MACHINE_RUNNING);
    return 0;
}

MEMBERS(triple, {"major", &ctl_int, false}, {"minor", &ctl_int, false}, {"micro", &ctl_int, false});
static const struct ctl_type triple_type = OBJECT(triple);
MEMBERS(version, {"qemu", &triple_type, false}, {"package", &ctl_str, false});
const struct ctl_type type_version = OBJECT(version);

/* "qemu" is the version of the protocol's peer whose commands these are: clients compare it. */
int query_version(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    char package[64];

    (void)args, (void)e;
    snprintf(package, sizeof(package), "myna %s", c->version);
    *ret = json_pack("{s:{s:i,s:i,s:i},s:s}", "qemu", "major", 11, "minor", 1, "micro", 3,
                     "package", package);
    return 0;
}

MEMBERS(kvm, {"enabled", &ctl_bool, false}, {"present", &ctl_bool, false});
const struct ctl_type type_kvm = OBJECT(kvm);

int query_kvm(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)c, (void)args, (void)e;
    *ret = json_pack("{s:b,s:b}", "enabled", 0, "present", 0);
    return 0;
}

MEMBERS(name, {"name", &ctl_str, true});
const struct ctl_type type_name = OBJECT(name);

int query_name(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    const char *name = json_string_value(json_object_get(machine_conf(c->m), "name"));

    (void)args, (void)e;
    *ret = name ? json_pack("{s:s}", "name", name) : json_object();
    return 0;
}

MEMBERS(uuid, {"UUID", &ctl_str, false});
const struct ctl_type type_uuid = OBJECT(uuid);

int query_uuid(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    const char *uuid = json_string_value(json_object_get(machine_conf(c->m), "uuid"));

    (void)args, (void)e;
    *ret = json_pack("{s:s}", "UUID", uuid ? uuid : "00000000-0000-0000-0000-000000000000");
    return 0;
}

/* ---- processors ---- */

static const char *target(struct ctl *c)
{
    return machine_cpu(c->m, 0)->isa->qemu_name;
}

MEMBERS(target, {"arch", &ctl_str, false});
const struct ctl_type type_target = OBJECT(target);

int query_target(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)e;
    *ret = json_pack("{s:s}", "arch", target(c));
    return 0;
}

MEMBERS(cpu_props, {"core-id", &ctl_int, true});
static const struct ctl_type cpu_props_type = OBJECT(cpu_props);
MEMBERS(cpu, {"cpu-index", &ctl_int, false}, {"qom-path", &ctl_str, false},
        {"thread-id", &ctl_int, false}, {"target", &ctl_str, false},
        {"props", &cpu_props_type, true});
static const struct ctl_type cpu_type = OBJECT(cpu);
const struct ctl_type type_cpus_fast = ARRAY_TYPE(cpu_type);

int query_cpus_fast(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)e;
    *ret = json_array();
    for (unsigned i = 0; i < machine_cpus(c->m); i++) {
        char path[64];

        snprintf(path, sizeof(path), "/machine/unattached/device[%u]", i);
        json_array_append_new(*ret,
                              json_pack("{s:i,s:s,s:i,s:s,s:{s:i}}", "cpu-index", (int)i,
                                        "qom-path", path, "thread-id", machine_cpu_thread(c->m, i),
                                        "target", target(c), "props", "core-id", (int)i));
    }
    return 0;
}

MEMBERS(cpu_definition, {"name", &ctl_str, false}, {"typename", &ctl_str, false},
        {"static", &ctl_bool, false}, {"migration-safe", &ctl_bool, true},
        {"deprecated", &ctl_bool, false});
static const struct ctl_type cpu_definition_type = OBJECT(cpu_definition);
const struct ctl_type type_cpu_definitions = ARRAY_TYPE(cpu_definition_type);

int query_cpu_definitions(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    const struct isa *isa = machine_cpu(c->m, 0)->isa;

    (void)args, (void)e;
    *ret = json_array();
    for (const struct isa_model *k = isa->sys->models; k->name; k++) {
        char type[80];

        snprintf(type, sizeof(type), "%s-%s-cpu", k->name, isa->name);
        json_array_append_new(*ret, json_pack("{s:s,s:s,s:b,s:b}", "name", k->name, "typename",
                                              type, "static", 0, "deprecated", 0));
    }
    return 0;
}

/* ---- machines ---- */

MEMBERS(machine, {"name", &ctl_str, false}, {"alias", &ctl_str, true},
        {"is-default", &ctl_bool, true}, {"cpu-max", &ctl_int, false},
        {"hotpluggable-cpus", &ctl_bool, false}, {"numa-mem-supported", &ctl_bool, false},
        {"deprecated", &ctl_bool, false}, {"default-cpu-type", &ctl_str, true},
        {"acpi", &ctl_bool, false});
static const struct ctl_type machine_type = OBJECT(machine);
const struct ctl_type type_machines = ARRAY_TYPE(machine_type);

int query_machines(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)c, (void)args, (void)e;
    *ret = json_array();
    for (const struct board *const *b = board_registry; *b; b++) {
        json_t *o = json_pack("{s:s,s:i,s:b,s:b,s:b,s:b}", "name", (*b)->name, "cpu-max",
                              (int)(*b)->max_cpus, "hotpluggable-cpus", 0, "numa-mem-supported", 0,
                              "deprecated", 0, "acpi", 0);

        if ((*b)->aliases && *(*b)->aliases)
            json_object_set_new(o, "alias", json_string(*(*b)->aliases));
        if ((*b)->default_cpu)
            json_object_set_new(o, "default-cpu-type", json_string((*b)->default_cpu));
        json_array_append_new(*ret, o);
    }
    return 0;
}

MEMBERS(current_machine, {"wakeup-suspend-support", &ctl_bool, false});
const struct ctl_type type_current_machine = OBJECT(current_machine);

int query_current_machine(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)c, (void)args, (void)e;
    *ret = json_pack("{s:b}", "wakeup-suspend-support", 0);
    return 0;
}

MEMBERS(memory_size, {"base-memory", &ctl_int, false}, {"plugged-memory", &ctl_int, true});
const struct ctl_type type_memory_size = OBJECT(memory_size);

int query_memory_size_summary(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)e;
    *ret = json_pack("{s:I,s:i}", "base-memory", (json_int_t)machine_memory(c->m), "plugged-memory",
                     0);
    return 0;
}

/* ---- backends ---- */

MEMBERS(chardev, {"label", &ctl_str, false}, {"filename", &ctl_str, false},
        {"frontend-open", &ctl_bool, false});
static const struct ctl_type chardev_type = OBJECT(chardev);
const struct ctl_type type_chardev = ARRAY_TYPE(chardev_type);

int query_chardev(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    const json_t *list = json_object_get(machine_conf(c->m), "chr"), *item;
    size_t i;

    (void)args, (void)e;
    *ret = json_array();
    json_array_foreach((json_t *)list, i, item)
    {
        const char *id = json_string_value(json_object_get(item, "id"));
        struct chr *chr = id ? machine_chr(c->m, id) : NULL;
        json_t *o = json_object();

        if (chr) {
            chr_info(chr, o);
            json_array_append_new(*ret, o);
        } else {
            json_decref(o);
        }
    }
    return 0;
}

MEMBERS(image, {"filename", &ctl_str, false}, {"format", &ctl_str, false},
        {"virtual-size", &ctl_int, false}, {"actual-size", &ctl_int, true});
static const struct ctl_type image_type = OBJECT(image);
MEMBERS(inserted, {"file", &ctl_str, false}, {"node-name", &ctl_str, true},
        {"ro", &ctl_bool, false}, {"drv", &ctl_str, false}, {"backing_file", &ctl_str, true},
        {"backing_file_depth", &ctl_int, false}, {"encrypted", &ctl_bool, false},
        {"image", &image_type, false});
static const struct ctl_type inserted_type = OBJECT(inserted);
MEMBERS(block, {"device", &ctl_str, false}, {"qdev", &ctl_str, true}, {"type", &ctl_str, false},
        {"removable", &ctl_bool, false}, {"locked", &ctl_bool, false},
        {"inserted", &inserted_type, true});
static const struct ctl_type block_type = OBJECT(block);
const struct ctl_type type_block = ARRAY_TYPE(block_type);

static const char *text_of(const json_t *o, const char *name, const char *def)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : def;
}

static void add_block(void *arg, const char *id, struct blk *b, struct dev *user)
{
    json_t *info = json_object(), *image, *o;
    const char *backing;

    blk_info(b, info);
    image = json_pack("{s:s,s:s,s:I}", "filename", text_of(info, "filename", ""), "format",
                      text_of(info, "format", "raw"), "virtual-size", (json_int_t)blk_size(b));
    if (json_is_integer(json_object_get(info, "actual-size")))
        json_object_set(image, "actual-size", json_object_get(info, "actual-size"));
    backing = text_of(info, "backing-filename", NULL);
    o = json_pack("{s:s,s:s,s:b,s:b,s:{s:s,s:s,s:b,s:s,s:i,s:b,s:o}}", "device", id, "type",
                  "unknown", "removable", 0, "locked", 0, "inserted", "file",
                  text_of(info, "filename", ""), "node-name", id, "ro", blk_readonly(b), "drv",
                  text_of(info, "format", "raw"), "backing_file_depth", backing ? 1 : 0,
                  "encrypted", 0, "image", image);
    if (user)
        json_object_set_new(o, "qdev", json_string(user->id ? user->id : user->path));
    if (backing)
        json_object_set_new(json_object_get(o, "inserted"), "backing_file", json_string(backing));
    json_array_append_new(arg, o);
    json_decref(info);
}

int query_block(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)e;
    *ret = json_array();
    machine_each_blk(c->m, add_block, *ret);
    return 0;
}

MEMBERS(stats, {"rd_bytes", &ctl_int, false}, {"wr_bytes", &ctl_int, false},
        {"rd_operations", &ctl_int, false}, {"wr_operations", &ctl_int, false},
        {"flush_operations", &ctl_int, false}, {"unmap_operations", &ctl_int, false},
        {"failed_operations", &ctl_int, false});
static const struct ctl_type stats_type = OBJECT(stats);
MEMBERS(blockstats, {"device", &ctl_str, true}, {"node-name", &ctl_str, true},
        {"qdev", &ctl_str, true}, {"stats", &stats_type, false});
static const struct ctl_type blockstats_type = OBJECT(blockstats);
const struct ctl_type type_blockstats = ARRAY_TYPE(blockstats_type);

static void add_blockstats(void *arg, const char *id, struct blk *b, struct dev *user)
{
    struct blk_stats s = {0};
    json_t *o;

    blk_stats(b, &s);
    o = json_pack("{s:s,s:s,s:{s:I,s:I,s:I,s:I,s:I,s:I,s:I}}", "device", id, "node-name", id,
                  "stats", "rd_bytes", (json_int_t)s.rd_bytes, "wr_bytes", (json_int_t)s.wr_bytes,
                  "rd_operations", (json_int_t)s.rd_ops, "wr_operations", (json_int_t)s.wr_ops,
                  "flush_operations", (json_int_t)s.flush_ops, "unmap_operations",
                  (json_int_t)s.discard_ops, "failed_operations", (json_int_t)s.errors);
    if (user)
        json_object_set_new(o, "qdev", json_string(user->id ? user->id : user->path));
    json_array_append_new(arg, o);
}

int query_blockstats(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    (void)args, (void)e;
    *ret = json_array();
    machine_each_blk(c->m, add_blockstats, *ret);
    return 0;
}
