/*
 * A pseudo-terminal: `screen`, `virsh console` and their like connect to it. Owns the pair; without
 * a reader the output goes away, and a new reader finds it working.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "chr/chr_int.h"
#include "os/time.h"

enum { LOOK_NS = 250 * 1000 * 1000 };

struct pty {
    struct chr_stream stream;
    struct os_timer *timer; /* looks for a reader: the kernel tells of a hang-up, not of its end */
    int fd;
    char *link, *name;
    bool linked;
};

static bool has_reader(const struct pty *p)
{
    struct pollfd pfd = {.fd = p->fd, .events = POLLIN};

    return poll(&pfd, 1, 0) >= 0 && !(pfd.revents & POLLHUP);
}

static void look(void *arg);

static void hung_up(void *arg)
{
    struct pty *p = arg;
    struct chr *c = p->stream.c;

    chr_stream_close(&p->stream);
    os_timer_set(p->timer, os_time_ns() + LOOK_NS);
    chr_in_event(c, CHR_CLOSED);
}

static void look(void *arg)
{
    struct chr *c = arg;
    struct pty *p = c->priv;
    int fd;

    if (has_reader(p)) {
        fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 3);
        if (fd >= 0) {
            chr_stream_open(&p->stream, c, fd, fd);
            chr_in_event(c, CHR_OPENED);
            return;
        }
    }
    os_timer_set(p->timer, os_time_ns() + LOOK_NS);
}

/* A slave opened once and closed makes the master report a hang-up until somebody opens it again.
 */
static int prepare_slave(struct pty *p)
{
    struct termios t;
    int slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (slave < 0)
        return -errno;
    if (tcgetattr(slave, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(slave, TCSANOW, &t);
    }
    close(slave);
    return 0;
}

static int pty_open(struct chr *c, struct err *e)
{
    struct pty *p = c->priv;
    char name[128];
    int rc;

    p->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (p->fd < 0 || grantpt(p->fd) < 0 || unlockpt(p->fd) < 0 ||
        ptsname_r(p->fd, name, sizeof(name)))
        return err_set(e, errno, "cannot make a pseudo-terminal");
    p->name = mem_strdup(name);
    rc = prepare_slave(p);
    if (rc < 0)
        return err_set(e, rc, "cannot open '%s'", name);
    if (p->link) {
        if (symlink(name, p->link) < 0)
            return err_set(e, errno, "cannot make the link '%s'", p->link);
        p->linked = true;
    }
    p->stream.closed = hung_up;
    p->stream.arg = p;
    p->stream.rfd = p->stream.wfd = -1;
    p->timer = os_timer_new(c->loop, look, c);
    os_timer_set(p->timer, os_time_ns() + LOOK_NS);
    /* In these words: tools wait for them. */
    printf("char device redirected to %s (label %s)\n", name, chr_id(c));
    fflush(stdout);
    return 0;
}

static void pty_close(struct chr *c)
{
    struct pty *p = c->priv;

    chr_stream_close(&p->stream);
    if (p->timer)
        os_timer_free(p->timer);
    if (p->linked)
        unlink(p->link);
    if (p->name || p->fd > 0)
        close(p->fd);
    free(p->name);
}

static size_t pty_write(struct chr *c, const uint8_t *data, size_t size)
{
    struct pty *p = c->priv;

    if (!c->connected) {
        if (!p->timer || !has_reader(p))
            return size;
        look(c); /* came since the last look: nothing is lost */
    }
    return chr_stream_write(&p->stream, data, size);
}

static void pty_ready(struct chr *c)
{
    chr_stream_ready(&((struct pty *)c->priv)->stream);
}

static void pty_info(struct chr *c, char *text, size_t size)
{
    snprintf(text, size, "pty:%s", ((struct pty *)c->priv)->name);
}

static const struct prop pty_props[] = {
    {.name = "path",
     .type = PROP_STR,
     .offset = offsetof(struct pty, link),
     .help = "symbolic link to make to the terminal"},
    {0},
};

const struct chr_backend chr_pty = {
    .name = "pty",
    .help = "a new pseudo-terminal",
    .size = sizeof(struct pty),
    .props = pty_props,
    .open = pty_open,
    .close = pty_close,
    .write = pty_write,
    .ready = pty_ready,
    .info = pty_info,
};
