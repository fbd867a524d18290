/* State streams: what is saved is loaded; what is damaged or foreign is refused and changes
 * nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "core/clock.h"
#include "core/state.h"

struct inner {
    uint16_t a;
    bool b;
};

struct thing {
    bool flag;
    uint8_t u8;
    uint16_t u16[3];
    uint32_t u32;
    uint64_t u64;
    uint8_t key[6];
    struct inner one, many[2];
    struct timer timer;
    uint32_t fill; /* of fifo: saved */
    uint8_t fifo[16];
    uint32_t queues; /* of queue: configured, not saved */
    struct inner *queue;
    uint32_t extra;
};

static const struct state_field inner_state[] = {
    STATE_FIELD(STATE_U16, struct inner, a),
    STATE_FIELD(STATE_BOOL, struct inner, b),
    STATE_END,
};

#define COMMON                                                                                     \
    STATE_FIELD(STATE_BOOL, struct thing, flag), STATE_FIELD(STATE_U8, struct thing, u8),          \
        STATE_ARRAY(STATE_U16, struct thing, u16), STATE_FIELD(STATE_U32, struct thing, u32),      \
        STATE_FIELD(STATE_U64, struct thing, u64), STATE_FIELD(STATE_BYTES, struct thing, key),    \
        STATE_NESTED(struct thing, one, inner_state),                                              \
        STATE_NESTED_ARRAY(struct thing, many, inner_state),                                       \
        STATE_FIELD(STATE_TIMER, struct thing, timer), STATE_FIELD(STATE_U32, struct thing, fill), \
        {.name = "fifo",                                                                           \
         .type = STATE_U8,                                                                         \
         .offset = offsetof(struct thing, fifo),                                                   \
         .size = 1,                                                                                \
         .count = 16,                                                                              \
         .count_offset = offsetof(struct thing, fill)},                                            \
    {                                                                                              \
        .name = "queue", .type = STATE_STRUCT, .offset = offsetof(struct thing, queue),            \
        .size = sizeof(struct inner), .pointer = true, .fields = inner_state,                      \
        .count_offset = offsetof(struct thing, queues)                                             \
    }

static const struct state_field table[] = {COMMON, STATE_END};
static const struct state_field with_optional[] = {
    COMMON,
    {.name = "extra",
     .type = STATE_U32,
     .offset = offsetof(struct thing, extra),
     .size = 4,
     .count = 1,
     .optional = true},
    STATE_END,
};
static const struct state_field with_more[] = {
    COMMON,
    {.name = "extra",
     .type = STATE_U32,
     .offset = offsetof(struct thing, extra),
     .size = 4,
     .count = 1},
    STATE_END,
};

struct stream {
    struct str bytes;
    size_t at;
    int fail; /* of write() */
};

static int to_stream(void *arg, const void *data, size_t size)
{
    struct stream *s = arg;

    if (s->fail)
        return s->fail;
    str_append(&s->bytes, data, size);
    return 0;
}

static int from_stream(void *arg, void *data, size_t size)
{
    struct stream *s = arg;

    if (size > str_length(&s->bytes) - s->at)
        return -EIO;
    memcpy(data, s->bytes.text.data + s->at, size);
    s->at += size;
    return 0;
}

static void fill(struct thing *t, struct clocks *c, struct inner *queue)
{
    memset(t, 0, sizeof(*t));
    timer_init(&t->timer, c, CLOCK_VIRTUAL, NULL, NULL);
    t->queues = 2;
    t->queue = queue;
}

static void sample(struct thing *t)
{
    t->flag = true;
    t->u8 = 0x12;
    t->u16[2] = 0xfffe;
    t->u32 = 0x12345678;
    t->u64 = 0xfedcba9876543210;
    memcpy(t->key, "secret", 6);
    t->one = (struct inner){7, true};
    t->many[1] = (struct inner){9, true};
    timer_set(&t->timer, 12345);
    t->fill = 3;
    memcpy(t->fifo, "abc", 3);
    t->queue[1].a = 77;
    t->extra = 5;
}

static void save(struct stream *s, const struct state_field *fields, const struct thing *t)
{
    struct state_writer *w = state_writer_new(to_stream, s);
    struct err e;

    assert_int_equal(state_save_section(w, "/thing", "thing", 1, fields, t, &e), 0);
    assert_int_equal(state_save_bytes(w, "ram", 0x1000, "bytes", 5, &e), 0);
    assert_int_equal(state_writer_end(w, &e), 0);
}

/* Loads the first section; then reads to the end. */
static int load(struct stream *s, const struct state_field *fields, struct thing *t, struct err *e)
{
    struct state_reader *r = state_reader_new(from_stream, s);
    const char *path, *cls;
    uint32_t version;
    int rc;

    s->at = 0;
    rc = state_next_section(r, &path, &cls, &version, e);
    if (!rc)
        rc = state_load_section(r, fields, t, e);
    while (!rc && path)
        rc = state_next_section(r, &path, &cls, &version, e);
    state_reader_free(r);
    return rc;
}

static void assert_same(const struct thing *a, const struct thing *b)
{
    struct str x = {0}, y = {0};

    state_dump(with_optional, a, &x);
    state_dump(with_optional, b, &y);
    assert_string_equal(str_text(&x), str_text(&y));
    str_free(&x);
    str_free(&y);
}

struct fixture {
    struct clocks *clocks;
    struct thing a, b;
    struct inner qa[2], qb[2];
    struct stream s;
};

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err e;

    assert_int_equal(clocks_new(&f->clocks, NULL, &e), 0);
    fill(&f->a, f->clocks, f->qa);
    fill(&f->b, f->clocks, f->qb);
    sample(&f->a);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    timer_done(&f->a.timer);
    timer_done(&f->b.timer);
    clocks_free(f->clocks);
    str_free(&f->s.bytes);
    free(f);
    return 0;
}

static void round_trip(void **state)
{
    struct fixture *f = *state;
    struct stream again = {0};
    struct str dump = {0};
    struct state_reader *r;
    const char *path, *cls;
    uint32_t version;
    const void *data;
    uint64_t at;
    size_t size;
    struct err e;

    save(&f->s, with_optional, &f->a);
    assert_int_equal(load(&f->s, with_optional, &f->b, &e), 0);
    assert_same(&f->a, &f->b);
    assert_int_equal(timer_deadline(&f->b.timer), 12345);
    save(&again, with_optional, &f->b);
    assert_int_equal(str_length(&again.bytes), str_length(&f->s.bytes));
    assert_memory_equal(again.bytes.text.data, f->s.bytes.text.data, str_length(&again.bytes));
    str_free(&again.bytes);

    f->s.at = 0;
    r = state_reader_new(from_stream, &f->s);
    assert_int_equal(state_next_section(r, &path, &cls, &version, &e), 0);
    assert_string_equal(path, "/thing");
    assert_string_equal(cls, "thing");
    assert_int_equal(version, 1);
    assert_int_equal(state_load_bytes(r, &at, &data, &size, &e), -EINVAL);
    assert_int_equal(state_skip_section(r, &e), 0);
    assert_int_equal(state_next_section(r, &path, &cls, &version, &e), 0);
    assert_string_equal(path, "ram");
    assert_int_equal(state_load_bytes(r, &at, &data, &size, &e), 0);
    assert_int_equal(at, 0x1000);
    assert_int_equal(size, 5);
    assert_memory_equal(data, "bytes", 5);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(state_next_section(r, &path, &cls, &version, &e), 0);
        assert_null(path);
    }
    state_reader_free(r);

    state_dump(table, &f->a, &dump);
    assert_string_equal(str_text(&dump),
                        "flag = 1\nu8 = 0x12\nu16 = 0 0 0xfffe\nu32 = 0x12345678\n"
                        "u64 = 0xfedcba9876543210\nkey = 736563726574\none.a = 0x7\none.b = 1\n"
                        "many[0].a = 0\nmany[0].b = 0\nmany[1].a = 0x9\nmany[1].b = 1\n"
                        "timer = 12345\nfill = 0x3\nfifo = 0x61 0x62 0x63\nqueue[0].a = 0\n"
                        "queue[0].b = 0\nqueue[1].a = 0x4d\nqueue[1].b = 0\n");
    str_free(&dump);
}

static void versions(void **state)
{
    struct fixture *f = *state;
    struct err e;

    /* A reader that does not know an optional field, and one that finds it absent. */
    save(&f->s, with_optional, &f->a);
    assert_int_equal(load(&f->s, table, &f->b, &e), 0);
    assert_int_equal(f->b.extra, 0);
    str_clear(&f->s.bytes);
    save(&f->s, table, &f->a);
    f->b.extra = 4;
    assert_int_equal(load(&f->s, with_optional, &f->b, &e), 0);
    assert_int_equal(f->b.extra, 4);
    assert_int_equal(load(&f->s, with_more, &f->b, &e), -EINVAL);
    assert_string_equal(e.text, "state of /thing: field 'extra' is missing");
    str_clear(&f->s.bytes);
    save(&f->s, with_more, &f->a);
    assert_int_equal(load(&f->s, table, &f->b, &e), -EINVAL);
    assert_string_equal(
        e.text, "state of /thing: field 'extra' is unknown here; it was saved by another version");
}

static void other_counts(void **state)
{
    struct fixture *f = *state;
    struct err e;

    save(&f->s, table, &f->a);
    f->b.queues = 1;
    assert_int_equal(load(&f->s, table, &f->b, &e), -EINVAL);
    assert_string_equal(e.text, "state of /thing, field 'queue': 2 elements instead of 1");
    f->b.queues = 0;
    assert_int_equal(f->b.u32, 0); /* nothing was changed */
    timer_cancel(&f->b.timer);
    f->b.queues = 2;
    f->b.timer.clocks = NULL;
    assert_int_equal(load(&f->s, table, &f->b, &e), -EINVAL);
    assert_string_equal(e.text, "state of /thing, field 'timer': the timer does not exist here");
}

static void damage(void **state)
{
    struct fixture *f = *state;
    struct thing before;
    size_t length;
    char *bytes;
    struct err e;

    save(&f->s, table, &f->a);
    length = str_length(&f->s.bytes);
    bytes = f->s.bytes.text.data;
    before = f->b;
    for (size_t i = 0; i < length;
         i++) { /* each byte damaged: an error, and nothing loaded unless it comes later */
        bytes[i] ^= 0x10;
        e.text[0] = '\0';
        assert_true(load(&f->s, table, &f->b, &e) < 0);
        assert_true(e.text[0]);
        bytes[i] ^= 0x10;
    }
    for (size_t i = 0; i < length; i++) { /* cut off anywhere */
        f->s.bytes.text.len = i;
        assert_true(load(&f->s, table, &f->b, &e) < 0);
    }
    f->s.bytes.text.len = length;
    timer_cancel(&f->b.timer);
    f->b = before;
    bytes[100] ^= 1; /* in the first section */
    assert_true(load(&f->s, table, &f->b, &e) < 0);
    assert_string_equal(e.text, "the saved state is damaged: wrong checksum after '/thing'");
    assert_memory_equal(&f->b, &before, sizeof(before));
}

static void sink_fails(void **state)
{
    struct fixture *f = *state;
    struct state_writer *w;
    struct err e;

    f->s.fail = -ENOSPC;
    w = state_writer_new(to_stream, &f->s);
    assert_int_equal(state_save_section(w, "/thing", "thing", 1, table, &f->a, &e), -ENOSPC);
    assert_int_equal(state_writer_end(w, &e), -ENOSPC);
    assert_string_equal(e.text, "cannot write the machine's state: No space left on device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(versions, setup, teardown),
        cmocka_unit_test_setup_teardown(other_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(damage, setup, teardown),
        cmocka_unit_test_setup_teardown(sink_fails, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
