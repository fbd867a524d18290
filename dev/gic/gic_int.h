/*
 * What the files of the GIC share. One struct serves GICv2 and GICv3: interrupts' state, priorities
 * and the logic of a cpu interface are the same, registers differ.
 *
 *   dist.c     state of interrupts, the best one of each cpu, its lines; acknowledge and end
 *   life.c     wiring, reset, the table of state
 *   distreg.c  registers that are arrays by interrupt: in GICD and in a redistributor
 *   virt.c     list registers and the virtual cpu interface
 *   v2.c, v2cpu.c, v2virt.c       GICv2: class and GICD; GICC; GICH and GICV
 *   v3.c, v3redist.c, v3cpu.c     GICv3: class and GICD; GICR; ICC_ and ICH_ system registers
 *   lpi.c      LPIs of a redistributor
 *   v2m.c, its*.c                 message frames
 *
 * Threads: everything here is called with gic->dev.lock held, unless it says otherwise.
 *
 * Priorities are kept as the secure side sees them, 5 bits at the top of a byte; smaller is more
 * urgent.
 */
#ifndef MYNA_DEV_GIC_INT_H
#define MYNA_DEV_GIC_INT_H

#include "base/bits.h"
#include "dev/gic.h"

enum {
    GIC_WORDS = 32, /* of 32 interrupts each */
    GIC_INTIDS = 1020,
    GIC_SPURIOUS = 1023,
    GIC_PRIORITY_BITS = 5,
    GIC_PRIORITY_MASK = 0xf8,
    GIC_IDLE = 0xff, /* running priority without active interrupt */
    GIC_BPR0_MIN = 7 - GIC_PRIORITY_BITS,
    GIC_LRS = 4,
    GIC_LPI_FIRST = 8192,
    GIC_LPI_END = 65536,
    GIC_LPI_WORDS = (GIC_LPI_END - GIC_LPI_FIRST) / 64,
    GIC_NO_CPU = 0xffff,
    GIC_V2_CPUS = 8,
};

/* Group 0; Group 1 of the secure and of the non-secure state. With one security state, and in a
 * GICv2, Group 1 is GIC_G1NS. */
enum gic_group { GIC_G0, GIC_G1S, GIC_G1NS, GIC_GROUPS };

/* 32 interrupts, a bit each. */
struct gic_bits {
    uint32_t group, modifier; /* IGROUPR, IGRPMODR */
    uint32_t enabled;
    uint32_t pending; /* latched: by an edge or by software */
    uint32_t level;   /* of the input */
    uint32_t edge;    /* configured edge-triggered */
    uint32_t active;
};

/* A cpu interface: priorities. */
struct gic_iface {
    uint8_t pmr;
    uint8_t bpr[GIC_GROUPS];
    uint8_t enabled;          /* 1 << group */
    bool cbpr[2];             /* [non-secure] */
    bool eoimode[3];          /* secure (GICv2 without security: all), non-secure, EL3 */
    uint32_t apr[GIC_GROUPS]; /* active priorities, bit = priority >> 3 */
};

/* The virtual interface that a hypervisor programs; fields as ICH_*_EL2 (IHI 0069, 12.4). */
struct gic_virt {
    uint32_t hcr;
    uint32_t vmcr;
    uint64_t lr[GIC_LRS];
    uint32_t apr[2]; /* Group 0, Group 1 */
};

/* Pending LPIs of one cpu. Allocated when the controller has LPIs. */
struct gic_lpis {
    uint64_t *pending;                       /* GIC_LPI_WORDS of gic->lpi_pending */
    uint64_t ready[GIC_LPI_WORDS];           /* pending and enabled */
    uint64_t sum[(GIC_LPI_WORDS + 63) / 64]; /* words of ready that are not 0 */
    uint32_t count[1 << GIC_PRIORITY_BITS];  /* ready ones of each priority */
    uint32_t levels;                         /* priorities with a count */
};

struct gic;

struct gic_cpu {
    struct gic *gic;
    struct cpu *cpu;
    uint32_t index;
    uint64_t affinity;
    struct gic_bits priv;
    uint8_t priority[32];
    uint8_t sgi_source[16]; /* GICv2: which cpus sent it */
    struct gic_iface iface;
    struct gic_virt virt;

    /* GICv3 redistributor */
    uint32_t waker;
    uint32_t redist_ctlr;
    uint64_t propbaser, pendbaser;
    struct gic_lpis *lpis;
    bool last_of_region;
    uint32_t v2_ctlr_fiq; /* GICv2: GICC_CTLR bits that only say where interrupts go: FIQEn, AckCtl,
                             bypass */

    /* Derived. */
    uint32_t target[GIC_WORDS]; /* SPIs that go here */
    uint32_t ready[GIC_WORDS];  /* enabled, pending, not active, group on, and for this cpu */
    uint32_t ready_sum;         /* words of ready that are not 0 */
    uint32_t best;              /* INTID or GIC_SPURIOUS */
    uint16_t best_priority;     /* 0x100: none */
    uint8_t best_group;
    uint8_t lines;    /* as driven: 1 irq, 2 fiq, 4 virq, 8 vfiq */
    bool secure, el3; /* two security states: as gic_cpu_changed() last saw it */
};

enum { GIC_LINE_IRQ = 1, GIC_LINE_FIQ = 2, GIC_LINE_VIRQ = 4, GIC_LINE_VFIQ = 8 };

struct gic {
    struct dev dev;
    /* properties */
    uint32_t num_irq;
    bool has_security, has_virtualization, has_lpi, reset_nonsecure;

    struct gic_wiring wiring;
    struct cpu **wired;
    uint64_t *affinities;
    uint8_t version; /* 2 or 3 */
    uint32_t ncpus;
    struct gic_cpu *cpus;
    uint32_t words; /* of interrupts that exist */
    struct mem_region *dist, *cpuif, *hyp, *vcpu, *redist[GIC_REDIST_REGIONS];
    struct gic_frame *frames; /* argument of each redistributor region */

    bool ds;                        /* GICD_CTLR.DS: one security state */
    uint8_t groups;                 /* 1 << group that the distributor forwards */
    struct gic_bits spi[GIC_WORDS]; /* [0] unused */
    uint8_t priority[GIC_WORDS * 32];
    uint8_t targets[GIC_WORDS * 32];    /* GICv2: ITARGETSR */
    uint64_t route_reg[GIC_WORDS * 32]; /* GICv3: IROUTER */
    uint16_t route[GIC_WORDS * 32];     /* its cpu */
    uint64_t *lpi_pending;              /* GIC_LPI_WORDS a cpu */
    uint32_t lpi_words;                 /* of all cpus; 0: none */
    uint8_t *lpi_config;                /* configuration bytes as read from memory; 0: not yet */
    uint32_t lpi_configs;               /* GIC_LPI_END - GIC_LPI_FIRST, or 0 */
};

/* In the property table of each version. */
#define GIC_PROPS                                                                         \
    {.name = "num-irq",                                                                   \
     .type = PROP_U32,                                                                    \
     .offset = offsetof(struct gic, num_irq),                                             \
     .def = 288,                                                                          \
     .min = 32,                                                                           \
     .max = 1020,                                                                         \
     .help = "interrupts, private ones included"},                                        \
        {.name = "has-security",                                                          \
         .type = PROP_BOOL,                                                               \
         .offset = offsetof(struct gic, has_security),                                    \
         .help = "two security states"},                                                  \
        {.name = "reset-nonsecure",                                                       \
         .type = PROP_BOOL,                                                               \
         .offset = offsetof(struct gic, reset_nonsecure),                                 \
         .help = "interrupts start as firmware would leave them to a non-secure kernel"}, \
    {                                                                                     \
        .name = "has-virtualization", .type = PROP_BOOL,                                  \
        .offset = offsetof(struct gic, has_virtualization),                               \
        .help = "the virtual cpu interface, for hypervisors"                              \
    }

struct gic_frame {
    struct gic *gic;
    unsigned first, count;
};

static inline struct gic *gic_of(struct dev *d)
{
    return container_of(d, struct gic, dev);
}

/* Where interrupt `id` (below GIC_INTIDS) of this cpu is kept. */
static inline struct gic_bits *gic_bits(struct gic_cpu *c, unsigned id)
{
    return id < 32 ? &c->priv : &c->gic->spi[id / 32];
}

static inline uint8_t *gic_priority(struct gic_cpu *c, unsigned id)
{
    return id < 32 ? &c->priority[id] : &c->gic->priority[id];
}

static inline enum gic_group gic_group_in(const struct gic_bits *b, uint32_t bit)
{
    return b->group & bit ? GIC_G1NS : b->modifier & bit ? GIC_G1S : GIC_G0;
}

static inline uint32_t gic_pending_in(const struct gic_bits *b)
{
    return b->pending | (b->level & ~b->edge);
}

static inline bool gic_exists(const struct gic *g, unsigned id)
{
    return id < g->num_irq;
}

/* Two security states, and this access is from the non-secure one. */
static inline bool gic_two_states(const struct gic *g)
{
    return g->has_security && !g->ds;
}

/* ---- life.c ---- */
int must_check gic_init(struct gic *g, unsigned version, unsigned max_cpus, struct err *e);
void gic_fini(struct gic *g);
void gic_reset(struct gic *g);
int must_check gic_loaded(struct gic *g, struct err *e);
void gic_derive(struct gic *g);
extern const struct state_field gic_state[];

/* ---- dist.c ---- */
struct gic_cpu *gic_cpu_of(struct gic *g, const struct cpu *c); /* NULL: the first */
void gic_view_of(struct gic_cpu *c, struct gic_view *v);

void gic_refresh(struct gic_cpu *c, unsigned id); /* after any bit of interrupt `id` changed */
void gic_refresh_bits(struct gic_cpu *c, unsigned word, uint32_t bits);
void gic_refresh_all(struct gic *g);                      /* after groups or routes changed */
void gic_update(struct gic_cpu *c);                       /* chooses the best, drives the lines */
void gic_route(struct gic *g, unsigned id, unsigned cpu); /* GICv3 */
void gic_target(struct gic *g, unsigned id, uint8_t cpu_mask); /* GICv2 */

uint8_t gic_group_mask(const struct gic_iface *f, enum gic_group group);
unsigned gic_running(const struct gic_iface *f); /* running priority */
bool gic_can_signal(const struct gic_cpu *c);    /* the best one passes mask and running priority */
unsigned gic_acknowledge(
    struct gic_cpu *c); /* the best one becomes active: its INTID (GICv2: with the source) */
void gic_drop(struct gic_iface *f, enum gic_group group);
enum gic_group gic_highest_active(const struct gic_iface *f); /* GIC_GROUPS: none */
void gic_deactivate(struct gic_cpu *c, unsigned id, bool only_group1ns);
void gic_set_lines(struct gic_cpu *c, uint8_t mask, uint8_t lines);
void gic_set_ppi(struct gic_cpu *c, unsigned id, int level);

/* ---- distreg.c: offsets of GICD or of a redistributor's SGI frame (then words = 1) ---- */
bool gic_array_read(struct gic_cpu *c, uint32_t offset, unsigned first_word, unsigned words,
                    bool ns, uint32_t *value);
bool gic_array_write(struct gic_cpu *c, uint32_t offset, unsigned first_word, unsigned words,
                     bool ns, uint32_t value, unsigned size);
uint32_t gic_id_register(uint32_t offset, unsigned version); /* FD0..FFC */
uint8_t gic_priority_view(uint8_t priority, bool ns);
uint8_t gic_priority_store(uint8_t value, bool ns);

/* ---- virt.c ---- */
/* Fields of ICH_LR<n>_EL2, ICH_HCR_EL2 and ICH_VMCR_EL2 (IHI 0069 12.4). */
#define GIC_LR_PENDING (UINT64_C(1) << 62)
#define GIC_LR_ACTIVE  (UINT64_C(1) << 63)
#define GIC_LR_HW      (UINT64_C(1) << 61)
#define GIC_LR_GROUP1  (UINT64_C(1) << 60)
#define GIC_LR_EOI     (UINT64_C(1) << 41)
enum { GIC_HCR_TC = 0x400, GIC_HCR_TALL0 = 0x800, GIC_HCR_TALL1 = 0x1000, GIC_HCR_TDIR = 0x4000 };
enum { GIC_HCR_EN = 1, GIC_HCR_WRITABLE = 0x7cff, GIC_HCR_COUNT_AT = 27 };
enum { GIC_VMCR_ENG0 = 1, GIC_VMCR_ENG1 = 2, GIC_VMCR_ACKCTL = 4, GIC_VMCR_FIQEN = 8 };
enum { GIC_VMCR_CBPR = 0x10, GIC_VMCR_EOIM = 0x200, GIC_VMCR_BPR1_AT = 18, GIC_VMCR_BPR0_AT = 21 };
enum { GIC_VMCR_PMR_AT = 24 };

void gic_virt_update(struct gic_cpu *c); /* virtual lines and maintenance interrupt */
void gic_virt_reset(struct gic_virt *v);
uint32_t gic_virt_misr(const struct gic_virt *v);
uint32_t gic_virt_eisr(const struct gic_virt *v);
uint32_t gic_virt_elrsr(const struct gic_virt *v);
void gic_virt_set_hcr(struct gic_cpu *c, uint32_t value);
void gic_virt_set_vmcr(struct gic_cpu *c, uint32_t value);
void gic_virt_set_lr(struct gic_cpu *c, unsigned n, uint64_t value);
int gic_virt_best(const struct gic_virt *v); /* list register of the best pending one, or -1 */
bool gic_virt_can_signal(const struct gic_virt *v, int lr);
unsigned gic_virt_running(const struct gic_virt *v);
uint64_t gic_virt_acknowledge(struct gic_cpu *c, int lr); /* what the list register was */
/* `source`: cpu of a GICv2 SGI, -1: any. */
void gic_virt_eoi(struct gic_cpu *c, unsigned group, uint32_t id, int source);
void gic_virt_deactivate(struct gic_cpu *c, uint32_t id, int source);
static inline uint8_t gic_lr_priority(uint64_t lr)
{
    return lr >> 48 & GIC_PRIORITY_MASK;
}

/* ---- lpi.c: what a controller without LPIs never calls, but reset, loaded ---- */
void gic_lpi_best(struct gic_cpu *c, unsigned *id, unsigned *priority); /* priority 0x100: none */
bool gic_lpi_valid(const struct gic_cpu *c, uint32_t id);
void gic_lpi_set(struct gic_cpu *c, uint32_t id, bool pending);
void gic_lpi_taken(struct gic_cpu *c, uint32_t id);  /* acknowledged; the caller updates */
void gic_lpi_invalidate(struct gic *g, uint32_t id); /* its configuration changed in memory */
void gic_lpi_invalidate_all(struct gic *g);
void gic_lpi_move(struct gic_cpu *from, struct gic_cpu *to, uint32_t id);
void gic_lpi_move_all(struct gic_cpu *from, struct gic_cpu *to);
void gic_lpi_control(struct gic_cpu *c, bool on); /* GICR_CTLR.EnableLPIs changes */
void gic_lpi_reset(struct gic_cpu *c);
void gic_lpi_loaded(struct gic_cpu *c);

/* ---- registers ---- */
/* System registers as the isa numbers them: op0 << 14 | op1 << 11 | CRn << 7 | CRm << 3 | op2. */
enum gicv3_icc {
    ICC_PMR_EL1 = 0xc230,
    ICC_IAR0_EL1 = 0xc640,
    ICC_EOIR0_EL1,
    ICC_HPPIR0_EL1,
    ICC_BPR0_EL1,
    ICC_AP0R0_EL1,
    ICC_AP1R0_EL1 = 0xc648,
    ICC_DIR_EL1 = 0xc659,
    ICC_RPR_EL1 = 0xc65b,
    ICC_SGI1R_EL1 = 0xc65d,
    ICC_ASGI1R_EL1,
    ICC_SGI0R_EL1,
    ICC_IAR1_EL1 = 0xc660,
    ICC_EOIR1_EL1,
    ICC_HPPIR1_EL1,
    ICC_BPR1_EL1,
    ICC_CTLR_EL1,
    ICC_SRE_EL1,
    ICC_IGRPEN0_EL1,
    ICC_IGRPEN1_EL1,
    ICH_AP0R0_EL2 = 0xe640,
    ICH_AP1R0_EL2 = 0xe648,
    ICC_SRE_EL2 = 0xe64d,
    ICH_HCR_EL2 = 0xe658,
    ICH_VTR_EL2,
    ICH_MISR_EL2,
    ICH_EISR_EL2,
    ICH_ELRSR_EL2 = 0xe65d,
    ICH_VMCR_EL2 = 0xe65f,
    ICH_LR0_EL2 = 0xe660, /* LR15 at + 15 */
    ICC_CTLR_EL3 = 0xf664,
    ICC_SRE_EL3,
    ICC_IGRPEN1_EL3 = 0xf667,
};
extern const struct mem_ops gicv2_dist_ops, gicv2_cpu_ops, gicv2_hyp_ops, gicv2_vcpu_ops;
extern const struct mem_ops gicv3_dist_ops, gicv3_redist_ops;
unsigned gicv3_route_cpu(const struct gic *g, uint64_t irouter);
bool gicv3_icv_read(struct gic_cpu *c, uint32_t reg, const struct gic_view *v, uint64_t *value);
bool gicv3_icv_write(struct gic_cpu *c, uint32_t reg, const struct gic_view *v, uint64_t value);
bool gicv3_ich_read(struct gic_cpu *c, uint32_t reg, uint64_t *value);
bool gicv3_ich_write(struct gic_cpu *c, uint32_t reg, uint64_t value);
bool gicv3_sysreg_read(void *opaque, struct cpu *c, uint32_t reg, uint64_t *value);
bool gicv3_sysreg_write(void *opaque, struct cpu *c, uint32_t reg, uint64_t value);
bool gicv3_sysreg_traps(void *opaque, struct cpu *c, uint32_t reg);

#endif
