/* Accesses: single ones, those of devices' registers, DMA.
 *
 * Owns splitting, widening, byte order and the region's lock. Knows nothing of trees and maps.
 *
 * A device that does DMA holds its own lock, and the guest chooses the address: it may point a ring
 * at the device's own registers, or two devices at each other's. So DMA never waits for a device's
 * lock without end; who does not get it finds nothing at the address. Processors hold no device's
 * lock and wait.
 */
#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/trace.h"
#include "core/mem.h"
#include "core/mem_int.h"

enum { DMA_LOCK_NS = 100000000 };

static uint64_t swap(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

static uint64_t low_bytes(uint64_t v, unsigned size)
{
    return size < 8 ? v & ((UINT64_C(1) << 8 * size) - 1) : v;
}

/* The largest aligned piece at `offset` of an access of which `left` bytes remain. */
static unsigned piece(uint64_t offset, unsigned left, unsigned max_size)
{
    unsigned size = max_size;

    while (size > left || (offset & (size - 1)))
        size /= 2;
    return size;
}

static void tell(const struct trace_point *p, const struct mem_region *r, uint64_t offset,
                 uint64_t v, unsigned size)
{
    if (p && unlikely(__atomic_load_n(&p->on, __ATOMIC_RELAXED)))
        trace_write(p, r->owner ? r->owner : r->name, "%u bytes at %#llx: %#llx", size,
                    (unsigned long long)offset, (unsigned long long)v);
}

/* The value of `size` aligned bytes, as little-endian numbers lie in memory. */
static uint64_t read_piece(const struct mem_region *r, uint64_t offset, unsigned size)
{
    unsigned wide = max_of(size, (unsigned)r->min_size);
    uint64_t at = offset & ~(uint64_t)(wide - 1),
             v = low_bytes(r->ops->read(r->dev, at, wide), wide);

    tell(r->ops->on_read, r, at, v, wide);
    if (r->ops->big_endian)
        v = swap(v, wide);
    return low_bytes(v >> 8 * (offset - at), size);
}

static void write_piece(const struct mem_region *r, uint64_t offset, uint64_t v, unsigned size)
{
    if (size < r->min_size) {
        trace(LOG_UNASSIGNED, "%s: write of %u bytes at %#llx is too narrow",
              r->owner ? r->owner : r->name, size, (unsigned long long)offset);
        return;
    }
    v = low_bytes(v, size);
    v = r->ops->big_endian ? swap(v, size) : v;
    tell(r->ops->on_write, r, offset, v, size);
    r->ops->write(r->dev, offset, v, size);
}

static uint64_t io_read(const struct mem_region *r, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned done = 0, n; done < size && offset + done < r->size; done += n) {
        n = piece(offset + done, size - done, r->max_size);
        value |= read_piece(r, offset + done, n) << 8 * done;
    }
    return value;
}

static void io_write(const struct mem_region *r, uint64_t offset, uint64_t value, unsigned size)
{
    for (unsigned done = 0, n; done < size && offset + done < r->size; done += n) {
        n = piece(offset + done, size - done, r->max_size);
        write_piece(r, offset + done, value >> 8 * done, n);
    }
}

uint64_t mem_io_read(const struct mem_hit *hit, unsigned size)
{
    const struct mem_region *r = hit->region;
    uint64_t value;

    if (!r || !r->ops || !r->ops->read)
        return 0;
    if (r->lock)
        os_mutex_lock(r->lock);
    value = io_read(r, hit->offset, size);
    if (r->lock)
        os_mutex_unlock(r->lock);
    return value;
}

void mem_io_write(const struct mem_hit *hit, uint64_t value, unsigned size)
{
    const struct mem_region *r = hit->region;

    if (!r || !r->ops || !r->ops->write)
        return;
    if (r->lock)
        os_mutex_lock(r->lock);
    io_write(r, hit->offset, value, size);
    if (r->lock)
        os_mutex_unlock(r->lock);
}

static bool lock_for_dma(const struct mem_region *r)
{
    if (!r->lock || os_mutex_lock_for(r->lock, DMA_LOCK_NS))
        return true;
    trace(LOG_UNASSIGNED, "%s: DMA to a device that is busy, perhaps with this DMA",
          r->owner ? r->owner : r->name);
    return false;
}

/* One access that lies within the hit. */
static bool device_read(const struct mem_hit *hit, unsigned size, uint64_t *value)
{
    const struct mem_region *r = hit->region;

    *value = 0;
    if (!r->ops || !r->ops->read)
        return true;
    if (!lock_for_dma(r))
        return false;
    *value = io_read(r, hit->offset, size);
    if (r->lock)
        os_mutex_unlock(r->lock);
    return true;
}

static bool device_write(const struct mem_hit *hit, unsigned size, uint64_t value)
{
    const struct mem_region *r = hit->region;

    if (!r->ops || !r->ops->write)
        return true; /* ROM */
    if (!lock_for_dma(r))
        return false;
    io_write(r, hit->offset, value, size);
    if (r->lock)
        os_mutex_unlock(r->lock);
    return true;
}

static void log_unassigned(const struct mem_space *s, mem_pa at, const char *what)
{
    trace(LOG_UNASSIGNED, "%s: %s at %#llx: nothing there", s->name, what, (unsigned long long)at);
}

/* RAM is shared with running processors: aligned accesses are single ones. */
static uint64_t host_read(const uint8_t *host, unsigned size)
{
    if ((uintptr_t)host & (size - 1)) {
        uint64_t v = 0;

        memcpy(&v, host, size);
        return v;
    }
    switch (size) {
    case 1:
        return __atomic_load_n(host, __ATOMIC_RELAXED);
    case 2:
        return __atomic_load_n((const uint16_t *)host, __ATOMIC_RELAXED);
    case 4:
        return __atomic_load_n((const uint32_t *)host, __ATOMIC_RELAXED);
    default:
        return __atomic_load_n((const uint64_t *)host, __ATOMIC_RELAXED);
    }
}

static void host_write(uint8_t *host, uint64_t v, unsigned size)
{
    if ((uintptr_t)host & (size - 1)) {
        memcpy(host, &v, size);
        return;
    }
    switch (size) {
    case 1:
        __atomic_store_n(host, (uint8_t)v, __ATOMIC_RELAXED);
        break;
    case 2:
        __atomic_store_n((uint16_t *)host, (uint16_t)v, __ATOMIC_RELAXED);
        break;
    case 4:
        __atomic_store_n((uint32_t *)host, (uint32_t)v, __ATOMIC_RELAXED);
        break;
    default:
        __atomic_store_n((uint64_t *)host, v, __ATOMIC_RELAXED);
    }
}

bool mem_read(struct mem_space *s, mem_pa at, unsigned size, uint64_t *value)
{
    struct mem_hit hit;
    uint8_t bytes[8] = {0};
    bool good;

    mem_lookup(s, at, &hit);
    if (likely(hit.span >= size)) {
        *value = 0;
        if (likely(hit.host)) {
            *value = host_read(hit.host, size);
            return true;
        }
        if (hit.region)
            return device_read(&hit, size, value);
        log_unassigned(s, at, "read");
        return false;
    }
    good = mem_dma_read(s, at, bytes, size) == 0;
    *value = mem_ld64le(bytes);
    return good;
}

bool mem_write(struct mem_space *s, mem_pa at, unsigned size, uint64_t value)
{
    struct mem_hit hit;
    uint8_t bytes[8];

    mem_lookup(s, at, &hit);
    if (likely(hit.span >= size)) {
        if (likely(hit.writable)) {
            host_write(hit.host, value, size);
            mem_ram_written(s, hit.region, hit.offset, size);
            return true;
        }
        if (hit.region)
            return device_write(&hit, size, value);
        log_unassigned(s, at, "write");
        return false;
    }
    mem_st64le(bytes, value);
    return mem_dma_write(s, at, bytes, size) == 0;
}

/* Registers as bytes, in the largest aligned pieces. */
static int device_bytes(struct mem_hit hit, uint8_t *to, const uint8_t *from, size_t size)
{
    while (size) {
        unsigned n = piece(hit.offset, (unsigned)min_of(size, (size_t)8), 8);
        uint64_t value = 0;

        if (to) {
            if (!device_read(&hit, n, &value))
                return -EFAULT;
            memcpy(to, &value, n);
            to += n;
        } else {
            memcpy(&value, from, n);
            if (!device_write(&hit, n, value))
                return -EFAULT;
            from += n;
        }
        hit.offset += n;
        size -= n;
    }
    return 0;
}

int mem_dma_read(struct mem_space *s, mem_pa at, void *to, size_t size)
{
    uint8_t *out = to;
    int rc = 0;

    while (size) {
        struct mem_hit hit;
        size_t n;

        mem_lookup(s, at, &hit);
        n = (size_t)min_of(hit.span, (uint64_t)size);
        if (likely(hit.host)) {
            memcpy(out, hit.host, n);
        } else if (!hit.region || device_bytes(hit, out, NULL, n) < 0) {
            if (!hit.region)
                log_unassigned(s, at, "DMA read");
            memset(out, 0, n);
            rc = -EFAULT;
        }
        at += n;
        out += n;
        size -= n;
    }
    return rc;
}

int mem_dma_write(struct mem_space *s, mem_pa at, const void *from, size_t size)
{
    const uint8_t *in = from;
    int rc = 0;

    while (size) {
        struct mem_hit hit;
        size_t n;

        mem_lookup(s, at, &hit);
        n = (size_t)min_of(hit.span, (uint64_t)size);
        if (likely(hit.writable)) {
            memcpy(hit.host, in, n);
            mem_ram_written(s, hit.region, hit.offset, n);
        } else if (!hit.region || device_bytes(hit, NULL, in, n) < 0) {
            if (!hit.region)
                log_unassigned(s, at, "DMA write");
            rc = -EFAULT;
        }
        at += n;
        in += n;
        size -= n;
    }
    return rc;
}

int mem_load(struct mem_space *s, mem_pa at, const void *from, size_t size, struct err *e)
{
    const uint8_t *in = from;

    while (size) {
        struct mem_hit hit;
        size_t n;

        mem_lookup(s, at, &hit);
        n = (size_t)min_of(hit.span, (uint64_t)size);
        if (!hit.region || !hit.region->ram.size)
            return err_text(e, EFAULT,
                            "no memory at guest address %#llx to load %zu bytes into (%s)",
                            (unsigned long long)at, size, s->name);
        memcpy((uint8_t *)hit.region->ram.data + hit.offset, in, n);
        mem_ram_written(s, hit.region, hit.offset, n);
        at += n;
        in += n;
        size -= n;
    }
    return 0;
}

void *mem_dma_map(struct mem_space *s, mem_pa at, size_t *size, bool write)
{
    struct mem_hit hit;

    mem_lookup(s, at, &hit);
    if (!hit.host || (write && !hit.writable))
        return NULL;
    *size = (size_t)min_of(hit.span, (uint64_t)*size);
    return hit.host;
}
