/* Lines of cpus in tests, in place of the machine's: no thread sleeps here. */
#include "core/sys.h"

void cpu_set_line(struct cpu *c, unsigned line, int level)
{
    if (level)
        c->sys->lines |= 1u << line;
    else
        c->sys->lines &= ~(1u << line);
}
