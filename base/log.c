/*
 * Owns the log's state: mask, descriptor, rate limit of guest messages. It is the one process-wide
 * state of this layer (tools/globals.allow), because a log that must be handed down everywhere is a
 * log nobody calls. Must not know what the categories mean.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/trace.h"

enum { HIGH_FD = 1000, LINE_SIZE = 1024 };

struct category {
    const char *name;
    const char *help;
};

static const struct category categories[] = {
#define LOG_CATEGORY(NAME, name, help) {#name, help},
#include "base/log.def"
#undef LOG_CATEGORY
};

struct log_state {
    int fd;
    bool verbose;
    int64_t second; /* the second that guest_lines counts */
    unsigned guest_lines;
    size_t (*stamp)(void *arg, char *text, size_t size);
    void *stamp_arg;
};

uint32_t base_log_mask;
static struct log_state base_log_state = {.fd = STDERR_FILENO};

void log_write(const char *text, size_t length)
{
    int saved = errno;

    while (length > 0) {
        ssize_t done = write(base_log_state.fd, text, length);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            break; /* nowhere to say so */
        text += done;
        length -= (size_t)done;
    }
    errno = saved;
}

/* "[12.345678901 cpu0] " where there is a machine; the length. */
static size_t stamp(char *line, size_t size)
{
    const struct log_state *log = &base_log_state;
    size_t length = 0;

    if (log->stamp)
        length = log->stamp(log->stamp_arg, line + 1, size - 3);
    if (!length)
        return 0;
    line[0] = '[';
    line[length + 1] = ']';
    line[length + 2] = ' ';
    return length + 3;
}

static void print_line(bool stamped, const char *before, const char *subject, const char *fmt,
                       va_list args)
{
    char line[LINE_SIZE];
    size_t length = stamped ? stamp(line, sizeof(line) / 4) : 0;
    int added = snprintf(line + length, sizeof(line) / 2, "%s%s%s: ", before, subject ? " " : "",
                         subject ? subject : "");

    length += min_of((size_t)added, sizeof(line) / 2 - 1);
    added = vsnprintf(line + length, sizeof(line) - length - 1, fmt, args);
    if (added > 0)
        length += (size_t)added;
    if (length > sizeof(line) - 2)
        length = sizeof(line) - 2;
    line[length++] = '\n';
    log_write(line, length);
}

void log_error(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_line(false, "myna", NULL, fmt, args);
    va_end(args);
}

void log_warn(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_line(false, "myna: warning", NULL, fmt, args);
    va_end(args);
}

void log_info(const char *fmt, ...)
{
    va_list args;

    if (!base_log_state.verbose)
        return;
    va_start(args, fmt);
    print_line(false, "myna", NULL, fmt, args);
    va_end(args);
}

void log_guest(const char *fmt, ...)
{
    struct log_state *log = &base_log_state;
    struct timespec now;
    unsigned count;
    va_list args;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (__atomic_exchange_n(&log->second, now.tv_sec, __ATOMIC_RELAXED) != now.tv_sec) {
        count = __atomic_exchange_n(&log->guest_lines, 0, __ATOMIC_RELAXED);
        if (count > LOG_GUEST_BURST)
            log_warn("guest: %u more messages left out", count - LOG_GUEST_BURST);
    }
    if (__atomic_fetch_add(&log->guest_lines, 1, __ATOMIC_RELAXED) >= LOG_GUEST_BURST)
        return;
    va_start(args, fmt);
    print_line(true, "myna: guest", NULL, fmt, args);
    va_end(args);
}

void log_trace(enum log_category category, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_line(true, categories[category].name, NULL, fmt, args);
    va_end(args);
}

void log_point(const char *point, const char *subject, const char *fmt, va_list args)
{
    print_line(true, point, subject, fmt, args);
}

void log_set_stamp(size_t (*fn)(void *arg, char *text, size_t size), void *arg)
{
    base_log_state.stamp = fn;
    base_log_state.stamp_arg = arg;
}

static int find_category(const char *name, size_t length)
{
    for (size_t i = 0; i < array_size(categories); i++) {
        if (strlen(categories[i].name) == length && !memcmp(categories[i].name, name, length))
            return (int)i;
    }
    return -1;
}

/* "trace:PATTERN" */
static int enable_points(const char *name, size_t length, struct err *e)
{
    char pattern[128];
    const char *colon = strchr(name, ':') + 1;

    snprintf(pattern, sizeof(pattern), "%.*s", (int)(length - (size_t)(colon - name)), colon);
    return trace_set(pattern, true, e);
}

int log_enable(const char *names, struct err *e)
{
    uint32_t mask = base_log_mask;

    while (*names) {
        size_t length = strcspn(names, ",");
        int found = find_category(names, length);

        if (found >= 0)
            mask |= 1u << found;
        else if (length == 3 && !memcmp(names, "all", 3))
            mask = (1u << LOG_CATEGORY_COUNT) - 1;
        else if (length > 6 && !memcmp(names, "trace:", 6)) {
            if (enable_points(names, length, e))
                return -EINVAL;
        } else if (length > 0)
            return err_text(e, EINVAL, "no log category '%.*s'; -d list shows them", (int)length,
                            names);
        names += length + (names[length] == ',');
    }
    __atomic_store_n(&base_log_mask, mask, __ATOMIC_RELAXED);
    return 0;
}

int log_open(const char *path, struct err *e)
{
    const char *pid = strstr(path, "%d");
    char full[4096];
    int fd;

    if (pid)
        snprintf(full, sizeof(full), "%.*s%d%s", (int)(pid - path), path, (int)getpid(), pid + 2);
    else
        snprintf(full, sizeof(full), "%s", path);
    fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_set(e, errno, "cannot write the log to %s", full);
    if (base_log_state.fd != STDERR_FILENO)
        close(base_log_state.fd);
    base_log_state.fd = fd;
    return log_detach(e);
}

int log_detach(struct err *e)
{
    int old = base_log_state.fd;
    int fd = fcntl(old, F_DUPFD_CLOEXEC, HIGH_FD);

    if (fd < 0 && errno == EINVAL) /* the limit on descriptors is lower */
        fd = fcntl(old, F_DUPFD_CLOEXEC, 100);
    if (fd < 0)
        return err_set(e, errno, "cannot duplicate the log's descriptor");
    if (old != STDERR_FILENO)
        close(old);
    base_log_state.fd = fd;
    return 0;
}

int log_fd(void)
{
    return base_log_state.fd;
}

void log_set_verbose(bool verbose)
{
    base_log_state.verbose = verbose;
}

void log_list(int fd)
{
    for (size_t i = 0; i < array_size(categories); i++)
        dprintf(fd, "%-10s %s\n", categories[i].name, categories[i].help);
    dprintf(fd, "%-10s %s\n", "trace:*",
            "trace points of devices and backends, by pattern; -trace help lists them");
}
