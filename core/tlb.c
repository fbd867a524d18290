/* Tables of the soft TLB: sets by context, the second level, flushes. Owns which translations are
 * remembered; knows neither page tables nor memory maps, those who fill it do (accel/). */
#include "core/tlb_int.h"

#include <stdlib.h>
#include <string.h>

#define RELAXED memory_order_relaxed

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

static bool filled(const struct tlb_set *s, unsigned n)
{
    return atomic_load_explicit(&s->filled[n / 64], RELAXED) >> n % 64 & 1;
}

/* ---- forgetting ---- */

static void entry_clear(struct tlb_entry *e)
{
    for (unsigned a = 0; a < 3; a++)
        atomic_store_explicit(&e->tag[a], TLB_NONE, RELAXED);
}

static void entries_clear(struct tlb_set *s)
{
    for (unsigned w = 0; w < TLB_ALL / 64; w++) {
        uint64_t bits = atomic_load_explicit(&s->filled[w], RELAXED);

        for (; bits; bits &= bits - 1)
            entry_clear(&s->entry[w * 64 + (unsigned)__builtin_ctzll(bits)]);
        atomic_store_explicit(&s->filled[w], 0, RELAXED);
    }
    s->nlocal = 0;
}

void tlb_set_clear(struct tlb_set *s)
{
    entries_clear(s);
    tlb_jumps_clear(s);
    s->tlb->stat_flush_set++;
}

/* What depends on the address space. */
static void flush_local(struct tlb_set *s)
{
    for (unsigned w = 0; s->nlocal && w < TLB_ALL / 64; w++) {
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
    tlb_jumps_clear_local(s);
}

/* ---- sets ---- */

/* Somebody may have asked for the page's writes to be slow meanwhile, without seeing the entry. */
static void recheck(struct tlb_set *s, unsigned n)
{
    _Atomic uint64_t *tag = &s->entry[n].tag[CPU_WRITE];
    _Atomic uint8_t *marks = s->page[n].marks;

    if (atomic_load_explicit(tag, RELAXED) & TLB_SLOW || !marks) /* TLB_NONE has the bit, too */
        return;
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(marks, RELAXED) & MEM_MARK_CODE)
        atomic_fetch_or(tag, TLB_SLOW);
}

/* tlb_protect() of another thread reads it; what it misses recheck() finds. */
static void addend_set(struct tlb_entry *e, uint64_t addend)
{
    __atomic_store_n(&e->addend, addend, __ATOMIC_RELAXED);
}

static void entry_copy(struct tlb_set *s, unsigned to, const struct tlb_set *from, unsigned n)
{
    entry_clear(&s->entry[to]);
    s->page[to] = from->page[n];
    addend_set(&s->entry[to], from->entry[n].addend);
    atomic_fetch_or_explicit(&s->filled[to / 64], (uint64_t)1 << to % 64, RELAXED);
    for (unsigned a = 0; a < 3; a++)
        atomic_store_explicit(&s->entry[to].tag[a], atomic_load_explicit(&from->entry[n].tag[a], RELAXED),
                              memory_order_release);
    recheck(s, to);
}

static struct tlb_set *set_new(struct tlb *t, unsigned n)
{
    struct tlb_set *s = aligned_alloc(64, (sizeof(*s) + 63) & ~(size_t)63);

    if (!s)
        abort();
    memset(s, 0, sizeof(*s));
    s->tlb = t;
    for (unsigned i = 0; i < TLB_ALL; i++)
        entry_clear(&s->entry[i]);
    tlb_jumps_init(s);
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

/* What a set of the same regime knows that does not depend on the address space: most of a kernel. */
static void take_global(struct tlb *t, struct tlb_set *s)
{
    const struct tlb_set *from = NULL;

    for (unsigned i = 0; i < TLB_SETS; i++) {
        const struct tlb_set *o = t->sets[i];

        if (o && o != s && o->used && !((o->ctx ^ s->ctx) & ~t->space_mask) && (!from || o->stamp > from->stamp))
            from = o;
    }
    for (unsigned w = 0; from && w < TLB_ALL / 64; w++)
        for (uint64_t bits = from->filled[w]; bits; bits &= bits - 1) {
            unsigned n = w * 64 + (unsigned)__builtin_ctzll(bits);

            if (from->page[n].flags & TLB_GLOBAL)
                entry_copy(s, n, from, n);
        }
    if (from)
        tlb_jumps_copy_global(s, from);
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
    bool known = s;
    if (!s && place < TLB_SETS) {
        s = set_new(t, place);
    } else if (!s) {
        s = oldest;
        tlb_set_clear(s);
    }
    s->used = true;
    s->ctx = ctx;
    s->stamp = t->clock;
    if (!known && t->space_mask)
        take_global(t, s);
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
    return t->l2[TLB_PAGE_OF(va) & (TLB_L2_SIZE - 1)];
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
    const struct tlb_page page = *p; /* which may be one of the places */
    unsigned n = tlb_index(page.va), victim = tlb_victim(page.va);
    struct tlb_entry *e = &s->entry[n];

    if (filled(s, victim) && s->page[victim].va == page.va)
        entry_clear(&s->entry[victim]);
    if (filled(s, n) && s->page[n].va != page.va)
        entry_copy(s, tlb_victim(s->page[n].va), s, n);
    entry_clear(e);
    s->page[n] = page;
    if (!(page.flags & TLB_GLOBAL))
        s->nlocal++;
    atomic_fetch_or_explicit(&s->filled[n / 64], (uint64_t)1 << n % 64, RELAXED);
    addend_set(e, page.addend);
    for (unsigned a = 0; a < 3; a++)
        if (allow >> a & 1)
            atomic_store_explicit(&e->tag[a], page.va | (slow >> a & 1 ? TLB_SLOW : 0), memory_order_release);
    recheck(s, n);
}

/* ---- flushing ---- */

/* `keep_global`: not those that are global; `only_global`: only those. */
static void flush_pages(struct tlb_set *s, uint64_t first, uint64_t last, bool keep_global, bool only_global)
{
    for (uint64_t page = first; page <= last; page++) {
        const unsigned places[2] = {tlb_index(page << MEM_PAGE_BITS), tlb_victim(page << MEM_PAGE_BITS)};

        for (unsigned i = 0; i < 2; i++) {
            unsigned n = places[i];

            if (filled(s, n) && TLB_PAGE_OF(s->page[n].va) == page &&
                !(s->page[n].flags & TLB_GLOBAL ? keep_global : only_global))
                entry_clear(&s->entry[n]);
        }
    }
    tlb_jumps_flush(s, first, last);
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
        if (g[i].valid && TLB_PAGE_OF(g[i].page.va) == page && l2_in(t, &g[i], f))
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
    *first = TLB_PAGE_OF(lo);
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

/* ---- for other threads ---- */

void tlb_protect(struct tlb *t, uint64_t host_page)
{
    for (unsigned i = 0; i < TLB_SETS; i++) {
        struct tlb_set *s = atomic_load_explicit(&t->sets[i], memory_order_acquire);

        for (unsigned w = 0; s && w < TLB_ALL / 64; w++) {
            uint64_t bits = atomic_load_explicit(&s->filled[w], RELAXED);

            for (; bits; bits &= bits - 1) {
                struct tlb_entry *e = &s->entry[w * 64 + (unsigned)__builtin_ctzll(bits)];
                uint64_t tag = atomic_load_explicit(&e->tag[CPU_WRITE], RELAXED);

                if (tag != TLB_NONE && (tag & TLB_PAGE_MASK) + __atomic_load_n(&e->addend, __ATOMIC_RELAXED) == host_page)
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
