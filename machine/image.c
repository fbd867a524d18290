/* Reads kernels and other images. Trusts nothing in them. */
#include "machine/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "os/map.h"

static int too_big(const char *what, uint64_t limit, struct err *e)
{
    return err_text(e, EFBIG, "%s needs more than the %lu MB of RAM the machine has; give it more (-m)", what,
                    limit >> 20);
}

/* Unpacks gzip at data into i. */
static int gunzip(struct image *i, const char *what, const uint8_t *data, size_t size, uint64_t limit, struct err *e)
{
    z_stream z = {.next_in = (uint8_t *)data, .avail_in = (unsigned)size};
    size_t room = size * 4 + 65536;
    uint8_t *to = malloc(room);
    int rc = Z_OK;

    if (!to || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) {
        free(to);
        return err_set(e, ENOMEM, "no memory to unpack the %s", what);
    }
    while (rc == Z_OK) {
        if (z.total_out == room) {
            uint8_t *more = room < limit ? realloc(to, room * 2) : NULL;

            if (!more)
                break;
            to = more;
            room *= 2;
        }
        z.next_out = to + z.total_out;
        z.avail_out = (unsigned)min_of(room - z.total_out, (size_t)1 << 30);
        rc = inflate(&z, Z_NO_FLUSH);
    }
    i->size = z.total_out;
    inflateEnd(&z);
    if (rc != Z_STREAM_END) {
        free(to);
        return rc == Z_OK ? too_big(what, limit, e) : err_text(e, EINVAL, "the %s is a damaged gzip file", what);
    }
    i->data = to;
    return 0;
}

int image_read(struct image *i, const char *what, const char *path, bool unpack, uint64_t limit, struct err *e)
{
    struct os_map map;
    int rc = os_map_file(&map, path, e);

    *i = (struct image){.data = NULL};
    if (rc)
        return err_prefix(e, "%s", what);
    if (unpack && map.size > 18 && !memcmp(map.data, "\x1f\x8b", 2)) {
        rc = gunzip(i, what, map.data, map.size, limit, e);
    } else if (map.size > limit) {
        rc = too_big(what, limit, e);
    } else if (!map.size) {
        rc = err_text(e, EINVAL, "%s '%s' is empty", what, path);
    } else {
        i->size = map.size;
        i->data = mem_alloc(map.size);
        memcpy(i->data, map.data, map.size);
    }
    os_map_free(&map);
    return rc ? err_prefix(e, "%s", path) : 0;
}

void image_free(struct image *i)
{
    free(i->data);
    *i = (struct image){.data = NULL};
}

/* "MZ" .. "zimg", offset and size of the payload, its compression: linux/drivers/firmware/efi/libstub zboot
 * header, a documented interface for boot loaders. */
static int unpack_zboot(struct image *i, struct err *e)
{
    uint32_t at = mem_ld32le(i->data + 8), size = mem_ld32le(i->data + 12);
    char how[33] = "";
    struct image out = {.data = NULL};
    int rc;

    memcpy(how, i->data + 24, 32);
    if (at >= i->size || size > i->size - at)
        return err_text(e, EINVAL, "the kernel's packed part lies beyond the end of the file");
    if (!strncmp(how, "gzip", 4)) {
        rc = gunzip(&out, "kernel", i->data + at, size, (uint64_t)1 << 30, e);
    } else if (!strncmp(how, "zstd", 4)) {
        unsigned long long full = ZSTD_getFrameContentSize(i->data + at, size);

        if (full > (unsigned long long)1 << 30)
            return err_text(e, EINVAL, "the kernel's packed part is damaged");
        out.data = mem_alloc(full);
        out.size = ZSTD_decompress(out.data, full, i->data + at, size);
        rc = ZSTD_isError(out.size) ? err_text(e, EINVAL, "the kernel's packed part is damaged") : 0;
    } else {
        return err_text(e, EINVAL, "the kernel is packed with '%s'; gzip and zstd can be unpacked here", how);
    }
    if (rc) {
        free(out.data);
        return rc;
    }
    free(i->data);
    i->data = out.data;
    i->size = out.size;
    return 0;
}

int image_arm64_kernel(struct image *i, uint64_t *offset, uint64_t *needs, struct err *e)
{
    int rc;

    if (i->size > 64 && !memcmp(i->data, "MZ", 2) && !memcmp(i->data + 4, "zimg", 4)) {
        rc = unpack_zboot(i, e);
        if (rc)
            return rc;
    }
    if (i->size < 64 || memcmp(i->data + 0x38, "ARM\x64", 4) != 0)
        return err_text(e, EINVAL, "this is no arm64 Linux kernel (an Image file has \"ARM\\x64\" at offset 0x38)");
    *offset = mem_ld64le(i->data + 8);
    *needs = mem_ld64le(i->data + 16);
    if (!*needs) { /* before Linux 3.17 */
        *offset = 0x80000;
        *needs = i->size;
    }
    *needs = max_of(*needs, (uint64_t)i->size);
    if (*offset >= 2 << 20 || *needs > (uint64_t)1 << 32)
        return err_text(e, EINVAL, "the kernel's header is damaged");
    return 0;
}
