/* 9P2000.L: opening, reading, writing, listing. Data moves between the host's file and the guest's
 * buffers directly. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "dev/virtio/p9_int.h"

/* Flags of Tlopen are those of Linux on most processors, octal there as here. */
enum {
    DOTL_ACCESS = 3,
    DOTL_TRUNC = 01000,
    DOTL_APPEND = 02000,
    DOTL_DSYNC = 010000,
    DOTL_SYNC = 04000000
};

static int host_flags(uint32_t dotl)
{
    int flags = dotl & DOTL_ACCESS;

    if (dotl & DOTL_TRUNC)
        flags |= O_TRUNC;
    if (dotl & DOTL_APPEND)
        flags |= O_APPEND;
    if (dotl & DOTL_SYNC)
        flags |= O_SYNC;
    else if (dotl & DOTL_DSYNC)
        flags |= O_DSYNC;
    return flags;
}

static void take_file(struct p9_call *c, struct p9_fid *f, int fd)
{
    f->kind = P9_FILE;
    f->fd = fd;
    c->s->open++;
}

static int open_fid(struct p9_call *c, struct p9_fid *f, int flags, struct stat *st)
{
    struct p9_place p;
    int rc, fd;

    rc = p9_find(&c->s->fs, f->path, &p);
    if (rc)
        return rc;
    rc = p9_stat(&c->s->fs, &p, st);
    fd = rc ? rc : p9_open(&p, flags);
    p9_leave(&p);
    if (fd < 0)
        return fd;
    if (S_ISDIR(st->st_mode)) {
        f->dir = fdopendir(fd);
        if (!f->dir) {
            close(fd);
            return -ENOMEM;
        }
        f->kind = P9_DIR;
        f->dir_at = 0;
        c->s->open++;
    } else {
        take_file(c, f, fd);
    }
    return 0;
}

static void put_opened(struct p9_call *c, const struct stat *st)
{
    p9_put_qid(&c->out, &c->s->fs, st);
    p9_put32(&c->out, 0); /* as much at a time as a message holds */
}

int p9_lopen(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    uint32_t dotl = p9_u32(&c->in);
    struct stat st;
    int flags = host_flags(dotl), rc;

    if (!f || f->kind != P9_PLAIN || c->in.bad)
        return -EBADF;
    if (c->s->fs.readonly && ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC))
        return -EROFS;
    if (!p9_may_open(c->s))
        return -EMFILE;
    rc = open_fid(c, f, flags, &st);
    if (!rc)
        put_opened(c, &st);
    return rc;
}

int p9_lcreate(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    char name[P9_NAME + 1], path[P9_PATH];
    struct p9_owner o = {0};
    struct p9_place p;
    struct stat st;
    uint32_t dotl;
    int rc;

    p9_str(&c->in, name, sizeof(name));
    dotl = p9_u32(&c->in);
    o.mode = (p9_u32(&c->in) & 07777) | S_IFREG;
    o.gid = p9_u32(&c->in);
    if (!f || f->kind != P9_PLAIN)
        return -EBADF;
    if (c->in.bad || !p9_name_good(name))
        return -EINVAL;
    if (!p9_may_open(c->s))
        return -EMFILE;
    o.uid = f->uid;
    rc = p9_join(path, f->path, name);
    if (!rc)
        rc = p9_find(&c->s->fs, path, &p);
    if (rc)
        return rc;
    rc = p9_make(&c->s->fs, &p, &o, NULL, host_flags(dotl) & ~O_TRUNC);
    if (rc >= 0) {
        take_file(c, f, rc);
        p9_fid_path(f, path); /* the handle names the file from now on */
        rc = p9_stat(&c->s->fs, &p, &st);
    }
    p9_leave(&p);
    if (!rc)
        put_opened(c, &st);
    return rc;
}

/* ---- data ---- */

/* At most `size` bytes of the iovecs from `skip` on; how many entries are used. The array is the
 * call's own. */
static unsigned part_of(struct p9_call *c, size_t skip, uint64_t size)
{
    unsigned n = 0;

    while (c->ndata && skip >= c->data->iov_len) {
        skip -= c->data->iov_len;
        c->data++;
        c->ndata--;
    }
    if (c->ndata && skip) {
        c->data->iov_base = (char *)c->data->iov_base + skip;
        c->data->iov_len -= skip;
    }
    for (; n < c->ndata && size; n++) {
        c->data[n].iov_len = (size_t)min_of((uint64_t)c->data[n].iov_len, size);
        size -= c->data[n].iov_len;
    }
    return n;
}

static ssize_t copy_xattr_out(struct p9_call *c, struct p9_fid *f, uint64_t at, uint32_t count)
{
    uint64_t left = at < f->xattr_size ? min_of(f->xattr_size - at, (uint64_t)count) : 0;
    unsigned n = part_of(c, 0, left);
    const uint8_t *from = f->xattr + at;

    for (unsigned i = 0; i < n; i++) {
        memcpy(c->data[i].iov_base, from, c->data[i].iov_len);
        from += c->data[i].iov_len;
    }
    return left ? from - (f->xattr + at) : 0;
}

int p9_read(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    uint64_t at = p9_u64(&c->in);
    uint32_t count = p9_u32(&c->in);
    ssize_t n;

    if (c->in.bad || at > INT64_MAX)
        return -EINVAL;
    count = min_of(count, c->s->msize - P9_HEADER - 4);
    count = (uint32_t)min_of((uint64_t)count, c->data_size);
    if (f && f->kind == P9_XATTR_READ)
        n = copy_xattr_out(c, f, at, count);
    else if (!f || f->kind != P9_FILE)
        return -EBADF;
    else
        n = preadv(f->fd, c->data, (int)part_of(c, 0, count), (off_t)at);
    if (n < 0)
        return -errno;
    p9_put32(&c->out, (uint32_t)n);
    c->moved = (uint64_t)n;
    return 0;
}

static int write_xattr(struct p9_call *c, struct p9_fid *f, uint64_t at, uint32_t count)
{
    unsigned n;

    if (at != f->xattr_have || count > f->xattr_size - at)
        return -EINVAL;
    n = part_of(c, 0, count);
    for (unsigned i = 0; i < n; i++) {
        memcpy(f->xattr + f->xattr_have, c->data[i].iov_base, c->data[i].iov_len);
        f->xattr_have += c->data[i].iov_len;
    }
    p9_put32(&c->out, count);
    return 0;
}

int p9_write(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    uint64_t at = p9_u64(&c->in);
    uint32_t count = p9_u32(&c->in);
    ssize_t n;

    if (c->in.bad || at > INT64_MAX || count > c->data_size)
        return -EINVAL;
    if (f && f->kind == P9_XATTR_WRITE)
        return write_xattr(c, f, at, count);
    if (!f || f->kind != P9_FILE)
        return -EBADF;
    if (c->s->fs.readonly)
        return -EROFS;
    n = pwritev(f->fd, c->data, (int)part_of(c, 0, count), (off_t)at);
    if (n < 0)
        return -errno;
    p9_put32(&c->out, (uint32_t)n);
    return 0;
}

/* ---- directories ---- */

/* Kinds as their qids have them, without a look at each object. */
static void put_entry(struct p9_call *c, const struct dirent *d)
{
    uint8_t kind = d->d_type == DT_DIR ? 0x80 : d->d_type == DT_LNK ? 2 : 0;

    p9_put8(&c->out, kind);
    p9_put32(&c->out, 0);
    p9_put64(&c->out, d->d_ino);
    p9_put64(&c->out, (uint64_t)d->d_off);
    p9_put8(&c->out, d->d_type);
    p9_put_str(&c->out, d->d_name);
}

int p9_readdir(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    uint64_t at = p9_u64(&c->in);
    uint32_t count = p9_u32(&c->in);
    size_t start = c->out.at, limit;

    if (!f || f->kind != P9_DIR)
        return -EBADF;
    if (c->in.bad || at > INT64_MAX)
        return -EINVAL;
    count = min_of(count, c->s->msize - P9_HEADER - 4);
    limit = start + 4 + min_of((size_t)count, c->out.size - start - 4);
    if ((int64_t)at != f->dir_at)
        at ? seekdir(f->dir, (long)at) : rewinddir(f->dir);
    f->dir_at = (int64_t)at;
    p9_put32(&c->out, 0);
    for (;;) {
        const struct dirent *d;

        errno = 0;
        d = readdir(f->dir);
        if (!d && errno)
            return -errno;
        if (!d)
            break;
        if (c->out.at + P9_QID + 8 + 1 + 2 + strlen(d->d_name) > limit) {
            seekdir(f->dir, (long)f->dir_at); /* it comes next time */
            break;
        }
        put_entry(c, d);
        f->dir_at = d->d_off;
    }
    mem_st32le(c->out.data + start, (uint32_t)(c->out.at - start - 4));
    return 0;
}

/* ---- the rest ---- */

int p9_fsync(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    uint32_t data_only = c->in.at < c->in.end ? p9_u32(&c->in) : 0;
    int fd;

    if (!f || (f->kind != P9_FILE && f->kind != P9_DIR))
        return -EBADF;
    fd = f->kind == P9_FILE ? f->fd : dirfd(f->dir);
    return (data_only ? fdatasync(fd) : fsync(fd)) ? -errno : 0;
}

int p9_clunk(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));

    return f ? p9_fid_free(c->s, f) : -EBADF;
}

/* Locks are the guest's own business: no one else on this server. */
int p9_lock(struct p9_call *c)
{
    if (!p9_fid(c->s, p9_u32(&c->in)))
        return -EBADF;
    p9_put8(&c->out, 0);
    return 0;
}

int p9_getlock(struct p9_call *c)
{
    enum { UNLOCKED = 2 };
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    uint64_t start, length;
    char client[P9_NAME + 1];
    uint32_t process;

    p9_u8(&c->in);
    start = p9_u64(&c->in);
    length = p9_u64(&c->in);
    process = p9_u32(&c->in);
    p9_str(&c->in, client, sizeof(client));
    if (!f || c->in.bad)
        return -EBADF;
    p9_put8(&c->out, UNLOCKED);
    p9_put64(&c->out, start);
    p9_put64(&c->out, length);
    p9_put32(&c->out, process);
    p9_put_str(&c->out, client);
    return 0;
}
