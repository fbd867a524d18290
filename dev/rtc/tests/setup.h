/* The PL031 in the test kit. */
#ifndef MYNA_DEV_RTC_TESTS_SETUP_H
#define MYNA_DEV_RTC_TESTS_SETUP_H

#include "dev/rtc.h"
#include "dev/testkit.h"

static inline int setup(struct devkit *kit, struct err *e)
{
    int rc;

    kit->dev = dev_new(&dev_class_pl031, kit->root, "rtc", &kit->env);
    pl031_set_irq(kit->dev, devkit_irq(kit, 0));
    rc = dev_realize(kit->dev, e);
    if (!rc)
        devkit_place(kit, pl031_region(kit->dev));
    return rc;
}

#endif
