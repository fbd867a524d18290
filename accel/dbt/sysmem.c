/* The slow path of a machine's memory: what the soft TLB does not serve. Walks (by the isa), fills the TLB,
 * talks to devices, splits accesses across pages, and finds the guest's exact state when an access may not be.
 * Called from translated code, helpers of the isa and the interpreter, in the cpu's thread. */
#include <errno.h>
#include <string.h>
#include <xmmintrin.h>

#include "accel/dbt/dbt.h"
#include "base/log.h"
#include "ir/interp_mem.h"

static struct dbt_thread *thread_of(struct cpu *c) { return c->accel; }

/* ---- leaving ---- */

/* The guest's state at the access: in the registers of the unit that asked. */
static void recover(struct dbt_thread *t)
{
    struct cpu *c = t->cpu;
    const struct cg_fault_regs *regs = t->slow_regs;
    if (!regs)
        return;
    uint64_t host_pc = c->helper_pc, pc = c->pc;
    struct dbt_block *b = dbt_by_host(t->a, host_pc - 1);
    if (!b || !cg_point_find(b->points, b->npoints, (uint32_t)(host_pc - b->host), b->pc, &pc)) {
        log_error("translated code at %lx is nobody's", host_pc);
        abort();
    }
    cg_map_to_state(&t->a->cg, b->canonical ? &t->a->cg.canonical : b->map, regs, c);
    c->pc = pc;
    c->jit_sp += 8; /* the call of the slow path */
    t->slow_regs = NULL;
}

static _Noreturn void leave(struct dbt_thread *t, enum cpu_exit reason)
{
    recover(t);
    cpu_leave(t->cpu, reason);
}

static _Noreturn void fault(struct dbt_thread *t, uint64_t va, enum cpu_access access, enum cpu_exit reason)
{
    struct cpu *c = t->cpu;
    c->fault_addr = va;
    c->fault_access = access;
    trace(LOG_MMU, "%s fault at %lx, %s", reason == CPU_EXIT_ALIGN ? "alignment" : "page", va,
          access == CPU_READ ? "read" : access == CPU_WRITE ? "write" : "fetch");
    leave(t, reason);
}

/* ---- filling ---- */

/* Which kinds of access to the page the slow path must see. */
static unsigned slow_kinds(const struct dbt_thread *t, const struct tlb_page *p)
{
    unsigned slow = 0;
    if (p->flags & (TLB_IO | TLB_DEVICE | TLB_WATCHED | TLB_NO_CACHE))
        slow |= 1 << CPU_READ | 1 << CPU_WRITE;
    if (p->flags & TLB_ROM || !(p->prot >> CPU_READ & 1) || mem_logging(t->a->mem))
        slow |= 1 << CPU_WRITE;
    if (!(slow >> CPU_WRITE & 1) && p->prot >> CPU_WRITE & 1) {
        _Atomic uint8_t *m = p->marks;
        if (m && atomic_load_explicit(m, memory_order_relaxed) & MEM_MARK_CODE)
            slow |= 1 << CPU_WRITE;
    }
    return slow;
}

static void enter_page(struct dbt_thread *t, struct tlb_set *set, const struct tlb_page *p)
{
    unsigned slow = slow_kinds(t, p);
    tlb_insert(set, p, p->prot, slow);
    t->tlb->stat_fill++;
}

static bool watched(const struct dbt_thread *t, uint64_t va, uint64_t size, unsigned access)
{
    const struct cpu_sys *s = t->cpu->sys;
    for (unsigned i = 0; i < s->ndebug; i++) {
        const struct cpu_debug_point *d = &s->debug[i];
        if (d->size && d->access & access && d->va < va + size && va < d->va + d->size)
            return true;
    }
    return false;
}

/* What is at the page's physical address. */
static void find_memory(struct dbt_thread *t, struct tlb_page *p)
{
    struct mem_hit hit;
    mem_lookup(t->a->mem, p->pa, &hit);
    if (!hit.host || hit.span < MEM_PAGE || (uintptr_t)hit.host & (MEM_PAGE - 1)) {
        p->flags |= TLB_IO;
        p->addend = 0;
        return;
    }
    p->addend = (uint64_t)(uintptr_t)hit.host - p->va;
    p->marks = mem_marks(t->a->mem, hit.host);
    if (!hit.writable)
        p->flags |= TLB_ROM;
}

/* The page for an access; leaves when it is not allowed. `own`: room for one that is not remembered. */
static const struct tlb_page *page_for(struct dbt_thread *t, uint64_t va, enum cpu_access access, bool user,
                                       struct tlb_page *own)
{
    struct cpu *c = t->cpu;
    if (t->contexts_stale)
        dbt_sys_contexts(t);
    struct tlb_set *set = c->tlb[user];
    unsigned n = tlb_index(va);
    if (tlb_tag_match(atomic_load_explicit(&set->entry[n].tag[access], memory_order_relaxed), va))
        return &set->page[n];
    const struct tlb_page *known = tlb_l2_find(set, va);
    if (known && known->prot >> access & 1) {
        t->tlb->stat_l2++;
        enter_page(t, set, known);
        return &set->page[n];
    }
    struct cpu_page found;
    if (!c->isa->sys->translate(c, va, access, user, false, &found))
        fault(t, va, access, CPU_EXIT_FAULT);
    t->tlb->stat_walk++;
    *own = (struct tlb_page){
        .va = va & TLB_PAGE_MASK, .pa = found.pa & TLB_PAGE_MASK, .prot = found.prot,
        .flags = (found.global ? TLB_GLOBAL : 0) | (found.device ? TLB_DEVICE : 0) | (found.no_cache ? TLB_NO_CACHE : 0),
        .bits = (uint8_t)(found.size ? 63 - __builtin_clzll(found.size) : 64),
    };
    if (watched(t, own->va, MEM_PAGE, 1 << CPU_READ | 1 << CPU_WRITE))
        own->flags |= TLB_WATCHED;
    find_memory(t, own);
    if (found.no_cache || own->bits < MEM_PAGE_BITS) {
        own->flags |= TLB_NO_CACHE;
        return own;
    }
    tlb_l2_insert(set, own);
    enter_page(t, set, own);
    return &set->page[n];
}

/* ---- devices ---- */

static bool io_hit(struct dbt_thread *t, mem_pa pa, struct mem_hit *hit)
{
    uint64_t epoch = atomic_load_explicit(&t->a->map_epoch, memory_order_acquire);
    if (t->hit_epoch == epoch && pa - t->hit_pa < t->hit.span) {
        uint64_t into = pa - t->hit_pa;
        *hit = t->hit;
        hit->offset += into;
        hit->span -= into;
        return true;
    }
    mem_lookup(t->a->mem, pa, hit);
    if (hit->region && !hit->host) {
        t->hit = *hit;
        t->hit_pa = pa;
        t->hit_epoch = epoch;
    }
    return hit->region != NULL;
}

static void nobody(struct dbt_thread *t, uint64_t va, mem_pa pa, enum cpu_access access)
{
    struct cpu *c = t->cpu;
    trace(LOG_UNASSIGNED, "nothing at %lx (%s of %lx, pc %lx)", pa, access == CPU_WRITE ? "write" : "read", va, c->pc);
    if (c->isa->sys->bus_error && c->isa->sys->bus_error(c, va, pa, access))
        fault(t, va, access, CPU_EXIT_FAULT);
}

/* One access of 1, 2, 4 or 8 bytes to whatever is there. */
static void io_one(struct dbt_thread *t, uint64_t va, mem_pa pa, uint8_t *buf, unsigned size, bool write)
{
    struct mem_hit hit;
    uint64_t value = 0;
    unsigned csr = _mm_getcsr();
    if (!io_hit(t, pa, &hit)) {
        nobody(t, va, pa, write ? CPU_WRITE : CPU_READ);
        if (!write)
            memset(buf, 0, size);
        return;
    }
    _mm_setcsr(t->cpu->mxcsr_host);
    if (write) {
        memcpy(&value, buf, size);
        if (hit.host || hit.span < size)
            mem_write(t->a->mem, pa, size, value);
        else
            mem_io_write(&hit, value, size);
    } else {
        if (hit.host || hit.span < size)
            mem_read(t->a->mem, pa, size, &value);
        else
            value = mem_io_read(&hit, size);
        memcpy(buf, &value, size);
    }
    _mm_setcsr(csr);
}

static void io(struct dbt_thread *t, uint64_t va, mem_pa pa, uint8_t *buf, unsigned size, bool write)
{
    while (size) {
        unsigned n = size >= 8 ? 8 : size == 4 || size == 2 ? size : 1;
        io_one(t, va, pa, buf, n, write);
        va += n;
        pa += n;
        buf += n;
        size -= n;
    }
}

/* ---- accesses ---- */

static bool by_io(const struct tlb_page *p, enum cpu_access access)
{
    return p->flags & TLB_IO || (access == CPU_WRITE && p->flags & TLB_ROM);
}

/* A write of RAM is about to be done. */
static void writing(struct dbt_thread *t, const struct tlb_page *p, uint64_t va, unsigned size, bool user)
{
    _Atomic uint8_t *m = p->marks;
    unsigned logging = mem_logging(t->a->mem);
    if (!m)
        return;
    if (logging)
        atomic_fetch_or(m, (uint8_t)logging);
    if (atomic_load(m) & MEM_MARK_CODE) {
        struct cpu *c = t->cpu;
        if (dbt_code_written(t->a, t, va + p->addend, size ? size : MEM_PAGE - (va & (MEM_PAGE - 1)),
                             t->slow_regs ? c->helper_pc : 0)) {
            t->one = true; /* the code that runs is gone: this instruction from its start, by the interpreter */
            leave(t, CPU_EXIT_KICK);
        }
    }
    struct tlb_set *set = t->cpu->tlb[user];
    _Atomic uint64_t *tag = &set->entry[tlb_index(va)].tag[CPU_WRITE];
    if (p == &set->page[tlb_index(va)] && atomic_load(tag) & TLB_SLOW && !(slow_kinds(t, p) >> CPU_WRITE & 1))
        enter_page(t, set, &(struct tlb_page){p->va, p->addend, p->pa, p->marks, p->prot, p->flags, p->bits});
}

static void check_watch(struct dbt_thread *t, uint64_t va, unsigned size, unsigned flags)
{
    unsigned access = (flags & CPU_MEM_READ ? 1 << CPU_READ : 0) | (flags & CPU_MEM_WRITE ? 1 << CPU_WRITE : 0);
    if (t->cpu->sys->step || t->one_now || !size || !watched(t, va, size, access))
        return;
    t->cpu->fault_addr = va;
    t->cpu->fault_access = flags & CPU_MEM_WRITE ? CPU_WRITE : CPU_READ;
    t->watch_hit = true;
    leave(t, CPU_EXIT_DEBUG);
}

void dbt_mem_begin(struct cpu *c, struct cpu_mem *r, uint64_t va, unsigned size, unsigned flags)
{
    struct dbt_thread *t = thread_of(c);
    struct tlb_page own[2], first;
    enum cpu_access access = flags & CPU_MEM_WRITE ? CPU_WRITE : CPU_READ;
    bool user = flags & CPU_MEM_USER;
    unsigned rest = MEM_PAGE - (unsigned)(va & (MEM_PAGE - 1));
    if (flags & CPU_MEM_ALIGNED && size && va & (size - 1))
        fault(t, va, access, CPU_EXIT_ALIGN);
    const struct tlb_page *p = page_for(t, va, access, user, &own[0]), *q = NULL;
    if ((flags & (CPU_MEM_READ | CPU_MEM_WRITE)) == (CPU_MEM_READ | CPU_MEM_WRITE) && !(p->prot >> CPU_READ & 1))
        p = page_for(t, va, CPU_READ, user, &own[0]);
    if (p->flags & TLB_DEVICE && size && va & (size - 1))
        fault(t, va, access, CPU_EXIT_ALIGN);
    if (size > rest) {
        first = *p; /* the other page may take its place */
        p = &first;
        q = page_for(t, va + rest, access, user, &own[1]);
        if (q->flags & TLB_DEVICE)
            fault(t, va, access, CPU_EXIT_ALIGN);
    }
    if (p->flags & TLB_WATCHED || (q && q->flags & TLB_WATCHED))
        check_watch(t, va, size, flags);
    r->va = va;
    r->size = (uint8_t)size;
    r->first = (uint8_t)(q ? rest : size);
    r->flags = (uint8_t)flags;
    r->bounce = q || by_io(p, access) || (flags & CPU_MEM_READ && p->flags & TLB_IO) ||
                (!size && p->flags & (TLB_WATCHED | TLB_NO_CACHE));
    if (!r->bounce) {
        r->host = (uint8_t *)(uintptr_t)(va + p->addend);
        if (access == CPU_WRITE)
            writing(t, p, va, size, user);
        return;
    }
    r->host = r->buf;
    r->pa[0] = p->pa | (va & (MEM_PAGE - 1));
    r->pa[1] = q ? q->pa : 0;
    if (!(flags & CPU_MEM_READ))
        return;
    if (p->flags & TLB_IO)
        io(t, va, r->pa[0], r->buf, r->first, false);
    else
        memcpy(r->buf, (const void *)(uintptr_t)(va + p->addend), r->first);
    if (q && q->flags & TLB_IO)
        io(t, va + rest, r->pa[1], r->buf + r->first, size - r->first, false);
    else if (q)
        memcpy(r->buf + r->first, (const void *)(uintptr_t)(va + rest + q->addend), size - r->first);
}

static void put_part(struct dbt_thread *t, uint64_t va, mem_pa pa, uint8_t *buf, unsigned size, bool user)
{
    struct tlb_page own;
    const struct tlb_page *p = page_for(t, va, CPU_WRITE, user, &own);
    if (by_io(p, CPU_WRITE)) {
        io(t, va, pa, buf, size, true);
        return;
    }
    uint64_t to = va + p->addend;
    writing(t, p, va, size, user);
    memcpy((void *)(uintptr_t)to, buf, size);
}

void dbt_mem_end(struct cpu *c, struct cpu_mem *r)
{
    struct dbt_thread *t = thread_of(c);
    if (!(r->flags & CPU_MEM_WRITE))
        return;
    put_part(t, r->va, r->pa[0], r->buf, r->first, r->flags & CPU_MEM_USER);
    if (r->size > r->first)
        put_part(t, r->va + r->first, r->pa[1], r->buf + r->first, r->size - r->first, r->flags & CPU_MEM_USER);
}

/* Does on the copy in r->buf what translated code will do on what it gets, and makes it known. */
static void change_copy(struct cpu *c, struct cpu_mem *r, uint32_t desc)
{
    union ir_val *v = (union ir_val *)(void *)c->args, old;
    uint64_t at = (uint64_t)(uintptr_t)r->buf;
    unsigned aux = desc & 0xffff & ~IR_M_ALIGNED;
    memcpy(c->bounce, r->buf, 16);
    switch (desc & CG_MEM_KIND) {
    case CG_MEM_ST:
        interp_store(aux, at, &v[0]);
        break;
    case CG_MEM_CAS:
        interp_cas(aux, at, &old, &v[0], &v[1]);
        if (!memcmp(c->bounce, r->buf, r->size))
            return;
        break;
    case CG_MEM_RMW:
        interp_rmw(aux, IR_I64, desc >> CG_MEM_RMW_SHIFT, at, &old, &v[0]);
        break;
    default:
        return;
    }
    dbt_mem_end(c, r);
}

uint64_t dbt_mem_slow(struct cpu *c, uint64_t va, struct cg_fault_regs *regs)
{
    struct dbt_thread *t = thread_of(c);
    uint32_t desc = c->mem_desc;
    unsigned flags = (desc & IR_M_ALIGNED ? CPU_MEM_ALIGNED : 0) | (desc & IR_M_USER ? CPU_MEM_USER : 0);
    struct cpu_mem r;
    uint64_t map_epoch = atomic_load_explicit(&t->a->map_epoch, memory_order_relaxed);
    c->helper_pc = *(const uint64_t *)(uintptr_t)c->jit_sp;
    t->slow_regs = regs;
    switch (desc & CG_MEM_KIND) {
    case CG_MEM_LD: flags |= CPU_MEM_READ; break;
    case CG_MEM_ST: flags |= CPU_MEM_WRITE; break;
    default: flags |= CPU_MEM_READ | CPU_MEM_WRITE;
    }
    dbt_mem_begin(c, &r, va, 1u << (desc & IR_M_SIZE), flags);
    if (r.bounce) {
        change_copy(c, &r, desc);
        r.host = c->bounce;
    }
    if (map_epoch != atomic_load_explicit(&t->a->map_epoch, memory_order_relaxed)) /* a device moved memory */
        memset(c->cell, 0, sizeof c->cell);
    t->slow_regs = NULL;
    c->helper_pc = 0;
    return (uint64_t)(uintptr_t)r.host - va;
}

/* ---- fetching ---- */

int dbt_mem_fetch(struct dbt_thread *t, uint64_t pc, struct dbt_code *code)
{
    struct tlb_page own;
    if (pc & (t->a->isa->insn_align - 1u))
        fault(t, pc, CPU_FETCH, CPU_EXIT_ALIGN);
    const struct tlb_page *p = page_for(t, pc, CPU_FETCH, false, &own);
    *code = (struct dbt_code){p->addend, p->va, p->va + (MEM_PAGE - 1), t->a->npoints != 0};
    t->fetch_global = p->flags & TLB_GLOBAL;
    return p->flags & (TLB_IO | TLB_NO_CACHE) ? 1 : 0;
}

size_t dbt_mem_fetch_bytes(struct dbt_thread *t, uint64_t pc, void *buf, size_t size)
{
    struct tlb_page own;
    size_t rest = MEM_PAGE - (pc & (MEM_PAGE - 1));
    const struct tlb_page *p = page_for(t, pc, CPU_FETCH, false, &own);
    if (size > rest)
        size = rest;
    if (!(p->flags & TLB_IO))
        memcpy(buf, (const void *)(uintptr_t)(pc + p->addend), size);
    else
        for (size_t i = 0; i < size; i += 4)
            io(t, pc + i, (p->pa | (pc & (MEM_PAGE - 1))) + i, (uint8_t *)buf + i, size - i < 4 ? (unsigned)(size - i) : 4, false);
    return size;
}

bool dbt_mem_probe(struct cpu *c, uint64_t va, struct cpu_page *out)
{
    return c->isa->sys->translate(c, va, CPU_READ, false, true, out) ||
           c->isa->sys->translate(c, va, CPU_FETCH, false, true, out);
}
