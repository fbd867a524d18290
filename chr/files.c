/*
 * Streams that are a file or an inherited descriptor: stdio, file, pipe, serial, fd, null. Owns how
 * each is opened; the bytes are stream.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "chr/chr_int.h"
#include "os/term.h"

struct files {
    struct chr_stream stream; /* first: all of these share write and ready */
    char *path, *input;
    bool append, signal, raw;
    uint32_t fd;
};

static size_t stream_write(struct chr *c, const uint8_t *data, size_t size)
{
    return chr_stream_write(&((struct files *)c->priv)->stream, data, size);
}

static void stream_ready(struct chr *c)
{
    chr_stream_ready(&((struct files *)c->priv)->stream);
}

static void stream_close(struct chr *c)
{
    chr_stream_close(&((struct files *)c->priv)->stream);
}

/* The end of the input: what is written still goes out. */
static void input_ended(void *arg)
{
    struct files *f = arg;

    chr_stream_ready(&f->stream);
}

static void start(struct chr *c, int rfd, int wfd)
{
    struct files *f = c->priv;

    f->stream.closed = input_ended;
    f->stream.arg = f;
    chr_stream_open(&f->stream, c, rfd, wfd);
    chr_in_event(c, CHR_OPENED);
}

static int open_path(const char *path, int flags, int *fd, struct err *e)
{
    *fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
    return *fd < 0 ? err_set(e, errno, "cannot open '%s'", path) : 0;
}

/* ---- stdio ---- */

static int stdio_open(struct chr *c, struct err *e)
{
    struct files *f = c->priv;
    int rfd, wfd;

    if (isatty(0)) {
        int rc = os_term_raw(0, f->signal && !c->conf.mux, e);

        if (rc < 0)
            return rc;
        f->raw = true;
    }
    rfd = fcntl(0, F_DUPFD_CLOEXEC, 3);
    wfd = fcntl(1, F_DUPFD_CLOEXEC, 3);
    start(c, rfd, wfd);
    return 0;
}

static void stdio_close(struct chr *c)
{
    struct files *f = c->priv;

    stream_close(c);
    if (f->raw)
        os_term_restore();
}

static const struct prop stdio_props[] = {
    {.name = "signal",
     .type = PROP_BOOL,
     .offset = offsetof(struct files, signal),
     .def = 1,
     .help = "Ctrl-C ends the machine instead of going to the guest"},
    {0},
};

const struct chr_backend chr_stdio = {
    .name = "stdio",
    .help = "the terminal that the program was started from",
    .size = sizeof(struct files),
    .props = stdio_props,
    .open = stdio_open,
    .close = stdio_close,
    .write = stream_write,
    .ready = stream_ready,
};

/* ---- file ---- */

static int file_open(struct chr *c, struct err *e)
{
    struct files *f = c->priv;
    int rfd = -1, wfd, rc;

    rc = open_path(f->path, O_WRONLY | O_CREAT | (f->append ? O_APPEND : O_TRUNC), &wfd, e);
    if (rc < 0)
        return rc;
    if (f->input) {
        rc = open_path(f->input, O_RDONLY | O_NONBLOCK, &rfd, e);
        if (rc < 0) {
            close(wfd);
            return rc;
        }
    }
    start(c, rfd, wfd);
    return 0;
}

static void path_info(struct chr *c, char *text, size_t size)
{
    snprintf(text, size, "%s:%s", c->be->name, ((struct files *)c->priv)->path);
}

static const struct prop file_props[] = {
    {.name = "path",
     .type = PROP_STR,
     .offset = offsetof(struct files, path),
     .required = true,
     .help = "file that gets the output"},
    {.name = "append",
     .type = PROP_BOOL,
     .offset = offsetof(struct files, append),
     .help = "keep what the file has"},
    {.name = "input-path",
     .type = PROP_STR,
     .offset = offsetof(struct files, input),
     .help = "file that the input comes from"},
    {0},
};

const struct chr_backend chr_file = {
    .name = "file",
    .help = "output to a file",
    .size = sizeof(struct files),
    .props = file_props,
    .open = file_open,
    .close = stream_close,
    .write = stream_write,
    .ready = stream_ready,
    .info = path_info,
};

/* ---- pipe ---- */

/* PATH.in and PATH.out when both exist, else PATH for both directions. Opened read-write: a FIFO
 * without the other end would block, or end when its writer goes. */
static int pipe_open(struct chr *c, struct err *e)
{
    struct files *f = c->priv;
    char in[4096], out[4096];
    int rfd, wfd, rc;

    snprintf(in, sizeof(in), "%s.in", f->path);
    snprintf(out, sizeof(out), "%s.out", f->path);
    if (access(in, F_OK) < 0 || access(out, F_OK) < 0) {
        rc = open_path(f->path, O_RDWR | O_NONBLOCK, &rfd, e);
        if (rc == 0)
            start(c, rfd, rfd);
        else if (rc == -ENOENT)
            err_text(e, ENOENT, "no pipe '%s': make it with `mkfifo %s %s`", f->path, in, out);
        return rc;
    }
    rc = open_path(in, O_RDWR | O_NONBLOCK, &rfd, e);
    if (rc < 0)
        return rc;
    rc = open_path(out, O_RDWR | O_NONBLOCK, &wfd, e);
    if (rc < 0) {
        close(rfd);
        return rc;
    }
    start(c, rfd, wfd);
    return 0;
}

static const struct prop path_props[] = {
    {.name = "path",
     .type = PROP_STR,
     .offset = offsetof(struct files, path),
     .required = true,
     .help = "its file"},
    {0},
};

const struct chr_backend chr_pipe = {
    .name = "pipe",
    .help = "a pair of FIFOs, PATH.in and PATH.out",
    .size = sizeof(struct files),
    .props = path_props,
    .open = pipe_open,
    .close = stream_close,
    .write = stream_write,
    .ready = stream_ready,
    .info = path_info,
};

/* ---- serial: a line of the host ---- */

static int serial_open(struct chr *c, struct err *e)
{
    struct files *f = c->priv;
    struct termios t;
    int fd, rc = open_path(f->path, O_RDWR | O_NONBLOCK, &fd, e);

    if (rc < 0)
        return rc;
    if (tcgetattr(fd, &t) < 0) {
        close(fd);
        return err_text(e, ENOTTY, "'%s' is no serial line", f->path);
    }
    cfmakeraw(&t);
    t.c_cflag |= CREAD | CLOCAL;
    tcsetattr(fd, TCSANOW, &t);
    start(c, fd, fd);
    return 0;
}

const struct chr_backend chr_serial = {
    .name = "serial",
    .help = "a serial line of the host",
    .size = sizeof(struct files),
    .props = path_props,
    .open = serial_open,
    .close = stream_close,
    .write = stream_write,
    .ready = stream_ready,
    .info = path_info,
};

/* ---- fd ---- */

static int fd_open(struct chr *c, struct err *e)
{
    struct files *f = c->priv;
    int flags = fcntl((int)f->fd, F_GETFL), mode = flags & O_ACCMODE, fd = (int)f->fd;

    if (flags < 0)
        return err_set(e, errno, "descriptor %d", fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    start(c, mode == O_WRONLY ? -1 : fd, mode == O_RDONLY ? -1 : fd);
    return 0;
}

static const struct prop fd_props[] = {
    {.name = "fd",
     .type = PROP_U32,
     .offset = offsetof(struct files, fd),
     .required = true,
     .max = INT32_MAX,
     .help = "number of an open descriptor"},
    {0},
};

const struct chr_backend chr_fd = {
    .name = "fd",
    .help = "a descriptor that was inherited",
    .size = sizeof(struct files),
    .props = fd_props,
    .open = fd_open,
    .close = stream_close,
    .write = stream_write,
    .ready = stream_ready,
};

/* ---- null ---- */

static int null_open(struct chr *c, struct err *e)
{
    (void)e;
    chr_in_event(c, CHR_OPENED);
    return 0;
}

static size_t null_write(struct chr *c, const uint8_t *data, size_t size)
{
    (void)c, (void)data;
    return size;
}

static const struct prop no_props[] = {{0}};

const struct chr_backend chr_null = {
    .name = "null",
    .help = "nothing comes, all goes away",
    .size = 1,
    .props = no_props,
    .open = null_open,
    .write = null_write,
};
