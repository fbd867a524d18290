/* Cpus, and finding an isa by name or ELF machine.
 *
 * Owns the memory of cpus. Names no isa: the registry is generated from isa/list.
 */
#include "ir/isa.h"

#include <stdlib.h>
#include <string.h>

static struct cpu *cpu_alloc(const struct isa *isa)
{
    size_t size = (sizeof(struct cpu) + 63) & ~(size_t)63;
    struct cpu *c = aligned_alloc(64, size);

    if (!c)
        abort();
    memset(c, 0, size);
    c->isa = isa;
    for (unsigned i = 0; i < CPU_JCACHE_SIZE; i++)
        c->jcache[i].pc = UINT64_MAX;
    return c;
}

struct cpu *cpu_new(const struct isa *isa)
{
    struct cpu *c = cpu_alloc(isa);

    if (isa->reset)
        isa->reset(c);
    return c;
}

struct cpu *cpu_clone(const struct cpu *from)
{
    struct cpu *c = cpu_alloc(from->isa);

    c->pc = from->pc;
    c->key = from->key;
    c->icount = from->icount;
    memcpy(c->state, from->state, sizeof(c->state));
    return c;
}

void cpu_free(struct cpu *c)
{
    free(c);
}

const struct isa *isa_find(const char *name)
{
    for (const struct isa *const *i = isa_registry; *i; i++) {
        if (strcmp((*i)->name, name) == 0)
            return *i;
        for (const char *const *alias = (*i)->aliases; alias && *alias; alias++)
            if (strcmp(*alias, name) == 0)
                return *i;
    }
    return NULL;
}

const struct isa *isa_find_elf(uint16_t machine, int bits, int big_endian)
{
    for (const struct isa *const *i = isa_registry; *i; i++)
        if ((*i)->elf_machine == machine && (*i)->bits == bits && (*i)->big_endian == !!big_endian)
            return *i;
    return NULL;
}
