/* Lists of buffers: slices, copies, zeros. Knows no node. */
#include <stdlib.h>

#include "blk/driver.h"

uint64_t blk_iov_size(const struct iovec *iov, int niov)
{
    uint64_t size = 0;

    for (int i = 0; i < niov; i++)
        size += iov[i].iov_len;
    return size;
}

/* Walks the pieces of a part of a list. */
struct cursor {
    const struct iovec *iov;
    int niov;
    uint64_t skip, size;
};

static bool next_piece(struct cursor *c, struct iovec *piece)
{
    while (c->size && c->niov) {
        const struct iovec *iov = c->iov++;

        c->niov--;
        if (c->skip >= iov->iov_len) {
            c->skip -= iov->iov_len;
            continue;
        }
        piece->iov_base = (char *)iov->iov_base + c->skip;
        piece->iov_len = min_of((uint64_t)iov->iov_len - c->skip, c->size);
        c->skip = 0;
        c->size -= piece->iov_len;
        return true;
    }
    return false;
}

int blk_iov_slice(struct iovec *out, const struct iovec *iov, int niov, uint64_t offset,
                  uint64_t size)
{
    struct cursor c = {iov, niov, offset, size};
    struct iovec piece;
    int count = 0;

    while (next_piece(&c, &piece))
        out[count++] = piece;
    return count;
}

int blk_iov_count(const struct iovec *iov, int niov, uint64_t offset, uint64_t size)
{
    struct cursor c = {iov, niov, offset, size};
    struct iovec piece;
    int count = 0;

    while (next_piece(&c, &piece))
        count++;
    return count;
}

void blk_iov_zero(const struct iovec *iov, int niov, uint64_t offset, uint64_t size)
{
    struct cursor c = {iov, niov, offset, size};
    struct iovec piece;

    while (next_piece(&c, &piece))
        memset(piece.iov_base, 0, piece.iov_len);
}

void blk_iov_put(const struct iovec *iov, int niov, uint64_t offset, const void *from,
                 uint64_t size)
{
    struct cursor c = {iov, niov, offset, size};
    struct iovec piece;

    for (const char *p = from; next_piece(&c, &piece); p += piece.iov_len)
        memcpy(piece.iov_base, p, piece.iov_len);
}

void blk_iov_get(const struct iovec *iov, int niov, uint64_t offset, void *to, uint64_t size)
{
    struct cursor c = {iov, niov, offset, size};
    struct iovec piece;

    for (char *p = to; next_piece(&c, &piece); p += piece.iov_len)
        memcpy(p, piece.iov_base, piece.iov_len);
}

bool blk_is_zero(const void *p, size_t size)
{
    const char *c = p;
    size_t head = min_of(size, (size_t)16);

    for (size_t i = 0; i < head; i++)
        if (c[i])
            return false;
    return size <= 16 || !memcmp(c, c + 16, size - 16); /* each byte equals the one 16 before */
}

bool blk_iov_is_zero(const struct iovec *iov, int niov)
{
    for (int i = 0; i < niov; i++)
        if (!blk_is_zero(iov[i].iov_base, iov[i].iov_len))
            return false;
    return true;
}

void *blk_buffer(size_t size)
{
    void *p;

    return posix_memalign(&p, 4096, size ? size : 1) ? NULL : p;
}
