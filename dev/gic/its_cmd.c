/*
 * The ITS's commands (IHI 0069 5.3): four 64-bit words each, in a ring in guest memory. A command
 * that makes no sense is skipped, with a line in the log; the ring never stalls.
 */
#include "dev/gic/its_int.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/trace.h"
#include "dev/gic/trace.def"

enum opcode {
    MOVI = 0x01,
    INT = 0x03,
    CLEAR = 0x04,
    SYNC = 0x05,
    MAPD = 0x08,
    MAPC = 0x09,
    MAPTI = 0x0a,
    MAPI = 0x0b,
    INV = 0x0c,
    INVALL = 0x0d,
    MOVALL = 0x0e,
    DISCARD = 0x0f,
};
enum { COMMAND = 32, CTLR_ENABLED = 1 };
/* How much is done at once, in units of a simple command; the loop goes on with the rest. */
enum { BUDGET = 20000, COST_ALL = 1000 };
#define VALID         (UINT64_C(1) << 63)
#define QUEUE_ADDRESS UINT64_C(0x000ffffffffff000)
#define ITT_ADDRESS   UINT64_C(0x000fffffffffff00)

static struct gic_cpu *cpu_at(struct its *t, unsigned index)
{
    return index < its_gic(t)->ncpus ? &its_gic(t)->cpus[index] : NULL;
}

static bool do_mapd(struct its *t, const uint64_t *w)
{
    struct its_device d = {.itt = w[2] & ITT_ADDRESS, .event_bits = (unsigned)(w[1] & 0x1f) + 1};

    if (!(w[2] & VALID))
        return its_put_device(t, (uint32_t)(w[0] >> 32), NULL);
    return d.event_bits <= ITS_EVENT_BITS && its_put_device(t, (uint32_t)(w[0] >> 32), &d);
}

static bool do_mapc(struct its *t, const uint64_t *w)
{
    unsigned cpu = (unsigned)bits_extract64(w[2], 16, 35);

    if (!(w[2] & VALID))
        return its_put_collection(t, w[2] & 0xffff, NULL);
    return bits_extract64(w[2], 16, 35) < its_gic(t)->ncpus &&
           its_put_collection(t, w[2] & 0xffff, &cpu);
}

static bool do_mapti(struct its *t, const uint64_t *w, bool same)
{
    uint32_t event = (uint32_t)w[1];
    struct its_event e = {.lpi = same ? event : (uint32_t)(w[1] >> 32),
                          .collection = w[2] & 0xffff};

    return e.lpi >= GIC_LPI_FIRST && e.lpi < GIC_LPI_END &&
           its_put_event(t, (uint32_t)(w[0] >> 32), event, &e);
}

/* Another collection for an event; what is pending goes with it. */
static bool do_movi(struct its *t, const uint64_t *w)
{
    uint32_t device = (uint32_t)(w[0] >> 32), event = (uint32_t)w[1];
    struct its_event e;
    unsigned from, to;

    if (!its_get_event(t, device, event, &e) || !its_get_collection(t, e.collection, &from) ||
        !its_get_collection(t, w[2] & 0xffff, &to))
        return false;
    e.collection = w[2] & 0xffff;
    if (!its_put_event(t, device, event, &e))
        return false;
    gic_lpi_move(cpu_at(t, from), cpu_at(t, to), e.lpi);
    return true;
}

static bool do_movall(struct its *t, const uint64_t *w)
{
    struct gic_cpu *from = cpu_at(t, (unsigned)bits_extract64(w[2], 16, 35));
    struct gic_cpu *to = cpu_at(t, (unsigned)bits_extract64(w[3], 16, 35));

    if (!from || !to)
        return false;
    gic_lpi_move_all(from, to);
    return true;
}

/* INT, CLEAR, DISCARD, INV: commands on one event. */
static bool do_event(struct its *t, enum opcode op, const uint64_t *w)
{
    uint32_t device = (uint32_t)(w[0] >> 32), event = (uint32_t)w[1];
    struct its_hit hit;

    if (!its_translate(t, device, event, &hit))
        return false;
    if (op == INV) {
        gic_lpi_invalidate(its_gic(t), hit.lpi);
        return true;
    }
    gic_lpi_set(cpu_at(t, hit.cpu), hit.lpi, op == INT);
    return op != DISCARD || its_put_event(t, device, event, NULL);
}

static bool execute(struct its *t, const uint64_t *w)
{
    unsigned cpu;

    switch ((enum opcode)(w[0] & 0xff)) {
    case MAPD:
        return do_mapd(t, w);
    case MAPC:
        return do_mapc(t, w);
    case MAPTI:
        return do_mapti(t, w, false);
    case MAPI:
        return do_mapti(t, w, true);
    case MOVI:
        return do_movi(t, w);
    case MOVALL:
        return do_movall(t, w);
    case INT:
    case CLEAR:
    case DISCARD:
    case INV:
        return do_event(t, (enum opcode)(w[0] & 0xff), w);
    case INVALL:
        if (!its_get_collection(t, w[2] & 0xffff, &cpu))
            return false;
        gic_lpi_invalidate_all(its_gic(t));
        return true;
    case SYNC: /* every command is done when its turn is over */
        return true;
    }
    return false;
}

void its_run(struct its *t)
{
    uint64_t size = ((t->cbaser & 0xff) + 1) << 12, base = t->cbaser & QUEUE_ADDRESS;
    struct gic *g = its_gic(t);
    int budget = BUDGET;

    if (!(t->ctlr & CTLR_ENABLED) || !(t->cbaser & VALID) || t->cwriter >= size)
        return;
    while (t->creadr != t->cwriter) {
        size_t n = COMMAND;
        const uint8_t *p = mem_dma_map(t->dev.env->mem, base + t->creadr, &n, false);
        uint64_t w[4] = {0};
        bool good;

        if (budget < 0) {
            if (t->dev.env->loop)
                os_loop_post(t->dev.env->loop, &t->task);
            return;
        }

        for (unsigned i = 0; p && n >= COMMAND && i < 4; i++)
            w[i] = mem_ld64le(p + 8 * i);
        budget -= (w[0] & 0xff) == INVALL || (w[0] & 0xff) == MOVALL ? COST_ALL : 1;
        os_mutex_lock(&g->dev.lock);
        good = execute(t, w);
        os_mutex_unlock(&g->dev.lock);
        trace_dev(its_command, &t->dev, "%#llx %#llx %#llx %#llx%s", (unsigned long long)w[0],
                  (unsigned long long)w[1], (unsigned long long)w[2], (unsigned long long)w[3],
                  good ? "" : ": no effect");
        if (!good)
            dev_guest(&t->dev, "command %#llx %#llx %#llx has no effect", (unsigned long long)w[0],
                      (unsigned long long)w[1], (unsigned long long)w[2]);
        t->creadr += COMMAND;
        if (t->creadr >= size)
            t->creadr = 0;
    }
}
