/* RAM regions: their host memory, their pages' marks, and what a write of others than translated
 * code sets off.
 *
 * Knows nothing of where RAM is placed.
 */
#include "base/bits.h"
#include "core/mem.h"
#include "core/mem_int.h"
#include "os/ram.h"

static int make_ram(struct mem_region **out, enum mem_kind kind, const char *name, uint64_t size,
                    const struct mem_ram_opts *opts, struct err *e)
{
    struct os_ram_opts o = {.name = name};
    struct mem_region *r = mem_region_make(kind, name, size);
    size_t pages = (size_t)((size >> MEM_PAGE_BITS) + 1);
    int rc;

    if (opts) {
        o.file = opts->file;
        o.shared = opts->shared;
        o.prealloc = opts->prealloc;
        r->readonly = opts->readonly;
    }
    *out = NULL;
    rc = os_ram_map(&r->ram, size, &o, NULL, e);
    if (!rc)
        rc = os_map_anon(&r->marks_map, bits_align_up(pages, os_page_size()), e);
    if (rc) {
        mem_region_free(r);
        return err_prefix(e, "%s", name);
    }
    r->marks = r->marks_map.data;
    *out = r;
    return 0;
}

int mem_region_ram(struct mem_region **out, const char *name, uint64_t size,
                   const struct mem_ram_opts *opts, struct err *e)
{
    return make_ram(out, MEM_RAM, name, size, opts, e);
}

int mem_region_romd(struct mem_region **out, const char *name, uint64_t size,
                    const struct mem_ops *ops, void *dev, struct err *e)
{
    int rc = make_ram(out, MEM_ROMD, name, size, NULL, e);

    if (rc)
        return rc;
    (*out)->ops = ops;
    (*out)->dev = dev;
    (*out)->min_size = ops->min_size ? ops->min_size : 1;
    (*out)->max_size = ops->max_size ? ops->max_size : 8;
    return 0;
}

void mem_ram_release(struct mem_region *r)
{
    os_map_free(&r->ram);
    os_map_free(&r->marks_map);
}

_Atomic uint8_t *mem_marks(struct mem_space *s, const void *host)
{
    struct mem_region *r = mem_map_ram(s, host);

    return r ? &r->marks[((uintptr_t)host - (uintptr_t)r->ram.data) >> MEM_PAGE_BITS] : NULL;
}

static void tell_code_written(struct mem_space *s, const void *host, size_t size)
{
    struct mem_listener *l = __atomic_load_n(&s->listeners, __ATOMIC_ACQUIRE);

    for (; l; l = __atomic_load_n(&l->next, __ATOMIC_ACQUIRE)) {
        if (l->code_written)
            l->code_written(l->opaque, host, size);
    }
}

void mem_ram_written(struct mem_space *s, struct mem_region *r, uint64_t offset, size_t size)
{
    unsigned logging = atomic_load_explicit(&s->logging, memory_order_relaxed);
    uint64_t end = offset + size;

    while (offset < end) {
        _Atomic uint8_t *mark = &r->marks[offset >> MEM_PAGE_BITS];
        uint64_t next = min_of((offset | (MEM_PAGE - 1)) + 1, end);
        /* A translator sets its mark, then reads the code; we wrote, now look. Both are
         * read-modify-write of the mark, so whichever comes second knows of the other. */
        uint8_t now = atomic_fetch_or_explicit(mark, (uint8_t)logging, memory_order_acq_rel);

        if (unlikely(now & MEM_MARK_CODE))
            tell_code_written(s, (const uint8_t *)r->ram.data + offset, (size_t)(next - offset));
        offset = next;
    }
}

void mem_dma_done(struct mem_space *s, const void *host, size_t written)
{
    struct mem_region *r = written ? mem_map_ram(s, host) : NULL;
    uint64_t offset;

    if (!r)
        return;
    offset = (uintptr_t)host - (uintptr_t)r->ram.data;
    mem_ram_written(s, r, offset, min_of((uint64_t)written, r->ram.size - offset));
}

void mem_log(struct mem_space *s, unsigned marks, bool on)
{
    unsigned old = on ? atomic_fetch_or(&s->logging, marks) : atomic_fetch_and(&s->logging, ~marks);

    /* Translators keep writable host addresses of pages that are marked already: they look again.
     */
    if (on ? marks & ~old : marks & old)
        mem_tell_changed(s);
}

unsigned mem_logging(const struct mem_space *s)
{
    return atomic_load(&s->logging);
}
