/* Property tables: defaults, finding, applying, reading back, help.
 *
 * Owns how a table is walked and what its errors say. How a single value is read stands in
 * prop_value.c.
 */
#include "core/prop.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
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

enum { NAME_MAX_COMPARED = 48 };

/* Edits (insert, delete, replace, swap of neighbours) that make b of a. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][NAME_MAX_COMPARED + 1];
    size_t la = strlen(a), lb = strlen(b);

    if (la > NAME_MAX_COMPARED || lb > NAME_MAX_COMPARED)
        return NAME_MAX_COMPARED;
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned cost = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);

            row[j] = min_of(row[j - 1] + 1, above[j] + 1);
            row[j] = min_of(row[j], above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min_of(row[j], above2[j - 2] + 1);
        }
    }
    return rows[la % 3][lb];
}

const char *prop_nearest(const char *name, const char *const *names)
{
    const char *best = NULL;
    size_t length = strlen(name);
    unsigned least = length < 6 ? 1 : (unsigned)(length / 3);

    for (; names && *names; names++) {
        unsigned d = distance(name, *names);

        /* Something that was only begun counts, too: "num" for "num-queues". */
        if (length >= 3 && strncmp(name, *names, length) == 0)
            d = 1;
        if (d < least || (d == least && !best)) {
            least = d;
            best = *names;
        }
    }
    return best;
}

/* `what` may be "-device NAME": then NAME is the subject, and "-device NAME,help" lists. */
static const char *subject(const char *what)
{
    const char *space = *what == '-' ? strchr(what, ' ') : NULL;

    return space ? space + 1 : what;
}

static int unknown(const struct prop *table, const char *name, const char *what, struct err *e)
{
    const char *near;
    const char **names;
    size_t n = 0;

    while (table && table[n].name)
        n++;
    names = mem_array(const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = table[i].name;
    near = prop_nearest(name, names);
    err_text(e, EINVAL, "%s: no property '%s'", subject(what), name);
    n = strlen(e->text);
    if (near)
        n += (size_t)snprintf(e->text + n, sizeof(e->text) - n, "; did you mean '%s'?", near);
    if (n < sizeof(e->text) && *what == '-')
        snprintf(e->text + n, sizeof(e->text) - n, " (`%s,help` lists them)", what);
    free(names);
    return -EINVAL;
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
