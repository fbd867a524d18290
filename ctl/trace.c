/*
 * Trace points while the machine runs: the commands of both monitors. What points there are,
 * base/trace.h knows.
 */
#include "base/trace.h"

#include <errno.h>
#include <string.h>

#include "ctl/ctl_int.h"

static const char *const states[] = {"unavailable", "disabled", "enabled", NULL};
static const struct ctl_type state_type = {.kind = CTL_ENUM, .values = states};
static const struct ctl_member point_members[] = {
    {"name", &ctl_str, false}, {"state", &state_type, false}, {0}};
static const struct ctl_type point_type = {.kind = CTL_OBJECT, .members = point_members};
const struct ctl_type type_trace_points = {.kind = CTL_ARRAY, .element = &point_type};

const struct prop trace_get_props[] = {
    {.name = "name",
     .type = PROP_STR,
     .offset = offsetof(struct trace_get_args, name),
     .required = true,
     .help = "a name, or a pattern with '*'"},
    {0},
};

const struct prop trace_set_props[] = {
    {.name = "name",
     .type = PROP_STR,
     .offset = offsetof(struct trace_set_args, name),
     .required = true,
     .help = "a name, or a pattern with '*'"},
    {.name = "enable",
     .type = PROP_BOOL,
     .offset = offsetof(struct trace_set_args, enable),
     .required = true,
     .help = "print it or not"},
    {.name = "ignore-unavailable",
     .type = PROP_BOOL,
     .offset = offsetof(struct trace_set_args, ignore),
     .help = "a name that there is not is no error"},
    {0},
};

static void add(void *arg, const struct trace_point *p)
{
    json_array_append_new(
        arg, json_pack("{s:s,s:s}", "name", p->name, "state", p->on ? "enabled" : "disabled"));
}

int trace_event_get_state(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    const struct trace_get_args *a = args;

    (void)c;
    *ret = json_array();
    trace_each(a->name, add, *ret);
    if (json_array_size(*ret) || strchr(a->name, '*'))
        return 0;
    return err_text(e, EINVAL, "unknown event \"%s\"", a->name);
}

int trace_event_set_state(struct ctl *c, void *args, json_t **ret, struct err *e)
{
    const struct trace_set_args *a = args;
    int rc = trace_set(a->name, a->enable, e);

    (void)c, (void)ret;
    return rc && a->ignore ? 0 : rc;
}

static void print(void *arg, const struct trace_point *p)
{
    str_printf(arg, "%-26s %-3s %s\n", p->name, p->on ? "on" : "off", p->help);
}

void trace_info(const char *pattern, struct str *out)
{
    trace_each(*pattern ? pattern : "*", print, out);
}
