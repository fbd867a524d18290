/*
 * Files and block devices of the host: the protocols "file" and "host_device". Aligned requests go
 * to the kernel as they are; direct I/O of what is not aligned goes through a buffer, in a fiber.
 * Knows no format.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bits.h"
#include "blk/conf.h"
#include "blk/driver.h"

enum { BOUNCE_MAX = 1024 * 1024, IOV_LIMIT = 1024 };

struct file {
    int fd;
    bool device, threads, no_punch, no_zero_range;
    uint32_t align; /* of direct I/O; 1: none needed */
    /* A read-modify-write is alone among the writes of its file. */
    unsigned writers;
    bool rmw;
    struct blk_waitq turn;
};

int blk_file_fd(const struct blk *b)
{
    if (b->driver != &blk_driver_file && b->driver != &blk_driver_host_device)
        return -1;
    return ((struct file *)b->state)->fd;
}

/* ---- system calls ---- */

static int fallocate_mode(const struct blk_req *r)
{
    const struct file *f = r->b->state;

    if (r->op == BLK_OP_DISCARD || (r->flags & BLK_MAY_UNMAP && !f->no_punch))
        return FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return f->device ? FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE : FALLOC_FL_ZERO_RANGE;
}

void blk_file_prep(struct io_uring_sqe *sqe, struct blk_req *r)
{
    int fd = ((struct file *)r->b->state)->fd;

    switch (r->op) {
    case BLK_OP_READ:
        if (r->niov == 1)
            io_uring_prep_read(sqe, fd, r->iov->iov_base, (unsigned)r->iov->iov_len, r->at);
        else
            io_uring_prep_readv(sqe, fd, r->iov, (unsigned)r->niov, r->at);
        break;
    case BLK_OP_WRITE:
        if (r->niov == 1)
            io_uring_prep_write(sqe, fd, r->iov->iov_base, (unsigned)r->iov->iov_len, r->at);
        else
            io_uring_prep_writev(sqe, fd, r->iov, (unsigned)r->niov, r->at);
        break;
    case BLK_OP_FLUSH:
        io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
        break;
    default:
        io_uring_prep_fallocate(sqe, fd, fallocate_mode(r), (off_t)r->at, (off_t)r->size);
    }
}

int64_t blk_file_syscall(struct blk_req *r)
{
    int fd = ((struct file *)r->b->state)->fd;
    ssize_t res;

    do {
        switch (r->op) {
        case BLK_OP_READ:
            res = preadv(fd, r->iov, r->niov, (off_t)r->at);
            break;
        case BLK_OP_WRITE:
            res = pwritev(fd, r->iov, r->niov, (off_t)r->at);
            break;
        case BLK_OP_FLUSH:
            res = fdatasync(fd);
            break;
        default:
            res = fallocate(fd, fallocate_mode(r), (off_t)r->at, (off_t)r->size);
        }
    } while (res < 0 && errno == EINTR);
    return res < 0 ? -errno : res;
}

/* The rest of a request of which the kernel did `done` bytes. */
static void advance(struct blk_req *r, uint64_t done)
{
    struct iovec *rest = mem_array(struct iovec, r->niov);
    int count = blk_iov_slice(rest, r->iov, r->niov, done, r->size - done);

    if (r->own_iov)
        free((void *)r->iov);
    r->own_iov = true;
    r->iov = rest;
    r->niov = count;
    r->at += done;
    r->size -= done;
}

static void again(struct blk_req *r)
{
    struct file *f = r->b->state;

    blk_io_submit(r->b->io, r, f->threads);
}

static void writer_done(struct blk *b)
{
    struct file *f = b->state;

    if (--f->writers == 0)
        blk_wake_all(b->io, &f->turn);
}

static void finish(struct blk_req *r, int rc)
{
    struct blk *b = r->b;

    if (r->op == BLK_OP_WRITE || r->op == BLK_OP_ZERO || r->op == BLK_OP_DISCARD)
        writer_done(b);
    if (r->op == BLK_OP_WRITE && !rc)
        b->size = max_of(b->size, r->at + r->size);
    r->rc = rc;
    blk_req_finish(r);
}

/* Zeros by other means, when the file system knows none: in a fiber. */
static void zero_serve(void *arg)
{
    struct blk_req *r = arg;

    r->rc = r->b->driver->serve(r->b, r);
}

static void zero_served(void *arg, bool at_once)
{
    struct blk_req *r = arg;

    if (at_once)
        blk_io_defer(r->b->io, r);
    else
        blk_req_finish(r);
}

static void fallocate_done(struct blk_req *r, int64_t res)
{
    struct file *f = r->b->state;
    bool unknown = res == -EOPNOTSUPP || res == -EINVAL || res == -ENOSYS || res == -ENODEV;

    if (res == -EINTR || res == -EAGAIN) {
        again(r);
    } else if (!unknown) {
        if (r->op == BLK_OP_ZERO && !res && !(r->flags & BLK_MAY_UNMAP && !f->no_punch))
            r->b->size = max_of(r->b->size, r->at + r->size);
        finish(r, (int)res);
    } else if (r->op == BLK_OP_DISCARD) {
        f->no_punch = true; /* a discard is a hint */
        finish(r, 0);
    } else if (r->flags & BLK_MAY_UNMAP && !f->no_punch) {
        f->no_punch = true;
        again(r);
    } else {
        f->no_zero_range = true;
        writer_done(r->b);
        blk_io_spawn(r->b->io, zero_serve, zero_served, r);
    }
}

void blk_file_complete(struct blk_req *r, int64_t res)
{
    if (r->op == BLK_OP_FLUSH) {
        if (res == -EINTR || res == -EAGAIN)
            again(r);
        else
            finish(r, res == -EINVAL || res == -EROFS ? 0 : (int)res); /* it has nothing to sync */
        return;
    }
    if (r->op != BLK_OP_READ && r->op != BLK_OP_WRITE) {
        fallocate_done(r, res);
        return;
    }
    if (res == -EAGAIN || res == -EINTR) {
        again(r);
    } else if (res < 0) {
        finish(r, (int)res);
    } else if ((uint64_t)res >= r->size) {
        finish(r, 0);
    } else if (res == 0 && r->op == BLK_OP_READ) {
        blk_iov_zero(r->iov, r->niov, 0, r->size); /* beyond the end */
        finish(r, 0);
    } else if (res == 0) {
        finish(r, -ENOSPC);
    } else {
        struct file *f = r->b->state;

        advance(r, (uint64_t)res);
        if (r->op == BLK_OP_READ && f->align > 1 && r->at % f->align) {
            blk_iov_zero(r->iov, r->niov, 0,
                         r->size); /* direct I/O stops within a block at the end */
            finish(r, 0);
        } else {
            again(r);
        }
    }
}

/* ---- requests ---- */

static bool aligned(const struct file *f, const struct blk_req *r)
{
    if (f->align <= 1)
        return true;
    if ((r->at | r->size) & (f->align - 1))
        return false;
    for (int i = 0; i < r->niov; i++)
        if (((uintptr_t)r->iov[i].iov_base | r->iov[i].iov_len) & (f->align - 1))
            return false;
    return true;
}

static bool file_start(struct blk *b, struct blk_req *r)
{
    struct file *f = b->state;

    switch (r->op) {
    case BLK_OP_FLUSH:
        if (b->no_flush) {
            r->rc = 0;
            blk_io_defer(b->io, r);
            return true;
        }
        break;
    case BLK_OP_READ:
        if (r->niov > IOV_LIMIT || r->size > INT_MAX / 2 || !aligned(f, r))
            return false;
        break;
    case BLK_OP_WRITE:
        if (f->rmw || r->niov > IOV_LIMIT || r->size > INT_MAX / 2 || !aligned(f, r))
            return false;
        f->writers++;
        break;
    case BLK_OP_DISCARD:
        if (!b->discard || f->no_punch) {
            r->rc = 0;
            blk_io_defer(b->io, r);
            return true;
        }
        __attribute__((fallthrough));
    case BLK_OP_ZERO:
        if (f->rmw || (f->no_zero_range && r->op == BLK_OP_ZERO &&
                       !(r->flags & BLK_MAY_UNMAP && !f->no_punch)))
            return false;
        f->writers++;
        break;
    }
    blk_io_submit(b->io, r, f->threads);
    return true;
}

/* An aligned piece in a buffer of ours. */
static int bounce_io(struct blk *b, enum blk_op op, uint64_t at, void *buf, size_t size)
{
    struct iovec iov = {buf, size};

    return blk_co(b, op, at, size, &iov, 1, 0);
}

static int bounce_read(struct blk *b, struct blk_req *r, uint64_t done, uint64_t size, char *buf)
{
    struct file *f = b->state;
    uint64_t from = bits_align_down(r->at + done, f->align);
    uint64_t to = bits_align_up(r->at + done + size, f->align);
    int rc = bounce_io(b, BLK_OP_READ, from, buf, to - from);

    if (!rc)
        blk_iov_put(r->iov, r->niov, done, buf + (r->at + done - from), size);
    return rc;
}

static int bounce_write(struct blk *b, struct blk_req *r, uint64_t done, uint64_t size, char *buf)
{
    struct file *f = b->state;
    uint64_t at = r->at + done, from = bits_align_down(at, f->align);
    uint64_t to = bits_align_up(at + size, f->align), old_size = b->size;
    bool rmw = from != at || to != at + size;
    int rc = 0;

    while (f->rmw || (rmw && f->writers))
        blk_wait(b->io, &f->turn);
    if (rmw) {
        f->rmw = true;
        rc = bounce_io(b, BLK_OP_READ, from, buf, f->align);
        if (!rc && to - from > f->align)
            rc = bounce_io(b, BLK_OP_READ, to - f->align, buf + (to - from - f->align), f->align);
        f->rmw = false; /* no other write can start before ours does: nothing waits in between */
    }
    if (rc)
        goto out;
    if (r->op == BLK_OP_ZERO)
        memset(buf + (at - from), 0, size);
    else
        blk_iov_get(r->iov, r->niov, done, buf + (at - from), size);
    rc = bounce_io(b, BLK_OP_WRITE, from, buf, to - from);
    if (!rc && rmw && !f->device && to > old_size && at + size < to && b->size == to &&
        !f->writers) {
        /* The padding made the file longer than what was written. (Others may write behind: then it
         * stays.) */
        uint64_t end = max_of(at + size, old_size);

        if (ftruncate(f->fd, (off_t)end) == 0)
            b->size = end;
    }
out:
    blk_wake_all(b->io, &f->turn);
    return rc;
}

static int file_serve(struct blk *b, struct blk_req *r)
{
    struct file *f = b->state;
    uint64_t step = BOUNCE_MAX - 2 * (uint64_t)f->align;
    char *buf;
    int rc = 0;

    if (r->op != BLK_OP_READ && r->op != BLK_OP_WRITE && r->op != BLK_OP_ZERO) {
        while (f->rmw)
            blk_wait(b->io, &f->turn);
        return blk_co(b, r->op, r->at, r->size, NULL, 0, r->flags);
    }
    buf = blk_buffer(min_of(bits_align_up(r->size, f->align) + 2 * f->align, (uint64_t)BOUNCE_MAX));
    if (!buf)
        return -ENOMEM;
    for (uint64_t done = 0; done < r->size && !rc;) {
        uint64_t size = min_of(r->size - done, step);

        rc = r->op == BLK_OP_READ ? bounce_read(b, r, done, size, buf)
                                  : bounce_write(b, r, done, size, buf);
        done += size;
    }
    free(buf);
    return rc;
}

/* ---- what is there ---- */

static int file_status(struct blk *b, uint64_t at, uint64_t size, struct blk_extent *out)
{
    struct file *f = b->state;
    off_t data, hole;

    out->map = at;
    out->flags = BLK_DATA | BLK_ALLOCATED | BLK_MAPPED;
    if (f->device)
        return 0;
    if (at >= b->size) {
        out->flags = BLK_ZERO | BLK_ALLOCATED;
        return 0;
    }
    data = lseek(f->fd, (off_t)at, SEEK_DATA);
    if (data < 0 && errno != ENXIO)
        return 0; /* the file system does not tell */
    if (data < 0 || (uint64_t)data >= at + size) {
        out->flags = BLK_ZERO | BLK_ALLOCATED | BLK_MAPPED;
        if (data < 0)
            out->size = min_of(size, b->size - at);
        return 0;
    }
    if ((uint64_t)data > at) {
        out->flags = BLK_ZERO | BLK_ALLOCATED | BLK_MAPPED;
        out->size = (uint64_t)data - at;
        return 0;
    }
    hole = lseek(f->fd, (off_t)at, SEEK_HOLE);
    if (hole > (off_t)at)
        out->size = min_of(size, (uint64_t)hole - at);
    return 0;
}

static int preallocate(struct blk *b, uint64_t from, uint64_t size, unsigned how, struct err *e)
{
    struct file *f = b->state;
    char *zeros;
    int rc = 0;

    if (size <= from || how < 2)
        return 0;
    if (how == 2) {
        rc = posix_fallocate(f->fd, (off_t)from, (off_t)(size - from));
        return rc ? err_set(e, rc, "cannot preallocate %s", b->path) : 0;
    }
    zeros = blk_buffer(BOUNCE_MAX);
    if (!zeros)
        return err_set(e, ENOMEM, "cannot preallocate %s", b->path);
    memset(zeros, 0, BOUNCE_MAX);
    for (uint64_t at = from; at < size && !rc;) {
        uint64_t part = min_of(size - at, (uint64_t)BOUNCE_MAX);

        rc = blk_co_write(b, at, zeros, part);
        at += part;
    }
    free(zeros);
    return rc ? err_set(e, rc, "cannot preallocate %s", b->path) : 0;
}

static int file_resize(struct blk *b, uint64_t size, bool shrink, unsigned how, struct err *e)
{
    struct file *f = b->state;
    uint64_t old = b->size;

    (void)shrink;
    if (f->device) {
        if (size > b->size)
            return err_text(e, EINVAL, "%s: a host device cannot grow", b->path);
        return 0;
    }
    if (size > INT64_MAX)
        return err_text(e, EFBIG, "%s: the size is too large", b->path);
    if (ftruncate(f->fd, (off_t)size) < 0)
        return err_set(e, errno, "cannot resize %s", b->path);
    b->size = size;
    return preallocate(b, old, size, how, e);
}

static void file_info(struct blk *b, json_t *into)
{
    struct file *f = b->state;
    struct stat st;

    if (fstat(f->fd, &st) == 0)
        json_object_set_new(into, "actual-size", json_integer((json_int_t)st.st_blocks * 512));
}

/* ---- open ---- */

static uint32_t direct_align(int fd)
{
    void *p = blk_buffer(4096);
    uint32_t align = 4096;

    if (p && pread(fd, p, 512, 0) >= 0)
        align = 512;
    free(p);
    return align;
}

static int find_size(struct blk *b, struct err *e)
{
    struct file *f = b->state;
    struct stat st;
    int sector = 512;

    if (fstat(f->fd, &st) < 0)
        return err_set(e, errno, "cannot look at %s", b->path);
    f->device = S_ISBLK(st.st_mode);
    if (f->device) {
        off_t end = lseek(f->fd, 0, SEEK_END);

        if (end < 0)
            return err_set(e, errno, "cannot find the size of %s", b->path);
        b->size = (uint64_t)end;
        if (b->direct && ioctl(f->fd, BLKSSZGET, &sector) == 0 && sector > 0)
            f->align = (uint32_t)sector;
    } else if (S_ISREG(st.st_mode)) {
        b->size = (uint64_t)st.st_size;
        if (b->direct)
            f->align = direct_align(f->fd);
    } else {
        return err_text(e, EINVAL, "%s is %s, not a file or block device", b->path,
                        S_ISDIR(st.st_mode) ? "a directory" : "a special file");
    }
    if (!bits_is_pow2(f->align) || f->align > 65536)
        f->align = 4096;
    b->block_size = b->direct ? max_of(f->align, 512u) : 512;
    return 0;
}

static int open_fd(struct blk *b, struct blk_conf *c, struct err *e)
{
    struct file *f = b->state;
    int flags = O_CLOEXEC | (b->direct ? O_DIRECT : 0);

    f->fd = open(b->path, flags | (b->readonly ? O_RDONLY : O_RDWR));
    if (f->fd < 0 && !b->readonly && (errno == EACCES || errno == EROFS || errno == EPERM) &&
        c->flags & BLK_AUTO_RDONLY) {
        b->readonly = true;
        f->fd = open(b->path, flags | O_RDONLY);
    }
    if (f->fd < 0 && errno == EINVAL && b->direct)
        return err_text(e, EINVAL,
                        "%s: its file system has no direct I/O (O_DIRECT): use cache=writeback",
                        b->path);
    if (f->fd < 0)
        return err_set(e, errno, "cannot open %s%s", b->path, b->readonly ? "" : " for writing");
    return 0;
}

static int file_open(struct blk *b, struct blk_conf *c, struct err *e)
{
    struct file *f = mem_new(struct file);
    const char *name = blk_conf_str(c, "filename");
    const char *locking = blk_conf_str(c, "locking");
    int rc;

    b->state = f;
    f->fd = -1;
    f->align = 1;
    f->threads = c->aio == BLK_AIO_THREADS;
    blk_waitq_init(&f->turn);
    if (!name)
        return err_text(e, EINVAL, "a node of driver %s needs a filename", b->driver->name);
    if (!strncmp(name, "file:", 5))
        name += 5;
    free(b->path);
    b->path = mem_strdup(name);
    rc = open_fd(b, c, e);
    if (!rc)
        rc = find_size(b, e);
    if (!rc && !(c->flags & BLK_NO_LOCK) && (!locking || strcmp(locking, "off") != 0))
        rc = blk_lock_file(f->fd, b->path, !b->readonly, c->flags & BLK_NO_IO, e);
    if (!rc)
        b->discard_unit = 512;
    return rc;
}

static void file_close(struct blk *b)
{
    struct file *f = b->state;

    if (f && f->fd >= 0)
        close(f->fd);
    free(f);
}

static const char *const file_keys[] = {"filename",
                                        "locking",
                                        "aio",
                                        "aio-max-batch",
                                        "pr-manager",
                                        "drop-cache",
                                        "x-check-cache-dropped",
                                        NULL};

const struct blk_driver blk_driver_file = {
    .name = "file",
    .protocol = true,
    .keys = file_keys,
    .open = file_open,
    .close = file_close,
    .start = file_start,
    .serve = file_serve,
    .status = file_status,
    .resize = file_resize,
    .info = file_info,
};

const struct blk_driver blk_driver_host_device = {
    .name = "host_device",
    .protocol = true,
    .keys = file_keys,
    .open = file_open,
    .close = file_close,
    .start = file_start,
    .serve = file_serve,
    .status = file_status,
    .resize = file_resize,
    .info = file_info,
};
