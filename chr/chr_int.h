/*
 * Private to chr/: a character stream between its backend and its fronts, and the descriptor
 * streams that most backends are made of. All on the loop.
 */
#ifndef MYNA_CHR_CHR_INT_H
#define MYNA_CHR_CHR_INT_H

#include "chr/chr.h"
#include "core/prop.h"
#include "os/loop.h"

enum {
    CHR_FRONTS = 4,
    CHR_IN_SIZE = 16384,      /* input kept for a front that does not take it now */
    CHR_OUT_SIZE = 64 * 1024, /* output kept for a slow reader */
};

/* What a backend is. Its own struct is zeroed, filled from `props`, then opened. */
struct chr_backend {
    const char *name;
    const char *help;
    size_t size;
    const struct prop *props;
    int (*open)(struct chr *c, struct err *e); /* close() is called also after a failure */
    void (*close)(struct chr *c);
    size_t (*write)(struct chr *c, const uint8_t *data, size_t size); /* how much it took */
    void (*ready)(struct chr *c); /* chr_in_room() is not 0 any more; may be NULL */
    void (*info)(struct chr *c, char *text,
                 size_t size); /* "filename" of query-chardev; may be NULL */
};
extern const struct chr_backend chr_stdio, chr_file, chr_pipe, chr_serial, chr_fd, chr_pty,
    chr_socket, chr_null, chr_ringbuf;

/* What every backend has. */
struct chr_common {
    char *id, *logfile;
    bool logappend, mux;
};

struct chr_front {
    const struct chr_ops *ops; /* NULL: free */
    void *opaque;
    bool blocked; /* a write was cut short: owed a writable() */
    bool draining;
    uint8_t *in;
    size_t head, len;
};

struct chr {
    const struct chr_backend *be;
    void *priv;
    struct os_loop *loop;
    struct chr_common conf;
    struct chr_front front[CHR_FRONTS];
    unsigned focus;
    bool connected, escape;
    int log_fd;
    struct chr_menu menu;
};

/* For backends. */
size_t chr_in_room(const struct chr *c);
void chr_in(struct chr *c, const uint8_t *data, size_t size); /* at most chr_in_room() */
void chr_in_event(struct chr *c, enum chr_event event); /* OPENED, CLOSED: also sets connected */
void chr_out_room(struct chr *c);                       /* there is room for output again */

/* mux.c: takes the escape keys out of `data`; the rest goes to the focus by chr_push(). */
void chr_mux_in(struct chr *c, const uint8_t *data, size_t size);
void chr_push(struct chr *c, struct chr_front *f, const uint8_t *data, size_t size);
void chr_drain(struct chr *c, struct chr_front *f);

/* A pair of descriptors (often one) with a queue of output. */
struct chr_stream {
    struct chr *c;
    int rfd, wfd; /* -1: none */
    bool socket;  /* sent with MSG_*: never a signal, never blocking */
    bool patient; /* cannot be made non-blocking: written in small pieces when poll() allows */
    bool eof;
    struct os_watch *rwatch, *wwatch; /* the same one when rfd == wfd */
    uint8_t *out;
    size_t head, len;
    size_t (*decode)(void *arg, uint8_t *data, size_t size); /* in place; NULL: none */
    void (*closed)(void *arg); /* end or failure; may call chr_stream_close */
    void *arg;
};

/* Takes over the descriptors; sets what is not yet set, so fill socket, decode, closed, arg before.
 */
void chr_stream_open(struct chr_stream *s, struct chr *c, int rfd, int wfd);
void chr_stream_close(struct chr_stream *s); /* closes them, drops the queue; may be called again */
size_t chr_stream_write(struct chr_stream *s, const uint8_t *data, size_t size);
void chr_stream_ready(struct chr_stream *s);

#endif
