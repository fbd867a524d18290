/* A pvpanic in the test kit, for its tests and its fuzz target. */
#ifndef MYNA_DEV_PVPANIC_TESTS_SETUP_H
#define MYNA_DEV_PVPANIC_TESTS_SETUP_H

#include "dev/pvpanic.h"
#include "dev/testkit.h"

static inline int setup(struct devkit *kit, struct err *e)
{
    int rc;

    kit->dev = dev_new(&dev_class_pvpanic, kit->root, "pvpanic", &kit->env);
    rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, pvpanic_region(kit->dev));
    return rc;
}
#endif
