/* 9P2000.L: framing, versions, attaching and the table of messages. One request at a time, in the
 * worker's thread. */
#include <stdlib.h>
#include <sys/resource.h>

#include "dev/virtio/p9_int.h"

enum { TLERROR_REPLY = 7, TVERSION = 100, TATTACH = 104, TFLUSH = 108, TREAD = 116, TWRITE = 118 };
enum { OPEN_MAX_DEFAULT = 256 };

/* ---- reading and writing messages ---- */

static uint64_t get(struct p9_in *in, unsigned size)
{
    uint64_t v = 0;

    if ((size_t)(in->end - in->at) < size) {
        in->bad = true;
        in->at = in->end;
        return 0;
    }
    memcpy(&v, in->at, size);
    in->at += size;
    return v;
}

uint8_t p9_u8(struct p9_in *in)
{
    return (uint8_t)get(in, 1);
}

uint16_t p9_u16(struct p9_in *in)
{
    return (uint16_t)get(in, 2);
}

uint32_t p9_u32(struct p9_in *in)
{
    return (uint32_t)get(in, 4);
}

uint64_t p9_u64(struct p9_in *in)
{
    return get(in, 8);
}

void p9_str(struct p9_in *in, char *to, size_t size)
{
    size_t n = p9_u16(in);

    *to = 0;
    if (n >= size || (size_t)(in->end - in->at) < n || memchr(in->at, 0, n)) {
        in->bad = true;
        return;
    }
    memcpy(to, in->at, n);
    to[n] = 0;
    in->at += n;
}

static void put(struct p9_out *o, const void *from, size_t size)
{
    if (size > o->size - o->at) {
        o->full = true;
        return;
    }
    memcpy(o->data + o->at, from, size);
    o->at += size;
}

void p9_put8(struct p9_out *o, uint8_t v)
{
    put(o, &v, 1);
}

void p9_put16(struct p9_out *o, uint16_t v)
{
    put(o, &v, 2);
}

void p9_put32(struct p9_out *o, uint32_t v)
{
    put(o, &v, 4);
}

void p9_put64(struct p9_out *o, uint64_t v)
{
    put(o, &v, 8);
}

void p9_put_str(struct p9_out *o, const char *text)
{
    p9_put16(o, (uint16_t)strlen(text));
    put(o, text, strlen(text));
}

void p9_put_qid(struct p9_out *o, const struct p9_fs *fs, const struct stat *st)
{
    uint64_t path = st->st_ino;

    /* Inodes of file systems mounted below the root must not look like its own. */
    if (st->st_dev != fs->top.st_dev)
        path ^= map_hash(st->st_dev) << 40;
    p9_put8(o, S_ISDIR(st->st_mode) ? 0x80 : S_ISLNK(st->st_mode) ? 2 : 0);
    p9_put32(o, (uint32_t)(st->st_mtim.tv_sec ^ st->st_mtim.tv_nsec ^ (st->st_size << 8)));
    p9_put64(o, path);
}

/* ---- sessions ---- */

static int version(struct p9_call *c)
{
    uint32_t msize = p9_u32(&c->in);
    char name[32];

    p9_str(&c->in, name, sizeof(name));
    if (c->in.bad || msize < P9_MSIZE_MIN)
        return -EPROTO;
    p9_fids_clear(c->s);
    c->s->msize = min_of(msize, (uint32_t)P9_MSIZE);
    p9_put32(&c->out, c->s->msize);
    p9_put_str(&c->out, strcmp(name, "9P2000.L") ? "unknown" : "9P2000.L");
    return 0;
}

static int attach(struct p9_call *c)
{
    uint32_t id = p9_u32(&c->in), uid;
    char name[P9_NAME + 1];
    struct p9_place p;
    struct p9_fid *f;
    struct stat st;
    int rc;

    p9_u32(&c->in); /* of an authentication: none is asked for */
    p9_str(&c->in, name, sizeof(name));
    p9_str(&c->in, name, sizeof(name));
    uid = p9_u32(&c->in);
    if (c->in.bad)
        return -EPROTO;
    rc = p9_find(&c->s->fs, "", &p);
    if (rc)
        return rc;
    rc = p9_stat(&c->s->fs, &p, &st);
    p9_leave(&p);
    if (!rc)
        rc = p9_fid_new(c->s, id, "", &f);
    if (rc)
        return rc;
    f->uid = uid == UINT32_MAX ? 0 : uid;
    p9_put_qid(&c->out, &c->s->fs, &st);
    return 0;
}

static int flush(struct p9_call *c)
{
    (void)c; /* requests are served in order: the one to flush is done */
    return 0;
}

static p9_handler *const handlers[128] = {
    [8] = p9_statfs,     [12] = p9_lopen,     [14] = p9_lcreate,      [16] = p9_symlink,
    [18] = p9_mknod,     [20] = p9_rename,    [22] = p9_readlink_msg, [24] = p9_getattr,
    [26] = p9_setattr,   [30] = p9_xattrwalk, [32] = p9_xattrcreate,  [40] = p9_readdir,
    [50] = p9_fsync,     [52] = p9_lock,      [54] = p9_getlock,      [70] = p9_link,
    [72] = p9_mkdir,     [74] = p9_renameat,  [76] = p9_unlinkat,     [TVERSION] = version,
    [TATTACH] = attach,  [TFLUSH] = flush,    [110] = p9_walk,        [TREAD] = p9_read,
    [TWRITE] = p9_write, [120] = p9_clunk,    [122] = p9_remove,
};

int p9_server_init(struct p9_server *s, const char *path, enum p9_model model, bool readonly,
                   struct err *e)
{
    struct rlimit limit;
    int rc;

    memset(s, 0, sizeof(*s));
    rc = p9_fs_open(&s->fs, path, e);
    if (rc)
        return rc;
    s->fs.model = model;
    s->fs.readonly = readonly;
    s->msize = P9_MSIZE_MIN;
    /* The rest of the machine needs descriptors, too. */
    s->open_max = getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY
                      ? OPEN_MAX_DEFAULT
                      : (unsigned)min_of(limit.rlim_cur / 2, (rlim_t)P9_FIDS_MAX);
    s->request = mem_alloc(P9_MSIZE);
    s->reply = mem_alloc(P9_MSIZE);
    return 0;
}

void p9_server_reset(struct p9_server *s)
{
    p9_fids_clear(s);
    s->msize = P9_MSIZE_MIN;
}

void p9_server_done(struct p9_server *s)
{
    p9_fids_clear(s);
    map_free(&s->fids);
    p9_fs_close(&s->fs);
    free(s->request);
    free(s->reply);
}

/* ---- one request ---- */

static size_t copy_from(const struct iovec *iov, unsigned n, uint8_t *to, size_t size)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < size; i++) {
        size_t part = min_of(iov[i].iov_len, size - done);

        memcpy(to + done, iov[i].iov_base, part);
        done += part;
    }
    return done;
}

static void copy_to(const struct iovec *iov, unsigned n, const uint8_t *from, size_t size)
{
    for (unsigned i = 0; i < n && size; i++) {
        size_t part = min_of(iov[i].iov_len, size);

        memcpy(iov[i].iov_base, from, part);
        from += part;
        size -= part;
    }
}

/* What is left of iovecs behind the first `skip` bytes: a copy in `to`. */
static unsigned behind(const struct iovec *iov, unsigned n, size_t skip, struct iovec *to)
{
    unsigned count = 0;

    for (unsigned i = 0; i < n; i++) {
        if (skip >= iov[i].iov_len) {
            skip -= iov[i].iov_len;
            continue;
        }
        to[count++] = (struct iovec){(char *)iov[i].iov_base + skip, iov[i].iov_len - skip};
        skip = 0;
    }
    return count;
}

static void run(struct p9_call *c, unsigned type)
{
    p9_handler *h = type < array_size(handlers) ? handlers[type] : NULL;
    int rc = h ? h(c) : -EOPNOTSUPP;

    if (!rc && c->in.bad)
        rc = -EPROTO;
    if (!rc && c->out.full)
        rc = -EMSGSIZE;
    if (!rc) {
        c->out.data[4] = (uint8_t)(type + 1);
        return;
    }
    c->out.at = P9_HEADER;
    c->out.full = false;
    c->moved = 0;
    c->out.data[4] = TLERROR_REPLY;
    p9_put32(&c->out, (uint32_t)-rc);
}

uint64_t p9_serve(struct p9_server *s, const struct iovec *out, unsigned nout, uint64_t out_size,
                  struct iovec *in, unsigned nin, uint64_t in_size)
{
    enum { WRITE_HEAD = P9_HEADER + 16, READ_HEAD = P9_HEADER + 4, PIECES = 1024 };
    struct p9_call c = {.s = s};
    struct iovec data[PIECES];
    size_t size = copy_from(out, nout, s->request, P9_HEADER), head;
    unsigned type = s->request[4];

    if (size < P9_HEADER || in_size < P9_HEADER + 4)
        return 0;
    size = mem_ld32le(s->request);
    if (size < P9_HEADER || size > out_size || size > max_of(s->msize, (uint32_t)P9_MSIZE_MIN))
        return 0;
    /* Data of a write stays where it is, data of a read goes where it shall be. */
    head = type == TWRITE ? min_of(size, (size_t)WRITE_HEAD) : size;
    copy_from(out, nout, s->request, head);
    c.in = (struct p9_in){s->request + P9_HEADER, s->request + head, false};
    c.out =
        (struct p9_out){s->reply, P9_HEADER, (size_t)min_of(in_size, (uint64_t)P9_MSIZE), false};
    c.data = data;
    if (type == TWRITE) {
        c.ndata = behind(out, min_of(nout, (unsigned)PIECES), head, data);
        c.data_size = size - head;
    } else if (type == TREAD) {
        c.ndata = behind(in, min_of(nin, (unsigned)PIECES), READ_HEAD, data);
        c.data_size = in_size - READ_HEAD;
    }
    run(&c, type);
    mem_st32le(c.out.data, (uint32_t)(c.out.at + c.moved));
    memcpy(c.out.data + 5, s->request + 5, 2); /* the tag */
    copy_to(in, nin, c.out.data, c.out.at);
    return c.out.at + c.moved;
}
