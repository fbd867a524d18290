/* Character streams: loopbacks over sockets, pty, pipes and files; the escape menu; short forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chr/chr.h"
#include "os/loop.h"
#include "os/sock.h"

/* A front that remembers what it heard. */
struct front {
    struct chr *c;
    size_t room; /* takes so much; SIZE_MAX: all */
    char in[1 << 20];
    size_t len;
    char events[256]; /* a letter each */
    unsigned writable;
    bool detach; /* on the first byte */
};

static size_t can_receive(void *opaque)
{
    return ((struct front *)opaque)->room;
}

static void receive(void *opaque, const uint8_t *data, size_t size)
{
    struct front *f = opaque;

    assert_true(size <= f->room);
    assert_true(f->len + size <= sizeof(f->in));
    memcpy(f->in + f->len, data, size);
    f->len += size;
    if (f->room != SIZE_MAX)
        f->room -= size;
    if (f->detach)
        chr_detach(f->c, f);
}

static void event(void *opaque, enum chr_event ev)
{
    struct front *f = opaque;
    size_t n = strlen(f->events);

    f->events[n] = "OCBIX"[ev];
}

static void writable(void *opaque)
{
    ((struct front *)opaque)->writable++;
}

static const struct chr_ops ops = {can_receive, receive, event, writable};

struct bed {
    struct os_loop *loop;
    char dir[64];
    struct front a, b;
};

static int setup(void **state)
{
    struct bed *t = calloc(1, sizeof(*t));
    struct err e;

    assert_int_equal(os_loop_new(&t->loop, &e), 0);
    strcpy(t->dir, "/tmp/myna-chr-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    t->a.room = t->b.room = SIZE_MAX;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct bed *t = *state;
    char command[128];

    os_loop_free(t->loop);
    snprintf(command, sizeof(command), "rm -rf %s", t->dir);
    assert_int_equal(system(command), 0);
    free(t);
    return 0;
}

static struct chr *make(struct bed *t, const char *fmt, ...)
{
    char text[512];
    struct chr *c = NULL;
    struct err e = {0};
    json_t *conf;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    conf = json_loads(text, 0, NULL);
    assert_non_null(conf);
    if (chr_new(&c, t->loop, conf, &e) < 0)
        fail_msg("%s: %s", text, e.text);
    json_decref(conf);
    return c;
}

static void attach(struct chr *c, struct front *f)
{
    struct err e;

    f->c = c;
    assert_int_equal(chr_attach(c, &ops, f, &e), 0);
}

/* Some conditions are not the loop's to see: it is asked again and again. */
#define until(condition)              \
    while (!(condition)) {            \
        os_loop_once(t->loop, false); \
        usleep(50);                   \
    }

static bool heard(const struct front *f, const char *text)
{
    return f->len == strlen(text) && !memcmp(f->in, text, f->len);
}

static void unix_pair(void **state)
{
    struct bed *t = *state;
    struct chr *s = make(t,
                         "{\"backend\":\"socket\",\"id\":\"s\",\"path\":\"%s/"
                         "x\",\"server\":true,\"wait\":\"off\"}",
                         t->dir),
               *c;

    attach(s, &t->a);
    assert_false(chr_connected(s));
    assert_int_equal(chr_write(s, "lost", 4), 4);
    c = make(t, "{\"backend\":\"socket\",\"path\":\"%s/x\"}", t->dir);
    attach(c, &t->b);
    assert_int_equal(chr_write(c, "hello", 5), 5);
    until(heard(&t->a, "hello"));
    assert_string_equal(t->a.events, "O");
    assert_string_equal(t->b.events, "O");
    assert_int_equal(chr_write(s, "there", 5), 5);
    until(heard(&t->b, "there"));
    chr_free(c);
    until(!chr_connected(s));
    assert_string_equal(t->a.events, "OC");
    /* and again */
    c = make(t, "{\"backend\":\"socket\",\"path\":\"%s/x\"}", t->dir);
    until(chr_connected(s));
    chr_free(c);
    chr_free(s);
}

/* A slow reader: nothing is lost, the writer is told when there is room. */
static void back_pressure(void **state)
{
    struct bed *t = *state;
    struct chr *s = make(
        t, "{\"backend\":\"socket\",\"path\":\"%s/x\",\"server\":true,\"wait\":false}", t->dir);
    struct chr *c = make(t, "{\"backend\":\"socket\",\"path\":\"%s/x\"}", t->dir);
    static uint8_t data[1 << 20];
    size_t done = 0, n, refused = 0;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + (i >> 8));
    t->b.room = 0;
    attach(s, &t->a);
    attach(c, &t->b);
    until(chr_connected(s));
    while ((n = chr_write(s, data + done, sizeof(data) - done)) > 0)
        done += n;
    assert_true(done < sizeof(data));
    while (t->b.len < sizeof(data)) {
        if (t->b.room < 5000) {
            t->b.room += 5000;
            chr_ready(c);
        }
        if (done < sizeof(data)) {
            n = chr_write(s, data + done, sizeof(data) - done);
            refused += !n;
            done += n;
        }
        os_loop_once(t->loop, false);
    }
    assert_int_equal(t->b.len, sizeof(data));
    assert_memory_equal(t->b.in, data, sizeof(data));
    assert_true(refused == 0 || t->a.writable > 0);
    chr_free(c);
    chr_free(s);
}

static void tcp_telnet(void **state)
{
    /* An escaped 255, an option, a break and a sub-negotiation between the bytes. */
    static const char telnet[] = "a\xff\xff"
                                 "b\xff\xfd\x01"
                                 "c\xff\xf3"
                                 "d\xff\xfa\x1f\x01\xff\xf0"
                                 "e";
    struct bed *t = *state;
    struct chr *s =
        make(t, "{\"backend\":\"socket\",\"host\":\"127.0.0.1\",\"port\":\"0\",\"telnet\":true,"
                "\"server\":true,\"wait\":false,\"to\":0}");
    json_t *info = json_object();
    const char *name;
    char host[64], port[16];
    uint8_t raw[64];
    struct err e;
    ssize_t n;
    int fd;

    attach(s, &t->a);
    chr_info(s, info);
    name = json_string_value(json_object_get(info, "filename"));
    assert_int_equal(sscanf(name, "disconnected:telnet:%63[0-9.]:%15[0-9],server=on", host, port),
                     2);
    assert_int_equal(os_sock_connect(&(struct os_sock_addr){.host = host, .port = port},
                                     SOCK_STREAM, true, &fd, &e),
                     0);
    until(chr_connected(s));
    until((n = read(fd, raw, sizeof(raw))) > 0);
    assert_int_equal(n, 12);
    assert_memory_equal(raw, "\xff\xfb\x01", 3);
    assert_int_equal(write(fd, telnet, sizeof(telnet) - 1), sizeof(telnet) - 1);
    until(t->a.len == 6);
    assert_memory_equal(t->a.in,
                        "a\xff"
                        "bcde",
                        6);
    assert_string_equal(t->a.events, "OB");
    assert_int_equal(chr_write(s, "x\xffy", 3), 3);
    until((n = read(fd, raw, sizeof(raw))) > 0);
    assert_int_equal(n, 4);
    assert_memory_equal(raw, "x\xff\xffy", 4);
    close(fd);
    until(!chr_connected(s));
    json_decref(info);
    chr_free(s);
}

static void reconnects(void **state)
{
    struct bed *t = *state;
    struct chr *c = make(t, "{\"backend\":\"socket\",\"path\":\"%s/later\",\"reconnect-ms\":1}",
                         t->dir),
               *s;

    attach(c, &t->a);
    os_loop_once(t->loop, false);
    assert_false(chr_connected(c));
    for (int i = 0; i < 3; i++) {
        s = make(t, "{\"backend\":\"socket\",\"path\":\"%s/later\",\"server\":true,\"wait\":false}",
                 t->dir);
        until(chr_connected(c) && chr_connected(s));
        chr_free(s);
        until(!chr_connected(c));
    }
    assert_string_equal(t->a.events, "OCOCOC");
    chr_free(c);
}

static void pty(void **state)
{
    struct bed *t = *state;
    struct chr *c = make(t, "{\"backend\":\"pty\",\"id\":\"p\",\"path\":\"%s/tty\"}", t->dir);
    char path[80], buf[64];
    ssize_t n;
    int fd;

    attach(c, &t->a);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(chr_write(c, "x", 1), 1); /* nobody reads: goes away */
    snprintf(path, sizeof(path), "%s/tty", t->dir);
    for (int i = 0; i < 2; i++) {
        t->a.len = 0;
        fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "in\r", 3), 3);
        until(heard(&t->a, "in\r"));
        assert_true(chr_connected(c));
        assert_int_equal(chr_write(c, "out\n", 4), 4);
        until((n = read(fd, buf, sizeof(buf))) > 0);
        assert_int_equal(n, 4);
        assert_memory_equal(buf, "out\n", 4);
        close(fd);
        until(!chr_connected(c));
    }
    chr_free(c);
    assert_int_equal(access(path, F_OK), -1);
}

static void files(void **state)
{
    struct bed *t = *state;
    char path[80], buf[64] = "";
    struct chr *c;
    FILE *f;

    for (int i = 0; i < 2; i++) {
        c = make(t,
                 "{\"backend\":\"file\",\"path\":\"%s/f\",\"append\":true,\"logfile\":\"%s/log\"}",
                 t->dir, t->dir);
        attach(c, &t->a);
        assert_int_equal(chr_write(c, "line\n", 5), 5);
        chr_free(c);
    }
    snprintf(path, sizeof(path), "%s/f", t->dir);
    f = fopen(path, "r");
    assert_int_equal(fread(buf, 1, sizeof(buf), f), 10);
    fclose(f);
    c = make(t, "{\"backend\":\"file\",\"path\":\"/dev/null\",\"input-path\":\"%s/log\"}", t->dir);
    t->a.len = 0;
    attach(c, &t->a);
    until(heard(&t->a, "line\n"));
    chr_free(c);
}

static void pipes(void **state)
{
    struct bed *t = *state;
    char in[80], out[80], buf[16];
    struct chr *c;
    int wfd, rfd;

    snprintf(in, sizeof(in), "%s/p.in", t->dir);
    snprintf(out, sizeof(out), "%s/p.out", t->dir);
    assert_int_equal(mkfifo(in, 0600) | mkfifo(out, 0600), 0);
    c = make(t, "{\"backend\":\"pipe\",\"path\":\"%s/p\"}", t->dir);
    attach(c, &t->a);
    wfd = open(in, O_WRONLY);
    rfd = open(out, O_RDONLY | O_NONBLOCK);
    assert_int_equal(write(wfd, "abc", 3), 3);
    until(heard(&t->a, "abc"));
    assert_int_equal(chr_write(c, "def", 3), 3);
    assert_int_equal(read(rfd, buf, sizeof(buf)), 3);
    close(wfd);
    close(rfd);
    chr_free(c);
}

static void ringbuf(void **state)
{
    struct bed *t = *state;
    struct chr *c = make(t, "{\"backend\":\"ringbuf\",\"size\":8}");
    char buf[16];
    struct err e;

    assert_int_equal(chr_write(c, "0123456789", 10), 10);
    assert_int_equal(chr_ringbuf_read(c, buf, 3, &e), 3);
    assert_memory_equal(buf, "234", 3);
    assert_int_equal(chr_ringbuf_read(c, buf, 16, &e), 5);
    assert_memory_equal(buf, "56789", 5);
    chr_free(c);
}

static void quit(void *opaque)
{
    ++*(int *)opaque;
}

static void command(void *opaque, char key)
{
    *(int *)opaque += key;
}

/* The mux over a socket: keys of the menu are taken out wherever reads split them. */
static void mux(void **state)
{
    struct bed *t = *state;
    struct chr *s = make(
        t, "{\"backend\":\"socket\",\"path\":\"%s/x\",\"server\":true,\"wait\":false,\"mux\":true}",
        t->dir);
    struct chr *c = make(t, "{\"backend\":\"socket\",\"path\":\"%s/x\"}", t->dir);
    static struct front user = {.room = SIZE_MAX};
    int quits = 0;
    const struct chr_menu menu = {quit, command, &quits, NULL};

    memset(&user, 0, sizeof(user));
    user.room = SIZE_MAX;
    attach(s, &t->a);
    attach(s, &t->b);
    attach(c, &user);
    chr_set_menu(s, &menu);
    until(chr_connected(s));
    assert_string_equal(t->a.events, "IO");
    assert_string_equal(t->b.events, "O");
    assert_int_equal(chr_write(c, "one\x01\x01two\x01", 9), 9);
    until(t->a.len == 7);
    assert_memory_equal(t->a.in, "one\x01two", 7);
    assert_int_equal(chr_write(c,
                               "bthree\x01"
                               "c4",
                               9),
                     9);
    until(heard(&t->b, "4"));
    assert_int_equal(t->a.len, 12);
    assert_string_equal(t->a.events, "IOBX");
    assert_string_equal(t->b.events, "OI");
    assert_int_equal(chr_write(c, "\x01x", 2), 2);
    until(quits == 1);
    assert_int_equal(chr_write(c, "\x01s", 2), 2);
    until(quits == 1 + 's');
    assert_int_equal(chr_write(c, "\x01h", 2), 2);
    until(user.len > 50);
    assert_non_null(memmem(user.in, user.len, "Ctrl-A x", 8));
    /* A guest that takes nothing does not lock the menu up. */
    t->b.room = 0;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(chr_write(c, "y", 1), 1);
    assert_int_equal(chr_write(c, "\x01x", 2), 2);
    until(quits == 2 + 's');
    t->b.room = SIZE_MAX;
    chr_ready(s);
    assert_int_equal(t->b.len, 1001);
    chr_free(c);
    chr_free(s);
}

static void fronts(void **state)
{
    struct bed *t = *state;
    struct chr *s = make(
        t, "{\"backend\":\"socket\",\"id\":\"s\",\"path\":\"%s/x\",\"server\":true,\"wait\":false}",
        t->dir);
    struct chr *c = make(t, "{\"backend\":\"socket\",\"path\":\"%s/x\"}", t->dir);
    struct err e;

    attach(s, &t->a);
    assert_int_equal(chr_attach(s, &ops, &t->b, &e), -16);
    assert_non_null(strstr(e.text, "mux=on"));
    t->a.detach = true;
    assert_int_equal(chr_write(c, "abc", 3), 3);
    until(t->a.len == 3);
    /* What comes between two users waits for the next. */
    assert_int_equal(chr_write(c, "def", 3), 3);
    for (int i = 0; i < 5; i++)
        os_loop_once(t->loop, false);
    attach(s, &t->b);
    until(heard(&t->b, "def"));
    chr_free(c);
    chr_free(s);
}

static void legacy(void **state)
{
    static const struct {
        const char *text, *json; /* NULL: refused */
    } cases[] = {
        {"stdio", "{\"backend\":\"stdio\"}"},
        {"stdio,signal=off", "{\"backend\":\"stdio\",\"signal\":\"off\"}"},
        {"mon:stdio", "{\"backend\":\"stdio\",\"mux\":true}"},
        {"null", "{\"backend\":\"null\"}"},
        {"none", "{}"},
        {"vc", "{\"backend\":\"vc\"}"},
        {"vc:80Cx24C", "{\"backend\":\"vc\"}"},
        {"pty", "{\"backend\":\"pty\"}"},
        {"file:/a,,b,append=on", "{\"backend\":\"file\",\"path\":\"/a,b\",\"append\":\"on\"}"},
        {"pipe:/p", "{\"backend\":\"pipe\",\"path\":\"/p\"}"},
        {"unix:/s,server,nowait",
         "{\"backend\":\"socket\",\"path\":\"/s\",\"server\":true,\"wait\":false}"},
        {"unix:/s,server=on,wait=off",
         "{\"backend\":\"socket\",\"path\":\"/s\",\"server\":\"on\",\"wait\":\"off\"}"},
        {"tcp::4444,server,nodelay", "{\"backend\":\"socket\",\"host\":\"\",\"port\":\"4444\","
                                     "\"server\":true,\"nodelay\":true}"},
        {"telnet:[::1]:23,server=on", "{\"backend\":\"socket\",\"host\":\"::1\",\"port\":\"23\","
                                      "\"telnet\":true,\"server\":\"on\"}"},
        {"chardev:c0", "{\"ref\":\"c0\"}"},
        {"mon:chardev:c0", "{\"ref\":\"c0\"}"},
        {"/dev/ttyS0", "{\"backend\":\"serial\",\"path\":\"/dev/ttyS0\"}"},
        {"mon:tcp:h:1", "{\"backend\":\"socket\",\"host\":\"h\",\"port\":\"1\",\"mux\":true}"},
        {"", NULL},
        {"stdi", NULL},
        {"file:", NULL},
        {"tcp:host", NULL},
        {"tcp:[::1]", NULL},
        {"chardev:", NULL},
        {"unix:/s,=on", NULL},
        {"unix:/s,\xff=on", NULL},
        {"file:\xff\xfe", NULL},
    };

    (void)state;
    for (size_t i = 0; i < array_size(cases); i++) {
        json_t *conf = NULL, *wanted = cases[i].json ? json_loads(cases[i].json, 0, NULL) : NULL;
        struct err e = {0};
        int rc = chr_parse_legacy(cases[i].text, &conf, &e);

        if (wanted ? rc || !json_equal(conf, wanted) : rc == 0 || conf || !*e.text)
            fail_msg("'%s' gives %d: %s", cases[i].text, rc, e.text);
        json_decref(conf);
        json_decref(wanted);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"{\"backend\":\"sockte\",\"id\":\"a\"}", "did you mean 'socket'"},
        {"{\"id\":\"a\"}", "needs a backend"},
        {"{\"backend\":\"socket\",\"id\":\"a\"}", "path=FILE"},
        {"{\"backend\":\"socket\",\"path\":\"/nonexistent/x\"}", "cannot connect"},
        {"{\"backend\":\"socket\",\"path\":\"/x\",\"servr\":true}", "did you mean"},
        {"{\"backend\":\"socket\",\"path\":\"/x\",\"server\":true,\"reconnect\":1}", "clients"},
        {"{\"backend\":\"file\"}", "path"},
        {"{\"backend\":\"ringbuf\",\"size\":100}", "power of two"},
        {"{\"backend\":\"fd\",\"fd\":1000000}", "descriptor"},
        {"{\"backend\":\"serial\",\"path\":\"/dev/null\"}", "serial line"},
    };
    struct bed *t = *state;

    for (size_t i = 0; i < array_size(cases); i++) {
        json_t *conf = json_loads(cases[i].json, 0, NULL);
        struct err e = {0};
        struct chr *c = NULL;

        assert_non_null(conf);
        if (chr_new(&c, t->loop, conf, &e) >= 0 || !strstr(e.text, cases[i].says))
            fail_msg("%s: '%s'", cases[i].json, e.text);
        json_decref(conf);
    }
}

#define case_of(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_of(unix_pair), case_of(back_pressure), case_of(tcp_telnet), case_of(reconnects),
        case_of(pty),       case_of(files),         case_of(pipes),      case_of(ringbuf),
        case_of(mux),       case_of(fronts),        case_of(legacy),     case_of(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
