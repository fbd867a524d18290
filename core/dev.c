/* The tree of devices: making, realizing, reset, destruction, finding.
 *
 * Owns order and paths. Knows no device. Saving stands in dev_state.c.
 */
#include "core/dev.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

static struct dev *child_by_path(const struct dev *parent, const char *path)
{
    list_for_each (struct dev, d, sibling, &parent->children) {
        if (strcmp(d->path, path) == 0)
            return d;
    }
    return NULL;
}

/* Parent's path and name; a second child of the name is NAME.2, so that saved state finds each. */
static char *make_path(const struct dev *parent, const char *name)
{
    struct str path = {0};
    const char *base = parent && parent->parent ? parent->path : "";

    if (!parent)
        return mem_strdup("/");
    str_printf(&path, "%s/%s", base, name);
    for (unsigned n = 2; child_by_path(parent, str_text(&path)); n++) {
        str_clear(&path);
        str_printf(&path, "%s/%s.%u", base, name, n);
    }
    return path.text.data;
}

struct dev *dev_new(const struct dev_class *cls, struct dev *parent, const char *name,
                    struct dev_env *env)
{
    struct dev *d = mem_zalloc(cls->size);

    assert(cls->size >= sizeof(struct dev));
    d->cls = cls;
    d->env = env;
    d->parent = parent;
    list_init(&d->children);
    list_init(&d->sibling);
    os_mutex_init_owned(&d->lock);
    d->path = make_path(parent, name);
    if (parent)
        list_append(&parent->children, &d->sibling);
    prop_defaults(cls->props, d);
    if (env && env->defaults)
        env->defaults(env->machine, d);
    return d;
}

int dev_realize(struct dev *d, struct err *e)
{
    int rc = d->cls->realize ? d->cls->realize(d, e) : 0;

    assert(!d->realized);
    d->realized = !rc;
    return rc;
}

void dev_free(struct dev *d)
{
    if (!d)
        return;
    while (!list_empty(&d->children))
        dev_free(container_of(d->children.prev, struct dev, sibling));
    if (d->cls->destroy)
        d->cls->destroy(d);
    list_remove(&d->sibling);
    prop_free(d->cls->props, d);
    os_mutex_destroy(&d->lock);
    free(d->id);
    free(d->path);
    free(d);
}

void dev_each(struct dev *root, void (*fn)(void *arg, struct dev *d), void *arg)
{
    fn(arg, root);
    list_for_each (struct dev, d, sibling, &root->children)
        dev_each(d, fn, arg);
}

void dev_own_region(struct dev *d, struct mem_region *r)
{
    mem_region_set_lock(r, &d->lock);
    mem_region_set_owner(r, d->path);
}

void dev_guest(const struct dev *d, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    log_guest("%s %s: %s", d->cls->name, d->path, text);
}

static void reset_one(void *arg, struct dev *d)
{
    (void)arg;
    if (d->realized && d->cls->reset)
        d->cls->reset(d);
}

void dev_reset(struct dev *d)
{
    dev_each(d, reset_one, NULL);
}

struct dev *dev_find(struct dev *root, const char *name)
{
    if (strcmp(*name == '/' ? root->path : root->id ? root->id : "", name) == 0)
        return root;
    list_for_each (struct dev, d, sibling, &root->children) {
        struct dev *found = dev_find(d, name);

        if (found)
            return found;
    }
    return NULL;
}
