/* The machine's clocks and timers.
 *
 * CLOCK_VIRTUAL starts at 0 and stands still while the machine is stopped: guests' timers use it.
 * CLOCK_HOST is the host's monotonic time; CLOCK_WALL nanoseconds since 1970 (real-time clocks).
 * Reading: any thread. Timers fire on the loop of the struct clock's owner (the main loop), not
 * earlier than asked; setting and cancelling: any thread. A callback takes its device's lock
 * itself; a cancelled timer may still be about to call: callbacks look at the device's state, not
 * at the fact that they were called.
 */
#ifndef MYNA_CORE_CLOCK_H
#define MYNA_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct os_loop;
struct clocks;

enum clock_kind { CLOCK_VIRTUAL, CLOCK_HOST, CLOCK_WALL };

/* The virtual clock runs from the start. loop NULL: tests; time then moves by clocks_advance()
 * only, which fires timers in the caller, and wall time starts at 2000-01-01. */
int must_check clocks_new(struct clocks **out, struct os_loop *loop, struct err *e);
void clocks_free(struct clocks *c);
int64_t clock_ns(const struct clocks *c, enum clock_kind kind);
void clocks_stop(struct clocks *c); /* the virtual clock; nests not */
void clocks_start(struct clocks *c);
void clocks_set_virtual(struct clocks *c, int64_t ns); /* after loading a snapshot; stopped only */
void clocks_advance(struct clocks *c, int64_t ns);

/* Embedded in its user; private. */
struct timer {
    struct clocks *clocks;
    enum clock_kind kind;
    int64_t deadline; /* INT64_MAX: off */
    uint32_t heap_at; /* 0: off */
    void (*fn)(void *arg);
    void *arg;
};
void timer_init(struct timer *t, struct clocks *c, enum clock_kind kind, void (*fn)(void *arg),
                void *arg);
void timer_set(struct timer *t,
               int64_t deadline_ns); /* absolute, of its clock; replaces an older deadline */
void timer_cancel(struct timer *t);  /* nothing for a zeroed one */
/* Cancels and waits until a running callback has returned: not with a lock that the callback takes.
 * From the callback itself it does not wait. */
void timer_done(struct timer *t);
int64_t timer_deadline(const struct timer *t); /* INT64_MAX: off */
#endif
