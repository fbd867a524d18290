/* Images as tools see them: each call runs in a fiber until done. Knows no format. */
#include "blk/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk/conf.h"
#include "blk/driver.h"

struct blk *blk_backing(const struct blk *b)
{
    return b->backing;
}

const char *blk_format(const struct blk *b)
{
    return b->driver->name;
}

const char *blk_path(const struct blk *b)
{
    return b->path;
}

uint64_t blk_cluster_size(const struct blk *b)
{
    return b->driver == &blk_driver_qcow2 ? b->discard_unit : 0;
}

void blk_info(const struct blk *b, json_t *into)
{
    const struct blk *file = b;

    json_object_set_new(into, "virtual-size", json_integer((json_int_t)b->size));
    json_object_set_new(into, "filename", json_string(b->path));
    json_object_set_new(into, "format", json_string(b->driver->name));
    while (file->file)
        file = file->file;
    if (file->driver->info)
        file->driver->info((struct blk *)file, into);
    if (b->driver->info && b != file)
        b->driver->info((struct blk *)b, into);
    if (!json_object_get(into, "dirty-flag"))
        json_object_set_new(into, "dirty-flag", json_false());
}

/* ---- creating ---- */

struct create_call {
    const char *path;
    const struct blk_create *o;
    struct err *e;
    struct blk_io *io;
};

static int make_file(const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        return err_set(e, errno, "cannot create %s", path);
    close(fd);
    return 0;
}

static int open_plain(struct create_call *call, const char *path, struct blk **file)
{
    struct blk_conf c = {.io = call->io, .flags = BLK_UNSAFE};
    int rc = make_file(path, call->e);

    if (rc)
        return rc;
    c.json = json_object();
    json_object_set_new(c.json, "driver", json_string("file"));
    json_object_set_new(c.json, "filename", json_string(path));
    rc = blk_node_open(file, &c, call->e);
    json_decref(c.json);
    return rc;
}

static int create_fiber(void *arg)
{
    struct create_call *call = arg;
    const struct blk_create *o = call->o;
    bool raw = !strcmp(o->format, "raw");
    struct blk *file;
    int rc;

    if (!raw && strcmp(o->format, "qcow2") != 0)
        return err_text(call->e, ENOTSUP, "images of format '%s' cannot be made: raw or qcow2",
                        o->format);
    if (raw && (o->backing || o->preallocation == BLK_PREALLOC_METADATA))
        return err_text(call->e, EINVAL, "format raw has no %s",
                        o->backing ? "backing files" : "preallocation=metadata");
    if (o->data_file) {
        char *path = blk_path_join(call->path, o->data_file);

        rc = open_plain(call, path, &file);
        free(path);
        if (rc)
            return rc;
        blk_node_close(file);
    }
    rc = open_plain(call, call->path, &file);
    if (rc)
        return rc;
    if (file->size)
        rc = blk_resize(file, 0, true, 0, call->e);
    if (!rc && raw)
        rc = blk_resize(file, o->size, true, o->preallocation, call->e);
    else if (!rc)
        rc = blk_qcow2_format(&file, o, call->e);
    blk_node_close(file);
    return rc;
}

int blk_create(const char *path, const struct blk_create *o, struct err *e)
{
    struct create_call call = {.path = path, .o = o, .e = e};
    int rc = blk_io_new(&call.io, NULL, true, e);

    if (rc)
        return rc;
    rc = blk_run(call.io, create_fiber, &call);
    blk_io_unref(call.io);
    return rc;
}

/* ---- checking ---- */

struct check_call {
    struct blk *b;
    unsigned fix;
    struct blk_check *result;
    struct err *e;
};

static int check_fiber(void *arg)
{
    struct check_call *c = arg;

    return c->b->driver->check(c->b, c->fix, c->result, c->e);
}

int blk_check(struct blk *b, unsigned fix, struct blk_check *result, struct err *e)
{
    struct check_call c = {b, fix, result, e};

    if (!b->driver->check)
        return err_text(e, ENOTSUP, "images of format %s have nothing to check", b->driver->name);
    return blk_run(b->io, check_fiber, &c);
}

/* ---- resizing ---- */

int blk_resize(struct blk *b, uint64_t size, bool shrink, unsigned how, struct err *e)
{
    if (!b->driver->resize)
        return err_text(e, ENOTSUP, "driver %s cannot resize", b->driver->name);
    if (b->readonly)
        return err_text(e, EROFS, "%s is open for reading only", b->path);
    return b->driver->resize(b, size, shrink, how, e);
}

struct resize_call {
    struct blk *b;
    uint64_t size;
    bool shrink;
    enum blk_prealloc how;
    struct err *e;
};

static int resize_fiber(void *arg)
{
    struct resize_call *c = arg;

    return blk_resize(c->b, c->size, c->shrink, c->how, c->e);
}

int blk_truncate(struct blk *b, uint64_t size, bool shrink, enum blk_prealloc how, struct err *e)
{
    struct resize_call c = {b, size, shrink, how, e};

    if (size < b->size && !shrink)
        return err_text(e, EINVAL, "%s would lose what is behind byte %llu: say --shrink", b->path,
                        (unsigned long long)size);
    return blk_run(b->io, resize_fiber, &c);
}

/* ---- looking ---- */

struct status_call {
    struct blk *b;
    uint64_t at, size;
    unsigned layers;
    struct blk_extent *out;
};

static int status_fiber(void *arg)
{
    struct status_call *c = arg;
    struct blk *b = c->b;
    uint64_t size = c->size;
    unsigned depth = 0;
    int rc;

    for (;;) {
        if (c->at >= b->size) { /* a shorter backing file: zeros */
            *c->out = (struct blk_extent){.size = size, .flags = BLK_ZERO, .depth = depth};
            return 0;
        }
        rc = blk_co_status(b, c->at, min_of(size, b->size - c->at), c->out);
        if (rc)
            return rc;
        size = c->out->size;
        if (c->out->flags & BLK_ALLOCATED || !b->backing || (c->layers && depth + 1 >= c->layers))
            break;
        b = b->backing;
        depth++;
    }
    c->out->depth = depth;
    c->out->present = c->out->flags & BLK_ALLOCATED;
    if (c->out->flags & BLK_MAPPED)
        c->out->path = b->data ? b->data->path : b->file ? b->file->path : b->path;
    return 0;
}

int blk_status(struct blk *b, uint64_t at, uint64_t size, unsigned layers, struct blk_extent *out)
{
    struct status_call c = {b, at, size, layers, out};

    return blk_run(b->io, status_fiber, &c);
}
