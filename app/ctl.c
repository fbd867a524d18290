/*
 * `myna ctl`: the client of a machine's control socket. Owns how a command line becomes a request
 * and how an answer is shown; knows no command but by what the machine says.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "base/log.h"
#include "base/str.h"
#include "ctl/ctl.h"
#include "os/sock.h"

enum { ANSWER_MAX = 64 << 20 };

/* Shorter words for what is done often. */
static const struct {
    const char *word, *command, *help;
} shorts[] = {
    {"status", "query-status", "whether it runs"},
    {"stop", "stop", "let it stand still"},
    {"cont", "cont", "let it run"},
    {"reset", "system_reset", "the reset button"},
    {"powerdown", "system_powerdown", "the power button: asks the guest to end"},
    {"quit", "quit", "end it at once"},
};

struct client {
    int fd;
    struct str in;
};

static void usage(void)
{
    puts("Usage: myna ctl                          lists the machines that run\n"
         "       myna ctl NAME COMMAND [key=value ...]\n"
         "       myna ctl NAME monitor LINE ...    a line of the monitor: info registers\n"
         "       myna ctl NAME events              what happens, as it happens\n"
         "NAME is that of `myna run --name`, or the path of a control socket. Commands:\n");
    for (size_t i = 0; i < array_size(shorts); i++)
        printf("  %-12s %s\n", shorts[i].word, shorts[i].help);
    puts("  and those that `myna ctl NAME query-commands` lists; a value may be JSON.");
}

static int list_machines(void)
{
    char path[256], *slash;
    struct dirent *entry;
    struct err e;
    DIR *dir;

    if (ctl_socket_path("x", path, sizeof(path), &e) < 0) {
        log_error("%s", e.text);
        return 1;
    }
    slash = strrchr(path, '/');
    *slash = '\0';
    dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        size_t n = strlen(entry->d_name);

        if (n > 5 && !strcmp(entry->d_name + n - 5, ".sock"))
            printf("%.*s\n", (int)n - 5, entry->d_name);
    }
    if (dir)
        closedir(dir);
    return 0;
}

/* ---- talking ---- */

static int open_machine(struct client *c, const char *name, struct err *e)
{
    char path[256];
    int rc;

    if (strchr(name, '/')) {
        snprintf(path, sizeof(path), "%s", name);
    } else {
        rc = ctl_socket_path(name, path, sizeof(path), e);
        if (rc < 0)
            return rc;
    }
    rc = os_sock_connect(&(struct os_sock_addr){.path = path}, SOCK_STREAM, true, &c->fd, e);
    if (rc == -ENOENT || rc == -ECONNREFUSED)
        return err_text(e, -rc, "no machine '%s' runs; `myna ctl` lists those that do", name);
    return rc;
}

/* The next line as JSON; NULL: the connection ended. */
static json_t *read_answer(struct client *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    char buf[16384];
    const char *nl;
    json_t *o;

    while (!(nl = memchr(str_text(&c->in), '\n', str_length(&c->in)))) {
        ssize_t n;

        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return NULL;
        n = read(c->fd, buf, sizeof(buf));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0 || str_length(&c->in) > ANSWER_MAX)
            return NULL;
        str_append(&c->in, buf, (size_t)n);
    }
    o = json_loadb(str_text(&c->in), (size_t)(nl - str_text(&c->in)), 0, NULL);
    vec_remove(&c->in.text, 0, (size_t)(nl + 1 - str_text(&c->in)));
    return o;
}

/* Sends a request (taken) and waits for its answer; events before it are dropped. */
static json_t *request(struct client *c, json_t *what)
{
    char *text = json_dumps(what, 0);
    size_t size = strlen(text), done = 0;
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    json_t *answer;

    json_decref(what);
    while (done < size) {
        ssize_t n = send(c->fd, text + done, size - done, MSG_NOSIGNAL);

        if (n > 0)
            done += (size_t)n;
        else if (errno != EAGAIN || poll(&p, 1, -1) < 0)
            break;
    }
    free(text);
    while ((answer = read_answer(c)) && json_object_get(answer, "event"))
        json_decref(answer);
    return answer;
}

static int negotiate(struct client *c, struct err *e)
{
    json_t *hello = read_answer(c), *answer = NULL;
    bool ok = json_object_get(hello, "QMP") != NULL;

    if (ok) {
        answer = request(c, json_pack("{s:s}", "execute", "qmp_capabilities"));
        ok = json_object_get(answer, "return") != NULL;
    }
    json_decref(hello);
    json_decref(answer);
    return ok ? 0 : err_text(e, EPROTO, "this is no control socket of a machine");
}

/* ---- what the user says ---- */

/* "key=value": the value as JSON where it is that, else as text. */
static int add_argument(json_t *args, const char *text, struct err *e)
{
    const char *equal = strchr(text, '=');
    json_t *value;
    char *name;

    if (!equal || equal == text)
        return err_text(e, EINVAL, "'%s': arguments have the form key=value", text);
    value = json_loads(equal + 1, JSON_DECODE_ANY, NULL);
    if (!value)
        value = json_string(equal + 1);
    name = strndup(text, (size_t)(equal - text));
    json_object_set_new(args, name, value);
    free(name);
    return value ? 0 : err_text(e, EINVAL, "'%s' is not UTF-8", text);
}

static int build(int argc, char **argv, json_t **out, struct err *e)
{
    const char *command = argv[0];
    json_t *args = json_object();
    int rc = 0;

    for (size_t i = 0; i < array_size(shorts); i++)
        if (!strcmp(command, shorts[i].word))
            command = shorts[i].command;
    if (!strcmp(command, "monitor")) {
        struct str line = {0};

        for (int i = 1; i < argc; i++)
            str_printf(&line, "%s%s", i > 1 ? " " : "", argv[i]);
        json_object_set_new(args, "command-line", json_string(str_text(&line)));
        str_free(&line);
        command = "human-monitor-command";
    } else {
        for (int i = 1; rc == 0 && i < argc; i++)
            rc = add_argument(args, argv[i], e);
    }
    if (rc < 0)
        json_decref(args);
    else
        *out = json_pack("{s:s,s:o}", "execute", command, "arguments", args);
    return rc;
}

/* The exit status. */
static int show(const json_t *answer)
{
    const json_t *value = json_object_get(answer, "return"),
                 *error = json_object_get(answer, "error");

    if (error) {
        log_error("%s", json_string_value(json_object_get(error, "desc")));
        return 1;
    }
    if (!value) {
        log_error("the machine ended");
        return 1;
    }
    if (json_is_string(value)) {
        fputs(json_string_value(value), stdout);
    } else if (!json_is_object(value) || json_object_size(value)) {
        json_dumpf(value, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    return 0;
}

static int follow(struct client *c)
{
    json_t *o;

    while ((o = read_answer(c))) {
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(o);
    }
    return 0;
}

int app_ctl(int argc, char **argv)
{
    struct client c = {.fd = -1};
    json_t *what = NULL, *answer;
    int status = 1, rc;
    struct err e;

    if (argc < 2)
        return list_machines();
    if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") || argc < 3) {
        usage();
        return argc < 3 && argv[1][0] != '-' ? 2 : 0;
    }
    rc = open_machine(&c, argv[1], &e);
    if (rc == 0)
        rc = negotiate(&c, &e);
    if (rc == 0 && !strcmp(argv[2], "events")) {
        status = follow(&c);
    } else if (rc == 0 && (rc = build(argc - 2, argv + 2, &what, &e)) == 0) {
        answer = request(&c, what);
        status = show(answer);
        json_decref(answer);
    }
    if (rc < 0)
        log_error("%s", e.text);
    if (c.fd >= 0)
        close(c.fd);
    str_free(&c.in);
    return status;
}
