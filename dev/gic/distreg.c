/*
 * GIC registers that are arrays by interrupt: groups, enables, pending, active, priorities,
 * configuration. They are the same in GICv2's GICD (IHI 0048B 4.3), GICv3's GICD and the SGI frame
 * of a redistributor (IHI 0069 12.9, 12.11), which holds word 0 alone. Also the identification
 * registers.
 *
 * In a system with two security states the non-secure side sees its Group 1 interrupts only, and
 * their priorities as the lower half of the range (IHI 0048B 3.8, IHI 0069 4.8).
 */
#include "dev/gic/gic_int.h"

enum {
    IGROUPR = 0x080,
    ISENABLER = 0x100,
    ICENABLER = 0x180,
    ISPENDR = 0x200,
    ICPENDR = 0x280,
    ISACTIVER = 0x300,
    ICACTIVER = 0x380,
    IPRIORITYR = 0x400,
    IPRIORITYR_END = 0x800,
    ICFGR = 0xc00,
    IGRPMODR = 0xd00,
    IGRPMODR_END = 0xd80,
};

uint8_t gic_priority_view(uint8_t priority, bool ns)
{
    if (!ns)
        return priority;
    return priority & 0x80 ? (uint8_t)(priority << 1) : 0;
}

uint8_t gic_priority_store(uint8_t value, bool ns)
{
    return (uint8_t)(ns ? value >> 1 | 0x80 : value) & GIC_PRIORITY_MASK;
}

static struct gic_bits *word_of(struct gic_cpu *c, unsigned word)
{
    return word ? &c->gic->spi[word] : &c->priv;
}

/* Interrupts that exist and that this side may see. */
static uint32_t visible(const struct gic_bits *b, bool ns)
{
    return ns ? b->group : ~0u;
}

static uint32_t config_half(uint32_t edge)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 16; i++)
        value |= (edge >> i & 1) << (2 * i + 1);
    return value;
}

static uint32_t config_edge(uint32_t value)
{
    uint32_t edge = 0;

    for (unsigned i = 0; i < 16; i++)
        edge |= (value >> (2 * i + 1) & 1) << i;
    return edge;
}

static uint32_t read_priorities(struct gic_cpu *c, unsigned id, bool ns)
{
    const struct gic_bits *b = gic_bits(c, id);
    uint32_t value = 0;

    for (unsigned i = 0; i < 4 && gic_exists(c->gic, id + i); i++)
        if (visible(b, ns) >> (id + i) % 32 & 1)
            value |= (uint32_t)gic_priority_view(*gic_priority(c, id + i), ns) << 8 * i;
    return value;
}

static void write_priorities(struct gic_cpu *c, unsigned id, uint32_t value, unsigned count,
                             bool ns)
{
    const struct gic_bits *b = gic_bits(c, id);

    for (unsigned i = 0; i < count && gic_exists(c->gic, id + i); i++)
        if (visible(b, ns) >> (id + i) % 32 & 1) {
            *gic_priority(c, id + i) = gic_priority_store((uint8_t)(value >> 8 * i), ns);
            gic_refresh(c, id + i);
        }
}

bool gic_array_read(struct gic_cpu *c, uint32_t offset, unsigned first, unsigned words, bool ns,
                    uint32_t *value)
{
    unsigned word = offset % 0x80 / 4;
    const struct gic_bits *b;

    *value = 0;
    if (offset >= IPRIORITYR && offset < IPRIORITYR_END) {
        word = (offset - IPRIORITYR) / 32;
        if (word >= first && word < words)
            *value = read_priorities(c, (offset - IPRIORITYR) & ~3u, ns);
        return true;
    }
    if (offset >= ICFGR && offset < IGRPMODR) {
        word = (offset - ICFGR) / 8;
        if (word >= first && word < words) {
            b = word_of(c, word);
            *value = config_half((b->edge & visible(b, ns)) >> (offset & 4 ? 16 : 0));
        }
        return true;
    }
    if (offset < IGROUPR || (offset >= IPRIORITYR && offset < IGRPMODR) || offset >= IGRPMODR_END)
        return false;
    if (word < first || word >= words)
        return true;
    b = word_of(c, word);
    switch (offset & ~0x7fu) {
    case IGROUPR:
        *value = ns ? 0 : b->group;
        break;
    case ISENABLER:
    case ICENABLER:
        *value = b->enabled & visible(b, ns);
        break;
    case ISPENDR:
    case ICPENDR:
        *value = gic_pending_in(b) & visible(b, ns);
        break;
    case ISACTIVER:
    case ICACTIVER:
        *value = b->active & visible(b, ns);
        break;
    case IGRPMODR:
        *value = ns ? 0 : b->modifier;
        break;
    }
    return true;
}

static void write_config(struct gic_cpu *c, unsigned word, uint32_t offset, uint32_t value, bool ns)
{
    struct gic_bits *b = word_of(c, word);
    unsigned shift = offset & 4 ? 16 : 0;
    uint32_t mask = 0xffffu << shift & visible(b, ns);

    if (!word)
        mask &= 0xffff0000; /* SGIs are always edge-triggered */
    b->edge = (b->edge & ~mask) | (config_edge(value) << shift & mask);
    gic_refresh_bits(c, word, mask);
}

/* SGIs of a GICv2 are made pending with their source, by SPENDSGIR, and cannot be disabled. */
static uint32_t sgi_filter(const struct gic_cpu *c, unsigned word, uint32_t bits)
{
    return !word && c->gic->version == 2 ? bits & 0xffff0000 : bits;
}

bool gic_array_write(struct gic_cpu *c, uint32_t offset, unsigned first, unsigned words, bool ns,
                     uint32_t value, unsigned size)
{
    unsigned word = offset % 0x80 / 4;
    struct gic_bits *b;
    uint32_t bits;

    if (offset >= IPRIORITYR && offset < IPRIORITYR_END) {
        word = (offset - IPRIORITYR) / 32;
        if (word >= first && word < words)
            write_priorities(c, offset - IPRIORITYR, value, size, ns);
        return true;
    }
    if (offset < IGROUPR || offset >= IGRPMODR_END || (offset >= IPRIORITYR && offset < ICFGR))
        return false;
    if (size != 4)
        return true; /* narrow accesses are for priorities and targets (IHI 0048B 4.1.4) */
    if (offset >= ICFGR && offset < IGRPMODR) {
        word = (offset - ICFGR) / 8;
        if (word >= first && word < words)
            write_config(c, word, offset, value, ns);
        return true;
    }
    if (word < first || word >= words)
        return true;
    b = word_of(c, word);
    bits = value & visible(b, ns);
    switch (offset & ~0x7fu) {
    case IGROUPR:
        if (ns)
            return true;
        b->group = value;
        bits = ~0u;
        break;
    case ISENABLER:
        b->enabled |= bits;
        break;
    case ICENABLER:
        b->enabled &= ~sgi_filter(c, word, bits);
        break;
    case ISPENDR:
        b->pending |= sgi_filter(c, word, bits);
        break;
    case ICPENDR:
        b->pending &= ~sgi_filter(c, word, bits);
        break;
    case ISACTIVER:
        b->active |= bits;
        break;
    case ICACTIVER:
        b->active &= ~bits;
        break;
    case IGRPMODR:
        if (ns || !gic_two_states(c->gic))
            return true;
        b->modifier = value;
        bits = ~0u;
        break;
    }
    gic_refresh_bits(c, word, bits);
    return true;
}

uint32_t gic_id_register(uint32_t offset, unsigned version)
{
    /* PIDR4..7, PIDR0..3, CIDR0..3; PIDR2 tells the architecture (IHI 0048B 4.1.6). */
    static const uint8_t id[12] = {0x04, 0, 0, 0, 0x90, 0xb4, 0x0b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    unsigned i = (offset - 0xfd0) / 4;

    if (i == 6)
        return version << 4 | 0xb;
    return i < 12 ? id[i] : 0;
}
