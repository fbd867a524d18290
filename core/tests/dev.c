/* Device trees: order, paths, finding, state of all of them, failed loads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/dev.h"

struct box {
    struct dev dev;
    uint32_t size, value;
    char *label;
    struct str *log;
};

static void note(struct dev *d, const char *what)
{
    struct box *b = (struct box *)d;

    if (b->log)
        str_printf(b->log, "%s%s ", what, d->path);
}

static int realize(struct dev *d, struct err *e)
{
    return ((struct box *)d)->size > 100 ? err_text(e, EINVAL, "too large") : 0;
}

static void reset(struct dev *d)
{
    note(d, "R");
    ((struct box *)d)->value = 1;
}

static void destroy(struct dev *d)
{
    note(d, "D");
}

static int loaded(struct dev *d, struct err *e)
{
    return ((struct box *)d)->value == 666 ? err_text(e, EINVAL, "impossible value") : 0;
}

static const struct prop props[] = {
    {.name = "size", .type = PROP_U32, .offset = offsetof(struct box, size), .def = 10},
    {.name = "label", .type = PROP_STR, .offset = offsetof(struct box, label), .def_str = "none"},
    {0},
};
static const struct state_field fields[] = {STATE_FIELD(STATE_U32, struct box, value), STATE_END};
static const char *const aliases[] = {"carton", NULL};
static const struct dev_class box_class = {
    .name = "box",
    .aliases = aliases,
    .size = sizeof(struct box),
    .props = props,
    .state = fields,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
    .loaded = loaded,
};
static const struct dev_class plain_class = {.name = "plain", .size = sizeof(struct dev)};
static const struct dev_class lid_class = {
    .name = "lid", .size = sizeof(struct box), .state = fields};

const struct dev_class *const dev_class_registry[] = {&plain_class, &box_class, NULL};

static struct dev *make(const struct dev_class *cls, struct dev *parent, const char *name,
                        struct str *log)
{
    struct dev *d = dev_new(cls, parent, name, NULL);
    struct err e;

    if (cls == &box_class)
        ((struct box *)d)->log = log;
    assert_int_equal(dev_realize(d, &e), 0);
    return d;
}

static struct dev *tree(struct str *log)
{
    struct dev *root = make(&plain_class, NULL, "machine", log),
               *a = make(&box_class, root, "a", log);

    make(&box_class, a, "x", log);
    make(&box_class, a, "y", log);
    make(&box_class, root, "b", log);
    make(&box_class, root, "b", log);
    return root;
}

static void order(void **state)
{
    struct str log = {0};
    struct dev *root = tree(&log), *x;

    (void)state;
    dev_reset(root);
    assert_string_equal(str_text(&log), "R/a R/a/x R/a/y R/b R/b.2 ");
    x = dev_find(root, "/a/x");
    assert_non_null(x);
    x->id = mem_strdup("my-x");
    assert_ptr_equal(dev_find(root, "my-x"), x);
    assert_ptr_equal(dev_find(root, "/"), root);
    assert_null(dev_find(root, "/a/z"));
    assert_null(dev_find(root, "none"));
    str_clear(&log);
    dev_free(dev_find(root, "/a"));
    assert_string_equal(str_text(&log), "D/a/y D/a/x D/a ");
    assert_null(dev_find(root, "my-x"));
    dev_free(root);
    assert_string_equal(str_text(&log), "D/a/y D/a/x D/a D/b.2 D/b ");
    str_free(&log);
}

static void classes(void **state)
{
    (void)state;
    assert_ptr_equal(dev_class_find("box"), &box_class);
    assert_ptr_equal(dev_class_find("carton"), &box_class);
    assert_null(dev_class_find("bo"));
}

static void failed_realize(void **state)
{
    struct str log = {0};
    struct dev *root = make(&plain_class, NULL, "machine", NULL),
               *d = dev_new(&box_class, root, "a", NULL);
    struct box *b = (struct box *)d;
    struct err e;

    (void)state;
    assert_int_equal(b->size, 10);
    assert_string_equal(b->label, "none");
    b->size = 1000;
    b->log = &log;
    assert_int_equal(dev_realize(d, &e), -EINVAL);
    dev_reset(root); /* not the one that failed */
    dev_free(d);
    assert_string_equal(str_text(&log), "D/a ");
    dev_free(root);
    str_free(&log);
}

static int to_str(void *arg, const void *data, size_t size)
{
    str_append(arg, data, size);
    return 0;
}

struct source {
    struct str *bytes;
    size_t at;
};

static int from_str(void *arg, void *data, size_t size)
{
    struct source *s = arg;

    if (size > str_length(s->bytes) - s->at)
        return -EIO;
    memcpy(data, s->bytes->text.data + s->at, size);
    s->at += size;
    return 0;
}

static void save(struct dev *root, struct str *out)
{
    struct state_writer *w = state_writer_new(to_str, out);
    struct err e;

    str_clear(out);
    assert_int_equal(dev_save(root, w, &e), 0);
    assert_int_equal(state_save_bytes(w, "after", 0, "x", 1, &e), 0);
    assert_int_equal(state_writer_end(w, &e), 0);
}

static int load(struct dev *root, struct str *bytes, struct err *e)
{
    struct source s = {bytes, 0};
    struct state_reader *r = state_reader_new(from_str, &s);
    const char *path, *cls;
    uint32_t version;
    int rc = dev_load(root, r, e);

    if (!rc) { /* it stopped where the devices do */
        assert_int_equal(state_next_section(r, &path, &cls, &version, e), 0);
        assert_string_equal(path, "after");
    }
    state_reader_free(r);
    return rc;
}

static uint32_t *value(struct dev *root, const char *path)
{
    return &((struct box *)dev_find(root, path))->value;
}

static void state_of_all(void **state)
{
    struct dev *root = tree(NULL), *other = tree(NULL);
    struct str bytes = {0};
    struct err e;

    (void)state;
    *value(root, "/a/y") = 5;
    *value(root, "/b.2") = 6;
    save(root, &bytes);
    assert_int_equal(load(other, &bytes, &e), 0);
    assert_int_equal(*value(other, "/a/y"), 5);
    assert_int_equal(*value(other, "/b.2"), 6);
    /* One refuses what it got: all are as after reset. */
    *value(root, "/a/y") = 666;
    save(root, &bytes);
    assert_int_equal(load(other, &bytes, &e), -EINVAL);
    assert_string_equal(e.text, "state of /a/y: impossible value");
    assert_int_equal(*value(other, "/b.2"), 1);
    /* Another set of devices. */
    *value(root, "/a/y") = 5;
    save(root, &bytes);
    *value(other, "/b") = 99;
    dev_free(dev_find(other, "/b.2"));
    assert_int_equal(load(other, &bytes, &e), -EINVAL);
    assert_string_equal(e.text,
                        "the saved state has a device /b.2 (box), which this machine has not; "
                        "start it with the same options");
    assert_int_equal(*value(other, "/b"), 1);
    make(&lid_class, other, "b.2", NULL);
    assert_int_equal(load(other, &bytes, &e), -EINVAL);
    assert_string_equal(
        e.text,
        "device /b.2 is a box in the saved state and a lid here; start with the same options");
    dev_free(dev_find(other, "/b.2"));
    make(&box_class, other, "b.2", NULL);
    make(&box_class, other, "c", NULL);
    assert_int_equal(load(other, &bytes, &e), -EINVAL);
    assert_string_equal(e.text,
                        "the saved state lacks device /c (box); start with the same options");
    dev_free(root);
    dev_free(other);
    str_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),
        cmocka_unit_test(classes),
        cmocka_unit_test(failed_realize),
        cmocka_unit_test(state_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
