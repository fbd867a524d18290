/*
 * Owns the calls of mmap(2) and its kin for the program's own memory. Must not know what is in it.
 */
#include "os/map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

size_t os_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int map_private(struct os_map *map, size_t size, int prot, int flags, struct err *e)
{
    void *data = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    if (data == MAP_FAILED)
        return err_set(e, errno, "cannot map %zu MB of memory", size >> 20);
    *map = (struct os_map){.data = data, .size = size};
    return 0;
}

int os_map_anon(struct os_map *map, size_t size, struct err *e)
{
    return map_private(map, size, PROT_READ | PROT_WRITE, 0, e);
}

int os_map_reserve(struct os_map *map, size_t size, struct err *e)
{
    return map_private(map, size, PROT_NONE, MAP_NORESERVE, e);
}

int os_map_file(struct os_map *map, const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *data;
    int rc = 0;

    *map = (struct os_map){0};
    if (fd < 0)
        return err_set(e, errno, "cannot open %s", path);
    if (fstat(fd, &st) < 0) {
        rc = err_set(e, errno, "cannot stat %s", path);
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        rc = err_text(e, EINVAL, "%s is not a regular file", path);
        goto out;
    }
    if (st.st_size == 0)
        goto out;
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        rc = err_set(e, errno, "cannot map %s", path);
        goto out;
    }
    *map = (struct os_map){.data = data, .size = (size_t)st.st_size};
out:
    close(fd);
    return rc;
}

int os_map_protect(void *at, size_t size, unsigned prot, struct err *e)
{
    int host = (prot & OS_READ ? PROT_READ : 0) | (prot & OS_WRITE ? PROT_WRITE : 0) |
               (prot & OS_EXEC ? PROT_EXEC : 0);

    if (mprotect(at, size, host) < 0)
        return err_set(e, errno, "cannot change the protection of %zu bytes at %p", size, at);
    return 0;
}

void os_map_discard(void *at, size_t size)
{
    madvise(at, size, MADV_DONTNEED);
}

void os_map_free(struct os_map *map)
{
    if (map->size)
        munmap(map->data, map->size);
    *map = (struct os_map){0};
}
