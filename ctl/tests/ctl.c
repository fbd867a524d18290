/* Monitors and the GDB server on a machine of cardboard: protocol, every query against its declared
 * type, nonsense from clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chr/chr.h"
#include "ctl/ctl_int.h"
#include "ctl/gdb_int.h"
#include "ctl/split.h"
#include "ctl/tests/fake.h"
#include "os/sock.h"

struct bed {
    struct os_loop *loop;
    struct machine *m;
    struct ctl *c;
    char dir[64];
    int fd;
    char in[1 << 20]; /* what came and was not looked at yet */
    size_t len;
};

static void connect_to(struct bed *t, const char *name)
{
    char path[100];
    struct err e;

    snprintf(path, sizeof(path), "%s/%s", t->dir, name);
    if (os_sock_connect(&(struct os_sock_addr){.path = path}, SOCK_STREAM, true, &t->fd, &e) < 0)
        fail_msg("%s", e.text);
}

static int setup(void **state)
{
    struct bed *t = calloc(1, sizeof(*t));
    char conf[600];
    struct err e;

    strcpy(t->dir, "/tmp/myna-ctl-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    setenv("XDG_RUNTIME_DIR", t->dir, 1);
    snprintf(
        conf, sizeof(conf),
        "{\"name\":\"box\",\"chr\":[{\"id\":\"q\",\"backend\":\"socket\",\"path\":\"%s/q\","
        "\"server\":true,\"wait\":false},{\"id\":\"h\",\"backend\":\"socket\",\"path\":\"%s/h\","
        "\"server\":true,\"wait\":false},{\"id\":\"r\",\"backend\":\"ringbuf\"}]}",
        t->dir, t->dir);
    assert_int_equal(os_loop_new(&t->loop, &e), 0);
    t->m = fake_new(t->loop, conf);
    assert_int_equal(ctl_new(&t->c, t->m, "1.2.3", &e), 0);
    t->fd = -1;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct bed *t = *state;
    char command[128];

    if (t->fd >= 0)
        close(t->fd);
    ctl_free(t->c);
    fake_free(t->m);
    os_loop_free(t->loop);
    snprintf(command, sizeof(command), "rm -rf %s", t->dir);
    assert_int_equal(system(command), 0);
    free(t);
    return 0;
}

static bool pump(struct bed *t)
{
    ssize_t n;

    os_loop_once(t->loop, false);
    n = read(t->fd, t->in + t->len, sizeof(t->in) - 1 - t->len);
    if (n > 0) {
        t->len += (size_t)n;
        t->in[t->len] = '\0';
    }
    if (n < 0)
        usleep(20);
    return n != 0;
}

static void put(struct bed *t, const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(t->fd, text, size);

        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
        pump(t);
    }
}

/* ---- QMP ---- */

/* The next line as JSON; the caller frees it. */
static json_t *next(struct bed *t)
{
    json_t *o;
    char *nl;

    while (!(nl = memchr(t->in, '\n', t->len)))
        assert_true(pump(t));
    *nl = '\0';
    o = json_loads(t->in, 0, NULL);
    if (!o)
        fail_msg("no JSON: %s", t->in);
    t->len -= (size_t)(nl + 1 - t->in);
    memmove(t->in, nl + 1, t->len);
    return o;
}

static json_t *ask(struct bed *t, const char *text)
{
    put(t, text, strlen(text));
    return next(t);
}

static void is(json_t *got, const char *wanted)
{
    json_t *w = json_loads(wanted, 0, NULL);

    assert_non_null(w);
    if (!json_equal(got, w))
        fail_msg("%s instead of %s", json_dumps(got, 0), wanted);
    json_decref(w);
    json_decref(got);
}

static void is_error(json_t *got, const char *class)
{
    json_t *e = json_object_get(got, "error");

    if (!e || strcmp(json_string_value(json_object_get(e, "class")), class))
        fail_msg("%s is no %s", json_dumps(got, 0), class);
    assert_true(strlen(json_string_value(json_object_get(e, "desc"))) > 5);
    json_decref(got);
}

static void is_event(json_t *got, const char *name)
{
    const json_t *time = json_object_get(got, "timestamp");

    assert_string_equal(json_string_value(json_object_get(got, "event")), name);
    assert_true(json_integer_value(json_object_get(time, "seconds")) > 1000000000);
    assert_true(json_integer_value(json_object_get(time, "microseconds")) < 1000000);
    json_decref(got);
}

static void qmp_start(struct bed *t)
{
    json_t *conf = json_pack("{s:s,s:s}", "mode", "control", "chardev", "q"), *hello;
    struct err e;

    assert_int_equal(ctl_monitor(t->c, conf, &e), 0);
    json_decref(conf);
    connect_to(t, "q");
    hello = next(t);
    assert_non_null(json_object_get(json_object_get(hello, "QMP"), "version"));
    assert_true(json_is_array(json_object_get(json_object_get(hello, "QMP"), "capabilities")));
    json_decref(hello);
    is_error(ask(t, "{\"execute\":\"query-status\"}"), "CommandNotFound");
    is(ask(t, "{\"execute\":\"qmp_capabilities\",\"id\":7}\r\n"), "{\"return\":{},\"id\":7}");
}

static void qmp_basics(void **state)
{
    struct bed *t = *state;

    qmp_start(t);
    is_error(ask(t, "{\"execute\":\"qmp_capabilities\"}"), "GenericError");
    is(ask(t, "{'execute':'query-status','id':{'a':[1]}}"),
       "{\"return\":{\"status\":\"prelaunch\",\"running\":false},\"id\":{\"a\":[1]}}");
    is(ask(t, "{\"execute\":\"query-name\"}"), "{\"return\":{\"name\":\"box\"}}");
    is(ask(t, "{\"execute\":\"query-cpus-fast\"} "),
       "{\"return\":[{\"cpu-index\":0,\"qom-path\":\"/machine/unattached/"
       "device[0]\",\"thread-id\":100,"
       "\"target\":\"aarch64\",\"props\":{\"core-id\":0}},{\"cpu-index\":1,\"qom-path\":"
       "\"/machine/unattached/"
       "device[1]\",\"thread-id\":101,\"target\":\"aarch64\",\"props\":{\"core-id\":1}}]}");
    is_error(ask(t, "{\"execute\":\"query-nonsense\"}"), "CommandNotFound");
    is_error(ask(t, "{\"execute\":\"query-status\",\"arguments\":{\"x\":1}}"), "GenericError");
    is_error(ask(t, "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"n\",\"up\":true}}"),
             "DeviceNotFound");
    is_error(ask(t, "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"n\"}}"), "GenericError");
    is_error(ask(t, "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"n\"}}"), "DeviceNotFound");
    is_error(ask(t, "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"x\"}}"),
             "GenericError");
    is(ask(t, "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"info "
              "status\"}}"),
       "{\"return\":\"VM status: paused (prelaunch)\\n\"}");
}

static void qmp_events(void **state)
{
    struct bed *t = *state;

    qmp_start(t);
    is_event(ask(t, "{\"execute\":\"cont\"}"), "RESUME");
    is(next(t), "{\"return\":{}}");
    is_event(ask(t, "{\"execute\":\"stop\"}"), "STOP");
    is(next(t), "{\"return\":{}}");
    is_event(ask(t, "{\"execute\":\"system_reset\"}"), "RESET");
    is(next(t), "{\"return\":{}}");
    is_event(ask(t, "{\"execute\":\"system_powerdown\"}"), "POWERDOWN");
    is(next(t), "{\"return\":{}}");
    assert_int_equal(t->m->resets + t->m->powerdowns, 2);
    machine_cont(t->m);
    is_event(next(t), "RESUME");
    /* Looking into a machine that runs is nobody's event. */
    json_decref(ask(t, "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
                       "\"info registers\"}}"));
    fake_shutdown(t->m);
    is_event(next(t), "STOP");
    is_event(next(t), "SHUTDOWN");
    is(ask(t, "{\"execute\":\"quit\"}"), "{\"return\":{}}");
    is_event(next(t), "SHUTDOWN");
    while (!t->m->quits)
        os_loop_once(t->loop, false);
}

/* Whatever comes: an error for it, and the next command works. */
static void qmp_nonsense(void **state)
{
    static const char *const bad[] = {
        "hello\n",
        "{\"execute\":}\n",
        "[1]\n",
        "{}\n",
        "{\"execute\":5}\n",
        "{\"execute\":\"stop\",\"x\":1}\n",
        "{\"execute\":\"stop\",\"arguments\":[]}\n",
        "{\"a\":]\n",
        "]\n",
        "{\"execute\":\"a\\u0000b\"}\n",
        "\"text\"\n",
        "{\"execute\":\"x\xfe\"}\n",
        "{,}\n",
        "{\"execute\":\"query-status\",\"id\":\n}\n",
    };
    struct bed *t = *state;
    char *deep = malloc(SPLIT_MAX + 10);

    qmp_start(t);
    for (size_t i = 0; i < array_size(bad); i++) {
        json_t *o = ask(t, bad[i]);

        if (!json_object_get(o, "error"))
            fail_msg("%s: %s", bad[i], json_dumps(o, 0));
        json_decref(o);
        is(ask(t, "{\"execute\":\"query-name\"}\n"), "{\"return\":{\"name\":\"box\"}}");
    }
    /* begun anew by byte 255 */
    is_error(ask(t, "{\"execute\": [[[[ \xff"), "GenericError");
    is(ask(t, "{\"execute\":\"query-name\"}\n"), "{\"return\":{\"name\":\"box\"}}");
    /* deeper and longer than allowed */
    memset(deep, '[', SPLIT_DEPTH + 5);
    deep[SPLIT_DEPTH + 5] = '\n';
    put(t, deep, SPLIT_DEPTH + 6);
    is_error(next(t), "GenericError");
    deep[0] = '{';
    deep[1] = '"';
    memset(deep + 2, 'a', SPLIT_MAX);
    put(t, deep, SPLIT_MAX + 2);
    is_error(next(t), "GenericError");
    is(ask(t, "\n{\"execute\":\"query-name\"}\n"), "{\"return\":{\"name\":\"box\"}}");
    free(deep);
}

/* A client that comes again negotiates again. */
static void qmp_again(void **state)
{
    struct bed *t = *state;

    qmp_start(t);
    put(t, "{\"execute\":\"query-st", 20);
    close(t->fd);
    for (int i = 0; i < 10; i++)
        os_loop_once(t->loop, false);
    t->len = 0;
    connect_to(t, "q");
    json_decref(next(t));
    is_error(ask(t, "{\"execute\":\"query-status\"}"), "CommandNotFound");
}

/* Every question gets an answer of its declared type; every type that the schema names is in it. */
static void qmp_types(void **state)
{
    struct bed *t = *state;
    json_t *schema, *entry;
    unsigned asked = 0;
    size_t i;

    for (const struct ctl_command *k = ctl_commands; k->name; k++) {
        json_t *ret = NULL;
        struct str why = {0};
        struct err e;

        assert_non_null(k->returns);
        assert_non_null(k->help);
        assert_ptr_equal(ctl_command_find(k->name), k);
        if (strncmp(k->name, "query-", 6))
            continue;
        assert_int_equal(ctl_execute(t->c, k, NULL, &ret, &e), 0);
        if (!ctl_type_check(k->returns, ret, &why))
            fail_msg("%s%s", k->name, str_text(&why));
        str_free(&why);
        json_decref(ret);
        asked++;
    }
    assert_true(asked > 15);
    schema = ctl_schema();
    json_array_foreach(schema, i, entry)
    {
        static const char *const refs[] = {"arg-type", "ret-type", "element-type"};
        size_t n, k;
        json_t *other;

        for (size_t r = 0; r < array_size(refs); r++) {
            const char *ref = json_string_value(json_object_get(entry, refs[r]));
            bool found = !ref;

            json_array_foreach(schema, k, other) found |=
                ref && !strcmp(ref, json_string_value(json_object_get(other, "name")));
            if (!found)
                fail_msg("type %s is nowhere", ref);
        }
        json_array_foreach(json_object_get(entry, "members"), n, other)
        {
            const char *ref = json_string_value(json_object_get(other, "type"));
            bool found = false;
            json_t *third;

            json_array_foreach(schema, k, third) found |=
                !strcmp(ref, json_string_value(json_object_get(third, "name")));
            if (!found)
                fail_msg("type %s of member %s is nowhere", ref,
                         json_string_value(json_object_get(other, "name")));
        }
    }
    json_decref(schema);
}

static void named_socket(void **state)
{
    struct bed *t = *state, u;
    struct err e;

    assert_int_equal(ctl_publish(t->c, "a/b", &e), -EINVAL);
    assert_int_equal(ctl_publish(t->c, "box", &e), 0);
    connect_to(t, "myna/box.sock");
    u = *t;
    json_decref(next(t));
    is(ask(t, "{\"execute\":\"qmp_capabilities\"}"), "{\"return\":{}}");
    /* a second client beside the first */
    connect_to(&u, "myna/box.sock");
    json_decref(next(&u));
    is(ask(&u, "{\"execute\":\"qmp_capabilities\"}"), "{\"return\":{}}");
    machine_cont(t->m);
    is_event(next(t), "RESUME");
    is_event(next(&u), "RESUME");
    close(u.fd);
    for (int i = 0; i < 20; i++)
        os_loop_once(t->loop, false);
    is(ask(t, "{\"execute\":\"query-name\"}"), "{\"return\":{\"name\":\"box\"}}");
}

/* ---- the monitor for people ---- */

static void until_says(struct bed *t, const char *text)
{
    while (!t->len || !strstr(t->in, text))
        assert_true(pump(t));
    t->len = 0;
}

static void hmp(void **state)
{
    struct bed *t = *state;
    json_t *conf = json_pack("{s:s,s:s}", "mode", "readline", "chardev", "h");
    static const char *const lines[] = {
        "help",
        "info",
        "info status",
        "info registers",
        "info registers -a",
        "info mtree",
        "info network",
        "info block",
        "info blockstats",
        "info chardev",
        "info cpus",
        "info qtree",
        "info version",
        "info name",
        "info jit",
        "x/4xw 0x1000",
        "xp/8xb 0x1000",
        "x 0",
        "x/100000xg 0",
        "x",
        "cpu 1",
        "cpu 9",
        "set_link a on",
        "set_link",
        "device_del x",
        "device_add",
        "device_add x,=",
        "log nonsense",
        "gdbserver none",
        "nonsense",
        "stop",
        "c",
        "s",
        "system_reset",
        "x/-1 0",
        "trace-event chr_* on",
        "trace-event nonsense on",
        "trace-event",
        "info trace-events chr_*",
        "trace-event chr_* off",
        "x/99999999999999999999xw 0x1000",
    };
    struct str out = {0};
    unsigned cpu = 0;
    struct err e;

    assert_int_equal(ctl_monitor(t->c, conf, &e), 0);
    json_decref(conf);
    connect_to(t, "h");
    until_says(t, "(qemu) ");
    put(t, "infx\bo status\r", 14);
    until_says(t, "VM status: paused (prelaunch)\r\n(qemu) ");
    put(t, "\x1b[A\r", 4); /* up: the same again */
    until_says(t, "VM status: paused (prelaunch)\r\n(qemu) ");
    put(t, "qiut\r", 5);
    until_says(t, "did you mean 'quit'");
    for (size_t i = 0; i < array_size(lines); i++) {
        hmp_run(t->c, lines[i], &cpu, &out);
        assert_true(cpu < FAKE_CPUS);
    }
    assert_non_null(strstr(str_text(&out), "0000000000001000: 0x00000000"));
    assert_non_null(strstr(str_text(&out), "Error: no trace point 'nonsense'"));
    assert_non_null(strstr(str_text(&out), "trace-event needs a name"));
    assert_non_null(strstr(str_text(&out), "chr_input                  on "));
    assert_null(strstr(str_text(&out), "chr_input                  off"));
    str_free(&out);
    for (int i = 0; i < 5000; i++) { /* keys of all kinds */
        char key = (char)(i * 2654435761u >> 11);

        put(t, &key, 1);
        t->len = 0;
    }
}

/* ---- GDB ---- */

static void gdb_send(struct bed *t, const char *packet)
{
    char text[2000];
    uint8_t sum = 0;

    for (const char *p = packet; *p; p++)
        sum += (uint8_t)*p;
    snprintf(text, sizeof(text), "$%s#%02x", packet, sum);
    put(t, text, strlen(text));
}

/* The next packet, its frame taken off, acknowledged when `ack`. */
static const char *gdb_next(struct bed *t, bool ack)
{
    static char packet[GDB_PACKET * 2 + 10];
    char *start, *end;

    for (;;) {
        t->in[t->len] = '\0';
        start = memchr(t->in, '$', t->len);
        end = start ? strchr(start, '#') : NULL;
        if (end && end + 2 < t->in + t->len)
            break;
        assert_true(pump(t));
    }
    memcpy(packet, start + 1, (size_t)(end - start - 1));
    packet[end - start - 1] = '\0';
    t->len -= (size_t)(end + 3 - t->in);
    memmove(t->in, end + 3, t->len);
    if (ack)
        put(t, "+", 1);
    return packet;
}

static const char *gdb_ask(struct bed *t, const char *packet)
{
    gdb_send(t, packet);
    return gdb_next(t, true);
}

static void gdb_start(struct bed *t)
{
    char where[100];
    struct err e;

    snprintf(where, sizeof(where), "unix:%s/g", t->dir);
    assert_int_equal(ctl_gdb(t->c, where, &e), 0);
    machine_cont(t->m);
    connect_to(t, "g");
    while (t->m->status == MACHINE_RUNNING)
        os_loop_once(t->loop, false);
}

static void gdb_registers(void **state)
{
    struct bed *t = *state;
    const char *text;

    gdb_start(t);
    assert_non_null(strstr(gdb_ask(t, "qSupported:swbreak+"), "PacketSize=4000"));
    assert_string_equal(gdb_ask(t, "?"), "T05thread:01;");
    assert_string_equal(gdb_ask(t, "qfThreadInfo"), "m1,2");
    assert_string_equal(gdb_ask(t, "qsThreadInfo"), "l");
    assert_string_equal(gdb_ask(t, "T2"), "OK");
    assert_string_equal(gdb_ask(t, "T3"), "E22");
    t->m->reg[0][0] = 0x1122334455667788;
    t->m->reg[0][7] = 0x55;
    text = gdb_ask(t, "g");
    assert_int_equal(strlen(text), 33 * 16 + 8);
    assert_memory_equal(text, "8877665544332211", 16);
    assert_memory_equal(text + 32 * 16, "0020000000000000", 16);
    assert_string_equal(gdb_ask(t, "p22"), "5500000000000000"); /* TTBR0 */
    assert_string_equal(gdb_ask(t, "p23"), "E14");
    assert_string_equal(gdb_ask(t, "P1=efcdab8967452301"), "OK");
    assert_int_equal(t->m->reg[0][1], 0x0123456789abcdef);
    assert_string_equal(gdb_ask(t, "Hg2"), "OK");
    assert_string_equal(gdb_ask(t, "p20"), "0021000000000000");
    assert_string_equal(gdb_ask(t, "qC"), "QC2");
    text = gdb_ask(t, "qXfer:features:read:target.xml:0,100");
    assert_int_equal(*text, 'm');
    assert_non_null(strstr(text, "<architecture>aarch64</architecture>"));
    assert_int_equal(*gdb_ask(t, "qXfer:features:read:target.xml:fffff,10"), 'l');
}

static void gdb_memory(void **state)
{
    struct bed *t = *state;
    uint8_t v[4];

    gdb_start(t);
    assert_string_equal(gdb_ask(t, "M1004,4:deadbeef"), "OK");
    assert_string_equal(gdb_ask(t, "m1002,8"), "0000deadbeef0000");
    assert_string_equal(gdb_ask(t, "X1010,4:a}\x03z}]"), "OK");
    assert_int_equal(cpu_debug_read(t->m->cpu[0], 0x1010, v, 4), 0);
    assert_memory_equal(v, "a#z}", 4);
    assert_string_equal(gdb_ask(t, "m0,4"), "E14");
    assert_string_equal(gdb_ask(t, "m10ffe,8"), "0000"); /* the end of memory */
    assert_string_equal(gdb_ask(t, "M0,1:00"), "E14");
    assert_string_equal(gdb_ask(t, "M1000,4:00"), "E01");
    assert_int_equal(strlen(gdb_ask(t, "m1000,ffffffffffffffff")), (GDB_PACKET - 16) / 2 * 2);
}

static void gdb_running(void **state)
{
    struct bed *t = *state;
    unsigned changes;

    gdb_start(t);
    assert_string_equal(gdb_ask(t, "QStartNoAckMode"), "OK");
    assert_string_equal(gdb_ask(t, "vCont?"), "vCont;c;C;s;S");
    assert_string_equal(gdb_ask(t, "Z0,3000,4"), "OK");
    assert_string_equal(gdb_ask(t, "Z2,4000,8"), "OK");
    assert_string_equal(gdb_ask(t, "Z9,3000,4"), "");
    assert_int_equal(t->m->sys[1].ndebug, 2);
    assert_int_equal(t->m->sys[1].debug[0].va, 0x3000);
    assert_int_equal(t->m->sys[1].debug[0].size, 0);
    assert_int_equal(t->m->sys[1].debug[1].size, 8);
    assert_int_equal(t->m->sys[1].debug[1].access, 1 << CPU_WRITE);
    changes = t->m->debug_changes;
    assert_true(changes >= 4);
    /* the second processor comes to the breakpoint */
    gdb_send(t, "vCont;c");
    while (t->m->status != MACHINE_RUNNING)
        pump(t);
    t->m->cpu[1]->pc = 0x3000;
    fake_debug_stop(t->m, 1);
    assert_string_equal(gdb_next(t, false), "T05thread:02;swbreak:;");
    assert_string_equal(gdb_ask(t, "vCont;s:2;c"), "T05thread:02;");
    assert_int_equal(t->m->cpu[1]->pc, 0x3004);
    assert_string_equal(gdb_ask(t, "vCont;s:1"), "T05thread:01;");
    assert_string_equal(gdb_ask(t, "z0,3000,4"), "OK");
    assert_string_equal(gdb_ask(t, "z0,3000,4"), "E22");
    assert_int_equal(t->m->sys[0].ndebug, 1);
    /* a watchpoint */
    gdb_send(t, "c");
    while (t->m->status != MACHINE_RUNNING)
        pump(t);
    t->m->cpu[0]->fault_access = CPU_WRITE;
    t->m->cpu[0]->fault_addr = 0x4004;
    fake_debug_stop(t->m, 0);
    assert_string_equal(gdb_next(t, false), "T05thread:01;watch:4004;");
    /* Ctrl-C */
    gdb_send(t, "vCont;c:1;c");
    while (t->m->status != MACHINE_RUNNING)
        pump(t);
    put(t, "\x03", 1);
    assert_string_equal(gdb_next(t, false), "T02thread:01;");
    /* the guest ends */
    gdb_send(t, "c");
    while (t->m->status != MACHINE_RUNNING)
        pump(t);
    fake_shutdown(t->m);
    assert_string_equal(gdb_next(t, false), "W00");
}

/* A client that goes leaves no breakpoint, and the machine goes on. */
static void gdb_leaves(void **state)
{
    struct bed *t = *state;

    gdb_start(t);
    assert_string_equal(gdb_ask(t, "Z1,3000,4"), "OK");
    close(t->fd);
    while (t->m->status != MACHINE_RUNNING)
        os_loop_once(t->loop, false);
    assert_int_equal(t->m->sys[0].ndebug, 0);
    t->len = 0;
    connect_to(t, "g");
    while (t->m->status == MACHINE_RUNNING)
        os_loop_once(t->loop, false);
    assert_string_equal(gdb_ask(t, "D"), "OK");
    assert_int_equal(t->m->status, MACHINE_RUNNING);
}

static void gdb_monitor(void **state)
{
    struct bed *t = *state;
    char hex[200], text[100] = "";

    gdb_start(t);
    /* "info status" */
    snprintf(hex, sizeof(hex), "%s", gdb_ask(t, "qRcmd,696e666f20737461747573"));
    for (size_t i = 0; hex[1 + 2 * i]; i++) {
        char pair[3] = {hex[1 + 2 * i], hex[2 + 2 * i], '\0'};

        text[i] = (char)strtol(pair, NULL, 16);
    }
    assert_int_equal(hex[0], 'O');
    assert_string_equal(text, "VM status: paused (paused)\n");
    assert_string_equal(gdb_next(t, true), "OK");
}

static void gdb_nonsense(void **state)
{
    static const char *const bad[] = {
        "m",
        "m,",
        "mzz,4",
        "M1,",
        "X1000,ffffffff:",
        "G",
        "Gxx",
        "P",
        "P1",
        "P1=",
        "Pffffffff=0",
        "pffffffffffffffffff",
        "Z",
        "Z0",
        "Z0,,",
        "Z0,0,0",
        "Z3,ffffffffffffffff,ffffffffffffffff",
        "H",
        "Hg",
        "Hgffffffff",
        "Hx1",
        "T",
        "T-",
        "vCont",
        "vCont;",
        "vCont;x",
        "vCont;s:99",
        "vCont;Sxx",
        "qXfer:features:read:",
        "qXfer:features:read:target.xml:",
        "qXfer:features:read:target.xml:ffffffffffffffff,1",
        "qRcmd,",
        "qRcmd,6",
        "qRcmd,zz",
        "q",
        "Q",
        "v",
        "",
        "qThreadExtraInfo,",
        "qThreadExtraInfo,-1",
        "QStartNoAckModeX",
        "\x01\x02",
        "z",
        "zz",
    };
    struct bed *t = *state;
    char *big = malloc(GDB_PACKET * 3);

    gdb_start(t);
    for (size_t i = 0; i < array_size(bad); i++) {
        gdb_send(t, bad[i]);
        gdb_next(t, true);
        assert_string_equal(gdb_ask(t, "qsThreadInfo"), "l");
    }
    /* wrong sum, a packet that breaks off, one that is too long */
    t->len = 0;
    put(t, "$g#00", 5);
    until_says(t, "-");
    put(t, "}}}#$#$$m10\x03", 12);
    assert_string_equal(gdb_ask(t, "qsThreadInfo"), "l");
    memset(big, 'm', GDB_PACKET * 3);
    big[0] = '$';
    put(t, big, GDB_PACKET * 3);
    put(t, "#00", 3);
    assert_string_equal(gdb_ask(t, "qsThreadInfo"), "l");
    /* again, when asked */
    put(t, "-", 1);
    assert_string_equal(gdb_next(t, true), "l");
    free(big);
}

#define case_of(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_of(qmp_basics),   case_of(qmp_events),   case_of(qmp_nonsense), case_of(qmp_again),
        case_of(qmp_types),    case_of(named_socket), case_of(hmp),          case_of(gdb_registers),
        case_of(gdb_memory),   case_of(gdb_running),  case_of(gdb_leaves),   case_of(gdb_monitor),
        case_of(gdb_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
