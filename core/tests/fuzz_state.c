/* Fuzz target of state streams: the bytes are a stream, its checksums made right, into a
 * device-like struct. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/clock.h"
#include "core/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct inner {
    uint16_t a;
    bool b;
};

struct thing {
    bool flag;
    uint8_t u8;
    uint32_t u32[2];
    struct inner inner[2];
    struct timer timer;
    uint32_t fill;
    uint8_t fifo[16];
    struct inner *heap;
};

static const struct state_field inner_state[] = {
    STATE_FIELD(STATE_U16, struct inner, a),
    STATE_FIELD(STATE_BOOL, struct inner, b),
    STATE_END,
};
static const struct state_field table[] = {
    STATE_FIELD(STATE_BOOL, struct thing, flag),
    STATE_FIELD(STATE_U8, struct thing, u8),
    STATE_ARRAY(STATE_U32, struct thing, u32),
    STATE_NESTED_ARRAY(struct thing, inner, inner_state),
    STATE_FIELD(STATE_TIMER, struct thing, timer),
    STATE_FIELD(STATE_U32, struct thing, fill),
    {.name = "fifo",
     .type = STATE_U8,
     .offset = offsetof(struct thing, fifo),
     .size = 1,
     .count = 16,
     .count_offset = offsetof(struct thing, fill)},
    {.name = "heap",
     .type = STATE_STRUCT,
     .offset = offsetof(struct thing, heap),
     .size = sizeof(struct inner),
     .count = 2,
     .pointer = true,
     .fields = inner_state,
     .optional = true},
    STATE_END,
};

struct source {
    struct str bytes;
    size_t at;
};

static int from_source(void *arg, void *data, size_t size)
{
    struct source *s = arg;

    if (size > str_length(&s->bytes) - s->at)
        return -EIO;
    memcpy(data, str_text(&s->bytes) + s->at, size);
    s->at += size;
    return 0;
}

static int to_source(void *arg, const void *data, size_t size)
{
    str_append(&((struct source *)arg)->bytes, data, size);
    return 0;
}

/* A good stream of which some bytes are replaced: (place, value) pairs of the input; then the
 * checksum is mended. */
static void make_stream(struct source *s, struct thing *t, const uint8_t *data, size_t size)
{
    struct state_writer *w = state_writer_new(to_source, s);
    uint8_t *bytes;
    size_t end;
    struct err e;

    if (state_save_section(w, "/thing", "thing", 1, table, t, &e) || state_writer_end(w, &e))
        abort();
    bytes = (uint8_t *)s->bytes.text.data;
    end = str_length(&s->bytes) - 9 - 4; /* of the body: the end mark and the checksum follow */
    for (; size >= 3; data += 3, size -= 3)
        bytes[mem_ld16le(data) % end] = data[2];
    mem_st32le(bytes + end, (uint32_t)crc32(0, bytes + 12, (uInt)(end - 12)));
    while (size--)
        str_append(&s->bytes, "S", 1);
}

static void load(struct source *s, struct thing *t)
{
    struct state_reader *r = state_reader_new(from_source, s);
    const char *path = "", *cls;
    uint32_t version;
    const void *bytes;
    uint64_t at;
    size_t length;
    struct err e;

    while (path && !state_next_section(r, &path, &cls, &version, &e) && path) {
        if (state_load_bytes(r, &at, &bytes, &length, &e) && !state_load_section(r, table, t, &e) &&
            (t->fill > 16 || (uint8_t) * (uint8_t *)&t->flag > 1))
            abort();
    }
    state_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inner heap[2] = {0};
    struct thing t = {.fill = 5, .heap = heap}, raw = {.heap = heap};
    struct source s = {0};
    struct clocks *c;
    struct err e;

    if (clocks_new(&c, NULL, &e))
        abort();
    timer_init(&t.timer, c, CLOCK_VIRTUAL, NULL, NULL);
    make_stream(&s, &t, data, size);
    load(&s, &t);
    /* And as it is. */
    str_clear(&s.bytes);
    str_append(&s.bytes, (const char *)data, size);
    s.at = 0;
    load(&s, &raw);
    timer_cancel(&t.timer);
    str_free(&s.bytes);
    clocks_free(c);
    return 0;
}
