/*
 * Fuzz target of qcow2: a small image of ours with bytes changed, or the input itself, is opened,
 * checked, read, written and mended. Nothing may crash, hang or take memory without bound.
 *
 * Input: a byte of options, then changes of 4 bytes each: place (3 bytes, the high ones reach the
 * header and tables more often), value. With the highest option bit the rest is the image.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blk/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = 300000, FILE_MAX = 1 << 20 };

static void make(const char *path, unsigned options)
{
    struct blk_create o = {
        .format = "qcow2", .size = SIZE, .cluster_size = 512u << options % 4 * 2};
    static const char data[2000] = "data";
    struct blk *b;
    struct err e;

    o.extended_l2 = options & 16 && o.cluster_size >= 16384;
    o.lazy_refcounts = options & 32;
    o.refcount_bits = options & 64 ? 1 : 16;
    if (blk_create(path, &o, &e) < 0 || blk_open_file(&b, NULL, path, "qcow2", BLK_NO_LOCK, &e) < 0)
        abort();
    for (uint64_t at = 1000; at + sizeof(data) < SIZE; at += 17000)
        if (blk_pwrite(b, at, data, sizeof(data)) < 0)
            abort();
    blk_close(b);
}

static void change(int fd, const uint8_t *data, size_t size)
{
    off_t end = lseek(fd, 0, SEEK_END);

    for (; size >= 4; data += 4, size -= 4) {
        uint32_t place = data[0] | data[1] << 8 | (uint32_t)data[2] << 16;
        off_t at = data[0] & 1 ? place >> 1 & 127 : place >> 1;

        if (pwrite(fd, data + 3, 1, at % end) < 0)
            abort();
    }
}

static void ignore(void *arg, int rc)
{
    (void)arg, (void)rc;
}

static void use(const char *path)
{
    struct blk_check found = {0};
    static char buf[70000];
    struct iovec iov = {buf, sizeof(buf)};
    struct blk *b;
    struct err e;

    if (blk_open_as(
            &b,
            &(struct blk_open){
                .path = path, .format = "qcow2", .flags = BLK_RDONLY | BLK_NO_LOCK, .check = true},
            &e) == 0) {
        if (blk_size(b) < UINT64_C(1) << 32)
            (void)!blk_check(b, 0, &found, &e);
        blk_close(b);
    }
    if (blk_open_file(&b, NULL, path, "qcow2", BLK_NO_LOCK | BLK_NO_BACKING | BLK_UNSAFE, &e) < 0)
        return;
    for (uint64_t at = 0; at < SIZE; at += 60000) {
        blk_readv(b, at, &iov, 1, ignore, NULL);
        blk_drain(b);
        blk_writev(b, at + 333, &iov, 1, 0, ignore, NULL);
        blk_write_zeroes(b, at + 5000, 20000, BLK_MAY_UNMAP, ignore, NULL);
        blk_discard(b, at + 30000, 9000, ignore, NULL);
        blk_flush(b, ignore, NULL);
        blk_drain(b);
    }
    if (blk_size(b) < UINT64_C(1) << 32)
        (void)!blk_check(b, BLK_FIX_LEAKS | BLK_FIX_ERRORS, &found, &e);
    blk_close(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC), quiet = open("/dev/null", O_WRONLY | O_CLOEXEC),
        out = dup(2);
    char path[64];

    if (fd < 0 || size < 1 || size > FILE_MAX) {
        close(fd);
        close(quiet);
        close(out);
        return 0;
    }
    dup2(quiet, 2); /* complaints about the image are as they should be */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (data[0] & 128) {
        if (write(fd, data + 1, size - 1) < 0)
            abort();
    } else {
        make(path, data[0]);
        change(fd, data + 1, size - 1);
    }
    use(path);
    dup2(out, 2);
    close(out);
    close(quiet);
    close(fd);
    return 0;
}
