/* map: zeroed memory, reservations made usable, files, errors with a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "os/map.h"

static void anonymous(void **state)
{
    struct os_map map;
    struct err e;

    (void)state;
    assert_int_equal(os_map_anon(&map, os_page_size() * 4, &e), 0);
    memset(map.data, 1, map.size);
    os_map_discard(map.data, os_page_size());
    assert_int_equal(((char *)map.data)[0], 0);
    assert_int_equal(((char *)map.data)[os_page_size()], 1);
    os_map_free(&map);
    os_map_free(&map);
}

static void reserved(void **state)
{
    struct os_map map;
    struct err e;

    (void)state;
    assert_int_equal(os_map_reserve(&map, (size_t)1 << 36, &e), 0);
    assert_int_equal(os_map_protect(map.data, os_page_size(), OS_READ | OS_WRITE, &e), 0);
    ((char *)map.data)[0] = 1;
    os_map_free(&map);
}

static void files(void **state)
{
    struct os_map map;
    struct err e;

    (void)state;
    assert_int_equal(os_map_file(&map, "/proc/self/exe", &e), 0);
    assert_memory_equal(map.data, "\177ELF", 4);
    os_map_free(&map);
    assert_int_equal(os_map_file(&map, "/nonexistent/file", &e), -ENOENT);
    assert_non_null(strstr(e.text, "/nonexistent/file"));
    assert_int_equal(os_map_file(&map, "/", &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anonymous),
        cmocka_unit_test(reserved),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
