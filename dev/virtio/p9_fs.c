/* The shared host directory: reaching objects without ever leaving it, making them, and the three
 * ways of keeping owners and modes. Owns every call that takes a name of the host; knows no
 * message.
 *
 * Mapped: files belong to the user who runs us, and what the guest thinks stands in their extended
 * attributes user.virtfs.*; links and devices are plain files. Passthrough: as the guest says
 * (needs root). None: as far as allowed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "dev/virtio/p9_int.h"

#define MAPPED_PREFIX "user.virtfs."

int p9_fs_open(struct p9_fs *fs, const char *path, struct err *e)
{
    fs->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fs->root < 0)
        return err_set(e, errno, "cannot share directory '%s'", path);
    if (fstat(fs->root, &fs->top)) {
        int rc = err_set(e, errno, "cannot share directory '%s'", path);

        close(fs->root);
        fs->root = -1;
        return rc;
    }
    return 0;
}

void p9_fs_close(struct p9_fs *fs)
{
    if (fs->root >= 0)
        close(fs->root);
    fs->root = -1;
}

/* ---- places ---- */

bool p9_name_good(const char *name)
{
    return *name && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/') &&
           strlen(name) <= P9_NAME;
}

int p9_join(char *to, const char *dir, const char *name)
{
    int n = snprintf(to, P9_PATH, "%s%s%s", dir, *dir ? "/" : "", name);

    return n < P9_PATH ? 0 : -ENAMETOOLONG;
}

int p9_find(const struct p9_fs *fs, const char *path, struct p9_place *p)
{
    int dir = openat(fs->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        return -errno;
    strcpy(p->name, ".");
    while (*path) {
        size_t n = strcspn(path, "/");
        int next;

        if (n > P9_NAME) {
            close(dir);
            return -ENAMETOOLONG;
        }
        memcpy(p->name, path, n);
        p->name[n] = 0;
        path += n;
        if (!*path++)
            break;
        next = openat(dir, p->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(dir);
        if (next < 0)
            return -errno;
        dir = next;
    }
    p->dir = dir;
    return 0;
}

void p9_leave(struct p9_place *p)
{
    close(p->dir);
}

/* For calls that take no directory descriptor; the last component is not followed by those used. */
static const char *proc_path(const struct p9_place *p, char *to, size_t size)
{
    snprintf(to, size, "/proc/self/fd/%d/%s", p->dir, p->name);
    return to;
}
enum { PROC_PATH = 32 + P9_NAME };

/* ---- owners and modes in attributes ---- */

static void mapped_get(const struct p9_place *p, const char *name, void *to, size_t size)
{
    uint8_t value[8];
    char path[PROC_PATH];

    if (lgetxattr(proc_path(p, path, sizeof(path)), name, value, size) == (ssize_t)size)
        memcpy(to, value, size);
}

static int mapped_set(const struct p9_place *p, const char *name, uint64_t value, size_t size)
{
    char path[PROC_PATH];

    return lsetxattr(proc_path(p, path, sizeof(path)), name, &value, size, 0) ? -errno : 0;
}

static int mapped_set_all(const struct p9_place *p, const struct p9_owner *o)
{
    int rc = mapped_set(p, MAPPED_PREFIX "uid", o->uid, 4);

    if (!rc)
        rc = mapped_set(p, MAPPED_PREFIX "gid", o->gid, 4);
    if (!rc)
        rc = mapped_set(p, MAPPED_PREFIX "mode", o->mode, 4);
    if (!rc && o->rdev)
        rc = mapped_set(p, MAPPED_PREFIX "rdev", o->rdev, 8);
    return rc;
}

int p9_stat(const struct p9_fs *fs, const struct p9_place *p, struct stat *st)
{
    uint32_t uid, gid, mode;
    uint64_t rdev;

    if (fstatat(p->dir, p->name, st, AT_SYMLINK_NOFOLLOW))
        return -errno;
    if (fs->model != P9_MAPPED || S_ISLNK(st->st_mode))
        return 0;
    uid = st->st_uid;
    gid = st->st_gid;
    mode = st->st_mode;
    rdev = st->st_rdev;
    mapped_get(p, MAPPED_PREFIX "uid", &uid, 4);
    mapped_get(p, MAPPED_PREFIX "gid", &gid, 4);
    mapped_get(p, MAPPED_PREFIX "mode", &mode, 4);
    mapped_get(p, MAPPED_PREFIX "rdev", &rdev, 8);
    st->st_uid = uid;
    st->st_gid = gid;
    /* A directory stays one, whatever its attribute says: the guest would walk into a file. */
    st->st_mode = S_ISDIR(st->st_mode) ? (mode & 07777) | S_IFDIR
                  : S_ISDIR(mode)      ? st->st_mode
                                       : mode;
    st->st_rdev = rdev;
    return 0;
}

/* ---- opening and making ---- */

int p9_open(const struct p9_place *p, int flags)
{
    struct stat st;
    int fd;

    /* Devices and pipes are the guest's own business: their host namesakes must not be touched. */
    if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW))
        return -errno;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return -ENXIO;
    fd = openat(p->dir, p->name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
        close(fd);
        return -ENXIO;
    }
    return fd;
}

static int write_target(const struct p9_place *p, const char *target)
{
    size_t n = strlen(target);
    int fd = openat(p->dir, p->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
        rc = 0;

    if (fd < 0)
        return -errno;
    if (write(fd, target, n) != (ssize_t)n)
        rc = -EIO;
    close(fd);
    return rc;
}

/* The object itself, without owner; for files the descriptor. */
static int make_bare(const struct p9_fs *fs, const struct p9_place *p, const struct p9_owner *o,
                     const char *target, int flags)
{
    bool mapped = fs->model == P9_MAPPED;
    mode_t mode = mapped ? S_ISDIR(o->mode) ? 0700 : 0600 : o->mode & 07777;
    int rc;

    switch (o->mode & S_IFMT) {
    case S_IFDIR:
        rc = mkdirat(p->dir, p->name, mode);
        break;
    case S_IFLNK:
        if (mapped)
            return write_target(p, target);
        rc = symlinkat(target, p->dir, p->name);
        break;
    case S_IFREG:
        rc = openat(p->dir, p->name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
                    mode);
        break;
    default:
        rc = mknodat(p->dir, p->name, mapped ? S_IFREG | 0600 : o->mode,
                     mapped ? 0 : (dev_t)o->rdev);
    }
    return rc < 0 ? -errno : rc;
}

int p9_make(const struct p9_fs *fs, const struct p9_place *p, const struct p9_owner *o,
            const char *target, int flags)
{
    int fd, rc = 0;

    if (fs->readonly)
        return -EROFS;
    fd = make_bare(fs, p, o, target, flags);
    if (fd < 0)
        return fd;
    if (fs->model == P9_MAPPED) {
        rc = mapped_set_all(p, o);
    } else {
        if (fchownat(p->dir, p->name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) &&
            fs->model == P9_PASSTHROUGH)
            rc = -errno;
        /* Our umask has taken bits that the guest's own has not. */
        if (!rc && !S_ISLNK(o->mode))
            rc = p9_chmod(fs, p, o->mode);
    }
    if (rc) {
        unlinkat(p->dir, p->name, S_ISDIR(o->mode) ? AT_REMOVEDIR : 0);
        if (S_ISREG(o->mode))
            close(fd);
        return rc;
    }
    return S_ISREG(o->mode) ? fd : 0;
}

int p9_readlink(const struct p9_fs *fs, const struct p9_place *p, char *to, size_t size)
{
    ssize_t n = readlinkat(p->dir, p->name, to, size);
    struct stat st;
    int fd;

    if (n >= 0 || fs->model != P9_MAPPED)
        return n >= 0 ? (int)n : -errno;
    fd = p9_stat(fs, p, &st);
    if (fd)
        return fd;
    if (!S_ISLNK(st.st_mode))
        return -EINVAL;
    fd = p9_open(p, O_RDONLY);
    if (fd < 0)
        return fd;
    n = read(fd, to, size);
    close(fd);
    return n < 0 ? -EIO : (int)n;
}

/* ---- changing ---- */

int p9_chmod(const struct p9_fs *fs, const struct p9_place *p, uint32_t mode)
{
    char path[32];
    struct stat st;
    int fd, rc;

    if (fs->readonly)
        return -EROFS;
    rc = p9_stat(fs, p, &st);
    if (rc)
        return rc;
    if (fs->model == P9_MAPPED)
        return mapped_set(p, MAPPED_PREFIX "mode", (st.st_mode & S_IFMT) | (mode & 07777), 4);
    if (S_ISLNK(st.st_mode))
        return -EOPNOTSUPP;
    fd = openat(p->dir, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    rc = fstat(fd, &st) || S_ISLNK(st.st_mode) ? -EOPNOTSUPP
         : chmod(path, mode & 07777)           ? -errno
                                               : 0;
    close(fd);
    return rc;
}

int p9_chown(const struct p9_fs *fs, const struct p9_place *p, uint32_t uid, uint32_t gid)
{
    int rc = 0;

    if (fs->readonly)
        return -EROFS;
    if (fs->model == P9_MAPPED) {
        if (uid != UINT32_MAX)
            rc = mapped_set(p, MAPPED_PREFIX "uid", uid, 4);
        if (!rc && gid != UINT32_MAX)
            rc = mapped_set(p, MAPPED_PREFIX "gid", gid, 4);
        return rc;
    }
    rc = fchownat(p->dir, p->name, uid, gid, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
    return fs->model == P9_NONE ? 0 : rc;
}

int p9_truncate(const struct p9_place *p, uint64_t size)
{
    int fd = p9_open(p, O_WRONLY), rc;

    if (fd < 0)
        return fd;
    rc = size > INT64_MAX ? -EFBIG : ftruncate(fd, (off_t)size) ? -errno : 0;
    close(fd);
    return rc;
}

/* ---- the guest's own extended attributes ---- */

static bool is_ours(const char *name)
{
    return !strncmp(name, MAPPED_PREFIX, strlen(MAPPED_PREFIX));
}

ssize_t p9_getxattr(const struct p9_place *p, const char *name, void *to, size_t size)
{
    char path[PROC_PATH];
    ssize_t n;

    if (is_ours(name))
        return -ENODATA;
    n = lgetxattr(proc_path(p, path, sizeof(path)), name, to, size);
    return n < 0 ? -errno : n;
}

ssize_t p9_listxattr(const struct p9_fs *fs, const struct p9_place *p, char *to, size_t size)
{
    char path[PROC_PATH], *from, *end;
    ssize_t n;

    (void)fs;
    n = llistxattr(proc_path(p, path, sizeof(path)), to, size);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    end = to + n;
    for (from = to; from < end;) {
        size_t length = strnlen(from, (size_t)(end - from)) + 1;

        if (!is_ours(from)) {
            memmove(to, from, length);
            to += length;
        } else {
            n -= (ssize_t)length;
        }
        from += length;
    }
    return n;
}

int p9_setxattr(const struct p9_fs *fs, const struct p9_place *p, const char *name,
                const void *from, size_t size, int flags)
{
    char path[PROC_PATH];

    if (fs->readonly)
        return -EROFS;
    if (is_ours(name))
        return -EPERM;
    return lsetxattr(proc_path(p, path, sizeof(path)), name, from, size, flags) ? -errno : 0;
}

int p9_removexattr(const struct p9_fs *fs, const struct p9_place *p, const char *name)
{
    char path[PROC_PATH];

    if (fs->readonly)
        return -EROFS;
    if (is_ours(name))
        return -EPERM;
    return lremovexattr(proc_path(p, path, sizeof(path)), name) ? -errno : 0;
}
