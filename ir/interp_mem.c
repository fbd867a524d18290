/* Guest memory of the interpreter: every size, sign, byte order, alignment rule and memory order.
 *
 * Owns the meaning of memory descriptors. Accesses are single host instructions where the guest's
 * are single-copy atomic. Requires a host that allows unaligned accesses, also of locked
 * instructions up to 8 bytes (x86-64); what it does not allow counts as misaligned for the guest.
 */
#include "ir/interp_mem.h"

#include <stdatomic.h>

#include "base/attr.h"

/* Guest addresses have any alignment, and a volatile access is one instruction. */
typedef volatile uint16_t any_u16 __attribute__((aligned(1)));
typedef volatile uint32_t any_u32 __attribute__((aligned(1)));
typedef volatile uint64_t any_u64 __attribute__((aligned(1)));
typedef long long pair __attribute__((vector_size(16)));
typedef volatile pair any_pair __attribute__((aligned(1)));

static unsigned size_of(unsigned desc)
{
    return 1u << (desc & IR_M_SIZE);
}

static bool misaligned(unsigned desc, uint64_t addr)
{
    return (desc & IR_M_ALIGNED) && (addr & (size_of(desc) - 1));
}

static uint64_t swap(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

static void swap_value(union ir_val *v, unsigned size)
{
    if (size == 16) {
        uint64_t low = __builtin_bswap64(v->d[1]);

        v->d[1] = __builtin_bswap64(v->d[0]);
        v->d[0] = low;
    } else {
        v->x = swap(v->x, size);
    }
}

/* Sign, or zeros, above the low `size` bytes; an i32 keeps nothing above bit 31. */
static uint64_t extend(uint64_t v, unsigned size, unsigned desc, unsigned type)
{
    if (size < 8) {
        unsigned up = 64 - 8 * size;

        v = desc & IR_M_SIGNED ? (uint64_t)((int64_t)(v << up) >> up) : v << up >> up;
    }
    return type == IR_I32 ? (uint32_t)v : v;
}

guest_access bool interp_load(unsigned desc, unsigned type, uint64_t addr, union ir_val *r)
{
    unsigned size = size_of(desc);
    uint64_t high = 0;

    if (misaligned(desc, addr))
        return false;
    switch (desc & IR_M_SIZE) {
    case IR_M_8:
        r->x = *(volatile uint8_t *)addr;
        break;
    case IR_M_16:
        r->x = *(any_u16 *)addr;
        break;
    case IR_M_32:
        r->x = *(any_u32 *)addr;
        break;
    case IR_M_64:
        r->x = *(any_u64 *)addr;
        break;
    default: {
        pair v = *(any_pair *)addr;

        r->x = (uint64_t)v[0];
        high = (uint64_t)v[1];
    }
    }
    r->d[1] = high;
    if (desc & IR_M_BIG)
        swap_value(r, size);
    if (size < 16)
        r->x = extend(r->x, size, desc, type);
    if (desc & IR_M_ACQUIRE)
        atomic_thread_fence(memory_order_acquire);
    return true;
}

guest_access bool interp_store(unsigned desc, uint64_t addr, const union ir_val *value)
{
    union ir_val v = *value;

    if (misaligned(desc, addr))
        return false;
    if (desc & IR_M_BIG)
        swap_value(&v, size_of(desc));
    if (desc & IR_M_RELEASE)
        atomic_thread_fence(memory_order_release);
    switch (desc & IR_M_SIZE) {
    case IR_M_8:
        *(volatile uint8_t *)addr = (uint8_t)v.x;
        break;
    case IR_M_16:
        *(any_u16 *)addr = (uint16_t)v.x;
        break;
    case IR_M_32:
        *(any_u32 *)addr = v.w;
        break;
    case IR_M_64:
        *(any_u64 *)addr = v.x;
        break;
    default:
        *(any_pair *)addr = (pair){(long long)v.d[0], (long long)v.d[1]};
        break;
    }
    if (desc & IR_M_SEQCST)
        atomic_thread_fence(memory_order_seq_cst);
    return true;
}

/* Compares and swaps `size` bytes; *seen, and the result, are as memory holds them. */
guest_access static uint64_t cas_bits(uint64_t addr, unsigned size, uint64_t expected,
                                      uint64_t desired)
{
#define CAS_AS(type)                                                                            \
    {                                                                                           \
        type old = (type)expected;                                                              \
                                                                                                \
        __atomic_compare_exchange_n((type *)addr, &old, (type)desired, false, __ATOMIC_SEQ_CST, \
                                    __ATOMIC_SEQ_CST);                                          \
        return old;                                                                             \
    }
    switch (size) {
    case 1:
        CAS_AS(uint8_t)
    case 2:
        CAS_AS(uint16_t)
    case 4:
        CAS_AS(uint32_t)
    default:
        CAS_AS(uint64_t)
    }
#undef CAS_AS
}

#ifdef __x86_64__
#define WITH_CAS128 __attribute__((target("cx16")))
#else
#define WITH_CAS128
#endif

WITH_CAS128 guest_access static void
cas128(uint64_t addr, union ir_val *r, const union ir_val *expected, const union ir_val *desired)
{
    unsigned __int128 old = __sync_val_compare_and_swap(
        (unsigned __int128 *)addr, (unsigned __int128)expected->d[1] << 64 | expected->d[0],
        (unsigned __int128)desired->d[1] << 64 | desired->d[0]);

    r->d[0] = (uint64_t)old;
    r->d[1] = (uint64_t)(old >> 64);
}

guest_access bool interp_cas(unsigned desc, uint64_t addr, union ir_val *r,
                             const union ir_val *expected, const union ir_val *desired)
{
    unsigned size = size_of(desc);
    union ir_val old = *expected, new = *desired;

    if (misaligned(desc, addr) || (size == 16 && (addr & 15)))
        return false;
    if (desc & IR_M_BIG) {
        swap_value(&old, size);
        swap_value(&new, size);
    }
    if (size == 16) {
        cas128(addr, r, &old, &new);
    } else {
        r->x = cas_bits(addr, size, old.x, new.x);
        r->d[1] = 0;
    }
    if (desc & IR_M_BIG)
        swap_value(r, size);
    return true;
}

static uint64_t rmw_result(unsigned kind, uint64_t old, uint64_t v, unsigned size)
{
    unsigned up = 64 - 8 * size;
    int64_t so = (int64_t)(old << up), sv = (int64_t)(v << up);
    uint64_t uo = old << up, uv = v << up;

    switch ((enum ir_rmw)kind) {
    case IR_RMW_XCHG:
        return v;
    case IR_RMW_ADD:
        return old + v;
    case IR_RMW_AND:
        return old & v;
    case IR_RMW_OR:
        return old | v;
    case IR_RMW_XOR:
        return old ^ v;
    case IR_RMW_ANDN:
        return old & ~v;
    case IR_RMW_MINS:
        return so < sv ? old : v;
    case IR_RMW_MAXS:
        return so > sv ? old : v;
    case IR_RMW_MINU:
        return uo < uv ? old : v;
    case IR_RMW_MAXU:
        return uo > uv ? old : v;
    }
    __builtin_unreachable();
}

guest_access bool interp_rmw(unsigned desc, unsigned type, unsigned kind, uint64_t addr,
                             union ir_val *r, const union ir_val *operand)
{
    unsigned size = size_of(desc);
    union ir_val now;
    uint64_t old, seen, new;

    if (!interp_load(desc & ~(unsigned)(IR_M_BIG | IR_M_SIGNED), IR_I64, addr, &now))
        return false;
    seen = now.x;
    do {
        old = seen;
        new = rmw_result(kind, desc & IR_M_BIG ? swap(old, size) : old, operand->x, size);
        if (desc & IR_M_BIG)
            new = swap(new, size);
        seen = cas_bits(addr, size, old, new);
    } while (seen != old);
    r->x = extend(desc & IR_M_BIG ? swap(old, size) : old, size, desc, type);
    return true;
}

void interp_fence(unsigned mask)
{
    if (mask & IR_FENCE_SL)
        atomic_thread_fence(memory_order_seq_cst);
    else
        atomic_thread_fence(memory_order_acq_rel);
}
