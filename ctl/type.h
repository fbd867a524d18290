/*
 * Types of what commands return, as data: for introspection and for tests that hold answers to
 * them.
 */
#ifndef MYNA_CTL_TYPE_H
#define MYNA_CTL_TYPE_H

#include <jansson.h>
#include <stdbool.h>

struct str;
struct ctl_type;

struct ctl_member {
    const char *name; /* NULL: the end */
    const struct ctl_type *type;
    bool optional;
};

struct ctl_type {
    enum ctl_kind { CTL_STR, CTL_INT, CTL_BOOL, CTL_ANY, CTL_ENUM, CTL_OBJECT, CTL_ARRAY } kind;
    const struct ctl_member *members; /* CTL_OBJECT */
    const char *const *values;        /* CTL_ENUM; NULL-terminated */
    const struct ctl_type *element;   /* CTL_ARRAY */
};

extern const struct ctl_type ctl_str, ctl_int, ctl_bool, ctl_any, ctl_none /* {} */, ctl_strs;

/* True when the value is of the type; otherwise says into why where it is not. */
bool ctl_type_check(const struct ctl_type *t, const json_t *value, struct str *why);

#endif
