/*
 * General-purpose lines: what a board wires.
 *
 * dev_class_pl061: the PrimeCell GPIO PL061 (ARM DDI 0190), eight lines. dev_class_gpio_key: a key
 * on such a line; pressing it raises its line for a tenth of a second (the power button of the
 * board `virt`). Threads: registers by any vCPU thread; inputs and gpio_key_press() by any thread.
 */
#ifndef MYNA_DEV_GPIO_H
#define MYNA_DEV_GPIO_H

#include "core/dev.h"

extern const struct dev_class dev_class_pl061;
extern const struct dev_class dev_class_gpio_key;

enum { PL061_LINES = 8 };
void pl061_set_irq(struct dev *d, struct irq line);
struct irq pl061_input(struct dev *d, unsigned line);
void pl061_set_output(struct dev *d, unsigned line, struct irq to);
struct mem_region *pl061_region(struct dev *d); /* 4 KB; after dev_realize() */

void gpio_key_set_output(struct dev *d, struct irq to);
void gpio_key_press(struct dev *d);

#endif
