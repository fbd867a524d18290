/* libFuzzer target of the ELF parser: clang -fsanitize=fuzzer,address. The image must keep what
 * elf.h promises. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "linux/elf.h"
#include "linux/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_image image;
    uint64_t at, length;
    struct err e;

    elf_wanted(data, size);
    if (elf_parse(&image, data, size, size, &at, &length, &e) < 0)
        return 0;
    assert(image.low < image.high && image.high <= LX_ADDR_TOP + LX_PAGE_SIZE);
    assert((image.align & (image.align - 1)) == 0);
    for (unsigned i = 0; i < image.nsegments; i++) {
        const struct elf_segment *s = &image.segments[i];

        assert(s->filesz <= s->memsz && s->vaddr >= image.low && s->vaddr + s->memsz <= image.high);
        assert(!s->filesz || s->offset + s->filesz <= size);
        assert(i == 0 || s->vaddr >= image.segments[i - 1].vaddr + image.segments[i - 1].memsz);
    }
    assert(strnlen(image.interp, sizeof(image.interp)) < sizeof(image.interp));
    return 0;
}
