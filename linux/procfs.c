/*
 * Owns the files under /proc that must show the guest and not the program that runs it: maps, stat,
 * cmdline, auxv, exe, cpuinfo. Must not translate paths.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "linux/lx.h"

const char *lx_proc_self(const char *path)
{
    const char *rest;
    char *end;

    if (strncmp(path, "/proc/", 6) != 0)
        return NULL;
    rest = path + 6;
    if (!strncmp(rest, "self/", 5)) {
        rest += 5;
    } else if (!strncmp(rest, "thread-self/", 12)) {
        rest += 12;
    } else {
        if (!isdigit((unsigned char)*rest) || strtol(rest, &end, 10) != getpid() || *end != '/')
            return NULL;
        rest = end + 1;
    }
    if (!strncmp(rest, "task/", 5) && isdigit((unsigned char)rest[5])) {
        rest = strchr(rest + 5, '/');
        return rest ? rest + 1 : NULL;
    }
    return rest;
}

static void read_file(const char *path, struct str *out)
{
    char buf[4096];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && (got = read(fd, buf, sizeof(buf))) > 0)
        str_append(out, buf, (size_t)got);
    if (fd >= 0)
        close(fd);
}

/* One line of the host's maps, cut to the guest's regions. */
static void maps_line(const struct lx_proc *p, uint64_t start, uint64_t end, char share,
                      uint64_t offset, const char *dev_inode, const char *name, struct str *out)
{
    static const char *const labels[] = {
        [LX_R_STACK] = "[stack]", [LX_R_HEAP] = "[heap]", [LX_R_VDSO] = "[vdso]"};

    for (uint64_t at = start; at < end;) {
        const struct lx_region *r = lx_map_from(&p->map, at);
        uint64_t from, to;
        const char *label;

        if (!r || r->start >= end)
            return;
        from = max_of(at, r->start);
        to = min_of(end, r->end);
        label = r->flags < array_size(labels) ? labels[r->flags] : NULL;
        str_printf(out, "%08llx-%08llx %c%c%c%c %08llx %s", (unsigned long long)from,
                   (unsigned long long)to, r->prot & PROT_READ ? 'r' : '-',
                   r->prot & PROT_WRITE ? 'w' : '-', r->prot & PROT_EXEC ? 'x' : '-', share,
                   (unsigned long long)(offset ? offset + (from - start) : 0), dev_inode);
        if (label || *name) {
            str_append(out, " ", 1);
            str_pad(out, 73);
            str_printf(out, "%s", label ? label : name);
        }
        str_append(out, "\n", 1);
        at = to;
    }
}

static void make_maps(struct lx_proc *p, struct str *out)
{
    struct str host = {0};
    char *line, *save = NULL;

    lx_mem_lock(p);
    read_file("/proc/self/maps", &host);
    str_append(&host, "", 1);
    for (line = strtok_r(host.text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        unsigned long long start, end, offset, inode;
        char perms[8], dev[16], dev_inode[64], name[LX_PATH_MAX];
        int at = 0;

        if (sscanf(line, "%llx-%llx %7s %llx %15s %llu %n", &start, &end, perms, &offset, dev,
                   &inode, &at) < 6)
            continue;
        snprintf(name, sizeof(name), "%s", line + at);
        lx_path_guest(p, name);
        snprintf(dev_inode, sizeof(dev_inode), "%s %llu", dev, inode);
        maps_line(p, start, end, perms[3], inode ? offset : 0, dev_inode, name, out);
    }
    lx_mem_unlock(p);
    str_free(&host);
}

static void make_stat(struct lx_proc *p, const char *path, struct str *out)
{
    const struct {
        int field;
        uint64_t value;
    } ours[] = {
        {20, (uint64_t)p->nthreads}, /* without the translator's */
        {26, p->code_start},
        {27, p->code_end},
        {28, p->stack_start},
        {29, 0},
        {30, 0},
        {45, p->data_start},
        {46, p->data_end},
        {47, p->brk_start},
        {48, p->arg_start},
        {49, p->arg_end},
        {50, p->env_start},
        {51, p->env_end},
    };
    struct str host = {0};
    const char *paren;
    char *word, *save = NULL;
    size_t next = 0;

    read_file(path, &host);
    str_append(&host, "", 1);
    paren = strrchr(str_text(&host), ')');
    if (!paren) {
        str_free(&host);
        return;
    }
    str_append(out, str_text(&host), (size_t)(paren + 1 - str_text(&host)));
    word = strtok_r((char *)paren + 1, " \n", &save);
    for (int field = 3; word; field++, word = strtok_r(NULL, " \n", &save)) {
        if (next < array_size(ours) && ours[next].field == field)
            str_printf(out, " %llu", (unsigned long long)ours[next++].value);
        else
            str_printf(out, " %s", word);
    }
    str_append(out, "\n", 1);
    str_free(&host);
}

static int made_up(const struct str *content, int flags)
{
    int fd = (int)LX_HOST(SYS_memfd_create, "proc", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);

    if (fd < 0)
        return fd;
    if (write(fd, str_text(content), str_length(content)) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
        close(fd);
        return -EIO;
    }
    return fd;
}

static int open_cpuinfo(struct lx_thread *t, int flags)
{
    const struct str nothing = {0};
    int fd = made_up(&nothing, flags);

    if (fd >= 0) {
        t->p->guest->cpuinfo(t->p, (int)sysconf(_SC_NPROCESSORS_ONLN), fd);
        lseek(fd, 0, SEEK_SET);
    }
    return fd;
}

int lx_proc_open(struct lx_thread *t, const char *path, int flags)
{
    struct lx_proc *p = t->p;
    const char *self;
    struct str out = {0};
    int fd;

    if (!strcmp(path, "/proc/cpuinfo"))
        return open_cpuinfo(t, flags);
    self = lx_proc_self(path);
    if (!self || (flags & O_ACCMODE) != O_RDONLY)
        return 1;
    if (!strcmp(self, "maps"))
        make_maps(p, &out);
    else if (!strcmp(self, "stat"))
        make_stat(p, path, &out);
    else if (!strcmp(self, "cmdline"))
        str_append(&out, (const char *)p->arg_start, p->arg_end - p->arg_start);
    else if (!strcmp(self, "auxv"))
        str_append(&out, (const char *)p->auxv_data, p->auxv_count * sizeof(uint64_t));
    else
        return 1;
    fd = made_up(&out, flags);
    str_free(&out);
    return fd;
}

int64_t lx_proc_readlink(struct lx_thread *t, const char *path, char *buf, size_t size)
{
    const char *self = lx_proc_self(path);
    int64_t length;

    if (!self)
        return 0;
    if (!strcmp(self, "exe")) {
        snprintf(buf, size, "%s", t->p->exe);
        return (int64_t)strlen(buf);
    }
    length = LX_HOST(SYS_readlinkat, AT_FDCWD, path, buf, size - 1);
    if (length < 0)
        return length;
    buf[length] = '\0';
    lx_path_guest(t->p, buf);
    return (int64_t)strlen(buf);
}
