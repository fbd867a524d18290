/*
 * Opening and closing of chains: drivers by name or content, options that nodes inherit, backing
 * files by the names that images store. Knows the list of drivers, and nothing of what they do.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "blk/conf.h"
#include "blk/driver.h"

static const struct blk_driver *const drivers[] = {
    &blk_driver_file,  &blk_driver_host_device, &blk_driver_raw,
    &blk_driver_qcow2, &blk_driver_null_co,     &blk_driver_null_aio,
};

const struct blk_driver *blk_driver_find(const char *name)
{
    for (size_t i = 0; i < array_size(drivers); i++)
        if (!strcmp(drivers[i]->name, name))
            return drivers[i];
    return NULL;
}

static int unknown_driver(const char *name, struct err *e)
{
    struct str all = {0};

    for (size_t i = 0; i < array_size(drivers); i++)
        str_printf(&all, "%s%s", i ? ", " : "", drivers[i]->name);
    err_text(e, EINVAL, "no block driver '%s': there are %s", name, str_text(&all));
    str_free(&all);
    return -EINVAL;
}

/* ---- one node ---- */

static int common_options(struct blk *b, struct blk_conf *c, struct err *e)
{
    bool direct = c->flags & BLK_DIRECT, no_flush = c->flags & BLK_UNSAFE;
    bool readonly = c->flags & BLK_RDONLY, auto_ro = c->flags & BLK_AUTO_RDONLY;
    const char *text;
    int rc;

    rc = blk_conf_bool(c, "cache.direct", &direct, e);
    if (!rc)
        rc = blk_conf_bool(c, "cache.no-flush", &no_flush, e);
    if (!rc && !(c->flags & BLK_RDONLY && c->depth))
        rc = blk_conf_bool(c, "read-only", &readonly, e);
    if (!rc)
        rc = blk_conf_bool(c, "auto-read-only", &auto_ro, e);
    if (!rc)
        rc = blk_conf_choice(c, "discard", &c->flags, BLK_DISCARD, "unmap", "ignore", e);
    if (!rc)
        rc = blk_conf_aio(c, e);
    if (rc)
        return rc;
    c->flags &= ~(unsigned)(BLK_DIRECT | BLK_UNSAFE | BLK_RDONLY | BLK_AUTO_RDONLY);
    c->flags |= (direct ? BLK_DIRECT : 0) | (no_flush ? BLK_UNSAFE : 0) |
                (readonly ? BLK_RDONLY : 0) | (auto_ro ? BLK_AUTO_RDONLY : 0);
    b->direct = direct;
    b->no_flush = no_flush;
    b->readonly = readonly;
    b->discard = c->flags & BLK_DISCARD;
    text = blk_conf_str(c, "detect-zeroes");
    if (text) {
        static const char *const modes[] = {"off", "on", "unmap"};

        while (b->detect_zeroes < 3 && strcmp(modes[b->detect_zeroes], text) != 0)
            b->detect_zeroes++;
        if (b->detect_zeroes == 3)
            return err_text(e, EINVAL, "detect-zeroes=%s: off, on or unmap", text);
    }
    text = blk_conf_str(c, "node-name");
    if (text)
        b->name = mem_strdup(text);
    return 0;
}

static int guess(struct blk_conf *c, const char **driver, struct err *e)
{
    int rc;

    if (!c->file && !blk_conf_get(c, "file"))
        return err_text(e, EINVAL, "a block node needs a driver (\"driver\": \"qcow2\")");
    if (!c->file) {
        rc = blk_child_open(&c->file, c, "file", e);
        if (rc)
            return rc;
    }
    rc = blk_probe_format(c->file, driver, e);
    c->guessed = !rc && !strcmp(*driver, "raw");
    return rc;
}

static void free_node(struct blk *b)
{
    blk_io_unref(b->io);
    free(b->name);
    free(b->path);
    free(b);
}

void blk_node_close(struct blk *b)
{
    if (!b)
        return;
    if (b->driver->close)
        b->driver->close(b);
    blk_node_close(b->data);
    blk_node_close(b->file);
    blk_node_close(b->backing);
    free_node(b);
}

int blk_node_open(struct blk **out, const struct blk_conf *parent, struct err *e)
{
    struct blk_conf c = *parent;
    struct blk *b = mem_new(struct blk);
    const char *name = blk_conf_str(&c, "driver");
    int rc;

    *out = NULL;
    b->io = c.io;
    b->io->refs++;
    b->loop = c.loop;
    b->path = mem_strdup("");
    b->block_size = 512;
    blk_waitq_init(&b->idle);
    rc = common_options(b, &c, e);
    if (!rc && !name)
        rc = guess(&c, &name, e);
    if (!rc) {
        b->driver = blk_driver_find(name);
        rc = b->driver ? blk_conf_check(&c, b->driver->keys, name, e) : unknown_driver(name, e);
    }
    if (!rc)
        rc = b->driver->open(b, &c, e);
    else
        b->driver = NULL;
    if (rc) {
        blk_node_close(c.file); /* a child that was not taken */
        blk_node_close(c.backing);
        if (b->driver)
            blk_node_close(b);
        else
            free_node(b);
        return rc;
    }
    if (!*b->path && b->file) {
        free(b->path);
        b->path = mem_strdup(b->file->path);
    }
    *out = b;
    return 0;
}

/* ---- children ---- */

int blk_child_open(struct blk **out, struct blk_conf *c, const char *key, struct err *e)
{
    const json_t *conf = blk_conf_get(c, key);
    struct blk_conf child = *c;

    if (!strcmp(key, "file") && c->file) {
        *out = c->file;
        c->file = NULL;
        return 0;
    }
    *out = NULL;
    if (!conf)
        return err_text(e, EINVAL, "a node of this driver needs \"%s\"", key);
    if (!json_is_object(conf))
        return err_text(e, EINVAL, "no block node '%s'",
                        json_is_string(conf) ? json_string_value(conf) : "");
    child.json = (json_t *)conf;
    child.file = child.backing = NULL;
    child.guessed = false;
    child.flags &= ~(unsigned)(BLK_SNAPSHOT | BLK_NO_BACKING | BLK_FOR_CHECK);
    child.flags |= BLK_DISCARD; /* the format decided */
    return blk_node_open(out, &child, e);
}

static json_t *file_conf(const char *path)
{
    json_t *file = json_object();

    json_object_set_new(file, "driver", json_string("file"));
    json_object_set_new(file, "filename", json_string(path));
    return file;
}

static json_t *format_conf(const char *path, const char *format)
{
    json_t *conf = json_object();

    if (format)
        json_object_set_new(conf, "driver", json_string(format));
    json_object_set_new(conf, "file", file_conf(path));
    return conf;
}

char *blk_path_join(const char *base, const char *name)
{
    const char *slash = strrchr(base, '/');
    struct str s = {0};
    char *joined;

    if (*name != '/' && slash)
        str_append(&s, base, (size_t)(slash + 1 - base));
    str_printf(&s, "%s", name);
    joined = mem_strdup(str_text(&s));
    str_free(&s);
    return joined;
}

/* The configuration that a stored name stands for. */
static json_t *named_conf(const char *base, const char *name, const char *format, struct err *e)
{
    json_error_t why;
    json_t *conf;
    char *path;

    if (!strncmp(name, "json:", 5)) {
        conf = json_loads(name + 5, 0, &why);
        if (!json_is_object(conf)) {
            err_text(e, EINVAL, "%s: not JSON: %s", name, why.text);
            json_decref(conf);
            return NULL;
        }
        if (format && !json_object_get(conf, "driver"))
            json_object_set_new(conf, "driver", json_string(format));
        return conf;
    }
    if (!strncmp(name, "file:", 5))
        name += 5;
    path = blk_path_join(base, name);
    conf = format_conf(path, format);
    free(path);
    return conf;
}

int blk_named_open(struct blk **out, const struct blk_conf *c, const char *base, const char *name,
                   const char *format, unsigned flags, struct err *e)
{
    struct blk_conf child = *c;
    int rc;

    if (++child.depth > BLK_CHAIN_MAX)
        return err_text(e, ELOOP, "%s: more than %d images stand on one another", name,
                        BLK_CHAIN_MAX);
    child.json = named_conf(base, name, format, e);
    if (!child.json)
        return -EINVAL;
    child.file = child.backing = NULL;
    child.flags = flags;
    child.guessed = false;
    rc = blk_node_open(out, &child, e);
    json_decref(child.json);
    return rc;
}

/* ---- from outside ---- */

struct open_call {
    struct blk_conf c;
    struct blk *b;
    struct err *e;
};

/* A temporary overlay takes the writes. */
static int open_overlay(struct open_call *o)
{
    const char *dir = getenv("TMPDIR");
    struct blk_conf c = o->c;
    struct blk *base = o->b, *file = NULL;
    struct blk_create create = {.format = "qcow2", .size = base->size};
    char path[512];
    int fd, rc;

    snprintf(path, sizeof(path), "%.480s/myna-XXXXXX", dir && *dir ? dir : "/var/tmp");
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return err_set(o->e, errno, "cannot make a temporary image in %s (TMPDIR)",
                       dir && *dir ? dir : "/var/tmp");
    close(fd);
    c.flags = (c.flags & (unsigned)~(BLK_RDONLY | BLK_DIRECT | BLK_SNAPSHOT | BLK_AUTO_RDONLY)) |
              BLK_UNSAFE | BLK_NO_LOCK | BLK_DISCARD;
    c.json = file_conf(path);
    rc = blk_node_open(&file, &c, o->e);
    unlink(path); /* it goes with its last descriptor */
    json_decref(c.json);
    if (!rc)
        rc = blk_qcow2_format(&file, &create, o->e);
    if (rc) {
        blk_node_close(file);
        return rc;
    }
    c.json = json_object();
    json_object_set_new(c.json, "driver", json_string("qcow2"));
    c.file = file;
    c.backing = base;
    o->b = NULL; /* the overlay owns it, also when it fails to open */
    rc = blk_node_open(&o->b, &c, o->e);
    json_decref(c.json);
    if (!rc) {
        free(o->b->path);
        o->b->path = mem_strdup(base->path);
        o->b->name = base->name;
        base->name = NULL;
        o->b->discard = base->discard;
        o->b->detect_zeroes = base->detect_zeroes;
    }
    return rc;
}

static int open_fiber(void *arg)
{
    struct open_call *o = arg;
    unsigned flags = o->c.flags;
    int rc;

    if (flags & BLK_SNAPSHOT)
        o->c.flags |= BLK_RDONLY;
    rc = blk_node_open(&o->b, &o->c, o->e);
    o->c.flags = flags;
    if (!rc && flags & BLK_SNAPSHOT)
        rc = open_overlay(o);
    if (rc)
        blk_node_close(o->b);
    else
        o->b->writethrough = flags & BLK_WRITETHROUGH && !(flags & BLK_SNAPSHOT);
    return rc;
}

static int run_open(struct blk **out, const struct blk_open *o, json_t *conf, struct err *e)
{
    struct open_call call = {.e = e};
    int rc = 0;

    call.c.json = conf;
    call.c.loop = o->loop;
    call.c.flags = (o->flags & 0xffff) | (o->check ? BLK_FOR_CHECK | BLK_NO_BACKING : 0);
    if (o->beside) {
        call.c.io = o->beside->io;
        call.c.io->refs++;
    } else {
        rc = blk_io_new(&call.c.io, o->loop, true, e);
    }
    if (rc)
        return rc;
    rc = blk_run(call.c.io, open_fiber, &call);
    blk_io_unref(call.c.io);
    if (!rc)
        *out = call.b;
    return rc;
}

int blk_open_as(struct blk **out, const struct blk_open *o, struct err *e)
{
    json_t *conf;
    int rc;

    *out = NULL;
    if (o->conf && !json_is_object(o->conf))
        return err_text(e, EINVAL, "a block node is described by a JSON object");
    conf = o->conf ? json_copy((json_t *)o->conf) : named_conf("", o->path, o->format, e);
    if (!conf)
        return -EINVAL;
    if (o->snapshot) {
        json_object_set_new(conf, "snapshot", json_string(o->snapshot));
        json_object_set_new(conf, "driver", json_string("qcow2"));
    }
    rc = run_open(out, o, conf, e);
    json_decref(conf);
    return rc;
}

int blk_open(struct blk **out, struct os_loop *loop, const json_t *conf, struct err *e)
{
    return blk_open_as(out, &(struct blk_open){.loop = loop, .conf = conf ? conf : json_null()}, e);
}

int blk_open_file(struct blk **out, struct os_loop *loop, const char *path, const char *format,
                  unsigned flags, struct err *e)
{
    return blk_open_as(
        out, &(struct blk_open){.loop = loop, .path = path, .format = format, .flags = flags}, e);
}

void blk_wait_round(struct blk *b)
{
    blk_io_wait(b->io);
}

static int close_fiber(void *arg)
{
    struct blk *b = arg;

    if (!b->readonly)
        (void)blk_co_flush(b);
    blk_node_close(b);
    return 0;
}

void blk_close(struct blk *b)
{
    struct blk_io *io;

    if (!b)
        return;
    blk_drain(b);
    io = b->io;
    io->refs++;
    (void)blk_run(io, close_fiber, b);
    blk_io_unref(io);
}
