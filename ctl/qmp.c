/*
 * A monitor for programs: QMP's greeting, negotiation, commands, answers and events over a
 * character stream. Owns the session; commands are the table's.
 *
 * A client that does not read its answers is not read from either, and hears no events: what waits
 * for it is bounded by one answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "chr/chr.h"
#include "ctl/ctl_int.h"
#include "ctl/split.h"

enum { EVENT_BACKLOG = 1 << 20 };

struct qmp {
    struct qmp *next;
    struct ctl *c;
    struct chr *chr;
    bool owned; /* made for one client: ends with it */
    bool gone;  /* to be freed by the sweep */
    bool negotiated;
    bool pretty;
    struct split in;
    struct str out; /* what the stream did not take yet */
    size_t out_at;
};

static void flush(struct qmp *q)
{
    size_t left = str_length(&q->out) - q->out_at;

    if (left)
        q->out_at += chr_write(q->chr, str_text(&q->out) + q->out_at, left);
    if (q->out_at == str_length(&q->out)) {
        str_free(&q->out);
        q->out = (struct str){0};
        q->out_at = 0;
    }
}

/* Takes the object. */
static void say(struct qmp *q, json_t *object)
{
    char *text = json_dumps(object, q->pretty ? JSON_INDENT(4) : 0);

    if (text && chr_connected(q->chr)) {
        str_printf(&q->out, "%s\r\n", text);
        flush(q);
    }
    free(text);
    json_decref(object);
}

static void say_error(struct qmp *q, const json_t *id, const char *class, const char *text)
{
    json_t *answer =
        json_pack("{s:{s:s,s:s%}}", "error", "class", class, "desc", text, strlen(text));

    if (!answer) /* not UTF-8 */
        answer = json_pack("{s:{s:s,s:s}}", "error", "class", class, "desc", "invalid text");
    if (id)
        json_object_set(answer, "id", (json_t *)id);
    say(q, answer);
}

static void greet(struct qmp *q)
{
    json_t *version = NULL;
    struct err e;

    split_reset(&q->in);
    str_clear(&q->out);
    q->out_at = 0;
    q->negotiated = false;
    if (query_version(q->c, NULL, &version, &e) == 0)
        say(q, json_pack("{s:{s:o,s:[]}}", "QMP", "version", version, "capabilities"));
}

static void negotiate(struct qmp *q, const json_t *args, const json_t *id)
{
    const json_t *enable = json_object_get(args, "enable");
    json_t *answer;

    if (json_array_size(enable)) {
        say_error(q, id, "GenericError", "none of these capabilities is available");
        return;
    }
    q->negotiated = true;
    answer = json_pack("{s:{}}", "return");
    if (id)
        json_object_set(answer, "id", (json_t *)id);
    say(q, answer);
}

static void execute(struct qmp *q, const char *name, const json_t *args, const json_t *id)
{
    const struct ctl_command *cmd = ctl_command_find(name);
    json_t *ret = NULL, *answer;
    struct err e = {0};
    char text[160];

    if (!strcmp(name, "qmp_capabilities") && !q->negotiated) {
        negotiate(q, args, id);
    } else if (!q->negotiated) {
        say_error(q, id, "CommandNotFound",
                  "Expecting capabilities negotiation with 'qmp_capabilities'");
    } else if (!cmd) {
        snprintf(text, sizeof(text), "The command %.80s has not been found", name);
        say_error(q, id, "CommandNotFound", text);
    } else if (ctl_execute(q->c, cmd, args, &ret, &e) < 0) {
        say_error(q, id, e.code == ENODEV ? "DeviceNotFound" : "GenericError", e.text);
    } else {
        answer = json_pack("{s:o}", "return", ret);
        if (id)
            json_object_set(answer, "id", (json_t *)id);
        say(q, answer);
    }
}

/* One request as text. */
static void request(struct qmp *q)
{
    json_t *r = json_loadb(str_text(&q->in.text), str_length(&q->in.text), JSON_ALLOW_NUL, NULL),
           *value;
    const json_t *id = json_object_get(r, "id"), *args = json_object_get(r, "arguments");
    const char *name = json_string_value(json_object_get(r, "execute")), *key;
    char text[120] = "";

    if (!r) {
        say_error(q, NULL, "GenericError", "JSON parse error, invalid syntax");
        return;
    }
    json_object_foreach(r, key, value) if (strcmp(key, "execute") && strcmp(key, "arguments") &&
                                           strcmp(key, "id"))
        snprintf(text, sizeof(text), "QMP input member '%.60s' is unexpected", key);
    if (!json_is_object(r))
        snprintf(text, sizeof(text), "QMP input must be a JSON object");
    else if (!*text && !json_object_get(r, "execute"))
        snprintf(text, sizeof(text), "QMP input lacks member 'execute'");
    else if (!*text && !name)
        snprintf(text, sizeof(text), "QMP input member 'execute' must be a string");
    else if (!*text && args && !json_is_object(args))
        snprintf(text, sizeof(text), "QMP input member 'arguments' must be an object");
    if (*text)
        say_error(q, id, "GenericError", text);
    else
        execute(q, name, args, id);
    json_decref(r);
}

/* ---- the stream ---- */

static size_t can_receive(void *opaque)
{
    struct qmp *q = opaque;

    return q->gone || str_length(&q->out) ? 0 : 4096;
}

static void receive(void *opaque, const uint8_t *data, size_t size)
{
    struct qmp *q = opaque;

    for (size_t i = 0; i < size && !q->gone; i++) {
        enum split_result r = split_byte(&q->in, data[i]);

        if (r == SPLIT_TEXT)
            request(q);
        else if (r == SPLIT_ERROR)
            say_error(q, NULL, "GenericError", "JSON parse error, invalid syntax");
    }
}

static void event(void *opaque, enum chr_event ev)
{
    struct qmp *q = opaque;

    if (ev == CHR_OPENED) {
        greet(q);
    } else if (ev == CHR_CLOSED) {
        q->negotiated = false;
        str_clear(&q->out);
        q->out_at = 0;
        if (q->owned) {
            q->gone = true;
            os_loop_post(machine_loop(q->c->m), &q->c->sweep);
        }
    }
}

static void writable(void *opaque)
{
    struct qmp *q = opaque;

    flush(q);
    if (!str_length(&q->out))
        chr_ready(q->chr);
}

int qmp_new(struct ctl *c, struct chr *chr, bool owned, bool pretty, struct err *e)
{
    static const struct chr_ops ops = {can_receive, receive, event, writable};
    struct qmp *q = mem_new(struct qmp);
    int rc;

    q->c = c;
    q->chr = chr;
    q->owned = owned;
    q->pretty = pretty;
    rc = chr_attach(chr, &ops, q, e);
    if (rc < 0) {
        free(q);
        return rc;
    }
    q->next = c->qmps;
    c->qmps = q;
    return 0;
}

static void qmp_free(struct qmp *q)
{
    chr_detach(q->chr, q);
    if (q->owned)
        chr_free(q->chr);
    split_free(&q->in);
    str_free(&q->out);
    free(q);
}

void qmp_free_all(struct ctl *c)
{
    while (c->qmps) {
        struct qmp *q = c->qmps;

        c->qmps = q->next;
        qmp_free(q);
    }
}

void qmp_sweep(struct ctl *c)
{
    struct qmp **at = &c->qmps;

    while (*at) {
        struct qmp *q = *at;

        if (q->gone) {
            *at = q->next;
            qmp_free(q);
        } else {
            at = &q->next;
        }
    }
}

void qmp_event(struct ctl *c, const char *name, json_t *data)
{
    struct timespec now;
    json_t *ev;

    clock_gettime(CLOCK_REALTIME, &now);
    ev = json_pack("{s:{s:I,s:I},s:s}", "timestamp", "seconds", (json_int_t)now.tv_sec,
                   "microseconds", (json_int_t)now.tv_nsec / 1000, "event", name);
    if (data)
        json_object_set_new(ev, "data", data);
    for (struct qmp *q = c->qmps; q; q = q->next)
        if (q->negotiated && !q->gone && str_length(&q->out) < EVENT_BACKLOG)
            say(q, json_incref(ev));
    json_decref(ev);
}
