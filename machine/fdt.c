/* Device trees. See fdt.h. */
#include "machine/fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void note(struct fdt *f, int rc)
{
    if (rc && !f->rc)
        f->rc = rc;
}

void fdt_start(struct fdt *f, size_t size)
{
    *f = (struct fdt){.blob = mem_zalloc(size), .size = size};
    note(f, fdt_create(f->blob, (int)size));
    note(f, fdt_finish_reservemap(f->blob));
    note(f, fdt_begin_node(f->blob, ""));
}

int fdt_done(struct fdt *f, struct err *e)
{
    note(f, fdt_end_node(f->blob));
    note(f, fdt_finish(f->blob));
    if (f->rc) {
        free(f->blob);
        f->blob = NULL;
        return err_text(e, EINVAL, "the device tree cannot be written: %s", fdt_strerror(f->rc));
    }
    f->size = fdt_totalsize(f->blob);
    return 0;
}

void fdt_node(struct fdt *f, const char *fmt, ...)
{
    char name[96];
    va_list args;

    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);
    note(f, fdt_begin_node(f->blob, name));
}

void fdt_end(struct fdt *f)
{
    note(f, fdt_end_node(f->blob));
}

void fdt_bytes(struct fdt *f, const char *name, const void *value, size_t size)
{
    note(f, fdt_property(f->blob, name, value, (int)size));
}

void fdt_flag(struct fdt *f, const char *name)
{
    fdt_bytes(f, name, NULL, 0);
}

void fdt_text(struct fdt *f, const char *name, const char *value)
{
    fdt_bytes(f, name, value, strlen(value) + 1);
}

void fdt_cells(struct fdt *f, const char *name, const uint32_t *cells, size_t count)
{
    void *at = NULL;

    note(f, fdt_property_placeholder(f->blob, name, (int)(4 * count), &at));
    for (size_t i = 0; !f->rc && i < count; i++)
        mem_st32be((uint8_t *)at + 4 * i, cells[i]);
}
