/*
 * Internet checksums (RFC 1071). Pure functions.
 */
#include "base/mem.h"
#include "net/net_int.h"

uint16_t net_csum(const void *data, size_t size, uint32_t sum)
{
    const uint8_t *p = data;
    uint64_t lo = 0, hi = 0;

    /* The sum does not care for byte order but in its last step: words as the host has them. */
    for (; size >= 8; size -= 8, p += 8) {
        uint64_t w = mem_ld64le(p);

        lo += (uint32_t)w;
        hi += w >> 32;
    }
    if (size >= 4) {
        lo += mem_ld32le(p);
        p += 4;
        size -= 4;
    }
    if (size >= 2) {
        lo += mem_ld16le(p);
        p += 2;
        size -= 2;
    }
    if (size)
        lo += *p;
    lo = (lo & 0xffffffff) + (lo >> 32) + (hi & 0xffffffff) + (hi >> 32);
    lo = (lo & 0xffff) + (lo >> 16 & 0xffff) + (lo >> 32);
    lo = (lo & 0xffff) + (lo >> 16);
    lo = (lo & 0xffff) + (lo >> 16);
    sum += __builtin_bswap16((uint16_t)lo);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

void net_finish_csum(uint8_t *frame, size_t size, const struct net_meta *meta)
{
    size_t at = (size_t)meta->csum_start + meta->csum_offset;
    uint16_t sum;

    if (!(meta->flags & NET_NEEDS_CSUM) || at + 2 > size || meta->csum_start > size)
        return;
    /* The field holds the pseudo header's sum. */
    sum = (uint16_t)~net_csum(frame + meta->csum_start, size - meta->csum_start, 0);
    /* UDP's "none" is the other zero (RFC 768); TCP does not mind. */
    mem_st16be(frame + at, sum ? sum : 0xffff);
}
