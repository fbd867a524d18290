/*
 * Types of answers (ctl/type.h). Pure functions.
 */
#include "ctl/type.h"

#include <string.h>

#include "base/str.h"

static const struct ctl_member no_members[] = {{0}};
const struct ctl_type ctl_str = {.kind = CTL_STR}, ctl_int = {.kind = CTL_INT},
                      ctl_bool = {.kind = CTL_BOOL}, ctl_any = {.kind = CTL_ANY},
                      ctl_none = {.kind = CTL_OBJECT, .members = no_members},
                      ctl_strs = {.kind = CTL_ARRAY, .element = &ctl_str};

static bool wrong(struct str *why, const char *what)
{
    str_printf(why, ": %s is wanted", what);
    return false;
}

static bool check_object(const struct ctl_type *t, const json_t *value, struct str *why)
{
    size_t known = 0;

    if (!json_is_object(value))
        return wrong(why, "an object");
    for (const struct ctl_member *m = t->members; m->name; m++) {
        const json_t *v = json_object_get(value, m->name);

        known += v != NULL;
        if (!v && m->optional)
            continue;
        if (!v || !ctl_type_check(m->type, v, why)) {
            str_printf(why, " in member '%s'%s", m->name, v ? "" : ", which is not there");
            return false;
        }
    }
    return known == json_object_size(value) || wrong(why, "no member besides those declared");
}

bool ctl_type_check(const struct ctl_type *t, const json_t *value, struct str *why)
{
    const json_t *item;
    size_t i;

    switch (t->kind) {
    case CTL_STR:
        return json_is_string(value) || wrong(why, "a string");
    case CTL_INT:
        return json_is_integer(value) || wrong(why, "an integer");
    case CTL_BOOL:
        return json_is_boolean(value) || wrong(why, "a boolean");
    case CTL_ENUM:
        for (i = 0; json_is_string(value) && t->values[i]; i++)
            if (!strcmp(t->values[i], json_string_value(value)))
                return true;
        return wrong(why, "one of the values declared");
    case CTL_OBJECT:
        return check_object(t, value, why);
    case CTL_ARRAY:
        if (!json_is_array(value))
            return wrong(why, "an array");
        json_array_foreach((json_t *)value, i,
                           item) if (!ctl_type_check(t->element, item, why)) return false;
        return true;
    case CTL_ANY:
        break;
    }
    return true;
}
