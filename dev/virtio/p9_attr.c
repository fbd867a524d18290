/* 9P2000.L: attributes of objects, the file system's numbers, extended attributes. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dev/virtio/p9_int.h"

enum { STATS_BASIC = 0x7ff, FS_MAGIC = 0x01021997 };
enum {
    SET_MODE = 1,
    SET_UID = 2,
    SET_GID = 4,
    SET_SIZE = 8,
    SET_ATIME = 0x10,
    SET_MTIME = 0x20,
    SET_ATIME_TO = 0x80,
    SET_MTIME_TO = 0x100
};

static int find_fid(struct p9_call *c, uint32_t id, struct p9_fid **f, struct p9_place *p)
{
    *f = p9_fid(c->s, id);
    return *f ? p9_find(&c->s->fs, (*f)->path, p) : -EBADF;
}

static void put_time(struct p9_out *o, const struct timespec *t)
{
    p9_put64(o, (uint64_t)t->tv_sec);
    p9_put64(o, (uint64_t)t->tv_nsec);
}

int p9_getattr(struct p9_call *c)
{
    uint32_t id = p9_u32(&c->in);
    struct p9_place p;
    struct p9_fid *f;
    struct stat st;
    int rc;

    p9_u64(&c->in); /* what is asked for: all of it is cheap */
    rc = find_fid(c, id, &f, &p);
    if (rc)
        return rc;
    rc = p9_stat(&c->s->fs, &p, &st);
    p9_leave(&p);
    /* An open file that was deleted is still there. */
    if (rc && f->kind == P9_FILE)
        rc = fstat(f->fd, &st) ? -errno : 0;
    if (rc)
        return rc;
    p9_put64(&c->out, STATS_BASIC);
    p9_put_qid(&c->out, &c->s->fs, &st);
    p9_put32(&c->out, st.st_mode);
    p9_put32(&c->out, st.st_uid);
    p9_put32(&c->out, st.st_gid);
    p9_put64(&c->out, st.st_nlink);
    p9_put64(&c->out, st.st_rdev);
    p9_put64(&c->out, (uint64_t)st.st_size);
    p9_put64(&c->out, (uint64_t)st.st_blksize);
    p9_put64(&c->out, (uint64_t)st.st_blocks);
    put_time(&c->out, &st.st_atim);
    put_time(&c->out, &st.st_mtim);
    put_time(&c->out, &st.st_ctim);
    for (unsigned i = 0; i < 4; i++)
        p9_put64(&c->out, 0); /* birth time, generation, data version: not told */
    return 0;
}

static struct timespec get_time(struct p9_in *in, uint32_t valid, uint32_t change, uint32_t to)
{
    struct timespec t = {.tv_sec = (time_t)p9_u64(in), .tv_nsec = (long)(p9_u64(in) % 1000000000)};

    if (!(valid & change))
        t.tv_nsec = UTIME_OMIT;
    else if (!(valid & to))
        t.tv_nsec = UTIME_NOW;
    return t;
}

int p9_setattr(struct p9_call *c)
{
    uint32_t id = p9_u32(&c->in), valid = p9_u32(&c->in), mode = p9_u32(&c->in),
             uid = p9_u32(&c->in), gid = p9_u32(&c->in);
    uint64_t size = p9_u64(&c->in);
    struct timespec times[2];
    struct p9_place p;
    struct p9_fid *f;
    int rc;

    times[0] = get_time(&c->in, valid, SET_ATIME, SET_ATIME_TO);
    times[1] = get_time(&c->in, valid, SET_MTIME, SET_MTIME_TO);
    if (c->in.bad)
        return -EPROTO;
    if (c->s->fs.readonly)
        return -EROFS;
    rc = find_fid(c, id, &f, &p);
    if (rc)
        return rc;
    if (valid & SET_MODE)
        rc = p9_chmod(&c->s->fs, &p, mode);
    if (!rc && valid & (SET_UID | SET_GID))
        rc = p9_chown(&c->s->fs, &p, valid & SET_UID ? uid : UINT32_MAX,
                      valid & SET_GID ? gid : UINT32_MAX);
    if (!rc && valid & SET_SIZE)
        rc = p9_truncate(&p, size);
    if (!rc && valid & (SET_ATIME | SET_MTIME) &&
        utimensat(p.dir, p.name, times, AT_SYMLINK_NOFOLLOW))
        rc = -errno;
    p9_leave(&p);
    return rc;
}

int p9_statfs(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    struct statfs st;

    if (!f)
        return -EBADF;
    if (fstatfs(c->s->fs.root, &st))
        return -errno;
    p9_put32(&c->out, FS_MAGIC);
    p9_put32(&c->out, (uint32_t)st.f_bsize);
    p9_put64(&c->out, st.f_blocks);
    p9_put64(&c->out, st.f_bfree);
    p9_put64(&c->out, st.f_bavail);
    p9_put64(&c->out, st.f_files);
    p9_put64(&c->out, st.f_ffree);
    p9_put64(&c->out,
             (uint64_t)(uint32_t)st.f_fsid.__val[0] | (uint64_t)(uint32_t)st.f_fsid.__val[1] << 32);
    p9_put32(&c->out, (uint32_t)st.f_namelen);
    return 0;
}

/* ---- extended attributes ---- */

int p9_xattrwalk(struct p9_call *c)
{
    uint32_t id = p9_u32(&c->in), new_id = p9_u32(&c->in);
    char name[P9_NAME + 1];
    struct p9_fid *f, *g;
    struct p9_place p;
    uint8_t *value;
    ssize_t n;
    int rc;

    p9_str(&c->in, name, sizeof(name));
    if (c->in.bad)
        return -EPROTO;
    rc = find_fid(c, id, &f, &p);
    if (rc)
        return rc;
    value = mem_alloc(P9_XATTR_MAX);
    n = *name ? p9_getxattr(&p, name, value, P9_XATTR_MAX)
              : p9_listxattr(&c->s->fs, &p, (char *)value, P9_XATTR_MAX);
    p9_leave(&p);
    rc = n < 0 ? (int)n : p9_fid_new(c->s, new_id, f->path, &g);
    if (rc) {
        free(value);
        return rc;
    }
    g->kind = P9_XATTR_READ;
    g->xattr = mem_realloc(value, (size_t)n + 1);
    g->xattr_size = (uint64_t)n;
    p9_put64(&c->out, (uint64_t)n);
    return 0;
}

int p9_xattrcreate(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    char name[P9_NAME + 1];
    uint64_t size;
    uint32_t flags;

    p9_str(&c->in, name, sizeof(name));
    size = p9_u64(&c->in);
    flags = p9_u32(&c->in);
    if (c->in.bad)
        return -EPROTO;
    if (!f || f->kind != P9_PLAIN)
        return -EBADF;
    if (c->s->fs.readonly)
        return -EROFS;
    if (size > P9_XATTR_MAX)
        return -ENOSPC;
    if (flags & ~3u)
        return -EINVAL;
    f->kind = P9_XATTR_WRITE;
    f->xattr = mem_zalloc((size_t)size + 1);
    f->xattr_size = size;
    f->xattr_have = 0;
    f->xattr_flags = (int)flags;
    f->xattr_name = mem_strdup(name);
    return 0;
}
