/*
 * The GDB server: packets of the remote serial protocol over a character stream, and the life of a
 * session. Owns framing, acknowledgement and what waits to be sent; commands are gdb_commands.c's.
 *
 * One client at a time. The machine stops when it comes and goes on when it goes. Whatever a client
 * sends: packets are bounded, garbage between them is skipped.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "chr/chr.h"
#include "ctl/gdb_int.h"

static void flush(struct gdb *g)
{
    size_t left = str_length(&g->out) - g->out_at;

    if (left)
        g->out_at += chr_write(g->chr, str_text(&g->out) + g->out_at, left);
    if (g->out_at == str_length(&g->out)) {
        str_clear(&g->out);
        g->out_at = 0;
    }
}

static void send_raw(struct gdb *g, const char *data, size_t size)
{
    if (!g->connected)
        return;
    str_append(&g->out, data, size);
    flush(g);
}

void gdb_reply_bytes(struct gdb *g, const char *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    struct str *p = &g->last;
    uint8_t sum = 0;
    char c;

    str_clear(p);
    str_append(p, "$", 1);
    for (size_t i = 0; i < size; i++) {
        c = data[i];
        if (c == '#' || c == '$' || c == '}' || c == '*') {
            str_append(p, "}", 1);
            sum += '}';
            c ^= 0x20;
        }
        str_append(p, &c, 1);
        sum += (uint8_t)c;
    }
    str_append(p, "#", 1);
    str_append(p, &digits[sum >> 4], 1);
    str_append(p, &digits[sum & 15], 1);
    send_raw(g, str_text(p), str_length(p));
}

void gdb_reply(struct gdb *g, const char *fmt, ...)
{
    va_list ap;
    char *buf;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&buf, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    gdb_reply_bytes(g, buf, (size_t)n);
    free(buf);
}

/* ---- packets ---- */

static void packet_end(struct gdb *g)
{
    bool good = g->sum == g->sum_said && !g->overflow;

    if (!g->noack)
        send_raw(g, good ? "+" : "-", 1);
    if (!good)
        return;
    g->in[g->len] = '\0';
    gdb_command(g);
}

static void store(struct gdb *g, uint8_t b)
{
    if (g->len < GDB_PACKET)
        g->in[g->len++] = b;
    else
        g->overflow = true;
}

/* Ctrl-C. */
static void interrupt(struct gdb *g)
{
    if (!g->waiting)
        return;
    g->interrupted = true;
    machine_stop(g->c->m);
}

static void idle_byte(struct gdb *g, uint8_t b)
{
    if (b == '$') {
        g->state = GDB_DATA;
        g->len = 0;
        g->sum = 0;
        g->overflow = false;
    } else if (b == 3) {
        interrupt(g);
    } else if (b == '-' && str_length(&g->last)) {
        send_raw(g, str_text(&g->last), str_length(&g->last));
    }
}

static uint8_t hex_digit(uint8_t b)
{
    return isdigit(b) ? (uint8_t)(b - '0') : isxdigit(b) ? (uint8_t)((b | 32) - 'a' + 10) : 0x80;
}

static void take_byte(struct gdb *g, uint8_t b)
{
    switch (g->state) {
    case GDB_IDLE:
        idle_byte(g, b);
        break;
    case GDB_DATA:
    case GDB_ESCAPE:
        if (b == '$' && g->state == GDB_DATA) { /* the last one broke off */
            idle_byte(g, b);
            break;
        }
        if (b == '#' && g->state == GDB_DATA) {
            g->state = GDB_SUM1;
            break;
        }
        g->sum += b;
        if (g->state == GDB_ESCAPE) {
            g->state = GDB_DATA;
            store(g, b ^ 0x20);
        } else if (b == '}') {
            g->state = GDB_ESCAPE;
        } else {
            store(g, b);
        }
        break;
    case GDB_SUM1:
        g->sum_said = (uint8_t)(hex_digit(b) << 4);
        g->overflow |= hex_digit(b) == 0x80;
        g->state = GDB_SUM2;
        break;
    case GDB_SUM2:
        g->sum_said |= hex_digit(b) & 15;
        g->overflow |= hex_digit(b) == 0x80;
        g->state = GDB_IDLE;
        packet_end(g);
        break;
    }
}

/* ---- the stream ---- */

static size_t can_receive(void *opaque)
{
    return str_length(&((struct gdb *)opaque)->out) ? 0 : 4096;
}

static void receive(void *opaque, const uint8_t *data, size_t size)
{
    struct gdb *g = opaque;

    for (size_t i = 0; i < size && g->connected; i++)
        take_byte(g, data[i]);
}

static void client_came(struct gdb *g)
{
    g->connected = true;
    g->state = GDB_IDLE;
    g->noack = g->waiting = g->physical = false;
    g->thread = 0;
    str_clear(&g->last);
    str_clear(&g->out);
    g->out_at = 0;
    g->was_running = machine_status(g->c->m) == MACHINE_RUNNING;
    machine_stop(g->c->m);
}

static void client_went(struct gdb *g)
{
    enum machine_status s = machine_status(g->c->m);

    if (!g->connected)
        return;
    g->connected = g->waiting = false;
    if (s == MACHINE_RUNNING)
        machine_stop(g->c->m);
    gdb_points_clear(g);
    if (s == MACHINE_RUNNING || (g->was_running && (s == MACHINE_PAUSED || s == MACHINE_DEBUG)))
        machine_cont(g->c->m);
}

static void event(void *opaque, enum chr_event ev)
{
    struct gdb *g = opaque;

    if (ev == CHR_OPENED)
        client_came(g);
    else if (ev == CHR_CLOSED)
        client_went(g);
}

static void writable(void *opaque)
{
    struct gdb *g = opaque;

    flush(g);
    chr_ready(g->chr);
}

/* ---- the machine ---- */

void gdb_machine_event(struct ctl *c, enum machine_event ev, struct cpu *cpu)
{
    struct gdb *g = c->gdb;
    enum machine_status s = machine_status(c->m);

    if (!g || !g->waiting)
        return;
    if (ev == MACHINE_EV_DEBUG) {
        if (cpu)
            g->thread = cpu->sys->index;
        g->waiting = false;
        gdb_reply_stop(g, GDB_SIGTRAP);
    } else if (ev == MACHINE_EV_STATUS && (s == MACHINE_PAUSED || s == MACHINE_GUEST_PANIC)) {
        g->waiting = false;
        gdb_reply_stop(g, s == MACHINE_GUEST_PANIC ? GDB_SIGABRT : GDB_SIGINT);
    } else if (ev == MACHINE_EV_SHUTDOWN) {
        g->waiting = false;
        gdb_reply(g, "W00");
    }
}

/* Where it listens unless said otherwise, and how. */
static int listen_conf(const char *where, json_t **conf, struct err *e)
{
    char text[32];
    char *end;
    unsigned long port = strtoul(where, &end, 10);
    const char *host;
    int rc;

    if (*where && !*end && port < 65536) {
        snprintf(text, sizeof(text), "tcp::%lu", port);
        where = text;
    }
    rc = chr_parse_legacy(where, conf, e);
    if (rc < 0)
        return err_prefix(e, "-gdb");
    if (!strcmp("socket", json_string_value(json_object_get(*conf, "backend")) ?: "")) {
        host = json_string_value(json_object_get(*conf, "host"));
        /* It gives whoever connects the whole machine: not to the network unless told. */
        if (host && !*host)
            json_object_set_new(*conf, "host", json_string("127.0.0.1"));
        if (!json_object_get(*conf, "server"))
            json_object_set_new(*conf, "server", json_true());
        if (!json_object_get(*conf, "wait"))
            json_object_set_new(*conf, "wait", json_false());
        json_object_set_new(*conf, "nodelay", json_true());
    }
    return 0;
}

int gdb_new(struct ctl *c, const char *where, struct err *e)
{
    static const struct chr_ops ops = {can_receive, receive, event, writable};
    struct gdb *g;
    json_t *conf = NULL;
    const char *ref;
    int rc = listen_conf(where, &conf, e);

    if (rc < 0)
        return rc;
    g = mem_new(struct gdb);
    g->c = c;
    ref = json_string_value(json_object_get(conf, "ref"));
    if (ref) {
        g->chr = machine_chr(c->m, ref);
        rc = g->chr ? 0 : err_text(e, ENODEV, "-gdb: there is no chardev '%s'", ref);
    } else {
        rc = chr_new(&g->chr, machine_loop(c->m), conf, e);
        g->owned = rc == 0;
    }
    json_decref(conf);
    c->gdb = g;
    if (rc == 0)
        rc = chr_attach(g->chr, &ops, g, e);
    if (rc < 0)
        gdb_free(c);
    return rc;
}

void gdb_free(struct ctl *c)
{
    struct gdb *g = c->gdb;

    if (!g)
        return;
    c->gdb = NULL;
    client_went(g);
    if (g->chr)
        chr_detach(g->chr, g);
    if (g->owned)
        chr_free(g->chr);
    vec_free(&g->points);
    str_free(&g->xml);
    str_free(&g->last);
    str_free(&g->out);
    free(g);
}
