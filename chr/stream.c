/*
 * Descriptors as streams: reads when a front has room, queues what a slow reader does not take.
 * Owns the descriptors and their watches; must not know what they are descriptors of.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "chr/chr_int.h"

enum { READ_SIZE = 4096, PATIENT_PIECE = 256 };

/* A descriptor may be shared with the shell and other programs, which O_NONBLOCK would surprise: a
 * second opening of the same file has flags of its own. Returns fd when that is not possible. */
static int unshare(int fd)
{
    char path[40];
    int own;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0)
        return fd;
    close(fd);
    return own;
}

static bool is_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 &&
           (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || (S_ISCHR(st.st_mode) && !isatty(fd)));
}

static ssize_t put(struct chr_stream *s, const uint8_t *data, size_t size)
{
    struct pollfd p = {.fd = s->wfd, .events = POLLOUT};
    ssize_t n;

    do {
        if (s->socket) {
            n = send(s->wfd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        } else if (s->patient) {
            if (poll(&p, 1, 0) <= 0) {
                errno = EAGAIN;
                return -1;
            }
            n = write(s->wfd, data, min_of(size, (size_t)PATIENT_PIECE));
        } else {
            n = write(s->wfd, data, size);
        }
    } while (n < 0 && errno == EINTR);
    return n;
}

static void rewatch(struct chr_stream *s)
{
    unsigned in = !s->eof && s->rfd >= 0 && chr_in_room(s->c) ? OS_READABLE : 0;
    unsigned out = s->len ? OS_WRITABLE : 0;

    if (s->rwatch && s->rwatch == s->wwatch) {
        os_watch_set(s->rwatch, in | out);
        return;
    }
    if (s->rwatch)
        os_watch_set(s->rwatch, in);
    if (s->wwatch)
        os_watch_set(s->wwatch, out);
}

static void ended(struct chr_stream *s)
{
    s->eof = true;
    s->len = 0;
    if (s->closed)
        s->closed(s->arg);
    else
        rewatch(s);
}

static void flush(struct chr_stream *s)
{
    bool full = s->len == CHR_OUT_SIZE;

    while (s->len) {
        size_t piece = min_of(s->len, (size_t)CHR_OUT_SIZE - s->head);
        ssize_t n = put(s, s->out + s->head, piece);

        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0) {
            ended(s);
            chr_out_room(s->c);
            return;
        }
        s->head = (s->head + (size_t)n) % CHR_OUT_SIZE;
        s->len -= (size_t)n;
    }
    rewatch(s);
    if (s->len <= CHR_OUT_SIZE / 2 || (full && s->len < CHR_OUT_SIZE))
        chr_out_room(s->c);
}

static void fill(struct chr_stream *s)
{
    uint8_t buf[READ_SIZE];
    size_t room = min_of(chr_in_room(s->c), sizeof(buf));
    ssize_t n;

    if (!room || s->eof)
        return;
    n = read(s->rfd, buf, room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        ended(s);
        return;
    }
    if (s->decode)
        n = (ssize_t)s->decode(s->arg, buf, (size_t)n);
    chr_in(s->c, buf, (size_t)n);
}

static void on_events(void *arg, unsigned events)
{
    struct chr_stream *s = arg;

    if (events & OS_WRITABLE && s->len)
        flush(s);
    if (events & OS_READABLE && s->rfd >= 0)
        fill(s);
    if (s->rfd >= 0 || s->wfd >= 0)
        rewatch(s);
}

void chr_stream_open(struct chr_stream *s, struct chr *c, int rfd, int wfd)
{
    s->c = c;
    s->eof = false;
    s->head = s->len = 0;
    s->patient = false;
    if (wfd >= 0 && !s->socket && !is_file(wfd)) {
        if (wfd != rfd)
            wfd = unshare(wfd);
        s->patient = !(fcntl(wfd, F_GETFL) & O_NONBLOCK);
    }
    s->rfd = rfd;
    s->wfd = wfd;
    s->rwatch = rfd >= 0 ? os_watch_new(c->loop, rfd, on_events, s) : NULL;
    if (wfd >= 0 && wfd == rfd)
        s->wwatch = s->rwatch;
    else
        s->wwatch = wfd >= 0 && !is_file(wfd) ? os_watch_new(c->loop, wfd, on_events, s) : NULL;
    rewatch(s);
}

void chr_stream_close(struct chr_stream *s)
{
    if (!s->c)
        return;
    if (s->wwatch && s->wwatch != s->rwatch)
        os_watch_free(s->wwatch);
    if (s->rwatch)
        os_watch_free(s->rwatch);
    s->rwatch = s->wwatch = NULL;
    if (s->rfd >= 0)
        close(s->rfd);
    if (s->wfd >= 0 && s->wfd != s->rfd)
        close(s->wfd);
    s->rfd = s->wfd = -1;
    s->len = 0;
    s->eof = true;
    free(s->out);
    s->out = NULL;
}

size_t chr_stream_write(struct chr_stream *s, const uint8_t *data, size_t size)
{
    size_t done = 0;

    if (s->wfd < 0)
        return size; /* nobody reads */
    while (!s->len && done < size) {
        ssize_t n = put(s, data + done, size - done);

        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0)
            return size; /* the reader went away; reading tells the same in its time */
        done += (size_t)n;
    }
    if (done == size)
        return size;
    if (!s->wwatch)
        return size; /* a file that takes no more: a full disk */
    if (!s->out)
        s->out = mem_alloc(CHR_OUT_SIZE);
    while (done < size && s->len < CHR_OUT_SIZE) {
        size_t tail = (s->head + s->len) % CHR_OUT_SIZE;
        size_t n = min_of((size_t)CHR_OUT_SIZE - tail, (size_t)CHR_OUT_SIZE - s->len);

        n = min_of(n, size - done);
        memcpy(s->out + tail, data + done, n);
        s->len += n;
        done += n;
    }
    rewatch(s);
    return done;
}

void chr_stream_ready(struct chr_stream *s)
{
    if (s->rfd >= 0 || s->wfd >= 0)
        rewatch(s);
}
