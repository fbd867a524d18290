/* Writing device trees, thinly over libfdt's sequential writer: a failure is remembered and told at the end.
 * Source: Devicetree Specification 0.4. One thread. */
#ifndef MYNA_MACHINE_FDT_H
#define MYNA_MACHINE_FDT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct fdt {
    uint8_t *blob;
    size_t size;
    int rc; /* first error of libfdt */
};

void fdt_start(struct fdt *f, size_t size);
int must_check fdt_done(struct fdt *f, struct err *e); /* blob of size bytes; the caller frees it */
void fdt_node(struct fdt *f, const char *fmt, ...) printf_like(2, 3);
void fdt_end(struct fdt *f);
void fdt_flag(struct fdt *f, const char *name);
void fdt_text(struct fdt *f, const char *name, const char *value);
void fdt_bytes(struct fdt *f, const char *name, const void *value, size_t size);
/* Several strings, each with its terminator in one literal: fdt_bytes(f, "compatible", "a\0b", sizeof("a\0b")). */
#define fdt_texts(f, name, literal) fdt_bytes(f, name, literal, sizeof(literal))
/* Cells of 32 bits; FDT_U64(x) is two. */
#define fdt_u32s(f, name, ...)                                                                  \
    fdt_cells(f, name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
#define FDT_U64(x) (uint32_t)((uint64_t)(x) >> 32), (uint32_t)(x)
void fdt_cells(struct fdt *f, const char *name, const uint32_t *cells, size_t count);
#endif
