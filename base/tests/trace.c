/* trace: finding by pattern, switching, what a line looks like, and that nothing is printed when
 * off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/trace_define.h"

TRACE_POINT(lamp_on, "the lamp was switched on: how bright")
TRACE_POINT(lamp_off, "the lamp was switched off")
TRACE_POINT(door_open, "the door opened: degrees")

static char path[] = "/tmp/myna-trace-XXXXXX";

static const char *read_log(void)
{
    static char text[4096];
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void set(const char *pattern, bool on)
{
    struct err e;

    assert_int_equal(trace_set(pattern, on, &e), 0);
}

static void patterns(void **state)
{
    struct err e;

    (void)state;
    set("lamp*", true);
    assert_true(trace_point_lamp_on.on && trace_point_lamp_off.on && !trace_point_door_open.on);
    set("lamp_on", false);
    assert_true(!trace_point_lamp_on.on && trace_point_lamp_off.on);
    assert_int_equal(log_enable("trace:door_*,int", &e), 0);
    assert_true(trace_point_door_open.on && log_on(LOG_INT));
    set("*", false);
    assert_true(trace_set("dor_open", true, &e) < 0);
    assert_string_equal(
        e.text, "no trace point 'dor_open'; did you mean 'door_open'? (`-trace help` lists them)");
    assert_true(log_enable("trace:window*", &e) < 0);
    assert_false(trace_point_door_open.on);
}

static size_t stamp(void *arg, char *text, size_t size)
{
    return (size_t)snprintf(text, size, "%s cpu1", (const char *)arg);
}

static void lines(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(log_open(path, &e), 0);
    trace_at(lamp_on, "/hall", "%d", 1); /* off */
    set("lamp_on", true);
    trace_at(lamp_on, "/hall", "%d", 2);
    trace_at(lamp_on, NULL, "%d", 3);
    assert_string_equal(read_log(), "lamp_on /hall: 2\nlamp_on: 3\n");
    assert_int_equal(log_open(path, &e), 0);
    log_set_stamp(stamp, (void *)"0.5");
    trace_at(lamp_on, "/hall", "%d", 4);
    log_guest("slip");
    log_trace(LOG_INT, "taken");
    log_warn("of the host");
    log_set_stamp(NULL, NULL);
    assert_string_equal(read_log(), "[0.5 cpu1] lamp_on /hall: 4\n[0.5 cpu1] myna: guest: slip\n"
                                    "[0.5 cpu1] int: taken\nmyna: warning: of the host\n");
}

static void add_name(void *arg, const struct trace_point *p)
{
    strcat(strcat(arg, p->name), " ");
}

static void listed(void **state)
{
    char names[128] = "";

    (void)state;
    trace_each("*", add_name, names);
    assert_string_equal(names, "door_open lamp_off lamp_on ");
    trace_each("*_off", add_name, strcpy(names, ""));
    assert_string_equal(names, "lamp_off ");
}

static int setup(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(lines),
        cmocka_unit_test(listed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
