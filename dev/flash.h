/*
 * Parallel NOR flash: what a board wires.
 *
 * dev_class_cfi_flash: a bank of two 16-bit chips side by side (32 bits wide) with Intel's command
 * set and CFI tables. Properties: `size` of the bank (64 MB), `drive` whose image it holds. An
 * image may be smaller than the bank; the rest is erased, and is read-only when the image is.
 * Without a drive it starts as zeroes and forgets. What the guest programs reaches the image soon
 * after (by the loop), and at the latest when the device goes.
 *
 * After dev_realize() the board places the region: RAM to read, a device to write.
 * Threads: registers by any vCPU thread; the drive on the loop.
 */
#ifndef MYNA_DEV_FLASH_H
#define MYNA_DEV_FLASH_H

#include "core/dev.h"

struct blk;

extern const struct dev_class dev_class_cfi_flash;

/* A drive without a name, in place of the property. Before dev_realize(); borrowed. */
void cfi_flash_set_blk(struct dev *d, struct blk *b);
struct mem_region *cfi_flash_region(struct dev *d);
/* Contents for a bank without a drive (firmware given as a file). After dev_realize(); not more
 * than the size. */
int must_check cfi_flash_load(struct dev *d, const void *data, size_t size, struct err *e);

#endif
