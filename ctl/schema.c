/*
 * query-qmp-schema: the commands' table in the form that clients read to learn what is there.
 * Entities refer to each other by name; types of this table are numbered as they are met.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl_int.h"

enum { TYPES_MAX = 512 };

struct schema {
    json_t *list;
    const void *seen[TYPES_MAX]; /* a type's or argument table's number is its place */
    unsigned count;
    unsigned used; /* builtin types: 1 << enum ctl_kind */
};

static const char *const events[] = {"POWERDOWN", "RESET", "RESUME", "SHUTDOWN", "STOP", NULL};

static bool number_of(struct schema *s, const void *what, char *name, size_t size)
{
    unsigned i = 0;

    while (i < s->count && s->seen[i] != what)
        i++;
    snprintf(name, size, "%u", i);
    if (i < s->count || i == TYPES_MAX)
        return false;
    s->seen[s->count++] = what;
    return true;
}

static const char *builtin(struct schema *s, enum ctl_kind kind)
{
    static const char *const names[] = {
        [CTL_STR] = "str", [CTL_INT] = "int", [CTL_BOOL] = "bool", [CTL_ANY] = "any"};

    s->used |= 1u << kind;
    return names[kind];
}

/* The type's name; describes it when it is new. */
static void add_type(struct schema *s, const struct ctl_type *t, char *name, size_t size)
{
    json_t *members, *o;
    char inner[24];

    if (t->kind < CTL_ENUM) {
        snprintf(name, size, "%s", builtin(s, t->kind));
        return;
    }
    if (t->kind == CTL_ARRAY) {
        add_type(s, t->element, inner, sizeof(inner));
        snprintf(name, size, "[%.20s]", inner);
        if (number_of(s, t, inner, sizeof(inner)))
            json_array_append_new(s->list,
                                  json_pack("{s:s,s:s,s:s}", "name", name, "meta-type", "array",
                                            "element-type", strtok(strcpy(inner, name), "[]")));
        return;
    }
    if (!number_of(s, t, name, size))
        return;
    members = json_array();
    if (t->kind == CTL_ENUM)
        for (const char *const *v = t->values; *v; v++)
            json_array_append_new(members, json_string(*v));
    else
        for (const struct ctl_member *m = t->members; m->name; m++) {
            add_type(s, m->type, inner, sizeof(inner));
            o = json_pack("{s:s,s:s}", "name", m->name, "type", inner);
            if (m->optional)
                json_object_set_new(o, "default", json_null());
            json_array_append_new(members, o);
        }
    json_array_append_new(s->list, json_pack("{s:s,s:s,s:o}", "name", name, "meta-type",
                                             t->kind == CTL_ENUM ? "enum" : "object",
                                             t->kind == CTL_ENUM ? "values" : "members", members));
}

static enum ctl_kind kind_of(const struct prop *p)
{
    switch (p->type) {
    case PROP_BOOL:
        return CTL_BOOL;
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
    case PROP_I64:
    case PROP_SIZE:
        return CTL_INT;
    case PROP_LIST:
    case PROP_DICT:
        return CTL_ANY;
    default:
        return CTL_STR;
    }
}

static void add_args(struct schema *s, const struct prop *props, char *name, size_t size)
{
    json_t *members;

    if (!props) {
        add_type(s, &ctl_none, name, size);
        return;
    }
    if (!number_of(s, props, name, size))
        return;
    members = json_array();
    for (const struct prop *p = props; p->name; p++) {
        json_t *o = json_pack("{s:s,s:s}", "name", p->name, "type", builtin(s, kind_of(p)));

        if (!p->required)
            json_object_set_new(o, "default", json_null());
        json_array_append_new(members, o);
    }
    json_array_append_new(s->list, json_pack("{s:s,s:s,s:o}", "name", name, "meta-type", "object",
                                             "members", members));
}

json_t *ctl_schema(void)
{
    static const char *const json_types[] = {
        [CTL_STR] = "string", [CTL_INT] = "int", [CTL_BOOL] = "boolean", [CTL_ANY] = "value"};
    struct schema s = {.list = json_array()};
    char args[24], ret[24];

    for (const struct ctl_command *k = ctl_commands; k->name; k++) {
        add_args(&s, k->args, args, sizeof(args));
        add_type(&s, k->returns, ret, sizeof(ret));
        json_array_append_new(s.list, json_pack("{s:s,s:s,s:s,s:s,s:b}", "name", k->name,
                                                "meta-type", "command", "arg-type", args,
                                                "ret-type", ret, "allow-oob", 0));
    }
    add_type(&s, &ctl_none, args, sizeof(args));
    for (const char *const *ev = events; *ev; ev++)
        json_array_append_new(s.list, json_pack("{s:s,s:s,s:s}", "name", *ev, "meta-type", "event",
                                                "arg-type", args));
    for (int kind = CTL_STR; kind < CTL_ENUM; kind++)
        if (s.used & 1u << kind)
            json_array_append_new(s.list, json_pack("{s:s,s:s,s:s}", "name",
                                                    builtin(&s, (enum ctl_kind)kind), "meta-type",
                                                    "builtin", "json-type", json_types[kind]));
    return s.list;
}
