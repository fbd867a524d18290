/*
 * The ITS: its.c has registers and the device, its_table.c the tables in guest memory, its_cmd.c
 * the commands. All with its->dev.lock held. What touches the controller takes its lock below that.
 */
#ifndef MYNA_DEV_GIC_ITS_INT_H
#define MYNA_DEV_GIC_ITS_INT_H

#include "dev/gic/gic_int.h"
#include "os/loop.h"

enum { ITS_DEVICES, ITS_COLLECTIONS, ITS_TABLES };
enum { ITS_EVENT_BITS = 16, ITS_DEVICE_BITS = 16, ITS_COLLECTION_BITS = 16, ITS_ENTRY = 8 };
enum { ITS_CACHE = 256 };

/* A translation that was looked up. */
struct its_hit {
    uint32_t device, event;
    uint32_t lpi;
    uint16_t cpu;
    bool valid;
};

struct its {
    struct dev dev;
    struct dev *controller;
    struct mem_region *region;

    uint32_t ctlr;
    uint64_t cbaser, cwriter, creadr;
    uint64_t baser[ITS_TABLES];

    struct os_task task;             /* the rest of a long queue of commands */
    struct its_hit cache[ITS_CACHE]; /* emptied by every command that changes a table */
};

static inline struct gic *its_gic(const struct its *t)
{
    return gic_of(t->controller);
}

/* Entries, decoded. How they lie in memory is our own business (IHI 0069 5.2). */
struct its_device {
    uint64_t itt;
    unsigned event_bits;
};
struct its_event {
    uint32_t lpi;
    uint16_t collection;
};

/* Reading: false: not mapped, or the tables do not reach there. Writing: false: no such place. NULL
 * unmaps. */
bool its_get_device(struct its *t, uint32_t id, struct its_device *d);
bool its_put_device(struct its *t, uint32_t id, const struct its_device *d);
bool its_get_collection(struct its *t, uint32_t id, unsigned *cpu);
bool its_put_collection(struct its *t, uint32_t id, const unsigned *cpu);
bool its_get_event(struct its *t, uint32_t device, uint32_t event, struct its_event *v);
bool its_put_event(struct its *t, uint32_t device, uint32_t event, const struct its_event *v);
/* Device and event to LPI and cpu. */
bool its_translate(struct its *t, uint32_t device, uint32_t event, struct its_hit *hit);
void its_forget(struct its *t);

/* Executes what stands between CREADR and CWRITER, or much of it; the task and reads of CREADR go
 * on. */
void its_run(struct its *t);

#endif
