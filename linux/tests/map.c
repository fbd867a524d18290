/* The record of guest mappings, against an array with an entry a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "linux/map.h"

enum { PAGES = 64, ROUNDS = 20000 };
#define AT(page) (UINT64_C(0x100000) + (uint64_t)(page)*LX_PAGE_SIZE)

static void basics(void **state)
{
    struct lx_map m;

    (void)state;
    lx_map_init(&m);
    lx_map_set(&m, AT(0), AT(4), PROT_READ, 0);
    lx_map_set(&m, AT(4), AT(8), PROT_READ, 0);
    assert_int_equal(m.regions.len, 1);
    lx_map_protect(&m, AT(2), AT(3), PROT_READ | PROT_EXEC);
    assert_int_equal(m.regions.len, 3);
    assert_true(lx_map_any_exec(&m, AT(0), AT(3)));
    assert_false(lx_map_any_exec(&m, AT(3), AT(8)));
    assert_int_equal(lx_map_exec(&m, AT(1), 16), 0);
    assert_int_equal(lx_map_exec(&m, AT(2) + 8, 16), 16);
    assert_int_equal(lx_map_exec(&m, AT(2) + 8, AT(64)), LX_PAGE_SIZE - 8);
    lx_map_protect(&m, AT(3), AT(4), PROT_EXEC);
    assert_int_equal(lx_map_exec(&m, AT(2), AT(64)), 2 * LX_PAGE_SIZE); /* two regions */
    assert_int_equal(lx_map_exec(&m, AT(9), 16), 0);
    lx_map_protect(&m, AT(2), AT(4), PROT_READ);
    assert_int_equal(m.regions.len, 1);
    lx_map_clear(&m, AT(1), AT(7));
    assert_int_equal(m.regions.len, 2);
    assert_true(lx_map_covers(&m, AT(0), AT(1)));
    assert_false(lx_map_covers(&m, AT(0), AT(2)));
    assert_false(lx_map_overlaps(&m, AT(1), AT(7)));
    assert_int_equal(lx_map_find(&m, AT(0)), PROT_READ);
    assert_int_equal(lx_map_find(&m, AT(1)), -1);
    lx_map_free(&m);
}

static void gaps(void **state)
{
    struct lx_map m;

    (void)state;
    lx_map_init(&m);
    assert_int_equal(lx_map_gap(&m, AT(64), LX_PAGE_SIZE, LX_PAGE_SIZE), AT(63));
    lx_map_set(&m, AT(60), AT(64), 0, 0);
    assert_int_equal(lx_map_gap(&m, AT(64), 2 * LX_PAGE_SIZE, LX_PAGE_SIZE), AT(58));
    assert_int_equal(lx_map_gap(&m, AT(62), LX_PAGE_SIZE, LX_PAGE_SIZE), AT(59));
    lx_map_set(&m, AT(50), AT(57), 0, 0);
    assert_int_equal(lx_map_gap(&m, AT(64), 3 * LX_PAGE_SIZE, LX_PAGE_SIZE), AT(57));
    assert_int_equal(lx_map_gap(&m, AT(64), 4 * LX_PAGE_SIZE, LX_PAGE_SIZE), AT(46));
    assert_int_equal(lx_map_gap(&m, AT(64), LX_PAGE_SIZE, 16 * LX_PAGE_SIZE), AT(48));
    assert_int_equal(lx_map_gap(&m, AT(64), AT(64), LX_PAGE_SIZE), 0);
    lx_map_free(&m);
}

static void compare(const struct lx_map *m, const int *model)
{
    const struct lx_region *r = m->regions.data;

    for (size_t i = 0; i < m->regions.len; i++) {
        assert_true(r[i].start < r[i].end);
        if (i > 0) {
            assert_true(r[i - 1].end <= r[i].start);
            assert_false(r[i - 1].end == r[i].start && r[i - 1].prot == r[i].prot);
        }
    }
    for (int page = 0; page < PAGES; page++) {
        const struct lx_region *at = lx_map_from(m, AT(page));
        int prot = at && at->start <= AT(page) ? (int)at->prot : -1;

        assert_int_equal(prot, model[page]);
    }
}

static void random_changes(void **state)
{
    int model[PAGES];
    struct lx_map m;

    (void)state;
    lx_map_init(&m);
    memset(model, 0xff, sizeof(model));
    srand(1);
    for (int i = 0; i < ROUNDS; i++) {
        int from = rand() % PAGES, to = from + rand() % (PAGES - from) % 9, prot = rand() % 4;
        int kind = rand() % 3;

        if (kind == 0)
            lx_map_set(&m, AT(from), AT(to), (uint32_t)prot, 0);
        else if (kind == 1)
            lx_map_clear(&m, AT(from), AT(to));
        else
            lx_map_protect(&m, AT(from), AT(to), (uint32_t)prot);
        for (int page = from; page < to; page++)
            if (kind < 2 || model[page] >= 0)
                model[page] = kind == 1 ? -1 : prot;
        compare(&m, model);
    }
    lx_map_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basics),
        cmocka_unit_test(gaps),
        cmocka_unit_test(random_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
