/*
 * Memory for generated code that is never writable and executable at one address (W^X).
 *
 * The same pages have two views: `rw` to write, `rx` to run; os_code_rx() and os_code_rw() convert.
 * Where the host has room, rx lies within ±2 GB of this program's text, so that code reaches
 * helpers by 32-bit displacements: `near` says whether it does. x86-64 needs no cache maintenance;
 * other hosts call os_code_flush() after writing.
 *
 * The views share memory also across fork(2). A process that forks and goes on running code in the
 * child brackets the fork, in the forking thread, while no other thread writes code:
 *
 *     os_code_fork_prepare(code, used, e);        copies the first `used` bytes
 *     pid = fork();
 *     pid ? os_code_fork_parent(code) : os_code_fork_child(code, e);
 *
 * after which the child has memory of its own at the same addresses.
 */
#ifndef OS_CODE_H
#define OS_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct os_code {
    uint8_t *rw;
    uint8_t *rx;
    size_t size;
    bool near;
    int fork_fd; /* of the child's memory between prepare and fork, or -1 */
};

/* size is rounded up to pages. */
int must_check os_code_new(struct os_code *code, size_t size, struct err *e);
void os_code_free(struct os_code *code);

int must_check os_code_fork_prepare(struct os_code *code, size_t used, struct err *e);
void os_code_fork_parent(struct os_code *code);
int must_check os_code_fork_child(struct os_code *code, struct err *e);

static inline void *os_code_rx(const struct os_code *code, const void *rw)
{
    return code->rx + ((const uint8_t *)rw - code->rw);
}

static inline void *os_code_rw(const struct os_code *code, const void *rx)
{
    return code->rw + ((const uint8_t *)rx - code->rx);
}

/* Is this host pc in the code memory? */
static inline bool os_code_holds(const struct os_code *code, uintptr_t pc)
{
    return pc - (uintptr_t)code->rx < code->size;
}

/* Makes written code visible to instruction fetch on this thread's CPU. */
static inline void os_code_flush(void *rx, size_t size)
{
    __builtin___clear_cache((char *)rx, (char *)rx + size);
}

#endif
