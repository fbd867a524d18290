/* Property tables: values of all types from text and JSON, defaults, errors word for word. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "core/prop.h"

static const char *const modes[] = {"writeback", "writethrough", "none", NULL};

struct thing {
    bool flag;
    uint8_t u8;
    uint16_t u16;
    uint32_t queues;
    uint64_t u64, size;
    int64_t i64;
    char *name, *drive;
    int mode, autom, addr;
    uint8_t mac[6];
    json_t *list, *dict;
};

#define AT(member) .offset = offsetof(struct thing, member)
static const struct prop table[] = {
    {.name = "flag", .type = PROP_BOOL, AT(flag), .def = 1, .help = "a flag"},
    {.name = "u8", .type = PROP_U8, AT(u8), .def = 8},
    {.name = "u16", .type = PROP_U16, AT(u16)},
    {.name = "num-queues",
     .type = PROP_U32,
     AT(queues),
     .def = 1,
     .min = 1,
     .max = 64,
     .help = "queues"},
    {.name = "u64", .type = PROP_U64, AT(u64)},
    {.name = "size", .type = PROP_SIZE, AT(size), .def = 4096},
    {.name = "i64", .type = PROP_I64, AT(i64), .def = -3},
    {.name = "name", .type = PROP_STR, AT(name), .def_str = "none"},
    {.name = "drive",
     .type = PROP_LINK,
     AT(drive),
     .link = "blk",
     .required = true,
     .help = "id of its disk"},
    {.name = "mode", .type = PROP_ENUM, AT(mode), .def = 2, .values = modes, .help = "cache"},
    {.name = "auto", .type = PROP_AUTO, AT(autom)},
    {.name = "addr", .type = PROP_PCI, AT(addr), .def = -1},
    {.name = "mac", .type = PROP_MAC, AT(mac)},
    {.name = "list", .type = PROP_LIST, AT(list)},
    {.name = "dict", .type = PROP_DICT, AT(dict)},
    {0},
};

static int apply(struct thing *t, const char *json, struct err *e)
{
    json_t *from = json_loads(json, 0, NULL);
    int rc;

    assert_non_null(from);
    rc = prop_apply(table, t, from, "-device thing", NULL, e);
    json_decref(from);
    return rc;
}

static void all_types(void **state)
{
    static const uint8_t mac[] = {0x52, 0x54, 0, 0x12, 0x34, 0xff};
    struct thing t = {0};
    struct err e;

    (void)state;
    prop_defaults(table, &t);
    assert_true(t.flag);
    assert_int_equal(t.u8, 8);
    assert_int_equal(t.size, 4096);
    assert_int_equal(t.i64, -3);
    assert_string_equal(t.name, "none");
    assert_null(t.drive);
    assert_int_equal(t.addr, -1);
    assert_int_equal(apply(&t,
                           "{\"flag\":\"off\",\"u8\":\"0xff\",\"u16\":65535,\"num_queues\":\"4\","
                           "\"u64\":\"0xffffffffffffffff\","
                           "\"size\":\"1.5G\",\"i64\":\"-9\",\"name\":\"x\",\"drive\":\"d0\","
                           "\"mode\":\"none\",\"auto\":true,"
                           "\"addr\":\"0x1f.7\",\"mac\":\"52:54:00:12:34:FF\",\"list\":\"one\","
                           "\"dict\":{\"a\":1}}",
                           &e),
                     0);
    assert_false(t.flag);
    assert_int_equal(t.u8, 255);
    assert_int_equal(t.u16, 65535);
    assert_int_equal(t.queues, 4);
    assert_true(t.u64 == UINT64_MAX);
    assert_int_equal(t.size, 1536 << 20);
    assert_int_equal(t.i64, -9);
    assert_string_equal(t.name, "x");
    assert_string_equal(t.drive, "d0");
    assert_int_equal(t.mode, 2);
    assert_int_equal(t.autom, 1);
    assert_int_equal(t.addr, 0xff);
    assert_memory_equal(t.mac, mac, 6);
    assert_int_equal(json_array_size(t.list), 1);
    assert_true(json_is_object(t.dict));
    /* What prop_get() gives, prop_set() takes, and it is the same. */
    for (const struct prop *p = table; p->name; p++) {
        json_t *a = prop_get(p, &t), *b;

        assert_int_equal(prop_set(p, &t, a, "thing", &e), 0);
        b = prop_get(p, &t);
        assert_true(json_equal(a, b));
        json_decref(a);
        json_decref(b);
    }
    prop_free(table, &t);
    assert_null(t.name);
}

static void errors(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"{\"drive\":\"d\",\"nmu-queues\":1}", "thing: no property 'nmu-queues'; did you mean "
                                               "'num-queues'? (`-device thing,help` lists them)"},
        {"{\"drive\":\"d\",\"num\":1}",
         "thing: no property 'num'; did you mean 'num-queues'? (`-device thing,help` lists them)"},
        {"{\"drive\":\"d\",\"zzzzzzz\":1}",
         "thing: no property 'zzzzzzz' (`-device thing,help` lists them)"},
        {"{\"flag\":1}", "thing: property 'flag': 'this' is neither on nor off"},
        {"{\"u8\":256}", "thing: property 'u8': 256 is not in the range 0 to 255"},
        {"{\"u8\":-1}", "thing: property 'u8': -1 is negative"},
        {"{\"u8\":\"-1\"}", "thing: property 'u8': '-1' is not a number"},
        {"{\"u8\":\"\"}", "thing: property 'u8': '' is not a number"},
        {"{\"num-queues\":0}", "thing: property 'num-queues': 0 is not in the range 1 to 64"},
        {"{\"u64\":\"0x10000000000000000\"}",
         "thing: property 'u64': 0x10000000000000000 is too large"},
        {"{\"size\":\"99999999T\"}", "thing: property 'size': 99999999T is too large"},
        {"{\"size\":\"5Q\"}",
         "thing: property 'size': '5Q' is not a size (a number, then perhaps K, M, G or T)"},
        {"{\"mode\":\"writeback2\"}", "thing: property 'mode': 'writeback2' is none of writeback, "
                                      "writethrough, none; did you mean 'writeback'?"},
        {"{\"mac\":\"52:54:00:12:34\"}", "thing: property 'mac': '52:54:00:12:34' is not a "
                                         "hardware address like 52:54:00:12:34:56"},
        {"{\"mac\":\"53:54:00:12:34:56\"}", "thing: property 'mac': 53:54:00:12:34:56 is a "
                                            "multicast address; the first byte must be even"},
        {"{\"addr\":\"20.0\"}",
         "thing: property 'addr': '20.0' is not a PCI place: SLOT.FUNCTION, at most 1f.7"},
        {"{\"name\":[]}", "thing: property 'name': text is wanted"},
        {"{\"dict\":\"x\"}", "thing: property 'dict': an object is wanted"},
        {"{\"flag\":true}", "thing: property 'drive' must be given (id of its disk)"},
        {"[]", "thing: an object of properties is wanted"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(cases); i++) {
        struct thing t = {0};
        struct err e = {0};

        prop_defaults(table, &t);
        assert_true(apply(&t, cases[i].json, &e) < 0);
        assert_string_equal(e.text, cases[i].text);
        prop_free(table, &t);
    }
}

static void skipped(void **state)
{
    static const char *const skip[] = {"driver", "id", NULL};
    struct thing t = {0};
    json_t *from = json_pack("{s:s,s:s,s:s}", "driver", "thing", "id", "x", "drive", "d");
    struct err e;

    (void)state;
    assert_int_equal(prop_apply(table, &t, from, "thing", skip, &e), 0);
    assert_int_equal(prop_apply(table, &t, from, "thing", NULL, &e), -EINVAL);
    assert_string_equal(e.text, "thing: no property 'driver'; did you mean 'drive'?");
    json_decref(from);
    prop_free(table, &t);
}

static void sizes(void **state)
{
    uint64_t v;
    struct err e;

    (void)state;
    assert_int_equal(prop_parse_size("512", 1 << 20, &v, &e), 0);
    assert_int_equal(v, 512 << 20);
    assert_int_equal(prop_parse_size("2g", 1, &v, &e), 0);
    assert_int_equal(v, UINT64_C(2) << 30);
    assert_int_equal(prop_parse_size("16KiB", 1, &v, &e), 0);
    assert_int_equal(v, 16384);
    assert_int_equal(prop_parse_size("100B", 7, &v, &e), 0);
    assert_int_equal(v, 100);
    assert_int_equal(prop_parse_size("0x1000", 1, &v, &e), 0);
    assert_int_equal(v, 4096);
    assert_true(prop_parse_size("-1", 1, &v, &e) < 0);
    assert_true(prop_parse_size("1e5", 1, &v, &e) < 0);
    assert_true(prop_parse_size("1.5.5", 1, &v, &e) < 0);
    assert_true(prop_parse_size("16E", 1, &v, &e) < 0);
    assert_true(prop_parse_size("", 1, &v, &e) < 0);
}

static void helps(void **state)
{
    struct str out = {0};

    (void)state;
    prop_help(table, &out);
    assert_non_null(
        strstr(str_text(&out), "  num-queues=<number>              queues (default: 1)\n"));
    assert_non_null(
        strstr(str_text(&out), "  drive=<blk>                      id of its disk (required)\n"));
    assert_non_null(strstr(str_text(&out),
                           "  mode=<choice> writeback|writethrough|none cache (default: none)\n"));
    str_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types), cmocka_unit_test(errors), cmocka_unit_test(skipped),
        cmocka_unit_test(sizes),     cmocka_unit_test(helps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
