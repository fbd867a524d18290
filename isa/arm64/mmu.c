/* Owns address translation: stage 1 and stage 2 walks, permissions, hardware updates of
 * descriptors, contexts. Arm ARM D8 (VMSAv8-64). Requires the registers of the bank; fills
 * sys->fault and never raises.
 *
 * It is on the accelerator's TLB-miss path: tables are read through a host pointer that is kept
 * from walk to walk while the memory map does not change.
 */
#include "isa/arm64/system_int.h"

/* How one stage reads its tables. */
struct stage {
    uint64_t base;    /* of the first table */
    uint8_t granule;  /* log2: 12, 14, 16 */
    uint8_t bits;     /* of input addresses */
    uint8_t level;    /* the first */
    uint8_t out_bits; /* of output addresses */
    bool ha, hd, big, hpd;
    bool two;    /* stage 1 of a regime with EL0 */
    bool second; /* stage 2 */
};

struct leaf {
    uint64_t desc, table; /* `table`: hierarchical bits, where they stand in table descriptors */
    uint64_t pa, size;
    uint8_t level;
    mem_pa at; /* of desc */
};

/* A status code that is not zero, whatever it is. */
#define FAULT(code, level) ((uint64_t)A64_FAULT_ANY | (code) | (level))

static const uint8_t pa_bits[8] = {32, 36, 40, 42, 44, 48, 48, 48};

/* ---- reading descriptors ---- */

void a64_map_changed(void *opaque)
{
    struct a64_machine *m = opaque;

    atomic_store_explicit(&m->map_changed, 1, memory_order_release);
}

/* The host address of 8 bytes of RAM, or NULL. */
static uint64_t *ram(struct cpu *c, mem_pa at, bool write)
{
    struct a64_machine *m = a64_m(c);

    if (unlikely(atomic_load_explicit(&m->map_changed, memory_order_acquire))) {
        atomic_store(&m->map_changed, 0);
        m->walk.span = 0;
    }
    if (unlikely(at - m->walk_base >= m->walk.span)) {
        mem_lookup(c->sys->mem, at, &m->walk);
        m->walk_base = at;
        if (!m->walk.host)
            m->walk.span = 0;
    }
    if (m->walk.span < 8 || at - m->walk_base > m->walk.span - 8 || (write && !m->walk.writable))
        return NULL;
    return (uint64_t *)(void *)(m->walk.host + (at - m->walk_base));
}

static bool read_desc(struct cpu *c, mem_pa at, bool big, uint64_t *desc)
{
    uint64_t *host = ram(c, at, false);

    if (likely(host))
        *desc = __atomic_load_n(host, __ATOMIC_ACQUIRE);
    else if (!mem_read(c->sys->mem, at, 8, desc))
        return false;
    if (big)
        *desc = __builtin_bswap64(*desc);
    return true;
}

/* Replaces a descriptor that still has the old value. 1 done, 0 it has changed, -1 impossible
 * there. */
static int update_desc(struct cpu *c, mem_pa at, bool big, uint64_t old, uint64_t new)
{
    uint64_t *host = ram(c, at, true);

    if (!host)
        return -1;
    if (big) {
        old = __builtin_bswap64(old);
        new = __builtin_bswap64(new);
    }
    if (!__atomic_compare_exchange_n(host, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return 0;
    mem_dma_done(c->sys->mem, host, 8);
    return 1;
}

/* ---- one stage ---- */

static bool too_big(uint64_t pa, unsigned bits)
{
    return bits < 48 && pa >> bits;
}

/* Where stage 2 puts what a stage 1 walk reads. */
static bool stage2_of_walk(struct cpu *c, uint64_t ipa, const struct a64_xlat *x, mem_pa *pa,
                           struct a64_result *r);

/* Walks the tables to a leaf. 0, a fault, or UINT64_MAX: stage 2 refused to read a table, *r says
 * it. */
static uint64_t descend(struct cpu *c, const struct stage *st, uint64_t in,
                        const struct a64_xlat *x, struct leaf *leaf, struct a64_result *r)
{
    unsigned stride = st->granule - 3u, level = st->level,
             shift = st->granule + (3 - level) * stride;
    uint64_t base = st->base, index = bits_extract64(in, shift, st->bits - shift);

    leaf->table = 0;
    for (;; level++) {
        mem_pa at = base + index * 8;
        uint64_t desc;

        leaf->level = (uint8_t)level;
        if (!st->second && x->stage2 && !stage2_of_walk(c, at, x, &at, r))
            return UINT64_MAX;
        if (!read_desc(c, at, st->big, &desc))
            return FAULT(A64_FSC_EXTERNAL_WALK, level);
        if (!(desc & 1) || (level == 3 && !(desc & 2)))
            return FAULT(A64_FSC_TRANSLATION, level);
        if (level == 3 || !(desc & 2)) {
            if (level < 3 && (level == 0 || (level == 1 && st->granule != 12)))
                return FAULT(A64_FSC_TRANSLATION, level);
            leaf->desc = desc;
            leaf->at = at;
            leaf->size = UINT64_C(1) << shift;
            leaf->pa = desc & bits_mask64(48) & ~(leaf->size - 1);
            return too_big(leaf->pa, st->out_bits) ? FAULT(A64_FSC_SIZE, level) : 0;
        }
        if (!st->hpd)
            leaf->table |= desc & (UINT64_C(0x1f) << 59);
        base = desc & bits_mask64(48) & ~bits_mask64(st->granule);
        if (too_big(base, st->out_bits))
            return FAULT(A64_FSC_SIZE, level);
        shift -= stride;
        index = bits_extract64(in, shift, stride);
    }
}

#define AF  (UINT64_C(1) << 10)
#define DBM (UINT64_C(1) << 51)
#define AP2 (UINT64_C(1) << 7) /* stage 1: read-only; stage 2: writable */

/* The updates that hardware makes: access flag, and for a write the dirty state. 0; a fault; or -1:
 * walk again. */
static int64_t touch(struct cpu *c, const struct stage *st, const struct a64_xlat *x,
                     struct leaf *leaf)
{
    uint64_t new = leaf->desc;
    int done;

    if (!(new &AF)) {
        if (!st->ha && !x->probe)
            return FAULT(A64_FSC_ACCESS, leaf->level);
        new |= AF;
    }
    if (st->hd && (new &DBM) && x->access == CPU_WRITE && !x->at)
        new = st->second ? new | AP2 : new & ~AP2;
    if (new == leaf->desc || x->probe || x->at) {
        leaf->desc = new;
        return 0;
    }
    done = update_desc(c, leaf->at, st->big, leaf->desc, new);
    if (done < 0)
        return FAULT(A64_FSC_EXTERNAL_WALK, leaf->level);
    leaf->desc = new;
    return done ? 0 : -1;
}

/* ---- stage 2 ---- */

static bool stage2_setup(const struct cpu *c, struct stage *st)
{
    static const uint8_t granules[4] = {12, 16, 14, 0};
    const uint64_t *r = a64_cs(c)->r;
    uint64_t vtcr = r[A64_R_VTCR_EL2];
    unsigned sl0 = vtcr >> 6 & 3, t0sz = vtcr & 63;
    int level, shift;

    *st = (struct stage){.second = true};
    st->granule = granules[vtcr >> 14 & 3];
    if (!st->granule || t0sz < 16 || t0sz > 39)
        return false;
    st->bits = (uint8_t)(64 - t0sz);
    level = st->granule == 12 ? 2 - (int)sl0 : 3 - (int)sl0;
    if (level < 0 || level > 3)
        return false;
    st->level = (uint8_t)level;
    st->out_bits = pa_bits[min_of(vtcr >> 16 & 7, a64_m(c)->model->mmfr0 & 15)];
    shift = st->granule + (3 - level) * (st->granule - 3);
    /* At most sixteen tables side by side, and at least one entry. */
    if (st->bits <= shift || st->bits - shift > st->granule - 3 + 4)
        return false;
    st->ha = (vtcr >> 21 & 1) && (a64_m(c)->model->mmfr1 & 15);
    st->hd = (vtcr >> 22 & 1) && (a64_m(c)->model->mmfr1 & 15) >= 2;
    st->big = (r[A64_R_SCTLR_EL2] & A64_SCTLR_EE) != 0;
    st->base =
        r[A64_R_VTTBR_EL2] & bits_mask64(48) & ~bits_mask64((unsigned)(st->bits - shift + 3));
    return true;
}

static uint8_t stage2_prot(const struct cpu *c, uint64_t desc, bool user)
{
    uint8_t prot = (uint8_t)((desc >> 6 & 1) << CPU_READ | (desc >> 7 & 1) << CPU_WRITE);
    unsigned xn = desc >> 53 & 3;
    bool may = !(xn & 2);

    if (a64_m(c)->model->mmfr1 >> 28 & 15) /* XNX: 1 only EL0, 3 only EL1 */
        may = xn == 0 || (xn == 1 && user) || (xn == 3 && !user);
    return may ? prot | 1 << CPU_FETCH : prot;
}

struct stage2 {
    uint64_t pa, size;
    uint8_t prot, level, attr; /* attr: MemAttr */
    uint8_t sh;
};

/* IPA to PA. The fault's status code, or 0. */
static uint64_t stage2(struct cpu *c, uint64_t ipa, const struct a64_xlat *x, struct stage2 *out)
{
    struct stage st;
    struct leaf leaf;
    uint64_t fault;
    int64_t t;

    if (!stage2_setup(c, &st))
        return FAULT(A64_FSC_TRANSLATION, 0);
    if (ipa >> st.bits)
        return FAULT(A64_FSC_TRANSLATION, 0);
    do {
        fault = descend(c, &st, ipa, x, &leaf, NULL);
        if (fault)
            return fault;
        if (!(leaf.desc & AF) && !st.ha && !x->probe)
            return FAULT(A64_FSC_ACCESS, leaf.level);
        out->prot = stage2_prot(
            c, leaf.desc | (st.hd && (leaf.desc & DBM) && x->access == CPU_WRITE ? AP2 : 0),
            x->user);
        if (!(out->prot >> x->access & 1))
            return FAULT(A64_FSC_PERMISSION, leaf.level);
        t = touch(c, &st, x, &leaf);
    } while (t < 0);
    if (t)
        return (uint64_t)t;
    out->pa = leaf.pa | (ipa & (leaf.size - 1));
    out->size = leaf.size;
    out->level = leaf.level;
    out->attr = leaf.desc >> 2 & 15;
    out->sh = leaf.desc >> 8 & 3;
    return 0;
}

static bool stage2_of_walk(struct cpu *c, uint64_t ipa, const struct a64_xlat *x, mem_pa *pa,
                           struct a64_result *r)
{
    struct a64_xlat read = *x;
    struct stage2 s2;
    uint64_t fault;

    read.access = CPU_READ;
    fault = stage2(c, ipa, &read, &s2);
    if (!fault && (a64_hcr(c) & A64_HCR_PTW) && !(s2.attr >> 2)) /* tables in device memory */
        fault = FAULT(A64_FSC_PERMISSION, s2.level);
    if (fault) {
        r->fault = fault | A64_FAULT_STAGE2 | A64_FAULT_S1PTW;
        r->ipa = ipa;
        return false;
    }
    *pa = s2.pa;
    return true;
}

/* ---- stage 1 ---- */

/* Fills *st for this address. 0, or the status code of the fault. */
static uint64_t stage1_setup(const struct cpu *c, uint64_t va, const struct a64_xlat *x,
                             struct stage *st)
{
    static const uint8_t tg0[4] = {12, 16, 14, 12}, tg1[4] = {12, 14, 12, 16};
    const uint64_t *r = a64_cs(c)->r;
    const struct a64_model *m = a64_m(c)->model;
    uint64_t tcr = x->regime == 1   ? r[A64_R_TCR_EL1]
                   : x->regime == 2 ? r[A64_R_TCR_EL2]
                                    : r[A64_R_TCR_EL3],
             ttbr;
    bool high = va >> 55 & 1, tbi, epd = false, tbid;
    unsigned size, ps, top, shift;

    *st = (struct stage){.two = x->regime == 1 ||
                                (x->regime == 2 && (r[A64_R_HCR_EL2] & A64_HCR_E2H))};
    if (st->two) {
        size = high ? tcr >> 16 & 63 : tcr & 63;
        st->granule = high ? tg1[tcr >> 30 & 3] : tg0[tcr >> 14 & 3];
        tbi = tcr >> (high ? 38 : 37) & 1;
        tbid = tcr >> (high ? 52 : 51) & 1;
        epd = tcr >> (high ? 23 : 7) & 1;
        if (x->user && m->mmfr2 >> 60 && (tcr >> (high ? 56 : 55) & 1))
            epd = true;
        ps = tcr >> 32 & 7;
        st->ha = tcr >> 39 & 1;
        st->hd = tcr >> 40 & 1;
        st->hpd = tcr >> (high ? 42 : 41) & 1;
        ttbr = x->regime == 1 ? r[high ? A64_R_TTBR1_EL1 : A64_R_TTBR0_EL1]
                              : r[high ? A64_R_TTBR1_EL2 : A64_R_TTBR0_EL2];
    } else {
        size = tcr & 63;
        st->granule = tg0[tcr >> 14 & 3];
        ps = tcr >> 16 & 7;
        tbi = tcr >> 20 & 1;
        tbid = tcr >> 29 & 1;
        st->ha = tcr >> 21 & 1;
        st->hd = tcr >> 22 & 1;
        st->hpd = tcr >> 24 & 1;
        ttbr = r[x->regime == 2 ? A64_R_TTBR0_EL2 : A64_R_TTBR0_EL3];
        high = false;
    }
    if (tbi && x->access == CPU_FETCH && tbid && m->pauth)
        tbi = false;
    st->ha &= (m->mmfr1 & 15) >= 1;
    st->hd &= st->ha && (m->mmfr1 & 15) >= 2;
    st->hpd &= (m->mmfr1 >> 12 & 15) >= 1;
    if (epd || size > (m->mmfr2 >> 28 & 15 ? 48u : 39u))
        return FAULT(A64_FSC_TRANSLATION, 0);
    size = max_of(size, 16u);
    st->bits = (uint8_t)(64 - size);
    /* The bits above are all like bit 55, or zero. */
    top = tbi ? 56 : 64;
    if (bits_extract64(va, st->bits, top - st->bits) != (high ? bits_mask64(top - st->bits) : 0))
        return FAULT(A64_FSC_TRANSLATION, 0);
    st->out_bits = pa_bits[min_of(ps, (unsigned)(m->mmfr0 & 15))];
    st->big = (a64_sctlr(c, x->regime) & A64_SCTLR_EE) != 0;
    if (st->bits <= st->granule)
        return FAULT(A64_FSC_TRANSLATION, 0);
    st->level = (uint8_t)(4 - (st->bits - 4) / (st->granule - 3)); /* as many as needed */
    shift = st->granule + (3u - st->level) * (st->granule - 3u);
    st->base = ttbr & bits_mask64(48) & ~bits_mask64(st->bits - shift + 3);
    return too_big(st->base, st->out_bits) ? FAULT(A64_FSC_SIZE, 0) : 0;
}

/* What the descriptors allow, before PAN. */
static uint8_t stage1_prot(const struct cpu *c, const struct stage *st, const struct a64_xlat *x,
                           uint64_t desc, uint64_t table)
{
    uint64_t sctlr = a64_sctlr(c, x->regime);
    bool read_only = (desc & AP2) || (table >> 62 & 1),
         user = (desc >> 6 & 1) && !(table >> 61 & 1);
    bool uxn = (desc >> 54 & 1) || (table >> 60 & 1), pxn = (desc >> 53 & 1) || (table >> 59 & 1);
    bool r = true, w = !read_only, e;

    if (!st->two) {
        e = !uxn;
    } else if (x->user) {
        r = user;
        w = user && !read_only;
        e = !uxn;
    } else {
        e = !pxn && !(user && !read_only);
        if (x->pan && (user || ((sctlr & A64_SCTLR_EPAN) &&
                                (a64_m(c)->model->mmfr1 >> 20 & 15) >= 3 && !uxn)))
            r = w = false;
        if ((sctlr & A64_SCTLR_WXN) && !read_only)
            e = false;
    }
    if ((sctlr & A64_SCTLR_WXN) && w)
        e = false;
    return (uint8_t)(r << CPU_READ | w << CPU_WRITE | e << CPU_FETCH);
}

static bool stage1_on(const struct cpu *c, unsigned regime)
{
    if (regime == 1 && (a64_hcr(c) & (A64_HCR_DC | A64_HCR_TGE)))
        return false;
    return a64_sctlr(c, regime) & A64_SCTLR_M;
}

/* Translation is off: the address goes through. D8.2.10. */
static uint64_t flat(const struct cpu *c, uint64_t va, const struct a64_xlat *x,
                     struct a64_result *r)
{
    const uint64_t *reg = a64_cs(c)->r;
    uint64_t tcr = x->regime == 1   ? reg[A64_R_TCR_EL1]
                   : x->regime == 2 ? reg[A64_R_TCR_EL2]
                                    : reg[A64_R_TCR_EL3];
    bool two = x->regime == 1 || (x->regime == 2 && (reg[A64_R_HCR_EL2] & A64_HCR_E2H));
    bool tbi = two ? tcr >> (va >> 55 & 1 ? 38 : 37) & 1 : tcr >> 20 & 1;
    bool dc = x->regime == 1 && (a64_hcr(c) & A64_HCR_DC);

    if (tbi)
        va &= bits_mask64(56);
    if (va >> pa_bits[min_of(a64_m(c)->model->mmfr0 & 15, UINT64_C(7))])
        return FAULT(A64_FSC_SIZE, 0);
    r->page = (struct cpu_page){.pa = va, .size = 4096, .global = true};
    r->page.prot = 1 << CPU_READ | 1 << CPU_WRITE | 1 << CPU_FETCH;
    r->page.device = !dc;
    r->attr = dc ? 0xff : 0x00;
    r->shareability = dc ? 0 : 2;
    return 0;
}

static uint64_t stage1(struct cpu *c, uint64_t va, const struct a64_xlat *x, struct a64_result *r)
{
    const uint64_t *reg = a64_cs(c)->r;
    struct stage st;
    struct leaf leaf;
    uint64_t fault, mair;
    int64_t t;

    fault = stage1_setup(c, va, x, &st);
    if (fault)
        return fault;
    do {
        uint64_t desc;

        fault = descend(c, &st, va, x, &leaf, r);
        if (fault)
            return fault;
        if (!(leaf.desc & AF) && !st.ha && !x->probe)
            return FAULT(A64_FSC_ACCESS, leaf.level);
        desc = leaf.desc;
        if (st.hd && (desc & DBM) && x->access == CPU_WRITE)
            desc &= ~AP2;
        r->page.prot = stage1_prot(c, &st, x, desc, leaf.table);
        if (!(r->page.prot >> x->access & 1))
            return FAULT(A64_FSC_PERMISSION, leaf.level);
        t = touch(c, &st, x, &leaf);
    } while (t < 0);
    if (t)
        return (uint64_t)t;
    mair = x->regime == 1   ? reg[A64_R_MAIR_EL1]
           : x->regime == 2 ? reg[A64_R_MAIR_EL2]
                            : reg[A64_R_MAIR_EL3];
    r->attr = (uint8_t)(mair >> (leaf.desc >> 2 & 7) * 8);
    r->shareability = leaf.desc >> 8 & 3;
    r->page.pa = leaf.pa | (va & (leaf.size - 1));
    r->page.size = leaf.size;
    r->page.global = !st.two || !(leaf.desc >> 11 & 1);
    r->page.device = (r->attr & 0xf0) == 0;
    r->page.no_cache = false;
    return 0;
}

bool a64_walk(struct cpu *c, uint64_t va, const struct a64_xlat *x, struct a64_result *r)
{
    struct stage2 s2;

    r->ipa = 0;
    r->fault = 0;
    r->page = (struct cpu_page){0};
    if (stage1_on(c, x->regime)) {
        uint64_t fault = stage1(c, va, x, r);

        if (fault) {
            if (fault != UINT64_MAX) /* else stage 2 of the walk has filled it */
                r->fault = fault;
            return false;
        }
    } else {
        uint64_t fault = flat(c, va, x, r);

        if (fault) {
            r->fault = fault;
            return false;
        }
    }
    if (!x->stage2)
        return true;
    r->ipa = r->page.pa;
    r->fault = stage2(c, r->ipa, x, &s2);
    if (r->fault) {
        r->fault |= A64_FAULT_STAGE2;
        return false;
    }
    r->page.pa = s2.pa;
    r->page.size = min_of(r->page.size, s2.size);
    r->page.prot &= s2.prot;
    if (!(s2.attr >> 2)) { /* device wins */
        r->page.device = true;
        r->attr = (uint8_t)(s2.attr << 2);
    }
    r->shareability = max_of(r->shareability, s2.sh);
    return true;
}

/* ---- the accelerator's calls ---- */

static bool stage2_on(const struct cpu *c)
{
    return (a64_hcr(c) & (A64_HCR_VM | A64_HCR_DC)) != 0 && !(a64_hcr(c) & A64_HCR_TGE);
}

/* Is an access "as the unprivileged level" one by the present level? */
static bool as_user(const struct cpu *c)
{
    const struct arm64_state *s = a64_cs(c);

    if (s->el == 0)
        return true;
    if (s->uao)
        return false;
    return s->el == 1 || (s->el == 2 && a64_host(c));
}

static void xlat_of(const struct cpu *c, enum cpu_access access, bool user, struct a64_xlat *x)
{
    const struct arm64_state *s = a64_cs(c);

    *x = (struct a64_xlat){.access = access};
    x->regime = a64_regime_el(c, s->el);
    x->user = s->el == 0 || (user && as_user(c));
    x->pan = !x->user && s->pan && access != CPU_FETCH;
    x->stage2 = x->regime == 1 && stage2_on(c);
}

bool a64_translate(struct cpu *c, uint64_t va, enum cpu_access access, bool user, bool probe,
                   struct cpu_page *out)
{
    struct a64_xlat x;
    struct a64_result r;

    if (access == CPU_FETCH && (va & 3)) {
        if (!probe) {
            c->sys->fault[0] = A64_FAULT_PC;
            c->sys->fault[1] = va;
            c->sys->fault[3] = access;
        }
        return false;
    }
    xlat_of(c, access, user, &x);
    x.probe = probe;
    if (a64_walk(c, va, &x, &r)) {
        /* Maintenance names addresses without a tag: what is found under one is not kept. */
        r.page.no_cache = va >> 56 != (va >> 55 & 1 ? 0xff : 0);
        *out = r.page;
        return true;
    }
    if (!probe) {
        c->sys->fault[0] = r.fault;
        c->sys->fault[1] = va;
        c->sys->fault[2] = r.ipa;
        c->sys->fault[3] = access;
    }
    return false;
}

bool a64_bus_error(struct cpu *c, uint64_t va, uint64_t pa, enum cpu_access access)
{
    (void)pa;
    c->sys->fault[0] = A64_FSC_EXTERNAL;
    c->sys->fault[1] = va;
    c->sys->fault[2] = 0;
    c->sys->fault[3] = access;
    return true;
}

static uint64_t context(const struct cpu *c, bool user)
{
    const struct arm64_state *s = a64_cs(c);
    const uint64_t *r = s->r;
    struct a64_xlat x;
    uint64_t ctx, tcr = 0, asid = 0;
    bool two;

    xlat_of(c, CPU_READ, user, &x);
    two = x.regime == 1 || (x.regime == 2 && (r[A64_R_HCR_EL2] & A64_HCR_E2H));
    ctx = x.regime == 2 && two ? 0 : x.regime;
    if (two) {
        tcr = r[x.regime == 1 ? A64_R_TCR_EL1 : A64_R_TCR_EL2];
        if (tcr >> 22 & 1)
            asid = r[x.regime == 1 ? A64_R_TTBR1_EL1 : A64_R_TTBR1_EL2] >> 48;
        else
            asid = r[x.regime == 1 ? A64_R_TTBR0_EL1 : A64_R_TTBR0_EL2] >> 48;
        if (!(tcr >> 36 & 1))
            asid &= 0xff;
        ctx |= asid << 16;
    }
    ctx |= x.user && two ? A64_CTX_USER : 0;
    ctx |= x.pan && two ? A64_CTX_PAN : 0;
    ctx |= stage1_on(c, x.regime) ? A64_CTX_MMU : 0;
    ctx |= x.stage2 ? A64_CTX_STAGE2 : 0;
    ctx |= x.regime != 3 && a64_secure(c) ? A64_CTX_SECURE : 0;
    if (x.regime == 1 && a64_el2_on(c)) {
        uint64_t vmid = r[A64_R_VTTBR_EL2] >> 48;

        ctx |= (r[A64_R_VTCR_EL2] >> 19 & 1 ? vmid : vmid & 0xff) << 32;
    }
    return ctx;
}

void a64_contexts(const struct cpu *c, uint64_t ctx[2])
{
    ctx[0] = context(c, false);
    ctx[1] = as_user(c) ? context(c, true) : ctx[0];
}
