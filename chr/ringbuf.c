/*
 * The last bytes of output, kept in memory for a debugger or a test to read. Owns the ring.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chr/chr_int.h"

enum { MAX_SIZE = 256 << 20 };

struct ringbuf {
    uint64_t size, head, tail; /* positions ever counting; size a power of two */
    uint8_t *data;
};

static int ringbuf_open(struct chr *c, struct err *e)
{
    struct ringbuf *r = c->priv;

    if (!r->size || r->size & (r->size - 1))
        return err_text(e, EINVAL, "the size of a ring buffer is a power of two");
    r->data = malloc(r->size);
    if (!r->data)
        return err_set(e, ENOMEM, "a ring buffer of %llu bytes", (unsigned long long)r->size);
    chr_in_event(c, CHR_OPENED);
    return 0;
}

static void ringbuf_close(struct chr *c)
{
    free(((struct ringbuf *)c->priv)->data);
}

static size_t ringbuf_write(struct chr *c, const uint8_t *data, size_t size)
{
    struct ringbuf *r = c->priv;

    for (size_t i = 0; i < size; i++)
        r->data[r->head++ & (r->size - 1)] = data[i];
    if (r->head - r->tail > r->size)
        r->tail = r->head - r->size;
    return size;
}

int chr_ringbuf_read(struct chr *c, void *to, size_t size, struct err *e)
{
    struct ringbuf *r = c->priv;
    size_t n = 0;

    if (c->be != &chr_ringbuf)
        return err_text(e, EINVAL, "chardev '%s' is no ring buffer", chr_id(c));
    while (n < size && n < INT32_MAX && r->tail != r->head)
        ((uint8_t *)to)[n++] = r->data[r->tail++ & (r->size - 1)];
    return (int)n;
}

static const struct prop ringbuf_props[] = {
    {.name = "size",
     .type = PROP_SIZE,
     .offset = offsetof(struct ringbuf, size),
     .def = 65536,
     .max = MAX_SIZE,
     .help = "bytes kept, a power of two"},
    {0},
};

const struct chr_backend chr_ringbuf = {
    .name = "ringbuf",
    .help = "output kept in memory",
    .size = sizeof(struct ringbuf),
    .props = ringbuf_props,
    .open = ringbuf_open,
    .close = ringbuf_close,
    .write = ringbuf_write,
};
