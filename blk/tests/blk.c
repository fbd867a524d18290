/* The front of blk/: requests on a loop, errors, options, locks. What formats do with data is
 * tests/blk's. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "blk/image.h"
#include "os/loop.h"

struct fixture {
    char dir[64], path[96];
    struct os_loop *loop;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;

    snprintf(f->dir, sizeof(f->dir), "/tmp/myna-blk-XXXXXX");
    if (!mkdtemp(f->dir) || os_loop_new(&f->loop, &e) < 0)
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/image", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    os_loop_free(f->loop);
    unlink(f->path);
    rmdir(f->dir);
    free(f);
    return 0;
}

static void make(struct fixture *f, const char *format)
{
    struct blk_create o = {.format = format, .size = 1 << 20};
    struct err e;

    assert_int_equal(blk_create(f->path, &o, &e), 0);
}

struct wait {
    struct os_loop *loop;
    bool in_call;
    int done, rc;
};

static void done(void *arg, int rc)
{
    struct wait *w = arg;

    assert_false(w->in_call);
    w->rc = rc;
    w->done++;
    os_loop_stop(w->loop);
}

static int run(struct wait *w)
{
    w->in_call = false;
    os_loop_run(w->loop);
    assert_int_equal(w->done, 1);
    w->done = 0;
    return w->rc;
}

static void on_loop(struct fixture *f, const char *format, const char *aio)
{
    json_t *conf = json_pack("{s:s, s:{s:s, s:s, s:s}}", "driver", format, "file", "driver", "file",
                             "filename", f->path, "aio", aio);
    struct wait w = {.loop = f->loop};
    char data[8192], back[8192];
    struct iovec iov[2] = {{data, 100}, {data + 100, 8092}}, in = {back, sizeof(back)};
    struct blk_stats stats;
    struct blk *b;
    struct err e;

    make(f, format);
    assert_int_equal(blk_open(&b, f->loop, conf, &e), 0);
    json_decref(conf);
    assert_int_equal(blk_size(b), 1 << 20);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 7);
    w.in_call = true;
    blk_writev(b, 5000, iov, 2, BLK_FUA, done, &w);
    assert_int_equal(run(&w), 0);
    w.in_call = true;
    blk_readv(b, 5000, &in, 1, done, &w);
    assert_int_equal(run(&w), 0);
    assert_memory_equal(data, back, sizeof(data));
    w.in_call = true;
    blk_readv(b, 600000, &in, 1, done, &w);
    assert_int_equal(run(&w), 0);
    for (size_t i = 0; i < sizeof(back); i++)
        assert_int_equal(back[i], 0);
    w.in_call = true;
    blk_readv(b, (1 << 20) - 100, &in, 1, done, &w);
    assert_int_equal(run(&w), -EIO);
    w.in_call = true;
    blk_write_zeroes(b, 5000, 100, 0, done, &w);
    assert_int_equal(run(&w), 0);
    w.in_call = true;
    blk_flush(b, done, &w);
    assert_int_equal(run(&w), 0);
    blk_stats(b, &stats);
    assert_int_equal(stats.rd_ops, 3);
    assert_int_equal(stats.errors, 1);
    blk_close(b);
    assert_int_equal(blk_open_file(&b, NULL, f->path, NULL, BLK_RDONLY, &e), 0);
    assert_string_equal(blk_format(b), format);
    assert_int_equal(blk_pread(b, 5000, back, sizeof(back)), 0);
    memset(data, 0, 100);
    assert_memory_equal(data, back, sizeof(data));
    assert_int_equal(blk_pwrite(b, 0, data, 512), -EROFS);
    blk_close(b);
}

static void test_loop(void **state)
{
    on_loop(*state, "raw", "io_uring");
    on_loop(*state, "qcow2", "io_uring");
}

static void test_threads(void **state)
{
    on_loop(*state, "raw", "threads");
    on_loop(*state, "qcow2", "threads");
}

static void patch(struct fixture *f, off_t at, const void *bytes, size_t size)
{
    int fd = open(f->path, O_WRONLY | O_CLOEXEC);

    assert_int_equal(pwrite(fd, bytes, size, at), size);
    close(fd);
}

static void refused(struct fixture *f, unsigned flags, const char *text)
{
    struct blk *b = NULL;
    struct err e = {0};

    assert_int_not_equal(blk_open_file(&b, NULL, f->path, NULL, flags, &e), 0);
    assert_null(b);
    if (!strstr(e.text, text))
        fail_msg("'%s' does not say '%s'", e.text, text);
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    uint8_t unknown[8] = {0x80};

    refused(f, 0, "No such file");
    make(f, "qcow2");
    patch(f, 72, unknown, 8);
    refused(f, BLK_RDONLY, "incompatible bit 63");
    make(f, "qcow2");
    patch(f, 32, "\0\0\0\1", 4);
    refused(f, BLK_RDONLY, "encrypted");
    make(f, "qcow2");
    patch(f, 20, "\0\0\0\x20", 4);
    refused(f, BLK_RDONLY, "clusters of 2^32");
    make(f, "qcow2");
    patch(f, 79, "\2", 1);
    refused(f, 0, "marked as corrupt");
    make(f, "raw");
    patch(f, 0, "KDMV", 4);
    refused(f, 0, "vmdk image");
}

static void test_options(void **state)
{
    struct fixture *f = *state;
    json_t *conf = json_pack("{s:s, s:s, s:{s:s, s:s}}", "driver", "qcow2", "lazy-refcount", "on",
                             "file", "driver", "file", "filename", f->path);
    struct blk *b;
    struct err e;

    make(f, "qcow2");
    assert_int_equal(blk_open(&b, NULL, conf, &e), -EINVAL);
    assert_non_null(strstr(e.text, "did you mean 'lazy-refcounts'"));
    json_object_del(conf, "lazy-refcount");
    json_object_set_new(conf, "driver", json_string("qcow9"));
    assert_int_equal(blk_open(&b, NULL, conf, &e), -EINVAL);
    assert_non_null(strstr(e.text, "qcow9"));
    json_object_set_new(conf, "driver", json_string("qcow2"));
    json_object_set_new(conf, "cache.no-flush", json_string("on"));
    json_object_set_new(conf, "node-name", json_string("d0"));
    assert_int_equal(blk_open(&b, NULL, conf, &e), 0);
    assert_string_equal(blk_name(b), "d0");
    blk_close(b);
    json_decref(conf);
}

static void test_locks(void **state)
{
    struct fixture *f = *state;
    struct blk *a, *b;
    struct err e;

    make(f, "qcow2");
    assert_int_equal(blk_open_file(&a, NULL, f->path, NULL, 0, &e), 0);
    refused(f, 0, "is locked: this process itself");
    refused(f, BLK_RDONLY, "is locked: this process itself writes");
    assert_int_equal(blk_open_file(&b, NULL, f->path, NULL, BLK_RDONLY | BLK_NO_LOCK, &e), 0);
    blk_close(b);
    blk_close(a);
    assert_int_equal(blk_open_file(&a, NULL, f->path, NULL, BLK_RDONLY, &e), 0);
    assert_int_equal(blk_open_file(&b, NULL, f->path, NULL, BLK_RDONLY, &e), 0);
    blk_close(b);
    blk_close(a);
}

/* A guest must not choose the format of its disk by what it writes. */
static void test_disguise(void **state)
{
    struct fixture *f = *state;
    char sector[512] = "QFI\xfb\0\0\0\3";
    struct blk *b;
    struct err e;

    make(f, "raw");
    assert_int_equal(blk_open_file(&b, NULL, f->path, NULL, 0, &e), 0);
    assert_int_equal(blk_pwrite(b, 0, sector, sizeof(sector)), -EPERM);
    assert_int_equal(blk_pwrite(b, 512, sector, sizeof(sector)), 0);
    blk_close(b);
    assert_int_equal(blk_open_file(&b, NULL, f->path, "raw", 0, &e), 0);
    assert_int_equal(blk_pwrite(b, 0, sector, sizeof(sector)), 0);
    blk_close(b);
}

static void test_overlay(void **state)
{
    struct fixture *f = *state;
    char data[4096] = "kept", other[4096] = "gone", back[4096];
    struct blk *b;
    struct err e;

    make(f, "raw");
    assert_int_equal(blk_open_file(&b, NULL, f->path, "raw", 0, &e), 0);
    assert_int_equal(blk_pwrite(b, 4096, data, sizeof(data)), 0);
    blk_close(b);
    assert_int_equal(blk_open_file(&b, NULL, f->path, "raw", BLK_SNAPSHOT, &e), 0);
    assert_false(blk_readonly(b));
    assert_int_equal(blk_pread(b, 4096, back, sizeof(back)), 0);
    assert_memory_equal(back, data, sizeof(data));
    assert_int_equal(blk_pwrite(b, 4096, other, sizeof(other)), 0);
    assert_int_equal(blk_pread(b, 4096, back, sizeof(back)), 0);
    assert_memory_equal(back, other, sizeof(other));
    blk_close(b);
    assert_int_equal(blk_open_file(&b, NULL, f->path, "raw", BLK_RDONLY, &e), 0);
    assert_int_equal(blk_pread(b, 4096, back, sizeof(back)), 0);
    assert_memory_equal(back, data, sizeof(data));
    blk_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disguise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overlay, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
