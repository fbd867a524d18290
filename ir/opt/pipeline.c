/* Which passes run in which tier.
 *
 * Owns the order, the dumps, and the passes' scratch memory.
 */
#include "ir/opt/opt.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

void *opt_work(struct ir_unit *u, size_t size)
{
    if (size > u->cap_work) {
        free(u->work);
        u->cap_work = size + size / 2;
        u->work = mem_alloc(u->cap_work);
    }
    return u->work;
}

void opt_dump(const struct ir_unit *u, const char *pass)
{
    size_t size = 256 + 96 * (size_t)(u->nins + u->nblocks + u->ntargets);
    char *text;

    if (!log_on(LOG_OPT))
        return;
    text = mem_alloc(size);
    ir_print(u, text, size);
    log_trace(LOG_OPT, "after %s:", pass);
    log_write(text, strlen(text));
    free(text);
}

void ir_opt_quick(struct ir_unit *u)
{
    opt_forward(u, false);
    opt_dump(u, "forward");
    opt_dead_code(u);
    opt_fuse(u);
    opt_dump(u, "fuse");
}

void ir_opt_full(struct ir_unit *u)
{
    opt_forward(u, true);
    opt_dump(u, "forward");
    opt_dead_puts(u);
    opt_dump(u, "dead_puts");
    opt_dead_code(u);
    opt_fuse(u);
    opt_compact(u);
    opt_dump(u, "fuse");
}
