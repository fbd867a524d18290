/*
 * Serial ports: what a board wires.
 *
 * dev_class_pl011: the PrimeCell UART PL011 (ARM DDI 0183, r1p5: FIFOs of 32). Property `chardev`
 * names its backend; without one output is dropped. After dev_realize() the board takes the
 * registers (4 KB) and places them; the interrupt is set before. Threads: registers by any vCPU
 * thread, under dev->lock; the backend's calls on the loop.
 */
#ifndef MYNA_DEV_SERIAL_H
#define MYNA_DEV_SERIAL_H

#include "core/dev.h"

struct chr;

extern const struct dev_class dev_class_pl011;

/* The combined interrupt, UARTINTR. */
void pl011_set_irq(struct dev *d, struct irq line);
/* A backend without a name, in place of the property. Before dev_realize(); borrowed. */
void pl011_set_chr(struct dev *d, struct chr *c);
struct mem_region *pl011_region(struct dev *d);

#endif
