/* Configuration text: forms, errors with their position, and that text made of JSON reads as the
 * same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/conf.h"

static void forms(void **state)
{
    static const struct {
        const char *text, *implied, *json;
    } cases[] = {
        {"virtio-blk-pci,drive=d0", "driver", "{\"driver\":\"virtio-blk-pci\",\"drive\":\"d0\"}"},
        {"driver=a,b=c", "driver", "{\"driver\":\"a\",\"b\":\"c\"}"},
        {"file=a,,b,,,c=d", NULL, "{\"file\":\"a,b,\",\"c\":\"d\"}"},
        {"tcp::22-:22,,x", "fwd", "{\"fwd\":\"tcp::22-:22,x\"}"},
        {"q,file.driver=file,file.filename=x=y", "driver",
         "{\"driver\":\"q\",\"file\":{\"driver\":\"file\",\"filename\":\"x=y\"}}"},
        {"hostfwd=a,hostfwd=b,hostfwd=c,id=n", NULL,
         "{\"hostfwd\":[\"a\",\"b\",\"c\"],\"id\":\"n\"}"},
        {"s.1.x=b,s.0.x=a", NULL, "{\"s\":[{\"x\":\"a\"},{\"x\":\"b\"}]}"},
        {"s.1=b,s.2=a", NULL, "{\"s\":{\"1\":\"b\",\"2\":\"a\"}}"},
        {"socket,server,nowait,nodelay", "backend",
         "{\"backend\":\"socket\",\"server\":\"on\",\"wait\":\"off\",\"nodelay\":\"on\"}"},
        {"help", NULL, "{\"help\":\"on\"}"},
        {"x=", NULL, "{\"x\":\"\"}"},
        {"", "x", "{}"},
        {"{\"a\": [1, {\"b\": true}]}", "x", "{\"a\":[1,{\"b\":true}]}"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(cases); i++) {
        json_t *got, *want = json_loads(cases[i].json, 0, NULL);
        struct err e;

        assert_int_equal(conf_parse(&got, cases[i].text, cases[i].implied, &e), 0);
        assert_non_null(want);
        assert_true(json_equal(got, want));
        json_decref(got);
        json_decref(want);
    }
}

static void errors(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"a=1,b c=2", "this character cannot stand in a name at character 6: a=1,b c=2"},
        {"a=1,,=2,=3", "a name is missing before '=' at character 9: a=1,,=2,=3"},
        {"a=1,", "something is missing after the last comma at character 5: a=1,"},
        {",", "a name is missing at character 1: ,"},
        {"a=1,a.b=2", "this name has a value and parts as well at character 5: a=1,a.b=2"},
        {"a.b=2,a=1", "this name has a value and parts as well at character 7: a.b=2,a=1"},
        {"a..b=2", "a part of the name is empty at character 1: a..b=2"},
        {"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r=1",
         "too many dots in the name at character 1: a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r=1"},
        {"x=\xff", "the value is not in UTF-8 at character 1: x=\xff"},
        {"{\"a\": }", "bad JSON at line 1, column 7: unexpected token near '}'"},
        {"{\"a\": 1, \"a\": 2}",
         "bad JSON at line 1, column 12: duplicate object key near '\"a\"'"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(cases); i++) {
        json_t *got = (json_t *)1;
        struct err e = {0};

        assert_int_equal(conf_parse(&got, cases[i].text, NULL, &e), -EINVAL);
        assert_null(got);
        assert_string_equal(e.text, cases[i].error);
    }
}

static void there_and_back(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"{\"driver\":\"a,b\",\"n\":5,\"t\":true}", "driver=a,,b,n=5,t=on"},
        {"{\"a\":{\"b\":{\"c\":\"d\"}},\"l\":[\"x\",\"y\"]}", "a.b.c=d,l.0=x,l.1=y"},
        {"{}", ""},
        {"{\"a\":[]}", "{\"a\":[]}"}, /* what commas cannot say */
        {"{\"a\":{\"0\":\"x\"}}", "{\"a\":{\"0\":\"x\"}}"},
        {"{\"a b\":null,\"c\":7}", "{\"a b\":null,\"c\":\"7\"}"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(cases); i++) {
        json_t *object = json_loads(cases[i].json, 0, NULL), *again;
        char *text = conf_format(object), *second;
        struct err e;

        assert_string_equal(text, cases[i].text);
        assert_int_equal(conf_parse(&again, text, NULL, &e), 0);
        second = conf_format(again);
        assert_string_equal(second, text);
        json_decref(object);
        json_decref(again);
        free(text);
        free(second);
    }
    assert_null(conf_format(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(errors),
        cmocka_unit_test(there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
