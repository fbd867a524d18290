/*
 * Reading an ELF program file: what is in it, checked before anything is mapped.
 *
 * elf_parse() works on bytes alone and is the target of a fuzzer: whatever the bytes are, it gives
 * an error in words or an image whose segments are in order, disjoint, page-congruent and inside
 * the address space. Source: System V ABI, chapter 5; Linux's treatment where the ABI is silent.
 */
#ifndef MYNA_LINUX_ELF_H
#define MYNA_LINUX_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ELF_MAX_SEGMENTS = 64, ELF_INTERP_MAX = 512 };

struct elf_segment {
    uint64_t vaddr, memsz; /* as in the file, not rounded */
    uint64_t offset, filesz;
    uint32_t prot; /* PROT_* */
};

struct elf_image {
    uint16_t machine;
    uint8_t bits; /* 32 or 64 */
    uint8_t big_endian;
    bool pie; /* ET_DYN: may be loaded anywhere */
    bool exec_stack;
    uint64_t entry;
    uint64_t low, high;  /* hull of the segments, rounded to pages */
    uint64_t align;      /* of the hull, a power of two */
    uint64_t phdr_vaddr; /* where the program headers are in memory; 0: nowhere */
    uint32_t phnum, phentsize;
    uint32_t flags; /* e_flags */
    unsigned nsegments;
    struct elf_segment segments[ELF_MAX_SEGMENTS];
    char interp[ELF_INTERP_MAX]; /* empty: none */
};

/* What an ELF header's first 20 bytes say; false: it is not ELF. */
bool elf_identify(const uint8_t *head, size_t size, uint16_t *machine, int *bits, int *big_endian);

/* How many bytes from the file's start elf_parse() wants to see, given at least the first 64;
 * 0: that cannot be told. No more than 1 MB. */
size_t elf_wanted(const uint8_t *head, size_t size);

/* Fills the image from the file's first `size` bytes; the interpreter's name may lie behind them,
 * then image->interp is empty and *interp_at, *interp_size say where (otherwise *interp_size is 0).
 */
int elf_parse(struct elf_image *image, const uint8_t *head, size_t size, uint64_t file_size,
              uint64_t *interp_at, uint64_t *interp_size, struct err *e) must_check;

/* Checks a name read from there and puts it into the image. */
int elf_set_interp(struct elf_image *image, const char *text, size_t size,
                   struct err *e) must_check;

/* The usual name of a machine number, "unknown machine 7" style in buf otherwise. */
const char *elf_machine_name(uint16_t machine, char buf[32]);

#endif
