/* The state of a tree of devices: a section each, closed by one that says that these were all.
 *
 * Owns which sections there must be. All of them are read and checked before the first device
 * changes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "core/dev.h"
#include "core/state_int.h"

enum { VERSION = 1 };
#define END_PATH  "/"
#define END_CLASS "end of devices"

struct saver {
    struct state_writer *w;
    struct err *e;
    int rc;
};

static void save_one(void *arg, struct dev *d)
{
    struct saver *s = arg;

    if (s->rc || !d->cls->state)
        return;
    os_mutex_lock(&d->lock);
    s->rc = state_save_section(s->w, d->path, d->cls->name, VERSION, d->cls->state, d, s->e);
    os_mutex_unlock(&d->lock);
}

int dev_save(struct dev *root, struct state_writer *w, struct err *e)
{
    struct saver s = {.w = w, .e = e};

    dev_each(root, save_one, &s);
    return s.rc ? s.rc : state_save_section(w, END_PATH, END_CLASS, VERSION, NULL, NULL, e);
}

struct section {
    struct dev *dev;
    uint8_t *body;
    size_t size;
};

struct loader {
    struct err *e;
    int rc;
    vec_of(struct section) sections;
};

static struct section *section_of(struct loader *l, const struct dev *d)
{
    vec_for_each (struct section, s, &l->sections) {
        if (s->dev == d)
            return s;
    }
    return NULL;
}

static int read_one(struct loader *l, struct dev *root, struct state_reader *r, const char *path,
                    const char *cls, uint32_t version, struct err *e)
{
    struct section s = {.dev = dev_find(root, path)};
    int rc;

    if (*path != '/' || !s.dev || !s.dev->cls->state)
        return err_text(e, EINVAL,
                        "the saved state has a device %s (%s), which this machine has not; "
                        "start it with the same options",
                        path, cls);
    if (strcmp(s.dev->cls->name, cls) != 0)
        return err_text(
            e, EINVAL,
            "device %s is a %s in the saved state and a %s here; start with the same options", path,
            cls, s.dev->cls->name);
    if (version != VERSION)
        return err_text(e, EINVAL, "the saved state of %s has version %u; this program reads %d",
                        path, version, VERSION);
    if (section_of(l, s.dev))
        return err_text(e, EINVAL, "the saved state has device %s twice", path);
    s.body = state_take_body(r, &s.size);
    vec_push(&l->sections, s);
    rc = state_body_load(s.dev->path, s.dev->cls->state, s.dev, s.body, s.size, false, e);
    return rc;
}

static int read_all(struct loader *l, struct dev *root, struct state_reader *r, struct err *e)
{
    for (;;) {
        const char *path, *cls;
        uint32_t version;
        int rc = state_next_section(r, &path, &cls, &version, e);

        if (rc)
            return rc;
        if (!path)
            return err_text(e, EINVAL, "the saved state ends amidst the devices");
        if (strcmp(cls, END_CLASS) == 0)
            return 0;
        rc = read_one(l, root, r, path, cls, version, e);
        if (rc)
            return rc;
    }
}

static void check_present(void *arg, struct dev *d)
{
    struct loader *l = arg;

    if (!l->rc && d->cls->state && !section_of(l, d))
        l->rc = err_text(l->e, EINVAL,
                         "the saved state lacks device %s (%s); start with the same options",
                         d->path, d->cls->name);
}

static void apply_one(void *arg, struct dev *d)
{
    struct loader *l = arg;
    struct section *s = section_of(l, d);

    if (l->rc || !s)
        return;
    os_mutex_lock(&d->lock);
    l->rc = state_body_load(d->path, d->cls->state, d, s->body, s->size, true, l->e);
    os_mutex_unlock(&d->lock);
}

static void tell_loaded(void *arg, struct dev *d)
{
    struct loader *l = arg;

    if (l->rc || !d->cls->loaded || !d->realized)
        return;
    l->rc = d->cls->loaded(d, l->e);
    if (l->rc)
        err_prefix(l->e, "state of %s", d->path);
}

int dev_load(struct dev *root, struct state_reader *r, struct err *e)
{
    struct loader l = {.e = e};

    /* What a section leaves out has its value after reset. */
    dev_reset(root);
    l.rc = read_all(&l, root, r, e);
    if (!l.rc)
        dev_each(root, check_present, &l);
    if (!l.rc) {
        dev_each(root, apply_one, &l);
        dev_each(root, tell_loaded, &l);
        if (l.rc)
            dev_reset(root);
    }
    vec_for_each (struct section, s, &l.sections)
        free(s->body);
    vec_free(&l.sections);
    return l.rc;
}
