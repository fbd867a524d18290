/* log: categories, whole lines, the limit on guest messages, a descriptor out of the guest's way.
 */
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

static char path[] = "/tmp/myna-log-XXXXXX";

static size_t read_log(char *buffer, size_t size)
{
    FILE *f = fopen(path, "r");
    size_t length;

    assert_non_null(f);
    length = fread(buffer, 1, size - 1, f);
    buffer[length] = '\0';
    fclose(f);
    return length;
}

static void categories(void **state)
{
    struct err e;

    (void)state;
    assert_false(log_on(LOG_IR));
    assert_int_equal(log_enable("ir,,cache", &e), 0);
    assert_true(log_on(LOG_IR) && log_on(LOG_CACHE) && !log_on(LOG_EXEC));
    assert_true(log_enable("exec,nonsense", &e) < 0);
    assert_non_null(strstr(e.text, "nonsense"));
    assert_false(log_on(LOG_EXEC)); /* all or nothing */
    assert_int_equal(log_enable("all", &e), 0);
    assert_true(log_on(LOG_EXEC));
}

static void lines(void **state)
{
    char text[4096], wide[3000];
    struct err e;

    (void)state;
    assert_int_equal(log_open(path, &e), 0);
    assert_true(log_fd() >= 100);
    log_error("broken %d", 1);
    log_info("not shown");
    trace(LOG_IR, "op %s", "add");
    memset(wide, 'x', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    log_warn("%s", wide);
    read_log(text, sizeof(text));
    assert_ptr_equal(strstr(text, "myna: broken 1\nir: op add\nmyna: warning: xxx"), text);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void guest_limit(void **state)
{
    static char text[200000];
    unsigned count = 0;
    struct err e;

    (void)state;
    assert_int_equal(log_open(path, &e), 0);
    for (int i = 0; i < 3000; i++)
        log_guest("bad instruction");
    read_log(text, sizeof(text));
    for (char *at = text; (at = strstr(at, "guest: bad")); at++)
        count++;
    /* Once a second the count starts anew; this loop may cross a few of those borders. */
    assert_true(count >= LOG_GUEST_BURST && count < 3000);
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
        cmocka_unit_test(categories),
        cmocka_unit_test(lines),
        cmocka_unit_test(guest_limit),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
