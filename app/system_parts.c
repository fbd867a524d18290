/*
 * From the texts of QEMU's options for disks, networks, consoles and devices to the configuration tree. Owns what the
 * short forms stand for (a drive is a backend and a device). Checks no properties: their schemas do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/system.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/trace.h"
#include "chr/chr.h"
#include "core/conf.h"

static const char *get(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void put(json_t *o, const char *key, const char *value)
{
    json_object_set_new(o, key, json_string(value));
}

/* Moves a key, if it is there, to another object under another name. */
static void move(json_t *from, const char *key, json_t *to, const char *as)
{
    json_t *value = json_object_get(from, key);

    if (value) {
        json_object_set(to, as, value);
        json_object_del(from, key);
    }
}

static bool is_on(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    const char *text = json_string_value(v);

    return json_is_true(v) || (text && (!strcmp(text, "on") || !strcmp(text, "yes") || !strcmp(text, "true")));
}

/* ---- disks ---- */

/* cache=MODE as -drive spells it: what the block layer's three switches say. */
static int cache_mode(json_t *blk, const char *mode, json_t *device, struct err *e)
{
    static const struct {
        const char *name;
        bool direct, no_flush, write_through;
    } modes[] = {{"writeback", false, false, false}, {"none", true, false, false}, {"off", true, false, false},
                 {"writethrough", false, false, true}, {"directsync", true, false, true},
                 {"unsafe", false, true, false}};

    for (size_t i = 0; i < array_size(modes); i++)
        if (!strcmp(mode, modes[i].name)) {
            json_object_set_new(blk, "cache.direct", json_boolean(modes[i].direct));
            json_object_set_new(blk, "cache.no-flush", json_boolean(modes[i].no_flush));
            if (modes[i].write_through)
                put(device, "write-cache", "off");
            return 0;
        }
    return err_text(e, EINVAL, "-drive: no cache mode '%s': writeback, none, writethrough, directsync or unsafe", mode);
}

static int drive_backend(struct system *s, json_t *d, json_t *blk, json_t *device, struct err *e)
{
    static const char *const passed[] = {"discard", "detect-zeroes", "aio", "read-only", "locking", NULL};
    const char *cache = get(d, "cache"); /* a mode; the switches are an object of that name */
    int rc = 0;

    move(d, "format", blk, "driver");
    move(d, "driver", blk, "driver");
    if (get(d, "file"))
        json_object_set_new(blk, "file", json_pack("{s:s,s:s}", "driver", "file", "filename", get(d, "file")));
    json_object_del(d, "file");
    move(d, "readonly", blk, "read-only");
    for (const char *const *k = passed; *k; k++)
        move(d, *k, blk, *k);
    if (s->snapshot || is_on(d, "snapshot"))
        json_object_set_new(blk, "temporary", json_true());
    json_object_del(d, "snapshot");
    if (cache)
        rc = cache_mode(blk, cache, device, e);
    else
        move(d, "cache", blk, "cache");
    json_object_del(d, "cache");
    if (!json_object_get(blk, "file") && !get(blk, "driver"))
        return rc ? rc : err_text(e, EINVAL, "-drive: needs file=PATH");
    return rc;
}

/* `bank`: "0", "1", or NULL: the first that is free. */
static int place_flash(json_t *machine, const char *bank, const char *id, struct err *e)
{
    const char *name = json_object_get(machine, "pflash0") ? "pflash1" : "pflash0";

    if (bank && strcmp(bank, "0") != 0 && strcmp(bank, "1") != 0)
        return err_text(e, EINVAL, "-drive if=pflash: there are banks 0 and 1, no %s", bank);
    if (bank)
        name = *bank == '0' ? "pflash0" : "pflash1";
    if (json_object_get(machine, name))
        return err_text(e, EINVAL, bank ? "-drive if=pflash: bank %s has a file already"
                                        : "-drive if=pflash: both flash banks have a file already", bank);
    put(machine, name, id);
    return 0;
}

static int place_drive(struct system *s, const char *interface, const char *bank, const char *id, json_t *device,
                       struct err *e)
{
    if (!strcmp(interface, "none"))
        return 0;
    if (!strcmp(interface, "pflash"))
        return place_flash(system_dict(s, "machine"), bank, id, e);
    if (strcmp(interface, "virtio") != 0 && strcmp(interface, "default") != 0)
        return err_text(e, EINVAL, "-drive: no interface '%s' here: virtio, pflash or none", interface);
    put(device, "driver", "@disk");
    put(device, "drive", id);
    json_array_append(system_list(s, "devices"), device);
    return 0;
}

int system_drive(struct system *s, const char *text, struct err *e)
{
    static const char *const dropped[] = {"media", "index", "werror", "rerror", "if", "id", "bus", "unit", NULL};
    json_t *d, *blk = json_object(), *device = json_object();
    char *own = NULL;
    const char *id, *interface;
    int rc = conf_parse(&d, text, NULL, e);

    if (rc) {
        json_decref(blk);
        json_decref(device);
        return err_prefix(e, "-drive");
    }
    rc = drive_backend(s, d, blk, device, e);
    move(d, "serial", device, "serial");
    if (get(d, "media") && !strcmp(get(d, "media"), "cdrom"))
        json_object_set_new(blk, "read-only", json_true());
    id = get(d, "id");
    if (!id)
        id = own = system_id(s, "drive");
    interface = get(d, "if") ? get(d, "if") : "default";
    put(blk, "node-name", id);
    if (!rc)
        rc = place_drive(s, interface, get(d, "unit") ? get(d, "unit") : get(d, "index"), id, device, e);
    for (const char *const *k = dropped; *k; k++)
        json_object_del(d, *k);
    if (!rc && json_object_size(d))
        rc = err_text(e, EINVAL, "-drive: no option '%s'", json_object_iter_key(json_object_iter(d)));
    if (!rc)
        json_array_append(system_list(s, "blk"), blk);
    free(own);
    json_decref(d);
    json_decref(blk);
    json_decref(device);
    return rc;
}

/* A node may name another that was given before: that one moves into its place. */
static void resolve_nodes(json_t *list, json_t *node)
{
    static const char *const children[] = {"file", "backing", "data-file", NULL};

    for (const char *const *k = children; *k; k++) {
        const char *name = get(node, *k);
        json_t *other;
        size_t i;

        if (!name)
            continue;
        json_array_foreach(list, i, other) {
            if (get(other, "node-name") && !strcmp(get(other, "node-name"), name)) {
                json_object_set(node, *k, other);
                json_array_remove(list, i);
                break;
            }
        }
    }
}

int system_disk(struct system *s, const char *file, const char *options, struct err *e)
{
    struct str text = {0};
    int rc;

    str_printf(&text, "%s%sfile=", options ? options : "", options ? "," : "");
    for (; *file; file++)
        str_printf(&text, *file == ',' ? ",," : "%c", *file);
    rc = system_drive(s, str_text(&text), e);
    str_free(&text);
    return rc;
}

int system_blockdev(struct system *s, const char *text, struct err *e)
{
    json_t *node, *list = system_list(s, "blk");
    int rc = conf_parse(&node, text, "driver", e);

    if (rc)
        return err_prefix(e, "-blockdev");
    if (!get(node, "node-name")) {
        json_decref(node);
        return err_text(e, EINVAL, "-blockdev: needs a node-name");
    }
    resolve_nodes(list, node);
    if (s->snapshot)
        json_object_set_new(node, "temporary", json_true());
    json_array_append_new(list, node);
    return 0;
}

/* ---- devices ---- */

int system_device(struct system *s, const char *text, struct err *e)
{
    json_t *d;
    int rc = conf_parse(&d, text, "driver", e);

    if (rc)
        return err_prefix(e, "-device");
    json_array_append_new(system_list(s, "devices"), d);
    return 0;
}

/* DRIVER.PROPERTY=VALUE, in which a comma is a comma; or an object. */
int system_global(struct system *s, const char *text, struct err *e)
{
    const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
    json_t *g = NULL;
    int rc = 0;

    if (*text != '{' && dot && equals && dot < equals)
        g = json_pack("{s:s%,s:s%,s:s}", "driver", text, (size_t)(dot - text), "property", dot + 1,
                      (size_t)(equals - dot) - 1, "value", equals + 1);
    else
        rc = conf_parse(&g, text, NULL, e);
    if (rc)
        return err_prefix(e, "-global");
    json_array_append_new(system_list(s, "globals"), g);
    return 0;
}

/* ---- networks ---- */

int system_netdev(struct system *s, const char *text, struct err *e)
{
    json_t *n;
    int rc = conf_parse(&n, text, "type", e);

    if (rc)
        return err_prefix(e, "-netdev");
    if (!get(n, "id")) {
        json_decref(n);
        return err_text(e, EINVAL, "-netdev: needs an id");
    }
    json_array_append_new(system_list(s, "net"), n);
    s->have_net = true;
    return 0;
}

/* A backend and a card in one: -nic user,model=virtio-net-pci,mac=...,hostfwd=... */
int system_nic(struct system *s, const char *text, struct err *e)
{
    json_t *n, *device;
    char *own = NULL;
    const char *id;
    int rc = conf_parse(&n, text, "type", e);

    if (rc)
        return err_prefix(e, "-nic");
    s->have_net = true;
    if (get(n, "type") && !strcmp(get(n, "type"), "none")) {
        json_decref(n);
        s->no_net = true;
        return 0;
    }
    device = json_object();
    put(device, "driver", "@nic");
    if (get(n, "model") && strcmp(get(n, "model"), "virtio") != 0)
        move(n, "model", device, "driver");
    json_object_del(n, "model");
    move(n, "mac", device, "mac");
    move(n, "addr", device, "addr");
    id = get(n, "id");
    if (!id)
        id = own = system_id(s, "net");
    put(device, "netdev", id);
    put(n, "id", id);
    json_array_append_new(system_list(s, "net"), n);
    json_array_append_new(system_list(s, "devices"), device);
    free(own);
    return 0;
}

/* ---- consoles ---- */

int system_chardev(struct system *s, const char *text, struct err *e)
{
    json_t *c;
    int rc = conf_parse(&c, text, "backend", e);

    if (rc)
        return err_prefix(e, "-chardev");
    if (!get(c, "id")) {
        json_decref(c);
        return err_text(e, EINVAL, "-chardev: needs an id");
    }
    json_array_append_new(system_list(s, "chr"), c);
    return 0;
}

/* The backend of a short form: its id into *id (the caller frees it), NULL for "none". Two that say stdio share it. */
static int short_form(struct system *s, const char *text, const char *stem, char **id, struct err *e)
{
    json_t *c, *other;
    size_t i;
    int rc = chr_parse_legacy(text, &c, e);

    *id = NULL;
    if (rc)
        return rc;
    if (get(c, "ref"))
        *id = mem_strdup(get(c, "ref"));
    json_array_foreach(system_list(s, "chr"), i, other) {
        if (!*id && get(c, "backend") && !strcmp(get(c, "backend"), "stdio") && get(other, "backend") &&
            !strcmp(get(other, "backend"), "stdio")) {
            json_object_set_new(other, "mux", json_true());
            *id = mem_strdup(get(other, "id"));
        }
    }
    if (!*id && json_object_size(c)) {
        *id = get(c, "id") ? mem_strdup(get(c, "id")) : system_id(s, stem);
        put(c, "id", *id);
        json_array_append(system_list(s, "chr"), c);
    }
    json_decref(c);
    return 0;
}

int system_monitor(struct system *s, const char *text, const char *mode, struct err *e)
{
    char *id;
    int rc = short_form(s, text, "mon", &id, e);

    if (rc)
        return err_prefix(e, "-monitor");
    s->have_monitor = true;
    if (id)
        json_array_append_new(s->monitors, json_pack("{s:s,s:s}", "mode", mode, "chardev", id));
    free(id);
    return 0;
}

int system_serial(struct system *s, const char *text, struct err *e)
{
    char *id;
    int rc = short_form(s, text, "serial", &id, e);

    if (rc)
        return err_prefix(e, "-serial");
    s->have_serial = true;
    json_array_append_new(system_list(s, "serial"), id ? json_string(id) : json_null());
    if (id && !strncmp(text, "mon:", 4)) {
        s->have_monitor = true;
        json_array_append_new(s->monitors, json_pack("{s:s,s:s}", "mode", "readline", "chardev", id));
    }
    free(id);
    return 0;
}

/* ---- shared folders ---- */

/* What a folder's options say goes to the device: there is no backend between. */
static void share(json_t *device, json_t *folder)
{
    static const char *const keys[] = {"path", "security_model", "readonly", NULL};

    for (const char *const *k = keys; *k; k++)
        move(folder, *k, device, *k);
    json_object_del(device, "fsdev");
}

int system_virtfs(struct system *s, const char *text, bool with_device, struct err *e)
{
    json_t *f, *device;
    char *own = NULL;
    const char *id;
    int rc = conf_parse(&f, text, "fsdriver", e);

    if (rc)
        return err_prefix(e, with_device ? "-virtfs" : "-fsdev");
    id = get(f, "id");
    if (!id && !with_device) {
        json_decref(f);
        return err_text(e, EINVAL, "-fsdev: needs an id");
    }
    if (!id)
        id = own = system_id(s, "fs");
    if (with_device) {
        device = json_pack("{s:s}", "driver", "virtio-9p-pci");
        move(f, "mount_tag", device, "mount_tag");
        share(device, f);
        json_array_append_new(system_list(s, "devices"), device);
    }
    json_object_set_new(s->folders, id, f);
    free(own);
    return 0;
}

void system_join_folders(struct system *s)
{
    json_t *device;
    size_t i;

    json_array_foreach(system_list(s, "devices"), i, device) {
        json_t *folder = get(device, "fsdev") ? json_object_get(s->folders, get(device, "fsdev")) : NULL;

        if (folder)
            share(device, folder);
    }
}

/* ---- the log ---- */

int system_log(const char *text, struct err *e)
{
    int rc = app_log(text, true, e);

    if (rc > 0)
        exit(0);
    return rc;
}

/* A pattern a line; '-' before it turns off, '#' begins a remark. */
static int trace_file(const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");
    char line[256];
    int rc = 0;

    if (!f)
        return err_set(e, errno, "cannot read '%s'", path);
    while (!rc && fgets(line, sizeof(line), f)) {
        char *word = line + strspn(line, " \t");
        bool on = *word != '-';

        word += !on;
        word[strcspn(word, "# \t\r\n")] = '\0';
        if (*word)
            rc = trace_set(word, on, e);
    }
    fclose(f);
    return rc;
}

int system_trace(const char *text, struct err *e)
{
    json_t *o;
    const char *enable, *events, *file;
    int rc = conf_parse(&o, text, "enable", e);

    if (rc)
        return err_prefix(e, "-trace");
    enable = get(o, "enable");
    events = get(o, "events");
    file = get(o, "file");
    if (enable && (!strcmp(enable, "help") || !strcmp(enable, "?"))) {
        trace_list(STDOUT_FILENO);
        exit(0);
    }
    if (file)
        rc = log_open(file, e);
    if (!rc && events)
        rc = trace_file(events, e);
    if (!rc && enable)
        rc = trace_set(enable + (*enable == '-'), *enable != '-', e);
    json_decref(o);
    return rc;
}
