/* Leaving C code that runs on behalf of the guest.
 *
 * Owns the one non-local jump of the engine. Knows no isa and no accelerator: whoever runs guest code
 * puts a `jmp_buf *`, filled by _setjmp(), in cpu->recover and finds the reason in cpu->exit_reason.
 */
#include "core/cpu.h"

#include <assert.h>
#include <setjmp.h>

void cpu_leave(struct cpu *c, enum cpu_exit reason)
{
    jmp_buf *to = c->recover;

    assert(to);
    c->exit_reason = reason;
    _longjmp(*to, 1);
}
