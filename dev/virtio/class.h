/* Private to dev/virtio: the two classes that most device types have, from one description. */
#ifndef MYNA_DEV_VIRTIO_CLASS_H
#define MYNA_DEV_VIRTIO_CLASS_H

#include "dev/virtio/int.h"

/* What both classes of a type share: struct dev_class members. `kind` is the prefix of
 * NAME_realize(). */
#define VIRTIO_CLASS(type, props_table, state_table, realize_fn)                             \
    .size = sizeof(type), .props = props_table, .state = state_table, .realize = realize_fn, \
    .reset = virtio_class_reset, .destroy = virtio_class_destroy, .loaded = virtio_class_loaded

/* static int device_realize(), pci_realize(): both ways for a struct virtio_type. */
#define VIRTIO_REALIZE(type)                                  \
    static int device_realize(struct dev *d, struct err *e)   \
    {                                                         \
        return virtio_device_realize(virtio_of(d), &type, e); \
    }                                                         \
    static int pci_realize(struct dev *d, struct err *e)      \
    {                                                         \
        return virtio_pci_realize(virtio_of(d), &type, e);    \
    }
#endif
