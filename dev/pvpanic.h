/* pvpanic as a board sees it: dev_class_pvpanic makes it, and its register block is placed wherever
 * the device tree says ("qemu,pvpanic-mmio"). No interrupt.
 */
#ifndef MYNA_DEV_PVPANIC_H
#define MYNA_DEV_PVPANIC_H

#include "core/dev.h"

enum { PVPANIC_SIZE = 2 };

extern const struct dev_class dev_class_pvpanic, dev_class_pvpanic_pci;
struct mem_region *pvpanic_region(struct dev *d); /* once realized; the device's */
#endif
