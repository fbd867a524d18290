/* Writing state: fields to bytes, sections to the sink, and the dump as text.
 *
 * Owns the writer. The layout stands in state_int.h.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/clock.h"
#include "core/state.h"
#include "core/state_int.h"

struct state_writer {
    int (*write)(void *arg, const void *data, size_t size);
    void *arg;
    int failed; /* the first error of write() */
    uint32_t sections;
    struct str section; /* the one that is being made */
};

size_t state_width(const struct state_field *f)
{
    switch (f->type) {
    case STATE_BOOL:
    case STATE_U8:
        return 1;
    case STATE_U16:
        return 2;
    case STATE_U32:
        return 4;
    case STATE_U64:
    case STATE_TIMER:
        return 8;
    case STATE_BYTES:
        return f->size;
    case STATE_STRUCT:
        return 0;
    }
    return 0;
}

size_t state_stride(const struct state_field *f)
{
    if (f->type == STATE_TIMER)
        return f->size ? f->size : sizeof(struct timer);
    if (f->type == STATE_STRUCT || f->type == STATE_BYTES)
        return f->size;
    assert(!f->size || f->size == state_width(f));
    return state_width(f);
}

void *state_elements(const struct state_field *f, const void *object, uint32_t *count)
{
    const char *at = (const char *)object + f->offset;
    void *elements = f->pointer ? *(void *const *)at : (void *)at;

    *count = f->count;
    if (f->count_offset) {
        *count = *(const uint32_t *)((const char *)object + f->count_offset);
        if (f->count)
            *count = min_of(*count, f->count);
    }
    if (!elements)
        *count = 0;
    return elements;
}

static void put(struct str *s, const void *data, size_t size)
{
    str_append(s, data, size);
}

static void put_u8(struct str *s, unsigned v)
{
    put(s, &(uint8_t){(uint8_t)v}, 1);
}

static void put_u32(struct str *s, uint32_t v)
{
    put(s, &v, 4);
}

static void put_str16(struct str *s, const char *text)
{
    uint16_t length = (uint16_t)strlen(text);

    assert(strlen(text) < STATE_NAME_MAX);
    put(s, &length, 2);
    put(s, text, length);
}

/* Room for a length that is known later. */
static size_t open_length(struct str *s)
{
    put_u32(s, 0);
    return str_length(s);
}

static void close_length(struct str *s, size_t start)
{
    mem_st32le(s->text.data + start - 4, (uint32_t)(str_length(s) - start));
}

static void put_fields(struct str *s, const struct state_field *fields, const void *object);

static void put_element(struct str *s, const struct state_field *f, const void *at)
{
    size_t start;

    switch (f->type) {
    case STATE_STRUCT:
        start = open_length(s);
        put_fields(s, f->fields, at);
        close_length(s, start);
        break;
    case STATE_TIMER:
        put(s, &(int64_t){timer_deadline(at)}, 8);
        break;
    case STATE_BOOL:
        put_u8(s, *(const bool *)at);
        break;
    default:
        put(s, at, state_width(f));
    }
}

static void put_fields(struct str *s, const struct state_field *fields, const void *object)
{
    for (const struct state_field *f = fields; f && f->name; f++) {
        uint32_t count;
        const char *at = state_elements(f, object, &count);
        size_t length = strlen(f->name), start;

        assert(length < 256);
        put_u8(s, (unsigned)length);
        put(s, f->name, length);
        put_u8(s, f->type);
        put_u8(s, f->optional ? STATE_OPTIONAL : 0);
        put_u32(s, count);
        start = open_length(s);
        for (uint32_t i = 0; i < count; i++)
            put_element(s, f, at + i * state_stride(f));
        close_length(s, start);
    }
}

static int flush(struct state_writer *w, struct err *e)
{
    if (!w->failed)
        w->failed = w->write(w->arg, str_text(&w->section), str_length(&w->section));
    str_clear(&w->section);
    return w->failed ? err_set(e, w->failed, "cannot write the machine's state") : 0;
}

static void put_crc(struct str *s, size_t start)
{
    put_u32(s,
            (uint32_t)crc32(0, (const Bytef *)s->text.data + start, (uInt)(str_length(s) - start)));
}

struct state_writer *state_writer_new(int (*write)(void *arg, const void *data, size_t size),
                                      void *arg)
{
    struct state_writer *w = mem_new(struct state_writer);

    w->write = write;
    w->arg = arg;
    put(&w->section, STATE_MAGIC, 8); /* goes with the first section */
    put_u32(&w->section, STATE_FORMAT);
    return w;
}

int state_writer_end(struct state_writer *w, struct err *e)
{
    size_t start = str_length(&w->section);
    int rc;

    put_u8(&w->section, 'E');
    put_u32(&w->section, w->sections);
    put_crc(&w->section, start);
    rc = flush(w, e);
    str_free(&w->section);
    free(w);
    return rc;
}

/* Starts a section; returns where its checksum starts. *body: see open_length(). */
static size_t open_section(struct state_writer *w, const char *path, const char *cls,
                           uint32_t version, size_t *body)
{
    size_t start = str_length(&w->section);

    put_u8(&w->section, 'S');
    put_str16(&w->section, path);
    put_str16(&w->section, cls);
    put_u32(&w->section, version);
    *body = open_length(&w->section);
    return start;
}

static int close_section(struct state_writer *w, size_t start, size_t body, const char *path,
                         struct err *e)
{
    if (str_length(&w->section) - body > STATE_BODY_MAX) {
        str_clear(&w->section);
        w->failed = -EFBIG;
        return err_text(e, EFBIG, "the state of %s is too large to save", path);
    }
    close_length(&w->section, body);
    put_crc(&w->section, start);
    w->sections++;
    return flush(w, e);
}

int state_save_section(struct state_writer *w, const char *path, const char *cls, uint32_t version,
                       const struct state_field *fields, const void *object, struct err *e)
{
    size_t body, start = open_section(w, path, cls, version, &body);

    put_fields(&w->section, fields, object);
    return close_section(w, start, body, path, e);
}

int state_save_bytes(struct state_writer *w, const char *path, uint64_t at, const void *data,
                     size_t size, struct err *e)
{
    size_t body, start = open_section(w, path, "bytes", 1, &body);

    put(&w->section, &at, 8);
    put(&w->section, data, min_of(size, (size_t)STATE_BODY_MAX));
    return close_section(w, start, body, path, e);
}

/* ---- dump ---- */

struct prefix {
    const struct prefix *outer;
    const char *name;
    uint32_t index;
    bool array;
};

static void dump_name(const struct prefix *p, struct str *out)
{
    if (p->outer) {
        dump_name(p->outer, out);
        str_printf(out, ".");
    }
    str_printf(out, "%s", p->name);
    if (p->array)
        str_printf(out, "[%u]", p->index);
}

static void dump_value(const struct state_field *f, const void *at, struct str *out)
{
    switch (f->type) {
    case STATE_BOOL:
        str_printf(out, "%d", *(const bool *)at);
        break;
    case STATE_U8:
        str_printf(out, "%#x", *(const uint8_t *)at);
        break;
    case STATE_U16:
        str_printf(out, "%#x", *(const uint16_t *)at);
        break;
    case STATE_U32:
        str_printf(out, "%#" PRIx32, *(const uint32_t *)at);
        break;
    case STATE_U64:
        str_printf(out, "%#" PRIx64, *(const uint64_t *)at);
        break;
    case STATE_TIMER:
        if (timer_deadline(at) == INT64_MAX)
            str_printf(out, "off");
        else
            str_printf(out, "%" PRId64, timer_deadline(at));
        break;
    case STATE_BYTES:
        for (size_t i = 0; i < f->size; i++)
            str_printf(out, "%02x", ((const uint8_t *)at)[i]);
        break;
    case STATE_STRUCT:
        break;
    }
}

static void dump_fields(const struct state_field *fields, const void *object,
                        const struct prefix *outer, struct str *out)
{
    for (const struct state_field *f = fields; f && f->name; f++) {
        uint32_t count;
        const char *at = state_elements(f, object, &count);
        struct prefix here = {outer, f->name, 0,
                              f->type == STATE_STRUCT && (f->count != 1 || f->count_offset)};

        if (f->type == STATE_STRUCT) {
            for (; here.index < count; here.index++)
                dump_fields(f->fields, at + here.index * state_stride(f), &here, out);
            continue;
        }
        dump_name(&here, out);
        str_printf(out, " =");
        for (uint32_t i = 0; i < count; i++) {
            str_printf(out, " ");
            dump_value(f, at + i * state_stride(f), out);
        }
        str_printf(out, "\n");
    }
}

void state_dump(const struct state_field *fields, const void *object, struct str *out)
{
    dump_fields(fields, object, NULL, out);
}
