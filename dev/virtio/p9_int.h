/* Private to virtio-9p: p9_fs.c (the host directory), p9_fid.c (the client's handles), p9_attr.c,
 * p9_name.c and p9_io.c (messages), p9_server.c (sessions and dispatch), p9.c (the device).
 *
 * Everything but p9.c runs in the server's worker thread, one request at a time, and knows nothing
 * of virtio. Sources: 9P2000 manual, section 5; 9P2000.L as Linux defines it
 * (Documentation/filesystems/9p.rst, include/net/9p/9p.h).
 */
#ifndef MYNA_DEV_VIRTIO_P9_INT_H
#define MYNA_DEV_VIRTIO_P9_INT_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"

enum {
    P9_NAME = 255,
    P9_PATH = 4096,
    P9_MSIZE = 1 << 20,
    P9_MSIZE_MIN = 4096,
    P9_WALK_MAX = 16,
    P9_FIDS_MAX = 16384,
    P9_XATTR_MAX = 65536
};
enum { P9_HEADER = 7, P9_QID = 13 };

/* ---- the host directory ---- */

enum p9_model { P9_MAPPED, P9_PASSTHROUGH, P9_NONE };

struct p9_fs {
    int root; /* descriptor */
    struct stat top;
    enum p9_model model;
    bool readonly;
};

int must_check p9_fs_open(struct p9_fs *fs, const char *path, struct err *e);
void p9_fs_close(struct p9_fs *fs);

/* An object by its name in a directory that was reached component by component, never through a
 * symbolic link: no name a client can send leaves the root. Paths are relative to it, "" is itself.
 * Functions return 0 or more, or a negative errno. */
struct p9_place {
    int dir; /* opened with O_PATH; close it */
    char name[P9_NAME + 1];
};
int p9_find(const struct p9_fs *fs, const char *path, struct p9_place *p);
void p9_leave(struct p9_place *p);
bool p9_name_good(const char *name);
/* dir/name into `to` of P9_PATH bytes. */
int p9_join(char *to, const char *dir, const char *name);

int p9_stat(const struct p9_fs *fs, const struct p9_place *p, struct stat *st);
/* A regular file or directory; nothing else is ever opened. */
int p9_open(const struct p9_place *p, int flags);
struct p9_owner {
    uint32_t uid, gid, mode; /* mode: with the type */
    uint64_t rdev;
};
/* Makes what o->mode says; for symbolic links `target`. O_CREAT of a file: the descriptor, opened
 * with `flags`. */
int p9_make(const struct p9_fs *fs, const struct p9_place *p, const struct p9_owner *o,
            const char *target, int flags);
int p9_readlink(const struct p9_fs *fs, const struct p9_place *p, char *to,
                size_t size); /* its length */
int p9_chmod(const struct p9_fs *fs, const struct p9_place *p, uint32_t mode);
int p9_chown(const struct p9_fs *fs, const struct p9_place *p, uint32_t uid,
             uint32_t gid); /* UINT32_MAX: keep */
int p9_truncate(const struct p9_place *p, uint64_t size);
ssize_t p9_getxattr(const struct p9_place *p, const char *name, void *to, size_t size);
ssize_t p9_listxattr(const struct p9_fs *fs, const struct p9_place *p, char *to, size_t size);
int p9_setxattr(const struct p9_fs *fs, const struct p9_place *p, const char *name,
                const void *from, size_t size, int flags);
int p9_removexattr(const struct p9_fs *fs, const struct p9_place *p, const char *name);

/* ---- messages ---- */

struct p9_in {
    const uint8_t *at, *end;
    bool bad; /* read beyond the end, or a string that is no name */
};
uint8_t p9_u8(struct p9_in *in);
uint16_t p9_u16(struct p9_in *in);
uint32_t p9_u32(struct p9_in *in);
uint64_t p9_u64(struct p9_in *in);
void p9_str(struct p9_in *in, char *to,
            size_t size); /* at most size - 1 bytes, terminated, without NUL inside */

struct p9_out {
    uint8_t *data;
    size_t at, size;
    bool full;
};
void p9_put8(struct p9_out *o, uint8_t v);
void p9_put16(struct p9_out *o, uint16_t v);
void p9_put32(struct p9_out *o, uint32_t v);
void p9_put64(struct p9_out *o, uint64_t v);
void p9_put_str(struct p9_out *o, const char *text);
void p9_put_qid(struct p9_out *o, const struct p9_fs *fs, const struct stat *st);

/* ---- handles ---- */

enum p9_kind { P9_PLAIN, P9_FILE, P9_DIR, P9_XATTR_READ, P9_XATTR_WRITE };

struct p9_fid {
    uint32_t id;
    enum p9_kind kind;
    uint32_t uid; /* of who attached: owns what is made through it */
    char *path;
    int fd;         /* P9_FILE */
    void *dir;      /* P9_DIR: DIR * */
    int64_t dir_at; /* offset of the next entry */
    uint8_t *xattr; /* P9_XATTR_* */
    uint64_t xattr_size, xattr_have;
    int xattr_flags;
    char *xattr_name;
};

struct p9_server {
    struct p9_fs fs;
    struct map fids;
    uint32_t msize;
    unsigned open, open_max;  /* descriptors held for the client, and how many it may */
    uint8_t *request, *reply; /* of P9_MSIZE bytes */
};

struct p9_fid *p9_fid(const struct p9_server *s, uint32_t id); /* NULL: none */
int p9_fid_new(struct p9_server *s, uint32_t id, const char *path, struct p9_fid **out);
int p9_fid_path(struct p9_fid *f, const char *path);
/* Closes what it has open; what an xattr write ends with. */
int p9_fid_close(struct p9_server *s, struct p9_fid *f);
int p9_fid_free(struct p9_server *s, struct p9_fid *f);
void p9_fids_clear(struct p9_server *s);
/* from -> to was renamed on the host: so are the paths of handles in and below it. */
void p9_fids_renamed(struct p9_server *s, const char *from, const char *to);
bool p9_may_open(const struct p9_server *s);

/* A message: its arguments to the reply's. 0 or negative errno. `data` of Twrite, room of Tread as
 * iovecs. */
struct p9_call {
    struct p9_server *s;
    struct p9_in in;
    struct p9_out out;
    struct iovec *data; /* the rest of the request after `in`, and of the reply after `out` */
    unsigned ndata;
    uint64_t data_size;
    uint64_t moved; /* bytes of data in the reply (Tread) */
};
typedef int p9_handler(struct p9_call *c);
p9_handler p9_getattr, p9_setattr, p9_statfs, p9_xattrwalk, p9_xattrcreate; /* p9_attr.c */
p9_handler p9_walk, p9_mkdir, p9_mknod, p9_symlink, p9_link, p9_rename, p9_renameat, p9_unlinkat,
    p9_remove, p9_readlink_msg; /* p9_name.c */
p9_handler p9_lopen, p9_lcreate, p9_read, p9_write, p9_readdir, p9_fsync, p9_clunk, p9_lock,
    p9_getlock; /* p9_io.c */

/* ---- p9_server.c ---- */
int must_check p9_server_init(struct p9_server *s, const char *path, enum p9_model model,
                              bool readonly, struct err *e);
void p9_server_done(struct p9_server *s);
void p9_server_reset(struct p9_server *s); /* a new session: no handles */
/* One request to one reply; bytes of the reply; 0: it does not fit, or is no request. */
uint64_t p9_serve(struct p9_server *s, const struct iovec *out, unsigned nout, uint64_t out_size,
                  struct iovec *in, unsigned nin, uint64_t in_size);
#endif
