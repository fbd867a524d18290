/* The ELF parser on good and broken files: every error is an error, nothing is read past the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "linux/elf.h"

struct file {
    union {
        uint8_t bytes[8192];
        Elf64_Ehdr eh;
    };
    size_t size;
};

static Elf64_Phdr *phdr(struct file *f, int i)
{
    return (Elf64_Phdr *)(void *)(f->bytes + sizeof(Elf64_Ehdr)) + i;
}

/* A program of two segments with an interpreter. */
static void make(struct file *f)
{
    memset(f, 0, sizeof(*f));
    f->size = sizeof(f->bytes);
    memcpy(f->eh.e_ident, "\177ELF\2\1\1", 7);
    f->eh.e_type = ET_EXEC;
    f->eh.e_machine = EM_AARCH64;
    f->eh.e_version = 1;
    f->eh.e_entry = 0x400100;
    f->eh.e_phoff = sizeof(Elf64_Ehdr);
    f->eh.e_phentsize = sizeof(Elf64_Phdr);
    f->eh.e_phnum = 3;
    *phdr(f, 0) = (Elf64_Phdr){PT_INTERP, PF_R, 0x200, 0x400200, 0, 7, 7, 1};
    *phdr(f, 1) = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, 0, 0x400000, 0, 0x1000, 0x1000, 0x1000};
    *phdr(f, 2) = (Elf64_Phdr){PT_LOAD, PF_R | PF_W, 0x1010, 0x402010, 0, 0x100, 0x5000, 0x10000};
    memcpy(f->bytes + 0x200, "/ld.so", 7);
}

static int parse(struct file *f, struct elf_image *image, struct err *e)
{
    uint64_t at, size;

    return elf_parse(image, f->bytes, f->size, f->size, &at, &size, e);
}

static void good(void **state)
{
    struct elf_image image;
    struct file f;
    struct err e;

    (void)state;
    make(&f);
    assert_int_equal(parse(&f, &image, &e), 0);
    assert_int_equal(image.nsegments, 2);
    assert_int_equal(image.low, 0x400000);
    assert_int_equal(image.high, 0x408000);
    assert_int_equal(image.align, 0x10000);
    assert_int_equal(image.phdr_vaddr, 0x400040);
    assert_string_equal(image.interp, "/ld.so");
    assert_false(image.pie);
    assert_int_equal(elf_wanted(f.bytes, 64), 64 + 3 * 56);
}

static void must_fail(struct file *f, const char *why)
{
    struct elf_image image;
    struct err e = {0};
    int ret = parse(f, &image, &e);

    assert_int_equal(ret, -ENOEXEC);
    if (!strstr(e.text, why))
        fail_msg("'%s' does not say '%s'", e.text, why);
}

#define BROKEN(change, why) \
    do {                    \
        make(&f);           \
        change;             \
        must_fail(&f, why); \
    } while (0)

static void broken(void **state)
{
    struct file f;

    (void)state;
    BROKEN(f.bytes[0] = 'x', "not an ELF");
    BROKEN(f.bytes[4] = 9, "damaged");
    BROKEN(f.bytes[5] = 0, "damaged");
    BROKEN(f.size = 63, "not an ELF");
    BROKEN(f.eh.e_type = ET_REL, "object file");
    BROKEN(f.eh.e_type = ET_CORE, "core dump");
    BROKEN(f.eh.e_phentsize = 32, "program headers");
    BROKEN(f.eh.e_phnum = 0, "program headers");
    BROKEN(f.eh.e_phoff = UINT64_MAX - 8, "cut off");
    BROKEN(f.eh.e_phoff = 8190, "cut off");
    BROKEN(f.eh.e_phnum = 0xffff, "cut off");
    BROKEN(phdr(&f, 1)->p_filesz = 0x2000, "larger in the file");
    BROKEN(phdr(&f, 2)->p_offset = 0x10010, "cut off");
    BROKEN(phdr(&f, 2)->p_offset = UINT64_MAX - 0xfef, "cut off");
    BROKEN(phdr(&f, 2)->p_vaddr = 0x402020, "do not agree");
    BROKEN(phdr(&f, 2)->p_vaddr = 0x400010, "overlap");
    BROKEN(phdr(&f, 2)->p_vaddr = 0x7ffffffff010, "outside");
    BROKEN(phdr(&f, 2)->p_memsz = UINT64_MAX, "outside");
    BROKEN(phdr(&f, 1)->p_type = phdr(&f, 2)->p_type = PT_NULL, "nothing to load");
    BROKEN(f.eh.e_entry = 0x900000, "entry point");
    BROKEN(phdr(&f, 0)->p_filesz = 1, "dynamic linker");
    BROKEN(phdr(&f, 0)->p_filesz = 600, "dynamic linker");
    BROKEN(f.bytes[0x206] = 'x', "dynamic linker");
    BROKEN(f.bytes[0x203] = 0, "dynamic linker");
    BROKEN(phdr(&f, 1)->p_type = PT_INTERP; phdr(&f, 1)->p_filesz = 7;
           phdr(&f, 1)->p_offset = 0x200, "two dynamic linkers");
}

/* Each byte of the headers set to each of some values: an error or an image, never a crash. */
static void bent(void **state)
{
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    struct elf_image image;
    struct file f;
    struct err e;

    (void)state;
    for (size_t at = 0; at < 64 + 3 * 56; at++) {
        for (size_t i = 0; i < sizeof(values); i++) {
            make(&f);
            f.bytes[at] = values[i];
            elf_wanted(f.bytes, f.size);
            if (parse(&f, &image, &e) == 0)
                assert_true(image.low < image.high);
        }
    }
    for (size_t size = 0; size < 300; size++) {
        make(&f);
        f.size = size;
        assert_true(parse(&f, &image, &e) < 0);
    }
}

static void identify(void **state)
{
    static const uint8_t be[20] = {0x7f, 'E', 'L', 'F', 1, 2, [18] = 0, [19] = 20};
    uint16_t machine;
    int bits, big;
    char buf[32];

    (void)state;
    assert_true(elf_identify(be, 20, &machine, &bits, &big));
    assert_int_equal(machine, EM_PPC);
    assert_int_equal(bits, 32);
    assert_true(big);
    assert_false(elf_identify(be, 19, &machine, &bits, &big));
    assert_string_equal(elf_machine_name(183, buf), "arm64");
    assert_string_equal(elf_machine_name(9999, buf), "ELF machine 9999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(broken),
        cmocka_unit_test(bent),
        cmocka_unit_test(identify),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
