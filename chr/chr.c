/*
 * Character streams: the table of backends, the fronts that attach, and the way of bytes between
 * them. Must not know what a backend does with a byte, nor what a device does.
 */
#include "chr/chr.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/str.h"
#include "base/trace_define.h"
#include "chr/chr_int.h"
#include "chr/trace.def"

static const struct chr_backend *const backends[] = {
    &chr_stdio, &chr_file,   &chr_pipe, &chr_serial,  &chr_fd,
    &chr_pty,   &chr_socket, &chr_null, &chr_ringbuf,
};

static const struct {
    const char *alias, *name;
} aliases[] = {{"tty", "serial"}, {"memory", "ringbuf"}, {"vc", "null"}};

static const struct prop common_props[] = {
    {.name = "id", .type = PROP_STR, .offset = offsetof(struct chr_common, id), .help = "its name"},
    {.name = "mux",
     .type = PROP_BOOL,
     .offset = offsetof(struct chr_common, mux),
     .help = "several devices share it; Ctrl-A h shows the keys"},
    {.name = "logfile",
     .type = PROP_STR,
     .offset = offsetof(struct chr_common, logfile),
     .help = "file that gets a copy of the output"},
    {.name = "logappend",
     .type = PROP_BOOL,
     .offset = offsetof(struct chr_common, logappend),
     .help = "keep what the log file has"},
    {0},
};

static const struct chr_backend *find(const json_t *conf, struct err *e)
{
    const char *names[array_size(backends) + 1] = {NULL};
    const char *name = json_string_value(json_object_get(conf, "backend"));
    const char *wanted = name;
    struct str list = {0};

    if (!name) {
        err_text(e, EINVAL, "a character device needs a backend: backend=stdio, pty, socket, ...");
        return NULL;
    }
    for (size_t i = 0; i < array_size(aliases); i++)
        if (!strcmp(name, aliases[i].alias))
            wanted = aliases[i].name;
    for (size_t i = 0; i < array_size(backends); i++) {
        if (!strcmp(wanted, backends[i]->name)) {
            str_free(&list);
            return backends[i];
        }
        names[i] = backends[i]->name;
        str_printf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    nearest_unknown(e, "character device", name, prop_nearest(name, names), str_text(&list));
    str_free(&list);
    return NULL;
}

/* Splits the configuration between the common table and the backend's. */
static int configure(struct chr *c, const json_t *conf, struct err *e)
{
    static const char *const skip[] = {"backend", "id", "mux", "logfile", "logappend", NULL};
    json_t *common = json_object();
    const char *key;
    json_t *value;
    int rc;

    json_object_foreach((json_t *)conf, key, value) if (prop_find(common_props, key))
        json_object_set(common, key, value);
    prop_defaults(common_props, &c->conf);
    rc = prop_apply(common_props, &c->conf, common, "chardev", NULL, e);
    json_decref(common);
    if (rc < 0)
        return rc;
    prop_defaults(c->be->props, c->priv);
    return prop_apply(c->be->props, c->priv, conf, c->be->name, skip, e);
}

static int open_log(struct chr *c, struct err *e)
{
    if (!c->conf.logfile)
        return 0;
    c->log_fd =
        open(c->conf.logfile,
             O_WRONLY | O_CREAT | O_CLOEXEC | (c->conf.logappend ? O_APPEND : O_TRUNC), 0666);
    if (c->log_fd < 0)
        return err_set(e, errno, "cannot open log file '%s'", c->conf.logfile);
    return 0;
}

int chr_new(struct chr **out, struct os_loop *loop, const json_t *conf, struct err *e)
{
    const struct chr_backend *be = find(conf, e);
    struct chr *c;
    int rc;

    if (!be)
        return -EINVAL;
    /* A reader that went away is an error of write(), not the end of the machine. */
    signal(SIGPIPE, SIG_IGN);
    c = mem_new(struct chr);
    c->be = be;
    c->priv = mem_zalloc(be->size);
    c->loop = loop;
    c->log_fd = -1;
    rc = configure(c, conf, e);
    if (rc == 0)
        rc = open_log(c, e);
    if (rc == 0)
        rc = be->open(c, e);
    if (rc < 0) {
        if (c->conf.id)
            err_prefix(e, "chardev '%s'", c->conf.id);
        chr_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void chr_free(struct chr *c)
{
    if (!c)
        return;
    if (c->be->close)
        c->be->close(c);
    for (unsigned i = 0; i < CHR_FRONTS; i++)
        free(c->front[i].in);
    if (c->log_fd >= 0)
        close(c->log_fd);
    prop_free(c->be->props, c->priv);
    prop_free(common_props, &c->conf);
    free(c->priv);
    free(c);
}

const char *chr_id(const struct chr *c)
{
    return c->conf.id ? c->conf.id : "";
}

bool chr_connected(const struct chr *c)
{
    return c->connected;
}

bool chr_shared(const struct chr *c)
{
    return c->conf.mux;
}

void chr_set_menu(struct chr *c, const struct chr_menu *menu)
{
    c->menu = *menu;
}

/* ---- fronts ---- */

static void tell(struct chr_front *f, enum chr_event event)
{
    if (f->ops && f->ops->event)
        f->ops->event(f->opaque, event);
}

int chr_attach(struct chr *c, const struct chr_ops *ops, void *opaque, struct err *e)
{
    unsigned max = c->conf.mux ? CHR_FRONTS : 1, at = 0;
    bool first = true;

    for (unsigned i = 0; i < max; i++)
        first &= !c->front[i].ops;
    while (at < max && c->front[at].ops)
        at++;
    if (at == max)
        return err_text(e, EBUSY,
                        c->conf.mux
                            ? "chardev '%s' has %u users already, as many as can be"
                            : "chardev '%s' has a user already; with mux=on %u may share it",
                        chr_id(c), (unsigned)CHR_FRONTS);
    c->front[at].ops = ops;
    c->front[at].opaque = opaque;
    c->front[at].blocked = false;
    if (first)
        c->focus = at;
    if (c->connected)
        tell(&c->front[at], CHR_OPENED);
    if (c->conf.mux && c->focus == at)
        tell(&c->front[at], CHR_MUX_IN);
    chr_ready(c);
    return 0;
}

void chr_detach(struct chr *c, void *opaque)
{
    for (unsigned i = 0; i < CHR_FRONTS; i++)
        if (c->front[i].ops && c->front[i].opaque == opaque) {
            c->front[i].ops = NULL;
            c->front[i].opaque = NULL;
            c->front[i].len = 0;
            c->front[i].blocked = false;
        }
    for (unsigned i = 0; i < CHR_FRONTS && !c->front[c->focus].ops; i++)
        c->focus = (c->focus + 1) % CHR_FRONTS;
}

/* ---- input ---- */

size_t chr_in_room(const struct chr *c)
{
    const struct chr_front *f = &c->front[c->focus];

    /* Nobody there: what comes before the device is kept for it, but the menu works. */
    return CHR_IN_SIZE - f->len;
}

/* Gives the front what it can take. receive() may detach it, and may call chr_ready(). */
void chr_drain(struct chr *c, struct chr_front *f)
{
    (void)c;
    if (f->draining)
        return;
    f->draining = true;
    while (f->len && f->ops) {
        size_t n = f->ops->can_receive(f->opaque), at = f->head;

        n = min_of(n, f->len);
        n = min_of(n, (size_t)CHR_IN_SIZE - at);
        if (!n)
            break;
        f->head = (at + n) % CHR_IN_SIZE;
        f->len -= n;
        f->ops->receive(f->opaque, f->in + at, n);
    }
    f->draining = false;
}

/* At most the room that is left. */
void chr_push(struct chr *c, struct chr_front *f, const uint8_t *data, size_t size)
{
    if (f->ops && !f->len && !f->draining) {
        size_t n = f->ops->can_receive(f->opaque);

        n = min_of(n, size);
        if (n) {
            f->draining = true;
            f->ops->receive(f->opaque, data, n);
            f->draining = false;
            data += n;
            size -= n;
        }
    }
    if (!f->in && size)
        f->in = mem_alloc(CHR_IN_SIZE);
    while (size && f->len < CHR_IN_SIZE) {
        size_t tail = (f->head + f->len) % CHR_IN_SIZE;
        size_t n = min_of((size_t)CHR_IN_SIZE - tail, (size_t)CHR_IN_SIZE - f->len);

        n = min_of(n, size);
        memcpy(f->in + tail, data, n);
        f->len += n;
        data += n;
        size -= n;
    }
    chr_drain(c, f);
}

void chr_in(struct chr *c, const uint8_t *data, size_t size)
{
    trace_at(chr_input, chr_id(c), "%zu bytes", size);
    if (c->conf.mux)
        chr_mux_in(c, data, size);
    else if (size)
        chr_push(c, &c->front[0], data, size);
}

void chr_ready(struct chr *c)
{
    for (unsigned i = 0; i < CHR_FRONTS; i++)
        chr_drain(c, &c->front[i]);
    if (c->be->ready && chr_in_room(c))
        c->be->ready(c);
}

void chr_in_event(struct chr *c, enum chr_event event)
{
    trace_at(chr_event, chr_id(c), "%d", (int)event);
    if (event == CHR_OPENED || event == CHR_CLOSED) {
        if (c->connected == (event == CHR_OPENED))
            return;
        c->connected = event == CHR_OPENED;
        for (unsigned i = 0; i < CHR_FRONTS; i++)
            tell(&c->front[i], event);
        if (event == CHR_CLOSED)
            chr_out_room(c);
    } else {
        tell(&c->front[c->focus], event);
    }
}

/* ---- output ---- */

static void log_output(struct chr *c, const uint8_t *data, size_t size)
{
    while (c->log_fd >= 0 && size) {
        ssize_t n = write(c->log_fd, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* a full disk does not stop the guest */
        data += n;
        size -= (size_t)n;
    }
}

size_t chr_write(struct chr *c, const void *data, size_t size)
{
    size_t done = size ? c->be->write(c, data, size) : 0;

    trace_at(chr_write, chr_id(c), "%zu of %zu bytes", done, size);
    if (done && c->log_fd >= 0)
        log_output(c, data, done);
    if (done < size)
        /* Who wrote is not said: all that look for writable() hear of it. */
        for (unsigned i = 0; i < CHR_FRONTS; i++)
            c->front[i].blocked = true;
    return done;
}

void chr_out_room(struct chr *c)
{
    for (unsigned i = 0; i < CHR_FRONTS; i++) {
        struct chr_front *f = &c->front[i];

        if (!f->blocked)
            continue;
        f->blocked = false;
        if (f->ops && f->ops->writable)
            f->ops->writable(f->opaque);
    }
}

void chr_info(const struct chr *c, json_t *into)
{
    char text[256] = "";
    bool open = false;

    for (unsigned i = 0; i < CHR_FRONTS; i++)
        open |= c->front[i].ops != NULL;
    if (c->be->info)
        c->be->info((struct chr *)c, text, sizeof(text));
    json_object_set_new(into, "label", json_string(chr_id(c)));
    json_object_set_new(into, "filename", json_string(*text ? text : c->be->name));
    json_object_set_new(into, "frontend-open", json_boolean(open));
}
