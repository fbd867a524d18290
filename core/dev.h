/* Devices: what a guest sees, built from one constant description each.
 *
 * A class is data: name, properties, state, and a few functions. An instance is the class's own
 * struct, whose first member is a struct dev. All live in one ownership tree per machine, which
 * drives reset, save and destruction, parents before children (destruction: children first). CPUs
 * are in it too.
 *
 * The first device of a tree is its root, "/"; children of it are "/NAME", and so on.
 *
 * Life: dev_new (zeroed, property defaults) -> properties -> [board or bus wires irq lines,
 * regions, backends]
 * -> dev_realize -> reset -> use -> dev_free. No inheritance: a PCI device has a struct pci_dev,
 * made by pci/, as a member. Threads: building and resetting happen while vCPUs stand still. reset,
 * destroy and loaded are called without the lock; state is saved and loaded with it. dev->lock is
 * taken by the region dispatch (mem_region_set_lock) and by the device's own callbacks from loops
 * and timers. Nothing a guest does may abort, block or allocate without bound.
 */
#ifndef MYNA_CORE_DEV_H
#define MYNA_CORE_DEV_H

#include "base/list.h"
#include "base/trace.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/mem.h"
#include "core/prop.h"
#include "core/state.h"

struct dev;
struct machine; /* the board that owns it; opaque here */

enum dev_request { DEV_REQUEST_RESET, DEV_REQUEST_POWEROFF, DEV_REQUEST_PANIC };

/* What a device may use of the machine that it is built into. One per machine, outlives all
 * devices. */
struct dev_env {
    struct mem_space *mem; /* DMA goes here */
    struct clocks *clocks;
    struct os_loop *loop; /* main loop; NULL in some tests */
    struct machine *machine;
    /* Asks the machine; any thread. */
    void (*request)(struct machine *m, enum dev_request r);
    /* Backends by id; NULL: none of that id (the caller says so to the user). */
    struct blk *(*find_blk)(struct machine *m, const char *id);
    struct net_port *(*find_net)(struct machine *m, const char *id);
    struct chr *(*find_chr)(struct machine *m, const char *id);
    bool (*running)(struct machine *m);
    /* Other defaults than the class's, for each new device; may be NULL. */
    void (*defaults)(struct machine *m, struct dev *d);
};

struct dev_class {
    const char *name;           /* as -device names it: "virtio-blk-pci" */
    const char *const *aliases; /* NULL or NULL-terminated */
    const char *bus;  /* "system", "pci", "virtio", ... where it plugs in; "" only boards make it */
    const char *help; /* one line */
    size_t size;      /* of the instance struct */
    const struct prop *props;        /* NULL: none */
    const struct state_field *state; /* NULL: none */
    int (*realize)(struct dev *d, struct err *e);
    void (*reset)(struct dev *d);   /* to power-on state; may be called many times */
    void (*destroy)(struct dev *d); /* also after a failed realize */
    int (*loaded)(struct dev *d,
                  struct err *e); /* after state was loaded: check it, recompute the rest */
};

struct dev {
    const struct dev_class *cls;
    char *id;   /* unique in the tree, or NULL */
    char *path; /* stable name in saved state: "/gic", "/pci/03.0" */
    struct dev *parent;
    struct list children, sibling;
    struct dev_env *env;
    struct os_mutex lock;
    bool realized;
};

struct dev *dev_new(const struct dev_class *cls, struct dev *parent,
                    const char *name /* last part of the path */, struct dev_env *env);
int must_check dev_realize(struct dev *d, struct err *e);
void dev_free(struct dev *d);  /* with all below it */
void dev_reset(struct dev *d); /* with all below it, parents first */
struct dev *dev_find(struct dev *root, const char *id_or_path);
void dev_each(struct dev *root, void (*fn)(void *arg, struct dev *d), void *arg);

/* The region is the device's: its accesses hold dev->lock, and traces of it name the device. Before
 * it is placed. */
void dev_own_region(struct dev *d, struct mem_region *r);
/* A trace point of a device. */
#define trace_dev(point, d, ...) trace_at(point, (d)->path, __VA_ARGS__)
/* A guest's mistake with a device: as log_guest(), and says which device. */
void dev_guest(const struct dev *d, const char *fmt, ...) printf_like(2, 3);

/* The whole tree's state; other sections may stand before and after it. Loading resets, then reads
 * and checks all sections before it changes a device; a failed load leaves devices reset. */
int must_check dev_save(struct dev *root, struct state_writer *w, struct err *e);
int must_check dev_load(struct dev *root, struct state_reader *r, struct err *e);

/* Registered classes: generated from dev/list, NULL-terminated. Look-up is by name or alias; NULL.
 */
extern const struct dev_class *const dev_class_registry[];
const struct dev_class *dev_class_find(const char *name);
#endif
