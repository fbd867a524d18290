/*
 * The terminal that the program was started from, in raw mode: every key goes to the guest.
 *
 * One terminal a process. Whatever ends the program, the terminal is as it was before: a return
 * from main(), exit(), a signal; it is also while the program is suspended. Main thread, except
 * os_term_restore().
 */
#ifndef OS_TERM_H
#define OS_TERM_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* Raw input without echo; output keeps its line ends. signals: Ctrl-C and its like still make
 * signals. -ENOTTY: fd is no terminal; -EBUSY: another terminal is raw. */
int must_check os_term_raw(int fd, bool signals, struct err *e);

/* As it was. Any thread, also a signal handler; harmless when nothing is raw. */
void os_term_restore(void);

#endif
