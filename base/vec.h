/*
 * Growable arrays of any type, as macros over a plain struct.
 *
 *     vec_of(int) numbers = {0};
 *     vec_push(&numbers, 3);
 *     vec_for_each(int, n, &numbers) use(*n);
 *     vec_free(&numbers);
 *
 * Elements move when the array grows: keep indices, not pointers. A zeroed struct is an empty
 * array. Growth aborts when memory is gone. One thread at a time.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define vec_of(type) \
    struct {         \
        type *data;  \
        size_t len;  \
        size_t cap;  \
    }

#define vec_reserve(v, count)                                                  \
    do {                                                                       \
        size_t vec_count_ = (count);                                           \
        if (unlikely(vec_count_ > (v)->cap)) {                                 \
            (v)->cap = max_of(vec_count_, (v)->cap * 2 + 8);                   \
            (v)->data = mem_realloc((v)->data, (v)->cap * sizeof(*(v)->data)); \
        }                                                                      \
    } while (0)

#define vec_push(v, ...)                       \
    do {                                       \
        vec_reserve(v, (v)->len + 1);          \
        (v)->data[(v)->len++] = (__VA_ARGS__); \
    } while (0)

#define vec_pop(v)   ((v)->data[--(v)->len])
#define vec_last(v)  ((v)->data[(v)->len - 1])
#define vec_clear(v) ((void)((v)->len = 0))

/* Opens a hole for one element at index `at` (0..len) and fills it. */
#define vec_insert(v, at, ...)                                \
    do {                                                      \
        size_t vec_at_ = (at);                                \
        vec_reserve(v, (v)->len + 1);                         \
        memmove(&(v)->data[vec_at_ + 1], &(v)->data[vec_at_], \
                ((v)->len - vec_at_) * sizeof(*(v)->data));   \
        (v)->data[vec_at_] = (__VA_ARGS__);                   \
        (v)->len++;                                           \
    } while (0)

/* Removes `count` elements from index `at`; keeps the order. */
#define vec_remove(v, at, count)                                     \
    do {                                                             \
        size_t vec_at_ = (at), vec_n_ = (count);                     \
        memmove(&(v)->data[vec_at_], &(v)->data[vec_at_ + vec_n_],   \
                ((v)->len - vec_at_ - vec_n_) * sizeof(*(v)->data)); \
        (v)->len -= vec_n_;                                          \
    } while (0)

#define vec_free(v)              \
    do {                         \
        free((v)->data);         \
        (v)->data = NULL;        \
        (v)->len = (v)->cap = 0; \
    } while (0)

/* `item` points to each element in turn. */
#define vec_for_each(type, item, v)                                                    \
    for (type *item = (v)->data, *item##_end = (v)->len ? (v)->data + (v)->len : item; \
         item != item##_end; item++)

#endif
