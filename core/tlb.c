/* Tables of the soft TLB: sets by context, the second level, flushes. Owns which translations are
 * remembered; knows neither page tables nor memory maps, those who fill it do (accel/). */
#include "core/tlb.h"

#include <stdlib.h>
#include <string.h>

#define RELAXED memory_order_relaxed
/* Of an address: what takes part in flushes. The top byte may be a tag of the guest's. */
#define PAGE_OF(va) ((va) << 8 >> 8 >> MEM_PAGE_BITS)

enum {
    FLUSH_PAGES = 512, /* more pages than that: a whole set at once */
    FEW_LOCAL = 64,    /* a set with so few translations of its own space can go over to another */
};

struct tlb *tlb_new(struct cpu *c, uint64_t space_mask, unsigned insn_shift, uint64_t miss_host)
{
    struct tlb *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->cpu = c;
    t->space_mask = space_mask;
    t->insn_shift = insn_shift;
    t->miss_host = miss_host;
    return t;
}

void tlb_free(struct tlb *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < TLB_SETS; i++)
        free(t->sets[i]);
    free(t);
}

/* ---- forgetting ---- */

static void entry_clear(struct tlb_entry *e)
{
    for (unsigned a = 0; a < 3; a++)
        atomic_store_explicit(&e->tag[a], TLB_NONE, RELAXED);
}

static void entries_clear(struct tlb_set *s)
{
    for (unsigned w = 0; w < TLB_SIZE / 64; w++) {
        uint64_t bits = atomic_load_explicit(&s->filled[w], RELAXED);

        for (; bits; bits &= bits - 1)
            entry_clear(&s->entry[w * 64 + (unsigned)__builtin_ctzll(bits)]);
        atomic_store_explicit(&s->filled[w], 0, RELAXED);
    }
    s->nlocal = 0;
}

void tlb_returns_clear(struct tlb_set *s)
{
    s->jit_sp = s->jit_sp_base;
    if (s->tlb->cpu->jit_sp_base == s->jit_sp_base) /* translated code may stand on it at this moment */
        s->tlb->returns_stale = true;
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
        s->jcache[i] = (struct cpu_jcache){UINT64_MAX, s->tlb->miss_host};
    s->local_code = false;
    tlb_returns_clear(s);
}

void tlb_set_clear(struct tlb_set *s)
{
    entries_clear(s);
    tlb_jumps_clear(s);
    s->tlb->stat_flush_set++;
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

/* What depends on the address space. */
static void flush_local(struct tlb_set *s)
{
    for (unsigned w = 0; s->nlocal && w < TLB_SIZE / 64; w++) {
        uint64_t bits = atomic_load_explicit(&s->filled[w], RELAXED);

        for (; bits; bits &= bits - 1) {
            unsigned n = w * 64 + (unsigned)__builtin_ctzll(bits);

            if (s->page[n].flags & TLB_GLOBAL)
                continue;
            entry_clear(&s->entry[n]);
            atomic_fetch_and_explicit(&s->filled[w], ~((uint64_t)1 << n % 64), RELAXED);
        }
    }
    s->nlocal = 0;
    if (s->local_code)
        tlb_jumps_clear(s);
}

/* ---- sets ---- */

static struct tlb_set *set_new(struct tlb *t, unsigned n)
{
    struct tlb_set *s = aligned_alloc(64, (sizeof(*s) + 63) & ~(size_t)63);

    if (!s)
        abort();
    memset(s, 0, sizeof(*s));
    s->tlb = t;
    for (unsigned i = 0; i < TLB_SIZE; i++)
        entry_clear(&s->entry[i]);
    for (unsigned i = 0; i < TLB_JCACHE_SIZE; i++)
        s->jcache[i] = (struct cpu_jcache){UINT64_MAX, t->miss_host};
    if (t->stack)
        s->jit_sp = s->jit_sp_base = (uint64_t)(uintptr_t)(t->stack + (n + 1) * t->stack_size - 64);
    atomic_store_explicit(&t->sets[n], s, memory_order_release);
    return s;
}

static bool in_use(const struct tlb *t, const struct tlb_set *s)
{
    return s == t->cpu->tlb[0] || s == t->cpu->tlb[1];
}

/* A set of the same regime in another address space, nearly all of whose translations are good there too:
 * a kernel's, where only the process has changed. */
static struct tlb_set *similar(struct tlb *t, uint64_t ctx, const struct tlb_set *keep)
{
    for (unsigned i = 0; i < TLB_SETS; i++) {
        struct tlb_set *s = t->sets[i];

        if (s && s != keep && s->used && s->nlocal <= FEW_LOCAL && !s->local_code && !((s->ctx ^ ctx) & ~t->space_mask)) {
            flush_local(s);
            return s;
        }
    }
    return NULL;
}

struct tlb_set *tlb_use(struct tlb *t, uint64_t ctx, const struct tlb_set *keep)
{
    struct tlb_set *oldest = NULL, *s;
    unsigned place = TLB_SETS;

    t->clock++;
    for (unsigned i = 0; i < TLB_SETS; i++) {
        s = t->sets[i];
        if (!s) {
            place = i < place ? i : place;
            continue;
        }
        if (s->used && s->ctx == ctx) {
            s->stamp = t->clock;
            return s;
        }
        if (s != keep && !in_use(t, s) && (!oldest || s->stamp < oldest->stamp))
            oldest = s;
    }
    t->stat_switch++;
    s = t->space_mask ? similar(t, ctx, keep) : NULL;
    if (!s) {
        if (place < TLB_SETS) {
            s = set_new(t, place);
        } else {
            s = oldest;
            tlb_set_clear(s);
        }
    }
    s->used = true;
    s->ctx = ctx;
    s->stamp = t->clock;
    return s;
}

/* ---- filling ---- */

/* Where mappings larger than a page are is noted, for a flush of any address of one is a flush of it all. Exactly:
 * an address taken for part of one costs 512 pages' flush, and guests flush their fixmap 100,000 times at boot. */
static const uint8_t large_bits[TLB_LARGE] = {16, 21, 25, 30, 39};
enum { PROBES = 8 };

/* Is the piece noted; if not and `add`, it is from now on (or all are, when there is no room). */
static bool large_find(struct tlb *t, unsigned class, uint64_t va, bool add)
{
    uint64_t key = (va >> large_bits[class]) + 1, h = key * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    for (unsigned i = 0; i < PROBES; i++) {
        uint64_t *at = &t->large[class][(h + i) % TLB_LARGE_KEYS];

        if (*at == key)
            return true;
        if (!*at) {
            if (add)
                *at = key;
            return add;
        }
    }
    if (add)
        t->large_full |= 1u << class;
    return add;
}

static void note_large(struct tlb *t, uint64_t va, uint8_t bits)
{
    unsigned class = 0;

    while (class < TLB_LARGE - 1 && large_bits[class] < bits)
        class++;
    large_find(t, class, va, true);
    t->larges |= 1u << class;
}

static bool in_large(struct tlb *t, unsigned class, uint64_t va)
{
    return t->large_full >> class & 1 || large_find(t, class, va, false);
}

static struct tlb_l2 *l2_group(struct tlb *t, uint64_t va)
{
    return t->l2[PAGE_OF(va) & (TLB_L2_SIZE - 1)];
}

static uint64_t l2_ctx(const struct tlb_set *s, bool global)
{
    return global ? s->ctx & ~s->tlb->space_mask : s->ctx;
}

void tlb_l2_insert(struct tlb_set *s, const struct tlb_page *p)
{
    struct tlb *t = s->tlb;
    struct tlb_l2 *g = l2_group(t, p->va);
    uint64_t ctx = l2_ctx(s, p->flags & TLB_GLOBAL);
    unsigned way = t->next_way++ % TLB_L2_WAYS;

    for (unsigned i = 0; i < TLB_L2_WAYS; i++)
        if (!g[i].valid)
            way = i;
    for (unsigned i = 0; i < TLB_L2_WAYS; i++)
        if (g[i].valid && g[i].page.va == p->va && g[i].ctx == ctx)
            way = i;
    g[way] = (struct tlb_l2){*p, ctx, true};
    if (p->bits > MEM_PAGE_BITS)
        note_large(t, p->va, p->bits);
}

const struct tlb_page *tlb_l2_find(struct tlb_set *s, uint64_t va)
{
    struct tlb_l2 *g = l2_group(s->tlb, va);

    va &= TLB_PAGE_MASK;
    for (unsigned i = 0; i < TLB_L2_WAYS; i++)
        if (g[i].valid && g[i].page.va == va && g[i].ctx == l2_ctx(s, g[i].page.flags & TLB_GLOBAL))
            return &g[i].page;
    return NULL;
}

void tlb_insert(struct tlb_set *s, const struct tlb_page *p, unsigned allow, unsigned slow)
{
    unsigned n = tlb_index(p->va);
    struct tlb_entry *e = &s->entry[n];

    entry_clear(e);
    s->page[n] = *p;
    if (!(p->flags & TLB_GLOBAL))
        s->nlocal++;
    atomic_fetch_or_explicit(&s->filled[n / 64], (uint64_t)1 << n % 64, RELAXED);
    e->addend = p->addend;
    for (unsigned a = 0; a < 3; a++)
        if (allow >> a & 1)
            atomic_store_explicit(&e->tag[a], p->va | (slow >> a & 1 ? TLB_SLOW : 0), memory_order_release);
}

void tlb_note_code(struct tlb_set *s, uint64_t pc, bool global)
{
    uint64_t page = PAGE_OF(pc);

    s->code_pages[page / 64 % array_size(s->code_pages)] |= (uint64_t)1 << page % 64;
    if (!global)
        s->local_code = true;
}

/* ---- flushing ---- */

static bool code_bit(const struct tlb_set *s, uint64_t page)
{
    return s->code_pages[page / 64 % array_size(s->code_pages)] >> page % 64 & 1;
}

static void jump_clear(struct tlb_set *s, struct cpu_jcache *j)
{
    *j = (struct cpu_jcache){UINT64_MAX, s->tlb->miss_host};
}

/* Code of one page has its places in the jump cache side by side. */
static void flush_code_page(struct tlb_set *s, uint64_t page)
{
    unsigned n = MEM_PAGE >> s->tlb->insn_shift;
    struct cpu_jcache *j = &s->jcache[page * n & (TLB_JCACHE_SIZE - 1)];

    for (; n; n--, j++)
        if (PAGE_OF(j->pc) == page)
            jump_clear(s, j);
}

/* Code of these pages leaves the jump cache; what stays is noted anew. */
static void flush_code(struct tlb_set *s, uint64_t first, uint64_t last)
{
    uint64_t page = first;

    while (page < last && !code_bit(s, page))
        page++;
    if (!code_bit(s, page))
        return;
    tlb_returns_clear(s);
    if (first == last) {
        flush_code_page(s, page);
        return;
    }
    memset(s->code_pages, 0, sizeof(s->code_pages));
    for (unsigned i = 0; i < TLB_JCACHE_SIZE; i++) {
        uint64_t at = PAGE_OF(s->jcache[i].pc);

        if (s->jcache[i].pc == UINT64_MAX)
            continue;
        if (at - first <= last - first)
            jump_clear(s, &s->jcache[i]);
        else
            s->code_pages[at / 64 % array_size(s->code_pages)] |= (uint64_t)1 << at % 64;
    }
}

/* `keep_global`: not those that are global; `only_global`: only those. */
static void flush_pages(struct tlb_set *s, uint64_t first, uint64_t last, bool keep_global, bool only_global)
{
    for (uint64_t page = first; page <= last; page++) {
        unsigned n = (unsigned)page & (TLB_SIZE - 1);

        if ((atomic_load_explicit(&s->filled[n / 64], RELAXED) >> n % 64 & 1) && PAGE_OF(s->page[n].va) == page &&
            !(s->page[n].flags & TLB_GLOBAL ? keep_global : only_global))
            entry_clear(&s->entry[n]);
    }
    flush_code(s, first, last);
}

/* A context in the second level lacks the bits that global pages do not depend on. */
static bool l2_in(const struct tlb *t, const struct tlb_l2 *e, const struct cpu_flush *f)
{
    uint64_t mask = f->mask;

    if (e->page.flags & TLB_GLOBAL) {
        if (f->keep_global)
            return false;
        mask &= ~t->space_mask;
    }
    return ((e->ctx ^ f->value) & mask) == 0;
}

static void l2_flush_page(struct tlb *t, uint64_t page, const struct cpu_flush *f)
{
    struct tlb_l2 *g = t->l2[page & (TLB_L2_SIZE - 1)];

    for (unsigned i = 0; i < TLB_L2_WAYS; i++)
        if (g[i].valid && PAGE_OF(g[i].page.va) == page && l2_in(t, &g[i], f))
            g[i].valid = false;
}

static void l2_flush(struct tlb *t, const struct cpu_flush *f)
{
    struct tlb_l2 *g = t->l2[0];

    for (unsigned i = 0; i < TLB_L2_SIZE * TLB_L2_WAYS; i++)
        if (g[i].valid && l2_in(t, &g[i], f))
            g[i].valid = false;
}

/* The range of pages that a flush stands for, with all of every larger mapping it touches. */
static void widen(struct tlb *t, const struct cpu_flush *f, uint64_t *first, uint64_t *last)
{
    uint64_t lo = f->va, hi = f->va + (f->size - 1);

    if (hi < lo)
        hi = UINT64_MAX;
    for (unsigned class = 0; class < TLB_LARGE; class++) {
        uint64_t rest = ((uint64_t)1 << large_bits[class]) - 1;

        if (!(t->larges >> class & 1))
            continue;
        if (in_large(t, class, lo))
            lo &= ~rest;
        if (in_large(t, class, hi))
            hi |= rest;
    }
    *first = PAGE_OF(lo);
    *last = *first + ((hi >> MEM_PAGE_BITS) - (lo >> MEM_PAGE_BITS));
}

/* A global page is cached under the context of whoever touched it first, so a flush of global pages must
 * find it in sets of other address spaces of the regime, too: those whose space was replaced (similar()). */
static bool set_in(const struct tlb *t, const struct tlb_set *s, const struct cpu_flush *f)
{
    uint64_t mask = f->keep_global ? f->mask : f->mask & ~t->space_mask;

    return s && s->used && ((s->ctx ^ f->value) & mask) == 0;
}

static void flush_whole(struct tlb *t, const struct cpu_flush *f)
{
    for (unsigned i = 0; i < TLB_SETS; i++) {
        struct tlb_set *s = t->sets[i];

        if (!set_in(t, s, f))
            continue;
        if (f->keep_global) {
            flush_local(s);
        } else {
            tlb_set_clear(s);
            if (!in_use(t, s))
                s->used = false;
        }
    }
    l2_flush(t, f);
}

void tlb_flush(struct tlb *t, const struct cpu_flush *f)
{
    uint64_t first, last;

    if (!f->size) {
        flush_whole(t, f);
        return;
    }
    widen(t, f, &first, &last);
    if (last - first >= FLUSH_PAGES) {
        flush_whole(t, f);
        return;
    }
    t->stat_flush_page++;
    for (unsigned i = 0; i < TLB_SETS; i++) {
        struct tlb_set *s = t->sets[i];

        if (!set_in(t, s, f))
            continue;
        flush_pages(s, first, last, f->keep_global, (s->ctx ^ f->value) & f->mask);
    }
    for (uint64_t page = first; page <= last; page++)
        l2_flush_page(t, page, f);
}

void tlb_flush_all(struct tlb *t)
{
    const struct cpu_flush all = {.mask = 0};

    flush_whole(t, &all);
    memset(t->large, 0, sizeof(t->large));
    t->larges = t->large_full = 0;
}

void tlb_refill(struct tlb *t, uint64_t va)
{
    uint64_t page = PAGE_OF(va);
    unsigned n = tlb_index(va);

    for (unsigned i = 0; i < TLB_SETS; i++)
        if (t->sets[i] && PAGE_OF(t->sets[i]->page[n].va) == page)
            entry_clear(&t->sets[i]->entry[n]);
}

/* ---- for other threads ---- */

void tlb_protect(struct tlb *t, uint64_t host_page)
{
    for (unsigned i = 0; i < TLB_SETS; i++) {
        struct tlb_set *s = atomic_load_explicit(&t->sets[i], memory_order_acquire);

        for (unsigned w = 0; s && w < TLB_SIZE / 64; w++) {
            uint64_t bits = atomic_load_explicit(&s->filled[w], RELAXED);

            for (; bits; bits &= bits - 1) {
                struct tlb_entry *e = &s->entry[w * 64 + (unsigned)__builtin_ctzll(bits)];
                uint64_t tag = atomic_load_explicit(&e->tag[CPU_WRITE], RELAXED);

                if (tag != TLB_NONE && (tag & TLB_PAGE_MASK) + e->addend == host_page)
                    atomic_fetch_or(&e->tag[CPU_WRITE], TLB_SLOW);
            }
        }
    }
}

/* ---- helpers' accesses ---- */

void cpu_mem_begin(struct cpu *c, struct cpu_mem *r, uint64_t va, unsigned size, unsigned flags)
{
    if (c->sys) {
        c->sys->accel->mem_begin(c, r, va, size, flags);
        return;
    }
    r->bounce = false;
    if (flags & CPU_MEM_ALIGNED && va & (size - 1)) {
        c->fault_addr = va;
        c->fault_access = flags & CPU_MEM_WRITE ? CPU_WRITE : CPU_READ;
        cpu_leave(c, CPU_EXIT_ALIGN);
    }
    r->host = (uint8_t *)(uintptr_t)va;
}

void cpu_mem_end(struct cpu *c, struct cpu_mem *r)
{
    if (r->bounce)
        c->sys->accel->mem_end(c, r);
}

uint64_t cpu_mem_load(struct cpu *c, uint64_t va, unsigned size, unsigned flags)
{
    struct cpu_mem r;

    cpu_mem_begin(c, &r, va, size, flags | CPU_MEM_READ);
    switch (size) {
    case 1: return *(volatile uint8_t *)r.host;
    case 2: return *(volatile uint16_t *)(void *)r.host;
    case 4: return *(volatile uint32_t *)(void *)r.host;
    default: return *(volatile uint64_t *)(void *)r.host;
    }
}

void cpu_mem_store(struct cpu *c, uint64_t va, uint64_t value, unsigned size, unsigned flags)
{
    struct cpu_mem r;

    cpu_mem_begin(c, &r, va, size, flags | CPU_MEM_WRITE);
    switch (size) {
    case 1: *(volatile uint8_t *)r.host = (uint8_t)value; break;
    case 2: *(volatile uint16_t *)(void *)r.host = (uint16_t)value; break;
    case 4: *(volatile uint32_t *)(void *)r.host = (uint32_t)value; break;
    default: *(volatile uint64_t *)(void *)r.host = value;
    }
    cpu_mem_end(c, &r);
}

void *cpu_mem_host(struct cpu *c, uint64_t va, size_t *size, unsigned flags)
{
    size_t rest = MEM_PAGE - (va & (MEM_PAGE - 1));
    struct cpu_mem r;

    if (*size > rest)
        *size = rest;
    if (!c->sys)
        return (void *)(uintptr_t)va;
    /* Asked for as an access of no bytes: permissions are checked, devices are not touched. */
    c->sys->accel->mem_begin(c, &r, va, 0, flags);
    return r.bounce ? NULL : r.host;
}
