/* Finding trace points and switching them. Owns no point: they are the folders'. */
#include "base/trace.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/nearest.h"

/* The linker's: the section that base/trace_define.h fills. Weak: a program may have none. */
extern struct trace_point *const __start_trace_points[] __attribute__((weak, visibility("hidden")));
extern struct trace_point *const __stop_trace_points[] __attribute__((weak, visibility("hidden")));

void trace_write(const struct trace_point *p, const char *subject, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_point(p->name, subject, fmt, args);
    va_end(args);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct trace_point *const *)a)->name, (*(struct trace_point *const *)b)->name);
}

/* All points in the order of their names, NULL at the end; the caller frees the list. */
static struct trace_point **sorted(void)
{
    size_t count = (size_t)(__stop_trace_points - __start_trace_points);
    struct trace_point **all = mem_array(struct trace_point *, count + 1);

    if (count)
        memcpy(all, __start_trace_points, count * sizeof(*all));
    qsort(all, count, sizeof(*all), by_name);
    return all;
}

static int none(const char *pattern, struct trace_point *const *all, struct err *e)
{
    const char **names;
    size_t count = 0;
    int rc;

    while (all[count])
        count++;
    names = mem_array(const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        names[i] = all[i]->name;
    rc = nearest_unknown(e, "trace point", pattern,
                         nearest_name(pattern, names, 3, NEAREST_FOLD | NEAREST_BEGUN),
                         "`-trace help` lists them");
    free(names);
    return rc;
}

int trace_set(const char *pattern, bool on, struct err *e)
{
    struct trace_point **all = sorted();
    bool found = false;
    int rc = 0;

    for (struct trace_point **p = all; *p; p++)
        if (!fnmatch(pattern, (*p)->name, 0)) {
            __atomic_store_n(&(*p)->on, on, __ATOMIC_RELAXED);
            found = true;
        }
    if (!found)
        rc = none(pattern, all, e);
    free(all);
    return rc;
}

void trace_each(const char *pattern, void (*fn)(void *arg, const struct trace_point *p), void *arg)
{
    struct trace_point **all = sorted();

    for (struct trace_point **p = all; *p; p++)
        if (!fnmatch(pattern, (*p)->name, 0))
            fn(arg, *p);
    free(all);
}

static void print(void *arg, const struct trace_point *p)
{
    dprintf(*(int *)arg, "%-26s %s\n", p->name, p->help);
}

void trace_list(int fd)
{
    trace_each("*", print, &fd);
}
