/* Every virtio device in the test kit of devices, for conformance and fuzzing: with fake backends,
 * and as outside event a driver that is half right. */
#ifndef MYNA_DEV_VIRTIO_TESTS_SETUP_H
#define MYNA_DEV_VIRTIO_TESTS_SETUP_H

#include "dev/testkit.h"

/* One a class; NAME_mmio and NAME_pci. */
#define SETUPS(X) X(blk) X(net) X(rng) X(balloon) X(serial) X(9p)
#define DECLARE(name)                                           \
    int setup_##name##_mmio(struct devkit *kit, struct err *e); \
    int setup_##name##_pci(struct devkit *kit, struct err *e);  \
    extern const struct dev_class dev_class_virtio_##name##_device, dev_class_virtio_##name##_pci;
SETUPS(DECLARE)
#undef DECLARE
#endif
