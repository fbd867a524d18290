/* 9P2000.L: walking, making, linking, renaming and removing objects. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dev/virtio/p9_int.h"

static int stat_path(struct p9_server *s, const char *path, struct stat *st)
{
    struct p9_place p;
    int rc = p9_find(&s->fs, path, &p);

    if (rc)
        return rc;
    rc = p9_stat(&s->fs, &p, st);
    p9_leave(&p);
    return rc;
}

/* One step; above the root is the root. */
static int step(char *path, const char *name)
{
    char next[P9_PATH];
    char *slash;
    int rc;

    if (!strcmp(name, "..")) {
        slash = strrchr(path, '/');
        *(slash ? slash : path) = 0;
        return 0;
    }
    if (!p9_name_good(name))
        return -ENOENT;
    rc = p9_join(next, path, name);
    if (!rc)
        strcpy(path, next);
    return rc;
}

/* As many steps as go; how many, and the error that stopped it in *rc. */
static unsigned walk_names(struct p9_call *c, char *path, unsigned count, struct p9_out *qids,
                           int *rc)
{
    unsigned done;

    *rc = 0;
    for (done = 0; done < count; done++) {
        char name[P9_NAME + 1];
        struct stat st;

        p9_str(&c->in, name, sizeof(name));
        *rc = c->in.bad ? -EPROTO : step(path, name);
        if (!*rc)
            *rc = stat_path(c->s, path, &st);
        if (*rc)
            break;
        p9_put_qid(qids, &c->s->fs, &st);
    }
    return done;
}

int p9_walk(struct p9_call *c)
{
    uint32_t id = p9_u32(&c->in), new_id = p9_u32(&c->in);
    unsigned count = p9_u16(&c->in), done;
    struct p9_fid *f = p9_fid(c->s, id), *g = NULL;
    uint8_t buffer[P9_WALK_MAX * P9_QID];
    struct p9_out qids = {buffer, 0, sizeof(buffer), false};
    char path[P9_PATH];
    int rc;

    if (c->in.bad || count > P9_WALK_MAX)
        return -EPROTO;
    if (!f || f->kind == P9_XATTR_READ || f->kind == P9_XATTR_WRITE)
        return -EBADF;
    strcpy(path, f->path);
    done = walk_names(c, path, count, &qids, &rc);
    if (rc && !done)
        return rc;
    if (!rc) {
        if (new_id != id)
            rc = p9_fid_new(c->s, new_id, path, &g);
        else
            rc = f->kind == P9_PLAIN ? p9_fid_path(f, path) : -EBUSY;
        if (rc)
            return rc;
        if (new_id != id)
            g->uid = f->uid;
    }
    p9_put16(&c->out, (uint16_t)done);
    for (size_t i = 0; i < qids.at; i++)
        p9_put8(&c->out, buffer[i]);
    return 0;
}

/* The directory of handle `id` and a new name in it. */
static int find_new(struct p9_call *c, uint32_t id, const char *name, struct p9_place *p,
                    char *path)
{
    struct p9_fid *f = p9_fid(c->s, id);
    int rc;

    if (c->in.bad)
        return -EPROTO;
    if (!f)
        return -EBADF;
    if (c->s->fs.readonly)
        return -EROFS;
    if (!p9_name_good(name))
        return -EINVAL;
    rc = p9_join(path, f->path, name);
    return rc ? rc : p9_find(&c->s->fs, path, p);
}

static int make(struct p9_call *c, uint32_t id, const char *name, struct p9_owner *o,
                const char *target)
{
    char path[P9_PATH];
    struct p9_place p;
    struct stat st;
    int rc;

    rc = find_new(c, id, name, &p, path);
    if (rc)
        return rc;
    o->uid = p9_fid(c->s, id)->uid;
    rc = p9_make(&c->s->fs, &p, o, target, O_WRONLY);
    if (rc >= 0 && S_ISREG(o->mode)) {
        close(rc);
        rc = 0;
    }
    if (!rc)
        rc = p9_stat(&c->s->fs, &p, &st);
    p9_leave(&p);
    if (!rc)
        p9_put_qid(&c->out, &c->s->fs, &st);
    return rc;
}

int p9_mkdir(struct p9_call *c)
{
    uint32_t id = p9_u32(&c->in);
    struct p9_owner o = {0};
    char name[P9_NAME + 1];

    p9_str(&c->in, name, sizeof(name));
    o.mode = (p9_u32(&c->in) & 07777) | S_IFDIR;
    o.gid = p9_u32(&c->in);
    return make(c, id, name, &o, NULL);
}

int p9_mknod(struct p9_call *c)
{
    uint32_t id = p9_u32(&c->in), major, minor;
    struct p9_owner o = {0};
    char name[P9_NAME + 1];

    p9_str(&c->in, name, sizeof(name));
    o.mode = p9_u32(&c->in) & (S_IFMT | 07777);
    major = p9_u32(&c->in);
    minor = p9_u32(&c->in);
    o.gid = p9_u32(&c->in);
    o.rdev = makedev(major, minor);
    if (!(o.mode & S_IFMT))
        o.mode |= S_IFREG;
    if (S_ISDIR(o.mode) || S_ISLNK(o.mode))
        return -EINVAL;
    return make(c, id, name, &o, NULL);
}

int p9_symlink(struct p9_call *c)
{
    uint32_t id = p9_u32(&c->in);
    struct p9_owner o = {.mode = S_IFLNK | 0777};
    char name[P9_NAME + 1], target[P9_PATH];

    p9_str(&c->in, name, sizeof(name));
    p9_str(&c->in, target, sizeof(target));
    o.gid = p9_u32(&c->in);
    return *target ? make(c, id, name, &o, target) : -EINVAL;
}

int p9_readlink_msg(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    char target[P9_PATH];
    struct p9_place p;
    int rc;

    if (!f)
        return -EBADF;
    rc = p9_find(&c->s->fs, f->path, &p);
    if (rc)
        return rc;
    rc = p9_readlink(&c->s->fs, &p, target, sizeof(target) - 1);
    p9_leave(&p);
    if (rc < 0)
        return rc;
    target[rc] = 0;
    p9_put_str(&c->out, target);
    return 0;
}

int p9_link(struct p9_call *c)
{
    uint32_t dir_id = p9_u32(&c->in), id = p9_u32(&c->in);
    struct p9_fid *f = p9_fid(c->s, id);
    char name[P9_NAME + 1], path[P9_PATH];
    struct p9_place from, to;
    int rc;

    p9_str(&c->in, name, sizeof(name));
    if (!f)
        return -EBADF;
    rc = find_new(c, dir_id, name, &to, path);
    if (rc)
        return rc;
    rc = p9_find(&c->s->fs, f->path, &from);
    if (!rc) {
        rc = linkat(from.dir, from.name, to.dir, to.name, 0) ? -errno : 0;
        p9_leave(&from);
    }
    p9_leave(&to);
    return rc;
}

static int move(struct p9_call *c, const char *from_path, uint32_t dir_id, const char *name)
{
    char to_path[P9_PATH], kept[P9_PATH];
    struct p9_place from, to;
    int rc;

    if (!*from_path)
        return -EBUSY; /* the root itself */
    strcpy(kept, from_path);
    rc = find_new(c, dir_id, name, &to, to_path);
    if (rc)
        return rc;
    rc = p9_find(&c->s->fs, kept, &from);
    if (!rc) {
        rc = renameat(from.dir, from.name, to.dir, to.name) ? -errno : 0;
        p9_leave(&from);
    }
    p9_leave(&to);
    if (!rc)
        p9_fids_renamed(c->s, kept, to_path);
    return rc;
}

int p9_rename(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    uint32_t dir_id = p9_u32(&c->in);
    char name[P9_NAME + 1];

    p9_str(&c->in, name, sizeof(name));
    return f ? move(c, f->path, dir_id, name) : -EBADF;
}

int p9_renameat(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    char old[P9_NAME + 1], name[P9_NAME + 1], path[P9_PATH];
    uint32_t dir_id;
    int rc;

    p9_str(&c->in, old, sizeof(old));
    dir_id = p9_u32(&c->in);
    p9_str(&c->in, name, sizeof(name));
    if (!f)
        return -EBADF;
    if (c->in.bad || !p9_name_good(old))
        return -EINVAL;
    rc = p9_join(path, f->path, old);
    return rc ? rc : move(c, path, dir_id, name);
}

static int unlink_path(struct p9_call *c, const char *path, int flags)
{
    struct p9_place p;
    int rc;

    if (c->s->fs.readonly)
        return -EROFS;
    if (!*path)
        return -EBUSY;
    rc = p9_find(&c->s->fs, path, &p);
    if (rc)
        return rc;
    rc = unlinkat(p.dir, p.name, flags) ? -errno : 0;
    p9_leave(&p);
    return rc;
}

int p9_unlinkat(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    char name[P9_NAME + 1], path[P9_PATH];
    uint32_t flags;
    int rc;

    p9_str(&c->in, name, sizeof(name));
    flags = p9_u32(&c->in);
    if (!f)
        return -EBADF;
    if (c->in.bad || !p9_name_good(name))
        return -EINVAL;
    rc = p9_join(path, f->path, name);
    return rc ? rc : unlink_path(c, path, flags & 0x200 ? AT_REMOVEDIR : 0);
}

int p9_remove(struct p9_call *c)
{
    struct p9_fid *f = p9_fid(c->s, p9_u32(&c->in));
    struct stat st;
    int rc;

    if (!f)
        return -EBADF;
    rc = stat_path(c->s, f->path, &st);
    if (!rc)
        rc = unlink_path(c, f->path, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
    p9_fid_free(c->s, f); /* also when it failed: 9P2000, remove(5) */
    return rc;
}
