/* Fuzz target of virtio-rng, on both transports. */
#include "setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    devkit_fuzz(size && data[0] & 1 ? setup_rng_pci : setup_rng_mmio, data, size);
    return 0;
}
