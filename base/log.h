/*
 * The log: messages for the user, and the categories of `-d` for developers.
 *
 * log_error/warn/info() print one line, "myna: text". log_guest() is for mistakes of the guest: at
 * most LOG_GUEST_BURST lines a second, then a count of what was left out. trace() prints in a
 * category of log.def and costs one load and test when the category is off:
 *
 *     trace(LOG_CACHE, "link %lx -> %lx", from, to);
 *     if (log_on(LOG_IR))
 *         ir_print(...);
 *
 * Any thread may call everything; one call is one write() to the log's file descriptor, so lines do
 * not mix. Long dumps are built in a struct str (base/str.h) and given to log_write() whole.
 * log_open() and log_enable() are for start-up. Not async-signal-safe, except log_on().
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum log_category {
#define LOG_CATEGORY(NAME, name, help) LOG_##NAME,
#include "base/log.def"
#undef LOG_CATEGORY
    LOG_CATEGORY_COUNT
};

enum { LOG_GUEST_BURST = 20 };

/* One bit a category. Written by log_enable() only. */
extern uint32_t base_log_mask;

static always_inline bool log_on(enum log_category category)
{
    return unlikely(__atomic_load_n(&base_log_mask, __ATOMIC_RELAXED) & (1u << category));
}

#define trace(category, ...)                  \
    do {                                      \
        if (log_on(category))                 \
            log_trace(category, __VA_ARGS__); \
    } while (0)

void log_error(const char *fmt, ...) printf_like(1, 2);
void log_warn(const char *fmt, ...) printf_like(1, 2);
void log_info(const char *fmt, ...) printf_like(1, 2); /* only when verbose */
void log_guest(const char *fmt, ...) printf_like(1, 2);
void log_trace(enum log_category category, const char *fmt, ...) cold_path printf_like(2, 3);
void log_point(const char *point, const char *subject, const char *fmt,
               va_list args); /* for base/trace.c */
void log_write(const char *text, size_t length);

/* What lines of the log that concern the guest begin with in "[...] ": a machine tells virtual time
 * and vCPU there. Called in the thread that logs; returns the length it wrote. NULL: nothing. For
 * start-up and the end of it all. */
void log_set_stamp(size_t (*stamp)(void *arg, char *text, size_t size), void *arg);

/* Turns on the categories of "name,name"; "all" is every one, "trace:PATTERN" trace points
 * (base/trace.h). Unknown names: -EINVAL. */
int must_check log_enable(const char *names, struct err *e);

/* Sends the log to a file instead of standard error; "%d" in path becomes the process id. */
int must_check log_open(const char *path, struct err *e);

/* Moves the log to a descriptor of its own, high and closed on exec, that a guest's close() and
 * dup2() of low numbers do not reach. */
int must_check log_detach(struct err *e);

/* The log's descriptor: a user-mode guest must not close it. */
int log_fd(void);

void log_set_verbose(bool verbose);

/* Prints the table of categories to fd. */
void log_list(int fd);

#endif
