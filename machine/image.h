/* Files that a board puts into guest memory at power-on: kernels, initial RAM disks, firmware.
 *
 * Read once, when the machine is built (so that a reset needs no file), placed at every reset.
 * Threads: main loop. Owner: the board; image_free().
 */
#ifndef MYNA_MACHINE_IMAGE_H
#define MYNA_MACHINE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct image {
    uint8_t *data;
    size_t size;
    uint64_t at;   /* where it goes: guest physical */
};

/* The whole file; `what` ("kernel") is for errors. gzip is unpacked when asked. At most `limit` bytes. */
int must_check image_read(struct image *i, const char *what, const char *path, bool unpack, uint64_t limit,
                          struct err *e);
void image_free(struct image *i);

/* A Linux arm64 kernel: Image, Image.gz or the EFI zboot form of it (Documentation/arch/arm64/booting.rst).
 * Unpacks in place; tells how far behind a 2 MB boundary it wants to start, and the memory it needs. */
int must_check image_arm64_kernel(struct image *i, uint64_t *offset, uint64_t *needs, struct err *e);
#endif
