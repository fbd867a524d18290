/* A section's body into an object: everything is checked before anything is changed.
 *
 * Owns what is accepted. Knows nothing of where the bytes come from; they may be anybody's.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "core/clock.h"
#include "core/state.h"
#include "core/state_int.h"

struct entry {
    const char *name; /* not terminated */
    uint8_t name_length, type, flags;
    uint32_t count;
    const uint8_t *data;
    size_t size;
};

/* What is being read: for errors. */
struct place {
    const struct place *outer;
    const char *path;
    const char *name;
    size_t name_length;
    int64_t index; /* -1: none */
};

static void name_place(const struct place *p, char *text, size_t size)
{
    size_t at;

    *text = '\0';
    if (!p->outer)
        return;
    name_place(p->outer, text, size);
    at = strlen(text);
    snprintf(text + at, size - at, p->index < 0 ? "%s%.*s" : "%s%.*s[%lld]", at ? "." : "",
             (int)p->name_length, p->name, (long long)p->index);
}

static int bad(const struct place *p, struct err *e, const char *fmt, ...) printf_like(3, 4);
static int bad(const struct place *p, struct err *e, const char *fmt, ...)
{
    char why[128], field[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    name_place(p, field, sizeof(field));
    while (p->outer)
        p = p->outer;
    return *field ? err_text(e, EINVAL, "state of %s, field '%s': %s", p->path, field, why)
                  : err_text(e, EINVAL, "state of %s: %s", p->path, why);
}

static bool next_entry(const uint8_t **at, const uint8_t *end, struct entry *out)
{
    const uint8_t *p = *at;
    size_t left = (size_t)(end - p);

    if (left < 1 || left < 1 + (size_t)p[0] + 10)
        return false;
    out->name_length = *p++;
    out->name = (const char *)p;
    p += out->name_length;
    out->type = p[0];
    out->flags = p[1];
    out->count = mem_ld32le(p + 2);
    out->size = mem_ld32le(p + 6);
    out->data = p + 10;
    if (out->size > (size_t)(end - out->data))
        return false;
    *at = out->data + out->size;
    return true;
}

static bool named(const struct entry *entry, const char *name)
{
    return strlen(name) == entry->name_length && memcmp(name, entry->name, entry->name_length) == 0;
}

static const char *type_name(unsigned type)
{
    static const char *const names[] = {"bool", "u8",    "u16",    "u32",
                                        "u64",  "bytes", "struct", "timer"};

    return type < array_size(names) ? names[type] : "unknown";
}

/* The stream's value of the field that counts f's elements, when it is saved as well. */
static bool saved_count(const struct state_field *fields, const struct state_field *f,
                        const struct entry *entries, size_t n, uint32_t *count)
{
    for (const struct state_field *g = fields; g->name; g++) {
        if (g->offset != f->count_offset || g->type != STATE_U32 || g->pointer)
            continue;
        for (size_t i = 0; i < n; i++) {
            if (named(&entries[i], g->name) && entries[i].size == 4) {
                *count = mem_ld32le(entries[i].data);
                return true;
            }
        }
    }
    return false;
}

static int check_count(const struct state_field *fields, const struct state_field *f,
                       const struct entry *entry, const void *object, const struct entry *entries,
                       size_t n, const struct place *p, struct err *e)
{
    uint32_t want, counted;

    state_elements(f, object, &want);
    if (f->count_offset && f->count && saved_count(fields, f, entries, n, &counted)) {
        const void *room = (const char *)object + f->offset;

        if (f->pointer && !*(void *const *)room && entry->count)
            return bad(p, e, "%u elements, and no room for them", entry->count);
        if (entry->count != counted || counted > f->count)
            return bad(p, e, "%u elements where %u are counted and %u possible", entry->count,
                       counted, f->count);
    } else if (entry->count != want) {
        return bad(p, e, "%u elements instead of %u", entry->count, want);
    }
    if (f->type != STATE_STRUCT && (uint64_t)entry->count * state_width(f) != entry->size)
        return bad(p, e, "%zu bytes for %u elements", entry->size, entry->count);
    return 0;
}

static int walk(const struct state_field *fields, void *object, const uint8_t *at, size_t size,
                bool apply, const struct place *outer, struct err *e);

static int load_structs(const struct state_field *f, char *to, const struct entry *entry,
                        bool apply, struct place *p, struct err *e)
{
    const uint8_t *at = entry->data, *end = at + entry->size;
    bool array = f->count != 1 || f->count_offset;

    for (uint32_t i = 0; i < entry->count; i++) {
        size_t size;
        int rc;

        p->index = array ? (int64_t)i : -1;
        if (end - at < 4 || (size = mem_ld32le(at)) > (size_t)(end - at - 4))
            return bad(p, e, "it is cut off");
        rc = walk(f->fields, to + i * state_stride(f), at + 4, size, apply, p, e);
        if (rc)
            return rc;
        at += 4 + size;
    }
    p->index = -1;
    return at == end ? 0 : bad(p, e, "bytes are left over");
}

static int load_values(const struct state_field *f, char *to, const struct entry *entry, bool apply,
                       const struct place *p, struct err *e)
{
    size_t width = state_width(f), stride = state_stride(f);

    for (uint32_t i = 0; i < entry->count; i++) {
        const uint8_t *from = entry->data + i * width;

        if (f->type == STATE_BOOL && *from > 1)
            return bad(p, e, "%u is no truth value", *from);
        if (f->type == STATE_TIMER && !((struct timer *)(to + i * stride))->clocks)
            return bad(p, e, "the timer does not exist here");
        if (!apply)
            continue;
        if (f->type == STATE_TIMER)
            timer_set((struct timer *)(to + i * stride), (int64_t)mem_ld64le(from));
        else if (f->type == STATE_BOOL)
            *(bool *)(to + i * stride) = *from;
        else
            memcpy(to + i * stride, from, width);
    }
    return 0;
}

static int load_entry(const struct state_field *fields, const struct state_field *f, void *object,
                      const struct entry *entry, const struct entry *entries, size_t n, bool apply,
                      const struct place *outer, struct err *e)
{
    struct place p = {outer, NULL, entry->name, entry->name_length, -1};
    uint32_t now;
    char *to = state_elements(f, object, &now);
    int rc;

    if (entry->type != f->type)
        return bad(&p, e, "it is of type %s instead of %s", type_name(entry->type),
                   type_name(f->type));
    rc = check_count(fields, f, entry, object, entries, n, &p, e);
    if (rc)
        return rc;
    return f->type == STATE_STRUCT ? load_structs(f, to, entry, apply, &p, e)
                                   : load_values(f, to, entry, apply, &p, e);
}

static int walk(const struct state_field *fields, void *object, const uint8_t *at, size_t size,
                bool apply, const struct place *outer, struct err *e)
{
    static const struct state_field none[] = {STATE_END};
    struct entry entries[STATE_FIELDS_MAX];
    const uint8_t *end = at + size;
    size_t n = 0;

    if (!fields)
        fields = none;
    for (; at < end; n++) {
        if (n == STATE_FIELDS_MAX)
            return bad(outer, e, "more than %d fields", STATE_FIELDS_MAX);
        if (!next_entry(&at, end, &entries[n]))
            return bad(outer, e, "it is cut off");
        for (size_t i = 0; i < n; i++) {
            if (entries[i].name_length == entries[n].name_length &&
                memcmp(entries[i].name, entries[n].name, entries[n].name_length) == 0)
                return bad(outer, e, "field '%.*s' stands there twice", entries[n].name_length,
                           entries[n].name);
        }
    }
    for (const struct state_field *f = fields; f->name; f++) {
        size_t i = 0;
        int rc;

        while (i < n && !named(&entries[i], f->name))
            i++;
        if (i == n && !f->optional)
            return bad(outer, e, "field '%s' is missing", f->name);
        if (i == n)
            continue;
        rc = load_entry(fields, f, object, &entries[i], entries, n, apply, outer, e);
        if (rc)
            return rc;
        entries[i].type = UINT8_MAX; /* known */
    }
    for (size_t i = 0; i < n; i++) {
        if (entries[i].type != UINT8_MAX && !(entries[i].flags & STATE_OPTIONAL))
            return bad(outer, e, "field '%.*s' is unknown here; it was saved by another version",
                       entries[i].name_length, entries[i].name);
    }
    return 0;
}

int state_body_load(const char *path, const struct state_field *fields, void *object,
                    const uint8_t *body, size_t size, bool apply, struct err *e)
{
    struct place root = {NULL, path, NULL, 0, -1};

    return walk(fields, object, body, size, apply, &root, e);
}
