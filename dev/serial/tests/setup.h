/* The PL011 in the test kit, with a backend of the test's own: what it is given is kept, and taken
 * as slowly as `takes` says. */
#ifndef MYNA_DEV_SERIAL_TESTS_SETUP_H
#define MYNA_DEV_SERIAL_TESTS_SETUP_H

#include <stdlib.h>

#include "base/mem.h"
#include "chr/chr.h"
#include "dev/serial.h"
#include "dev/testkit.h"

/* Stands for the backend; its functions are in backend.c. */
struct chr {
    const struct chr_ops *ops;
    void *opaque;
    uint8_t got[16384];
    size_t size;
    size_t takes; /* bytes that it takes at once */
    unsigned ready;
};

static inline void serial_outside(struct devkit *kit, uint64_t random)
{
    struct chr *c = kit->user;
    uint8_t bytes[8];
    size_t n = c->ops->can_receive(c->opaque);

    mem_st64le(bytes, random);
    if (random % 8 == 0)
        c->ops->event(c->opaque, CHR_BREAK);
    else if (n)
        c->ops->receive(c->opaque, bytes, n < random % 8 ? n : random % 8);
    if (random & 0x100)
        c->ops->writable(c->opaque);
}

static inline void serial_teardown(struct devkit *kit)
{
    free(kit->user);
}

static inline int setup(struct devkit *kit, struct err *e)
{
    struct chr *c = mem_new(struct chr);
    json_t *id = json_string("c0");
    int rc;

    c->takes = SIZE_MAX;
    kit->user = c;
    kit->teardown = serial_teardown;
    kit->outside = serial_outside;
    devkit_backend(kit, 'c', "c0", c);
    kit->dev = dev_new(&dev_class_pl011, kit->root, "uart", &kit->env);
    rc = prop_set(prop_find(dev_class_pl011.props, "chardev"), kit->dev, id, "pl011", e);
    json_decref(id);
    pl011_set_irq(kit->dev, devkit_irq(kit, 0));
    if (!rc)
        rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, pl011_region(kit->dev));
    return rc;
}

#endif
