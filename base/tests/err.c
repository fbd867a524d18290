/* err: wording, codes of either sign, prefixes, texts longer than the room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"

static void wording(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(err_set(&e, ENOENT, "cannot open %s", "x"), -ENOENT);
    assert_int_equal(e.code, ENOENT);
    assert_string_equal(e.text, "cannot open x: No such file or directory");
    assert_int_equal(err_prefix(&e, "disk %d", 3), -ENOENT);
    assert_string_equal(e.text, "disk 3: cannot open x: No such file or directory");
    assert_int_equal(err_text(&e, -EINVAL, "no"), -EINVAL);
    assert_int_equal(e.code, EINVAL);
    assert_string_equal(e.text, "no");
}

static void long_texts_end(void **state)
{
    struct err e = {0};
    char text[1000];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(err_set(&e, EIO, "%s", text), -EIO);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_int_equal(err_prefix(&e, "%s", text), -EIO);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wording),
        cmocka_unit_test(long_texts_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
