/*
 * Owns the reading and checking of ELF headers. Must not open files nor map memory.
 */
#include "linux/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "linux/map.h"

#ifndef EM_RISCV
#define EM_RISCV 243
#endif

/* Reads fields of either endianness and class, never past the end. */
struct reader {
    const uint8_t *data;
    size_t size;
    bool big, wide;
};

static uint16_t get16(const struct reader *r, size_t at)
{
    if (at + 2 > r->size)
        return 0;
    return r->big ? mem_ld16be(r->data + at) : mem_ld16le(r->data + at);
}

static uint32_t get32(const struct reader *r, size_t at)
{
    if (at + 4 > r->size)
        return 0;
    return r->big ? mem_ld32be(r->data + at) : mem_ld32le(r->data + at);
}

/* A word of the file's class. */
static uint64_t get_word(const struct reader *r, size_t at)
{
    if (!r->wide)
        return get32(r, at);
    if (at + 8 > r->size)
        return 0;
    return r->big ? mem_ld64be(r->data + at) : mem_ld64le(r->data + at);
}

bool elf_identify(const uint8_t *head, size_t size, uint16_t *machine, int *bits, int *big_endian)
{
    if (size < 20 || memcmp(head, ELFMAG, SELFMAG) != 0)
        return false;
    *bits = head[EI_CLASS] == ELFCLASS64 ? 64 : 32;
    *big_endian = head[EI_DATA] == ELFDATA2MSB;
    *machine = *big_endian ? mem_ld16be(head + 18) : mem_ld16le(head + 18);
    return true;
}

const char *elf_machine_name(uint16_t machine, char buf[32])
{
    static const struct {
        uint16_t machine;
        char name[12];
    } names[] = {
        {EM_X86_64, "x86-64"}, {EM_386, "i386"},        {EM_AARCH64, "arm64"}, {EM_ARM, "arm"},
        {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"},     {EM_PPC, "ppc"},       {EM_MIPS, "mips"},
        {EM_SPARC, "sparc"},   {EM_SPARCV9, "sparc64"}, {EM_S390, "s390"},     {258, "loongarch"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].machine == machine)
            return names[i].name;
    snprintf(buf, 32, "ELF machine %u", machine);
    return buf;
}

static struct reader reader_of(const uint8_t *head, size_t size)
{
    return (struct reader){head, size, size > EI_DATA && head[EI_DATA] == ELFDATA2MSB,
                           size > EI_CLASS && head[EI_CLASS] == ELFCLASS64};
}

size_t elf_wanted(const uint8_t *head, size_t size)
{
    struct reader r = reader_of(head, size);
    uint64_t at, bytes;

    if (size < 64 || memcmp(head, ELFMAG, SELFMAG) != 0)
        return 0;
    at = get_word(&r, r.wide ? 32 : 28);
    bytes = (uint64_t)get16(&r, r.wide ? 54 : 42) * get16(&r, r.wide ? 56 : 44);
    if (at > 1u << 20 || at + bytes > 1u << 20)
        return 0;
    return max_of((size_t)64, (size_t)(at + bytes));
}

static int parse_header(struct elf_image *image, const struct reader *r, uint64_t *phoff,
                        struct err *e)
{
    uint16_t type;

    if (r->size < 64 || memcmp(r->data, ELFMAG, SELFMAG) != 0)
        return err_text(e, ENOEXEC, "not an ELF program");
    if ((r->data[EI_CLASS] != ELFCLASS64 && r->data[EI_CLASS] != ELFCLASS32) ||
        (r->data[EI_DATA] != ELFDATA2LSB && r->data[EI_DATA] != ELFDATA2MSB) ||
        r->data[EI_VERSION] != EV_CURRENT)
        return err_text(e, ENOEXEC, "the ELF header is damaged (class, byte order or version)");
    image->bits = r->wide ? 64 : 32;
    image->big_endian = r->big;
    image->machine = get16(r, 18);
    type = get16(r, 16);
    if (type != ET_EXEC && type != ET_DYN)
        return err_text(e, ENOEXEC, "an ELF file, but not a program (%s)",
                        type == ET_REL    ? "an object file: link it first"
                        : type == ET_CORE ? "a core dump"
                                          : "unknown type");
    image->pie = type == ET_DYN;
    image->entry = get_word(r, 24);
    *phoff = get_word(r, r->wide ? 32 : 28);
    image->flags = get32(r, r->wide ? 48 : 36);
    image->phentsize = get16(r, r->wide ? 54 : 42);
    image->phnum = get16(r, r->wide ? 56 : 44);
    if (image->phentsize != (r->wide ? 56u : 32u) || image->phnum == 0)
        return err_text(e, ENOEXEC, "the ELF file has no usable program headers");
    if (*phoff > r->size || (uint64_t)image->phnum * image->phentsize > r->size - *phoff)
        return err_text(e, ENOEXEC, "the ELF file is cut off within its program headers");
    return 0;
}

static int add_segment(struct elf_image *image, const struct elf_segment *s, uint64_t align,
                       uint64_t file_size, struct err *e)
{
    const struct elf_segment *last;

    if (s->memsz == 0)
        return 0;
    if (image->nsegments == ELF_MAX_SEGMENTS)
        return err_text(e, ENOEXEC, "the ELF file has more than %d segments", ELF_MAX_SEGMENTS);
    if (s->filesz > s->memsz)
        return err_text(e, ENOEXEC, "a segment is larger in the file than in memory");
    if (s->vaddr >= LX_ADDR_TOP || s->memsz > LX_ADDR_TOP - s->vaddr)
        return err_text(e, ENOEXEC, "a segment lies outside the address space");
    if (s->filesz && (s->offset > file_size || s->filesz > file_size - s->offset))
        return err_text(e, ENOEXEC, "the file is cut off: it has %llu bytes, a segment needs %llu",
                        (unsigned long long)file_size, (unsigned long long)(s->offset + s->filesz));
    if (s->filesz && ((s->vaddr ^ s->offset) & LX_PAGE_MASK))
        return err_text(e, ENOEXEC, "a segment's address and place in the file do not agree");
    if (image->nsegments > 0) {
        last = &image->segments[image->nsegments - 1];
        if (s->vaddr < last->vaddr + last->memsz)
            return err_text(e, ENOEXEC, "segments overlap or are out of order");
    }
    if (align > image->align && align <= UINT64_C(1) << 32 && (align & (align - 1)) == 0)
        image->align = align;
    image->segments[image->nsegments++] = *s;
    return 0;
}

static int parse_segment(struct elf_image *image, const struct reader *r, size_t at,
                         uint64_t file_size, struct err *e)
{
    uint32_t flags = get32(r, at + (r->wide ? 4 : 24));
    struct elf_segment s = {
        .offset = get_word(r, at + (r->wide ? 8 : 4)),
        .vaddr = get_word(r, at + (r->wide ? 16 : 8)),
        .filesz = get_word(r, at + (r->wide ? 32 : 16)),
        .memsz = get_word(r, at + (r->wide ? 40 : 20)),
        .prot = (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
                (flags & PF_X ? PROT_EXEC : 0),
    };

    return add_segment(image, &s, get_word(r, at + (r->wide ? 48 : 28)), file_size, e);
}

int elf_set_interp(struct elf_image *image, const char *text, size_t size, struct err *e)
{
    if (size < 2 || size > sizeof(image->interp) || text[size - 1] != '\0' ||
        strlen(text) != size - 1)
        return err_text(e, ENOEXEC, "the name of the program's dynamic linker is damaged");
    memcpy(image->interp, text, size);
    return 0;
}

static int parse_interp(struct elf_image *image, const struct reader *r, size_t at,
                        uint64_t file_size, uint64_t *interp_at, uint64_t *interp_size,
                        struct err *e)
{
    uint64_t offset = get_word(r, at + (r->wide ? 8 : 4));
    uint64_t size = get_word(r, at + (r->wide ? 32 : 16));

    if (image->interp[0] || *interp_size)
        return err_text(e, ENOEXEC, "the program names two dynamic linkers");
    if (size < 2 || size > sizeof(image->interp) || offset > file_size || size > file_size - offset)
        return err_text(e, ENOEXEC, "the name of the program's dynamic linker is damaged");
    if (offset > r->size || size > r->size - offset) {
        *interp_at = offset;
        *interp_size = size;
        return 0;
    }
    return elf_set_interp(image, (const char *)r->data + offset, size, e);
}

/* The hull, and where in it the program headers are. */
static int finish(struct elf_image *image, uint64_t phoff, struct err *e)
{
    const struct elf_segment *last;
    bool entry_ok = false;

    if (image->nsegments == 0)
        return err_text(e, ENOEXEC, "the ELF file has nothing to load");
    last = &image->segments[image->nsegments - 1];
    image->low = image->segments[0].vaddr & ~LX_PAGE_MASK;
    image->high = (last->vaddr + last->memsz + LX_PAGE_MASK) & ~LX_PAGE_MASK;
    for (unsigned i = 0; i < image->nsegments; i++) {
        const struct elf_segment *s = &image->segments[i];
        uint64_t size = (uint64_t)image->phnum * image->phentsize;

        if (!image->phdr_vaddr && s->offset <= phoff && phoff - s->offset < s->filesz &&
            size <= s->filesz - (phoff - s->offset))
            image->phdr_vaddr = s->vaddr + (phoff - s->offset);
        if (image->entry - s->vaddr < s->memsz)
            entry_ok = true;
    }
    /* A shared library has no entry; the kernel starts it at address 0 and it dies there. */
    if (!entry_ok && image->entry != 0)
        return err_text(e, ENOEXEC, "the program's entry point lies outside of it");
    return 0;
}

int elf_parse(struct elf_image *image, const uint8_t *head, size_t size, uint64_t file_size,
              uint64_t *interp_at, uint64_t *interp_size, struct err *e)
{
    struct reader r = reader_of(head, size);
    uint64_t phoff = 0;
    int ret;

    memset(image, 0, sizeof(*image));
    image->align = LX_PAGE_SIZE;
    *interp_at = *interp_size = 0;
    ret = parse_header(image, &r, &phoff, e);
    for (unsigned i = 0; i < image->phnum && ret == 0; i++) {
        size_t at = (size_t)phoff + (size_t)i * image->phentsize;

        switch (get32(&r, at)) {
        case PT_LOAD:
            ret = parse_segment(image, &r, at, file_size, e);
            break;
        case PT_INTERP:
            ret = parse_interp(image, &r, at, file_size, interp_at, interp_size, e);
            break;
        case PT_GNU_STACK:
            image->exec_stack = get32(&r, at + (r.wide ? 4 : 24)) & PF_X;
            break;
        default:
            break;
        }
    }
    return ret ? ret : finish(image, phoff, e);
}
