/* nearest: what counts as alike, and what the error says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/nearest.h"

static const char *const names[] = {"stop", "cont", "device_add", "device_del", "num-queues", NULL};

static void edits(void **state)
{
    (void)state;
    assert_string_equal(nearest_name("cnot", names, 1, NEAREST_EXACT),
                        "cont"); /* neighbours swapped */
    assert_string_equal(nearest_name("stopp", names, 1, NEAREST_EXACT), "stop");
    assert_null(nearest_name("stahp", names, 1, NEAREST_EXACT));
    assert_string_equal(nearest_name("stahp", names, 2, NEAREST_EXACT), "stop");
    assert_string_equal(nearest_name("device_ad", names, 3, NEAREST_EXACT),
                        "device_add"); /* not device_del */
    assert_null(nearest_name("x", NULL, 9, NEAREST_EXACT));
    assert_null(nearest_name("a-name-that-is-longer-than-any-name-that-there-is-in-tables", names,
                             40, NEAREST_EXACT));
}

static void kinds(void **state)
{
    (void)state;
    assert_null(nearest_name("STPO", names, 1, NEAREST_EXACT));
    assert_string_equal(nearest_name("STPO", names, 1, NEAREST_FOLD), "stop");
    assert_null(nearest_name("num", names, 1, NEAREST_FOLD));
    assert_string_equal(nearest_name("num", names, 1, NEAREST_BEGUN), "num-queues");
    assert_null(nearest_name("nu", names, 1, NEAREST_BEGUN));
}

static void words(void **state)
{
    struct err e;

    (void)state;
    assert_true(nearest_unknown(&e, "command", "sotp", "stop", "`help` lists them") < 0);
    assert_string_equal(e.text, "no command 'sotp'; did you mean 'stop'? (`help` lists them)");
    assert_true(nearest_unknown(&e, "machine", "x", NULL, NULL) < 0);
    assert_string_equal(e.text, "no machine 'x'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits),
        cmocka_unit_test(kinds),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
