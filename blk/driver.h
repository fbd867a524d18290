/*
 * The inside of blk/: nodes, requests, and the vtable that formats and protocols fill.
 *
 * A request goes down the chain: a driver's start() takes it at once (maps it and passes the same
 * request to its child, or gives it to the kernel) or declines; then serve() does it in a fiber,
 * from top to bottom. Everything is on the loop's thread. Offsets that reach a driver are checked
 * against its node's size only at the top: a format is trusted with its file.
 */
#ifndef MYNA_BLK_DRIVER_H
#define MYNA_BLK_DRIVER_H

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "blk/blk.h"
#include "blk/image.h"
#include "blk/io.h"

enum blk_op { BLK_OP_READ, BLK_OP_WRITE, BLK_OP_FLUSH, BLK_OP_DISCARD, BLK_OP_ZERO };

/* How many requests are under way somewhere; who waits for none is woken. */
struct blk_count {
    uint32_t running;
    struct blk_waitq none;
};
static inline void blk_count_put(struct blk_io *io, struct blk_count *c)
{
    if (--c->running == 0)
        blk_wake_all(io, &c->none);
}

struct blk_req {
    struct list link;
    struct blk *top; /* whose caller waits; NULL: a format's own */
    struct blk *b;   /* who serves it now */
    uint8_t op, flags;
    uint8_t top_op;
    bool pooled;  /* from the free list, not of a fiber's stack */
    bool own_iov; /* iov is malloc'ed */
    bool redo;    /* short: goes on where it stopped */
    bool follow;  /* a flush follows the write */
    int niov, rc;
    uint64_t at, size, top_size;
    const struct iovec *iov;
    blk_done_fn *done;
    void *arg;
    struct blk_count *count; /* put at the end */
    struct blk_work work;
    int64_t res; /* of the system call */
    struct iovec inl[8];
};

struct blk_conf;
struct blk_driver {
    const char *name;
    bool protocol;
    const char *const *keys; /* of its own, beside the common ones; NULL-terminated */
    /* In a fiber. conf: this node's object. */
    int (*open)(struct blk *b, struct blk_conf *c, struct err *e);
    void (*close)(struct blk *b);
    bool (*start)(struct blk *b, struct blk_req *r); /* may be NULL */
    int (*serve)(struct blk *b, struct blk_req *r);
    /* In a fiber. What [at, at + size) is; out->size says how far from at. */
    int (*status)(struct blk *b, uint64_t at, uint64_t size, struct blk_extent *out);
    int (*resize)(struct blk *b, uint64_t size, bool shrink, unsigned preallocation, struct err *e);
    int (*check)(struct blk *b, unsigned fix, struct blk_check *result, struct err *e);
    void (*info)(struct blk *b, json_t *into);
};

struct blk {
    const struct blk_driver *driver;
    void *state; /* the driver's */
    struct blk_io *io;
    struct os_loop *loop;
    char *name; /* node name */
    char *path; /* as opened; "" for none */
    uint64_t size;
    uint32_t block_size, discard_unit;
    bool readonly;
    bool writethrough;
    bool no_flush; /* cache.no-flush */
    bool direct;
    bool discard;                      /* pass discards on */
    uint8_t detect_zeroes;             /* 0 off, 1 on, 2 unmap */
    struct blk *file, *backing, *data; /* children; data: of qcow2, when not file */
    unsigned in_flight;
    struct blk_stats stats;
    struct blk_waitq idle;
};

/* How a node is to be opened; children inherit. */
struct blk_conf {
    json_t *json; /* borrowed */
    struct os_loop *loop;
    struct blk_io *io;
    unsigned flags; /* BLK_* of blk.h and below */
    enum blk_aio aio;
    unsigned depth;             /* of the backing chain */
    struct blk *file, *backing; /* already open: taken as these children */
    bool guessed;               /* the format is what the content looks like */
};
enum {
    BLK_FOR_CHECK = 1 << 16, /* the format must not mend or refuse what check is to see */
    BLK_DISCARD = 1 << 17,   /* discard=unmap */
    BLK_AUTO_RDONLY = 1 << 18,
    BLK_RESIZE = 1 << 19,
    BLK_NO_IO = 1 << 20, /* metadata only: does not need exclusive files */
};

extern const struct blk_driver blk_driver_file, blk_driver_host_device, blk_driver_null_co,
    blk_driver_null_aio, blk_driver_raw, blk_driver_qcow2;

/* ---- open.c ---- */
enum { BLK_CHAIN_MAX = 200 };
/* In a fiber. */
int must_check blk_node_open(struct blk **out, const struct blk_conf *c, struct err *e);
void blk_node_close(struct blk *b);
/* The child object under `key`, with the flags of a child; opens a file node for a plain string. */
int must_check blk_child_open(struct blk **out, struct blk_conf *c, const char *key, struct err *e);
/* A backing or data file that an image names: "path", "json:{...}", relative to `base`. */
int must_check blk_named_open(struct blk **out, const struct blk_conf *c, const char *base,
                              const char *name, const char *format, unsigned flags, struct err *e);
char *blk_path_join(const char *base, const char *name);
const struct blk_driver *blk_driver_find(const char *name);

/* ---- req.c ---- */
struct blk_req *blk_req_new(struct blk *b, enum blk_op op, uint64_t at, uint64_t size,
                            const struct iovec *iov, int niov, unsigned flags, blk_done_fn *done,
                            void *arg);
void blk_req_start(struct blk_req *r);
void blk_req_finish(
    struct blk_req *r); /* with r->rc; calls done; not within the call that started it */
void blk_req_pass(struct blk_req *r); /* r->b is a child now: start() or fiber */

/* In a fiber: a request to a child, waited for. */
int blk_co(struct blk *b, enum blk_op op, uint64_t at, uint64_t size, const struct iovec *iov,
           int niov, unsigned flags);
int blk_co_read(struct blk *b, uint64_t at, void *to, size_t size);
int blk_co_write(struct blk *b, uint64_t at, const void *from, size_t size);
int blk_co_flush(struct blk *b);
int blk_co_status(struct blk *b, uint64_t at, uint64_t size, struct blk_extent *out);

/* Several requests at once. The slice [offset, offset + size) of iov is copied. */
struct blk_join {
    struct blk_io *io;
    unsigned pending;
    int rc;
    struct blk_waitq waiting;
};
void blk_join_init(struct blk_join *j, struct blk_io *io);
void blk_join_add(struct blk_join *j, struct blk *b, enum blk_op op, uint64_t at, uint64_t size,
                  const struct iovec *iov, int niov, uint64_t offset, unsigned flags,
                  struct blk_count *count);
int blk_join_wait(struct blk_join *j);

/* Runs fn(arg) in a fiber and waits for it; for calls that may block. */
int blk_run(struct blk_io *io, int (*fn)(void *arg), void *arg);

/* ---- iov.c ---- */
uint64_t blk_iov_size(const struct iovec *iov, int niov);
/* Pieces that cover [offset, offset + size); out has room for niov. */
int blk_iov_slice(struct iovec *out, const struct iovec *iov, int niov, uint64_t offset,
                  uint64_t size);
int blk_iov_count(const struct iovec *iov, int niov, uint64_t offset, uint64_t size);
void blk_iov_zero(const struct iovec *iov, int niov, uint64_t offset, uint64_t size);
void blk_iov_put(const struct iovec *iov, int niov, uint64_t offset, const void *from,
                 uint64_t size);
void blk_iov_get(const struct iovec *iov, int niov, uint64_t offset, void *to, uint64_t size);
bool blk_is_zero(const void *p, size_t size);
bool blk_iov_is_zero(const struct iovec *iov, int niov);
void *blk_buffer(size_t size) must_check; /* aligned for direct I/O; NULL: no memory; free() */

/* ---- file.c ---- */
void blk_file_complete(struct blk_req *r, int64_t res);
void blk_file_prep(struct io_uring_sqe *sqe, struct blk_req *r);
int64_t blk_file_syscall(struct blk_req *r);
int blk_file_fd(const struct blk *b); /* -1: no file */

/* ---- lock.c ---- */
int must_check blk_lock_file(int fd, const char *path, bool write, bool share, struct err *e);

/* Resizing, in a fiber. preallocation: enum blk_prealloc. */
int must_check blk_resize(struct blk *b, uint64_t size, bool shrink, unsigned preallocation,
                          struct err *e);

/* ---- qcow2/create.c ---- */
/* Writes an empty image into an open file; in a fiber. *file NULL afterwards: it was closed, too.
 */
int must_check blk_qcow2_format(struct blk **file, const struct blk_create *o, struct err *e);

/* ---- probe.c ---- */
/* In a fiber: the format that the file's content looks like; "raw" when like none. An error when it
 * is one that we cannot read. */
int must_check blk_probe_format(struct blk *file, const char **format, struct err *e);
/* What the first bytes look like, or NULL. */
const char *blk_probe_bytes(const void *head, size_t size);

#endif
