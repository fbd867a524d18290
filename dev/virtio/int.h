/* Private to dev/virtio: what the core and the transports ask of each other. */
#ifndef MYNA_DEV_VIRTIO_INT_H
#define MYNA_DEV_VIRTIO_INT_H

#include <errno.h>

#include "base/bits.h"
#include "base/mem.h"
#include "dev/virtio.h"

int virtio_core_realize(struct virtio *v, const struct virtio_type *t, struct err *e);

void virtio_mmio_unplug(struct virtio *v); /* harmless when it is not in a slot */

void virtio_pci_reset(struct virtio *v); /* locked */
void virtio_pci_gone(struct virtio *v);  /* harmless when it is not on PCI */
int virtio_pci_loaded(struct virtio *v, struct err *e);
#endif
