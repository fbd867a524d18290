/* The client's handles: which object each names and what it has open. Owns descriptors and their
 * number; knows paths, not what happens to the objects.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "dev/virtio/p9_int.h"

struct p9_fid *p9_fid(const struct p9_server *s, uint32_t id)
{
    return map_get(&s->fids, id);
}

int p9_fid_new(struct p9_server *s, uint32_t id, const char *path, struct p9_fid **out)
{
    struct p9_fid *f;

    if (id == UINT32_MAX || p9_fid(s, id))
        return -EINVAL;
    if (s->fids.count >= P9_FIDS_MAX)
        return -ENFILE;
    f = mem_new(struct p9_fid);
    f->id = id;
    f->fd = -1;
    f->path = mem_strdup(path);
    map_set(&s->fids, id, f);
    *out = f;
    return 0;
}

int p9_fid_path(struct p9_fid *f, const char *path)
{
    char *copy = mem_strdup(path);

    free(f->path);
    f->path = copy;
    return 0;
}

bool p9_may_open(const struct p9_server *s)
{
    return s->open < s->open_max;
}

static int write_xattr(struct p9_server *s, struct p9_fid *f)
{
    struct p9_place p;
    int rc;

    if (f->xattr_have != f->xattr_size)
        return -EINVAL; /* not all of it came */
    rc = p9_find(&s->fs, f->path, &p);
    if (rc)
        return rc;
    rc = f->xattr_size
             ? p9_setxattr(&s->fs, &p, f->xattr_name, f->xattr, f->xattr_size, f->xattr_flags)
             : p9_removexattr(&s->fs, &p, f->xattr_name);
    p9_leave(&p);
    return rc;
}

int p9_fid_close(struct p9_server *s, struct p9_fid *f)
{
    int rc = 0;

    switch (f->kind) {
    case P9_FILE:
        close(f->fd);
        s->open--;
        break;
    case P9_DIR:
        closedir(f->dir);
        s->open--;
        break;
    case P9_XATTR_WRITE:
        rc = write_xattr(s, f);
        break;
    case P9_XATTR_READ:
    case P9_PLAIN:
        break;
    }
    free(f->xattr);
    free(f->xattr_name);
    f->xattr = NULL;
    f->xattr_name = NULL;
    f->fd = -1;
    f->dir = NULL;
    f->kind = P9_PLAIN;
    return rc;
}

int p9_fid_free(struct p9_server *s, struct p9_fid *f)
{
    int rc = p9_fid_close(s, f);

    map_remove(&s->fids, f->id);
    free(f->path);
    free(f);
    return rc;
}

void p9_fids_clear(struct p9_server *s)
{
    map_for_each(entry, &s->fids)
    {
        struct p9_fid *f = entry->value;

        if (f->kind == P9_XATTR_WRITE) /* unfinished: not to be set */
            f->kind = P9_XATTR_READ;
        p9_fid_close(s, f);
        free(f->path);
        free(f);
    }
    map_clear(&s->fids);
}

void p9_fids_renamed(struct p9_server *s, const char *from, const char *to)
{
    size_t n = strlen(from);

    map_for_each(entry, &s->fids)
    {
        struct p9_fid *f = entry->value;
        char path[P9_PATH];

        if (strncmp(f->path, from, n) || (f->path[n] && f->path[n] != '/'))
            continue;
        /* One that gets too long is lost: its object is found no more. */
        if (!p9_join(path, to, f->path + n + (f->path[n] == '/')) && f->path[n])
            p9_fid_path(f, path);
        else if (!f->path[n])
            p9_fid_path(f, to);
    }
}
