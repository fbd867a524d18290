/* Shared by the parts of the soft TLB (tlb.c, tlb_jump.c). */
#ifndef MYNA_CORE_TLB_INT_H
#define MYNA_CORE_TLB_INT_H

#include "core/tlb.h"

/* Of an address: what takes part in flushes. The top byte may be a tag of the guest's. */
#define TLB_PAGE_OF(va) ((va) << 8 >> 8 >> MEM_PAGE_BITS)

void tlb_jumps_init(struct tlb_set *s);
void tlb_jumps_clear_local(struct tlb_set *s);
/* Takes over the other set's jumps to global code: the same regime in another address space. */
void tlb_jumps_copy_global(struct tlb_set *s, const struct tlb_set *from);
/* Code of these pages leaves; what stays is noted anew. */
void tlb_jumps_flush(struct tlb_set *s, uint64_t first, uint64_t last);
#endif
