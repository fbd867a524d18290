/* Character streams of the host: stdio, pty, sockets, files, and the mux that shares one.
 *
 * Two ends, as with net/: the backend made from -chardev, and the device (serial port, console,
 * monitor) that attaches. Threads: all on the loop. Writes are queued without limit for no one:
 * chr_write() takes what the backend can buffer (64 KB) and returns how much; writable() tells when
 * there is room again. A backend without a reader (closed socket) swallows output. Input that the
 * front does not take now is kept (16 KB), so that the escape menu works while a guest hangs. A
 * front may attach, detach, write and be told ready from inside its own calls; chr_free() may not
 * be called from there.
 */
#ifndef MYNA_CHR_CHR_H
#define MYNA_CHR_CHR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct os_loop;
struct chr;

enum chr_event { CHR_OPENED, CHR_CLOSED, CHR_BREAK, CHR_MUX_IN, CHR_MUX_OUT };

struct chr_ops {
    size_t (*can_receive)(void *opaque);                             /* bytes it takes now */
    void (*receive)(void *opaque, const uint8_t *data, size_t size); /* at most that many */
    void (*event)(void *opaque, enum chr_event event);               /* may be NULL */
    void (*writable)(void *opaque);                                  /* may be NULL */
};

/* conf as -chardev: {"backend":"socket","id":"c0","path":"/x","server":true,"wait":false} ... */
int must_check chr_new(struct chr **out, struct os_loop *loop, const json_t *conf, struct err *e);
/* The short forms of -serial, -monitor, -qmp, -parallel: "stdio", "mon:stdio", "pty", "file:x",
 * "unix:x,server=on,wait=off", "tcp:h:p,...", "telnet:...", "null", "vc", "none" (gives an empty
 * object), "chardev:id" (conf {"ref":id}). */
int must_check chr_parse_legacy(const char *text, json_t **conf, struct err *e);
void chr_free(struct chr *c);
const char *chr_id(const struct chr *c);
/* With mux up to 4; the first has the focus. Tells CHR_OPENED (and CHR_MUX_IN) at once when that is
 * so. */
int must_check chr_attach(struct chr *c, const struct chr_ops *ops, void *opaque, struct err *e);
void chr_detach(struct chr *c, void *opaque);
size_t chr_write(struct chr *c, const void *data, size_t size);
void chr_ready(struct chr *c); /* the device can take bytes again */
bool chr_connected(const struct chr *c);
bool chr_shared(const struct chr *c); /* a mux: the front with the focus hears CHR_MUX_IN */
void chr_info(const struct chr *c, json_t *into);

/* Takes up to size bytes of what a ring buffer keeps; their number, -EINVAL: another kind of
 * backend. */
int must_check chr_ringbuf_read(struct chr *c, void *to, size_t size, struct err *e);

/* The escape menu of a terminal (Ctrl-A x, h, c, b, s, Ctrl-A): the machine's wishes come here. */
struct chr_menu {
    void (*quit)(void *opaque);
    void (*command)(void *opaque, char key); /* others: 's' status ... */
    void *opaque;
    const char *help; /* extra lines */
};
void chr_set_menu(struct chr *c, const struct chr_menu *menu);
#endif
