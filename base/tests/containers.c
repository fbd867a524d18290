/* vec, list, map, range, str: against plain models, with pseudo-random operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/map.h"
#include "base/range.h"
#include "base/str.h"
#include "base/vec.h"

/* A fixed sequence: a failure repeats. */
static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void vec_operations(void **state)
{
    vec_of(int) v = {0};
    int sum = 0;

    (void)state;
    vec_for_each (int, item, &v)
        sum += *item;
    assert_int_equal(sum, 0);
    for (int i = 0; i < 1000; i++)
        vec_push(&v, i);
    vec_insert(&v, 0, -1);
    vec_insert(&v, v.len, 5000);
    assert_int_equal(v.data[1], 0);
    assert_int_equal(vec_last(&v), 5000);
    vec_remove(&v, 0, 500);
    assert_int_equal(v.len, 502);
    assert_int_equal(v.data[0], 499);
    assert_int_equal(vec_pop(&v), 5000);
    vec_clear(&v);
    assert_int_equal(v.len, 0);
    vec_free(&v);
    assert_null(v.data);
}

struct element {
    int value;
    struct list link;
};

static void list_operations(void **state)
{
    struct element elements[10];
    struct list head;
    int expect = 0;

    (void)state;
    list_init(&head);
    assert_true(list_empty(&head));
    for (int i = 0; i < 10; i++) {
        elements[i].value = i;
        list_append(&head, &elements[i].link);
    }
    list_for_each (struct element, item, link, &head)
        assert_int_equal(item->value, expect++);
    assert_int_equal(expect, 10);
    list_for_each_safe (struct element, item, link, &head) {
        if (item->value % 2)
            list_remove(&item->link);
    }
    list_remove(&elements[1].link); /* twice is harmless */
    list_remove(&elements[8].link);
    list_prepend(&head, &elements[8].link);
    assert_int_equal(container_of(head.next, struct element, link)->value, 8);
    assert_int_equal(container_of(head.prev, struct element, link)->value, 6);
}

static void map_against_array(void **state)
{
    enum { KEYS = 300 };
    char values[4];
    void *model[KEYS] = {0};
    struct map m = {0};
    uint64_t seed = 1;

    (void)state;
    assert_null(map_get(&m, 0));
    assert_null(map_remove(&m, 0));
    for (int i = 0; i < 100000; i++) {
        size_t k = next_random(&seed) % KEYS;
        uint64_t key = (uint64_t)k << 12; /* alike in the low bits, as addresses are */

        if (next_random(&seed) % 3) {
            void *value = &values[next_random(&seed) % 4];

            assert_ptr_equal(map_set(&m, key, value), model[k]);
            model[k] = value;
        } else {
            assert_ptr_equal(map_remove(&m, key), model[k]);
            model[k] = NULL;
        }
    }
    size_t count = 0;
    for (size_t k = 0; k < KEYS; k++) {
        assert_ptr_equal(map_get(&m, (uint64_t)k << 12), model[k]);
        count += model[k] != NULL;
    }
    assert_int_equal(m.count, count);
    map_for_each(entry, &m) count--;
    assert_int_equal(count, 0);
    map_clear(&m);
    assert_null(map_get(&m, 4096));
    map_free(&m);
}

static void check_ranges(const struct range_set *set, const bool *model, size_t size)
{
    for (size_t i = 0; i < set->ranges.len; i++) {
        const struct range *r = &set->ranges.data[i];

        assert_true(r->start < r->end);
        assert_true(i == 0 || set->ranges.data[i - 1].end < r->start);
    }
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(range_contains(set, i, i + 1), model[i]);
        assert_int_equal(range_overlaps(set, i, i + 1), model[i]);
    }
}

static void range_against_bitmap(void **state)
{
    enum { SIZE = 64 };
    bool model[SIZE] = {0};
    struct range_set set = {0};
    uint64_t seed = 2;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        uint64_t start = next_random(&seed) % SIZE;
        uint64_t end = start + next_random(&seed) % (SIZE - start + 1);
        bool add = next_random(&seed) % 2, all = true, some = false;

        for (uint64_t at = start; at < end; at++) {
            all &= model[at];
            some |= model[at];
        }
        assert_int_equal(range_contains(&set, start, end), all);
        assert_int_equal(range_overlaps(&set, start, end), some);
        for (uint64_t at = start; at < end; at++)
            model[at] = add;
        if (add)
            range_add(&set, start, end);
        else
            range_remove(&set, start, end);
        check_ranges(&set, model, SIZE);
    }
    range_free(&set);
}

static void range_gaps(void **state)
{
    struct range_set set = {0};
    uint64_t place;

    (void)state;
    range_add(&set, 0x1000, 0x3000);
    range_add(&set, 0x4000, 0x5000);
    assert_true(range_find_gap(&set, 0, 0x10000, 0x1000, 0x1000, &place) && place == 0);
    assert_true(range_find_gap(&set, 0x1000, 0x10000, 0x1000, 0x1000, &place) && place == 0x3000);
    assert_true(range_find_gap(&set, 0x1000, 0x10000, 0x2000, 0x1000, &place) && place == 0x5000);
    assert_true(range_find_gap(&set, 0x2800, 0x10000, 0x100, 0x4000, &place) && place == 0x8000);
    assert_false(range_find_gap(&set, 0x1000, 0x6000, 0x2000, 0x1000, &place));
    range_add(&set, 0x5000, UINT64_MAX);
    assert_false(range_find_gap(&set, 0x4000, UINT64_MAX, 0x2000, 0x1000, &place));
    range_free(&set);
}

static void str_building(void **state)
{
    struct str s = {0};

    (void)state;
    assert_string_equal(str_text(&s), "");
    str_printf(&s, "%s", "");
    str_printf(&s, "first\nab%d", 7);
    str_pad(&s, 6);
    str_append(&s, "|", 1);
    assert_string_equal(str_text(&s), "first\nab7   |");
    for (int i = 0; i < 1000; i++)
        str_printf(&s, "%d ", i);
    assert_int_equal(str_length(&s), strlen(str_text(&s)));
    str_clear(&s);
    assert_string_equal(str_text(&s), "");
    str_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vec_operations),    cmocka_unit_test(list_operations),
        cmocka_unit_test(map_against_array), cmocka_unit_test(range_against_bitmap),
        cmocka_unit_test(range_gaps),        cmocka_unit_test(str_building),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
