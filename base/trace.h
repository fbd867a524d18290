/*
 * Trace points: what devices and backends have to say to a person who hunts a fault, by name.
 *
 * Each folder has one table, trace.def: TRACE_POINT(pl011_write, "a register is written: offset,
 * value"). Every file that uses a point includes this header and then the table, which declares
 * them; one file of the folder includes base/trace_define.h before the table instead, and so holds
 * them. A use costs a load and a test while the point is off:
 *
 *     trace_at(blk_read, name, "%#lx+%zx", offset, size);     (devices: trace_dev(), core/dev.h)
 *
 * and prints "[time cpuN] blk_read NAME: 0x200+1000". The points that are linked into a program
 * find themselves in a section of their own, so that no list of folders is to be kept. Any thread;
 * names are unique in the program.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

struct trace_point {
    const char *name, *help;
    bool on; /* written by trace_set() */
};

#define TRACE_POINT(point, words) extern struct trace_point trace_point_##point;

#define trace_on(point) unlikely(__atomic_load_n(&trace_point_##point.on, __ATOMIC_RELAXED))

/* subject: whose point it is (a device's path, a backend's name), or NULL. */
#define trace_at(point, subject, ...)                                \
    do {                                                             \
        if (trace_on(point))                                         \
            trace_write(&trace_point_##point, subject, __VA_ARGS__); \
    } while (0)

void trace_write(const struct trace_point *p, const char *subject, const char *fmt, ...) cold_path
    printf_like(3, 4);

/* Turns points on or off: a name, or a pattern in which '*' stands for anything. None of that name:
 * -EINVAL. */
int must_check trace_set(const char *pattern, bool on, struct err *e);

/* Calls fn for each point whose name matches, in the order of names. */
void trace_each(const char *pattern, void (*fn)(void *arg, const struct trace_point *p), void *arg);

/* Prints the table of points to fd. */
void trace_list(int fd);

#endif
