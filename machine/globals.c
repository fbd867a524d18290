/* -global: values that a configuration gives all devices of a class, before a device's own. Owns their checking, once
 * and before anything is built, so that no device fails for them later. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "machine/machine_int.h"

static const char *text(const json_t *g, const char *key)
{
    const char *s = json_string_value(json_object_get(g, key));

    return s ? s : "";
}

/* Tried on an instance that is none. */
static int try(const struct dev_class *cls, const json_t *g, struct err *e)
{
    const struct prop *p = prop_find(cls->props, text(g, "property"));
    json_t *only;
    void *scratch;
    int rc;

    only = json_object();
    json_object_set(only, text(g, "property"), json_object_get(g, "value"));
    scratch = mem_zalloc(cls->size);
    prop_defaults(cls->props, scratch);
    if (p)
        rc = prop_set(p, scratch, json_object_get(g, "value"), cls->name, e);
    else
        rc = prop_apply(cls->props, scratch, only, cls->name, NULL, e); /* says what is meant */
    prop_free(cls->props, scratch);
    free(scratch);
    json_decref(only);
    return rc ? err_prefix(e, "-global") : 0;
}

int machine_globals_check(const struct machine *m, struct err *e)
{
    json_t *g;
    size_t i;

    json_array_foreach(m->c.globals, i, g) {
        const struct dev_class *cls = dev_class_find(text(g, "driver"));
        int rc;

        if (!*text(g, "driver") || !*text(g, "property") || !json_object_get(g, "value"))
            return err_text(e, EINVAL, "-global needs driver, property and value: -global DRIVER.PROPERTY=VALUE");
        if (!cls) {
            log_warn("-global: there is no device '%s' here; %s.%s is ignored", text(g, "driver"), text(g, "driver"),
                     text(g, "property"));
            continue;
        }
        rc = try(cls, g, e);
        if (rc)
            return rc;
    }
    return 0;
}

/* env->defaults: of each new device. */
void machine_globals_apply(struct machine *m, struct dev *d)
{
    struct err e;
    json_t *g;
    size_t i;

    json_array_foreach(m->c.globals, i, g)
        if (dev_class_find(text(g, "driver")) == d->cls &&
            prop_set(prop_find(d->cls->props, text(g, "property")), d, json_object_get(g, "value"), d->cls->name, &e))
            log_error("%s", e.text); /* was tried before */
}
