/*
 * Fibers: functions with a stack of their own that one thread runs in turns.
 *
 * Code that waits for input and output in the middle of its work is then written from top to
 * bottom. A fiber is entered from outside of any fiber, runs until it yields or its function
 * returns, and may be entered by another thread next time, but by one at a time. A fiber that has
 * ended can be started again, which saves its stack's set-up.
 */
#ifndef OS_FIBER_H
#define OS_FIBER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct os_fiber;

/* NULL: the host has no memory for the stack. */
struct os_fiber *os_fiber_new(size_t stack_size);
void os_fiber_free(struct os_fiber *f); /* not while it runs; a yielded one never goes on */
/* Sets what the next os_fiber_enter() starts; only when new or ended. */
void os_fiber_start(struct os_fiber *f, void (*fn)(void *arg), void *arg);
/* Runs it until it yields (false) or ends (true). */
bool os_fiber_enter(struct os_fiber *f);
/* Back to os_fiber_enter(); f is the running fiber. */
void os_fiber_yield(struct os_fiber *f);

#endif
