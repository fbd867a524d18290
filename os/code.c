/*
 * Owns the double mapping of code memory and its place near the program's text. Must not know what
 * code it holds.
 */
#include "os/code.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/map.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* Everything of the program must be in reach from every byte of the code: leave room for its image.
 */
static const intptr_t reach = (INT64_C(2) << 30) - (64 << 20);
static const intptr_t step = 16 << 20;

static void *map_at(int fd, void *at, size_t size, int prot, int flags)
{
    return mmap(at, size, prot, MAP_SHARED | flags, fd, 0);
}

/* Places below the text first: above it, the heap grows. */
static uint8_t *map_near_text(int fd, size_t size, int prot)
{
    intptr_t text = (intptr_t)bits_align_down((uintptr_t)&os_code_new, 2 << 20);

    for (int up = 0; up < 2; up++) {
        for (intptr_t away = (intptr_t)size + step; away < reach; away += step) {
            /* Upwards, leave the heap 512 MB; a far heap moves on by mmap(). */
            intptr_t at = up ? text + away - (intptr_t)size + (512 << 20) : text - away;
            void *got;

            if (at <= 0 || (up && at + (intptr_t)size - text > reach))
                break;
            got = map_at(fd, (void *)at, size, prot, MAP_FIXED_NOREPLACE);
            if (got == (void *)at)
                return got;
            if (got != MAP_FAILED) /* an old kernel took the address as a hint */
                munmap(got, size);
        }
    }
    return NULL;
}

static int memory_new(size_t size, struct err *e)
{
    int fd = memfd_create("myna-code", MFD_CLOEXEC);
    int high;

    if (fd < 0)
        return err_set(e, errno, "cannot create memory for code");
    /* A guest that reuses low descriptors must not meet this one. */
    high = fcntl(fd, F_DUPFD_CLOEXEC, 1000);
    if (high >= 0) {
        close(fd);
        fd = high;
    }
    if (ftruncate(fd, (off_t)size) < 0) {
        int rc = err_set(e, errno, "cannot get %zu MB of memory for code", size >> 20);

        close(fd);
        return rc;
    }
    return fd;
}

int os_code_new(struct os_code *code, size_t size, struct err *e)
{
    uint8_t *rw, *rx;
    int fd, rc;

    size = bits_align_up(size, os_page_size());
    fd = memory_new(size, e);
    if (fd < 0)
        return fd;
    rx = map_near_text(fd, size, PROT_READ | PROT_EXEC);
    *code = (struct os_code){.size = size, .near = rx != NULL, .fork_fd = -1};
    if (!rx)
        rx = map_at(fd, NULL, size, PROT_READ | PROT_EXEC, 0);
    if (rx == MAP_FAILED) {
        rc = err_set(e, errno, "the host forbids executable memory from memfd_create()");
        goto fail;
    }
    rw = map_at(fd, NULL, size, PROT_READ | PROT_WRITE, 0);
    if (rw == MAP_FAILED) {
        rc = err_set(e, errno, "cannot map memory for code");
        munmap(rx, size);
        goto fail;
    }
    code->rw = rw;
    code->rx = rx;
    close(fd); /* the views keep the memory; a guest cannot take what is not there */
    return 0;
fail:
    close(fd);
    *code = (struct os_code){.fork_fd = -1};
    return rc;
}

void os_code_free(struct os_code *code)
{
    if (!code->size)
        return;
    munmap(code->rw, code->size);
    munmap(code->rx, code->size);
    *code = (struct os_code){.fork_fd = -1};
}

int os_code_fork_prepare(struct os_code *code, size_t used, struct err *e)
{
    int fd = memory_new(code->size, e);
    size_t done = 0;

    if (fd < 0)
        return fd;
    used = min_of(used, code->size);
    while (done < used) {
        ssize_t n = pwrite(fd, code->rw + done, used - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int rc = err_set(e, n < 0 ? errno : EIO, "cannot copy the code for a new process");

            close(fd);
            return rc;
        }
        done += (size_t)n;
    }
    code->fork_fd = fd;
    return 0;
}

void os_code_fork_parent(struct os_code *code)
{
    if (code->fork_fd >= 0)
        close(code->fork_fd);
    code->fork_fd = -1;
}

int os_code_fork_child(struct os_code *code, struct err *e)
{
    int fd = code->fork_fd;

    if (map_at(fd, code->rx, code->size, PROT_READ | PROT_EXEC, MAP_FIXED) == MAP_FAILED ||
        map_at(fd, code->rw, code->size, PROT_READ | PROT_WRITE, MAP_FIXED) == MAP_FAILED)
        return err_set(e, errno, "cannot map the code of the new process");
    close(fd);
    code->fork_fd = -1;
    return 0;
}
