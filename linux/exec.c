/*
 * Owns execve: which programs run here again, which natively, and what #! lines mean.
 *
 * A program of a guest's architecture runs in a new copy of this executable with the same options;
 * one of the host's is left to the kernel. Scripts are resolved here, so that their interpreter
 * comes from the sysroot. Must not know how the front doors spell their options: they hand over the
 * words (options.restart).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/exec.h"

#define HOST_MACHINE   62 /* EM_X86_64 */
#define HOST_MACHINE32 3  /* EM_386: most hosts run it too */
enum { HEAD_SIZE = 256, SCRIPT_DEPTH = 5, MAX_POINTERS = 1 << 20 };

enum lx_program_kind lx_exec_kind(const uint8_t *head, size_t size)
{
    uint16_t machine;
    int bits, big;

    if (size >= 2 && head[0] == '#' && head[1] == '!')
        return LX_PROGRAM_SCRIPT;
    if (!elf_identify(head, size, &machine, &bits, &big))
        return LX_PROGRAM_OTHER;
    if (machine == HOST_MACHINE || machine == HOST_MACHINE32)
        return LX_PROGRAM_NATIVE;
    for (unsigned i = 0; lx_guests[i]; i++)
        if (lx_guests[i]->elf_machine == machine && bits == 64 && !big)
            return LX_PROGRAM_GUEST;
    return LX_PROGRAM_OTHER;
}

bool lx_exec_script(const char *head, size_t size, char *interp, char *arg)
{
    const char *end = memchr(head, '\n', size), *at = head + 2, *word;

    if (!end)
        end = head + strnlen(head, size);
    while (end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    for (word = at; at < end && *at != ' ' && *at != '\t';)
        at++;
    if (at == word)
        return false;
    memcpy(interp, word, (size_t)(at - word));
    interp[at - word] = '\0';
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    memcpy(arg, at, (size_t)(end - at));
    arg[end - at] = '\0';
    return true;
}

/* Words that come before the guest's argv[1]: built from the back, as #! lines nest. */
struct exec {
    struct lx_thread *t;
    const char *path;       /* on the host */
    const char *guest_path; /* as the guest named it */
    char names[SCRIPT_DEPTH][2][HEAD_SIZE];
    char host[2][LX_PATH_MAX];
    char fd_path[LX_PATH_MAX];
    const char *words[SCRIPT_DEPTH * 2 + 2];
    int nwords;
    const char *argv0;
    int dirfd;
    bool by_fd;
};

static int read_pointers(uint64_t array, struct exec_vector *out)
{
    uint64_t pointer = 1;

    if (!array)
        return 0;
    for (size_t i = 0; i < MAX_POINTERS; i++) {
        if (lx_get_obj(pointer, array + i * 8) < 0)
            return -EFAULT;
        if (!pointer)
            return 0;
        vec_push(out, (char *)pointer);
    }
    return -E2BIG;
}

/* Reads the start of the file after the checks that the kernel makes. */
static ssize_t read_head(const char *path, uint8_t *head)
{
    struct stat st;
    ssize_t got;
    int fd;

    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
        return -EACCES;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : -errno; /* execute-only: the host knows */
    got = pread(fd, head, HEAD_SIZE, 0);
    close(fd);
    return got < 0 ? -EIO : got;
}

static int64_t host_exec(struct lx_thread *t, int fd, const char *path, char **argv, char **envp)
{
    int64_t ret;

    lx_signal_before_exec(t, false);
    if (!t->pending) /* a signal that is caught aborts the call before it starts, and so is not lost
                      */
        lx_signal_host_mask(t->sigmask);
    ret = LX_BLOCKING(t, SYS_execveat, fd, path, argv, envp, *path ? 0 : AT_EMPTY_PATH);
    lx_signal_before_exec(t, true);
    if (!t->pending)
        lx_signal_host_mask(lx_signal_host_bits(t->sigmask));
    return ret;
}

/* Runs this executable again on the program. */
static int64_t exec_guest(struct exec *x, char **rest, char **envp)
{
    struct lx_proc *p = x->t->p;
    char execfd[32];
    struct exec_vector argv = {0};
    int fd = -1;
    int64_t ret;

    for (char *const *word = p->o->restart; *word; word++)
        vec_push(&argv, *word);
    if (x->by_fd) {
        fd = fcntl(x->dirfd, F_DUPFD, 900); /* stays open over the call */
        if (fd < 0)
            fd = fcntl(x->dirfd, F_DUPFD, 3);
        snprintf(execfd, sizeof(execfd), "%d", fd);
        vec_push(&argv, (char *)"--execfd");
        vec_push(&argv, execfd);
    }
    vec_push(&argv, (char *)"-0");
    vec_push(&argv, (char *)(x->argv0 ? x->argv0 : ""));
    vec_push(&argv, (char *)"--");
    vec_push(&argv, (char *)x->path);
    for (int i = 1; i < x->nwords; i++)
        vec_push(&argv, (char *)x->words[i]);
    for (; rest && *rest; rest++)
        vec_push(&argv, *rest);
    vec_push(&argv, NULL);
    ret = host_exec(x->t, p->self_fd, "", argv.data, envp);
    if (fd >= 0)
        close(fd);
    vec_free(&argv);
    return ret;
}

static int64_t exec_native(struct exec *x, char **rest, char **envp)
{
    struct exec_vector argv = {0};
    int64_t ret;

    vec_push(&argv, (char *)x->argv0);
    for (int i = 1; i < x->nwords; i++)
        vec_push(&argv, (char *)x->words[i]);
    for (; x->argv0 && rest && *rest; rest++)
        vec_push(&argv, *rest);
    vec_push(&argv, NULL);
    ret = host_exec(x->t, AT_FDCWD, x->path, argv.data, envp);
    vec_free(&argv);
    return ret;
}

/* Follows one #! line: its interpreter becomes the program. */
static int follow_script(struct exec *x, const uint8_t *head, size_t size, int depth)
{
    char *interp = x->names[depth][0], *arg = x->names[depth][1];
    int shift = 1;

    if (!lx_exec_script((const char *)head, size, interp, arg))
        return -ENOEXEC;
    if (*arg)
        shift = 2;
    /* argv[0] gives way to: interpreter, argument, script */
    memmove(x->words + shift + 1, x->words + 1,
            sizeof(x->words[0]) * (size_t)max_of(x->nwords - 1, 0));
    x->words[0] = interp;
    if (*arg)
        x->words[1] = arg;
    x->words[shift] = x->guest_path;
    x->nwords = max_of(x->nwords, 1) + shift;
    x->argv0 = interp;
    x->guest_path = interp;
    x->path = lx_path_host(x->t->p, interp, x->host[depth & 1]);
    x->by_fd = false;
    return 0;
}

static int64_t run(struct exec *x, char **argv, char **envp)
{
    uint8_t head[HEAD_SIZE + 1];
    ssize_t got;
    int ret;

    for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
        got = read_head(x->path, head);
        if (got < 0)
            return got;
        head[got] = '\0';
        switch (lx_exec_kind(head, (size_t)got)) {
        case LX_PROGRAM_GUEST:
            return exec_guest(x, argv, envp);
        case LX_PROGRAM_NATIVE:
        case LX_PROGRAM_OTHER: /* binfmt_misc may know it */
            return exec_native(x, argv, envp);
        case LX_PROGRAM_SCRIPT:
            ret = follow_script(x, head, (size_t)got, depth);
            if (ret < 0)
                return ret;
        }
    }
    return -ELOOP;
}

/* Names the program by a path that the host can open. */
static int locate(struct exec *x, uint64_t path, int flags)
{
    const char *found;
    char first;
    int ret;

    if (lx_get_obj(first, path) < 0)
        return -EFAULT;
    if (!first) {
        if (!(flags & AT_EMPTY_PATH))
            return -ENOENT;
        snprintf(x->fd_path, sizeof(x->fd_path), "/proc/self/fd/%d", x->dirfd);
        x->by_fd = true;
        x->path = x->guest_path = x->fd_path;
        return 0;
    }
    ret = lx_path(x->t, path, 0, &found);
    if (ret < 0)
        return ret;
    if (!(flags & AT_SYMLINK_NOFOLLOW))
        found = lx_path_host(x->t->p, x->t->path[0].text, x->t->path[0].host);
    x->path = x->guest_path = found;
    if (found[0] != '/' && x->dirfd != AT_FDCWD) {
        snprintf(x->fd_path, sizeof(x->fd_path), "/proc/self/fd/%d/%.4000s", x->dirfd, found);
        x->path = x->guest_path = x->fd_path;
    } else {
        x->guest_path = x->t->path[0].text; /* a script is told the name that the guest used */
    }
    if (flags & AT_SYMLINK_NOFOLLOW) {
        struct stat st;

        if (lstat(x->path, &st) == 0 && S_ISLNK(st.st_mode))
            return -ELOOP;
    }
    return 0;
}

static int64_t do_exec(struct lx_thread *t, int dirfd, uint64_t path, uint64_t argv_at,
                       uint64_t envp_at, int flags)
{
    struct exec *x = mem_new(struct exec);
    struct exec_vector argv = {0}, envp = {0};
    int64_t ret;

    x->t = t;
    x->dirfd = dirfd;
    ret = locate(x, path, flags);
    if (ret == 0)
        ret = read_pointers(argv_at, &argv);
    if (ret == 0)
        ret = read_pointers(envp_at, &envp);
    if (ret == 0) {
        x->argv0 = argv.len ? argv.data[0] : NULL;
        x->words[0] = x->argv0;
        x->nwords = 1;
        vec_push(&argv, NULL);
        vec_push(&envp, NULL);
        ret = run(x, argv.data + (argv.len > 1), envp.data);
    }
    vec_free(&argv);
    vec_free(&envp);
    free(x);
    return ret;
}

int64_t lx_sys_execve(struct lx_thread *t, uint64_t *a)
{
    return do_exec(t, AT_FDCWD, a[0], a[1], a[2], 0);
}

int64_t lx_sys_execveat(struct lx_thread *t, uint64_t *a)
{
    if (a[4] & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    return do_exec(t, (int)a[0], a[1], a[2], a[3], (int)a[4]);
}
