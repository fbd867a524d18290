/* Guest RAM from the host: zero at first, alignment, files private and shared, claimed in advance.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/ram.h"

enum { MB = 1 << 20 };

static void anonymous(void **state)
{
    struct os_map map;
    struct err e;
    int fd;

    (void)state;
    assert_int_equal(os_ram_map(&map, 5 * MB + 1, &(struct os_ram_opts){0}, &fd, &e), 0);
    assert_int_equal(fd, -1);
    assert_int_equal(map.size, 5 * MB + os_page_size());
    assert_int_equal((uintptr_t)map.data % (2 * MB), 0);
    assert_int_equal(((char *)map.data)[5 * MB], 0);
    memset(map.data, 1, map.size);
    os_map_free(&map);
    assert_int_equal(os_ram_map(&map, 100, &(struct os_ram_opts){.prealloc = true}, NULL, &e), 0);
    assert_int_equal(map.size, os_page_size());
    os_map_free(&map);
    assert_true(os_ram_map(&map, SIZE_MAX, &(struct os_ram_opts){0}, NULL, &e) < 0);
}

static void shared(void **state)
{
    struct os_map a;
    struct err e;
    char byte = 0;
    int fd;

    (void)state;
    assert_int_equal(
        os_ram_map(&a, MB, &(struct os_ram_opts){.shared = true, .name = "test"}, &fd, &e), 0);
    assert_true(fd >= 0);
    ((char *)a.data)[4096] = 42;
    assert_int_equal(pread(fd, &byte, 1, 4096), 1);
    assert_int_equal(byte, 42);
    assert_int_equal(pwrite(fd, "x", 1, 7), 1);
    assert_int_equal(((char *)a.data)[7], 'x');
    close(fd);
    os_map_free(&a);
}

static void files(void **state)
{
    char path[] = "/tmp/myna-ram-XXXXXX", byte = 0;
    struct os_ram_opts o = {.file = path};
    struct os_map map;
    struct stat st;
    struct err e;
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, "abc", 3), 3);
    /* Private: what the file has is seen, what is written stays here. The file grows. */
    assert_int_equal(os_ram_map(&map, 2 * MB, &o, NULL, &e), 0);
    assert_memory_equal(map.data, "abc\0", 4);
    ((char *)map.data)[0] = 'X';
    os_map_free(&map);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 2 * MB);
    assert_int_equal(pread(fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'a');
    /* Shared, claimed in advance without losing what is there. */
    o.shared = o.prealloc = true;
    assert_int_equal(os_ram_map(&map, 2 * MB, &o, NULL, &e), 0);
    assert_memory_equal(map.data, "abc", 3);
    ((char *)map.data)[0] = 'X';
    assert_int_equal(pread(fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'X');
    os_map_free(&map);
    close(fd);
    unlink(path);
    o.file = "/nowhere/ram";
    assert_int_equal(os_ram_map(&map, MB, &o, NULL, &e), -ENOENT);
    assert_string_equal(e.text, "cannot open memory /nowhere/ram: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anonymous),
        cmocka_unit_test(shared),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
