/*
 * Real-time clocks: what a board wires.
 *
 * dev_class_pl031: the PrimeCell RTC PL031 (ARM DDI 0224), seconds since 1970. Property `offset`:
 * seconds between the host's time and the guest's at start (-rtc base=...). Registers (4 KB) after
 * dev_realize(). Threads: registers by any vCPU thread; the alarm on the clocks' loop.
 */
#ifndef MYNA_DEV_RTC_H
#define MYNA_DEV_RTC_H

#include "core/dev.h"

extern const struct dev_class dev_class_pl031;

void pl031_set_irq(struct dev *d, struct irq line);
struct mem_region *pl031_region(struct dev *d);

#endif
