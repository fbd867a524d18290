/* Reads the options of block nodes. Knows their spelling, not what they do. */
#include "blk/conf.h"

#include <errno.h>
#include <stdlib.h>

#include "base/nearest.h"
#include "core/prop.h"

const json_t *blk_conf_get(const struct blk_conf *c, const char *key)
{
    const json_t *v = json_object_get(c->json, key);
    const char *dot = strchr(key, '.');
    char first[32];

    if (v || !dot)
        return v;
    snprintf(first, sizeof(first), "%.*s", (int)(dot - key), key);
    return json_object_get(json_object_get(c->json, first), dot + 1);
}

const char *blk_conf_str(const struct blk_conf *c, const char *key)
{
    return json_string_value(blk_conf_get(c, key));
}

int blk_conf_bool(const struct blk_conf *c, const char *key, bool *value, struct err *e)
{
    const json_t *v = blk_conf_get(c, key);
    const char *text = json_string_value(v);

    if (!v)
        return 0;
    if (json_is_boolean(v))
        *value = json_is_true(v);
    else if (text && (!strcmp(text, "on") || !strcmp(text, "true") || !strcmp(text, "yes")))
        *value = true;
    else if (text && (!strcmp(text, "off") || !strcmp(text, "false") || !strcmp(text, "no")))
        *value = false;
    else
        return err_text(e, EINVAL, "%s is on or off", key);
    return 0;
}

int blk_conf_size(const struct blk_conf *c, const char *key, uint64_t *value, struct err *e)
{
    const json_t *v = blk_conf_get(c, key);

    if (!v)
        return 0;
    if (json_is_string(v))
        return prop_parse_size(json_string_value(v), 1, value, e);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return err_text(e, EINVAL, "%s is a number of bytes", key);
    *value = (uint64_t)json_integer_value(v);
    return 0;
}

int blk_conf_choice(const struct blk_conf *c, const char *key, unsigned *flags, unsigned bits,
                    const char *yes, const char *no, struct err *e)
{
    const char *text = blk_conf_str(c, key);

    if (!blk_conf_get(c, key))
        return 0;
    if (text && (!strcmp(text, yes) || !strcmp(text, "on")))
        *flags |= bits;
    else if (text && (!strcmp(text, no) || !strcmp(text, "off")))
        *flags &= ~bits;
    else
        return err_text(e, EINVAL, "%s is %s or %s", key, yes, no);
    return 0;
}

int blk_conf_aio(struct blk_conf *c, struct err *e)
{
    const char *text = blk_conf_str(c, "aio");

    if (!text)
        return 0;
    if (!strcmp(text, "threads"))
        c->aio = BLK_AIO_THREADS;
    else if (!strcmp(text, "io_uring") || !strcmp(text, "native"))
        c->aio = BLK_AIO_URING;
    else
        return err_text(e, EINVAL, "aio=%s: io_uring, native or threads", text);
    return 0;
}

static const char *const common[] = {
    "driver",       "node-name",      "read-only", "auto-read-only", "force-share", "cache",
    "cache.direct", "cache.no-flush", "discard",   "detect-zeroes",  "aio",         "locking",
    NULL,
};

static bool contains(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

int blk_conf_check(const struct blk_conf *c, const char *const *keys, const char *driver,
                   struct err *e)
{
    const char *key;
    json_t *value;

    json_object_foreach(c->json, key, value)
    {
        const char *near;

        if (contains(common, key) || contains(keys, key))
            continue;
        near = prop_nearest(key, keys);
        if (!near)
            near = prop_nearest(key, common);
        nearest_unknown(e, "option", key, near, NULL);
        return err_prefix(e, "block driver %s", driver);
    }
    return 0;
}
