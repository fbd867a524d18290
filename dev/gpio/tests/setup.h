/* The PL061 in the test kit, with a key on line 3; outputs are lines 8 to 15 of the kit. */
#ifndef MYNA_DEV_GPIO_TESTS_SETUP_H
#define MYNA_DEV_GPIO_TESTS_SETUP_H

#include "dev/gpio.h"
#include "dev/testkit.h"

static inline void gpio_outside(struct devkit *kit, uint64_t random)
{
    struct irq line = pl061_input(kit->dev, random & 7);

    if (random & 0x30)
        irq_set(&line, random >> 8 & 1);
    else
        gpio_key_press(kit->user);
}

static inline int setup(struct devkit *kit, struct err *e)
{
    struct dev *key;
    int rc;

    kit->dev = dev_new(&dev_class_pl061, kit->root, "gpio", &kit->env);
    kit->user = key = dev_new(&dev_class_gpio_key, kit->root, "key", &kit->env);
    kit->outside = gpio_outside;
    pl061_set_irq(kit->dev, devkit_irq(kit, 0));
    for (unsigned i = 0; i < PL061_LINES; i++)
        pl061_set_output(kit->dev, i, devkit_irq(kit, 8 + i));
    rc = dev_realize(kit->dev, e);
    if (!rc) {
        gpio_key_set_output(key, pl061_input(kit->dev, 3));
        rc = dev_realize(key, e);
    }
    if (!rc)
        devkit_place(kit, pl061_region(kit->dev));
    return rc;
}

#endif
