/* Reading a stream of sections: sizes, order, checksums.
 *
 * Owns the reader. A section is read whole and its checksum compared before anybody looks inside;
 * memory grows only with bytes that did arrive.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/vec.h"
#include "core/state.h"
#include "core/state_int.h"

enum { GROW = 64 << 10 };

struct state_reader {
    int (*read)(void *arg, void *data, size_t size);
    void *arg;
    bool started, ended;
    uint32_t sections;
    uLong crc;
    char path[STATE_NAME_MAX], cls[STATE_NAME_MAX];
    vec_of(uint8_t) body;
};

struct state_reader *state_reader_new(int (*read)(void *arg, void *data, size_t size), void *arg)
{
    struct state_reader *r = mem_new(struct state_reader);

    r->read = read;
    r->arg = arg;
    return r;
}

void state_reader_free(struct state_reader *r)
{
    if (!r)
        return;
    vec_free(&r->body);
    free(r);
}

static int get(struct state_reader *r, void *to, size_t size, struct err *e)
{
    int rc = r->read(r->arg, to, size);

    if (rc)
        return err_set(e, rc, "the saved state is cut off or cannot be read");
    r->crc = crc32(r->crc, to, (uInt)size);
    return 0;
}

static int get_u32(struct state_reader *r, uint32_t *v, struct err *e)
{
    return get(r, v, 4, e);
}

static int get_name(struct state_reader *r, char name[STATE_NAME_MAX], struct err *e)
{
    uint16_t length;
    int rc = get(r, &length, 2, e);

    if (rc)
        return rc;
    if (length >= STATE_NAME_MAX)
        return err_text(e, EINVAL, "the saved state is damaged: a name of %u characters", length);
    rc = get(r, name, length, e);
    if (rc)
        return rc;
    name[length] = '\0';
    for (uint16_t i = 0; i < length; i++) {
        if (name[i] < 0x20 || name[i] > 0x7e)
            return err_text(e, EINVAL, "the saved state is damaged: a name of strange characters");
    }
    return 0;
}

static int check_crc(struct state_reader *r, struct err *e)
{
    uint32_t want = (uint32_t)r->crc, got;
    int rc = get_u32(r, &got, e);

    if (rc)
        return rc;
    return got == want ? 0
                       : err_text(e, EINVAL,
                                  "the saved state is damaged: wrong checksum after '%s'", r->path);
}

static int start(struct state_reader *r, struct err *e)
{
    char magic[8];
    uint32_t format;
    int rc = get(r, magic, sizeof(magic), e);

    if (!rc)
        rc = get_u32(r, &format, e);
    if (rc)
        return rc;
    if (memcmp(magic, STATE_MAGIC, sizeof(magic)) != 0)
        return err_text(e, EINVAL, "this is not a saved state of a machine");
    if (format != STATE_FORMAT)
        return err_text(e, EINVAL, "the saved state has format %u; this version reads %d", format,
                        STATE_FORMAT);
    r->started = true;
    return 0;
}

static int get_body(struct state_reader *r, struct err *e)
{
    uint32_t size;
    int rc = get_u32(r, &size, e);

    if (rc)
        return rc;
    if (size > STATE_BODY_MAX)
        return err_text(e, EINVAL, "the saved state is damaged: section '%s' of %u bytes", r->path,
                        size);
    while (r->body.len < size) {
        size_t n = min_of((size_t)size - r->body.len, max_of(r->body.len, (size_t)GROW));

        vec_reserve(&r->body, r->body.len + n);
        rc = get(r, r->body.data + r->body.len, n, e);
        if (rc)
            return rc;
        r->body.len += n;
    }
    return check_crc(r, e);
}

static int get_end(struct state_reader *r, struct err *e)
{
    uint32_t sections;
    int rc = get_u32(r, &sections, e);

    if (!rc)
        rc = check_crc(r, e);
    if (rc)
        return rc;
    if (sections != r->sections)
        return err_text(e, EINVAL, "the saved state is damaged: %u sections instead of %u",
                        r->sections, sections);
    r->ended = true;
    return 0;
}

static int next(struct state_reader *r, uint32_t *version, struct err *e)
{
    uint8_t tag;
    int rc = r->started ? 0 : start(r, e);

    r->crc = 0;
    if (!rc)
        rc = get(r, &tag, 1, e);
    if (rc)
        return rc;
    if (tag == 'E')
        return get_end(r, e);
    if (tag != 'S')
        return err_text(e, EINVAL, "the saved state is damaged after section '%s'", r->path);
    r->sections++;
    rc = get_name(r, r->path, e);
    if (!rc)
        rc = get_name(r, r->cls, e);
    if (!rc)
        rc = get_u32(r, version, e);
    return rc ? rc : get_body(r, e);
}

int state_next_section(struct state_reader *r, const char **path, const char **cls,
                       uint32_t *version, struct err *e)
{
    int rc = 0;

    *path = *cls = NULL;
    *version = 0;
    vec_clear(&r->body);
    if (!r->ended)
        rc = next(r, version, e);
    if (!rc && !r->ended) {
        *path = r->path;
        *cls = r->cls;
    }
    return rc;
}

int state_load_section(struct state_reader *r, const struct state_field *fields, void *object,
                       struct err *e)
{
    int rc = state_body_load(r->path, fields, object, r->body.data, r->body.len, false, e);

    return rc ? rc : state_body_load(r->path, fields, object, r->body.data, r->body.len, true, e);
}

int state_load_bytes(struct state_reader *r, uint64_t *at, const void **data, size_t *size,
                     struct err *e)
{
    if (strcmp(r->cls, "bytes") != 0 || r->body.len < 8)
        return err_text(e, EINVAL, "state of %s: no plain bytes", r->path);
    *at = mem_ld64le(r->body.data);
    *data = r->body.data + 8;
    *size = r->body.len - 8;
    return 0;
}

int state_skip_section(struct state_reader *r, struct err *e)
{
    (void)e;
    vec_clear(&r->body);
    return 0;
}

uint8_t *state_take_body(struct state_reader *r, size_t *size)
{
    uint8_t *body = mem_realloc(r->body.data, r->body.len);

    *size = r->body.len;
    r->body.data = NULL;
    r->body.len = r->body.cap = 0;
    return body;
}
