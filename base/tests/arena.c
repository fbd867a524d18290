/* arena: alignment, growth, reset without giving memory back, marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static void alignment_and_order(void **state)
{
    struct arena a = {0};

    (void)state;
    for (size_t size = 0; size < 200; size++) {
        char *p = arena_alloc(&a, size);

        assert_int_equal((uintptr_t)p % ARENA_ALIGN, 0);
        memset(p, (int)size, size);
    }
    arena_free(&a);
    assert_int_equal(arena_held(&a), 0);
}

static void reset_allocates_nothing_new(void **state)
{
    struct arena a = {0};
    size_t held;

    (void)state;
    for (int i = 0; i < 10000; i++)
        arena_alloc(&a, 100);
    held = arena_held(&a);
    for (int round = 0; round < 5; round++) {
        arena_reset(&a);
        for (int i = 0; i < 10000; i++)
            arena_alloc(&a, 100);
        assert_int_equal(arena_held(&a), held);
    }
    arena_free(&a);
}

static void large_pieces(void **state)
{
    struct arena a = {0};
    size_t size = 3 * (size_t)ARENA_CHUNK_MAX;
    char *small = arena_alloc(&a, 10), *large = arena_zalloc(&a, size);

    (void)state;
    small[0] = 1;
    for (size_t i = 0; i < size; i += 4096)
        assert_int_equal(large[i], 0);
    arena_reset(&a);
    /* The small first chunk does not do: the large one is found again. */
    size = arena_held(&a);
    assert_non_null(arena_alloc(&a, 3 * (size_t)ARENA_CHUNK_MAX));
    assert_int_equal(arena_held(&a), size);
    arena_free(&a);
}

static void marks(void **state)
{
    struct arena a = {0};
    struct arena_mark start = arena_mark(&a), mark;
    int *kept = arena_new(&a, int);
    void *first;

    (void)state;
    *kept = 42;
    mark = arena_mark(&a);
    first = arena_alloc(&a, 64);
    for (int i = 0; i < 5000; i++)
        memset(arena_alloc(&a, 64), 0xff, 64);
    arena_rewind(&a, mark);
    assert_int_equal(*kept, 42);
    assert_ptr_equal(arena_alloc(&a, 64), first);
    arena_rewind(&a, start);
    assert_ptr_equal(arena_alloc(&a, 4), kept);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alignment_and_order),
        cmocka_unit_test(reset_allocates_nothing_new),
        cmocka_unit_test(large_pieces),
        cmocka_unit_test(marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
