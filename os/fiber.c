/*
 * Fibers by ucontext. Only the first entry uses swapcontext(), whose system calls for the signal
 * mask cost more than the switch; later ones jump. Knows nothing of what runs in them.
 */
#undef _FORTIFY_SOURCE /* its longjmp() refuses to go to another stack */
#include "os/fiber.h"

#include <assert.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/mem.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define FIBER_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define FIBER_TSAN 1
#endif
#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

struct os_fiber {
    jmp_buf inside, outside;
    ucontext_t first, caller;
    void (*fn)(void *arg);
    void *arg;
    char *stack;
    size_t size;
    bool entered; /* the first entry is over */
    bool ended;
#ifdef FIBER_ASAN
    void *fake_inside, *fake_outside;
    const void *out_stack;
    size_t out_size;
#endif
#ifdef FIBER_TSAN
    void *tsan, *tsan_out;
#endif
};

static void leaving(struct os_fiber *f)
{
    (void)f;
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&f->fake_inside, f->out_stack, f->out_size);
#endif
#ifdef FIBER_TSAN
    __tsan_switch_to_fiber(f->tsan_out, 0);
#endif
}

static void arrived(struct os_fiber *f)
{
    (void)f;
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(f->fake_inside, &f->out_stack, &f->out_size);
#endif
}

static void trampoline(unsigned low, unsigned high)
{
    struct os_fiber *f = (struct os_fiber *)(uintptr_t)((uint64_t)high << 32 | low);

    arrived(f);
    for (;;) {
        f->fn(f->arg);
        f->ended = true;
        os_fiber_yield(f);
    }
}

struct os_fiber *os_fiber_new(size_t stack_size)
{
    struct os_fiber *f;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *stack;

    stack_size = (stack_size + page - 1) / page * page;
    stack = mmap(NULL, stack_size + page, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return NULL;
    mprotect(stack, page, PROT_NONE); /* an overflow faults */
    f = mem_new(struct os_fiber);
    f->stack = stack;
    f->size = stack_size + page;
    f->ended = true;
#ifdef FIBER_TSAN
    f->tsan = __tsan_create_fiber(0);
#endif
    getcontext(&f->first);
    f->first.uc_stack.ss_sp = stack + page;
    f->first.uc_stack.ss_size = stack_size;
    f->first.uc_link = NULL;
    makecontext(&f->first, (void (*)(void))(uintptr_t)trampoline, 2, (unsigned)(uintptr_t)f,
                (unsigned)((uint64_t)(uintptr_t)f >> 32));
    return f;
}

void os_fiber_free(struct os_fiber *f)
{
    if (!f)
        return;
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(f->tsan);
#endif
    munmap(f->stack, f->size);
    free(f);
}

void os_fiber_start(struct os_fiber *f, void (*fn)(void *arg), void *arg)
{
    assert(f->ended);
    f->ended = false;
    f->fn = fn;
    f->arg = arg;
}

bool os_fiber_enter(struct os_fiber *f)
{
    assert(!f->ended);
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&f->fake_outside, f->first.uc_stack.ss_sp,
                                   f->first.uc_stack.ss_size);
#endif
#ifdef FIBER_TSAN
    f->tsan_out = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(f->tsan, 0);
#endif
    if (!_setjmp(f->outside)) {
        if (f->entered)
            _longjmp(f->inside, 1);
        f->entered = true;
        swapcontext(&f->caller, &f->first);
    }
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(f->fake_outside, NULL, NULL);
#endif
    return f->ended;
}

void os_fiber_yield(struct os_fiber *f)
{
    leaving(f);
    if (!_setjmp(f->inside))
        _longjmp(f->outside, 1);
    arrived(f);
}
