/* Owns how guest RAM is had from the host. Must not know what a guest does with it.
 */
#include "os/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

static int open_backing(size_t size, const struct os_ram_opts *o, int *fd, struct err *e)
{
    struct stat st;
    int rc;

    *fd = -1;
    if (!o->file && !o->shared)
        return 0;
    *fd = o->file ? open(o->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600)
                  : memfd_create(o->name ? o->name : "ram", MFD_CLOEXEC);
    if (*fd < 0)
        return err_set(e, errno, "cannot open memory %s", o->file ? o->file : "(memfd)");
    if (fstat(*fd, &st) < 0 || ((uint64_t)st.st_size < size && ftruncate(*fd, (off_t)size) < 0)) {
        rc = err_set(e, errno, "cannot make %s %zu MB long", o->file ? o->file : "memory",
                     size >> 20);
        close(*fd);
        *fd = -1;
        return rc;
    }
    return 0;
}

/* A place in the address space whose start huge pages can use: reserved larger, then cut. */
static void *reserve(size_t size)
{
    size_t slack = size >= HUGE_PAGE ? HUGE_PAGE : 0;
    char *at =
        mmap(NULL, size + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t head;

    if (at == MAP_FAILED || !slack)
        return at;
    head = -(uintptr_t)at & (HUGE_PAGE - 1);
    if (head)
        munmap(at, head);
    if (slack - head)
        munmap(at + head + size, slack - head);
    return at + head;
}

static int populate(void *data, size_t size, struct err *e)
{
#ifdef MADV_POPULATE_WRITE
    if (madvise(data, size, MADV_POPULATE_WRITE) == 0)
        return 0;
    if (errno != EINVAL)
        return err_set(e, errno, "cannot claim %zu MB of memory in advance", size >> 20);
#else
    (void)e;
#endif
    /* An older kernel: touch each page, keeping what a file has there. */
    for (size_t i = 0; i < size; i += os_page_size())
        __atomic_fetch_or((char *)data + i, 0, __ATOMIC_RELAXED);
    return 0;
}

int os_ram_map(struct os_map *map, size_t size, const struct os_ram_opts *o, int *fd_out,
               struct err *e)
{
    size_t page = os_page_size();
    int fd, flags, rc = 0;
    void *data;

    if (size > SIZE_MAX - HUGE_PAGE - page)
        return err_text(e, ENOMEM, "%zu bytes of memory are more than this host can address", size);
    size = (size + page - 1) & ~(page - 1);
    rc = open_backing(size, o, &fd, e);
    if (rc)
        return rc;
    data = reserve(size);
    flags = (o->shared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE) | (fd < 0 ? MAP_ANONYMOUS : 0) |
            MAP_FIXED;
    if (data == MAP_FAILED ||
        mmap(data, size, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED) {
        rc = err_set(e, errno, "cannot map %zu MB of guest memory", size >> 20);
        if (data != MAP_FAILED)
            munmap(data, size);
        goto out;
    }
    /* Only advice: a kernel without huge pages refuses, and it works all the same. */
    if (size >= HUGE_PAGE)
        madvise(data, size, MADV_HUGEPAGE);
    if (o->prealloc)
        rc = populate(data, size, e);
    if (rc)
        munmap(data, size);
    else
        *map = (struct os_map){.data = data, .size = size};
out:
    if (fd >= 0 && (rc || !fd_out || !o->shared)) {
        close(fd);
        fd = -1;
    }
    if (fd_out)
        *fd_out = fd;
    return rc;
}
