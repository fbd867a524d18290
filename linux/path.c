/*
 * Owns the translation of paths: an absolute path of the guest is looked up in the sysroot first,
 * and is the host's own when it does not exist there. Must not know the files under /proc
 * (procfs.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/lx.h"

#ifndef RESOLVE_IN_ROOT
#define RESOLVE_IN_ROOT 0x10
#endif

/* Folders whose content is the host's even if the sysroot has them (empty, as a rule). */
static const char *const host_folders[] = {"/proc", "/dev",  "/sys",     "/tmp", "/run",
                                           "/home", "/root", "/var/tmp", "/mnt", "/media"};

static bool is_host_folder(const char *path)
{
    if (path[1] == '\0')
        return true;
    for (size_t i = 0; i < array_size(host_folders); i++) {
        size_t length = strlen(host_folders[i]);

        if (!strncmp(path, host_folders[i], length) && (path[length] == '/' || !path[length]))
            return true;
    }
    return false;
}

/* Resolves the path as if the sysroot were the root; false when there is no such file. */
static bool resolve_in_root(const struct lx_proc *p, const char *path, char *buf)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    char link[32];
    int64_t root, fd;
    ssize_t length = -1;

    root = LX_HOST(SYS_openat, AT_FDCWD, p->sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return false;
    fd = LX_HOST(SYS_openat2, root, path, &how, sizeof(how));
    LX_HOST(SYS_close, root);
    if (fd < 0)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", (int)fd);
    length = LX_HOST(SYS_readlinkat, AT_FDCWD, link, buf, LX_PATH_MAX - 1);
    LX_HOST(SYS_close, fd);
    if (length <= 0)
        return false;
    buf[length] = '\0';
    return true;
}

static bool in_sysroot(const struct lx_proc *p, const char *path, char *buf, bool follow)
{
    size_t root = strlen(p->sysroot), length = strlen(path);
    struct stat st;
    char target;
    int64_t ret;

    if (root + length >= LX_PATH_MAX)
        return false;
    memcpy(buf, p->sysroot, root);
    memcpy(buf + root, path, length + 1);
    ret = LX_HOST(SYS_newfstatat, AT_FDCWD, buf, &st, AT_SYMLINK_NOFOLLOW);
    if (ret == 0 && (!follow || !S_ISLNK(st.st_mode)))
        return true;
    if (ret == 0 && LX_HOST(SYS_readlinkat, AT_FDCWD, buf, &target, 1) == 1 && target != '/')
        return true;
    return (ret == 0 || ret == -ENOENT) && resolve_in_root(p, path, buf);
}

static const char *translate(const struct lx_proc *p, const char *path, char *buf, bool follow)
{
    const char *self;

    if (path[0] != '/')
        return path;
    if (!strncmp(path, "/proc/", 6)) {
        self = lx_proc_self(path);
        return self && !strcmp(self, "exe") ? p->exe_host : path;
    }
    if (!p->sysroot || is_host_folder(path))
        return path;
    if (!strncmp(path, p->sysroot, strlen(p->sysroot)) &&
        (path[strlen(p->sysroot)] == '/' || !path[strlen(p->sysroot)]))
        return path;
    return in_sysroot(p, path, buf, follow) ? buf : path;
}

const char *lx_path_host(const struct lx_proc *p, const char *path, char *buf)
{
    return translate(p, path, buf, true);
}

int lx_path(struct lx_thread *t, uint64_t guest, int which, const char **out)
{
    struct lx_path_buf *b = &t->path[which];
    int64_t length = lx_get_string(b->text, guest, sizeof(b->text));

    if (length < 0)
        return (int)length;
    *out = translate(t->p, b->text, b->host, false);
    return 0;
}

void lx_path_guest(const struct lx_proc *p, char *path)
{
    size_t root = p->sysroot ? strlen(p->sysroot) : 0;

    if (!root || strncmp(path, p->sysroot, root) != 0 || path[root] != '/' ||
        is_host_folder(path + root))
        return;
    memmove(path, path + root, strlen(path + root) + 1);
}

int64_t lx_sys_getcwd(struct lx_thread *t, uint64_t *a)
{
    char path[LX_PATH_MAX];
    int64_t length = LX_HOST(SYS_getcwd, path, sizeof(path));

    if (length < 0)
        return length;
    lx_path_guest(t->p, path);
    length = (int64_t)strlen(path) + 1;
    if ((uint64_t)length > a[1])
        return -ERANGE;
    return lx_put(a[0], path, (size_t)length) < 0 ? -EFAULT : length;
}
