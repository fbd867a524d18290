/*
 * Owns the system calls on files whose structures or flags differ between guest and host, and those
 * that may name a file under /proc. Must not know where paths lead (path.c, procfs.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "linux/generic.h"
#include "linux/lx.h"

int64_t lx_sys_openat(struct lx_thread *t, uint64_t *a)
{
    int flags = t->p->guest->oflags_in((int)a[2]);
    const char *path;
    int fd, ret = lx_path(t, a[1], 0, &path);

    if (ret < 0)
        return ret;
    if (!strncmp(path, "/proc/", 6)) {
        fd = lx_proc_open(t, path, flags);
        if (fd != 1)
            return fd;
    }
    if (path != t->path[0].text && !(flags & O_NOFOLLOW))
        path = lx_path_host(t->p, t->path[0].text, t->path[0].host);
    return LX_BLOCKING(t, SYS_openat, a[0], path, flags, a[3]);
}

int64_t lx_sys_openat2(struct lx_thread *t, uint64_t *a)
{
    struct open_how how = {0};
    const char *path;
    int ret;

    if (a[3] < sizeof(how))
        return -EINVAL;
    if (a[3] > sizeof(how))
        return -E2BIG;
    if (lx_get(&how, a[2], sizeof(how)) < 0)
        return -EFAULT;
    ret = lx_path(t, a[1], 0, &path);
    if (ret < 0)
        return ret;
    how.flags = (uint64_t)(uint32_t)t->p->guest->oflags_in((int)how.flags) |
                (how.flags & ~UINT64_C(0xffffffff));
    return LX_BLOCKING(t, SYS_openat2, a[0], path, &how, sizeof(how));
}

int64_t lx_sys_open_by_handle_at(struct lx_thread *t, uint64_t *a)
{
    return LX_BLOCKING(t, SYS_open_by_handle_at, a[0], a[1], t->p->guest->oflags_in((int)a[2]));
}

static int put_stat(uint64_t to, const struct stat *st)
{
    struct lx_stat g = {
        .st_dev = st->st_dev,
        .st_ino = st->st_ino,
        .st_mode = st->st_mode,
        .st_nlink = (uint32_t)st->st_nlink,
        .st_uid = st->st_uid,
        .st_gid = st->st_gid,
        .st_rdev = st->st_rdev,
        .st_size = st->st_size,
        .st_blksize = (int32_t)st->st_blksize,
        .st_blocks = st->st_blocks,
        .atime_sec = st->st_atim.tv_sec,
        .atime_nsec = (uint64_t)st->st_atim.tv_nsec,
        .mtime_sec = st->st_mtim.tv_sec,
        .mtime_nsec = (uint64_t)st->st_mtim.tv_nsec,
        .ctime_sec = st->st_ctim.tv_sec,
        .ctime_nsec = (uint64_t)st->st_ctim.tv_nsec,
    };

    return lx_put_obj(to, g);
}

int64_t lx_sys_newfstatat(struct lx_thread *t, uint64_t *a)
{
    const char *path = "";
    struct stat st;
    int64_t ret = 0;

    if (a[1] || !(a[3] & AT_EMPTY_PATH))
        ret = lx_path(t, a[1], 0, &path);
    if (ret < 0)
        return ret;
    if (path == t->path[0].host && !(a[3] & AT_SYMLINK_NOFOLLOW))
        path = lx_path_host(t->p, t->path[0].text, t->path[0].host);
    ret = LX_HOST(SYS_newfstatat, a[0], path, &st, a[3]);
    return ret < 0 ? ret : put_stat(a[2], &st);
}

int64_t lx_sys_fstat(struct lx_thread *t, uint64_t *a)
{
    struct stat st;
    int64_t ret = LX_HOST(SYS_fstat, a[0], &st);

    (void)t;
    return ret < 0 ? ret : put_stat(a[1], &st);
}

int64_t lx_sys_faccessat2(struct lx_thread *t, uint64_t *a)
{
    const char *path = "";
    int ret = 0;

    if (a[1] || !(a[3] & AT_EMPTY_PATH))
        ret = lx_path(t, a[1], 0, &path);
    return ret < 0 ? ret : LX_HOST(SYS_faccessat2, a[0], path, a[2], a[3]);
}

int64_t lx_sys_readlinkat(struct lx_thread *t, uint64_t *a)
{
    char link[LX_PATH_MAX];
    const char *path;
    int64_t ret = lx_path(t, a[1], 0, &path);

    if (ret < 0)
        return ret;
    if (strncmp(t->path[0].text, "/proc/", 6) != 0)
        return LX_HOST(SYS_readlinkat, a[0], path, a[2], a[3]);
    if ((int64_t)a[3] <= 0)
        return -EINVAL;
    ret = lx_proc_readlink(t, t->path[0].text, link, sizeof(link));
    if (ret == 0)
        return LX_HOST(SYS_readlinkat, a[0], path, a[2], a[3]);
    if (ret < 0)
        return ret;
    ret = (int64_t)min_of((uint64_t)ret, a[3]);
    return lx_put(a[2], link, (size_t)ret) < 0 ? -EFAULT : ret;
}
