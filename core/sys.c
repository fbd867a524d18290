/* What others may do to a cpu of a machine: raise its lines, look at its memory. */
#include "core/sys.h"

#include <errno.h>
#include <string.h>

void cpu_set_line(struct cpu *c, unsigned line, int level)
{
    struct cpu_sys *s = c->sys;
    uint32_t bit = (uint32_t)1 << line;
    uint32_t old = level ? atomic_fetch_or(&s->lines, bit) : atomic_fetch_and(&s->lines, ~bit);

    if (!level || old & bit)
        return;
    cpu_kick(c);
    if (s->wake)
        s->wake(s->machine, c);
}

static int debug_copy(struct cpu *c, uint64_t va, void *buf, size_t size, bool write)
{
    uint8_t *at = buf;

    while (size) {
        size_t n = MEM_PAGE - (va & (MEM_PAGE - 1));
        struct cpu_page page;
        int rc;

        n = n < size ? n : size;
        if (!c->sys->accel->mem_probe(c, va, &page))
            return -EFAULT;
        rc = write ? mem_dma_write(c->sys->mem, page.pa, at, n) : mem_dma_read(c->sys->mem, page.pa, at, n);
        if (rc)
            return rc;
        va += n;
        at += n;
        size -= n;
    }
    return 0;
}

int cpu_debug_read(struct cpu *c, uint64_t va, void *to, size_t size)
{
    return debug_copy(c, va, to, size, false);
}

int cpu_debug_write(struct cpu *c, uint64_t va, const void *from, size_t size)
{
    return debug_copy(c, va, (void *)(uintptr_t)from, size, true);
}
