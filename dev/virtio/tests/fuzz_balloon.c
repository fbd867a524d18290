/* Fuzz target of virtio-balloon, on both transports. */
#include "setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    devkit_fuzz(size && data[0] & 1 ? setup_balloon_pci : setup_balloon_mmio, data, size);
    return 0;
}
