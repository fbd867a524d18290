/*
 * Owns how system calls are printed (-strace, -d strace): one line a call, written when it returns,
 * or in two parts when it does not return to the same place (exit, execve). Must not know what
 * calls do: the letters of the table (syscalls.def) say how an argument looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/str.h"
#include "linux/lx.h"

enum { TEXT_SHOWN = 64, WORDS_SHOWN = 16 };

struct flag_name {
    uint64_t value;
    const char *name;
};

static const struct flag_name prot_names[] = {
    {PROT_READ, "PROT_READ"}, {PROT_WRITE, "PROT_WRITE"}, {PROT_EXEC, "PROT_EXEC"}, {0, NULL}};
static const struct flag_name map_names[] = {{MAP_SHARED, "MAP_SHARED"},
                                             {MAP_PRIVATE, "MAP_PRIVATE"},
                                             {MAP_FIXED, "MAP_FIXED"},
                                             {MAP_ANONYMOUS, "MAP_ANONYMOUS"},
                                             {MAP_NORESERVE, "MAP_NORESERVE"},
                                             {MAP_STACK, "MAP_STACK"},
                                             {MAP_POPULATE, "MAP_POPULATE"},
                                             {MAP_DENYWRITE, "MAP_DENYWRITE"},
                                             {MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"},
                                             {MAP_HUGETLB, "MAP_HUGETLB"},
                                             {0, NULL}};
static const struct flag_name open_names[] = {{O_WRONLY, "O_WRONLY"},
                                              {O_RDWR, "O_RDWR"},
                                              {O_CREAT, "O_CREAT"},
                                              {O_EXCL, "O_EXCL"},
                                              {O_NOCTTY, "O_NOCTTY"},
                                              {O_TRUNC, "O_TRUNC"},
                                              {O_APPEND, "O_APPEND"},
                                              {O_NONBLOCK, "O_NONBLOCK"},
                                              {O_DIRECTORY, "O_DIRECTORY"},
                                              {O_NOFOLLOW, "O_NOFOLLOW"},
                                              {O_CLOEXEC, "O_CLOEXEC"},
                                              {O_PATH, "O_PATH"},
                                              {0, NULL}};

static void put_flags(struct str *out, uint64_t value, const struct flag_name *names,
                      const char *none)
{
    const char *bar = "";

    if (!value && none) {
        str_printf(out, "%s", none);
        return;
    }
    for (; names->name; names++) {
        if ((value & names->value) != names->value)
            continue;
        str_printf(out, "%s%s", bar, names->name);
        value &= ~names->value;
        bar = "|";
    }
    if (value)
        str_printf(out, "%s0x%llx", bar, (unsigned long long)value);
}

static void put_bytes(struct str *out, const char *text, size_t length, bool more)
{
    str_append(out, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '\n')
            str_append(out, "\\n", 2);
        else if (c == '\t')
            str_append(out, "\\t", 2);
        else if (c == '"' || c == '\\')
            str_printf(out, "\\%c", c);
        else if (c < ' ' || c >= 0x7f)
            str_printf(out, "\\%o", c);
        else
            str_append(out, (const char *)&c, 1);
    }
    str_printf(out, "\"%s", more ? "..." : "");
}

static void put_pointer(struct str *out, uint64_t value)
{
    if (value)
        str_printf(out, "0x%llx", (unsigned long long)value);
    else
        str_printf(out, "NULL");
}

static void put_text(struct str *out, uint64_t at)
{
    char text[LX_PATH_MAX];
    int64_t length = at ? lx_get_string(text, at, sizeof(text)) : -EFAULT;

    if (length < 0)
        put_pointer(out, at);
    else
        put_bytes(out, text, (size_t)length, false);
}

static void put_buffer(struct str *out, uint64_t at, uint64_t length)
{
    char text[TEXT_SHOWN];
    size_t shown = min_of(length, (uint64_t)sizeof(text));

    if (!at || (int64_t)length < 0 || lx_get(text, at, shown) < 0)
        put_pointer(out, at);
    else
        put_bytes(out, text, shown, length > shown);
}

static void put_words(struct str *out, uint64_t at)
{
    uint64_t word;

    str_append(out, "[", 1);
    for (int i = 0; at; i++, at += 8) {
        if (lx_get_obj(word, at) < 0 || !word)
            break;
        if (i == WORDS_SHOWN) {
            str_append(out, ", ...", 5);
            break;
        }
        if (i)
            str_append(out, ", ", 2);
        put_text(out, word);
    }
    str_append(out, "]", 1);
}

static void put_time(struct str *out, uint64_t at)
{
    struct timespec ts;

    if (!at || lx_get_obj(ts, at) < 0)
        put_pointer(out, at);
    else
        str_printf(out, "{tv_sec=%lld, tv_nsec=%ld}", (long long)ts.tv_sec, ts.tv_nsec);
}

const char *lx_signal_name(int sig, char buf[16])
{
    const char *name = sig > 0 && sig < 32 ? sigabbrev_np(sig) : NULL;

    if (name)
        snprintf(buf, 16, "SIG%s", name);
    else
        snprintf(buf, 16, "%d", sig);
    return buf;
}

static void put_clock(struct str *out, int clock)
{
    static const char *const names[] = {"CLOCK_REALTIME",           "CLOCK_MONOTONIC",
                                        "CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID",
                                        "CLOCK_MONOTONIC_RAW",      "CLOCK_REALTIME_COARSE",
                                        "CLOCK_MONOTONIC_COARSE",   "CLOCK_BOOTTIME"};

    if (clock >= 0 && (size_t)clock < array_size(names))
        str_printf(out, "%s", names[clock]);
    else
        str_printf(out, "%d", clock);
}

static void put_argument(struct lx_thread *t, struct str *out, char kind, const uint64_t *a,
                         unsigned i, bool output_known, int64_t result)
{
    char buf[16];

    switch (kind) {
    case 'i':
    case 'f':
    case 'w':
        str_printf(out, "%d", (int)a[i]);
        break;
    case 'D':
        if ((int)a[i] == AT_FDCWD)
            str_printf(out, "AT_FDCWD");
        else
            str_printf(out, "%d", (int)a[i]);
        break;
    case 'u':
        str_printf(out, "%llu", (unsigned long long)a[i]);
        break;
    case 'l':
        str_printf(out, "%lld", (long long)a[i]);
        break;
    case 'o':
        str_printf(out, "0%o", (unsigned)a[i]);
        break;
    case 's':
    case 'F':
        put_text(out, a[i]);
        break;
    case 'b':
        if (output_known)
            put_buffer(out, a[i], (uint64_t)result);
        else
            put_pointer(out, a[i]);
        break;
    case 'O':
        put_flags(out, (uint32_t)t->p->guest->oflags_in((int)a[i]), open_names, "O_RDONLY");
        break;
    case 'P':
        put_flags(out, a[i], prot_names, "PROT_NONE");
        break;
    case 'M':
        put_flags(out, a[i], map_names, "0");
        break;
    case 'g':
        str_printf(out, "%s", lx_signal_name((int)a[i], buf));
        break;
    case 'c':
        put_clock(out, (int)a[i]);
        break;
    case 't':
        put_time(out, a[i]);
        break;
    case 'V':
        put_words(out, a[i]);
        break;
    case 'p':
        put_pointer(out, a[i]);
        break;
    default:
        str_printf(out, "0x%llx", (unsigned long long)a[i]);
        break;
    }
}

/* Data of a reading call is there only afterwards: then its line is made at the end. */
static bool reads_data(const struct lx_syscall *s)
{
    return !strncmp(s->name, "read", 4) || !strncmp(s->name, "pread", 5) ||
           !strncmp(s->name, "recv", 4) || !strcmp(s->name, "mq_timedreceive");
}

static void put_call(struct lx_thread *t, const struct lx_syscall *s, const uint64_t *a, bool known,
                     int64_t result, struct str *out)
{
    str_printf(out, "%d %s(", t->tid, s->name);
    for (unsigned i = 0; s->args[i]; i++) {
        bool data = s->args[i] == 'b' && !reads_data(s);

        if (i)
            str_append(out, ", ", 2);
        put_argument(t, out, s->args[i], a, i, known || data, data ? (int64_t)a[i + 1] : result);
    }
    str_append(out, ")", 1);
}

void lx_strace_enter(struct lx_thread *t, const struct lx_syscall *s, const uint64_t *a,
                     struct str *out)
{
    if (reads_data(s))
        return;
    put_call(t, s, a, false, 0, out);
    if (s->fn == lx_sys_exit || s->fn == lx_sys_exit_group || s->fn == lx_sys_execve ||
        s->fn == lx_sys_execveat) {
        str_append(out, "\n", 1);
        log_write(str_text(out), str_length(out));
        str_clear(out);
    }
}

static void put_result(const struct lx_syscall *s, int64_t r, struct str *out)
{
    const char *name;

    if (r == -LX_NO_RESULT) {
        str_printf(out, " = ?\n");
    } else if (r == -LX_ERESTARTSYS) {
        str_printf(out, " = ? (interrupted)\n");
    } else if (r < 0 && r >= -4095) {
        name = strerrorname_np((int)-r);
        str_printf(out, " = -1 %s (%s)\n", name ? name : "E?", strerror((int)-r));
    } else if (s->fn == lx_sys_mmap || s->fn == lx_sys_brk || s->fn == lx_sys_mremap ||
               s->fn == lx_sys_shmat) {
        str_printf(out, " = 0x%llx\n", (unsigned long long)r);
    } else {
        str_printf(out, " = %lld\n", (long long)r);
    }
}

void lx_strace_leave(struct lx_thread *t, const struct lx_syscall *s, const uint64_t *a, int64_t r,
                     struct str *out)
{
    if (str_length(out) == 0) {
        if (reads_data(s))
            put_call(t, s, a, r >= 0, r, out);
        else
            str_printf(out, "%d %s resumed", t->tid, s->name);
    }
    put_result(s, r, out);
    log_write(str_text(out), str_length(out));
    str_free(out);
}
