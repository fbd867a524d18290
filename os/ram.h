/* Memory of the host that serves as a guest's RAM: large, lazily touched, perhaps shared with
 * others.
 *
 * Owner frees with os_map_free(). Any thread.
 */
#ifndef OS_RAM_H
#define OS_RAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "os/map.h"

struct os_ram_opts {
    const char *name; /* for other programs that look: memfd */
    const char *file; /* NULL: none. Made longer when it is too short */
    bool shared;      /* others that map the same file (or memfd) see writes */
    bool prealloc;    /* claim all pages now; else each when it is first touched */
};

/* Readable and writable memory of at least `size` bytes (rounded up to pages), zero unless the file
 * says otherwise; aligned so that huge pages fit. *fd: of the memfd or file when shared, else -1;
 * may be NULL (then closed). */
int must_check os_ram_map(struct os_map *map, size_t size, const struct os_ram_opts *opts, int *fd,
                          struct err *e);
#endif
