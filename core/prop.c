/* Property tables: defaults, finding, applying, reading back, help.
 *
 * Owns how a table is walked and what its errors say. How a single value is read stands in
 * prop_value.c.
 */
#include "core/prop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/str.h"
#include "core/prop_int.h"

void prop_defaults(const struct prop *table, void *object)
{
    for (const struct prop *p = table; p && p->name; p++) {
        void *at = (char *)object + p->offset;

        switch (p->type) {
        case PROP_BOOL:
            *(bool *)at = p->def;
            break;
        case PROP_U8:
            *(uint8_t *)at = (uint8_t)p->def;
            break;
        case PROP_U16:
            *(uint16_t *)at = (uint16_t)p->def;
            break;
        case PROP_U32:
            *(uint32_t *)at = (uint32_t)p->def;
            break;
        case PROP_U64:
        case PROP_I64:
        case PROP_SIZE:
            *(int64_t *)at = p->def;
            break;
        case PROP_ENUM:
        case PROP_AUTO:
        case PROP_PCI:
            *(int *)at = (int)p->def;
            break;
        case PROP_STR:
        case PROP_LINK:
            *(char **)at = p->def_str ? mem_strdup(p->def_str) : NULL;
            break;
        case PROP_MAC:
        case PROP_LIST:
        case PROP_DICT:
            break;
        }
    }
}

void prop_free(const struct prop *table, void *object)
{
    for (const struct prop *p = table; p && p->name; p++) {
        void **at = (void **)((char *)object + p->offset);

        if (p->type == PROP_STR || p->type == PROP_LINK) {
            free(*at);
            *at = NULL;
        } else if (p->type == PROP_LIST || p->type == PROP_DICT) {
            json_decref(*at);
            *at = NULL;
        }
    }
}

/* '-' and '_' are the same in names: users mix them up, and no two properties differ in that only.
 */
static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
            return false;
    }
    return *a == *b;
}

const struct prop *prop_find(const struct prop *table, const char *name)
{
    for (const struct prop *p = table; p && p->name; p++) {
        if (same_name(p->name, name))
            return p;
    }
    return NULL;
}

const char *prop_nearest(const char *name, const char *const *names)
{
    size_t length = strlen(name);

    return nearest_name(name, names, length < 6 ? 1 : (unsigned)(length / 3),
                        NEAREST_FOLD | NEAREST_BEGUN);
}

/* `what` may be "-device NAME": then NAME is the subject, and "-device NAME,help" lists. */
static const char *subject(const char *what)
{
    const char *space = *what == '-' ? strchr(what, ' ') : NULL;

    return space ? space + 1 : what;
}

static int unknown(const struct prop *table, const char *name, const char *what, struct err *e)
{
    struct str note = {0};
    const char **names;
    size_t n = 0;

    while (table && table[n].name)
        n++;
    names = mem_array(const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = table[i].name;
    if (*what == '-')
        str_printf(&note, "`%s,help` lists them", what);
    nearest_unknown(e, "property", name, prop_nearest(name, names),
                    *what == '-' ? str_text(&note) : NULL);
    str_free(&note);
    free(names);
    return err_prefix(e, "%s", subject(what));
}

static bool listed(const char *name, const char *const *names)
{
    for (; names && *names; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

int prop_apply(const struct prop *table, void *object, const json_t *from, const char *what,
               const char *const *skip, struct err *e)
{
    const char *name;
    json_t *value;

    if (!json_is_object(from))
        return err_text(e, EINVAL, "%s: an object of properties is wanted", subject(what));
    json_object_foreach((json_t *)from, name, value)
    {
        const struct prop *p;
        int rc;

        if (listed(name, skip))
            continue;
        p = prop_find(table, name);
        if (!p)
            return unknown(table, name, what, e);
        rc = prop_set(p, object, value, what, e);
        if (rc)
            return rc;
    }
    for (const struct prop *p = table; p && p->name; p++) {
        bool given = false;

        if (!p->required)
            continue;
        json_object_foreach((json_t *)from, name, value) given |= same_name(p->name, name);
        if (!given)
            return err_text(e, EINVAL, "%s: property '%s' must be given (%s)", subject(what),
                            p->name, p->help ? p->help : prop_type_name(p));
    }
    return 0;
}

int prop_set(const struct prop *p, void *object, const json_t *value, const char *what,
             struct err *e)
{
    struct err why;
    int rc = prop_read_value(p, (char *)object + p->offset, value, &why);

    if (rc)
        err_text(e, rc, "%s: property '%s': %s", subject(what), p->name, why.text);
    return rc;
}

static void help_default(const struct prop *p, struct str *out)
{
    switch (p->type) {
    case PROP_BOOL:
        str_printf(out, " (default: %s)", p->def ? "on" : "off");
        break;
    case PROP_ENUM:
        str_printf(out, " (default: %s)", p->values[p->def]);
        break;
    case PROP_STR:
        if (p->def_str)
            str_printf(out, " (default: %s)", p->def_str);
        break;
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
    case PROP_I64:
    case PROP_SIZE:
        if (!p->required)
            str_printf(out, " (default: %lld)", (long long)p->def);
        break;
    default:
        break;
    }
}

void prop_help(const struct prop *table, struct str *out)
{
    for (const struct prop *p = table; p && p->name; p++) {
        str_printf(out, "  %s=<%s>", p->name, prop_type_name(p));
        if (p->type == PROP_ENUM) {
            str_printf(out, " ");
            for (const char *const *v = p->values; *v; v++)
                str_printf(out, "%s%s", v == p->values ? "" : "|", *v);
        }
        str_pad(out, 34);
        str_printf(out, " %s%s", p->help ? p->help : "", p->required ? " (required)" : "");
        help_default(p, out);
        str_printf(out, "\n");
    }
}
