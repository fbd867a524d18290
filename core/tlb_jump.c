/* Jump caches of the soft TLB's sets: from guest address to host code. Owns their places and what a flush
 * takes out; translated code looks into them by itself. */
#include <string.h>

#include "core/tlb_int.h"

static const uint64_t none = UINT64_MAX;

static unsigned place(const struct tlb_set *s, uint64_t pc)
{
    return (unsigned)(pc >> s->tlb->insn_shift) & (TLB_JCACHE_SIZE - 1);
}

static void empty(const struct tlb_set *s, struct cpu_jcache *j)
{
    *j = (struct cpu_jcache){none, s->tlb->miss_host};
}

static void set_global(struct tlb_set *s, unsigned n, bool global)
{
    uint64_t bit = (uint64_t)1 << n % 64;

    s->jglobal[n / 64] = global ? s->jglobal[n / 64] | bit : s->jglobal[n / 64] & ~bit;
}

void tlb_jumps_init(struct tlb_set *s)
{
    for (unsigned i = 0; i < TLB_JCACHE_SIZE; i++)
        empty(s, &s->jcache[i]);
    for (unsigned i = 0; i < TLB_JVICTIMS; i++)
        empty(s, &s->jvictim[i]);
}

static void note_code(struct tlb_set *s, uint64_t page)
{
    s->code_pages[page / 64 % array_size(s->code_pages)] |= (uint64_t)1 << page % 64;
}

static bool code_noted(const struct tlb_set *s, uint64_t page)
{
    return s->code_pages[page / 64 % array_size(s->code_pages)] >> page % 64 & 1;
}

uint64_t tlb_jump_find(const struct tlb_set *s, uint64_t pc)
{
    const struct cpu_jcache *j = &s->jcache[place(s, pc)], *v = &s->jvictim[tlb_jvictim(pc, s->tlb->insn_shift)];

    return j->pc == pc ? j->host : v->pc == pc ? v->host : 0;
}

void tlb_jump_add(struct tlb_set *s, uint64_t pc, uint64_t host, bool global)
{
    unsigned n = place(s, pc);
    struct cpu_jcache *j = &s->jcache[n];

    tlb_jump_forget(s, pc);
    if (j->pc != none) {
        s->jvictim[tlb_jvictim(j->pc, s->tlb->insn_shift)] = *j;
        s->victims = true;
    }
    j->host = host;
    j->pc = pc;
    set_global(s, n, global);
    note_code(s, TLB_PAGE_OF(pc));
    if (!global)
        s->local_code = true;
}

void tlb_jump_move(struct tlb_set *s, uint64_t pc, uint64_t host)
{
    struct cpu_jcache *j = &s->jcache[place(s, pc)], *v = &s->jvictim[tlb_jvictim(pc, s->tlb->insn_shift)];

    if (j->pc == pc)
        j->host = host;
    if (v->pc == pc)
        v->host = host;
}

void tlb_jump_forget(struct tlb_set *s, uint64_t pc)
{
    struct cpu_jcache *j = &s->jcache[place(s, pc)], *v = &s->jvictim[tlb_jvictim(pc, s->tlb->insn_shift)];

    if (j->pc == pc)
        empty(s, j);
    if (v->pc == pc)
        empty(s, v);
}

void tlb_returns_clear(struct tlb_set *s)
{
    s->jit_sp = s->jit_sp_base;
    if (s->tlb->cpu->jit_sp_base == s->jit_sp_base) /* translated code may stand on it at this moment */
        s->tlb->returns_stale = true;
}

static void victims_clear(struct tlb_set *s)
{
    for (unsigned i = 0; s->victims && i < TLB_JVICTIMS; i++)
        empty(s, &s->jvictim[i]);
    s->victims = false;
}

void tlb_jumps_clear(struct tlb_set *s)
{
    bool any = false;

    for (unsigned w = 0; w < array_size(s->code_pages); w++) {
        any |= s->code_pages[w] != 0;
        s->code_pages[w] = 0;
    }
    s->tlb->stat_jumps += any;
    for (unsigned i = 0; any && i < TLB_JCACHE_SIZE; i++)
        empty(s, &s->jcache[i]);
    memset(s->jglobal, 0, sizeof(s->jglobal));
    victims_clear(s);
    s->local_code = false;
    tlb_returns_clear(s);
}

/* Code of the address space goes, global code stays. */
void tlb_jumps_clear_local(struct tlb_set *s)
{
    if (!s->local_code)
        return;
    s->tlb->stat_jumps++;
    memset(s->code_pages, 0, sizeof(s->code_pages));
    for (unsigned i = 0; i < TLB_JCACHE_SIZE; i++) {
        if (s->jcache[i].pc == none)
            continue;
        if (s->jglobal[i / 64] >> i % 64 & 1)
            note_code(s, TLB_PAGE_OF(s->jcache[i].pc));
        else
            empty(s, &s->jcache[i]);
    }
    victims_clear(s);
    s->local_code = false;
    tlb_returns_clear(s);
}

void tlb_jumps_copy_global(struct tlb_set *s, const struct tlb_set *from)
{
    for (unsigned w = 0; w < TLB_JCACHE_SIZE / 64; w++)
        for (uint64_t bits = from->jglobal[w]; bits; bits &= bits - 1) {
            unsigned n = w * 64 + (unsigned)__builtin_ctzll(bits);

            s->jcache[n] = from->jcache[n];
            set_global(s, n, true);
            note_code(s, TLB_PAGE_OF(from->jcache[n].pc));
        }
    s->key = from->key;
}

void tlb_all_jumps_clear(struct tlb *t)
{
    for (unsigned i = 0; i < TLB_SETS; i++)
        if (t->sets[i])
            tlb_jumps_clear(t->sets[i]);
}

void tlb_all_returns_clear(struct tlb *t)
{
    for (unsigned i = 0; i < TLB_SETS; i++)
        if (t->sets[i])
            tlb_returns_clear(t->sets[i]);
}

/* ---- flushes ---- */

/* Code of one page has its places side by side. */
static void flush_page(struct tlb_set *s, uint64_t page)
{
    unsigned n = MEM_PAGE >> s->tlb->insn_shift;
    struct cpu_jcache *j = &s->jcache[page * n & (TLB_JCACHE_SIZE - 1)];

    for (; n; n--, j++)
        if (TLB_PAGE_OF(j->pc) == page)
            empty(s, j);
}

void tlb_jumps_flush(struct tlb_set *s, uint64_t first, uint64_t last)
{
    uint64_t page = first;

    while (page < last && !code_noted(s, page))
        page++;
    if (!code_noted(s, page))
        return;
    victims_clear(s);
    tlb_returns_clear(s);
    if (first == last) {
        flush_page(s, page);
        return;
    }
    memset(s->code_pages, 0, sizeof(s->code_pages));
    for (unsigned i = 0; i < TLB_JCACHE_SIZE; i++) {
        uint64_t at = TLB_PAGE_OF(s->jcache[i].pc);

        if (s->jcache[i].pc == none)
            continue;
        if (at - first <= last - first)
            empty(s, &s->jcache[i]);
        else
            note_code(s, at);
    }
}
