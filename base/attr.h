/*
 * Attributes and small macros that every layer uses. Owns no code.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stddef.h>

/* The caller has to look at the result (compile-time error otherwise). */
#define must_check                 __attribute__((warn_unused_result))
#define printf_like(fmt_at, first) __attribute__((__format__(__printf__, fmt_at, first)))
#define cold_path                  __attribute__((cold, noinline))
#define always_inline              inline __attribute__((always_inline))
#define no_return                  __attribute__((noreturn))
/* A function that accesses memory of the guest at the guest's own address: sanitizers have no say
 * there. */
#define guest_access __attribute__((no_sanitize("address", "thread", "undefined")))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define array_size(a)                       (sizeof(a) / sizeof((a)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Each evaluates its arguments once. */
#define min_of(a, b)                       \
    ({                                     \
        __typeof__(a) min_a_ = (a);        \
        __typeof__(b) min_b_ = (b);        \
        min_a_ < min_b_ ? min_a_ : min_b_; \
    })
#define max_of(a, b)                       \
    ({                                     \
        __typeof__(a) max_a_ = (a);        \
        __typeof__(b) max_b_ = (b);        \
        max_a_ > max_b_ ? max_a_ : max_b_; \
    })

#endif
