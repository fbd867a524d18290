/* Fuzz target of virtio-9p, on both transports. */
#include "setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    devkit_fuzz(size && data[0] & 1 ? setup_9p_pci : setup_9p_mmio, data, size);
    return 0;
}
