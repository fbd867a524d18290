/*
 * The short forms of -serial, -monitor, -qmp and their like, turned into the configuration that
 * -chardev makes. Owns the text forms; must not open anything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "chr/chr.h"

enum { TEXT_MAX = 4096 };

static json_t *text_value(const char *text, size_t length)
{
    return json_stringn(text, length);
}

/* Up to an unpaired comma; ",," is a comma of the value. Returns what follows. */
static const char *take_value(const char *at, struct str *value)
{
    str_clear(value);
    while (*at && (*at != ',' || at[1] == ',')) {
        str_append(value, at, 1);
        at += *at == ',' ? 2 : 1;
    }
    return *at ? at + 1 : at;
}

/* "key=value", "flag" or "noflag"; equal: where the value begins, or NULL. */
static int set_option(json_t *conf, const char *text, const char *equal)
{
    char *name;
    int rc;

    if (!equal && !strncmp(text, "no", 2) && strcmp(text, "nodelay") != 0)
        return json_object_set_new(conf, text + 2, json_false());
    if (!equal)
        return json_object_set_new(conf, text, json_true());
    name = mem_strdup(text);
    name[equal - text] = '\0';
    rc = json_object_set_new(conf, name, json_string(equal + 1));
    free(name);
    return rc;
}

/* "key=value,flag,noflag" */
static int take_options(json_t *conf, const char *at, const char *form, struct err *e)
{
    struct str item = {0};
    int rc = 0;

    while (rc == 0 && *at) {
        const char *text, *equal;

        at = take_value(at, &item);
        text = str_text(&item);
        equal = strchr(text, '=');
        if (!*text || equal == text) {
            rc = err_text(e, EINVAL, "'%s': an option without a name", form);
            break;
        }
        rc = set_option(conf, text, equal);
        if (rc < 0)
            err_text(e, EINVAL, "'%s': an option that is not UTF-8", form);
    }
    str_free(&item);
    return rc;
}

static int make(json_t **conf, const char *backend)
{
    *conf = json_object();
    json_object_set_new(*conf, "backend", json_string(backend));
    return 0;
}

/* "PATH,options" */
static int with_path(json_t **conf, const char *backend, const char *at, const char *form,
                     struct err *e)
{
    struct str path = {0};
    json_t *value;
    int rc = 0;

    at = take_value(at, &path);
    value = text_value(str_text(&path), str_length(&path));
    if (!str_length(&path) || !value)
        rc = err_text(e, EINVAL, "'%s': no file name", form);
    str_free(&path);
    if (rc < 0) {
        json_decref(value);
        return rc;
    }
    make(conf, backend);
    json_object_set_new(*conf, "path", value);
    return take_options(*conf, at, form, e);
}

/* "HOST:PORT,options", "[v6]:PORT", ":PORT" */
static int with_address(json_t **conf, bool telnet, const char *at, const char *form, struct err *e)
{
    struct str address = {0};
    const char *text, *colon;
    json_t *host, *port;
    size_t length;
    int rc = 0;

    at = take_value(at, &address);
    text = str_text(&address);
    colon = strrchr(text, ':');
    if (!colon || !colon[1] || strchr(colon, ']')) {
        rc = err_text(e, EINVAL, "'%s': an address has the form HOST:PORT", form);
        str_free(&address);
        return rc;
    }
    length = (size_t)(colon - text);
    if (length >= 2 && *text == '[' && colon[-1] == ']')
        host = text_value(text + 1, length - 2);
    else
        host = text_value(text, length);
    port = json_string(colon + 1);
    str_free(&address);
    if (!host || !port) {
        json_decref(host);
        json_decref(port);
        return err_text(e, EINVAL, "the address of a socket is not UTF-8");
    }
    make(conf, "socket");
    json_object_set_new(*conf, "host", host);
    json_object_set_new(*conf, "port", port);
    if (telnet)
        json_object_set_new(*conf, "telnet", json_true());
    return take_options(*conf, at, form, e);
}

/* The remainder when text begins with the prefix. */
static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(text, prefix, n) ? NULL : text + n;
}

static int parse(const char *text, json_t **conf, struct err *e)
{
    static const char *const plain[] = {"stdio", "pty", "null", NULL};
    const char *rest;

    for (unsigned i = 0; plain[i]; i++) {
        rest = after(text, plain[i]);
        if (rest && (!*rest || *rest == ',')) {
            make(conf, plain[i]);
            return take_options(*conf, *rest ? rest + 1 : rest, text, e);
        }
    }
    if (!strcmp(text, "none")) {
        *conf = json_object();
        return 0;
    }
    rest = after(text, "vc");
    if (rest && (!*rest || *rest == ':'))
        return make(conf, "vc");
    if (!strcmp(text, "ringbuf"))
        return make(conf, "ringbuf");
    if ((rest = after(text, "chardev:"))) {
        *conf = json_object();
        if (!*rest || json_object_set_new(*conf, "ref", json_string(rest)) < 0)
            return err_text(e, EINVAL, "'%s': chardev: is followed by the id of a -chardev", text);
        return 0;
    }
    if ((rest = after(text, "pty:")))
        return with_path(conf, "pty", rest, text, e);
    if ((rest = after(text, "file:")))
        return with_path(conf, "file", rest, text, e);
    if ((rest = after(text, "pipe:")))
        return with_path(conf, "pipe", rest, text, e);
    if ((rest = after(text, "unix:")))
        return with_path(conf, "socket", rest, text, e);
    if ((rest = after(text, "tcp:")))
        return with_address(conf, false, rest, text, e);
    if ((rest = after(text, "telnet:")))
        return with_address(conf, true, rest, text, e);
    if (*text == '/')
        return with_path(conf, "serial", text, text, e);
    return err_text(e, EINVAL,
                    "'%s' is no character device: there are stdio, mon:stdio, pty, null, none, "
                    "file:FILE, pipe:FILE, unix:PATH, tcp:HOST:PORT, telnet:HOST:PORT, "
                    "chardev:ID and /dev/LINE",
                    text);
}

int chr_parse_legacy(const char *text, json_t **conf, struct err *e)
{
    const char *rest = after(text, "mon:");
    int rc;

    *conf = NULL;
    if (strlen(text) > TEXT_MAX)
        return err_text(e, E2BIG, "a character device of more than %d characters", TEXT_MAX);
    rc = parse(rest ? rest : text, conf, e);
    if (rc < 0) {
        json_decref(*conf);
        *conf = NULL;
        return rc;
    }
    /* Shared with the monitor: keys then belong to the guest, Ctrl-C too. */
    if (rest && json_object_size(*conf) && !json_object_get(*conf, "ref"))
        json_object_set_new(*conf, "mux", json_true());
    return 0;
}
