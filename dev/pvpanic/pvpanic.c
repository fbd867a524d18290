/* pvpanic: one byte by which a guest's kernel says that it has panicked.
 *
 * Owns the register. What the machine then does (pause, reset, quit) is the machine's. Register:
 * Linux include/uapi/misc/pvpanic.h; a read gives the events that are understood, a write tells
 * some.
 */
#include "dev/pvpanic.h"
#include "base/log.h"

enum { PANICKED = 1, CRASH_LOADED = 2, SHUTDOWN = 4, ALL = 7 };

struct pvpanic {
    struct dev dev;
    uint8_t events; /* property */
    struct mem_region *region;
    uint8_t
        told; /* events since the last reset: each is passed on once, however often it is written */
};

static struct pvpanic *pvpanic_of(struct dev *d)
{
    return container_of(d, struct pvpanic, dev);
}

static uint64_t reg_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)size;
    return offset == 0 ? ((struct pvpanic *)opaque)->events : 0;
}

static void reg_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pvpanic *p = opaque;
    struct dev_env *env = p->dev.env;
    uint8_t fresh = (uint8_t)value & p->events & ~p->told;

    (void)size;
    if (offset || !fresh)
        return;
    p->told |= fresh;
    if (fresh & CRASH_LOADED)
        log_guest("the guest's kernel has crashed and runs its crash kernel");
    if (fresh & PANICKED)
        env->request(env->machine, DEV_REQUEST_PANIC);
    else if (fresh & SHUTDOWN)
        env->request(env->machine, DEV_REQUEST_POWEROFF);
}

static const struct mem_ops reg_ops = {.read = reg_read, .write = reg_write, .max_size = 1};

static int realize(struct dev *d, struct err *e)
{
    struct pvpanic *p = pvpanic_of(d);

    (void)e;
    p->region = mem_region_io("pvpanic", PVPANIC_SIZE, &reg_ops, p);
    mem_region_set_lock(p->region, &d->lock);
    return 0;
}

static void reset(struct dev *d)
{
    os_mutex_lock(&d->lock);
    pvpanic_of(d)->told = 0;
    os_mutex_unlock(&d->lock);
}

static void destroy(struct dev *d)
{
    mem_region_free(pvpanic_of(d)->region);
}

static const struct prop props[] = {
    {.name = "events",
     .type = PROP_U8,
     .offset = offsetof(struct pvpanic, events),
     .def = ALL,
     .max = ALL,
     .help = "what is passed on: 1 panics, 2 crash kernels, 4 shutdowns, or their sum"},
    {0},
};

static const struct state_field state[] = {
    STATE_FIELD(STATE_U8, struct pvpanic, told),
    STATE_END,
};

const struct dev_class dev_class_pvpanic = {
    .name = "pvpanic",
    .bus = "",
    .help = "tells that the guest's kernel has panicked",
    .size = sizeof(struct pvpanic),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .destroy = destroy,
};

struct mem_region *pvpanic_region(struct dev *d)
{
    return pvpanic_of(d)->region;
}
